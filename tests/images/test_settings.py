"""How the images of one piece of work are read, as a value that travels."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from samara.errors import SettingsError
from samara.images.settings import AS_THEY_ARE, ImageReading


@pytest.mark.parametrize(
    "reading", [AS_THEY_ARE, ImageReading((0, 4095)), ImageReading("auto", 3), ImageReading(frame=0)]
)
def test_facts_say_all_of_it(reading):
    facts = json.loads(json.dumps(reading.facts()))
    assert ImageReading.from_facts(facts | {"other": 1}) == reading
    assert bool(facts) == (reading != AS_THEY_ARE)


def test_pixels_and_sizes(tmp_path):
    frames = [Image.fromarray(np.full((2, 3 + at), 1000 * at, np.uint16)) for at in range(2)]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    reading = ImageReading((0, 2000), 1)
    assert reading.size_hw(tmp_path / "a.tif") == (2, 4)
    assert reading.pixels(tmp_path / "a.tif").tolist() == [[[128] * 3] * 4] * 2


@pytest.mark.parametrize("wrong", [{"value_range": (5, 1)}, {"value_range": "all"}, {"frame": -1}])
def test_what_is_not_accepted(wrong):
    with pytest.raises(SettingsError):
        ImageReading(**wrong)
