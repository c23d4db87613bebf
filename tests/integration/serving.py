"""serving.py: runs the real `serve` as SageMaker runs it, and speaks HTTP to it byte by byte.

    class Example(ServeCase):
        def test_a_sentence(self):
            server = self.serve()                       # a tiny model, 127.0.0.1, a free port
            answer = server.post({"userId": "1", "movieId": "1001"})
            self.assertEqual(200, answer.status, answer)
            answer.json()["predicted_rating"]

            client = server.connect()                   # a raw socket, for everything unusual
            client.send(b"GET /ping HTTP/1.1\\r\\n\\r\\n" * 2)
            first, second = client.read(), client.read()

(1) The model is trained by the real `train`, once per test process (trained()).
(2) serve() returns when /ping is 200, found by asking; ready=False does not wait.
(3) After each test every server gets SIGTERM and must exit 0, having written nothing but
    JSON lines and no sanitizer's complaint; stop(status=…) says otherwise.
(4) Each answer is checked while it is read: its length, its lines, and the rules that hold
    for every answer (check_answer), errors being short, printable JSON with their cause.
(5) A port belongs to one test at a time, also among processes (an abstract socket is the
    lock), and is none that the kernel gives to clients.
(6) What waits has a deadline; see harness.py.
"""

import atexit
import fcntl
import functools
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time
from pathlib import Path

from harness import (BIN, DEADLINE, SANITIZER_ENVIRONMENT, SLOW, TRAIN, Job, TrainCase, csv,
                     planted)

SERVE = BIN / "serve"
ROWS = planted()

# How long one answer may take before it counts as none.
ANSWER_DEADLINE = 300 if SLOW else 60

JSON, JSON_LINES, CSV = "application/json", "application/jsonlines", "text/csv"
CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"

ERROR_BYTES_MAX = 2047  # what reaches the caller of an endpoint (contract 3.7.2)


# --- models -----------------------------------------------------------------


class Trained:
    """A finished training job: prefix/model/model.bin and what it was trained on."""

    def __init__(self, prefix, rows):
        self.prefix, self.rows = Path(prefix), rows
        self.model_bin = self.prefix / "model" / "model.bin"
        self.users = sorted({row[0] for row in rows})
        self.items = sorted({row[1] for row in rows})
        self.rated = {}  # user: items
        for row in rows:
            self.rated.setdefault(row[0], set()).add(row[1])
        self.rating_min = min(float(row[2]) for row in rows)
        self.rating_max = max(float(row[2]) for row in rows)

    @functools.lru_cache(maxsize=None)
    def predict(self, user, item):
        """The rating as `train --predict` prints it: four decimals."""
        said = subprocess.run(
            [TRAIN, "--prefix", self.prefix, "--predict", user, item], check=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE,
            env={**os.environ, **SANITIZER_ENVIRONMENT}).stdout.decode()
        return float(re.match(r"predicted_rating=(-?\d+\.\d+)", said).group(1))

    def __hash__(self):
        return id(self)


@functools.lru_cache(maxsize=None)
def shared_folder():
    folder = Path(tempfile.mkdtemp(prefix="mf-serve-"))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.lru_cache(maxsize=None)
def trained(seed=7, n_factors=8, n_epochs=4, rows=None):
    """The model of ROWS (or of other rows, a tuple), by the real `train`; other seeds give
    other models of the same users and items."""
    rows = ROWS if rows is None else rows
    prefix = Path(tempfile.mkdtemp(prefix="job-", dir=shared_folder()))
    prefix.chmod(0o755)
    job = Job(prefix, {"n_factors": str(n_factors), "n_epochs": str(n_epochs), "seed": str(seed)})
    job.channel("train", {"ratings.csv": csv(rows)})
    job.write_config()
    done = subprocess.run([TRAIN, "--prefix", prefix], stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT, timeout=DEADLINE,
                          env={**os.environ, **SANITIZER_ENVIRONMENT})
    if done.returncode != 0:
        raise AssertionError(f"train exits {done.returncode}\n{done.stdout.decode()}")
    return Trained(prefix, rows)


# --- ports ------------------------------------------------------------------


def client_ports():
    """The ports that the kernel hands to clients: a test's own connections use them."""
    try:
        low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
        return range(int(low), int(high) + 1)
    except (OSError, ValueError):
        return range(32768, 61000)


class Port:
    """A free TCP port that no other test takes until close()."""

    def __init__(self, number=None):
        clients = client_ports()
        choices = [p for p in range(10000, 65000) if p not in clients and p != 8080]
        for _ in range(2000):
            self.number = number or random.SystemRandom().choice(choices or range(10000, 65000))
            self._lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                self._lock.bind(f"\0mf-test-port-{self.number}")
                if self._is_free():
                    return
            except OSError:
                pass
            self._lock.close()
            if number:
                break
        raise AssertionError(f"port {number} is taken" if number else "no free port")

    def _is_free(self):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", self.number))
                probe.listen(1)
            except OSError:
                return False
        return True

    def close(self):
        self._lock.close()


# --- answers ----------------------------------------------------------------


class Answer:
    """One answer: status, reason, headers as [(name, value)] in order, body as bytes."""

    def __init__(self, version, status, reason, headers, body):
        self.version, self.status, self.reason = version, status, reason
        self.headers, self.body = headers, body

    def header(self, name, default=None):
        """The value of the one header of that name, in any case."""
        values = [v for n, v in self.headers if n.lower() == name.lower()]
        if len(values) > 1:
            raise AssertionError(f"{name} came {len(values)} times{self}")
        return values[0] if values else default

    @property
    def media_type(self):
        return (self.header("Content-Type") or "").partition(";")[0]

    @property
    def text(self):
        return self.body.decode("utf-8")

    def json(self):
        return loads(self.text)

    def json_lines(self):
        return [loads(line) for line in lines_of(self.text)]

    def csv_lines(self):
        return lines_of(self.text)

    @property
    def message(self):
        """What an error says."""
        return self.json()["error"]["message"]

    @property
    def closes(self):
        return (self.header("Connection") or "").lower() == "close"

    def __str__(self):
        body = self.body if len(self.body) < 2000 else self.body[:900] + b" [...] " + self.body[-900:]
        return f"\n{self.version} {self.status} {self.reason}\n" + "".join(
            f"{n}: {v}\n" for n, v in self.headers) + f"\n{body!r}"

    __repr__ = __str__


def loads(text):
    """JSON of a strict reader: no NaN or Infinity, no key twice."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON: {text[:300]!r}")

    def once(pairs):
        keys = [k for k, _ in pairs]
        if len(set(keys)) != len(keys):
            raise AssertionError(f"a key twice: {text[:300]!r}")
        return dict(pairs)

    return json.loads(text, parse_constant=refuse, object_pairs_hook=once)


def lines_of(text):
    """The lines of an answer that is one record a line: each ends with a newline and none
    is blank, so that answers may be joined."""
    if text == "":
        return []
    if not text.endswith("\n"):
        raise AssertionError(f"no newline at the end: {text[-200:]!r}")
    lines = text[:-1].split("\n")
    for n, line in enumerate(lines):
        if not line.strip() or "\r" in line:
            raise AssertionError(f"line {n + 1} is {line!r}")
    return lines


TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
PRINTABLE = re.compile(r"[\x20-\x7e]*")
ERROR_CODE = re.compile(r"[a-z][a-z_]*")


def check_answer(answer):
    """What every answer owes its client (contract 3.6, 3.7; checklist 102, 105)."""

    def must(condition, what):
        if not condition:
            raise AssertionError(f"{what}{answer}")

    must(answer.version == "HTTP/1.1", "not HTTP/1.1")
    names = [n.lower() for n, _ in answer.headers]
    must(len(set(names)) == len(names), "a header came twice")
    for name, value in answer.headers:
        must(TOKEN.fullmatch(name) and PRINTABLE.fullmatch(value), f"header {name!r}: {value!r}")
    if answer.body:
        must(answer.header("Content-Type"), "a body without Content-Type")
    if answer.status < 400 or not answer.body:
        return
    must(len(answer.body) <= ERROR_BYTES_MAX, f"an error of {len(answer.body)} bytes")
    must(answer.media_type == JSON, "an error that is no JSON")
    error = answer.json()
    must(set(error) == {"error"} and {"code", "message"} <= set(error["error"]), "an error's shape")
    must(ERROR_CODE.fullmatch(error["error"]["code"]), "an error's code")
    message = error["error"]["message"]
    must(message and not re.search("[\x00-\x1f\x7f-\x9f]", message), f"not printable: {message!r}")
    must(len(message.encode()) < 960, "a message of 960 bytes and more")


# --- a client ---------------------------------------------------------------


class Closed(Exception):
    """The server closed the connection where an answer was expected."""


class Client:
    """A connection. send() sends bytes as they are, read() reads exactly one answer, and
    what comes behind it stays for the next read()."""

    def __init__(self, port, address="127.0.0.1", timeout=ANSWER_DEADLINE, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect((address, port))
        except BaseException:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = bytearray()
        self.interim = []  # 1xx answers so far

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)
        return self

    def send_some(self, data):
        """Sends until all is gone or the server answers or closes; how much was sent. For
        bodies that the server may refuse before it has read them."""
        self.socket.setblocking(False)
        sent = 0
        until = time.monotonic() + ANSWER_DEADLINE
        try:
            while sent < len(data) and time.monotonic() < until:
                try:
                    piece = self.socket.recv(65536)
                    self._bytes += piece
                    if self._bytes or not piece:
                        break
                except BlockingIOError:
                    pass
                try:
                    sent += self.socket.send(data[sent : sent + (1 << 20)])
                except BlockingIOError:
                    time.sleep(0.0005)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.socket.settimeout(ANSWER_DEADLINE)
        return sent

    def finish_sending(self):
        """Half closes: nothing more will be sent, answers are still read."""
        self.socket.shutdown(socket.SHUT_WR)

    def _more(self):
        try:
            piece = self.socket.recv(1 << 18)
        except ConnectionResetError:
            piece = b""
        if not piece:
            raise Closed(f"closed after {bytes(self._bytes[:300])!r}")
        self._bytes += piece

    def read(self, head=False, interim=False):
        """The next answer. head: it answers HEAD and has no body. 1xx answers are kept in
        .interim; interim=True returns one of them, too."""
        while True:
            answer = self._read_one(head)
            if answer.status >= 200:
                check_answer(answer)
                return answer
            self.interim.append(answer)
            if interim:
                return answer

    def _read_one(self, head):
        while (end := self._bytes.find(b"\r\n\r\n")) < 0:
            if len(self._bytes) > 65536:
                raise AssertionError(f"no head in {bytes(self._bytes[:300])!r}")
            self._more()
        lines = self._bytes[:end].decode("ascii").split("\r\n")
        match = re.fullmatch(r"(HTTP/1\.[01]) (\d{3}) ([ -~]*)", lines[0])
        if not match:
            raise AssertionError(f"no status line: {lines[0]!r}")
        headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not TOKEN.fullmatch(name) or not value.startswith(" "):
                raise AssertionError(f"no header: {line!r}")
            headers.append((name, value[1:]))
        answer = Answer(match.group(1), int(match.group(2)), match.group(3), headers, b"")
        if answer.header("Transfer-Encoding") is not None:
            raise AssertionError(f"chunks{answer}")
        length = answer.header("Content-Length")
        n = 0
        if answer.status >= 200 and answer.status != 204:
            if length is None or not length.isdigit():
                raise AssertionError(f"Content-Length is {length!r}{answer}")
            n = 0 if head else int(length)
        while len(self._bytes) < end + 4 + n:
            self._more()
        answer.body = bytes(self._bytes[end + 4 : end + 4 + n])
        del self._bytes[: end + 4 + n]
        return answer

    def request(self, method, path, body=None, headers=(), content_type=None, host="localhost"):
        """One request and its answer on this connection."""
        self.send(message(method, path, body, headers, content_type, host))
        return self.read(head=method == "HEAD")

    def get(self, path, **how):
        return self.request("GET", path, **how)

    def post(self, body, content_type=JSON, path="/invocations", **how):
        return self.request("POST", path, as_body(body), content_type=content_type, **how)

    def is_open(self):
        """True while nothing came that was not asked for and the server did not close."""
        self.socket.setblocking(False)
        try:
            piece = self.socket.recv(65536)
            self._bytes += piece
            return bool(piece)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self.socket.settimeout(ANSWER_DEADLINE)

    def has_bytes(self):
        """True when something came that was not read yet: call is_open() before."""
        return bool(self._bytes)

    def wait_until_closed(self, deadline=ANSWER_DEADLINE):
        """Everything that still came until the server closed."""
        self.socket.settimeout(deadline)
        try:
            while True:
                self._more()
        except Closed:
            pass
        except (TimeoutError, socket.timeout):
            raise AssertionError(f"open after {deadline} s: {bytes(self._bytes[:300])!r}") from None
        rest, self._bytes = bytes(self._bytes), bytearray()
        return rest

    def unsent(self):
        """Bytes that the other side's kernel has not taken yet."""
        count = bytearray(4)
        fcntl.ioctl(self.socket.fileno(), termios.TIOCOUTQ, count)
        return int.from_bytes(count, "little")

    def reset(self):
        """Closes with RST, as a client that crashed."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


def as_body(body):
    """Bytes as they are, text as UTF-8, anything else as JSON."""
    if body is None or isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def message(method, path, body=None, headers=(), content_type=None, host="localhost"):
    """The bytes of a request."""
    headers = list(headers.items() if isinstance(headers, dict) else headers)
    lines = [f"{method} {path} HTTP/1.1"]
    if host is not None:
        lines.append(f"Host: {host}")
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    if body is not None and not any(n.lower() in ("content-length", "transfer-encoding")
                                    for n, _ in headers):
        lines.append(f"Content-Length: {len(as_body(body))}")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines + ["", ""]).encode() + (as_body(body) or b"")


def chunked(body, sizes=(1, 7, 61, 4096, 3, 65536)):
    """The body in chunks of these sizes, over and over."""
    out, at, n = bytearray(), 0, 0
    while at < len(body):
        piece = body[at : at + sizes[n % len(sizes)]]
        out += b"%x\r\n" % len(piece) + piece + b"\r\n"
        at += len(piece)
        n += 1
    return bytes(out) + b"0\r\n\r\n"


# --- the server's figures ---------------------------------------------------

SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*=\"(?:[^\"\\\n]|\\[\\\"n])*\",?)*)\})?"
                    r" (NaN|[+-]Inf|[+-]?[0-9.]+(?:[eE][+-]?\d+)?)")
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"')


class Metrics:
    """The text of /metrics, read as Prometheus reads it. m("name", route="/ping") is the
    value, or 0 for a counter that is not there; .types has the declared types."""

    def __init__(self, text):
        if not text.endswith("\n"):
            raise AssertionError("the last line does not end")
        self.values, self.types, self.help = {}, {}, {}
        family = None
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                _, _, family, words = line.split(" ", 3)
                if family in self.help or not words:
                    raise AssertionError(f"twice or empty: {line!r}")
                self.help[family] = words
                continue
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                if name != family or kind not in ("counter", "gauge", "histogram"):
                    raise AssertionError(f"out of place: {line!r}")
                self.types[name] = kind
                continue
            match = SAMPLE.fullmatch(line)
            if not match:
                raise AssertionError(f"not a sample: {line!r}")
            name, labels, value = match.groups()
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            if (name if name in self.types else base) != family:
                raise AssertionError(f"not below its TYPE: {line!r}")
            key = (name, frozenset(LABEL.findall(labels or "")))
            if key in self.values:
                raise AssertionError(f"twice: {line!r}")
            self.values[key] = float(value)

    def __call__(self, name, **labels):
        if name not in self.types and re.sub(r"_(bucket|sum|count)$", "", name) not in self.types:
            raise AssertionError(f"no metric {name} among {sorted(self.types)}")
        return self.values.get((name, frozenset(labels.items())), 0)


# --- a server ---------------------------------------------------------------


class Server:
    """A running `serve`. run is the process (harness.Run)."""

    def __init__(self, run, prefix, port, address):
        self.run, self.prefix, self.port, self.address = run, Path(prefix), port, address
        self.stopped = None  # the Result, after stop()

    pid = property(lambda self: self.run.pid)
    model_bin = property(lambda self: self.prefix / "model" / "model.bin")

    # -- asking

    def connect(self, **how):
        return Client(self.port, self.address, **how)

    def request(self, method, path, **how):
        """One request on a connection of its own."""
        with self.connect() as client:
            return client.request(method, path, **how)

    def get(self, path, **how):
        return self.request("GET", path, **how)

    def post(self, body, content_type=JSON, path="/invocations", **how):
        with self.connect() as client:
            return client.post(body, content_type, path, **how)

    def ping(self):
        return self.get("/ping")

    def metrics(self):
        answer = self.get("/metrics")
        if answer.status != 200:
            raise AssertionError(f"/metrics{answer}")
        return Metrics(answer.text)

    # -- waiting

    def wait_for(self, ready, what, deadline=DEADLINE):
        """Until ready() is true; its value. Fails when the server ends meanwhile."""
        value = self.run.wait_until(ready, what, deadline)
        if not value:
            raise AssertionError(f"serve ended before: {what}{self.run.wait()}")
        return value

    def wait_until_ready(self):
        return self.wait_for(lambda: self.try_ping() == 200, "a /ping of 200")

    def wait_until_listening(self):
        return self.wait_for(lambda: self.try_ping() is not None, "an answer to /ping")

    def try_ping(self):
        """The status of a ping, or None when nobody listens (yet)."""
        try:
            return self.ping().status
        except (ConnectionError, Closed):
            return None

    @property
    def log(self):
        """The complete lines of stderr so far, which must be JSON."""
        text = self.run.result.stderr if self.run.result else self.run.text("stderr")
        lines = text.split("\n")[:-1]
        try:
            return [json.loads(line) for line in lines]
        except ValueError:
            raise AssertionError(f"a line that is not JSON:\n{text[-4000:]}") from None

    def log_lines(self, event, **fields):
        return [line for line in self.log if line["event"] == event
                and all(line.get(k) == v for k, v in fields.items())]

    def wait_for_log(self, event, n=1, **fields):
        """The n-th line of that event with these fields, as soon as there is one."""
        self.wait_for(lambda: len(self.log_lines(event, **fields)) >= n,
                      f"{n} log lines {event} {fields}")
        return self.log_lines(event, **fields)[n - 1]

    # -- looking at the process

    def status_bytes(self, name):
        """A line of /proc/…/status that is in kB, as bytes: VmRSS, VmHWM."""
        return int(re.search(rf"^{name}:\s+(\d+) kB", self.run.status_file(), re.M).group(1)) * 1024

    def resident(self):
        return self.status_bytes("VmRSS")

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def listening(self):
        """[(address, port)] of every socket of the process that listens on TCP."""
        mine = set()
        for fd in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(fd))
            except OSError:
                continue
            if match:
                mine.add(match.group(1))
        found = []
        for table in ("tcp", "tcp6"):
            try:
                rows = Path(f"/proc/{self.pid}/net/{table}").read_text().splitlines()[1:]
            except OSError:
                continue
            for row in rows:
                words = row.split()
                if words[3] == "0A" and words[9] in mine:
                    address, _, port = words[1].partition(":")
                    if len(address) == 8:
                        address = socket.inet_ntoa(struct.pack("=I", int(address, 16)))
                    found.append((address, int(port, 16)))
        return sorted(set(found))

    # -- ending

    def signal(self, number):
        self.run.signal(number)

    def hang_up(self):
        """Asks for a reload and waits until there is an outcome, good or bad."""
        count = lambda: len(self.log_lines("model")) + len(self.log_lines("model_refused"))
        before = count()
        self.signal(signal.SIGHUP)
        self.wait_for(lambda: count() > before, "the outcome of a reload")

    def stop(self, status=0, deadline=DEADLINE):
        """SIGTERM, and the Result, which must have this status."""
        if self.stopped is None:
            self.signal(signal.SIGTERM)
            return self.ended(status, deadline)
        return self.stopped

    def ended(self, status=0, deadline=DEADLINE):
        """The Result of a server that ends by itself or was told to."""
        self.stopped = self.run.wait(deadline)
        if self.stopped.status != status:
            raise AssertionError(f"serve exits {self.stopped.status}, not {status}{self.stopped}")
        self.log  # each line is JSON
        return self.stopped

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.ended(-signal.SIGKILL)


class ServeCase(TrainCase):
    """Servers of one test. Class attributes that a class of tests may change: settings,
    variables for each of its servers."""

    settings = {}

    def setUp(self):
        super().setUp()
        if not SERVE.exists():
            self.fail(f"{SERVE} is not there: build it, or set MF_BIN")
        self._servers, self._n_trees = [], 0
        self._default = None

    def tearDown(self):
        try:
            for server in self._servers:
                if server.stopped is None:
                    server.stop()
        finally:
            super().tearDown()

    @property
    def server(self):
        """A server with a tiny model that needs nothing special."""
        if self._default is None:
            self._default = self.serve()
        return self._default

    def tree(self, model=None):
        """A fresh /opt/ml with model/model.bin: of trained(), of other bytes or another
        Trained; False for an empty model folder."""
        self._n_trees += 1
        prefix = self.folder / f"ml{self._n_trees}"
        (prefix / "model").mkdir(parents=True)
        if model is not False:
            place_model(prefix / "model" / "model.bin", model)
        return prefix

    def free_port(self):
        port = Port()
        self._closers.append(port)
        return port.number

    def start_serve(self, prefix, *words, env=None, program=None, **how):
        """Starts `serve --prefix` as it is, without waiting for anything; a Run."""
        if prefix is not None:
            words = ("--prefix", prefix, *words)
        return self.start(None, *words, env={**self.settings, **(env or {})},
                          program=program or SERVE, **how)

    def serve(self, prefix=None, model=None, ready=True, port=None, address="127.0.0.1",
              threads=None, **how):
        """A Server on a port of its own. model as for tree(); env: more variables; the rest
        goes to harness.Run."""
        if prefix is None:
            prefix = self.tree(model)
        port = port or self.free_port()
        env = {"SAGEMAKER_BIND_TO_PORT": str(port), "SERVE_ADDRESS": address,
               **(how.pop("env", None) or {})}
        if threads is not None:
            env["SAGEMAKER_MODEL_SERVER_WORKERS"] = str(threads)
        run = self.start_serve(prefix, env=env, **how)
        server = Server(run, prefix, port, address if address != "0.0.0.0" else "127.0.0.1")
        self._servers.append(server)
        if ready:
            server.wait_until_ready()
        return server

    def refused_serve(self, env=None, prefix=None, **how):
        """The Result of a serve that must say why it does not start: exit 1."""
        prefix = prefix or self.tree()
        env = {"SAGEMAKER_BIND_TO_PORT": str(self.free_port()), "SERVE_ADDRESS": "127.0.0.1",
               **(env or {})}
        result = self.start_serve(prefix, env=env, **how).wait()
        self.assertEqual(1, result.status, result)
        return result

    # -- what must hold

    def assertAnswer(self, answer, status=200, media_type=None):
        self.assertEqual(status, answer.status, answer)
        if media_type is not None:
            self.assertEqual(media_type, answer.header("Content-Type"), answer)
        return answer

    def assertRefused(self, answer, status, *words):
        """An error with this status whose message holds each of words (text or pattern).
        Returns the message."""
        self.assertEqual(status, answer.status, answer)
        for word in words:
            if isinstance(word, re.Pattern):
                self.assertRegex(answer.message, word)
            else:
                self.assertIn(str(word), answer.message)
        return answer.message

    def assertServes(self, server):
        """Alive, ready, and a question has its answer."""
        row = trained().rows[0]
        answer = server.post({"userId": row[0], "movieId": row[1]})
        self.assertEqual(200, answer.status, answer)
        self.assertIn("predicted_rating", answer.json())
        self.assertEqual(200, server.ping().status)


def place_model(path, model=None):
    """Puts a model there under its final name at once, as a deployment does."""
    path = Path(path)
    if model is None:
        model = trained()
    content = model if isinstance(model, bytes) else model.model_bin.read_bytes()
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.chmod(0o644)
    partial.replace(path)


# --- work that takes a while ------------------------------------------------


def slow_model():
    """A model whose visitors cost a system of up to 400 equations each."""
    return trained(rows=tuple(planted(100, 400, 4000)), n_factors=400, n_epochs=1)


@functools.lru_cache(maxsize=None)
def slow_line():
    """A question that takes slow_model() milliseconds: a visitor who rated everything."""
    rated = [{"movieId": item, "rating": 1 + n % 5} for n, item in enumerate(slow_model().items)]
    return json.dumps({"ratings": rated, "top_n": 1, "include_rated": True}) + "\n"


def slow_body(n):
    """n of them as JSON Lines."""
    return (slow_line() * n).encode()
