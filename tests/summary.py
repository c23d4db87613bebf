"""summary.py: counts the tests of a CTest run, and the skipped ones by reason.

    summary.py BUILD_FOLDER

CTest counts programs and modules, and reports one as Passed in which half of the tests were skipped.
This counts single tests: those of Python from the files of run_module.py in results/, those of
cmocka and the replays of fuzz targets from their output (Testing/Temporary/LastTest.log). Prints
nothing when no test ran. The last line repeats CTest's own summary.
"""

import collections
import json
import re
import sys
from pathlib import Path

# "12/224 Testing: unit/test_x"; its output follows up to the next one.
ENTRY = re.compile(r"^\d+/\d+ Testing: (\S+)$", re.MULTILINE)
RAN = re.compile(r"^\[=+\] (\d+) test\(s\) run\.", re.MULTILINE)
# "  3/224 Test  #3: unit/test_x ....***Failed"; a second try has no number in front.
LINE = re.compile(r"^\s*(?:\d+/\d+ )?Test +#\d+: (\S+) \.*(?:\s*|\*+)(\w+)", re.MULTILINE)
TOTAL = re.compile(r"^\d+% tests passed, .*$", re.MULTILINE)

NO_REASON = "no reason was given"


def text_of(path):
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def outputs(log):
    """{test of CTest: its output}; the last output of a repeated test."""
    pieces = ENTRY.split(log)
    return dict(zip(pieces[1::2], pieces[2::2]))


def of_cmocka(output):
    """The number of tests that ran, and the reasons of the skipped ones."""
    reasons, why = [], NO_REASON
    for line in output.splitlines():
        if line.startswith("SKIPPED: "):
            why = line.partition(": ")[2]
        elif re.match(r"\[ +SKIPPED +\] \w+$", line):
            reasons.append(why)
            why = NO_REASON
        elif re.match(r"\[ +RUN +\]", line):
            why = NO_REASON
        elif re.match(r"\[=+\] \d+ test\(s\) run", line):
            break  # a list of the skipped tests follows
    return sum(map(int, RAN.findall(output))) - len(reasons), reasons


class Summary:
    def __init__(self, build):
        self.ran = collections.Counter()  # by kind
        self.why = collections.defaultdict(collections.Counter)  # reason → module → tests
        self.parts = 0
        self.nothing_ran = []
        for path in sorted((build / "results").glob("*.json")):
            self.add_module(path.stem.replace("_", "/", 1), json.loads(path.read_text(encoding="utf-8")))
        for name, output in outputs(text_of(build / "Testing/Temporary/LastTest.log")).items():
            self.add_program(name, output)
        log = text_of(build / "ctest.log")
        self.total = TOTAL.search(log)
        self.repeated = self.second_tries(log)

    def add_module(self, name, found):
        self.ran["Python"] += found["ran"]
        self.parts += len(found["parts"])
        for _, reason in found["skipped"] + found["parts"]:
            self.why[reason][name] += 1
        if not found["ran"]:
            self.nothing_ran.append(name)

    def add_program(self, name, output):
        if name.startswith("unit/"):
            ran, reasons = of_cmocka(output)
            self.ran["cmocka"] += ran
            for reason in reasons:
                self.why[reason][name] += 1
        elif name.startswith("fuzz/"):
            self.ran["replays of fuzz targets"] += 1

    @staticmethod
    def second_tries(log):
        """Tests that passed after a failed try."""
        results = collections.defaultdict(list)
        for name, result in LINE.findall(log):
            results[name].append(result)
        return [name for name, ones in results.items() if len(ones) > 1 and ones[-1] == "Passed"]

    def __str__(self):
        n_skipped = sum(sum(of.values()) for of in self.why.values())
        kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(self.ran.items()))
        lines = [f"{sum(self.ran.values())} tests ran ({kinds}); {n_skipped} were skipped"
                 + (f", {self.parts} of them parts of tests that ran" if self.parts else "")
                 + (", because of:" if n_skipped else "")]
        for reason, of in sorted(self.why.items(), key=lambda item: -sum(item[1].values())):
            where = ", ".join(f"{name} {n}" for name, n in sorted(of.items()))
            lines.append(f"{sum(of.values()):6}  {reason}\n        in {where}")
        if self.nothing_ran:
            lines.append(f"Nothing ran of: {', '.join(self.nothing_ran)}")
        if self.repeated:
            lines.append(f"Passed at the second try only: {', '.join(self.repeated)}")
        return "\n".join(lines)


def main(build):
    summary = Summary(Path(build))
    if summary.total and (summary.ran or summary.why):
        print(f"\n{summary}\n\n{summary.total.group()}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: summary.py BUILD_FOLDER")
    main(sys.argv[1])
