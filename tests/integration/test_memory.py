"""Peak memory: at most 24 bytes per rating and twice the model, for any size of the CSV, and for
the ranking model three times the vectors of the smaller side and a block per thread; on data of
the project's own generator.

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
# Program, libraries, threads' stacks and blocks of text being parsed: memory that does not
# grow with the data.
CONSTANT = 24 << 20
N_USERS, N_ITEMS = 40000, 8000
MOST_FACTORS = 256  # of a ranking model that chooses for itself
BLOCK = 32  # columns that a thread works on


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

    def generate(self, path, n, n_users=N_USERS, n_items=N_ITEMS):
        subprocess.run([BIN / "planted", "--users", str(n_users), "--items", str(n_items),
                        "--rank", "4", "--ratings", str(n), "--output", path],
                       check=True, timeout=300, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def files(self, job, *paths, channel="train"):
        """Links, so that the data is not copied for each test."""
        job.channel(channel, {})
        for path in paths:
            os.symlink(path, job.data / channel / path.name)
        return job

    def ranking_bytes(self, job):
        """The additional memory that the ranking model may take."""
        if job.hyperparameters.get("ranking") == "false":
            return 0
        data = job.metrics()["data"]
        smaller = min(data["n_users"], data["n_items"])
        factors = min(smaller, int(job.hyperparameters.get("ranking_factors", MOST_FACTORS)))
        return 4 * smaller * (3 * factors + BLOCK * int(job.hyperparameters["n_threads"]))

    def assertWithin(self, job, run, n_ratings=N_RATINGS, n_trained=None):
        """run: the result of measured(). n_trained: without held-out ratings."""
        result, peak = run
        self.assertTrained(job, result)
        self.assertEqual(n_trained or n_ratings, job.metrics()["data"]["n_ratings"])
        model = job.model_bin.stat().st_size
        beside = self.ranking_bytes(job) + CONSTANT
        limit = PER_RATING * n_ratings + 2 * model + beside
        per_rating = (peak - 2 * model - beside) / n_ratings
        self.assertLessEqual(peak, limit,
                             f"{peak >> 20} MiB, the limit is {limit >> 20} MiB: "
                             f"{per_rating:.1f} bytes per rating beside 2 x {model >> 20} MiB of "
                             f"model and {beside >> 20} MiB")

    def lean(self, **more):
        return self.job(**{"n_factors": 16, "n_epochs": 1, "n_threads": 2, **more})

    def test_training_on_a_plain_file(self):
        """The usual job, and one without a ranking model."""
        for settings in ({}, {"ranking": "false"}):
            job = self.files(self.lean(**settings), self.ratings)
            self.assertWithin(job, self.measured(job))

    def test_a_ranking_model_of_a_given_size(self):
        """Few directions and many; more threads."""
        for factors, threads in ((16, 2), (64, 2), (256, 2), (64, 8)):
            with self.subTest(factors=factors, threads=threads):
                job = self.lean(ranking_factors=factors, ranking_regularization=50,
                                n_threads=threads)
                self.files(job, self.ratings)
                self.assertWithin(job, self.measured(job))

    def test_fewer_users_than_items(self):
        """The smaller side is the users' then; the items' vectors are the model's."""
        wide = Memory.shared / "wide.csv"
        if not wide.exists():
            self.generate(wide, N_RATINGS, n_users=N_ITEMS, n_items=N_USERS)
        job = self.files(self.lean(), wide)
        self.assertWithin(job, self.measured(job))

    def test_from_a_base_model(self):
        """Its grades and the new ones are in one list. The mapped base counts as a model."""
        base = self.files(self.lean(), self.ratings)
        self.train(base)
        job = self.files(self.lean(), self.ratings)
        job.channel("model", {"model.bin": base.bytes()})
        result, peak = self.measured(job)
        self.assertWithin(job, (result, peak - base.model_bin.stat().st_size))

    def test_without_ratings(self):
        """The same rows as pairs: no rating model and no memory for one."""
        job = self.files(self.lean(feedback="implicit"), self.ratings)
        self.assertWithin(job, self.measured(job))

    def test_the_bound_is_on_the_program_not_on_this_test(self):
        """Two ratings take little, also when Python itself uses much memory."""
        ballast = b"x" * (200 << 20)
        job = self.job_on("1,2,3\n4,5,4\n")
        result, peak = self.measured(job)
        self.assertTrained(job, result)
        self.assertLess(peak, CONSTANT)
        self.assertGreater(peak, 1 << 20)
        del ballast

    def test_with_a_held_out_fraction_and_checkpoints(self):
        """The split and a second set of parameters are within it."""
        job = self.files(self.lean(validation_fraction=0.1, checkpoint_every=1), self.ratings)
        job.keep_checkpoints()
        self.assertWithin(job, self.measured(job), n_trained=N_RATINGS - N_RATINGS // 10)

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
