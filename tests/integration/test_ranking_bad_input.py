"""Bad settings, and data with little or nothing for a ranking model: each gives an error or a
model, and every figure is a number."""

import os
import re
import unittest
from pathlib import Path

from ranking_case import (RankingCase, floats, item_vectors, lists_of, rated, sections, steps_of)
from samples import csv, planted

ROWS = planted(60, 40, 900)
# Also of settings without "auto".
BAD = {
    "ranking": ("maybe", "2", "auto", ""),
    "ranking_factors": ("0", "-1", "4097", "1.5", "1e300", "nan", "many", ""),
    "ranking_regularization": ("-1", "-0.001", "1e13", "nan", "inf", "-inf", "1e400", "much", ""),
    "recency": ("-0.1", "-1", "11", "nan", "inf", "new", ""),
    "ranking_prior": ("-1", "1001", "nan", "inf", "1e300", ""),
    "ranking_steps": ("0", "-1", "10001", "2.5", "nan", "auto", ""),
    "ranking_tolerance": ("-0.1", "1.5", "nan", "inf", "auto", ""),
    "grading": ("linear", "0", "Logistic!", ""),
    "relevant_rating": ("nan", "inf", "-inf", "1e39", "high", ""),
    "evaluation_k": ("0", "-1", "1001", "2.5", "nan", "auto", ""),
    "validation_split": ("newest", "global-time", "auto", ""),
    "feedback": ("ratings", "true", ""),
}
AUTO = ("ranking_factors", "ranking_regularization", "recency", "ranking_prior", "grading",
        "relevant_rating", "feedback")
# The hyperparameters of jobs as users of other libraries write them, and the result of each:
# values in force, or the first name without a counterpart and the name that its error suggests.
OTHERS = {
    "cornac": ({"k": "10", "max_iter": "25", "lambda_reg": "0.02"},
               {"n_factors": 10, "n_epochs": 25, "regularization": 0.02,
                "ranking_factors": "auto"}),
    "implicit": ({"factors": "64", "iterations": "15", "alpha": "40"},
                 ("iterations", "ranking_steps")),
    "libmf": ({"k": "8", "nr_iters": "5", "lambda_p2": "0.1", "eta": "0.1"},
              ("eta", "learning_rate")),
    "recbole": ({"embedding_size": "64", "train_batch_size": "2048"},
                ("train_batch_size", "remove it")),
    "sagemaker-fm": ({"feature_dim": "100", "predictor_type": "regressor", "num_factors": "64"},
                     ("feature_dim", "remove it")),
    "spark": ({"rank": "10", "maxIter": "5", "regParam": "0.01"}, ("maxIter", "n_epochs")),
    "surprise": ({"n_factors": "8", "n_epochs": "5", "lr_all": "0.005", "reg_all": "0.4"},
                 {"n_factors": 8, "n_epochs": 5, "learning_rate": 0.005, "regularization": 0.4}),
    "surprise, biased": ({"biased": "True", "verbose": "True", "init_mean": "0"},
                         ("biased", "bias_learning_rate")),
    "implicit, alpha": ({"factors": "64", "alpha": "40"}, ("alpha", "grading")),
    "lightfm": ({"no_components": "12"}, {"n_factors": 12, "ranking_factors": 12}),
    "spark, rank alone": ({"rank": "10"}, {"n_factors": 10, "ranking_factors": 10}),
    "lenskit": ({"features": "20", "ranking_factors": "9"},
                {"n_factors": 20, "ranking_factors": 9}),
    "spark, pairs": ({"implicitPrefs": "true"}, ("implicitPrefs", "feedback=implicit")),
}


class Settings(RankingCase):
    def test_a_value_out_of_range_is_refused_with_name_value_and_range(self):
        """Before anything is read."""
        for name, values in BAD.items():
            for value in values:
                with self.subTest(name, value=value):
                    job = self.job_on(ROWS, **{name: value})
                    result = self.run_train(job)
                    self.assertFailed(job, result, f'hyperparameter {name} is "{value}"',
                                      re.compile(r"expected \w+"))
                    self.assertNotIn("channel", [line["event"] for line in result.log])
                    self.assertEqual("", result.stdout)

    def test_auto_is_the_default_where_there_is_one(self):
        usual, automatic = self.job_on(ROWS), self.job_on(ROWS, **{name: "auto" for name in AUTO})
        for job in (usual, automatic):
            self.train(job)
        self.assertSameModel(usual, automatic)

    def test_the_ends_of_the_ranges_make_models(self):
        """Of numbers; also without shrinkage, or with full shrinkage."""
        for settings in ({"ranking_factors": 1}, {"ranking_factors": 4096},
                         {"ranking_regularization": 0}, {"ranking_regularization": "1e12"},
                         {"ranking_regularization": "1e-300"}, {"recency": 0}, {"recency": 1},
                         {"ranking_prior": 0}, {"ranking_prior": 1000}, {"ranking_steps": 1},
                         {"ranking_steps": 10000}, {"ranking_tolerance": 0},
                         {"ranking_tolerance": 1}, {"relevant_rating": "-3e38"},
                         {"relevant_rating": "3e38"}, {"evaluation_k": 1}, {"grading": "log"},
                         {"seed": 2**53}):
            with self.subTest(**settings):
                job = self.job_on(ROWS, validation_fraction=0.2, **settings)
                result = self.train(job)
                self.assertTrained(job, result)
                self.assertRanks(job, result)
                self.assertNoNan(job, result)

    def test_names_of_other_libraries(self):
        """Accepted where they have the same meaning; otherwise an error suggests our name."""
        for label, (given, expected) in OTHERS.items():
            with self.subTest(label):
                job = self.job(defaults=True, **given).channel("train", {"r.csv": csv(ROWS)})
                result = self.run_train(job)
                if isinstance(expected, tuple):
                    name, advice = expected
                    self.assertFailed(job, result, f"hyperparameter {name} does not exist here",
                                      advice)
                    continue
                self.assertTrained(job, result)
                in_force = job.metrics()["hyperparameters"]
                self.assertEqual(expected, {name: in_force[name] for name in expected})

    def test_too_many_factors_for_memory_are_refused_with_the_number_that_fits(self):
        """The error comes before the rating model is learned."""
        limit = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        for name in ("memory.max", "memory/memory.limit_in_bytes"):
            path = Path("/sys/fs/cgroup", name)
            if path.exists() and path.read_text().strip().isdigit():
                limit = min(limit, int(path.read_text()))
        n = int(0.9 * limit / (16 * 4096))
        if n > 3_000_000:
            self.not_here("a machine with so much memory needs too large a file")
        text = "userId,movieId,rating\n" + "".join(f"{k},{k},{1 + k % 5}\n" for k in range(n))
        job = self.job_on(text, ranking_factors=4096, n_epochs=1, n_factors=1)
        result = self.run_train(job)
        reason = self.assertFailed(job, result, "ranking_factors is 4096", f"{n} users")
        self.assertEqual("", result.stdout)
        fits = int(re.search(r"use at most (\d+)", reason).group(1))
        self.assertLess(fits, 4096)
        self.assertGreater(fits, 4096 * 0.8)
        none = self.job_on(text, ranking_factors=4096, n_epochs=1, n_factors=1, ranking="false")
        self.assertTrained(none, self.train(none))


class LittleData(RankingCase):
    """Data of odd shapes; each with 1 and with 8 threads."""

    def check(self, rows, validation=None, **more):
        """Trains; the model is the same with any number of threads. Returns (job, result)."""
        jobs = []
        for threads in (1, 8):
            job = self.job_on(rows, n_threads=threads, **more)
            if validation is not None:
                job.channel("validation", {"ratings.csv": csv(validation)})
            result = self.train(job)
            self.assertTrained(job, result)
            self.assertNoNan(job, result)
            self.assertRanks(job, result)
            jobs.append(job)
        self.assertSameModel(*jobs)
        return jobs[0], result

    def test_one_rating(self):
        job, _ = self.check([("u", "i", "3.5", "1")])
        self.assertEqual(1, self.info(job)["ranking_model"]["n_factors"])

    def test_one_user(self):
        job, _ = self.check([("u", str(i), str(1 + i % 5), str(i)) for i in range(50)])
        self.assertEqual(1, self.info(job)["ranking_model"]["n_factors"])

    def test_one_item(self):
        job, _ = self.check([(str(u), "i", str(1 + u % 5), str(u)) for u in range(50)])
        self.assertEqual(1, self.info(job)["ranking_model"]["n_factors"])

    def test_one_rating_of_each_user_and_item(self):
        """A diagonal matrix: nothing is held out, so no setting can be chosen."""
        rows = [(str(n), str(n), str(1 + n % 5), "1") for n in range(40)]
        job, result = self.check(rows)
        self.assertEqual({"learning"}, {phase for phase, _, _ in steps_of(result)})
        self.assertEqual([], job.metrics()["ranking"]["choices"])

    def test_all_users_rated_everything(self):
        """Every list is empty, and validation data has no relevant items except new ones."""
        rows = [(str(u), str(i), str(1 + (u * i) % 5), str(u + i)) for u in range(20)
                for i in range(15)]
        self.check(rows)
        check = [(str(u), "new", "5", "1") for u in range(20)] + rows[:20]
        job, result = self.check(rows, validation=check)
        told = job.metrics()["final"]["validation_lists"]
        if told is not None:
            self.assertEqual((0, 0), (told["ndcg_at_10"], told["recall_at_10"]))
        job, result = self.check(rows, validation_fraction=0.2)
        self.assertIsNotNone(lists_of(result))

    def test_validation_rows_that_were_trained_on(self):
        """Lists exclude them, so they cannot be found."""
        job, result = self.check(ROWS, validation=ROWS[:100])
        self.assertIsNone(job.metrics()["final"]["validation_lists"])
        self.assertWarned(result, "nothing_relevant")

    def test_a_user_without_liked_items(self):
        """Grades near zero give no profile; the list comes from the mean profile."""
        rows = ROWS + [("sad", item, "0.5", "1") for item in sorted({r[1] for r in ROWS})[:12]]
        job, _ = self.check(rows)
        grades = rated(sections(job.bytes()))["sad"]
        self.assertTrue(all(0 < grade < 30 for grade in grades.values()), grades)

    def test_an_item_rated_by_all(self):
        rows = ROWS + [(str(u), "hit", str(3 + u % 3), "5") for u in range(1, 61)]
        job, _ = self.check(rows)
        self.assertTrue(any(item_vectors(sections(job.bytes()))["hit"]))

    def test_items_that_are_all_held_out_have_no_vector(self):
        """A held-out rating is not trained on."""
        rows = ROWS + [(str(u), f"rare{u}", "5", "9999999999") for u in range(1, 61)]
        job, result = self.check(rows, validation_split="leave-last")
        vectors = item_vectors(sections(job.bytes()))
        self.assertFalse(any(any(vectors[f"rare{u}"]) for u in range(1, 61)))
        self.assertEqual(0, lists_of(result)["validation_recall_at_10"], "never in a list")

    def test_a_block_of_zeros(self):
        """Users with all ratings held out except one, on items that no other user rated."""
        rows = ROWS + [(f"z{u}", f"z{i}", "5", str(i)) for u in range(10) for i in range(8)]
        self.check(rows, validation_fraction=0.9, validation_split="time")

    def blocks(self, n_blocks, n_users=6, n_items=7):
        """(rows, withheld): each block's users took all its items but one each, differently."""
        rows, withheld = [], []
        for b in range(n_blocks):
            for u in range(n_users):
                for i in range(n_items):
                    row = (f"{b}u{u}", f"{b}i{i}", "4" if (u + i) % 2 else "5", "1")
                    (withheld if i == u else rows).append(row)
        return rows, withheld

    def test_equal_singular_values(self):
        """Ten equal blocks: each value occurs ten times."""
        rows, withheld = self.blocks(10)
        for settings in ({}, {"ranking_factors": 20, "ranking_regularization": 1},
                         {"ranking_factors": 4, "ranking_regularization": 1}):
            with self.subTest(**settings):
                job, result = self.check(rows, validation=withheld, grading="one",
                                         relevant_rating=1, **settings)
                strength = floats(sections(job.bytes())["optional.ranking_spectrum"])
                self.assertEqual(sorted(strength, reverse=True), list(strength))
                n_equal = min(10, len(strength))
                for value in strength[:n_equal]:
                    self.assertAlmostEqual(strength[0], value, delta=1e-4 * strength[0])
                if len(strength) >= 10:
                    self.assertGreater(lists_of(result)["validation_ndcg_at_10"], 0.99)

    def test_a_rank_below_the_number_of_directions(self):
        """The model has as many directions as the rank."""
        rows = [(f"u{u}", f"b{u % 3}i{i}", "4" if i % 2 else "5", "1") for u in range(30)
                for i in range(9)]
        job, _ = self.check(rows, grading="one", ranking_factors=24, ranking_regularization=1)
        self.assertEqual(3, self.info(job)["ranking_model"]["n_factors"])
        strength = floats(sections(job.bytes())["optional.ranking_spectrum"])
        for value in strength:
            self.assertAlmostEqual(90, value, places=2)

    def test_ratings_of_any_scale_teach_the_same_lists(self):
        """Negative, huge and tiny ones: a grade depends only on the distance from the mean."""
        usual, _ = self.check(ROWS)
        grades = rated(sections(usual.bytes()))
        for factor, offset in ((1, -100), (-1, 0), (1e6, 0), (1e-6, 0), (1e30, 0), (1, 1000)):
            with self.subTest(factor=factor, offset=offset):
                rows = [(u, i, repr(float(r) * factor + offset), t) for u, i, r, t in ROWS]
                job, result = self.check(rows, validation_fraction=0.2)
                self.assertIsNotNone(lists_of(result))
                job, _ = self.check(rows)
                ours = rated(sections(job.bytes()))
                for user, items in grades.items():
                    for item, grade in items.items():
                        expected = grade if factor > 0 else 255 - grade
                        self.assertAlmostEqual(expected, ours[user][item], delta=2)

    def test_ratings_that_are_all_0(self):
        """Pairs, as with any other value that all ratings have."""
        job, result = self.check([(u, i, "0", t) for u, i, _, t in ROWS])
        self.assertWarned(result, "one_rating", "every rating is 0")
        self.assertIsNone(self.info(job)["rating_model"])

    def test_one_rating_far_from_all_others(self):
        rows = [*ROWS[1:], (*ROWS[0][:2], "1e38", "1")]
        self.check(rows)


class Times(RankingCase):
    """Timestamps."""

    def sections_of(self, text, **more):
        job = self.job_on(text, **more)
        result = self.train(job)
        self.assertTrained(job, result)
        self.assertNoNan(job, result)
        self.assertRanks(job, result)
        return sections(job.bytes())

    def timed(self, change):
        return csv([(u, i, r, change(int(t))) for u, i, r, t in ROWS])

    def test_without_times_no_section_has_any(self):
        found = self.sections_of(csv([row[:3] for row in ROWS],
                                     header=("userId", "movieId", "rating")))
        self.assertNotIn("optional.ranking_times", found)

    def test_equal_times_weigh_as_none(self):
        """All ratings of a user are equally new: the lists are those of a model without times."""
        none = self.sections_of(csv([row[:3] for row in ROWS],
                                    header=("userId", "movieId", "rating")), recency=1)
        equal = self.sections_of(self.timed(lambda t: "7"), recency=1)
        for name in ("optional.ranking_items", "optional.ranking_mean",
                     "optional.ranking_spectrum", "optional.ranking_grades"):
            self.assertEqual(none[name], equal[name], name)

    def test_only_the_order_of_times_counts(self):
        """In the future, before 1970, in milliseconds, with fractions."""
        usual = self.sections_of(csv(ROWS))
        for label, change in (("future", lambda t: str(t + 10**11)),
                              ("negative", lambda t: str(t - 2 * 10**9)),
                              ("milliseconds", lambda t: str(1000 * t)),
                              ("fractions", lambda t: f"{t}.25"),
                              ("far apart", lambda t: str((t - 1_000_000_000) * 10**9))):
            with self.subTest(label):
                found = self.sections_of(self.timed(change))
                for name in usual:
                    if name.startswith("optional"):
                        self.assertEqual(usual[name], found[name], name)

    def test_times_that_are_partly_missing(self):
        """A file without times beside one with: its ratings are older."""
        half = len(ROWS) // 2
        plain = csv([row[:3] for row in ROWS[:half]], header=("userId", "movieId", "rating"))
        job = self.job().channel("train", {"a.csv": plain, "b.csv": csv(ROWS[half:])})
        result = self.train(job)
        self.assertTrained(job, result)
        self.assertNoNan(job, result)
        old = {}
        for user, item, _, _ in ROWS[:half]:
            old.setdefault(user, set()).add(item)
        found = sections(job.bytes())
        values = iter(memoryview(found["optional.ranking_times"]).cast("I"))
        for user, items in rated(found).items():
            ranks = {item: next(values) for item in items}
            n_old = len(old.get(user, ()))
            self.assertEqual({n_old - 1} if n_old else set(),
                             {ranks[item] for item in old.get(user, ())})
            new = sorted(ranks[item] for item in ranks if item not in old.get(user, ()))
            self.assertEqual([2 * n for n in range(n_old, len(ranks))], new)

    def test_recency_moves_the_mean_profile_alone(self):
        """Age has weight in profiles, not in vectors, when these are not chosen by lists."""
        given = {"ranking_factors": 8, "ranking_regularization": 20}
        old, new = (self.sections_of(csv(ROWS), recency=recency, **given) for recency in (0, 1))
        self.assertEqual(old["optional.ranking_items"], new["optional.ranking_items"])
        self.assertNotEqual(old["optional.ranking_mean"], new["optional.ranking_mean"])


if __name__ == "__main__":
    unittest.main()
