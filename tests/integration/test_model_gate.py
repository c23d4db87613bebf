"""Channel `current`: a new model is compared with the one in service, and the gate decides."""

import gzip
import io
import json
import random
import signal
import tarfile
import unittest

from programs import BIN
from samples import csv, planted
from train_case import TrainCase

ROWS = planted(n_ratings=6000)
HELD_OUT = dict(validation_fraction=0.2, validation_split="time", n_epochs=12, n_factors=8)


def packed(model):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        info = tarfile.TarInfo("model.bin")
        info.size = len(model)
        tar.addfile(info, io.BytesIO(model))
    return raw.getvalue()


def shuffled(rows, seed=3):
    """The same pairs, with each other's ratings."""
    ratings = [row[2] for row in rows]
    random.Random(seed).shuffle(ratings)
    return [(user, item, rating, time) for (user, item, _, time), rating in zip(rows, ratings)]


def renamed(rows, user="other-"):
    return [(user + row[0], *row[1:]) for row in rows]


class ModelGate(TrainCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._models = {}

    def current(self, rows=ROWS, **settings):
        """The bytes of a model of these rows."""
        key = (hash(tuple(rows)), tuple(sorted(settings.items())))
        if key not in self._models:
            job = self.job_on(rows, **{**HELD_OUT, **settings})
            self.train(job)
            self._models[key] = job.bytes()
        return self._models[key]

    def gated(self, rows, current, **settings):
        """(gate.json, job, result) of a job with these files, or this model, in channel current."""
        job = self.job_on(rows, **{**HELD_OUT, **settings})
        return self.run_gated(job, current)

    def run_gated(self, job, current):
        files = current if isinstance(current, dict) else {"model.tar.gz": packed(current)}
        job.channel("current", files)
        (job.data / "current").mkdir(exist_ok=True)
        result = self.train(job)
        self.assertEqual(["model.bin"], self.model_files(job), result)
        gate = json.loads((job.output / "data" / "gate.json").read_text(encoding="utf-8"))
        lines = [line for line in result.stdout.split("\n") if line.startswith("gate_promote=")]
        self.assertEqual(1, len(lines), result)
        self.assertTrue(lines[0].startswith(f"gate_promote={int(gate['promote'])} "), lines)
        self.assertTrue(lines[0].endswith(f' reason="{gate["reason"]}"'), lines)
        self.assertEqual({k: v for k, v in gate.items() if k != "new"}, job.metrics()["gate"])
        return gate, job, result

    def assertRefused(self, gate, *words):
        self.assertFalse(gate["promote"], gate)
        for word in words:
            self.assertIn(word, gate["reason"])

    # -- figures decide

    def test_a_model_like_the_one_in_service_is_promoted(self):
        gate, job, result = self.gated(ROWS, self.current())
        self.assertTrue(gate["promote"], gate)
        self.assertIn("not significantly worse than the model in service", gate["reason"])
        for figure in (gate["ndcg_at_10"], gate["rmse"]):
            self.assertEqual(figure["new"], figure["current"])
            self.assertEqual(0, figure["difference"])
            self.assertFalse(figure["significantly_worse"])
        self.assertGreater(gate["ndcg_at_10"]["users"], 100)
        self.assertEqual("validation_fraction 0.2, validation_split time",
                         gate["held_out"]["source"])
        self.assertEqual(gate["held_out"]["ratings"], gate["held_out"]["compared"])
        self.assertEqual(gate["new"]["checksum"], gate["current"]["checksum"])
        self.assertTrue(gate["current"]["file"].endswith("model.tar.gz: model.bin"))
        self.assertEqual(job.metrics()["data"], gate["new"]["data"])

    def test_the_gate_does_not_change_the_model(self):
        alone = self.job_on(ROWS, **HELD_OUT)
        self.train(alone)
        for current in (self.current(), self.current(shuffled(ROWS)), {}, {"a.txt": "foreign"}):
            _, job, _ = self.gated(ROWS, current, gate_level=0.3)
            self.assertSameModel(alone.bytes(), job)

    def test_figures_are_those_of_the_models_own_validation(self):
        gate, job, _ = self.gated(ROWS, self.current(n_epochs=3))
        final = job.metrics()["final"]
        self.assertAlmostEqual(final["validation_rmse"], gate["rmse"]["new"], 5)
        self.assertAlmostEqual(final["validation_lists"]["ndcg_at_10"], gate["ndcg_at_10"]["new"], 5)
        self.assertGreater(gate["rmse"]["current"], gate["rmse"]["new"])

    def test_shuffled_ratings_are_refused_and_the_model_is_written(self):
        """The held-out ratings are the true ones, or nothing could tell which model is right."""
        job = self.with_validation(shuffled(ROWS[1000:]), ROWS[:1000])
        gate, job, _ = self.run_gated(job, self.current(ROWS[1000:], validation_fraction=0))
        self.assertRefused(gate, "significantly worse than the model in service")
        self.assertTrue(gate["rmse"]["significantly_worse"])
        self.assertGreater(gate["rmse"]["difference_low"], 0)
        self.assertGreater(job.model_bin.stat().st_size, 64)
        self.assertFalse(job.failure.exists())

    def test_the_other_way_round_the_better_model_is_promoted(self):
        job = self.with_validation(ROWS[1000:], ROWS[:1000])
        gate, _, _ = self.run_gated(job, self.current(shuffled(ROWS[1000:]), validation_fraction=0))
        self.assertTrue(gate["promote"], gate)
        self.assertLess(gate["rmse"]["difference_high"], 0)

    def test_the_level_widens_the_interval(self):
        width = lambda level: (lambda f: f["difference_high"] - f["difference_low"])(
            self.gated(ROWS, self.current(n_epochs=3), gate_level=level)[0]["rmse"])
        self.assertLess(width(0.5), width(0.05))
        self.assertLess(width(0.05), width(0.001))

    def test_threads_change_no_figure(self):
        first, _, _ = self.gated(ROWS, self.current(n_epochs=3), n_threads=1)
        second, _, _ = self.gated(ROWS, self.current(n_epochs=3), n_threads=4)
        for gate in (first, second):
            gate["current"].pop("file")
        self.assertEqual(first, second)

    # -- which ratings and users count

    def with_validation(self, rows, validation, **settings):
        job = self.job_on(rows, **{**HELD_OUT, "validation_fraction": 0, **settings})
        return job.channel("validation", {"held-out.csv": csv(validation)})

    def test_ratings_that_one_of_the_models_has_learned_are_left_out(self):
        """Of 1000 held-out ratings the model in service has learned 400, the new one 100."""
        held_out, rest = ROWS[:1000], ROWS[1000:]
        job = self.with_validation(rest + held_out[900:], held_out)
        gate, _, _ = self.run_gated(
            job, self.current(rest + held_out[:400], validation_fraction=0))
        self.assertEqual({"source": "channel validation", "ratings": 1000, "compared": 500,
                          "of_unknown_users": 0, "trained_on": 500}, gate["held_out"])
        # Otherwise the model in service would know 40 % of the held-out ratings.
        self.assertAlmostEqual(gate["rmse"]["new"], gate["rmse"]["current"], delta=0.03)

    def test_ratings_that_both_held_out_are_compared(self):
        """The model in service held out each user's newest ratings too: it has not learned them."""
        gate, _, _ = self.gated(ROWS, self.current(ROWS[:5900]))
        self.assertGreater(gate["held_out"]["compared"], 0.9 * gate["held_out"]["ratings"])
        self.assertTrue(gate["promote"], gate)

    def test_users_whom_only_one_model_knows_are_left_out(self):
        some = {str(n) for n in range(1, 51)}
        old = [row for row in ROWS if row[0] not in some]
        gate, _, _ = self.gated(ROWS, self.current(old))
        self.assertGreater(gate["held_out"]["of_unknown_users"], 100)
        self.assertEqual(gate["held_out"]["ratings"],
                         gate["held_out"]["compared"] + gate["held_out"]["of_unknown_users"])
        self.assertLessEqual(gate["rmse"]["users"], 150)

    def test_items_that_only_one_model_knows_count(self):
        """A feed that lost half of the items: lists of the rest find less of what users liked."""
        held_out, rest = ROWS[:1500], ROWS[1500:]
        lost = {row[1] for row in ROWS if int(row[1]) % 2}
        job = self.with_validation([row for row in rest if row[1] not in lost], held_out)
        gate, _, _ = self.run_gated(job, self.current(rest, validation_fraction=0))
        self.assertEqual(1500, gate["held_out"]["compared"])
        self.assertRefused(gate, "significantly worse")
        job = self.with_validation(rest, held_out)
        gate, _, _ = self.run_gated(
            job, self.current([row for row in rest if row[1] not in lost], validation_fraction=0))
        self.assertEqual(1500, gate["held_out"]["compared"])
        self.assertTrue(gate["promote"], gate)

    def test_what_users_rated_since_is_no_miss_of_the_model_in_service(self):
        """Items that only the new model has been trained on stay out of both lists. `evaluate` lists
        them for the model in service, which does not know better, and so it finds less."""
        settings = dict(relevant_rating=3.5)
        held_out, rest = ROWS[:1000], ROWS[1000:]
        old = [row for n, row in enumerate(rest) if n % 3]
        current = self.current(old, validation_fraction=0, **settings)
        job = self.with_validation(rest, held_out, **settings)
        gate, _, _ = self.run_gated(job, current)
        model, data, figures = (self.folder / n for n in ("model.bin", "held.csv", "figures.json"))
        model.write_bytes(current)
        data.write_text(csv(held_out), encoding="utf-8")
        result = self.start(None, "--data", data, "--model", model, "--relevant-rating", "3.5",
                            "--json", figures, program=BIN / "evaluate").wait()
        self.assertEqual(0, result.status, result)
        alone = json.loads(figures.read_text(encoding="utf-8"))["lists"]["ranking"]
        self.assertEqual(alone["users"], gate["ndcg_at_10"]["users"])
        self.assertGreater(gate["ndcg_at_10"]["current"], alone["ndcg"]["mean"] + 0.005)

    # -- no comparison

    def test_an_empty_channel_means_the_first_model(self):
        for files in ({}, {"_SUCCESS": "", ".hidden": "x"}):
            gate, _, _ = self.gated(ROWS, files)
            self.assertTrue(gate["promote"])
            self.assertIn("there is no model in service yet", gate["reason"])
            self.assertIsNone(gate["current"])
            self.assertIsNone(gate["rmse"])

    def test_a_file_that_cannot_be_read_as_a_model_is_refused_with_its_reason(self):
        model = self.current()
        flipped = bytearray(model)
        flipped[len(flipped) // 2] ^= 4
        newer = model[:8] + b"\x63" + model[9:]
        older = model[:8] + b"\0" + model[9:]
        whole = packed(model)
        cases = {
            "foreign": ({"weights.h5": b"x"}, "holds neither model.tar.gz nor model.bin"),
            "another program's": ({"model.bin": b"xgb" * 500}, "model.bin"),
            "empty file": ({"model.bin": b""}, "empty"),
            "no archive": ({"model.tar.gz": b"hello" * 99}, "model.tar.gz"),
            "archive cut": ({"model.tar.gz": whole[: len(whole) // 2]}, "model.tar.gz"),
            "archive of something else": ({"model.tar.gz": gzip.compress(b"x" * 4096)}, "tar"),
            "flipped bit": ({"model.bin": bytes(flipped)}, "model.bin"),
            "cut": ({"model.bin": model[:-100]}, "model.bin"),
            "newer": ({"model.bin": newer}, "version 99"),
            "older": ({"model.bin": older}, "version 0"),
            "two models": ({"a/model.bin": model, "b/model.bin": self.current(n_epochs=3)}, "more than one model"),
        }
        for label, (files, word) in cases.items():
            with self.subTest(label):
                gate, _, result = self.gated(ROWS, files)
                self.assertRefused(gate, "the model in service cannot be read, so nothing was "
                                         "compared: ", word)
                self.assertIsNone(gate["ndcg_at_10"])
                self.assertIn("will not be promoted", result.stderr)

    def test_without_users_in_common_it_is_refused(self):
        gate, _, _ = self.gated(renamed(ROWS), self.current())
        self.assertRefused(gate, "0 users have something to compare, and 20 are needed")
        self.assertEqual(gate["held_out"]["ratings"], gate["held_out"]["of_unknown_users"])

    def test_with_too_few_users_it_is_refused(self):
        few = {str(n) for n in range(1, 16)}
        rows = [row if row[0] in few else renamed([row])[0] for row in ROWS]
        gate, _, _ = self.gated(rows, self.current())
        self.assertRefused(gate, "users have something to compare, and 20 are needed")
        self.assertGreater(gate["held_out"]["compared"], 0)
        self.assertIsNotNone(gate["rmse"])

    def test_a_part_that_is_missing_is_refused_and_one_more_is_fine(self):
        pairs = [(u, i, "1", t) for u, i, _, t in ROWS]
        cases = [
            ("ranking lost", ROWS, dict(ranking="false"), self.current(), "no ranking model"),
            ("rating lost", pairs, {}, self.current(), "no rating model"),
            ("ranking won", ROWS, {}, self.current(ROWS[:5000], ranking="false"), None),
            ("both without ranking", ROWS, dict(ranking="false"),
             self.current(ROWS[:5000], ranking="false"), None),
            ("rating won", ROWS, {}, self.current(pairs), None),
            ("both without rating", pairs, {}, self.current(pairs), None),
        ]
        for label, rows, settings, current, word in cases:
            with self.subTest(label):
                gate, _, _ = self.gated(rows, current, **settings)
                if word is not None:
                    self.assertRefused(gate, f"the new model has {word}")
                    continue
                self.assertGreater(gate["ndcg_at_10"]["users"], 100)
                self.assertEqual("rating" in label, gate["rmse"] is None, gate)

    def test_without_held_out_ratings_the_job_fails_before_training(self):
        job = self.job_on(ROWS).channel("current", {"model.bin": self.current()})
        result = self.run_train(job)
        self.assertFailed(job, result, "channel current", "validation_fraction",
                          "channel validation")
        self.assertEqual([], result.epochs)

    def test_a_stopped_job_is_not_promoted(self):
        job = self.job_on(ROWS, **{**HELD_OUT, "n_epochs": 100000})
        job.channel("current", {"model.bin": self.current()})
        pipe = self.gate(4000)
        run = self.start(job, stdout=pipe.write_end)
        self.assertTrue(pipe.wait_until_blocked(run))
        run.signal(signal.SIGTERM)
        pipe.drain()
        result = run.wait(60)
        self.assertEqual(0, result.status, result)
        gate = json.loads((job.output / "data" / "gate.json").read_text(encoding="utf-8"))
        self.assertRefused(gate, "training was stopped before its end")

    def test_no_channel_no_gate(self):
        job = self.job_on(ROWS, **HELD_OUT)
        result = self.train(job)
        self.assertTrained(job, result)  # no gate.json
        self.assertNotIn("gate_promote", result.stdout)
        self.assertNotIn("gate", job.metrics())


if __name__ == "__main__":
    unittest.main()
