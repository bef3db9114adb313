"""How masks are drawn: what is accepted, and widths that fit the image."""

import pytest

from samara.errors import SettingsError
from samara.masks.drawing.style import OverlayStyle, line_thickness


@pytest.mark.parametrize(("size", "thickness"), [((10, 10), 1), ((1200, 1800), 2), ((3000, 4000), 6)])
def test_lines_grow_with_the_image(size, thickness):
    assert line_thickness(size) == thickness
    assert OverlayStyle().outline_px(size) == thickness
    assert OverlayStyle(outline=0).outline_px(size) == 0


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("opacity", 1.5, "`opacity` is 1.5; it must be between 0 and 1"),
        ("outline", -1, "`outline` is -1; it must be at least 0"),
        ("label_size", 0, "`label_size` is 0; it must be at least 1"),
        ("labels", "names", "`labels` is 'names'; use auto, none, id"),
    ],
)
def test_what_is_not_accepted(field, value, message):
    with pytest.raises(SettingsError, match=message):
        OverlayStyle(**{field: value})
