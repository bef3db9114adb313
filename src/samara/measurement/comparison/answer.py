"""The answer that a comparison gives: what to use in each place, from its measurements alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from samara.measurement.comparison.charts import ranked_by, ranked_by_quality
from samara.measurement.comparison.comparison import Comparison, Contender, DeviceOfMachine
from samara.measurement.comparison.differences import Difference, difference_cell, turned
from samara.measurement.comparison.tables import QUALITY, mean_quality, memory_of_encoding, prompt_time
from samara.measurement.evaluation.settings import DOMAIN
from samara.measurement.records.metrics import METRICS
from samara.measurement.reporting.quantities import quantity, significant
from samara.measurement.reporting.table import Cell

_PROMPTS = {"box_iou": "boxes", "centre_click_iou": "centre clicks"}
"""Prompts of the metrics of `QUALITY`."""


@dataclass(frozen=True)
class Pick:
    """Contender that leads in one respect: the respect, its title, its number, and what the number is."""

    role: str
    title: str
    value: str
    of: str


@dataclass(frozen=True)
class PlaceAnswer:
    """Answer for one machine.

    Attributes:
        place: title of the machine and device.
        advice: what to use and why, one or two sentences.
        picks: who leads in masks, speed and memory.
    """

    place: str
    advice: str
    picks: tuple[Pick, ...]


def answers(comparison: Comparison, differences: Sequence[Difference] = ()) -> list[PlaceAnswer]:
    """Return the answer for each place.

    Args:
        comparison: what was measured.
        differences: paired differences of all pairs; without them, nothing is said about chance.
    """
    return [_answer(comparison, place, differences) for place in comparison.places]


def _answer(comparison: Comparison, place: DeviceOfMachine, differences: Sequence[Difference]) -> PlaceAnswer:
    here = comparison.at(place)
    metric, ranked = ranked_by_quality(here, comparison.domains)
    picks = []
    if ranked:
        shown = METRICS[metric].title + _of_images(comparison.domains)
        picks.append(_pick("Best masks", ranked[0], mean_quality(ranked[0], metric, comparison.domains), shown))
    fast = _least(here, prompt_time)
    if fast is not None:
        picks.append(_pick("Fastest click", fast, prompt_time(fast), "from a new image to the mask of a click"))
    small = _least(here, memory_of_encoding)
    if small is not None:
        picks.append(_pick("Least memory", small, memory_of_encoding(small), "peak while encoding one image"))
    return PlaceAnswer(place.title, _advice(comparison, here, ranked, metric, differences), tuple(picks))


def _of_images(domains: Sequence[str]) -> str:
    """Return a clause about the kinds of images; empty for the only one if it has no name."""
    if len(domains) > 1:
        return f", mean over {', '.join(domains)}"
    return "" if domains[0] == DOMAIN else f", {domains[0]} images"


def _pick(role: str, one: Contender, cell: Cell, of: str) -> Pick:
    return Pick(role, one.title + (" (random weights)" if one.is_random else ""), cell.text, of)


def _least(contenders: Sequence[Contender], number: Callable[[Contender], Cell]) -> Contender | None:
    """Return the contender with the smallest number; None unless several have one."""
    known = [one for one in contenders if number(one).value]
    return min(known, key=lambda one: number(one).value or 0.0) if len(known) > 1 else None


def _advice(
    comparison: Comparison,
    here: Sequence[Contender],
    ranked: Sequence[Contender],
    metric: str,
    differences: Sequence[Difference],
) -> str:
    if not ranked:
        return (
            "No quality was measured here, so these numbers say what is fast and small, and not whose masks are good. "
            "Compare again with ground truth of your own images."
        )
    if len(ranked) == 1:
        others = " No other checkpoint here has quality to set it against." if len(here) > 1 else ""
        return f"{ranked[0].title} is the only checkpoint here whose masks were measured.{others}"
    sentences = (
        _choice(comparison, ranked, metric, differences),
        _another_order(comparison, ranked, metric, differences),
        "" if differences else "Whether chance explains differences is unknown: no scores of single objects are here.",
    )
    return " ".join(sentence for sentence in sentences if sentence)


def _choice(comparison: Comparison, ranked: Sequence[Contender], metric: str, differences: Sequence[Difference]) -> str:
    """Say what to use: the fastest of those whose masks are not measurably worse than the best."""
    best, *others = ranked
    pairs = {one.title: _of_pair(best, one, metric, differences) for one in others}
    equal = [one for one in others if _cannot_be_told_apart(pairs[one.title], comparison.domains)]
    choice = min((best, *equal), key=lambda one: _seconds(one) or float("inf"))
    if choice is not best:
        return (
            f"Use {choice.title}: it is not measurably worse than {best.title}"
            f"{_values((choice, best), metric, comparison)}{_times_as_fast(choice, best)}."
            f"{_told(best, choice, pairs[choice.title])}"
        )
    faster = [one for one in others if (_seconds(one) or float("inf")) < (_seconds(best) or 0.0)]
    other = (faster or others)[0]
    fastest = ", and no other with measured masks is faster" if _seconds(best) and not faster else ""
    told = _told(best, other, pairs[other.title])
    if other in equal:
        values = _values((best, other), metric, comparison)
        return f"The masks of {best.title} and {other.title} cannot be told apart{values}{fastest}.{told}"
    behind = f"{other.title} comes after it{_values((other,), metric, comparison)}{_times_as_fast(other, best)}"
    return f"{best.title} has the best masks{_values((best,), metric, comparison)}{fastest}. {behind}.{told}"


def _of_pair(best: Contender, other: Contender, metric: str, differences: Sequence[Difference]) -> list[Difference]:
    """Return best − other for each kind of images."""
    return [
        one if one.first == best.title else turned(one)
        for one in differences
        if one.metric == metric and {one.first, one.second} == {best.title, other.title}
    ]


def _cannot_be_told_apart(of_pair: Sequence[Difference], domains: Sequence[str]) -> bool:
    """Return whether chance may explain the difference on every kind of images; a single image cannot say."""
    if {one.domain for one in of_pair} != set(domains):
        return False
    return all(one.mean.interval is not None and not one.is_told_apart for one in of_pair)


def _told(best: Contender, other: Contender, of_pair: Sequence[Difference]) -> str:
    """Say the paired difference with its interval, and of how many objects it is."""
    if not of_pair:
        return ""
    texts = [
        f"{f'{one.domain} ' if len(of_pair) > 1 else ''}{difference_cell(one).text}"
        f"{f' ({spread})' if (spread := difference_cell(one).spread) else ''}, {one.mean.objects} objects in "
        f"{one.mean.images} image{'' if one.mean.images == 1 else 's'}"
        for one in of_pair
    ]
    return f" {best.title} − {other.title}, with its 95 % interval: {'; '.join(texts)}."


def _another_order(
    comparison: Comparison, ranked: Sequence[Contender], metric: str, differences: Sequence[Difference]
) -> str:
    """Say if the other metric of quality has another leader, and chance does not explain it."""
    best = ranked[0]
    (other,) = (name for name in QUALITY if name != metric)
    leaders = ranked_by(ranked, other, comparison.domains)[:1]
    if not leaders or leaders[0] is best:
        return ""
    if _cannot_be_told_apart(_of_pair(leaders[0], best, other, differences), comparison.domains):
        return ""
    return f"From {_PROMPTS[other]} alone, {leaders[0].title} leads{_values(leaders, other, comparison)}."


def _values(contenders: Sequence[Contender], metric: str, comparison: Comparison) -> str:
    texts = [mean_quality(one, metric, comparison.domains).text for one in contenders]
    return f" (IoU from {_PROMPTS[metric]} {' and '.join(texts)})"


def _seconds(one: Contender) -> float | None:
    return prompt_time(one).value


def _times_as_fast(one: Contender, other: Contender) -> str:
    mine, theirs = _seconds(one), _seconds(other)
    if not mine or not theirs:
        return ""
    ratio = f" ({significant(theirs / mine)} times as fast)" if mine < theirs else ""
    return (
        f", and needs {quantity(mine, 'seconds')} for a new image and a click instead of "
        f"{quantity(theirs, 'seconds')}{ratio}"
    )
