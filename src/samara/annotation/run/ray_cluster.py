"""Annotation on a Ray cluster: actors load the network once and annotate one shard after the other.

The store is the same as on one machine: shards are claimed, journalled and sealed by the same code, in a folder that
all machines share. Ray decides where actors run (possibly several on one GPU) and restarts lost ones; their shards
resume from the journal, without images that crash every process (see `deaths`). Shards are assigned here rather than by
Ray Data, whose actors take their arguments from Ray's object store and print warnings at every start.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from samara.annotation.run.deaths import DeathNote, death_note
from samara.annotation.run.job import AnnotationJob
from samara.annotation.run.quiet_ray import connected, require_ray
from samara.annotation.run.runner import WAIT_SECONDS, Tally, Work, annotate_shard
from samara.annotation.store.locks import claim, forget
from samara.annotation.store.plan import Shard, read_shard, shard_offsets
from samara.annotation.store.store import PLAN, AnnotationStore, open_store
from samara.checkpoints.load_chosen import load_chosen
from samara.errors import AnnotationStopped, SamaraError

# Restarts of one actor by Ray: more than preemptions ever need, yet finite if actors die at the start.
MAX_RESTARTS = 20
# Replacements per shard: an actor without restarts left is replaced, since each bad image uses up three.
MAX_ACTORS = 10


@dataclass(frozen=True)
class Cluster:
    """Resources of a Ray cluster.

    Attributes:
        actors: number of processes, each with its own network.
        gpus: GPUs per actor; 0.25 lets four share one, 0 uses none.
        cpus: CPU cores per actor.
        address: of the cluster; None for the one that this machine belongs to, or else one of this machine alone.
    """

    actors: int = 1
    gpus: float = 0.0
    cpus: float = 1.0
    address: str | None = None


def run_on_ray(
    store: AnnotationStore, job: AnnotationJob, cluster: Cluster, tell: Callable[[Tally], None] | None = None
) -> None:
    """Annotate the remaining images of a store on a Ray cluster.

    Args:
        store: the store; all machines of the cluster must see it and the images under the same paths.
        job: what to do.
        cluster: resources to use.
        tell: called with what was done since the last call, shard by shard.

    Raises:
        AnnotationStopped: an actor stopped with this message, or no machine of the cluster has room for one.
        MissingExtra: Ray is not installed.
    """
    require_ray()
    per_shard = store.manifest.plan.images_per_shard
    missing = deque(
        (number, offset)
        for number, offset in shard_offsets(store.folder / PLAN, per_shard)
        if not store.files(number).is_sealed and (job.up_to is None or number * per_shard < job.up_to)
    )
    if not missing:
        return
    with connected(cluster.address) as ray:
        _require_room(ray, cluster)
        try:
            for done in _handed_out(ray, missing, cluster, store.folder.resolve(), job):
                if tell is not None:
                    tell(done)
        except ray.exceptions.RayError as error:
            raise AnnotationStopped(
                f"Ray gave up ({_last_line(error)}); finished images are saved; continue with `resume=True`"
            ) from error


def _require_room(ray: ModuleType, cluster: Cluster) -> None:
    """Check that a machine has the resources of an actor; Ray would wait for one silently.

    Raises:
        AnnotationStopped: none has them.
    """
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if any(has.get("CPU", 0) >= cluster.cpus and has.get("GPU", 0) >= cluster.gpus for has in machines):
        return
    gpus, cpus = (max((has.get(kind, 0) for has in machines), default=0) for kind in ("GPU", "CPU"))
    raise AnnotationStopped(
        f"an actor needs {cluster.cpus:g} cores and {cluster.gpus:g} GPUs of one machine, but machines of the Ray "
        f"cluster have at most {cpus:g} and {gpus:g}; reduce `gpus_per_worker`, or add such a machine"
    )


def _handed_out(
    ray: ModuleType, shards: deque[tuple[int, int]], cluster: Cluster, folder: Path, job: AnnotationJob
) -> Iterator[Tally]:
    """Assign shards to actors, one at a time each, and yield the progress of each shard."""
    left, crew = len(shards), _Crew(ray, cluster, folder, job)
    try:
        for _ in range(min(cluster.actors, left)):
            crew.hire()
        while left:
            answer, actor, shard = crew.next_answer()
            try:
                done: Tally | None = _answer(ray, answer)
            except ray.exceptions.RayActorError:
                if not crew.is_worth_another(shard):
                    raise
                crew.replace(actor)
                shards.appendleft(shard)
                continue
            if done is not None:
                left -= 1
                yield done
            if shards:
                crew.give(actor, shards.popleft())
    finally:
        crew.dismiss()


class _Crew:
    """The actors and their shards. `Any` stands for Ray's handles and references."""

    def __init__(self, ray: ModuleType, cluster: Cluster, folder: Path, job: AnnotationJob) -> None:
        actor_class = ray.remote(
            num_cpus=cluster.cpus, num_gpus=cluster.gpus, max_restarts=MAX_RESTARTS, max_task_retries=MAX_RESTARTS
        )(ShardAnnotator)
        self.ray, self.started = ray, partial(actor_class.remote, folder, job, secrets.token_hex(8))
        self.actors: list[Any] = []
        self.answers: dict[Any, tuple[Any, Any]] = {}
        self.lost: Counter[tuple[int, int]] = Counter()

    def hire(self) -> None:
        """Start one more actor. If there is no room yet, it answers later and gets no shard until then."""
        actor = self.started()
        self.actors.append(actor)
        self.answers[actor.begin.remote()] = (actor, None)

    def give(self, actor: Any, shard: tuple[int, int]) -> None:
        """Assign a shard to an actor."""
        self.answers[actor.annotate.remote(*shard)] = (actor, shard)

    def next_answer(self) -> tuple[Any, Any, Any]:
        """Wait for an answer; return it, its actor, and the actor's shard or None."""
        (answer, *_), _ = self.ray.wait(list(self.answers))
        return answer, *self.answers.pop(answer)

    def is_worth_another(self, shard: tuple[int, int] | None) -> bool:
        """Return whether to replace an actor that Ray gave up: it had started, and its shard has not lost too many."""
        if shard is None:
            return False
        self.lost[shard] += 1
        return self.lost[shard] < MAX_ACTORS

    def replace(self, actor: Any) -> None:
        """Replace an actor that Ray gave up."""
        self.actors.remove(actor)
        self.ray.kill(actor)
        self.hire()

    def dismiss(self) -> None:
        """Stop all actors."""
        for actor in self.actors:
            self.ray.kill(actor)


def _answer(ray: ModuleType, answer: Any) -> Tally | None:  # Any: Ray's reference
    told: Tally | str | None = ray.get(answer)
    if isinstance(told, str):
        raise AnnotationStopped(told)
    return told


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{lines[-1] if lines else type(error).__name__:.300}".rstrip(".")


class ShardAnnotator:
    """An actor, which loads the network once and annotates the shards assigned to it.

    Args:
        folder: folder of the store.
        job: what to do.
        run: id shared by all actors of one run.
    """

    def __init__(self, folder: Path, job: AnnotationJob, run: str) -> None:
        threads = max(1, int(os.environ.get("OMP_NUM_THREADS", "1")))  # Ray sets it to the actor's share
        torch.set_num_threads(threads)
        self.job, self.run, self.reason = job, run, ""
        try:
            self.store = open_store(folder)
            self.loaded = load_chosen(job.choice)
            self.annotator = job.annotator(self.loaded)
        except SamaraError as error:
            self.reason = str(error)  # a message for the user instead of Ray's traceback

    def begin(self) -> str | None:
        """Return why the actor cannot start, or None if it can."""
        return self.reason or None

    def annotate(self, number: int, offset: int) -> Tally | str:
        """Annotate a shard; return the progress, or an error message.

        Args:
            number: number of the shard.
            offset: byte offset of its first line in the plan.
        """
        try:
            return sum(self._annotate(self._shard(number, offset)), Tally())
        except SamaraError as error:
            return str(error)

    def _shard(self, number: int, offset: int) -> Shard:
        plan = self.store.manifest.plan
        return read_shard(self.store.folder / PLAN, plan.images_per_shard, number, offset)

    def _annotate(self, shard: Shard) -> Iterator[Tally]:
        """Annotate one shard, or wait until the process that claimed it is done."""
        told: list[Tally] = []
        files = self.store.files(shard.number)
        while not files.is_sealed:
            with claim(self.store.claim_path(shard.number)) as is_ours:
                if is_ours:
                    with death_note(self.store.claim_path(shard.number), self.run) as note:
                        annotate_shard(files, shard, self.annotator, self._work(told, note))
                    forget(self.store.claim_path(shard.number))
                    break
            time.sleep(WAIT_SECONDS)
        yield from told

    def _work(self, told: list[Tally], note: DeathNote) -> Work:
        deaths = note.deaths
        started = note.begin if deaths.is_careful else None
        return self.job.work(
            self.loaded, is_careful=deaths.is_careful, poison=deaths.poison, started=started, tell=told.append
        )
