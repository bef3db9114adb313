"""Export a checkpoint as files for other runtimes, and verify that they reproduce the network's output.

An export is a folder with the image encoder, the mask decoder (including prompts) and `manifest.json`, which contains
everything that a program needs to use them without samara; see docs/export.md. The folder appears only after its files,
run by their own runtime, have reproduced PyTorch's result on a photo.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from samara.engines.exporting.formats import FORMATS, ExportFormat
from samara.engines.exporting.interfaces import Interface, interface_named
from samara.engines.exporting.manifest import MANIFEST, is_ours, manifest_of
from samara.engines.exporting.settings import ExportSettings
from samara.engines.graph_engine import Run
from samara.engines.graphs import Graph
from samara.engines.limits import LIMITS
from samara.engines.loaded import Loaded
from samara.errors import ExportError, MissingExtra, OutputError, SettingsError, WrongCheckpoint
from samara.networks.official_graphs import OfficialSwitches
from samara.system.devices import Precision, computing
from samara.system.extras import is_installed
from samara.system.files import make_folder, require_folder
from samara.system.progress import Progress


@dataclass(frozen=True)
class Exported:
    """The result of an export.

    Attributes:
        folder: folder of the export.
        files: names of the files in it.
        relative_error: difference of each graph's output from PyTorch's, ‖found − expected‖ / ‖expected‖, by name.
        checkpoint: name of the exported checkpoint.
        format: "onnx" or "openvino".
    """

    folder: Path
    files: tuple[str, ...]
    relative_error: dict[str, float]
    checkpoint: str
    format: str


def export_checkpoint(
    loaded: Loaded,
    format_name: str,
    out: Path,
    *,
    precision: str = ExportSettings.precision,
    interface: str = ExportSettings.interface,
    switches: OfficialSwitches | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Exported:
    """Export a checkpoint.

    Args:
        loaded: on the CPU, in float32, engine torch.
        format_name: "onnx" or "openvino".
        out: folder to create.
        precision: precision of the weights; "int8" is for the image encoder only, calibrated on `loaded.calibration`.
        interface: "samara", or "official" for programs made for segment_anything's ONNX decoder (ONNX only).
        switches: options of the official interface.
        overwrite: replace an existing export; other files are never replaced.
        progress: called with the progress.

    Raises:
        SettingsError: the format or interface is unknown, or does not support that precision or those switches; or the
            network was adapted, see `samara.engines.graphs.check_plain`.
        WrongCheckpoint: it is a detector, or SAM 2 with the official interface, which is SAM's.
        MissingExtra: a library that writes or checks the format is not installed.
        OutputError: the folder already exists, or cannot be written.
        ExportError: the graphs do not reproduce PyTorch's output; nothing was written.
    """
    spoken = interface_named(interface, switches or OfficialSwitches())
    form, exact = _checked(format_name, precision, spoken)
    check_folder(out, overwrite=overwrite)
    tell = progress or (lambda name, done, total: None)
    _check_exportable(loaded, spoken)
    graphs = spoken.graphs(loaded)
    steps = 2 * len(graphs)
    make_folder(out.parent)
    try:
        made = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror or error}") from error
    try:
        for index, graph in enumerate(graphs):
            tell("writing", index, steps)
            form.write(loaded, graph, exact, made / f"{graph.name}{form.ending}")
        errors = {}
        for index, (graph, inputs) in enumerate(zip(graphs, _inputs(spoken, loaded), strict=True)):
            tell("verifying", len(graphs) + index, steps)
            errors[graph.name] = _verified(graph, form.open(made / f"{graph.name}{form.ending}"), inputs, exact)
        manifest = manifest_of(loaded, form, exact, spoken, graphs, errors)
        (made / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
        _replace(made, out)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    tell("verifying", steps, steps)
    return Exported(out, tuple(sorted(path.name for path in out.iterdir())), errors, loaded.name, form.name)


def _checked(format_name: str, precision: str, interface: Interface) -> tuple[ExportFormat, Precision]:
    if format_name not in FORMATS:
        raise SettingsError(f"there is no format {format_name!r}; use {' or '.join(FORMATS)}")
    form = FORMATS[format_name]
    if form.name not in interface.formats:
        raise SettingsError(
            f"the {interface.name} interface supports {' or '.join(interface.formats)}, not {form.name}"
        )
    for library in form.libraries:
        if not is_installed(library):
            raise MissingExtra(
                f"export to {form.name} needs {library}, which is not installed; pip install 'samara[{form.extra}]'"
            )
    for known in form.precisions:
        if known == precision:
            return form, known
    raise SettingsError(f"{form.name} supports {', '.join(form.precisions)}, not {precision}")


def check_folder(out: Path, *, overwrite: bool) -> None:
    """Refuse to replace an existing folder, unless it is an export and `overwrite` is set; leaves nothing behind.

    Raises:
        OutputError: the folder must not be replaced, or cannot be created.
    """
    require_folder(out.parent if os.path.lexists(out) else out)
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not is_ours(out):
        raise OutputError(f"{out} exists and is not an export of samara; choose another folder")
    if not overwrite:
        raise OutputError(f"{out} already contains an export; choose another folder, or allow overwriting")


def _replace(made: Path, out: Path) -> None:
    """Replace the old folder by the new one, keeping the old one until the new one is in place."""
    made.chmod(0o755)  # mkdtemp's folders are private
    if not out.exists():
        made.rename(out)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.old.", dir=out.parent))
    out.rename(aside / out.name)
    made.rename(out)
    shutil.rmtree(aside, ignore_errors=True)


def _check_exportable(loaded: Loaded, interface: Interface) -> None:
    if loaded.variant.why_no_graphs:
        raise WrongCheckpoint(f"{loaded.name} ({loaded.variant.title}) {loaded.variant.why_no_graphs}")
    if interface.fit not in (None, loaded.variant.preprocessing.fit):
        raise WrongCheckpoint(
            f"the {interface.name} interface applies only to networks that pad images, and {loaded.name} "
            f"({loaded.variant.title}) squashes them; use the interface samara"
        )
    if interface.scale not in (None, loaded.variant.preprocessing.scale):
        raise WrongCheckpoint(
            f"the {interface.name} interface normalises images by fixed numbers, and {loaded.name} "
            f"({loaded.variant.title}) stretches each to its own range; use the interface samara"
        )


def _inputs(interface: Interface, loaded: Loaded) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    with computing("cpu", "float32"):
        return interface.inputs(loaded)


def _verified(graph: Graph, run: Run, inputs: tuple[Tensor, ...], precision: Precision) -> float:
    """Return the largest relative error of a written graph's embeddings or masks; scalars follow from those.

    Raises:
        ExportError: it is too large, or a mask differs, by the rule by which `samara doctor` says "agrees".
    """
    with torch.inference_mode(), computing("cpu", "float32"):
        answered: Any = graph.module(*inputs)  # Any: one tensor, or a tuple of them
    expected = answered if isinstance(answered, tuple) else (answered,)
    found = map(torch.from_numpy, run(*(tensor.numpy() for tensor in inputs)))
    pairs = [(name, *pair) for name, *pair in zip(graph.outputs, found, expected, strict=True) if pair[1].ndim == 4]
    error = float(
        torch.tensor([(one - wanted).norm() / wanted.norm() for _, one, wanted in pairs]).max()
    )  # NaN if one is
    limits = LIMITS[precision]
    if not error <= limits.relative_error:  # also if it is NaN
        raise ExportError(
            f"the exported {graph.name} differs from PyTorch by {error:.2g}, more than {limits.relative_error:g} for "
            f"{precision}; nothing was written"
        )
    worst = min([1.0, *(_worst_iou(one, wanted) for name, one, wanted in pairs if "mask" in name)])
    if worst < limits.worst_iou:
        raise ExportError(
            f"a mask of the exported {graph.name} has IoU {worst:.2f} with PyTorch's, below {limits.worst_iou:g} (the "
            f"limit for {precision}); nothing was written"
        )
    return error


def _worst_iou(found: Tensor, expected: Tensor) -> float:
    """Return the lowest IoU of masks given as logits, (B, M, H, W); 1 for two empty ones."""
    ours, theirs = (logits.flatten(2) > 0 for logits in (found, expected))
    together, either = (ours & theirs).sum(-1), (ours | theirs).sum(-1)
    return float(torch.where(either > 0, together / either.clamp(min=1), torch.ones_like(either)).min())
