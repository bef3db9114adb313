"""What users write, checked: each error is one sentence that lists what is accepted."""

from __future__ import annotations

import pytest

from samara.errors import SettingsError
from samara.recommendation.request import request
from samara.recommendation.tasks import DOMAINS, PROMPTS, TASKS


@pytest.mark.parametrize("name", [*TASKS, "Interactive-Annotation", "REAL_TIME", "realtime", "interactive", " edge "])
def test_tasks_by_any_spelling(name):
    assert request(task=name).task in TASKS


def test_defaults():
    plain = request()
    assert (plain.task, plain.domain, plain.commercial, plain.offline) == ("production", "natural", False, False)
    assert plain.prompts == TASKS["production"].prompts
    assert request(task="batch annotation").asks_everything
    assert not plain.asks_everything


def test_prompts_are_those_asked_for_once_each():
    assert request(prompts=["boxes", "box", "Background-Point"]).prompts == ("box", "background point")


@pytest.mark.parametrize(
    ("wrong", "message", "known"),
    [
        ({"task": "prodution"}, "'prodution' is not a task (did you mean production?); use ", TASKS),
        ({"domain": "underwater"}, "'underwater' is not a domain; use ", DOMAINS),
        ({"prompts": ["text"]}, "'text' is not a kind of prompt; use ", PROMPTS),
        ({"prompts": []}, "no kind of prompt was given; use some of ", PROMPTS),
    ],
)
def test_unknown_names_give_one_sentence_with_what_is_accepted(wrong, message, known):
    with pytest.raises(SettingsError) as error:
        request(**wrong)
    assert str(error.value) == message + ", ".join(known)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_limits_must_be_positive_numbers(value):
    with pytest.raises(SettingsError, match="the latency limit is .* seconds; it must be a number above 0"):
        request(max_latency_s=value)
    with pytest.raises(SettingsError, match="the disk limit is .* GB; it must be a number above 0"):
        request(max_disk_gb=value)


def test_plain_values():
    assert request(max_disk_gb=2).as_dict()["max_disk_bytes"] == 2e9
