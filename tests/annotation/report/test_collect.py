"""The page about a store: which pictures it shows, and that it copes with pictures that are gone."""

from __future__ import annotations

import pytest

from samara.annotation.inputs.sources import open_source
from samara.annotation.report.collect import annotation_report, write_report
from samara.annotation.run.runner import annotate_store
from samara.annotation.store.store import create_store
from tests.annotation.conftest import write_pictures
from tests.annotation.fake import annotator, work_on


@pytest.fixture
def store(tmp_path):
    pictures = tmp_path / "pictures"
    write_pictures(pictures, 5)
    (pictures / "9-twin.png").write_bytes((pictures / "0001.png").read_bytes())
    (pictures / "8-page.png").write_text("<html>")
    source = open_source([str(pictures)])
    job = {
        "checkpoint": {"name": "fake", "sha256": None, "licence": None},
        "settings": {"automatic": {"points_per_side": 4, "point_grids": None}, "tile": None},
        "source": source.facts(),
    }
    store = create_store(tmp_path / "out", job, source.entries())
    annotate_store(store, annotator(), work_on(pictures))
    return store


def test_the_page_says_what_the_store_holds(store):
    report = annotation_report(store)
    assert report.summary == "24 masks in 6 images, made by fake."
    assert report.numbers["images quarantined"] == "1"
    assert report.settings == {"points_per_side": "4"}
    titles = [gallery.title for gallery in report.galleries]
    assert titles[0] == "Random images"
    assert "Near duplicates" in titles
    twins = report.galleries[titles.index("Near duplicates")].pictures
    assert [picture.name for picture in twins] == ["0001.png", "9-twin.png"]
    assert all(picture.uri.startswith("data:image/jpeg") for picture in twins)
    assert "images without a mask" in report.checked
    assert report.reasons[0][0] == "8-page.png"
    assert report.categories == {}
    page = write_report(store).read_text()
    assert "9-twin.png" in page


def test_pictures_that_are_gone_or_changed_are_not_shown(store, tmp_path):
    (tmp_path / "pictures" / "0000.png").unlink()
    (tmp_path / "pictures" / "0002.png").write_bytes((tmp_path / "pictures" / "0003.png").read_bytes())
    shown = {picture.name: picture.uri for picture in annotation_report(store).galleries[0].pictures}
    assert {name for name, uri in shown.items() if uri is None} == {"0000.png", "0002.png"}
