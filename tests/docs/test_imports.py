"""The code in the documents needs no deeper path than the package itself, the drop-ins and the integrations."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import samara

ROOT = Path(__file__).parents[2]
DROP_INS = ("samara.segment_anything", "samara.segment_anything_hq", "samara.sam2", "samara.integrations")


def blocks():
    """Every piece of Python in the documents, as a parameter of the test."""
    for document in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for number, code in enumerate(
            re.findall(r"^```python\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE)
        ):
            yield pytest.param(code, id=f"{document.stem}-{number}")


@pytest.mark.parametrize("code", list(blocks()))
def test_it_imports_the_package_alone_and_names_that_are_there(code):
    for node in ast.walk(ast.parse(code)):
        modules = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            modules = [node.module]
        for module in modules:
            first, *inner = module.split(".")
            assert first != "samara" or not inner or module.startswith(DROP_INS), f"import {module} goes too deep"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "samara":
            assert node.attr in (*samara.__all__, "segment_anything"), f"samara.{node.attr} is no public name"


def test_there_are_many():
    assert len(list(blocks())) >= 10
