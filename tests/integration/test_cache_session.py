"""Checklist 84 to 88 and section 6 of docs/lambda.md: the cache as a function uses it, against
the real Redis and against a misbehaving one."""

import json
import os
import socket
import subprocess
import tempfile
import threading
import unittest
from types import SimpleNamespace

from redis_peers import (Certificate, FakeRedis, MovingRedis, RealRedis, eventually, fail_over, is_probe,
                         nothing)
from train_case import TrainCase

CACHE_CALL = os.environ.get("MF_CACHE_CALL", "build/release/tests/cache_call")
PASSWORD = "p@ss word"
VERSION = "0123456789abcdef"
# Redis has enough time, unless a test is about time.
PATIENT = {"REDIS_CONNECT_MS": "10000", "REDIS_COMMAND_MS": "10000", "REDIS_RETRY_MS": "100"}
BUDGET = 30000


class Program:
    def __init__(self, environment):
        self.log_file = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([CACHE_CALL], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log_file, env=environment, text=True)

    def __call__(self, do, **members):
        self.process.stdin.write(json.dumps({"do": do, **members}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"cache_call ended: {self.log()}")
        return json.loads(line)

    def get(self, *users, top_n=5, version=VERSION, budget_ms=BUDGET):
        return self("get", users=users, top_n=top_n, version=version, budget_ms=budget_ms)

    def set(self, *users, top_n=5, version=VERSION, budget_ms=BUDGET, ids=(7, 8), known=True):
        return self("set", users=users, top_n=top_n, version=version, budget_ms=budget_ms,
                    list=json.dumps(ids, separators=(",", ":")), count=len(ids), known=known)

    def counts(self):
        return self("counts")

    def freeze(self, ms=3600 * 1000):
        self("shift_clock", ms=ms)

    def log(self):
        self.log_file.seek(0)
        return self.log_file.read()

    def events(self, event):
        return [line for line in map(json.loads, self.log().splitlines()) if line["event"] == event]

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        status = self.process.wait(timeout=60)
        log = self.log()
        self.log_file.close()
        return status, log


class SessionCase(TrainCase):
    def setUp(self):
        super().setUp()
        self._programs = []

    def tearDown(self):
        try:
            for program in self._programs:
                status, log = program.end()
                self.assertEqual(0, status, log)
                for line in log.splitlines():
                    json.loads(line)
                self.assertNotIn(PASSWORD, log)
        finally:
            super().tearDown()

    def program(self, redis, opens=True, host="127.0.0.1", **variables):
        program = Program(self.environment(
            REDIS_ENABLED="true", REDIS_ENDPOINT=host, REDIS_PORT=str(redis.port),
            **{**PATIENT, **variables}))
        self._programs.append(program)
        response = program("open")
        self.assertEqual(opens, response["ok"], response)
        return program

    def assertFound(self, response, *indices, ids="[7,8]"):
        self.assertTrue(response["ok"], response)
        self.assertEqual({str(i) for i in indices}, set(response["found"]))
        for entry in response["found"].values():
            self.assertEqual(ids, entry["list"])

    def assertNothing(self, response):
        self.assertFalse(response["ok"], response)
        self.assertEqual({}, response["found"])


class Use(SessionCase):
    def test_stored_lists_are_found(self):
        redis = RealRedis(self)
        program = self.program(redis)
        self.assertFound(program.get("1", "2"))
        self.assertTrue(program.set("2")["ok"])
        self.assertFound(program.get("1", "2", "3"), 1)
        self.assertFound(program.get("2", top_n=6))
        counts = program.counts()
        self.assertEqual((1, 5, 0, 1, 0, 0, 1), tuple(counts[name] for name in (
            "hits", "misses", "skipped", "stored", "not_stored", "errors", "connections")))
        self.assertEqual("", program.log())

    def test_a_name_is_looked_up_and_each_of_its_addresses_tried(self):
        """§6.9: localhost is ::1 and 127.0.0.1 where there is IPv6; Redis is at the latter."""
        redis = RealRedis(self)
        program = self.program(redis, host="localhost")
        self.assertFound(program.get("1"))
        self.assertEqual(1, program.counts()["connections"])

    def test_keys_have_the_models_version_and_values_expire(self):
        """Checklist 87: up to a tenth sooner or later, unknown users far sooner; in one
        command (§6.10)."""
        redis = RealRedis(self)
        program = self.program(redis, CACHE_TTL="5000", CACHE_UNKNOWN_TTL="100")
        users = [str(u) for u in range(60)]
        program.set(*users)
        program.set("unknown_user", known=False)
        self.assertFound(program.get("1", version="another"))
        keys = redis.keys()
        self.assertEqual(61, len(keys))
        lives = set()
        for key in keys:
            self.assertRegex(key, rf"^rec:user:\w+:top5:v3:{VERSION}$")
            lives.add(redis.command("TTL", key))
        unknown = redis.command("TTL", f"rec:user:unknown_user:top5:v3:{VERSION}")
        self.assertTrue(85 <= unknown <= 110, unknown)
        lives.discard(unknown)
        self.assertTrue(4400 <= min(lives) and max(lives) <= 5500, lives)
        self.assertGreater(len(lives), 10)
        self.assertEqual((61, 0), (redis.calls("set"), redis.calls("expire")))

    def test_one_command_looks_up_many(self):
        """The keys of a batch are one MGET; over a hundred are a few."""
        redis = RealRedis(self)
        program = self.program(redis)
        users = [str(u) for u in range(100)]
        program.set(*users[::2])
        before = redis.calls("mget")
        self.assertFound(program.get(*users), *range(0, 100, 2))
        self.assertEqual(before + 1, redis.calls("mget"))

    def test_ten_thousand_users(self):
        redis = RealRedis(self)
        program = self.program(redis)
        users = [f"user {u}" for u in range(10000)]
        self.assertEqual(10000, program.set(*users)["given"])
        self.assertFound(program.get(*users), *range(10000))
        counts = program.counts()
        self.assertEqual((10000, 10000, 0), (counts["hits"], counts["stored"], counts["errors"]))

    def test_foreign_values_under_the_key_are_a_miss(self):
        redis = RealRedis(self)
        program = self.program(redis)
        program.set("1", "2")
        good = redis.command("GET", f"rec:user:2:top5:v3:{VERSION}")
        for n, bad in enumerate((b"", b"[7,8]", good, good[:-1], good + b" ", good.upper(),
                                 b"\x00" * 1000, b"x" * 70000)):
            redis.command("SET", f"rec:user:1:top5:v3:{VERSION}", bad)
            self.assertFound(program.get("1", "2"), 1)
            self.assertEqual(n + 1, program.counts()["errors"])
        redis.command("DEL", f"rec:user:1:top5:v3:{VERSION}")
        redis.command("LPUSH", f"rec:user:1:top5:v3:{VERSION}", "7")
        self.assertFound(program.get("1", "2"), 1)


class Auth(SessionCase):
    def test_a_password_or_a_user_and_a_password_come_first(self):
        """§6.3: also on the next connection."""
        redis = RealRedis(self, "--requirepass", PASSWORD, "--user", "app", "on", ">" + "other",
                          "~rec:*", "-@all", "+mget", "+set", password=PASSWORD)
        file = self.folder / "password"
        file.write_text("other\n")
        for variables in ({"REDIS_PASSWORD": PASSWORD},
                          {"REDIS_USERNAME": "app", "REDIS_PASSWORD": "other"},
                          {"REDIS_USERNAME": "app", "REDIS_PASSWORD_FILE": str(file)}):
            program = self.program(redis, **variables)
            program.set("1")
            self.assertFound(program.get("1"), 0)
            redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            self.assertFound(program.get("1"), 0)
            self.assertEqual(2, program.counts()["connections"])
            self.assertIn("as it is", program.events("cache_in_clear")[0]["message"])

    def test_a_wrong_password_or_none_means_no_cache_and_one_warning(self):
        redis = RealRedis(self, "--requirepass", PASSWORD, password=PASSWORD)
        for variables, says in (({"REDIS_PASSWORD": "wrong"}, "WRONGPASS"), ({}, "NOAUTH")):
            program = self.program(redis, **variables)
            for _ in range(3):
                self.assertNothing(program.get("1"))
                self.assertEqual(0, program.set("1")["given"])
                program.freeze(1000)
            (line,) = program.events("cache_down")
            self.assertEqual("warning", line["level"])
            self.assertIn(says, line["message"])

    def test_a_password_that_changes_in_its_file_is_found(self):
        """Tokens are rotated."""
        redis = RealRedis(self, "--requirepass", PASSWORD, password=PASSWORD)
        file = self.folder / "password"
        file.write_text("old")
        program = self.program(redis, REDIS_PASSWORD_FILE=str(file))
        self.assertNothing(program.get("1"))
        file.write_text(PASSWORD)
        program.freeze(1000)
        self.assertFound(program.get("1"))
        self.assertEqual(1, len(program.events("cache_up")))


class Tls(SessionCase):
    def test_a_certificate_of_the_authority_for_the_host_is_trusted(self):
        certificate = Certificate(self.folder, "good", "DNS:localhost", "IP:127.0.0.1")
        redis = RealRedis(self, "--requirepass", PASSWORD, tls=certificate, password=PASSWORD)
        for host in ("localhost", "127.0.0.1"):
            program = self.program(redis, host=host, REDIS_TLS="true",
                                   REDIS_CA_FILE=str(certificate.pem), REDIS_PASSWORD=PASSWORD)
            users = [f"{host}-{u}" for u in range(500)]
            program.set(*users)
            self.assertFound(program.get(*users), *range(500))
            self.assertEqual("", program.log())

    def test_another_authority_or_host_means_no_cache_and_one_warning(self):
        """Checklist 88: and no password is sent."""
        good = Certificate(self.folder, "good", "DNS:localhost", "IP:127.0.0.1")
        other = Certificate(self.folder, "other", "DNS:localhost", "IP:127.0.0.1")
        elsewhere = Certificate(self.folder, "elsewhere", "DNS:elsewhere", "IP:127.0.0.2")
        for served, trusted, says in ((good, other, "self-signed|unable to get"),
                                      (good, None, "self-signed"),
                                      (elsewhere, elsewhere, "mismatch")):
            redis = RealRedis(self, "--requirepass", PASSWORD, tls=served, password=PASSWORD)
            for host in ("localhost", "127.0.0.1"):
                program = self.program(redis, host=host, REDIS_TLS="true", REDIS_PASSWORD=PASSWORD,
                                       REDIS_CA_FILE=str(trusted.pem) if trusted else "")
                for _ in range(3):
                    self.assertNothing(program.get("1"))
                    program.freeze(1000)
                (line,) = program.events("cache_down")
                self.assertRegex(line["message"], says)
            self.assertEqual(0, redis.calls("mget"))

    def test_tls_to_a_plain_server_and_the_other_way_round(self):
        plain = RealRedis(self)
        program = self.program(plain, REDIS_TLS="true", REDIS_CONNECT_MS="300")
        self.assertNothing(program.get("1"))  # Redis waits for the end of a line
        self.assertIn("no connection within 300 ms: the TLS handshake does not end",
                      program.events("cache_down")[0]["message"])
        fake = FakeRedis(self, nothing)
        program = self.program(fake, REDIS_TLS="true")
        fake.greeting = b"-ERR not here\r\n"
        self.assertNothing(program.get("1"))
        self.assertIn("TLS failed", program.events("cache_down")[0]["message"])
        tls = RealRedis(self, tls=Certificate(self.folder, "good", "IP:127.0.0.1"))
        program = self.program(tls)
        self.assertNothing(program.get("1"))
        self.assertEqual(1, len(program.events("cache_down")))


class Outages(SessionCase):
    def test_a_redis_that_is_down(self):
        """Checklist 84: refused, and a name that does not exist."""
        redis = RealRedis(self)
        redis.kill()
        program = self.program(redis)
        self.assertNothing(program.get("1"))
        self.assertEqual(0, program.set("1")["given"])
        self.assertIn("refused", program.events("cache_down")[0]["message"])
        program = self.program(redis, host="no-such-host.invalid")
        self.assertNothing(program.get("1"))
        self.assertIn("its name is not known", program.events("cache_down")[0]["message"])

    def test_after_a_failure_it_is_left_alone_for_a_while(self):
        """By the wall clock, because a function is frozen between events."""
        fake = FakeRedis(self, lambda connection, words: None)
        program = self.program(fake, REDIS_RETRY_MS="60000")
        for _ in range(5):
            self.assertNothing(program.get("1", "2"))
        self.assertEqual((1, 10), (len(fake.commands), program.counts()["skipped"]))
        program.freeze(59000)
        self.assertNothing(program.get("1"))
        self.assertEqual(1, len(fake.commands))
        program.freeze(1000)
        self.assertNothing(program.get("1"))
        self.assertEqual(2, len(fake.commands))
        program.freeze(-3600 * 1000)  # setting the clock back does not prolong it
        self.assertNothing(program.get("1"))
        self.assertEqual(3, len(fake.commands))
        self.assertEqual(1, len(program.events("cache_down")))

    def test_a_restart_between_two_events_costs_nothing(self):
        """Checklist 85, §6.8: the second event uses the cache again."""
        redis = RealRedis(self)
        program = self.program(redis, REDIS_RETRY_MS="60000")
        program.set("1")
        redis.kill()
        redis.start()
        self.assertTrue(program.set("2")["ok"])
        self.assertFound(program.get("1", "2"), 1)
        self.assertEqual("", program.log())
        self.assertEqual(2, program.counts()["connections"])

    def test_a_connection_that_died_in_a_freeze_is_opened_once_more(self):
        """§6.8, checklist 86: the first command on it fails, with a reset as with an end."""
        state = {"die": False}

        def respond(connection, words):
            if state["die"] and not is_probe(words):
                state["die"] = False
                return None
            return nothing(words)

        fake = FakeRedis(self, respond)
        program = self.program(fake, REDIS_RETRY_MS="60000")
        self.assertFound(program.get("1"))
        state["die"] = True
        self.assertFound(program.get("1"))
        program.freeze()
        fake.reset()
        self.assertFound(program.get("1"))
        self.assertEqual(3, program.counts()["connections"])
        self.assertEqual("", program.log())

    def test_a_server_that_closes_repeatedly_is_not_flooded(self):
        fake = FakeRedis(self, lambda connection, words: nothing(words) if is_probe(words) else None)
        program = self.program(fake, REDIS_RETRY_MS="60000")
        for _ in range(5):
            self.assertNothing(program.get("1"))
        self.assertEqual(2, sum(map(is_probe, fake.commands)))
        self.assertEqual(1, len(program.events("cache_down")))

    def test_a_redis_that_hangs_is_waited_for_within_the_budget(self):
        """Checklist 84: stopped by a signal, it still accepts connections. Later it is used
        again (85)."""
        redis = RealRedis(self)
        program = self.program(redis, REDIS_COMMAND_MS="50", REDIS_CONNECT_MS="100")
        if not eventually(lambda: program.set("1")["ok"] and program.counts()["stored"], "a set"):
            self.fail("nothing stored")
        redis.pause()
        for _ in range(3):
            self.assertNothing(program.get("1"))
            program.freeze(1000)
        self.assertEqual(1, len(program.events("cache_down")))
        redis.resume()

        def found():
            program.freeze(1000)
            return program.get("1")["found"]

        eventually(found, "the cache in use")
        self.assertGreaterEqual(len(program.events("cache_up")), 1)

    def test_the_budget_of_a_call_ends_it(self):
        """Checklist 84: a response that does not come as long as the test runs."""
        stop = threading.Event()
        self.addCleanup(stop.set)

        def respond(connection, words):
            if not is_probe(words):
                stop.wait()
            return nothing(words)

        fake = FakeRedis(self, respond)
        program = self.program(fake)
        self.assertNothing(program.get("1", budget_ms=300))
        program.set("1", budget_ms=300)
        self.assertNothing(program.get("1", budget_ms=300))

    def test_errors_and_garbage_mean_no_cache_and_one_warning(self):
        """Checklist 84, §6.7, §6.11: -LOADING, -NOAUTH, -MOVED and invalid responses."""
        for response, says in (
                (b"-LOADING Redis is loading the dataset in memory\r\n", "LOADING"),
                (b"-NOAUTH Authentication required.\r\n", "NOAUTH"),
                (b"-MOVED 3999 127.0.0.1:6381\r\n", "MOVED 3999"),
                (b"-MASTERDOWN Link with MASTER is down\r\n", "MASTERDOWN"),
                (b"HTTP/1.1 400 Bad Request\r\n\r\n", "Protocol error"),
                (b"*1000000000\r\n", "another length"),
                (b"*1\r\n$2000000000\r\n" + b"x" * 200000, "too long"),
                (b"$1\r\nx\r\n", "a single text"),
                (b"*1\r\n$-1\r\n" * 2, "no command"),
                (b"", "no reply within")):
            for at_greeting in (True, False):
                fake = FakeRedis(self, lambda connection, words: (
                    response if is_probe(words) is at_greeting else nothing(words)))
                patience = {} if response else {"REDIS_COMMAND_MS": "300", "REDIS_CONNECT_MS": "300"}
                program = self.program(fake, REDIS_RETRY_MS="60000", **patience)
                for _ in range(3):
                    self.assertEqual({}, program.get("1")["found"])
                lines = program.events("cache_down")
                self.assertEqual(1, len(lines), (response, program.log()))
                wanted = ("no connection within 300 ms: no reply to MGET" if not response and at_greeting
                          else says)
                self.assertIn(wanted, lines[0]["message"])
                self.assertLessEqual(len(fake.commands), 3)

    def test_the_step_that_hangs_is_named(self):
        """Redis' host is there and does not take the connection, or no AUTH."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            port = full.getsockname()[1]
            waiting = [socket.socket() for _ in range(4)]
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            fake = FakeRedis(self, lambda connection, words: b"")
            for at, says, more in ((port, "TCP does not connect", {}),
                                   (fake.port, "no reply to AUTH", {"REDIS_PASSWORD": PASSWORD})):
                program = self.program(SimpleNamespace(port=at), REDIS_CONNECT_MS="300", **more)
                self.assertNothing(program.get("1"))
                self.assertIn(f"no connection within 300 ms: {says}",
                              program.events("cache_down")[0]["message"])
            for one in waiting:
                one.close()

    def test_a_full_redis_is_read_from_still(self):
        """Checklist 84: OOM with noeviction; one log line, and storing resumes later."""
        redis = RealRedis(self, "--maxmemory-policy", "noeviction")
        program = self.program(redis)
        program.set("1")
        redis.command("CONFIG", "SET", "maxmemory", "1")
        for n in range(3):
            program.set("2", "3")
            self.assertFound(program.get("1", "2"), 0)
            program.freeze(1000)
        (line,) = program.events("cache_full")
        self.assertIn("OOM", line["message"])
        self.assertEqual([], program.events("cache_down"))
        self.assertEqual((1, 6), (program.counts()["stored"], program.counts()["not_stored"]))
        redis.command("CONFIG", "SET", "maxmemory", "0")
        program.set("2")
        self.assertFound(program.get("1", "2"), 0, 1)

    def test_errors_of_storing_alone_leave_the_connection(self):
        """Checklist 84, §6.11: one log line, nothing is stored for a while, reading continues."""
        for response in (b"-NOREPLICAS Not enough good replicas to write.", b"-MISCONF Redis is configured to save RDB",
                         b"-NOPERM this user has no permissions"):
            fake = FakeRedis(self, lambda connection, words, response=response: (
                response + b"\r\n" if words[0] == b"SET" else nothing(words)))
            program = self.program(fake, REDIS_RETRY_MS="60000")
            for _ in range(3):
                program.set("1", "2")
                self.assertFound(program.get("1"))
            (line,) = program.events("cache_full")
            self.assertIn(response[1:].decode(), line["message"])
            self.assertEqual([], program.events("cache_down"))
            self.assertEqual((1, 6), tuple(program.counts()[name] for name in ("connections", "not_stored")))
            self.assertEqual(1, len(fake.connections))
            self.assertLessEqual(sum(words[0] == b"SET" for words in fake.commands), 2)

    def test_after_a_failover_the_new_master_is_used(self):
        """§6.11: from the next event on."""
        master = RealRedis(self)
        replica = RealRedis(self, "--replicaof", f"127.0.0.1 {master.port}")
        name = MovingRedis(self, master)
        program = self.program(name)
        program.set("1")
        eventually(replica.keys, "a key at the replica")
        fail_over(master, replica)
        name.node = replica
        program.set("2")
        (line,) = program.events("cache_read_only")
        self.assertIn("READONLY", line["message"])
        program.freeze()
        program.set("2")
        self.assertFound(program.get("1", "2"), 0, 1)
        self.assertEqual(2, len(replica.keys()))
        self.assertEqual([], program.events("cache_down"))
        self.assertEqual((2, 2, 1), tuple(program.counts()[name] for name in (
            "connections", "stored", "not_stored")))

    def test_sigpipe_ends_nothing(self):
        """Checklist 86: Redis is killed repeatedly with commands pending."""
        redis = RealRedis(self)
        program = self.program(redis, REDIS_RETRY_MS="10")
        for _ in range(5):
            program.set(*[str(u) for u in range(100)])
            redis.kill()
            program.set(*[str(u) for u in range(100)])
            redis.start()
            program.freeze(1000)
        self.assertTrue(program.get("1")["ok"])


if __name__ == "__main__":
    unittest.main()
