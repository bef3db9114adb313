"""A recommendation as a value: the ranking, excluded checkpoints, notes, and the next commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from samara.checkpoints.licences import licence_of
from samara.checkpoints.record import Checkpoint
from samara.measurement.records.records import Record
from samara.recommendation.estimates import file_bytes
from samara.recommendation.evidence import counts
from samara.recommendation.extremes import Contender, fastest_and_best
from samara.recommendation.quality import leader_of
from samara.recommendation.ranking import Ranked, is_specialist
from samara.recommendation.request import DAY_S, Request
from samara.recommendation.rules import LIMITS, Reason, duration, gigabytes, seconds
from samara.recommendation.target import Target
from samara.recommendation.tasks import Criterion


@dataclass(frozen=True)
class Excluded:
    """An excluded checkpoint, with every reason.

    Attributes:
        checkpoint: its row in the catalogue.
        reasons: why it is excluded.
        contender: its needs and quality; None if samara cannot run it.
    """

    checkpoint: Checkpoint
    reasons: tuple[Reason, ...]
    contender: Contender | None = None

    @property
    def name(self) -> str:
        """Name in the catalogue."""
        return self.checkpoint.name


@dataclass(frozen=True)
class Recommendation:
    """The recommended checkpoints, with reasons.

    Attributes:
        request: the user's request.
        target: the machine to run on.
        ranking: feasible checkpoints, best first.
        excluded: the other checkpoints of the catalogue.
        notes: additional remarks, as sentences.
        times: where the times are from, a sentence.
        measured: what was measured of the quality of checkpoints, whether it counts or not.
    """

    request: Request
    target: Target
    ranking: tuple[Ranked, ...]
    excluded: tuple[Excluded, ...]
    notes: tuple[str, ...]
    times: str = ""
    measured: tuple[Record, ...] = ()

    @property
    def best(self) -> Ranked | None:
        """The first of the ranking; None if nothing is feasible."""
        return self.ranking[0] if self.ranking else None

    @property
    def checkpoint(self) -> str | None:
        """Name of the best, for `samara.load`; None if nothing is feasible."""
        return None if self.best is None else self.best.name

    @property
    def answer(self) -> str:
        """The recommendation in a few sentences."""
        task, where, best = self.request.task, self.target.title, self.best
        if best is None:
            return f"No checkpoint can do {task} on {where} within these limits.{self._beyond_the_limits()}"
        needs = best.candidate.needs
        numbers = f"about {seconds(needs.seconds.value)} per image, {gigabytes(needs.memory.value)} of memory"
        if self.request.trains:
            numbers += " to fine-tune"
        if not best.missed:
            return f"Use {best.name} for {task} on {where}: {numbers}.{self._for_all_images(best)}"
        contenders = [Contender(one.candidate, one.quality) for one in self.ranking]
        return (
            f"Use {best.name}, with reservations: no checkpoint meets all requirements of {task} on {where} "
            f"({'; '.join(best.missed)}). It takes {numbers}.{self._for_all_images(best)} Of all, "
            f"{fastest_and_best(contenders)}."
        )

    def _for_all_images(self, best: Ranked) -> str:
        """Say what the time per image means for a whole set, where there is one."""
        request, value = self.request, best.candidate.needs.seconds.value
        if request.task != "batch annotation" and request.image_count is None:
            return ""
        count = request.image_count or MANY_IMAGES
        return f" That is {DAY_S / value:,.0f} images a day; {count:,} take {duration(value * count)}."

    def _beyond_the_limits(self) -> str:
        """Name the fastest and the best of those that only a limit excludes."""
        contenders = [
            one.contender
            for one in self.excluded
            if one.contender is not None and all(reason.rule in LIMITS for reason in one.reasons)
        ]
        return f" Without them, {fastest_and_best(contenders)}." if contenders else ""

    @property
    def commands(self) -> tuple[str, ...]:
        """Next shell commands; none if nothing is feasible."""
        if self.best is None:
            return ()
        row = self.best.candidate.checkpoint
        get = f"samara checkpoints get {self.best.name}{_consent(self.best)}"
        fetch = () if self.best.candidate.at_hand or row.url is None else (get,)
        device = " --device mps" if self.target.device == "mps" else ""  # "auto" never chooses it
        return (*fetch, f"{_next_command(self.request)} --checkpoint {self.best.name}{device}")

    def reason(self, ranked: Ranked) -> str:
        """Explain the rank of a checkpoint in one line."""
        clauses = [*ranked.missed]
        if is_specialist(ranked, self.request):
            clauses.append(f"was trained further for {self.request.domain}, which no published figure measures")
        if ranked.tied_with is not None:
            clauses.append(f"ties with {ranked.tied_with}, which ranks first because {_TIE_TEXT[ranked.tie_break]}")
        leader = leader_of(ranked.name)
        if leader is not None and leader[0] in self._before(ranked):
            clauses.append(f"ranks behind {leader[0]}, {leader[1]}")
        other = self._neighbour(ranked)
        if other is not None:
            clauses.append(_compared(ranked, other))
        return "; ".join(clause for clause in clauses if clause) or "nothing else is feasible"

    def _before(self, ranked: Ranked) -> list[str]:
        """Return the names of the checkpoints that rank before one."""
        names = [one.name for one in self.ranking]
        return names[: names.index(ranked.name)]

    def as_dict(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return {
            "answer": self.answer,
            "checkpoint": self.checkpoint,
            "commands": list(self.commands),
            "request": self.request.as_dict(),
            "machine": self.target.as_dict(),
            "ranking": [self._ranked_dict(place, one) for place, one in enumerate(self.ranking, start=1)],
            "excluded": [
                {
                    "checkpoint": one.name,
                    "reasons": [
                        {"rule": reason.rule, "text": reason.text, "certainty": reason.certainty}
                        for reason in one.reasons
                    ],
                }
                for one in self.excluded
            ],
            "notes": list(self.notes),
            "times": self.times,
            "measured": [_measured_dict(record) for record in self.measured],
        }

    def _ranked_dict(self, place: int, one: Ranked) -> dict[str, object]:
        row, needs = one.candidate.checkpoint, one.candidate.needs
        return {
            "place": place,
            "checkpoint": one.name,
            "reason": self.reason(one),
            "missed": list(one.missed),
            "tied_with": one.tied_with,
            "quality": None if one.quality is None else one.quality.as_dict(),
            "seconds": needs.seconds.as_dict(),
            "memory_bytes": needs.memory.as_dict(),
            "settings": dict(needs.settings),
            "criteria": {part.criterion: {"value": part.value, "weight": part.weight} for part in one.parts},
            "licence": row.licence,
            "at_hand": one.candidate.at_hand,
            "file_bytes": file_bytes(row),
        }

    def _neighbour(self, ranked: Ranked) -> Ranked | None:
        """Return the checkpoint to compare with: for the first the second, for all others the first."""
        others = [one for one in self.ranking if one.name != ranked.name]
        return others[0] if others else None


_TIE_TEXT: Mapping[str, str] = {
    "evidence": "more is published about it",
    "file": "its file is smaller",
    "name": "its name comes first",
}


def _measured_dict(record: Record) -> dict[str, object]:
    return {
        "checkpoint": record.subject.checkpoint,
        "metric": record.metric,
        "value": record.value,
        "interval": None if record.interval is None else [record.interval.low, record.interval.high],
        "objects": record.n,
        "images": record.images,
        "domain": record.domain,
        "when": record.when,
        "counts": counts(record),
    }


def _next_command(request: Request) -> str:
    if request.task == "fine-tuning":
        return "samara finetune --train COCO.json --images DIR --out FILE"
    if request.task == "batch annotation":
        return "samara annotate IMAGES --out DIR"
    if request.asks_everything:
        return "samara segment IMAGE..."
    prompt = "--point X,Y" if "point" in request.prompts else "--box X0,Y0,X1,Y1"
    return f"samara segment IMAGE {prompt}"


def _compared(one: Ranked, other: Ranked) -> str:
    """List the facts for and against one compared with another, those that weigh most for this task first."""
    gains = {
        mine.criterion: mine.value * mine.weight - theirs.value * theirs.weight
        for mine, theirs in zip(one.parts, other.parts, strict=True)
    }
    ordered = sorted(gains.items(), key=lambda item: (-abs(item[1]), item[0]))
    good = [_FACTS[name](one, other) for name, gain in ordered if gain >= _WORTH_TELLING][:_MAX]
    bad = [_FACTS[name](one, other) for name, gain in ordered if gain <= -_WORTH_TELLING][:_MAX]
    if not good and not bad:
        return f"as good as {other.name} in every respect"
    return f"beside {other.name}: {', '.join(good)}{' but ' if good and bad else ''}{', '.join(bad)}"


_WORTH_TELLING, _MAX = 0.005, 2

MANY_IMAGES = 100_000
"""Number of images to tell the time of, if nobody says how many there are."""


def _quality_fact(one: Ranked, other: Ranked) -> str:
    mine, theirs = ("unknown" if each.quality is None else f"{each.quality.value:.2f}" for each in (one, other))
    return f"quality {mine} against {theirs}"


def _speed_fact(one: Ranked, other: Ranked) -> str:
    ratio = other.candidate.needs.seconds.value / one.candidate.needs.seconds.value
    return f"{_factor(ratio)} faster" if ratio >= 1 else f"{_factor(1 / ratio)} slower"


def _memory_fact(one: Ranked, other: Ranked) -> str:
    mine, theirs = (gigabytes(each.candidate.needs.memory.value) for each in (one, other))
    return f"memory {mine} against {theirs}"


def _size_fact(one: Ranked, other: Ranked) -> str:
    mine, theirs = (gigabytes(file_bytes(each.candidate.checkpoint)) for each in (one, other))
    return f"file {mine} against {theirs}"


def _evidence_fact(one: Ranked, other: Ranked) -> str:
    mine, theirs = ({part.criterion: part.value for part in each.parts}["evidence"] for each in (one, other))
    return f"{'more' if mine > theirs else 'less'} is published about it"


def _consent(ranked: Ranked) -> str:
    """The option without which a download is refused."""
    return " --accept-licence" if licence_of(ranked.candidate.checkpoint.licence).must_be_accepted else ""


def _licence_fact(one: Ranked, other: Ranked) -> str:
    return f"under {one.candidate.checkpoint.licence}"


def _at_hand_fact(one: Ranked, other: Ranked) -> str:
    return "already on this machine" if one.candidate.at_hand else "not on this machine yet"


_FACTS: Mapping[Criterion, Callable[[Ranked, Ranked], str]] = {
    "quality": _quality_fact,
    "speed": _speed_fact,
    "memory": _memory_fact,
    "size": _size_fact,
    "evidence": _evidence_fact,
    "licence": _licence_fact,
    "at hand": _at_hand_fact,
}
"""The fact behind each criterion, comparing two checkpoints."""


def _factor(ratio: float) -> str:
    return f"{ratio:.0f} times" if ratio >= 9.5 else f"{ratio:.1f} times"


def told_licence(ranked: Ranked) -> str | None:
    """Describe the conditions of a recommended checkpoint's licence, if any."""
    row = ranked.candidate.checkpoint
    licence = licence_of(row.licence)
    return None if licence.commercial == "free" else f"{row.name} is under {row.licence}: {licence.consequence}."
