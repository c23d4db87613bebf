"""container.py: the same runs, with the programs of an image in place of the built ones.

With MF_IMAGE=NAME a test starts `docker run … NAME train …` where it would start
build/…/bin/train. Tests need no change: folders are mounted under their own names, the
network is the machine's, signals go to the program itself, and its /proc is there to see.

(1) Run.pid is the program's own process as this machine numbers it, not the client's.
(2) A program ended by a signal has the status -n, not the engine's 128 + n.
(3) A container is removed when its run has ended, whatever the outcome.
(4) What cannot be had this way (a pipe or terminal of the test's own as standard output, a
    limit set before the program starts) is reported as NOT TESTED HERE and skipped: those
    tests run against the bare programs.
"""

import functools
import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
import time

IMAGE = os.environ.get("MF_IMAGE", "")
BUILD_OPTIONS = os.environ.get("MF_IMAGE_BUILD_OPTIONS", "").split()  # for `docker build`
OPTIONS = os.environ.get("MF_IMAGE_RUN_OPTIONS", "").split()  # and for `docker run`
START_DEADLINE = 120  # an engine under load

# Variables of the test's own machine; a container has its own.
NOT_HANDED_ON = ("PATH", "HOME")


def why_no_engine():
    """Why there is no engine to run containers, or "" when there is one."""
    if shutil.which("docker") is None:
        return "there is no docker program"
    try:
        done = subprocess.run(["docker", "version", "--format", "{{.Server.Os}}"], timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    except subprocess.TimeoutExpired:
        return "the engine says nothing for a minute"
    if done.returncode != 0:
        return "docker finds no engine: " + done.stderr.decode(errors="replace").strip().split("\n")[-1]
    if not socket_of_engine():
        return "the engine is not one of this machine"
    return ""


def docker(*words, check=True, **how):
    """A docker command to its end; its stdout as text."""
    done = subprocess.run(["docker", *map(str, words)], stdin=subprocess.DEVNULL, timeout=1800,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **how)
    if check and done.returncode != 0:
        raise AssertionError(f"docker {' '.join(map(str, words))}: status {done.returncode}\n"
                             f"{done.stderr.decode(errors='replace')}")
    return done.stdout.decode("utf-8", "backslashreplace")


def inspect(name, of="container"):
    return json.loads(docker(of, "inspect", name))[0]


@functools.lru_cache(maxsize=None)
def socket_of_engine():
    """The path of its socket, or "" for one that is somewhere else."""
    host = docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").strip()
    return host.removeprefix("unix://") if host.startswith("unix://") else ""


class Engine(http.client.HTTPConnection):
    """The engine's own interface: ten times quicker than a docker command."""

    def __init__(self):
        super().__init__("localhost", timeout=60)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(socket_of_engine())

    def process_of(self, name):
        """The process of a running container as this machine numbers it, or 0."""
        self.request("GET", f"/containers/{name}/json")
        response = self.getresponse()
        body = response.read()
        return json.loads(body)["State"]["Pid"] if response.status == 200 else 0


class Container:
    """A container by its name, which is ours alone."""

    _count = 0

    def __init__(self):
        Container._count += 1
        self.name = f"mf-{os.getpid()}-{Container._count}-{time.monotonic_ns():x}"
        self._pid = 0
        self._finder = None

    def look_for_process(self, client_ended):
        """Starts the search for the program's process, so that its pid is ready when it is needed.
        client_ended: returns whether `docker run` has exited."""
        self._finder = threading.Thread(target=self._find, args=(client_ended,), daemon=True)
        self._finder.start()

    def _find(self, client_ended):
        engine = Engine()
        until = time.monotonic() + START_DEADLINE
        while time.monotonic() < until:
            over = client_ended()
            pid = engine.process_of(self.name)
            if pid and not is_the_engines(pid):
                self._pid = pid
                break
            if over:
                break
            time.sleep(0.005)
        engine.close()

    def pid(self, look_at_client):
        """The program's process, as soon as there is one; 0 when it has exited before.
        look_at_client: is called while waiting."""
        while self._finder.is_alive():
            look_at_client()
            self._finder.join(0.005)
        return self._pid

    def remove(self):
        docker("rm", "--force", "--volumes", self.name, check=False)


def is_the_engines(pid):
    """A container begins as a process of the engine's, which becomes the program."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
            return comm.read().startswith("runc")
    except OSError:
        return False


def words_of_run(container, program, words, folders, env, user=None, cwd=None, options=()):
    """The argv of `docker run`: program is train or serve, folders {here: there}."""
    argv = ["docker", "run", "--name", container.name, "--network", "host", *OPTIONS, *options]
    if user is None and os.getuid() != 0:
        user = os.getuid()
    if user is not None:
        argv += ["--user", f"{user}:{user if user != os.getuid() else os.getgid()}"]
    for here, there in folders.items():
        argv += ["--volume", f"{here}:{there}"]
    for name, value in env.items():
        if name not in NOT_HANDED_ON:
            argv += ["--env", f"{name}={value}"]
    if cwd is not None:
        argv += ["--workdir", str(cwd)]
    return [*argv, IMAGE, program, *words]


def status_of(returncode, stderr):
    """The program's status from that of `docker run`, which has codes of its own."""
    if returncode in (125, 126, 127):
        raise AssertionError(f"docker run: status {returncode}\n{stderr[-2000:]}")
    return 128 - returncode if returncode > 128 else returncode
