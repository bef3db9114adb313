"""The architecture, checked: layers, third parties, names, sizes, mirrored tests. Each failure quotes its rule."""

from __future__ import annotations

import ast
import functools
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "samara"
MODULES = sorted(SOURCE.rglob("*.py"))

# A module imports only its own room and strictly lower layers; inside a room, its files and sub-rooms form no circle.
LAYERS = {
    "errors": 0,
    "_version": 0,
    "kernels": 0,
    "system": 1,
    "networks": 1,
    "images": 2,
    "masks": 3,
    "datasets": 4,
    "engines": 4,
    "checkpoints": 5,
    "segmentation": 6,
    "annotation": 7,
    "finetuning": 7,
    "segment_anything": 7,
    "measurement": 8,
    "sam2": 8,
    "segment_anything_hq": 8,
    "integrations": 8,
    "recommendation": 9,
    "serving": 10,
    "cli": 11,
    "__main__": 12,
}

# `system` is what would become a drawer: it holds these and nothing else.
SYSTEM = {
    "cores",
    "counted",
    "devices",
    "digests",
    "extras",
    "files",
    "float32_products",
    "machine",
    "progress",
    "templates",
}

# Where a third-party library may be imported; everything else of the project does without it.
ALLOWED = {
    "PIL": {"images", "datasets"},
    "cv2": {"masks", "images", "segmentation", "annotation", "finetuning", "measurement"},
    "cvat_sdk": {"integrations"},
    "fastapi": {"serving"},
    "filelock": {"system", "checkpoints", "segmentation", "annotation", "finetuning", "measurement"},
    "fiftyone": {"integrations"},
    "httpx": {"checkpoints", "images", "serving"},
    "jinja2": {"system"},
    "matplotlib": {"images", "masks", "finetuning", "measurement"},
    "numpy": {
        "masks",
        "images",
        "datasets",
        "engines",
        "checkpoints",
        "segmentation",
        "annotation",
        "finetuning",
        "measurement",
        "sam2",
        "segment_anything",
        "integrations",
        "serving",
    },
    "platformdirs": {"checkpoints", "engines", "serving"},
    "prometheus_client": {"serving"},
    "pyarrow": {"annotation"},
    "pydantic": {"serving"},
    "pillow_heif": {"images"},
    "pycocotools": {"masks"},
    "rasterio": {"images"},
    "ray": {"annotation"},
    "rich": {"cli"},
    "safetensors": {"checkpoints", "segmentation", "finetuning"},
    "starlette": {"serving"},
    "tensorboard": {"finetuning"},
    "torch": {
        "kernels",
        "system",
        "masks",
        "networks",
        "images",  # preprocessing; reading images does without, test_reading_images_needs_no_torch
        "engines",
        "checkpoints",
        "segmentation",
        "annotation",
        "finetuning",
        "measurement",
        "recommendation",
        "sam2",
        "segment_anything",
        "segment_anything_hq",
        "cli",
    },
    "torchao": {"engines"},
    "triton": {"kernels"},
    "typer": {"cli"},
    "uvicorn": {"serving"},
    "xxhash": {"system"},
    "yaml": {"datasets"},
    "typing_extensions": {"images"},  # for type checkers only
}

FORBIDDEN_NAMES = {"utils", "util", "helpers", "common", "misc", "core", "base", "manager", "handler"}
# The official packages have these; user code imports from them by these names.
FORBIDDEN_NAMES_EXCEPT = {
    SOURCE / package / name
    for package in ("segment_anything", "segment_anything_hq", "sam2")
    for name in ("utils/__init__.py", "modeling/common.py")
}

MAX_LINES = 400
MAX_FUNCTION_LINES = 50
# Tables, not logic.
LONG_FILES = {"checkpoints/catalogue.py", "measurement/published/figures.py"}
MAX_COMMAND_LINES = 20


def name_of(path):
    return path.relative_to(SOURCE).as_posix()


def room_of(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@functools.cache
def nodes_of(path):
    return list(ast.walk(ast.parse(path.read_text())))


def imports(path):
    """Dotted names of the modules that a file imports, wherever in the file."""
    return imports_of(nodes_of(path), name_of(path))


def imports_of(nodes, name="text"):
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import; write it out"
            # `from samara.masks import rle` imports a module, and `from samara import masks` a whole room.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_upward(module, room):
    """Whether a module of a room may not import another one."""
    first, _, rest = module.partition(".")
    target = rest.split(".")[0]
    return first == "samara" and target != room and not LAYERS.get(target, len(LAYERS)) < LAYERS[room]


def test_imports_point_downwards():
    for path in MODULES:
        room = room_of(path)
        if room == "__init__":  # the public names, loaded lazily
            continue
        for module in imports(path):
            assert not is_upward(module, room), (
                f"{name_of(path)} (layer {LAYERS[room]}) imports {module}; a module imports its own room and lower ones"
            )


@pytest.mark.parametrize(
    "line",
    [
        "import samara",
        "import samara.cli.main",
        "from samara import cli",
        "from samara import __version__",
        "from samara.cli import main",
        "def later():\n    from samara.annotation.annotate import annotate",
        "from samara import errors, segmentation",
    ],
)
def test_no_way_of_writing_an_import_upwards_passes_unseen(line):
    assert any(is_upward(module, "masks") for module in imports_of(ast.walk(ast.parse(line))))


def part_of(module):
    """What a module is of its room: a sub-room, or a file; None for what is not in a room."""
    parts = module.split(".")[1:]
    if len(parts) < 2:
        return None
    return "/".join(parts[:2])


@pytest.mark.parametrize("room", [room for room in LAYERS if (SOURCE / room).is_dir()])
def test_the_parts_of_a_room_form_no_circle(room):
    graph = {}
    for path in (SOURCE / room).rglob("*.py"):
        part = part_of("samara." + path.relative_to(SOURCE).with_suffix("").as_posix().replace("/", "."))
        targets = {part_of(module) for module in imports(path) if module.startswith(f"samara.{room}.")}
        graph.setdefault(part, set()).update(targets - {part, None})
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_few_names_stand_at_the_top():
    names = {path.name for path in SOURCE.iterdir() if not path.name.startswith("__")}
    assert names == {f"{name}.py" if (SOURCE / f"{name}.py").exists() else name for name in LAYERS} - {
        "__main__.py"
    } | {"py.typed"}
    assert {path.stem for path in (SOURCE / "system").glob("*.py")} - {"__init__"} == SYSTEM


def test_third_parties_stay_in_their_rooms():
    for path in MODULES:
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


def test_names_say_what_is_inside():
    for path in MODULES:
        if path not in FORBIDDEN_NAMES_EXCEPT:
            assert not FORBIDDEN_NAMES & {part.removesuffix(".py") for part in path.relative_to(SOURCE).parts[:-1]} or (
                path.parent / "__init__.py" in FORBIDDEN_NAMES_EXCEPT
            )
            assert path.stem not in FORBIDDEN_NAMES, f"{name_of(path)}: the name says where code went to be forgotten"


def test_files_and_functions_stay_small():
    for path in MODULES:
        text = path.read_text()
        if name_of(path) not in LONG_FILES:
            assert text.count("\n") <= MAX_LINES, f"{name_of(path)} has more than {MAX_LINES} lines"
        for node in nodes_of(path):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = lines_of_body(node)
                where = f"{name_of(path)}:{node.name}"
                assert lines <= MAX_FUNCTION_LINES, f"{where} has {lines} lines"


def lines_of_body(function):
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_commands_are_thin():
    """What a command does, a function does that a user of Python has as well."""
    for path in (SOURCE / "cli").glob("*.py"):
        for node in nodes_of(path):
            if isinstance(node, ast.FunctionDef) and node.name == path.stem:
                lines = lines_of_body(node)
                assert lines <= MAX_COMMAND_LINES, f"{name_of(path)}: the command's body has {lines} lines"


# What one module does for all others.
ONLY_IN = {
    "\nProgress": "system/progress.py",
    "imencode(": "images/encode.py",
    "b64encode(": "images/encode.py",
    "cannot be used as a folder": "system/files.py",
}


@pytest.mark.parametrize("text", ONLY_IN)
def test_what_several_need_stands_once(text):
    assert [name_of(path) for path in MODULES if text in path.read_text()] == [ONLY_IN[text]]


def test_only_the_command_line_prints_or_exits():
    for path in MODULES:
        if room_of(path) in ("cli", "__main__"):
            continue
        for node in nodes_of(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("print", "exit", "quit"), f"{name_of(path)} calls {node.func.id}()"


def test_no_exception_is_swallowed():
    for path in MODULES:
        for node in nodes_of(path):
            if isinstance(node, ast.ExceptHandler):
                names = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else {None}
                assert not names & {None, "Exception", "BaseException"}, (
                    f"{name_of(path)}:{node.lineno} catches everything"
                )


MIRRORS_ELSEWHERE = {
    # Covered by the tests of what uses them.
    "segmentation/drawing/view.py": "segmentation/drawing/test_difference.py",
    "_version.py": "test_public_api.py",
    "kernels/taps.py": "kernels/test_measuring.py",
    "networks/layers.py": "networks/test_vit.py",
    "networks/sam.py": "networks/test_mask_decoder.py",
    "networks/shared_batch.py": "networks/test_shared_attention.py",
    "networks/shared_image.py": "networks/test_shared_attention.py",
    "networks/two_way_transformer.py": "parity/test_networks.py",
    "segmentation/automatic/point_grid.py": "segmentation/automatic/test_settings.py",
    "segmentation/embeddings.py": "segmentation/test_predictor.py",
    "engines/limits.py": "measurement/diagnosis/test_agreement.py",
    "engines/exporting/formats.py": "engines/exporting/test_export.py",
    "engines/exporting/manifest.py": "engines/exporting/test_export.py",
    "networks/prompted_decoder_graph.py": "engines/exporting/test_export.py",
    "cli/progress.py": "cli/test_segment.py",
    "engines/exporting/settings.py": "cli/test_export.py",
    "segmentation/file_settings.py": "segmentation/test_segment.py",
    "datasets/reviewed.py": "datasets/reading/test_label_studio.py",
    "datasets/writing/options.py": "datasets/writing/test_staged_writer.py",
    "images/read.py": "images/test_read_image.py",
    "images/limits.py": "images/test_read_image.py",
    **{f"serving/{name}.py": "serving/routes/test_asking.py" for name in ("bodies", "networks", "shapes", "workplace")},
    "serving/decoding.py": "serving/routes/test_asking.py",
    "serving/folder.py": "serving/routes/test_images.py",
    "serving/metrics.py": "serving/routes/test_session.py",
    "finetuning/step.py": "finetuning/test_loop.py",
    "finetuning/trained_weights.py": "finetuning/test_loop.py",
    "finetuning/training_set.py": "finetuning/test_loop.py",
    "finetuning/training_state.py": "finetuning/test_loop.py",
    "__init__.py": "test_public_api.py",
    "__main__.py": "cli/test_main.py",
    # Names, arguments and numbers of the official packages.
    "sam2/drawn_masks.py": "sam2/test_automatic_mask_generator.py",
    "sam2/modeling/memory.py": "sam2/modeling/test_sam2_base.py",
    "sam2/modeling/sam2_utils.py": "sam2/test_names.py",
    "sam2/modeling/sam/transformer.py": "sam2/test_names.py",
    "sam2/sam2_video_predictor.py": "sam2/test_videos.py",
    "sam2/utils/amg.py": "sam2/test_names.py",
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


def test_every_module_has_its_test():
    for path in MODULES:
        name = path.relative_to(SOURCE)
        if name.name == "__init__.py" and name.as_posix() not in MIRRORS_ELSEWHERE:
            continue
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
        "fastapi",
        "pydantic",
        "uvicorn",
        "xxhash",
        "yaml",
    }
    assert not heavy & set(loaded)


def test_reading_images_needs_no_torch():
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
import samara, samara.segmentation.segment_files, samara.segment_anything, samara.sam2, samara.checkpoints.load
assert before == state()
"""


def test_importing_changes_nothing():
    subprocess.run([sys.executable, "-c", SIDE_EFFECTS], check=True)
