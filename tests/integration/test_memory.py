"""Peak memory: at most 24 bytes per rating and twice the model, whatever the CSV's size,
on data of the project's own generator.

Measured as wait4's ru_maxrss. It counts every resident page, mapped files too, so a
reader that maps the CSV would show."""

import gzip
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from programs import BIN
from sanitizers import SANITIZED
from train_case import TrainCase

N_RATINGS = 2_500_000
PER_RATING = 24
# Program, libraries, threads' stacks and the blocks of text in flight: what does not
# grow with the data.
CONSTANT = 24 << 20
OPTIONS = ("--users", "40000", "--items", "8000", "--rank", "4")


class Memory(TrainCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = None

    @classmethod
    def tearDownClass(cls):
        if cls.shared is not None:
            shutil.rmtree(cls.shared, ignore_errors=True)

    def setUp(self):
        super().setUp()
        if SANITIZED:
            self.not_here("a sanitizer has its own memory")
        if Memory.shared is None:
            Memory.shared = Path(tempfile.mkdtemp(prefix="mf-memory-"))
            self.generate(Memory.shared / "ratings.csv", N_RATINGS)
        self.ratings = Memory.shared / "ratings.csv"

    def generate(self, path, n):
        subprocess.run([BIN / "planted", *OPTIONS, "--ratings", str(n), "--output", path],
                       check=True, timeout=300, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def files(self, job, *paths, channel="train"):
        """Links, so that the data is not copied for each test."""
        job.channel(channel, {})
        for path in paths:
            os.symlink(path, job.data / channel / path.name)
        return job

    def assertWithin(self, job, run, n_ratings=N_RATINGS):
        """run: what measured() gave."""
        result, peak = run
        self.assertTrained(job, result)
        self.assertEqual(n_ratings, job.metrics()["data"]["n_ratings"])
        model = job.model_bin.stat().st_size
        limit = PER_RATING * n_ratings + 2 * model + CONSTANT
        per_rating = (peak - 2 * model - CONSTANT) / n_ratings
        self.assertLessEqual(peak, limit,
                             f"{peak >> 20} MiB, the limit is {limit >> 20} MiB: "
                             f"{per_rating:.1f} bytes per rating beside 2 x {model >> 20} MiB of "
                             f"model and {CONSTANT >> 20} MiB")

    def lean(self, **more):
        return self.job(**{"n_factors": 16, "n_epochs": 1, "n_threads": 2, **more})

    def test_training_on_a_plain_file(self):
        """The usual job."""
        job = self.files(self.lean(), self.ratings)
        self.assertWithin(job, self.measured(job))

    def test_the_bound_is_on_the_program_not_on_this_test(self):
        """Two ratings take little, also when Python holds much: that is not measured."""
        ballast = b"x" * (200 << 20)
        job = self.job_on("1,2,3\n4,5,4\n")
        result, peak = self.measured(job)
        self.assertTrained(job, result)
        self.assertLess(peak, CONSTANT)
        self.assertGreater(peak, 1 << 20)
        del ballast

    def test_with_a_held_out_fraction_and_checkpoints(self):
        """The split and a second set of parameters are within it; n_ratings counts both."""
        job = self.files(self.lean(validation_fraction=0.1, checkpoint_every=1), self.ratings)
        job.keep_checkpoints()
        result, peak = self.measured(job)
        self.assertTrained(job, result)
        data = job.metrics()["data"]
        self.assertIn(data["n_ratings"], (N_RATINGS, *range(int(N_RATINGS * 0.89),
                                                            int(N_RATINGS * 0.91))))
        model = job.model_bin.stat().st_size
        self.assertLessEqual(peak, PER_RATING * N_RATINGS + 2 * model + CONSTANT)

    def test_a_file_with_fat_rows_takes_no_more(self):
        """Whatever the CSV's size: four times as many bytes in columns that are ignored."""
        fat = Memory.shared / "fat.csv"
        if not fat.exists():
            with open(self.ratings, encoding="ascii") as source, open(fat, "w",
                                                                      encoding="ascii") as target:
                target.write(source.readline().rstrip("\n") + ",note\n")
                for line in source:
                    target.write(line.rstrip("\n") + ',"' + "words, " * 9 + '"\n')
        self.assertGreater(fat.stat().st_size, 3 * self.ratings.stat().st_size)
        job = self.files(self.lean(), fat)
        self.assertWithin(job, self.measured(job))

    def test_gzip_takes_no_more(self):
        """Nothing is unpacked as a whole."""
        packed = Memory.shared / "ratings.csv.gz"
        if not packed.exists():
            with open(self.ratings, "rb") as source, gzip.open(packed, "wb", 1) as target:
                shutil.copyfileobj(source, target, 1 << 20)
        job = self.files(self.lean(), packed)
        self.assertWithin(job, self.measured(job))

    def test_a_pipe_takes_no_more(self):
        """Nothing is collected before it is parsed."""
        job = self.lean()
        job.channel("train", None, mode="Pipe")
        os.mkfifo(job.data / "train_0")
        feeder = subprocess.Popen(["sh", "-c", 'exec cat "$1" >"$2"', "sh", self.ratings,
                                   job.data / "train_0"])
        try:
            self.assertWithin(job, self.measured(job))
        finally:
            feeder.kill()
            feeder.wait()

    def test_text_ids_cost_their_own_bytes_only(self):
        """UUIDs for users: the ids are in the model, the rest as before."""
        uuids = Memory.shared / "uuids.csv"
        if not uuids.exists():
            with open(self.ratings, encoding="ascii") as source, open(uuids, "w",
                                                                      encoding="ascii") as target:
                target.write(source.readline())
                for line in source:
                    user, rest = line.split(",", 1)
                    number = int(user) * 0x9E3779B97F4A7C15 % (1 << 64)
                    target.write(f"{number:016x}-{number ^ 0xABCDEF:016x},{rest}")
        job = self.files(self.lean(), uuids)
        self.assertWithin(job, self.measured(job))

    def test_it_grows_by_no_more_than_24_bytes_for_each_further_rating(self):
        """The slope, so that no constant can hide it."""
        small = Memory.shared / "small.csv"
        n_small = 500_000
        if not small.exists():
            self.generate(small, n_small)
        peaks = []
        for path in (small, self.ratings):
            job = self.files(self.lean(), path)
            result, peak = self.measured(job)
            self.assertTrained(job, result)
            peaks.append(peak - 2 * job.model_bin.stat().st_size)
        slope = (peaks[1] - peaks[0]) / (N_RATINGS - n_small)
        self.assertLessEqual(slope, PER_RATING, f"{slope:.1f} bytes per rating")


if __name__ == "__main__":
    unittest.main()
