"""recommend between two streams. The numbers are lines of the checklist in docs/lambda.md."""

import base64
import json
import re
import subprocess
import time
import unittest

from behind_streams import DEAD, Function, aggregated, encoded
from local_cloud import cloud_beside
from models import trained
from programs import BIN, DEADLINE, SOURCE
from recommend_case import OUT, RECOMMENDED, RecommendCase, request
from sanitizers import SANITIZER_ENVIRONMENT


class Responses(RecommendCase):
    def test_each_request_gets_the_recommendations_of_serve(self):
        """44, 64"""
        f = self.function()
        users = trained().users[:40]
        self.assertFine(f.invoke(*(request(user, timestamp=f"2026-01-31T09:30:{i:02}Z")
                                   for i, user in enumerate(users))))
        events = self.stream.events()
        self.assertEqual([f"r-{user}" for user in users], [e["request_id"] for e in events])
        self.assertEqual([int(user) for user in users], [e["user_id"] for e in events])
        self.assertEqual("2026-01-31T09:30:39Z", events[39]["timestamp"])
        self.assertEqual({False}, {e["from_cache"] for e in events})
        self.assertRecommendations(events)
        self.assertEqual(users, [key for _, key, _ in self.stream.written])
        self.assertEqual(40, f.metrics()[RECOMMENDED])

    def test_top_n_is_the_requests_or_the_settings(self):
        f = self.function(TOP_N="3")
        user = trained().users[0]
        self.assertFine(f.invoke(request(user, "a"), request(user, "b", top_n=7),
                                 request(user, "c", top_n=1)))
        self.assertEqual([self.expected(user, n) for n in (3, 7, 1)],
                         [e["recommendations"] for e in self.stream.events()])

    def test_users_may_be_texts_numbers_and_unknown(self):
        f = self.function()
        self.assertFine(f.invoke(request(7, "n"), {"user_id": "7", "request_id": "t"},
                                 {"user_id": "caf\u00e9 \"7\"/\\", "request_id": "u"}))
        number, unknown, text = self.stream.events()
        self.assertEqual(["n", "u", "t"], self.stream.ids())
        self.assertEqual((7, 7, "caf\u00e9 \"7\"/\\"),
                         (number["user_id"], text["user_id"], unknown["user_id"]))
        self.assertEqual(number["recommendations"], text["recommendations"])
        self.assertNotIn("known_user", number)
        self.assertIs(False, unknown["known_user"])
        self.assertEqual(20, unknown["count"])

    def test_records_that_were_encoded_twice_or_packed_are_understood_and_keep_their_order(self):
        """66, 69"""
        f = self.function()
        one = json.dumps(request(1)).encode()
        twice = base64.b64encode(one)
        self.assertFine(f.invoke(request(5), twice, aggregated(request(2), request(3)),
                                 base64.b64encode(aggregated(request(4), request(7))),
                                 aggregated(base64.b64encode(json.dumps(request(6)).encode())),
                                 request(8)))
        self.assertEqual([f"r-{user}" for user in (5, 1, 2, 3, 4, 7, 6, 8)], self.stream.ids())
        self.assertRecommendations(self.stream.events())

    def test_unknown_members_of_any_kind_are_ignored(self):
        """For example an unsigned 64-bit number of a trace, which is too large for jansson."""
        f = self.function()
        self.assertFine(f.invoke(b'{"user_id":1,"request_id":"r-1","trace":18446744073709551615,"x":1e999,"y":[{"z":null}]}',
                                 b'{"user_id":2,"request_id":"r-2","timestamp":"1","user":2}'))
        self.assertEqual(["r-1", "r-2"], self.stream.ids())
        self.assertRecommendations(self.stream.events())

    def test_a_request_that_is_in_a_batch_twice_gets_one_response(self):
        """Also packed into records; another user or top_n is another request."""
        f = self.function()
        self.assertFine(f.invoke(request(1, "a"), request(2, "a"), request(1, "a"), aggregated(request(1, "a"), request(1, "b")),
                                 request(1, "a", top_n=3), request(2, "a")))
        self.assertEqual(sorted([(1, "a", 20), (2, "a", 20), (1, "b", 20), (1, "a", 3)]),
                         sorted((e["user_id"], e["request_id"], e["count"]) for e in self.stream.events()))
        self.assertEqual((4, 3), tuple(f.metrics()[name] for name in (RECOMMENDED, "Repeated")))

    def test_two_responses_for_a_user_are_never_in_one_call(self):
        f = self.function()
        order = [(user, n) for n in range(3) for user in (1, 2, 3)]
        self.assertFine(f.invoke(*(request(user, f"{user}-{n}") for user, n in order)))
        self.assertEqual([3, 3, 3], [len(call["Records"]) for call in self.stream.calls])
        loose = self.function(KEEP_ORDER="false")
        self.assertFine(loose.invoke(*(request(user, f"{user}-{n}") for user, n in order)))
        self.assertEqual(9, len(self.stream.calls[-1]["Records"]))
        for ids in (self.stream.ids()[:9], self.stream.ids()[9:]):
            for user in (1, 2, 3):
                self.assertEqual([f"{user}-{n}" for n in range(3)],
                                 [i for i in ids if i.startswith(f"{user}-")])

    def test_many_records_go_out_in_calls_that_kinesis_takes(self):
        """71"""
        f = self.function(MAX_TOP_N="1000")
        users = [f"u{i}" for i in range(1203)]
        self.assertFine(f.invoke(*(request(user) for user in users)))
        self.assertEqual([500, 500, 203], [len(call["Records"]) for call in self.stream.calls])
        self.assertEqual([f"r-{user}" for user in users], self.stream.ids())

    def test_the_age_of_the_oldest_record_is_in_the_metrics(self):
        f = self.function()
        event = f.event(*(request(user) for user in range(1, 4)))
        for record, age in zip(event["Records"], (5000, 9000, 100)):
            record["kinesis"]["approximateArrivalTimestamp"] = time.time() - age
        self.assertFine(f.send(event))
        self.assertAlmostEqual(9000, f.metrics()["RecordAge"] / 1000, delta=600)
        self.assertFine(f.send({"Records": []}))
        self.assertNotIn("RecordAge", f.metrics())

    def test_an_event_without_records_is_fine(self):
        f = self.function()
        self.assertFine(f.send({"Records": []}))
        self.assertEqual([], self.stream.calls)

    def test_an_event_of_something_else_is_an_error(self):
        f = self.function()
        event = f.event(request(1))
        event["Records"][0]["eventSource"] = "aws:sqs"
        self.assertEqual("error", f.send(event).kind)
        self.assertEqual("error", f.send(b"{").kind)
        self.assertFine(f.invoke(request(1)))


class DeadLetters(RecommendCase):
    DIRT = (b"", b"{", b"null", b"[]", b"7", b"{}", b"\xff\xfe", b'{"user_id":1}', b'{"request_id":"x"}',
            b'{"user_id":1.5,"request_id":"x"}', b'{"user_id":null,"request_id":"x"}',
            b'{"user_id":"","request_id":"x"}', b'{"user_id":[1],"request_id":"x"}',
            b'{"user_id":1,"request_id":7}', b'{"user_id":1,"request_id":""}',
            b'{"user_id":1,"user_id":2,"request_id":"x"}',
            b'{"user_id":1,"request_id":"x","top_n":0}', b'{"user_id":1,"request_id":"x","top_n":1001}',
            b'{"user_id":1,"request_id":"x","top_n":"5"}', b'{"user_id":1,"request_id":"x","top_n":null}',
            b'{"user_id":1,"request_id":"x","timestamp":5}', b'{"user_id":1,"request_id":"x"} ,',
            b'{"user_id":1,"request_id":"a\\u0000b"}', b'{"user_id":"' + b"x" * 256 + b'","request_id":"x"}')

    def test_an_invalid_request_is_counted_logged_put_aside_and_skipped(self):
        """65"""
        f = self.function(DEAD_LETTER_STREAM_NAME=DEAD)
        event = f.event(request(1), *self.DIRT, ("no base64!",), request(2))
        self.assertFine(f.send(event))
        self.assertEqual(["r-1", "r-2"], self.stream.ids())
        dirty = event["Records"][1:-1]
        letters = self.stream.events(DEAD)
        numbers = [r["kinesis"]["sequenceNumber"] for r in dirty]
        key = lambda letter: letter["sequence_number"]
        self.assertEqual(numbers, sorted(map(key, letters)))
        for record, letter in zip(dirty, sorted(letters, key=key)):
            self.assertEqual(record["kinesis"]["data"], letter["data"])
            self.assertEqual(record["eventID"], letter["event_id"])
            self.assertTrue(letter["reason"])
        lines = f.log("dead_letter")
        self.assertEqual(numbers, [line["sequence_number"] for line in lines])
        self.assertEqual(len(dirty), f.metrics()["DeadLetters"])
        reasons = " ".join(line["reason"] for line in lines)
        for word in ("user_id is missing", "request_id is missing", "top_n: expected", "base64",
                     "not JSON", "timestamp:"):
            self.assertIn(word, reasons)

    def test_without_a_stream_for_them_they_are_logged(self):
        f = self.function()
        self.assertFine(f.invoke(b"not json: secret-word", request(1)))
        self.assertEqual(1, len(f.log("dead_letter")))
        self.assertNotIn("secret-word", f.run.text())
        self.assertEqual([OUT], [name for name, _, _ in self.stream.written])

    def test_a_dead_letter_of_an_aggregate_has_its_index(self):
        """70"""
        f = self.function(DEAD_LETTER_STREAM_NAME=DEAD)
        event = f.event(aggregated(request(1), b"nonsense", request(2)))
        self.assertFine(f.send(event))
        self.assertEqual(["r-1", "r-2"], self.stream.ids())
        [letter] = self.stream.events(DEAD)
        self.assertEqual((event["Records"][0]["kinesis"]["sequenceNumber"], 1, b"nonsense"),
                         (letter["sequence_number"], letter["sub_sequence_number"],
                          base64.b64decode(letter["data"])))

    def test_damaged_aggregates_are_dead_letters(self):
        """67"""
        f = self.function(DEAD_LETTER_STREAM_NAME=DEAD)
        whole = aggregated(request(1), request(2))
        for user, damaged in enumerate((whole[:-1], whole[:-16] + bytes(16), whole[:20],
                                        b"\xf3\x89\x9a\xc2", whole + b"x")):
            self.stream.written.clear()
            self.assertFine(f.invoke(damaged, request(user + 3)))
            self.assertEqual([f"r-{user + 3}"], self.stream.ids())
            self.assertEqual(1, len(self.stream.events(DEAD)))

    def test_a_large_one_is_cut_to_the_limit_of_a_stream(self):
        f = self.function(DEAD_LETTER_STREAM_NAME=DEAD)
        self.assertFine(f.invoke(b"x" * 1000000, aggregated(b"y" * 900000), request(3)))
        plain, packed = self.stream.events(DEAD)
        self.assertEqual((True, True), (plain["truncated"], packed["truncated"]))
        self.assertEqual(b"x" * 675000, base64.b64decode(plain["data"]))
        self.assertEqual(b"y" * 675000, base64.b64decode(packed["data"]))

    def test_requests_that_the_model_refuses_are_dead_letters(self):
        server = self.serve(env={"SERVE_MAX_TOP_N": "10"})
        f = self.function(DEAD_LETTER_STREAM_NAME=DEAD,
                          RECOMMEND_SERVICE_URL=f"http://127.0.0.1:{server.port}/")
        refused = request(4, top_n=12)
        self.assertFine(f.invoke(request(1, top_n=5), request(2, top_n=11), request(3, top_n=10),
                                 aggregated(request(5, top_n=1), refused)))
        self.assertEqual(["r-1", "r-3", "r-5"], self.stream.ids())
        letter, packed = self.stream.events(DEAD)
        self.assertIn("top_n", letter["reason"])
        self.assertEqual(encoded(request(2, top_n=11)), letter["data"])
        self.assertEqual((1, encoded(refused)), (packed["sub_sequence_number"], packed["data"]))

    def test_a_strict_model_has_nothing_for_an_unknown_user(self):
        strict = self.serve(env={"SERVE_STRICT": "true"})
        f = self.function(RECOMMEND_SERVICE_URL=f"http://127.0.0.1:{strict.port}")
        self.assertFine(f.invoke(request("unknown-user")))
        [event] = self.stream.events()
        self.assertEqual(([], 0), (event["recommendations"], event["count"]))


class TestRun(RecommendCase):
    def test_a_test_run_puts_nothing_and_returns_the_recommendations(self):
        f = self.function(TEST_RUN="True", PREDICTIONS_STREAM_NAME=None,
                          DEAD_LETTER_STREAM_NAME=DEAD)
        for _ in range(2):
            event = f.invoke(request(1), b"dirt", request(2, top_n=3), request(1))
            self.assertEqual("response", event.kind)
            response = event.json
            self.assertEqual(["r-1", "r-2", "r-1"], [p["request_id"] for p in response["predictions"]])
            self.assertEqual(self.expected(2, 3), response["predictions"][1]["recommendations"])
            self.assertEqual([encoded(b"dirt")], [r["data"] for r in response["rejected"]])
            self.assertEqual([], response["batchItemFailures"])
        self.assertEqual([], self.stream.calls)

    def local_cloud(self):
        return cloud_beside(self, functions={"function": {
            "program": str(BIN / "recommend"), "environment": {
                **SANITIZER_ENVIRONMENT, "TEST_RUN": "True", "MODEL_URI": str(trained().model_bin)}}})

    def test_curl_with_the_event_of_the_document_shows_them(self):
        """As typed by a user, with curl's default Content-Type of a form."""
        document = (SOURCE / "docs/functions.md").read_text()
        event = re.search(r"^\$ cat event.json\n(.*?)^\$ ", document, re.DOTALL | re.MULTILINE)[1]
        path = re.search(r"^\$ curl -s localhost:\d+(\S*) -d @event.json$", document, re.MULTILINE)[1]
        (self.folder / "event.json").write_text(event)
        done = subprocess.run(["curl", "-sS", f"http://127.0.0.1:{self.local_cloud().port}{path}", "-d", "@event.json"],
                              cwd=self.folder, capture_output=True, text=True, check=True, timeout=DEADLINE)
        response = json.loads(done.stdout)
        self.assertEqual(["predictions", "rejected", "batchItemFailures"], list(response))
        (prediction,) = response["predictions"]
        self.assertEqual((2, "r-1", self.expected(2, 3)), tuple(
            prediction[name] for name in ("user_id", "request_id", "recommendations")))

    def test_a_post_to_the_local_service_shows_them(self):
        cloud = self.local_cloud()
        event = json.dumps(Function(self, None, None).event(request(1), b"dirt", request(2))).encode()
        response = cloud.invoke("function", event)
        self.assertEqual(200, response.status)
        self.assertEqual([self.expected(user) for user in (1, 2)],
                         [p["recommendations"] for p in response.json["predictions"]])
        self.assertEqual(1, len(response.json["rejected"]))


class Start(RecommendCase):
    def test_settings_that_are_wrong_are_named(self):
        """55"""
        url = f"http://127.0.0.1:{self.server.port}"
        self.refused("RECOMMEND_SERVICE_URL", "ENDPOINT_NAME", "MODEL_URI",
                     RECOMMEND_SERVICE_URL=None)
        self.refused("more than one", RECOMMEND_SERVICE_URL=url, ENDPOINT_NAME="e")
        self.refused("RECOMMEND_SERVICE_URL", RECOMMEND_SERVICE_URL="serve:8080")
        self.refused("ENDPOINT_NAME", ENDPOINT_NAME="-e")
        self.refused("MODEL_URI", MODEL_URI="http://x/y")
        self.refused("/no/model.bin", MODEL_URI="/no/model.bin")
        self.refused("PREDICTIONS_STREAM_NAME", PREDICTIONS_STREAM_NAME=None)
        self.refused("PREDICTIONS_STREAM_NAME", PREDICTIONS_STREAM_NAME="a b")
        self.refused("DEAD_LETTER_STREAM_NAME", DEAD_LETTER_STREAM_NAME="arn:aws:s3:::b/x")
        self.refused("TOP_N", "MAX_TOP_N", TOP_N="50", MAX_TOP_N="20")
        self.refused("CONCURRENCY", CONCURRENCY="0")
        self.refused("TEST_RUN", TEST_RUN="perhaps")
        self.refused("REDIS_ENDPOINT", REDIS_ENABLED="true")
        self.refused("AWS_REGION", AWS_REGION=None)
        self.refused("AWS_SECRET_ACCESS_KEY", AWS_SECRET_ACCESS_KEY=None)

    def test_a_stream_may_be_named_by_its_arn(self):
        arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/out"
        f = self.function(PREDICTIONS_STREAM_NAME=arn)
        self.assertFine(f.invoke(request(1)))
        self.assertEqual([arn], [call["StreamARN"] for call in self.stream.calls])


if __name__ == "__main__":
    unittest.main()
