import pytest

from samara.checkpoints.identification.key_tables import expected_shapes
from samara.networks.variants import VARIANTS
from tests.checkpoints.files import parameters_of, shapes_of

TABLED = ["vit_b", "vit_l", "vit_h", "vit_t", "hq_vit_b", "hq_vit_l", "hq_vit_h", "hq_vit_t"]


@pytest.mark.parametrize("variant", TABLED)
def test_table_equals_the_official_network(variant):
    assert expected_shapes(variant) == shapes_of(variant)


@pytest.mark.parametrize("variant", TABLED)
def test_counts_equal_those_of_the_variant(variant):
    assert VARIANTS[variant].parameters in (None, parameters_of(variant))
    assert VARIANTS[variant].keys in (None, len(shapes_of(variant)))


@pytest.mark.parametrize("variant", sorted(name for name, one in VARIANTS.items() if one.image_encoder is None))
def test_other_families_have_no_table(variant):
    assert expected_shapes(variant) is None
