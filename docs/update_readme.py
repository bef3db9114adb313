"""Write the generated parts of the README anew: `make docs`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.speed_table import speed_table
from docs.checkpoint_tables import promptable_table
from docs.made_parts import with_parts
from docs.update_comparison import times

README = Path(__file__).parent.parent / "README.md"
SPEED = (
    "segment-anything",
    "OpenVINO assembly",
    "samara",
    "samara bfloat16",
    "samara openvino",
    "samara openvino int8",
)
"""Who stands in the table of speed; docs/performance.md has all."""

PARTS = {
    "checkpoints": promptable_table,
    "comparison": times,
    "speed": partial(speed_table, contenders=SPEED),
}


def updated(text: str) -> str:
    """The README with its table of checkpoints made from the catalogue and its costs, those of speed from results."""
    return with_parts(README, text, PARTS)


if __name__ == "__main__":
    README.write_text(updated(README.read_text()))
