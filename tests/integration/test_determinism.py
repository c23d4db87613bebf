"""Checklist 52 (docs/sagemaker.md): same input, hyperparameters and seed, same bytes; with
1, 2, 3 or 8 threads, on SSE2, AVX2 and AVX-512, anywhere and at any time."""

import re
import shutil
import unittest
from pathlib import Path

from epochs import figures
from samples import csv, planted, real_ratings
from train_case import TrainCase

PATHS = {"sse2": "sse2", "avx2": "avx2", "avx512": "avx512f"}

# Settings with all arithmetic: a width that is no multiple of 16, a split, early
# stopping's choice of an epoch, warm starts.
SETTINGS = (
    {"n_factors": 20, "n_epochs": 3},
    {"n_factors": 64, "n_epochs": 3, "validation_fraction": 0.1},
    {"n_factors": 1, "n_epochs": 3, "learning_rate": 0.05},
)


def cpu_flags():
    try:
        match = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        return set()
    return set(match.group(1).split()) if match else set()


class SameBytes(TrainCase):
    def outcome(self, env=None, text=None, **hyperparameters):
        """(job, output) of a run on the real ratings."""
        job = self.job_on(text or real_ratings(), **hyperparameters)
        return job, self.train(job, env=env)

    def test_with_any_number_of_threads(self):
        """Checklist 52: 1, 2, 3, 8 threads, and more threads than CPUs or blocks."""
        for settings in SETTINGS:
            one, result = self.outcome(n_threads=1, **settings)
            expected = figures(result)
            for threads in (2, 3, 8, 64):
                with self.subTest(threads=threads, **settings):
                    job, result = self.outcome(n_threads=threads, **settings)
                    self.assertEqual(expected, figures(result))
                    self.assertSameModel(one, job)

    def test_with_the_number_of_threads_left_to_the_program(self):
        """Checklist 52: and metrics.json has the same figures."""
        one, _ = self.outcome(n_threads=1, n_epochs=3)
        free, _ = self.outcome(n_epochs=3)
        self.assertSameModel(one, free)
        epochs = lambda job: [{k: v for k, v in e.items() if "second" not in k}
                              for e in job.metrics()["epochs"]]
        self.assertEqual(epochs(one), epochs(free))

    def test_on_every_instruction_set(self):
        """Checklist 12: MF_CPU forces a path; the log has the one that ran."""
        there = [name for name, flag in PATHS.items() if flag in cpu_flags()]
        missing = sorted(set(PATHS) - set(there))
        for settings in SETTINGS:
            usual, result = self.outcome(**settings)
            expected = figures(result)
            for name in there:
                with self.subTest(cpu=name, **settings):
                    job, result = self.outcome(env={"MF_CPU": name}, **settings)
                    self.assertRegex(result.stderr, rf'"cpu":"{name}"', "the path was not taken")
                    self.assertEqual(expected, figures(result))
                    self.assertSameModel(usual, job)
        if len(there) < 2 or missing:
            self.not_here(f"this CPU has no {', '.join(missing)}")

    def test_on_a_cpu_path_and_with_threads_at_once(self):
        """Both at once."""
        there = [name for name, flag in PATHS.items() if flag in cpu_flags()]
        models = set()
        for name, threads in zip(there, (3, 1, 2)):
            job, _ = self.outcome(env={"MF_CPU": name}, n_threads=threads, n_factors=40, n_epochs=3,
                                  validation_fraction=0.2)
            models.add(job.bytes())
        self.assertEqual(1, len(models))

    def test_under_the_openmp_variables_that_people_set(self):
        """OMP_NUM_THREADS and friends change the speed only."""
        usual, _ = self.outcome(n_epochs=3)
        for env in ({"OMP_NUM_THREADS": "1"}, {"OMP_NUM_THREADS": "5"}, {"OMP_DYNAMIC": "true"},
                    {"OMP_THREAD_LIMIT": "1"}, {"OMP_SCHEDULE": "dynamic,7"},
                    {"OMP_WAIT_POLICY": "passive"}):
            with self.subTest(env=env):
                job, _ = self.outcome(env=env, n_epochs=3, n_threads=3)
                self.assertSameModel(usual, job)

    def test_parallel_reading_has_the_indexes_of_reading_with_one_thread(self):
        """Users and items are numbered by first appearance, whichever thread parsed the block:
        ids in no sorted order, text ids among numbers, many files."""
        rows = [(f"u{hash_of(u)}" if int(u) % 3 else u, f"{hash_of(i)}.x" if int(i) % 2 else i, r, t)
                for u, i, r, t in planted(900, 500, 60000)]
        half = len(rows) // 2
        files = {"a.csv": csv(rows[:half]), "b.csv": csv(rows[half:])}
        models = {}
        for threads in (1, 2, 3, 8):
            job = self.job(n_threads=threads, n_epochs=1).channel("train", files)
            self.train(job)
            models[threads] = job.bytes()
        self.assertEqual(1, len(set(models.values())))

    def test_repeated_pairs_are_decided_the_same_by_any_number_of_threads(self):
        """The newest wins, across the blocks that threads read in parallel."""
        rows = planted(300, 150, 15000)
        again = [(u, i, str(0.5 + n % 10 / 2), str(int(t) + (1 if n % 2 else -1) * 50000))
                 for n, (u, i, r, t) in enumerate(rows)]
        ties = [(u, i, "1", t) for u, i, r, t in rows[:2000]]
        text = csv(rows + again + ties + rows[:500])
        first = None
        for threads in (1, 2, 3, 8):
            job, result = self.outcome(text=text, n_threads=threads)
            self.assertEqual(len(rows), job.metrics()["data"]["n_ratings"])
            first = first or (job, figures(result))
            self.assertEqual(first[1], figures(result))
            self.assertSameModel(first[0], job)

    def test_anywhere_and_at_any_time(self):
        """No path, clock, host name, user, job name or memory address gets into the file."""
        usual, _ = self.outcome(n_epochs=2)
        elsewhere = self.job_on(real_ratings(), n_epochs=2).hosts("another", ["another"])
        moved = self.folder / "a longer path with spaces, and ä"
        shutil.move(elsewhere.prefix, moved)
        elsewhere.prefix = moved
        self.train(elsewhere, env={"TRAINING_JOB_NAME": "other", "TZ": "Asia/Tokyo", "HOME": "/",
                                   "LANG": "C", "MALLOC_PERTURB_": "85"})
        self.assertSameModel(usual, elsewhere)

    def test_settings_that_do_not_shape_the_model(self):
        """Checkpoints, input mode, log level: not in the bytes."""
        usual, _ = self.outcome(n_epochs=3)
        kept = self.job_on(real_ratings(), n_epochs=3).keep_checkpoints()
        self.train(kept)
        self.assertSameModel(usual, kept, "checkpoints")
        loud, _ = self.outcome(n_epochs=3, env={"SAGEMAKER_CONTAINER_LOG_LEVEL": "debug"})
        self.assertSameModel(usual, loud, "log level")
        fast = self.job(n_epochs=3).channel("train", {"ratings.csv": real_ratings()}, mode="FastFile")
        self.train(fast)
        self.assertSameModel(usual, fast, "FastFile")

    def test_another_seed_gives_other_bytes(self):
        """Shows that the equalities above are not trivial."""
        one, _ = self.outcome(n_epochs=2, seed=1)
        two, _ = self.outcome(n_epochs=2, seed=2)
        self.assertNotEqual(one.bytes(), two.bytes())


def hash_of(text):
    """A pseudo-random number, the same in every Python."""
    value = int(text) * 0x9E3779B97F4A7C15 % (1 << 64)
    return (value ^ value >> 29) % 1_000_003


if __name__ == "__main__":
    unittest.main()
