"""Checklist 44-48 (docs/lambda.md) against independent programs: AWS's own signer
(@smithy/signature-v4), and s3rver, dynalite and kinesalite. tests/node/install brings them."""

import json
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

from aws_case import ROLE, USER, AwsCase
from aws_signature import Keys
from node_sdk import end_peer, start_peer, why_not
from test_aws_signing import KEYS_OF_S3


class NodeCase(AwsCase):
    def node(self, *words, **environment):
        """Starts tests/node/peer.js; its URL."""
        reason = why_not(20 if words == ("dynamodb",) else 0)  # dynalite 4
        if reason:
            self.not_here(reason)
        process, url = start_peer(*words, **environment)
        self.addCleanup(end_peer, process)
        return url


class AwsSigner(NodeCase):
    def verifier(self, keys):
        return self.node("verify", VERIFY_KEYS=json.dumps({
            name: value for name, value in (("accessKeyId", keys.key_id),
                                            ("secretAccessKey", keys.secret),
                                            ("sessionToken", keys.token)) if value}))

    def clients(self, keys):
        program = self.program(keys, AWS_ENDPOINT_URL=self.verifier(keys))
        return [program.open(service) for service in ("s3", "sagemaker", "kinesis", "dynamodb")]

    def test_all_services_with_and_without_a_token(self):
        """44"""
        for keys in (ROLE, USER):
            s3, sagemaker, kinesis, dynamodb = self.clients(keys)
            self.assertOk(s3("get", uri="s3://movies/data/movies.csv", etag='"v 1"'))
            self.assertOk(self.invoke(sagemaker, b"1,2\n", accept="text/csv", inference_id="i-1",
                                      target_variant="blue", custom_attributes="a=1,  b =  2"))
            self.assertOk(kinesis("json", target="Kinesis_20131202.PutRecords", body=b"{}"))
            self.assertOk(dynamodb("json", target="DynamoDB_20120810.UpdateItem", body=b"{}"))

    def test_a_wrong_secret_is_noticed(self):
        """Tests the verifier itself."""
        url = self.verifier(USER._replace(secret="other"))
        response = self.assertFails("denied", self.program(
            USER, AWS_ENDPOINT_URL=url).open("kinesis")("json", target="T", body=b"{}"))
        self.assertIn("signature does not match", response["text"])

    def test_post_get_post_on_one_handle(self):
        """45"""
        s3, sagemaker, _, _ = self.clients(ROLE)
        plain = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD", "Content-Type": "text/plain"}
        for _ in range(2):
            self.assertOk(s3("raw", path="/b/k", headers=plain, body=b"first"))
            self.assertOk(s3("get", uri="s3://movies/k"))
            self.assertOk(self.invoke(sagemaker, b"first"))
            self.assertOk(sagemaker("raw", path="/", headers={}))
            self.assertOk(self.invoke(sagemaker, b"second one"))

    def test_bodies_with_nul_bytes_empty_and_large(self):
        """46, 47"""
        _, sagemaker, kinesis, _ = self.clients(ROLE)
        for body in (b"\0", b"a\0b", b"", bytes(range(256))):
            self.assertOk(self.invoke(sagemaker, body))
            self.assertOk(kinesis("json", target="T", body=body))
        self.assertOk(sagemaker("invoke", endpoint="movies", content_type="text/csv",
                                body_size=2 << 20))

    def test_keys_of_objects(self):
        """48"""
        s3, *_ = self.clients(ROLE)
        for key in KEYS_OF_S3:
            with self.subTest(key):
                self.assertOk(s3("get", uri=f"s3://movies/{key}"))


class S3rver(NodeCase):
    keys = Keys("S3RVER", "S3RVER")

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.url = self.node("s3", folder.name)
        self.s3 = self.program(AWS_ENDPOINT_URL_S3=self.url).open("s3")

    def put(self, key, body):
        request = urllib.request.Request(f"{self.url}/movies/{urllib.parse.quote(key)}", body,
                                         method="PUT")
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.headers["ETag"]

    def test_objects_by_keys_that_need_encoding(self):
        """48: each key has its own object."""
        keys = ["a b", "a+b", "a(b)", "é", "100%", "a=b", "data/movies.csv", "日本"]
        etags = {key: self.put(key, f"of {key}".encode()) for key in keys}
        for key in keys:
            with self.subTest(key):
                response = self.assertOk(self.s3("get", uri=f"s3://movies/{key}"))
                self.assertEqual((f"of {key}".encode(), etags[key]), (response["body"], response["etag"]))

    def test_conditional_and_large_objects(self):
        """59"""
        body = b"1,Toy Story (1995),Adventure\n" * 100_000
        etag = self.put("movies.csv", body)
        response = self.assertOk(self.s3("get", uri="s3://movies/movies.csv"))
        self.assertEqual(len(body), response["n_object"])
        response = self.assertOk(self.s3("get", uri="s3://movies/movies.csv", etag=etag))
        self.assertTrue(response["is_not_modified"])
        self.put("movies.csv", b"new")
        response = self.assertOk(self.s3("get", uri="s3://movies/movies.csv", etag=etag))
        self.assertEqual(b"new", response["body"])

    def test_missing_objects_and_unknown_users(self):
        response = self.assertFails("missing", self.s3("get", uri="s3://movies/none"))
        self.assertEqual("NoSuchKey", response["code"])
        response = self.assertFails("missing", self.s3("get", uri="s3://nowhere/none"))
        self.assertEqual("NoSuchBucket", response["code"])
        self.put("k", b"x")
        unknown_user = self.program(USER, AWS_ENDPOINT_URL_S3=self.url).open("s3")
        self.assertFails("denied", unknown_user("get", uri="s3://movies/k"))


class StreamsAndTables(NodeCase):
    def call(self, client, target, **members):
        return client("json", target=target, body=json.dumps(members).encode())

    def when_active(self, client, target, **members):
        """Polls until it is active, which takes a moment."""
        for _ in range(200):
            response = json.loads(self.assertOk(self.call(client, target, **members))["body"])
            if "ACTIVE" in json.dumps(response):
                return
            time.sleep(0.02)
        self.fail(f"{target} {members}: not active")

    def test_a_table_of_dynalite(self):
        """§4.7: an idempotent write, and that its CRC-32 is checked by a real one."""
        table = self.program(AWS_ENDPOINT_URL_DYNAMODB=self.node("dynamodb")).open("dynamodb")
        version = "DynamoDB_20120810."
        response = self.assertFails("missing", self.call(table, version + "DescribeTable",
                                                         TableName="counts"))
        self.assertEqual("ResourceNotFoundException", response["code"])
        self.assertOk(self.call(
            table, version + "CreateTable", TableName="counts", BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "movie", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "movie", "KeyType": "HASH"}]))
        self.when_active(table, version + "DescribeTable", TableName="counts")
        update = {"TableName": "counts", "Key": {"movie": {"S": "1"}},
                  "UpdateExpression": "ADD #n :one SET #s = :s",
                  "ConditionExpression": "attribute_not_exists(#s) OR #s < :s",
                  "ExpressionAttributeNames": {"#n": "count", "#s": "last"},
                  "ExpressionAttributeValues": {":one": {"N": "1"}, ":s": {"S": "5"}}}
        self.assertOk(self.call(table, version + "UpdateItem", **update))
        response = self.assertFails("rejected", self.call(table, version + "UpdateItem", **update))
        self.assertEqual("ConditionalCheckFailedException", response["code"])
        response = self.assertOk(self.call(table, version + "GetItem", TableName="counts",
                                           Key={"movie": {"S": "1"}}))
        self.assertEqual({"N": "1"}, json.loads(response["body"])["Item"]["count"])
        response = self.assertFails("rejected", self.call(table, version + "GetItem"))
        self.assertEqual("ValidationException", response["code"])

    def test_a_stream_of_kinesalite(self):
        """§4.6"""
        stream = self.program(AWS_ENDPOINT_URL_KINESIS=self.node("kinesis")).open("kinesis")
        version = "Kinesis_20131202."
        self.assertOk(self.call(stream, version + "CreateStream", StreamName="s", ShardCount=1))
        self.when_active(stream, version + "DescribeStream", StreamName="s")
        response = self.assertOk(self.call(stream, version + "PutRecords", StreamName="s", Records=[
            {"Data": "YQ==", "PartitionKey": "1"}, {"Data": "Yg==", "PartitionKey": "2"}]))
        output = json.loads(response["body"])
        self.assertEqual((0, 2), (output["FailedRecordCount"], len(output["Records"])))
        self.assertFails("missing", self.call(stream, version + "PutRecords", StreamName="none",
                                              Records=[{"Data": "YQ==", "PartitionKey": "1"}]))


if __name__ == "__main__":
    unittest.main()
