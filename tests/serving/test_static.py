"""The files of the page, and no others."""

from __future__ import annotations

import pytest

from samara.serving.palette import stylesheet
from samara.serving.refusals import Refused
from samara.serving.static import TYPES, Static


class Request:
    def __init__(self, **headers):
        self.headers = headers


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "page"
    (folder / "parts").mkdir(parents=True)
    (folder / "index.html").write_text("<title>page</title>")
    (folder / "parts" / "a.js").write_text("export {}")
    (folder / "secret.py").write_text("1")
    (tmp_path / "outside.js").write_text("2")
    return Static(folder)


def test_files_have_their_types(files):
    index = files.index(Request())
    assert index.body == b"<title>page</title>"
    assert index.headers["content-type"] == TYPES[".html"]
    script = files.file(Request(), "parts/a.js")
    assert script.headers["content-type"] == TYPES[".js"]
    assert script.headers["cache-control"] == "no-cache"
    assert files.file(Request(**{"if-none-match": script.headers["etag"]}), "parts/a.js").status_code == 304
    assert files.file(Request(), "palette.css").body.decode() == stylesheet()


@pytest.mark.parametrize("name", ["secret.py", "../outside.js", "parts", "", "/etc/passwd", "parts/../index.html"])
def test_others_are_not_served(files, name):
    with pytest.raises(Refused) as told:
        files.file(Request(), name)
    assert told.value.status == 404


def test_they_come_through_the_server(fixed_client):
    assert fixed_client.get("/page/palette.css").headers["content-type"] == TYPES[".css"]
    assert fixed_client.get("/page/%2e%2e/serve.py").status_code == 404
