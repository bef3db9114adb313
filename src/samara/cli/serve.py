"""`samara serve`: a page to annotate images in, and a server for other programs."""

from __future__ import annotations

import webbrowser
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samara.checkpoints.choice import Choice
from samara.cli.options import loading, reads_images
from samara.cli.progress import work_bar
from samara.cli.settings_options import Setting, help_of, in_panel, takes, takes_arguments
from samara.images.settings import ImageReading
from samara.serving.settings import ServeSettings

if TYPE_CHECKING:
    from samara.serving.serve import Serving

RUNNING, LISTENING, LIMITS = "Checkpoints and machine", "Where it listens", "Limits"
LABEL_STUDIO = "Label Studio"

ADDRESS = [
    Setting(field="host", metavar="ADDRESS"),
    Setting(field="port", metavar="N", least=0),
    Setting(field="token", metavar="TEXT"),
    Setting(
        field="allowed_hosts",
        option="allow_host",
        metavar="NAME",
        help="Answer requests for this name of the machine too. Repeatable.",
        kind=list[str] | None,
        default=None,
        read=lambda names: tuple(names or ()),
    ),
]
STUDIO = [
    Setting(
        field="label_studio_url",
        metavar="ADDRESS",
        help="Fetch images of Label Studio's tasks from this address, and from no other. Default: LABEL_STUDIO_URL.",
    ),
    Setting(field="label_studio_key", metavar="KEY", help="Use this API key there. Default: LABEL_STUDIO_API_KEY."),
]
BOUNDS = [
    Setting(field="max_upload_mb", metavar="MB", least=0),
    Setting(field="max_megapixels", metavar="MP", least=0),
    Setting(field="max_prompts", metavar="N", least=1),
    Setting(field="max_waiting", metavar="N", least=1),
    Setting(field="timeout_s", option="timeout", metavar="S", least=0),
    Setting(field="embedding_cache", metavar="DIR", kind=Path | None),
    Setting(field="embedding_cache_gb", metavar="GB", least=0),
]


@takes(
    "settings",
    ServeSettings(),
    in_panel(LISTENING, *ADDRESS),
    in_panel(LABEL_STUDIO, *STUDIO),
    in_panel(LIMITS, *BOUNDS),
)
@takes_arguments("choice", Choice(), loading("download", "device", "precision", "engine", "input_size", panel=RUNNING))
@reads_images()
def serve(
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGES", help="Serve a folder, image files, a list (.txt) or a tar archive.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Save into this annotation store. Default: FOLDER-masks beside the images."),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Begin with these classes, in the order of their numbers.")
    ] = None,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE",
            help=f"{help_of(Choice(), 'checkpoint')} Repeatable: the page compares their answers. "
            f"Default: {Choice.checkpoint}.",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    open_page: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open the page in a browser. Default: where there is one with windows."),
    ] = None,
    *,
    settings: ServeSettings,
    choice: dict[str, Any],  # Any: values of fields
    reading: ImageReading,
) -> None:
    """Serve a page to annotate images in: click, drag boxes, segment everything, correct, export.

    Everything is saved at once into an annotation store, which `samara export-annotations` reads too. Only this machine
    can reach the server, with the address that is printed. Other programs use it as well (docs/serve.md).

    Example: samara serve photos --checkpoint samara_mini --classes cat,dog
    """
    from samara.serving.serve import serve as serve_images

    names = [name.strip() for name in (classes or "").split(",") if name.strip()]
    chosen = checkpoint or [str(Choice.checkpoint)]
    with work_bar() as tell:
        serve_images(
            images,
            out=out,
            checkpoints=chosen,
            classes=names,
            reading=reading,
            settings=settings,
            ready=partial(show, opens=open_page),
            progress=tell,
            **choice,
        )


def show(serving: Serving, *, opens: bool | None) -> None:
    """Print the address, and open it if that is wanted or nobody said and there is a desktop."""
    typer.echo(f"annotations are saved into {serving.store}; checkpoints: {', '.join(serving.checkpoints)}")
    typer.echo(f"open {serving.address}")
    typer.echo("stop with Ctrl+C")
    if opens or (opens is None and has_desktop()):
        webbrowser.open(serving.address)


def has_desktop() -> bool:
    """Return whether a browser with windows can be opened."""
    try:
        return not isinstance(webbrowser.get(), webbrowser.GenericBrowser)
    except webbrowser.Error:
        return False
