"""Settings of an export.

Importing this does not load torch, so the command line can take its defaults from here with fast help.
"""

from __future__ import annotations

from dataclasses import dataclass

EXPORTED_TO = "samara-export"
"""Default folder of an export."""


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """What to export. The last four are those of segment_anything's own script, with its names.

    Attributes:
        format: "onnx" or "openvino".
        precision: write float32, or with openvino also float16 or int8 (image encoder).
        interface: give the decoder the inputs of "samara", or "official" for programs made for segment_anything's ONNX
            decoder.
        return_single_mask: return one mask per call instead of all, with the official interface.
        use_stability_score: return stability scores in place of predicted IoU, with the official interface.
        return_extra_metrics: return stability scores and areas as well, with the official interface.
        gelu_approximate: compute GELU by tanh, for runtimes without erf, with the official interface.
    """

    format: str = "onnx"
    precision: str = "float32"
    interface: str = "samara"
    return_single_mask: bool = False
    use_stability_score: bool = False
    return_extra_metrics: bool = False
    gelu_approximate: bool = False
