"""The function aggregate with a table that throttles, fails, breaks connections, loses responses
and is slow: each record counts once in every case. Numbers are those of the checklist in
docs/lambda.md; after a § those of its facts."""

import collections
import json
import unittest

from aggregate_case import (START, AggregateCase, rating, record, refused, throttled, window)
from aws_peers import failure, forever, hang_up, raw, reset, slow


def final(n_keys, n_each=2, first=0, **more):
    """A final call with n_each ratings of 1.5 for each of n_keys movies."""
    records = [record(first + i, rating(str(i % n_keys), 1.5)) for i in range(n_keys * n_each)]
    return window(records, final=True, **more)


class Faults(AggregateCase):
    settings = {"WRITERS": "1"}

    def assertOnce(self, n_keys, count=2):
        self.assertEqual({str(key): (str(count), f"{count * 1.5:g}", "1.5") for key in range(n_keys)},
                         self.totals())

    def fails(self, event, *pieces, kind="Function.DownstreamError", **how):
        self.assertReport(self.invoke(event, **how), kind, *pieces)

    def test_throttling_is_tried_again_beyond_three_tries(self):
        """80"""
        run = self.start()
        self.dynamodb.will(*[throttled] * 5)
        self.keep(final(2))
        self.assertOnce(2)
        self.assertEqual(2 + 5, len(self.calls()))
        self.assertGreater(len(self.events(run, "aws_retry")), 2)

    def test_records_count_once_whether_written_or_not(self):
        """61, 80, 82: 5xx, broken connections, lost responses, a wrong checksum."""
        for act in (failure(500, "InternalServerError"), failure(503, "ServiceUnavailable"), hang_up, reset,
                    self.table.forward_and_hang_up, self.table.forward_with_wrong_crc,
                    raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", keep=False),
                    raw(b"nonsense\r\n\r\n", keep=False)):
            start = f"2026-01-31T10:{len(self.runs):02}:00Z"
            run = self.start()
            self.dynamodb.will(act, act)
            self.keep(final(3, start=start))
            self.assertEqual({("2", "3", "1.5")}, {
                (item["ratingCount"], item["ratingSum"], item["ratingMean"])
                for (_, at), item in self.items().items() if at == start})
            self.assertEqual([("0", "2", "1.5"), ("1", "2", "1.5"), ("2", "2", "1.5")], self.trend_of(start))
            self.stop(run)

    def test_a_table_that_throttles_until_the_deadline_fails_the_event_which_is_repeated(self):
        """80, §3.6.5, §4.4.5"""
        run = self.start()
        self.dynamodb.will(*[self.table.forward] * 4)
        self.dynamodb.otherwise = throttled
        event = final(10)
        self.fails(event, "6 of 10 items are not written", "ProvisionedThroughputExceeded",
                   deadline_in=4.0)
        self.assertEqual(4, len(self.items()))
        self.fails(event, "10 of 10 items are not written", deadline_in=4.0)  # nor requested
        self.dynamodb.otherwise = self.table.forward
        self.keep(event)
        self.assertOnce(10)
        self.keep(event)
        self.assertOnce(10)
        self.assertEqual([6, 10, 0, 0], [line["ItemsFailed"] for line in self.metrics(run, 4)])
        self.assertEqual(10, len(self.trend_of()))

    def test_a_silent_table_fails_the_event_in_time(self):
        """§3.6.5"""
        self.start(WRITERS="8")
        self.dynamodb.otherwise = forever
        self.fails(final(20), "20 of 20 items are not written", deadline_in=3.0)
        self.dynamodb.otherwise = slow(0.01, self.table.forward)
        self.keep(final(20))
        self.assertOnce(20)

    def test_a_table_that_is_down_fails_the_event_and_the_next_one_is_served(self):
        self.start()
        self.dynamodb.otherwise = hang_up
        self.fails(final(1), "1 of 1 items are not written", deadline_in=3.0)
        self.dynamodb.otherwise = self.table.forward
        self.keep(final(1))
        self.assertOnce(1)

    def test_permanent_errors_are_not_tried_again(self):
        """80"""
        self.start()
        for kind in ("ValidationException", "AccessDeniedException", "ResourceNotFoundException"):
            before = len(self.calls())
            self.dynamodb.will(refused(kind))
            response = self.invoke(final(5))
            self.assertEqual("error", response.kind)
            for piece in ("5 of 5 items are not written", kind):
                self.assertIn(piece, response.json["errorMessage"])
            self.assertEqual(before + 1, len(self.calls()))
        self.assertEqual({}, self.items())
        self.dynamodb.forget()

    def test_a_missing_table_is_named(self):
        self.start(TABLE_NAME="nowhere")
        response = self.invoke(final(1))
        self.assertEqual("error", response.kind)
        self.assertIn("ResourceNotFoundException", response.json["errorMessage"])

    def test_a_mean_that_was_not_written_is_written_when_the_event_is_repeated(self):
        """§4.4.5: between an addition and the mean of the whole."""
        self.start()
        self.keep(window([record(0, rating("1", 5))], final=True, shard="shardId-1"))
        self.dynamodb.will(self.table.forward)
        self.dynamodb.otherwise = throttled
        event = window([record(0, rating("1", 1), "shardId-2")], final=True, shard="shardId-2")
        self.fails(event, "1 of 1 items", deadline_in=3.0)
        self.assertEqual({"1": ("2", "6", "1")}, self.totals())
        self.dynamodb.otherwise = self.table.forward
        self.keep(event)
        self.assertEqual({"1": ("2", "6", "3")}, self.totals())
        self.assertEqual([("1", "2", "3")], self.trend_of()[-1:])

    def test_a_mean_that_another_writer_overtook_is_left_to_that_one(self):
        """§4.4.7"""
        self.start()
        self.keep(window([record(0, rating("1", 5))], final=True, shard="shardId-1"))

        def overtaken(connection, request):
            """Between our addition and our mean, shard 3 adds."""
            self.table.call("UpdateItem", TableName=self.name,
                            Key={"movieId": {"S": "1"}, "windowStart": {"S": START}},
                            UpdateExpression="ADD ratingCount :one, ratingSum :three SET ratingMean = :three",
                            ExpressionAttributeValues={":one": {"N": "1"}, ":three": {"N": "3"}})
            return self.table.forward(connection, request)

        self.dynamodb.will(self.table.forward, overtaken)
        self.keep(window([record(0, rating("1", 1), "shardId-2")], final=True, shard="shardId-2"))
        self.assertEqual({"1": ("3", "9", "3")}, self.totals())
        self.assertIn("ConditionExpression", self.calls()[-1])

    def test_unprocessed_items_are_sent_until_there_are_none(self):
        """81"""
        self.start(TREND_COUNT="30")
        self.dynamodb.will(*[self.table.forward] * 30, *[self.table.forward_the_first] * 4)
        self.keep(final(30))
        self.assertEqual(30, len(self.trend_of()))
        calls = [len(next(iter(call["RequestItems"].values()))) for call in self.calls("BatchWriteItem")]
        self.assertEqual([25, 24, 23, 22, 21, 5], calls)

    def test_items_that_stay_unprocessed_fail_the_event_which_is_repeated(self):
        """81"""
        self.start()
        left = json.dumps({"UnprocessedItems": {self.trend: [
            {"PutRequest": {"Item": {"windowStart": {"S": START}, "place": {"S": "x"}}}}]}}).encode()
        self.dynamodb.will(*[self.table.forward] * 3)
        self.dynamodb.otherwise = raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(left), left))
        self.fails(final(3), "BatchWriteItem", "1 items were left unprocessed", deadline_in=4.0)
        self.assertGreater(len(self.calls("BatchWriteItem")), 2)
        self.dynamodb.otherwise = self.table.forward
        self.keep(final(3))
        self.assertOnce(3)
        self.assertEqual(3, len(self.trend_of()))

    def test_early_writing_that_fails_half_way_counts_once(self):
        """78, §4.4.8: the same event comes again, with the state that it had."""
        self.start(STATE_BYTES="1024", WRITERS="4")
        records = [record(i, rating(f"movie-{i % 100}", 1.5)) for i in range(200)]
        self.dynamodb.will(*[self.table.forward] * 7)
        self.dynamodb.otherwise = throttled
        self.fails(window(records), "items are not written", deadline_in=4.0)
        self.dynamodb.otherwise = self.table.forward
        state = self.keep(window(records))
        self.assertLessEqual(len(json.dumps(state, separators=(",", ":"))), 1024)
        again = [record(i, rating(f"movie-{i % 100}", 1.5)) for i in range(150, 300)]  # 50 of them twice
        state = self.keep(window(again, state))
        self.keep(window([], state, final=True))
        self.assertEqual({f"movie-{i}": ("3", "4.5", "1.5") for i in range(100)}, self.totals())

    def test_an_event_that_fails_half_way_may_come_again_in_halves(self):
        """78, 92: as with BisectBatchOnFunctionError."""
        for n_done in (1, 20, 44):
            start = f"2026-01-31T11:{n_done:02}:00Z"
            run = self.start(STATE_BYTES="1024", WRITERS="4")
            records = [record(i, rating(f"movie-{(i * i) % 97}", 1.5)) for i in range(300)]
            state = self.keep(window(records[:90], start=start))
            self.dynamodb.will(*[self.table.forward] * n_done)
            self.dynamodb.otherwise = refused("AccessDeniedException")
            response = self.invoke(window(records[90:], state, start=start))
            self.assertIn("items are not written", response.json["errorMessage"])
            self.dynamodb.otherwise = self.table.forward
            for first, last in ((90, 142), (142, 195), (195, 290), (290, 300)):
                state = self.keep(window(records[first:last], state, start=start, final=last == 300))
            expected = collections.Counter(f"movie-{(i * i) % 97}" for i in range(300))
            self.assertEqual({movie: str(n) for movie, n in expected.items()}, {
                movie: item["ratingCount"] for (movie, at), item in self.items().items() if at == start})
            self.stop(run)


if __name__ == "__main__":
    unittest.main()
