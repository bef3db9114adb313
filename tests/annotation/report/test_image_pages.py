"""Pages of all images: every image once, of bounded size, linked with each other and with the files."""

from __future__ import annotations

import re

import pytest

from samara.annotation.report import image_pages
from samara.annotation.report.image_pages import ImageLine, images_per_page, link_to, write_image_pages
from samara.annotation.report.looks import ImageLook
from tests.annotation.conftest import image_row


def looks(count):
    for number in range(1, count + 1):
        titles = ("many parts",) if number % 2 else ()
        yield ImageLook(image_row(number, path=f"<b>/{number}.png"), titles=titles, lowest_iou=0.5)


def write(folder, count):
    return write_image_pages(folder, "set", looks(count), count, lambda some: [ImageLine(one, None) for one in some])


def test_every_image_is_on_one_page(tmp_path, monkeypatch):
    monkeypatch.setattr(image_pages, "IMAGES_PER_PAGE", 4)
    pages = write(tmp_path / "report", 10)
    assert [(page.images, page.doubtful) for page in pages] == [(4, 2), (4, 2), (2, 1)]
    assert (pages[1].first, pages[1].last, pages[1].href) == ("<b>/5.png", "<b>/8.png", "report/images-0002.html")
    texts = [(tmp_path / page.href).read_text() for page in pages]
    names = [name for text in texts for name in re.findall(r"data-name=.&lt;b&gt;/(\d+).png", text)]
    assert names == [str(number) for number in range(1, 11)]
    assert ["next page" in text for text in texts] == [True, True, False]
    assert ["previous page" in text for text in texts] == [False, True, True]
    assert not any("<b>/" in text for text in texts)
    assert len(write(tmp_path / "report", 3)) == 1
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["images-0001.html"]


@pytest.mark.parametrize(("images", "on_a_page"), [(3, 200), (100_000, 200), (200_001, 201), (10_000_000, 10_000)])
def test_there_are_neither_too_many_pages_nor_too_long_ones(images, on_a_page):
    assert images_per_page(images) == on_a_page


def test_a_page_of_many_images_stays_small(tmp_path):
    (page,) = write(tmp_path, 200)
    assert (tmp_path.parent / page.href).stat().st_size < 250_000


def test_links_lead_to_files_that_are_there(tmp_path):
    (tmp_path / "a #1.png").touch()
    assert link_to(tmp_path / "a #1.png", tmp_path / "store") == "../a%20%231.png"
    assert link_to(tmp_path / "gone.png", tmp_path) is None
    assert link_to(None, tmp_path) is None
