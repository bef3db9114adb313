"""What is open is said once per reason, and nothing that is missing is passed over."""

from __future__ import annotations

from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.missing import left_open
from tests.measurement.comparison.samples import comparison, number, subject


def test_a_reason_is_told_once_with_all_whom_it_concerns():
    why = "cpu has no memory that PyTorch counts"
    records = [
        number(subject(name), "encode_device_peak_bytes", None, batch_size=size, status="not applicable", note=why, n=0)
        for name in ("a", "b")
        for size in (1, 8)
    ]
    (one,) = left_open(Comparison(tuple(records)))
    assert (one.who, one.contenders, one.reason) == ("all", ("a", "b"), why)
    assert one.what == "encode, peak device memory, encode, peak device memory, batch of 8"


def test_what_only_others_have_is_missing():
    records = [
        number(subject("a"), "encode_seconds", 1.0, batch_size=8),
        number(subject("a"), "parameters", 1),
        number(subject("b"), "parameters", 1),
    ]
    one, gpu = left_open(Comparison(tuple(records)))
    assert (one.who, one.reason) == ("b", "not measured")
    assert one.numbers == ("encode an image, batch of 8",)
    assert (gpu.who, gpu.what) == ("all", "every number on a GPU")
    assert "compare on a machine with one" in gpu.reason


def test_machines_are_not_asked_for_what_another_has():
    reasons = {(one.who, one.reason) for one in left_open(comparison())}
    assert any("random weights have no quality" in reason for _, reason in reasons)
    assert ("sam_vit_b, Chip One, 2 cores, CPU", "not measured") not in reasons
    assert not any("no GPU was measured" in reason for _, reason in reasons)


def test_sizes_do_not_ask_for_a_gpu():
    assert left_open(Comparison((number(subject("a"), "parameters", 1),))) == []
