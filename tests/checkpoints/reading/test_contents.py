from samara.checkpoints.reading.contents import Contents, Span


def test_contents_are_a_value():
    contents = Contents(format="safetensors", tensors={}, locate=lambda key: Span(0, 0))
    assert (contents.metadata, contents.wrapper, contents.beside) == ({}, None, ())
    assert contents.locate("any") == Span(0, 0)
