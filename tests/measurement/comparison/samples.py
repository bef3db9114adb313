"""Records of several checkpoints on two machines, as measuring them would write; made by hand."""

from __future__ import annotations

from samara.checkpoints.catalogue import CATALOGUE
from samara.measurement.comparison.comparison import Comparison
from samara.measurement.records.records import Interval, Subject
from tests.measurement.records.samples import record

CPU = {"processor": "Chip One", "cores": 2, "gpus": [], "memory_bytes": 8_000_000_000, "system": "Linux 6"}
GPU = {"processor": "Chip Two", "cores": 16, "gpus": [{"name": "NVIDIA X9", "memory_bytes": 1, "capability": "9.0"}]}
SHA256 = {row.name: row.sha256 for row in CATALOGUE if row.sha256}
HOSTILE = "<script>alert(1)</script>|[x](javascript:1)\x1b[31m"


def subject(checkpoint, weights="file", device="cpu", **changes):
    facts = {
        "checkpoint": checkpoint,
        "variant": "vit_b",
        "weights": weights,
        "sha256": SHA256.get(checkpoint, "cd" * 32) if weights == "file" else None,
        "engine": "torch",
        "precision": "float32",
        "device": device,
        "input_size": 1024,
    }
    return Subject(**facts | changes)


def number(who, metric, value, machine=CPU, **changes):
    facts = {"domain": None, "source": None, "interval": None, "images": None, "n": 1, "machine": machine}
    return record(subject=who, metric=metric, value=value, **facts | changes)


def all_of(who, *, scale=1.0, iou=None, machine=CPU):
    """Numbers of one contender: bytes and seconds times `scale`; quality if `iou` is given."""
    quartiles = Interval(low=0.9 * scale, high=1.2 * scale, kind="quartiles")
    yield number(who, "parameters", 10e6 * scale, machine)
    yield number(who, "file_bytes", 40e6 * scale, machine)
    yield number(who, "encode_seconds", scale, machine, interval=quartiles, n=7, batch_size=1)
    yield number(who, "encode_first_seconds", 2 * scale, machine, batch_size=1)
    yield number(who, "encode_seconds", 0.5 * scale, machine, n=3, batch_size=8)
    yield number(who, "decode_1_seconds", 0.25 * scale, machine, n=7)
    yield number(who, "everything_seconds", 8 * scale, machine, n=3, settings={"points_per_side": 16, "threads": 1})
    yield number(who, "encode_resident_peak_bytes", 1e9 * scale, machine, batch_size=1)
    for domain, less in (("natural", 0.0), ("medical", 0.1)):
        facts = {"domain": domain, "settings": {"ground_truth": "ff" * 32}, "n": 20, "images": 4}
        if iou is None:
            why = "its file is not on this machine, and random weights have no quality"
            yield number(
                who, "centre_click_iou", None, machine, **facts | {"n": 0, "status": "not applicable", "note": why}
            )
        else:
            interval = Interval(low=iou - less - 0.05, high=iou - less + 0.05, kind="95 % bootstrap")
            yield number(who, "centre_click_iou", iou - less, machine, **facts | {"interval": interval})


def records():
    return [
        *all_of(subject("sam_vit_b", "random"), scale=4.0),
        *all_of(subject("mobile_sam"), scale=1.0, iou=0.6),
        *all_of(subject(HOSTILE), scale=2.0, iou=0.5),
        *all_of(subject("sam_vit_b", "random", "cuda:0"), scale=0.02, machine=GPU),
        number(subject("sam_vit_b", "random", "cuda:0"), "encode_device_peak_bytes", 2.5e9, GPU, batch_size=1),
    ]


def comparison():
    return Comparison(tuple(records()))
