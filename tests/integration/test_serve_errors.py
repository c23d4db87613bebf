"""Checklist 103-106: errors for clients."""

import unittest

from bodies import PAIR
from http_words import CSV, JSON, JSON_LINES
from serve_case import ServeCase


class Errors(ServeCase):
    def test_an_empty_body_is_400_with_what_to_send(self):
        """Checklist 103: never 500."""
        with self.server.connect() as client:
            for content_type, word in ((JSON, "instances"), (JSON_LINES, "line"), (CSV, "user,movie")):
                for body in (b"", b"\n", b" \r\n", b"\xef\xbb\xbf"):
                    with self.subTest(f"{content_type} {body}"):
                        self.assertRefused(client.post(body, content_type), 400, "empty", word)
            self.assertRefused(client.request("POST", "/invocations", content_type=JSON), 400, "empty")

    def test_an_error_has_its_place_and_the_connection_stays_usable(self):
        """Checklist 104, 105 (the rest is in test_serve_bad_input)."""
        with self.server.connect() as client:
            for content_type, body, words in (
                    (JSON, b'{"userId":"1"', ("line 1",)),
                    (JSON, b'{"instances":[{"userId":"1","movieId":"2"},{"userId":3.5,"movieId":"2"}]}',
                     ("instances[1].userId",)),
                    (JSON_LINES, PAIR + b"\n" + PAIR + b"\n{\n", ("line 3",)),
                    (CSV, b"1,2\n1,2,3\n", ("line 2",))):
                with self.subTest(words):
                    response = client.post(body, content_type)
                    self.assertRefused(response, 400, *words)
                    self.assertEqual("bad_request", response.json()["error"]["code"])
                    self.assertFalse(response.closes)
            self.assertEqual(200, client.post(PAIR).status)

    def test_errors_are_short_and_printable_with_any_quotation(self):
        """Checklist 105: each response in these tests is checked (http_response.check_response)."""
        ugly = ("\x01\x1b[31m\x7f\\\"", "💩" * 300, "x" * 3000, "\u202e\u2028", "<script>")
        with self.server.connect() as client:
            for text in ugly:
                with self.subTest(text[:10]):
                    self.assertRefused(client.post({text: 1}), 400)
                    self.assertRefused(client.post({"userId": text, "movieId": []}), 400)
                    self.assertRefused(client.post(text, CSV), 400)
                    self.assertRefused(client.post({"instances": [], text: 1}), 400)

    def test_500_is_never_a_response_to_a_client(self):
        """Checklist 106: none of the requests of all tests of this server."""
        with self.server.connect() as client:
            for body in (b"", b"{", b"[]", b"{}", b"null", PAIR, b"\xff", b'{"a":1}'):
                for content_type in (JSON, JSON_LINES, CSV, "x/y"):
                    client.post(body, content_type)
        metrics = self.server.metrics()
        self.assertEqual(0, metrics("recommender_http_requests_total", route="/invocations", status="5xx"))


if __name__ == "__main__":
    unittest.main()
