"""The document on migration: its Python runs as pasted, and the packages stand in as it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

TEXT = (Path(__file__).parent.parent.parent / "docs" / "migration.md").read_text()


def test_python_runs_as_pasted(tmp_path):
    """The second block in a process of its own, because it decides what `import segment_anything` gives."""
    changed, installed, of_sam_2 = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    program = "import segment_anything.modeling; assert segment_anything.Sam is samara.segment_anything.Sam\n"
    other = "samara.segment_anything.install('segment_anything_hq'); import segment_anything_hq.build_sam\n"
    other += "samara.segment_anything.install('sam2'); import sam2.build_sam\n"
    exec(changed, {})
    exec(of_sam_2, {})
    code = installed + program + other
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_files_that_it_names_are_there():
    names = set(re.findall(r"`(tests/[\w/.]+)`", TEXT))
    assert names
    assert all((Path(__file__).parents[2] / name).is_file() for name in names)
