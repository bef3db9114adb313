"""Training, validation and test images: which image is in which part follows from its name alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from samara.datasets.ground_truth import Part, place_of_name
from samara.errors import OutputError, SettingsError

# Another number would give another split; there is one, so that every export of a data set has the same.
_SEED = 0
_ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True)
class Split:
    """Expected shares of the images, in [0, 1], together 1.

    The part of an image follows from its name alone, so that images that are added later move none of the others.
    The price is that a small set is divided only roughly as asked.

    Attributes:
        train: to train with.
        val: to validate with.
        test: to be kept aside; 0 for no such part.

    Raises:
        SettingsError: a share is none, or they are not 1 together.
    """

    train: float
    val: float
    test: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.train, self.val, self.test)
        if not all(math.isfinite(share) for share in shares) or min(self.train, self.val) <= 0 or self.test < 0:
            raise SettingsError(f"a split into {self} is not accepted; train and val need more than 0, test at least 0")
        if abs(sum(shares) - 1) > _ROUNDING:
            raise SettingsError(f"a split into {self} is {sum(shares):g} in all; the shares must be 1 together")

    def __str__(self) -> str:
        """As users write it."""
        return ",".join(f"{part}={getattr(self, part):g}" for part in self.parts)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Those that there are."""
        return ("train", "val", "test") if self.test else ("train", "val")

    def part_of(self, stem: str) -> Part:
        """The part of an image.

        Args:
            stem: its name with the folders and without the suffix, so that it may become another kind of file.
        """
        place = place_of_name(stem, _SEED)
        return next(part for part, (_, end) in self._ranges().items() if place < end)

    def moved(self, stems: Sequence[str]) -> dict[str, Part]:
        """The images of a small set that have to change their part, so that no part is empty, and where they go.

        Args:
            stems: of all images, see `part_of`; their order plays no part.

        Raises:
            OutputError: there are fewer images than parts.
        """
        members: dict[Part, list[str]] = {part: [] for part in self.parts}
        for stem in stems:
            members[self.part_of(stem)].append(stem)
        moved: dict[str, Part] = {}
        for part in [part for part in self.parts if not members[part]]:
            donors = {stem: donor for donor, inside in members.items() if len(inside) > 1 for stem in inside}
            if not donors:
                raise OutputError(
                    f"a split into {self} needs at least {len(self.parts)} images, and there are {len(stems)}; leave "
                    "it out"
                )
            low, high = self._ranges()[part]
            nearest = min(donors, key=lambda stem: (_distance(place_of_name(stem, _SEED), low, high), stem))
            members[donors[nearest]].remove(nearest)
            members[part].append(nearest)
            moved[nearest] = part
        return moved

    def _ranges(self) -> Mapping[Part, tuple[float, float]]:
        """Where between 0 and 1 each part lies: validation first, so that a test part takes nothing from it."""
        held_out = self.val + self.test
        ranges: dict[Part, tuple[float, float]] = {"val": (0.0, self.val)}
        if self.test:
            ranges["test"] = (self.val, held_out)
        return ranges | {"train": (held_out, math.inf)}


def _distance(place: float, low: float, high: float) -> float:
    return max(low - place, place - high, 0.0)


def read_split(text: str) -> Split:
    """Understand what users write: "0.1", the share of validation, or "train=0.8,val=0.1,test=0.1".

    Raises:
        SettingsError: it is neither.
    """
    try:
        if "=" not in text:
            return Split(train=1 - float(text), val=float(text))
        pairs = [item.split("=") for item in text.split(",")]
        shares = {name.strip(): float(share) for name, share in pairs}
        if len(shares) < len(pairs):
            raise ValueError("a part is given twice")
        return Split(**shares)
    except SettingsError:
        raise
    except (ValueError, TypeError) as error:
        raise SettingsError(
            f"`split` {text!r} is not understood; write the share of validation, such as 0.1, or "
            "train=0.8,val=0.1,test=0.1"
        ) from error
