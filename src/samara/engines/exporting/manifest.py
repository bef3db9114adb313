"""`manifest.json` of an export: everything that a program needs to use the graphs without samara."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from samara._version import __version__
from samara.engines.exporting.formats import Format
from samara.engines.exporting.interfaces import Interface
from samara.engines.graphs import Graph
from samara.engines.loaded import Loaded, fingerprint

MANIFEST = "manifest.json"
FORMAT = "samara export 1"


def manifest_of(
    loaded: Loaded,
    form: Format,
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
            "input_size": interface.frame(loaded),
            "fit": preprocessing.fit,
            "resize": "longest side to input_size, bilinear with antialiasing; zeros at bottom and right afterwards",
            "scale": "0..255, RGB",
            "mean": preprocessing.mean,
            "std": preprocessing.std,
        },
        "mask_threshold": 0.0,
        "masks": interface.masks(loaded),
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


def is_ours(folder: Path) -> bool:
    """Return whether a folder was written by an export."""
    try:
        document = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and str(document.get("format", "")).startswith("samara export")
