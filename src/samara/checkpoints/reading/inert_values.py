"""Values that training scripts save next to the weights: paths, dates, configurations, schedulers. All stay inert.

Nothing in a pickle is ever imported, called or built, so an unknown class is harmless: it becomes an `InertObject`, a
name with arguments and state. A *call* in a file is refused nevertheless unless it clearly makes a value, because a
file that calls `os.system` is malicious. A value is:

* an object of a class outside Python's standard library, recognised by a capitalised name or by being made without a
  call;
* a value type of the standard library (`_VALUE_MODULES`, and one by one `_VALUE_NAMES`);
* a function of numpy, pandas or torch that rebuilds one of their values (`_VALUE_NAMES`).

No tensor may depend on such an object, see `restricted_pickle.load_pickle`.
"""

from __future__ import annotations

import sys

from samara.checkpoints.reading.layout import ForbiddenCallError
from samara.checkpoints.reading.pickle_values import InertObject, Name, Value, call, instantiate, is_known

# Modules of the standard library whose classes are values.
_VALUE_MODULES = frozenset(
    {
        "_collections_abc",
        "argparse",
        "array",
        "builtins",  # its capitalised names are exceptions
        "collections",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "http",
        "inspect",
        "ipaddress",
        "logging",
        "numbers",
        "pathlib",
        "pathlib._local",
        "random",
        "re",
        "signal",
        "statistics",
        "string",
        "typing",
        "urllib.parse",
        "uuid",
        "zoneinfo",
    }
)

# Listed individually: lowercase, in a module that contains more than values, or private to a library.
_VALUE_NAMES = frozenset(
    {
        "_io.BytesIO",
        "_io.StringIO",
        "array._array_reconstructor",
        "array.array",
        "builtins.bool",
        "builtins.float",
        "builtins.int",
        "builtins.object",
        "builtins.str",
        "builtins.tuple",
        "datetime.date",
        "datetime.time",
        "datetime.timezone",
        "functools.partial",
        "itertools.count",
        "itertools.cycle",
        "itertools.repeat",
        "logging.getLogger",
        "numpy._core.numeric._frombuffer",
        "numpy.core.numeric._frombuffer",
        "numpy.ma.core._mareconstruct",
        "numpy.random._pickle.__bit_generator_ctor",
        "numpy.random._pickle.__generator_ctor",
        "numpy.random._pickle.__randomstate_ctor",
        "operator.attrgetter",
        "operator.itemgetter",
        "operator.methodcaller",
        "os.stat_result",
        "pandas._libs.internals._unpickle_block",
        "pandas._libs.tslibs.timestamps._unpickle_timestamp",
        "pandas.core.indexes.base._new_Index",
        "platform.uname_result",
        "posix.uname_result",
        "re._compile",
        "time.struct_time",
        "torch._utils._rebuild_device_tensor_from_cpu_tensor",
        "torch._utils._rebuild_device_tensor_from_numpy",
        "torch._utils._rebuild_meta_tensor_no_storage",
        "torch._utils._rebuild_nested_tensor",
        "torch._utils._rebuild_qtensor",
        "torch._utils._rebuild_sparse_csr_tensor",
        "torch._utils._rebuild_wrapper_subclass",
        "types.GenericAlias",
        "types.SimpleNamespace",
        "uuid.UUID",
        "zoneinfo.ZoneInfo._unpickle",
    }
)

_BY_CYTHON = "__pyx_unpickle_"  # followed by the class


def reduced(function: Value, arguments: tuple[Value, ...]) -> Value:
    """Interpret `function(*arguments)`: like `pickle_values.call`, or as a value that stays inert.

    Raises:
        ForbiddenCallError: it is neither known to be harmless nor a value.
        MalformedFileError: see `pickle_values.call`.
    """
    match function, arguments:
        case (Name("builtins", "getattr"), (Name() as owner, str() as attribute)):
            return Name(owner.module, f"{owner.qualname}.{attribute}")  # a nested class or an enum member
        case (Name("copyreg", "_reconstructor"), (cls, _, state)):
            return _with_items(new_object(cls, ()), state)
        case (Name("copyreg", "__newobj__" | "__newobj_ex__"), (cls, *_)):
            return new_object(cls, ())
        case (Name() as name, _) if not is_known(name) and (_is_value(name) or _is_value_call(name, arguments)):
            return InertObject(name, arguments, is_foreign=True)
        case _:
            return call(function, arguments)


def _is_value_call(function: Name, arguments: tuple[Value, ...]) -> bool:
    """Return whether these arguments make a value, for functions that do more with other arguments."""
    match str(function).removeprefix("_"), arguments:
        case ("builtins.getattr", (InertObject(), str())) | ("builtins.type", (None,)):  # a bound method; NoneType
            return True
        case ("operator.getitem", (Name(), _)) | ("functools.reduce", (Name(qualname="or_"), _)):
            return True  # list[int] and int | str
        case _:
            return False


def _with_items(made: Value, items: Value) -> Value:
    if isinstance(made, InertObject) and isinstance(items, dict):
        made.state.update(items)
    return made


def new_object(cls: Value, arguments: tuple[Value, ...]) -> Value:
    """Interpret `cls.__new__(cls, *arguments)`: like `pickle_values.instantiate`, or as an inert object.

    Raises:
        ForbiddenCallError: the class is in the standard library and not a value.
    """
    if isinstance(cls, Name) and not is_known(cls) and (_is_value(cls) or not _is_standard(cls)):
        return InertObject(cls, arguments, is_foreign=True)
    return instantiate(cls, arguments)


def require_known(root: Value) -> None:
    """Check that the file is not a single unknown object, whose tensors could not be found.

    A module is read regardless of its class, because its tensors are in its state and nothing needs to be built.

    Raises:
        ForbiddenCallError: `root`, the whole pickle, is such an object.
    """
    if isinstance(root, InertObject) and root.is_foreign and not root.is_module:
        raise ForbiddenCallError(str(root.cls))


def _is_value(name: Name) -> bool:
    if str(name) in _VALUE_NAMES:
        return True
    is_class = name.qualname.rpartition(".")[2].removeprefix(_BY_CYTHON).lstrip("_")[:1].isupper()
    return is_class and (name.module in _VALUE_MODULES or not _is_standard(name))


def _is_standard(name: Name) -> bool:
    return name.module.partition(".")[0] in sys.stdlib_module_names
