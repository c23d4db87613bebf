"""The ranking figures of docs/evaluation.md, each with its peers in the same run; used by bench.py.

Splits and our own lists come from `evaluate --export`. ranking_peers.py makes the peers' lists of
the same splits and evaluates all lists alike. It needs numpy: Debian's python3-numpy, or the
interpreter in MF_NUMPY. Without it popularity and item-item, by evaluate's own figures, are the only
peers.

    MF_IMPLICIT   a Python interpreter that can import implicit (and numpy, scipy)
    MF_NUMPY      a Python interpreter that can import numpy
    MF_PEERS      only peers whose names contain one of these words: EASE,popularity
    MF_RANKING    NAME=VALUE … of hyperparameters for our side
    MF_RATINGS    a file of ratings on stars, instead of data/ratings.csv
"""

import http.client
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import serving
from common import BIN, ROOT, free_port, run, say, train_job

DATA = pathlib.Path(os.environ.get("MF_RATINGS", ROOT / "data/ratings.csv"))
PEERS = ROOT / "bench/ranking_peers.py"
HYPERPARAMETERS = os.environ.get("MF_RANKING", "").split()
IMPLICIT = os.environ.get("MF_IMPLICIT")
SEEDS, K, RELEVANT = 5, 10, 4

FIGURES = ("precision", "recall", "ndcg", "map", "recall_20", "coverage")
HEADS = (f"P@{K}", f"R@{K}", f"NDCG@{K}", f"MAP@{K}", "R@20", "coverage")
OURS = {
    "ranking": "ours",
    "rating": "ours, by predicted rating",
    "popularity": "popularity (evaluate)",
    "item_item": "item-item (evaluate)",
}

# Planted by choice: 10.5 million ratings in the shape of MovieLens 10M, a tenth of them held out.
PLANTED = dict(users=71567, items=10681, ratings=10555556, rank=16, noise=0.8, seed=1, choice=1)
FACTORS = 128


def can_import(python, *modules):
    return python and subprocess.run(
        [python, "-c", f"import {', '.join(modules)}"], capture_output=True).returncode == 0


def peers(python, *words):
    """The JSON of ranking_peers.py. BLAS has one thread: implicit requires that, its own threads and
    BLAS's together take six times as long, and small systems are no faster with two."""
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return json.loads(run(python, PEERS, *words, env=env))


def find_numpy():
    """An interpreter for ranking_peers.py, preferably with implicit; None if there is none."""
    if IMPLICIT and not can_import(IMPLICIT, "implicit", "numpy", "scipy"):
        sys.exit(f"bench: {IMPLICIT} (MF_IMPLICIT) cannot import implicit, numpy and scipy")
    for python in (IMPLICIT, os.environ.get("MF_NUMPY"), sys.executable, "/usr/bin/python3"):
        if can_import(python, "numpy"):
            return python
    return None


def evaluate(folder, *options):
    """evaluate's JSON; splits and lists are in the folder."""
    folder.mkdir()
    run(BIN / "evaluate", "--json", folder / "figures.json", "--export", folder, *options)
    return json.loads((folder / "figures.json").read_text())


# ---- the table ------------------------------------------------------------------


def print_row(title, row):
    say(f"{title:34}" + "".join(f"{row[figure]:10.4f}" for figure in FIGURES))


def own_figures(figures):
    """evaluate's rows in the form of ranking_peers.py's."""
    return {
        row: {f: s[f]["mean"] if isinstance(s[f], dict) else s[f] for f in FIGURES}
        for row, s in figures["lists"].items()
    }


def print_table(kind, table):
    say(f"\n{kind}{'':{34 - len(kind)}}" + "".join(f"{head:>10}" for head in HEADS))
    for key, title in OURS.items():
        if key in table["ours"]:
            print_row(title, table["ours"][key])
    for name, row in table.get("peers", {}).items():
        print_row(name, row)
    if "ratio" in table:
        ratio = table["ratio"]
        say(f"ours to the best peer: NDCG@{K} {ratio['ndcg']:.3f}, MAP@{K} {ratio['map']:.3f}, "
            f"recall@20 {ratio['recall_20']:.3f}; coverage to that of {table['best_peer']} "
            f"{ratio['coverage']:.2f}")
        d = table["against_best_peer"]
        say(f"NDCG@{K} of each user, ours less that of {table['best_peer']}: {d['mean']:+.4f} "
            f"({d['low']:+.4f} to {d['high']:+.4f}), better for {d['better']:.0%}, worse for "
            f"{d['worse']:.0%}")


def table(folder, python):
    figures = {}
    for kind, options in (("random", ["--seeds", SEEDS]), ("time", ["--split", "time"])):
        figures[kind] = evaluate(
            folder / kind, "--data", DATA, "--k", K, "--relevant-rating", RELEVANT, *options,
            *HYPERPARAMETERS)
    if python is None:
        say("no numpy: popularity and item-item of evaluate are the only peers")
        tables = {kind: {"ours": own_figures(f)} for kind, f in figures.items()}
    else:
        tables = peers(python, "lists", folder / "random", folder / "time")["tables"]
        if not IMPLICIT:
            say("no implicit (MF_IMPLICIT): iALS in numpy replaces it")
    for kind, title in (("random", f"random, {SEEDS} seed(s)"), ("time", "newest 20 % of each user")):
        print_table(title, tables[kind])
    for kind in tables:
        tables[kind]["models"] = [run.get("ranking_model") for run in figures[kind]["runs"]]
    return tables


# ---- short histories --------------------------------------------------------------

LENGTHS = (1, 3, 10, 30)


def ndcg(items, wanted):
    gains = [1 / math.log2(place + 2) for place in range(K)]
    hit = sum(gain for item, gain in zip(items, gains) if item in wanted)
    return hit / sum(gains[: min(K, len(wanted))])


def lists_of(port, instances):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/invocations", json.dumps({"instances": instances}),
                       {"Content-Type": "application/json"})
    response = connection.getresponse()
    body = json.loads(response.read())
    if response.status != 200:
        sys.exit(f"bench: serve responded with {response.status}: {body}")
    return [[entry["movieId"] for entry in p["recommendations"]] for p in body["predictions"]]


def others(items, known):
    """The first K that are not among the known ratings."""
    rated = {movie for movie, _ in known}
    return [item for item in items[: K + len(rated)] if item not in rated][:K]


def read_ratings():
    """user → [(movie, rating)], as data/ratings.csv has them."""
    users = {}
    with open(DATA) as file:
        next(file)
        for line in file:
            user, movie, rating, *_ = line.rstrip().split(",")
            users.setdefault(user, []).append((movie, float(rating)))
    return users


def train_without(folder, kept_out):
    """A model of the ratings of all other users, and their items by number of ratings."""
    prefix = train_job(folder / "ml", dict(setting.split("=", 1) for setting in HYPERPARAMETERS), "train")
    count = {}
    with open(DATA) as source, open(prefix / "input/data/train/ratings.csv", "w") as target:
        target.write(next(source))
        for line in source:
            user, movie, _ = line.split(",", 2)
            if user not in kept_out:
                target.write(line)
                count[movie] = count.get(movie, 0) + 1
    run(BIN / "train", "--prefix", prefix, stderr=subprocess.DEVNULL)
    return prefix, sorted(count, key=lambda movie: (-count[movie], movie))


def short(folder):
    """A fifth of the users at a time is kept out of training. A random fifth of each one's ratings is
    held out, and serve gets the first 1, 3, 10, 30 of the others, in random order. All of those others
    are removed from every list, popularity's included."""
    users = read_ratings()
    order = sorted(users)
    random.Random(1).shuffle(order)
    ours, popular = {n: [] for n in LENGTHS}, {n: [] for n in LENGTHS}
    for fifth in range(5):
        kept_out = set(order[fifth::5])
        parts = {}
        for user in sorted(kept_out):
            ratings = users[user][:]
            random.Random(f"{fifth} {user}").shuffle(ratings)
            n_test = int(len(ratings) * 0.2 + 0.5)
            wanted = {movie for movie, rating in ratings[:n_test] if rating >= RELEVANT}
            if wanted:
                parts[user] = wanted, ratings[n_test:]
        with tempfile.TemporaryDirectory(dir=folder) as place:
            prefix, by_count = train_without(pathlib.Path(place), kept_out)
            port = free_port()
            with serving.running([BIN / "serve", "--prefix", prefix], port, {"SAGEMAKER_BIND_TO_PORT": str(port)},
                                 serving.EVERY_CPU):
                for n in LENGTHS:
                    lists = lists_of(port, [
                        {"ratings": [{"movieId": m, "rating": r} for m, r in known[:n]],
                         "top_n": min(1000, K + len(known))} for _, known in parts.values()])
                    for (wanted, known), items in zip(parts.values(), lists):
                        ours[n].append(ndcg(others(items, known), wanted))
                        popular[n].append(ndcg(others(by_count, known), wanted))
    result = {}
    say(f"\nshort histories, users kept out of training: NDCG@{K} of {len(ours[1])} users")
    for n in LENGTHS:
        mine, theirs = (sum(x[n]) / len(x[n]) for x in (ours, popular))
        result[n] = {"ours": mine, "popularity": theirs}
        say(f"  from {n:2} rating(s)  {mine:.4f}   popularity {theirs:.4f}   ratio {mine / theirs:.2f}")
    return result


# ---- speed -------------------------------------------------------------------------


def speed(folder, python):
    say("\nspeed of the ranking part, planted ratings of users who choose what they like")
    options = [part for key, value in PLANTED.items() for part in (f"--{key}", value)]
    csv = folder / "planted.csv"
    facts = json.loads(run(BIN / "planted", *options, "--output", folder / "with_times.csv"))
    with open(csv, "w") as file:  # without the timestamps, which are random
        run("cut", "-d,", "-f1-3", folder / "with_times.csv", into=file)
    say(f"planted: {facts['ratings']} ratings of {facts['users']} users on {facts['items']} items; "
        f"made in {facts['elapsed_ms'] / 1000:.0f} s")
    fixed = [f"ranking_factors={FACTORS}"]
    common = ["--data", csv, "--fraction", 0.1, "--relevant-rating", RELEVANT, "--users", 5000,
              "--baselines", "no", "--order", "ranking", "n_epochs=1"]
    tuned = evaluate(folder / "tuned", *common, *fixed)["runs"][0]
    model = tuned["ranking_model"]
    for name in ("ranking_regularization", "recency", "ranking_prior"):
        fixed.append(f"{name}={model[name.removeprefix('ranking_')]}")
    given = evaluate(folder / "given", *common, *fixed)["runs"][0]
    result = {
        "n_factors": model["n_factors"],
        "own_tuning_seconds": tuned["seconds"]["ranking_choosing"],
        "seconds": given["seconds"]["ranking_learning"],
        "with_own_tuning_seconds":
            tuned["seconds"]["ranking_choosing"] + tuned["seconds"]["ranking_learning"],
        "steps": given["ranking_model"]["steps"],
    }
    say(f"ours, k = {model['n_factors']}: {result['seconds']:.2f} s in {result['steps']} steps; with "
        f"its own tuning {result['with_own_tuning_seconds']:.2f} s")
    if python is None:
        say("no numpy: no comparison")
        return result
    result.update(peers(python, "speed", folder / "given"))
    say(f"NDCG@{K} of {result['users']} users: ours {result['ours_ndcg']:.4f}, popularity "
        f"{result['popularity_ndcg']:.4f}")
    if "implicit_seconds" in result:
        say(f"implicit {result['implicit_version']}, k = 64, 15 passes: "
            f"{result['implicit_seconds']:.1f} s, NDCG@{K} {result['implicit_ndcg']:.4f}")
        for key, what in (("seconds", "ours"), ("with_own_tuning_seconds", "with own tuning")):
            result[f"{key}_to_implicit"] = result[key] / result["implicit_seconds"]
            say(f"{what}: {result[f'{key}_to_implicit']:.3f} of implicit")
    else:
        say("no implicit (MF_IMPLICIT)")
    return result


def ranking(folder):
    say(f"\n## ranking: lists against held-out ratings of {DATA.name}, relevant: {RELEVANT} and more")
    folder = folder / "ranking"
    folder.mkdir()
    python = find_numpy()
    result = {"data": DATA.name, "tables": table(folder, python)}
    result["short_histories"] = short(folder)
    result["speed"] = speed(folder, python)
    say(json.dumps(result))


PARTS = dict(ranking=ranking)
