"""What the page and the files of an evaluation are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from samara.measurement.evaluation.judged_answers import JudgedAnswer
from samara.measurement.evaluation.scores import ImageScores
from samara.measurement.evaluation.settings import DOMAIN, EvaluationSettings
from samara.measurement.records.records import Record


@dataclass(frozen=True, eq=False)
class EvaluationReport:
    """What the files of one evaluation are made of.

    Attributes:
        records: its records.
        scores: scores of every image.
        worst, best: answers to show.
        settings: its settings.
        ground_truth: path of the ground truth.
    """

    records: Sequence[Record]
    scores: Sequence[ImageScores]
    worst: Sequence[JudgedAnswer]
    best: Sequence[JudgedAnswer]
    settings: EvaluationSettings
    ground_truth: Path

    @property
    def title(self) -> str:
        """Display name: the checkpoint, and the kind of images if it was named."""
        record = self.records[0]
        domain = f" on {record.domain} images" if record.domain not in (None, DOMAIN) else ""
        return f"{record.subject.checkpoint}{domain}"
