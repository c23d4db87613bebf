"""The server accepts exactly the requests that the schemas of serve/openapi.json accept; rules that
a schema cannot express are in INEXPRESSIBLE and in the descriptions."""

import copy
import functools
import json
import random
import unittest

from http_words import CSV, JSON, JSON_LINES
from models import trained
from openapi import (REQUEST, complaint, component, invocations, is_valid, request_examples,
                     request_schemas, resolve, response_schema)
from openapi_case import OpenapiCase

# Rules that a schema cannot express; values that only they decide are not in the table below.
# Each is in a description.
INEXPRESSIBLE = {
    "bytes": '{"userId":"%s","movieId":"1001"}' % ("ä" * 200),
    "twice": '{"userId":"1","userId":"1","movieId":"1001"}',
    "surrogate": '{"userId":"\\ud800","movieId":"1001"}',
    "size": '{"instances":[{"userId":"1","top_n":1%s}]}' % (" " * 262144),
    "no rating": '{"ratings":[{"movieId":"1001"}],"top_n":1}',
    "attribute": '{"userId":"1","top_n":1,"where":{"genre":"Comedy"}}',
    "value": '{"userId":"1","top_n":1,"where":{"genres":"Comdy"}}',
    "from and to": '{"userId":"1","top_n":1,"where":{"year":{"from":1999,"to":1990}}}',
    "a number's values": '{"userId":"1","top_n":1,"where":{"year":{"any":["1990"]}}}',
    "conditions of a text": '{"userId":"1","top_n":1,"where":{"title":"Film 1"}}',
    "inner conditions": '{"userId":"1","top_n":1,"where":{"or":[{"genres":{"some":["Comedy"]}}]}}',
    "depth": '{"userId":"1","top_n":1,"where":%s{"genres":"Comedy"}%s}' % ('{"or":[' * 5, "]}" * 5),
    "list": '{"userId":"1","top_n":1,"in":"hafl"}',
    "quota of a number": '{"userId":"1","top_n":1,"max_per":{"year":1}}',
    "attributes": '{"userId":"1","movieId":"1001","with":"titel"}',
    "pages of diversity": '{"userId":"1","top_n":10,"offset":991,"diversity":0.1}',
    "reasons of ratings": '{"userId":"1","top_n":1,"explain":1,"order":"rating"}',
    "all of movieIds": '{"userId":"1","movieIds":[%s"1001"],"offset":1,"diversity":0.1}' % ('"1001",' * 999),
}


def model_complaint(value, models):
    """Why a server with these models rejects a request that the document accepts; or ''."""
    for request in value.get("instances", [value]):
        if "userId" not in request and models["rating"] and any(
                "rating" not in r for r in request.get("ratings", [])):
            return "this model needs a rating of each of the visitor's movies"
        if "order" in request and not models.get(request["order"], True):
            return "this file has no such model"
        if "explain" in request and request.get("order") == "rating":
            return "a list by rating has no reasons"
        n_listed = request.get("top_n", len(request.get("movieIds", ()))) + request.get("offset", 0)
        if request.get("diversity", 0) > 0 and n_listed > 1000:
            return "lists with diversity are shorter"
    return ""


IDS = ["1", "2", "1001", "1050", "unknown-user", "x" * 255, "x" * 256, "", "a\nb", "a\u0085", "tab\t", "ä",
       "日本", 1, 1001, 1001.0, 0, -1, 2**63 - 1, -(2**63), 1.5, None, True, [], {}, ["1"]]
COUNTS = [1, 2, 10, 10.0, 1000, 1001, 0, -1, 2**31, 1.5, "10", None, True, [], {}]
BOOLEANS = [True, False, None, 0, 1, "true", []]
ORDERS = ["ranking", "rating", "popularity", "Rating", "best", "", None, 1, True, [], {}]
TIMES = [0, 964982703, 1.5, -1e300, 2**63 - 1, 10**20, None, "1", True, [], {}]
NUMBERS = [5, 0.5, -1, 0, 1e9, 1e30, 10**20, 3e38, 4e38, 1e308, -4e38, "5", None, True, []]

# Good and bad values of the fields that steer a list; the model has title, genres and year.
STEERING = {
    "where": [{"genres": "Comedy"}, {"genres": {"any": ["Comedy"], "none": ["War"]}, "year": {"from": 1985, "to": 2000}},
              {"or": [{"genres": ["Drama"]}, {"and": [{"year": 1990}, {"genres": {"all": "War"}}]}]},
              {"year": {"from": 1e300}}, {}, [], "Comedy", None, 5, {"genres": {}}, {"genres": []}, {"genres": [5]},
              {"genres": {"any": []}}, {"genres": {"some": ["Comedy"]}}, {"year": {"from": "1990"}}, {"or": []},
              {"or": {"genres": "Comedy"}}, {"or": [5]}, {"or": [{}]}, {"genres": None}, {"year": True}],
    "exclude": [["1001"], [1001, "unknown-item", "1001"], ["1001"] * 2000, [], "1001", None, {}, *([i] for i in IDS)],
    "in": ["half", "", None, 5, ["half"], {}],
    "diversity": [0, 0.3, 1, 1.0, -0.1, 1.1, "0.3", None, True, []],
    "max_per": [{"genres": 1}, {"genres": 1000.0}, {"genres": 0}, {"genres": 1001}, {"genres": "1"}, {}, [], None, 2],
    "offset": [0, 5, 5.0, 2**31 - 1, 2**31, -1, 1.5, "1", None, True, []],
    "explain": [1, 20, 3.0, 0, 21, -1, 1.5, "1", None, True, []],
    "with": ["title", ["title", "genres", "year"], ["year"], [], "", [""], ["title", "title"], None, 5, [5], {}],
}
OTHERS = {
    "userIds": [["1", "2"], ["7"], ["1", "unknown-user", 3], ["1"] * 100, ["1"] * 101, [], "1", None, {}, *([i] for i in IDS)],
    "blend": ["least_misery", "average", "average", "least", "", None, 1, []],
    "audience": [3, 1, 200, *COUNTS],
}
GOOD = {name: values[0] for name, values in STEERING.items()}
GROUP = {name: OTHERS[name][0] for name in ("userIds", "blend")}
AUDIENCE = {"audience": 3}
MOVIES = "movieId,title,genres\n" + "".join(
    f"{item},Film {k} ({1980 + k % 30}),{'Comedy|War' if k % 2 else 'Drama'}\n" for k, item in enumerate(trained().items))


def a_rating(r, good_only):
    made = {"movieId": r.choice(["1001", "1002", 1003, "unknown-user"]), "rating": r.choice([5, 0.5, 3])}
    if r.random() < 0.3:
        made["timestamp"] = r.choice([0, 964982703, 2.5, None])
    if not good_only and r.random() < 0.3:
        spoil(r, made, {"movieId": IDS, "rating": NUMBERS, "timestamp": TIMES})
    return made


def a_value(r, field):
    """A value for this field, good or bad."""
    good_only = r.random() < 0.7
    if field in ("userId", "movieId"):
        return r.choice(["1", "7", 3, "unknown-user", "1001", 1002] if good_only else IDS)
    if field in ("top_n", "similar"):
        return r.choice([1, 5, 30] if good_only else COUNTS)
    if field == "include_rated":
        return r.choice([True, False] if good_only else BOOLEANS)
    if field == "order":
        return r.choice(["rating", "popularity"] if good_only else ORDERS)
    if field in STEERING or field in OTHERS:
        values = {**STEERING, **OTHERS, "in": ["half"]}[field]
        return r.choice(values[:3] if good_only else values)
    size = r.choice([1, 2, 5] if good_only else [0, 1, 3, 30])
    if field == "movieIds":
        if not good_only and r.random() < 0.3:
            return r.choice(["1001", None, {}, 1001, {"0": "1001"}])
        return [r.choice(["1001", "1002", 1003, "unknown-user"]) if good_only or r.random() < 0.9
                else r.choice(IDS) for _ in range(size)]
    if not good_only and r.random() < 0.3:
        return r.choice(["1001", None, {}, 5, [5], [None], [["1001", 5]]])
    return [a_rating(r, good_only or size > 10) for _ in range(size)]


FIELDS = ("userId", "movieId", "movieIds", "top_n", "include_rated", "order", "similar", "ratings")
UNKNOWN_FIELDS = ("surprise", "topN", "Where", "rating", "instances", "", "include_rated ")


def spoil(r, made, values):
    """One change: a field less, another value, a field more."""
    kind = r.randrange(3)
    if kind == 0 and made:
        del made[r.choice(list(made))]
    elif kind == 1 and made:
        field = r.choice(list(made))
        made[field] = r.choice(values[field])
    else:
        made[r.choice(UNKNOWN_FIELDS)] = r.choice([1, "1", None, [], {}])


def a_request(r):
    """One of the document's forms, then up to three changes."""
    schema = resolve(component(r.choice(request_schemas())))
    made = {f: a_value(r, f) for f in schema["properties"]
            if f in schema["required"] or r.random() < (0.15 if f in STEERING else 0.5)}
    for _ in range(r.choice([0, 0, 1, 1, 2, 3])):
        kind = r.randrange(4)
        if kind == 0 and made:
            del made[r.choice(list(made))]
        elif kind == 1:
            field = r.choice((*FIELDS, *STEERING, *OTHERS))
            made[field] = a_value(r, field)
        elif kind == 2 and made:
            field = r.choice(list(made))
            made[field] = a_value(r, field)
        elif r.random() < 0.3:
            made[r.choice(UNKNOWN_FIELDS)] = a_value(r, r.choice(FIELDS))
    made = list(made.items())
    r.shuffle(made)
    return dict(made)


class Requests(OpenapiCase):
    @functools.cached_property
    def server(self):  # pylint: disable=method-hidden
        """With attributes of its items and a list."""
        prefix = self.tree(trained(movies=MOVIES))
        self.place_list(prefix, "half", trained().items[::2])
        return self.serve(prefix)

    @functools.cached_property
    def models(self):
        return self.server.get("/health").json()["model"]["models"]

    def assertAgrees(self, client, value, schema=None):
        """It is accepted exactly if the schema of bodies and the model accept it; True if so."""
        schema = schema or invocations().body["content"][JSON]["schema"]
        why = complaint(schema, value) or model_complaint(value, self.models)
        response = self.invoke(client, value)
        self.assertEqual(400 if why else 200, response.status,
                         f"{json.dumps(value)[:600]}\nby the schema: {why or 'fine'}{response}")
        if not why:
            requests = value.get("instances", [value])
            responses = response.json()["predictions"] if "instances" in value else [response.json()]
            self.assertEqual(len(requests), len(responses))
            for request, one in zip(requests, responses):
                self.assertEqual("", complaint(response_schema(request), one), request)
        return not why

    def test_unknown_fields_are_refused_everywhere(self):
        client = self.connect(self.server)
        n = 0
        for name, value in request_examples(JSON).items():
            places = [value, *value.get("instances", []), *value.get("ratings", [])]
            for at in range(len(places)):
                for field in [*places[at], "surprise"]:
                    spoiled = copy.deepcopy(value)
                    place = [spoiled, *spoiled.get("instances", []),
                             *spoiled.get("ratings", [])][at]
                    place[field + "x"] = place.get(field, 1)
                    with self.subTest(name=name, field=field):
                        self.assertFalse(self.assertAgrees(client, spoiled))
                    n += 1
        self.assertGreater(n, 60)

    def test_every_value_of_every_property(self):
        """Each field of each form: missing, and every value of the lists above."""
        client = self.connect(self.server)
        whole = {"userId": "1", "movieId": "1001", "top_n": 3, "similar": 3, "include_rated": True,
                 "order": "popularity", "movieIds": ["1001", "1002"],
                 "ratings": [{"movieId": "1001", "rating": 5}], **GOOD, **GROUP, **AUDIENCE}
        values = {**STEERING, **OTHERS, "userId": IDS, "movieId": IDS, "top_n": COUNTS, "similar": COUNTS,
                  "include_rated": BOOLEANS, "order": ORDERS,
                  "movieIds": [[], "1001", None, ["1001"] * 1000, ["1001"] * 1001,
                               *([i] for i in IDS)],
                  "ratings": [[], "5", None, [whole["ratings"][0]] * 1000,
                              [whole["ratings"][0]] * 1001, [{"movieId": "1001"}], [{"rating": 5}],
                              [{}], [None], *([{"movieId": i, "rating": 5}] for i in IDS),
                              *([{"movieId": "1001", "rating": x}] for x in NUMBERS),
                              *([{"movieId": "1001", "rating": 5, "timestamp": x}] for x in TIMES)]}
        self.assertEqual({*FIELDS, *STEERING, *OTHERS}, set(values))
        accepted = {True: 0, False: 0}
        for name in request_schemas():
            fields = resolve(component(name))["properties"]
            base = {f: whole[f] for f in fields}
            if "audience" in base:
                base["order"] = "rating"
            self.assertTrue(self.assertAgrees(client, base), name)
            for field in fields:
                less = {f: v for f, v in base.items() if f != field}
                accepted[self.assertAgrees(client, less)] += 1
                for value in values[field]:
                    accepted[self.assertAgrees(client, {**base, field: value})] += 1
        self.assertGreater(min(accepted.values()), 50)

    def test_every_set_of_fields(self):
        """Without a field that steers a list, with each of them alone, and with all; and for groups and audiences."""
        client = self.connect(self.server)
        whole = {"userId": "1", "movieId": "1001", "top_n": 3, "similar": 3, "include_rated": True,
                 "order": "popularity", "movieIds": ["1001", "1002"],
                 "ratings": [{"movieId": "1001", "rating": 5}]}
        accepted = {}
        steered = {"": {}, "all": GOOD, **{name: {name: value} for name, value in GOOD.items()},
                   "userIds": {"userIds": ["1"]}, "group": GROUP, "audience": AUDIENCE, "blend": {"blend": "average"}}
        for bits in range(2 ** len(FIELDS)):
            plain = {f: whole[f] for i, f in enumerate(FIELDS) if bits >> i & 1}
            for name, fields in steered.items():
                accepted[name] = accepted.get(name, 0) + self.assertAgrees(client, {**plain, **fields})
        # A rating, or a list by top_n, movieIds or both with include_rated or without and with
        # order or without, each for a user, a visitor, or a user with newer ratings; and similar movies.
        n_lists = 3 * 3 * 2 * 2
        self.assertEqual({**dict.fromkeys(steered, n_lists), "": n_lists + 4, "with": n_lists + 4,
                          "userIds": n_lists // 3, "group": n_lists // 3, "audience": 1, "blend": 0}, accepted)

    def test_random_requests_alone_in_batches_and_on_lines(self):
        r = random.Random(20250131)
        client = self.connect(self.server)
        one = component(REQUEST)
        requests = [a_request(r) for _ in range(1500)]
        fine = [q for q in requests if self.assertAgrees(client, q)]
        self.assertGreater(len(fine), 400)
        self.assertGreater(len(requests) - len(fine), 400)
        for _ in range(60):
            some = r.sample(requests, r.randrange(4)) + r.sample(fine, r.randrange(4))
            r.shuffle(some)
            self.assertAgrees(client, {"instances": some})
            if not some:
                continue
            why = [complaint(one, q) or model_complaint(q, self.models) for q in some]
            response = self.invoke(client, "".join(json.dumps(q) + "\n" for q in some), JSON_LINES)
            self.assertEqual(400 if any(why) else 200, response.status, (some, why, response))
            if not any(why):
                for request, prediction in zip(some, response.json_lines(), strict=True):
                    self.assertEqual("", complaint(response_schema(request), prediction), request)

    def test_other_values_than_objects_are_refused(self):
        client = self.connect(self.server)
        schema = invocations().body["content"][JSON]["schema"]
        for value in (None, True, 1, 1.5, "1", [], [{"userId": "1", "movieId": "1001"}]):
            for body in (value, {"instances": [value]}, {"instances": {"instances": value}}):
                self.assertFalse(is_valid(schema, body))
                self.assertEqual(400, self.invoke(client, json.dumps(body)).status, body)

    def test_rules_that_a_schema_cannot_express_are_enforced(self):
        client = self.connect(self.server)
        for rule, text in INEXPRESSIBLE.items():
            with self.subTest(rule=rule):
                self.assertTrue(is_valid(invocations().body["content"][JSON]["schema"], json.loads(text)), "it can")
                self.assertEqual(413 if rule == "size" else 400, self.invoke(client, text).status)

    def test_other_names_of_users_and_items(self):
        """The response is the same, with the request's word for items."""
        client = self.connect(self.server)
        for usual, other, word in (
                ({"userId": "1", "movieId": "1001"}, {"user": "1", "ITEM_ID": "1001"}, None),
                ({"userId": "1", "top_n": 3}, {"user_id": "1", "limit": 3}, "item_id"),
                ({"userId": "1", "movieIds": ["1001", "1002"]}, {"userId": "1", "productIds": ["1001", "1002"]}, "productId"),
                ({"movieId": "1001", "similar": 2}, {"asin": "1001", "similar": 2}, "asin"),
                ({"ratings": [{"movieId": "1001", "rating": 5}], "top_n": 2},
                 {"ratings": [{"item": "1001", "rating": 5}], "top_n": 2}, "movieId")):
            with self.subTest(other=other):
                expected, response = self.invoke(client, usual), self.invoke(client, other)
                self.assertEqual((200, 200), (expected.status, response.status), response)
                self.assertEqual(expected.text.replace('"movieId"', f'"{word}"'), response.text)
        both = self.invoke(client, {"userId": "1", "user_id": "1", "movieId": "1001"})
        self.assertRefused(both, 400, "user_id", "send one of the two")

    def test_lines_of_csv(self):
        client = self.connect(self.server)
        schema = invocations().body["content"][CSV]["schema"]
        for text, status in (("1,1001\n", 200), ("1,1001", 200), ("1,1001\r\n2,1002\r\n", 200),
                             ('"1","1001"\n', 200), ("1,1001\n\n", 200), ("user,item\n1,1001\n", 200),
                             ("MOVIEID,USERID\n1,2\n", 200),
                             ("reviewerID,title\n1,2\n", 400), ("1,1001\n\n1,1001\n", 400),
                             ("1\n", 400), ("1,1001,5\n", 400), ("", 400), ("\n", 400), (",\n", 400),
                             ('"1\n",1001\n', 400)):
            with self.subTest(text=text):
                self.assertEqual(status, self.invoke(client, text, CSV).status)
                if status == 200:
                    self.assertEqual("", complaint(schema, text))

    def test_batches_keep_order_and_count(self):
        client = self.connect(self.sample_server())
        examples = [q for q in request_examples(JSON).values() if "instances" not in q]
        r = random.Random(1)
        requests = [r.choice(examples) for _ in range(100)]
        requests += [{"userId": str(r.randrange(1, 672)), "movieId": str(r.randrange(1, 3000))}
                     for _ in range(400)]
        r.shuffle(requests)
        alone = [self.invoke(client, q).json() for q in requests]
        batch = self.invoke(client, {"instances": requests}).json()["predictions"]
        self.assertEqual(alone, batch)
        lines = self.invoke(client, "\n".join(map(json.dumps, requests)), JSON_LINES)
        self.assertEqual(alone, lines.json_lines())
        pairs = [(q, a) for q, a in zip(requests, alone) if set(q) == {"userId", "movieId"}]
        ratings = self.invoke(client, "".join(f"{q['userId']},{q['movieId']}\n" for q, _ in pairs), CSV)
        self.assertEqual([a["predicted_rating"] for _, a in pairs],
                         list(map(float, ratings.csv_lines())))
        empty = self.invoke(client, {"instances": []})
        self.assertEqual((200, {"predictions": []}), (empty.status, empty.json()))


if __name__ == "__main__":
    unittest.main()
