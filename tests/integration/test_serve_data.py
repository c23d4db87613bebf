"""Checklist 112-118: requests and responses, against `train --predict` and a reference model."""

import json
import random
import time
import unittest
import urllib.parse

from http_words import CSV, JSON, JSON_LINES
from models import trained
from samples import csv, parity
from serve_case import ServeCase
from reference import Reference

UNKNOWN_USER, UNKNOWN_ITEM = "unknown-user", "unknown-item"

# Tolerance of float scores of eight factors against sums of doubles.
CLOSE = 2e-5


def some_pairs(n, seed=3):
    """Pairs of known and unknown ids, of a few kinds."""
    r, model = random.Random(seed), trained()
    return [(r.choice(model.users) if r.random() < 0.9 else f"{UNKNOWN_USER}-{r.randrange(9)}",
             r.choice(model.items) if r.random() < 0.9 else f"{UNKNOWN_ITEM}-{r.randrange(9)}")
            for _ in range(n)]


def instances_of(pairs):
    return [{"userId": u, "movieId": i} for u, i in pairs]


def json_lines(values, newline="\n"):
    return "".join(json.dumps(v) + newline for v in values)


class DataCase(ServeCase):
    def invoke(self, request, server=None):
        """The response to one request, which must be 200."""
        return self.assertResponse((server or self.server).post(request), 200, JSON).json()

    def batch(self, instances, server=None):
        """The predictions of instances."""
        response = self.invoke({"instances": instances}, server)
        self.assertEqual({"predictions"}, set(response))
        self.assertEqual(len(instances), len(response["predictions"]))
        return response["predictions"]


class Ratings(DataCase):
    def test_a_rating_is_the_prediction_of_train(self):
        """Checklist 116: to the four decimals that `train --predict` prints."""
        pairs = some_pairs(25) + [(UNKNOWN_USER, UNKNOWN_ITEM)]
        for (user, item), response in zip(pairs, self.batch(instances_of(pairs))):
            with self.subTest(f"{user} {item}"):
                self.assertAlmostEqual(trained().predict(user, item), response["predicted_rating"],
                                       delta=0.000051)

    def test_a_rating_is_the_equation(self):
        """Checklist 115, 116: for known and unknown users and items, which are flagged."""
        reference, pairs = Reference(trained()), some_pairs(500)
        for (user, item), response in zip(pairs, self.batch(instances_of(pairs))):
            self.assertAlmostEqual(reference.predict(user, item), response.pop("predicted_rating"),
                                   delta=CLOSE)
            expected = {}
            if user not in reference.user_index:
                expected["known_user"] = False
            if item not in reference.item_index:
                expected["known_item"] = False
            self.assertEqual(expected, response, (user, item))

    def test_predictions_are_as_many_as_instances_and_in_their_order(self):
        """Checklist 112."""
        pairs = some_pairs(1000)
        straight = self.batch(instances_of(pairs))
        self.assertEqual(straight[::-1], self.batch(instances_of(pairs[::-1])))
        for n in (1, 2, 63, 64, 65, 129, 999):
            self.assertEqual(straight[:n], self.batch(instances_of(pairs[:n])))
        self.assertEqual([], self.batch([]))

    def test_a_prediction_is_the_same_alone_or_in_a_batch_of_any_format(self):
        """Checklist 113, 114, 116, 117: and with one thread, several, and without the index."""
        pairs = some_pairs(200)
        instances = instances_of(pairs)
        bodies = (({"instances": instances}, JSON), (json_lines(instances), JSON_LINES),
                  (csv(pairs, header=None), CSV))
        together = {}
        servers = (self.server, self.serve(threads=1), self.serve(threads=5),
                   self.serve(env={"SERVE_INDEX_BYTES": "0"}))
        for server in servers:
            for body, content_type in bodies:
                for accept in (JSON, JSON_LINES, CSV):
                    response = self.assertResponse(
                        server.post(body, content_type, headers={"Accept": accept}), 200, accept)
                    together.setdefault(accept, response.body)
                    self.assertEqual(together[accept], response.body, (content_type, accept))
        objects = json.loads(together[JSON])["predictions"]
        self.assertEqual(objects, [json.loads(line) for line in together[JSON_LINES].splitlines()])
        numbers = together[CSV].decode().splitlines()
        # As text: no format may lose a digit.
        self.assertEqual([str(a["predicted_rating"]) for a in objects],
                         [str(float(n)) for n in numbers])
        with self.server.connect() as client:
            for request, expected in zip(instances[:50], objects):
                self.assertEqual(expected, client.post(request).json())
                self.assertEqual([expected], client.post(json_lines([request]), JSON_LINES,
                                                         ).json_lines())

    def test_an_id_may_be_an_integer(self):
        """Checklist 116: the same as its text."""
        pairs = [(u, i) for u, i in some_pairs(100) if u.isdigit() and i.isdigit()]
        self.assertEqual(self.batch(instances_of(pairs)),
                         self.batch([{"movieId": int(i), "userId": int(u)} for u, i in pairs]))
        for big in (2**63 - 1, -(2**63), 0, -1):
            self.assertIs(False, self.invoke({"userId": big, "movieId": "1000"})["known_user"])

    def test_lines_may_have_any_end(self):
        """Checklist 113, 114: final newline or not, CR LF, a byte order mark."""
        pairs = some_pairs(10)
        lines, rows = json_lines(instances_of(pairs)), csv(pairs, header=None)
        with self.server.connect() as client:
            for text, content_type in ((lines, JSON_LINES), (rows, CSV)):
                expected = client.post(text, content_type).body
                self.assertEqual(10, expected.count(b"\n"))
                for variant in (text[:-1], text.replace("\n", "\r\n"),
                                text.replace("\n", "\r\n")[:-2], "\ufeff" + text, text + "\n",
                                text + "\r\n \n"):
                    self.assertEqual(expected, client.post(variant, content_type).body, variant[-20:])

    def test_blanks_and_the_order_of_fields_do_not_matter(self):
        """Checklist 112."""
        expected = self.invoke({"userId": "1", "movieId": "1001"})
        for body in (' { "movieId" : "1001" , "userId" : 1 } \r\n', '{"userId":"1",\n\n"movieId":1001}',
                     '\t{"user\\u0049d":"\\u0031","movieId":"1\\u00300\\u0031"}'):
            self.assertEqual(expected, self.invoke(body))
        response = self.invoke(' {\n"instances" :\t[ {"userId":"1","movieId":"1001"} ,\n'
                               '{"userId":"1","movieId":"1001"} ] }\n')
        self.assertEqual([expected] * 2, response["predictions"])

    def test_csv_of_a_header_fields_in_quotes_and_blanks(self):
        """Checklist 114: a header is no record in real time."""
        rows = csv([("1", "1001"), ("2", "1002")], header=None)
        with self.server.connect() as client:
            expected = client.post(rows, CSV).body
            for text in ("userId,movieId\n" + rows, "USER_ID,item_id\r\n" + rows, '"user","movie"\n' + rows,
                         "reviewerID,asin\n" + rows, "uid,iid\n" + rows, "movieId,userId\n1001,1\n1002,2\n",
                         '"1","1001"\n2,"1002"\n'):
                self.assertEqual(expected, client.post(text, CSV).body, text)
            # Other headers are records of unknown users.
            self.assertEqual(3, len(client.post("a,b\n" + rows, CSV).csv_lines()))

    def test_every_number_is_finite_and_in_the_range_of_the_ratings(self):
        """Checklist 116: the reader of these tests refuses NaN and Infinity."""
        model = trained()
        pairs = [(u, i) for u in model.users for i in model.items][::3]
        for response in self.batch(instances_of(pairs)):
            self.assertTrue(model.rating_min <= response["predicted_rating"] <= model.rating_max)

    def test_ids_are_text_of_any_kind(self):
        """Checklist 114: RFC 4180 quoting, Unicode, blanks; as JSON, as CSV and in a path."""
        users = ['o"brien, x', "zoë", "日本", " lead", "a/b?c#d%e", "\\n", "💩", "0", "007", "+1"]
        items = ["m,1", 'm"2"', "m 3", "ñ", "5"]
        quote = lambda s: '"' + s.replace('"', '""') + '"'
        rows = tuple((quote(u), quote(i), str(1 + (n + m) % 5), str(n)) for n, u in enumerate(users)
                     for m, i in enumerate(items) if n % 5 != m)
        model = trained(rows=rows)
        server = self.serve(model=model)
        pairs = [(u, i) for u in users for i in items]
        responses = self.batch(instances_of(pairs), server)
        for pair, response in zip(pairs, responses):
            self.assertEqual({"predicted_rating"}, set(response), pair)
        text = "".join(f"{quote(u)},{quote(i)}\n" for u, i in pairs)
        numbers = server.post(text, CSV).csv_lines()
        self.assertEqual([a["predicted_rating"] for a in responses], [float(n) for n in numbers])
        for n, user in enumerate(users):
            response = server.get("/internal/recommend/" + urllib.parse.quote(user, safe=""))
            self.assertResponse(response, 200, JSON)
            body = response.json()
            self.assertNotIn("known_user", body)
            self.assertEqual(0 if user == "0" else user, body["user_id"])
            left = items[n % 5]
            self.assertEqual([5 if left == "5" else left], body["recommendations"])


class Lists(DataCase):
    def check_list(self, response, expected, ratings):
        """expected: [(id, score)]; ratings(id): the predicted rating."""
        got = [entry["movieId"] for entry in response["recommendations"]]
        self.assertEqual([e[0] for e in expected], got)
        for entry, (movie, score) in zip(response["recommendations"], expected):
            self.assertAlmostEqual(score, entry["score"], delta=CLOSE)
            self.assertAlmostEqual(ratings(movie), entry["predicted_rating"], delta=CLOSE)

    def check_orders(self, request, reference, user, n, leave_out=()):
        """The list of a user by predicted rating, and the default, which is by the ranking model
        where there is one."""
        ratings = lambda movie: reference.predict(user, movie)
        by_rating = reference.best(reference.profile_vector(user), n, leave_out)
        self.check_list(self.invoke({**request, "order": "rating"}), by_rating, ratings)
        expected = by_rating
        if reference.has_ranking:
            expected = reference.best_ranked(reference.profile_of(user), n, leave_out, "movieIds" in request)
            self.assertEqual(self.invoke(request), self.invoke({**request, "order": "ranking"}))
        self.check_list(self.invoke(request), expected, ratings)

    def test_a_list_holds_the_best_that_the_user_has_not_rated(self):
        reference = Reference(trained())
        for user in trained().users[::20]:
            index = reference.user_index[user]
            for n in (1, 5, 10, 1000):
                self.check_orders({"userId": user, "top_n": n}, reference, user, n, reference.rated[index])
                response = self.invoke({"userId": user, "top_n": n, "order": "rating"})
                self.assertEqual({"recommendations"}, set(response))
                if n == 1000:
                    self.assertEqual(len(trained().items) - len(trained().rated[user]),
                                     len(response["recommendations"]))

    def test_rated_items_can_be_included(self):
        reference = Reference(trained())
        for user in trained().users[:5]:
            self.check_orders({"userId": user, "top_n": 100, "include_rated": True}, reference, user, 100)
            self.assertEqual(self.invoke({"userId": user, "top_n": 7}),
                             self.invoke({"userId": user, "top_n": 7, "include_rated": False}))

    def test_a_list_of_some_movies_ranks_these(self):
        """All of them when no number is given; else the best that the user has not rated."""
        reference, r = Reference(trained()), random.Random(4)
        for user in trained().users[:10]:
            chosen = r.sample(trained().items, 20)
            others = {reference.item_index[i] for i in trained().items if i not in chosen}
            request = {"userId": user, "movieIds": chosen + chosen[:3]}
            self.check_orders(request, reference, user, 20, others)
            rated = reference.rated[reference.user_index[user]]
            self.check_orders({**request, "top_n": 4}, reference, user, 4, others | rated)
            self.check_orders({**request, "top_n": 4, "include_rated": True}, reference, user, 4, others)

    def test_unknown_movies_of_a_list_are_flagged_and_kept(self):
        """Checklist 115."""
        request = {"userId": "1", "movieIds": ["1001", UNKNOWN_ITEM, "1002", UNKNOWN_ITEM, "x2"]}
        response = self.invoke({**request, "order": "rating"})
        entries = {e["movieId"]: e for e in response["recommendations"]}
        self.assertEqual({"1001", "1002", UNKNOWN_ITEM, "x2"}, set(entries))
        self.assertEqual(4, len(response["recommendations"]))
        for movie in (UNKNOWN_ITEM, "x2"):
            self.assertIs(False, entries[movie]["known_item"])
            self.assertAlmostEqual(Reference(trained()).predict("1", None),
                                   entries[movie]["predicted_rating"], delta=CLOSE)
        for movie in ("1001", "1002"):
            self.assertNotIn("known_item", entries[movie])
        scores = [e["score"] for e in response["recommendations"]]
        self.assertEqual(sorted(scores, reverse=True), scores)
        by_default = self.invoke(request)
        if Reference(trained()).has_ranking:
            self.assertEqual([(UNKNOWN_ITEM, None), ("x2", None)],
                             [(e["movieId"], e["score"]) for e in by_default["recommendations"][2:]])
        else:
            self.assertEqual(response, by_default)

    def test_an_unknown_user_gets_popular_items(self):
        """Checklist 115: by popularity, or the list of the mean profile."""
        reference = Reference(trained())
        for order in ("popularity", "rating"):
            response = self.invoke({"userId": UNKNOWN_USER, "top_n": 10, "order": order})
            self.assertIs(False, response["known_user"])
            self.assertEqual(reference.popular(10), [e["movieId"] for e in response["recommendations"]])
            for entry in response["recommendations"]:
                self.assertAlmostEqual(reference.predict(None, entry["movieId"]),
                                       entry["predicted_rating"], delta=CLOSE)
        by_default = self.invoke({"userId": UNKNOWN_USER, "top_n": 10})
        self.assertIs(False, by_default["known_user"])
        if reference.has_ranking:
            self.check_list(by_default, reference.best_ranked(reference.profile_of(None), 10),
                            lambda movie: reference.predict(None, movie))
        else:
            self.assertEqual(response, by_default)

    def test_known_results_of_parity(self):
        """The withheld item that agrees comes before the one that does not."""
        rows, _ = parity()
        server = self.serve(model=trained(rows=tuple(rows), n_epochs=60))
        for user in range(0, 40, 5):
            response = self.invoke({"userId": str(user), "top_n": 2, "order": "rating"}, server)
            self.assertEqual([str(user), str((user + 1) % 40)],
                             [e["movieId"] for e in response["recommendations"]])
        visitor = [{"movieId": str(i), "rating": 5 if i % 2 == 0 else 1} for i in range(8)]
        response = self.invoke({"ratings": visitor, "top_n": 16, "order": "rating"}, server)
        self.assertEqual([0] * 16, [int(e["movieId"]) % 2 for e in response["recommendations"]])

    def test_limits_of_lists_can_be_set_and_are_reported(self):
        server = self.serve(env={"SERVE_MAX_TOP_N": "3", "SERVE_MAX_FOLD_IN": "2"})
        self.assertEqual(3, len(self.invoke({"userId": "1", "top_n": 3}, server)["recommendations"]))
        candidates = {"userId": "1", "movieIds": ["1", "2", "3", "4"]}
        for request, words in (({"userId": "1", "top_n": 4}, "1 to 3"), ({"movieId": "1000", "similar": 4}, "1 to 3"),
                               (candidates, "add top_n: without it the list has all movieIds, which may be 3")):
            self.assertRefused(server.post(request), 400, words)
        self.assertEqual(3, len(self.invoke({**candidates, "top_n": 3}, server)["recommendations"]))
        rated = [{"movieId": str(i), "rating": 3} for i in range(1000, 1003)]
        self.invoke({"ratings": rated[:2], "top_n": 1}, server)
        self.assertRefused(server.post({"ratings": rated, "top_n": 1}), 400, "ratings", "2")
        self.assertEqual(200, server.get("/internal/recommend/1").status)
        self.assertRefused(server.get("/internal/recommend/1?top_n=4"), 400, "top_n", "3")


class Similar(DataCase):
    def test_similar_movies_are_those_of_the_nearest_factors(self):
        reference = Reference(trained())
        for item in trained().items[::10]:
            for n in (1, 10, 1000):
                response = self.invoke({"movieId": item, "similar": n})
                self.assertEqual({"similar"}, set(response))
                expected = reference.similar(item, n)
                self.assertEqual([i for i, _ in expected], [e["movieId"] for e in response["similar"]])
                for entry, (_, cosine) in zip(response["similar"], expected):
                    self.assertAlmostEqual(cosine, entry["similarity"], delta=CLOSE)
                    self.assertTrue(-1 <= entry["similarity"] <= 1)

    def test_an_unknown_movie_is_like_no_other(self):
        """Checklist 115."""
        self.assertEqual({"similar": [], "known_item": False},
                         self.invoke({"movieId": UNKNOWN_ITEM, "similar": 5}))


class Visitors(DataCase):
    def visitor(self, n, seed=1):
        r = random.Random(seed)
        rated = [(i, r.choice((1, 2.5, 3, 4, 5))) for i in r.sample(trained().items, n)]
        return rated, [{"movieId": i, "rating": x} for i, x in rated]

    def test_a_visitor_gets_the_factors_that_fit_the_ratings(self):
        reference = Reference(trained())
        for n in (1, 2, 5, 8, 9, 30, 100):
            rated, ratings = self.visitor(n, n)
            user_vector = reference.fold_in(rated)
            movie = trained().items[n % 50]
            response = self.invoke({"ratings": ratings, "movieId": movie})
            self.assertEqual({"predicted_rating"}, set(response))
            expected = reference.clip(reference.score(user_vector, reference.item_index[movie]))
            self.assertAlmostEqual(expected, response["predicted_rating"], delta=1e-3)
            left_out = {reference.item_index[i] for i, _ in rated}
            response = self.invoke({"ratings": ratings, "top_n": 10, "order": "rating"})
            got = [e["movieId"] for e in response["recommendations"]]
            self.assertEqual([i for i, _ in reference.best(user_vector, 10, left_out)], got)
            self.assertNotIn("known_user", response)
            by_default = self.invoke({"ratings": ratings, "top_n": 10})
            if not reference.has_ranking:
                self.assertEqual(response, by_default)
                continue
            expected = reference.best_ranked(reference.profile_of_visitor(rated), 10, left_out)
            self.assertEqual([i for i, _ in expected],
                             [e["movieId"] for e in by_default["recommendations"]])
            for entry, (_, score) in zip(by_default["recommendations"], expected):
                self.assertAlmostEqual(score, entry["score"], delta=CLOSE)

    def test_newer_ratings_of_a_visitor_weigh_more(self):
        """Where the model has times; without timestamps the list is that of equal times."""
        _, ratings = self.visitor(9)
        timed = lambda times: [{**r, "timestamp": t} for r, t in zip(ratings, times)]
        best = lambda rated: self.invoke({"ratings": rated, "top_n": 10})["recommendations"]
        scores = lambda rated: {e["movieId"]: e["score"] for e in best(rated)}
        self.assertEqual(best(ratings), best(timed([None] * 9)))
        reference = Reference(trained())
        if reference.has_ranking:
            self.assertEqual(scores(ratings), scores(ratings[::-1]))
        if reference.has_ranking and reference.knows_times and reference.recency > 0:
            forth = timed(range(964982703, 964982712))
            self.assertNotEqual(scores(forth), scores(timed(range(9, 0, -1))))
            self.assertEqual(best(forth), best(forth[::-1]))
            self.assertEqual(best(forth), best(timed(x / 7 - 2 for x in range(9))))

    def test_a_visitor_may_rate_the_same_movie_again_and_unknown_movies(self):
        _, ratings = self.visitor(10)
        expected = self.invoke({"ratings": ratings, "top_n": 5})
        more = [{"movieId": ratings[3]["movieId"], "rating": 1}, {"movieId": UNKNOWN_ITEM, "rating": 5}]
        self.assertEqual(expected, self.invoke({"ratings": more + ratings, "top_n": 5}))

    def test_a_rating_outside_the_scale_counts_as_its_end(self):
        """The scale of the model ends at 5."""
        self.assertEqual(self.invoke({"ratings": [{"movieId": "1001", "rating": 5}], "top_n": 5}),
                         self.invoke({"ratings": [{"movieId": "1001", "rating": 1000000}], "top_n": 5}))

    def test_a_visitor_of_unknown_movies_only_is_anonymous(self):
        """Checklist 115."""
        response = self.invoke({"ratings": [{"movieId": UNKNOWN_ITEM, "rating": 5}], "top_n": 5})
        self.assertEqual(self.invoke({"userId": UNKNOWN_USER, "top_n": 5}), response)

    def test_instances_of_all_kinds_may_be_in_one_batch(self):
        """Checklist 112, 113, 117."""
        _, ratings = self.visitor(5)
        instances = [{"userId": "1", "movieId": "1001"}, {"userId": "1", "top_n": 3},
                     {"movieId": "1001", "similar": 2}, {"ratings": ratings, "top_n": 2},
                     {"ratings": ratings, "movieId": "1003"}, {"userId": UNKNOWN_USER, "movieId": "1001"},
                     {"userId": "2", "movieIds": ["1001", "1002"]}, {"userId": 2, "movieId": 1002}] * 20
        alone = [self.invoke(request) for request in instances[:8]] * 20
        self.assertEqual(alone, self.batch(instances))
        response = self.server.post(json_lines(instances), JSON_LINES)
        self.assertEqual(alone, self.assertResponse(response, 200, JSON_LINES).json_lines())


class Strict(DataCase):
    settings = {"SERVE_STRICT": "true"}

    def test_unknown_users_and_movies_are_404(self):
        """Checklist 115: by name, when it is the only instance."""
        for request, word in (({"userId": UNKNOWN_USER, "movieId": "1001"}, UNKNOWN_USER),
                              ({"userId": "1", "movieId": UNKNOWN_ITEM}, UNKNOWN_ITEM),
                              ({"userId": UNKNOWN_USER, "top_n": 3}, UNKNOWN_USER),
                              ({"movieId": UNKNOWN_ITEM, "similar": 3}, UNKNOWN_ITEM),
                              ({"userId": "1", "movieIds": ["1001", UNKNOWN_ITEM]}, UNKNOWN_ITEM),
                              ({"ratings": [{"movieId": UNKNOWN_ITEM, "rating": 3}], "top_n": 3}, "ratings")):
            with self.subTest(request):
                self.assertRefused(self.server.post(request), 404, word)
        self.assertRefused(self.server.get(f"/internal/recommend/{UNKNOWN_USER}"), 404, UNKNOWN_USER)
        self.assertIn("predicted_rating", self.invoke({"userId": "1", "movieId": "1001"}))

    def test_a_batch_has_a_placeholder_for_each_of_them(self):
        """Checklist 115: null in JSON, an empty field in CSV, which is no empty line."""
        pairs = [("1", "1001"), (UNKNOWN_USER, "1001"), ("1", UNKNOWN_ITEM), (UNKNOWN_USER, UNKNOWN_ITEM), ("2", "1002")]
        responses = self.batch(instances_of(pairs))
        self.assertEqual([False, True, True, True, False],
                         [a["predicted_rating"] is None for a in responses])
        self.assertIs(False, responses[1]["known_user"])
        self.assertIs(False, responses[2]["known_item"])
        response = self.server.post(json_lines(instances_of(pairs)), JSON_LINES)
        self.assertEqual(responses, response.json_lines())
        lines = self.server.post(csv(pairs, header=None), CSV).csv_lines()
        self.assertEqual([str(responses[0]["predicted_rating"]), '""', '""', '""',
                          str(responses[4]["predicted_rating"])], lines)
        lists = self.batch([{"userId": UNKNOWN_USER, "top_n": 3}, {"movieId": UNKNOWN_ITEM, "similar": 2},
                            {"userId": "1", "top_n": 1}])
        self.assertEqual([[], [], 1], [lists[0]["recommendations"], lists[1]["similar"],
                                       len(lists[2]["recommendations"])])


class Recommend(DataCase):
    def test_the_response_has_its_three_fields(self):
        response = self.assertResponse(self.server.get("/internal/recommend/5"), 200, JSON).json()
        self.assertEqual(["user_id", "recommendations", "count"], list(response))
        self.assertEqual((5, 20, 20), (response["user_id"], response["count"],
                                       len(response["recommendations"])))
        self.assertTrue(all(isinstance(i, int) for i in response["recommendations"]))

    def test_the_list_is_that_of_invocations(self):
        with self.server.connect() as client:
            for user in trained().users[::15]:
                for n in (1, 7, 20, 1000):
                    response = client.get(f"/internal/recommend/{user}?top_n={n}").json()
                    expected = client.post({"userId": user, "top_n": n}).json()["recommendations"]
                    self.assertEqual([int(e["movieId"]) for e in expected], response["recommendations"])
                    self.assertEqual(len(expected), response["count"])

    def test_an_invalid_number_is_400_with_its_range(self):
        with self.server.connect() as client:
            for value in ("0", "-1", "1001", "1000000000", "99999999999999999999", "ten", "2.5", "",
                          "1e1", "0x5", " 5", "5%20", "+5"):
                with self.subTest(value):
                    response = client.get("/internal/recommend/1?top_n=" + value.replace(" ", "%20"))
                    self.assertRefused(response, 400, "top_n", "1", "1000")
            self.assertRefused(client.get("/internal/recommend/1?topn=5"), 400, "topn", "top_n")
            self.assertRefused(client.get("/internal/recommend/1?top_n"), 400, "top_n")
            self.assertEqual(3, client.get("/internal/recommend/1?top_n=3").json()["count"])
            self.assertEqual(3, client.get("/internal/recommend/%31?top%5Fn=%33").json()["count"])
            self.assertEqual(200, client.get("/internal/recommend/1?").status)

    def test_an_unknown_user_gets_popular_items_and_a_flag(self):
        """Checklist 115."""
        response = self.server.get(f"/internal/recommend/{UNKNOWN_USER}?top_n=5").json()
        self.assertEqual((UNKNOWN_USER, False, 5), (response["user_id"], response["known_user"],
                                                    response["count"]))
        reference = Reference(trained())
        best = [i for i, _ in reference.best_ranked(reference.profile_of(None), 5)] if reference.has_ranking \
            else reference.popular(5)
        self.assertEqual([int(i) for i in best], response["recommendations"])

    def test_an_invalid_user_id_is_400(self):
        with self.server.connect() as client:
            for user in ("x" * 256, "%01", "%7f", "%ff", "%c3%28"):
                with self.subTest(user[:10]):
                    self.assertRefused(client.get(f"/internal/recommend/{user}"), 400)
            self.assertEqual(200, client.get("/internal/recommend/" + "x" * 255).status)
            # A plus in a path is a plus.
            self.assertEqual("a+b", client.get("/internal/recommend/a+b").json()["user_id"])


class Figures(DataCase):
    def test_health_has_the_version_of_the_model(self):
        response = self.assertResponse(self.server.get("/health"), 200, JSON).json()
        model = response["model"]
        self.assertEqual("ok", response["status"])
        self.assertEqual((200, 100, 4000, 8), (model["users"], model["items"], model["ratings"],
                                               model["factors"]))
        reference = Reference(trained())
        self.assertEqual({"rating": True, "ranking": reference.has_ranking}, model["models"])
        self.assertEqual(len(reference.spectrum) if reference.has_ranking else 0, model["ranking_factors"])
        missing = self.server.log_lines("no_ranking_model")
        self.assertEqual(0 if reference.has_ranking else 1, len(missing))
        self.assertRegex(model["version"], r"\A[0-9a-f]{16}\Z")
        self.assertEqual(model["version"], self.server.wait_for_log("model")["version"])

    def test_counters_rise_by_exactly_the_requests_made(self):
        """By route and class of status; the request for /metrics is counted after its response."""
        server = self.serve(threads=3)
        before = server.metrics()
        made = (("GET", "/ping", None, "/ping", "2xx", 7), ("POST", "/invocations",
                '{"userId":"1","movieId":"1001"}', "/invocations", "2xx", 11),
                ("POST", "/invocations", "{", "/invocations", "4xx", 5),
                ("GET", "/nothing", None, "none", "4xx", 3), ("GET", "/invocations", None,
                "/invocations", "4xx", 2), ("GET", "/internal/recommend/1", None,
                "/internal/recommend/{user_id}", "2xx", 4))
        for method, path, body, _, _, n in made:
            for _ in range(n):
                server.request(method, path, body=body)
        server.post({"instances": instances_of([("1", "1001")] * 100)})
        after = server.metrics()
        rise = {}
        for _, _, _, route, status, n in made:
            rise[route, status] = rise.get((route, status), 0) + n
        rise["/invocations", "2xx"] += 1
        rise["/metrics", "2xx"] = 1
        for (route, status), n in rise.items():
            labels = {"route": route, "status": status}
            self.assertEqual(n, after("recommender_http_requests_total", **labels)
                             - before("recommender_http_requests_total", **labels), labels)
        requests = sum(n for *_, n in made) + 1
        self.assertEqual(11 + 4 + 100, after("recommender_predictions_total") - before("recommender_predictions_total"))
        self.assertEqual(requests + 1, after("recommender_http_connections_total")
                         - before("recommender_http_connections_total"))
        self.assertGreater(after("recommender_http_received_bytes_total"), before("recommender_http_received_bytes_total"))
        self.assertGreater(after("recommender_http_sent_bytes_total"), before("recommender_http_sent_bytes_total"))

    def test_figures_agree_with_each_other(self):
        """Histograms are cumulative and end in their counts; the model's are those of /health."""
        with self.server.connect() as client:
            for n in range(50):
                client.post({"userId": "1", "top_n": 5})
                client.get("/ping")
        metrics = self.server.metrics()
        name = "recommender_http_request_duration_seconds"
        self.assertEqual("histogram", metrics.types[name])
        for route in ("/ping", "/invocations", "none"):
            bounds = sorted((float(dict(labels)["le"].replace("+Inf", "inf")), value)
                            for (sample, labels), value in metrics.values.items()
                            if sample == name + "_bucket" and ("route", route) in labels)
            values = [value for _, value in bounds]
            self.assertEqual(sorted(values), values)
            self.assertEqual(float("inf"), bounds[-1][0])
            self.assertEqual(metrics(name + "_count", route=route), values[-1])
        self.assertEqual(50, metrics(name + "_count", route="/invocations"))
        health = self.server.get("/health").json()
        self.assertEqual(1, metrics("recommender_model_info", version=health["model"]["version"]))
        for figure in ("users", "items", "ratings", "factors"):
            self.assertEqual(health["model"][figure], metrics("recommender_model_" + figure))
        self.assertEqual(1, metrics("recommender_model_ready"))
        self.assertGreater(metrics("process_resident_memory_bytes"), 1 << 20)
        self.assertTrue(0 <= time.time() - metrics("process_start_time_seconds") < 3600)
        # The old names, for one release; what came with the new ones has one name.
        new = ("unknown_users", "unknown_items", "clipped_ratings")
        for (name, labels), value in list(metrics.values.items()):
            if name.startswith("recommender_") and not any(word in name for word in new):
                self.assertEqual(value, metrics(name[len("recommender_"):], **dict(labels)))
        # The clients above have closed theirs; other loops may not have noticed yet.
        self.server.wait_for(lambda: self.server.metrics()("recommender_http_connections") == 1,
                             "the connection of this request alone")


if __name__ == "__main__":
    unittest.main()
