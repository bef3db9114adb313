"""Reading ahead: in order, bounded, and honest about what cannot be read."""

from __future__ import annotations

import threading
import time

import pytest

from samara.annotation import prefetch
from samara.annotation.plan import Entry
from samara.annotation.prefetch import Reading
from samara.annotation.sources import open_source
from samara.images import read_image
from tests.annotation.conftest import write_pictures


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_images_come_in_order_with_reasons(pictures, threads):
    (pictures / "0002.png").write_text("<html>")
    (pictures / "0004.png").unlink()
    source = open_source([str(pictures)])
    entries = [Entry(number + 1, f"{number:04d}.png") for number in range(6)]
    found = list(Reading(source.read, None, threads).fetched(entries))
    assert [one.entry for one in found] == entries
    assert [one.picture is not None for one in found] == [True, True, False, True, False, True]
    assert found[2].reason.startswith("'0002.png' is an HTML page")
    assert found[2].encoded.size_bytes == 6
    assert "cannot be read (No such file" in found[4].reason
    assert (found[0].picture.pixels == read_image(pictures / "0000.png")).all()


def test_bombs_are_not_decoded(pictures):
    (found,) = Reading(open_source([str(pictures)]).read, 1000, 1).fetched([Entry(1, "0000.png")])
    assert "'0000.png' declares 40 by 32 pixels, more than max_pixels=1000" in found.reason


def test_pictures_ahead_are_bounded(tmp_path, monkeypatch):
    write_pictures(tmp_path, 40)
    source, decoded, most = open_source([str(tmp_path)]), [], 0

    def decode(data, **options):
        decoded.append(data)
        return read_image(data, **options)

    monkeypatch.setattr(prefetch, "read_image", decode)
    monkeypatch.setattr(prefetch, "MOST_PIXELS_AHEAD", 3 * 40 * 32)
    entries = [Entry(number + 1, f"{number:04d}.png") for number in range(40)]
    for taken, _ in enumerate(Reading(source.read, None, 4).fetched(entries), start=1):
        time.sleep(0.005)  # time enough to run ahead
        most = max(most, len(decoded) - taken)
    assert len(decoded) == 40
    assert most == 2  # and the one that was taken


def test_a_picture_larger_than_the_bound_comes_alone(tmp_path, monkeypatch):
    write_pictures(tmp_path, 5)
    monkeypatch.setattr(prefetch, "MOST_PIXELS_AHEAD", 10)
    found = list(
        Reading(open_source([str(tmp_path)]).read, None, 2).fetched([Entry(1, "0000.png"), Entry(2, "0001.png")])
    )
    assert all(one.picture is not None for one in found)


def test_closing_stops_the_threads(pictures):
    before = threading.active_count()
    images = Reading(open_source([str(pictures)]).read, None, 2).fetched([Entry(n, "0000.png") for n in range(1, 30)])
    next(images)
    images.close()
    assert threading.active_count() == before
