"""One training over several hosts, as network namespaces of this machine, beside one host.

Only by name, as root: script/bench hosts. Hosts have one core and one thread each. Namespaces share
the machine's memory and caches, and their network is as fast as memory, so only the share of the
hosts in work, memory, bytes and the time of their start is measured here. The start is the time
from the last process to the line `hosts` of the last host; memory is the peak of the resident set.
What a network and more hosts would do comes from a simulation of the ring (src/sgd/lap.h) that is
driven by these figures. MF_HOSTS_RATE=60e6 simulates
alone, with as many updates a second and core, priors included; MF_HOSTS_RATINGS is the size of the
runs.
"""

import datetime
import heapq
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from common import BIN, CPUS, ROOT, free_port, say, train_job

sys.path.append(str(ROOT / "tests/integration"))  # after this folder: both have a gate.py
from namespaces import Namespaces  # noqa: E402

SHAPE = dict(users=100000, items=8000, ratings=int(os.environ.get("MF_HOSTS_RATINGS", 5000000)), rank=16,
             noise=0.8, seed=1)
SETTINGS = dict(n_factors=64, n_epochs=5, n_threads=1, ranking="false", report="false")
STRIDE = 64

# src/sgd/grid.c
USER_BLOCK_BYTES, BLOCK_RATINGS, BLOCKS_MIN, ITEM_BLOCKS_MAX = 512 * 1024, 8192, 8, 64


def cut(users, items, ratings):
    """(user-blocks, item-blocks)."""
    rows = USER_BLOCK_BYTES // (STRIDE * 4)
    user_blocks = max(-(-users // rows), BLOCKS_MIN)
    item_blocks = min(max(ratings // (user_blocks * BLOCK_RATINGS), BLOCKS_MIN), ITEM_BLOCKS_MAX)
    return min(user_blocks, users), min(item_blocks, items)


# --- runs --------------------------------------------------------------------------------------


def prepare(folder, data, settings, names, name):
    prefix = train_job(pathlib.Path(tempfile.mkdtemp(dir=folder)), settings, "train")
    (prefix / "input/data/train/ratings.csv").symlink_to(data)
    (prefix / "input/config/inputdataconfig.json").write_text(json.dumps(
        {"train": {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}}))
    (prefix / "input/config/resourceconfig.json").write_text(json.dumps(
        {"current_host": name, "hosts": names, "network_interface_name": "eth0"}))
    return prefix


def fit(folder, data, settings, net=None, n=1, cpus=None):
    """(seconds of the quickest epoch, metrics.json, [peak bytes of each host], model.bin, seconds until
    all hosts could exchange messages, CPU seconds of all hosts)."""
    names = net.names[:n] if net else ["algo-1"]
    settings = dict(settings, hosts_port=free_port()) if net else settings
    prefixes = [prepare(folder, data, settings, names, name) for name in names]
    runs = [subprocess.Popen(
        [*(net.run(i) if net else ()), "taskset", "-c", ",".join(map(str, cpus[i] if net else cpus)),
         BIN / "train", "--prefix", prefix], stdout=subprocess.DEVNULL, stderr=open(prefix / "log", "w"))
        for i, prefix in enumerate(prefixes)]
    up = time.time()
    peaks, cpu_seconds = [], 0
    for run, prefix in zip(runs, prefixes):
        _, status, usage = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
        if status != 0:
            sys.exit(f"bench: train ended with {run.returncode}\n{(prefix / 'log').read_text()[-800:]}")
        peaks.append(usage.ru_maxrss * 1024)
        cpu_seconds += usage.ru_utime + usage.ru_stime
    name = f"metrics-{names[0]}.json" if net else "metrics.json"
    metrics = json.loads((prefixes[0] / "output/data" / name).read_text())
    seconds = min(epoch["seconds"] for epoch in metrics["epochs"])
    started = max(ready(prefix / "log") for prefix in prefixes) - up if net else 0
    return seconds, metrics, peaks, (prefixes[0] / "model/model.bin").read_bytes(), started, cpu_seconds


def ready(log):
    """When a host could exchange messages with all others, by its log."""
    (line,) = (line for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "hosts")
    return datetime.datetime.fromisoformat(line["ts"].replace("Z", "+00:00")).timestamp()


def phase(metrics, name):
    return next(p["seconds"] for p in metrics["phases"] if p["phase"] == name)


def measure(folder):
    data = folder / "train.csv"
    options = [part for key, value in SHAPE.items() for part in (f"--{key}", value)]
    subprocess.run([str(c) for c in (BIN / "planted", *options, "--format", "csv", "--output", data)],
                   stdout=subprocess.DEVNULL, check=True)
    blocks = cut(SHAPE["users"], SHAPE["items"], SHAPE["ratings"])
    say(f"{SHAPE['ratings']} planted ratings of {SHAPE['users']} users on {SHAPE['items']} items, "
        f"{STRIDE} factors, {blocks[0]} x {blocks[1]} blocks, item priors, no validation")
    net = Namespaces(2)
    try:
        # In turn, and the quickest of three, because other work distorts times.
        rounds = [(fit(folder, data, SETTINGS, cpus=CPUS[:1]),
                   fit(folder, data, dict(SETTINGS, n_threads=2), cpus=CPUS[:2]),
                   fit(folder, data, SETTINGS, net, 2, [CPUS[:1], CPUS[1:2]])) for _ in range(3)]
    finally:
        net.close()
    one, two_threads, two_hosts = (min(column, key=lambda run: run[0]) for column in zip(*rounds))
    n = two_hosts[1]["data"]["n_ratings"]
    rate = n / one[0]
    for what, run in (("one host, 1 thread", one), ("one host, 2 threads", two_threads),
                      ("2 hosts, 1 thread each", two_hosts)):
        say(f"{what:24} {n / run[0] / 1e6:6.2f} M updates/s   peak {max(run[2]) / 1e6:6.0f} MB a host   "
            f"{run[5]:5.1f} CPU seconds of the whole job")
    say(f"2 hosts / 2 threads: {two_threads[0] / two_hosts[0]:.2f} of the updates per second; "
        f"same model.bin: {'yes' if one[3] == two_hosts[3] == two_threads[3] else 'NO'}")
    sent = two_hosts[1]["epochs"][-1]["sent_bytes"]
    due = SHAPE["items"] * (4 * STRIDE * 4 + 4)
    say(f"bytes sent per host and epoch: {sent}; 4 rows and a bias of each item: {due}; ratio {sent / due:.3f}")
    say(f"start: {two_hosts[4]:.2f} s from the last host's process until all can exchange messages; reading took "
        f"{phase(two_hosts[1], 'reading'):.2f} s, on one host {phase(one[1], 'reading'):.2f} s")
    blocks_seconds = simulate(SHAPE["users"], SHAPE["items"], n, 2, 1, rate, 1e12, 1e-4)
    say(f"the simulation of these 2 hosts: {n / blocks_seconds / 1e6:.2f} M updates/s, "
        f"{two_hosts[0] / blocks_seconds:.2f} of the measured time is simulated")
    return rate


# --- simulation ----------------------------------------------------------------------------------


def lap(n_users, n_items, hosts, cores, block_seconds, stripe_seconds, latency):
    """Seconds of one lap: n_users user-blocks, n_items item-blocks, of which each visits all."""
    start = [b * n_users // n_items for b in range(n_items)]
    host_of = [((a + 1) * hosts - 1) // n_users for a in range(n_users)]
    first_stripe = [((a + 1) * n_items - 1) // n_users for a in range(n_users)]
    user_visits = [0] * n_users
    visits = [0] * n_items
    here = [set() for _ in range(hosts)]
    for b in range(n_items):
        here[host_of[start[b]]].add(b)
    free = [cores] * hosts
    link = [0.0] * hosts  # when the host's link is free
    events, now, left = [], 0.0, n_users * n_items

    def begin(h):
        while free[h] > 0:
            best = None
            for b in here[h]:
                if visits[b] == n_users or (best is not None and visits[b] >= visits[best]):
                    continue
                a = (start[b] + visits[b]) % n_users
                if (first_stripe[a] - user_visits[a]) % n_items == b:
                    best = b
            if best is None:
                return
            here[h].discard(best)
            free[h] -= 1
            heapq.heappush(events, (now + block_seconds, 0, h, best))

    for h in range(hosts):
        begin(h)
    while events:
        now, kind, h, b = heapq.heappop(events)
        if kind == 0:
            free[h] += 1
            user_visits[(start[b] + visits[b]) % n_users] += 1
            visits[b] += 1
            left -= 1
            to = host_of[(start[b] + visits[b]) % n_users]
            if to == h:
                here[h].add(b)
            else:
                link[h] = max(link[h], now) + stripe_seconds
                heapq.heappush(events, (link[h] + latency, 1, to, b))
        else:
            here[h].add(b)
        begin(h)
    assert left == 0
    return now


def simulate(users, items, ratings, hosts, cores, rate, bandwidth, latency):
    """Seconds of an epoch with item priors. rate: updates a second of a core, priors included; of
    the time the updates are two thirds, and each of the two laps of the priors a sixth."""
    a, b = cut(users, items, ratings)
    if a <= b:
        sys.exit("bench: the simulation needs more user-blocks than item-blocks")
    block = ratings / rate / (a * b)
    row = items * STRIDE * 4 / b / bandwidth
    laps = ((block * 2 / 3, 2 * row), (block / 6, row), (block / 6, row))
    return sum(lap(a, b, hosts, cores, *both, latency) for both in laps)


def hosts(folder):
    say("\n## hosts: one training over several hosts")
    if len(CPUS) < 2 or not Namespaces.possible():
        say("not here: needs two CPUs and the right to make network namespaces")
        return
    rate = float(os.environ.get("MF_HOSTS_RATE", 0)) or measure(pathlib.Path(folder))
    users, items, ratings = 10000000, 1000000, 1000000000
    say(f"\nsimulated: 1 B ratings, 10 M users, 1 M items, {STRIDE} factors, "
        f"{' x '.join(map(str, cut(users, items, ratings)))} blocks, item priors, {rate / 1e6:.1f} M updates/s a core; "
        f"0.2 ms of latency; seconds of an epoch")
    say("cores a host   1 host   4 hosts, 10 Gbit/s   4 hosts, 25 Gbit/s   8 hosts, 25 Gbit/s")
    for cores in (4, 16):
        alone = simulate(users, items, ratings, 1, cores, rate, 1e12, 0)
        cells = []
        for n, gigabits in ((4, 10), (4, 25), (8, 25)):
            seconds = simulate(users, items, ratings, n, cores, rate, gigabits * 1e9 / 8, 2e-4)
            cells.append(f"{seconds:9.2f} ({alone / seconds:4.1f} x)")
        say(f"{cores:12} {alone:8.2f}   " + "   ".join(f"{cell:>18}" for cell in cells))


PARTS = dict(hosts=hosts)
