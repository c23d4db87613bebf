"""run_module.py: runs one module of Python tests and writes the result of each test.

    run_module.py MODULE        from the folder of test_MODULE.py; as python3 -m unittest -v

Ends with 0, with 1 when a test failed or there is none, and with SKIPPED when every test of the
module was skipped: CTest calls such a module Skipped (SKIP_RETURN_CODE), not Passed. With the
variable MF_RESULTS the result is written to that file, for summary.py:

    {"module": "test_x", "ran": 12, "failed": 0,
     "skipped": [["test_x.Class.test_y", "no node"], …],    a test each
     "parts": [["test_x.Class.test_z (n=1)", "…"], …]}       subtests of tests that ran
"""

import json
import os
import re
import sys
import unittest
from pathlib import Path

SKIPPED = 77


def cases(suite):
    for test in suite:
        yield from cases(test) if isinstance(test, unittest.TestSuite) else (test,)


def plain(reason):
    """The reason without the prefix of the message on standard error."""
    return re.sub(r"\ANOT TESTED HERE: ", "", " ".join(str(reason).split()))


class Result(unittest.TextTestResult):
    def __init__(self, *words, **more):
        super().__init__(*words, **more)
        self.why = []  # (test, reason)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.why.append((test, plain(reason)))


def run(suite):
    """Runs it, returns what the file of MF_RESULTS holds."""
    names = [test.id() for test in cases(suite)]
    result = unittest.TextTestRunner(verbosity=2, resultclass=Result).run(suite)
    skipped, parts = {}, []
    for test, reason in result.why:
        # When a whole class or module was skipped, no test was started.
        whole = re.match(r"setUp(?:Class|Module) \((.+)\)\Z", test.id())
        if whole:
            skipped.update({name: reason for name in names if name.startswith(whole.group(1) + ".")})
        elif test.id() in names:
            skipped[test.id()] = reason
        else:
            parts.append([test.id(), reason])
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    return {"ran": len(names) - len(skipped), "failed": failed,
            "skipped": sorted(skipped.items()), "parts": parts}


def write(module, found):
    path = os.environ.get("MF_RESULTS")
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        beside = Path(path + ".new")
        beside.write_text(json.dumps({"module": module, **found}), encoding="utf-8")
        beside.rename(path)


def status(found):
    if found["failed"] or not found["ran"] + len(found["skipped"]):
        return 1
    if found["ran"]:
        return 0
    for reason in sorted({reason for _, reason in found["skipped"]}):
        print(f"nothing of this module ran: {reason}", file=sys.stderr)
    return SKIPPED


def main(module):
    sys.path.insert(0, os.getcwd())
    found = run(unittest.defaultTestLoader.loadTestsFromName(module))
    write(module, found)
    return status(found)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: run_module.py MODULE")
    sys.exit(main(sys.argv[1]))
