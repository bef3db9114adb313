"""The tables of checkpoints: a row for each, unknown stays unknown, and the pages hold them as they are made."""

from __future__ import annotations

from docs import update_checkpoints
from docs.checkpoint_tables import file_table, promptable_table
from samara.checkpoints.catalogue import CATALOGUE


def rows_of(table):
    return {row.split("`")[1]: row for row in table.splitlines()[2:]}


def test_every_checkpoint_has_a_row_in_the_table_of_files():
    head, rule, *rows = file_table().splitlines()
    assert head.count("|") == rule.count("|") == 7
    assert len(rows) == len(CATALOGUE)
    for row, checkpoint in zip(rows, CATALOGUE, strict=True):
        assert row.startswith(f"| `{checkpoint.name}` |")
        assert checkpoint.licence in row


def test_known_and_unknown_files():
    rows = rows_of(file_table())
    assert rows["sam_vit_b"] == "| `sam_vit_b` | SAM ViT-B | 93.7 M | 375.0 MB | Apache-2.0 | yes |"
    assert "| ? |" in rows["sam_hq_vit_l"]
    assert rows["sam3"].endswith("identified |")
    assert rows["fastsam_x"] == "| `fastsam_x` | FastSAM-x | 71.8 M | 144.9 MB | AGPL-3.0-only | yes |"


def test_the_table_of_costs_has_what_answers_prompts():
    rows = rows_of(promptable_table())
    assert {"sam_vit_h", "samara_mini", "sam2.1_t", "slimsam_77"} <= set(rows)
    assert not {"sam3", "yolov8n-seg", "sam2_t", "vit_b_lm"} & set(rows)
    assert rows["sam_vit_h"].endswith("| 1.00 | Apache-2.0 |")
    assert rows["slimsam_77"].endswith("| ? | Apache-2.0 |")


def test_the_page_has_the_table_as_it_is_made():
    text = update_checkpoints.DOCUMENT.read_text()
    assert update_checkpoints.updated(text) == text
