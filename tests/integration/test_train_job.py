"""script/train-job: starts one job for one image, data and hyperparameters, and waits for it."""

import io
import json
import re
import tarfile
import unittest

from deploy_case import BUCKET, REGION, STACK, TRAINING, DeployCase, model_tar
from programs import SOURCE

IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/{STACK}/movie-recommender@sha256:" + "0" * 64

CURRENT = f"s3://{BUCKET}/models/old/output/model.tar.gz"


class TrainJob(DeployCase):
    def setUp(self):
        super().setUp()
        self.deploy("--only", "base")
        self.deploy("--only", "data")

    def train(self, *words, **how):
        return self.run_script("train-job", "--stack", STACK, "--image", IMAGE, *words, **how)

    def request(self):
        return self.call("create-training-job")["kept"]["--cli-input-json"]

    def test_the_job_the_wait_and_the_model(self):
        done = self.train("--hyperparameter", "n_factors=128")
        self.assertEqual(["job", "package"], self.changes())
        request = self.request()
        name = request["TrainingJobName"]
        self.assertEqual(f"s3://{BUCKET}/models/{name}/output/model.tar.gz\n", done.stdout)
        self.assertEqual({"n_factors": "128", "validation_fraction": "0.1"}, request["HyperParameters"])
        self.assertIs(True, request["EnableManagedSpotTraining"])
        self.assertEqual({"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}, request["StoppingCondition"])
        self.assertEqual(f"s3://{BUCKET}/checkpoints/{name}/", request["CheckpointConfig"]["S3Uri"])
        self.assertEqual([f"s3://{BUCKET}/data/ratings.csv"],
                         [c["DataSource"]["S3DataSource"]["S3Uri"] for c in request["InputDataConfig"]])
        self.assertEqual(json.loads((SOURCE / "deploy/metrics.json").read_text()),
                         request["AlgorithmSpecification"]["MetricDefinitions"])
        self.assertEqual(1, done.stderr.count("Starting Preparing the instances"), "each state once")
        self.assertIn(f"{name}: Training", done.stderr)
        self.assertIn("train-job:   validation:rmse 0.875", done.stderr)
        (package,) = self.state["packages"]
        self.assertEqual((name, IMAGE, done.stdout.strip()), (
            package["ModelPackageDescription"], package["InferenceSpecification"]["Containers"][0]["Image"],
            package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]))

    def test_a_finished_job_is_reused(self):
        first = self.train().stdout
        done = self.train()
        self.assertEqual((first, []), (done.stdout, self.changes()))
        self.assertIn("has trained this already", done.stderr)
        for words in (("--hyperparameter", "seed=2"), ("--again",)):
            self.assertNotEqual(first, self.train(*words).stdout)
            self.assertEqual(["job", "package"], self.changes())
        self.state["buckets"][BUCKET]["data/ratings.csv"] = "others"
        self.train()
        self.assertEqual(["job", "package"], self.changes())

    def test_a_job_under_way_is_joined(self):
        self.faults = [{"words": "join(", "err": "\nthe network is gone\n", "skip": 1}]
        self.assertIn("the job continues", self.train(status=1).stderr)
        self.faults = []
        done = self.train()
        self.assertIn("under way already", done.stderr)
        self.assertEqual(["package"], self.changes())

    def test_a_failed_job_has_its_reason_and_the_next_has_another_name(self):
        self.state["training"] = [*TRAINING[:3], ["Failed", "Failed", "no"]]
        done = self.train(status=1)
        self.assertIn('ended as Failed: AlgorithmError: ratings.csv:41:9: rating "4;5" is not a number', done.stderr)
        self.assertIn("aws logs tail /aws/sagemaker/TrainingJobs", done.stderr)
        self.state["training"] = TRAINING
        self.train()
        self.assertEqual(["job", "package"], self.changes())
        first, second = self.state["jobs"]
        self.assertEqual(f"{first}-2", second)

    def test_a_model_is_registered_once_also_when_that_failed_at_first(self):
        self.faults = [{"words": "create-model-package"}]
        self.assertIn("could not be registered", self.refused("train-job", "--stack", STACK, "--image", IMAGE))
        self.faults = []
        self.train()
        self.assertEqual(["package"], self.changes())
        self.train()
        self.assertEqual([], self.changes())

    def test_no_spot_and_validation(self):
        self.state["buckets"][BUCKET]["data/held-out.csv"] = "h"
        self.train("--no-spot", "--max-seconds", "60", "--instance-type", "ml.c5.xlarge",
                   "--validation", f"s3://{BUCKET}/data/held-out.csv")
        request = self.request()
        self.assertEqual((False, {"MaxRuntimeInSeconds": 60}, "ml.c5.xlarge", {}), (
            request["EnableManagedSpotTraining"], request["StoppingCondition"],
            request["ResourceConfig"]["InstanceType"], request["HyperParameters"]))
        self.assertEqual(["train", "validation"], [c["ChannelName"] for c in request["InputDataConfig"]])

    def test_several_instances_in_a_vpc(self):
        self.train("--instances", "4", "--sharded", "--validation", f"s3://{BUCKET}/data/",
                   "--subnets", "subnet-0a,subnet-1b", "--security-groups", "sg-2c")
        request = self.request()
        self.assertEqual(["ShardedByS3Key", "FullyReplicated"], [
            c["DataSource"]["S3DataSource"]["S3DataDistributionType"]
            for c in request["InputDataConfig"]])
        self.assertEqual(4, request["ResourceConfig"]["InstanceCount"])
        self.assertEqual({"Subnets": ["subnet-0a", "subnet-1b"], "SecurityGroupIds": ["sg-2c"]},
                         request["VpcConfig"])
        self.state["jobs"] = {}
        self.train()
        self.assertEqual(1, self.request()["ResourceConfig"]["InstanceCount"])
        self.assertNotIn("VpcConfig", self.request())
        self.assertNotIn("Sharded", json.dumps(self.request()))

    def test_in_the_network_of_the_stack(self):
        self.state["stack"]["parameters"]["TrainingNetwork"] = "on"
        self.train()
        self.assertEqual({"Subnets": ["subnet-0a", "subnet-1b"], "SecurityGroupIds": ["sg-2c"]},
                         self.request()["VpcConfig"])
        self.state["jobs"] = {}
        self.train("--subnets", "subnet-2c", "--security-groups", "sg-3d")
        self.assertEqual({"Subnets": ["subnet-2c"], "SecurityGroupIds": ["sg-3d"]}, self.request()["VpcConfig"])

    def test_a_given_fraction_is_used(self):
        self.train("--hyperparameter", "validation_fraction=0.3")
        self.assertEqual({"validation_fraction": "0.3"}, self.request()["HyperParameters"])

    def test_a_missing_quota_is_reported(self):
        self.assertIn("there is nothing at s3://", self.train("--data", f"s3://{BUCKET}/data/none/", status=1).stderr)
        self.faults = [{"words": "create-training-job", "err": "\nResourceLimitExceeded: 0 instances\n"}]
        stderr = self.train(status=1).stderr
        self.assertIn("ResourceLimitExceeded", stderr)
        self.assertIn("quota", stderr)
        self.faults = []
        self.state["stack"] = None
        self.assertIn("there is no stack", self.train(status=1).stderr)

    def serving(self, promote, reason="lists are \"worse\" than the model in service"):
        """The stack serves a model, and the gate of the next job decides this."""
        self.state["stack"]["parameters"]["ModelUrl"] = CURRENT
        self.state["promote"] = promote
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w:gz") as tar:
            for name, text in (("metrics.json", "{}"),
                               ("gate.json", json.dumps({"promote": promote == 1, "reason": reason}, indent=2))):
                info = tarfile.TarInfo(name)
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text.encode()))
        self.state["tar"] = raw.getvalue().hex()

    def test_a_model_that_the_gate_promotes_is_registered_with_its_figures(self):
        self.serving(1.0)
        done = self.train("--gate")
        request = self.request()
        name = request["TrainingJobName"]
        self.assertEqual(["train", "current"], [c["ChannelName"] for c in request["InputDataConfig"]])
        self.assertEqual((CURRENT, "application/x-sagemaker-model"), (
            request["InputDataConfig"][1]["DataSource"]["S3DataSource"]["S3Uri"], request["InputDataConfig"][1]["ContentType"]))
        self.assertEqual({"validation_fraction": "0.1", "validation_split": "time"}, request["HyperParameters"])
        self.assertEqual(f"s3://{BUCKET}/models/{name}/output/model.tar.gz\n", done.stdout)
        self.assertIn(f"models/{name}/gate.json", self.state["buckets"][BUCKET])
        (package,) = self.state["packages"]
        self.assertEqual("Approved", package["ModelApprovalStatus"])
        self.assertEqual('lists are "worse" than the model in service', package["ApprovalDescription"])
        self.assertEqual({"ContentType": "application/json", "S3Uri": f"s3://{BUCKET}/models/{name}/gate.json"},
                         package["ModelMetrics"]["ModelQuality"]["Statistics"])

    def test_a_model_that_the_gate_refuses_waits_for_a_person(self):
        self.serving(0.0)
        for changes in (["job", 1, "package"], [1]):  # the second time the job is known
            done = self.train("--gate", status=1)
            self.assertEqual(len(changes), len(self.changes()), self.changes())
            self.assertIn('the gate: lists are \\"worse\\" than', done.stderr)
            self.assertIn("the gate refuses this model", done.stderr.splitlines()[-1])
            self.assertIn(f"script/deploy --stack {STACK} --model s3://{BUCKET}/models/", done.stderr.splitlines()[-1])
        (package,) = self.state["packages"]
        self.assertEqual("PendingManualApproval", package["ModelApprovalStatus"])

    def test_another_model_in_service_is_another_comparison(self):
        self.serving(1.0)
        first = self.train("--gate").stdout
        self.state["stack"]["parameters"]["ModelUrl"] = CURRENT.replace("old", "older")
        self.assertNotEqual(first, self.train("--gate").stdout)

    def test_a_stack_without_a_model_has_nothing_to_compare_with(self):
        done = self.train("--gate")
        self.assertIn("serves no model yet", done.stderr)
        self.assertEqual(["train"], [c["ChannelName"] for c in self.request()["InputDataConfig"]])
        self.assertEqual(["job", "package"], self.changes())

    def test_a_job_without_gate_json_is_told(self):
        self.serving(1.0)
        self.state["tar"] = model_tar()
        self.assertIn("has left no gate.json", self.refused("train-job", "--stack", STACK, "--image", IMAGE, "--gate"))
        self.assertEqual([], self.state["packages"])

    def test_bad_arguments_are_refused_before_any_call(self):
        for words, sentence in (
                (("--max-seconds", "0"), "--max-seconds"), (("--hyperparameter", "a"), "--hyperparameter is"),
                (("--hyperparameter", 'a="'), "--hyperparameter is"), (("--data", "ratings.csv"), "no place in S3"),
                (("--hyperparameter", "a=1", "--hyperparameter", "a=2"), "a is given twice"),
                (("--instance-type", "m5"), "--instance-type is"), (("--instances", "0"), "--instances is"),
                (("--subnets", "10.0.0.0/8"), "--subnets is"), (("--security-groups", "x"), "--security-groups is"),
                (("--subnets", "subnet-0a"), "are given together"), (("--fast",), "no option"), (("--data",), "needs a value")):
            self.assertIn(sentence, self.refused("train-job", "--stack", STACK, "--image", IMAGE, *words))
            self.assertEqual([], self.calls())
        self.assertIn("--image is needed", self.refused("train-job", "--stack", STACK))
        self.assertIn("--stack is needed", self.refused("train-job"))

    def test_a_dry_run_starts_nothing(self):
        done = self.train("--dry-run")
        self.assertEqual([], self.calls())
        self.assertIn("+ aws sagemaker create-training-job", done.stderr)
        json.loads(re.search(r"^\{.*?^\}", done.stderr, re.M | re.S)[0])


if __name__ == "__main__":
    unittest.main()
