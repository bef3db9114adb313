"""One training step: several rounds of prompting, predicting and correcting, with the gradients of all.

Source: Kirillov et al. 2023, appendix A "Training algorithm". Differs from the paper: the first round trains the single
mask as well as the three, because users request the single mask of a box.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from samara.finetuning.losses import mask_loss
from samara.finetuning.processes import Processes
from samara.finetuning.settings import FineTuneSettings
from samara.finetuning.simulated_prompts import SimulatedPrompts, corrective_points, first_prompts
from samara.finetuning.training_set import Batch, TrainingSet
from samara.networks.hq_mask_decoder import DrawsHqMask
from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS, MaskDecoder
from samara.networks.prompt_encoder import TOP_LEFT
from samara.networks.sam import Sam
from samara.networks.variant import Capabilities

ALL_MASKS = slice(None)
ALL_PROMPTS = Capabilities()


def has_fixed_sizes(device: str) -> bool:
    """Return whether steps of always the same number of objects are faster on a device."""
    return device.startswith("cuda")


def add_gradients_of_images(
    network: Sam,
    images: TrainingSet,
    examples: Sequence[int],
    features_of: Callable[[int], Tensor],
    settings: FineTuneSettings,
    *,
    generator_of: Callable[[int], torch.Generator],
    processes: Processes,
    capabilities: Capabilities = ALL_PROMPTS,
) -> Tensor:
    """Accumulate the gradients of a step's images, one by one, so that more of them need no memory.

    Args:
        network: network in training.
        images: set of the examples.
        examples: examples of the step, for all processes; this one processes its share.
        features_of: function from the index of an example to its embedding, (1, C, h, w).
        settings: see `add_gradients`.
        generator_of: function from the position in the step to that image's generator, the same in all processes.
        processes: processes that share the step.
        capabilities: see `add_gradients`.

    Returns:
        This process's part of the mean loss per object and round, see `add_gradients`; every object has the same
        weight, whatever its image.
    """
    most = settings.objects_per_image
    objects = sum(min(most, images.objects_of(index)) for index in examples)
    device = images.loaded.device
    total = no_loss(device)
    for position, index in processes.share(enumerate(examples)):
        generator = generator_of(position)
        batch = images.batch([index], most, generator)
        batch = batch.filled(most) if has_fixed_sizes(device) else batch
        weight = batch.objects / objects
        features = features_of(index)
        total = total + add_gradients(
            network, features, batch, settings, generator, weight=weight, capabilities=capabilities
        )
    return total


def no_loss(device: torch.device | str) -> Tensor:
    """Return a sum of losses that is still zero, in float64 where the device has it."""
    dtype = torch.float32 if torch.device(device).type == "mps" else torch.float64
    return torch.zeros((), dtype=dtype, device=device)


def add_gradients(
    network: Sam,
    features: Tensor,
    batch: Batch,
    settings: FineTuneSettings,
    generator: torch.Generator,
    *,
    weight: float = 1.0,
    capabilities: Capabilities = ALL_PROMPTS,
) -> Tensor:
    """Run the rounds of a batch and accumulate their gradients in the network.

    Each round's graph is freed before the next, so the memory is that of one prediction. Gradients of the image
    embedding are summed over the rounds and propagated through the encoder once, if it is trained. The host never waits
    for the device.

    Args:
        network: network in training.
        features: (B, C, h, w); if it has a graph, gradients flow into the encoder.
        batch: N objects of these B images.
        settings: losses, simulation, precision.
        generator: generator on the CPU.
        weight: weight of this batch among several whose gradients are summed.
        capabilities: prompts to simulate, and whether the three masks are trained besides the single one.

    Returns:
        The mean loss per object and round, times the weight, (); 0 without objects, for which the network is not run.
    """
    total = no_loss(features.device)
    if not batch.objects:
        return total
    leaf = features.detach().requires_grad_(features.requires_grad)
    settings = settings.restricted_to(capabilities)
    prompts = first_prompts(batch.targets, generator, settings.simulation, counted=batch.counted)
    schedule = (False, *settings.simulation.schedule(generator))
    logits: Tensor | None = None
    for has_new_point in schedule:
        if has_new_point and logits is not None:
            points, labels = corrective_points(
                logits,
                batch.targets,
                generator,
                valid=batch.valid,
                background=settings.simulation.background_points,
                counted=batch.counted,
            )
            prompts = prompts.with_points(points, labels)
        with torch.autocast(features.device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            losses, logits = _round(network, leaf, batch, prompts, logits, settings, capabilities=capabilities)
        share = losses[: batch.objects].mean() * (weight / len(schedule))
        share.backward()  # type: ignore[no-untyped-call]
        total = total + share.detach()
    if leaf.grad is not None:
        features.backward(leaf.grad)  # type: ignore[no-untyped-call]
    return total


def _round(
    network: Sam,
    features: Tensor,
    batch: Batch,
    prompts: SimulatedPrompts,
    previous: Tensor | None,
    settings: FineTuneSettings,
    *,
    capabilities: Capabilities,
) -> tuple[Tensor, Tensor]:
    """Predict once; return the loss per object (N,), and detached logits (N, 4h, 4w) for the next round."""
    losses = features.new_zeros(len(batch.targets), dtype=torch.float32)
    logits = features.new_zeros(batch.targets.shape, dtype=torch.float32)
    for objects, pad in _alike(prompts, always_pads=network.prompt_encoder.always_pads):
        masks = None if previous is None else previous[objects]
        loss, drawn = _answered(
            network, features, batch[objects], prompts[objects], masks, settings, capabilities=capabilities, pad=pad
        )
        losses = losses.index_copy(0, objects, loss.float())
        logits.index_copy_(0, objects, drawn)
    return losses, logits


def _alike(prompts: SimulatedPrompts, *, always_pads: bool) -> Iterator[tuple[Tensor, bool]]:
    """Objects whose prompts are encoded together, and whether the prompt encoder has to pad them.

    SAM's prompts are all of one length, see `SimulatedPrompts`. SAM 2 pads boxes as well.
    """
    if not always_pads:
        yield torch.arange(len(prompts.labels), device=prompts.labels.device), False
        return
    has_box = prompts.from_boxes
    if has_box is None:
        has_box = (prompts.labels == TOP_LEFT).any(dim=1).cpu()
    for chosen, pad in ((has_box, True), (~has_box, False)):
        objects = chosen.nonzero()[:, 0]  # on the CPU
        if len(objects):
            yield objects.to(prompts.labels.device, non_blocking=True), pad


def _answered(
    network: Sam,
    features: Tensor,
    batch: Batch,
    prompts: SimulatedPrompts,
    previous: Tensor | None,
    settings: FineTuneSettings,
    *,
    capabilities: Capabilities,
    pad: bool,
) -> tuple[Tensor, Tensor]:
    """As `_round`, for prompts that go through the network together."""
    scaled = prompts.scaled(network.low_res_stride)  # low-res grid → input frame
    masks = _given(network, previous) if settings.simulation.previous_masks else None
    sparse, dense = network.prompt_encoder((scaled.points, scaled.labels), masks=masks, pad=pad)
    positions = network.prompt_encoder.get_dense_pe()
    decoder = network.mask_decoder
    look = decoder.look(features, positions, sparse, dense, image_of_prompt=batch.image_of_prompt)
    if isinstance(decoder, DrawsHqMask):  # trained on the HQ mask alone, as in Ke et al. 2023, section 3.3
        logits = decoder.draw_hq(look)
        loss = mask_loss(
            logits, look.predicted_iou[:, SINGLE_MASK], batch.targets, batch.valid, weights=settings.losses
        )
        return loss.total, logits[:, 0].detach().float()
    iou = look.predicted_iou
    if decoder.masks_for_single == THREE_MASKS:  # users never get the first
        logits = decoder.draw(look, THREE_MASKS)
        loss = mask_loss(logits, iou[:, THREE_MASKS], batch.targets, batch.valid, weights=settings.losses)
        return loss.total, _trusted(decoder, logits, iou)
    has_three = previous is None and capabilities.three_masks
    logits = decoder.draw(look, ALL_MASKS if has_three else SINGLE_MASK)
    single = mask_loss(logits[:, SINGLE_MASK], iou[:, SINGLE_MASK], batch.targets, batch.valid, weights=settings.losses)
    if not has_three:
        return single.total, logits[:, 0].detach().float()
    three = mask_loss(logits[:, THREE_MASKS], iou[:, THREE_MASKS], batch.targets, batch.valid, weights=settings.losses)
    return (single.total + three.total) / 2, _trusted(decoder, logits[:, THREE_MASKS], iou)


def _trusted(decoder: MaskDecoder, three: Tensor, predicted_iou: Tensor) -> Tensor:
    """Of three masks (N, 3, 4h, 4w) the best by score, whose predicted IoU is (N, 1 + 3), detached: (N, 4h, 4w)."""
    trusted = decoder.scores_of(three, predicted_iou[:, THREE_MASKS]).argmax(dim=1)
    return three[torch.arange(len(trusted), device=trusted.device), trusted].detach().float()


def _given(network: Sam, previous: Tensor | None) -> Tensor | None:
    """Logits of the round before as a mask prompt, (N, 1, 4h, 4w)."""
    if previous is None:
        return None
    limit = network.mask_decoder.logit_limit
    return (previous if limit is None else previous.clamp(-limit, limit)).unsqueeze(1)
