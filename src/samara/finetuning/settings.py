"""The settings of fine-tuning, each with its source.

Importing this loads no torch, so that the command line takes its defaults from here and its help stays quick.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from samara.errors import SettingsError

if TYPE_CHECKING:
    from samara.finetuning.losses import LossWeights
    from samara.finetuning.simulated_prompts import PromptSimulation

Trained = Literal["decoder", "lora", "everything"]
Augmentation = Literal["flip", "rotate90", "rotate180", "rotate270", "half", "double"]
Precision = Literal["float32", "bfloat16"]

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
    "augmentations": get_args(Augmentation),
    "precision": get_args(Precision),
}


def _losses() -> LossWeights:
    from samara.finetuning.losses import LossWeights

    return LossWeights(focal=5.0, cross_entropy=0.2)


def _simulation() -> PromptSimulation:
    from samara.finetuning.simulated_prompts import PromptSimulation

    return PromptSimulation(rounds=3, rounds_without_points=1)


@dataclass(frozen=True, kw_only=True)
class FineTuneSettings:
    """How a checkpoint is fine-tuned.

    Attributes:
        trained: what learns: the mask decoder over cached embeddings (the image encoder is frozen and runs once per
            image), LoRA on the encoder's attention as well, or every weight.
        epochs: passes over the training set, at least 1.
        learning_rate: of AdamW, after warm-up. Source: the project's brief, section 4.
        weight_decay: of AdamW. Source: the same.
        objects_per_image: most objects of one image in a step; others wait for the next epoch.
        images_per_step: images whose gradients are added up to one step; they go through one after the other, so
            that more of them cost no memory.
        warmup_steps: steps of linear rise, at most a quarter of all steps; then the learning rate falls as a cosine
            towards zero. Kirillov et al. 2023, appendix A, warm up for 250 of 90,000 steps.
        max_gradient_norm: gradients are scaled down to this norm; decoders from little data need it.
        ema_decay: weight of the past in a moving average of the weights, which is what is kept; None for none.
        augmentations: each adds one transformed copy of every training image, with an embedding of its own.
        lora_rank: rank of the LoRA matrices.
        lora_apart: write the LoRA matrices and the decoder alone, for `samara.load(checkpoint, lora=file)`, instead
            of a whole checkpoint with the matrices folded in.
        losses: weights of the losses. 5 focal + dice + 0.2 balanced cross-entropy gave more on small sets than the
            paper's 20 focal + dice, which `LossWeights()` is (`benchmarks/finetuning_losses.py`).
        simulation: how prompts are drawn; 3 + 1 rounds after the first where the paper has 8 + 2, half the time.
        validation_fraction: of the images, when no validation set is given.
        patience: epochs without a better validation IoU after which training stops; None for never.
        precision: "float32", or "bfloat16" through autocast.
        checkpoint_blocks: keep the input of each of the encoder's blocks alone and run its forward pass again in the
            backward pass; without effect when the encoder is frozen.
        seed: of everything random.
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
    losses: LossWeights = field(default_factory=_losses)
    simulation: PromptSimulation = field(default_factory=_simulation)
    validation_fraction: float = 0.2
    patience: int | None = 5
    precision: Precision = "float32"
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
