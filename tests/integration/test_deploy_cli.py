"""Every aws command line of script/deploy, script/train-job and the documents, run by the real CLI
with its model of AWS's interfaces. The commands go to a closed port: a command with valid
arguments and documents fails at the connection, an invalid one before it. And the metrics and
costs in the documents."""

import json
import os
import re
import shlex
import subprocess
import unittest

from deploy_case import PYTHON, STACK, DeployCase
from programs import SOURCE
from samples import csv, planted
from template import Template
from train_case import TrainCase

# The CLI's own main function, for many command lines in one process.
FRONT = """
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver
for line in sys.stdin:
    out = io.StringIO()
    with contextlib.redirect_stderr(out), contextlib.redirect_stdout(out):
        try:
            status = create_clidriver().main(json.loads(line))
        except SystemExit as end:
            status = end.code
    print(json.dumps([status, out.getvalue()]), flush=True)
"""
NO_SERVER = "http://127.0.0.1:9"
COULD_NOT = "Could not connect to the endpoint URL"
TUNING = ("AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition",
          "EnableManagedSpotTraining", "CheckpointConfig", "EnableNetworkIsolation")


def run_cli(command_lines, folder):
    """(status, output) of each; the words are those after aws."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B",
                   "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1", "AWS_MAX_ATTEMPTS": "1",
                   "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "", "LC_ALL": "C.UTF-8"}
    done = subprocess.run([PYTHON, "-c", FRONT], input="".join(json.dumps(words) + "\n" for words in command_lines),
                          text=True, capture_output=True, timeout=1500, cwd=folder, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def elsewhere(words):
    """The words with the closed port as endpoint, without options that differ between calls."""
    words = list(words)
    for option in ("--endpoint-url", "--profile"):
        if option in words:
            del words[words.index(option):words.index(option) + 2]
    return [*words, "--endpoint-url", NO_SERVER]


class CommandLines(DeployCase):
    def recorded(self):
        """One call of each kind that the scripts make, with its documents as files."""
        self.state["buckets"]["other"] = {"m/model.tar.gz": "etag"}
        self.faults = [{"words": "cloudformation deploy"}]
        self.deploy(status=1)
        found = self.calls("aws ")
        self.faults = []
        for words in (("--set", "Streams=on", "--set", "Service=on", "--hyperparameter", "n_factors=8"),
                      ("--model", "s3://other/m/model.tar.gz"), ("--delete", "--yes")):
            self.deploy(*words)
            found += self.calls("aws ")
        kinds = {}
        for call in found:
            words = call["argv"][1:]
            if words[0] == "configure":
                continue
            for n, (option, document) in enumerate(call["kept"].items()):
                if option.startswith("--"):
                    path = self.folder / f"document{len(kinds)}-{n}.json"
                    path.write_text(json.dumps(document))
                    words[words.index(option) + 1] = f"file://{path}"
            if "--template-file" in words:
                words[words.index("--template-file") + 1] = str(SOURCE / "deploy/template.yaml")
            if words[:2] == ["s3", "cp"] and not words[2].startswith("s3:"):
                words[2] = str(SOURCE / "data/movies.csv")
            kinds[tuple(w for w in words if w.startswith("--") or w in words[:2])] = words
        return list(kinds.values())

    def refusals(self, command_lines):
        results = run_cli([elsewhere(words) for words in command_lines], self.folder)
        self.assertEqual(len(command_lines), len(results))
        return [(words, status, text) for words, (status, text) in zip(command_lines, results)
                if status not in (1, 255) or COULD_NOT not in text]

    def test_the_scripts(self):
        lines = self.recorded()
        self.assertGreater(len({tuple(words[:2]) for words in lines}), 18)
        self.assertEqual([], self.refusals(lines))

    def test_wrong_arguments_are_detected(self):
        """The same check finds mistakes."""
        document = self.folder / "bad.json"
        document.write_text('{"TrainingJobName": "a", "RoleArm": "b"}')
        lines = [["s3api", "head-bucket", "--bukket", "b"], ["s3api", "head-buckets", "--bucket", "b"],
                 ["sagemaker", "create-training-job", "--cli-input-json", f"file://{document}"],
                 ["sagemaker", "describe-training-job", "--training-job-name", "a", "--query", "join(' ', ["]]
        self.assertEqual(len(lines), len(self.refusals(lines)))

    def blocks(self, name):
        return re.findall(r"^ *```\w*\n(.*?)^ *```", (SOURCE / name).read_text(), re.M | re.S)

    def run_block(self, block):
        """What a reader's shell would call."""
        script = "\n".join(line.strip().removeprefix("$ ") for line in block.splitlines())
        stubs = "aws() { printf '%s\\0' \"$@\" >>calls; printf '\\1\\0' >>calls; echo x; }\n" \
                "curl() { :; }\naccount=123456789012 region=eu-central-1 bucket=my-bucket image=an/image:v1 " \
                "model=s3://my-bucket/model.tar.gz role=arn:aws:iam::123456789012:role/r predict=an/image:v2\n"
        (self.folder / "calls").write_text("")
        script = re.sub(r"^\w+=\$\((\./build_and_push|script/).*$", "", script, flags=re.M)
        done = subprocess.run(["bash", "-c", stubs + script], cwd=self.folder, capture_output=True, text=True, check=False,
                              env={"PATH": "/usr/bin:/bin"})
        self.assertEqual("", done.stderr, script)
        calls, words = [], []
        for word in (self.folder / "calls").read_text().split("\0")[:-1]:
            if word == "\1":
                calls.append(words)
                words = []
            else:
                words.append(word)
        return calls

    def test_the_documents(self):
        lines = []
        for name in ("README.md", "deploy/README.md", "docs/training.md", "docs/serving.md"):
            for block in self.blocks(name):
                if re.search(r"^\s*(\$ )?(\w+=\$\()?aws ", block, re.M) and "script/deploy" not in block:
                    # Only its commands; their output is there, too.
                    block = "\n".join(part for part in re.findall(
                        r"^ *(?:\$ )?(?:\w+=\$\()?aws (?:.*\\\n|.*'\{\n(?:.*\n)*?.*\}'.*\\?\n)*.*", block, re.M))
                    lines += self.run_block(block)
            for command in re.findall(r"`(aws [^`|]+)`", (SOURCE / name).read_text()):
                words = shlex.split(command.replace("URL", "https://sqs.eu-central-1.amazonaws.com/1/q"))[1:]
                if words and words[0] != "configure" and len(words) > 2:
                    lines.append(words)
        lines = [words for words in lines if words[0] != "configure"]
        kinds = {tuple(words[:2]) for words in lines}
        self.assertLessEqual({("sagemaker", "create-hyper-parameter-tuning-job"), ("sagemaker", "create-transform-job"),
                              ("sagemaker", "create-model"), ("cloudformation", "deploy"), ("s3", "mb"),
                              ("logs", "tail"), ("sqs", "receive-message")}, kinds, lines)
        self.deploy("--only", "base")
        self.deploy("--only", "data")
        self.run_script("train-job", "--stack", STACK, "--image", "an/image@sha256:1")
        job = self.call("create-training-job")["kept"]["--cli-input-json"]
        (self.folder / "training-job.json").write_text(json.dumps({k: job[k] for k in TUNING}))
        os.symlink(SOURCE / "data", self.folder / "data")
        os.symlink(SOURCE / "deploy", self.folder / "deploy")
        self.assertEqual([], self.refusals(lines))


class Metrics(TrainCase):
    def test_the_expressions_are_those_of_the_document_and_read_a_real_line(self):
        metrics = json.loads((SOURCE / "deploy/metrics.json").read_text())
        block = re.search(r"`MetricDefinitions`:\n\n```json\n(.*?)```", (SOURCE / "docs/training.md").read_text(), re.S)
        self.assertEqual(json.loads(block[1]), metrics)
        first = self.job_on(planted(), n_epochs=1, validation_fraction=0.2)
        self.train(first)
        job = self.job_on(planted(), n_epochs=1, validation_fraction=0.2)
        job.channel("current", {"model.bin": first.bytes()})
        result = self.train(job)
        for metric in metrics:
            found = re.findall(metric["Regex"], result.log_text())
            self.assertEqual(1, len(found), metric)
            self.assertGreater(float(found[0]), 0)


class Costs(unittest.TestCase):
    """The table of deploy/README.md follows from its prices, its sizes and the template."""

    SIZES = {"small": {"requests": 0.1}, "medium": {
        "requests": 10, "Endpoint": "instances", "Streams": "on", "Cache": "on"}}
    SIZES["loop"] = {**SIZES["medium"], "Archive": "on", "Retrain": "nightly"}
    SIZES["large"] = {**SIZES["medium"], "requests": 100, "instances": 4, "Service": "on", "Shards": 4}
    MONTH = 730  # hours

    def setUp(self):
        self.text = (SOURCE / "deploy/README.md").read_text()
        rows = [[cell.strip() for cell in line.strip("|").split("|")]
                for line in self.text[self.text.index("| $ a month |"):].split("\n\n")[0].splitlines()]
        self.assertEqual(list(self.SIZES), rows[0][2:])
        self.table = {row[0]: row[1:] for row in rows[2:]}
        self.together = self.table.pop("**together**")

    def prices(self, row):
        """The numbers with a point in a row's second cell, in their order."""
        return [float(n) for n in re.findall(r"\d+\.\d+", self.table[row][0])]

    def lines(self, requests, instances=1, **switches):
        """Each row for one size; requests in millions."""
        stack = Template().stack(**switches)
        properties = lambda name: stack.value(stack.resources[name]["Properties"])
        n = {}
        for resource in stack.resources.values():
            if resource.get("Properties", {}).get("VpcEndpointType") != "Gateway":
                n[resource["Type"]] = n.get(resource["Type"], 0) + 1
        count = lambda kind: n.get(kind, 0)
        api, = self.prices("API Gateway")
        behind_api, = (row for row in self.table if row.startswith("Lambda behind the API"))
        behind_streams, = (row for row in self.table if row.startswith("Lambda behind the streams"))
        call, second = self.prices(behind_api)
        gb = properties("PredictFunction")["MemorySize"] / 1024
        self.assertIn(f"{round(gb * 1024)} MB", behind_api)
        calls = lambda millions, ms: millions * (call + 1000 * ms * gb * second)
        shards = count("AWS::Kinesis::Stream") * stack.parameters["Shards"]
        shard_hour, record = self.prices("streams")
        node, secret = self.prices("cache")
        vpc_endpoint, = self.prices("VPC endpoints")
        alarm, dashboard = self.prices("alarms, dashboard")
        cpu, memory, balancer, load = self.prices("service")
        of_service = 0
        if count("AWS::ECS::Service"):
            task = properties("ServiceTask")
            of_service = self.MONTH * (balancer + load + stack.parameters["ServiceTasks"] * (
                int(task["Cpu"]) / 1024 * cpu + int(task["Memory"]) / 1024 * memory))
        streams = count("AWS::Kinesis::Stream") > 0
        of_retraining = 0
        if count("AWS::Scheduler::Schedule"):
            text = self.table["retraining"][0]
            minutes, steps = (int(re.search(rf"(\d+) {what}", text)[1]) for what in ("minutes", "steps"))
            hour, thousand, million = self.prices("retraining")
            nightly = "* * ?" in properties("RetrainSchedule")["ScheduleExpression"]
            of_retraining = (365 if nightly else 52) / 12 * (
                minutes / 60 * hour + steps / 1e3 * thousand + 1 / 1e6 * million)
        archives = count("AWS::KinesisFirehose::DeliveryStream")  # then there are as many events as requests
        return {
            "archive": archives * self.prices("archive")[0] * requests * 1e6 * 5 / 2 ** 20,
            "retraining": of_retraining,
            "API Gateway": api * requests,
            behind_api: calls(requests, 5),
            behind_streams: calls(count("AWS::Lambda::EventSourceMapping") * stack.parameters["Shards"] *
                                  self.MONTH * 3600 / 1e6, 20),  # a call a second
            "endpoint": self.prices("endpoint")[0] * self.MONTH * instances * count("AWS::SageMaker::Endpoint"),
            "streams": shards * shard_hour * self.MONTH + record * requests * streams * (1 + archives),
            "cache": count("AWS::ElastiCache::ReplicationGroup") * (node * self.MONTH + secret),
            "VPC endpoints": count("AWS::EC2::VPCEndpoint") * count("AWS::EC2::Subnet") * vpc_endpoint * self.MONTH,
            "service": of_service,
            "DynamoDB": self.prices("DynamoDB")[0] * requests / 100 * streams,
            "logs": self.prices("logs")[0] * requests * 0.5,  # KB times a million is GB times a thousand
            "alarms, dashboard": count("AWS::CloudWatch::Alarm") * alarm + count("AWS::CloudWatch::Dashboard") * dashboard,
        }

    def test_every_line_and_every_sum(self):
        sums = {}
        for i, (size, assumed) in enumerate(self.SIZES.items(), 1):
            stated = {name: float(cells[i].replace(",", "")) for name, cells in self.table.items()}
            lines = self.lines(**assumed)
            self.assertEqual({"S3, ECR, training on spot"}, set(stated) - set(lines), "what is estimated")
            for name, amount in lines.items():
                self.assertAlmostEqual(amount, stated[name], delta=0.0051, msg=f"{size}: {name}")
            amount = sum(stated.values())
            sums[size] = f"{amount:,.0f}"
            self.assertEqual(f"**{sums[size]}**", self.together[i], size)
        readme = (SOURCE / "README.md").read_text().replace("\n", " ")
        for words, size in ((" with 100,000", "small"), (" with 10 million", "medium"), (" with 100 million", "large")):
            self.assertIn(f"${sums[size]}{words}", readme)

    def test_the_smallest_stack_costs_cents_and_nothing_while_idle(self):
        small = {**self.SIZES["small"], "Watch": "off"}
        storage = float(self.table["S3, ECR, training on spot"][1])
        cents = round(100 * (sum(self.lines(**small).values()) + storage))
        for name in ("deploy/README.md", "README.md"):
            self.assertIn(f"{cents} cents", (SOURCE / name).read_text(), name)
        self.assertEqual({0}, set(self.lines(**{**small, "requests": 0}).values()))

    def test_what_a_new_stack_costs_while_idle(self):
        lines = self.lines(requests=0, instances=0, Endpoint="serverless", Streams="on", Cache="on")
        idle = sum(amount for row, amount in lines.items() if not row.startswith("Lambda"))
        for name in ("deploy/README.md", "README.md"):
            self.assertIn(f"${idle:.0f} a month while idle",
                          (SOURCE / name).read_text().replace("\n", " "), name)

    def test_the_date_and_the_assumptions_are_given(self):
        stated = re.search(r"## What it costs\n\n(.*?)\n\n\|", self.text, re.S)[1]
        for words in (r"\(N\. Virginia\)", r"in [A-Z][a-z]+ 20\d\d", "without free tiers", "730 hours",
                      "Small: .*100,000", "Medium: .*10 million", "Loop: .*Retrain=nightly", "Large: .*100 million"):
            self.assertRegex(stated.replace("\n", " "), words)


if __name__ == "__main__":
    unittest.main()
