"""A catalogue whose factors are over 16 MiB: lists are computed in steps, and concurrent ones equal
each one computed alone (promises of recommend/recommender.h and serve/listing.h)."""

import json
import random
import unittest

from http_client import message
from http_words import JSON
from models import trained
from redis_peers import RealRedis
from serve_case import ServeCase

N_USERS, N_ITEMS, N_FACTORS, TOP_N = 24, 1100, 4096, 15


def catalogue():
    r = random.Random(5)
    rows = tuple((str(1 + n % N_USERS), str(1000 + n % N_ITEMS), str(r.randrange(1, 6)), "0")
                 for n in range(3 * N_ITEMS))
    return trained(n_factors=N_FACTORS, n_epochs=1, rows=rows)


class Catalogue(ServeCase):
    def setUp(self):
        super().setUp()
        self.job = catalogue()

    def lists(self, server):
        """Each user's list by predicted rating, requested alone. Checks that its ratings are those
        of the pairs, best first, and that no better item is missing."""
        lists = {}
        for user in self.job.users:
            request = {"userId": user, "top_n": TOP_N, "order": "rating"}
            found = self.assertResponse(server.post(request), 200, JSON).json()["recommendations"]
            rest = [i for i in self.job.items if i not in self.job.rated[user]]
            pairs = [{"userId": user, "movieId": item} for item in rest]
            ratings = {item: p["predicted_rating"] for item, p in zip(rest, server.post(
                {"instances": pairs}).json()["predictions"])}
            self.assertEqual([ratings[f["movieId"]] for f in found],
                             [f["predicted_rating"] for f in found])
            self.assertEqual(sorted(ratings.values(), reverse=True)[:TOP_N],
                             [f["predicted_rating"] for f in found])
            lists[user] = found
        return lists

    def side_by_side(self, server, requests):
        """The responses to requests of a connection each, sent before the first is read, with
        short requests between them."""
        clients = [server.connect() for _ in requests]
        self.addCleanup(lambda: [client.close() for client in clients])
        for client, request in zip(clients, requests):
            client.send(request)
        self.assertEqual(200, server.ping().status)
        return [self.assertResponse(client.read(), 200, JSON).json() for client in clients]

    def test_many_concurrent_lists_equal_each_one_alone(self):
        server = self.serve(threads=1, model=self.job, env={"SERVE_INDEX_BYTES": "0"})
        self.assertEqual(0, server.wait_for_log("model")["index_bytes"])
        lists = self.lists(server)
        users = self.job.users
        bodies = [json.dumps({"userId": user, "top_n": TOP_N, "order": "rating"}).encode()
                  for user in users]
        responses = self.side_by_side(server, [message("POST", "/invocations", b) for b in bodies])
        self.assertEqual([lists[user] for user in users], [a["recommendations"] for a in responses])
        batch = json.dumps({"instances": [json.loads(b) for b in bodies]}).encode()
        for response in self.side_by_side(server, [message("POST", "/invocations", batch)] * 3):
            self.assertEqual([lists[u] for u in users],
                             [a["recommendations"] for a in response["predictions"]])
        similar = [message("POST", "/invocations", json.dumps({"movieId": i, "similar": 5}).encode())
                   for i in self.job.items[:20]]
        self.assertEqual([server.post({"movieId": i, "similar": 5}).json()
                          for i in self.job.items[:20]], self.side_by_side(server, similar))
        by_default = {user: server.post({"userId": user, "top_n": TOP_N}).json()["recommendations"]
                      for user in users}
        for route in ("/internal/recommend", "/recommend/cached"):
            requests = [message("GET", f"{route}/{user}?top_n={TOP_N}") for user in users]
            for user, response in zip(users, self.side_by_side(server, requests)):
                self.assertEqual([f["movieId"] for f in by_default[user]],
                                 [str(i) for i in response["recommendations"]])
        server.wait_for(lambda: server.metrics()("recommender_http_requests_working") == 0, "no work")

    def test_many_lists_that_redis_does_not_have(self):
        """Several clients request each of them, and some close before it is computed."""
        redis = RealRedis(self)
        server = self.serve(threads=1, model=self.job, env={
            "REDIS_ENABLED": "true", "REDIS_ENDPOINT": "127.0.0.1",
            "REDIS_PORT": str(redis.port), "REDIS_CONNECT_MS": "10000",
            "REDIS_COMMAND_MS": "10000"})
        server.wait_for(lambda: server.metrics()("recommender_cache_connections") == 1, "Redis")
        users = self.job.users
        expected = {u: server.get(f"/internal/recommend/{u}?top_n={TOP_N}").json() for u in users}
        requests = [message("GET", f"/recommend/cached/{user}?top_n={TOP_N}") for user in users]
        for request in requests[:8]:
            client = server.connect()
            client.send(request)
            client.reset()
        for cached in (None, True):
            responses = self.side_by_side(server, requests * 3)
            for user, response in zip(users * 3, responses):
                self.assertEqual(expected[user], {k: response[k] for k in expected[user]})
                self.assertIn(response["from_cache"], (True, False) if cached is None else (True,))


if __name__ == "__main__":
    unittest.main()
