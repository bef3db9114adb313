"""The vocabulary of requests as data: tasks, domains, kinds of prompts, criteria and their weights.

The weights are this project's judgement, not a measurement; they are in one table so that they can be read, disputed
and changed. `docs/choosing.md` shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Criterion = Literal["quality", "speed", "memory", "size", "evidence", "licence", "at hand"]

CRITERIA: Mapping[Criterion, str] = {
    "quality": "mask quality relative to SAM ViT-H: 0 at 0.70, 1 at 1.02",
    "speed": "logarithm of the time, from comfortable for the task (1) to too slow (0)",
    "memory": "free memory: 1 if half of it or more stays free",
    "size": "logarithm of the file size: 1 at 20 MB, 0 at 2.5 GB",
    "evidence": "number of published figures: 1 for ten or more in samara.measurement.published",
    "licence": "1 free, 0.3 with conditions, 0 forbidden or unknown",
    "at hand": "1 if its file is on this machine",
}
"""The criteria, each with a value between 0 and 1."""

PromptKind = Literal["point", "background point", "box", "mask", "everything", "classes"]

PROMPTS: Mapping[PromptKind, str] = {
    "point": "clicks on an object",
    "background point": "clicks outside the object",
    "box": "boxes",
    "mask": "a rough mask as low-res logits",
    "everything": "all objects of an image",
    "classes": "objects with class names",
}
"""The kinds of prompts."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One kind of work.

    Attributes:
        name: name for users.
        weights: weights of the criteria; they sum to 1.
        prompts: default prompts.
        seconds: max. time per image; a longer one counts as a missed requirement.
        comfortable_s: time at or below which the speed criterion is 1.
        too_slow_s: time at or above which the speed criterion is 0.
        min_quality: min. quality relative to SAM ViT-H; a lower one counts as a missed requirement.
    """

    name: str
    weights: Mapping[Criterion, float]
    prompts: tuple[PromptKind, ...]
    seconds: float
    comfortable_s: float
    too_slow_s: float
    min_quality: float


def _weights(
    *, quality: float, speed: float, memory: float = 0.05, size: float = 0.0, evidence: float = 0.0
) -> dict[Criterion, float]:
    return {
        "quality": quality,
        "speed": speed,
        "memory": memory,
        "size": size,
        "evidence": evidence,
        "licence": 0.05,
        "at hand": 0.05,
    }


_PROMPTED: tuple[PromptKind, ...] = ("point", "box")

_TASKS = (
    Task(
        name="production",
        weights=_weights(quality=0.45, speed=0.40),
        prompts=_PROMPTED,
        seconds=5.0,
        comfortable_s=0.1,
        too_slow_s=60.0,
        min_quality=0.80,
    ),
    Task(
        name="maximum quality",
        weights=_weights(quality=0.80, speed=0.05),
        prompts=_PROMPTED,
        seconds=120.0,
        comfortable_s=1.0,
        too_slow_s=120.0,
        min_quality=0.80,
    ),
    Task(
        name="real-time",
        weights=_weights(quality=0.30, speed=0.55),
        prompts=_PROMPTED,
        seconds=0.1,
        comfortable_s=0.01,
        too_slow_s=30.0,
        min_quality=0.75,
    ),
    Task(
        name="edge",
        weights=_weights(quality=0.40, speed=0.30, memory=0.10, size=0.10),
        prompts=_PROMPTED,
        seconds=5.0,
        comfortable_s=0.1,
        too_slow_s=120.0,
        min_quality=0.75,
    ),
    Task(
        name="fine-tuning",
        weights=_weights(quality=0.50, speed=0.30, memory=0.10),
        prompts=_PROMPTED,
        seconds=60.0,
        comfortable_s=0.1,
        too_slow_s=120.0,
        min_quality=0.75,
    ),
    Task(
        name="benchmark",
        weights=_weights(quality=0.30, speed=0.05, evidence=0.50),
        prompts=_PROMPTED,
        seconds=120.0,
        comfortable_s=1.0,
        too_slow_s=120.0,
        min_quality=0.80,
    ),
    Task(
        name="interactive annotation",
        weights=_weights(quality=0.50, speed=0.35),
        prompts=("point", "background point", "box"),
        seconds=2.0,
        comfortable_s=0.2,
        too_slow_s=60.0,
        min_quality=0.80,
    ),
    Task(
        name="batch annotation",
        weights=_weights(quality=0.50, speed=0.35),
        prompts=("everything",),
        seconds=60.0,
        comfortable_s=1.0,
        too_slow_s=1000.0,
        min_quality=0.80,
    ),
)

TASKS: Mapping[str, Task] = {task.name: task for task in _TASKS}


@dataclass(frozen=True, kw_only=True)
class Domain:
    """One kind of images.

    Attributes:
        name: name for users.
        factors: factors of the task's weights, which are then normalised to sum 1.
        images: whether figures published for everyday images apply.
        note: known facts about checkpoints in this domain; empty if there are none.
    """

    name: str
    factors: Mapping[Criterion, float]
    images: bool
    note: str = ""


_MICROSCOPY = (
    "Checkpoints of micro-sam were trained further for these images; its authors report better masks than SAM's "
    "(Archit et al. 2025)."
)
_DOMAINS = (
    Domain(name="natural", factors={}, images=True),
    Domain(
        name="medical",
        factors={"quality": 1.5},
        images=False,
        note="Published for medical images: ViT-H is better overall than ViT-B, boxes better than points, and "
        "fine-tuning improves ViT-H more (Huang et al. 2024).",
    ),
    Domain(name="light microscopy", factors={"quality": 1.5}, images=False, note=_MICROSCOPY),
    Domain(name="electron microscopy", factors={"quality": 1.5}, images=False, note=_MICROSCOPY),
    Domain(name="histopathology", factors={"quality": 1.5}, images=False, note=_MICROSCOPY),
    Domain(
        name="satellite",
        factors={"quality": 1.2},
        images=False,
        note="No published work compares these checkpoints on satellite images under equal conditions.",
    ),
    Domain(name="driving", factors={"speed": 1.5}, images=True),
    Domain(name="content creation", factors={"quality": 1.2}, images=True),
    Domain(name="robotics", factors={"speed": 1.3, "memory": 1.5, "size": 1.5}, images=True),
)

DOMAINS: Mapping[str, Domain] = {domain.name: domain for domain in _DOMAINS}


def weights_of(task: Task, domain: Domain) -> dict[Criterion, float]:
    """Return the task's weights, adjusted for the domain; they sum to 1."""
    shifted = {name: weight * domain.factors.get(name, 1.0) for name, weight in task.weights.items()}
    total = sum(shifted.values())
    return {name: weight / total for name, weight in shifted.items()}
