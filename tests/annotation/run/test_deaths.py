"""An image that ends processes is found by three deaths; one that was only near a death is not."""

from __future__ import annotations

import pytest

from samara.annotation.run.deaths import REASON, Deaths, death_note


def die(path, run, image_id=None):
    """What a process learns that begins an image and dies."""
    with death_note(path, run) as note:
        if image_id is not None and note.deaths.is_careful:
            note.begin(image_id)
        left = note.path.read_bytes()
    note.path.write_bytes(left)
    return note.deaths


def test_an_image_is_poison_after_two_careful_deaths(tmp_path):
    path = tmp_path / "00000003.lock"
    assert die(path, "a", 7) == Deaths("a")
    assert die(path, "a", 7).is_careful
    assert die(path, "a", 7) == Deaths("a", is_careful=True, at_work=7, suspect=7)
    assert die(path, "a", 9) == Deaths("a", is_careful=True, at_work=9, poison={7: REASON})
    assert die(path, "a", 8).suspect == 9
    assert die(path, "a", 9).poison == {7: REASON}, "three different images are three machines taken away"


def test_other_runs_and_broken_notes_do_not_count(tmp_path):
    path = tmp_path / "00000003.lock"
    for _ in range(3):
        die(path, "a", 7)
    assert die(path, "b") == Deaths("b")
    for broken in ("", "[]", "{}", '{"run": "b", "poison": []}', '{"run": "b", "poison": {}, "more": 1}', "\udcff"):
        path.with_suffix(".deaths").write_bytes(broken.encode("utf-8", "surrogateescape"))
        assert die(path, "b") == Deaths("b")


def test_nothing_is_left_by_processes_that_end_themselves(tmp_path):
    with pytest.raises(ValueError, match="odd"), death_note(tmp_path / "1.lock", "a"):
        raise ValueError("odd")
    assert not list(tmp_path.iterdir())
