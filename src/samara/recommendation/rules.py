"""The rules that exclude a checkpoint, as a table; each returns a reason, or None."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from samara.checkpoints.licences import licence_of
from samara.checkpoints.record import Checkpoint
from samara.networks.variants import VARIANTS, Variant
from samara.recommendation.estimates import Needs, file_bytes
from samara.recommendation.request import Request
from samara.recommendation.statement import Certainty
from samara.recommendation.target import Target
from samara.recommendation.tasks import PromptKind


@dataclass(frozen=True)
class Candidate:
    """A runnable checkpoint, with the facts the rules need.

    Attributes:
        checkpoint: its row in the catalogue.
        at_hand: whether its file is on this machine.
        needs: its needs on the target.
    """

    checkpoint: Checkpoint
    at_hand: bool
    needs: Needs

    @property
    def variant(self) -> Variant:
        """Its architecture."""
        return self.checkpoint.network


@dataclass(frozen=True)
class Reason:
    """Why a checkpoint is excluded.

    Attributes:
        rule: a name of `RULES`, or `NOT_RUN`.
        text: a clause without a full stop.
        certainty: certainty of the deciding number; None if a fact decided.
        number: the deciding number, if any; otherwise empty.
        limit: the limit it exceeds; otherwise empty.
    """

    rule: str
    text: str
    certainty: Certainty | None = None
    number: str = ""
    limit: str = ""


def _exceeded(rule: str, verb: str, number: str, limit: str, certainty: Certainty | None = None) -> Reason:
    return Reason(rule, f"{verb} {number}, {limit}", certainty, number, limit)


_Rule = Callable[[Candidate, Request, Target], Reason | None]

_TAKES: Mapping[PromptKind, Callable[[Variant], bool]] = {
    "point": lambda variant: variant.capabilities.points,
    "background point": lambda variant: variant.capabilities.negative_points,
    "box": lambda variant: variant.capabilities.boxes,
    "mask": lambda variant: variant.capabilities.mask_input,
    "everything": lambda variant: variant.capabilities.everything and not _finds_classes(variant),
    "classes": lambda variant: _finds_classes(variant),
}
"""Whether a variant supports each kind of prompt. A detector of classes finds those, not everything."""

_REFUSALS: Mapping[PromptKind, str] = {
    "point": "takes no points",
    "background point": "takes no background points",
    "box": "takes no boxes",
    "mask": "takes no masks as prompts",
    "everything": "finds only the classes it was trained on",
    "classes": "has no classes",
}


def _finds_classes(variant: Variant) -> bool:
    return len(variant.class_names) > 1


def _refusal(prompt: PromptKind, variant: Variant) -> str:
    if prompt == "everything" and not variant.capabilities.everything:
        return "finds nothing without a box"
    return _REFUSALS[prompt]


def _prompts(candidate: Candidate, request: Request, target: Target) -> Reason | None:
    variant = candidate.variant
    refused = [_refusal(prompt, variant) for prompt in request.prompts if not _TAKES[prompt](variant)]
    return Reason("prompts", ", ".join(refused)) if refused else None


def _licence(candidate: Candidate, request: Request, target: Target) -> Reason | None:
    licence = licence_of(candidate.checkpoint.licence)
    if not request.commercial or licence.commercial == "free":
        return None
    return Reason("licence", f"{licence.identifier}: {licence.consequence}")


def _speciality(candidate: Candidate, request: Request, target: Target) -> Reason | None:
    speciality = candidate.checkpoint.speciality
    if speciality in ("", request.domain):
        return None
    return Reason("domain", f"was trained further for another domain, {speciality}")


def _training(candidate: Candidate, request: Request, target: Target) -> Reason | None:
    if not request.trains or (candidate.variant.capabilities.boxes and not candidate.variant.class_names):
        return None
    return Reason("training", "cannot be fine-tuned by samara")


def _at_hand(candidate: Candidate, request: Request, target: Target) -> Reason | None:
    if not request.offline or candidate.at_hand:
        return None
    return Reason("offline", "is not on this machine")


def _disk(candidate: Candidate, request: Request, target: Target) -> Reason | None:
    size, most = file_bytes(candidate.checkpoint), request.max_disk_bytes
    if most is None or candidate.at_hand or size <= most:
        return None
    return _exceeded("disk", "is a file of", gigabytes(size), f"the limit is {gigabytes(most)}")


def _memory(candidate: Candidate, request: Request, target: Target) -> Reason | None:
    needed, usable = candidate.needs.memory, target.usable_bytes
    if usable is None or needed.value <= usable:
        return None
    limit = f"{gigabytes(usable)} are usable"
    return _exceeded("memory", "needs", gigabytes(needed.value), limit, needed.certainty)


def _latency(candidate: Candidate, request: Request, target: Target) -> Reason | None:
    needed, most = candidate.needs.seconds, request.max_latency_s
    if most is None or needed.value <= most:
        return None
    limit = f"the limit is {seconds(most)}"
    return _exceeded("latency", "takes", seconds(needed.value), limit, needed.certainty)


def _hours(candidate: Candidate, request: Request, target: Target) -> Reason | None:
    needed, count, most = candidate.needs.seconds, request.image_count, request.max_hours
    if count is None or most is None or needed.value * count <= most * 3600:
        return None
    limit = f"the limit for {count:,} images is {duration(most * 3600)}"
    return _exceeded("hours", "takes", duration(needed.value * count), limit, needed.certainty)


NOT_RUN = "not run"
"""The rule that applies on every machine."""

RULES: Mapping[str, _Rule] = {
    "prompts": _prompts,
    "licence": _licence,
    "domain": _speciality,
    "training": _training,
    "offline": _at_hand,
    "disk": _disk,
    "memory": _memory,
    "latency": _latency,
    "hours": _hours,
}
"""The rules, in the order in which reasons are listed."""

LIMITS = ("offline", "disk", "memory", "latency", "hours")
"""The rules about limits, which can be relaxed; the others are about what a checkpoint can do and may be used for."""


def reasons_against(candidate: Candidate, request: Request, target: Target) -> tuple[Reason, ...]:
    """Return every reason that excludes a candidate; empty if it is feasible."""
    found = (rule(candidate, request, target) for rule in RULES.values())
    return tuple(reason for reason in found if reason is not None)


def cannot_run(checkpoint: Checkpoint) -> Reason | None:
    """Return why samara cannot run a checkpoint at all; None if it can."""
    if not VARIANTS[checkpoint.variant].is_runnable:
        return Reason(NOT_RUN, "samara identifies it but cannot run it yet")
    return None


def seconds(value: float) -> str:
    """Format a time."""
    if value < 0.0995:
        return f"{value * 1e3:.2g} ms"
    return f"{value:.2g} s" if value < 99.5 else f"{value / 60:.2g} min"


def duration(value: float) -> str:
    """Format a time that may be long: seconds, minutes, hours, days or years."""
    for unit, length in (("years", 365 * 86_400.0), ("days", 86_400.0), ("hours", 3_600.0)):
        if value >= 2 * length:
            return f"{value / length:,.2g} {unit}" if value < 9.5 * length else f"{value / length:,.0f} {unit}"
    return seconds(value)


def gigabytes(value: float) -> str:
    """Format an amount of memory or disk space."""
    return f"{value / 1e6:.3g} MB" if value < 0.0995e9 else f"{value / 1e9:.2g} GB"
