"""Files of items: titles, genres and other attributes in the model, from beside the ratings or a channel of
their own. What train makes of a file is in the log, in metrics.json, in --inspect and in train --info."""

import csv as csv_module
import json
import unittest

from programs import SOURCE
from samples import csv, planted
from train_case import TrainCase

ROWS = planted()
ITEMS = sorted({row[1] for row in ROWS})
MOVIES = "movieId,title,genres\n" + "".join(
    f'{item},"Film {k}, The ({1980 + k % 30})",{"Comedy|War" if k % 2 else "Drama"}\n'
    for k, item in enumerate(ITEMS)) + '"new 1",Unseen (2020),Drama\n'


class ItemsCase(TrainCase):
    def items_job(self, files=None, channel=None, **hyperparameters):
        job = self.job(**hyperparameters).channel("train", {"ratings.csv": csv(ROWS), **(files or {})})
        return job.channel("items", channel) if channel else job

    def info(self, job):
        result = self.start(None, "--info", job.model_bin, "--json").wait()
        self.assertEqual(0, result.status, result)
        return json.loads(result.stdout)

    def events(self, result, event):
        return [line for line in result.log if line["event"] == event]

    def assertItems(self, job, result, **expected):
        """The same counts in the log, in metrics.json and in --inspect. Returns those of metrics.json."""
        (line,) = self.events(result, "items")
        items = job.metrics()["data"]["items"]
        seen = json.loads(self.run_train(job, "--inspect", "--json").stdout)["train"]["items"]
        self.assertEqual(items, seen)
        self.assertEqual([line[key] for key in ("rows", "bad_rows", "repeated", "matched", "without_ratings", "bytes")],
                         [items[key] for key in ("n_rows", "n_bad_rows", "n_repeated", "n_matched",
                                                 "n_without_ratings", "n_bytes")])
        self.assertEqual((line["attributes"], line["file"]), (len(items["attributes"]), ", ".join(items["files"])))
        for key, value in expected.items():
            self.assertEqual(value, items[key], items)
        return items


class WithoutHeader(ItemsCase):
    """MovieLens' own files: movies.dat beside ratings.dat, u.item beside u.data, in Latin-1 or UTF-8."""

    def files(self, encoding):
        flags = ["0|1" + "|0" * 17 if k % 2 else "0" + "|0" * 17 + "|1" for k in range(len(ITEMS))]
        dat = "".join(f"{k + 1}::Café {k} ({1980 + k % 30})::{'Comedy|War' if k % 2 else 'Drama'}\n"
                      for k in range(len(ITEMS)))
        item = "".join(f"{k + 1}|Café {k} ({1980 + k % 30})|01-Jan-1995||http://x/{k}|{flags[k]}\n"
                       for k in range(len(ITEMS)))
        number = {item: k + 1 for k, item in enumerate(ITEMS)}
        users = {user: k + 1 for k, user in enumerate(sorted({row[0] for row in ROWS}))}
        rows = [(users[row[0]], number[row[1]], row[2], 978300000 + n) for n, row in enumerate(ROWS)]
        return (("ratings.dat", "".join("%s::%s::%s::%s\n" % row for row in rows), "movies.dat", dat.encode(encoding)),
                ("u.data", "".join("%s\t%s\t%s\t%s\n" % row for row in rows), "u.item", item.encode(encoding)))

    def test_files_of_movielens_are_read_beside_the_ratings_and_in_a_channel(self):
        for encoding, beside in (("latin-1", True), ("utf-8", False)):
            for ratings, text, name, content in self.files(encoding):
                job = self.job().channel("train", {ratings: text, **({name: content} if beside else {})})
                if not beside:
                    job.channel("items", {name: content})
                items = self.assertItems(job, self.train(job), files=[name], n_rows=len(ITEMS), n_bad_rows=0,
                                         n_matched=len(ITEMS))
                kinds = {a["name"]: (a["kind"], a.get("n_values")) for a in items["attributes"]}
                self.assertEqual(("title", None), kinds["title"])
                self.assertEqual(("number", None), kinds["year"])
                self.assertEqual(("categories", 3 if name == "movies.dat" else 2), kinds["genres"])
                self.assertIn("Café 7 (1987)".encode(), job.model_bin.read_bytes())
                self.assertNotIn("Café 7 (1987)".encode("latin-1"), job.model_bin.read_bytes())

    def test_columns_are_chosen_by_their_names(self):
        (ratings, text, name, content), _ = self.files("latin-1")
        job = self.job(item_columns="genres").channel("train", {ratings: text, name: content})
        items = self.assertItems(job, self.train(job), n_bad_rows=0)
        self.assertEqual([{"name": "genres", "kind": "categories", "n_values": 3}], items["attributes"])


class Beside(ItemsCase):
    def test_movies_beside_ratings_are_titles_genres_and_years_of_the_model(self):
        job = self.items_job({"movies.csv": MOVIES})
        result = self.train(job)
        items = self.assertItems(job, result, files=["movies.csv"], n_rows=len(ITEMS) + 1, n_bad_rows=0,
                                 n_matched=len(ITEMS), n_without_ratings=1, left_out=[])
        self.assertEqual([{"name": "title", "kind": "title"},
                          {"name": "genres", "kind": "categories", "n_values": 3},
                          {"name": "year", "kind": "number"}], items["attributes"])
        self.assertEqual([], job.metrics()["data"]["left_out"])
        info = self.info(job)
        self.assertEqual({"title": "title", "genres": "categories, 3 values", "year": "number"},
                         info["item_attributes"])
        self.assertEqual(1, info["unrated_items"])
        sections = {section["name"]: section["bytes"] for section in info["sections"]}
        self.assertEqual(8 * (len(ITEMS) + 2), sections["optional.items_text_start"])
        arrays = [name for name in sections if name.startswith("optional.items_")]
        self.assertEqual(items["n_bytes"], sum(sections[name] for name in arrays))
        size = lambda n_bytes: -(-n_bytes // 64) * 64
        self.assertGreaterEqual(job.model_bin.stat().st_size, sum(size(n_bytes) for n_bytes in sections.values()))
        table = self.run_train(job, "--inspect").stdout
        self.assertIn(f"  items     {len(ITEMS) + 1} rows, 0 bad, 0 of a repeated id; {len(ITEMS)} of items with "
                      "ratings, 1 of others;", table)
        self.assertIn("  attribute genres               categories, 3 different\n", table)

    def test_without_them_the_model_is_the_same_but_for_their_sections(self):
        """The same factors; with item_columns=none the same bytes as without the file."""
        bare, off, with_items = self.items_job(), self.items_job({"movies.csv": MOVIES}, item_columns="none"), \
            self.items_job({"movies.csv": MOVIES})
        for job in (bare, off, with_items):
            self.train(job)
        self.assertEqual(bare.model_bin.read_bytes(), off.model_bin.read_bytes())
        self.assertEqual("a file of items; item_columns is none", off.metrics()["data"]["left_out"][0]["reason"])
        larger, smaller = with_items.model_bin.read_bytes(), bare.model_bin.read_bytes()
        end = larger.index(b"optional.items\0") // 64 * 64
        info = self.info(bare)
        n_data = sum(-(-section["bytes"] // 64) * 64 for section in info["sections"])
        self.assertEqual(smaller[64:64 + n_data], larger[64:64 + n_data])
        self.assertGreater(end, 64 + n_data)

    def test_order_form_and_threads_do_not_change_a_byte(self):
        rows = list(csv_module.reader(MOVIES.splitlines()))
        jsonl = [json.dumps({"item_id": row[0], "title": row[1], "genres": row[2].split("|")}) for row in rows[1:]]
        reversed_csv = "\ufeffmovieId;title;genres\r\n" + "".join(";".join(row) + "\r\n" for row in rows[:0:-1])
        models = []
        for files, threads in (({"movies.csv": MOVIES}, 1), ({"a/movies.csv": reversed_csv}, 2),
                               ({"z.csv": MOVIES}, 2)):
            job = self.items_job(files, n_threads=threads)
            self.train(job)
            models.append(job.model_bin.read_bytes())
        self.assertEqual(1, len(set(models)))
        sorted_keys = []
        for lines in (jsonl, jsonl[::-1]):
            job = self.items_job({"items.jsonl": "\n".join(lines) + "\n"})
            self.train(job)
            sorted_keys.append(job.model_bin.read_bytes())
        self.assertEqual(1, len(set(sorted_keys)))

    def test_tags_and_scores_are_no_files_of_items(self):
        scores = "movieId,tagId,relevance\n" + "".join(f"{i},{t},0.5\n" for i in ITEMS for t in range(9))
        job = self.items_job({"tags.csv": "userId,movieId,tag\n1,1,a\n", "scores.csv": scores,
                              "users.csv": "userId,age\n1,20\n", "README.txt": "A text.\n"})
        self.train(job)
        self.assertIsNone(job.metrics()["data"]["items"])
        self.assertEqual(4, job.metrics()["data"]["n_left_out"])

    def test_several_files_are_one_table(self):
        links = "movieId,imdbId\n" + "".join(f"{item},{k:07d}\n" for k, item in enumerate(ITEMS))
        job = self.items_job({"movies.csv": MOVIES, "links.csv": links})
        items = self.assertItems(job, self.train(job), files=["links.csv", "movies.csv"],
                                 n_matched=len(ITEMS), n_repeated=0)
        self.assertEqual(["imdbId:text", "title:title", "genres:categories", "year:number"],
                         [f"{a['name']}:{a['kind']}" for a in items["attributes"]])

    def test_what_is_wrong_beside_ratings_is_a_warning_and_the_model_is_there(self):
        job = self.items_job({"movies.csv": "movieId,title\nx1,A\nx2,B\n"})
        result = self.train(job)
        (warning,) = self.events(result, "items_left_out")
        self.assertIn("not one of 2 ids in the file of items has a rating: its first one is \"x1\"",
                      warning["message"])
        data = job.metrics()["data"]
        self.assertEqual((None, "movies.csv"), (data["items"], data["left_out"][0]["file"]))

    def test_bad_rows_are_named_and_repeated_ids_counted(self):
        job = self.items_job({"movies.csv": MOVIES.encode() + b"1,2,3,4\n" + ITEMS[0].encode() +
                              b",Last (1999),War\n" + ITEMS[1].encode() + b",\xff,x\n"})
        result = self.train(job)
        self.assertItems(job, result, n_bad_rows=2, n_repeated=1)
        bad = [line["message"] for line in self.events(result, "bad_item_row")]
        self.assertIn(f"movies.csv:{len(ITEMS) + 3}:1: the row has 4 fields, the header 3", bad[0])
        self.assertIn("title is not UTF-8: encoding=latin1", bad[1])


class Channel(ItemsCase):
    def test_a_channel_of_items_replaces_files_beside_the_ratings(self):
        job = self.items_job({"movies.csv": MOVIES}, {"catalogue.csv": f"sku,price\n{ITEMS[0]},3\n"})
        result = self.train(job)
        self.assertItems(job, result, files=["catalogue.csv"], n_matched=1)
        self.assertIn("movies.csv is not used: there is a channel items", str(result.log))

    def test_what_is_wrong_in_it_fails_the_job(self):
        for text, *words in (("userId,age\n1,2\n", "items.csv", "no file of items", "column of users"),
                             ("title,genres\nA,B\n", "no column of item ids", "item_column"),
                             ("sku,title\n", "without a good row"),
                             ("sku,title\nx1,A\n", "not one of 1 ids", "x1")):
            job = self.items_job(channel={"items.csv": text})
            self.assertFailed(job, self.run_train(job), *words)
        job = self.items_job().channel("items", None, mode="Pipe")
        self.assertFailed(job, self.run_train(job), "channel items", "file of items cannot be read in Pipe mode")


class Choice(ItemsCase):
    def test_item_columns_chooses(self):
        job = self.items_job({"movies.csv": MOVIES}, item_columns="genres")
        items = self.assertItems(job, self.train(job))
        self.assertEqual([{"name": "genres", "kind": "categories", "n_values": 3}], items["attributes"])

    def test_a_column_that_is_not_there_fails_with_the_nearest(self):
        job = self.items_job({"movies.csv": MOVIES}, item_columns="title,genre")
        self.assertFailed(job, self.run_train(job), 'a column "genre": did you mean genres?')
        job = self.items_job(item_columns="title")
        self.assertFailed(job, self.run_train(job), "item_columns", "there is no file of items")


class WarmStart(ItemsCase):
    def test_attributes_are_kept_and_completed(self):
        first = self.items_job({"movies.csv": MOVIES})
        self.train(first)
        base = first.model_bin.read_bytes()
        more = [("u", "new 1", "4.0", "1500000000"), ("u", ITEMS[0], "3.0", "1500000001")]
        for files, expected in (({}, {"matched": len(ITEMS) + 1, "without_ratings": 0, "rows": 0}),
                                ({"m.csv": "movieId,title\nnew 1,Seen (2021)\n"},
                                 {"matched": len(ITEMS) + 1, "without_ratings": 0, "rows": 1})):
            job = self.job().channel("train", {"ratings.csv": csv(more), **files})
            job.channel("model", {"model.bin": base})
            (line,) = self.events(self.train(job), "items")
            self.assertEqual(expected, {key: line[key] for key in expected})
            self.assertEqual({"title": "title", "genres": "categories, 3 values", "year": "number"},
                             self.info(job)["item_attributes"])
            self.assertEqual("Seen (2021)" in str(job.model_bin.read_bytes()), bool(files))


class Sample(ItemsCase):
    def test_the_films_of_the_sample(self):
        """data/: every rated film has a title, and most titles a year."""
        job = self.job(n_epochs=1, ranking="false")
        for name in ("ratings.csv", "movies.csv"):
            job.channel("train", {name: (SOURCE / "data" / name).read_bytes()})
        items = self.assertItems(job, self.train(job), n_matched=9066, n_without_ratings=0, n_bad_rows=0)
        self.assertEqual([{"name": "title", "kind": "title"},
                          {"name": "genres", "kind": "categories", "n_values": 20},
                          {"name": "year", "kind": "number"}], items["attributes"])


if __name__ == "__main__":
    unittest.main()
