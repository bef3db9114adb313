import pytest
import torch

from samara.checkpoints.key_tables import expected_shapes
from samara.variants import VARIANTS, build_network

from .files import parameters_of, shapes_of

TABLED = ["vit_b", "vit_l", "vit_h", "vit_t", "hq_vit_b", "hq_vit_l", "hq_vit_h", "hq_vit_t"]


@pytest.mark.parametrize("variant", TABLED)
def test_table_equals_the_official_network(variant):
    assert expected_shapes(variant) == shapes_of(variant)


def test_the_table_of_our_own_network_is_the_network():
    with torch.device("meta"):
        network = build_network(VARIANTS["samara_pyramid"])
    assert expected_shapes("samara_pyramid") == {key: tuple(t.shape) for key, t in network.state_dict().items()}
    assert len(network.state_dict()) == VARIANTS["samara_pyramid"].keys


@pytest.mark.parametrize("variant", TABLED)
def test_counts_equal_those_of_the_variant(variant):
    assert VARIANTS[variant].parameters in (None, parameters_of(variant))
    assert VARIANTS[variant].keys in (None, len(shapes_of(variant)))


@pytest.mark.parametrize("variant", sorted(set(VARIANTS) - {*TABLED, "samara_pyramid"}))
def test_other_families_have_no_table(variant):
    assert expected_shapes(variant) is None
