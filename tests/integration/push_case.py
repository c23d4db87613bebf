"""push_case.py: build_and_push.sh in a small repository of its own, with nothing on PATH but
the tools that it may use and stand-ins for aws and docker (standin.py).

    class Example(PushCase):
        def test_a_sentence(self):
            self.plan("aws", "describe-images", out=found())    # before what is planned anyway
            done = self.push("movies", "v1")
            self.assertEqual([...], self.calls("docker"))
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from programs import SOURCE
from skipping import LoudCase
from toolbox import toolbox

STANDIN = Path(__file__).with_name("standin.py")
# All that the script may call besides bash's own.
TOOLS = ("bash", "cut", "dirname", "git", "grep", "mkdir", "mktemp", "mv", "rm", "sed", "tail")
ACCOUNT = "123456789012"
DIGEST = "sha256:" + "5e" * 32
DOCKER_2 = "application/vnd.docker.distribution.manifest.v2+json"
PASSWORD = "the-password-of-a-registry"
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable


def cli_error(code, operation, message):
    """An error in the aws CLI's format."""
    return f"\nAn error occurred ({code}) when calling the {operation} operation: {message}\n"


NO_REPOSITORY = cli_error("RepositoryNotFoundException", "DescribeRepositories",
                          f"The repository with name 'movies' does not exist in the registry with id '{ACCOUNT}'")
NO_IMAGE = cli_error("ImageNotFoundException", "DescribeImages",
                     "The image with imageId {imageDigest:'null', imageTag:'v1'} does not exist")


def found(kind=DOCKER_2, digest=DIGEST, n_bytes=12345678):
    return f"{digest}\t{kind}\t{n_bytes}\n"


class PushCase(LoudCase):
    def setUp(self):
        if shutil.which("git") is None:
            self.not_here("git is not installed")
        self.folder, self.tools = toolbox(self, TOOLS)
        self.home = self.folder / "home"
        self.home.mkdir()
        for name in ("aws", "docker"):
            self.put_program(name, f"#!{PYTHON} -IS\n" + STANDIN.read_text().split("\n", 1)[1])
        self.planned = {
            "aws": [
                {"words": ["sts", "get-caller-identity"], "out": ACCOUNT + "\n"},
                {"words": ["configure", "get", "region"], "status": 1},
                {"words": ["ecr", "describe-repositories"], "out": "IMMUTABLE\n"},
                {"words": ["ecr", "describe-images"], "err": NO_IMAGE, "status": 254, "times": 1},
                {"words": ["ecr", "describe-images"], "out": found()},
                {"words": ["ecr", "get-login-password"], "out": PASSWORD + "\n"},
            ],
            "docker": [
                {"words": ["version", "--format"], "out": "20.10.24\n"},
                {"words": ["buildx", "version"], "err": "docker: 'buildx' is not a docker command.\n",
                 "status": 1},
                {"words": ["login"], "out": "Login Succeeded\n"},
                {"words": ["build"], "out": "Successfully built\n"},
                {"words": ["push"], "out": "pushed\n"},
            ]}
        self.repository = self.folder / "repository"
        self.make_repository()

    def make_repository(self):
        """The files that the script reads, in one commit."""
        self.repository.mkdir()
        for name in ("build_and_push.sh", "Dockerfile", "lambda/Dockerfile",
                     "lambda/predict/CMakeLists.txt", "lambda/aws/CMakeLists.txt"):
            (self.repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SOURCE / name, self.repository / name)
        self.git("init", "-q", "-b", "main")
        self.commit()

    def git(self, *words):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *words],
                              cwd=self.repository, check=True, capture_output=True, text=True,
                              env=environment).stdout.strip()

    def commit(self):
        self.git("add", ".")
        self.git("commit", "-q", "-m", "a state")

    @property
    def revision(self):
        return self.git("rev-parse", "HEAD")

    @property
    def tag(self):
        return self.revision[:12]

    def put_program(self, name, text):
        path = self.tools / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def plan(self, program, *words, **response):
        """Plans the output of the next command with these words."""
        self.planned[program].insert(0, {"words": list(words), **response})

    def push(self, *words, status=0, region="eu-central-1", **environment):
        """A run; the calls of earlier ones are forgotten."""
        (self.folder / "calls").write_text("")
        (self.folder / "plan.json").write_text(json.dumps(self.planned))
        names = {"PATH": str(self.tools), "HOME": str(self.home), "STANDIN": str(self.folder),
                 "TMPDIR": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8",
                 "AWS_REGION": region, **environment}
        names = {name: value for name, value in names.items() if value is not None}
        before = set(self.folder.iterdir())
        done = subprocess.run([self.repository / "build_and_push.sh", *words], env=names, timeout=300,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        self.assertNotIn(PASSWORD, done.stdout + done.stderr)
        self.assertEqual(before, set(self.folder.iterdir()), "temporary files were left")
        if status != 0:
            self.assertEqual("", done.stdout)
        return done

    def refused(self, *words, status=1, **how):
        """A run that ends in one sentence, which is returned."""
        done = self.push(*words, status=status, **how)
        last = done.stderr.splitlines()[-1]
        self.assertRegex(last, r"\Abuild_and_push: .*\S\Z")
        return last.removeprefix("build_and_push: ")

    def recorded(self):
        return [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]

    def calls(self, program=None):
        """What was called, each a list of words."""
        return [call["argv"] for call in self.recorded() if program in (None, call["argv"][0])]

    def call(self, *words):
        """The one call with these words next to each other."""
        text = " " + " ".join(words) + " "
        some = [call for call in self.calls() if text in " " + " ".join(call) + " "]
        self.assertEqual(1, len(some), self.calls())
        return some[0]

