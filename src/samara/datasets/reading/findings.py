"""Problems that a reader finds: counted and reported, never dropped silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Literal, TypeAlias

from samara.errors import DatasetError

Crowds: TypeAlias = Literal["ignore", "objects"]

Notice: TypeAlias = Callable[[str], None]
"""Called with a sentence about what was left out or repaired."""

MAX_TOLD = 8

CROWDS_AS_OBJECTS, SKIP_BAD = '`ReadingRules(crowds="objects")`', "`ReadingRules(skip_bad=True)`"
"""The remedies for crowds and invalid entries, as quoted in messages."""

CROWDS_HINT = (
    "crowds (iscrowd: 1), each with many objects; for data from CVAT, which marks every mask so, use "
    f"{CROWDS_AS_OBJECTS}"
)


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """Treatment of annotations that are not plain objects.

    Attributes:
        crowds: "ignore": COCO's crowds (`iscrowd: 1`) are not objects; they are left out and counted. "objects": each
            is one object, as in files of CVAT and others.
        skip_bad: leave out and count invalid entries; otherwise they raise an error that names them.
    """

    crowds: Crowds = "ignore"
    skip_bad: bool = False

    def facts(self) -> dict[str, str | bool]:
        """Return the rules that are not the default, for provenance records."""
        return {name: value for name, value in asdict(self).items() if value != getattr(USUAL, name)}


USUAL = ReadingRules()


class Findings:
    """Collects the problems of one file or folder.

    Args:
        source: name of the annotations in messages.
        rules: what may be left out.

    Attributes:
        faults: number of invalid entries.
    """

    def __init__(self, source: str, rules: ReadingRules = USUAL) -> None:
        self.source = source
        self.rules = rules
        self.faults = 0
        self._first_faults: list[str] = []
        self._remarks: Counter[str] = Counter()
        self._left_out = 0

    def entry(self) -> _Entry:
        """Open a block for one entry: a `DatasetError` in it is recorded, and reading continues after it."""
        return _Entry(self)

    def fault(self, sentence: str, count: int = 1) -> None:
        """Record invalid entries."""
        self.faults += count
        if len(self._first_faults) < MAX_TOLD:
            self._first_faults.append(sentence)

    def note(self, remark: str, count: int = 1) -> None:
        """Count what was left out or repaired; `remark` says what, in the plural."""
        if count:
            self._remarks[remark] += count

    def leave_out(self, remark: str, count: int = 1) -> None:
        """Like `note`, for entries that are then missing from the result."""
        self.note(remark, count)
        self._left_out += count

    def settle(self, notice: Notice | None = None) -> None:
        """Report the problems; called after reading everything.

        Args:
            notice: called with one sentence per kind of remark.

        Raises:
            DatasetError: there are invalid entries, and the rules do not allow leaving them out.
        """
        if self.faults and not self.rules.skip_bad:
            raise DatasetError(self._refusal())
        for sentence in self.sentences():
            if notice is not None:
                notice(sentence)

    def sentences(self) -> list[str]:
        """Return one sentence per kind of remark, and one for the invalid entries."""
        told = [f"{self.source}: {count:,} {remark}" for remark, count in self._remarks.items()]
        if self.faults:
            told.append(f"{self.source}: {self.faults:,} bad entries were left out; the first: {self._short(0)}")
        return told

    def require_some(self, left: int, what: str) -> None:
        """Refuse a result that is empty only because everything was left out.

        Args:
            left: number of remaining entries.
            what: name of the entries, in the plural.

        Raises:
            DatasetError: nothing remained, and something was left out.
        """
        if not left and (self._left_out or self.faults):
            raise DatasetError(f"{self.source} has no usable {what}. {'; '.join(self.sentences())}.")

    def _refusal(self) -> str:
        if self.faults == 1:
            return f"{self._first_faults[0]} Fix it, or leave out such entries with {SKIP_BAD}."
        listed = "".join(f"\n  {self._short(index)}" for index in range(len(self._first_faults)))
        more = self.faults - len(self._first_faults)
        rest = f"\n  and {more:,} more" if more else ""
        return (
            f"{self.faults:,} entries of {self.source} are invalid; fix them, or leave them out with "
            f"{SKIP_BAD}:{listed}{rest}"
        )

    def _short(self, index: int) -> str:
        """Return an error without the file name, which precedes it."""
        return self._first_faults[index].replace(f" in {self.source}", "", 1)


class _Entry:
    """See `Findings.entry`."""

    __slots__ = ("_findings",)

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, DatasetError):
            self._findings.fault(str(error))
            return True
        return False
