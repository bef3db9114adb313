"""JSON, CSV and Markdown of a comparison."""

from __future__ import annotations

import csv
import io
import json
import re

from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.documents import comparison_json, csv_text, markdown_text
from samara.measurement.comparison.ratio_table import versus
from samara.measurement.comparison.tables import tables
from tests.measurement.comparison.samples import HOSTILE, comparison, number, records, subject


def made():
    return [*tables(comparison()), *versus(comparison())]


def test_json_holds_numbers_with_what_stands_beside_them():
    def refuse(name):
        raise AssertionError(name)

    document = json.loads(comparison_json(comparison(), made()), parse_constant=refuse)
    overview = next(table for table in document["tables"] if table["name"] == "overview")
    mobile = next(row for row in overview["rows"] if row["checkpoint"] == "mobile_sam")
    file = mobile["numbers"]["file"]
    assert (file["value"], file["unit"]) == (40e6, "bytes")
    assert file["published"][0]["source"] == "Ultralytics docs 8.3.90"
    assert file["claimed"][0]["judgement"]["verdict"] == "holds"
    assert document["machines"][1]["title"] == "NVIDIA X9"
    assert any("random weights have no quality" in one["reason"] for one in document["open"])


def test_csv_has_every_number_once():
    rows = list(csv.DictReader(io.StringIO(csv_text(comparison()))))
    assert len(rows) == len(records())
    first = next(row for row in rows if row["checkpoint"] == "mobile_sam" and row["metric"] == "encode_seconds")
    assert (first["value"], first["low"], first["n"], first["unit"]) == ("1.0", "0.9", "7", "seconds")


def test_names_are_no_formulas():
    shown = Comparison((number(subject("=HYPERLINK(1)"), "parameters", -1.0),))
    (row,) = csv.DictReader(io.StringIO(csv_text(shown)))
    assert row["checkpoint"] == "'=HYPERLINK(1)"
    assert row["value"] == "-1.0"  # numbers stay numbers


def test_markdown_has_even_tables_and_no_html():
    text = markdown_text(comparison(), made())
    assert "<script>" not in text
    assert "\x1b" not in text
    assert HOSTILE not in text
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1
    assert "91 M" not in text  # what others say stands in tables of its own
    assert "0.600 (0.550–0.650)" in text
