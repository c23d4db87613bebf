"""gate.py: stops a run at a known place by a full pipe."""

import fcntl
import os
import re
import sys
import termios
import time
from pathlib import Path


class Gate:
    """A standard output that takes `capacity` bytes and then blocks its writer: it stops a
    run at a known epoch, without a clock. Pass .write_end as stdout."""

    def __init__(self, capacity):
        self.read_end, self.write_end = os.pipe()
        size = fcntl.fcntl(self.write_end, fcntl.F_SETPIPE_SZ, os.sysconf("SC_PAGE_SIZE"))
        self._filled = size - capacity
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
            # Where the kernel does not show the call: asleep, something written, and not
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
        """What the program has written so far; frees a page of the pipe."""
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
