"""From picture files to overlays and annotations: what `samara segment` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from samara.automatic.settings import AutomaticSettings
from samara.datasets.annotated import AnnotatedImage
from samara.datasets.coco import is_ours, write_coco
from samara.errors import OutputError, SamaraError, SettingsError
from samara.files import write_atomically
from samara.images import read_image
from samara.instances.settings import InstanceSettings
from samara.licences import licence_of
from samara.loaded import Loaded
from samara.predictor import check_capabilities
from samara.prompts import Prompt
from samara.reports.overlay import draw_masks
from samara.results import MaskSet
from samara.segmenter import Segmenter, open_segmenter

ANNOTATIONS = "annotations.json"

Answer = Literal["best", "three", "one"]
"""Masks per prompt: the best of three for an ambiguous prompt and else the one, all three, or always the one."""

Progress = Callable[[str, int, int], None]
"""Called with the picture's name, the steps done and the steps in all."""


@dataclass(frozen=True)
class Segmented:
    """One picture that was segmented."""

    path: Path
    overlay: Path
    masks: MaskSet


@dataclass(frozen=True)
class Failed:
    """One picture that was not, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What came of a call."""

    done: tuple[Segmented, ...]
    failed: tuple[Failed, ...]
    annotations: Path


def segment_files(
    paths: Sequence[Path],
    loaded: Loaded,
    out: Path,
    *,
    prompts: Sequence[Prompt] = (),
    settings: AutomaticSettings | InstanceSettings | None = None,
    answer: Answer = "best",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Segment pictures; a picture that fails is told in the outcome, and the others go on.

    Args:
        paths: picture files.
        loaded: the checkpoint.
        out: folder for `<file name>.png` overlays and `annotations.json`; made if need be.
        prompts: the same for every picture; none means everything in the picture.
        settings: for everything.
        answer: masks per prompt.
        overwrite: replace an `annotations.json` that samara did not write.
        progress: called as the work goes on.

    Raises:
        SettingsError: no picture was given, or the settings are none of the checkpoint's.
        PromptError: the checkpoint does not take the prompts.
        OutputError: the folder cannot be made, or holds somebody else's `annotations.json`.
    """
    if not paths:
        raise SettingsError("no picture was given; name at least one file")
    segmenter = open_segmenter(loaded, settings)
    for prompt in prompts:
        check_capabilities(prompt, loaded.variant)
    annotations = out / ANNOTATIONS
    prepare_folder(out, annotations, overwrite=overwrite)
    done: list[Segmented] = []
    failed: list[Failed] = []
    for path, overlay in zip(paths, overlay_paths(paths, out), strict=True):

        def tell(steps: int, total: int, name: str = path.name) -> None:
            if progress is not None:
                progress(name, steps, total)

        try:
            image = read_image(path)
            masks = _segment(image, segmenter, prompts, answer, tell)
            write_atomically(overlay, _png(draw_masks(image, masks, prompts)))
        except OutputError:
            raise
        except SamaraError as error:
            failed.append(Failed(path, str(error)))
        else:
            done.append(Segmented(path, overlay, masks))
    info = description(segmenter, prompts)
    write_coco(annotations, [AnnotatedImage(str(one.path), one.masks, n) for n, one in enumerate(done, start=1)], info)
    return Outcome(tuple(done), tuple(failed), annotations)


def _segment(
    image: npt.NDArray[np.uint8],
    segmenter: Segmenter,
    prompts: Sequence[Prompt],
    answer: Answer,
    tell: Callable[[int, int], None],
) -> MaskSet:
    if not prompts:
        return segmenter.generate(image, progress=tell)
    size_hw = (image.shape[0], image.shape[1])
    for prompt in prompts:  # before the network spends its seconds
        prompt.check_inside(size_hw)
    # A single click may mean the whole, a part or a subpart; any other prompt says what it means (Kirillov et al.
    # 2023, section 3 "Resolving ambiguity").
    several = answer == "three" or (answer == "best" and any(prompt.is_ambiguous for prompt in prompts))
    masks = segmenter.predict_prompts(image, prompts, multimask=several)
    tell(1, 1)
    return masks.best() if answer == "best" else masks


def prepare_folder(out: Path, annotations: Path, *, overwrite: bool) -> None:
    """Make the output folder, and refuse to replace an annotation file that is not ours.

    Raises:
        OutputError: see above.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be used as output folder: {error.strerror or error}") from error
    if annotations.exists() and not overwrite and not is_ours(annotations):
        raise OutputError(f"{annotations} was not written by samara; choose another folder, or overwrite it on purpose")


def overlay_paths(paths: Sequence[Path], out: Path) -> list[Path]:
    """A path for each picture's overlay: its name and .png, numbered where names repeat."""
    seen: Counter[str] = Counter()
    overlays = []
    for path in paths:
        seen[path.name] += 1
        number = f"-{seen[path.name]}" if seen[path.name] > 1 else ""
        overlays.append(out / f"{path.name}{number}.png")
    return overlays


def description(segmenter: Segmenter, prompts: Sequence[Prompt]) -> dict[str, Any]:
    """What made the masks, for the annotation file."""
    loaded = segmenter.loaded
    facts: dict[str, Any] = {
        "checkpoint": loaded.name,
        "weights": loaded.provenance.weights,
        "licence_of_weights": loaded.provenance.licence,
        "variant": loaded.variant.name,
        "input_size": loaded.input_size,
        "precision": loaded.precision,
        "engine": loaded.engine,
    }
    if loaded.provenance.weights == "file":
        facts["licence_means"] = licence_of(loaded.provenance.licence).consequence
    if loaded.hq_token_only:
        facts["hq_token_only"] = True
    if prompts:
        return facts | {"prompts": [_described(prompt) for prompt in prompts]}
    return facts | {"settings": segmenter.described_settings()}


def _described(prompt: Prompt) -> dict[str, Any]:
    return {
        "points": prompt.points_xy.tolist(),
        "labels": prompt.point_labels.tolist(),
        "box": None if prompt.box_xyxy is None else prompt.box_xyxy.tolist(),
    }


def _png(image: npt.NDArray[np.uint8]) -> bytes:
    """Encode RGB as PNG, quickly rather than tightly."""
    _, data = cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 3])
    return data.tobytes()
