"""A pickle reader that builds data and calls nothing.

Python's own unpickler imports and calls whatever the file names. This one has the same stack, memo and opcodes, but
names stay names, and calls are interpreted by `inert_values` and `pickle_values`. The opcodes' arguments are decoded by
`pickletools`, which only reads.
"""

from __future__ import annotations

import io
import pickletools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, cast

from samara.checkpoints.reading.inert_values import new_object, reduced, require_known
from samara.checkpoints.reading.layout import ForbiddenCallError, MalformedFileError
from samara.checkpoints.reading.pickle_values import (
    InertObject,
    Name,
    Storage,
    StoredTensor,
    Value,
    plain_key,
    python3_name,
    resolve_persistent,
    set_state,
)

# SAM ViT-H takes 20 thousand operations, a pickled YOLO11x 200 thousand, optimiser state as many again.
MAX_OPERATIONS = 2_000_000
MAX_PICKLE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Unpickled:
    """The contents of a pickle.

    Attributes:
        value: None, bool, int, float, str, bytes, list, tuple and dict, sets as lists; `Name`, `InertObject`,
            `Storage` and `StoredTensor` for everything else.
        storages: every referenced storage, by key.
    """

    value: Value
    storages: Mapping[str, Storage]


def load_pickle(source: BoundedReader) -> Unpickled:
    """Read one pickle, from the reader's position up to and including its STOP, as plain data.

    Raises:
        ForbiddenCallError: the pickle calls a name that is not known to be harmless, or is a single object of an
            unknown class.
        MalformedFileError: it is damaged, or larger or stranger than any checkpoint.
    """
    try:
        machine = _Machine()
        with warnings.catch_warnings():
            # pickletools warns about odd escapes in text, which occur only in damaged files.
            warnings.simplefilter("ignore", DeprecationWarning)
            value = machine.run(source)
        require_known(value)
        return Unpickled(value, machine.storages)
    except (ForbiddenCallError, MalformedFileError):
        raise
    # Errors of pickletools and the machine below on bytes that are not a pickle.
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as problem:
        raise MalformedFileError(f"its pickle is damaged ({problem})") from problem


class BoundedReader(io.RawIOBase):
    """A file that returns no more than `budget` bytes in total.

    A declared length of four gigabytes must not become an allocation of four gigabytes.
    """

    def __init__(self, file: io.BufferedIOBase, budget: int = MAX_PICKLE_BYTES) -> None:
        super().__init__()
        self._file = file
        self._left = budget

    def read(self, size: int = -1, /) -> bytes:
        """Read `size` bytes, fewer at the end of the file."""
        self._spend(size)
        return self._file.read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read up to and including the next newline."""
        line = self._file.readline(self._left + 1)
        self._spend(len(line))
        return line

    def tell(self) -> int:
        """Return the position in the file."""
        return self._file.tell()

    def _spend(self, size: int) -> None:
        if not 0 <= size <= self._left:
            raise MalformedFileError("its pickle is larger than any checkpoint's")
        self._left -= size


_MARK = object()


def _key(key: Value) -> Value:
    """Like `plain_key`, but also allows devices, paths, enum members and parameters, compared by content."""
    for part in key if isinstance(key, tuple) else (key,):
        if not isinstance(part, InertObject | StoredTensor):
            plain_key(part)
    return key


class _Machine:
    """The pickle machine: a stack, a memo, and one method per kind of opcode."""

    def __init__(self) -> None:
        self._stack: list[Value] = []
        self._memo: dict[Value, Value] = {}
        self.storages: dict[str, Storage] = {}

    def run(self, source: BoundedReader) -> Value:
        # genops needs only read, readline and tell, less than its annotation IO[bytes].
        stream = cast("IO[bytes]", source)
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):  # pragma: no branch - ends at STOP
            if count > MAX_OPERATIONS:
                raise MalformedFileError("its pickle is longer than any checkpoint's")
            if opcode.name == "STOP":
                break
            self._step(opcode.name, argument)
        return self._stack.pop()

    def _step(self, opcode: str, argument: Value) -> None:
        if opcode in _LITERALS:
            self._stack.append(argument)
        elif opcode in _CONSTANTS:
            self._stack.append(_CONSTANTS[opcode])
        elif opcode in _EMPTY:
            self._stack.append(_EMPTY[opcode]())
        elif opcode in _HANDLERS:
            _HANDLERS[opcode](self, argument)
        else:
            raise MalformedFileError(f"its pickle uses {opcode}, unlike any checkpoint")

    def _above_mark(self) -> list[Value]:
        for index in range(len(self._stack) - 1, -1, -1):
            if self._stack[index] is _MARK:
                values = self._stack[index + 1 :]
                del self._stack[index:]
                return values
        raise MalformedFileError("its pickle has an unbalanced mark")

    def ignore(self, _: Value) -> None:
        """Ignore PROTO and FRAME, which do not matter here."""

    def mark(self, _: Value) -> None:
        self._stack.append(_MARK)

    def pop(self, _: Value) -> None:
        self._stack.pop()

    def pop_mark(self, _: Value) -> None:
        self._above_mark()

    def duplicate(self, _: Value) -> None:
        self._stack.append(self._stack[-1])

    def put(self, index: Value) -> None:
        self._memo[plain_key(index)] = self._stack[-1]

    def memoize(self, _: Value) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def get(self, index: Value) -> None:
        self._stack.append(self._memo[plain_key(index)])

    def pair_up(self, count: int) -> None:
        """TUPLE1, TUPLE2, TUPLE3."""
        values = self._stack[-count:]
        if len(values) < count:
            raise MalformedFileError("its pickle takes more from the stack than it put there")
        self._stack[-count:] = [tuple(values)]

    def tuple_above_mark(self, _: Value) -> None:
        self._stack.append(tuple(self._above_mark()))

    def list_above_mark(self, _: Value) -> None:
        self._stack.append(self._above_mark())

    def dict_above_mark(self, _: Value) -> None:
        values = self._above_mark()
        self._stack.append({})
        self._store(values)

    def append(self, _: Value) -> None:
        self._extend([self._stack.pop()])

    def appends(self, _: Value) -> None:
        self._extend(self._above_mark())

    def set_item(self, _: Value) -> None:
        value = self._stack.pop()
        self._store([self._stack.pop(), value])

    def set_items(self, _: Value) -> None:
        self._store(self._above_mark())

    def _extend(self, values: list[Value]) -> None:
        target = self._stack[-1]
        if isinstance(target, list):
            target.extend(values)
        elif not isinstance(target, InertObject):
            raise MalformedFileError("its pickle appends to something that is not a list")

    def _store(self, values: list[Value]) -> None:
        """Store key, value, key, value, ... in the mapping on top of the stack."""
        target = self._stack[-1]
        # Subclasses of dict keep their items as state: the two are indistinguishable here.
        mapping = target.state if isinstance(target, InertObject) else target
        if not isinstance(mapping, dict) or len(values) % 2:
            raise MalformedFileError("its pickle stores an item in something that is not a dictionary")
        for key, value in zip(values[::2], values[1::2], strict=True):
            mapping[_key(key)] = value

    def name(self, argument: Value) -> None:
        module, _, qualname = str(argument).partition(" ")
        self._stack.append(python3_name(module, qualname))

    def name_from_stack(self, _: Value) -> None:
        qualname, module = self._stack.pop(), self._stack.pop()
        if not (isinstance(module, str) and isinstance(qualname, str)):
            raise MalformedFileError("its pickle has a name that is not text")
        self._stack.append(python3_name(module, qualname))

    def extension(self, code: Value) -> None:
        raise ForbiddenCallError(f"copyreg extension {code}")

    def reduce(self, _: Value) -> None:
        arguments = self._arguments()
        self._stack.append(reduced(self._stack.pop(), arguments))

    def new_object(self, _: Value) -> None:
        arguments = self._arguments()
        self._stack.append(new_object(self._stack.pop(), arguments))

    def new_object_with_keywords(self, _: Value) -> None:
        self._stack.pop()
        self.new_object(None)

    def object_above_mark(self, _: Value) -> None:
        cls, *arguments = self._above_mark()
        self._stack.append(new_object(cls, tuple(arguments)))

    def instance(self, argument: Value) -> None:
        arguments = self._above_mark()
        self.name(argument)
        self._stack.append(new_object(self._stack.pop(), tuple(arguments)))

    def _arguments(self) -> tuple[Value, ...]:
        arguments = self._stack.pop()
        if not isinstance(arguments, tuple):
            raise MalformedFileError("its pickle calls with arguments that are not a tuple")
        return arguments

    def build(self, _: Value) -> None:
        state = self._stack.pop()
        target = self._stack[-1]
        if isinstance(target, InertObject):
            set_state(target, state)
        elif isinstance(target, Name):
            raise ForbiddenCallError(f"{target}.__setstate__")
        # Not needed: attributes of an OrderedDict (torch keeps format versions there) and tensor hooks.
        elif not isinstance(target, dict | list | StoredTensor):
            raise MalformedFileError("its pickle sets the state of a value that has none")

    def persistent(self, _: Value) -> None:
        meaning = resolve_persistent(self._stack.pop())
        self._stack.append(meaning)
        if isinstance(meaning, Storage):
            known = self.storages.setdefault(meaning.key, meaning)
            if (known.dtype, known.elements) != (meaning.dtype, meaning.elements):
                raise MalformedFileError("its pickle describes a storage inconsistently")


# fmt: off
_LITERALS = frozenset({
    "INT", "LONG", "LONG1", "LONG4", "BININT", "BININT1", "BININT2", "FLOAT", "BINFLOAT", "STRING",
    "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
})
# fmt: on
_CONSTANTS: Mapping[str, Value] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_EMPTY: Mapping[str, Callable[[], Value]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": list}
_HANDLERS: Mapping[str, Callable[[_Machine, Value], None]] = {
    "PROTO": _Machine.ignore,
    "FRAME": _Machine.ignore,
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "DUP": _Machine.duplicate,
    "PUT": _Machine.put,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "GET": _Machine.get,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "TUPLE": _Machine.tuple_above_mark,
    "TUPLE1": lambda machine, _: machine.pair_up(1),
    "TUPLE2": lambda machine, _: machine.pair_up(2),
    "TUPLE3": lambda machine, _: machine.pair_up(3),
    "LIST": _Machine.list_above_mark,
    "DICT": _Machine.dict_above_mark,
    "FROZENSET": _Machine.list_above_mark,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "ADDITEMS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.name_from_stack,
    "EXT1": _Machine.extension,
    "EXT2": _Machine.extension,
    "EXT4": _Machine.extension,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.new_object,
    "NEWOBJ_EX": _Machine.new_object_with_keywords,
    "OBJ": _Machine.object_above_mark,
    "INST": _Machine.instance,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent,
}
