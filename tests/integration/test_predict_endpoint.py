"""predict in front of an endpoint that fails in every way. The numbers are lines of the
checklist in the Lambda contract."""

import unittest

from aws_peers import cut, failure, forever, hang_up, raw, reset, respond, slow
from aws_signature import Keys
from predict_case import RESPONSE, REQUEST, ENDPOINT_BODY, PredictCase

THROTTLED = failure(400, "ThrottlingException", message=None)
ARN = "arn:aws:sagemaker:eu-central-1:123456789012:endpoint/movies-endpoint-7"


def model_error(status, message="", **more):
    return failure(424, "ModelError", Message=f"Received {status} from {ARN}",
                   OriginalStatusCode=status, OriginalMessage=message, LogStreamArn=ARN, **more)


class Endpoint(PredictCase):
    def setUp(self):
        super().setUp()
        self.start()

    def tries(self, *acts, status, code, n_tries, deadline_in=20.0):
        """Each of these responses leads to this error after so many requests, and the next
        request succeeds."""
        for act in acts:
            before = len(self.endpoint.requests)
            usual, self.endpoint.otherwise = self.endpoint.otherwise, act
            response = self.post(REQUEST, deadline_in=deadline_in)
            message = self.assertError(status, code, response)
            self.assertEqual(n_tries, len(self.endpoint.requests) - before, message)
            self.endpoint.otherwise = usual
        self.assertBody(RESPONSE, self.post(REQUEST))
        return response

    def test_throttling_is_waited_for_and_then_429(self):
        """56"""
        self.endpoint.will(THROTTLED, THROTTLED)
        self.assertBody(RESPONSE, self.post(REQUEST))
        self.assertEqual(3, len(self.endpoint.requests))
        response = self.tries(THROTTLED, failure(429, "ModelNotReadyException", Message="wait"),
                              status=429, code="too_many_requests", n_tries=3)
        self.assertEqual("1", response["headers"]["Retry-After"])

    def test_a_refused_call_is_not_repeated(self):
        """56"""
        self.tries(failure(400, "ValidationError", Message=f"Endpoint {ARN} not found"),
                   failure(403, "AccessDeniedException", Message=f"not authorized on {ARN}"),
                   failure(403, "ExpiredTokenException", message="expired"),
                   failure(403, "InvalidSignatureException", message="Signature not yet current"),
                   failure(403, "UnrecognizedClientException", message="token is invalid"),
                   respond(302, b"", [("Location", "http://127.0.0.1/")]),
                   status=502, code="bad_gateway", n_tries=1)

    def test_client_errors_of_the_container_are_the_clients(self):
        """57"""
        ours = '{"error":{"code":"bad_request","message":"top_n: expected 1 to 5"}}'
        self.endpoint.will(model_error(400, ours))
        response = self.post(REQUEST)
        self.assertEqual("top_n: expected 1 to 5", self.assertError(400, "bad_request", response))
        self.assertEqual(1, len(self.endpoint.requests))
        self.tries(model_error(400, f"<html>{ARN}"), model_error(400, ARN), status=400,
                   code="bad_request", n_tries=1)
        self.tries(model_error(404), status=404, code="not_found", n_tries=1)
        self.tries(model_error(413), status=413, code="content_too_large", n_tries=1)

    def test_a_model_that_fails_is_called_once_more(self):
        self.endpoint.will(model_error(500, "Traceback"))
        self.assertBody(RESPONSE, self.post(REQUEST))
        self.tries(model_error(500, ARN), model_error(503), status=502, code="bad_gateway",
                   n_tries=2)

    def test_a_service_that_fails_is_called_three_times(self):
        """58"""
        self.endpoint.will(failure(500, "InternalFailure", Message="x"),
                           failure(503, "ServiceUnavailable", Message="x"))
        self.assertBody(RESPONSE, self.post(REQUEST))
        self.tries(failure(500, "InternalFailure", Message=ARN),
                   failure(503, "ServiceUnavailable", Message=ARN),
                   failure(530, "InternalDependencyException", Message=ARN), hang_up_fresh(), reset,
                   cut(100, ENDPOINT_BODY), raw(b"SSH-2.0-OpenSSH\r\n\r\n", keep=False), status=502,
                   code="bad_gateway", n_tries=3)

    def test_an_invalid_response_is_502(self):
        """42"""
        self.tries(*(respond(200, body) for body in (
            b"", b"null", b"[]", b"<html></html>", b'{"predicted_rating":"4"}', ENDPOINT_BODY[:-1], b"\0",
            b'{"recommendations":[]}', b"\xff" * 1000, b"[" * 100000)),
            status=502, code="bad_gateway", n_tries=1)

    def test_a_bare_event_fails_when_the_model_does(self):
        """43: errorMessage begins with the status, for an API that maps it."""
        for act, kind, message in (
                (failure(503, "ServiceUnavailable", Message=ARN), "Function.DownstreamError",
                 "502 bad_gateway: "),
                (THROTTLED, "Function.LimitExceeded", "429 too_many_requests: "),
                (model_error(404, ARN), "Function.NotFound", "404 not_found: "),
                (respond(200, b"nonsense"), "Function.DownstreamError", "502 bad_gateway: ")):
            self.endpoint.otherwise = act
            event = self.invoke(REQUEST)
            self.assertReport(event, kind)
            self.assertTrue(event.json["errorMessage"].startswith(message), event.json)
            self.assertNotIn("arn:", event.json["errorMessage"])
            self.assertNotIn("127.0.0.1", event.json["errorMessage"])

    def test_an_endless_response_is_given_up(self):
        self.tries(respond(200, b"x" * (7 << 20), keep=False), status=502, code="bad_gateway", n_tries=1)

    def test_no_response_in_time_is_504_before_the_deadline(self):
        for act in (forever, slow(5, respond(200, ENDPOINT_BODY)), slow(0.3, THROTTLED)):
            usual, self.endpoint.otherwise = self.endpoint.otherwise, act
            response = self.post(REQUEST, deadline_in=1.5)
            self.assertIn(response["statusCode"], (504, 429) if act is not forever else (504,))
            self.assertError(response["statusCode"], {504: "gateway_timeout", 429: "too_many_requests"}[
                response["statusCode"]], response)
            self.endpoint.otherwise = usual
        self.assertError(504, "gateway_timeout", self.post(REQUEST, deadline_in=0.15))
        self.assertBody(RESPONSE, self.post(REQUEST))

    def test_a_peer_that_is_down_is_502_until_it_is_back(self):
        self.endpoint.drop_connections()
        self.assertBody(RESPONSE, self.post(REQUEST))
        self.endpoint.will(hang_up)  # on a kept connection libcurl itself retries
        self.assertBody(RESPONSE, self.post(REQUEST))
        self.endpoint.close()
        self.assertError(502, "bad_gateway", self.post(REQUEST, deadline_in=5.0))

    def test_a_thousand_requests_use_one_connection(self):
        """5, 20"""
        for _ in range(1000):
            self.assertEqual(RESPONSE, self.bare(REQUEST))
        self.assertEqual(1, self.endpoint.n_connections)
        self.assertEqual(1000, len(self.endpoint.requests))

    def test_an_event_without_a_deadline_has_the_usual_budget(self):
        """8"""
        self.endpoint.otherwise = forever
        self.assertError(504, "gateway_timeout", self.post(REQUEST, deadline_in=None))


def hang_up_fresh():
    """Reads the request and closes without a response. libcurl itself would retry on a kept
    connection, so the first try gets a plain failure."""
    seen = []

    def act(connection, request):
        seen.append(request)
        if len(seen) == 1:
            return failure(500, "InternalFailure", Message="x")(connection, request) and False
        return False

    return act


class Credentials(PredictCase):
    def test_keys_are_signed_with_and_without_a_token(self):
        """44"""
        self.endpoint.keys = Keys("AKIDUSER", "secretOfTheUser")
        self.start(AWS_ACCESS_KEY_ID="AKIDUSER", AWS_SECRET_ACCESS_KEY="secretOfTheUser",
                   AWS_SESSION_TOKEN=None)
        self.assertBody(RESPONSE, self.post(REQUEST))


if __name__ == "__main__":
    unittest.main()
