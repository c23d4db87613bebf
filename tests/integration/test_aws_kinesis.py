"""PutRecords, sections 4.6 and lines 71 to 73 of the checklist in docs/lambda.md, against a
server with scripted failures and against kinesalite."""

import base64
import json
import unittest
import urllib.request

from aws_case import REGION, ROLE
from aws_peers import hang_up
from kinesis_peer import CALL_BYTES, THROTTLED, PutRecords, instead, refuse
from test_aws_node import NodeCase


class Put(NodeCase):
    def setUp(self):
        super().setUp()
        self.stream = PutRecords(ROLE, REGION)
        self.addCleanup(self.stream.peer.close)
        self.client = self.program(AWS_ENDPOINT_URL=self.stream.peer.url).open("kinesis", seed=1)

    def tearDown(self):
        super().tearDown()
        self.assertEqual([], self.stream.peer.complaints)

    def put(self, *records, **more):
        return self.client("put", stream="s", records=records, **more)

    def test_calls_have_at_most_500_records(self):
        """44, 71"""
        records = [[f"k{i}", f"data {i}"] for i in range(1250)]
        response = self.assertOk(self.put(*records))
        self.assertEqual([500, 500, 250], [len(c["Records"]) for c in self.stream.calls])
        self.assertEqual([(k, d.encode()) for k, d in records],
                         [(k, d) for _, k, d in self.stream.written])
        self.assertEqual((1250, 0, 3), (response["n_written"], response["n_refused"], response["n_calls"]))

    def test_calls_have_at_most_5_mib(self):
        """71"""
        self.assertOk(self.put(*([f"k{i}", 700000 + i] for i in range(17))))
        sizes = [len(request.body) for request in self.stream.peer.requests]
        self.assertLess(max(sizes), CALL_BYTES)
        self.assertEqual([5, 5, 5, 2], [len(c["Records"]) for c in self.stream.calls])
        self.assertEqual([700000 + i for i in range(17)],
                         [len(data) for _, _, data in self.stream.written])

    def test_keys_have_1_to_256_characters_and_records_1_mib(self):
        """71"""
        longest = "\u00e9" * 256
        self.assertOk(self.put(["k", (1 << 20) - 1], [longest, "x"], ['"\\\n', ""]))
        self.assertEqual(["k", longest, '"\\\n'], [key for _, key, _ in self.stream.written])
        n = len(self.stream.calls)
        for record in (["", "x"], ["x" * 257, "x"]):
            self.assertFails("local", self.put(["good", "x"], record))
        self.assertFails("too_large", self.put(["good", "x"], ["k", 1 << 20]))
        self.assertEqual(n, len(self.stream.calls))

    def test_refused_records_are_sent_again_in_order_with_growing_waits(self):
        """72"""
        self.stream.faults = [refuse(0, 2), refuse(0, 1), refuse(1)]
        response = self.assertOk(self.put(*([f"k{i}", str(i)] for i in range(4))))
        self.assertEqual([["k0", "k1", "k2", "k3"], ["k0", "k2"], ["k0", "k2"], ["k2"]],
                         [[r["PartitionKey"] for r in c["Records"]] for c in self.stream.calls])
        self.assertEqual((4, 5), (response["n_written"], response["n_refused"]))
        waits = [json.loads(line)["wait_ms"] for line in self.stream_log() if "kinesis_retry" in line]
        self.assertEqual(3, len(waits))
        for wait, most in zip(waits, (50, 100, 200)):
            self.assertIn(wait, range(most // 2, most + 1))
        for wait, before, after in zip(waits, self.stream.times, self.stream.times[1:]):
            self.assertGreaterEqual(after - before, (wait - 1) / 1000, "it was not waited")

    def stream_log(self):
        return self._programs[0].log().splitlines()

    def test_with_order_no_key_is_twice_in_a_call(self):
        """72"""
        records = [[key, f"{key}{n}"] for n in range(3) for key in "ab"] + [["c", "c0"]]
        self.stream.faults = [refuse(0)]
        self.assertOk(self.put(*records, keep_order=True))
        self.assertEqual([["a", "b", "c"], ["a", "b"], ["a", "b"], ["a"]],
                         [[r["PartitionKey"] for r in c["Records"]] for c in self.stream.calls])
        written = [data.decode() for _, _, data in self.stream.written]
        for key in "abc":
            mine = [data for data in written if data[0] == key]
            self.assertEqual(sorted(mine), mine)

    def test_without_time_unwritten_records_are_reported(self):
        """72"""
        self.stream.faults = [refuse(1)] + [refuse()] * 100
        response = self.assertFails("throttled", self.put(*([f"k{i}", "x"] for i in range(3)),
                                                          budget_ms=600))
        self.assertEqual([True, False, True], response["written"])
        self.assertIn(THROTTLED, response["text"])
        self.assertTrue(self.stream.faults, "it ended for want of time, not of failures")
        self.stream.faults = [refuse(code="InternalFailure")] * 100
        self.assertFails("server", self.put(["k", "x"], budget_ms=1500))

    def test_a_whole_call_that_is_lost_marks_nothing(self):
        """73"""
        self.stream.faults = [lambda body: None, *([instead(hang_up)] * 30)]
        response = self.assertFails("unreachable", self.put(*([f"k{i}", "x"] for i in range(600))))
        self.assertEqual([True] * 500 + [False] * 100, response["written"])
        self.assertTrue(response["may_have_acted"])

    def test_kinesalite_takes_them(self):
        url = self.node("kinesis")

        def call(operation, **members):
            request = urllib.request.Request(url, json.dumps(members).encode(), {
                "Content-Type": "application/x-amz-json-1.1", "X-Amz-Date": "20200101T000000Z",
                "X-Amz-Target": f"Kinesis_20131202.{operation}",
                "Authorization": "AWS4-HMAC-SHA256 Credential=t/20200101/us-east-1/kinesis/"
                                 "aws4_request, SignedHeaders=host, Signature=00"})
            with urllib.request.urlopen(request, timeout=60) as stream:
                return json.loads(stream.read() or b"{}")
        call("CreateStream", StreamName="s", ShardCount=1)
        self.eventually(lambda: call("DescribeStream", StreamName="s")["StreamDescription"][
            "StreamStatus"] == "ACTIVE", 60)
        client = self.program(AWS_ENDPOINT_URL=url).open("kinesis")
        records = [[f"k{i % 50}", f"data {i} \u00e9\n\0"] for i in range(600)]
        self.assertOk(client("put", stream="s", records=records, keep_order=True))
        iterator = call("GetShardIterator", StreamName="s", ShardId="shardId-000000000000",
                        ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        found = call("GetRecords", ShardIterator=iterator, Limit=5000)["Records"]
        pairs = [(r["PartitionKey"], base64.b64decode(r["Data"]).decode()) for r in found]
        self.assertEqual(sorted(map(tuple, records)), sorted(pairs))
        for key in {key for key, _ in records}:
            self.assertEqual([d for k, d in records if k == key], [d for k, d in pairs if k == key])
        response = self.assertFails("missing", client("put", stream="other", records=records))
        self.assertEqual({False}, set(response["written"]))


if __name__ == "__main__":
    unittest.main()
