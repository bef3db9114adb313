from samara.serving.palette import stylesheet
from samara.system.templates import PALETTE


def test_every_colour_of_the_pages_is_there_light_and_dark():
    text = stylesheet()
    for name, (light, dark) in PALETTE.items():
        assert f"--{name}: light-dark({light}, {dark});" in text
