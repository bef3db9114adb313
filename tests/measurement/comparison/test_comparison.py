"""Who is compared, and which of their numbers counts."""

from __future__ import annotations

from samara.measurement.comparison.comparison import Comparison, printable
from tests.measurement.comparison.samples import CPU, GPU, comparison, number, subject


def test_one_contender_per_checkpoint_and_place():
    shown = comparison()
    assert [one.checkpoint for one in shown.contenders].count("sam_vit_b") == 2
    assert len(shown.contenders) == 4
    assert [place.title for place in shown.places] == ["Chip One, 2 cores, CPU", "NVIDIA X9"]
    assert shown.domains == ("natural", "medical")
    assert shown.batch_sizes == (1, 8)


def test_titles_tell_apart_what_has_one_name():
    one, other = subject("a"), subject("a", precision="bfloat16")
    titles = [
        each.title
        for each in Comparison(
            (number(one, "parameters", 1), number(other, "parameters", 1), number(subject("b"), "parameters", 1))
        ).contenders
    ]
    assert titles == ["a, float32", "a, bfloat16", "b"]
    assert comparison().contenders[0].title == "sam_vit_b, Chip One, 2 cores, CPU"


def test_what_the_machine_had_left_makes_no_other_machine():
    who = subject("a")
    changed = CPU | {"memory_bytes": 7_999_000_000, "system": "Linux 7"}
    shown = Comparison((number(who, "parameters", 1), number(who, "file_bytes", 1, changed)))
    assert len(shown.contenders) == len(shown.places) == 1
    assert len(Comparison((number(who, "parameters", 1), number(who, "parameters", 1, GPU))).contenders) == 2


def test_the_newest_value_counts_but_no_failure_hides_a_value():
    who = subject("a")
    early, late = "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"
    last = "2026-03-01T00:00:00+00:00"
    failed = number(who, "load_seconds", None, status="failed", note="no memory", n=0, when=last)
    shown = Comparison(
        (number(who, "load_seconds", 2.0, when=late), failed, number(who, "load_seconds", 1.0, when=early))
    )
    assert shown.contenders[0].value("load_seconds") == 2.0
    assert Comparison((failed,)).contenders[0].record("load_seconds").note == "no memory"
    assert shown.contenders[0].record("parameters") is None


def test_terminals_are_sent_no_control_characters():
    assert printable("a\x1b[31mb\nc") == "a\ufffd[31mb\ufffdc"
