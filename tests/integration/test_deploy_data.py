"""The step data of script/deploy: objects in the user's bucket are never replaced without
--replace-data; and the data that script/train-job trains on. The account is a file
(account_standin.py); for the last class S3 is s3rver, and the aws CLI is Debian's own."""

import json
import os
import unittest
import urllib.error
import urllib.request

from deploy_case import BUCKET, PYTHON, STACK, DeployCase
from node_sdk import end_peer, start_peer, why_not
from template import Template

RATINGS = "userId,movieId,rating\na,x,5\na,y,1\nb,x,4\nb,y,2\n"
OTHER = "userId,movieId,rating\na,x,1\n"
TITLES = "movieId,title,genres\nx,The X,Drama\ny,The Y,Comedy\n"
IMAGE = "1.dkr.ecr.eu-central-1.amazonaws.com/x@sha256:" + "0" * 64


class DataCase(DeployCase):
    def setUp(self):
        super().setUp()
        self.mine = self.folder / "mine"
        self.mine.mkdir()
        self.write("ratings.csv", RATINGS)
        self.write("other.csv", OTHER)
        self.write("titles.csv", TITLES)

    def write(self, name, text):
        path = self.mine / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    def path(self, name):
        return str(self.mine / name)

    def in_bucket(self, bucket=BUCKET):
        """{key: ETag} below data/"""
        return {k: v for k, v in self.state["buckets"][bucket].items() if k.startswith("data/")}

    def tag(self, text):
        import hashlib
        return hashlib.md5(text.encode()).hexdigest()

    def base(self):
        self.deploy("--only", "base")

    def data(self, *words, **how):
        return self.deploy("--only", "data", *words, **how)

    def channel(self):
        (call,) = self.calls("create-training-job")
        (channel,) = call["kept"]["--cli-input-json"]["InputDataConfig"]
        return channel["DataSource"]["S3DataSource"]["S3Uri"]


class Kept(DataCase):
    """Existing objects stay, byte for byte."""

    def the_users(self):
        """A bucket with ratings that the user has uploaded."""
        self.base()
        self.state["buckets"][BUCKET]["data/ratings.csv"] = self.tag(RATINGS)

    def test_in_every_combination_of_steps_and_runs(self):
        self.the_users()
        model = f"s3://{BUCKET}/models/m/model.tar.gz"
        self.state["buckets"][BUCKET]["models/m/model.tar.gz"] = "etag"
        runs = [(), ("--smallest",), ("--only", "data"), ("--only", "base"), ("--model", model), ("--set", "Streams=on"),
                ("--only", "data", "--model", model), ("--hyperparameter", "n_factors=8"), ("--only", "train"),
                ("--items", self.path("titles.csv"))]
        for words in (*runs, *reversed(runs)):
            done = self.run_script("deploy", "--stack", STACK, *words)
            self.assertEqual(self.tag(RATINGS), self.in_bucket().get("data/ratings.csv"), words)
            self.assertNotIn("MovieLens", done.stderr)

    def test_they_are_trained_on_and_get_no_titles_of_other_movies(self):
        self.the_users()
        done = self.deploy()
        self.assertIn("stay as they are", done.stderr)
        self.assertIn("no titles", done.stderr)
        self.assertEqual(f"s3://{BUCKET}/data/ratings.csv", self.channel())
        self.assertEqual({"data/ratings.csv": self.tag(RATINGS), "data/movies.csv": self.tag("movieId,title,genres\n")},
                         self.in_bucket())

    def test_other_ratings_need_replace_data(self):
        self.the_users()
        for given in (self.path("other.csv"), str(self.mine)):
            done = self.data("--data", given, status=1)
            self.assertIn(f"is not {given}, and stays as it is", done.stderr)
            self.assertIn("--replace-data", done.stderr)
            self.assertEqual([], self.changes())
        self.data("--data", self.path("other.csv"), "--replace-data")
        self.assertEqual(["remove data/ratings.csv", "upload data/ratings.csv", "upload data/movies.csv"], self.changes())
        self.assertEqual(self.tag(OTHER), self.in_bucket()["data/ratings.csv"])

    def test_titles_need_replace_data_too(self):
        self.the_users()
        self.state["buckets"][BUCKET]["data/movies.csv"] = "theirs"
        done = self.data("--items", self.path("titles.csv"), status=1)
        self.assertIn("data/movies.csv is not", done.stderr)
        self.assertEqual("theirs", self.in_bucket()["data/movies.csv"])
        self.data("--items", self.path("titles.csv"), "--replace-data")
        self.assertEqual({"data/movies.csv": self.tag(TITLES), "data/ratings.csv": self.tag(RATINGS)}, self.in_bucket())

    def test_with_a_model_no_ratings_are_uploaded(self):
        self.state["buckets"]["other"] = {"m/model.tar.gz": "etag"}
        done = self.deploy("--model", "s3://other/m/model.tar.gz")
        self.assertIn("no ratings are uploaded", done.stderr)
        self.assertEqual({"data/movies.csv": self.tag("movieId,title,genres\n")}, self.in_bucket())
        # Nor later: the bucket does not have the sample.
        self.assertIn("there are no ratings in", self.deploy(status=1).stderr)
        self.assertEqual([], [c for c in self.changes() if "ratings" in c])

    def test_a_model_and_titles(self):
        self.state["buckets"]["other"] = {"m/model.tar.gz": "etag"}
        self.deploy("--model", "s3://other/m/model.tar.gz", "--items", self.path("titles.csv"))
        self.assertEqual({"data/movies.csv": self.tag(TITLES)}, self.in_bucket())


class Given(DataCase):
    def test_a_file(self):
        self.deploy("--data", self.path("ratings.csv"), "--items", self.path("titles.csv"))
        self.assertEqual({"data/ratings.csv": self.tag(RATINGS), "data/movies.csv": self.tag(TITLES)}, self.in_bucket())
        self.assertEqual(f"s3://{BUCKET}/data/ratings.csv", self.channel())
        for words in (("--data", self.path("ratings.csv"), "--items", self.path("titles.csv")), ()):
            done = self.deploy(*words)
            self.assertEqual([], self.changes(), words)
        self.assertIn("stay as they are", done.stderr)

    def test_a_file_of_another_name_from_where_the_user_is(self):
        import subprocess
        self.base()
        (self.folder / "calls").write_text("")
        done = subprocess.run([self.repository / "script/deploy", "--stack", STACK, "--only", "data", "--data", "other.csv"],
                              cwd=self.mine, capture_output=True, text=True, check=False, timeout=60,
                              env={"PATH": str(self.tools), "HOME": str(self.folder), "STANDIN": str(self.folder),
                                   "TMPDIR": str(self.tmp), "AWS_REGION": "eu-central-1", "LC_ALL": "C.UTF-8"})
        self.assertEqual(0, done.returncode, done.stderr)
        self.state = json.loads((self.folder / "account.json").read_text())
        self.assertEqual(self.tag(OTHER), self.in_bucket()["data/ratings.csv"])

    def test_a_folder_of_files(self):
        for n in range(3):
            self.write(f"parts/{n} part.csv", RATINGS + str(n))
        self.write("parts/.hidden", "")
        self.deploy("--data", self.path("parts"))
        self.assertEqual({f"data/ratings/{n} part.csv" for n in range(3)}, set(self.in_bucket()) - {"data/movies.csv"})
        self.assertEqual(f"s3://{BUCKET}/data/ratings/", self.channel())
        self.deploy("--data", self.path("parts"))
        self.assertEqual([], self.changes())
        del self.state["buckets"][BUCKET]["data/ratings/2 part.csv"]  # uploading stopped there
        self.deploy("--data", self.path("parts"))
        self.assertEqual(["upload data/ratings/2 part.csv"], [c for c in self.changes() if "ratings" in c])
        # What the user has put beside them or in their place meanwhile stays.
        del self.state["buckets"][BUCKET]["data/ratings/2 part.csv"]
        self.state["buckets"][BUCKET].update({"data/ratings/1 part.csv": "theirs", "data/ratings/x.csv": "theirs"})
        self.deploy("--data", self.path("parts"))
        self.assertEqual(["upload data/ratings/2 part.csv"], [c for c in self.changes() if "ratings" in c])
        for name in ("1 part.csv", "x.csv"):
            self.assertEqual("theirs", self.in_bucket()[f"data/ratings/{name}"])
        del self.state["buckets"][BUCKET]["data/ratings/x.csv"]
        self.write("parts/1 part.csv", RATINGS + "9")
        self.assertIn("stays as it is", self.data("--data", self.path("parts"), status=1).stderr)
        self.assertEqual([], self.changes())
        self.data("--data", self.path("ratings.csv"), "--replace-data")
        self.assertEqual({"data/ratings.csv", "data/movies.csv"}, set(self.in_bucket()), "one of both alone")
        self.data("--data", self.path("parts"), "--replace-data")
        self.assertEqual({f"data/ratings/{n} part.csv" for n in range(3)} | {"data/movies.csv"}, set(self.in_bucket()))

    def test_an_address_is_trained_on_in_place(self):
        self.state["buckets"]["lake"] = {"ratings/2026/part.csv": "etag"}
        uri = "s3://lake/ratings/2026/"
        self.deploy("--data", uri)
        self.assertEqual(uri, self.channel())
        self.assertEqual(uri, self.parameters()["DataUri"])
        self.assertEqual({"data/movies.csv"}, set(self.in_bucket()))
        self.assertEqual({"ratings/2026/part.csv": "etag"}, self.state["buckets"]["lake"])
        self.deploy()
        self.assertEqual([], self.changes(), "it is kept")
        self.run_script("train-job", "--stack", STACK, "--image", IMAGE)
        self.assertEqual(uri, self.channel())
        self.deploy("--data", self.path("ratings.csv"))
        self.assertEqual(("", f"s3://{BUCKET}/data/ratings.csv"), (self.parameters()["DataUri"], self.channel()))
        # Of a stack that exists the role is changed before the training.
        self.deploy("--data", uri, "--hyperparameter", "n_factors=9")
        self.assertEqual("stack", self.changes()[0])
        self.assertEqual(uri, self.channel())

    def test_changing_the_address_leaves_the_other_parameters_and_the_api_as_they_are(self):
        self.state["buckets"]["lake"] = {"r.csv": "etag"}
        self.deploy("--set", "ApiRate=7")
        self.data("--data", "s3://lake/r.csv", "--set", "ApiRate=9", "--set", "Streams=on")
        self.assertEqual(("7", "off", "s3://lake/r.csv"), tuple(self.parameters()[p] for p in ("ApiRate", "Streams", "DataUri")))

    def test_titles_from_an_address_are_copied_once(self):
        self.state["buckets"]["lake"] = {"t.csv": "etag"}
        self.base()
        for changes in (["upload data/movies.csv", "upload data/ratings.csv"], []):
            self.data("--items", "s3://lake/t.csv", "--data", self.path("ratings.csv"))
            self.assertEqual(changes, self.changes())
        self.state["buckets"]["lake"]["t.csv"] = "another"
        self.assertIn("stays as it is", self.data("--items", "s3://lake/t.csv", status=1).stderr)

    def test_titles_may_come_later(self):
        self.base()
        self.data("--data", self.path("ratings.csv"))
        self.data("--items", self.path("titles.csv"))
        self.assertEqual(["upload data/movies.csv"], self.changes())

    def test_the_sample_goes_only_into_an_empty_bucket_and_its_licence_is_printed(self):
        self.base()
        self.faults = [{"words": "s3 cp", "skip": 1, "err": "\nthe network is gone\n"}]
        self.data(status=1)
        self.faults = []
        done = self.data()  # continues where it stopped
        for words in ("MovieLens", "must not be used commercially without their permission", "data/README.md", "--data FILE"):
            self.assertIn(words, done.stderr)
        self.assertEqual({"data/ratings.csv": self.tag("ratings.csv"), "data/movies.csv": self.tag("movies.csv")}, self.in_bucket())
        done = self.data()
        self.assertNotIn("MovieLens", done.stderr)
        self.assertEqual([], self.changes())
        help_text = " ".join(self.run_script("deploy", "--help").stdout.split())
        self.assertIn("must not be used commercially without permission", help_text)
        for key in ("data/ratings/part.csv", "data/movies.csv", "data/notes.txt"):
            self.state["buckets"][BUCKET] = {key: "theirs"}
            self.state["marks"] = {}
            self.data(status=0 if "ratings" in key else 1)
            self.assertEqual([], [c for c in self.changes() if "ratings" in c], key)

    def test_a_dry_run_prints_it(self):
        done = self.deploy("--dry-run", "--data", self.path("ratings.csv"))
        self.assertIn(f"+ aws s3 cp {self.path('ratings.csv')} s3://", done.stderr)
        done = self.deploy("--dry-run", "--data", "s3://lake/r/")
        self.assertIn("DataUri=s3://lake/r/", done.stderr)
        self.assertIn('"S3Uri": "s3://lake/r/"', done.stderr)
        self.assertEqual([], self.calls())


class BadWords(DataCase):
    def test_are_refused_before_any_call(self):
        self.write("empty.csv", "")
        self.write("sample/ratings.csv", RATINGS)
        self.write("sample/movies.csv", TITLES)
        (self.mine / "nothing").mkdir()
        (self.mine / "deep" / "er").mkdir(parents=True)
        file = self.path("ratings.csv")
        for words, sentence in (
                (("--data", self.path("none.csv")), "no such file or folder"), (("--data", self.path("empty.csv")), "is empty"),
                (("--data", self.path("nothing")), "a folder without files"), (("--data", self.path("deep")), "the folder er in it"),
                (("--data", self.path("sample")), "/sample/ratings.csv --items "), (("--data", "s3://lake"), "expected s3://BUCKET/KEY"),
                (("--data", "s3://Lake/x"), "expected s3://BUCKET/KEY"), (("--data", 's3://lake/"x'), "expected s3://BUCKET/KEY"),
                (("--data",), "--data needs a value"), (("--items", self.path("none.csv")), "--items is"),
                (("--items", str(self.mine)), "expected a file with the columns"), (("--items", self.path("empty.csv")), "is empty"),
                (("--items", "s3://lake"), "expected s3://BUCKET/KEY"), (("--replace-data",), "--replace-data needs --data or --items"),
                (("--data", file, "--model", "s3://b/m.tar.gz"), "with a model nothing is trained"),
                (("--data", file, "--only", "train"), "belong to the step data"),
                (("--set", "DataUri=s3://lake/x"), '--set is "DataUri'), (("--data", file, "--delete"), "--delete removes all")):
            self.assertIn(sentence, self.refused("deploy", "--stack", STACK, *words), words)
            self.assertEqual([], self.calls())

    def test_addresses_with_nothing_there(self):
        self.base()
        self.state["buckets"]["lake"] = {}
        self.assertIn("there is nothing there", self.data("--data", "s3://lake/r/", status=1).stderr)
        self.assertIn("you may not look there", self.data("--data", "s3://pond/r/", status=1).stderr)
        self.assertIn("no such object", self.data("--items", "s3://lake/t.csv", status=1).stderr)
        self.assertEqual([], self.changes())


class Training(DataCase):
    def train(self, *words, **how):
        return self.run_script("train-job", "--stack", STACK, "--image", IMAGE, *words, **how)

    def test_data_that_the_role_may_not_read_is_reported_with_what_to_do(self):
        self.base()
        self.data("--data", self.path("ratings.csv"))
        self.state["buckets"]["lake"] = {"r/a.csv": "e", "v/a.csv": "e"}
        stderr = self.train("--data", "s3://lake/r/", status=1).stderr
        self.assertIn(f"script/deploy --stack {STACK} --only data --data s3://lake/r/", stderr)
        self.assertIn(f"aws s3 cp s3://lake/r/ s3://{BUCKET}/data/ --recursive", stderr)
        self.assertEqual([], self.changes())
        self.assertIn(f"reads only below s3://{BUCKET}/data/", self.train("--data", f"s3://{BUCKET}/x.csv", status=1).stderr)
        self.assertIn("--validation is", self.train("--validation", "s3://lake/v/a.csv", status=1).stderr)
        self.data("--data", "s3://lake/r/")  # the reported remedy
        self.train("--data", "s3://lake/r/a.csv")
        self.assertEqual("s3://lake/r/a.csv", self.channel())

    def test_both_kinds_of_ratings_in_the_bucket_are_ambiguous(self):
        self.base()
        self.state["buckets"][BUCKET].update({"data/ratings.csv": "a", "data/ratings/b.csv": "b"})
        self.assertIn("choose one with --data", self.train(status=1).stderr)
        self.train("--data", f"s3://{BUCKET}/data/ratings/")
        self.assertEqual(f"s3://{BUCKET}/data/ratings/", self.channel())

    def test_the_role_may_read_at_the_address_and_nowhere_else(self):
        for uri, object_arn, bucket_arn in (
                ("s3://lake/ratings/2026/", "arn:aws:s3:::lake/ratings/2026/*", "arn:aws:s3:::lake"),
                ("s3://lake/r.csv", "arn:aws:s3:::lake/r.csv*", "arn:aws:s3:::lake")):
            stack = Template().stack(False, DataUri=uri)
            statements = {}
            for resource in stack.resources.values():
                if resource["Type"] == "AWS::IAM::Role":
                    for policy in stack.value(resource["Properties"])["Policies"]:
                        statements.update((s["Sid"], s) for s in policy["PolicyDocument"]["Statement"])
            self.assertEqual((["s3:GetObject"], [object_arn]), tuple(statements["ReadDataElsewhere"][k] for k in ("Action", "Resource")))
            self.assertEqual([bucket_arn], statements["ListDataElsewhere"]["Resource"])
        self.assertNotIn("Elsewhere", json.dumps([Template().stack(False).value(r) for r in Template().stack(
            False).resources.values()]))


class RealS3(DataCase):
    """The step's commands with the real CLI."""

    def setUp(self):
        why = why_not()
        if why:
            self.skipTest(why)
        super().setUp()
        process, self.s3 = start_peer("s3", str(self.folder / "s3"))
        self.addCleanup(end_peer, process)
        urllib.request.urlopen(urllib.request.Request(f"{self.s3}/{BUCKET}", method="PUT"), timeout=30).close()
        self.base()
        standin = self.tools / "aws"
        standin.rename(self.folder / "aws")
        standin.write_text(f"""#!{self.tools}/bash
while [ "$1" = --region ] || [ "$1" = --profile ]; do shift 2; done
case $1:$2 in
s3:* | s3api:*-object*)
    {PYTHON} -c 'import sys; from awscli.clidriver import main; sys.exit(main())' --endpoint-url {self.s3} "$@" ;;
*) {self.folder}/aws "$@" ;;
esac
""")
        standin.chmod(0o755)

    def data(self, *words, **how):
        return super().data(*words, AWS_ACCESS_KEY_ID="S3RVER", AWS_SECRET_ACCESS_KEY="S3RVER",
                            AWS_EC2_METADATA_DISABLED="true", **how)

    def fetch(self, key):
        try:
            with urllib.request.urlopen(f"{self.s3}/{BUCKET}/{key}", timeout=30) as response:
                return response.read().decode()
        except urllib.error.HTTPError as error:
            self.assertEqual(404, error.code)
            return None

    def test_the_users_bytes_stay(self):
        urllib.request.urlopen(urllib.request.Request(f"{self.s3}/{BUCKET}/data/ratings.csv", RATINGS.encode(), method="PUT"),
                               timeout=30).close()
        for words, status in (((), 0), (("--data", self.path("other.csv")), 1), (("--model", "s3://b/m.tar.gz"), 0),
                              (("--items", self.path("titles.csv")), 0)):
            self.data(*words, status=status)
            self.assertEqual(RATINGS, self.fetch("data/ratings.csv"), words)
        self.assertEqual(TITLES, self.fetch("data/movies.csv"))
        self.data("--data", self.path("other.csv"), "--replace-data")
        self.assertEqual(OTHER, self.fetch("data/ratings.csv"))

    def test_files_folders_and_the_sample(self):
        self.data()
        self.assertEqual(("ratings.csv", "movies.csv"), (self.fetch("data/ratings.csv"), self.fetch("data/movies.csv")))
        for n in range(3):
            self.write(f"parts/{n} part.csv", RATINGS + str(n))
        os.utime(self.path("parts/1 part.csv"), (1, 1))  # older than the object it replaces
        self.data("--data", self.path("parts"), "--replace-data")
        self.assertEqual((None, RATINGS + "1"), (self.fetch("data/ratings.csv"), self.fetch("data/ratings/1%20part.csv")))
        self.assertIn("already", self.data("--data", self.path("parts")).stderr)
        self.write("parts/1 part.csv", RATINGS + "8")
        self.assertIn("stays as it is", self.data("--data", self.path("parts"), status=1).stderr)
        self.data("--data", self.path("parts"), "--replace-data")
        self.assertEqual(RATINGS + "8", self.fetch("data/ratings/1%20part.csv"))
        self.data("--items", f"s3://{BUCKET}/data/ratings/0 part.csv".replace(" ", "+"), status=1)


if __name__ == "__main__":
    unittest.main()
