"""The count at the end of script/test: every single test, and the reasons of skipped ones."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

from programs import SOURCE

sys.path.append(str(SOURCE / "tests"))
import summary  # noqa: E402


class Modules(unittest.TestCase):
    """run_module.py"""

    def run_module(self, code):
        """The exit code, the result file's content and the output."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "test_it.py").write_text("import unittest\n" + textwrap.dedent(code))
            results = Path(folder) / "results" / "integration_it.json"
            done = subprocess.run([sys.executable, SOURCE / "tests" / "run_module.py", "test_it"], cwd=folder,
                                  env={**os.environ, "MF_RESULTS": str(results)}, timeout=60, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            return done.returncode, json.loads(results.read_text()), done.stdout

    def test_a_module_of_which_nothing_ran_is_skipped_with_its_reason(self):
        for code in ('''
            class A(unittest.TestCase):
                def test_one(self):
                    self.skipTest("NOT TESTED HERE: no node")
                def test_two(self):
                    self.skipTest("no node")
            ''', '''
            class A(unittest.TestCase):
                @classmethod
                def setUpClass(cls):
                    raise unittest.SkipTest("no node")
                def test_one(self):
                    pass
                def test_two(self):
                    pass
            ''', '''
            def setUpModule():
                raise unittest.SkipTest("no node")
            class A(unittest.TestCase):
                def test_one(self):
                    pass
                def test_two(self):
                    pass
            ''', '''
            @unittest.skip("no node")
            class A(unittest.TestCase):
                def test_one(self):
                    pass
                def test_two(self):
                    pass
            '''):
            status, found, output = self.run_module(code)
            self.assertEqual(77, status, output)
            self.assertEqual((0, 0), (found["ran"], found["failed"]))
            self.assertEqual([["test_it.A.test_one", "no node"], ["test_it.A.test_two", "no node"]],
                             found["skipped"])
            self.assertIn("nothing of this module ran: no node", output)

    def test_a_module_of_which_something_ran_has_passed(self):
        status, found, output = self.run_module('''
            class A(unittest.TestCase):
                def test_one(self):
                    for n in range(2):
                        with self.subTest(n=n):
                            if n:
                                self.skipTest("not twice")
                @unittest.skip("no node")
                def test_two(self):
                    pass
            ''')
        self.assertEqual((0, 1), (status, found["ran"]), output)
        self.assertEqual([["test_it.A.test_two", "no node"]], found["skipped"])
        self.assertEqual([["test_it.A.test_one (n=1)", "not twice"]], found["parts"])

    def test_a_failure_counts_despite_skipped_tests(self):
        for code in ('''
            class A(unittest.TestCase):
                def test_one(self):
                    self.skipTest("no node")
                def test_two(self):
                    self.fail()
            ''', '''
            class A(unittest.TestCase):
                def tearDown(self):
                    self.fail()
                def test_one(self):
                    self.skipTest("no node")
            ''', "import no_such_module", "# no test"):
            status, _, output = self.run_module(code)
            self.assertEqual(1, status, output)


def cmocka(*lines):
    return "\n".join(lines) + "\n"


class Counts(unittest.TestCase):
    """summary.py"""

    def summary(self, log="", ctest="100% tests passed, 0 tests failed out of 9\n", **results):
        with tempfile.TemporaryDirectory() as name:
            build = Path(name)
            (build / "results").mkdir()
            (build / "Testing" / "Temporary").mkdir(parents=True)
            (build / "Testing" / "Temporary" / "LastTest.log").write_text(log)
            (build / "ctest.log").write_text(ctest)
            for module, found in results.items():
                (build / "results" / f"{module}.json").write_text(json.dumps(
                    {"module": module, "ran": 0, "failed": 0, "skipped": [], "parts": [], **found}))
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                summary.main(build)
            return output.getvalue()

    def test_reasons_are_grouped_and_the_last_line_is_that_of_ctest(self):
        output = self.summary(
            integration_aws_node={"skipped": [["a", "no node"], ["b", "no node"]]},
            integration_run={"ran": 5, "skipped": [["c", "no redis"], ["d", "no node"]],
                             "parts": [["e (n=1)", "no redis"]]},
            log="1/9 Testing: unit/test_x\n" + cmocka(
                "[==========] Running 3 test(s).", "[ RUN      ] a", "[       OK ] a", "[ RUN      ] b",
                "SKIPPED: root may read everything", "[  SKIPPED ] b", "[ RUN      ] c", "[  SKIPPED ] c",
                "[==========] 3 test(s) run.", "[  PASSED  ] 1 test(s).",
                "[  SKIPPED ] 2 test(s), listed below:", "[  SKIPPED ] b", "[  SKIPPED ] c")
            + "2/9 Testing: fuzz/fuzz_x\n12 inputs replayed\n")
        self.assertEqual(textwrap.dedent("""
            7 tests ran (5 Python, 1 cmocka, 1 replays of fuzz targets); 7 were skipped, 1 of them parts of tests that ran, because of:
                 3  no node
                    in integration/aws_node 2, integration/run 1
                 2  no redis
                    in integration/run 2
                 1  root may read everything
                    in unit/test_x 1
                 1  no reason was given
                    in unit/test_x 1
            Nothing ran of: integration/aws_node

            100% tests passed, 0 tests failed out of 9
            """), output)

    def test_a_second_try_is_named_and_counted_once(self):
        entry = "1/2 Testing: unit/test_x\n[==========] 3 test(s) run.\n"
        output = self.summary(log=entry + entry, ctest=(
            "    Start 1: unit/test_x\n1/2 Test #1: unit/test_x .....***Failed    0.01 sec\n"
            "    Start 1: unit/test_x\n    Test #1: unit/test_x .....   Passed    0.01 sec\n"
            "2/2 Test #2: unit/test_y .....   Passed    0.01 sec\n"
            "100% tests passed, 0 tests failed out of 2\n"))
        self.assertIn("3 tests ran (3 cmocka); 0 were skipped\n", output)
        self.assertIn("Passed at the second try only: unit/test_x\n", output)

    def test_where_nothing_ran_nothing_is_printed(self):
        self.assertEqual("", self.summary(ctest="Total Tests: 224\n"))
        self.assertEqual("", self.summary(log="1/2 Testing: unit/test_x\n[==========] 3 test(s) run.\n",
                                          ctest="Total Tests: 224\n"))


if __name__ == "__main__":
    unittest.main()
