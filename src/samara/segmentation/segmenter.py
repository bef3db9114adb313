"""The interface to every checkpoint that runs: look at an image once, answer prompts about it, find everything in it.

What answers prompts (SAM, MobileSAM, HQ-SAM) and what finds all instances in one pass (FastSAM, YOLO-seg) work
differently inside; who only wants masks of an image, or measures them, need not know.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

import numpy as np

from samara.engines.loaded import Loaded
from samara.images.read import ImageSource
from samara.masks.mask_set import MaskSet, concatenate
from samara.segmentation.predictor import check_capabilities
from samara.segmentation.prompts import Prompt
from samara.system.progress import Progress

Seen = TypeVar("Seen")
"""What a segmenter keeps of an image that it looked at: an embedding, or what its one pass gave."""

# Prompts that are answered together: their masks are alive as logits at the same time.
PROMPTS_AT_A_TIME = 64

# What is left of a batch after the memory ran out.
SMALLER = 4


class Segmenter(ABC, Generic[Seen]):
    """Masks of images, with whatever checkpoint; `samara.open_segmenter` opens the one of a checkpoint.

    No call changes the answers of another, and several threads may share one.

    Attributes:
        loaded: the checkpoint.
        prompts_at_a_time: most prompts that `best` answers together.
    """

    loaded: Loaded
    prompts_at_a_time: int = PROMPTS_AT_A_TIME

    @abstractmethod
    def embed(self, image: ImageSource) -> Seen:
        """Look at an image, once for all that is asked about it.

        Raises:
            ImageError: the image cannot be read.
        """

    @abstractmethod
    def answer(self, seen: Seen, prompts: Sequence[Prompt], *, multimask: bool = True) -> MaskSet:
        """Answer prompts on an image: for each, several masks or one; `prompt_index` says whose each is.

        Raises:
            PromptError: a prompt is outside the image, or nothing that the checkpoint takes; YOLO-seg takes none.
        """

    @abstractmethod
    def everything(self, seen: Seen, *, progress: Progress | None = None) -> MaskSet:
        """Find everything in an image, by the settings that the segmenter was opened with."""

    @abstractmethod
    def unsparing(self, points_per_side: int, max_masks: int) -> Segmenter[Seen]:
        """The same with hardly a threshold, for who asks what is found at all; it takes what this one has seen.

        Args:
            points_per_side: of the grid, where there is one.
            max_masks: most masks of an image, where there is no grid.
        """

    @abstractmethod
    def with_smaller_batches(self) -> Segmenter[Seen]:
        """The same answers from less memory, as far as there are batches."""

    @abstractmethod
    def described_settings(self) -> dict[str, Any]:
        """What `everything` works with, thresholds filled in, fit for JSON."""

    def generate(self, image: ImageSource, *, progress: Progress | None = None) -> MaskSet:
        """Find everything in one image; see `AutomaticMaskGenerator.generate` and `InstanceSegmenter.generate`.

        Raises:
            ImageError: the image cannot be read.
        """
        return self.everything(self.embed(image), progress=progress)

    def predict_prompts(self, image: ImageSource, prompts: Sequence[Prompt], *, multimask: bool = True) -> MaskSet:
        """Answer prompts on one image that is looked at for this alone; see `answer`.

        Raises:
            ImageError: the image cannot be read.
            PromptError: see `answer`.
        """
        for prompt in prompts:  # before the network spends its seconds
            check_capabilities(prompt, self.loaded.variant)
        return self.answer(self.embed(image), prompts, multimask=multimask)

    def best(self, seen: Seen, prompts: Sequence[Prompt], *, with_logits: bool = True) -> MaskSet:
        """Answer each prompt with one mask.

        A single click may mean the whole, a part or a subpart, so that the most trusted of several masks answers; any
        other prompt says what it means and gets one (Kirillov et al. 2023, section 3 "Resolving ambiguity").

        Args:
            seen: from `embed`.
            prompts: any mixture.
            with_logits: keep low-res logits, where there are some; 256 kB for each mask at 1024 px.

        Returns:
            At most one mask per prompt, in their order; none for a prompt that chooses none (FastSAM).

        Raises:
            PromptError: see `answer`.
        """
        found = []
        for is_ambiguous in (True, False):
            of_kind = [index for index, prompt in enumerate(prompts) if prompt.is_ambiguous == is_ambiguous]
            for start in range(0, len(of_kind), self.prompts_at_a_time):
                chunk = of_kind[start : start + self.prompts_at_a_time]
                found.append(self._best_of(seen, prompts, chunk, multimask=is_ambiguous, with_logits=with_logits))
        masks = concatenate(found or [self._best_of(seen, prompts, [], multimask=False, with_logits=with_logits)])
        return masks[np.argsort(masks.prompt_index, kind="stable")]

    def _best_of(
        self, seen: Seen, prompts: Sequence[Prompt], chosen: Sequence[int], *, multimask: bool, with_logits: bool
    ) -> MaskSet:
        """The best mask of each of the chosen prompts."""
        masks = self.answer(seen, [prompts[index] for index in chosen], multimask=multimask).best()
        masks = masks.with_prompt_index(np.array(chosen, dtype=np.int64)[masks.prompt_index])
        return masks if with_logits else replace(masks, low_res_logits=None)
