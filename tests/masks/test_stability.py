import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from samara.errors import SettingsError
from samara.masks import stability
from samara.masks.stability import stability_score


def by_looking(logits: list[list[list[float]]], threshold: float, offset: float) -> list[float]:
    scores = []
    for mask in logits:
        values = [value for row in mask for value in row]
        high = sum(value > threshold + offset for value in values)
        low = sum(value > threshold - offset for value in values)
        scores.append(high / low if low else 0.0)
    return scores


@pytest.mark.parametrize(
    ("logits", "threshold", "offset", "score"),
    [
        ([[-5.0, -5.0]], 0.0, 1.0, 0.0),
        ([[5.0, 5.0]], 0.0, 1.0, 1.0),
        ([[5.0, 0.5, -0.5, -5.0]], 0.0, 1.0, 1 / 3),
        ([[1.0, -1.0]], 0.0, 1.0, 0.0),  # exactly at a threshold is not above it
        ([[5.0, 0.5]], 0.0, 0.0, 1.0),
        ([[5.0, 2.5, 1.5]], 2.0, 1.0, 1 / 3),
        ([[float("nan"), 5.0]], 0.0, 1.0, 1.0),
    ],
)
def test_stability_score(logits, threshold, offset, score):
    found = stability_score(torch.tensor([logits]), threshold, offset)
    assert found.dtype == torch.float32
    assert found.tolist() == pytest.approx([score])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
@given(st.tuples(*[st.integers(0, 6)] * 3), st.randoms(use_true_random=False))
def test_any_logits_in_chunks_of_any_size(chunk, dtype, shape, random):
    logits = torch.tensor([random.randint(-12, 12) / 4 for _ in range(shape[0] * shape[1] * shape[2])], dtype=dtype)
    logits = logits.reshape(shape)
    expected = by_looking(logits.tolist(), 0.25, 1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stability, "_CHUNK_CPU", chunk)
        patch.setattr(stability, "_CHUNK_ELSEWHERE", chunk)
        assert stability_score(logits, 0.25, 1.0).tolist() == pytest.approx(expected)
        patch.setattr(stability, "_count_above_one_by_one", stability._count_above_in_groups)
        assert stability_score(logits, 0.25, 1.0).tolist() == pytest.approx(expected)


@pytest.mark.gpu
def test_on_an_accelerator():
    logits = torch.randn(5, 300, 400)
    torch.testing.assert_close(stability_score(logits.cuda(), 0.0, 1.0).cpu(), stability_score(logits, 0.0, 1.0))


def test_differs_from_meta_rows_beyond_16_bits_do_not_overflow():
    logits = torch.full((1, 2, 70_000), 0.5)
    logits[:, :, :35_000] = 5
    assert stability_score(logits, 0.0, 1.0).tolist() == [0.5]


def test_wrong_input_is_refused():
    with pytest.raises(SettingsError, match=r"\(M, H, W\), not \(2, 2\)"):
        stability_score(torch.zeros(2, 2), 0.0, 1.0)
    for offset in (-0.5, float("nan")):
        with pytest.raises(SettingsError, match="0 or more"):
            stability_score(torch.zeros(1, 2, 2), 0.0, offset)
