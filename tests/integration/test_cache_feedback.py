"""Users' events in the real Redis (src/cache/feedback.h): writers side by side, foreign values, no
memory, a cluster, lost scripts, a Redis that is killed."""

import threading

from ports import Port
from redis_peers import RealRedis, eventually
from test_cache_session import BUDGET, SessionCase

KEY = "fb:user:7"


class FeedbackCase(SessionCase):
    def merge(self, program, *events, user="7", most=200, ttl=600, **members):
        return program("merge", user=user, events=list(events), most=most, ttl=ttl,
                       budget_ms=BUDGET, **members)

    def assertMerged(self, response, state="written"):
        self.assertEqual((True, state), (response["ok"], response["state"]), response)

    def events_of(self, program, *users):
        response = program("events", users=users or ["7"], budget_ms=BUDGET)
        self.assertTrue(response["ok"], response)
        return [response["found"].get(str(i), {}).get("events") for i in range(len(users) or 1)]


class Writers(FeedbackCase):
    def test_events_are_merged_newest_first_and_expire(self):
        redis = RealRedis(self)
        program = self.program(redis)
        self.assertEqual([None], self.events_of(program))
        self.assertMerged(self.merge(program, ["318", 1000, 4.5], ["858", 3000, None]))
        self.assertMerged(self.merge(program, ["318", 2000, 2], ["593", 1500, 3]))
        self.assertEqual([None, [["858", 3000, None], ["318", 2000, 2.0], ["593", 1500, 3.0]]],
                         self.events_of(program, "8", "7"))
        self.assertTrue(590 <= redis.command("TTL", KEY) <= 600)
        self.assertTrue(self.merge(program, ["318", 2000, 2])["same"])
        self.assertMerged(self.merge(program, forgotten_ms=3000))
        self.assertEqual([[]], self.events_of(program))
        self.assertTrue(self.merge(program, ["318", 2000, 2])["same"])

    def test_the_script_is_sent_once_and_then_named(self):
        redis = RealRedis(self)
        program = self.program(redis)
        for i in range(5):
            self.assertMerged(self.merge(program, [str(i), i, 1]))
        self.assertEqual((1, 4), (redis.calls("eval"), redis.calls("evalsha")))
        redis.command("SCRIPT", "FLUSH")
        self.assertIn("NOSCRIPT", self.merge(program, ["x", 1, 1])["reason"])
        self.assertMerged(self.merge(program, ["x", 1, 1]))
        self.assertEqual(6, len(self.events_of(program)[0]))

    def test_a_value_that_changed_since_it_was_read_is_not_replaced(self):
        redis = RealRedis(self)
        program = self.program(redis)
        self.assertMerged(self.merge(program, ["1", 1, 1]))
        self.assertEqual("changed", self.merge(program, ["2", 2, 2], head="0123456789abcdef")["state"])
        self.assertEqual([[["1", 1, 1.0]]], self.events_of(program))

    def test_writers_side_by_side_lose_nothing(self):
        redis = RealRedis(self)
        programs = [self.program(redis) for _ in range(4)]

        def write(w):
            for i in range(40):
                event = [f"{w}-{i}", 100 * i + w, 1]
                while self.merge(programs[w], event)["state"] == "changed":
                    pass

        threads = [threading.Thread(target=write, args=(w,)) for w in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expected = sorted(([f"{w}-{i}", 100 * i + w, 1.0] for w in range(4) for i in range(40)),
                          key=lambda event: -event[1])
        self.assertEqual([expected], self.events_of(programs[0]))

    def test_users_with_long_and_strange_ids_have_keys_of_their_own(self):
        redis = RealRedis(self)
        program = self.program(redis)
        users = ["x" * 255, ":" * 255, "{7}", "7", "é\\"]
        for user in users:
            self.assertMerged(self.merge(program, [f"item of {user[:2]}", 1, 1], user=user))
        self.assertEqual([[[f"item of {user[:2]}", 1, 1.0]] for user in users],
                         self.events_of(program, *users))
        self.assertEqual(5, len(redis.keys()))


class Faults(FeedbackCase):
    def test_foreign_values_are_replaced(self):
        redis = RealRedis(self)
        program = self.program(redis)
        self.merge(program, ["1", 1, 1])
        good = redis.command("GET", KEY)
        for bad in (b"", b"x", b"somebody else's value", good[:-1], good + b"x", b"x" * 70000):
            redis.command("SET", KEY, bad)
            self.assertMerged(self.merge(program, ["2", 2, 2]))
            self.assertEqual([[["2", 2, 2.0]]], self.events_of(program))
        self.assertEqual(6, program.counts()["errors"])
        redis.command("DEL", KEY)
        redis.command("LPUSH", KEY, "7")
        self.assertEqual([None], self.events_of(program))
        self.assertMerged(self.merge(program, ["2", 2, 2]), "replaced")
        self.assertEqual(good[16:20], redis.command("GET", KEY)[16:20])

    def test_a_full_redis_keeps_what_it_has(self):
        redis = RealRedis(self, "--maxmemory-policy", "noeviction")
        program = self.program(redis)
        self.assertMerged(self.merge(program, ["1", 1, 1]))
        redis.command("CONFIG", "SET", "maxmemory", "1")
        response = self.merge(program, ["2", 2, 2])
        self.assertEqual("failed", response["state"])
        self.assertIn("OOM", response["reason"])
        self.assertEqual([[["1", 1, 1.0]]], self.events_of(program))
        self.assertIn("OOM", program.events("cache_full")[0]["message"])
        redis.command("CONFIG", "SET", "maxmemory", "0")
        eventually(lambda: self.merge(program, ["2", 2, 2])["ok"], "a write")
        self.assertEqual(2, len(self.events_of(program)[0]))

    def test_cluster_mode_is_named(self):
        bus = Port()
        self._closers.append(bus)
        redis = RealRedis(self, "--cluster-enabled", "yes", "--cluster-port", bus.number)
        program = self.program(redis)
        response = self.merge(program, ["1", 1, 1])
        self.assertFalse(response["ok"])
        self.assertIn("cluster mode cannot be used", response["reason"])
        self.assertIn("cluster mode cannot be used", program.events("cache_down")[0]["message"])

    def test_a_user_who_may_not_run_scripts(self):
        redis = RealRedis(self, "--user", "app", "on", ">secret", "~rec:*", "~fb:*", "-@all", "+mget")
        program = self.program(redis, REDIS_USERNAME="app", REDIS_PASSWORD="secret")
        response = self.merge(program, ["1", 1, 1])
        self.assertEqual("failed", response["state"])
        self.assertIn("NOPERM", response["reason"])
        redis.command("ACL", "SETUSER", "app", "+eval", "+evalsha", "+getrange", "+set")
        eventually(lambda: self.merge(program, ["1", 1, 1])["ok"], "a write")

    def test_what_redis_took_is_there_after_it_was_killed(self):
        redis = RealRedis(self, "--appendonly", "yes", "--appendfsync", "always")
        program = self.program(redis)
        for i in range(20):
            self.assertMerged(self.merge(program, [str(i), i, 1]))
        redis.kill()
        self.assertFalse(self.merge(program, ["x", 99, 1])["ok"])
        redis.start()
        eventually(lambda: self.merge(program, ["y", 100, 1])["ok"], "a write")
        self.assertEqual(["y", *map(str, range(19, -1, -1))],
                         [item for item, _, _ in self.events_of(program)[0]])
