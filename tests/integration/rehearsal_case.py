"""rehearsal_case.py: a stack of deploy/template.yaml on one machine: the functions with the environment, the mappings
and the tables that the template gives them, on local-cloud, kinesalite, dynalite, s3rver, redis-server and the real
serve, behind nginx where the template has a load balancer.

    class Example(RehearsalCase):
        def test_a_sentence(self):
            self.rehearse(Streams="on", Cache="on")     # parameters of the template
            self.cloud.post("/predict", …)

Differences from an account: the addresses of services (AWS_ENDPOINT_URL_…), windows of one second
in place of the template's default of thirty (a parameter), a file for records that a mapping gives
up, our own certificate for Redis (REDIS_CA_FILE), longer timeouts of Redis for a slow machine
(REDIS_…_MS), and tasks that share a machine: each has a port, and half of them no CPU of their
own."""

import io
import json
import subprocess
import tarfile
import time
import urllib.request

from aggregate_case import Table
from aws_peers import Peer, respond
from aws_signature import Keys
from balancer import Balancer
from local_cloud import PATIENCE, cloud_beside
from models import trained
from node_sdk import end_peer, start_peer, why_not
from programs import BIN, SOURCE
from redis_peers import Certificate, RealRedis
from sanitizers import SANITIZER_ENVIRONMENT
from serve_case import ServeCase
from stream_case import Kinesis
from template import Template

S3_KEYS = {"AWS_ACCESS_KEY_ID": "S3RVER", "AWS_SECRET_ACCESS_KEY": "S3RVER"}  # the only keys of s3rver
BUCKET, PASSWORD = "movies", "a-password-of-the-cache"
PATIENT = {"REDIS_CONNECT_MS": "10000", "REDIS_COMMAND_MS": "10000"}
NAME = {"AWS::Kinesis::Stream": "Name", "AWS::DynamoDB::Table": "TableName", "AWS::SQS::Queue": "QueueName",
        "AWS::Lambda::Function": "FunctionName", "AWS::SageMaker::Endpoint": "EndpointName"}


class RehearsalCase(ServeCase):
    """A running stack with these switches."""

    def setUp(self):
        super().setUp()
        why = why_not(20)
        if why:
            self.not_here(why)
        self.cloud, self.front, self.n_clouds = None, None, 0

    def first_model(self):
        """The model.bin that the stack is deployed with."""
        return trained().model_bin

    def endpoint(self, stack):
        """The server behind the endpoint of the stack, with trained()."""
        self.assertIn("Model", stack.resources)
        return self.server

    def peer(self, *words):
        process, url = start_peer(*words)
        self.addCleanup(end_peer, process)
        return url

    def rehearse(self, **parameters):
        template = Template()
        shapes = template.stack(WindowSeconds=1, ModelUrl=f"s3://{BUCKET}/models/job/output/model.tar.gz", **parameters)
        redis = self.cache() if parameters.get("Cache") == "on" else None
        self.names = {"Bucket": BUCKET, "CacheSecret": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:s"}
        for name, resource in shapes.resources.items():
            if resource["Type"] in NAME:
                called = shapes.value(resource["Properties"][NAME[resource["Type"]]])
                self.names.update({name: called, f"{name}.Arn": called})
        if redis:
            self.names.update({"CacheNodes.PrimaryEndPoint.Address": "127.0.0.1",
                               "CacheNodes.PrimaryEndPoint.Port": str(redis.port)})
        if parameters.get("Service") == "on":
            self.balancer = Balancer(self, shapes)
            self.names["Balancer.DNSName"] = self.balancer.name
        self.given_up = self.folder / "given-up"
        self.names["FailedBatches.Arn"] = str(self.given_up)
        parameters = {**{k: shapes.parameters[k] for k in ("WindowSeconds", "ModelUrl")}, **parameters}
        stack = template.stack(names=self.names, **parameters)
        self.redis = redis
        self.put_files()
        if parameters.get("Service") == "on":
            self.stack = stack
            self.tasks = [self.task() for _ in range(stack.parameters["ServiceTasks"])]
            self.balancer.register(*(task.port for task in self.tasks))
        where = {"AWS_ENDPOINT_URL_S3": self.s3}
        if redis:
            where["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = self.secrets().url
        if parameters.get("Streams") == "on":
            self.make_streams(stack)
            where.update(AWS_ENDPOINT_URL_KINESIS=self.kinesis.url, AWS_ENDPOINT_URL_DYNAMODB=self.dynamodb)
        return self.deploy(stack, where)

    def deploy(self, stack, where):
        """The functions of the stack behind its mappings and its API, and its endpoint, in place of those before."""
        for cloud in (self.cloud, self.front):
            if cloud is not None:
                cloud.stop()
        self.n_clouds += 1
        more = {}
        if "SageMakerEndpoint" in stack.resources:
            self.front = cloud_beside(self, f"front{self.n_clouds}", endpoints={
                self.names["SageMakerEndpoint"]: f"http://127.0.0.1:{self.endpoint(stack).port}"})
            where["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] = self.front.url
        if "EventsStream" in stack.resources:
            more = {"kinesis": self.kinesis.url, "poll-seconds": 0.05, "mappings": [
                stack.value(m["Properties"]) for m in stack.resources.values()
                if m["Type"] == "AWS::Lambda::EventSourceMapping"]}
        self.cloud = cloud_beside(self, f"cloud{self.n_clouds}", env=S3_KEYS, functions=self.functions(stack, where),
                                  routes=self.routes(stack), **more)
        self.where = where
        return self.cloud

    def cache(self):
        self.certificate = Certificate(self.folder, "cache", "IP:127.0.0.1")
        return RealRedis(self, "--requirepass", PASSWORD, password=PASSWORD, tls=self.certificate)

    def secrets(self):
        """A stand-in for Secrets Manager with the password of the cache."""
        def value(connection, request):
            self.assertEqual({"SecretId": self.names["CacheSecret"]}, json.loads(request.body))
            return respond(200, json.dumps({"SecretString": PASSWORD}).encode())(connection, request)
        peer = Peer("secretsmanager", Keys(*S3_KEYS.values()), "us-east-1")
        peer.otherwise = value
        self.addCleanup(lambda: self.assertEqual([], peer.complaints))
        self.addCleanup(peer.close)
        return peer

    def variables(self, declared):
        """Variables of the template, and those that differ on this machine."""
        found = {k: str(v) for k, v in declared.items()}
        if found.get("REDIS_ENABLED") == "true":
            self.assertEqual("true", found["REDIS_TLS"])
            found.update(PATIENT, REDIS_CA_FILE=str(self.certificate.pem))
        return found

    def task(self, model=True):
        """The service's container as a process: image, words and environment of the template."""
        (container,) = self.stack.value(self.stack.resources["ServiceTask"]["Properties"])["ContainerDefinitions"]
        declared = {v["Name"]: v["Value"] for v in container["Environment"]}
        for secret in container.get("Secrets", []):
            self.assertEqual(self.names["CacheSecret"], secret["ValueFrom"])
            declared[secret["Name"]] = PASSWORD
        image = (SOURCE / "deploy/service.Dockerfile").read_text()
        self.assertIn("\nCOPY model/ /opt/ml/model/\n", image)
        prefix = self.tree(False)  # this task's /opt/ml
        if model:
            subprocess.run(["tar", "-xzf", "-", "-C", prefix / "model"], input=self.model_tar, check=True)
        (program,) = container["Command"]
        return self.serve(prefix, ready=False, program=BIN / program, env=self.variables(declared))

    def put_files(self):
        self.s3 = self.peer("s3", str(self.folder / "s3"))
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            tar.add(self.first_model(), "model.bin")
        self.model_tar = packed.getvalue()
        movies = "movieId,title,genres\n" + "".join(f'{i},"Movie {i}, The",Drama\n' for i in trained().items)
        for key, body in (("models/job/output/model.tar.gz", self.model_tar), ("data/movies.csv", movies.encode())):
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
            variables = self.variables(properties["Environment"]["Variables"])
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
