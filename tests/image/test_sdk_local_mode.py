"""Checklist 126, §2.17: the image as the local mode of SageMaker's SDK runs it, which is a
composition of Docker services: each with a terminal for its output and its input left open,
the hosts with names on a network of their own, folders mounted one by one."""

import json
import os
import re
import unittest

import container
from container import docker
from http_words import CSV, JSON_LINES
from image_case import IMAGE, ROWS, ImageCase, mount
from job import Job
from process import Run
from samples import csv
from server import Server

# Control characters in a terminal's output, except line ends.
CONTROL = "[\x00-\x09\x0b-\x1f\x7f]"


class LocalMode(ImageCase):
    def setUp(self):
        super().setUp()
        self.network = f"mf-local-{os.getpid()}-{self.id().rpartition('.')[2]}"[:60]
        docker("network", "create", self.network)

    def tearDown(self):
        try:
            super().tearDown()
        finally:
            docker("network", "rm", self.network)

    def service(self, command, host, volumes, environment, *options):
        """A service of the composition, started and attached to. stdin_open and tty are
        there, as in each of them; stdout and stderr are one stream, stdout."""
        inside = container.Container()
        words = ["create", "--name", inside.name, "--interactive", "--tty", "--network", self.network,
                 "--network-alias", host, *options]
        for name, value in environment.items():
            words += ["--env", f"{name}={value}"]
        for here, there in volumes:
            words += mount(here, there)
        docker(*words, IMAGE, command)
        run = Run(["docker", "start", "--attach", inside.name], env=dict(os.environ), inside=inside)
        run.name = inside.name
        self._runs.append(run)
        return run

    def hosts(self, count):
        """[(name, Job)] that share channel and model folder, as there."""
        names = [f"algo-{n + 1}-{suffix}" for n, suffix in zip(range(count), ("x7k2p", "q0c4d"))]
        shared = self.folder / "model"
        shared.mkdir()
        data = self.folder / "channel"
        data.mkdir()
        (data / "ratings.csv").write_text(csv(ROWS))
        made = []
        for name in names:
            job = Job(self.folder / name, {"n_factors": "8", "n_epochs": "4", "seed": "7"})
            job.channel("training", None, properties={"TrainingInputMode": "File"})
            job.resource = {"current_host": name, "hosts": names, "network_interface_name": "eth0",
                            "current_instance_type": "local"}
            job.write_config()
            made.append((name, job))
        return made, shared, data

    def fit(self, count=1):
        """The services' Results, the shared model folder."""
        made, shared, data = self.hosts(count)
        shared_by_all = self.folder / "shared"
        shared_by_all.mkdir()
        runs = [self.service("train", name, [
            (job.prefix / "input", "/opt/ml/input"), (job.prefix / "output", "/opt/ml/output"),
            (job.prefix / "output" / "data", "/opt/ml/output/data"), (shared, "/opt/ml/model"),
            (data, "/opt/ml/input/data/training"), (shared_by_all, "/opt/ml/shared")], {
                "AWS_REGION": "eu-west-1", "TRAINING_JOB_NAME": "movies-2026-01-01",
                "S3_ENDPOINT_URL": "None", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
            }) for name, job in made]
        # As --abort-on-container-exit: what is there when the first service has ended is all.
        ended = runs[-1].wait()
        self.assertEqual(["model.bin"] if ended.status == 0 else [], [p.name for p in shared.iterdir()],
                         "a host ended before the model was written")
        return [run.wait() for run in runs], shared, [job for _, job in made]

    def deploy(self, model, **environment):
        """A server as the local endpoint: folder writable, port 8080 published."""
        port = self.free_port()
        run = self.service("serve", "algo-1-x7k2p", [(model, "/opt/ml/model")], {
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "20", "SAGEMAKER_REGION": "eu-west-1",
            "SAGEMAKER_PROGRAM": "", "SAGEMAKER_SUBMIT_DIRECTORY": "", **environment},
            "--publish", f"127.0.0.1:{port}:8080")
        server = Server(run, model.parent, port, "127.0.0.1")
        server.run.wait_until(lambda: server.try_ping() == 200, "a /ping of 200", 120)
        return server

    def finish(self, server):
        """As the composition is taken down: SIGTERM, then the container is removed."""
        result = self.stopped_by_the_engine(server.run, 30)
        self.assertEqual(0, result.status, result)
        return result.stdout

    def test_fit_deploy_and_predict(self):
        """Checklist 126: train in a terminal, serve the same folder, send a request."""
        (result,), model, (job,) = self.fit()
        self.assertEqual(0, result.status, result)
        self.assertEqual(["model.bin"], [path.name for path in model.iterdir()])
        self.assertFalse(job.failure.exists())
        output = result.stdout.replace("\r\n", "\n")
        self.assertNotRegex(output, CONTROL, "a bar or a colour")
        self.assertEqual(4, len(re.findall(r"(?m)^epoch=\d+ train_rmse=[0-9.]+ ", output)))
        self.assertNotIn("AWS_SECRET", output)

        server = self.deploy(model)
        row = ROWS[0]
        response = server.post({"instances": [{"userId": row[0], "movieId": row[1]}]})
        self.assertEqual(1, len(response.json()["predictions"]))
        self.assertEqual(200, server.post(f"{row[0]},{row[1]}\n", CSV).status)
        self.assertEqual(["model.bin"], [path.name for path in model.iterdir()], "wrote something")
        output = self.finish(server).replace("\r\n", "\n")
        self.assertNotRegex(output, CONTROL, "a colour")
        self.assertIn("info model ", output)

    def test_fit_on_two_hosts(self):
        """Checklist 126, 68, 70: they share one model folder; both services end with 0."""
        results, model, jobs = self.fit(2)
        self.assertEqual([0, 0], [result.status for result in results], results)
        self.assertEqual(["model.bin"], [path.name for path in model.iterdir()])
        self.assertEqual([], [job.failure for job in jobs if job.failure.exists()])

    def test_a_failure_is_a_status(self):
        """Checklist 126: local mode checks nothing else."""
        ((name, job),), model, data = self.hosts(1)
        (data / "ratings.csv").write_text("userId,movieId,rating\n1,2,bad\n")
        result = self.service("train", name, [
            (job.prefix / "input", "/opt/ml/input"), (job.prefix / "output", "/opt/ml/output"),
            (model, "/opt/ml/model"), (data, "/opt/ml/input/data/training")], {}).wait()
        self.assertEqual(1, result.status)
        self.assertIn("ratings.csv:2:5", result.stdout)

    def test_transform_with_a_strategy(self):
        """Checklist 126, 121, 123: True with a capital letter, one at a time always, files cut
        at lines, a newline appended to each response."""
        (result,), model, _ = self.fit()
        self.assertEqual(0, result.status, result)
        server = self.deploy(model, SAGEMAKER_BATCH="True", SAGEMAKER_MAX_CONCURRENT_TRANSFORMS="1",
                             SAGEMAKER_BATCH_STRATEGY="SINGLE_RECORD", SAGEMAKER_MAX_PAYLOAD_IN_MB="6")
        self.assertEqual({"MaxConcurrentTransforms": 1, "MaxPayloadInMB": 6,
                          "BatchStrategy": "SINGLE_RECORD"}, server.get("/execution-parameters").json())
        for content_type, records in (
                (CSV, [f"{row[0]},{row[1]}\n" for row in ROWS[:20]]),
                (JSON_LINES, [json.dumps({"userId": r[0], "movieId": r[1]}) + "\n" for r in ROWS[:20]])):
            one_by_one = [server.post(record, content_type) for record in records]
            self.assertEqual([200] * 20, [response.status for response in one_by_one])
            # assemble_with="Line": no blank line, whether the release strips responses or not.
            joined = "".join(response.text + "\n" for response in one_by_one)
            at_once = server.post("".join(records), content_type)
            self.assertEqual(at_once.text + "\n", joined)
            self.assertEqual(20, joined.count("\n"))
        self.finish(server)


if __name__ == "__main__":
    unittest.main()
