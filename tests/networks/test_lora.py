"""Low-rank updates: nothing changes at first, only they learn, and merging leaves the published keys."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import nn

from samara.errors import SettingsError, WrongCheckpoint
from samara.networks.architectures import EfficientViTConfig
from samara.networks.build import build_network
from samara.networks.efficientvit import EfficientViT
from samara.networks.lora import (
    LoraConvolution,
    LoraLayer,
    LoraLinear,
    add_lora,
    load_lora,
    lora_state_dict,
    merge_lora,
)
from samara.networks.plain import is_plain
from samara.networks.variants import VARIANTS
from samara.networks.vit import ImageEncoderViT


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def small_vit():
    torch.manual_seed(0)
    return ImageEncoderViT(
        input_size=64, embed_dim=32, depth=2, num_heads=2, global_attention_blocks=(1,), window_size=2
    ).eval()


def small_mobile():
    torch.manual_seed(0)
    return build_network(VARIANTS["vit_t"], 64).image_encoder.eval()


def perturb(network, seed=1):
    """Give every update something to say."""
    random = generator(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))


def images():
    return torch.randn(1, 3, 64, 64, generator=generator(5))


def small_efficientvit():
    config = EfficientViTConfig(widths=(8, 8, 16, 16, 32), depths=(0, 0, 0, 0, 2), neck_depth=1)
    torch.manual_seed(0)
    return EfficientViT(**dataclasses.asdict(config)).eval()


@pytest.mark.parametrize(("build", "layers"), [(small_vit, 4), (small_mobile, 20), (small_efficientvit, 4)])
def test_adding_changes_no_output_learning_does_and_merging_keeps_it(build, layers):
    network = build()
    published = {key: value.shape for key, value in network.state_dict().items()}
    with torch.no_grad():
        before = network(images())
        names = add_lora(network, rank=2, alpha=4, generator=generator())
        assert torch.equal(network(images()), before)
        perturb(network)
        learnt = network(images())
        assert (learnt - before).abs().max() > 1e-3
        assert merge_lora(network) == names
        torch.testing.assert_close(network(images()), learnt, atol=1e-5, rtol=1e-5)
    assert len(names) == layers
    assert is_plain(network)
    assert {key: value.shape for key, value in network.state_dict().items()} == published


def test_the_whole_network_keeps_the_published_keys():
    network = build_network(VARIANTS["vit_t"], 64)
    published = list(network.state_dict())
    names = add_lora(network, rank=1, alpha=1, generator=generator())
    assert all(name.startswith("image_encoder.") and name.endswith(("attn.qkv", "attn.proj")) for name in names)
    assert set(published) < set(network.state_dict())
    assert set(network.state_dict()) - set(published) == set(lora_state_dict(network))
    merge_lora(network)
    assert list(network.state_dict()) == published


def test_only_the_updates_learn():
    network = small_vit()
    add_lora(network, rank=2, alpha=2, generator=generator())
    perturb(network)
    network(images()).square().mean().backward()
    learnt = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert learnt == set(lora_state_dict(network))
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters() if parameter.requires_grad)


def test_what_else_shall_learn_can_be_thawed():
    network = build_network(VARIANTS["vit_t"], 64)
    add_lora(network, rank=1, generator=generator())
    network.mask_decoder.requires_grad_(True)
    learning = {name.split(".")[0] for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert learning == {"image_encoder", "mask_decoder"}


def test_the_update_is_the_formula():
    linear = nn.Linear(3, 5)
    layer = LoraLinear(linear, rank=2, alpha=6, generator=generator())
    perturb(layer)
    x = torch.randn(4, 7, 3, generator=generator(2))
    expected = x @ (linear.weight + 3 * layer.lora_b @ layer.lora_a).T + linear.bias
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer.merged()(x), expected)


@pytest.mark.parametrize("bias", [True, False])
def test_the_update_of_a_convolution_is_that_of_each_pixel(bias):
    convolution = nn.Conv2d(3, 5, 1, bias=bias)
    layer = LoraConvolution(convolution, rank=2, alpha=6, generator=generator())
    perturb(layer)
    x = torch.randn(4, 3, 6, 7, generator=generator(2))
    linear = LoraLinear(nn.Linear(3, 5, bias=bias), rank=2, alpha=6, generator=generator())
    linear.load_state_dict({name: value.view(value.shape[:2]) for name, value in layer.state_dict().items()})
    expected = linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer.merged()(x), expected)
    assert type(layer.merged()) is nn.Conv2d


def test_efficientvits_attention_is_adapted_and_its_batch_norms_stay():
    network = small_efficientvit()
    names = add_lora(network, rank=2, generator=generator())
    assert {name.partition("op_list.")[2][2:] for name in names} == {
        "context_module.main.qkv.conv",
        "context_module.main.proj.conv",
    }
    counted = [one.clone() for name, one in network.named_buffers() if name.endswith("num_batches_tracked")]
    network(images()).square().mean().backward()
    assert all(one.equal(before) for one, before in zip(
        (one for name, one in network.named_buffers() if name.endswith("num_batches_tracked")), counted, strict=True
    ))  # fmt: skip


def test_a_layer_without_bias():
    layer = LoraLinear(nn.Linear(3, 5, bias=False), rank=1, alpha=1, generator=generator())
    assert set(layer.state_dict()) == {"weight", "lora_a", "lora_b"}
    merged = layer.merged()
    assert merged.bias is None
    assert set(merged.state_dict()) == {"weight"}


def test_merging_leaves_a_shared_weight_alone():
    linear = nn.Linear(3, 5)
    layer = LoraLinear(linear, rank=1, alpha=1, generator=generator())
    perturb(layer)
    before = linear.weight.clone()
    layer.merged()
    assert torch.equal(linear.weight, before)


@pytest.mark.parametrize(
    ("weights", "updates"),
    [(torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)],
)
def test_updates_are_at_least_float32(weights, updates):
    layer = LoraLinear(nn.Linear(3, 5, dtype=weights), rank=2, alpha=2, generator=generator())
    assert {layer.lora_a.dtype, layer.lora_b.dtype} == {updates}
    assert layer(torch.zeros(2, 3, dtype=weights)).dtype == weights
    assert layer.merged().weight.dtype == weights


def test_autocast():
    layer = LoraLinear(nn.Linear(3, 5), rank=2, alpha=2, generator=generator())
    perturb(layer)
    x = torch.randn(4, 3, generator=generator(2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        narrow = layer(x)
    assert narrow.dtype == torch.bfloat16
    torch.testing.assert_close(narrow.float(), layer(x), atol=0.05, rtol=0.05)


def test_the_generator_alone_decides():
    networks = [small_vit() for _ in range(3)]
    torch.manual_seed(11)
    state = torch.get_rng_state()
    for network, seed in zip(networks, (1, 1, 2), strict=True):
        add_lora(network, rank=2, alpha=2, generator=generator(seed))
    one, same, other = (lora_state_dict(network) for network in networks)
    merge_lora(networks[2])
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not any(torch.equal(one[key], other[key]) for key in one if key.endswith("lora_a"))


def test_a_has_unit_gain_and_b_is_zero():
    layer = LoraLinear(nn.Linear(400, 5), rank=64, alpha=1, generator=generator())
    assert layer.lora_a.std().item() == pytest.approx(1 / 20, rel=0.02)
    assert not layer.lora_b.any()


def test_modes_are_kept():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)).eval()
    add_lora(network, rank=1, alpha=1, targets=["1"], generator=generator())
    assert not network[1].training
    network.train()
    merge_lora(network)
    assert network[1].training


def test_saving_and_loading():
    source, target = small_vit(), small_vit()
    add_lora(source, rank=2, alpha=2, generator=generator(1))
    add_lora(target, rank=2, alpha=2, generator=generator(2))
    perturb(source)
    state = lora_state_dict(source)
    load_lora(target, {key: value.to(torch.float64) for key, value in state.items()})
    with torch.no_grad():
        assert torch.equal(target(images()), source(images()))
    perturb(source, seed=9)
    assert all(torch.equal(value, state[key]) for key, value in lora_state_dict(target).items())


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing():
    network = small_vit()
    add_lora(network, rank=2, alpha=2, generator=generator())
    state = lora_state_dict(network)
    key = "blocks.0.attn.proj.lora_a"
    ones = {name: torch.ones_like(value) for name, value in state.items()}
    for bad, words in (
        ({name: value for name, value in ones.items() if name != key}, f"lacks '{key}'"),
        (ones | {"blocks.9.attn.proj.lora_a": ones[key]}, "has unknown 'blocks.9"),
        (ones | {key: torch.ones(3, 32)}, r"is \(3, 32\) in the low-rank state and \(2, 32\)"),
    ):
        with pytest.raises(WrongCheckpoint, match=words):
            load_lora(network, bad)
    assert all(torch.equal(value, state[name]) for name, value in lora_state_dict(network).items())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rank": 0}, "rank is 0"),
        ({"alpha": 0.0}, "alpha is 0"),
        ({"alpha": math.nan}, "alpha is nan"),
        ({"targets": ["kqv"]}, "no linear layer matches 'kqv'; .* lin1, lin2, proj, qkv"),
        ({"targets": ["qkv", "roj"]}, "no linear layer matches 'roj'"),
        ({"targets": ["neck.1"]}, "no linear layer matches 'neck.1'"),
        ({"targets": ["neck.2"]}, "no linear layer matches 'neck.2'"),  # a convolution of 3×3 pixels
        ({"targets": []}, "no linear layer matches an empty list"),
    ],
)
def test_settings_that_make_no_sense_are_refused_and_change_nothing(settings, words):
    network = small_vit()
    with pytest.raises(SettingsError, match=words):
        add_lora(network, **{"rank": 1, "alpha": 1.0, "generator": generator()} | settings)
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert not any(isinstance(module, LoraLayer) for module in network.modules())


def test_twice_is_refused():
    network = small_vit()
    add_lora(network, rank=1, alpha=1, generator=generator())
    with pytest.raises(SettingsError, match="already"):
        add_lora(network, rank=1, alpha=1, targets=["lin1"], generator=generator())


@pytest.mark.parametrize("call", [lora_state_dict, merge_lora, lambda network: load_lora(network, {})])
def test_a_network_without_updates_is_refused(call):
    with pytest.raises(SettingsError, match="call add_lora first"):
        call(small_vit())
