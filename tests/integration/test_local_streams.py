"""test_local_streams.py: a mapping of local-cloud and its stream: failures of the stream, other
producers and consumers, and the settings."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from local_cloud import LOCAL_CLOUD, PATIENCE
from sanitizers import SANITIZER_ENVIRONMENT
from stream_case import FINE, NODE, StreamCase, throttled


class Faults(StreamCase):
    def behind(self, act, handler=FINE, **settings):
        kinesis = self.kinesis()
        kinesis.create("s")
        proxy = self.proxy(kinesis.url, act)
        return kinesis, proxy, self.mapped(proxy, handler, **settings)

    def nth(self, operation, acts):
        """acts: number of the call of that operation → act."""
        seen = {operation: 0}

        def act(called, _):
            if called != operation:
                return None
            seen[operation] += 1
            return acts(seen[operation])
        return act

    def all_come_once(self, kinesis, f):
        texts = [str(i) for i in range(200)]
        for i in range(0, 200, 20):
            kinesis.put_many("s", [("k", t) for t in texts[i:i + 20]])
        f.wait(lambda: len(f.records) >= 200, "200 records")
        self.assertEqual(texts, f.records)

    def test_throttled_reads_are_made_again_and_lose_nothing(self):
        kinesis, proxy, f = self.behind(self.nth(
            "GetRecords", lambda n: throttled() if n % 3 else None))
        self.all_come_once(kinesis, f)
        [line] = f.logged("shard_unreadable")[:1]
        self.assertEqual("ProvisionedThroughputExceededException", line["message"])
        self.assertTrue(f.logged("shard_readable"))
        self.assertGreater(f.counts()["stream_errors"], 0)

    def test_every_kind_of_failed_call_is_made_again(self):
        acts = [throttled(500, "InternalFailure"), (503, b"busy"), "drop", (200, b"{}"),
                (200, b"not JSON"), (400, {"__type": "InvalidArgumentException"}),
                throttled(400, "LimitExceededException")]
        for operation in ("ListShards", "GetShardIterator", "GetRecords"):
            with self.subTest(operation=operation):
                kinesis, _, f = self.behind(self.nth(
                    operation, lambda n: acts[n - 1] if n <= len(acts) else None))
                self.all_come_once(kinesis, f)
                f.cloud.stop()

    def test_an_expired_iterator_is_got_anew_behind_the_last_record(self):
        kinesis, proxy, f = self.behind(self.nth(
            "GetRecords", lambda n: (400, {"__type": "ExpiredIteratorException"}) if n % 4 == 0 else None))
        self.all_come_once(kinesis, f)
        f.wait_for_log("iterator_expired", 2)
        kinesis.put("s", "k", "last")
        f.wait_for_records("last")
        self.assertEqual((201, "last"), (len(f.records), f.records[-1]))
        self.assertGreater(proxy.calls.count("GetShardIterator"), 2)

    def test_records_whose_response_is_too_large_are_read_in_parts(self):
        """The stand-in returns 10,000 records whatever their size."""
        kinesis = self.kinesis()
        kinesis.create("s")
        for i in range(20):
            kinesis.put("s", "k", f"{i:02}" + "x" * 1000000)
        f = self.mapped(kinesis, """
def handle(event, n):
    return [text[:3] for text in records(event)]
""")
        heads = lambda: [head for call in f.calls for head in call["response"]]
        f.wait(lambda: len(heads()) >= 20, "20 records")
        self.assertEqual([f"{i:02}x" for i in range(20)], heads())

    def at_port(self, *words, **settings):
        """kinesalite's process and port, a client, and a mapping that has read one record."""
        process, port = self.node("kinesis", *words)
        kinesis = self.client(f"http://127.0.0.1:{port}")
        kinesis.create("s")
        f = self.mapped(kinesis, **settings)
        f.wait_for_log("shard_open")
        kinesis.put("s", "k", "one")
        f.wait_for_records("one")
        return process, port, kinesis, f

    def test_the_server_of_the_stream_restarts_with_its_data(self):
        with tempfile.TemporaryDirectory() as folder:
            process, port, kinesis, f = self.at_port(0, Path(folder) / "db")
            process.send_signal(signal.SIGKILL)
            process.wait()
            f.wait_for_log("shard_unreadable")
            self.node("kinesis", port, Path(folder) / "db")
            kinesis.put("s", "k", "two")
            f.wait_for_records("two")
            self.assertEqual(["one", "two"], f.records)

    def test_the_server_of_the_stream_restarts_without_data(self):
        process, port, kinesis, f = self.at_port(StartingPosition="LATEST")
        process.kill()
        process.wait()
        self.node("kinesis", port)
        f.wait_for_log("stream_gone")
        kinesis.create("s")
        kinesis.put("s", "k", "two")
        f.wait_for_records("two")
        self.assertEqual(["one", "two"], f.records)

    def test_a_server_that_hangs_does_not_delay_the_stop(self):
        process, _, _, f = self.at_port()
        process.send_signal(signal.SIGSTOP)
        self.assertEqual(0, f.cloud.stop().status)

    def test_a_stop_while_a_batch_is_pending(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis, """
def handle(event, n):
    open(os.environ["CALLS"] + ".begun", "w").close()
    time.sleep(1000)
""")
        kinesis.put("s", "k", "one")
        begun = Path(str(f._calls) + ".begun")
        f.wait(begun.exists, "a call")
        pids = f.cloud.children()
        self.assertEqual(0, f.cloud.stop().status)
        self.assertFalse([p for p in pids if Path(f"/proc/{p}").exists()])

    def test_reading_stops_while_much_waits(self):
        """Memory is bounded while a function is slow: 20,000 records, or 32 MB, and one
        response."""
        kinesis = self.kinesis()
        kinesis.create("s")
        for i in range(0, 60):
            kinesis.put_many("s", [("k", "x")] * 500)
        kinesis.put("s", "k", "last")
        proxy = self.proxy(kinesis.url)
        f = self.mapped(proxy, "def handle(event, n): time.sleep(0.5 if n < 4 else 0)", BatchSize=10000)
        f.wait_for_calls(1)
        self.assertLessEqual(proxy.calls.count("GetRecords"), 8)
        f.wait_for_records("last")
        self.assertEqual(30001, len(f.records))


class Parties(StreamCase):
    """Other producers and consumers."""

    ENVIRONMENT = {"PATH": os.environ["PATH"], "AWS_ACCESS_KEY_ID": "k", "AWS_REGION": "us-east-1",
                   "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1",
                   "AWS_EC2_METADATA_DISABLED": "true", "NODE_NO_WARNINGS": "1"}

    def test_the_aws_command_line_puts(self):
        if shutil.which("aws") is None:
            self.not_here("no aws")
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis)
        version = subprocess.run(["aws", "--version"], capture_output=True, text=True, check=True)
        raw = [] if version.stdout.startswith("aws-cli/1") else ["--cli-binary-format",
                                                                  "raw-in-base64-out"]
        records = [{"Data": text, "PartitionKey": "k"} for text in ("one", "two")]
        done = subprocess.run(
            ["aws", "kinesis", "put-records", "--endpoint-url", kinesis.url, "--stream-name", "s",
             *raw, "--records", json.dumps(records)],
            env=self.ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(0, done.returncode, done.stderr)
        f.wait_for_records("one", "two")
        self.assertEqual([r["SequenceNumber"] for r in json.loads(done.stdout)["Records"]],
                         [r["kinesis"]["sequenceNumber"] for e in f.events for r in e["Records"]])

    def test_the_sdk_and_the_aggregator_of_node_put(self):
        """§4.5: an aggregate is passed on unchanged."""
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis, """
def handle(event, n): return {"raw": [r["kinesis"]["data"] for r in event["Records"]]}
def records(event): return []
""")
        done = subprocess.run(
            ["node", "-e", """
const { KinesisClient, PutRecordsCommand, PutRecordCommand } = require('@aws-sdk/client-kinesis');
const { NodeHttpHandler } = require('@smithy/node-http-handler');
const aggregator = require('aws-kinesis-agg');
const client = new KinesisClient({ endpoint: process.argv[1], requestHandler: new NodeHttpHandler() });
(async () => {
  await client.send(new PutRecordsCommand({ StreamName: 's', Records: [
    { Data: Buffer.from('one'), PartitionKey: 'k' } ] }));
  const packed = [];
  aggregator.aggregate([{ partitionKey: '7', data: '{"userId":7}' },
                        { partitionKey: '8', data: '{"userId":8}' }], async (record, next) => {
    await client.send(new PutRecordCommand({ StreamName: 's', PartitionKey: record.partitionKey,
                                             Data: record.data }));
    console.log(Buffer.from(record.data).toString('base64'));
    next();
  }, () => client.destroy(), (error) => { throw error; });
})();
""", kinesis.url], cwd=NODE, env=self.ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(0, done.returncode, done.stderr)
        raw = lambda: [data for call in f.calls for data in call["response"]["raw"]]
        f.wait(lambda: len(raw()) == 2, "two records")
        self.assertEqual(["b25l", done.stdout.strip()], raw())
        self.assertTrue(raw()[1].startswith("84mawg"))


class Settings(StreamCase):
    def refused(self, *mappings, words=(), **config):
        path = self.folder / "wrong.json"
        path.write_text(json.dumps({
            "functions": {"f": {"program": "/bin/true"}}, "mappings": list(mappings), **config}))
        done = subprocess.run([LOCAL_CLOUD, "--config", path, "--port", "0", *words],
                              env=SANITIZER_ENVIRONMENT, capture_output=True, text=True,
                              timeout=PATIENCE)
        self.assertNotEqual(0, done.returncode)
        return done.stderr

    def test_errors_are_reported_with_their_place(self):
        good = {"EventSourceArn": "s", "FunctionName": "f", "StartingPosition": "LATEST"}
        at = {"kinesis": "http://127.0.0.1:1"}
        for change, words in (
                ({"FunctionName": "g"}, 'mappings[0]: mapping of s leads to "g": there is no such function'),
                ({"FunctionName": None}, "mappings[0].FunctionName: expected a text"),
                ({"EventSourceArn": "a b"}, "expected the name or ARN of a Kinesis stream"),
                ({"EventSourceArn": "arn:aws:sqs:us-east-1:1:q"}, "expected the name or ARN"),
                ({"EventSourceArn": "arn:aws:kinesis:us-east-1:1:stream/s/consumer/c:1"}, "expected the name or ARN"),
                ({"StartingPosition": "FIRST"}, "expected one of TRIM_HORIZON, LATEST, AT_TIMESTAMP"),
                ({"StartingPosition": "AT_TIMESTAMP"}, "AT_TIMESTAMP and StartingPositionTimestamp go together"),
                ({"StartingPositionTimestamp": 5}, "AT_TIMESTAMP and StartingPositionTimestamp go together"),
                ({"BatchSize": 0}, "BatchSize is \"0\": expected a whole number from 1 to 10000"),
                ({"BatchSize": 10001}, "BatchSize"), ({"BatchSize": 1.5}, "BatchSize"),
                ({"MaximumBatchingWindowInSeconds": 301}, "MaximumBatchingWindowInSeconds"),
                ({"ParallelizationFactor": 11}, "ParallelizationFactor"),
                ({"MaximumRetryAttempts": -2}, "MaximumRetryAttempts is \"-2\": expected a whole number from -1 to 10000"),
                ({"MaximumRetryAttempts": 10001}, "MaximumRetryAttempts"),
                ({"MaximumRecordAgeInSeconds": 604801}, "MaximumRecordAgeInSeconds"),
                ({"TumblingWindowInSeconds": 901}, "TumblingWindowInSeconds"),
                ({"TumblingWindowInSeconds": 60, "ParallelizationFactor": 2},
                 "TumblingWindowInSeconds does not go with a ParallelizationFactor above 1"),
                ({"BisectBatchOnFunctionError": "yes"}, "expected one of false, true"),
                ({"FunctionResponseTypes": ["All"]}, "expected one of none, ReportBatchItemFailures"),
                ({"FunctionResponseTypes": "ReportBatchItemFailures"}, 'expected ["ReportBatchItemFailures"] or []'),
                ({"DestinationConfig": {"OnFailure": "f"}}, 'expected {"OnFailure": {"Destination": "FILE"}}'),
                ({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:1:q"}}},
                 "there are no queues and topics here"),
                ({"Batchsize": 5}, 'unknown mapping setting "Batchsize": did you mean BatchSize?')):
            with self.subTest(change=change):
                mapping = {k: v for k, v in {**good, **change}.items() if v is not None}
                self.assertIn(words, self.refused(mapping, **at))
        bare = {"EventSourceArn": "s", "FunctionName": "f"}
        self.assertIn("StartingPosition is missing", self.refused(bare, **at))
        self.assertIn("a mapping or page-stream needs the address of a stand-in for Kinesis", self.refused(good))
        self.assertIn("kinesis is at \"ftp://x\"", self.refused(good, kinesis="ftp://x"))
        self.assertIn("mappings: expected an array", self.refused(**{**at, "mappings": {}}))
        self.assertIn("mappings[0]", self.refused(5, **at))
        self.assertIn("--BatchSize stands before any --mapping", self.refused(words=("--BatchSize", "5"), **at))

    def test_the_command_line_takes_the_same_settings(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        kinesis.put_many("s", [("k", "a"), ("k", "b"), ("k", "c")])
        f = self.mapped(kinesis, Enabled=False)
        words = ["--mapping", "s=f", "--StartingPosition", "TRIM_HORIZON", "--BatchSize", "2",
                 "--BisectBatchOnFunctionError", "true", "--OnFailure", self.folder / "x"]
        f.cloud.stop()
        path = f.cloud.folder / "local.json"
        f.cloud = self.cloud(words, **self.config_of(path))
        f.wait_for_records("a", "b", "c")
        self.assertEqual([["a", "b"], ["c"]], f.batches)

    def test_the_address_may_come_from_the_environment(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        kinesis.put("s", "k", "a")
        f = self.mapped(kinesis, Enabled=False)
        f.cloud.stop()
        config = self.config_of(f.cloud.folder / "local.json")
        del config["kinesis"]
        config["mappings"][0]["Enabled"] = True
        f.cloud = self.cloud(env={"AWS_ENDPOINT_URL_KINESIS": kinesis.url}, **config)
        f.wait_for_records("a")

    @staticmethod
    def config_of(path):
        config = json.loads(path.read_text())
        del config["port_file"]
        return config

    def test_functions_get_the_address_of_the_stream(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        kinesis.put("s", "k", "a")
        f = self.mapped(kinesis, "def handle(event, n): return os.environ['AWS_ENDPOINT_URL_KINESIS']")
        self.assertEqual(kinesis.url, f.wait_for_calls(1)[0]["response"])

    def test_a_destination_that_cannot_be_written_is_reported(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis, "def handle(event, n): raise ValueError('no')", MaximumRetryAttempts=0,
                        DestinationConfig={"OnFailure": {"Destination": "/nowhere/at/all"}})
        kinesis.put("s", "k", "a")
        self.assertIn("/nowhere/at/all", f.wait_for_log("destination_failed")[0]["message"])
        self.assertEqual("RetryAttemptsExhausted", f.wait_for_log("records_dropped")[0]["condition"])


if __name__ == "__main__":
    unittest.main()
