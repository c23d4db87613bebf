"""FAISS with a selector of ids beside bench_steer, in turn, on the same items and users.

    faiss_steer.py BENCH_STEER

Needs a Python that can import faiss and numpy. IndexFlatIP is exact, as ours; one query at a time, one
thread. Its filters are random items as ours are, made before the clock runs. Prints one JSON line.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time

import faiss
import numpy

ROUNDS, USERS, N = 3, 60, 10
CASES = ("kept_50", "kept_10", "kept_1", "excluded_1000")


def selectors(n_items, seed):
    """(selector of each case, what must live as long)."""
    random = numpy.random.default_rng(seed)
    alive = []
    for share in (0.5, 0.1, 0.01):
        bits = numpy.packbits(random.random(n_items) < share, bitorder="little")
        alive.append((faiss.IDSelectorBitmap(bits), bits))
    batch = faiss.IDSelectorBatch(random.integers(0, n_items, 1000))
    alive.append((faiss.IDSelectorNot(batch), batch))
    return alive


def main():
    faiss.omp_set_num_threads(1)
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([*sys.argv[1:], "--rounds", "1", "--export", file.name],
                       check=True, stdout=subprocess.DEVNULL)
        n_items, _, n_factors = numpy.fromfile(file.name, numpy.uint32, 3)
        rows = numpy.fromfile(file.name, numpy.float32, offset=12).reshape(-1, n_factors)
    index = faiss.IndexFlatIP(int(n_factors))
    index.add(rows[:n_items])
    times = {case: [] for case in CASES}
    ours = []
    for _ in range(ROUNDS):
        for user in range(USERS):
            query = rows[n_items + user : n_items + user + 1]
            for case, (selector, _) in zip(CASES, selectors(int(n_items), user)):
                how = faiss.SearchParameters(sel=selector)
                start = time.perf_counter()
                index.search(query, N, params=how)
                times[case].append(1e6 * (time.perf_counter() - start))
        out = subprocess.run([*sys.argv[1:], "--rounds", "1"], check=True, capture_output=True)
        ours.append(json.loads(out.stdout))
    result = ours[-1] | {key: round(statistics.median(o[key] for o in ours), 2)
                         for key in ours[0] if key.endswith(("_us", "_ratio"))}
    result["faiss"] = faiss.__version__
    for case in CASES:
        theirs = statistics.median(times[case])
        result[f"{case}_faiss_us"] = round(theirs, 1)
        result[f"{case}_faiss_to_ours"] = round(theirs / result[f"{case}_us"], 1)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
