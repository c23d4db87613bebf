"""behind_streams.py: the real functions behind a Kinesis stream, several in one test if need be, and a stand-in for
the streams that they put to.

    class Example(BehindStreams, TrainCase):
        program = BIN / "feedback"
        def test_a_sentence(self):
            f = self.function()
            self.assertFine(f.invoke({"user_id": 1, "item_id": 2}))

The stand-in implements PutRecords, checks signatures, and fails as a test says. After each test every function that
runs must end with 0 at SIGTERM; its output must be JSON lines without secrets, sanitizer reports or the users' data.
"""

import base64
import hashlib
import json
import time

from kinesis_peer import PutRecords
from lambda_case import KEYS, REGION, FunctionCase
from programs import DEADLINE

DEAD = "dead-letters"


def encoded(data):
    """A record's data as the stream delivers it."""
    data = json.dumps(data).encode() if not isinstance(data, bytes) else data
    return base64.b64encode(data).decode()


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def aggregated(*datas):
    """Many records in one, as a producer packs them."""
    keys = b"".join(field(1, b"%d" % i) for i in range(len(datas)))
    records = b"".join(field(3, b"\x08" + varint(i) + field(3, data))
                       for i, data in enumerate(
                           json.dumps(d).encode() if not isinstance(d, bytes) else d for d in datas))
    message = keys + records
    return b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message).digest()


class Streams(PutRecords):
    """The output streams."""

    def events(self, stream):
        return [json.loads(data) for name, _, data in self.written if name == stream]

    def ids(self, stream):
        return [event["request_id"] for event in self.events(stream)]


class Function:
    """A running function, and the stream's event source mapping in front of it."""

    def __init__(self, test, part, run):
        self.test, self.part, self.run = test, part, run
        self._n_sent = 0
        self.arrival = 1545084650.987  # of records, in seconds since 1970
        self._next = int("49590338271490256608559692538361571095921575989136588898")

    def event(self, *datas):
        """An event with these records: objects, bytes, or as encoded() has them in a tuple."""
        records = []
        for data in datas:
            number = str(self._next)
            self._next += 16
            records.append({
                "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "1",
                            "sequenceNumber": number,
                            "data": data[0] if isinstance(data, tuple) else encoded(data),
                            "approximateArrivalTimestamp": self.arrival},
                "eventSource": "aws:kinesis", "eventVersion": "1.0",
                "eventID": f"shardId-000000000006:{number}", "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "arn:aws:iam::123456789012:role/r",
                "awsRegion": "eu-central-1",
                "eventSourceARN": "arn:aws:kinesis:eu-central-1:123456789012:stream/requests"})
        return {"Records": records}

    def send(self, event, **how):
        self._n_sent += 1
        return self.part.invoke(event, **how)

    def invoke(self, *datas, **how):
        return self.send(self.event(*datas), **how)

    def _lines(self):
        """Its log, once it has the metrics of the last batch, which come last."""
        end = time.monotonic() + DEADLINE
        while True:
            lines = [json.loads(line) for line in self.run.text().splitlines(keepends=True)
                     if line.endswith("\n")]
            if sum("_aws" in line for line in lines) >= self._n_sent or time.monotonic() > end:
                return lines
            time.sleep(0.005)

    def log(self, name):
        return [line for line in self._lines() if line.get("event") == name]

    def metrics(self):
        """Of the last batch."""
        return [line for line in self._lines() if "_aws" in line][-1]


class BehindStreams:
    """Before the case of the model in the bases."""
    program = None
    streams = Streams

    def setUp(self):
        super().setUp()
        self.stream = self.streams(KEYS, REGION)
        self.parts = []

    def tearDown(self):
        try:
            for part in self.parts:
                for line in part.end_runs():
                    for key in ("timestamp", "level", "message", "requestId"):
                        self.assertIn(key, line)
                part.tearDown()
            self.assertEqual([], self.stream.peer.complaints)
        finally:
            self.stream.peer.close()
            super().tearDown()

    def variables(self, **more):
        return {"AWS_LAMBDA_FUNCTION_NAME": self.program.name, "AWS_ENDPOINT_URL_KINESIS": self.stream.peer.url,
                "ANSWER_MARGIN_MS": "100", "REDIS_PASSWORD": None, **more}

    def part(self, program=None):
        """A function that has not been started."""
        part = FunctionCase()
        part.program = program or self.program
        part.setUp()
        self.parts.append(part)
        return part

    def function(self, **more):
        part = self.part()
        return Function(self, part, part.start(**self.variables(**more)))

    def refused(self, *pieces, **more):
        """A function that must not start: exit 1, the sentence at init/error."""
        part = self.part()
        result = part.launch(**self.variables(**more)).wait(60)
        self.assertEqual(1, result.status, result)
        self.assertEqual([], part.api.calls("next"))
        message = part.api.calls("init")[0].json["errorMessage"]
        for piece in pieces:
            self.assertIn(piece, message)
        return message

    def assertFine(self, event):
        self.assertEqual("response", event.kind, event.response.body)
        self.assertEqual({"batchItemFailures": []}, event.json)

    def assertFrom(self, event, sent, index):
        """The response names the record at that index of what was sent, and no other."""
        self.assertEqual("response", event.kind, event.response.body)
        number = sent["Records"][index]["kinesis"]["sequenceNumber"]
        self.assertEqual({"batchItemFailures": [{"itemIdentifier": number}]}, event.json)
