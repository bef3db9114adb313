"""Label Studio's labelling configuration: into which control masks go, and which images they are of.

Source: labelstud.io, "Customize the labeling interface" (tags Image, BrushLabels, PolygonLabels, Label).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from samara.errors import SettingsError

Kind = Literal["brushlabels", "polygonlabels"]

_KINDS: dict[str, Kind] = {"BrushLabels": "brushlabels", "PolygonLabels": "polygonlabels"}
_MAX_CHARACTERS = 1_000_000


@dataclass(frozen=True)
class LabelConfig:
    """Where masks go in a project.

    Attributes:
        kind: kind of the regions.
        from_name: name of the control of the labels.
        to_name: name of the image.
        key: key of the image's address in a task.
        labels: names of the labels.
    """

    kind: Kind
    from_name: str
    to_name: str
    key: str
    labels: tuple[str, ...]

    def label(self, asked: str | None) -> str | None:
        """Return a label for a region: the one asked for if the control has it, else its first."""
        return asked if asked in self.labels else next(iter(self.labels), None)


def read_label_config(text: str) -> LabelConfig:
    """Read a labelling configuration: its first `BrushLabels`, or else `PolygonLabels`, of an image.

    Raises:
        SettingsError: it is no XML, or has no such control.
    """
    if len(text) > _MAX_CHARACTERS or "<!" in text.replace("<!--", ""):
        raise SettingsError("the labelling configuration is too long or declares entities; send a plain one")
    try:
        view = ElementTree.fromstring(text)  # noqa: S314 - see above
    except (ElementTree.ParseError, ValueError) as error:
        raise SettingsError(
            f"the labelling configuration is no XML ({error!s:.80}); send that of the project"
        ) from error
    images = {one.get("name"): (one.get("value") or "").lstrip("$") for one in view.iter("Image")}
    found = next(_controls(view, images), None)
    if found is None:
        raise SettingsError(
            "the labelling configuration has no BrushLabels and no PolygonLabels of an Image, so masks have no place; "
            "add one"
        )
    return found


def _controls(view: ElementTree.Element, images: dict[str | None, str]) -> Iterator[LabelConfig]:
    for tag, kind in _KINDS.items():
        for control in view.iter(tag):
            to_name, from_name = control.get("toName"), control.get("name")
            if to_name in images and to_name is not None and from_name is not None and images[to_name]:
                labels = (one.get("alias") or one.get("value") for one in control.iter("Label"))
                yield LabelConfig(kind, from_name, to_name, images[to_name], tuple(filter(None, labels)))
