"""What a user can choose about annotations, whatever the format.

Importing this loads nothing heavy, so that the command line takes its defaults from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from samara.errors import SettingsError

if TYPE_CHECKING:
    from samara.datasets.split import Split

USUAL_FORMAT = "coco"
"""What is written where nobody names a format."""

Images: TypeAlias = Literal["none", "link", "copy"]
"""What becomes of the images: nothing, a symbolic link, or a copy."""

# What may stand before the name of a file in an address: behind anything else the two would grow together.
_PREFIX_ENDS = ("/", "=", "%2F", "%2f")


@dataclass(frozen=True, kw_only=True)
class WriterOptions:
    """What a user can choose about annotations, whatever the format.

    Attributes:
        overwrite: replace an existing file, or an existing folder that samara wrote. Without it both are refused.
        info: what made the masks (checkpoint, licence, settings), for formats that have a place for it; JSON values.
        categories: all names in the order of their numbers; those not listed follow as they come. Several calls
            that shall agree about numbers need it.
        images: what becomes of the images in formats whose folder holds them too (yolo, voc).
        split: for formats that tell training from validation images (yolo, voc): how; None for one undivided set.
        image_url_prefix: for Label Studio: what stands before the file name in a task's address of the image.

    Raises:
        SettingsError: `images` is none of these, a category is listed twice, or the prefix would grow together with
            the file name.
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
            raise SettingsError(f"images={self.images!r} is not accepted; give one of {get_args(Images)}.")
        for name in self.categories:
            require_category(name, "The list of categories")
        if len(set(self.categories)) < len(self.categories):
            raise SettingsError(f"The list of categories {self.categories!r:.200} has a name twice; give each once.")
        if self.image_url_prefix and not self.image_url_prefix.endswith(_PREFIX_ENDS):
            raise SettingsError(
                f"the prefix {self.image_url_prefix!r:.200} would make addresses such as "
                f"{self.image_url_prefix + 'a.jpg'!r:.200}; end it with / or ="
            )
