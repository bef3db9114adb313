"""The official `build_sam`: networks by the names of their configurations.

There are no configurations here: a name stands for one of the eight published networks, and anything else is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch

from samara.checkpoints.catalogue import Checkpoint, find
from samara.checkpoints.identification.identify import identify
from samara.checkpoints.load import load, path_of, runnable_variant
from samara.checkpoints.reading.sam2_names import image_path
from samara.checkpoints.reading.state_dicts import read_layout
from samara.errors import SettingsError, UnknownCheckpoint, WrongCheckpoint
from samara.networks.variants import VARIANTS
from samara.sam2.modeling.sam2_base import SAM2Base, is_official
from samara.sam2.videos import refuse
from samara.system.devices import choose_device

__all__ = [
    "HF_MODEL_ID_TO_FILENAMES",
    "build_sam2",
    "build_sam2_hf",
    "build_sam2_video_predictor",
    "build_sam2_video_predictor_hf",
]

File = str | os.PathLike[str]

_SIZES = {"tiny": "t", "small": "s", "base-plus": "b+", "large": "l"}

HF_MODEL_ID_TO_FILENAMES = {
    f"facebook/{generation}-hiera-{size}": (
        f"configs/{generation}/{generation}_hiera_{letter}.yaml",
        f"{generation}_hiera_{size.replace('-', '_')}.pt",
    )
    for generation in ("sam2", "sam2.1")
    for size, letter in _SIZES.items()
}
"""Names at Hugging Face: configuration and file of each."""

_DECODER = "model.sam_mask_decoder_extra_args."
_OVERRIDES: Mapping[str, type] = {
    "model.image_size": int,
    f"{_DECODER}dynamic_multimask_via_stability": bool,
    f"{_DECODER}dynamic_multimask_stability_delta": float,
    f"{_DECODER}dynamic_multimask_stability_thresh": float,
}
"""Settings of a configuration that may be overridden, and what they are."""


def build_sam2(
    config_file: str,
    ckpt_path: File | None = None,
    device: str | torch.device | None = None,
    mode: str = "eval",
    hydra_overrides_extra: Sequence[str] = (),
    apply_postprocessing: bool = True,
    **kwargs: Any,
) -> SAM2Base:
    """Build SAM 2 or 2.1 for images.

    Args:
        config_file: "configs/sam2.1/sam2.1_hiera_t.yaml", "sam2_hiera_l.yaml", "sam2.1_hiera_b+": the name of a
            published configuration, with or without folder and suffix. No such file is read.
        ckpt_path: file with the weights, official or of Hugging Face's transformers. Without one they are random.
        device: where to; None for a GPU if PyTorch sees one, else the CPU. The official default is "cuda".
        mode: "eval", or anything else for training mode.
        hydra_overrides_extra: "++model.image_size=512", or one of the decoder's `dynamic_multimask_…`.
        apply_postprocessing: whether a single mask that is not stable gives way to the best of three.
        kwargs: nothing, as in the official function.

    Raises:
        SettingsError: no such configuration, or an override that means nothing here.
        WrongCheckpoint: the file holds another network than the configuration says.
        DeviceError: a device that is not there.
        UnrecognisedCheckpoint, UnsafeCheckpoint: there is no such file, or see `samara.load`.
    """
    del kwargs
    entry = _configured(config_file)
    overrides = dict(_override(text) for text in hydra_overrides_extra)
    options: Any = {  # Any: of several types
        "device": choose_device("auto" if device is None else str(device)),
        "precision": "float32",
        "input_size": overrides.pop("model.image_size", None),
    }
    if ckpt_path is None:
        model = SAM2Base.from_loaded(load(entry.name, weights="random", **options))
    else:
        _check_file(Path(ckpt_path), entry, config_file)
        model = SAM2Base.from_loaded(load(Path(ckpt_path), **options))
    model.sam_mask_decoder.dynamic_multimask_via_stability = apply_postprocessing
    for name, value in overrides.items():
        setattr(model.sam_mask_decoder, name.removeprefix(_DECODER), value)
    return model.train(mode != "eval")


def build_sam2_hf(model_id: str, **kwargs: Any) -> SAM2Base:
    """Build a network by its name at Hugging Face, from a file that is on this machine; nothing is downloaded.

    Args:
        model_id: "facebook/sam2.1-hiera-large".
        kwargs: as for `build_sam2`.

    Raises:
        UnknownCheckpoint: no such name, or its file is not here; the message says how to get it.
        SettingsError, DeviceError: see `build_sam2`.
    """
    if model_id not in HF_MODEL_ID_TO_FILENAMES:
        raise UnknownCheckpoint(
            f"{model_id!r} is no published SAM 2; there are {', '.join(HF_MODEL_ID_TO_FILENAMES)}. For a file of your "
            "own use build_sam2(config_file, ckpt_path)"
        )
    config_file, file_name = HF_MODEL_ID_TO_FILENAMES[model_id]
    return build_sam2(config_file, path_of(find(file_name.removesuffix(".pt")).name), **kwargs)


def build_sam2_video_predictor(*args: Any, **kwargs: Any) -> NoReturn:
    """Raise VideosNotSupported."""
    raise refuse("build_sam2_video_predictor")


def build_sam2_video_predictor_hf(*args: Any, **kwargs: Any) -> NoReturn:
    """Raise VideosNotSupported."""
    raise refuse("build_sam2_video_predictor_hf")


def _configured(config_file: str) -> Checkpoint:
    """The catalogue's entry of a configuration."""
    stem = re.split(r"[\\/]", str(config_file))[-1].removesuffix(".yaml")
    try:
        entry = find(stem)
    except UnknownCheckpoint:
        entry = None
    if entry is None or not is_official(VARIANTS[entry.variant]):
        names = ", ".join(Path(config).name for config, _ in HF_MODEL_ID_TO_FILENAMES.values())
        raise SettingsError(
            f"{config_file!r} is no published configuration of SAM 2; samara builds {names}, and reads no files of "
            "your own"
        )
    return entry


def _check_file(path: Path, entry: Checkpoint, config_file: str) -> None:
    """Refuse a file of another network than the configured one."""
    identity = identify(path)
    found, wanted = runnable_variant(identity), VARIANTS[entry.variant]
    # The generations differ in the memory alone: a file without it is of either.
    has_memory = bool(image_path(read_layout(path).tensors).memory) if found.family == "sam2" else True
    same_size = found.family == "sam2" and found.image_encoder == wanted.image_encoder
    if found.name == wanted.name or (same_size and not has_memory):
        return
    fitting = next((config for config, _ in HF_MODEL_ID_TO_FILENAMES.values() if Path(config).stem == found.name), None)
    use = f"use build_sam2({fitting!r}, ...)" if fitting else "use samara.load, which takes it"
    raise WrongCheckpoint(f"{path}: {identity.description}, not {wanted.title} as {config_file} says; {use}")


def _override(text: str) -> tuple[str, Any]:  # Any: what the setting is
    """Name and value of an override in Hydra's writing."""
    name, equals, value = text.lstrip("+").partition("=")
    kind = _OVERRIDES.get(name)
    if kind is None or not equals:
        raise SettingsError(
            f"the override {text!r} means nothing to samara, which has no configuration files; it takes "
            f"{', '.join(_OVERRIDES)}"
        )
    try:
        return name, value.strip().lower() == "true" if kind is bool else kind(value)
    except ValueError as problem:
        raise SettingsError(f"the override {text!r} needs a number behind the =") from problem
