"""script/deploy: every step, every failure, again, and back."""

import json
import re
import shutil
import signal
import unittest

from deploy_case import ACCOUNT, BUCKET, REGION, STACK, TOOLS, DeployCase
from programs import SOURCE
from template import Template

TEMPLATES = f"{STACK}-templates-{ACCOUNT}-{REGION}"
URL = f"https://abc.execute-api.{REGION}.amazonaws.com/v1\n"
STEPS = ("base", "images", "data", "train", "service", "stack", "try")
READS = re.compile(r"aws (sts get-|apigateway get-|configure get|s3api (get|head|list)-|cloudformation describe-|sagemaker (describe|list)-)")


class Whole(DeployCase):
    def test_the_model_that_the_loop_has_chosen_stays(self):
        self.deploy("--set", "Retrain=nightly")
        chosen = f"s3://{BUCKET}/models/chosen/output/model.tar.gz"
        self.state["stack"]["parameters"]["ModelUrl"] = chosen
        done = self.deploy()
        self.assertEqual([], self.calls("create-training-job"))
        self.assertEqual(chosen, self.parameters()["ModelUrl"])
        self.assertIn("the model stays the one that it has chosen", done.stderr)
        self.deploy("--hyperparameter", "seed=2")
        self.assertNotEqual(chosen, self.parameters()["ModelUrl"])

    def test_from_an_empty_account_to_a_working_api(self):
        done = self.deploy()
        self.assertEqual(URL, done.stdout)
        self.assertEqual(["bucket", "access block", "stack", f"image {STACK}/movie-recommender", f"image {STACK}/predict",
                          "upload data/movies.csv", "upload data/ratings.csv", "job", "package", "stack"],
                         sorted(self.changes(), key=lambda c: ("upload" in c and 5) or self.order(c)))
        for step in STEPS:
            self.assertIn(f"deploy: {step}: ", done.stderr)
        parameters = self.parameters()
        (job,) = self.state["jobs"].values()
        self.assertEqual(job["model"], parameters["ModelUrl"])
        self.assertEqual(job["request"]["AlgorithmSpecification"]["TrainingImage"], parameters["EndpointImage"])
        self.assertIn(f"/{STACK}/predict@sha256:", parameters["PredictImage"])
        self.assertEqual("", parameters["RecommendImage"])
        self.assertEqual({"data/ratings.csv", "data/movies.csv"}, {k for k in self.state["buckets"][BUCKET]})
        self.assertIn("predicted_rating", done.stderr)

    def test_by_default_a_new_stack_has_all_that_is_cheap_while_idle(self):
        """An existing one is not changed."""
        whole = ("Endpoint", "Streams", "Cache", "Service")
        done = self.run_script("deploy", "--stack", STACK)
        self.assertEqual(URL, done.stdout)
        self.assertIn("Endpoint=serverless Streams=on Cache=on Service=off", done.stderr)
        for name in ("EndpointImage", "PredictImage", "RecommendImage", "AggregateImage"):
            self.assertIn("@sha256:", self.parameters()[name])
        found = tuple(self.parameters()[p] for p in whole if p in self.parameters())
        self.assertEqual(("serverless", "on", "on"), found[:3])
        self.run_script("deploy", "--stack", STACK)
        self.assertEqual([], self.changes())
        self.run_script("deploy", "--stack", STACK, "--smallest", "--set", "Endpoint=serverless")
        self.assertEqual(["stack"], self.changes())
        self.assertEqual(("serverless", "off", "off", "off"), tuple(self.parameters()[p] for p in whole))
        self.run_script("deploy", "--stack", STACK)
        self.assertEqual([], self.changes())

    def test_settings_override_the_defaults_of_a_new_stack(self):
        for words, region, expected in (
                (("--set", "Endpoint=none", "--set", "Cache=off"), None, "Endpoint=none Streams=on Cache=off Service=off"),
                (("--set", "Streams=off"), None, "Endpoint=serverless Streams=off Cache=off Service=off"),
                (("--set", "Streams=off", "--set", "Service=on"), None,
                 "Endpoint=serverless Streams=off Cache=on Service=on"),
                ((), "cn-north-1", "Endpoint=serverless Streams=on Cache=off Service=off")):
            where = ("--region", region) if region else ()
            done = self.run_script("deploy", "--stack", STACK, "--dry-run", *where, *words)
            self.assertIn(expected, done.stderr)

    def order(self, change):
        """The position of a change in the calls, without uploads, whose order is the folder's."""
        changes = [c for c in self.changes() if "upload" not in c]
        seen = self.__dict__.setdefault("_seen", {})
        at = [i for i, c in enumerate(changes) if c == change]
        n = seen[change] = seen.get(change, -1) + 1
        return at[n] + (2 if at[n] > 4 else 0)

    def test_a_second_run_changes_nothing(self):
        self.deploy()
        before = json.dumps(self.state)
        done = self.deploy()
        self.assertEqual([], self.changes())
        self.assertEqual(URL, done.stdout)
        self.assertEqual(json.loads(before), self.state)
        doing = [" ".join(c["argv"][:3]) for c in self.calls() if not READS.match(" ".join(c["argv"]))]
        self.assertEqual({"aws cloudformation deploy"}, {d for d in doing if d.startswith("aws")})

    def test_settings_are_kept_and_can_be_changed(self):
        self.deploy("--set", "Streams=on", "--set", "AllowOrigin=https://a.example", "--hyperparameter", "n_factors=32")
        self.assertEqual("on", self.parameters()["Streams"])
        for name in ("Recommend", "Aggregate"):
            self.assertIn(f"/{STACK}/{name.lower()}@sha256:", self.parameters()[f"{name}Image"])
        self.deploy()
        self.assertEqual([], self.changes())
        self.assertEqual(["stack"], self.changed("--set", "ApiRate=7"))
        self.assertEqual(("on", "7", "https://a.example", "n_factors=32"), tuple(
            self.parameters()[p] for p in ("Streams", "ApiRate", "AllowOrigin", "Hyperparameters")))
        self.assertEqual(["job", "package", "stack"], self.changed("--hyperparameter", "n_factors=64"))
        self.assertEqual([], self.changed())

    def changed(self, *words):
        self.deploy(*words)
        return self.changes()

    def test_a_service_has_an_image_with_the_model_inside(self):
        self.deploy("--set", "Service=on")
        call = self.call("build_and_push --file")
        self.assertEqual(["model", "model/model.bin"], call["kept"]["context"])
        argv = call["argv"]
        self.assertIn("MODEL=" + self.parameters()["ModelUrl"], argv)
        self.assertIn("IMAGE=" + self.parameters()["EndpointImage"], argv)
        self.assertEqual("deploy/service.Dockerfile", argv[argv.index("--file") + 1])
        self.assertIn(f"/{STACK}/service@sha256:", self.parameters()["ServiceImage"])
        self.assertEqual([], self.changed())

    def test_functions_for_arm64_are_built_for_it(self):
        self.deploy("--set", "Architecture=arm64")
        for name, platform in (("predict", "linux/arm64"), ("movie-recommender", None)):
            argv = self.calls(f"{STACK}/{name}")[0]["argv"]
            self.assertEqual(platform, argv[argv.index("--platform") + 1] if "--platform" in argv else None)

    def test_another_snapshot_of_the_api_when_its_methods_are_others(self):
        """A new deployment needs a new name."""
        def names():
            text = self.state["stack"]["template"]
            found = set(re.findall(r"ApiDeployment\w*", text))
            self.assertEqual(2, text.count("ApiDeployment"))  # it, and a reference to it
            return found
        self.deploy()
        first = names()
        self.assertEqual(1, len(first))
        self.deploy("--set", "ApiRate=9")
        self.assertEqual(first, names())
        self.deploy("--set", "Access=iam")
        second = names()
        self.assertNotEqual(first, second)
        self.deploy("--set", "AllowOrigin=https://a.example")
        self.assertNotIn(names(), (first, second))
        # An update for another reason, with a --set that is not carried out yet, makes none.
        self.state["buckets"]["lake"] = {"r.csv": "etag"}
        third = names()
        self.deploy("--only", "data", "--data", "s3://lake/r.csv", "--set", "Access=public")
        self.assertEqual(("s3://lake/r.csv", third), (self.parameters()["DataUri"], names()))

    def test_a_model_from_elsewhere_is_taken_over_once(self):
        self.state["buckets"]["other"] = {"m/model.tar.gz": "etag"}
        words = ("--model", "s3://other/m/model.tar.gz")
        self.deploy(*words)
        self.assertEqual({}, self.state["jobs"])
        url = self.parameters()["ModelUrl"]
        self.assertRegex(url, rf"^s3://{BUCKET}/models/given-\d+/model\.tar\.gz$")
        self.assertEqual([], self.changed(*words))
        self.assertIn("there is no s3://other/n.tar.gz", self.run_script(
            "deploy", "--stack", STACK, "--model", "s3://other/n.tar.gz", status=1).stderr)

    def test_images_by_the_real_build_and_push(self):
        shutil.copy(SOURCE / "build_and_push.sh", self.repository / "build_and_push.sh")
        for name in ("Dockerfile", "lambda/Dockerfile", "lambda/predict/CMakeLists.txt"):
            (self.repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SOURCE / name, self.repository / name)
        import subprocess
        for words in (["init", "-q"], ["add", "."], ["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "x"]):
            subprocess.run(["git", *words], cwd=self.repository, check=True)
        self.assertEqual(URL, self.deploy("--set", "Architecture=arm64", "--set", "Service=on").stdout)
        builds = [c["argv"] for c in self.calls("docker build ")]
        self.assertEqual(["linux/amd64", "linux/arm64", "linux/amd64"], [b[b.index("--platform") + 1] for b in builds])
        self.assertEqual([".", "."], [b[-1] for b in builds[:2]])
        self.assertTrue(builds[2][-1].endswith("/service"), builds[2])
        self.assertEqual([], self.changed())

    def test_the_account_in_the_file_has_the_outputs_of_the_template(self):
        self.assertLessEqual({"BucketName", "SageMakerRoleArn", "ModelPackageGroupName", "ApiUrl"},
                             set(Template().whole["Outputs"]))


class Steps(DeployCase):
    def test_each_step_alone(self):
        changed = {}
        for step in STEPS[:3]:
            self.deploy("--only", step)
            changed[step] = self.changes()
        self.assertEqual(["bucket", "access block", "stack"], changed["base"])
        self.assertEqual([f"image {STACK}/movie-recommender", f"image {STACK}/predict"], changed["images"])
        self.assertEqual({"upload data/movies.csv", "upload data/ratings.csv"}, set(changed["data"]))
        model = self.deploy("--only", "train").stdout.strip()
        self.assertEqual(["job", "package"], self.changes())
        self.assertIn("there is no model yet", self.deploy("--only", "stack", status=1).stderr)
        self.assertIn("has no API yet", self.deploy("--only", "try", status=1).stderr)
        self.deploy("--only", "stack", "--model", model)
        self.assertEqual(["stack"], self.changes())
        self.assertIn("Service is off", self.deploy("--only", "service").stderr)
        self.assertEqual(URL, self.deploy("--only", "try").stdout)
        self.assertEqual([], self.changes())

    def test_steps_that_need_the_stack_say_so(self):
        for step in ("data", "train", "service", "stack"):
            self.assertIn("--only base", self.deploy("--only", step, status=1).stderr, step)
        self.assertEqual([], self.changes())

    def test_each_failure_names_its_step_and_the_next_run_resumes_there(self):
        cases = (("base", "s3 mb", {}), ("base", "cloudformation deploy", {"stack": "ROLLBACK_COMPLETE"}),
                 ("images", "--function predict", {"status": 1}), ("data", "s3 cp", {"status": 1}),
                 ("train", "create-training-job", {}), ("train", "create-model-package", {}),
                 ("service", "s3 cp s3://", {"status": 1}), ("stack", "cloudformation deploy", {}), ("try", "curl", {"status": 6}))
        for step, words, more in cases:
            with self.subTest(step=step, words=words):
                fault = {"words": words, "err": "\nwhat the program says\n", **more}
                self.faults = [fault]
                done = self.deploy("--set", "Service=on", status=1)
                self.faults = []
                self.assertIn("what the program says", done.stderr)
                last = done.stderr.splitlines()[-1]
                self.assertTrue(last.startswith(f'deploy: the step "{step}" failed'), last)
                self.assertIn("run this again", last)
                if words == "cloudformation deploy":
                    self.assertIn("a reason that CloudFormation gives", done.stderr)
                # Completed steps are not repeated: one base stack, one job.
        self.assertEqual(URL, self.deploy("--set", "Service=on").stdout)
        self.assertEqual([], [c for c in self.changes() if c not in ("stack",)])
        self.assertEqual(1, len(self.state["jobs"]))
        self.assertEqual(1, len(self.state["packages"]))

    def test_interrupted_anywhere_it_resumes(self):
        """Ctrl-C after a command that has been executed."""
        words = ("s3 mb", "cloudformation deploy", "describe-stacks", "create-training-job", "create-model-package")
        done = []
        for word in words:
            self.faults = [{"words": word, "interrupt": True, "skip": word == "describe-stacks"}]
            line = self.deploy(status=128 + signal.SIGINT).stderr.splitlines()[-1]
            self.assertRegex(line, r'^deploy: interrupted in the step "[a-z]+"; run this again', word)
            done += self.changes()
        self.faults = []
        self.assertEqual(URL, self.deploy().stdout)
        done += self.changes()
        for change in ("bucket", "access block", "job", "package", f"image {STACK}/predict"):
            self.assertEqual(1, done.count(change), (change, done))
        self.assertEqual([TEMPLATES], self.state["blocked"])

    def test_a_bucket_of_somebody_else_is_not_used(self):
        self.state["foreign"] = [TEMPLATES]
        self.assertIn("Forbidden", self.deploy(status=1).stderr)
        self.assertEqual([], self.changes())

    def test_a_stack_whose_first_creation_failed_is_replaced(self):
        self.state["stack"] = {"status": "ROLLBACK_COMPLETE", "template": "", "parameters": {}}
        self.deploy("--only", "base")
        self.assertEqual(["bucket", "access block", "stack removed", "stack"], self.changes())

    def test_a_stack_that_cannot_be_changed_now(self):
        for status, sentence in (("UPDATE_IN_PROGRESS", "wait for that to end"), ("DELETE_IN_PROGRESS", "being removed"),
                                 ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"), ("DELETE_FAILED", "--delete tries again")):
            self.state["stack"] = {"status": status, "template": "", "parameters": {}}
            done = self.deploy(status=1)
            self.assertIn(sentence, done.stderr)
            self.assertNotIn("stack", self.changes())

    def test_a_bucket_that_an_earlier_stack_left(self):
        self.state["buckets"][BUCKET] = {"data/ratings.csv": "x"}
        self.assertIn("--delete removes that", self.deploy(status=1).stderr)
        self.assertNotIn("stack", self.changes())

    def test_an_api_that_does_not_respond(self):
        self.deploy()
        self.state["http"] = 502
        done = self.deploy("--only", "try", status=1)
        self.assertIn("status 502", done.stderr)
        self.assertIn("aws logs tail", done.stderr)
        self.assertEqual(6, len(self.calls("curl ")))

    def test_an_api_is_public_only_with_the_option_which_prints_its_consequences(self):
        done = self.deploy()
        self.assertEqual("key", self.parameters()["Access"])
        self.assertIn("get-api-key --include-value --api-key keyid", done.stderr)
        self.assertNotIn("the-secret-key", done.stderr + done.stdout + (self.folder / "calls").read_text())
        self.assertNotIn("everyone", done.stderr)
        for words in (("--public",), ()):  # at each run
            done = self.deploy(*words)
            self.assertEqual("public", self.parameters()["Access"])
            for meaning in ("everyone on the internet may send requests", "without a key", "no response reveals what a user has rated",
                            "paid by this account, up to 100 a second"):
                self.assertIn(meaning, done.stderr)
        self.assertEqual(URL, done.stdout)
        self.assertNotIn("everyone", self.deploy("--set", "Access=key").stderr)

    def test_an_api_that_was_public_before_there_was_a_choice_is_closed_with_a_word(self):
        self.deploy()
        del self.parameters()["Access"]
        self.parameters()["RequireApiKey"] = "no"
        done = self.deploy("--dry-run")
        self.assertNotIn("until now", done.stderr)
        done = self.deploy(status=None)
        self.assertIn("until now this API was public; from now on its callers need a key (Access=key)", done.stderr)

    def test_signed_requests_are_not_tried_and_without_curl_none_is_sent(self):
        done = self.deploy("--set", "Access=iam")
        self.assertEqual([], self.calls("curl "))
        self.assertIn("execute-api:Invoke on arn:aws:execute-api", done.stderr)
        (self.tools / "curl").unlink()
        self.assertEqual(URL, self.deploy("--set", "Access=key").stdout)

    def test_a_failure_while_looking_is_not_taken_for_an_empty_account(self):
        self.deploy()
        for words in ("describe-stacks", "head-bucket"):
            self.faults = [{"words": words, "err": "\nAn error occurred (AccessDenied) when calling: no\n"}]
            self.assertIn("AccessDenied", self.deploy(status=1).stderr)
            self.assertEqual([], self.changes(), words)

    def test_an_image_without_a_digest_never_reaches_the_stack(self):
        self.deploy()
        self.put(self.repository / "build_and_push.sh")
        (self.repository / "build_and_push.sh").write_text("#!/usr/bin/env bash\necho nonsense\n")
        self.assertIn('printed "nonsense"', self.deploy("--only", "stack", status=1).stderr)
        self.assertEqual([], self.changes())


class Words(DeployCase):
    def test_bad_arguments_are_refused_before_any_call(self):
        for words, sentence in (
                (("--stack", "Movies"), '--stack is "Movies"'), (("--stack", "a" * 25), "--stack is"),
                (("--stack", "a-"), "--stack is"), (("--stack", "a--b"), "--stack is"),
                (("--stack", "movies-templates"), "for the templates of movies"),
                (("--stack", "movies-logs"), "for the logs of movies"),
                (("--stack",), "--stack needs a value"), ((), '--stack is ""'),
                (("--stack", "m1", "--set", "Strems=on"), '--set is "Strems=on"'),
                (("--stack", "m1", "--set", "Streams"), '--set is "Streams"'),
                (("--stack", "m1", "--set", "Bucket=x"), '--set is "Bucket=x"'),
                (("--stack", "m1", "--set", "PredictImage=x"), '--set is "PredictImage=x"'),
                (("--stack", "m1", "--only", "everything"), '--only is "everything"'),
                (("--stack", "m1", "--model", "model.tar.gz"), '--model is "model.tar.gz"'),
                (("--stack", "m1", "--hyperparameter", "n_factors"), '--hyperparameter is "n_factors"'),
                (("--stack", "m1", "--hyperparameter", 'a="8'), "--hyperparameter is"),
                (("--stack", "m1", "--hyperparameter", "a=1", "--hyperparameter", "a=2"), "a is given twice"),
                (("--stack", "m1", "--set", "Endpoint=foo"), '"Endpoint=foo": expected one of none, serverless, instances'),
                (("--stack", "m1", "--set", "Streams=yes"), "expected one of on, off"),
                (("--stack", "m1", "--set", "ServerlessMemory=1000"), "expected one of 1024, 2048"),
                (("--stack", "m1", "--set", "ApiRate=many"), "expected a number from 1"),
                (("--stack", "m1", "--set", "Shards=0"), "expected a number from 1 to 100"),
                (("--stack", "m1", "--set", "WindowSeconds=901"), "expected a number from 1 to 900"),
                (("--stack", "m1", "--delete", "--only", "base"), "--delete removes all"),
                (("--stack", "m1", "--delete", "--smallest"), "--delete removes all"),
                (("--stack", "m1", "--delete", "--set", "Streams=off"), "--delete removes all"),
                (("--stack", "m1", "--set", "Shards=2", "--set", "Shards=3"), "--set Shards is given twice"),
                (("--stack", "m1", "--public", "--set", "Access=key"), "--set Access is given twice"),
                (("--stack", "m1", "--set", "Access=everybody"), "expected one of key, iam, public"),
                (("--stack", "m1", "--set", "Outsiders=some"), "expected one of open, closed"),
                (("--stack", "m1", "--set", "AllowOrigin=example.com"), "expected one origin such as"),
                (("--stack", "m1", "--set", "AllowOrigin=https://a.b/"), "expected one origin such as"),
                (("--stack", "m1", "--set", "PredictConcurrency=1001"), "expected a number from 0 to 1000"),
                (("--stack", "m1", "--fast"), "--fast is no option")):
            self.assertIn(sentence, self.refused("deploy", *words), words)
            self.assertEqual([], self.calls())

    def test_contradictions_are_refused_before_anything_is_built(self):
        for words, sentence in (
                (("Endpoint=instances", "MinInstances=5"), "MinInstances is 5 and MaxInstances 4"),
                (("Endpoint=instances", "InstanceType=ml.t2.medium"), "--set MaxInstances=1"),
                (("Access=public", "Outsiders=open"), "every caller could find out what users have rated"),
                (("Service=on", "ServiceTasks=9"), "ServiceTasks is 9 and ServiceTasksMax 8")):
            given = [word for setting in words for word in ("--set", setting)]
            self.assertIn(sentence, self.deploy(*given, status=1).stderr)
            self.assertEqual([], self.changes())
        self.assertIn("for nothing", self.deploy("--set", "Cache=on", "--only", "base").stderr)

    def test_all_values_that_the_template_allows_are_taken(self):
        values = {}
        for name, parameter in Template().parameters.items():
            if not re.search("Image$|^ModelUrl$|^Hyperparameters$|^DataUri$", name):
                values[name] = parameter.get("AllowedValues", [parameter["Default"], *(
                    parameter[limit] for limit in ("MinValue", "MaxValue") if limit in parameter)])
        for n in range(max(map(len, values.values()))):
            of_n = {name: some[n % len(some)] for name, some in values.items()}
            of_n.update(MaxInstances=100, ServiceTasksMax=200)
            if of_n["Access"] == "public":
                of_n["Outsiders"] = "closed"
            self.deploy("--dry-run", "--only", "try", *(w for pair in of_n.items() for w in ("--set", "%s=%s" % pair)))

    def test_china_has_no_vpc_endpoints_of_these_names(self):
        self.assertIn("not for regions in China", self.deploy("--set", "Cache=on", status=1, AWS_REGION="cn-north-1").stderr)
        self.assertEqual([], self.changes())

    def test_the_account_and_the_region(self):
        self.assertIn("no region", self.deploy(status=1, AWS_REGION=None).stderr)
        self.assertIn('the region is "Frankfurt"', self.deploy("--region", "Frankfurt", status=1).stderr)
        self.state["credentials"] = False
        stderr = self.deploy(status=1).stderr
        self.assertIn("no working credentials in eu-central-1 (Unable to locate credentials", stderr)
        self.state["credentials"] = True
        self.state["region"] = REGION
        self.assertEqual(URL, self.deploy(AWS_REGION=None).stdout)
        self.deploy("--region", REGION, "--profile", "work", AWS_REGION="us-east-1")
        for call in self.calls("aws "):
            argv = call["argv"]
            self.assertEqual((REGION, "work"), (argv[argv.index("--region") + 1], argv[argv.index("--profile") + 1]))
        for call in self.calls("build_and_push"):
            self.assertIn("--profile work", " ".join(call["argv"]))

    def test_a_missing_program(self):
        for name in ("docker", "aws"):
            (self.tools / name).unlink()
            self.assertIn(f"{name} is not installed", self.refused("deploy", "--stack", STACK))

    def test_a_dry_run_calls_nothing_and_needs_nothing(self):
        for name in ("aws", "docker", "curl"):
            (self.tools / name).unlink()
        done = self.deploy("--dry-run", "--set", "Streams=on", "--set", "Cache=on", "--set", "Service=on",
                           AWS_REGION=None)
        self.assertEqual([], self.calls())
        for words in ("+ aws s3 mb", "+ aws cloudformation deploy", "+ aws s3 cp", "+ aws sagemaker create-training-job",
                      f"{STACK}/aggregate", f"{STACK}/feedback", f"{STACK}/service"):
            self.assertIn(words, done.stderr)
        done = self.deploy("--dry-run", "--delete", AWS_REGION=None)
        self.assertIn("+ aws cloudformation delete-stack", done.stderr)
        self.assertEqual([], self.calls())

    def test_help_is_the_opening_comment(self):
        done = self.run_script("deploy", "--help")
        self.assertTrue(done.stdout.startswith("Deploys the recommender to an AWS account"))
        self.assertNotIn("set -", done.stdout)

    def test_tools_are_those_of_every_unix(self):
        """A Mac's bash 3.2 lacks these."""
        self.assertNotIn("python3", TOOLS)
        for name in ("script/deploy", "script/train-job", "deploy/steps.sh"):
            text = (SOURCE / name).read_text()
            for new in ("mapfile", "readarray", "declare -A", "local -n", "${!", "|&", "&>>", ",,}", "^^}", "sha256sum"):
                self.assertNotIn(new, text, name)


class Removal(DeployCase):
    def setUp(self):
        super().setUp()
        self.deploy("--set", "Streams=on")

    def test_it_prompts_first(self):
        for response in ("", "no\n", "movie\n"):
            self.assertIn("nothing was removed", self.refused("deploy", "--stack", STACK, "--delete", stdin=response))
            self.assertEqual([], self.changes())

    def test_all_of_it_goes(self):
        self.state["buckets"][f"{STACK}-logs-{ACCOUNT}-{REGION}"] = {"bucket/2026-01-31": "etag"}
        self.deploy("--delete", stdin=STACK + "\n")
        self.assertEqual((None, {}, []), (self.state["stack"], self.state["buckets"], self.state["packages"]))
        deletions = [c["kept"]["--delete"] for c in self.calls("delete-objects")]
        self.assertTrue(all(a["Quiet"] is True for a in deletions))
        self.deploy("--delete", "--yes")  # again, with nothing there
        self.assertEqual(["stack removed"], self.changes())

    def test_a_failed_removal_is_resumed(self):
        for words in ("delete-model-package", "stack-delete-complete", "delete-objects", "delete-bucket"):
            self.faults = [{"words": words, "skip": 0, "err": "\nit went wrong\n"}]
            self.assertIn('the step "delete" failed', self.deploy("--delete", "--yes", status=1).stderr, words)
        self.faults = []
        self.deploy("--delete", "--yes")
        self.assertEqual((None, {}), (self.state["stack"], self.state["buckets"]))


if __name__ == "__main__":
    unittest.main()
