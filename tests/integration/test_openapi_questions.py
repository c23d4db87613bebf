"""What a schema of serve/openapi.json accepts the server accepts, and what it refuses the server
refuses; rules that a schema cannot say are in INEXPRESSIBLE and in the descriptions."""

import copy
import functools
import json
import random
import unittest

from http_words import CSV, JSON, JSON_LINES
from openapi import (answer_schema, complaint, component, invocations, is_valid, question_schemas,
                     request_examples, resolve)
from openapi_case import OpenapiCase

# Rules that a schema cannot say; values that only they decide are left out of the table below.
# Each is in a description.
INEXPRESSIBLE = {
    "bytes": '{"userId":"%s","movieId":"1001"}' % ("ä" * 200),
    "point": '{"userId":"1","top_n":10.0}',
    "integer with an exponent": '{"userId":1e0,"movieId":"1001"}',
    "twice": '{"userId":"1","userId":"1","movieId":"1001"}',
    "surrogate": '{"userId":"\\ud800","movieId":"1001"}',
    "size": '{"userId":"1","movieId":"1001"%s}' % (" " * 262144),
    "long integer": '{"ratings":[{"movieId":"1001","rating":100000000000000000000}],"top_n":1}',
    "no rating": '{"ratings":[{"movieId":"1001"}],"top_n":1}',
}


def model_complaint(value, models):
    """What the document accepts, and a server with these models refuses; or ''."""
    for question in value.get("instances", [value]):
        if models["rating"] and any("rating" not in r for r in question.get("ratings", [])):
            return "this model needs a rating of each of the visitor's movies"
        if "order" in question and not models.get(question["order"], True):
            return "this file has no such model"
    return ""


IDS = ["1", "2", "1001", "1050", "nobody", "x" * 255, "x" * 256, "", "a\nb", "a\u0085", "tab\t", "ä",
       "日本", 1, 1001, 0, -1, 2**63 - 1, -(2**63), 1.5, None, True, [], {}, ["1"]]
COUNTS = [1, 2, 10, 1000, 1001, 0, -1, 2**31, 1.5, "10", None, True, [], {}]
BOOLEANS = [True, False, None, 0, 1, "true", []]
ORDERS = ["ranking", "rating", "popularity", "Rating", "best", "", None, 1, True, [], {}]
TIMES = [0, 964982703, 1.5, -1e300, 2**63 - 1, None, "1", True, [], {}]
NUMBERS = [5, 0.5, -1, 0, 1e9, 1e30, 3e38, 4e38, 1e308, -4e38, "5", None, True, []]


def a_rating(r, good_only):
    made = {"movieId": r.choice(["1001", "1002", 1003, "nobody"]), "rating": r.choice([5, 0.5, 3])}
    if r.random() < 0.3:
        made["timestamp"] = r.choice([0, 964982703, 2.5, None])
    if not good_only and r.random() < 0.3:
        spoil(r, made, {"movieId": IDS, "rating": NUMBERS, "timestamp": TIMES})
    return made


def a_value(r, field):
    """Something for this field; good values and bad ones."""
    good_only = r.random() < 0.7
    if field in ("userId", "movieId"):
        return r.choice(["1", "7", 3, "nobody", "1001", 1002] if good_only else IDS)
    if field in ("top_n", "similar"):
        return r.choice([1, 5, 30] if good_only else COUNTS)
    if field == "include_rated":
        return r.choice([True, False] if good_only else BOOLEANS)
    if field == "order":
        return r.choice(["rating", "popularity"] if good_only else ORDERS)
    size = r.choice([1, 2, 5] if good_only else [0, 1, 3, 30])
    if field == "movieIds":
        if not good_only and r.random() < 0.3:
            return r.choice(["1001", None, {}, 1001, {"0": "1001"}])
        return [r.choice(["1001", "1002", 1003, "nobody"]) if good_only or r.random() < 0.9
                else r.choice(IDS) for _ in range(size)]
    if not good_only and r.random() < 0.3:
        return r.choice(["1001", None, {}, 5, [5], [None], [["1001", 5]]])
    return [a_rating(r, good_only or size > 10) for _ in range(size)]


FIELDS = ("userId", "movieId", "movieIds", "top_n", "include_rated", "order", "similar", "ratings")
STRANGERS = ("surprise", "user_id", "topN", "UserId", "rating", "instances", "", "include_rated ")


def spoil(r, made, values):
    """One change: a field less, another value, a field more."""
    kind = r.randrange(3)
    if kind == 0 and made:
        del made[r.choice(list(made))]
    elif kind == 1 and made:
        field = r.choice(list(made))
        made[field] = r.choice(values[field])
    else:
        made[r.choice(STRANGERS)] = r.choice([1, "1", None, [], {}])


def a_question(r):
    """One of the document's forms, then up to three changes."""
    schema = resolve(component(r.choice(question_schemas())))
    made = {f: a_value(r, f) for f in schema["properties"]
            if f in schema["required"] or r.random() < 0.5}
    for _ in range(r.choice([0, 0, 1, 1, 2, 3])):
        kind = r.randrange(4)
        if kind == 0 and made:
            del made[r.choice(list(made))]
        elif kind == 1:
            field = r.choice(FIELDS)
            made[field] = a_value(r, field)
        elif kind == 2 and made:
            field = r.choice(list(made))
            made[field] = a_value(r, field)
        elif r.random() < 0.3:
            made[r.choice(STRANGERS)] = a_value(r, r.choice(FIELDS))
    made = list(made.items())
    r.shuffle(made)
    return dict(made)


class Questions(OpenapiCase):
    @functools.cached_property
    def models(self):
        return self.server.get("/health").json()["model"]["models"]

    def assertAgrees(self, client, value, schema=None):
        """Accepted exactly if the schema of bodies and the model accept it; True if so."""
        schema = schema or invocations().body["content"][JSON]["schema"]
        why = complaint(schema, value) or model_complaint(value, self.models)
        answer = self.ask(client, value)
        self.assertEqual(400 if why else 200, answer.status,
                         f"{json.dumps(value)[:600]}\nby the schema: {why or 'fine'}{answer}")
        if not why:
            questions = value.get("instances", [value])
            answers = answer.json()["predictions"] if "instances" in value else [answer.json()]
            self.assertEqual(len(questions), len(answers))
            for question, one in zip(questions, answers):
                self.assertEqual("", complaint(answer_schema(question), one), question)
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

    def test_every_property_by_hand(self):
        """Each field of each form: left out, and every value of the lists above."""
        client = self.connect(self.server)
        whole = {"userId": "1", "movieId": "1001", "top_n": 3, "similar": 3, "include_rated": True,
                 "order": "popularity", "movieIds": ["1001", "1002"],
                 "ratings": [{"movieId": "1001", "rating": 5}]}
        values = {"userId": IDS, "movieId": IDS, "top_n": COUNTS, "similar": COUNTS,
                  "include_rated": BOOLEANS, "order": ORDERS,
                  "movieIds": [[], "1001", None, ["1001"] * 1000, ["1001"] * 1001,
                               *([i] for i in IDS)],
                  "ratings": [[], "5", None, [whole["ratings"][0]] * 1000,
                              [whole["ratings"][0]] * 1001, [{"movieId": "1001"}], [{"rating": 5}],
                              [{}], [None], *([{"movieId": i, "rating": 5}] for i in IDS),
                              *([{"movieId": "1001", "rating": x}] for x in NUMBERS),
                              *([{"movieId": "1001", "rating": 5, "timestamp": x}] for x in TIMES)]}
        self.assertEqual(set(FIELDS), set(values))
        accepted = {True: 0, False: 0}
        for name in question_schemas():
            fields = resolve(component(name))["properties"]
            base = {f: whole[f] for f in fields}
            self.assertTrue(self.assertAgrees(client, base), name)
            for field in fields:
                less = {f: v for f, v in base.items() if f != field}
                accepted[self.assertAgrees(client, less)] += 1
                for value in values[field]:
                    accepted[self.assertAgrees(client, {**base, field: value})] += 1
        self.assertGreater(min(accepted.values()), 50)

    def test_every_set_of_fields(self):
        client = self.connect(self.server)
        whole = {"userId": "1", "movieId": "1001", "top_n": 3, "similar": 3, "include_rated": True,
                 "order": "popularity", "movieIds": ["1001", "1002"],
                 "ratings": [{"movieId": "1001", "rating": 5}]}
        accepted = 0
        for bits in range(2 ** len(FIELDS)):
            accepted += self.assertAgrees(client, {f: whole[f] for i, f in enumerate(FIELDS)
                                                   if bits >> i & 1})
        # A rating, or a list by top_n, movieIds or both with include_rated or without and with
        # order or without, each for a user or a visitor; and similar movies.
        self.assertEqual(2 * (1 + 3 * 2 * 2) + 1, accepted)

    def test_random_questions_alone_in_batches_and_on_lines(self):
        r = random.Random(20250131)
        client = self.connect(self.server)
        one = component("Question")
        questions = [a_question(r) for _ in range(1500)]
        fine = [q for q in questions if self.assertAgrees(client, q)]
        self.assertGreater(len(fine), 400)
        self.assertGreater(len(questions) - len(fine), 400)
        for _ in range(60):
            some = r.sample(questions, r.randrange(4)) + r.sample(fine, r.randrange(4))
            r.shuffle(some)
            self.assertAgrees(client, {"instances": some})
            if not some:
                continue
            why = [complaint(one, q) or model_complaint(q, self.models) for q in some]
            answer = self.ask(client, "".join(json.dumps(q) + "\n" for q in some), JSON_LINES)
            self.assertEqual(400 if any(why) else 200, answer.status, (some, why, answer))
            if not any(why):
                for question, said in zip(some, answer.json_lines(), strict=True):
                    self.assertEqual("", complaint(answer_schema(question), said), question)

    def test_other_values_than_objects_are_refused(self):
        client = self.connect(self.server)
        schema = invocations().body["content"][JSON]["schema"]
        for value in (None, True, 1, 1.5, "1", [], [{"userId": "1", "movieId": "1001"}]):
            for body in (value, {"instances": [value]}, {"instances": {"instances": value}}):
                self.assertFalse(is_valid(schema, body))
                self.assertEqual(400, self.ask(client, json.dumps(body)).status, body)

    def test_what_a_schema_cannot_say_is_refused_too(self):
        client = self.connect(self.server)
        for rule, text in INEXPRESSIBLE.items():
            with self.subTest(rule=rule):
                self.assertTrue(is_valid(component("Question"), json.loads(text)), "it can")
                self.assertEqual(400, self.ask(client, text).status)

    def test_lines_of_csv(self):
        client = self.connect(self.server)
        schema = invocations().body["content"][CSV]["schema"]
        for text, status in (("1,1001\n", 200), ("1,1001", 200), ("1,1001\r\n2,1002\r\n", 200),
                             ('"1","1001"\n', 200), ("1,1001\n\n", 200), ("user,item\n1,1001\n", 200),
                             ("MOVIEID,USERID\n1,2\n", 400), ("1,1001\n\n1,1001\n", 400),
                             ("1\n", 400), ("1,1001,5\n", 400), ("", 400), ("\n", 400), (",\n", 400),
                             ('"1\n",1001\n', 400)):
            with self.subTest(text=text):
                self.assertEqual(status, self.ask(client, text, CSV).status)
                if status == 200:
                    self.assertEqual("", complaint(schema, text))

    def test_batches_keep_order_and_count(self):
        client = self.connect(self.sample_server())
        examples = [q for q in request_examples(JSON).values() if "instances" not in q]
        r = random.Random(1)
        questions = [r.choice(examples) for _ in range(100)]
        questions += [{"userId": str(r.randrange(1, 672)), "movieId": str(r.randrange(1, 3000))}
                      for _ in range(400)]
        r.shuffle(questions)
        alone = [self.ask(client, q).json() for q in questions]
        batch = self.ask(client, {"instances": questions}).json()["predictions"]
        self.assertEqual(alone, batch)
        lines = self.ask(client, "\n".join(map(json.dumps, questions)), JSON_LINES)
        self.assertEqual(alone, lines.json_lines())
        pairs = [(q, a) for q, a in zip(questions, alone) if set(q) == {"userId", "movieId"}]
        ratings = self.ask(client, "".join(f"{q['userId']},{q['movieId']}\n" for q, _ in pairs), CSV)
        self.assertEqual([a["predicted_rating"] for _, a in pairs],
                         list(map(float, ratings.csv_lines())))
        empty = self.ask(client, {"instances": []})
        self.assertEqual((200, {"predictions": []}), (empty.status, empty.json()))


if __name__ == "__main__":
    unittest.main()
