"""`train --info FILE`: the contents of a model.bin or model.tar.gz, and the example of
docs/model-file.md."""

import gzip
import io
import json
import os
import re
import shutil
import tarfile
import unittest

from programs import SOURCE
from ranking_case import offers
from samples import planted
from train_case import TrainCase
from wrappers import file_size_limit

ROWS = planted(60, 40, 900)
DATA = SOURCE / "tests" / "unit" / "data"
TO_FULL = ("sh", "-c", 'exec "$@" > /dev/full', "sh")


def packed(content, name="model.bin"):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


class InfoCase(TrainCase):
    def say(self, *words, **how):
        return self.start(None, *words, **how).wait()

    def put(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def stored(self, name):
        path = self.folder / "model.bin"
        shutil.copyfile(DATA / name, path)
        return path

    def info(self, path):
        """(text, object) of the two forms, which must both be there."""
        text, object_ = self.say("--info", path), self.say("--info", path, "--json")
        for result in (text, object_):
            self.assertEqual((0, ""), (result.status, result.stderr), result)
        return text.stdout, json.loads(object_.stdout)

    def assertRefused(self, path, *words):
        for form in ((), ("--json",)):
            result = self.say("--info", path, *form)
            self.assertEqual((1, ""), (result.status, result.stdout), result)
            self.assertRegex(result.stderr, r"\Atrain: [^\n]+\n\Z")
            for word in (str(path), *words):
                self.assertIn(word, result.stderr)


class Info(InfoCase):
    def test_info_has_the_data_and_the_settings_of_the_training(self):
        """The same as metrics.json."""
        job = self.job_on(ROWS, validation_fraction=0.1)
        self.train(job)
        text, info = self.info(job.model_bin)
        metrics = job.metrics()
        self.assertEqual(str(job.model_bin), info["file"])
        self.assertEqual(job.model_bin.stat().st_size, info["file_bytes"])
        self.assertEqual(metrics["version"], info["program_version"])
        self.assertEqual(1, info["format_version"])
        self.assertEqual(len({row[0] for row in ROWS}), info["n_users"])
        self.assertEqual(len({row[1] for row in ROWS}), info["n_items"])
        self.assertEqual(len({row[:2] for row in ROWS}), info["n_ratings"])
        rating = info["rating_model"]
        self.assertEqual(8, rating["n_factors"])
        self.assertEqual([min(float(r[2]) for r in ROWS), max(float(r[2]) for r in ROWS)],
                         [rating["rating_min"], rating["rating_max"]])
        self.assertEqual(metrics["hyperparameters"]["bias_regularization"],
                         rating["bias_regularization"])
        self.assertEqual("8", str(info["metadata"]["hyperparameters"]["n_factors"]))
        self.assertAlmostEqual(metrics["final"]["validation_rmse"],
                               info["metadata"]["validation_rmse"], places=4)
        self.assertTrue(offers(info)["predicted_ratings"])
        for line in (f"n_users +{info['n_users']}", r"rating_model\n  n_factors +8",
                     r"predicted_ratings +yes", r"regularization +0\.\d+"):
            self.assertRegex(text, re.compile(rf"^ *{line}$", re.MULTILINE))
        self.assertNotRegex(text, r"\t|\x1b")

    def test_the_sections_are_the_file(self):
        """Header, sections and table at multiples of 64 add up to the file's size."""
        for name in sorted(os.listdir(DATA)):
            if not name.startswith("model_version"):
                continue
            _, info = self.info(self.stored(name))
            places = sum(-(-section["bytes"] // 64) * 64 for section in info["sections"])
            self.assertEqual(info["file_bytes"], 64 + places + 64 * len(info["sections"]), name)
            self.assertEqual(len(info["sections"]), len({s["name"] for s in info["sections"]}))

    def test_info_of_a_packed_model_is_the_same(self):
        """model.tar.gz, known by its first bytes; model.bin at the top or one folder deep."""
        plain = self.stored("model_version_1_ranking.bin")
        text, info = self.info(plain)
        for name, inside in (("model.tar.gz", "model.bin"), ("any.name", "export/model.bin")):
            path = self.put(name, packed(plain.read_bytes(), inside))
            packed_text, packed_info = self.info(path)
            self.assertEqual(f"{path}: {inside}", packed_info["file"])
            self.assertEqual({**info, "file": ""}, {**packed_info, "file": ""})
            self.assertEqual(text.partition("\n")[2], packed_text.partition("\n")[2])
        tar = self.put("model.tar", gzip.decompress(packed(plain.read_bytes())))
        self.assertEqual(info["checksum"], self.info(tar)[1]["checksum"])

    def test_a_model_of_an_older_program_has_no_ranking_model(self):
        text, info = self.info(self.stored("model_version_1.bin"))
        self.assertEqual(1, info["format_version"])
        self.assertIsNone(info["ranking_model"])
        self.assertEqual(["rating", "popularity"], offers(info)["list_orders"])
        self.assertIn("\nranking_model: none\n", text)

    def test_both_models_are_described(self):
        _, info = self.info(self.stored("model_version_1_ranking.bin"))
        self.assertEqual(1, info["format_version"])
        self.assertEqual(3, info["rating_model"]["n_factors"])
        self.assertEqual(
            {"n_factors": 2, "regularization": 200, "recency": 0.75, "prior": 0.5,
             "grading": "logistic", "grading_center": 3.5, "grading_scale": 1.25,
             "relevant_rating": 4, "times": True}, info["ranking_model"])
        self.assertEqual({"predicted_ratings": True,
                          "list_orders": ["ranking", "rating", "popularity"],
                          "similar_items": True, "visitors": True}, offers(info))

    def test_the_attributes_of_the_items_are_listed(self):
        text, info = self.info(self.stored("model_version_1_catalogue.bin"))
        self.assertEqual(2, info["unrated_items"])
        self.assertEqual({"title": "title", "genres": "categories, 3 values", "year": "number",
                          "größe": "text", "price": "number"}, info["item_attributes"])
        self.assertRegex(text, r"\nunrated_items +2\n")
        self.assertRegex(text, r"\nitem_attributes\n  title +title\n  genres +categories, 3 v")
        text, info = self.info(self.stored("model_version_1_ranking.bin"))
        self.assertEqual((0, None), (info["unrated_items"], info["item_attributes"]))
        self.assertIn("\nitem_attributes: none\n", text)

    def test_a_model_without_ratings_predicts_none(self):
        text, info = self.info(self.stored("model_version_2.bin"))
        self.assertEqual(2, info["format_version"])
        self.assertIsNone(info["rating_model"])
        self.assertEqual("log", info["ranking_model"]["grading"])
        self.assertEqual({"predicted_ratings": False, "list_orders": ["ranking", "popularity"],
                          "similar_items": True, "visitors": True}, offers(info))
        self.assertIn("\nrating_model: none\n", text)
        self.assertRegex(text, r"\n  predicted_ratings +no\n")

    def test_a_ranking_model_of_another_rule_is_reported_as_unknown(self):
        """The rating model beside it is used."""
        seed = SOURCE / "tests" / "fuzz" / "seeds" / "fuzz_model" / "ranking_rule_2"
        text, info = self.info(self.put("model.bin", seed.read_bytes()))
        self.assertIsNone(info["ranking_model"])
        self.assertTrue(info["ranking_model_unknown"])
        self.assertEqual(["rating", "popularity"], offers(info)["list_orders"])
        self.assertIn("\nranking_model: of a rule that this program does not know\n", text)
        self.assertIn("optional.ranking", [section["name"] for section in info["sections"]])

    def test_it_prints_the_same_again_and_changes_nothing(self):
        """Nothing is written beside the model; a full disk is no obstacle."""
        path = self.stored("model_version_1_ranking.bin")
        before = path.read_bytes()
        first = self.say("--info", path)
        again = self.say("--info", path, wrapper=file_size_limit(0))
        self.assertEqual((0, first.stdout), (again.status, again.stdout), again)
        self.assertEqual([path], list(self.folder.iterdir()))
        self.assertEqual(before, path.read_bytes())


class Refused(InfoCase):
    def test_a_file_that_is_no_model_is_named(self):
        self.assertRefused(self.put("ratings.csv", b"userId,movieId,rating\n1,2,3\n"),
                           "not a model of this program", "userId,m")
        self.assertRefused(self.put("empty.bin", b""), "empty")
        self.assertRefused(self.folder, "folder")

    def test_a_missing_file_is_named(self):
        self.assertRefused(self.folder / "no" / "model.bin", "No such file")

    def test_a_damaged_model_is_refused(self):
        """One bit flipped in each part; truncated; bytes after its end."""
        whole = (DATA / "model_version_1_ranking.bin").read_bytes()
        for at in (0, 8, 60, 200, len(whole) // 2, len(whole) - 1):
            flipped = bytearray(whole)
            flipped[at] ^= 0x10
            self.assertRefused(self.put("model.bin", bytes(flipped)))
        self.assertRefused(self.put("model.bin", whole[:-64]), "truncated model")
        self.assertRefused(self.put("model.bin", whole + b"\0"), "damaged model")

    def test_a_damaged_or_empty_archive_is_refused(self):
        whole = (DATA / "model_version_2.bin").read_bytes()
        archive = packed(whole)
        self.assertRefused(self.put("model.tar.gz", archive[: len(archive) // 2]))
        self.assertRefused(self.put("model.tar.gz", packed(whole, "other.bin")), "model.bin",
                           "other.bin")
        self.assertRefused(self.put("model.tar.gz", packed(whole[:100])), "truncated model")

    def test_a_newer_format_is_refused_with_its_version(self):
        newer = SOURCE / "tests" / "fuzz" / "seeds" / "fuzz_model" / "newer_version"
        self.assertRefused(self.put("model.bin", newer.read_bytes()), "format version 3",
                           "newer release")

    def test_output_that_cannot_be_written_is_an_error(self):
        path = self.stored("model_version_2.bin")
        for form in ((), ("--json",)):
            result = self.say("--info", path, *form, wrapper=TO_FULL)
            self.assertEqual(1, result.status, result)
            self.assertIn("standard output cannot be written", result.stderr)

    def test_words_that_do_not_go_together_print_usage_and_end_in_2(self):
        """And leave no failure file, because it is no job."""
        job = self.job()
        path = self.stored("model_version_2.bin")
        for words in (("--info",), ("--json",), ("--info", path, "more"), ("--info", path, "-x"),
                      ("--info", path, "--prefix", job.prefix),
                      ("--info", path, "--predict", "1", "2")):
            with self.subTest(words=words):
                result = self.say(*words)
                self.assertEqual((2, ""), (result.status, result.stdout), result)
                self.assertRegex(result.stderr, "(?i)usage")
        self.assertFalse(job.failure.exists())


class Document(InfoCase):
    def test_the_documents_example_is_the_output_of_train(self):
        """Of the stored file that it names."""
        document = (SOURCE / "docs" / "model-file.md").read_text(encoding="utf-8")
        example = re.search(r"```\n\$ train --info (\S+)\n(.*?)```", document, re.DOTALL)
        path = SOURCE / example.group(1)
        result = self.say("--info", self.stored(path.name))
        shown = result.stdout.split("\n", 1)[1]
        self.assertEqual(f"file                         {example.group(1)}\n{shown}",
                         example.group(2))

    def test_the_documents_table_has_every_section(self):
        document = (SOURCE / "docs" / "model-file.md").read_text(encoding="utf-8")
        _, info = self.info(self.stored("model_version_1_catalogue.bin"))
        named = re.findall(r"^\| `([a-z_.]+)` \|", document, re.MULTILINE)
        self.assertEqual([section["name"] for section in info["sections"]], named)


if __name__ == "__main__":
    unittest.main()
