"""Every source can be looked up and is used."""

from __future__ import annotations

from samara.measurement.published.figures import FIGURES, FINETUNING_FIGURES
from samara.measurement.published.sources import SOURCES


def test_sources_say_where_they_are():
    for name, source in SOURCES.items():
        assert source.name == name
        assert source.title
        assert source.url.startswith(("https://", "docs/", "benchmarks/"))


def test_no_source_is_idle():
    quoted = {figure.source for figure in (*FIGURES, *FINETUNING_FIGURES)} | {
        "SAM paper"
    }  # a sentence of the paper, no figure
    assert set(SOURCES) == quoted
