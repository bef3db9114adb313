"""Write a checkpoint as files for other runtimes, and prove that they compute what the network computes.

A folder with the image encoder, the mask decoder (prompts included) and `manifest.json`, which says everything that a
program needs to use them without samara; see docs/export.md. The folder appears only after its files were loaded by
their own runtime and gave PyTorch's result on a photo.
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
    """What was written.

    Attributes:
        folder: where.
        files: names in it.
        relative_error: how far each graph's output was from PyTorch's, ‖found − expected‖ / ‖expected‖, by its name.
        checkpoint: name of what was exported.
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
        out: the folder to make.
        precision: of the weights; "int8" is for the image encoder alone, calibrated on `loaded.calibration`.
        interface: "samara", or "official" for programs made for segment_anything's ONNX decoder (ONNX only).
        switches: of the official interface.
        overwrite: replace an export that is already there; anything else that is there is never replaced.
        progress: called as the work goes on.

    Raises:
        SettingsError: no such format or interface, or not in that precision or with those switches; or the network was
            adapted, see `samara.engines.graphs.check_plain`.
        WrongCheckpoint: a detector, or SAM 2 with the official interface, which is SAM's.
        MissingExtra: what writes or checks the format is not installed.
        OutputError: the folder is there already, or cannot be written.
        ExportError: the written graphs do not give what PyTorch gives; nothing was written.
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
            f"the {interface.name} interface is written in {' or '.join(interface.formats)}, not in {form.name}"
        )
    for library in form.libraries:
        if not is_installed(library):
            raise MissingExtra(
                f"export to {form.name} needs {library}, which is not installed; pip install 'samara[{form.extra}]'"
            )
    for known in form.precisions:
        if known == precision:
            return form, known
    raise SettingsError(f"{form.name} is written in {', '.join(form.precisions)}, not in {precision}")


def check_folder(out: Path, *, overwrite: bool) -> None:
    """Refuse to replace what is there, unless it is an export and that is wanted; nothing is left.

    Raises:
        OutputError: see above, or the folder cannot be made.
    """
    require_folder(out.parent if os.path.lexists(out) else out)
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not is_ours(out):
        raise OutputError(f"{out} is there and is no export of samara; choose another folder")
    if not overwrite:
        raise OutputError(f"{out} holds an export already; choose another folder, or overwrite it on purpose")


def _replace(made: Path, out: Path) -> None:
    """Put the new folder in the place of the old one, which is there until the new one is."""
    made.chmod(0o755)  # mkdtemp's folders are closed to others
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
            f"the {interface.name} interface is for networks that pad images, and {loaded.name} "
            f"({loaded.variant.title}) squashes them; use the interface samara"
        )


def _inputs(interface: Interface, loaded: Loaded) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    with computing("cpu", "float32"):
        return interface.inputs(loaded)


def _verified(graph: Graph, run: Run, inputs: tuple[Tensor, ...], precision: Precision) -> float:
    """Largest relative error of a written graph's embeddings or masks; not of single numbers, which follow from them.

    Raises:
        ExportError: it is too large.
    """
    with torch.inference_mode(), computing("cpu", "float32"):
        answered: Any = graph.module(*inputs)  # Any: one tensor, or a tuple of them
    expected = answered if isinstance(answered, tuple) else (answered,)
    found = map(torch.from_numpy, run(*(tensor.numpy() for tensor in inputs)))
    errors = [
        float((one - wanted).norm() / wanted.norm())
        for one, wanted in zip(found, expected, strict=True)
        if wanted.ndim == 4
    ]
    error = float(torch.tensor(errors).max())  # no number if one of them is none
    limit = LIMITS[precision].relative_error
    if not error <= limit:  # also if it is no number
        raise ExportError(
            f"the exported {graph.name} is {error:.2g} from PyTorch's result, more than {limit:g} for {precision}; "
            "nothing was written"
        )
    return error
