import pytest

from samara.checkpoints.reading.layout import MalformedFileError
from samara.checkpoints.reading.pickle_values import InertObject, Storage, StoredTensor, python3_name
from samara.checkpoints.reading.rename import published_names, unwrap
from tests.checkpoints.files import shapes_of

PE = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"


def tensor(key="0"):
    return StoredTensor(Storage(key, "float32", 1), "float32", 0, (1,), (1,))


def module(*, parameters=None, buffers=None, children=None, transient=()):
    state = {
        "_parameters": parameters or {},
        "_buffers": buffers or {},
        "_modules": children or {},
        "_non_persistent_buffers_set": list(transient),
    }
    return InertObject(python3_name("torch.nn", "Module"), (), state)


@pytest.mark.parametrize(
    ("wrap", "wrapper"),
    [
        (lambda state: state, None),
        (lambda state: {"model": state}, "model"),
        (lambda state: {"state_dict": state, "epoch": 3}, "state_dict"),
        (lambda state: {"model": {"state_dict": state}}, "model.state_dict"),
        (lambda state: {"ema": state, "model": {"other": tensor()}}, "ema"),
        (lambda state: {"ema": None, "model": state}, "model"),
        (lambda state: {"model": "vit_b", "state_dict": state}, "state_dict"),
        (lambda state: {"model": {}, "net": state}, "net"),
    ],
)
def test_wrappers_are_looked_through(wrap, wrapper):
    state = {"a": tensor("1"), "b": tensor("2")}
    found = unwrap(wrap(state))
    assert (dict(found.tensors), found.wrapper, found.module) == (state, wrapper, None)


def test_what_lies_beside_is_told():
    assert unwrap({"model": {"a": tensor()}, "optimizer": {}, "epoch": 3}).beside == ("optimizer", "epoch")
    assert unwrap({"state": {}, "param_groups": []}).beside == ("state", "param_groups")


@pytest.mark.parametrize(
    "tree", [None, 3, [], {}, {"model": {"model": {"model": {"model": {"model": {}}}}}}, {1: tensor()}]
)
def test_trees_without_tensors_give_none(tree):
    assert unwrap(tree).tensors == {}


def test_a_module_is_walked_as_state_dict_does():
    leaf = module(
        parameters={"weight": tensor("1"), "bias": None},
        buffers={"mean": tensor("2"), "ab": tensor("3")},
        transient=["ab"],
    )
    root = module(
        parameters={"token": tensor("0")},
        children={"first": leaf, "gone": None, "second": module(children={"0": leaf})},
    )
    found = unwrap({"model": root})
    assert list(found.tensors) == ["token", "first.weight", "first.mean", "second.0.weight", "second.0.mean"]
    assert found.module is root


def test_a_module_that_contains_itself_is_refused():
    root = module()
    root.state["_modules"] = {"again": root}
    with pytest.raises(MalformedFileError, match="nested deeper"):
        unwrap(root)


def test_modules_that_multiply_are_refused():
    level = module(parameters={"weight": tensor()})
    for _ in range(30):
        level = module(children={str(index): level for index in range(10)})
    with pytest.raises(MalformedFileError, match="nested deeper"):
        unwrap(level)


def test_endless_names_are_refused():
    with pytest.raises(MalformedFileError, match="nested deeper"):
        unwrap(module(parameters={"x" * 2000: tensor()}))


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        ([], ""),
        (["image_encoder.pos_embed"], ""),
        (["module.image_encoder.pos_embed"], "module."),
        (["model.image_encoder.pos_embed"], "model."),
        (["sam.mask_decoder.iou_token.weight"], "sam."),
        (["sam_model.prompt_encoder.no_mask_embed.weight"], "sam_model."),
        (["module.model.image_encoder.pos_embed"], "module.model."),
        (["_orig_mod.module.image_encoder.pos_embed"], "_orig_mod.module."),
        (["loss.weight", "model.image_encoder.pos_embed"], "model."),
        (["model.0.conv.weight"], ""),
        (["model.model.0.conv.weight"], "model."),
        (["model.layer1.weight"], ""),
    ],
)
def test_prefixes(names, prefix):
    assert published_names(dict.fromkeys(names, 0))[1] == prefix


def test_only_what_has_the_prefix_loses_it():
    names, prefix, _ = published_names({"module.image_encoder.a": 1, "loss": 2})
    assert (names, prefix) == ({"image_encoder.a": 1, "loss": 2}, "module.")


def to_transformers(name):
    """The published name as `SamModel` calls it, written down independently of the rules under test."""
    renamed = {
        PE: "shared_image_embedding.positional_embedding",
        "image_encoder.patch_embed.proj.weight": "vision_encoder.patch_embed.projection.weight",
        "image_encoder.patch_embed.proj.bias": "vision_encoder.patch_embed.projection.bias",
    }
    if name in renamed:
        return renamed[name]
    part, _, rest = name.partition(".")
    fields = rest.split(".")
    if part == "image_encoder":
        part = "vision_encoder"
        if fields[0] == "blocks":
            fields[0] = "layers"
        if fields[0] == "neck":
            fields[1] = ["conv1", "layer_norm1", "conv2", "layer_norm2"][int(fields[1])]
    if fields[0] == "point_embeddings":
        fields[0] = "point_embed"
    if fields[0] == "mask_downscaling":
        steps = {"0": "conv1", "1": "layer_norm1", "3": "conv2", "4": "layer_norm2", "6": "conv3"}
        fields[:2] = ["mask_embed", steps[fields[1]]]
    if fields[0] == "output_upscaling":
        fields[:2] = [{"0": "upscale_conv1", "1": "upscale_layer_norm", "3": "upscale_conv2"}[fields[1]]]
    if fields[0] in ("output_hypernetworks_mlps", "iou_prediction_head"):
        index = fields.index("layers")
        fields[index : index + 2] = [["proj_in"], ["layers", "0"], ["proj_out"]][int(fields[index + 1])]
    fields = [f"layer_{field}" if field.startswith("norm") else field for field in fields]
    return ".".join([part, *fields])


@pytest.mark.parametrize("variant", ["vit_b", "vit_h"])
def test_names_of_transformers_are_translated(variant):
    published = shapes_of(variant)
    converted = {to_transformers(name): shape for name, shape in published.items()}
    names, prefix, translated = published_names(converted)
    assert (names, prefix, translated) == (published, "", True)


def test_the_twin_of_the_frequencies_is_dropped():
    names = [
        "vision_encoder.layers.0.attn.qkv.weight",
        "shared_image_embedding.positional_embedding",
        "prompt_encoder.shared_embedding.positional_embedding",
    ]
    assert list(published_names(dict.fromkeys(names, 0))[0]) == [
        "image_encoder.blocks.0.attn.qkv.weight",
        PE,
    ]
