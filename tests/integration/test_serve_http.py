"""Checklist 92-97, 104, 110: requests byte by byte: valid, invalid and malicious ones."""

import gzip
import json
import random
import re
import threading
import unittest

from bodies import MIB, PAIR, big_body
from http_client import Closed, chunked, message
from http_words import CSV, JSON
from serve_case import ServeCase

ALLOWED = {"/ping": {"GET", "HEAD", "POST"}, "/invocations": {"POST"},
           "/internal/recommend/1": {"GET", "HEAD"}, "/recommend/cached/1": {"GET", "HEAD"},
           "/execution-parameters": {"GET", "HEAD"},
           "/health": {"GET", "HEAD"}, "/metrics": {"GET", "HEAD"}}


class Requests(ServeCase):
    def test_any_host_is_accepted_and_none(self):
        """Checklist 92: HTTP/1.0 has none, and closes without Connection: keep-alive."""
        hosts = ("model.aws.local:8080", "169.254.255.131:8080", "localhost", "[::1]:8080", "",
                 "a.b.c.example:1", "UPPER.case", "*")
        with self.server.connect() as client:
            for host in hosts:
                with self.subTest(host):
                    self.assertEqual(200, client.request("GET", "/ping", host=host).status)
        with self.server.connect() as client:
            client.send("GET /ping HTTP/1.0\r\n\r\n")
            self.assertEqual(200, client.read().status)
            self.assertEqual(b"", client.wait_until_closed())
        with self.server.connect() as client:
            for _ in range(3):
                client.send("GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                response = client.read()
                self.assertEqual((200, "keep-alive"), (response.status, response.header("Connection")))

    def test_the_target_may_be_a_whole_url(self):
        """Checklist 92: as proxies send it, and in a later version of HTTP/1."""
        with self.server.connect() as client:
            for start in ("http://model.aws.local:8080/ping?x HTTP/1.1",
                          "https://model.aws.local/ping HTTP/1.2"):
                client.send(f"GET {start}\r\nHost: other\r\n\r\n")
                self.assertEqual(200, client.read().status)

    def test_unknown_headers_and_8_kib_of_them_are_ignored(self):
        """Checklist 93: as many lines, and in one."""
        for headers in ([(f"X-Unknown-{n}", "v" * 150) for n in range(50)],
                        [("X-Unknown", "v" * 8192)],
                        [("x-amzn-SageMaker-Target-Variant", "a"), ("X-Forwarded-For", "1.2.3.4"),
                         ("Via", "1.1 front"), ("Cookie", "a=b; c=d"), ("User-Agent", "AHC/2.0")]):
            response = self.server.post(PAIR, headers=headers)
            self.assertEqual(200, response.status, response)

    def test_names_of_headers_have_no_case(self):
        """Checklist 93."""
        with self.server.connect() as client:
            client.send(b"POST /invocations HTTP/1.1\r\nhOST: x\r\ncontent-TYPE: text/csv\r\n"
                        b"CONTENT-length: 6\r\n\r\n1,1001")
            self.assertResponse(client.read(), 200, CSV)

    def test_a_thousand_requests_on_one_connection(self):
        """Checklist 94."""
        with self.server.connect() as client:
            expected = client.post(PAIR).body
            for n in range(1000):
                response = client.post(PAIR) if n % 2 else client.get("/ping")
                self.assertEqual((200, expected if n % 2 else b""), (response.status, response.body))
                self.assertFalse(response.closes)

    def test_responses_to_pipelined_requests_are_in_order(self):
        """Checklist 94: with any cut of the bytes, quick and slow ones, good and bad."""
        with self.server.connect() as client:
            exchanges = []
            for n in range(300):
                kind = n % 5
                if kind == 0:
                    exchanges.append((message("GET", "/ping"), 200, b""))
                elif kind == 1:
                    user = str(1 + n % 200)
                    body = b'{"userId":"%s","movieId":"1001"}' % user.encode()
                    exchanges.append((message("POST", "/invocations", body), 200,
                                      self.server.post(body).body))
                elif kind == 2:
                    exchanges.append((message("GET", f"/nothing/{n}"), 404, None))
                elif kind == 3:
                    exchanges.append((message("POST", "/invocations", b"{bad"), 400, None))
                else:
                    body = b'{"instances":[' + b",".join([PAIR] * 2000) + b"]}"
                    exchanges.append((message("POST", "/invocations", body), 200,
                                      self.server.post(body).body))
            stream = b"".join(request for request, *_ in exchanges)

            def send():
                r, at = random.Random(5), 0
                while at < len(stream):
                    n = r.choice((1, 2, 17, 300, 5000, 70000, 400000))
                    client.send(stream[at : at + n])
                    at += n

            sender = threading.Thread(target=send)
            sender.start()
            for n, (_, status, body) in enumerate(exchanges):
                response = client.read()
                self.assertEqual(status, response.status, (n, response))
                if body is not None:
                    self.assertEqual(body, response.body, n)
            sender.join()
            self.assertTrue(client.is_open())

    def test_a_request_may_come_byte_by_byte(self):
        """Checklist 94, 110."""
        for request in (message("GET", "/ping"), message("POST", "/invocations", PAIR, content_type=JSON),
                        message("POST", "/invocations", chunked(PAIR, (3, 9)),
                                {"Transfer-Encoding": "chunked"})):
            with self.server.connect() as client:
                for byte in request:
                    client.send(bytes([byte]))
                self.assertEqual(200, client.read().status)

    def test_connection_close_gets_a_response_and_closes(self):
        """Checklist 94."""
        with self.server.connect() as client:
            response = client.get("/ping", headers={"Connection": "close"})
            self.assertTrue(response.closes, response)
            self.assertEqual(b"", client.wait_until_closed())

    def test_empty_lines_before_a_request_are_no_request(self):
        """Checklist 94 (RFC 9112, 2.2)."""
        with self.server.connect() as client:
            client.send(b"\r\n" + message("POST", "/invocations", PAIR) + b"\r\n"
                        + message("GET", "/ping"))
            self.assertEqual([200, 200], [client.read().status for _ in range(2)])

    def test_half_closed_connections_get_their_responses(self):
        """Checklist 94: a client that sends nothing more still reads."""
        big, n = big_body(MIB)
        for body, check in ((PAIR, lambda a: "predicted_rating" in a.json()),
                            (big, lambda a: len(a.json()["predictions"]) == n)):
            with self.server.connect() as client:
                client.send(message("POST", "/invocations", body) + message("GET", "/ping"))
                client.finish_sending()
                self.assertTrue(check(client.read()))
                self.assertEqual(200, client.read().status)
                client.wait_until_closed()

    def test_an_incomplete_request_is_400(self):
        """Checklist 104: cut anywhere, by a client that half-closes and keeps reading; alone and
        after a complete one. Nothing, or half an empty line, gets no response."""
        whole = message("POST", "/invocations", PAIR)
        head = whole.index(b"\r\n\r\n") + 4
        packed = message("POST", "/invocations", gzip.compress(PAIR),
                         {"Content-Type": JSON, "Content-Encoding": "gzip"})
        pieces = message("POST", "/invocations", chunked(PAIR, [7, 9]),
                         {"Transfer-Encoding": "chunked", "Content-Type": JSON})
        n_missing = "the body ended {} bytes before its Content-Length"
        cases = [(whole[:n], "in the middle of its head") for n in (1, 9, head // 2, head - 1)]
        cases += [(whole[:-n], n_missing.format(n)) for n in (1, 3, len(PAIR))]
        cases += [(packed[:-n], n_missing.format(n)) for n in (1, 8, 20)]
        cases += [(pieces[:-n], "before its last chunk") for n in (1, 5, 20)]
        cases += [(b"\r\n" + whole[:-1], n_missing.format(1)), (b"", None), (b"\r", None),
                  (b"\r\n", None)]
        for before in (b"", whole):
            for request, reason in cases:
                with self.subTest(before=before, request=request), self.server.connect() as client:
                    client.send(before + request)
                    client.finish_sending()
                    if before:
                        self.assertEqual(200, client.read().status)
                    if reason:
                        response = client.read()
                        self.assertRefused(response, 400, reason)
                        self.assertEqual("close", response.header("Connection"))
                    self.assertEqual(b"", client.wait_until_closed())
        self.assertEqual(200, self.server.ping().status)

    def test_chunked_bodies_are_read(self):
        """Checklist 95: any cut, extensions and trailers; two requests in a row."""
        big, n = big_body(300_000)
        headers = {"Transfer-Encoding": "chunked", "Content-Type": JSON}
        with self.server.connect() as client:
            expected = client.post(big).body
            for sizes in ((1,), (7, 61, 4096, 3), (65536,), (len(big),)):
                body = big if sizes != (1,) else PAIR
                client.send(message("POST", "/invocations", chunked(body, sizes), headers)
                            + message("GET", "/ping"))
                response = client.read()
                self.assertEqual(200, response.status, response)
                if body is big:
                    self.assertEqual(expected, response.body)
                self.assertEqual(200, client.read().status)
            client.send(message("POST", "/invocations", b"1f;name=\"v\"\r\n" + PAIR +
                                b"\r\n0;x\r\nX-Trailer: 1\r\n\r\n", {"Transfer-Encoding": "Chunked"}))
            self.assertEqual(200, client.read().status)
        self.assertEqual(n, len(json.loads(expected)["predictions"]))

    def test_broken_chunks_are_400_and_the_end_of_the_connection(self):
        """Checklist 95, 104."""
        for body in (b"zz\r\n", b"-5\r\nhello\r\n", b"5\r\nhelloX\r\n0\r\n\r\n", b"\r\n\r\n",
                     b"0x5\r\nhello\r\n", b"fffffffffffffffff\r\n",
                     b"5\nhello\r\n0\r\n\r\n", b"5;" + b"x" * 70000):
            with self.subTest(body[:30]), self.server.connect() as client:
                client.send_some(message("POST", "/invocations", body, {"Transfer-Encoding": "chunked"}))
                response = client.read()
                self.assertIn(response.status, (400, 413), response)
                self.assertTrue(response.closes, response)
                client.wait_until_closed()
        self.assertServes(self.server)

    def test_expect_100_continue_gets_a_100_before_the_body(self):
        """Checklist 95: curl waits for it; a refusal needs no body."""
        expect = {"Expect": "100-continue", "Content-Type": JSON, "Content-Length": str(len(PAIR))}
        with self.server.connect() as client:
            client.send(message("POST", "/invocations", headers=expect))
            self.assertEqual(100, client.read(interim=True).status)
            client.send(PAIR)
            self.assertEqual(200, client.read().status)
            # A client that does not wait gets one response, too.
            client.send(message("POST", "/invocations", PAIR, expect))
            self.assertEqual(200, client.read().status)
            self.assertEqual(200, client.get("/ping").status)
        with self.server.connect() as client:
            client.send(message("POST", "/invocations",
                                headers={**expect, "Content-Length": str(200 * MIB)}))
            self.assertEqual(413, client.read().status)
            self.assertEqual([], client.interim)
        with self.server.connect() as client:
            client.send(message("POST", "/invocations", headers={
                "Expect": "100-continue", "Transfer-Encoding": "chunked"}))
            self.assertEqual(100, client.read(interim=True).status)
            client.send(chunked(PAIR))
            self.assertEqual(200, client.read().status)
        with self.server.connect() as client:
            client.send(message("POST", "/invocations", headers={**expect, "Expect": "a-pony"}))
            self.assertEqual(417, client.read().status)

    def test_ping_accepts_get_head_and_post_and_ignores_queries(self):
        """Checklist 96."""
        with self.server.connect() as client:
            for method in ("GET", "HEAD", "POST"):
                for path in ("/ping", "/ping?", "/ping?x=1&y=%20", "/ping?" + "q" * 2000):
                    response = client.request(method, path)
                    self.assertEqual((200, b"", "0"), (response.status, response.body,
                                                       response.header("Content-Length")))
                    self.assertIsNone(response.header("Location"))
            response = client.request("POST", "/ping", body=b"anything" * 1000)
            self.assertEqual(200, response.status)

    def test_head_has_the_headers_of_get_and_no_body(self):
        """Checklist 96."""
        with self.server.connect() as client:
            for path in ("/execution-parameters", "/internal/recommend/1"):
                got = client.get(path)
                head = client.request("HEAD", path)
                self.assertEqual((200, b""), (head.status, head.body))
                self.assertEqual(got.header("Content-Length"), head.header("Content-Length"))
                self.assertEqual(got.header("Content-Type"), head.header("Content-Type"))
            self.assertEqual(404, client.request("HEAD", "/nothing").status)
            self.assertEqual(200, client.get("/ping").status)

    def test_unknown_paths_are_404(self):
        """Checklist 97: also near misses, and what would be a file elsewhere."""
        with self.server.connect() as client:
            for path in ("/", "/ping//", "/Ping", "//ping", "/models", "/invocation",
                         "/invocations//", "/internal/recommend", "/internal/recommend/",
                         "/internal/recommend/1/2", "/internal", "/recommend/cached/", "/etc/passwd", "/../ping",
                         "/./ping", "/internal/recommend/../../ping", "/ping;x", "/favicon.ico",
                         "/" + "x" * 8000):
                with self.subTest(path[:40]):
                    response = client.get(path)
                    self.assertEqual(404, response.status, response)
                    self.assertIsNone(response.header("Location"))
            self.assertEqual(200, client.get("/%70ing").status)
            for path in ("/ping%00", "/invocations%", "/%zz"):
                self.assertEqual(400, client.get(path).status, path)

    def test_one_slash_at_the_end_of_a_path_does_not_count(self):
        """As predict has it."""
        with self.server.connect() as client:
            self.assertEqual(200, client.get("/ping/").status)
            self.assertEqual(client.get("/internal/recommend/1").body,
                             client.get("/internal/recommend/1/").body)
            self.assertResponse(client.post(PAIR, path="/invocations/"), 200, JSON)

    def test_a_wrong_method_is_405_with_the_right_ones(self):
        """Checklist 97."""
        with self.server.connect() as client:
            for path, allowed in ALLOWED.items():
                for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"):
                    if method in allowed:
                        continue
                    with self.subTest(f"{method} {path}"):
                        response = client.request(method, path, body=b"x" if method != "HEAD" else None)
                        self.assertEqual(405, response.status, response)
                        self.assertEqual(allowed, set(re.split(r",\s*", response.header("Allow"))))
            self.assertEqual(200, client.get("/ping").status)

    def test_each_response_has_a_date_and_a_request_id(self):
        """Checklist 108: an id that the caller sent is returned and logged."""
        response = self.server.get("/ping")
        self.assertRegex(response.header("Date"), r"\A\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\Z")
        ids = {self.server.get("/ping").header("X-Request-Id") for _ in range(20)}
        self.assertEqual(20, len(ids), "ids repeat")
        response = self.server.post(PAIR, headers={"X-Request-Id": "abc-123"})
        self.assertEqual("abc-123", response.header("X-Request-Id"))
        self.server.wait_for_log("request", request_id="abc-123")


class Hostile(ServeCase):
    """Ambiguous and malicious requests."""

    def refused(self, data, *statuses):
        with self.server.connect() as client:
            client.send_some(data)
            response = client.read()
            self.assertIn(response.status, statuses or (400,), response)
            self.assertTrue(response.closes, response)
            client.wait_until_closed()
        return response

    def test_two_lengths_and_a_length_besides_chunks_are_400(self):
        """Checklist 104 (RFC 9112, 6.3): request smuggling."""
        post = b"POST /invocations HTTP/1.1\r\nHost: x\r\n"
        for headers in (b"Content-Length: 5\r\nContent-Length: 6\r\n",
                        b"Content-Length: 5, 6\r\n", b"Content-Length: 5\r\ncontent-length: 31\r\n",
                        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                        b"Content-Length: +5\r\n", b"Content-Length: -5\r\n",
                        b"Content-Length: 0x5\r\n", b"Content-Length: 5 5\r\n",
                        b"Content-Length: \r\n", b"Content-Length: five\r\n",
                        b"Content-Length: 5.0\r\n"):
            with self.subTest(headers):
                self.refused(post + headers + b"\r\n0\r\n\r\n")
        for headers in (b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding: xchunked\r\n",
                        b"Transfer-Encoding: identity\r\n",
                        b"Transfer-Encoding: chunked, chunked\r\n",
                        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"):
            with self.subTest(headers):
                self.refused(post + headers + b"\r\n0\r\n\r\n", 400, 501)
        self.assertEqual(413, self.refused(
            post + b"Content-Length: 99999999999999999999999\r\n\r\n", 400, 413).status)
        self.assertServes(self.server)

    def test_invalid_heads_are_400(self):
        """Checklist 104."""
        for head in (b"GET /ping HTTP/1.1\nHost: x\n\n", b"GET  /ping HTTP/1.1\r\n\r\n",
                     b"GET /ping HTTP/1.1\r\n\r\n", b"GET /ping HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
                     b"GET /ping HTTP/1.1\r\nHost: a b\r\n\r\n", b"GET /ping HTTP/1.1\r\nHost: a%zz\r\n\r\n",
                     b"GET /ping\r\n\r\n", b"/ping HTTP/1.1\r\n\r\n", b"GET /ping HTTP/1.1 x\r\n\r\n",
                     b"GET /ping HTTP/1.1\r\nHost : x\r\n\r\n", b"GET /ping HTTP/1.1\r\n: x\r\n\r\n",
                     b"GET /ping HTTP/1.1\r\nHost x\r\n\r\n", b"G@T /ping HTTP/1.1\r\n\r\n",
                     b"GET /ping HTTP/1.1\r\nA: x\r\n folded\r\n\r\n",
                     b"GET /ping HTTP/1.1\r\nA: x\0y\r\n\r\n", b"GET /ping HTTP/1.1\r\nA: x\ry\r\n\r\n",
                     b"GET /ping HTTP/1.1\rHost: x\r\r\r\n\r\n", b"GET ping HTTP/1.1\r\n\r\n",
                     b"GET /p\x00ing HTTP/1.1\r\n\r\n", b"GET /p\x7fing HTTP/1.1\r\n\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x5a" * 500,
                     b"\0" * 100, b"\xff" * 100, b"HELO mail.example\r\n\r\n"):
            with self.subTest(head[:40]):
                self.refused(head)
        for head in (b"GET /ping HTTP/2.0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                     b"GET /ping HTTP/1.1x\r\n\r\n", b"GET /ping http/1.1\r\n\r\n",
                     b"GET /ping HTTP/9.9\r\n\r\n"):
            with self.subTest(head[:40]):
                self.refused(head, 400, 505)
        self.assertServes(self.server)

    def test_a_head_that_is_too_long_is_431_or_414(self):
        """Checklist 93, 110: one long line, many lines, a long path, no end at all."""
        for head in (b"GET /ping HTTP/1.1\r\nA: " + b"x" * 40000 + b"\r\n\r\n",
                     b"GET /ping HTTP/1.1\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
                     b"GET /ping?" + b"x" * 40000 + b" HTTP/1.1\r\n\r\n",
                     b"GET /ping HTTP/1.1\r\nA: " + b"x" * 3_000_000,
                     b"GET /ping HTTP/1.1\r\n" + b"A: b\r\n" * 120 + b"\r\n"):
            with self.subTest(head[:40]):
                self.refused(head, 414, 431)
        self.assertServes(self.server)

    def test_a_percent_that_encodes_nothing_is_400(self):
        """Checklist 97, 104."""
        with self.server.connect() as client:
            for target in ("/internal/recommend/%", "/internal/recommend/%2", "/internal/recommend/%zz",
                           "/internal/recommend/1?top_n=%", "/internal/recommend/1?%zz=1",
                           "/internal/recommend/%00", "/internal/recommend/1%00",
                           "/internal/recommend/%ff%fe", "/internal/recommend/%0a",
                           "/internal/recommend/%C0%AE"):
                with self.subTest(target):
                    self.assertRefused(client.get(target), 400)
                    self.assertEqual(200, client.get("/ping").status)

    def test_a_path_is_never_a_path_of_files(self):
        """Checklist 97: dots and encoded slashes are bytes of an unknown id."""
        with self.server.connect() as client:
            for user in ("..%2F..%2Fetc%2Fpasswd", "%2e%2e", "%2e%2e%2f%2e%2e%2fmodel.bin", "..",
                         "%252e%252e%252f", "%5c..%5c", "1%2F..%2F2"):
                with self.subTest(user):
                    response = client.get(f"/internal/recommend/{user}")
                    self.assertIn(response.status, (200, 404), response)
                    if response.status == 200:
                        self.assertIs(False, response.json()["known_user"])

    def test_random_bytes_crash_nothing(self):
        """Checklist 104, 118."""
        r = random.Random(11)
        good = message("POST", "/invocations", PAIR, content_type=JSON)
        for n in range(300):
            data = bytearray(good)
            for _ in range(r.randrange(1, 12)):
                at = r.randrange(len(data))
                data[at : at + r.randrange(3)] = r.randbytes(r.randrange(4))
            with self.server.connect() as client:
                client.send(bytes(data))
                client.finish_sending()
                for response in self.responses(client):
                    self.assertNotEqual(500, response.status, bytes(data))
        self.assertServes(self.server)

    def responses(self, client):
        try:
            while True:
                yield client.read()
        except Closed:
            pass

    def test_clients_that_close_or_dawdle_delay_no_other_and_leak_nothing(self):
        """Checklist 110: closed in a head, in a body, before their response, with a reset; and
        bytes that come one at a time."""
        server = self.serve(threads=1)
        body, _ = big_body(2 * MIB)
        request = message("POST", "/invocations", body, content_type=JSON)
        slow = [server.connect() for _ in range(10)]
        self.addCleanup(lambda: [client.close() for client in slow])
        small = message("POST", "/invocations", PAIR)
        for one in slow:
            self.assertEqual(200, one.get("/ping").status)
        files = server.open_files()
        for n in range(120):
            client = server.connect()
            cut = (5, 60, len(request) // 2, len(request) - 1, len(request))[n % 5]
            client.send(request[:cut])
            client.reset() if n % 2 else client.close()
            if n % 4 == 0 and n // 4 < len(small):
                for one in slow:
                    one.send(small[n // 4 : n // 4 + 1])
            self.assertEqual(200, server.ping().status)
        for one in slow:
            one.send(small[30:])
            self.assertEqual(200, one.read().status)
        server.wait_for(lambda: server.open_files() <= files, "files closed")
        metrics = server.metrics()
        self.assertEqual(11, metrics("recommender_http_connections"))
        server.wait_for(lambda: server.metrics()("recommender_http_requests_working") == 0, "no work")
        self.assertLess(server.metrics()("recommender_http_buffered_bytes"), 4096)


if __name__ == "__main__":
    unittest.main()
