"""What a rating on the stream changes: the next GET /recommend/cached of its user, with the real `feedback`,
`serve` and Redis."""

import json

from feedback_case import FeedbackCase, rated
from http_words import JSON
from serve_case import ServeCase

PATIENT = {"REDIS_CONNECT_MS": "10000", "REDIS_COMMAND_MS": "10000", "REDIS_RETRY_MS": "50"}
TOP = 10


class Lists(FeedbackCase, ServeCase):
    def cached_server(self):
        server = self.serve(threads=1, env={"REDIS_ENABLED": "true", "REDIS_ENDPOINT": "127.0.0.1",
                                            "REDIS_PORT": str(self.redis.port), **PATIENT})
        server.wait_for(lambda: server.metrics()("recommender_cache_connections") == 1,
                        "a connection to Redis")
        return server

    def listed(self, server, user, from_cache):
        body = self.assertResponse(server.get(f"/recommend/cached/{user}?top_n={TOP}"), 200, JSON).json()
        self.assertIs(from_cache, body["from_cache"], body)
        if not from_cache:
            self.stores = getattr(self, "stores", 0) + 1
            server.wait_for(lambda: server.metrics()("recommender_cache_stored_total") == self.stores,
                            "the list is stored")
        return body["recommendations"]

    def test_the_next_list_knows_an_event(self):
        server, f = self.cached_server(), self.function()
        before = self.listed(server, 2, False)
        self.assertEqual(before, self.listed(server, 2, True))
        self.assertFine(f.invoke(rated(2, before[0], 5, 1500000000)))
        after = self.listed(server, 2, False)
        self.assertNotIn(before[0], after)
        self.assertNotEqual(before[1:], after[:-1])  # the event moves the others, too
        self.assertEqual(after, self.listed(server, 2, True))
        # An event of an item that the model does not know, and one that is older, change what is kept alone.
        self.assertFine(f.invoke(rated(2, "unknown", 5, 1500000001), rated(2, before[0], 1, 1400000000)))
        self.assertEqual(after, self.listed(server, 2, False))
        self.assertFine(f.invoke({"user_id": 2, "event": "forget"}))
        self.assertEqual(before, self.listed(server, 2, False))

    def test_an_unknown_user_with_events_is_a_visitor(self):
        server, f = self.cached_server(), self.function()
        popular = self.listed(server, "new", False)
        events = [(popular[0], 5.0, 1500000000), (popular[3], 4.0, 1500000005), (popular[7], 1.0, 1500000009)]
        self.assertFine(f.invoke(*(rated("new", *event) for event in events)))
        ratings = [{"movieId": item, "rating": rating, "timestamp": time} for item, rating, time in events]
        visitor = self.assertResponse(server.post(json.dumps({"ratings": ratings, "top_n": TOP}))).json()
        after = self.listed(server, "new", False)
        self.assertEqual([int(entry["movieId"]) for entry in visitor["recommendations"]], after)
        self.assertNotEqual(popular, after)

    def test_without_redis_lists_are_those_of_the_model(self):
        server, f = self.cached_server(), self.function()
        before = self.listed(server, 3, False)
        self.assertFine(f.invoke(rated(3, before[0], 5, 1500000000)))
        self.assertNotEqual(before, self.listed(server, 3, False))
        self.redis.kill()
        server.wait_for(lambda: server.metrics()("recommender_cache_connections") == 0, "Redis is gone")
        body = self.assertResponse(server.get(f"/recommend/cached/3?top_n={TOP}"), 200, JSON).json()
        self.assertEqual(before, body["recommendations"])


if __name__ == "__main__":
    import unittest
    unittest.main()
