"""Bodies in the form of public reports (cases/serve), each with its right response: headers of other
datasets, ids that pandas writes as decimals, empty lines of a batch transform job."""

import gzip
import json
import unittest
from pathlib import Path

from http_words import CSV, JSON, JSON_LINES
from models import trained
from serve_case import ServeCase

CASES = Path(__file__).parent / "cases" / "serve"
USERS, ITEMS = ("2", "3", "4"), ("1", "318", "2959")
PAIRS = (("2", "2959"), ("3", "1"), ("4", "318"))
NUMPY = "{:.18e}".format  # as numpy.savetxt writes


def rows_of(write):
    return tuple((write(u), write(i), str(1 + (int(u) + int(i)) % 5), "1") for u in USERS for i in ITEMS
                 if (u, i) != ("2", "318"))


def case(path):
    return (CASES / path).read_bytes()


class Cases(ServeCase):
    def setUp(self):
        super().setUp()
        self.model = trained(rows=rows_of(str))

    def started(self, batch, model=None):
        return self.serve(model=model or self.model, env={"SAGEMAKER_BATCH": "true"} if batch else {})

    def lines(self, server, body):
        return self.assertResponse(server.post(body, CSV), 200, CSV).text.split("\n")[:-1]

    def numbers(self, *pairs):
        """The lines that these pairs have in a response."""
        return self.lines(self.plain, "".join(f"{u},{i}\n" for u, i in pairs))

    def test_a_header_that_train_reads_is_a_header(self):
        self.plain = self.started(False)
        batch = self.started(True)
        for name, pairs in (("amazon", PAIRS[:2]), ("surprise", PAIRS[:1])):
            body = case(f"07-csv-header-names/{name}.csv")
            self.assertEqual(self.numbers(*pairs), self.lines(self.plain, body))
            self.assertEqual(["predicted_rating", *self.numbers(*pairs)], self.lines(batch, body))
        for server in (self.plain, batch):
            self.assertRefused(server.post("reviewerID,title\n2,2959\n", CSV), 400, "line 1", "reviewerID", "title")
            for half, name in (("userId,2959", "userId"), ("2,asin", "asin"), ("kunde,movieId", "movieId")):
                self.assertRefused(server.post(f"{half}\n2,1\n", CSV), 400, "line 1", f'"{name}" is a column')

    def test_the_names_that_train_was_told_are_those_of_a_header(self):
        """user_column and item_column are in the model."""
        self.plain = self.started(False, trained(rows=rows_of(str), columns=("kunde", "Artikel Nr")))
        expected = self.numbers(*PAIRS)
        rows = "".join(f"{u},{i}\n" for u, i in PAIRS)
        for header in ("kunde,Artikel Nr", '"KUNDE:token","artikel nr"', "kunde,movieId", "userId,movieId"):
            self.assertEqual(expected, self.lines(self.plain, f"{header}\n{rows}"), header)
        swapped = "Artikel Nr,kunde\n" + "".join(f"{i},{u}\n" for u, i in PAIRS)
        self.assertEqual(expected, self.lines(self.plain, swapped))
        self.assertRefused(self.plain.post(f"kunde,artikel\n{rows}", CSV), 400, "line 1", "kunde", "artikel")
        self.plain = self.started(False, trained(rows=(*rows_of(str), ("member", "1", "1", "1"))))
        self.assertEqual(1, len(self.numbers(("member", "1"))))  # an id of the model is no name

    def test_a_header_that_is_not_the_first_line_is_no_pair(self):
        """As in two files that were joined: the lines of a batch job correspond all the same."""
        self.plain = self.started(False)
        body = "2,2959\nmovieId,userId\n3,1\n"
        self.assertRefused(self.plain.post(body, CSV), 400, "line 2", "header")
        first, last = self.numbers(*PAIRS[:2])
        self.assertEqual([first, "predicted_rating", last], self.lines(self.started(True), body))

    def test_another_delimiter_is_named(self):
        server = self.started(False)
        for delimiter, name in ((";", "semicolon"), ("\t", "tab"), ("|", "|"), ("::", "::")):
            self.assertRefused(server.post(f"2{delimiter}2959\n", CSV), 400, "line 1", "comma", f"a {name}")

    def test_gzip_is_unpacked_without_a_header_that_says_so(self):
        """Clients of SageMaker cannot send Content-Encoding."""
        self.plain = self.started(False)
        expected = self.numbers(*PAIRS)
        packed = gzip.compress("".join(f"{u},{i}\n" for u, i in PAIRS).encode())
        self.assertEqual(expected, self.lines(self.plain, packed))
        self.assertRefused(self.plain.post(packed[:-5], CSV), 400, "gzip")

    def test_ids_with_a_decimal_point_are_those_of_the_training_data(self):
        """In every form of a request, for a model trained on 2 and for one trained on 2.0."""
        self.plain = self.started(False)
        whole = self.lines(self.plain, case("08-float-ids/whole.csv"))
        self.assertEqual(whole, self.lines(self.plain, case("08-float-ids/pandas.csv")))
        self.assertEqual(3, len(set(whole)))
        body = case("08-float-ids/float.json")
        self.assertEqual(float(whole[0]), self.plain.post(body).json()["predicted_rating"])
        decimal = self.started(False, trained(rows=rows_of(lambda id: f"{float(id)}")))
        for server, written in ((self.plain, ("2.0", NUMPY(2), "2e0")), (decimal, ("2", "2.00", NUMPY(2)))):
            item = lambda user: f'{{"ratings":[{{"movieId":{user},"rating":4}}],"movieId":{user}}}'
            for request in ('{"userId":%s,"top_n":2}', '{"userId":%s,"movieIds":[1,318.0,"2959"]}',
                            '{"userId":"%s","movieId":"1"}', '{"userId":%s,"movieId":1}'):
                expected = server.post(request % "2").json()
                self.assertNotIn("known_user", expected)
                for user in written:
                    self.assertEqual(expected, server.post(request % user).json(), request % user)
            for path in ("/internal/recommend/", "/recommend/cached/"):
                lists = [server.get(path + user).json() for user in written]
                self.assertTrue(all("known_user" not in got and got["count"] == 1 for got in lists), lists)
                self.assertEqual(1, len({str(got["recommendations"]) for got in lists}))
            one = [server.post(f'{{"movieId":{id},"similar":2}}').json() for id in ("1", "1.0", "1e0", '"1.0"')]
            visitor = [server.post(item(id)).json() for id in ("1", "1.0", "1e0", '"1.0"')]
            for responses in (one, visitor):
                self.assertEqual([responses[0]] * 4, responses)
                self.assertNotIn("known_item", responses[0])

    def test_an_empty_line_is_named_or_in_a_batch_job_has_a_response(self):
        self.plain = self.started(False)
        batch = self.started(True)
        body = case("09-batch-blank-lines/blank.csv")
        self.assertRefused(self.plain.post(body, CSV), 400, "line 2", "empty")
        first, last = self.numbers(*PAIRS[:2])
        self.assertEqual([first, '""', last], self.lines(batch, body))
        lines = b'{"userId":"2","movieId":"2959"}\n\n{"userId":"2","top_n":1}\n\n'
        self.assertRefused(self.plain.post(lines, JSON_LINES), 400, "line 2", "empty")
        found = [json.loads(line) for line in batch.post(lines, JSON_LINES).text.splitlines()]
        self.assertEqual([{"predicted_rating": float(first)}, {"predicted_rating": None}, None,
                          {"predicted_rating": None}], found[:2] + [None] + found[3:])
        self.assertEqual(1, len(found[2]["recommendations"]))
        self.assertResponse(batch.post(body, CSV, headers={"Accept": JSON}), 200, JSON)

    def test_line_ends_marks_and_quotes(self):
        self.plain = self.started(False)
        for server, header in ((self.plain, []), (self.started(True), ["predicted_rating"])):
            at = "09-batch-blank-lines/"
            self.assertEqual(self.numbers(*PAIRS[:2]), self.lines(server, case(at + "crlf.csv")))
            self.assertEqual(header + self.numbers(PAIRS[0]), self.lines(server, case(at + "bom-header.csv")))
            self.assertEqual(self.numbers(("2", "unknown")), self.lines(server, case(at + "bare-quote.csv")))


if __name__ == "__main__":
    unittest.main()
