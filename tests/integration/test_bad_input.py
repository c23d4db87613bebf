"""Bad inputs of every kind, and the error for each: file, line, column, value.

Columns count bytes from 1 and name the field's first byte; lines are physical
lines, a header, blank lines and lines inside quotes included. Checklist numbers are
those of docs/sagemaker.md."""

import datetime
import gzip
import os
import re
import time
import unittest

import zstd
from epochs import figures
from samples import csv, planted
from sanitizers import SANITIZED
from train_case import TrainCase

ROWS = planted(60, 40, 900)
GOOD = csv(ROWS)
HEAD = "userId,movieId,rating,timestamp\n"


class BadCase(TrainCase):
    def refuse(self, content, *words, name="ratings.csv", error="ClientError", **hyperparameters):
        """Trains on this one file, which must be rejected. Returns the failure text."""
        job = self.job(**hyperparameters).channel("train", {name: content})
        result = self.run_train(job)
        text = self.assertFailed(job, result, *words, error=error)
        self.assertEqual([], result.epochs)
        return text

    def refuse_row(self, row, expected, head=HEAD, before=ROWS[:10], after=ROWS[10:20]):
        """A bad row on line 12 of a file. expected follows "ratings.csv:12:"."""
        lines = lambda rows: "".join(",".join(r[: head.count(",") + 1]) + "\n" for r in rows)
        content = (head + lines(before)).encode() + row + b"\n" + lines(after).encode()
        at = 1 + len(before) + (1 if head else 0)
        return self.refuse(content, re.compile(r"\A(\S*/)?ratings\.csv:" + f"{at}:{expected}"))


class Files(BadCase):
    def test_an_empty_file_alone_is_no_training_data(self):
        """Also a blank one, or a gzip file of nothing."""
        self.refuse("", "train", "ratings.csv")
        self.refuse("", "train", "ratings.csv.gz", name="ratings.csv.gz")
        self.refuse(gzip.compress(b""), "train", "ratings.csv.gz", name="ratings.csv.gz")
        for blank in ("\n", "\r\n\r\n", "\ufeff", " \n\n"):
            self.refuse(blank, "train")

    def test_a_header_alone_is_no_training_data(self):
        """With and without an end of line."""
        for content in (HEAD, HEAD.strip(), "\ufeff" + HEAD.replace("\n", "\r\n")):
            self.refuse(content, re.compile(r"train|ratings\.csv"))

    def test_no_ratings_at_all_lists_what_was_found(self):
        """So that a user who named the wrong folder sees it."""
        job = self.job().channel("train", {
            "movies.csv": "movieId,title,genres\n1,Toy Story (1995),Animation\n",
            "README.txt": "Nothing here.\n", "tags.csv": "movieId,tag,timestamp\n2,x,3\n",
            "links.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n"})
        self.assertFailed(job, self.run_train(job), "movies.csv", "README.txt", "tags.csv",
                          "links.csv", "train")

    def test_a_list_of_what_was_found_stays_short_enough(self):
        """Checklist 43 with 5,000 files of other things."""
        job = self.job().channel("train", {f"{'x' * 60}-{i:05d}.txt": "words\n" for i in range(5000)})
        self.assertFailed(job, self.run_train(job), "train", "5000")

    def test_a_missing_column_is_reported_with_the_existing_columns(self):
        """The user or the item; a file without ratings would be implicit feedback."""
        for header in ("movieId,rating,timestamp", "userId,rating,when"):
            with self.subTest(header):
                text = self.refuse(header + "\n1,2,3\n4,5,6\n", "ratings.csv")
                for column in header.split(","):
                    self.assertIn(column, text)

    def test_a_column_name_that_no_file_has_is_reported(self):
        """Names given by hyperparameter must match exactly."""
        for key in ("user_column", "item_column", "rating_column", "timestamp_column"):
            with self.subTest(key):
                self.refuse(GOOD, "no_such_column", **{key: "no_such_column"})

    def test_one_name_for_two_columns_is_refused(self):
        """A typo that would train on nonsense."""
        self.refuse(GOOD, "movieId", user_column="movieId", item_column="movieId")
        self.refuse(GOOD, "rating", rating_column="rating", timestamp_column="rating")

    def test_a_gzip_file_that_is_cut_or_wrong_is_named(self):
        """A cut file must not train on its first half."""
        packed = gzip.compress(csv(planted()).encode())
        name = "ratings.csv.gz"
        for label, content in (("cut", packed[: len(packed) * 2 // 3]), ("no end", packed[:-4]),
                               ("wrong sum", packed[:-8] + b"\0\0\0\0" + packed[-4:]),
                               ("one byte", packed[:1000] + b"\xff\xff" + packed[1002:]),
                               ("only the start", packed[:5])):
            with self.subTest(label):
                self.refuse(content, name, name=name, error=None)

    def test_invalid_bytes_after_a_gzip_member_are_an_error_or_ignored(self):
        """gzip(1) ignores trailing zeros but not garbage. Neither becomes rows."""
        packed = gzip.compress(GOOD.encode())
        job = self.job().channel("train", {"ratings.csv.gz": packed + b"\0" * 512})
        result = self.run_train(job)
        if result.status == 0:
            self.assertEqual(len(ROWS), job.metrics()["data"]["n_ratings"])
        else:
            self.assertFailed(job, result, "ratings.csv.gz", error=None)

    def test_a_zstd_file_that_is_cut_or_wrong_is_named(self):
        packed = zstd.compress(csv(planted()).encode())
        name = "ratings.csv.zst"
        for label, content in (("cut", packed[: len(packed) * 2 // 3]), ("no end", packed[:-1]),
                               ("one byte", packed[:1000] + b"\xff\xff" + packed[1002:]),
                               ("only the start", packed[:5]), ("more", packed + b"1,2,3")):
            with self.subTest(label):
                self.refuse(content, name, name=name, error=None)

    def test_a_file_that_cannot_be_read_is_named(self):
        """A dangling link works for root too."""
        job = self.job_on(GOOD)
        (job.data / "train" / "gone.csv").symlink_to("nowhere")
        self.assertFailed(job, self.run_train(job), "gone.csv", error=None)
        if os.geteuid() != 0:
            job = self.job_on(GOOD)
            (job.data / "train" / "ratings.csv").chmod(0)
            self.assertFailed(job, self.run_train(job), "ratings.csv", "Permission", error=None)


class Rows(BadCase):
    def test_text_in_place_of_a_number_is_reported_with_file_line_column_and_value(self):
        """Checklist 38: the sentence, word for word."""
        lines = GOOD.splitlines()
        lines[40] = "10,1000,4;5,964982703"
        text = self.refuse("\n".join(lines) + "\n")
        self.assertRegex(text, r'\AClientError: (\S*/)?ratings\.csv:41:9: '
                               r'rating "4;5" is not a number \(max_bad_rows=… leaves such rows out\)\Z')
        for row, expected in ((b"1,1000,,5", r'8: rating (""|is empty)'), (b"1,1000,five,5", '8: rating "five" '),
                              (b"1,1000,4.5.5,5", r'8: rating "4\.5\.5" '),
                              (b"1,1000,0x10,5", '8: rating "0x10" '),
                              (b"1,1000,\"4,5\",5", r'\d+: rating "4,5" '),
                              ("1,1000,٤,5".encode(), '8: rating "٤" '),
                              (b"1,1000,4e,5", '8: rating "4e" ')):
            with self.subTest(row=row):
                self.refuse_row(row, expected)

    def test_nan_inf_and_1e400_are_not_ratings(self):
        """Nor is a value outside of the range of float."""
        for value in ("NaN", "nan", "inf", "-inf", "Infinity", "1e400", "-1e400", "1e39", "nan(1)"):
            with self.subTest(value):
                self.refuse_row(f"1,1000,{value},5".encode(), rf'8: rating "{re.escape(value)}" ')

    def test_a_row_whose_timestamp_is_none_is_read_without_one(self):
        """Counted and warned about: its rating is as good as any."""
        for time in (b"yesterday", b"", b"2005-04-31"):
            lines = GOOD.encode().splitlines()
            lines[2] = lines[2].rpartition(b",")[0] + b"," + time
            job = self.job().channel("train", {"ratings.csv": b"\n".join(lines)})
            result = self.train(job)
            self.assertTrained(job, result)
            self.assertEqual(1, job.metrics()["data"]["n_timeless_rows"])
            self.assertTrue(any(line.get("event") == "timeless_rows" for line in result.log), result)

    def test_times_in_the_future_are_counted(self):
        """Warned about with the latest of them; seconds, milliseconds, fractions and dates. A minute is not the future."""
        now, day = time.time(), 86400
        iso = lambda seconds: datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        head, *rows = GOOD.splitlines()
        for write in (lambda s: str(int(s)), lambda s: str(int(1000 * s)), lambda s: f"{s:.3f}", iso):
            times = [now - day, now + 30, now + day, now + 3650 * day] + [now - 2 * day] * (len(rows) - 4)
            lines = [head, *(row.rpartition(",")[0] + "," + write(t) for row, t in zip(rows, times))]
            with self.subTest(lines[1]):
                job = self.job().channel("train", {"ratings.csv": "\n".join(lines)})
                result = self.train(job)
                self.assertTrained(job, result)
                self.assertEqual(2, job.metrics()["data"]["n_future_rows"])
                warnings = [line["message"] for line in result.log if line.get("event") == "future_rows"]
                self.assertEqual(1, len(warnings))
                self.assertIn(f"2 of {len(rows)} rows have times in the future, such as {iso(times[3])[:4]}-", warnings[0])

    def test_too_few_and_too_many_fields_are_counted(self):
        """The error also has the expected number."""
        for row, count in ((b"1,1000", 2), (b"1", 1), (b"1,1000,4.5", 3), (b"1,1000,4.5,5,6", 5),
                           (b"1,1000,4.5,5,", 5), (b"1;1000;4.5;5", 1)):
            with self.subTest(row=row):
                text = self.refuse_row(row, "")
                self.assertRegex(text, rf"\b{count} (field|column)")
                self.assertRegex(text, r"\b4\b", "and how many there should be")

    def test_empty_ids_are_refused(self):
        """An id is 1 to 255 bytes."""
        self.refuse_row(b",1000,4.5,5", "1: user")
        self.refuse_row(b"1,,4.5,5", "3: item")

    def test_ids_of_255_bytes_are_fine_and_of_300_are_not(self):
        """The error has the limit."""
        job = self.job_on(ROWS + [("u" * 255, "i" * 255, "4", "1")])
        self.train(job)
        self.assertNotIn("false", self.predict(job, "u" * 255, "i" * 255)[1])
        for row, at in (("u" * 300 + ",1000,4.5,5", "1: user"), ("1," + "i" * 300 + ",4.5,5", "3: item"),
                        ("u" * 256 + ",1000,4.5,5", "1: user")):
            text = self.refuse_row(row.encode(), at)
            self.assertIn("255", text)

    def test_nul_bytes_are_an_error(self):
        """A C string would end there, and 1\\0x would be user 1."""
        self.refuse_row(b"1\x00x,1000,4.5,5", "1: user")
        self.refuse_row(b"1,1000,4\x00.5,5", "8: rating")
        self.refuse_row(b"1,10\x0000,4.5,5", "3: item")

    def test_invalid_utf8_and_control_characters_in_an_id_are_named(self):
        """An id must be printable."""
        for bad in (b"\xff", b"caf\xe9", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80", b"a\x07b"):
            with self.subTest(bad=bad):
                self.refuse_row(bad + b",1000,4.5,5", "1: user")
                self.refuse_row(b"1," + bad + b",4.5,5", "3: item")

    def test_an_unterminated_quote_is_named_where_it_begins_or_ends(self):
        """It would make the rest of the file one field."""
        text = self.refuse_row(b'1,"1000,4.5,5', r"\d+: ")
        self.assertIn("quote", text)
        job = self.job_on(csv(ROWS[:5]) + '1,"1000,4.5,5\n' + "1,2,3,4\n" * 400_000)
        result = self.run_train(job)
        self.assertFailed(job, result, re.compile(r"ratings\.csv:7:\d+: .*quote"))

    def test_a_quote_in_the_middle_is_an_error_or_part_of_the_id(self):
        """RFC 4180 forbids it; rows must not be joined by guessing."""
        job = self.job_on(csv(ROWS) + '7"x,1000,4.5,5\n8,new,3,6\n')
        result = self.run_train(job)
        if result.status == 0:
            self.assertEqual(len(ROWS) + 2, job.metrics()["data"]["n_ratings"], result)
        else:
            self.assertFailed(job, result, re.compile(rf"ratings\.csv:{len(ROWS) + 2}:"))

    def test_a_line_of_10_megabytes_is_refused_with_the_limit(self):
        """In little memory, with and without an end."""
        for label, line in (("one field", b"x" * 10_000_000), ("many fields", b"1," * 5_000_000),
                            ("quoted", b'"' + b"y" * 10_000_000 + b'",1,2,3'),
                            ("spaces", b" " * 10_000_000)):
            for end in (b"\n1,2,3,4\n", b""):
                with self.subTest(label, end=end):
                    job = self.job().channel("train", {"ratings.csv": GOOD.encode() + line + end})
                    result, peak = self.measured(job)
                    self.assertFailed(job, result, f"ratings.csv:{len(ROWS) + 2}:",
                                      re.compile(r"long|limit|at most|bytes"))
                    if not SANITIZED:
                        self.assertLess(peak, 50 << 20)

    def test_line_numbers_count_physical_lines(self):
        """Headers, blank lines, CR-LF, and lines inside quoted fields."""
        bad = "1,1000,bad,5\n"
        cases = {
            "blank lines": (HEAD + "\n\n1,2,3,4\n\n" + bad, 6),
            "CR-LF": ((HEAD + "1,2,3,4\n" + bad).replace("\n", "\r\n"), 3),
            "no header": ("1,2,3,4\n5,6,4,8\n" + bad, 3),
            "BOM": ("\ufeff" + HEAD + bad, 2),
            "last line without an end": (HEAD + "1,2,3,4\n" + bad.strip(), 3),
            "quoted lines": ("userId,movieId,rating,note\n" + '1,2,3,"a\nb\nc"\n' +
                             '4,5,bad,"x"\n', 5),
        }
        for label, (content, line) in cases.items():
            with self.subTest(label):
                column = 5 if label == "quoted lines" else 8
                self.refuse(content, re.compile(rf'ratings\.csv:{line}:{column}: rating "bad"'))

    def test_the_first_error_is_reported_with_any_number_of_threads(self):
        """Files are parsed in blocks in parallel: the error of the earliest line is reported every
        time."""
        rows = planted(800, 400, 60000)
        lines = [",".join(r) for r in rows]
        for at in (50, 20_001, 20_002, 59_990):
            lines[at] = "1,2,bad%d,3" % at
        content = HEAD + "\n".join(lines) + "\n"
        for threads in (1, 2, 3, 8):
            for _ in range(3):
                self.refuse(content, 'ratings.csv:52:5: rating "bad50"', n_threads=threads)

    def test_a_late_error_has_the_right_line(self):
        """Line numbers survive the cutting into blocks; more than one block's worth."""
        rows = planted(800, 400, 100_000) * 3
        content = csv(rows) + "1,2,bad,3\n" + csv(rows[:5000], header=None)
        self.refuse(content, f'ratings.csv:{len(rows) + 2}:5: rating "bad"')
        self.refuse(gzip.compress(content.encode(), 1),
                    f'ratings.csv.gz:{len(rows) + 2}:5: rating "bad"', name="ratings.csv.gz")

    def test_the_validation_channel_is_as_strict(self):
        """And its file is the one named."""
        job = self.job_on(GOOD).channel("validation", {"check.csv": csv(ROWS[:5]) + "1,2,bad,3\n"})
        self.assertFailed(job, self.run_train(job), 'check.csv:7:5: rating "bad"')


class BadRowsAllowed(BadCase):
    """max_bad_rows (default 0): counted, and the first ten named."""

    BAD = [b"1,1000,bad,5", b"\xff,1000,4,5", b"1,1000", b"1,1000,4,5,6,7", b"u" * 300 + b",1,2,3",
           b"1,1000,nan,5", b",1000,4,5", b"1,1000,1e99,5", b"a\x00b,1000,4,5", b"1,,4,5",
           b"1,1000,bad11,5", b"1,1000,bad12,5"]

    def content(self, bad):
        """Each bad row after ten good ones."""
        lines = [",".join(r).encode() for r in ROWS]
        for n, row in enumerate(bad):
            lines.insert(10 + 11 * n, row)
        return HEAD.encode() + b"\n".join(lines) + b"\n"

    def test_as_many_as_allowed_are_left_out_and_one_more_is_an_error(self):
        """max_bad_rows; one more is an error."""
        plain = self.job_on(GOOD)
        expected = figures(self.train(plain))
        bad = self.BAD
        job = self.job(max_bad_rows=len(bad)).channel("train", {"ratings.csv": self.content(bad)})
        result = self.train(job)
        self.assertTrained(job, result)
        self.assertEqual(expected, figures(result), "trains as if they were not there")
        data = job.metrics()["data"]
        self.assertEqual((len(bad), len(ROWS)), (data["n_bad_rows"], data["n_ratings"]))
        self.refuse(self.content(bad), str(len(bad) - 1), max_bad_rows=len(bad) - 1)
        self.refuse(self.content(bad[:1]), 'ratings.csv:12:8: rating "bad"', max_bad_rows=0)

    def test_the_first_ten_are_named_with_their_lines(self):
        """Counted and the first ten named; long ids are abbreviated."""
        bad = self.BAD
        for threads in (1, 4):
            job = self.job(max_bad_rows=100, n_threads=threads)
            job.channel("train", {"ratings.csv": self.content(bad)})
            result = self.train(job)
            named = [int(n) for n in re.findall(r"ratings\.csv:(\d+):\d+", result.stderr)]
            self.assertEqual([12 + 11 * n for n in range(10)], sorted(set(named)), result)
            self.assertNotIn("bad11", result.stderr)
            self.assertRegex(result.stderr, rf"\b{len(bad)}\b")

    def test_only_rows_are_tolerated(self):
        """A cut gzip file, no rating at all and an endless quote stay errors."""
        packed = gzip.compress(csv(planted()).encode())
        self.refuse(packed[:-30], "ratings.csv.gz", name="ratings.csv.gz", error=None,
                    max_bad_rows=1_000_000)
        self.refuse(HEAD + "1,2,x,3\n" * 5, re.compile("train|ratings"), max_bad_rows=1_000_000)

    def test_a_long_line_is_one_bad_row_or_stays_an_error(self):
        """Either the rows after it count, or the error has the limit as without max_bad_rows."""
        job = self.job(max_bad_rows=1).channel("train", {
            "ratings.csv": csv(ROWS[:100]).encode() + b"x" * 10_000_000 + b"\n" +
            csv(ROWS[100:], header=None).encode()})
        result = self.run_train(job)
        if result.status != 0:
            self.assertFailed(job, result, "ratings.csv:102:1: ", re.compile(r"longer than \d+"))
            return
        data = job.metrics()["data"]
        self.assertEqual((1, len(ROWS)), (data["n_bad_rows"], data["n_ratings"]))


class TooLittle(BadCase):
    """One rating; one user; one item; all ratings equal. They train."""

    def small(self, rows, **more):
        for threads in (1, 8):
            job = self.job_on(rows, n_threads=threads, **more)
            result = self.train(job)
            self.assertTrained(job, result)
            for line in result.epochs:
                self.assertLess(float(line["train_rmse"]), 10)
            self.assertUsableModel(job, rows)
        return job

    def one_value(self, rows):
        """Trains on ratings that are all the same: no rating model, and no prediction is
        printed."""
        for threads in (1, 8):
            job = self.job_on(rows, n_threads=threads)
            result = self.train(job)
            self.assertTrained(job, result)
            self.assertEqual([], result.epochs)
            self.assertIn("one_rating", [line["event"] for line in result.log
                                         if line["level"] == "warning"], result)
            for pair in (rows[0][:2], (rows[0][0], "x"), ("x", "y")):
                predicted = self.run_train(job, "--predict", *pair, write_config=False)
                self.assertEqual((1, ""), (predicted.status, predicted.stdout), predicted)
                self.assertIn("no rating model", self.last_error(predicted))

    def test_one_rating(self):
        """It has a user and an item, but no information about preferences."""
        self.one_value([("u", "i", "3.5", "1")])

    def test_one_user(self):
        """One row of factors."""
        self.small([("u", str(i), str(1 + i % 5), "1") for i in range(50)])

    def test_one_item(self):
        """One column of factors."""
        self.small([(str(u), "i", str(1 + u % 5), "1") for u in range(50)])

    def test_all_ratings_equal(self):
        """No spread to divide by."""
        self.one_value([(str(n % 20), str(n % 31), "4", "1") for n in range(300)])

    def test_two_ratings_with_a_validation_fraction(self):
        """A split must leave ratings to train on, or fail with that reason."""
        for rows in (ROWS[:1], ROWS[:2], ROWS[:3]):
            job = self.job_on(rows, validation_fraction=0.5)
            result = self.run_train(job)
            if result.status == 0:
                self.assertTrained(job, result)
            else:
                self.assertFailed(job, result, "validation_fraction")

    def test_validation_data_of_unknown_users_and_items(self):
        """Of which training knows nothing: an error; of which it knows few: a warning."""
        unknown_rows = [("x" + u, "y" + i, r, t) for u, i, r, t in ROWS[:200]]
        job = self.job_on(GOOD).channel("validation", {"ratings.csv": csv(unknown_rows)})
        self.assertFailed(job, self.run_train(job), "validation", "none of its 200 rows",
                          error="ClientError")
        known = ROWS[0]
        job = self.job_on(GOOD).channel("validation", {"ratings.csv": csv([known] + unknown_rows)})
        result = self.train(job)
        self.assertTrue(any(line.get("event") == "few_known" for line in result.log), result)
        mean = sum(float(r[2]) for r in ROWS) / len(ROWS)
        rmse = (sum((float(r[2]) - mean) ** 2 for r in unknown_rows) / 200) ** 0.5
        self.assertAlmostEqual(rmse, float(result.epochs[-1]["validation_rmse"]), delta=0.01)

    def test_ratings_of_any_scale(self):
        """Any finite numbers; the scale is learned from the data."""
        for factor, offset in ((1e6, 0), (1e-6, 0), (-1, 0), (1, 1e6), (20, -50), (1e30, 0)):
            rows = [(u, i, repr(float(r) * factor + offset), t) for u, i, r, t in ROWS]
            with self.subTest(factor=factor, offset=offset):
                job = self.job_on(rows)
                self.assertTrained(job, self.train(job))
                if factor > 1e-3:
                    self.assertUsableModel(job, rows)


class Config(BadCase):
    """hyperparameters.json that is not JSON, not an object, not strings."""

    def refuse_config(self, name, content, *words):
        job = self.job_on(GOOD)
        job.config[name] = content
        return self.assertFailed(job, self.run_train(job), name, *words)

    def test_a_file_that_is_not_json_is_named_with_line_and_column(self):
        """Each of the three files that are read."""
        for name in ("hyperparameters.json", "inputdataconfig.json", "resourceconfig.json"):
            for content in (b"", b"{", b'{"a" "b"}', b"{'a': 'b'}", b'{"a": "b"} trailing',
                            b"\xff\xfe{\x00}\x00", b'{"a": "\xff"}', b'{"a": "b",}', b"[" * 100000,
                            b'{"a": "b\x00c"}'):
                with self.subTest(name, content=content[:20]):
                    text = self.refuse_config(name, content)
                    if content:
                        self.assertRegex(text, rf"{re.escape(name)}:\d+:\d+: ")
                    else:
                        self.assertIn("empty", text)

    def test_json_that_is_no_object_is_refused(self):
        """Each of the three."""
        for name in ("hyperparameters.json", "inputdataconfig.json", "resourceconfig.json"):
            for content in (b"[]", b'"text"', b"5", b"null", b"true"):
                with self.subTest(name, content=content):
                    self.refuse_config(name, content)

    def test_values_that_are_not_strings_are_refused_with_the_key(self):
        """The platform sends texts; the error for a number says how to write it."""
        for value in (5, 5.5, True, None, [1], {"a": 1}):
            with self.subTest(value=value):
                self.refuse_config("hyperparameters.json", {"n_epochs": value}, "n_epochs")

    def test_a_key_given_twice_is_refused(self):
        """Which of the two applies would be unspecified."""
        self.refuse_config("hyperparameters.json", b'{"n_epochs": "3", "n_epochs": "4"}', "n_epochs")

    def test_channels_and_hosts_of_wrong_kinds_are_refused(self):
        """An error with its name, no crash."""
        for content in ({"train": "x"}, {"train": []}, {"train": None}, {"train": {"TrainingInputMode": 5}},
                        {"../x": {"TrainingInputMode": "File"}}, {"": {"TrainingInputMode": "File"}}):
            with self.subTest(content=content):
                self.refuse_config("inputdataconfig.json", content)
        for content in ({"current_host": 5, "hosts": ["a"]}, {"current_host": "a", "hosts": "a"},
                        {"current_host": "a", "hosts": [5]}, {"current_host": "a", "hosts": {}}):
            with self.subTest(content=content):
                self.refuse_config("resourceconfig.json", content)

    def test_a_folder_in_place_of_a_config_file_is_named(self):
        """Or a FIFO, which must not be waited for."""
        for name in ("hyperparameters.json", "inputdataconfig.json", "resourceconfig.json"):
            for make in (os.mkdir, os.mkfifo):
                with self.subTest(name, make=make.__name__):
                    job = self.job_on(GOOD)
                    job.write_config()
                    path = job.prefix / "input" / "config" / name
                    path.unlink()
                    make(path)
                    result = self.run_train(job, write_config=False)
                    self.assertFailed(job, result, name, error=None)

    def test_a_huge_config_file_is_refused_in_little_memory(self):
        """64 MB of JSON."""
        job = self.job_on(GOOD)
        job.config["hyperparameters.json"] = b'{"n_epochs": "' + b"5" * (64 << 20) + b'"}'
        result, peak = self.measured(job)
        self.assertFailed(job, result, "hyperparameters.json", error=None)
        self.assertLess(peak, (1 << 30) if SANITIZED else (40 << 20))


class BrokenModels(BadCase):
    """A model file that is not one is refused with its reason. Every byte and every bit
    of a small file is covered by tests/unit; here the program reads it."""

    def setUp(self):
        super().setUp()
        self.trained = self.job_on(GOOD, n_epochs=1)
        self.train(self.trained)
        self.model = self.trained.bytes()

    def refuse_model(self, place, *words):
        """place(path of model.bin) puts something there."""
        job = self.job()
        place(job.model_bin)
        result = self.run_train(job, "--predict", "1", "1000", write_config=False)
        self.assertEqual(1, result.status, result)
        self.assertNotIn("predicted_rating", result.stdout)
        last = result.stderr.rstrip("\n").split("\n")[-1]
        for word in ("model.bin", *words):
            self.assertRegex(last, word)

    def test_a_model_that_is_missing_empty_a_folder_or_foreign(self):
        """With the reason."""
        self.refuse_model(lambda path: None, "No such file")
        self.refuse_model(lambda path: path.write_bytes(b""), "empty")
        self.refuse_model(lambda path: path.mkdir(), "folder|directory")
        self.refuse_model(lambda path: path.write_bytes(b"PK\x03\x04" * 400))
        self.refuse_model(lambda path: path.write_bytes(b"\0" * 100_000))
        self.refuse_model(lambda path: path.symlink_to(path), "model")

    def test_a_model_cut_anywhere(self):
        """Truncated."""
        n = len(self.model)
        for at in [1, 7, 8, 16, 63, 64, 65, 128, n - 1] + [n * k // 12 for k in range(1, 12)]:
            with self.subTest(at=at):
                self.refuse_model(lambda path: path.write_bytes(self.model[:at]))

    def test_a_model_with_any_flipped_bit(self):
        """Damaged."""
        n = len(self.model)
        for k in range(40):
            at = k if k < 10 else n * (k - 9) // 31
            bad = bytearray(self.model)
            bad[at] ^= 1 << (k % 8)
            with self.subTest(at=at):
                self.refuse_model(lambda path: path.write_bytes(bytes(bad)))

    def test_a_model_that_is_longer_than_it_says(self):
        """Two files glued together."""
        for more in (b"\0", self.model, b"x" * 64):
            self.refuse_model(lambda path: path.write_bytes(self.model + more))


if __name__ == "__main__":
    unittest.main()
