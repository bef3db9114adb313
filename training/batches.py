"""Batches of examples: which images, drawn how, read by how many processes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from samara.finetuning.training_set import Batch
from samara.networks.variants import Preprocessing
from training.examples import ExampleSettings, TrainingExample, make_example
from training.packed_set import PackedSet

DOMAIN_OF = {"dsb2018": "medical", "lgg": "medical", "dubai": "satellite", "flood": "satellite"}
"""Domain of a source; every other is natural."""

DOMAIN_SHARE = {"natural": 0.65, "medical": 0.2, "satellite": 0.15}
"""Share of the examples that each domain gives, whatever its number of images."""

BREADTH = {"coco": 4.0, "bsds500": 3.0, "ecssd": 1.5, "animals": 1.5}
"""How much more a source counts that shows everything, not things of one kind."""


def chances(data: PackedSet, images: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """How likely each of some images is drawn.

    Within a domain a source counts by the square root of its images: two thousand photos of one kind teach more than
    twenty, but not a hundred times as much.
    """
    source = data.source_of[images]
    domains = np.array([DOMAIN_OF.get(name, "natural") for name in data.sources])[source]
    counts = np.bincount(source, minlength=len(data.sources))
    breadth = np.array([BREADTH.get(name, 1.0) for name in data.sources])
    chance = breadth[source] / np.sqrt(counts[source])
    for domain in np.unique(domains):
        here = domains == domain
        chance[here] *= DOMAIN_SHARE[str(domain)] / chance[here].sum()
    total: float = chance.sum()
    return np.asarray(chance / total)


class _Examples(Dataset[TrainingExample]):
    def __init__(self, data: PackedSet, settings: ExampleSettings) -> None:
        self.data, self.settings = data, settings

    def __getitem__(self, drawn: tuple[int, int]) -> TrainingExample:
        index, seed = drawn
        return make_example(self.data, index, self.settings, np.random.default_rng(seed))


class _Draws(Sampler[list[tuple[int, int]]]):
    """Endless lists of (image, seed); step n is the same whatever was drawn before, so that a leg can go on."""

    def __init__(
        self, images: npt.NDArray[np.int64], chance: npt.NDArray[np.float64], size: int, seed: int, first_step: int
    ) -> None:
        self.images, self.chance, self.size, self.seed, self.first_step = images, chance, size, seed, first_step

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        step = self.first_step
        while True:
            random = np.random.default_rng((self.seed, step))
            drawn = random.choice(self.images, self.size, p=self.chance)
            yield [(int(index), int(random.integers(1 << 62))) for index in drawn]
            step += 1


def batches(
    data: PackedSet,
    chosen: npt.NDArray[np.int64],
    settings: ExampleSettings,
    *,
    images: int,
    seed: int,
    first_step: int,
    workers: int,
) -> Iterator[tuple[Tensor, Batch]]:
    """Endless batches: pixels (B, S, S, 3) uint8 with their objects; batch n depends on the seed and n alone."""
    draws = _Draws(chosen, chances(data, chosen), images, seed, first_step)
    loader = DataLoader(
        _Examples(data, settings),
        batch_sampler=draws,
        collate_fn=_collate,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        pin_memory=torch.cuda.is_available(),
    )
    for pixels, targets, valid, image_of_prompt in loader:
        if len(targets):
            yield pixels, Batch(tuple(range(len(pixels))), targets, valid, image_of_prompt)


def _collate(examples: list[TrainingExample]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    counts = torch.tensor([len(example.targets) for example in examples])
    owner = torch.repeat_interleave(torch.arange(len(examples)), counts)
    valid = torch.from_numpy(np.stack([example.valid for example in examples]))[owner]
    targets = torch.from_numpy(np.concatenate([example.targets for example in examples]))
    pixels = torch.from_numpy(np.stack([example.pixels for example in examples]))
    return pixels, targets, valid, owner


def normalised(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """(B, S, S, 3) uint8 → (B, 3, S, S) float32, channels last in memory."""
    # Filled on the device: a copy from the host would wait for all of a GPU's work.
    mean, std = (
        torch.cat([pixels.new_full((1,), value, dtype=torch.float32) for value in values])
        for values in (preprocessing.mean, preprocessing.std)
    )
    return ((pixels - mean) / std).permute(0, 3, 1, 2)
