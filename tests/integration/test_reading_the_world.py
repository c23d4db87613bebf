"""Checklist 18-38 (docs/sagemaker.md): hyperparameters, channels and files as the platform
provides them."""

import functools
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import container
from epochs import figures
from unprivileged import UNPRIVILEGED, train_for_anyone
from samples import HEADER, csv, planted
from train_case import TrainCase
from wrappers import inside, namespace

ROWS = planted()


class Hyperparameters(TrainCase):
    def model_with(self, **hyperparameters):
        job = self.job_on(ROWS, **hyperparameters)
        self.assertTrained(job, self.train(job))
        return job

    def test_numbers_are_read_from_texts_exponents_included(self):
        """Checklist 18."""
        plain = self.model_with(learning_rate="0.02", regularization="0.00001")
        for rate, penalty in (("2e-2", "1e-05"), ("2E-02", "1e-5"), ("0.0200", "0.1e-4"),
                              (" 0.02 ", "1E-05"), ("+0.02", ".00001")):
            with self.subTest(rate=rate, penalty=penalty):
                self.assertSameModel(plain, self.model_with(learning_rate=rate,
                                                            regularization=penalty))
        other = self.model_with(learning_rate="0.03", regularization="0.00001")
        self.assertNotEqual(plain.bytes(), other.bytes(), "the rate plays no part")

    def test_whole_numbers_may_have_an_exponent_or_a_zero_fraction(self):
        """Checklist 18."""
        plain = self.model_with(n_factors="10", n_epochs="3")
        self.assertSameModel(plain, self.model_with(n_factors="1e1", n_epochs="3.0"))

    def test_texts_with_quotes_inside_give_the_same_model(self):
        """Checklist 19: the form of the SDK's framework estimators."""
        text = csv(ROWS, header=("reader", "book", "stars", "when"))
        columns = {"user_column": "reader", "item_column": "book", "rating_column": "stars",
                   "timestamp_column": "when", "learning_rate": "0.02", "n_epochs": "3"}
        plain = self.job_on(text, **columns)
        self.train(plain)
        quoted = self.job_on(text, **{k: json.dumps(v) for k, v in columns.items()})
        quoted.hyperparameters["n_factors"] = json.dumps(plain.hyperparameters["n_factors"])
        self.train(quoted)
        self.assertSameModel(plain, quoted)

    def test_booleans_in_every_form_have_the_same_meaning(self):
        """Checklist 20: every hyperparameter that is true or false by --help."""
        help_text = self.start(None, "--help").wait().stdout
        names = re.findall(r"^ +(\w+) .*\n.*\btrue or false\b", help_text, re.MULTILINE)
        if not names:
            self.not_here("train has no hyperparameter that is true or false")
        for name in names:
            for forms in (("true", "True", '"true"', "TRUE"), ("false", "False", '"false"')):
                models = [self.model_with(**{name: s}).bytes() for s in forms]
                with self.subTest(name=name, forms=forms):
                    self.assertEqual(1, len(set(models)))
            bad = self.job_on(ROWS, **{name: "perhaps"})
            self.assertFailed(bad, self.run_train(bad), name, "perhaps", "true", "false")

    def test_no_hyperparameters_file_and_an_empty_object_train_with_defaults(self):
        """Checklist 21."""
        small = planted(60, 40, 900)
        empty = self.job(defaults=True).channel("train", {"ratings.csv": csv(small)})
        self.assertTrained(empty, self.train(empty))
        missing = self.job(defaults=True).channel("train", {"ratings.csv": csv(small)})
        missing.config["hyperparameters.json"] = None
        self.assertTrained(missing, self.train(missing))
        self.assertSameModel(empty, missing)
        self.assertEqual(empty.metrics()["hyperparameters"], missing.metrics()["hyperparameters"])

    def test_no_config_at_all_trains_on_the_train_folder(self):
        """Checklist 21: missing files mean defaults."""
        job = self.job().channel("train", {"ratings.csv": csv(planted(60, 40, 900))})
        for name in ("hyperparameters.json", "inputdataconfig.json", "resourceconfig.json"):
            job.config[name] = None
        self.assertTrained(job, self.train(job))

    def test_the_platforms_own_keys_are_accepted(self):
        """Checklist 22."""
        plain = self.model_with()
        job = self.job_on(ROWS)
        keys = {"_tuning_objective_metric": "validation_rmse",
                "sagemaker_program": '"train.py"', "sagemaker_region": '"eu-central-1"',
                "sagemaker_submit_directory": '"s3://bucket/source.tar.gz"',
                "sagemaker_container_log_level": "20", "sagemaker_job_name": "job-2026",
                "sagemaker_mpi_enabled": "false", "sagemaker_never_heard_of": "{\"a\": [1]}"}
        job.hyperparameters.update(keys)
        result = self.train(job)
        self.assertSameModel(plain, job)
        loud = [line for line in result.log if line["level"] in ("warning", "error")]
        self.assertEqual([], loud, "in silence")

    def test_an_unknown_key_fails_before_data_is_read_and_suggests_the_nearest(self):
        """Checklist 23."""
        for key, meant in (("n_factor", "n_factors"), ("learning_rte", "learning_rate"),
                           ("num_epochs_", None), ("zzzzzzzzzz", None), ("N_FACTORS", None),
                           ("validation_fractoin", "validation_fraction"), ("", None)):
            with self.subTest(key=key):
                job = self.job_on(ROWS, **{key: "4"})
                watch = self.watch()
                watch.add(job.data / "train", "train", "OPEN")
                result = self.run_train(job)
                text = self.assertFailed(job, result, key)
                if meant:
                    self.assertIn(meant, text.replace(f'"{key}"', ""), "suggests the nearest")
                self.assertFalse(watch.seen("OPEN", r"ratings\.csv"), "data was opened")

    def test_an_unknown_key_fails_even_when_there_is_no_data(self):
        """Checklist 23: no data is read before."""
        job = self.job(n_factor=4)
        job.channel("train", None)
        self.assertFailed(job, self.run_train(job), "n_factor")

    def test_an_alias_is_the_same_setting_and_two_values_are_refused(self):
        """§2.3: names of other images; --help lists them."""
        plain = self.model_with(n_epochs="3")
        job = self.job_on(ROWS, num_epochs="3")
        del job.hyperparameters["n_epochs"]
        self.train(job)
        self.assertSameModel(plain, job)
        same = self.job_on(ROWS, num_epochs="3", n_epochs="3")
        self.train(same)
        self.assertSameModel(plain, same)
        both = self.job_on(ROWS, num_epochs="3", n_epochs="4")
        self.assertFailed(both, self.run_train(both), "n_epochs", "num_epochs")

    def test_a_value_out_of_range_names_key_value_and_range(self):
        """Checklist 24: n_factors 0, -1, 1e9, "many"; n_threads 10000."""
        numbers = {
            "n_factors": ("0", "-1", "1e9", "many", "8.5", "", "0x10", "8 8"),
            "n_epochs": ("-1", "1e12", "ten", "2.5"),
            "learning_rate": ("-0.1", "nan", "inf", "1e400", "fast", "0,02", "0.1.2"),
            "learning_rate_decay": ("-1", "nan", "slow"),
            "regularization": ("-1", "inf", "strong"),
            "bias_regularization": ("-1", "nan", "1e999"),
            "validation_fraction": ("-0.1", "1", "1.5", "half"),
            "early_stopping_patience": ("-1", "soon", "1.5"),
            "seed": ("-1", "abc", "1.5", "99999999999999999999999"),
            "n_threads": ("10000", "-1", "two"),
            "max_bad_rows": ("-1", "few"),
            "checkpoint_every": ("-1", "often"),
            "checkpoint_keep": ("-1", "all"),
        }
        for key, values in numbers.items():
            for value in values:
                with self.subTest(key=key, value=value):
                    job = self.job_on(ROWS[:400], **{key: value})
                    text = self.assertFailed(job, self.run_train(job), key)
                    rest = text.replace(key, "", 1)
                    self.assertIn(f'"{value}"', rest)
                    rest = rest.replace(f'"{value}"', "", 1)
                    self.assertRegex(rest, r"\d", "the allowed range has numbers")

    def test_the_whole_allowed_range_is_really_allowed_and_nothing_beyond_it(self):
        """Checklist 24: the error has the real range."""
        for key in ("n_factors", "n_epochs", "n_threads", "checkpoint_every"):
            with self.subTest(key=key):
                job = self.job_on(planted(5, 4, 12), **{key: "1e15"})
                text = self.assertFailed(job, self.run_train(job), key)
                found = re.search(r"from (\d+) to (\d+)", text)
                self.assertTrue(found, text)
                low, high = int(found.group(1)), int(found.group(2))
                self.assertLess(low, high)
                for value in (high + 1, low - 1):
                    job = self.job_on(planted(5, 4, 12), **{key: value})
                    self.assertFailed(job, self.run_train(job), key, str(value))
                bounds = [low] if key == "n_epochs" else [low, high]
                for value in bounds:
                    job = self.job_on(planted(5, 4, 12), **{key: value})
                    self.assertTrained(job, self.train(job))

    def test_numbers_are_read_the_same_under_a_locale_with_decimal_commas(self):
        """Checklist 25."""
        locales = self.german_locale()
        text = csv(planted(noise=0.1))
        plain = self.job_on(text, learning_rate="0.02", regularization="2.5e-2")
        result = self.train(plain)
        german = self.job_on(text, learning_rate="0.02", regularization="2.5e-2")
        spoken = self.train(german, env={"LC_ALL": "de_DE.UTF-8", "LOCPATH": str(locales)})
        self.assertSameModel(plain, german)
        self.assertEqual(figures(result), figures(spoken), "and written with points")
        self.assertEqual(plain.metrics()["hyperparameters"], german.metrics()["hyperparameters"])

    def german_locale(self):
        folder = self.folder / "locale"
        folder.mkdir()
        try:
            subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", folder / "de_DE.UTF-8"],
                           check=False, timeout=120, capture_output=True)
        except OSError:
            pass
        point = subprocess.run(
            ["/usr/bin/python3", "-c", "import locale; locale.setlocale(locale.LC_ALL, '');"
             "print(locale.localeconv()['decimal_point'])"],
            env={"LC_ALL": "de_DE.UTF-8", "LOCPATH": str(folder)}, capture_output=True, check=False)
        if point.stdout != b",\n":
            self.not_here("no German locale can be made (Debian package: locales)")
        return folder


class Channels(TrainCase):
    def setUp(self):
        super().setUp()
        self.text = csv(ROWS)

    @functools.cached_property
    def plain(self):
        """The model of ROWS in the simplest job."""
        job = self.job_on(self.text)
        self.train(job)
        return job.bytes()

    def test_channels_come_from_the_json_not_from_the_folder(self):
        """Checklist 26: a manifest and unlisted folders beside the channel are ignored."""
        job = self.job_on(self.text)
        (job.data / "train-manifest").write_text('[{"prefix": "s3://bucket/"}]')
        for name in ("validation", "model", "other"):
            (job.data / name).mkdir()
            (job.data / name / "ratings.csv").write_text("userId,movieId,rating\n1,2,x\n")
        self.assertTrained(job, self.train(job))
        self.assertSameModel(self.plain, job)

    def test_a_channel_with_nothing_but_its_mode_is_accepted(self):
        """Checklist 27: SDK local mode."""
        job = self.job().channel("train", {"ratings.csv": self.text},
                                 properties={"TrainingInputMode": "File"})
        self.train(job)
        self.assertSameModel(self.plain, job)

    def test_the_training_channel_may_be_called_training(self):
        """§2.4.2: the channel of fit("s3://…")."""
        job = self.job().channel("training", {"ratings.csv": self.text})
        self.train(job)
        self.assertSameModel(self.plain, job)

    def test_unknown_fields_nulls_and_foreign_config_files_are_ignored(self):
        """Checklist 28."""
        job = self.job_on(self.text)
        job.channels["train"].update({"EnableFFM": "None", "S3Uri": None, "Nested": {"a": [1, {}]}})
        job.resource.update({
            "current_instance_type": "ml.c5.xlarge", "current_group_name": "homogeneousCluster",
            "instance_groups": [{"instance_group_name": "homogeneousCluster",
                                 "instance_type": "ml.c5.xlarge", "hosts": ["algo-1"]}],
            "topology": None, "future": {"x": [None, 1.5]}})
        job.config.update({
            "init-config.json": b'{"inputMode":"FILE"}', "trainingjobconfig.json": b"{}",
            "metric-definition-regex.json": b"not JSON", "debughookconfig.json": b"\xff\x00",
            "profilerconfig.json": b"", "upstreamoutputdataconfig.json": b"[]",
            "resourceConfig.json": b"nonsense"})
        (job.prefix / "input/config/folder").mkdir()
        result = self.train(job)
        self.assertTrained(job, result)
        self.assertSameModel(self.plain, job)

    def test_a_null_in_a_field_we_know_counts_as_absent(self):
        """Checklist 28."""
        job = self.job().channel("train", {"ratings.csv": self.text}, properties={
            "TrainingInputMode": "File", "ContentType": None, "CompressionType": None,
            "RecordWrapperType": None, "S3DistributionType": None})
        self.train(job)
        self.assertSameModel(self.plain, job)

    def test_resourceconfig_with_three_fields_or_none_at_all_means_one_host(self):
        """Checklist 29."""
        short = self.job_on(self.text).hosts("algo-1-x7q2z", ["algo-1-x7q2z"])
        self.assertEqual({"current_host", "hosts", "network_interface_name"}, set(short.resource))
        self.assertTrained(short, self.train(short))
        self.assertSameModel(self.plain, short)
        missing = self.job_on(self.text)
        missing.config["resourceconfig.json"] = None
        self.assertTrained(missing, self.train(missing))
        self.assertSameModel(self.plain, missing)

    def test_file_and_fastfile_on_a_read_only_mount_give_the_same_bytes(self):
        """Checklist 30: read-only by a bind mount where that is possible, else by
        modes and another uid."""
        for mode in ("File", "FastFile"):
            job = self.job().channel("train", {"a/ratings.csv": self.text}, mode=mode)
            job.write_config()
            if namespace():
                result = self.train(job, write_config=False, wrapper=inside(
                    'mount --bind "$1/input" "$1/input"; mount -o remount,bind,ro "$1/input";'
                    'if touch "$1/input/x" 2>/dev/null; then exit 77; fi; shift; exec "$@"',
                    job.prefix))
            else:
                for path in (job.prefix / "input").rglob("*"):
                    path.chmod(0o555 if path.is_dir() else 0o444)
                how = {}
                if os.geteuid() == 0:
                    for name in ("model", "output"):
                        os.chown(job.prefix / name, UNPRIVILEGED, UNPRIVILEGED)
                    how = {"user": UNPRIVILEGED, "program": train_for_anyone(self.folder)}
                result = self.train(job, write_config=False, **how)
            self.assertTrained(job, result)
            self.assertSameModel(self.plain, job, mode)

    def test_an_undocumented_input_mode_fails_by_name(self):
        """Checklist 31."""
        for mode in ("Stream", "file", "FASTFILE", ""):
            with self.subTest(mode=mode):
                job = self.job().channel("train", {"ratings.csv": self.text}, mode=mode)
                self.assertFailed(job, self.run_train(job), f'"{mode}"', "train")

    def test_content_types_compare_without_case_and_parameters(self):
        """Checklist 33."""
        for content_type in ("text/csv", "Text/CSV; charset=utf-8", "text/csv;label_size=0",
                             "TEXT/CSV ; label_size=0; x=y"):
            with self.subTest(content_type=content_type):
                job = self.job().channel("train", {"ratings.csv": self.text}, properties={
                    "TrainingInputMode": "File", "ContentType": content_type})
                self.train(job)
                self.assertSameModel(self.plain, job)

    def test_a_content_type_that_is_not_rows_of_text_is_refused_by_name(self):
        """§2.5.6: a client error, not a parse error somewhere in the data."""
        for content_type in ("application/x-recordio-protobuf", "image/png"):
            with self.subTest(content_type=content_type):
                job = self.job().channel("train", {"ratings.csv": self.text}, properties={
                    "TrainingInputMode": "File", "ContentType": content_type})
                self.assertFailed(job, self.run_train(job), content_type, "train")

    def test_a_missing_channel_is_named(self):
        """Checklist 37."""
        for channels in ({}, {"validation": {"TrainingInputMode": "File"}}):
            with self.subTest(channels=channels):
                job = self.job()
                job.channels = channels
                (job.data / "train").mkdir()
                (job.data / "train" / "ratings.csv").write_text(self.text)
                self.assertFailed(job, self.run_train(job), re.compile(r"\btrain\b"))

    def test_an_unexpected_channel_is_named(self):
        """Checklist 37."""
        for name in ("test", "validatoin", "x.y-z_1"):
            with self.subTest(name=name):
                job = self.job_on(self.text).channel(name, {"ratings.csv": self.text})
                self.assertFailed(job, self.run_train(job), name)

    def test_two_names_of_one_channel_at_once_are_refused(self):
        """Checklist 37: train and training; choosing one silently would lose data."""
        job = self.job_on(self.text).channel("training", {"ratings.csv": self.text})
        self.assertFailed(job, self.run_train(job), "train", "training")

    def test_an_empty_channel_is_named_with_the_usual_causes(self):
        """Checklist 37, §2.5.5: also a folder with nothing but folders and skipped names,
        and one that is not there."""
        contents = {"empty": {}, "skipped names": {"_SUCCESS": "", ".part.crc": "x",
                                                   "_temporary/0/ratings.csv": self.text},
                    "no folder": None}
        for label, files in contents.items():
            for channel in ("train", "validation"):
                with self.subTest(label=label, channel=channel):
                    job = self.job_on(self.text) if channel == "validation" else self.job()
                    job.channel(channel, files)
                    text = self.assertFailed(job, self.run_train(job), channel)
                    if files is not None:
                        self.assertRegex(text, r"\b(prefix|role)\b")

    def test_a_file_in_place_of_the_channel_folder_is_an_error(self):
        """Checklist 37."""
        job = self.job().channel("train", None)
        (job.data / "train").write_text(self.text)
        self.assertFailed(job, self.run_train(job), "train", error=None)


class Files(TrainCase):
    """Checklist 34-36, 38: one model, however the same rows are cut into files."""

    @functools.cached_property
    def plain(self):
        job = self.job_on(csv(ROWS))
        self.train(job)
        return job.bytes()

    def same(self, files, message=""):
        job = self.job().channel("train", files)
        result = self.train(job)
        self.assertTrained(job, result)
        self.assertSameModel(self.plain, job, message)
        return result

    def test_nested_files_equal_one_concatenated_file(self):
        """Checklist 34: sorted by path, each with its own header."""
        cut = [0, 900, 901, 2500, len(ROWS)]
        parts = [ROWS[a:b] for a, b in zip(cut, cut[1:])]
        names = ("a/part-0.csv", "a/x/part-1.csv", "b/y/z/part-2.csv", "c.csv")
        self.same({n: csv(p) for n, p in zip(names, parts)}, "with headers")
        self.same({n: csv(p, header=None) for n, p in zip(names, parts)}, "without")

    def test_names_that_begin_with_a_dot_or_an_underscore_are_skipped(self):
        """Checklist 34: files and folders; their content would fail or change the model."""
        junk = csv([("x", "y", "not a number", "1")])
        result = self.same({"ratings.csv": csv(ROWS), ".hidden.csv": junk, "_SUCCESS": "",
                            "_metadata/ratings.csv": junk, ".git/ratings.csv": junk,
                            "sub/_old.csv": junk, "sub/.x": b"\xff"})
        self.assertNotIn("not a number", result.log_text())

    def test_line_ends_final_newline_and_bom_make_no_difference(self):
        """Checklist 35."""
        text = csv(ROWS)
        variants = {
            "no final newline": text[:-1],
            "CR-LF": text.replace("\n", "\r\n"),
            "CR-LF, no final one": text.replace("\n", "\r\n")[:-2],
            "BOM": "\ufeff" + text,
            "BOM and CR-LF": "\ufeff" + text.replace("\n", "\r\n"),
            "BOM, no header": "\ufeff" + csv(ROWS, header=None),
            "blank lines": text.replace("\n", "\n\n"),
            "every field quoted": csv([[f'"{c}"' for c in row] for row in ROWS],
                                      [f'"{c}"' for c in HEADER]),
        }
        for label, variant in variants.items():
            with self.subTest(label):
                self.same({"ratings.csv": variant}, label)

    def test_the_columns_may_be_in_any_order(self):
        """The model is the same."""
        for order in ((3, 2, 1, 0), (2, 0, 3, 1), (1, 0, 2, 3)):
            with self.subTest(order=order):
                self.same({"ratings.csv": csv([[r[c] for c in order] for r in ROWS],
                                              [HEADER[c] for c in order])})

    def test_the_order_in_a_folder_does_not_change_the_model(self):
        """Checklist 36: files made in two orders, in a folder on disk and on tmpfs,
        whose listing follows the order of creation."""
        parts = {f"part-{i:05d}.csv": csv(ROWS[i * 250 : (i + 1) * 250]) for i in range(16)}
        names = list(parts)
        random.Random(5).shuffle(names)
        places = [self.folder]
        listings = set()
        if os.access("/dev/shm", os.W_OK) and not container.IMAGE:
            places.append(Path(tempfile.mkdtemp(prefix="mf-", dir="/dev/shm")))
            self.addCleanup(shutil.rmtree, places[-1], True)
        for place in places:
            for order in (sorted(names), sorted(names, reverse=True), names):
                job = self.job().channel("train", {})
                folder = place / f"data{len(listings)}{place.name}"
                folder.mkdir()
                for name in order:
                    (folder / name).write_text(parts[name])
                listings.add(tuple(os.listdir(folder)))
                (job.data / "train").rmdir()
                (job.data / "train").symlink_to(folder)
                self.train(job)
                self.assertSameModel(self.plain, job, f"{place}, {order[:2]} first")
                shutil.rmtree(folder)
        if len(listings) < 2:
            self.not_here("no file system here lists a folder in two orders")

    def test_a_malformed_row_is_named_by_file_line_and_column(self):
        """Checklist 38: first line of the failure file."""
        lines = csv([("10", "1000", "3.5", "7")] * 1 + ROWS[:60]).splitlines()
        lines[40] = "10,1000,4;5,964982703"  # line 41, the rating begins at byte 9
        job = self.job_on("\n".join(lines) + "\n")
        text = self.assertFailed(job, self.run_train(job))
        self.assertRegex(text, r'\AClientError: (\S*/)?ratings\.csv:41:9: '
                               r'rating "4;5" is not a number \(max_bad_rows=… leaves such rows out\)\Z')

    def test_the_file_named_is_the_one_of_many(self):
        """Checklist 38: a nested and a packed one too."""
        good, bad = csv(ROWS[:500]), csv(ROWS[500:600]) + "1,1000,four,5\n"
        for name, content in (("b/part-7.csv", bad), ("b/part-7.csv.gz", gzip.compress(bad.encode()))):
            with self.subTest(name=name):
                job = self.job().channel("train", {"a.csv": good, name: content, "z.csv": good})
                self.assertFailed(job, self.run_train(job),
                                  re.compile(rf'\A\S*{re.escape(name)}:102:8: rating "four"'))


class PipeMode(TrainCase):
    """Checklist 32."""

    def setUp(self):
        super().setUp()
        self.text = csv(ROWS)

    def pipe_job(self, channels=("train",), **hyperparameters):
        job = self.job(**hyperparameters)
        for name in channels:
            job.channel(name, None, mode="Pipe")
        return job

    def late(self, run):
        """For Feeder(before=…): the FIFO appears once the program is well under way
        and asleep, waiting for it."""
        def wait():
            run.wait_for_handler()
            return run.wait_until(lambda: run.state() == "S", "a program that waits")
        return wait

    def test_a_late_fifo_makes_the_model_of_the_file(self):
        """Checklist 32: created late, fed in pieces that respect no row, read to EOF."""
        plain = self.job_on(self.text)
        self.train(plain)
        for name in ("train", "training"):
            job = self.pipe_job([name])
            run = self.start(job)
            feeder = self.feed(job.data / f"{name}_0", self.text, before=self.late(run))
            result = run.wait()
            self.assertTrained(job, result)
            self.assertTrue(feeder.sent_all.wait(5), "read to its end")
            self.assertSameModel(plain, job, name)

    def test_a_fifo_that_is_there_but_has_no_writer_yet_is_not_taken_for_empty(self):
        """Checklist 32: the program opens it before the platform does."""
        plain = self.job_on(self.text)
        self.train(plain)
        job = self.pipe_job()
        os.mkfifo(job.data / "train_0")
        run = self.start(job)

        def reading():
            """The program has the FIFO open, or sits in open()."""
            run.wait_for_handler()
            fds = Path(f"/proc/{run.pid}/fd")

            def has_it():
                try:
                    links = [os.readlink(p) for p in fds.iterdir()]
                except OSError:
                    return False
                return any(link.endswith("train_0") for link in links) or run.state() == "S"
            return run.wait_until(has_it, "a reader of the FIFO")

        self.feed(job.data / "train_0", self.text, before=reading)
        self.assertTrained(job, run.wait())
        self.assertSameModel(plain, job)

    def test_the_platform_may_offer_more_epochs_than_are_read(self):
        """Checklist 32: train_1 is there as well; its writer sees it closed or never
        opened, and the job ends."""
        job = self.pipe_job()
        run = self.start(job)
        self.feed(job.data / "train_0", self.text, before=self.late(run))
        self.feed(job.data / "train_1", self.text, before=self.late(run))
        self.assertTrained(job, run.wait())

    def test_objects_one_after_another_repeat_their_header(self):
        """§2.6.4: the stream is the objects' bytes; headers in the middle are not rows."""
        plain = self.job_on(self.text)
        self.train(plain)
        job = self.pipe_job()
        run = self.start(job)
        stream = csv(ROWS[:1000]) + csv(ROWS[1000:1001]) + csv(ROWS[1001:])
        self.feed(job.data / "train_0", stream, before=self.late(run))
        result = run.wait()
        self.assertTrained(job, result)
        self.assertSameModel(plain, job)
        self.assertEqual(0, job.metrics()["data"]["n_bad_rows"])

    def test_train_and_validation_may_both_be_pipes_in_either_order(self):
        """§2.6.3: channels are independent."""
        check = planted(seed=9)[:600]
        plain = self.job_on(self.text).channel("validation", {"ratings.csv": csv(check)})
        expected = figures(self.train(plain))
        for order in (("train", "validation"), ("validation", "train")):
            job = self.pipe_job(("train", "validation"))
            run = self.start(job)
            content = {"train": self.text, "validation": csv(check)}
            for name in order:
                self.feed(job.data / f"{name}_0", content[name], before=self.late(run))
            result = run.wait()
            self.assertTrained(job, result)
            self.assertEqual(expected, figures(result))
            self.assertSameModel(plain, job)

    def test_gzip_objects_in_a_pipe_are_read(self):
        """§2.4: CompressionType Gzip; several members one after another."""
        plain = self.job_on(self.text)
        self.train(plain)
        job = self.pipe_job()
        job.channels["train"]["CompressionType"] = "Gzip"
        run = self.start(job)
        packed = b"".join(gzip.compress(csv(part).encode()) for part in (ROWS[:7], ROWS[7:]))
        self.feed(job.data / "train_0", packed, before=self.late(run))
        self.assertTrained(job, run.wait())
        self.assertSameModel(plain, job)

    def test_recordio_in_a_pipe_works_or_is_refused_by_name(self):
        """§2.4: RecordWrapperType; never rows of garbage, never a hang."""
        job = self.pipe_job()
        job.channels["train"]["RecordWrapperType"] = "RecordIO"
        run = self.start(job)
        record = self.text.encode()
        wrapped = (0xCED7230A).to_bytes(4, "little") + len(record).to_bytes(4, "little") + record
        self.feed(job.data / "train_0", wrapped + b"\0" * (-len(record) % 4))
        result = run.wait()
        if result.status != 0:
            self.assertFailed(job, result, "RecordIO")
        else:
            self.assertTrained(job, result)
            plain = self.job_on(self.text)
            self.train(plain)
            self.assertSameModel(plain, job)

    def test_an_error_in_a_stream_is_named_by_line(self):
        """Checklist 32, 38."""
        job = self.pipe_job()
        run = self.start(job)
        self.feed(job.data / "train_0", csv(ROWS[:99]) + "1,2,bad,3\n" + csv(ROWS[99:]))
        self.assertFailed(job, run.wait(), re.compile(r'train\S*:101:5: rating "bad"'))

    def test_an_empty_stream_and_one_that_is_not_ratings_fail_with_the_channels_name(self):
        """Checklist 32: and they do not hang."""
        for label, content in (("empty", ""), ("header only", csv([])),
                               ("not ratings", "movieId,title,genres\n1,Toy Story,Comedy\n")):
            with self.subTest(label):
                job = self.pipe_job()
                run = self.start(job)
                self.feed(job.data / "train_0", content, before=self.late(run))
                self.assertFailed(job, run.wait(), "train")

    def test_a_model_channel_in_pipe_mode_is_refused(self):
        """Checklist 32: a packed model cannot be read from a pipe; File or FastFile work."""
        job = self.job_on(self.text).channel("model", None, mode="Pipe")
        self.assertFailed(job, self.run_train(job), "model", "File")


if __name__ == "__main__":
    unittest.main()
