"""The program in docs/export.md runs without torch and gives samara's mask."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import samara
from samara.engines.exporting.export import export_checkpoint

PAGE = Path(__file__).parent.parent.parent / "docs" / "export.md"


@pytest.mark.slow
def test_the_program_on_the_page(mini, truck, truck_embedding, tmp_path):
    export_checkpoint(mini, "onnx", tmp_path / "mini")
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    (tmp_path / "one_box.py").write_text(f"import sys; sys.modules['torch'] = sys.modules['samara'] = None\n{program}")
    done = subprocess.run(
        [sys.executable, "one_box.py", "mini", truck, "mask.png"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = np.asarray(Image.open(tmp_path / "mask.png"))
    expected = samara.Predictor(mini).predict(truck_embedding, boxes=[[425, 600, 700, 875]], multimask=False).masks()[0]
    assert found.shape == expected.shape
    assert (found & expected).sum() / (found | expected).sum() > 0.99
