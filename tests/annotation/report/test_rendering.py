"""Rendering: the page allows its own script and no other."""

from __future__ import annotations

import base64
import hashlib
import re

from samara.annotation.report.rendering import render


def test_the_stated_digest_is_that_of_the_script():
    page = render(
        "annotation/report/images.html.j2",
        title="\udcff",
        number=1,
        previous=None,
        next=None,
        lines=[],
        titles=[],
        categories=[],
    ).decode()
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
