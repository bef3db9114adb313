"""Requests as JSON: what is accepted in them, checked before anything is done."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from samara.annotation.editing.objects import EditedObject
from samara.annotation.store.plan import Asked
from samara.errors import SettingsError
from samara.masks.rle import Rle
from samara.segmentation.file_settings import MasksPerPrompt

MAX_OBJECTS = 10_000
KEY_PATTERN = "^[0-9a-f]{64}$"

Number = Annotated[float, Field(allow_inf_nan=False, strict=True)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Point = tuple[Number, Number]
Box = tuple[Number, Number, Number, Number]
Label = Literal[0, 1]


class Body(BaseModel):
    """A request: unknown fields are refused, so that a misspelt one is not ignored."""

    model_config = ConfigDict(extra="forbid")


class Subject(Body):
    """An image and a checkpoint.

    Attributes:
        image: id of an image of the folder.
        embedding: result of `POST /embed`.
        image_data: an encoded image as Base64.
        checkpoint: name of a checkpoint of this server; None for its first.
    """

    image: StrictInt | None = None
    embedding: Annotated[str, Field(pattern=KEY_PATTERN)] | None = None
    image_data: str | None = None
    checkpoint: Name | None = None


class EmbedBody(Subject):
    """`POST /embed`.

    Attributes:
        prefetch: do it when nothing else is to be done.
    """

    prefetch: bool = False


class PredictBody(Subject):
    """`POST /predict`.

    Attributes:
        points: (x, y) in pixels of the upright image.
        labels: 1 foreground, 0 background, for each point; all foreground if they are missing.
        box: (x0, y0, x1, y1), right and bottom exclusive.
        previous: key of an earlier answer on the same image, which is refined.
        answers: see `samara.segment`.
    """

    points: list[Point] = Field(default_factory=list)
    labels: list[Label] | None = None
    box: Box | None = None
    previous: Name | None = None
    answers: MasksPerPrompt = "three"


class EverythingBody(Subject):
    """`POST /everything`.

    Attributes:
        points_per_side: points along each side of the grid; None for the checkpoint's own.
    """

    points_per_side: Annotated[int, Field(ge=1, le=128, strict=True)] | None = None


class MaskBody(Body):
    """A mask as compressed COCO run lengths."""

    size: tuple[StrictInt, StrictInt]
    counts: str

    def rle(self) -> Rle:
        """Return the mask.

        Raises:
            SettingsError: the run lengths are damaged.
        """
        return Rle.from_coco({"size": list(self.size), "counts": self.counts})


class ObjectBody(Body):
    """One object of an image; see `EditedObject`."""

    id: Annotated[str, Field(pattern="^[A-Za-z0-9._-]{1,64}$")]
    class_name: Annotated[Name | None, Field(alias="class")] = None
    mask: MaskBody
    predicted_iou: Number | None = None  # a regression, which can exceed 1
    stability: Number | None = None
    checkpoint: Name | None = None
    points: list[Point] = Field(default_factory=list)
    labels: list[Label] = Field(default_factory=list)
    box_prompt: Box | None = None

    def edited(self) -> EditedObject:
        """Return the object.

        Raises:
            SettingsError: its mask or its prompt is damaged.
        """
        if len(self.points) != len(self.labels):
            raise SettingsError(
                f"object {self.id!r} has {len(self.points)} points and {len(self.labels)} labels; give one label for "
                "each point"
            )
        return EditedObject(
            name=self.id,
            rle=self.mask.rle(),
            category=self.class_name,
            predicted_iou=self.predicted_iou,
            stability=self.stability,
            checkpoint=self.checkpoint,
            asked=Asked(tuple(self.points), tuple(self.labels), self.box_prompt),
        )


class ObjectsBody(Body):
    """`PUT /images/{id}/objects`."""

    objects: Annotated[list[ObjectBody], Field(max_length=MAX_OBJECTS)]


class ClassBody(Body):
    """One class."""

    name: Name


class ClassesBody(Body):
    """`PUT /classes`."""

    classes: list[ClassBody]


class ExportBody(Body):
    """`POST /export`."""

    format: Name
