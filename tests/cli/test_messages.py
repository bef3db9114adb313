"""Options that sentences name, as commands say them: the command that shows the sentence has them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

import samara
from samara.cli.main import app
from samara.cli.sentences import as_options

SOURCE = Path(samara.__file__).parent
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
COMMAND = re.compile(r"samara ([a-z-]+(?: (?:list|get|add|remove|identify|path|verify|forget)\b)?)[^;,]*")

# Which commands show the sentences of a module, for modules that name options; the longest beginning counts.
SHOWN_BY = {
    "annotation/": ["annotate"],
    "annotation/review/": ["review"],
    "cli/review.py": ["review"],
    "annotation/exporting.py": ["annotate", "export-annotations"],
    "cli/dry_run.py": ["annotate"],
    "checkpoints/": [],  # every command that loads one
    "checkpoints/export.py": ["export"],
    "segmentation/addresses.py": ["segment"],
    "segmentation/segment.py": ["segment"],
    "measurement/comparison/": ["compare"],
    "datasets/writing/coco_adding.py": ["segment"],
    "datasets/reading/coco.py": ["evaluate", "finetune", "compare"],
    "datasets/reading/findings.py": ["annotate", "evaluate", "finetune", "compare"],
    "measurement/evaluation/ground_truth.py": ["evaluate"],
    "measurement/subjects.py": ["compare"],
    "engines/exporting/": ["export"],
    "datasets/writing/category_choice.py": ["annotate", "export-annotations"],
    "datasets/formats.py": ["annotate", "export-annotations"],
    "datasets/writing/image_files.py": ["annotate", "export-annotations"],
    "datasets/split.py": ["annotate", "export-annotations"],
    "datasets/writing/voc.py": ["annotate", "export-annotations"],
    "datasets/writing/staged_writer.py": ["annotate", "export-annotations"],
    "finetuning/": ["finetune"],
    "recommendation/": ["recommend"],
    "recommendation/answer.py": [],  # puts commands together
    "masks/drawing/style.py": ["segment"],
    "masks/file_kinds.py": ["segment"],
    "cli/annotate.py": ["annotate"],
    "cli/checkpoints.py": ["checkpoints list", "checkpoints identify", "checkpoints add"],
    "cli/habits.py": ["segment", "annotate"],
    "cli/compare.py": ["compare"],
    "cli/doctor.py": [],  # names what other commands then do
    "cli/evaluate.py": ["evaluate"],
    "cli/export.py": ["export"],
    "cli/export_annotations.py": ["annotate", "export-annotations"],
    "cli/finetune.py": ["finetune"],
    "cli/options.py": ["annotate"],
    "engines/loaded.py": ["segment"],
    "images/": ["segment", "annotate", "evaluate", "export", "finetune", "compare"],
    "cli/recommend.py": ["recommend"],
    "cli/records.py": ["records forget"],
    "cli/segment.py": ["segment"],
    "cli/serve.py": ["serve"],
    "serving/": ["serve"],
}
LOADING = ["segment", "annotate", "evaluate", "export", "finetune", "doctor"]
# Of modules that say things of several commands: which commands show the sentences with an option.
SHOWN_BY_WITH = {
    ("checkpoints/load.py", "--base"): LOADING,
    ("checkpoints/load.py", "--lora"): LOADING,
    ("checkpoints/load.py", "--checkpoint"): LOADING,
    ("images/files.py", "--max-pixels"): ["annotate"],
}
# Programs of others that are run, not shown.
# The second has names of CSS, which begin as options do; the third is what makes options of arguments.
NOT_OURS = {"measurement/records/environment.py", "measurement/reporting/drawing.py", "cli/sentences.py"}
# Of the same store, but of the command that makes it.
ELSEWHERE = {("annotation/exporting.py", "--partial")}


def commands(found=None, prefix=""):
    """Options by command."""
    found = get_command(app) if found is None else found
    if not isinstance(found, TyperGroup):
        names = {name for option in found.params for name in (*option.opts, *option.secondary_opts)}
        return {prefix.strip(): names | {"--help"}}
    inner = [commands(one, f"{prefix} {name}") for name, one in found.commands.items()]
    return {name: options for group in inner for name, options in group.items()}


OPTIONS = commands()


def texts_of(path):
    """Whole texts of a module, values that are put in shown as 0, without docstrings; with their lines."""
    tree = ast.parse(path.read_text())
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        if isinstance(node, ast.Assert) and node.msg is not None:
            skipped.add(id(node.msg))  # for nobody who uses it
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(value) for value in node.values}
            parts = [value.value if isinstance(value, ast.Constant) else "0" for value in node.values]
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


def named():
    """Every option that a text names, as a parameter of the test."""
    for path in sorted(SOURCE.rglob("*.py")):
        module = path.relative_to(SOURCE).as_posix()
        if module in NOT_OURS:
            continue
        for line, written in texts_of(path):
            if module.startswith("cli/") and OPTION.fullmatch(written):
                continue  # the option itself
            text = as_options(written)
            for option in dict.fromkeys(OPTION.findall(text)):
                yield pytest.param(module, text, option, id=f"{module}:{line}:{option}")


def shown_by(module, option):
    if (module, option) in SHOWN_BY_WITH:
        return SHOWN_BY_WITH[module, option]
    beginnings = [beginning for beginning in SHOWN_BY if module.startswith(beginning)]
    assert beginnings, f"{module} names options; say in SHOWN_BY which commands show its sentences"
    return SHOWN_BY[max(beginnings, key=len)]


NAMED = list(named())


@pytest.mark.parametrize(("module", "text", "option"), NAMED)
def test_the_command_has_the_option(module, text, option):
    assert any(option in options for options in OPTIONS.values()), f"no command has {option}"
    of_others = [one for one in COMMAND.finditer(text) if option in one[0]]
    for command in of_others:
        assert option in OPTIONS[command[1].strip()], f"{command[0]!r} names {option}"
    if of_others or (module, option) in ELSEWHERE:
        return
    for command in shown_by(module, option):
        assert option in OPTIONS[command], f"`samara {command}` shows {text!r} and has no {option}"


def test_there_are_many():
    assert len(NAMED) > 50
