"""The files of the page: small modules, nothing from other hosts, nothing that its content security policy forbids."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "src" / "samara" / "serving" / "page"
MODULES = sorted(PAGE.glob("*.js"))
MAX_LINES = 300

# Ways to make elements or code of text, and styles that the policy would drop.
FORBIDDEN = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "cssText"]


def test_everything_there_is_used():
    named = set(re.findall(r'"(?:page|\.)/([\w.]+)"', "".join(file.read_text() for file in PAGE.iterdir())))
    assert {file.name for file in PAGE.iterdir()} - {"index.html"} | {"palette.css"} == named


@pytest.mark.parametrize("file", sorted(PAGE.iterdir()), ids=lambda file: file.name)
def test_it_asks_no_other_host(file):
    text = file.read_text().replace("http://www.w3.org/2000/svg", "")  # a name, not an address
    assert "//" not in re.sub(r"^\s*//.*$|\s// .*$", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.name)
def test_a_module_has_one_idea_and_says_it_first(file):
    text = file.read_text()
    assert text.startswith("/**")
    assert text.count("\n") <= MAX_LINES
    assert not [word for word in FORBIDDEN if word in text]


def test_the_document_has_neither_scripts_nor_styles_inside():
    text = (PAGE / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)", text)


def test_every_symbol_and_command_that_the_document_names_exists():
    text = (PAGE / "index.html").read_text()
    assert set(re.findall(r'href="#(i-[\w-]+)"', text)) <= set(re.findall(r'<symbol id="(i-[\w-]+)"', text))
    commands = (PAGE / "commands.js").read_text()
    for name in re.findall(r'data-command="([\w-]+)"', text):
        assert f'id: "{name}"' in commands or name.startswith("answer-"), name
