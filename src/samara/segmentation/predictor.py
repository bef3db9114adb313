"""Masks from prompts: embed an image once, then predict from the embedding any number of times.

Calls are independent: an embedding is a value, and `predict` is a function of network, embedding and prompts.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.engines.engine import Engine, InputPrompts, Prepared
from samara.engines.loaded import Loaded
from samara.engines.open import open_engine
from samara.errors import EmbeddingError, PromptError
from samara.images.preprocessing import Frame
from samara.images.read import ImageSource, read_image
from samara.masks.mask_set import MaskSet
from samara.masks.rle import Rle, encode_masks
from samara.networks.plain import state_of
from samara.segmentation.capabilities import check_capabilities
from samara.segmentation.embeddings import ImageEmbedding, ReadyImage
from samara.segmentation.prompts import Numbers, Prompt, as_prompts
from samara.segmentation.upsampling import Upsampling
from samara.system.cores import one_ahead

MASK_THRESHOLD = 0.0
"""Mask threshold in logits, the same for every checkpoint of the family."""

FULL_SIZE_BYTES = 64 << 20
"""Limit for simultaneous logits at the original size, in bytes: one mask of a 12-megapixel photo takes 48 MB."""

FULL_SIZE_BYTES_ON_GPU = 1 << 30
"""The same on a CUDA GPU, if a quarter of its free memory is not less: there, few large pieces are fast."""


class Predictor:
    """Predictor of masks from points, boxes and mask logits.

    Args:
        loaded: checkpoint from `samara.load`.
    """

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.engine: Engine = open_engine(loaded)
        self._latest: tuple[list[weakref.ref[ImageEmbedding]], Prepared] | None = None
        # Cached, because reading the encoder's values for each click would take as long as the click on a GPU.
        self._fitting: weakref.WeakSet[ImageEmbedding] = weakref.WeakSet()
        self._fitting_state: object = None

    @overload
    def embed(self, image: ImageSource, *, batch_size: int = 1) -> ImageEmbedding: ...

    @overload
    def embed(
        self, image: list[ImageSource] | tuple[ImageSource, ...], *, batch_size: int = 1
    ) -> list[ImageEmbedding]: ...

    def embed(
        self, image: ImageSource | list[ImageSource] | tuple[ImageSource, ...], *, batch_size: int = 1
    ) -> ImageEmbedding | list[ImageEmbedding]:
        """Run the image encoder.

        Args:
            image: path, bytes, file object, PIL image, array or tensor, see `samara.read_image`; or a list of them.
            batch_size: number of images of a list per forward pass; the next ones are read meanwhile. Values above one
                speed up a GPU, not a CPU.

        Returns:
            One embedding, or a list of embeddings for a list.

        Raises:
            ImageError: An image cannot be read.
        """
        if isinstance(image, (list, tuple)):
            batches = [image[start : start + batch_size] for start in range(0, len(image), batch_size)]
            read = one_ahead(lambda batch: [self.read(source) for source in batch], batches)
            return [embedding for batch in read for embedding in self.encode(batch)]
        return self.encode([self.read(image)])[0]

    def read(self, image: ImageSource) -> ReadyImage | ImageEmbedding:
        """Do the part of `embed` before the network; any thread may run ahead with it.

        Raises:
            ImageError: The image cannot be read.
        """
        pixels = read_image(image)
        return ReadyImage(self.loaded.host_pixels(pixels), self.loaded.frame_of((pixels.shape[0], pixels.shape[1])))

    def encode(self, images: Sequence[ReadyImage | ImageEmbedding]) -> list[ImageEmbedding]:
        """Do the rest of `embed` for images from `read`, in one pass; embeddings are returned as they are."""
        fresh = iter(self._encode([image for image in images if isinstance(image, ReadyImage)]))
        return [image if isinstance(image, ImageEmbedding) else next(fresh) for image in images]

    def _encode(self, images: Sequence[ReadyImage]) -> list[ImageEmbedding]:
        if not images:
            return []
        inputs = [self.loaded.network_input_of(image.pixels, image.frame.original_size_hw) for image in images]
        features = self.engine.encode(torch.cat(inputs))
        fingerprint = self.loaded.fingerprint
        return [
            ImageEmbedding(
                # A copy, because it outlives the batch; made outside inference mode, it can be used for training.
                # A fixed memory layout, because it affects the last bits of sums: an embedding that was saved and
                # loaded must give the same masks.
                features=features[index].clone(memory_format=torch.contiguous_format),
                original_size_hw=frame.original_size_hw,
                input_size=self.loaded.input_size,
                fingerprint=fingerprint,
                checkpoint=self.loaded.name,
                precision=self.loaded.precision,
                fit=frame.fit,
                upsampling=frame.upsampling,
                frame_cell=self.loaded.variant.frame_cell,
            )
            for index, frame in enumerate(image.frame for image in images)
        ]

    def predict(
        self,
        embedding: ImageEmbedding,
        points: Numbers | None = None,
        labels: Numbers | None = None,
        boxes: Numbers | None = None,
        mask_logits: Numbers | None = None,
        *,
        multimask: bool = True,
    ) -> MaskSet:
        """Predict masks of one or several objects.

        All coordinates are (x, y) in pixels of the original image. Each kind of prompt may be given for one or for N
        objects; kinds are combined per object.

        Args:
            embedding: embedding from `embed` of this checkpoint.
            points: (P, 2) for one object, (N, P, 2) for N, or a list of N arrays of different length.
            labels: (P,), (N, P) or a list: 1 foreground, 0 background; default all foreground.
            boxes: (4,) or (N, 4) xyxy.
            mask_logits: (4h, 4w) or (N, 4h, 4w), `low_res_logits` of an earlier prediction.
            multimask: return three masks per object instead of one; best for a single point, which is ambiguous. HQ-SAM
                always returns one, then based on the best of the three; MedSAM and LiteMedSAM always return the single
                one.

        Returns:
            N · 3 or N masks by object; `prompt_index` is the object's index.

        Raises:
            PromptError: A prompt is malformed, outside the image, or not supported by the checkpoint.
            EmbeddingError: The embedding is from another image encoder.
        """
        return self.predict_prompts(embedding, as_prompts(points, labels, boxes, mask_logits), multimask=multimask)

    def predict_prompts(
        self, embedding: ImageEmbedding, prompts: Sequence[Prompt], *, multimask: bool = True
    ) -> MaskSet:
        """Predict masks of any mixture of prompts on one image; see `predict`."""
        return self.predict_batch([embedding], [prompts], multimask=multimask)[0]

    def predict_batch(
        self,
        embeddings: Sequence[ImageEmbedding],
        prompts: Sequence[Sequence[Prompt]],
        *,
        multimask: bool = True,
    ) -> list[MaskSet]:
        """Predict masks of several images in as few passes as possible.

        Prompts with the same number of points and the same kinds share a pass, across images.

        Args:
            embeddings: B embeddings.
            prompts: any number of prompts for each image.
            multimask: return three masks per prompt instead of one.

        Returns:
            B mask sets, with masks in the order of the prompts.

        Raises:
            PromptError, EmbeddingError: See `predict`.
        """
        found = self._found(embeddings, prompts, multimask=multimask)
        return [self._mask_set(_in_order(found, image), embedding.frame) for image, embedding in enumerate(embeddings)]

    def low_res_answers(
        self, embeddings: Sequence[ImageEmbedding], prompts: Sequence[Sequence[Prompt]]
    ) -> list[Tensor]:
        """Answer the prompts of several images with low-res logits alone, which is faster; see `predict_batch`.

        Returns:
            For each image, (N, 3 or 1, 4h, 4w) logits of all answers to its N prompts.

        Raises:
            PromptError, EmbeddingError: See `predict`.
        """
        found = self._found(embeddings, prompts, multimask=True)
        answers = []
        for image, (embedding, of_image) in enumerate(zip(embeddings, prompts, strict=True)):
            logits = _low_res_logits(_in_order(found, image), embedding.frame)
            count = len(of_image)
            answers.append(logits.reshape(count, len(logits) // max(1, count), *logits.shape[1:]))
        return answers

    def _found(
        self, embeddings: Sequence[ImageEmbedding], prompts: Sequence[Sequence[Prompt]], *, multimask: bool
    ) -> list[_Found]:
        """Answer the prompts, those of one kind together; in the order of the passes."""
        if len(embeddings) != len(prompts):
            raise PromptError(f"{len(embeddings)} embeddings and {len(prompts)} lists of prompts; give one for each")
        multimask = multimask and self.loaded.variant.capabilities.three_masks
        tasks = [
            _Task(image, index, prompt)
            for image, of_image in enumerate(prompts)
            for index, prompt in enumerate(of_image)
        ]
        for embedding in embeddings:
            self.check_fits(embedding)
        for task in tasks:
            self._check_prompt(task.prompt, embeddings[task.image])
        if not tasks:
            return []
        images = self._prepared(embeddings)
        frames = [embedding.frame for embedding in embeddings]
        found: list[_Found] = []
        for group in _same_kind(tasks):
            decoded = self.engine.decode(
                images,
                self._to_input(group, frames),
                frame_size=self.loaded.frame_size,
                multimask=multimask,
            )
            for position, logits, iou in zip(
                decoded.prompt.tolist(), decoded.low_res_logits, decoded.predicted_iou.tolist(), strict=True
            ):
                found.append(_Found(group[position], logits, iou))
        return found

    def _prepared(self, embeddings: Sequence[ImageEmbedding]) -> Prepared:
        """Return the engine's prepared embeddings, cached because HQ-SAM's preparation is costly."""
        asked = [weakref.ref(embedding) for embedding in embeddings]
        latest = self._latest  # read once: another thread may replace it at any moment
        if latest is None or latest[0] != asked:
            latest = asked, self.engine.prepare(torch.stack([embedding.features for embedding in embeddings]))
            self._latest = latest
        return latest[1]

    def check_fits(self, embedding: ImageEmbedding) -> None:
        """Raise EmbeddingError unless this checkpoint's image encoder made the embedding.

        The encoder's weights are hashed for a new embedding and after changes to the encoder, see
        `samara.networks.plain.state_of`.
        """
        state = state_of(self.loaded.sam.image_encoder)
        if state != self._fitting_state:
            self._fitting.clear()
            self._fitting_state = state
        if embedding in self._fitting:
            return
        if embedding.fingerprint != self.loaded.fingerprint:
            raise EmbeddingError(
                f"the embedding was made by {embedding.checkpoint} (encoder {embedding.fingerprint}), not by "
                f"{self.loaded.name} (encoder {self.loaded.fingerprint}); embed the image again with this checkpoint"
            )
        self._fitting.add(embedding)

    def _check_prompt(self, prompt: Prompt, embedding: ImageEmbedding) -> None:
        check_capabilities(prompt, self.loaded.variant)
        prompt.check_inside(embedding.original_size_hw)
        h, w = embedding.features.shape[-2:]
        if prompt.mask_logits is not None and prompt.mask_logits.shape != (4 * h, 4 * w):
            raise PromptError(
                f"mask logits must be {4 * h} × {4 * w} for {self.loaded.name}, as in low_res_logits of an earlier "
                f"prediction, got {' × '.join(map(str, prompt.mask_logits.shape))}"
            )

    def _to_input(self, tasks: Sequence[_Task], frames: Sequence[Frame]) -> InputPrompts:
        """Return prompts of one kind as tensors in the input frame."""
        device = self.loaded.device
        first = tasks[0].prompt

        def tensor(arrays: list[npt.NDArray[Any]]) -> Tensor:  # Any: float32 or int64
            return torch.from_numpy(np.stack(arrays)).to(device)

        points = boxes = masks = None
        if len(first.points_xy):
            coordinates = tensor([frames[task.image].to_input(task.prompt.points_xy) for task in tasks])
            points = (coordinates, tensor([task.prompt.point_labels for task in tasks]))
        if first.box_xyxy is not None:
            boxes = tensor([frames[task.image].to_input(_known(task.prompt.box_xyxy)) for task in tasks])
        if first.mask_logits is not None:
            masks = tensor([_known(task.prompt.mask_logits)[None] for task in tasks])
        return InputPrompts(points, boxes, masks, torch.tensor([task.image for task in tasks], device=device))

    def _limited(self, logits: Tensor) -> Tensor:
        """Low-res logits as a caller gets them."""
        limit = getattr(self.loaded.sam.mask_decoder, "logit_limit", None)  # in its place may be anything
        return logits if limit is None else logits.clamp(-limit, limit)

    def _mask_set(self, found: Sequence[_Found], frame: Frame) -> MaskSet:
        logits = _low_res_logits(found, frame)
        return MaskSet(
            rles=tuple(_full_size_masks(logits, frame)),
            size_hw=frame.original_size_hw,
            checkpoint=self.loaded.name,
            predicted_iou=np.array([one.predicted_iou for one in found], dtype=np.float64),
            prompt_index=np.array([one.task.index for one in found], dtype=np.int64),
            low_res_logits=self._limited(logits).cpu().numpy(),
        )


def _full_size_masks(low_res_logits: Tensor, frame: Frame) -> Iterator[Rle]:
    """Yield masks in the original frame from logits (M, 4h, 4w), in windows on a CPU and whole elsewhere."""
    if low_res_logits.device.type == "cpu":
        upsampling = Upsampling(frame, low_res_logits.shape[-1])
        for logits in low_res_logits:
            yield upsampling.mask(logits, MASK_THRESHOLD)
    else:  # pragma: no cover - needs an accelerator
        for chunk in full_size(low_res_logits, frame):
            yield from encode_masks(chunk > MASK_THRESHOLD)


def full_size(low_res_logits: Tensor, frame: Frame) -> Iterator[Tensor]:
    """Upsample logits to the original frame, a few at a time: (M, 4h, 4w) → pieces (m, H, W)."""
    H, W = frame.original_size_hw  # noqa: N806
    at_a_time = max(1, full_size_bytes(low_res_logits.device) // (4 * max(H * W, frame.side**2)))
    for start in range(0, len(low_res_logits), at_a_time):
        with torch.inference_mode():
            yield frame.to_original(low_res_logits[start : start + at_a_time])


def full_size_bytes(device: torch.device) -> int:
    """Return how many bytes of logits to upsample at once."""
    if device.type != "cuda":
        return FULL_SIZE_BYTES
    free, _ = torch.cuda.mem_get_info(device)
    return max(FULL_SIZE_BYTES, min(FULL_SIZE_BYTES_ON_GPU, free // 4))


@dataclass(frozen=True)
class _Task:
    """One prompt of one image."""

    image: int
    index: int
    prompt: Prompt

    @property
    def kind(self) -> tuple[int, bool, bool]:
        """Kind of prompt; prompts of one kind have tensors of the same shape."""
        return (
            len(self.prompt.points_xy),
            self.prompt.box_xyxy is not None,
            self.prompt.mask_logits is not None,
        )


@dataclass(frozen=True)
class _Found:
    """One mask for a task."""

    task: _Task
    logits: Tensor
    predicted_iou: float


def _in_order(found: Sequence[_Found], image: int) -> list[_Found]:
    """Return the masks of an image by prompt."""
    # Stable, so the masks of a prompt keep their order.
    return sorted((one for one in found if one.task.image == image), key=lambda one: one.task.index)


def _low_res_logits(found: Sequence[_Found], frame: Frame) -> Tensor:
    side = frame.low_res_side
    return torch.stack([one.logits for one in found]) if found else torch.zeros(0, side, side)


def _same_kind(tasks: Sequence[_Task]) -> list[list[_Task]]:
    # Padding to a common number of points would change the masks, because padding tokens take part in attention.
    groups: dict[tuple[int, bool, bool], list[_Task]] = {}
    for task in tasks:
        groups.setdefault(task.kind, []).append(task)
    return list(groups.values())


def _known(array: npt.NDArray[Any] | None) -> npt.NDArray[Any]:  # Any: float32 or float64
    assert array is not None, "prompts of one kind have the same parts"
    return array
