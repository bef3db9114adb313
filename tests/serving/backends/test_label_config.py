"""Labelling configurations: where masks go."""

from __future__ import annotations

import pytest

from samara.errors import SettingsError
from samara.serving.backends.label_config import LabelConfig, read_label_config

IMAGE = '<Image name="image" value="$photo" zoom="true"/>'
BRUSH = '<BrushLabels name="tag" toName="image"><Label value="Cat"/><Label value="Dog" alias="dog"/></BrushLabels>'
POLYGON = '<PolygonLabels name="outline" toName="image"><Label value="Cat"/></PolygonLabels>'


def test_brushes_come_before_polygons():
    assert read_label_config(f"<View>{IMAGE}{POLYGON}{BRUSH}</View>") == LabelConfig(
        "brushlabels", "tag", "image", "photo", ("Cat", "dog")
    )
    assert read_label_config(f"<View><View>{POLYGON}</View>{IMAGE}</View>").kind == "polygonlabels"


def test_the_label_asked_for_counts_if_the_control_has_it():
    config = read_label_config(f"<View>{IMAGE}{BRUSH}</View>")
    assert [config.label(name) for name in ("dog", "Bird", None)] == ["dog", "Cat", "Cat"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<View>",
        "<View/>",
        f"<View>{IMAGE}</View>",
        f"<View>{BRUSH}</View>",
        f'<View><Image name="image"/>{BRUSH}</View>',
        f"<!DOCTYPE a [<!ENTITY x 'y'>]><View>{IMAGE}{BRUSH}</View>",
        "<View>" + " " * 1_000_001 + "</View>",
        "\ud800",
    ],
)
def test_others_are_refused(text):
    with pytest.raises(SettingsError, match="labelling configuration"):
        read_label_config(text)
