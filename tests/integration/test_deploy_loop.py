"""The loop of deploy/template.yaml on one machine: events on the stream of the template reach Redis and, through
archiver.py, the bucket; the template's state machine (state_machine.py) trains with the real `train` on what lies in
the bucket, the gate compares the models, and a promoted one takes the place of the one in service."""

import base64
import io
import json
import re
import tarfile
import unittest

from archiver import Archiver, Bucket
from feedback_case import key_of, rated, read_value
from job import Job
from rehearsal_case import BUCKET, RehearsalCase
from samples import csv, planted
from state_machine import StateMachine
from template import Template

ROWS = sorted(planted(n_ratings=6000), key=lambda row: int(row[3]))
OLD, NEW = ROWS[:5000], ROWS[5000:]
SMALL = "n_factors=8 n_epochs=6"
SWITCHES = dict(Endpoint="instances", Streams="on", Cache="on", Archive="on", Retrain="nightly")
FIRST_LIST = 10


def packed(folder):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    return raw.getvalue()


def unpacked(body, name):
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        return tar.extractfile(name).read()


class Loop(RehearsalCase):
    """An account with a stack of these switches, whose model was trained on OLD as the state machine trains."""

    def first_model(self):
        job = self.job_on(OLD, validation_fraction=0.1, validation_split="time",
                          **dict(pair.split("=") for pair in SMALL.split()))
        self.train(job)
        return job.model_bin

    def key_of_uri(self, uri):
        prefix = f"s3://{BUCKET}/"
        self.assertTrue(uri.startswith(prefix), uri)
        return uri.removeprefix(prefix)

    def endpoint(self, stack):
        """A server with the model that the stack gives its endpoint."""
        uri = stack.value(stack.resources["Model"]["Properties"])["PrimaryContainer"]["ModelDataUrl"]
        return self.serve(model=unpacked(Bucket(self.s3, BUCKET).get(self.key_of_uri(uri)), "model.bin"))

    # -- what the state machine calls

    def describe_stacks(self, request):
        self.assertEqual({"StackName": "my-rec"}, request)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return {"Stacks": [{"StackStatus": status, "Parameters": [
            {"ParameterKey": k, "ParameterValue": str(v)} for k, v in self.parameters.items()]}]}

    def create_training_job(self, request):
        """As SageMaker runs it: channels from the bucket, `train`, its output back into the bucket."""
        name = request["TrainingJobName"]
        job = self.last_job = Job(self.folder / name, request["HyperParameters"])
        for channel in request["InputDataConfig"]:
            source = channel["DataSource"]["S3DataSource"]
            self.assertEqual("S3Prefix", source["S3DataType"])
            prefix = self.key_of_uri(source["S3Uri"])
            folder = prefix.rpartition("/")[0] + "/"  # a whole key is its own prefix
            files = {key.removeprefix(folder): body for key, body in self.bucket.objects(prefix).items()}
            self.assertTrue(files, prefix)
            job.channel(channel["ChannelName"], files, request["AlgorithmSpecification"]["TrainingInputMode"], {
                "TrainingInputMode": request["AlgorithmSpecification"]["TrainingInputMode"],
                "ContentType": channel["ContentType"],
                "S3DistributionType": source["S3DataDistributionType"], "RecordWrapperType": "None"})
        result = self.train(job)
        output = f"{self.key_of_uri(request['OutputDataConfig']['S3OutputPath'])}{name}/output/"
        self.bucket.put(f"{output}model.tar.gz", packed(job.model))
        self.bucket.put(f"{output}output.tar.gz", packed(job.output / "data"))
        found = {m["Name"]: re.findall(m["Regex"], result.stdout + result.stderr)
                 for m in request["AlgorithmSpecification"]["MetricDefinitions"]}
        return {"TrainingJobName": name, "TrainingJobStatus": "Completed",
                "ModelArtifacts": {"S3ModelArtifacts": f"s3://{BUCKET}/{output}model.tar.gz"},
                "FinalMetricDataList": [{"MetricName": k, "Value": float(v[-1])} for k, v in found.items() if v]}

    def create_model_package(self, request):
        (container,) = request["InferenceSpecification"]["Containers"]
        metrics = self.bucket.get(self.key_of_uri(request["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]))
        self.packages.append({"status": request["ModelApprovalStatus"], "gate": json.loads(unpacked(metrics, "gate.json")),
                              "model": self.bucket.get(self.key_of_uri(container["ModelDataUrl"])),
                              "metrics": json.loads(unpacked(metrics, "metrics.json"))})
        return {"ModelPackageArn": "arn"}

    def update_stack(self, request):
        """What CloudFormation does with another ModelUrl: the endpoint gets another model, or the functions
        another MODEL_URI."""
        self.assertIs(True, request["UsePreviousTemplate"])
        self.parameters = {p["ParameterKey"]: p["ParameterValue"] for p in request["Parameters"]}
        given = {k: v for k, v in self.parameters.items() if Template().parameters[k]["Type"] != "Number"}
        stack = Template().stack(names=self.names, WindowSeconds=1, **given)
        alone = Template().stack(names=self.names, **{**given, "Endpoint": "none"})
        for function in ("PredictFunction", "RecommendFunction"):
            self.assertEqual(self.parameters["ModelUrl"], alone.environment(function)["MODEL_URI"])
        self.deploy(stack, self.where)
        self.statuses = ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
        return {}

    def night(self, **parameters):
        """One run of the state machine: the name of its last state."""
        self.parameters.update(parameters)
        stack = Template().stack(names=self.names, **self.parameters)
        definition = stack.value(stack.resources["RetrainMachine"]["Properties"])["Definition"]
        self.statuses = ["UPDATE_COMPLETE"]
        end, _ = StateMachine(definition).run({
            "arn:aws:states:::aws-sdk:cloudformation:describeStacks": self.describe_stacks,
            "arn:aws:states:::sagemaker:createTrainingJob.sync": self.create_training_job,
            "arn:aws:states:::aws-sdk:sagemaker:createModelPackage": self.create_model_package,
            "arn:aws:states:::aws-sdk:cloudformation:updateStack": self.update_stack})
        return end

    # -- the account

    def put_events(self):
        """NEW and a user whom no model knows, on the stream; they reach Redis and the bucket."""
        template = Template().stack(names=self.names, **SWITCHES)
        archiver = Archiver(self.kinesis, self.names["EventsStream"], self.bucket,
                            template.value(template.resources["Archiver"]["Properties"]))
        archiver.start()
        self.addCleanup(archiver.over.set)
        own = [("somebody", item, rating, time) for _, item, rating, time in NEW[:20]]
        events = NEW + list({row[1]: row for row in own}.values())
        self.kinesis.put_many(self.names["EventsStream"], [
            (user, json.dumps(rated(user, item, float(rating), int(time)))) for user, item, rating, time in events])
        newest = {row[0]: (row[1], 1000 * int(row[3])) for row in events}

        def in_redis():
            values = self.redis.command("MGET", *map(key_of, newest))
            return {user: read_value(value)[1][0][:2] for user, value in zip(newest, values) if value is not None}
        self.eventually(lambda: in_redis() == newest, "the newest event of each user in Redis")
        archiver.close()
        return events

    def rating(self, user, item):
        response = self.cloud.post("/predict", {"userId": user, "movieId": item})
        self.assertEqual(200, response.status, response)
        return response.json["predicted_rating"]

    def assertServes(self, job):
        """API and stream respond with this job's model."""
        for user, item in (ROWS[0][:2], NEW[7][:2]):
            expected, _ = self.predict(job, user, item)
            self.assertAlmostEqual(expected, self.rating(user, item), delta=0.051)
        version = self.serve(model=job.bytes()).get("/health").json()["model"]["version"]
        self.assertEqual(version, self.recommended("1")["model_version"])

    def recommended(self, user):
        """The result on the stream of the function `recommend`."""
        self.n_requests += 1
        request_id = f"r-{self.n_requests}"
        self.kinesis.put(self.names["RequestsStream"], user, json.dumps({"user_id": user, "request_id": request_id}))
        results = lambda: {result["request_id"]: result for record in self.kinesis.read(self.names["PredictionsStream"])
                           for result in [json.loads(base64.b64decode(record["Data"]))]}
        return self.eventually(lambda: results().get(request_id), "a list on the stream")

    def test_events_train_the_next_model_which_replaces_the_one_in_service_unless_it_is_worse(self):
        self.rehearse(Hyperparameters=SMALL, **SWITCHES)
        self.bucket, self.packages, self.n_requests = Bucket(self.s3, BUCKET), [], 0
        self.bucket.put("data/ratings.csv", csv(OLD).encode())
        self.parameters = {k: str(v) for k, v in Template().stack(
            Hyperparameters=SMALL, ModelUrl=f"s3://{BUCKET}/models/job/output/model.tar.gz", **SWITCHES).parameters.items()}
        somebody = {"userId": "somebody", "top_n": FIRST_LIST}
        self.assertIs(False, self.cloud.post("/predict", somebody).json["known_user"])
        popular = self.recommended("somebody")["recommendations"]
        events = self.put_events()
        own = {int(item) for user, item, _, _ in events if user == "somebody"}
        self.assertTrue(own & set(popular))
        self.assertFalse(own & set(self.recommended("somebody")["recommendations"]), "the next list knows the events")

        # A model of all of it, not worse: it serves.
        self.assertEqual("Replaced", self.night())
        promoted = self.last_job
        data = promoted.metrics()["data"]
        self.assertEqual(len(OLD) + len(events), data["n_ratings"] + data["n_validation_ratings"])
        (package,) = self.packages
        self.assertEqual(("Approved", True), (package["status"], package["gate"]["promote"]))
        self.assertEqual(promoted.bytes(), unpacked(package["model"], "model.bin"))
        self.assertIn("not significantly worse", package["gate"]["reason"])
        self.assertGreaterEqual(package["gate"]["ndcg_at_10"]["users"], 20)
        self.assertServes(promoted)
        self.assertNotIn("known_user", self.cloud.post("/predict", somebody).json)

        # The next night's training is spoiled: refused, a person may look at it, and the model in service stays.
        before = dict(self.parameters)
        self.assertEqual("Kept", self.night(Hyperparameters="n_factors=8 n_epochs=1 learning_rate=0.0001 ranking=false"))
        self.assertEqual({**before, "Hyperparameters": self.parameters["Hyperparameters"]}, self.parameters)
        package = self.packages[-1]
        self.assertEqual(("PendingManualApproval", False), (package["status"], package["gate"]["promote"]))
        self.assertIn("no ranking model", package["gate"]["reason"])
        self.assertServes(promoted)


if __name__ == "__main__":
    unittest.main()
