"""What a reader met that it could not take as it is: counted and told, never left out in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Literal, TypeAlias

from samara.errors import DatasetError

Crowds: TypeAlias = Literal["ignore", "objects"]

Notice: TypeAlias = Callable[[str], None]
"""Called with a sentence about what was left out or mended."""

MAX_TOLD = 8

CROWDS_AS_OBJECTS, SKIP_BAD = '`ReadingRules(crowds="objects")`', "`ReadingRules(skip_bad=True)`"
"""What to do about them, in sentences."""

CROWDS_HINT = f"crowds (iscrowd: 1), of which each holds many objects; CVAT marks every mask so: {CROWDS_AS_OBJECTS}"


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """What becomes of annotations that are no plain object.

    Attributes:
        crowds: "ignore": COCO's crowds (`iscrowd: 1`) are no objects; they are left out and counted. "objects": each
            is one object, as CVAT and others mean it.
        skip_bad: leave out entries that are not understood, and count them; otherwise they are an error that names
            them.
    """

    crowds: Crowds = "ignore"
    skip_bad: bool = False

    def facts(self) -> dict[str, str | bool]:
        """The rules that are not the default, for whatever records how something was read."""
        return {name: value for name, value in asdict(self).items() if value != getattr(USUAL, name)}


USUAL = ReadingRules()


class Findings:
    """What is found on the way through one file or folder.

    Args:
        source: of the annotations, as messages name it.
        rules: what may be left out.

    Attributes:
        faults: number of entries that are not understood.
    """

    def __init__(self, source: str, rules: ReadingRules = USUAL) -> None:
        self.source = source
        self.rules = rules
        self.faults = 0
        self._first_faults: list[str] = []
        self._remarks: Counter[str] = Counter()
        self._left_out = 0

    def entry(self) -> _Entry:
        """A block about one entry: what it raises as `DatasetError` is a fault, and reading goes on behind it."""
        return _Entry(self)

    def fault(self, sentence: str, count: int = 1) -> None:
        """Note entries that are not understood."""
        self.faults += count
        if len(self._first_faults) < MAX_TOLD:
            self._first_faults.append(sentence)

    def note(self, remark: str, count: int = 1) -> None:
        """Count what was left out or mended; `remark` says what, in the plural."""
        if count:
            self._remarks[remark] += count

    def leave_out(self, remark: str, count: int = 1) -> None:
        """As `note`, of what is then missing in the result."""
        self.note(remark, count)
        self._left_out += count

    def settle(self, notice: Notice | None = None) -> None:
        """Say what was found; to be called when all is read.

        Args:
            notice: called with a sentence for each kind of remark.

        Raises:
            DatasetError: there are faults, and the rules do not let them be left out.
        """
        if self.faults and not self.rules.skip_bad:
            raise DatasetError(self._refusal())
        for sentence in self.sentences():
            if notice is not None:
                notice(sentence)

    def sentences(self) -> list[str]:
        """One for each kind of remark, and one for the faults."""
        told = [f"{self.source}: {count:,} {remark}" for remark, count in self._remarks.items()]
        if self.faults:
            told.append(f"{self.source}: {self.faults:,} bad entries were left out; the first: {self._short(0)}")
        return told

    def require_some(self, left: int, what: str) -> None:
        """Refuse a result that is empty only because everything was left out.

        Args:
            left: what remained.
            what: `left` counts, in the plural.

        Raises:
            DatasetError: nothing remained, and something was left out.
        """
        if not left and (self._left_out or self.faults):
            raise DatasetError(f"{self.source} has no {what} that can be used. {'; '.join(self.sentences())}.")

    def _refusal(self) -> str:
        if self.faults == 1:
            return f"{self._first_faults[0]} Mend it, or leave such entries out with {SKIP_BAD}."
        listed = "".join(f"\n  {self._short(index)}" for index in range(len(self._first_faults)))
        more = self.faults - len(self._first_faults)
        rest = f"\n  and {more:,} more" if more else ""
        return (
            f"{self.faults:,} entries of {self.source} are not understood; mend them, or leave them out with "
            f"{SKIP_BAD}:{listed}{rest}"
        )

    def _short(self, index: int) -> str:
        """A fault without the name of the file, which stands before."""
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
