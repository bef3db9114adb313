"""Requests, machines and records for the tests of this room."""

from __future__ import annotations

from samara.measurement.records.records import Interval, Record, Subject
from samara.recommendation.evidence import METRICS_OF
from samara.recommendation.measured import Measurements, measurements
from samara.recommendation.request import request
from samara.recommendation.target import target
from samara.system.machine import Gpu, Machine

HERE = Machine(
    processor="Test CPU",
    architecture="x86_64",
    system="Linux 6",
    cores=8,
    instruction_sets=("AVX2",),
    memory_bytes=32_000_000_000,
    gpus=(),
    versions={"python": "3.11"},
)
WITH_GPU = Machine(
    processor="Test CPU",
    architecture="x86_64",
    system="Linux 6",
    cores=8,
    instruction_sets=("AVX2",),
    memory_bytes=32_000_000_000,
    gpus=(Gpu("NVIDIA GeForce RTX 3090", 25_300_000_000, "8.6"),),
    versions={"python": "3.11"},
)
GPU_24 = target(vram_gb=24)
CPU_8 = target(ram_gb=8)
PRODUCTION = request()
QUALITY = {metric for several in METRICS_OF.values() for metric in several}


def nothing_measured(where=GPU_24, domain="natural") -> Measurements:
    return measurements([], where, domain)


def record(checkpoint="sam_vit_b", metric="box_iou", value=0.7, *, machine=HERE, **fields) -> Record:
    facts = machine.as_dict()
    facts.pop("versions")
    facts["gpus"] = list(facts["gpus"])
    subject = Subject(
        checkpoint=checkpoint,
        variant="vit_b",
        weights=fields.pop("weights", "file"),
        sha256=None,
        engine="torch",
        precision="float32",
        device=fields.pop("device", "cpu"),
        input_size=1024,
    )
    if value is not None and metric in QUALITY:
        spread = Interval(low=value - 0.03, high=value + 0.03, kind="95 % bootstrap")
        fields = {"n": 200, "images": 20, "interval": spread} | fields
    return Record(
        subject=subject,
        metric=metric,
        value=value,
        job=fields.pop("job", f"{checkpoint}-{metric}"),
        machine=facts,
        when=fields.pop("when", "2026-11-21T12:00:00+00:00"),
        **fields,
    )
