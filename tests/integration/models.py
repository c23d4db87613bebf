"""models.py: models by the real `train`, made once in a test process."""

import atexit
import functools
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from job import Job
from programs import DEADLINE, TRAIN
from samples import csv, planted
from sanitizers import SANITIZER_ENVIRONMENT

ROWS = planted()


class Trained:
    """A finished training job: prefix/model/model.bin and its training data."""

    def __init__(self, prefix, rows):
        self.prefix, self.rows = Path(prefix), rows
        self.model_bin = self.prefix / "model" / "model.bin"
        self.users = sorted({row[0] for row in rows})
        self.items = sorted({row[1] for row in rows})
        self.rated = {}  # user: items
        for row in rows:
            self.rated.setdefault(row[0], set()).add(row[1])
        self.rating_min = min(float(row[2]) for row in rows)
        self.rating_max = max(float(row[2]) for row in rows)

    @functools.lru_cache(maxsize=None)
    def predict(self, user, item):
        """The rating as `train --predict` prints it: four decimals."""
        output = subprocess.run(
            [TRAIN, "--prefix", self.prefix, "--predict", user, item], check=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE,
            env={**os.environ, **SANITIZER_ENVIRONMENT}).stdout.decode()
        return float(re.match(r"predicted_rating=(-?\d+\.\d+)", output).group(1))

    def __hash__(self):
        return id(self)


@functools.lru_cache(maxsize=None)
def shared_folder():
    folder = Path(tempfile.mkdtemp(prefix="mf-serve-"))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.lru_cache(maxsize=None)
def trained(seed=7, n_factors=8, n_epochs=4, rows=None, movies=None, columns=None):
    """The model of ROWS (or of other rows, a tuple), by the real `train`; other seeds give
    other models of the same users and items. movies: the text of a file of items. columns: what the users'
    and the items' column are called."""
    rows = ROWS if rows is None else rows
    prefix = Path(tempfile.mkdtemp(prefix="job-", dir=shared_folder()))
    prefix.chmod(0o755)
    job = Job(prefix, {"n_factors": str(n_factors), "n_epochs": str(n_epochs), "seed": str(seed)})
    text = csv(rows)
    if columns is not None:
        text = text.replace("userId,movieId", ",".join(columns), 1)
        job.set(user_column=columns[0], item_column=columns[1])
    job.channel("train", {"ratings.csv": text, **({"movies.csv": movies} if movies else {})})
    job.write_config()
    done = subprocess.run([TRAIN, "--prefix", prefix], stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT, timeout=DEADLINE,
                          env={**os.environ, **SANITIZER_ENVIRONMENT})
    if done.returncode != 0:
        raise AssertionError(f"train exits {done.returncode}\n{done.stdout.decode()}")
    return Trained(prefix, rows)


def described():
    """The model of ROWS with titles, years 1990 to 1999, and genres: Drama, of each third item Comedy too."""
    items = sorted({row[1] for row in ROWS})
    return trained(movies="movieId,title,genres\n" + "".join(
        f'{item},"Film {item} ({1990 + i % 10})",Drama{"" if i % 3 else "|Comedy"}\n'
        for i, item in enumerate(items)))


def place_model(path, model=None):
    """Moves a complete model to its final name, as a deployment does."""
    path = Path(path)
    if model is None:
        model = trained()
    content = model if isinstance(model, bytes) else model.model_bin.read_bytes()
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.chmod(0o644)
    partial.replace(path)
