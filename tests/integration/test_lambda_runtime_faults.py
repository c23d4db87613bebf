"""test_lambda_runtime_faults.py: the loop of lambda/runtime with a Runtime API that
breaks connections, rejects, is late or down."""

import os
import signal
import socket
import time
import unittest

from lambda_case import FunctionCase
from runtime_api import CloseAfter, Cut, Late, Status
from test_lambda_runtime import padded

NEXT_TRIES = 6  # MF_NEXT_TRIES
POST_TRIES = 3  # MF_POST_TRIES


class Next(FunctionCase):
    def test_a_late_next_is_served(self):
        """4: later than any timeout in the code (1 s to connect). MF_LATE=60 for the
        checklist's own minute."""
        late = float(os.environ.get("MF_LATE", 4))
        self.api.on("next", Late(late))
        event = self.api.invoke({"do": "nothing"}, deadline_in=late + 60)
        self.start()
        self.assertEqual(b"null", event.wait(late + 60).response.body)
        # And an event that arrives late.
        time.sleep(late)
        self.assertEqual(b"null", self.invoke({"do": "nothing"}).response.body)
        self.assertEqual({1}, {request.connection for request in self.api.requests})

    def test_a_process_that_was_frozen_in_next_continues(self):
        """§1.6.4: with the connection still open, and with one that was closed meanwhile."""
        run = self.start()
        for drop in (False, True, False):
            self.assertTrue(run.stop_the_clock())
            time.sleep(0.3)
            if drop:
                self.api.drop_connections(reset=True)
            event = self.api.invoke({"do": "nothing"})
            run.signal(signal.SIGCONT)
            self.assertEqual(b"null", event.wait().response.body)
        self.stop(run)

    def test_next_that_is_refused_is_repeated_a_bounded_number_of_times(self):
        """17: a closed port: growing waits, then the FATAL line with curl's error and the
        URL, and a status that is not 0."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        began = time.monotonic()
        result = self.launch(AWS_LAMBDA_RUNTIME_API=address).wait()
        took = time.monotonic() - began
        self.assertEqual(1, result.status)
        lines = [line for line in self.lines(result) if line["event"] == "next_failed"]
        self.assertEqual(["WARN"] * (NEXT_TRIES - 1) + ["FATAL"], [x["level"] for x in lines])
        self.assertIn(f"http://{address}/2018-06-01/runtime/invocation/next: curl error 7",
                      lines[-1]["message"])
        self.assertIn("onnect", lines[-1]["message"])
        self.assertGreater(took, 1.5)

    def test_next_that_is_always_cut_off_ends_the_process(self):
        """17: also after events that succeeded."""
        run = self.start()
        self.assertEqual(b"null", self.invoke({"do": "nothing"}).response.body)
        self.api.wait_for_calls("next", 2)
        self.api.on("next", *[Cut()] * 20)
        self.api.drop_connections()
        result = run.wait()
        self.assertEqual(1, result.status)
        self.assertRegex(self.lines(result)[-1]["message"], r"/next: curl error \d+ \(")

    def test_next_that_fails_now_and_then_does_not_add_up(self):
        """17: only failures in a row count."""
        run = self.start()
        for number in range(2 * NEXT_TRIES):
            self.api.on("next", Cut(reset=number % 2 == 0), None)
            self.api.drop_connections()
            self.assertEqual(b"null", self.invoke({"do": "nothing"}).response.body)
            self.api.wait_for_calls("next", 1 + len(self.api.calls("response")))
        self.stop(run)

    def test_a_403_to_next_is_retried_and_ends_the_process(self):
        self.api.on("next", *[Status(403, "InvalidStateTransition")] * NEXT_TRIES)
        result = self.launch().wait()
        self.assertEqual(1, result.status)
        self.assertEqual(NEXT_TRIES, len(self.api.requests))
        self.assertIn("returned 403", self.lines(result)[-1]["message"])
        self.assertIn("InvalidStateTransition", self.lines(result)[-1]["message"])

    def test_a_500_to_next_ends_the_process_at_once(self):
        """16"""
        self.api.on("next", Status(500))
        result = self.launch().wait()
        self.assertEqual(1, result.status)
        self.assertEqual(1, len(self.api.requests))
        last = self.lines(result)[-1]
        self.assertEqual("FATAL", last["level"])
        self.assertIn("returned 500", last["message"])

    def test_an_event_cut_off_anywhere_is_requested_again_and_handled_once(self):
        """18: in the status line, in the headers, before and in the body."""
        run = self.start()
        event = padded({"do": "echo"}, 100_000)
        n_calls = 0
        for after in (1, 12, 40, 150, 400, 10_000, 99_000):
            for reset in (False, True):
                response = self.invoke(event, fault=Cut(after=after, reset=reset))
                self.assertEqual(("response", 2), (response.kind, response.given), after)
                self.assertEqual(event, response.response.body)
                n_calls += 1
        self.assertEqual(n_calls + 1, self.invoke({"do": "invocation"}).json["n_calls"])
        self.stop(run)

    def test_a_stop_ends_the_waits_between_tries(self):
        self.api.on("next", *[Status(403)] * 5)
        run = self.launch()
        self.api.wait_for_calls("next", 5)  # the longest wait, 800 ms, follows
        run.signal(signal.SIGTERM)
        self.assertEqual(0, run.wait().status)
        self.assertEqual(5, len(self.api.calls("next")))


class Connections(FunctionCase):
    def test_a_connection_may_be_closed_between_two_events(self):
        """25: closed after `next` or after a response, with or without Connection: close."""
        run = self.start()
        for call in ("next", "response", "next", "response", "error"):
            self.api.on(call, CloseAfter())
            fails = call == "error"
            event = self.invoke({"do": "fail", "code": "io"} if fails else {"do": "nothing"})
            self.assertEqual("error" if fails else "response", event.kind)
            self.assertEqual(b"null", self.invoke({"do": "nothing"}).response.body)
        self.assertEqual(11, self.invoke({"do": "invocation"}).json["n_calls"])
        self.stop(run)

    def test_only_one_connection_is_open_at_a_time(self):
        run = self.start()
        for _ in range(5):
            self.api.on("response", CloseAfter())
            self.invoke({"do": "nothing"})
            self.api.wait_for_calls("next", 1 + len(self.api.calls("response")))
            run.wait_until(lambda: self.api.n_open() == 1, "one open connection")
        self.stop(run)


class Responses(FunctionCase):
    def posts(self, event):
        return [r for r in self.api.requests if r.method == "POST" and event.id in r.path]

    def test_after_a_413_nothing_is_posted_for_that_id(self):
        """13: the loop calls `next`."""
        run = self.start()
        self.api.on("response", Status(413, "RequestEntityTooLarge", uses_up=True))
        event = self.invoke({"do": "big", "bytes": 1000})
        self.assertEqual(b"null", self.invoke({"do": "nothing"}).response.body)
        self.assertEqual(1, len(self.posts(event)))
        lines = [x for x in self.lines(self.stop(run)) if x["event"] == "response_rejected"]
        self.assertEqual(1, len(lines))
        self.assertIn("returned 413", lines[0]["message"])
        self.assertEqual(event.id, lines[0]["requestId"])

    def test_after_a_400_or_403_the_loop_continues_without_posting_again(self):
        """15: for responses and for reports."""
        run = self.start()
        for call in ("response", "error"):
            for status, kind in ((400, "InvalidRequestID"), (403, "InvalidStateTransition")):
                self.api.on(call, Status(status, kind, uses_up=True))
                event = self.invoke({"do": "nothing"} if call == "response"
                                    else {"do": "fail", "code": "io"})
                self.assertEqual(b"null", self.invoke({"do": "nothing"}).response.body)
                self.assertEqual(1, len(self.posts(event)))
        self.stop(run)

    def test_a_500_to_a_post_ends_the_process(self):
        """16"""
        for call in ("response", "error"):
            run = self.start()
            self.api.on(call, Status(500, uses_up=True))
            self.invoke({"do": "nothing"} if call == "response" else {"do": "fail", "code": "io"})
            result = run.wait()
            self.assertEqual(1, result.status)
            self.assertEqual("FATAL", self.lines(result)[-1]["level"])
            self.assertIn("returned 500", self.lines(result)[-1]["message"])

    def test_a_response_that_may_have_arrived_is_not_posted_again_when_it_had(self):
        """§1.3.1, §1.6.12: the service read it, acted and closed. libcurl alone would send it
        again; here `next` brings another event, so it had arrived."""
        run = self.start()
        for reset in (False, True):
            self.api.on("response", Cut(acted=True, reset=reset))
            event = self.invoke({"do": "sleep", "ms": 1})
            self.assertEqual(b"null", self.invoke({"do": "nothing"}).response.body)
            self.assertEqual(1, len(self.posts(event)))
        self.stop(run)

    def test_a_response_that_had_not_arrived_is_posted_again_without_handling(self):
        """`next` brings the same event, so the service never had it: the kept response is
        posted again and the handler is not called twice."""
        run = self.start()
        for call, event in (("response", {"do": "sleep", "ms": 3}),
                            ("error", {"do": "fail", "code": "io", "message": "m"})):
            self.api.on(call, Cut(reset=True), Cut())
            event = self.invoke(event)
            self.assertEqual((call, 3, 3), (event.kind, event.given, len(self.posts(event))))
            self.assertEqual(1, len({r.body for r in self.posts(event)}))
        self.assertEqual(3, self.invoke({"do": "invocation"}).json["n_calls"])
        lines = [x["event"] for x in self.lines(self.stop(run))]
        self.assertEqual(4, lines.count("response_lost"))

    def test_an_event_whose_response_is_never_accepted_ends_the_process(self):
        """No endless loop at full speed, whether responses are lost or rejected."""
        for fault in (Cut(), Status(400, "InvalidRequestID")):
            run = self.launch()
            self.api.on("response", *[fault] * POST_TRIES)
            event = self.api.invoke({"do": "nothing"})
            result = run.wait()
            self.assertEqual(1, result.status)
            self.assertEqual(POST_TRIES, len(self.posts(event)))
            self.assertEqual("FATAL", self.lines(result)[-1]["level"])
            self.api.forget()

    def test_a_stop_during_a_post_that_hangs_ends_the_process(self):
        run = self.start()
        self.api.on("response", Late(120))
        self.api.invoke({"do": "nothing"})
        self.api.wait_for_calls("response", 1)
        run.signal(signal.SIGTERM)
        self.assertEqual(0, run.wait(60).status)

    def test_a_start_that_cannot_be_reported_ends_the_process_all_the_same(self):
        for fault in (Cut(), Status(500), Status(403)):
            self.api.on("init", fault)
            result = self.launch(ECHO_START="fail").wait()
            self.assertEqual(1, result.status)
            lines = [x["event"] for x in self.lines(result)]
            self.assertEqual(["start_failed", "start_report_failed"], lines)


if __name__ == "__main__":
    unittest.main()
