"""Make the GeoTIFFs of this folder with rasterio, and `expected.json` with what rasterio reads of them.

Run by hand, with rasterio 1.4.4 (GDAL 3.10.3): python tests/datasets/geotiff/make.py
"""

import json
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine

HERE = Path(__file__).parent
UTM = Affine(0.5, 0, 399_960, 0, -0.5, 5_300_040)
CASES = {
    "north_up": ("EPSG:32633", UTM, {}),
    "rotated": ("EPSG:32633", UTM @ Affine.rotation(30), {}),
    "degrees": ("EPSG:4326", Affine(1e-4, 0, 13.25, 0, -1e-4, 52.5), {}),
    "point": ("EPSG:25832", UTM, {"AREA_OR_POINT": "Point"}),
    "own_system": ("+proj=laea +lat_0=47 +lon_0=11 +x_0=3 +y_0=5 +ellps=bessel +units=m", UTM, {}),
}

expected = {}
for name, (crs, transform, tags) in CASES.items():
    path = HERE / f"{name}.tif"
    with rasterio.open(path, "w", "GTiff", 4, 3, 1, crs, transform, "uint8") as file:
        file.write(np.arange(12, dtype=np.uint8).reshape(1, 3, 4))
        file.update_tags(**tags)
    with rasterio.open(path) as file:
        code = file.crs.to_epsg()
        expected[name] = {"transform": list(file.transform)[:6], "crs": f"EPSG:{code}" if code else None}
(HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
