"""test_local_windows.py: tumbling windows of local-cloud's mappings (docs/lambda.md, 4.4), over a
real kinesalite."""

import datetime
import json
import time
import unittest

from stream_case import StreamCase

# Counts the records; its final state is in the calls.
COUNT = """
def handle(event, n):
    state = event["state"]
    state["n"] = str(int(state.get("n", 0)) + len(records(event)))
    return {"state": state}
"""


def seconds(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(
        tzinfo=datetime.timezone.utc).timestamp()


def flags(event):
    return event["isFinalInvokeForWindow"], event["isWindowTerminatedEarly"]


def start_of_window(length):
    """Waits for the beginning of a window."""
    time.sleep(length - time.time() % length + 0.02)


class Windows(StreamCase):
    def one(self, handler=COUNT, length=2, **settings):
        kinesis = self.kinesis()
        kinesis.create("s")
        return kinesis, self.mapped(kinesis, handler, TumblingWindowInSeconds=length, **settings)

    def piled(self, handler, texts, length=2, **settings):
        """The texts are on the stream, in one window, when the mapping begins."""
        kinesis = self.kinesis()
        kinesis.create("s")
        start_of_window(length)
        kinesis.put_many("s", [("k", text) for text in texts])
        return self.mapped(kinesis, handler, TumblingWindowInSeconds=length, **settings)

    def finals(self, f):
        return [e for e in f.events if e["isFinalInvokeForWindow"]]

    def test_the_state_is_carried_and_the_last_call_has_it_and_no_records(self):
        """§4.4.1 and §4.4.4"""
        kinesis, f = self.one(BatchSize=2)
        f.wait_for_log("shard_open")
        start_of_window(2)
        kinesis.put_many("s", [("k", t) for t in "abcde"])
        f.wait(lambda: self.finals(f), "a final call")
        events = f.events
        first, last = events[0], events[-1]
        self.assertEqual({}, first["state"])
        self.assertEqual({"n": "5"}, last["state"])
        self.assertEqual([], last["Records"])
        self.assertEqual(["a", "b", "c", "d", "e"], f.records)
        n = 0
        for event in events:
            self.assertEqual({"Records", "window", "state", "shardId", "eventSourceARN",
                              "isFinalInvokeForWindow", "isWindowTerminatedEarly"}, set(event))
            self.assertEqual(n, int(event["state"].get("n", 0)))
            n += len(event["Records"])
            self.assertEqual("shardId-000000000000", event["shardId"])
            self.assertEqual("arn:aws:kinesis:us-east-1:123456789012:stream/s", event["eventSourceARN"])
            self.assertEqual(first["window"], event["window"])
            self.assertEqual((event is last, False), flags(event))
        self.assertEqual(1, f.counts()["final_invocations"])

    def test_windows_are_cut_by_arrival(self):
        """§4.4.3: each record is in the window of its arrival, each window ends once."""
        kinesis, f = self.one(length=1, BatchSize=3)
        for i in range(24):
            kinesis.put("s", "k", str(i))
            time.sleep(0.13)
        f.wait(lambda: sum(int(e["state"]["n"]) for e in self.finals(f)) >= 24, "all windows")
        for event in f.events:
            start, end = (seconds(event["window"][at]) for at in ("start", "end"))
            self.assertEqual((0, 1), (start % 1, end - start))
            for record in event["Records"]:
                at = record["kinesis"]["approximateArrivalTimestamp"]
                self.assertTrue(start <= at < end, (start, at, end))
        starts = [e["window"]["start"] for e in self.finals(f)]
        self.assertEqual(sorted(set(starts)), starts)
        self.assertGreater(len(starts), 2)
        self.assertEqual(24, sum(int(e["state"]["n"]) for e in self.finals(f)))

    def test_a_backlog_is_cut_into_its_windows(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        for _ in range(3):
            start_of_window(1)
            kinesis.put_many("s", [("k", "x"), ("k", "y")])
        f = self.mapped(kinesis, COUNT, TumblingWindowInSeconds=1)
        f.wait(lambda: len(self.finals(f)) == 3, "three windows")
        self.assertEqual(["2", "2", "2"], [e["state"]["n"] for e in self.finals(f)])
        self.assertEqual([2, 0] * 3, [len(e["Records"]) for e in f.events])

    def test_a_batching_window_ends_with_the_window(self):
        kinesis, f = self.one(length=1, MaximumBatchingWindowInSeconds=300)
        kinesis.put("s", "k", "x")
        f.wait(lambda: self.finals(f), "a final call")
        self.assertEqual(["x"], f.records)

    def test_each_shard_has_windows_and_a_state_of_its_own(self):
        """§4.4.3 and §4.4.7"""
        kinesis = self.kinesis()
        kinesis.create("s", shards=2)
        start_of_window(2)
        kinesis.put_many("s", [(str(i), str(i)) for i in range(50)])
        f = self.mapped(kinesis, COUNT, TumblingWindowInSeconds=2)
        f.wait(lambda: len(self.finals(f)) >= 2, "two final calls")
        self.assertEqual({"shardId-000000000000", "shardId-000000000001"},
                         {e["shardId"] for e in self.finals(f)})
        self.assertEqual(50, sum(int(e["state"]["n"]) for e in self.finals(f)))

    def test_a_response_without_state_is_a_failure(self):
        """§4.4.2"""
        for response in ("{}", "null", "", '{"state": null}', '{"state": "5"}', "[]",
                         '{"batchItemFailures": []}'):
            with self.subTest(response=response):
                kinesis, f = self.one(f"""
def handle(event, n):
    return {response!r} if not event["isFinalInvokeForWindow"] else {{"state": {{}}}}
""", length=1, MaximumRetryAttempts=1)
                kinesis.put("s", "k", "x")
                f.wait(lambda: f.given_up, "a batch given up")
                f.wait(lambda: self.finals(f), "a final call")
                self.assertEqual([["x"], ["x"], []], f.batches)
                self.assertEqual({}, f.events[-1]["state"])
                self.assertIn("state", f.logged("batch_failed")[0]["message"])
                f.cloud.stop()

    def test_a_failed_batch_leaves_the_state_as_it_was(self):
        kinesis, f = self.one("""
def handle(event, n):
    if n == 2: raise ValueError("no")
    return {"state": {"n": str(int(event["state"].get("n", 0)) + len(records(event)))}}
""", BatchSize=1)
        f.wait_for_log("shard_open")
        start_of_window(2)
        kinesis.put_many("s", [("k", "a"), ("k", "b")])
        f.wait(lambda: self.finals(f), "a final call")
        self.assertEqual([["a"], ["b"], ["b"], []], f.batches)
        self.assertEqual([{}, {"n": "1"}, {"n": "1"}, {"n": "2"}], [e["state"] for e in f.events])

    def test_a_partial_batch_response_keeps_the_state_of_the_rest(self):
        """§4.3.10"""
        f = self.piled("""
def handle(event, n):
    got = records(event)[:2] if n == 1 else records(event)
    response = {"state": {"n": str(int(event["state"].get("n", 0)) + len(got))}}
    return {**response, **failed(event, "c")} if n == 1 else response
""", "abcd", FunctionResponseTypes=["ReportBatchItemFailures"])
        f.wait(lambda: self.finals(f), "a final call")
        self.assertEqual([["a", "b", "c", "d"], ["c", "d"], []], f.batches)
        self.assertEqual([{}, {"n": "2"}, {"n": "4"}], [e["state"] for e in f.events])

    def test_a_final_call_that_fails_stops_the_shard(self):
        """§4.4.5: with any limits of retries and age."""
        kinesis, f = self.one("""
def handle(event, n):
    if event["isFinalInvokeForWindow"]: raise ValueError("no table")
    return {"state": {"n": "1"}}
""", length=1, MaximumRetryAttempts=0, MaximumRecordAgeInSeconds=60)
        kinesis.put("s", "k", "a")
        f.wait(lambda: len(self.finals(f)) >= 2, "two final calls")
        kinesis.put("s", "k", "b")
        f.wait(lambda: len(self.finals(f)) >= 5, "five final calls")
        self.assertEqual(["a"], f.records)
        f.handle(COUNT)
        f.wait_for_records("b")
        n = [e["window"] for e in f.events].index(f.events[-1]["window"])
        self.assertTrue(all(e["window"] == f.events[0]["window"] for e in f.events[:n]))
        self.assertTrue(all(e["state"] == {"n": "1"} for e in f.events[1:n]))
        self.assertEqual([], f.given_up)

    def test_a_state_above_a_megabyte_ends_the_window_early(self):
        """§4.4.6: the window continues with an empty state, and its parts add up."""
        f = self.piled("""
def handle(event, n):
    state = event["state"]
    state["n"] = str(int(state.get("n", 0)) + len(records(event)))
    state["fat"] = "x" * (1048576 if state["n"] == "3" else 1000)
    return {"state": state}
""", "abcd", BatchSize=1)
        f.wait(lambda: self.finals(f), "a final call")
        self.assertEqual([["a"], ["b"], ["c"], [], ["d"], []], f.batches)
        self.assertEqual([(False, False)] * 3 + [(False, True), (False, False), (True, False)],
                         [flags(e) for e in f.events])
        self.assertEqual([None, "1", "2", "3", None, "1"], [e["state"].get("n") for e in f.events])
        self.assertEqual(1, len({json.dumps(e["window"]) for e in f.events}))

    def test_a_state_of_just_a_megabyte_does_not(self):
        kinesis = self.kinesis()
        kinesis.create("s")
        kinesis.put("s", "k", "a")
        f = self.mapped(kinesis, """
def handle(event, n):
    return {"state": {"fat": "x" * (1048576 - len('{"fat":""}'))}}
""", TumblingWindowInSeconds=1)
        f.wait(lambda: self.finals(f), "a final call")
        self.assertEqual([(False, False), (True, False)], [flags(e) for e in f.events])

    def test_the_end_of_a_shard_closes_its_window(self):
        """§4.4.7: children start with an empty state."""
        kinesis, f = self.one(length=900)
        f.wait_for_log("shard_open")
        kinesis.put("s", "k", "a", "b")
        f.wait_for_records("a", "b")
        kinesis.split("s", kinesis.open_shards("s")[0])
        kinesis.put("s", "k", "c")
        f.wait_for_records("c")
        [final] = self.finals(f)
        self.assertEqual(("shardId-000000000000", {"n": "2"}), (final["shardId"], final["state"]))
        after = f.events[-1]
        self.assertNotEqual("shardId-000000000000", after["shardId"])
        self.assertEqual(({}, final["window"]), (after["state"], after["window"]))

    def test_a_shard_without_records_has_no_windows(self):
        kinesis, f = self.one(length=1)
        f.wait_for_log("shard_open")
        time.sleep(1.5)
        kinesis.put("s", "k", "a")
        f.wait(lambda: self.finals(f), "a final call")
        time.sleep(1.5)
        self.assertEqual([["a"], []], f.batches)


if __name__ == "__main__":
    unittest.main()
