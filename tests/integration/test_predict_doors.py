"""One contract, three doors: the same question gets the same answer from `serve` over HTTP,
from predict in front of it, and from predict with the model in its own process."""

import json
import unittest

from aws_peers import answer, failure
from models import trained
from predict_case import PredictCase
from serve_case import ServeCase


def round_to_tenths(rating):
    tenths = int(abs(rating) * 10 + 0.5)
    return f"{'-' if rating < 0 and tenths else ''}{tenths // 10}.{tenths % 10}"


class Doors(ServeCase):
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
        """InvokeEndpoint as SageMaker does it: what a container refuses is a ModelError."""
        def act(connection, request):
            said = server.post(request.body, request.header("Content-Type"),
                               headers=[("Accept", request.header("Accept"))])
            if said.status == 200:
                return answer(200, said.body, [("Content-Type", said.header("Content-Type"))])(
                    connection, request)
            return failure(424, "ModelError", Message="x", OriginalStatusCode=said.status,
                           OriginalMessage=said.body.decode())(connection, request)
        return act

    def questions(self):
        users, items = trained().users, trained().items
        for user, item in [row[:2] for row in trained().rows[:40]]:
            yield {"userId": user, "movieId": item}
        yield {"userId": int(users[0]), "movieId": int(items[0])}
        yield {"userId": "nobody", "movieId": items[0]}
        yield {"userId": users[0], "movieId": "nothing"}
        yield {"userId": "nobody", "movieId": "nothing"}
        yield {"userId": users[3], "top_n": 10}
        yield {"userId": users[3], "top_n": 1000, "include_rated": True}
        yield {"userId": "nobody", "top_n": 5}
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

    def test_two_functions_answer_byte_for_byte_what_serve_says(self):
        behind, own = self.functions
        for question in self.questions():
            a, b = behind.bare(question), own.bare(question)
            self.assertEqual(a, b)
            self.assertSays(self.server.post(question).json(), a, question)
            reply = own.post(question)
            self.assertEqual((200, a), (reply["statusCode"], reply["body"]))

    def title(self, item):
        return f"Movie {item}, The" if item in trained().items[::2] else None

    def assertSays(self, said, body, question):
        """body is what serve said, with titles."""
        ours = json.loads(body)
        for flag in ("known_user", "known_item"):
            self.assertEqual(said.get(flag, True), ours.get(flag, True), question)
        if "predicted_rating" in said:
            self.assertIn(f'"predicted_rating": {round_to_tenths(said["predicted_rating"])},', body)
            title = self.title(str(question["movieId"]))
            self.assertEqual(title, ours["movie_title"])
            self.assertEqual(title is not None, ours.get("known_movie", True))
            return
        name = "similar" if "similar" in question else "recommendations"
        self.assertEqual([e["movieId"] for e in said[name]], [e["movieId"] for e in ours[name]])
        for theirs, entry in zip(said[name], ours[name]):
            self.assertEqual(self.title(entry["movieId"]), entry["title"])
            self.assertEqual(["Drama", "Comedy"] if entry["title"] else [], entry["genres"])
            if name == "similar":
                self.assertAlmostEqual(theirs["similarity"], entry["similarity"], places=6)
            else:
                self.assertEqual(theirs["score"], entry["score"])
                self.assertEqual(float(round_to_tenths(theirs["predicted_rating"])),
                                 entry["predicted_rating"])

    def test_what_is_wrong_is_wrong_at_every_door_in_the_same_words(self):
        behind, own = self.functions
        for question in ({"userId": "1"}, {"movieId": "1"}, {"userId": None, "movieId": "1"},
                         {"userId": "", "movieId": "1"}, {"userId": "1", "item": "2"},
                         {"userId": "1", "top_n": 0}, {"userId": "1", "top_n": 1001},
                         {"userId": "1", "movieIds": []}, {"movieId": "1", "similar": "3"},
                         {"ratings": [{"rating": 1}], "top_n": 1},
                         {"userId": "1", "top_n": 1, "order": "best"},
                         {"userId": "1", "movieId": "2", "order": "rating"},
                         {"ratings": [{"movieId": "1", "rating": 1, "timestamp": "1"}], "top_n": 1},
                         "x", [], {}):
            said = self.server.post(question)
            self.assertEqual(400, said.status)
            bodies = {function.post(json.dumps(question))["body"] for function in self.functions}
            message, = {json.loads(body)["error"]["message"] for body in bodies}
            if isinstance(question, dict):
                self.assertEqual(said.message, message)
            self.assertEqual([], [r for r in behind.endpoint.requests])
        # Whether ratings are needed only the model knows.
        question = {"ratings": [{"movieId": "1"}], "top_n": 1}
        for function in self.functions:
            self.assertEqual("ratings[0]: rating is missing",
                             json.loads(function.post(json.dumps(question))["body"])["error"]["message"])
        self.assertEqual(1, len(behind.endpoint.requests))
        self.assertEqual("response", own.ask({"userId": "1", "movieId": "2"}).kind)


if __name__ == "__main__":
    unittest.main()
