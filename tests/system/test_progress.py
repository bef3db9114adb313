"""One shape of progress."""

from __future__ import annotations

from samara.system.progress import under_name


def test_a_part_of_the_work_gets_the_name_of_the_whole():
    told = []
    progress = under_name(lambda *step: told.append(step), "photo.jpg")
    progress("segmenting", 1, 4)
    assert told == [("photo.jpg", 1, 4)]


def test_nobody_who_listens_stays_nobody():
    assert under_name(None, "photo.jpg") is None
