"""test_local_mapping.py: local-cloud brings the records of a stream to a function, as Lambda's
event source mapping does: batches, order, retries, partial batch responses, records given up. The
stream is a real kinesalite."""

import json
import time
import unittest

from stream_case import FINE, StreamCase, shard_of
from stream_function import sequences

REPORTS = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


class Batches(StreamCase):
    def test_records_come_in_order_and_look_as_those_of_lambda(self):
        """§4.2"""
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis)
        before = int(time.time() * 1000) / 1000  # kinesalite has a resolution of milliseconds
        numbers = kinesis.put("s", "kéy \"1\"", "one", "two", "three")
        after = time.time()
        f.wait_for_records("one", "two", "three")
        self.assertEqual(["one", "two", "three"], f.records)
        seen = [r for event in f.events for r in event["Records"]]
        self.assertEqual(numbers, [r["kinesis"]["sequenceNumber"] for r in seen])
        arn = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
        for record in seen:
            at = record["kinesis"].pop("approximateArrivalTimestamp")
            self.assertTrue(before <= at <= after, (before, at, after))
            number = record["kinesis"].pop("sequenceNumber")
            data = record["kinesis"].pop("data")
            self.assertIn(data, ("b25l", "dHdv", "dGhyZWU="))
            self.assertEqual({
                "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "kéy \"1\""},
                "eventSource": "aws:kinesis", "eventVersion": "1.0",
                "eventID": f"shardId-000000000000:{number}", "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "arn:aws:iam::123456789012:role/local-cloud",
                "awsRegion": "us-east-1", "eventSourceARN": arn}, record)
        self.assertEqual({"Records"}, set(f.events[0]))

    def test_a_batch_has_no_more_records_than_batch_size(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        kinesis.put_many("s", [("k", str(i)) for i in range(25)])
        f = self.mapped(kinesis, BatchSize=10)
        f.wait_for_records(*map(str, range(25)))
        self.assertEqual([list(map(str, range(0, 10))), list(map(str, range(10, 20))),
                          list(map(str, range(20, 25)))], f.batches)

    def test_the_default_is_a_hundred(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        kinesis.put_many("s", [("k", str(i)) for i in range(150)])
        f = self.mapped(kinesis)
        f.wait_for_records("149")
        self.assertEqual([100, 50], [len(b) for b in f.batches])

    def test_the_batching_window_fills_a_batch(self):
        """Records that arrive one after the other, and would be batches of one, form one batch."""
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis, MaximumBatchingWindowInSeconds=300, BatchSize=5)
        f.wait_for_log("shard_open")
        for i in range(5):
            self.assertEqual([], f.batches)
            kinesis.put("s", "k", str(i))
            time.sleep(0.1)
        f.wait_for_calls(1)
        self.assertEqual([["0", "1", "2", "3", "4"]], f.batches)

    def test_after_the_batching_window_a_batch_is_sent(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis, MaximumBatchingWindowInSeconds=1)
        f.wait_for_log("shard_open")
        before = time.time()
        kinesis.put("s", "k", "one")
        call = f.wait_for_calls(1)[0]
        self.assertGreaterEqual(call["at"] - before, 1)
        self.assertEqual([["one"]], f.batches)
        self.assertGreaterEqual(f.counts()["iterator_age_ms"], 1000)

    def test_a_batch_stays_below_six_megabytes(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        texts = [f"{i}" * 900000 for i in range(9)]
        for text in texts:
            kinesis.put("s", "k", text)
        f = self.mapped(kinesis, MaximumBatchingWindowInSeconds=1)
        f.wait(lambda: len(f.records) == 9, "nine records")
        self.assertEqual(texts, f.records)
        self.assertEqual([5, 4], [len(b) for b in f.batches])
        for event in f.events:
            self.assertLessEqual(len(json.dumps(event, separators=(",", ":"))), 6291456)

    def test_full_payload_does_not_wait_for_the_batching_window(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis, MaximumBatchingWindowInSeconds=300)
        for i in range(6):
            kinesis.put("s", "k", f"{i}" * 900000)
        f.wait_for_calls(1)
        self.assertEqual([5], [len(b) for b in f.batches])


class Positions(StreamCase):
    def test_latest_skips_existing_records(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        kinesis.put("s", "k", "old")
        f = self.mapped(kinesis, StartingPosition="LATEST")
        f.wait_for_log("shard_open")
        kinesis.put("s", "k", "new")
        f.wait_for_records("new")
        self.assertEqual(["new"], f.records)

    def test_at_timestamp_begins_there(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        kinesis.put("s", "k", "old")
        time.sleep(1.1)
        moment = time.time()
        time.sleep(0.1)
        kinesis.put("s", "k", "new")
        f = self.mapped(kinesis, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=moment)
        f.wait_for_records("new")
        self.assertEqual(["new"], f.records)

    def test_a_stream_that_is_not_there_yet_is_waited_for(self):
        kinesis = self.kinesis()
        f = self.mapped(kinesis)
        self.assertIn("ResourceNotFoundException", f.wait_for_log("stream_unreadable")[0]["message"])
        kinesis.create("s")
        kinesis.put("s", "k", "one")
        f.wait_for_records("one")

    def test_a_mapping_that_is_not_enabled_reads_nothing(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        kinesis.put("s", "k", "one")
        f = self.mapped(self.proxy(kinesis.url), Enabled=False)
        f.cloud.invoke("f", {"Records": []})
        self.assertEqual([[]], f.batches)


class Order(StreamCase):
    def test_shards_are_read_in_parallel_and_each_in_order(self):
        kinesis = self.kinesis()
        kinesis.create("s", shards=4)
        f = self.mapped(kinesis, "def handle(event, n): time.sleep(0.3)", processes=4, BatchSize=5)
        keys = [f"key{i}" for i in range(40)]
        kinesis.put_many("s", [(key, f"{key} {i}") for i in range(10) for key in keys])
        f.wait(lambda: len(f.records) >= 400, "400 records")
        self.assertEqual(400, len(set(f.records)))
        for key in keys:
            self.assertEqual([f"{key} {i}" for i in range(10)],
                             [r for r in f.records if r.startswith(key + " ")])
        for event in f.events:  # one batch, one shard
            self.assertEqual(1, len({r["eventID"].partition(":")[0] for r in event["Records"]}))
            numbers = list(map(int, sequences(event)))
            self.assertEqual(sorted(numbers), numbers)
        calls = sorted(f.calls, key=lambda call: call["at"])
        self.assertTrue(any(a["done"] > b["at"] for a, b in zip(calls, calls[1:])),
                        "no two batches at once")
        for shard in {e["Records"][0]["eventID"][:20] for e in f.events}:
            mine = [c for c in calls if c["event"]["Records"][0]["eventID"].startswith(shard)]
            for a, b in zip(mine, mine[1:]):
                self.assertLessEqual(a["done"], b["at"], "two batches of one shard at once")

    def test_a_parallelization_factor_keeps_the_order_of_each_key(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        keys = [f"key{i}" for i in range(30)]
        kinesis.put_many("s", [(key, f"{key} {i}") for i in range(10) for key in keys])
        f = self.mapped(kinesis, "def handle(event, n): time.sleep(0.2)", processes=5, BatchSize=10,
                        ParallelizationFactor=5)
        f.wait(lambda: len(f.records) >= 300, "300 records")
        for key in keys:
            self.assertEqual([f"{key} {i}" for i in range(10)],
                             [r for r in f.records if r.startswith(key + " ")])
        calls = sorted(f.calls, key=lambda call: call["at"])
        self.assertTrue(any(a["done"] > b["at"] for a, b in zip(calls, calls[1:])))

    def test_one_bad_key_does_not_hold_up_the_other_sub_queues(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis, """
def handle(event, n):
    if "bad 0" in records(event): raise ValueError("bad")
""", ParallelizationFactor=10, processes=2)
        kinesis.put_many("s", [("bad", "bad 0")] + [(f"k{i}", f"good {i}") for i in range(40)])
        f.wait(lambda: sum(r.startswith("good") for r in set(f.records)) >= 30, "most good ones")

    def test_children_of_a_shard_come_after_it(self):
        """§4.1: order over a split and a merge."""
        kinesis = self.kinesis()
        kinesis.create("s")
        keys = [f"key{i}" for i in range(10)]
        put = lambda i: kinesis.put_many("s", [(key, f"{key} {i}") for key in keys])
        f = self.mapped(kinesis, "def handle(event, n): time.sleep(0.05)", BatchSize=3, processes=3)
        put(0)
        put(1)
        kinesis.split("s", kinesis.open_shards("s")[0])
        put(2)
        kinesis.merge("s", *kinesis.open_shards("s"))
        put(3)
        f.wait(lambda: len(f.records) >= 40, "40 records")
        self.assertEqual(40, len(set(f.records)))
        for key in keys:
            self.assertEqual([f"{key} {i}" for i in range(4)],
                             [r for r in f.records if r.startswith(key + " ")])
        self.assertEqual({"shardId-000000000000", "shardId-000000000001", "shardId-000000000002"},
                         {line["message"] for line in f.wait_for_log("shard_through", 3)})

    def test_a_stream_that_was_split_before_is_read_from_the_parents_on(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        kinesis.put("s", "a", "0")
        kinesis.split("s", kinesis.open_shards("s")[0])
        kinesis.put("s", "a", "1")
        kinesis.put("s", "b", "1 too")
        f = self.mapped(kinesis)
        f.wait_for_records("0", "1", "1 too")
        self.assertEqual("0", f.records[0])


class Failures(StreamCase):
    def test_a_failing_batch_is_repeated_until_it_succeeds(self):
        """§4.1: without limits it blocks its shard."""
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis, """
def handle(event, n):
    if n < 4: raise ValueError("not yet")
""", BatchSize=2)
        kinesis.put_many("s", [("k", "a"), ("k", "b"), ("k", "c")])
        f.wait_for_records("c")
        self.assertEqual([["a", "b"]] * 4 + [["c"]], f.batches)
        self.assertIn("not yet", f.logged("batch_failed")[0]["function_error"])
        f.cloud.wait_for_line(r"(?s)(REPORT RequestId.*){5}")
        counts = f.counts()
        self.assertEqual((3, 5, 3, 0), (counts["records"], counts["invocations"],
                                        counts["failed_invocations"], counts["dropped_records"]))

    def test_after_maximum_retry_attempts_a_batch_is_given_up(self):
        """§4.1"""
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis, """
def handle(event, n):
    if "bad" in records(event): raise ValueError("bad")
""", BatchSize=2, MaximumRetryAttempts=2)
        numbers = []
        kinesis.put_many("s", [("k", "good"), ("k", "bad"), ("k", "fine")])
        f.wait_for_records("fine")
        self.assertEqual([["good", "bad"]] * 3 + [["fine"]], f.batches)
        numbers = sequences(f.events[0])
        [line] = f.given_up
        self.assertEqual({
            "requestContext": {
                "requestId": f.calls[2]["id"], "condition": "RetryAttemptsExhausted",
                "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
                "approximateInvokeCount": 3},
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST",
                                "functionError": "Unhandled"},
            "version": "1.0"}, {k: line[k] for k in ("requestContext", "responseContext", "version")})
        info = line["KinesisBatchInfo"]
        self.assertEqual(("shardId-000000000000", numbers[0], numbers[1], 2,
                          "arn:aws:kinesis:us-east-1:123456789012:stream/s"),
                         (info["shardId"], info["startSequenceNumber"], info["endSequenceNumber"],
                          info["batchSize"], info["streamArn"]))
        for name in ("approximateArrivalOfFirstRecord", "approximateArrivalOfLastRecord"):
            self.assertRegex(info[name], r"\A20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ\Z")
        self.assertEqual(f.events[0], json.loads(line["payload"]))
        self.assertEqual(2, f.counts()["dropped_records"])

    def test_no_retries_are_one_try(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis, "def handle(event, n): raise ValueError('no')",
                        MaximumRetryAttempts=0, BatchSize=1)
        kinesis.put("s", "k", "a", "b")
        f.wait(lambda: len(f.given_up) == 2, "two lines")
        self.assertEqual([["a"], ["b"]], f.batches)

    def test_records_beyond_the_maximum_age_are_given_up(self):
        """§4.1: those that are too old, and no others."""
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis, "def handle(event, n): raise ValueError('no')",
                        MaximumRecordAgeInSeconds=6)
        kinesis.put("s", "k", "old")
        f.wait(lambda: f.batches, "a call")
        f.wait(lambda: f.given_up, "a record given up")
        [line] = f.given_up
        self.assertEqual("RecordAgeExceeded", line["requestContext"]["condition"])
        self.assertEqual(len(f.calls), line["requestContext"]["approximateInvokeCount"])
        f.handle(FINE)
        kinesis.put("s", "k", "young")
        f.wait_for_records("young")
        self.assertEqual(1, len(f.given_up))

    def test_records_that_are_too_old_at_the_start_are_never_sent(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        kinesis.put("s", "k", "old")
        time.sleep(2.2)
        f = self.mapped(kinesis, MaximumRecordAgeInSeconds=1)
        f.wait(lambda: f.given_up, "a record given up")
        self.assertNotIn("responseContext", f.given_up[0])
        self.assertEqual([], f.batches)

    def test_bisecting_finds_the_bad_record(self):
        """§4.3.6: a bisection does not count as a retry."""
        kinesis = self.kinesis()
        kinesis.create("s")
        kinesis.put_many("s", [("k", str(i)) for i in range(8)])
        f = self.mapped(kinesis, """
def handle(event, n):
    if "5" in records(event): raise ValueError("five")
""", BatchSize=8, BisectBatchOnFunctionError=True, MaximumRetryAttempts=1)
        f.wait_for_records("7")
        f.wait(lambda: f.given_up and f.batches[-1] == ["6", "7"], "the end")
        self.assertEqual([list("01234567"), list("0123"), list("4567"), list("45"), ["4"], ["5"], ["5"],
                          ["6", "7"]], f.batches)
        self.assertEqual([1], [g["KinesisBatchInfo"]["batchSize"] for g in f.given_up])

    def test_a_process_that_dies_is_a_function_error(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis, """
def handle(event, n):
    if not os.path.exists(os.environ["CALLS"] + ".died"):
        open(os.environ["CALLS"] + ".died", "w").close()
        os._exit(1)
""")
        kinesis.put("s", "k", "one")
        f.wait_for_records("one")
        self.assertIn("Runtime exited", f.logged("batch_failed")[0]["function_error"])

    def test_a_program_that_cannot_be_started_is_a_function_error(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis, MaximumRetryAttempts=1, of_function={"program": "/no/such/program"})
        kinesis.put("s", "k", "one", "two")
        f.wait(lambda: sum(g["KinesisBatchInfo"]["batchSize"] for g in f.given_up) == 2, "all given up")
        self.assertIn("/no/such/program", f.logged("batch_failed")[0]["function_error"])
        self.assertEqual(2, f.counts()["dropped_records"])

    def test_a_throttling_function_is_called_again_and_no_try_is_lost(self):
        kinesis = self.kinesis()
        kinesis.create("s", shards=4)
        keys = {}
        for i in range(100):
            keys.setdefault(shard_of(str(i), 4), str(i))
        kinesis.put_many("s", [(key, key) for key in keys.values()])
        f = self.mapped(kinesis, "def handle(event, n): time.sleep(0.4)", MaximumRetryAttempts=0,
                        of_function={"queue": 0})
        f.wait_for_records(*keys.values())
        self.assertEqual(([], 4), (f.given_up, len(f.calls)))


class PartialResponses(StreamCase):
    def one(self, handler, n=5, **settings):
        kinesis = self.kinesis()
        kinesis.create("s")
        kinesis.put_many("s", [("k", str(i)) for i in range(n)])
        return self.mapped(kinesis, handler, BatchSize=5, **REPORTS, **settings)

    def test_from_the_first_failed_record_on_they_come_again(self):
        """§4.3.1 and §4.3.2: of several the lowest counts, in any order."""
        f = self.one("""
def handle(event, n):
    if n == 1:
        ids = sequences(event)
        return {"batchItemFailures": [{"itemIdentifier": ids[4]}, {"itemIdentifier": ids[2]}]}
""", n=6)
        f.wait_for_records("5")
        self.assertEqual([list("01234"), list("234"), ["5"]], f.batches)

    def test_all_forms_of_complete_success(self):
        """§4.3.3"""
        for response in ('{"batchItemFailures": []}', '{"batchItemFailures": null}', "{}", "null", "",
                         '""', '{"other": 1}'):
            with self.subTest(response=response):
                f = self.one(f"def handle(event, n): return {response!r}", n=6,
                             MaximumRetryAttempts=0)
                f.wait_for_records("5")
                self.assertEqual(([list("01234"), ["5"]], []), (f.batches, f.given_up))
                f.cloud.stop()

    def test_a_name_in_another_case_is_a_success_with_a_warning(self):
        """§4.3.3: AWS has no such warning."""
        f = self.one("""
def handle(event, n): return {"BatchItemFailures": [{"itemIdentifier": sequences(event)[0]}]}
""")
        [line] = f.wait_for_log("failures_ignored")
        self.assertIn("only batchItemFailures counts", line["message"])
        self.assertEqual([list("01234")], f.batches)

    def test_all_forms_of_complete_failure(self):
        """§4.3.4"""
        for response in ('{"batchItemFailures": [{"itemIdentifier": ""}]}',
                         '{"batchItemFailures": [{"itemIdentifier": null}]}',
                         '{"batchItemFailures": [{"itemIdentifier": 5}]}',
                         '{"batchItemFailures": [{"identifier": "1"}]}',
                         '{"batchItemFailures": [{"itemIdentifier": "1"}]}',
                         '{"batchItemFailures": [null]}', '{"batchItemFailures": 1}', '[]', '"done"',
                         '{"batchItem'):
            with self.subTest(response=response):
                f = self.one(f"def handle(event, n): return {response!r}", MaximumRetryAttempts=1)
                f.wait(lambda: f.given_up, "a batch given up")
                self.assertEqual([list("01234")] * 2, f.batches)
                self.assertIsNone(f.given_up[0]["responseContext"]["functionError"])
                f.cloud.stop()

    def test_without_the_setting_every_response_is_success(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        f = self.mapped(kinesis, """
def handle(event, n): return {"batchItemFailures": [{"itemIdentifier": sequences(event)[0]}]}
""", BatchSize=1)
        kinesis.put("s", "k", "0", "1")
        f.wait_for_records("1")
        self.assertEqual([["0"], ["1"]], f.batches)

    def test_the_rest_of_a_batch_is_given_up_with_its_bad_record(self):
        f = self.one("def handle(event, n): return failed(event, '3')", MaximumRetryAttempts=2)
        f.wait(lambda: f.given_up, "a batch given up")
        self.assertEqual([list("01234"), list("34"), list("34")], f.batches)
        self.assertEqual(2, f.given_up[0]["KinesisBatchInfo"]["batchSize"])
        self.assertEqual(sequences(f.events[0])[3], f.given_up[0]["KinesisBatchInfo"]["startSequenceNumber"])

    def test_bisecting_cuts_at_the_number_named(self):
        """§4.3.6: only the bad record is lost."""
        f = self.one("def handle(event, n): return failed(event, '2')", MaximumRetryAttempts=1,
                     BisectBatchOnFunctionError=True)
        f.wait_for_records("4")
        f.wait(lambda: f.given_up and f.batches[-1] == ["3", "4"], "the end")
        self.assertEqual([list("01234"), list("234"), ["2"], ["2"], ["3", "4"]], f.batches)
        self.assertEqual(1, f.given_up[0]["KinesisBatchInfo"]["batchSize"])


if __name__ == "__main__":
    unittest.main()
