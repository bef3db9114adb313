"""Tables as values: cells with numbers and intervals, in rows under headings."""

from __future__ import annotations

from dataclasses import dataclass

from samara.measurement.reporting.beside import NOTHING_BESIDE, PublishedValues
from samara.measurement.reporting.quantities import NOTHING, quantity, quantity_range


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One number of a table.

    Attributes:
        value: the number; None if there is none.
        unit: unit of `value`, `low` and `high`.
        low, high: interval of the value.
        n: number of values that it summarises.
        note: reason for a missing value, or a remark on it.
        metric: name of a measured or derived metric.
        beside: published and claimed values.
        label: text of a cell without a number.
        link: address that the text leads to; empty for none.
        mark: sign shown after the number.
    """

    value: float | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    n: int = 0
    note: str = ""
    metric: str = ""
    beside: PublishedValues = NOTHING_BESIDE
    label: str | None = None
    link: str = ""
    mark: str = ""

    @property
    def text(self) -> str:
        """Number with its unit."""
        if self.label is not None:
            return self.label
        return NOTHING if self.value is None else quantity(self.value, self.unit)

    @property
    def says_something(self) -> bool:
        """Whether there is a number or a text."""
        return self.value is not None or self.label not in (None, NOTHING)

    @property
    def spread(self) -> str:
        """Interval of the number; empty if there is none."""
        return "" if self.low is None or self.high is None else quantity_range(self.low, self.high, self.unit)


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        heads: subject of the row, one text per head column.
        cells: numbers of the row.
        is_random: whether the weights are random.
        place: place of measurement; empty if not measured.
    """

    heads: tuple[str, ...]
    cells: tuple[Cell, ...]
    is_random: bool = False
    place: str = ""

    @property
    def says_something(self) -> bool:
        """Whether any cell has a number or a text."""
        return any(cell.says_something for cell in self.cells)


@dataclass(frozen=True)
class Table:
    """Rows under headings.

    Attributes:
        name: unique name for links and files.
        title: display title.
        caption: explanation for readers.
        heads: headings of the head columns.
        columns: headings of the number columns.
    """

    name: str
    title: str
    caption: str
    heads: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def has_values(self) -> bool:
        """Whether the table has any value."""
        return any(row.says_something for row in self.rows)

    @property
    def is_text(self) -> bool:
        """Whether its cells are texts rather than numbers."""
        return all(cell.label is not None for row in self.rows for cell in row.cells)
