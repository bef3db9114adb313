"""Options of annotation writers for all formats.

Importing this loads nothing heavy, so that the command line can take its defaults from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from samara.errors import SettingsError

if TYPE_CHECKING:
    from samara.datasets.split import Split

USUAL_FORMAT = "coco"
"""The default format."""

Images: TypeAlias = Literal["none", "link", "copy"]
"""What to do with the images: nothing, a symbolic link, or a copy."""

# Characters that may precede a file name in an address; after any other the two would run together.
_PREFIX_ENDS = ("/", "=", "%2F", "%2f")


@dataclass(frozen=True, kw_only=True)
class WriterOptions:
    """Options of annotation writers for all formats.

    Attributes:
        overwrite: replace an existing file, or an existing folder that samara wrote. Without it both are refused.
        info: provenance of the masks (checkpoint, licence, settings), for formats that can store it; JSON values.
        categories: all names in the order of their numbers; others follow in order of appearance. Needed for equal
            numbers in several calls.
        images: what to do with the images in formats whose folder can contain them (yolo, voc).
        split: split into training and validation images in formats that have one (yolo, voc); None for no split.
        image_url_prefix: for Label Studio: prefix of the file name in a task's image address.

    Raises:
        SettingsError: `images` is invalid, a category is listed twice, or the prefix would run together with the file
            name.
        DatasetError: a category has no name.
    """

    overwrite: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    images: Images = "none"
    split: Split | None = None
    image_url_prefix: str = ""

    def __post_init__(self) -> None:
        from samara.datasets.annotated import require_category

        if self.images not in get_args(Images):
            raise SettingsError(f"images={self.images!r} is not accepted; use one of {get_args(Images)}.")
        for name in self.categories:
            require_category(name, "The list of categories")
        if len(set(self.categories)) < len(self.categories):
            raise SettingsError(f"The list of categories {self.categories!r:.200} has a name twice; list each once.")
        if self.image_url_prefix and not self.image_url_prefix.endswith(_PREFIX_ENDS):
            raise SettingsError(
                f"the prefix {self.image_url_prefix!r:.200} would result in addresses such as "
                f"{self.image_url_prefix + 'a.jpg'!r:.200}; end it with / or ="
            )
