"""recommend: records with any request of /invocations, beside those for a user's list."""

import json
import tarfile
import unittest

from behind_streams import DEAD, aggregated
from models import described, trained
from recommend_case import RecommendCase, request

LISTS = ("recommendations", "similar", "audience")


class Requests(RecommendCase):
    def setUp(self):
        super().setUp()
        prefix = self.tree(described())
        (prefix / "model" / "lists").mkdir()
        (prefix / "model" / "lists" / "in-stock.csv").write_text("\n".join(trained().items[::2]))
        self._model = prefix / "model"
        self._default = self.serve(prefix)

    def requests(self):
        """Requests of /invocations with everything in turn."""
        users, items = trained().users, trained().items
        rated = [{"movieId": item, "rating": 5 - n % 2, "timestamp": 1000 + n} for n, item in enumerate(items[:5])]
        yield {"user_id": int(users[0]), "item_id": int(items[0])}
        yield {"userId": users[0], "movieId": items[0], "with": ["title", "genres", "year"]}
        yield {"user_id": "unknown", "item_id": "nothing"}
        yield {"item_id": items[0], "similar": 5}
        yield {"movieId": items[0], "audience": 4}
        yield {"ratings": rated, "item_id": items[9]}
        for who in ({"user_id": users[3]}, {"user": users[4]}, {"ratings": rated}, {"user_id": "unknown"},
                    {"userIds": users[:3], "blend": "least_misery"}):
            yield {**who, "top_n": 5, "where": {"genres": {"any": ["Comedy"]}, "year": {"from": 1993}}}
            yield {**who, "limit": 5, "offset": 3, "exclude": [*items[:4], "nothing"], "diversity": 0.4}
            yield {**who, "top_n": 6, "max_per": {"genres": 3}, "with": ["title", "year"]}
            yield {**who, "item_ids": items[5:9], "include_rated": True, "order": "popularity"}
            if "userIds" not in who:
                yield {**who, "top_n": 4, "explain": 2}

    def records(self):
        for n, body in enumerate([*self.requests(), {"user_id": trained().users[5], "in": "in-stock", "top_n": 4}]):
            yield {**body, "request_id": f"i-{n}", "timestamp": f"at {n}", "trace": {"id": n}}, body

    def assertSays(self, body, event, version):
        """The event is the response of /invocations; lists without attributes and reasons have ids alone."""
        served = self.server.post(body).json()
        for key, value in served.items():
            if key in LISTS:
                self.assertEqual(len(value), event["count"], body)
            if key == "recommendations" and not {"with", "explain"} & set(body):
                value = [str(next(iter(entry.values()))) for entry in value]
                event[key] = [str(item) for item in event[key]]
            self.assertEqual(value, event[key], body)
        for name in ("user_id", "userId", "user", "item_id", "movieId"):
            self.assertEqual(body.get(name), event.get(name))
        self.assertEqual((version, False), (event["model_version"], event["from_cache"]))
        self.assertEqual("at" + event["request_id"].replace("i-", " "), event["timestamp"])

    def assertAllSay(self, records, events):
        self.assertEqual({record["request_id"] for record, _ in records}, set(events))
        for record, body in records:
            self.assertSays(body, events[record["request_id"]], self.version())

    def test_each_record_gets_the_response_of_invocations(self):
        f = self.function()
        records = list(self.records())
        plain = [request(user) for user in trained().users[:3]]
        self.assertFine(f.invoke(*plain, *(record for record, _ in records), aggregated(records[0][0])))
        events = {e["request_id"]: e for e in self.stream.events()}
        self.assertEqual(len(self.stream.ids()), len(events))
        self.assertRecommendations([events.pop(e["request_id"]) for e in plain])
        self.assertAllSay(records, events)
        keys = {json.loads(data)["request_id"]: key for _, key, data in self.stream.written}
        self.assertEqual([trained().users[0]] * 2 + ["unknown", "i-3", "i-4", "i-5"],
                         [keys[f"i-{n}"] for n in range(6)])

    def test_a_model_in_the_process_says_the_same(self):
        records = list(self.records())
        archive = self.folder / "packed.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(self._model, ".")
        for place in (self._model / "model.bin", archive):
            self.stream.written.clear()
            f = self.function(MODEL_URI=str(place))
            self.assertFine(f.invoke(*(record for record, _ in records)))
            self.assertAllSay(records, {e["request_id"]: e for e in self.stream.events()})

    def test_without_a_number_a_list_has_the_usual_length(self):
        f = self.function(TOP_N="3")
        self.assertFine(f.invoke({"user": 1, "request_id": "a"}, request(1, "b", exclude=["1"]),
                                 {"ratings": [{"itemId": 1, "rating": 5}], "request_id": "c"}))
        self.assertEqual({"a": 3, "b": 3, "c": 3},
                         {e["request_id"]: e["count"] for e in self.stream.events()})

    def test_what_the_model_rejects_is_a_dead_letter_and_the_others_are_processed(self):
        for more in ({}, {"MODEL_URI": str(described().model_bin)}):
            f = self.function(DEAD_LETTER_STREAM_NAME=DEAD, **more)
            self.stream.written.clear()
            self.assertFine(f.invoke(
                request(1, "good"), request(1, "a", where={"genres": "Comedie"}), request(2, "b", diversity=2),
                {"request_id": "c", "item_id": 1}, request(1, "d", item_id="1", movieId="2"),
                request(1, "e", exclude=["x" * 300]), {"in": "nothing"}, request(3, "f", item_id="1")))
            self.assertEqual({"good", "f"}, set(self.stream.ids()))
            letters = self.stream.events(DEAD)
            for letter, reason in zip(letters, (
                    "the model refuses it: line 1: where.genres: genres has no value \"Comedie\": did you mean \"Comedy\"?",
                    "diversity: ", "add userId", "names of one field", "exclude[0]: ", "request_id is missing"), strict=False):
                self.assertIn(reason, json.dumps(letter, ensure_ascii=False).replace('\\"', '"'))
            self.assertEqual(6, len(letters))

    def test_a_request_is_known_by_all_of_it(self):
        """Two with one id are two; the same one is not computed again."""
        f = self.function()
        first, second = request(1, "a", exclude=["1"], top_n=3), request(1, "a", exclude=["2"], top_n=3)
        self.assertFine(f.invoke(first, second, first, request(1, "a", top_n=3)))
        self.assertEqual(3, len(self.stream.events()))
        self.assertFine(f.invoke(second, first, request(1, "a", item_id="1")))
        self.assertEqual(4, len(self.stream.events()))
        self.assertEqual(2, f.metrics()["Repeated"])


if __name__ == "__main__":
    unittest.main()
