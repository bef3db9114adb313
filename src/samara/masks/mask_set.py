"""The result of segmentation: a set of masks with their scores, as one immutable value."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from samara.errors import OutputError, PromptError, SettingsError
from samara.images.contrast import made_visible
from samara.images.encode import png_bytes
from samara.masks.boxes import xyxy_to_xywh
from samara.masks.drawing.colours import Rgb, colour
from samara.masks.drawing.paint import Labelling, paint
from samara.masks.drawing.plot import plotted
from samara.masks.drawing.style import Labels, OverlayStyle
from samara.masks.file_kinds import USUAL_KINDS, FileKind, place_of, require_kinds
from samara.masks.hierarchy import parents
from samara.masks.partition import exclusive
from samara.masks.regions import clean
from samara.masks.rle import Rle
from samara.masks.saving import coco_document, mask_files
from samara.masks.suppression import mask_nms
from samara.system.files import write_atomically

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class MaskSet:
    """M masks of one image. Every array has M entries along its first axis; M may be 0.

    Attributes:
        rles: the masks, run-length encoded at the original size.
        size_hw: (H, W) of the image in pixels.
        checkpoint: name of the checkpoint that made them.
        predicted_iou: (M,) the network's own estimate, can leave [0, 1]; of a network whose estimate was not trained,
            the stability of the low-res logits.
        prompt_index: (M,) index of each mask's prompt.
        stability_score: (M,) in [0, 1], or None if not computed.
        points_xy: (M, 2) the grid point of each mask, original frame, or None.
        crop_boxes_xyxy: (M, 4) the crop of each mask, or None.
        low_res_logits: (M, 4h, 4w) float32, usable as a mask prompt, or None.
        parent: (M,) index of the smallest mask that contains each one, −1 for none; None until `with_hierarchy`.
        class_index: (M,) index into `class_names` of each mask, or None if the checkpoint has no classes.
        class_names: names of all classes of the checkpoint, in the image or not, or None.
        answer_iou: (M,) the lowest mask IoU between two of the three answers to each mask's prompt, on the low-res
            grid: how much they disagree. NaN where the prompt had only one answer; None if not computed.
    """

    rles: tuple[Rle, ...]
    size_hw: tuple[int, int]
    checkpoint: str
    predicted_iou: FloatArray
    prompt_index: IntArray
    stability_score: FloatArray | None = None
    points_xy: FloatArray | None = None
    crop_boxes_xyxy: IntArray | None = None
    low_res_logits: npt.NDArray[np.float32] | None = None
    parent: IntArray | None = None
    class_index: IntArray | None = None
    class_names: tuple[str, ...] | None = None
    answer_iou: FloatArray | None = None

    def __repr__(self) -> str:
        """Return a summary without the numbers of a thousand masks."""
        height, width = self.size_hw
        return f"<MaskSet: {len(self)} masks of {self.checkpoint} on {width} × {height} pixels>"

    def __len__(self) -> int:
        """M."""
        return len(self.rles)

    def __getitem__(self, selected: int | slice | Sequence[int] | npt.NDArray[Any]) -> MaskSet:
        """Select some of the masks, in the given order: an index, a slice, indices or M booleans.

        The hierarchy refers to positions in the set, so a selection drops it.
        """
        indices = np.atleast_1d(np.arange(len(self))[selected])
        chosen: dict[str, Any] = {
            field.name: value[indices]
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray)
        }
        return replace(self, rles=tuple(self.rles[index] for index in indices), **chosen | {"parent": None})

    @cached_property
    def areas(self) -> IntArray:
        """(M,) pixels of each mask."""
        return np.array([rle.area for rle in self.rles], dtype=np.int64)

    @cached_property
    def boxes_xyxy(self) -> IntArray:
        """(M, 4) tight boxes, exclusive right and bottom, so that width = x1 − x0 as in COCO."""
        return np.array([rle.box_xyxy for rle in self.rles], dtype=np.int64).reshape(-1, 4)

    def class_name(self, index: int) -> str | None:
        """Return the class name of a mask; None if the checkpoint has no classes."""
        if self.class_index is None or self.class_names is None:
            return None
        return self.class_names[int(self.class_index[index])]

    def mask(self, index: int) -> npt.NDArray[np.bool_]:
        """Return one mask, (H, W)."""
        return self.rles[index].decode()

    def masks(self) -> npt.NDArray[np.bool_]:
        """Return all masks, (M, H, W): M · H · W bytes."""
        masks = np.zeros((len(self), *self.size_hw), dtype=bool)
        for index, rle in enumerate(self.rles):
            masks[index] = rle.decode()
        return masks

    def best(self) -> MaskSet:
        """Return the mask with the highest predicted IoU for each prompt."""
        order = np.lexsort((-self.predicted_iou, self.prompt_index))
        _, first = np.unique(self.prompt_index[order], return_index=True)
        return self[order[first]]

    def largest_first(self) -> MaskSet:
        """Return the masks by descending area, the order to draw them in."""
        return self[np.argsort(-self.areas, kind="stable")]

    def without_duplicates(
        self, *, iou_threshold: float | None = 0.9, containment_threshold: float | None = None
    ) -> MaskSet:
        """Drop masks that duplicate a better one, comparing the masks themselves rather than their boxes.

        Args:
            iou_threshold: drop a mask if its IoU with a better one exceeds this; None for no limit.
            containment_threshold: drop a mask if it and a better one share more than this fraction of the smaller of
                the two; None for no limit. Removes parts of wholes, which is not always wanted.

        Returns:
            The remaining masks, by descending predicted IoU. Empty masks are dropped.
        """
        kept = mask_nms(
            self.rles,
            self.predicted_iou,
            iou_threshold=iou_threshold,
            containment_threshold=containment_threshold,
        )
        return self[kept]

    def exclusive(self) -> MaskSet:
        """Assign every pixel to at most one mask, with smaller masks on top of larger ones.

        Masks that are covered completely are dropped.
        """
        cut = self.with_rles(exclusive(self.rles))
        return cut[cut.areas > 0]

    def tidied(
        self, *, iou_threshold: float | None, containment_threshold: float | None, exclusive: bool, hierarchy: bool
    ) -> MaskSet:
        """Apply samara's additions to a published generator's masks, according to the settings, in this order.

        Args:
            iou_threshold: see `without_duplicates`; nothing is dropped when both thresholds are None.
            containment_threshold: see `without_duplicates`.
            exclusive: see `exclusive`.
            hierarchy: see `with_hierarchy`.
        """
        masks = self
        if iou_threshold is not None or containment_threshold is not None:
            masks = masks.without_duplicates(iou_threshold=iou_threshold, containment_threshold=containment_threshold)
        if exclusive:
            masks = masks.exclusive()
        return masks.with_hierarchy() if hierarchy else masks

    def cleaned(self, min_region_area: int) -> MaskSet:
        """Fill holes and remove specks smaller than some number of pixels, in every mask."""
        return self.with_rles([clean(rle, min_region_area)[0] for rle in self.rles])

    def with_rles(self, rles: Sequence[Rle]) -> MaskSet:
        """Replace the masks, one for each entry.

        The network's scores keep their values; low-res logits and hierarchy would be wrong and are dropped.
        """
        # A new object: the cached areas and boxes belong to the old masks.
        return replace(self, rles=tuple(rles), low_res_logits=None, parent=None)

    def with_prompt_index(self, prompt_index: IntArray) -> MaskSet:
        """Replace the prompt indices, (M,)."""
        return replace(self, prompt_index=prompt_index)

    def with_hierarchy(self, containment_threshold: float = 0.95) -> MaskSet:
        """Compute `parent`, the hierarchy of parts and wholes.

        Args:
            containment_threshold: min. fraction of a mask inside a larger one to be its part.
        """
        return replace(self, parent=parents(self.rles, containment_threshold))

    def drawn_on(
        self,
        image: npt.NDArray[np.uint8],
        *,
        ids: Sequence[int] | None = None,
        style: OverlayStyle | None = None,
        with_score: bool = False,
        keep_clear: Sequence[tuple[int, int, int, int]] = (),
    ) -> npt.NDArray[np.uint8]:
        """Draw the masks over an image as it is; `samara.draw_masks` also stretches dark images and marks prompts.

        Args:
            image: (H, W, 3) RGB uint8 of the masks' size; not modified.
            ids: M numbers that label the masks; None for 1 to M.
            style: how they are drawn; None for the usual style.
            with_score: whether labels of the kind "auto" contain the score, also without classes.
            keep_clear: boxes that labels leave free if they can, (x0, y0, x1, y1), such as marks of prompts.

        Returns:
            A new (H, W, 3) RGB uint8 image.

        Raises:
            SettingsError: the image has another size, or there are not M numbers.
        """
        if image.shape != (*self.size_hw, 3):
            raise SettingsError(f"the image has the shape {image.shape}; masks of {self!r} need {(*self.size_hw, 3)}")
        numbers = range(1, len(self) + 1) if ids is None else ids
        if len(numbers) != len(self):
            raise SettingsError(f"ids has {len(numbers)} numbers for {len(self)} masks; give one for each")
        style = style or OverlayStyle()
        chosen: Labels = style.labels
        if chosen == "auto":
            chosen = "all" if self._has_classes or with_score else "id"
        texts = [self._text(index, number, chosen) for index, number in enumerate(numbers)]
        labelling = Labelling(texts, on_patches=chosen in ("all", "class", "score"), keep_clear=keep_clear)
        return paint(image, self.rles, self._colours(), labelling, style)

    @property
    def _has_classes(self) -> bool:
        return self.class_index is not None and len(self.class_names or ()) > 1  # a single class says nothing

    def _colours(self) -> list[Rgb]:
        """Return one colour per class if there are several classes, or else per mask, by size."""
        if self._has_classes and self.class_index is not None:
            return [colour(int(index)) for index in self.class_index]
        ranks = np.argsort(np.argsort(-self.areas, kind="stable"), kind="stable")
        return [colour(int(rank)) for rank in ranks]

    def _text(self, index: int, number: int, labels: Labels) -> str:
        score = f"{self.predicted_iou[index]:.2f}"
        name = (self.class_name(index) or "") if self._has_classes else ""
        parts = {"id": [str(number)], "class": [name], "score": [score], "all": [str(number), name, score]}
        return " · ".join(part for part in parts.get(labels, ()) if part)

    def save(
        self,
        folder: str | os.PathLike[str],
        image: npt.NDArray[np.uint8] | None = None,
        *,
        save: Sequence[FileKind] = USUAL_KINDS,
        name: str = "image",
        style: OverlayStyle | None = None,
        overwrite: bool = False,
    ) -> list[Path]:
        """Write the masks as files, in the layout of `samara.segment`; masks are numbered from 1.

        Args:
            folder: folder of the results, created if missing.
            image: (H, W, 3) RGB uint8, which overlays and cut-outs need.
            save: kinds of files, see `FileKind`; json is `<name>.json`, a COCO file of this image.
            name: name of the image, without suffix.
            style: how overlays are drawn; None for the usual style.
            overwrite: whether to replace existing files.

        Returns:
            The paths of the files.

        Raises:
            SettingsError: a kind is unknown or needs the image, or the image has another size.
            OutputError: a file exists, or cannot be written.
        """
        require_kinds(save)
        out, numbers = Path(folder), range(1, len(self) + 1)
        files = dict(mask_files(out, name, save, self.rles, numbers, size_hw=self.size_hw, image=image))
        if "overlay" in save:
            if image is None:
                raise SettingsError("an overlay needs the image; pass it, or save other kinds of files")
            files[place_of(out, "overlay", name)] = png_bytes(self.drawn_on(made_visible(image), style=style))
        if "json" in save:
            files[out / f"{name}.json"] = coco_document(
                name, self.size_hw, self.class_names or ("object",), self.to_coco()
            )
        existing = [path for path in files if not overwrite and os.path.lexists(path)]
        if existing:
            raise OutputError(f"{existing[0]} exists; choose another folder or name, or pass overwrite=True")
        for path, data in files.items():
            write_atomically(path, data)
        return list(files)

    def plot(
        self,
        image: npt.NDArray[np.uint8] | None = None,
        *,
        axes: Any = None,  # Any: matplotlib's Axes, an optional library
        ids: Sequence[int] | None = None,
        style: OverlayStyle | None = None,
    ) -> Any:
        """Draw the masks with matplotlib.

        Args:
            image: (H, W, 3) RGB uint8; None for white.
            axes: axes to draw on; None for those of a new figure.
            ids: see `drawn_on`.
            style: see `drawn_on`.

        Returns:
            The axes, without ticks.

        Raises:
            MissingExtra: matplotlib is not installed.
            SettingsError: see `drawn_on`.
        """
        ground = np.full((*self.size_hw, 3), 255, np.uint8) if image is None else made_visible(image)
        return plotted(self.drawn_on(ground, ids=ids, style=style), axes)

    def to_coco(self, image_id: int = 1, first_id: int = 1, category_id: int = 1) -> list[dict[str, Any]]:
        """Convert to COCO annotations with compressed RLE, ready for `json.dump` and pycocotools.

        Besides COCO's fields each has `predicted_iou`, and if known `stability_score`, `point_coords`,
        `crop_box` (xywh) and `parent` (an annotation id, or None).

        Args:
            image_id: id of the masks' image.
            first_id: id of the first annotation; the others follow.
            category_id: category id of all masks; for a checkpoint with classes, that of the first class, and the
                others follow, as in `samara.datasets.writing.coco`.
        """
        categories = np.zeros(len(self), dtype=np.int64) if self.class_index is None else self.class_index
        return [
            {
                "id": first_id + index,
                "image_id": image_id,
                "category_id": category_id + int(categories[index]),
                "segmentation": self.rles[index].to_coco(),
                "area": int(self.areas[index]),
                "bbox": xyxy_to_xywh(self.boxes_xyxy[index]).tolist(),
                "iscrowd": 0,
                "predicted_iou": float(self.predicted_iou[index]),
                **self._optional(index, first_id),
            }
            for index in range(len(self))
        ]

    def _optional(self, index: int, first_id: int) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        if self.stability_score is not None:
            facts["stability_score"] = float(self.stability_score[index])
        if self.points_xy is not None:
            facts["point_coords"] = [self.points_xy[index].tolist()]
        if self.crop_boxes_xyxy is not None:
            facts["crop_box"] = xyxy_to_xywh(self.crop_boxes_xyxy[index]).tolist()
        if self.parent is not None:
            parent = int(self.parent[index])
            facts["parent"] = None if parent < 0 else first_id + parent
        return facts


def concatenate(sets: Sequence[MaskSet]) -> MaskSet:
    """Join mask sets of one image into one; prompts keep their index, the hierarchy is dropped.

    Fields that one set lacks are dropped, including classes, which are also dropped if their names differ.

    Raises:
        PromptError: there is no set, or the sets have images of different sizes.
    """
    if not sets or len({masks.size_hw for masks in sets}) > 1:
        raise PromptError("mask sets can be joined only if there is at least one and all are of one image")
    columns: dict[str, Any] = {}
    for field in fields(MaskSet):
        values = [getattr(masks, field.name) for masks in sets]
        if all(isinstance(value, np.ndarray) for value in values):
            columns[field.name] = np.concatenate(values)
        elif any(isinstance(value, np.ndarray) for value in values):
            columns[field.name] = None
    rles = tuple(rle for masks in sets for rle in masks.rles)
    columns["parent"] = None
    if len({masks.class_names for masks in sets}) > 1:
        columns |= {"class_index": None, "class_names": None}
    return replace(sets[0], rles=rles, **columns)
