"""`samara.segment`: image files in; masks, overlays and annotations out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from samara.checkpoints.choice import Choice
from samara.checkpoints.load_chosen import loaded_from
from samara.engines.loaded import Loaded
from samara.errors import ImageError, PromptError, SettingsError
from samara.images.paths import Finder, Given
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.masks.drawing.style import Labels, OverlayStyle
from samara.masks.file_kinds import require_kinds
from samara.segmentation.addresses import names_meant
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.file_settings import SAVED, FileSettings, MasksPerPrompt, Saved
from samara.segmentation.instances.settings import InstanceSettings
from samara.segmentation.prompts import Prompt
from samara.segmentation.results import Saving, require_results
from samara.segmentation.segment_files import Failed, SegmentationOutcome, segment_files
from samara.system.devices import limited_threads
from samara.system.progress import Progress

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True)
class SegmentedFiles(SegmentationOutcome):
    """Result of segmenting image files.

    Attributes:
        loaded: the checkpoint that made the masks.
        left_out: sentences about files of folders and patterns that were left out.
    """

    loaded: Loaded
    left_out: tuple[str, ...]


def segment(
    images: AnyPath | Sequence[AnyPath],
    *,
    out: AnyPath = FileSettings.out,
    points: Iterable[Sequence[float]] = (),
    boxes: Iterable[Sequence[float]] = (),
    separate: bool = False,
    prompts: Sequence[Prompt] = (),
    answer: MasksPerPrompt = FileSettings.answer,
    save: Sequence[Saved] = FileSettings.save,
    opacity: float = OverlayStyle.opacity,
    outline: int | None = OverlayStyle.outline,
    labels: Labels = OverlayStyle.labels,
    label_size: int | None = OverlayStyle.label_size,
    settings: AutomaticSettings | InstanceSettings | None = None,
    checkpoint: AnyPath | Loaded = Choice.checkpoint,
    base: AnyPath | None = Choice.base,
    lora: AnyPath | None = Choice.lora,
    preset: str | None = Choice.preset,
    device: str = Choice.device,
    precision: str = Choice.precision,
    engine: str = Choice.engine,
    input_size: int | None = Choice.input_size,
    calibration: Sequence[AnyPath] = Choice.calibration,
    hq_token_only: bool = Choice.hq_token_only,
    download: bool = Choice.download,
    threads: int | None = None,
    reading: ImageReading = AS_THEY_ARE,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SegmentedFiles:
    """Segment image files: masks from prompts, or everything when there is no prompt.

    Writes an overlay for each image and adds it to `annotations.json` (COCO, RLE), whose annotation ids the overlay
    shows: what is there stays, an image that is there already is replaced. When no image succeeds, nothing is written.
    Files are named by image: `overlays/truck.png`, `masks/truck/1.png`. Where masks overlap in a label map, the
    smaller one is on top.

    Args:
        images: image files, folders, patterns, lists (.txt), and addresses of http or https, which are downloaded into
            `out` if `download`; each image is taken once.
        out: folder for the results, made if need be.
        points: clicks (x, y) or (x, y, label) in pixels of the image, label 1 foreground (default) or 0 background.
            They ask for one object together.
        boxes: (x0, y0, x1, y1), each an object of its own; points and one box ask for one object.
        separate: each point asks for an object of its own.
        prompts: others, the same for every image.
        answer: masks per prompt: "best" of three for an ambiguous one, all "three", or always the "one".
        save: what to write, see `Saved`.
        opacity: opacity of the masks' tint, from 0 to 1, see `OverlayStyle`, as for the next three.
        outline: width of the outlines in pixels, 0 for none; None for one that fits the image.
        labels: text at each mask.
        label_size: height of that text in pixels; None for one that fits the image.
        settings: of everything.
        checkpoint: a catalogue name, a file, or what `samara.load` gave; then the next eleven are without effect.
        base: see `samara.load`, as for the others.
        lora: low-rank updates, folded in.
        preset: preparation of the images, if the file cannot tell.
        device: where the network runs.
        precision: what it computes in.
        engine: what runs it.
        input_size: side of its input; None for the checkpoint's own.
        calibration: images that int8 is calibrated on.
        hq_token_only: the HQ mask alone.
        download: fetch the checkpoint and images with an address, if they are not here.
        threads: of the CPU, while this works; None for all.
        reading: how the images are read.
        overwrite: replace an existing `annotations.json` and other files.
        progress: called with the image's name, the steps done and the steps in all.

    Returns:
        The images that were segmented, with their masks, and those that failed, with their reasons.

    Raises:
        SettingsError: there is no image, or a setting is not accepted.
        PromptError: a prompt is malformed, or the checkpoint does not take it.
        ImageError: no image could be downloaded.
        OutputError: the folder cannot be written, or holds an `annotations.json` that cannot be added to.
        CheckpointError, DeviceError: see `samara.load`.
    """
    asked = [*prompts, *prompts_of(points, boxes, separate=separate)]
    require_kinds(save, SAVED)
    style = OverlayStyle(opacity=opacity, outline=outline, labels=labels, label_size=label_size)
    saving = Saving(out=Path(out), kinds=tuple(save), style=style, overwrite=overwrite)
    require_results(saving, [])  # before anything is downloaded
    named = names_meant(_as_names(images), Path(out), download=download)
    if named.failed and not named.names:
        raise ImageError(next(iter(named.failed.values())))
    paths, left_out = find_images(named.names, out)
    require_results(saving, [Path(path) for path in Given.of(map(str, paths)).paths])  # before a checkpoint is loaded
    with limited_threads(threads):
        loaded = loaded_from(
            checkpoint,
            progress,
            base=base,
            lora=lora,
            preset=preset,
            device=device,
            precision=precision,
            engine=engine,
            input_size=input_size,
            calibration=calibration,
            calibration_reading=reading,
            hq_token_only=hq_token_only,
            download=download,
        )
        outcome = segment_files(
            paths,
            loaded,
            saving,
            prompts=asked,
            settings=settings,
            answer=answer,
            reading=reading,
            notes=named.notes,
            progress=progress,
        )
    missing = tuple(Failed(Path(url), reason) for url, reason in named.failed.items())
    outcome = replace(outcome, failed=(*missing, *outcome.failed))
    return SegmentedFiles(**vars(outcome), loaded=loaded, left_out=tuple(left_out))


def find_images(images: AnyPath | Sequence[AnyPath], out: AnyPath) -> tuple[list[Path], list[str]]:
    """The images meant, each once, as they were named, and sentences about what was left out.

    A file that is not there is among them: it fails when it is read, and the others go on. The folder for the results
    is not looked into, unless it is named.

    Raises:
        SettingsError: there is none, a folder or pattern has none, or a name is an address.
    """
    names = _as_names(images)
    if not names:
        raise SettingsError("no image was given; name image files, folders or patterns")
    given = Given.of(names)
    finder = Finder(leave_out=None if os.path.abspath(out) in given.paths else Path(out))
    named = dict(zip(given.paths, names, strict=True))
    paths = [Path(named.get(path) or _shown(path)) for path in given.find(finder)]
    if not paths:
        raise SettingsError(f"{names[0]} has no image; name image files, folders or patterns")
    return paths, list(finder.listing.sentences())


def _as_names(images: AnyPath | Sequence[AnyPath]) -> list[str]:
    return [os.fspath(images)] if isinstance(images, (str, os.PathLike)) else [os.fspath(one) for one in images]


def _shown(path: str) -> str:
    """A path seen from here, if it lies below."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path


def prompts_of(
    points: Iterable[Sequence[float]], boxes: Iterable[Sequence[float]], *, separate: bool = False
) -> list[Prompt]:
    """Put points and boxes together to prompts.

    Points ask for one object together, each box for one of its own; points and one box ask for one object.

    Args:
        points: (x, y) or (x, y, label).
        boxes: (x0, y0, x1, y1).
        separate: each point asks for an object of its own.

    Raises:
        PromptError: one of them is no point or box, or the combination is unclear.
    """
    clicks, corners = [list(point) for point in points], [list(box) for box in boxes]
    _check_lengths(clicks, corners)
    coordinates = [click[:2] for click in clicks]
    labels = [click[2] if len(click) == 3 else 1 for click in clicks]
    if separate and corners:
        raise PromptError("`separate` makes an object of each point and cannot be combined with `boxes`")
    if separate:
        return [Prompt([point], [label]) for point, label in zip(coordinates, labels, strict=True)]
    if clicks and len(corners) > 1:
        raise PromptError(
            f"{len(clicks)} points and {len(corners)} boxes: it is unclear which box the points belong to; give one "
            "box with points, or run boxes and points apart"
        )
    if clicks:
        return [Prompt(coordinates, labels, corners[0] if corners else None)]
    return [Prompt(box=corner) for corner in corners]


def _check_lengths(points: Sequence[Sequence[float]], boxes: Sequence[Sequence[float]]) -> None:
    for point in points:
        if len(point) not in (2, 3):
            raise PromptError(f"a point is {list(point)}; give (x, y), or (x, y, label), in pixels")
    for box in boxes:
        if len(box) != 4:
            raise PromptError(f"a box is {list(box)}; give (x0, y0, x1, y1), in pixels")
