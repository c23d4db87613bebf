"""The function feedback, alone and in the loop: script/bench feedback.

    records a second    beside redis-benchmark and beside the same work on Node (feedback_peer.js), in turn
    until a list knows  from PutRecord of a rating to a list of its user without the rated item, while 1,000
                        ratings a second arrive; beside a record that is read from the stream itself
    lists with events   computed by /recommend/cached for users with events, beside the same users without, in
                        turn, at 1,000 a second
"""

import contextlib
import csv
import http.client
import json
import multiprocessing
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time

import serving
from common import BIN, CPUS, NODE_MODULES, REDIS, ROOT, cpu_seconds, free_port, run, say
from events import Loop, read_ratings
from stream_path import Reader, at_p99, kinesalite, spread

sys.path.append(str(ROOT / "tests/integration"))

USERS = 1000
CLIENT = (ROOT / "src/cache/client.c").read_text()
SCRIPT = "".join(re.findall(r'"(.*?)"', re.search(r"#define SCRIPT +\\\n(.*?)\n#define", CLIENT, re.S)[1]))
SHA = re.search(r'#define SCRIPT_SHA1 "(\w+)"', CLIENT)[1]
ROUNDS = 3


# ---- records a second -------------------------------------------------------------


def redis_rate(port, *command, n):
    """Commands a second of redis-benchmark on one connection, a hundred at a time."""
    text = run("taskset", "-c", CPUS[-1], "redis-benchmark", "-p", port, "-c", 1, "-P", 100, "-n", n, "-r", USERS,
               "--csv", *command, stderr=subprocess.DEVNULL)
    return float(list(csv.DictReader(text.splitlines()))[-1]["rps"])


def run_function(program, kept, env):
    """bench_feedback's figures: batches of 100 after each user has `kept` events."""
    return json.loads(run("taskset", "-c", CPUS[-1], BIN / "bench_feedback", program, 100, 500, USERS, kept * USERS // 100,
                          env=env))


def alone(folder, port, kept):
    from redis_peers import Wire
    wire = Wire(socket.create_connection(("127.0.0.1", port)))

    def command(*words):
        wire.send(*words)
        return wire.read()

    env = dict(os.environ, AWS_REGION="eu-central-1", AWS_ACCESS_KEY_ID="k", AWS_SECRET_ACCESS_KEY="s",
               AWS_LAMBDA_LOG_LEVEL="WARN", REDIS_ENABLED="true", REDIS_ENDPOINT="127.0.0.1", REDIS_PORT=str(port),
               REDIS_COMMAND_MS="5000", PROFILE_EVENTS=str(kept))
    peer = serving.node_function(folder, "feedback", SCRIPT=SCRIPT)
    ours, node, benchmark = [], [], []
    for _ in range(ROUNDS):
        command("FLUSHALL")
        ours.append(run_function(BIN / "feedback", kept, env))
        value = command("GET", "fb:user:7")
        assert command("SCRIPT", "EXISTS", SHA) == [1]
        if peer is not None:
            command("FLUSHALL")
            node.append(run_function(peer, kept, env))
            assert len(json.loads(command("GET", "fb:user:7")[16:])) == kept
        text = b"x" * 16 + b"0" * (len(value) - 16)  # as long, without the bytes that no argument can have
        for user in range(USERS):
            command("SET", "user:%012d" % user, text)
        updates = redis_rate(port, "EVALSHA", SHA, 1, "user:__rand_int__", "x" * 16, text.decode(), 2592000, n=50000)
        reads = redis_rate(port, "MGET", *["user:__rand_int__"] * 100, n=2000)
        benchmark.append(1 / (1 / updates + 1 / (100 * reads)))
    median = lambda runs, name: statistics.median(facts[name] for facts in runs)
    rate, cpu, limit = median(ours, "per_second"), median(ours, "cpu_us"), statistics.median(benchmark)
    say(f"{kept} events of each user, {len(value)} bytes: {rate:.0f} records/s, batch p50 {ours[-1]['batch_ms']['median']:.2f} "
        f"ms, p99 {ours[-1]['batch_ms']['p99']:.2f} ms, CPU for each record {cpu:.1f} µs")
    say(f"    redis-benchmark, an EVALSHA and a hundredth of an MGET of 100 keys for each: {limit:.0f}/s; ours / "
        f"redis-benchmark = {rate / limit:.2f} (limit 0.5)")
    if peer is None:
        say("    no node, or no tests/node with aws-lambda-ric: no peer")
        return
    theirs, their_cpu = median(node, "per_second"), median(node, "cpu_us")
    say(f"    Node: {theirs:.0f} records/s, CPU for each {their_cpu:.1f} µs; ours / Node = {rate / theirs:.1f} by the clock, "
        f"{their_cpu / cpu:.1f} by the CPU's time")


def records_a_second(folder):
    say("\n## feedback: batches of 100 ratings by 1,000 users, one process, through the Runtime API; Redis on the "
        "first CPU, the function and its events on the second; redis-benchmark with the same commands in turn")
    if shutil.which("redis-benchmark") is None:
        say("no redis-benchmark")
        return
    for kept in (200, 10):
        port = free_port()
        with serving.redis(port):
            alone(folder, port, kept)


# ---- until a list knows -----------------------------------------------------------

PER_SECOND, PART, PROBES, PROBES_A_SECOND = 1000, 20, 300, 10
LIMIT_MS = 500


def background(url, stream, rows, seconds):
    """Puts ratings at PER_SECOND, PART in each call."""
    from stream_case import Kinesis
    kinesis, begin = Kinesis(url), time.perf_counter()
    for n in range(int(seconds * PER_SECOND / PART)):
        time.sleep(max(0, begin + n * PART / PER_SECOND - time.perf_counter()))
        part = [rows[(n * PART + i) % len(rows)] for i in range(PART)]
        kinesis.put_many(stream, [(user, rating(user, *row)) for user, *row in part])
    kinesis.close()
    late = time.perf_counter() - begin - seconds
    if late > 1:
        print(f"bench: {PER_SECOND} ratings a second were put {late:.1f} s late", flush=True)


def rating(user, movie, stars, timestamp):
    return json.dumps({"user_id": user, "item_id": movie, "rating": float(stars), "timestamp": int(timestamp)})


@contextlib.contextmanager
def under_load(kinesis, stream, rows, seconds):
    process = multiprocessing.get_context("fork").Process(target=background, args=(kinesis.url, stream, rows, seconds))
    process.start()
    try:
        time.sleep(2)
        yield
    finally:
        process.terminate()
        process.join()


class Probes(Reader):
    """seen: the time at which each probe could be read."""

    def take(self, record, now):
        if record["PartitionKey"].startswith("probe"):
            self.seen[record["PartitionKey"]] = now


def at_pace(n, probe):
    """The milliseconds that probe(i) returns, n times, at PROBES_A_SECOND, sorted."""
    found, begin = [], time.perf_counter()
    for i in range(n):
        time.sleep(max(0, begin + i / PROBES_A_SECOND - time.perf_counter()))
        found.append(probe(i))
    return sorted(found)


def stream_alone(kinesis, rows):
    reader = Probes(kinesis, "bare")
    reader.start()

    def probe(i):
        start = time.perf_counter()
        kinesis.put("bare", f"probe{i}", rating("1", "1", 1, 1))
        while f"probe{i}" not in reader.seen:
            time.sleep(0.001)
        return 1000 * (reader.seen[f"probe{i}"] - start)

    with under_load(kinesis, "bare", rows, PROBES / PROBES_A_SECOND + 60):
        ms = at_pace(PROBES, probe)
    reader.over = True
    reader.join()
    return ms


def through_the_loop(kinesis, port, rows, users):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def recommended(user):
        connection.request("GET", f"/recommend/cached/{user}?top_n=10")
        return json.loads(connection.getresponse().read())["recommendations"]

    def probe(i):
        item = recommended(users[i])[0]
        start = time.perf_counter()
        kinesis.put("ratings", users[i], rating(users[i], item, 5, time.time()))
        while item in recommended(users[i]):
            if time.perf_counter() > start + 30:
                sys.exit("bench: a list does not know a rating after 30 s")
            time.sleep(0.001)
        return 1000 * (time.perf_counter() - start)

    with under_load(kinesis, "ratings", rows, PROBES / PROBES_A_SECOND + 60):
        return at_pace(PROBES, probe)


def until_a_list_knows(folder):
    say(f"\n## feedback: from PutRecord to the list of /recommend/cached that knows the rating, while {PER_SECOND:,} ratings "
        f"a second arrive; kinesalite, mapping (batches of 100, polling every 2 ms), function, Redis and serve on {len(CPUS)} "
        "CPUs")
    if shutil.which("node") is None or not NODE_MODULES.exists():
        say("no node with tests/node/node_modules")
        return
    prefix = serving.train(folder, "path")
    ratings = read_ratings()
    users = sorted(ratings)
    random.Random(2).shuffle(users)
    rows = [(user, *row) for user in users[PROBES:] for row in ratings[user]]
    random.Random(3).shuffle(rows)
    port, redis_port, api = free_port(), free_port(), free_port()
    redis = dict(REDIS_ENABLED="true", REDIS_ENDPOINT="127.0.0.1", REDIS_PORT=str(redis_port), REDIS_COMMAND_MS="1000")
    with contextlib.ExitStack() as stack:
        stack.enter_context(serving.redis(redis_port))
        kinesis = stack.enter_context(kinesalite())
        for name in ("bare", "ratings"):
            kinesis.create(name)
        stack.enter_context(serving.running([BIN / "serve", "--prefix", prefix], port, dict(
            redis, SAGEMAKER_BIND_TO_PORT=str(port), SERVE_ADDRESS="127.0.0.1", SERVE_ACCESS_LOG="off"), serving.EVERY_CPU))
        stack.enter_context(serving.running(
            [BIN / "local-cloud", "--port", api, "--log", "functions", "--kinesis", kinesis.url, "--poll-seconds", "0.002",
             "--function", f"feedback={BIN / 'feedback'}", "--timeout", 30, "--start", "early",
             *(word for name, value in dict(redis, METRICS="false").items() for word in ("--variable", f"{name}={value}")),
             "--route", "GET /empty=feedback,none", "--mapping", "ratings=feedback", "--StartingPosition", "TRIM_HORIZON",
             "--BatchSize", 100, "--FunctionResponseTypes", "ReportBatchItemFailures"], api, {}, serving.EVERY_CPU, "/empty"))
        bare = stream_alone(kinesis, rows)
        ms = through_the_loop(kinesis, port, rows, users)
    say(f"put and read on the stream itself:   {spread(bare)}")
    say(f"until the list knows the rating:     {spread(ms)} (limit {LIMIT_MS} ms: {at_p99(ms) / LIMIT_MS:.2f} of it; "
        f"{at_p99(ms) / at_p99(bare):.1f} times the stream alone)")
    say(f"load average of the machine: {os.getloadavg()[0]:.1f} on {len(CPUS)} CPUs")


# ---- lists with events ------------------------------------------------------------

SECONDS, LISTS_LIMIT = 5, 1.3


def lists(name, stack, prefix, words, events):
    """The lists of these words, each computed once in a round: first without events, then with them."""
    loop = Loop(stack, prefix, serving.SERVER_CPU)
    figures = {False: [], True: []}
    for _ in range(ROUNDS):
        for with_events in figures:
            loop.redis("FLUSHALL")
            if with_events:
                loop.put(events)
            before, cpu = serving.counters(loop.port), cpu_seconds(loop.server.pid)
            facts = serving.offered(loop.port, 1000, SECONDS, 16, ("/recommend/cached/{}",), words)
            after = serving.counters(loop.port)
            facts["cpu_us"] = 1e6 * (cpu_seconds(loop.server.pid) - cpu) / facts["requests"]
            hits, misses, skipped = (after[f"cache_{kind}_total"] - before[f"cache_{kind}_total"]
                                     for kind in ("hits", "misses", "skipped"))
            if facts["errors"] or hits > 0 or skipped > 0.02 * misses:
                say(f"{name}: NO FIGURE of a round: {facts['errors']} errors, {hits:.0f} lists from Redis, {skipped:.0f} without "
                    "a lookup")
                continue
            figures[with_events].append(facts)
    if not all(figures.values()):
        return
    median = lambda runs, figure: statistics.median(facts[f"{figure}_us"] for facts in runs)
    without, with_them = figures.values()
    of = lambda runs: ", ".join(f"{figure} {median(runs, figure):.0f} µs" for figure in ("p50", "p99", "cpu"))
    say(f"{name}: {of(with_them)} each; without events {of(without)}; with / without: p99 "
        f"{median(with_them, 'p99') / median(without, 'p99'):.2f} (limit {LISTS_LIMIT}), cpu "
        f"{median(with_them, 'cpu') / median(without, 'cpu'):.2f}")


def lists_with_events(folder):
    say(f"\n## feedback: lists of /recommend/cached that are computed, 1,000 a second, one thread, Redis on the same CPU; with "
        f"events and without in turn, medians of {ROUNDS} rounds")
    ratings = read_ratings()
    users = sorted(ratings)
    generator = random.Random(4)
    movies = sorted({movie for own in ratings.values() for movie, _, _ in own})
    fresh = lambda n: [(movie, generator.choice("12345"), 1700000000 + i) for i, movie in enumerate(generator.sample(movies, n))]
    words = [f"{user}?top_n={n}" for n in range(20, 28) for user in users][:1000 * SECONDS]
    with contextlib.ExitStack() as stack:
        lists("data/, 30 events of each user", stack, serving.train(folder, "lists"), words,
              [(user, event) for user in users for event in fresh(30)])
    serving.make_model(folder / "large", 101)
    users = [f"u{n:08}" for n in range(1000 * SECONDS)]
    with contextlib.ExitStack() as stack:
        lists("60,000 items, 64 factors, 10 events of each user", stack, folder / "large",
              [f"{user}?top_n=20" for user in users],
              [(user, (f"m{generator.randrange(60000):08}", "4", 1700000000 + n)) for user in users for n in range(10)])


def feedback(folder):
    if not os.path.exists(REDIS):
        say("\n## feedback: no redis-server")
        return
    for part in (records_a_second, until_a_list_knows, lists_with_events):
        part(folder)


PARTS = dict(feedback=feedback)
