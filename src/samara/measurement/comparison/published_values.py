"""Published and claimed values next to a measured number."""

from __future__ import annotations

import re

from samara.measurement.comparison.comparison import DeviceOfMachine
from samara.measurement.published.figures import published_for
from samara.measurement.published.guide_claims import claims_for
from samara.measurement.published.record import PUBLISHED_METRICS
from samara.measurement.reporting.beside import PublishedValues

# Names of similar published and claimed metrics: the guide's memory is that of inference, and its IoU names neither
# images nor prompt.
_PUBLISHED_AS: dict[str, str] = {"encode_device_peak_bytes": "memory_bytes"}
_CLAIMED_AS: dict[str, str] = _PUBLISHED_AS | {
    "centre_click_iou": "mean_iou",
    "finetune_device_peak_bytes": "finetuning_bytes",
}
_BATCH = re.compile(r"batch (\d+)|single image")

# Units of what depends on the machine: a CPU's seconds are not set against an A100's.
_OF_A_MACHINE = ("seconds", "images per second")


def beside(
    checkpoint: str,
    metric: str,
    *,
    place: DeviceOfMachine | None = None,
    domain: str | None = None,
    batch_size: int | None = None,
    is_mean: bool = False,
) -> PublishedValues:
    """Find published and claimed values of a number, under conditions like its own.

    Args:
        checkpoint: catalogue name; other checkpoints have no such values.
        metric: metric of samara, or a derived one: "prompt_seconds", "images_per_second".
        place: where the number was measured: times of a CPU then stand beside those of CPUs, and times of a GPU beside
            those of the same model. None for values of any machine.
        domain: kind of images; values for others are left out.
        batch_size: batch size of the number; values for other batch sizes are left out, and those that name none count
            as single images. None if it does not matter.
        is_mean: for quality, whether the number is a mean over domains; values for a single domain are then left out.
    """
    return PublishedValues(
        figures=tuple(
            figure
            for figure in published_for(checkpoint, _PUBLISHED_AS.get(metric, metric))
            if _is_of(figure.conditions.batch, batch_size)
            and _is_about(figure.conditions.data, domain, is_mean)
            and _ran_alike(figure.metric, figure.conditions.hardware or "", place)
        ),
        claims=tuple(
            claim
            for claim in claims_for(checkpoint, _CLAIMED_AS.get(metric, metric))
            if _is_of(_batch(claim.conditions), batch_size)
            and _is_about(claim.conditions, domain, is_mean)
            and _ran_alike(claim.metric, claim.conditions, place)
        ),
    )


def _ran_alike(metric: str, hardware: str, place: DeviceOfMachine | None) -> bool:
    """Return whether a number of a metric from that hardware may stand beside one of a place."""
    if place is None or PUBLISHED_METRICS[metric].unit not in _OF_A_MACHINE:
        return True
    if place.is_cpu:
        return "CPU" in hardware
    model = re.split(r"[,;]| \d+ GB", hardware)[0]
    return bool(model) and model.lower() in place.title.lower()


def _is_about(text: str | None, domain: str | None, is_mean: bool) -> bool:
    of_a_domain = " images" in (text or "")
    if domain is not None:
        return of_a_domain and (text or "").startswith(f"{domain} images")
    return not (is_mean and of_a_domain)


def _is_of(batch: int | None, batch_size: int | None) -> bool:
    return batch_size is None or (batch or 1) == batch_size


def _batch(conditions: str) -> int | None:
    found = _BATCH.search(conditions)
    return None if found is None else int(found.group(1) or 1)
