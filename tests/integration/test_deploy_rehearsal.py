"""deploy/template.yaml on one machine: the functions with the environment, the mappings and the
tables that the template gives them, on local-cloud, kinesalite, dynalite, s3rver, redis-server
and the real serve. So the template and the programs cannot drift apart.

What differs from an account: where services are (AWS_ENDPOINT_URL_…), that a window has one
second where the template's default is thirty (a parameter), that what a mapping gives up goes
to a file, and REDIS_TLS, as redis-server stands without TLS in ElastiCache's place. Checklist 92
of docs/lambda.md."""

import base64
import io
import json
import re
import tarfile
import time
import unittest
import urllib.request

from aggregate_case import Table
from harness import BIN, SANITIZER_ENVIRONMENT, SOURCE
from local_cloud import PATIENCE, cloud_beside
from node_sdk import end_peer, start_peer, why_not
from redis_peers import RealRedis
from serving import ServeCase, trained
from stream_case import Kinesis
from template import Template
from test_deploy_template import SWITCHES

S3_KEYS = {"AWS_ACCESS_KEY_ID": "S3RVER", "AWS_SECRET_ACCESS_KEY": "S3RVER"}  # s3rver knows no others
BUCKET, PASSWORD = "movies", "a-password-of-the-cache"
PROGRAMS = {"PredictFunction": ("lambda/predict/settings.c",),
            "RecommendFunction": ("lambda/recommend/settings.c", "src/cache/settings.c"),
            "AggregateFunction": ("lambda/aggregate/settings.c",),
            "ServiceTask": ("serve/settings.c", "src/cache/settings.c")}
NAME = {"AWS::Kinesis::Stream": "Name", "AWS::DynamoDB::Table": "TableName", "AWS::SQS::Queue": "QueueName",
        "AWS::Lambda::Function": "FunctionName", "AWS::SageMaker::Endpoint": "EndpointName"}


def known_variables(program):
    text = "".join((SOURCE / file).read_text() for file in PROGRAMS[program])
    names = re.findall(r'\.name = "([A-Z_]+)"', text) + re.findall(r'getenv\("([A-Z_]+)"\)', text)
    for aliases in re.findall(r'\.aliases = "([A-Z_ ]+)"', text):
        names += aliases.split()
    return set(names)


class Names(unittest.TestCase):
    def test_each_variable_is_one_that_the_program_knows(self):
        template, n = Template(), 0
        for switches in SWITCHES:
            stack = template.stack(**switches)
            for program in PROGRAMS:
                if program not in stack.resources:
                    continue
                if program == "ServiceTask":
                    (container,) = stack.value(stack.resources[program]["Properties"])["ContainerDefinitions"]
                    names = {v["Name"] for part in ("Environment", "Secrets") for v in container.get(part, [])}
                else:
                    names = set(stack.environment(program))
                n += len(names)
                self.assertEqual(set(), names - known_variables(program), (program, switches))
        self.assertGreater(n, 200)


class Stack(ServeCase):
    """A stack with these switches, at work."""

    def setUp(self):
        super().setUp()
        why = why_not(20)
        if why:
            self.not_here(why)

    def peer(self, *words):
        process, url = start_peer(*words)
        self.addCleanup(end_peer, process)
        return url

    def rehearse(self, **parameters):
        template = Template()
        shapes = template.stack(WindowSeconds=1, ModelUrl=f"s3://{BUCKET}/models/job/output/model.tar.gz", **parameters)
        redis = RealRedis(self, "--requirepass", PASSWORD, password=PASSWORD) if parameters.get("Cache") == "on" else None
        self.names = {"Bucket": BUCKET, "CacheSecret": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:s"}
        for name, resource in shapes.resources.items():
            if resource["Type"] in NAME:
                called = shapes.value(resource["Properties"][NAME[resource["Type"]]])
                self.names.update({name: called, f"{name}.Arn": called})
        if redis:
            self.names.update({"CacheNodes.PrimaryEndPoint.Address": "127.0.0.1",
                               "CacheNodes.PrimaryEndPoint.Port": str(redis.port)})
        self.given_up = self.folder / "given-up"
        self.names["FailedBatches.Arn"] = str(self.given_up)
        stack = template.stack(names=self.names, **{k: shapes.parameters[k] for k in ("WindowSeconds", "ModelUrl")},
                               **parameters)
        self.redis = redis
        self.put_files()
        where = {"AWS_ENDPOINT_URL_S3": self.s3}
        if parameters.get("Endpoint", "none") != "none":
            front = cloud_beside(self, "front", endpoints={
                self.names["SageMakerEndpoint"]: f"http://127.0.0.1:{self.server.port}"})
            where["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] = front.url
        more = {}
        if parameters.get("Streams") == "on":
            self.make_streams(stack)
            where.update(AWS_ENDPOINT_URL_KINESIS=self.kinesis.url, AWS_ENDPOINT_URL_DYNAMODB=self.dynamodb)
            more = {"kinesis": self.kinesis.url, "poll-seconds": 0.05, "mappings": [
                stack.value(m["Properties"]) for m in stack.resources.values()
                if m["Type"] == "AWS::Lambda::EventSourceMapping"]}
        self.cloud = cloud_beside(self, "cloud", env=S3_KEYS, functions=self.functions(stack, where), routes=self.routes(stack), **more)
        return self.cloud

    def put_files(self):
        self.s3 = self.peer("s3", str(self.folder / "s3"))
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            tar.add(trained().model_bin, "model.bin")
        movies = "movieId,title,genres\n" + "".join(f'{i},"Movie {i}, The",Drama\n' for i in trained().items)
        for key, body in (("models/job/output/model.tar.gz", packed.getvalue()), ("data/movies.csv", movies.encode())):
            urllib.request.urlopen(urllib.request.Request(f"{self.s3}/{BUCKET}/{key}", body, method="PUT"),
                                   timeout=PATIENCE).close()

    def make_streams(self, stack):
        self.kinesis = Kinesis(self.peer("kinesis"))
        self.addCleanup(self.kinesis.close)
        self.dynamodb = self.peer("dynamodb")
        self.table = Table(self.dynamodb)
        for resource in stack.resources.values():
            properties = stack.value(resource.get("Properties", {}))
            if resource["Type"] == "AWS::Kinesis::Stream":
                self.kinesis.create(properties["Name"], properties["ShardCount"])
            if resource["Type"] == "AWS::DynamoDB::Table":
                self.table.call("CreateTable", **{p: properties[p] for p in (
                    "TableName", "BillingMode", "AttributeDefinitions", "KeySchema")})
                self.eventually(lambda n=properties["TableName"]: self.table.call(
                    "DescribeTable", TableName=n)["Table"]["TableStatus"] == "ACTIVE", "a table")

    def functions(self, stack, where):
        found = {}
        for name, resource in stack.resources.items():
            if resource["Type"] != "AWS::Lambda::Function":
                continue
            properties = stack.value(resource["Properties"])
            variables = {k: re.sub(r"\{\{resolve:secretsmanager:[^}]+\}\}", PASSWORD, str(v))
                         for k, v in properties["Environment"]["Variables"].items()}
            if "REDIS_TLS" in variables:
                self.assertEqual("true", variables["REDIS_TLS"])
                variables["REDIS_TLS"] = "false"
            called = properties["FunctionName"]
            found[called] = {"program": str(BIN / called.removeprefix("my-rec-")), "timeout": properties["Timeout"],
                             "memory": properties["MemorySize"], "init-timeout": PATIENCE,
                             "environment": {**SANITIZER_ENVIRONMENT, **where, **variables}}
        return found

    def routes(self, stack):
        found = {}
        for resource in stack.resources.values():
            if resource["Type"] == "AWS::ApiGateway::Method":
                properties = stack.value(resource["Properties"])
                self.assertEqual("AWS_PROXY", properties["Integration"]["Type"])
                self.assertIn("<PredictFunction.Arn>" if "PredictFunction.Arn" not in self.names else
                              self.names["PredictFunction.Arn"], properties["Integration"]["Uri"])
                path = stack.value(stack.resources["ApiPredict"]["Properties"]["PathPart"])
                found[f"{properties['HttpMethod']} /{path}"] = self.names["PredictFunction"]
        self.assertEqual({"POST /predict", "OPTIONS /predict"}, set(found))
        return found

    def eventually(self, ready, what):
        end = time.monotonic() + 4 * PATIENCE
        while not (found := ready()):
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for {what}\n" + self.cloud.run.text("stderr")[-4000:])
            time.sleep(0.05)
        return found

    # -- what must come out

    def the_api_answers(self):
        user, item = trained().rows[0][:2]
        answer = self.cloud.post("/predict", {"userId": user, "movieId": item})
        self.assertEqual(200, answer.status, answer)
        self.assertEqual(f"Movie {item}, The", answer.json["movie_title"])
        self.assertAlmostEqual(trained().predict(user, item), answer.json["predicted_rating"], delta=0.051)
        self.assertEqual("*", answer.headers["Access-Control-Allow-Origin"])
        wrong = self.cloud.post("/predict", {"userId": user})
        self.assertEqual((400, "bad_request"), (wrong.status, wrong.json["error"]["code"]))
        asked = self.cloud.request("OPTIONS", "/predict", headers={"Origin": "https://a.example"})
        self.assertIn("POST", asked.headers["Access-Control-Allow-Methods"])

    def records(self, stream, n):
        return self.eventually(lambda: len(got := self.kinesis.read(self.names[stream])) >= n and got, f"{n} in {stream}")

    def predictions(self, n):
        return [json.loads(base64.b64decode(r["Data"])) for r in self.records("PredictionsStream", n)]

    def the_stream_is_answered(self, tag="r"):
        users = trained().users[:5]
        before = len(self.kinesis.read(self.names["PredictionsStream"]))
        self.kinesis.put_many(self.names["RequestsStream"], [
            (user, json.dumps({"user_id": user, "request_id": f"{tag}-{user}"})) for user in users])
        said = self.predictions(before + len(users))[before:]
        self.assertEqual({f"{tag}-{user}" for user in users}, {e["request_id"] for e in said})
        for event in said:
            expected = self.server.get(f"/internal/recommend/{event['user_id']}?top_n=20").json()
            self.assertEqual(expected["recommendations"], event["recommendations"])
        return said

    def ratings_become_windows(self):
        events = [("1", 4.5), ("2", 3), ("1", 2.5), ("1", 5)]
        self.kinesis.put_many(self.names["EventsStream"], [
            ("k", json.dumps({"userId": "7", "movieId": movie, "rating": stars})) for movie, stars in events])

        def totals():
            found = {}
            for item in self.table.scan(self.names["Windows"]):
                count, total = found.get(item["movieId"]["S"], (0, 0))
                found[item["movieId"]["S"]] = (count + int(item["ratingCount"]["N"]), total + float(item["ratingSum"]["N"]))
            return found
        expected = {"1": (3, 12.0), "2": (1, 3.0)}
        self.eventually(lambda: totals() == expected, "windows")
        trend = self.eventually(lambda: self.table.scan(self.names["Trends"]), "a trend")
        self.assertLessEqual({"windowStart", "place", "movieId"}, set(trend[0]))

    def nothing_was_given_up(self):
        self.assertEqual([], self.kinesis.read(self.names["DeadLettersStream"]))
        self.assertFalse(self.given_up.exists() and self.given_up.read_text())

    def test_the_smallest_stack(self):
        """POST /predict, scored in the function."""
        self.rehearse()
        self.the_api_answers()

    def test_an_endpoint_and_streams(self):
        """92"""
        self.rehearse(Endpoint="serverless", Streams="on")
        self.the_api_answers()
        self.the_stream_is_answered()
        self.ratings_become_windows()
        self.kinesis.put(self.names["RequestsStream"], "k", "this is no request")
        self.assertEqual(1, len(self.records("DeadLettersStream", 1)))
        self.assertFalse(self.given_up.exists() and self.given_up.read_text())

    def test_streams_and_a_cache(self):
        """92: what was computed once comes from the cache, behind its password."""
        self.rehearse(Streams="on", Cache="on")
        self.the_api_answers()
        self.assertEqual({False}, {e["from_cache"] for e in self.the_stream_is_answered("a")})
        self.eventually(lambda: len(self.redis.keys()) >= 5, "five keys")
        self.assertEqual({True}, {e["from_cache"] for e in self.the_stream_is_answered("b")})
        self.ratings_become_windows()
        self.nothing_was_given_up()


if __name__ == "__main__":
    unittest.main()
