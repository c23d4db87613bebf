"""Checklist 72-78 (docs/sagemaker.md): the output and the log of a training job, and
metrics.json."""

import json
import math
import os
import re
import signal
import unittest
from pathlib import Path

from epochs import figures
from programs import SOURCE, STOP_DEADLINE, TRAIN
from samples import csv, planted, real_ratings
from terminal import Terminal
from train_case import TrainCase
from wrappers import AS_OPT_ML, inside, namespace

ALL = planted(200, 100, 5000)
ROWS, CHECK = ALL[:4000], ALL[4000:]
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]|[\x80-\x9f]")


def metric_definitions():
    """The fenced JSON block of docs/training.md that is a list of {"Name", "Regex"}."""
    text = (SOURCE / "docs/training.md").read_text(encoding="utf-8")
    found = []
    for block in re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        try:
            content = json.loads(block)
        except ValueError:
            continue
        if isinstance(content, list) and content and all(
                isinstance(d, dict) and {"Name", "Regex"} <= set(d) for d in content):
            found.append(content)
    assert len(found) == 1, f"docs/training.md has {len(found)} lists of metric definitions, not one"
    return found[0]


class LogCase(TrainCase):
    def watched_job(self, **more):
        """With validation data, so that every metric occurs."""
        return self.job_on(ROWS, **more).channel("validation", {"ratings.csv": csv(CHECK)})


class Metrics(LogCase):
    def test_every_documented_regex_catches_one_plain_decimal_per_epoch(self):
        """Checklist 72, 74: over both streams, as CloudWatch sees them. Those of lists one at
        the end."""
        self.assertLessEqual(len(metric_definitions()), 40)
        definitions = [d for d in metric_definitions() if not d["Name"].startswith("gate:")]
        names = [d["Name"] for d in definitions]
        self.assertEqual(len(set(names)), len(names))
        for wanted in ("train_rmse", "validation_rmse", "validation_mae", "validation_ndcg_at_10",
                       "validation_recall_at_10"):
            self.assertTrue(any(wanted in re.sub(r"\W", "_", n) for n in names), wanted)
        job = self.watched_job(n_epochs=7)
        result = self.train(job)
        epochs = job.metrics()["epochs"]
        lists = job.metrics()["final"]["validation_lists"]
        for definition in definitions:
            with self.subTest(definition["Name"]):
                self.assertLessEqual(len(definition["Name"]), 255)
                self.assertLessEqual(len(definition["Regex"]), 500)
                regex = re.compile(definition["Regex"])
                self.assertEqual(1, regex.groups)
                self.assertNotRegex(definition["Regex"], r"[*+]\?\)$", "a lazy group needs "
                                    "something after it (§2.12.4)")
                lines = result.stdout.split("\n") + result.stderr.split("\n")
                per_line = [regex.findall(line + "\n") or regex.findall(line) for line in lines]
                values = [v for caught in per_line for v in caught]
                of_lists = definition["Name"].endswith("_at_10")
                self.assertEqual(1 if of_lists else 7, len(values), f"{values}{result}")
                self.assertTrue(all(len(caught) <= 1 for caught in per_line))
                for value in values:
                    self.assertRegex(value, r"\A\d+(\.\d+)?\Z")
                key = re.sub(r"\W", "_", definition["Name"])
                if of_lists:
                    name = key.replace("validation_", "")
                    self.assertAlmostEqual(lists[name], float(values[0]), delta=0.000051)
                    continue
                for value, epoch in zip(values, epochs):
                    if key in epoch:
                        self.assertAlmostEqual(epoch[key], float(value), delta=0.00051 if
                                               "rmse" in key or "mae" in key else math.inf)

    def test_the_regexes_of_the_gate_catch_its_line(self):
        """With the model in service in the channel current (test_model_gate has the line's values)."""
        first = self.watched_job(n_epochs=2)
        self.train(first)
        job = self.watched_job(n_epochs=2).channel("current", {"model.bin": first.model_bin.read_bytes()})
        result = self.train(job)
        for definition in metric_definitions():
            if definition["Name"].startswith("gate:"):
                with self.subTest(definition["Name"]):
                    caught = re.findall(definition["Regex"], result.stdout + "\n" + result.stderr)
                    self.assertEqual(1, len(caught), result)
                    float(caught[0])

    def test_without_validation_data_the_other_regexes_catch_nothing(self):
        """Checklist 74: no value without a meaning."""
        result = self.train(self.job_on(ROWS))
        for definition in metric_definitions():
            caught = re.findall(definition["Regex"], result.stdout + "\n" + result.stderr)
            needs_validation = re.search("validation|_at_10|gate:", definition["Name"])
            self.assertEqual(0 if needs_validation else 4, len(caught), definition["Name"])

    def test_the_epoch_line_is_the_documented_one(self):
        """Checklist 72, 75; docs/training.md gives the line."""
        number = r"\d+\.\d+"
        with_check = (rf"epoch=\d+ train_rmse={number} validation_rmse={number} "
                      rf"validation_mae={number} seconds={number} ratings_per_second=\d+ ?")
        without = rf"epoch=\d+ train_rmse={number} seconds={number} ratings_per_second=\d+ ?"
        for job, pattern in ((self.watched_job(), with_check), (self.job_on(ROWS), without)):
            lines = [l for l in self.train(job).stdout.splitlines() if l.startswith("epoch=")]
            self.assertEqual(4, len(lines))
            for n, line in enumerate(lines):
                self.assertRegex(line, rf"\A{pattern}\Z")
                self.assertTrue(line.startswith(f"epoch={n + 1} "), "counted from 1")

    def test_an_epochs_line_arrives_before_the_next_epoch_ends(self):
        """Checklist 73: stdout is a pipe. When checkpoint n is on disk, epoch n-1 has been
        printed; with a block-buffered stdout nothing would be there yet."""
        job = self.watched_job(n_epochs=30, n_factors=64, checkpoint_every=1).keep_checkpoints()
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        watch = self.watch()
        watch.add(job.checkpoints, "points", "MOVED_TO")
        run = self.start(job, stdout=write_end)
        os.close(write_end)
        try:
            run.wait_until(lambda: watch.seen("MOVED_TO", r"checkpoint-.*000004\.mfck"), "epoch 4")
            run.stop_the_clock()
            newest = max(int(name[-11:-5]) for _, _, name in watch.poll())
            try:
                printed = os.read(read_end, 1 << 20).decode()
            except BlockingIOError:
                printed = ""
        finally:
            os.close(read_end)
        self.assertTrue(printed.endswith("\n"), f"not whole lines: {printed[-80:]!r}")
        lines = re.findall(r"^epoch=(\d+) ", printed, re.MULTILINE)
        self.assertGreaterEqual(len(lines), newest - 1, printed)
        self.assertLess(newest, 30, "was over before it could be looked at")

    def test_a_diverging_run_stops_at_once_with_advice_and_prints_no_nan(self):
        """Checklist 75: a learning rate that diverges."""
        diverged = 0
        for rate in ("1000", "100", "10", "5", "2", "1"):
            job = self.watched_job(learning_rate=rate, regularization="0", bias_regularization="0",
                                   n_factors=64, n_epochs=200)
            result = self.run_train(job)
            self.assertNotRegex(result.log_text(), re.compile(r"\b-?(nan|inf(inity)?)\b", re.I))
            for line in result.epochs:
                for name, value in line.items():
                    self.assertTrue(math.isfinite(float(value)), (name, value))
            if result.status == 0:
                self.assertTrained(job, result)
                continue
            text = self.assertFailed(job, result, "learning_rate")
            if "expected" not in text:  # not just out of range
                diverged += 1
                self.assertIn(rate, text)
                self.assertRegex(text, r"(?i)diverg")
                self.assertRegex(text, r"(?i)lower|smaller|reduce|less", "advice")
                self.assertLess(len(result.epochs), 200)
        self.assertGreater(diverged, 0, "no allowed learning rate diverged")


class Terminals(LogCase):
    """Checklist 76."""

    def test_without_a_terminal_there_is_no_tab_and_no_control_character(self):
        """Checklist 76: both streams, with warnings and left-out files in the log."""
        job = self.watched_job(max_bad_rows=2)
        job.channel("train", {"ratings.csv": csv(ROWS) + "1,2,\tx\x1b[31m,3\n",
                              "tab\tname.txt": "no ratings\n", "ta\x1bgs.csv": "a,b\nc,d\n"})
        result = self.train(job)
        self.assertNotRegex(result.stdout, CONTROL)
        self.assertNotRegex(result.stderr, CONTROL)
        for line in result.stderr.splitlines():
            json.loads(line)

    def test_in_a_container_with_a_terminal_there_is_none_either(self):
        """Checklist 76, 126, §2.17: SDK local mode gives a terminal to a bare `train`."""
        if not namespace():
            self.not_here("/opt/ml needs a private mount namespace")
        job = self.watched_job()
        job.write_config()
        run = self.start(None, wrapper=inside(AS_OPT_ML + 'exec "$@"', job.prefix),
                         terminal=Terminal())
        result = run.wait()
        self.assertTrained(job, result)
        self.assertNotRegex(result.stdout, CONTROL)
        self.assertEqual(4, len(result.epochs))

    def test_with_a_prefix_and_a_terminal_a_person_sees_a_bar_that_fits(self):
        """On a terminal, a live progress bar with the time left."""
        for columns, name in ((80, "ratings.csv"), (40, "ratings.csv"),
                              (80, f"a folder/{'of a long name ' * 7}/ratings.csv")):
            with self.subTest(columns=columns, name=name):
                job = self.job(n_epochs=25, n_factors=64).channel("train", {name: real_ratings()})
                result = self.start(job, terminal=Terminal(columns)).wait()
                self.assertTrained(job, result)
                self.assertIn("\r", result.stdout, "no bar")
                self.assertRegex(result.stdout, r"\d+ ?%")
                self.assertRegex(result.stdout, r"(?i)left|eta")
                plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", result.stdout)
                for drawing in re.findall(r"\r([^\r\n]*)(?=\r)", plain):
                    self.assertLessEqual(len(drawing), columns, "wraps")
                lines = [line for line in plain.replace("\r", "\n").split("\n")
                         if line.lstrip().startswith("epoch=")]
                self.assertEqual(25, len(lines), "each epoch has its line")
                self.assertNotIn("\x1b", re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", result.stdout))
                last = result.stdout.rstrip("\n").split("\n")[-1]
                self.assertNotRegex(last.split("\r")[-1], r"\[[#=-]", "the bar is gone at the end")

    def test_with_stdout_in_a_file_a_terminal_for_stderr_gets_no_bar(self):
        """Checklist 76: `train --prefix DIR >log` on a laptop."""
        job = self.watched_job()
        master, slave = Terminal().open()
        run = self.start(job, stderr=slave)
        os.close(slave)
        run._read(master, "stderr")
        result = run.wait()
        self.assertTrained(job, result)
        self.assertEqual(4, len(result.epochs))
        self.assertNotRegex(result.stdout, CONTROL)
        self.assertNotIn('{"ts"', result.stderr, "a person gets text, not JSON")

    def test_a_failure_on_a_terminal_is_readable_and_ends_the_bar(self):
        """Checklist 44, 45 for a person."""
        job = self.job_on(csv(ROWS) + "1,2,bad,3\n")
        result = self.start(job, terminal=Terminal()).wait()
        self.assertEqual(1, result.status, result)
        last = result.stdout.rstrip().split("\n")[-1]
        self.assertIn('rating "bad" is not a number', last.replace('\\"', '"'))
        self.assertIn("error", last)
        self.assertTrue(job.failure.read_text().startswith("ClientError: "))


class Lost(LogCase):
    def test_lines_lost_on_standard_output_are_reported_once_and_training_continues(self):
        """§2.12.6: a tuning job without its metrics must be able to find out why."""
        job = self.job_on(ROWS, n_epochs=9)
        with open("/dev/full", "wb") as full:
            result = self.run_train(job, stdout=full)
        self.assertTrained(job, result)
        lost = [line for line in result.log if line["event"] == "metrics_lost"]
        self.assertEqual(["warning"], [line["level"] for line in lost], result)
        self.assertEqual(9, len(job.metrics()["epochs"]))


class Waiting(LogCase):
    """OMP_WAIT_POLICY sets how threads wait for each other."""

    def policy(self, **env):
        job = self.job().channel("train", None, mode="Pipe")
        run = self.start(job, env=env)
        run.wait_for_handler()
        environment = Path(f"/proc/{run.pid}/environ").read_text(encoding="utf-8").split("\0")
        name = Path(f"/proc/{run.pid}/comm").read_text(encoding="utf-8").strip()
        run.signal(signal.SIGTERM)
        self.assertEqual(1, run.wait(STOP_DEADLINE).status)
        self.assertEqual(TRAIN.name, name)
        return [word.partition("=")[2] for word in environment if word.startswith("OMP_WAIT_POLICY=")]

    def test_threads_sleep_while_they_wait_by_default(self):
        """Two spinning threads on a busy machine take twice as long."""
        self.assertEqual(["passive"], self.policy())
        self.assertEqual(["active"], self.policy(OMP_WAIT_POLICY="active"))
        self.assertEqual([], self.policy(GOMP_SPINCOUNT="1000"))

    def test_it_changes_nothing_in_the_model(self):
        """Checklist 52."""
        models = set()
        for policy in ("passive", "active"):
            job = self.job_on(ROWS, n_threads=2)
            self.train(job, env={"OMP_WAIT_POLICY": policy})
            models.add(job.bytes())
        self.assertEqual(1, len(models))


class Log(LogCase):
    def test_every_line_on_stderr_is_json_with_time_level_and_event(self):
        """Keys stay the same from run to run."""
        result = self.train(self.watched_job())
        lines = result.stderr.splitlines()
        self.assertTrue(lines)
        for line in lines:
            fields = json.loads(line)
            self.assertRegex(fields["ts"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
            self.assertIn(fields["level"], ("debug", "info", "warning", "error"))
            self.assertTrue(fields["event"])

    def test_it_states_version_settings_sizes_threads_and_seed_once(self):
        """Checklist 77."""
        version = self.start(None, "--version").wait().stdout
        version = re.search(r"\d+\.\d+\.\d+", version).group()
        job = self.watched_job(seed=424243, n_threads=2, learning_rate="0.0173")
        result = self.train(job)
        stated = [line for line in result.log if line.get("version") == version]
        self.assertEqual(1, len(stated), result)
        settings = [line for line in result.log if "learning_rate" in line]
        self.assertEqual(1, len(settings), result)
        self.assertEqual(0.0173, float(settings[0]["learning_rate"]))
        for name in ("n_factors", "n_epochs", "regularization", "seed", "n_threads",
                     "validation_fraction", "max_bad_rows", "checkpoint_every"):
            self.assertIn(name, settings[0], "effective ones, defaults included")
        self.assertEqual(1, result.stderr.count("424243"), "the seed once")
        self.assertTrue(any(str(line.get("n_threads", line.get("threads"))) == "2"
                            for line in result.log), result)
        sizes = "\n".join(json.dumps(line) for line in result.log)
        for count in (len(ROWS), len(CHECK)):
            self.assertRegex(sizes, rf"\b{count}\b", "channel sizes")

    def test_the_number_of_threads_follows_the_cpus_we_may_use(self):
        """Checklist 13: the affinity mask, and the setting lowers it."""
        cpus = sorted(os.sched_getaffinity(0))
        def threads(result):
            counts = {str(line[k]) for line in result.log for k in ("threads", "n_threads_used")
                      if k in line}
            self.assertEqual(1, len(counts), f'one "threads" in the log{result}')
            return int(counts.pop())
        self.assertEqual(len(cpus), threads(self.train(self.job_on(ROWS))))
        if len(cpus) < 2:
            self.not_here("one CPU only")
        pinned = self.train(self.job_on(ROWS), wrapper=("taskset", "-c", str(cpus[0])))
        self.assertEqual(1, threads(pinned))
        self.assertEqual(1, threads(self.train(self.job_on(ROWS, n_threads=1))))

    def test_it_holds_no_credential_and_no_environment(self):
        """Checklist 77: nor do metrics.json and the model."""
        canary = "canary-0123456789"
        job = self.watched_job()
        result = self.train(job, env={
            "AWS_SECRET_ACCESS_KEY": canary, "AWS_ACCESS_KEY_ID": canary, "MY_TOKEN": canary,
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": f"/v2/{canary}"})
        self.assertNotIn(canary, result.log_text())
        self.assertNotIn(canary.encode(), job.bytes())
        self.assertNotIn(canary, json.dumps(job.metrics()))

    def test_it_holds_no_users_data(self):
        """Ids of valid rows are the customer's data."""
        rows = [(f"person-{u}@example.com", i, r, t) for u, i, r, t in ROWS]
        job = self.job_on(rows)
        result = self.train(job)
        self.assertNotIn("@example.com", result.log_text())
        self.assertNotIn("@example.com", json.dumps(job.metrics()))

    def test_any_log_level_is_accepted_and_metrics_are_always_printed(self):
        """Checklist 78."""
        expected = figures(self.train(self.watched_job()))
        for level in ("10", "20", "30", "40", "50", "debug", "INFO", "Warning", "error", "critical",
                      "", "loud", "-1", "9" * 400, "\x1b[31m", "é"):
            with self.subTest(level=level):
                job = self.watched_job()
                result = self.train(job, env={"SAGEMAKER_CONTAINER_LOG_LEVEL": level})
                self.assertEqual(expected, figures(result))
        quiet = self.train(self.watched_job(), env={"SAGEMAKER_CONTAINER_LOG_LEVEL": "error"})
        self.assertEqual("", quiet.stderr)

    def test_the_reason_of_a_failure_is_logged_at_every_log_level(self):
        """Checklist 78, 45."""
        for level in ("50", "critical", "error"):
            job = self.job_on(ROWS, n_factors=0)
            result = self.run_train(job, env={"SAGEMAKER_CONTAINER_LOG_LEVEL": level})
            self.assertFailed(job, result, "n_factors")

    def test_files_left_alone_are_named_in_the_log(self):
        """Other files are named in the log and ignored; what is no items file either is counted by a warning."""
        job = self.job().channel("train", {
            "ratings.csv": csv(ROWS), "movies.csv": "movieId,title,genres\n1,A,B\n",
            "sub/README.txt": "Some words.\n"})
        result = self.train(job)
        for name, events in (("movies.csv", ["items_left_out"]), ("README.txt", ["not_ratings", "left_out"])):
            self.assertEqual(events, [line["event"] for line in result.log if name in str(line)], result)

    def test_a_closed_stdout_does_not_prevent_the_model(self):
        """`train --prefix DIR | head -1` on a laptop."""
        job = self.job_on(ROWS, n_epochs=40)
        plain = self.job_on(ROWS, n_epochs=40)
        self.train(plain)
        read_end, write_end = os.pipe()
        os.close(read_end)
        run = self.start(job, stdout=write_end)
        os.close(write_end)
        self.assertTrained(job, run.wait())
        self.assertSameModel(plain, job)

    def test_closed_standard_streams_do_not_end_up_in_the_model(self):
        """A file opened as descriptor 1 or 2 would get our lines."""
        plain = self.job_on(ROWS)
        self.train(plain)
        for closing in (">&-", "2>&-", ">&- 2>&- <&-"):
            with self.subTest(closing):
                job = self.job_on(ROWS).keep_checkpoints()
                result = self.run_train(job, wrapper=("sh", "-c", f'exec "$@" {closing}', "sh"))
                self.assertEqual(0, result.status, result)
                self.assertSameModel(plain, job)
                self.assertUsableModel(job, ROWS)
                job.metrics()

    def test_a_full_log_device_does_not_prevent_the_model(self):
        """/dev/full as both streams."""
        plain = self.job_on(ROWS)
        self.train(plain)
        job = self.job_on(ROWS)
        with open("/dev/full", "wb") as full:
            run = self.start(job, stdout=full, stderr=full)
        self.assertTrained(job, run.wait())
        self.assertSameModel(plain, job)


class MetricsFile(LogCase):
    def test_it_holds_version_settings_data_epochs_final_figures_and_timings(self):
        """All epochs, final figures, timings, data statistics,
        hyperparameters as used, version."""
        job = self.watched_job(n_epochs=6, learning_rate="0.0173", max_bad_rows=5)
        text = csv(ROWS + [ROWS[0], ROWS[1]]) + "1,2,bad,3\n"
        job.channel("train", {"ratings.csv": text})
        result = self.train(job)
        metrics = job.metrics()
        version = self.start(None, "--version").wait().stdout
        self.assertIn(metrics["version"], version)
        used = metrics["hyperparameters"]
        self.assertEqual(0.0173, float(used["learning_rate"]))
        self.assertEqual(6, int(used["n_epochs"]))
        self.assertEqual(8, int(used["n_factors"]))
        help_text = self.start(None, "--help").wait().stdout
        for name in used:
            self.assertRegex(help_text, rf"\b{name}\b")
        data = metrics["data"]
        self.assertEqual(len(ROWS), data["n_ratings"])
        self.assertEqual(len({r[0] for r in ROWS}), data["n_users"])
        self.assertEqual(len({r[1] for r in ROWS}), data["n_items"])
        self.assertEqual(1, data["n_bad_rows"])
        self.assertEqual(2, data["n_repeated"])
        self.assertEqual(6, len(metrics["epochs"]))
        for printed, written in zip(result.epochs, metrics["epochs"]):
            self.assertEqual(int(printed["epoch"]), written["epoch"])
            for name in ("train_rmse", "validation_rmse", "validation_mae"):
                self.assertAlmostEqual(float(printed[name]), written[name], delta=0.00051)
        best = min(metrics["epochs"], key=lambda e: e["validation_rmse"])
        self.assertAlmostEqual(best["validation_rmse"], metrics["final"]["validation_rmse"],
                               places=6)
        self.assertTrue(metrics["timings"])
        self.assertTrue(all(v >= 0 for v in metrics["timings"].values()))
        raw = (job.output / "data" / "metrics.json").read_text()
        self.assertNotRegex(raw, r"(?i)\b(nan|infinity)\b")

    def test_without_validation_data_it_has_no_validation_figures(self):
        """A zero or null would be read as a figure."""
        job = self.job_on(ROWS)
        self.train(job)
        metrics = job.metrics()
        for epoch in metrics["epochs"]:
            self.assertEqual(set(), {k for k in epoch if "validation_rmse" in k or "mae" in k})
        self.assertNotIn("validation_rmse", metrics["final"])

    def test_it_can_be_written_again_by_another_reader(self):
        """json.loads would not report duplicate keys."""
        job = self.watched_job()
        self.train(job)

        def unique(pairs):
            names = [name for name, _ in pairs]
            self.assertEqual(len(set(names)), len(names), names)
            return dict(pairs)
        json.loads((job.output / "data" / "metrics.json").read_text(), object_pairs_hook=unique)


if __name__ == "__main__":
    unittest.main()
