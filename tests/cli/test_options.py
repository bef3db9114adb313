"""Options that several commands have."""

import pytest
from typer.main import get_command

from samara.cli.main import app


@pytest.mark.parametrize("name", ["annotate", "compare", "evaluate", "finetune", "recommend", "segment"])
def test_a_device_is_said_the_same_way_everywhere(name):
    (device,) = (option for option in get_command(app).commands[name].params if option.name == "device")
    assert (device.opts, device.default, device.help) == (["--device"], "auto", "auto, cpu, cuda, cuda:N or mps.")


@pytest.mark.parametrize("name", ["annotate", "compare", "evaluate"])
def test_a_precision_likewise(name):
    (precision,) = (option for option in get_command(app).commands[name].params if option.name == "precision")
    assert (precision.default, precision.help) == ("auto", "auto, float32, bfloat16 or float16.")


@pytest.mark.parametrize("name", ["export_pictures", "split", "categories", "only_categories", "label_studio_prefix"])
def test_exports_are_asked_for_the_same_way(name):
    commands = get_command(app).commands
    (ours,) = (option for option in commands["annotate"].params if option.name == name)
    (theirs,) = (option for option in commands["export-annotations"].params if ours.opts[0] in option.opts)
    assert (ours.default, ours.help, ours.metavar) == (theirs.default, theirs.help, theirs.metavar)
