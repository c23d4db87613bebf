"""Training in the container: /opt/ml as the platform mounts it, the files that are left in it, and
the exit status. tests/integration, run with the image's programs (CMakeLists.txt), covers the rest
of checklist 18-78."""

import json
import os
import signal
import unittest
from pathlib import Path

from container import docker
from image_case import LOCKED, ROWS, ImageCase, mount
from samples import csv

FOREVER = 100_000  # epochs


def as_the_platform(job):
    """Folder by folder: input folders are read-only."""
    job.write_config()
    return (*mount(job.prefix / "input", "/opt/ml/input", "ro"), *mount(job.model, "/opt/ml/model"),
            *mount(job.output, "/opt/ml/output"))


class Training(ImageCase):
    def start_in_it(self, job, *options, **how):
        return self.contained("train", options=(*as_the_platform(job), *options), **how)

    def test_a_job_in_the_platforms_tree_leaves_the_files_of_the_bare_program(self):
        """Checklist 30, 39, 40, 52: read-only input; the same bytes as outside."""
        outside = self.job_on(ROWS)
        self.assertTrained(outside, self.outside(outside))
        job = self.job_on(ROWS)
        result = self.start_in_it(job).wait()
        self.assertTrained(job, result)
        self.assertSameModel(outside, job)
        self.assertEqual(4, len(result.epochs))

    def test_nothing_is_written_but_in_the_mounts(self):
        """Checklist 54: `docker diff` shows no change of the container's own file system."""
        job = self.job_on(ROWS)
        run = self.start_in_it(job)
        run.pid  # it is there from here on, until run.wait() removes it
        docker("wait", run.name)
        changed = docker("diff", run.name).split("\n")
        self.assertTrained(job, run.wait())
        self.assertEqual([], [line for line in changed if line
                              and line.split(" ", 1)[1] not in ("/opt", "/opt/ml", "/opt/ml/input",
                                                                "/opt/ml/model", "/opt/ml/output")])

    def test_it_trains_with_all_restrictions(self):
        """Checklist 7, 8, 9, 54: another user, no network, no capability, nothing writable but
        the results, no /tmp, 256 MB."""
        job = self.job().channel("train", {"ratings.csv": csv(ROWS)})
        self.own(12345, job.model, job.output)
        result = self.start_in_it(job, *LOCKED, "--user", "12345", "--network", "none", "--read-only",
                                  "--memory", "256m", "--shm-size", "64k").wait()
        self.assertTrained(job, result)

    def test_a_failure_is_in_its_file_and_in_the_status(self):
        """Checklist 42-45."""
        job = self.job_on(csv(ROWS) + "1,2,x,3\n")
        result = self.start_in_it(job, "--network", "none").wait()
        self.assertFailed(job, result, f"ratings.csv:{len(ROWS) + 2}:5", "/opt/ml/input/data/train")

    def test_docker_stop_leaves_a_model_that_serves(self):
        """Checklist 49, 50: as any user; exit 0 long before the 120 s."""
        for user in ("0", "12345"):
            with self.subTest(user):
                job = self.job_on(ROWS, n_epochs=FOREVER)
                self.own(int(user), job.model, job.output)
                run = self.start_in_it(job, "--user", user)
                run.wait_for("^epoch=2 ")
                result = self.stopped_by_the_engine(run, 120)
                self.assertEqual(0, result.status, result)
                self.assertFalse(job.failure.exists())
                self.assertServes(self.served(ml=job.prefix))

    def test_killed_and_started_again_it_ends_with_the_same_model(self):
        """Checklist 55-57, 61: checkpoints in their mount, a container after the other."""
        whole = self.job_on(ROWS, n_epochs=300, checkpoint_every=1)
        self.trained_in_it(whole)
        job = self.job_on(ROWS, n_epochs=300, checkpoint_every=1).keep_checkpoints()
        run = self.start_in_it(job, *mount(job.checkpoints, "/opt/ml/checkpoints"))
        run.wait_for("^epoch=20 ")
        run.signal(signal.SIGKILL)
        self.assertIn(run.wait().status, (-signal.SIGKILL, 0))
        self.assertTrue(job.checkpoint_names())
        result = self.start_in_it(job, *mount(job.checkpoints, "/opt/ml/checkpoints")).wait()
        self.assertTrained(job, result)
        self.assertSameModel(whole, job)

    def test_pipes_reach_into_the_container(self):
        """Checklist 32: FIFOs that come after the start."""
        usual = self.job_on(ROWS)
        self.trained_in_it(usual)
        job = self.job().channel("train", None, mode="Pipe")
        run = self.start_in_it(job)
        self.feed(job.data / "train_0", csv(ROWS), before=lambda: bool(run.pid))
        self.assertTrained(job, run.wait())
        self.assertSameModel(usual, job)

    def test_a_crash_is_a_signals_status(self):
        """Checklist 48: 139, which the platform shows. (As process 1 it cannot be killed by
        kill -SEGV from outside, that is the kernel's rule; so this one has an init.)"""
        job = self.job_on(ROWS, n_epochs=FOREVER)
        run = self.start_in_it(job, "--init")
        run.wait_for("^epoch=2 ")
        init = Path(f"/proc/{run.pid}/task/{run.pid}/children")
        program, = map(int, init.read_text().split())
        os.kill(program, signal.SIGSEGV)
        self.assertEqual(-signal.SIGSEGV, run.wait().status)

    def test_the_log_is_lines_of_json_and_metrics_without_a_secret(self):
        """Checklist 72, 76, 77: with credentials in the environment."""
        job = self.job_on(ROWS)
        result = self.start_in_it(job, env={"AWS_SECRET_ACCESS_KEY": "do-not-log-me",
                                            "TRAINING_JOB_NAME": "movies-1"}).wait()
        self.assertTrained(job, result)
        self.assertNotIn("do-not-log-me", result.log_text())
        for line in result.stderr.splitlines():
            json.loads(line)


if __name__ == "__main__":
    unittest.main()
