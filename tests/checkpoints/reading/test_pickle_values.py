import pytest

from samara.checkpoints.reading.layout import ForbiddenCallError, MalformedFileError
from samara.checkpoints.reading.pickle_values import (
    InertObject,
    Storage,
    StoredTensor,
    call,
    instantiate,
    plain_key,
    python3_name,
    resolve_persistent,
    set_state,
)

REBUILD = python3_name("torch._utils", "_rebuild_tensor_v2")
REBUILD_V3 = python3_name("torch._utils", "_rebuild_tensor_v3")
STORAGE = Storage("0", "float32", 12)


def test_a_tensor_is_described():
    expected = StoredTensor(STORAGE, "float32", 2, (2, 5), (5, 1))
    assert call(REBUILD, (STORAGE, 2, (2, 5), (5, 1), False, {})) == expected
    assert call(python3_name("torch._utils", "_rebuild_parameter"), (expected, True, {})) is expected
    assert (
        call(
            python3_name("torch._tensor", "_rebuild_from_type_v2"),
            (REBUILD, None, (STORAGE, 2, (2, 5), (5, 1)), {}),
        )
        == expected
    )


def test_a_tensor_with_its_type_beside_it():
    storage = Storage("0", None, 8)
    found = call(REBUILD_V3, (storage, 0, (4,), (1,), False, {}, python3_name("torch", "uint16"), None))
    assert found == StoredTensor(storage, "uint16", 0, (4,), (1,))


@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [
        (0, (13,), (1,)),
        (1, (12,), (1,)),
        (0, (2, 5), (8, 1)),
        (0, (10**12,), (0,)),
        (0, (10**6, 10**6), (0, 0)),
        (-1, (2,), (1,)),
        (0, (-2,), (1,)),
        (0, (2,), (-1,)),
        (0, (2,), ()),
        (0, ("2",), (1,)),
        (0, (1,) * 40, (1,) * 40),
        (2**70, (1,), (1,)),
    ],
)
def test_tensors_outside_their_storage_are_refused(offset, shape, stride):
    with pytest.raises(MalformedFileError, match="impossible|larger"):
        call(REBUILD, (STORAGE, offset, shape, stride, False, {}))


@pytest.mark.parametrize(
    "arguments",
    [(), ("x", 0, (1,), (1,)), (Storage("0", None, 4), 0, (1,), (1,)), (STORAGE, "0", (1,), (1,))],
)
def test_tensors_described_otherwise_are_refused(arguments):
    with pytest.raises(MalformedFileError, match="PyTorch does not"):
        call(REBUILD, arguments)
    with pytest.raises(MalformedFileError, match="PyTorch does not"):
        call(REBUILD_V3, arguments)


def test_unknown_types_are_refused():
    with pytest.raises(MalformedFileError, match="qint8"):
        call(REBUILD_V3, (Storage("0", None, 8), 0, (4,), (1,), False, {}, python3_name("torch", "qint8"), None))
    with pytest.raises(MalformedFileError, match=r"torch\.QInt8Storage"):
        resolve_persistent(("storage", python3_name("torch", "QInt8Storage"), "0", "cpu", 4))


def test_storages_saved_on_a_gpu_are_storages():
    kind = python3_name("torch.cuda", "HalfStorage")
    assert resolve_persistent(("storage", kind, "7", "cuda:0", 4)) == Storage("7", "float16", 4)


def test_views_of_old_files():
    kind = python3_name("torch", "FloatStorage")
    assert resolve_persistent(("storage", kind, "7", "cpu", 9, None)) == Storage("7", "float32", 9)
    assert resolve_persistent(("storage", kind, "7", "cpu", 9, ("8", 3, 6))) == Storage("7", "float32", 9, 3)
    with pytest.raises(MalformedFileError, match="view outside"):
        resolve_persistent(("storage", kind, "7", "cpu", 9, ("8", 3, 7)))


def test_storages_of_other_packages_or_negative_length_are_refused():
    with pytest.raises(MalformedFileError, match="evil"):
        resolve_persistent(("storage", python3_name("evil", "FloatStorage"), "0", "cpu", 4))
    with pytest.raises(MalformedFileError, match="negative"):
        resolve_persistent(("storage", python3_name("torch", "FloatStorage"), "0", "cpu", -4))


def test_old_files_refer_to_classes_with_their_source():
    cls = python3_name("torch.nn.modules.linear", "Linear")
    assert resolve_persistent(("module", cls, "linear.py", "import os")) is cls


def test_python_2_names_are_python_3_names():
    assert str(python3_name("__builtin__", "set")) == "builtins.set"
    linear = python3_name("torch.nn.modules.linear", "Linear")
    assert call(python3_name("copy_reg", "_reconstructor"), (linear, None, None)).state == {}


@pytest.mark.parametrize("package", ["torch.nn.modules.conv", "ultralytics.nn.tasks", "models.yolo", "models"])
def test_classes_of_network_packages_are_inert(package):
    made = instantiate(python3_name(package, "Thing"), (1,))
    assert isinstance(made, InertObject)
    assert made.args == (1,)


@pytest.mark.parametrize("package", ["torch", "torch.hub", "ultralyticsx.nn", "modelsx", "os", "torch.nnx"])
def test_classes_of_other_packages_are_refused(package):
    with pytest.raises(ForbiddenCallError, match=package):
        instantiate(python3_name(package, "Thing"), ())


def test_data_beside_the_weights_is_inert():
    assert isinstance(call(python3_name("argparse", "Namespace"), ()), InertObject)
    assert isinstance(call(python3_name("numpy", "dtype"), ("f4", False, True)), InertObject)
    assert call(python3_name("_codecs", "encode"), ("\xff", "latin1")) == b"\xff"


def test_a_mapping_from_pairs():
    assert call(python3_name("collections", "OrderedDict"), ([["a", 1], ("b", 2)],)) == {"a": 1, "b": 2}


def test_state_with_slots_is_merged():
    target = InertObject(python3_name("torch.nn", "X"))
    set_state(target, ({"a": 1}, {"b": 2}))
    set_state(target, None)
    assert target.state == {"a": 1, "b": 2}


@pytest.mark.parametrize("key", ["a", b"a", 1, 1.5, True, None, (1, "a"), python3_name("a", "b")])
def test_usual_keys(key):
    assert plain_key(key) is key


@pytest.mark.parametrize("key", [2**60, (1, (2,)), [1], InertObject(python3_name("a", "b"))])
def test_unusual_keys_are_refused(key):
    with pytest.raises(MalformedFileError, match="keys"):
        plain_key(key)
