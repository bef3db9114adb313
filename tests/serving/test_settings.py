"""Settings that make no sense are refused."""

from __future__ import annotations

import pytest

from samara.errors import SettingsError
from samara.serving.settings import ServeSettings


@pytest.mark.parametrize(
    "field", [{"port": 65536}, {"port": -1}, {"token": "short"}, {"timeout_s": 0}, {"max_upload_mb": float("nan")}]
)
def test_bad_values_are_refused(field):
    with pytest.raises(SettingsError, match=f"`{next(iter(field))}`"):
        ServeSettings(**field)


@pytest.mark.parametrize(("host", "is_exposed"), [("127.0.0.1", False), ("::1", False), ("0.0.0.0", True)])
def test_exposed_is_what_others_can_reach(host, is_exposed):
    assert ServeSettings(host=host).is_exposed is is_exposed
