"""watch.py: records a program's operations on files, in order."""

import ctypes
import os
import re
import struct


class Watch:
    """inotify by ctypes: events in some folders, in order.
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
