"""ranking_case.py: training jobs that learn a ranking model: what they print, write and store.

    result = self.train(job)
    steps_of(result)                  # the lines ranking_step=…
    lists_of(result)                  # the line validation_ndcg_at_10=…, or None
    self.info(job)["ranking_model"]   # what train --info prints about model.bin
    sections(job.bytes())             # model.bin's sections by name
    self.evaluate(job, rows)          # what evaluate prints about the same model
"""

import json
import re
import struct

from programs import BIN
from samples import csv
from train_case import TrainCase

PHASES = ("choosing", "grid", "learning")
STEP = re.compile(r"ranking_step=(\d+) phase=(\w+) change=(\d+\.\d{6}) seconds=(\d+\.\d{3})")
FIGURES = ("ndcg", "precision", "recall", "map", "coverage", "novelty")
# Names that the platform accepts, matched as users' regexes for metric_definitions do.
METRIC = r"\b{}=([0-9.]+)"


def step_lines(text):
    """[(phase, step, change)] of the lines of text that begin with ranking_step=."""
    steps = []
    for line in text.splitlines():
        if line.startswith("ranking_step="):
            match = STEP.fullmatch(line)
            if not match or match.group(2) not in PHASES:
                raise AssertionError(f"not the line of a step: {line!r}")
            steps.append((match.group(2), int(match.group(1)), match.group(3)))
    return steps


def steps_of(result):
    return step_lines(result.stdout)


def lists_of(result, k=10):
    """The figures of the line with the metrics of the lists, by name; None without one."""
    lines = [line for line in result.stdout.splitlines() if line.startswith("validation_ndcg_at_")]
    if not lines:
        return None
    if len(lines) > 1 or result.stdout.splitlines()[-1] != lines[0]:
        raise AssertionError(f"not one line, at the end{result}")
    names = [f"validation_{name}_at_{k}" for name in FIGURES] + [f"popularity_ndcg_at_{k}"]
    pattern = " ".join(rf"{name}=(\d+\.\d{{4}})" for name in names) + r" users=(\d+)"
    match = re.fullmatch(pattern, lines[0])
    if not match:
        raise AssertionError(f"not the line of lists at {k}: {lines[0]!r}")
    return dict(zip([*names, "users"], map(float, match.groups())))


def sections(content):
    """{name: bytes} of a model file (src/model/section_file.h), in file order."""
    table, n = struct.unpack_from("<QI", content, 24)
    found = {}
    for row in range(n):
        name, offset, n_bytes = struct.unpack_from("<32sQQ", content, table + 64 * row)
        found[name.rstrip(b"\0").decode()] = content[offset : offset + n_bytes]
    return found


def floats(content):
    return struct.unpack(f"<{len(content) // 4}f", content)


def ids(found, of):
    """The ids of "user" or "item" in the order of their indexes."""
    start = struct.unpack(f"<{len(found[of + '_id_start']) // 8}Q", found[of + "_id_start"])
    text = found[of + "_id_bytes"]
    return [text[a:b].decode() for a, b in zip(start, start[1:])]


def rated(found):
    """{user: {item: grade code}} of a model with a ranking model."""
    users, items = ids(found, "user"), ids(found, "item")
    start = struct.unpack(f"<{len(users) + 1}Q", found["rated_start"])
    which = struct.unpack(f"<{len(found['rated_items']) // 4}I", found["rated_items"])
    grades = found["optional.ranking_grades"]
    return {user: {items[which[k]]: grades[k] for k in range(start[u], start[u + 1])}
            for u, user in enumerate(users)}


def item_vectors(found):
    """{item: its ranking vector}."""
    items = ids(found, "item")
    values = floats(found["optional.ranking_items"])
    stride = len(values) // len(items)
    return {item: values[i * stride : (i + 1) * stride] for i, item in enumerate(items)}


def offers(info):
    """The part of `train --info --json` with what serve offers with this model."""
    return info["answers"]


class RankingCase(TrainCase):
    def info(self, job):
        result = self.start(None, "--info", job.model_bin, "--json").wait()
        self.assertEqual(0, result.status, result)
        return json.loads(result.stdout)

    def evaluate(self, job, rows, *words):
        """The JSON of `evaluate --model` over these held-out rows."""
        data, figures = self.folder / "held-out.csv", self.folder / "figures.json"
        data.write_text(rows if isinstance(rows, str) else csv(rows), encoding="utf-8")
        result = self.start(None, "--data", data, "--model", job.model_bin, "--json", figures,
                            *words, program=BIN / "evaluate").wait()
        self.assertEqual(0, result.status, result)
        return json.loads(figures.read_text(encoding="utf-8"))

    def warnings(self, result, event):
        return [line["message"] for line in result.log
                if line["level"] == "warning" and line["event"] == event]

    def assertWarned(self, result, event, *words):
        """One warning of this kind, with these words."""
        lines = self.warnings(result, event)
        self.assertEqual(1, len(lines), f"warnings {event}: {lines}{result}")
        for word in words:
            self.assertIn(str(word), lines[0])

    def assertRanks(self, job, result=None):
        """model.bin has a ranking model with numbers in it. Returns the output of --info."""
        info = self.info(job)
        self.assertIsNotNone(info["ranking_model"], result)
        self.assertEqual("ranking", offers(info)["list_orders"][0], result)
        self.assertTrue(any(map(any, item_vectors(sections(job.bytes())).values())), result)
        return info

    def assertNoNan(self, job, result):
        """Neither in the output nor in metrics.json, which is strict JSON."""
        pattern = re.compile(r"(?<![A-Za-z_])-?(nan|inf(inity)?)\b", re.IGNORECASE)
        self.assertNotRegex(result.log_text(), pattern)
        path = job.output / "data" / "metrics.json"
        if path.exists():
            self.assertNotRegex(path.read_text(encoding="utf-8"), pattern)
            job.metrics()
