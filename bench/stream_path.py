"""The figures of functions behind streams, with kinesalite (tests/node), a real Redis and a real serve
on the same CPUs; used by bench.py.

    stream    from a put to a readable result on the output stream; hits with Zipf users
    soak      100,000 requests while Redis, serve and Kinesis fail (tests/integration/test_stream_soak.py), and
              100,000 events while Redis, the function and Kinesis fail (test_feedback_soak.py)
"""

import base64
import contextlib
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time

import serving
from common import BIN, NODE_MODULES, REDIS, ROOT, free_port, say
from serving import EVERY_CPU, running, train

sys.path.append(str(ROOT / "tests/integration"))  # after this folder: both have a gate.py

LIMIT_MS = 20
PER_SECOND = 50
SECONDS = 30


@contextlib.contextmanager
def kinesalite():
    """A client of a new kinesalite."""
    from stream_case import Kinesis
    process = subprocess.Popen(["node", ROOT / "tests/node/peer.js", "kinesis"], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        client = Kinesis(f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}")
        yield client
        client.close()
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


class Reader(threading.Thread):
    """Polls a stream of one shard; take() puts into seen."""

    def __init__(self, kinesis, stream):
        super().__init__(daemon=True)
        self.kinesis, self.seen, self.over = kinesis, {}, False
        self.iterator = kinesis.call("GetShardIterator", StreamName=stream, ShardIteratorType="LATEST",
                                     ShardId=kinesis.shards(stream)[0]["ShardId"])["ShardIterator"]

    def run(self):
        while not self.over:
            response = self.kinesis.call("GetRecords", ShardIterator=self.iterator)
            now = time.perf_counter()
            self.iterator = response["NextShardIterator"]
            for record in response["Records"]:
                self.take(record, now)
            time.sleep(0.001)


class Results(Reader):
    """seen: request_id → (time, result)."""

    def take(self, record, now):
        result = json.loads(base64.b64decode(record["Data"]))
        self.seen[result["request_id"]] = (now, result)


def put_at_a_pace(kinesis, to, users, n, reader):
    """Puts n requests on a schedule. Returns the milliseconds until each result could be read, sorted."""
    generator, sent = random.Random(1), {}
    weights = [1 / rank for rank in range(1, len(users) + 1)]
    begin = time.perf_counter()
    for i in range(n):
        due = begin + i / PER_SECOND
        time.sleep(max(0, due - time.perf_counter()))
        user = generator.choices(users, weights)[0]
        sent[f"b-{i}"] = time.perf_counter()
        kinesis.put(to, user, json.dumps({"request_id": f"b-{i}", "user_id": int(user), "top_n": 20}))
    end = time.monotonic() + 60
    while set(sent) - set(reader.seen) and time.monotonic() < end:
        time.sleep(0.01)
    lost = set(sent) - set(reader.seen)
    if lost:
        sys.exit(f"bench: {len(lost)} of {n} requests had no result")
    return sorted((reader.seen[i][0] - sent[i]) * 1000 for i in sent)


def spread(ms):
    return f"p50 {statistics.median(ms):.1f} ms, p99 {at_p99(ms):.1f} ms, slowest {ms[-1]:.1f} ms"


def at_p99(ms):
    return ms[int(len(ms) * 0.99)]


def stream(folder):
    say(f"\n## stream: from PutRecord to a readable result, {PER_SECOND} requests a second, Zipf users; "
        f"no batching window, the mapping polls every 2 ms")
    if shutil.which("node") is None or not NODE_MODULES.exists() or not os.path.exists(REDIS):
        say("no node with tests/node/node_modules, or no redis-server")
        return
    prefix = train(folder)
    with open(ROOT / "data/ratings.csv", encoding="utf-8") as lines:
        users = sorted({line.split(",")[0] for line in lines if line[0].isdigit()}, key=int)
    random.Random(2).shuffle(users)
    port, redis_port, api = free_port(), free_port(), free_port()
    with contextlib.ExitStack() as stack:
        stack.enter_context(serving.redis(redis_port))
        kinesis = stack.enter_context(kinesalite())
        for name in ("requests", "results"):
            kinesis.create(name)
        stack.enter_context(running([BIN / "serve", "--prefix", prefix], port, dict(
            SAGEMAKER_BIND_TO_PORT=str(port), SERVE_ADDRESS="127.0.0.1", SERVE_ACCESS_LOG="off"), EVERY_CPU))
        variables = dict(RECOMMEND_SERVICE_URL=f"http://127.0.0.1:{port}", METRICS="false",
                         PREDICTIONS_STREAM_NAME="results", REDIS_ENABLED="true",
                         REDIS_ENDPOINT="127.0.0.1", REDIS_PORT=redis_port)
        stack.enter_context(running(
            [BIN / "local-cloud", "--port", api, "--log", "functions", "--kinesis", kinesis.url,
             "--poll-seconds", "0.002", "--function", f"recommend={BIN / 'recommend'}", "--timeout", 30,
             "--start", "early",
             *(word for name, value in variables.items() for word in ("--variable", f"{name}={value}")),
             "--route", "GET /empty=recommend,none",
             "--mapping", "requests=recommend", "--StartingPosition", "TRIM_HORIZON",
             "--FunctionResponseTypes", "ReportBatchItemFailures"], api, {}, EVERY_CPU,
            "/empty"))
        reader = Results(kinesis, "results")
        reader.start()
        n = PER_SECOND * SECONDS
        bare = put_at_a_pace(kinesis, "results", users, n // 3, reader)
        reader.seen.clear()
        ms = put_at_a_pace(kinesis, "requests", users, n, reader)
        reader.over = True
        reader.join()
        for _, result in list(reader.seen.values())[::n // 50]:
            serving.must_be_right(port, result)
    function = sorted(result["latency_ms"] for _, result in reader.seen.values())
    hits = sum(result["from_cache"] for _, result in reader.seen.values())
    say(f"put and read on the output stream itself: {spread(bare)}")
    say(f"through mapping and function:             {spread(ms)} (limit {LIMIT_MS} ms: "
        f"{at_p99(ms) / LIMIT_MS:.2f} of it; {at_p99(ms) / at_p99(bare):.1f} times the stream alone)")
    say(f"in the function:                          {spread(function)}")
    say(f"{100 * hits / n:.1f} % from Redis: {len(users)} users, rank r as often as 1/r, {n} requests")


def run_soak(module, **variables):
    """What a test of tests/integration prints about its run, with these variables."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "unittest", module], check=False, text=True,
        cwd=ROOT / "tests/integration", capture_output=True,
        env={**os.environ, **variables, "MF_BIN": str(BIN), "MF_SOURCE_DIR": str(ROOT)})
    found = re.search(r"^SOAK (.*)$", done.stderr, re.MULTILINE)
    if done.returncode != 0 or found is None:
        sys.exit(f"bench: the soak failed\n{done.stderr[-3000:]}")
    return json.loads(found[1])


def soak(_):
    n = os.environ.get("MF_SOAK_REQUESTS", "100000")
    say(f"\n## soak: {n} requests while Redis is killed, serve responds with 503, Kinesis throttles")
    facts = run_soak("test_stream_soak", MF_SOAK_REQUESTS=n)
    say(f"every one of {facts['requests']} has the right result, in {facts['seconds']:.0f} s; {facts['twice']} came twice "
        f"and are one by their id; " + counts(facts, "requests", "seconds", "twice", "answers"))
    n = os.environ.get("MF_SOAK_EVENTS", "100000")
    say(f"\n## soak: {n} events while Redis and the function are killed, Kinesis throttles, events come twice")
    facts = run_soak("test_feedback_soak", MF_SOAK_EVENTS=n, MF_SOAK_KILLS=os.environ.get("MF_SOAK_KILLS", "30"))
    say(f"the archive has every one of {facts['events']}, and the profiles of {facts['users']} users are those of a replay, "
        f"in {facts['seconds']:.0f} s; " + counts(facts, "events", "seconds", "users"))


def counts(facts, *without):
    return ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in facts.items() if name not in without)


PARTS = dict(stream=stream, soak=soak)
