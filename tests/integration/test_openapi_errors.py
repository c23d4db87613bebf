"""Every error that serve/openapi.json declares is provoked; errors of all operations are provoked
on every operation."""

import json
import unittest
from concurrent.futures import ThreadPoolExecutor

from http_client import message
from http_words import CSV, JSON
from openapi import (METHODS, document, invocations, is_valid, methods_of, operations, resolve,
                     response_complaint)
from openapi_case import USER_LISTS, OpenapiCase

# Statuses that no request can cause.
NOT_PROVOKED = {500: "a fault of ours"}


def request_body(operation):
    """(media type, text) of a good request."""
    if operation.body is None:
        return None, None
    return JSON, json.dumps({"userId": "1", "movieId": "1001"})


def good(operation, *headers, target=None):
    media_type, body = request_body(operation)
    return message(operation.method, target or operation.target(), body, headers, media_type)


def with_body(operation, *headers, body="x", media_type="text/plain"):
    if operation.body is not None:
        media_type, body = request_body(operation)
    return message(operation.method, operation.target(), body, headers, media_type)


# Bytes that cause a status on any operation.
PROVOCATIONS = {
    400: lambda o: good(o).replace(b"Host:", b"Host :"),
    413: lambda o: message(o.method, o.target(), None, [("Content-Length", str(1 << 40))], JSON),
    414: lambda o: good(o, target=o.target() + "?" + "a" * 40000),
    415: lambda o: with_body(o, ("Content-Encoding", "br")),
    417: lambda o: good(o, ("Expect", "a-miracle")),
    431: lambda o: good(o, ("X-Long", "a" * 40000)),
    501: lambda o: message(o.method, o.target(), None, [("Transfer-Encoding", "br")], JSON),
    505: lambda o: good(o).replace(b" HTTP/1.1\r\n", b" HTTP/2.0\r\n"),
}

# Other errors of every operation: tests of their own below, and in Paths.
EVERYWHERE = {*PROVOCATIONS, 405, 408, 503, *NOT_PROVOKED}

# Errors of some operations; Strict and Errors provoke them.
SOMEWHERE = {
    "/invocations": {404, 406},
    **{path: {404} for path in USER_LISTS},
}


class Errors(OpenapiCase):
    def test_no_other_status_is_declared(self):
        for operation in operations().values():
            self.assertEqual({200} | EVERYWHERE | SOMEWHERE.get(operation.path, set()),
                             set(operation.responses), str(operation))

    def assertProvoked(self, operation, response, status):
        self.assertEqual(status, response.status, f"{operation}{response}")
        self.assertConforms(operation, response)

    def test_by_bytes_on_every_operation(self):
        for operation in operations().values():
            for status in PROVOCATIONS:
                with self.subTest(operation=str(operation), status=status):
                    with self.server.connect() as client:
                        client.send_some(PROVOCATIONS[status](operation))
                        response = client.read(head=operation.method == "HEAD")
                        self.assertProvoked(operation, response, status)
        self.assertServes(self.server)

    def test_slow_heads_and_bodies(self):
        server = self.serve(env={"SERVE_RECEIVE_SECONDS": "1"})

        def wait(case):
            operation, data = case
            with server.connect() as client:
                client.send(data)
                return operation, client.read(head=operation.method == "HEAD")

        cases = []
        for operation in operations().values():
            if operation.method != "HEAD":  # an incomplete head has no method yet
                cases.append((operation, good(operation).partition(b"\r\n")[0] + b"\r\nHost:"))
            cases.append((operation, message(operation.method, operation.target(), None,
                                             [("Content-Length", "9")], JSON) + b"{"))
        with ThreadPoolExecutor(len(cases)) as pool:
            for operation, response in pool.map(wait, cases):
                with self.subTest(operation=str(operation)):
                    self.assertProvoked(operation, response, 408)

    def test_too_many_connections(self):
        server = self.serve(env={"SERVE_MAX_CONNECTIONS": "1"}, threads=1)
        with server.connect() as first:
            self.assertEqual(200, first.get("/ping").status)
            for operation in operations().values():
                if operation.method == "HEAD":  # rejected before its method is known
                    continue
                with self.subTest(operation=str(operation)), server.connect() as client:
                    client.send_some(good(operation))
                    self.assertProvoked(operation, client.read(), 503)

    def test_formats_that_cannot_be_sent(self):
        client = self.connect(self.server)
        for accept, request in (("image/png", {"userId": "1", "movieId": "1001"}),
                                (CSV, {"userId": "1", "top_n": 3})):
            self.assertProvoked(invocations(), self.invoke(client, request, JSON, accept), 406)

    def test_formats_that_are_not_read(self):
        client = self.connect(self.server)
        for media_type in ("application/octet-stream", "text/plain", "csv"):
            self.assertProvoked(invocations(), self.invoke(client, b"1,1001\n", media_type), 415)

    def test_parameters_that_do_not_exist_or_are_out_of_range(self):
        client = self.connect(self.server)
        for path in USER_LISTS:
            operation, target = operations()[path, "GET"], path.replace("{user_id}", "1")
            (schema,) = (p["schema"] for p in operation.parameters if p["name"] == "top_n")
            self.assertEqual({"user_id", "top_n", "where", "exclude", "in", "diversity", "max_per",
                              "offset", "limit", "explain", "with"},
                             {p["name"] for p in operation.parameters})
            for query in ("where=5", "where=%7B", "exclude=", "in=", "in=none", "diversity=2", "diversity=x", "offset=-1",
                          "offset=1.5", "explain=21", "with=none", "offset=1&offset=1", "where=%7B%7D,%22in%22:%22a%22"):
                self.assertProvoked(operation, client.get(f"{target}?{query}"), 400)
            for value in (-1, 0, 1, 20, schema["maximum"], schema["maximum"] + 1, "x", "", "1.5"):
                response = self.assertConforms(operation, client.get(f"{target}?top_n={value}"))
                self.assertEqual(200 if is_valid(schema, value) else 400, response.status, (value, response))
            self.assertProvoked(operation, client.get(f"{target}?top=3"), 400)
            self.assertEqual(schema["default"], client.get(target).json()["count"])


class Paths(OpenapiCase):
    def test_other_methods_are_405_with_the_documents_own(self):
        client = self.connect(self.server)
        for path in document()["paths"]:
            target = next(o for (p, _), o in operations().items() if p == path).target()
            for method in (*(m.upper() for m in METHODS), "CONNECT", "BREW", "get"):
                with self.subTest(path=path, method=method):
                    response = client.request(method, target, body="{}" if method == "POST" else None)
                    if method in methods_of(path):
                        self.assertNotIn(response.status, (404, 405))
                        continue
                    self.assertEqual(405, response.status, response)
                    self.assertEqual(methods_of(path), set(response.header("Allow").split(", ")))
                    for operation in (o for (p, _), o in operations().items() if p == path):
                        why = response_complaint(operation.responses[405], response,
                                                 head=method == "HEAD")
                        self.assertEqual("", why, response)

    def test_other_paths_are_404(self):
        not_found = resolve({"$ref": "#/components/responses/NotFound"})
        client = self.connect(self.server)
        for path in document()["paths"]:
            path = path.replace("/{user_id}", "")
            for other in (path + "//", path + "s", path.upper(), "/x" + path, path[:-1]):
                for method in ("GET", "POST", "PUT"):
                    response = client.request(method, other)
                    self.assertEqual(404, response.status, f"{method} {other}{response}")
                    self.assertEqual("", response_complaint(not_found, response), response)
        for other in ("/", "/models", "/openapi.json", "/internal/recommend/a/b", "/ping%2F"):
            self.assertEqual(404, client.get(other).status, other)


if __name__ == "__main__":
    unittest.main()
