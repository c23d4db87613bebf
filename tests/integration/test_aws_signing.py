"""Checklist 44-52 and 55 (docs/lambda.md): signatures, as aws_signature.py verifies them
independently. Every test also checks every request by its rules (AwsCase, 2)."""

import unittest

from aws_case import REGION, ROLE, USER, AwsCase
from aws_peers import respond
from aws_signature import EMPTY_HASH

KEYS_OF_S3 = ["a b", "a+b", "a(b)", "é", "100%", "a=b", "~-._", "a//b", "a/../b", "./c", "/d",
              "%41", "a%2Fb", "q?x=1&y", "#h", "日本", "'*!$,;:@&"]

PATH_OF = {"a b": "a%20b", "a+b": "a%2Bb", "a(b)": "a%28b%29", "é": "%C3%A9", "100%": "100%25",
           "a=b": "a%3Db", "~-._": "~-._", "a//b": "a//b", "a/../b": "a/../b", "./c": "./c",
           "%41": "%2541", "'*!$,;:@&": "%27%2A%21%24%2C%3B%3A%40%26"}


class Signing(AwsCase):
    def requests_of_all_services(self, keys):
        """One call of each; the requests that arrived."""
        seen = []
        for service, call in (
                ("s3", {"do": "get", "uri": "s3://movies/movies.csv"}),
                ("sagemaker", {"do": "invoke", "endpoint": "movies", "content_type": "text/csv",
                               "accept": "application/json", "target_variant": "blue",
                               "inference_id": "i-1", "custom_attributes": "a=1,  b=2",
                               "body": b"1,2\n"}),
                ("kinesis", {"do": "json", "target": "Kinesis_20131202.PutRecords",
                             "body": b'{"Records":[]}'}),
                ("dynamodb", {"do": "json", "target": "DynamoDB_20120810.UpdateItem",
                              "body": b"{}"})):
            peer = self.peer(service, keys)
            self.assertOk(self.client(service, peer, keys)(**call))
            seen += peer.requests
        return seen

    def test_all_services_with_a_session_token(self):
        """44, 49: the token is sent and signed (the peer checks that)."""
        requests = self.requests_of_all_services(ROLE)
        self.assertEqual(["GET", "POST", "POST", "POST"], [r.method for r in requests])
        for request in requests:
            self.assertEqual(ROLE.token, request.header("x-amz-security-token"))

    def test_all_services_without_one(self):
        """44: and an empty variable is no token."""
        for request in self.requests_of_all_services(USER):
            self.assertIsNone(request.header("x-amz-security-token"))
        peer = self.peer("kinesis", USER)
        client = self.client("kinesis", peer, USER, AWS_SESSION_TOKEN="")
        self.assertOk(client("json", target="T", body=b"{}"))

    def test_the_form_of_the_requests(self):
        s3, sagemaker, kinesis, dynamodb = self.requests_of_all_services(ROLE)
        self.assertEqual("/movies/movies.csv", s3.target)
        self.assertEqual(EMPTY_HASH, s3.header("x-amz-content-sha256"))
        self.assertEqual("/endpoints/movies/invocations", sagemaker.target)
        for name, value in (("Content-Type", "text/csv"), ("Accept", "application/json"),
                            ("X-Amzn-SageMaker-Target-Variant", "blue"),
                            ("X-Amzn-SageMaker-Inference-Id", "i-1"),
                            ("X-Amzn-SageMaker-Custom-Attributes", "a=1,  b=2")):
            self.assertEqual(value, sagemaker.header(name))
        self.assertEqual(("/", "application/x-amz-json-1.1", "Kinesis_20131202.PutRecords"),
                         (kinesis.target, kinesis.header("Content-Type"),
                          kinesis.header("X-Amz-Target")))
        self.assertEqual(("/", "application/x-amz-json-1.0", "DynamoDB_20120810.UpdateItem"),
                         (dynamodb.target, dynamodb.header("Content-Type"),
                          dynamodb.header("X-Amz-Target")))
        for request in (s3, sagemaker, kinesis, dynamodb):
            self.assertRegex(request.header("User-Agent"), r"\Amovie-recommender/\d")

    def test_post_then_get_then_post_on_one_handle(self):
        """45: and it is one connection."""
        peer = self.peer("s3")
        client = self.client("s3", peer)
        plain = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD", "Content-Type": "text/plain"}
        for _ in range(2):
            self.assertOk(client("raw", path="/b/k", headers=plain, body=b"first"))
            self.assertOk(client("get", uri="s3://movies/k"))
            self.assertOk(client("raw", path="/b/k", headers=plain, body=b"second, longer"))
        self.assertEqual(["POST", "GET", "POST"] * 2, [r.method for r in peer.requests])
        self.assertEqual(1, peer.n_connections)

    def test_a_get_after_a_post_is_signed_without_the_body_before(self):
        """45: the same for a service without a header for the hash (contract 3.2.13)."""
        peer = self.peer("sagemaker")
        client = self.client("sagemaker", peer)
        self.assertOk(self.invoke(client, b"a body"))
        self.assertOk(client("raw", path="/", headers={}))
        self.assertOk(self.invoke(client, b"another"))
        self.assertEqual([b"a body", b"", b"another"], [r.body for r in peer.requests])

    def test_bodies_with_nul_bytes_and_empty_ones(self):
        """46"""
        peer = self.peer("sagemaker")
        client = self.client("sagemaker", peer)
        bodies = [b"\0", b"a\0b\0", b"", bytes(range(256)) * 3, b""]
        for body in bodies:
            self.assertOk(self.invoke(client, body))
        self.assertEqual(bodies, [r.body for r in peer.requests])
        self.assertEqual([str(len(b)) for b in bodies],
                         [r.header("content-length") for r in peer.requests])

    def test_a_body_of_2_mib_goes_out_at_once(self):
        """47: with a peer that never says 100 Continue."""
        peer = self.peer("sagemaker", says_continue=False)
        client = self.client("sagemaker", peer)
        self.assertOk(self.invoke(client))
        waits = []
        for _ in range(5):
            response = self.assertOk(client("invoke", endpoint="movies", content_type="text/csv",
                                            body_size=2 << 20))
            self.assertEqual(b"x" * (2 << 20), peer.requests[-1].body)
            waits.append(response["elapsed_s"])
        # libcurl itself waits up to a second each time; a busy machine is slow now and then.
        self.assertLess(min(waits), 1)

    def test_keys_of_objects(self):
        """48: and dot segments stay, which URLs otherwise lose."""
        peer = self.peer("s3")
        client = self.client("s3", peer)
        for key in KEYS_OF_S3:
            with self.subTest(key):
                peer.will(respond(200, key.encode()))
                response = self.assertOk(client("get", uri=f"s3://movies/{key}"))
                self.assertEqual(key.encode(), response["body"])
                if key in PATH_OF:
                    self.assertEqual("/movies/" + PATH_OF[key], peer.requests[-1].target)

    def test_a_longer_body_after_a_shorter_one_is_whole(self):
        """51: and the other way round."""
        peer = self.peer("dynamodb")
        client = self.client("dynamodb", peer)
        bodies = [b"x" * n for n in (3, 100, 1, 5000, 0, 70000, 2)]
        for body in bodies:
            self.assertOk(client("json", target="T", body=body))
        self.assertEqual(bodies, [r.body for r in peer.requests])

    def test_headers_that_would_be_signed_wrongly_are_not_sent(self):
        """50: an empty value, one with a line end, one with blanks around it."""
        peer = self.peer("sagemaker")
        client = self.client("sagemaker", peer)
        for value in ("", "a\r\nX-Evil: b", " a", "a ", "é", "\t"):
            response = self.assertFails("local", self.invoke(client, custom_attributes=value))
            self.assertIn("Custom-Attributes", response["text"])
        self.assertEqual([], peer.requests)

    def test_the_current_environment_is_used(self):
        """§3.4: expired keys are replaced by what is in the environment at the next call."""
        peer = self.peer("kinesis")
        client = self.client("kinesis", peer)
        self.assertOk(client("json", target="T", body=b"{}"))
        peer.keys = USER._replace(key_id="AKIDNEXT", token="next//token==")
        client.program.setenv("AWS_ACCESS_KEY_ID", "AKIDNEXT")
        client.program.setenv("AWS_SESSION_TOKEN", "next//token==")
        self.assertOk(client("json", target="T", body=b"{}"))
        self.assertEqual("next//token==", peer.requests[-1].header("x-amz-security-token"))
        client.program.setenv("AWS_SECRET_ACCESS_KEY", None)
        response = self.assertFails("denied", client("json", target="T", body=b"{}"))
        self.assertIn("AWS_SECRET_ACCESS_KEY is not set", response["text"])
        self.assertEqual(2, len(peer.requests))


class Start(AwsCase):
    def opened(self, service="kinesis", **environment):
        return self.program(**environment)("open", client="c", service=service)

    def test_missing_settings_are_named(self):
        """55"""
        for name in ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            for value in (None, ""):
                response = self.opened(**{name: value})
                self.assertFalse(response["ok"])
                self.assertEqual("config", response["error"])
                self.assertIn(name, response["text"])
        self.assertEqual("https://kinesis.eu-west-3.amazonaws.com",
                         self.opened(AWS_REGION=None, AWS_DEFAULT_REGION="eu-west-3")["base"])

    def test_invalid_settings_are_named_and_a_secret_is_not_quoted(self):
        """55: a copied line end, a secret in the place of the key."""
        for name, value in (("AWS_SECRET_ACCESS_KEY", "topsecret\n"),
                            ("AWS_SESSION_TOKEN", "topsecret\r\nX-A: b"),
                            ("AWS_ACCESS_KEY_ID", "topsecret/K7"), ("AWS_REGION", "EU (Frankfurt)"),
                            ("AWS_REGION", "a.evil.example/"), ("AWS_REGION", "x" * 64)):
            response = self.opened(**{name: value})
            self.assertFalse(response["ok"], name)
            self.assertIn(name, response["text"])
            self.assertNotIn("topsecret", response["text"])

    def test_the_endpoint_of_a_service_wins_over_that_of_all(self):
        """52"""
        both = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1",
                "AWS_ENDPOINT_URL_KINESIS": "http://127.0.0.1:2/base/"}
        self.assertEqual("http://127.0.0.1:2/base", self.opened(**both)["base"])
        self.assertEqual("http://127.0.0.1:1", self.opened("s3", **both)["base"])
        for value in ("true", "TRUE"):
            ignored = self.opened(**both, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=value)
            self.assertEqual(f"https://kinesis.{REGION}.amazonaws.com", ignored["base"])
        self.assertEqual("http://127.0.0.1:2/base", self.opened(
            **both, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="false")["base"])

    def test_calls_go_to_the_endpoint_named_with_its_path(self):
        """52"""
        peer = self.peer("kinesis")
        client = self.program(AWS_ENDPOINT_URL="http://127.0.0.1:1",
                              AWS_ENDPOINT_URL_KINESIS=peer.url + "/base").open("kinesis")
        self.assertOk(client("json", target="T", body=b"{}"))
        self.assertEqual("/base/", peer.requests[0].target)


if __name__ == "__main__":
    unittest.main()
