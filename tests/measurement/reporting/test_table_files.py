"""Tables as CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess

import pytest

from samara.measurement.comparison.tables import overview, quality
from samara.measurement.reporting.table import Cell, Row, Table
from samara.measurement.reporting.table_files import latex, table_csv, table_latex
from tests.measurement.comparison.samples import HOSTILE, comparison


def test_csv_has_plain_numbers_with_intervals_and_units():
    rows = list(csv.DictReader(io.StringIO(table_csv(overview(comparison())))))
    mobile = next(row for row in rows if row["checkpoint"] == "mobile_sam")
    assert (mobile["encode [seconds]"], mobile["encode [seconds], low"]) == ("1.0", "0.9")
    assert mobile["parameters"] == "10000000.0"
    assert (mobile["weights"], mobile["machine"]) == ("", "Chip One, 2 cores, CPU")
    random = next(row for row in rows if row["weights"])
    assert random["centre click IoU"] == ""


def test_csv_has_no_formulas():
    table = Table("t", "T", "", ("=a",), ("b",), (Row(("=1+1",), (Cell(label="@x"),)),))
    assert list(csv.reader(io.StringIO(table_csv(table)))) == [
        ["=a", "weights", "machine", "b"],
        ["'=1+1", "", "", "'@x"],
    ]


def test_latex_has_intervals_in_brackets_and_escapes_names():
    text = table_latex(quality(comparison()))
    assert r"mobile\_sam & natural & 0.600 [0.550--0.650]" in text
    assert HOSTILE not in text
    assert text.count("{") == text.count("}")
    columns = text.split(r"\begin{tabular}{")[1].split("}")[0]
    assert all(line.count("&") - line.count(r"\&") == len(columns) - 1 for line in text.splitlines() if "&" in line)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b & 50 % $x$", r"a\_b \& 50 \% \$x\$"),
        ("\\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("−0.1 to 2×", r"$-$0.1 to 2$\times$"),
        ("\N{CJK UNIFIED IDEOGRAPH-4E2D}\x1b", "??"),
    ],
)
def test_text_is_harmless_in_latex(text, expected):
    assert latex(text) == expected


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_compiles(tmp_path):
    document = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs}\begin{document}"
    path = tmp_path / "paper.tex"
    path.write_text(document + table_latex(overview(comparison())) + r"\end{document}")
    subprocess.run(["pdflatex", "-interaction=nonstopmode", path.name], cwd=tmp_path, check=True, capture_output=True)
