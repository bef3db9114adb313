"""What docs/measuring.md says runs as pasted, and its figures are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from samara.datasets.bootstrap import DRAWS
from samara.masks.boundary import WIDTH_OF_DIAGONAL
from samara.measurement.benchmarking import measure as measuring
from samara.measurement.benchmarking.perform import perform
from samara.measurement.evaluation.clicks import MAX_CLICKS
from samara.measurement.evaluation.protocols import JITTER_FRACTION, JITTER_MAX_PX
from samara.measurement.evaluation.recall import MAX_MASKS
from samara.measurement.records.metrics import METRICS

TEXT = (Path(__file__).parents[2] / "docs" / "measuring.md").read_text()


def test_python_runs_as_pasted(tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    # In this process, which is quicker; tests/benchmarking has those of their own.
    monkeypatch.setattr(measuring, "run_job", lambda job, **_: perform(job, lambda *_: None))
    exec(code, {})
    told = capsys.readouterr().out
    assert "samara_mini parameters 10130092.0 parameters" in told
    assert re.search(r"sam_vit_b encoder_flops 97\d{10}\.0", told)


def test_figures_are_those_of_the_code():
    assert (MAX_CLICKS, MAX_MASKS, DRAWS) == (20, 1000, 2000)
    assert (JITTER_FRACTION, JITTER_MAX_PX, WIDTH_OF_DIAGONAL) == (0.1, 20, 0.02)
    for told in ("most 20 clicks", "the 1,000 with", "2,000\ndraws", "10 % of the box", "2 %\nof the image"):
        assert told in TEXT
    definitions = " ".join(metric.definition for metric in METRICS.values())
    for told in ("20 if 20 clicks do not", "the 1,000 automatic masks", "10 % of the box", "2 % of the image"):
        assert told in definitions
