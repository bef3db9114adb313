"""The same job on a Ray cluster: Ray Data gives shards to actors, each with a network that it loads once.

The store is what it is with the local engine: shards are claimed, journalled and sealed in the same way, by the same
code, in a folder that all machines share. Ray decides where actors run (also several on one GPU), and gives the shards
of an actor that was lost to another one, which goes on from the journal.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from samara.annotation.claims import claim, forget
from samara.annotation.job import Job
from samara.annotation.plan import Shard, read_shard, shard_offsets
from samara.annotation.runner import WAIT_SECONDS, Progress, Work, annotate_shard
from samara.annotation.store import PLAN, Store, open_store
from samara.errors import AnnotationStopped, SamaraError
from samara.extras import require

_TOLD = ("images", "masks", "quarantined")


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


def require_ray() -> None:
    """Raise MissingExtra unless Ray Data is installed."""
    require("ray.data", "ray", "--engine ray")


def run_on_ray(store: Store, job: Job, cluster: Cluster, tell: Callable[[Progress], None] | None = None) -> None:
    """Annotate whatever is missing in a store, on a Ray cluster.

    Args:
        store: in a folder that all machines of the cluster see under the same path, as they must the images.
        job: what to do.
        cluster: where.
        tell: called with what was done since the last call, shard by shard.

    Raises:
        AnnotationStopped: what stopped an actor, in its sentence.
        MissingExtra: Ray is not installed.
    """
    require_ray()
    import ray

    if not ray.is_initialized():
        ray.init(address=cluster.address, log_to_driver=False, configure_logging=False)
    per_shard = store.manifest.plan.images_per_shard
    missing = [
        {"number": number, "offset": offset}
        for number, offset in shard_offsets(store.folder / PLAN, per_shard)
        if not store.files(number).is_sealed
    ]
    if not missing:
        return
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.WARNING)  # its plans and its pools are no news for users
    # A block for each shard: what is lost with an actor is one shard, of which the journal keeps most.
    shards = ray.data.from_items(missing, override_num_blocks=len(missing))
    done = shards.map_batches(
        ShardAnnotator,
        fn_constructor_args=(store.folder.resolve(), job),
        batch_size=1,
        concurrency=min(cluster.actors, len(missing)),
        num_gpus=cluster.gpus,
        num_cpus=cluster.cpus,
    )
    for row in done.iter_rows():
        if row["error"]:
            raise AnnotationStopped(str(row["error"]))
        if tell is not None:
            tell(Progress(*(int(row[name]) for name in _TOLD)))


class ShardAnnotator:
    """An actor: loads the network once, and annotates the shards that it is given.

    Args:
        folder: of the store.
        job: what to do.
    """

    def __init__(self, folder: Path, job: Job) -> None:
        threads = max(1, int(os.environ.get("OMP_NUM_THREADS", "1")))  # Ray sets it to the actor's share
        torch.set_num_threads(threads)
        self.store, self.job, self.reason = open_store(folder), job, ""
        try:
            loaded = job.choice.load()
            self.annotator = job.annotator(loaded)
            self.in_flight = job.images_at_a_time(loaded)
        except SamaraError as error:
            self.reason = str(error)  # a sentence for the user, instead of the traceback that Ray would show

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Annotate shards: columns `number` and `offset` → what was done, and what went wrong."""
        done = Progress()
        try:
            for number, offset in zip(batch["number"].tolist(), batch["offset"].tolist(), strict=True):
                for progress in () if self.reason else self._annotate(self._shard(number, offset)):
                    done += progress
        except SamaraError as error:
            self.reason = str(error)
        columns = {name: np.array([getattr(done, name)]) for name in _TOLD}
        return columns | {"error": np.array([self.reason], dtype=object)}

    def _shard(self, number: int, offset: int) -> Shard:
        plan = self.store.manifest.plan
        return read_shard(self.store.folder / PLAN, plan.images_per_shard, number, offset)

    def _annotate(self, shard: Shard) -> Iterator[Progress]:
        """Annotate one shard, or wait until whoever has claimed it is done with it."""
        told: list[Progress] = []
        files = self.store.files(shard.number)
        while not files.is_sealed:
            with claim(self.store.claim_path(shard.number)) as is_ours:
                if is_ours:
                    annotate_shard(files, shard, self.annotator, self._work(told))
                    forget(self.store.claim_path(shard.number))
                    break
            time.sleep(WAIT_SECONDS)
        yield from told

    def _work(self, told: list[Progress]) -> Work:
        return Work(self.job.reading, self.in_flight, tell=told.append)
