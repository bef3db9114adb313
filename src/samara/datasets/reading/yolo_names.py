"""The description of a YOLO data set: its yaml, or a list of class names.

All YAML scalars are read as literal text, so that a class called `no`, `on` or `1e3` keeps its name. Nothing is
constructed, aliases are refused, and a duplicate key is an error: a name is never guessed.

Source: the Ultralytics documentation on data sets (the format only).
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from samara.datasets.ground_truth import PARTS, Part
from samara.datasets.reading.findings import Findings
from samara.datasets.reading.text_files import read_text
from samara.errors import DatasetError

YAML_SUFFIXES = (".yaml", ".yml")
# In order of preference; another name counts if it is the only yaml.
_USUAL_YAMLS = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
# Label Studio and LabelImg write the first, Darknet the second; some put it among the labels.
_NAME_LISTS = ("classes.txt", "obj.names", "labels/classes.txt")
# The keys of a part; the first is Ultralytics' own.
_KEYS: Mapping[Part, tuple[str, ...]] = {"train": ("train",), "val": ("val", "validation", "valid"), "test": ("test",)}
_NOTHING = ("", "~", "null", "Null", "NULL")
# Twenty thousand names take a tenth of it; the parser needs seconds for one megabyte.
_MAX_BYTES = 1 << 20
_OWN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")}

NUMBERED = "objects have classes without names; the class numbers were used instead"

Names: TypeAlias = Mapping[int, str]


@dataclass(frozen=True)
class Description:
    """The description of a data set.

    Attributes:
        file: the yaml, or the list of names.
        names: names by class number; None if it has none.
        root: `path` as in the file; None if it has none.
        parts: folders and lists of train, val and test, as in the file.
        download: whether Ultralytics would download the images.
    """

    file: Path
    names: Names | None
    root: str | None = None
    parts: Mapping[Part, tuple[str, ...]] = field(default_factory=dict)
    download: bool = False


def read_yaml(file: Path) -> Description:
    """Read the yaml of a YOLO data set.

    Raises:
        DatasetError: it cannot be read, is not YAML, or is unusable.
    """
    where = repr(str(file))
    content = _parsed(file, where)
    if "kpt_shape" in content:
        raise DatasetError(f"{where} describes key points (kpt_shape), which have no masks; use outlines.")
    names = _names(content.get("names"), where)
    _check_count(content.get("nc"), names, where)
    parts = {part: listed for part in PARTS if (listed := _listed(content, part, where))}
    root = content.get("path")
    if root is not None and not isinstance(root, str):
        raise DatasetError(f"{where} has the path {_short(root)}; it must be one folder.")
    return Description(
        file, names, None if root in _NOTHING else root, parts, content.get("download", "") not in _NOTHING
    )


def find_description(folder: Path) -> Description | None:
    """Return the description of a folder: its yaml, or else a list of class names; None if there is none.

    Raises:
        DatasetError: there are several, or it is invalid.
    """
    for name in _USUAL_YAMLS:
        if (folder / name).is_file():
            return read_yaml(folder / name)
    found = sorted(path for path in folder.glob("*.y*ml") if path.suffix in YAML_SUFFIXES and path.is_file())
    if len(found) > 1:
        raise DatasetError(
            f"{str(folder)!r} has {len(found)} yaml files, such as {found[0].name!r} and {found[1].name!r}; pass the "
            "data set's yaml instead of the folder."
        )
    if found:
        return read_yaml(found[0])
    for name in _NAME_LISTS:
        if (folder / name).is_file():
            return Description(folder / name, read_names(folder / name))
    return None


def read_names(file: Path) -> Names | None:
    """Read a list of class names, one per line; None if it is empty.

    Raises:
        DatasetError: it cannot be read, or a line between two names is empty, which makes the numbers ambiguous.
    """
    names = [line.strip() for line in read_text(file).rstrip().splitlines()]
    if "" in names:
        raise DatasetError(
            f"Line {names.index('') + 1} of {str(file)!r} is empty; line numbers are class numbers, so remove the "
            "line or name the class."
        )
    return dict(enumerate(names)) or None


def _parsed(file: Path, where: str) -> dict[str, Any]:  # Any: text, and lists and mappings of it
    try:
        size = file.stat().st_size
    except OSError as error:
        raise DatasetError(f"{where} cannot be read ({error.strerror or error}); check the path.") from error
    if size > _MAX_BYTES:
        raise DatasetError(f"{where} has {size:,} bytes, too many for the yaml of a data set; check the path.")
    try:
        node = yaml.compose(read_text(file), Loader=yaml.BaseLoader)
        content = {} if node is None else _plain(node, where, set())
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{where} is not YAML ({_told(error)}); correct it.") from error
    if not isinstance(content, dict):
        raise DatasetError(f"{where} has no keys such as train, val and names; use the yaml of a YOLO data set.")
    return content


def _told(error: Exception) -> str:
    """Describe a YAML error and its line."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    line = "" if mark is None else f"line {mark.line + 1}: "
    return f"{line}{problem or type(error).__name__}"[:120]


def _plain(node: yaml.Node, where: str, seen: set[int]) -> Any:  # Any: text, and lists and mappings of it
    """Convert a node to text, list or mapping. Nodes must not repeat: an alias can expand to billions."""
    line = node.start_mark.line + 1
    if id(node) in seen:
        raise DatasetError(f"Line {line} of {where} is reused by an alias (*); write it out instead.")
    if node.tag not in _OWN_TAGS:
        raise DatasetError(f"Line {line} of {where} has the tag {_short(node.tag)}; leave it out.")
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(one, where, seen) for one in node.value]
    content: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _plain(key_node, where, seen)
        if not isinstance(key, str):
            raise DatasetError(f"Line {line} of {where} has the key {_short(key)}; it must be text.")
        if key in content:
            raise DatasetError(f"{where} has the key {_short(key)} twice; keep one.")
        content[key] = _plain(value_node, where, seen)
    return content


def _names(value: Any, where: str) -> Names | None:  # Any: text, and lists and mappings of it
    if value is None or value in _NOTHING or value in ([], {}):
        return None
    if isinstance(value, list):
        named: dict[Any, Any] = dict(enumerate(value))
    elif isinstance(value, dict):
        named = {_number(key, where): name for key, name in value.items()}
    else:
        raise DatasetError(
            f"{where} has the names {_short(value)}; they must be a list of names, or a mapping from numbers to names."
        )
    if len(named) < len(value):
        raise DatasetError(f"{where} names one class twice; keep one name for each number.")
    for number, name in named.items():
        if not isinstance(name, str) or not name.strip():
            raise DatasetError(f"{where} has the name {_short(name)} for class {number}; it must be text.")
    return named


def _number(key: str, where: str) -> int:
    if not key.isascii() or not key.isdecimal() or len(key) > 9:
        raise DatasetError(f"{where} has {_short(key)} among the class numbers; they must be whole numbers.")
    return int(key)


def _check_count(value: object, names: Names | None, where: str) -> None:
    """Compare `nc` with the names."""
    if value is None or value in _NOTHING or names is None:
        return
    if value != str(len(names)):
        raise DatasetError(f"{where} has {len(names)} names, but nc is {_short(value)}; both must be equal.")


def _listed(content: Mapping[str, Any], part: Part, where: str) -> tuple[str, ...]:  # Any: see `_parsed`
    given = [(key, content[key]) for key in _KEYS[part] if content.get(key) not in (None, *_NOTHING)]
    if len(given) > 1:
        raise DatasetError(f"{where} has both {given[0][0]} and {given[1][0]}; keep one.")
    if not given:
        return ()
    ((key, value),) = given
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and one and "\0" not in one for one in listed):
        raise DatasetError(f"{where} has {_short(value)} as {key}; it must be a folder or a list (.txt), or several.")
    return tuple(listed)


def name_of_class(number: int, description: Description | None, where: str, findings: Findings) -> str:
    """Return the name of a class, or its number as text if there are no names.

    Raises:
        DatasetError: there are names, but none for this number.
    """
    if description is None or description.names is None:
        findings.note(NUMBERED)
        return str(number)
    if number not in description.names:
        raise DatasetError(f"{where} is of class {number}, which {description.file.name} does not name.")
    return description.names[number]


_abridged = reprlib.Repr()
_abridged.maxstring = _abridged.maxother = 80
_short = _abridged.repr
