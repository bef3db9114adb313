"""What a Python caller is told, and what somebody who typed a command is told instead."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import samara
from samara.cli.sentences import as_options
from samara.errors import ImageError, SamaraError
from samara.images.read import read_image

SOURCE = Path(samara.__file__).parent


@pytest.mark.parametrize(
    ("python", "typed"),
    [
        ("leave `download` out", "leave --download out"),
        ("add one to `formats`", "add one to --format"),
        ("go on with `resume=True`", "go on with --resume"),
        ("with `workers=1`", "with --workers 1"),
        ('use `cluster="ray"`', "use --cluster ray"),
        ("say `value_range=(-1, 4095.5)`", "say --value-range -1,4095.5"),
        ("or `categories={'a: b': \"it's\"}`", """or --categories 'a: b=it'"'"'s'"""),
        ("try `AnnotationSettings(tile=...)`", "try --tile"),
        ("set `WriterOptions(images='copy')`", "set --export-images copy"),
        ("as `images` and `ImageReading(frame=0, value_range='auto')`", "as --images and --frame 0 --value-range auto"),
        ("by `samara.annotate(..., resume=True, tile=...)`", "by `samara annotate ... --resume --tile`"),
        ("as `samara.export_annotations(...)` does", "as `samara export-annotations ...` does"),
        (
            "get it with `samara checkpoints get vit_h` (2,564 MB), or use samara.load('vit_h', download=True)",
            "get it with `samara checkpoints get vit_h` (2,564 MB)",
        ),
        ("see `samara checkpoints list`", "see `samara checkpoints list`"),
        ("run `git lfs pull`, not `f(1)`", "run `git lfs pull`, not `f(1)`"),
        ("a lone ` is nothing, and `\0` neither", "a lone ` is nothing, and `\0` neither"),
    ],
)
def test_arguments_become_options(python, typed):
    assert as_options(python) == typed


@pytest.mark.parametrize(
    ("call", "python", "typed"),
    [
        (
            lambda: samara.annotate("a", out="b", retry=True),
            "give `resume` with it",
            "give --resume with it",
        ),
        (
            lambda: samara.annotate("a", out="b", resume=True, overwrite=True),
            "`resume` goes on with the store and `overwrite` deletes it",
            "--resume goes on with the store and --overwrite deletes it",
        ),
        (
            lambda: samara.segment("a.png", points=[(1, 2)], boxes=[(1, 2, 3, 4)], separate=True),
            "`separate` makes an object of each point and cannot be combined with `boxes`",
            "--separate makes an object of each point and cannot be combined with --box",
        ),
        (
            lambda: samara.recommend(images="there"),
            "`images` there also needs `ground_truth`",
            "--images there also needs --ground-truth",
        ),
        (
            lambda: samara.recommend(ram_gb=8, device="cuda"),
            "pass its GPU memory with `vram_gb`",
            "pass its GPU memory with --vram",
        ),
        (
            lambda: samara.recommend(ram_gb=8, measure_speed=True),
            "or leave out `vram_gb` and `ram_gb`",
            "or leave out --vram and --ram",
        ),
        (
            lambda: samara.export(out="nowhere", calibration_reading=samara.ImageReading(frame=0)),
            "`calibration_reading` applies only to `calibration`",
            "--value-range or --frame applies only to --calibration",
        ),
        (
            lambda: samara.compare(records=["nowhere.jsonl"], out="nowhere"),
            "create one with `samara.compare(...)` or `samara.evaluate(..., out=...)`",
            "create one with `samara compare ...` or `samara evaluate ... --out`",
        ),
    ],
)
def test_both_are_told_what_they_can_do(call, python, typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SamaraError) as error:
        call()
    assert python in str(error.value)
    assert typed in as_options(str(error.value))


def strings(path):
    """The texts of a file that are no docstrings; what is put into them is a 0."""
    tree = ast.parse(path.read_text())
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "0" for part in node.values)
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (documentation | parts)
        ):
            yield node.value


OUTSIDE = [path for path in sorted(SOURCE.rglob("*.py")) if "cli" not in path.relative_to(SOURCE).parts]
# Commands that a recommendation or a page says, for whoever reads it; and what git is given.
MAY_NAME_OPTIONS = {f"recommendation/{name}.py" for name in ("answer", "notes", "text")} | {
    "measurement/records/environment.py",
    "measurement/reporting/drawing.py",
}


def test_python_is_told_of_no_option():
    for path in OUTSIDE:
        name = path.relative_to(SOURCE).as_posix()
        if name not in MAY_NAME_OPTIONS:
            found = [text for text in strings(path) if re.search(r"(?<![\w-])--[a-z]", text)]
            assert not found, f"{name}: {found[0]!r}; say it in Python, in backticks: samara.cli.sentences translates"


@pytest.mark.parametrize(
    ("array", "options", "told"),
    [
        (np.full((2, 2), 900, np.uint16), {}, "--value-range 0,1023, or --value-range 0,65535"),
        (np.full((2, 2), 900, np.int32), {}, "--value-range BLACK,WHITE, or --value-range auto for its own"),
        (np.full((2, 2), 9, np.float32), {}, "for example --value-range 0,255"),
        (np.full((2, 2), -0.5, np.float32), {}, "for example --value-range -1,1"),
        (np.full((2, 2), 9, np.uint8), {"value_range": (0, 4095)}, "--value-range 0,4095; leave --value-range out"),
    ],
)
def test_sentences_name_options(array, options, told):
    with pytest.raises(ImageError) as error:
        read_image(array, **options)
    sentence = as_options(str(error.value))
    assert told in sentence
    assert "value_range" not in sentence


def test_sentences_name_frames_and_sizes(tmp_path):
    frames = [Image.new("L", (3, 2), value) for value in (0, 255)]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError) as error:
        read_image(tmp_path / "a.tif")
    assert as_options(str(error.value)).endswith("choose one, for example --frame 0.")
    with pytest.raises(ImageError) as error:
        read_image(tmp_path / "a.tif", frame=0, max_pixels=5)
    assert "max_pixels" not in as_options(str(error.value))


def test_updates_of_a_checkpoint_of_somebodys_own_say_how_they_are_given():
    sentence = "a.pth holds low-rank updates of 'my', which the catalogue does not know; use samara.load(that "
    sentence += "checkpoint, lora='a.pth')"
    assert as_options(sentence).endswith("know; give that checkpoint with --checkpoint, and --lora 'a.pth'")
