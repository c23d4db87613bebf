"""Kinds of data that users have: each is read as intended, or refused with what to change.

Each test makes its inputs from one set of ratings; exactly these must be read."""

import gzip
import json
import random
import unittest

import zstd
from data_case import ROWS, KindCase, json_lines
from samples import HEADER, csv


def with_text(rows, text_of, separator="\t", newline="\n", quote=lambda text: text):
    """user, item, text, rating: text_of(n) precedes the rating."""
    lines = ["user_id", "item_id", "headline", "rating"]
    out = [separator.join(lines)]
    for n, (user, item, rating, _) in enumerate(rows):
        out.append(separator.join((user, item, quote(text_of(n)), rating)))
    return newline.join(out) + newline


class Quotes(KindCase):
    """1. Quotes in unquoted text."""

    def texts(self):
        r = random.Random(5)
        kinds = ['"Amazing" album', 'album "Amazing"', 'plain', '5" disc', '"', '""', 'say "hi" twice', '"open',
                 "closed\"", '"whole"', '"a ""b"" c"', 'back\\slash', 'it\'s']
        return [r.choice(kinds) for _ in ROWS]

    def test_no_row_is_lost_in_text_that_was_written_without_quoting(self):
        texts = self.texts()
        for separator in ("\t", "|"):
            for newline in ("\n", "\r\n"):
                with self.subTest(separator=separator, newline=newline):
                    train = self.assertReads({"r.tsv": with_text(ROWS, lambda n: texts[n], separator, newline)})
                    self.assertEqual(0, train["n_line_ends_in_fields"])

    def test_the_same_with_double_colons(self):
        text = "".join(f'{u}::{i}::{r}::{t}\n' for u, i, r, t in ROWS)
        self.assertReads({"ratings.dat": text})

    def test_with_commas_a_stray_quote_is_text_or_an_error(self):
        """Rows between two stray quotes are whole rows."""
        lines = with_text(ROWS, lambda n: f"headline {n}", ",").split("\n")
        lines[51] = lines[51].replace("headline 50", '"Great')
        lines[91] = lines[91].replace("headline 90", 'nice"')
        self.assertReads({"r.csv": "\n".join(lines)})
        lines[91] = lines[91].replace('nice"', "nice")
        self.assertRefuses({"r.csv": "\n".join(lines)}, "r.csv:52:", "never closed", "quoting=none")
        self.assertReads({"r.csv": "\n".join(lines)}, quoting="none")

    def test_quoted_fields_with_delimiters_quotes_and_line_ends(self):
        quote = lambda text: '"' + text.replace('"', '""') + '"'
        for separator in (",", ";", "\t", "|"):
            text = with_text(ROWS, lambda n: f'a {n}{separator} "b"\nc', separator, quote=quote)
            with self.subTest(separator=separator):
                train = self.assertReads({"r.csv": text})
                self.assertEqual(len(ROWS), train["n_line_ends_in_fields"])
                self.assertReads({"r.csv": text}, quoting="minimal")

    def test_escaped_quotes(self):
        text = '"User-ID";"ISBN";"Title";"Book-Rating"\r\n' + "".join(
            f'"{u}";"{i}";"the \\"{n}\\"; or \\"not\\"";"{r}"\r\n' for n, (u, i, r, _) in enumerate(ROWS))
        train = self.assertReads({"BX.csv": text})
        self.assertEqual("backslash", train["dialects"][0]["quoting"])
        text = "user,item,path,rating\n" + "".join(f'{u},{i},"C:\\dir\\",{r}\n' for u, i, r, _ in ROWS)
        self.assertReads({"r.csv": text})


class Parts(KindCase):
    """2. A part left out as a whole."""

    def split(self, header, rows, names, separator=","):
        size = -(-len(rows) // len(names))
        lines = [separator.join(row) + "\n" for row in rows]
        files = {name: "".join(lines[n * size:(n + 1) * size]) for n, name in enumerate(names)}
        files[names[0]] = separator.join(header) + "\n" + files[names[0]]
        return files

    def test_the_header_is_in_the_first_part_alone(self):
        swapped = [(i, u, t, r) for u, i, r, t in ROWS]
        header = ("item", "user", "timestamp", "rating")
        for names in (("xaa", "xab", "xac"), ("part-00000.csv", "part-00001.csv"),
                      ("ratings_aa", "ratings_ab"), ("r.csv.aa", "r.csv.ab"), ("r.csv.az", "r.csv.ba"),
                      ("r.csv.000", "r.csv.001"), ("a/part-0.txt", "b/part-1.txt"),
                      ("part-00000-1b2c3d4e-aaaa.csv", "part-00001-ffffffff-bbbb.csv")):
            with self.subTest(names=names):
                train = self.assertReads(self.split(header, swapped, names), events=("read_like",))
                self.assertEqual({"item"}, {d["item"] for d in train["dialects"]})
        for suffix, compress in ((".gz", gzip.compress), (".zst", zstd.compress)):
            self.assertReads({name + suffix: compress(text.encode())
                              for name, text in self.split(header, swapped, ("part-0.csv", "part-1.csv")).items()},
                             events=("read_like",))

    def test_five_columns_and_quotes_and_crlf(self):
        rows = [(u, i, "web", r, t) for u, i, r, t in ROWS]
        self.assertReads(self.split(("user", "item", "device", "rating", "timestamp"), rows, ("r.csv.az", "r.csv.ba")))
        files = self.split(("user", "item", "device", "rating", "timestamp"), rows, ("xaa.csv", "xab.csv"), ";")
        self.assertReads(files)
        self.assertReads({name: text.replace("\n", "\r\n") for name, text in files.items()})
        self.assertReads({name: text.replace("web", '"w;eb"') for name, text in files.items()})

    def test_a_headerless_part_whose_first_row_is_bad_stops_the_job_at_that_row(self):
        lines = csv(ROWS, None).splitlines(keepends=True)
        for bad in ("7,31,NULL,5\n", "7,31,,5\n", "7,,4,5\n", "7\n"):
            files = {"part-0.csv": "".join(lines[:300]), "part-1.csv": bad + "".join(lines[300:])}
            with self.subTest(bad=bad):
                self.assertRefuses(files, "part-1.csv:1:")
                train = self.assertReads(files, max_bad_rows=1)
                self.assertEqual(1, train["n_bad_rows"])

    def test_a_lone_file_whose_first_row_is_bad_is_refused_at_that_row(self):
        text = "7,31,NULL,5\n" + csv(ROWS, None)
        self.assertRefuses({"r.csv": text}, "r.csv:1:6", 'rating "NULL" is not a number', "max_bad_rows")
        self.assertReads({"r.csv": text}, max_bad_rows=1)

    def test_a_part_of_other_rows_stops_the_job(self):
        files = {"part-0.csv": csv(ROWS, None), "part-1.csv": "1,2,3,4,5,6\n" * 9}
        self.assertRefuses(files, "part-1.csv", "part-0.csv", "6")
        files["part-1.csv"] = b"PAR1\x15\x04"
        self.assertRefuses(files, "part-1.csv", "part-0.csv", "Parquet")

    def test_a_part_with_other_columns_stops_the_job(self):
        whole = csv(ROWS)
        for other in ("user,item\n2,2\n", "user,item,grade,timestamp\n1,2,3,4\n"):
            self.assertRefuses({"ratings1.csv": whole, "ratings2.csv": other}, "ratings2.csv looks like a part",
                               "missing: ", "rating")
            self.assertReads({"ratings1.csv": whole, "tags1.csv": other}, events=("left_out",))
            self.assertReads({"ratings/part-0.csv": whole, "tags/part-0.csv": other}, events=("left_out",))

    def test_a_part_of_other_json_stops_the_job(self):
        whole = json_lines(ROWS)
        for other in (b'{"user_id": "M\xfcller", "item_id": "1", "rating": 3}\n', '{"user_id": "b", "ra',
                      '{"reader": "b", "item_id": "1", "rating": 3}\n'):
            self.assertRefuses({"p1.jsonl": whole, "p2.jsonl": other}, "p2.jsonl looks like a part", "JSON")
            self.assertEqual(1, self.assertReads({"p1.jsonl": whole, "q.jsonl": other})["n_left_out"])
        train = self.assertReads({"p1.jsonl": whole, "p2.jsonl": '{"user_id": "1", "item_id": "2", "grade": 3}\n' * 9},
                                 events=("not_rated_rows",))
        self.assertEqual(9, train["n_not_rated"])
        self.assertIn("9 of 9 JSON objects of p2.jsonl", str(train["warnings"]))
        self.assertReads({"r.jsonl": json_lines(ROWS) + '\n{"user_id": "1", "item_id": "2", "rating": null}' * 901},
                         events=("not_rated_rows",))

    def test_a_part_in_another_encoding_is_read(self):
        text = csv(ROWS[:400]), csv(ROWS[400:])
        for encoded in (text[1].encode("utf-16"), text[1].encode("utf-16-le"), text[1].encode("utf-16-be"),
                        b"\xfe\xff" + text[1].encode("utf-16-be"), b"\xef\xbb\xbf" + text[1].encode()):
            self.assertReads({"p0.csv": text[0], "p1.csv": encoded})
        self.assertReads({"p0.csv": csv(ROWS[:400], None), "p1.csv": csv(ROWS[400:], None).encode("utf-16")})

    def test_ignored_files_are_counted_and_warned_about(self):
        for other in (b"PAR1\x15\x00\x15", b"PK\x03\x04\x14\x00\x00\x00xl/workbook.xml", b"a few words\n"):
            train = self.assertReads({"a.csv": csv(ROWS), "b.bin": other}, events=("left_out",))
            self.assertEqual((1, "b.bin"), (train["n_left_out"], train["left_out"][0]["file"]))


class Understood(KindCase):
    """3. The detected format is logged, and suspicious data gives a warning."""

    def test_the_log_says_how_files_are_written(self):
        job = self.job_on(ROWS)
        result = self.train(job)
        line = next(line for line in result.log if line.get("event") == "columns")
        self.assertEqual({"user": "userId", "item": "movieId", "rating": "rating", "timestamp": "timestamp",
                          "delimiter": "comma", "header": True, "quoting": "minimal", "files": "ratings.csv"},
                         {key: line[key] for key in ("user", "item", "rating", "timestamp", "delimiter", "header",
                                                     "quoting", "files")})
        values = next(line for line in result.log if line.get("event") == "values")
        given = [float(row[2]) for row in ROWS]
        self.assertEqual((min(given), max(given), len(set(given))),
                         (values["least"], values["most"], values["distinct"]))
        self.assertAlmostEqual(sum(given) / len(given), values["mean"], places=3)
        self.assertEqual(("2001-09-09T01:46:40Z", "2001-09-09T02:01:39Z"),
                         (values["first_time"], values["last_time"]))

    def test_warnings(self):
        def rated(value_of):
            return csv([(u, i, value_of(n, r), t) for n, (u, i, r, t) in enumerate(ROWS)])
        for event, files in (
                ("one_rating", {"r.csv": rated(lambda n, r: "1")}),
                ("a_user_a_row", {"r.csv": csv([(f"u{n}", *row[1:]) for n, row in enumerate(ROWS)])}),
                ("few_ratings", {"r.csv": csv([(f"u{max(0, n - 300)}", *row[1:]) for n, row in enumerate(ROWS)])}),
                ("ratings_like_times", {"r.csv": rated(lambda n, r: str(1112486027 + n))}),
                ("ratings_like_ids", {"r.csv": rated(lambda n, r: str(n * 7))}),
                ("looks_not_rated", {"r.csv": rated(lambda n, r: "0" if n % 3 else str(n % 10 + 1))}),
                ("looks_not_rated", {"r.csv": rated(lambda n, r: "-1" if n % 3 else str(n % 10 + 1))}),
                ("looks_not_rated", {"r.csv": rated(lambda n, r: "99" if n % 3 else str(n % 19 - 9.5))}),
                ("looks_not_rated", {"r.csv": rated(lambda n, r: "0" if n % 5 < 2 else r)}),
                ("looks_not_rated", {"r.csv": rated(lambda n, r: "0" if n % 33 == 0 else str(n % 5 + 1))}),
                ("looks_not_rated", {"r.csv": rated(lambda n, r: "-1" if n % 33 == 0 else r)}),
                ("looks_not_rated", {"r.csv": rated(lambda n, r: "-99" if n % 33 == 0 else r)}),
                ("different_scales", {"a.csv": csv(ROWS[:400]), "b.csv": csv(
                    [(u, i, str(float(r) * 20), t) for u, i, r, t in ROWS[:3]])}),
                ("different_scales", {"a.csv": csv(ROWS[:400]), "b.csv": csv(
                    [(u, i, str(float(r) * 20), t) for u, i, r, t in ROWS[400:]])}),
                ("different_scales", {"ratings.txt": csv(ROWS, None), "trust.txt": csv(
                    [(str(n), str(n + 1), "1", "0") for n in range(5)], None)}),
                ("order_guessed", {"a.csv": csv(ROWS[:400]), "b.tsv": csv(ROWS[400:], None, "\t")}),
                ("test_file_read", {"train.csv": csv(ROWS[:400]), "test.csv": csv(ROWS[400:])}),
                ("test_file_read", {"u1.base": csv(ROWS[:400], None, "\t"), "u1.test": csv(ROWS[400:], None, "\t")}),
                ("duplicate_column", {"r.csv": csv([(*row, "1") for row in ROWS], (*HEADER, "rating"))}),
                ("float_ids", {"r.csv": csv([(u + ".0" if n % 9 == 0 else u, i, r, t)
                                             for n, (u, i, r, t) in enumerate(ROWS)])}),
                ("rounded_ids", {"r.csv": csv([("1.23457E+11" if n % 9 == 0 else u, i, r, t)
                                               for n, (u, i, r, t) in enumerate(ROWS)])}),
                ("missing_ids", {"r.csv": csv([("nan" if n % 9 == 0 else u, i, r, t)
                                               for n, (u, i, r, t) in enumerate(ROWS)])}),
                ("marked_ids", {"r.csv": csv(ROWS[:400]) + "\ufeff" + csv(ROWS[400:], None)}),
                ("many_repeated", {"r.csv": csv(ROWS + ROWS[:300])}),
                ("numbers_row", {"r.csv": "0,1,2,3\n" + csv(ROWS, None)}),
                ("unused_numbers", {"r.csv": csv(ROWS, ("user", "item", "bewertung", "timestamp"))}),
                ("unused_times", {"r.csv": csv(ROWS, ("user", "item", "rating", "bought"))}),
                ("unused_times", {"r.csv": csv([(u, i, r, "02/01/2015") for u, i, r, _ in ROWS],
                                               ("user", "item", "rating", "date"))}),
                ("mixed_times", {"r.csv": csv([(u, i, r, t + "000" if n > 400 else t)
                                               for n, (u, i, r, t) in enumerate(ROWS)])}),
                ("mixed_times", {"r.csv": csv([(u, i, r, t if n > 400 else t + "000")
                                               for n, (u, i, r, t) in enumerate(ROWS)])}),
                ("mixed_times", {"r.csv": csv([(u, i, r, "2011-01-02" if n > 400 else t + "000")
                                               for n, (u, i, r, t) in enumerate(ROWS)])}),
                ("test_file_read", {"train/a.csv": csv(ROWS[:400]), "test/a.csv": csv(ROWS[400:])}),
                ("mixed_times", {"a.csv": csv(ROWS[:400]), "b.csv": csv(
                    [(u, i, r, t + "000") for u, i, r, t in ROWS[400:]])}),
        ):
            with self.subTest(event=event, files=list(files)):
                self.assertIn(event, self.events(files))

    def test_many_different_values_are_counted_in_ranges(self):
        values = [n * 0.37 - 100 for n in range(len(ROWS))]
        train = self.assertReads({"r.csv": csv([(u, i, f"{v:.2f}", t) for (u, i, _, t), v in zip(ROWS, values)])})
        ranges = train["histogram"]
        self.assertEqual((20, len(ROWS)), (len(ranges), sum(entry["n"] for entry in ranges)))
        self.assertLessEqual(max(entry["n"] for entry in ranges) - min(entry["n"] for entry in ranges), 1)
        self.assertAlmostEqual(sum(values) / len(values), train["values"]["mean"], places=3)
        self.assertEqual((-100, round(max(values), 2), "more than 256"),
                         tuple(train["values"][key] for key in ("least", "most", "distinct")))

    def test_thousands_are_no_ratings_beside_a_mark_for_not_rated(self):
        rows = [(u, i, "999" if n % 3 else f"{n % 19 + 1}.{n % 7}34", t) for n, (u, i, _, t) in enumerate(ROWS)]
        self.assertEqual({"thousands_points"}, self.events({"r.csv": csv(rows)}))

    def test_good_data_has_no_warning(self):
        self.assertEqual(set(), self.events({"ratings.csv": csv(ROWS)}))
        self.assertEqual(set(), self.events({"a.csv": csv(ROWS[:500]), "b.csv": csv(ROWS[500:])}))
        zero_one = csv([(u, i, "1" if float(r) > 3 else "0", t) for u, i, r, t in ROWS])
        self.assertEqual(set(), self.events({"ratings.csv": zero_one}))


class Settings(KindCase):
    """4. Settings for the format."""

    def test_positions_for_files_without_a_header(self):
        swapped = [(i, u, r, t) for u, i, r, t in ROWS]
        self.assertReads({"r.csv": csv(swapped, None)}, user_column="#2")
        self.assertReads({"r.csv": csv(swapped, None)}, user_column="#2", item_column="#1", rating_column="#3")
        self.assertReads({"r.csv": csv(swapped, None, "::")}, user_column="#2")
        wide = [("x", r, t, u, "y", i) for u, i, r, t in ROWS]
        where = {"user_column": "#4", "item_column": "#6", "rating_column": "#2", "timestamp_column": "#3"}
        train = self.assertReads({"r.csv": csv(wide, None)}, **where)
        self.assertEqual("#3", train["dialects"][0]["timestamp"])
        self.assertReads({"r.csv": csv(wide, ("a", "b", "c", "d", "e", "f"))}, **where)
        self.assertReads({"p0.csv": csv(wide[:400], None), "p1.csv.gz": gzip.compress(csv(wide[400:], None).encode())},
                         **where)
        self.assertRefuses({"r.csv": csv(ROWS, None)}, "user_column=#2", user_column="2")
        self.assertRefuses({"r.csv": csv(ROWS, None)}, "user_column=#9, but there are 4 columns", user_column="#9")
        self.assertRefuses({"r.csv": csv(ROWS, None)}, 'no column is called "reader"', "#1", user_column="reader")

    def test_pairs_without_a_header(self):
        text = "".join(f"{u},{i}\n" for u, i, *_ in ROWS)
        self.assertReads({"r.csv": text}, feedback="implicit")
        self.assertReads({"r.csv": text}, feedback="implicit", user_column="#1", item_column="#2")
        self.assertReads({"r.csv": "".join(f"{i} {u}\n" for u, i, *_ in ROWS)}, feedback="implicit", user_column="#2")
        self.assertRefuses({"r.csv": text}, "feedback=implicit")
        timed = csv([(u, i, t) for u, i, _, t in ROWS], ("user", "item", "count"))
        self.assertIn("weights_like_times", self.events({"r.csv": timed}))

    def test_a_value_that_means_not_rated(self):
        zeros = csv([(u, i, "0" if n % 3 else r, t) for n, (u, i, r, t) in enumerate(ROWS)])
        n_zero = sum(1 for n in range(len(ROWS)) if n % 3)
        for given in ("0", "0.0", "-1,0"):
            train = self.inspect({"r.csv": zeros}, not_rated=given)["train"]
            self.assertEqual((len(ROWS) - n_zero, n_zero, len(ROWS)),
                             (train["n_ratings"], train["n_not_rated"], train["n_rows"]))
            self.assertGreater(train["values"]["least"], 0)
        self.assertRefuses({"r.csv": zeros}, "not_rated", not_rated="none at all")

    def test_times_that_are_not_to_be_used(self):
        train = self.assertReads({"r.csv": csv(ROWS)}, timestamp_column="none")
        self.assertEqual("none", train["dialects"][0]["timestamp"])
        self.assertNotIn("times", train)

    def test_delimiters(self):
        for given, separator in (("comma", ","), ("tab", "\t"), ("\\t", "\t"), ("semicolon", ";"), ("pipe", "|"),
                                 ("|", "|"), ("::", "::"), ("^", "^"), ("~", "~"), ("blanks", "  "), (";", ";")):
            with self.subTest(given=given):
                self.assertReads({"r.csv": csv(ROWS, HEADER, separator)}, delimiter=given)
                self.assertReads({"r.csv": csv(ROWS, None, separator)}, delimiter=given)
        self.assertRefuses({"r.csv": csv(ROWS)}, "delimiter", delimiter="letters")

    def test_decimal_commas(self):
        rows = [(u, i, r.replace(".", ","), t) for u, i, r, t in ROWS]
        for header in (HEADER, None):
            text = csv(rows, header, ";")
            self.assertRefuses({"r.csv": text}, "decimal_comma=true")
            train = self.assertReads({"r.csv": text}, decimal_comma="true")
            self.assertEqual((0.5, 5.0), (train["values"]["least"], train["values"]["most"]))

    def test_encodings(self):
        rows = [("Müller" + u, "Œuvre €" + i, r, t) for u, i, r, t in ROWS]
        text = csv(rows)
        self.assertRefuses({"r.csv": text.encode("windows-1252")}, "not UTF-8", "encoding=latin1", "windows-1252")
        job = self.job(encoding="windows-1252").channel("train", {"r.csv": text.encode("windows-1252")})
        plain = self.job_on(rows)
        self.train(job)
        self.train(plain)
        self.assertEqual(plain.metrics()["data"]["n_users"], job.metrics()["data"]["n_users"])
        self.assertIn("Œuvre €1000".encode(), job.bytes())
        self.assertReads({"r.csv": csv([("é" + u, i, r, t) for u, i, r, t in ROWS]).encode("latin-1")},
                         encoding="latin1")


class Validation(KindCase):
    """9. The share of the validation channel that training knows."""

    def validated(self, rows):
        job = self.job_on(ROWS[:700]).channel("validation", {"v.csv": csv(rows)})
        return job, self.run_train(job)

    def test_the_known_share_is_logged(self):
        job, result = self.validated(ROWS[700:])
        self.assertTrained(job, result)
        line = next(line for line in result.log if line.get("event") == "validation_known")
        self.assertEqual((200, 200), (line["rows"], line["of_rows"]))
        self.assertFalse([line for line in result.log if line.get("event") == "few_known"])

    def test_ratings_of_another_scale_are_a_warning(self):
        job, result = self.validated([(u, i, str(float(r) * 20), t) for u, i, r, t in ROWS[700:]])
        self.assertTrained(job, result)
        self.assertIn("different_scales", {w["event"] for w in job.metrics()["data"]["warnings"]})
        self.assertIn("different_scales", [line.get("event") for line in result.log])
        job, result = self.validated(ROWS[700:])
        self.assertNotIn("different_scales", [line.get("event") for line in result.log])

    def test_rows_without_a_header_are_read_by_that_of_the_training_data(self):
        """User and item ids are the same numbers, so that swapped columns would go unnoticed."""
        swapped = [(str(int(i) - 999), u, r, t) for u, i, r, t in ROWS]

        def inspect(text):
            job = self.job().channel("train", {"r.csv": csv(swapped, ("item", "user", "rating", "timestamp"))})
            return json.loads(self.run_train(job.channel("validation", {"v.csv": text}), "--inspect", "--json").stdout)
        seen = inspect(csv(swapped[:90], None))["validation"]
        self.assertEqual((90, "item"), (seen["n_known"], seen["dialects"][0]["item"]))
        self.assertIn("v.csv has no header: its columns are those of r.csv of channel train",
                      [w["message"] for w in seen["warnings"]])
        self.assertIn("v.csv:1:", inspect("7,31,NULL,5\n" + csv(swapped[:90], None))["error"])
        self.assertIn("v.csv has no header, and the header of r.csv",
                      inspect(csv([row[:3] for row in swapped[:90]], None))["error"])
        job = self.job().channel("train", {"r.csv": csv(ROWS)})
        job.channel("validation", {"v.csv": csv([row[:3] for row in ROWS], None)})
        self.assertEqual(0, self.run_train(job, "--inspect").status)

    def test_below_half_is_a_warning_and_none_an_error(self):
        unknown = [("x" + u, i, r, t) for u, i, r, t in ROWS[700:]]
        job, result = self.validated(ROWS[700:] + unknown + [("y" + u, i, r, t) for u, i, r, t in ROWS[700:]])
        self.assertTrained(job, result)
        self.assertTrue([line for line in result.log if line.get("event") == "few_known"], result)
        self.assertIn("few_known", {w["event"] for w in job.metrics()["data"]["warnings"]})
        job, result = self.validated(unknown)
        self.assertFailed(job, result, "validation", "none of its 200 rows")
        job, result = self.validated([(i, u, r, t) for u, i, r, t in ROWS[700:]])
        self.assertFailed(job, result, "validation", "same columns")


class SharedRows(KindCase):
    """10. Several files of the same rows."""

    def test_repeated_pairs_are_counted_for_each_two_files(self):
        train = self.assertReads({"all.csv": csv(ROWS), "train.csv": csv(ROWS[:600]), "z.csv": csv(ROWS[600:650])},
                                 events=("shared_rows", "many_repeated"))
        texts = [w["message"] for w in train["warnings"] if w["event"] == "shared_rows"]
        self.assertEqual(["600 rows of train.csv are of pairs that all.csv has too",
                          "50 rows of z.csv are of pairs that all.csv has too"], texts)

    def test_files_of_folders_are_named_with_them(self):
        train = self.assertReads({"new/a.csv": csv(ROWS[:400]), "old/a.csv": csv(ROWS)})
        self.assertEqual([["new/a.csv", "old/a.csv"]], [d["files"] for d in train["dialects"]])
        self.assertIn("400 rows of old/a.csv are of pairs that new/a.csv has too",
                      [w["message"] for w in train["warnings"]])

    def test_one_file_is_not_named_for_its_own_repeated_rows(self):
        self.assertNotIn("shared_rows", self.events({"a.csv": csv(ROWS[:500] + ROWS[:500]), "b.csv": csv(ROWS[500:])}))

    def test_many_files(self):
        files = {f"part-{n:03}.csv": csv(ROWS[n * 3:n * 3 + 3]) for n in range(300)}
        files["part-999.csv"] = csv(ROWS[:3])
        train = self.assertReads(files)
        self.assertEqual(3, train["n_repeated"])


class Inspect(KindCase):
    """train --inspect."""

    def test_a_table_for_people(self):
        job = self.job().channel("train", {"ratings.csv": csv(ROWS), "README.txt": "Some words.\n"})
        result = self.run_train(job, "--inspect")
        self.assertEqual(0, result.status, result)
        for words in ("read      ratings.csv", "columns user=userId item=movieId rating=rating timestamp=timestamp "
                      "delimiter=comma header=yes quoting=minimal", "left out  README.txt", "first rows",
                      ROWS[0][0], "900 of 60 users and 40 items", "0.5 to 5", "2001-09-09T01:46:40Z", "##", "warning"):
            self.assertIn(words, result.stdout)

    def test_the_same_for_programs(self):
        seen = self.inspect({"ratings.csv": csv(ROWS)})["train"]
        self.assertEqual([{"user": u, "item": i, "rating": r, "timestamp": t} for u, i, r, t in ROWS[:3]],
                         seen["first_rows"])
        counts = {}
        for row in ROWS:
            counts[float(row[2])] = counts.get(float(row[2]), 0) + 1
        self.assertEqual(sorted(counts.items()), [(e["value"], e["n"]) for e in seen["histogram"]])
        self.assertAlmostEqual(900 / 60 / 40, seen["density"], places=6)

    def test_exit_1_when_the_job_would_fail(self):
        job = self.job().channel("train", {"movies.csv": "movieId,title\n1,A\n"})
        result = self.run_train(job, "--inspect")
        self.assertEqual(1, result.status, result)
        self.assertIn("the job would fail: channel train: its only file has no", result.stdout)
        self.assertIn("left out  movies.csv", result.stdout)
        self.assertFalse(job.failure.exists())
        job = self.job(n_factors="many").channel("train", {"ratings.csv": csv(ROWS)})
        self.assertEqual(1, self.run_train(job, "--inspect").status)

    def test_it_fails_as_the_job_fails(self):
        pairs = csv([row[:2] for row in ROWS], HEADER[:2])
        timeless = csv([row[:3] for row in ROWS], HEADER[:3])
        for files, words, settings in (
                (pairs, "hyperparameter ranking is false", {"ranking": "false"}),
                (timeless, "a split by time needs a column with timestamps",
                 {"validation_split": "time", "validation_fraction": "0.1"}),
                (csv(ROWS[:3]), "none is left to train on", {"validation_fraction": "0.99"})):
            job = self.job(**settings).channel("train", {"r.csv": files})
            self.assertFailed(job, self.run_train(job), words)
            self.assertRefuses({"r.csv": files}, words, **settings)
        self.assertReads({"r.csv": csv(ROWS)}, validation_split="time", validation_fraction="0.1")

    def test_the_model_in_service_needs_ratings_that_are_held_out(self):
        job = self.job_on(ROWS).channel("current", {"model.bin": b"none"})
        self.assertFailed(job, self.run_train(job), "channel current")
        self.assertIn("channel current: a new model is compared", self.run_train(job, "--inspect").stdout)
        job = self.job(validation_fraction="0.1").channel("train", {"r.csv": csv(ROWS)})
        self.assertEqual(0, self.run_train(job.channel("current", {"model.bin": b"none"}), "--inspect").status)

    def test_validation_too(self):
        job = self.job_on(ROWS[:700]).channel("validation", {"v.csv": csv(ROWS[700:])})
        seen = json.loads(self.run_train(job, "--inspect", "--json").stdout)
        self.assertEqual((200, 200), (seen["validation"]["n_ratings"], seen["validation"]["n_known"]))

    def test_it_excludes_other_options(self):
        for words in (("--inspect", "--info", "x"), ("--inspect", "--predict", "1", "2")):
            self.assertEqual(2, self.run_train(self.job_on(ROWS), *words).status)


class Modes(KindCase):
    """The same by every input mode: FastFile, Pipe, gzip, zstd, threads."""

    def test_pipe_and_fast_file(self):
        quoted = with_text(ROWS, lambda n: '"a" b' if n % 3 else '"open', "\t")
        for content in (csv(ROWS), csv(ROWS, None, "::"), json_lines(ROWS), quoted, csv(ROWS).encode("utf-16"),
                        gzip.compress(csv(ROWS).encode()), zstd.compress(csv(ROWS).encode()), "".join(" ".join(row) + "\n" for row in ROWS)):
            plain = self.job().channel("train", {"r.csv": content})
            self.train(plain)
            fast = self.job().channel("train", {"r.csv": content}, mode="FastFile")
            self.train(fast)
            self.assertSameModel(plain, fast)
            pipe = self.job().channel("train", None, mode="Pipe")
            raw = content if isinstance(content, bytes) else content.encode()
            self.feed(pipe.data / "train_0", raw)
            result = self.train(pipe)
            self.assertSameModel(plain, pipe)
            self.assertTrue([line for line in result.log if line.get("event") == "columns"], result)

    def test_threads_change_nothing(self):
        big = [(f"{u}-{k}", i, r, t) for k in range(60) for u, i, r, t in ROWS]
        content = {"q.tsv": with_text(big, lambda n: ('"a" b', "plain", '"', "x\"")[n % 4], "\t"),
                   "r.json": json_lines([("j" + u, i, r, t) for u, i, r, t in big])}
        one = self.inspect(content, n_threads=1)
        three = self.inspect(content, n_threads=3)
        self.assertEqual(one, three)
        self.assertEqual(2 * len(big), one["train"]["n_rows"])


if __name__ == "__main__":
    unittest.main()
