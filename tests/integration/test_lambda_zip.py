"""The zip of a function, made by script/package-lambda, is unpacked into a root with nothing
else in it, no shell, no library, no configuration, and runs there. Contract 1.10; the
numbers in the tests' first lines are those of the checklist in docs/lambda.md."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import zipfile
from pathlib import Path

from aws_peers import Peer, certificate, raw, respond, tls
from lambda_case import KEYS, REGION, FunctionCase
from local_cloud import PATIENCE, LocalCloudCase
from models import trained
from predict_case import RESPONSE, MOVIES, REQUEST, ENDPOINT_BODY, PredictCase
from programs import BIN, SOURCE
from samples import REAL_MOVIES
from sanitizers import SANITIZED, SANITIZER_ENVIRONMENT
from skipping import not_here

SCRIPT = SOURCE / "script/package-lambda"
MOST_BYTES = 6_000_000
LOADER = re.compile(r"lib/ld-linux-(x86-64\.so\.2|aarch64\.so\.1)")
# As Lambda sets it in its own runtimes: before the zip's own folders.
LIBRARY_PATH = "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"


def package(*words, script=SCRIPT, build=None, status=0):
    environment = {**os.environ, "BUILD_FOLDER": str(build or BIN.parent.with_name("zip"))}
    done = subprocess.run([script, *map(str, words)], env=environment, capture_output=True,
                          text=True, timeout=1500, check=False)
    if done.returncode != status:
        raise AssertionError(f"{words}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


FUNCTIONS = sorted(path.parent.name for path in SOURCE.glob("lambda/*/CMakeLists.txt")
                   if f"add_executable({path.parent.name} " in path.read_text())


class Zip:
    """The zips, each made once for all tests of this module."""
    folder = None
    made = {}

    @classmethod
    def get(cls, function="predict"):
        if cls.folder is None:
            cls.folder = tempfile.TemporaryDirectory()
        if function not in cls.made:
            path = Path(cls.folder.name) / f"{function}.zip"
            package(function, "--output", path)
            cls.made[function] = path
        return cls.made[function]


def setUpModule():
    if SANITIZED:
        not_here(__name__, "a zip is built without sanitizers")


def tearDownModule():
    if Zip.folder is not None:
        Zip.folder.cleanup()


def unpack(root, function="predict"):
    """The zip at its place, with its modes; and Lambda's /tmp."""
    task = root / "var/task"
    task.mkdir(parents=True)
    with zipfile.ZipFile(Zip.get(function)) as packed:
        for entry in packed.infolist():
            path = Path(packed.extract(entry, task))
            path.chmod(entry.external_attr >> 16 & 0o7777)
    for path in root.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    root.chmod(0o755)


def inside(root):
    """Words that run a program in that root: unprivileged when we are root, else in a user
    namespace; None where neither is allowed."""
    words = ["unshare", f"--root={root}", "--wd=/var/task"]
    words += (["--setgid=65534", "--setuid=65534"] if os.geteuid() == 0
              else ["--user", "--map-root-user"])
    loader = next(path for path in (root / "var/task/lib").iterdir() if path.name.startswith("ld-"))
    # The loader prints its version and needs no other file.
    done = subprocess.run([*words, f"/var/task/lib/{loader.name}", "--version"], timeout=60,
                          capture_output=True, text=True, check=False)
    return (words, "") if done.returncode == 0 else (None, done.stderr.strip())


class Contents(unittest.TestCase):
    def test_it_has_a_bootstrap_that_all_may_execute_and_glibc_and_nothing_else(self):
        """§1.10.1"""
        with zipfile.ZipFile(Zip.get()) as packed:
            self.assertIsNone(packed.testzip())
            names = packed.namelist()
            self.assertEqual("bootstrap", names[0])
            self.assertEqual(1, sum(bool(LOADER.fullmatch(name)) for name in names), names)
            others = {name for name in names[1:] if not LOADER.fullmatch(name)}
            self.assertIn("lib/libc.so.6", others)
            self.assertLessEqual(others, {"lib/libc.so.6", "lib/libm.so.6"})
            for entry in packed.infolist():
                self.assertEqual(0o100755, entry.external_attr >> 16, entry)
                self.assertEqual(3, entry.create_system)  # or modes are ignored
                self.assertEqual(zipfile.ZIP_DEFLATED, entry.compress_type)
                self.assertEqual(b"\x7fELF", packed.read(entry)[:4])

    def test_it_has_six_megabytes_at_most(self):
        """§1.10.2, with a margin: a cold start waits until the zip is fetched."""
        self.assertIn("predict", FUNCTIONS)
        for function in FUNCTIONS:
            n = Zip.get(function).stat().st_size
            print(f"{function}.zip: {n / 1e6:.2f} MB", file=sys.stderr)
            self.assertLessEqual(n, MOST_BYTES, function)

    def test_a_commit_makes_the_same_bytes_in_any_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "elsewhere"
            for name in ("CMakeLists.txt", "CMakePresets.json"):
                copy.mkdir(exist_ok=True)
                shutil.copy(SOURCE / name, copy)
            for name in ("cmake", "lambda", "serve", "src", "train", "script"):
                shutil.copytree(SOURCE / name, copy / name)
            other = Path(folder) / "other.zip"
            package("predict", "--output", other, script=copy / "script/package-lambda",
                    build=Path(folder) / "build")
            self.assertEqual(Zip.get().read_bytes(), other.read_bytes())


class CommandLine(unittest.TestCase):
    def refused(self, *words):
        done = package(*words, status=2)
        self.assertEqual("", done.stdout)
        self.assertRegex(done.stderr, r"\Apackage-lambda: [^\n]+\n\Z")
        return done.stderr

    def test_errors_are_one_sentence(self):
        self.assertIn('no function "nothing": lambda/ has', self.refused("nothing"))
        self.assertIn('no function "aws"', self.refused("aws"))  # a library, not a function
        self.assertIn('no function "../serve"', self.refused("../serve"))
        self.assertIn("which function?", self.refused())
        self.assertIn("one function at a time", self.refused("predict", "predict"))
        self.assertIn("--output needs a name", self.refused("predict", "--output"))
        self.assertIn("--output needs a name", self.refused("predict", "--output", ""))
        self.assertIn("is a folder", self.refused("predict", "--output", SOURCE))
        self.assertIn('no architecture "mips"', self.refused("predict", "--arch", "mips"))
        self.assertIn("unknown option --fast", self.refused("predict", "--fast"))
        self.assertIn("not both", self.refused("predict", "--output", "a", "--folder", "b"))

    def test_a_folder_that_holds_something_is_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            kept = Path(folder) / "kept"
            kept.write_text("mine")
            self.assertIn("is not empty", self.refused("predict", "--folder", folder))
            self.assertEqual("mine", kept.read_text())

    def test_a_folder_is_laid_out_like_the_zip(self):
        with tempfile.TemporaryDirectory() as folder:
            done = package("predict", "--folder", Path(folder) / "task")
            self.assertEqual(f"{folder}/task\n", done.stdout)
            with zipfile.ZipFile(Zip.get()) as packed:
                for name in packed.namelist():
                    self.assertEqual(packed.read(name), (Path(folder) / "task" / name).read_bytes())

    def test_help(self):
        self.assertIn("--output FILE", package("--help").stdout)


class Root(PredictCase):
    """predict in a root that has the zip and /tmp."""
    program = "/var/task/bootstrap"

    def setUp(self):
        super().setUp()
        self.root = self.folder / "root"
        unpack(self.root)
        self.wrapper, why = inside(self.root)
        if self.wrapper is None:
            super().tearDown()
            self.not_here(f"a root of its own is not allowed: {why}")
        self.folder.chmod(0o755)
        (self.root / "tmp/movies.csv").write_text(MOVIES, encoding="utf-8")

    def launch(self, wrapper=(), **environment):
        return super().launch(wrapper=wrapper or self.wrapper, **environment)

    def environment(self, **more):
        return super().environment(**{"MOVIES_URI": "/tmp/movies.csv", "TMPDIR": None,
                                      "LAMBDA_TASK_ROOT": "/var/task", "PATH": None,
                                      "LD_LIBRARY_PATH": LIBRARY_PATH, **more})

    def test_it_responds_with_nothing_else_around(self):
        """26: as an unprivileged user, in a root with another user's files."""
        run = self.start()
        for _ in range(20):
            self.assertBody(RESPONSE, self.post(REQUEST))
        mapped = {line.split()[-1] for line in
                  Path(f"/proc/{run.pid}/maps").read_text().splitlines() if "/" in line}
        inside_root = {name.removeprefix(str(self.root)) for name in mapped}
        self.assertEqual({"bootstrap", "lib"},
                         {Path(name).relative_to("/var/task").parts[0] for name in inside_root})

    def test_it_responds_from_a_model_of_its_own(self):
        shutil.copy(trained().model_bin, self.root / "tmp/model.bin")
        (self.root / "tmp/model.bin").chmod(0o644)
        self.start(ENDPOINT_NAME=None, MODEL_URI="/tmp/model.bin")
        user, item = trained().rows[0][:2]
        self.assertIn('"predicted_rating": ', self.bare({"userId": user, "movieId": item}))

    def test_the_libraries_of_the_system_are_not_used(self):
        """§1.10.3, §1.10.6: an older libc in /lib64, which LD_LIBRARY_PATH names first."""
        for folder in ("lib64", "usr/lib64", "lib"):
            (self.root / folder).mkdir(parents=True)
            for name in ("libc.so.6", "libm.so.6"):
                (self.root / folder / name).write_text("would be the end of it")
        self.start()
        self.assertBody(RESPONSE, self.post(REQUEST))

    def tls_root(self):
        """An endpoint behind TLS, and the place in the root where its certificate is trusted."""
        path = certificate(self.folder, "authority", "IP:127.0.0.1")
        peer = Peer("sagemaker", KEYS, REGION, tls=tls(path))
        peer.otherwise = respond(200, ENDPOINT_BODY, [("Content-Type", "application/json")])
        self.addCleanup(peer.close)
        self.addCleanup(lambda: self.assertEqual([], peer.complaints))
        return peer, f"{path}.pem"

    def test_certificates_are_found_where_amazon_linux_and_debian_keep_them(self):
        """54, §1.10.5"""
        peer, trusted = self.tls_root()
        for place in ("etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/certs/ca-certificates.crt"):
            path = self.root / place
            path.parent.mkdir(parents=True)
            shutil.copy(trusted, path)
            run = self.start(AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME=peer.url)
            self.assertBody(RESPONSE, self.post(REQUEST))
            self.stop(run)
            shutil.rmtree(self.root / "etc")

    def test_without_certificates_no_peer_is_trusted(self):
        """54"""
        peer, _ = self.tls_root()
        self.start(AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME=peer.url)
        self.assertError(502, "bad_gateway", self.post(REQUEST))
        self.assertEqual([], peer.requests)

    def test_unsupported_encodings_are_an_error(self):
        """Encodings that libcurl accepts unrequested; after each of them the function continues."""
        self.start()
        for coding in ("br", "zstd", "gzip, br"):
            before = self.endpoint.otherwise
            self.endpoint.otherwise = raw(
                f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: {coding}"
                "\r\nConnection: close\r\n\r\nabcdefgh".encode(), keep=False)
            self.assertGreaterEqual(self.post(REQUEST)["statusCode"], 500, coding)
            self.endpoint.otherwise = before
            self.assertBody(RESPONSE, self.post(REQUEST))

    def test_a_proxy_that_wants_kerberos_gets_an_error(self):
        peer, trusted = self.tls_root()
        shutil.copy(trusted, self.root / "tmp/trusted.pem")
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        greeted = []

        def proxy():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    greeted.append(connection.recv(64))
                    connection.sendall(b"\x05\x01")  # GSSAPI
                    connection.recv(64)

        threading.Thread(target=proxy, daemon=True).start()
        self.start(AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME=peer.url, AWS_CA_BUNDLE="/tmp/trusted.pem",
                   https_proxy=f"socks5://127.0.0.1:{listener.getsockname()[1]}")
        for _ in range(2):
            self.assertIn(self.post(REQUEST)["statusCode"], (502, 503, 504))
        self.assertIn(1, greeted[0][2:])  # libcurl had offered it
        self.assertEqual([], peer.requests)


class Functions(FunctionCase):
    """In an empty root a function reports what it lacks at its start."""
    program = "/var/task/bootstrap"

    def test_each_function_starts_and_reports_what_it_needs(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            for function in FUNCTIONS:
                root = Path(folder) / function
                unpack(root, function)
                wrapper, why = inside(root)
                if wrapper is None:
                    self.not_here(f"a root of its own is not allowed: {why}")
                result = self.launch(wrapper=wrapper, AWS_REGION=None, AWS_ACCESS_KEY_ID=None,
                                     LD_LIBRARY_PATH=LIBRARY_PATH).wait()
                self.assertEqual(1, result.status, result)
                report = self.api.calls("init")[-1].json
                self.assertRegex(report["errorMessage"], r"[A-Z]+_[A-Z_]+", function)
                self.api.forget()


class Served(LocalCloudCase):
    def test_local_cloud_brings_it_events(self):
        """27, §1.10: the command of its configuration is Lambda's, in a root of its own."""
        root = self.folder / "root"
        unpack(root)
        wrapper, why = inside(root)
        if wrapper is None:
            self.not_here(f"a root of its own is not allowed: {why}")
        self.folder.chmod(0o755)
        for name, source in (("movies.csv", REAL_MOVIES), ("model.bin", trained().model_bin)):
            shutil.copy(source, root / "tmp" / name)
            (root / "tmp" / name).chmod(0o644)
        cloud = self.cloud(
            functions={"predict": {
                "program": shutil.which(wrapper[0]), "arguments": [*wrapper[1:], "/var/task/bootstrap"],
                "timeout": PATIENCE, "init-timeout": PATIENCE,
                "environment": {**SANITIZER_ENVIRONMENT, "MODEL_URI": "/tmp/model.bin",
                                "MOVIES_URI": "/tmp/movies.csv", "LD_LIBRARY_PATH": LIBRARY_PATH}}},
            routes={"POST /predict": "predict"})
        self.assertPredicts(cloud, *trained().rows[0][:2], 50)


if __name__ == "__main__":
    unittest.main()
