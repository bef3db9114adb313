"""Common interface to all checkpoints: embed an image once, answer prompts, segment everything.

Promptable checkpoints (SAM, SAM 2 and their kin) and detectors (FastSAM, YOLO-seg) differ internally; code that only
needs masks, or measures them, does not depend on the kind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

import numpy as np

from samara.engines.loaded import Loaded
from samara.images.read import ImageSource, read_image
from samara.masks.mask_set import FloatArray, MaskSet, concatenate
from samara.segmentation.capabilities import check_capabilities
from samara.segmentation.prompts import Prompt
from samara.system.progress import Progress

Seen = TypeVar("Seen")
"""Embedded image: an embedding, or the result of a detector's single pass."""

# Prompts per call: the logits of their masks are in memory at the same time.
PROMPTS_AT_A_TIME = 64

# Fraction of the batch size to keep after running out of memory.
SMALLER = 4


class Segmenter(ABC, Generic[Seen]):
    """Segmenter of images with any checkpoint; `samara.open_segmenter` creates one.

    Calls are independent, and threads may share a segmenter.

    Attributes:
        loaded: the checkpoint.
        prompts_at_a_time: maximum prompts that `best` answers together.
    """

    loaded: Loaded
    prompts_at_a_time: int = PROMPTS_AT_A_TIME

    @abstractmethod
    def embed(self, image: ImageSource) -> Seen:
        """Embed an image, once for all prompts.

        Raises:
            ImageError: The image cannot be read.
        """

    def ready(self, image: ImageSource) -> Any:  # Any: each kind of segmenter has its own
        """Do the part of `embed` that needs no network; any thread may run ahead with it.

        Raises:
            ImageError: The image cannot be read.
        """
        return read_image(image)

    def embed_ready(self, images: Sequence[Any]) -> list[Seen]:
        """Embed images from `ready`, in as few passes of the network as it can."""
        return [self.embed(image) for image in images]

    @abstractmethod
    def answer(self, seen: Seen, prompts: Sequence[Prompt], *, multimask: bool = True) -> MaskSet:
        """Answer prompts on an image with one or several masks each; `prompt_index` is the prompt of each mask.

        Raises:
            PromptError: A prompt is outside the image or not supported by the checkpoint; YOLO-seg supports none.
        """

    def answer_several(
        self, seen: Sequence[Seen], prompts: Sequence[Sequence[Prompt]], *, multimask: bool = True
    ) -> list[MaskSet]:
        """Answer the prompts on each of several images, together if the network can; see `answer`."""
        return [self.answer(one, asked, multimask=multimask) for one, asked in zip(seen, prompts, strict=True)]

    @abstractmethod
    def everything(self, seen: Seen, *, progress: Progress | None = None) -> MaskSet:
        """Segment everything in an image, with the settings of the segmenter."""

    @abstractmethod
    def unsparing(self, points_per_side: int | None, max_masks: int) -> Segmenter[Seen]:
        """Return a segmenter with minimal thresholds that accepts images embedded by this one.

        Args:
            points_per_side: points per side of the grid, if there is one; None for the checkpoint's own.
            max_masks: maximum masks per image, if there is no grid.
        """

    @abstractmethod
    def with_smaller_batches(self) -> Segmenter[Seen]:
        """Return a segmenter with smaller batches, which needs less memory for the same results."""

    @abstractmethod
    def described_settings(self) -> dict[str, Any]:
        """Return the settings of `everything` with thresholds filled in, as JSON values."""

    def generate(self, image: ImageSource, *, progress: Progress | None = None) -> MaskSet:
        """Segment everything in one image; see `AutomaticMaskGenerator.generate` and `InstanceSegmenter.generate`.

        Raises:
            ImageError: The image cannot be read.
        """
        return self.everything(self.embed(image), progress=progress)

    def predict_prompts(self, image: ImageSource, prompts: Sequence[Prompt], *, multimask: bool = True) -> MaskSet:
        """Embed one image and answer prompts on it; see `answer`.

        Raises:
            ImageError: The image cannot be read.
            PromptError: See `answer`.
        """
        for prompt in prompts:  # before running the network
            check_capabilities(prompt, self.loaded.variant)
        return self.answer(self.embed(image), prompts, multimask=multimask)

    def best(self, seen: Seen, prompts: Sequence[Prompt], *, with_logits: bool = True) -> MaskSet:
        """Answer each prompt with one mask.

        A single click may mean the whole, a part or a subpart, so the mask with the highest predicted IoU is chosen;
        any other prompt is unambiguous and uses the single mask (Kirillov et al. 2023, section 3 "Resolving
        ambiguity").

        Args:
            seen: result of `embed`.
            prompts: any mixture of prompts.
            with_logits: keep low-res logits if available; 256 kB per mask at 1024 px.

        Returns:
            At most one mask per prompt, in order; none for a prompt that selects nothing (FastSAM).

        Raises:
            PromptError: See `answer`.
        """
        return self.best_of_several([seen], [prompts], with_logits=with_logits)[0]

    def best_of_several(
        self, seen: Sequence[Seen], prompts: Sequence[Sequence[Prompt]], *, with_logits: bool = True
    ) -> list[MaskSet]:
        """Answer the prompts on each of several images with one mask each; see `best`.

        Prompts of several images are answered together, at most `prompts_at_a_time`.

        Args:
            seen: B results of `embed` or `embed_ready`.
            prompts: any mixture of prompts for each image, possibly none.
            with_logits: see `best`.

        Returns:
            B mask sets.

        Raises:
            PromptError: See `answer`.
        """
        found: list[list[MaskSet]] = [[] for _ in seen]
        for is_ambiguous in (True, False):
            of_kind = [
                (image, index)
                for image, of_image in enumerate(prompts)
                for index, prompt in enumerate(of_image)
                if prompt.is_ambiguous == is_ambiguous
            ]
            for start in range(0, len(of_kind), self.prompts_at_a_time):
                chunk = by_image(of_kind[start : start + self.prompts_at_a_time])
                for image, masks in self._best_of(seen, prompts, chunk, is_ambiguous, with_logits):
                    found[image].append(masks)
        unasked: dict[int, list[int]] = {image: [] for image, parts in enumerate(found) if not parts}
        for image, masks in self._best_of(seen, prompts, unasked, False, with_logits):
            found[image].append(masks)
        return [_in_order(concatenate(parts)) for parts in found]

    def answer_iou(self, seen: Sequence[Seen], prompts: Sequence[Sequence[Prompt]]) -> list[FloatArray] | None:
        """Measure how much the answers to each prompt disagree, on each of several images.

        Returns:
            For each image (N,), the lowest mask IoU between two of the three answers, on the low-res grid; None for a
            checkpoint that gives one answer.

        Raises:
            PromptError: See `answer`.
        """
        del seen, prompts
        return None

    def _best_of(
        self,
        seen: Sequence[Seen],
        prompts: Sequence[Sequence[Prompt]],
        chosen: Mapping[int, list[int]],
        multimask: bool,
        with_logits: bool,
    ) -> Iterator[tuple[int, MaskSet]]:
        """Yield, image by image, the best mask of each of the chosen prompts."""
        answers = self.answer_several(
            [seen[image] for image in chosen],
            [[prompts[image][index] for index in indices] for image, indices in chosen.items()],
            multimask=multimask,
        )
        for (image, indices), answer in zip(chosen.items(), answers, strict=True):
            best = answer.best()
            masks = best.with_prompt_index(np.array(indices, dtype=np.int64)[best.prompt_index])
            yield image, masks if with_logits else replace(masks, low_res_logits=None)


def by_image(pairs: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    """Group pairs of an image and its prompt by image."""
    groups: dict[int, list[int]] = {}
    for image, prompt in pairs:
        groups.setdefault(image, []).append(prompt)
    return groups


def _in_order(masks: MaskSet) -> MaskSet:
    return masks[np.argsort(masks.prompt_index, kind="stable")]
