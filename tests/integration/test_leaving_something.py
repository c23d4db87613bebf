"""Checklist 39-54 (docs/sagemaker.md): the files and status of a run, also when it fails or is
stopped.

Every phase of a run is tested in three ways: by blocking the program at a known place
(a FIFO, a full pipe), by events of the file system, and by a sweep of moments over a
whole run. The same must hold at each moment."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import tarfile
import time
import unittest
from pathlib import Path

from unprivileged import UNPRIVILEGED, train_for_anyone
from programs import BIN, STOP_DEADLINE, TRAIN
from samples import csv, planted, real_ratings
from sanitizers import SANITIZED
from train_case import TrainCase
from wrappers import AS_OPT_ML, file_size_limit, inside, namespace

ROWS = planted()
BEFORE_AN_EPOCH = "SIGTERM came before a first epoch"


class Success(TrainCase):
    def test_success_is_exit_0_a_model_no_failure_and_figures(self):
        """Checklist 39, 40: one regular file in model/, no temporary one anywhere."""
        job = self.job_on(ROWS)
        result = self.train(job)
        self.assertTrained(job, result)
        self.assertUsableModel(job, ROWS)
        left = {name for name, (*_, digest) in job.tree("model", "output").items() if digest}
        self.assertEqual({"model/model.bin", "output/data/metrics.json", "output/data/report.html"}, left)

    def test_success_after_an_earlier_failure_leaves_no_failure_file(self):
        """Checklist 39."""
        job = self.job_on(csv(ROWS) + "1,2,bad,3\n")
        self.assertFailed(job, self.run_train(job), "bad")
        job.channel("train", {"ratings.csv": csv(ROWS)})
        result = self.train(job)
        self.assertTrained(job, result)
        self.assertEqual(1, len([line for line in result.log if line["event"] == "failure_removed"]))
        again = self.train(job)
        self.assertEqual([], [line for line in again.log if line["event"].startswith("failure")])

    def test_folders_that_the_platform_did_not_make_are_made(self):
        """Checklist 39: model/ and output/ may be missing on a laptop."""
        job = self.job_on(ROWS)
        job.model.rmdir()
        job.output.rmdir()
        self.assertTrained(job, self.train(job))
        failing = self.job_on("1,2\n")
        failing.output.rmdir()
        self.assertFailed(failing, self.run_train(failing))

    def test_an_old_model_is_replaced_whole(self):
        """Checklist 39: and an old temporary file is not left either."""
        fresh = self.job_on(ROWS)
        self.train(fresh)
        job = self.job_on(ROWS)
        job.model_bin.write_bytes(b"an old model" * 100000)
        self.assertTrained(job, self.train(job))
        self.assertSameModel(fresh, job)

    def test_the_model_survives_tar_as_another_user_and_a_read_only_place(self):
        """Checklist 41: modes allow others to read; it predicts from where it was unpacked."""
        job = self.job_on(ROWS)
        self.train(job)
        here, _ = self.predict(job, "1", ROWS[0][1])
        archive = self.folder / "model.tar.gz"
        subprocess.run(["tar", "czf", archive, "-C", job.model, "."], check=True)
        archive.chmod(0o644)
        with tarfile.open(archive) as tar:
            for member in tar:
                self.assertTrue(member.isfile() or member.isdir(), member.name)
                wanted = 0o444 if member.isfile() else 0o555
                self.assertEqual(wanted, member.mode & wanted, f"{member.name} {member.mode:o}")
        served = self.folder / "served" / "model"
        served.mkdir(parents=True)
        user = UNPRIVILEGED if os.geteuid() == 0 else None
        program = train_for_anyone(self.folder)
        if user:
            os.chown(served, user, user)
        how = {"user": user, "group": user, "extra_groups": []} if user else {}
        subprocess.run(["tar", "xzf", archive, "-C", served], check=True, **how)
        for path in served.rglob("*"):
            path.chmod(0o444)
        served.chmod(0o555)
        if user:
            os.chown(served, 0, 0)
        result = self.start(None, "--prefix", served.parent, "--predict", "1", ROWS[0][1],
                            program=program, user=user).wait()
        self.assertEqual(0, result.status, result)
        self.assertIn(f"predicted_rating={here:.4f}", result.stdout)

    def test_nothing_is_written_outside_model_output_checkpoints_and_tmp(self):
        """Checklist 54, 8, 11: works with everything else read-only and no network,
        as /opt/ml, and leaves nothing in /tmp and /dev/shm."""
        if not namespace():
            self.not_here("a private mount namespace is not allowed")
        job = self.job_on(ROWS).keep_checkpoints()
        job.write_config()
        (job.prefix / "report").mkdir()
        copy = self.folder / "bin"
        copy.mkdir()
        shutil.copy(TRAIN, copy / "train")
        script = AS_OPT_ML + """
mkdir /opt/bin; cp "$1" /opt/bin/train; shift
mkdir -p /opt/elsewhere; cd /opt/elsewhere
for place in model output checkpoints report; do mount --bind /opt/ml/$place /opt/ml/$place; done
mount -o remount,bind,ro /opt/ml
mount -t tmpfs none /tmp; mount -t tmpfs none /dev/shm
mount -o remount,bind,ro /opt || exit 78
mount -o remount,bind,ro / || exit 78
if touch /opt/ml/x 2>/dev/null || touch /opt/elsewhere/x 2>/dev/null; then exit 77; fi
code=0; /opt/bin/train || code=$?
find /tmp /dev/shm -mindepth 1 >/opt/ml/report/left
exit $code
"""
        wrapper = inside(script, job.prefix, copy / "train", net=os.geteuid() == 0)
        result = self.start(None, wrapper=wrapper, program="/dev/null").wait()
        if result.status == 78:
            self.not_here("the root file system cannot be remounted read-only")
        self.assertTrained(job, result)
        self.assertEqual("", (job.prefix / "report" / "left").read_text())

    def test_the_input_and_the_working_folder_are_left_as_they_were(self):
        """Checklist 54, without any privilege."""
        job = self.job_on(ROWS)
        job.write_config()
        before = job.tree("input")
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        self.train(job, write_config=False, cwd=elsewhere, env={"HOME": str(elsewhere),
                                                                "TMPDIR": str(elsewhere)})
        self.assertEqual(before, job.tree("input"))
        self.assertEqual([], list(elsewhere.iterdir()))
        self.assertEqual({"input", "model", "output"}, {p.name for p in job.prefix.iterdir()})

    def test_any_uid_can_train_when_the_outputs_are_its_own(self):
        """Checklist 7."""
        if os.geteuid() != 0:
            self.not_here("another uid needs root")
        job = self.job_on(ROWS)
        for path in (job.model, job.output):
            os.chown(path, 12345, 12345)
        result = self.train(job, user=12345, program=train_for_anyone(self.folder))
        self.assertTrained(job, result)

    def test_files_appear_under_their_names_only_complete(self):
        """Checklist 47, seen from outside: model.bin, metrics.json and report.html come by rename and
        are never opened for writing under their names."""
        job = self.job_on(ROWS)
        (job.output / "data").mkdir()
        watch = self.watch()
        watch.add(job.model, "model", "CREATE", "MODIFY", "MOVED_TO")
        watch.add(job.output / "data", "data", "CREATE", "MODIFY", "MOVED_TO")
        self.train(job)
        for label, name in (("model", "model.bin"), ("data", "metrics.json"), ("data", "report.html")):
            events = [what for where, what, n in watch.poll() if (where, n) == (label, name)]
            self.assertEqual(["MOVED_TO"], events, name)


class Failure(TrainCase):
    """Checklist 42-46. Other modules' assertFailed checks 42-45 in each of their failures."""

    def failing_jobs(self):
        yield "hyperparameter", self.job_on(ROWS, n_factors="0"), "ClientError"
        yield "data", self.job_on(csv(ROWS) + "1,2,x,3\n"), "ClientError"
        yield "channel", self.job(), "ClientError"
        unwritable = self.job_on(ROWS)
        unwritable.model.rmdir()
        unwritable.model.write_text("not a folder")
        yield "model folder", unwritable, "PlatformError"

    def test_each_kind_of_failure_begins_with_its_class_and_cause(self):
        """Checklist 42, 43, 44, 45."""
        for label, job, error in self.failing_jobs():
            with self.subTest(label):
                self.assertFailed(job, self.run_train(job), error=error)
                self.assertFalse(job.output.joinpath("data", "metrics.json").exists())

    def test_the_reason_fits_even_when_it_quotes_huge_invalid_text(self):
        """Checklist 43: 1,024 characters of valid UTF-8 on one line."""
        for label, cell in (("long", "9" * 5000 + "x"), ("characters of four bytes", "💩" * 900),
                            ("controls", "\x01\x1b[31m\x7f" * 200)):
            with self.subTest(label):
                job = self.job_on(csv(ROWS[:50]) + f"1,2,{cell},3\n")
                self.assertFailed(job, self.run_train(job), "ratings.csv:52:5: rating ")
        name = "k" * 3000
        job = self.job_on(ROWS, **{name: "1"})
        self.assertFailed(job, self.run_train(job), "k" * 20)
        deep = self.job()
        deep.channel("train", {"/".join(["d" * 60] * 8) + "/ratings.csv":
                               csv(ROWS[:9]) + "1,2,bad,3\n"})
        self.assertFailed(deep, self.run_train(deep), 'ratings.csv:11:5: rating "bad"')

    def test_the_file_is_written_after_the_last_log_line(self):
        """Checklist 45: by inotify, whose events keep their order."""
        for label, job, _ in self.failing_jobs():
            with self.subTest(label):
                watch = self.watch()
                logs = self.folder / f"log-{label}"
                logs.mkdir()
                watch.add(logs, "log", "MODIFY")
                watch.add(job.output, "output", "CREATE", "MOVED_TO")
                with open(logs / "stderr", "wb") as stderr, open(logs / "stdout", "wb") as stdout:
                    status = self.run_train(job, stderr=stderr, stdout=stdout).status
                self.assertEqual(1, status)
                events = watch.poll()
                last_log = max(i for i, e in enumerate(events) if e[0] == "log")
                written = [i for i, e in enumerate(events) if e[0] == "output"
                           and e[2] == "failure"]
                self.assertTrue(written, events)
                self.assertLess(last_log, min(written), events)

    def test_an_earlier_failure_file_is_kept(self):
        """Checklist 46: a wrapper may have written it. The new reason is on stderr, and a
        note that the old one was kept."""
        job = self.job_on(ROWS, n_factors="0")
        job.failure.write_text("AlgorithmError: the cause\n")
        result = self.run_train(job)
        self.assertEqual(1, result.status, result)
        self.assertEqual("AlgorithmError: the cause\n", job.failure.read_text())
        self.assertIn("n_factors", self.last_error(result))
        kept = [line for line in result.log if line["event"] == "failure_kept"]
        self.assertEqual(1, len(kept), result)
        self.assertIn(str(job.failure), kept[0]["message"])

    def test_an_empty_failure_file_is_no_reason(self):
        """Checklist 46, 42."""
        job = self.job_on(ROWS, n_factors="0")
        job.failure.write_text("")
        self.assertFailed(job, self.run_train(job), "n_factors")

    def test_a_failure_that_cannot_be_written_still_ends_in_exit_1_with_its_reason(self):
        """Checklist 42, 45: output/ is a file."""
        job = self.job_on(ROWS, n_factors="0")
        job.output.rmdir()
        job.output.write_text("")
        result = self.run_train(job)
        self.assertEqual(1, result.status, result)
        self.assertIn("n_factors", result.stderr)

    def test_a_segmentation_fault_ends_with_its_signal(self):
        """Checklist 48: 139, not 0 and not a clean-looking 1."""
        self.bare_only("process 1 cannot be killed like this; tests/image has an init")
        job = self.job()
        job.channel("train", None, mode="Pipe")
        run = self.start(job)
        run.wait_for_handler()
        run.signal(signal.SIGSEGV)
        self.assertEqual(-signal.SIGSEGV, run.wait().status)

    def test_an_abort_ends_with_its_signal(self):
        """Checklist 48 for SIGABRT, SIGBUS and SIGFPE."""
        self.bare_only("process 1 cannot be killed like this; tests/image has an init")
        for number in (signal.SIGABRT, signal.SIGBUS, signal.SIGFPE):
            with self.subTest(number=number):
                job = self.job()
                job.channel("train", None, mode="Pipe")
                run = self.start(job)
                run.wait_for_handler()
                run.signal(number)
                self.assertEqual(-number, run.wait().status)


class NoSpace(TrainCase):
    """Checklist 47."""

    def test_a_full_disk_gives_a_reason_and_no_half_model(self):
        """Checklist 47: RLIMIT_FSIZE below the model's size, at several sizes."""
        whole = self.job_on(ROWS, n_factors=32)
        self.train(whole)
        size = whole.model_bin.stat().st_size
        for limit in (4096, 16384, size // 2, size - 512):
            with self.subTest(limit=limit):
                job = self.job_on(ROWS, n_factors=32)
                result = self.run_train(job, wrapper=file_size_limit(limit))
                self.assertFailed(job, result, "model", error="PlatformError")

    def test_a_real_full_file_system_is_reported_as_no_space(self):
        """Checklist 47: a tiny tmpfs as model/; the error is the system's own."""
        if not namespace():
            self.not_here("a tmpfs needs a private mount namespace")
        job = self.job_on(ROWS, n_factors=32)
        wrapper = inside('mount -t tmpfs -o size=16k none "$1/model"; report="$1/report"; '
                         'dir="$1/model"; shift; code=0; "$@" || code=$?; '
                         'find "$dir" -mindepth 1 >"$report"; exit $code', job.prefix)
        result = self.run_train(job, wrapper=wrapper)
        self.assertFailed(job, result, "model.bin", "No space left", error="PlatformError")
        self.assertEqual("", (job.prefix / "report").read_text(), "left in model/")

    def test_when_nothing_at_all_can_be_written_the_reason_is_on_stderr(self):
        """Checklist 47, 42: model/ and output/ on the same full file system."""
        if not namespace():
            self.not_here("a tmpfs needs a private mount namespace")
        job = self.job_on(ROWS, n_factors=32)
        script = ('mount -t tmpfs -o size=16k none "$1/model"; mkdir "$1/model/o"; '
                  'head -c 20000 /dev/zero >"$1/model/o/full" 2>/dev/null || true; '
                  'mount --bind "$1/model/o" "$1/output"; shift; exec "$@"')
        result = self.run_train(job, wrapper=inside(script, job.prefix))
        self.assertEqual(1, result.status, result)
        self.assertIn("No space left", self.last_error(result))

    def test_a_model_folder_that_cannot_be_written_gives_a_reason(self):
        """Checklist 47: a read-only mount, another uid's folder, a file in its place."""
        in_place = self.job_on(ROWS)
        in_place.model.rmdir()
        in_place.model.write_text("")
        self.assertFailed(in_place, self.run_train(in_place), "model", error="PlatformError")

        foreign = self.job_on(ROWS)
        how = {}
        if os.geteuid() == 0:
            os.chown(foreign.output, UNPRIVILEGED, UNPRIVILEGED)
            how = {"user": UNPRIVILEGED, "program": train_for_anyone(self.folder)}
        foreign.model.chmod(0o555)
        result = self.run_train(foreign, **how)
        self.assertFailed(foreign, result, "model", "Permission denied", error="PlatformError")

        if not namespace():
            self.not_here("a read-only mount needs a private mount namespace")
        mounted = self.job_on(ROWS)
        script = ('mount --bind "$1/model" "$1/model"; mount -o remount,bind,ro "$1/model"; '
                  'shift; exec "$@"')
        result = self.run_train(mounted, wrapper=inside(script, mounted.prefix))
        self.assertFailed(mounted, result, "model", "Read-only", error="PlatformError")

    def test_a_model_folder_that_cannot_be_written_is_found_out_before_training(self):
        """§2.9: hours of training must not fail because of a folder that was never writable."""
        job = self.job_on(ROWS, n_epochs=20)
        job.model.rmdir()
        job.model.write_text("")
        result = self.run_train(job)
        self.assertFailed(job, result, "model", error="PlatformError")
        self.assertEqual([], result.epochs, "trained first, then looked")

    def test_a_folder_in_the_place_of_a_result_is_found_out_before_training(self):
        """Checklist 47: model.bin, metrics.json and report.html, even before reading."""
        for name in ("model/model.bin", "output/data/metrics.json", "output/data/report.html"):
            with self.subTest(name):
                job = self.job_on(ROWS, n_epochs=20)
                (job.prefix / name).mkdir(parents=True)
                result = self.run_train(job)
                self.assertEqual(1, result.status, result)
                self.assertIn("PlatformError: ", job.failure.read_text())
                self.assertRegex(self.last_error(result), name + ".* is a folder")
                self.assertNotIn("channel", [line["event"] for line in result.log])
                self.assertEqual([], result.epochs)
                self.assertEqual([], list((job.prefix / name).iterdir()))

    def test_a_checkpoint_folder_that_is_full_or_no_folder_gives_a_reason_or_a_warning(self):
        """Checklist 47: never a hang, never a half checkpoint under a final name."""
        no_folder = self.job_on(ROWS)
        no_folder.checkpoints.write_text("")
        no_folder.config["checkpointconfig.json"] = {"LocalPath": "/opt/ml/checkpoints"}
        self.assertFailed(no_folder, self.run_train(no_folder), "checkpoints", error="PlatformError")
        if not namespace():
            self.not_here("a tmpfs needs a private mount namespace")
        job = self.job_on(ROWS, n_factors=32, checkpoint_every=1).keep_checkpoints()
        script = ('mount -t tmpfs -o size=16k none "$1/checkpoints"; report="$1/report"; '
                  'dir="$1/checkpoints"; shift; code=0; "$@" || code=$?; '
                  'find "$dir" -name "*.mfck" >"$report"; exit $code')
        result = self.run_train(job, wrapper=inside(script, job.prefix))
        self.assertEqual("", (job.prefix / "report").read_text(), "half a checkpoint")
        if result.status == 0:
            self.assertTrained(job, result)
            self.assertTrue([line for line in result.log if line["level"] == "warning"
                             and "No space left" in str(line)], result)
        else:
            self.assertFailed(job, result, "checkpoint", "No space left", error="PlatformError")

    def test_figures_that_cannot_be_written_give_a_reason(self):
        """Checklist 47, 42: output/data is a file; the disk of output/ is full."""
        job = self.job_on(ROWS)
        (job.output / "data").write_text("")
        self.assertFailed(job, self.run_train(job), "output/data", error="PlatformError")
        if not namespace():
            self.not_here("a tmpfs needs a private mount namespace")
        job = self.job_on(ROWS, n_epochs=400)
        script = 'mount -t tmpfs -o size=8k none "$1/output"; shift; exec "$@"'
        result = self.run_train(job, wrapper=inside(script, job.prefix))
        self.assertEqual(1, result.status, result)
        self.assertIn("metrics.json", self.last_error(result))
        self.assertIn("No space left", self.last_error(result))
        if self.model_files(job):
            self.assertUsableModel(job, ROWS)

    def test_running_out_of_memory_gives_a_reason_at_every_limit(self):
        """Checklist 47: address space from just enough to start to just enough to finish."""
        if SANITIZED:
            self.not_here("a sanitizer's shadow needs terabytes of address space")
        limit = ('ulimit -v "$1"; shift; exec "$@"')
        starts = lambda kib: self.start(None, "--version", wrapper=(
            "sh", "-c", limit, "sh", kib)).wait().status == 0
        low, high = 1024, 1 << 20
        self.assertTrue(starts(high))
        while high - low > 256:
            middle = (low + high) // 2
            low, high = (low, middle) if starts(middle) else (middle, high)
        outcomes = []
        for more in (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 1 << 18, 1 << 20):
            for threads in (1, 2):
                with self.subTest(more_kib=more, threads=threads):
                    job = self.job_on(real_ratings(), n_factors=256, n_epochs=1, n_threads=threads)
                    result = self.run_train(job, wrapper=("sh", "-c", limit, "sh", high + more))
                    outcomes.append(result.status)
                    if result.status == 0:
                        self.assertTrained(job, result)
                    else:
                        self.assertFailed(job, result, re.compile("memory|allocate|thread"),
                                          error="PlatformError")
        self.assertIn(0, outcomes, "some limit is enough")
        self.assertIn(1, outcomes, "some limit is not")


class Stopped(TrainCase):
    """Checklist 49-51."""

    def assertStopped(self, job, run, rows=ROWS, reason=None):
        """Ends within the checklist's limit; a complete model and exit 0, or nothing,
        exit 1 and why. Returns the result."""
        result = run.wait(STOP_DEADLINE)
        if result.status == 0:
            self.assertFalse(job.failure.exists(), result)
            self.assertEqual(["model.bin"], self.model_files(job), result)
            self.assertUsableModel(job, rows)
        else:
            self.assertFailed(job, result, reason or "SIGTERM", error=None)
        return result

    def long_job(self, **more):
        """Hundreds of epochs of some ms each: a test that waits for a line of it finds
        the run in the middle of an epoch."""
        return self.job_on(real_ratings(), n_factors=64, **{"n_epochs": 1000, **more})

    REAL = [("1", "31", "0.5", ""), ("1", "1029", "5", "")]

    def test_sigterm_in_the_middle_of_an_epoch_saves_the_model(self):
        """Checklist 49, 50: without any checkpoint folder."""
        job = self.long_job()
        run = self.start(job)
        run.wait_for(r"^epoch=3 ")
        run.signal(signal.SIGTERM)
        result = self.assertStopped(job, run, self.REAL)
        self.assertEqual(0, result.status, "one epoch at least was done")
        self.assertLess(len(result.epochs), 1000)
        self.assertFalse(job.checkpoints.exists())

    def test_sigint_does_the_same_for_a_person(self):
        """Checklist 49."""
        job = self.long_job()
        run = self.start(job)
        run.wait_for(r"^epoch=2 ")
        run.signal(signal.SIGINT)
        self.assertEqual(0, self.assertStopped(job, run, self.REAL).status)

    def test_a_second_sigterm_changes_nothing(self):
        """Checklist 49."""
        job = self.long_job()
        run = self.start(job)
        run.wait_for(r"^epoch=2 ")
        for _ in range(5):
            run.signal(signal.SIGTERM)
        self.assertEqual(0, self.assertStopped(job, run, self.REAL).status)

    def test_a_long_epoch_is_not_waited_for(self):
        """Checklist 49: an epoch of seconds is interrupted."""
        job = self.job(n_factors=1024, n_epochs=50, n_threads=1)
        text = planted_csv(self.folder, 200_000 if SANITIZED else 2_000_000)
        job.channel("train", {}).data.joinpath("train/ratings.csv").symlink_to(text)
        run = self.start(job)
        seconds = float(run.wait_for(r"^epoch=1 .*\bseconds=(\S+)").group(1))
        run.signal(signal.SIGTERM)
        self.assertGreater(seconds, 0.3, "too quick to be a long epoch: make it longer")
        result = run.wait(STOP_DEADLINE)
        self.assertEqual(0, result.status, result)
        self.assertEqual(1, len(result.epochs), result)
        self.assertEqual(["model.bin"], self.model_files(job))

    def test_sigterm_before_a_first_epoch_is_reported(self):
        """Checklist 50, 51: in the first epoch there is nothing worth keeping."""
        job = self.job(n_factors=512, n_epochs=50, n_threads=1)
        text = planted_csv(self.folder, 200_000 if SANITIZED else 2_000_000)
        job.channel("train", {}).data.joinpath("train/ratings.csv").symlink_to(text)
        watch = self.watch()
        watch.add(text.parent, "data", "OPEN")
        run = self.start(job)
        run.wait_until(lambda: watch.seen("OPEN", text.name), "reading")
        run.signal(signal.SIGTERM)
        result = run.wait(STOP_DEADLINE)
        self.assertFailed(job, result, BEFORE_AN_EPOCH, error="Stopped")
        self.assertEqual([], result.epochs)

    def test_sigterm_while_a_fifo_does_not_come(self):
        """Checklist 51."""
        job = self.job()
        job.channel("train", None, mode="Pipe")
        run = self.start(job)
        run.wait_for_handler()
        run.wait_until(lambda: run.state() == "S", "a program that waits")
        run.signal(signal.SIGTERM)
        self.assertFailed(job, run.wait(STOP_DEADLINE), BEFORE_AN_EPOCH, error="Stopped")

    def test_sigterm_while_reading_reports_that_earlier_checkpoints_are_kept(self):
        """Checklist 51: the work of an earlier start is not lost, which is part of the reason."""
        job = self.job_on(ROWS, checkpoint_every=1).keep_checkpoints()
        self.train(job)
        before = sorted(path.name for path in job.checkpoints.iterdir())
        self.assertTrue(before)
        job.channel("train", None, mode="Pipe")
        job.model_bin.unlink()
        run = self.start(job)
        run.wait_for_handler()
        run.wait_until(lambda: run.state() == "S", "a program that waits")
        run.signal(signal.SIGTERM)
        self.assertFailed(job, run.wait(STOP_DEADLINE),
                          "SIGTERM came while reading; checkpoints of an earlier run are kept",
                          error="Stopped")
        self.assertEqual(before, sorted(path.name for path in job.checkpoints.iterdir()))

    def test_sigterm_while_a_fifo_has_no_writer(self):
        """Checklist 51: blocked in open(), or in a wait after it."""
        job = self.job()
        job.channel("train", None, mode="Pipe")
        fifo = job.data / "train_0"
        os.mkfifo(fifo)
        watch = self.watch()
        watch.add(job.data, "data", "OPEN")
        run = self.start(job)
        run.wait_for_handler()
        # A blocking open() reports nothing until it returns: asleep is enough then.
        run.wait_until(lambda: watch.seen("OPEN", "train_0") or run.state() == "S", "waiting")
        run.signal(signal.SIGTERM)
        self.assertFailed(job, run.wait(STOP_DEADLINE), BEFORE_AN_EPOCH, error="Stopped")

    def test_sigterm_in_the_middle_of_a_stream(self):
        """Checklist 51: the writer has stopped writing and has not closed."""
        job = self.job()
        job.channel("train", None, mode="Pipe")
        run = self.start(job)
        feeder = self.feed(job.data / "train_0", csv(ROWS), hold_at=20000)
        self.assertTrue(feeder.held.wait(60))
        run.wait_until(lambda: feeder.unread() == 0 and run.state() == "S", "all taken, waiting")
        run.signal(signal.SIGTERM)
        self.assertFailed(job, run.wait(STOP_DEADLINE), BEFORE_AN_EPOCH, error="Stopped")

    def test_sigterm_while_reading_files(self):
        """Checklist 51: an open file shows that reading has begun."""
        text = csv(ROWS)
        job = self.job(n_epochs=3)
        job.channel("train", {f"part-{i:03d}.csv": text for i in range(150)})
        watch = self.watch()
        watch.add(job.data / "train", "train", "OPEN")
        run = self.start(job)
        run.wait_until(lambda: watch.seen("OPEN", r"part-.*"), "reading")
        run.signal(signal.SIGTERM)
        self.assertStopped(job, run)

    def test_sigterm_while_the_model_is_written(self):
        """Checklist 51: SIGSTOP when the temporary file is there, then SIGTERM."""
        caught = 0
        for _ in range(12):
            job = self.job_on(real_ratings(), n_factors=512, n_epochs=1)
            watch = self.watch()
            watch.add(job.model, "model", "MODIFY")
            run = self.start(job)
            run.wait_until(lambda: watch.seen("MODIFY", "model.bin.*"), "writing")
            if not run.stop_the_clock():
                continue
            caught += not job.model_bin.exists()
            run.signal(signal.SIGTERM)
            run.signal(signal.SIGCONT)
            result = self.assertStopped(job, run, self.REAL)
            self.assertEqual(0, result.status, "an epoch was done, the model was on its way")
            if caught >= 2:
                break
        self.assertGreater(caught, 0, "the model was never caught half-written")

    def test_sigterm_at_any_moment_leaves_a_whole_model_or_nothing(self):
        """Checklist 49, 50, 51: a sweep over the length of a run."""
        job = self.job_on(ROWS, n_epochs=60, n_factors=32)
        started = time.monotonic()
        self.train(job)
        whole = time.monotonic() - started
        moments = 12 if SANITIZED else 30
        outcomes = set()
        for n in range(moments):
            with self.subTest(moment=f"{n}/{moments}"):
                job = self.job_on(ROWS, n_epochs=60, n_factors=32).keep_checkpoints()
                run = self.start(job)
                run.wait_for_handler()
                time.sleep(whole * n / moments)
                run.signal(signal.SIGTERM)
                outcomes.add(self.assertStopped(job, run).status)
        self.assertTrue(outcomes <= {0, 1})

    def test_sigterm_as_process_1(self):
        """Checklist 4, §1.14: as PID 1 the default action of SIGTERM is to be ignored."""
        if os.geteuid() != 0 or not namespace():
            self.not_here("a pid namespace needs root")
        job = self.long_job()
        run = self.start(job, wrapper=inside('exec "$@"', pid=True))
        run.wait_for(r"^epoch=2 ")
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        self.assertEqual(1, len(children), "unshare has one child, PID 1 of its namespace")
        os.kill(int(children[0]), signal.SIGTERM)
        self.assertEqual(0, self.assertStopped(job, run, self.REAL).status)


class Figures(TrainCase):
    def test_the_same_start_gives_the_same_bytes(self):
        """Checklist 52; test_determinism.py does this thoroughly."""
        digests = set()
        for _ in range(3):
            job = self.job_on(ROWS)
            self.train(job)
            digests.add(hashlib.sha256(job.bytes()).hexdigest())
        self.assertEqual(1, len(digests))


def planted_csv(folder, n_ratings):
    """A large file by the project's own generator."""
    path = folder / "large" / f"{n_ratings}.csv"
    path.parent.mkdir(exist_ok=True)
    subprocess.run([BIN / "planted", "--users", "20000", "--items", "4000", "--ratings",
                    str(n_ratings), "--output", path], check=True, timeout=600,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return path


if __name__ == "__main__":
    unittest.main()
