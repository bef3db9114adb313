"""Regular grids of points in the unit square.

Source: segment-anything `utils/amg.py` @dca509f for the spacing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from samara.networks.variant import PointGrid
from samara.segmentation.automatic.settings import AutomaticSettings


def point_grid(points_per_side: int, kind: PointGrid = "centres") -> npt.NDArray[np.float64]:
    """Return one point of each cell of a regular grid, row by row: (points_per_side², 2) as (x, y) in [0, 1)."""
    places = (np.arange(points_per_side) + (0.5 if kind == "centres" else 0.0)) / points_per_side
    x, y = np.meshgrid(places, places)
    return np.stack([x.ravel(), y.ravel()], axis=-1)


def layer_grids(settings: AutomaticSettings) -> list[npt.NDArray[np.float64]]:
    """Return one grid for the whole image and one per crop layer, thinned by the downscale factor."""
    if settings.point_grids is not None:
        return [np.asarray(grid, dtype=np.float64) for grid in settings.point_grids]
    factors = [settings.crop_n_points_downscale_factor**layer for layer in range(settings.crop_n_layers + 1)]
    per_side = settings.points_per_side or 0
    return [point_grid(int(per_side / factor), settings.point_grid or "centres") for factor in factors]
