"""Detection of images that crash the processes annotating a shard, by a file beside the shard's claim.

The holder of a shard's claim writes the note and removes it at the end. An existing note was left by
a process that died. After the first death a shard is annotated carefully: one image at a time, each noted before it
starts; an image that was in progress at two deaths of careful processes is poison. Two, because machines are also
preempted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from samara.system.files import write_atomically

REASON = "two processes died while annotating only this image"


@dataclass(frozen=True)
class Deaths:
    """What is known about the deaths of one shard's processes.

    Attributes:
        run: id of the run; notes of other runs do not count, since they may have been killed on purpose.
        is_careful: whether to annotate one image at a time.
        at_work: id of the image started last, 0 for none; known for careful processes only.
        suspect: the image that was in progress at the previous death.
        poison: images to skip, with the reason.
    """

    run: str
    is_careful: bool = False
    at_work: int = 0
    suspect: int = 0
    poison: dict[int, str] = field(default_factory=dict)

    def after_one_more(self) -> Deaths:
        """Return the note for the next process, given that the one that left this died."""
        if self.at_work and self.at_work == self.suspect:
            return Deaths(self.run, is_careful=True, poison={**self.poison, self.at_work: REASON})
        return replace(self, is_careful=True, at_work=0, suspect=self.at_work)


class DeathNote:
    """The note file of one shard.

    Args:
        path: path of the file, beside the shard's claim, which the caller holds.
        deaths: what is known so far.
    """

    def __init__(self, path: Path, deaths: Deaths) -> None:
        self.path, self.deaths = path, deaths

    def begin(self, image_id: int) -> None:
        """Record an image before it is processed."""
        self.deaths = replace(self.deaths, at_work=image_id)
        self.write()

    def write(self) -> None:
        """Write the note to disk."""
        write_atomically(self.path, json.dumps(asdict(self.deaths)).encode())


@contextmanager
def death_note(claim_path: Path, run: str) -> Iterator[DeathNote]:
    """Read the note of a shard and update it; remove it when the block ends, unless the process dies.

    Args:
        claim_path: path of the shard's claim, which the caller holds.
        run: id shared by all processes of one run.
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
    """Read a note; None if it is missing or unreadable."""
    try:
        values = json.loads(path.read_bytes())
        poison = {int(image_id): reason for image_id, reason in values.pop("poison").items()}
        return Deaths(**values, poison=poison)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
