"""Checklist 55-64 (docs/sagemaker.md): checkpoints, and runs that are killed and resumed.

One criterion for everything: a run that was killed and resumed ends with the bytes of
an undisturbed run, and each printed epoch has the same figures."""

import os
import re
import shutil
import signal
import time
import unittest

from epochs import figures
from programs import STOP_DEADLINE
from samples import csv, planted, real_ratings
from sanitizers import SANITIZED
from train_case import TrainCase

ALL = planted(300, 150, 6800)
ROWS, CHECK = ALL[:6000], ALL[6000:]
EPOCHS = 12
# checkpoint-<which run>-<epoch>.mfck, and the ranking model's; checkpoints.h.
NAME = re.compile(r"checkpoint-([0-9a-f]{8})-(\d{6})\.mfck")
RANKING_NAME = re.compile(r"checkpoint-([0-9a-f]{8})-ranking-(\d{6})\.mfck")
# Capacity for a few epoch lines: the run blocks after them (gate.Gate).
FEW_LINES = 400


def epoch_of(name):
    match = NAME.fullmatch(name)
    return int(match.group(2)) if match else None


class CheckpointCase(TrainCase):
    def setUp(self):
        super().setUp()
        self._references = {}

    def checkpointed(self, validation=False, **more):
        job = self.job(**{"n_epochs": EPOCHS, "n_factors": 16, "checkpoint_every": 1, **more})
        job.channel("train", {"ratings.csv": csv(ROWS)})
        if validation:
            job.channel("validation", {"ratings.csv": csv(CHECK)})
        return job.keep_checkpoints()

    def reference(self, validation=False, **more):
        """(bytes, {epoch: figures}) of the undisturbed run, without checkpoints."""
        key = (validation, *sorted(more.items()))
        if key not in self._references:
            job = self.checkpointed(validation, **more)
            shutil.rmtree(job.checkpoints)
            result = self.train(job)
            self._references[key] = (job.bytes(), {e["epoch"]: e for e in figures(result)})
        return self._references[key]

    def assertAsUndisturbed(self, job, results, **reference):
        model, epochs = self.reference(**reference)
        for result in results:
            for line in figures(result):
                self.assertEqual(epochs[line["epoch"]], line, result)
        self.assertSameModel(model, job)
        told = [str(e["epoch"]) for e in job.metrics()["epochs"]]
        self.assertEqual(list(epochs), told, "metrics.json has every epoch once")

    def blocked(self, job, capacity=FEW_LINES):
        """Starts the job; it blocks in the write of an epoch line."""
        gate = self.gate(capacity)
        run = self.start(job, stdout=gate.write_end)
        self.assertTrue(gate.wait_until_blocked(run), "ended before its output was full")
        return run, gate

    def kill(self, run):
        run.signal(signal.SIGKILL)
        return run.wait()

    def cut(self, job, capacity=FEW_LINES):
        """SIGKILL in the middle of a run. Returns the last epoch that was printed."""
        run, gate = self.blocked(job, capacity)
        result = self.kill(run)
        self.assertEqual(-signal.SIGKILL, result.status, result)
        lines = re.findall(r"^epoch=(\d+) .*\n", gate.drain(), re.MULTILINE)
        self.assertTrue(lines, f"no epoch was printed{result}")
        return int(lines[-1])

    def first_epoch(self, result):
        return int(result.epochs[0]["epoch"]) if result.epochs else None

    def epochs_on_disk(self, job):
        return sorted(filter(None, map(epoch_of, job.checkpoint_names())))

    def newest(self, job):
        return max((n for n in job.checkpoint_names() if epoch_of(n)), key=epoch_of)

    def run_name(self, **job):
        """The part of its names that identifies the run: of a job that is run for it."""
        source = self.checkpointed(**job)
        self.train(source)
        return NAME.fullmatch(self.newest(source)).group(1)


class WhereAndWhat(CheckpointCase):
    def test_without_a_checkpoint_folder_none_is_made(self):
        """Checklist 55."""
        job = self.checkpointed()
        shutil.rmtree(job.checkpoints)
        self.assertTrained(job, self.train(job))
        self.assertEqual({"input", "model", "output"}, {p.name for p in job.prefix.iterdir()})

    def test_the_default_folder_is_used_when_it_is_there(self):
        """Checklist 56: and checkpoints change nothing in the model."""
        job = self.checkpointed()
        result = self.train(job)
        self.assertTrained(job, result)
        self.assertAsUndisturbed(job, [result])
        self.assertTrue(self.epochs_on_disk(job), "nothing was written")

    def test_the_path_in_checkpointconfig_is_honoured(self):
        """Checklist 56: also when the folder is not there yet, and the default one is."""
        for exists in (True, False):
            with self.subTest(exists=exists):
                job = self.checkpointed()
                place = self.folder / f"elsewhere-{exists}" / "points"
                if exists:
                    place.mkdir(parents=True)
                job.config["checkpointconfig.json"] = {"LocalPath": str(place) + "/",
                                                       "S3Uri": "s3://bucket/x", "Other": None}
                result = self.train(job)
                self.assertAsUndisturbed(job, [result])
                self.assertEqual([], job.checkpoint_names(), "not in the default folder")
                names = os.listdir(place)
                self.assertTrue(all(NAME.fullmatch(name) or RANKING_NAME.fullmatch(name)
                                    for name in names), names)
                self.assertTrue(any(map(epoch_of, names)), names)

    def test_a_config_without_a_path_means_the_default_folder(self):
        """Checklist 56: the folder is made then; /opt/ml/checkpoints means the prefix's."""
        for content in ({}, {"LocalPath": "/opt/ml/checkpoints"}):
            with self.subTest(content=content):
                job = self.checkpointed()
                shutil.rmtree(job.checkpoints)
                job.config["checkpointconfig.json"] = content
                self.train(job)
                self.assertTrue(self.epochs_on_disk(job))

    def test_a_config_that_is_not_usable_fails_with_its_name(self):
        """Checklist 56: a spot job must not start without its checkpoints."""
        for content in (b"nonsense", b"[]", b'{"LocalPath": 5}', b'{"LocalPath": "relative"}'):
            with self.subTest(content=content):
                job = self.checkpointed()
                job.config["checkpointconfig.json"] = content
                self.assertFailed(job, self.run_train(job), "checkpointconfig.json")

    def test_at_most_three_remain_and_they_are_the_newest(self):
        """Checklist 64."""
        job = self.checkpointed()
        watch = self.watch()
        watch.add(job.checkpoints, "points", "MOVED_TO")
        self.train(job)
        self.assertEqual([EPOCHS - 2, EPOCHS - 1, EPOCHS], self.epochs_on_disk(job))
        names = [name for _, _, name in watch.poll()]
        seen = [epoch_of(name) for name in names if not RANKING_NAME.fullmatch(name)]
        self.assertEqual(set(range(1, EPOCHS + 1)), set(seen), "one for each epoch")
        ranking = sorted({name for name in names if RANKING_NAME.fullmatch(name)})
        self.assertGreater(len(ranking), 3)
        self.assertEqual(ranking[-3:], [name for name in job.checkpoint_names()
                                        if RANKING_NAME.fullmatch(name)])

    def test_how_many_remain_and_how_often_can_be_set(self):
        """Checklist 64: checkpoint_keep, checkpoint_every."""
        job = self.checkpointed(checkpoint_keep=2, checkpoint_every=5)
        watch = self.watch()
        watch.add(job.checkpoints, "points", "MOVED_TO")
        result = self.train(job)
        seen = {epoch_of(name) for _, _, name in watch.poll() if not RANKING_NAME.fullmatch(name)}
        self.assertLessEqual({5, 10}, seen)
        self.assertLessEqual(seen, {5, 10, EPOCHS}, "the end may have one, others may not")
        self.assertLessEqual(len(self.epochs_on_disk(job)), 2)
        self.assertIn(10, self.epochs_on_disk(job))
        self.assertEqual(EPOCHS, len(result.epochs))

    def test_a_single_one_can_be_kept(self):
        """Checklist 64: the old one is deleted only after the new one is complete."""
        job = self.checkpointed(checkpoint_keep=1)
        watch = self.watch()
        watch.add(job.checkpoints, "points", "MOVED_TO", "DELETE")
        self.train(job)
        self.assertEqual(1, len(self.epochs_on_disk(job)))
        present, low = set(), None
        for _, what, name in watch.poll():
            if epoch_of(name):
                (present.add if what == "MOVED_TO" else present.discard)(name)
                low = len(present) if low is None else min(low, len(present))
        self.assertEqual(1, low, "there was a moment without any")

    def test_a_name_appears_only_by_rename_and_is_complete_then(self):
        """Checklist 58: inotify sees every creation; a name that ends in .sagemaker-ignore
        comes first, and nothing is ever written under a final name."""
        job = self.checkpointed()
        watch = self.watch()
        watch.add(job.checkpoints, "points")
        self.train(job)
        events = watch.poll()
        self.assertTrue(any(what == "MOVED_TO" for _, what, _ in events))
        for _, what, name in events:
            if what in ("CREATE", "MODIFY"):
                self.assertTrue(name.endswith(".sagemaker-ignore"), (what, name))
            elif what == "MOVED_TO":
                self.assertTrue(NAME.fullmatch(name) or RANKING_NAME.fullmatch(name), name)
        self.assertEqual([], [n for n in job.checkpoint_names()
                              if not NAME.fullmatch(n) and not RANKING_NAME.fullmatch(n)])

    def test_every_file_under_a_final_name_can_be_resumed_from(self):
        """Checklist 58: each checkpoint of a run, taken alone, leads to the same end."""
        job = self.checkpointed(checkpoint_keep=EPOCHS)
        self.train(job)
        names = job.checkpoint_names()
        self.assertEqual(list(range(1, EPOCHS + 1)), self.epochs_on_disk(job))
        self.assertTrue(any(map(RANKING_NAME.fullmatch, names)), names)
        for name in names[:: 4 if SANITIZED else 1]:
            with self.subTest(name):
                again = self.checkpointed(checkpoint_keep=EPOCHS)
                shutil.copy(job.checkpoints / name, again.checkpoints / name)
                result = self.train(again)
                expected = (epoch_of(name) or 0) + 1  # the ranking model's alone: from the start
                self.assertEqual(expected if expected <= EPOCHS else None,
                                 self.first_epoch(result), result)
                self.assertSameModel(self.reference(checkpoint_keep=EPOCHS)[0], again)


class Cut(CheckpointCase):
    """Checklist 57: a run killed with SIGKILL anywhere and resumed ends
    with the same bytes in model.bin as one that was not."""

    def test_killed_in_the_middle_and_resumed(self):
        """Checklist 57: it continues, it does not begin again."""
        job = self.checkpointed()
        last = self.cut(job)
        self.assertEqual([], self.model_files(job), "nothing yet")
        job.forget_results()
        result = self.train(job)
        self.assertGreaterEqual(self.first_epoch(result), max(2, last))
        self.assertLessEqual(self.first_epoch(result), last + 2)
        self.assertTrained(job, result)
        self.assertAsUndisturbed(job, [result])

    def test_killed_again_and_again(self):
        """Checklist 57: each start runs a few epochs more."""
        job = self.checkpointed()
        starts = 0
        gate = self.gate(250)
        while True:
            run = self.start(job, stdout=gate.write_end)
            if not gate.wait_until_blocked(run):
                break
            self.kill(run)
            gate.drain()
            gate.close()
            gate = self.gate(250)
            starts += 1
            job.forget_results()
            self.assertLess(starts, 3 * EPOCHS, "no progress")
        self.assertGreater(starts, 2)
        run.wait()
        self.assertAsUndisturbed(job, [])

    def test_killed_between_checkpoints(self):
        """Checklist 57: the epochs since the last one are done again, with equal figures."""
        job = self.checkpointed(checkpoint_every=3)
        self.cut(job, capacity=560)
        kept = self.epochs_on_disk(job)
        self.assertTrue(kept and all(e % 3 == 0 for e in kept), kept)
        job.forget_results()
        result = self.train(job)
        self.assertEqual(max(kept) + 1, self.first_epoch(result))
        self.assertAsUndisturbed(job, [result], checkpoint_every=3)

    def test_killed_with_validation_data_keeps_the_best_epoch_from_before(self):
        """Checklist 57: overfitting on purpose, so that the best epoch lies before the cut."""
        hard = {"n_factors": 64, "learning_rate": 0.1, "regularization": 0.0001,
                "bias_regularization": 0.0001, "n_epochs": 30}
        _, epochs = self.reference(validation=True, **hard)
        best = min(epochs.values(), key=lambda e: float(e["validation_rmse"]))
        self.assertLess(int(best["epoch"]), 20, "does not overfit: the test needs other settings")
        job = self.checkpointed(validation=True, **hard)
        capacity = 110 * (int(best["epoch"]) + 4)
        if capacity > 3800:
            self.not_here("the best epoch comes too late for a pipe of one page")
        last = self.cut(job, capacity)
        self.assertGreater(last, int(best["epoch"]))
        job.forget_results()
        result = self.train(job)
        self.assertGreater(self.first_epoch(result), int(best["epoch"]))
        self.assertAsUndisturbed(job, [result], validation=True, **hard)

    def test_killed_while_early_stopping_counts(self):
        """Checklist 57: the epochs without improvement before the cut count after it."""
        hard = {"n_factors": 64, "learning_rate": 0.1, "regularization": 0.0001,
                "bias_regularization": 0.0001, "n_epochs": 100, "early_stopping_patience": 4}
        _, epochs = self.reference(validation=True, **hard)
        self.assertLess(len(epochs), 30, "does not stop early")
        job = self.checkpointed(validation=True, **hard)
        last = self.cut(job, 100 * (len(epochs) - 1))
        self.assertGreaterEqual(last, len(epochs) - 5)
        job.forget_results()
        result = self.train(job)
        self.assertAsUndisturbed(job, [result], validation=True, **hard)

    def test_killed_with_a_held_out_fraction(self):
        """Checklist 57: the split is the same after a resume."""
        split = {"validation_fraction": 0.2}
        job = self.checkpointed(**split)
        self.cut(job)
        job.forget_results()
        result = self.train(job)
        self.assertGreater(self.first_epoch(result), 1)
        self.assertAsUndisturbed(job, [result], **split)

    def test_resumed_with_another_number_of_threads(self):
        """Checklist 57: the next spot instance may be of another size."""
        job = self.checkpointed(n_threads=1)
        self.cut(job)
        job.forget_results()
        job.set(n_threads=3)
        result = self.train(job)
        self.assertGreater(self.first_epoch(result), 1)
        self.assertSameModel(self.reference()[0], job)

    def test_resumed_with_other_settings_that_do_not_shape_the_model(self):
        """Checklist 57, 62: only settings that shape the model make a checkpoint unusable."""
        job = self.checkpointed()
        self.cut(job)
        job.forget_results()
        job.set(checkpoint_every=2, checkpoint_keep=5)
        result = self.train(job)
        self.assertGreater(self.first_epoch(result), 1)
        self.assertSameModel(self.reference()[0], job)

    def test_killed_while_a_checkpoint_is_written(self):
        """Checklist 57, 58: killed while the temporary file exists; it is no obstacle and
        is not read."""
        caught = 0
        for n in range(12):
            job = self.checkpointed(n_factors=256)
            watch = self.watch()
            watch.add(job.checkpoints, "points", "CREATE", "MOVED_TO")
            run = self.start(job)
            created = lambda: sum(what == "CREATE" for _, what, _ in watch.poll()) > 1 + n % 3
            run.wait_until(created, "a checkpoint begun")
            self.kill(run)
            caught += any(name.endswith(".sagemaker-ignore") for name in job.checkpoint_names())
            job.forget_results()
            result = self.train(job)
            self.assertAsUndisturbed(job, [result], n_factors=256)
            if caught >= 2:
                break
        self.assertGreater(caught, 0, "a checkpoint was never caught half-written")

    def test_killed_while_the_model_is_written(self):
        """Checklist 57, 63: all epochs are done; the next start only writes."""
        self.bare_only("an engine is too slow to meet the moment")
        caught = 0
        for _ in range(12):
            job = self.checkpointed(n_factors=256)
            watch = self.watch()
            watch.add(job.model, "model", "MODIFY")
            run = self.start(job)
            run.wait_until(lambda: watch.seen("MODIFY", "model.bin.*"), "writing")
            self.kill(run)
            caught += not job.model_bin.exists()
            if job.model_bin.exists():
                self.assertUsableModel(job, ROWS)  # complete, whatever was cut after it
            job.forget_results()
            result = self.train(job)
            self.assertEqual([], result.epochs, "nothing to train")
            self.assertAsUndisturbed(job, [result], n_factors=256)
            if caught >= 2:
                break
        self.assertGreater(caught, 0, "the model was never caught half-written")

    def test_killed_at_any_moment(self):
        """Checklist 57: a sweep over the length of a run; the moment of the kill is not
        chosen, and must not matter."""
        started = time.monotonic()
        self.train(self.checkpointed())
        whole = time.monotonic() - started
        moments = 8 if SANITIZED else 24
        for n in range(moments):
            with self.subTest(moment=f"{n}/{moments}"):
                job = self.checkpointed()
                run = self.start(job)
                time.sleep(whole * n / moments)
                self.kill(run)
                job.forget_results()
                result = self.train(job)
                self.assertAsUndisturbed(job, [result])

    def test_the_same_tree_with_all_that_a_killed_run_left(self):
        """Checklist 57: model/ and output/ as the killed run left them, as on a laptop."""
        job = self.checkpointed()
        self.cut(job)
        (job.model / "model.bin.sagemaker-ignore").write_bytes(b"half a model")
        result = self.train(job)
        self.assertTrained(job, result)
        self.assertAsUndisturbed(job, [result])

    def test_sigterm_saves_a_checkpoint_and_the_next_start_resumes(self):
        """Checklist 57, 49, 50: though the next regular checkpoint was far away."""
        job = self.job_on(real_ratings(), n_factors=32, n_epochs=60, checkpoint_every=1000)
        job.keep_checkpoints()
        undisturbed = self.job_on(real_ratings(), n_factors=32, n_epochs=60,
                                  checkpoint_every=1000)
        expected = {e["epoch"]: e for e in figures(self.train(undisturbed))}
        run = self.start(job)
        run.wait_for(r"^epoch=3 ")
        run.signal(signal.SIGTERM)
        first = run.wait(STOP_DEADLINE)
        self.assertEqual(0, first.status, first)
        self.assertEqual(["model.bin"], self.model_files(job))
        self.assertLess(len(first.epochs), 60, "ended before the signal: use more epochs")
        self.assertEqual(1, len(job.checkpoint_names()), job.checkpoint_names())
        job.forget_results()
        second = self.train(job)
        self.assertEqual(len(first.epochs) + 1, self.first_epoch(second), second)
        for line in figures(first) + figures(second):
            self.assertEqual(expected[line["epoch"]], line)
        self.assertSameModel(undisturbed, job)

    def test_sigterm_again_and_again(self):
        """Checklist 57, 49: spot instances that last a few epochs each, and the last one long
        enough for the ranking model."""
        settings = {"n_factors": 32, "n_epochs": 20, "checkpoint_every": 1000}
        undisturbed = self.job_on(real_ratings(), **settings)
        self.train(undisturbed)
        job = self.job_on(real_ratings(), **settings).keep_checkpoints()
        done = 0
        for _ in range(20):
            run = self.start(job)
            run.wait_until(lambda: re.search(r"^epoch=", run.text(), re.MULTILINE), "an epoch")
            run.signal(signal.SIGTERM)
            result = run.wait(STOP_DEADLINE)
            self.assertEqual(0, result.status, result)
            self.assertEqual(done + 1, self.first_epoch(result), result)
            done += len(result.epochs)
            job.forget_results()
            if done == 20:
                break
        self.assertEqual(20, done)
        self.assertEqual([], self.train(job).epochs)
        self.assertSameModel(undisturbed, job)


class ForeignFiles(CheckpointCase):
    def test_markers_and_foreign_files_are_neither_parsed_nor_deleted(self):
        """Checklist 59."""
        job = self.checkpointed()
        other = self.checkpointed()
        self.train(other)
        good = (other.checkpoints / self.newest(other)).read_bytes()
        run = NAME.fullmatch(self.newest(other)).group(1)
        planted_files = {
            f"checkpoint-{run}-000099.mfck.sagemaker-uploading": b"",
            f"checkpoint-{run}-000099.mfck.sagemaker-uploaded": b"",
            # A complete checkpoint under each of these names: resuming from it would show.
            f"checkpoint-{run}-000098.mfck.sagemaker-ignore": good,
            f"xcheckpoint-{run}-000097.mfck": good, f"checkpoint-{run}-000096.mfck.bak": good,
            f"checkpoint-{run}-12.mfck": good, "checkpoint-000012.mfck": good,
            f"checkpoint-algo-1-{run}-000012.mfck": good, f"CHECKPOINT-{run}-000012.MFCK": good,
            f"checkpoint-{run}--00012.mfck": good, f"checkpoint-{run}-00001x.mfck": good,
            "xgboost-checkpoint.7": b"another program's", "notes.txt": b"mine",
            ".hidden": b"x", "metadata.json": b"{}"}
        for name, content in planted_files.items():
            (job.checkpoints / name).write_bytes(content)
        (job.checkpoints / f"checkpoint-{run}-000095.mfck").mkdir()
        (job.checkpoints / "folder").mkdir()
        (job.checkpoints / "folder" / f"checkpoint-{run}-000012.mfck").write_bytes(good)
        before = job.tree("checkpoints")
        result = self.train(job)
        self.assertEqual(1, self.first_epoch(result), "took a file that is not a checkpoint")
        self.assertAsUndisturbed(job, [result])
        after = job.tree("checkpoints")
        for name, what in before.items():
            self.assertEqual(what, after.get(name), name)

    def test_a_folder_with_the_name_of_a_checkpoint_does_not_end_the_job(self):
        """The name of each epoch in turn: that checkpoint is not saved, and a warning says why."""
        source = self.checkpointed()
        self.train(source)
        run = NAME.fullmatch(self.newest(source)).group(1)
        for taken in ([1], [2, 3], [1, 2, 3, 4, 5, 6]):
            with self.subTest(taken=taken):
                job = self.checkpointed()
                for epoch in taken:
                    (job.checkpoints / f"checkpoint-{run}-{epoch:06}.mfck").mkdir()
                result = self.train(job)
                self.assertAsUndisturbed(job, [result])
                self.assertIn("is a folder", result.stderr)
                for epoch in taken:
                    self.assertTrue((job.checkpoints / f"checkpoint-{run}-{epoch:06}.mfck").is_dir())

    def test_a_checkpoint_being_uploaded_is_not_deleted(self):
        """Checklist 60: uploading and not uploaded; once uploaded it may be deleted."""
        job = self.checkpointed()
        points, run = job.checkpoints, self.run_name()
        for epoch in (1, 2, 3):
            (points / f"checkpoint-{run}-{epoch:06d}.mfck.sagemaker-uploading").touch()
        (points / f"checkpoint-{run}-000002.mfck.sagemaker-uploaded").touch()
        self.train(job)
        kept = self.epochs_on_disk(job)
        self.assertIn(1, kept, "deleted while it was being uploaded")
        self.assertIn(3, kept, "deleted while it was being uploaded")
        self.assertNotIn(2, kept, "uploaded: could go")
        self.assertLessEqual({EPOCHS - 2, EPOCHS - 1, EPOCHS}, set(kept))
        self.assertNotIn(5, kept)

    def damaged(self, content):
        n = len(content)
        yield "empty", b""
        for at in (1, 8, 64, n // 3, n - 1):
            yield f"cut at {at}", content[:at]
        for at in (0, 9, 40, n // 2, n - 9, n - 1):
            yield f"flipped at {at}", content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        yield "longer", content + b"\0"
        yield "foreign", b"PK\x03\x04" * 500

    def test_a_damaged_newest_one_falls_back_to_the_one_before(self):
        """Checklist 61: with a log line that names it."""
        source = self.checkpointed()
        self.cut(source, capacity=600)
        before = self.epochs_on_disk(source)[-2]
        name = self.newest(source)
        content = (source.checkpoints / name).read_bytes()
        for label, bad in self.damaged(content):
            with self.subTest(label):
                job = self.checkpointed()
                shutil.rmtree(job.checkpoints)
                shutil.copytree(source.checkpoints, job.checkpoints)
                (job.checkpoints / name).write_bytes(bad)
                result = self.train(job)
                self.assertEqual(before + 1, self.first_epoch(result), result)
                warnings = [l for l in result.log if name in str(l) and l["level"] == "warning"]
                self.assertTrue(warnings, f"no warning names {name}{result}")
                self.assertAsUndisturbed(job, [result])

    def test_when_all_are_damaged_training_starts_anew(self):
        """Checklist 61."""
        job = self.checkpointed()
        self.cut(job)
        names = [n for n in job.checkpoint_names() if epoch_of(n)]
        for name in names:
            path = job.checkpoints / name
            path.write_bytes(path.read_bytes()[:-3])
        job.forget_results()
        result = self.train(job)
        self.assertEqual(1, self.first_epoch(result))
        for name in names:
            self.assertIn(name, result.stderr)
        self.assertAsUndisturbed(job, [result])

    def test_a_checkpoint_that_cannot_be_read_falls_back_too(self):
        """Checklist 61: a folder and a dangling link under checkpoint names."""
        job = self.checkpointed()
        self.cut(job)
        newest = max(self.epochs_on_disk(job))
        run = NAME.fullmatch(self.newest(job)).group(1)
        (job.checkpoints / f"checkpoint-{run}-{newest + 1:06d}.mfck").mkdir()
        (job.checkpoints / f"checkpoint-{run}-{newest + 2:06d}.mfck").symlink_to("nowhere")
        job.forget_results()
        result = self.run_train(job)
        # Both names collide with those of new checkpoints: allowed are a failure with
        # its reason or a run that succeeds; starting anew without a warning is not.
        if result.status == 0:
            self.assertEqual(newest + 1, self.first_epoch(result), result)
            self.assertAsUndisturbed(job, [result])
        else:
            self.assertFailed(job, result, "checkpoint-", error=None)

    def refused(self, job, name):
        """Runs on foreign checkpoints. In every case it names the file and does
        not resume from it."""
        result = self.run_train(job)
        self.assertIn(name, result.stderr, "refused by name")
        if result.status != 0:
            self.assertFailed(job, result, name)
            return None
        self.assertEqual(1, self.first_epoch(result), result)
        return result

    def test_a_checkpoint_of_other_hyperparameters_is_refused_by_name(self):
        """Checklist 62: each that shapes the model."""
        source = self.checkpointed()
        self.cut(source)
        newest = self.newest(source)
        for name, value in (("n_factors", 17), ("learning_rate", 0.0123),
                            ("learning_rate_decay", 0.0321), ("regularization", 0.0456),
                            ("bias_regularization", 0.0567), ("user_regularization", 0.0456),
                            ("item_regularization", 0.0456), ("user_bias_regularization", 0.0567),
                            ("item_bias_regularization", 0.0567), ("bias_learning_rate", 0.0123),
                            ("implicit_rate", 0.5), ("implicit_damping", 17), ("init_scale", 0.3),
                            ("seed", 8), ("validation_fraction", 0.1)):
            with self.subTest(name):
                job = self.checkpointed(**{name: value})
                shutil.rmtree(job.checkpoints)
                shutil.copytree(source.checkpoints, job.checkpoints)
                if self.refused(job, newest):
                    self.assertSameModel(self.reference(**{name: value})[0], job, name)

    def test_a_checkpoint_of_other_data_is_refused_by_name(self):
        """Checklist 62: one rating less, one changed, two users renamed, other validation."""
        source = self.checkpointed()
        self.cut(source)
        newest = self.newest(source)
        u, i, r, t = ROWS[10]
        changed = "1.0" if r != "1.0" else "2.0"
        renamed = [("new-id" if row[0] == u else row[0], *row[1:]) for row in ROWS]
        variants = {"one less": ROWS[:-1], "one changed": ROWS[:10] + [(u, i, changed, t)] + ROWS[11:],
                    "one more": ROWS + [("9999", i, r, t)], "a user renamed": renamed}
        for label, rows in variants.items():
            with self.subTest(label):
                job = self.checkpointed().channel("train", {"ratings.csv": csv(rows)})
                shutil.rmtree(job.checkpoints)
                shutil.copytree(source.checkpoints, job.checkpoints)
                if self.refused(job, newest):
                    clean = self.checkpointed().channel("train", {"ratings.csv": csv(rows)})
                    self.train(clean)
                    self.assertSameModel(clean, job, label)

    def test_other_validation_data_makes_it_another_run(self):
        """Checklist 62: the best epoch and early stopping depend on it."""
        source = self.checkpointed(validation=True)
        self.cut(source)
        newest = self.newest(source)
        job = self.checkpointed().channel("validation", {"ratings.csv": csv(CHECK[:-100])})
        shutil.rmtree(job.checkpoints)
        shutil.copytree(source.checkpoints, job.checkpoints)
        if self.refused(job, newest):
            clean = self.checkpointed().channel("validation", {"ratings.csv": csv(CHECK[:-100])})
            self.train(clean)
            self.assertSameModel(clean, job)

    def test_another_jobs_newer_checkpoints_do_not_push_ours_out(self):
        """Checklist 62, 64, §2.10.10: "the newest three" counted over both jobs would
        delete ours at once, and a spot job would start over forever."""
        other = self.checkpointed(seed=99, n_epochs=40)
        self.train(other)
        job = self.checkpointed()
        for name in other.checkpoint_names():  # 38, 39, 40
            shutil.copy(other.checkpoints / name, job.checkpoints / name)
        run, gate = self.blocked(job)
        self.kill(run)
        printed = [int(n) for n in re.findall(r"^epoch=(\d+) .*\n", gate.drain(), re.MULTILINE)]
        if not printed:
            self.assertFailed(job, self.run_train(job), "checkpoint-")  # refused: also fine
            return
        job.forget_results()
        result = self.train(job)
        self.assertGreater(self.first_epoch(result), 1, "our own checkpoints were gone")
        self.assertAsUndisturbed(job, [result])

    def test_a_longer_run_that_resumes_a_shorter_one_ends_with_the_same_bytes(self):
        """Checklist 57, 62: n_epochs raised after a finished run; resumed or begun anew,
        the bytes are those of the longer run."""
        job = self.checkpointed(n_epochs=6)
        self.train(job)
        job.forget_results()
        job.set(n_epochs=EPOCHS)
        result = self.run_train(job)
        if result.status != 0:
            self.assertFailed(job, result, "checkpoint-")
        else:
            self.assertSameModel(self.reference()[0], job)

    def test_a_run_with_all_epochs_done_writes_the_model_and_trains_nothing(self):
        """Checklist 63: as often as it is started."""
        job = self.checkpointed()
        first = self.train(job)
        for _ in range(2):
            job.forget_results()
            again = self.train(job)
            self.assertTrained(job, again)
            self.assertEqual([], again.epochs)
            self.assertAsUndisturbed(job, [first, again])

    def test_a_run_that_had_stopped_early_is_done_as_well(self):
        """Checklist 63."""
        hard = {"n_factors": 64, "learning_rate": 0.1, "regularization": 0.0001,
                "bias_regularization": 0.0001, "n_epochs": 100, "early_stopping_patience": 3}
        job = self.checkpointed(validation=True, **hard)
        self.train(job)
        model = job.bytes()
        job.forget_results()
        again = self.train(job)
        self.assertEqual([], again.epochs)
        self.assertSameModel(model, job)


if __name__ == "__main__":
    unittest.main()
