"""test_local_endpoints.py: local-cloud as SageMaker Runtime (§3.4): requests to containers and
responses to callers."""

import http.server
import json
import socket
import threading
import time
import unittest

from local_cloud import LocalCloudCase, cloud_beside
from models import trained
from serve_case import ServeCase


class Container:
    """Responds as its request says: {"status", "headers", "body", "sleep", "cut"}."""

    def __init__(self):
        outer = self
        self.requests = []
        self.close_after_next = False

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.requests.append((self.path, self.headers, body, self.client_address))
                try:
                    do = json.loads(body)
                except ValueError:
                    do = {}
                time.sleep(do.get("sleep", 0))
                if do.get("cut"):
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                response = do.get("body", "fine").encode() * do.get("times", 1)
                self.send_response(do.get("status", 200))
                for name, value in {"Content-Type": "text/x", **do.get("headers", {})}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(response)))
                self.end_headers()
                try:
                    self.wfile.write(response)
                except OSError:
                    pass  # the client has closed
                if outer.close_after_next:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 1024  # with the default of 5 many concurrent connections would wait for seconds
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Endpoints(LocalCloudCase):
    def setUp(self):
        super().setUp()
        self.container = Container()

    def tearDown(self):
        super().tearDown()
        self.container.close()

    def movies(self, **config):
        return self.cloud(endpoints={"movies": f"http://127.0.0.1:{self.container.port}"}, **config)

    def test_a_request_is_forwarded_with_the_headers_that_sagemaker_forwards(self):
        cloud = self.movies()
        response = cloud.endpoint("movies", b'{"body":"yes"}', {
            "Content-Type": "application/json", "Accept": "text/csv", "X-Mine": "no",
            "X-Amzn-SageMaker-Custom-Attributes": "a=1", "X-Amzn-SageMaker-Inference-Id": "id1",
            "Authorization": "AWS4-HMAC-SHA256 x"})
        self.assertEqual((200, b"yes", "text/x", "AllTraffic"),
                         (response.status, response.body, response.headers["Content-Type"],
                          response.headers["x-Amzn-Invoked-Production-Variant"]))
        self.assertTrue(response.headers["x-amzn-RequestId"])
        path, headers, body, _ = self.container.requests[0]
        self.assertEqual(("/invocations", b'{"body":"yes"}'), (path, body))
        self.assertEqual(("application/json", "text/csv", "a=1", "id1"),
                         (headers["Content-Type"], headers["Accept"],
                          headers["X-Amzn-SageMaker-Custom-Attributes"],
                          headers["X-Amzn-SageMaker-Inference-Id"]))
        self.assertNotIn("X-Mine", headers)
        self.assertNotIn("Authorization", headers)

    def test_callers_get_four_headers_of_the_response(self):
        response = self.movies().endpoint("movies", json.dumps({"headers": {
            "X-Amzn-SageMaker-Custom-Attributes": "c", "X-Amzn-SageMaker-New-Session-Id": "n; Expires=z",
            "X-Amzn-SageMaker-Closed-Session-Id": "d", "X-Mine": "no"}}))
        self.assertEqual(("c", "n; Expires=z", "d", None),
                         tuple(response.headers[n] for n in (
                             "X-Amzn-SageMaker-Custom-Attributes", "X-Amzn-SageMaker-New-Session-Id",
                             "X-Amzn-SageMaker-Closed-Session-Id", "X-Mine")))

    def test_errors_of_the_container_are_model_errors(self):
        """57"""
        cloud = self.movies()
        for status, code in ((400, "CLIENT"), (404, "CLIENT"), (500, "SERVER"), (503, "SERVER")):
            response = cloud.endpoint("movies", json.dumps({"status": status, "body": 'a "reason"'}))
            self.assertEqual((424, "ModelError"), (response.status, response.headers["x-amzn-ErrorType"]))
            error = response.json
            self.assertEqual((status, 'a "reason"', code + "_ERROR_FROM_MODEL"),
                             (error["OriginalStatusCode"], error["OriginalMessage"], error["ErrorCode"]))
            self.assertIn(f'Received {code.lower()} error ({status}) from primary with message "a "reason""',
                          error["Message"])
            self.assertTrue(error["LogStreamArn"].startswith("arn:aws:logs:"))

    def test_a_container_that_is_late_is_a_model_error_too(self):
        cloud = self.movies(**{"container-timeout": 0.5})
        response = cloud.endpoint("movies", '{"sleep":2}')
        self.assertEqual((424, 0), (response.status, response.json["OriginalStatusCode"]))
        self.assertIn("timed out", response.json["OriginalMessage"])
        self.assertEqual(200, cloud.endpoint("movies", "{}").status)

    def test_a_container_that_is_not_there_is_503(self):
        cloud = self.cloud(endpoints={"movies": "http://127.0.0.1:1", "named": "http://localhost:1"})
        for name in ("movies", "named"):
            response = cloud.endpoint(name, "{}")
            self.assertEqual((503, "ServiceUnavailable"), (response.status, response.headers["x-amzn-ErrorType"]))
            self.assertEqual(["Message"], list(response.json))

    def test_unknown_names_and_long_bodies_are_validation_errors(self):
        cloud = self.movies()
        response = cloud.endpoint("Movies", "{}")
        self.assertEqual((400, "ValidationError", "Endpoint Movies of account 123456789012 not found."),
                         (response.status, response.headers["x-amzn-ErrorType"], response.json["Message"]))
        for size in (6291457, 11 << 20):
            response = cloud.endpoint("movies", b" " * size)
            self.assertEqual((400, "ValidationError"), (response.status, response.headers["x-amzn-ErrorType"]))
        response = cloud.endpoint("movies", "{}", {"X-Amzn-SageMaker-Inference-Id": "x" * 65})
        self.assertEqual(400, response.status)
        self.assertEqual([], self.container.requests)
        self.assertEqual(200, cloud.endpoint("movies", b"{}" + b" " * 6291454).status)
        self.assertEqual(424, cloud.endpoint("movies", '{"times":6291457,"body":"x"}').status)

    def test_connections_are_kept_and_a_closed_one_is_replaced(self):
        """61"""
        cloud = self.movies()
        for _ in range(5):
            self.assertEqual(200, cloud.endpoint("movies", "{}").status)
        self.assertEqual(1, len({r[3] for r in self.container.requests}))
        self.container.close_after_next = True
        for _ in range(5):
            self.assertEqual(200, cloud.endpoint("movies", "{}").status)
        self.container.close_after_next = False
        before = len(self.container.requests)
        self.assertEqual(503, cloud.endpoint("movies", '{"cut":true}').status)
        self.assertLessEqual(len(self.container.requests) - before, 2)
        self.assertEqual(200, cloud.endpoint("movies", "{}").status)

    def test_many_at_once_and_clients_that_go_away(self):
        cloud = self.movies()
        calls = [cloud.later(cloud.endpoint, "movies", '{"sleep":0.5}') for _ in range(50)]
        for _ in range(5):
            connection = cloud.connect()
            connection.request("POST", "/endpoints/movies/invocations", '{"sleep":0.3}')
            connection.close()
        self.assertEqual({200}, {call.wait().status for call in calls})
        self.assertEqual(200, cloud.endpoint("movies", "{}").status)

    def test_more_than_the_connections_is_a_throttle_in_sagemakers_form(self):
        """56"""
        cloud = self.movies()
        calls = [cloud.later(cloud.endpoint, "movies", '{"sleep":3}') for _ in range(300)]
        responses = [call.wait() for call in calls]
        refused = [a for a in responses if a.status == 400]
        self.assertEqual({200, 400}, {a.status for a in responses})
        self.assertEqual((b'{"message":null}', "ThrottlingException"),
                         (refused[0].body, refused[0].headers["x-amzn-ErrorType"]))


class RealContainer(ServeCase):
    def test_serve_responds_through_an_endpoint(self):
        row = trained().rows[0]
        body = json.dumps({"userId": row[0], "movieId": row[1]})
        direct = self.server.post(json.loads(body)).json()
        cloud = cloud_beside(self, endpoints={"movies": f"http://127.0.0.1:{self.server.port}"})
        response = cloud.endpoint("movies", body, {"Content-Type": "application/json"})
        self.assertEqual((200, direct), (response.status, response.json))
        response = cloud.endpoint("movies", "{", {"Content-Type": "application/json"})
        self.assertEqual((424, 400), (response.status, response.json["OriginalStatusCode"]))


if __name__ == "__main__":
    unittest.main()
