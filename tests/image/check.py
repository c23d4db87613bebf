"""check.py: one step of the image's tests, or status 77 and the tests that were not run.

    check.py build            docker build of the image MF_IMAGE
    check.py MODULE           a module of this folder or of tests/integration, against it

Without an engine it prints which tests did not run and exits with 77, which CTest shows as
skipped. Then tests/integration covers the same lines of the checklist with the bare programs,
except those about the image itself.
"""

import os
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration"), str(HERE.parent)]

import container  # noqa: E402
import run_module  # noqa: E402
from programs import SOURCE  # noqa: E402


def skip(reason, names):
    print(f"\nNOT TESTED HERE: {reason}", file=sys.stderr)
    for name in names:
        print(f"NOT TESTED HERE: {name}", file=sys.stderr)
    return run_module.SKIPPED


def revision():
    """The commit, when the work tree has no other changes."""
    git = lambda *words: subprocess.run(["git", "-C", SOURCE, *words], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, check=False).stdout.decode().strip()
    return "" if git("status", "--porcelain", "--untracked-files=no") else git("rev-parse", "HEAD")


def build():
    words = ["docker", "build", "--tag", container.IMAGE, "--build-arg", f"REVISION={revision()}",
             *container.BUILD_OPTIONS, str(SOURCE)]
    print(" ".join(words), flush=True)
    return subprocess.run(words, stdin=subprocess.DEVNULL, check=False).returncode


def main(step):
    missing = container.why_no_engine()
    if step == "build":
        return skip(missing, ["docker build"]) if missing else build()
    suite = unittest.defaultTestLoader.loadTestsFromName(step)
    if missing:
        tests = list(run_module.cases(suite))
        run_module.write(step, {"ran": 0, "failed": 0, "parts": [],
                                "skipped": [(test.id(), missing) for test in tests]})
        return skip(missing, [test.id() + (f": {test.shortDescription()}" if test.shortDescription()
                                           else "") for test in tests])
    found = run_module.run(suite)
    run_module.write(step, found)
    return run_module.status(found)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not os.environ.get("MF_IMAGE"):
        sys.exit("usage: MF_IMAGE=NAME check.py build|MODULE")
    sys.exit(int(main(sys.argv[1])))
