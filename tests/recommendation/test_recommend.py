"""The whole: what is recommended on typical machines, and properties that hold on every machine."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import samara
from samara.checkpoints.catalogue import CATALOGUE
from samara.checkpoints.licences import licence_of
from samara.errors import DeviceError, SettingsError
from samara.recommendation.recommend import recommend
from samara.recommendation.tasks import DOMAINS, PROMPTS, TASKS
from tests.recommendation.samples import HERE, WITH_GPU, record

AT_HAND = {"samara_mini"}


def feasible(**asked):
    return {one.name for one in recommend(**asked, at_hand=AT_HAND).ranking}


MACHINES = st.one_of(
    st.fixed_dictionaries({"vram_gb": st.floats(0.2, 100)}),
    st.fixed_dictionaries({"ram_gb": st.floats(0.2, 200)}),
)
WORK = st.fixed_dictionaries(
    {
        "task": st.sampled_from(list(TASKS)),
        "domain": st.sampled_from(list(DOMAINS)),
        "prompts": st.one_of(st.none(), st.lists(st.sampled_from(list(PROMPTS)), min_size=1, max_size=3)),
    }
)
LIMITS = st.fixed_dictionaries(
    {
        "commercial": st.booleans(),
        "offline": st.booleans(),
        "max_latency_s": st.one_of(st.none(), st.floats(0.001, 1000)),
        "max_disk_gb": st.one_of(st.none(), st.floats(0.001, 10)),
    }
)
QUICK = settings(max_examples=15, deadline=None)


@given(st.sampled_from(["vram_gb", "ram_gb"]), st.floats(0.2, 100), st.floats(1, 10), WORK, LIMITS)
@QUICK
def test_more_memory_never_removes_a_feasible_checkpoint(kind, gigabytes, times, work, limits):
    assert feasible(**{kind: gigabytes}, **work, **limits) <= feasible(**{kind: gigabytes * times}, **work, **limits)


@given(
    MACHINES, WORK, LIMITS, st.sampled_from(["max_latency_s", "max_disk_gb"]), st.floats(0.001, 100), st.floats(0, 1)
)
@QUICK
def test_a_stricter_limit_never_adds_a_checkpoint(machine, work, limits, name, limit, factor):
    loose = feasible(**machine, **work, **(limits | {name: limit}))
    assert feasible(**machine, **work, **(limits | {name: max(1e-6, limit * factor)})) <= loose
    assert loose <= feasible(**machine, **work, **(limits | {name: None}))


@given(MACHINES, WORK, LIMITS)
@QUICK
def test_commercial_and_offline_only_ever_take_away(machine, work, limits):
    free = limits | {"commercial": False, "offline": False}
    assert feasible(**machine, **work, **(free | {"commercial": True})) <= feasible(**machine, **work, **free)
    assert feasible(**machine, **work, **(free | {"offline": True})) <= AT_HAND


@given(MACHINES, WORK, LIMITS)
@QUICK
def test_commercial_never_yields_a_licence_with_conditions(machine, work, limits):
    found = recommend(**machine, **work, **(limits | {"commercial": True}), at_hand=AT_HAND)
    for one in found.ranking:
        licence = licence_of(one.candidate.checkpoint.licence)
        assert licence.commercial == "free"
        assert "AGPL" not in licence.identifier


@given(MACHINES, WORK, LIMITS)
@QUICK
def test_every_checkpoint_is_ranked_or_excluded_with_a_reason(machine, work, limits):
    found = recommend(**machine, **work, **limits, at_hand=AT_HAND)
    names = [one.name for one in (*found.ranking, *found.excluded)]
    assert sorted(names) == sorted(row.name for row in CATALOGUE)
    assert all(one.reasons and all(reason.text for reason in one.reasons) for one in found.excluded)
    assert all(found.reason(one) for one in found.ranking)
    assert found == recommend(**machine, **work, **limits, at_hand=AT_HAND)
    json.dumps(found.as_dict(), allow_nan=False)


@given(MACHINES, st.sampled_from(list(DOMAINS)), LIMITS)
@QUICK
def test_the_embedded_checkpoint_is_never_ahead_of_the_one_it_was_trained_from(machine, domain, limits):
    """Whatever the machine: where MobileSAM can run, samara_mini comes after it."""
    for task in TASKS:
        ranking = recommend(**machine, task=task, domain=domain, **limits, at_hand=AT_HAND).ranking
        places = {one.name: place for place, one in enumerate(ranking)}
        if {"samara_mini", "mobile_sam"} <= set(places):
            assert places["mobile_sam"] < places["samara_mini"]


@pytest.mark.parametrize(
    ("asked", "best"),
    [
        ({"ram_gb": 8}, "efficientvit_sam_l0"),
        ({"vram_gb": 24}, "efficientvit_sam_xl1"),
        ({"vram_gb": 24, "task": "maximum quality"}, "sam_hq_vit_h"),
        (
            {"vram_gb": 6, "task": "interactive annotation", "domain": "medical", "commercial": True},
            "efficientvit_sam_xl0",
        ),
        ({"vram_gb": 8, "task": "real-time"}, "efficientvit_sam_l0"),
        ({"ram_gb": 4, "task": "edge"}, "efficientvit_sam_l0"),
        ({"ram_gb": 4, "task": "edge", "commercial": True}, "efficientvit_sam_l0"),
        ({"vram_gb": 24, "task": "benchmark"}, "sam_vit_h"),
        ({"vram_gb": 24, "offline": True}, "samara_mini"),
        ({"ram_gb": 1}, "samara_mini"),
        ({"ram_gb": 0.5}, None),
    ],
)
def test_typical_machines(asked, best):
    found = recommend(**asked, at_hand=AT_HAND)
    assert found.checkpoint == best
    if best == "samara_mini":
        assert "samara_mini is small" in found.notes[0]


def test_it_is_public():
    assert samara.recommend is recommend


def test_this_machine_is_looked_at():
    assert recommend(machine=HERE, at_hand=AT_HAND).target.machine is HERE
    found = recommend(machine=WITH_GPU, at_hand=AT_HAND)
    assert (found.target.device, found.target.speed.certainty) == ("cuda", "published")
    assert recommend(at_hand=AT_HAND, device="cpu").target.memory_bytes > 0


def test_the_store_is_looked_into(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMARA_HOME", str(tmp_path))
    assert {one.name for one in recommend(ram_gb=8, offline=True).ranking} == {"samara_mini"}


def test_speed_is_measured_on_this_machine_when_asked(monkeypatch):
    monkeypatch.setattr("samara.recommendation.recommend.measure_matrix_speed", lambda device: 1e12)
    found = recommend(machine=HERE, measure_speed=True, at_hand=AT_HAND)
    assert (found.target.speed.value, found.target.speed.certainty) == (1e12, "measured here")
    assert found.best.candidate.needs.seconds.certainty == "measured elsewhere"


def test_measuring_the_speed_of_another_machine_is_refused():
    with pytest.raises(SettingsError, match="`measure_speed` applies to this machine"):
        recommend(ram_gb=8, measure_speed=True, at_hand=AT_HAND)


def test_measurements_change_the_recommendation():
    """On these images ViT-B is as good as ViT-H: of the two, the faster one wins."""
    values = {"sam_vit_h": 0.80, "sam_vit_l": 0.79, "sam_vit_b": 0.80}
    records = [
        record(name, metric, value, job=f"{name}{metric}")
        for name, value in values.items()
        for metric in ("box_iou", "centre_click_iou")
    ]
    found = recommend(vram_gb=24, records=records, at_hand=AT_HAND)
    places = {one.name: place for place, one in enumerate(found.ranking)}
    assert places["sam_vit_b"] < places["sam_vit_h"]
    before = [one.name for one in recommend(vram_gb=24, records=[], at_hand=AT_HAND).ranking]
    assert before.index("sam_vit_h") < before.index("sam_vit_b")
    assert found.ranking[places["sam_vit_b"]].quality.certainty == "measured elsewhere"


@pytest.mark.parametrize("wrong", [{"task": "x"}, {"domain": "x"}, {"prompts": ["x"]}, {"device": "x"}, {"vram_gb": 0}])
def test_wrong_requests_are_refused(wrong):
    with pytest.raises(SettingsError):
        recommend(**({"ram_gb": 8} | wrong), at_hand=AT_HAND)


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(DeviceError):
        recommend(machine=HERE, device="cuda", at_hand=AT_HAND)


def test_in_its_domain_a_specialist_comes_first_and_elsewhere_it_is_excluded():
    found = recommend(ram_gb=16, domain="light microscopy", at_hand=AT_HAND)
    assert found.checkpoint in {"vit_t_lm", "vit_b_lm", "vit_l_lm"}
    assert "Archit et al. 2025" in " ".join(found.notes)
    assert found.reason(found.ranking[0]).startswith("was trained further for light microscopy, which no published")
    elsewhere = recommend(ram_gb=16, at_hand=AT_HAND)
    reasons = {one.name: [reason.text for reason in one.reasons] for one in elsewhere.excluded}
    assert "was trained further for another domain, light microscopy" in reasons["vit_b_lm"]


def test_a_specialist_without_a_stated_licence_is_not_put_first():
    found = recommend(ram_gb=16, domain="medical", at_hand=AT_HAND)
    assert "vit_b_medical_imaging" in {one.name for one in found.ranking}
    assert found.checkpoint != "vit_b_medical_imaging"


def test_a_measurement_counts_more_than_a_speciality():
    """A specialist that was measured to be poor has no privilege."""
    records = [
        record(name, value=value, domain="light microscopy")
        for name, value in (("vit_b_lm", 0.40), ("vit_t_lm", 0.40), ("vit_l_lm", 0.40), ("mobile_sam", 0.80))
    ]
    found = recommend(ram_gb=16, domain="light microscopy", prompts=["box"], records=records, at_hand=AT_HAND)
    places = [one.name for one in found.ranking]
    assert places.index("mobile_sam") < min(places.index(f"vit_{size}_lm") for size in "tbl")
