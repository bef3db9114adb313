"""The same job on a Ray cluster: actors, each with a network that it loads once, get one shard after the other.

The store is what it is on one machine: shards are claimed, journalled and sealed in the same way, by the same
code, in a folder that all machines share. Ray decides where actors run (also several on one GPU), and starts those that
were lost again; their shards go on from the journal, without an image that ends every process that opens it (see
`deaths`). Shards are handed out here and not by Ray Data: its actors take
their arguments from Ray's object store, at which every start of one complains on the terminal.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
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

# Of one actor, by Ray: more than machines are ever taken away, and an end where actors die before they begin.
MAX_RESTARTS = 20
# Of one shard: an actor that has no restarts left is replaced, since images may have used them up, three each.
MAX_ACTORS = 10


@dataclass(frozen=True)
class Cluster:
    """What of a Ray cluster to use.

    Attributes:
        actors: processes, each with a network of its own.
        gpus: of each actor; 0.25 lets four share one, 0 uses none.
        cpus: of each actor.
        address: of the cluster; None for the one that this machine belongs to, or else one of this machine alone.
    """

    actors: int = 1
    gpus: float = 0.0
    cpus: float = 1.0
    address: str | None = None


def run_on_ray(
    store: AnnotationStore, job: AnnotationJob, cluster: Cluster, tell: Callable[[Tally], None] | None = None
) -> None:
    """Annotate whatever is missing in a store, on a Ray cluster.

    Args:
        store: in a folder that all machines of the cluster see under the same path, as they must the images.
        job: what to do.
        cluster: where.
        tell: called with what was done since the last call, shard by shard.

    Raises:
        AnnotationStopped: what stopped an actor, in its sentence; or no machine of the cluster has room for one.
        MissingExtra: Ray is not installed.
    """
    require_ray()
    per_shard = store.manifest.plan.images_per_shard
    missing = deque(
        (number, offset)
        for number, offset in shard_offsets(store.folder / PLAN, per_shard)
        if not store.files(number).is_sealed
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
                f"Ray gave up ({_last_line(error)}); what was annotated is safe, go on with `resume=True`"
            ) from error


def _require_room(ray: ModuleType, cluster: Cluster) -> None:
    """Make sure that some machine has what an actor needs, for which Ray would otherwise wait without a word.

    Raises:
        AnnotationStopped: none has.
    """
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if any(has.get("CPU", 0) >= cluster.cpus and has.get("GPU", 0) >= cluster.gpus for has in machines):
        return
    gpus, cpus = (max((has.get(kind, 0) for has in machines), default=0) for kind in ("GPU", "CPU"))
    raise AnnotationStopped(
        f"an actor needs {cluster.cpus:g} cores and {cluster.gpus:g} GPUs of one machine, and those of the Ray cluster "
        f"have at most {cpus:g} and {gpus:g}; choose other `gpus_per_worker`, or add such a machine first"
    )


def _handed_out(
    ray: ModuleType, shards: deque[tuple[int, int]], cluster: Cluster, folder: Path, job: AnnotationJob
) -> Iterator[Tally]:
    """Give shards to actors, one at a time to each, and tell what was done of each shard."""
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
    """The actors, and what each of them does. `Any` stands for Ray's handles and references."""

    def __init__(self, ray: ModuleType, cluster: Cluster, folder: Path, job: AnnotationJob) -> None:
        actor_class = ray.remote(
            num_cpus=cluster.cpus, num_gpus=cluster.gpus, max_restarts=MAX_RESTARTS, max_task_retries=MAX_RESTARTS
        )(ShardAnnotator)
        self.ray, self.started = ray, partial(actor_class.remote, folder, job, secrets.token_hex(8))
        self.actors: list[Any] = []
        self.answers: dict[Any, tuple[Any, Any]] = {}
        self.lost: Counter[tuple[int, int]] = Counter()

    def hire(self) -> None:
        """One more. If there is no room for it yet, it answers later, and gets no shard before."""
        actor = self.started()
        self.actors.append(actor)
        self.answers[actor.begin.remote()] = (actor, None)

    def give(self, actor: Any, shard: tuple[int, int]) -> None:
        """A shard to annotate."""
        self.answers[actor.annotate.remote(*shard)] = (actor, shard)

    def next_answer(self) -> tuple[Any, Any, Any]:
        """Wait for an answer; it, its actor, and the actor's shard or None."""
        (answer, *_), _ = self.ray.wait(list(self.answers))
        return answer, *self.answers.pop(answer)

    def is_worth_another(self, shard: tuple[int, int] | None) -> bool:
        """Whether an actor that Ray gave up is to be replaced: it began, and its shard did not end many before."""
        if shard is None:
            return False
        self.lost[shard] += 1
        return self.lost[shard] < MAX_ACTORS

    def replace(self, actor: Any) -> None:
        """Another one for an actor that Ray gave up."""
        self.actors.remove(actor)
        self.ray.kill(actor)
        self.hire()

    def dismiss(self) -> None:
        """Stop all of them."""
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
    """An actor: loads the network once, and annotates the shards that it is given.

    Args:
        folder: of the store.
        job: what to do.
        run: what all actors of one run call it.
    """

    def __init__(self, folder: Path, job: AnnotationJob, run: str) -> None:
        threads = max(1, int(os.environ.get("OMP_NUM_THREADS", "1")))  # Ray sets it to the actor's share
        torch.set_num_threads(threads)
        self.job, self.run, self.reason = job, run, ""
        try:
            self.store = open_store(folder)
            loaded = load_chosen(job.choice)
            self.annotator = job.annotator(loaded)
            self.in_flight = job.images_at_a_time(loaded)
        except SamaraError as error:
            self.reason = str(error)  # a sentence for the user, instead of the traceback that Ray would show

    def begin(self) -> str | None:
        """Whether it can; what is in the way, if it cannot."""
        return self.reason or None

    def annotate(self, number: int, offset: int) -> Tally | str:
        """Annotate a shard; what was done, or what went wrong, as a sentence.

        Args:
            number: of the shard.
            offset: of its first line in the plan, in bytes.
        """
        try:
            return sum(self._annotate(self._shard(number, offset)), Tally())
        except SamaraError as error:
            return str(error)

    def _shard(self, number: int, offset: int) -> Shard:
        plan = self.store.manifest.plan
        return read_shard(self.store.folder / PLAN, plan.images_per_shard, number, offset)

    def _annotate(self, shard: Shard) -> Iterator[Tally]:
        """Annotate one shard, or wait until whoever has claimed it is done with it."""
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
        reading, poison = self.job.reading, note.deaths.poison
        if note.deaths.is_careful:
            return Work(replace(reading, threads=0), 0, poison, started=note.begin, tell=told.append)
        return Work(reading, self.in_flight, poison, tell=told.append)
