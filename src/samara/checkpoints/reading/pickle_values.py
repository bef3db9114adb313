"""What a pickle can mean here: names, inert objects, descriptions of tensors, a table of harmless calls.

A call in a pickle is a dotted name with arguments. `call` looks the name up among those that PyTorch writes
for tensors and containers and says what the result looks like; classes of network packages become
`InertObject`s, which remember their state and can do nothing. Any other name is refused here, nothing is imported;
what may lie beside the weights all the same is the business of `inert_values`.
"""

from __future__ import annotations

import math
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from samara.checkpoints.reading.layout import ITEM_SIZES, ForbiddenCallError, MalformedFileError

# A pickle may hold any tree of Python values; no narrower type exists for it.
Value = object

_MAX_RANK = 32


@dataclass(frozen=True)
class Name:
    """A dotted name that the pickle mentions; never imported."""

    module: str
    qualname: str

    def __str__(self) -> str:
        return f"{self.module}.{self.qualname}"


@dataclass(eq=False)
class InertObject:
    """An instance of a class that is not there: its name, arguments and state, and no behaviour.

    Attributes:
        cls: the class, or the function that would have made it.
        args: what it would have been made with.
        state: its attributes; of a subclass of dict also its items.
        is_foreign: its class is none that networks are made of.
    """

    cls: Name
    args: tuple[Value, ...] = ()
    state: dict[Value, Value] = field(default_factory=dict)
    is_foreign: bool = False

    @property
    def is_module(self) -> bool:
        """Whether its state is that of a torch.nn.Module."""
        return isinstance(self.state.get("_modules"), dict)


@dataclass(frozen=True)
class Storage:
    """A run of numbers elsewhere in the file; counted in items of `dtype`, or in bytes if it is None."""

    key: str
    dtype: str | None
    elements: int
    first: int = 0


@dataclass(frozen=True)
class StoredTensor:
    """A view of a storage; `offset` and `stride` count elements of `dtype`."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


_STORAGE_TYPES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": None,
}

# What training scripts put beside the weights: kept as inert objects.
_DATA_NAMES = frozenset(
    {
        "argparse.Namespace",
        "builtins.complex",
        "builtins.range",
        "builtins.slice",
        "collections.deque",
        "datetime.datetime",
        "datetime.timedelta",
        "numpy._core.multiarray._reconstruct",
        "numpy._core.multiarray.scalar",
        "numpy.core.multiarray._reconstruct",
        "numpy.core.multiarray.scalar",
        "numpy.dtype",
        "numpy.ndarray",
        "pathlib.PosixPath",
        "pathlib.WindowsPath",
        "torch._utils._rebuild_sparse_tensor",
        "torch.device",
        "torch.serialization._get_layout",
        "torch.torch_version.TorchVersion",
        "types.SimpleNamespace",
    }
)

# Classes of these packages may be instantiated, as inert objects; their functions may not be called.
_NETWORK_PACKAGES = (
    "torch.nn.",
    "torchvision.ops.",
    "ultralytics.",
    "models.",
    "segment_anything.",
    "mobile_sam.",
    "efficient_sam.",
    "edge_sam.",
    "sam2.",
    "samara.networks.",
    "samara.segment_anything.",
    "timm.",
)


def python3_name(module: str, qualname: str) -> Name:
    """Make a name, in Python 3 spelling: pickle protocol 2 writes that of Python 2 to this day."""
    return Name(*NAME_MAPPING.get((module, qualname), (IMPORT_MAPPING.get(module, module), qualname)))


def is_known(name: Name) -> bool:
    """Whether `call` or `instantiate` takes a name."""
    return str(name) in _MEANINGS or str(name) in _DATA_NAMES or f"{name.module}.".startswith(_NETWORK_PACKAGES)


def call(function: Value, arguments: tuple[Value, ...]) -> Value:
    """Say what `function(*arguments)` would give, without doing it.

    Raises:
        ForbiddenCallError: the function is not known to be harmless.
        MalformedFileError: the arguments are not what PyTorch writes.
    """
    name = str(function) if isinstance(function, Name) else "a computed object"
    meaning = _MEANINGS.get(name)
    if meaning is not None:
        return meaning(arguments)
    if isinstance(function, Name) and name in _DATA_NAMES:
        return InertObject(function, arguments)
    raise ForbiddenCallError(name)


def instantiate(cls: Value, arguments: tuple[Value, ...]) -> Value:
    """Say what `cls.__new__(cls, *arguments)` would give: an inert object, for classes of network packages.

    Raises:
        ForbiddenCallError: the class is of no package that networks are pickled from.
    """
    if isinstance(cls, Name) and f"{cls.module}.".startswith(_NETWORK_PACKAGES):
        return InertObject(cls, arguments)
    return call(cls, arguments)


def resolve_persistent(identifier: Value) -> Value:
    """Say what a persistent id stands for: a storage, or in old files a class with its source text."""
    match identifier:
        case ("storage", Name() as kind, str() as key, _, int() as elements):
            return _storage(kind, key, elements)
        case ("storage", Name() as kind, str() as key, _, int() as elements, view):
            return _view(_storage(kind, key, elements), view)
        case ("module", Name() as cls, _, _):
            return cls
        case _:
            raise MalformedFileError("its pickle refers to something that is no tensor storage")


def set_state(target: InertObject, state: Value) -> None:
    """Remember what `target.__setstate__(state)` would have got; slots are merged with attributes."""
    for part in state if isinstance(state, tuple) else (state,):
        if isinstance(part, dict):
            target.state.update(part)


def _storage(kind: Name, key: str, elements: int) -> Storage:
    # torch.FloatStorage, torch.cuda.FloatStorage (saved on a GPU) and torch.storage.UntypedStorage.
    if not kind.module.startswith("torch") or kind.qualname not in _STORAGE_TYPES:
        raise MalformedFileError(f"it stores numbers as {kind}, which samara does not know")
    if elements < 0:
        raise MalformedFileError("it declares a storage of negative length")
    return Storage(key, _STORAGE_TYPES[kind.qualname], elements)


def _view(storage: Storage, view: Value) -> Storage:
    match view:
        case None:
            return storage
        case (str(), int() as first, int() as elements) if 0 <= first <= first + elements <= storage.elements:
            return Storage(storage.key, storage.dtype, storage.elements, first)
        case _:
            raise MalformedFileError("it declares a view outside its storage")


def _tensor(arguments: tuple[Value, ...]) -> StoredTensor:
    """torch._utils._rebuild_tensor and _v2: (storage, offset, size, stride, ...)."""
    match arguments:
        case (
            Storage(dtype=str() as dtype) as storage,
            int() as offset,
            tuple() as shape,
            tuple() as stride,
            *_,
        ):
            return _checked(storage, dtype, offset, shape, stride)
        case _:
            raise MalformedFileError("it describes a tensor in a way that PyTorch does not")


def _tensor_with_dtype(arguments: tuple[Value, ...]) -> StoredTensor:
    """torch._utils._rebuild_tensor_v3: (storage, offset, size, stride, grad, hooks, dtype, ...)."""
    match arguments:
        case (
            Storage() as storage,
            int() as offset,
            tuple() as shape,
            tuple() as stride,
            _,
            _,
            Name() as dtype,
            *_,
        ):
            return _checked(storage, dtype.qualname, offset, shape, stride)
        case _:
            raise MalformedFileError("it describes a tensor in a way that PyTorch does not")


def _checked(
    storage: Storage, dtype: str, offset: int, shape: tuple[Value, ...], stride: tuple[Value, ...]
) -> StoredTensor:
    if dtype not in ITEM_SIZES:
        raise MalformedFileError(f"it stores numbers as {dtype}, which samara does not know")
    sizes, steps = _naturals(shape), _naturals(stride)
    if len(sizes) != len(steps) or len(sizes) > _MAX_RANK or offset < 0:
        raise MalformedFileError("it declares a tensor of impossible shape")
    last = offset + sum((size - 1) * step for size, step in zip(sizes, steps, strict=True))
    # Strides of 0 can make a terabyte of one number: then it is the count that exceeds the storage.
    last = max(last, math.prod(sizes) - 1)
    available = storage.elements * (ITEM_SIZES[storage.dtype] if storage.dtype else 1) // ITEM_SIZES[dtype]
    if 0 not in sizes and last >= available:
        raise MalformedFileError("it declares a tensor that is larger than its storage")
    return StoredTensor(storage, dtype, offset, sizes, steps)


def _naturals(values: tuple[Value, ...]) -> tuple[int, ...]:
    numbers = tuple(value for value in values if isinstance(value, int) and value >= 0)
    if len(numbers) != len(values):
        raise MalformedFileError("it declares a tensor of impossible shape")
    return numbers


def _first_argument(arguments: tuple[Value, ...]) -> Value:
    """A parameter is its tensor; what else `_rebuild_parameter` gets are hooks and flags."""
    return arguments[0]


def _call_inner(arguments: tuple[Value, ...]) -> Value:
    """torch._tensor._rebuild_from_type_v2: (function, type, arguments, state)."""
    function, _type, inner, *_ = arguments
    return call(function, inner if isinstance(inner, tuple) else ())


def _mapping(arguments: tuple[Value, ...]) -> dict[Value, Value]:
    """OrderedDict and its like: from nothing, a dict, or pairs; a default factory is not kept."""
    mapping: dict[Value, Value] = {}
    for argument in arguments:
        if isinstance(argument, dict):
            mapping.update(argument)
        elif isinstance(argument, list):
            for pair in argument:
                key, value = pair if isinstance(pair, tuple | list) else (None, None)
                mapping[plain_key(key)] = value
    return mapping


def _sequence(arguments: tuple[Value, ...]) -> list[Value]:
    """Sets become lists: nothing here needs their membership test, and their items need no hash this way."""
    return list(arguments[0]) if arguments and isinstance(arguments[0], list | tuple) else []


def _size(arguments: tuple[Value, ...]) -> tuple[Value, ...]:
    return tuple(_sequence(arguments))


def _bytes(arguments: tuple[Value, ...]) -> bytes:
    """_codecs.encode(text, "latin1"), or bytes() for none at all: how protocol 2 spells bytes."""
    value = arguments[0] if arguments else b""
    if isinstance(value, str):
        return value.encode("latin-1")
    return value if isinstance(value, bytes) else b""


def _reconstruct(arguments: tuple[Value, ...]) -> Value:
    """copyreg._reconstructor: (class, base, state of the base); copyreg.__newobj__: (class, ...)."""
    return instantiate(arguments[0], ())


_MEANINGS: Mapping[str, Callable[[tuple[Value, ...]], Value]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_with_dtype,
    "torch._utils._rebuild_parameter": _first_argument,
    "torch._utils._rebuild_parameter_with_state": _first_argument,
    "torch._tensor._rebuild_from_type_v2": _call_inner,
    "torch.nn.parameter.Parameter": _first_argument,
    "torch.Size": _size,
    "collections.OrderedDict": _mapping,
    "collections.defaultdict": _mapping,
    "collections.Counter": _mapping,
    "builtins.dict": _mapping,
    "builtins.set": _sequence,
    "builtins.frozenset": _sequence,
    "builtins.list": _sequence,
    "builtins.bytes": _bytes,
    "builtins.bytearray": _bytes,
    "_codecs.encode": _bytes,
    "copyreg._reconstructor": _reconstruct,
    "copyreg.__newobj__": _reconstruct,
}


def plain_key(key: Value) -> Value:
    """Return the key of a dictionary if it is one that checkpoints use.

    Deep tuples would overflow the C stack when hashed, and huge integers can be chosen to collide.

    Raises:
        MalformedFileError: it is anything but text, a small number, None, a name or a flat tuple of these.
    """
    parts = key if isinstance(key, tuple) else (key,)
    for part in parts:
        if isinstance(part, int) and abs(part) < 2**60:
            continue
        if not (part is None or isinstance(part, str | bytes | float | Name)):
            raise MalformedFileError("its pickle has a dictionary with keys of an unexpected kind")
    return key
