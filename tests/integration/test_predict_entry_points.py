"""One contract, three entry points: the same request gets the same response from `serve` over
HTTP, from predict in front of it, and from predict with the model in its own process."""

import json
import unittest

from aws_peers import failure, respond
from models import described, trained
from predict_case import PredictCase
from serve_case import ServeCase


def round_to_tenths(rating):
    tenths = int(abs(rating) * 10 + 0.5)
    return f"{'-' if rating < 0 and tenths else ''}{tenths // 10}.{tenths % 10}"


class EntryPoints(ServeCase):
    def setUp(self):
        super().setUp()
        self.functions = []
        for _ in range(2):
            function = PredictCase()
            function.setUp()
            self.addCleanup(function.tearDown)
            function.movies.write_text("movieId,title,genres\n" + "".join(
                f'{item},"Movie {item}, The",Drama|Comedy\n' for item in trained().items[::2]))
            self.functions.append(function)
        behind, own = self.functions
        server = self.server
        behind.endpoint.otherwise = self.front(server)
        behind.start()
        own.start(ENDPOINT_NAME=None, MODEL_URI=str(trained().model_bin))

    def front(self, server):
        """InvokeEndpoint as in SageMaker: a client error of the container is a ModelError."""
        def act(connection, request):
            served = server.post(request.body, request.header("Content-Type"),
                                 headers=[("Accept", request.header("Accept"))])
            if served.status == 200:
                return respond(200, served.body, [("Content-Type", served.header("Content-Type"))])(
                    connection, request)
            return failure(424, "ModelError", Message="x", OriginalStatusCode=served.status,
                           OriginalMessage=served.body.decode())(connection, request)
        return act

    def requests(self):
        users, items = trained().users, trained().items
        for user, item in [row[:2] for row in trained().rows[:40]]:
            yield {"userId": user, "movieId": item}
        yield {"userId": int(users[0]), "movieId": int(items[0])}
        yield {"userId": "unknown-user", "movieId": items[0]}
        yield {"userId": users[0], "movieId": "nothing"}
        yield {"userId": "unknown-user", "movieId": "nothing"}
        yield {"userId": users[3], "top_n": 10}
        yield {"userId": users[3], "top_n": 1000, "include_rated": True}
        yield {"userId": "unknown-user", "top_n": 5}
        yield {"userId": users[5], "movieIds": [items[0], items[9], "nothing", int(items[3])]}
        yield {"userId": users[5], "movieIds": items, "top_n": 3}
        for order in ("rating", "popularity"):
            yield {"userId": users[5], "top_n": 5, "order": order}
            yield {"userId": users[5], "movieIds": ["nothing", items[0], items[9]], "order": order}
        yield {"movieId": items[4], "similar": 7}
        yield {"movieId": "nothing", "similar": 7}
        rated = [{"movieId": item, "rating": 1 + n * 0.37} for n, item in enumerate(items[:9])]
        yield {"ratings": rated, "top_n": 4}
        yield {"ratings": rated, "movieId": items[20]}
        timed = [{**r, "timestamp": t} for r, t in zip(rated, (3, 1.5, None, -2, 964982703, 0, 0))]
        yield {"ratings": timed, "top_n": 4}

    def test_two_functions_have_the_same_bytes_and_the_values_of_serve(self):
        behind, own = self.functions
        for request in self.requests():
            a, b = behind.bare(request), own.bare(request)
            self.assertEqual(a, b)
            self.assertSays(self.server.post(request).json(), a, request)
            response = own.post(request)
            self.assertEqual((200, a), (response["statusCode"], response["body"]))

    def title(self, item):
        return f"Movie {item}, The" if item in trained().items[::2] else None

    def assertSays(self, served, body, request):
        """body is the response of serve, with titles."""
        ours = json.loads(body)
        for flag in ("known_user", "known_item"):
            self.assertEqual(served.get(flag, True), ours.get(flag, True), request)
        if "predicted_rating" in served:
            self.assertIn(f'"predicted_rating": {round_to_tenths(served["predicted_rating"])},', body)
            title = self.title(str(request["movieId"]))
            self.assertEqual(title, ours["movie_title"])
            self.assertEqual(title is not None, ours.get("known_movie", True))
            return
        name = "similar" if "similar" in request else "recommendations"
        self.assertEqual([e["movieId"] for e in served[name]], [e["movieId"] for e in ours[name]])
        for theirs, entry in zip(served[name], ours[name]):
            self.assertEqual(self.title(entry["movieId"]), entry["title"])
            self.assertEqual(["Drama", "Comedy"] if entry["title"] else [], entry["genres"])
            if name == "similar":
                self.assertAlmostEqual(theirs["similarity"], entry["similarity"], places=6)
            else:
                self.assertEqual(theirs["score"], entry["score"])
                self.assertEqual(float(round_to_tenths(theirs["predicted_rating"])),
                                 entry["predicted_rating"])

    def test_errors_have_the_same_text_at_every_entry_point(self):
        behind, own = self.functions
        for request in ({"userId": "1"}, {"movieId": "1"}, {"userId": None, "movieId": "1"},
                        {"userId": "", "movieId": "1"}, {"userId": "1", "thing": "2"},
                        {"userId": "1", "top_n": 0}, {"userId": "1", "top_n": 1001},
                        {"userId": "1", "movieIds": []}, {"movieId": "1", "similar": "3"},
                        {"ratings": [{"rating": 1}], "top_n": 1},
                        {"userId": "1", "top_n": 1, "order": "best"},
                        {"userId": "1", "movieId": "2", "order": "rating"},
                        {"ratings": [{"movieId": "1", "rating": 1, "timestamp": "1"}], "top_n": 1},
                        "x", [], {}):
            served = self.server.post(request)
            self.assertEqual(400, served.status)
            bodies = {function.post(json.dumps(request))["body"] for function in self.functions}
            message, = {json.loads(body)["error"]["message"] for body in bodies}
            if isinstance(request, dict):
                self.assertEqual(served.message, message)
            self.assertEqual([], [r for r in behind.endpoint.requests])
        # Whether ratings are needed depends on the model.
        request = {"ratings": [{"movieId": "1"}], "top_n": 1}
        for function in self.functions:
            self.assertEqual("ratings[0]: rating is missing",
                             json.loads(function.post(json.dumps(request))["body"])["error"]["message"])
        self.assertEqual(1, len(behind.endpoint.requests))
        self.assertEqual("response", own.invoke({"userId": "1", "movieId": "2"}).kind)


class Steered(ServeCase):
    """A model with a file of items, requests with where, exclude, explain, …; no file of movies."""

    def requests(self):
        users, items = trained().users, trained().items
        yield {"user_id": users[0], "item_id": items[0], "with": ["title", "genres", "year"]}
        yield {"item_id": items[0], "similar": 5, "with": ["year"]}
        rated = [{"product_id": item, "rating": 5 - n % 2} for n, item in enumerate(items[:5])]
        for who in ({"userId": users[3]}, {"user": users[4]}, {"ratings": rated}, {"userId": "unknown"},
                    {"userIds": users[:3], "blend": "least_misery"}):
            yield {**who, "top_n": 5, "where": {"genres": {"any": ["Comedy"]}, "year": {"from": 1993}}}
            yield {**who, "limit": 5, "offset": 3, "exclude": [*items[:4], "nothing"], "diversity": 0.4}
            yield {**who, "top_n": 6, "max_per": {"genres": 3}, "with": ["title"]}
            yield {**who, "item_ids": items[5:9], "include_rated": True, "order": "popularity"}
        yield {"userId": users[3], "top_n": 4, "explain": 2}
        yield {"ratings": rated, "top_n": 4, "explain": 3}
        yield {"userId": "unknown", "top_n": 2, "explain": 1}

    def test_serve_and_the_function_list_the_same(self):
        server, function = self.serve(self.tree(described())), PredictCase()
        function.setUp()
        self.addCleanup(function.tearDown)
        function.start(ENDPOINT_NAME=None, MOVIES_URI=None, MODEL_URI=str(described().model_bin))
        for request in self.requests():
            served = server.post(request)
            self.assertEqual(200, served.status, (request, served.body))
            self.assertEqual(rounded(served.json()), json.loads(function.bare(request)), request)
        for request in ({"userId": "1", "top_n": 1, "where": {"genres": "Comedie"}},
                        {"userId": "1", "top_n": 1, "with": ["titel"]},
                        {"userId": "1", "top_n": 1, "in": "in-stock"},
                        {"userId": "1", "top_n": 1, "diversity": 2}):
            served = server.post(request)
            self.assertEqual(400, served.status)
            error = json.loads(function.post(request)["body"])["error"]
            self.assertEqual(served.message, error["message"])
        self.assertIn("audience", function.assertError(
            400, "bad_request", function.post({"itemId": "1", "audience": 3})))


def rounded(response):
    """A response of serve with ratings of one decimal, as the function has them."""
    for entry in [response, *response.get("recommendations", [])]:
        if entry.get("predicted_rating") is not None:
            entry["predicted_rating"] = float(round_to_tenths(entry["predicted_rating"]))
    return response


if __name__ == "__main__":
    unittest.main()
