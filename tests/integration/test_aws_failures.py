"""Checklist 56-58 (docs/lambda.md): which failures are retried, how often and when, and what an
error reports."""

import json
import time
import unittest
import zlib

from aws_case import SECRET, TOKEN, USER, AwsCase
from aws_peers import cut, failure, forever, hang_up, raw, reset, respond, slow

THROTTLED = failure(400, "ThrottlingException", message=None)  # as SageMaker sends it
ARN = "arn:aws:sagemaker:eu-central-1:123456789012:endpoint/movies"


def model_error(original, message="userId is missing"):
    return failure(424, "ModelError", Message=f"Received client error ({original}) from primary "
                   f"with message \"{message}\". See {ARN}", OriginalStatusCode=original,
                   OriginalMessage=message, LogStreamArn=ARN)


class SageMaker(AwsCase):
    def setUp(self):
        super().setUp()
        self.sagemaker = self.peer("sagemaker")
        self.movies = self.client("sagemaker", self.sagemaker)

    def test_throttling_that_only_the_header_names_is_tried_again(self):
        """56"""
        self.sagemaker.will(THROTTLED, respond(200, b"3.5"))
        self.assertEqual(b"3.5", self.assertOk(self.invoke(self.movies))["body"])
        self.assertEqual(2, len(self.sagemaker.requests))
        (line,) = self.movies.program.retries()
        self.assertEqual(("throttled", 1), (line["kind"], line["try"]))
        self.assertIn("ThrottlingException", line["message"])

    def test_throttling_without_end(self):
        self.sagemaker.will(THROTTLED, THROTTLED, THROTTLED)
        response = self.assertFails("throttled", self.invoke(self.movies))
        self.assertEqual((3, 400, "ThrottlingException", True, False),
                         (response["n_tries"], response["status"], response["code"], response["is_retriable"],
                          response["may_have_acted"]))

    def test_a_validation_error_is_not_tried_again(self):
        """56"""
        self.sagemaker.will(failure(400, "ValidationError", Message="Endpoint movies not found."))
        response = self.assertFails("rejected", self.invoke(self.movies))
        self.assertEqual((1, 400, "ValidationError", False),
                         (response["n_tries"], response["status"], response["code"], response["is_retriable"]))
        self.assertIn("Endpoint movies not found.", response["text"])
        self.assertEqual(1, len(self.sagemaker.requests))

    def test_the_users_mistake_seen_by_the_container_is_a_client_error(self):
        """57: no retry; the container's message is data and not part of the logged message."""
        self.sagemaker.will(model_error(400, '{"error":"user 7 is unknown"}'))
        response = self.assertFails("model", self.invoke(self.movies))
        self.assertEqual((1, 424, 400, False), (response["n_tries"], response["status"],
                                                response["original_status"], response["is_retriable"]))
        self.assertEqual('{"error":"user 7 is unknown"}', response["original_message"])
        self.assertIn("the container returned 400", response["text"])
        self.assertNotIn("user 7", response["text"])

    def test_a_failing_container_is_called_once_more(self):
        self.sagemaker.will(model_error(503), respond(200, b"ok"))
        self.assertOk(self.invoke(self.movies))
        self.sagemaker.will(model_error(500), model_error(500), respond(200, b"late"))
        response = self.assertFails("model", self.invoke(self.movies))
        self.assertEqual((2, 500), (response["n_tries"], response["original_status"]))

    def test_500_503_and_530_are_tried_three_times_with_growing_waits(self):
        """58"""
        for status, code in ((500, "InternalFailure"), (503, "ServiceUnavailable"),
                             (530, "InternalDependencyException"), (502, None), (504, None)):
            del self.sagemaker.requests[:]
            self.sagemaker.will(*[failure(status, code, Message="m")] * 3)
            response = self.assertFails("server", self.invoke(self.movies))
            self.assertEqual((3, status, code or ""),
                             (response["n_tries"], response["status"], response["code"]))
            first, second = [line["wait_ms"] for line in self.movies.program.retries()[-2:]]
            self.assertTrue(50 <= first < 400, first)
            self.assertTrue(100 <= second < 600, second)
            self.assertGreaterEqual(response["elapsed_s"], (first + second) / 1000, "it waits as it says")

    def test_the_waits_differ_from_process_to_process(self):
        """58"""
        seen = set()
        for _ in range(4):
            client = self.client("sagemaker", self.sagemaker)
            self.sagemaker.will(respond(503), respond(503), respond(200))
            self.assertOk(self.invoke(client))
            seen.add(tuple(line["wait_ms"] for line in client.program.retries()))
        self.assertGreater(len(seen), 1)

    def test_a_501_is_not_retried(self):
        for status in (501, 505, 404, 400, 413, 418):
            self.sagemaker.will(respond(status))
            self.assertEqual(1, self.invoke(self.movies)["n_tries"])

    def test_429_is_throttling_whatever_its_code(self):
        self.sagemaker.will(failure(429, "ModelNotReadyException", Message="m"), respond(200))
        self.assertOk(self.invoke(self.movies))
        self.assertEqual("throttled", self.movies.program.retries()[0]["kind"])

    def test_a_peer_can_request_a_longer_wait_within_limits(self):
        self.sagemaker.will(respond(503, headers=[("x-amz-retry-after", "900")]), respond(200))
        response = self.assertOk(self.invoke(self.movies))
        (line,) = self.movies.program.retries()
        self.assertGreaterEqual(line["wait_ms"], 900)
        self.assertGreaterEqual(response["elapsed_s"], 0.9)

    def test_no_try_and_no_wait_passes_the_deadline(self):
        """58: a slow peer, a failing one, one that requests too long a wait."""
        client = self.client("sagemaker", self.sagemaker, settings={"margin_ms": 100})
        for act in (forever, respond(503), respond(503, headers=[("x-amz-retry-after", "60000")]),
                    slow(0.25, respond(500)), hang_up):
            self.sagemaker.otherwise = act  # also for a connection that it accepts late
            response = self.invoke(client, budget_ms=500)
            self.assertFalse(response["ok"])
            self.assertLess(response["elapsed_s"], 60, "one of them requests a wait of that length")

    def test_after_the_deadline_nothing_is_sent(self):
        client = self.client("sagemaker", self.sagemaker, settings={"margin_ms": 100})
        for budget in (-1000, 0, 50, 110):
            response = self.assertFails("timed_out", self.invoke(client, budget_ms=budget))
            self.assertEqual(0, response["n_tries"])
            self.assertIn("no time is left", response["text"])
        self.assertEqual([], self.sagemaker.requests)

    def test_a_peer_that_never_responds(self):
        client = self.client("sagemaker", self.sagemaker, settings={"timeout_ms": 200})
        self.sagemaker.will(forever, forever, forever)
        response = self.assertFails("timed_out", self.invoke(client))
        self.assertEqual((3, True, True), (response["n_tries"], response["is_retriable"],
                                           response["may_have_acted"]))

    def test_a_peer_that_breaks_the_connection_or_sends_garbage(self):
        """Retried, and named when it persists."""
        for act in (hang_up, reset, raw(b"\x16\x03\x01nonsense\r\n\r\n", keep=False),
                    raw(b"HTTP/1.1 banana\r\n\r\n", keep=False), cut(100, b"short"),
                    raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", keep=False),
                    raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", keep=False),
                    raw(b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nabcd", keep=False),
                    respond(200, b"no end is marked", length=False, keep=False),
                    raw(b"", keep=False)):
            # Twice each: libcurl itself repeats a request that failed on a kept connection.
            self.movies.program("close", client="sagemaker")
            client = self.movies.program.open("sagemaker")
            self.sagemaker.will(act, respond(200, b"whole"))
            self.assertEqual(b"whole", self.assertOk(self.invoke(client))["body"])
            self.movies.program("close", client="sagemaker")
            client = self.movies.program.open("sagemaker")
            self.sagemaker.will(act, act, act)
            response = self.assertFails("unreachable", self.invoke(client))
            self.assertEqual((3, True), (response["n_tries"], response["may_have_acted"]))
            self.assertRegex(response["text"], "curl error|no Content-Length")

    def test_a_response_of_more_than_6_mib_is_refused(self):
        big = b"x" * (6291456 + 1)
        self.sagemaker.will(respond(200, big))
        response = self.assertFails("too_large", self.invoke(self.movies))
        self.assertEqual(1, response["n_tries"])
        chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(big), big)
        self.sagemaker.will(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk))
        self.assertFails("too_large", self.invoke(self.movies))
        self.sagemaker.will(respond(200, big[:-1]))
        self.assertEqual(6291456, self.assertOk(self.invoke(self.movies))["n_bytes"])

    def test_an_endless_error_is_reported_by_its_beginning(self):
        body = b'{"message":"' + b"x" * (1 << 20) + b'"}'
        self.sagemaker.will(respond(400, body, [("x-amzn-ErrorType", "ValidationException")]))
        response = self.assertFails("rejected", self.invoke(self.movies))
        self.assertEqual("ValidationException", response["code"])
        self.assertOk(self.invoke(self.movies))

    def test_requests_that_sagemaker_would_refuse_are_not_sent(self):
        for members in ({"endpoint": "no/slash"}, {"endpoint": ""}, {"endpoint": "a" * 64},
                        {"endpoint": "-a"}, {"endpoint": "a-"}, {"endpoint": "a b"},
                        {"endpoint": "a", "body_size": 6291457},
                        {"endpoint": "a", "custom_attributes": "x" * 1025}):
            response = self.movies("invoke", content_type="text/csv", **{"body_size": 0, **members})
            self.assertIn(response["kind"], ("local", "too_large"))
            self.assertEqual(0, response["n_tries"])
        self.assertEqual([], self.sagemaker.requests)

    def test_headers_of_the_response_are_returned(self):
        self.sagemaker.will(respond(200, b"3.5", [
            ("CONTENT-TYPE", "text/csv; charset=utf-8"),
            ("x-Amzn-Invoked-Production-Variant", "green"),
            ("X-Amzn-SageMaker-Custom-Attributes", "model=7"), ("x-amzn-RequestId", "r-1")]))
        response = self.assertOk(self.invoke(self.movies))
        self.assertEqual(("text/csv; charset=utf-8", "green", "model=7"),
                         (response["content_type"], response["variant"], response["custom_attributes"]))


class Credentials(AwsCase):
    complaints_expected = True

    def test_denied_expired_and_skewed_are_distinguished(self):
        cases = [
            ("denied", 400, "AccessDeniedException", "User: x is not authorized"),
            ("denied", 403, "UnrecognizedClientException", "The security token is invalid"),
            ("denied", 403, None, "Forbidden"),
            ("expired", 400, "ExpiredTokenException", "The security token is expired"),
            ("skewed", 403, "InvalidSignatureException", "Signature expired: 20260101T000000Z is "
             "now earlier than 20260101T000500Z"),
            ("skewed", 403, "InvalidSignatureException", "Signature not yet current: x")]
        peer = self.peer("kinesis")
        client = self.client("kinesis", peer)
        for kind, status, code, message in cases:
            peer.will(failure(status, code, message=message))
            response = self.assertFails(kind, client("json", target="T", body=b"{}"))
            self.assertEqual((1, False), (response["n_tries"], response["is_retriable"]))
            self.assertIn(message, response["text"])

    def test_a_message_that_quotes_the_token_is_left_out(self):
        """32: AWS shows the canonical request of a signature that is wrong."""
        canonical = f"'POST\n/\n\nhost:h\nx-amz-security-token:{TOKEN}\n'"
        peer = self.peer("kinesis")
        client = self.client("kinesis", peer)
        for message in (f"The Canonical String for this request should have been {canonical}",
                        f"on one line {TOKEN}", f"key {SECRET}"):
            peer.will(failure(403, "InvalidSignatureException", message=message))
            response = self.assertFails("denied", client("json", target="T", body=b"{}"))
            self.assertIn("quotes credentials", response["text"])

    def test_the_peer_notices_a_wrong_secret(self):
        """Tests the tests: a peer with other keys rejects the signature."""
        peer = self.peer("kinesis", USER._replace(secret="other"))
        self.assertOk(self.client("kinesis", peer, USER)("json", target="T", body=b"{}"))
        self.assertIn("signature does not match", peer.complaints[0])


class Json(AwsCase):
    def test_the_code_is_found_wherever_it_stands(self):
        """§3.4: header, __type, code."""
        peer = self.peer("dynamodb")
        client = self.client("dynamodb", peer)
        for headers, body in (
                ([], {"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
                      "message": "m"}),
                ([], {"__type": "ResourceNotFoundException", "Message": "m"}),
                ([], {"code": "ResourceNotFoundException", "message": None}),
                ([("x-amzn-errortype", "ResourceNotFoundException:http://x/")],
                 {"__type": "other"})):
            peer.will(respond(400, json.dumps(body).encode(), headers))
            response = self.assertFails("missing", client("json", target="T", body=b"{}"))
            self.assertEqual("ResourceNotFoundException", response["code"])

    def test_throttling_codes_of_the_stream_and_the_table(self):
        peer = self.peer("dynamodb")
        client = self.client("dynamodb", peer)
        for code in ("ProvisionedThroughputExceededException", "RequestLimitExceeded",
                     "LimitExceededException", "ItemCollectionSizeLimitExceededException"):
            peer.will(failure(400, code), respond(200, b"{}"))
            self.assertOk(client("json", target="T", body=b"{}"))

    def test_a_condition_that_fails_is_not_tried_again(self):
        peer = self.peer("dynamodb")
        client = self.client("dynamodb", peer)
        for code in ("ConditionalCheckFailedException", "ValidationException"):
            peer.will(failure(400, code, message="m"))
            response = self.assertFails("rejected", client("json", target="T", body=b"{}"))
            self.assertEqual((code, 1), (response["code"], response["n_tries"]))

    def test_a_wrong_crc_32_is_an_error_of_transport(self):
        """82"""
        peer = self.peer("dynamodb")
        client = self.client("dynamodb", peer)
        body = b'{"Item":{}}'
        right = respond(200, body, [("x-amz-crc32", str(zlib.crc32(body)))])
        wrong = respond(200, body, [("x-amz-crc32", str(zlib.crc32(body) ^ 1))])
        peer.will(wrong, right)
        self.assertEqual(body, self.assertOk(client("json", target="T", body=b"{}"))["body"])
        peer.will(wrong, wrong, wrong)
        response = self.assertFails("unreachable", client("json", target="T", body=b"{}"))
        self.assertIn("x-amz-crc32", response["text"])
        peer.will(respond(200, b"", [("x-amz-crc32", "0")]))
        self.assertOk(client("json", target="T", body=b"{}"))

    def test_a_peer_that_is_not_there_is_tried_again(self):
        peer = self.peer("dynamodb")
        client = self.client("dynamodb", peer)
        peer.close()
        start = time.monotonic()
        response = self.assertFails("unreachable", client("json", target="T", body=b"{}"))
        self.assertEqual((3, False), (response["n_tries"], response["may_have_acted"]))
        self.assertGreater(time.monotonic() - start, 0.070)


if __name__ == "__main__":
    unittest.main()
