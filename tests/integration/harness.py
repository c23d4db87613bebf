"""harness.py: runs the real `train` as SageMaker runs it, on trees made for one test.

    class Example(TrainCase):
        def test_a_sentence(self):
            job = self.job(n_epochs=3)                 # a fresh /opt/ml
            job.channel("train", {"ratings.csv": csv(planted())})
            result = self.train(job)                   # runs, asserts exit 0
            self.assertTrained(job, result)

(1) Every test has a tree of its own below one temporary folder; tests may run
    side by side.
(2) Every wait is bounded. DEADLINE is how long a run may take before it counts
    as hanging, STOP_DEADLINE is the 10 s after SIGTERM of docs/sagemaker.md,
    whose checklist the tests name by its numbers.
(3) A moment in a run is found by what the program did (a line, a file, a signal
    handler, a full pipe), never by sleeping and hoping.
(4) Every process is ended by its own pid before the test returns.
(5) Each run's stderr is searched for a sanitizer's complaint, whatever its exit.
(6) What a machine cannot test is said on stderr as NOT TESTED HERE.
(7) With MF_IMAGE the programs under test are those of a container image; see container.py.

Environment: MF_BIN (where train and planted are), MF_SOURCE_DIR, MF_SANITIZE, MF_EMULATED,
MF_IMAGE.
Python's standard library only; as root or as anybody.
"""

import ctypes
import errno
import fcntl
import functools
import hashlib
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest
from pathlib import Path

import container
from samples import HEADER, csv, parity, planted  # noqa: F401  for the tests

SOURCE = Path(os.environ.get("MF_SOURCE_DIR") or Path(__file__).resolve().parents[2])
BIN = Path(os.environ.get("MF_BIN") or SOURCE / "build" / "release" / "bin")
TRAIN = BIN / "train"
SANITIZED = bool(os.environ.get("MF_SANITIZE"))
EMULATED = bool(os.environ.get("MF_EMULATED"))  # tests/emulated
SLOW = SANITIZED or EMULATED

DEADLINE = 600 if SLOW else 90
STOP_DEADLINE = 60 if SLOW else 10

REAL_RATINGS = SOURCE / "data" / "ratings.csv"
REAL_MOVIES = SOURCE / "data" / "movies.csv"

# Small and quick; a test that means the program's own defaults says defaults=True.
SMALL = {"n_factors": "8", "n_epochs": "4", "seed": "7"}

SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "UndefinedBehavior")
# So that a sanitizer's exit is not taken for the program's own exit 1.
SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "exitcode=99:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:"
                    "allocator_may_return_null=1",
    "LSAN_OPTIONS": "exitcode=99",
    "UBSAN_OPTIONS": "exitcode=99:print_stacktrace=1",
}


@functools.lru_cache(maxsize=None)
def real_ratings():
    """MovieLens ml-latest-small as text."""
    return REAL_RATINGS.read_text(encoding="utf-8")


# --- a run ------------------------------------------------------------------


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
        """Everything the run said, on both streams."""
        return self.stdout + self.stderr

    def __str__(self):
        cut = lambda text: text if len(text) < 4000 else text[:1500] + "\n  […]\n" + text[-2400:]
        return (
            f"\n$ {' '.join(map(str, self.argv))}\nstatus {self.status}\n"
            f"--- stdout\n{cut(self.stdout)}\n--- stderr\n{cut(self.stderr)}"
        )


EPOCH_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def epoch_lines(text):
    """[{name: text}] of the lines that begin with epoch=; refuses anything but
    name=number pairs with one space between."""
    epochs = []
    for line in text.splitlines():
        if not line.startswith("epoch="):
            continue
        fields = {}
        for word in line.split(" "):
            name, equals, value = word.partition("=")
            if not equals or not EPOCH_NUMBER.fullmatch(value):
                raise AssertionError(f"not name=fixed-point: {word!r} in {line!r}")
            fields[name] = value
        epochs.append(fields)
    return epochs


def figures(result):
    """The epoch lines without what a clock says."""
    clock = ("seconds", "ratings_per_second")
    return [{k: v for k, v in e.items() if k not in clock} for e in result.epochs]


class Run:
    """One process. stdout and stderr are collected by threads; wait_for() looks at
    what has come so far. With a pty both are one stream, stdout. inside: the
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
                except OSError as error:  # a pty whose other end is gone
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
        """The match of `pattern` in what came so far, as soon as there is one."""
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
        """Until SIGTERM is caught: from here on a stop is the program's to handle."""

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


class Terminal:
    """A pseudo-terminal of a given width that changes no byte on its way (no CR-LF)."""

    def __init__(self, columns=80, rows=24):
        self.columns, self.rows = columns, rows

    def open(self):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))
        settings = termios.tcgetattr(slave)
        settings[1] &= ~termios.OPOST
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        return master, slave


class Gate:
    """A standard output that takes `room` bytes and then blocks its writer: holds a
    run still at a known epoch, without a clock. Pass .write_end as stdout."""

    def __init__(self, room):
        self.read_end, self.write_end = os.pipe()
        size = fcntl.fcntl(self.write_end, fcntl.F_SETPIPE_SZ, os.sysconf("SC_PAGE_SIZE"))
        self._filled = size - room
        os.write(self.write_end, b"#" * self._filled)
        os.set_blocking(self.read_end, False)

    def waiting(self):
        """Bytes in the pipe that the program wrote."""
        count = bytearray(4)
        fcntl.ioctl(self.read_end, termios.FIONREAD, count)
        return int.from_bytes(count, sys.byteorder) - self._filled

    def wait_until_blocked(self, run):
        """Until the program sits in write() on this pipe. False when it ended."""
        at = Path(f"/proc/{run.pid}")

        def blocked():
            try:
                if "pipe_write" in (at / "wchan").read_text():
                    return True
            except OSError:
                pass
            # Where the kernel does not say: asleep, something written, and not
            # switched in for a while.
            if run.state() != "S" or self.waiting() <= 0:
                return False
            seen = lambda: re.findall(r"ctxt_switches:\s+(\d+)", run.status_file())
            before = seen()
            for _ in range(20):
                time.sleep(0.01)
                if run.state() != "S" or seen() != before:
                    return False
            return True

        return run.wait_until(blocked, "a writer that blocks on its full output")

    def drain(self):
        """What the program has written so far; makes room for a page again."""
        text = b""
        while True:
            try:
                piece = os.read(self.read_end, 65536)
            except BlockingIOError:
                break
            if not piece:
                break
            text += piece
        mine, self._filled = self._filled, 0
        return text[mine:].decode()

    def close(self):
        for end in (self.read_end, self.write_end):
            if end is not None:
                os.close(end)
        self.read_end = self.write_end = None


class Feeder(threading.Thread):
    """The platform's end of a Pipe mode FIFO: makes it, waits for the reader, writes
    `data` in pieces of odd sizes that respect no row, closes. hold_at: stops there
    with the FIFO open until release()."""

    def __init__(self, path, data, hold_at=None, before=None):
        super().__init__(daemon=True)
        self.path, self.data = Path(path), data.encode() if isinstance(data, str) else data
        self.hold_at, self.before = hold_at, before
        self.opened, self.held, self.sent_all = (threading.Event() for _ in range(3))
        self._release, self._ended = threading.Event(), threading.Event()
        self.fd = None

    def run(self):
        if self.before is not None and not self.before():
            return
        if not self.path.exists():
            os.mkfifo(self.path, 0o644)
        while not self._ended.is_set():
            try:
                self.fd = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                time.sleep(0.002)
        if self.fd is None:
            return
        self.opened.set()
        sizes, at, n = (1, 7, 61, 4096, 3, 65536, 997), 0, 0
        try:
            while at < len(self.data) and not self._ended.is_set():
                if self.hold_at is not None and at >= self.hold_at and not self._release.is_set():
                    self.held.set()
                    self._release.wait(0.02)
                    continue
                end = at + sizes[n % len(sizes)]
                if self.hold_at is not None and at < self.hold_at:
                    end = min(end, self.hold_at)
                if not select.select([], [self.fd], [], 0.05)[1]:
                    continue
                try:
                    at += os.write(self.fd, self.data[at:end])
                    n += 1
                except BlockingIOError:
                    pass
            if at == len(self.data):
                self.sent_all.set()
        except BrokenPipeError:
            pass
        finally:
            os.close(self.fd)
            self.fd = None

    def unread(self):
        """Bytes written that the program has not taken yet."""
        count = bytearray(4)
        fcntl.ioctl(self.fd, termios.FIONREAD, count)
        return int.from_bytes(count, sys.byteorder)

    def release(self):
        self._release.set()

    def end(self):
        self._ended.set()
        self._release.set()
        if self.is_alive():
            self.join(10)


class Watch:
    """inotify by ctypes: what happened in some folders, in the order it happened.
    events are (label, what, name); what is one of the names below."""

    NAMES = {0x2: "MODIFY", 0x8: "CLOSE_WRITE", 0x20: "OPEN", 0x40: "MOVED_FROM",
             0x80: "MOVED_TO", 0x100: "CREATE", 0x200: "DELETE"}

    def __init__(self):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self._labels = {}
        self.events = []

    def add(self, path, label, *what):
        mask = sum(bit for bit, name in self.NAMES.items() if not what or name in what)
        watch = self._libc.inotify_add_watch(self.fd, os.fsencode(str(path)), mask)
        if watch < 0:
            raise OSError(ctypes.get_errno(), f"inotify_add_watch {path}")
        self._labels[watch] = label

    def poll(self):
        """All events so far, the new ones included."""
        while True:
            try:
                piece = os.read(self.fd, 65536)
            except BlockingIOError:
                return self.events
            at = 0
            while at < len(piece):
                watch, mask, _, n = struct.unpack_from("iIII", piece, at)
                name = piece[at + 16 : at + 16 + n].rstrip(b"\0").decode("utf-8", "replace")
                if mask & 0x4000:
                    raise AssertionError("inotify lost events")
                for bit, what in self.NAMES.items():
                    if mask & bit:
                        self.events.append((self._labels.get(watch, "?"), what, name))
                at += 16 + n

    def seen(self, what, name_pattern):
        compiled = re.compile(name_pattern)
        return any(w == what and compiled.fullmatch(n) for _, w, n in self.poll())

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


# --- a job ------------------------------------------------------------------


class Job:
    """One /opt/ml. Change hyperparameters, channels and config as you like; run()
    writes the JSON files first. config[name] = bytes replaces a file, None leaves
    it out."""

    def __init__(self, prefix, hyperparameters):
        self.prefix = Path(prefix)
        for folder in ("input/config", "input/data", "model", "output"):
            (self.prefix / folder).mkdir(parents=True)
        self.hyperparameters = hyperparameters
        self.channels = {}
        self.resource = {"current_host": "algo-1", "hosts": ["algo-1"],
                         "network_interface_name": "eth0"}
        self.config = {}

    data = property(lambda self: self.prefix / "input" / "data")
    model = property(lambda self: self.prefix / "model")
    model_bin = property(lambda self: self.prefix / "model" / "model.bin")
    output = property(lambda self: self.prefix / "output")
    failure = property(lambda self: self.prefix / "output" / "failure")
    checkpoints = property(lambda self: self.prefix / "checkpoints")

    def set(self, **hyperparameters):
        self.hyperparameters.update({k: str(v) for k, v in hyperparameters.items()})
        return self

    def channel(self, name, files, mode="File", properties=None):
        """Declares the channel and writes its files; files=None writes nothing (a
        FIFO comes, or a folder is missing)."""
        if properties is None:
            properties = {"TrainingInputMode": mode, "S3DistributionType": "FullyReplicated",
                          "RecordWrapperType": "None"}
        self.channels[name] = properties
        if files is not None:
            folder = self.data / name
            folder.mkdir(exist_ok=True)
            write_files(folder, files)
        return self

    def hosts(self, current, names):
        self.resource["current_host"], self.resource["hosts"] = current, list(names)
        return self

    def keep_checkpoints(self):
        self.checkpoints.mkdir(exist_ok=True)
        return self

    def write_config(self):
        for name, content in {
            "hyperparameters.json": self.hyperparameters,
            "inputdataconfig.json": self.channels,
            "resourceconfig.json": self.resource,
        }.items():
            self.config_file(name, self.config.get(name, content))
        for name, content in self.config.items():
            self.config_file(name, content)

    def config_file(self, name, content):
        path = self.prefix / "input" / "config" / name
        if content is None:
            path.unlink(missing_ok=True)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(json.dumps(content), encoding="utf-8")

    def metrics(self, name="metrics.json"):
        return json.loads((self.output / "data" / name).read_text(encoding="utf-8"))

    def bytes(self):
        return self.model_bin.read_bytes()

    def forget_results(self):
        """What a new start on the platform finds: only checkpoints remain."""
        for folder in (self.model, self.output):
            shutil.rmtree(folder)
            folder.mkdir()

    def checkpoint_names(self):
        return sorted(p.name for p in self.checkpoints.iterdir())

    def tree(self, *below):
        """{path below the prefix: (mode, size, mtime, digest)} of everything there."""
        found = {}
        for top in below or (".",):
            for path in sorted((self.prefix / top).rglob("*")):
                status = path.lstat()
                digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
                found[str(path.relative_to(self.prefix))] = (
                    status.st_mode, status.st_size if digest else 0,
                    status.st_mtime_ns if digest else 0, digest)
        return found


def write_files(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


class TrainCase(unittest.TestCase):
    """Fresh trees, bounded runs, and what every run owes us."""

    def setUp(self):
        if not TRAIN.exists():
            self.fail(f"{TRAIN} is not there: build it, or set MF_BIN")
        self._folder = None
        self._runs, self._feeders, self._closers = [], [], []
        self._n_jobs = 0

    @property
    def folder(self):
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="mf-"))
            self._folder.chmod(0o755)
        return self._folder

    def tearDown(self):
        for run in self._runs:
            run.end()
        for feeder in self._feeders:
            feeder.end()
        for thing in self._closers:
            thing.close()
        if self._folder is not None:
            for path in self._folder.rglob("*"):
                if path.is_dir() and not path.is_symlink() and not os.access(path, os.W_OK):
                    path.chmod(0o755)
            shutil.rmtree(self._folder, ignore_errors=True)

    # -- making and running

    def job(self, defaults=False, **hyperparameters):
        chosen = {} if defaults else dict(SMALL)
        chosen.update({k: str(v) for k, v in hyperparameters.items()})
        self._n_jobs += 1
        return Job(self.folder / f"job{self._n_jobs}", chosen)

    def job_on(self, rows, **hyperparameters):
        """A job whose train channel is ratings.csv of these rows (or this text)."""
        text = rows if isinstance(rows, str) else csv(rows)
        return self.job(**hyperparameters).channel("train", {"ratings.csv": text})

    def environment(self, **more):
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8",
               "HOME": str(self.folder), **SANITIZER_ENVIRONMENT}
        env.update(more)
        return {k: v for k, v in env.items() if v is not None}

    def start(self, job, *words, env=None, write_config=True, wrapper=(), program=None, prefix=True,
              **how):
        """Starts `train --prefix …`. wrapper: words before it; env: more variables."""
        if job is not None and write_config:
            job.write_config()
        if job is not None and prefix:
            words = ("--prefix", job.prefix, *words)
        env = self.environment(**(env or {}))
        if container.IMAGE:
            run = self._start_container(program or TRAIN, words, wrapper, env, **how)
        else:
            run = Run([*wrapper, program or TRAIN, *words], env=env, **how)
        self._runs.append(run)
        return run

    def _start_container(self, program, words, wrapper, env, user=None, cwd=None, **how):
        """The same in the image: what start() would have run, or a loud skip."""
        name = Path(program).name
        folders = {self.folder: self.folder, SOURCE / "data": f"{SOURCE / 'data'}:ro"}
        if wrapper[-3:-1] == (AS_OPT_ML + 'exec "$@"', "sh"):
            folders[wrapper[-1]] = "/opt/ml"
            wrapper = ()
        if wrapper or how or name not in ("train", "serve"):
            self.not_here("in a container: it needs a process of its own making")
        for word in words:  # a model that several tests share
            path = Path(word)
            if path.is_absolute() and path.exists() and self.folder not in (path, *path.parents):
                folders[word] = word
        inside = container.Container()
        return Run(container.words_of_run(inside, name, words, folders, env, user, cwd),
                   env=dict(os.environ), inside=inside)

    def run_train(self, job, *words, deadline=DEADLINE, **how):
        """Runs to the end, whatever the end is."""
        return self.start(job, *words, **how).wait(deadline)

    def train(self, job, *words, **how):
        """Runs to the end, which must be exit 0."""
        result = self.run_train(job, *words, **how)
        self.assertEqual(0, result.status, result)
        return result

    def measured(self, job, **how):
        """(Result, peak resident bytes) of a run to its end. The kernel counts what the
        process had before its exec, too, so a small process starts it, not this one."""
        peak = self.folder / "peak"
        result = self.run_train(job, wrapper=("/usr/bin/python3", "-I", "-S", "-c", MEASURE, peak),
                                **how)
        return result, int(peak.read_text()) * 1024

    def predict(self, job, user, item):
        """(rating, the whole line) of `train --predict`."""
        result = self.run_train(job, "--predict", user, item, write_config=False)
        self.assertEqual(0, result.status, result)
        match = re.fullmatch(
            r"predicted_rating=(-?\d+\.\d+)((?: known_(?:user|item)=(?:true|false))*)\n",
            result.stdout)
        self.assertTrue(match, result)
        return float(match.group(1)), result.stdout.strip()

    def gate(self, room):
        gate = Gate(room)
        self._closers.append(gate)
        return gate

    def watch(self):
        watch = Watch()
        self._closers.append(watch)
        return watch

    def feed(self, path, data, **how):
        feeder = Feeder(path, data, **how)
        self._feeders.append(feeder)
        feeder.start()
        return feeder

    def not_here(self, reason):
        """Skips, and says so where a person sees it."""
        sys.stderr.write(f"\nNOT TESTED HERE: {self.id()}: {reason}\n")
        self.skipTest(reason)

    def bare_only(self, reason):
        """Skips where the program runs in a container."""
        if container.IMAGE:
            self.not_here(f"in a container: {reason}")

    # -- what must hold

    def assertTrained(self, job, result):
        """Checklist 39, 40: exit 0, one regular file, no failure, figures written."""
        self.assertEqual(0, result.status, result)
        self.assertFalse(job.failure.exists(), result)
        self.assertEqual(["model.bin"], self.model_files(job), result)
        self.assertGreater(job.model_bin.stat().st_size, 64)
        self.assertEqual([p.name for p in (job.output / "data").iterdir()], ["metrics.json"])
        job.metrics()

    def model_files(self, job):
        """Names below model/, asserting that they are plain files and folders."""
        names = []
        for path in sorted(job.model.rglob("*")):
            self.assertFalse(path.is_symlink(), path)
            self.assertTrue(path.is_file() or path.is_dir(), path)
            names.append(str(path.relative_to(job.model)))
        return names

    def assertFailed(self, job, result, *words, error="ClientError"):
        """Checklist 42-45 for a run that must fail: exit 1, the reason last on stderr
        and the same in output/failure after its class, one line of UTF-8, short
        enough, each of `words` in it; nothing under a final name in model/. Returns
        the failure text."""
        self.assertEqual(1, result.status, result)
        self.assertTrue(job.failure.is_file(), f"no failure file{result}")
        content = job.failure.read_bytes().decode("utf-8")  # strict
        text = content[:-1] if content.endswith("\n") else content
        self.assertLessEqual(len(content), 1024)
        self.assertRegex(text, r"\A(ClientError|PlatformError|AlgorithmError): \S")
        self.assertNotRegex(text, r"[\x00-\x1f\x7f-\x9f]", "one line, no control characters")
        found, _, reason = text.partition(": ")
        if error is not None:
            self.assertEqual(error, found, result)
        self.assertEqual(reason, self.last_error(result), result)
        for word in words:
            if isinstance(word, re.Pattern):
                self.assertRegex(reason, word, result)
            else:
                self.assertIn(str(word), reason, result)
        if job.model.is_dir():
            self.assertEqual([], self.model_files(job), result)
        return text

    def last_error(self, result):
        """The message of the last line on stderr, which must be an error in JSON."""
        lines = result.stderr.rstrip("\n").split("\n")
        try:
            last = json.loads(lines[-1])
        except ValueError:
            self.fail(f"the last line on stderr is not JSON{result}")
        self.assertEqual("error", last.get("level"), result)
        self.assertIn("message", last, result)
        return last["message"]

    def assertSameModel(self, expected, job, message=""):
        """expected: bytes or another Job."""
        a = expected if isinstance(expected, bytes) else expected.bytes()
        b = job.bytes()
        if a == b:
            return
        at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
        context = lambda m: m[max(0, at - 60) : at + 60]
        self.fail(f"{message}: model.bin differs at byte {at} (sizes {len(a)}, {len(b)}):\n"
                  f"  {context(a)!r}\n  {context(b)!r}")

    def assertUsableModel(self, job, rows):
        """The model opens (so every byte is as written) and answers within the scale."""
        low, high = (f(float(r[2]) for r in rows) for f in (min, max))
        rating, line = self.predict(job, rows[0][0], rows[0][1])
        self.assertNotIn("known_user=false", line)
        self.assertTrue(low <= rating <= high, line)


# --- what this machine can do -----------------------------------------------


@functools.lru_cache(maxsize=None)
def namespace():
    """Words that give a command a private mount namespace in which it may mount, or
    None: as root directly, else by a user namespace where the kernel allows one."""
    for words in (["unshare", "--mount", "--propagation", "private"],
                  ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private"]):
        try:
            done = subprocess.run([*words, "sh", "-c", "mount -t tmpfs none /mnt"], timeout=20,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return tuple(words)
    return None


def inside(script, *words, net=False, pid=False):
    """A wrapper for TrainCase.start: runs the shell `script` in a private mount
    namespace with words as $1, $2 …; the script ends in exec "$@" after its shifts."""
    unshare = list(namespace())
    if net:
        unshare.append("--net")
    if pid:
        unshare += ["--pid", "--fork", "--kill-child", "--mount-proc"]
    return (*unshare, "sh", "-e", "-c", script, "sh", *map(str, words))


# $1 the prefix: it becomes /opt/ml, nothing else is below /opt.
AS_OPT_ML = """
mount -t tmpfs -o mode=755 none /opt
mkdir /opt/ml
mount --bind "$1" /opt/ml
shift
"""

LIMITED = 'trap "" XFSZ; ulimit -f "$1"; shift; exec "$@"'


def file_size_limit(n_bytes):
    """A wrapper after which no file can grow beyond n_bytes: write() fails as on a
    full disk (EFBIG; SIGXFSZ is ignored), without root."""
    return ("sh", "-c", LIMITED, "sh", str(n_bytes // 512))


# argv: the file for ru_maxrss, then a command. Ends as the command ended.
MEASURE = """
import os, sys
pid = os.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w") as peak:
    peak.write(str(usage.ru_maxrss))
code = os.waitstatus_to_exitcode(status)
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""

NOBODY = 65534


def train_for_anyone(folder):
    """A path of train that another uid may execute."""
    path = TRAIN.resolve()
    if all(p.stat().st_mode & 0o001 for p in (path, *path.parents)):
        return path
    copy = Path(folder) / "train"
    shutil.copy(path, copy)
    copy.chmod(0o755)
    return copy


def cpu_flags():
    try:
        match = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        return set()
    return set(match.group(1).split()) if match else set()
