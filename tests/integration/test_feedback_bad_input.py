"""Bad input on the stream of events, with the real `feedback` and Redis, and what it means for the next list of the
real `serve`: nothing is lost, and each kind has its sentence or its number in the log. What is no event at all is in
test_feedback.py."""

import json
import unittest

from behind_streams import aggregated
from feedback_case import ARRIVAL_MS, FeedbackCase, key_of, rated
from http_words import JSON
from models import trained
from ports import Port
from redis_peers import RealRedis, eventually
from serve_case import ServeCase

TOP = 10


class Refused(FeedbackCase):
    """Redis does not take it for now: the reason is told, and the records come again."""

    def assertComesAgain(self, f, sent, *words):
        event = f.send(sent)
        self.assertEqual("error", event.kind, event.response.body)
        for word in words:
            self.assertIn(word, event.json["errorMessage"])
        self.assertEqual(len(sent["Records"]), f.log("come_again")[-1]["records"])

    def test_cluster_mode_is_named(self):
        bus = Port()
        self._closers.append(bus)
        self.redis = RealRedis(self, "--cluster-enabled", "yes", "--cluster-port", bus.number)
        f = self.function()
        self.assertComesAgain(f, f.event(rated(7, 1, 1, 1), rated(8, 1, 1, 1)), "Redis in cluster mode cannot be used")

    def test_a_replica_takes_nothing_until_it_is_the_master(self):
        f = self.function()
        master = Port()  # nothing listens there
        self._closers.append(master)
        self.assertFine(f.invoke(rated(7, 1, 1, 1)))
        self.redis.command("REPLICAOF", "127.0.0.1", master.number)
        self.redis.command("CONFIG", "SET", "replica-serve-stale-data", "yes")
        sent = f.event(rated(7, 2, 2, 2))
        self.assertComesAgain(f, sent, "READONLY")
        self.redis.command("REPLICAOF", "NO", "ONE")
        eventually(lambda: f.send(sent).kind == "response", "a batch that Redis takes")
        self.assertEqual([("2", 2000, 2.0), ("1", 1000, 1.0)], self.events_of("7"))

    def test_a_deadline_that_is_over_when_the_event_comes(self):
        """The clock of the host went forward, or that of Lambda went back."""
        f = self.function()
        sent = f.event(rated(7, 1, 1, 1))
        event = f.send(sent, deadline_in=-3600.0)
        self.assertEqual(("error", "Runtime.DeadlinePassed"), (event.kind, event.json["errorType"]))
        self.assertRegex(event.json["errorMessage"], r"^the deadline passed 36\d+ ms before the event was received$")
        self.assertFine(f.send(sent))
        self.assertEqual([("1", 1000, 1.0)], self.events_of("7"))


class Clocks(FeedbackCase):
    def test_arrivals_that_go_back_end_in_the_same_profile_in_any_order(self):
        """Events without a time have that of their arrival."""
        seconds = (0, -3600, 10, -7200, 5)
        f = self.function()
        for order in (seconds, sorted(seconds), sorted(seconds, reverse=True)):
            with self.subTest(order=order):
                self.redis.command("FLUSHALL")
                for s in order:
                    f.arrival = (ARRIVAL_MS + 1000 * s) / 1000
                    self.assertFine(f.invoke(rated(7, s, 3), rated(7, "same", abs(s) % 7)))
                expected = [(str(s), ARRIVAL_MS + 1000 * s, 3.0) for s in sorted(seconds, reverse=True)]
                expected.insert(0, ("same", ARRIVAL_MS + 10000, 3.0))
                self.assertEqual(sorted(expected), sorted(self.events_of("7")))
                self.assertEqual([e[1] for e in expected], [e[1] for e in self.events_of("7")])

    def test_to_forget_when_the_clock_has_gone_back_takes_what_is_older_alone(self):
        f = self.function()
        self.assertFine(f.invoke(rated(7, "later", 3), rated(7, "earlier", 3, ARRIVAL_MS - 7200 * 1000)))
        f.arrival -= 3600
        self.assertFine(f.invoke({"user_id": 7, "event": "forget"}))
        self.assertEqual(["later"], [item for item, _, _ in self.events_of("7")])

    def test_a_time_of_the_future_does_not_stay_the_newest(self):
        f = self.function()
        self.assertFine(f.invoke(rated(7, "future", 3, 4102444800)))
        self.assertEqual(1, f.log("feedback")[0]["future_times"])
        f.arrival += 60
        self.assertFine(f.invoke(rated(7, "next", 3)))
        self.assertEqual(["next", "future"], [item for item, _, _ in self.events_of("7")])


class InLists(FeedbackCase, ServeCase):
    """What bad events mean for the next list."""

    def cached_server(self):
        server = self.serve(threads=1, env={
            "REDIS_ENABLED": "true", "REDIS_ENDPOINT": "127.0.0.1", "REDIS_PORT": str(self.redis.port),
            "REDIS_CONNECT_MS": "10000", "REDIS_COMMAND_MS": "10000", "REDIS_RETRY_MS": "50"})
        server.wait_for(lambda: server.metrics()("recommender_cache_connections") == 1, "a connection to Redis")
        return server

    def listed(self, server, user):
        """The user's next list, which must have been computed."""
        body = self.assertResponse(server.get(f"/recommend/cached/{user}?top_n={TOP}"), 200, JSON).json()
        self.assertIs(False, body["from_cache"], body)
        return body["recommendations"]

    def of_visitor(self, server, events):
        """The list of a visitor with these ratings: [(item, rating, time)]."""
        ratings = [{"movieId": str(item), "rating": rating, "timestamp": time} for item, rating, time in events]
        body = self.assertResponse(server.post(json.dumps({"ratings": ratings, "top_n": TOP}))).json()
        return [int(entry["movieId"]) for entry in body["recommendations"]]

    def test_users_of_255_bytes(self):
        server, f = self.cached_server(), self.function()
        users = ["u" * 255, "u" * 254 + "v"]
        popular = self.listed(server, users[0])
        self.assertFine(f.invoke(rated(users[0], popular[0], 5, 1500000000)))
        self.assertEqual(self.of_visitor(server, [(popular[0], 5, 1500000000)]), self.listed(server, users[0]))
        self.assertEqual(popular, self.listed(server, users[1]))

    def test_ratings_outside_of_the_scale_count_as_its_ends(self):
        server, f = self.cached_server(), self.function()
        low, high = trained().rating_min, trained().rating_max
        item = self.listed(server, 2)[3]
        for n, (wild, end) in enumerate(((1e9, high), (-1e9, low))):
            lists = []
            for user, rating in ((f"wild{n}", wild), (f"tame{n}", end)):
                self.assertFine(f.invoke(rated(user, item, rating, 1500000000)))
                lists.append(self.listed(server, user))
            self.assertEqual(*lists)
            self.assertEqual([(str(item), 1500000000000, float(wild))], self.events_of(f"wild{n}"), "kept as it came")
        self.assertEqual(2, server.metrics()("recommender_clipped_ratings_total"))
        server.wait_for_log("request", n=2, clipped_ratings=1)

    def test_ten_thousand_events_of_one_user_in_a_batch(self):
        server, f = self.cached_server(), self.function()
        items = trained().items
        events = [(items[n % 97] if n % 3 else f"unknown{n}", 0.5 * (1 + n % 10), 1500000000 + n) for n in range(10000)]
        self.assertFine(f.invoke(*(aggregated(*(rated("many", *event) for event in events[at:at + 500]))
                                   for at in range(0, 10000, 500))))
        kept = self.events_of("many")
        self.assertEqual(200, len(kept))
        self.assertEqual(10000, f.log("feedback")[0]["events"])
        newest = [(item, rating, time // 1000) for item, time, rating in reversed(kept) if not item.startswith("unknown")]
        self.assertTrue(0 < len(newest) < 200)
        self.assertEqual(self.of_visitor(server, newest), self.listed(server, "many"))
        n_unknown = len(kept) - len(newest)
        self.assertEqual(n_unknown, server.metrics()("recommender_unknown_items_total"))
        server.wait_for_log("request", unknown_items=n_unknown)

    def test_a_foreign_value_is_no_event_for_lists_and_is_replaced_by_the_next_event(self):
        server, f = self.cached_server(), self.function()
        plain = [server.get(f"/internal/recommend/{user}?top_n={TOP}").json()["recommendations"] for user in (2, 3)]
        self.redis.command("SET", key_of("2"), "somebody else's value")
        self.redis.command("RPUSH", key_of("3"), "no string")
        before, others = self.listed(server, 2), self.listed(server, 3)
        self.assertEqual(plain, [before, others])
        self.assertFine(f.invoke(rated(2, before[0], 5, 1500000000), rated(3, others[0], 5, 1500000000)))
        self.assertEqual(2, f.log("feedback")[0]["foreign_values"])
        self.assertNotIn(before[0], self.listed(server, 2))
        self.assertNotIn(others[0], self.listed(server, 3))
        self.assertEqual(b"fb1\n", self.redis.command("GET", key_of("3"))[16:20])


if __name__ == "__main__":
    unittest.main()
