"""The manifest: what it records, and that it survives."""

from __future__ import annotations

import samara
from samara.annotation.store.manifest import new_manifest, read_manifest, require_same_job
from samara.annotation.store.plan import PlanFacts


def test_it_says_what_made_the_rows(tmp_path):
    job = {"checkpoint": {"name": "samara_mini"}, "settings": {"grid": (1, 2)}}
    manifest = new_manifest(job, PlanFacts(3, 8, "abc"))
    manifest.save(tmp_path / "manifest.json")
    again = read_manifest(tmp_path / "manifest.json")
    assert again == manifest
    assert again.samara == samara.__version__
    assert again.checkpoint == "samara_mini"
    assert {"python", "torch", "numpy", "pyarrow"} <= again.versions.keys()
    require_same_job(again.job, job, tmp_path)  # a tuple is what JSON makes a list
