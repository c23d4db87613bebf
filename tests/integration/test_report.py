"""report.html of `train` and the page of `evaluate --report`: complete in themselves, with the figures
that the machines' files have, and with nothing of the data unescaped."""

import html
import html.parser
import json
import re
import subprocess
import unittest

from ranking_case import RankingCase
from programs import BIN, SOURCE, TRAIN
from samples import csv, planted

ROWS = planted(120, 60, 3000)
SECTIONS = ["lists", "learning", "ratings", "samples", "data", "settings", "cost", "card"]
VOID = {"meta", "br"}
EVIL = '</td><script src="https://evil.example/x.js">alert(1)</script>&amp;\'"<img src=x>'


class Page(html.parser.HTMLParser):
    """Elements, texts and attributes; elements must be closed in their order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open, self.faults = [], [], [], [], []
        self.cells = []  # rows of tables
        self.feed(text)
        self.close()
        if self.open:
            self.faults.append(f"open at the end: {self.open}")

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
        if tag == "small" and "td" in self.open:
            self.cells[-1][-1] += "\n"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.texts.append(data)
        if "td" in self.open or "th" in self.open:
            self.cells[-1][-1] += data

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def ids(self):
        return [value for name, value in self.attributes if name == "id"]

    def row(self, first):
        """The cells of the rows whose first cell is this."""
        return [cells for cells in self.cells if cells and cells[0] == first]


class ReportCase(RankingCase):
    def page(self, path):
        raw = path.read_bytes()
        text = raw.decode("utf-8")
        page = Page(text)
        self.assertEqual([], page.faults)
        self.assertLess(len(raw), 300_000)
        # Complete in itself: nothing that a browser would request, no script.
        self.assertNotIn("script", page.tags)
        self.assertNotIn("link", page.tags)
        self.assertNotIn("img", page.tags)
        for name, value in page.attributes:
            self.assertNotIn(name, ("src", "xlink:href", "action", "srcset", "onload", "onclick"))
            if name == "href":
                self.assertRegex(value, r"\A#[a-z]+\Z")
                self.assertIn(value[1:], page.ids())
        style = re.search(r"<style>(.*?)</style>", text, re.S)[1]
        self.assertNotRegex(style, r"url\(|@import|http")
        self.assertNotRegex(page.text.lower(), r"\bnan\b|\binf\b")
        self.assertNotRegex(text, r"[=\"\s,ML-](nan|inf)\b")
        self.assertEqual(len(page.ids()), len(set(page.ids())))
        return page

    def assertInterval(self, figures, cell):
        """The JSON has six decimals, the cell four."""
        found = re.fullmatch(r"(\d\.\d{4})\n(\d\.\d{4}) to (\d\.\d{4})", cell)
        for expected, shown in zip((figures["mean"], figures["low"], figures["high"]), found.groups(), strict=True):
            self.assertAlmostEqual(expected, float(shown), delta=0.000051)

    def assertSays(self, words, page):
        self.assertTrue(words in page.text, f"the page does not say {words!r}")

    def report(self, job):
        return self.page(job.output / "data" / "report.html")


class TrainReport(ReportCase):
    def test_it_has_every_section_and_the_figures_of_metrics_json(self):
        job = self.job_on(ROWS, defaults=True, validation_fraction=0.2, n_epochs=5, n_factors=8)
        self.train(job)
        page, metrics = self.report(job), job.metrics()
        self.assertEqual(SECTIONS, page.ids())
        lists = metrics["final"]["validation_lists"]
        for row, prefix in (("this model", ""), ("popularity", "popularity_")):
            cells = page.row(row)[0]
            mean, low, high = (lists[f"{prefix}ndcg{end}"] for end in ("_at_10", "_low_at_10", "_high_at_10"))
            self.assertInterval({"mean": mean, "low": low, "high": high}, cells[1])
            self.assertLess(low, high)
        cells = page.row("this model")[0]
        for name, at in (("precision", 2), ("recall", 3), ("map", 4)):
            self.assertAlmostEqual(lists[f"{name}_at_10"], float(cells[at].split()[0]), delta=0.00006)
        for name, at in (("coverage", 7), ("novelty", 8)):
            self.assertAlmostEqual(lists[f"{name}_at_10"], float(cells[at]), delta=0.00006)
        self.assertEqual(str(lists["n_users"]), cells[9])
        self.assertSays(f"{metrics['final']['validation_rmse']:.4f} RMSE of predicted held-out ratings, "
                      f"epoch {metrics['final']['best_epoch']}", page)
        data = metrics["data"]
        for name, n in (("rows of ratings", data["n_rows"]), ("unreadable rows, left out", 0),
                        ("ratings for training", data["n_ratings"]), ("users", data["n_users"]),
                        ("ratings held out", data["n_validation_ratings"]), ("items", data["n_items"])):
            self.assertEqual([[name, f"{n:,}"]], page.row(name))
        for phase in metrics["phases"]:
            self.assertEqual([[phase["phase"], f"{phase['seconds']:.3f}",
                               f"{phase['peak_memory_bytes'] / 1e6:.1f}"]], page.row(phase["phase"]))
        self.assertEqual(["reading", "rating model", "ranking model", "evaluating lists", "writing the model"],
                         [phase["phase"] for phase in metrics["phases"]])
        for caption in ("NDCG@10 by the user's number of ratings", "RMSE by the item's number of ratings",
                        "Rating model: RMSE of each epoch",
                        "Ranking model: settings that were compared", "Ratings by value",
                        "Ratings of the most active users, most rated items"):
            self.assertSays(caption, page)

    def test_hyperparameters_are_those_in_force_and_given_ones_stand_out(self):
        job = self.job_on(ROWS, defaults=True, n_epochs=2, learning_rate="0.03")
        self.train(job)
        page, settings = self.report(job), job.metrics()["hyperparameters"]
        for name, value in settings.items():
            cells = page.row(name)[0]
            shown = "empty" if value == "" else json.dumps(value).strip('"')
            if isinstance(value, (bool, str)):
                self.assertEqual(shown, cells[1], name)
            else:
                self.assertEqual(value, json.loads(cells[1]), name)
            self.assertEqual("given" if name in ("n_epochs", "learning_rate") else "default", cells[2])

    def test_text_of_the_data_is_escaped_everywhere(self):
        """Ids, titles, file names, reasons, column names."""
        rows = [(f"<u{row[0]}>", f"i&{row[1]}", *row[2:]) for row in ROWS]
        items = "item_id,title\n" + "".join(
            f'"{item}","{EVIL.replace(chr(34), chr(34) * 2)} {item}"\n' for item in sorted({row[1] for row in rows}))
        lines = "".join(f"{u},{i},{','.join(map(str, rest))}\n" for u, i, *rest in rows)
        job = self.job(validation_fraction=0.2)
        job.channel("train", {"<b>ratings&.csv": '<user>,<item>,rating,timestamp\n' + lines,
                              "movies.csv": items, "README <i>.txt": "<script>no table</script>\n"})
        job.set(user_column="<user>", item_column="<item>")
        self.train(job)
        page = self.report(job)
        self.assertSays(EVIL[:40], page)
        for text in ("User <u", "<b>ratings&.csv", "README <i>.txt", "<script>no table</script>", "user=<user>"):
            self.assertSays(text, page)
        self.assertSays("Beside the ratings there is README <i>.txt", page)

    def test_sample_lists_are_those_of_the_model(self):
        """Of the user with many ratings, without a validation part, as --predict and evaluate say."""
        job = self.job_on(ROWS)
        self.train(job)
        page = self.report(job)
        self.assertSays("Lists were not evaluated", page)
        self.assertSays("Nothing was held out", page)
        users = re.findall(r"User (\S+) , (\d+) ratings", page.text)
        of_user = {}
        for row in ROWS:
            of_user.setdefault(row[0], set()).add(row[1])
        self.assertEqual([(user, str(len(of_user[user]))) for user, _ in users], users)
        self.assertEqual(sorted(int(n) for _, n in users), [int(n) for _, n in users])
        entries = [cells for cells in page.cells if cells[0].isdigit() and len(cells) == 3]
        self.assertEqual([str(n + 1) for n in range(10)] * 4, [cells[0] for cells in entries])
        for n, (_, item, predicted) in enumerate(entries):
            user = users[n // 10][0]
            item, why = item.split("\n")
            self.assertNotIn(item, of_user[user])
            for reason in why.split(" · "):
                self.assertIn(reason, of_user[user])
            if n % 10 == 0:
                self.assertAlmostEqual(self.predict(job, user, item)[0], float(predicted), delta=0.0051)

    def test_it_changes_no_model_and_can_be_switched_off(self):
        with_it, without = self.job_on(ROWS), self.job_on(ROWS, report="false")
        self.train(with_it)
        self.train(without)
        self.assertEqual(with_it.bytes(), without.bytes())
        self.assertEqual(["metrics.json"], [p.name for p in (without.output / "data").iterdir()])
        self.assertIs(False, without.metrics()["hyperparameters"]["report"])

    def test_the_same_training_gives_the_same_page_but_for_times_and_memory(self):
        def still(job):
            text = (job.output / "data" / "report.html").read_text()
            text = re.sub(r'<section id="cost">.*?</section>', "", text, flags=re.S)
            text = re.sub(r"Written \S+ UTC", "", text)
            text = re.sub(r"<tr><td[^>]*>n_threads</td>.*", "", text)
            return re.sub(r"<div><b>[0-9.]+ s</b><small>.*?</small></div>", "", text)
        pages = []
        for threads in (1, 2):
            job = self.job_on(ROWS, validation_fraction=0.1, n_threads=threads)
            self.train(job)
            pages.append(still(job))
        self.assertEqual(*pages)

    def test_models_of_one_kind_and_data_without_ratings(self):
        pairs = "user_id,item_id\n" + "".join(f"{row[0]},{row[1]}\n" for row in ROWS)
        for rows, settings, words in (
                (pairs, {}, ("Chose: ", "Ranking model: settings")),
                (ROWS, {"ranking": "false"}, ("Rating model: RMSE", "predicted")),
                ([row[:2] + ("3",) + row[3:] for row in ROWS], {}, ("one_rating",)),
                (ROWS[:1] + [("b", "y", "1", "5")], {"validation_fraction": "0"}, (f"User {ROWS[0][0]} , 1 rating",))):
            job = self.job_on(rows, **{"validation_fraction": "0.2", **settings})
            self.train(job)
            page = self.report(job)
            for word in words:
                self.assertSays(word, page)

    def test_it_stays_small_with_long_titles_and_many_epochs(self):
        """The longest ids and titles, hundreds of epochs, hundreds of files left out."""
        rows = [((row[0] * 300)[:250], (row[1] * 300)[:250], *row[2:]) for row in ROWS]
        rows = [(f"{row[0]}{n[0]}"[-250:], f"{row[1]}{n[1]}"[-250:], *row[2:]) for row, n in zip(rows, ROWS)]
        items = "item_id,title\n" + "".join(f"{item},{'&' * 4000}\n" for item in sorted({row[1] for row in rows}))
        files = {f"{'x' * 150}{n}.txt": f"no {n}\n" for n in range(200)}
        job = self.job(n_epochs=600, n_factors=1, validation_fraction=0.2)
        job.channel("train", {"ratings.csv": csv(rows), "movies.csv": items, **files})
        self.train(job)
        self.assertSays("and 180 more", self.report(job))


class EvaluateReport(ReportCase):
    def test_the_page_has_the_figures_of_the_json(self):
        path = self.folder / "ratings.csv"
        path.write_text(csv(ROWS))
        for words in (("--seeds", "2"), ("--split", "time", "--compare", "n_factors=4")):
            run = subprocess.run(
                [BIN / "evaluate", "--data", path, *words, "--json", self.folder / "e.json", "--report",
                 self.folder / "e.html", "n_factors=8", "n_epochs=3"],
                capture_output=True, text=True, check=False, env=self.environment(), timeout=300)
            self.assertEqual((0, ""), (run.returncode, run.stderr))
            figures = json.loads((self.folder / "e.json").read_text())
            page = self.page(self.folder / "e.html")
            self.assertEqual(["lists", "ratings", "settings"], page.ids())
            titles = {"ranking": "ranking model", "rating": "by predicted rating", "second": "second setting",
                      "popularity": "popularity", "item_item": "item-item cosine"}
            self.assertGreaterEqual(len(figures["lists"]), 4)
            for key, row in figures["lists"].items():
                cells = page.row(titles[key])[0]
                for at, name in enumerate(("ndcg", "precision", "recall", "map", "mrr", "recall_20"), 1):
                    self.assertInterval(row[name], cells[at])
                self.assertAlmostEqual(row["coverage"], float(cells[7]), delta=0.00006)
                self.assertAlmostEqual(row["novelty"], float(cells[8]), delta=0.00006)
                self.assertEqual(str(row["users"]), cells[9])

    def test_a_page_that_cannot_be_written_is_an_error(self):
        path = self.folder / "ratings.csv"
        path.write_text(csv(ROWS))
        run = subprocess.run([BIN / "evaluate", "--data", path, "--report", self.folder / "none" / "e.html",
                              "n_epochs=1", "--baselines", "no"], capture_output=True, text=True, check=False,
                             env=self.environment(), timeout=300)
        self.assertEqual(1, run.returncode)
        self.assertRegex(run.stderr, r"\Aevaluate: .*/none/e\.html.*\n\Z")


if __name__ == "__main__":
    unittest.main()
