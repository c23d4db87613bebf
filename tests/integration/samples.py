"""samples.py: ratings for the tests: small generated ones, and MovieLens."""

import functools
import random

from programs import SOURCE

REAL_RATINGS = SOURCE / "data" / "ratings.csv"
REAL_MOVIES = SOURCE / "data" / "movies.csv"


@functools.lru_cache(maxsize=None)
def real_ratings():
    """MovieLens ml-latest-small as text."""
    return REAL_RATINGS.read_text(encoding="utf-8")


def planted(n_users=200, n_items=100, n_ratings=4000, rank=3, noise=0.3, seed=1):
    """Ratings of a known low rank, half stars from 0.5 to 5: [(user, item, rating, time)]
    as text, no pair twice, every user and item at least once, in a mixed order."""
    r = random.Random(seed)
    factors = lambda n: [[r.gauss(0, 0.9 / rank**0.25) for _ in range(rank)] for _ in range(n)]
    p, q = factors(n_users), factors(n_items)
    user_bias = [r.gauss(0, 0.4) for _ in range(n_users)]
    item_bias = [r.gauss(0, 0.4) for _ in range(n_items)]
    pairs = {(u, u % n_items) for u in range(n_users)} | {(i % n_users, i) for i in range(n_items)}
    assert len(pairs) <= n_ratings <= n_users * n_items
    while len(pairs) < n_ratings:
        pairs.add((r.randrange(n_users), r.randrange(n_items)))
    pairs = sorted(pairs)
    r.shuffle(pairs)
    rows = []
    for n, (u, i) in enumerate(pairs):
        value = 3.3 + user_bias[u] + item_bias[i] + sum(a * b for a, b in zip(p[u], q[i]))
        value = min(5.0, max(0.5, round(2 * (value + r.gauss(0, noise))) / 2))
        rows.append((str(u + 1), str(i + 1000), str(value), str(1_000_000_000 + n)))
    return rows


def parity(n_users=40, n_items=40):
    """(rows, withheld): 5 where the parities of user and item agree, else 1; user u
    never rated items u and u+1. Biases cannot describe them, one factor describes them all."""
    rows, withheld = [], []
    for u in range(n_users):
        for i in range(n_items):
            row = (str(u), str(i), "5" if u % 2 == i % 2 else "1", str(u * n_items + i))
            (withheld if i in (u % n_items, (u + 1) % n_items) else rows).append(row)
    return rows, withheld


HEADER = ("userId", "movieId", "rating", "timestamp")


def csv(rows, header=HEADER, separator=",", newline="\n", final_newline=True):
    """The rows as text; header=None for none."""
    lines = [separator.join(header)] if header else []
    lines += [separator.join(row) for row in rows]
    return newline.join(lines) + (newline if final_newline else "")
