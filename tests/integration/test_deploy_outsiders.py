"""Attacks by callers of POST /predict that infer ratings of the users of the training data, on the
real function with the real model of data/: with OUTSIDERS open they succeed, closed they fail."""

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
        """The items of the whole catalogue that lists contain, in requests of a thousand candidates."""
        listed = []
        for at in range(0, len(self.model.items), CHUNK):
            some = self.model.items[at:at + CHUNK]
            response = self.post({"userId": user, "movieIds": some, **more})
            self.assertEqual(200, response["statusCode"], response["body"][:200])
            listed += [entry["movieId"] for entry in json.loads(response["body"])["recommendations"]]
        return listed

    def recovered(self, **more):
        """(number of items missing in the lists, rated ones among these, all rated ones)"""
        n_left_out = n_right = n_rated = 0
        for user in self.users:
            left_out = set(self.model.items) - set(self.candidates(user, **more))
            n_left_out += len(left_out)
            n_right += len(left_out & self.model.rated[user])
            n_rated += len(self.model.rated[user])
        return n_left_out, n_right, n_rated

    def test_open_lists_disclose_all_rated_items(self):
        """Shows that the attack works."""
        self.run_function("open")
        n_left_out, n_right, n_rated = self.recovered(top_n=CHUNK)
        self.assertGreater(n_rated, 1000)
        self.assertEqual((n_rated, n_rated), (n_left_out, n_right))
        self.assertIs(False, json.loads(self.post({"userId": "unknown-user", "movieId": "1"})["body"])["known_user"])

    def test_closed_lists_disclose_no_rated_item(self):
        self.run_function("closed")
        for more in ({"top_n": CHUNK}, {}, {"top_n": CHUNK, "order": "popularity"}, {"top_n": CHUNK, "order": "rating"}):
            n_left_out, n_right, n_rated = self.recovered(**more)
            self.assertGreater(n_rated, 1000)
            self.assertEqual((0, 0), (n_left_out, n_right), more)

    def test_closed_the_order_discloses_less_than_popularity(self):
        """Precision, for as many guesses as a user has ratings: of the first items of a list, and of
        the most rated movies, which need no request."""
        self.run_function("closed")
        n_raters = {}
        for _, item, *_ in self.model.rows:
            n_raters[item] = n_raters.get(item, 0) + 1
        popular = sorted(self.model.items, key=lambda item: (-n_raters[item], item))
        precision = {"list": 0.0, "popularity": 0.0}
        for user in self.users:
            scored = []
            for at in range(0, len(self.model.items), CHUNK):
                response = self.post({"userId": user, "movieIds": self.model.items[at:at + CHUNK]})
                scored += [(-entry["score"], entry["movieId"]) for entry in json.loads(response["body"])["recommendations"]]
            rated = self.model.rated[user]
            for name, order in (("list", [item for _, item in sorted(scored)]), ("popularity", popular)):
                precision[name] += len(set(order[:len(rated)]) & rated) / len(rated) / len(self.users)
        self.assertLess(precision["list"], precision["popularity"])

    def test_closed_a_whole_list_has_rated_items_as_an_open_one_on_request(self):
        """The best of the whole catalogue, with and without candidates."""
        user = self.users[0]
        self.run_function("open")
        expected = self.bare({"userId": user, "top_n": CHUNK, "include_rated": True, "order": "rating"})
        self.run_function("closed")
        self.assertEqual(expected, self.bare({"userId": user, "top_n": CHUNK}))

    def test_closed_disclosing_settings_are_refused_with_a_sentence(self):
        self.run_function("closed")
        for request, words in (({"userId": "2", "top_n": 5, "include_rated": False}, "include_rated: only true"),
                               ({"userId": "2", "movieIds": ["1"], "include_rated": False}, "include_rated: only true"),
                               ({"userId": "2", "top_n": 5, "order": "ranking"}, "order: only rating and popularity")):
            self.assertIn(words, self.assertError(400, "bad_request", self.post(request)))
        get = self.post(None, method="GET", queryStringParameters={"userId": "2", "top_n": "5", "include_rated": "false"})
        self.assertIn("include_rated: only true", self.assertError(400, "bad_request", get))

    def test_closed_known_user_is_not_disclosed(self):
        self.run_function("closed")
        for request in ({"userId": "unknown-user", "movieId": "1"}, {"userId": "unknown-user", "top_n": 3},
                        {"userId": "unknown-user", "movieIds": ["1", "2"]}):
            response = self.post(request)
            self.assertEqual(200, response["statusCode"])
            self.assertNotIn("known_user", response["body"])

    def test_closed_visitors_and_similar_movies_are_unchanged(self):
        requests = ({"ratings": [{"movieId": "1", "rating": 5}, {"movieId": "318", "rating": 3}], "top_n": 5},
                    {"ratings": [{"movieId": "1", "rating": 5}], "movieId": "318"}, {"movieId": "1", "similar": 3},
                    {"userId": self.users[0], "movieId": self.model.items[0]})
        bodies = []
        for outsiders in ("open", "closed"):
            self.run_function(outsiders)
            bodies.append([self.bare(request) for request in requests])
        self.assertEqual(*bodies)
        listed = {entry["movieId"] for entry in json.loads(bodies[1][0])["recommendations"]}
        self.assertEqual(set(), listed & {"1", "318"}, "their own are left out")


if __name__ == "__main__":
    unittest.main()
