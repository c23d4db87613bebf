"""node_sdk.py: AWS's own JavaScript SDK (tests/node/sdk.js) as a client.

    sdk = Sdk("http://127.0.0.1:8000")
    sdk.call("lambda", "Invoke", FunctionName="f", Payload=b"{}").output["Payload"]
    calls = [sdk.later("lambda", "Invoke", …) for _ in range(10)]
    [call() for call in calls]
    sdk.close()
"""

import base64
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

NODE = Path(__file__).resolve().parents[1] / "node"
OLDEST = 20  # the oldest Node that the SDK supports


def why_not(oldest=0):
    """A reason why tests/node cannot be used here, or None."""
    if shutil.which("node") is None:
        return "no node"
    if not (NODE / "node_modules" / ".installed").exists():
        return "tests/node/node_modules is not complete; run tests/node/install"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout[1:].partition(".")[0]) < oldest:
        return f"Node {oldest} is needed, this is {version.stdout.strip()}"
    return None


def start_peer(*words, **environment):
    """Starts tests/node/peer.js: the process, for end_peer, and its URL."""
    process = subprocess.Popen(["node", NODE / "peer.js", *words], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={"PATH": os.environ["PATH"], **environment})
    line = process.stdout.readline()
    if not line:
        text = process.stderr.read()
        end_peer(process)
        raise AssertionError(f"{words} did not start: {text}")
    return process, f"http://127.0.0.1:{json.loads(line)['port']}"


def end_peer(process):
    process.stdin.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
    process.stderr.close()


class Response:
    """output, with bytes as bytes; or error, as sdk.js has it."""

    def __init__(self, message):
        self.error = message.get("error")
        self.output = message.get("output")
        for name in ("Payload", "Body"):
            if self.output and isinstance(self.output.get(name), str):
                self.output[name] = base64.b64decode(self.output[name])
        self.attempts = message.get("attempts")
        self.request_id = message.get("requestId")

    def __repr__(self):
        return str(self.error or self.output)[:2000]


class Sdk:
    def __init__(self, endpoint, patience=120):
        self._endpoint, self._patience = endpoint, patience
        self._n, self._responses = 0, {}
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            ["node", NODE / "sdk.js"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"], "NODE_NO_WARNINGS": "1"})
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            message = json.loads(line)
            with self._news:
                self._responses[message["id"]] = Response(message)
                self._news.notify_all()

    def later(self, client, command, attempts=1, **members):
        """A function that waits for the response."""
        self._n += 1
        number = self._n
        members = {name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
                   for name, value in members.items()}
        self._process.stdin.write(json.dumps({
            "id": number, "client": client, "endpoint": self._endpoint, "command": command,
            "attempts": attempts, "input": members}) + "\n")
        self._process.stdin.flush()

        def wait():
            with self._news:
                if not self._news.wait_for(lambda: number in self._responses, self._patience):
                    raise AssertionError(f"no response to {command} in {self._patience} s")
                return self._responses.pop(number)

        return wait

    def call(self, client, command, attempts=1, **members):
        return self.later(client, command, attempts, **members)()

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
