"""aws_peers.py: a stand-in for AWS services: a server on 127.0.0.1 that reads whole
requests, checks their signatures and injects faults as a test says.

    peer = Peer("sagemaker", keys)
    peer.will(respond(503, b"{}"), hang_up, respond(200, b"ok"))   one for each request
    peer.otherwise = respond(200, b"{}")                           for all that follow
    …
    [request.body for request in peer.requests]

(1) Every complete request is in `requests`, in the order of arrival, with the number
    of its connection; `complaints` lists wrong signatures.
(2) Bytes are read and written as they are: nothing is normalized, no header is added.
(3) An act is a function of (connection, request); False from it ends the connection.
"""

import json
import socket
import ssl
import struct
import subprocess
import threading
import time
from pathlib import Path

from aws_signature import Request, check
from lambda_case import KEYS, REGION


class Seen(Request):
    """A request, and where and when it came."""

    def __new__(cls, method, target, headers, body, connection):
        self = super().__new__(cls, method, target, headers, body)
        self.connection = connection
        self.at = time.monotonic()
        return self


# --- acts -------------------------------------------------------------------


def raw(data, keep=True):
    """Writes these bytes."""
    def act(connection, _):
        connection.sendall(data)
        return keep
    return act


def respond(status=200, body=b"", headers=(), length=True, keep=True):
    lines = [f"HTTP/1.1 {status} Because", *(f"{name}: {value}" for name, value in headers)]
    if length and status != 304:
        lines.append(f"Content-Length: {len(body)}")
    return raw("\r\n".join([*lines, "", ""]).encode() + body, keep)


def failure(status, code=None, headers=(), **members):
    """An error of a JSON service: the code in a header, the rest in the body."""
    if code is not None:
        headers = [*headers, ("x-amzn-ErrorType", f"{code}:http://internal.amazon.com/coral/")]
    return respond(status, json.dumps(members).encode(), headers)


def cut(n_promised, body, headers=()):
    """Sends fewer bytes than its Content-Length and closes."""
    lines = ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in headers),
             f"Content-Length: {n_promised}", "", ""]
    return raw("\r\n".join(lines).encode() + body, keep=False)


def hang_up(_connection, _request):
    """Reads the request and closes without sending a byte."""
    return False


def reset(connection, _request):
    """The same with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def slow(seconds, then):
    def act(connection, request):
        time.sleep(seconds)
        return then(connection, request)
    return act


def forever(connection, _request):
    """Sends nothing until the client closes."""
    connection.settimeout(60)
    try:
        connection.recv(1)
    except OSError:
        pass
    return False


# --- TLS --------------------------------------------------------------------


def certificate(folder, name, *subject_names):
    """A self-signed certificate with its key; the path without suffix."""
    path = Path(folder) / name
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{path}.key", "-out",
         f"{path}.pem", "-addext", "subjectAltName=" + ",".join(subject_names)],
        check=True, capture_output=True)
    return path


def tls(path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{path}.pem", f"{path}.key")
    return context


# --- the server -------------------------------------------------------------


class Peer:
    def __init__(self, service, keys, region="eu-central-1", tls=None, says_continue=True):
        self.service, self.keys, self.region = service, keys, region
        self.requests, self.complaints = [], []
        self.otherwise = respond(200, b"{}")
        self.n_connections = 0
        self._acts, self._open = [], {}
        self._tls, self._says_continue = tls, says_continue
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def will(self, *acts):
        with self._lock:
            self._acts.extend(acts)

    def forget(self):
        """Drops the acts that have not run yet."""
        with self._lock:
            self._acts.clear()

    def open_connections(self):
        """Numbers of the connections that the other side has not closed."""
        with self._lock:
            return sorted(self._open)

    def drop_connections(self):
        """Closes all idle connections, as peers do after a while."""
        with self._lock:
            for connection in self._open.values():
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        """Stops listening."""
        if self._listener.fileno() < 0:
            return
        self._listener.shutdown(socket.SHUT_RDWR)  # or accept() would continue to wait
        self._listener.close()
        self.drop_connections()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.n_connections += 1
                number = self.n_connections
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection, number):
        try:
            connection.settimeout(60)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with self._lock:
                self._open[number] = connection
            with connection.makefile("rb") as stream:
                while self._one(connection, stream, number):
                    pass
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.pop(number, None)
            connection.close()

    def _one(self, connection, stream, number):
        first = stream.readline()
        if not first.endswith(b"\r\n"):
            return False
        method, target, _ = first.decode("latin-1").split(" ", 2)
        headers = []
        while True:
            line = stream.readline().decode("latin-1")
            if line in ("\r\n", ""):
                break
            name, _, value = line.rstrip("\r\n").partition(":")
            headers.append((name, value.strip(" ")))
        request = Request(method, target, headers)
        if request.header("expect") and self._says_continue:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = stream.read(int(request.header("content-length", "0")))
        seen = Seen(method, target, headers, body, number)
        with self._lock:
            self.requests.append(seen)
            self.complaints += check(seen, self.keys, self.region, self.service)
            act = self._acts.pop(0) if self._acts else self.otherwise
        return act(connection, seen)


def endpoint_before(test, server):
    """InvokeEndpoint as in SageMaker, in front of a `serve`, for the time of the test."""
    def act(connection, seen):
        response = server.post(seen.body, seen.header("Content-Type"), headers=[
            (name, seen.header(name)) for name in ("Accept", "X-Amzn-SageMaker-Custom-Attributes")
            if seen.header(name)])
        if response.status != 200:
            return failure(424, "ModelError", Message="x", OriginalStatusCode=response.status,
                           OriginalMessage=response.body.decode())(connection, seen)
        return respond(200, response.body, [
            (name, response.header(name)) for name in ("Content-Type", "X-Amzn-SageMaker-Custom-Attributes")
            if response.header(name)])(connection, seen)
    peer = Peer("sagemaker", KEYS, REGION)
    peer.otherwise = act
    test.addCleanup(peer.close)
    return peer
