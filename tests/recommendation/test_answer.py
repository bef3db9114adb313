"""The recommendation as a value: sentence, commands, reasons, JSON."""

from __future__ import annotations

import json

import pytest

from samara.cli.commands import COMMANDS
from samara.recommendation.recommend import recommend

HAND = {"samara_mini"}


def test_the_answer_is_one_sentence_with_the_numbers():
    assert recommend(vram_gb=24, at_hand=HAND).answer == (
        "Use efficientvit_sam_xl1 for production on a GPU of 24 GB: about 77 ms per image, 1.9 GB of memory."
    )


def test_reservations_are_in_the_answer():
    answer = recommend(ram_gb=4, task="real-time", at_hand=HAND).answer
    assert answer.startswith(
        "Use efficientvit_sam_l0, with reservations: no checkpoint meets all requirements of real-time on a CPU with 4"
    )


def test_nothing_fits():
    found = recommend(ram_gb=0.5, at_hand=HAND)
    assert found.answer.startswith("No checkpoint can do production on a CPU")
    assert (found.checkpoint, found.commands) == (None, ())


@pytest.mark.parametrize(
    ("asked", "commands"),
    [
        (
            {"vram_gb": 24},
            (
                "samara checkpoints get efficientvit_sam_xl1",
                "samara segment IMAGE --point X,Y --checkpoint efficientvit_sam_xl1",
            ),
        ),
        ({"vram_gb": 24, "offline": True}, ("samara segment IMAGE --point X,Y --checkpoint samara_mini",)),
        (
            {"vram_gb": 24, "task": "fine-tuning"},
            (
                "samara checkpoints get efficientvit_sam_xl1",
                "samara finetune --train COCO.json --images DIR --out FILE --checkpoint efficientvit_sam_xl1",
            ),
        ),
        (
            {"ram_gb": 8, "max_disk_gb": 0.05},
            (
                "samara checkpoints get edge_sam_3x --accept-licence",
                "samara segment IMAGE --point X,Y --checkpoint edge_sam_3x",
            ),
        ),
        (
            {"vram_gb": 24, "prompts": ["box"], "offline": True},
            ("samara segment IMAGE --box X0,Y0,X1,Y1 --checkpoint samara_mini",),
        ),
    ],
)
def test_commands_go_on_from_here(asked, commands):
    assert recommend(**asked, at_hand=HAND).commands == commands


def test_commands_exist():
    for task in ("production", "fine-tuning", "batch annotation"):
        for command in recommend(vram_gb=24, task=task, at_hand=HAND).commands:
            assert command.split()[1] in COMMANDS


def test_reasons_name_facts():
    found = recommend(vram_gb=24, at_hand={"sam2.1_b+", "sam2.1_l"}, offline=True)
    first, second = found.ranking[:2]
    assert found.reason(first) == ("beside sam2.1_l: 2.3 times faster but quality 0.98 against 1.00")
    assert found.reason(second) == "beside sam2.1_b+: quality 1.00 against 0.98 but 2.3 times slower"


def test_ties_are_told_with_what_decided():
    found = recommend(ram_gb=16, at_hand=HAND)
    first, second = found.ranking[:2]
    assert second.tied_with == first.name
    assert found.reason(second).startswith(f"ties with {first.name}, which ranks first because its file is smaller")


def test_a_single_candidate_needs_no_comparison():
    found = recommend(vram_gb=24, offline=True, at_hand={"sam_vit_b"})
    assert found.reason(found.ranking[0]) == "nothing else is feasible"


def test_json_has_every_number_with_its_basis():
    document = json.loads(json.dumps(recommend(vram_gb=24, at_hand=HAND).as_dict()))
    first = document["ranking"][0]
    assert first["checkpoint"] == document["checkpoint"] == "efficientvit_sam_xl1"
    assert first["seconds"]["certainty"] == "rule of thumb"
    assert first["quality"]["basis"] == (
        "COCO AP in EfficientViT-SAM README; LVIS AP in EfficientViT-SAM README, compared with other tables of SAM "
        "ViT-H"
    )
    assert sum(part["weight"] for part in first["criteria"].values()) == pytest.approx(1)
    reasons = {one["checkpoint"]: one["reasons"] for one in document["excluded"]}
    assert reasons["sam3"][0]["rule"] == "not run"
    assert document["machine"]["flops"]["certainty"] == "rule of thumb"
