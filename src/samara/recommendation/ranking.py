"""The ranking of feasible checkpoints: requirements of the task first, then a weighted score of criteria."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from samara.checkpoints.catalogue import CATALOGUE
from samara.checkpoints.licences import Commercial, licence_of
from samara.measurement.published.figures import FIGURES
from samara.recommendation.estimates import file_bytes
from samara.recommendation.quality import leader_of
from samara.recommendation.request import Request
from samara.recommendation.rules import Candidate, duration, seconds
from samara.recommendation.statement import Statement
from samara.recommendation.target import Target
from samara.recommendation.tasks import CRITERIA, Criterion, weights_of

WORST_QUALITY, BEST_QUALITY = 0.70, 1.02
"""Quality relative to SAM ViT-H at which the criterion is 0 and 1; a better measured one is 1 instead."""

PLENTY = 0.5
"""Fraction of free memory above which more makes no difference."""

SMALL_FILE, LARGE_FILE = 20e6, 2.5e9
"""File sizes at which the criterion is 1 and 0."""

LICENCE_VALUES: Mapping[Commercial, float] = {"free": 1.0, "conditions": 0.3, "forbidden": 0.0, "unknown": 0.0}
"""Value of a licence that does not exclude."""

WELL_KNOWN = 10
"""Number of published figures above which more make no difference."""

TIE = 0.01
"""Scores closer than this are a tie: weights in steps of 0.05 do not support finer differences."""


@dataclass(frozen=True)
class ScorePart:
    """One criterion of a score.

    Attributes:
        criterion: name of the criterion.
        value: its value between 0 and 1.
        weight: its weight for this task and domain.
    """

    criterion: Criterion
    value: float
    weight: float


@dataclass(frozen=True)
class Ranked:
    """A feasible checkpoint with its rank.

    Attributes:
        candidate: the checkpoint and its needs.
        quality: quality relative to SAM ViT-H; None if neither published nor measured.
        parts: components of the score.
        missed: requirements of the task that it misses, as clauses.
        tied_with: the checkpoint ranked just before it if their scores tie; None otherwise.
        tie_break: reason why that one ranks first: "file", "evidence" or "name"; empty without a tie.
    """

    candidate: Candidate
    quality: Statement | None
    parts: tuple[ScorePart, ...]
    missed: tuple[str, ...]
    tied_with: str | None = None
    tie_break: str = ""

    @property
    def name(self) -> str:
        """Name in the catalogue."""
        return self.candidate.checkpoint.name

    @property
    def score(self) -> float:
        """Score between 0 and 1, rounded so that equal scores compare equal."""
        return round(sum(part.value * part.weight for part in self.parts), 4)


def rank(
    candidates: Sequence[Candidate], qualities: Mapping[str, Statement | None], request: Request, target: Target
) -> tuple[Ranked, ...]:
    """Rank feasible candidates, best first.

    Candidates that miss a requirement of the task rank after those that miss none, and too little quality ranks after
    too much time. Then those come first that were trained further for the domain. Otherwise the score decides; ties are
    broken by the smaller file, then more published evidence, then the name. A further trained checkpoint never ranks
    before its origin, nor a first release before the next, see `_behind_their_leaders`.
    """
    known = [quality.value for one in candidates if (quality := qualities[one.checkpoint.name]) is not None]
    top = max([BEST_QUALITY, *known])
    scored = [_scored(one, qualities[one.checkpoint.name], top, request, target) for one in candidates]
    ordered = sorted(scored, key=lambda one: (_demands(one, request), -one.score, one.name))
    return tuple(_without_broken_pairs(_behind_their_leaders(_broken_ties(ordered, request))))


def _scored(candidate: Candidate, quality: Statement | None, top: float, request: Request, target: Target) -> Ranked:
    task = request.task_details
    weights = weights_of(task, request.domain_details)
    values: dict[Criterion, float] = {
        "quality": 0.0 if quality is None else _between(quality.value, WORST_QUALITY, top),
        "speed": 1 - _between(math.log(candidate.needs.seconds.value), *map(math.log, request.pace_s)),
        "memory": _headroom(candidate, target),
        "size": 1 - _between(math.log(file_bytes(candidate.checkpoint)), math.log(SMALL_FILE), math.log(LARGE_FILE)),
        "evidence": min(1.0, _EVIDENCE.get(candidate.checkpoint.name, 0) / WELL_KNOWN),
        "licence": LICENCE_VALUES[licence_of(candidate.checkpoint.licence).commercial],
        "at hand": float(candidate.at_hand),
    }
    parts = tuple(ScorePart(name, values[name], weights[name]) for name in CRITERIA if weights[name])
    return Ranked(candidate, quality, parts, _missed(candidate, quality, request))


def _between(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _headroom(candidate: Candidate, target: Target) -> float:
    if target.memory_bytes is None:
        return 1.0
    return _between(1 - candidate.needs.memory.value / target.memory_bytes, 0.0, PLENTY)


# Checkpoints with more published figures are easier to compare with other work.
_EVIDENCE: Mapping[str, int] = {row.name: sum(figure.checkpoint == row.name for figure in FIGURES) for row in CATALOGUE}


def _missed(candidate: Candidate, quality: Statement | None, request: Request) -> tuple[str, ...]:
    task, missed = request.task_details, []
    if "classes" in request.prompts:
        pass  # nothing relates detectors of classes to SAM
    elif quality is None:
        missed.append("its quality relative to SAM is unpublished")
    elif quality.value < task.min_quality:
        missed.append(f"quality {quality.value:.2f} of SAM ViT-H, but {task.name} requires {task.min_quality:g}")
    if candidate.needs.seconds.value > request.required_s:
        missed.append(_too_slow(candidate.needs.seconds.value, request))
    return tuple(missed)


def _too_slow(value: float, request: Request) -> str:
    task = request.task_details
    if request.image_count is None or request.required_s == task.seconds:
        return f"{seconds(value)}, but {task.name} requires {seconds(task.seconds)}"
    return f"{duration(value * request.image_count)} for {request.image_count:,} images, more than a week"


def _demands(ranked: Ranked, request: Request) -> tuple[bool, bool, bool]:
    task = request.task_details
    is_known = "classes" in request.prompts or (ranked.quality is not None)
    poor = not is_known or (ranked.quality is not None and ranked.quality.value < task.min_quality)
    is_ahead = is_specialist(ranked, request) or _is_best_and_measured(ranked)
    return poor, ranked.candidate.needs.seconds.value > request.required_s, not is_ahead


def _is_best_and_measured(ranked: Ranked) -> bool:
    """Whether it was measured to be at least as good as all others are thought to be, by the criterion's top."""
    value = next((part.value for part in ranked.parts if part.criterion == "quality"), 0.0)
    return value == 1.0 and _is_measured(ranked.quality)


def _is_measured(quality: Statement | None) -> bool:
    return quality is not None and quality.certainty.startswith("measured")


def is_specialist(ranked: Ranked, request: Request) -> bool:
    """Whether it ranks first for its domain: no published figure says how much better it is there.

    A measurement does say so, and a licence that nobody states is no reason to put anything first.
    """
    checkpoint = ranked.candidate.checkpoint
    is_free = checkpoint.is_free_for_commerce
    return checkpoint.speciality == request.domain and is_free and not _is_measured(ranked.quality)


def _preference(ranked: Ranked) -> tuple[float, int, str]:
    """Return the tie-breaking key."""
    return file_bytes(ranked.candidate.checkpoint), -_EVIDENCE.get(ranked.name, 0), ranked.name


def _tie(first: Ranked, second: Ranked, request: Request) -> bool:
    return _demands(first, request) == _demands(second, request) and abs(first.score - second.score) < TIE


def _broken_ties(ordered: list[Ranked], request: Request) -> list[Ranked]:
    """Sort every run of candidates that tie with the first of the run, and note the ties."""
    result: list[Ranked] = []
    while ordered:
        run = sorted((one for one in ordered if _tie(ordered[0], one, request)), key=_preference)
        result += run[:1]
        result += [
            replace(one, tied_with=before.name, tie_break=_decided(before, one))
            for before, one in itertools.pairwise(run)
        ]
        names = {one.name for one in run}
        ordered = [one for one in ordered if one.name not in names]
    return result


def _behind_their_leaders(ordered: list[Ranked]) -> list[Ranked]:
    """Move checkpoints that follow another directly behind it, if they came before it; see `leader_of`.

    The advantage of a further trained checkpoint is the speed of a smaller input, which its origin has at that input
    too; a first release differs from its successor only in its weights. A leader that misses more requirements leads
    nothing.
    """
    result = list(ordered)
    for one in ordered:
        leader = next((each for each in result if each.name == _leader(one)), None)
        follows = leader is not None and len(leader.missed) <= len(one.missed)
        if leader is not None and follows and result.index(one) < result.index(leader):
            result.remove(one)
            result.insert(result.index(leader) + 1, one)
    return result


def _leader(ranked: Ranked) -> str | None:
    found = leader_of(ranked.name)
    return found and found[0]


def _without_broken_pairs(ordered: list[Ranked]) -> list[Ranked]:
    """Forget the ties of those that something else moved away from their neighbour."""
    kept = [replace(one, tied_with=None, tie_break="") for one in ordered[:1]]
    for before, one in itertools.pairwise(ordered):
        stands = one.tied_with == before.name and _leader(one) != before.name
        kept.append(one if stands else replace(one, tied_with=None, tie_break=""))
    return kept


def _decided(first: Ranked, second: Ranked) -> str:
    """Return the preference that decided between two."""
    pairs = zip(("file", "evidence", "name"), _preference(first), _preference(second), strict=True)
    return next(name for name, left, right in pairs if left != right)
