"""The learning curve as an image: loss on the left, IoU on the validation set on the right, epoch by epoch."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from samara.system.extras import require
from samara.system.templates import EXTRA

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FigureFormat = Literal["png", "svg", "pdf"]

_SETTINGS: Any = {  # Any: values of settings
    "svg.hashsalt": "samara",  # else ids differ from run to run
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,  # type 3 fonts are refused by many publishers
}
SIZE_INCHES = (10.0, 3.6)
DOTS_PER_INCH = 160


class CurvePoint(Protocol):
    """One epoch: number (0 is before training), mean loss (None before training), IoU on the validation set."""

    @property
    def epoch(self) -> int: ...  # noqa: D102
    @property
    def loss(self) -> float | None: ...  # noqa: D102
    @property
    def click_iou(self) -> float | None: ...  # noqa: D102
    @property
    def box_iou(self) -> float: ...  # noqa: D102


@dataclass(frozen=True)
class Colours:
    """The colours of the image, as matplotlib accepts them."""

    paper: str
    ink: str
    faint: str
    loss: str
    click: str
    box: str


# Distinguishable for colour-blind readers.
LIGHT = Colours(paper="#ffffff", ink="#1c2733", faint="#c9d1d9", loss="#5b6b7b", click="#0072b2", box="#d55e00")
DARK = Colours(paper="#171d24", ink="#e3e9ef", faint="#3b4652", loss="#9aa8b5", click="#56b4e9", box="#f0904a")


def require_matplotlib() -> None:
    """Raise MissingExtra unless matplotlib is installed."""
    require("matplotlib", EXTRA, "an image of the learning curve")


def draw_learning_curve(points: Sequence[CurvePoint], kept: int, colours: Colours = LIGHT) -> Figure:
    """Draw a learning curve.

    Args:
        points: at least one, in order.
        kept: the epoch whose weights were kept.
        colours: colours of the image.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    # Without pyplot, which has a global list of figures and chooses a backend.
    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, facecolor=colours.paper)
    figure.set_layout_engine("constrained", w_pad=0.15, h_pad=0.12, wspace=0.04)
    left, right = figure.subplots(1, 2)
    epochs = [point.epoch for point in points]
    losses = {point.epoch: point.loss for point in points if point.loss is not None}
    left.plot([*losses], [*losses.values()], color=colours.loss, marker="o", label="training")
    clicks = {point.epoch: point.click_iou for point in points if point.click_iou is not None}
    if clicks:
        right.plot([*clicks], [*clicks.values()], color=colours.click, marker="o", label="centre click")
    right.plot(epochs, [point.box_iou for point in points], color=colours.box, marker="s", label="box")
    for axes, title in ((left, "Loss, training set"), (right, "IoU, validation set")):
        _finish(axes, title, epochs, kept, colours)
    right.legend(frameon=False, labelcolor=colours.ink)
    return figure


def learning_curve_png(points: Sequence[CurvePoint], kept: int, colours: Colours = LIGHT) -> bytes:
    """Draw a learning curve as PNG; see `draw_learning_curve`."""
    return drawn(draw_learning_curve(points, kept, colours), "png")


def drawn(figure: Figure, form: FigureFormat) -> bytes:
    """Render a figure; equal figures give equal bytes."""
    import matplotlib

    buffer = io.BytesIO()
    undated: dict[FigureFormat, dict[str, None]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with matplotlib.rc_context(_SETTINGS):
        figure.savefig(buffer, format=form, metadata=undated[form])
    return buffer.getvalue()


def _finish(axes: Axes, title: str, epochs: Sequence[int], kept: int, colours: Colours) -> None:
    """Draw frame, ticks and the mark of the kept epoch, the same in both panels."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_title(title, color=colours.ink, loc="left", fontsize=11, fontweight="bold", pad=18)
    axes.set_xlabel("epoch", color=colours.ink)
    axes.set_facecolor(colours.paper)
    axes.grid(axis="y", color=colours.faint, linewidth=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(colours.faint)
    axes.tick_params(colors=colours.ink, length=0)
    margin = 0.04 * max(1, epochs[-1])
    axes.set_xlim(epochs[0] - 2 * margin, epochs[-1] + 2 * margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda epoch, _: f"{epoch:.0f}" if epoch else "before"))
    axes.axvline(kept, color=colours.ink, linewidth=1, linestyle=":", zorder=1, label="_kept")
    # Above the frame, where no curve can cross it.
    above = axes.get_xaxis_transform()
    axes.text(kept, 1.02, "kept", transform=above, color=colours.ink, fontsize=9, ha="center", va="bottom")
