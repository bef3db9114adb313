"""Optional libraries: there, or one sentence with the install command."""

from __future__ import annotations

import sys

import pytest

from samara.errors import MissingExtra
from samara.system.extras import is_installed, require


def test_what_is_there_is_fine():
    require("json", "report", "a report")
    assert is_installed("json")


@pytest.mark.parametrize("how", ["never installed", "hidden"])
def test_what_is_missing_is_one_sentence_with_the_command(monkeypatch, how):
    library = "no_such_library"
    if how == "hidden":
        library = "json"
        monkeypatch.setitem(sys.modules, library, None)
    assert not is_installed(library)
    with pytest.raises(MissingExtra) as caught:
        require(library, "report", "a report")
    assert (
        str(caught.value)
        == f"a report needs {library} (extra 'report'), which is not installed; pip install 'samara[report]'"
    )
