"""test_local_sdk.py: AWS's own JavaScript SDK against local-cloud: how InvokeCommand and
InvokeEndpointCommand read its responses and classify its errors, and the whole path
from them through predict to serve. tests/node/install brings the SDK."""

import base64
import json
import unittest

from local_cloud import PATIENCE, LocalCloudCase, cloud_beside
from models import trained
from node_sdk import OLDEST, Sdk, why_not
from programs import BIN, SOURCE
from sanitizers import SANITIZER_ENVIRONMENT
from serve_case import ServeCase
from test_local_endpoints import Container


class WithSdk:
    """A mix-in for cases with the SDK."""

    def setUp(self):
        reason = why_not(OLDEST)
        if reason:
            self.not_here(reason)
        super().setUp()

    def sdk(self, cloud):
        sdk = Sdk(cloud.url, 4 * PATIENCE)
        self.addCleanup(sdk.close)
        return sdk


class SdkCase(WithSdk, LocalCloudCase):
    def assertRefused(self, response, name, status, fault, words, known=True):
        """An error of the service, of the SDK's own class unless its model has none."""
        error = response.error
        self.assertIsNotNone(error, response)
        self.assertEqual((name, status, fault), (error["name"], error["status"], error["fault"]))
        if known:
            self.assertEqual(name, error["known"])
        self.assertIn(words, error["message"])
        self.assertTrue(error["requestId"])
        return error


class Invoke(SdkCase):
    def invoke(self, sdk, payload=b"{}", name="f", attempts=1, **more):
        payload = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return sdk.call("lambda", "Invoke", attempts, FunctionName=name, Payload=payload, **more)

    def test_a_response_with_all_members(self):
        sdk = self.sdk(self.one())
        response = self.invoke(sdk, {"print": ["a line"], "respond": {"é": 1}}, LogType="Tail")
        self.assertEqual((200, "$LATEST", {"é": 1}), (
            response.output["StatusCode"], response.output["ExecutedVersion"],
            json.loads(response.output["Payload"])))
        self.assertNotIn("FunctionError", response.output)
        self.assertIn(b"\na line\nEND RequestId: " + response.request_id.encode(),
                      base64.b64decode(response.output["LogResult"]))
        context = base64.b64encode(b'{"custom":{"a":1}}').decode()
        response = self.invoke(sdk, name="arn:aws:lambda:us-east-1:123456789012:function:f",
                               Qualifier="$LATEST", ClientContext=context)
        headers = json.loads(response.output["Payload"])["headers"]
        self.assertEqual('{"custom":{"a":1}}', headers["Lambda-Runtime-Client-Context"])
        self.assertTrue(headers["Lambda-Runtime-Invoked-Function-Arn"].endswith(":function:f:$LATEST"))

    def test_the_ways_to_invoke(self):
        sdk = self.sdk(self.one())
        for kind, status in (("RequestResponse", 200), ("Event", 202), ("DryRun", 204)):
            response = self.invoke(sdk, InvocationType=kind)
            self.assertEqual(status, response.output["StatusCode"], response)

    def test_a_function_error_is_no_error_of_the_call(self):
        """§1.4.9"""
        sdk = self.sdk(self.one(timeout=1))
        report = {"errorMessage": "no", "errorType": "Function.No", "stackTrace": []}
        for payload, kind, words in (({"error": report}, "Function.No", "no"),
                                     ({"exit": 3}, "Runtime.ExitError", "exit status 3"),
                                     ({"sleep": 60}, "Sandbox.Timeout", "timed out after 1.00 seconds")):
            response = self.invoke(sdk, payload)
            self.assertEqual((200, "Unhandled"), (response.output["StatusCode"],
                                                  response.output["FunctionError"]), response)
            result = json.loads(response.output["Payload"])
            self.assertEqual(kind, result["errorType"])
            self.assertIn(words, result["errorMessage"])

    def test_errors_of_a_call_have_the_class_of_the_sdk(self):
        sdk = self.sdk(self.one())
        self.assertRefused(self.invoke(sdk, name="unknown"), "ResourceNotFoundException", 404, "client",
                           "Function not found: arn:aws:lambda:us-east-1:123456789012:function:unknown")
        self.assertRefused(self.invoke(sdk, Qualifier="live"), "ResourceNotFoundException", 404,
                           "client", "Function not found")
        self.assertRefused(self.invoke(sdk, b"{"), "InvalidRequestContentException", 400, "client",
                           "Could not parse request body into json")
        self.assertRefused(self.invoke(sdk, ClientContext="!"), "InvalidRequestContentException", 400,
                           "client", "Client context")
        self.assertRefused(self.invoke(sdk, b'"' + b"x" * (6 << 20) + b'"'), "RequestTooLargeException",
                           413, "client", "smaller than")
        self.assertRefused(self.invoke(sdk, InvocationType="Sometimes"), "InvalidParameterValueException",
                           400, "client", "X-Amz-Invocation-Type")
        self.assertEqual(b"1", self.invoke(sdk, {"respond": 1}).output["Payload"])

    def test_a_throttle_is_one_to_the_sdk_which_waits_and_tries_again(self):
        cloud = self.one(processes=1, queue=0)
        sdk = self.sdk(cloud)
        self.invoke(sdk, {"respond": 1})
        busy = sdk.later("lambda", "Invoke", FunctionName="f", Payload=b'{"print":["busy"],"sleep":4}')
        cloud.wait_for_line("busy")
        response = self.invoke(sdk)
        error = self.assertRefused(response, "TooManyRequestsException", 429, "client", "Rate Exceeded.")
        self.assertEqual((True, 1), (error["throttling"], error["attempts"]))
        self.assertEqual(("ReservedFunctionConcurrentInvocationLimitExceeded", "User"),
                         (error["Reason"], error["Type"]))
        patient = self.invoke(sdk, {"respond": 2}, attempts=30)
        self.assertEqual(b"2", patient.output["Payload"])
        self.assertGreater(patient.attempts, 1)
        self.assertEqual(200, busy().output["StatusCode"])

    def test_a_large_event_and_a_large_response_pass(self):
        sdk = self.sdk(self.one())
        text = "x" * (6 * 1024 * 1024 - 200)
        response = self.invoke(sdk, {"respond": text})
        self.assertEqual(text, json.loads(response.output["Payload"]))


class InvokeEndpoint(SdkCase):
    def setUp(self):
        super().setUp()
        self.container = Container()
        self.addCleanup(self.container.close)

    def movies(self, **config):
        return self.sdk(self.cloud(
            endpoints={"movies": f"http://127.0.0.1:{self.container.port}",
                       "gone": "http://127.0.0.1:1"}, **config))

    def invoke_endpoint(self, sdk, do, name="movies", attempts=1, **more):
        return sdk.call("sagemaker-runtime", "InvokeEndpoint", attempts, EndpointName=name,
                        Body=json.dumps(do).encode(), ContentType="application/json", **more)

    def test_a_response_with_all_members(self):
        response = self.invoke_endpoint(self.movies(), {"body": "4.5", "headers": {
            "X-Amzn-SageMaker-Custom-Attributes": "v=1"}}, Accept="text/csv", InferenceId="i-1",
            CustomAttributes="a=1")
        self.assertEqual((b"4.5", "text/x", "AllTraffic", "v=1"), tuple(
            response.output[n] for n in ("Body", "ContentType", "InvokedProductionVariant",
                                         "CustomAttributes")))
        headers = self.container.requests[0][1]
        self.assertEqual(("text/csv", "i-1", "a=1"), tuple(headers[n] for n in (
            "Accept", "X-Amzn-SageMaker-Inference-Id", "X-Amzn-SageMaker-Custom-Attributes")))

    def test_errors_of_the_model_have_their_members(self):
        """57"""
        sdk = self.movies()
        for status, whose in ((400, "client"), (404, "client"), (500, "server"), (503, "server")):
            error = self.assertRefused(
                self.invoke_endpoint(sdk, {"status": status, "body": "because"}), "ModelError", 424, "client",
                f'Received {whose} error ({status}) from primary with message "because"')
            self.assertEqual((status, "because"), (error["OriginalStatusCode"], error["OriginalMessage"]))
            self.assertTrue(error["LogStreamArn"].startswith("arn:aws:logs:us-east-1:"))

    def test_errors_of_a_call_have_the_class_of_the_sdk(self):
        sdk = self.movies()
        self.assertRefused(self.invoke_endpoint(sdk, {}, "unknown"), "ValidationError", 400, "client",
                           "Endpoint unknown of account 123456789012 not found.")
        response = self.invoke_endpoint(sdk, {}, "gone")
        error = self.assertRefused(response, "ServiceUnavailable", 503, "server", "")
        self.assertTrue(error["transient"])
        self.assertEqual(3, self.invoke_endpoint(sdk, {}, "gone", attempts=3).error["attempts"])

    def test_a_throttle_is_one_to_the_sdk(self):
        """56"""
        sdk = self.movies()
        calls = [sdk.later("sagemaker-runtime", "InvokeEndpoint", EndpointName="movies",
                           Body=b'{"sleep":3}') for _ in range(300)]
        responses = [call() for call in calls]
        errors = [response.error for response in responses if response.error]
        self.assertTrue(0 < len(errors) < 300, len(errors))
        for error in errors:
            self.assertEqual(("ThrottlingException", 400, True),
                             (error["name"], error["status"], error["throttling"]))
        self.assertEqual(b"fine", self.invoke_endpoint(sdk, {}).output["Body"])


class WholePath(WithSdk, ServeCase):
    """The SDK, Lambda, predict, SageMaker's front, serve."""

    def test_both_commands_reach_serve(self):
        front = cloud_beside(self, "front", endpoints={"movies": f"http://127.0.0.1:{self.server.port}"})
        cloud = cloud_beside(self, "cloud", functions={"predict": {
            "program": str(BIN / "predict"), "timeout": PATIENCE, "init-timeout": PATIENCE,
            "environment": {**SANITIZER_ENVIRONMENT, "ENDPOINT_NAME": "movies",
                            "MOVIES_URI": str(SOURCE / "data" / "movies.csv"),
                            "AWS_ENDPOINT_URL": front.url}}})
        runtime, sdk = self.sdk(front), self.sdk(cloud)
        for user, item in [row[:2] for row in trained().rows[:20]]:
            request = json.dumps({"userId": user, "movieId": item}).encode()
            result = runtime.call("sagemaker-runtime", "InvokeEndpoint", EndpointName="movies",
                            Body=request, ContentType="application/json")
            rating = json.loads(result.output["Body"])["predicted_rating"]
            self.assertAlmostEqual(trained().predict(user, item), rating, places=4)
            response = sdk.call("lambda", "Invoke", FunctionName="predict", Payload=request)
            self.assertNotIn("FunctionError", response.output, response)
            self.assertAlmostEqual(rating, json.loads(response.output["Payload"])["predicted_rating"],
                                   delta=0.0501)
        response = sdk.call("lambda", "Invoke", FunctionName="predict", Payload=b'{"userId":"1"}')
        self.assertEqual("Unhandled", response.output["FunctionError"])
        self.assertEqual("Function.InvalidEvent", json.loads(response.output["Payload"])["errorType"])
        response = runtime.call("sagemaker-runtime", "InvokeEndpoint", EndpointName="movies", Body=b"{",
                                ContentType="application/json")
        self.assertEqual(("ModelError", 400), (response.error["name"], response.error["OriginalStatusCode"]))


if __name__ == "__main__":
    unittest.main()
