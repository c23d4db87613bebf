"""lambda_case.py: a Lambda function as a process, with its own Runtime API.

    class Example(FunctionCase):
        def test_a_sentence(self):
            run = self.start()                        # lambda_echo, waiting in `next`
            self.assertEqual({"slept": 5}, self.invoke({"do": "sleep", "ms": 5}).json)

Each test has its own server and ends its processes by their pids. The numbers in the
tests' first lines are those of the checklist in docs/lambda.md, or of its sections where
they follow a §.
"""

import json
import signal
import subprocess

from aws_signature import Keys
from process import Run
from programs import BIN
from runtime_api import RuntimeApi
from sanitizers import SANITIZER_ENVIRONMENT
from skipping import LoudCase

ECHO = BIN.parent / "tests" / "lambda_echo"

# Never in a log line.
SECRETS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLEKEY", "AWS_SECRET_ACCESS_KEY": "verySecretKey/+9",
           "AWS_SESSION_TOKEN": "sessionTokenOfTheRole==", "REDIS_PASSWORD": "redisPass-word1"}

# Keys and region of its calls to AWS.
KEYS = Keys(SECRETS["AWS_ACCESS_KEY_ID"], SECRETS["AWS_SECRET_ACCESS_KEY"],
            SECRETS["AWS_SESSION_TOKEN"])
REGION = "eu-central-1"


class FunctionCase(LoudCase):
    program = ECHO

    def setUp(self):
        self.api = RuntimeApi()
        self.runs = []

    def tearDown(self):
        for run in self.runs:
            run.end()
        self.api.close()
        self.assertEqual([], self.api.problems)

    def environment(self, **more):
        """The variables of Lambda; a value None removes a variable."""
        names = {
            "AWS_LAMBDA_RUNTIME_API": self.api.address, "AWS_LAMBDA_FUNCTION_NAME": "echo",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_REGION": REGION, "TZ": ":UTC", "PATH": "/usr/bin:/bin",
            **SECRETS, **SANITIZER_ENVIRONMENT, **more}
        return {name: value for name, value in names.items() if value is not None}

    def launch(self, wrapper=(), user=None, cwd=None, **environment):
        """A process that may not have reached `next` yet."""
        run = Run([*wrapper, self.program], env=self.environment(**environment), user=user, cwd=cwd)
        self.runs.append(run)
        return run

    def start(self, **how):
        """A process that waits in its first `next`."""
        before = len(self.api.calls("next"))
        run = self.launch(**how)
        self.api.wait_for_calls("next", before + 1)
        return run

    def invoke(self, body, seconds=60, **how):
        return self.api.invoke(body, **how).wait(seconds)

    def stop(self, run):
        """Ends it by SIGTERM and returns its Result."""
        run.signal(signal.SIGTERM)
        result = run.wait(30)
        self.assertEqual(0, result.status, result)
        return result

    def lines(self, result):
        """Its standard output, each line a JSON object."""
        self.assertTrue(result.stdout == "" or result.stdout.endswith("\n"), result)
        objects = [json.loads(line) for line in result.stdout.splitlines()]
        for one in objects:
            self.assertIsInstance(one, dict)
        return objects

    def refusal(self, wrapper):
        """Why this machine cannot run a command in this wrapper; None if it can."""
        try:
            done = subprocess.run([*wrapper, "true"], timeout=60, check=False,
                                  env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
        except OSError as error:
            return str(error)
        return None if done.returncode == 0 else done.stderr.strip() or f"exit {done.returncode}"

    def end_runs(self):
        """Ends what still runs by SIGTERM and checks the output of each process: lines of
        JSON, which are returned, none of them with a secret."""
        output = []
        for run in self.runs:
            if run.result is None:
                self.stop(run)
            result = run.wait(30)
            for secret in SECRETS.values():
                self.assertNotIn(secret, result.log_text())
            self.assertEqual("", result.stderr)
            output += self.lines(result)
        return output

    def assertReport(self, event, kind, *pieces):
        """The function responded to the event once, by a report of that type."""
        self.assertEqual("error", event.kind)
        report = event.json
        self.assertEqual({"errorMessage", "errorType", "stackTrace"}, set(report))
        self.assertEqual(kind, report["errorType"])
        self.assertRegex(kind, r"\A(Runtime|Function)\.[A-Z][a-zA-Z]+\Z")
        self.assertEqual(kind, event.response.header("Lambda-Runtime-Function-Error-Type"))
        for piece in pieces:
            self.assertIn(piece, report["errorMessage"])
        posts = [r for r in self.api.requests if f"/{event.id}/" in r.path]
        self.assertEqual(1, len(posts), posts)
