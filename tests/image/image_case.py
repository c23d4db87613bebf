"""image_case.py: containers of the image, with the mounts and options of each test.

    class Example(ImageCase):
        def test_a_sentence(self):
            job = self.job_on(ROWS)
            result = self.contained("train", ml=job.prefix).wait()     # docker run … IMAGE train
            server = self.served("--read-only", ml=prefix)             # … serve, port published

(1) ml is mounted as /opt/ml; other mounts and options are words of `docker run`.
(2) No variable and no user is given, and the engine's own network is used.
(3) Everything else is as in tests/integration: bounded waits, stops by name, Job, Server.

The image is MF_IMAGE; its programs are compared with those in MF_BIN.
"""

import functools
import io
import os
import subprocess
import tarfile
from pathlib import Path

import container
from container import docker, inspect
from process import Result, Run
from programs import DEADLINE, SOURCE, TRAIN
from samples import planted
from serve_case import ServeCase
from server import Server

IMAGE = container.IMAGE
ROWS = planted()

# The options of a restrictive platform.
LOCKED = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")
READ_ONLY = ("--read-only", "--tmpfs", "/tmp")


def mount(here, there, mode="rw"):
    return ("--volume", f"{here}:{there}:{mode}")


@functools.lru_cache(maxsize=None)
def config():
    return inspect(IMAGE, "image")


def build(tag, *options, **how):
    """Another image of the same source."""
    docker("build", "--tag", tag, *container.BUILD_OPTIONS, *options, SOURCE, **how)


@functools.lru_cache(maxsize=None)
def files(image=IMAGE):
    """{path: (tarfile.TarInfo, bytes or None)} of everything in the image."""
    name = docker("create", image).strip()
    try:
        packed = subprocess.run(["docker", "export", name], check=True, timeout=300,
                                stdout=subprocess.PIPE).stdout
    finally:
        docker("rm", name)
    found = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        for member in tar:
            content = tar.extractfile(member).read() if member.isfile() or member.islnk() else None
            found["/" + member.name.strip("/")] = (member, content)
    return found


# Files that the engine itself puts into every container.
ENGINES_OWN = ("/.dockerenv", "/dev", "/etc/hostname", "/etc/hosts", "/etc/mtab", "/etc/resolv.conf",
               "/proc", "/sys")


def own_files(image=IMAGE):
    """files() of the image alone: without folders and without what the engine adds."""
    return {path: found for path, found in files(image).items()
            if not found[0].isdir() and path not in ENGINES_OWN
            and not path.startswith(("/dev/", "/proc/", "/sys/"))}


def unpack(folder, image=IMAGE):
    """The image's files below folder."""
    for path, (info, content) in own_files(image).items():
        place = folder / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(info.mode)


class ImageCase(ServeCase):
    def setUp(self):
        super().setUp()
        if not IMAGE:
            self.fail("MF_IMAGE names no image: run this by ctest or script/image")

    def contained(self, *words, ml=None, options=(), env=None, image=None):
        """`docker run options IMAGE words`, as a process.Run."""
        inside = container.Container()
        argv = ["docker", "run", "--name", inside.name, *options]
        if ml is not None:
            argv += mount(ml, "/opt/ml")
        for name, value in (env or {}).items():
            argv += ["--env", f"{name}={value}"]
        run = Run([*argv, image or IMAGE, *words], env=dict(os.environ), inside=inside)
        run.name = inside.name
        self._runs.append(run)
        return run

    def trained_in_it(self, job, *options, **how):
        """The Result of a job of the image that must succeed."""
        job.write_config()
        result = self.contained("train", ml=job.prefix, options=options, **how).wait()
        self.assertTrained(job, result)
        return result

    def outside(self, job):
        """The Result of the same job by the built program, on this machine."""
        job.write_config()
        done = subprocess.run([TRAIN, "--prefix", job.prefix], timeout=DEADLINE, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return Result([TRAIN], done.returncode, done.stdout, done.stderr)

    def served(self, *options, ml=None, env=None, port=8080, words=("serve",), ready=True):
        """A Server in a container with its port published on loopback."""
        ml = ml or self.tree()
        here = self.free_port()
        run = self.contained(*words, ml=ml, env=env,
                             options=("--publish", f"127.0.0.1:{here}:{port}", *options))
        server = Server(run, Path(ml), here, "127.0.0.1")
        self._servers.append(server)
        if ready:
            server.wait_until_ready()
        return server

    def stopped_by_the_engine(self, run, seconds):
        """The Result after `docker stop --time seconds`."""
        docker("stop", "--time", seconds, run.name)
        return run.wait()

    def own(self, user, *paths):
        """The platform's folders belong to their user."""
        if os.geteuid() != 0:
            self.not_here("another uid needs root")
        for path in paths:
            for found in (path, *path.rglob("*")):
                os.chown(found, user, user)
