"""Checklist 54, 61 and contract 1.6 (docs/lambda.md): one connection for each peer, how long it
is kept, which peers are trusted, and what happens when it breaks."""

import os
import socket
import subprocess
import tempfile
import threading
import unittest

from aws_case import AwsCase
from aws_peers import certificate, failure, hang_up, reset, respond, tls

IDLE_MS = 20000  # MF_AWS_IDLE_MS


class Kept(AwsCase):
    def setUp(self):
        super().setUp()
        self.sagemaker = self.peer("sagemaker")
        self.movies = self.client("sagemaker", self.sagemaker)

    def test_calls_share_one_connection(self):
        for _ in range(20):
            self.assertOk(self.invoke(self.movies))
        self.assertEqual(1, self.sagemaker.n_connections)

    def test_also_through_failures(self):
        for status in (400, 503, 424, 429):
            self.sagemaker.will(*[failure(status, Message="m")] * 3)
            self.invoke(self.movies)
        self.sagemaker.forget()
        self.assertOk(self.invoke(self.movies))
        self.assertEqual(1, self.sagemaker.n_connections)

    def test_after_a_freeze_the_old_connection_is_not_used(self):
        """§1.6.8: by the wall clock, as the steady one has stood still. It is closed, too."""
        for shift in (IDLE_MS, 3600 * 1000, -5000):
            self.assertOk(self.invoke(self.movies))
            before = self.sagemaker.n_connections
            self.movies.program("shift_clock", ms=shift)
            self.assertOk(self.invoke(self.movies))
            self.assertEqual(before + 1, self.sagemaker.n_connections)
            self.eventually(lambda: len(self.sagemaker.open_connections()) == 1)
            self.assertEqual([before + 1], self.sagemaker.open_connections())

    def test_a_short_pause_keeps_it(self):
        self.assertOk(self.invoke(self.movies))
        self.movies.program("shift_clock", ms=IDLE_MS - 1000)
        self.assertOk(self.invoke(self.movies))
        self.assertEqual(1, self.sagemaker.n_connections)

    def test_a_connection_that_the_peer_closed_is_replaced_without_a_retry(self):
        self.assertOk(self.invoke(self.movies))
        self.sagemaker.drop_connections()
        self.eventually(lambda: not self.sagemaker.open_connections())
        self.assertOk(self.invoke(self.movies))
        self.assertEqual(2, len(self.sagemaker.requests))
        self.assertEqual([], self.movies.program.retries())

    def test_a_post_read_and_dropped_on_a_kept_connection_is_repeated(self):
        """61: libcurl itself repeats it, with a whole body and a valid signature. An inference
        request may arrive twice."""
        for act in (hang_up, reset):
            self.sagemaker.will(respond(200), act, respond(200, b"whole"))
            self.assertOk(self.invoke(self.movies, b"first"))
            n = len(self.sagemaker.requests)
            response = self.assertOk(self.invoke(self.movies, b"second"))
            self.assertEqual(b"whole", response["body"])
            self.assertEqual([b"second"] * 2, [r.body for r in self.sagemaker.requests[n:]])
            self.assertEqual([], self.movies.program.retries())

    def test_no_descriptor_is_left_behind(self):
        pid = self.movies.program._process.pid
        counts = []
        for _ in range(6):
            self.movies.program("shift_clock", ms=IDLE_MS)
            self.sagemaker.will(hang_up)
            self.assertOk(self.invoke(self.movies))
            counts.append(len(os.listdir(f"/proc/{pid}/fd")))
        self.assertEqual(counts[1], counts[-1])


class Tls(AwsCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.good = certificate(cls.folder.name, "good", "IP:127.0.0.1")
        cls.other = certificate(cls.folder.name, "other", "DNS:example.com")

    def test_a_certificate_that_verifies(self):
        """54: by AWS_CA_BUNDLE; the connection is kept here, too."""
        peer = self.peer("sagemaker", tls=tls(self.good))
        client = self.client("sagemaker", peer, AWS_CA_BUNDLE=f"{self.good}.pem")
        self.assertOk(self.invoke(client))
        self.assertOk(self.invoke(client))
        self.assertEqual(1, peer.n_connections)

    def test_an_unknown_authority(self):
        """54: an immediate error; not a byte of the request is sent."""
        peer = self.peer("sagemaker", tls=tls(self.good))
        for bundle in (None, f"{self.other}.pem"):
            client = self.client("sagemaker", peer, **({"AWS_CA_BUNDLE": bundle} if bundle else {}))
            response = self.assertFails("untrusted", self.invoke(client))
            self.assertEqual((1, False, False),
                             (response["n_tries"], response["is_retriable"], response["may_have_acted"]))
        self.assertEqual([], peer.requests)

    def test_a_certificate_of_another_host(self):
        """54"""
        peer = self.peer("sagemaker", tls=tls(self.other))
        client = self.client("sagemaker", peer, AWS_CA_BUNDLE=f"{self.other}.pem")
        self.assertFails("untrusted", self.invoke(client))
        self.assertEqual([], peer.requests)

    def test_a_bundle_that_is_not_there(self):
        peer = self.peer("sagemaker", tls=tls(self.good))
        client = self.client("sagemaker", peer, AWS_CA_BUNDLE="/nowhere.pem")
        response = self.assertFails("untrusted", self.invoke(client))
        self.assertIn("/nowhere.pem", response["text"])

    def test_plain_http_where_https_is_expected(self):
        peer = self.peer("sagemaker")
        client = self.program(AWS_ENDPOINT_URL=peer.url.replace("http:", "https:")).open("sagemaker")
        self.assertFails("unreachable", self.invoke(client))
        self.assertEqual([], peer.requests)


class Proxies(AwsCase):
    def proxy(self):
        """Listens, notes the first line of each connection, and closes."""
        lines, listener = [], socket.create_server(("127.0.0.1", 0))

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, connection.makefile("rb") as stream:
                    lines.append(stream.readline())
                    while stream.readline() not in (b"\r\n", b""):
                        pass
                    connection.sendall(b"HTTP/1.1 403 No\r\nx-amzn-ErrorType: Evil\r\n"
                                       b"Content-Length: 0\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        self.addCleanup(listener.close)
        self.addCleanup(listener.shutdown, socket.SHUT_RDWR)
        return lines, f"http://127.0.0.1:{listener.getsockname()[1]}"

    def test_plain_http_goes_to_the_peer_despite_proxies(self):
        lines, url = self.proxy()
        peer = self.peer("sagemaker")
        client = self.client("sagemaker", peer, http_proxy=url, HTTP_PROXY=url, https_proxy=url,
                             all_proxy=url, ALL_PROXY=url)
        self.assertOk(self.invoke(client))
        self.assertEqual([], lines)

    def test_https_goes_through_the_environments_proxy_as_a_tunnel(self):
        """The proxy sees nothing of the request, and its response is not taken for one of AWS."""
        lines, url = self.proxy()
        client = self.program(HTTPS_PROXY=url).open("sagemaker")
        response = self.assertFails("unreachable", self.invoke(client))
        self.assertEqual(("", 0), (response["code"], response["status"]))
        self.assertEqual({b"CONNECT runtime.sagemaker.eu-central-1.amazonaws.com:443 HTTP/1.1\r\n"},
                         set(lines))

    def test_no_proxy_is_respected(self):
        lines, url = self.proxy()
        client = self.program(HTTPS_PROXY=url, NO_PROXY="127.0.0.1",
                              AWS_ENDPOINT_URL="https://127.0.0.1:9").open("sagemaker")
        self.assertFails("unreachable", self.invoke(client))
        self.assertEqual([], lines)


class Names(AwsCase):
    def test_a_silent_name_server_does_not_delay_the_deadline(self):
        """The look-up runs in a thread of libcurl's that cannot be stopped."""
        script = ('ip link set lo up && printf "nameserver 127.0.0.1\noptions timeout:30\n" > "$1" && '
                  'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"')
        try:
            words = ["unshare", "--user", "--map-root-user", "--mount", "--net", "sh", "-ec"]
            done = subprocess.run([*words, "mount -t tmpfs none /mnt && ip link set lo up"],
                                  capture_output=True, timeout=20, check=False)
            if done.returncode != 0:
                self.not_here(f"no network namespace: {done.stderr.decode().strip()}")
        except OSError as error:
            self.not_here(str(error))
        with tempfile.TemporaryDirectory() as folder:
            silent = ("import socket,sys,os\n"
                      "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.bind(('127.0.0.1',53))\n"
                      "os.set_inheritable(s.fileno(),True);os.execvp(sys.argv[1],sys.argv[1:])")
            program = self.program(wrapper=[*words, script, "sh", f"{folder}/resolv.conf",
                                            "/usr/bin/python3", "-c", silent])
            client = program.open("sagemaker")
            response = self.assertFails("timed_out", self.invoke(client, budget_ms=600))
            self.assertLess(response["elapsed_s"], 30, "the resolver's own patience")


if __name__ == "__main__":
    unittest.main()
