"""unprivileged.py: an unprivileged user, and programs that it may run."""

import shutil
from pathlib import Path

from programs import TRAIN

UNPRIVILEGED = 65534


def program_for_anyone(program, folder):
    """A path of the program that another uid may execute: its own, or that of a copy below
    folder. It is copied once: a copy that runs cannot be written to (ETXTBSY)."""
    path = program.resolve()
    if all(p.stat().st_mode & 0o001 for p in (path, *path.parents)):
        return path
    copy = Path(folder) / "for_anyone" / path.name
    if not copy.exists():
        copy.parent.mkdir(mode=0o755, exist_ok=True)
        shutil.copy(path, copy)
        copy.chmod(0o755)
    return copy


def train_for_anyone(folder):
    return program_for_anyone(TRAIN, folder)
