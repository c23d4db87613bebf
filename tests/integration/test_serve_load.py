"""Checklist 85, 86, 98, 106, 109-111: many clients, long requests, slow clients, and long runs."""

import contextlib
import gzip
import os
import random
import resource
import socket
import threading
import time
import unittest
from pathlib import Path

from bodies import MIB, PAIR
from http_client import message
from http_words import JSON, JSON_LINES
from models import trained
from programs import SERVE
from sanitizers import SANITIZED
from serve_case import ServeCase
from skipping import not_here
from slow_work import slow_body, slow_line, slow_model

SILENT = 5000

# A small receive buffer of the client, so that unread bytes stay with the server.
SMALL_BUFFER = 4096


def open_files_allowed(wanted):
    """Raises this process's limit; returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, limit), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def many_items():
    """A model whose lists of 1,000 are 70 KB of JSON."""
    rows = tuple((str(1 + n % 24), str(1000 + n % 1100), str(1 + n % 5), "0") for n in range(3300))
    return trained(n_epochs=1, rows=rows)


class LoadCase(ServeCase):
    def setUp(self):
        super().setUp()
        self.stack = contextlib.ExitStack()

    def tearDown(self):
        # Before the servers are stopped: they would wait for their clients to read.
        self.stack.close()
        super().tearDown()

    def connect(self, server, n, **how):
        """n connections that are closed at the end."""
        return [self.stack.enter_context(server.connect(**how)) for _ in range(n)]

    def assertPings(self, server, n=40):
        """n pings, on connections of their own. How long they take is for the benchmarks."""
        for _ in range(n):
            self.assertEqual(200, server.ping().status)


class Connections(LoadCase):
    def test_thousands_of_silent_connections_cost_little_and_delay_no_ping(self):
        """Checklist 85, 86: 5,000 of them, started with the usual limit of 1,024 files."""
        n = min(SILENT, open_files_allowed(SILENT + 300) - 300)
        if n < SILENT:
            print(f"\nNOT TESTED HERE: more than {n} connections: the limit of open files")
        server = self.serve(wrapper=("sh", "-c", 'ulimit -Sn 1024; exec "$@"', "sh"))
        server.post(PAIR)
        resident, files = server.resident(), server.open_files()
        self.connect(server, n)
        server.wait_for(lambda: server.metrics()("recommender_http_connections") > n, f"{n} connections")
        self.assertPings(server)
        self.assertServes(server)
        if not SANITIZED:
            self.assertLess(server.resident() - resident, 64 * MIB)
        self.stack.close()
        server.wait_for(lambda: server.metrics()("recommender_http_connections") == 1, "closed connections")
        server.wait_for(lambda: server.open_files() <= files + 1, "closed files")

    def test_connections_over_the_limit_get_503_and_the_others_are_not_disturbed(self):
        """Checklist 106: SERVE_MAX_CONNECTIONS."""
        server = self.serve(threads=2, env={"SERVE_MAX_CONNECTIONS": "20"})
        server.wait_for(lambda: server.metrics()("recommender_http_connections") == 1, "only this one")
        first = self.connect(server, 20)
        for client in first:
            self.assertEqual(200, client.get("/ping").status)
        for _ in range(30):
            with server.connect() as client:
                response = client.read()
                self.assertRefused(response, 503, "connections")
                self.assertTrue(response.closes)
                client.wait_until_closed()
        for client in first:
            self.assertEqual(200, client.post(PAIR).status)
        metrics = first[0].get("/metrics").text
        self.assertIn("recommender_http_connections_refused_total 30\n", metrics)
        for client in first[:5]:
            client.close()
        server.wait_for(lambda: server.try_ping() == 200, "a free connection")

    def test_with_few_file_descriptors_the_surplus_gets_503(self):
        """Checklist 110: the system's limit is below SERVE_MAX_CONNECTIONS."""
        server = self.serve(wrapper=("sh", "-c", 'ulimit -n 64; exec "$@"', "sh"), threads=1)
        held = self.connect(server, 40)
        statuses = [client.get("/ping").status for client in held]
        self.assertEqual({200, 503}, set(statuses))
        self.assertGreater(statuses.count(200), 15)
        self.stack.close()
        server.wait_for(lambda: server.try_ping() == 200, "pings")


class SlowClients(LoadCase):
    settings = {"SERVE_RECEIVE_SECONDS": "1", "SERVE_IDLE_SECONDS": "1"}

    def test_requests_that_come_too_slowly_are_cut_off(self):
        """Checklist 110: half a head, half a body, half a chunk; each gets 408 and is closed,
        and an idle connection is closed."""
        starts = (b"GET /ping HTTP/1.1\r\nHost:", message("POST", "/invocations", PAIR)[:-3],
                  message("POST", "/invocations", b"5\r\nhel", {"Transfer-Encoding": "chunked"}))
        clients = self.connect(self.server, len(starts) + 2)
        for client, start in zip(clients, starts):
            client.send(start)
        self.assertEqual(200, clients[-1].get("/ping").status)
        for client in clients[: len(starts)]:
            response = client.read()
            self.assertRefused(response, 408)
            self.assertTrue(response.closes)
            client.wait_until_closed()
        for client in clients[len(starts) :]:
            self.assertEqual(b"", client.wait_until_closed())
        self.assertGreaterEqual(self.server.metrics()("recommender_http_timeouts_total"), len(starts))

    def test_a_byte_now_and_then_does_not_extend_the_time(self):
        """Checklist 110: the limit is for the whole head and the whole body."""
        for request in (b"GET /ping HTTP/1.1\r\nX: " + b"x" * 1000,
                        message("POST", "/invocations", headers={"Content-Length": "1000"})):
            client, = self.connect(self.server, 1)
            cut = 30 if request.startswith(b"GET") else len(request)
            client.send(request[:cut])
            until = time.monotonic() + 30
            while client.is_open() and not client.has_bytes() and time.monotonic() < until:
                try:
                    client.send(b"x")
                except (ConnectionError, BrokenPipeError):
                    break
                time.sleep(0.05)
            self.assertRefused(client.read(), 408)

    def test_a_client_that_does_not_read_its_response_is_cut_off(self):
        """Checklist 110: and its memory is freed."""
        server = self.serve(env={"SERVE_RECEIVE_SECONDS": "1"})
        body = b'{"instances":[' + b",".join([PAIR] * 500_000) + b"]}"
        client, = self.connect(server, 1, receive_buffer=SMALL_BUFFER)
        client.send(message("POST", "/invocations", body, content_type=JSON))
        server.wait_for(lambda: server.metrics()("recommender_http_timeouts_total") == 1, "a time-out")
        # Other loops count their closed connections a moment later.
        server.wait_for(lambda: server.metrics()("recommender_http_connections") == 1, "no other connection")
        server.wait_for(lambda: server.metrics()("recommender_http_buffered_bytes") < 4096, "no memory held")

    def test_a_client_that_sends_and_never_reads_is_bounded(self):
        """Checklist 110: its pending requests and responses are bounded."""
        server = self.serve(threads=1, env={"SERVE_RECEIVE_SECONDS": "60",
                                            "SERVE_IDLE_SECONDS": "60"})
        self.assertEqual(200, server.post(PAIR).status)
        resident = server.resident()
        client, = self.connect(server, 1, receive_buffer=SMALL_BUFFER)
        requests = message("GET", "/internal/recommend/1?top_n=100") * 500
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        client.socket.settimeout(0.5)
        sent = 0
        try:
            while sent < 64 * MIB:
                sent += client.socket.send(requests)
        except (TimeoutError, socket.timeout):
            pass
        self.assertLess(sent, 64 * MIB, "the server kept reading")
        self.assertServes(server)
        if not SANITIZED:
            self.assertLess(server.resident() - resident, 8 * MIB)


class Work(LoadCase):
    def occupy(self, server, n=1, lines=500):
        """Clients with batches of seconds, until n are being processed."""
        # Packed, because the threads read slowly while they work.
        packed = gzip.compress(slow_body(lines), 1)
        request = message("POST", "/invocations", packed, {"Content-Encoding": "gzip"}, JSON_LINES)
        working = lambda: server.metrics()("recommender_http_requests_working")
        at_work = []
        while len(at_work) < n:
            client, = self.connect(server, 1)
            client.send(request)
            server.wait_for(lambda: client.is_open() and client.has_bytes()
                            or working() > len(at_work), "work or a refusal")
            if not client.has_bytes():
                at_work.append(client)
        return at_work

    def test_pings_get_responses_while_all_threads_work_and_the_queue_is_full(self):
        """Checklist 85, 86, 106: the surplus gets 503 at once, with 200 idle connections;
        other small requests get responses, too."""
        server = self.serve(model=slow_model(), threads=2,
                            env={"SAGEMAKER_MODEL_JOB_QUEUE_SIZE": "2"})
        self.connect(server, 200)
        at_work = self.occupy(server, 4)
        for _ in range(10):
            self.assertRefused(server.post(slow_body(2), JSON_LINES), 503)
        self.assertPings(server, 20)
        # Not after the batches, which continue below. A request that is done in its first slice
        # needs no queue.
        request = {"userId": slow_model().users[0], "movieId": "1001"}
        self.assertIn(200, [server.post(request).status for _ in range(10)])
        still = [client for client in at_work if client.is_open() and not client.has_bytes()]
        self.assertGreaterEqual(len(still), 2, "each thread is still at work")
        # Work for a closed connection ends. (A half-closed client still waits for its
        # response.)
        for client in at_work:
            client.reset()
        server.wait_for(lambda: server.metrics()("recommender_http_requests_working") == 0, "no work")
        server.wait_for(lambda: server.metrics()("recommender_http_buffered_bytes") < 4096, "no memory held")

    def test_a_request_that_takes_too_long_is_503(self):
        """Checklist 109: SAGEMAKER_MODEL_SERVER_TIMEOUT; the connection is closed or usable."""
        server = self.serve(model=slow_model(), threads=1,
                            env={"SAGEMAKER_MODEL_SERVER_TIMEOUT": "1"})
        client, = self.occupy(server, lines=1500)
        response = client.read()
        self.assertRefused(response, 503, "1")
        if response.closes:
            client.wait_until_closed()
        else:
            self.assertEqual(200, client.get("/ping").status)
        server.wait_for(lambda: server.metrics()("recommender_http_requests_working") == 0, "no work")
        self.assertEqual(200, server.ping().status)

    def test_a_single_request_never_waits_for_a_batch(self):
        """Checklist 85: also one that takes longer than a slice."""
        server = self.serve(model=slow_model(), threads=1)
        at_work, = self.occupy(server)
        request = slow_line().strip()
        for body, content_type in ((request, JSON), (request + "\n", JSON),
                                   (request + "\n", JSON_LINES),
                                   ('{"instances": [%s]}\n' % request, JSON)):
            self.assertEqual(200, server.post(body, content_type).status)
            self.assertTrue(at_work.is_open() and not at_work.has_bytes(), "still at work")
        at_work.reset()

    def test_requests_after_a_long_one_on_its_connection_wait(self):
        """Checklist 94: responses in order, nothing lost, with any read-ahead."""
        server = self.serve(model=slow_model(), threads=1)
        client, = self.connect(server, 1)
        n = 10 if SANITIZED else 30
        client.send(message("POST", "/invocations", slow_body(n), content_type=JSON_LINES)
                    + message("GET", "/ping") * 1000 + message("POST", "/invocations", PAIR))
        self.assertEqual(n, len(client.read().json_lines()))
        for _ in range(1000):
            self.assertEqual((200, b""), (lambda a: (a.status, a.body))(client.read()))
        self.assertIn("predicted_rating", client.read().json())

    def test_all_bodies_together_are_bounded(self):
        """Checklist 98, 106: SERVE_MAX_BUFFERED_BYTES; requests over it get 503, the others
        their responses."""
        server = self.serve(env={"SAGEMAKER_MAX_REQUEST_SIZE": str(MIB),
                                 "SERVE_MAX_BUFFERED_BYTES": str(3 * MIB)})
        body = PAIR + b" " * (MIB - len(PAIR))
        request = message("POST", "/invocations", body, content_type=JSON)
        clients = self.connect(server, 8)
        statuses = []
        for client in clients:
            client.send_some(request[:-1])
        server.wait_for(lambda: sum(not c.is_open() or c.has_bytes() for c in clients) >= 4,
                        "some refusals")
        for client in clients:
            if not client.has_bytes() and client.is_open():
                with contextlib.suppress(ConnectionError):
                    client.send(request[-1:])
            response = client.read()
            statuses.append(response.status)
            if response.status != 200:
                self.assertRefused(response, 503)
        self.assertEqual({200, 503}, set(statuses), statuses)
        self.stack.close()
        server.wait_for(lambda: server.metrics()("recommender_http_buffered_bytes") < 4096, "no memory held")
        self.assertEqual(200, server.post(body).status)


@unittest.skipIf(SANITIZED, "a sanitizer keeps what is freed")
class Memory(LoadCase):
    """Requests of at most 8.6 KB, whose responses have up to 20 MB each."""

    N, MOST = 40, 64 * MIB

    def setUp(self):
        super().setUp()
        self.fresh = self.serve(threads=2, model=many_items())
        self.before = self.fresh.resident()

    def send(self, sizes):
        """A client for each, which does not read: its response has about 70 KB × size."""
        one = b'{"userId":"1","top_n":1000}'
        clients = self.connect(self.fresh, len(sizes), receive_buffer=SMALL_BUFFER)
        for client, size in zip(clients, sizes):
            client.send(message("POST", "/invocations", b'{"instances":[' + b",".join([one] * size) + b"]}",
                                content_type=JSON))
        return clients

    def leave(self, clients):
        for client in clients:
            client.close()
        self.fresh.wait_for(lambda: self.fresh.metrics()("http_connections") <= 2, "no client any more")

    def test_clients_that_leave_leave_nothing(self):
        """Their work ends, though their FIN could be that of half-closed clients."""
        self.leave(self.send([300] * self.N))
        self.assertEqual(0, self.fresh.metrics()("http_requests_working"))
        most, now = (self.fresh.status_bytes(name) - self.before for name in ("VmHWM", "VmRSS"))
        print(f"\n{self.N} clients that left: {self.before >> 20} MiB before, at most {most >> 20} more, "
              f"then {now >> 20}")
        self.assertLess(most, self.MOST)
        self.assertLess(now, self.MOST)

    def test_memory_goes_back_to_the_system(self):
        """After clients that stayed until their responses were there, of many sizes."""
        for seed in range(3):
            r = random.Random(seed)
            clients = self.send([r.choice((10, 30, 50, 70)) for _ in range(self.N)])
            self.fresh.wait_for(lambda: self.fresh.metrics()("http_requests_working") == 0, "responses")
            self.assertGreater(self.fresh.resident() - self.before, self.MOST)
            r.shuffle(clients)
            self.leave(clients)
        now = self.fresh.resident() - self.before
        print(f"\n3 × {self.N} clients with unread responses, then none: {now >> 20} MiB more than before")
        self.assertLess(now, self.MOST)
        self.assertServes(self.fresh)


@unittest.skipIf(SANITIZED, "a sanitizer keeps what is freed")
class InACgroup(LoadCase):
    """A container's memory, of which a quarter is enough, whatever the clients do."""

    LIMIT = 512 * MIB

    def group(self):
        """A memory cgroup of this test, version 1 or 2, with the limit."""
        for parent, limit in ((Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
                              (Path("/sys/fs/cgroup"), "memory.max")):
            group = parent / f"serve-load-{os.getpid()}"
            with contextlib.suppress(OSError):
                group.mkdir()
                self.addCleanup(group.rmdir)
                (group / limit).write_text(str(self.LIMIT))
                return group
        not_here(self.id(), "no memory cgroup can be made")

    def test_clients_that_do_not_read_take_a_quarter_at_most(self):
        group = self.group()
        program = self.folder / "serve-in-group"
        program.write_text(f'#!/bin/sh\necho $$ > {group}/cgroup.procs && exec {SERVE} "$@"\n')
        program.chmod(0o755)
        server = self.serve(threads=2, model=many_items(), program=program)
        body = b'{"instances":[' + b",".join([b'{"userId":"1","top_n":1000}'] * 70) + b"]}"
        clients = self.connect(server, 60, receive_buffer=SMALL_BUFFER)
        for client in clients:
            client.send(message("POST", "/invocations", body, content_type=JSON))
        server.wait_for(lambda: server.metrics()("http_requests_working") == 0, "responses")
        most = server.status_bytes("VmHWM")
        print(f"\n60 clients that do not read, in a cgroup of {self.LIMIT >> 20} MiB: at most {most >> 20} MiB")
        self.assertGreater(most, self.LIMIT // 16)
        self.assertLess(most, self.LIMIT // 4)
        self.assertServes(server)


class ForLong(LoadCase):
    def test_tens_of_thousands_of_requests_leave_memory_and_files_as_they_were(self):
        """Checklist 111: of all kinds, good and bad, by kept and by new connections."""
        server = self.serve(threads=2)
        pairs = b'{"instances":[' + b",".join([PAIR] * 50) + b"]}"
        mixed = [message("GET", "/ping"), message("POST", "/invocations", PAIR),
                 message("POST", "/invocations", b'{"userId":"1","top_n":10}'),
                 message("GET", "/internal/recommend/7?top_n=5"), message("POST", "/invocations", b"{"),
                 message("POST", "/invocations", pairs), message("GET", "/nothing"),
                 message("POST", "/invocations", b"1,1001\n2,1002\n", content_type="text/csv"),
                 message("POST", "/invocations", b'{"movieId":"1001","similar":5}'),
                 message("POST", "/invocations",
                         b'{"ratings":[{"movieId":"1001","rating":5}],"top_n":5}')]
        statuses = [200, 200, 200, 200, 400, 200, 404, 200, 200, 200]
        stream = b"".join(mixed) * 20
        failures = []

        def run(n_rounds, n_connections):
            try:
                for _ in range(n_connections):
                    with server.connect() as client:
                        for _ in range(n_rounds):
                            client.send(stream)
                            for _ in range(20):
                                for status in statuses:
                                    if client.read().status != status:
                                        failures.append(status)
            except Exception as error:  # pylint: disable=broad-except
                failures.append(error)

        def rounds(n_rounds, n_connections):
            threads = [threading.Thread(target=run, args=(n_rounds, n_connections)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for _ in range(300):
                self.assertEqual(200, server.ping().status)

        rounds(2, 5)
        server.wait_for(lambda: server.metrics()("recommender_http_connections") == 1, "closed connections")
        resident, files, before = server.resident(), server.open_files(), server.metrics()
        rounds(*((2, 3) if SANITIZED else (20, 10)))
        self.assertEqual([], failures)
        server.wait_for(lambda: server.metrics()("recommender_http_connections") == 1, "closed connections")
        server.wait_for(lambda: server.open_files() <= files, "closed files")
        if not SANITIZED:
            self.assertLess(server.resident() - resident, 4 * MIB)
        metrics = server.metrics()
        self.assertEqual(0, metrics("recommender_http_requests_working"))
        self.assertLess(metrics("recommender_http_buffered_bytes"), 4096)
        for route in ("/invocations", "/ping", "none"):
            labels = {"route": route, "status": "5xx"}
            self.assertEqual(before("recommender_http_requests_total", **labels),
                             metrics("recommender_http_requests_total", **labels))

    def test_the_log_does_not_block_responses(self):
        """Checklist 110: a blocked reader of stderr stops no response."""
        # process.Run reads stderr, so an unread pipe replaces it.
        read_end, write_end = os.pipe()
        self.addCleanup(os.close, read_end)
        try:
            server = self.serve(stderr=write_end)
        finally:
            os.close(write_end)
        with server.connect() as client:
            for _ in range(30):
                client.send(message("POST", "/invocations", PAIR) * 100)
                for _ in range(100):
                    self.assertEqual(200, client.read().status)
        self.assertEqual(200, server.ping().status)
        server.kill()


if __name__ == "__main__":
    unittest.main()
