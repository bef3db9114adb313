"""TinyViT: any input size, and no bias that is frozen by `eval()`."""

from __future__ import annotations

import pytest
import torch

from samara.networks.build import build_network
from samara.networks.early_features import split_early
from samara.networks.tiny_vit import WindowAttention, _offset_index
from samara.networks.variants import VARIANTS


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return build_network(VARIANTS["vit_t"]).image_encoder.eval()


@pytest.mark.parametrize(("height", "width"), [(64, 64), (16, 16), (80, 208)])
def test_any_multiple_of_16(encoder, height, width):
    embedding = encoder(torch.randn(2, 3, height, width))
    assert embedding.shape == (2, 256, height // 16, width // 16)
    assert embedding.isfinite().all()


def test_other_sizes_are_refused(encoder):
    with pytest.raises(ValueError, match="multiple of 16"):
        encoder(torch.zeros(1, 3, 100, 100))


def test_differs_from_mobile_sam_weights_loaded_after_eval_are_used():
    attention = WindowAttention(8, num_heads=2, window_size=3).eval()
    x = torch.randn(1, 9, 8)
    before = attention(x)
    state = attention.state_dict() | {"attention_biases": torch.randn(2, 9) * 3}
    attention.load_state_dict(state)
    assert (attention(x) - before).abs().max() > 1e-3


def test_offsets_count_in_the_order_of_the_published_files():
    # The reference numbers offsets as it meets them, walking row by row from the first token.
    side, met = 4, {}
    tokens = [(y, x) for y in range(side) for x in range(side)]
    expected = [[met.setdefault((abs(a[0] - b[0]), abs(a[1] - b[1])), len(met)) for b in tokens] for a in tokens]
    assert _offset_index(side, torch.device("cpu")).tolist() == expected


def test_gradients_reach_every_parameter_but_the_unused_classifier():
    encoder = build_network(VARIANTS["vit_t"]).image_encoder.train()
    encoder(torch.randn(2, 3, 64, 64)).square().sum().backward()
    without = {name for name, p in encoder.named_parameters() if p.grad is None}
    assert without == {"norm_head.weight", "norm_head.bias", "head.weight", "head.bias"}


def test_early_features_are_the_output_of_a_stage():
    torch.manual_seed(0)
    variant = VARIANTS["hq_vit_t"]
    encoder = build_network(variant).image_encoder.eval()
    seen = []
    encoder.layers[1].register_forward_hook(lambda module, inputs, output: seen.append(output))
    images = torch.randn(2, 3, 80, 48)
    embedding, early = split_early(encoder(images), variant.early_channels)
    assert early.equal(seen[0])
    assert early.shape == (2, 160, 5, 3)
    encoder.early_stage = None
    assert embedding.equal(encoder(images))


@pytest.fixture(scope="module")
def lite():
    torch.manual_seed(0)
    return build_network(VARIANTS["lite_medsam"]).image_encoder.eval()


@pytest.mark.parametrize(("height", "width"), [(32, 32), (4, 4), (20, 52)])
def test_a_stem_of_stride_1_keeps_four_times_the_grid(lite, height, width):
    embedding = lite(torch.randn(2, 3, height, width))
    assert embedding.shape == (2, 256, height // 4, width // 4)
    with pytest.raises(ValueError, match="multiple of 4"):
        lite(torch.zeros(1, 3, 18, 16))


def test_a_stem_of_stride_1_mixes_colours_and_no_pixels(lite):
    images = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    stem = lite.patch_embed.double()
    x = images
    for layer in (stem.seq[0], stem.seq[2]):
        norm = layer.bn
        scale = norm.weight / (norm.running_var + 1e-5).sqrt()
        x = torch.einsum("bchw,dc->bdhw", x, layer.c.weight[:, :, 0, 0])
        x = (x - norm.running_mean.view(1, -1, 1, 1)) * scale.view(1, -1, 1, 1) + norm.bias.view(1, -1, 1, 1)
        x = torch.nn.functional.gelu(x) if layer is stem.seq[0] else x
    torch.testing.assert_close(stem(images), x)
    lite.float()


def test_lite_medsam_has_no_classifier(lite):
    assert not [name for name in lite.state_dict() if "head" in name]
