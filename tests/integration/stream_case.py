"""stream_case.py: a real kinesalite, the real local-cloud with a mapping, and a function of the
test's own.

    class Example(StreamCase):
        def test_a_sentence(self):
            kinesis = self.kinesis()
            kinesis.create("s", shards=2)
            f = self.mapped(kinesis, "def handle(event, n): return {}", BatchSize=2)
            kinesis.put("s", "a", "one", "two")
            f.wait_for_records("one", "two")
"""

import base64
import hashlib
import http.client
import http.server
import json
import os
import shutil
import socketserver
import subprocess
import threading
import time
from pathlib import Path

from local_cloud import PATIENCE, LocalCloudCase, function
from programs import SOURCE
from stream_function import records

NODE = SOURCE / "tests/node"
FUNCTION = Path(__file__).with_name("stream_function.py")
FINE = "def handle(event, n): return {}"
AUTHORIZATION = ("AWS4-HMAC-SHA256 Credential=t/20200101/us-east-1/kinesis/aws4_request, "
                 "SignedHeaders=host, Signature=00")


def shard_of(key, n_shards):
    """The number of the shard that a key is on, when all are of the same width."""
    return int.from_bytes(hashlib.md5(key.encode()).digest(), "big") * n_shards >> 128


class KinesisError(Exception):
    pass


class Kinesis:
    """A client of the stand-in at a URL."""

    def __init__(self, url):
        self.url = url
        self._kept = threading.local()
        self._opened = []

    def close(self):
        for connection in self._opened:
            connection.close()

    def call(self, operation, **members):
        connection = getattr(self._kept, "connection", None)
        for fresh in (connection is None, True):
            if fresh:
                connection = http.client.HTTPConnection(self.url.removeprefix("http://"),
                                                        timeout=PATIENCE)
                self._kept.connection = connection
                self._opened.append(connection)
            try:
                connection.request("POST", "/", json.dumps(members), {
                    "Content-Type": "application/x-amz-json-1.1", "Authorization": AUTHORIZATION,
                    "X-Amz-Date": "20200101T000000Z",
                    "X-Amz-Target": f"Kinesis_20131202.{operation}"})
                response = connection.getresponse()
                body = response.read()
                break
            except (OSError, http.client.HTTPException):
                if fresh:
                    raise
        if response.status != 200:
            raise KinesisError(f"{operation}: {response.status} {body[:500]!r}")
        return json.loads(body) if body else {}

    def status(self, stream):
        try:
            return self.call("DescribeStreamSummary", StreamName=stream)[
                "StreamDescriptionSummary"]["StreamStatus"]
        except KinesisError as error:
            if "ResourceNotFoundException" in str(error):
                return "NONE"
            raise

    def wait_for_status(self, stream, wanted):
        end = time.monotonic() + PATIENCE
        while self.status(stream) != wanted:
            if time.monotonic() > end:
                raise AssertionError(f"{stream} is {self.status(stream)}, not {wanted}")
            time.sleep(0.01)

    def create(self, stream, shards=1):
        self.call("CreateStream", StreamName=stream, ShardCount=shards)
        self.wait_for_status(stream, "ACTIVE")

    def put(self, stream, key, *texts):
        """In order; their sequence numbers."""
        return [self.call("PutRecord", StreamName=stream, PartitionKey=key,
                          Data=base64.b64encode(t if isinstance(t, bytes) else t.encode()).decode()
                          )["SequenceNumber"] for t in texts]

    def put_many(self, stream, pairs):
        for i in range(0, len(pairs), 500):
            response = self.call("PutRecords", StreamName=stream, Records=[
                {"PartitionKey": key, "Data": base64.b64encode(text.encode()).decode()}
                for key, text in pairs[i:i + 500]])
            assert response["FailedRecordCount"] == 0, response

    def shards(self, stream):
        return self.call("ListShards", StreamName=stream)["Shards"]

    def open_shards(self, stream):
        return [s for s in self.shards(stream)
                if "EndingSequenceNumber" not in s["SequenceNumberRange"]]

    def split(self, stream, shard):
        middle = (int(shard["HashKeyRange"]["StartingHashKey"]) +
                  int(shard["HashKeyRange"]["EndingHashKey"])) // 2 + 1
        self.call("SplitShard", StreamName=stream, ShardToSplit=shard["ShardId"],
                  NewStartingHashKey=str(middle))
        self.wait_for_status(stream, "ACTIVE")

    def merge(self, stream, one, two):
        self.call("MergeShards", StreamName=stream, ShardToMerge=one["ShardId"],
                  AdjacentShardToMerge=two["ShardId"])
        self.wait_for_status(stream, "ACTIVE")

    def read(self, stream):
        """All records of all shards, from the beginning."""
        found = []
        for shard in self.shards(stream):
            iterator = self.call("GetShardIterator", StreamName=stream, ShardId=shard["ShardId"],
                                 ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
            while True:
                response = self.call("GetRecords", ShardIterator=iterator, Limit=5000)
                found += response["Records"]
                if len(response["Records"]) < 5000:
                    break
                iterator = response["NextShardIterator"]
        return found


class Proxy:
    """In front of Kinesis (or any HTTP server): act(operation, request) is None to forward a
    request, or (status, body) to respond to it here; "drop" ends the connection."""

    def __init__(self, url, act=None):
        self.act = act or (lambda operation, request: None)
        self.calls = []
        self._to = url.removeprefix("http://")
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            kept = None

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
                try:
                    request = json.loads(body)
                except ValueError:
                    request = body
                proxy.calls.append(operation or self.path)
                act = proxy.act(operation or self.path, request)
                if act == "drop":
                    self.close_connection = True
                    return
                self.respond(*(act or self.forward(body)))

            do_GET = do_POST

            def forward(self, body):
                headers = {n: v for n, v in self.headers.items()
                           if n.lower() not in ("host", "content-length", "connection", "expect")}
                for fresh in (self.kept is None, True):
                    if fresh:
                        self.kept = http.client.HTTPConnection(proxy._to, timeout=PATIENCE)
                    try:
                        self.kept.request(self.command, self.path, body or None, headers)
                        response = self.kept.getresponse()
                        kept = [(n, v) for n, v in response.headers.items()
                                if n.lower() not in ("content-length", "connection", "date", "server")]
                        return response.status, response.read(), kept
                    except (OSError, http.client.HTTPException):
                        if fresh:
                            return 503, b"{}"

            def respond(self, status, body, headers=(("Content-Type", "application/json"),)):
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def throttled(status=400, code="ProvisionedThroughputExceededException"):
    return status, {"__type": code, "message": "Rate exceeded for shard"}


class Mapped:
    """A cloud with the function f at the end of a stream."""

    def __init__(self, case, cloud, calls, given_up, handler):
        self.case, self.cloud = case, cloud
        self._calls, self._given_up, self._handler = calls, given_up, handler

    def handle(self, handler):
        """Replaces the function's code."""
        new = self._handler.with_suffix(".new")
        new.write_text(handler)
        new.replace(self._handler)

    @property
    def calls(self):
        if not self._calls.exists():
            return []
        return [json.loads(line) for line in self._calls.read_text().splitlines(keepends=True)
                if line.endswith("\n")]

    @property
    def events(self):
        return [call["event"] for call in self.calls]

    @property
    def batches(self):
        return [records(event) for event in self.events]

    @property
    def records(self):
        return [text for batch in self.batches for text in batch]

    @property
    def given_up(self):
        if not self._given_up.exists():
            return []
        return [json.loads(line) for line in self._given_up.read_text().splitlines()]

    def wait(self, ready, what):
        end = time.monotonic() + PATIENCE
        while not ready():
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for {what}; batches {self.batches[:50]}\n"
                                     + self.cloud.run.text("stderr")[-3000:])
            time.sleep(0.02)

    def wait_for_records(self, *texts):
        """Waits until each of these has arrived."""
        self.wait(lambda: set(texts) <= set(self.records), texts)

    def wait_for_calls(self, n):
        self.wait(lambda: len(self.calls) >= n, f"{n} calls")
        return self.calls

    def logged(self, event):
        found = []
        for line in self.cloud.run.text("stderr").splitlines():
            if line.startswith("{") and f'"event":"{event}"' in line:
                found.append(json.loads(line))
        return found

    def wait_for_log(self, event, n=1):
        self.wait(lambda: len(self.logged(event)) >= n, f"{n} lines {event}")
        return self.logged(event)

    def counts(self):
        """The last report, after the end."""
        self.cloud.stop()
        return self.logged("mapping")[-1]


def node(case, *words):
    """A server of tests/node/peer.js, for the time of the test; its process and port."""
    if shutil.which("node") is None:
        case.not_here("no node")
    if not (NODE / "node_modules/.installed").exists():
        case.not_here("tests/node/node_modules is not complete; run tests/node/install")
    process = subprocess.Popen(["node", NODE / "peer.js", *map(str, words)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env={"PATH": os.environ["PATH"]})

    def end():
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            pipe.close()
    case.addCleanup(end)
    line = process.stdout.readline()
    case.assertTrue(line, f"{words} did not start")
    return process, json.loads(line)["port"]


class StreamCase(LocalCloudCase):
    def node(self, *words):
        return node(self, *words)

    def kinesis(self):
        _, port = self.node("kinesis")
        return self.client(f"http://127.0.0.1:{port}")

    def client(self, url):
        kinesis = Kinesis(url)
        self.addCleanup(kinesis.close)
        return kinesis

    def proxy(self, url, act=None):
        proxy = Proxy(url, act)
        self.addCleanup(proxy.close)
        return proxy

    def mapped(self, kinesis, handler=FINE, stream="s", processes=1, config=None,
               of_function=None, **settings):
        """settings: those of the mapping, by AWS's names."""
        n = len(self._clouds)
        calls, given_up, code = (self.folder / f"{n}.{what}" for what in ("calls", "given_up", "py"))
        code.write_text(handler)
        mapping = {"EventSourceArn": stream, "FunctionName": "f",
                   "StartingPosition": "TRIM_HORIZON",
                   "DestinationConfig": {"OnFailure": {"Destination": str(given_up)}}, **settings}
        f = {**function(arguments=[str(FUNCTION)], processes=processes,
                        environment={"HANDLER": str(code), "CALLS": str(calls)}),
             **(of_function or {})}
        cloud = self.cloud(functions={"f": f}, mappings=[mapping], kinesis=kinesis.url,
                           **{"poll-seconds": 0.02, **(config or {})})
        return Mapped(self, cloud, calls, given_up, code)
