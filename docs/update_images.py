"""Draw the image of the README anew: `python -m docs.update_images`."""

from __future__ import annotations

from pathlib import Path

import samara
from samara.images.encode import jpeg_bytes
from samara.segmentation.drawing.view import View

ROOT = Path(__file__).parent.parent
EVERYTHING = ROOT / "docs" / "images" / "everything.jpg"
LONG_SIDE_PX, JPEG_QUALITY = 1200, 88


def everything() -> bytes:
    """Everything in the photo of a truck, by samara_mini with its usual settings, as JPEG."""
    image = samara.read_image(ROOT / "examples" / "truck.jpg")
    masks = samara.open_segmenter(samara.load("samara_mini")).generate(image)
    view = View((0, 0, image.shape[1], image.shape[0]), LONG_SIDE_PX)
    return jpeg_bytes(samara.draw_masks(view.image(image), view.masks(masks)), JPEG_QUALITY)


if __name__ == "__main__":
    EVERYTHING.write_bytes(everything())
