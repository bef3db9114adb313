"""Contact sheets: every image beside its masks, many on a page, to look through a folder of results."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from samara.images.encode import jpeg_bytes
from samara.masks.drawing.sheet import captioned, contact_sheet, side_by_side
from samara.masks.drawing.style import OverlayStyle
from samara.masks.mask_set import MaskSet
from samara.segmentation.drawing.overlay import draw_styled
from samara.segmentation.drawing.view import View
from samara.segmentation.prompts import Prompt
from samara.system.files import write_atomically

Image = npt.NDArray[np.uint8]

_CELL_PX = 480
_COLUMNS, _ROWS = 2, 6
_QUALITY = 90


class SheetWriter:
    """Writes `contact-sheet.jpg`, and further pages with numbers, into a folder.

    Attributes:
        written: the pages that were written.
    """

    def __init__(self, folder: Path, *, overwrite: bool = False) -> None:
        """Prepare to write; existing pages keep their names unless `overwrite`."""
        self.folder, self.overwrite = folder, overwrite
        self.written: list[Path] = []
        self._cells: list[Image] = []

    def add(
        self,
        caption: str,
        image: Image,
        masks: MaskSet,
        prompts: Sequence[Prompt],
        *,
        ids: Sequence[int],
        style: OverlayStyle,
    ) -> None:
        """Put an image, (H, W, 3) RGB, beside its masks on it; for the other arguments see `draw_styled`.

        Raises:
            OutputError: a page is full and cannot be written.
        """
        view = View((0, 0, image.shape[1], image.shape[0]), min(_CELL_PX, max(image.shape[:2])))
        small = view.image(image)
        seen = [view.prompt(prompt) for prompt in prompts]
        drawn = draw_styled(small, view.masks(masks), seen, ids=ids, style=style)
        self._cells.append(captioned(side_by_side([small, drawn]), caption))
        if len(self._cells) == _COLUMNS * _ROWS:
            self.finish()

    def finish(self) -> None:
        """Write the last page, if there is anything on it.

        Raises:
            OutputError: it cannot be written.
        """
        if not self._cells:
            return
        cells, self._cells = self._cells, []
        place = next(place for place in _names(self.folder) if self._is_free(place, self.written))
        write_atomically(place, jpeg_bytes(contact_sheet(cells, _COLUMNS), _QUALITY))
        self.written.append(place)

    def _is_free(self, place: Path, written: Sequence[Path]) -> bool:
        return place not in written and (self.overwrite or not os.path.lexists(place))


def _names(folder: Path) -> itertools.chain[Path]:
    numbered = (folder / f"contact-sheet-{number}.jpg" for number in itertools.count(2))
    return itertools.chain([folder / "contact-sheet.jpg"], numbered)
