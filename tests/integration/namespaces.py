"""namespaces.py: network namespaces of this machine, as hosts."""

import os
import shutil
import subprocess


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True, timeout=20, check=False)


class Namespaces:
    """Hosts with a network of their own: namespaces joined by a bridge in another one.

    names: their addresses, in ascending order; run(i): words before a command; each has the
    interfaces eth0, which reaches the others, and other0, which reaches none."""

    def __init__(self, n):
        self.prefix = f"mf{os.getpid() % 100000}"
        self.made = []
        self.names = [f"10.77.0.{i + 1}" for i in range(n)]
        hub = self._namespace("hub")
        self._do("-n", hub, "link", "add", "br0", "type", "bridge")
        self._do("-n", hub, "link", "set", "br0", "up")
        for i in range(n):
            here = self._namespace(i)
            self._do("-n", here, "link", "add", "eth0", "type", "veth", "peer", "name", f"p{i}",
                     "netns", hub)
            self._do("-n", hub, "link", "set", f"p{i}", "master", "br0", "up")
            self._do("-n", here, "addr", "add", f"{self.names[i]}/24", "dev", "eth0")
            self._do("-n", here, "link", "add", "other0", "type", "veth", "peer", "name", "other1")
            self._do("-n", here, "addr", "add", f"10.78.{i}.1/24", "dev", "other0")
            for link in ("lo", "eth0", "other0", "other1"):
                self._do("-n", here, "link", "set", link, "up")

    @staticmethod
    def possible():
        name = f"mf{os.getpid() % 100000}try"
        if shutil.which("ip") is None or ip("netns", "add", name).returncode != 0:
            return False
        can = ip("-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", "p0")
        bridge = ip("-n", name, "link", "add", "br0", "type", "bridge")
        ip("netns", "del", name)
        return can.returncode == 0 and bridge.returncode == 0

    def _do(self, *words):
        done = ip(*words)
        if done.returncode != 0:
            self.close()
            raise AssertionError(f"ip {' '.join(words)}: {done.stderr}")

    def _namespace(self, label):
        name = f"{self.prefix}{label}"
        self._do("netns", "add", name)
        self.made.append(name)
        return name

    def run(self, i):
        return ("ip", "netns", "exec", f"{self.prefix}{i}")

    def cut(self, i):
        """Nothing passes any more; neither end is told."""
        self._do("-n", f"{self.prefix}hub", "link", "set", f"p{i}", "nomaster")

    def close(self):
        while self.made:
            ip("netns", "del", self.made.pop())
