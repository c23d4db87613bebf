"""The figures of docs/benchmarks.md, each with its peer in the same run.

    script/bench            everything but events, gate, hosts, ranking and soak (about eight minutes)
    script/bench sgd csv    some of: accuracy sgd goal floor csv memory model
                            serve batch topn steer start mixed predict cloud cached recommend (serving.py)
                            aggregate (aggregate.py) feedback (feedback.py) stream soak (stream_path.py)
                            ranking (ranking.py, a quarter of an hour) events (events.py, five minutes)
                            gate (gate.py, ten minutes) hosts (hosts.py, as root)

Peers are optional:
    MF_LIBMF      a folder with LIBMF's mf-train and mf-predict
    MF_SURPRISE   a Python interpreter that can import surprise (flask, gunicorn)
    MF_FAISS      a Python interpreter that can import faiss
    MF_NUMPY, MF_IMPLICIT   interpreters that can import numpy, implicit (ranking.py)

Each figure is a ratio, or is printed with a limit measured in the same run, because a time alone
depends on the machine. Only the peers need more than Python's standard library.
"""

import itertools
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import aggregate
import events
import feedback
import gate
import hosts
import page
import ranking
import serving
import stream_path
from common import BIN, CPUS, ROOT, say, train_job
from common import run as output_of

DATA = ROOT / "data/ratings.csv"
LIBMF = os.environ.get("MF_LIBMF")
SURPRISE = os.environ.get("MF_SURPRISE")
THREADS = len(CPUS)

# 10 million planted ratings in the shape of MovieLens 10M, and a million to test on.
PLANTED = dict(users=71567, items=10681, ratings=11000000, rank=16, noise=0.8, seed=1)
TEST_FRACTION = 1 / 11
# As many ratings of more users and items, which is harder. A Gibbs sampler that was given the rank,
# the noise and the rounding reached 6.5 % above the floor.
SPARSER = dict(PLANTED, users=85000, items=17000)

# For millions of ratings: fewer epochs, less regularization, no item priors (see "Hyperparameters"
# in docs/training.md).
LARGE = dict(
    implicit_rate=0,
    regularization=0.02,
    init_scale=0.03,
    learning_rate_decay=0,
)
LARGE_FAST = dict(LARGE, n_epochs=8, learning_rate=0.04, bias_learning_rate=0.02)
LARGE_GOOD = dict(LARGE, n_epochs=20, learning_rate=0.02, bias_learning_rate=0.01)
# For the last thousandths on little data.
ACCURATE = dict(
    n_factors=256,
    learning_rate=0.022,
    bias_learning_rate=0.01,
    regularization=0.07,
    user_bias_regularization=0.01,
    item_bias_regularization=1,
    implicit_rate=1.4,
)


def run(*command, env=None):
    """(stdout, wall seconds, peak bytes) of a command."""
    out = tempfile.TemporaryFile()
    err = tempfile.TemporaryFile()
    start = time.monotonic()
    process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=err, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    out.seek(0)
    if process.returncode != 0:
        err.seek(0)
        sys.exit(f"{' '.join(map(str, command))}\n{err.read().decode(errors='replace')}")
    return out.read().decode(), seconds, usage.ru_maxrss * 1024


def settings(hyperparameters):
    return [f"{name}={value}" for name, value in hyperparameters.items()]


class Planted:
    """A planted set as files."""

    def __init__(self, folder, shape=None):
        folder.mkdir(exist_ok=True)
        self.shape = shape or PLANTED
        self.folder = folder
        self.train = folder / "train.csv"
        self.test = folder / "test.csv"
        self.floor = self.make("csv", self.train, self.test)
        self.n = sum(1 for _ in open(self.train, "rb")) - 1
        if LIBMF:
            self.make("libmf", folder / "train.mf", folder / "test.mf")

    def make(self, form, train, test):
        options = [part for key, value in self.shape.items() for part in (f"--{key}", value)]
        out, seconds, _ = run(
            BIN / "planted", *options, "--format", form, "--output", train,
            "--test", test, "--test-fraction", TEST_FRACTION,
        )
        facts = json.loads(out)
        say(
            f"planted: {facts['ratings']} ratings of {facts['users']} users on {facts['items']} items, rank {facts['rank']}, noise {facts['noise']}; "
            f"floor RMSE {facts['floor_rmse']:.4f}; made in {seconds:.1f} s ({form})"
        )
        return facts["floor_rmse"]

    def fit(self, hyperparameters, validation=True):
        """Trains on it; returns (metrics.json, wall seconds, peak bytes, model bytes)."""
        with tempfile.TemporaryDirectory(dir=self.folder) as prefix:
            channels = ("train", "validation") if validation else ("train",)
            prefix = train_job(pathlib.Path(prefix), hyperparameters, *channels)
            (prefix / "input/data/train/ratings.csv").symlink_to(self.train)
            if validation:
                (prefix / "input/data/validation/ratings.csv").symlink_to(self.test)
            _, seconds, peak = run(BIN / "train", "--prefix", prefix)
            metrics = json.loads((prefix / "output/data/metrics.json").read_text())
            return metrics, seconds, peak, (prefix / "model/model.bin").stat().st_size


def libmf_fit(train, test, model, *options):
    """Returns (test RMSE, wall seconds of the training alone)."""
    _, seconds, _ = run(
        pathlib.Path(LIBMF) / "mf-train", "--quiet", "-s", THREADS, *options, train, model
    )
    out, _, _ = run(pathlib.Path(LIBMF) / "mf-predict", test, model, "/dev/null")
    return float(re.search(r"RMSE\s*=\s*([0-9.]+)", out).group(1)), seconds


# LIBMF's best settings of those that were tried.
NO_LIBMF = "no LIBMF (MF_LIBMF)"
LIBMF_LARGE = ("-k", 64, "-l2", 0.03, "-r", 0.05)
LIBMF_SMALL = ("-k", 64, "-t", 60, "-l2", 0.1, "-r", 0.05)


def accuracy(folder):
    say("\n## accuracy: 5-fold cross-validation on data/ratings.csv, time to fit one fold")
    for name, hyperparameters in (
        ("default", {}),
        ("default without implicit priors", dict(implicit_rate=0)),
        ("accurate", ACCURATE),
    ):
        out, _, _ = run(BIN / "cross-validate", "--data", DATA, *settings(hyperparameters))
        rmse, mae, seconds = re.search(r"^mean\s+(\S+)\s+(\S+)\s+(\S+)", out, re.M).groups()
        say(f"{name:34} RMSE {rmse}  MAE {mae}  {seconds} s")
    folds = folder / "folds"
    folds.mkdir()
    run(BIN / "cross-validate", "--data", DATA, "--export", folds)
    if LIBMF:
        results = [
            libmf_fit(folds / f"seed-1-fold-{f}-train.txt", folds / f"seed-1-fold-{f}-test.txt",
                      folder / "model", *LIBMF_SMALL)
            for f in range(5)
        ]
        say(
            f"{'LIBMF ' + ' '.join(map(str, LIBMF_SMALL)):34} "
            f"RMSE {statistics.mean(r for r, _ in results):.4f}  MAE  -      "
            f"{statistics.mean(s for _, s in results):.3f} s (whole process)"
        )
    else:
        say(NO_LIBMF)
    if SURPRISE:
        out, _, _ = run(SURPRISE, ROOT / "bench/surprise_peer.py", folds)
        say(out.rstrip())
    else:
        say("no Surprise (MF_SURPRISE)")


def sgd(planted):
    say("\n## sgd: updates per second, k = 64, biases included")
    rates = {}
    for threads in sorted({1, THREADS}):
        metrics, *_ = planted.fit(
            dict(LARGE_FAST, n_threads=threads), validation=False)
        epochs = [metrics["data"]["n_ratings"] / e["seconds"] for e in metrics["epochs"]]
        rates[threads] = statistics.median(epochs)
        say(f"{threads} thread(s), {metrics['cpu']}: {rates[threads] / 1e6:.1f} M/s (median of epochs)")
    ours = rates[THREADS]
    # An update of k factors and two biases has 2k operations for the dot product and 3k for each of
    # the two rows (multiply, multiply, add). A row is read and written once.
    say(f"that is {ours * 64 * 8 / 1e9:.1f} GFLOP/s and {ours * 64 * 4 * 2 / 1e9:.1f} GB/s between the "
        f"second-level cache and the core")
    say(output_of(BIN / "bench_limits").rstrip())
    if LIBMF:
        # Reading and preparing take the same time in both runs and cancel out.
        model = planted.folder / "model"
        few, many = 2, 12
        times = {
            t: min(libmf_fit(planted.folder / "train.mf", planted.folder / "test.mf", model,
                             *LIBMF_LARGE, "-t", t)[1] for _ in range(2))
            for t in (few, many)
        }
        theirs = planted.n * (many - few) / (times[many] - times[few])
        say(f"LIBMF, {THREADS} threads: {theirs / 1e6:.1f} M/s   ours / LIBMF = {ours / theirs:.2f}")


def goal(planted):
    say("\n## goal: time to LIBMF's test RMSE of 20 epochs, reading included")
    if not LIBMF:
        say(NO_LIBMF)
        return
    rmse, theirs = libmf_fit(planted.folder / "train.mf", planted.folder / "test.mf",
                             planted.folder / "model", *LIBMF_LARGE, "-t", 20)
    # Both runs make the same model; only the one without validation data is timed.
    metrics, *_ = planted.fit(LARGE_FAST)
    _, ours, *_ = planted.fit(LARGE_FAST, validation=False)
    reached = metrics["final"]["validation_rmse"]
    say(f"LIBMF: RMSE {rmse:.4f} in {theirs:.2f} s; ours: RMSE {reached:.4f} in {ours:.2f} s "
        f"({metrics['final']['best_epoch']} epochs); ours / LIBMF = {ours / theirs:.2f}")
    if reached > rmse:
        say("NOT REACHED: the RMSE is above LIBMF's")


def floor(planted):
    say("\n## floor: test RMSE above the lowest that any model can reach")
    for data in (planted, Planted(planted.folder / "sparser", SPARSER)):
        def row(name, rmse):
            say(f"{name:16} RMSE {rmse:.4f}, {100 * (rmse / data.floor - 1):.1f} % above {data.floor:.4f}")
        for name, hyperparameters in (("default", {}), ("large", LARGE_GOOD)):
            metrics, *_ = data.fit(hyperparameters)
            row(name, metrics["final"]["validation_rmse"])
        if LIBMF:
            rmse, _ = libmf_fit(data.folder / "train.mf", data.folder / "test.mf",
                                data.folder / "model", *LIBMF_LARGE, "-t", 20)
            row("LIBMF, 20 epochs", rmse)


def csv(planted):
    say("\n## csv: reading, ids mapped and grouped by user")
    say(output_of(BIN / "bench_ratings", planted.train).rstrip())
    say("\n## the same with each user's times as ranks, for a ranking model")
    say(output_of(BIN / "bench_ratings", planted.train, THREADS, 5, "ranked").rstrip())
    with tempfile.NamedTemporaryFile("w", suffix=".json") as objects:
        with open(planted.train, encoding="utf-8") as rows:
            next(rows)
            for user, item, rating, time in (row.rstrip().split(",")[:4] for row in itertools.islice(rows, 500_000)):
                objects.write(f'{{"reviewerID": "A{user}", "asin": "B{item}", "reviewerName": "name", '
                              f'"overall": {rating}, "summary": "some words", "unixReviewTime": {time}}}\n')
        objects.flush()
        say("\n## the same as JSON Lines, beside jansson alone on one thread")
        say(output_of(BIN / "bench_ratings", objects.name).rstrip())


def memory(planted):
    say("\n## memory: peak of a whole training run")
    metrics, _, peak, model = planted.fit(dict(n_epochs=2), validation=False)
    n = metrics["data"]["n_ratings"]
    limit = 24 * n + 2 * model
    say(f"{peak / 1e6:.0f} MB for {n} ratings and a model of {model / 1e6:.0f} MB; "
        f"24 bytes per rating + 2 models = {limit / 1e6:.0f} MB; ratio {peak / limit:.2f}")


def model(_):
    say("\n## model: opening 1 GB")
    say(output_of(BIN / "bench_model").rstrip())


PARTS = dict(accuracy=accuracy, sgd=sgd, goal=goal, floor=floor, csv=csv, memory=memory, model=model)


def main():
    others = (aggregate.PARTS | feedback.PARTS | stream_path.PARTS | ranking.PARTS | events.PARTS | gate.PARTS |
              page.PARTS | hosts.PARTS)
    parts = [*PARTS, *serving.PARTS, *others]
    wanted = sys.argv[1:] or [name for name in parts if name not in ("events", "gate", "hosts", "ranking", "soak")]
    unknown = [name for name in wanted if name not in parts]
    if unknown:
        sys.exit(f"bench: no part called {unknown[0]}; there are {' '.join(parts)}")
    say(f"{THREADS} CPUs; load {os.getloadavg()[0]:.1f} at the start (other work distorts times)")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        planted = None
        for name in wanted:
            if name in serving.PARTS:
                serving.run_part(name)
            elif name in others:
                others[name](folder)
            elif name in ("accuracy", "model"):
                PARTS[name](folder)
            else:
                planted = planted or Planted(folder / "planted")
                PARTS[name](planted)


if __name__ == "__main__":
    main()
