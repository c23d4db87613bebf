#!/usr/bin/env python3
"""Lists and ratings from the files of `train --export`, with numpy alone.

    train --export model.bin exported
    python3 examples/export.py exported --user 2
    python3 examples/export.py exported --user 2 --endpoint http://localhost:8080

With --endpoint the same list is requested from a running `serve`, and scores and ratings are compared.
"""

import argparse
import csv
import json
import sys
import urllib.request
from pathlib import Path

import numpy as np


class Model:
    """The exported arrays. Row u of the users' arrays is users[u], row i of the items' is items[i]."""

    def __init__(self, folder):
        folder = Path(folder)
        self.facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        self.users = self._column(folder / "users.csv", "id")
        self.items = self._column(folder / "items.csv", "id")
        self.titles = self._column(folder / "items.csv", "title")
        self.row_of_user = {user: row for row, user in enumerate(self.users)}
        for path in folder.glob("*.npy"):
            setattr(self, path.stem, np.load(path))

    @staticmethod
    def _column(path, name):
        with open(path, newline="", encoding="utf-8") as file:
            return [row.get(name) for row in csv.DictReader(file)]

    def predicted_ratings(self, user):
        """clip(μ + b_u + b_i + p_u · q_i) for every item i."""
        rating = (self.facts["global_mean"] + self.user_bias[user] + self.item_bias
                  + self.item_factors @ self.user_factors[user])
        return np.clip(rating, self.facts["rating_min"], self.facts["rating_max"])

    def scores(self, user):
        """profile of the user · vector of the item, for every item."""
        return self.item_vectors @ self.user_vectors[user]

    def top_n(self, user, n):
        """The n best items that the user has not rated, best first."""
        scores = self.scores(user)
        scores[self.rated_items[self.rated_start[user]:self.rated_start[user + 1]]] = -np.inf
        return np.argsort(-scores, kind="stable")[:n], scores


def served_list(endpoint, user, n):
    body = json.dumps({"userId": user, "top_n": n}).encode()
    request = urllib.request.Request(f"{endpoint}/invocations", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)["recommendations"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--user", required=True)
    parser.add_argument("--n", type=int, default=5)
    parser.add_argument("--endpoint")
    options = parser.parse_args()

    model = Model(options.folder)
    user = model.row_of_user[options.user]
    best, scores = model.top_n(user, options.n)
    ratings = model.predicted_ratings(user)
    for item in best:
        print(f"{model.items[item]}\t{scores[item]:.6f}\t{ratings[item]:.6f}\t{model.titles[item] or ''}")

    if options.endpoint:
        served = served_list(options.endpoint, options.user, options.n)
        for entry, item in zip(served, best, strict=True):
            if entry["movieId"] != model.items[item]:
                sys.exit(f"serve lists {entry['movieId']}, numpy {model.items[item]}")
            if abs(entry["score"] - scores[item]) > 1e-5 or abs(entry["predicted_rating"] - ratings[item]) > 1e-5:
                sys.exit(f"serve: {entry}; numpy: {scores[item]:.6f} {ratings[item]:.6f}")
        print("serve has the same list, scores and ratings")


if __name__ == "__main__":
    main()
