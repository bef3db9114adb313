import builtins
import collections
import contextlib
import io
import os
import pickle
import pickletools
import socket
import subprocess

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from samara.checkpoints.reading import restricted_pickle
from samara.checkpoints.reading.layout import ForbiddenCallError, MalformedFileError
from samara.checkpoints.reading.pickle_values import InertObject, Name
from samara.checkpoints.reading.restricted_pickle import BoundedReader, load_pickle


def read(data, budget=restricted_pickle.MAX_PICKLE_BYTES):
    return load_pickle(BoundedReader(io.BytesIO(data), budget)).value


class Call:
    """Pickles as a call of anything."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=30,
)


@given(PLAIN, st.integers(2, 5))
@example([[], {}, (), None, True, -1, 2**70, 0.5, "é", b"\x00"], 0)
def test_plain_data_is_read_as_python_does(value, protocol):
    assert read(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_is_understood(protocol):
    value = {"a": [1, 2.5, "text", b"bytes", None, True, (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], "b": {}}
    assert read(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", range(2, 6))
def test_other_containers_become_dicts_and_lists(protocol):
    ordered = collections.OrderedDict(a=1, b=2)
    counted = collections.Counter("aab")
    default = collections.defaultdict(list, k=[1])
    found = read(pickle.dumps([ordered, {3}, frozenset({4}), torch.Size([5, 6]), counted, default], protocol))
    assert found == [{"a": 1, "b": 2}, [3], [4], (5, 6), {"a": 2, "b": 1}, {"k": [1]}]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x80\x02K\x05(K\x01K\x021.", 5),
        (b"\x80\x02K\x052.", 5),
        (b"\x80\x02K\x05K\x060.", 5),
        (b"(K\x01K\x02d.", {1: 2}),
    ],
)
def test_rare_opcodes(data, expected):
    assert read(data) == expected


def test_subclasses_of_containers_become_inert_objects():
    made = read(b"\x80\x04ctorch.nn\nX\n)}\x92(K\x01K\x02eK\x03K\x04s.")
    assert isinstance(made, InertObject)
    assert made.state == {3: 4}


def test_shared_and_recursive_values_stay_so():
    inner = [1]
    outer = [inner, inner]
    outer.append(outer)
    found = read(pickle.dumps(outer))
    assert found[0] is found[1]
    assert found[2] is found


def test_modules_become_inert_objects_with_their_state():
    found = read(pickle.dumps(torch.nn.ReLU()))
    assert isinstance(found, InertObject)
    assert str(found.cls) == "torch.nn.modules.activation.ReLU"
    assert found.state["training"] is True


def test_names_that_are_not_called_are_only_names():
    assert read(pickle.dumps([os.system, torch.float32], 2)) == [
        Name(os.system.__module__, "system"),
        Name("torch", "float32"),
    ]


# Each of these runs `touch` on the marker when Python's own unpickler reads it.
def _reduce(command):
    return pickle.dumps(Call(os.system, command))


def _wrapped(command):
    return pickle.dumps({"model": {"weight": Call(os.system, command)}, "epoch": 3})


def _eval(command):
    return pickle.dumps(Call(builtins.eval, f"__import__('os').system({command!r})"))


def _subprocess(command):
    return pickle.dumps(Call(subprocess.check_call, command, 0, None, None, None, None, None, False, True))


def _global_text(command):
    return b"cos\nsystem\n(S'" + command.encode() + b"'\ntR."


def _inst(command):
    return b"(S'" + command.encode() + b"'\nios\nsystem\n."


def _obj(command):
    return b"(cos\nsystem\nS'" + command.encode() + b"'\no."


def _stack_global(command):
    text = command.encode()
    return b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c" + bytes([len(text)]) + text + b"\x85R."


def _getattr_chain(command):
    module = b"c__builtin__\n__import__\n(S'os'\ntR"
    return b"c__builtin__\ngetattr\n(" + module + b"S'system'\ntR(S'" + command.encode() + b"'\ntR."


def _default_factory(command):
    return pickle.dumps(Call(map, os.system, [command]))


HOSTILE = [
    _reduce,
    _wrapped,
    _eval,
    _subprocess,
    _global_text,
    _inst,
    _obj,
    _stack_global,
    _getattr_chain,
    _default_factory,
]


@pytest.mark.parametrize("attack", HOSTILE, ids=lambda attack: attack.__name__.strip("_"))
def test_attacks_are_refused_by_name_and_nothing_runs(attack, tmp_path):
    marker = tmp_path / "marker"
    with pytest.raises(ForbiddenCallError, match=r"system|eval|subprocess|getattr|import|map"):
        read(attack(f"touch {marker}"))
    assert not marker.exists()


def test_the_attacks_are_real(tmp_path):
    marker = tmp_path / "marker"
    pickle.loads(_obj(f"touch {marker}"))
    assert marker.exists()


@pytest.mark.parametrize(
    "function",
    [
        builtins.exec,
        builtins.__import__,
        builtins.open,
        builtins.getattr,
        socket.socket,
        torch.load,
        torch.hub.load,
        os.remove,
    ],
)
def test_calls_of_other_functions_are_refused(function):
    with pytest.raises(ForbiddenCallError):
        read(pickle.dumps(Call(function, "x")))


def test_functions_of_network_packages_are_refused_too():
    # `ultralytics.utils.downloads.download` is a function: classes are instantiated by another opcode.
    with pytest.raises(ForbiddenCallError, match=r"ultralytics\.utils\.downloads\.download"):
        read(b"cultralytics.utils.downloads\ndownload\n(S'http://example.org'\ntR.")


def test_classes_of_unknown_packages_are_refused():
    with pytest.raises(ForbiddenCallError, match="evil.Class"):
        read(b"\x80\x02cevil\nClass\n)\x81.")


def test_state_given_to_a_name_is_refused():
    with pytest.raises(ForbiddenCallError, match="__setstate__"):
        read(b"\x80\x02cos\nenviron\n}U\x01aU\x01bsb.")


@pytest.mark.parametrize("code", [b"\x82\x01", b"\x83\x01\x00", b"\x84\x01\x00\x00\x00"])
def test_extension_codes_are_refused(code):
    with pytest.raises(ForbiddenCallError, match="copyreg extension"):
        read(b"\x80\x02" + code + b".")


def test_what_was_computed_cannot_be_called():
    with pytest.raises(ForbiddenCallError, match="computed"):
        read(b"\x80\x02U\x01x)R.")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "damaged"),
        (b"\x80\x02]", "damaged"),
        (b"\x80\x02.", "damaged"),
        (b"\x80\x02\xff.", "damaged"),
        (b"\x80\x02K\x01e.", "unbalanced mark"),
        (b"\x80\x02\x85.", "takes more"),
        (b"\x80\x02K\x01K\x02a.", "not (a )?list"),
        (b"\x80\x02K\x01K\x02K\x03s.", "not (a )?dictionary"),
        (b"\x80\x02}(K\x01u.", "not (a )?dictionary"),
        (b"\x80\x02}]K\x01s.", "keys of an unexpected kind"),
        (b"\x80\x02}))\x86\x85K\x01s.", "keys of an unexpected kind"),
        (b"\x80\x02ccollections\nOrderedDict\nK\x01R.", "not (a )?tuple"),
        (b"\x80\x02K\x01}b.", "has none"),
        (b"\x80\x02K\x01K\x02\x93.", "not (a )?text"),
        (b"\x80\x02h\x05.", "damaged"),
        (b"\x80\x02U\x01xQ.", "not (a )?tensor storage"),
        (b"P0\n.", "PERSID"),
        (b"\x80\x05\x97.", "NEXT_BUFFER"),
    ],
)
def test_damaged_pickles_are_named_as_such(data, reason):
    with pytest.raises(MalformedFileError, match=reason):
        read(data)


def test_deep_nesting_is_survived():
    depth = 100_000
    assert isinstance(read(b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."), list)
    assert isinstance(read(b"\x80\x02)" + b"\x85" * depth + b"."), tuple)


def test_deep_tuples_as_keys_do_not_overflow_the_stack():
    with pytest.raises(MalformedFileError, match="keys"):
        read(b"\x80\x02})" + b"\x85" * 100_000 + b"K\x01s.")


def test_a_memo_bomb_costs_no_memory():
    # Python's unpickler allocates a table of two billion entries for this.
    assert read(b"\x80\x02]r\xff\xff\xff\x7f.") == []


def test_a_billion_laughs_are_shared_not_copied():
    data = (
        b"\x80\x02]q\x00" + b"".join(b"](" + b"h%c" % level * 10 + b"eq%c" % (level + 1) for level in range(30)) + b"."
    )
    assert len(read(data)) == 10


def test_colliding_integers_are_no_keys():
    with pytest.raises(MalformedFileError, match="keys"):
        read(pickle.dumps({(2**61 - 1) * number: None for number in range(1, 9)}))


@pytest.mark.parametrize(
    "opcode",
    [
        b"X\xff\xff\xff\x7f",
        b"\x8d" + b"\xff" * 7 + b"\x7f",
        b"\x8e" + b"\xff" * 7 + b"\x7f",
        b"\x8b\xff\xff\xff\x7f",
    ],
)
def test_lying_lengths_allocate_nothing(opcode):
    with pytest.raises(MalformedFileError):
        read(b"\x80\x04" + opcode + b"abc.")


def test_calls_that_torch_load_makes_allocate_nothing():
    # With weights_only=True PyTorch 2.13 takes 4 GB for the first of these and counts through them for the second.
    twice = b"c__builtin__\nbytearray\n" * 2 + b"\x8a\x05\x00\x00\x00\x80\x00\x85R\x85R"
    assert read(b"\x80\x02" + twice + b".") == b""
    assert read(b"\x80\x02ccollections\nCounter\n" + twice + b"\x85R.") == {}


def test_too_many_operations_end_the_reading(monkeypatch):
    monkeypatch.setattr(restricted_pickle, "MAX_OPERATIONS", 1000)
    with pytest.raises(MalformedFileError, match="longer than any"):
        read(b"\x80\x02" + b"N0" * 2000 + b"N.")


def test_the_budget_of_bytes_ends_the_reading():
    with pytest.raises(MalformedFileError, match="larger than any"):
        read(pickle.dumps("x" * 5000), budget=1000)
    with pytest.raises(MalformedFileError, match="larger than any"):
        read(b"S'" + b"x" * 5000, budget=1000)


def test_one_storage_cannot_be_described_twice():
    persistent = b"(U\x07storagectorch\n%b\nU\x010U\x03cpuK\x04tQ"
    with pytest.raises(MalformedFileError, match="inconsistently"):
        read(b"\x80\x02" + persistent % b"FloatStorage" + persistent % b"ByteStorage" + b".")


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_any_bytes_end_in_a_value_or_a_named_error(data):
    with contextlib.suppress(MalformedFileError, ForbiddenCallError):
        read(data)


ORIGINAL = pickle.dumps({"model": torch.nn.ReLU(), "s": {1}, "o": collections.OrderedDict(a=(1, 2))}, 2)


@example(19, 0, b"\\\x00")
@given(st.integers(0, len(ORIGINAL)), st.integers(0, 8), st.binary(max_size=8))
@settings(max_examples=300)
def test_mutated_pickles_end_in_a_value_or_a_named_error(position, removed, inserted):
    with contextlib.suppress(MalformedFileError, ForbiddenCallError):
        read(ORIGINAL[:position] + inserted + ORIGINAL[position + removed :])


def test_every_opcode_has_a_decision():
    decided = {
        *restricted_pickle._LITERALS,
        *restricted_pickle._CONSTANTS,
        *restricted_pickle._EMPTY,
        *restricted_pickle._HANDLERS,
    }
    undecided = {opcode.name for opcode in pickletools.opcodes} - decided
    assert undecided == {"STOP", "PERSID", "NEXT_BUFFER", "READONLY_BUFFER"}
