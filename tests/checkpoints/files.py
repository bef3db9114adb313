"""Checkpoint files for tests: full size by their headers, nearly nothing on the disk."""

from __future__ import annotations

import io
import json
import math
import pickle
import struct
import sys
import types
import unittest.mock
import zlib
from collections import OrderedDict
from pathlib import Path

import torch

LAYOUTS = Path(__file__).parent / "layouts"
CODES = {"float32": ("F32", 4, torch.FloatStorage), "float16": ("F16", 2, torch.HalfStorage)}


def parameters_of(name):
    """Trained numbers of an official network."""
    return json.loads((LAYOUTS / f"{name}.json").read_text())["parameters"]


def shapes_of(name):
    """Name and shape of every entry of an official network's state dict."""
    layout = json.loads((LAYOUTS / f"{name}.json").read_text())
    base = shapes_of(layout["base"]) if "base" in layout else {}
    return base | {key: tuple(shape) for key, shape in layout["shapes"].items()}


ALL_LAYOUTS = sorted(path.stem for path in LAYOUTS.glob("*.json"))


def write_safetensors(path, shapes, *, dtype="float32", metadata=None):
    """A safetensors file whose numbers are a hole in the disk."""
    code, item, _ = CODES[dtype]
    header, position = ({"__metadata__": metadata} if metadata else {}), 0
    for name, shape in shapes.items():
        end = position + math.prod(shape) * item
        header[name] = {"dtype": code, "shape": list(shape), "data_offsets": [position, end]}
        position = end
    return write_raw_safetensors(path, header, position)


def write_raw_safetensors(path, header, data_bytes):
    """A safetensors file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + data_bytes)
    return path


class HollowStorage:
    def __init__(self, key, kind, elements):
        self.identifier = ("storage", kind, key, "cpu", elements)


class HollowTensor:
    """Pickles as a tensor whose numbers are elsewhere."""

    def __init__(self, storage, shape):
        self.storage, self.shape = storage, tuple(shape)

    def __reduce__(self):
        stride = tuple(math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape)))
        return torch._utils._rebuild_tensor_v2, (self.storage, 0, self.shape, stride, False, OrderedDict())


class HollowPickler(pickle.Pickler):
    def persistent_id(self, obj):
        return obj.identifier if isinstance(obj, HollowStorage) else None


def write_torch_zip(path, shapes, *, dtype="float32", wrap=lambda tensors: tensors):
    """What torch.save writes for a state dict, with holes for numbers. `wrap` puts the dict into others."""
    _, item, kind = CODES[dtype]
    tensors, sizes = OrderedDict(), {}
    for index, (name, shape) in enumerate(shapes.items()):
        elements = math.prod(shape)
        tensors[name] = HollowTensor(HollowStorage(str(index), kind, elements), shape)
        sizes[f"x/data/{index}"] = elements * item
    stream = io.BytesIO()
    HollowPickler(stream, protocol=2).dump(wrap(tensors))
    return write_zip(path, {"x/data.pkl": stream.getvalue(), "x/version": b"3\n", **sizes})


def write_zip(path, records):
    """A zip without compression. A record given as a number is a hole of so many bytes."""
    directory = b""
    with path.open("wb") as file:
        for name, data in records.items():
            hole = isinstance(data, int)
            size, checksum = (data, 0) if hole else (len(data), zlib.crc32(data))
            encoded, offset = name.encode(), file.tell()
            fields = struct.pack("<HHHHHIII", 20, 0, 0, 0, 0x21, checksum, size, size)
            file.write(b"PK\x03\x04" + fields + struct.pack("<HH", len(encoded), 0) + encoded)
            if hole:
                file.seek(size, 1)
            else:
                file.write(data)
            tail = struct.pack("<HHHHHII", len(encoded), 0, 0, 0, 0, 0, offset)
            directory += b"PK\x01\x02" + struct.pack("<H", 20) + fields + tail + encoded
        start = file.tell()
        file.write(directory)
        count = len(records)
        file.write(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), start, 0))
    return path


def write_ultralytics_style(path, shapes, *, names=None, values=None, **beside):
    """A whole module in half precision, of a class that exists only while the file is written.

    `names` are its classes, `values` its tensors (zeros for what is not there), `beside` what lies next to it.
    """
    package = {name: types.ModuleType(name) for name in ("ultralytics", "ultralytics.nn", "ultralytics.nn.tasks")}
    cls = type("SegmentationModel", (torch.nn.Module,), {"__module__": "ultralytics.nn.tasks"})
    package["ultralytics.nn.tasks"].SegmentationModel = cls
    network = cls()
    network.names = {0: "object"} if names is None else names
    for name, shape in shapes.items():
        *parents, leaf = name.split(".")
        owner = network
        for parent in parents:
            if parent not in owner._modules:
                owner.add_module(parent, torch.nn.Module())
            owner = owner._modules[parent]
        kind = torch.int64 if leaf == "num_batches_tracked" else torch.float16
        value = (values or {}).get(name, torch.zeros(shape)).to(kind)
        if leaf.startswith(("running", "num")):
            owner.register_buffer(leaf, value)
        else:
            owner.register_parameter(leaf, torch.nn.Parameter(value, requires_grad=False))
    with unittest.mock.patch.dict(sys.modules, package):
        torch.save({"epoch": -1, "model": network, "ema": None, "train_args": {"imgsz": 640}, **beside}, path)
    return path
