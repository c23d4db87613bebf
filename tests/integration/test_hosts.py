"""Several hosts: how a job starts, ends, and fails, with every host told (src/hosts)."""

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import unittest
from pathlib import Path

from hosts_case import ROWS, THREE, TWO, HostsCase
from namespaces import Namespaces
from programs import TRAIN
from wrappers import inside, namespace

HELLO, PING = 1, 4
VERSION = subprocess.run([str(TRAIN), "--version"], capture_output=True, text=True,
                         check=False).stdout.split()[-1] if TRAIN.exists() else ""


def frame(kind, *texts):
    """As src/hosts/frame.h says."""
    body = b"".join(text.encode() + b"\0" for text in texts)
    return struct.pack("<BBH", ord("m"), kind, len(body)) + body


def hello(name, version=VERSION, job="", settings="0", size=2):
    return frame(HELLO, "mf-hosts-1", version, job, settings, name, str(size))


class Success(HostsCase):
    def test_the_first_of_the_sorted_hosts_writes_the_model_and_no_host_ends_before(self):
        """Checklist 68, 69, 70, as docker compose up --abort-on-container-exit, which stops all when
        one has ended: the model is complete then. The names sort bytewise, in any order of the
        file, and no two hosts leave the same name in model/ or output/data/."""
        alone = self.job_on(ROWS)
        self.train(alone)
        for names in (THREE, THREE[::-1]):
            with self.subTest(names=names):
                jobs = self.jobs(names)
                runs = {name: self.start(jobs[name]) for name in names}
                self.assertEqual(0, runs[THREE[1]].wait().status, runs[THREE[1]].result)
                self.assertEqual(alone.bytes(), jobs[THREE[0]].bytes())
                left = []
                for name in names:
                    result = runs[name].wait()
                    self.assertEqual(0, result.status, result)
                    self.assertFalse(jobs[name].failure.exists(), result)
                    left += [p.name for p in jobs[name].prefix.rglob("*")
                             if p.is_file() and "input" not in str(p.relative_to(jobs[name].prefix))]
                self.assertEqual(sorted(set(left)), sorted(left), "names collide")
                self.assertEqual(["model.bin"], self.model_files(jobs[THREE[0]]))
                self.assertEqual([f"metrics-{THREE[0]}.json", f"report-{THREE[0]}.html"],
                                 sorted(os.listdir(jobs[THREE[0]].output / "data")))

    def test_a_host_may_start_long_before_the_first_one(self):
        jobs = self.jobs(TWO)
        second = self.start(jobs[TWO[1]])
        second.wait_for("cannot be reached yet", "stderr")
        self.train(jobs[TWO[0]])
        self.assertEqual(0, second.wait().status, second.result)

    def test_names_that_do_not_resolve_yet_are_tried_again(self):
        """In a file of names of their own; no name server responds."""
        if not namespace():
            self.not_here("a file of names needs a private mount namespace")
        known, servers = self.folder / "hosts", self.folder / "resolv.conf"
        known.write_text("127.0.0.1 localhost\n")
        servers.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        names = ["algo-1.invalid", "algo-2.invalid"]
        script = ('mount --bind "$1" /etc/hosts; mount --bind "$2" /etc/resolv.conf; shift 2; '
                  'exec "$@"')
        jobs = self.jobs(names)
        second = self.start(jobs[names[1]], wrapper=inside(script, known, servers))
        second.wait_for(f"{names[0]} cannot be reached yet", "stderr")
        with known.open("a") as file:
            file.write(f"127.0.0.1 {names[0]}\n127.0.0.2 {names[1]}\n")
        self.assertEqual(0, self.start(jobs[names[0]]).wait().status)
        self.assertEqual(0, second.wait().status, second.result)

    def test_a_read_only_machine_with_a_tiny_shared_memory_is_enough(self):
        """Only the job's own folder can be written; /dev/shm has one page."""
        if not namespace():
            self.not_here("mounts need a private mount namespace")
        alone = self.job_on(ROWS)
        self.train(alone)
        script = ('mount -t tmpfs -o size=4k none /dev/shm; '
                  'mount --bind /tmp /tmp; mount --bind "$1" "$1"; '
                  'mount -o remount,bind,ro /tmp; mount -o remount,bind,ro /; '
                  'if touch /x /tmp/x 2>/dev/null; then exit 77; fi; shift; exec "$@"')
        jobs = self.jobs(TWO)
        runs = {name: self.start(job, wrapper=inside(script, job.prefix))
                for name, job in jobs.items()}
        for name, run in runs.items():
            self.assertEqual(0, run.wait().status, run.result)
        self.assertSameModel(alone, jobs[TWO[0]])

    def test_one_host_loads_no_mpi_and_two_do(self):
        def loaded(run):
            return "libmpi" in Path(f"/proc/{run.pid}/maps").read_text()

        gate = self.gate(500)
        alone = self.start(self.job_on(ROWS, n_epochs=20), stdout=gate.write_end)
        self.assertTrue(gate.wait_until_blocked(alone))
        self.assertFalse(loaded(alone))
        _, runs, _ = self.held(TWO)
        self.assertTrue(loaded(runs[TWO[0]]))

    def test_variables_of_another_mpi_are_removed(self):
        jobs = self.jobs(TWO)
        results = self.together(jobs, env={"OMPI_MCA_btl": "none", "PMI_RANK": "7",
                                           "PMIX_NAMESPACE": "x"})
        for result in results.values():
            self.assertEqual(0, result.status, result)
            for name in ("OMPI_MCA_btl", "PMI_RANK", "PMIX_NAMESPACE"):
                self.assertIn(f"the variable {name} is not used", result.stderr)

    def test_mpirun_is_a_launcher(self):
        if shutil.which("mpirun") is None:
            self.not_here("there is no mpirun")
        alone = self.job_on(ROWS)
        self.train(alone)
        job = self.job_on(ROWS, **{"hosts_silence": 5})
        result = self.run_train(job, wrapper=("mpirun", "--allow-run-as-root", "--oversubscribe",
                                              "--mca", "btl", "tcp,self", "-n", "2"))
        self.assertEqual(0, result.status, result)
        self.assertSameModel(alone, job)
        self.assertEqual(2, result.stderr.count('"event":"hosts"'), result)


class Failure(HostsCase):
    """Checklist 70: whatever happens to a host, all end with 1 and its name."""

    def test_a_killed_host_ends_all_with_its_name_and_the_checkpoint_stays(self):
        for victim in TWO:
            with self.subTest(victim=victim):
                jobs, runs, gate = self.held(TWO, checkpoint_every=1)
                other = TWO[1 - TWO.index(victim)]
                runs[victim].signal(signal.SIGKILL)
                runs[victim].wait()
                result = runs[other].wait()
                self.assertFailed(jobs[other], result, f"{victim} is lost: its connection ended",
                                  error="PlatformError")
                gate.close()

    def test_a_paused_host_ends_all_with_its_name(self):
        for names, victim in ((TWO, TWO[0]), (THREE, THREE[2])):
            with self.subTest(victim=victim):
                jobs, runs, gate = self.held(names, n_epochs=60)
                runs[victim].signal(signal.SIGSTOP)
                results = {name: runs[name].wait() for name in names if name != victim}
                self.assertAllFailed(jobs, results,
                                     f"{victim} is lost: nothing came from it for 2 s")
                runs[victim].signal(signal.SIGCONT)
                gate.drain()
                late = runs[victim].wait()
                self.assertFailed(jobs[victim], late, error="PlatformError")

    def test_the_failure_of_one_host_is_that_of_all(self):
        jobs = self.jobs(TWO, rows="userId,movieId,rating\n1,2,x\n")
        self.assertAllFailed(jobs, self.together(jobs), f"{TWO[1]}: ", "ratings.csv:2:5",
                             error="ClientError")  # the host that reads this row
        jobs = {name: self.host(name, TWO, rows=ROWS[k:]) for k, name in enumerate(TWO)}
        self.assertAllFailed(jobs, self.together(jobs), f"{TWO[1]} has other files than {TWO[0]}",
                             error="ClientError")

    def test_a_full_disk_is_told_to_all(self):
        if not namespace():
            self.not_here("a tmpfs needs a private mount namespace")
        jobs = self.jobs(TWO, n_factors=32)
        wrapper = inside('mount -t tmpfs -o size=16k none "$1/model"; shift; exec "$@"',
                         jobs[TWO[0]].prefix)
        runs = {TWO[1]: self.start(jobs[TWO[1]]), TWO[0]: self.start(jobs[TWO[0]], wrapper=wrapper)}
        results = {name: run.wait() for name, run in runs.items()}
        self.assertAllFailed(jobs, results, f"{TWO[0]}: ", "model.bin", "No space left")

    def test_a_full_disk_of_a_host_that_is_not_the_first_is_told_to_all(self):
        """It writes its part of the checkpoints."""
        if not namespace():
            self.not_here("a tmpfs needs a private mount namespace")
        jobs = {name: job.keep_checkpoints() for name, job in
                self.jobs(TWO, n_factors=32, checkpoint_every=1).items()}
        wrapper = inside('mount -t tmpfs -o size=16k none "$1/checkpoints"; shift; exec "$@"',
                         jobs[TWO[1]].prefix)
        runs = {TWO[0]: self.start(jobs[TWO[0]]), TWO[1]: self.start(jobs[TWO[1]], wrapper=wrapper)}
        results = {name: run.wait() for name, run in runs.items()}
        self.assertAllFailed(jobs, results, f"{TWO[1]}: ", ".mfck", "No space left")

    def test_a_resourceconfig_without_the_host_itself_ends_all(self):
        """The host does not know its place, and the others do not know its name."""
        jobs = self.jobs(TWO, hosts_wait=1)
        jobs[TWO[1]].hosts("127.0.0.3", TWO)
        results = self.together(jobs)
        self.assertFailed(jobs[TWO[1]], results[TWO[1]], "resourceconfig.json", "127.0.0.3")
        self.assertFailed(jobs[TWO[0]], results[TWO[0]], f"{TWO[1]} did not come within 1 s",
                          error="PlatformError")

    def test_sigterm_on_any_host_stops_all_and_the_model_is_kept(self):
        for stopped in TWO:
            with self.subTest(stopped=stopped):
                jobs, runs, gate = self.held(TWO, n_epochs=2000, checkpoint_every=2000)
                runs[stopped].signal(signal.SIGTERM)
                printed = self.drained(gate, runs[TWO[0]])
                for name in TWO:
                    self.assertEqual(0, runs[name].wait().status, runs[name].result)
                self.assertLess(printed, 2000)
                self.assertEqual(["model.bin"], self.model_files(jobs[TWO[0]]))

    def drained(self, gate, run):
        """Epochs that the run printed until it ended."""
        text = ""

        def ended():
            nonlocal text
            text += gate.drain()
            return run.process.poll() is not None

        run.wait_until(ended, "the end of the run")
        return (text + gate.drain()).count("epoch=")

    def test_hosts_that_never_come_are_named(self):
        jobs = self.jobs(THREE, hosts_wait=1)
        results = self.together({name: jobs[name] for name in THREE[:2]})
        self.assertAllFailed(jobs, results, f"{THREE[2]} did not come within 1 s (hosts_wait)")

    def test_a_first_host_that_never_comes_is_named(self):
        for first, why in ((TWO[0], "refused"), ("0-no-such-host.invalid", "not known")):
            with self.subTest(first=first):
                job = self.host(TWO[1], [first, TWO[1]], hosts_wait=0.5)
                self.assertFailed(job, self.run_train(job), first, "hosts_port", "hosts_wait",
                                  error="PlatformError")

    def test_a_port_in_use_is_named(self):
        first = self.host(TWO[0], TWO)
        with socket.create_server(("0.0.0.0", self.port.number)):
            self.assertFailed(first, self.run_train(first), f"port {self.port.number} (hosts_port)",
                              error="PlatformError")

    def test_different_hyperparameters_are_told_to_all(self):
        jobs = {TWO[0]: self.host(TWO[0], TWO), TWO[1]: self.host(TWO[1], TWO, n_factors=9)}
        self.assertAllFailed(jobs, self.together(jobs),
                             f"{TWO[1]} has other hyperparameters than {TWO[0]}",
                             error="ClientError")

    def test_another_number_of_hosts_is_told_to_all(self):
        jobs = {TWO[0]: self.host(TWO[0], TWO), TWO[1]: self.host(TWO[1], THREE[:1] + TWO)}
        jobs[TWO[1]].resource["hosts"] = [*TWO, "127.0.0.3"]
        self.assertAllFailed(jobs, self.together(jobs), f"{TWO[1]} counts 3 hosts",
                             error="ClientError")

    def test_another_version_of_the_program_is_named(self):
        job = self.host(TWO[0], TWO)
        run = self.start(job)
        with self.connected(run) as peer:
            peer.sendall(hello(TWO[1], version="0.0.1"))
            self.assertFailed(job, run.wait(), f"{TWO[1]} has version 0.0.1", VERSION)

    def connected(self, run):
        """A connection to the first host, as soon as it listens."""
        found = []

        def connects():
            with contextlib.suppress(ConnectionRefusedError):
                found.append(socket.create_connection((TWO[0], self.port.number), timeout=30))
            return bool(found)

        self.assertTrue(run.wait_until(connects, "a listener"), run.result)
        return found[0]

    def test_strays_are_refused_and_do_no_harm(self):
        """Noise, a host of another job, a name that is not of this job, a second host of a name:
        before and after the hosts have come."""
        first, second = (self.host(name, TWO, n_epochs=20) for name in TWO)
        gate = self.gate(500)
        training = self.start(first, stdout=gate.write_end)
        strays = (b"GET / HTTP/1.1\r\n\r\n", b"m\xff", frame(PING), hello("third"),
                  hello(TWO[1], job="another"), hello(TWO[0]), b"m\x01\xff\xff" + b"x" * 4096)
        for bytes_sent in strays:
            self.refused(training, bytes_sent)
        waiting = self.start(second)
        if not gate.wait_until_blocked(training):
            self.fail(f"ended before its output was full{training.wait()}")
        for bytes_sent in (*strays, hello(TWO[1])):
            self.refused(training, bytes_sent)
        gate.drain()
        self.assertEqual(0, training.wait().status, training.result)
        self.assertEqual(0, waiting.wait().status, waiting.result)
        self.assertIn("stray_connection", training.result.stderr)

    def refused(self, run, bytes_sent):
        with self.subTest(bytes_sent[:20]), self.connected(run) as stray:
            stray.sendall(bytes_sent)
            with contextlib.suppress(ConnectionResetError):
                while stray.recv(100):  # why
                    pass


class Network(HostsCase):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0 or not Namespaces.possible():
            self.not_here("network namespaces with a bridge are not allowed")
        self.net = Namespaces(2)
        self._closers.append(self.net)

    def started(self, jobs):
        return {name: self.start(job, wrapper=self.net.run(i))
                for i, (name, job) in enumerate(jobs.items())}

    def test_a_cut_network_ends_both_sides_with_the_name_of_the_other(self):
        jobs = self.jobs(self.net.names, n_epochs=100000, n_threads=1, ranking="false")
        runs = self.started(jobs)
        for run in runs.values():
            run.wait_for('"event":"hosts"', "stderr")
        self.net.cut(1)
        for name, other in zip(self.net.names, self.net.names[::-1]):
            self.assertFailed(jobs[name], runs[name].wait(),
                              f"{other} is lost: nothing came from it for 2 s",
                              error="PlatformError")

    def test_the_interface_is_found_when_the_given_one_does_not_exist(self):
        """Local mode says ethwe."""
        jobs = self.jobs(self.net.names)
        for job in jobs.values():
            job.resource["network_interface_name"] = "ethwe"
        for run in self.started(jobs).values():
            result = run.wait()
            self.assertEqual(0, result.status, result)
            self.assertIn('"interface":"eth0"', result.stderr)

    def test_an_interface_that_reaches_no_host_is_named(self):
        jobs = self.jobs(self.net.names)
        for job in jobs.values():
            job.resource["network_interface_name"] = "other0"
        results = {name: run.wait() for name, run in self.started(jobs).items()}
        self.assertAllFailed(jobs, results, "over interface other0", "network_interface_name")


if __name__ == "__main__":
    unittest.main()
