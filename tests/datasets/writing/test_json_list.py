"""JSON, piece by piece."""

from __future__ import annotations

import io
import json

import pytest

from samara.datasets.writing.json_list import JsonList, json_text
from samara.errors import OutputError


@pytest.mark.parametrize("rows", [[], [1], [{"a": "ß☃"}, None, [1, 2]]])
def test_rows_become_a_list(tmp_path, rows):
    parts = JsonList(tmp_path / "rows")
    parts.extend(json_text(row) for row in rows)
    document = io.BytesIO()
    parts.pour_into(document)
    parts.close()
    assert json.loads(document.getvalue()) == rows
    assert len(parts) == len(rows)
    assert parts.size_bytes == (tmp_path / "rows").stat().st_size


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": object()}])
def test_what_is_no_json_is_refused(value):
    with pytest.raises(OutputError, match="cannot be written as JSON"):
        json_text(value)
