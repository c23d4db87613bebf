"""nobody.py: another user, and programs that it may run."""

import shutil
from pathlib import Path

from programs import TRAIN

NOBODY = 65534


def train_for_anyone(folder):
    """A path of train that another uid may execute."""
    path = TRAIN.resolve()
    if all(p.stat().st_mode & 0o001 for p in (path, *path.parents)):
        return path
    copy = Path(folder) / "train"
    shutil.copy(path, copy)
    copy.chmod(0o755)
    return copy
