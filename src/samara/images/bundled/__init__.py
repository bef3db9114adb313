"""Three small photos inside the package, for comparing engines and, by default, calibrating int8.

They are `examples/*.jpg` of the repository at 640 px, from the segment-anything repository (Apache-2.0). Three images
can show that two engines agree; they say nothing about the quality of a checkpoint, and int8 is better calibrated on
images like those in use.
"""

from __future__ import annotations

from pathlib import Path

BUNDLED_IMAGES = tuple(Path(__file__).parent / f"{name}.jpg" for name in ("dog", "groceries", "truck"))
"""The images that are part of the package."""
