"""slow_work.py: requests that keep a server busy for a while."""

import functools
import json

from models import trained
from samples import planted


def slow_model():
    """A model whose visitors cost a system of up to 400 equations each."""
    return trained(rows=tuple(planted(100, 400, 4000)), n_factors=400, n_epochs=1)


@functools.lru_cache(maxsize=None)
def slow_line():
    """A request that takes slow_model() milliseconds: a visitor with ratings of all items."""
    rated = [{"movieId": item, "rating": 1 + n % 5} for n, item in enumerate(slow_model().items)]
    return json.dumps({"ratings": rated, "top_n": 1, "include_rated": True}) + "\n"


def slow_body(n):
    """n of them as JSON Lines."""
    return (slow_line() * n).encode()
