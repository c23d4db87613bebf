"""ports.py: TCP ports to listen on.

A port belongs to one test at a time, also among processes (an abstract socket is the lock), and
is none that the kernel gives to clients.
"""

import random
import socket
from pathlib import Path


def client_ports():
    """The ports that the kernel gives to clients: a test's own connections use them."""
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
