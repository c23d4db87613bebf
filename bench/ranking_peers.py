"""Other rankings, and one evaluation for all, on the splits of `evaluate --export`; needs numpy.

    ranking_peers.py lists FOLDER [FOLDER …]   every peer and every list of ours; JSON
    ranking_peers.py speed FOLDER              implicit's time and lists beside ours; JSON

Each FOLDER is one kind of split with as many seeds as were exported. Every peer has ten settings
(popularity has one), and the one that is best on the held-out ratings is used, which favours the
peer. `implicit` is a peer if this interpreter can import it; `speed` is for it alone.

Relevant: a held-out rating of 4 and more. Evaluated users have a relevant held-out rating and a
training rating. The figures are those of src/metrics/ranking_metrics.h.
"""

import json
import os
import pathlib
import re
import sys
import time

import numpy as np

try:
    import implicit.als
    import scipy.sparse
except ImportError:
    implicit = None

K, LENGTH, RELEVANT = 10, 20, 4
DISCOUNTS = 1 / np.log2(np.arange(LENGTH) + 2)
THREADS = len(os.sched_getaffinity(0))


def say(text):
    print(text, file=sys.stderr, flush=True)


def numbers(path):
    """A text file of numbers as rows."""
    with open(path) as file:
        columns = len(file.readline().split())
    return np.fromfile(path, sep=" ").reshape(-1, columns)


def best(scores, n=LENGTH):
    """The n best columns of each row, best first."""
    part = np.sort(np.argpartition(-scores, n - 1, axis=1)[:, :n], axis=1)
    order = np.argsort(-np.take_along_axis(scores, part, 1), axis=1, kind="stable")
    return np.take_along_axis(part, order, 1)


class Split:
    """One seed of one kind of split."""

    def __init__(self, folder, seed):
        self.folder, self.seed = pathlib.Path(folder), seed
        with open(self.folder / "users.txt") as users, open(self.folder / "items.txt") as items:
            self.n_users, self.n_items = sum(1 for _ in users), sum(1 for _ in items)
        train = numbers(self.folder / f"seed-{seed}-train.txt")
        test = numbers(self.folder / f"seed-{seed}-test.txt")
        self.user, self.item = train[:, 0].astype(np.int64), train[:, 1].astype(np.int64)
        self.value = train[:, 2].astype(np.float32)
        relevant = test[test[:, 2] >= RELEVANT].astype(np.int64)
        self.wanted = np.sort(relevant[:, 0] * self.n_items + relevant[:, 1])
        wanted = np.bincount(relevant[:, 0], minlength=self.n_users)
        known = np.bincount(self.user, minlength=self.n_users) > 0
        self.users = np.flatnonzero((wanted > 0) & known)
        self.n_wanted = wanted[self.users]
        self.count = np.bincount(self.item, minlength=self.n_items)

    def matrix(self, values):
        """Users × items, dense."""
        dense = np.zeros((self.n_users, self.n_items), np.float32)
        dense[self.user, self.item] = values
        return dense

    def unrated(self, scores):
        """The best unrated items of each evaluated user."""
        scores = np.array(scores, dtype=np.float32)
        scores[self.user, self.item] = -np.inf
        return best(scores[self.users])

    def ours(self, row):
        """Our list of this row for the evaluated users; None if it was not exported. A user without a
        list is an error in evaluate and is reported."""
        path = self.folder / f"seed-{self.seed}-list-{row}.txt"
        if not path.exists():
            return None
        lists = np.full((self.n_users, LENGTH), -1, np.int64)
        listed = np.zeros(self.n_users, bool)
        with open(path) as file:
            for line in file:
                user, *items = map(int, line.split())
                lists[user, : len(items)] = items[:LENGTH]
                listed[user] = True
        if not listed[self.users].all():
            say(f"{path}: {np.count_nonzero(~listed[self.users])} users have no list")
        return lists[self.users]

    def figures(self, lists):
        """Figures of each user, and coverage."""
        keys = self.users[:, None] * self.n_items + lists
        at = np.minimum(np.searchsorted(self.wanted, keys), len(self.wanted) - 1)
        hits = (self.wanted[at] == keys) & (lists >= 0)
        first, most = hits[:, :K], np.minimum(self.n_wanted, K)
        precisions = np.cumsum(first, axis=1) / (np.arange(K) + 1)
        return {
            "precision": first.sum(1) / K,
            "recall": first.sum(1) / most,
            "ndcg": first @ DISCOUNTS[:K] / np.cumsum(DISCOUNTS)[most - 1],
            "map": (precisions * first).sum(1) / most,
            "recall_20": hits.sum(1) / np.minimum(self.n_wanted, LENGTH),
        }, len(np.unique(lists[:, :K][lists[:, :K] >= 0])) / self.n_items


# ---- peers: name → ten settings; each gives the lists of a split -----------------


def popularity(split, _):
    place = np.empty(split.n_items, np.float32)
    place[np.argsort(-split.count, kind="stable")] = np.arange(split.n_items)
    return split.unrated(np.broadcast_to(-place, (split.n_users, split.n_items)))


def item_item(split, setting):
    values = np.ones_like(split.value) if setting["values"] == "one" else split.value
    rated = split.matrix(values)
    unit = rated / np.maximum(np.sqrt((rated**2).sum(0)), 1e-9)
    cosine = unit.T @ unit
    n = setting["neighbours"]
    if n is not None:  # the nearest of each item, as is usual with this method
        weakest = np.partition(cosine, -n, axis=1)[:, -n, None]
        cosine[cosine < weakest] = 0
    return split.unrated(rated @ cosine.T)


def ease(split, setting):
    """Steck 2019, in the users' space (Woodbury): X B = X − M X / diag P."""
    x = split.matrix(np.where(split.value >= setting["from"], 1, 0)).astype(np.float64)
    ridge = setting["lambda"]
    mx = np.linalg.solve(x @ x.T + ridge * np.eye(split.n_users), x)
    return split.unrated(x - mx * (ridge / (1 - (x * mx).sum(0))))


class Half:
    """The rows of one side of iALS, sorted so that rows with about the same number of ratings are solved
    together."""

    def __init__(self, row, other, target, n_rows):
        order = np.argsort(row, kind="stable")
        self.other, self.target = other[order], target[order]
        self.n = np.bincount(row, minlength=n_rows)
        self.start = np.concatenate([[0], np.cumsum(self.n)])
        self.rows = np.argsort(self.n, kind="stable")

    def solve(self, mine, theirs, unobserved, ridge):
        k = theirs.shape[1]
        gram = unobserved * (theirs.T @ theirs)
        at = 0
        while at < len(self.rows):
            chunk = self.rows[at : at + 512]
            while len(chunk) > 1 and self.n[chunk[-1]] * len(chunk) > 60000:
                chunk = chunk[: len(chunk) // 2]
            at += len(chunk)
            most = max(1, self.n[chunk].max())
            place = self.start[chunk, None] + np.arange(most)
            there = np.arange(most) < self.n[chunk, None]
            place = np.where(there, place, 0)
            h = theirs[self.other[place]] * there[:, :, None].astype(np.float32)
            a = np.matmul(h.transpose(0, 2, 1), h) + gram
            pull = ridge * (self.n[chunk] + unobserved * len(theirs))
            a += pull[:, None, None] * np.eye(k, dtype=np.float32)
            b = (h * (self.target[place] * there)[:, :, None]).sum(1)
            mine[chunk] = np.linalg.solve(a, b[:, :, None])[:, :, 0]


def ials(split, setting):
    """Hu, Koren, Volinsky 2008, in the form of Rendle et al. 2022 with ν = 1, exact."""
    k, random = setting["factors"], np.random.default_rng(split.seed)
    target = split.value / 5 if setting["target"] == "rating" else np.ones_like(split.value)
    target = target.astype(np.float32)
    w = (random.normal(size=(split.n_users, k)) * 0.1 / np.sqrt(k)).astype(np.float32)
    h = (random.normal(size=(split.n_items, k)) * 0.1 / np.sqrt(k)).astype(np.float32)
    of_user = Half(split.user, split.item, target, split.n_users)
    of_item = Half(split.item, split.user, target, split.n_items)
    for _ in range(setting["passes"]):
        of_user.solve(w, h, np.float32(setting["unobserved"]), np.float32(setting["ridge"]))
        of_item.solve(h, w, np.float32(setting["unobserved"]), np.float32(setting["ridge"]))
    of_user.solve(w, h, np.float32(setting["unobserved"]), np.float32(setting["ridge"]))
    return split.unrated(w @ h.T)


def sparse(split, values):
    shape = split.n_users, split.n_items
    return scipy.sparse.csr_matrix((values.astype(np.float32), (split.user, split.item)), shape)


def implicit_als(split, setting):
    values = split.value / 5 if setting["confidence"] == "rating" else np.ones_like(split.value)
    rated = sparse(split, values)
    model = implicit.als.AlternatingLeastSquares(
        factors=setting["factors"], regularization=setting["regularization"],
        alpha=setting["alpha"], iterations=setting["iterations"], use_cg=True, random_state=1,
        num_threads=THREADS)
    model.fit(rated, show_progress=False)
    items, _ = model.recommend(split.users, rated[split.users], N=LENGTH)
    return np.asarray(items, np.int64)


RIDGES = (50, 100, 150, 200, 250, 300, 400, 500, 700, 1000)


def peers():
    yield "popularity", popularity, [{}], False
    yield "item-item cosine", item_item, [
        {"values": v, "neighbours": n} for v in ("one", "rating") for n in (20, 50, 100, 200, None)
    ], False
    for name, low in (("EASE", -np.inf), ("EASE on ratings >= 4", 4)):
        yield name, ease, [{"lambda": r, "from": low} for r in RIDGES], False
    for name, target in (("iALS", "one"), ("iALS, targets by rating", "rating")):
        # Slow, so the best of its settings on the first seed is used for all.
        yield name, ials, [
            {"factors": 64, "unobserved": a, "ridge": r, "target": target, "passes": 10}
            for a in (0.1, 0.2, 0.3, 0.5, 0.8) for r in (0.003, 0.01)
        ], True
    if implicit is not None:
        for name, confidence in (("implicit", "one"), ("implicit, confidence by rating", "rating")):
            yield name, implicit_als, [
                {"factors": f, "alpha": a, "regularization": r, "iterations": 15,
                 "confidence": confidence}
                for f, a, r in ((64, 1, 5), (64, 2, 10), (64, 5, 20), (64, 5, 40), (64, 10, 40),
                                (64, 10, 80), (64, 20, 80), (128, 10, 40), (128, 10, 80),
                                (128, 20, 80))
            ], False


# ---- tables -----------------------------------------------------------------------


def seeds_of(folder):
    names = (re.fullmatch(r"seed-(\d+)-test\.txt", p.name) for p in pathlib.Path(folder).iterdir())
    return sorted(int(name[1]) for name in names if name)


def row_of(splits, lists):
    """Means over seeds of means over users; NDCG per user for comparisons."""
    found = [split.figures(l) for split, l in zip(splits, lists)]
    row = {key: float(np.mean([figures[key].mean() for figures, _ in found])) for key in found[0][0]}
    row["coverage"] = float(np.mean([coverage for _, coverage in found]))
    row["users"] = int(np.mean([len(split.users) for split in splits]))
    return row, [figures["ndcg"] for figures, _ in found]


def paired(splits, a, b):
    """Mean over users of b − a, with the 95 % interval of a bootstrap over users."""
    total, times = np.zeros(splits[0].n_users), np.zeros(splits[0].n_users)
    for split, x, y in zip(splits, a, b):
        np.add.at(total, split.users, y - x)
        np.add.at(times, split.users, 1)
    mean = total[times > 0] / times[times > 0]
    random = np.random.default_rng(1)
    drawn = [random.choice(mean, len(mean)).mean() for _ in range(1000)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return {"mean": float(mean.mean()), "low": float(low), "high": float(high),
            "better": float((mean > 0).mean()), "worse": float((mean < 0).mean())}


def measure(name, make, settings, first_alone, splits):
    """(row, ndcg per user) of the best setting."""
    start, tried = time.monotonic(), []
    for setting in settings:
        chosen = splits[:1] if first_alone and len(settings) > 1 else splits
        tried.append((*row_of(chosen, [make(split, setting) for split in chosen]), setting))
    row, ndcg, setting = max(tried, key=lambda t: t[0]["ndcg"])
    if first_alone and len(splits) > 1:
        row, ndcg = row_of(splits, [make(split, setting) for split in splits])
    row["setting"] = {k: v for k, v in setting.items() if v != -np.inf}
    row["seconds"] = round(time.monotonic() - start, 1)
    say(f"{name}: NDCG@{K} {row['ndcg']:.4f} with {row['setting']} ({row['seconds']} s)")
    return row, ndcg


OURS = ("ranking", "rating", "popularity", "item_item")


def table_of(folder):
    splits = [Split(folder, seed) for seed in seeds_of(folder)]
    say(f"{folder}: {len(splits)} split(s)")
    ours, others, ndcg = {}, {}, {}
    for row in OURS:
        lists = [split.ours(row) for split in splits]
        if all(l is not None for l in lists):
            ours[row], ndcg[row] = row_of(splits, lists)
    words = [word for word in os.environ.get("MF_PEERS", "").split(",") if word]
    for name, make, settings, first_alone in peers():
        if words and not any(word in name for word in words):
            continue
        others[name], ndcg[name] = measure(name, make, settings, first_alone, splits)
    strongest = max(others, key=lambda name: others[name]["ndcg"])
    table = {"seeds": len(splits), "ours": ours, "peers": others, "best_peer": strongest}
    if "ranking" in ours:
        table["ratio"] = {
            key: ours["ranking"][key] / max(other[key] for other in others.values())
            for key in ("ndcg", "map", "recall_20", "precision", "recall")}
        table["ratio"]["coverage"] = ours["ranking"]["coverage"] / others[strongest]["coverage"]
        table["against_best_peer"] = paired(splits, ndcg[strongest], ndcg["ranking"])
    return table


def speed(folder):
    """implicit timed on the first seed, and NDCG of the users for whom we have lists. Its alpha and
    regularization are the best of eight on a smaller planted set; they do not change its time."""
    split = Split(folder, seeds_of(folder)[0])
    listed = set()
    with open(split.folder / f"seed-{split.seed}-list-ranking.txt") as file:
        listed.update(int(line.split(None, 1)[0]) for line in file)
    split.users, places = np.intersect1d(split.users, sorted(listed), return_indices=True)[:2]
    split.n_wanted = split.n_wanted[places]
    result = {"users": len(split.users)}
    result["ours_ndcg"] = float(split.figures(split.ours("ranking"))[0]["ndcg"].mean())
    lists = np.empty((len(split.users), LENGTH), np.int64)
    popular = np.argsort(-split.count, kind="stable")
    start = np.searchsorted(split.user, np.arange(split.n_users + 1))  # rows are sorted by user
    for place, user in enumerate(split.users):
        rated = split.item[start[user] : start[user + 1]]
        first = popular[: LENGTH + len(rated)]
        unrated = first[~np.isin(first, rated)][:LENGTH]
        lists[place] = np.pad(unrated, (0, LENGTH - len(unrated)), constant_values=-1)
    result["popularity_ndcg"] = float(split.figures(lists)[0]["ndcg"].mean())
    if implicit is not None:
        matrix = sparse(split, np.ones_like(split.value))
        model = implicit.als.AlternatingLeastSquares(
            factors=64, alpha=10, regularization=100, iterations=15, use_cg=True, random_state=1,
            num_threads=THREADS)
        start = time.monotonic()
        model.fit(matrix, show_progress=False)
        result["implicit_seconds"] = time.monotonic() - start
        items, _ = model.recommend(split.users, matrix[split.users], N=LENGTH)
        result["implicit_ndcg"] = float(
            split.figures(np.asarray(items, np.int64))[0]["ndcg"].mean())
        result["implicit_version"] = implicit.__version__
    return result


def main():
    what, *folders = sys.argv[1:]
    if what == "lists":
        tables = {pathlib.Path(folder).name: table_of(folder) for folder in folders}
        print(json.dumps({"numpy": np.__version__, "tables": tables}))
    elif what == "speed":
        print(json.dumps(speed(folders[0])))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
