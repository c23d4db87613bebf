"""Checklist 98: limits of the size of bodies, plain and gzipped."""

import gzip
import unittest
import zlib

from bodies import MIB, PAIR, big_body
from http_client import chunked, message
from http_words import JSON
from sanitizers import SANITIZED
from serve_case import ServeCase


class Sizes(ServeCase):
    def test_a_body_of_25_mib_gets_a_response(self):
        """Checklist 98, 109: with a length and in chunks."""
        body, n = big_body(25 * MIB)
        with self.server.connect() as client:
            response = client.post(body)
            self.assertResponse(response, 200, JSON)
            self.assertEqual(n, response.body.count(b"predicted_rating"))
            client.send(message("POST", "/invocations", chunked(body, (1 << 18,)),
                                {"Transfer-Encoding": "chunked"}, JSON))
            self.assertEqual(response.body, client.read().body)
            self.assertEqual(200, client.get("/ping").status)

    def test_a_larger_body_is_413_with_the_limit(self):
        """Checklist 98: by its length before a byte of it has arrived, by its chunks as soon as
        they are too many; the client can read the response in both cases."""
        limit = 25 * MIB
        with self.server.connect() as client:
            client.send(message("POST", "/invocations", headers={"Content-Length": str(limit + 1)}))
            response = client.read()
            self.assertRefused(response, 413, str(limit))
            self.assertTrue(response.closes, response)
        block = b" " * MIB
        for n in (26, 200):
            for headers in ({"Content-Length": str(n * MIB)}, {"Transfer-Encoding": "chunked"}):
                with self.subTest(f"{n} MiB {headers}"), self.server.connect() as client:
                    client.send(message("POST", "/invocations", headers=headers))
                    chunk = block
                    if "Transfer-Encoding" in headers:
                        chunk = b"%x\r\n" % MIB + block + b"\r\n"
                    for _ in range(n):
                        if client.send_some(chunk) < len(chunk):
                            break
                    self.assertRefused(client.read(), 413, str(limit))
                    client.wait_until_closed()
        self.assertServes(self.server)

    def test_a_client_that_sends_all_before_it_reads_sees_the_413(self):
        """Checklist 98: as most HTTP libraries do; the server reads and drops the body."""
        body = b" " * (26 * MIB)
        with self.server.connect() as client:
            client.send(message("POST", "/invocations", body))
            self.assertRefused(client.read(), 413)
        self.assertServes(self.server)

    def test_a_small_body_that_is_refused_leaves_the_connection_usable_or_closes_it(self):
        """Checklist 98: its bytes are never parsed as a request."""
        smuggled = message("GET", "/nothing-here")
        for path, headers in (("/nothing", {}), ("/invocations", {"Content-Type": "text/html"}),
                              ("/health", {})):
            with self.subTest(path), self.server.connect() as client:
                first = client.request("POST", path, body=smuggled * 3, headers=headers)
                self.assertIn(first.status, (404, 405, 415))
                if first.closes:
                    self.assertEqual(b"", client.wait_until_closed())
                else:
                    self.assertEqual(200, client.get("/ping").status)

    def test_the_limit_can_be_moved(self):
        """Checklist 98, contract 3.10: asynchronous endpoints send more."""
        small = self.serve(env={"SAGEMAKER_MAX_REQUEST_SIZE": "2000"})
        with small.connect() as client:
            self.assertEqual(200, client.post(PAIR + b" " * (2000 - len(PAIR))).status)
            self.assertRefused(client.post(PAIR + b" " * (2001 - len(PAIR))), 413, "2000")
        large = self.serve(env={"MAX_CONTENT_LENGTH": str(40 * MIB)})
        self.assertEqual(200, large.post(big_body(30 * MIB)[0]).status)

    def test_a_packed_body_is_unpacked(self):
        """Checklist 98, RFC 9110 8.4: gzip, in one member or several, with chunks or not."""
        gz = {"Content-Encoding": "gzip", "Content-Type": JSON}
        with self.server.connect() as client:
            plain = client.post(PAIR).body
            for packed in (gzip.compress(PAIR), gzip.compress(PAIR[:9]) + gzip.compress(PAIR[9:]),
                           gzip.compress(PAIR, 0)):
                self.assertEqual(plain, client.request("POST", "/invocations", body=packed,
                                                       headers=gz).body)
                client.send(message("POST", "/invocations", chunked(packed, (1, 5)),
                                    {**gz, "Transfer-Encoding": "chunked"}))
                self.assertEqual(plain, client.read().body)
            body, n = big_body(20 * MIB)
            response = client.request("POST", "/invocations", body=gzip.compress(body, 1), headers=gz)
            self.assertEqual(n, response.body.count(b"predicted_rating"))

    def test_a_packed_body_that_is_broken_is_400(self):
        """Checklist 104."""
        good = gzip.compress(PAIR * 50)
        for label, packed in (("cut", good[:-4]), ("checksum", good[:-8] + b"\0" * 8),
                              ("no gzip", PAIR), ("something behind", good + b"x"),
                              ("damaged", good[:15] + bytes([good[15] ^ 255]) + good[16:]),
                              ("zlib", zlib.compress(PAIR))):
            with self.subTest(label):
                response = self.server.request("POST", "/invocations", body=packed,
                                               headers={"Content-Encoding": "gzip"})
                self.assertRefused(response, 400)
        for coding in ("br", "deflate", "gzip, gzip", "zstd"):
            with self.subTest(coding):
                response = self.server.request("POST", "/invocations", body=good,
                                               headers={"Content-Encoding": coding})
                self.assertRefused(response, 415, "gzip")
        self.assertEqual(200, self.server.request("POST", "/invocations", body=PAIR, headers={
            "Content-Encoding": "identity"}).status)

    def test_a_small_packed_body_that_unpacks_to_gigabytes_is_413(self):
        """Checklist 98: and needs no memory."""
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        bomb = b"".join(packer.compress(b"\0" * MIB) for _ in range(512)) + packer.flush()
        before = self.server.status_bytes("VmHWM") if self.server.try_ping() else 0
        response = self.server.request("POST", "/invocations", body=bomb,
                                       headers={"Content-Encoding": "gzip"})
        self.assertRefused(response, 413, str(25 * MIB))
        if not SANITIZED:
            self.assertLess(self.server.status_bytes("VmHWM") - before, 100 * MIB)
        self.assertServes(self.server)


if __name__ == "__main__":
    unittest.main()
