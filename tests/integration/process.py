"""process.py: one process of a program: its output, its signals, its exit.

(1) Every wait is bounded, and fails with the whole output of the process.
(2) A moment in a run is found by an effect of the program (a line, a file, a signal handler),
    never by sleeping.
(3) A process is ended by its own pid.
(4) Its output is searched for sanitizer reports, whatever its exit status.
"""

import errno
import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import container
from epochs import epoch_lines
from programs import DEADLINE
from sanitizers import SANITIZER_WORDS


class Result:
    """What a finished run left: status (negative: a signal), stdout, stderr."""

    def __init__(self, argv, status, stdout, stderr):
        self.argv, self.status = argv, status
        self.stdout_bytes, self.stderr_bytes = bytes(stdout), bytes(stderr)
        self.stdout = self.stdout_bytes.decode("utf-8", "backslashreplace")
        self.stderr = self.stderr_bytes.decode("utf-8", "backslashreplace")

    @property
    def epochs(self):
        return epoch_lines(self.stdout)

    @property
    def log(self):
        """The JSON lines of stderr, as dictionaries."""
        return [json.loads(line) for line in self.stderr.splitlines() if line.startswith("{")]

    def log_text(self):
        """The output of the run, of both streams."""
        return self.stdout + self.stderr

    def __str__(self):
        cut = lambda text: text if len(text) < 4000 else text[:1500] + "\n  […]\n" + text[-2400:]
        return (
            f"\n$ {' '.join(map(str, self.argv))}\nstatus {self.status}\n"
            f"--- stdout\n{cut(self.stdout)}\n--- stderr\n{cut(self.stderr)}"
        )


class Run:
    """One process. stdout and stderr are collected by threads; wait_for() looks at
    the output so far. With a pty both are one stream, stdout. inside: the
    container.Container that argv, which is then `docker run`, makes."""

    def __init__(self, argv, env=None, cwd=None, terminal=None, stdout=None, stderr=None, user=None,
                 stdin=subprocess.DEVNULL, inside=None):
        self.argv = [str(word) for word in argv]
        self.result = None
        self._inside = inside
        self.process = None
        self._changed = threading.Condition()
        self._bytes = {"stdout": bytearray(), "stderr": bytearray()}
        self._readers = []
        master = slave = None
        if terminal is not None:
            master, slave = terminal.open()
            stdin = stdout = stderr = slave
        who = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        try:
            self.process = subprocess.Popen(
                self.argv, env=env, cwd=cwd, stdin=stdin,
                stdout=subprocess.PIPE if stdout is None else stdout,
                stderr=subprocess.PIPE if stderr is None else stderr,
                # A process group and session of its own: a terminal's or a test
                # runner's signals do not reach it.
                start_new_session=True, **who)
        finally:
            if slave is not None:
                os.close(slave)
        if inside is not None:
            inside.look_for_process(lambda: self.process.returncode is not None)
        if master is not None:
            self._read(master, "stdout")
        if self.process.stdout is not None:
            self._read(os.dup(self.process.stdout.fileno()), "stdout")
            self.process.stdout.close()
        if self.process.stderr is not None:
            self._read(os.dup(self.process.stderr.fileno()), "stderr")
            self.process.stderr.close()

    @property
    def pid(self):
        """The program's process; 0 for one in a container that has ended."""
        return self._inside.pid(self._poll) if self._inside else self.process.pid

    def _read(self, fd, name):
        def read():
            while True:
                try:
                    piece = os.read(fd, 65536)
                except OSError as error:  # a pty whose other end is closed
                    if error.errno not in (errno.EIO, errno.EBADF):
                        raise
                    piece = b""
                with self._changed:
                    self._bytes[name] += piece
                    self._changed.notify_all()
                if not piece:
                    break
            os.close(fd)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        self._readers.append(thread)

    def text(self, stream="stdout"):
        with self._changed:
            return self._bytes[stream].decode("utf-8", "backslashreplace")

    def wait_for(self, pattern, stream="stdout", deadline=DEADLINE):
        """The match of `pattern` in the output so far, as soon as there is one."""
        until = time.monotonic() + deadline
        compiled = re.compile(pattern, re.MULTILINE)
        while True:
            ended = self._poll()
            with self._changed:
                match = compiled.search(self._bytes[stream].decode("utf-8", "backslashreplace"))
                if match:
                    return match
                if not ended and time.monotonic() < until:
                    self._changed.wait(0.05)
                    continue
            if ended:
                self.wait()
                match = compiled.search(getattr(self.result, stream))
                if match:
                    return match
                raise AssertionError(f"ended without {pattern!r} on {stream}{self.result}")
            self.end()
            raise AssertionError(f"{deadline} s without {pattern!r} on {stream}{self.result}")

    def wait_until(self, ready, what, deadline=DEADLINE):
        """Waits until ready() is true. False when the process ended first."""
        until = time.monotonic() + deadline
        while True:
            value = ready()
            if value:
                return value
            if self._poll():
                return ready()
            if time.monotonic() > until:
                self.end()
                raise AssertionError(f"{deadline} s without: {what}{self.result}")
            time.sleep(0.0005)

    def wait_for_handler(self):
        """Waits until SIGTERM has a handler: from here on the program handles a stop itself."""

        def caught():
            for line in self.status_file().splitlines():
                if line.startswith("SigCgt:"):
                    return int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1
            return False

        if not self.wait_until(caught, "a handler for SIGTERM"):
            raise AssertionError(f"ended before it caught SIGTERM{self.wait()}")

    def status_file(self):
        try:
            return Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return ""

    def state(self):
        """The kernel's letter: R, S, D, T, Z; X when there is no such process."""
        match = re.search(r"^State:\s+(\w)", self.status_file(), re.MULTILINE)
        return match.group(1) if match else "X"

    def signal(self, number):
        """To this process only, and only while it is ours (not yet reaped)."""
        pid = self.pid
        if pid and not self._poll():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                if not self._inside:
                    raise

    def stop_the_clock(self):
        """SIGSTOP, and waits until it has been stopped. False when it ended first."""
        self.signal(signal.SIGSTOP)
        self.wait_until(lambda: self.state() in "TZX", "a stopped process")
        return self.state() == "T"

    def _poll(self):
        """Reaps when the process has ended; True then."""
        if self.process.returncode is not None:
            return True
        pid, status = os.waitpid(self.process.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return True

    def wait(self, deadline=DEADLINE):
        """The Result. Fails when the deadline passes; the process is ended then."""
        until = time.monotonic() + deadline
        late = False
        while not self._poll():
            if not late and time.monotonic() > until:
                late = True
                self._kill()
            time.sleep(0.001)
        if self.result is None:
            for reader in self._readers:
                reader.join(10)
            status = self.process.returncode
            if self._inside:
                status = container.status_of(status, self.text("stderr"))
                self._inside.remove()
            self.result = Result(self.argv, status, self._bytes["stdout"], self._bytes["stderr"])
        if late:
            raise AssertionError(f"still running after {deadline} s{self.result}")
        for word in SANITIZER_WORDS:
            if word in self.result.stderr or word in self.result.stdout:
                raise AssertionError(f"{word}{self.result}")
        return self.result

    def end(self):
        """Ends it if it still runs."""
        if self._poll() is False:
            self._kill()
        try:
            self.wait(10)
        except AssertionError:
            pass

    def _kill(self):
        if self._inside:
            self._inside.remove()  # its client ends with it
        else:
            os.kill(self.pid, signal.SIGKILL)
