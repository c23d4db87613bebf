"""predict_case.py: the real `predict` as a Lambda function, with stand-ins for SageMaker
Runtime and S3 that check its signatures (aws_peers.py).

    class Example(PredictCase):
        def test_a_sentence(self):
            run = self.start()                      # endpoint mode, movies from a file
            self.endpoint.will(failure(503, "ServiceUnavailable"))
            self.assertBody(RESPONSE, self.post(REQUEST))

After each test every function that runs must end with 0 at SIGTERM; its output must be JSON
lines without secrets, sanitizer reports or the users' data.
"""

import json
import shutil
import tempfile
from pathlib import Path

from aws_peers import Peer, respond
from lambda_case import KEYS, REGION, SECRETS, FunctionCase
from programs import BIN

ENDPOINT = "movies-endpoint-7"

MOVIES = """movieId,title,genres
2959,Fight Club (1999),Action|Crime|Drama|Thriller
11,"American President, The (1995)",Comedy|Drama|Romance
1001,"Amélie ""Poulain"", Le (2001)",Comedy|Romance
"""
REQUEST = {"userId": "2", "movieId": "2959"}
ENDPOINT_BODY = b'{"predicted_rating":4.42}'
RESPONSE = '{"predicted_rating": 4.4, "movie_title": "Fight Club (1999)"}'


def proxied(body, method="POST", path="/predict", **more):
    """An event of an HTTP API or a function URL."""
    body = body if body is None or isinstance(body, str) else json.dumps(body)
    event = {"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
             "headers": {"content-type": "application/json"},
             "requestContext": {"accountId": "123456789012", "stage": "$default",
                                "requestId": "JKJaXmPLvHcESHA=",
                                "http": {"method": method, "path": path}},
             "isBase64Encoded": False, **more}
    if body is not None:
        event["body"] = body
    return event


class PredictCase(FunctionCase):
    program = BIN / "predict"

    def setUp(self):
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(prefix="mf-predict-"))
        self.endpoint = Peer("sagemaker", KEYS, REGION)
        self.endpoint.otherwise = respond(200, ENDPOINT_BODY, [("Content-Type", "application/json")])
        self.s3 = Peer("s3", KEYS, REGION)
        self.movies = self.folder / "movies.csv"
        self.movies.write_text(MOVIES, encoding="utf-8")

    def tearDown(self):
        try:
            self.end_runs()
            for peer in (self.endpoint, self.s3):
                self.assertEqual([], peer.complaints)
        finally:
            super().tearDown()
            self.endpoint.close()
            self.s3.close()
            shutil.rmtree(self.folder)

    def environment(self, **more):
        return super().environment(**{
            "AWS_LAMBDA_FUNCTION_NAME": "predict", "ENDPOINT_NAME": ENDPOINT,
            "MOVIES_URI": str(self.movies), "TMPDIR": str(self.folder),
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": self.endpoint.url,
            "AWS_ENDPOINT_URL_S3": self.s3.url, **more})

    def refused(self, *pieces, **environment):
        """A function that must not start: exit 1, the sentence at init/error."""
        before = len(self.api.calls("init"))
        run = self.launch(**environment)
        result = run.wait(60)
        self.assertEqual(1, result.status, result)
        self.assertEqual([], self.api.calls("next"))
        reports = self.api.calls("init")[before:]
        self.assertEqual(1, len(reports), result)
        message = reports[0].json["errorMessage"]
        for piece in pieces:
            self.assertIn(piece, message)
        self.assertRegex(reports[0].json["errorType"], r"\A(Runtime|Function)\.[A-Z][a-zA-Z]+\Z")
        self.api.forget()
        return message

    def bare(self, request, **how):
        """The response's body of a direct invocation, as text."""
        event = self.invoke(request, **how)
        self.assertEqual("response", event.kind, event.response.body)
        return event.response.body.decode()

    def post(self, request, deadline_in=60.0, **more):
        """The response to a proxy's event: statusCode, headers, body."""
        event = self.invoke(proxied(request, **more), deadline_in=deadline_in)
        self.assertEqual("response", event.kind, event.response.body)
        response = event.json
        self.assertIs(int, type(response["statusCode"]))
        self.assertIs(str, type(response["body"]))
        self.assertEqual("application/json", response["headers"]["Content-Type"])
        self.assertIn("Access-Control-Allow-Origin", response["headers"])
        return response

    def assertBody(self, body, response):
        self.assertEqual((200, body), (response["statusCode"], response["body"]))

    def assertError(self, status, code, response):
        """An error of this kind that discloses nothing of the system."""
        self.assertEqual(status, response["statusCode"], response)
        error = json.loads(response["body"])["error"]
        self.assertEqual({"code", "message"}, set(error))
        self.assertEqual(code, error["code"])
        shown = json.dumps(response)
        for part in (ENDPOINT, "127.0.0.1", str(self.endpoint.port), str(self.s3.port), "arn:",
                     "amazonaws", "curl", "AWS", "bucket", *SECRETS.values()):
            self.assertNotIn(part, shown)
        return error["message"]

    def events(self, run, name, text=None):
        """Log lines with this event so far."""
        # The last line may be incomplete.
        lines = [json.loads(line) for line in (text or run.text()).split("\n")[:-1]]
        return [line for line in lines if line.get("event") == name]
