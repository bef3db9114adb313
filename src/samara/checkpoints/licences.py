"""What the licences of published weights mean for products that use them, as data; not legal advice.

A licence binds the user of the weights regardless of samara's own licence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Commercial = Literal["free", "conditions", "forbidden", "unknown"]
"""May the weights be used commercially?

free: without conditions on the product, apart from keeping notices.
conditions: yes, but the licence imposes conditions on the product or its recipients.
forbidden: no.
unknown: no licence is stated.
"""


@dataclass(frozen=True)
class Licence:
    """A licence of weights.

    Attributes:
        identifier: SPDX identifier, or LicenseRef-... for one that SPDX does not list.
        commercial: see `Commercial`.
        consequence: its meaning for the user, a clause without a full stop.
        text: address of its text; "" for licences that everybody knows.
    """

    identifier: str
    commercial: Commercial
    consequence: str
    text: str = ""

    @property
    def must_be_accepted(self) -> bool:
        """Whether weights are downloaded only for users who accept it explicitly: it forbids commercial use."""
        return self.commercial == "forbidden"


LICENCES: Mapping[str, Licence] = {
    licence.identifier: licence
    for licence in (
        Licence("Apache-2.0", "free", "free to use, including commercially; keep the notices"),
        Licence("MIT", "free", "free to use, including commercially; keep the notice"),
        Licence("BSD-3-Clause", "free", "free to use, including commercially; keep the notice"),
        Licence("CC-BY-4.0", "free", "free to use, including commercially; name the authors"),
        Licence(
            "AGPL-3.0-only",
            "conditions",
            "anything built on it and offered to others, even over a network, must be published under AGPL-3.0, "
            "unless its owners sell another licence",
        ),
        Licence(
            "LicenseRef-S-Lab-1.0",
            "forbidden",
            "not for commercial use",
            "https://github.com/chongzhou96/EdgeSAM/blob/master/LICENSE",
        ),
        Licence("LicenseRef-not-stated", "unknown", "its authors state no licence; ask them before you use it"),
        Licence(
            "LicenseRef-SAM-License",
            "conditions",
            "commercial use is allowed, but no military, nuclear or espionage use; read it before use",
        ),
    )
}
"""Licences by identifier. Sources: the texts at https://spdx.org/licenses and in the publishers' repositories."""

UNKNOWN = Licence("unknown", "unknown", "no licence is known for these weights; ask their author")

# Names of licences in prose, by their beginning, e.g. Ultralytics' "AGPL-3.0 License
# (https://ultralytics.com/license)".
_IN_WORDS = {"AGPL-3.0": "AGPL-3.0-only", "Apache License 2.0": "Apache-2.0"} | {name: name for name in LICENCES}


def licence_of(identifier: str | None) -> Licence:
    """Look up a licence; `UNKNOWN` for None and for identifiers not in the table."""
    return LICENCES.get(identifier or "", UNKNOWN)


def stated_licence(text: str | None) -> str | None:
    """Return the identifier of the licence that a file states in prose; None if it is not in the table."""
    stated = f"{text or ''} "
    return next((identifier for words, identifier in _IN_WORDS.items() if stated.startswith(f"{words} ")), None)
