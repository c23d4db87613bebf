"""Checklist 65-71 (docs/sagemaker.md): a job that starts from an earlier model, and jobs of
several hosts."""

import gzip
import io
import os
import re
import signal
import tarfile
import unittest

from epochs import figures
from samples import csv, planted, real_ratings
from sanitizers import SANITIZED
from train_case import TrainCase

ALL = planted(220, 110, 5200)
# A first job with the users up to 170 and the items up to 1079 …
KNOWN = [row for row in ALL if int(row[0]) <= 170 and int(row[1]) < 1080]
# … and a second one whose data has all users but the first thirty.
LATER = [row for row in ALL if int(row[0]) > 30]


def member(name, content=b"", kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, 0o644
    info.size = len(content) if kind == tarfile.REGTYPE else 0
    if kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
        info.devmajor, info.devminor = 1, 3
    return info, content


def archive(*members, form=tarfile.GNU_FORMAT, packed=True):
    """A model.tar.gz of member(…)s."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=form) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return gzip.compress(raw.getvalue()) if packed else raw.getvalue()


class Incremental(TrainCase):
    """Checklist 65."""

    def setUp(self):
        super().setUp()
        self.first = self.job_on(KNOWN, n_epochs=15, n_factors=8)
        self.train(self.first)
        self.model = self.first.bytes()

    def second(self, files, rows=LATER, **hyperparameters):
        job = self.job_on(rows, **hyperparameters)
        return job.channel("model", files, properties={
            "TrainingInputMode": "File", "ContentType": "application/x-sagemaker-model",
            "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"})

    def packed(self, **hyperparameters):
        return self.second({"model.tar.gz": archive(member("model.bin", self.model))},
                           **hyperparameters)

    def test_continuing_with_the_same_data_does_not_undo_what_was_learned(self):
        """Priors that start at zero would be learned in addition to factors that contain them."""
        settings = dict(defaults=True, validation_fraction=0.1)
        first = self.job(**settings).channel("train", {"ratings.csv": real_ratings()})
        before = float(self.train(first).epochs[-1]["validation_rmse"])
        again = self.job(**settings).channel("train", {"ratings.csv": real_ratings()})
        again.channel("model", {"model.bin": first.bytes()})
        after = [float(epoch["validation_rmse"]) for epoch in self.train(again).epochs]
        self.assertLess(after[0], before + 0.01)
        self.assertLess(after[-1], before + 0.01)

    def test_a_packed_model_is_where_training_starts(self):
        """Checklist 65: the first epoch is far ahead of a cold start's."""
        cold = self.job_on(LATER)
        slow = self.train(cold)
        job = self.packed()
        warm = self.train(job)
        self.assertTrained(job, warm)
        self.assertLess(float(warm.epochs[0]["train_rmse"]),
                        float(slow.epochs[0]["train_rmse"]) - 0.03,
                        "the earlier model made no difference")
        self.assertEqual(4, len(warm.epochs), "n_epochs more of them")

    def test_known_users_continue_and_new_ones_are_added(self):
        """Users 1-30 are only in the base model, 171-220 only in the data."""
        job = self.packed(n_epochs=2)
        self.train(job)
        only_before = next(row for row in KNOWN if int(row[0]) <= 30)
        only_now = next(row for row in LATER if int(row[0]) > 170)
        new_item = next(row for row in LATER if int(row[1]) >= 1080)
        for user, item in ((only_before[0], LATER[0][1]), (only_now[0], KNOWN[0][1]),
                           (LATER[0][0], new_item[1])):
            _, line = self.predict(job, user, item)
            self.assertNotIn("false", line, "known to the new model")
        before, _ = self.predict(self.first, *only_before[:2])
        after, _ = self.predict(job, *only_before[:2])
        self.assertAlmostEqual(before, after, delta=0.8, msg="a user without new data drifts only "
                               "with the items")
        _, line = self.predict(job, "never-seen", LATER[0][1])
        self.assertIn("known_user=false", line)

    def test_every_way_to_pack_it_makes_the_same_model(self):
        """Checklist 65: tar's and Python's names, other members beside it, other formats,
        no gzip, and the plain file."""
        extra = [member("code/", kind=tarfile.DIRTYPE), member("code/inference.py", b"print()"),
                 member("." + "/" + "n" * 150, b"a long name")]
        model = member("model.bin", self.model)
        dotted = member("./model.bin", self.model)
        ways = {
            "as tar czf . does": archive(member("./", kind=tarfile.DIRTYPE), dotted),
            "pax": archive(*extra, model, form=tarfile.PAX_FORMAT),
            "gnu": archive(*extra, model, form=tarfile.GNU_FORMAT),
            "ustar": archive(extra[0], extra[1], model, form=tarfile.USTAR_FORMAT),
            "last": archive(model, *extra),
            "two gzip members": (lambda raw: gzip.compress(raw[:700]) + gzip.compress(raw[700:]))(
                archive(model, packed=False)),
        }
        plain = self.second({"model.bin": self.model})
        self.train(plain)
        for label, content in ways.items():
            with self.subTest(label):
                job = self.second({"model.tar.gz": content})
                self.assertTrained(job, self.train(job))
                self.assertSameModel(plain, job, label)

    def test_it_is_as_deterministic_as_a_cold_start(self):
        """Checklist 52, 65."""
        one = self.packed(n_threads=1)
        two = self.packed(n_threads=3)
        self.assertEqual(figures(self.train(one)), figures(self.train(two)))
        self.assertSameModel(one, two)

    def test_a_chain_of_jobs_works(self):
        """Checklist 65: the result is a model to start from again."""
        job = self.packed()
        self.train(job)
        third = self.second({"model.tar.gz": archive(member("model.bin", job.bytes()))}, rows=KNOWN)
        self.assertTrained(third, self.train(third))

    def test_fit_deploy_and_fit_on_the_folder_of_local_mode(self):
        """deploy unpacks the archive in its own folder, which is then the channel of the second fit."""
        packed = archive(member("model.bin", self.model))
        both = self.second({"model.tar.gz": packed, "model.bin": self.model})
        self.train(both)
        alone = self.packed()
        self.train(alone)
        self.assertSameModel(alone, both)
        other = self.second({"model.tar.gz": packed, "model.bin": both.bytes()})
        self.assertFailed(other, self.run_train(other), "more than one model", "model.bin", "model.tar.gz",
                          "differ")

    def test_a_broken_one_fails_with_a_reason(self):
        """Checklist 65."""
        whole = archive(member("model.bin", self.model))
        flipped = bytearray(self.model)
        flipped[len(flipped) // 2] ^= 4
        raw = archive(member("model.bin", self.model), packed=False)
        broken = {
            "an empty file": {"model.tar.gz": b""},
            "not an archive": {"model.tar.gz": b"hello, this is no archive at all " * 40},
            "gzip of something else": {"model.tar.gz": gzip.compress(b"hello" * 500)},
            "gzip cut": {"model.tar.gz": whole[: len(whole) // 2]},
            "gzip without its end": {"model.tar.gz": whole[:-5]},
            "gzip with a wrong sum": {"model.tar.gz": whole[:-8] + b"\0\0\0\0" + whole[-4:]},
            "tar cut": {"model.tar.gz": gzip.compress(raw[:1500])},
            "tar with a wrong header sum": {"model.tar.gz": gzip.compress(b"M" + raw[1:])},
            "no model in it": {"model.tar.gz": archive(member("readme.txt", b"x"))},
            "an empty archive": {"model.tar.gz": archive()},
            "a model with a flipped bit": {
                "model.tar.gz": archive(member("model.bin", bytes(flipped)))},
            "a model cut": {"model.tar.gz": archive(member("model.bin", self.model[:-100]))},
            "an empty model": {"model.tar.gz": archive(member("model.bin", b""))},
            "another program's model": {"model.tar.gz": archive(member("model.bin", b"xgb" * 500))},
            "a size of 2^50": {"model.tar.gz": gzip.compress(huge(self.model))},
            "nothing": {},
            "something else": {"weights.h5": b"x"},
        }
        for label, files in broken.items():
            with self.subTest(label):
                job = self.second(files)
                result, peak = self.measured(job)
                self.assertFailed(job, result, "model", error=None)
                self.assertEqual([], result.epochs)
                self.assertLess(peak, (1 << 30) if SANITIZED else (50 << 20),
                                "believed a size in the file")

    def test_an_incompatible_one_fails_with_both_numbers(self):
        """Checklist 65."""
        job = self.packed(n_factors=24)
        self.assertFailed(job, self.run_train(job), "n_factors", "24", re.compile(r"\b8\b"))

    def test_its_number_of_factors_is_the_default(self):
        """Checklist 65: the default of n_factors is no reason to refuse a model."""
        job = self.packed()
        del job.hyperparameters["n_factors"]
        self.assertTrained(job, self.train(job))
        self.assertEqual(8, int(job.metrics()["hyperparameters"]["n_factors"]))

    def test_a_bad_member_is_refused_and_nothing_is_written_through_it(self):
        """Checklist 67: '..', absolute paths, links, devices and FIFOs."""
        target = self.folder / "outside"
        target.write_bytes(b"untouched")
        model = member("model.bin", self.model)
        wide = os.path.relpath(target, "/")
        hostile = {
            "parent": [member("../outside", b"x"), model],
            "parent in the middle": [member("code/../../outside", b"x"), model],
            "absolute": [member(str(target), b"x"), model],
            "the model itself, absolute": [member("/model.bin", self.model)],
            "the model itself, from above": [member("../model.bin", self.model)],
            "deep parents": [member("../" * 20 + wide, b"x"), model],
            "symbolic link": [member("model.bin", kind=tarfile.SYMTYPE, link=str(target))],
            "symbolic link elsewhere": [member("a", kind=tarfile.SYMTYPE, link="/etc"), model],
            "through a link": [member("a", kind=tarfile.SYMTYPE, link=str(self.folder)),
                               member("a/outside", b"x"), model],
            "hard link": [member("model.bin", kind=tarfile.LNKTYPE, link=str(target))],
            "device": [member("model.bin", kind=tarfile.CHRTYPE)],
            "block device": [member("disk", kind=tarfile.BLKTYPE), model],
            "FIFO": [member("model.bin", kind=tarfile.FIFOTYPE)],
        }
        for label, members in hostile.items():
            for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
                with self.subTest(label, form=form):
                    job = self.second({"model.tar.gz": archive(*members, form=form)})
                    before = set(self.folder.rglob("*"))
                    result = self.run_train(job)
                    self.assertFailed(job, result, "model.tar.gz", error=None)
                    self.assertEqual(b"untouched", target.read_bytes())
                    new = {p for p in set(self.folder.rglob("*")) - before
                           if job.prefix not in p.parents}
                    self.assertEqual(set(), new)

    def test_a_checkpoint_takes_precedence_over_the_model_channel_and_that_is_logged(self):
        """Checklist 66."""
        undisturbed = self.packed(n_epochs=10)
        self.train(undisturbed)
        job = self.packed(n_epochs=10, checkpoint_every=1).keep_checkpoints()
        gate = self.gate(350)
        run = self.start(job, stdout=gate.write_end)
        self.assertTrue(gate.wait_until_blocked(run))
        run.signal(signal.SIGKILL)
        run.wait()
        job.forget_results()
        result = self.train(job)
        self.assertGreater(int(result.epochs[0]["epoch"]), 1, "did not resume")
        self.assertSameModel(undisturbed, job)
        lines = [line for line in result.log
                 if "checkpoint" in str(line).lower() and re.search(r"\bmodel\b", str(line))]
        self.assertTrue(lines, f"no log line names both{result}")

    def test_another_base_model_makes_it_another_run(self):
        """Checklist 62, 65: a checkpoint that began from another model is not taken."""
        job = self.packed(n_epochs=10, checkpoint_every=1).keep_checkpoints()
        self.train(job)
        other = self.job_on(KNOWN, n_epochs=2, n_factors=8)
        self.train(other)
        again = self.second({"model.tar.gz": archive(member("model.bin", other.bytes()))},
                            n_epochs=10)
        clean = self.second({"model.bin": other.bytes()}, n_epochs=10)
        self.train(clean)
        job.checkpoints.rename(again.checkpoints)
        result = self.run_train(again)
        if result.status != 0:
            self.assertFailed(again, result, "checkpoint-")
        else:
            self.assertSameModel(clean, again)


def huge(content):
    """A tar whose header claims 2^50 bytes (base 256, as GNU tar writes it)."""
    raw = bytearray(archive(member("model.bin", content), packed=False))
    raw[124:136] = b"\x80" + (1 << 50).to_bytes(11, "big")
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    return bytes(raw)


class Hosts(TrainCase):
    ROWS = planted(80, 50, 1500)

    def host(self, current, names, **properties):
        job = self.job_on(self.ROWS).hosts(current, names)
        job.channels["train"].update(properties)
        return job

    def test_shards_on_one_host_are_everything(self):
        """Checklist 71."""
        job = self.host("algo-1", ["algo-1"], S3DistributionType="ShardedByS3Key")
        self.assertTrained(job, self.train(job))

    def test_a_wrong_hyperparameter_fails_on_every_host(self):
        """Checklist 68, 23: a typo must not look like success on the others."""
        for name in ("algo-1", "algo-2"):
            job = self.host(name, ["algo-1", "algo-2"])
            job.set(n_factor=3)
            self.assertFailed(job, self.run_train(job), "n_factor")

    def test_a_resourceconfig_that_contradicts_itself_is_refused(self):
        """Checklist 69: two hosts that both think they are the first would collide."""
        for current, names in (("algo-3", ["algo-1", "algo-2"]), ("algo-1", []),
                               ("algo-1", ["algo-1", "algo-1"]), ("../x", ["../x", "b"])):
            with self.subTest(current=current, names=names):
                job = self.host(current, names)
                self.assertFailed(job, self.run_train(job), "resourceconfig.json")


if __name__ == "__main__":
    unittest.main()
