"""`samara review`: doubtful masks to an annotation tool, and people's corrections back into the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samara.annotation.review.settings import ReviewSettings, TaskFormat
from samara.cli.export_annotations import tell_losses, tell_unsaid
from samara.cli.options import label_studio_prefix_option, warn
from samara.cli.settings_options import Setting, in_panel, takes
from samara.cli.tables import Column, terminal_width, text_table
from samara.datasets.writing.options import WriterOptions
from samara.system.counted import counted

if TYPE_CHECKING:
    from samara.annotation.review.corrections import Taken
    from samara.annotation.review.review import Review

DOUBT, TASKS, BACK = "When a mask is doubtful", "Tasks for an annotation tool", "Corrections"
MAX_SHOWN = 10
REASON_COLUMNS = (Column("reason"), Column("masks", right=True), Column("limit", right=True))
IMAGE_COLUMNS = (Column("most doubtful", keeps_end=True), Column("masks", right=True), Column("the worst"))

LIMITS = [
    Setting(field=name, metavar="X", least=0)
    for name in ("predicted_iou", "stability", "answer_iou", "outside_box", "box_filled", "twin_iou")
] + [Setting(field=name, metavar="N", least=0) for name in ("parts", "min_area")]


@takes(
    "settings",
    ReviewSettings(),
    in_panel(DOUBT, *LIMITS),
    in_panel(TASKS, Setting(field="most", metavar="N", least=1)),
)
def review(
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="Read the store that `samara annotate` wrote into this folder.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write the doubtful images there as tasks, with all of their masks as predictions.",
            rich_help_panel=TASKS,
        ),
    ] = None,
    task_format: Annotated[
        TaskFormat,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Write label-studio, label-studio-polygons, coco or coco-polygons.",
            rich_help_panel=TASKS,
        ),
    ] = "label-studio",
    label_studio_prefix: Annotated[str | None, label_studio_prefix_option(TASKS)] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace tasks that samara wrote there.", rich_help_panel=TASKS)
    ] = False,
    corrections: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Take corrections into the store: an export of Label Studio (JSON) or a COCO file. Repeatable.",
            rich_help_panel=BACK,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only tell what the corrections would change.", rich_help_panel=BACK),
    ] = False,
    *,
    settings: ReviewSettings,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """List the doubtful masks of a store, write them as tasks for an annotation tool, and take corrections back.

    A corrected image replaces all of its masks; the earlier ones stay in the store. The exit status is 1 if
    corrections were refused.

    Example: samara review masks --out doubtful; later: samara review masks --corrections project.json
    """
    from samara.annotation.review import review as room

    options = WriterOptions(overwrite=overwrite, image_url_prefix=label_studio_prefix or "")
    result = room.review(
        store,
        out=out,
        task_format=task_format,
        corrections=corrections or (),
        settings=settings,
        options=options,
        dry_run=dry_run,
    )
    show(result, task_format, is_dry=dry_run, as_json=as_json)
    if result.out is not None:
        tell_unsaid([task_format], options, None)
    if result.taken is not None and result.taken.refused:
        raise typer.Exit(1)


def show(result: Review, task_format: str, *, is_dry: bool, as_json: bool) -> None:
    """Print the result on stdout, and refused corrections on stderr."""
    for name, reason in result.taken.refused if result.taken is not None else ():
        warn(f"{name}: its corrections were not taken: {reason}")
    for remark in result.taken.remarks if result.taken is not None else ():
        warn(remark)
    if as_json:
        typer.echo(json.dumps(facts(result)))
        return
    if result.taken is not None:
        for line in taken_lines(result.taken, is_dry=is_dry):
            typer.echo(line)
    if not is_dry:
        typer.echo(doubts_text(result, terminal_width()))
    if result.losses is not None and result.out is not None:
        tell_losses({task_format: result.losses}, result.out)


def taken_lines(taken: Taken, *, is_dry: bool) -> Iterator[str]:
    """Describe what corrections changed."""
    masks = taken.masks
    verb = "would be corrected" if is_dry else "corrected"
    yield f"{counted(taken.corrected, 'image')} {verb}, {taken.unchanged:,} unchanged, {len(taken.refused):,} refused"
    yield (
        f"masks: {masks.kept:,} kept, {masks.redrawn:,} redrawn, {masks.renamed:,} with another class, "
        f"{masks.added:,} added, {masks.removed:,} removed"
    )
    if taken.not_reviewed or taken.skipped:
        unseen = counted(taken.not_reviewed, "task")
        yield f"{unseen} without an annotation and {taken.skipped:,} skipped: left as they are"


def doubts_text(result: Review, width: int) -> str:
    """Format what is doubtful: how much, for which reasons, and unless it was written the most doubtful images."""
    from samara.annotation.review.doubts import REASONS

    doubted = result.doubted
    told = f"{doubted.found:,} of {counted(doubted.looked_at, 'image')} deserve a look"
    if not doubted.by_reason:
        return told
    limits = {reason.title: f"{getattr(doubted.limits, reason.limit):.3g}" for reason in REASONS}
    reasons = [[title, f"{count:,}", limits.get(title, "-")] for title, count in doubted.by_reason.items()]
    parts = [told, text_table(REASON_COLUMNS, reasons, width=width, rest="--json")]
    if result.out is None:
        shown = doubted.images[:MAX_SHOWN]
        rows = [[one.path, f"{one.doubtful:,}", ", ".join(one.worst) or one.text] for one in shown]
        parts.append(text_table(IMAGE_COLUMNS, rows, width=width, rest="--json"))
        if len(shown) < doubted.found:
            parts.append(f"{doubted.found - len(shown):,} more are in --json, or in the tasks of --out.")
    return "\n\n".join(parts)


def facts(result: Review) -> dict[str, Any]:  # Any: JSON
    """Return the result as plain values for JSON."""
    doubted, taken = result.doubted, result.taken
    return {
        "doubtful": doubted.found,
        "images": doubted.looked_at,
        "reasons": dict(doubted.by_reason),
        "limits": asdict(doubted.limits),
        "most_doubtful": [{"file": one.path, "doubt": one.score, "reason": one.text} for one in doubted.images],
        "taken": None if taken is None else asdict(taken),
        "out": None if result.out is None else str(result.out),
        "losses": None if result.losses is None else asdict(result.losses),
    }
