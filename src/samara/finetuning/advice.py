"""What a learning curve says: the best epoch of each kind of prompt, and what to try next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from samara.finetuning.settings import Criterion, FineTuneSettings
from samara.finetuning.training_state import EpochRecord, best_by
from samara.system.counted import counted

WHAT_DECIDES: Mapping[Criterion, str] = {
    "mean": "the mean of click and box IoU",
    "click": "click IoU",
    "box": "box IoU",
}
"""What chooses the epoch, by criterion."""

PLURALS: Mapping[Criterion, str] = {"mean": "both", "click": "clicks", "box": "boxes"}

FEW_IMAGES = 30
# Smaller changes of a mean IoU are noise.
_NOTABLE = 0.005
# Loss in the last epoch, as a fraction of that in the first, below which a network has learnt its training set.
_LEARNT = 0.8


def best_epochs(history: Sequence[EpochRecord]) -> dict[Criterion, EpochRecord]:
    """Return the best epoch by each kind of prompt that was measured."""
    measured: tuple[Criterion, ...] = ("click", "box") if history[0].click_iou is not None else ("box",)
    return {kind: best_by(history, kind) for kind in measured}


def choice(history: Sequence[EpochRecord], settings: FineTuneSettings) -> str:
    """Say which epoch was kept, and by what."""
    before, best = history[0], best_by(history, settings.criterion)
    decides = WHAT_DECIDES[settings.criterion]
    numbers = f"{before.score(settings.criterion):.3f} before"
    if best.epoch:
        return f"Epoch {best.epoch} was kept, by {decides}: {best.score(settings.criterion):.3f}, {numbers}."
    trained = [record.score(settings.criterion) or 0.0 for record in history[1:]]
    highest = f", and at most {max(trained):.3f} in training" if trained else ""
    return f"No epoch raised {decides} ({numbers}{highest}), so the written weights are unchanged."


def best_of_each(history: Sequence[EpochRecord]) -> str:
    """Say which epoch was best for each kind of prompt."""
    parts = []
    for kind, best in best_epochs(history).items():
        before = history[0].score(kind) or 0.0
        where = f"epoch {best.epoch}; {before:.3f} before" if best.epoch else "before training"
        parts.append(f"{PLURALS[kind]} {best.score(kind):.3f} ({where})")
    return f"Best by kind of prompt: {', '.join(parts)}."


def advice(history: Sequence[EpochRecord], settings: FineTuneSettings, training_images: int) -> list[str]:
    """Say what to try, one sentence each; nothing if the curve shows no reason.

    Args:
        history: the learning curve, from epoch 0.
        settings: settings of the run.
        training_images: number of training images, without transformed copies.
    """
    return [] if len(history) < 2 else list(_advice(history, settings, training_images))


def _advice(history: Sequence[EpochRecord], settings: FineTuneSettings, training_images: int) -> Iterator[str]:
    kept, last = best_by(history, settings.criterion), history[-1]
    for kind, best in best_epochs(history).items():
        gain = (best.score(kind) or 0.0) - (kept.score(kind) or 0.0)
        if kind != settings.criterion and gain > _NOTABLE:
            yield _other_criterion(kind, kept, best)
    if kept is last and last.epoch == settings.epochs:
        yield f"The last epoch was the best: try more than {counted(settings.epochs, 'epoch')}."
    if kept.epoch == 0:
        smaller, now = (_written(rate) for rate in (settings.learning_rate / 10, settings.learning_rate))
        yield f"Try a smaller learning rate, such as {smaller} (now {now})."
    has_learnt = bool(history[1].loss and last.loss is not None and last.loss < _LEARNT * history[1].loss)
    if has_learnt and last.epoch - kept.epoch >= 2 and training_images < FEW_IMAGES:
        yield (
            f"The loss kept falling while validation did not improve after epoch {kept.epoch}: the network learns its "
            f"{training_images} training images by heart; add images, or more augmentations."
        )


def _other_criterion(kind: Criterion, kept: EpochRecord, best: EpochRecord) -> str:
    """Say what to do if another epoch was better for a kind of prompt than the kept one."""
    numbers = f"The kept weights have {kind} IoU {kept.score(kind):.3f}"
    if best.epoch == 0:
        return f"{numbers}, {best.score(kind):.3f} before training: use the original checkpoint for {PLURALS[kind]}."
    return (
        f"{numbers}, epoch {best.epoch} has {best.score(kind):.3f}: if {PLURALS[kind]} matter most, train with the "
        f"criterion {kind}."
    )


def _written(number: float) -> str:
    """Write a number without exponent."""
    return f"{Decimal(f'{number:g}'):f}"
