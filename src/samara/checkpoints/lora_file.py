"""Low-rank updates in a separate file, a hundredth of the size of the checkpoint they were trained on.

The file contains the updates of the image encoder and the mask decoder trained with them; `samara.load(checkpoint,
lora=file)` applies both to the checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from samara.checkpoints.reading.state_dicts import read_layout, read_state_dict
from samara.checkpoints.save import save_checkpoint
from samara.engines.loaded import fingerprint
from samara.errors import SettingsError, WrongCheckpoint
from samara.networks.lora import add_lora, load_lora, lora_state_dict, merge_lora
from samara.networks.sam import Sam

LORA_KEY = "lora"
"""Metadata entry (JSON): rank, targets, and fingerprint of the encoder that the updates belong to."""


def save_lora(path: Path, network: Sam, encoder: str, metadata: Mapping[str, str]) -> None:
    """Write the low-rank updates of a network's image encoder, and its mask decoder.

    Args:
        path: `.safetensors` or `.pth`.
        network: network with updates, from `samara.networks.lora.add_lora` on the image encoder.
        encoder: `samara.engines.loaded.fingerprint` of the image encoder before the updates were added.
        metadata: facts about the weights.

    Raises:
        SettingsError: the suffix is unknown, or the network has no low-rank updates.
        OutputError: the file cannot be written.
    """
    updates = lora_state_dict(network.image_encoder)
    layers = sorted({key.rpartition(".")[0] for key in updates})
    rank = min(min(value.shape) for value in updates.values())
    state = {f"image_encoder.{key}": value for key, value in updates.items()}
    state |= {f"mask_decoder.{key}": value for key, value in network.mask_decoder.state_dict().items()}
    facts = _Facts(rank, tuple(layers), encoder)
    save_checkpoint(path, state, {**metadata, LORA_KEY: json.dumps(asdict(facts))})


def require_other_file(path: Path, base: str | None) -> None:
    """Check that updates do not overwrite the checkpoint they depend on.

    Raises:
        SettingsError: `path` is the file `base`.
    """
    if base is not None and path.exists() and path.samefile(base):
        raise SettingsError(f"{path} is the checkpoint that the low-rank updates belong to; write them to another file")


def merge_lora_file(network: Sam, path: Path) -> None:
    """Fold the updates of a file into the image encoder and load its mask decoder.

    Args:
        network: network with the weights that the updates were trained on; modified in place.
        path: file written by `save_lora`.

    Raises:
        WrongCheckpoint: the file contains no low-rank updates, or those of another checkpoint.
        UnrecognisedCheckpoint, UnsafeCheckpoint: it is not a checkpoint, or would run code.
    """
    facts = _read_facts(path)
    if facts.encoder != fingerprint(network.image_encoder):
        raise WrongCheckpoint(
            f"{path} contains low-rank updates of another image encoder; load the checkpoint that they were trained on"
        )
    state = read_state_dict(path)
    unused = torch.Generator()  # its random values are replaced immediately
    add_lora(network.image_encoder, rank=facts.rank, targets=facts.layers, generator=unused)
    load_lora(network.image_encoder, _part(state, "image_encoder."))
    merge_lora(network.image_encoder)
    network.image_encoder.requires_grad_(True)
    network.mask_decoder.load_state_dict(_part(state, "mask_decoder."))


@dataclass(frozen=True)
class _Facts:
    rank: int
    layers: tuple[str, ...]
    encoder: str


def _read_facts(path: Path) -> _Facts:
    text = read_layout(path).metadata.get(LORA_KEY)
    if text is None:
        raise WrongCheckpoint(
            f"{path} contains no low-rank updates; use a file written by fine-tuning with "
            "`FineTuneSettings(lora_apart=True)`"
        )
    try:
        facts = json.loads(text)
        return _Facts(int(facts["rank"]), tuple(map(str, facts["layers"])), str(facts["encoder"]))
    except (ValueError, KeyError, TypeError) as error:
        raise WrongCheckpoint(f"{path} does not say what its low-rank updates belong to ({error})") from error


def _part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
