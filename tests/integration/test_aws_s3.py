"""Checklist 53, 59 and 60 (docs/lambda.md), and other failures while an object is received."""

import unittest

from aws_case import SECRET, TOKEN, AwsCase
from aws_peers import cut, hang_up, raw, respond, slow

URI = "s3://movies/data/movies.csv"


def s3_error(status, code, more="", headers=()):
    """S3's errors are XML."""
    return respond(status, f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
                   f"<Message>About {code}.</Message>{more}<RequestId>R1</RequestId></Error>".encode(),
                   [("Content-Type", "application/xml"), ("x-amz-request-id", "R1"), *headers])


class S3(AwsCase):
    def setUp(self):
        super().setUp()
        self.s3 = self.peer("s3")
        self.bucket = self.client("s3", self.s3)

    def get(self, **members):
        return self.bucket("get", **{"uri": URI, **members})


class Objects(S3):
    def test_bytes_and_version_of_an_object(self):
        body = bytes(range(256)) * 100
        self.s3.will(respond(200, body, [("ETag", '"abc-2"')]))
        response = self.assertOk(self.get())
        self.assertEqual((body, '"abc-2"', len(body), False, 1),
                         (response["body"], response["etag"], response["n_object"],
                          response["is_not_modified"], response["n_begun"]))

    def test_an_empty_object(self):
        self.s3.will(respond(200, b""))
        response = self.assertOk(self.get())
        self.assertEqual((b"", 1, ""), (response["body"], response["n_begun"], response["etag"]))

    def test_an_object_of_many_megabytes_comes_in_pieces(self):
        body = b"1,Toy Story (1995),Adventure\n" * 1_000_000
        self.s3.will(respond(200, body))
        self.assertEqual(len(body), self.assertOk(self.get(max_bytes=1 << 30))["n_object"])

    def test_an_object_in_chunks(self):
        self.s3.will(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                         b"3\r\nabc\r\n4\r\ndefg\r\n0\r\nETag: trailer\r\n\r\n"))
        response = self.assertOk(self.get())
        self.assertEqual((b"abcdefg", ""), (response["body"], response["etag"]))

    def test_not_modified_keeps_the_object(self):
        """59: the sink is not called."""
        self.s3.will(respond(304, headers=[("ETag", '"v1"')]))
        response = self.assertOk(self.get(etag='"v1"'))
        self.assertEqual((True, '"v1"', 0), (response["is_not_modified"], response["etag"],
                                             response["n_begun"]))
        self.assertEqual('"v1"', self.s3.requests[0].header("If-None-Match"))
        self.s3.will(respond(200, b"new", [("ETag", '"v2"')]))
        self.assertEqual(b"new", self.assertOk(self.get(etag='"v1"'))["body"])

    def test_not_modified_to_an_unconditional_request_is_an_error(self):
        self.s3.will(respond(304))
        self.assertFails("local", self.get())
        self.assertIsNone(self.s3.requests[0].header("If-None-Match"))

    def test_a_status_that_is_no_object(self):
        for status in (201, 204, 206):
            self.s3.will(respond(status, b""))
            self.assertIn(str(status), self.assertFails("local", self.get())["text"])

    def test_the_sink_can_refuse(self):
        self.s3.will(respond(200, b"x" * 1000))
        response = self.assertFails("local", self.get(refuse_after=10))
        self.assertEqual((f"{URI}: enough of this", "parse", 1),
                         (response["text"], response["error"], response["n_tries"]))

    def test_an_object_that_is_too_large_is_refused_before_it_comes(self):
        self.s3.will(respond(200, b"x" * 1001))
        response = self.assertFails("too_large", self.get(max_bytes=1000))
        self.assertEqual((0, 1), (response["n_begun"], response["n_tries"]))
        self.assertIn("1000", response["text"])
        self.s3.will(respond(200, b"x" * 1000))
        self.assertOk(self.get(max_bytes=1000))

    def test_an_invalid_uri_is_refused(self):
        for uri in ("", "http://a/b", "s3://", "s3://movies", "s3://movies/", "s3:///key",
                    "s3://Movies/key", "s3://a/key", "S3://movies/key", "s3://a..b/k",
                    "s3://192.168.5.4/k", "s3://movies/" + "k" * 1025):
            response = self.get(uri=uri)
            self.assertFalse(response["ok"], uri)
            self.assertIn(uri[-20:], response["text"])


class Broken(S3):
    def test_a_cut_object_is_refused(self):
        """60: fewer bytes than Content-Length; chunks without their end."""
        for act in (cut(1000, b"x" * 999), cut(5, b""),
                    raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                        keep=False)):
            self.s3.will(*[act] * 6)
            response = self.assertFails("unreachable", self.get())
            self.assertEqual(3, response["n_tries"])
            self.s3.forget()

    def test_an_object_without_a_marked_end_is_refused(self):
        """60: nothing tells whether it is complete."""
        self.s3.otherwise = respond(200, b"abc", length=False, keep=False)
        response = self.assertFails("unreachable", self.get())
        self.assertIn("Content-Length", response["text"])
        self.assertEqual(0, response["n_begun"])

    def test_after_a_cut_the_sink_begins_anew(self):
        """60: the object contains no bytes of the first try."""
        self.s3.will(cut(1000, b"old" * 100), respond(200, b"new"))
        response = self.assertOk(self.get())
        self.assertEqual((b"new", 2, 3), (response["body"], response["n_begun"], response["n_object"]))

    def test_slow_down_and_internal_errors_are_tried_again(self):
        for status, code in ((503, "SlowDown"), (500, "InternalError"), (400, "RequestTimeout")):
            self.s3.will(s3_error(status, code), respond(200, b"new"))
            self.assertEqual(b"new", self.assertOk(self.get())["body"])

    def test_a_slow_object_does_not_pass_the_deadline(self):
        self.s3.will(slow(0.6, respond(200, b"late")), hang_up)
        self.assertFails("timed_out", self.get(budget_ms=400))


class Refused(S3):
    def test_missing_and_denied_objects_are_named(self):
        """59: bucket and key are in the sentence, once, and nothing is tried again."""
        for kind, status, code in (("missing", 404, "NoSuchKey"), ("missing", 404, "NoSuchBucket"),
                                   ("denied", 403, "AccessDenied"),
                                   ("denied", 403, "InvalidAccessKeyId")):
            self.s3.will(s3_error(status, code))
            response = self.assertFails(kind, self.get())
            self.assertEqual((1, code, "R1"), (response["n_tries"], response["code"],
                                               response["request_id"]))
            for piece in (URI, str(status), code, f"About {code}."):
                self.assertIn(piece, response["text"])

    def test_a_wrong_clock_is_named(self):
        self.s3.will(s3_error(403, "RequestTimeTooSkewed"))
        self.assertIn("clock", self.assertFails("skewed", self.get())["text"])
        self.s3.will(s3_error(400, "ExpiredToken"))
        self.assertFails("expired", self.get())

    def test_a_redirect_is_not_followed_and_names_the_region(self):
        """53: by header, by body, or not at all."""
        elsewhere = self.peer("s3")
        location = ("Location", elsewhere.url + "/movies/data/movies.csv")
        region = ("x-amz-bucket-region", "us-west-2")
        for act, named in (
                (s3_error(301, "PermanentRedirect", headers=[location, region]), "us-west-2"),
                (s3_error(307, "TemporaryRedirect", headers=[location, region]), "us-west-2"),
                (s3_error(301, "PermanentRedirect", "<Region>eu-west-1</Region>", [location]),
                 "eu-west-1"),
                (s3_error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
                 "eu-west-1"),
                (respond(301, headers=[location]), ""), (respond(308, headers=[location]), "")):
            self.s3.will(act)
            response = self.assertFails("wrong_region", self.get())
            self.assertEqual((1, named), (response["n_tries"], response["other_region"]))
            self.assertIn(named or "not told", response["text"])
            self.assertIn("eu-central-1", response["text"])
            self.assertIn(URI, response["text"])
        self.assertEqual([], elsewhere.requests)

    def test_a_wrong_signature_does_not_show_the_token(self):
        """32: S3 sends back the canonical request."""
        self.s3.will(s3_error(403, "SignatureDoesNotMatch",
                              f"<CanonicalRequest>x-amz-security-token:{TOKEN}</CanonicalRequest>"))
        self.assertFails("denied", self.get())
        self.s3.will(respond(403, f"<Error><Code>SignatureDoesNotMatch</Code><Message>{SECRET}"
                             "</Message></Error>".encode()))
        self.assertFails("denied", self.get())

    def test_errors_that_are_no_xml(self):
        for body in (b"", b"<", b"<Error><Code>", b"<html>busy</html>", b"\xff\x00<Code>",
                     b"<Error><Code></Code></Error>", b"{}", b"[" * 60000, b" \n\t"):
            self.s3.will(respond(403, body))
            response = self.assertFails("denied", self.get())
            self.assertEqual("", response["code"])


if __name__ == "__main__":
    unittest.main()
