"""Lookup of earlier measurements by checkpoint: quality, time and memory from records of this or other machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from samara.measurement.records.records import Record, latest
from samara.networks.variants import VARIANTS
from samara.recommendation.costs import CUDA_CONTEXT_BYTES
from samara.recommendation.evidence import METRICS_OF, Evidence, evidence_for, is_about_quality, is_of_domain
from samara.recommendation.statement import Statement
from samara.recommendation.target import DeviceKind, Target
from samara.recommendation.tasks import PromptKind
from samara.recommendation.throughput import assumed_apple_speed, assumed_cpu_speed, assumed_gpu_speed
from samara.segmentation.automatic.settings import points_per_side_of
from samara.system.machine import Machine


@dataclass(frozen=True)
class Measurements:
    """Records, for one machine and one domain.

    Attributes:
        records: the newest record of each number, measured ones only.
        target: the machine to run on.
        domain: domain of the images; records of other domains do not count.
    """

    records: tuple[Record, ...]
    target: Target
    domain: str

    def quality(self, checkpoint: str, prompt: PromptKind) -> Statement | None:
        """Return mean IoU or recall of a checkpoint; None if not measured on enough objects, see `evidence`."""
        found = self._evidence(prompt)
        record = None if found is None else found.records.get(checkpoint)
        if record is None:
            return None
        what = f"{record.definition.title} of {record.n} objects on {record.images} images"
        return self._statement(record, record.value or 0.0, what)

    def told(self, prompts: Iterable[PromptKind]) -> tuple[Record, ...]:
        """Return what was measured of the quality with these prompts in this domain, whether it counts or not."""
        metrics = {metric for prompt in prompts for metric in METRICS_OF.get(prompt, ())}
        return tuple(
            one
            for one in self.records
            if one.metric in metrics and is_about_quality(one) and is_of_domain(one, self.domain)
        )

    def _evidence(self, prompt: PromptKind) -> Evidence | None:
        return evidence_for(self.records, prompt, self.domain)

    def seconds(self, checkpoint: str, *, everything: bool) -> Statement | None:
        """Return the time of all masks of an image, or of encoding and one prompt; None if not measured.

        All times of one answer are of one machine, engine and precision: this machine if any was measured on it, or
        else the one with the most checkpoints, scaled to this machine.
        """
        timed = self._timed(everything=everything)
        if checkpoint not in timed:
            return None
        found = timed[checkpoint]
        total = sum(one.value or 0.0 for one in found)
        what = "timed" if self.is_here(found[0]) else "timed and scaled to this machine"
        return self._statement(found[0], total * self._slowdown(found[0]), what)

    def timed(self, *, everything: bool) -> tuple[str, ...]:
        """Return the names of the checkpoints with a measured time."""
        return tuple(self._timed(everything=everything))

    def timed_on(self, *, everything: bool) -> str | None:
        """Return machine, engine, precision and date of the measured times; None if there are none."""
        times = self._timed(everything=everything)
        if not times:
            return None
        newest = max((found[0] for found in times.values()), key=lambda one: one.when)
        subject, where = newest.subject, "here" if self.is_here(newest) else f"on {_machine_name(newest)}"
        return f"{where}, {subject.engine} {subject.precision}, {newest.when[:10]}"

    def _timed(self, *, everything: bool) -> dict[str, tuple[Record, ...]]:
        """Return the records of each checkpoint's time, all on one scale."""
        metrics = ("everything_seconds",) if everything else ("encode_seconds", "decode_1_seconds")
        scales: dict[object, dict[str, dict[str, Record]]] = {}
        for one in self._single():
            if one.metric in metrics and self._device_of(one) == self.target.device:
                of_checkpoint = scales.setdefault(_scale(one), {}).setdefault(one.subject.checkpoint, {})
                before = of_checkpoint.get(one.metric)
                if before is None or one.when >= before.when:
                    of_checkpoint[one.metric] = one
        complete = [
            {
                name: tuple(found[metric] for metric in metrics)
                for name, found in scale.items()
                if len(found) == len(metrics)
            }
            for scale in scales.values()
        ]
        return max(filter(None, complete), key=self._worth, default={})

    def _worth(self, times: Mapping[str, tuple[Record, ...]]) -> tuple[bool, int, str]:
        first = next(iter(times.values()))[0]
        return self.is_here(first), len(times), max(found[0].when for found in times.values())

    def memory(self, checkpoint: str, *, everything: bool, trains: bool = False) -> Statement | None:
        """Return the device's peak memory, of fine-tuning if it `trains`; None if not measured on such a device."""
        place = "device" if self.target.device == "cuda" else "resident"
        work = "finetune" if trains else "everything" if everything else "encode"
        metric = f"{work}_{place}_peak_bytes"
        found = [one for one in self._of(checkpoint, metric) if self._device_of(one) == self.target.device]
        if not found:
            return None
        record = max(found, key=lambda one: one.value or 0.0)
        beside = CUDA_CONTEXT_BYTES if place == "device" else 0.0
        what = "peak of fine-tuning" if trains else "peak"
        return self._statement(record, (record.value or 0.0) + beside, what)

    def _of(self, checkpoint: str, metric: str) -> list[Record]:
        """Return the records of one number for one image at a time."""
        return [one for one in self._single() if one.metric == metric and one.subject.checkpoint == checkpoint]

    def _single(self) -> list[Record]:
        """Return the records for one image at a time, in everything mode with the default grid."""
        return [one for one in self.records if one.batch_size in (None, 1) and _is_full_grid(one)]

    @staticmethod
    def _device_of(record: Record) -> str:
        return record.subject.device.split(":")[0]

    def is_here(self, record: Record) -> bool:
        """Whether a record is from the target itself."""
        return self.target.machine is not None and is_same_machine(record, self.target.machine)

    def _slowdown(self, record: Record) -> float:
        """Return how much slower the target is than the measured machine, by their assumed speeds."""
        if self.is_here(record):
            return 1.0
        return assumed_speed_of(record, self.target.device).value / self.target.speed.value

    def _statement(self, record: Record, value: float, what: str) -> Statement:
        day = record.when[:10]
        if self.is_here(record):
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
    gpu = _gpu_of(record)
    if device == "mps":
        return assumed_apple_speed(gpu.get("memory_bytes"), gpu.get("name") or "")
    if device == "cuda" and gpu:
        return assumed_gpu_speed(gpu.get("memory_bytes", 0), gpu.get("name"))
    return assumed_cpu_speed(int(record.machine.get("cores", 1)), record.machine.get("instruction_sets", ()))


def _scale(record: Record) -> tuple[object, ...]:
    """Return what times have to have in common to stand beside each other."""
    machine, subject = record.machine, record.subject
    gpus = tuple(gpu.get("name") for gpu in machine.get("gpus") or ())
    return machine.get("processor"), machine.get("cores"), gpus, subject.engine, subject.precision


def _is_full_grid(record: Record) -> bool:
    """Return whether time and memory of everything mode are for the default grid; True for all other numbers."""
    if not record.metric.startswith("everything_"):
        return True
    subject = record.subject
    own = subject.variant in VARIANTS and points_per_side_of(VARIANTS[subject.variant], subject.input_size)
    return not own or record.settings.get("points_per_side", own) == own


def _machine_name(record: Record) -> str:
    return str(_gpu_of(record).get("name") or record.machine.get("processor", "another machine"))


def _gpu_of(record: Record) -> Mapping[str, Any]:  # Any: JSON values
    """Return the GPU that a record was measured on; empty for a CPU."""
    kind, _, number = record.subject.device.partition(":")
    gpus = record.machine.get("gpus") or ()
    return gpus[min(int(number or 0), len(gpus) - 1)] if kind in ("cuda", "mps") and gpus else {}
