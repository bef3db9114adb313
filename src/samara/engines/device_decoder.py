"""Decoding on a GPU: batches of fixed sizes, recorded work, and as few waits for the device as the results need.

The host waits for the device where it must know a number before it can go on:

    without a threshold    nowhere: every prompt has as many masks as were asked for
    with a threshold       twice per batch: how many prompts are worth drawing, and how many masks are good
    several images,        once per call: how many prompts each image has
    many prompts
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from samara.engines.decoding import EVERYTHING, Decoding, Question, ReadyImages
from samara.engines.engine import DecodedMasks, InputPrompts, concatenate_decoded, nothing_decoded
from samara.engines.fixed_sizes import SIZES, filled, filled_indices, fixed_size, free_memory, largest_size
from samara.engines.recording import Recorder, Recordings
from samara.networks.mask_decoder import Look, Shared


class DeviceDecoder:
    """Decodes prompts on a GPU.

    Args:
        decoding: the steps.
        recorder: records work of unadapted parts; None to run it as it is.
    """

    def __init__(self, decoding: Decoding, recorder: Recorder | None) -> None:
        self.decoding = decoding
        self.recordings = Recordings(recorder)

    @torch.inference_mode()
    def decode(self, images: ReadyImages, prompts: InputPrompts, question: Question) -> DecodedMasks:
        """Decode N prompts, N at least 1; see `Engine.decode`."""
        size = self.largest_batch(images, len(prompts))
        batches = _batches(images, prompts, size)
        parts = [self._batch(images, image, prompts, batch, question) for image, batch in batches]
        found = concatenate_decoded(parts, images.embeddings, in_order=True)
        return found[found.prompt.argsort(stable=True)] if _by_image(images) else found

    def largest_batch(self, images: ReadyImages, count: int) -> int:
        """Return the size of the largest batch; memory is asked for only if it can matter."""
        device = self.decoding.device
        if count == 1 or device.type != "cuda":
            return SIZES[-1]
        return largest_size(free_memory(device), images.embeddings[0, 0].numel())

    def _batch(
        self, images: ReadyImages, image: int, prompts: InputPrompts, batch: Tensor, question: Question
    ) -> DecodedMasks:
        """Decode some prompts, on one image if they share it."""
        asked = filled(prompts[batch], fixed_size(len(batch)))
        if images.shared is not None:
            given = images.shared[image], asked, question.frame_size
            with self.recordings.result("look shared", self._look_shared, *given) as look:
                return self._judged(look, batch, question, images.embeddings)
        plain = images.embeddings, images.details, asked, question.frame_size
        if question.threshold == EVERYTHING:
            with self.recordings.result("answer", self._answer, *plain, question.multimask) as (logits, scores):
                return _all_masks(logits[: len(batch)], scores[: len(batch)], batch)
        with self.recordings.result("look", self._look, *plain) as look:
            return self._judged(look, batch, question, images.embeddings)

    def _answer(
        self, embeddings: Tensor, details: Tensor | None, prompts: InputPrompts, frame_size: int, multimask: bool
    ) -> tuple[Tensor, Tensor]:
        """Return logits and scores of all masks asked for, (N, M, 4h, 4w) and (N, M)."""
        look = self._look(embeddings, details, prompts, frame_size)
        return self._drawn(look, multimask)

    def _look(self, embeddings: Tensor, details: Tensor | None, prompts: InputPrompts, frame_size: int) -> Look:
        sparse, dense = self.decoding.encode_prompts(prompts, frame_size, embeddings.shape[-2:])
        with self.decoding.computing():
            return self.decoding.look(embeddings, details, sparse, dense, prompts.image_of_prompt)

    def _look_shared(self, shared: Shared, prompts: InputPrompts, frame_size: int) -> Look:
        sparse, _ = self.decoding.encode_prompts(prompts, frame_size, shared.image.grid_hw)
        with self.decoding.computing():
            return self.decoding.look_shared(shared, sparse)

    def _judged(self, look: Look, batch: Tensor, question: Question, embeddings: Tensor) -> DecodedMasks:
        """Draw the prompts that can have a mask whose score is above the threshold, and keep such masks.

        `batch` are the numbers of the first prompts of the look; the others fill it.
        """
        if question.threshold == EVERYTHING:
            logits, scores = self._drawn(look, question.multimask)
            return _all_masks(logits[: len(batch)], scores[: len(batch)], batch)
        iou = look.predicted_iou[: len(batch), self.decoding.asked(question.multimask)]
        worth = self.decoding.decoder.worth_drawing(iou, question.threshold)
        chosen = worth.nonzero()[:, 0]  # waits for the device
        if not len(chosen):
            return nothing_decoded(embeddings)
        of_look = chosen[filled_indices(len(chosen), fixed_size(len(chosen)), chosen)]
        logits, scores = self._drawn(look[of_look], question.multimask)
        good = scores[: len(chosen)] > question.threshold
        prompt, mask = good.nonzero().unbind(1)  # waits for the device
        return DecodedMasks(batch[chosen[prompt]], logits[prompt, mask].float(), scores[prompt, mask])

    def _drawn(self, look: Look, multimask: bool) -> tuple[Tensor, Tensor]:
        """Draw the masks asked for: logits (N, M, 4h, 4w) and scores (N, M) float32."""
        with self.decoding.computing():
            logits, iou = self.decoding.drawn(look, multimask)
            return logits, self.decoding.decoder.scores_of(logits, iou).float()


def _all_masks(logits: Tensor, scores: Tensor, prompts: Tensor) -> DecodedMasks:
    """Return all masks of some prompts: copies, because recorded results are overwritten."""
    return DecodedMasks(
        prompt=prompts.repeat_interleave(scores.shape[1]),
        low_res_logits=logits.flatten(0, 1).to(torch.float32, copy=True),
        predicted_iou=scores.flatten().to(torch.float32, copy=True),
    )


def _by_image(images: ReadyImages) -> bool:
    """Return whether a batch must be of one image, and there are several."""
    return images.shared is not None and len(images.shared) > 1


def _batches(images: ReadyImages, prompts: InputPrompts, size: int) -> Iterator[tuple[int, Tensor]]:
    """Yield the prompts of each batch, and for a shared image which one it is."""
    order = torch.arange(len(prompts), device=prompts.image_of_prompt.device)
    groups = [order]
    if _by_image(images):
        order = prompts.image_of_prompt.argsort(stable=True)
        numbers = torch.arange(len(images.embeddings), device=order.device)
        counts = (prompts.image_of_prompt == numbers[:, None]).sum(1).tolist()  # waits for the device
        groups = list(torch.split(order, counts))
    for image, group in enumerate(groups):
        for batch in torch.split(group, size) if len(group) else ():
            yield image, batch
