"""Subject of records: a loaded checkpoint by name, digest and execution."""

from __future__ import annotations

from samara.engines.loaded import Loaded
from samara.measurement.records.records import Subject


def subject_of(loaded: Loaded) -> Subject:
    """Describe a loaded checkpoint; reads its file again for the digest."""
    return Subject(
        checkpoint=loaded.name,
        variant=loaded.variant.name,
        weights=loaded.provenance.weights,
        sha256=loaded.provenance.sha256,
        engine=loaded.engine,
        precision=loaded.precision,
        device=loaded.device,
        input_size=loaded.input_size,
    )
