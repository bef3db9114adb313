"""What was measured, for records: a loaded checkpoint by name, digest and how it runs."""

from __future__ import annotations

from pathlib import Path

from samara.checkpoints.digests import digest_file
from samara.loaded import Loaded
from samara.measurements.records import Subject


def subject_of(loaded: Loaded) -> Subject:
    """Describe a loaded checkpoint; reads its file once more, for the digest."""
    path = loaded.provenance.path
    return Subject(
        checkpoint=loaded.name,
        variant=loaded.variant.name,
        weights=loaded.provenance.weights,
        sha256=None if path is None else digest_file(Path(path), "sha256"),
        engine=loaded.engine,
        precision=loaded.precision,
        device=loaded.device,
        input_size=loaded.input_size,
    )
