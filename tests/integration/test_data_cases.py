"""Inputs in the form of public bug reports and data sets (cases/train), each with its right outcome.

A case is a /opt/ml tree. Read: the numbers of ratings, users and items, the columns and the warnings. Refused: words
of the error. Never: fewer ratings than the file has, without a message."""

import json
import shutil
import unittest

from data_lines import assert_no_line_lost
from job import Job
from programs import SOURCE
from train_case import TrainCase

CASES = SOURCE / "tests" / "integration" / "cases" / "train"


class CaseJob(Job):
    """The tree of a case, copied."""

    def __init__(self, prefix, case):  # pylint: disable=super-init-not-called
        self.prefix = prefix
        shutil.copytree(CASES / case, prefix)
        (prefix / "model").mkdir()
        (prefix / "output").mkdir()


def read(ratings, users=None, items=None, columns=None, warned=(), **data):
    return {"ratings": ratings, "users": users, "items": items, "columns": columns, "warned": warned, "data": data}


def refused(*words, warned=()):
    return {"words": words, "warned": warned}


PLAIN = read(300, 30, 40)
UNKNOWN = "does not exist here"

EXPECTED = {
    "01-surprise41-header": read(300, 30, 40, ("userId", "movieId", "rating", "timestamp")),
    "02a-surprise91-tab-space": read(3, 1, 3, ("#1", "#2", "#3", "none")),
    "03-surprise117-floats": read(4, 1, 4),
    "04a-bookcrossing": read(5, 4, 5, ("User-ID", "ISBN", "Book-Rating", "none"), ("looks_not_rated",)),
    "04b-bookcrossing-latin1": refused("BX-Book-Ratings.csv:3:10", "encoding=latin1"),
    "04c-bookcrossing-backslash": read(5, 4, 5),
    "04d-bookcrossing-backslash-allowed": read(6, 5, 5, n_bad_rows=0),
    "08a-jester-matrix": refused("matrix", "melt"),
    "09a-netflix-blocks": refused("Netflix", "awk"),
    "09b-netflix-movie-first-headerless": read(3, 1, 3, ("#1", "#2", "#3", "#4"), ("order_guessed",)),
    "10-amazon2018-item-first": read(300, 12, 60, ("#1", "#2", "#3", "#4"), ("order_guessed",)),
    "10b-amazon2018-user_column-2": refused("user_column=#2", "item_column=#1", "rating_column=#3"),
    "11-amazon-jsonlines": read(2, 2, 1, ("reviewerID", "asin", "overall", "unixReviewTime")),
    "16a-lastfm360k": refused("no header", "betty blowtorch", "is not a number", "rating_column=#4"),
    "16b-tsv-unbalanced-quote": read(300, 30, 40),
    "16c-amazon-us-tsv-quotes": read(300, 30, 40),
    "16f-tsv-quotes-half-lost": read(5000, 400, 300),
    "17-ml1m-folder": read(300, 30, 40, warned=("left_out",), n_left_out=2),
    "19-douban": read(2, 2, 1, ("USER_MD5", "MOVIE_ID", "RATING", "RATING_TIME")),
    "19b-douban-user_column": read(2, 2, 1),
    "21a-parquet": refused("parquet", "convert the ratings to CSV"),
    "21b-recordio": refused("RecordIO-protobuf", "CSV"),
    "21c-recordio-no-type": refused("RecordIO-protobuf", "CSV"),
    "21e-xlsx": refused("Excel", "CSV"),
    "22a-utf16-bom": read(300, 30, 40),
    "23a-decimal-comma": refused('rating "2,5"', "decimal_comma=true"),
    "23c-thousands": read(3, 2, 2, warned=("thousands_points",)),
    "24a-kaggle-ml20m-iso-timestamp": read(300, 30, 40, ("userId", "movieId", "rating", "timestamp")),
    "24b-kaggle-ml20m-timestamp_column-empty": read(300, 30, 40),
    "24c-kaggle-ml20m-timestamp_column-none": read(300, 30, 40, ("userId", "movieId", "rating", "none")),
    "25-ms-and-float-timestamps": read(3, 2, 2),
    "26a-augmented-manifest": refused("augmented manifest", "S3 objects"),
    "26b-manifest-file": refused("manifest", "ManifestFile"),
    "27-sharded-two-hosts": refused("ShardedByS3Key"),
    "28-names-cornac": PLAIN,
    "28-names-implicit": refused("iterations", UNKNOWN),
    "28-names-libmf": refused("eta", UNKNOWN),
    "28-names-recbole": refused("train_batch_size", UNKNOWN),
    "28-names-sagemaker-fm": refused("feature_dim", UNKNOWN),
    "28-names-spark": refused("maxIter", UNKNOWN),
    "28-names-surprise": PLAIN,
    "28-names-surprise-biased": refused("biased", UNKNOWN),
    "28a-hp-json-quoted": PLAIN,
    "28b-hp-raw-and-float": refused("n_factors is a number, not a text"),
    "28c-hp-empty-null": refused("learning_rate", "None"),
    "31a-early-stopping-without-validation": read(300, 30, 40, warned=("ignored",)),
    "32-nan-lr-0.3": read(240, n_validation_ratings=60),
    "32-nan-lr-1": refused("diverged", "learning_rate"),
    "32-nan-lr-10": refused("diverged", "learning_rate"),
    "32-outliers": read(960, n_validation_ratings=240),
    "33-play-events": read(25, 5, 5, warned=("many_repeated", "one_rating"), n_repeated=275),
    "34a-channel-training": PLAIN,
    "34b-channel-data": refused('unexpected channel "data"', "train"),
    "34c-channel-train-and-test": refused('unexpected channel "test"', "validation"),
    "34d-channels-train1-train2": refused("train1", "train"),
    "34e-no-config-train-empty": refused("holds no files"),
    "35a-zero-one": PLAIN,
    "35b-all-ones": read(270, warned=("one_rating",), n_validation_ratings=30),
    "36-no-rating-column": refused("appId", "missing: item, rating", "item_column=…"),
    "40-spaces-after-commas": read(3, 1, 3),
    "41b-pandas-index-header": PLAIN,
    "43-trailing-delimiter": read(3, 2, 2),
    "44a-null-ratings": refused('3:5: rating "NULL" is not a number', "max_bad_rows"),
    "44b-null-ratings-allowed": read(2, 2, 1, warned=("bad_row",), n_bad_rows=3),
    "46-concatenated-no-newline": refused("3:15: 5 fields where 3 are expected"),
    "47-spark-output": PLAIN,
    "47b-spark-depth4": PLAIN,
    "49-latin1-ids": refused("not UTF-8", "encoding=latin1"),
    "50-stars-text": refused("4 stars", "is not a number"),
    "53-bigquery-ids": read(3, 2, 2),
    "54-movie-titles-as-ids": read(3, 2, 2),
    "55-tensorflow-columns": read(2, 2, 1),
    "56-amazon2023": read(2, 1, 2, ("user_id", "asin", "rating", "timestamp")),
    "57-user-item-both-named-id": read(3, 2, 2, ("user_id", "movie_id", "rating", "none")),
    "58-username-and-asin": read(2, 1, 2, ("user_id", "anime_id", "my_score", "none")),
    "60-split-header-other-order": read(300, 30, 40, ("user_id", "item_id", "rating", "none"), ("read_like",)),
    "61-split-header-five-columns": read(300, 30, 40, ("user_id", "item_id", "rating", "timestamp"), ("read_like",)),
    "65-uci-restaurant": read(3, 2, 3, ("userID", "placeID", "rating", "none"), ("one_rating",)),
    "66-beeradvocate": read(2, 1, 2, ("review_profilename", "beer_beerid", "review_overall", "review_time")),
    "68-two-names": refused("given twice"),
    "69-all-bad-timestamps-allowed": read(300, 30, 40),
    "70-tests-beside": read(270, warned=("test_file_read",), n_rows=300),
    "72-tab-crlf-bom-quoted": read(2, 2, 1),
    "73-percent": refused("95%", "is not a number"),
    "75-bad-first-row-headerless": refused("no header", "column 3 is empty"),
    "76-header-only": refused("without rows"),
    "78a-part-first-row-null": refused('part-00001.csv:1:6: rating "NULL"', "max_bad_rows"),
    "78c-part-second-row-null": refused('part-00001.csv:2:6: rating "NULL"'),
    "79-gz-truncated": refused("damaged gzip"),
    "81-part-parquet-beside": read(150, 30, 40, warned=("left_out",), n_left_out=1),
    "83-single-quote": refused("single quotes"),
    "84-user-in-two-forms": read(3, 3, 1, warned=("float_ids",)),
    "86-jester-user-ratings-kaggle": refused("matrix", "User1"),
    "87-wide-three-columns": refused("matrix", "alice"),
    "88-wide-three-columns-headerless": read(3, 3, 3, ("#1", "#2", "#3", "none"), ("a_user_a_row",)),
    "90-iso-t-column-named-date-ok": read(300, 30, 40, ("user_id", "item_id", "rating", "date")),
    "95-wrong-content-type": refused("application/json", "text/csv"),
    "96-content-type-tsv": PLAIN,
    "97-content-type-csv-label": PLAIN,
}


class Cases(TrainCase):
    def test_every_case_has_an_expectation(self):
        self.assertEqual(sorted(EXPECTED), sorted(path.name for path in CASES.iterdir()))


def columns_of(result):
    """(user, item, rating or weight, timestamp) of the first line of columns."""
    line = next(line for line in result.log if line.get("event") == "columns")
    return (line["user"], line["item"], line.get("rating", line.get("weight")), line["timestamp"])


def check(test, name, expected):
    job = CaseJob(test.folder / name, name)
    result = test.run_train(job, write_config=False, env={"OMP_NUM_THREADS": "1"})
    events = {line.get("event") for line in result.log}
    test.assertLessEqual(set(expected["warned"]), events, result)
    if "words" in expected:
        test.assertFailed(job, result, *expected["words"])
        return
    test.assertEqual(0, result.status, result)
    data = job.metrics()["data"]
    for key, name_of in (("ratings", "n_ratings"), ("users", "n_users"), ("items", "n_items")):
        if expected[key] is not None:
            test.assertEqual(expected[key], data[name_of], f"{name_of}{result}")
    for key, value in expected["data"].items():
        test.assertEqual(value, data[key], f"{key}{result}")
    if expected["columns"] is not None:
        test.assertEqual(expected["columns"], columns_of(result), result)
    train = next(path for path in (job.data / "train", job.data / "training") if path.is_dir())
    assert_no_line_lost(test, train, data)
    check_inspect(test, job, data)


def check_inspect(test, job, data):
    """train --inspect reads the same and trains nothing."""
    before = sorted(job.prefix.rglob("*"))
    result = test.run_train(job, "--inspect", "--json", write_config=False)
    test.assertEqual(0, result.status, result)
    seen = json.loads(result.stdout)
    test.assertTrue(seen["ok"])
    for key in ("n_users", "n_items", "n_rows", "n_bad_rows", "n_left_out", "dialects", "values"):
        test.assertEqual(data[key], seen["train"][key], key)
    test.assertEqual(data["n_ratings"] + data["n_validation_ratings"], seen["train"]["n_ratings"])
    test.assertEqual(before, sorted(job.prefix.rglob("*")), "files written by --inspect")


def add(name, expected):
    def test(self):
        check(self, name, expected)
    setattr(Cases, f"test_{name.replace('-', '_').replace('.', '_')}", test)


for case_name, outcome in EXPECTED.items():
    add(case_name, outcome)

if __name__ == "__main__":
    unittest.main()
