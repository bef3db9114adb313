"""The place of a run: one run at a time, and nothing left of one that began nothing."""

from __future__ import annotations

import contextlib

import pytest

from samara.errors import OutputError, SettingsError
from samara.finetuning.place import only_run, require_checkpoint_place, work_of
from samara.finetuning.processes import Processes


def test_one_run_at_a_time(tmp_path):
    out = tmp_path / "x.pth"
    with only_run(out, Processes()):
        with pytest.raises(SettingsError, match="another run is writing"), only_run(out, Processes()):
            pass
        assert work_of(out).is_dir()
    with only_run(out, Processes()):
        pass


def test_a_run_that_fails_at_once_leaves_nothing_and_a_later_one_its_state(tmp_path):
    out = tmp_path / "deep" / "x.pth"
    with contextlib.suppress(KeyError), only_run(out, Processes()):
        raise KeyError
    assert not list(tmp_path.iterdir())
    with contextlib.suppress(KeyError), only_run(out, Processes()):
        (work_of(out) / "state").touch()
        raise KeyError
    assert (work_of(out) / "state").is_file()


def test_places_that_cannot_be_are_found_out(tmp_path):
    require_checkpoint_place(tmp_path / "deep" / "x.pth")
    assert not list(tmp_path.iterdir())
    with pytest.raises(SettingsError, match="suffix"):
        require_checkpoint_place(tmp_path / "x.png")
    (tmp_path / "x.pth.work").touch()
    with pytest.raises(OutputError, match=r"x.pth.work is a file"):
        require_checkpoint_place(tmp_path / "x.pth")
