"""What stands beside a measured number: what others published, and what the guide claims."""

from __future__ import annotations

import re
from dataclasses import dataclass

from samara.measurement.comparison.quantities import quantity_range
from samara.measurement.published.figures import Figure, published_for
from samara.measurement.published.guide_claims import Claim, claims_for
from samara.measurement.published.record import PUBLISHED_METRICS

# Names under which others publish what is near to a measured number, and the guide claims it: its memory is that of
# inference, its IoU names neither images nor prompt.
_PUBLISHED_AS: dict[str, str] = {"encode_device_peak_bytes": "memory_bytes"}
_CLAIMED_AS: dict[str, str] = _PUBLISHED_AS | {"centre_click_iou": "mean_iou"}
_BATCH = re.compile(r"batch (\d+)|single image")


@dataclass(frozen=True, kw_only=True)
class PublishedValues:
    """Published and claimed values of one number.

    Attributes:
        figures: what others published, with sources and conditions.
        claims: of the guide.
    """

    figures: tuple[Figure, ...] = ()
    claims: tuple[Claim, ...] = ()

    @property
    def published(self) -> str:
        """The published values as one range; empty if there is none."""
        values = [figure.value for figure in self.figures]
        if not values:
            return ""
        return quantity_range(min(values), max(values), PUBLISHED_METRICS[self.figures[0].metric].unit, stated=True)

    @property
    def claimed(self) -> str:
        """What the guide claims, value by value; empty if it is silent."""
        values = (
            quantity_range(one.low, one.high, PUBLISHED_METRICS[one.metric].unit, stated=True) for one in self.claims
        )
        return " / ".join(dict.fromkeys(values))

    @property
    def is_contradicted(self) -> bool:
        """Whether a claim must be marked."""
        return any(claim.is_contradicted for claim in self.claims)

    @property
    def sources(self) -> str:
        """Who published, with the conditions, one after the other."""
        named = (f"{one.source} ({one.conditions})" if str(one.conditions) else one.source for one in self.figures)
        return "; ".join(dict.fromkeys(named))


NOTHING_BESIDE = PublishedValues()


def beside(
    checkpoint: str, metric: str, *, domain: str | None = None, batch_size: int | None = None, is_mean: bool = False
) -> PublishedValues:
    """Find what stands beside a number.

    Args:
        checkpoint: its name in the catalogue; others have nothing beside them.
        metric: of samara, or one that is derived: "prompt_seconds", "images_per_second".
        domain: kind of images; what is known about others is left out.
        batch_size: of the number; what is known about other batch sizes is left out, and what names none is taken to
            be of single images. None: where it does not matter.
        is_mean: of quality, whether it is a mean over domains; what holds for one domain is then left out.
    """
    return PublishedValues(
        figures=tuple(
            figure
            for figure in published_for(checkpoint, _PUBLISHED_AS.get(metric, metric))
            if _is_of(figure.conditions.batch, batch_size) and _is_about(figure.conditions.data, domain, is_mean)
        ),
        claims=tuple(
            claim
            for claim in claims_for(checkpoint, _CLAIMED_AS.get(metric, metric))
            if _is_of(_batch(claim.conditions), batch_size) and _is_about(claim.conditions, domain, is_mean)
        ),
    )


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
