"""Checklist 84 to 88 of docs/lambda.md and the promises of serve/cached.h: GET /recommend/cached
of the real server, with the real Redis and with a misbehaving one."""

import json
import re
import signal
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from http_client import message
from http_words import JSON
from models import place_model, trained
from programs import SOURCE
from redis_peers import (Certificate, FakeRedis, MovingRedis, RealRedis, eventually, fail_over, is_probe,
                         nothing, slow)
from sanitizers import SANITIZED
from serve_case import ServeCase

PASSWORD = "p@ss word"
# Redis has enough time, unless a test is about time.
PATIENT = {"REDIS_CONNECT_MS": "10000", "REDIS_COMMAND_MS": "10000", "REDIS_RETRY_MS": "50"}


class CacheCase(ServeCase):
    def tearDown(self):
        try:
            super().tearDown()
        finally:
            for server in self._servers:
                if server.stopped:
                    self.assertNotIn(PASSWORD, server.stopped.stderr)

    def with_redis(self, redis, host="127.0.0.1", connected=True, threads=1, **variables):
        """A server; connected: it has a connection to Redis when this returns."""
        how = {name: variables.pop(name) for name in ("model", "prefix") if name in variables}
        server = self.serve(threads=threads, env={
            "REDIS_ENABLED": "true", "REDIS_ENDPOINT": host, "REDIS_PORT": str(redis.port),
            **PATIENT, **variables}, **how)
        if connected:
            self.in_use(server, threads)
        return server

    def in_use(self, server, n=1):
        server.wait_for(lambda: server.metrics()("recommender_cache_connections") == n, "a connection to Redis")

    def expected(self, server, user, top_n):
        """The response of the other route, which uses no cache."""
        response = self.assertResponse(server.get(f"/internal/recommend/{user}?top_n={top_n}"))
        return response.json(), response.header("X-Model-Version")

    def recommend(self, server, user, top_n=20, from_cache=None):
        """GET /recommend/cached, checked against the other route. Returns from_cache."""
        response = self.assertResponse(server.get(f"/recommend/cached/{user}?top_n={top_n}"), 200, JSON)
        return self.assertRight(server, response, user, top_n, from_cache)

    def assertRight(self, server, response, user, top_n, from_cache=None):
        body = response.json()
        latency = body.pop("latency_ms")
        self.assertGreaterEqual(latency, 0)
        was_cached = body.pop("from_cache")
        if from_cache is not None:
            self.assertIs(from_cache, was_cached, response)
        self.assertEqual(self.expected(server, user, top_n),
                         (body, response.header("X-Model-Version")))
        return was_cached

    def stored(self, server, n):
        server.wait_for(lambda: server.metrics()("recommender_cache_stored_total") == n, f"{n} lists stored")


class Responses(CacheCase):
    def test_the_first_is_computed_the_second_is_from_redis(self):
        """It matches the example of the document, and both have the same list."""
        redis = RealRedis(self)
        server = self.with_redis(redis)
        response = self.assertResponse(server.get("/recommend/cached/1?top_n=5"), 200, JSON)
        self.assertEqual(["user_id", "recommendations", "count", "from_cache", "latency_ms"],
                         list(response.json()))
        self.assertEqual((1, 5, False), tuple(response.json()[k] for k in ("user_id", "count", "from_cache")))
        self.assertRight(server, response, "1", 5, False)
        self.stored(server, 1)
        self.recommend(server, "1", 5, from_cache=True)
        self.recommend(server, "1", 6, from_cache=False)
        self.recommend(server, "2", 5, from_cache=False)
        version = server.get("/health").json()["model"]["version"]
        self.stored(server, 3)
        self.assertEqual(sorted(f"rec:user:{u}:top{n}:v3:{version}"
                                for u, n in (("1", 5), ("1", 6), ("2", 5))), redis.keys())
        metrics = server.metrics()
        self.assertEqual((1, 3, 3, 0, 0), tuple(metrics(f"cache_{name}_total") for name in (
            "hits", "misses", "stored", "errors", "skipped")))
        self.assertEqual((1, 1, 0), (metrics("recommender_cache_enabled"), metrics("recommender_cache_connections"),
                                     metrics("recommender_cache_breakers_open")))

    def test_without_redis_lists_are_computed(self):
        for _ in range(2):
            self.recommend(self.server, "1", from_cache=False)
        metrics = self.server.metrics()
        self.assertEqual(0, metrics("recommender_cache_enabled"))
        self.assertEqual((0, 0), (metrics("recommender_cache_misses_total"), metrics("recommender_cache_skipped_total")))

    def test_ids_parameters_and_errors_are_those_of_the_other_route(self):
        """Also for unknown users and for ids without a key."""
        redis = RealRedis(self)
        for server in (self.server, self.with_redis(redis)):
            with server.connect() as client:
                for path in ("", "1?top_n=0", "1?top_n=1001", "1?top_n=x", "1?topn=5", "1?top_n=5&top_n=5",
                             "1?top_n", "x" * 256, "%00", "%0a", "%ff", "1/2", "1?%zz=1"):
                    one = client.get(f"/internal/recommend/{path}")
                    other = client.get(f"/recommend/cached/{path}")
                    self.assertGreaterEqual(one.status, 400)
                    self.assertEqual((one.status, one.body), (other.status, other.body), path)
                for user in ("1", "unknown-user", "a%20b", "a+b", "%C3%A9", "%22", "007", "-5", "x" * 255,
                             "%3A" * 255, "1:top5", "%25", "1%2F2"):
                    for _ in range(2):
                        self.recommend(server, user, 3)
                self.assertEqual(405, client.request("POST", "/recommend/cached/1", body=b"").status)
                head = client.request("HEAD", "/recommend/cached/1")
                self.assertEqual((200, b""), (head.status, head.body))
        # All but the one of 765 bytes, and HEAD's. The last are stored after the response.
        eventually(lambda: len(redis.keys()) >= 13, "13 keys")
        self.assertEqual(13, len(redis.keys()))

    def test_the_latency_is_that_of_the_request(self):
        """At least the time of Redis, at most the time that the client measures."""
        redis = FakeRedis(self, slow(0.15))
        server = self.with_redis(redis)
        begin = time.monotonic()
        body = server.get("/recommend/cached/1").json()
        self.assertGreaterEqual(body["latency_ms"], 149)
        self.assertLessEqual(body["latency_ms"], (time.monotonic() - begin) * 1000)

    def test_an_unknown_user_is_cached_for_a_shorter_time(self):
        redis = RealRedis(self)
        server = self.with_redis(redis, CACHE_TTL="1000", CACHE_UNKNOWN_TTL="20")
        for user, low, high in (("1", 900, 1100), ("unknown-user", 18, 22)):
            self.recommend(server, user, from_cache=False)
            eventually(lambda: len(redis.keys()), "a key")
            (key,) = redis.keys()
            life = redis.command("PTTL", key)
            self.assertTrue(0 < life <= high * 1000, (user, life))
            self.assertGreater(life, low * 1000 - 60000 if user == "1" else 0)
            redis.command("DEL", key)

    def test_strict_refuses_unknown_users_despite_stored_lists(self):
        redis = RealRedis(self)
        lenient, strict = self.with_redis(redis), self.with_redis(redis, SERVE_STRICT="true")
        self.recommend(lenient, "unknown-user", from_cache=False)
        self.stored(lenient, 1)
        self.recommend(lenient, "unknown-user", from_cache=True)
        self.assertRefused(strict.get("/recommend/cached/unknown-user"), 404, "unknown-user")
        self.recommend(strict, "1", from_cache=False)
        eventually(lambda: len(redis.keys()) >= 2, "two keys")
        self.assertEqual(2, len(redis.keys()))

    def test_two_processes_share_one_redis(self):
        redis = RealRedis(self)
        one, other = self.with_redis(redis, threads=2), self.with_redis(redis)
        users = trained().users[:100]
        for user in users:
            self.recommend(one, user, 7, from_cache=False)
        self.stored(one, 100)
        for user in users:
            self.recommend(other, user, 7, from_cache=True)

    def test_ten_thousand_users(self):
        """On one connection, as fast as they come; twice, then all are from Redis."""
        redis = RealRedis(self)
        server = self.with_redis(redis)
        lists = {}
        before = server.status_bytes("VmRSS")
        for from_cache in (False, True):
            with server.connect() as client:
                for first in range(0, 10000, 500):
                    client.send(b"".join(message("GET", f"/recommend/cached/{'u' if u % 2 else ''}{u}?top_n=3")
                                         for u in range(first, first + 500)))
                    for u in range(first, first + 500):
                        body = client.read().json()
                        self.assertIs(from_cache, body["from_cache"], u)
                        self.assertEqual(f"u{u}" if u % 2 else u, body["user_id"])
                        self.assertEqual(lists.setdefault(u, body["recommendations"]),
                                         body["recommendations"])
            self.stored(server, 10000)
        self.assertEqual((10000, 0), (server.metrics()("recommender_cache_hits_total"),
                                      server.metrics()("recommender_cache_errors_total")))
        if not SANITIZED:
            self.assertLess(server.status_bytes("VmHWM") - before, 32 << 20)

    def test_after_a_new_model_the_old_ones_lists_are_not_used(self):
        """Checklist 87: not after a reload, and not in another process."""
        redis = RealRedis(self)
        server = self.with_redis(redis)
        old = self.with_redis(redis)
        self.recommend(server, "1", from_cache=False)
        self.stored(server, 1)
        self.recommend(server, "1", from_cache=True)
        place_model(server.model_bin, trained(seed=8))
        before = server.get("/health").json()["model"]["version"]
        server.hang_up()
        server.wait_for(lambda: server.get("/health").json()["model"]["version"] != before, "the model")
        self.recommend(server, "1", from_cache=False)
        self.stored(server, 2)
        self.recommend(server, "1", from_cache=True)
        self.recommend(old, "1", from_cache=True)
        self.assertEqual(2, len(redis.keys()))

    def test_foreign_values_under_the_key_are_ignored(self):
        redis = RealRedis(self)
        server = self.with_redis(redis)
        self.recommend(server, "1", from_cache=False)
        self.stored(server, 1)
        (key,) = redis.keys()
        for n, bad in enumerate((b"[1,2,3]", b'{"evil":true}', b"\xff" * 100,
                                 redis.command("GET", key)[:-1] + b",1]")):
            redis.command("SET", key, bad)
            self.recommend(server, "1", from_cache=False)
            self.assertEqual(n + 1, server.metrics()("recommender_cache_errors_total"))
            self.stored(server, n + 2)
            self.recommend(server, "1", from_cache=True)

    def test_concurrent_requests_for_a_list_cause_one_lookup_and_one_store(self):
        """No thundering herd: until Redis has responded, all wait for the same lookup."""
        hold = threading.Event()
        self.addCleanup(hold.set)

        def respond(connection, words):
            if words[0] == b"MGET" and not is_probe(words):
                hold.wait(60)
            return nothing(words)

        fake = FakeRedis(self, respond)
        server = self.with_redis(fake)
        with ThreadPoolExecutor(50) as pool:
            pending = [pool.submit(server.get, "/recommend/cached/1?top_n=5") for _ in range(50)]
            served = lambda: server.metrics()("recommender_http_connections_total")
            server.wait_for(lambda: served() >= 50, "fifty requests")
            gone = server.connect()
            gone.send(message("GET", "/recommend/cached/1?top_n=5"))
            gone.reset()
            self.assertTrue(server.get("/ping").status == 200)
            hold.set()
            for response in pending:
                self.assertRight(server, response.result(), "1", 5, False)
        # assertRight looks up the user's events alone.
        commands = [words[0] for words in fake.commands if not is_probe(words) and len(words) > 2]
        self.assertLessEqual(commands.count(b"MGET"), 3)
        self.assertEqual(commands.count(b"MGET"), commands.count(b"SET"))


class Outages(CacheCase):
    def assertOneWarning(self, server, *words):
        server.wait_for_log("cache_down")
        (line,) = server.log_lines("cache_down")
        self.assertEqual("warning", line["level"])
        for word in words:
            self.assertRegex(line["message"], word)

    def test_killed_restarted_and_used_again(self):
        """Checklist 84, 85, 86: no request fails, and the outage is logged once."""
        redis = RealRedis(self)
        server = self.with_redis(redis, threads=2)
        stop, failures, n = threading.Event(), [], [0]

        def load():
            with server.connect() as client:
                while not stop.is_set():
                    response = client.get(f"/recommend/cached/{n[0] % 50 + 1}?top_n=5")
                    n[0] += 1
                    if response.status != 200:
                        failures.append(response)

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for outage in range(1, 4):
                redis.kill()
                server.wait_for_log("cache_down", n=outage)
                before = n[0]
                server.wait_for(lambda: n[0] > before + 100, "requests without Redis")
                redis.start()
                server.wait_for_log("cache_up", n=outage)
                self.in_use(server, 2)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual([], failures)
        self.assertEqual(3, len(server.log_lines("cache_down")))
        self.recommend(server, "60", 5)
        eventually(lambda: self.recommend(server, "60", 5), "a list from Redis")

    def test_not_there_when_the_server_starts(self):
        redis = RealRedis(self)
        redis.kill()
        server = self.with_redis(redis, connected=False)
        server.wait_for_log("cache_down")
        self.recommend(server, "1", from_cache=False)
        redis.start()
        self.in_use(server)
        self.recommend(server, "1", from_cache=False)
        self.stored(server, 1)
        self.recommend(server, "1", from_cache=True)
        self.assertOneWarning(server, "refused")

    def test_a_redis_that_hangs(self):
        """Checklist 84: stopped by a signal. No request waits longer than the budget, and after the
        first no request waits."""
        redis = RealRedis(self)
        server = self.with_redis(redis, REDIS_COMMAND_MS="200", REDIS_CONNECT_MS="200", REDIS_RETRY_MS="500")
        self.recommend(server, "1", from_cache=False)
        redis.pause()
        for user in range(2, 30):
            self.recommend(server, str(user), from_cache=False)
        self.assertOneWarning(server, "no reply within 200 ms|no connection within 200 ms")
        self.assertGreater(server.metrics()("recommender_cache_skipped_total"), 0)
        redis.resume()
        eventually(lambda: self.recommend(server, "1"), "a list from Redis")

    def test_full(self):
        """Checklist 84: -OOM on storing; stored lists are used."""
        redis = RealRedis(self, "--maxmemory-policy", "noeviction")
        server = self.with_redis(redis)
        self.recommend(server, "1", from_cache=False)
        self.stored(server, 1)
        redis.command("CONFIG", "SET", "maxmemory", "1")
        for user in range(2, 20):
            self.recommend(server, str(user), from_cache=False)
            self.recommend(server, "1", from_cache=True)
        server.wait_for_log("cache_full")
        (line,) = server.log_lines("cache_full")
        self.assertIn("OOM", line["message"])
        self.assertEqual([], server.log_lines("cache_down"))
        redis.command("CONFIG", "SET", "maxmemory", "0")
        eventually(lambda: self.recommend(server, "2"), "a list from Redis")

    def test_without_the_right_to_store_it_reads(self):
        """§6.11: a user without the right to store: stored lists are used, the connection stays
        open, and one log line says why nothing is stored."""
        redis = RealRedis(self)
        redis.command("ACL", "SETUSER", "reader", "on", f">{PASSWORD}", "~rec:user:*", "%R~fb:user:*", "+mget")
        filling = self.with_redis(redis)
        self.recommend(filling, "1", from_cache=False)
        self.stored(filling, 1)
        server = self.with_redis(redis, REDIS_USERNAME="reader", REDIS_PASSWORD=PASSWORD)
        for other in range(2, 12):
            self.recommend(server, str(other), from_cache=False)
            self.recommend(server, "1", from_cache=True)
        server.wait_for_log("cache_full")
        (line,) = server.log_lines("cache_full")
        self.assertIn("NOPERM", line["message"])
        self.assertEqual([], server.log_lines("cache_down"))
        metrics = server.metrics()
        self.assertEqual((10, 1, 0), tuple(metrics(f"cache_{name}_total") for name in (
            "hits", "connections", "stored")))

    def test_after_a_failover_the_new_master_is_used(self):
        """§6.11: the node of the open connection is a replica now and says READONLY."""
        master = RealRedis(self)
        replica = RealRedis(self, "--replicaof", f"127.0.0.1 {master.port}")
        name = MovingRedis(self, master)
        server = self.with_redis(name)
        self.recommend(server, "1", from_cache=False)
        self.stored(server, 1)
        eventually(lambda: replica.keys(), "a key at the replica")
        fail_over(master, replica)
        name.node = replica
        self.recommend(server, "1", from_cache=True)  # the old node has it too
        self.recommend(server, "2", from_cache=False)
        server.wait_for_log("cache_read_only")
        (line,) = server.log_lines("cache_read_only")
        self.assertIn("READONLY", line["message"])
        server.wait_for(lambda: server.metrics()("cache_connections_total") == 2, "another connection")
        self.recommend(server, "3", from_cache=False)
        self.stored(server, 2)
        self.assertEqual(2, len(replica.keys()))
        self.recommend(server, "1", from_cache=True)
        self.assertEqual([], server.log_lines("cache_down"))
        self.assertEqual(2, name.n_connections)

    def test_a_replica_is_read_from(self):
        """§6.11: two connections show that it is no failover; then stored lists are used."""
        master = RealRedis(self)
        replica = RealRedis(self, "--replicaof", f"127.0.0.1 {master.port}")
        filling = self.with_redis(master)
        self.recommend(filling, "1", from_cache=False)
        self.stored(filling, 1)
        eventually(lambda: replica.keys(), "a key at the replica")
        server = self.with_redis(replica, REDIS_RETRY_MS="60000")
        self.recommend(server, "2", from_cache=False)
        server.wait_for(lambda: server.metrics()("cache_connections_total") == 2, "another connection")
        for other in range(3, 12):
            self.recommend(server, str(other), from_cache=False)
            self.recommend(server, "1", from_cache=True)
        (line,) = server.log_lines("cache_read_only")
        self.assertIn("READONLY", line["message"])
        self.assertEqual([], server.log_lines("cache_down"))
        metrics = server.metrics()
        self.assertEqual((9, 2, 0), tuple(metrics(f"cache_{name}_total") for name in (
            "hits", "connections", "stored")))

    def test_the_rights_that_the_document_names_are_enough(self):
        redis = RealRedis(self)
        rights = re.search(r"`(~rec:user:\S* [^`]*)`", (SOURCE / "docs/serving.md").read_text())[1]
        redis.command("ACL", "SETUSER", "cache", "on", f">{PASSWORD}", *rights.split())
        server = self.with_redis(redis, REDIS_USERNAME="cache", REDIS_PASSWORD=PASSWORD)
        self.recommend(server, "1", from_cache=False)
        self.stored(server, 1)
        self.recommend(server, "1", from_cache=True)
        self.assertEqual(0, server.metrics()("recommender_cache_errors_total"))

    def test_passwords(self):
        redis = RealRedis(self, "--requirepass", PASSWORD, password=PASSWORD)
        file = self.folder / "password"
        file.write_text(PASSWORD + "\n")
        for variables in ({"REDIS_PASSWORD": PASSWORD}, {"REDIS_PASSWORD_FILE": str(file)},
                          {"REDIS_USERNAME": "default", "REDIS_PASSWORD": PASSWORD}):
            server = self.with_redis(redis, **variables)
            self.recommend(server, "1")
            eventually(lambda: self.recommend(server, "1"), "a list from Redis")
            server.stop()
        for variables, says in (({"REDIS_PASSWORD": "wrong"}, "WRONGPASS"), ({}, "NOAUTH")):
            server = self.with_redis(redis, connected=False, **variables)
            server.wait_for_log("cache_down")
            for user in range(1, 10):
                self.recommend(server, str(user), from_cache=False)
            self.assertOneWarning(server, says)

    def test_tls(self):
        """Checklist 88: another authority or host is no cache and one warning."""
        good = Certificate(self.folder, "good", "DNS:localhost", "IP:127.0.0.1")
        other = Certificate(self.folder, "other", "DNS:localhost", "IP:127.0.0.1")
        elsewhere = Certificate(self.folder, "elsewhere", "DNS:elsewhere.example")
        redis = RealRedis(self, "--requirepass", PASSWORD, tls=good, password=PASSWORD)
        tls = {"REDIS_TLS": "true", "REDIS_PASSWORD": PASSWORD}
        for host in ("localhost", "127.0.0.1"):
            server = self.with_redis(redis, host=host, REDIS_CA_FILE=str(good.pem), threads=2, **tls)
            for user in range(1, 30):
                self.recommend(server, str(user))
                eventually(lambda: self.recommend(server, str(user)), "a list from Redis")
            self.assertEqual(2, server.metrics()("recommender_cache_connections_total"))
        wrong = RealRedis(self, "--requirepass", PASSWORD, tls=elsewhere, password=PASSWORD)
        for peer, trusted, says in ((redis, other, "self-signed|unable to get|signature"),
                                    (wrong, elsewhere, "mismatch")):
            server = self.with_redis(peer, REDIS_CA_FILE=str(trusted.pem), connected=False, **tls)
            server.wait_for_log("cache_down")
            for user in range(1, 10):
                self.recommend(server, str(user), from_cache=False)
            self.assertOneWarning(server, says)

    def test_errors_garbage_and_silence(self):
        """Checklist 84: -LOADING, -MOVED, an invalid response, and none for ten seconds."""
        stop = threading.Event()
        self.addCleanup(stop.set)
        for response, says in ((b"-LOADING Redis is loading the dataset in memory\r\n", "LOADING"),
                               (b"-MOVED 3999 127.0.0.1:6381\r\n", "MOVED"),
                               (b"HTTP/1.1 400 Bad Request\r\n\r\n", "Protocol error"),
                               (b"*1000000000\r\n", "another length"),
                               (b"*2\r\n$-1\r\n$-1\r\n" * 3, "no command"),
                               (None, "closed the connection"),
                               (b"", "no reply within")):
            def respond(connection, words, response=response):
                if is_probe(words):
                    return nothing(words)
                if response == b"":
                    stop.wait()  # until the test is over
                return response

            fake = FakeRedis(self, respond)
            short = {} if response != b"" else {"REDIS_COMMAND_MS": "200"}
            server = self.with_redis(fake, **{**short, "REDIS_RETRY_MS": "60000"})
            for user in range(1, 6):
                self.recommend(server, str(user), from_cache=False)
            # A closed connection is opened again at once, and may be closed again.
            server.wait_for(lambda: self.recommend(server, "7") or server.log_lines("cache_down"), "a warning")
            self.assertOneWarning(server, says)
            self.assertLessEqual(len([w for w in fake.commands if not is_probe(w)]), 2)

    def test_a_stop_does_not_wait_for_redis(self):
        """A request that waits for Redis gets its response, and the server exits."""
        stop = threading.Event()
        self.addCleanup(stop.set)
        fake = FakeRedis(self, lambda connection, words: nothing(words) if is_probe(words) or
                         not stop.wait(30) else None)
        server = self.with_redis(fake, REDIS_COMMAND_MS="1000")
        with server.connect() as client:
            client.send(message("GET", "/recommend/cached/1?top_n=5"))
            server.wait_for(lambda: any(not is_probe(w) for w in fake.commands), "the lookup")
            server.signal(signal.SIGTERM)
            self.assertIs(False, client.read().json()["from_cache"])
        server.ended()


class Settings(CacheCase):
    def test_bad_values_are_refused_at_the_start(self):
        for env, says in (({"REDIS_ENABLED": "maybe"}, "REDIS_ENABLED"),
                          ({"REDIS_ENABLED": "true"}, "REDIS_ENDPOINT is not set"),
                          ({"REDIS_ENABLED": "true", "REDIS_ENDPOINT": "a:1"}, "REDIS_PORT"),
                          ({"CACHE_TTL": "0"}, "CACHE_TTL"),
                          ({"REDIS_ENABLED": "true", "REDIS_ENDPOINT": "a", "REDIS_TLS": "true",
                            "REDIS_CA_FILE": "/dev/null"}, "/dev/null"),
                          ({"REDIS_ENABLED": "true", "REDIS_ENDPOINT": "a", "REDIS_PASSWORD": PASSWORD,
                            "REDIS_PASSWORD_FILE": "/none"}, "REDIS_PASSWORD_FILE"),
                          ({"REDIS_ENABLED": "true", "REDIS_ENDPOINT": "cache",
                            "REDIS_PASSWORD_SECRET": "arn"}, "is for functions")):
            result = self.refused_serve(env)
            self.assertIn(says, result.stderr)
            self.assertNotIn(PASSWORD, result.stderr)

    def test_the_settings_are_logged_without_the_password(self):
        redis = RealRedis(self, "--requirepass", PASSWORD, password=PASSWORD)
        server = self.with_redis(redis, REDIS_PASSWORD=PASSWORD)
        line = server.wait_for_log("cache_settings")
        self.assertEqual(str(redis.port), line["REDIS_PORT"])
        self.assertNotIn(PASSWORD, json.dumps(server.log))


if __name__ == "__main__":
    unittest.main()
