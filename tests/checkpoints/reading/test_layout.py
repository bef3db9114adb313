import torch

from samara.checkpoints.reading.layout import ITEM_SIZES, FileLayout, ForbiddenCallError, TensorInfo


def test_names_and_sizes_of_types_are_torchs():
    for name, size in ITEM_SIZES.items():
        assert torch.empty(0, dtype=getattr(torch, name)).element_size() == size


def test_a_scalar_has_one_element():
    assert TensorInfo((), "int64").elements == 1
    assert TensorInfo((0, 4), "int64").elements == 0


def test_elements_of_a_file(tmp_path):
    tensors = {"a": TensorInfo((2, 3), "float32"), "b": TensorInfo((), "int64")}
    layout = FileLayout(path=tmp_path, format="torch zip", size_bytes=0, tensors=tensors)
    assert layout.elements == 7


def test_a_forbidden_call_says_its_name():
    assert ForbiddenCallError("os.system").name == "os.system"
