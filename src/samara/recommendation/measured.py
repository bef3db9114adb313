"""Lookup of earlier measurements by checkpoint: quality, time and memory from records of this or other machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from samara.measurement.records.records import Record, latest
from samara.networks.variants import VARIANTS
from samara.recommendation.costs import CUDA_CONTEXT_BYTES
from samara.recommendation.statement import Statement
from samara.recommendation.target import DeviceKind, Target
from samara.recommendation.tasks import PromptKind
from samara.recommendation.throughput import assumed_cpu_speed, assumed_gpu_speed
from samara.segmentation.automatic.settings import points_per_side_of
from samara.system.machine import Machine

METRICS_OF: Mapping[PromptKind, tuple[str, ...]] = {
    "point": ("centre_click_iou", "random_click_iou"),
    "background point": ("centre_click_iou",),
    "box": ("box_iou", "jittered_box_iou"),
    "mask": ("box_iou",),
    "everything": ("average_recall",),
}
"""Quality metrics for each kind of prompt; the first one that was measured counts."""


@dataclass(frozen=True)
class Measurements:
    """Records, for one machine and one domain.

    Attributes:
        records: the newest record of each number, measured ones only.
        target: the machine to run on.
        domain: domain of the images; if there are records of it, only they count.
    """

    records: tuple[Record, ...]
    target: Target
    domain: str

    def quality(self, checkpoint: str, prompt: PromptKind) -> Statement | None:
        """Return mean IoU or recall of a checkpoint with the weights of its file; None if not measured."""
        for metric in METRICS_OF.get(prompt, ()):
            found = [one for one in self._of(checkpoint, metric) if one.source is None]
            found = [one for one in found if one.subject.weights == "file"]
            found = [one for one in found if one.domain == self.domain] or found
            if found:
                newest = max(found, key=lambda one: one.when)
                images = "" if newest.images is None else f" on {newest.images} images"
                return self._statement(newest, newest.value or 0.0, f"{newest.definition.title}{images}")
        return None

    def seconds(self, checkpoint: str, *, everything: bool) -> Statement | None:
        """Return the time of all masks of an image, or of encoding and one prompt; None if not measured."""
        metrics = ("everything_seconds",) if everything else ("encode_seconds", "decode_1_seconds")
        found = [self._fastest(checkpoint, metric) for metric in metrics]
        first = found[0]
        if first is None or None in found:
            return None
        total = sum(one.value or 0.0 for one in found if one is not None)
        what = "timed" if self._is_here(first) else "timed and scaled to this machine"
        return self._statement(first, total * self._slowdown(first), what)

    def memory(self, checkpoint: str, *, everything: bool) -> Statement | None:
        """Return the peak memory of the device; None if not measured on such a device."""
        place = "device" if self.target.device == "cuda" else "resident"
        metric = f"{'everything' if everything else 'encode'}_{place}_peak_bytes"
        found = [one for one in self._of(checkpoint, metric) if self._device_of(one) == self.target.device]
        if not found:
            return None
        record = max(found, key=lambda one: one.value or 0.0)
        beside = CUDA_CONTEXT_BYTES if place == "device" else 0.0
        return self._statement(record, (record.value or 0.0) + beside, "peak")

    def _of(self, checkpoint: str, metric: str) -> list[Record]:
        """Return the records of one number for one image at a time."""
        return [
            one
            for one in self.records
            if one.metric == metric
            and one.subject.checkpoint == checkpoint
            and one.batch_size in (None, 1)
            and _is_full_grid(one)
        ]

    def _fastest(self, checkpoint: str, metric: str) -> Record | None:
        found = [one for one in self._of(checkpoint, metric) if self._device_of(one) == self.target.device]
        here = [one for one in found if self._is_here(one)]
        return min(here or found, key=lambda one: one.value or 0.0, default=None)

    @staticmethod
    def _device_of(record: Record) -> str:
        return record.subject.device.split(":")[0]

    def _is_here(self, record: Record) -> bool:
        return self.target.machine is not None and is_same_machine(record, self.target.machine)

    def _slowdown(self, record: Record) -> float:
        """Return how much slower the target is than the measured machine, by their assumed speeds."""
        if self._is_here(record):
            return 1.0
        return assumed_speed_of(record, self.target.device).value / self.target.speed.value

    def _statement(self, record: Record, value: float, what: str) -> Statement:
        day = record.when[:10]
        if self._is_here(record):
            return Statement(value, "measured here", f"{what}, {day}")
        return Statement(value, "measured elsewhere", f"{what}, {_machine_name(record)}, {day}")


def measurements(records: Iterable[Record], target: Target, domain: str) -> Measurements:
    """Keep the newest record of each measured number."""
    kept = tuple(one for one in latest(records) if one.status == "measured" and one.value is not None)
    return Measurements(kept, target, domain)


def is_same_machine(record: Record, machine: Machine) -> bool:
    """Return whether a record is from a machine like this one, with the same processor, cores and GPUs."""
    here = machine.as_dict()
    gpus = [gpu["name"] for gpu in here["gpus"]]
    there = [gpu.get("name") for gpu in record.machine.get("gpus", ())]
    return gpus == there and all(record.machine.get(name) == here[name] for name in ("processor", "cores"))


def assumed_speed_of(record: Record, device: DeviceKind) -> Statement:
    """Return the assumed matrix speed of a record's machine."""
    gpus = record.machine.get("gpus", ())
    if device == "cuda" and gpus:
        return assumed_gpu_speed(gpus[0].get("memory_bytes", 0), gpus[0].get("name"))
    return assumed_cpu_speed(int(record.machine.get("cores", 1)), record.machine.get("instruction_sets", ()))


def _is_full_grid(record: Record) -> bool:
    """Return whether time and memory of everything mode are for the default grid; True for all other numbers."""
    if not record.metric.startswith("everything_"):
        return True
    subject = record.subject
    own = subject.variant in VARIANTS and points_per_side_of(VARIANTS[subject.variant], subject.input_size)
    return not own or record.settings.get("points_per_side", own) == own


def _machine_name(record: Record) -> str:
    return str(record.machine.get("processor", "another machine"))
