"""Checklist 107, 108: ids that connect a request with its response and its log line."""

import unittest

from bodies import PAIR
from http_client import message
from http_words import CUSTOM_ATTRIBUTES, INFERENCE_ID, JSON, JSON_LINES
from serve_case import ServeCase


class Attributes(ServeCase):
    def test_custom_attributes_are_returned_unchanged(self):
        """Checklist 107: up to 1,024 visible characters."""
        with self.server.connect() as client:
            for value in ("trace=1", "a b c", "x" * 1024, "!~{}[]\"'\\,;:"):
                response = client.post(PAIR, headers={CUSTOM_ATTRIBUTES: value})
                self.assertEqual(value, response.header(CUSTOM_ATTRIBUTES), response)
                response = client.post(PAIR, headers={CUSTOM_ATTRIBUTES.lower(): value})
                self.assertEqual(value, response.header(CUSTOM_ATTRIBUTES), response)
            self.assertIsNone(client.post(PAIR).header(CUSTOM_ATTRIBUTES))
            self.assertIsNone(client.get("/ping").header(CUSTOM_ATTRIBUTES))

    def test_the_model_version_is_returned_in_the_attributes_on_request(self):
        with self.server.connect() as client:
            version = client.get("/health").json()["model"]["version"]
            for body, content_type in ((PAIR, JSON), (PAIR + b"\n" + PAIR, JSON_LINES)):
                response = client.post(body, content_type, headers={CUSTOM_ATTRIBUTES: "model_version"})
                self.assertEqual(f"model_version={version}", response.header(CUSTOM_ATTRIBUTES), response)
            response = client.post(b"{", headers={CUSTOM_ATTRIBUTES: "model_version"})
            self.assertIsNone(response.header(CUSTOM_ATTRIBUTES), response)

    def test_custom_attributes_cannot_add_a_header(self):
        """Checklist 107."""
        for value in (b"a\rSet-Cookie: x", b"a\nSet-Cookie: x", b"a\0b", b"\x1b[2J", b"caf\xc3\xa9",
                      b"x" * 1025, b"a\tb"):
            with self.subTest(value[:20]), self.server.connect() as client:
                client.send(b"POST /invocations HTTP/1.1\r\nHost: x\r\n"
                            b"X-Amzn-SageMaker-Custom-Attributes: " + value +
                            b"\r\nContent-Length: %d\r\n\r\n" % len(PAIR) + PAIR)
                response = client.read()
                self.assertIn(response.status, (200, 400), response)
                self.assertIsNone(response.header(CUSTOM_ATTRIBUTES), response)
                self.assertIsNone(response.header("Set-Cookie"), response)


class Log(ServeCase):
    def test_a_request_leaves_a_line_with_its_inference_id_and_no_data(self):
        """Checklist 108."""
        inference_id = "id-" + "x" * 61
        self.server.post({"userId": "secret-user", "movieId": "secret-movie"},
                         headers={INFERENCE_ID: inference_id})
        self.server.get("/internal/recommend/secret-user?top_n=3")
        line = self.server.wait_for_log("request", inference_id=inference_id)
        for key, value in (("level", "info"), ("method", "POST"), ("route", "/invocations"),
                           ("status", 200)):
            self.assertEqual(value, line[key], line)
        self.assertGreater(line["bytes_in"], 10)
        self.assertGreater(line["bytes_out"], 10)
        self.assertGreaterEqual(line["microseconds"], 0)
        self.assertRegex(line["ts"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
        line = self.server.wait_for_log("request", route="/internal/recommend/{user_id}")
        self.server.stop()
        self.assertNotIn("secret", self.server.stopped.stderr)

    def test_unknown_users_and_items_are_counted_without_their_ids(self):
        """In the line of the request and in /metrics; 0 is left out of the line."""
        unknown = [{"userId": f"secret-{n}", "movieId": "1001"} for n in range(12)]
        known = {"userId": "1", "movieId": "1001"}
        for body, counts in ((known, {}), ({"userId": "1", "movieIds": ["1001", "secret", "x"]}, {"unknown_items": 2}),
                             ({"instances": unknown[:9]}, {"unknown_users": 9}),
                             ({"instances": [*unknown, known]}, {"unknown_users": 12})):
            inference_id = str(len(str(body)))
            self.assertResponse(self.server.post(body, headers={INFERENCE_ID: inference_id}))
            line = self.server.wait_for_log("request", inference_id=inference_id)
            self.assertEqual(counts, {key: n for key, n in line.items() if key.startswith("unknown")})
        self.assertEqual([], self.server.log_lines("unknown_users"))
        self.server.get("/internal/recommend/secret-user")
        self.server.wait_for_log("request", route="/internal/recommend/{user_id}", unknown_users=1)
        metrics = self.server.metrics()
        self.assertEqual((22, 2), (metrics("recommender_unknown_users_total"),
                                   metrics("recommender_unknown_items_total")))
        # No user of a batch is known: one warning a minute.
        for n in range(3):
            self.assertResponse(self.server.post({"instances": unknown[:10 + n]}))
        self.server.wait_for_log("request", unknown_users=12, n=2)
        warnings = self.server.log_lines("unknown_users")
        self.assertEqual([("warning", 10)], [(line["level"], line["users"]) for line in warnings])
        self.assertIn("ids", warnings[0]["message"])
        self.server.stop()
        self.assertNotIn("secret", self.server.stopped.stderr)

    def test_an_inference_id_cannot_break_the_log(self):
        """Checklist 108: each line of the log is read as JSON at the end of each test."""
        with self.server.connect() as client:
            for value in ('"},{"', "\\", "x" * 65, "a\tb", "\u00fc"):
                client.send(message("POST", "/invocations", PAIR, {INFERENCE_ID: value}))
                self.assertIn(client.read().status, (200, 400))
        self.server.wait_for_log("request", n=5)

    def test_which_requests_are_logged_can_be_chosen(self):
        """Checklist 108."""
        for choice, expected in (("all", [200, 400, 200]), ("errors", [400]), ("off", [])):
            with self.subTest(choice):
                server = self.serve(env={"SERVE_ACCESS_LOG": choice})
                with server.connect() as client:
                    for body in (PAIR, b"{", PAIR):
                        client.post(body)
                server.stop()
                self.assertEqual(expected, [line["status"] for line in server.log_lines("request")
                                            if line["route"] == "/invocations"])


if __name__ == "__main__":
    unittest.main()
