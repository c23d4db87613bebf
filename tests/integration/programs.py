"""programs.py: the programs under test: where they are, and how long one may take.

Environment: MF_BIN (the folder of train, serve, planted …), MF_SOURCE_DIR, MF_EMULATED.

DEADLINE is how long a run may take before it counts as hanging, STOP_DEADLINE is the 10 s after
SIGTERM of docs/sagemaker.md.
"""

import os
from pathlib import Path

from sanitizers import SANITIZED

SOURCE = Path(os.environ.get("MF_SOURCE_DIR") or Path(__file__).resolve().parents[2])
BIN = Path(os.environ.get("MF_BIN") or SOURCE / "build" / "release" / "bin")
TRAIN = BIN / "train"
SERVE = BIN / "serve"
EMULATED = bool(os.environ.get("MF_EMULATED"))  # tests/emulated
SLOW = SANITIZED or EMULATED

DEADLINE = 600 if SLOW else 90
STOP_DEADLINE = 60 if SLOW else 10
