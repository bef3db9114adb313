"""The catalogue's table: a row for each, unknown stays unknown."""

from __future__ import annotations

from samara.checkpoints.catalogue import CATALOGUE
from samara.checkpoints.table import checkpoint_table


def test_every_checkpoint_has_a_row():
    head, rule, *rows = checkpoint_table().splitlines()
    assert head.count("|") == rule.count("|") == 7
    assert len(rows) == len(CATALOGUE)
    for row, checkpoint in zip(rows, CATALOGUE, strict=True):
        assert row.startswith(f"| `{checkpoint.name}` |")
        assert checkpoint.licence in row


def test_known_and_unknown():
    rows = {row.split("`")[1]: row for row in checkpoint_table().splitlines()[2:]}
    assert rows["sam_vit_b"] == "| `sam_vit_b` | SAM ViT-B | 93.7 M | 375.0 MB | Apache-2.0 | yes |"
    assert "| ? |" in rows["sam_hq_vit_l"]
    assert rows["sam3"].endswith("identified |")
    assert rows["fastsam_x"] == "| `fastsam_x` | FastSAM-x | 71.8 M | 144.9 MB | AGPL-3.0-only | yes |"
