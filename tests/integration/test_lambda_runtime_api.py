"""test_lambda_runtime_api.py: the responses of a Runtime API (checklist 29 and §1.3 of
docs/lambda.md), so that a function tested with it is tested for AWS's.

Checks our own test server. Another service (local/) is checked by the same rules in a
subclass of Rules whose service() starts it and has: address, invoke(body) → an object
with id and wait() → kind ("response", "error", "refused") and response.body, and close().
"""

import http.client
import json
import threading
import unittest

from runtime_api import RESPONSE_BYTES, RuntimeApi

BASE = "/2018-06-01/runtime"


class Client:
    """A runtime as single calls."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=30)

    def call(self, method, path, body=None, **headers):
        self.connection.request(method, BASE + path, body=body, headers=headers)
        response = self.connection.getresponse()
        return response.status, response.headers, response.read()

    def next(self):
        return self.call("GET", "/invocation/next")

    def respond(self, request_id, body=b"{}"):
        return self.call("POST", f"/invocation/{request_id}/response", body)

    def report(self, request_id, body=b'{"errorMessage":"m","errorType":"Function.X"}'):
        return self.call("POST", f"/invocation/{request_id}/error", body,
                         **{"Lambda-Runtime-Function-Error-Type": "Function.X"})

    def init_error(self):
        return self.call("POST", "/init/error", b"{}")


class Rules:
    def service(self):
        raise NotImplementedError

    def setUp(self):
        self.api = self.service()
        self.client = Client(self.api.address)

    def tearDown(self):
        self.client.connection.close()
        self.api.close()

    def given(self, body=b"{}"):
        """An invocation, with `next` called for it."""
        event = self.api.invoke(body)
        status, headers, got = self.client.next()
        self.assertEqual((200, body, event.id),
                         (status, got, headers["Lambda-Runtime-Aws-Request-Id"]))
        return event

    def assertRefused(self, status, kind, response):
        self.assertEqual((status, kind), (response[0], json.loads(response[2])["errorType"]))
        self.assertTrue(json.loads(response[2])["errorMessage"])

    def assertTaken(self, response):
        self.assertEqual((202, {"status": "OK"}), (response[0], json.loads(response[2])))

    def test_an_event_comes_with_its_headers(self):
        self.api.invoke(b'{"a":1}')
        status, headers, body = self.client.next()
        self.assertEqual((200, b'{"a":1}'), (status, body))
        self.assertGreater(int(headers["Lambda-Runtime-Deadline-Ms"]), 1_600_000_000_000)
        self.assertRegex(headers["Lambda-Runtime-Invoked-Function-Arn"], r"\Aarn:aws:lambda:")

    def test_a_response_is_taken_once(self):
        event = self.given()
        self.assertTaken(self.client.respond(event.id, b'{"b":2}'))
        self.assertEqual(("response", b'{"b":2}'), (event.wait().kind, event.response.body))
        self.assertRefused(403, "InvalidStateTransition", self.client.respond(event.id))
        self.assertRefused(403, "InvalidStateTransition", self.client.report(event.id))

    def test_a_report_is_taken_once(self):
        event = self.given()
        self.assertTaken(self.client.report(event.id))
        self.assertEqual("error", event.wait().kind)
        self.assertRefused(403, "InvalidStateTransition", self.client.respond(event.id))

    def test_a_wrong_id_is_400_in_any_state(self):
        self.assertRefused(400, "InvalidRequestID", self.client.respond("unknown"))
        event = self.given()
        self.assertRefused(400, "InvalidRequestID", self.client.respond("unknown"))
        self.assertRefused(400, "InvalidRequestID", self.client.report(event.id[:-1]))
        self.assertTaken(self.client.respond(event.id))

    def test_the_id_of_an_earlier_event_is_a_wrong_one(self):
        first = self.given()
        self.client.respond(first.id)
        second = self.given()
        self.assertRefused(400, "InvalidRequestID", self.client.respond(first.id))
        self.assertTaken(self.client.respond(second.id))

    def test_next_while_running_returns_the_same_event(self):
        event = self.given(b'{"n":1}')
        other = self.api.invoke(b'{"n":2}')
        for _ in range(3):
            status, headers, body = self.client.next()
            self.assertEqual((200, b'{"n":1}'), (status, body))
            self.assertEqual(event.id, headers["Lambda-Runtime-Aws-Request-Id"])
        self.client.respond(event.id)
        self.assertEqual(other.id, self.client.next()[1]["Lambda-Runtime-Aws-Request-Id"])

    def test_next_blocks_until_there_is_an_event(self):
        got = []
        thread = threading.Thread(target=lambda: got.append(self.client.next()))
        thread.start()
        thread.join(0.3)
        self.assertTrue(thread.is_alive())
        self.api.invoke(b'{"late":1}')
        thread.join(10)
        self.assertEqual(b'{"late":1}', got[0][2])

    def test_a_response_over_the_limit_is_413_and_uses_the_event_up(self):
        event = self.given()
        response = self.client.respond(event.id, b"x" * (RESPONSE_BYTES + 1))
        self.assertRefused(413, "RequestEntityTooLarge", response)
        self.assertRefused(403, "InvalidStateTransition", self.client.report(event.id))
        event = self.given()
        self.assertTaken(self.client.respond(event.id, b"x" * RESPONSE_BYTES))

    def test_after_an_init_error_everything_is_403(self):
        self.assertTaken(self.client.init_error())
        self.assertRefused(403, "InvalidStateTransition", self.client.next())
        self.assertRefused(403, "InvalidStateTransition", self.client.init_error())

    def test_an_init_error_after_next_is_403(self):
        self.given()
        self.assertRefused(403, "InvalidStateTransition", self.client.init_error())

    def test_after_a_cut_response_no_other_is_accepted(self):
        """The state changes before the body is read."""
        event = self.given()
        self.client.connection.putrequest("POST", f"{BASE}/invocation/{event.id}/response")
        self.client.connection.putheader("Content-Length", "10")
        self.client.connection.endheaders(b"{}")
        other = Client(self.api.address)
        self.api.settle()
        self.assertRefused(403, "InvalidStateTransition", other.report(event.id))
        other.connection.close()

    def test_an_unknown_path_is_404(self):
        self.assertEqual(404, self.client.call("GET", "/nothing")[0])
        self.assertEqual(404, self.client.call("POST", "/invocation/x/other", b"")[0])


class OurTestServer(Rules, unittest.TestCase):
    def service(self):
        return RuntimeApi()


if __name__ == "__main__":
    unittest.main()
