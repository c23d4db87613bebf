"""test_lambda_runtime_logs.py: a function's standard output: the log and the metrics, in
CloudWatch's formats."""

import datetime
import json
import math
import re
import time
import unittest

from lambda_case import SECRETS, FunctionCase

TIMESTAMP = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")
UNITS = ("Seconds", "Microseconds", "Milliseconds", "Bytes", "Percent", "Count", "None")


class Lines(FunctionCase):
    def logged(self, **environment):
        """The Result of a run that logs a line at every level and then stops."""
        run = self.start(**environment)
        self.event = self.invoke({"do": "log"})
        return self.stop(run)

    def levels(self, **environment):
        return {x["level"] for x in self.lines(self.logged(**environment)) if x["event"] == "sample"}

    def test_every_line_is_one_json_object_with_four_keys(self):
        """30: and requestId is that of the event while there is one, "" before."""
        for how in ({}, {"AWS_LAMBDA_LOG_FORMAT": "JSON"}, {"AWS_LAMBDA_LOG_FORMAT": "json"},
                    {"AWS_LAMBDA_LOG_FORMAT": "of the future"}):
            before = int(time.time() * 1000) / 1000  # a timestamp has milliseconds
            result = self.logged(AWS_LAMBDA_LOG_LEVEL="TRACE", **how)
            after = time.time()
            self.assertEqual("", result.stderr)
            lines = self.lines(result)
            for line in lines:
                self.assertRegex(line["timestamp"], TIMESTAMP)
                when = datetime.datetime.fromisoformat(line["timestamp"].replace("Z", "+00:00"))
                self.assertTrue(before <= when.timestamp() <= after, (before, line, after))
                self.assertIn(line["level"], LEVELS)
                self.assertTrue(line["message"])
                self.assertIsInstance(line["requestId"], str)
            self.assertEqual(("start", ""), (lines[0]["event"], lines[0]["requestId"]))
            found = [x for x in lines if x["event"] in ("sample", "fields_only", "invocation")]
            self.assertEqual({self.event.id}, {x["requestId"] for x in found})
            self.assertEqual(LEVELS, tuple(x["level"] for x in found if x["event"] == "sample"))

    def test_a_line_without_a_sentence_has_its_event_as_message(self):
        fields = [x for x in self.lines(self.logged()) if x["event"] == "fields_only"]
        self.assertEqual(("fields_only", 3), (fields[0]["message"], fields[0]["n"]))

    def test_control_characters_and_bad_bytes_stay_out_of_the_lines(self):
        quoted = [x["message"] for x in self.lines(self.logged()) if x["level"] == "ERROR"]
        self.assertEqual(['at error: "quoted"\\x0a\\x01 𝄞 \\xff'], quoted)

    def test_levels_below_the_configured_one_are_suppressed(self):
        """31: an unknown level is INFO."""
        for name, wanted in (("TRACE", LEVELS), ("DEBUG", LEVELS), ("INFO", LEVELS[1:]),
                             ("WARN", LEVELS[2:]), ("ERROR", LEVELS[3:]), ("FATAL", LEVELS[4:]),
                             ("error", LEVELS[3:]), ("LOUD", LEVELS[1:]), ("", LEVELS[1:]),
                             (None, LEVELS[1:])):
            with self.subTest(name):
                self.assertEqual(set(wanted), self.levels(AWS_LAMBDA_LOG_LEVEL=name))

    def test_text_format_is_used(self):
        """§1.12.2: metrics stay JSON."""
        for name in ("Text", "TEXT", "text"):
            run = self.start(AWS_LAMBDA_LOG_FORMAT=name)
            event = self.invoke({"do": "log"})
            self.invoke({"do": "metrics"})
            lines = self.stop(run).stdout.splitlines()
            plain = [line for line in lines if not line.startswith("{")]
            self.assertEqual(1, len(lines) - len(plain))
            for line in plain:
                self.assertRegex(line, r"\A\S+Z (INFO|WARN|ERROR|FATAL) \w+ requestId=\S+")
            self.assertIn(f'INFO sample requestId={event.id} message="at info"', plain[1])

    def test_neither_secrets_nor_payload_are_logged_at_any_level(self):
        """32: for successes and failures."""
        run = self.start(AWS_LAMBDA_LOG_LEVEL="TRACE")
        for name in SECRETS:
            self.assertEqual(SECRETS[name], self.invoke({"do": "env", "name": name}).json["value"])
        self.invoke({"do": "echo", "payload": "the customer's own words"})
        self.invoke({"do": "fail", "code": "io", "payload": "the customer's own words"})
        self.invoke({"do": "log", "payload": "the customer's own words"})
        self.invoke(b'{"do":"the customer\'s own words, and then some')
        self.invoke({"do": "sleep", "payload": "the customer's own words"}, deadline_in=-1)
        result = self.stop(run)
        for secret in [*SECRETS.values(), "customer's own"]:
            self.assertNotIn(secret, result.stdout + result.stderr)

    def test_lines_come_at_once(self):
        """§1.12.1: not when a buffer is full or the process ends."""
        run = self.start()
        run.wait_for('"event":"start"')
        self.invoke({"do": "log"})
        run.wait_for("at fatal")
        self.stop(run)


class Metrics(FunctionCase):
    def test_a_document_follows_the_format(self):
        """33, 34: §5, member by member; at any log level."""
        run = self.start(AWS_LAMBDA_LOG_LEVEL="FATAL")
        before = int(time.time() * 1000)
        event = self.invoke({"do": "metrics", "Function": "evil", "Latency": 1e308})
        (document,) = self.lines(self.stop(run))
        self.assertEqual(event.id, document["requestId"])
        self.assertRegex(document["timestamp"], TIMESTAMP)
        self.assertEqual(("INFO", "metrics"), (document["level"], document["message"]))
        self.assertEqual({"Timestamp", "CloudWatchMetrics"}, set(document["_aws"]))
        self.assertIsInstance(document["_aws"]["Timestamp"], int)
        self.assertTrue(before <= document["_aws"]["Timestamp"] <= time.time() * 1000)
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        self.assertEqual({"Namespace", "Dimensions", "Metrics"}, set(directive))
        self.assertTrue(1 <= len(directive["Namespace"]) <= 1024)
        self.assertGreaterEqual(len(directive["Dimensions"]), 1)
        for names in directive["Dimensions"]:
            self.assertLessEqual(len(names), 30)
            for name in names:
                self.assertTrue(1 <= len(document[name]) <= 1024)
        self.assertTrue(1 <= len(directive["Metrics"]) <= 100)
        for metric in directive["Metrics"]:
            self.assertIn(metric["Unit"], UNITS)
            values = document[metric["Name"]]
            values = values if isinstance(values, list) else [values]
            self.assertTrue(1 <= len(values) <= 100)
            self.assertTrue(all(math.isfinite(value) for value in values))
        self.assertEqual("lambda_echo", document["Function"])
        self.assertEqual(12.5, document["Latency"])
        self.assertEqual(1, document["CacheHit"])
        self.assertNotIn("Broken", json.dumps(document))


if __name__ == "__main__":
    unittest.main()
