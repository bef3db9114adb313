"""Write what is said about the committed comparison anew from its records: `make docs`.

The chart for the README, the table there and in docs/comparison.md, its sentences, and beside the records their page,
JSON, CSV and Markdown. The page shows masks on images of data sets that are not in this repository; they were drawn by
`samara compare` and are taken over from the committed page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path

from docs.made_parts import with_parts
from samara.measurement.comparison.compare import CSV, JSON, MARKDOWN, PAGE, RECORDS, all_tables
from samara.measurement.comparison.comparison import Comparison, Contender
from samara.measurement.comparison.documents import RANDOM, comparison_json, csv_text, markdown_table, markdown_text
from samara.measurement.comparison.machines import lacks_gpu, side_by_side
from samara.measurement.comparison.page import comparison_page
from samara.measurement.comparison.panels import Panel, PanelRow
from samara.measurement.comparison.row_chart import row_chart_svg, time_charts
from samara.measurement.comparison.tables import prompt_time
from samara.measurement.records.record_file import read_records
from samara.measurement.reporting.quantities import quantity, significant

DOCS = Path(__file__).parent
DOCUMENT = DOCS / "comparison.md"
FOLDER, CHART = DOCS / "comparison", DOCS / "images" / "comparison.svg"

REFERENCE = "sam_vit_b"
TOLD = ("sam_vit_h", "sam_vit_l", REFERENCE, "mobile_sam", "fastsam_s", "yolo11n-seg", "samara_mini")
"""What the README names; the rest is on the page."""


def committed() -> Comparison:
    """The records of the repository; `records.jsonl` is of the machine that the document is about."""
    others = sorted(path for path in FOLDER.glob("*.jsonl") if path.name != RECORDS)
    return Comparison(tuple(record for path in (FOLDER / RECORDS, *others) for record in read_records(path)))


def texts() -> dict[Path, str]:
    """Files that are made of the records alone."""
    comparison = committed()
    made = all_tables(comparison)
    drawn = list(drawn_masks((FOLDER / PAGE).read_text(encoding="utf-8")))
    return {
        FOLDER / PAGE: comparison_page(comparison, made, drawn),
        FOLDER / JSON: comparison_json(comparison, made),
        FOLDER / CSV: csv_text(comparison),
        FOLDER / MARKDOWN: markdown_text(comparison, made),
        CHART: row_chart_svg(time_charts(comparison)[0], standalone=True),
    }


def drawn_masks(page: str) -> Iterator[PanelRow]:
    """The images of masks that a page holds."""
    for article in re.findall(r"(?s)<article.*?</article>", page):
        (title,) = re.findall(r"<h3><bdi>(.*?)</bdi></h3>", article)
        panels = re.findall(
            r'<figcaption><bdi>(.*?)</bdi><b>(.*?)</b></figcaption><img [^>]*src="(data:[^"]*)"', article
        )
        yield PanelRow(unescape(title), tuple(Panel(unescape(name), score, uri) for name, score, uri in panels))


def times() -> str:
    """A few lines for the README: size, times, and how many times faster everything is."""
    comparison = committed()
    found = {one.checkpoint: one for one in comparison.at(comparison.places[0])}
    reference = found[REFERENCE].value("everything_seconds") or 0.0
    rows = ["| | parameters | image and click | everything | beside ViT-B |", "|---|--:|--:|--:|--:|"]
    for name in TOLD:
        one = found[name]
        everything = one.value("everything_seconds") or 0.0
        cells = (
            _parameters(one),
            prompt_time(one).text,
            quantity(everything, "seconds"),
            _times(reference, everything),
        )
        named = f"`{name}`{RANDOM if one.is_random else ''}"
        rows.append(f"| {named} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _parameters(one: Contender) -> str:
    return quantity(one.value("parameters") or 0.0, "parameters")


def _times(reference: float, seconds: float) -> str:
    ratio = reference / seconds
    return f"{significant(ratio)}× faster" if ratio > 1 else f"{significant(1 / ratio)}× slower" if ratio < 1 else ""


def facts() -> str:
    """What ran where, for the document."""
    comparison = committed()
    place, *others = comparison.places
    here = comparison.at(place)
    random = [one.checkpoint for one in here if one.is_random]
    real = [one for one in here if not one.is_random]
    grids = {str(r.settings["points_per_side"]) for r in comparison.records if r.metric == "everything_seconds"}
    objects = max((record.n for record in comparison.records if record.metric == "box_iou"), default=0)
    return "\n".join(
        (
            f"* {len(here)} checkpoints on {place.title}, {_days(here)};",
            *(
                f"* {len(there)} on {other.title}, {_days(there)};"
                for other in others
                if (there := comparison.at(other))
            ),
            f"* with random weights, so quality was not measured: {', '.join(random)};",
            f"* with real weights: {', '.join(one.checkpoint for one in real)}, evaluated on "
            f"{', '.join(comparison.domains)} images, up to {objects} objects of each kind;",
            f"* everything mode with a grid of {' and '.join(sorted(grids))} points per side.",
        )
    )


def _days(contenders: Sequence[Contender]) -> str:
    dates = sorted({record.when[:10] for one in contenders for record in one.newest.values()})
    return " to ".join(dates[:: max(1, len(dates) - 1)])


def machines() -> str:
    """The machines beside each other; what is missing of a GPU."""
    comparison = committed()
    tables = [markdown_table(table) for table in side_by_side(comparison)]
    missing = (
        ["**Missing: every number on a GPU.** None has been measured for this page."] if lacks_gpu(comparison) else []
    )
    return "\n\n".join([*missing, *tables])


def updated(text: str) -> str:
    """The document with its parts made from the records."""
    return with_parts(DOCUMENT, text, {"comparison": times, "facts": facts, "machines": machines})


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")
    DOCUMENT.write_text(updated(DOCUMENT.read_text()))
