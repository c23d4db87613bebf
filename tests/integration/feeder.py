"""feeder.py: the writer of a channel in Pipe mode."""

import errno
import fcntl
import os
import select
import sys
import termios
import threading
import time
from pathlib import Path


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
