"""Scores behind the records of a comparison: of every object, where the measuring machine left them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from samara.measurement.comparison.comparison import Contender
from samara.measurement.evaluation.scores import ImageScores
from samara.measurement.records.json_lines import read_lines


@dataclass(frozen=True)
class ScoreFiles:
    """Folders of scores, one file per job.

    Attributes:
        folders: folders to look into, in this order.
    """

    folders: tuple[Path, ...]

    def of_job(self, job: str) -> list[ImageScores]:
        """Return the scores of a job; empty if none of the folders has them."""
        for folder in self.folders:
            if lines := read_lines(folder / f"{job}.jsonl"):
                return [ImageScores.from_json(line) for line in lines]
        return []

    def of_domain(self, one: Contender, domain: str, ground_truth: str | None = None) -> list[ImageScores]:
        """Return the scores of a contender on a kind of images; empty without a file.

        Args:
            one: the contender.
            domain: kind of images.
            ground_truth: digest of the ground truth that they must be about; None for any.
        """
        records = [record for record in one.newest.values() if record.domain == domain and record.value is not None]
        jobs = dict.fromkeys(
            record.job for record in records if ground_truth in (None, record.settings.get("ground_truth"))
        )
        return next((scores for job in jobs if (scores := self.of_job(job))), [])


def score_files(folders: Sequence[Path]) -> ScoreFiles:
    """Return the scores of several folders, each once."""
    return ScoreFiles(tuple(dict.fromkeys(folders)))
