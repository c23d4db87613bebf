"""The function feedback at the end of a real stream: kinesalite, local-cloud's mapping, packed records, and a
real Redis; the processes of the function and Redis are killed."""

import base64
import json
import os
import random
import signal
import unittest

from aggregate_case import pack
from feedback_case import key_of, rated, read_value, replay
from lambda_case import KEYS, REGION
from local_cloud import PATIENCE
from programs import BIN
from redis_peers import RealRedis, eventually
from sanitizers import SANITIZER_ENVIRONMENT
from stream_case import StreamCase


class Cloud(StreamCase):
    def setUp(self):
        super().setUp()
        self._closers = []  # of RealRedis
        self.addCleanup(lambda: [closer.close() for closer in reversed(self._closers)])
        self.stand_in = self.kinesis()
        self.stand_in.create("ratings", shards=2)
        self.redis = RealRedis(self, "--appendonly", "yes", "--appendfsync", "always")

    def start(self, **mapping):
        return self.cloud(
            functions={"feedback": {
                "program": str(BIN / "feedback"), "timeout": PATIENCE, "init-timeout": PATIENCE, "processes": 4,
                "environment": {
                    "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": KEYS.key_id, "AWS_SECRET_ACCESS_KEY": KEYS.secret,
                    "REDIS_ENABLED": "true", "REDIS_ENDPOINT": "127.0.0.1", "REDIS_PORT": str(self.redis.port),
                    "REDIS_CONNECT_MS": "5000", "REDIS_COMMAND_MS": "5000", "REDIS_RETRY_MS": "20",
                    "PROFILE_EVENTS": "25", **SANITIZER_ENVIRONMENT}}},
            mappings=[{"EventSourceArn": "ratings", "FunctionName": "feedback", "StartingPosition": "TRIM_HORIZON",
                       "FunctionResponseTypes": ["ReportBatchItemFailures"], **mapping}],
            kinesis=self.stand_in.url, **{"poll-seconds": 0.02})

    def profiles(self):
        values = {key: self.redis.command("GET", key) for key in self.redis.keys()}
        return {key: read_value(value)[1] for key, value in values.items()}

    def put(self, events, dice):
        """By user, packed or plain, some of them twice."""
        for at in range(0, len(events), 40):
            part = events[at:at + 40]
            sent = [(user, json.dumps(rated(user, item, rating, ms // 1000))) for user, item, ms, rating in part]
            self.stand_in.put_many("ratings", sent + sent[:dice.randrange(10)])
            if dice.random() < 0.3:
                for data in pack([(user, json.loads(text)) for user, text in sent]):
                    self.stand_in.put("ratings", sent[0][0], base64.b64decode(data))
            yield

    def test_killed_processes_a_killed_redis_and_duplicates_end_in_the_profiles_of_a_replay(self):
        dice = random.Random(3)
        events = [(f"u{dice.randrange(15)}", str(dice.randrange(50)), 1000 * (n + 1), float(n % 5))
                  for n in range(1200)]
        cloud = self.start(BatchSize=30, MaximumRetryAttempts=-1, BisectBatchOnFunctionError=True,
                           ParallelizationFactor=2)
        for n, _ in enumerate(self.put(events, dice)):
            if n % 5 == 2:
                for pid in cloud.children():
                    os.kill(pid, signal.SIGKILL)
            if n % 7 == 3:
                self.redis.kill()
                self.redis.start()
        expected = {key_of(user): kept for user, kept in replay(events, 25).items()}
        eventually(lambda: self.profiles() == expected, "the profiles of a replay", PATIENCE)
        self._clouds[-1].stop()
        self.assertEqual(expected, self.profiles())


if __name__ == "__main__":
    unittest.main()
