"""Events on a stream, `feedback` behind local-cloud's mapping, Redis and the archive, while everything fails: Redis is
killed and started again, the function's processes are killed, Kinesis throttles reads and writes, accepts parts of
a call and loses responses, so that events come twice. At the end the archive has every event, and each user's
profile is that of a replay without faults. MF_SOAK_EVENTS (1,500) and MF_SOAK_KILLS (3); `script/bench soak` makes
them 100,000 and 30.
"""

import base64
import gzip
import json
import os
import random
import signal
import sys
import time
import unittest

from archiver import Archiver, Bucket
from feedback_case import key_of, rated, read_value, replay
from lambda_case import KEYS, REGION
from local_cloud import PATIENCE, cloud_beside
from node_sdk import end_peer, start_peer, why_not
from programs import BIN
from redis_peers import RealRedis, eventually
from sanitizers import SANITIZER_ENVIRONMENT
from stream_case import Kinesis, KinesisError, Proxy
from template import Template
from test_stream_soak import FailingKinesis
from train_case import TrainCase

N = int(os.environ.get("MF_SOAK_EVENTS", "1500"))
KILLS = int(os.environ.get("MF_SOAK_KILLS", "3"))
N_SHARDS, KEPT, START = 2, 40, 1_764_547_200
LONG = max(4 * PATIENCE, N / 100)


class Producer:
    """Puts records as a producer does that sends again what has no acknowledgement."""

    def __init__(self, kinesis, stream):
        self.kinesis, self.stream, self.n_again = kinesis, stream, 0

    def put(self, pairs):
        left = [{"PartitionKey": key, "Data": base64.b64encode(text.encode()).decode()} for key, text in pairs]
        while left:
            call, rest = left[:100], left[100:]
            try:
                results = self.kinesis.call("PutRecords", StreamName=self.stream, Records=call)["Records"]
                again = [record for record, result in zip(call, results) if "ErrorCode" in result]
            except (KinesisError, OSError):
                again = call
            self.n_again += len(again)
            left = again + rest


class Soak(TrainCase):
    def setUp(self):
        super().setUp()
        why = why_not()
        if why:
            self.not_here(why)
        self.redis = RealRedis(self, "--appendonly", "yes", "--appendfsync", "always")
        self.kinesis = Kinesis(self.peer("kinesis"))
        self.faults = FailingKinesis(self.kinesis)
        self.proxy = Proxy(self.kinesis.url, self.faults)
        self.failing = Kinesis(self.proxy.url)
        for closer in (self.kinesis.close, self.proxy.close, self.failing.close):
            self.addCleanup(closer)
        self.kinesis.create("ratings", N_SHARDS)

    def peer(self, *words):
        process, url = start_peer(*words)
        self.addCleanup(end_peer, process)
        return url

    def start_cloud(self):
        return cloud_beside(self, functions={"feedback": {
            "program": str(BIN / "feedback"), "timeout": PATIENCE, "init-timeout": PATIENCE, "processes": 4,
            "environment": {
                "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": KEYS.key_id, "AWS_SECRET_ACCESS_KEY": KEYS.secret,
                "REDIS_ENABLED": "true", "REDIS_ENDPOINT": "127.0.0.1", "REDIS_PORT": str(self.redis.port),
                # Redis is killed but not slowed; the machine may be slow.
                "REDIS_CONNECT_MS": "5000", "REDIS_COMMAND_MS": "5000", "REDIS_RETRY_MS": "20",
                "PROFILE_EVENTS": str(KEPT), **SANITIZER_ENVIRONMENT}}},
            mappings=[{"EventSourceArn": "ratings", "FunctionName": "feedback", "StartingPosition": "TRIM_HORIZON",
                       "BatchSize": 100, "MaximumRetryAttempts": -1, "BisectBatchOnFunctionError": True,
                       "ParallelizationFactor": 2, "FunctionResponseTypes": ["ReportBatchItemFailures"]}],
            kinesis=self.proxy.url, **{"poll-seconds": 0.02})

    def profiles(self):
        keys = self.redis.keys()
        return {key: read_value(value)[1] for key, value in zip(keys, self.redis.command("MGET", *keys))}

    def is_there(self, event):
        """Whether this event or a later one of its user is in Redis."""
        value = self.redis.command("GET", key_of(event[0]))
        return value is not None and read_value(value)[1][0][1] >= event[2]

    def test_after_all_failures_the_archive_has_each_event_and_profiles_are_those_of_a_replay(self):
        dice, started = random.Random(8), time.monotonic()
        events = [(f"u{dice.randrange(N // 40)}", str(dice.randrange(400)), 1000 * (START + n), 0.5 * (1 + n % 10))
                  for n in range(N)]
        cloud = self.start_cloud()
        bucket = Bucket(self.peer("s3", str(self.folder / "s3")), "movies")
        template = Template().stack(Streams="on", Archive="on")
        archiver = Archiver(self.failing, "ratings", bucket,
                            template.value(template.resources["Archiver"]["Properties"]), max(500, N // 50))
        archiver.start()
        self.addCleanup(archiver.over.set)
        producer = Producer(self.failing, "ratings")
        killed, twice = 0, 0
        for n in range(2 * KILLS):
            part = events[n * N // (2 * KILLS):(n + 1) * N // (2 * KILLS)]
            sent = [(user, json.dumps(rated(user, item, rating, ms // 1000))) for user, item, ms, rating in part]
            again = sent[:dice.randrange(len(sent) // 5)]
            twice += len(again)
            producer.put(sent + again)
            if n % 2 == 0:  # the next part is put while Redis is down
                eventually(lambda: self.is_there(part[0]), "events in Redis", LONG)
                self.redis.kill()
                for pid in cloud.children() if n % 4 == 0 else ():
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
            else:
                self.redis.start()
        expected = {key_of(user): kept for user, kept in replay(events, KEPT).items()}
        eventually(lambda: self.profiles() == expected, "the profiles of a replay", LONG)
        archiver.close()
        seconds = time.monotonic() - started
        objects = bucket.objects("data/")
        text = "".join(gzip.decompress(body).decode() for body in objects.values())
        archived = [json.loads(event) for event in text.replace("}{", "}\n{").splitlines()]
        as_sent = lambda e: (e["user_id"], e["item_id"], 1000 * e["timestamp"], e["rating"])
        self.assertEqual(set(events), set(map(as_sent, archived)))
        facts = {"events": N, "seconds": round(seconds, 1), "users": len(expected), "redis_kills": KILLS,
                 "killed_functions": killed, "put_twice": twice, "sent_again": producer.n_again,
                 "archived": len(archived), "objects": len(objects), "reads_of_the_archive_failed": archiver.n_failed,
                 **self.faults.done}
        print(f"SOAK {json.dumps(facts)}", file=sys.stderr)
        for what in ("reads throttled", "writes throttled", "writes in part", "responses lost"):
            self.assertGreater(self.faults.done[what], 0, facts)
        self.assertTrue(killed > 0 and twice > 0 and len(archived) > N, facts)
        # And train reads it: the newest rating of each pair.
        job = self.job(n_epochs=1).channel("train", {key.removeprefix("data/"): body for key, body in objects.items()})
        self.train(job)
        self.assertEqual(len({event[:2] for event in events}), job.metrics()["data"]["n_ratings"])
        self.assertEqual(profiles := self.profiles(), expected, len(profiles))


if __name__ == "__main__":
    unittest.main()
