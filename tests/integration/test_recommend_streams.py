"""recommend between real streams: kinesalite behind a proxy that throttles, refuses in part, fails
and breaks connections, and records packed by npm's aws-kinesis-agg. The numbers are lines of the
checklist in docs/lambda.md."""

import base64
import json
import os
import random
import subprocess
import unittest

from kinesis_peer import THROTTLED
from recommend_case import OUT, RecommendCase, request
from stream_case import NODE, StreamCase, throttled

PACK = """
const { RecordAggregator } = require('aws-kinesis-agg');
const datas = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const packed = new RecordAggregator();
for (const data of datas)
  packed.addUserRecord({ partitionKey: String(data.user_id), data: Buffer.from(JSON.stringify(data)) });
console.log(Buffer.from(packed.build().data).toString('base64'));
"""


class Streams(RecommendCase):
    def setUp(self):
        super().setUp()
        self.beside = StreamCase()  # its kinesalite and proxies
        self.beside.setUp()
        self.addCleanup(self.close_beside)
        try:
            self.kinesis = self.beside.kinesis()
        except unittest.SkipTest as why:
            self.not_here(str(why))

    def close_beside(self):
        self.beside.doCleanups()
        self.beside.tearDown()

    def packed(self, *datas):
        """Aggregated as by a KPL producer; base64."""
        done = subprocess.run(["node", "-e", PACK], cwd=NODE, input=json.dumps(datas), text=True,
                              capture_output=True, check=False, timeout=60,
                              env={"PATH": os.environ["PATH"]})
        self.assertEqual(0, done.returncode, done.stderr)
        return (done.stdout.strip(),)

    def written(self):
        """(partition key, event) of the output stream, each shard in its order."""
        return [(record["PartitionKey"], json.loads(base64.b64decode(record["Data"])))
                for record in self.kinesis.read(OUT)]

    def test_records_that_aws_kinesis_agg_packed_get_their_own_recommendations(self):
        """66, 69"""
        self.kinesis.create(OUT)
        f = self.function(AWS_ENDPOINT_URL_KINESIS=self.kinesis.url)
        self.assertFine(f.invoke(request(9), self.packed(*(request(user) for user in range(1, 6))),
                                 request(8), self.packed(request(7))))
        written = self.written()
        self.assertEqual([f"r-{user}" for user in (9, 1, 2, 3, 4, 5, 8, 7)],
                         [event["request_id"] for _, event in written])
        self.assertEqual([str(event["user_id"]) for _, event in written], [key for key, _ in written])
        self.assertRecommendations([event for _, event in written])

    def fault(self, generator):
        """The proxy makes every second call fail, in each of Kinesis' ways."""
        def part(body):
            taken = [record for record in body["Records"] if generator.random() < 0.6]
            responses = iter(self.kinesis.call("PutRecords", **{**body, "Records": taken})["Records"]
                             if taken else [])
            entries = [next(responses) if any(record is one for one in taken) else
                       {"ErrorCode": generator.choice([THROTTLED, "InternalFailure"]),
                        "ErrorMessage": "x"} for record in body["Records"]]
            return 200, {"FailedRecordCount": len(entries) - len(taken), "Records": entries}

        def act(operation, body):
            self.assertEqual("PutRecords", operation)
            kind = generator.randrange(12)
            if kind == 0:
                return throttled()
            if kind == 1:
                return 500, {"__type": "InternalFailure"}
            if kind == 2:
                return "drop"
            if kind == 3:  # written, and the response is lost
                self.kinesis.call("PutRecords", **body)
                return "drop"
            return part(body) if kind < 6 else None
        return act

    def test_under_all_faults_no_request_is_lost_and_each_user_keeps_its_order(self):
        """72, 73"""
        self.kinesis.create(OUT, shards=2)
        generator = random.Random(7)
        proxy = self.beside.proxy(self.kinesis.url, self.fault(generator))
        f = self.function(AWS_ENDPOINT_URL_KINESIS=proxy.url)
        users = [generator.randrange(1, 40) for _ in range(400)]
        waiting = f.event(*(request(user, f"{n}", top_n=1 + n % 7) for n, user in enumerate(users)))
        waiting = waiting["Records"]
        n_events = 0
        while waiting:  # as the mapping does: from the reported record on, the records come again
            n_events += 1
            self.assertLess(n_events, 200)
            response = f.send({"Records": waiting[:50]}, deadline_in=20.0)
            if response.kind == "error":
                continue
            failures = response.json["batchItemFailures"]
            numbers = [record["kinesis"]["sequenceNumber"] for record in waiting[:50]]
            waiting = waiting[numbers.index(failures[0]["itemIdentifier"]) if failures else 50:]
        events, seen = [], set()
        for key, event in self.written():
            self.assertEqual(key, str(event["user_id"]))
            if event["request_id"] not in seen:
                events.append(event)
                seen.add(event["request_id"])
        self.assertEqual({str(n) for n in range(400)}, seen)
        for event in events:
            n = int(event["request_id"])
            self.assertEqual(users[n], event["user_id"])
            self.assertEqual(self.expected(users[n], 1 + n % 7), event["recommendations"])
        for user in set(users):
            mine = [int(event["request_id"]) for event in events if event["user_id"] == user]
            self.assertEqual(sorted(mine), mine)


if __name__ == "__main__":
    unittest.main()
