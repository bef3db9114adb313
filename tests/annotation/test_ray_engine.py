"""The job on a Ray cluster of this machine: the same rows as the local engine, also when a worker is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from samara.annotation import ray_engine
from samara.annotation.annotator import Annotator
from samara.annotation.job import Choice, Job
from samara.annotation.ray_engine import Cluster, ShardAnnotator, run_on_ray
from samara.annotation.runner import Progress, annotate_store
from samara.annotation.settings import AnnotationSettings, Cleaning
from samara.annotation.sources import open_source
from samara.errors import AnnotationStopped, ImageError, MissingExtra
from tests.annotation.conftest import write_pictures
from tests.annotation.fake import Bright, annotator, final_rows, store_of, work_on

IMAGES = 40


class SlowJob(Job):
    """A job without a network that says which process does it."""

    def annotator(self, loaded):
        Path(self.prompts["pids"], str(os.getpid())).touch()
        return Annotator(Bright(0.1), AnnotationSettings(cleaning=Cleaning(hierarchy=True)))


class RefusedJob(Job):
    """A job that cannot begin."""

    def annotator(self, loaded):
        raise ImageError("this is the reason")


def job_of(kind, tmp_path):
    (tmp_path / "pids").mkdir(exist_ok=True)
    source = open_source([str(tmp_path / "pictures")])
    prompts = {"pids": str(tmp_path / "pids")}
    return kind(choice=Choice(device="cpu"), settings=AnnotationSettings(), source=source, prompts=prompts)


@pytest.fixture
def reference(tmp_path):
    write_pictures(tmp_path / "pictures", IMAGES)
    annotate_store(store_of(tmp_path / "pictures", tmp_path / "reference"), annotator(), work_on(tmp_path / "pictures"))
    return final_rows(tmp_path / "reference")


def test_an_actor_annotates_the_shards_that_it_is_given(tmp_path, reference):
    import numpy as np

    store = store_of(tmp_path / "pictures", tmp_path / "out")
    actor = ShardAnnotator(store.folder, job_of(FastJob, tmp_path))
    for number, offset in ray_engine.shard_offsets(store.folder / "plan.jsonl", 4):
        told = actor({"number": np.array([number]), "offset": np.array([offset])})
        assert told["images"].tolist() == [4]
        assert told["error"].tolist() == [""]
    assert final_rows(tmp_path / "out") == reference
    refused = ShardAnnotator(store.folder, job_of(RefusedJob, tmp_path))
    assert refused({"number": np.array([0]), "offset": np.array([0])})["error"].tolist() == ["this is the reason"]


class FastJob(Job):
    """A job without a network."""

    def annotator(self, loaded):
        return annotator()


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray.data", None)
    with pytest.raises(MissingExtra, match=r"samara\[ray\]"):
        ray_engine.require_ray()


@pytest.fixture(scope="module")
def cluster():
    """Two workers on this machine."""
    ray = pytest.importorskip("ray")
    root = Path(__file__).parents[2]
    paths = os.pathsep.join([str(root / "src"), str(root)])
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False, runtime_env={"env_vars": {"PYTHONPATH": paths}})
    yield Cluster(actors=2)
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Ray's own
def test_rows_are_those_of_the_local_engine(cluster, tmp_path, reference):
    told = []
    run_on_ray(store_of(tmp_path / "pictures", tmp_path / "out"), job_of(SlowJob, tmp_path), cluster, told.append)
    assert sum(told, Progress()).images == IMAGES
    assert final_rows(tmp_path / "out") == reference
    assert len(list((tmp_path / "pids").iterdir())) == 2
    run_on_ray(store_of(tmp_path / "pictures", tmp_path / "out"), job_of(SlowJob, tmp_path), cluster)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_worker_that_is_lost_is_replaced(cluster, tmp_path, reference):
    killed = []

    def kill_one():
        while not (pids := list((tmp_path / "pids").iterdir())):
            time.sleep(0.05)
        time.sleep(0.5)
        killed.append(int(pids[0].name))
        os.kill(killed[0], signal.SIGKILL)

    job = job_of(SlowJob, tmp_path)
    killer = threading.Thread(target=kill_one)
    killer.start()
    store = store_of(tmp_path / "pictures", tmp_path / "out")
    run_on_ray(store, job, cluster)
    killer.join()
    assert killed
    assert store.is_complete
    assert final_rows(tmp_path / "out") == reference


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_what_stops_an_actor_is_told_in_its_sentence(cluster, tmp_path, reference):
    store = store_of(tmp_path / "pictures", tmp_path / "out")
    with pytest.raises(AnnotationStopped, match="^this is the reason$"):
        run_on_ray(store, job_of(RefusedJob, tmp_path), cluster)
