"""Several hosts: the model of any number of them is that of one host, byte for byte."""

import re
import signal
import unittest

from hosts_case import ROWS, THREE, TWO, HostsCase
from samples import csv, planted

FIVE = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"]
PART = re.compile(r"checkpoint-[0-9a-f]{8}-(\d{6})-(\d)-of-(\d)\.mfck")


class SameModel(HostsCase):
    def check(self, counts, rows=ROWS, **hyperparameters):
        """The metrics of one host, and of the first of the last hosts, whose runs are self.results."""
        alone = self.job_on(rows, **hyperparameters)
        self.train(alone)
        for names in counts:
            jobs = self.jobs(names, rows=rows, **hyperparameters)
            self.results = self.together(jobs)
            for name, result in self.results.items():
                self.assertEqual(0, result.status, f"{name}: {result}")
            self.assertSameModel(alone, jobs[names[0]], f"{len(names)} hosts, {hyperparameters}")
        return alone.metrics(), jobs[names[0]].metrics(f"metrics-{names[0]}.json")

    def test_of_both_models_with_validation_data(self):
        """Checklist 68."""
        one, many = self.check([TWO, THREE, FIVE], validation_fraction=0.1)
        # ring.h: 4 rows and a bias of each item, and a row and a bias more for the validation.
        due = many["data"]["n_items"] * (5 * 16 + 2) * 4
        for epoch in many["epochs"]:
            self.assertGreaterEqual(epoch["sent_bytes"], due)
            self.assertLess(epoch["sent_bytes"], 1.1 * due)
        self.assertNotIn("sent_bytes", one["epochs"][0])
        for ours, theirs in zip(many["epochs"], one["epochs"]):
            self.assertEqual(theirs["validation_rmse"], ours["validation_rmse"])

    def test_with_three_threads_each(self):
        self.check([TWO, THREE], n_threads=3, validation_fraction=0.1, validation_split="time")

    def test_that_stops_early(self):
        one, many = self.check([THREE], n_epochs=60, learning_rate=0.1, validation_fraction=0.2,
                               early_stopping_patience=2, ranking="false")
        self.assertLess(len(one["epochs"]), 60)
        self.assertEqual(len(one["epochs"]), len(many["epochs"]))

    def test_without_item_priors_and_ranking_model(self):
        self.check([TWO], implicit_rate=0, ranking="false")

    def test_of_feedback_without_ratings(self):
        self.check([THREE], feedback="implicit")

    def test_of_few_users_for_many_hosts(self):
        """Three users are three blocks at most: two of five hosts have none, and say so."""
        self.check([FIVE], rows=planted(3, 40, 60), n_factors=4)
        idle = [name for name in FIVE if '"event":"idle_host"' in self.results[name].stderr]
        self.assertEqual([FIVE[0], FIVE[2]], idle)
        self.assertIn("the users are cut into 3 blocks, and there are 5 hosts; 3 are as fast",
                      self.results[FIVE[0]].stderr)
        self.check([TWO], rows=planted(3, 40, 60), n_factors=4)
        self.assertNotIn("idle_host", self.results[TWO[0]].stderr + self.results[TWO[1]].stderr)

    def test_with_a_base_model(self):
        base = self.job_on(ROWS)
        self.train(base)
        newer = csv(planted(90, 60, 1700))
        files = {"model.bin": base.bytes()}
        alone = self.job_on(newer).channel("model", files)
        self.train(alone)
        jobs = self.jobs(TWO, rows=newer)
        for job in jobs.values():
            job.channel("model", files)
        for name, result in self.together(jobs).items():
            self.assertEqual(0, result.status, f"{name}: {result}")
        self.assertSameModel(alone, jobs[TWO[0]])


class Checkpoints(HostsCase):
    """Checklist 56, 64: each host saves its part; S3 gives all parts to every host."""

    LEARNED = {"n_epochs": 12, "checkpoint_every": 1, "checkpoint_keep": 1,
               "validation_fraction": 0.1}

    def files(self, jobs):
        return {path.name: path.read_bytes()
                for job in jobs.values() for path in job.checkpoints.iterdir()}

    def restored(self, names, files):
        jobs = self.jobs(names, **self.LEARNED)
        for job in jobs.values():
            job.keep_checkpoints()
            for name, content in files.items():
                (job.checkpoints / name).write_bytes(content)
        return jobs

    def run_all(self, jobs):
        results = self.together(jobs)
        for name, result in results.items():
            self.assertEqual(0, result.status, f"{name}: {result}")
        return results

    def test_a_run_continues_on_any_number_of_hosts(self):
        alone = self.job_on(ROWS, **self.LEARNED)
        self.train(alone)
        jobs = {name: job.keep_checkpoints() for name, job in
                self.jobs(THREE, **self.LEARNED).items()}
        self.run_all(jobs)
        files = self.files(jobs)
        parts = sorted(filter(None, map(PART.fullmatch, files)), key=lambda m: m.group(0))
        self.assertEqual([("000011", str(k), "3") for k in (1, 2, 3)] +
                         [("000012", str(k), "3") for k in (1, 2, 3)],
                         [m.groups() for m in parts], "at least two are kept")
        for k, name in enumerate(THREE):  # each has its own files alone
            own = [m for m in map(PART.fullmatch, (p.name for p in jobs[name].checkpoints.iterdir()))
                   if m]
            self.assertEqual({str(k + 1)}, {m.group(2) for m in own})
        earlier = {name: content for name, content in files.items()
                   if "-000011-" in name}
        for names in (["127.0.0.1"], TWO, THREE):
            again = self.restored(names, earlier)
            results = self.run_all(again)
            self.assertEqual(["12"], [e["epoch"] for e in results[names[0]].epochs])
            self.assertSameModel(alone, again[names[0]], f"{len(names)} hosts")

    def test_a_set_that_a_host_has_not_whole_is_not_taken_by_any(self):
        alone = self.job_on(ROWS, **self.LEARNED)
        self.train(alone)
        jobs = {name: job.keep_checkpoints() for name, job in
                self.jobs(TWO, **self.LEARNED).items()}
        self.run_all(jobs)
        files = {name: content for name, content in self.files(jobs).items() if PART.fullmatch(name)}
        again = self.restored(TWO, files)
        for path in again[TWO[1]].checkpoints.glob("*-000012-1-of-2.mfck"):
            path.unlink()  # 11 is the newest that both have
        for path in again[TWO[0]].checkpoints.glob("*-000011-2-of-2.mfck"):
            path.write_bytes(path.read_bytes()[:-1])  # and one of them cannot read it
        results = self.run_all(again)
        self.assertIn("truncated", results[TWO[0]].stderr)
        self.assertIn("another host cannot continue", results[TWO[1]].stderr)
        self.assertEqual("1", results[TWO[0]].epochs[0]["epoch"])
        self.assertSameModel(alone, again[TWO[0]])

    def test_sigterm_saves_and_the_next_start_gives_the_same_bytes(self):
        alone = self.job_on(ROWS, n_epochs=300, checkpoint_every=300)
        self.train(alone)
        jobs = {name: job.keep_checkpoints() for name, job in
                self.jobs(TWO, n_epochs=300, checkpoint_every=300).items()}
        gate = self.gate(500)
        runs = {TWO[1]: self.start(jobs[TWO[1]])}
        runs[TWO[0]] = self.start(jobs[TWO[0]], stdout=gate.write_end)
        self.assertTrue(gate.wait_until_blocked(runs[TWO[0]]))
        runs[TWO[1]].signal(signal.SIGTERM)
        runs[TWO[0]].wait_until(lambda: (gate.drain(), runs[TWO[0]].process.poll() is not None)[1],
                                "the end of the run")
        for name in TWO:
            self.assertEqual(0, runs[name].wait().status, runs[name].result)
        files = self.files(jobs)
        self.assertEqual(2, len(files), sorted(files))
        again = self.jobs(TWO, n_epochs=300, checkpoint_every=300)
        for job in again.values():
            job.keep_checkpoints()
            for name, content in files.items():
                (job.checkpoints / name).write_bytes(content)
        results = self.run_all(again)
        self.assertGreater(int(results[TWO[0]].epochs[0]["epoch"]), 1)
        self.assertSameModel(alone, again[TWO[0]])


if __name__ == "__main__":
    unittest.main()
