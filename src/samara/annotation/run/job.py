"""A job: what to annotate, and with what. Plain data that can be sent to another process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from samara.annotation.inputs.prefetch import Reading
from samara.annotation.inputs.sources import Source
from samara.annotation.run.annotator import Annotator, make_annotator, resolved
from samara.annotation.run.runner import Tally, Work
from samara.annotation.run.settings import AnnotationSettings, Resources
from samara.annotation.run.spent import Clock
from samara.checkpoints.choice import Choice
from samara.engines.loaded import Loaded, fingerprint
from samara.errors import SettingsError
from samara.segmentation.embedding_store import EmbeddingStore
from samara.segmentation.predictor import Predictor
from samara.segmentation.stored_predictor import StoredPredictor

# Of the image encoder, above its weights: eight images took at most 3.2 GB (ViT-H, float32, an H100). Larger batches
# were not measured.
BYTES_PER_IMAGE = 512 << 20
MAX_BATCH = 8
# Threads that read, decode and resize: those of a CPU, and the most for a GPU.
THREADS, MAX_THREADS = 2, 8


@dataclass(frozen=True, kw_only=True)
class AnnotationJob:
    """What to annotate, and with what.

    Attributes:
        choice: the checkpoint.
        settings: annotation settings.
        source: the images.
        prompts: names and SHA-256 of the prompt files, for the manifest.
        threads: number of threads that read, decode and resize, per network; None to choose by the device.
        in_flight: see `samara.annotation.run.runner.Work`; None to choose by the device.
        batch: maximum images per pass of the image encoder; None to choose by the device.
        up_to: id of the last image to annotate; None for all.
        timings: wait for the GPU at the end of each stage, so that its time counts there.
        embeddings: folder that caches image embeddings for later runs with other settings; None for no cache.
        max_embedding_bytes: maximum size of that folder.

    Raises:
        SettingsError: a number is too small.
    """

    choice: Choice
    settings: AnnotationSettings
    source: Source
    prompts: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = Resources.threads
    in_flight: int | None = None
    batch: int | None = Resources.batch
    up_to: int | None = None
    timings: bool = False
    embeddings: Path | None = None
    max_embedding_bytes: int = int(Resources.embedding_cache_gb * 1e9)

    def __post_init__(self) -> None:
        if self.batch is not None and self.batch < 1:
            raise SettingsError(f"`batch` is {self.batch}; give at least 1 image, or None to choose by the device")
        if self.threads is not None and self.threads < 0:
            raise SettingsError(f"`threads` is {self.threads}; give at least 0, or None to choose by the device")

    def facts(self, loaded: Loaded) -> dict[str, Any]:
        """Return what the rows depend on, for the manifest."""
        return {
            "checkpoint": checkpoint_facts(loaded),
            "settings": resolved(self.settings, loaded).facts(),
            "source": self.source.facts(),
            "prompts": dict(self.prompts),
        }

    def annotator(self, loaded: Loaded) -> Annotator:
        """Build the annotator.

        Raises:
            OutputError: the folder for embeddings cannot be created.
        """
        return make_annotator(loaded, self.settings, self._predictor, self.images_per_pass(loaded))

    def _predictor(self, loaded: Loaded) -> Predictor:
        if self.embeddings is None:
            return Predictor(loaded)
        return StoredPredictor(loaded, EmbeddingStore(self.embeddings, self.max_embedding_bytes))

    @cached_property
    def reading(self) -> Reading:
        """Options for reading images, with the threads for a CPU unless stated."""
        return Reading(
            self.source.read,
            self.settings.max_pixels,
            THREADS if self.threads is None else self.threads,
            self.settings.value_range,
            self.settings.frame,
            by_windows=self.settings.tile is not None,
        )

    def work(
        self,
        loaded: Loaded,
        *,
        is_careful: bool = False,
        poison: Mapping[int, str] | None = None,
        started: Callable[[int], None] | None = None,
        tell: Callable[[Tally], None] | None = None,
    ) -> Work:
        """Return the options of a process with this network.

        Args:
            loaded: the network.
            is_careful: whether to annotate strictly one image at a time.
            poison: see `Work`, as for the next two.
            started: called with an image's id before it is processed.
            tell: called with the progress since the last call.
        """
        is_gpu = torch.device(loaded.device).type == "cuda"
        threads = 0 if is_careful else threads_for(loaded.device) if self.threads is None else self.threads
        return Work(
            replace(self.reading, threads=threads),
            in_flight=0 if is_careful else self.batches_at_a_time(loaded),
            poison=poison or {},
            started=started,
            tell=tell,
            batch=1 if is_careful else self.images_per_pass(loaded),
            up_to=self.up_to,
            clock=Clock(loaded.device if self.timings and is_gpu else None),
        )

    def batches_at_a_time(self, loaded: Loaded) -> int:
        """Return the number of batches that one network annotates concurrently."""
        if self.in_flight is not None:
            return self.in_flight
        return 2 if torch.device(loaded.device).type == "cuda" else 1

    def images_per_pass(self, loaded: Loaded, sharing: int = 1) -> int:
        """Return the maximum number of images per pass of the image encoder; see `batch_for`."""
        return batch_for(loaded.device, sharing) if self.batch is None else self.batch


def batch_for(device: str, sharing: int = 1) -> int:
    """Choose how many images share a pass of the image encoder.

    Args:
        device: device of the network.
        sharing: number of processes that share it.

    Returns:
        1 on a CPU, which gains nothing from more; on a GPU what half of its free memory takes, at most `MAX_BATCH`.
    """
    if torch.device(device).type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(MAX_BATCH, free // 2 // sharing // BYTES_PER_IMAGE))


def threads_for(device: str) -> int:
    """Choose how many threads read, decode and resize for one network: more for a GPU, which takes more images."""
    return THREADS if torch.device(device).type != "cuda" else min(MAX_THREADS, max(THREADS, torch.get_num_threads()))


def checkpoint_facts(loaded: Loaded) -> dict[str, Any]:
    """Return facts that identify a checkpoint unambiguously."""
    return {
        "name": loaded.name,
        "sha256": loaded.provenance.sha256,
        # The file's digest does not cover weights without a file, nor folded-in low-rank updates.
        "fingerprint": fingerprint(loaded.network),
        "licence": loaded.provenance.licence,
        "weights": loaded.provenance.weights,
        "variant": loaded.variant.name,
        "input_size": loaded.input_size,
        "precision": loaded.precision,
        "engine": loaded.engine,
        "hq_token_only": loaded.hq_token_only,
        **_preset_of(loaded),
    }


def _preset_of(loaded: Loaded) -> dict[str, str]:
    """The preset, if there is one; older stores have no such field."""
    return {} if loaded.variant.preset is None else {"preset": loaded.variant.preset}
