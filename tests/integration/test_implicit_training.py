"""Training without ratings: from clicks, purchases and counts a job learns a ranking model alone;
and ratings that are all the same value."""

import re
import signal
import unittest

from programs import STOP_DEADLINE
from ranking_case import RankingCase, lists_of, offers, rated, sections, steps_of
from samples import csv, parity, planted, real_ratings
from serve_case import ServeCase
from test_determinism import PATHS, cpu_flags

# A user has events with the items of the same parity, all but two; those two are relevant.
ROWS, WITHHELD = parity()
PAIRS = [row[:2] for row in ROWS if row[2] == "5"]
FIND = [row[:2] for row in WITHHELD if row[2] == "5"]
HEADER = ("userId", "movieId")


def pairs_csv(rows, *more):
    return csv(rows, header=(*HEADER, *more))


class ImplicitCase(RankingCase):
    def pairs_job(self, text=None, **more):
        return self.job_on(text or pairs_csv(PAIRS), **more)

    def assertRanksOnly(self, job, result):
        """A ranking model, and no rating model anywhere."""
        self.assertTrained(job, result)
        self.assertEqual([], result.epochs)
        self.assertTrue(steps_of(result))
        info = self.assertRanks(job, result)
        self.assertEqual(2, info["format_version"])
        self.assertIsNone(info["rating_model"])
        self.assertEqual(["ranking", "popularity"], offers(info)["list_orders"])
        self.assertEqual((False, True), (offers(info)["predicted_ratings"],
                                         offers(info)["similar_items"]))
        names = [section["name"] for section in info["sections"]]
        self.assertEqual([], [name for name in names if "bias" in name or "factors" in name])
        metrics = job.metrics()
        self.assertEqual([], metrics["epochs"])
        self.assertNotIn("train_rmse", metrics["final"])
        self.assertNoNan(job, result)
        return info

    def same_ranking(self, job):
        """Everything in model.bin except the hyperparameters."""
        return {name: value for name, value in sections(job.bytes()).items() if name != "metadata"}


class Pairs(ImplicitCase):
    def test_pairs_alone_teach_lists(self):
        """Two columns; a user's held-out items of the same parity are ranked above all others."""
        job = self.pairs_job().channel("validation", {"pairs.csv": pairs_csv(FIND)})
        result = self.train(job)
        info = self.assertRanksOnly(job, result)
        self.assertEqual("one", info["ranking_model"]["grading"])
        self.assertIs(False, info["ranking_model"]["times"])
        self.assertEqual({255}, {grade for items in rated(sections(job.bytes())).values()
                                 for grade in items.values()})
        self.assertGreater(lists_of(result)["validation_ndcg_at_10"], 0.95)
        told = job.metrics()["final"]["validation_lists"]
        self.assertEqual(len(FIND), told["n_relevant"])
        self.assertNotIn("relevant_rating", told)
        channel = next(line for line in result.log if line["event"] == "channel")
        self.assertEqual("implicit", channel["feedback"])

    def test_other_columns_and_names_of_files_do_not_matter(self):
        """purchases.tsv with a time and a column of something else."""
        rows = [(str(n), user, item, "web", str(10**9 + n)) for n, (user, item) in enumerate(PAIRS)]
        text = csv(rows, header=("order_id", "customer_id", "product_id", "shop", "timestamp"),
                   separator="\t")
        job = self.job().channel("train", {"purchases.tsv": text})
        info = self.assertRanksOnly(job, self.train(job))
        self.assertIs(True, info["ranking_model"]["times"])

    def test_counts_weigh_by_their_logarithm(self):
        """Counts change the model, and its metadata name the grading; plays is one of the usual
        names."""
        rows = [(user, item, str(1 + (int(user) * 7 + int(item)) % 50)) for user, item in PAIRS]
        job = self.pairs_job(pairs_csv(rows, "plays"))
        info = self.assertRanksOnly(job, self.train(job))
        self.assertEqual("log", info["ranking_model"]["grading"])
        grades = rated(sections(job.bytes()))
        by_count = {}
        for user, item, count in rows:
            by_count.setdefault(int(count), set()).add(grades[user][item])
        self.assertTrue(all(len(codes) == 1 for codes in by_count.values()))
        codes = [by_count[count].pop() for count in sorted(by_count)]
        self.assertEqual(sorted(codes), codes)
        self.assertLess(codes[0], codes[-1] / 2)

    def test_any_column_of_weights_can_be_named(self):
        """weight_column; a name that no file has is an error."""
        rows = [(user, item, str(1 + int(user) % 3)) for user, item in PAIRS]
        usual, named = (self.pairs_job(pairs_csv(rows, name), **how) for name, how in
                        (("count", {}), ("how_much", {"weight_column": "how_much"})))
        for job in (usual, named):
            self.assertRanksOnly(job, self.train(job))
        self.assertEqual(self.same_ranking(usual), self.same_ranking(named))
        missing = self.pairs_job(pairs_csv(rows, "count"), weight_column="no_such")
        self.assertFailed(missing, self.run_train(missing), "no_such")

    def test_repeated_pairs_add_up(self):
        """Three clicks are a count of three, one after another or scattered over the file."""
        rows = [(user, item, str(1 + (int(user) + int(item)) % 4)) for user, item in PAIRS]
        clicks = [(user, item) for user, item, count in rows for _ in range(int(count))]
        counted = self.pairs_job(pairs_csv(rows, "count"))
        repeated = self.pairs_job(pairs_csv(clicks))
        for job in (counted, repeated):
            self.train(job)
        self.assertSameModel(counted, repeated)
        self.assertEqual(len(clicks) - len(PAIRS), repeated.metrics()["data"]["n_repeated"])
        self.assertEqual(len(PAIRS), repeated.metrics()["data"]["n_ratings"])
        scattered = self.pairs_job(pairs_csv(PAIRS + sorted(clicks, key=lambda row: row[::-1])))
        more = self.pairs_job(pairs_csv([(user, item, str(int(count) + 1))
                                         for user, item, count in rows], "count"))
        for job in (scattered, more):
            self.train(job)
        self.assertSameModel(more, scattered)

    def test_times_of_events_count(self):
        """The newest of repeated events counts; with recency 0 times have no effect."""
        rows = [(user, item, str(10**9 + (n * 7919) % 10007)) for n, (user, item) in
                enumerate(PAIRS)]
        models = {}
        for name, text, recency in (("none", pairs_csv(PAIRS), "auto"),
                                    ("times", pairs_csv(rows, "timestamp"), 0.5),
                                    ("zero", pairs_csv(rows, "timestamp"), 0)):
            job = self.pairs_job(text, recency=recency)
            self.train(job)
            models[name] = sections(job.bytes())
        self.assertNotIn("optional.ranking_times", models["none"])
        self.assertNotEqual(models["times"]["optional.ranking_mean"],
                            models["zero"]["optional.ranking_mean"])
        self.assertEqual(models["none"]["optional.ranking_items"],
                         models["zero"]["optional.ranking_items"])

    def test_tags_beside_ratings_are_ignored(self):
        """user, movie and no rating: left out and named, as long as there are ratings."""
        rows = planted(60, 40, 900)
        tags = csv([(user, item, "fun", time) for user, item, _, time in rows[:200]],
                   header=("userId", "movieId", "tag", "timestamp"))
        alone = self.job_on(rows)
        self.train(alone)
        for name in ("a-tags.csv", "tags.csv"):  # before ratings.csv and after it
            with self.subTest(name):
                beside = self.job_on(rows)
                beside.channel("train", {name: tags})
                result = self.train(beside)
                self.assertIn(name, result.stderr)
                self.assertEqual(4, len(result.epochs))
                self.assertSameModel(alone, beside)
        only = self.job().channel("train", {"tags.csv": tags})
        self.assertRanksOnly(only, self.train(only))

    def test_ratings_are_taken_as_pairs_with_feedback_implicit(self):
        """The stars have no effect."""
        rows = planted(60, 40, 900)
        as_pairs = self.job_on(rows, feedback="implicit")
        self.assertRanksOnly(as_pairs, self.train(as_pairs))
        pairs = self.job_on(csv([(u, i, t) for u, i, _, t in rows],
                                header=(*HEADER, "timestamp")))
        self.assertRanksOnly(pairs, self.train(pairs))
        self.assertEqual(self.same_ranking(pairs), self.same_ranking(as_pairs))

    def test_pairs_are_an_error_with_feedback_explicit(self):
        """On a file without ratings; the error lists what was found."""
        job = self.pairs_job(feedback="explicit")
        self.assertFailed(job, self.run_train(job), "ratings.csv", "rating")

    def test_from_a_pipe(self):
        """The pipe is read once; its first lines decide."""
        job = self.job().channel("train", None, mode="Pipe")
        self.feed(job.data / "train_0", pairs_csv(PAIRS).encode())
        piped = self.train(job)
        file = self.pairs_job()
        self.train(file)
        self.assertRanksOnly(job, piped)
        self.assertSameModel(file, job)

    def test_parts_of_pairs_can_be_held_out(self):
        """validation_fraction, and by time."""
        job = self.pairs_job(validation_fraction=0.2)
        result = self.train(job)
        self.assertRanksOnly(job, result)
        self.assertEqual(len(PAIRS) // 5, job.metrics()["data"]["n_validation_ratings"])
        self.assertEqual(len(PAIRS) // 5, sum(grade == 0 for items in
                         rated(sections(job.bytes())).values() for grade in items.values()))
        # A few more items of the same parity than a list has.
        self.assertGreater(lists_of(result)["validation_ndcg_at_10"], 0.5)
        rows = [(user, item, str(n)) for n, (user, item) in enumerate(PAIRS)]
        for split in ("time", "leave-last"):
            job = self.pairs_job(pairs_csv(rows, "timestamp"), validation_fraction=0.2,
                                 validation_split=split)
            self.assertIsNotNone(lists_of(self.train(job)))

    def test_validation_data_with_ratings_are_pairs_too(self):
        """The kind of the training data decides."""
        job = self.pairs_job().channel("validation", {"ratings.csv": csv(WITHHELD)})
        self.train(job)
        lists = job.metrics()["final"]["validation_lists"]
        self.assertEqual(len(WITHHELD), lists["n_relevant"])

    def test_the_relevant_count_can_be_set(self):
        """relevant_rating is a count here; without it every pair is relevant."""
        check = pairs_csv([(*pair, str(1 + n % 4)) for n, pair in enumerate(FIND)], "count")
        for given, n_relevant in (({}, len(FIND)), ({"relevant_rating": 3}, len(FIND) // 2)):
            with self.subTest(**given):
                job = self.pairs_job(**given).channel("validation", {"pairs.csv": check})
                self.train(job)
                told = job.metrics()["final"]["validation_lists"]
                self.assertEqual(n_relevant, told["n_relevant"])
                self.assertEqual(given.get("relevant_rating"), told.get("relevant_rating"))

    def test_nothing_relevant_is_reported_without_a_threshold(self):
        unknown_rows = [("x" + user, item) for user, item in FIND]
        job = self.pairs_job().channel("validation", {"pairs.csv": pairs_csv(unknown_rows)})
        self.assertIn("none of its", self.last_error(self.run_train(job)))
        job = self.pairs_job().channel("validation",
                                       {"pairs.csv": pairs_csv([PAIRS[0]] + unknown_rows)})
        result = self.train(job)
        self.assertWarned(result, "few_known", "1 of")
        self.assertWarned(result, "nothing_relevant", "no user of the model")
        self.assertIsNone(lists_of(result))
        self.assertNoNan(job, result)

    def test_a_prediction_is_refused_with_the_reason(self):
        """train --predict: exit 1, one sentence."""
        job = self.pairs_job()
        self.train(job)
        result = self.run_train(job, "--predict", *PAIRS[0], write_config=False)
        self.assertEqual((1, ""), (result.status, result.stdout), result)
        for word in ("model.bin", "no rating model", "without ratings"):
            self.assertIn(word, self.last_error(result))

    def test_without_a_ranking_model_nothing_would_be_left(self):
        job = self.pairs_job(ranking="false")
        self.assertFailed(job, self.run_train(job), "ranking", "without ratings")


class Counts(ImplicitCase):
    """Counts of every size."""

    def counted(self, *counts):
        """Rows with these counts, in turn."""
        return pairs_csv([(user, item, counts[n % len(counts)])
                          for n, (user, item) in enumerate(PAIRS)], "count")

    def test_a_count_of_0_is_no_event(self):
        job = self.pairs_job(self.counted("1", "0", "2", "0.0"))
        result = self.train(job)
        self.assertRanksOnly(job, result)
        channel = next(line for line in result.log if line["event"] == "channel")
        self.assertEqual(len(PAIRS) // 2, channel["zero_weights"])
        self.assertEqual(len(PAIRS) // 2, job.metrics()["data"]["n_ratings"])

    def test_counts_of_0_alone_are_no_training_data(self):
        job = self.pairs_job(self.counted("0"))
        self.assertFailed(job, self.run_train(job), re.compile("train|ratings.csv"))

    def test_an_invalid_count_is_named_with_its_place(self):
        for bad in ("-1", "-0.5", "1e300", "nan", "inf", "many", ""):
            with self.subTest(bad):
                text = pairs_csv([*((*pair, "2") for pair in PAIRS[:10]), (*PAIRS[10], bad)],
                                 "count")
                job = self.pairs_job(text)
                user, item = PAIRS[10]
                column = len(user) + len(item) + 3
                self.assertFailed(job, self.run_train(job), f"ratings.csv:12:{column}: ")

    def test_bad_counts_may_be_left_out(self):
        text = self.counted("1", "2", "3", "-4")
        job = self.pairs_job(text, max_bad_rows=len(PAIRS))
        self.train(job)
        self.assertEqual(len(PAIRS) // 4, job.metrics()["data"]["n_bad_rows"])

    def test_huge_and_tiny_counts_make_numbers(self):
        """Up to the largest float, also in sums; fractions."""
        for counts in (("1", "3e38"), ("3e38",), ("1e-30", "1e-20"), ("0.5", "0.25"),
                       ("1", "1000000")):
            with self.subTest(counts=counts):
                text = self.counted(*counts)
                job = self.pairs_job(text + text.split("\n", 1)[1])
                info = self.assertRanksOnly(job, self.train(job))
                self.assertGreater(info["ranking_model"]["n_factors"], 0)

    def test_equal_counts_are_pairs(self):
        """They carry no information: as without counts."""
        plain, fives = self.pairs_job(), self.pairs_job(self.counted("5"))
        for job in (plain, fives):
            self.assertRanksOnly(job, self.train(job))
        self.assertEqual(sections(plain.bytes())["optional.ranking_items"],
                         sections(fives.bytes())["optional.ranking_items"])


class OneRating(ImplicitCase):
    def test_one_rating_everywhere_counts_as_pairs(self):
        """A warning, a ranking model, and no rating model."""
        for value in ("1", "5", "0", "-3", "0.1", "1e30"):
            with self.subTest(value):
                job = self.job_on([(user, item, value, "7") for user, item in PAIRS])
                job.channel("validation", {"pairs.csv": csv([(*pair, value, "8")
                                                             for pair in FIND])})
                result = self.train(job)
                self.assertRanksOnly(job, result)
                self.assertWarned(result, "one_rating", "every rating is", "no rating model")
                self.assertGreater(lists_of(result)["validation_ndcg_at_10"], 0.95)
                refused = self.run_train(job, "--predict", *PAIRS[0], write_config=False)
                self.assertEqual(1, refused.status, refused)

    def test_two_ratings_are_ratings(self):
        rows = [(user, item, "5", "7") for user, item in PAIRS]
        rows[3] = (*rows[3][:2], "4", "7")
        job = self.job_on(rows)
        result = self.train(job)
        self.assertEqual([], self.warnings(result, "one_rating"))
        self.assertEqual(4, len(result.epochs))
        self.assertIsNotNone(self.assertRanks(job)["rating_model"])

    def test_without_a_ranking_model_it_is_refused(self):
        job = self.job_on([(*pair, "5", "7") for pair in PAIRS], ranking="false")
        self.assertFailed(job, self.run_train(job), "ranking")


class SameBytes(ImplicitCase):
    def test_with_any_number_of_threads_and_on_any_cpu(self):
        settings = {"feedback": "implicit", "validation_fraction": 0.1}
        one = self.job_on(real_ratings(), n_threads=1, **settings)
        expected = steps_of(self.train(one))
        there = [name for name, flag in PATHS.items() if flag in cpu_flags()]
        for threads, cpu in ((2, None), (3, None), (8, None), (256, None),
                             *((2, name) for name in there)):
            with self.subTest(threads=threads, cpu=cpu):
                job = self.job_on(real_ratings(), n_threads=threads, **settings)
                result = self.train(job, env={"MF_CPU": cpu} if cpu else None)
                self.assertEqual(expected, steps_of(result))
                self.assertSameModel(one, job)

    def stopped(self, job, n_steps, number):
        """A run that got this signal in the write of the line after n_steps."""
        gate = self.gate(sum(len(line) + 1 for line in self.lines[:n_steps]) + 20)
        run = self.start(job, stdout=gate.write_end)
        self.assertTrue(gate.wait_until_blocked(run))
        run.signal(number)
        gate.drain()
        return run.wait(STOP_DEADLINE)

    def test_a_run_that_is_cut_resumes(self):
        """SIGKILL and SIGTERM in each step. A stop without any model is a failure with that
        reason."""
        settings = {"ranking_factors": 12, "ranking_tolerance": "0.00001", "checkpoint_every": 1,
                    "checkpoint_keep": 50}
        whole = self.pairs_job(**settings)
        done = self.train(whole)
        self.lines = done.stdout.splitlines()
        steps = steps_of(done)
        learning = next(n for n, step in enumerate(steps) if step[0] == "learning")
        for number in (signal.SIGKILL, signal.SIGTERM):
            for n in range(len(steps) - 1):
                with self.subTest(number=number, step=steps[n]):
                    job = self.pairs_job(**settings).keep_checkpoints()
                    result = self.stopped(job, n, number)
                    if number == signal.SIGKILL:
                        self.assertEqual(-number, result.status)
                    elif n < learning:
                        self.assertFailed(job, result, "SIGTERM came", "ranking model",
                                          "checkpoint", error="Stopped")
                    else:
                        self.assertEqual(0, result.status, result)
                        self.assertIsNone(self.info(job)["rating_model"])
                    job.forget_results()
                    again = self.train(job)
                    self.assertEqual(steps[n + (number == signal.SIGTERM):], steps_of(again))
                    self.assertEqual([], self.warnings(again, "checkpoint_refused"))
                    self.assertSameModel(whole, job)

    def test_checkpoints_of_another_job_are_named(self):
        """Here the ranking model's stage is the first, so it reads the checkpoints."""
        other = self.pairs_job(seed=9, checkpoint_every=1).keep_checkpoints()
        self.train(other)
        job = self.pairs_job().keep_checkpoints()
        for name in other.checkpoint_names():
            (job.checkpoints / name).write_bytes((other.checkpoints / name).read_bytes())
        result = self.train(job)
        self.assertEqual(set(other.checkpoint_names()), {message.split(" ")[0] for message in
                         self.warnings(result, "checkpoint_refused")})
        self.assertEqual(1, steps_of(result)[0][1])


class Served(ServeCase):
    def test_serve_makes_lists_and_refuses_ratings(self):
        """The real serve on a model of pairs."""
        job = self.job_on(pairs_csv(PAIRS))
        self.train(job)
        server = self.serve(model=job.bytes())
        response = self.assertResponse(server.post({"userId": "6", "top_n": 5})).json()
        entries = response["recommendations"]
        self.assertEqual(5, len(entries))
        found = [entry["movieId"] for entry in entries]
        self.assertEqual({item for user, item in FIND if user == "6"}, set(found[:1]))
        scores = [entry["score"] for entry in entries]
        self.assertEqual(sorted(scores, reverse=True), scores)
        self.assertTrue(all("predicted_rating" not in entry for entry in entries))
        similar = self.assertResponse(server.post({"movieId": "6", "similar": 5})).json()["similar"]
        self.assertEqual({0}, {int(entry["movieId"]) % 2 for entry in similar})
        self.assertRefused(server.post({"userId": "6", "movieId": "7"}), 400, "without ratings")
        batch = server.post({"instances": [{"userId": "6", "movieId": "7"}]})
        self.assertIsNone(self.assertResponse(batch).json()["predictions"][0]["predicted_rating"])
        health = self.assertResponse(server.get("/health")).json()
        self.assertEqual({"rating": False, "ranking": True}, health["model"]["models"])


if __name__ == "__main__":
    unittest.main()
