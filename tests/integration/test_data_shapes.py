"""Times, delimiters and formats that users have, and the words about what cannot be read."""

import gzip
import json
import random
import unittest
import zlib

import zstd
from data_case import ROWS, KindCase, json_lines
from samples import HEADER, csv


class Times(KindCase):
    """5. Times in every form give the same order."""

    def times(self, write):
        return csv([(u, i, r, write(int(t))) for u, i, r, t in ROWS])

    def test_dates_and_units_are_one_order(self):
        import datetime
        utc = datetime.timezone.utc
        at = lambda t: datetime.datetime.fromtimestamp(t, utc)
        east = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
        forms = {
            "seconds": str, "milliseconds": lambda t: f"{t}000", "microseconds": lambda t: f"{t}000000",
            "float": lambda t: f"{t}.0", "exponent": lambda t: f"{t:.9e}",
            "blank": lambda t: at(t).strftime("%Y-%m-%d %H:%M:%S"),
            "T": lambda t: at(t).strftime("%Y-%m-%dT%H:%M:%S"), "Z": lambda t: at(t).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "offset": lambda t: at(t).astimezone(east).strftime("%Y-%m-%dT%H:%M:%S%z"),
            "colon": lambda t: at(t).astimezone(east).isoformat(),
            "UTC": lambda t: at(t).strftime("%Y-%m-%d %H:%M:%S UTC"),
            "fraction": lambda t: at(t).strftime("%Y-%m-%d %H:%M:%S.000"),
            "slashes": lambda t: at(t).strftime("%Y/%m/%d %H:%M:%S"),
        }
        plain = self.job(recency="0.5").channel("train", {"r.csv": self.times(str)})
        self.train(plain)
        for name, write in forms.items():
            with self.subTest(name):
                job = self.job(recency="0.5").channel("train", {"r.csv": self.times(write)})
                self.train(job)
                self.assertEqual("2001-09-09T01:46:40Z", job.metrics()["data"]["times"]["first"])
                self.assertSameModel(plain, job)

    def test_files_of_different_units_are_read_as_seconds(self):
        """The newest of a repeated pair stays, in any unit of its file."""
        old = csv([("1", "1000", "1", "1000000000000"), ("2", "1000", "2", "1000000000000"), ("2", "1", "3", "1")])
        new = csv([("1", "1000", "5", "1100000000"), ("3", "1000", "4", "1100000000")])
        for names in (("a.csv", "b.csv"), ("b.csv", "a.csv")):
            seen = self.inspect(dict(zip(names, (old, new))))["train"]
            self.assertIn("mixed_times", {w["event"] for w in seen["warnings"]})
            self.assertEqual({1.0: 0, 5.0: 1}, {value: sum(e["n"] for e in seen["histogram"] if e["value"] == value)
                                                for value in (1.0, 5.0)})

    def test_a_column_called_date_takes_part(self):
        rows = [("1", "1", "5", "2020-01-02"), ("1", "1", "1", "2019-01-02"), ("2", "1", "3", "2020-01-01"),
                ("2", "2", "3", "2020-01-01")]
        seen = self.inspect({"r.csv": csv(rows, ("user", "item", "rating", "date"))})["train"]
        self.assertEqual([3.0, 5.0], [e["value"] for e in seen["histogram"]])

    def test_rows_without_a_time_are_counted(self):
        for missing in ("", "NULL", "0000-00-00", "soon"):
            text = csv([(u, i, r, missing if n % 10 == 5 else t) for n, (u, i, r, t) in enumerate(ROWS)])
            train = self.assertReads({"r.csv": text}, events=("timeless_rows",))
            self.assertEqual(len(ROWS) // 10, train["n_timeless_rows"])
        text = csv([(u, i, r, "") for u, i, r, t in ROWS])
        self.assertReads({"r.csv": text}, events=("timeless_rows",))
        train = self.assertReads({"r.csv": csv([(u, i, r, "02/01/2015") for u, i, r, t in ROWS])})
        self.assertIn('("02/01/2015"): they count as older', str(train["warnings"]))

    def test_times_of_day_in_a_column_of_their_own_are_noticed(self):
        rows = [(u, i, r, "2015-01-02", "10:00:00") for u, i, r, t in ROWS]
        train = self.assertReads({"r.csv": csv(rows, ("user", "item", "rating", "date", "time"))}, events=("unused_times",))
        self.assertIn("column time of r.csv has times of day", str(train["warnings"]))


class Delimiters(KindCase):
    """6. Runs of blanks, "sep=", rows of nothing but delimiters."""

    def test_runs_of_blanks_and_tabs(self):
        for separator in (" ", "   ", "\t\t", "\t \t"):
            for lead, end in (("", "\n"), ("  ", " \r\n")):
                text = "".join(lead + separator.join(row) + end for row in ROWS)
                with self.subTest(separator=separator, lead=lead):
                    train = self.assertReads({"r.txt": text})
                    self.assertEqual("blanks", train["dialects"][0]["delimiter"])
        self.assertReads({"r.txt": "".join(f"{u} {i} {r}\n" for u, i, r, _ in ROWS)})
        self.assertReads({"r.txt": "user item rating\n" + "".join(f"{u} {i} {r}\n" for u, i, r, _ in ROWS)})

    def test_a_line_that_names_the_delimiter(self):
        for separator in ";|,^":
            for header in (HEADER, None):
                text = f"sep={separator}\r\n" + csv(ROWS, header, separator, "\r\n")
                train = self.assertReads({"r.csv": text})
                self.assertEqual(1 + (header is not None), train["n_header_rows"])

    def test_the_delimiter_of_hive(self):
        for header in (HEADER, None):
            text = csv(ROWS, header, "\x01")
            for given in ({}, {"delimiter": "\\x01"}, {"delimiter": "^A"}):
                self.assertEqual("\\x01", self.assertReads({"000000_0": text}, **given)["dialects"][0]["delimiter"])
        self.assertRefuses({"r.csv": csv(ROWS)}, "expected comma", "\\x01", delimiter="\\x02")

    def test_rows_of_nothing_but_delimiters_are_blank(self):
        for separator in (",", ";", "\t", "|", "::"):
            lines = csv(ROWS, HEADER, separator).splitlines(keepends=True)
            lines[7:7] = [separator * 3 + "\n", "\n", separator * 5 + "\n", separator + "\n"]
            train = self.assertReads({"r.csv": "".join(lines) + separator * 3 + "\n\n"})
            self.assertEqual(6, train["n_blank_rows"])


class Shapes(KindCase):
    """7. Other formats that users have."""

    def test_json_objects(self):
        plain = self.job_on(ROWS)
        self.train(plain)
        indented = "\n".join(json.dumps({"user": u, "item": i, "nested": {"a": ["}", "{\"", 1]}, "rating": r,
                                         "timestamp": t}, indent=1) for u, i, r, t in ROWS)
        array = "[\n" + json_lines(ROWS, ",\n") + "\n]\n"
        forms = {
            "lines": json_lines(ROWS) + "\n", "no last line end": json_lines(ROWS), "CRLF": json_lines(ROWS, "\r\n"),
            "concatenated": json_lines(ROWS, ""), "blanks": json_lines(ROWS, "  "), "indented": indented,
            "array": array, "array of one line": "[" + json_lines(ROWS, ", ") + "]", "blank lines": json_lines(ROWS, "\n\n"),
            "mark": "\ufeff" + json_lines(ROWS), "gzip": gzip.compress(json_lines(ROWS).encode()),
            "zstd": zstd.compress(json_lines(ROWS).encode()),
            "numbers": "\n".join(f'{{"USER_ID": {u}, "ITEM_ID": {i}, "x": null, "RATING": "{r}", "TIMESTAMP": {t}.0}}'
                                 for u, i, r, t in ROWS),
            "UTF-16": json_lines(ROWS).encode("utf-16"),
        }
        for name, content in forms.items():
            for threads in (1, 3):
                with self.subTest(name, threads=threads):
                    job = self.job(n_threads=threads).channel("train", {"part-0001": content})
                    result = self.train(job)
                    self.assertTrained(job, result)
                    self.assertSameModel(plain, job)

    def test_damaged_json_is_reported_with_its_place(self):
        lines = json_lines(ROWS).split("\n")
        for bad, words in (('{"user_id": "1", "item_id"', "not JSON"), ('{"user_id": "1", "rating": 3}', '"item_id"'),
                           ('{"user_id": "1", "item_id": "2", "rating": "good"}', 'rating "good" is not a number'),
                           ('{"user_id": ["1"], "item_id": "2", "rating": 3}', '"user_id"'), ("17", "not JSON")):
            with self.subTest(bad=bad):
                text = "\n".join(lines[:20] + [bad] + lines[20:])
                self.assertRefuses({"r.json": text}, "r.json:21:", words)
                train = self.assertReads({"r.json": text}, max_bad_rows=1)
                self.assertEqual(1, train["n_bad_rows"])

    def test_json_without_a_rating_is_counted(self):
        text = json_lines(ROWS) + '\n{"user_id": "1", "item_id": "2"}\n'
        self.assertEqual(1, self.assertReads({"r.json": text})["n_not_rated"])

    def test_json_of_another_build_is_explained(self):
        columns = {key: {str(n): n for n in range(9)} for key in ("user", "item", "rating")}
        for text, words in (('{"user": {"id": 1}, "item": 2, "rating": 3}\n' * 9, ("\"user\" is an object", '."user" |= ."id"')),
                            ('{"user": 1, "item": [2], "rating": 3}\n' * 9, ("\"item\" is an array",)),
                            (json.dumps(columns), ("pandas", "orient='records'")),
                            (json.dumps({"data": [{"user": 1}]}), ("\"data\" is an array", "jq"))):
            with self.subTest(words=words):
                self.assertRefuses({"r.json": text}, *words)
        self.assertReads({"r.json": '{"user": 1, "item": 2, "rating": 3, "tags": ["a"]}'}, 1, 1, 1)

    def test_a_late_rating_in_json_is_not_passed_over(self):
        events = '{"user_id": "1", "item_id": "2"}\n' * 101
        self.assertRefuses({"r.json": events + json_lines(ROWS)}, "r.json:102:1", "is a rating", "feedback=implicit")
        self.assertReads({"r.json": events + json_lines(ROWS)}, 901, 60, 41, feedback="implicit")
        self.assertReads({"r.json": json_lines(ROWS) + "\n" + events})
        self.assertReads({"a.json": json_lines(ROWS[:9]), "r.json": events + json_lines(ROWS)})

    def test_json_names_and_pairs(self):
        text = "\n".join(json.dumps({"reader": u, "book": i, "points": r}) for u, i, r, _ in ROWS)
        self.assertRefuses({"r.json": text}, "JSON keys reader, book, points", "user_column")
        self.assertReads({"r.json": text}, user_column="reader", item_column="book", rating_column="points")
        text = "\n".join(json.dumps({"userId": u, "itemId": i, "eventTime": t}) for u, i, _, t in ROWS)
        self.assertReads({"r.json": text})

    def test_recbole(self):
        header = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
        train = self.assertReads({"ml.inter": csv(ROWS, header, "\t")})
        self.assertEqual("rating:float", train["dialects"][0]["rating"])
        self.assertReads({"ml.inter": csv(ROWS, header, "\t")}, user_column="user_id")

    def test_amazon_personalize(self):
        header = ("USER_ID", "ITEM_ID", "EVENT_TYPE", "EVENT_VALUE", "TIMESTAMP")
        rows = [(u, i, "watch", r, t) for u, i, r, t in ROWS]
        self.assertEqual("explicit", self.assertReads({"i.csv": csv(rows, header)})["feedback"])
        empty = [(u, i, "watch", "", t) for u, i, r, t in ROWS]
        self.assertEqual("implicit", self.assertReads({"i.csv": csv(empty, header)})["feedback"])
        late = csv(empty * 3 + rows[:9], header)
        self.assertGreater(late.index(",watch," + rows[0][3]), 64 * 1024)
        for text in (late, late.replace("watch", '"watch"')):
            self.assertRefuses({"i.csv": text}, f"i.csv:{3 * len(ROWS) + 2}:", "is a rating", "feedback=implicit")
            self.assertReads({"i.csv": text}, feedback="implicit")
        self.assertRefuses({"r.csv": csv([(u, i, "", t) for u, i, r, t in ROWS])}, "r.csv:2:", "rating is empty")
        without = [(u, i, "watch", t) for u, i, r, t in ROWS]
        train = self.assertReads({"i.csv": csv(without, header[:3] + header[4:])})
        self.assertEqual(("implicit", "TIMESTAMP"), (train["feedback"], train["dialects"][0]["timestamp"]))

    def test_matrix_market(self):
        head = f"%%MatrixMarket matrix coordinate real general\n% written by scipy\n%\n60 1039 {len(ROWS)}\n"
        self.assertReads({"m.mtx": head + "".join(f"{u} {i} {r}\n" for u, i, r, _ in ROWS)})
        pattern = head.replace("real", "pattern")
        train = self.assertReads({"m.mtx": pattern + "".join(f"{u} {i}\n" for u, i, *_ in ROWS)})
        self.assertEqual("implicit", train["feedback"])

    def test_a_matrix_market_file_has_the_entries_that_it_says(self):
        head = "%%MatrixMarket matrix coordinate real general\n% c\n3 4 {}\n1 1 3\n2 2 4\n"
        for text, words in ((head.format(500), ("500 entries, but has 2",)), (head.format(1), ("1 entries, but has 2",)),
                            (head.format(3) + "9 1 1\n", ("m.mtx:6:1", 'row "9"', "3 rows")),
                            (head.format(3) + "3 5 1\n", ("m.mtx:6:3", 'column "5"', "4 columns")),
                            (head.format(3) + "0 1 1\n", ('row "0"',)), (head.format("x"), ("three numbers",))):
            with self.subTest(words=words):
                self.assertRefuses({"m.mtx": text}, *words)
        self.assertReads({"m.mtx": head.format(3) + "9 1 1\n"}, 2, 2, 2, max_bad_rows=1)
        self.assertReads({"m.mtx": gzip.compress((head.format(3) + "3 4 1").encode())}, 3, 3, 3, n_threads=3)

    def test_a_small_table_of_items_is_no_matrix(self):
        text = "item,price,stock\n" + "".join(f"{i},{n % 9},{n % 4}\n" for n, i in enumerate({row[1] for row in ROWS}))
        train = self.assertReads({"r.csv": csv(ROWS), "items.csv": text})
        self.assertEqual(["price", "stock"], [a["name"] for a in train["items"]["attributes"]])

    def test_unsupported_formats_are_named_with_a_way_to_convert_them(self):
        for content, words in (
                (b"PAR1\x15\x04", ("Parquet", "read_parquet")), (b"ARROW1\0\0", ("Arrow", "read_feather")),
                (b"\xff\xff\xff\xff\x10\0\0\0", ("Arrow", "open_stream")), (b"ORC\x08", ("ORC", "read_orc")),
                (b"PK\x03\x04........[Content_Types].xml", ("Excel", "CSV")), (b"PK\x03\x04\x14\0", ("zip", "unzip ratings.zip")),
                (b"\n#\xd7\xce\x14\0\0\0", ("RecordIO", "CSV")), (b"\xd0\xcf\x11\xe0\xa1", ("Excel", "read_excel")),
                (b"7z\xbc\xaf\x27\x1c", ("7z", "7z x ratings.7z")), (b"BZh91AY", ("bzip2", "bzip2 -d ratings.csv.bz2")),
                (b"\xfd7zXZ\0", ("xz", "xz -d ratings.csv.xz")), (b"Rar!\x1a\7", ("RAR", "unrar x")),
                (b"\x04\x22\x4d\x18\x64", ("lz4", "lz4 -d")), (b"MATLAB 5.0 MAT-file", ("MATLAB", "loadmat")),
                (b"Obj\x01\x04", ("Avro", "fastavro in.avro > ratings.json")), (b"%PDF-1.4", ("PDF", "CSV")),
                (b"@relation r\n@data\n1,2,3\n", ("ARFF", "grep -v")), (b"% c\n%\n@relation r\n", ("ARFF", "grep -v")),
                (b"5 0:7:1 1:1683:1\n", ("libffm", "u[2]")), (b'[["a", "x", 3]]\n', ("JSON arrays", "jq")),
                (b"% bip weighted\n1 2 3\n", ("KONECT", "grep")),
                (b"user,item,rating\n1,7,8,5\n2,7,9,3\n", ("one column more", "row.names")),
                (b"X\n\0\0\0\3", ("RDS", "readRDS")), (b"\x80\x02}q", ("pickle", "read_pickle")),
                (gzip.compress(gzip.compress(b"1,2,3\n")), ("gzip inside gzip",)), (b"\x1f\x9d\x90", ("compress", "gzip -d")),
                (b"{u'user': u'a', u'item': u'b'}\n", ("Python", "literal_eval")), (b"\x89HDF\r\n", ("HDF5", "read_hdf")), (b"\x93NUMPY\1", ("NumPy",)),
                (b"SQLite format 3\0", ("SQLite", "sqlite3")), (b"\x80\x04\x95", ("pickle", "read_pickle")),
                (b"x" * 257 + b"ustar\x0000" + b"y" * 300, ("tar", "tar -xf")),
                (b'[{"prefix": "s3://b/r/"}, "p0.csv", "p1.csv"]', ("manifest", "ManifestFile")),
                (b'{"source-ref": "s3://b/p0.csv"}\n{"source-ref": "s3://b/p1.csv"}\n', ("augmented manifest",)),
                (b"{'reviewerID': 'A1', 'asin': 'B0', 'overall': 5.0}\n", ("Python", "literal_eval")),
                (b"1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n2:\n", ("Netflix", "awk")),
                (b"1:\r\n1488844,3\r\n", ("Netflix", "awk")),
                (b"%%MatrixMarket matrix coordinate real symmetric\n3 3 1\n2 1 5\n", ("symmetric", "general")),
                (b"%%MatrixMarket matrix coordinate complex general\n3 3 1\n2 1 5 1\n", ("complex", "real")),
                ("user,item\n".encode("utf-32"), ("UTF-32", "iconv -f utf-32 ")),
                ("user,item\n".encode("utf-32-le"), ("UTF-32", "iconv -f utf-32le ")),
                ("user,item\n".encode("utf-32-be"), ("UTF-32", "iconv -f utf-32be ")),
                *((zlib.compress(csv(ROWS).encode(), level), ("zlib", "zlib.decompress")) for level in (1, 3, 6, 9)),
                (b"\xff\x06\0\0sNaPpY", ("snappy", "python3 -m snappy")), (b"\x82SNAPPY\0\0\0", ("snappy-java",)),
                (b'["a", "x", 3]\n["b", "y", 4]\n', ("JSON arrays", "jq -r '@csv'")),
                (b"%  bip weighted asym\n1\t2\t3\n", ("KONECT", "grep")),
                (b"%%MatrixMarket matrix array real general\n3 3\n1\n", ("MatrixMarket array", "mmwrite")),
                (b"4 1:1 9:0.5\n3 2:1 8:1\n", ("libsvm", "awk")), (b"<?xml version='1.0'?>\n<r/>\n", ("XML",)),
                (("74," + "99,-9.66,8.79," * 8 + "5\n").encode() * 6, ("matrix", "melt")),
                (b"item,alice,bob,carol\nm1,5,3,\nm2,4,,2\nm3,1,2,3\n", ("matrix", "melt")),
        ):
            with self.subTest(words=words):
                self.assertRefuses({"data": content}, *words)
                self.assertReads({"data": content, "ratings.csv": csv(ROWS)}, events=("left_out",))
        self.assertRefuses({"data": gzip.compress(b"PAR1\x15\x04")}, "Parquet")
        self.assertRefuses({"data": zstd.compress(b"PAR1\x15\x04")}, "Parquet")


class Words(KindCase):
    """8. Messages that a user can act on."""

    def test_rows_without_a_header_are_described_as_data(self):
        seen = self.assertRefuses({"r.csv": "1,2,web,5\n3,4,app,4\n"}, "no header", 'column 3 "web" is not a number',
                                  "rating_column=#4")
        self.assertNotIn("missing", seen["error"])
        self.assertRefuses({"r.csv": "u1,i1,5,1,web\nu2,i2,4,2,app\n"}, "no header", "user_column=#1")
        self.assertRefuses({"r.csv": "reader,book,points\nu1,b1,5\n"}, "columns reader, book, points",
                           "missing: user, rating", "user_column=…")

    def test_each_message_names_the_setting_that_helps(self):
        for text, words in ((csv(ROWS[:9]) + "1,2,NULL,4\n", ("max_bad_rows",)),
                            ("user;item;rating\n1;2;3,5\n", ("decimal_comma=true",)),
                            (b"user,item,rating\nJos\xe9,2,3\n", ("encoding=latin1",)),
                            ("user,item,rating\n'1','2','3'\n", ("single quotes",)),
                            ('user,item,rating\n1,2,"1,234"\n', ("remove the comma",)),
                            ("user,item,rating\n1,2,3\nitem,rating,user\n", ("a second header", "file of its own")),
                            ('{"user":1,"item":2,"rating":3}\n{"user":"\xfc","item":2,"rating":3}\n'.encode("latin1"),
                             ("encoding=latin1",)),
                            ("1,2\n3,4\n", ("feedback=implicit",))):
            with self.subTest(words=words):
                self.assertRefuses({"r.csv": text}, *words)
        self.assertRefuses({"r.csv": 'user,item,rating\n1,2,"3"\n'}, "quoting=none", quoting="none")

    def test_settings_are_named_that_do_not_fit(self):
        files = {"r.csv": csv(ROWS)}
        self.assertRefuses(files, "missing: timestamp (timestamp_column=when)", timestamp_column="when")
        self.assertRefuses(files, "user_column and item_column both name the column", user_column="userId",
                           item_column="userid")
        self.assertRefuses({"r.csv": "user,item,rating\n1,2,x\n3,4,y\n"}, "none can be read", "r.csv:2:5",
                           'rating "x" is not a number', max_bad_rows=9)
        self.assertRefuses({"r.csv": '"user,item,rating"\n"1,2,3"\n'}, "quoted as a whole", "sed")
        times = self.assertReads({"r.csv": csv([(u, i, r, "never") for u, i, r, t in ROWS])})["dialects"][0]["times"]
        self.assertEqual("none", times)
        self.assertEqual({"ratings_like_times", "one_rating"},
                         self.events({"r.csv": csv([(u, i, "1112486027") for u, i, r, t in ROWS], HEADER[:3])}))

    def test_times_as_ratings_are_not_a_matter_of_the_learning_rate(self):
        r = random.Random(3)
        rows = [(str(n % 47), str(r.randrange(200)), str(1112486027 + r.randrange(64))) for n in range(300)]
        job = self.job(n_epochs=20, n_factors=64).channel("train", {"r.csv": csv(rows, HEADER[:3])})
        result = self.run_train(job)
        self.assertFailed(job, result, "the ratings, 1.11249e+09 on average, are too large")

    def test_a_second_header_of_another_order_is_no_bad_row(self):
        """Its rows would be read with users and items swapped."""
        rated = csv(ROWS, ("user", "item", "rating", "timestamp"))
        pairs = csv([row[:2] for row in ROWS], ("user", "item"))
        for whole, other in ((rated, "item,user,rating,timestamp\n1,2,3,4\n"), (pairs, "item,user\n2,1\n"),
                             (rated.replace("user", '"user"'), "rating,item,user,timestamp\n3,2,1,4\n")):
            for bad in ({}, {"max_bad_rows": 20}):
                self.assertRefuses({"r.csv": whole + other}, "r.csv:902:1: a second header", **bad)
        text = rated + "1,,3,4\n" * 12 + "item,user,rating,timestamp\n1,2,3,4\n"
        self.assertRefuses({"r.csv": text}, "r.csv:914:1: a second header", max_bad_rows=20)
        self.assertRefuses({"r.csv": text}, "r.csv:902:3: item id is empty", max_bad_rows=3)
        self.assertReads({"r.csv": rated + "userId,movieId,rating,timestamp\n"}, max_bad_rows=1)


if __name__ == "__main__":
    unittest.main()
