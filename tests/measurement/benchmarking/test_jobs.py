"""Jobs as values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from samara.errors import RecordError
from samara.measurement.benchmarking.jobs import BenchmarkJob
from samara.measurement.records.environment import Environment
from tests.measurement.benchmarking.samples import job

HERE = Environment({"cores": 2}, {"torch": "2"}, None)


def test_a_job_survives_json():
    assert BenchmarkJob.from_json(job().to_json()) == job()


@pytest.mark.parametrize("line", ["", "{}", "[]", '{"subject": {}}'])
def test_other_lines_are_told(line):
    with pytest.raises(RecordError, match="is not a job"):
        BenchmarkJob.from_json(line)


def test_a_job_is_known_by_what_makes_its_numbers():
    identity = job().identity(HERE)
    based = {job(base=path, base_sha256="cd" * 32).identity(HERE) for path in ("base.pth", "elsewhere/base.pth")}
    assert len(based) == 1
    moved = job(inputs={"images": ["elsewhere/same.png"]}, checkpoint="elsewhere/same.pth")
    assert moved.identity(HERE) == identity
    others = [
        job(kind="size"),
        job(base="base.pth", base_sha256="cd" * 32),
        job(batch_size=8),
        job(domain="medical"),
        job(settings={"work": "load", "threads": 2}),
        job(subject=replace(job().subject, sha256="ab" * 32)),
    ]
    identities = {other.identity(HERE) for other in others} | {job().identity(replace(HERE, machine={"cores": 3}))}
    assert len(identities | {identity}) == 8


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"kind": "size"}, "samara_mini: size"),
        ({"settings": {"work": "encode"}, "batch_size": 8}, "samara_mini: memory, encode, batch of 8"),
        ({"kind": "quality", "domain": "medical"}, "samara_mini: quality, medical"),
    ],
)
def test_titles_say_what_runs(changes, title):
    assert job(**changes).title == title
