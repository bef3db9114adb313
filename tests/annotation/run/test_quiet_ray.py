"""Ray, connected: afterwards terminal, environment and signals are as before. With a stand-in for Ray itself."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import types
import warnings

import pytest

from samara.annotation.run import quiet_ray
from samara.annotation.run.quiet_ray import connected, require_ray
from samara.errors import MissingExtra


@pytest.fixture
def ray(monkeypatch):
    """Does at `init` what Ray 2.60 does."""
    module = types.ModuleType("ray")
    module.seen = {}
    module.is_initialized = lambda: False

    def init(**options):
        module.seen = options | {"usage": os.environ["RAY_USAGE_STATS_ENABLED"]}
        os.environ["RAY_AUTH_MODE"] = "token"
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(15))
        logging.getLogger("ray._private.authentication").warning("Token authentication is enabled")
        logging.getLogger("ray.core").error("a machine is lost")
        warnings.warn("In future versions of Ray", FutureWarning, stacklevel=1)

    module.init = init
    module.shutdown = lambda: module.seen.update(shut_down=True)
    monkeypatch.setitem(sys.modules, "ray", module)
    return module


def test_everything_is_as_before(ray, caplog, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "of the user")
    before = dict(os.environ), signal.getsignal(signal.SIGTERM), logging.getLogger("ray").level
    with connected("10.0.0.1:6379") as found:
        assert found is ray
        assert signal.getsignal(signal.SIGTERM) == before[1]
    assert before == (dict(os.environ), signal.getsignal(signal.SIGTERM), logging.getLogger("ray").level)
    assert ray.seen["address"] == "10.0.0.1:6379"
    assert (ray.seen["log_to_driver"], ray.seen["usage"], ray.seen["shut_down"]) == (False, "0", True)
    assert [record.message for record in caplog.records] == ["a machine is lost"]  # errors are not hidden


def test_what_its_threads_print_is_dropped_and_nothing_else(ray, capsys):
    def say(name):
        thread = threading.Thread(target=print, args=(name,), name=name)
        thread.start()
        thread.join()

    with connected(None):
        say("ray_listen_error_messages")
        say("of the program")
        print("here")
        assert sys.stdout.encoding
        assert not sys.stdout.isatty()
    say("ray_afterwards")
    assert capsys.readouterr().out.split("\n") == ["of the program", "here", "ray_afterwards", ""]


def test_it_is_shut_down_after_an_error(ray):
    with pytest.raises(KeyError), connected(None):
        raise KeyError
    assert ray.seen["shut_down"]


def test_what_the_user_chose_stands(ray, monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    with connected(None):
        assert ray.seen["usage"] == "1"
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "1"


def test_a_connection_of_the_program_itself_is_left(ray):
    ray.is_initialized = lambda: True
    with connected(None):
        pass
    assert ray.seen == {}


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r'^`cluster="ray"` needs ray.*samara\[ray\]'):
        require_ray()


def test_annotate_asks_the_same():
    from samara.annotation import carry_out

    assert carry_out.require_ray is quiet_ray.require_ray
