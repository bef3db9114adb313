"""Recorded work: from the second time, into memory of its own, and as it is where recording is not possible."""

from __future__ import annotations

import pytest
import torch

from samara.engines import recording
from samara.engines.recording import Recordings, recorder_for
from tests.engines.recorded import FakeRecorder


def double(x, more=0):
    return (x * 2 + more,)


@pytest.fixture
def recorder():
    return FakeRecorder()


@pytest.fixture
def recordings(recorder):
    return Recordings(recorder)


def answer(recordings, x, more=0, key="double"):
    with recordings.result(key, double, x, more) as (result,):
        return result.clone()


def test_the_second_time_is_recorded_and_all_are_right(recordings, recorder):
    for value in range(5):
        assert answer(recordings, torch.full((3,), float(value))).tolist() == [2.0 * value] * 3
        assert recorder.recorded == (value > 0)
    assert recorder.replays == 4


def test_a_recording_fits_shapes_types_values_and_key(recordings, recorder):
    cases = [
        (torch.ones(3), 0, "double"),
        (torch.ones(4), 0, "double"),
        (torch.ones(3, dtype=torch.float64), 0, "double"),
        (torch.ones(3), 5, "double"),
        (torch.ones(3), 0, "again"),
    ]
    for _ in range(3):
        for x, more, key in cases:
            found = answer(recordings, x, more, key)
            assert found.dtype == x.dtype
            assert found.tolist() == [2.0 + more] * len(x)
    assert recorder.recorded == len(cases)


def test_an_input_that_was_copied_is_not_copied_again(recordings, monkeypatch):
    x, y = torch.ones(3), torch.full((3,), 4.0)
    copies = []
    plain = torch.Tensor.copy_
    for _ in range(2):
        answer(recordings, x)
    monkeypatch.setattr(torch.Tensor, "copy_", lambda self, other, **more: (copies.append(more), plain(self, other))[1])
    answer(recordings, x)
    assert copies == [{}]  # the fake's own, of the result
    copies.clear()
    assert answer(recordings, y).tolist() == [8.0] * 3
    assert copies == [{"non_blocking": True}, {}]


def test_the_least_recently_used_goes_first(recordings, recorder, monkeypatch):
    monkeypatch.setattr(recording, "MOST_RECORDINGS", 2)
    for key in "aab":
        answer(recordings, torch.ones(1), key=key)
    for key in "bacc":
        answer(recordings, torch.ones(1), key=key)
    assert recorder.recorded == 3
    answer(recordings, torch.ones(1), key="a")  # used after b, so still there
    assert recorder.recorded == 3
    answer(recordings, torch.ones(1), key="b")
    assert recorder.recorded == 4


def test_without_a_recorder_work_runs_as_it_is():
    plain = Recordings(None)
    for _ in range(3):
        assert answer(plain, torch.ones(2)).tolist() == [2.0, 2.0]
    assert recorder_for(torch.device("cpu")) is None


def test_without_memory_for_a_recording_work_runs_as_it_is():
    class Full:
        tried = 0

        def record(self, work):
            self.tried += 1
            raise torch.OutOfMemoryError

    full = Full()
    recordings = Recordings(full)
    for _ in range(4):
        assert answer(recordings, torch.ones(2)).tolist() == [2.0, 2.0]
    assert full.tried == 1


def test_an_error_of_the_caller_leaves_the_lock(recordings):
    with pytest.raises(KeyError), recordings.result("double", double, torch.ones(1)):
        raise KeyError
    assert answer(recordings, torch.ones(1)).tolist() == [2.0]


@pytest.mark.gpu
def test_a_cuda_graph_gives_what_the_work_gives():
    recordings = Recordings(recorder_for(torch.device("cuda")))
    layer = torch.nn.Linear(16, 16).cuda()
    with torch.inference_mode():
        for seed in range(5):
            x = torch.randn(4, 16, generator=torch.Generator().manual_seed(seed)).cuda()
            with recordings.result("layer", layer, x) as result:
                torch.testing.assert_close(result, layer(x))
            with torch.no_grad():
                layer.weight.mul_(0.5)  # a replay reads weights where they are
