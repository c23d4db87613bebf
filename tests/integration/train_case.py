"""train_case.py: runs the real `train` as SageMaker runs it, on trees made for one test.

    class Example(TrainCase):
        def test_a_sentence(self):
            job = self.job(n_epochs=3)                 # a fresh /opt/ml
            job.channel("train", {"ratings.csv": csv(planted())})
            result = self.train(job)                   # runs, asserts exit 0
            self.assertTrained(job, result)

(1) Every test has a tree of its own below one temporary folder; tests may run
    side by side.
(2) Every process is ended before the test returns (process.py).
(3) The checklist whose lines the tests name by their numbers is that of docs/sagemaker.md.
(4) Tests that a machine cannot run are reported on stderr as NOT TESTED HERE.
(5) With MF_IMAGE the programs under test are those of a container image; see container.py.

Python's standard library only; runs as root or as any other user.
"""

import json
import os
import re
import shutil
import tempfile
from pathlib import Path

import container
from data_lines import assert_no_line_lost
from feeder import Feeder
from gate import Gate
from job import Job
from process import Run
from programs import DEADLINE, SOURCE, TRAIN
from samples import csv
from sanitizers import SANITIZER_ENVIRONMENT
from skipping import LoudCase
from watch import Watch
from wrappers import AS_OPT_ML, measured

# Small and quick; a test of the program's own defaults passes defaults=True.
SMALL = {"n_factors": "8", "n_epochs": "4", "seed": "7"}


class TrainCase(LoudCase):
    """Fresh trees, bounded runs, and checks that hold for every run."""

    def setUp(self):
        if not TRAIN.exists():
            self.fail(f"{TRAIN} is not there: build it, or set MF_BIN")
        self._folder = None
        self._runs, self._feeders, self._closers = [], [], []
        self._n_jobs = 0

    @property
    def folder(self):
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="mf-"))
            self._folder.chmod(0o755)
        return self._folder

    def tearDown(self):
        for run in self._runs:
            run.end()
        for feeder in self._feeders:
            feeder.end()
        for thing in self._closers:
            thing.close()
        if self._folder is not None:
            for path in self._folder.rglob("*"):
                if path.is_dir() and not path.is_symlink() and not os.access(path, os.W_OK):
                    path.chmod(0o755)
            shutil.rmtree(self._folder, ignore_errors=True)

    # -- making and running

    def job(self, defaults=False, **hyperparameters):
        chosen = {} if defaults else dict(SMALL)
        chosen.update({k: str(v) for k, v in hyperparameters.items()})
        self._n_jobs += 1
        return Job(self.folder / f"job{self._n_jobs}", chosen)

    def job_on(self, rows, **hyperparameters):
        """A job whose train channel is ratings.csv of these rows (or this text)."""
        text = rows if isinstance(rows, str) else csv(rows)
        return self.job(**hyperparameters).channel("train", {"ratings.csv": text})

    def environment(self, **more):
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8",
               "HOME": str(self.folder), **SANITIZER_ENVIRONMENT}
        env.update(more)
        return {k: v for k, v in env.items() if v is not None}

    def start(self, job, *words, env=None, write_config=True, wrapper=(), program=None, prefix=True,
              **how):
        """Starts `train --prefix …`. wrapper: words before it; env: more variables."""
        if job is not None and write_config:
            job.write_config()
        if job is not None and prefix:
            words = ("--prefix", job.prefix, *words)
        env = self.environment(**(env or {}))
        if container.IMAGE:
            run = self._start_container(program or TRAIN, words, wrapper, env, **how)
        else:
            run = Run([*wrapper, program or TRAIN, *words], env=env, **how)
        self._runs.append(run)
        return run

    def _start_container(self, program, words, wrapper, env, user=None, cwd=None, **how):
        """The same in the image: the command of start() in a container, or a reported skip."""
        name = Path(program).name
        folders = {self.folder: self.folder, SOURCE / "data": f"{SOURCE / 'data'}:ro"}
        if wrapper[-3:-1] == (AS_OPT_ML + 'exec "$@"', "sh"):
            folders[wrapper[-1]] = "/opt/ml"
            wrapper = ()
        if wrapper or how or name not in ("train", "serve"):
            self.not_here("in a container: it needs a process of its own making")
        for word in words:  # a model that several tests share
            path = Path(word)
            if path.is_absolute() and path.exists() and self.folder not in (path, *path.parents):
                folders[word] = word
        inside = container.Container()
        return Run(container.words_of_run(inside, name, words, folders, env, user, cwd),
                   env=dict(os.environ), inside=inside)

    def run_train(self, job, *words, deadline=DEADLINE, **how):
        """Runs to the end, whatever its exit status."""
        return self.start(job, *words, **how).wait(deadline)

    def train(self, job, *words, **how):
        """Runs to the end, which must be exit 0."""
        result = self.run_train(job, *words, **how)
        self.assertEqual(0, result.status, result)
        return result

    def measured(self, job, **how):
        """(Result, peak resident bytes) of a run to its end. The kernel counts what the
        process had before its exec, too, so a small process starts it, not this one."""
        peak = self.folder / "peak"
        result = self.run_train(job, wrapper=measured(peak), **how)
        return result, int(peak.read_text()) * 1024

    def predict(self, job, user, item):
        """(rating, the whole line) of `train --predict`."""
        result = self.run_train(job, "--predict", user, item, write_config=False)
        self.assertEqual(0, result.status, result)
        match = re.fullmatch(
            r"predicted_rating=(-?\d+\.\d+)((?: known_(?:user|item)=(?:true|false))*)\n",
            result.stdout)
        self.assertTrue(match, result)
        return float(match.group(1)), result.stdout.strip()

    def gate(self, capacity):
        gate = Gate(capacity)
        self._closers.append(gate)
        return gate

    def watch(self):
        watch = Watch()
        self._closers.append(watch)
        return watch

    def feed(self, path, data, **how):
        feeder = Feeder(path, data, **how)
        self._feeders.append(feeder)
        feeder.start()
        return feeder

    def bare_only(self, reason):
        """Skips where the program runs in a container."""
        if container.IMAGE:
            self.not_here(f"in a container: {reason}")

    # -- checks

    def assertTrained(self, job, result):
        """Checklist 39, 40: exit 0, one regular file, no failure, figures written."""
        self.assertEqual(0, result.status, result)
        self.assertFalse(job.failure.exists(), result)
        self.assertEqual(["model.bin"], self.model_files(job), result)
        self.assertGreater(job.model_bin.stat().st_size, 64)
        report = job.hyperparameters.get("report", "true").strip('"').lower() != "false"
        self.assertEqual(["metrics.json", "report.html"] if report else ["metrics.json"],
                         sorted(p.name for p in (job.output / "data").iterdir()))
        data = job.metrics()["data"]
        if job.channels.get("train", {}).get("TrainingInputMode") != "Pipe":
            assert_no_line_lost(self, job.data / "train", data)

    def model_files(self, job):
        """Names below model/, asserting that they are plain files and folders."""
        names = []
        for path in sorted(job.model.rglob("*")):
            self.assertFalse(path.is_symlink(), path)
            self.assertTrue(path.is_file() or path.is_dir(), path)
            names.append(str(path.relative_to(job.model)))
        return names

    def assertFailed(self, job, result, *words, error="ClientError"):
        """Checklist 42-45 for a run that must fail: exit 1, the reason last on stderr
        and the same in output/failure after its class, one line of UTF-8, short
        enough, each of `words` in it; nothing under a final name in model/. Returns
        the failure text."""
        self.assertEqual(1, result.status, result)
        self.assertTrue(job.failure.is_file(), f"no failure file{result}")
        content = job.failure.read_bytes().decode("utf-8")  # strict
        text = content[:-1] if content.endswith("\n") else content
        self.assertLessEqual(len(content), 1024)
        self.assertRegex(text, r"\A(ClientError|PlatformError|AlgorithmError|Stopped): \S")
        self.assertNotRegex(text, r"[\x00-\x1f\x7f-\x9f]", "one line, no control characters")
        found, _, reason = text.partition(": ")
        if error is not None:
            self.assertEqual(error, found, result)
        self.assertEqual(reason, self.last_error(result), result)
        for word in words:
            if isinstance(word, re.Pattern):
                self.assertRegex(reason, word, result)
            else:
                self.assertIn(str(word), reason, result)
        if job.model.is_dir():
            self.assertEqual([], self.model_files(job), result)
        return text

    def last_error(self, result):
        """The message of the last line on stderr, which must be an error in JSON."""
        lines = result.stderr.rstrip("\n").split("\n")
        try:
            last = json.loads(lines[-1])
        except ValueError:
            self.fail(f"the last line on stderr is not JSON{result}")
        self.assertEqual("error", last.get("level"), result)
        self.assertIn("message", last, result)
        return last["message"]

    def assertSameModel(self, expected, job, message=""):
        """expected: bytes or another Job."""
        a = expected if isinstance(expected, bytes) else expected.bytes()
        b = job.bytes()
        if a == b:
            return
        at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
        context = lambda m: m[max(0, at - 60) : at + 60]
        self.fail(f"{message}: model.bin differs at byte {at} (sizes {len(a)}, {len(b)}):\n"
                  f"  {context(a)!r}\n  {context(b)!r}")

    def assertUsableModel(self, job, rows):
        """The model opens (so every byte is as written) and predicts within the scale."""
        low, high = (f(float(r[2]) for r in rows) for f in (min, max))
        rating, line = self.predict(job, rows[0][0], rows[0][1])
        self.assertNotIn("known_user=false", line)
        self.assertTrue(low <= rating <= high, line)
