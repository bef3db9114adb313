"""`manifest.json` of an export: everything that a program needs to use the graphs without samara."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from samara._version import __version__
from samara.engines.exporting.formats import ExportFormat
from samara.engines.exporting.interfaces import Interface
from samara.engines.graphs import Graph
from samara.engines.loaded import Loaded, fingerprint
from samara.networks.mask_decoder import THREE_MASKS
from samara.networks.sam2_mask_decoder import STABILITY_OFFSET, STABILITY_THRESH, Sam2MaskDecoder
from samara.networks.variant import Preprocessing

MANIFEST = "manifest.json"
FORMAT = "samara export 1"

FIT = {
    "pad": ("longest side to input_size", "zeros at bottom and right afterwards"),
    "squash": ("both sides to input_size", "no padding"),
}
"""The size and the padding in words, by `Preprocessing.fit`."""

RESIZE = {
    "pillow": "bilinear with antialiasing",
    "float": "bilinear with antialiasing on floating-point pixels",
    "float without antialiasing": "bilinear without antialiasing on floating-point pixels",
    "spline": "cubic splines after a Gaussian blur (scikit-image: order 3, anti_aliasing), cut to whole numbers",
    "area": "mean of areas (OpenCV: INTER_AREA)",
    "nearest": "nearest pixel (OpenCV: INTER_NEAREST)",
}
"""In words, by `Preprocessing.resize`."""

SCALE = {
    "fixed": "0..255, RGB",
    "image": "of each resized image, the smallest number of all channels becomes 0 and the largest 1, RGB",
}
"""In words, by `Preprocessing.scale`."""


def manifest_of(
    loaded: Loaded,
    form: ExportFormat,
    precision: str,
    interface: Interface,
    graphs: Sequence[Graph],
    relative_error: Mapping[str, float],
) -> dict[str, Any]:
    """Build the contents of `manifest.json`.

    Args:
        loaded: the checkpoint.
        form: format of the export.
        precision: precision of the weights.
        interface: interface of the graphs.
        graphs: exported graphs, each in a file with its name and the format's suffix.
        relative_error: relative error of each, measured during the export.
    """
    preprocessing, provenance = loaded.variant.preprocessing, loaded.provenance
    return {
        "format": FORMAT,
        "samara": __version__,
        "checkpoint": {
            "name": provenance.name,
            "variant": loaded.variant.name,
            "weights": provenance.weights,
            "licence": provenance.licence,
            "fingerprint": fingerprint(loaded.network),
            "sha256": provenance.sha256,
        },
        "runtime": form.name,
        "interface": {"name": interface.name, **interface.facts},
        "precision": precision,
        "preprocessing": {
            "input_size": interface.input_size(loaded),
            "frame_size": interface.frame_size(loaded),
            "fit": preprocessing.fit,
            "resize": _resize(preprocessing),
            "scale": SCALE[preprocessing.scale],
            "mean": preprocessing.mean,
            "std": preprocessing.std,
            "preset": loaded.variant.preset,
        },
        "mask_threshold": 0.0,
        "mask_upsampling": preprocessing.upsampling,
        "masks": interface.masks(loaded),
        **_single_mask_rule(loaded),
        "graphs": {
            graph.name: {
                "file": f"{graph.name}{form.ending}",
                "inputs": [{"name": one.name, "shape": one.shape, "type": "float32"} for one in graph.inputs],
                "outputs": list(graph.outputs),
                "relative_error": relative_error[graph.name],
            }
            for graph in graphs
        },
    }


def _resize(preprocessing: Preprocessing) -> str:
    """The resizing in words."""
    size, padding = FIT[preprocessing.fit]
    return f"{size}, {RESIZE[preprocessing.resize]}; {padding}"


def _single_mask_rule(loaded: Loaded) -> dict[str, Any]:
    """When the single mask gives way to the best of three: SAM 2's sometimes, EfficientSAM's always, others' never."""
    decoder = loaded.sam.mask_decoder
    if decoder.masks_for_single == THREE_MASKS:
        return {"single_mask_rule": {"rule": "the best of the others answers, by predicted IoU"}}
    if not isinstance(decoder, Sam2MaskDecoder):
        return {}
    rule = "where pixels above offset are less than threshold of those above -offset, the best of the others answers"
    return {"single_mask_rule": {"rule": rule, "offset": STABILITY_OFFSET, "threshold": STABILITY_THRESH}}


def is_ours(folder: Path) -> bool:
    """Return whether a folder was written by an export."""
    try:
        document = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and str(document.get("format", "")).startswith("samara export")
