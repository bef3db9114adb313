"""`samara.review`: tasks out, corrections in."""

from __future__ import annotations

import pytest

import samara
from samara.errors import SettingsError
from tests.annotation.review.stores import store_of
from tests.annotation.review.test_corrections import edited, save, submitted, tasks_of


def test_tasks_out_and_corrections_in(tmp_path):
    store = store_of(tmp_path, ("good",), ("unsure", "small"), ("leaking",))
    first = samara.review(store.folder, out=tmp_path / "tasks")
    assert first.doubted.found == 2
    assert first.losses.masks == 3
    assert first.taken is None
    tasks = tasks_of(store, tmp_path / "again")
    path = save(tmp_path / "export.json", [submitted(tasks[0], edited)])
    trial = samara.review(store, corrections=path, dry_run=True)
    assert trial.taken.corrected == 1
    assert trial.doubted.found == 2
    second = samara.review(store, corrections=[path], out=tmp_path / "rest", task_format="coco")
    assert second.taken.corrected == 1
    assert [one.path for one in second.doubted.images] == ["0002.png"]
    assert (tmp_path / "rest" / "coco.json").exists()


def test_a_trial_needs_corrections(tmp_path):
    store = store_of(tmp_path, ("good",))
    with pytest.raises(SettingsError, match="give `corrections`"):
        samara.review(store, dry_run=True)
