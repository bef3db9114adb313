"""The commands, as a table: a new one is a file of its own, a row here, and its test.

The module of a command is imported when somebody asks for the command, and `samara --help` asks for none.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from samara.cli.habits import RESULT_IS_PRINTED, PlainCommand, PlainGroup, with_habits

COMMANDS = {
    "segment": "Segment images: masks from prompts, or everything when there is no prompt.",
    "annotate": "Annotate images, segmenting everything or the given prompts, into a store that survives "
    "interruptions.",
    "review": "List the doubtful masks of a store, write them as tasks for an annotation tool, and take corrections "
    "back.",
    "export-annotations": "Export the annotations of a store to other formats, streaming, in one pass.",
    "serve": "Serve a page to annotate images in: click, drag boxes, segment everything, correct, export.",
    "evaluate": "Measure the quality of a checkpoint: clicks, boxes, clicks until good, everything; with 95 % "
    "intervals.",
    "compare": "Measure checkpoints against each other (size, speed, memory, quality); write a page, JSON, CSV and "
    "Markdown.",
    "finetune": "Fine-tune a checkpoint on your own ground truth; rerun the command to resume after an interruption.",
    "export": "Export image encoder and mask decoder to ONNX or OpenVINO, and compare them with PyTorch on a photo.",
    "doctor": "Compare every engine and precision with PyTorch in float32 on this machine; exit status 1 if one "
    "drifts.",
    "recommend": "Recommend a checkpoint for a machine and a task, with reasons and the reliability of each number.",
    "records": "List or forget the measurements that `samara recommend` takes into account.",
    "checkpoints": "List, fetch, add, identify and verify checkpoint files.",
}
"""By name what `samara --help` says: the first paragraph of the command's own help."""


class _CommandsByName(Mapping[str, Any]):  # Any: of typer's own command types
    """The commands by name, each made when it is looked up."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        if name not in self._made:
            self._made[name] = _made(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _made(name: str) -> Any:
    """A command out of its module, which has an `app` where there are sub-commands, and else a function."""
    file = name.replace("-", "_")
    module = importlib.import_module(f"samara.cli.{file}")
    if hasattr(module, "app"):
        app = module.app
    else:
        app = typer.Typer(add_completion=False)
        command = with_habits(getattr(module, file), can_be_quiet=name not in RESULT_IS_PRINTED)
        app.command(name, cls=PlainCommand)(command)
    made = typer.main.get_command(app)
    made.name = name
    return made


class CommandsOnDemand(PlainGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:  # Any: what typer gives its groups
        super().__init__(**attributes)
        self.commands: Any = _CommandsByName()

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of the group, with what the table says of each command."""
        told = copy.copy(self)
        told.commands = {name: TyperCommand(name, help=sentence) for name, sentence in COMMANDS.items()}
        TyperGroup.format_help(told, ctx, formatter)
