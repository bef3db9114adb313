"""What the licences of published weights mean for whoever builds on them, as data; no legal advice.

A licence binds the user of the weights, whatever samara's own licence says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Commercial = Literal["free", "conditions", "forbidden", "unknown"]
"""May the weights be used commercially?

free: without conditions that reach the product; what must be kept are notices.
conditions: yes, but the licence asks something of the product, or of whom it is given to.
forbidden: no.
unknown: nobody says.
"""


@dataclass(frozen=True)
class Licence:
    """A licence of weights.

    Attributes:
        identifier: as SPDX has it, or LicenseRef-... for one that SPDX does not list.
        commercial: see `Commercial`.
        consequence: what it means, a clause without a full stop.
    """

    identifier: str
    commercial: Commercial
    consequence: str


LICENCES: Mapping[str, Licence] = {
    licence.identifier: licence
    for licence in (
        Licence("Apache-2.0", "free", "free to use, also commercially; keep the notices"),
        Licence("MIT", "free", "free to use, also commercially; keep the notice"),
        Licence("BSD-3-Clause", "free", "free to use, also commercially; keep the notice"),
        Licence(
            "AGPL-3.0-only",
            "conditions",
            "what is built on it and given to others, also over a network, must be published under AGPL-3.0, unless "
            "its owners sell another licence",
        ),
        Licence("LicenseRef-S-Lab-1.0", "forbidden", "not for commercial use"),
        Licence("LicenseRef-SAM-License", "conditions", "a licence of its own, with limits on use; read it before use"),
    )
}
"""By identifier. Sources: the texts, as at https://spdx.org/licenses, and those in the publishers' repositories."""

UNKNOWN = Licence("unknown", "unknown", "no licence is known for these weights; ask whoever made them")

# How files begin to name them in words, e.g. Ultralytics' "AGPL-3.0 License (https://ultralytics.com/license)".
_IN_WORDS = {"AGPL-3.0": "AGPL-3.0-only", "Apache License 2.0": "Apache-2.0"} | {name: name for name in LICENCES}


def licence_of(identifier: str | None) -> Licence:
    """Look a licence up; `UNKNOWN` for None and for what is not in the table."""
    return LICENCES.get(identifier or "", UNKNOWN)


def stated_licence(text: str | None) -> str | None:
    """The identifier of the licence that a file states in its own words; None if it is none in the table."""
    stated = f"{text or ''} "
    return next((identifier for words, identifier in _IN_WORDS.items() if stated.startswith(f"{words} ")), None)
