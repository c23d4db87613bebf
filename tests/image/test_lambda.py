"""lambda/Dockerfile: the image of a function, started as by Lambda. Contract 1.9; the numbers in
the tests' first lines are lines of the checklist in docs/lambda.md.

The function is predict; the others are built by the same lines, and recommend runs in one test."""

import base64
import functools
import io
import json
import os
import shutil
import ssl
import stat
import subprocess
import tarfile
import unittest

import container
from container import docker, inspect
from local_cloud import PATIENCE, LocalCloudCase
from models import trained
from programs import SOURCE
from samples import REAL_MOVIES
from reference import Reference

FUNCTION = "predict"
IMAGE = f"movie-recommender-{FUNCTION}:test"
MOST_BYTES = 30_000_000
# The variables of Lambda (1.8): set by local-cloud, passed on by docker.
VARIABLES = ("AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
             "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL",
             "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@functools.lru_cache(maxsize=None)
def image(function=FUNCTION):
    tag = f"movie-recommender-{function}:test"
    words = ["docker", "build", "--file", str(SOURCE / "lambda/Dockerfile"), "--tag", tag,
             "--build-arg", f"FUNCTION={function}", "--build-arg", "REVISION=abc",
             *container.BUILD_OPTIONS, str(SOURCE)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=3000, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}\n{done.stdout.decode(errors='replace')[-4000:]}")
    return tag


@functools.lru_cache(maxsize=None)
def files():
    """{path: (tarfile.TarInfo, bytes)} of the image's own layers."""
    packed = subprocess.run(["docker", "save", image()], check=True, timeout=600,
                            stdout=subprocess.PIPE).stdout
    found = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as saved:
        manifest, = json.load(saved.extractfile("manifest.json"))
        for name in manifest["Layers"]:
            with tarfile.open(fileobj=saved.extractfile(name)) as layer:
                for member in layer:
                    content = layer.extractfile(member).read() if member.isfile() else b""
                    found["/" + member.name.strip("/")] = (member, content)
    return found


class Image(unittest.TestCase):
    def test_the_entrypoint_is_a_regular_file_by_its_whole_path(self):
        """27"""
        config = inspect(image(), "image")["Config"]
        entrypoint, = config["Entrypoint"]
        self.assertEqual("/var/task/bootstrap", entrypoint)
        self.assertIsNone(config["Cmd"])
        member, content = files()[entrypoint]
        self.assertTrue(member.isfile())  # no link
        self.assertEqual(0o755, stat.S_IMODE(member.mode))
        self.assertEqual(b"\x7fELF", content[:4])
        folder, _ = files()[config["WorkingDir"]]
        self.assertEqual("/var/task", config["WorkingDir"])
        self.assertTrue(folder.isdir())

    def test_everyone_may_read_and_enter_everything(self):
        """26"""
        for path, (member, _) in files().items():
            if not member.issym():
                self.assertTrue(member.mode & 0o004, path)
            if member.isdir():
                self.assertTrue(member.mode & 0o001, path)

    def test_settings_are_those_that_lambda_honours(self):
        """§1.9.2"""
        config = inspect(image(), "image")["Config"]
        self.assertEqual("", config["User"])
        self.assertFalse(config.get("ExposedPorts") or config.get("Volumes"))
        self.assertEqual(["LAMBDA_TASK_ROOT=/var/task"],
                         [one for one in config["Env"] if not one.startswith("PATH=")])
        labels = config["Labels"]
        self.assertEqual(f"movie-recommender-{FUNCTION}", labels["org.opencontainers.image.title"])
        self.assertEqual("abc", labels["org.opencontainers.image.revision"])

    def test_it_has_the_certificates_that_libcurl_looks_for(self):
        """§1.10.5"""
        _, content = files()["/etc/ssl/certs/ca-certificates.crt"]
        context = ssl.create_default_context(cadata=content.decode())
        self.assertGreater(context.cert_store_stats()["x509_ca"], 100)

    def test_there_is_no_program_but_the_function(self):
        programs = [path for path, (member, content) in files().items()
                    if member.isfile() and member.mode & 0o111 and content[:2] in (b"\x7fE", b"#!")]
        self.assertEqual(["/var/task/bootstrap"], [path for path in programs if ".so" not in path])

    def test_it_is_small(self):
        n = inspect(image(), "image")["Size"]
        print(f"{IMAGE}: {n / 1e6:.1f} MB in {len(files())} files")
        self.assertLessEqual(n, MOST_BYTES)

    def test_another_build_gives_the_same_layers(self):
        again = f"{IMAGE}-again-{os.getpid()}"
        docker("build", "--file", SOURCE / "lambda/Dockerfile", "--tag", again, "--build-arg",
               f"FUNCTION={FUNCTION}", "--build-arg", "BUILD_FOLDER=/tmp/somewhere/else",
               *container.BUILD_OPTIONS, SOURCE)
        try:
            self.assertEqual(inspect(image(), "image")["RootFS"]["Layers"],
                             inspect(again, "image")["RootFS"]["Layers"])
        finally:
            docker("image", "rm", again)


class Served(LocalCloudCase):
    def contained(self, function, **variables):
        """The function's entry for local-cloud, in a read-only container of an unprivileged user
        without capabilities, with this test's folder below /mnt."""
        for path in self.folder.iterdir():
            path.chmod(0o644)
        self.folder.chmod(0o755)
        mark = f"mf-test={os.getpid()}"
        self.addCleanup(self.forget, mark)
        words = ["run", "--rm", "--label", mark, "--network", "host", "--read-only", "--tmpfs", "/tmp",
                 "--user", "65534:65534", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
                 "--volume", f"{self.folder}:/mnt:ro", *container.OPTIONS]
        for name in (*VARIABLES, *variables):
            words += ["--env", name]
        environment = {name: os.environ[name] for name in ("DOCKER_HOST", "HOME") if name in os.environ}
        return {"program": shutil.which("docker"), "arguments": [*words, image(function)],
                "timeout": PATIENCE, "init-timeout": 300, "environment": {**environment, **variables}}

    def test_local_cloud_brings_it_events(self):
        """26, 27"""
        shutil.copy(REAL_MOVIES, self.folder / "movies.csv")
        shutil.copy(trained().model_bin, self.folder / "model.bin")
        cloud = self.cloud(
            functions={FUNCTION: self.contained(FUNCTION, MODEL_URI="/mnt/model.bin", MOVIES_URI="/mnt/movies.csv")},
            routes={"POST /predict": FUNCTION})
        self.assertPredicts(cloud, *trained().rows[0][:2], 20)

    def test_curl_shows_what_a_test_run_of_recommend_predicts(self):
        """By the path of AWS's emulator; no stream is written or named."""
        shutil.copy(trained().model_bin, self.folder / "model.bin")
        user = trained().users[0]
        data = json.dumps({"user_id": int(user), "top_n": 3, "request_id": "r-1"}).encode()
        (self.folder / "event.json").write_text(json.dumps({"Records": [{
            "eventSource": "aws:kinesis", "eventID": "shardId-000000000000:1",
            "kinesis": {"partitionKey": "k", "sequenceNumber": "1", "data": base64.b64encode(data).decode()}}]}))
        cloud = self.cloud(functions={"function": self.contained(
            "recommend", MODEL_URI="/mnt/model.bin", TEST_RUN="True")})
        done = subprocess.run(
            ["curl", "-sS", f"http://127.0.0.1:{cloud.port}/2015-03-31/functions/function/invocations", "-d",
             "@event.json"], cwd=self.folder, capture_output=True, text=True, check=True, timeout=300)
        (prediction,) = json.loads(done.stdout)["predictions"]
        self.assertEqual(("r-1", int(user), 3, False), tuple(
            prediction[name] for name in ("request_id", "user_id", "count", "from_cache")))
        reference = Reference(trained())
        rated = reference.rated[reference.user_index[user]]
        best = reference.best_ranked(reference.profile_of(user), 3, rated) if reference.has_ranking \
            else reference.best(reference.profile_vector(user), 3, rated)
        self.assertEqual([item for item, _ in best], [str(item) for item in prediction["recommendations"]])

    @staticmethod
    def forget(mark):
        left = docker("ps", "--all", "--quiet", "--filter", f"label={mark}").split()
        if left:
            docker("rm", "--force", *left, check=False)  # --rm may be faster


if __name__ == "__main__":
    unittest.main()
