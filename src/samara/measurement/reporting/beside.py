"""Published and claimed values that stand beside a number."""

from __future__ import annotations

from dataclasses import dataclass

from samara.measurement.published.guide_claims import Claim
from samara.measurement.published.record import PUBLISHED_METRICS, Figure
from samara.measurement.reporting.quantities import quantity_range


@dataclass(frozen=True, kw_only=True)
class PublishedValues:
    """Published and claimed values of one number.

    Attributes:
        figures: published figures with sources and conditions.
        claims: claims of the guide.
    """

    figures: tuple[Figure, ...] = ()
    claims: tuple[Claim, ...] = ()

    @property
    def published(self) -> str:
        """Published values as one range; empty if there are none."""
        values = [figure.value for figure in self.figures]
        if not values:
            return ""
        return quantity_range(min(values), max(values), PUBLISHED_METRICS[self.figures[0].metric].unit, stated=True)

    @property
    def claimed(self) -> str:
        """Values that the guide claims; empty if there are none."""
        values = (
            quantity_range(one.low, one.high, PUBLISHED_METRICS[one.metric].unit, stated=True) for one in self.claims
        )
        return " / ".join(dict.fromkeys(values))

    @property
    def is_contradicted(self) -> bool:
        """Whether a claim is contradicted."""
        return any(claim.is_contradicted for claim in self.claims)

    @property
    def sources(self) -> str:
        """Sources of the published values with their conditions."""
        named = (f"{one.source} ({one.conditions})" if str(one.conditions) else one.source for one in self.figures)
        return "; ".join(dict.fromkeys(named))


NOTHING_BESIDE = PublishedValues()
