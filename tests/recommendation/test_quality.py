"""Quality in relation to SAM ViT-H: ratios of one table, chains, siblings, and measurements that win."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean

import pytest

from samara.checkpoints.catalogue import CATALOGUE, find
from samara.networks.variants import VARIANTS
from samara.recommendation.measured import measurements
from samara.recommendation.quality import WITHOUT_HQ, published_quality, qualities
from samara.recommendation.target import target
from samara.recommendation.tasks import DOMAINS
from tests.recommendation.samples import HERE, nothing_measured, record

RESULTS = Path(__file__).parents[2] / "training" / "results"
NATURAL, MEDICAL = DOMAINS["natural"], DOMAINS["medical"]


def quality(name, prompt="box", domain=NATURAL):
    found = published_quality(name, prompt, domain)
    return None if found is None else found.value


def test_the_reference_is_one():
    assert quality("sam_vit_h") == quality("sam_vit_h", "point") == quality("sam_vit_h", "everything") == 1


@pytest.mark.parametrize(
    ("name", "prompt", "value"),
    [
        ("sam_vit_l", "box", 0.455 / 0.465),  # the median of 0.991, 0.978 and 0.973
        ("sam_vit_b", "box", 0.408 / 0.447),
        ("mobile_sam", "box", 0.410 / 0.465),
        ("fastsam_x", "box", 0.379 / 0.465),
        ("sam_hq_vit_h", "box", 0.496 / 0.487),
        ("sam_hq_vit_tiny", "box", 0.410 / 0.465 * 0.450 / 0.443),
    ],
)
def test_ratios_come_from_one_table(name, prompt, value):
    assert quality(name, prompt) == pytest.approx(value, rel=0.002)


def test_the_order_is_the_expected_one():
    order = ["sam_hq_vit_h", "sam_vit_h", "sam_hq_vit_l", "sam_vit_l", "sam_vit_b", "mobile_sam", "samara_mini"]
    values = [quality(name) for name in order]
    assert values == sorted(values, reverse=True)


def test_fastsam_is_poor_at_points_and_better_at_everything():
    assert quality("fastsam_x", "point") < 0.5 < quality("fastsam_x", "everything")


def test_sizes_of_hq_sam_that_no_table_has_are_inferred_and_say_so():
    found = published_quality("sam_hq_vit_l", "box", NATURAL)
    assert found.certainty == "rule of thumb"
    assert 1.0 < found.value / quality("sam_vit_l") < 1.03
    assert published_quality("sam_hq_vit_h", "box", NATURAL).certainty == "published"


def test_what_hq_sam_adds_counts_for_prompts_on_images_only():
    for hq, base in WITHOUT_HQ.items():
        assert quality(hq, "box", MEDICAL) == quality(base, "box", MEDICAL)
        assert quality(hq, "everything") == quality(base, "everything")


def test_hq_sam_has_the_encoder_of_what_it_is_compared_with():
    for hq, base in WITHOUT_HQ.items():
        left, right = (VARIANTS[find(name).variant].image_encoder for name in (hq, base))
        assert type(left) is type(right)


def test_nothing_published_is_no_quality():
    assert quality("fastsam_s") is None
    assert quality("yolo11n-seg") is None
    assert quality("sam_vit_h", "classes") is None


def test_the_embedded_checkpoint_is_related_to_what_it_was_trained_from():
    """By what MobileSAM loses at its input size; its own gains, on images like those it saw, do not count."""
    found = published_quality("samara_mini", "box", NATURAL)
    assert found.certainty == "rule of thumb"
    scores = [json.loads((RESULTS / f"{name}.json").read_text()) for name in ("mobile_sam_512", "mobile_sam")]
    at_512, at_1024 = ([one["mean"] for one in score["natural"]["box"].values()] for score in scores)
    assert found.value / quality("mobile_sam") == pytest.approx(mean(at_512) / mean(at_1024), abs=0.005)


def test_several_kinds_of_prompts_are_averaged():
    both = qualities(["fastsam_x"], ("point", "background point", "box"), NATURAL, nothing_measured())["fastsam_x"]
    assert both.value == pytest.approx((quality("fastsam_x", "point") + quality("fastsam_x", "box")) / 2)
    assert qualities(["sam_vit_b"], ("box", "classes"), NATURAL, nothing_measured())["sam_vit_b"] is None


def measured(**values):
    return measurements([record(name, value=value) for name, value in values.items()], target(machine=HERE), "natural")


def test_measurements_win_and_relate_the_rest():
    here = measured(sam_vit_h=0.8, sam_vit_b=0.78)
    found = qualities(["sam_vit_h", "sam_vit_b", "mobile_sam"], ("box",), NATURAL, here)
    assert found["sam_vit_b"].value == pytest.approx(0.78 / 0.8)
    assert found["sam_vit_b"].certainty == "measured here"
    assert found["mobile_sam"].value == quality("mobile_sam")


def test_without_the_reference_it_is_inferred_from_what_was_measured():
    here = measured(sam_vit_b=0.7, mobile_sam=0.72)
    found = qualities(["sam_vit_b", "mobile_sam", "sam_vit_l"], ("box",), NATURAL, here)
    assert found["mobile_sam"].value / found["sam_vit_b"].value == pytest.approx(0.72 / 0.7)
    middle = (found["mobile_sam"].value / quality("mobile_sam") + found["sam_vit_b"].value / quality("sam_vit_b")) / 2
    assert middle == pytest.approx(1, rel=0.05)
    assert found["sam_vit_l"].value == pytest.approx(quality("sam_vit_l"), abs=0.002)


@pytest.mark.parametrize("value", [0.01, 0.3, 0.6, 0.9, 0.95, 0.99, 1.0])
def test_nothing_is_inferred_to_be_above_one_or_below_zero(value):
    """Where a small checkpoint reached 0.95, ViT-H was once said to reach 1.066."""
    names = [row.name for row in CATALOGUE if row.network.is_runnable]
    found = qualities(names, ("box",), NATURAL, measured(samara_mini=value, mobile_sam=value))
    reference = value / found["samara_mini"].value
    assert value <= reference <= 1
    assert all(0 <= one.value * reference <= 1 for one in found.values() if one is not None)


def test_easy_images_do_not_put_a_small_checkpoint_before_all_that_were_not_measured():
    found = qualities(["samara_mini", "efficientvit_sam_l0"], ("box",), NATURAL, measured(samara_mini=0.97))
    assert found["samara_mini"].value < found["efficientvit_sam_l0"].value


def test_measured_without_any_relation_stays_unknown():
    found = qualities(["fastsam_s"], ("box",), NATURAL, measured(fastsam_s=0.6))
    assert found["fastsam_s"] is None
