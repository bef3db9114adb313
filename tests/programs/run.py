"""Run one client program on one side and write what it gave.

    python run.py official|samara CLIENT FOLDER OUT.npz

FOLDER holds the files that `files.make` wrote. Runs in the programs' environment, not in samara's.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

os.environ.update(QT_QPA_PLATFORM="offscreen", MPLBACKEND="agg", HF_HUB_OFFLINE="1", YOLO_OFFLINE="true")
sys.path.insert(0, str(Path(__file__).parent))


def main(side, client, folder, out):
    import sides

    genuine = sides.choose(side, str(Path(folder) / "mini.pth"))
    import numpy as np
    import torch
    from files import Files

    torch.manual_seed(0)
    np.random.seed(0)
    results = importlib.import_module(f"clients.{client}").run(Files(Path(folder), side, genuine))
    np.savez_compressed(out, **{name: np.asarray(value) for name, value in results.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
