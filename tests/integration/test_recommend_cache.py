"""recommend with a real Redis that works, is slow, full, down or untrusted, and with models
behind an endpoint or in its own process. The numbers are lines of the checklist in
docs/lambda.md."""

import json
import re
import threading
import time
import unittest

from aws_peers import Peer, endpoint_before, failure, respond
from lambda_case import KEYS, REGION
from models import place_model, trained
from recommend_case import RecommendCase, request
from redis_peers import Certificate, FakeRedis, RealRedis, eventually, slow

ENDPOINT = "movies-endpoint-7"
# On a busy machine Redis may need longer than the usual settings allow, and two batches may be
# so far apart that the function would request the model's version from serve again.
PATIENT = {"REDIS_CONNECT_MS": "10000", "REDIS_COMMAND_MS": "10000", "REDIS_RETRY_MS": "100",
           "MODEL_VERSION_SECONDS": "3600"}
SHORT = {"REDIS_CONNECT_MS": "300", "REDIS_COMMAND_MS": "200"}


class CacheCase(RecommendCase):
    def setUp(self):
        super().setUp()
        self._n_batches = 0

    def cached(self, port, **more):
        return self.function(**{**PATIENT, "REDIS_ENABLED": "true", "REDIS_ENDPOINT": "127.0.0.1",
                                "REDIS_PORT": str(port), **more})

    def batch(self, f, users, from_cache=None, **how):
        """Checks the recommendations for these users; returns the users whose list was cached."""
        self._n_batches += 1
        before = len(self.stream.events())
        self.assertFine(f.invoke(*(request(u, f"{u}-{self._n_batches}") for u in users), **how))
        events = self.stream.events()[before:]
        self.assertEqual([f"{u}-{self._n_batches}" for u in users],
                         [e["request_id"] for e in events])
        self.assertRecommendations(events)
        hits = [e["user_id"] for e in events if e["from_cache"]]
        if from_cache is not None:
            self.assertEqual(sorted(from_cache), sorted(hits))
        return hits


class Cache(CacheCase):
    def test_lists_are_cached_under_their_version_and_expire(self):
        """87"""
        redis = RealRedis(self)
        f = self.cached(redis.port, CACHE_TTL="100")
        users = list(range(1, 11))
        self.batch(f, users, from_cache=[])
        version = self.version()
        self.assertEqual(sorted(f"rec:user:{u}:top20:v3:{version}" for u in users), redis.keys())
        for key in redis.keys():
            self.assertIn(redis.command("TTL", key), range(80, 111))
        self.batch(f, users, from_cache=users)
        self.assertEqual((10, 0), (f.metrics()["CacheHits"], f.metrics()["CacheMisses"]))
        self.batch(f, [5, 11, 6], from_cache=[5, 6])
        self.assertFine(f.invoke(request(1, "other", top_n=3)))
        self.assertEqual(self.expected(1, 3), self.stream.events()[-1]["recommendations"])

    def test_only_lists_of_a_user_and_a_number_are_cached(self):
        redis = RealRedis(self)
        f = self.cached(redis.port)
        for n in range(2):
            self.assertFine(f.invoke(request(1, f"a{n}", item_id="1"), request(2, f"b{n}", exclude=["1"]),
                                     request(3, f"c{n}")))
        self.assertEqual({"a0": False, "b0": False, "c0": False, "a1": False, "b1": False, "c1": True},
                         {e["request_id"]: e["from_cache"] for e in self.stream.events()})

    def test_a_batch_is_one_command_to_redis(self):
        redis = RealRedis(self)
        f = self.cached(redis.port)
        self.batch(f, range(1, 41))
        before = redis.calls("mget")
        self.batch(f, range(1, 41), from_cache=range(1, 41))
        self.assertEqual(1, redis.calls("mget") - before)

    def test_functions_share_the_cache_with_each_other_and_with_serve(self):
        redis = RealRedis(self)
        self.batch(self.cached(redis.port), [1, 2], from_cache=[])
        # The first is computed, because the model's version comes with its response.
        self.batch(self.cached(redis.port), [3, 1, 2], from_cache=[1, 2])
        redis.command("FLUSHALL")
        model = self.cached(redis.port, MODEL_URI=str(trained().model_bin))
        self.batch(model, [4], from_cache=[])
        self.batch(self.cached(redis.port), [5, 4], from_cache=[4])

    def test_a_new_model_never_serves_the_old_ones_lists(self):
        """87"""
        redis = RealRedis(self)
        f = self.cached(redis.port, MODEL_VERSION_SECONDS="0")
        self.batch(f, [1, 2, 3], from_cache=[])
        # With 0 seconds each batch computes its first user.
        self.batch(f, [1, 2, 3], from_cache=[2, 3])
        old = self.version()
        before = [self.expected(u) for u in (1, 2, 3)]
        place_model(self.server.prefix / "model" / "model.bin", trained(seed=8))
        self.server.hang_up()
        self.server.wait_for(lambda: self.version() != old, "another model")
        self.assertNotEqual(before, [self.expected(u) for u in (1, 2, 3)])
        self.batch(f, [1, 2, 3], from_cache=[])
        self.batch(f, [1, 2, 3], from_cache=[2, 3])

    def test_without_redis_recommendations_are_right_and_in_time(self):
        """84"""
        users = [1, 2, 3]
        for port in (self.free_port(), 1):
            f = self.cached(port)
            for _ in range(2):
                self.batch(f, users, from_cache=[])
            self.assertGreater(len(f.log("cache_down")), 0)

    def test_a_silent_redis_costs_its_budget_and_no_more(self):
        """84"""
        # By the settings, or by an eighth of the function's remaining time.
        for patience in (SHORT, PATIENT):
            with self.subTest(patience):
                redis = RealRedis(self)
                f = self.cached(redis.port, **patience)
                self.batch(f, [1, 2])
                redis.pause()
                self.batch(f, [1, 2], from_cache=[], deadline_in=10.0)
                self.batch(f, [1, 2], from_cache=[], deadline_in=10.0)
                redis.resume()
                eventually(lambda f=f: self.batch(f, [1, 2]) == [1, 2], "the cache is used again")

    def test_the_settings_limit_the_wait_for_redis(self):
        redis = RealRedis(self)
        f = self.cached(redis.port)
        self.batch(f, [1, 2])
        redis.pause()
        resuming = threading.Timer(0.6, redis.resume)
        resuming.start()
        self.addCleanup(resuming.join)
        self.batch(f, [1, 2], from_cache=[1, 2])

    def test_the_latency_is_that_of_the_recommendations(self):
        """At least the time of Redis, at most the time of the batch."""
        redis = FakeRedis(self, slow(0.15))
        f = self.cached(redis.port)
        self.assertFine(f.invoke(request(1)))  # computed, to learn the model's version
        begin = time.monotonic()
        self.assertFine(f.invoke(request(2)))
        took = (time.monotonic() - begin) * 1000
        latency = self.stream.events()[-1]["latency_ms"]
        self.assertGreaterEqual(latency, 149)
        self.assertLessEqual(latency, took)
        self.assertGreaterEqual(f.metrics()["CacheLatency"], 149)
        self.assertGreaterEqual(f.metrics()["Latency"], latency)

    def test_a_redis_that_is_back_is_used_again(self):
        """85"""
        redis = RealRedis(self)
        f = self.cached(redis.port)
        self.batch(f, [1, 2])
        self.batch(f, [1, 2], from_cache=[1, 2])
        redis.kill()
        self.batch(f, [1, 2], from_cache=[])
        redis.start()
        eventually(lambda: self.batch(f, [1, 2]) == [1, 2], "the cache is used again")

    def test_a_redis_that_was_restarted_between_two_events_is_used_at_once(self):
        """85, 86"""
        redis = RealRedis(self)
        f = self.cached(redis.port)
        self.batch(f, [1, 2])
        redis.kill()
        redis.start()
        self.batch(f, [1, 2], from_cache=[])
        self.batch(f, [1, 2], from_cache=[1, 2])

    def test_a_full_redis_is_read_and_not_written(self):
        """84"""
        redis = RealRedis(self)
        f = self.cached(redis.port)
        self.batch(f, [1, 2])
        redis.command("CONFIG", "SET", "maxmemory", "1")
        self.batch(f, [1, 2, 3], from_cache=[1, 2])
        self.batch(f, [1, 2, 3], from_cache=[1, 2])

    def test_garbage_and_errors_of_redis_change_no_recommendations(self):
        """84"""
        for response in (b"-LOADING Redis is loading\r\n", b"-NOAUTH Authentication required.\r\n",
                         b"-OOM command not allowed\r\n", b"garbage\r\n", b"*1000000000\r\n", b"\0" * 99,
                         b"+OK\r\n", b"*-1\r\n", b"$-1\r\n", None):
            with self.subTest(response):
                fake = FakeRedis(self, lambda _connection, _words, response=response: response)
                f = self.cached(fake.port, **SHORT)
                self.batch(f, [1, 2], from_cache=[])
                self.batch(f, [1, 2], from_cache=[])

    def test_values_that_are_not_ours_are_misses(self):
        """84"""
        redis = RealRedis(self)
        f = self.cached(redis.port)
        self.batch(f, [1, 2, 3])
        for key in redis.keys():
            value = redis.command("GET", key)
            redis.command("SET", key, re.sub(rb"\d(?=\])", lambda m: b"%d" % (9 - int(m[0])), value))
        self.batch(f, [1, 2, 3], from_cache=[])
        self.batch(f, [1, 2, 3], from_cache=[1, 2, 3])

    def test_the_password_is_read_from_its_secret_and_again_when_it_was_rotated(self):
        first, second, arn = "fir5t-Pass", "sec0nd-Pass", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:c-Ab"
        redis = RealRedis(self, "--requirepass", first, password=first)
        secrets = Peer("secretsmanager", KEYS, REGION)
        self.addCleanup(secrets.close)
        secret = lambda text: respond(200, json.dumps({"ARN": arn, "SecretString": text}).encode())
        secrets.otherwise = secret(first)
        f = self.cached(redis.port, REDIS_PASSWORD=None, REDIS_PASSWORD_SECRET=arn,
                        AWS_ENDPOINT_URL_SECRETS_MANAGER=secrets.url)
        self.batch(f, [1, 2], from_cache=[])
        self.batch(f, [1, 2], from_cache=[1, 2])
        [read] = secrets.requests
        self.assertEqual(({"SecretId": arn}, "secretsmanager.GetSecretValue", "application/x-amz-json-1.1"),
                         (json.loads(read.body), read.header("x-amz-target"), read.header("content-type")))
        # Secrets that AWS rotates are JSON. Until the secret is there, lists are computed.
        secrets.otherwise = failure(400, "AccessDeniedException", message="not authorized")
        redis.command("CONFIG", "SET", "requirepass", second)
        redis.login = [second]
        redis.command("CLIENT", "KILL", "TYPE", "normal")
        eventually(lambda: self.batch(f, [1]) or f.log("no_redis_password"), "a secret that is denied")
        self.assertIn("AccessDeniedException", f.log("no_redis_password")[0]["message"])
        for wrong in ("", "[1]" * 2000, '{"user":"x"}'):
            secrets.will(secret(wrong))
        secrets.otherwise = secret(json.dumps({"username": "default", "password": second}))
        eventually(lambda: self.batch(f, [1, 2]) == [1, 2], "lists from the cache")
        self.assertIn("expected a text of 1 to 4096 bytes", f.log("no_redis_password")[-1]["message"])
        self.assertIn("WRONGPASS", f.log("cache_down")[0]["message"])
        self.assertEqual([], secrets.complaints)
        for word in (first, second):
            self.assertNotIn(word, f.run.text())

    def test_passwords_and_certificates(self):
        """88"""
        certificate = Certificate(self.folder, "redis", "IP:127.0.0.1")
        other = Certificate(self.folder, "other", "IP:127.0.0.1")
        redis = RealRedis(self, "--requirepass", "redisPass-word1", tls=certificate,
                          password="redisPass-word1")
        right = {"REDIS_TLS": "true", "REDIS_CA_FILE": str(certificate.pem),
                 "REDIS_PASSWORD": "redisPass-word1"}
        f = self.cached(redis.port, **right)
        self.batch(f, [1, 2])
        self.batch(f, [1, 2], from_cache=[1, 2])
        for wrong in ({"REDIS_CA_FILE": str(other.pem)}, {"REDIS_PASSWORD": "wrong"},
                      {"REDIS_TLS": "false", "REDIS_CA_FILE": None}):
            f = self.cached(redis.port, **{**right, **wrong})
            self.batch(f, [1, 2], from_cache=[])
            self.batch(f, [1, 2], from_cache=[])
            self.assertEqual(1, len(f.log("cache_down")), wrong)


class EntryPoints(RecommendCase):
    def through_endpoint(self, peer, **more):
        return self.function(ENDPOINT_NAME=ENDPOINT, AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME=peer.url,
                             **more)

    def test_three_entry_points_give_the_same_recommendations(self):
        peer = endpoint_before(self, self.server)
        functions = [self.function(), self.through_endpoint(peer),
                     self.function(MODEL_URI=str(trained().model_bin))]
        requests = [*(request(u) for u in trained().users[:30]), request("unknown-user"),
                    request(5, "few", top_n=2), request(6, "all", top_n=1000)]
        served = []
        for f in functions:
            self.stream.written.clear()
            self.assertFine(f.invoke(*requests))
            self.assertRecommendations([e for e in self.stream.events() if e["request_id"].startswith("r-")
                                        and e["user_id"] != "unknown-user"])
            served.append([(k, {n: v for n, v in e.items() if n != "latency_ms"})
                           for k, e in ((k, json.loads(d)) for _, k, d in self.stream.written)])
        self.assertEqual(33, len(served[0]))
        self.assertEqual(served[0], served[1])
        self.assertEqual(served[0], served[2])
        self.assertEqual([], peer.complaints)
        self.assertEqual({f"/endpoints/{ENDPOINT}/invocations"}, {r.target for r in peer.requests})

    def test_the_endpoint_throttles_and_its_container_refuses(self):
        """56, 57"""
        peer = endpoint_before(self, self.server)
        f = self.through_endpoint(peer, DEAD_LETTER_STREAM_NAME="dead", MAX_TOP_N="100000")
        peer.will(failure(400, "ThrottlingException", message=None),
                  failure(503, "ServiceUnavailable", Message="x"))
        self.assertFine(f.invoke(*(request(u) for u in range(1, 21))))
        self.assertRecommendations(self.stream.events())
        self.assertFine(f.invoke(request(1, "a"), request(2, "b", top_n=99999), request(3, "c")))
        self.assertEqual(["a", "c"], self.stream.ids()[-2:])
        self.assertEqual(1, len(self.stream.events("dead")))
        peer.will(failure(400, "ValidationError", Message="Endpoint not found"))
        self.assertEqual("error", f.invoke(request(1, "d")).kind)
        self.assertEqual([], peer.complaints)

    def test_a_newer_model_takes_the_place_of_the_one_in_process(self):
        path = self.folder / "model.bin"
        place_model(path)
        f = self.function(MODEL_URI=str(path), MODEL_REFRESH_SECONDS="1")
        self.assertFine(f.invoke(request(1)))
        old = self.stream.events()[0]["model_version"]
        self.assertEqual(self.version(), old)
        place_model(path, trained(seed=8))
        n = iter(range(100000))

        def is_newer():
            self.assertFine(f.invoke(request(1, f"n{next(n)}")))
            return self.stream.events()[-1]["model_version"] != old
        eventually(is_newer, "recommendations of the newer model")

    def test_models_come_from_s3(self):
        """48"""
        s3 = Peer("s3", KEYS, REGION)
        self.addCleanup(s3.close)
        s3.otherwise = respond(200, trained().model_bin.read_bytes(), [("ETag", '"1"')])
        f = self.function(MODEL_URI="s3://models/a b/model.bin", AWS_ENDPOINT_URL_S3=s3.url)
        self.assertFine(f.invoke(request(1), request(2)))
        self.assertRecommendations(self.stream.events())
        self.assertEqual(["/models/a%20b/model.bin"], [r.target for r in s3.requests])
        self.assertEqual([], s3.complaints)
        s3.otherwise = failure(404, "NoSuchKey")
        self.refused("s3://models/none", MODEL_URI="s3://models/none", AWS_ENDPOINT_URL_S3=s3.url)


if __name__ == "__main__":
    unittest.main()
