"""test_local_runtime_api.py: local-cloud's Runtime API by the rules of our own test server
(docs/lambda.md, 1.1, 1.2 and 1.3), and with our own client of it."""

import re
import socket
import tempfile
import time
import unittest
from pathlib import Path

from local_cloud import PATIENCE, Later, LocalCloud, LocalCloudCase, alive, echo
from test_lambda_runtime_api import BASE, Client, Rules

# Prints the address of its Runtime API and does not use it: the test is the function.
IDLE = {"program": "/bin/sh", "arguments": ["-c", "echo API=$AWS_LAMBDA_RUNTIME_API; exec sleep 900"],
        "start": "early", "init-timeout": 900, "timeout": 60}


class Id:
    """That of the n-th event. It is read from the START line when it is needed, because it is
    unknown before the event is delivered."""

    def __init__(self, cloud, n):
        self._cloud, self._n = cloud, n

    def __str__(self):
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            found = re.findall(r"START RequestId: (\S+)", self._cloud.run.text())
            if len(found) > self._n:
                return found[self._n]
            time.sleep(0.001)
        raise AssertionError("no START line")

    def __eq__(self, other):
        return str(self) == other

    def __getitem__(self, where):
        return str(self)[where]


class Given:
    """An invocation through Lambda's Invoke API."""

    def __init__(self, service, body, number):
        self.id = Id(service.cloud, number)
        self._call = Later(lambda: service.cloud.invoke("f", body))

    def wait(self):
        response = self._call.wait()
        self.response = response
        failed = "X-Amz-Function-Error" in response.headers
        too_large = failed and response.json["errorType"] == "Function.ResponseSizeTooLarge"
        self.kind = "refused" if too_large else "error" if failed else "response"
        return self


class Service:
    def __init__(self, **settings):
        self._folder = tempfile.TemporaryDirectory()
        self.cloud = LocalCloud({"functions": {"f": {**IDLE, **settings}}}, Path(self._folder.name))
        self.address = self.cloud.wait_for_line(r"API=(\S+)")[1]
        self._n = 0

    def invoke(self, body):
        # One after the other, so that the START lines are in order.
        event = Given(self, body, self._n)
        self._n += 1
        time.sleep(0.02)
        return event

    def settle(self):
        """`next` returns the running event again until the response has begun."""
        client = Client(self.address)
        until = time.monotonic() + PATIENCE
        while client.next()[0] == 200 and time.monotonic() < until:
            time.sleep(0.001)
        client.connection.close()

    def close(self):
        result = self.cloud.stop()
        self._folder.cleanup()
        assert result.status == 0, result


class LocalCloudKeepsTheRules(Rules, unittest.TestCase):
    """29: and related rules."""

    def service(self):
        return Service()

    def test_the_oldest_of_two_nexts_ends(self):
        """A client that repeats `next` on a new connection has lost the first."""
        first = Later(self.client.next)
        time.sleep(0.1)
        second_client = Client(self.api.address)
        second = Later(second_client.next)
        self.assertEqual(500, first.wait()[0])
        self.api.invoke(b'{"n":1}')
        self.assertEqual(b'{"n":1}', second.wait()[2])
        second_client.connection.close()

    def test_an_event_is_not_lost_with_a_next_whose_client_has_gone(self):
        gone = socket.create_connection(self.api.address.split(":"))
        gone.sendall(f"GET {BASE}/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        time.sleep(0.1)
        gone.close()
        time.sleep(0.1)
        event = self.api.invoke(b'{"n":1}')
        status, headers, body = self.client.next()
        self.assertEqual((200, b'{"n":1}', event.id),
                         (status, body, headers["Lambda-Runtime-Aws-Request-Id"]))

    def test_heads_in_pieces_and_requests_in_one_piece_are_understood(self):
        event = self.api.invoke(b'{"n":1}')
        host, port = self.api.address.split(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
            for byte in f"GET {BASE}/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n".encode():
                connection.sendall(bytes([byte]))
            stream = connection.makefile("rb")
            self.assertEqual(b'{"n":1}', read_response(stream)[1])
            post = f"POST {BASE}/invocation/{event.id}/response HTTP/1.1\r\nHost: x\r\n"
            connection.sendall(
                (post + "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n"
                 + post + "Content-Length: 2\r\n\r\n{}").encode())
            self.assertEqual(202, read_response(stream)[0])
            self.assertEqual(403, read_response(stream)[0])
        self.assertEqual(b'{"a":1}', event.wait().response.body)

    def test_an_unknown_response_mode_is_refused_and_fails_the_event(self):
        event = self.given()
        response = self.client.call("POST", f"/invocation/{event.id}/response", b"{}",
                                    **{"Lambda-Runtime-Function-Response-Mode": "dripping"})
        self.assertRefused(400, "InvalidFunctionResponseMode", response)
        event.wait()
        self.assertEqual("Runtime.InvalidResponseModeHeader", event.response.json["errorType"])

    def test_invalid_http_is_refused(self):
        host, port = self.api.address.split(":")
        for bad in (b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\n bad: 1\r\n\r\n",
                    b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\n\r\n"):
            with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
                connection.sendall(bad)
                self.assertIn(connection.recv(65536).split()[1], (b"400", b"414", b"431"))


def read_response(stream):
    status = int(stream.readline().split()[1])
    length = 0
    while (line := stream.readline()) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return status, stream.read(length)


class Headers(LocalCloudCase):
    def test_next_has_the_headers_of_the_contract(self):
        """§1.2"""
        cloud = self.one(timeout=PATIENCE)
        before = int(time.time() * 1000) / 1000  # the deadline is in milliseconds
        response = cloud.invoke("f", {}, {"X-Amzn-Trace-Id": "Root=1-2-3;Lineage=a:0",
                                          "X-Amz-Client-Context": "eyJjdXN0b20iOnsiYSI6MX19"})
        after = time.time()
        headers = response.json["headers"]
        self.assertEqual("application/json", headers["Content-Type"])
        self.assertEqual("Root=1-2-3;Lineage=a:0", headers["Lambda-Runtime-Trace-Id"])
        self.assertEqual('{"custom":{"a":1}}', headers["Lambda-Runtime-Client-Context"])
        self.assertEqual("arn:aws:lambda:us-east-1:123456789012:function:f",
                         headers["Lambda-Runtime-Invoked-Function-Arn"])
        self.assertRegex(headers["Lambda-Runtime-Aws-Request-Id"],
                         r"\A[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
        self.assertEqual(headers["Lambda-Runtime-Aws-Request-Id"], response.headers["x-amzn-RequestId"])
        deadline = int(headers["Lambda-Runtime-Deadline-Ms"]) / 1000
        self.assertTrue(before <= deadline - PATIENCE <= after, (before, deadline, after))
        made_up = cloud.invoke("f", {}).json["headers"]["Lambda-Runtime-Trace-Id"]
        self.assertRegex(made_up, r"\ARoot=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0\Z")

    def test_an_event_of_6_mib_is_complete(self):
        """20"""
        cloud = self.cloud(functions={"f": echo()})
        payload = b'{"do":"echo","x":"' + b"x" * (6 * 1024 * 1024 - 20) + b'"}'
        self.assertEqual(6291456, len(payload))
        self.assertEqual(payload, cloud.invoke("f", payload).body)


class Truncated(LocalCloudCase):
    def test_a_response_that_is_cut_off_ends_the_process(self):
        cloud = self.one()
        pid = cloud.invoke("f", {}).json["pid"]
        self.assertFunctionError(cloud.invoke("f", {"truncate": True}),
                                 "Runtime.TruncatedResponse", "Response truncated")
        self.wait_until(lambda: not alive(pid), "the end of the process")
        self.assertNotEqual(pid, cloud.invoke("f", {}).json["pid"])

    def test_our_runtime_handles_a_thousand_events_on_one_connection(self):
        """5"""
        cloud = self.cloud(functions={"f": echo()}, log="functions")
        connection = cloud.connect()
        for n in range(1000):
            body = '{"do":"echo","n":%d}' % n
            connection.request("POST", "/2015-03-31/functions/f/invocations", body)
            self.assertEqual(body.encode(), connection.getresponse().read())
        connection.close()


if __name__ == "__main__":
    unittest.main()
