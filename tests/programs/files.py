"""What the client programs are given: an image, a GeoTIFF and a checkpoint with the official keys."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass
class Files:
    """The files in `folder`, the side that runs and the registry as the package has it.

    Attributes:
        work: an empty folder for what a program writes.
    """

    folder: Path
    side: str
    genuine: dict
    work: Path = field(default_factory=lambda: Path(tempfile.mkdtemp()))

    @property
    def checkpoint(self):
        """samara_mini's weights."""
        return str(self.folder / "mini.pth")

    @property
    def image(self):
        """Name of a PNG of 240 x 320 pixels."""
        return str(self.folder / "dog.png")

    @property
    def geotiff(self):
        """The same image with a place on Earth."""
        return str(self.folder / "dog.tif")

    @property
    def pixels(self):
        """The image, (240, 320, 3) uint8, RGB."""
        from PIL import Image

        return np.array(Image.open(self.image))


def stacked(records):
    """Results of everything mode as arrays; masks under `every`, which are compared without regard to order."""
    order = sorted(range(len(records)), key=lambda i: -records[i]["area"])
    return {
        "every_mask": np.array([records[i]["segmentation"] for i in order], dtype=bool),
        "areas": np.array([records[i]["area"] for i in order], dtype=float),
        "predicted_iou": np.array([records[i]["predicted_iou"] for i in order], dtype=float),
        "stability": np.array([records[i]["stability_score"] for i in order], dtype=float),
    }


def make(folder):
    """Write the files; runs in samara's environment."""
    import torch
    from PIL import Image
    from rasterio import Affine
    from rasterio import open as open_raster

    from samara.checkpoints.load import load

    folder.mkdir(parents=True, exist_ok=True)
    torch.save(dict(load("samara_mini").sam.state_dict()), folder / "mini.pth")
    root = Path(__file__).parent.parent.parent
    image = Image.open(root / "examples" / "dog.jpg").convert("RGB").resize((320, 240))
    image.save(folder / "dog.png")
    profile = {"driver": "GTiff", "width": 320, "height": 240, "count": 3, "dtype": "uint8", "crs": "EPSG:32633"}
    with open_raster(folder / "dog.tif", "w", transform=Affine(0.5, 0, 500000, 0, -0.5, 5000000), **profile) as raster:
        raster.write(np.asarray(image).transpose(2, 0, 1))
