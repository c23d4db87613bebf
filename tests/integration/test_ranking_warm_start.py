"""Incremental training with a ranking model: it is learned from a base model's grades and the new
ratings together."""

import signal
import struct
import unittest

from programs import SOURCE
from ranking_case import RankingCase, item_vectors, lists_of, rated, sections, steps_of
from samples import csv, planted

ALL = planted(220, 110, 5200)
# A first job with the users up to 170 and the items up to 1079 …
KNOWN = [row for row in ALL if int(row[0]) <= 170 and int(row[1]) < 1080]
# … and a second one with the other rows. Times rise over all rows, so these are later.
LATER = [(*row[:3], str(int(row[3]) + 10**8)) for row in ALL
         if int(row[0]) > 170 or int(row[1]) >= 1080]
STORED = SOURCE / "tests" / "unit" / "data" / "model_version_1.bin"
NO_TIME = ("userId", "movieId", "rating")


def time_ranks(found):
    """{user: {item: rank}} of a model with times."""
    grades = rated(found)
    values = iter(struct.unpack(f"<{len(found['optional.ranking_times']) // 4}I",
                                found["optional.ranking_times"]))
    return {user: {item: next(values) for item in items} for user, items in grades.items()}


class WarmCase(RankingCase):
    def first(self, rows=KNOWN, **more):
        job = self.job_on(rows, **more)
        self.train(job)
        return job

    def second(self, base, rows=LATER, **more):
        """Not yet run. base: a job or a model's bytes."""
        model = base if isinstance(base, bytes) else base.bytes()
        if model == STORED.read_bytes():
            more = {"n_factors": 3, **more}
        return self.job_on(rows, **more).channel("model", {"model.bin": model})


class WarmStart(WarmCase):
    def test_the_matrix_is_that_of_both(self):
        """With grades that do not depend on the ratings' mean: the bytes of a job with all
        the ratings, in this order."""
        settings = {"grading": "one", "n_epochs": 1}
        whole = self.first(KNOWN + LATER, **settings)
        warm = self.second(self.first(**settings), **settings)
        result = self.train(warm)
        self.assertTrained(warm, result)
        ours, theirs = sections(warm.bytes()), sections(whole.bytes())
        for name in ours:
            if name.startswith("optional.ranking_") or name.startswith(("rated", "item_", "user_")):
                if "bias" not in name and "factors" not in name:
                    self.assertEqual(theirs[name], ours[name], name)
        self.assertEqual(whole.metrics()["ranking"]["choices"],
                         warm.metrics()["ranking"]["choices"])

    def test_new_ratings_change_the_vectors_and_new_users_have_lists(self):
        base = self.first()
        warm = self.second(base)
        result = self.train(warm)
        self.assertTrained(warm, result)
        self.assertEqual([], self.warnings(result, "no_base_ranking"))
        info = self.assertRanks(warm)
        self.assertEqual((220, 110), (info["n_users"], info["n_items"]))
        self.assertEqual(len(ALL), info["n_ratings"])
        before, after = (item_vectors(sections(job.bytes())) for job in (base, warm))
        self.assertTrue(all(before[item] != after[item] for item in before))
        self.assertTrue(all(any(after[item]) for item in after), "new items have vectors")
        grades = rated(sections(warm.bytes()))
        self.assertTrue(all(grade > 0 for items in grades.values() for grade in items.values()))
        new_user = next(row[0] for row in LATER if int(row[0]) > 170)
        held = self.evaluate(warm, [(new_user, item, "5", "9") for item in list(after)[:3]],
                             "--relevant-rating", "1")
        self.assertEqual(0, held["runs"][0]["n_unknown_user_ratings"])

    def test_the_base_models_grading_is_kept(self):
        """Grades have the same scale in the whole matrix, although the new ratings have another
        mean."""
        base = self.first()
        high = [(*row[:2], str(max(3.5, float(row[2]))), row[3]) for row in LATER]
        warm = self.second(base, high)
        self.train(warm)
        old, new = self.info(base)["ranking_model"], self.info(warm)["ranking_model"]
        for name in ("grading", "grading_center", "grading_scale"):
            self.assertEqual(old[name], new[name])
        before, after = rated(sections(base.bytes())), rated(sections(warm.bytes()))
        for user, items in before.items():
            for item, grade in items.items():
                self.assertEqual(grade, after[user][item], "a grade without a new rating")

    def test_a_pair_rated_again_counts_as_the_new_one(self):
        base = self.first()
        turned = [(*row[:2], "5.0" if float(row[2]) < 2.5 else "0.5", "2000000000")
                  for row in KNOWN[::7]]
        warm = self.second(base, turned)
        self.train(warm)
        before, after = rated(sections(base.bytes())), rated(sections(warm.bytes()))
        of_stars = {float(row[2]): before[row[0]][row[1]] for row in KNOWN}
        for user, item, stars, _ in turned:
            self.assertEqual(of_stars[float(stars)], after[user][item])
        untouched = {row[:2] for row in KNOWN} - {row[:2] for row in turned}
        for user, item in untouched:
            self.assertEqual(before[user][item], after[user][item])
        self.assertEqual(len(KNOWN), self.info(warm)["n_ratings"])

    def test_the_base_models_ratings_are_older_than_the_new_ones(self):
        """With any timestamps: first the base's in their order, then the new ones in theirs."""
        base = self.first()
        early = [(*row[:3], str(int(row[3]) - 10**9)) for row in LATER] + [
            (*row[:3], str(n)) for n, row in enumerate(KNOWN[:50])]
        warm = self.second(base, early)
        self.train(warm)
        before, after = time_ranks(sections(base.bytes())), time_ranks(sections(warm.bytes()))
        new = {}
        for user, item, _, time in early:
            new.setdefault(user, {})[item] = int(time)
        for user, ranks in after.items():
            old_items = [item for item in before.get(user, {}) if item not in new.get(user, {})]
            order = (sorted(old_items, key=before.get(user, {}).get) +
                     sorted(new.get(user, {}), key=new.get(user, {}).get))
            self.assertEqual({item: 2 * n for n, item in enumerate(order)}, ranks, user)

    def test_new_ratings_without_times_are_all_equally_new(self):
        base = self.first()
        text = csv([row[:3] for row in LATER], header=NO_TIME)
        warm = self.second(base, text)
        self.train(warm)
        ranks = time_ranks(sections(warm.bytes()))
        before = rated(sections(base.bytes()))
        for user, items in ranks.items():
            new = [item for item in items if item not in before.get(user, {})]
            if new:
                self.assertEqual({2 * len(before.get(user, {})) + len(new) - 1},
                                 {items[item] for item in new})

    def test_held_out_ratings_have_no_grade(self):
        """validation_fraction sets aside new ratings; the base's stay."""
        base = self.first()
        warm = self.second(base, validation_fraction=0.25)
        result = self.train(warm)
        self.assertIsNotNone(lists_of(result))
        before, after = rated(sections(base.bytes())), rated(sections(warm.bytes()))
        aside = [(user, item) for user, items in after.items() for item, grade in items.items()
                 if grade == 0]
        self.assertEqual(round(len(LATER) * 0.25), len(aside))
        self.assertEqual([], [pair for pair in aside if pair[1] in before.get(pair[0], {})])
        rows = [row for row in LATER if row[:2] in set(aside)]
        told = warm.metrics()["final"]["validation_lists"]
        measured = self.evaluate(warm, rows, "--relevant-rating", repr(told["relevant_rating"]))
        self.assertAlmostEqual(measured["lists"]["ranking"]["ndcg"]["mean"], told["ndcg_at_10"],
                               delta=2e-6)

    def test_the_rating_model_does_not_depend_on_the_ranking_model(self):
        """With and without a base model, with and without a ranking model."""
        base = self.first()
        bare = self.first(ranking="false")
        jobs = [self.second(base), self.second(base, ranking="false"), self.second(bare)]
        parts = []
        for job in jobs:
            self.train(job)
            found = sections(job.bytes())
            parts.append([found[name] for name in ("user_bias", "item_bias", "user_factors",
                                                   "item_factors", "rated_items", "item_count")])
        self.assertEqual(parts[0], parts[1])
        self.assertEqual(parts[0], parts[2])
        self.assertIsNone(self.info(jobs[1])["ranking_model"])

    def test_threads_and_cuts_change_no_byte(self):
        """1, 3, 8, 256 threads; killed in a step and resumed."""
        base = self.first()
        settings = {"ranking_factors": 12, "ranking_tolerance": "0.00001", "n_epochs": 1,
                    "checkpoint_every": 1, "checkpoint_keep": 50}
        one = self.second(base, n_threads=1, **settings)
        done = self.train(one)
        for threads in (3, 8, 256):
            job = self.second(base, n_threads=threads, **settings)
            self.train(job)
            self.assertSameModel(one, job, f"{threads} threads")
        lines = done.stdout.splitlines(True)
        for n in (2, len(lines) - 2):
            job = self.second(base, **settings).keep_checkpoints()
            gate = self.gate(sum(map(len, lines[:n])) + 20)
            run = self.start(job, stdout=gate.write_end)
            self.assertTrue(gate.wait_until_blocked(run))
            run.signal(signal.SIGKILL)
            run.wait()
            job.forget_results()
            result = self.train(job)
            self.assertEqual([], result.epochs)
            self.assertEqual(steps_of(done)[n - 1:], steps_of(result))
            self.assertSameModel(one, job)


class OtherBases(WarmCase):
    """A base without a ranking model, or without a rating model."""

    def test_a_base_without_a_ranking_model(self):
        """A warning, and a ranking model of the new ratings alone."""
        for label, base in (("switched off", self.first(ranking="false").bytes()),
                            ("an older program's", STORED.read_bytes())):
            with self.subTest(label):
                warm = self.second(base)
                result = self.train(warm)
                self.assertTrained(warm, result)
                self.assertWarned(result, "no_base_ranking", "channel train alone")
                self.assertRanks(warm)
                found = sections(warm.bytes())
                graded = {(user, item) for user, items in rated(found).items()
                          for item, grade in items.items() if grade > 0}
                self.assertEqual({row[:2] for row in LATER}, graded)
                vectors = item_vectors(found)
                new_items = {row[1] for row in LATER}
                for item, vector in vectors.items():
                    self.assertEqual(item in new_items, any(vector), item)
                mean = sum(float(row[2]) for row in LATER) / len(LATER)
                self.assertAlmostEqual(mean, self.info(warm)["ranking_model"]["grading_center"],
                                       places=5)

    def test_without_a_ranking_model_there_is_no_warning(self):
        """ranking=false on such a base: no warning."""
        warm = self.second(STORED.read_bytes(), ranking="false")
        self.assertEqual([], self.warnings(self.train(warm), "no_base_ranking"))

    def pairs(self, rows):
        return csv([row[:2] for row in rows], header=("userId", "movieId"))

    def test_a_base_without_ratings_is_continued_with_pairs(self):
        """Grades of both; n_factors, a setting of the rating model, has no effect. The base's
        are older than the new ones, so with recency the models differ."""
        whole = self.first(self.pairs(KNOWN + LATER), recency=0)
        base = self.first(self.pairs(KNOWN), recency=0)
        warm = self.second(base, self.pairs(LATER), n_factors=24, recency=0)
        result = self.train(warm)
        self.assertTrained(warm, result)
        info = self.assertRanks(warm)
        self.assertEqual(2, info["format_version"])
        ours, theirs = sections(warm.bytes()), sections(whole.bytes())
        self.assertEqual(theirs["optional.ranking_items"], ours["optional.ranking_items"])
        self.assertEqual(rated(theirs), rated(ours))
        self.assertIs(True, info["ranking_model"]["times"])
        self.assertIs(False, self.info(whole)["ranking_model"]["times"])

    def test_ratings_on_a_base_without_ratings_are_refused_with_the_ways_out(self):
        base = self.first(self.pairs(KNOWN))
        warm = self.second(base, LATER)
        self.assertFailed(warm, self.run_train(warm), "channel model", "without ratings",
                          "feedback=implicit")
        as_pairs = self.second(base, LATER, feedback="implicit")
        self.assertTrained(as_pairs, self.train(as_pairs))

    def test_pairs_on_a_base_with_ratings_are_refused(self):
        for base in (self.first().bytes(), STORED.read_bytes()):
            warm = self.second(base, self.pairs(LATER))
            self.assertFailed(warm, self.run_train(warm), "channel model", "predicts ratings",
                              "channel train has none")

    def test_one_rating_everywhere_on_a_base_with_ratings_are_ratings(self):
        """The base determines the meaning of the ratings."""
        warm = self.second(self.first(), [(*row[:2], "4", row[3]) for row in LATER])
        result = self.train(warm)
        self.assertEqual([], self.warnings(result, "one_rating"))
        self.assertEqual(4, len(result.epochs))
        info = self.assertRanks(warm)
        self.assertIsNotNone(info["rating_model"])


if __name__ == "__main__":
    unittest.main()
