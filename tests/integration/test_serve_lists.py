"""Named lists of items, lists/*.csv beside the model: read at the start and at each reload, refused with their
line when they are bad, counted in the log, in /health and in /metrics."""

import unittest

from models import place_model, trained
from serve_case import ServeCase

HALF = trained().items[::2]


class Lists(ServeCase):
    def tree_with(self, **files):
        """A model folder with these lists, by name: text, or ids."""
        prefix = self.tree()
        for name, content in files.items():
            self.place_list(prefix, name, content)
        return prefix

    def items(self, server, **request):
        response = self.assertResponse(server.post({"top_n": 100, **request}))
        return [entry["movieId"] for entry in response.json()["recommendations"]]

    def counted(self, server):
        """The number of lists, as /health, /metrics and the line of the model in the log give it."""
        return (server.get("/health").json()["model"]["lists"], server.metrics()("recommender_model_lists"),
                server.log_lines("model")[-1]["lists"])

    def test_a_list_at_the_start_is_what_a_request_may_name(self):
        server = self.serve(self.tree_with(half=HALF, few="title,movieId\nA film,1001\n\"B, a film\",1002\n"))
        whole = self.items(server, userId="1")
        self.assertEqual([item for item in whole if item in HALF], self.items(server, userId="1", **{"in": "half"}))
        self.assertEqual({"1001", "1002"}, set(self.items(server, userId="unknown", **{"in": "few"})))
        self.assertEqual((2, 2, 2), self.counted(server))
        refused = server.post({"instances": [{"userId": "1", "top_n": 3}, {"userId": "1", "top_n": 3, "in": "hafl"}]})
        self.assertRefused(refused, 400, 'instances[1].in: no list "hafl": the nearest is "half" of 2')

    def test_unknown_ids_are_counted_in_the_log(self):
        server = self.serve(self.tree_with(new=["movieId", "x1", "1001", "1001", "", "x2"], known=["1002"]))
        known, new = server.log_lines("list")
        self.assertEqual(("known", 1, 0, "info"), tuple(known[k] for k in ("name", "items", "unknown", "level")))
        self.assertEqual(("new", 1, 2, "warning"), tuple(new[k] for k in ("name", "items", "unknown", "level")))
        self.assertEqual(["1001"], self.items(server, userId="unknown", **{"in": "new"}))

    def test_without_the_folder_there_are_none(self):
        self.assertEqual((0, 0, 0), self.counted(self.server))
        refused = self.server.post({"userId": "1", "top_n": 3, "in": "half"})
        self.assertRefused(refused, 400, 'in: no list "half": there are no lists beside the model (lists/*.csv)')

    def test_a_reload_takes_new_lists_for_the_same_model_and_for_another(self):
        """The rows of another model have other items: a list is of the model that it was loaded with."""
        server = self.serve(self.tree_with(half=HALF))
        self.assertLessEqual(set(self.items(server, userId="1", **{"in": "half"})), set(HALF))
        self.place_list(server.prefix, "half", ["1001", "1003"])
        self.place_list(server.prefix, "more", ["1002"])
        self.assertLess(2, len(self.items(server, userId="unknown", **{"in": "half"})), "no signal yet")
        server.hang_up()
        server.wait_for(lambda: server.get("/health").json()["model"]["lists"] == 2, "two lists")
        self.assertEqual({"1001", "1003"}, set(self.items(server, userId="unknown", **{"in": "half"})))
        other = trained(rows=tuple(row for row in trained().rows if int(row[1]) > 1002))
        place_model(server.model_bin, other)
        server.hang_up()
        server.wait_for(lambda: server.get("/health").json()["model"]["items"] == len(other.items), "the other model")
        self.assertEqual(["1003"], self.items(server, userId="unknown", **{"in": "half"}))
        self.assertEqual([], self.items(server, userId="unknown", **{"in": "more"}))
        self.assertEqual(2, server.metrics()("recommender_model_reloads_total"))

    def test_a_bad_list_is_refused_with_its_line_and_what_is_in_service_stays(self):
        server = self.serve(self.tree_with(half=HALF))
        version, before = server.get("/health").json()["model"]["version"], self.items(server, userId="1", **{"in": "half"})
        place_model(server.model_bin, trained(seed=8))
        for n, (content, words) in enumerate(((b"movieId\n1001\n\xff\xfe\n", ("half.csv:3", "field 1 is no item")),
                                              (b'1001\n"1002\n', ("half.csv:2", "a quote is not closed")))):
            self.place_list(server.prefix, "half", content)
            server.hang_up()
            line = server.wait_for_log("model_refused", n=n + 1)
            for word in (*words, "the model in service stays"):
                self.assertIn(word, line["message"])
            self.assertEqual(version, server.get("/health").json()["model"]["version"])
            self.assertEqual(before, self.items(server, userId="1", **{"in": "half"}))
        self.assertEqual(2, server.metrics()("recommender_model_reloads_refused_total"))
        self.place_list(server.prefix, "half", HALF)
        server.hang_up()
        server.wait_for(lambda: server.get("/health").json()["model"]["version"] != version, "the new model")

    def test_a_bad_list_at_the_start_is_the_reason_of_ping(self):
        server = self.serve(self.tree_with(half="1001\n\n" + "x" * 300 + "\n"), ready=False)
        server.wait_for_log("model_refused")
        self.assertRefused(server.ping(), 503, "half.csv:3", "field 1 is no item")
        self.place_list(server.prefix, "half", HALF)
        server.hang_up()
        server.wait_until_ready()
        self.assertEqual((1, 1, 1), self.counted(server))


if __name__ == "__main__":
    unittest.main()
