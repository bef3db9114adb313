"""Single charts and tables: a file each, of plain names, the same bytes each time."""

from __future__ import annotations

from xml.etree import ElementTree

from samara.measurement.comparison.compare import all_tables
from samara.measurement.comparison.exports import drawings, write_exports
from tests.measurement.comparison.samples import comparison


def test_each_chart_is_an_svg_and_a_pdf_and_each_table_a_csv_and_latex(tmp_path):
    shown = comparison()
    tables = all_tables(shown)
    written = write_exports(tmp_path, shown, tables)
    assert len(written) == len(set(written)) == 2 * len(tables) + 2 * len(drawings(shown))
    for path in written:
        assert path.stat().st_size > 100
        if path.suffix == ".svg":
            ElementTree.parse(path)
        assert (path.read_bytes()[:4] == b"%PDF") == (path.suffix == ".pdf")


def test_writing_again_gives_the_same_bytes(tmp_path):
    shown = comparison()
    first, second = (
        [path.read_bytes() for path in write_exports(tmp_path / name, shown, all_tables(shown))] for name in "ab"
    )
    assert first == second


def test_charts_of_several_machines_are_numbered():
    names = [one.name for one in drawings(comparison())]
    assert names == ["times", "times-2", "memory", "memory-2", "quality-natural", "quality-medical"]
