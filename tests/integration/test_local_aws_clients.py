"""test_local_aws_clients.py: AWS's own clients against local-cloud: the command line (Debian's
awscli, or another one on PATH) and aws-lambda-ric, AWS's own client of the Runtime API, which
tests/node/install brings and builds. The JavaScript SDK has test_local_sdk.py.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import unittest

from local_cloud import PATIENCE, LocalCloudCase, cloud_beside
from models import trained
from node_sdk import NODE, why_not
from programs import BIN, SOURCE
from sanitizers import SANITIZER_ENVIRONMENT
from serve_case import ServeCase
from test_local_endpoints import Container

AWS = "/usr/bin/aws" if os.path.exists("/usr/bin/aws") else shutil.which("aws")
RIC = NODE / "node_modules" / "aws-lambda-ric"

HANDLER = """
exports.handler = async (event, context) => {
    if (event.fail) { throw new TypeError('wanted ' + event.fail); }
    console.log('event', event.n);
    return {n: event.n, id: context.awsRequestId, arn: context.invokedFunctionArn,
            left: context.getRemainingTimeInMillis(), trace: process.env._X_AMZN_TRACE_ID,
            client: context.clientContext};
};
"""


class CommandLine(LocalCloudCase):
    def setUp(self):
        if AWS is None:
            self.not_here("there is no aws; script/bootstrap installs Debian's awscli")
        super().setUp()

    def aws(self, cloud, *words):
        """(status, output, the response's body)"""
        out = self.folder / "out"
        out.unlink(missing_ok=True)
        run = subprocess.run(
            [AWS, "--endpoint-url", cloud.url, "--region", "us-east-1", "--cli-read-timeout", "60",
             "--output", "json", *map(str, words), out],
            capture_output=True, text=True, timeout=300, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "AWS_ACCESS_KEY_ID": "x",
                 "AWS_SECRET_ACCESS_KEY": "y", "AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": "",
                 "AWS_EC2_METADATA_DISABLED": "true"})
        self.assertEqual("", run.stderr if run.returncode == 0 else "")
        return (run.returncode, json.loads(run.stdout) if run.returncode == 0 else run.stderr,
                out.read_bytes() if out.exists() else b"")

    def test_lambda_invoke(self):
        cloud = self.one()
        payload = self.folder / "payload"
        payload.write_text('{"print":["a line"],"respond":{"n":1}}')
        words = ("lambda", "invoke", "--payload", f"fileb://{payload}", "--function-name")
        status, output, body = self.aws(cloud, *words, "f", "--log-type", "Tail")
        self.assertEqual((0, 200, "$LATEST", {"n": 1}),
                         (status, output["StatusCode"], output["ExecutedVersion"], json.loads(body)))
        self.assertIn(b"\na line\nEND RequestId", base64.b64decode(output["LogResult"]))
        status, output, body = self.aws(cloud, *words, "arn:aws:lambda:us-east-1:123456789012:function:f",
                                        "--qualifier", "$LATEST")
        self.assertEqual((0, {"n": 1}), (status, json.loads(body)))
        status, output, body = self.aws(cloud, *words, "f", "--invocation-type", "Event")
        self.assertEqual((0, 202), (status, output["StatusCode"]))
        status, output, body = self.aws(cloud, *words, "f", "--invocation-type", "DryRun")
        self.assertEqual((0, 204), (status, output["StatusCode"]))
        payload.write_text('{"error":{"errorMessage":"no","errorType":"Function.No"}}')
        status, output, body = self.aws(cloud, *words, "f")
        self.assertEqual((0, 200, "Unhandled", "no"), (status, output["StatusCode"], output["FunctionError"],
                                                       json.loads(body)["errorMessage"]))
        status, output, body = self.aws(cloud, *words, "unknown")
        self.assertNotEqual(0, status)
        self.assertIn("ResourceNotFoundException", output)
        self.assertIn("Function not found: arn:aws:lambda:us-east-1:123456789012:function:unknown", output)

    def test_sagemaker_runtime_invoke_endpoint(self):
        container = Container()
        self.addCleanup(container.close)
        cloud = self.cloud(endpoints={"movies": f"http://127.0.0.1:{container.port}"})
        body = self.folder / "body"
        words = ("sagemaker-runtime", "invoke-endpoint", "--body", f"fileb://{body}",
                 "--content-type", "application/json", "--endpoint-name")
        body.write_text('{"body":"4.5","headers":{"X-Amzn-SageMaker-Custom-Attributes":"v=1"}}')
        status, output, response = self.aws(cloud, *words, "movies", "--custom-attributes", "a=1")
        self.assertEqual((0, b"4.5", "AllTraffic", "text/x", "v=1"),
                         (status, response, output["InvokedProductionVariant"], output["ContentType"],
                          output["CustomAttributes"]))
        self.assertEqual("a=1", container.requests[0][1]["X-Amzn-SageMaker-Custom-Attributes"])
        body.write_text('{"status":400,"body":"no such user"}')
        status, output, _ = self.aws(cloud, *words, "movies")
        self.assertNotEqual(0, status)
        self.assertIn("(ModelError)", output)
        self.assertIn('Received client error (400) from primary with message "no such user"', output)
        status, output, _ = self.aws(cloud, *words, "unknown")
        self.assertIn("(ValidationError)", output)
        self.assertIn("Endpoint unknown of account 123456789012 not found.", output)


class Document(ServeCase):
    """The commands of docs/functions.md, with another port."""

    def test_its_commands_for_aws_print_responses_of_predict_and_of_serve(self):
        if AWS is None:
            self.not_here("there is no aws; script/bootstrap installs Debian's awscli")
        text = (SOURCE / "docs/functions.md").read_text(encoding="utf-8")
        commands = [c.replace("\\\n", " ")
                    for c in re.findall(r"^\$ (aws (?:.*\\\n)*.*)", text, re.MULTILINE)]
        commands = [c for c in commands if "localhost:8000" in c]
        self.assertEqual(["lambda", "sagemaker-runtime"], [c.split()[1] for c in commands])
        cloud = cloud_beside(
            self, endpoints={"recommender": f"http://127.0.0.1:{self.server.port}"},
            functions={"predict": {
                "program": str(BIN / "predict"), "timeout": PATIENCE, "init-timeout": PATIENCE,
                "environment": {**SANITIZER_ENVIRONMENT, "MODEL_URI": str(trained().model_bin),
                                "MOVIES_URI": str(SOURCE / "data" / "movies.csv")}}})
        for command, piece in zip(commands, ('"movie_title": "Fight Club (1999)"', '"predicted_rating":')):
            run = subprocess.run(
                ["sh", "-c", command.replace("http://localhost:8000", cloud.url)],
                capture_output=True, text=True, timeout=300, check=False,
                env={"PATH": f"{os.path.dirname(AWS)}:{os.environ['PATH']}", "HOME": str(self.folder),
                     "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_PAGER": "",
                     "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
                     "AWS_EC2_METADATA_DISABLED": "true"})
            self.assertEqual((0, ""), (run.returncode, run.stderr), command)
            self.assertIn(piece, run.stdout)


class RuntimeInterfaceClient(LocalCloudCase):
    def setUp(self):
        reason = why_not()
        if reason is None and not (RIC / "dist" / "rapid-client.node").exists():
            reason = "aws-lambda-ric is not built; run tests/node/install, with a C++ compiler"
        if reason:
            self.not_here(reason)
        super().setUp()
        (self.folder / "app.js").write_text(HANDLER)
        self.function = {
            "program": shutil.which("node"),
            "arguments": [str(RIC / "bin" / "index.mjs"), "app.handler"], "folder": str(self.folder),
            "handler": "app.handler", "timeout": PATIENCE, "init-timeout": PATIENCE,
            "environment": {"LAMBDA_TASK_ROOT": str(self.folder), "HOME": str(self.folder)}}

    def test_it_runs_a_hundred_events_and_a_failing_handler_without_complaint(self):
        """28"""
        cloud = self.cloud(functions={"f": self.function})
        ids = set()
        for n in range(100):
            response = cloud.invoke("f", {"n": n}, {"X-Amzn-Trace-Id": f"Root=1-{n}",
                                                    "X-Amz-Client-Context": "eyJjdXN0b20iOnsiYSI6MX19"})
            self.assertEqual(200, response.status, response)
            self.assertNotIn("X-Amz-Function-Error", response.headers, response)
            got = response.json
            self.assertEqual((n, f"Root=1-{n}", response.headers["x-amzn-RequestId"]),
                             (got["n"], got["trace"], got["id"]))
            self.assertEqual({"custom": {"a": 1}}, got["client"])
            self.assertTrue(0 < got["left"] <= PATIENCE * 1000)
            ids.add(got["id"])
        self.assertEqual(100, len(ids))
        for n in range(1, 4):
            response = cloud.invoke("f", {"fail": n})
            self.assertEqual("Unhandled", response.headers["X-Amz-Function-Error"])
            self.assertEqual(("TypeError", f"wanted {n}"),
                             (response.json["errorType"], response.json["errorMessage"]))
            self.assertEqual(n, cloud.invoke("f", {"n": n}).json["n"])
        self.assertEqual(1, len(cloud.children()))
        self.assertNotRegex(cloud.stop().stdout, "exit status|signal:|INIT_REPORT")

    def test_large_events_and_responses_pass(self):
        """20"""
        cloud = self.cloud(functions={"f": self.function})
        big = "x" * (6 * 1024 * 1024 - 200)
        self.assertEqual(big, cloud.invoke("f", {"n": big}).json["n"])


if __name__ == "__main__":
    unittest.main()
