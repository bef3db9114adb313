"""The state of a training run on disk, so that an interrupted run resumes to the same curve.

Everything random is derived from the seed, the epoch and the step, so the state is only weights, optimiser and history.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from samara.checkpoints.save import save_checkpoint
from samara.errors import SettingsError
from samara.finetuning.settings import Criterion
from samara.finetuning.trained_weights import MovingAverage


@dataclass(frozen=True)
class EpochRecord:
    """One line of the learning curve.

    Attributes:
        epoch: number from 1; 0 is the network before training.
        loss: mean loss over the epoch's steps; None for epoch 0.
        click_iou: mean IoU of clicks on the validation set, in [0, 1]; None for a checkpoint that takes no clicks.
        box_iou: mean IoU of boxes on the validation set, in [0, 1].
        learning_rate: learning rate at the epoch's end.
        duration_s: duration of the epoch in seconds.
    """

    epoch: int
    loss: float | None
    click_iou: float | None
    box_iou: float
    learning_rate: float
    duration_s: float

    @property
    def mean_iou(self) -> float:
        """Mean of click and box IoU, or that of boxes alone."""
        return self.box_iou if self.click_iou is None else (self.click_iou + self.box_iou) / 2

    def score(self, criterion: Criterion) -> float | None:
        """Return the IoU of a criterion; None if it was not measured."""
        return {"mean": self.mean_iou, "click": self.click_iou, "box": self.box_iou}[criterion]


def best_by(history: Sequence[EpochRecord], criterion: Criterion) -> EpochRecord:
    """Return the epoch with the highest IoU by a criterion, the first of equal ones."""
    return max(history, key=lambda record: record.score(criterion) or 0.0)


@dataclass(frozen=True)
class Position:
    """The position of a run.

    Attributes:
        settings: signature of the run as text; another text means another run.
        epoch: number of epochs done.
        step: number of steps done.
        history: the curve so far.
    """

    settings: str
    epoch: int
    step: int
    history: tuple[EpochRecord, ...]


def save_state(
    path: Path,
    position: Position,
    parameters: Mapping[str, nn.Parameter],
    optimiser: torch.optim.AdamW,
    average: MovingAverage | None,
    best: Mapping[str, Tensor],
) -> None:
    """Write the state atomically; `best` are the best weights so far, by name."""
    tensors = {f"weights/{name}": parameter.detach() for name, parameter in parameters.items()}
    for name, parameter in parameters.items():
        for key, value in optimiser.state[parameter].items():
            tensors[f"{key}/{name}"] = torch.as_tensor(value)
    if average is not None:
        tensors |= {f"average/{name}": value for name, value in average.values.items()}
    tensors |= {f"best/{name}": value for name, value in best.items()}
    save_checkpoint(path, tensors, {"training_state": json.dumps(asdict(position))})


def load_state(
    path: Path,
    settings: str,
    parameters: Mapping[str, nn.Parameter],
    optimiser: torch.optim.AdamW,
    average: MovingAverage | None,
) -> tuple[Position, dict[str, Tensor]]:
    """Restore a saved state into network, optimiser and average; return the best weights so far.

    Raises:
        SettingsError: the file belongs to a run with other settings, images or checkpoint, or is not a state.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})["training_state"])
            # Copies: safetensors' tensors share memory with a file that is about to be rewritten.
            tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118 - a file is not a mapping
    except (SafetensorError, KeyError, ValueError) as error:
        raise SettingsError(f"{path} is not the state of a training run ({error}); remove it to start over") from error
    if facts["settings"] != settings:
        raise SettingsError(
            f"{path} belongs to a run with other settings, images or checkpoint; resume with those, or remove it to "
            "start over"
        )
    grouped: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        kind, name = key.split("/", 1)
        grouped.setdefault(kind, {})[name] = tensor
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(grouped["weights"][name])
    for name, parameter in parameters.items():
        optimiser.state[parameter] = {
            key: values[name].to("cpu" if key == "step" else parameter.device)
            for key, values in grouped.items()
            if key not in ("weights", "average", "best") and name in values
        }
    if average is not None:
        average.load(grouped.get("average", {}))
    history = tuple(EpochRecord(**record) for record in facts["history"])
    return Position(facts["settings"], facts["epoch"], facts["step"], history), grouped["best"]
