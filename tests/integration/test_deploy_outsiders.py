"""What callers of POST /predict can find out about the users of the training data: the attacks,
on the real function with the real model of data/, with OUTSIDERS open (they succeed) and closed
(they do not)."""

import csv as csv_reader
import json
import unittest

from models import trained
from predict_case import PredictCase
from programs import SOURCE

N_USERS, CHUNK = 40, 1000  # CHUNK: MAX_TOP_N


def rows_of_the_sample():
    with (SOURCE / "data" / "ratings.csv").open(newline="", encoding="utf-8") as file:
        reader = csv_reader.reader(file)
        next(reader)
        return tuple(tuple(row) for row in reader)


class Attacks(PredictCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = trained(rows=rows_of_the_sample())
        cls.users = cls.model.users[:N_USERS]

    def run_function(self, outsiders):
        for run in self.runs:
            if run.result is None:
                self.stop(run)
        self.start(ENDPOINT_NAME=None, MODEL_URI=str(self.model.model_bin), OUTSIDERS=outsiders, METRICS="false")

    def candidates(self, user, **more):
        """What the lists contain of the whole catalogue, in requests of a thousand candidates."""
        listed = []
        for at in range(0, len(self.model.items), CHUNK):
            some = self.model.items[at:at + CHUNK]
            reply = self.post({"userId": user, "movieIds": some, **more})
            self.assertEqual(200, reply["statusCode"], reply["body"][:200])
            listed += [entry["movieId"] for entry in json.loads(reply["body"])["recommendations"]]
        return listed

    def recovered(self, **more):
        """(what is left out of the lists, what of that is rated, what is rated)"""
        n_left_out = n_right = n_rated = 0
        for user in self.users:
            left_out = set(self.model.items) - set(self.candidates(user, **more))
            n_left_out += len(left_out)
            n_right += len(left_out & self.model.rated[user])
            n_rated += len(self.model.rated[user])
        return n_left_out, n_right, n_rated

    def test_open_lists_tell_all_that_a_user_has_rated(self):
        """So the attack is one."""
        self.run_function("open")
        n_left_out, n_right, n_rated = self.recovered(top_n=CHUNK)
        self.assertGreater(n_rated, 1000)
        self.assertEqual((n_rated, n_rated), (n_left_out, n_right))
        self.assertIs(False, json.loads(self.post({"userId": "nobody", "movieId": "1"})["body"])["known_user"])

    def test_closed_lists_tell_nothing_of_what_a_user_has_rated(self):
        self.run_function("closed")
        for more in ({"top_n": CHUNK}, {}, {"top_n": CHUNK, "order": "popularity"}, {"top_n": CHUNK, "order": "rating"}):
            n_left_out, n_right, n_rated = self.recovered(**more)
            self.assertGreater(n_rated, 1000)
            self.assertEqual((0, 0), (n_left_out, n_right), more)

    def test_closed_the_order_tells_less_than_how_popular_movies_are(self):
        """Precision, for as many guesses as a user has ratings: that of the first of a list, and that
        of the most rated movies, for which nothing has to be asked."""
        self.run_function("closed")
        n_raters = {}
        for _, item, *_ in self.model.rows:
            n_raters[item] = n_raters.get(item, 0) + 1
        popular = sorted(self.model.items, key=lambda item: (-n_raters[item], item))
        precision = {"list": 0.0, "popularity": 0.0}
        for user in self.users:
            scored = []
            for at in range(0, len(self.model.items), CHUNK):
                reply = self.post({"userId": user, "movieIds": self.model.items[at:at + CHUNK]})
                scored += [(-entry["score"], entry["movieId"]) for entry in json.loads(reply["body"])["recommendations"]]
            rated = self.model.rated[user]
            for name, order in (("list", [item for _, item in sorted(scored)]), ("popularity", popular)):
                precision[name] += len(set(order[:len(rated)]) & rated) / len(rated) / len(self.users)
        self.assertLess(precision["list"], precision["popularity"])

    def test_closed_a_whole_list_has_what_is_rated_as_an_open_one_on_request(self):
        """The best of the whole catalogue, with and without candidates."""
        user = self.users[0]
        self.run_function("open")
        expected = self.bare({"userId": user, "top_n": CHUNK, "include_rated": True, "order": "rating"})
        self.run_function("closed")
        self.assertEqual(expected, self.bare({"userId": user, "top_n": CHUNK}))

    def test_closed_what_tells_them_is_refused_with_a_sentence(self):
        self.run_function("closed")
        for question, words in (({"userId": "2", "top_n": 5, "include_rated": False}, "include_rated: only true"),
                                ({"userId": "2", "movieIds": ["1"], "include_rated": False}, "include_rated: only true"),
                                ({"userId": "2", "top_n": 5, "order": "ranking"}, "order: only rating and popularity")):
            self.assertIn(words, self.assertError(400, "bad_request", self.post(question)))
        get = self.post(None, method="GET", queryStringParameters={"userId": "2", "top_n": "5", "include_rated": "false"})
        self.assertIn("include_rated: only true", self.assertError(400, "bad_request", get))

    def test_closed_known_user_is_not_told(self):
        self.run_function("closed")
        for question in ({"userId": "nobody", "movieId": "1"}, {"userId": "nobody", "top_n": 3},
                         {"userId": "nobody", "movieIds": ["1", "2"]}):
            reply = self.post(question)
            self.assertEqual(200, reply["statusCode"])
            self.assertNotIn("known_user", reply["body"])

    def test_closed_visitors_and_similar_movies_are_answered_as_ever(self):
        questions = ({"ratings": [{"movieId": "1", "rating": 5}, {"movieId": "318", "rating": 3}], "top_n": 5},
                     {"ratings": [{"movieId": "1", "rating": 5}], "movieId": "318"}, {"movieId": "1", "similar": 3},
                     {"userId": self.users[0], "movieId": self.model.items[0]})
        said = []
        for outsiders in ("open", "closed"):
            self.run_function(outsiders)
            said.append([self.bare(question) for question in questions])
        self.assertEqual(*said)
        listed = {entry["movieId"] for entry in json.loads(said[1][0])["recommendations"]}
        self.assertEqual(set(), listed & {"1", "318"}, "their own are left out")


if __name__ == "__main__":
    unittest.main()
