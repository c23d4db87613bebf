"""http_response.py: a response of `serve`, parsed strictly, and the rules that hold for each."""

import json
import re

from http_words import JSON

ERROR_BYTES_MAX = 2047  # limit of an error for the caller of an endpoint (contract 3.7.2)


class Response:
    """One response: status, reason, headers as [(name, value)] in order, body as bytes."""

    def __init__(self, version, status, reason, headers, body):
        self.version, self.status, self.reason = version, status, reason
        self.headers, self.body = headers, body

    def header(self, name, default=None):
        """The value of the one header of that name, in any case."""
        values = [v for n, v in self.headers if n.lower() == name.lower()]
        if len(values) > 1:
            raise AssertionError(f"{name} came {len(values)} times{self}")
        return values[0] if values else default

    @property
    def media_type(self):
        return (self.header("Content-Type") or "").partition(";")[0]

    @property
    def text(self):
        return self.body.decode("utf-8")

    def json(self):
        return loads(self.text)

    def json_lines(self):
        return [loads(line) for line in lines_of(self.text)]

    def csv_lines(self):
        return lines_of(self.text)

    @property
    def message(self):
        """The message of an error."""
        return self.json()["error"]["message"]

    @property
    def closes(self):
        return (self.header("Connection") or "").lower() == "close"

    def __str__(self):
        body = self.body if len(self.body) < 2000 else self.body[:900] + b" [...] " + self.body[-900:]
        return f"\n{self.version} {self.status} {self.reason}\n" + "".join(
            f"{n}: {v}\n" for n, v in self.headers) + f"\n{body!r}"

    __repr__ = __str__


def loads(text):
    """JSON of a strict reader: no NaN or Infinity, no key twice."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON: {text[:300]!r}")

    def once(pairs):
        keys = [k for k, _ in pairs]
        if len(set(keys)) != len(keys):
            raise AssertionError(f"a key twice: {text[:300]!r}")
        return dict(pairs)

    return json.loads(text, parse_constant=refuse, object_pairs_hook=once)


def lines_of(text):
    """The lines of a response with one record a line: each ends with a newline and none
    is blank, so that responses may be joined."""
    if text == "":
        return []
    if not text.endswith("\n"):
        raise AssertionError(f"no newline at the end: {text[-200:]!r}")
    lines = text[:-1].split("\n")
    for n, line in enumerate(lines):
        if not line.strip() or "\r" in line:
            raise AssertionError(f"line {n + 1} is {line!r}")
    return lines


TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
PRINTABLE = re.compile(r"[\x20-\x7e]*")
ERROR_CODE = re.compile(r"[a-z][a-z_]*")


def check_response(response):
    """Checks what holds for every response (contract 3.6, 3.7; checklist 102, 105)."""

    def must(condition, what):
        if not condition:
            raise AssertionError(f"{what}{response}")

    must(response.version == "HTTP/1.1", "not HTTP/1.1")
    names = [n.lower() for n, _ in response.headers]
    must(len(set(names)) == len(names), "a header came twice")
    for name, value in response.headers:
        must(TOKEN.fullmatch(name) and PRINTABLE.fullmatch(value), f"header {name!r}: {value!r}")
    if response.body:
        must(response.header("Content-Type"), "a body without Content-Type")
    if response.status < 400 or not response.body:
        return
    must(len(response.body) <= ERROR_BYTES_MAX, f"an error of {len(response.body)} bytes")
    must(response.media_type == JSON, "an error that is no JSON")
    error = response.json()
    must(set(error) == {"error"} and {"code", "message"} <= set(error["error"]), "an error's shape")
    must(ERROR_CODE.fullmatch(error["error"]["code"]), "an error's code")
    message = error["error"]["message"]
    must(message and not re.search("[\x00-\x1f\x7f-\x9f]", message), f"not printable: {message!r}")
    must(len(message.encode()) < 960, "a message of 960 bytes and more")
