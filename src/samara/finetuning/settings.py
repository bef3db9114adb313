"""The settings of fine-tuning, each with its source.

Importing this does not load torch, so the command line can take its defaults from here with fast help.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from samara.errors import SettingsError

if TYPE_CHECKING:
    import torch

    from samara.networks.variant import Capabilities

Trained = Literal["decoder", "lora", "everything"]
Augmentation = Literal["flip", "rotate90", "rotate180", "rotate270", "half", "double"]
Criterion = Literal["mean", "click", "box"]
"""Validation IoU that chooses the epoch: of clicks, of boxes, or the mean of both."""
TrainingPrecision = Literal["float32", "bfloat16"]

FIRST_POINTS = 2
"""Points that an object's first prompt takes: a box's two corners, or a click and its padding."""

MIN = {
    "epochs": 1,
    "objects_per_image": 1,
    "images_per_step": 1,
    "lora_rank": 1,
    "patience": 1,
    "warmup_steps": 0,
    "weight_decay": 0,
}
CHOICES = {
    "trained": get_args(Trained),
    "criterion": get_args(Criterion),
    "augmentations": get_args(Augmentation),
    "precision": get_args(TrainingPrecision),
}


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Weights of the losses; each finite and at least 0, with at least one of the three mask losses above 0.

    The defaults are the paper's: focal to dice 20 : 1, the IoU head's error times 1.

    Attributes:
        focal: weight of the focal loss.
        dice: weight of the dice loss.
        cross_entropy: weight of the balanced cross-entropy.
        iou: weight of the IoU head's squared error.
    """

    focal: float = 20.0
    dice: float = 1.0
    cross_entropy: float = 0.0
    iou: float = 1.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (math.isfinite(value) and value >= 0):
                raise SettingsError(f"the weight of the {name} loss is {value}; it must be a number of at least 0")
        if not self.focal + self.dice + self.cross_entropy:
            raise SettingsError("every mask loss has weight 0; give focal, dice or cross_entropy a positive weight")


@dataclass(frozen=True, kw_only=True)
class PromptSimulation:
    """How prompts are simulated; the defaults are the paper's, 1 + 8 + 2 predictions per object.

    Attributes:
        rounds: corrective clicks after the first prompt, each followed by a prediction, at least 0.
        rounds_without_points: predictions from the previous mask alone, at least 0: one at the end, the others at
            random among `rounds`.
        point_probability: probability that an object starts with a point, in [0, 1]; otherwise with a box.
        box_noise: standard deviation of each box coordinate, as a fraction of the box's side along it, at least 0.
        box_noise_max_px: max. shift of a coordinate, in pixels of a 1024-pixel input, at least 0; scaled to the grid's
            long side.
        background_points: whether corrective clicks may be on background; if not, they are on what the mask misses.
        previous_masks: whether a prediction sees the mask before it.
    """

    rounds: int = 8
    rounds_without_points: int = 2
    point_probability: float = 0.5
    box_noise: float = 0.1
    box_noise_max_px: float = 20.0
    background_points: bool = True
    previous_masks: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.point_probability <= 1:
            raise SettingsError(f"point_probability is {self.point_probability}; it must be between 0 and 1")
        for name in ("rounds", "rounds_without_points", "box_noise", "box_noise_max_px"):
            if not 0 <= getattr(self, name) < math.inf:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be a number of at least 0")

    def restricted_to(self, capabilities: Capabilities) -> PromptSimulation:
        """Return the simulation without prompts that a network does not take."""
        rounds = self.rounds if capabilities.points else 0
        if capabilities.points and capabilities.max_points is not None:
            rounds = min(rounds, capabilities.max_points - FIRST_POINTS)
        sees_masks = self.previous_masks and capabilities.mask_input
        return replace(
            self,
            rounds=rounds,
            rounds_without_points=self.rounds_without_points if sees_masks else 0,
            background_points=self.background_points and capabilities.negative_points,
            previous_masks=sees_masks,
            point_probability=self.point_probability if capabilities.points else 0.0,
        )

    def schedule(self, generator: torch.Generator) -> tuple[bool, ...]:
        """Draw, for each prediction after the first, whether a corrective point comes before it."""
        import torch

        with_point = [True] * self.rounds
        for _ in range(self.rounds_without_points - 1):
            # Never after the last point, which is where the fixed one goes.
            place = torch.randint(max(1, len(with_point)), (), generator=generator, device=generator.device)
            with_point.insert(int(place), False)
        return (*with_point, False) if self.rounds_without_points else tuple(with_point)


@dataclass(frozen=True, kw_only=True)
class FineTuneSettings:
    """Settings of fine-tuning.

    Attributes:
        trained: weights to train: the mask decoder over cached embeddings (the image encoder is frozen and runs once
            per image), also LoRA on the encoder's attention, or every weight.
        epochs: passes over the training set, at least 1.
        learning_rate: learning rate of AdamW, after warm-up. Source: the project's brief, section 4.
        weight_decay: weight decay of AdamW. Source: the same.
        objects_per_image: max. objects of one image in a step; others wait for the next epoch.
        images_per_step: images whose gradients are summed in one step; they are processed one by one, so that more of
            them need no memory.
        warmup_steps: steps of linear rise, at most a quarter of all steps; then the learning rate falls as a cosine
            towards zero. Kirillov et al. 2023, appendix A, warm up for 250 of 90,000 steps.
        max_gradient_norm: gradients are scaled down to this norm; decoders from little data need it.
        ema_decay: decay of a moving average of the weights, which is what is kept; None for none.
        augmentations: each adds one transformed copy of every training image, with its own embedding.
        lora_rank: rank of the LoRA matrices.
        lora_apart: write only the LoRA matrices and the decoder, for `samara.load(checkpoint, lora=file)`, instead of a
            complete checkpoint with the matrices folded in.
        losses: weights of the losses. 5 focal + dice + 0.2 balanced cross-entropy was better on small sets than the
            paper's 20 focal + dice, the default of `LossWeights()` (`benchmarks/finetuning_losses.py`).
        simulation: simulation of prompts, without those that the checkpoint does not take; 3 + 1 rounds after the first
            instead of the paper's 8 + 2, in half the time.
        validation_fraction: fraction of the images for validation, if the data set has no split; at least three images,
            where there are six.
        criterion: validation IoU that chooses the epoch to keep: that of clicks, of boxes, or the mean of both; for a
            checkpoint that takes boxes alone, that of boxes.
        patience: epochs without a better validation IoU, by the criterion, after which training stops; None for never.
        precision: compute precision of training: "float32", or "bfloat16" through autocast.
        checkpoint_blocks: keep only the input of each encoder block and rerun its forward pass in the backward pass; no
            effect if the encoder is frozen.
        seed: seed of everything random.
    """

    trained: Trained = "decoder"
    epochs: int = 20
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    objects_per_image: int = 8
    images_per_step: int = 2
    warmup_steps: int = 20
    max_gradient_norm: float = 1.0
    ema_decay: float | None = 0.98
    augmentations: tuple[Augmentation, ...] = ("flip",)
    lora_rank: int = 4
    lora_apart: bool = False
    losses: LossWeights = LossWeights(focal=5.0, cross_entropy=0.2)
    simulation: PromptSimulation = PromptSimulation(rounds=3, rounds_without_points=1)
    validation_fraction: float = 0.2
    criterion: Criterion = "mean"
    patience: int | None = 5
    precision: TrainingPrecision = "float32"
    checkpoint_blocks: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in MIN.items():
            if getattr(self, name) is not None and not least <= getattr(self, name) < math.inf:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        for name in ("learning_rate", "max_gradient_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be a number above 0")
        if not 0 < self.validation_fraction < 1:
            raise SettingsError(f"validation_fraction is {self.validation_fraction}; it must lie between 0 and 1")
        if self.ema_decay is not None and not 0 <= self.ema_decay < 1:
            raise SettingsError(f"ema_decay is {self.ema_decay}; it must lie in [0, 1)")
        for name, known in CHOICES.items():
            value = getattr(self, name)
            for chosen in set(value if isinstance(value, tuple) else (value,)) - set(known):
                raise SettingsError(f"{name} {chosen!r} is not known; use {', '.join(known)}")

    def restricted_to(self, capabilities: Capabilities) -> FineTuneSettings:
        """Return the settings without prompts that a network does not take.

        Raises:
            SettingsError: epochs are to be chosen by clicks, which it does not take.
        """
        if not capabilities.points and self.criterion == "click":
            raise SettingsError(
                'the checkpoint takes boxes alone, so no epoch can be chosen by clicks; use `criterion="box"`'
            )
        criterion = self.criterion if capabilities.points else "box"
        return replace(self, simulation=self.simulation.restricted_to(capabilities), criterion=criterion)
