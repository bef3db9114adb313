"""Images in matplotlib, which is imported when something is plotted."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from samara.system.extras import require


def plotted(image: npt.NDArray[np.uint8], axes: Any = None) -> Any:  # Any: matplotlib's Axes, an optional library
    """Show an image, (H, W, 3) RGB, on axes, or on those of a new figure; return the axes.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    if axes is None:
        require("matplotlib", "report", "a plot")
        from matplotlib import pyplot

        axes = pyplot.subplots()[1]
    axes.imshow(image)
    axes.set_axis_off()
    return axes
