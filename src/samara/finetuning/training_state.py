"""The state of a training run on disk, so that it goes on after a power cut to the same curve.

Everything random is derived from the seed, the epoch and the step, so weights, optimiser and history are all there is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from samara.checkpoints.save import save_checkpoint
from samara.errors import SettingsError
from samara.finetuning.trained_weights import MovingAverage


@dataclass(frozen=True)
class EpochRecord:
    """One line of the learning curve.

    Attributes:
        epoch: from 1; 0 is the network before training.
        loss: mean over the epoch's steps, None for epoch 0.
        click_iou: on the validation set, in [0, 1].
        box_iou: likewise.
        learning_rate: at the epoch's end.
        duration_s: of the epoch, seconds.
    """

    epoch: int
    loss: float | None
    click_iou: float
    box_iou: float
    learning_rate: float
    duration_s: float

    @property
    def mean_iou(self) -> float:
        """The middle of click and box, what early stopping looks at."""
        return (self.click_iou + self.box_iou) / 2


@dataclass(frozen=True)
class Position:
    """How far a run is.

    Attributes:
        settings: what it runs with, as text; another text is another run.
        epoch: epochs done.
        step: steps done.
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
    """Write the state, completely or not at all; `best` are the best weights so far, by name."""
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
    """Put a saved state into network, optimiser and average; returns the best weights so far besides.

    Raises:
        SettingsError: the file is of a run with other settings, images or checkpoint, or is no state at all.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})["training_state"])
            # Copies: what safetensors gives shares memory with a file that is about to be written anew.
            tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118 - a file is no mapping
    except (SafetensorError, KeyError, ValueError) as error:
        raise SettingsError(f"{path} is no state of a training run ({error}); remove it to start anew") from error
    if facts["settings"] != settings:
        raise SettingsError(
            f"{path} belongs to a run with other settings, images or checkpoint; go on with those, or remove it to "
            "start anew"
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
