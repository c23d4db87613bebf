"""local_cloud.py: the real local-cloud as a process, with functions of one test.

    class Example(LocalCloudCase):
        def test_a_sentence(self):
            cloud = self.cloud(functions={"f": function(timeout=1)}, routes={"POST /f": "f"})
            self.assertEqual(200, cloud.invoke("f", {"respond": 1}).status)

Numbers in the first line of a test are lines of the checklist in docs/lambda.md, after a § its
facts.
"""

import http.client
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

from process import Run
from programs import BIN
from sanitizers import SANITIZED, SANITIZER_ENVIRONMENT
from skipping import LoudCase

LOCAL_CLOUD = BIN / "local-cloud"
ECHO = BIN.parent / "tests" / "lambda_echo"
FUNCTION = Path(__file__).with_name("local_function.py")
PATIENCE = 120 if SANITIZED else 30


def function(**more):
    """The Python function, as a member of "functions"."""
    return {"program": "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable,
            "arguments": [str(FUNCTION)], "timeout": PATIENCE, "init-timeout": PATIENCE, **more}


def echo(**more):
    """lambda_echo: the real runtime of lambda/, in C."""
    return {"program": str(ECHO), "timeout": PATIENCE,
            "environment": {**SANITIZER_ENVIRONMENT, **more.pop("environment", {})}, **more}


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.body[:2000]!r}"


class LocalCloud:
    def __init__(self, config, folder, words=(), env=None):
        self.folder = folder
        path = folder / "local.json"
        port_file = folder / "port"
        path.write_text(json.dumps({"port": 0, "port_file": str(port_file), **config}))
        self.run = Run([LOCAL_CLOUD, "--config", path, *words],
                       env={"PATH": os.environ["PATH"], **SANITIZER_ENVIRONMENT, **(env or {})})
        self.run.wait_until(port_file.exists, "a port file", PATIENCE)
        if not port_file.exists():
            raise AssertionError(f"did not start{self.run.wait()}")
        self.port = int(port_file.read_text())
        self.url = f"http://127.0.0.1:{self.port}"

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def request(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Response(response.status, response.headers, response.read())
        finally:
            connection.close()

    def invoke(self, name, payload=None, headers=None, query=""):
        body = payload if isinstance(payload, (bytes, type(None))) else json.dumps(payload)
        return self.request("POST", f"/2015-03-31/functions/{name}/invocations{query}", body, headers)

    def post(self, path, payload, headers=None):
        body = payload if isinstance(payload, (bytes, str)) else json.dumps(payload)
        return self.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})

    def endpoint(self, name, body, headers=None):
        return self.request("POST", f"/endpoints/{name}/invocations", body, headers)

    def later(self, call, *words, **how):
        """call(…) on a thread; .wait() returns its value."""
        return Later(lambda: call(*words, **how))

    def lines(self):
        return self.run.text().splitlines()

    def wait_for_line(self, pattern):
        return self.run.wait_for(pattern, deadline=PATIENCE)

    def children(self):
        """The pids of its processes."""
        return [int(p) for p in
                Path(f"/proc/{self.run.pid}/task/{self.run.pid}/children").read_text().split()]

    def stop(self, number=signal.SIGTERM):
        self.run.signal(number)
        return self.run.wait(PATIENCE)


class Later:
    def __init__(self, call):
        self._value = self._error = None
        self._thread = threading.Thread(target=self._run, args=(call,), daemon=True)
        self._thread.start()

    def _run(self, call):
        try:
            self._value = call()
        except Exception as error:  # raised again by wait
            self._error = error

    @property
    def over(self):
        return not self._thread.is_alive()

    def wait(self, seconds=PATIENCE):
        self._thread.join(seconds)
        if not self.over:
            raise AssertionError(f"no response in {seconds} s")
        if self._error is not None:
            raise self._error
        return self._value


def alive(pid):
    """False for none and for a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


def cloud_beside(case, name="cloud", env=None, **config):
    """A cloud for a test of another base class, which has the folder and ends its own processes."""
    folder = case.folder / name
    folder.mkdir()
    cloud = LocalCloud(config, folder, env=env)
    case.addCleanup(lambda: case.assertEqual(0, cloud.stop().status))
    return cloud


class LocalCloudCase(LoudCase):
    def setUp(self):
        if not LOCAL_CLOUD.exists():
            self.fail(f"{LOCAL_CLOUD} is not there: build it, or set MF_BIN")
        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name)
        self._clouds = []

    def tearDown(self):
        try:
            for cloud in self._clouds:
                if cloud.run.result is None:
                    cloud.stop()
                self.assertEqual(0, cloud.run.result.status, cloud.run.result)
        finally:
            for cloud in self._clouds:
                cloud.run.end()
            self._folder.cleanup()

    def cloud(self, words=(), env=None, **config):
        folder = self.folder / f"cloud{len(self._clouds)}"
        folder.mkdir()
        cloud = LocalCloud(config, folder, words, env)
        self._clouds.append(cloud)
        return cloud

    def one(self, words=(), env=None, config=None, **settings):
        """A cloud with one function f at POST /f, in one of its payload formats."""
        return self.cloud(words, env, functions={"f": function(**settings)},
                          routes={"POST /f": "f", "POST /two": {"function": "f", "payload": "2.0"},
                                  "POST /raw": {"function": "f", "payload": "none"},
                                  "ANY /users/{id}": "f", "GET /files/{path+}": "f"},
                          **(config or {}))

    def wait_until(self, ready, what):
        """Waits, also after the cloud has ended: a killed process is gone a moment later."""
        until = time.monotonic() + PATIENCE
        while not ready():
            self.assertLess(time.monotonic(), until, f"waited in vain for {what}")
            time.sleep(0.002)

    def assertPredicts(self, cloud, user, item, times):
        """POST /predict returns a rating, and the same one for each repetition."""
        request = {"userId": user, "movieId": item}
        first = cloud.post("/predict", request)
        self.assertEqual(200, first.status, first)
        self.assertIn("predicted_rating", first.json)
        for _ in range(times):
            self.assertEqual(first.body, cloud.post("/predict", request).body)

    def assertFunctionError(self, response, kind, pattern):
        self.assertEqual((200, "Unhandled"), (response.status, response.headers["X-Amz-Function-Error"]),
                         response)
        self.assertEqual(kind, response.json["errorType"])
        self.assertRegex(response.json["errorMessage"], pattern)


def raw_request(port, data, seconds=PATIENCE):
    """All bytes received in response until the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        connection.sendall(data)
        got = b""
        while piece := connection.recv(65536):
            got += piece
        return got
