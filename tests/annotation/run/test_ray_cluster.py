"""The job on a Ray cluster of this machine: the same rows as the local engine, also when a worker is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from samara.annotation.inputs.sources import open_source
from samara.annotation.run import ray_cluster
from samara.annotation.run.annotator import Annotator
from samara.annotation.run.deaths import REASON
from samara.annotation.run.job import AnnotationJob
from samara.annotation.run.ray_cluster import Cluster, ShardAnnotator, run_on_ray
from samara.annotation.run.runner import Tally, annotate_store
from samara.annotation.run.settings import AnnotationSettings, Cleaning
from samara.checkpoints.choice import Choice
from samara.errors import AnnotationStopped, ImageError
from tests.annotation.conftest import write_images
from tests.annotation.fake import Bright, annotator, final_rows, store_of, work_on

IMAGES = 40


class SlowJob(AnnotationJob):
    """A job without a network that says which process does it."""

    def annotator(self, loaded):
        Path(self.prompts["pids"], str(os.getpid())).touch()
        return Annotator(Bright(0.1), AnnotationSettings(cleaning=Cleaning(hierarchy=True)))


class RefusedJob(AnnotationJob):
    """A job that cannot begin."""

    def annotator(self, loaded):
        raise ImageError("this is the reason")


def job_of(kind, tmp_path):
    (tmp_path / "pids").mkdir(exist_ok=True)
    source = open_source([str(tmp_path / "images")])
    prompts = {"pids": str(tmp_path / "pids")}
    return kind(choice=Choice(device="cpu"), settings=AnnotationSettings(), source=source, prompts=prompts)


@pytest.fixture
def reference(tmp_path):
    write_images(tmp_path / "images", IMAGES)
    annotate_store(store_of(tmp_path / "images", tmp_path / "reference"), annotator(), work_on(tmp_path / "images"))
    return final_rows(tmp_path / "reference")


def test_an_actor_annotates_the_shards_that_it_is_given(tmp_path, reference):
    store = store_of(tmp_path / "images", tmp_path / "out")
    actor = ShardAnnotator(store.folder, job_of(FastJob, tmp_path), "run")
    assert actor.begin() is None
    for number, offset in ray_cluster.shard_offsets(store.folder / "plan.jsonl", 4):
        assert actor.annotate(number, offset).images == 4
    assert final_rows(tmp_path / "out") == reference
    refused = ShardAnnotator(store.folder, job_of(RefusedJob, tmp_path), "run")
    assert refused.begin() == "this is the reason"
    assert "not an annotation store" in ShardAnnotator(tmp_path / "nowhere", job_of(FastJob, tmp_path), "run").begin()


class FastJob(AnnotationJob):
    """A job without a network."""

    def annotator(self, loaded):
        return annotator()


class FakeRay:
    """What handing out needs of Ray, in this process. There is room for two actors; a third never answers."""

    exceptions = SimpleNamespace(RayError=LookupError, RayActorError=KeyError)

    def __init__(self):
        self.room = 2
        self.deaths = 0  # of actors that annotate, still to come
        self.machines, self.actors, self.killed = [{"CPU": 2.0}], [], []

    def nodes(self):
        return [{"Alive": True, "Resources": has} for has in self.machines]

    def remote(self, **_):
        return lambda kind: SimpleNamespace(remote=lambda *arguments: self.start(kind(*arguments)))

    def start(self, actor):
        has_room = len(self.actors) < self.room
        methods = {name: FakeMethod(getattr(actor, name), has_room) for name in ("begin", "annotate")}
        self.actors.append(SimpleNamespace(**methods))
        return self.actors[-1]

    def wait(self, answers):
        return [next(answer for answer in answers if answer.method.has_room)], []

    def get(self, answer):
        if answer.arguments and self.deaths:
            self.deaths -= 1
            raise KeyError("the actor died")
        return answer.method.call(*answer.arguments)

    def kill(self, actor):
        self.killed.append(actor)


class FakeMethod:
    def __init__(self, call, has_room):
        self.call, self.has_room = call, has_room

    def remote(self, *arguments):
        answer = type("Answer", (), {})()
        answer.method, answer.arguments = self, arguments
        return answer


@pytest.fixture
def fake_ray(monkeypatch, small_mini):
    """Its actors load nothing, since the jobs here need no network."""
    ray = FakeRay()
    monkeypatch.setattr(ray_cluster, "load_chosen", lambda choice: small_mini)
    monkeypatch.setattr(ray_cluster, "require_ray", lambda: None)
    monkeypatch.setattr(ray_cluster, "connected", lambda _: nullcontext(ray))
    return ray


def test_shards_go_to_actors_that_have_room(tmp_path, reference, fake_ray):
    told = []
    store = store_of(tmp_path / "images", tmp_path / "out")
    run_on_ray(store, job_of(FastJob, tmp_path), Cluster(actors=3), told.append)
    assert final_rows(tmp_path / "out") == reference
    assert sum(told, Tally()).images == IMAGES
    assert len(told) == IMAGES // 4
    assert fake_ray.killed == fake_ray.actors
    assert len(fake_ray.killed) == 3
    run_on_ray(store, job_of(FastJob, tmp_path), Cluster(actors=3), told.append)  # nothing is left to do
    assert len(told) == IMAGES // 4


def test_what_stops_the_work_is_one_sentence(tmp_path, fake_ray, monkeypatch):
    write_images(tmp_path / "images", 8)
    store = store_of(tmp_path / "images", tmp_path / "out")
    with pytest.raises(AnnotationStopped, match="^this is the reason$"):
        run_on_ray(store, job_of(RefusedJob, tmp_path), Cluster())
    with pytest.raises(AnnotationStopped, match="needs 1 cores and 1 GPUs of one machine, .* at most 2 and 0; reduce"):
        run_on_ray(store, job_of(FastJob, tmp_path), Cluster(gpus=1))
    fake_ray.machines = [{"CPU": 1.0, "GPU": 1.0}, {"CPU": 8.0}]
    with pytest.raises(AnnotationStopped, match="at most 8 and 1"):
        run_on_ray(store, job_of(FastJob, tmp_path), Cluster(gpus=1, cpus=4))

    def lost(_):
        raise KeyError("a long story\nthe actor died.\n")

    monkeypatch.setattr(fake_ray, "get", lost)
    with pytest.raises(AnnotationStopped, match=r"^Ray gave up \(.*the actor died.*\); finished images are saved"):
        run_on_ray(store, job_of(FastJob, tmp_path), Cluster())
    assert fake_ray.killed == fake_ray.actors


def test_an_actor_without_restarts_is_replaced_ten_times(tmp_path, reference, fake_ray, monkeypatch):
    fake_ray.deaths = ray_cluster.MAX_ACTORS - 1
    fake_ray.room = ray_cluster.MAX_ACTORS * 2
    run_on_ray(store_of(tmp_path / "images", tmp_path / "out"), job_of(FastJob, tmp_path), Cluster(actors=1))
    assert final_rows(tmp_path / "out") == reference
    fake_ray.deaths = ray_cluster.MAX_ACTORS
    store = store_of(tmp_path / "images", tmp_path / "again")
    with pytest.raises(AnnotationStopped, match="Ray gave up .*the actor died"):
        run_on_ray(store, job_of(FastJob, tmp_path), Cluster(actors=1))


class Died(BaseException):
    """Stands for the death of a process, behind which nothing is tidied up."""


class Deadly(Bright):
    """Ends its process on some images."""

    end = staticmethod(lambda: os.kill(os.getpid(), signal.SIGKILL))

    def generate(self, image):
        if image.shape[:2] == (33, 33):
            self.end()
        return super().generate(image)


class DeadlyJob(AnnotationJob):
    """A job without a network that some images end."""

    def annotator(self, loaded):
        return Annotator(Deadly(), AnnotationSettings(cleaning=Cleaning(hierarchy=True)))


def with_deadly_images(tmp_path, *numbers):
    names = write_images(tmp_path / "images", 8)
    for number in numbers:
        Image.new("RGB", (33, 33)).save(tmp_path / "images" / names[number])
    return store_of(tmp_path / "images", tmp_path / "out")


def test_an_image_that_ends_actors_is_quarantined(tmp_path, monkeypatch):
    def die():
        raise Died

    monkeypatch.setattr(Deadly, "end", staticmethod(die))
    monkeypatch.setattr(Path, "unlink", lambda path, missing_ok=False: None)  # the dead remove no note
    store = with_deadly_images(tmp_path, 1, 2)
    shard, deaths = next(iter(ray_cluster.shard_offsets(store.folder / "plan.jsonl", 4))), 0
    while not store.files(shard[0]).is_sealed:
        actor = ShardAnnotator(store.folder, job_of(DeadlyJob, tmp_path), "run")
        try:
            actor.annotate(*shard)
        except Died:
            deaths += 1
    assert deaths == 5  # three for the first, two for the second, since care stays
    rows = list(store.quarantined())
    assert [(row.path, row.reason) for row in rows] == [("0001.png", REASON), ("0002.png", REASON)]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_the_run_goes_on_without_images_that_kill(cluster, tmp_path):
    store, told = with_deadly_images(tmp_path, 1, 2), []
    run_on_ray(store, job_of(DeadlyJob, tmp_path), cluster, told.append)
    assert store.is_complete
    assert [(row.path, row.reason) for row in store.quarantined()] == [("0001.png", REASON), ("0002.png", REASON)]
    assert not list((store.folder / "claims").iterdir())


@pytest.fixture(scope="module")
def cluster():
    """Two workers on this machine."""
    ray = pytest.importorskip("ray")
    root = Path(__file__).parents[3]
    paths = os.pathsep.join([str(root / "src"), str(root)])
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False, runtime_env={"env_vars": {"PYTHONPATH": paths}})
    yield Cluster(actors=2)
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # Ray's own
def test_rows_are_those_of_the_local_engine(cluster, tmp_path, reference):
    told = []
    run_on_ray(store_of(tmp_path / "images", tmp_path / "out"), job_of(SlowJob, tmp_path), cluster, told.append)
    assert sum(told, Tally()).images == IMAGES
    assert final_rows(tmp_path / "out") == reference
    assert len(list((tmp_path / "pids").iterdir())) == 2
    run_on_ray(store_of(tmp_path / "images", tmp_path / "out"), job_of(SlowJob, tmp_path), cluster)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_worker_that_is_lost_is_replaced(cluster, tmp_path, reference, capfd):
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
    store = store_of(tmp_path / "images", tmp_path / "out")
    run_on_ray(store, job, cluster)
    killer.join()
    assert killed
    assert capfd.readouterr() == ("", "")
    assert store.is_complete
    assert final_rows(tmp_path / "out") == reference


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_what_stops_an_actor_is_told_in_its_sentence(cluster, tmp_path, reference):
    store = store_of(tmp_path / "images", tmp_path / "out")
    with pytest.raises(AnnotationStopped, match="^this is the reason$"):
        run_on_ray(store, job_of(RefusedJob, tmp_path), cluster)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_machine_that_nobody_has_is_not_waited_for(cluster, tmp_path, reference):
    store = store_of(tmp_path / "images", tmp_path / "out")
    with pytest.raises(AnnotationStopped, match="needs 1 cores and 1 GPUs of one machine"):
        run_on_ray(store, job_of(SlowJob, tmp_path), replace(cluster, gpus=1.0))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_the_terminal_shows_samara_only(tmp_path):
    """A whole command, with an image that is none: stdout and stderr are those of the local engine."""
    pytest.importorskip("ray")
    write_images(tmp_path / "images", 4)
    (tmp_path / "images" / "0002.png").write_text("<html>")
    command = [sys.executable, "-m", "samara", "annotate", "images", "--points-per-side", "2", "--device", "cpu"]
    printed = []
    for engine in ("local", "ray"):
        arguments = ["--out", engine, "--cluster", engine, "--workers", "2" if engine == "ray" else "1"]
        done = subprocess.run([*command, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        printed.append((done.stdout.partition("; ")[0].removeprefix(engine), done.stderr))
    assert printed[0] == printed[1]
    assert "0002.png is quarantined" in printed[1][1]
    assert printed[1][1].count("\n") == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_sigterm_stops_it_in_a_sentence(tmp_path):
    pytest.importorskip("ray")
    write_images(tmp_path / "images", 40)
    command = [sys.executable, "-m", "samara", "annotate", "images", "--points-per-side", "32", "--device", "cpu"]
    arguments = ["--out", "out", "--cluster", "ray"]
    with subprocess.Popen([*command, *arguments], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while not list(tmp_path.glob("out/claims/*")):
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert told == "samara: stopped; finished images are saved in out, continue with --resume\n"
