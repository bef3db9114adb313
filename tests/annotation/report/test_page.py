"""The page about a data set: complete in itself, everything escaped."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
from PIL import Image

from samara.annotation.report.page import AnnotationReport, Bars, Gallery, Shown, thumbnail, write_annotation_report
from samara.images.read import read_image
from tests.annotation.conftest import random_masks

EVIL = "<script>alert(1)</script>.png"


def report():
    return AnnotationReport(
        title="my set",
        summary="Two masks.",
        numbers={"masks": "2", "images quarantined": "1"},
        bars=[Bars("Predicted IoU", "mean 0.5", ("0", "1"), (0, 2, 4), ("a", "b", "c"))],
        galleries=[
            Gallery("Random images", "By chance.", [Shown(EVIL, "2 masks", "data:image/jpeg;base64,AA==")], False),
            Gallery("Images without a mask", "1 in all.", [Shown("moved.png", "0 masks", None)]),
        ],
        checked=["near duplicates"],
        quarantined=3,
        reasons=[(EVIL, "is a PDF")],
        categories={"rod": "2"},
        settings={"points_per_side": "32"},
        provenance={"checkpoint": "none"},
    )


def test_the_page_is_complete_and_escaped(tmp_path):
    write_annotation_report(tmp_path / "page.html", report())
    page = (tmp_path / "page.html").read_text()
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;.png") >= 3
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert page.count("check these") == 1
    assert "not shown" in page
    assert "The first 1 of 3" in page
    assert "height: 50.00%" in page


def test_a_thumbnail_shows_the_masks(tmp_path):
    pixels = np.full((300, 800, 3), 90, dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "grey.png")
    masks = random_masks(0, 0, (300, 800))
    plain = decoded(thumbnail(read_image(tmp_path / "grey.png"), masks))
    assert plain.shape == (180, 480, 3)
    assert np.abs(plain.astype(int) - 90).max() <= 2
    one = random_masks(0, 1, (300, 800))
    drawn = decoded(thumbnail(pixels, one))
    assert np.abs(drawn.astype(int) - 90).max() > 30


def decoded(uri):
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGB"))
