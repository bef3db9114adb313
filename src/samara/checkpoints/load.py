"""From a catalogue name or a file to a network that is ready to run."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from samara.checkpoints.catalogue import CATALOGUE, Checkpoint, find
from samara.checkpoints.choice import Choice
from samara.checkpoints.identification.identify import (
    METADATA_KEY as METADATA_KEY,  # also used by the training code of the embedded checkpoint
)
from samara.checkpoints.identification.identify import Identity, identify
from samara.checkpoints.identification.key_tables import faults
from samara.checkpoints.identified import identified, named_with, warn_of_preset
from samara.checkpoints.licences import licence_of, stated_licence
from samara.checkpoints.lora_file import merge_lora_file
from samara.checkpoints.reading.folders import files_of
from samara.checkpoints.reading.rename import with_part_prefix
from samara.checkpoints.reading.sam2_names import image_path
from samara.checkpoints.reading.state_dicts import read_state_dict
from samara.checkpoints.store.added import AddedCheckpoints
from samara.checkpoints.store.store import CheckpointStore
from samara.engines.calibration import calibration_files
from samara.engines.findings import fastest_place
from samara.engines.kinds import AUTO, OPENVINO, TORCH, choose_place
from samara.engines.loaded import Loaded, Provenance
from samara.errors import ChecksumMismatch, SettingsError, UnknownCheckpoint, WrongCheckpoint
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.networks.build import build_network
from samara.networks.class_names import fitting_names
from samara.networks.presets import preset_named, with_preset
from samara.networks.sam import Sam
from samara.networks.variants import VARIANTS, Variant
from samara.networks.yolo_seg import YoloSeg
from samara.system.progress import Progress

PARTS_FOR_A_BASE = ("image_encoder", "prompt_encoder", "mask_decoder", "prompt_encoder+mask_decoder")
"""Parts of a network that can be completed by another checkpoint."""


def load(
    checkpoint: str | os.PathLike[str] = Choice.checkpoint,
    *,
    device: str = Choice.device,
    precision: str = Choice.precision,
    engine: str = Choice.engine,
    calibration: Sequence[str | os.PathLike[str]] = (),
    calibration_reading: ImageReading = AS_THEY_ARE,
    weights: Literal["file", "random"] = "file",
    seed: int = 0,
    input_size: int | None = None,
    hq_token_only: bool = False,
    lora: str | os.PathLike[str] | None = None,
    base: str | os.PathLike[str] | None = None,
    preset: str | None = None,
    download: bool = False,
    store: CheckpointStore | None = None,
    progress: Progress | None = None,
) -> Loaded:
    """Load a checkpoint.

    Args:
        checkpoint: a catalogue name or alias ("samara_mini", "vit_b"), or the path of a file, folder or index, which is
            identified by its content, never by its name. For a file of low-rank updates of a catalogue checkpoint, that
            checkpoint is loaded too.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        precision: "auto" (bfloat16 if the hardware supports it, or with `engine="auto"` the fastest that doctor found),
            "float32", "bfloat16", "float16"; "tf32" on NVIDIA GPUs from Ampere; "int8" for the image encoder with the
            engine openvino, or torch-compile and torchao.
        engine: runtime of the network: "torch", "openvino", "onnxruntime", or "auto" for the fastest that `samara
            doctor` found to agree with torch on this machine (torch if it was never run). `Loaded.engine` is the
            result.
        calibration: images or folders of images to calibrate int8 on; none for the bundled photos.
        calibration_reading: how the calibration images are read, if they have more than 8 bits or several frames.
        weights: "random" builds the checkpoint's network with seeded random weights, to measure speed and memory
        without the file. Its masks are meaningless.
        seed: seed of the random weights.
        input_size: side of the network input in pixels, a multiple of 16 (FastSAM and YOLO: 32); None for the
            checkpoint's own, which a ViT's file states. Other sizes reduce quality.
        hq_token_only: HQ-SAM: return the HQ mask alone instead of its sum with SAM's, as its authors suggest for images
            of a single object; `dataclasses.replace(loaded, hq_token_only=True)` avoids loading it again.
        lora: a file of low-rank updates trained on this checkpoint, which are folded in.
        base: for a file with only a part of a network, e.g. a mask decoder: name or path of the checkpoint that
            provides the rest.
        preset: how its images are prepared and which prompts it takes, if the file cannot tell: "sam", "medsam",
            "lite_medsam", "sam_med2d", see `samara.networks.presets`. None for what the file states, or its catalogue
            entry, or else its kind of network. A file of MedSAM looks like SAM ViT-B, so it needs "medsam".
        download: download a catalogue checkpoint that is not in the store, instead of raising.
        store: store of checkpoints; None for the default directory.
        progress: called during a download with the name, the bytes done and the total.

    Returns:
        The network in eval mode, with its provenance.

    Raises:
        UnknownCheckpoint: there is no such name or file, or it is not in the store.
        UnrecognisedCheckpoint, UnsafeCheckpoint: the file is something else, or would run code.
        WrongCheckpoint: the file contains only a part of a network, or a family that cannot be run yet.
        LicenceNotAccepted, DownloadFailed, ChecksumMismatch: it is not downloaded, or the download failed.
        DeviceError, SettingsError: a device, precision, engine, size or preset is not available, a combination of them
            does not work, or `hq_token_only` is set for a network without an HQ token.
        MissingExtra: the engine's library is not installed.
    """
    if preset is not None:
        preset_named(preset)  # before anything is downloaded
    place = choose_place(engine, device, precision)
    if calibration and (place.engine, place.precision) != (OPENVINO.name, "int8"):
        raise SettingsError(
            f"calibration images were given, but only int8 uses them, of the engine {OPENVINO.name}; this is "
            f"{place.precision} of {place.engine}"
        )
    _check_input_size(input_size, 16)
    if weights == "random":
        loading = _random(checkpoint, base, input_size, seed, preset)
    else:
        if lora is None:
            checkpoint, lora = _with_updates(checkpoint)
        path = partial(path_of, store=store, download=download, progress=progress)
        below = None if base is None else path(base)
        trained_with = None if lora is None or preset is not None else identify(lora).preset
        loading = _from_file(path(checkpoint), below, _named(checkpoint), input_size, preset, trained_with)
    network, variant, provenance = loading.network, loading.variant, loading.provenance
    if lora is not None:
        if not isinstance(network, Sam):
            raise WrongCheckpoint(f"{lora}: low-rank updates need a SAM image encoder, and {variant.title} has none")
        merge_lora_file(network, Path(lora))
        provenance = replace(provenance, name=f"{provenance.name} with {Path(lora).name}")
    if variant.why_no_graphs and engine not in (AUTO, TORCH.name):
        raise SettingsError(f"{variant.title} runs only in the engine torch, not in {engine}")
    thresholds, size = _thresholds(loading.entry, variant), loading.input_size
    if engine == AUTO:
        place = fastest_place(variant.name, size, place, any_precision=precision == "auto")
    return Loaded(
        network=network.to(place.device),
        variant=variant,
        provenance=provenance,
        input_size=size,
        pred_iou_thresh=thresholds[0],
        stability_score_thresh=thresholds[1],
        device=place.device,
        precision=place.precision,
        engine=place.engine,
        hq_token_only=hq_token_only,
        calibration=calibration_files(calibration) if calibration else (),
        calibration_reading=calibration_reading,
    )


@dataclass(frozen=True)
class _Loading:
    """A network on the CPU, with its provenance."""

    network: Sam | YoloSeg
    variant: Variant
    provenance: Provenance
    entry: Checkpoint | None
    input_size: int


def _random(
    checkpoint: str | os.PathLike[str],
    base: str | os.PathLike[str] | None,
    input_size: int | None,
    seed: int,
    preset: str | None,
) -> _Loading:
    entry = _named(checkpoint)
    if entry is None or base is not None:
        raise SettingsError("random weights need a catalogue checkpoint; give its name, without a base")
    variant = with_preset(entry.network, preset)
    _check_input_size(input_size, variant.preprocessing.multiple)
    size = input_size or entry.input_size
    provenance = Provenance(named_with(entry.name, preset), None, None, "random")
    return _Loading(random_network(variant, size, seed), variant, provenance, entry, size)


def _from_file(
    path: Path,
    base: Path | None,
    entry: Checkpoint | None,
    input_size: int | None,
    preset: str | None,
    lora_preset: str | None,
) -> _Loading:
    identity, entry, name = identified(path, base, entry, preset)
    variant = runnable_variant(identity)
    variant = with_preset(variant, lora_preset)
    _warn_of_names(identity, variant)
    warn_of_preset(identity, variant)
    _check_input_size(input_size, variant.preprocessing.multiple)
    size = input_size or trained_size(variant, entry)
    licence = entry.licence if entry else stated_licence(identity.metadata.get("license"))
    network = network_from_file(path, variant, size, base=base)
    return _Loading(network, variant, Provenance(name, str(path), licence, "file", files_of(path)), entry, size)


def trained_size(variant: Variant, entry: Checkpoint | None) -> int:
    """Return the input size a checkpoint was trained at: from the file itself, or else from its catalogue entry."""
    own = variant.preprocessing.input_size
    usual = VARIANTS.get(variant.name)
    if entry is None or usual is None or own != usual.preprocessing.input_size:
        return own
    return entry.input_size


def _check_input_size(input_size: int | None, multiple: int) -> None:
    if input_size is not None and (input_size < multiple or input_size % multiple):
        raise SettingsError(f"input_size is {input_size}; it must be a positive multiple of {multiple}")


def _thresholds(entry: Checkpoint | None, variant: Variant) -> tuple[float, float]:
    """Return the thresholds of predicted IoU and stability: the catalogue entry's if present, else the variant's."""
    iou, stability = (entry.pred_iou_thresh, entry.stability_score_thresh) if entry else (None, None)
    own = variant.pred_iou_thresh, variant.stability_score_thresh
    return own[0] if iou is None else iou, own[1] if stability is None else stability


def resolve(checkpoint: str | os.PathLike[str]) -> tuple[Checkpoint | None, Path | None]:
    """Resolve to a catalogue entry or the path of a file; names take precedence over files, the catalogue's first.

    Raises:
        UnknownCheckpoint: there is neither, or an added file is gone.
        ChecksumMismatch: an added file has changed.
    """
    if isinstance(checkpoint, str):
        try:
            return find(checkpoint), None
        except UnknownCheckpoint:
            added = AddedCheckpoints(CheckpointStore().directory).find(checkpoint)
            if added is not None:
                return None, added.checked_path()
            if not _looks_like_path(checkpoint):
                raise
    return None, Path(checkpoint)


def _named(checkpoint: str | os.PathLike[str]) -> Checkpoint | None:
    return resolve(checkpoint)[0]


def path_of(
    checkpoint: str | os.PathLike[str],
    *,
    store: CheckpointStore | None = None,
    download: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Return the file of a checkpoint, by name or path; raises the same errors as `load`."""
    entry, path = resolve(checkpoint)
    return (
        path if entry is None and path else _from_store(_known(entry), store or CheckpointStore(), download, progress)
    )


def _with_updates(checkpoint: str | os.PathLike[str]) -> tuple[str | os.PathLike[str], Path | None]:
    """Split into a checkpoint and the updates to fold in: a file of low-rank updates names its checkpoint."""
    path = resolve(checkpoint)[1]
    identity = None if path is None else identify(path)
    if path is None or identity is None or identity.part != "lora":
        return checkpoint, None
    trained_on = identity.metadata.get(METADATA_KEY, "")
    if trained_on not in {entry.name for entry in CATALOGUE}:
        raise WrongCheckpoint(
            f"{path} contains low-rank updates of {trained_on[:80]!r}, which is not in the catalogue; "
            f"use samara.load(that checkpoint, lora={str(path)!r})"
        )
    return trained_on, path


def _looks_like_path(name: str) -> bool:
    return os.path.exists(name) or os.sep in name or name.endswith((".pth", ".pt", ".safetensors", ".ckpt", ".bin"))


def _from_store(entry: Checkpoint, store: CheckpointStore, download: bool, progress: Progress | None) -> Path:
    verification = store.check(entry)
    if not verification.is_wrong or download or entry.embedded:
        return store.get(entry.name, progress=progress)
    size = f" ({entry.size_bytes / 1e6:,.0f} MB)" if entry.size_bytes else ""
    how = f"get it with `samara checkpoints get {entry.name}`{size}"
    how += "" if licence_of(entry.licence).must_be_accepted else f", or use samara.load({entry.name!r}, download=True)"
    if verification.verdict == "not there":
        raise UnknownCheckpoint(f"{entry.name} is not on this machine; {how}")
    raise ChecksumMismatch(f"{verification.detail} It is not used; {how}")


def runnable_variant(identity: Identity) -> Variant:
    """Return the variant of an identified file; for a detector, with the file's own classes.

    Raises:
        WrongCheckpoint: the file contains only a part of a network, or a family that cannot be run yet.
    """
    said = f"{identity.path}: {identity.description}"
    if identity.part in PARTS_FOR_A_BASE:
        raise WrongCheckpoint(
            f"{said}; it also needs the checkpoint that it belongs to: samara.load({str(identity.path)!r}, base=...)"
        )
    if identity.variant is None or identity.part != "whole":
        raise WrongCheckpoint(f"{said}; a complete checkpoint is needed here")
    variant = identity.network
    if variant is None:
        raise WrongCheckpoint(f"{said}, which samara cannot run; `samara checkpoints list` shows what it runs")
    if identity.missing or identity.unexpected or identity.misshapen or identity.mistyped:
        raise WrongCheckpoint(f"{said}; it fits no network in samara")
    if identity.classes is None:
        return variant
    # A detector trained on custom classes is the same network except for its last layer.
    names, _ = fitting_names(identity.metadata.get("names"), identity.classes, variant.class_names)
    return variant.with_classes(names)


def _warn_of_names(identity: Identity, variant: Variant) -> None:
    """Warn the caller of `load` that a detector's class names are not from the file."""
    if not variant.class_names:
        return
    usual = VARIANTS[variant.name].class_names
    _, note = fitting_names(identity.metadata.get("names"), len(variant.class_names), usual)
    if note:
        warnings.warn(
            f"{identity.path} has {note}; to have names, set one per class (Ultralytics: model.model.names) and save "
            "the file again",
            stacklevel=4,
        )


def network_from_file(
    path: Path, variant: Variant, input_size: int | None = None, *, base: Path | None = None
) -> Sam | YoloSeg:
    """Build a variant's network with the weights of a file: float32, on the CPU, in eval mode.

    Args:
        path: path of the file, folder or index.
        variant: its variant, with its own numbers, see `runnable_variant`.
        input_size: see `build_network`.
        base: a checkpoint that provides what the file lacks.

    Raises:
        WrongCheckpoint: keys or shapes do not match the variant.
    """
    with torch.device("meta"):  # no memory or random numbers for weights that are replaced immediately
        network = build_network(variant, input_size)
    state = read_state_dict(path, as_float32=True)
    if base is not None:
        state = {**read_state_dict(base, as_float32=True), **with_part_prefix(state)}
    state = image_path(state).entries if variant.family == "sam2" else state
    wanted = network.state_dict()
    _check_fit(path, variant, wanted, state)
    network.load_state_dict(_completed(state, wanted), strict=True, assign=True)
    return network.eval()  # only now: eval() before loading is the bug in MobileSAM's own loader


def random_network(variant: Variant, input_size: int | None, seed: int) -> Sam | YoloSeg:
    """Build a variant's network with random weights that depend only on the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_network(variant, input_size).eval()


def _check_fit(path: Path, variant: Variant, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    against = faults(_shapes(found), _shapes(wanted))
    kinds = {"missing": against.missing, "not expected": against.unexpected, "of another shape": against.misshapen}
    told = "; ".join(f"{len(keys)} keys {what} (first: {keys[0]})" for what, keys in kinds.items() if keys)
    if told:
        raise WrongCheckpoint(f"{path} looks like {variant.title}, but does not match it: {told}")


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _completed(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the network's entries in its order; optional ones that the file lacks are 0."""
    return {
        name: found[name]
        if name in found and found[name].shape == tensor.shape
        else torch.zeros_like(tensor, device="cpu")
        for name, tensor in wanted.items()
    }


def _known(entry: Checkpoint | None) -> Checkpoint:
    assert entry is not None, "resolve returns an entry or a path"
    return entry
