"""The verifier of aws_signature.py against signatures published by AWS, and against
requests that it has to reject."""

import datetime
import hashlib
import unittest

from aws_signature import EMPTY_HASH, Keys, Request, canonical_request, check, signature

SUITE = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
S3_GUIDE = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


def signed_by(keys, request, names, date, service, payload_hash=EMPTY_HASH):
    return signature(keys, date, "us-east-1", service,
                     canonical_request(request, names, payload_hash, service))


class Published(unittest.TestCase):
    def test_get_vanilla_and_post_vanilla_of_the_test_suite(self):
        date = "20150830T123600Z"
        headers = [("Host", "example.amazonaws.com"), ("X-Amz-Date", date)]
        for method, expected in (
                ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
                ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b")):
            self.assertEqual(expected, signed_by(
                SUITE, Request(method, "/", headers), ["host", "x-amz-date"], date, "service"))

    def test_a_query_in_any_order(self):
        """get-vanilla-query-order-key-case."""
        date = "20150830T123600Z"
        headers = [("Host", "example.amazonaws.com"), ("X-Amz-Date", date)]
        self.assertEqual(
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            signed_by(SUITE, Request("GET", "/?Param2=value2&Param1=value1", headers),
                      ["host", "x-amz-date"], date, "service"))

    def test_list_users_of_the_iam_guide(self):
        date = "20150830T123600Z"
        headers = [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
                   ("Host", "iam.amazonaws.com"), ("X-Amz-Date", date)]
        self.assertEqual(
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            signed_by(SUITE, Request("GET", "/?Action=ListUsers&Version=2010-05-08", headers),
                      ["content-type", "host", "x-amz-date"], date, "iam"))

    def test_get_object_of_the_s3_guide(self):
        date = "20130524T000000Z"
        headers = [("Host", "examplebucket.s3.amazonaws.com"), ("Range", "bytes=0-9"),
                   ("x-amz-content-sha256", EMPTY_HASH), ("x-amz-date", date)]
        self.assertEqual(
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            signed_by(S3_GUIDE, Request("GET", "/test.txt", headers),
                      ["host", "range", "x-amz-content-sha256", "x-amz-date"], date, "s3"))


class Refused(unittest.TestCase):
    """Each request differs in one part from a valid one."""

    def setUp(self):
        self.keys = SUITE._replace(token="token")
        self.date = "20150830T123600Z"
        self.now = datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.timezone.utc)
        self.headers = [("Content-Type", "application/x-amz-json-1.1"), ("Host", "127.0.0.1:1"),
                        ("X-Amz-Date", self.date), ("X-Amz-Security-Token", "token")]
        self.names = ["content-type", "host", "x-amz-date", "x-amz-security-token"]

    def signed(self, names=None, headers=None, target="/"):
        request = Request("POST", target, headers or self.headers, b"{}")
        names = names or self.names
        value = signed_by(self.keys, request, names, self.date, "kinesis",
                          hashlib.sha256(b"{}").hexdigest())
        return request._replace(headers=[*request.headers, (
            "Authorization", f"AWS4-HMAC-SHA256 Credential={self.keys.key_id}/20150830/us-east-1/"
            f"kinesis/aws4_request, SignedHeaders={';'.join(names)}, Signature={value}")])

    def complaints(self, request, keys=None, service="kinesis", region="us-east-1"):
        return "; ".join(check(request, keys or self.keys, region, service, self.now))

    def test_a_valid_one_is_accepted(self):
        self.assertEqual("", self.complaints(self.signed()))

    def test_other_bytes_than_were_signed(self):
        right = self.signed()
        for request in (right._replace(body=b"[]"), right._replace(target="/x"),
                        right._replace(method="PUT")):
            self.assertIn("signature does not match", self.complaints(request))
        self.assertIn("signature does not match",
                      self.complaints(right, self.keys._replace(secret="other")))

    def test_another_region_service_key_or_token(self):
        self.assertIn("region is", self.complaints(self.signed(), region="eu-west-1"))
        self.assertIn("service is", self.complaints(self.signed(), service="dynamodb"))
        self.assertIn("key id is", self.complaints(self.signed(), self.keys._replace(key_id="B")))
        self.assertIn("x-amz-security-token is not",
                      self.complaints(self.signed(), self.keys._replace(token=None)))

    def test_a_header_twice_or_empty_or_unsigned_or_removed(self):
        self.assertIn("x-amz-date is sent 2 times", self.complaints(
            self.signed(headers=[*self.headers, ("X-Amz-Date", self.date)])))
        self.assertIn("X-A is empty", self.complaints(
            self.signed(headers=[*self.headers, ("X-A", "")])))
        self.assertIn("x-amz-target is not signed", self.complaints(
            self.signed(headers=[*self.headers, ("X-Amz-Target", "T")])))
        self.assertIn("expect is signed but not sent", self.complaints(
            self.signed(["content-type", "expect", *self.names[1:]])))

    def test_an_old_date(self):
        self.now += datetime.timedelta(minutes=16)
        self.assertIn("x-amz-date is", self.complaints(self.signed()))

    def test_s3_without_the_hash(self):
        """49"""
        self.assertIn("no x-amz-content-sha256", self.complaints(self.signed(), service="s3"))

    def test_no_authorization(self):
        self.assertIn("no Authorization", self.complaints(Request("GET", "/", self.headers)))


if __name__ == "__main__":
    unittest.main()
