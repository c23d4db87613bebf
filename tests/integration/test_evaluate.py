"""The program `evaluate`: its report on a model's lists, and that they are those of serve."""

import json
import random
import unittest

from models import trained
from programs import BIN
from samples import csv, parity, planted
from serve_case import ServeCase
from train_case import TrainCase

EVALUATE = BIN / "evaluate"
FIGURES = ("precision", "recall", "ndcg", "map", "mrr", "recall_20")
FEW_EPOCHS = ("n_factors=8", "n_epochs=4")


class EvaluateCase(TrainCase):
    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def run_evaluate(self, *words):
        return self.start(None, *map(str, words), program=EVALUATE).wait()

    def evaluate(self, *words):
        """(JSON, table) of a run that must succeed."""
        path = self.folder / "figures.json"
        result = self.run_evaluate("--json", path, *words)
        self.assertEqual((0, ""), (result.status, result.stderr), result)
        text = path.read_text()
        self.assertNotIn("nan", text.lower())
        return json.loads(text), result.stdout

    def assertRefuses(self, piece, *words, status=2):
        result = self.run_evaluate(*words)
        self.assertEqual(status, result.status, result)
        self.assertIn(piece, result.stderr.splitlines()[0], result)
        self.assertTrue(result.stderr.startswith("evaluate: "), result)
        self.assertEqual("", result.stdout)


class EvaluateSplits(EvaluateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rows = planted(120, 80, 3000)

    def data(self):
        return self.file("ratings.csv", csv(self.rows))

    def test_diversity_is_a_second_row_of_lists_that_are_less_alike(self):
        report, table = self.evaluate("--data", self.data(), "--diversity", 0.7, *FEW_EPOCHS)
        first, second = report["lists"]["ranking"], report["lists"]["second"]
        self.assertLess(second["cosine"], first["cosine"])
        self.assertEqual(first["users"], second["users"])
        self.assertEqual("diversity 0.7", report["comparison"]["settings"])
        self.assertIn(f"cosine of two items in a list: {first['cosine']:.4f}, with diversity 0.7 "
                      f"{second['cosine']:.4f}", table)
        self.assertNotIn("cosine", report["lists"]["popularity"])
        self.assertRefuses("--diversity cannot be \"2\"", "--data", self.data(), "--diversity", 2)
        self.assertRefuses("are both a second setting", "--data", self.data(), "--diversity", 0.7,
                           "--compare", "n_factors=3")

    def test_one_factor_is_found_by_the_model_and_not_by_popularity(self):
        """Even users like even items: the ranking model lists almost only these."""
        rows, withheld = parity()
        report, table = self.evaluate("--data", self.file("parity.csv", csv(rows + withheld)),
                                      "--relevant-rating", 5, "--k", 4, *FEW_EPOCHS)
        lists = report["lists"]
        self.assertEqual(40, lists["ranking"]["users"])
        self.assertGreater(lists["ranking"]["ndcg"]["mean"], 0.95)
        self.assertGreater(lists["item_item"]["ndcg"]["mean"], 0.95)
        self.assertLess(lists["popularity"]["ndcg"]["mean"], 0.8)
        for title in ("ranking model", "by predicted rating", "popularity", "item-item cosine"):
            self.assertRegex(table, rf"(?m)^{title} +0\.\d{{4}} |^{title} +1\.0000 ")

    def test_every_kind_of_split_has_its_rows_and_intervals(self):
        data = self.data()
        for kind, held_out in (("random", 600), ("time", 600), ("leave-last", 120),
                               ("global-time", 600)):
            report, table = self.evaluate("--data", data, "--split", kind, *FEW_EPOCHS)
            self.assertEqual(kind, report["split"])
            run = report["runs"][0]
            self.assertAlmostEqual(held_out, run["n_held_out"], delta=40)
            self.assertEqual(3000, run["n_train"] + run["n_held_out"])
            self.assertEqual(["ranking", "rating", "popularity", "item_item"], list(report["lists"]))
            for row in report["lists"].values():
                for figure in FIGURES:
                    interval = row[figure]
                    self.assertTrue(
                        0 <= interval["low"] <= interval["mean"] <= interval["high"] <= 1, row)
                self.assertTrue(0 < row["coverage"] <= 1 and 0 <= row["novelty"] <= 1, row)
            self.assertIn(f"split {kind}", table)

    def test_the_export_holds_the_split_and_the_evaluated_lists(self):
        folder = self.folder / "export"
        folder.mkdir()
        report, _ = self.evaluate("--data", self.data(), "--split", "time", "--export", folder,
                                  "--k", 5, "--relevant-rating", 4, *FEW_EPOCHS)
        read = lambda name: [line.split() for line in (folder / name).read_text().splitlines()]
        users, items = (sum(read(name), []) for name in ("users.txt", "items.txt"))
        train, test = read("seed-1-train.txt"), read("seed-1-test.txt")
        times = {(row[0], row[1]): int(row[3]) for row in self.rows}
        newest = {}
        for user, item, _, _ in train:
            time = times[users[int(user)], items[int(item)]]
            newest[user] = max(time, newest.get(user, time))
        for user, item, _ in test:
            self.assertGreater(times[users[int(user)], items[int(item)]], newest[user])
        rated = {(user, item) for user, item, *_ in train}
        wanted = {}
        for user, item, rating in test:
            if float(rating) >= 4:
                wanted.setdefault(user, set()).add(item)
        for row in report["lists"]:
            lists = read(f"seed-1-list-{row}.txt")
            self.assertEqual(sorted(wanted, key=int), [user for user, *_ in lists])
            self.assertEqual(report["lists"][row]["users"], len(lists))
            hits = 0
            for user, *listed in lists:
                self.assertFalse({(user, item) for item in listed} & rated)
                self.assertEqual(len(set(listed)), len(listed))
                hits += len(set(listed[:5]) & wanted[user])
            self.assertAlmostEqual(hits / 5 / len(lists), report["lists"][row]["precision"]["mean"],
                                   places=5)

    def test_the_number_of_threads_changes_nothing(self):
        data, seen = self.data(), []
        for n_threads in (1, 2, 3, 8):
            report, _ = self.evaluate("--data", data, "--seeds", 2, "--compare", "n_factors=4",
                                      *FEW_EPOCHS, f"n_threads={n_threads}")
            for run in report["runs"]:
                del run["seconds"]
            seen.append(report)
        for report in seen[1:]:
            self.assertEqual(seen[0], report)

    def test_a_second_setting_is_compared_user_by_user(self):
        data = self.data()
        report, table = self.evaluate("--data", data, "--order", "rating", *FEW_EPOCHS,
                                      "--compare", "n_epochs=4,n_factors=8")
        self.assertEqual(["rating", "second", "popularity", "item_item"], list(report["lists"]))
        self.assertEqual(0, report["comparison"]["ndcg_difference"]["mean"])
        self.assertEqual((0, 0), (report["comparison"]["better"], report["comparison"]["worse"]))
        report, table = self.evaluate("--data", data, "--order", "rating", *FEW_EPOCHS,
                                      "--compare", "n_epochs=12")
        comparison = report["comparison"]
        self.assertEqual("rating", comparison["against"])
        self.assertGreater(comparison["better"] + comparison["worse"], 0)
        self.assertAlmostEqual(
            report["lists"]["second"]["ndcg"]["mean"] - report["lists"]["rating"]["ndcg"]["mean"],
            comparison["ndcg_difference"]["mean"], places=5)
        self.assertIn("second setting (n_epochs=12) against by predicted rating", table)

    def test_nothing_relevant_is_reported_and_no_failure(self):
        report, table = self.evaluate("--data", self.data(), "--relevant-rating", 6, *FEW_EPOCHS)
        self.assertIn("nothing relevant is held out of any known user", table)
        self.assertNotIn("nan", table)
        for row in report["lists"].values():
            self.assertEqual((0, 0), (row["users"], row["ndcg"]["mean"]))

    def test_lists_longer_than_the_catalogue_hold_all_items(self):
        report, _ = self.evaluate("--data", self.data(), "--k", 1000, *FEW_EPOCHS)
        self.assertGreater(report["lists"]["rating"]["recall"]["mean"], 0.99)

    def test_pairs_without_ratings_have_lists_and_no_rating_model(self):
        rows = [(user, item) for user, item, _, _ in self.rows]
        report, _ = self.evaluate("--data", self.file("clicks.csv", csv(rows, ("userId", "movieId"))))
        self.assertEqual(["ranking", "popularity", "item_item"], list(report["lists"]))
        self.assertIsNone(report["runs"][0]["rmse"])
        self.assertIsNone(report["runs"][0]["relevant_rating"])
        self.assertEqual(report["runs"][0]["n_held_out"], report["runs"][0]["n_relevant"])

    def test_equal_ratings_are_pairs_and_that_is_reported(self):
        data = self.file("ones.csv", csv([(*row[:2], "1", row[3]) for row in self.rows]))
        path = self.folder / "figures.json"
        result = self.run_evaluate("--data", data, "--json", path)
        self.assertEqual(0, result.status, result)
        self.assertEqual(["one_rating"], [line["event"] for line in result.log])
        report = json.loads(path.read_text())
        self.assertEqual(["ranking", "popularity", "item_item"], list(report["lists"]))

    def test_bad_arguments_are_refused_with_the_usage(self):
        data = self.data()
        self.assertRefuses("--data is missing")
        self.assertRefuses("unknown option --fold", "--data", data, "--fold", "5")
        self.assertRefuses("a value is missing after --k", "--data", data, "--k")
        for name, value in (("--k", "0"), ("--k", "1001"), ("--k", "ten"), ("--fraction", "1"),
                            ("--fraction", "nan"), ("--seeds", "0"), ("--split", "by-time"),
                            ("--order", "score"), ("--relevant-rating", "good"),
                            ("--baselines", "some"), ("--users", "0")):
            self.assertRefuses(f'{name} cannot be "{value}"', "--data", data, name, value)
        self.assertRefuses("--seeds is for --split random", "--data", data, "--split", "time",
                           "--seeds", "2")
        self.assertRefuses("with --model nothing is learned", "--data", data, "--model", "m",
                           "--seeds", "2")
        self.assertRefuses("n_factor", "--data", data, "n_factor=8")
        self.assertRefuses("n_factor", "--data", data, "--compare", "n_factor=8")
        self.assertRefuses("--compare has no NAME=VALUE", "--data", data, "--compare", ",")

    def test_bad_data_are_refused_with_the_reason(self):
        self.assertRefuses("none.csv", "--data", self.folder / "none.csv", status=1)
        movies = self.file("movies.csv", "movieId,title\n1,A\n")
        self.assertRefuses("is not ratings", "--data", movies, status=1)
        rows = [row[:3] for row in self.rows]
        no_times = self.file("no_times.csv", csv(rows, ("userId", "movieId", "rating")))
        for kind in ("time", "leave-last", "global-time"):
            self.assertRefuses("time", "--data", no_times, "--split", kind, status=1)
        self.assertRefuses("model.bin", "--data", no_times, "--model", self.folder / "model.bin",
                           status=1)

    def test_files_that_cannot_be_written_are_named(self):
        data, nowhere = self.data(), self.folder / "nowhere"
        for words in (("--export", nowhere), ("--json", nowhere / "figures.json")):
            result = self.run_evaluate("--data", data, *words, *FEW_EPOCHS)
            self.assertEqual(1, result.status, result)
            self.assertRegex(result.stderr, rf"\Aevaluate: {nowhere}[^\n]*: No such file[^\n]*\n\Z")


class PlantedChoice(EvaluateCase):
    """Ratings of users who choose items they like, by `planted --choice`."""

    def planted(self, name, *words, n_threads=2):
        path = self.folder / name
        result = self.start(None, "--users", "400", "--items", "300", "--ratings", "24000",
                            "--rank", "4", "--output", str(path), *words, program=BIN / "planted",
                            env={"OMP_NUM_THREADS": str(n_threads)}).wait()
        self.assertEqual(0, result.status, result)
        return path

    def test_users_rate_items_they_like_and_lists_find_them(self):
        by_popularity, by_choice = self.planted("a.csv"), self.planted("b.csv", "--choice", "3")
        rows = {path: [line.split(",") for line in path.read_text().splitlines()[1:]]
                for path in (by_popularity, by_choice)}
        means = {path: sum(float(row[2]) for row in r) / len(r) for path, r in rows.items()}
        self.assertGreater(means[by_choice], means[by_popularity] + 0.2)
        for r in rows.values():
            self.assertEqual(24000, len(r))
            self.assertEqual(24000, len({(row[0], row[1]) for row in r}))
        gain = {}
        for path in rows:
            lists = self.evaluate("--data", path, "--order", "ranking", *FEW_EPOCHS)[0]["lists"]
            gain[path] = lists["ranking"]["ndcg"]["mean"] / lists["popularity"]["ndcg"]["mean"]
        self.assertGreater(gain[by_choice], 1.3)
        self.assertGreater(gain[by_choice], gain[by_popularity] + 0.3)

    def test_the_number_of_threads_changes_no_byte(self):
        texts = [self.planted(f"{n}.csv", "--choice", "1", n_threads=n).read_bytes()
                 for n in (1, 2, 5)]
        self.assertTrue(texts[0] == texts[1] == texts[2])

    def test_a_user_who_rates_everything_has_everything(self):
        path = self.folder / "all.csv"
        result = self.start(None, "--users", "3", "--items", "40", "--ratings", "120", "--choice",
                            "2", "--output", str(path), program=BIN / "planted").wait()
        self.assertEqual(0, result.status, result)
        self.assertEqual(121, len(path.read_text().splitlines()))

    def test_a_choice_that_is_no_number_is_refused(self):
        for value in ("-1", "11", "nan", "much"):
            result = self.start(None, "--users", "3", "--items", "4", "--ratings", "5", "--choice",
                                value, program=BIN / "planted").wait()
            self.assertEqual(1, result.status, result)
            self.assertIn(f"--choice {value}", result.stderr)


class EvaluateModel(EvaluateCase, ServeCase):
    """--model: the lists are those of serve."""

    def held_out(self, model):
        """Ratings that are not in the model's training data."""
        r = random.Random(3)
        rows = []
        for user in model.users:
            unrated = sorted(set(model.items) - model.rated[user])
            rows += [(user, item, r.choice(["2", "4", "5"]), "1") for item in r.sample(unrated, 6)]
        return rows

    def test_the_evaluated_lists_are_those_of_serve(self):
        model = trained()
        folder = self.folder / "export"
        folder.mkdir()
        data = self.file("held_out.csv", csv(self.held_out(model)))
        report, _ = self.evaluate("--data", data, "--model", model.model_bin, "--export", folder,
                                  "--relevant-rating", 4)
        users, items = ((folder / name).read_text().split() for name in ("users.txt", "items.txt"))
        server = self.serve()
        orders = [row for row in ("ranking", "rating") if row in report["lists"]]
        self.assertTrue(orders)
        for row in orders:
            lines = (folder / f"seed-1-list-{row}.txt").read_text().splitlines()
            self.assertGreater(len(lines), 100)
            order = {} if row == orders[0] else {"order": row}
            instances = [{"userId": users[int(line.split()[0])], "top_n": 20, **order}
                         for line in lines]
            served = server.post({"instances": instances}).json()["predictions"]
            for line, response in zip(lines, served):
                self.assertEqual([items[int(i)] for i in line.split()[1:]],
                                 [entry["movieId"] for entry in response["recommendations"]])

    def test_unknown_users_and_items_are_counted(self):
        model = trained()
        rows = self.held_out(model)[:30]
        rows += [("unknown-user", model.items[0], "5", "1"), ("unknown-user", "nothing", "5", "1"),
                 (rows[0][0], "nothing", "5", "1")]
        data = self.file("held_out.csv", csv(rows))
        report, table = self.evaluate("--data", data, "--model", model.model_bin)
        run = report["runs"][0]
        self.assertEqual((2, 1), (run["n_unknown_user_ratings"], run["n_unknown_item_ratings"]))
        self.assertIn("unknown users, left out: 2; of unknown items, not to be found: 1", table)
        self.assertIn("popularity", report["lists"])
        self.assertNotIn("item_item", report["lists"])

    def test_only_unknown_users_is_nothing_to_measure(self):
        data = self.file("held_out.csv", csv([("unknown-user", "1000", "5", "1")]))
        report, table = self.evaluate("--data", data, "--model", trained().model_bin)
        self.assertIn("nothing relevant is held out of any known user", table)

    def test_an_order_that_the_model_does_not_have_is_refused(self):
        model = trained()
        data = self.file("held_out.csv", csv(self.held_out(model)))
        report, _ = self.evaluate("--data", data, "--model", model.model_bin)
        if "ranking" not in report["lists"]:
            self.assertRefuses("the model has no such --order", "--data", data, "--model",
                               model.model_bin, "--order", "ranking", status=1)
        report, _ = self.evaluate("--data", data, "--model", model.model_bin, "--order", "popularity",
                                  "--baselines", "no")
        self.assertEqual(["popularity_order"], list(report["lists"]))


if __name__ == "__main__":
    unittest.main()
