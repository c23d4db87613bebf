"""The function aggregate at the end of a real stream: kinesalite, the windows of local-cloud's
mapping, dynalite with injected faults, and records packed by AWS's own aggregator. Numbers are
those of the checklist in docs/lambda.md; after a § those of its facts."""

import base64
import collections
import json
import os
import random
import signal
import unittest
import uuid

from aggregate_case import Table, pack, rating, refused, throttled
from aws_peers import Peer, failure, hang_up
from lambda_case import KEYS, REGION
from local_cloud import PATIENCE
from node_sdk import why_not
from programs import BIN
from sanitizers import SANITIZER_ENVIRONMENT
from stream_case import StreamCase


class Cloud(StreamCase):
    def setUp(self):
        super().setUp()
        if why_not(20) is not None:
            self.not_here(why_not(20))
        _, port = self.node("dynamodb")
        self.table = Table(f"http://127.0.0.1:{port}")
        self.dynamodb = Peer("dynamodb", KEYS, REGION)
        self.addCleanup(self.dynamodb.close)
        self.dynamodb.otherwise = self.table.forward
        self.name, self.trend = f"t{uuid.uuid4().hex}", f"trend{uuid.uuid4().hex}"
        self.table.create(self.name, "movieId", "windowStart")
        self.table.create(self.trend, "windowStart", "place")

    def tearDown(self):
        super().tearDown()
        self.assertEqual([], self.dynamodb.complaints)

    def start(self, kinesis, environment=None, **mapping):
        return self.cloud(
            functions={"aggregate": {
                "program": str(BIN / "aggregate"), "timeout": PATIENCE, "init-timeout": PATIENCE,
                "environment": {
                    "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": KEYS.key_id,
                    "AWS_SECRET_ACCESS_KEY": KEYS.secret, "AWS_SESSION_TOKEN": KEYS.token,
                    "AWS_ENDPOINT_URL_DYNAMODB": self.dynamodb.url, "TABLE_NAME": self.name,
                    "TREND_TABLE_NAME": self.trend, **SANITIZER_ENVIRONMENT, **(environment or {})}}},
            mappings=[{"EventSourceArn": "ratings", "FunctionName": "aggregate",
                       "StartingPosition": "TRIM_HORIZON", **mapping}],
            kinesis=kinesis.url, **{"poll-seconds": 0.02})

    def totals(self):
        """{movie: (count, sum)} of all windows."""
        found = collections.defaultdict(lambda: [0, 0.0])
        for item in self.table.scan(self.name):
            found[item["movieId"]["S"]][0] += int(item["ratingCount"]["N"])
            found[item["movieId"]["S"]][1] += float(item["ratingSum"]["N"])
        return {movie: tuple(figures) for movie, figures in found.items()}

    def means_are_right(self):
        return all(abs(float(item["ratingSum"]["N"]) / int(item["ratingCount"]["N"]) -
                       float(item["ratingMean"]["N"])) < 1e-5 for item in self.table.scan(self.name))

    def assertTotals(self, expected):
        """Waits for these totals, and no more. A mean is written one call after its sum."""
        n = sum(count for count, _ in expected.values())
        self.wait_until(lambda: sum(c for c, _ in self.totals().values()) >= n, f"{n} ratings")
        self.wait_until(self.means_are_right, "means that are those of their items")
        self.assertEqual(expected, self.totals())
        self._clouds[-1].stop()
        self.assertEqual(expected, self.totals())

    def put_ratings(self, kinesis, n, seed):
        """Ratings on the stream, packed and plain and dirty; their totals."""
        dice = random.Random(seed)
        expected = collections.defaultdict(lambda: [0, 0.0])
        some = []
        for _ in range(n):
            movie, stars = str(dice.randrange(12)), dice.randrange(1, 11) / 2
            expected[movie][0] += 1
            expected[movie][1] += stars
            some.append(rating(movie, stars))
        half = n // 2
        for at in range(0, half, 25):
            for data in pack([("k", one) for one in some[at:min(at + 25, half)]]):
                kinesis.put("ratings", str(dice.random()), base64.b64decode(data))
            kinesis.put("ratings", str(dice.random()), "dirty")
        kinesis.put_many("ratings", [(str(dice.random()), json.dumps(one)) for one in some[half:]])
        return {movie: tuple(figures) for movie, figures in expected.items()}

    def test_windows_of_two_shards_with_faults_of_the_table_count_each_record_once(self):
        """76, 80, §4.4"""
        kinesis = self.kinesis()
        kinesis.create("ratings", shards=2)
        self.dynamodb.will(throttled, failure(500, "InternalServerError"), self.table.forward_and_hang_up,
                           hang_up, self.table.forward, self.table.forward_with_wrong_crc, throttled,
                           *[self.table.forward_and_hang_up, self.table.forward] * 4)
        cloud = self.start(kinesis, TumblingWindowInSeconds=1, BatchSize=20)
        expected = self.put_ratings(kinesis, 300, 1)
        self.assertTotals(expected)
        self.assertIn("dirty_record", cloud.run.text())
        trend = self.table.scan(self.trend)
        self.assertLessEqual({item["movieId"]["S"] for item in trend}, set(expected))
        self.assertGreater(len(trend), 0)

    def test_a_process_that_is_killed_in_the_middle_loses_and_repeats_nothing(self):
        """76, §4.4.8: Lambda calls again with the state that it had."""
        kinesis = self.kinesis()
        kinesis.create("ratings")
        cloud = self.start(kinesis, TumblingWindowInSeconds=1, BatchSize=10)
        n_killed = 0

        def kill(connection, request):
            """While items are being written, after this one."""
            nonlocal n_killed
            n_killed += 1
            self.table.send(None, request.body, dict(request.headers))
            for pid in cloud.children():
                os.kill(pid, signal.SIGKILL)
            return False

        self.dynamodb.will(self.table.forward, kill, self.table.forward, kill)
        expected = self.put_ratings(kinesis, 200, 2)
        self.assertTotals(expected)
        self.assertEqual(2, n_killed)

    def test_without_windows_each_batch_is_one(self):
        """§4.3"""
        kinesis = self.kinesis()
        kinesis.create("ratings", shards=2)
        self.start(kinesis, BatchSize=7)
        expected = self.put_ratings(kinesis, 200, 3)
        self.assertTotals(expected)

    def test_states_that_are_written_early_add_up(self):
        """78"""
        kinesis = self.kinesis()
        kinesis.create("ratings")
        self.start(kinesis, {"STATE_BYTES": "1024"}, TumblingWindowInSeconds=3, BatchSize=50)
        pairs = [(str(i), json.dumps(rating(f"movie-{i % 150}", 2))) for i in range(600)]
        kinesis.put_many("ratings", pairs)
        expected = {f"movie-{i}": (4, 8.0) for i in range(150)}
        self.assertTotals(expected)

    def test_batches_that_fail_and_are_cut_in_halves_count_each_record_once(self):
        """78, 92: bisecting, while states are written early."""
        kinesis = self.kinesis()
        kinesis.create("ratings")
        dice = random.Random(4)
        for _ in range(4):
            self.dynamodb.will(*[self.table.forward] * dice.randrange(15, 70), refused("AccessDeniedException"))
        kinesis.put_many("ratings", [(str(i), json.dumps(rating(f"movie-{(i * i) % 151}", 2))) for i in range(600)])
        cloud = self.start(kinesis, {"STATE_BYTES": "1024", "WRITERS": "3"}, TumblingWindowInSeconds=2, BatchSize=60,
                           MaximumRetryAttempts=30, BisectBatchOnFunctionError=True)
        found = collections.Counter(f"movie-{(i * i) % 151}" for i in range(600))
        self.assertTotals({movie: (n, n * 2.0) for movie, n in found.items()})
        self.assertIn("items are not written", cloud.run.text())


if __name__ == "__main__":
    unittest.main()
