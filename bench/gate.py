"""How often the gate of `train` (train/gate.h) is right, on data/ratings.csv; used by bench.py.
MF_GATE_TIMES is N, 100.

Held out is each user's newest tenth. Each of N times, with fixed seeds:
    equal      two models, each of the other ratings without five in a hundred at random: accepted
    shuffled   a model whose ratings are exchanged among the pairs, beside one of the ratings: refused
"""

import collections
import json
import os
import random
import shutil
import subprocess

from common import BIN, ROOT, run, say, train_job

TIMES = int(os.environ.get("MF_GATE_TIMES", 100))


def split():
    """(head, older rows, each user's newest tenth)."""
    head, *rows = (ROOT / "data/ratings.csv").read_text().splitlines()
    of_user = collections.defaultdict(list)
    for row in (line.split(",") for line in rows):
        of_user[row[0]].append(row)
    older, newest = [], []
    for own in of_user.values():
        own.sort(key=lambda row: int(row[3]))
        n = max(1, round(len(own) / 10))
        older += own[:-n]
        newest += own[-n:]
    return head, older, newest


def train(folder, head, rows, newest, current=None):
    """(model.bin, gate.json or None) of a job with the defaults."""
    shutil.rmtree(folder, ignore_errors=True)
    job = train_job(folder, {"seed": 1}, "train", "validation", *(["current"] if current else []))
    for channel, some in (("train", rows), ("validation", newest)):
        (job / "input/data" / channel / "ratings.csv").write_text("\n".join([head, *map(",".join, some)]) + "\n")
    if current:
        shutil.copy(current, job / "input/data/current/model.bin")
    run(BIN / "train", "--prefix", job, stderr=subprocess.DEVNULL)
    return job / "model/model.bin", json.loads((job / "output/data/gate.json").read_text()) if current else None


def gate(top):
    head, older, newest = split()
    promoted, ranges = collections.Counter(), collections.defaultdict(list)
    whole, _ = train(top / "whole", head, older, newest)
    for seed in range(TIMES):
        r = random.Random(seed)
        some = lambda: [row for row in older if r.random() > 0.05]
        ratings = [row[2] for row in older]
        r.shuffle(ratings)
        shuffled = [[row[0], row[1], rating, row[3]] for row, rating in zip(older, ratings)]
        current, _ = train(top / "current", head, some(), newest)
        for kind, rows, other in (("equal", some(), current), ("shuffled", shuffled, whole)):
            _, decision = train(top / "new", head, rows, newest, other)
            promoted[kind] += decision["promote"]
            for figure in ("ndcg_at_10", "rmse"):
                ranges[kind, figure].append(decision[figure]["difference"])
    say(f"| | of {TIMES} promoted | difference of NDCG@10 | difference of RMSE |")
    say("| --- | --- | --- | --- |")
    for kind, what in (("equal", "another 5 % of the ratings left out"),
                       ("shuffled", "ratings exchanged among the pairs")):
        between = [f"{min(d):+.4f} to {max(d):+.4f}" for d in (ranges[kind, f] for f in ("ndcg_at_10", "rmse"))]
        say(f"| {what} | {promoted[kind]} | {between[0]} | {between[1]} |")
    if promoted["equal"] < 0.95 * TIMES or promoted["shuffled"] > 0:
        raise SystemExit("bench: the gate is wrong more often than it may be")


PARTS = {"gate": gate}
