"""Tables of an evaluation."""

from __future__ import annotations

import csv
import io

from samara.measurement.evaluation.evaluation_tables import grid_text, objects_csv, summary
from samara.measurement.records.records import Interval
from tests.measurement.comparison.samples import number, subject
from tests.measurement.evaluation.test_curves import SCORES, clicked

WHO = subject("mine")


def records():
    interval = Interval(low=0.4, high=0.6, kind="95 % bootstrap")
    for source, value in (("a", 0.4), ("b", 0.6), (None, 0.5)):
        yield number(WHO, "box_iou", value, source=source, interval=interval, n=10, images=3)
        yield number(WHO, "average_recall", value, source=source, n=10, images=3, settings={"points_per_side": 16})
    note = "mine cannot take points"
    yield number(WHO, "centre_click_iou", None, status="not applicable", note=note, n=0)


def test_a_row_for_each_metric_and_a_column_for_each_source():
    table = summary(list(records()))
    assert table.columns == ("all", "a", "b", "objects", "images")
    box, recall = table.rows  # what was not measured has no row
    assert box.heads == ("box, IoU", "higher")
    assert [cell.text for cell in box.cells] == ["0.500", "0.400", "0.600", "10", "3"]
    assert box.cells[0].spread == "0.400–0.600"
    assert recall.heads[0] == "everything, AR@1000, 16 × 16 points"


def test_a_single_source_is_shown_once():
    one = [record for record in records() if record.source in ("a", None)]
    assert summary(one).columns == ("all", "objects", "images")


def test_every_object_has_a_row():
    rows = list(csv.DictReader(io.StringIO(objects_csv(SCORES))))
    assert len(rows) == 5
    first, second = rows[:2]
    assert (first["image"], first["object"], first["box_iou"]) == ("1.png", "0", "0.91")
    assert (first["clicks_to_0.85"], first["clicks_to_0.90"]) == ("2", "3")
    assert second["clicks_to_0.85"] == ""


def test_names_are_no_formulas():
    (row,) = csv.DictReader(io.StringIO(objects_csv([clicked("=1+1.png", (0.5,))])))
    assert row["image"] == "'=1+1.png"


def test_a_grid_is_told():
    assert (grid_text(16), grid_text(None)) == ("16 × 16 points", "one pass, no grid")
