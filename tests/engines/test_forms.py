"""Forms of parts: kept while a part is unchanged, made anew when it changes, and not for adapted ones."""

from __future__ import annotations

import pytest
import torch

from samara.engines import forms
from samara.engines.forms import CurrentForm
from samara.networks.lora import add_lora
from tests.engines.conftest import small

CPU = torch.device("cpu")


@pytest.fixture
def encoder():
    return small("vit_b", 64).network.image_encoder


@pytest.fixture
def on_device(monkeypatch):
    """Let the processor be a device with forms."""
    monkeypatch.setattr(forms, "DEVICES_WITH_FORMS", {"cpu"})


def dtype_of_layers(part):
    return part.blocks[0].mlp.lin1.weight.dtype


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [
        ("float32", torch.float32),
        ("tf32", torch.float32),
        ("bfloat16", torch.bfloat16),
        ("float16", torch.float16),
        ("int8", torch.bfloat16),
    ],
)
def test_layers_have_the_type_of_the_precision(on_device, encoder, precision, dtype):
    form = CurrentForm(CPU, precision)
    assert dtype_of_layers(form.of(encoder)) == dtype
    assert form.of(encoder) is form.of(encoder)
    assert dtype_of_layers(encoder) == torch.float32


def test_a_network_in_another_type_keeps_it(on_device, encoder):
    assert dtype_of_layers(CurrentForm(CPU, "float16").of(encoder.to(torch.bfloat16))) == torch.bfloat16


@torch.no_grad()
def _trained(encoder):
    encoder.neck[0].weight.mul_(1.5)


def _loaded(encoder):
    encoder.load_state_dict({name: value + 1 for name, value in encoder.state_dict().items()})


def _replaced(encoder):
    encoder.neck[0].weight = torch.nn.Parameter(torch.ones_like(encoder.neck[0].weight))


@pytest.mark.parametrize("change", [_trained, _loaded, _replaced])
def test_a_change_makes_it_anew(on_device, encoder, change):
    form = CurrentForm(CPU, "bfloat16")
    before = form.of(encoder)
    change(encoder)
    after = form.of(encoder)
    assert after is not before
    assert after.neck[0].weight.equal(encoder.neck[0].weight.bfloat16())


def test_adapted_parts_and_parts_in_training_run_as_they_are(on_device, encoder):
    form = CurrentForm(CPU, "bfloat16")
    assert form.of(encoder) is not encoder
    encoder.train()
    assert form.of(encoder) is encoder
    encoder.eval()
    hook = encoder.neck.register_forward_hook(lambda *args: None)
    assert form.of(encoder) is encoder
    hook.remove()
    assert form.of(encoder) is not encoder
    add_lora(encoder, rank=2, generator=torch.Generator())
    assert form.of(encoder) is encoder


def test_weights_that_count_no_changes_are_cast_in_every_call(on_device):
    with torch.inference_mode():
        encoder = small("vit_b", 64).network.image_encoder
    form = CurrentForm(CPU, "bfloat16")
    assert form.of(encoder) is not form.of(encoder)


def test_on_a_processor_nothing_is_cast(encoder):
    assert CurrentForm(CPU, "bfloat16").of(encoder) is encoder
