"""FAISS beside bench_top_n, in turn, on the same items and users.

    faiss_peer.py BENCH_TOP_N [its options]

Needs a Python that can import faiss and numpy (Debian: python3-faiss). IndexFlatIP is
exact, as ours, one query at a time, one thread. It has no biases and excludes no items, so its task
is easier. Prints one JSON line.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time

import faiss
import numpy

ROUNDS, N = 5, 10


def search(index, users):
    """µs of each user's ten best."""
    times = []
    for user in users:
        start = time.perf_counter()
        index.search(user, N)
        times.append(1e6 * (time.perf_counter() - start))
    return times


def main():
    faiss.omp_set_num_threads(1)
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([*sys.argv[1:], "--rounds", "1", "--export", file.name],
                       check=True, stdout=subprocess.DEVNULL)
        n_items, n_users, n_factors = numpy.fromfile(file.name, numpy.uint32, 3)
        rows = numpy.fromfile(file.name, numpy.float32, offset=12).reshape(-1, n_factors)
    index = faiss.IndexFlatIP(int(n_factors))
    index.add(rows[:n_items])
    users = [rows[n_items + user : n_items + user + 1] for user in range(min(n_users, 300))]
    theirs, ours = [], []
    for _ in range(ROUNDS):
        theirs += search(index, users)
        out = subprocess.run([*sys.argv[1:], "--rounds", "1"], check=True, capture_output=True)
        ours.append(json.loads(out.stdout))
    p50 = statistics.median(theirs)
    result = ours[-1]
    for key in ("p50_us", "p99_us", "plain_p50_us", "plain_p99_us"):
        result[key] = round(statistics.median(o[key] for o in ours), 1)
    result["faiss"] = faiss.__version__
    result["faiss_p50_us"] = round(p50, 1)
    result["faiss_p99_us"] = round(statistics.quantiles(theirs, n=100)[98], 1)
    result["ours_to_faiss"] = round(result["p50_us"] / p50, 3)
    result["plain_to_faiss"] = round(result["plain_p50_us"] / p50, 3)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
