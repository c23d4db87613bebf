"""aggregate_case.py: the real `aggregate` as a Lambda function, with a real dynalite behind a
peer that checks signatures and injects faults as a test says (aws_peers.py).

    class Example(AggregateCase):
        def test_a_sentence(self):
            self.start()
            self.dynamodb.will(failure(503, "ServiceUnavailable"))
            self.take(batch([rating("1", 4.5)]))
            self.assertEqual(…, self.items())

After each test every function that runs must end with 0 at SIGTERM; its output must be JSON
lines without secrets, sanitizer reports or the records' data.
"""

import base64
import http.client
import json
import subprocess
import uuid

from aws_peers import Peer, raw
from lambda_case import KEYS, REGION, FunctionCase
from node_sdk import NODE, end_peer, start_peer, why_not
from programs import BIN
from sanitizers import SANITIZED

ARN = "arn:aws:kinesis:eu-central-1:123456789012:stream/events"
SHARD = "shardId-000000000000"
FIRST = 49590338271490256608559692538361571095921575989136588898
START, END = "2026-01-31T09:30:00Z", "2026-01-31T09:35:00Z"
SECONDS = 300 if SANITIZED else 60


# --- events -----------------------------------------------------------------


def encoded(data):
    if not isinstance(data, (bytes, str)):
        data = json.dumps(data)
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def record(n, data, shard=SHARD, base64_data=None, at=1769851800.0):
    """The n-th record of a shard, as Lambda delivers it."""
    return {
        "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": str(n), "sequenceNumber": str(FIRST + n),
                    "data": encoded(data) if base64_data is None else base64_data,
                    "approximateArrivalTimestamp": at + n / 1000},
        "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": f"{shard}:{FIRST + n}",
        "eventName": "aws:kinesis:record", "invokeIdentityArn": "arn:aws:iam::123456789012:role/r",
        "awsRegion": REGION, "eventSourceARN": ARN}


def rating(movie, stars, user="7"):
    return {"userId": user, "movieId": movie, "rating": stars, "timestamp": 1769851800}


def batch(records):
    return {"Records": records}


def window(records, state=None, final=False, early=False, shard=SHARD, start=START, end=END):
    event = {"window": {"start": start, "end": end}, "state": state or {}, "shardId": shard,
             "eventSourceARN": ARN, "isFinalInvokeForWindow": final,
             "isWindowTerminatedEarly": early}
    return event if records is None else {"Records": records, **event}


def pack(user_records):
    """Aggregated records (base64) of [(partition key, object)], by AWS's own aggregator."""
    records = [{"partitionKey": key, "data": json.dumps(data)} for key, data in user_records]
    out = subprocess.run(["node", NODE / "pack.js"], input=json.dumps(records), text=True,
                         capture_output=True, check=True, timeout=60).stdout
    return [json.loads(line)["data"] for line in out.splitlines()]


# --- acts -------------------------------------------------------------------


def refused(kind):
    """A 400 in DynamoDB's own format."""
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{kind}",
                       "message": "from the test"}).encode()
    return raw(b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/x-amz-json-1.0\r\n"
               b"Content-Length: %d\r\n\r\n%b" % (len(body), body))


throttled = refused("ProvisionedThroughputExceededException")


class Table:
    """dynalite behind a Peer."""

    def __init__(self, url):
        self.port = int(url.rsplit(":", 1)[1])

    def send(self, target, body, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", "/", body, headers or {
                "X-Amz-Target": f"DynamoDB_20120810.{target}",
                "Content-Type": "application/x-amz-json-1.0", "X-Amz-Date": "20260131T093000Z",
                "Authorization": "AWS4-HMAC-SHA256 Credential=k/20260131/eu-central-1/dynamodb/"
                                 "aws4_request, SignedHeaders=host, Signature=s"})
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def call(self, target, **members):
        status, _, body = self.send(target, json.dumps(members))
        assert status == 200, body
        return json.loads(body)

    def create(self, name, hash_key, range_key, kinds=("S", "S")):
        keys = list(zip((hash_key, range_key), ("HASH", "RANGE"), kinds))
        self.call("CreateTable", TableName=name, BillingMode="PAY_PER_REQUEST",
                  KeySchema=[{"AttributeName": key, "KeyType": role} for key, role, _ in keys],
                  AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind}
                                        for key, _, kind in keys])
        while self.call("DescribeTable", TableName=name)["Table"]["TableStatus"] != "ACTIVE":
            pass

    def scan(self, name):
        items, more = [], {}
        while True:
            page = self.call("Scan", TableName=name, **more)
            items += page["Items"]
            if "LastEvaluatedKey" not in page:
                return items
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def forward(self, connection, request):
        """An act: forwards the request and the response unchanged."""
        self.respond(connection, self.send(None, request.body, dict(request.headers)))
        return True

    def forward_and_hang_up(self, _connection, request):
        """The write happens, but the response is lost."""
        self.send(None, request.body, dict(request.headers))
        return False

    def forward_with_wrong_crc(self, connection, request):
        status, headers, body = self.send(None, request.body, dict(request.headers))
        headers = [(name, "1" if name.lower() == "x-amz-crc32" else value)
                   for name, value in headers]
        self.respond(connection, (status, headers, body))
        return True

    def forward_the_first(self, connection, request):
        """One item of a batch is written, the others are returned as unprocessed."""
        body = json.loads(request.body)
        (name, requests), = body["RequestItems"].items()
        self.call("BatchWriteItem", RequestItems={name: requests[:1]})
        rest = {name: requests[1:]} if len(requests) > 1 else {}
        body = json.dumps({"UnprocessedItems": rest}).encode()
        self.respond(connection, (200, [], body))
        return True

    @staticmethod
    def respond(connection, response):
        status, headers, body = response
        lines = [f"{name}: {value}" for name, value in headers
                 if name.lower() not in ("content-length", "connection", "transfer-encoding",
                                         "keep-alive")]
        head = "\r\n".join([f"HTTP/1.1 {status} X", *lines, f"Content-Length: {len(body)}", "", ""])
        connection.sendall(head.encode() + body)


# --- the function -----------------------------------------------------------


class AggregateCase(FunctionCase):
    program = BIN / "aggregate"
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.why_not = why_not(20)
        if cls.why_not is None:
            process, url = start_peer("dynamodb")
            cls.addClassCleanup(end_peer, process)
            cls.table = Table(url)

    def setUp(self):
        if self.why_not is not None:
            self.api, self.runs, self.dynamodb = None, [], None
            self.not_here(self.why_not)
        super().setUp()
        self.dynamodb = Peer("dynamodb", KEYS, REGION)
        self.dynamodb.otherwise = self.table.forward
        self.name = f"t{uuid.uuid4().hex}"
        self.trend = f"trend{uuid.uuid4().hex}"
        self.create_tables()

    def create_tables(self):
        self.table.create(self.name, "movieId", "windowStart")
        self.table.create(self.trend, "windowStart", "place")

    def tearDown(self):
        try:
            self.end_runs()
            self.assertEqual([], self.dynamodb.complaints)
        finally:
            super().tearDown()
            self.dynamodb.close()

    def environment(self, **more):
        return super().environment(**{
            "AWS_LAMBDA_FUNCTION_NAME": "aggregate", "TABLE_NAME": self.name,
            "TREND_TABLE_NAME": self.trend, "AWS_ENDPOINT_URL_DYNAMODB": self.dynamodb.url,
            **self.settings, **more})

    # Events and responses.

    def take(self, event, **how):
        """The response to an event that succeeds."""
        response = self.invoke(event, seconds=SECONDS, **how)
        self.assertEqual("response", response.kind, response.response.body)
        body = response.json
        self.assertEqual([], body["batchItemFailures"])
        in_window = "window" in event if isinstance(event, dict) else b'"window"' in event
        self.assertEqual({"batchItemFailures", "state"} if in_window else {"batchItemFailures"},
                         set(body))
        return body

    def keep(self, event, **how):
        """The state of an event in a window: texts, and only texts."""
        state = self.take(event, **how)["state"]
        for name, value in state.items():
            self.assertIsInstance(value, str, name)
        return state

    # The tables.

    def items(self, name=None):
        """{(key, or place in the trend, start): {attribute: value}}; numbers as their texts."""
        found = {}
        for item in self.table.scan(name or self.name):
            plain = {attribute: next(iter(value.values())) for attribute, value in item.items()}
            key = plain.get("place") or plain.get("movieId") or plain.get("vendorId")
            found[key, plain["windowStart"]] = plain
        return found

    def totals(self):
        """{movie: (count, sum, mean)} of the window START."""
        return {key: (item["ratingCount"], item["ratingSum"], item["ratingMean"])
                for (key, start), item in self.items().items() if start == START}

    def trend_of(self, start=START):
        rows = sorted((place, item) for (place, at), item in self.items(self.trend).items()
                      if at == start)
        return [(item["movieId"], item["ratingCount"], item["ratingMean"]) for _, item in rows]

    def calls(self, target="UpdateItem"):
        return [json.loads(request.body) for request in self.dynamodb.requests
                if request.header("x-amz-target") == f"DynamoDB_20120810.{target}"]

    def events(self, run, name, n=1):
        """Log lines with this event, once the metrics of n events are there."""
        self.metrics(run, n)
        lines = [json.loads(line) for line in run.text().splitlines()]
        return [line for line in lines if line.get("event") == name]

    def metrics(self, run, n=1):
        """The lines of metrics of n events, which is how many there were."""
        run.wait_until(lambda: run.text().count('"_aws"') >= n, f"{n} lines of metrics")
        lines = [json.loads(line) for line in run.text().splitlines()]
        found = [line for line in lines if "_aws" in line]
        self.assertEqual(n, len(found))
        return found
