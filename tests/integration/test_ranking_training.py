"""A training job learns the rating model and then the ranking model: its output and files, the
same bytes everywhere, and runs that are killed and resumed."""

import os
import re
import signal
import unittest

from epochs import figures
from programs import STOP_DEADLINE
from ranking_case import (FIGURES, METRIC, RankingCase, lists_of, offers, rated, sections,
                          step_lines, steps_of)
from samples import csv, planted, real_ratings
from test_determinism import PATHS, cpu_flags
from wrappers import file_size_limit, inside, namespace

ALL = planted(200, 100, 5000)
ROWS, CHECK = ALL[:4000], ALL[4000:]
RANKING_SECTIONS = ["optional.ranking", "optional.ranking_items", "optional.ranking_mean",
                    "optional.ranking_spectrum", "optional.ranking_grades",
                    "optional.ranking_times"]


def rating_part(content):
    """The sections of a model file that belong to the rating model or to both models."""
    return {name: value for name, value in sections(content).items()
            if not name.startswith("optional.ranking") and name != "metadata"}


class BothModels(RankingCase):
    def watched_job(self, **more):
        return self.job_on(ROWS, **more).channel("validation", {"ratings.csv": csv(CHECK)})

    def test_one_job_learns_both_models(self):
        """Epochs first, then steps in the order of the phases; the file has both models."""
        job = self.job_on(ROWS)
        result = self.train(job)
        self.assertTrained(job, result)
        lines = result.stdout.splitlines()
        self.assertEqual(4, len(result.epochs))
        self.assertTrue(all(line.startswith("epoch=") for line in lines[:4]), result)
        self.assertTrue(all(line.startswith("ranking_step=") for line in lines[4:]), result)
        phases = [phase for phase, _, _ in steps_of(result)]
        self.assertEqual(["choosing", "grid", "learning"], sorted(set(phases), key=phases.index))
        for phase in set(phases):
            steps = [step for at, step, _ in steps_of(result) if at == phase]
            self.assertEqual(list(range(1, len(steps) + 1)), steps, phase)
        info = self.assertRanks(job)
        self.assertEqual(1, info["format_version"])
        self.assertTrue(offers(info)["predicted_ratings"])
        self.assertEqual(RANKING_SECTIONS, [s["name"] for s in info["sections"]][-6:])

    def test_the_ranking_model_is_no_larger_than_documented(self):
        """Four bytes for each number of a padded item vector, five for each rating, one percent."""
        rows = planted(300, 400, 20000)
        size = {}
        for ranking in ("true", "false"):
            job = self.job_on(rows, ranking=ranking, ranking_factors="100")
            self.train(job)
            size[ranking] = job.model_bin.stat().st_size
        info = self.info(job)
        padded = 112
        documented = 4 * info["n_items"] * padded + 5 * info["n_ratings"]
        self.assertLessEqual(size["true"] - size["false"], documented * 1.01)

    def test_metrics_json_has_the_chosen_settings_and_the_candidates(self):
        """The log and the model file have the same values."""
        job = self.job_on(ROWS)
        result = self.train(job)
        ranking = job.metrics()["ranking"]
        info = self.info(job)["ranking_model"]
        line = next(line for line in result.log if line["event"] == "ranking")
        self.assertEqual(info["n_factors"], ranking["n_factors"])
        self.assertEqual(info["n_factors"], line["n_factors"])
        for name in ("regularization", "recency", "prior"):
            self.assertAlmostEqual(info[name], ranking[name], delta=1e-5 * abs(info[name]))
            self.assertAlmostEqual(info[name], line[name], delta=0.00051)
        ratings = [float(row[2]) for row in ROWS]
        mean = sum(ratings) / len(ratings)
        scale = (sum((r - mean) ** 2 for r in ratings) / len(ratings)) ** 0.5
        self.assertEqual("logistic", ranking["grading"])
        self.assertAlmostEqual(mean, ranking["grade_center"], places=5)
        self.assertAlmostEqual(scale, ranking["grade_scale"], places=5)
        self.assertAlmostEqual(mean, ranking["relevant_rating"], places=5)
        self.assertIs(True, ranking["converged"])
        learning = [step for phase, step, _ in steps_of(result) if phase == "learning"]
        self.assertEqual(len(learning), ranking["steps"])
        choices = ranking["choices"]
        self.assertGreater(len(choices), 1)
        self.assertEqual(1, sum(choice["chosen"] for choice in choices))
        best = max(choice["ndcg_at_10"] for choice in choices)
        chosen = next(choice for choice in choices if choice["chosen"])
        self.assertGreater(chosen["ndcg_at_10"], 0.9 * best)
        self.assertGreater(best, 0)
        self.assertEqual(len(choices), line["compared"])
        self.assertAlmostEqual(chosen["ndcg_at_10"], line["chosen_by_ndcg_at_10"], delta=0.000051)
        recencies = ranking["recency_choices"]
        self.assertEqual([0, 0.5, 1], [choice["recency"] for choice in recencies])
        self.assertIn(ranking["recency"], (0, 0.5, 1))
        if ranking["recency"] < 1:  # only for a gain
            by_recency = {choice["recency"]: choice["ndcg_at_10"] for choice in recencies}
            self.assertGreater(by_recency[ranking["recency"]], by_recency[1])

    def test_given_settings_are_not_chosen(self):
        """There are no phases of choosing; the model has the given settings."""
        job = self.job_on(ROWS, ranking_factors=12, ranking_regularization=30, recency=0.5,
                          ranking_prior=0.25)
        result = self.train(job)
        self.assertEqual({"learning"}, {phase for phase, _, _ in steps_of(result)})
        info = self.info(job)["ranking_model"]
        self.assertEqual((12, 30, 0.5, 0.25), tuple(info[name] for name in
                         ("n_factors", "regularization", "recency", "prior")))
        self.assertEqual([], job.metrics()["ranking"]["choices"])
        self.assertEqual([], job.metrics()["ranking"]["recency_choices"])

    def test_each_ranking_setting_changes_the_ranking_model_and_not_the_rating_model(self):
        """Each has an effect, and the bytes of the rating part stay."""
        few = {"ranking_factors": 20}  # with all directions there would be no second step
        usual = self.job_on(ROWS, **few)
        errors = figures(self.train(usual))
        for name, value in (("ranking_factors", 16), ("ranking_regularization", 5),
                            ("recency", 0.25), ("ranking_prior", 3), ("ranking_steps", 2),
                            ("ranking_tolerance", 0), ("grading", "one"), ("relevant_rating", 4.5)):
            with self.subTest(name):
                job = self.job_on(ROWS, **{**few, name: value})
                self.assertEqual(errors, figures(self.train(job)))
                self.assertEqual(rating_part(usual.bytes()), rating_part(job.bytes()))
                ours, theirs = sections(job.bytes()), sections(usual.bytes())
                self.assertTrue(any(ours[s] != theirs[s] for s in RANKING_SECTIONS),
                                "the same ranking model")

    def test_without_a_ranking_model_the_rating_model_has_the_same_bytes(self):
        """ranking=false: no step, no section, lists by rating."""
        both, alone = self.watched_job(), self.watched_job(ranking="false")
        with_ranking, without = self.train(both), self.train(alone)
        self.assertEqual(figures(with_ranking), figures(without))
        self.assertEqual([], steps_of(without))
        self.assertEqual(rating_part(both.bytes()), rating_part(alone.bytes()))
        self.assertEqual([], [name for name in sections(alone.bytes()) if "optional" in name])
        info = self.info(alone)
        self.assertIsNone(info["ranking_model"])
        self.assertEqual("rating", offers(info)["list_orders"][0])
        self.assertIsNone(alone.metrics()["ranking"])
        for key in ("train_rmse", "validation_rmse", "validation_mae"):
            self.assertEqual(both.metrics()["final"][key], alone.metrics()["final"][key])
        self.assertNotEqual(lists_of(with_ranking), lists_of(without), "lists are of the model")

    def test_reaching_the_limit_of_steps_is_reported_and_is_no_failure(self):
        """Not converged: a warning, and the model is written."""
        job = self.job_on(ROWS, ranking_steps=2, ranking_tolerance=0, ranking_factors=16)
        result = self.train(job)
        self.assertTrained(job, result)
        self.assertWarned(result, "not_converged", "ranking_steps", "2 steps")
        self.assertIs(False, job.metrics()["ranking"]["converged"])
        self.assertRanks(job)

    def test_dislikes_do_not_raise_an_item(self):
        """Grades follow the stars: a liked item's is high, a disliked one's low."""
        job = self.job_on(ROWS)
        self.train(job)
        grades = rated(sections(job.bytes()))
        by_stars = {}
        for user, item, stars, _ in ROWS:
            by_stars.setdefault(float(stars), set()).add(grades[user][item])
        self.assertTrue(all(len(codes) == 1 for codes in by_stars.values()), by_stars)
        codes = [by_stars[stars].pop() for stars in sorted(by_stars)]
        self.assertEqual(sorted(codes), codes)
        self.assertLess(codes[0], 30)
        self.assertGreater(codes[-1], 225)


class Lists(RankingCase):
    """The lists are evaluated on validation data."""

    def watched_job(self, check=CHECK, **more):
        return self.job_on(ROWS, **more).channel("validation", {"ratings.csv": csv(check)})

    def assertSameFigures(self, job, result, rows, k=10):
        """The line, metrics.json, the model's metadata and the program evaluate agree."""
        line = lists_of(result, k)
        told = job.metrics()["final"]["validation_lists"]
        kept = self.info(job)["metadata"]["validation_lists"]
        threshold = job.metrics()["final"]["validation_lists"].get("relevant_rating")
        words = ["--k", k, "--baselines", "yes"]
        if threshold is not None:
            words += ["--relevant-rating", repr(threshold)]
        measured = self.evaluate(job, rows, *words)
        first = measured["lists"][next(iter(measured["lists"]))]
        for name in FIGURES:
            value = told[f"{name}_at_{k}"]
            self.assertAlmostEqual(line[f"validation_{name}_at_{k}"], value, delta=0.000051)
            self.assertEqual(kept[f"{name}_at_{k}"], value)
            theirs = first[name] if isinstance(first[name], float) else first[name]["mean"]
            self.assertAlmostEqual(theirs, value, delta=2e-6, msg=name)
        self.assertEqual(first["users"], told["n_users"])
        self.assertEqual(line["users"], told["n_users"])
        self.assertAlmostEqual(line[f"popularity_ndcg_at_{k}"], told[f"popularity_ndcg_at_{k}"],
                               delta=0.000051)
        self.assertEqual(measured["runs"][0]["n_relevant"], told["n_relevant"])
        return told

    def test_a_validation_channel_evaluates_lists_as_evaluate_does(self):
        job = self.watched_job()
        result = self.train(job)
        told = self.assertSameFigures(job, result, CHECK)
        self.assertLess(told["ndcg_low_at_10"], told["ndcg_at_10"])
        self.assertGreater(told["ndcg_high_at_10"], told["ndcg_at_10"])
        mean = sum(float(row[2]) for row in ROWS) / len(ROWS)
        self.assertAlmostEqual(mean, told["relevant_rating"], places=5)
        self.assertEqual(sum(float(row[2]) >= mean for row in CHECK), told["n_relevant"])
        self.assertGreater(told["ndcg_at_10"], told["popularity_ndcg_at_10"])

    def test_a_model_without_ranking_is_evaluated_by_its_own_lists(self):
        job = self.watched_job(ranking="false")
        self.assertSameFigures(job, self.train(job), CHECK)

    def test_the_length_of_lists_can_be_set(self):
        """evaluation_k is part of the names; its alias is topk."""
        job = self.watched_job(evaluation_k=5)
        self.assertSameFigures(job, self.train(job), CHECK, k=5)
        five = job.metrics()["final"]["validation_lists"]
        self.assertNotIn("ndcg_at_10", five)
        job = self.watched_job(topk=25)
        self.assertSameFigures(job, self.train(job), CHECK, k=25)
        self.assertGreater(job.metrics()["final"]["validation_lists"]["recall_at_25"],
                           five["recall_at_5"])

    def test_lists_longer_than_the_catalogue_are_as_long_as_it_is(self):
        """Every item is listed then: no figure is above 1 or not a number."""
        job = self.watched_job(evaluation_k=1000)
        result = self.train(job)
        told = self.assertSameFigures(job, result, CHECK, k=1000)
        self.assertAlmostEqual(1, told["recall_at_1000"], places=6)
        self.assertAlmostEqual(1, told["coverage_at_1000"], places=6)
        self.assertNoNan(job, result)

    def test_the_relevant_rating_can_be_set(self):
        job = self.watched_job(relevant_rating=4.5)
        result = self.train(job)
        told = self.assertSameFigures(job, result, CHECK)
        self.assertEqual(4.5, told["relevant_rating"])
        self.assertEqual(sum(float(row[2]) >= 4.5 for row in CHECK), told["n_relevant"])

    def test_the_documented_regexes_read_the_line_once(self):
        """As CloudWatch does: each catches one plain decimal."""
        job = self.watched_job()
        result = self.train(job)
        told = job.metrics()["final"]["validation_lists"]
        names = [f"validation_{figure}_at_10" for figure in FIGURES]
        for name in [*names, "popularity_ndcg_at_10"]:
            caught = re.findall(METRIC.format(name), result.log_text())
            self.assertEqual(1, len(caught), name)
            self.assertAlmostEqual(told[name.replace("validation_", "")], float(caught[0]),
                                   delta=0.000051)
        steps = re.findall(METRIC.format("ranking_step"), result.log_text())
        self.assertEqual(len(steps_of(result)), len(steps))

    def held_out(self, job):
        """(user, item) pairs that are in the model without a grade."""
        return {(user, item) for user, items in rated(sections(job.bytes())).items()
                for item, grade in items.items() if grade == 0}

    def test_a_fraction_set_aside_at_random(self):
        """The rows without a grade are those held out; evaluate has the same figures on them."""
        job = self.job_on(ROWS, validation_fraction=0.25)
        result = self.train(job)
        aside = self.held_out(job)
        self.assertEqual(1000, len(aside))
        self.assertSameFigures(job, result, [row for row in ROWS if row[:2] in aside])

    def test_the_newest_fraction_of_each_user(self):
        """validation_split=time."""
        job = self.job_on(ROWS, validation_fraction=0.25, validation_split="time")
        result = self.train(job)
        self.assertEqual(self.newest(lambda n: int(n * 0.25 + 0.5)), self.held_out(job))
        rows = [row for row in ROWS if row[:2] in self.held_out(job)]
        self.assertSameFigures(job, result, rows)

    def test_the_newest_rating_of_each_user(self):
        """validation_split=leave-last needs no fraction, and holds out no rating of a user with
        one."""
        job = self.job_on(ROWS + [("alone", "1000", "5", "1")], validation_split="leave-last")
        result = self.train(job)
        self.assertEqual(self.newest(lambda n: 1), self.held_out(job))
        rows = [row for row in ROWS if row[:2] in self.held_out(job)]
        self.assertSameFigures(job, result, rows)
        self.assertLessEqual(lists_of(result)["validation_precision_at_10"], 0.1)

    def newest(self, how_many):
        by_user = {}
        for user, item, _, time in ROWS:
            by_user.setdefault(user, []).append((int(time), item))
        return {(user, item) for user, rows in by_user.items()
                for _, item in sorted(rows)[len(rows) - min(how_many(len(rows)), len(rows) - 1):]}

    def test_a_split_by_time_without_times_is_refused(self):
        text = csv([row[:3] for row in ROWS], header=("userId", "movieId", "rating"))
        for split in ("time", "leave-last"):
            with self.subTest(split):
                job = self.job_on(text, validation_fraction=0.2, validation_split=split)
                self.assertFailed(job, self.run_train(job), "time")

    def test_a_validation_channel_takes_precedence_over_a_split(self):
        """And that is logged."""
        job = self.watched_job(validation_fraction=0.5)
        result = self.train(job)
        self.assertWarned(result, "ignored", "validation_fraction")
        self.assertSameFigures(job, result, CHECK)

    def test_without_validation_data_there_is_no_line(self):
        job = self.job_on(ROWS)
        result = self.train(job)
        self.assertIsNone(lists_of(result))
        self.assertIsNone(job.metrics()["final"]["validation_lists"])

    def test_nothing_relevant_is_reported_and_makes_no_line_and_no_nan(self):
        """Every validation rating is below the relevant rating."""
        dislikes = [row for row in CHECK if float(row[2]) < 2.5]
        job = self.watched_job(check=dislikes)
        result = self.train(job)
        self.assertWarned(result, "nothing_relevant", "relevant_rating")
        self.assertIsNone(lists_of(result))
        self.assertNotIn("_at_10", result.stdout)
        self.assertIsNone(job.metrics()["final"]["validation_lists"])
        self.assertIsNone(self.info(job)["metadata"]["validation_lists"])
        self.assertNoNan(job, result)

    def test_validation_users_that_training_does_not_know(self):
        """They have no list: they are counted, and the figures of the others stay."""
        known = self.watched_job()
        told = lists_of(self.train(known))
        unknown_rows = [("x" + row[0], *row[1:]) for row in CHECK[:300]]
        mixed = self.watched_job(check=CHECK + unknown_rows)
        self.assertEqual(told, lists_of(self.train(mixed)))
        self.assertEqual(300, mixed.metrics()["final"]["validation_lists"]["n_unknown_rows"])
        only = self.watched_job(check=unknown_rows)
        self.assertFailed(only, self.run_train(only), "training knows none of its 300 rows")

    def test_liked_items_that_training_does_not_know_are_missed(self):
        """They only lower recall and NDCG."""
        new = [(row[0], "new" + row[1], "5.0", row[3]) for row in CHECK]
        job = self.watched_job(check=CHECK + new)
        result = self.train(job)
        told = job.metrics()["final"]["validation_lists"]
        self.assertEqual(1000, told["n_unknown_rows"])
        known = self.watched_job()
        usual = lists_of(self.train(known))
        self.assertLess(told["recall_at_10"], usual["validation_recall_at_10"])
        self.assertNoNan(job, result)


class SameBytes(RankingCase):
    """The same model.bin with any number of threads, on any CPU, with checkpoints or without."""

    SETTINGS = ({"n_epochs": 1}, {"n_epochs": 1, "validation_fraction": 0.1},
                {"n_epochs": 1, "ranking_factors": 20, "ranking_regularization": 50})

    def outcome(self, env=None, **hyperparameters):
        job = self.job_on(real_ratings(), **hyperparameters)
        result = self.train(job, env=env)
        return job, (figures(result), steps_of(result), lists_of(result))

    def test_with_any_number_of_threads(self):
        for settings in self.SETTINGS:
            one, expected = self.outcome(n_threads=1, **settings)
            self.assertRanks(one)
            for threads in (2, 3, 8, 256):
                with self.subTest(threads=threads, **settings):
                    job, printed = self.outcome(n_threads=threads, **settings)
                    self.assertEqual(expected, printed)
                    self.assertSameModel(one, job)

    def test_on_every_instruction_set(self):
        there = [name for name, flag in PATHS.items() if flag in cpu_flags()]
        for settings in self.SETTINGS:
            usual, expected = self.outcome(**settings)
            for name in there:
                with self.subTest(cpu=name, **settings):
                    job, printed = self.outcome(env={"MF_CPU": name}, **settings)
                    self.assertEqual(expected, printed)
                    self.assertSameModel(usual, job)
        missing = sorted(set(PATHS) - set(there))
        if missing:
            self.not_here(f"this CPU has no {', '.join(missing)}")

    def test_with_checkpoints_and_without(self):
        usual, expected = self.outcome(n_epochs=1)
        job = self.job_on(real_ratings(), n_epochs=1, checkpoint_every=1).keep_checkpoints()
        result = self.train(job)
        self.assertEqual(expected, (figures(result), steps_of(result), lists_of(result)))
        self.assertSameModel(usual, job)

    def test_under_the_openmp_variables_that_people_set(self):
        usual, _ = self.outcome(n_epochs=1)
        for env in ({"OMP_NUM_THREADS": "1"}, {"OMP_DYNAMIC": "true"}, {"OMP_THREAD_LIMIT": "1"},
                    {"OMP_SCHEDULE": "dynamic,7"}):
            with self.subTest(env=env):
                job, _ = self.outcome(env=env, n_epochs=1, n_threads=3)
                self.assertSameModel(usual, job)

    def test_another_seed_gives_other_bytes(self):
        """Shows that the equalities above are not trivial."""
        models = [sections(self.outcome(n_epochs=1, seed=seed)[0].bytes()) for seed in (1, 2)]
        self.assertNotEqual(*(model["optional.ranking_items"] for model in models))


# Enough users for a grid of more than one step, and directions that take several steps.
CUT_ROWS = planted(2600, 150, 26000)
CUT_SETTINGS = {"n_epochs": 1, "ranking_factors": 16, "ranking_tolerance": "0.00001",
                "checkpoint_every": 1, "checkpoint_keep": 50}
RATING_NAME = re.compile(r"checkpoint-([0-9a-f]{8})-(\d{6})\.mfck")
RANKING_NAME = re.compile(r"checkpoint-([0-9a-f]{8})-ranking-[0-3]\d{5}\.mfck")


class Cut(RankingCase):
    """Runs that end in the ranking model, and the runs after them."""

    reference = None

    def cut_job(self, **more):
        job = self.job_on(CUT_ROWS, **{**CUT_SETTINGS, **more})
        return job.keep_checkpoints()

    def undisturbed(self):
        """(bytes, the lines of steps as they were printed, all of standard output)."""
        if Cut.reference is None:
            job = self.job_on(CUT_ROWS, **CUT_SETTINGS)
            result = self.train(job)
            Cut.reference = (job.bytes(), steps_of(result), result.stdout)
        return Cut.reference

    def blocked_at(self, job, n_steps, before=""):
        """Starts the job; it blocks in the write of the line after n_steps lines of
        steps. before: lines that this run will print first."""
        _, _, text = self.undisturbed()
        lines = [line for line in text.splitlines(True) if line.startswith("ranking_step=")]
        capacity = len(before or text.split("ranking_step=")[0]) + sum(map(len, lines[:n_steps])) + 20
        gate = self.gate(capacity)
        run = self.start(job, stdout=gate.write_end)
        self.assertTrue(gate.wait_until_blocked(run), "ended before its output was full")
        return run, gate

    def assertContinues(self, job, n_done):
        """The next run prints the steps after the first n_done, and ends with the same bytes."""
        model, steps, _ = self.undisturbed()
        job.forget_results()
        result = self.train(job)
        self.assertTrained(job, result)
        self.assertEqual([], result.epochs, "the rating model was learned again")
        self.assertEqual(steps[n_done:], steps_of(result))
        self.assertSameModel(model, job)
        self.assertEqual([], self.warnings(result, "checkpoint_refused"), result)
        return result

    def test_the_steps_are_of_all_phases(self):
        """A condition of the tests below, which cover each phase."""
        _, steps, _ = self.undisturbed()
        for phase in ("choosing", "grid", "learning"):
            self.assertGreater(sum(step[0] == phase for step in steps), 1, steps)

    def test_killed_in_each_step(self):
        _, steps, _ = self.undisturbed()
        for n in range(len(steps)):
            with self.subTest(step=steps[n]):
                job = self.cut_job()
                run, gate = self.blocked_at(job, n)
                run.signal(signal.SIGKILL)
                self.assertEqual(-signal.SIGKILL, run.wait().status)
                printed = step_lines(gate.drain())
                self.assertEqual(steps[:n], printed)
                self.assertEqual([], self.model_files(job))
                # The step whose line could not be written was not saved.
                self.assertContinues(job, n)

    def test_sigterm_in_each_step(self):
        """Exit 0; a model with ranking when there was a step of learning, without and a
        warning before; the next run completes it."""
        _, steps, _ = self.undisturbed()
        learning = next(n for n, step in enumerate(steps) if step[0] == "learning")
        for n in range(len(steps) - 1):
            with self.subTest(step=steps[n]):
                job = self.cut_job(checkpoint_every=1000)
                run, gate = self.blocked_at(job, n)
                run.signal(signal.SIGTERM)
                gate.drain()
                result = run.wait(STOP_DEADLINE)
                self.assertEqual(0, result.status, result)
                self.assertEqual(["model.bin"], self.model_files(job))
                self.assertFalse(job.failure.exists())
                self.assertIs(True, job.metrics()["final"]["stopped_by_signal"])
                info = self.info(job)
                self.assertIsNotNone(info["rating_model"])
                if n < learning:
                    self.assertIsNone(info["ranking_model"])
                    self.assertIsNone(job.metrics()["ranking"])
                    self.assertWarned(result, "no_ranking", "predicted rating")
                else:
                    self.assertIsNotNone(info["ranking_model"])
                    self.assertIs(False, job.metrics()["ranking"]["converged"])
                    self.assertEqual([], self.warnings(result, "no_ranking"))
                self.assertContinues(job, n + 1)

    def test_sigterm_before_the_ranking_model_has_a_step(self):
        """While the rating model is learned: the next run starts from its checkpoint."""
        settings = {"n_epochs": 40, "ranking_factors": 16, "checkpoint_every": 1000}
        whole = self.job_on(CUT_ROWS, **settings)
        self.train(whole)
        job = self.job_on(CUT_ROWS, **settings).keep_checkpoints()
        gate = self.gate(300)
        run = self.start(job, stdout=gate.write_end)
        self.assertTrue(gate.wait_until_blocked(run))
        run.signal(signal.SIGTERM)
        gate.drain()
        result = run.wait(STOP_DEADLINE)
        self.assertEqual(0, result.status, result)
        self.assertWarned(result, "no_ranking", "before there was a ranking model")
        self.assertIsNone(self.info(job)["ranking_model"])
        job.forget_results()
        again = self.train(job)
        self.assertGreater(int(again.epochs[0]["epoch"]), 1)
        self.assertSameModel(whole, job)

    def test_killed_again_and_again(self):
        """A machine that runs one step each time."""
        _, steps, text = self.undisturbed()
        job = self.cut_job(checkpoint_keep=1)
        lines = [line for line in text.splitlines(True) if line.startswith("ranking_step=")]
        run, _ = self.blocked_at(job, 1)
        run.signal(signal.SIGKILL)
        run.wait()
        for n in range(1, len(steps)):
            job.forget_results()
            gate = self.gate(len(lines[n]) + 20)
            run = self.start(job, stdout=gate.write_end)
            if not gate.wait_until_blocked(run):
                break
            # Ended before anything is read: a pipe with free space would accept the next line.
            run.signal(signal.SIGKILL)
            run.wait()
            self.assertEqual(steps[n : n + 1], step_lines(gate.drain()))
        else:
            job.forget_results()
            run = self.start(job)
        result = run.wait()
        self.assertEqual(0, result.status, result)
        self.assertSameModel(self.undisturbed()[0], job)

    def test_resumed_with_another_number_of_threads(self):
        model, steps, _ = self.undisturbed()
        for n in (1, len(steps) - 2):
            job = self.cut_job(n_threads=1)
            run, _ = self.blocked_at(job, n)
            run.signal(signal.SIGKILL)
            run.wait()
            job.set(n_threads=3)
            self.assertContinues(job, n)

    def test_a_run_with_everything_done_writes_the_model_and_learns_nothing(self):
        job = self.cut_job()
        self.train(job)
        for _ in range(2):
            self.assertContinues(job, len(self.undisturbed()[1]))

    def test_names_of_checkpoints(self):
        """One run, one number; of the ranking model the phase and the step are in the name."""
        job = self.cut_job()
        self.train(job)
        names = job.checkpoint_names()
        ratings = [RATING_NAME.fullmatch(name) for name in names if "ranking" not in name]
        ranking = [RANKING_NAME.fullmatch(name) for name in names if "ranking" in name]
        self.assertTrue(all(ratings) and all(ranking), names)
        runs = {match.group(1) for match in ratings + ranking}
        self.assertEqual(1, len(runs), names)
        self.assertEqual(["000001"], [match.group(2) for match in ratings])
        self.assertEqual(len(self.undisturbed()[1]), len(ranking), names)

    def test_how_many_remain_is_counted_for_each_model(self):
        """Those of the ranking model do not replace those of the rating model."""
        job = self.cut_job(n_epochs=5, checkpoint_keep=2)
        self.train(job)
        names = job.checkpoint_names()
        self.assertEqual(2, sum("ranking" in name for name in names), names)
        self.assertEqual(["000004", "000005"], [RATING_NAME.fullmatch(name).group(2)
                                                for name in names if "ranking" not in name])

    def test_a_damaged_checkpoint_falls_back_to_the_one_before(self):
        _, steps, _ = self.undisturbed()
        n = len(steps) - 2
        source = self.cut_job()
        run, _ = self.blocked_at(source, n)
        run.signal(signal.SIGKILL)
        run.wait()
        newest = max(name for name in source.checkpoint_names() if "ranking" in name)
        content = (source.checkpoints / newest).read_bytes()
        for label, bad in (("empty", b""), ("cut", content[: len(content) // 2]),
                           ("flipped", content[:200] + bytes([content[200] ^ 4]) + content[201:]),
                           ("longer", content + b"\0")):
            with self.subTest(label):
                (source.checkpoints / newest).write_bytes(bad)
                source.forget_results()
                result = self.train(source)
                self.assertWarned(result, "checkpoint_refused", newest)
                self.assertEqual(steps[n - 1:], steps_of(result))
                self.assertSameModel(self.undisturbed()[0], source)
                for name in source.checkpoint_names():
                    if "ranking" in name and name > newest:
                        (source.checkpoints / name).unlink()

    def test_a_checkpoint_of_other_settings_or_data_is_refused_by_name(self):
        """Each setting of the ranking model makes it another run; the file stays."""
        source = self.cut_job()
        run, _ = self.blocked_at(source, 3)
        run.signal(signal.SIGKILL)
        run.wait()
        names = source.checkpoint_names()
        self.assertGreater(len(names), 3)
        variants = [({name: value}, CUT_ROWS) for name, value in (
            ("ranking_factors", 17), ("ranking_regularization", 9), ("recency", 0.5),
            ("ranking_prior", 2), ("ranking_steps", 39), ("ranking_tolerance", 0.00002),
            ("grading", "one"), ("relevant_rating", 4), ("seed", 8))]
        later = [(*row[:3], str(2 * 10**9 - int(row[3]))) for row in CUT_ROWS]
        for settings, rows in [*variants, ({}, later)]:
            with self.subTest(**settings):
                job = self.cut_job(**settings).channel("train", {"ratings.csv": csv(rows)})
                for name in names:
                    os.link(source.checkpoints / name, job.checkpoints / name)
                result = self.train(job)
                self.assertEqual(1, int(result.epochs[0]["epoch"]))
                self.assertEqual(1, steps_of(result)[0][1])
                self.assertEqual(set(names), {message.split(" ")[0] for message in
                                              self.warnings(result, "checkpoint_refused")})
                self.assertLessEqual(set(names), set(job.checkpoint_names()))
                clean = self.cut_job(**settings).channel("train", {"ratings.csv": csv(rows)})
                self.train(clean)
                self.assertSameModel(clean, job)

    def test_a_full_disk_under_a_checkpoint_of_the_ranking_model(self):
        """A reason, no half file; with free space again the run resumes."""
        def fresh():
            job = self.job_on(planted(200, 190, 3000), **{**CUT_SETTINGS, "n_factors": 1,
                                                          "ranking_factors": 128})
            return job.keep_checkpoints()

        sizes = fresh()
        self.train(sizes)
        by_size = {name: (sizes.checkpoints / name).stat().st_size
                   for name in sizes.checkpoint_names()}
        largest = max(by_size.values())
        self.assertTrue(all("ranking" in name for name in by_size if by_size[name] == largest))
        job = fresh()
        result = self.run_train(job, wrapper=file_size_limit(largest - 512))
        self.assertFailed(job, result, "-ranking-", error="PlatformError")
        names = job.checkpoint_names()
        self.assertEqual([], [name for name in names if not name.endswith(".mfck")])
        self.assertTrue(any("ranking" not in name for name in names), names)
        job.forget_results()
        result = self.train(job)
        self.assertEqual([], result.epochs)
        self.assertEqual([], self.warnings(result, "checkpoint_refused"))
        self.assertSameModel(sizes, job)

    def test_a_full_disk_under_the_model(self):
        """Limits between the size without the ranking sections and the whole size."""
        whole = self.job_on(CUT_ROWS, **CUT_SETTINGS)
        self.train(whole)
        size = whole.model_bin.stat().st_size
        for limit in (size // 2, size - 1024):
            with self.subTest(limit=limit):
                job = self.job_on(CUT_ROWS, **CUT_SETTINGS)
                result = self.run_train(job, wrapper=file_size_limit(limit))
                self.assertFailed(job, result, "model.bin", error="PlatformError")
        if not namespace():
            self.not_here("a tmpfs needs a private mount namespace")
        job = self.job_on(CUT_ROWS, **CUT_SETTINGS)
        script = f'mount -t tmpfs -o size={size // 2048}k none "$1/model"; shift; exec "$@"'
        result = self.run_train(job, wrapper=inside(script, job.prefix))
        self.assertFailed(job, result, "model.bin", "No space left", error="PlatformError")


if __name__ == "__main__":
    unittest.main()
