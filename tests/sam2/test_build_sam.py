"""Networks by the names of configurations and files: the file decides, and nothing is downloaded."""

from __future__ import annotations

import warnings

import pytest
import torch

from samara.checkpoints.load import load
from samara.checkpoints.reading.sam2_names import image_path
from samara.errors import DeviceError, SettingsError, UnknownCheckpoint, UnrecognisedCheckpoint, WrongCheckpoint
from samara.networks.variants import VARIANTS
from samara.sam2 import SAM2AutomaticMaskGenerator, SAM2ImagePredictor, build_sam
from samara.sam2.build_sam import HF_MODEL_ID_TO_FILENAMES, build_sam2, build_sam2_hf
from tests.checkpoints.test_sam2 import published

SPELLINGS = {
    "configs/sam2.1/sam2.1_hiera_t.yaml": "sam2.1_hiera_t",
    "configs\\sam2.1\\sam2.1_hiera_b+.yaml": "sam2.1_hiera_b+",
    "/home/me/sam2/configs/sam2/sam2_hiera_s.yaml": "sam2_hiera_s",
    "sam2_hiera_l.yaml": "sam2_hiera_l",
    "sam2.1_hiera_b+": "sam2.1_hiera_b+",
    "sam2.1_hiera_base_plus.yaml": "sam2.1_hiera_b+",
    "sam2.1_hiera_tiny": "sam2.1_hiera_t",
}
TINY = "configs/sam2.1/sam2.1_hiera_t.yaml"


@pytest.fixture(scope="module")
def tiny():
    return build_sam2(TINY, device="cpu")


@pytest.fixture(scope="module")
def file(tiny, tmp_path_factory):
    """An official file, in half precision to be quick."""
    path = tmp_path_factory.mktemp("files") / "model.pt"
    torch.save({"model": {name: value.half() for name, value in tiny.state_dict().items()}}, path)
    return path


class Asked(Exception):
    """What was asked for."""


@pytest.fixture
def asked(monkeypatch):
    """Loading tells what it was asked for, and ends there."""

    def tell(checkpoint, **options):
        raise Asked(checkpoint, options)

    monkeypatch.setattr(build_sam, "load", tell)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_configurations_are_known_by_their_names(asked, spelling):
    with pytest.raises(Asked) as told:
        build_sam2(spelling)
    name, options = told.value.args
    variant = VARIANTS[SPELLINGS[spelling]]
    assert (
        load(name, weights="random", input_size=32, device="cpu").variant is variant if "_t" in variant.name else name
    )
    assert options["weights"] == "random"
    assert options["device"] == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("config", ["my_own.yaml", "sam_vit_b", "sam2.1_hq_l", "sam2.1_hiera_b+_MOSE_finetune.yaml"])
def test_other_configurations_are_refused(config):
    with pytest.raises(
        SettingsError, match=r"is no published configuration of SAM 2; samara builds sam2_hiera_t\.yaml"
    ):
        build_sam2(config)


@pytest.mark.parametrize("generation", ["sam2", "sam2.1"])
def test_the_state_dict_has_the_published_keys(tiny, generation):
    model = tiny if generation == "sam2.1" else build_sam2("sam2_hiera_t.yaml", device="cpu")
    wanted = published("t", generation)
    assert {name: tuple(value.shape) for name, value in model.state_dict().items()} == wanted
    assert list(model.state_dict()) == list(wanted)  # a saved optimizer knows its parameters by their order
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert parameters == {"sam2": 38_945_986, "sam2.1": 38_962_498}[generation]
    assert not model.training
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_random_weights_leave_the_random_numbers_alone():
    before = torch.get_rng_state()
    build_sam2(TINY, device="cpu", hydra_overrides_extra=["++model.image_size=64"])
    assert torch.equal(before, torch.get_rng_state())


def test_a_file_is_loaded_with_its_memory(tiny, file):
    model = build_sam2(TINY, str(file), device="cpu", mode="train")
    assert model.training
    for name, value in model.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, tiny.state_dict()[name].half().float()), name


@pytest.mark.parametrize("config", ["sam2.1_hiera_l.yaml", "sam2_hiera_t.yaml"])
def test_a_configuration_that_contradicts_the_file_is_refused(file, config):
    with pytest.raises(
        WrongCheckpoint, match=r"SAM 2\.1 tiny.* as sam2.* says; use build_sam2\('configs/sam2.1/sam2.1_hi"
    ):
        build_sam2(config, file, device="cpu")


def test_files_of_other_families_are_refused():
    from tests.conftest import BOOTSTRAP

    with pytest.raises(WrongCheckpoint, match=r"not SAM 2\.1 tiny as .* says; use samara\.load"):
        build_sam2(TINY, BOOTSTRAP)


@pytest.mark.parametrize("config", ["sam2_hiera_t.yaml", "sam2.1_hiera_t.yaml"])
def test_a_file_without_memory_is_of_either_generation(tiny, tmp_path, config):
    path = tmp_path / "images.pt"
    torch.save(image_path({name: value.half() for name, value in tiny.state_dict().items()}).entries, path)
    with pytest.warns(UserWarning, match="does not hold the video memory"):
        model = build_sam2(config, path, device="cpu")
    assert torch.equal(model.no_mem_embed, tiny.no_mem_embed.half().float())


def test_the_rule_of_stability_is_switched():
    small = {"device": "cpu", "hydra_overrides_extra": ["++model.image_size=64"]}
    assert build_sam2(TINY, **small).sam_mask_decoder.dynamic_multimask_via_stability
    model = build_sam2(TINY, apply_postprocessing=False, vos_optimized=False, **small)
    assert not model.sam_mask_decoder.dynamic_multimask_via_stability
    assert model.image_size == 64


def test_overrides():
    extra = "++model.sam_mask_decoder_extra_args.dynamic_multimask"
    overrides = ["model.image_size=64", f"{extra}_via_stability=false", f"{extra}_stability_thresh=0.9"]
    overrides.append(f"{extra}_stability_delta=0.1")
    decoder = build_sam2(TINY, device="cpu", hydra_overrides_extra=overrides).sam_mask_decoder
    assert not decoder.by_stability
    assert (decoder.stability_offset, decoder.stability_thresh) == (0.1, 0.9)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("++model.fill_hole_area=8", "means nothing to samara"),
        ("model.image_size", "means nothing to samara"),
        ("++model.image_size=big", "needs a number"),
        ("++model.image_size=48", "must be a positive multiple of 32"),
    ],
)
def test_overrides_that_mean_nothing_are_refused(override, told):
    with pytest.raises(SettingsError, match=told):
        build_sam2(TINY, device="cpu", hydra_overrides_extra=[override])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there():
    with pytest.raises(DeviceError, match="sees no CUDA GPU"):
        build_sam2(TINY, device="cuda")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UnrecognisedCheckpoint, match="nowhere.pt is missing"):
        build_sam2(TINY, tmp_path / "nowhere.pt")


@pytest.mark.parametrize("build", [build_sam2_hf, SAM2ImagePredictor.from_pretrained])
def test_names_at_hugging_face_are_those_of_the_store(monkeypatch, tmp_path, build):
    monkeypatch.setenv("SAMARA_HOME", str(tmp_path))
    for name in HF_MODEL_ID_TO_FILENAMES:
        with pytest.raises(UnknownCheckpoint, match=r"get it with `samara checkpoints get sam2(\.1)?_(t|s|b\+|l)`"):
            build(name)
    with pytest.raises(UnknownCheckpoint, match="no published SAM 2; there are facebook/sam2-hiera-tiny"):
        build("me/sam2.1-hiera-tiny")


def test_a_file_in_the_store_is_found(monkeypatch, file):
    monkeypatch.setattr(build_sam, "path_of", lambda name: file if name == "sam2.1_t" else None)
    predictor = SAM2ImagePredictor.from_pretrained("facebook/sam2.1-hiera-tiny", device="cpu", mask_threshold=0.5)
    assert (predictor.mask_threshold, predictor.model.training) == (0.5, False)
    generator = SAM2AutomaticMaskGenerator.from_pretrained(
        "facebook/sam2.1-hiera-tiny", device="cpu", points_per_side=4
    )
    assert generator.points_per_side == 4


def test_published_names():
    assert HF_MODEL_ID_TO_FILENAMES["facebook/sam2.1-hiera-base-plus"] == (
        "configs/sam2.1/sam2.1_hiera_b+.yaml",
        "sam2.1_hiera_base_plus.pt",
    )
    assert len(HF_MODEL_ID_TO_FILENAMES) == 8
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build_sam2("sam2_hiera_t", device="cpu", hydra_overrides_extra=["model.image_size=32"])
