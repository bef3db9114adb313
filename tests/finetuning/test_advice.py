"""What a learning curve says: the criterion, the best of each kind, and what to try."""

from __future__ import annotations

from samara.finetuning.advice import advice, best_epochs, best_of_each, choice
from samara.finetuning.settings import FineTuneSettings
from samara.finetuning.training_state import EpochRecord


def curve(*values):
    """Losses, clicks and boxes by epoch."""
    return tuple(EpochRecord(epoch, *value, 1e-4, 1.0) for epoch, value in enumerate(values))


# Clicks rise in every epoch and boxes fall, so that their mean does not rise.
APART = curve((None, 0.661, 0.800), (1.0, 0.670, 0.780), (0.9, 0.685, 0.770))
BOXES = curve((None, None, 0.8), (1.0, None, 0.9), (0.9, None, 0.85))


def test_what_decided_is_said():
    assert choice(APART, FineTuneSettings()) == (
        "No epoch raised the mean of click and box IoU (0.731 before, and at most 0.728 in training), so the written "
        "weights are unchanged."
    )
    assert choice(APART, FineTuneSettings(criterion="click")) == "Epoch 2 was kept, by click IoU: 0.685, 0.661 before."
    assert choice(BOXES, FineTuneSettings(criterion="box")) == "Epoch 1 was kept, by box IoU: 0.900, 0.800 before."


def test_the_best_epoch_of_each_kind_is_said():
    assert {kind: one.epoch for kind, one in best_epochs(APART).items()} == {"click": 2, "box": 0}
    assert best_of_each(APART) == (
        "Best by kind of prompt: clicks 0.685 (epoch 2; 0.661 before), boxes 0.800 (before training)."
    )
    assert best_of_each(BOXES) == "Best by kind of prompt: boxes 0.900 (epoch 1; 0.800 before)."


def test_another_criterion_is_advised_where_it_would_keep_a_better_epoch():
    told = advice(APART, FineTuneSettings(epochs=2), 100)
    assert told == [
        "The kept weights have click IoU 0.661, epoch 2 has 0.685: if clicks matter most, train with the "
        "criterion click.",
        "Try a smaller learning rate, such as 0.00001 (now 0.0001).",
    ]
    assert advice(APART, FineTuneSettings(epochs=2, criterion="click"), 100)[0] == (
        "The kept weights have box IoU 0.770, 0.800 before training: use the original checkpoint for boxes."
    )


def test_more_epochs_are_advised_while_it_improves():
    rising = curve((None, 0.5, 0.5), (1.0, 0.6, 0.6), (0.9, 0.7, 0.7))
    assert advice(rising, FineTuneSettings(epochs=2), 100) == ["The last epoch was the best: try more than 2 epochs."]
    assert advice(rising[:2], FineTuneSettings(epochs=1), 100) == [
        "The last epoch was the best: try more than 1 epoch."
    ]
    assert advice(rising, FineTuneSettings(epochs=9), 100) == []


def test_learning_by_heart_is_told():
    heart = curve((None, 0.5, 0.5), (1.0, 0.6, 0.6), (0.6, 0.55, 0.55), (0.4, 0.5, 0.5))
    assert "16 training images by heart" in advice(heart, FineTuneSettings(epochs=9), 16)[-1]
    assert advice(heart, FineTuneSettings(epochs=9), 3000) == []


def test_a_run_without_an_epoch_has_no_advice():
    assert advice(APART[:1], FineTuneSettings(), 10) == []
