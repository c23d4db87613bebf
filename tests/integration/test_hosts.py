"""Several hosts: the others wait until the first one has written its outputs (train/presence.h)."""

import contextlib
import signal
import socket
import unittest

from ports import Port
from samples import planted
from train_case import TrainCase

NAMES = ["localhost", "second"]
ROWS = planted(80, 50, 1500)
FEW_LINES = 500  # bytes: some epochs of SMALL


class Hosts(TrainCase):
    def setUp(self):
        super().setUp()
        self.port = Port()
        self._closers.append(self.port)

    def host(self, current, rows=ROWS, **hyperparameters):
        hyperparameters.setdefault("hosts_wait", 30)
        return self.job_on(rows, hosts_port=self.port.number, **hyperparameters).hosts(current, NAMES)

    def started(self):
        """(follower's job, its run, first host's job, its run, its gate): the first host is blocked
        while it prints an epoch, and the other one waits for it."""
        first, second = self.host("localhost", n_epochs=20), self.host("second")
        waiting = self.start(second)
        gate = self.gate(FEW_LINES)
        training = self.start(first, stdout=gate.write_end)
        self.assertTrue(gate.wait_until_blocked(training), "ended before its output was full")
        training.wait_for("host_waits", "stderr")
        return second, waiting, first, training, gate

    def test_no_host_ends_before_the_model_is_written(self):
        """Checklist 70, as docker compose up --abort-on-container-exit, which stops all when one has
        ended: the model is complete then, whichever order they were started in."""
        for first_is_first in (True, False):
            with self.subTest(first_is_first=first_is_first):
                jobs = {name: self.host(name, n_epochs=30) for name in NAMES}
                order = NAMES if first_is_first else NAMES[::-1]
                runs = {name: self.start(jobs[name]) for name in order}
                ended = runs["second"].wait()
                self.assertEqual(0, ended.status, ended)
                model = jobs["localhost"].bytes()
                runs["localhost"].signal(signal.SIGKILL)
                runs["localhost"].wait()
                alone = self.job_on(ROWS, n_epochs=30)
                self.train(alone)
                self.assertEqual(alone.bytes(), model)
                self.assertEqual([], self.model_files(jobs["second"]))
                self.assertFalse(jobs["second"].failure.exists())

    def test_the_others_wait_as_long_as_training_takes(self):
        _, waiting, first, training, gate = self.started()
        self.assertIn(waiting.state(), "SR", "it has not ended")
        self.assertEqual([], self.model_files(first))
        gate.drain()
        self.assertEqual(0, training.wait().status)
        result = waiting.wait()
        self.assertEqual(0, result.status, result)
        self.assertIn("localhost trains", result.stderr)

    def test_the_loss_of_the_first_host_is_reported(self):
        """Killed: the other one ends with 1 and names it."""
        second, waiting, _, training, _ = self.started()
        training.signal(signal.SIGKILL)
        training.wait()
        self.assertFailed(second, waiting.wait(), "localhost", "lost", error="PlatformError")

    def test_the_failure_of_the_first_host_fails_the_others(self):
        second = self.host("second")
        waiting = self.start(second)
        first = self.host("localhost", rows="userId,movieId,rating\n1,2,x\n")
        failed = self.run_train(first)
        self.assertEqual(1, failed.status)
        self.assertFailed(second, waiting.wait(), "localhost", "has failed", error="PlatformError")

    def test_a_first_host_that_never_comes(self):
        """Checklist 70."""
        second = self.host("second", hosts_wait=0.5)
        result = self.train(second)
        self.assertIn("first_host_absent", result.stderr)
        self.assertIn("hosts_port", result.stderr)

    def test_sigterm_ends_the_wait(self):
        _, waiting, _, _, _ = self.started()
        waiting.signal(signal.SIGTERM)
        result = waiting.wait()
        self.assertEqual(0, result.status, result)

    def test_foreign_connections_are_closed(self):
        """Neither noise nor a host of another job is accepted as one of this job."""
        _, waiting, _, training, gate = self.started()
        for hello in (b"GET / HTTP/1.1\r\n\r\n", b"recommender-presence-1 third\n", b"x" * 4096):
            with self.subTest(hello[:20]), socket.create_connection(
                    ("127.0.0.1", self.port.number), timeout=30) as stray:
                stray.sendall(hello)
                with contextlib.suppress(ConnectionResetError):
                    while stray.recv(100):  # the bytes before the end are beats
                        pass
        gate.drain()
        self.assertEqual(0, training.wait().status)
        self.assertEqual(0, waiting.wait().status)

    def test_a_port_in_use_does_not_stop_training(self):
        with socket.create_server(("0.0.0.0", self.port.number)):
            first = self.host("localhost")
            result = self.train(first)
        self.assertIn("hosts_port", result.stderr)
        self.assertEqual(["model.bin"], self.model_files(first))


if __name__ == "__main__":
    unittest.main()
