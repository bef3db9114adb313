"""The page about a store: which images it shows, and that it copes with images that are gone."""

from __future__ import annotations

import pytest

from samara.annotation.inputs.sources import open_source
from samara.annotation.report.collect import annotation_report, write_report
from samara.annotation.report.looks import Looks
from samara.annotation.review.limits import limits_of
from samara.annotation.review.settings import ReviewSettings
from samara.annotation.run.runner import annotate_store
from samara.annotation.store.store import create_store
from tests.annotation.conftest import write_images
from tests.annotation.fake import annotator, work_on
from tests.annotation.review.stores import store_of


@pytest.fixture
def store(tmp_path):
    images = tmp_path / "images"
    write_images(images, 5)
    (images / "9-twin.png").write_bytes((images / "0001.png").read_bytes())
    (images / "8-page.png").write_text("<html>")
    source = open_source([str(images)])
    job = {
        "checkpoint": {"name": "fake", "sha256": None, "licence": None},
        "settings": {"automatic": {"points_per_side": 4, "point_grids": None}, "tile": None},
        "source": source.facts(),
    }
    store = create_store(tmp_path / "out", job, source.entries())
    annotate_store(store, annotator(), work_on(images))
    return store


def report_of(store):
    looks = Looks(limits_of(store, ReviewSettings()))
    for row, table in store.tables():
        looks.add(row, table)
    return annotation_report(store, looks)


def test_commands_can_be_pasted(tmp_path):
    store = store_of(tmp_path / "my masks", ("good",))
    assert report_of(store).searched.store == f"'{store.folder}'"


def test_the_page_says_what_the_store_holds(store):
    report = report_of(store)
    assert report.summary == "24 masks in 6 images, made by fake."
    assert report.numbers["images quarantined"] == "1"
    assert report.settings == {"points_per_side": "4"}
    titles = [gallery.title for gallery in report.galleries]
    assert titles[0] == "Random images"
    assert "Near duplicates" in titles
    twins = report.galleries[titles.index("Near duplicates")].images
    assert [image.name for image in twins] == ["0001.png", "9-twin.png"]
    assert all(image.uri.startswith("data:image/jpeg") for image in twins)
    assert "images without a mask" in report.checked
    (bad,) = report.reasons
    assert (bad.name, bad.is_there) == ("8-page.png", True)
    assert bad.place == str(store.folder.parent / "images" / "8-page.png")
    assert report.categories == {}
    page = write_report(store).read_text()
    assert "9-twin.png" in page
    assert 'href="../images/9-twin.png"' in page
    images = (store.folder / "report" / "images-0001.html").read_text()
    assert 'href="../../images/9-twin.png"' in images
    assert images.count('class="line"') == 7
    assert "quarantined: " in images


def test_masks_that_deserve_a_look_are_shown_with_their_reasons(store):
    first = report_of(store).look_first
    assert first.masks > 0
    assert {card.name for card in first.cards} <= {f"000{number}.png" for number in range(5)} | {"9-twin.png"}
    assert all(card.uri.startswith("data:image/jpeg") for card in first.cards)
    assert "low predicted IoU" in first.titles
    assert ("answers disagree", "recorded for prompts alone, where the run compared the answers") in first.unknown


def test_images_that_are_gone_or_changed_are_not_shown(store, tmp_path):
    (tmp_path / "images" / "0000.png").unlink()
    (tmp_path / "images" / "0002.png").write_bytes((tmp_path / "images" / "0003.png").read_bytes())
    shown = {image.name: image.uri for image in report_of(store).galleries[0].images}
    assert {name for name, uri in shown.items() if uri is None} == {"0000.png", "0002.png"}
