"""TIFFs by GDAL, in all the ways that maps and aerial images are stored."""

from __future__ import annotations

import numpy as np


def values_of(count, dtype, height=50, width=70, seed=0):
    """(count, h, w) over the range that the type uses."""
    draws = np.random.default_rng(seed).random((count, height, width))
    dtype = np.dtype(dtype)
    if dtype.kind in "fc":
        return draws.astype(dtype)
    limits = np.iinfo(dtype)
    return (limits.min + draws * (float(limits.max) - limits.min)).astype(dtype)


def write(path, values, colours=None, mask=None, overviews=(), **profile):
    """Values (bands, h, w) as a GeoTIFF, tiled unless the profile says otherwise."""
    import rasterio
    from rasterio.enums import ColorInterp
    from rasterio.transform import Affine

    count, height, width = values.shape
    tiled = {"tiled": True, "blockxsize": 16, "blockysize": 16} if profile.get("tiled", True) else {}
    known = {"transform": Affine(0.5, 0, 100, 0, -0.5, 200), "crs": "EPSG:32633"} | tiled | profile
    shape = {"count": count, "height": height, "width": width, "dtype": values.dtype}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", driver="GTiff", **shape, **known) as file,
    ):
        if colours is not None:
            file.colorinterp = [ColorInterp[colour] for colour in colours]
        file.write(values)
        if mask is not None:
            file.write_mask(mask)
        if overviews:
            file.build_overviews(overviews)
    return path
