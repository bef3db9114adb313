"""Values of a pickle: names, inert objects, descriptions of tensors, and a table of harmless calls.

A call in a pickle is a dotted name with arguments. `call` looks up the name among those that PyTorch writes for tensors
and containers and describes the result; classes of network packages become `InertObject`s, which keep their state and
can do nothing. Any other name is refused here and nothing is imported; `inert_values` handles other values saved next
to the weights.
"""

from __future__ import annotations

import math
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from samara.checkpoints.reading.layout import ITEM_SIZES, ForbiddenCallError, MalformedFileError

# A pickle may contain any tree of Python values; no narrower type exists.
Value = object

_MAX_RANK = 32


@dataclass(frozen=True)
class Name:
    """A dotted name in the pickle; never imported."""

    module: str
    qualname: str

    def __str__(self) -> str:
        return f"{self.module}.{self.qualname}"


@dataclass(eq=False)
class InertObject:
    """A placeholder for an instance of a class: name, arguments and state, without behaviour.

    Attributes:
        cls: the class, or the function that would have made it.
        args: arguments it would have been made with.
        state: its attributes; for a subclass of dict also its items.
        is_foreign: whether its class is not from a network package.
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
    """A block of data elsewhere in the file; counted in items of `dtype`, or in bytes if that is None."""

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

# Classes that training scripts save next to the weights; kept as inert objects.
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

# Classes of these packages become inert objects; calls of their functions are refused.
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
    """Build a name in Python 3 spelling: pickle protocol 2 still writes that of Python 2."""
    return Name(*NAME_MAPPING.get((module, qualname), (IMPORT_MAPPING.get(module, module), qualname)))


def is_known(name: Name) -> bool:
    """Return whether `call` or `instantiate` accepts a name."""
    return str(name) in _MEANINGS or str(name) in _DATA_NAMES or f"{name.module}.".startswith(_NETWORK_PACKAGES)


def call(function: Value, arguments: tuple[Value, ...]) -> Value:
    """Describe what `function(*arguments)` would return, without calling it.

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
    """Describe what `cls.__new__(cls, *arguments)` would return: an inert object, for classes of network packages.

    Raises:
        ForbiddenCallError: the class is not from a network package.
    """
    if isinstance(cls, Name) and f"{cls.module}.".startswith(_NETWORK_PACKAGES):
        return InertObject(cls, arguments)
    return call(cls, arguments)


def resolve_persistent(identifier: Value) -> Value:
    """Resolve a persistent id: a storage, or in old files a class with its source text."""
    match identifier:
        case ("storage", Name() as kind, str() as key, _, int() as elements):
            return _storage(kind, key, elements)
        case ("storage", Name() as kind, str() as key, _, int() as elements, view):
            return _view(_storage(kind, key, elements), view)
        case ("module", Name() as cls, _, _):
            return cls
        case _:
            raise MalformedFileError("its pickle refers to something that is not a tensor storage")


def set_state(target: InertObject, state: Value) -> None:
    """Store the argument of `target.__setstate__(state)`; slots are merged with attributes."""
    for part in state if isinstance(state, tuple) else (state,):
        if isinstance(part, dict):
            target.state.update(part)


def _storage(kind: Name, key: str, elements: int) -> Storage:
    # torch.FloatStorage, torch.cuda.FloatStorage (saved on a GPU) and torch.storage.UntypedStorage.
    if not kind.module.startswith("torch") or kind.qualname not in _STORAGE_TYPES:
        raise MalformedFileError(f"it stores numbers as {kind}, which samara does not support")
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
        raise MalformedFileError(f"it stores numbers as {dtype}, which samara does not support")
    sizes, steps = _naturals(shape), _naturals(stride)
    if len(sizes) != len(steps) or len(sizes) > _MAX_RANK or offset < 0:
        raise MalformedFileError("it declares a tensor with an impossible shape")
    last = offset + sum((size - 1) * step for size, step in zip(sizes, steps, strict=True))
    # Strides of 0 can expand one number to a terabyte; then the count exceeds the storage.
    last = max(last, math.prod(sizes) - 1)
    available = storage.elements * (ITEM_SIZES[storage.dtype] if storage.dtype else 1) // ITEM_SIZES[dtype]
    if 0 not in sizes and last >= available:
        raise MalformedFileError("it declares a tensor that is larger than its storage")
    return StoredTensor(storage, dtype, offset, sizes, steps)


def _naturals(values: tuple[Value, ...]) -> tuple[int, ...]:
    numbers = tuple(value for value in values if isinstance(value, int) and value >= 0)
    if len(numbers) != len(values):
        raise MalformedFileError("it declares a tensor with an impossible shape")
    return numbers


def _first_argument(arguments: tuple[Value, ...]) -> Value:
    """Return a parameter's tensor; the other arguments of `_rebuild_parameter` are hooks and flags."""
    return arguments[0]


def _call_inner(arguments: tuple[Value, ...]) -> Value:
    """torch._tensor._rebuild_from_type_v2: (function, type, arguments, state)."""
    function, _type, inner, *_ = arguments
    return call(function, inner if isinstance(inner, tuple) else ())


def _mapping(arguments: tuple[Value, ...]) -> dict[Value, Value]:
    """Build an OrderedDict or similar from nothing, a dict, or pairs; a default factory is dropped."""
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
    """Build a list, also for sets: nothing here tests membership, and list items need no hash."""
    return list(arguments[0]) if arguments and isinstance(arguments[0], list | tuple) else []


def _size(arguments: tuple[Value, ...]) -> tuple[Value, ...]:
    return tuple(_sequence(arguments))


def _bytes(arguments: tuple[Value, ...]) -> bytes:
    """_codecs.encode(text, "latin1"), or bytes() if empty: how protocol 2 writes bytes."""
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
    """Return a dictionary key if it is of a kind that checkpoints use.

    Deep tuples would overflow the C stack when hashed, and huge integers can be chosen to collide.

    Raises:
        MalformedFileError: it is not text, a small number, None, a name or a flat tuple of these.
    """
    parts = key if isinstance(key, tuple) else (key,)
    for part in parts:
        if isinstance(part, int) and abs(part) < 2**60:
            continue
        if not (part is None or isinstance(part, str | bytes | float | Name)):
            raise MalformedFileError("its pickle has a dictionary with keys of an unexpected kind")
    return key
