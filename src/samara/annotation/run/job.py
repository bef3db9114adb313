"""A job: what to annotate, and with what. Plain data that can be sent to another process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from samara.annotation.inputs.prefetch import Reading
from samara.annotation.inputs.sources import Source
from samara.annotation.run.annotator import Annotator, make_annotator, resolved
from samara.annotation.run.settings import AnnotationSettings, Resources
from samara.checkpoints.choice import Choice
from samara.engines.loaded import Loaded, fingerprint
from samara.segmentation.embedding_store import EmbeddingStore
from samara.segmentation.predictor import Predictor
from samara.segmentation.stored_predictor import StoredPredictor


@dataclass(frozen=True, kw_only=True)
class AnnotationJob:
    """What to annotate, and with what.

    Attributes:
        choice: the checkpoint.
        settings: annotation settings.
        source: the images.
        prompts: names and SHA-256 of the prompt files, for the manifest.
        threads: number of threads that read and decode, per network.
        in_flight: see `samara.annotation.run.runner.Work`; None to choose by the device.
        embeddings: folder that caches image embeddings for later runs with other settings; None for no cache.
        max_embedding_bytes: maximum size of that folder.
    """

    choice: Choice
    settings: AnnotationSettings
    source: Source
    prompts: Mapping[str, str] = field(default_factory=dict)
    threads: int = Resources.threads
    in_flight: int | None = None
    embeddings: Path | None = None
    max_embedding_bytes: int = int(Resources.embedding_cache_gb * 1e9)

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
        return make_annotator(loaded, self.settings, self._predictor)

    def _predictor(self, loaded: Loaded) -> Predictor:
        if self.embeddings is None:
            return Predictor(loaded)
        return StoredPredictor(loaded, EmbeddingStore(self.embeddings, self.max_embedding_bytes))

    @cached_property
    def reading(self) -> Reading:
        """Options for reading images."""
        return Reading(
            self.source.read,
            self.settings.max_pixels,
            self.threads,
            self.settings.value_range,
            self.settings.frame,
            by_windows=self.settings.tile is not None,
        )

    def images_at_a_time(self, loaded: Loaded) -> int:
        """Return the number of images that one network annotates concurrently."""
        if self.in_flight is not None:
            return self.in_flight
        return 2 if loaded.device.startswith("cuda") else 1


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
