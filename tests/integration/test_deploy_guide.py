"""deploy/README.md: its manual steps have the result of script/deploy, the scripts accept its
commands, and each trouble has a command. test_deploy_cli.py checks the arguments of the aws CLI."""

import json
import re
import shlex
import subprocess
import unittest

from deploy_case import ACCOUNT, REGION, DeployCase
from programs import SOURCE
from template import Template

GUIDE = (SOURCE / "deploy/README.md").read_text()
DOCUMENTS = GUIDE + "".join((SOURCE / name).read_text() for name in ("README.md", "docs/training.md"))
STACK = "my-recommender"
PATIENCE = 600


def section(title):
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def without_digests(value):
    return re.sub(r"sha256:[0-9a-f]{64}", "sha256:…", json.dumps(value, sort_keys=True))


class Manual(DeployCase):
    def empty_account(self):
        self.state.update(stack=None, buckets={}, blocked=[], jobs={}, packages=[], images=[])

    def what_there_is(self):
        """The part of the account that a user sees, without digests and dates."""
        templates = f"{STACK}-templates-{ACCOUNT}-{REGION}"
        self.assertGreater(len(self.state["buckets"][templates]), 0)
        return without_digests({
            "parameters": self.state["stack"]["parameters"], "blocked": self.state["blocked"],
            "buckets": {name: some for name, some in self.state["buckets"].items() if name != templates},
            "jobs": [job["request"]["HyperParameters"] for job in self.state["jobs"].values()],
            "packages": len(self.state["packages"])})

    def test_the_manual_steps_have_the_same_result(self):
        blocks = re.findall(r"^ *```\n(.*?)^ *```", section("The same as single commands"), re.M | re.S)
        steps = len(re.findall(r"^\d\. \*\*", section("The same as single commands"), re.M))
        self.assertEqual(steps, len(blocks), "a block of commands to each step")
        self.run_script("deploy", "--stack", STACK, "--hyperparameter", "n_factors=128")
        by_script = self.what_there_is()
        self.empty_account()
        self.state["region"] = REGION
        self.save()
        (self.folder / "calls").write_text("")
        (self.folder / "faults.json").write_text("[]")
        script = "\n".join("\n".join(line.strip() for line in block.splitlines()) for block in blocks)
        done = subprocess.run(["bash", "-euc", script], cwd=self.repository, text=True, capture_output=True, timeout=PATIENCE,
                              check=False, env={"PATH": str(self.tools), "HOME": str(self.folder), "STANDIN": str(self.folder),
                                                "TMPDIR": str(self.tmp), "LC_ALL": "C.UTF-8", "AWS_REGION": REGION,
                                                "TRAIN_JOB_POLL_SECONDS": "0"})
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("predicted_rating", done.stdout)
        self.state = json.loads((self.folder / "account.json").read_text())
        self.assertEqual(by_script, self.what_there_is())
        # And script/deploy continues from there: no new job, model or bucket.
        self.run_script("deploy", "--stack", STACK)
        self.assertEqual(set(), {c for c in self.changes() if c != "stack" and not c.startswith("image ")})


class Commands(DeployCase):
    def test_the_scripts_take_every_command_of_the_documents(self):
        """As a dry run, with values for the placeholders (…)."""
        commands = set()
        for line in re.findall(r"^ *(?:\$ )?((?:\w+=\$\()?script/(?:deploy|train-job) .*)$", DOCUMENTS, re.M):
            commands.add(re.sub(r"^\w+=\$\((.*)\)$", r"\1", line.partition("  #")[0].strip()))
        commands.update(re.findall(r"`(script/(?:deploy|train-job) [^`]*)`", DOCUMENTS))
        self.assertGreater(len(commands), 10)
        for command in sorted(commands):
            for left_out, filled_in in (("$image", "an/image"), ("NAME", STACK), ("STEP", "base"), ("=…", "=1"),
                                        ("--instance-type …", "--instance-type ml.m5.xlarge"), (" …", "")):
                command = command.replace(left_out, filled_in)
            for option, name in (("--data", "ratings.csv"), ("--items", "movies.csv")):
                command = command.replace(f"{option} {name}", f"{option} {self.repository}/data/{name}")
            program, *words = shlex.split(command)
            needed = {"--stack": STACK, "--image": "an/image"} if program.endswith("train-job") else {"--stack": STACK}
            for option, value in needed.items():
                words += [] if option in words else [option, value]
            with self.subTest(command):
                self.run_script(program.removeprefix("script/"), *words, "--dry-run")

    def test_every_parameter_that_is_named_is_one(self):
        parameters = Template().parameters
        named = set(re.findall(r"--set\s+([A-Za-z]+)=", DOCUMENTS)) | set(re.findall(
            r"`((?:Endpoint|Streams|Cache|Service|Watch|Tracing|[A-Z][a-z]+[A-Z]\w+))=[a-z]+`", GUIDE))
        self.assertGreater(len(named), 6)
        self.assertEqual(set(), named - set(parameters))
        choice = set(re.findall(r"^\| `(\w+)=\w+` \|", section("What there is to choose"), re.M))
        groups = Template().whole["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        (costly,) = (g["Parameters"] for g in groups if "costs money" in g["Label"]["default"])
        self.assertEqual(set(costly), choice, "each switch is explained")


class Trouble(unittest.TestCase):
    def test_each_trouble_has_a_cause_and_a_command(self):
        rows = [[cell.strip() for cell in line.strip("|").split(" | ")]
                for line in section("When something is wrong").splitlines() if line.startswith("| ")][2:]
        self.assertGreater(len(rows), 20)
        for row in rows:
            self.assertEqual(3, len(row), row)
            self.assertTrue(all(row), row)
        told = {"timeouts": r"timed out", "a cold endpoint": r"starts cold", "iterator age": r"IteratorAge",
                "a manifest that is refused": r"image manifest", "permissions of the one who deploys": r"not authorized",
                "permissions of what was deployed": r"AccessDenied", "a health check": r"ping health check"}
        for what, words in told.items():
            with self.subTest(what):
                found = [row for row in rows if re.search(words, row[0] + row[1])]
                self.assertNotEqual([], found)
                self.assertRegex(found[0][2], r"`(aws |script/|\./build_and_push\.sh )")


if __name__ == "__main__":
    unittest.main()
