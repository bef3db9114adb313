"""A leg of training: so many minutes at one image size, from where the last leg ended.

The learning rate rises, then stays; a last leg lets it fall to zero (`cooldown`). So no leg needs to know how many
will follow, and the state before the cooldown stays there to go on from.

Source of the schedule: Zhai et al. 2022, "Scaling vision transformers", section 3.5 (constant, then linear cooldown).
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from samara.finetuning.settings import FineTuneSettings, LossWeights, PromptSimulation
from samara.finetuning.step import add_gradients, has_fixed_sizes
from samara.finetuning.step_losses import StepLosses
from samara.finetuning.training_set import Batch
from samara.networks.build import build_sam
from samara.networks.sam import Sam
from samara.networks.variants import Variant
from training.batches import batches, normalised
from training.examples import ExampleSettings
from training.packed_set import PackedSet


@dataclass(frozen=True, kw_only=True)
class LegSettings:
    """How a leg trains.

    Attributes:
        minutes: of training; validation comes on top.
        size: side of the network input in pixels.
        images: images per step.
        objects: most objects per image.
        learning_rate: of AdamW, after warm-up.
        decoder_share: the decoder's learning rate as a share of the encoder's.
        weight_decay: of AdamW, for everything that is a matrix.
        warmup_steps: steps of linear rise from the very first step of all legs.
        cooldown: let the learning rate fall to zero over this leg.
        ema_decay: weight of the past in the moving average.
        correction_probability: how likely a step has a second round with a corrective point.
        box_noise: how loose the boxes are, see `PromptSimulation`.
        focal, cross_entropy: weights of these losses beside dice, which has 1. The paper's focal loss hardly moves a
            decoder that begins with random weights, balanced cross-entropy does; but that counts the few pixels of a
            small object as much as all others together, and so makes masks too large once the decoder has learnt.
        frozen: beginnings of names of parameters that stay as they are, e.g. "image_encoder.patch_embed".
        keep_statistics: let batch norms normalise by the statistics they came with, also while they train. For
            published weights: those of a few images are another network's.
        workers: processes that make examples.
        bfloat16: autocast.
        compiled: let PyTorch compile the encoder; takes a minute once, then a tenth to a fifth off a step.
        seed: of everything random.
    """

    minutes: float
    size: int = 256
    images: int = 8
    objects: int = 4
    learning_rate: float = 1e-3
    decoder_share: float = 0.2
    weight_decay: float = 0.05
    warmup_steps: int = 200
    cooldown: bool = False
    ema_decay: float = 0.998
    correction_probability: float = 0.4
    box_noise: float = 0.1
    focal: float = 5.0
    cross_entropy: float = 0.2
    frozen: tuple[str, ...] = ()
    keep_statistics: bool = False
    workers: int = 0
    bfloat16: bool = False
    compiled: bool = False
    seed: int = 0


class Training:
    """Everything that lasts from leg to leg.

    Args:
        variant: the network.
        device: where it trains.
    """

    def __init__(self, variant: Variant, device: str, seed: int = 0) -> None:
        self.variant, self.device = variant, torch.device(device)
        torch.manual_seed(seed)
        self.network = build_sam(variant).to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network)
        self.optimiser = _optimiser(self.network)
        self.step = 0
        self.images_seen = 0
        self.history: list[dict[str, float]] = []

    def save(self, path: Path) -> None:
        """Write the state; the file replaces the old one in one move."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "images_seen": self.images_seen,
            "history": json.dumps(self.history),
        }
        partial = path.with_name(f"{path.name}.part")
        torch.save(state, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Go on from a state that `save` wrote; our own file, and still nothing in it is executed."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        for name in ("network", "average", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.images_seen = state["step"], state["images_seen"]
        self.history = json.loads(state["history"])

    def start_from(self, state: dict[str, Tensor]) -> None:
        """Begin with the weights of a checkpoint of the same variant."""
        self.network.load_state_dict({name: value.float() for name, value in state.items()})
        self.average.load_state_dict(self.network.state_dict())


def run_leg(
    training: Training,
    data: PackedSet,
    images: np.ndarray,
    settings: LegSettings,
    tell: Callable[[str], None],
    *,
    save_to: Path | None = None,
    save_every_s: float = 300,
) -> None:
    """Train for a while.

    Args:
        training: changed in place.
        data: the images.
        images: which of them may be trained on.
        settings: of this leg.
        tell: gets a line of text now and then.
        save_to: where the state is kept; written now and then and at the end.
        save_every_s: how often.
    """
    _set_size(training.network, settings.size)
    _set_size(training.average, settings.size)
    training.network.train(not settings.keep_statistics)  # only batch norms make a difference
    for name, parameter in training.network.named_parameters():
        parameter.requires_grad_(not name.startswith(settings.frozen))
    encoder: nn.Module = training.network.image_encoder
    encode = torch.compile(encoder, dynamic=False) if settings.compiled else encoder
    examples = ExampleSettings(size=settings.size, objects=settings.objects)
    started = saved = told = time.monotonic()
    losses = StepLosses()
    endless = batches(
        data,
        images,
        examples,
        images=settings.images,
        seed=settings.seed,
        first_step=training.step,
        workers=settings.workers,
    )
    for pixels, batch in endless:
        now = time.monotonic()
        share = (now - started) / (60 * settings.minutes)
        if share >= 1:
            break
        _set_learning_rate(training, settings, share)
        # From the step alone, so that a leg that was cut in two does the same.
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + training.step)
        losses.add(_step(training, encode, pixels, batch, settings, generator))
        if now - told > 30:
            mean = losses.mean
            training.history.append({"step": training.step, "loss": mean})
            tell(
                f"step {training.step}, {training.images_seen} images, loss {mean:.3f}, "
                f"{len(losses) * settings.images / (now - told):.1f} images/s, {100 * share:.0f} %"
            )
            told, losses = now, StepLosses()
        if save_to is not None and now - saved > save_every_s:
            training.save(save_to)
            saved = now
    if save_to is not None:
        training.save(save_to)
    tell(f"leg ended: {json.dumps(asdict(settings))}")


def _step(
    training: Training,
    encode: Callable[[Tensor], Tensor],
    pixels: Tensor,
    batch: Batch,
    settings: LegSettings,
    generator: torch.Generator,
) -> Tensor:
    device = training.device
    if has_fixed_sizes(device.type):
        batch = batch.filled(settings.images * settings.objects)
    on_device = batch.to(device)
    images = normalised(pixels.to(device, non_blocking=True), training.variant.preprocessing)
    images = _without_padding(images, on_device)
    with torch.autocast(device.type, torch.bfloat16, enabled=settings.bfloat16):
        features = encode(images)
    corrected = float(torch.rand((), generator=generator)) < settings.correction_probability
    decoder_settings = _decoder_settings(settings, corrected)
    loss = add_gradients(training.network, features.float(), on_device, decoder_settings, generator)
    nn.utils.clip_grad_norm_(training.network.parameters(), 1.0)
    training.optimiser.step()
    training.optimiser.zero_grad(set_to_none=True)
    training.step += 1
    training.images_seen += len(pixels)
    _update_average(training, settings.ema_decay)
    return loss


def _decoder_settings(settings: LegSettings, corrected: bool) -> FineTuneSettings:
    return FineTuneSettings(
        trained="everything",
        losses=LossWeights(focal=settings.focal, dice=1, cross_entropy=settings.cross_entropy, iou=1),
        simulation=PromptSimulation(rounds=int(corrected), rounds_without_points=0, box_noise=settings.box_noise),
        precision="bfloat16" if settings.bfloat16 else "float32",
    )


def _without_padding(images: Tensor, batch: Batch) -> Tensor:
    """Zero where no image is, as in prediction; `valid` is per object, and every image with objects has one."""
    B, _, H, W = images.shape  # noqa: N806
    inside = torch.ones(B, H // 4, W // 4, dtype=torch.bool, device=images.device)
    inside[batch.image_of_prompt] = batch.valid
    mask = inside.repeat_interleave(4, 1).repeat_interleave(4, 2)
    return images * mask.unsqueeze(1)


def _optimiser(network: Sam) -> torch.optim.Optimizer:
    """Groups: encoder and decoder, each with and without weight decay."""
    encoder = list(network.image_encoder.parameters())
    decoder = [*network.prompt_encoder.parameters(), *network.mask_decoder.parameters()]
    return torch.optim.AdamW(
        [
            {"params": [one for one in part if (one.ndim > 1) == decayed], "part": name, "decayed": decayed}
            for name, part in (("encoder", encoder), ("decoder", decoder))
            for decayed in (True, False)
        ],
        betas=(0.9, 0.98),
    )


def _set_learning_rate(training: Training, settings: LegSettings, share: float) -> None:
    rate = settings.learning_rate * min(1.0, (training.step + 1) / settings.warmup_steps)
    if settings.cooldown:
        rate *= 1 - share
    for group in training.optimiser.param_groups:
        group["lr"] = rate * (settings.decoder_share if group["part"] == "decoder" else 1)
        group["weight_decay"] = settings.weight_decay if group["decayed"] else 0.0


def _set_size(network: Sam, size: int) -> None:
    network.prompt_encoder.input_image_size = (size, size)
    network.prompt_encoder.image_embedding_size = (size // 16, size // 16)


@torch.no_grad()
def _update_average(training: Training, decay: float) -> None:
    """Moving average of the weights, shorter at the beginning; batch norms' statistics are averages already."""
    decay = min(decay, (training.step + 1) / (training.step + 10))
    ours, theirs = list(training.average.parameters()), list(training.network.parameters())
    torch._foreach_lerp_(ours, theirs, 1 - decay)
    for own, other in zip(training.average.buffers(), training.network.buffers(), strict=True):
        own.copy_(other)
