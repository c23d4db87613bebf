"""test_lambda_runtime.py: the loop of lambda/runtime as a process: events and responses."""

import json
import os
import signal
import time
import unittest
from pathlib import Path

from lambda_case import FunctionCase
from runtime_api import ARN, RESPONSE_BYTES
from sanitizers import SANITIZED

# AWS's own limit of an event.
EVENT_BYTES = 6 * 1024 * 1024


def padded(event, n_bytes):
    """The event with a member "pad" that makes it n_bytes long."""
    bare = json.dumps({**event, "pad": ""}).encode()
    return bare[:-2] + b"x" * (n_bytes - len(bare)) + bare[-2:]


class Start(FunctionCase):
    def test_without_its_variable_it_reports_that_and_exits(self):
        """1: one sentence with the variable's name on standard error, nothing on standard
        output."""
        for value in (None, ""):
            result = self.launch(AWS_LAMBDA_RUNTIME_API=value).wait()
            self.assertEqual((1, ""), (result.status, result.stdout))
            self.assertRegex(result.stderr, r"\A[^\n]*AWS_LAMBDA_RUNTIME_API is not set[^\n]*\n\Z")

    def test_a_variable_that_is_no_address_is_refused(self):
        for value in ("http://127.0.0.1:80", "host:80/path", "a b:1", "user@host:1", "x" * 300):
            result = self.launch(AWS_LAMBDA_RUNTIME_API=value).wait()
            self.assertEqual((1, ""), (result.status, result.stdout))
            self.assertIn("expected host:port", result.stderr)

    def test_the_first_request_is_next_at_that_address_over_http_1_1(self):
        """2: with our User-Agent; the server accepts only HTTP/1.1."""
        run = self.start()
        first = self.api.requests[0]
        self.assertEqual(("GET", "/2018-06-01/runtime/invocation/next"), (first.method, first.path))
        self.assertEqual(self.api.address, first.header("Host"))
        self.assertRegex(first.header("User-Agent"), r"\Amovie-recommender/\d")
        self.stop(run)

    def test_proxies_of_the_environment_change_nothing(self):
        """3"""
        dead = "http://127.0.0.1:9"
        run = self.start(http_proxy=dead, HTTP_PROXY=dead, all_proxy=dead, ALL_PROXY=dead)
        self.assertEqual({"slept": 0}, self.invoke({"do": "sleep", "ms": 0}).json)
        self.stop(run)

    def test_a_failing_start_is_reported_and_ends_the_process(self):
        """19: to init/error, once, and `next` is never called."""
        result = self.launch(ECHO_START="fail").wait()
        self.assertEqual(1, result.status)
        self.assertEqual(["init"], [r.call for r in self.api.requests])
        report = self.api.requests[0]
        self.assertEqual("/2018-06-01/runtime/init/error", report.path)
        self.assertEqual("Function.ConfigurationError",
                         report.header("Lambda-Runtime-Function-Error-Type"))
        self.assertEqual('ECHO_START is "fail"', report.json["errorMessage"])
        self.assertEqual("FATAL", self.lines(result)[-1]["level"])

    def test_next_waits_for_the_start(self):
        began = time.monotonic()
        run = self.launch(ECHO_START="sleep")
        self.api.wait_for_calls("next", 1)
        self.assertGreater(time.monotonic() - began, 0.19)
        self.stop(run)


class Events(FunctionCase):
    def test_a_thousand_responses_belong_to_their_events_over_one_connection(self):
        """5"""
        run = self.start()
        for number in range(1000):
            event = self.invoke({"do": "echo", "number": number})
            self.assertEqual(("response", number), (event.kind, event.json["number"]))
            self.assertIn(f"/invocation/{event.id}/response", event.response.path)
            self.assertEqual("application/json", event.response.header("Content-Type"))
        self.assertEqual({1}, {request.connection for request in self.api.requests})
        self.stop(run)

    def test_header_names_count_in_any_case(self):
        """6: and unknown Lambda-Runtime-* headers are ignored."""
        run = self.start()
        for change in (str.lower, str.upper, str.swapcase):
            names = ["Lambda-Runtime-Aws-Request-Id", "Lambda-Runtime-Deadline-Ms",
                     "Lambda-Runtime-Invoked-Function-Arn", "Lambda-Runtime-Trace-Id"]
            values = [f"id-{change.__name__}", str(int(time.time() * 1000) + 5000), ARN, "Root=1-2"]
            headers = {name: None for name in names}
            headers.update({change(name): value for name, value in zip(names, values)})
            headers["Lambda-Runtime-Something-New"] = "1"
            told = self.invoke({"do": "invocation"}, headers=headers).json
            self.assertEqual(values, [told["request_id"], str(told["deadline_ms"]),
                                      told["function_arn"], told["trace_id"]])
        self.stop(run)

    def test_an_event_without_an_id_is_logged_and_skipped(self):
        """7: the same for an event whose id would change the URL."""
        run = self.start()
        for bad in (None, "", "../../x", "a b", "x" * 200):
            self.api.invoke({"do": "echo"}, headers={"Lambda-Runtime-Aws-Request-Id": bad})
            self.assertEqual({"slept": 0}, self.invoke({"do": "sleep", "ms": 0}).json)
        result = self.stop(run)
        self.assertEqual(5, len(self.api.calls("response")))
        lines = [line for line in self.lines(result) if line["event"] == "next_failed"]
        self.assertEqual(5, len(lines))
        self.assertIn("Lambda-Runtime-Aws-Request-Id", lines[0]["message"])

    def test_without_a_deadline_there_is_the_default_budget(self):
        """8: 3 s, less the 100 ms that the function keeps for itself."""
        run = self.start()
        for headers in ({}, {"Lambda-Runtime-Deadline-Ms": "soon"},
                        {"Lambda-Runtime-Deadline-Ms": "-5"},
                        {"Lambda-Runtime-Deadline-Ms": "99999999999999999999"}):
            told = self.invoke({"do": "invocation"}, deadline_in=None, headers=headers).json
            self.assertEqual(0, told["deadline_ms"])
            self.assertTrue(0 <= told["budget_ms"] <= 2900, told)  # exactly: unit/test_lambda_runtime_response
        before = int(time.time() * 1000)
        told = self.invoke({"do": "invocation"}, deadline_in=3600).json
        after = time.time() * 1000
        self.assertTrue(before <= told["received_ms"] <= after, (before, told, after))
        self.assertTrue(2900 < told["budget_ms"] <= 3599900, told)
        self.stop(run)

    def test_a_deadline_in_the_past_is_a_report_at_once(self):
        """9: the handler is not called."""
        run = self.start()
        event = self.invoke({"do": "sleep", "ms": 60000}, deadline_in=-1, seconds=10)
        self.assertReport(event, "Runtime.DeadlinePassed", "deadline")
        self.assertEqual(1, self.invoke({"do": "invocation"}).json["n_calls"])
        self.stop(run)

    def test_the_trace_variable_follows_the_header(self):
        """10: unchanged, and unset by the next event without the header."""
        run = self.start(_X_AMZN_TRACE_ID="of somebody else")
        invoke = lambda trace: self.invoke({"do": "env", "name": "_X_AMZN_TRACE_ID"}, trace=trace).json
        one = "Root=1-5e1b4151-5ac6c58f;Parent=53995c3f42cd8ad8;Sampled=1"
        two = "Root=1-00000000-0;Lineage=061379e8:0"
        for trace in (None, one, None, two, one, "x" * 1000, None):
            self.assertEqual({"value": trace}, invoke(trace))
        self.stop(run)

    def test_no_response_is_null(self):
        run = self.start()
        self.assertEqual(b"null", self.invoke({"do": "nothing"}).response.body)
        self.stop(run)

    def test_a_response_up_to_the_limit_is_sent_and_one_over_it_never(self):
        """14"""
        run = self.start()
        event = self.invoke({"do": "big", "bytes": RESPONSE_BYTES})
        self.assertEqual(("response", RESPONSE_BYTES), (event.kind, len(event.response.body)))
        for n_bytes in (RESPONSE_BYTES + 1, 50_000_000):
            event = self.invoke({"do": "big", "bytes": n_bytes})
            self.assertReport(event, "Function.ResponseSizeTooLarge", str(n_bytes))
        self.assertEqual({"slept": 1}, self.invoke({"do": "sleep", "ms": 1}).json)
        self.stop(run)

    def test_large_bodies_do_not_wait_for_a_hundred_continue(self):
        """§1.1.7: no Expect header (the server reports one), so no second is lost."""
        run = self.start()
        for _ in range(3):
            self.invoke({"do": "big", "bytes": 2_000_000})
        self.stop(run)


class Failures(FunctionCase):
    def test_a_handlers_error_is_posted_once_and_the_loop_continues(self):
        """11, 12: the type comes from the error's code; the partial response is dropped."""
        run = self.start()
        for code, kind in (("parse", "InvalidEvent"), ("config", "ConfigurationError"),
                           ("io", "DownstreamError"), ("memory", "OutOfMemory"),
                           ("not_found", "NotFound"), ("argument", "InternalError")):
            event = self.invoke({"do": "fail", "code": code, "message": f"no {code}"})
            self.assertReport(event, f"Function.{kind}")
            self.assertEqual(f"no {code}", event.json["errorMessage"])
            self.assertEqual([], event.json["stackTrace"])
        event = self.invoke({"do": "fail"})
        self.assertReport(event, "Function.InternalError", "without a reason")
        self.assertEqual({"slept": 0}, self.invoke({"do": "sleep", "ms": 0}).json)
        lines = [x for x in self.lines(self.stop(run)) if x["event"] == "invocation_failed"]
        self.assertEqual(7, len(lines))
        self.assertEqual(("ERROR", "Function.InvalidEvent", "no parse"),
                         tuple(lines[0][key] for key in ("level", "errorType", "message")))

    def test_an_error_message_is_valid_json_with_any_quotation(self):
        """23: quotes, newlines, control characters, non-BMP characters."""
        run = self.start()
        event = self.invoke({"do": "fail", "code": "io", "message": '"q"\\ \n\t\x01\x7f 𝄞 é \u2028'})
        self.assertReport(event, "Function.DownstreamError")
        # One line: control characters are escaped, the rest stays.
        self.assertEqual('"q"\\ \\x0a\\x09\\x01\\x7f 𝄞 é \u2028', event.json["errorMessage"])
        self.stop(run)

    def test_an_event_that_is_not_json_is_a_report_with_position_and_cause(self):
        """21"""
        run = self.start()
        for body, *pieces in ((b'{"do":\n "echo",]', "event:2:", "expected"),
                              (b'{"do":"echo"} x', "event:1:", "end of file expected"),
                              (b'{"do":1,"do":2}', "event:1:", "duplicate"),
                              (b'{"n":1e999}', "event:1:", "overflow"),
                              (b"", "event:", "expected a JSON object"),
                              (b"[1]", "event:", "found an array"),
                              (b"null", "event:", "found null")):
            with self.subTest(body):
                self.assertReport(self.invoke(body), "Function.InvalidEvent", *pieces)
        self.assertEqual({"slept": 0}, self.invoke(b'{"do":"sleep","n":99999999999999999999}').json)
        self.stop(run)

    def test_depth_nul_and_bad_utf_8_are_refused(self):
        """22: no crash, no exit."""
        run = self.start()
        deep = 10_000
        for body, piece in ((b'{"a":' * deep + b"1" + b"}" * deep, "depth"),
                            (b'{"a":' + b"[" * 500_000, "depth"),
                            (b'{"do":"echo"}\0', "event:1:14: not valid JSON: a NUL byte"),
                            (b'{\n"do":"ec\0ho"}', "event:2:9: not valid JSON: a NUL byte"),
                            (b'{"do":"\\u0000"}', "not valid JSON"),
                            (b'{"do":"\xff"}', "event:1:7: not valid UTF-8"),
                            (b'{"do":"\xed\xa0\x80"}', "not valid UTF-8"),
                            (b'{"do":"\\ud834"}', "not valid JSON")):
            with self.subTest(body[:40]):
                self.assertReport(self.invoke(body), "Function.InvalidEvent", piece)
        self.stop(run)

    def test_an_event_beyond_every_limit_is_a_report(self):
        run = self.start()
        event = self.invoke(padded({"do": "echo"}, 17 * 1024 * 1024))
        self.assertReport(event, "Runtime.EventTooLarge", "16777216")
        self.assertEqual({"slept": 0}, self.invoke({"do": "sleep", "ms": 0}).json)
        self.stop(run)

    def test_a_process_that_dies_has_sent_no_response(self):
        """§1.4.8: the platform reports Runtime.ExitError then, with the status."""
        run = self.start()
        event = self.api.invoke({"do": "exit", "status": 7})
        self.assertEqual(7, run.wait().status)
        self.assertFalse(event.finished)


class Memory(FunctionCase):
    def resident(self, run):
        for line in run.status_file().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def test_memory_is_flat_over_a_hundred_events_of_six_mebibytes(self):
        """20: parsed, and with responses of 6 MiB; ±1 MB between the 10th and the 100th."""
        run = self.start()
        event = padded({"do": "echo"}, EVENT_BYTES)
        for number in range(10 if SANITIZED else 100):
            self.assertEqual(event, self.invoke(event).response.body)
            if number == 9:
                after_ten = self.resident(run)
        if not SANITIZED:
            self.assertLess(abs(self.resident(run) - after_ten), 1_000_000)
            self.assertLess(after_ten, 60_000_000)
        self.stop(run)

    def test_memory_does_not_grow_with_the_number_of_events(self):
        """Trace ids are new each time: setenv would keep them all."""
        run = self.start()
        say = lambda n: self.invoke({"do": "fail", "code": "io", "message": "x" * 500},
                                    trace=f"Root=1-{n:08x}-" + "0" * 900)
        for number in range(200):
            say(number)
        before = self.resident(run)
        for number in range(200, 200 + (100 if SANITIZED else 1500)):
            say(number)
        if not SANITIZED:
            self.assertLess(self.resident(run) - before, 300_000)
        self.stop(run)

    def test_a_handlers_memory_is_freed(self):
        run = self.start()
        self.invoke({"do": "big", "bytes": 80_000_000})
        self.invoke({"do": "allocate", "bytes": 80_000_000})
        self.assertEqual({"slept": 0}, self.invoke({"do": "sleep", "ms": 0}).json)
        if not SANITIZED:
            self.assertLess(self.resident(run), 60_000_000)
        self.stop(run)


class Stopping(FunctionCase):
    def end_by(self, run, number):
        """Exits by the signal, although no event comes."""
        run.signal(number)
        result = run.wait()
        self.assertEqual(0, result.status, result)

    def test_a_signal_ends_a_process_that_waits_in_next(self):
        """24: within 100 ms, with status 0; again and again, since the moment matters."""
        for number in [signal.SIGTERM, signal.SIGINT] * 5:
            self.end_by(self.start(), number)

    def test_also_after_some_events(self):
        run = self.start()
        self.invoke({"do": "echo"})
        self.api.wait_for_calls("next", 2)
        self.end_by(run, signal.SIGTERM)

    def test_a_signal_lets_the_event_finish_first(self):
        run = self.start()
        event = self.api.invoke({"do": "allocate", "bytes": 300_000_000})
        run.wait_until(lambda: event.given, "the event to be given")
        run.signal(signal.SIGTERM)
        self.assertEqual(0, run.wait(60).status)
        # Delivered before the signal came: its response is posted, and `next` is not called again.
        self.assertTrue(event.finished)
        self.assertEqual("response", self.api.requests[-1].call)

    def test_a_signal_that_comes_before_next_is_not_missed(self):
        """Stopped by SIGSTOP at any moment, it finds SIGTERM pending when it continues."""
        for delay in range(0, 20, 2):
            run = self.launch()
            time.sleep(delay / 1000)
            if run.stop_the_clock():
                caught = int(next(line.split()[1] for line in run.status_file().splitlines()
                                  if line.startswith("SigCgt:")), 16)
                run.signal(signal.SIGTERM)
                run.signal(signal.SIGCONT)
                status = run.wait(30).status
                handled = caught >> (signal.SIGTERM - 1) & 1
                self.assertIn(status, (0,) if handled else (0, -signal.SIGTERM))


class Place(FunctionCase):
    def test_a_read_only_root_and_an_unprivileged_user_are_enough(self):
        """26: as Lambda runs it, with /tmp the only folder to write to, and nothing in it."""
        wrapper = ("unshare", "--mount", "--propagation", "private", "sh", "-c",
                   "mount --bind / / && mount -o remount,bind,ro / && cd / && "
                   'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"', "sh")
        if os.geteuid() != 0:
            self.not_here("mounting needs root")
        refusal = self.refusal(wrapper)
        if refusal:
            self.not_here("no namespaces here: " + refusal)
        before = set(os.listdir("/tmp"))
        run = self.launch(wrapper=wrapper)
        self.api.wait_for_calls("next", 1)
        self.assertEqual(b"null", self.invoke({"do": "nothing"}).response.body)
        opened = [os.readlink(fd) for fd in Path(f"/proc/{run.pid}/fd").iterdir()]
        self.assertEqual([], [name for name in opened if name.startswith("/")
                              and not name.startswith("/dev/")], opened)
        mine = {name for name in set(os.listdir("/tmp")) - before if "lambda" in name}
        self.assertEqual(set(), mine)
        self.stop(run)

    def test_nothing_is_written_to_any_file(self):
        """26: a limit of 0 bytes for every file changes nothing."""
        run = self.launch(wrapper=("prlimit", "--fsize=0", "--"))
        self.api.wait_for_calls("next", 1)
        event = padded({"do": "echo"}, EVENT_BYTES)
        self.assertEqual(event, self.invoke(event).response.body)
        self.stop(run)


if __name__ == "__main__":
    unittest.main()
