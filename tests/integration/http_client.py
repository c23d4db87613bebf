"""http_client.py: an HTTP client that sends and reads exact bytes.

    client = Client(port)                       # a raw socket, for everything unusual
    client.send(b"GET /ping HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" * 2)
    first, second = client.read(), client.read()

Each response is checked while it is read: its length, its lines, and the rules of http_response.py.
"""

import json
import re
import socket
import struct
import time

from http_response import TOKEN, Response, check_response
from http_words import JSON
from programs import SLOW

# How long one response may take before the test fails.
RESPONSE_DEADLINE = 300 if SLOW else 60


class Closed(Exception):
    """The server closed the connection where a response was expected."""


class Client:
    """A connection. send() sends bytes as they are, read() reads exactly one response, and
    the bytes after it stay for the next read()."""

    def __init__(self, port, address="127.0.0.1", timeout=RESPONSE_DEADLINE, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect((address, port))
        except BaseException:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = bytearray()
        self.interim = []  # 1xx responses so far

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)
        return self

    def send_some(self, data):
        """Sends until everything is sent or the server responds or closes. Returns how much was
        sent. For bodies that the server may reject before it has read them."""
        self.socket.setblocking(False)
        sent = 0
        until = time.monotonic() + RESPONSE_DEADLINE
        try:
            while sent < len(data) and time.monotonic() < until:
                try:
                    piece = self.socket.recv(65536)
                    self._bytes += piece
                    if self._bytes or not piece:
                        break
                except BlockingIOError:
                    pass
                try:
                    sent += self.socket.send(data[sent : sent + (1 << 20)])
                except BlockingIOError:
                    time.sleep(0.0005)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.socket.settimeout(RESPONSE_DEADLINE)
        return sent

    def finish_sending(self):
        """Half-closes: nothing more is sent, responses are still read."""
        self.socket.shutdown(socket.SHUT_WR)

    def _more(self):
        try:
            piece = self.socket.recv(1 << 18)
        except ConnectionResetError:
            piece = b""
        if not piece:
            raise Closed(f"closed after {bytes(self._bytes[:300])!r}")
        self._bytes += piece

    def read(self, head=False, interim=False):
        """The next response. head: it is to HEAD and has no body. 1xx responses are kept in
        .interim; interim=True returns one of them, too."""
        while True:
            response = self._read_one(head)
            if response.status >= 200:
                check_response(response)
                return response
            self.interim.append(response)
            if interim:
                return response

    def _read_one(self, head):
        while (end := self._bytes.find(b"\r\n\r\n")) < 0:
            if len(self._bytes) > 65536:
                raise AssertionError(f"no head in {bytes(self._bytes[:300])!r}")
            self._more()
        lines = self._bytes[:end].decode("ascii").split("\r\n")
        match = re.fullmatch(r"(HTTP/1\.[01]) (\d{3}) ([ -~]*)", lines[0])
        if not match:
            raise AssertionError(f"no status line: {lines[0]!r}")
        headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not TOKEN.fullmatch(name) or not value.startswith(" "):
                raise AssertionError(f"no header: {line!r}")
            headers.append((name, value[1:]))
        response = Response(match.group(1), int(match.group(2)), match.group(3), headers, b"")
        if response.header("Transfer-Encoding") is not None:
            raise AssertionError(f"chunks{response}")
        length = response.header("Content-Length")
        n = 0
        if response.status >= 200 and response.status != 204:
            if length is None or not length.isdigit():
                raise AssertionError(f"Content-Length is {length!r}{response}")
            n = 0 if head else int(length)
        while len(self._bytes) < end + 4 + n:
            self._more()
        response.body = bytes(self._bytes[end + 4 : end + 4 + n])
        del self._bytes[: end + 4 + n]
        return response

    def request(self, method, path, body=None, headers=(), content_type=None, host="localhost"):
        """One request and its response on this connection."""
        self.send(message(method, path, body, headers, content_type, host))
        return self.read(head=method == "HEAD")

    def get(self, path, **how):
        return self.request("GET", path, **how)

    def post(self, body, content_type=JSON, path="/invocations", **how):
        return self.request("POST", path, as_body(body), content_type=content_type, **how)

    def is_open(self):
        """True while the server has neither closed nor sent anything unrequested."""
        self.socket.setblocking(False)
        try:
            piece = self.socket.recv(65536)
            self._bytes += piece
            return bool(piece)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self.socket.settimeout(RESPONSE_DEADLINE)

    def has_bytes(self):
        """True when received bytes have not been read yet: call is_open() before."""
        return bool(self._bytes)

    def wait_until_closed(self, deadline=RESPONSE_DEADLINE):
        """Waits until the server closes; returns the bytes it sent before."""
        self.socket.settimeout(deadline)
        try:
            while True:
                self._more()
        except Closed:
            pass
        except (TimeoutError, socket.timeout):
            raise AssertionError(f"open after {deadline} s: {bytes(self._bytes[:300])!r}") from None
        rest, self._bytes = bytes(self._bytes), bytearray()
        return rest

    def reset(self):
        """Closes with RST, as a crashed client does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


def as_body(body):
    """Bytes as they are, text as UTF-8, anything else as JSON."""
    if body is None or isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def message(method, path, body=None, headers=(), content_type=None, host="localhost"):
    """The bytes of a request."""
    headers = list(headers.items() if isinstance(headers, dict) else headers)
    lines = [f"{method} {path} HTTP/1.1"]
    if host is not None:
        lines.append(f"Host: {host}")
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    if body is not None and not any(n.lower() in ("content-length", "transfer-encoding")
                                    for n, _ in headers):
        lines.append(f"Content-Length: {len(as_body(body))}")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines + ["", ""]).encode() + (as_body(body) or b"")


def chunked(body, sizes=(1, 7, 61, 4096, 3, 65536)):
    """The body in chunks of these sizes, over and over."""
    out, at, n = bytearray(), 0, 0
    while at < len(body):
        piece = body[at : at + sizes[n % len(sizes)]]
        out += b"%x\r\n" % len(piece) + piece + b"\r\n"
        at += len(piece)
        n += 1
    return bytes(out) + b"0\r\n\r\n"
