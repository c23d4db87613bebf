"""deploy_case.py: script/deploy and script/train-job in a small repository of their own, with
an account in a file (account_standin.py) and nothing else on PATH but the tools they may use.

    class Example(DeployCase):
        def test_a_sentence(self):
            done = self.deploy("--stack", "movies")
            self.assertEqual(["job"], [c for c in self.changes() if c == "job"])
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import unittest
from pathlib import Path

from programs import SOURCE
from toolbox import toolbox

STANDIN = Path(__file__).with_name("account_standin.py")
PYTHON, PACKAGES = "/usr/bin/python3", "/usr/lib/python3/dist-packages"
TOOLS = ("awk", "bash", "cat", "chmod", "cksum", "cut", "dirname", "env", "git", "grep", "gzip", "mkdir", "mktemp",
         "mv", "rm", "sed", "sleep", "tail", "tar", "tr")
ACCOUNT, REGION, STACK = "123456789012", "eu-central-1", "movies"
BUCKET = f"{STACK}-{ACCOUNT}-{REGION}"
TRAINING = [["InProgress", "Starting", "Preparing the instances"], ["InProgress", "Starting", "Preparing the instances"],
            ["InProgress", "Training", ""], ["Completed", "Completed", "Training job completed"]]


def why_not():
    done = subprocess.run([PYTHON, "-c", "import jmespath, awscli.text"], capture_output=True, check=False) \
        if os.path.exists(PYTHON) else None
    return "" if done and done.returncode == 0 else "no aws CLI of Debian, with its JMESPath"


def model_tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("model.bin")
        info.size = 5
        info.mode = 0o600
        tar.addfile(info, io.BytesIO(b"model"))
    return out.getvalue().hex()


class DeployCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        why = why_not()
        if why:
            print(f"NOT TESTED HERE: {cls.__name__}: {why}", file=sys.stderr)
            raise unittest.SkipTest(why)

    def setUp(self):
        self.folder, self.tools = toolbox(self, TOOLS)
        for name in ("aws", "docker", "curl"):
            self.put(self.tools / name)
        self.repository = self.folder / "repository"
        for name in ("script/deploy", "script/train-job", "deploy/steps.sh", "deploy/template.yaml", "deploy/metrics.json",
                     "deploy/service.Dockerfile", "build_and_push.sh"):
            (self.repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SOURCE / name, self.repository / name)
        self.put(self.repository / "build_and_push.sh")
        (self.repository / "data").mkdir()
        for name in ("ratings.csv", "movies.csv", "README.txt"):
            (self.repository / "data" / name).write_text(name)
        self.tmp = self.folder / "tmp"
        self.tmp.mkdir()
        self.state = {"credentials": True, "region": None, "stack": None, "buckets": {}, "marks": {}, "blocked": [], "foreign": [], "jobs": {}, "packages": [],
                      "images": [], "training": TRAINING, "tar": model_tar(), "http": 200}
        self.faults = []
        self.save()
        (self.folder / "pushed").write_text("")

    def put(self, path):
        """The stand-in as a program: as a module of this folder it is compiled once."""
        shutil.copy(STANDIN, self.folder)
        path.unlink(missing_ok=True)
        path.write_text(f"#!{PYTHON} -IS\nimport sys\nsys.path[:0] = [{str(self.folder)!r}]\n"
                        f"sys.path.append({PACKAGES!r})\nimport account_standin\nsys.exit(account_standin.main())\n")
        path.chmod(0o755)

    def save(self):
        (self.folder / "account.json").write_text(json.dumps(self.state))

    def run_script(self, name, *words, status=0, stdin="", **environment):
        """Runs the script. Calls of earlier runs are forgotten, the account is kept."""
        (self.folder / "calls").write_text("")
        (self.folder / "faults.json").write_text(json.dumps(self.faults))
        self.save()
        names = {"PATH": str(self.tools), "HOME": str(self.folder), "STANDIN": str(self.folder), "LC_ALL": "C.UTF-8",
                 "TMPDIR": str(self.tmp), "AWS_REGION": REGION, "TRAIN_JOB_POLL_SECONDS": "0", "DEPLOY_TRY_SECONDS": "0",
                 **environment}
        done = subprocess.run([self.repository / "script" / name, *words], text=True, capture_output=True, timeout=600,
                              env={k: v for k, v in names.items() if v is not None}, input=stdin, check=False,
                              start_new_session=True)
        if status is not None:
            self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        self.assertEqual([], list(self.tmp.iterdir()), "temporary files were left")
        self.assertNotIn("Traceback", done.stderr)
        self.state = json.loads((self.folder / "account.json").read_text())
        if status:
            self.assertEqual("", done.stdout)
        return done

    def deploy(self, *words, **how):
        """A new stack is the smallest one, except for what the arguments say."""
        if not self.state["stack"] and "--delete" not in words:
            words = ("--smallest", *words)
        return self.run_script("deploy", "--stack", STACK, *words, **how)

    def refused(self, name, *words, **how):
        """A run that ends with status 1; its last sentence."""
        last = self.run_script(name, *words, status=1, **how).stderr.splitlines()[-1]
        self.assertTrue(last.startswith(f"{name}: "), last)
        return last

    def calls(self, words=""):
        found = [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]
        return [call for call in found if words in " ".join(call["argv"])]

    def call(self, words):
        found = self.calls(words)
        self.assertEqual(1, len(found), [c["argv"] for c in self.calls()])
        return found[0]

    def changes(self):
        return [change for call in self.calls() for change in call["changes"]]

    def parameters(self):
        return self.state["stack"]["parameters"]
