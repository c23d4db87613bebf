"""The three functions and the events that reach functions in practice, in the form of public reports
(cases/functions): pings, events of other services, events of load balancers, KPL aggregates.

recommend and aggregate run without their services: no event here gets that far.
"""
import base64
import json
import unittest
from pathlib import Path

from aws_peers import respond
from lambda_case import FunctionCase
from models import trained
from predict_case import REQUEST, RESPONSE, PredictCase
from programs import BIN, SOURCE

CASES = Path(__file__).parent / "cases" / "functions"
SETTINGS = {
    "predict": {"MOVIES_URI": str(SOURCE / "data" / "movies.csv")},
    "recommend": {"TEST_RUN": "True"},
    "aggregate": {"TABLE_NAME": "totals", "TREND_TABLE_NAME": "-"},
}


def case(path):
    return json.loads((CASES / path).read_text())


class EventCase(FunctionCase):
    def run_function(self, name, **more):
        self.program = BIN / name
        model = {} if name == "aggregate" else {"MODEL_URI": str(trained().model_bin)}
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
        for name in ("recommend", "aggregate"):
            self.run_function(name)
            for path in sorted((CASES / "04-other-sources").iterdir()):
                with self.subTest(function=name, case=path.name):
                    self.assertReport(self.invoke(case(path)), "Function.InvalidEvent", named[path.stem])


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
                self.assertEqual((200, {"recommendations": []}, [{"userId": "2", "include_rated": True,
                                                                  "movieIds": ["318", "1"]}]), self.exchange(case(path)))


if __name__ == "__main__":
    unittest.main()
