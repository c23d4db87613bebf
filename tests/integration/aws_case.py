"""aws_case.py: tests of lambda/aws: aws_call, a program around the library, and peers for it.

    class Example(AwsCase):
        def test_a_sentence(self):
            peer = self.peer("sagemaker")
            program = self.program(AWS_ENDPOINT_URL=peer.url)
            client = program.open("sagemaker")
            response = client("invoke", endpoint="movies", content_type="text/csv", body=b"1,2")

(1) After each test every program has ended with status 0, its log is JSON lines without
    sanitizer reports, and no output contains the secret or the token.
(2) No peer found a signature wrong, unless the test expects it.

Numbers in the first line of a test are those of the checklist in docs/lambda.md, or of its
sections where they follow a §.

Environment: MF_AWS_CALL, the program of aws_call.c.
"""

import json
import os
import subprocess
import tempfile
import time

from aws_peers import Peer
from aws_signature import Keys
from skipping import LoudCase

SANITIZED = bool(os.environ.get("MF_SANITIZE"))
AWS_CALL = os.environ.get("MF_AWS_CALL", "build/release/tests/aws_call")
REGION = "eu-central-1"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY:x"  # a colon, slash and plus are allowed
TOKEN = "FwoGZXIvYXdzEBYaDOEXAMPLE//////////8BToken+With=Signs=="
USER = Keys("AKIDEXAMPLE", SECRET)
ROLE = Keys("ASIAEXAMPLE", SECRET, TOKEN)


class Program:
    def __init__(self, environment, wrapper=()):
        self.log_file = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [*wrapper, AWS_CALL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log_file,
            env=environment, text=True)
        self.lines = []

    def __call__(self, do, **members):
        body = members.pop("body", None)
        if body is not None:
            members["body_hex"] = body.hex()
        self._process.stdin.write(json.dumps({"do": do, **members}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"aws_call ended: {self.log()}")
        self.lines.append(line)
        response = json.loads(line)
        if "body_hex" in response:
            response["body"] = bytes.fromhex(response.pop("body_hex"))
        return response

    def open(self, service, **settings):
        """A client, as a function that takes a command's name and members."""
        response = self("open", client=service, service=service, **settings)
        assert response["ok"], response
        return lambda do, **members: self(do, client=service, **members)

    def setenv(self, name, value):
        assert self("setenv", name=name, value=value)["ok"]

    def log(self):
        self.log_file.seek(0)
        return self.log_file.read()

    def retries(self):
        return [line for line in map(json.loads, self.log().splitlines())
                if line["event"] == "aws_retry"]

    def end(self):
        self._process.stdin.close()
        self._process.stdout.close()
        status = self._process.wait(timeout=60)
        log = self.log()
        self.log_file.close()
        return status, log


class AwsCase(LoudCase):
    keys = ROLE
    complaints_expected = False

    def setUp(self):
        self._programs, self._peers = [], []

    def peer(self, service, keys=None, **more):
        peer = Peer(service, keys or self.keys, REGION, **more)
        self._peers.append(peer)
        return peer

    def program(self, keys=None, wrapper=(), **environment):
        keys = keys or self.keys
        plain = {"PATH": os.environ["PATH"], "AWS_REGION": REGION,
                 "AWS_ACCESS_KEY_ID": keys.key_id, "AWS_SECRET_ACCESS_KEY": keys.secret,
                 "AWS_SESSION_TOKEN": keys.token,
                 "UBSAN_OPTIONS": "print_stacktrace=1", **environment}
        program = Program({name: value for name, value in plain.items() if value is not None},
                          wrapper)
        self._programs.append(program)
        return program

    def client(self, service, peer, keys=None, settings=None, **environment):
        """A program's client of this peer."""
        program = self.program(keys, AWS_ENDPOINT_URL=peer.url, **environment)
        client = program.open(service, **(settings or {}))
        client.program = program
        return client

    def tearDown(self):
        for program in self._programs:
            status, log = program.end()
            self.assertEqual(0, status, log)
            for line in log.splitlines():
                json.loads(line)
            for secret in (SECRET, TOKEN):
                self.assertNotIn(secret, log)
                self.assertNotIn(secret, "".join(program.lines))
        for peer in self._peers:
            peer.close()
            if not self.complaints_expected:
                self.assertEqual([], peer.complaints)

    def assertOk(self, response):
        self.assertTrue(response["ok"], response)
        return response

    def assertFails(self, kind, response):
        self.assertFalse(response["ok"], response)
        self.assertEqual(kind, response["kind"], response)
        return response

    def invoke(self, client, body=b"{}", **members):
        return client("invoke", endpoint="movies", content_type="application/json", body=body,
                      **members)

    def eventually(self, condition, seconds=5):
        stop = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), stop, "it never came true")
            time.sleep(0.01)
