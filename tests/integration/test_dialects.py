"""Folders as they occur in S3: which files are ratings, and how they are read.

The rule: every file whose columns are a user, an item and a rating is training
data; others are named in the log and ignored."""

import bz2
import gzip
import unittest

from epochs import figures
from samples import HEADER, REAL_MOVIES, csv, planted, real_ratings
from train_case import TrainCase

ALL = planted(200, 100, 5000)
ROWS = ALL[:4000]

MOVIES = """movieId,title,genres
1,Toy Story (1995),Adventure|Animation|Children|Comedy|Fantasy
11,"American President, The (1995)",Comedy|Drama|Romance
62,Mr. Holland's Opus (1995),Drama
720,"Wallace & Gromit: The ""Best"" of Aardman (1996)",Adventure
"""
TAGS = """userId,movieId,tag,timestamp
15,339,sandra 'boring' bullock,1138537770
15,1955,"dentist, or not",1193435061
"""
LINKS = "movieId,imdbId,tmdbId\n1,0114709,862\n2,0113497,8844\n3,0113228,\n"
README = "Summary\n=======\n\nThis dataset (ml-latest-small) describes 5-star rating, and tagging.\n"


class DialectCase(TrainCase):
    def counted(self, files, rows=None, left=(), **hyperparameters):
        """Trains on the folder; n_ratings must be the rows', the files of `left` named in
        the log and not read. Returns (job, result)."""
        job = self.job(**hyperparameters).channel("train", files)
        result = self.train(job)
        self.assertTrained(job, result)
        data = job.metrics()["data"]
        if rows is not None:
            pairs = {(r[0], r[1]) for r in rows}
            self.assertEqual((len(pairs), len({r[0] for r in rows}), len({r[1] for r in rows})),
                             (data["n_ratings"], data["n_users"], data["n_items"]), result)
        for name in left:
            self.assertTrue(any(name in str(line) for line in result.log),
                            f"{name} is not named{result}")
        self.assertEqual(0, data["n_bad_rows"])
        return job, result

    def plain(self, rows=ROWS, **hyperparameters):
        job = self.job_on(rows, **hyperparameters)
        self.train(job)
        return job


class Folders(DialectCase):
    def test_ml_latest_small(self):
        """The repository's own data with the other files of its archive."""
        job, _ = self.counted(
            {"ratings.csv": real_ratings(), "movies.csv": REAL_MOVIES.read_bytes(),
             "links.csv": LINKS, "tags.csv": TAGS, "README.txt": README},
            left=("movies.csv", "links.csv", "tags.csv", "README.txt"))
        data = job.metrics()["data"]
        self.assertEqual((100004, 671, 9066), (data["n_ratings"], data["n_users"], data["n_items"]))

    def test_ml_latest_in_a_folder_of_its_name(self):
        """ml-latest-small.zip unpacked keeps its folder."""
        job, _ = self.counted(
            {"ml-latest-small/ratings.csv": csv(ROWS), "ml-latest-small/movies.csv": MOVIES,
             "ml-latest-small/tags.csv": TAGS}, ROWS, ("movies.csv", "tags.csv"))
        self.assertSameModel(self.plain(), job)

    def test_ml_25m_has_files_that_look_almost_like_ratings(self):
        """genome-scores.csv: an item, a tag and a number in every row."""
        scores = "movieId,tagId,relevance\n" + "".join(
            f"{m},{t},0.{m * t % 10}5\n" for m in range(1, 30) for t in range(1, 30))
        job, _ = self.counted(
            {"ratings.csv": csv(ROWS), "genome-scores.csv": scores, "links.csv": LINKS,
             "genome-tags.csv": "tagId,tag\n1,007\n2,18th century\n", "movies.csv": MOVIES}, ROWS,
            ("genome-scores.csv", "genome-tags.csv", "links.csv", "movies.csv"))
        self.assertSameModel(self.plain(), job)

    def test_ml_100k(self):
        """u.data: tabs, no header. The other files are Latin-1 and full of bars."""
        job, _ = self.counted(
            {"u.data": csv(ROWS, None, "\t"),
             "u.item": "1|Caf\xe9 (1995)|01-Jan-1995||http://us.imdb.com/M/x|0|0|0|1|1|1|0|0|0|0|"
                       "0|0|0|0|0|0|0|0|0\n".encode("latin-1"),
             "u.user": "1|24|M|technician|85711\n2|53|F|other|94043\n",
             "u.genre": "unknown|0\nAction|1\n\n", "u.occupation": "administrator\nartist\n",
             "u.info": "943 users\n1682 items\n100000 ratings\n",
             "mku.sh": "#!/bin/sh\n\ntrap `rm -f tmp.$$; exit 1` 1 2 15\n",
             "README": README}, ROWS,
            ("u.item", "u.user", "u.genre", "u.occupation", "u.info", "mku.sh", "README"))
        self.assertSameModel(self.plain(), job)

    def test_ml_100k_with_its_splits_counts_each_pair_once(self):
        """u1.base and u1.test repeat u.data: the same ratings, not more."""
        job, _ = self.counted({"u.data": csv(ROWS, None, "\t"), "u1.base": csv(ROWS[:3200], None, "\t"),
                               "u1.test": csv(ROWS[3200:], None, "\t")}, ROWS)
        self.assertEqual(len(ROWS), job.metrics()["data"]["n_repeated"])

    def test_ml_1m(self):
        """ratings.dat: two colons. users.dat looks like numbers too; movies.dat is Latin-1."""
        job, _ = self.counted(
            {"ratings.dat": csv(ROWS, None, "::"),
             "users.dat": "1::F::1::10::48067\n2::M::56::16::70072\n3::M::25::15::55117\n",
             "movies.dat": "1::Toy Story (1995)::Animation|Children's|Comedy\n"
                           "2::Caf\xe9 (1995)::Drama\n".encode("latin-1"),
             "README": README}, ROWS, ("users.dat", "movies.dat", "README"))
        self.assertSameModel(self.plain(), job)

    def test_part_files_of_spark(self):
        """Dozens of them, some empty, with markers and checksums beside them."""
        for header, suffix, pack in ((HEADER, ".csv", bytes), (None, ".csv", bytes),
                                     (HEADER, ".csv.gz", gzip.compress)):
            files = {"_SUCCESS": "", ".part-00000.csv.crc": b"crc\0\0\x02"}
            for n in range(40):
                part = ROWS[n * 100 : (n + 1) * 100]
                name = f"part-{n:05d}-5c2d-c000{suffix}"
                files[name] = pack(csv(part, header).encode())
            files[f"part-00041-empty{suffix}"] = pack(b"")
            files[f"part-00042-header{suffix}"] = pack(csv([], HEADER).encode())
            with self.subTest(header=bool(header), suffix=suffix):
                job, _ = self.counted(files, ROWS)
                self.assertSameModel(self.plain(), job)

    def test_gzip_is_known_by_its_bytes_not_by_its_name(self):
        """.csv.gz, a .csv that is packed, a .gz that is not, several members in one file."""
        packed = gzip.compress(csv(ROWS).encode())
        two = gzip.compress(csv(ROWS[:1500]).encode()) + gzip.compress(
            csv(ROWS[1500:], None).encode())
        for name, content in (("ratings.csv.gz", packed), ("ratings.csv", packed),
                              ("ratings.csv.gz", csv(ROWS)), ("ratings.csv.gz", two)):
            with self.subTest(name):
                job, _ = self.counted({name: content}, ROWS)
                self.assertSameModel(self.plain(), job)

    def test_other_packings_are_left_alone_or_refused_never_read_as_text(self):
        """bzip2, zip and Parquet beside a good file."""
        files = {"ratings.csv": csv(ROWS), "old.csv.bz2": bz2.compress(csv(ALL[4000:]).encode()),
                 "ml.zip": b"PK\x03\x04" + bytes(range(256)) * 20,
                 "ratings.parquet": b"PAR1" + bytes(range(255, -1, -1)) * 20 + b"PAR1"}
        job, _ = self.counted(files, ROWS, ("old.csv.bz2", "ml.zip", "ratings.parquet"))
        self.assertSameModel(self.plain(), job)

    def test_files_of_several_dialects_in_one_folder(self):
        """The dialect of each file is detected separately."""
        a, b, c, d = (ROWS[n * 1000 : (n + 1) * 1000] for n in range(4))
        job, _ = self.counted({
            "1.csv": csv(a), "2.data": csv(b, None, "\t"), "3.dat": csv(c, None, "::"),
            "4.csv.gz": gzip.compress(csv([r[::-1] for r in d], HEADER[::-1], newline="\r\n").encode())},
            ROWS)
        self.assertSameModel(self.plain(), job)

    def test_files_with_and_without_timestamps_in_one_folder(self):
        """A rating without a time is older than one with a time."""
        timed = csv([("1", "1000", "5", "100"), ("2", "1000", "3", "100"), ("2", "1001", "1", "9")])
        untimed = "userId,movieId,rating\n1,1000,1\n1,1001,4\n"
        for names in (("a.csv", "b.csv"), ("b.csv", "a.csv")):
            job = self.job().channel("train", dict(zip(names, (timed, untimed))))
            self.assertTrained(job, self.train(job))
            self.assertEqual(4, job.metrics()["data"]["n_ratings"])

    def test_book_crossing(self):
        """Semicolons, quotes everywhere, Latin-1 in the books, ISBNs with leading zeros and
        an X; explicit 0 ratings are ratings."""
        rows = [(u, f"{int(i):09d}X", str(int(float(r) * 2)), "") for u, i, r, _ in ROWS]
        quoted = '"User-ID";"ISBN";"Book-Rating"\r\n' + "".join(
            f'"{u}";"{i}";"{r}"\r\n' for u, i, r, _ in rows)
        books = ('"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication"\r\n'
                 '"0195153448";"Caf\xe9; ein \\"Roman\\"";"Mark";"2002"\r\n').encode("latin-1")
        users = '"User-ID";"Location";"Age"\r\n"1";"nyc, new york, usa";NULL\r\n'
        job, _ = self.counted({"BX-Book-Ratings.csv": quoted, "BX-Books.csv": books,
                               "BX-Users.csv": users}, rows, ("BX-Books.csv", "BX-Users.csv"))
        self.assertNotIn("false", self.predict(job, rows[0][0], rows[0][1])[1])

    def test_amazon_reviews(self):
        """Headerless: user, ASIN, rating, time; ids are text."""
        rows = [(f"A{u}XYZ", f"B00{i}", str(float(r)), t) for u, i, r, t in ROWS]
        job, _ = self.counted({"ratings_Books.csv": csv(rows, None)}, rows)
        self.assertNotIn("false", self.predict(job, rows[0][0], rows[0][1])[1])

    def test_columns_by_hyperparameter(self):
        """Uncommon names, and columns that detection would have chosen."""
        rows = [(r[0], "x", r[1], r[3], r[2]) for r in ROWS]
        text = csv(rows, ("reader", "rating", "book", "when", "stars given"))
        job, _ = self.counted({"ratings.csv": text}, ROWS, user_column="reader", item_column="book",
                              rating_column="stars given", timestamp_column="when")
        self.assertEqual(len(ROWS), job.metrics()["data"]["n_ratings"])
        plain = self.plain()
        for user, item in [(r[0], r[1]) for r in ROWS[:10]]:
            self.assertEqual(self.predict(plain, user, item), self.predict(job, user, item))

    def test_further_columns_are_ignored_with_any_contents(self):
        """Quoted commas, quoted lines and doubled quotes in a review."""
        reviews = ('plain', '"with, comma"', '"two\nlines"', '"a ""quoted"" word"', '', '"é 日本"')
        rows = [(r[0], reviews[n % 6], r[1], r[3], r[2]) for n, r in enumerate(ROWS)]
        job, _ = self.counted(
            {"reviews.csv": csv(rows, ("userId", "review", "movieId", "timestamp", "rating"))}, ROWS)
        self.assertSameModel(self.plain(), job)

    def test_headers_in_other_forms(self):
        """user_id, User, itemId, ITEM …"""
        for header in (("user_id", "item_id", "rating", "timestamp"), ("user", "item", "rating", "ts"),
                       ("UserID", "MovieID", "Rating", "Timestamp"), ("USERID", "ITEMID", "SCORE", "TIMESTAMP")):
            with self.subTest(header):
                job, _ = self.counted({"r.csv": csv(ROWS, header)}, ROWS)
                self.assertSameModel(self.plain(), job)

    def test_the_validation_channel_may_have_another_dialect(self):
        """Also with files of other kinds in the folder."""
        expected = None
        for files in ({"ratings.csv": csv(ALL[4000:])},
                      {"v/u.data": csv(ALL[4000:], None, "\t"), "movies.csv": MOVIES}):
            job = self.job_on(ROWS).channel("validation", files)
            told = figures(self.train(job))
            expected = expected or told
            self.assertEqual(expected, told)


class Ids(DialectCase):
    """Ids are opaque strings."""

    def known(self, job, user, item):
        return "false" not in self.predict(job, user, item)[1]

    def test_leading_zeros_and_signs_make_other_ids(self):
        """0042 and 42, 1 and 1.0, +1, 1e3, -0."""
        users = ["42", "0042", "042", "4.2e1", "42.0", "+42", "-42", "00", "0", "-0"]
        rows = [(u, str(i), str(1 + (n + i) % 5), "1") for n, u in enumerate(users) for i in range(20)]
        job, _ = self.counted({"r.csv": csv(rows)}, rows)
        self.assertEqual(len(users), job.metrics()["data"]["n_users"])
        for user in users:
            self.assertTrue(self.known(job, user, "7"), user)
        for user in ("0x2a", "42 ", "000042", "42.5"):
            self.assertFalse(self.known(job, user, "7"), user)
        # Not in the data, and so the whole number that it is.
        self.assertEqual(self.predict(job, "42", "7"), self.predict(job, "42.00", "7"))

    def test_numbers_beyond_64_bits_are_ids_like_others(self):
        """2^32, 2^63, 2^64 and ids that agree in their first 8 or 19 digits."""
        users = [str(n) for n in (2**31, 2**32 - 1, 2**32, 2**53, 2**63, 2**64 - 1, 2**64, 10**30,
                                  10**30 + 1, 12345678, 123456781, 99999999, 100000000)]
        rows = [(u, str(i), str(1 + (n + i) % 5), "1") for n, u in enumerate(users) for i in range(9)]
        job, _ = self.counted({"r.csv": csv(rows)}, rows)
        for user in users:
            self.assertTrue(self.known(job, user, "7"), user)
        self.assertFalse(self.known(job, "0", "7"))

    def test_uuids_mail_addresses_and_words_of_any_language(self):
        """And numbers among them."""
        users = ["c56a4180-65aa-42ec-a945-5fd21dec0538", "C56A4180-65AA-42EC-A945-5FD21DEC0538",
                 "jo@example.com", "日本語", "\u00dcn\u00ef", "U\u0308ni\u0308", "👍🏽", "a b", "17", "null", "NaN", "true"]
        items = ["-1", "x/y", "a:b", "é", "0", "B00005N5PF"]
        rows = [(u, i, str(1 + (n + k) % 5), "1") for n, u in enumerate(users)
                for k, i in enumerate(items)]
        job, _ = self.counted({"r.csv": csv(rows)}, rows)
        for user in users:
            self.assertTrue(self.known(job, user, items[3]), user)
        for item in items[1:]:
            self.assertTrue(self.known(job, users[2], item), item)

    def test_quoted_ids_hold_commas_and_quotes(self):
        """"a,b" and "a ""b"" c" in the file; without quotes the same id as with."""
        text = ('userId,movieId,rating\n"a,b",1,3\n"a ""b"" c",1,4\nplain,2,5\n"plain",3,1\n'
                '" lead",1,2\n')
        job = self.job().channel("train", {"r.csv": text})
        self.train(job)
        self.assertEqual(4, job.metrics()["data"]["n_users"])
        for user in ("a,b", 'a "b" c', "plain"):
            self.assertTrue(self.known(job, user, "1"), user)


class Repeats(DialectCase):
    """A repeated pair keeps the newest by timestamp, else the last; the count is logged."""

    def same_as(self, rows, winners, header=HEADER):
        """Training on rows gives the same model as training on the kept rows."""
        job = self.job().channel("train", {"r.csv": csv([r[: len(header)] for r in rows], header)})
        told = self.train(job)
        clean = self.job().channel("train", {"r.csv": csv([r[: len(header)] for r in winners], header)})
        self.assertEqual(figures(self.train(clean)), figures(told))
        for row in winners[:6]:
            self.assertEqual(self.predict(clean, row[0], row[1]), self.predict(job, row[0], row[1]))
        repeated = len(rows) - len(winners)
        self.assertEqual(repeated, job.metrics()["data"]["n_repeated"])
        self.assertTrue(any(repeated in line.values() for line in told.log), told)

    def test_the_newest_by_timestamp_wins_wherever_it_stands(self):
        """Before and after the older ones; as numbers, not as text (9 < 10)."""
        rows, winners = [], []
        for n, (u, i, r, _) in enumerate(ROWS[:600]):
            versions = [(u, i, "0.5", "9"), (u, i, r, "10"), (u, i, "5.0", "2")]
            turn = n % 3
            rows += versions[turn:] + versions[:turn]
            winners.append((u, i, r, "10"))
        self.same_as(rows, winners)

    def test_the_last_wins_among_equal_times_and_without_any(self):
        """Across a distance, and next to each other."""
        old = [(u, i, "0.5", "7") for u, i, r, t in ROWS[:600]]
        new = [(u, i, r, "7") for u, i, r, t in ROWS[:600]]
        self.same_as(old + new, new)
        self.same_as([row for pair in zip(old, new) for row in pair], new)
        self.same_as(old + new, new, HEADER[:3])

    def test_times_may_be_negative_huge_or_fractions(self):
        """Before 1970, in nanoseconds, and as pandas writes them; the newer one is first."""
        for older, newer in (("-5", "-4"), ("-1", "0"), ("1600000000000000001", "1600000000000000002"),
                             ("9223372036854775806", "9223372036854775807"),
                             ("1260759144.0", "1260759144.5"), ("1e9", "1.0000000001e9")):
            with self.subTest(older=older, newer=newer):
                rows, winners = [], []
                for u, i, r, _ in ROWS[:300]:
                    rows += [(u, i, r, newer), (u, i, "5.0", older)]
                    winners.append((u, i, r, newer))
                self.same_as(rows, winners)


if __name__ == "__main__":
    unittest.main()
