"""Split into training, validation and test images, determined by the image names alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from samara.datasets.ground_truth import Part, place_of_name
from samara.errors import OutputError, SettingsError

# Fixed, so that every export of a data set has the same split.
_SEED = 0
_ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True)
class Split:
    """Expected shares of the images, in [0, 1], with sum 1.

    The part of an image depends only on its name, so that adding images later moves none of the others. The price is
    that a small set is split only approximately.

    Attributes:
        train: share of training images.
        val: share of validation images.
        test: share of test images; 0 for no such part.

    Raises:
        SettingsError: a share is invalid, or their sum is not 1.
    """

    train: float
    val: float
    test: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.train, self.val, self.test)
        if not all(math.isfinite(share) for share in shares) or min(self.train, self.val) <= 0 or self.test < 0:
            raise SettingsError(f"the split {self} is not accepted; train and val must be more than 0, test at least 0")
        if abs(sum(shares) - 1) > _ROUNDING:
            raise SettingsError(f"the shares of the split {self} sum to {sum(shares):g}; they must sum to 1")

    def __str__(self) -> str:
        """Return the split as users write it."""
        return ",".join(f"{part}={getattr(self, part):g}" for part in self.parts)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts with a share."""
        return ("train", "val", "test") if self.test else ("train", "val")

    def part_of(self, stem: str) -> Part:
        """Return the part of an image.

        Args:
            stem: its name with the folders but without the suffix, so that the file format does not matter.
        """
        place = place_of_name(stem, _SEED)
        return next(part for part, (_, end) in self._ranges().items() if place < end)

    def moved(self, stems: Sequence[str]) -> dict[str, Part]:
        """Return the images of a small set that must move so that no part is empty, with their new parts.

        Args:
            stems: stems of all images, see `part_of`; their order does not matter.

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
                    f"the split {self} needs at least {len(self.parts)} images, but there are {len(stems)}; leave it "
                    "out"
                )
            low, high = self._ranges()[part]
            nearest = min(donors, key=lambda stem: (_distance(place_of_name(stem, _SEED), low, high), stem))
            members[donors[nearest]].remove(nearest)
            members[part].append(nearest)
            moved[nearest] = part
        return moved

    def _ranges(self) -> Mapping[Part, tuple[float, float]]:
        """Range of each part in [0, 1]: validation first, so that a test part takes nothing from it."""
        held_out = self.val + self.test
        ranges: dict[Part, tuple[float, float]] = {"val": (0.0, self.val)}
        if self.test:
            ranges["test"] = (self.val, held_out)
        return ranges | {"train": (held_out, math.inf)}


def _distance(place: float, low: float, high: float) -> float:
    return max(low - place, place - high, 0.0)


def read_split(text: str) -> Split:
    """Parse a user's text: "0.1", the share of validation, or "train=0.8,val=0.1,test=0.1".

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
