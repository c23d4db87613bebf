"""What a rating on the stream changes: the next list of its user from every entry point, with the real functions,
`serve` and Redis."""

import json

from aws_peers import endpoint_before
from behind_streams import Function
from feedback_case import FeedbackCase, rated
from http_words import JSON
from models import trained
from programs import BIN
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


class EveryEntryPoint(FeedbackCase, ServeCase):
    """The lists of user 2, of a user of the model without events, and of an unknown user with events."""
    USERS = (2, 3, "new")

    def setUp(self):
        super().setUp()
        self.plain = self.serve(threads=1)  # without Redis
        self.before = {user: self.computed(self.plain, user) for user in self.USERS}
        popular = self.before["new"]
        events = [rated(2, self.before[2][0], 5, 1500000000), rated(2, self.before[2][4], None, 1500000001)]
        events += [rated("new", *event) for event in (
            (popular[0], 4.0, 1500000000), (popular[3], 9, 1500000005), (popular[7], None, 1500000009))]
        self.assertFine(self.function().invoke(*events))
        self.redis_of = {"REDIS_ENABLED": "true", "REDIS_ENDPOINT": "127.0.0.1",
                         "REDIS_PORT": str(self.redis.port), **PATIENT}

    def computed(self, server, user, **more):
        query = "".join(f"&{name}={value}" for name, value in more.items())
        body = self.assertResponse(server.get(f"/internal/recommend/{user}?top_n={TOP}{query}"), 200, JSON).json()
        return body["recommendations"]

    def with_redis(self):
        server = self.serve(threads=1, env=self.redis_of)
        server.wait_for(lambda: server.metrics()("recommender_cache_connections") == 1, "a connection to Redis")
        return server

    def other(self, program, **more):
        part = self.part(BIN / program)
        variables = {**self.variables(), "AWS_LAMBDA_FUNCTION_NAME": program, **self.redis_of, **more}
        return part, Function(self, part, part.start(**variables))

    def recommend(self, **more):
        return self.other("recommend", PREDICTIONS_STREAM_NAME="predictions", MODEL_VERSION_SECONDS="3600", **more)[1]

    def lists_of(self, f, batch, **more):
        """By user: the list, and whether it came from Redis."""
        before = len(self.stream.events("predictions"))
        self.assertFine(f.invoke(*({"user_id": user, "request_id": f"{user}-{batch}", "top_n": TOP, **more}
                                   for user in self.USERS)))
        results = self.stream.events("predictions")[before:]
        self.assertEqual(len(self.USERS), len(results))
        return ({r["user_id"]: r["recommendations"] for r in results},
                {r["user_id"]: r["from_cache"] for r in results})

    def test_serve_computes_with_the_events(self):
        server = self.with_redis()
        after = {user: self.computed(server, user) for user in self.USERS}
        self.assertEqual(self.before[3], after[3])
        self.assertNotIn(self.before[2][0], after[2])
        self.assertNotIn(self.before[2][4], after[2])
        self.assertNotEqual(self.before["new"], after["new"])
        cached = server.get(f"/recommend/cached/2?top_n={TOP}").json()
        self.assertEqual((after[2], False), (cached["recommendations"], cached["from_cache"]))
        # Steered lists too, with an event among the reasons.
        for path in ("internal/recommend", "recommend/cached"):
            body = self.assertResponse(server.get(f"/{path}/2?top_n={TOP}&explain=20"), 200, JSON).json()
            self.assertEqual(after[2], [int(entry["item_id"]) for entry in body["recommendations"]])
            reasons = {reason["item_id"] for entry in body["recommendations"] for reason in entry["because"]}
            self.assertIn(str(self.before[2][0]), reasons)
        self.assertEqual(after[2][2:], self.computed(server, 2, offset=2)[:-2])
        self.redis.kill()
        server.wait_for(lambda: server.metrics()("recommender_cache_connections") == 0, "Redis is gone")
        for user in self.USERS:
            self.assertEqual(self.before[user], self.computed(server, user))

    def test_recommend_computes_with_the_events_whatever_the_scorer(self):
        after = {user: self.computed(self.with_redis(), user) for user in self.USERS}
        peer = endpoint_before(self, self.plain)
        for more in ({"MODEL_URI": str(trained().model_bin)},
                     {"RECOMMEND_SERVICE_URL": f"http://127.0.0.1:{self.plain.port}"},
                     {"ENDPOINT_NAME": "e", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": peer.url}):
            with self.subTest(more):
                f = self.recommend(**more)
                for key in self.redis.keys():
                    if key.startswith("rec:"):
                        self.redis.command("DEL", key)
                n = self.redis.calls("mget")
                self.assertEqual((after, dict.fromkeys(self.USERS, False)), self.lists_of(f, "a"))
                # One for all users, besides that of a new connection, and with a model elsewhere one before
                # its version is known.
                self.assertEqual(2 if "MODEL_URI" in more else 3, self.redis.calls("mget") - n)
                n = self.redis.calls("mget")
                self.assertEqual((after, dict.fromkeys(self.USERS, True)), self.lists_of(f, "b"))
                # Steered lists have them too.
                steered, _ = self.lists_of(f, "c", offset=2)
                self.assertEqual({user: after[user][2:] for user in self.USERS},
                                 {user: steered[user][:-2] for user in self.USERS})
                self.assertEqual(2, self.redis.calls("mget") - n)
        self.assertEqual([], peer.complaints)

    def test_a_model_that_takes_no_events_gets_its_requests_without(self):
        few = self.serve(threads=1, env={"SERVE_MAX_FOLD_IN": "1"})
        f = self.recommend(RECOMMEND_SERVICE_URL=f"http://127.0.0.1:{few.port}", DEAD_LETTER_STREAM_NAME="dead")
        self.assertEqual(self.before, self.lists_of(f, "a")[0])
        self.assertEqual([], self.stream.events("dead"))
        peer = endpoint_before(self, few)
        part, _ = self.other("predict", ENDPOINT_NAME="e", AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME=peer.url)
        self.assertEqual(self.before[2], self.predicted(part, 2))
        self.assertEqual([True, False], ["ratings" in json.loads(seen.body) for seen in peer.requests])

    def predicted(self, part, user, **more):
        event = part.invoke({"userId": str(user), "top_n": TOP, **more})
        self.assertEqual("response", event.kind, event.response.body)
        return [int(entry["movieId"]) for entry in event.json["recommendations"]]

    def test_predict_knows_the_events(self):
        after = {user: self.computed(self.with_redis(), user) for user in self.USERS}
        peer = endpoint_before(self, self.plain)
        model = {"MODEL_URI": str(trained().model_bin)}
        for more in (model, {"ENDPOINT_NAME": "e", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": peer.url}):
            with self.subTest(more):
                part, _ = self.other("predict", **more)
                self.assertEqual(after, {user: self.predicted(part, user) for user in self.USERS})
                # An unknown user with events is a visitor; a request with ratings is about those.
                event = part.invoke({"userId": "new", "movieId": str(after["new"][0])})
                self.assertNotIn("known_user", event.json)
                rating = [{"movieId": str(self.before[3][0]), "rating": 5}]
                own = self.plain.post(json.dumps({"userId": "2", "top_n": TOP, "ratings": rating})).json()
                self.assertEqual([int(entry["movieId"]) for entry in own["recommendations"]],
                                 self.predicted(part, 2, ratings=rating))
        # Closed, lists are by predicted rating, and no events are looked up.
        n = self.redis.calls("mget")
        part, _ = self.other("predict", OUTSIDERS="closed", **model)
        listed = self.plain.post(json.dumps(
            {"userId": "2", "top_n": TOP, "include_rated": True, "order": "rating"})).json()["recommendations"]
        self.assertEqual([int(entry["movieId"]) for entry in listed], self.predicted(part, 2))
        rating = [{"movieId": "1", "rating": 5}]
        self.assertEqual("error", part.invoke({"userId": "2", "top_n": 3, "ratings": rating,
                                               "order": "ranking"}).kind)
        self.assertEqual(n, self.redis.calls("mget"))

    def test_without_redis_everything_is_as_it_was(self):
        self.redis.kill()
        f = self.recommend(MODEL_URI=str(trained().model_bin), REDIS_CONNECT_MS="300", REDIS_COMMAND_MS="200")
        self.assertEqual(self.before, self.lists_of(f, "a")[0])
        part, _ = self.other("predict", MODEL_URI=str(trained().model_bin), REDIS_CONNECT_MS="300")
        self.assertEqual(self.before[2], self.predicted(part, 2))


if __name__ == "__main__":
    import unittest
    unittest.main()
