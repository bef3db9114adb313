"""A set of examples for training or validation: embeddings, cached or live, and target masks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.datasets.ground_truth import LabelledImage
from samara.engines.loaded import Loaded
from samara.engines.torch_engine import TorchEngine
from samara.errors import DatasetError
from samara.finetuning.embedding_cache import EmbeddingCache
from samara.finetuning.examples import Example, LeftOut
from samara.finetuning.processes import Processes
from samara.finetuning.simulated_prompts import last_repeated
from samara.finetuning.validation import Sample
from samara.masks.rle import Rle, encode_mask
from samara.system.progress import Progress


@dataclass(frozen=True)
class Batch:
    """Objects of a few images.

    Attributes:
        examples: (B,) indices of the examples.
        targets: (N, 4h, 4w) bool.
        valid: (N, 4h, 4w) bool, True in the object's image, False in its padding.
        image_of_prompt: (N,) int64, position of each object's image in `examples`.
        counted: number of objects that count, the first ones; the others fill the batch. None for all.
    """

    examples: tuple[int, ...]
    targets: Tensor
    valid: Tensor
    image_of_prompt: Tensor
    counted: int | None = None

    @property
    def objects(self) -> int:
        """Number of objects that count."""
        return len(self.targets) if self.counted is None else self.counted

    def __getitem__(self, objects: Tensor) -> Batch:
        """The same of some objects, (K,) indices; all of them count."""
        return Batch(self.examples, self.targets[objects], self.valid[objects], self.image_of_prompt[objects])

    def filled(self, size: int) -> Batch:
        """Fill up to a number of objects with copies of the last one, which do not count.

        On a GPU every new number of objects is a new shape: cuDNN looks for an algorithm, the allocator for memory.
        """
        count = self.objects
        if count == 0 or count >= size:
            return self
        return replace(self[last_repeated(count, size).to(self.targets.device, non_blocking=True)], counted=count)

    def to(self, device: torch.device | str) -> Batch:
        """Copy to a device, without waiting for it."""
        targets, valid, image_of_prompt = (
            one.to(device, non_blocking=True) for one in (self.targets, self.valid, self.image_of_prompt)
        )
        return replace(self, targets=targets, valid=valid, image_of_prompt=image_of_prompt)


class TrainingSet:
    """Examples with at least one object that is large enough.

    Args:
        loaded: the checkpoint: input size, preprocessing, device.
        examples: candidates.

    Attributes:
        left_out: what was left out of the original images; transformed copies are not counted.

    Raises:
        DatasetError: an image cannot be read.
    """

    def __init__(self, loaded: Loaded, examples: Sequence[Example]) -> None:
        self.loaded = loaded
        self.examples: list[Example] = []
        self._targets: list[tuple[Rle, ...]] = []
        crowds = small = images = 0
        for example in examples:
            targets = example.targets(loaded.frame_of(example.size_hw))
            if len(targets):
                self.examples.append(example)
                self._targets.append(tuple(encode_mask(target) for target in targets))
            if example.augmentation is None:
                instances = example.image.instances
                groups = sum(instance.is_crowd for instance in instances)
                crowds, small = crowds + groups, small + len(instances) - groups - len(targets)
                images += not len(targets)
        self.left_out = LeftOut(crowds, small, images)
        self._contents = self._contents_of_files()

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.examples)

    @property
    def objects(self) -> int:
        """Number of objects in all examples."""
        return sum(map(len, self._targets))

    @property
    def digest(self) -> str:
        """Hash of images and masks, independent of file names and locations."""
        masks = [[rle.counts.decode() for rle in targets] for targets in self._targets]
        return hashlib.sha256(json.dumps([self._identities, masks]).encode()).hexdigest()

    def images_shared_with(self, other: TrainingSet) -> int:
        """Return the number of images that are also in another set, by content."""
        return len(set(self._contents.values()) & set(other._contents.values()))

    @property
    def facts(self) -> dict[str, object]:
        """Facts about the set for the checkpoint's metadata."""
        return {"examples": len(self), "objects": self.objects, "sha256": self.digest}

    @property
    def _identities(self) -> list[str]:
        """Identities of the examples' embeddings, in addition to the encoder."""
        return [f"{one.augmentation}:{self._contents[one.image.path]}{_said(one.image)}" for one in self.examples]

    def _contents_of_files(self) -> dict[Path, str]:
        contents = {}
        for path in {example.image.path for example in self.examples}:
            try:
                with path.open("rb") as file:
                    contents[path] = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise DatasetError(f"{str(path)!r} cannot be read ({error.strerror or error})") from error
        return contents

    def objects_of(self, index: int) -> int:
        """Return the number of objects in an example."""
        return len(self._targets[index])

    def network_input(self, index: int) -> Tensor:
        """Return an example as network input, (1, 3, S, S) on the device."""
        return self.loaded.network_input(self.examples[index].pixels())

    def cache(self, folder: Path, processes: Processes, progress: Progress | None = None) -> EmbeddingCache:
        """Encode every example with the checkpoint's own encoder, reusing the embeddings of an earlier run."""
        grid = self.loaded.grid
        facts = (self.loaded.fingerprint, self._identities, (self.loaded.variant.embedding_channels, grid, grid))
        if processes.is_first:
            EmbeddingCache(folder, *facts)  # creates the files
        processes.wait()
        cache = EmbeddingCache(folder, *facts)
        engine = TorchEngine(self.loaded.sam, self.loaded.device, self.loaded.precision)
        cache.fill(lambda index: engine.encode(self.network_input(index))[0], progress, share=processes.share)
        processes.wait()
        return cache

    def batch(self, examples: Sequence[int], most: int, generator: torch.Generator) -> Batch:
        """Draw at most `most` objects of each example, different ones on every call."""
        masks: list[npt.NDArray[np.bool_]] = []
        valid: list[npt.NDArray[np.bool_]] = []
        of: list[int] = []
        for position, index in enumerate(examples):
            targets = self._targets[index]
            for chosen in torch.randperm(len(targets), generator=generator)[:most].tolist():
                masks.append(targets[chosen].decode())
                valid.append(self.valid(index))
                of.append(position)
        batch = Batch(
            examples=tuple(examples),
            targets=torch.from_numpy(np.stack(masks)),
            valid=torch.from_numpy(np.stack(valid)),
            image_of_prompt=torch.tensor(of),
        )
        return batch.to(self.loaded.device)

    def valid(self, index: int) -> npt.NDArray[np.bool_]:
        """Return the valid region of an example's image on the low-res grid, (4h, 4w) bool."""
        example, side = self.examples[index], 4 * self.loaded.grid
        height, width = self.loaded.frame_of(example.size_hw).low_res_size_hw
        valid = np.zeros((side, side), dtype=bool)
        valid[:height, :width] = True
        return valid

    def sample(self, index: int, features: Tensor) -> Sample:
        """Return an example for validation."""
        targets = np.stack([target.decode() for target in self._targets[index]])
        device = self.loaded.device
        return Sample(
            features=features.to(device),
            targets=torch.from_numpy(targets).to(device),
            valid=torch.from_numpy(self.valid(index)).to(device),
        )


def _said(image: LabelledImage) -> str:
    """Describe how an image is read, which affects its pixels."""
    facts = image.reading.facts()
    return json.dumps(facts, sort_keys=True) if facts else ""
