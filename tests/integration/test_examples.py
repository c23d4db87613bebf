"""examples/: clients against the real serve and local-cloud, `train --export` against what serve
responds, and what needs an account is compiled."""

import json
import os
import re
import shutil
import struct
import subprocess
import unittest

from local_cloud import PATIENCE, cloud_beside
from models import trained
from programs import BIN, SOURCE, TRAIN
from ranking_case import RankingCase
from samples import planted
from sanitizers import SANITIZER_ENVIRONMENT
from serve_case import ServeCase

EXAMPLES = SOURCE / "examples"
# Debian's packages are for Debian's Python.
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else shutil.which("python3")


def has_module(name):
    return subprocess.run([PYTHON, "-c", f"import {name}"], capture_output=True, check=False).returncode == 0


def npy(path):
    """(type, shape, numbers) of a .npy file, by its definition."""
    raw = path.read_bytes()
    assert raw[:8] == b"\x93NUMPY\x01\x00"
    length = struct.unpack("<H", raw[8:10])[0]
    assert (10 + length) % 64 == 0
    head = raw[10:10 + length].decode("ascii")
    kind, shape = re.fullmatch(
        r"\{'descr': '([^']+)', 'fortran_order': False, 'shape': \(([\d, ]+)\), \} *\n", head).groups()
    shape = tuple(int(n) for n in shape.split(",") if n.strip())
    numbers = [n[0] for n in struct.iter_unpack("<" + {"<f4": "f", "<i4": "i", "<i8": "q"}[kind], raw[10 + length:])]
    return kind, shape, numbers


def rows(path):
    _, (n, width), numbers = npy(path)
    return [numbers[i * width:(i + 1) * width] for i in range(n)]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


class Export(ServeCase):
    def exported(self, model):
        folder = self.folder / "exported"
        run = subprocess.run([TRAIN, "--export", model, folder], capture_output=True, text=True, check=False,
                             timeout=300, env={**os.environ, **SANITIZER_ENVIRONMENT})
        self.assertEqual((0, "", ""), (run.returncode, run.stdout, run.stderr))
        return folder

    def ids(self, folder, name):
        lines = (folder / name).read_text().splitlines()
        return [line.split(",")[0] for line in lines[1:]]

    def test_its_arrays_give_the_served_scores_and_ratings(self):
        model = trained()
        folder = self.exported(model.model_bin)
        facts = json.loads((folder / "model.json").read_text())
        users, items = self.ids(folder, "users.csv"), self.ids(folder, "items.csv")
        self.assertEqual((model.users, model.items), (sorted(users), sorted(items)))
        vectors, profiles = rows(folder / "item_vectors.npy"), rows(folder / "user_vectors.npy")
        p, q = rows(folder / "user_factors.npy"), rows(folder / "item_factors.npy")
        bias_u, bias_i = npy(folder / "user_bias.npy")[2], npy(folder / "item_bias.npy")[2]
        start, rated = npy(folder / "rated_start.npy")[2], npy(folder / "rated_items.npy")[2]
        self.assertEqual((len(users), len(items), 8), (len(p), len(q), len(p[0])))
        for user in (0, len(users) // 2, len(users) - 1):
            out = set(rated[start[user]:start[user + 1]])
            self.assertEqual(model.rated[users[user]], {items[i] for i in out})
            scores = {i: dot(profiles[user], vectors[i]) for i in range(len(items)) if i not in out}
            best = sorted(scores, key=lambda i: -scores[i])[:5]
            served = self.server.post({"userId": users[user], "top_n": 5}).json()["recommendations"]
            self.assertEqual([items[i] for i in best], [entry["movieId"] for entry in served])
            for i, entry in zip(best, served, strict=True):
                rating = facts["global_mean"] + bias_u[user] + bias_i[i] + dot(p[user], q[i])
                rating = min(max(rating, facts["rating_min"]), facts["rating_max"])
                self.assertAlmostEqual(scores[i], entry["score"], delta=1e-5)
                self.assertAlmostEqual(rating, entry["predicted_rating"], delta=1e-5)

    def test_csv_has_the_bits_of_npy(self):
        folder = self.exported(trained().model_bin)
        for name, ids in (("user_factors", "users.csv"), ("item_factors", "items.csv"),
                          ("user_vectors", "users.csv"), ("item_vectors", "items.csv")):
            lines = (folder / f"{name}.csv").read_text().splitlines()
            self.assertEqual("id,vector", lines[0])
            for line, expected, row in zip(lines[1:], self.ids(folder, ids), rows(folder / f"{name}.npy"), strict=True):
                found, vector = re.fullmatch(r'([^,]+),"(\[[^"]*\])"', line).groups()
                self.assertEqual(expected, found)
                self.assertEqual(row, [struct.unpack("f", struct.pack("f", x))[0] for x in json.loads(vector)])

    def test_the_example_agrees_with_serve(self):
        if not has_module("numpy"):
            self.not_here("there is no numpy; script/bootstrap installs Debian's python3-numpy")
        folder = self.exported(trained().model_bin)
        run = subprocess.run([PYTHON, EXAMPLES / "export.py", folder, "--user", trained().users[3], "--endpoint",
                              f"http://127.0.0.1:{self.server.port}"], capture_output=True, text=True, check=False,
                             timeout=300)
        self.assertEqual((0, ""), (run.returncode, run.stderr))
        self.assertEqual(6, len(run.stdout.splitlines()))
        self.assertEqual("serve has the same list, scores and ratings", run.stdout.splitlines()[-1])


class ExportedFiles(RankingCase):
    def export(self, *words):
        return self.start(None, "--export", *words).wait()

    def test_titles_and_ids_are_fields_of_csv(self):
        data = planted(40, 30, 600)
        items = sorted({row[1] for row in data})
        job = self.job().channel("train", {
            "ratings.csv": "".join(f'"u,{u}",{i},{r},{t}\n' for u, i, r, t in [("ser", "item", "rating", "timestamp")] + data)
            .replace('"u,ser"', "user"),
            "items.csv": "item,title\n" + "".join(f'{item},"A ""b"", {item}"\n' for item in items)})
        self.train(job)
        folder = self.folder / "out" / "deep"
        self.assertEqual(0, self.export(job.model_bin, folder).status)
        self.assertRegex((folder / "items.csv").read_text(), r'\Aid,n_ratings,bias,title\n\d+,\d+,-?[\d.e-]+,"A ""b"", \d+"\n')
        self.assertRegex((folder / "users.csv").read_text(), r'\Aid,n_ratings,bias\n"u,\d+",\d+,-?[\d.e-]+\n')

    def test_of_one_model_alone_its_own_files_are_written(self):
        data = planted(40, 30, 600)
        both = {"users.csv", "items.csv", "model.json", "rated_start.npy", "rated_items.npy"}
        rating = {f"{a}_factors.{b}" for a in ("user", "item") for b in ("npy", "csv")} | {"user_bias.npy", "item_bias.npy"}
        ranking = {f"{a}_vectors.{b}" for a in ("user", "item") for b in ("npy", "csv")} | {"mean_profile.npy"}
        for settings, expected in (({"ranking": "false"}, rating), ({"feedback": "implicit"}, ranking), ({}, rating | ranking)):
            job = self.job_on(data, **settings)
            self.train(job)
            folder = self.folder / f"out{len(expected)}"
            self.assertEqual(0, self.export(job.model_bin, folder).status)
            self.assertEqual(both | expected, set(os.listdir(folder)))

    def test_what_cannot_be_exported_has_a_reason(self):
        job = self.job_on(planted(40, 30, 600))
        self.train(job)
        file = self.folder / "file"
        file.write_text("no model")
        for words, status, reason in (((file, self.folder / "out"), 1, "file: not a model"),
                                      ((job.model_bin, file), 1, "file"),
                                      ((job.model_bin,), 2, "a value is missing after --export")):
            result = self.export(*words)
            self.assertEqual((status, ""), (result.status, result.stdout), result)
            self.assertRegex(result.stderr, rf"\Atrain: [^\n]*{reason}")
        result = self.start(None, "--export", job.model_bin, self.folder / "out", "--json").wait()
        self.assertEqual(2, result.status)
        self.assertIn("--export FILE FOLDER stands alone", result.stderr)


class Clients(ServeCase):
    def cloud(self, **more):
        return cloud_beside(self, endpoints={"recommender": f"http://127.0.0.1:{self.server.port}"}, **more)

    def test_boto3_invokes_the_endpoint(self):
        if not has_module("boto3"):
            self.not_here("there is no boto3; script/bootstrap installs Debian's python3-boto3")
        user = trained().users[5]
        run = subprocess.run(
            [PYTHON, EXAMPLES / "boto3_client.py", "--endpoint-name", "recommender", "--user", user,
             "--endpoint-url", self.cloud().url], capture_output=True, text=True, check=False, timeout=300,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "AWS_ACCESS_KEY_ID": "x",
                 "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"})
        self.assertEqual((0, ""), (run.returncode, run.stderr))
        printed = dict(line.split(": ", 1) for line in run.stdout.splitlines())
        served = self.server.post({"userId": user, "top_n": 3}).json()["recommendations"]
        self.assertEqual(served, json.loads(printed["list"]))
        self.assertEqual(served[0]["predicted_rating"], float(printed["one rating"]))
        self.assertEqual([entry["predicted_rating"] for entry in served], json.loads(printed["ratings"]))
        self.assertEqual(3, len(json.loads(printed["a visitor"])))
        self.assertEqual("[3, 3]", printed["two users"])

    def test_javascript_sends_requests_to_the_function(self):
        node = shutil.which("node")
        if node is None:
            self.not_here("there is no Node.js")
        cloud = self.cloud(
            functions={"predict": {"program": str(BIN / "predict"), "timeout": PATIENCE, "init-timeout": PATIENCE,
                                   "environment": {**SANITIZER_ENVIRONMENT, "MODEL_URI": str(trained().model_bin)}}},
            routes={"POST /predict": "predict"})
        user = trained().users[5]
        run = subprocess.run([node, EXAMPLES / "lambda_client.js", f"{cloud.url}/predict", user], capture_output=True,
                             text=True, check=False, timeout=300)
        self.assertEqual((0, ""), (run.returncode, run.stderr))
        served = self.server.post({"userId": user, "top_n": 3}).json()["recommendations"]
        self.assertEqual([entry["movieId"] for entry in served],
                         [line.split("\t")[0] for line in run.stdout.splitlines()[:3]])
        self.assertRegex(run.stdout.splitlines()[3], r"\Arating: [\d.]+\Z")
        self.assertRegex(run.stdout.splitlines()[4], r"\Asimilar: \d+ \d+ \d+\Z")


class Compiled(unittest.TestCase):
    """What needs an account."""

    def test_every_example_compiles(self):
        names = sorted(path.name for path in EXAMPLES.iterdir() if path.name != "__pycache__")
        listed = re.findall(r"`([\w.]+\.(?:py|js|ipynb))`", (EXAMPLES / "README.md").read_text().split("\n\n")[1])
        self.assertEqual(["README.md", *sorted(listed)], names)
        for path in EXAMPLES.glob("*.py"):
            compile(path.read_text(encoding="utf-8"), str(path), "exec")
        notebook = json.loads((EXAMPLES / "sagemaker_sdk.ipynb").read_text(encoding="utf-8"))
        self.assertEqual(4, notebook["nbformat"])
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        self.assertGreater(len(cells), 5)
        for cell in cells:
            self.assertEqual([], cell["outputs"])
            lines = ["pass" if line.startswith(("%", "!")) else line for line in "".join(cell["source"]).splitlines()]
            compile("\n".join(lines), cell["id"], "exec")

    def test_hyperparameters_and_metrics_of_the_sdk_examples_exist(self):
        """They are names of train --help and of deploy/metrics.json."""
        help_text = subprocess.run([TRAIN, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
        metrics = {metric["Name"] for metric in json.loads((SOURCE / "deploy/metrics.json").read_text())}
        for name in ("sagemaker_sdk.py", "sagemaker_sdk.ipynb"):
            text = (EXAMPLES / name).read_text(encoding="utf-8").replace('\\"', '"')
            found = re.findall(r'"(n_factors|validation_\w+|ranking_\w+|recency)"', text)
            self.assertGreater(len(found), 3)
            for hyperparameter in found:
                self.assertRegex(help_text, rf"\n  {hyperparameter} ")
            self.assertIn(re.search(r'objective_metric_name="([^"]+)"', text)[1], metrics)


if __name__ == "__main__":
    unittest.main()
