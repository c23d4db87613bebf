"""The contents of the image, without a container engine: the file system that
script/image-root makes, the programs run in it, and the text of the Dockerfile
(docs/sagemaker.md, checklist 2, 5, 6, 7, 8, 9, 10, 16)."""

import atexit
import functools
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from models import ROWS
from ports import Port
from programs import SERVE, SOURCE, TRAIN
from serve_case import ServeCase
from server import Server
from wrappers import inside, namespace

EVALUATE = TRAIN.parent / "evaluate"
MPI = TRAIN.parent.parent / "lib" / "libmfmpi.so"
PROGRAMS = (TRAIN, SERVE, EVALUATE, MPI)
IMAGE_ROOT = SOURCE / "script" / "image-root"
DEBIAN_MIRROR = SOURCE / "script" / "debian-mirror"

# $1 the root, $2 the folder that becomes /opt/ml; everything else is read-only.
IN_ROOT = """
mkdir -p "$1/opt/ml" "$1/proc"
mount --bind "$1" "$1"
mount --bind "$2" "$1/opt/ml"
mount --rbind /proc "$1/proc"
mount -o remount,bind,ro "$1"
if touch "$1/x" 2>/dev/null; then exit 77; fi
cd "$1"
shift 2
exec chroot . "$@"
"""


def run(*words, **how):
    return subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.PIPE, timeout=300, text=True, **how)


@functools.lru_cache(maxsize=None)
def made():
    """The root of the built programs."""
    folder = Path(tempfile.mkdtemp(prefix="mf-root-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    done = run(IMAGE_ROOT, folder / "root", *PROGRAMS)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return folder / "root"


def files(root):
    return {"/" + str(path.relative_to(root)): path for path in sorted(root.rglob("*"))
            if path.is_file() and not path.is_symlink()}


@unittest.skipUnless(shutil.which("dpkg-query"), "NOT TESTED HERE: image-root needs Debian's packages")
class Root(ServeCase):
    def own_root(self):
        """A copy that this test may mount on."""
        root = self.folder / "root"
        shutil.copytree(made(), root, symlinks=True)
        return root

    def test_it_holds_the_programs_their_libraries_and_licences_and_nothing_else(self):
        """Checklist 2, 5, 6: ELF files for everyone, no link, no shell, nothing in /opt."""
        for name, path in files(made()).items():
            head = path.read_bytes()[:4]
            if name.startswith("/usr/local/bin/") or ".so" in name:
                self.assertEqual(b"\x7fELF", head, name)
                self.assertEqual(0o755, path.stat().st_mode & 0o7777, name)
            else:
                self.assertRegex(name, r"\A/(etc/(passwd|group|os-release|ssl/certs/ca-certificates\.crt)|"
                                       r"var/lib/dpkg/status\.d/[^/]+|usr/share/doc/[^/]+/copyright|"
                                       r"usr/share/openmpi/help-[a-z-]+\.txt)\Z")
        self.assertEqual([], [path for path in made().rglob("*") if path.is_symlink()])
        self.assertFalse((made() / "opt").exists())
        self.assertEqual(0o1777, (made() / "tmp").stat().st_mode & 0o7777)
        self.assertEqual(["evaluate", "serve", "train"], sorted(os.listdir(made() / "usr/local/bin")))
        self.assertTrue((made() / "usr/local/bin/evaluate").samefile(made() / "usr/local/bin/train"))

    def test_the_libraries_are_those_that_the_programs_load(self):
        """Checklist 2: as listed by the loader."""
        loaded = set()
        components = {name: path for name, path in files(made()).items() if "/openmpi3/" in name}
        for program in (*PROGRAMS, *components.values()):
            output = run("ldd", program).stdout
            loaded |= {Path(word).name for word in re.findall(r"(/\S+) \(0x", output)}
        there = {Path(name).name for name in files(made()) if ".so" in name and name not in components}
        self.assertEqual(loaded | {"libgcc_s.so.1", "libmfmpi.so"}, there)
        self.assertEqual(19, len(components))

    def test_evaluate_is_train_by_another_name(self):
        for program in ("evaluate", "train"):
            self.assertTrue(run(made() / "usr/local/bin" / program, "--help").stdout.startswith(f"usage: {program} "))

    def test_it_has_the_certificates_of_trusted_authorities(self):
        """Those of the build machine, with their package's licence files."""
        self.assertEqual(Path("/etc/ssl/certs/ca-certificates.crt").read_bytes(),
                         (made() / "etc/ssl/certs/ca-certificates.crt").read_bytes())
        self.assertTrue((made() / "usr/share/doc/ca-certificates/copyright").exists())

    def test_made_twice_it_is_the_same_to_the_second(self):
        """Checklist 140: names, modes, bytes and times."""
        again = self.folder / "again"
        done = run(IMAGE_ROOT, again, *PROGRAMS)
        self.assertEqual(0, done.returncode, done.stderr)
        pack = lambda root: run("sh", "-c", 'tar -C "$1" --sort=name --numeric-owner -c . | sha256sum', "sh",
                                root).stdout
        self.assertEqual(pack(made()), pack(again))
        self.assertEqual({0}, {int(path.lstat().st_mtime) for path in again.rglob("*")})

    def test_train_works_in_it_with_nothing_else_there(self):
        """Checklist 5, 7, 8, 10, 54: read-only but for /opt/ml, no network, the same bytes."""
        if not namespace():
            self.not_here("a private mount namespace is not allowed")
        usual, job = self.job_on(ROWS), self.job_on(ROWS)
        self.train(usual)
        job.write_config()
        wrapper = inside(IN_ROOT, self.own_root(), job.prefix, net=os.geteuid() == 0)
        result = self.start(None, wrapper=wrapper, program="/usr/local/bin/train",
                            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}).wait()
        self.assertTrained(job, result)
        self.assertSameModel(usual, job)

    def test_two_hosts_train_in_it_with_nothing_else_there(self):
        """Checklist 5, 68: read-only but for /opt/ml, without /dev/shm."""
        if not namespace():
            self.not_here("a private mount namespace is not allowed")
        port = Port()
        self._closers.append(port)
        usual = self.job_on(ROWS)
        self.train(usual)
        names = ["127.0.0.1", "127.0.0.2"]
        root = self.own_root()
        jobs = [self.job_on(ROWS, hosts_port=port.number).hosts(name, names) for name in names]
        runs = []
        for job in jobs:
            job.write_config()
            runs.append(self.start(None, wrapper=inside(IN_ROOT, root, job.prefix),
                                   program="/usr/local/bin/train",
                                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}))
        for run_ in runs:
            self.assertEqual(0, run_.wait().status, run_.result)
        self.assertSameModel(usual, jobs[0])

    def test_serve_works_in_it_with_nothing_else_there(self):
        """Checklist 5, 10, 89."""
        if not namespace():
            self.not_here("a private mount namespace is not allowed")
        prefix = self.tree()
        port = self.free_port()
        started = self.start(None, wrapper=inside(IN_ROOT, self.own_root(), prefix),
                             program="/usr/local/bin/serve", env={
                                 "SAGEMAKER_BIND_TO_PORT": str(port), "SERVE_ADDRESS": "127.0.0.1",
                                 "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        server = Server(started, prefix, port, "127.0.0.1")
        self._servers.append(server)
        server.wait_until_ready()
        self.assertServes(server)

    def test_a_folder_that_is_not_empty_and_a_library_that_is_missing_are_refused(self):
        (self.folder / "full").mkdir()
        (self.folder / "full" / "x").write_text("")
        done = run(IMAGE_ROOT, self.folder / "full", TRAIN)
        self.assertEqual(1, done.returncode)
        self.assertIn("is not empty", done.stderr)
        self.assertEqual(2, run(IMAGE_ROOT, self.folder / "none").returncode)
        program = self.folder / "program"
        library = self.folder / "libnowhere.so.1"
        for words in (("-shared", "-o", library, "-Wl,-soname,libnowhere.so.1"),
                      ("-o", program, "-Wl,--no-as-needed", library)):
            done = run("gcc", "-x", "c", "-", "-x", "none", *words[:-1], words[-1],
                       input="int main(void){return 0;}" if words[0] == "-o"
                       else "int nothing(void){return 0;}")
            self.assertEqual(0, done.returncode, done.stderr)
        done = run(IMAGE_ROOT, self.folder / "lost", program)
        self.assertEqual(1, done.returncode)
        self.assertIn("libnowhere.so.1", done.stderr)


class Locked(ServeCase):
    def test_without_capabilities_and_privileges_train_and_serve_work(self):
        """Checklist 9: the built programs; /proc shows that they have no capability."""
        words = ["setpriv", "--no-new-privs"]
        if os.geteuid() == 0:
            words += ["--bounding-set=-all", "--inh-caps=-all"]
        job = self.job_on(ROWS)
        self.assertTrained(job, self.start(job, wrapper=words).wait())
        server = self.serve(wrapper=words)
        self.assertServes(server)
        self.assertRegex(server.run.status_file(), r"(?m)^CapEff:\s+0+$")
        self.assertRegex(server.run.status_file(), r"(?m)^NoNewPrivs:\s+1$")


class Recipe(ServeCase):
    def instructions(self, name):
        text = re.sub(r"(?m)^#.*\n", "", (SOURCE / name).read_text())
        return re.sub(r"\\\n\s*", "", text).strip().split("\n")

    def test_the_image_has_no_user_entrypoint_or_false_label(self):
        """Checklist 6, 16: by the Dockerfile; the label of the port is the only one."""
        lines = self.instructions("Dockerfile")
        last = lines[max(n for n, line in enumerate(lines) if line.startswith("FROM ")):]
        self.assertEqual("FROM scratch", last[0])
        self.assertFalse([line for line in last if re.match("(USER|ENTRYPOINT|VOLUME|RUN)", line)])
        self.assertEqual(["com.amazonaws.sagemaker.capabilities.accept-bind-to-port=\"true\""],
                         re.findall(r"com\.amazonaws\S+", "\n".join(last)))

    def test_the_recipes_name_no_host_and_need_no_newer_builder(self):
        """Checklist 16: base image and packages come from the builder's arguments."""
        for name in ("Dockerfile", "lambda/Dockerfile", "script/bootstrap", "script/debian-mirror",
                     "script/image-root", ".dockerignore"):
            text = (SOURCE / name).read_text()
            self.assertEqual([], [host for host in re.findall(r"https?://[\w.-]+", text)
                                  if not host.endswith("internal")], name)
            self.assertNotRegex(text, r"(?m)^# *syntax=", name)
        version = re.search(r"VERSION (\d+\.\d+\.\d+)", (SOURCE / "CMakeLists.txt").read_text()).group(1)
        for name in ("Dockerfile", "lambda/Dockerfile"):
            self.assertIn(f"ARG VERSION={version}", self.instructions(name))

    def test_the_context_holds_the_compiled_sources_and_nothing_else(self):
        """No history, data, build output or secret is sent to the builder."""
        rules = [line for line in (SOURCE / ".dockerignore").read_text().split("\n")
                 if line and not line.startswith("#")]
        self.assertEqual("*", rules[0])
        kept = [rule[1:] for rule in rules if rule.startswith("!")]
        for name in kept:
            self.assertTrue((SOURCE / name).exists(), name)
        for name in (".git", "build", "data", "tests", "run", ".env"):
            self.assertNotIn(name, kept)
        copied = " ".join(line for line in self.instructions("Dockerfile") if "script/" in line)
        for script in re.findall(r"script/[a-z.-]+", copied):
            self.assertIn(script, kept)

    def test_a_mirror_takes_the_place_of_all_sources(self):
        """Both are replaced, or none."""
        etc = self.folder / "etc"
        (etc / "apt" / "sources.list.d").mkdir(parents=True)
        (etc / "os-release").write_text("ID=debian\nVERSION_CODENAME=bookworm\n")
        was = etc / "apt" / "sources.list.d" / "debian.sources"
        was.write_text("Types: deb\n")
        mirror = lambda *words: run(DEBIAN_MIRROR, *words, env={**os.environ, "APT_ROOT": str(self.folder)})
        self.assertEqual(0, mirror("", "").returncode)
        self.assertTrue(was.exists())
        for words in (("http://mirror.internal/debian", ""), ("", "http://mirror.internal/security")):
            done = mirror(*words)
            self.assertEqual(2, done.returncode)
            self.assertIn("go together", done.stderr)
            self.assertTrue(was.exists())
        done = mirror("http://mirror.internal/debian", "http://mirror.internal/security")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertFalse(was.exists())
        self.assertEqual("deb http://mirror.internal/debian bookworm main\n"
                         "deb http://mirror.internal/debian bookworm-updates main\n"
                         "deb http://mirror.internal/security bookworm-security main\n",
                         (etc / "apt" / "sources.list").read_text())


if __name__ == "__main__":
    unittest.main()
