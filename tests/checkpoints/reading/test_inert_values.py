"""What lies beside the weights stays inert: everything harmless is read past, nothing runs, calls are refused."""

from __future__ import annotations

import argparse
import array
import collections
import contextlib
import copy
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import http
import importlib
import io
import ipaddress
import itertools
import logging
import operator
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import types
import typing
import unittest.mock
import uuid
import zoneinfo

import numpy as np
import pytest
import torch

import samara
from samara.checkpoints.reading import restricted_pickle
from samara.checkpoints.reading.inert_values import new_object, reduced
from samara.checkpoints.reading.layout import ForbiddenCallError, MalformedFileError
from samara.checkpoints.reading.pickle_values import InertObject, Name, python3_name
from samara.checkpoints.reading.restricted_pickle import BoundedReader, load_pickle
from samara.checkpoints.reading.state_dicts import read_layout, read_state_dict
from samara.errors import UnrecognisedCheckpoint, UnsafeCheckpoint


class Colour(enum.Enum):
    RED = 1


class Outer:
    class Shade(enum.Enum):
        DARK = "dark"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


Point = collections.namedtuple("Point", "x y")


class TypedPoint(typing.NamedTuple):
    x: int


@dataclasses.dataclass
class Config:
    path: object = "/data"
    inner: object = None


@dataclasses.dataclass(frozen=True, slots=True)
class SlottedConfig:
    a: int = 1


class Node(dict):
    """As easydict, addict and yacs: a dictionary whose items are attributes."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.__dict__.update(frozen=True)


class Tags(list):
    pass


class Text(str):
    pass


class WithState:
    def __getstate__(self):
        return ["any", "thing"]

    def __setstate__(self, state):
        raise AssertionError("nothing is restored")


class Average:
    """As torch_ema: the average of some parameters, in an object."""

    def __init__(self, parameters):
        self.shadow_params = [parameter.detach().clone() for parameter in parameters]


def make_network():
    return torch.nn.Linear(2, 2)


def one(epoch):
    return 1.0


def stepped():
    optimiser = torch.optim.AdamW(make_network().parameters())
    sum(parameter.sum() for parameter in optimiser.param_groups[0]["params"]).backward()
    optimiser.step()
    return optimiser


KINDS = {
    "posix path": pathlib.PurePosixPath("/a/b"),
    "windows path": pathlib.PureWindowsPath("C:/a"),
    "real path": pathlib.Path("/a"),
    "namespace": argparse.Namespace(lr=0.1, path=pathlib.Path("x")),
    "simple namespace": types.SimpleNamespace(a=1),
    "ordered": collections.OrderedDict(a=1),
    "default": collections.defaultdict(list, a=[1]),
    "default of a class": collections.defaultdict(Config),
    "counter": collections.Counter("aab"),
    "deque": collections.deque([1, 2], maxlen=3),
    "user dict": collections.UserDict(a=1),
    "chain map": collections.ChainMap({"a": 1}),
    "named tuple": Point(1, 2),
    "typed tuple": TypedPoint(1),
    "dataclass": Config(inner=Config()),
    "slotted dataclass": SlottedConfig(),
    "enum": Colour.RED,
    "enum within": Outer.Shade.DARK,
    "flag": Access.READ | Access.WRITE,
    "int enum": Level.LOW,
    "enum class": Colour,
    "keys of an enum": {Colour.RED: 1, (Colour.RED, 2): 3},
    "keys that are paths": {pathlib.PurePosixPath("a"): 1},
    "keys that are devices": {torch.device("cpu"): 1},
    "keys of pairs": {((1, 2), "a"): 1},
    "partial": functools.partial(print, 1, sep=" "),
    "partial of a class": functools.partial(torch.nn.Linear, 3),
    "partial of system": functools.partial(os.system, "true"),  # it is named, never called
    "datetime": datetime.datetime(2026, 1, 2, 3, tzinfo=datetime.UTC),
    "date": datetime.date(2026, 1, 2),
    "clock": datetime.time(3, 4),
    "zone": datetime.timezone(datetime.timedelta(hours=1)),
    "named zone": zoneinfo.ZoneInfo("UTC"),
    "delta": datetime.timedelta(days=1),
    "struct time": time.gmtime(0),
    "fraction": fractions.Fraction(1, 3),
    "decimal": decimal.Decimal("1.5"),
    "complex": 1 + 2j,
    "uuid": uuid.UUID(int=3),
    "range": range(3),
    "slice": slice(1, 2, 3),
    "set": {1, 2},
    "frozen set": frozenset({1}),
    "bytes": b"a",
    "bytearray": bytearray(b"a"),
    "ellipsis": [..., NotImplemented],
    "none type": type(None),
    "pattern": re.compile("a+", re.IGNORECASE),
    "flags": re.IGNORECASE,
    "exception": ValueError("x"),
    "address": ipaddress.ip_address("127.0.0.1"),
    "status": http.HTTPStatus.OK,
    "signal": signal.SIGTERM,
    "random state": random.Random(3),
    "array": array.array("d", [1.0]),
    "count": itertools.count(3),
    "getter": operator.itemgetter(1),
    "attribute": operator.attrgetter("a"),
    "logger": logging.getLogger("x"),
    "list type": list[int],
    "union type": int | str,
    "typing": typing.Dict[str, typing.Any],  # noqa: UP006 - what older scripts hold
    "optional": typing.Optional[int],  # noqa: UP045
    "dict subclass": Node(a=Node(b=1)),
    "list subclass": Tags([1]),
    "str subclass": Text("a"),
    "state of its own": WithState(),
    "bound method": Config().__init__,
    "function": make_network,
    "class": Config,
    "numpy scalar": np.float64(1.5),
    "numpy bool": np.bool_(True),
    "numpy array": np.arange(3.0),
    "numpy text": np.array(["a"]),
    "numpy dates": np.array(["2026-01-02"], "datetime64[D]"),
    "numpy objects": np.array([{"a": 1}], dtype=object),
    "numpy dtype": np.dtype("f4"),
    "numpy record": np.zeros(2, [("a", "f4")]),
    "numpy generator": np.random.default_rng(1),
    "numpy old generator": np.random.RandomState(1),
    "masked": np.ma.masked_array([1, 2], [True, False]),
    "torch size": torch.Size([1, 2]),
    "torch dtype": torch.float16,
    "torch device": torch.device("cuda:0"),
    "torch layout": torch.strided,
    "generator state": torch.get_rng_state(),
    "optimiser": stepped(),
    "optimiser state": stepped().state_dict(),
    "schedule": torch.optim.lr_scheduler.StepLR(stepped(), 1),
    "schedule of a function": torch.optim.lr_scheduler.LambdaLR(stepped(), one),
    "cosine": torch.optim.lr_scheduler.CosineAnnealingLR(stepped(), 3),
    "scaler": torch.amp.GradScaler("cpu"),
    "average": Average(make_network().parameters()),
    "averaged model": torch.optim.swa_utils.AveragedModel(make_network()),
    "loss": torch.nn.CrossEntropyLoss(),
    "distribution": torch.distributions.Normal(0.0, 1.0),
    "sparse": torch.eye(2).to_sparse(),
    "nested": {"a": [Config(inner={"b": (Colour.RED, [pathlib.PurePosixPath("x")])})]},
}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_beside_the_weights_is_read_past(tmp_path, kind, protocol):
    state = {"image_encoder.a": torch.ones(2)}
    path = tmp_path / "x.pth"
    torch.save({"model": state, "beside": KINDS[kind]}, path, pickle_protocol=protocol)
    layout = read_layout(path)
    assert (list(layout.tensors), layout.wrapper) == (["image_encoder.a"], "model")
    assert read_state_dict(path)["image_encoder.a"].equal(state["image_encoder.a"])


@pytest.mark.parametrize("kind", ["namespace", "dataclass", "enum", "partial", "numpy array", "optimiser"])
def test_the_same_in_files_before_torch_1_6(tmp_path, kind):
    path = tmp_path / "x.pth"
    value = {"model": {"image_encoder.a": torch.ones(2)}, "beside": copy.deepcopy(KINDS[kind])}
    torch.save(value, path, _use_new_zipfile_serialization=False)
    assert list(read_layout(path).tensors) == ["image_encoder.a"]


@contextlib.contextmanager
def packages(**classes):
    """Classes of packages that are there only while a file is written."""
    modules = {}
    for name, cls in classes.items():
        module = name.replace("__", ".")
        for parent in itertools.accumulate(module.split("."), "{}.{}".format):
            modules.setdefault(parent, types.ModuleType(parent))
        setattr(modules[module], cls.__name__, cls)
        cls.__module__, cls.__qualname__ = module, cls.__name__
    with unittest.mock.patch.dict(sys.modules, modules):
        yield


class DictConfig:
    """As omegaconf's: metadata with types, content, a parent that leads back."""

    def __init__(self, content, parent=None):
        self.__dict__.update(_metadata={"ref_type": typing.Any, "element_type": typing.Dict[str, int]})  # noqa: UP006
        self.__dict__.update(_content=content, _parent=parent)

    def __getstate__(self):
        return dict(self.__dict__)

    def __setstate__(self, state):
        raise AssertionError("nothing is restored")


class ListConfig(DictConfig):
    pass


class Strategy(enum.StrEnum):
    DDP = "ddp"


class ConfigDict(dict):
    """As mmengine's, which pickles as a call of its class."""

    def __reduce_ex__(self, protocol):
        return self.__class__, (dict(self),)


def test_configurations_of_packages_that_are_not_here(tmp_path):
    path = tmp_path / "x.ckpt"
    with packages(
        omegaconf__dictconfig=DictConfig,
        omegaconf__listconfig=ListConfig,
        lightning__enums=Strategy,
        mmengine__config=ConfigDict,
    ):
        inner = ListConfig([1, 2])
        config = DictConfig({"a": inner, "b": ConfigDict(c=1)})
        inner.__dict__["_parent"] = config
        beside = {"hyper_parameters": config, "strategy": Strategy.DDP, "cfg": ConfigDict(a=ConfigDict(b=1))}
        torch.save({"state_dict": {"image_encoder.a": torch.ones(2)}, **beside}, path)
    assert "omegaconf" not in sys.modules
    assert list(read_layout(path).tensors) == ["image_encoder.a"]


@pytest.mark.parametrize(
    "pickled",
    [
        b"cpathlib._local\nPosixPath\n(X\x01\x00\x00\x00atR",  # Python 3.13
        b"cpathlib\nWindowsPath\n(X\x01\x00\x00\x00atR",
        b"c__main__\nConfig\n)\x81}X\x01\x00\x00\x00aK\x01sb",
        b"c__main__\nColour\nK\x01\x85R",
        b"c__builtin__\ngetattr\nc__main__\nOuter\nX\x05\x00\x00\x00Inner\x86R)\x81",
        b"ccopy_reg\n_reconstructor\n(c__main__\nConfig\nc__builtin__\nobject\nNtR",
        b"ccopyreg\n__newobj_ex__\nc__main__\nConfig\n)}\x87R",
        b"c__main__\n<lambda>\n",
        b"c__main__\nmake.<locals>.inner\n",
    ],
)
def test_kinds_that_this_python_does_not_write(pickled):
    assert isinstance(read_back(pickled), (InertObject, Name))


def read_back(pickled):
    # In a list: by itself it would be all that the file holds.
    value = load_pickle(BoundedReader(io.BytesIO(b"\x80\x02]" + pickled + b"a."))).value
    assert isinstance(value, list)
    return value[0]


class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Restores:
    """Whose state a hostile class would act upon."""

    def __setstate__(self, state):
        os.system(state["command"])


ATTACKS = {
    "system": lambda command: Call(os.system, command),
    "eval": lambda command: Call(eval, f"__import__('os').system({command!r})"),
    "popen": lambda command: Call(subprocess.Popen, command),
    "open a pipe": lambda command: Call(os.popen, command),
    "import": lambda command: Call(importlib.import_module, "antigravity"),
    "rmtree": lambda command: Call(shutil.rmtree, "/nonexistent"),
    "compile": lambda command: Call(compile, command, "x", "exec"),
    "path": lambda command: Call(pathlib.Path.write_text, pathlib.Path("x"), "a"),
    "map": lambda command: Call(map, os.system, [command]),
    "call of a partial": lambda command: Call(functools.reduce, os.system, [command]),
    "sleep": lambda command: Call(time.sleep, 0),
    "compile of a pattern": lambda command: Call(re.sub, "a", "b", "c"),
    "file": lambda command: Call(open, "x", "w"),
    "torch": lambda command: Call(torch.load, "x"),
    "program": lambda command: Call(torch.hub.load, "x"),
}


PLACES = {
    "beside": lambda call: {"beside": call},
    "in a dataclass": lambda call: {"beside": Config(inner=call)},
    "in a list of a dict subclass": lambda call: {"beside": Node(a=[call])},
    "as a default": lambda call: {"beside": collections.defaultdict(None, a=call)},
    "argument of a partial": lambda call: {"beside": functools.partial(print, call)},
    "in an array of objects": lambda call: {"beside": np.array([call], dtype=object)},
    "wrapper": lambda call: {"ema": call},
    "in an enum's value": lambda call: {"beside": Call(Colour, call)},
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("place", PLACES)
def test_a_call_is_refused_wherever_it_stands(tmp_path, attack, place):
    marker, path = tmp_path / "marker", tmp_path / "x.pth"
    hostile = ATTACKS[attack](f"touch {marker}")
    torch.save({"model": {"image_encoder.a": torch.ones(2)}, **PLACES[place](hostile)}, path)
    for read in (read_layout, read_state_dict):
        with pytest.raises(UnsafeCheckpoint, match="would call .* when loaded; nothing was run"):
            read(path)
    assert not marker.exists()


def test_a_state_that_a_class_would_act_upon_is_only_a_state(tmp_path):
    marker, path = tmp_path / "marker", tmp_path / "x.pth"
    hostile = Restores()
    hostile.command = f"touch {marker}"
    torch.save({"model": {"image_encoder.a": torch.ones(2)}, "beside": hostile}, path)
    assert list(read_layout(path).tensors) == ["image_encoder.a"]
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists()  # the attack is real


def test_tensors_do_not_come_out_of_objects_that_nobody_knows(tmp_path):
    path = tmp_path / "x.pth"
    torch.save({"model": Node({"image_encoder.a": torch.ones(2)})}, path)
    with pytest.raises(UnrecognisedCheckpoint, match="tests.checkpoints.reading.test_inert_values.Node"):
        samara.identify(path)
    torch.save(Node({"image_encoder.a": torch.ones(2)}), path)
    with pytest.raises(UnsafeCheckpoint, match="test_inert_values.Node"):
        read_layout(path)


@pytest.mark.parametrize(
    "pickled",
    [
        b"c__main__\nConfig\n)\x81R",  # no tuple of arguments
        b"c__main__\nConfig\n)\x81)R",  # an inert object, called
        b"c__builtin__\ngetattr\ncos\npath\nX\x06\x00\x00\x00system\x86RX\x01\x00\x00\x00a\x85R",
        b"c__builtin__\ngetattr\nc__main__\nConfig\n)\x81X\x01\x00\x00\x00a\x86R)R",
        b"cfunctools\npartial\ncos\nsystem\n\x85R)R",
        b"c__builtin__\ntype\n(X\x01\x00\x00\x00a)}tR",
        b"coperator\ngetitem\n)\x85R",
        b"cfunctools\nreduce\ncos\nsystem\n]\x86R",
        b"cevil\nfunction\n)R",
        b"csubprocess\nPopen\n)\x81",
        b"ccommands\nPopen\n)\x81",  # as protocol 2 spells it
        b"ccommands\nPopen\n)R",
        b"ctypes\nFunctionType\n)\x81",
        b"ccopyreg\n__newobj__\ncsubprocess\nPopen\n\x85R",
        b"ccopyreg\n_reconstructor\n(csubprocess\nPopen\nc__builtin__\nobject\nNtR",
    ],
)
def test_tricks_are_refused(pickled):
    with pytest.raises((ForbiddenCallError, MalformedFileError)):
        read_back(pickled)


def test_a_memo_that_leads_back_into_an_object_is_survived():
    value = read_back(b"c__main__\nConfig\n)\x81q\x00}X\x01\x00\x00\x00ah\x00sb")
    assert value.state["a"] is value


def test_many_objects_end_the_reading(monkeypatch):
    monkeypatch.setattr(restricted_pickle, "MAX_OPERATIONS", 1000)
    with pytest.raises(MalformedFileError, match="longer than any"):
        read_back(b"(" + b"c__main__\nConfig\n)\x81" * 1000 + b"l")


def test_the_parts_one_by_one():
    assert reduced(python3_name("builtins", "getattr"), (python3_name("a", "B"), "c")) == Name("a", "B.c")
    assert isinstance(new_object(python3_name("anything", "thing"), ()), InertObject)
    with pytest.raises(ForbiddenCallError, match=r"os\.thing"):
        new_object(python3_name("os", "thing"), ())
