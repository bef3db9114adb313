"""`samara annotate --dry-run`: from the command line to lines and JSON."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

import samara
from samara.annotation.forecast import AnnotationForecast, Rate
from samara.cli import dry_run
from samara.measurement.records import history
from samara.system.machine import detect_machine
from tests.annotation.conftest import write_images
from tests.cli.test_annotate import QUICK, run
from tests.recommendation.samples import record

EXPECTED = AnnotationForecast(
    out=Path("masks"),
    state="resumed",
    images=12_000,
    done=2_000,
    to_do=10_000,
    prompts=None,
    left_out=(),
    checkpoint="sam_vit_b",
    device="cuda",
    engine="torch",
    precision="bfloat16",
    input_size=1024,
    workers=2,
    batch=8,
    settings=samara.AnnotationSettings(automatic=samara.AutomaticSettings(points_per_side=32)),
    formats=("coco", "yolo"),
    rate=Rate(0.5, "the run of 2026-11-27 in this store, 2,000 images"),
)


def test_a_run_is_described_line_by_line():
    assert list(dry_run.lines(EXPECTED, EXPECTED.rate)) == [
        "masks would be resumed; nothing was written, and no image was opened",
        "images: 12,000 found, 2,000 of them done; this run annotates 10,000",
        "asked: everything",
        "by: sam_vit_b on cuda, torch, bfloat16; processes: 2, images per pass: 8",
        "exports: coco, yolo; names and classes are accepted",
        "time: about 83 minutes, at 0.50 s per image (the run of 2026-11-27 in this store, 2,000 images)",
    ]
    prompted = dataclasses.replace(EXPECTED.settings, asking="prompts")
    other = dataclasses.replace(EXPECTED, state="new", done=0, prompts=70, formats=(), settings=prompted)
    assert list(dry_run.lines(other, None))[1:] == [
        "images: 12,000 found; this run annotates 10,000",
        "asked: 70 prompts",
        "by: sam_vit_b on cuda, torch, bfloat16; processes: 2, images per pass: 8",
        "time: not known; annotate a few with --limit, and ask again with --resume",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (100, "100 s"), (150, "2 minutes"), (10_000, "3 hours"), (2e6, "23 days")]
)
def test_durations_have_a_fitting_unit(seconds, text):
    assert dry_run.in_units(seconds) == text


def test_a_measurement_of_this_machine_tells_the_time(monkeypatch):
    timed = record(metric="everything_seconds", value=0.25, machine=detect_machine(), settings={"points_per_side": 32})
    monkeypatch.setattr(history, "remembered", lambda: [timed])
    here = dataclasses.replace(EXPECTED, rate=None, device="cpu", precision="float32", workers=1)
    assert dry_run.measured_rate(here) == Rate(0.25, "measured here on 2026-11-21")
    assert dry_run.measured_rate(dataclasses.replace(here, workers=2)) is None
    assert dry_run.measured_rate(dataclasses.replace(here, precision="bfloat16")) is None
    for changes in ({"tile": 512}, {"asking": "prompts"}):
        settings = dataclasses.replace(here.settings, **changes)
        assert dry_run.measured_rate(dataclasses.replace(here, settings=settings)) is None


@pytest.mark.usefixtures("small_inputs")
def test_the_command_writes_nothing(tmp_path, monkeypatch, capsys):
    images, out = tmp_path / "images", tmp_path / "out"
    write_images(images, 2)
    (images / "notes.txt").touch()
    code, printed = run(monkeypatch, capsys, images, "--out", out, *QUICK, "--dry-run", "--format", "coco")
    assert (code, printed.err) == (0, "samara: 1 files without an image suffix were left out\n")
    assert "images: 2 found; this run annotates 2" in printed.out
    assert not out.exists()
    code, printed = run(monkeypatch, capsys, images, "--out", out, *QUICK, "--dry-run", "--json", "--limit", 1)
    result = json.loads(printed.out)
    assert (result["images"], result["to_do"], result["seconds"]) == (2, 1, None)
    code, printed = run(monkeypatch, capsys, images, "--out", out, *QUICK, "--dry-run", "--format", "cocoa")
    assert code == 1
    assert "cocoa" in printed.err
