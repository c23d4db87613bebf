"""test_help.py: every script of script/ and every program responds to --help with its use, at once and
without doing anything."""

import os
import subprocess
import tempfile
import unittest

from programs import BIN, DEADLINE, SOURCE
from sanitizers import SANITIZER_ENVIRONMENT

PROGRAMS = ("train", "serve", "evaluate", "cross-validate", "predict", "recommend", "aggregate", "feedback", "local-cloud")


class Help(unittest.TestCase):
    def help(self, program, name):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([program, "--help"], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  env={"PATH": os.environ["PATH"], "HOME": folder, **SANITIZER_ENVIRONMENT},
                                  timeout=DEADLINE, check=False)
            self.assertEqual([], os.listdir(folder))
        self.assertEqual((0, ""), (done.returncode, done.stderr), f"{program} --help")
        self.assertIn(name, done.stdout)
        self.assertGreater(len(done.stdout.splitlines()), 2, done.stdout)
        self.assertNotIn("set -e", done.stdout)

    def test_every_script(self):
        scripts = [path for path in sorted((SOURCE / "script").iterdir()) if os.access(path, os.X_OK) and path.is_file()]
        self.assertGreater(len(scripts), 15)
        for path in [*scripts, SOURCE / "build_and_push.sh"]:
            with self.subTest(script=path.name):
                self.help(path, path.name)

    def test_every_program(self):
        for name in PROGRAMS:
            with self.subTest(program=name):
                self.help(BIN / name, name)


if __name__ == "__main__":
    unittest.main()
