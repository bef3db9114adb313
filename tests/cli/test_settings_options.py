"""Options made of settings: their defaults, types and help are those of the fields."""

from __future__ import annotations

import dataclasses

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from samara.annotation.run.settings import AnnotationSettings, Cleaning, Resources
from samara.checkpoints.choice import Choice
from samara.cli.main import app
from samara.cli.settings_options import Setting, documentation_of, help_of, kind_of, takes, takes_arguments
from samara.engines.exporting.settings import ExportSettings
from samara.finetuning.settings import FineTuneSettings
from samara.measurement.benchmarking.settings import BenchmarkSettings
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.segmentation.automatic.settings import AutomaticSettings

# By command, the settings behind it, and the options that have another name than their field.
BEHIND = {
    "segment": (AutomaticSettings(), Choice()),
    "annotate": (AutomaticSettings(), AnnotationSettings(), Resources(), Cleaning()),
    "evaluate": (EvaluationSettings(), Choice()),
    "compare": (BenchmarkSettings(),),
    "finetune": (FineTuneSettings(), FineTuneSettings().losses, FineTuneSettings().simulation),
    "export": (ExportSettings(), Choice()),
    "doctor": (Choice(),),
}

# Options that have the name of a field by chance.
OTHERS = {
    ("compare", BenchmarkSettings, "images"),
    ("evaluate", EvaluationSettings, "images"),
    ("export", Choice, "precision"),
}


@dataclasses.dataclass(frozen=True)
class Bread:
    """Bread.

    Attributes:
        slices: how many, at least 1; more is not eaten.
        butter: on each slice, in grams; None for none.
        toast: seconds of heat; None for as long as it takes.
        kind: rye, wheat or spelt. Source: the baker.
        cut, buttered: whether it is.
    """

    slices: int = 2
    butter: float | None = 5.0
    toast: int | None = None
    kind: str = "rye"
    cut: bool = False
    buttered: bool = False


def test_help_is_what_the_field_says_first():
    said = {field: help_of(Bread(), field) for field in documentation_of(Bread)}
    assert said == {
        "slices": "How many.",
        "butter": "On each slice, in grams; 0: none.",
        "toast": "Seconds of heat. Default: as long as it takes.",
        "kind": "rye, wheat or spelt.",
        "cut": "Whether it is.",
        "buttered": "Whether it is.",
    }
    assert kind_of(Bread(), "toast") == int | None


@pytest.mark.parametrize(
    ("said", "got"),
    [
        ([], Bread()),
        (
            ["--slices", "3", "--butter", "0", "--toasted", "9", "--cut"],
            Bread(slices=3, butter=None, toast=9, cut=True),
        ),
    ],
)
def test_a_command_gets_its_settings(said, got):
    found, command = [], typer.Typer()

    @command.command()
    @takes("bread", Bread(), [Setting(field="slices", least=1), Setting(field="butter"), Setting(field="cut")])
    @takes_arguments("others", Bread(), [Setting(field="toast", option="toasted")])
    def eat(*, bread: Bread, others: dict) -> None:
        """Eat."""
        found.append(dataclasses.replace(bread, **others))

    assert CliRunner().invoke(command, said, catch_exceptions=False).exit_code == 0
    assert found == [got]
    assert CliRunner().invoke(command, ["--slices", "0"]).exit_code == 2


@pytest.mark.parametrize("name", BEHIND)
def test_no_command_has_a_default_of_its_own(name):
    """Where an option has the name of a field, its default is the field's: None where there is no value to write."""
    options = {one.name: one for one in get_command(app).commands[name].params}
    compared = 0
    for settings in BEHIND[name]:
        for field in dataclasses.fields(settings):
            option = options.get(field.name)
            if option is None or (name, type(settings), field.name) in OTHERS:
                continue
            default = getattr(settings, field.name)
            if isinstance(default, tuple):
                default = ",".join(map(str, default)) or None
            assert str(option.default) in (str(default), str(default or 0)), field.name
            compared += 1
    assert compared >= 2
