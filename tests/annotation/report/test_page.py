"""The page about a data set: complete in itself, everything escaped."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from samara.annotation.report.image_pages import PageLink
from samara.annotation.report.looks import MaskLook
from samara.annotation.report.page import (
    AnnotationReport,
    Bars,
    Gallery,
    LookCard,
    LookFirst,
    Quarantined,
    Searched,
    Shown,
    write_annotation_report,
)

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
        reasons=[Quarantined(EVIL, "is a PDF", f"/photos/{EVIL}")],
        searched=Searched("folder", "/photos", "masks"),
        categories={"rod": "2"},
        settings={"points_per_side": "32"},
        provenance={"checkpoint": "none"},
        look_first=LookFirst(
            cards=[LookCard(look("rod"), EVIL, "../photos/a.png", "data:image/jpeg;base64,AA==")],
            masks=1,
            images=1,
            by_reason={"many parts": 1},
            unknown=[("answers disagree", "not recorded")],
            corrected=4,
        ),
        pages=[PageLink("report/images-0001.html", EVIL, "z.png", 200, 3)],
    )


def look(category):
    return MaskLook(1, 5, 0.4, ("many parts",), ("9 parts",), 0.81, None, category, None)


def test_the_page_is_complete_and_escaped(tmp_path):
    write_annotation_report(tmp_path / "page.html", report())
    page = (tmp_path / "page.html").read_text()
    assert page.count("<script") == 1  # its own
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;.png") >= 6
    assert not re.search(r"src=\"(?!data:)", page)
    assert re.findall(r"href=\"([^\"]+)", page) == ["../photos/a.png", "report/images-0001.html", "quarantined.csv"]
    assert "9 parts" in page
    assert "1 mask in 1 image deserve a look." in page
    assert "People drew or corrected 4 masks, which" in page
    assert "mask 5, rod, predicted IoU 0.81</span>" in page
    assert page.index("Images to check") < page.index("Images without a mask") < page.index("Random images")
    assert "image missing, changed or too large" in page
    assert "3 images could not be annotated; these are the first 1," in page
    assert "height: 50.00%" in page


@pytest.mark.parametrize(
    ("kind", "place", "sentence"),
    [
        ("folder", "/photos/b.png", "at the path that the image had"),
        ("coco", "/photos/b.png", "--images FOLDER --resume"),
        ("archive", None, "In the archive"),
    ],
)
def test_it_says_where_a_missing_image_was_looked_for(tmp_path, kind, place, sentence):
    one = replace(report(), searched=Searched(kind, "/photos", "masks"), reasons=[Quarantined("b.png", "gone", place)])
    write_annotation_report(tmp_path / "page.html", one)
    page = (tmp_path / "page.html").read_text()
    assert sentence in page
    assert "--resume --retry" in page
    assert ("<bdi>/photos/b.png</bdi> does not exist" in page) == (place is not None)


def test_a_page_without_masks_says_so(tmp_path):
    write_annotation_report(tmp_path / "page.html", replace(report(), look_first=LookFirst(), pages=()))
    page = (tmp_path / "page.html").read_text()
    assert "There is no mask." in page
    assert "All images" not in page
