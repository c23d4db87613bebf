"""test_stream_soak.py: requests on one stream, recommendations on another, between them
local-cloud's mapping, recommend, serve and Redis, while everything fails: Redis is killed and
started again, serve responds 503 now and then, Kinesis throttles reads and writes, accepts
parts of a call, and loses responses. MF_SOAK_REQUESTS is the number of requests (3000);
`script/bench soak` makes it 100,000.
"""

import base64
import collections
import json
import os
import random
import sys
import threading
import time
import unittest

from local_cloud import PATIENCE, cloud_beside
from models import trained
from programs import BIN
from redis_peers import RealRedis
from sanitizers import SANITIZER_ENVIRONMENT
from serve_case import ServeCase
from stream_case import Kinesis, Proxy, node, throttled

N = int(os.environ.get("MF_SOAK_REQUESTS", "3000"))
N_SHARDS = 4


class FailingKinesis:
    """The acts of the proxy in front of Kinesis: it lets calls of each kind fail at fixed
    intervals."""

    def __init__(self, kinesis, seed=1):
        self.kinesis, self.die = kinesis, random.Random(seed)
        self.done, self.calls = collections.Counter(), collections.Counter()
        self._lock = threading.Lock()

    def __call__(self, operation, request):
        with self._lock:
            self.calls[operation] += 1
            turn = self.calls[operation] % 30
            spared = {i for i in range(len(request.get("Records", ()))) if self.die.random() < 0.7}
        if operation == "GetRecords" and turn in (7, 22):
            return self.note("reads throttled", throttled())
        if operation != "PutRecords":
            return None
        if turn == 3:
            return self.note("writes throttled", throttled())
        if turn == 9:
            self.kinesis.call("PutRecords", **request)
            return self.note("responses lost", "drop")
        if turn in (5, 20):
            return self.note("writes in part", (200, self.in_part(request, spared)))
        return None

    def note(self, what, act):
        with self._lock:
            self.done[what] += 1
        return act

    def in_part(self, request, spared):
        """Some records are written; the rest is throttled."""
        records = request["Records"]
        some = [r for i, r in enumerate(records) if i in spared]
        responses = iter(self.kinesis.call("PutRecords", **{**request, "Records": some})["Records"]
                         if some else ())
        refused = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"}
        return {"FailedRecordCount": len(records) - len(some),
                "Records": [next(responses) if i in spared else refused for i in range(len(records))]}


class Reader(threading.Thread):
    """Reads all output as it arrives."""

    def __init__(self, kinesis, stream):
        super().__init__(daemon=True)
        self.kinesis, self.results, self.over = kinesis, [], threading.Event()
        self.iterators = [kinesis.call(
            "GetShardIterator", StreamName=stream, ShardId=shard["ShardId"],
            ShardIteratorType="TRIM_HORIZON")["ShardIterator"] for shard in kinesis.shards(stream)]
        self.ids = set()

    def run(self):
        while not self.over.wait(0.05):
            for i, iterator in enumerate(self.iterators):
                response = self.kinesis.call("GetRecords", ShardIterator=iterator, Limit=5000)
                self.iterators[i] = response["NextShardIterator"]
                for record in response["Records"]:
                    self.results.append(json.loads(base64.b64decode(record["Data"])))
                    self.ids.add(self.results[-1]["request_id"])


class Soak(ServeCase):
    def restarts_of(self, redis, over):
        """Kills it and starts it again until over is set; returns a list that counts it."""
        times = [0]

        def run():
            while not over.wait(1):
                redis.kill()
                times[0] += 1
                if over.wait(0.3):
                    return
                redis.start()
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(over.set)
        return times

    def serve_that_fails(self, server):
        n_calls, refused = [0], [0]

        def act(_, __):
            n_calls[0] += 1
            if n_calls[0] % 7 == 5:
                refused[0] += 1
                return 503, {"error": {"message": "busy"}}
            return None
        proxy = Proxy(f"http://127.0.0.1:{server.port}", act)
        self.addCleanup(proxy.close)
        return proxy, refused

    def test_every_request_gets_one_right_response_under_all_failures(self):
        """62, 71-73, 84, 85"""
        if not (BIN / "recommend").exists():
            self.not_here("no recommend")
        server = self.serve()
        to_serve, refused = self.serve_that_fails(server)
        redis = RealRedis(self)
        _, port = node(self, "kinesis")
        kinesis = Kinesis(f"http://127.0.0.1:{port}")
        faults = FailingKinesis(kinesis)
        to_kinesis = Proxy(kinesis.url, faults)
        for closer in (kinesis.close, to_kinesis.close):
            self.addCleanup(closer)
        for stream in ("requests", "predictions"):
            kinesis.create(stream, N_SHARDS)
        reader = Reader(kinesis, "predictions")
        cloud = cloud_beside(self, functions={"recommend": {
            "program": str(BIN / "recommend"), "processes": N_SHARDS, "timeout": PATIENCE,
            "environment": {**SANITIZER_ENVIRONMENT,
                            "RECOMMEND_SERVICE_URL": to_serve.url, "METRICS": "false",
                            "PREDICTIONS_STREAM_NAME": "predictions", "REDIS_ENABLED": "true",
                            "REDIS_ENDPOINT": "127.0.0.1", "REDIS_PORT": str(redis.port),
                            # Redis is killed but not slowed; the machine may be slow.
                            "REDIS_CONNECT_MS": "5000", "REDIS_COMMAND_MS": "5000",
                            "REDIS_RETRY_MS": "100"}}},
            kinesis=to_kinesis.url, mappings=[{
                "EventSourceArn": "requests", "FunctionName": "recommend", "BatchSize": 100,
                "StartingPosition": "TRIM_HORIZON", "MaximumBatchingWindowInSeconds": 0.1,
                "FunctionResponseTypes": ["ReportBatchItemFailures"]}], **{"poll-seconds": 0.05})
        over = threading.Event()
        times = self.restarts_of(redis, over)
        self.addCleanup(reader.over.set)
        reader.start()

        users = trained().users
        die = random.Random(3)
        sent = {}
        started = time.monotonic()
        for first in range(0, N, 500):
            batch = []
            for i in range(first, min(first + 500, N)):
                user, top_n = die.choice(users), die.choice((5, 20))
                sent[f"q-{i}"] = (user, top_n)
                batch.append((user, json.dumps({"request_id": f"q-{i}", "user_id": int(user),
                                                "top_n": top_n})))
            kinesis.put_many("requests", batch)
            # The stand-in is slower than Kinesis: the backlog is bounded.
            while len(reader.ids) < first - 5000 and reader.is_alive():
                time.sleep(0.02)
        end = time.monotonic() + max(20 * PATIENCE, N / 20)
        while len(reader.ids) < N and time.monotonic() < end and reader.is_alive():
            time.sleep(0.05)
        seconds = time.monotonic() - started
        over.set()
        reader.over.set()
        reader.join()

        self.assertEqual([], sorted(set(sent) - reader.ids)[:10], cloud.run.text("stderr")[-2000:])
        self.assertEqual(set(sent), reader.ids, "a response without a request")
        right = {}
        for result in reader.results:
            user, top_n = sent[result["request_id"]]
            if (user, top_n) not in right:
                right[user, top_n] = server.get(
                    f"/internal/recommend/{user}?top_n={top_n}").json()["recommendations"]
            self.assertEqual((int(user), right[user, top_n]),
                             (result["user_id"], result["recommendations"]), result)
        by_id = collections.Counter(result["request_id"] for result in reader.results)
        hits = sum(result["from_cache"] for result in reader.results)
        facts = {"requests": N, "seconds": round(seconds, 1), "responses": len(reader.results),
                 "twice": sum(n > 1 for n in by_id.values()),
                 "from_cache": round(hits / len(reader.results), 3), "redis_restarts": times[0],
                 "serve_503": refused[0], **faults.done}
        print(f"SOAK {json.dumps(facts)}", file=sys.stderr)
        for what in ("reads throttled", "writes throttled", "writes in part", "responses lost"):
            self.assertGreater(faults.done[what], 0, facts)
        self.assertGreater(times[0], 0, facts)
        self.assertGreater(refused[0], 0, facts)
        self.assertTrue(0 < hits < len(reader.results), facts)


if __name__ == "__main__":
    unittest.main()
