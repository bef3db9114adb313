"""A record like those that a run writes."""

from __future__ import annotations

from samara.measurement.records.records import Interval, Record, Subject

SUBJECT = Subject(
    checkpoint="samara_mini",
    variant="vit_t",
    weights="file",
    sha256="ab" * 32,
    engine="torch",
    precision="float32",
    device="cpu",
    input_size=512,
)


def record(**changes):
    facts = {
        "subject": SUBJECT,
        "metric": "box_iou",
        "value": 0.567,
        "interval": Interval(low=0.5, high=0.6, kind="95 % bootstrap"),
        "n": 498,
        "images": 115,
        "domain": "natural",
        "source": "coco",
        "job": "0123456789abcdef",
        "settings": {"objects": 5, "seed": 0},
        "machine": {"processor": "π-chip", "cores": 2, "gpus": []},
        "versions": {"torch": "2.13.0"},
        "commit": None,
        "when": "2026-11-21T13:44:29+00:00",
    }
    return Record(**facts | changes)
