"""Checklist 53, 59 and 60 (docs/lambda.md), and what else an object on its way can suffer."""

import unittest

from aws_case import SECRET, TOKEN, AwsCase
from aws_peers import answer, cut, hang_up, raw, slow

URI = "s3://movies/data/movies.csv"


def said(status, code, more="", headers=()):
    """S3's errors are XML."""
    return answer(status, f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
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
        self.s3.will(answer(200, body, [("ETag", '"abc-2"')]))
        reply = self.assertOk(self.get())
        self.assertEqual((body, '"abc-2"', len(body), False, 1),
                         (reply["body"], reply["etag"], reply["n_object"],
                          reply["is_not_modified"], reply["n_begun"]))

    def test_an_empty_object(self):
        self.s3.will(answer(200, b""))
        reply = self.assertOk(self.get())
        self.assertEqual((b"", 1, ""), (reply["body"], reply["n_begun"], reply["etag"]))

    def test_an_object_of_many_megabytes_comes_in_pieces(self):
        body = b"1,Toy Story (1995),Adventure\n" * 1_000_000
        self.s3.will(answer(200, body))
        self.assertEqual(len(body), self.assertOk(self.get(max_bytes=1 << 30))["n_object"])

    def test_an_object_in_chunks(self):
        self.s3.will(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                         b"3\r\nabc\r\n4\r\ndefg\r\n0\r\nETag: trailer\r\n\r\n"))
        reply = self.assertOk(self.get())
        self.assertEqual((b"abcdefg", ""), (reply["body"], reply["etag"]))

    def test_not_modified_keeps_what_there_is(self):
        """59: the sink is not called."""
        self.s3.will(answer(304, headers=[("ETag", '"v1"')]))
        reply = self.assertOk(self.get(etag='"v1"'))
        self.assertEqual((True, '"v1"', 0), (reply["is_not_modified"], reply["etag"],
                                             reply["n_begun"]))
        self.assertEqual('"v1"', self.s3.requests[0].header("If-None-Match"))
        self.s3.will(answer(200, b"new", [("ETag", '"v2"')]))
        self.assertEqual(b"new", self.assertOk(self.get(etag='"v1"'))["body"])

    def test_not_modified_without_a_question_is_no_answer(self):
        self.s3.will(answer(304))
        self.assertFails("local", self.get())
        self.assertIsNone(self.s3.requests[0].header("If-None-Match"))

    def test_a_status_that_is_no_object(self):
        for status in (201, 204, 206):
            self.s3.will(answer(status, b""))
            self.assertIn(str(status), self.assertFails("local", self.get())["text"])

    def test_the_sink_can_refuse(self):
        self.s3.will(answer(200, b"x" * 1000))
        reply = self.assertFails("local", self.get(refuse_after=10))
        self.assertEqual((f"{URI}: enough of this", "parse", 1),
                         (reply["text"], reply["error"], reply["n_tries"]))

    def test_an_object_that_is_too_large_is_refused_before_it_comes(self):
        self.s3.will(answer(200, b"x" * 1001))
        reply = self.assertFails("too_large", self.get(max_bytes=1000))
        self.assertEqual((0, 1), (reply["n_begun"], reply["n_tries"]))
        self.assertIn("1000", reply["text"])
        self.s3.will(answer(200, b"x" * 1000))
        self.assertOk(self.get(max_bytes=1000))

    def test_a_uri_that_is_none_is_refused(self):
        for uri in ("", "http://a/b", "s3://", "s3://movies", "s3://movies/", "s3:///key",
                    "s3://Movies/key", "s3://a/key", "S3://movies/key", "s3://a..b/k",
                    "s3://192.168.5.4/k", "s3://movies/" + "k" * 1025):
            reply = self.get(uri=uri)
            self.assertFalse(reply["ok"], uri)
            self.assertIn(uri[-20:], reply["text"])


class Broken(S3):
    def test_a_cut_object_is_refused(self):
        """60: fewer bytes than Content-Length says; chunks without their end."""
        for act in (cut(1000, b"x" * 999), cut(5, b""),
                    raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                        keep=False)):
            self.s3.will(*[act] * 6)
            reply = self.assertFails("unreachable", self.get())
            self.assertEqual(3, reply["n_tries"])
            self.s3.forget()

    def test_an_object_without_a_marked_end_is_refused(self):
        """60: who could say that it is whole?"""
        self.s3.otherwise = answer(200, b"abc", length=False, keep=False)
        reply = self.assertFails("unreachable", self.get())
        self.assertIn("Content-Length", reply["text"])
        self.assertEqual(0, reply["n_begun"])

    def test_after_a_cut_the_sink_begins_anew(self):
        """60: nothing of the first try is in the object."""
        self.s3.will(cut(1000, b"old" * 100), answer(200, b"new"))
        reply = self.assertOk(self.get())
        self.assertEqual((b"new", 2, 3), (reply["body"], reply["n_begun"], reply["n_object"]))

    def test_slow_down_and_internal_errors_are_tried_again(self):
        for status, code in ((503, "SlowDown"), (500, "InternalError"), (400, "RequestTimeout")):
            self.s3.will(said(status, code), answer(200, b"new"))
            self.assertEqual(b"new", self.assertOk(self.get())["body"])

    def test_a_slow_object_does_not_pass_the_deadline(self):
        self.s3.will(slow(0.6, answer(200, b"late")), hang_up)
        self.assertFails("timed_out", self.get(budget_ms=400))


class Refused(S3):
    def test_missing_and_denied_objects_are_named(self):
        """59: bucket and key are in the sentence, once, and nothing is tried again."""
        for kind, status, code in (("missing", 404, "NoSuchKey"), ("missing", 404, "NoSuchBucket"),
                                   ("denied", 403, "AccessDenied"),
                                   ("denied", 403, "InvalidAccessKeyId")):
            self.s3.will(said(status, code))
            reply = self.assertFails(kind, self.get())
            self.assertEqual((1, code, "R1"), (reply["n_tries"], reply["code"],
                                               reply["request_id"]))
            for piece in (URI, str(status), code, f"About {code}."):
                self.assertIn(piece, reply["text"])

    def test_a_wrong_clock_is_named(self):
        self.s3.will(said(403, "RequestTimeTooSkewed"))
        self.assertIn("clock", self.assertFails("skewed", self.get())["text"])
        self.s3.will(said(400, "ExpiredToken"))
        self.assertFails("expired", self.get())

    def test_a_redirect_is_not_followed_and_names_the_region(self):
        """53: by header, by body, or not at all."""
        elsewhere = self.peer("s3")
        location = ("Location", elsewhere.url + "/movies/data/movies.csv")
        region = ("x-amz-bucket-region", "us-west-2")
        for act, named in (
                (said(301, "PermanentRedirect", headers=[location, region]), "us-west-2"),
                (said(307, "TemporaryRedirect", headers=[location, region]), "us-west-2"),
                (said(301, "PermanentRedirect", "<Region>eu-west-1</Region>", [location]),
                 "eu-west-1"),
                (said(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
                 "eu-west-1"),
                (answer(301, headers=[location]), ""), (answer(308, headers=[location]), "")):
            self.s3.will(act)
            reply = self.assertFails("wrong_region", self.get())
            self.assertEqual((1, named), (reply["n_tries"], reply["other_region"]))
            self.assertIn(named or "not told", reply["text"])
            self.assertIn("eu-central-1", reply["text"])
            self.assertIn(URI, reply["text"])
        self.assertEqual([], elsewhere.requests)

    def test_a_wrong_signature_does_not_show_the_token(self):
        """32: S3 sends back the canonical request."""
        self.s3.will(said(403, "SignatureDoesNotMatch",
                          f"<CanonicalRequest>x-amz-security-token:{TOKEN}</CanonicalRequest>"))
        self.assertFails("denied", self.get())
        self.s3.will(answer(403, f"<Error><Code>SignatureDoesNotMatch</Code><Message>{SECRET}"
                            "</Message></Error>".encode()))
        self.assertFails("denied", self.get())

    def test_errors_that_are_no_xml(self):
        for body in (b"", b"<", b"<Error><Code>", b"<html>busy</html>", b"\xff\x00<Code>",
                     b"<Error><Code></Code></Error>", b"{}", b"[" * 60000, b" \n\t"):
            self.s3.will(answer(403, body))
            reply = self.assertFails("denied", self.get())
            self.assertEqual("", reply["code"])


if __name__ == "__main__":
    unittest.main()
