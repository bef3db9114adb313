"""A set of examples ready to be trained on or validated with: embeddings, cached or live, and target masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.engines.torch_engine import TorchEngine
from samara.finetuning.embedding_cache import EmbeddingCache, Progress
from samara.finetuning.examples import Example
from samara.finetuning.processes import Processes
from samara.finetuning.validation import Sample
from samara.loaded import Loaded
from samara.masks.rle import Rle, encode_mask
from samara.preprocessing import Frame, to_network_input


@dataclass(frozen=True)
class Batch:
    """Objects of a few pictures.

    Attributes:
        examples: (B,) indices of the examples.
        targets: (N, 4h, 4w) bool.
        valid: (N, 4h, 4w) bool, where the object's picture is and not its padding.
        image_of_prompt: (N,) int64, position of each object's picture in `examples`.
    """

    examples: tuple[int, ...]
    targets: Tensor
    valid: Tensor
    image_of_prompt: Tensor


class TrainingSet:
    """Examples with at least one object that is large enough.

    Args:
        loaded: the checkpoint: input size, preprocessing, device.
        examples: candidates.
    """

    def __init__(self, loaded: Loaded, examples: Sequence[Example]) -> None:
        self.loaded = loaded
        self.examples: list[Example] = []
        self._targets: list[tuple[Rle, ...]] = []
        for example in examples:
            targets = example.targets(loaded.input_size)
            if len(targets):
                self.examples.append(example)
                self._targets.append(tuple(encode_mask(target) for target in targets))

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.examples)

    @property
    def objects(self) -> int:
        """Number of objects in all examples."""
        return sum(map(len, self._targets))

    def objects_of(self, index: int) -> int:
        """Number of objects in an example."""
        return len(self._targets[index])

    def network_input(self, index: int) -> Tensor:
        """An example as network input, (1, 3, S, S) on the device."""
        pixels = self.examples[index].pixels()
        frame = Frame((pixels.shape[0], pixels.shape[1]), self.loaded.input_size)
        preprocessing = self.loaded.variant.preprocessing
        return to_network_input(pixels, frame, preprocessing.mean, preprocessing.std, self.loaded.device)

    def cache(self, folder: Path, processes: Processes, progress: Progress | None = None) -> EmbeddingCache:
        """Encode every example with the checkpoint's own encoder, or take what an earlier run left."""
        grid = self.loaded.input_size // 16
        names = [example.name for example in self.examples]
        facts = (self.loaded.fingerprint, names, (self.loaded.variant.embedding_channels, grid, grid))
        if processes.is_first:
            EmbeddingCache(folder, *facts)  # makes the files
        processes.wait()
        cache = EmbeddingCache(folder, *facts)
        engine = TorchEngine(self.loaded.sam, self.loaded.device, self.loaded.precision)
        cache.fill(lambda index: engine.encode(self.network_input(index))[0], progress, share=processes.share)
        processes.wait()
        return cache

    def batch(self, examples: Sequence[int], most: int, generator: torch.Generator) -> Batch:
        """At most `most` objects of each example, drawn anew at every call."""
        masks: list[npt.NDArray[np.bool_]] = []
        valid: list[npt.NDArray[np.bool_]] = []
        of: list[int] = []
        for position, index in enumerate(examples):
            targets = self._targets[index]
            for chosen in torch.randperm(len(targets), generator=generator)[:most].tolist():
                masks.append(targets[chosen].decode())
                valid.append(self.valid(index))
                of.append(position)
        device = self.loaded.device
        return Batch(
            examples=tuple(examples),
            targets=torch.from_numpy(np.stack(masks)).to(device),
            valid=torch.from_numpy(np.stack(valid)).to(device),
            image_of_prompt=torch.tensor(of, device=device),
        )

    def valid(self, index: int) -> npt.NDArray[np.bool_]:
        """Where an example's picture lies on the low-res grid, (4h, 4w) bool."""
        example, side = self.examples[index], self.loaded.input_size // 4
        h, w = Frame(example.size_hw, self.loaded.input_size).resized_size_hw
        valid = np.zeros((side, side), dtype=bool)
        valid[: max(1, round(h / 4)), : max(1, round(w / 4))] = True
        return valid

    def sample(self, index: int, features: Tensor) -> Sample:
        """An example to validate on."""
        targets = np.stack([target.decode() for target in self._targets[index]])
        device = self.loaded.device
        return Sample(
            features=features.to(device),
            targets=torch.from_numpy(targets).to(device),
            valid=torch.from_numpy(self.valid(index)).to(device),
        )
