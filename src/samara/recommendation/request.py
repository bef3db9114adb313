"""The user's request, validated."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TypeVar

from samara.errors import SettingsError
from samara.recommendation.tasks import DOMAINS, PROMPTS, TASKS, Domain, PromptKind, Task

_Value = TypeVar("_Value")
_Name = TypeVar("_Name", bound=str)

IMAGES = 20
"""Max. images per source to measure quality on."""

_OF_A_SET = ("image_count", "max_hours")

DAY_S = 86_400.0
PATIENCE_S = 7 * DAY_S
"""Time for a whole set of images beyond which nobody wants to wait: this project's judgement."""

_ALSO: Mapping[str, str] = {
    "realtime": "real-time",
    "mobile": "edge",
    "embedded": "edge",
    "finetuning": "fine-tuning",
    "research": "benchmark",
    "interactive": "interactive annotation",
    "annotation": "interactive annotation",
    "batch": "batch annotation",
    "quality": "maximum quality",
    "aerial": "satellite",
    "autonomous driving": "driving",
    "points": "point",
    "click": "point",
    "negative point": "background point",
    "boxes": "box",
    "masks": "mask",
    "class": "classes",
    "class names": "classes",
}
"""Synonyms."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """Requirements on a checkpoint.

    Attributes:
        task: a name of `TASKS`.
        domain: a name of `DOMAINS`.
        prompts: required prompts, names of `PROMPTS`; by default those of the task.
        commercial: whether to exclude licences with conditions on products.
        max_latency_s: max. seconds from an image to the masks; None for no limit.
        max_disk_bytes: max. bytes to download; None for no limit.
        offline: whether to use only checkpoints on this machine.
        image_count: number of images to work through; None if unknown.
        max_hours: max. hours for all of them; None for no limit.

    Raises:
        SettingsError: from `request`, for an invalid name or number.
    """

    task: str = "production"
    domain: str = "natural"
    prompts: tuple[PromptKind, ...]
    commercial: bool = False
    max_latency_s: float | None = None
    max_disk_bytes: float | None = None
    offline: bool = False
    image_count: int | None = None
    max_hours: float | None = None

    @property
    def required_s(self) -> float:
        """Max. seconds per image that the work tolerates: those of the task, and all images within a week."""
        task = self.task_details
        return task.seconds if self.image_count is None else min(task.seconds, PATIENCE_S / self.image_count)

    @property
    def pace_s(self) -> tuple[float, float]:
        """Seconds per image that are comfortable and too slow: the task's, or all images in a day and in a month."""
        if self.image_count is None:
            return self.task_details.comfortable_s, self.task_details.too_slow_s
        return DAY_S / self.image_count, 30 * DAY_S / self.image_count

    @property
    def task_details(self) -> Task:
        """The task's weights and requirements."""
        return TASKS[self.task]

    @property
    def domain_details(self) -> Domain:
        """The domain's factors."""
        return DOMAINS[self.domain]

    @property
    def asks_everything(self) -> bool:
        """Whether the relevant time is that of all masks of an image, not of a prompt."""
        return bool({"everything", "classes"} & set(self.prompts))

    @property
    def trains(self) -> bool:
        """Whether the relevant memory is that of fine-tuning, not of finding masks."""
        return self.task == "fine-tuning"

    def as_dict(self) -> dict[str, object]:
        """Return plain values for JSON, a set of images only if there is one."""
        facts = asdict(self)
        return {name: value for name, value in facts.items() if value is not None or name not in _OF_A_SET}


def request(
    *,
    task: str = Request.task,
    domain: str = Request.domain,
    prompts: Iterable[str] | None = None,
    commercial: bool = Request.commercial,
    max_latency_s: float | None = None,
    max_disk_gb: float | None = None,
    offline: bool = Request.offline,
    image_count: int | None = Request.image_count,
    max_hours: float | None = Request.max_hours,
) -> Request:
    """Validate the user's request, ignoring case, hyphens and underscores.

    Raises:
        SettingsError: a name is unknown (the message lists valid ones), or a number is invalid.
    """
    wanted = named(TASKS, task, "task").name
    asked = TASKS[wanted].prompts if prompts is None else tuple(_prompt(name) for name in prompts)
    if not asked:
        raise SettingsError(f"no kind of prompt was given; use some of {', '.join(PROMPTS)}")
    return Request(
        task=wanted,
        domain=named(DOMAINS, domain, "domain").name,
        prompts=tuple(dict.fromkeys(asked)),
        commercial=commercial,
        max_latency_s=positive(max_latency_s, "the latency limit", "seconds"),
        max_disk_bytes=None if max_disk_gb is None else 1e9 * (positive(max_disk_gb, "the disk limit", "GB") or 0.0),
        offline=offline,
        image_count=_count(image_count, max_hours),
        max_hours=positive(max_hours, "the time limit for all images", "hours"),
    )


def _count(image_count: int | None, max_hours: float | None) -> int | None:
    if image_count is None and max_hours is not None:
        raise SettingsError("`max_hours` also needs `image_count`; say how many images there are")
    if image_count is not None and image_count < 1:
        raise SettingsError(f"`image_count` is {image_count}; it must be at least 1")
    return image_count


_WORDS = ("text", "word", "words", "phrase", "language")
_NO_WORDS = (
    "no checkpoint that samara runs takes words: use classes for fixed class names, or give boxes that a detector found"
)


def _prompt(name: str) -> PromptKind:
    keys: dict[str, PromptKind] = {kind: kind for kind in PROMPTS}
    try:
        return named(keys, name, "kind of prompt")
    except SettingsError as error:
        if _plain(name) in _WORDS:
            error.add_note(_NO_WORDS)
        raise


def named(known: Mapping[_Name, _Value], name: str, what: str) -> _Value:
    """Look up a name in a table of the vocabulary.

    Raises:
        SettingsError: it is unknown; the message lists valid names.
    """
    plain = {_plain(each): value for each, value in known.items()}
    aliases = {_plain(also): plain[_plain(meant)] for also, meant in _ALSO.items() if _plain(meant) in plain}
    wanted = _plain(name)
    if wanted in plain:
        return plain[wanted]
    if wanted in aliases:
        return aliases[wanted]
    near = difflib.get_close_matches(wanted, [*plain, *aliases], n=1, cutoff=0.6)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise SettingsError(f"{name!r} is not a {what}{hint}; use {', '.join(known)}")


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("-", " ").replace("_", " ").split())


def positive(value: float | None, what: str, unit: str) -> float | None:
    """Return None and positive finite numbers unchanged.

    Raises:
        SettingsError: it is anything else.
    """
    if value is not None and not (math.isfinite(value) and value > 0):
        raise SettingsError(f"{what} is {value:g} {unit}; it must be a number above 0")
    return value
