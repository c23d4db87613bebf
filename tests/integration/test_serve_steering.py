"""Steered lists over HTTP against Python: whatever is combined, the list is what remains of the whole list of that
user, with the same scores, when conditions, exclusions, quotas and pages are applied to it by data/movies.csv."""

import csv
import json
import random
import re
import unittest
from urllib.parse import urlencode

from http_words import JSON_LINES
from openapi_case import sample
from samples import REAL_MOVIES
from serve_case import ServeCase

N_COMBINATIONS = 60
USERS = ("2", "15", "547", "671")
VISITOR = [{"movieId": "1", "rating": 5}, {"movieId": "16", "rating": 1.5}, {"movieId": "318", "rating": 4}]
IN_STOCK = sample().items[::2]


def movies():
    """{id: (title, genres, year or None)} as the documents say that they are read."""
    with open(REAL_MOVIES, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    years = {row["movieId"]: re.search(r"\((\d{4})\)\s*$", row["title"]) for row in rows}
    return {row["movieId"]: (row["title"], row["genres"].split("|"),
                             int(years[row["movieId"]].group(1)) if years[row["movieId"]] else None) for row in rows}


MOVIES = movies()
GENRES = sorted({genre for _, genres, _ in MOVIES.values() for genre in genres})


def meets(where, item):
    """Whether an item meets the conditions."""
    _, genres, year = MOVIES[item]
    for name, condition in where.items():
        if name in ("and", "or"):
            if not (all if name == "and" else any)(meets(part, item) for part in condition):
                return False
        elif name == "year":
            bounds = condition if isinstance(condition, dict) else {"from": condition, "to": condition}
            if year is None or year < bounds.get("from", year) or year > bounds.get("to", year):
                return False
        else:
            lists = condition if isinstance(condition, dict) else {"any": condition}
            lists = {key: [value] if isinstance(value, str) else value for key, value in lists.items()}
            if ("any" in lists and not set(lists["any"]) & set(genres)) or \
                    not set(lists.get("all", ())) <= set(genres) or set(lists.get("none", ())) & set(genres):
                return False
    return True


def steer(whole, request, rated):
    """The entries of the whole list, rated items and all, of this request."""
    candidates = request.get("movieIds")
    include_rated = request.get("include_rated", "top_n" not in request)
    left_out = set(request.get("exclude", ())) | (set() if include_rated else rated)
    counts, places = {}, []
    for entry in whole:
        item = entry["movieId"]
        genres = MOVIES[item][1]
        most = request.get("max_per", {}).get("genres")
        if item in left_out or (candidates is not None and item not in candidates) or \
                ("in" in request and item not in IN_STOCK) or not meets(request.get("where", {}), item) or \
                (most is not None and any(counts.get(genre, 0) >= most for genre in genres)):
            continue
        for genre in genres:
            counts[genre] = counts.get(genre, 0) + 1
        places.append(entry)
    offset = request.get("offset", 0)
    return places[offset:offset + request.get("top_n", len(places))]


def a_condition(r, depth=0):
    some = r.sample(GENRES, r.choice((1, 1, 2, 3)))
    kind = r.randrange(7 if depth < 3 else 5)
    if kind == 0:
        return {"genres": r.choice((some[0], some))}
    if kind == 1:
        keys = r.sample(("any", "all", "none"), r.choice((1, 2)))
        taken = iter(r.sample(GENRES, 6))
        return {"genres": {key: [next(taken) for _ in range(r.choice((1, 1, 3)))] if key == "none" else
                           r.choice(([next(taken)], next(taken))) for key in keys}}
    if kind == 2:
        return {"year": r.choice((r.randrange(1930, 2016), {"from": r.randrange(1930, 2010)}))}
    if kind == 3:
        start = r.randrange(1930, 2010)
        return {"year": {"from": start, "to": start + r.randrange(30)}, "genres": some}
    if kind == 4:
        return {"year": {"to": r.randrange(1950, 2010)}}
    name = "or" if kind == 5 else "and"
    return {name: [a_condition(r, depth + 1) for _ in range(r.choice((1, 2, 3)))]}


def a_request(r, whole):
    """A random combination for a user with this whole list."""
    request = {}
    if r.random() < 0.6:
        request["where"] = a_condition(r)
    if r.random() < 0.4:
        request["exclude"] = [entry["movieId"] for entry in r.sample(whole[:200], r.choice((1, 20, 100)))] + \
            r.choice(([], ["unknown-item"]))
    if r.random() < 0.3:
        request["in"] = "in-stock"
    if r.random() < 0.3:
        request["movieIds"] = r.sample(sample().items, r.choice((5, 500, 5000)))
        request["movieIds"] += request["movieIds"][:3]
    if r.random() < 0.4:
        request["max_per"] = {"genres": r.choice((1, 2, 5, 50))}
    if "movieIds" not in request or len(request["movieIds"]) > 1000 or r.random() < 0.7:
        request["top_n"] = r.choice((1, 10, 30, 1000))
    if r.random() < 0.5:
        request["offset"] = r.choice((1, 10, 300, 9000))
    if r.random() < 0.3:
        request["include_rated"] = r.choice((True, False))
    return request


class SteeringCase(ServeCase):
    settings = {"SERVE_MAX_TOP_N": "10000"}

    def setUp(self):
        super().setUp()
        prefix = self.tree(sample())
        self.place_list(prefix, "in-stock", IN_STOCK)
        self.steered = self.serve(prefix)
        self.client = self.steered.connect()
        self._closers.append(self.client)

    def entries(self, request):
        return self.assertResponse(self.client.post(request)).json()["recommendations"]

    def whole(self, who, order):
        """The user's list of all items, and what the user rated."""
        entries = self.entries({**who, "top_n": 10000, "include_rated": True, **order})
        self.assertEqual(sample().items, sorted(entry["movieId"] for entry in entries))
        rated = {r["movieId"] for r in who["ratings"]} if "ratings" in who else \
            sample().rated.get(who["userId"], set())
        return entries, rated


class Combinations(SteeringCase):
    def test_every_combination_is_the_whole_list_filtered(self):
        r = random.Random(20260131)
        people = [*({"userId": user} for user in USERS), {"ratings": VISITOR}, {"userId": "unknown"}]
        orders = [{}, {"order": "ranking"}, {"order": "rating"}, {"order": "popularity"}]
        wholes, requests, expected = {}, [], []
        while len(requests) < N_COMBINATIONS:
            who, order = r.choice(people), r.choice(orders)
            key = json.dumps((who, order))
            if key not in wholes:
                wholes[key] = self.whole(who, order)
            whole, rated = wholes[key]
            request = {**who, **order, **a_request(r, whole)}
            with self.subTest(request={**request, "movieIds": len(request.get("movieIds", ()))}):
                requests.append(request)
                expected.append(steer(whole, request, rated))
                self.assertEqual(expected[-1], self.entries(request))
        lengths = [len(entries) for entries in expected]
        self.assertGreater(sum(n > 0 for n in lengths), N_COMBINATIONS // 2)
        self.assertGreater(len(wholes), 12)
        batch = [request for request in requests if len(json.dumps(request)) < 200000]
        alone = [entries for request, entries in zip(requests, expected) if request in batch]
        predictions = self.assertResponse(self.client.post({"instances": batch})).json()["predictions"]
        self.assertEqual(alone, [one["recommendations"] for one in predictions])
        lines = self.assertResponse(self.client.post("".join(json.dumps(q) + "\n" for q in batch), JSON_LINES))
        self.assertEqual(alone, [one["recommendations"] for one in lines.json_lines()])

    def test_pages_of_a_varied_list_follow_each_other(self):
        """With diversity, quotas and conditions: pages are pieces of one list, whose items the rules allow."""
        for who in ({"userId": "2"}, {"ratings": VISITOR}, {"userId": "unknown"}):
            rules = {**who, "diversity": 0.5, "where": {"genres": {"none": ["Drama"]}}, "max_per": {"genres": 20}}
            together = self.entries({**rules, "top_n": 60})
            pages = [self.entries({**rules, "top_n": 15, "offset": 15 * k}) for k in range(4)]
            self.assertEqual(together, [entry for page in pages for entry in page])
            items = [entry["movieId"] for entry in together]
            self.assertEqual(60, len(set(items)))
            self.assertTrue(all(meets(rules["where"], item) for item in items))
            for genre in GENRES:
                self.assertLessEqual(sum(genre in MOVIES[item][1] for item in items), 20, genre)
            self.assertNotEqual(items, [entry["movieId"] for entry in self.entries({**rules, "top_n": 60, "diversity": 0})])

    def test_attributes_are_those_of_the_file(self):
        entries = self.entries({"userId": "2", "top_n": 10000, "include_rated": True, "with": ["title", "genres", "year"]})
        for entry in entries:
            title, genres, year = MOVIES[entry["movieId"]]
            self.assertEqual((title, sorted(genres), year), (entry["title"], sorted(entry["genres"]), entry["year"]))
        plain = self.entries({"userId": "2", "top_n": 10000, "include_rated": True})
        self.assertEqual(plain, [{k: v for k, v in entry.items() if k not in ("title", "genres", "year")}
                                 for entry in entries])

    def test_reasons_are_items_of_the_user(self):
        for who, rated in (({"userId": "15"}, sample().rated["15"]), ({"ratings": VISITOR}, {"1", "16", "318"})):
            steered = {**who, "top_n": 20, "where": {"genres": "Comedy"}, "max_per": {"genres": 5}}
            entries = self.entries({**steered, "explain": 20})
            self.assertEqual(self.entries(steered), [{k: v for k, v in entry.items() if k not in ("because", "popular_share")}
                                                     for entry in entries])
            for entry in entries:
                shares = [reason["share"] for reason in entry["because"]]
                self.assertLessEqual({reason["movieId"] for reason in entry["because"]}, rated)
                self.assertEqual(shares, sorted(shares, reverse=True))
                self.assertGreater(min(shares, default=1), 0)
        for request in ({"userId": "unknown"}, {"userId": "2", "order": "popularity"}):
            for entry in self.entries({**request, "top_n": 5, "explain": 3, "in": "in-stock"}):
                self.assertEqual("popular", entry["because"])
                self.assertNotIn("popular_share", entry)


class Parameters(SteeringCase):
    """GET with the same fields as parameters of the query."""

    def test_lists_by_parameters_are_those_of_invocations(self):
        r = random.Random(7)
        whole = self.entries({"userId": "2", "top_n": 10000})
        for n in range(24):
            who = r.choice((*USERS, "unknown"))
            request = {k: v for k, v in a_request(r, whole).items() if k in ("where", "exclude", "in", "offset", "top_n")}
            request.setdefault("top_n", 5)
            if n % 3 == 1:
                request["with"] = r.choice((["title"], ["year", "genres"]))
            if n % 4 == 1:
                request["explain"] = 2
            if n % 5 == 1 and request["top_n"] + request.get("offset", 0) < 1000:
                request["diversity"] = 0.25
            entries = self.entries({"user_id": who, **request})
            if not {"with", "explain"} & set(request):
                entries = [int(entry["item_id"]) for entry in entries]
            query = urlencode({k: json.dumps(v) if k == "where" else ",".join(v) if isinstance(v, list) else v
                               for k, v in request.items()})
            expected = {"user_id": who if who == "unknown" else int(who), "recommendations": entries,
                        "count": len(entries), **({"known_user": False} if who == "unknown" else {})}
            with self.subTest(query=query):
                response = self.assertResponse(self.client.get(f"/internal/recommend/{who}?{query}"))
                self.assertEqual(expected, response.json())
                cached = self.assertResponse(self.client.get(f"/recommend/cached/{who}?{query}")).json()
                if len(request) > 1:
                    self.assertIs(False, cached["from_cache"])
                self.assertEqual(expected, {k: v for k, v in cached.items() if k not in ("from_cache", "latency_ms")})
                self.assertEqual(response.header("X-Model-Version"), self.version())

    def version(self):
        return self.client.get("/health").json()["model"]["version"]

    def test_an_unknown_user_of_a_strict_server_is_404(self):
        prefix = self.tree(sample())
        strict = self.serve(prefix, env={"SERVE_STRICT": "true"})
        self.assertRefused(strict.get("/internal/recommend/unknown?offset=1"), 404, "not in the training data")
        self.assertResponse(strict.get("/internal/recommend/2?offset=1"))


class BadInput(SteeringCase):
    def refused(self, fields, *words, body=None):
        response = self.client.post(body if body is not None else {"userId": "2", "top_n": 3, **fields})
        self.assertRefused(response, 400, *words)

    def test_a_million_excluded_ids(self):
        """All but five items of the catalogue, and ids that are unknown, which are counted."""
        whole = self.entries({"userId": "2", "top_n": 10000})
        kept = [entry["movieId"] for entry in whole[::1500]]
        known = [item for item in sample().items if item not in kept]
        unknown = [f"x{k}" for k in range(10**6 - len(known))]
        before = self.steered.metrics()("recommender_unknown_items_total")
        self.assertEqual(whole[::1500], self.entries({"userId": "2", "top_n": 10, "exclude": known + unknown}))
        self.assertEqual(len(unknown), self.steered.metrics()("recommender_unknown_items_total") - before)

    def test_texts_that_are_not_utf_8(self):
        for spoiled in (b'{"userId":"2","top_n":3,"where":{"genres":"Com\xffdy"}}',
                        b'{"userId":"2","top_n":3,"where":{"gen\xc3\x28res":"Comedy"}}',
                        b'{"userId":"2","top_n":3,"exclude":["\xed\xa0\x80"]}',
                        b'{"userId":"2","top_n":3,"in":"\xff"}', b'{"userId":"2","top_n":3,"with":["\xfe"]}'):
            self.refused(None, "unable to decode byte", body=spoiled)

    def test_names_that_do_not_exist_and_what_cannot_be_meant(self):
        self.refused({"where": {"genre": "Comedy"}}, 'where.genre: no attribute "genre": did you mean genres?')
        self.refused({"where": {"genres": {"any": ["Comdy"]}}}, 'where', 'no value "Comdy": did you mean "Comedy"?')
        self.refused({"in": "in-stok"}, 'in: no list "in-stok": the nearest is "in-stock"')
        self.refused({"with": ["tittle"]}, "with", 'no attribute "tittle"')
        self.refused({"max_per": {"year": 1}}, "max_per", "year has no categories")
        self.refused({"where": {"year": {"from": 1999, "to": 1990}}}, "where", "from 1999 is above to 1990")
        self.refused({"where": {"genres": []}}, "where.genres", "at least one value")
        self.refused({"where": {"or": []}}, "where.or")
        self.refused({"exclude": []}, "exclude")
        self.refused({"diversity": 0.3, "offset": 1000}, "diversity", "at most 1000 items")
        nested = {"userId": "2", "top_n": 3, "where": {"genres": "Comdy"}}
        self.refused(None, "instances[1].where", body={"instances": [{"userId": "2", "top_n": 1}, nested]})

    def test_without_a_file_of_items_there_are_no_attributes(self):
        for field, value in (("where", {"genres": "Comedy"}), ("max_per", {"genres": 2}), ("with", "title")):
            self.assertRefused(self.server.post({"userId": "2", "top_n": 3, field: value}), 400, field, "attribute")


if __name__ == "__main__":
    unittest.main()
