"""The three functions and the events that reach functions in practice, in the form of public reports
(cases/functions): pings, events of other services, events of load balancers, KPL aggregates.

recommend and aggregate run without their services: no event here gets that far. predict computes with a
model of its own.
"""
import json
import unittest
from pathlib import Path

from lambda_case import FunctionCase
from models import trained
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


if __name__ == "__main__":
    unittest.main()
