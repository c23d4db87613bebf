"""The arguments of `train` and its output for people (docs/sagemaker.md, checklist 1,
3, 17)."""

import os
import re
import unittest

from programs import SOURCE, TRAIN
from samples import csv, planted
from train_case import TrainCase
from wrappers import AS_OPT_ML, file_size_limit, inside, namespace

ROWS = planted(60, 40, 900)


class CommandLine(TrainCase):
    def say(self, *words, **how):
        return self.start(None, *words, **how).wait()

    def test_version_is_the_projects(self):
        """One line on stdout."""
        result = self.say("--version")
        self.assertEqual((0, ""), (result.status, result.stderr))
        version = re.search(r"VERSION (\d+\.\d+\.\d+)", (SOURCE / "CMakeLists.txt").read_text())
        self.assertRegex(result.stdout, rf"\A[^\n]*\b{re.escape(version.group(1))}\b[^\n]*\n\Z")

    def test_help_lists_options_and_every_hyperparameter_with_its_default(self):
        """On stdout, in lines that fit a terminal."""
        result = self.say("--help")
        self.assertEqual((0, ""), (result.status, result.stderr))
        for word in ("--prefix", "--predict", "--version", "/opt/ml"):
            self.assertIn(word, result.stdout)
        for name in ("n_factors", "n_epochs", "learning_rate", "learning_rate_decay",
                     "regularization", "bias_regularization", "validation_fraction",
                     "early_stopping_patience", "seed", "n_threads", "max_bad_rows",
                     "checkpoint_every", "checkpoint_keep", "user_column", "item_column",
                     "rating_column", "timestamp_column"):
            self.assertEqual(1, len(re.findall(rf"^ +{name} ", result.stdout, re.MULTILINE)), name)
            entry = re.search(rf"^ +{name} .*\n.*default (\S+)", result.stdout, re.MULTILINE)
            self.assertTrue(entry, name)
        for line in result.stdout.splitlines():
            self.assertLessEqual(len(line), 120, line)
        self.assertNotRegex(result.stdout, r"\t|\x1b")

    def test_the_defaults_in_help_are_the_ones_in_force(self):
        """And the table of docs/training.md has each of them."""
        job = self.job(defaults=True).channel("train", {"ratings.csv": csv(ROWS)})
        self.train(job)
        used = job.metrics()["hyperparameters"]
        help_text = self.say("--help").stdout
        document = (SOURCE / "docs/training.md").read_text(encoding="utf-8")
        for name, default in re.findall(r"^  (\w+) .*\n.*default ([^;\s]+)", help_text, re.MULTILINE):
            self.assertIn(name, used)
            row = re.search(rf"^\|[^|\n]*`{name}`.*$", document, re.MULTILINE)
            self.assertTrue(row, f"docs/training.md has no row of {name}")
            if re.fullmatch(r"[-\d.e]+", default) and not (name == "n_threads" or float(default) == 0):
                self.assertEqual(float(default), float(used[name]), name)
                self.assertIn(default, row.group(), name)

    def test_an_unknown_word_or_option_prints_usage_and_ends_in_2(self):
        """Checklist 17."""
        for words in (("--prefx", "x"), ("-x",), ("serve",), ("train", "train"), ("--prefix",),
                      ("--predict",), ("--predict", "1"), ("--prefix", "a", "b"), ("",),
                      ("--version=1",), ("--prefix", "a", "--predict", "1", "2", "3")):
            with self.subTest(words=words):
                result = self.say(*words, cwd=self.folder)
                self.assertEqual(2, result.status, result)
                self.assertRegex(result.stderr, r"(?i)usage")
                self.assertEqual("", result.stdout)
                self.assertEqual([], list(self.folder.iterdir()), "wrote something")

    def test_a_first_word_train_changes_nothing(self):
        """Checklist 1, 3: the platform's argument, when the program is the entrypoint (1.3)."""
        usual = self.job_on(ROWS)
        self.train(usual)
        job = self.job_on(ROWS)
        job.write_config()
        self.assertTrained(job, self.say("train", "--prefix", job.prefix))
        self.assertSameModel(usual, job)
        self.assertEqual(self.say("--help").stdout, self.say("train", "--help").stdout)
        if not namespace():
            self.not_here("/opt/ml needs a private mount namespace")
        bare = self.job_on(ROWS)
        bare.write_config()
        result = self.say("train", wrapper=inside(AS_OPT_ML + 'exec "$@"', bare.prefix))
        self.assertTrained(bare, result)

    def test_a_refused_command_line_leaves_a_failure_file_where_a_job_would(self):
        """Checklist 42: below the prefix, at any position among the arguments; never in place
        of an earlier reason, nor for --help or --predict, nor in a missing folder."""
        job = self.job()
        for words in (("--prefix", job.prefix, "--n_factors", "8"), ("--epochs", "--prefix", job.prefix)):
            job.failure.unlink(missing_ok=True)
            result = self.say(*words)
            self.assertEqual(2, result.status, result)
            text = job.failure.read_text()
            self.assertRegex(text, r"\AClientError: command line: unknown argument --(n_factors|epochs)\n\Z")
            self.assertIn(text.partition(": ")[2].strip(), result.stderr)
        job.failure.write_text("AlgorithmError: the cause\n")
        self.say("--prefix", job.prefix, "-x\x1b[31m")
        self.assertEqual("AlgorithmError: the cause\n", job.failure.read_text())
        job.failure.unlink()
        self.say("--prefix", job.prefix, "--predict", "1")
        self.assertFalse(job.failure.exists())
        nowhere = self.folder / "no" / "such"
        self.say("--prefix", nowhere, "-x")
        self.assertFalse(nowhere.exists())
        if not namespace():
            self.not_here("/opt/ml needs a private mount namespace")
        self.say("-x", wrapper=inside(AS_OPT_ML + 'exec "$@"', job.prefix))
        self.assertIn("-x", job.failure.read_text())

    def test_a_prefix_of_any_shape_works(self):
        """Relative, with a slash at its end, with spaces, with other letters; = and space."""
        usual = self.job_on(ROWS)
        self.train(usual)
        for shape in ("{name}", "{name}/", "./{name}//", "../{folder}/{name}", "{absolute}/."):
            with self.subTest(shape=shape):
                job = self.job_on(ROWS)
                job.write_config()
                moved = job.prefix.with_name(f"ein Ort mit ä & ' \" {self._n_jobs}")
                job.prefix.rename(moved)
                job.prefix = moved
                words = shape.format(name=moved.name, folder=moved.parent.name, absolute=moved)
                result = self.say("--prefix", words, cwd=self.folder)
                self.assertTrained(job, result)
                self.assertSameModel(usual, job)

    def test_a_missing_or_too_long_prefix_is_reported(self):
        """Exit 1 with a reason that has the path."""
        typo = self.folder / "no" / "such" / "place"
        result = self.say("--prefix", typo)
        self.assertEqual(1, result.status, result)
        self.assertIn(str(typo), self.last_error(result))
        for words in ("", "x" * 5000):
            result = self.say("--prefix", words)
            self.assertIn(result.status, (1, 2), result)
            self.assertTrue(result.stderr)

    def test_bare_train_uses_opt_ml(self):
        """Checklist 1, 3: no argument, no variable."""
        if not namespace():
            self.not_here("/opt/ml needs a private mount namespace")
        usual = self.job_on(ROWS)
        self.train(usual)
        job = self.job_on(ROWS)
        job.write_config()
        wrapper = inside(AS_OPT_ML + 'exec "$@"', job.prefix)
        self.assertTrained(job, self.say(wrapper=wrapper))
        self.assertSameModel(usual, job)

    def test_bare_train_without_opt_ml_fails_with_a_reason(self):
        """As when `train` is typed on a laptop."""
        if not namespace():
            self.not_here("an /opt without ml needs a private mount namespace")
        result = self.say(wrapper=inside('mount -t tmpfs none /opt; exec "$@"'))
        self.assertEqual(1, result.status, result)
        self.assertIn("/opt/ml", self.last_error(result))

    def test_bare_train_by_its_name_from_path(self):
        """Checklist 1: the platform starts it by name, not by path."""
        env = {"PATH": f"{TRAIN.parent}:/usr/bin:/bin"}
        result = self.say("--version", program="train", wrapper=("env",), env=env)
        self.assertEqual(0, result.status, result)


class Predict(TrainCase):
    def setUp(self):
        super().setUp()
        self.job_done = self.job_on(ROWS, n_epochs=20)
        self.train(self.job_done)

    def test_a_known_pair_is_predicted_with_four_decimals(self):
        """predicted_rating=4.4213"""
        rating, line = self.predict(self.job_done, ROWS[0][0], ROWS[0][1])
        self.assertRegex(line, r"\Apredicted_rating=\d\.\d{4}\Z")
        self.assertTrue(0.5 <= rating <= 5)

    def test_predictions_are_near_what_was_rated(self):
        """They are better than the mean on the training data."""
        mean = sum(float(r[2]) for r in ROWS) / len(ROWS)
        model = plain = 0
        for user, item, rating, _ in ROWS[:60]:
            model += (self.predict(self.job_done, user, item)[0] - float(rating)) ** 2
            plain += (mean - float(rating)) ** 2
        self.assertLess(model, plain * 0.6)

    def test_unknown_users_and_items_are_predicted_and_reported(self):
        """From the biases that are known."""
        user, item = ROWS[0][:2]
        known, _ = self.predict(self.job_done, user, item)
        a, line = self.predict(self.job_done, "unknown-user", item)
        self.assertIn("known_user=false", line)
        self.assertNotIn("known_item=false", line)
        b, line = self.predict(self.job_done, user, "nothing")
        self.assertIn("known_item=false", line)
        self.assertNotIn("known_user=false", line)
        c, line = self.predict(self.job_done, "unknown-user", "nothing")
        self.assertIn("known_user=false", line)
        self.assertIn("known_item=false", line)
        mean = sum(float(r[2]) for r in ROWS) / len(ROWS)
        self.assertAlmostEqual(mean, c, delta=0.25)
        self.assertEqual(4, len({known, a, b, c}))

    def test_an_item_everyone_likes_is_liked_by_an_unknown_user(self):
        """The bias of the item counts for a user who is not known."""
        by_item = {}
        for _, item, rating, _ in ROWS:
            by_item.setdefault(item, []).append(float(rating))
        many = sorted((sum(r) / len(r), i) for i, r in by_item.items() if len(r) > 10)
        worst, _ = self.predict(self.job_done, "unknown-user", many[0][1])
        best, _ = self.predict(self.job_done, "unknown-user", many[-1][1])
        self.assertLess(worst, best)

    def test_it_changes_nothing(self):
        """No log, no failure file, no new file; also when the tree is read-only."""
        before = self.job_done.tree()
        self.predict(self.job_done, "1", "1000")
        self.run_train(self.job_done, "--predict", "x", "y", write_config=False)
        self.assertEqual(before, self.job_done.tree())

    def test_ids_that_are_odd_are_only_unknown(self):
        """Empty, very long, not UTF-8, with control characters."""
        for user in ("", "x" * 5000, os.fsdecode(b"\xff\xfe"), "\x1b[31m", "-1", "--help"):
            with self.subTest(user=user[:9]):
                result = self.run_train(self.job_done, "--predict", user, "1000", write_config=False)
                if result.status == 0:
                    self.assertIn("known_user=false", result.stdout)
                else:
                    self.assertIn(result.status, (1, 2), result)
                    self.assertTrue(result.stderr)
                self.assertNotIn("\x1b", result.log_text())

    def test_without_a_model_it_fails_with_the_path(self):
        """And exit 1."""
        job = self.job()
        result = self.run_train(job, "--predict", "1", "2", write_config=False)
        self.assertEqual(1, result.status, result)
        self.assertIn("model.bin", result.stderr)
        self.assertEqual("", result.stdout)

    def test_it_works_while_nothing_can_be_written(self):
        """A full disk does not prevent a prediction."""
        result = self.run_train(self.job_done, "--predict", "1", "1000", write_config=False,
                                wrapper=file_size_limit(0))
        self.assertEqual(0, result.status, result)


if __name__ == "__main__":
    unittest.main()
