"""Checklist 104-106, 118: invalid bodies. Each is 400 with a place and a sentence, after which
the same connection serves the next request."""

import json
import random
import unittest

from http_words import CSV, JSON, JSON_LINES
from serve_case import ServeCase

PAIR = '{"userId":"1","movieId":"1001"}'
VISITOR = '{"ratings":[{"movieId":"1001","rating":%s}],"top_n":1}'

# body: words of the message
NOT_JSON = {
    "{": ("line 1, column",),
    '{"userId":"1","movieId":"2"': ("line 1, column",),
    '{"userId":"1",\n"movieId":\n"2",}': ("line 3, column",),
    '{"userId":"1","movieId":"2"}}': ("line 1, column 29", "follows"),
    '{"userId":"1","movieId":"2"} {}': ("line 1, column 30", "follows"),
    "{'userId':'1','movieId':'2'}": ("line 1",),
    '{userId:"1"}': ("line 1",),
    '{"userId":01,"movieId":"2"}': ("line 1",),
    '{"userId":+1,"movieId":"2"}': ("line 1",),
    '{"userId":0x1,"movieId":"2"}': ("line 1",),
    '{"userId":1.,"movieId":"2"}': ("line 1",),
    '{"userId":.5,"movieId":"2"}': ("line 1",),
    '{"userId":"1\n","movieId":"2"}': ("line 1",),
    '{"userId":"\\x41","movieId":"2"}': ("line 1",),
    '{"userId":"1"/* a */,"movieId":"2"}': ("line 1",),
    '{"userId":tru,"movieId":"2"}': ("line 1",),
    '{"userId":NaN,"movieId":"2"}': ("line 1",),
    VISITOR % "NaN": ("line 1",),
    VISITOR % "-Infinity": ("line 1",),
    VISITOR % "1e999": ("line 1",),
    '{"userId":"1","userId":"2","movieId":"3"}': ("line 1", "duplicate"),
    '{"userId":"\\ud800","movieId":"2"}': ("line 1",),
    '{"userId":"\\udc00\\ud800","movieId":"2"}': ("line 1",),
    '{"userId":"\\ud83d\\u0041","movieId":"2"}': ("line 1",),
    '{"userId":"\\u0000","movieId":"2"}': ("line 1",),
    '{"userId":9223372036854775808,"movieId":"2"}': ("userId", "string"),
    '{"userId":-9223372036854775809,"movieId":"2"}': ("userId", "string"),
    '{"userId":' + "9" * 400 + ',"movieId":"2"}': ("line 1",),
    '{"instances":[': ("line 1",),
    '{"instances":[%s' % PAIR: ("line 1",),
    '{"instances":[%s,' % PAIR: (),
    '{"instances":[%s %s]}' % (PAIR, PAIR): ("line 1", "instance"),
    '{"instances":[%s,]}' % PAIR: (),
    '{"instances":[%s]' % PAIR: ("line 1",),
    '{"instances":[%s]}]' % PAIR: ("line 1", "follows"),
    '{"instances"[]}': ("line 1", ":"),
    '{"instances":[,]}': (),
    '{,"instances":[]}': ("line 1",),
}

WRONG_SHAPES = {
    "[]": ("object",),
    "null": ("object",),
    "true": ("object",),
    "5": ("object",),
    '"text"': ("object",),
    "[%s]" % PAIR: ("object",),
    "{}": ("userId",),
    '{"instances":{}}': ("instances", "array"),
    '{"instances":null}': ("instances", "array"),
    '{"instances":[1]}': ("instances[0]", "object"),
    '{"instances":[%s,null]}' % PAIR: ("instances[1]", "object", "null"),
    '{"instances":[[]]}': ("instances[0]", "object", "array"),
    '{"instances":[%s,{}]}' % PAIR: ("instances[1]", "userId"),
    '{"instances":[{"instances":[]}]}': ("instances",),
    '{"instances":[],"top_n":5}': ("top_n",),
    '{"instances":[],"instances":[]}': ("instances",),
    '{"top_n":5,"instances":[]}': ("instances",),
    '{"userId":"1"}': ("movieId", "top_n"),
    '{"movieId":"1"}': ("userId", "similar"),
    '{"top_n":5}': ("userId",),
    '{"userId":null,"movieId":"2"}': ("userId", "string or an integer", "null"),
    '{"userId":true,"movieId":"2"}': ("userId", "true"),
    '{"userId":1.5,"movieId":"2"}': ("userId", "string or an integer"),
    '{"userId":1e19,"movieId":"2"}': ("userId", "2^53", "string"),
    '{"userId":["1"],"movieId":"2"}': ("userId", "an array"),
    '{"userId":{"id":1},"movieId":"2"}': ("userId", "an object"),
    '{"userId":"","movieId":"2"}': ("userId", "1 to 255 bytes"),
    '{"userId":"1","movieId":""}': ("movieId", "1 to 255 bytes"),
    '{"userId":"%s","movieId":"2"}' % ("x" * 256): ("userId", "1 to 255 bytes"),
    '{"userId":"a\\nb","movieId":"2"}': ("userId", "control"),
    '{"userId":"a\\u007f","movieId":"2"}': ("userId", "control"),
    '{"userId":"1","top_n":0}': ("top_n", "1 to 1000"),
    '{"userId":"1","top_n":-1}': ("top_n", "1 to 1000"),
    '{"userId":"1","top_n":1001}': ("top_n", "1 to 1000"),
    '{"userId":"1","top_n":1000000000}': ("top_n", "1 to 1000"),
    '{"userId":"1","top_n":"ten"}': ("top_n", "1 to 1000"),
    '{"userId":"1","top_n":"10"}': ("top_n", "1 to 1000"),
    '{"userId":"1","top_n":2.5}': ("top_n", "1 to 1000"),
    '{"userId":"1","top_n":null}': ("top_n", "1 to 1000"),
    '{"userId":"1","top_n":[]}': ("top_n", "1 to 1000"),
    '{"movieId":"1","similar":0}': ("similar", "1 to 1000"),
    '{"movieId":"1","similar":true}': ("similar", "1 to 1000"),
    '{"similar":5}': ("movieId",),
    '{"userId":"1","movieId":"1","similar":5}': ("similar", "movieId"),
    '{"userId":"1","movieId":"1","top_n":5}': ("movieId", "top_n"),
    '{"userId":"1","movieIds":[]}': ("movieIds", "1 or more"),
    '{"userId":"1","movieIds":"1"}': ("movieIds", "array"),
    '{"userId":"1","movieIds":["1",2.5]}': ("movieIds[1]",),
    '{"userId":"1","movieIds":[%s]}' % ",".join(["1"] * 1001): ("movieIds", "top_n", "1000", "1001"),
    '{"userId":"1","top_n":5,"include_rated":"yes"}': ("include_rated", "true or false"),
    '{"userId":"1","top_n":5,"include_rated":1}': ("include_rated", "true or false"),
    '{"userId":"1","movieId":"1","include_rated":true}': ("include_rated", "top_n"),
    '{"ratings":[],"top_n":1}': ("ratings", "1 to 1000"),
    '{"ratings":{},"top_n":1}': ("ratings", "array"),
    '{"ratings":[1],"top_n":1}': ("ratings[0]", "object"),
    '{"ratings":[{"movieId":"1"}],"top_n":1}': ("ratings[0]", "rating is missing"),
    '{"ratings":[{"rating":1}],"top_n":1}': ("ratings[0]", "movieId is missing"),
    '{"ratings":[{"movieId":"1","rating":5},{"movieId":"1","rating":"5"}],"top_n":1}':
        ("ratings[1].rating", "a number"),
    VISITOR % "null": ("ratings[0].rating", "a number"),
    VISITOR % "1e39": ("ratings[0].rating", "finite"),
    '{"ratings":[{"movieId":"1","rating":5,"time":1}],"top_n":1}': ("ratings[0]", "time"),
    '{"ratings":[%s],"top_n":1}' % ",".join(['{"movieId":"1","rating":5}'] * 1001):
        ("ratings", "1 to 1000", "1001"),
    '{"ratings":[{"movieId":"1","rating":5}]}': ("movieId", "top_n"),
    '{"userIds":["1"],"ratings":[{"movieId":"1","rating":5}],"top_n":1}': ("not both",),
    '{"user_id":"1","userId":"1","movieId":"2"}': ("userId", "one of the two"),
    '{"userId":"1","itemId":"2","movieId":"2"}': ("movieId", "one of the two"),
    '{"usrId":"1","movieId":"2"}': ("usrId", "userId"),
    '{"userId":"1","topn":2}': ("topn", "top_n"),
    '{"userId":"1","movieId":"2","verbose":true}': ("verbose",),
    '{"userId":"1","movieId":"2","":1}': ("unknown field",),
    '{"instances":[{"users":"1","movieId":"2"}]}': ("instances[0].users",),
}

# text/csv: words of the message
WRONG_ROWS = {
    "1\n": ("line 1", "1 field"),
    "1,2,3\n": ("line 1", "3 fields"),
    "1,2\n1,2\n1\n": ("line 3", "1 field"),
    "1,2\n\n1,2\n": ("line 2", "empty"),
    "\n1,2\n": ("line 1", "empty"),
    "1,2\n  \n\n1,2\n": ("line 2", "empty"),
    "1,\n": ("line 1", "movie"),
    ",2\n": ("line 1", "user"),
    ",\n": ("line 1", "user"),
    '"",2\n': ("line 1", "user"),
    '1,"2\n': ("line 1", "quoted"),
    '"1\n2",3\n': ("line 1",),
    "1,2\r1,2\n": ("line 1", "carriage return"),
    "1;2\n": ("line 1", "a comma between them"),
    "1\t2\n": ("line 1", "a comma between them"),
    "x" * 300 + ",2\n": ("line 1", "user"),
    "1,2\n" + "1," + "y" * 300 + "\n": ("line 2", "movie"),
    "movieId,title\n1,2\n": ("line 1", "movieId", "title", "userId,movieId"),
    "1,2\nuserId\n": ("line 2",),
    "1,a\x01b\n": ("line 1", "movie"),
}


class BadInput(ServeCase):
    def setUp(self):
        super().setUp()
        self.client = self.server.connect()
        self.addCleanup(self.client.close)

    def refused(self, body, content_type, *words, status=400):
        """The message; checks that the connection still works."""
        response = self.client.post(body, content_type)
        error = self.assertRefused(response, status, *words)
        self.assertFalse(response.closes, response)
        self.assertEqual({"predicted_rating"}, set(self.client.post(PAIR).json()))
        return error

    def test_invalid_json_is_reported_with_line_and_column(self):
        """Checklist 104, 118: NaN, 1e999, integers of more than 64 bits, half of a surrogate
        pair, a key that comes twice."""
        for body, words in NOT_JSON.items():
            with self.subTest(body[:60]):
                self.refused(body, JSON, *words)

    def test_an_invalid_request_is_reported_with_its_field(self):
        """Checklist 104, 118: and with the expected value."""
        for body, words in WRONG_SHAPES.items():
            with self.subTest(body[:60]):
                self.refused(body, JSON, *words)

    def test_the_place_in_a_batch_is_counted_right(self):
        """Checklist 104: also after many valid instances, and with line ends in between."""
        for n in (0, 1, 63, 64, 65, 5000):
            with self.subTest(n):
                self.refused('{"instances":[%s]}' % ",\n".join([PAIR] * n + ['{"userId":"1"}'] + [PAIR]),
                             JSON, f"instances[{n}]")
                self.refused('{"instances":[%s]}' % ",\n".join([PAIR] * n + ["{bad"]), JSON,
                             f"line {n + 1}, column ")
                self.refused((PAIR + "\n") * n + "{bad\n" + PAIR, JSON_LINES, f"line {n + 1}",
                             "column ")
                self.refused("1,1001\n" * n + "1\n1,1001\n", CSV, f"line {n + 1}")

    def test_an_invalid_line_is_reported_with_its_number(self):
        """Checklist 104: JSON Lines."""
        for line, words in {**NOT_JSON, **WRONG_SHAPES}.items():
            if "instances" in line or "\n" in line:
                continue
            with self.subTest(line[:60]):
                words = [w for w in words if not w.startswith("line ")]
                self.refused(f"{PAIR}\n{line}\n{PAIR}\n", JSON_LINES, "line 2", *words)
        for text, words in ((f"{PAIR}\n\n{PAIR}", ("line 2", "empty")),
                            (f"\n{PAIR}", ("line 1", "empty")),
                            (f"{PAIR}{PAIR}\n", ("line 1", "follows")),
                            (f"{PAIR} x\n", ("line 1", "follows")),
                            ('{"instances":[%s]}\n' % PAIR, ("line 1", "instances")),
                            ("[%s]\n" % PAIR, ("line 1", "object"))):
            with self.subTest(text):
                self.refused(text, JSON_LINES, *words)

    def test_a_row_that_is_no_pair_is_reported_with_its_number(self):
        """Checklist 104: CSV."""
        for text, words in WRONG_ROWS.items():
            with self.subTest(text[:40]):
                self.refused(text, CSV, *words)

    def test_deep_nesting_is_refused(self):
        """Checklist 118: ten thousand deep, and a hundred thousand."""
        for depth in (10_000, 100_000):
            for start, end in (("[", "]"), ('{"a":', "}")):
                nested = start * depth + "1" + end * depth
                for body in (nested, '{"userId":%s,"movieId":"2"}' % nested, start * depth,
                             '{"instances":[%s]}' % nested, '{"instances":%s}' % nested):
                    with self.subTest(f"{depth} {body[:20]}"):
                        self.refused(body, JSON)
                self.refused(nested + "\n", JSON_LINES, "line 1", status=413 if len(nested) > 262_144 else 400)

    def test_bytes_that_are_no_text_are_refused(self):
        """Checklist 118: NUL, invalid UTF-8, UTF-16."""
        ugly = (b"\0", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf",
                b"\xf4\x90\x80\x80", b"\x80")
        for text in ugly:
            for body, content_type in (
                    (b'{"userId":"' + text + b'","movieId":"2"}', JSON),
                    (b'{"user' + text + b'Id":"1","movieId":"2"}', JSON),
                    (b'{"instances":[{"userId":"1","movieId":"' + text + b'"}]}', JSON),
                    (text, JSON), (text + PAIR.encode(), JSON), (PAIR.encode() + text, JSON),
                    (b'{"userId":"' + text + b'","movieId":"2"}\n', JSON_LINES),
                    (PAIR.encode() + b"\n" + text + b"\n", JSON_LINES),
                    (text + b",1001\n", CSV), (b"1," + text + b"\n", CSV), (text, CSV)):
                with self.subTest(f"{content_type} {body[:50]}"):
                    self.refused(body, content_type)
        for coding in ("utf-16", "utf-32"):
            for body, content_type in ((PAIR, JSON), (PAIR, JSON_LINES), ("1,1001\n", CSV)):
                with self.subTest(f"{coding} {content_type}"):
                    self.refused(body.encode(coding), content_type)

    def test_a_long_string_is_refused_and_not_echoed(self):
        """Checklist 105, 118."""
        for n in (1000, 100_000, 5_000_000):
            for body in ('{"userId":"%s","movieId":"2"}', '{"%s":1}', '"%s"', "%s",
                         '{"instances":[{"userId":"%s","movieId":"2"}]}'):
                with self.subTest(f"{n} {body}"):
                    self.refused(body % ("x" * n), JSON, status=400)
        self.refused("x" * 5_000_000 + ",1\n", CSV, "line 1", status=413)
        self.refused(PAIR + "\n" + " " * 5_000_000 + "x\n", JSON_LINES, "line 2", status=413)

    def test_random_changes_of_good_bodies_are_200_or_400(self):
        """Checklist 104, 106, 118: never 500, never a crash (this suite runs under ASan,
        too), and the next request gets its response."""
        r = random.Random(17)
        good = [(json.dumps({"instances": [json.loads(PAIR)] * 3}), JSON), (PAIR, JSON),
                ((PAIR + "\n") * 3, JSON_LINES), ("1,1001\n2,1002\n", CSV),
                ('"1","1001"\n', CSV), (VISITOR % "4.5", JSON),
                ('{"userId":"1","top_n":3,"movieIds":["1001",1002],"include_rated":false}', JSON),
                ('{"movieId":"1001","similar":3}\n', JSON_LINES)]
        pieces = [b"", b"\0", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\n", b"\r", b"1e999",
                  b"-", b"\xff", b"null", b"\\ud800", b"9" * 30, b'"userId"', b"instances"]
        for n in range(1500):
            text, content_type = r.choice(good)
            body = bytearray(text.encode())
            for _ in range(r.randrange(1, 4)):
                at = r.randrange(len(body) + 1)
                body[at : at + r.randrange(4)] = r.choice(pieces)
            response = self.client.post(bytes(body), content_type)
            self.assertIn(response.status, (200, 400), (bytes(body), response))
        self.assertServes(self.server)

    def test_every_prefix_of_a_good_body_gets_a_response(self):
        """Checklist 104: cut anywhere."""
        for body, content_type in (('{"instances":[%s,%s]}' % (PAIR, VISITOR % "4.5"), JSON),
                                   (f'{PAIR}\n{{"movieId":"1001","similar":3}}\n', JSON_LINES),
                                   ('userId,movieId\n"1","1001"\r\n2,1002\n', CSV)):
            for n in range(len(body)):
                response = self.client.post(body[:n], content_type)
                self.assertIn(response.status, (200, 400) if content_type != JSON else (400,),
                              body[:n])
        self.assertServes(self.server)


if __name__ == "__main__":
    unittest.main()
