"""Which image ends the processes that annotate a shard: noted in a file beside the shard's claim.

Whoever holds the claim of a shard keeps the note, and removes it at the end. A note that a process finds was left by
one that died. After the first death a shard is annotated with care, one image after the other, each noted before it
begins; an image that was at work in two deaths of such processes is poison. Two, because machines are taken away, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from samara.system.files import write_atomically

REASON = "two processes that did nothing else than annotate it died"


@dataclass(frozen=True)
class Deaths:
    """What is known of the deaths of one shard's processes.

    Attributes:
        run: of which run; what other runs left does not count, since somebody may have ended them.
        is_careful: one image after the other.
        at_work: id of the image that was begun last, 0 for none; known of careful processes only.
        suspect: the image that was at work in the death before.
        poison: images that are not to be touched, and why.
    """

    run: str
    is_careful: bool = False
    at_work: int = 0
    suspect: int = 0
    poison: dict[int, str] = field(default_factory=dict)

    def after_one_more(self) -> Deaths:
        """What the next process is to know, if the one that left this died."""
        if self.at_work and self.at_work == self.suspect:
            return Deaths(self.run, is_careful=True, poison={**self.poison, self.at_work: REASON})
        return replace(self, is_careful=True, at_work=0, suspect=self.at_work)


class DeathNote:
    """The file of one shard.

    Args:
        path: beside the shard's claim, which the caller holds.
        deaths: what is known so far.
    """

    def __init__(self, path: Path, deaths: Deaths) -> None:
        self.path, self.deaths = path, deaths

    def begin(self, image_id: int) -> None:
        """Note an image before anything is done with it."""
        self.deaths = replace(self.deaths, at_work=image_id)
        self.write()

    def write(self) -> None:
        """Write everything that is known."""
        write_atomically(self.path, json.dumps(asdict(self.deaths)).encode())


@contextmanager
def death_note(claim_path: Path, run: str) -> Iterator[DeathNote]:
    """Go by the note of a shard, and keep it until the block ends, in whatever way but the process's death.

    Args:
        claim_path: of the shard's claim, which the caller holds.
        run: what all processes of one run call it.
    """
    path = claim_path.with_suffix(".deaths")
    left = _read(path)
    note = DeathNote(path, left.after_one_more() if left is not None and left.run == run else Deaths(run))
    note.write()
    try:
        yield note
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _read(path: Path) -> Deaths | None:
    """A note; None if there is none, or none that can be read."""
    try:
        values = json.loads(path.read_bytes())
        poison = {int(image_id): reason for image_id, reason in values.pop("poison").items()}
        return Deaths(**values, poison=poison)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
