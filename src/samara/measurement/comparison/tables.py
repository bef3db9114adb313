"""Tables of a comparison, made from records alone, for the terminal, Markdown and the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from statistics import fmean

from samara.checkpoints.catalogue import CATALOGUE
from samara.measurement.comparison.comparison import Comparison, Contender
from samara.measurement.comparison.grids import grid_of_recall, grid_of_speed
from samara.measurement.comparison.published_values import beside
from samara.measurement.records.metrics import METRICS
from samara.measurement.records.records import Record
from samara.measurement.reporting.beside import PublishedValues
from samara.measurement.reporting.quantities import NOTHING
from samara.measurement.reporting.table import Cell, Row, Table
from samara.networks.variants import VARIANTS

QUALITY = ("centre_click_iou", "box_iou")
"""Metrics of quality where space is limited."""

NOT_MEASURED = "not measured"
_CHOOSES = "one pass finds everything; a click only selects a mask"


def tables(comparison: Comparison) -> list[Table]:
    """Return the tables of measured numbers alone that have one, in report order."""
    made = (overview(comparison), quality(comparison), speed(comparison), throughput(comparison), memory(comparison))
    return [table for table in made if table.has_values]


def overview(comparison: Comparison) -> Table:
    """Return a table with one row per contender and one number of each kind."""
    columns: dict[str, Callable[[Contender], Cell]] = {
        "licence": _licence,
        "parameters": _number("parameters"),
        "file": _number("file_bytes"),
        "encoder work": _number("encoder_flops"),
        "encode": _number("encode_seconds", 1),
        "image and click": prompt_time,
        "everything": _number("everything_seconds"),
        "its grid": lambda one: Cell(label=grid_of_speed(one)),
        "memory, encoding": memory_of_encoding,
        "centre click IoU": lambda one: mean_quality(one, QUALITY[0], comparison.domains),
        "box IoU": lambda one: mean_quality(one, QUALITY[1], comparison.domains),
    }
    return _table(
        comparison,
        "overview",
        "Overview",
        "Times are medians of one image at a time; everything takes a grid of points, by default the checkpoint's own. "
        "Work counts a multiply-add as two operations. Memory is that of "
        "the accelerator if there is one, otherwise of the whole process. IoU: mean over the kinds of images "
        f"({', '.join(comparison.domains) or 'none were evaluated'}).",
        columns,
    )


def speed(comparison: Comparison) -> Table:
    """Return a table of the first and later calls of each workload."""
    works: list[tuple[str, str, int | None]] = [("load", "load", None)]
    works += [("encode", f"encode, batch of {size}", size) for size in comparison.batch_sizes]
    works += [("decode_1", "decode 1 prompt", None), ("decode_64", "decode 64 prompts", None)]
    rows = []
    for one in comparison.contenders:
        for work, title, size in (*works, ("everything", f"everything, {grid_of_speed(one)}", None)):
            steady = measured(one, f"{work}_seconds", batch_size=size)
            if steady.value is None:
                continue  # the missing numbers are listed with their reasons elsewhere
            has_first = f"{work}_first_seconds" in METRICS
            first = measured(one, f"{work}_first_seconds", batch_size=size) if has_first else Cell(label=NOTHING)
            calls = Cell(label=str(steady.n) if steady.n else NOTHING)
            rows.append(_row(one, (title,), (first, steady, calls)))
    caption = (
        "First: the first call in a process, including one-time setup. Median and quartiles: of the calls after it. "
        "Batch encoding times are per image."
    )
    columns = ("first call", "median and quartiles", "calls")
    return Table("speed", "Speed", caption, ("checkpoint", "work"), columns, tuple(rows))


def memory(comparison: Comparison) -> Table:
    """Return a table of peak memory by workload and batch, in main memory and on the accelerator."""
    columns: dict[str, Callable[[Contender], Cell]] = {}
    for memory_of, title in (("device", "GPU, "), ("resident", "")):
        columns[f"{title}load"] = _number(f"load_{memory_of}_peak_bytes")
        for size in comparison.batch_sizes:
            columns[f"{title}encode, batch of {size}"] = _number(f"encode_{memory_of}_peak_bytes", size)
        columns[f"{title}everything"] = _number(f"everything_{memory_of}_peak_bytes")
    return _table(
        comparison,
        "memory",
        "Memory by batch",
        "Peak resident set of a process that does nothing else, including Python and its libraries. GPU: memory that "
        "PyTorch allocated there.",
        columns,
    )


def throughput(comparison: Comparison) -> Table:
    """Return a table of images per second, single and in batches, computed from the encoding medians."""
    return _table(
        comparison,
        "throughput",
        "Throughput",
        "Images encoded per second, from the median time per image, without prompts.",
        {
            "single" if size == 1 else f"batches of {size}": partial(throughput_of, batch_size=size)
            for size in comparison.batch_sizes
        },
    )


def quality(comparison: Comparison) -> Table:
    """Return a table of every measured quality metric, by domain, with intervals."""
    asked = {metric for one in comparison.contenders for metric, *_ in one.newest}
    names = [metric.name for metric in METRICS.values() if metric.group == "quality" and metric.name in asked]
    rows = []
    for one in comparison.contenders:
        for domain in comparison.domains:
            cells = tuple(measured(one, name, domain=domain) for name in names)
            if any(cell.value is not None for cell in cells):
                counts = max(cell.n for cell in cells)
                facts = (grid_of_recall(one, domain), str(counts) if counts else NOTHING)
                rows.append(_row(one, (domain,), (*cells, *(Cell(label=fact) for fact in facts))))
    return Table(
        "quality",
        "Quality by kind of images",
        "Means over objects within a data set, then over the data sets of a kind; ranges are 95 % bootstrap intervals "
        "over images. Recall of everything depends on its grid.",
        ("checkpoint", "images"),
        (*(METRICS[name].title for name in names), "grid of everything", "objects"),
        tuple(rows),
    )


def measured(one: Contender, metric: str, *, domain: str | None = None, batch_size: int | None = None) -> Cell:
    """Return one number of a contender with published and claimed values."""
    near = beside(one.published_as, metric, place=one.place, domain=domain, batch_size=batch_size)
    record = one.record(metric, domain=domain, batch_size=batch_size)
    if record is None:
        return Cell(note=NOT_MEASURED, metric=metric, unit=METRICS[metric].unit, beside=near)
    return _of_record(record, near)


def _number(metric: str, batch_size: int | None = None) -> Callable[[Contender], Cell]:
    """Return a column of one metric."""
    return partial(measured, metric=metric, batch_size=batch_size)


def _of_record(record: Record, near: PublishedValues) -> Cell:
    low, high = (None, None) if record.interval is None else (record.interval.low, record.interval.high)
    return Cell(
        value=record.value,
        unit=record.unit,
        low=low,
        high=high,
        n=record.n,
        note=record.note,
        metric=record.metric,
        beside=near,
    )


def prompt_time(one: Contender) -> Cell:
    """Return the time from a new image to the mask of a click: encoding plus decoding, or a detector's one pass."""
    near = beside(one.published_as, "prompt_seconds", place=one.place, batch_size=1)
    variant = VARIANTS.get(one.subject.variant)
    if variant is not None and not variant.embeds_images:
        takes_clicks = variant.capabilities.points
        value = one.value("everything_seconds") if takes_clicks else None
        note = _CHOOSES if value else NOT_MEASURED if takes_clicks else f"{variant.title} takes no clicks"
    else:
        encode, decode = one.value("encode_seconds", batch_size=1), one.value("decode_1_seconds")
        value = None if encode is None or decode is None else encode + decode
        note = "sum of the medians of encoding and decoding" if value is not None else NOT_MEASURED
    return Cell(value=value, unit="seconds", note=note, metric="prompt_seconds", beside=near)


def throughput_of(one: Contender, batch_size: int) -> Cell:
    """Return the images per second in batches of a size."""
    seconds = measured(one, "encode_seconds", batch_size=batch_size)
    near = beside(one.published_as, "images_per_second", place=one.place, batch_size=batch_size)
    unit, metric = "images per second", "images_per_second"
    if not seconds.value or seconds.low == 0:
        return Cell(unit=unit, metric=metric, note=seconds.note or NOT_MEASURED, beside=near)
    low, high = (None if end is None else 1 / end for end in (seconds.high, seconds.low))
    return Cell(value=1 / seconds.value, unit=unit, low=low, high=high, n=seconds.n, metric=metric, beside=near)


def mean_quality(one: Contender, metric: str, domains: Sequence[str]) -> Cell:
    """Return the mean over the kinds of images; empty unless all of them were measured."""
    near = beside(one.published_as, metric, is_mean=True)
    records = [one.record(metric, domain=domain) for domain in domains]
    values = [record.value for record in records if record is not None and record.value is not None]
    if not values or len(values) < len(domains):
        reasons = dict.fromkeys(record.note for record in records if record is not None and record.value is None)
        note = "; ".join(reasons) or ("not measured on all kinds of images" if values else NOT_MEASURED)
        return Cell(note=note, unit="fraction", metric=metric, beside=near)
    n = sum(record.n for record in records if record is not None)
    return Cell(value=fmean(values), unit="fraction", n=n, metric=metric, beside=near)


def _licence(one: Contender) -> Cell:
    """Return the licence of weights in the catalogue; for other files it is unknown."""
    return Cell(label=next((row.licence for row in CATALOGUE if row.name == one.checkpoint), NOTHING))


def memory_of_encoding(one: Contender) -> Cell:
    """Return the peak memory of encoding one image: on the accelerator if there is one, else of the process."""
    on_device = measured(one, "encode_device_peak_bytes", batch_size=1)
    if not one.place.is_cpu:
        return on_device
    return measured(one, "encode_resident_peak_bytes", batch_size=1)


def _table(
    comparison: Comparison,
    name: str,
    title: str,
    caption: str,
    columns: dict[str, Callable[[Contender], Cell]],
) -> Table:
    made = {heading: [make(one) for one in comparison.contenders] for heading, make in columns.items()}
    kept = {heading: cells for heading, cells in made.items() if any(cell.says_something for cell in cells)}
    lines = zip(*kept.values(), strict=True) if kept else [() for _ in comparison.contenders]
    rows = (_row(one, (), cells) for one, cells in zip(comparison.contenders, lines, strict=True))
    return Table(name, title, caption, ("checkpoint",), tuple(kept), tuple(row for row in rows if row.says_something))


def _row(one: Contender, heads: tuple[str, ...], cells: Iterable[Cell]) -> Row:
    return Row((one.title, *heads), tuple(cells), one.is_random, one.place.title)
