"""hosts_case.py: jobs of several hosts, each a process of this machine.

    first, second = self.started(["127.0.0.1", "127.0.0.2"])     # all hosts at once

A host's name is its address, and the first of the sorted names is the one that the others
connect to. In network namespaces (Namespaces) every host has an interface of its own.
"""

import os
import shutil
import subprocess

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


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True, timeout=20, check=False)


class Namespaces:
    """Hosts with a network of their own: namespaces joined by a bridge in another one.

    names: their addresses, in ascending order; run(i): words before a command; each has the
    interfaces eth0, which reaches the others, and other0, which reaches none."""

    def __init__(self, n):
        self.prefix = f"mf{os.getpid() % 100000}"
        self.made = []
        self.names = [f"10.77.0.{i + 1}" for i in range(n)]
        hub = self._namespace("hub")
        self._do("-n", hub, "link", "add", "br0", "type", "bridge")
        self._do("-n", hub, "link", "set", "br0", "up")
        for i in range(n):
            here = self._namespace(i)
            self._do("-n", here, "link", "add", "eth0", "type", "veth", "peer", "name", f"p{i}",
                     "netns", hub)
            self._do("-n", hub, "link", "set", f"p{i}", "master", "br0", "up")
            self._do("-n", here, "addr", "add", f"{self.names[i]}/24", "dev", "eth0")
            self._do("-n", here, "link", "add", "other0", "type", "veth", "peer", "name", "other1")
            self._do("-n", here, "addr", "add", f"10.78.{i}.1/24", "dev", "other0")
            for link in ("lo", "eth0", "other0", "other1"):
                self._do("-n", here, "link", "set", link, "up")

    @staticmethod
    def possible():
        name = f"mf{os.getpid() % 100000}try"
        if shutil.which("ip") is None or ip("netns", "add", name).returncode != 0:
            return False
        can = ip("-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", "p0")
        bridge = ip("-n", name, "link", "add", "br0", "type", "bridge")
        ip("netns", "del", name)
        return can.returncode == 0 and bridge.returncode == 0

    def _do(self, *words):
        done = ip(*words)
        if done.returncode != 0:
            self.close()
            raise AssertionError(f"ip {' '.join(words)}: {done.stderr}")

    def _namespace(self, label):
        name = f"{self.prefix}{label}"
        self._do("netns", "add", name)
        self.made.append(name)
        return name

    def run(self, i):
        return ("ip", "netns", "exec", f"{self.prefix}{i}")

    def cut(self, i):
        """Nothing passes any more; neither end is told."""
        self._do("-n", f"{self.prefix}hub", "link", "set", f"p{i}", "nomaster")

    def close(self):
        while self.made:
            ip("netns", "del", self.made.pop())
