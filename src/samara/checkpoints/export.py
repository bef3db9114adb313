"""`samara.export`: a checkpoint as files for other runtimes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from samara.checkpoints.choice import Choice
from samara.checkpoints.load_chosen import loaded_from
from samara.engines.calibration import calibration_files
from samara.engines.exporting.export import Exported, check_folder, export_checkpoint
from samara.engines.exporting.settings import EXPORTED_TO, ExportSettings
from samara.engines.loaded import Loaded
from samara.errors import SettingsError
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.networks.official_graphs import OfficialSwitches
from samara.system.files import made_folder
from samara.system.progress import Progress

AnyPath = str | os.PathLike[str]


def export(
    checkpoint: AnyPath | Loaded = Choice.checkpoint,
    *,
    out: AnyPath = EXPORTED_TO,
    format: str = ExportSettings.format,
    precision: str = ExportSettings.precision,
    interface: str = ExportSettings.interface,
    return_single_mask: bool = ExportSettings.return_single_mask,
    use_stability_score: bool = ExportSettings.use_stability_score,
    return_extra_metrics: bool = ExportSettings.return_extra_metrics,
    gelu_approximate: bool = ExportSettings.gelu_approximate,
    calibration: Sequence[AnyPath] = (),
    calibration_reading: ImageReading = AS_THEY_ARE,
    base: AnyPath | None = Choice.base,
    lora: AnyPath | None = Choice.lora,
    preset: str | None = Choice.preset,
    input_size: int | None = Choice.input_size,
    download: bool = Choice.download,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Exported:
    """Export image encoder and mask decoder to ONNX or OpenVINO, and compare them with PyTorch on a photo.

    Args:
        checkpoint: a catalogue name, a file, or a result of `samara.load` (on the CPU, in float32, engine torch).
        out: folder to create.
        format: "onnx" or "openvino".
        precision: "float32"; with openvino also "float16" and "int8" (image encoder).
        interface: "samara", or "official" for programs made for segment_anything's ONNX decoder.
        return_single_mask: official: one mask per call instead of all.
        use_stability_score: official: stability scores in place of predicted IoU.
        return_extra_metrics: official: stability scores and areas as well.
        gelu_approximate: official: GELU by tanh, for runtimes without erf.
        calibration: images or folders to calibrate int8 on; none for the bundled photos.
        calibration_reading: how the calibration images are read.
        base: see `samara.load`, as for the next four.
        lora: low-rank updates, folded in.
        preset: preparation of the images, if the file cannot tell.
        input_size: side of the input in pixels; None for the checkpoint's own.
        download: download the checkpoint if it is missing.
        overwrite: replace an earlier export; other files are never replaced.
        progress: called with the progress.

    Raises:
        SettingsError, MissingExtra, OutputError, ExportError: see
            `samara.engines.exporting.export.export_checkpoint`.
        CheckpointError: see `samara.load`.
    """
    folder = Path(out)
    check_folder(folder, overwrite=overwrite)
    images = calibration_files(calibration) if calibration else ()
    if calibration_reading != AS_THEY_ARE and not images:
        raise SettingsError("`calibration_reading` applies only to `calibration`; pass both, or neither")
    how = {"base": base, "lora": lora, "preset": preset, "input_size": input_size, "download": download}
    loaded = loaded_from(checkpoint, progress, device="cpu", precision="float32", **how)
    with made_folder(folder.parent):
        return export_checkpoint(
            replace(loaded, calibration=images, calibration_reading=calibration_reading),
            format,
            folder,
            precision=precision,
            interface=interface,
            switches=OfficialSwitches(return_single_mask, use_stability_score, return_extra_metrics, gelu_approximate),
            overwrite=overwrite,
            progress=progress,
        )
