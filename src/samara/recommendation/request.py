"""What the user wants, checked."""

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
"""Most images per source that quality is then measured on."""

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
}
"""Other words for the same."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is wanted of a checkpoint.

    Attributes:
        task: a name of `TASKS`.
        domain: a name of `DOMAINS`.
        prompts: what it must take, names of `PROMPTS`; those of the task unless given.
        commercial: only licences without conditions for what is built on the weights.
        max_latency_s: most seconds from an image to the masks; None for no limit.
        max_disk_bytes: most bytes to download; None for no limit.
        offline: only what is on this machine.

    Raises:
        SettingsError: from `request`, for a name or number that is not accepted.
    """

    task: str = "production"
    domain: str = "natural"
    prompts: tuple[PromptKind, ...]
    commercial: bool = False
    max_latency_s: float | None = None
    max_disk_bytes: float | None = None
    offline: bool = False

    @property
    def task_details(self) -> Task:
        """The task's weights and demands."""
        return TASKS[self.task]

    @property
    def domain_details(self) -> Domain:
        """The domain's factors."""
        return DOMAINS[self.domain]

    @property
    def asks_everything(self) -> bool:
        """Whether the time that counts is that of all masks of an image, not of a prompt."""
        return bool({"everything", "classes"} & set(self.prompts))

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return asdict(self)


def request(
    *,
    task: str = Request.task,
    domain: str = Request.domain,
    prompts: Iterable[str] | None = None,
    commercial: bool = Request.commercial,
    max_latency_s: float | None = None,
    max_disk_gb: float | None = None,
    offline: bool = Request.offline,
) -> Request:
    """Check what the user wants; capitals, hyphens and underscores do not matter.

    Raises:
        SettingsError: a name that is not known, with those that are, or a number that makes no sense.
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
    )


def _prompt(name: str) -> PromptKind:
    keys: dict[str, PromptKind] = {kind: kind for kind in PROMPTS}
    return named(keys, name, "kind of prompt")


def named(known: Mapping[_Name, _Value], name: str, what: str) -> _Value:
    """Look a name up in a table of the vocabulary.

    Raises:
        SettingsError: it is not there; the message lists what is.
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
    raise SettingsError(f"{name!r} is no {what}{hint}; use {', '.join(known)}")


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("-", " ").replace("_", " ").split())


def positive(value: float | None, what: str, unit: str) -> float | None:
    """Pass None and positive finite numbers.

    Raises:
        SettingsError: anything else.
    """
    if value is not None and not (math.isfinite(value) and value > 0):
        raise SettingsError(f"{what} is {value:g} {unit}; it must be a number above 0")
    return value
