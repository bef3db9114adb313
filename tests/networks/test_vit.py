"""ViT: any input size, attention in slices, gradients."""

from __future__ import annotations

import itertools

import pytest
import torch

from samara.networks import vit
from samara.networks.early_features import split_early
from samara.networks.layers import in_windows, join_windows, split_windows
from samara.networks.vit import Block, ImageEncoderViT, attend_with_bias, relative_positions


@pytest.fixture
def tiny():
    torch.manual_seed(0)
    network = ImageEncoderViT(
        input_size=128, embed_dim=32, depth=2, num_heads=2, global_attention_blocks=(1,), window_size=3
    )
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


@pytest.mark.parametrize(("height", "width"), [(128, 128), (16, 16), (64, 160), (48, 16)])
def test_any_multiple_of_16(tiny, height, width):
    embedding = tiny(torch.randn(2, 3, height, width))
    assert embedding.shape == (2, 256, height // 16, width // 16)
    assert embedding.isfinite().all()


@pytest.mark.parametrize(("height", "width"), [(100, 128), (128, 8), (0, 16)])
def test_other_sizes_are_refused(tiny, height, width):
    with pytest.raises(ValueError, match=f"{height} × {width}.*multiple of 16"):
        tiny(torch.zeros(1, 3, height, width))


def test_images_of_a_batch_do_not_influence_each_other(tiny):
    images = torch.randn(3, 3, 64, 64)
    together = tiny(images)
    torch.testing.assert_close(together, torch.cat([tiny(image[None]) for image in images]), atol=1e-5, rtol=1e-4)


def test_gradients_reach_every_parameter(tiny):
    tiny(torch.randn(1, 3, 64, 64)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in tiny.parameters())


def attention_with_bias():
    """Random queries, keys, values and biases of a 2 × 3 grid, and what the plain formula gives."""
    torch.manual_seed(1)
    q, k, v = torch.randn(3, 4, 6, 8)
    bias_h, bias_w = torch.randn(4, 6, 2), torch.randn(4, 6, 3)
    bias = (bias_h[..., :, None] + bias_w[..., None, :]).flatten(-2)
    return (q, k, v, bias_h, bias_w), (q @ k.transpose(1, 2) / 8**0.5 + bias).softmax(-1) @ v


@pytest.mark.parametrize("limit", [1, 50, 1 << 30])
def test_slices_of_attention_add_up_to_the_plain_formula(monkeypatch, limit):
    monkeypatch.setattr(vit, "SCORES_AT_A_TIME", limit)
    inputs, expected = attention_with_bias()
    torch.testing.assert_close(attend_with_bias(*inputs), expected, atol=1e-5, rtol=1e-5)


def test_relative_positions_are_looked_up_by_distance():
    table = torch.arange(5.0)[:, None]  # distances −2 .. 2
    assert relative_positions(table, 3)[..., 0].tolist() == [[2, 1, 0], [3, 2, 1], [4, 3, 2]]


def test_relative_positions_of_another_size_are_interpolated():
    table = torch.linspace(-1, 1, 9)[:, None]
    positions = relative_positions(table, 3)[..., 0]
    assert positions.shape == (3, 3)
    torch.testing.assert_close(positions, -positions.T)


@pytest.mark.parametrize(("height", "width"), [(6, 9), (7, 8), (1, 1), (3, 10)])
def test_windows_come_back_as_they_were(height, width):
    x = torch.randn(2, height, width, 5)
    windows = split_windows(x, 3)
    assert windows.shape[1:] == (3, 3, 5)
    torch.testing.assert_close(join_windows(windows, (height, width)), x)


@pytest.mark.parametrize("block", [0, 1])
def test_early_features_are_the_output_of_a_block(block):
    torch.manual_seed(0)
    network = ImageEncoderViT(
        input_size=64, embed_dim=32, depth=2, num_heads=2, global_attention_blocks=(1,), early_block=block
    )
    seen = []
    network.blocks[block].register_forward_hook(lambda module, inputs, output: seen.append(output))
    images = torch.randn(2, 3, 64, 48)
    embedding, early = split_early(network(images), 32)
    assert early.equal(seen[0].permute(0, 3, 1, 2))
    network.early_block = None
    assert embedding.equal(network(images))


def adapted_by_formula(state, n):
    """SAM-Med2D's adapter of (b, h, w, d) in float64, written with sums over places: no convolution of PyTorch."""
    gate = n.mean((1, 2)) @ state["Adapter.channel.0.weight"].T
    gate = torch.sigmoid(gate.clamp(min=0) @ state["Adapter.channel.2.weight"].T)
    x = n * gate[:, None, None]
    (b, h, w, d), (half_h, half_w) = x.shape, (-(-x.shape[1] // 2), -(-x.shape[2] // 2))
    small = torch.zeros(b, half_h, half_w, d, dtype=torch.float64)
    for y, z, i, j, row, column in places(half_h, half_w, 3, h, w):
        small[:, y, z] += x[:, row, column] @ state["Adapter.spatial.0.weight"][:, :, i, j].T  # (out, in, 3, 3)
    large = torch.zeros(b, 2 * half_h, 2 * half_w, d, dtype=torch.float64)
    for y, z, i, j, row, column in places(half_h, half_w, 4, 2 * half_h, 2 * half_w):
        large[:, row, column] += small[:, y, z].clamp(min=0) @ state["Adapter.spatial.2.weight"][:, :, i, j]
    total = n + large.clamp(min=0)[:, :h, :w]
    deviation = (total.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
    normal = (total - total.mean(-1, keepdim=True)) / deviation
    return normal * state["Adapter.norm.weight"] + state["Adapter.norm.bias"]


def places(height, width, size, rows, columns):
    """Cells of the half grid, places in a kernel of stride 2 and padding 1, and where these lie in the full grid."""
    for y, z, i, j in itertools.product(range(height), range(width), range(size), range(size)):
        row, column = 2 * y + i - 1, 2 * z + j - 1
        if 0 <= row < rows and 0 <= column < columns:
            yield y, z, i, j, row, column


def test_an_adapter_is_added_to_the_feed_forward_part():
    """A block with and without its adapter differ by the adapter of what the feed-forward part sees."""
    torch.manual_seed(4)
    block = Block(width=12, num_heads=2, mlp_ratio=4.0, grid=5, window_size=0, adapter_width=3).double().eval()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x = torch.randn(2, 4, 5, 12, dtype=torch.float64)  # an odd side, too
    with torch.inference_mode():
        with_adapter = block(x)
        state = block.state_dict()
        attended = x + block.attn(block.norm1(x))
        n = block.norm2(attended)
        expected = attended + block.mlp(n) + adapted_by_formula(state, n)
    torch.testing.assert_close(with_adapter, expected)
    assert (adapted_by_formula(state, n).abs() > 0.1).any()


def test_adapters_are_in_every_block():
    network = ImageEncoderViT(
        input_size=64, embed_dim=16, depth=3, num_heads=2, global_attention_blocks=(1,), adapter_width=4
    )
    names = [name for name in network.state_dict() if ".Adapter.channel.0.weight" in name]
    assert names == [f"blocks.{block}.Adapter.channel.0.weight" for block in range(3)]
    network(torch.randn(1, 3, 64, 64)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_windows_are_split_in_the_type_of_an_autocast(tiny, dtype):
    seen = []
    attention = tiny.blocks[0].attn
    attention.register_forward_pre_hook(lambda module, given: seen.append(given[0].dtype))
    x = torch.randn(1, 8, 8, 32)
    with torch.inference_mode(), torch.autocast("cpu", dtype):
        normed = tiny.blocks[0].norm1(x)
        late = join_windows(attention(split_windows(normed, 3)), (8, 8))
        early = in_windows(attention, normed, 3)
    assert seen == [torch.float32, dtype]
    assert early.equal(late)
    with torch.inference_mode():
        in_windows(attention, x, 3)
    assert seen[-1] == torch.float32
