"""runtime_api.py: the Lambda Runtime API for tests; it behaves as AWS's own server.

    api = RuntimeApi()
    event = api.invoke({"do": "echo"})       # queued until the function requests it
    … a function with AWS_LAMBDA_RUNTIME_API=api.address …
    outcome = event.wait()                   # kind "response" or "error", body, headers

(1) States and their responses are those of docs/lambda.md, 1.1, 1.3 and 1.4:
    a wrong id is 400 InvalidRequestID, a right id at the wrong moment 403
    InvalidStateTransition, `next` while an event is running gives the same event again,
    a response over 6,291,556 bytes is 413 and still ends the event, after init/error
    everything is 403.
(2) api.on("next", fault, …) makes the next calls of that kind fail, one fault each
    (None: success); invoke(fault=…) makes that event's `next` fail once.
(3) api.requests has every request as it came, with the number of its connection.

Faults: Cut, Status, Late, CloseAfter. Python's standard library only.
"""

import json
import re
import select
import socket
import struct
import threading
import time
import uuid

RESPONSE_BYTES = 6 * 1024 * 1024 + 100
VERSION = "/2018-06-01"
ARN = "arn:aws:lambda:us-east-1:012345678912:function:test_function"

STARTED, READY, RUNNING, BEGUN, SENT, INIT_ERROR = (
    "started", "ready", "running", "response begun", "response sent", "init error")


class Cut:
    """Ends the connection: before the response, or after `after` bytes of it.
    acted: whether the service had acted on the request. reset: with a RST."""

    def __init__(self, after=0, acted=False, reset=False):
        self.after, self.acted, self.reset = after, acted, reset


class Status:
    """Responds with an error. uses_up: a POST takes effect nevertheless."""

    def __init__(self, status, kind="InternalServerError", uses_up=False):
        self.status, self.kind, self.uses_up = status, kind, uses_up


class Late:
    """Responds correctly, seconds later."""

    def __init__(self, seconds):
        self.seconds = seconds


class CloseAfter:
    """Responds correctly and closes the connection without a Connection: close."""


class Request:
    def __init__(self, method, path, headers, connection):
        self.method, self.path, self.headers, self.connection = method, path, headers, connection
        self.body = b""
        self.when = time.monotonic()

    def header(self, name):
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) <= 1, f"{name} was sent {len(found)} times"
        return found[0] if found else None

    @property
    def call(self):
        if self.path.endswith("/invocation/next"):
            return "next"
        return {"response": "response", "init/error": "init", "error": "error"}.get(
            "init/error" if self.path.endswith("/init/error") else self.path.rsplit("/", 1)[-1], "")

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.method} {self.path} ({len(self.body)} bytes, connection {self.connection})"


class Event:
    """An invocation: the event, and in the end the function's response."""

    def __init__(self, body, headers, fault):
        self.body, self.headers, self.fault = body, headers, fault
        self.id = next((value for name, value in headers.items()
                        if name.lower() == "lambda-runtime-aws-request-id"), None)
        if self.id is not None and not re.fullmatch("[A-Za-z0-9_-]{1,127}", self.id):
            self.id = None  # the function cannot respond to it
        self.given = 0
        self.kind = None
        self.response = None  # the Request that carried it
        self._done = threading.Event()

    def finish(self, kind, request):
        self.kind, self.response = kind, request
        self._done.set()

    def wait(self, seconds=60):
        if not self._done.wait(seconds):
            raise AssertionError(f"{self.id}: no response in {seconds} s")
        return self

    @property
    def finished(self):
        return self._done.is_set()

    @property
    def json(self):
        return self.response.json


class RuntimeApi:
    def __init__(self, port=0):
        self.state = STARTED
        self.requests = []
        self.problems = []  # errors of the client
        self._queue = []
        self._faults = {"next": [], "response": [], "error": [], "init": []}
        self._current = None
        self._changed = threading.Condition()
        self._open = {}  # number of a connection → its socket
        self._n_connections = 0
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._accepter = threading.Thread(target=self._accept, daemon=True)
        self._accepter.start()

    # --- for tests --------------------------------------------------------------------

    def invoke(self, body, fault=None, deadline_in=60.0, trace=None, headers=None):
        """headers: names and values that replace the usual ones; a value None leaves the
        usual one out."""
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        usual = {
            "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Content-Type": "application/json",
        }
        if deadline_in is not None:
            usual["Lambda-Runtime-Deadline-Ms"] = str(int((time.time() + deadline_in) * 1000))
        if trace is not None:
            usual["Lambda-Runtime-Trace-Id"] = trace
        usual.update(headers or {})
        event = Event(body, {k: v for k, v in usual.items() if v is not None}, fault)
        with self._changed:
            self._queue.append(event)
            self._changed.notify_all()
        return event

    def on(self, call, *faults):
        with self._changed:
            self._faults[call] += faults

    def calls(self, call=None):
        with self._changed:
            return [r for r in self.requests if call is None or r.call == call]

    def wait_for_calls(self, call, n, seconds=30):
        with self._changed:
            enough = lambda: sum(r.call == call for r in self.requests) >= n
            if not self._changed.wait_for(enough, seconds):
                raise AssertionError(f"{seconds} s without {n} × {call}: {self.requests}")

    def n_open(self):
        with self._changed:
            return len(self._open)

    def drop_connections(self, reset=False):
        """Ends every open connection, also those of waiting calls."""
        with self._changed:
            for connection in self._open.values():
                self._end(connection, reset)

    def settle(self, seconds=10):
        """Waits until the head of a POST has been read, but not its body."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.state == BEGUN, seconds):
                raise AssertionError(f"no response begun in {seconds} s")

    def forget(self):
        """Resets to a new environment; the running event is dropped."""
        with self._changed:
            self.state, self._current = STARTED, None

    def close(self):
        with self._changed:
            self._closed = True
            for connection in self._open.values():
                self._end(connection, False)
            self._changed.notify_all()
        # The thread ends before the descriptor is free: the next listener may get its number, and
        # this thread would accept that one's connections.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepter.join()
        self._listener.close()

    # --- connections ------------------------------------------------------------------

    @staticmethod
    def _end(connection, reset):
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        else:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self._n_connections += 1
                number = self._n_connections
                self._open[number] = connection
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection, number):
        stream = connection.makefile("rb")
        try:
            while True:
                request = self._read_head(stream, number)
                if request is None or not self._respond(connection, stream, request):
                    break
        except (OSError, ValueError):
            pass
        finally:
            with self._changed:
                self._open.pop(number, None)
            stream.close()
            connection.close()

    def _read_head(self, stream, number):
        line = stream.readline(65536)
        if not line:
            return None
        match = re.fullmatch(rb"([A-Z]+) (\S+) HTTP/1\.1\r\n", line)
        if match is None:
            self.problems.append(f"not a request line: {line!r}")
            return None
        headers = []
        while (line := stream.readline(65536)) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name, value.strip()))
        request = Request(match[1].decode(), match[2].decode(), headers, number)
        if request.header("Expect") or request.header("Transfer-Encoding"):
            self.problems.append(f"Expect or Transfer-Encoding: {headers}")
        return request

    @staticmethod
    def _gone(connection):
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""

    # --- calls ------------------------------------------------------------------------

    def _respond(self, connection, stream, request):
        """False when the connection is over."""
        call = request.call
        if call == "next" and request.method == "GET":
            with self._changed:
                self.requests.append(request)
                self._changed.notify_all()
            return self._next(connection)
        length = int(request.header("Content-Length") or 0)
        if request.method != "POST" or not call or not request.path.startswith(VERSION):
            request.body = stream.read(length)
            with self._changed:
                self.requests.append(request)
            return self._send(connection, 404, {"errorMessage": "not found", "errorType": "NotFound"})
        return self._post(connection, stream, request, call, length)

    def _next(self, connection):
        with self._changed:
            fault = self._faults["next"].pop(0) if self._faults["next"] else None
            if isinstance(fault, Status):
                return self._send(connection, fault.status, problem(fault.kind))
            if isinstance(fault, Cut) and fault.after == 0:
                self._end(connection, fault.reset)
                return False
            if self.state in (INIT_ERROR, BEGUN):
                return self._send(connection, 403, problem("InvalidStateTransition"))
            if self.state != RUNNING:
                self.state = READY
            while self.state != RUNNING and not self._queue:
                self._changed.wait(0.2)
                if self._closed or self._gone(connection):
                    return False
            if self.state != RUNNING:
                self._current = self._queue.pop(0)
                self.state = RUNNING
            event = self._current
            event.given += 1
            if fault is None:
                fault, event.fault = event.fault, None
            if event.id is None:  # ended when delivered, or a test would never end
                self.state = SENT
        head = ["HTTP/1.1 200 OK", f"Content-Length: {len(event.body)}"]
        head += [f"{name}: {value}" for name, value in event.headers.items()]
        return self._deliver(connection, "\r\n".join(head + ["", ""]).encode() + event.body, fault)

    def _post(self, connection, stream, request, call, length):
        with self._changed:
            fault = self._faults[call].pop(0) if self._faults[call] else None
            refusal = self._transition(request, call)
            acts = refusal is None and not (isinstance(fault, Cut) and not fault.acted) and not (
                isinstance(fault, Status) and not fault.uses_up)
            if acts:
                self.state = INIT_ERROR if call == "init" else BEGUN
                self._changed.notify_all()
        request.body = stream.read(length)
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            if len(request.body) < length:
                return False
            too_large = call == "response" and length > RESPONSE_BYTES
            if acts and call != "init":
                self.state = SENT
                self._current.finish("refused" if too_large else call, request)
        if refusal is None and too_large:
            refusal = (413, "RequestEntityTooLarge")
        if isinstance(fault, Status):
            refusal = (fault.status, fault.kind)
        if refusal is not None:
            return self._send(connection, refusal[0], problem(refusal[1]))
        return self._send(connection, 202, {"status": "OK"}, fault)

    def _transition(self, request, call):
        """None when the call is allowed now, else (status, type)."""
        if call == "init":
            return None if self.state == STARTED else (403, "InvalidStateTransition")
        found = re.fullmatch(VERSION + r"/runtime/invocation/([^/]+)/(response|error)", request.path)
        if found is None or self._current is None or found[1] != self._current.id:
            return (400, "InvalidRequestID")
        return None if self.state == RUNNING else (403, "InvalidStateTransition")

    def _send(self, connection, status, body, fault=None):
        body = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        return self._deliver(connection, head.encode() + b"\r\n\r\n" + body, fault)

    def _deliver(self, connection, response, fault):
        if isinstance(fault, Late):
            time.sleep(fault.seconds)
        if isinstance(fault, Cut):
            connection.sendall(response[:fault.after])
            self._end(connection, fault.reset)
            return False
        connection.sendall(response)
        if isinstance(fault, CloseAfter):
            self._end(connection, False)
            return False
        return True


def problem(kind):
    return {"errorMessage": f"{kind}, says the test", "errorType": kind}
