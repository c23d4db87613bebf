"""hosts_case.py: jobs of several hosts, each a process of this machine.

    first, second = self.started(["127.0.0.1", "127.0.0.2"])     # all hosts at once

A host's name is its address, and the first of the sorted names is the one that the others
connect to. In network namespaces (namespaces.py) every host has an interface of its own.
"""

from ports import Port
from samples import planted
from train_case import TrainCase

TWO = ["127.0.0.1", "127.0.0.2"]
THREE = ["127.0.0.1", "127.0.0.10", "127.0.0.2"]  # sorted: bytewise
ROWS = planted(80, 50, 1500)
QUICK = {"hosts_silence": 2, "hosts_wait": 60}  # seconds


class HostsCase(TrainCase):
    def setUp(self):
        super().setUp()
        self.bare_only("its hosts are processes of one machine")
        self.port = Port()
        self._closers.append(self.port)

    def host(self, current, names, rows=ROWS, **hyperparameters):
        for name, value in QUICK.items():
            hyperparameters.setdefault(name, value)
        job = self.job_on(rows, hosts_port=self.port.number, **hyperparameters)
        return job.hosts(current, names)

    def jobs(self, names, **hyperparameters):
        return {name: self.host(name, names, **hyperparameters) for name in names}

    def together(self, jobs, **how):
        """The results of all, by name; all run at once."""
        runs = {name: self.start(job, **how) for name, job in jobs.items()}
        return {name: run.wait() for name, run in runs.items()}

    def assertAllFailed(self, jobs, results, *words, error="PlatformError"):
        """Every host has the same sentence."""
        texts = {self.assertFailed(jobs[name], result, *words, error=error)
                 for name, result in results.items()}
        self.assertEqual(1, len(texts), texts)

    def held(self, names, **hyperparameters):
        """(jobs, runs, gate): the first host is blocked while it prints an epoch; the others are
        connected."""
        hyperparameters.setdefault("n_epochs", 20)
        jobs = self.jobs(names, **hyperparameters)
        gate = self.gate(500)
        runs = {name: self.start(jobs[name]) for name in names[1:]}
        runs[names[0]] = self.start(jobs[names[0]], stdout=gate.write_end)
        self.assertTrue(gate.wait_until_blocked(runs[names[0]]), "ended before its output was full")
        return jobs, runs, gate
