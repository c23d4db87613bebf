"""server.py: one running `serve`: requests to it, its log, its process, its exit."""

import json
import os
import re
import signal
import socket
import struct
from pathlib import Path

from http_client import Client, Closed
from http_words import JSON
from programs import DEADLINE
from prometheus import Metrics


class Server:
    """A running `serve`. run is the process (process.Run)."""

    def __init__(self, run, prefix, port, address):
        self.run, self.prefix, self.port, self.address = run, Path(prefix), port, address
        self.stopped = None  # the Result, after stop()

    pid = property(lambda self: self.run.pid)
    model_bin = property(lambda self: self.prefix / "model" / "model.bin")

    # -- requests

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
        response = self.get("/metrics")
        if response.status != 200:
            raise AssertionError(f"/metrics{response}")
        return Metrics(response.text)

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
        return self.wait_for(lambda: self.try_ping() is not None, "a response to /ping")

    def try_ping(self):
        """The status of a ping, or None when the port is closed."""
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

    # -- the process

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

    # -- its exit

    def signal(self, number):
        self.run.signal(number)

    def hang_up(self):
        """Requests a reload and waits until it has succeeded or failed."""
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
        """The Result of a server that exits, by a signal or without one."""
        self.stopped = self.run.wait(deadline)
        if self.stopped.status != status:
            raise AssertionError(f"serve exits {self.stopped.status}, not {status}{self.stopped}")
        self.log  # each line is JSON
        return self.stopped

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.ended(-signal.SIGKILL)
