"""The architecture, checked: layers, third parties, names, sizes, mirrored tests. Each failure quotes its rule."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "samara"
MODULES = sorted(SOURCE.rglob("*.py"))

# A module imports only its own room and strictly lower layers.
LAYERS = {
    "errors": 0,
    "_version": 0,
    "digests": 1,
    "files": 1,
    "extras": 1,
    "licences": 1,
    "ranges": 1,
    "class_names": 1,
    "architectures": 1,
    "devices": 1,
    "cores": 1,
    "masks": 1,
    "prompts": 1,
    "networks": 1,
    "photos": 1,
    "machine": 2,
    "images": 2,
    "preprocessing": 2,
    "results": 2,
    "measurements": 3,
    "before_after": 4,
    "enlarging": 3,
    "embeddings": 3,
    "variants": 3,
    "embedding_store": 4,
    "loaded": 4,
    "datasets": 4,
    "engines": 5,
    "checkpoints": 6,
    "predictor": 6,
    "remembered": 7,
    "published": 7,
    "automatic": 7,
    "instances": 7,
    "segmenter": 8,
    "evaluation": 8,
    "reports": 8,
    "finetuning": 8,
    "annotation": 9,
    "quality": 9,
    "benchmarking": 9,
    "exporting": 8,
    "diagnosis": 8,
    "segment": 9,
    "finetune": 9,
    "segment_anything": 9,
    "segment_anything_hq": 10,
    "recommendation": 10,
    "compare": 10,
    "annotation_page": 10,
    "training_masks": 10,
    "annotate": 11,
    "cli": 12,
    "__main__": 13,
}

# Where a third-party library may be imported; everything else of the project does without it.
ALLOWED = {
    "PIL": {"images", "preprocessing", "datasets"},
    "httpx": {"checkpoints"},
    "filelock": {"checkpoints", "finetuning", "annotation", "measurements", "files"},
    "pyarrow": {"annotation"},
    "rasterio": {"images"},
    "pillow_heif": {"images"},
    "ray": {"annotation"},
    "platformdirs": {"checkpoints", "engines"},
    "safetensors": {"checkpoints", "embeddings", "finetuning"},
    "cv2": {
        "masks",
        "images",
        "instances",
        "reports",
        "segment",
        "finetuning",
        "annotation",
        "quality",
        "benchmarking",
    },
    "yaml": {"datasets"},
    "typing_extensions": {"images"},  # for type checkers only
    "typer": {"cli"},
    "rich": {"cli"},
    "jinja2": {"reports"},
    "matplotlib": {"reports"},
    "tensorboard": {"finetuning"},
    "torch": {
        "images",  # for type checkers only; test_light_imports_load_nothing_heavy
        "masks",
        "networks",
        "machine",
        "preprocessing",
        "enlarging",
        "cores",
        "devices",
        "embeddings",
        "loaded",
        "variants",
        "checkpoints",
        "engines",
        "predictor",
        "automatic",
        "instances",
        "evaluation",
        "benchmarking",
        "recommendation",
        "finetuning",
        "finetune",
        "annotation",
        "exporting",
        "diagnosis",
        "segment_anything",
        "segment_anything_hq",
        "cli",
    },
    "numpy": {
        "diagnosis",
        "masks",
        "images",
        "prompts",
        "preprocessing",
        "enlarging",
        "results",
        "engines",
        "predictor",
        "automatic",
        "instances",
        "reports",
        "evaluation",
        "benchmarking",
        "quality",
        "segment",
        "segment_anything",
        "checkpoints",
        "finetuning",
        "datasets",
        "annotation",
        "embedding_store",
    },
}

FORBIDDEN_NAMES = {"utils", "util", "helpers", "common", "misc", "core", "base", "manager", "handler"}
# The official packages have these; user code imports from them by these names.
FORBIDDEN_NAMES_EXCEPT = {
    SOURCE / package / name
    for package in ("segment_anything", "segment_anything_hq")
    for name in ("utils/__init__.py", "modeling/common.py")
}

MOST_LINES = 400
MOST_FUNCTION_LINES = 50
# Tables, not logic.
LONG_FILES = {"checkpoints/catalogue.py", "published/figures.py"}
LONG_FUNCTIONS = {"cli/segment.py:segment", "cli/recommend.py:recommend"}  # twenty options, and a body of a few lines


def name_of(path):
    return path.relative_to(SOURCE).as_posix()


def room_of(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path):
    """Dotted names of the modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative import; write it out"
            yield node.module


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downwards(path):
    room = room_of(path)
    if room == "__init__":  # the public names, loaded lazily
        return
    for module in imports(path):
        parts = module.split(".")
        if parts[0] != "samara" or len(parts) == 1:
            continue
        target = parts[1]
        assert target == room or LAYERS[target] < LAYERS[room], (
            f"{name_of(path)} (layer {LAYERS[room]}) imports {module} (layer {LAYERS[target]}); a module imports only "
            "its own room and lower layers"
        )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_third_parties_stay_in_their_rooms(path):
    for module in imports(path):
        top = module.split(".")[0]
        if top == "samara" or top in sys.stdlib_module_names or top == "__future__":
            continue
        assert top in ALLOWED, f"{name_of(path)} imports {top}, which is no declared dependency"
        assert room_of(path) in ALLOWED[top], f"{name_of(path)} imports {top}; only {sorted(ALLOWED[top])} may"


def test_networks_import_torch_only_and_switch_no_gradients_off():
    for path in (SOURCE / "networks").glob("*.py"):
        tops = {module.split(".")[0] for module in imports(path)} - set(sys.stdlib_module_names) - {"samara"}
        assert tops <= {"torch"}, f"{name_of(path)} imports {tops}"
        text = path.read_text()
        assert "no_grad" not in text
        assert "inference_mode" not in text


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_names_say_what_is_inside(path):
    if path not in FORBIDDEN_NAMES_EXCEPT:
        assert not FORBIDDEN_NAMES & {part.removesuffix(".py") for part in path.relative_to(SOURCE).parts[:-1]} or (
            path.parent / "__init__.py" in FORBIDDEN_NAMES_EXCEPT
        )
        assert path.stem not in FORBIDDEN_NAMES, f"{name_of(path)}: the name says where code went to be forgotten"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_and_functions_stay_small(path):
    text = path.read_text()
    if name_of(path) not in LONG_FILES:
        assert text.count("\n") <= MOST_LINES, f"{name_of(path)} has more than {MOST_LINES} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            where = f"{name_of(path)}:{node.name}"
            assert lines <= MOST_FUNCTION_LINES or where in LONG_FUNCTIONS, f"{where} has {lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_command_line_prints_or_exits(path):
    if room_of(path) in ("cli", "__main__"):
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "exit", "quit"), f"{name_of(path)} calls {node.func.id}()"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_exception_is_swallowed(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            names = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else {None}
            assert not names & {None, "Exception", "BaseException"}, f"{name_of(path)}:{node.lineno} catches everything"


MIRRORS_ELSEWHERE = {
    # Covered by the tests of what uses them.
    "reports/view.py": "reports/test_difference_overlay.py",
    "_version.py": "test_public_api.py",
    "networks/layers.py": "networks/test_vit.py",
    "networks/sam.py": "networks/test_mask_decoder.py",
    "networks/two_way_transformer.py": "parity/test_networks.py",
    "automatic/point_grid.py": "automatic/test_settings.py",
    "embeddings.py": "test_predictor.py",
    "engines/limits.py": "diagnosis/test_agreement.py",
    "exporting/formats.py": "exporting/test_export.py",
    "exporting/manifest.py": "exporting/test_export.py",
    "networks/prompted_decoder_graph.py": "exporting/test_export.py",
    "cli/progress.py": "cli/test_segment.py",
    "images/read.py": "images/test_read_image.py",
    "finetuning/step.py": "finetuning/test_loop.py",
    "finetuning/trained_weights.py": "finetuning/test_loop.py",
    "finetuning/training_set.py": "finetuning/test_loop.py",
    "finetuning/training_state.py": "finetuning/test_loop.py",
    "__init__.py": "test_public_api.py",
    "__main__.py": "cli/test_main.py",
    # Names, arguments and numbers of the official packages.
    "segment_anything/modeling/common.py": "segment_anything/test_names.py",
    "segment_anything/modeling/transformer.py": "segment_anything/test_numbers.py",
    "segment_anything_hq/build_sam.py": "segment_anything/test_build_sam.py",
    "segment_anything_hq/utils/onnx.py": "segment_anything/test_numbers.py",
    **{
        f"segment_anything_hq/{name}.py": "segment_anything/test_names.py"
        for name in (
            "automatic_mask_generator",
            "build_sam_baseline",
            "modeling/common",
            "modeling/image_encoder",
            "modeling/mask_decoder",
            "modeling/mask_decoder_hq",
            "modeling/prompt_encoder",
            "modeling/sam",
            "modeling/tiny_vit_sam",
            "modeling/transformer",
            "predictor",
            "utils/amg",
            "utils/transforms",
        )
    },
}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_has_its_test(path):
    name = path.relative_to(SOURCE)
    if name.name == "__init__.py" and name.as_posix() not in MIRRORS_ELSEWHERE:
        return
    mirror = MIRRORS_ELSEWHERE.get(name.as_posix(), (name.parent / f"test_{name.name}").as_posix())
    assert (ROOT / "tests" / mirror).is_file(), f"{name} has no test; write tests/{mirror}"


IMPORTED = "import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"


@pytest.mark.parametrize("module", ["samara", "samara.cli.main", "samara.checkpoints.catalogue"])
def test_light_imports_load_nothing_heavy(module):
    code = IMPORTED.format(module=module)
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {
        "torch",
        "numpy",
        "cv2",
        "PIL",
        "safetensors",
        "httpx",
        "pycocotools",
        "matplotlib",
        "jinja2",
        "tensorboard",
        "pyarrow",
        "rasterio",
        "ray",
        "openvino",
        "onnxruntime",
        "onnx",
        "nncf",
        "yaml",
    }
    assert not heavy & set(loaded)


def test_reading_pictures_needs_no_torch():
    loaded = subprocess.run(
        [sys.executable, "-c", IMPORTED.format(module="samara.images.read")], capture_output=True, text=True, check=True
    )
    assert "torch" not in loaded.stdout.split()


SIDE_EFFECTS = """
import os, warnings
import torch, numpy, cv2  # cv2 itself sets LD_LIBRARY_PATH
def state():
    return (
        dict(os.environ), torch.get_num_threads(), torch.initial_seed(), numpy.get_printoptions(), [*warnings.filters]
    )
before = state()
import samara, samara.segment, samara.segment_anything, samara.checkpoints.load
assert before == state()
"""


def test_importing_changes_nothing():
    subprocess.run([sys.executable, "-c", SIDE_EFFECTS], check=True)
