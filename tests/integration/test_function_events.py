"""The functions and the events that reach functions in practice, in the form of public reports
(cases/functions): pings, events of other services, events of load balancers, KPL aggregates.

recommend, aggregate and feedback run without their services: no event here gets that far.
"""
import base64
import gzip
import json
import unittest
from pathlib import Path

from aggregate_case import record, window
from aws_peers import respond
from behind_streams import aggregated
from lambda_case import FunctionCase
from models import trained
from predict_case import REQUEST, RESPONSE, PredictCase
from programs import BIN, SOURCE

CASES = Path(__file__).parent / "cases" / "functions"
SETTINGS = {
    "predict": {"MOVIES_URI": str(SOURCE / "data" / "movies.csv")},
    "recommend": {"TEST_RUN": "True"},
    "aggregate": {"TABLE_NAME": "totals", "TREND_TABLE_NAME": "-"},
    "feedback": {"REDIS_ENABLED": "true", "REDIS_ENDPOINT": "127.0.0.1", "REDIS_PORT": "1"},
}


def case(path):
    return json.loads((CASES / path).read_text())


class EventCase(FunctionCase):
    def run_function(self, name, **more):
        self.program = BIN / name
        model = {} if name in ("aggregate", "feedback") else {"MODEL_URI": str(trained().model_bin)}
        return self.start(**{**model, **SETTINGS[name], **more})


class Pings(EventCase):
    def test_a_ping_is_a_success_without_a_metric_in_every_function(self):
        for name in SETTINGS:
            with self.subTest(name):
                run = self.run_function(name)
                for path in sorted((CASES / "01-warmup-ping").iterdir()):
                    event = self.invoke(case(path))
                    self.assertEqual(("response", None), (event.kind, event.json), path.name)
                lines = self.lines(self.stop(run))
                self.assertEqual("start", lines[-1]["event"])


class OtherSources(EventCase):
    def test_events_of_other_services_are_errors_that_name_them(self):
        named = {"dynamodb-stream": "aws:dynamodb", "sqs": "aws:sqs", "kafka": "aws:kafka",
                 "firehose": "deliveryStreamArn", "get-records": "Records[0].kinesis", "pipes": "found an array",
                 "records-lower": "this one has records", "records-null": "no Records",
                 "test-console": "this one has key1, key2, key3"}
        for name in ("recommend", "aggregate", "feedback"):
            run = self.run_function(name)
            for path in sorted((CASES / "04-other-sources").iterdir()):
                with self.subTest(function=name, case=path.name):
                    self.assertReport(self.invoke(case(path)), "Function.InvalidEvent", named[path.stem])
            self.stop(run)  # else it would take the next one's events


def request(request_id):
    return json.dumps({"user_id": 2.0, "top_n": 1.0, "request_id": request_id, "rating": 10**20}).encode()


class Records(EventCase):
    def send(self, *datas):
        return self.invoke({"Records": [record(n, None, base64_data=base64.b64encode(data).decode())
                                        for n, data in enumerate(datas)]})

    def test_a_record_is_read_or_refused_once_with_its_reason(self):
        """Case 13, and aggregates of case 05: what follows a bad record is read."""
        damaged = bytearray(aggregated(request("p")))
        damaged[-1] ^= 1
        self.run_function("recommend")
        datas = [request("plain"), gzip.compress(request("gzip")), base64.b64encode(request("twice")),
                 b"\xef\xbb\xbf" + request("mark"), gzip.compress(b"\xef\xbb\xbf" + request("both")),
                 base64.b64encode(gzip.compress(request("gzip twice"))), aggregated(request("packed")),
                 b"", request("two") + request("two"), b"poison", bytes(damaged), gzip.compress(request("cut"))[:-4],
                 b'{"user_id": 2, "request_id": NaN}', request("last")]
        result = self.send(*datas).json
        self.assertEqual(["plain", "gzip", "twice", "mark", "both", "gzip twice", "packed", "last"],
                         [one["request_id"] for one in result["predictions"]])
        self.assertEqual([{2}, {1}], [{one[name] for one in result["predictions"]} for name in ("user_id", "count")])
        self.assertEqual([], result["batchItemFailures"])
        reasons = [one["reason"] for one in result["rejected"]]
        for reason, piece in zip(reasons, ("not JSON, at byte 0 of 0", "not JSON, at byte", "not JSON, at byte 0 of 6",
                                           "but its MD5", "the gzip stream ends early", "not JSON, at byte 29")):
            self.assertIn(piece, reason)
        self.assertEqual(6, len(reasons))

    def test_the_packed_records_of_the_reports_are_read_one_by_one(self):
        self.run_function("recommend")
        for path in sorted((CASES / "05-kpl").iterdir()):
            with self.subTest(path.name):
                result = self.invoke(case(path)).json
                self.assertEqual(["k1", "k4"], [one["request_id"] for one in result["predictions"]])
                self.assertEqual(2, len(result["rejected"]))

    def test_aggregate_says_the_same_reasons(self):
        run = self.run_function("aggregate")
        damaged = bytearray(aggregated({"movieId": "1", "rating": 1}))
        damaged[-1] ^= 1
        event = window([record(n, data) for n, data in enumerate((
            {"movieId": 1.0, "rating": 4}, gzip.compress(b'{"movieId": "1", "rating": 1}'),
            b'\xef\xbb\xbf{"movieId": 1, "rating": 100000000000000000000}', bytes(damaged), b'{"movieId": 1, "rating": NaN}'))])
        state = self.invoke(event).json["state"]
        self.assertEqual("3 100000000000000000005", state["=1"])
        reasons = [line["message"] for line in self.lines(self.stop(run)) if line.get("event") == "dirty_record"]
        self.assertEqual(2, len(reasons))
        self.assertIn("its MD5 or its message is damaged", reasons[0])
        self.assertEqual("not JSON, at byte 25 of 29", reasons[1])


class Requests(PredictCase):
    def exchange(self, event):
        """The response's status and body, and what the endpoint was sent."""
        before = len(self.endpoint.requests)
        response = self.invoke(event).json
        sent = [json.loads(request.body) for request in self.endpoint.requests[before:]]
        return response["statusCode"], json.loads(response["body"]), sent

    def test_requests_of_load_balancers_stages_and_packed_bodies_are_one_request(self):
        self.start()
        packed = base64.b64encode((CASES / "12-base64-gzip-body" / "body.json.gz").read_bytes()).decode()
        events = {path.name: case(path) for folder in ("02-alb-event", "03-http-api-stage")
                  for path in (CASES / folder).iterdir() if path.stem != "health"}
        for headers in ({"Content-Encoding": "gzip"}, {}):
            events[f"gzip {headers}"] = {**case("03-http-api-stage/function-url-root.json"), "headers": headers,
                                         "body": packed, "isBase64Encoded": True}
        for name, event in events.items():
            with self.subTest(name):
                self.assertEqual((200, json.loads(RESPONSE), [REQUEST]), self.exchange(event))

    def test_a_health_check_is_a_success_without_metrics(self):
        run = self.start()
        self.assertEqual((200, {"status": "ok"}, []), self.exchange(case("02-alb-event/health.json")))
        self.assertNotIn("CloudWatchMetrics", self.stop(run).stdout)

    def test_a_repeated_parameter_has_all_its_values(self):
        self.start()
        self.endpoint.otherwise = respond(200, b'{"recommendations":[]}')
        for path in (CASES / "06-repeated-query").iterdir():
            with self.subTest(path.name):
                self.assertEqual((200, {"recommendations": []}, [{"userId": "2",
                                                                  "movieIds": ["318", "1"]}]), self.exchange(case(path)))

    def test_each_file_of_movies_is_read_or_named(self):
        titles = {"bom": "Fight Club (1999)", "case": "Fight Club (1999)", "pandas-index": "Fight Club (1999)",
                  "quoted-crlf": "Fight Club, The (1999)", "dup": "B"}
        reasons = {"empty": "the file is empty", "latin1": "title has the byte 0xE9", "nogenres": "no column genres",
                   "other": "no header: expected movieId,title,genres in any order, found item_id, name",
                   "shortrow": "expected 3 fields as in the header, found 2",
                   "unquoted-comma": "a title with a comma needs quotes", "utf16": "no header"}
        for path in sorted((CASES / "19-movies-csv").iterdir()):
            with self.subTest(path.name):
                run = self.start(MOVIES_URI=str(path))
                status, body, _ = self.exchange(case("03-http-api-stage/proxy-plus.json"))
                log = self.stop(run).stdout
                if path.stem in titles:
                    self.assertEqual((200, titles[path.stem]), (status, body["movie_title"]))
                else:
                    self.assertEqual((500, "movies_unreadable"), (status, body["error"]["code"]))
                    [line] = self.events(run, "movies_unreadable", log)
                    self.assertIn(reasons[path.stem], line["message"])


if __name__ == "__main__":
    unittest.main()
