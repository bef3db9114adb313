"""The model card's tables are those of the results, and its facts those of the checkpoint."""

from __future__ import annotations

from docs.update_model_card import CARD, RESULTS, updated
from samara.checkpoints.catalogue import find
from samara.networks.variants import VARIANTS
from training.table import overview, read_results

TEXT = CARD.read_text()


def test_tables_are_up_to_date():
    assert updated(TEXT) == TEXT, "run `make docs`"


def test_facts_are_those_of_the_checkpoint():
    row = find("samara_mini")
    assert f"{VARIANTS[row.variant].parameters:,} parameters" in TEXT
    assert f"{row.size_bytes / 1e6:.1f} MB" in TEXT
    assert f"thresholds of {row.pred_iou_thresh} and {row.stability_score_thresh}" in TEXT


def test_it_is_better_than_its_predecessor_in_every_domain():
    ours, before = read_results([RESULTS / "samara_mini.json", RESULTS / "bootstrap.json"])
    for domain in ("natural", "medical", "satellite"):
        for measure in ("click", "box"):
            means = [
                sum(score["mean"] for score in result[domain][measure].values()) / len(result[domain][measure])
                for result in (ours, before)
            ]
            assert means[0] > means[1], (domain, measure)
    assert overview([ours]).count("\n") == 2
