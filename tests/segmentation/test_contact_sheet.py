"""Contact sheets: pages, and names that are free."""

import numpy as np
from PIL import Image

from samara.masks.drawing.style import OverlayStyle
from samara.segmentation.contact_sheet import SheetWriter
from tests.masks.test_mask_set import OTHER, mask_set

GREY = np.full((20, 30, 3), 100, np.uint8)


def fill(writer, count):
    for number in range(count):
        writer.add(f"image {number}", GREY, mask_set([OTHER]), [], ids=[number], style=OverlayStyle())
    writer.finish()


def test_pages(tmp_path):
    writer = SheetWriter(tmp_path)
    fill(writer, 13)
    assert [path.name for path in writer.written] == ["contact-sheet.jpg", "contact-sheet-2.jpg"]
    first, second = (np.asarray(Image.open(path)) for path in writer.written)
    assert first.shape[0] > 5 * second.shape[0]
    fill(SheetWriter(tmp_path), 0)
    assert len(list(tmp_path.iterdir())) == 2


def test_existing_pages_are_kept_unless_told(tmp_path):
    (tmp_path / "contact-sheet.jpg").write_bytes(b"mine")
    kept = SheetWriter(tmp_path)
    fill(kept, 1)
    assert [path.name for path in kept.written] == ["contact-sheet-2.jpg"]
    assert (tmp_path / "contact-sheet.jpg").read_bytes() == b"mine"
    replaced = SheetWriter(tmp_path, overwrite=True)
    fill(replaced, 1)
    assert [path.name for path in replaced.written] == ["contact-sheet.jpg"]
