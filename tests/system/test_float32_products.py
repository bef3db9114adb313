"""TF32: a switch of the process, held by those who agree, and put back."""

from __future__ import annotations

import threading

import pytest
import torch

from samara.system.float32_products import Switch, tf32_allowed


@pytest.fixture(autouse=True)
def settings_restored():
    matrices, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matrices.allow_tf32, convolutions.allow_tf32
    yield
    matrices.allow_tf32, convolutions.allow_tf32 = before


@pytest.mark.parametrize("before", [(False, True), (True, True), (False, False)])
@pytest.mark.parametrize("tf32", [False, True])
def test_it_is_put_back(before, tf32):
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
    assert tf32_allowed() == before
    with Switch().at(tf32):
        assert tf32_allowed() == (tf32, tf32)
    assert tf32_allowed() == before
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before


def test_after_an_error_too():
    before = tf32_allowed()
    with pytest.raises(KeyError), Switch().at(not before[0]):
        raise KeyError
    assert tf32_allowed() == before


@pytest.mark.skipif(not hasattr(torch.backends.cudnn, "conv"), reason="before PyTorch 2.9 there are no newer names")
def test_the_newer_names_of_a_caller_are_read():
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    with Switch().at(False):
        assert tf32_allowed() == (False, False)
    assert tf32_allowed()[0]


def test_a_block_inside_another_leaves_it():
    switch = Switch()
    with switch.at(True):
        with switch.at(False):
            assert tf32_allowed() == (True, True)
        assert tf32_allowed() == (True, True)


def test_threads_share_it_if_they_agree_and_wait_if_not():
    switch = Switch()
    order, entered = [], threading.Event()

    def work(name, tf32):
        with switch.at(tf32):
            order.append((name, tf32_allowed()))
            entered.set()

    with switch.at(True):
        alike = threading.Thread(target=work, args=("alike", True))
        alike.start()
        alike.join(10)
        assert not alike.is_alive()
        entered.clear()
        other = threading.Thread(target=work, args=("other", False))
        other.start()
        assert not entered.wait(0.2)
        order.append(("first ends", tf32_allowed()))
    other.join(10)
    assert order == [("alike", (True, True)), ("first ends", (True, True)), ("other", (False, False))]
