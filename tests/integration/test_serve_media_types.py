"""Checklist 99-102: the media types of requests and responses."""

import unittest

from bodies import PAIR
from http_words import CSV, JSON, JSON_LINES
from serve_case import ServeCase


class MediaTypes(ServeCase):
    def test_a_request_without_a_content_type_is_json(self):
        """Checklist 99."""
        with self.server.connect() as client:
            self.assertResponse(client.request("POST", "/invocations", body=PAIR), 200, JSON)
            self.assertResponse(client.request("POST", "/invocations", body=PAIR,
                                               headers={"Content-Type": ""}), 200, JSON)

    def test_parameters_and_case_of_a_content_type_do_not_matter(self):
        """Checklist 99."""
        bodies = {JSON: PAIR, JSON_LINES: PAIR + b"\n", CSV: b"1,1001\n"}
        with self.server.connect() as client:
            for expected, types in (
                    (CSV, ("text/csv", "Text/CSV", "text/csv; charset=utf-8", "text/csv;label_size=0",
                           "TEXT/CSV ; header=present", ' text/csv; a="x;y"')),
                    (JSON, ("application/json", "application/json; charset=utf-8",
                            "Application/JSON;verbose=true")),
                    (JSON_LINES, ("application/jsonlines", "application/jsonlines;charset=UTF-8"))):
                for content_type in types:
                    with self.subTest(content_type):
                        self.assertResponse(client.post(bodies[expected], content_type), 200, expected)

    def test_other_types_are_415_and_the_text_lists_the_supported_ones(self):
        """Checklist 100: the default of a Predictor of the SDK is one of them."""
        with self.server.connect() as client:
            for content_type in ("application/octet-stream", "text/html", "application/x-npy",
                                 "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                                 "application/x-recordio-protobuf", "text/csvx", "csv", "*/*", "a" * 900,
                                 "application/json, text/csv"):
                with self.subTest(content_type[:40]):
                    self.assertRefused(client.post(PAIR, content_type), 415, content_type[:100], JSON,
                                       JSON_LINES, CSV)
            self.assertEqual(200, client.get("/ping").status)

    def test_accept_chooses_among_the_supported_types(self):
        """Checklist 101, 102: with q-values, ranges and lists; the request's own format
        among equals."""
        cases = [(None, None), ("", None), ("*/*", None), ("application/*", JSON), ("text/*", CSV),
                 (JSON, JSON), (CSV, CSV), (JSON_LINES, JSON_LINES), ("TEXT/CSV", CSV),
                 ("application/json; verbose=true", JSON), ("text/html, text/csv", CSV),
                 ("text/csv;q=0.1, application/json;q=0.9", JSON),
                 ("text/csv;q=0.9, application/json;q=0.1", CSV),
                 ("application/json;q=0, */*", None), ("text/html;q=1, */*;q=0.1", None),
                 ("text/csv; q=0.5, application/jsonlines; q=0.51", JSON_LINES),
                 ("*/*;q=0.1, text/csv", CSV)]
        bodies = {JSON: PAIR, JSON_LINES: PAIR + b"\n", CSV: b"1,1001\n"}
        with self.server.connect() as client:
            for content_type, body in bodies.items():
                for accept, expected in cases:
                    with self.subTest(f"{content_type} {accept}"):
                        headers = {} if accept is None else {"Accept": accept}
                        response = self.assertResponse(client.post(body, content_type, headers=headers))
                        if accept == "application/json;q=0, */*":
                            self.assertNotEqual(JSON, response.media_type)
                            continue
                        if accept == "application/*":
                            expected = content_type if content_type != CSV else JSON
                        self.assertEqual(expected or content_type, response.header("Content-Type"))
                        self.check_body(response)

    def check_body(self, response):
        if response.media_type == JSON:
            response.json()
        elif response.media_type == JSON_LINES:
            self.assertEqual(1, len(response.json_lines()))
        else:
            self.assertRegex(response.csv_lines()[0], r"\A\d(\.\d+)?\Z")

    def test_accept_may_come_in_several_lines(self):
        """Checklist 101."""
        response = self.server.post(PAIR, headers=[("Accept", "text/html"), ("Accept", "text/csv")])
        self.assertResponse(response, 200, CSV)

    def test_the_default_format_of_responses_can_be_set(self):
        """Checklist 101."""
        for default in (CSV, JSON, JSON_LINES, "Application/JSON; charset=utf-8"):
            with self.subTest(default):
                server = self.serve(env={"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": default})
                expected = default.partition(";")[0].lower()
                for headers in ({}, {"Accept": "*/*"}, {"Accept": ""}):
                    for body, content_type in ((PAIR, JSON), (b"1,1001", CSV), (PAIR, JSON_LINES)):
                        self.assertResponse(server.post(body, content_type, headers=headers), 200,
                                            expected)
                self.assertResponse(server.post(PAIR, headers={"Accept": JSON_LINES}), 200, JSON_LINES)

    def test_an_unsupported_accept_is_406_before_anything_is_computed(self):
        """Checklist 101: 406 also for an invalid body."""
        with self.server.connect() as client:
            for accept in ("text/html", "image/png", "application/x-recordio-protobuf",
                           "application/json;q=0", "*/*;q=0", "text/csv;q=0, text/html"):
                for body in (PAIR, b"{"):
                    with self.subTest(accept):
                        self.assertRefused(client.post(body, headers={"Accept": accept}), 406, JSON,
                                           JSON_LINES, CSV)
            self.assertRefused(client.post({"userId": "1", "top_n": 3}, headers={"Accept": CSV}), 406,
                               JSON)

    def test_types_are_checked_in_a_helpful_order(self):
        """Checklist 100, 101: 415 before 406 before the body."""
        headers = {"Accept": "image/png"}
        self.assertEqual(415, self.server.post(b"", "text/html", headers=headers).status)
        self.assertEqual(406, self.server.post(b"", JSON, headers=headers).status)
        self.assertEqual(400, self.server.post(b"", JSON).status)

    def test_responses_of_every_path_have_a_media_type(self):
        """Checklist 102."""
        for path, content_type in (("/execution-parameters", JSON), ("/health", JSON),
                                   ("/internal/recommend/1", JSON), ("/recommend/cached/1", JSON),
                                   ("/metrics", "text/plain; version=0.0.4; charset=utf-8")):
            self.assertResponse(self.server.get(path), 200, content_type)


if __name__ == "__main__":
    unittest.main()
