"""What others say, each value with its conditions, beside what was measured under like conditions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.tables import QUALITY, measured
from samara.measurement.published.figures import FINETUNING_FIGURES, Figure, published_for
from samara.measurement.published.guide_claims import (
    FULLY_SUPERVISED,
    GUIDE,
    STATEMENTS,
    Claim,
    GuideStatement,
    claims_for,
)
from samara.measurement.published.record import PUBLISHED_METRICS
from samara.measurement.published.sources import SOURCES
from samara.measurement.reporting.beside import PublishedValues
from samara.measurement.reporting.quantities import NOTHING, quantity_range
from samara.measurement.reporting.table import Cell, Row, Table

SUPERVISED = "fully supervised, as the guide says"
CLAIMS, PUBLISHED, ZERO_SHOT = "claims", "published", "zero-shot"
"""Names of the tables."""


def published_names(comparison: Comparison) -> list[str]:
    """Return the catalogue names of the contenders that others write about."""
    return list(dict.fromkeys(one.published_as for one in comparison.contenders if one.published_as))


def zero_shot(comparison: Comparison) -> Table:
    """Return a table of quality by kind of images, beside the guide's ranges for each and for supervised networks."""
    domains = [*comparison.domains, *(domain for domain in FULLY_SUPERVISED if domain not in comparison.domains)]
    domains = [domain for domain in domains if domain in comparison.domains or _is_claimed(comparison, domain)]
    titles = ("centre click, IoU", "box, IoU", "guide, IoU")
    rows = []
    for one in comparison.contenders:
        cells: list[Cell] = []
        for domain in domains:
            click, box = (measured(one, metric, domain=domain) for metric in QUALITY)
            cells += [click, box, Cell(label=click.beside.claimed or NOTHING)]
        if any(cell.says_something for cell in cells):
            rows.append(Row((one.title,), tuple(cells), one.is_random, one.place.title))
    supervised = [
        cell for domain in domains for cell in (Cell(), Cell(), Cell(label=_band(FULLY_SUPERVISED.get(domain))))
    ]
    return Table(
        ZERO_SHOT,
        "Zero-shot beside fully supervised",
        "Mean IoU with its 95 % interval, as in the table of quality. The guide's ranges name no data set and no "
        f"prompt, no source states them, and its last row names no network; “{GUIDE}”, section 5.",
        ("checkpoint",),
        tuple(f"{domain}: {title}" for domain in domains for title in titles),
        (*rows, Row((SUPERVISED,), tuple(supervised))) if rows and FULLY_SUPERVISED.keys() & set(domains) else (),
    )


def _is_claimed(comparison: Comparison, domain: str) -> bool:
    claims = (claim for name in published_names(comparison) for claim in claims_for(name, "mean_iou"))
    return any(claim.conditions.startswith(f"{domain} images") for claim in claims)


def _band(band: tuple[float, float] | None) -> str:
    return NOTHING if band is None else quantity_range(*band, "fraction")


def claims(comparison: Comparison, made: Sequence[Table]) -> Table:
    """Return every claim of the guide about the contenders, with what was measured under like conditions.

    Args:
        comparison: comparison whose contenders the claims are about; a checkpoint of one's own has none.
        made: tables of the comparison, which hold the measured numbers.
    """
    names = published_names(comparison)
    rows = [_claim_row(claim, made) for name in names for claim in claims_for(name)]
    if rows:
        rows += [_statement_row(statement) for statement in STATEMENTS]
    return Table(
        CLAIMS,
        "The guide's claims",
        f"What “{GUIDE}” says about these checkpoints, under which conditions, and whether it holds. A number stands "
        "beside a claim only if it was measured under like conditions: no CPU beside an A100.",
        ("about", "number"),
        ("guide says", "its conditions", "measured here", "verdict", "because", "where"),
        tuple(rows),
    )


def _claim_row(claim: Claim, made: Sequence[Table]) -> Row:
    metric = PUBLISHED_METRICS[claim.metric]
    return _texts(
        (claim.checkpoint, metric.title),
        quantity_range(claim.low, claim.high, metric.unit, stated=True),
        claim.conditions,
        "; ".join(dict.fromkeys(_measured_beside(claim, made))),
        claim.judgement.verdict,
        claim.judgement.because,
        claim.where,
    )


def _statement_row(one: GuideStatement) -> Row:
    verdict = one.judgement
    return _texts(("SAM", one.text), "", "", "", verdict.verdict, verdict.because, one.where)


def _measured_beside(claim: Claim, made: Sequence[Table]) -> Iterable[str]:
    """Yield the measured numbers that a claim stands beside, each with its place."""
    for table in made:
        for row in table.rows:
            for cell in row.cells:
                if cell.value is not None and claim in cell.beside.claims:
                    yield f"{cell.text} ({row.place})"


def published(comparison: Comparison) -> Table:
    """Return every published figure about the contenders, as its source states it."""
    names = published_names(comparison)
    figures = [figure for name in names for figure in (*published_for(name), *_of_fine_tuning(name))]
    return Table(
        PUBLISHED,
        "Published figures",
        "All published figures about these checkpoints that samara knows, as stated by their sources; conditions not "
        "listed are unknown. Memory of fine-tuning was measured by samara's own benchmark.",
        ("checkpoint", "number"),
        ("value", "conditions", "source"),
        tuple(map(_figure_row, figures)),
    )


def _of_fine_tuning(checkpoint: str) -> list[Figure]:
    return [figure for figure in FINETUNING_FIGURES if figure.checkpoint == checkpoint]


def _figure_row(figure: Figure) -> Row:
    metric, source = PUBLISHED_METRICS[figure.metric], SOURCES[figure.source]
    value = quantity_range(figure.value, figure.value, metric.unit, stated=True)
    # Only URLs become links; sources in this repository are paths.
    link = source.url if source.url.startswith("https://") else ""
    row = _texts((figure.checkpoint, metric.title), value, str(figure.conditions))
    return Row(row.heads, (*row.cells, Cell(label=source.name, link=link)))


def _texts(heads: tuple[str, ...], *texts: str) -> Row:
    return Row(heads, tuple(Cell(label=text or NOTHING) for text in texts))


def finetuning_memory(comparison: Comparison) -> Table:
    """Return a table of the memory of fine-tuning the mask decoder: measured, by samara's benchmark, and claimed."""
    rows = []
    for one in comparison.contenders:
        on_gpu, resident = (measured(one, f"finetune_{kind}_peak_bytes") for kind in ("device", "resident"))
        cells = (on_gpu, resident, *_benchmark(one.published_as), *_guide(one.published_as))
        if any(cell.says_something for cell in cells):
            rows.append(Row((one.title,), cells, one.is_random, one.place.title))
    return Table(
        "fine-tuning-memory",
        "Memory of fine-tuning",
        "Measured: peak of a process that caches embeddings and trains the mask decoder by a step of `samara finetune` "
        "with its default settings, 2 images with 8 objects each; GPU: memory that PyTorch allocated there, without "
        "CUDA's own. Benchmark: what a step of 16 objects needs beyond the loaded network, on 2 CPU cores in float32, "
        "from benchmarks/results/finetuning_memory.csv. Guide: mask decoder only.",
        ("checkpoint",),
        ("measured, GPU", "measured, main memory", *_BENCHMARKED, "guide, minimum", "guide, recommended"),
        tuple(rows),
    )


_BENCHMARKED = ("benchmark, cached embeddings", "benchmark, no cache")


def _benchmark(checkpoint: str) -> list[Cell]:
    notes = {str(figure.conditions.note).partition(",")[0]: figure for figure in _of_fine_tuning(checkpoint)}
    found = [notes.get(title.partition(", ")[2]) for title in _BENCHMARKED]
    return [Cell(label=NOTHING) if figure is None else Cell(value=figure.value, unit="bytes") for figure in found]


def _guide(checkpoint: str) -> list[Cell]:
    claimed = {claim.conditions: claim for claim in claims_for(checkpoint, "finetuning_bytes")}
    found = [claimed.get(f"mask decoder only, {size}") for size in ("minimum", "recommended")]
    return [Cell(label=NOTHING if claim is None else PublishedValues(claims=(claim,)).claimed) for claim in found]
