"""Positions of the cells of a map, against a loop over all cells."""

from __future__ import annotations

import math

import pytest
import torch

from samara.errors import SettingsError
from samara.sam2.modeling.position_encoding import PositionEmbeddingSine


@pytest.mark.parametrize("normalize", [True, False])
def test_sines_of_rows_then_of_columns(normalize):
    encode = PositionEmbeddingSine(8, temperature=100, normalize=normalize)
    found = encode(torch.zeros(2, 5, 3, 6))
    assert found.shape == (2, 8, 3, 6)
    for row in range(3):
        for column in range(6):
            wanted = []
            for place, length in ((row + 1, 3), (column + 1, 6)):
                scaled = place / (length + 1e-6) * 2 * math.pi if normalize else place
                for step in range(2):
                    wanted += [math.sin(scaled / 100 ** (step / 2)), math.cos(scaled / 100 ** (step / 2))]
            torch.testing.assert_close(found[1, :, row, column], torch.tensor(wanted), atol=1e-5, rtol=0)


@pytest.mark.parametrize("arguments", [{"num_pos_feats": 7}, {"num_pos_feats": 8, "normalize": False, "scale": 1.0}])
def test_settings_without_meaning(arguments):
    with pytest.raises(SettingsError):
        PositionEmbeddingSine(**arguments)
