"""test_lambda_help.py: --help of the functions lists every environment variable that they read."""

import re
import subprocess
import unittest

from programs import BIN, SOURCE

TABLES = {
    "predict": ["lambda/predict/predict_settings.c", "src/cache/cache.c"],
    "recommend": ["lambda/recommend/recommend_settings.c", "src/cache/cache.c"],
    "aggregate": ["lambda/aggregate/aggregate_settings.c"],
    "feedback": ["lambda/feedback/feedback_settings.c", "src/cache/cache.c"],
}


class Help(unittest.TestCase):
    def say(self, *arguments):
        """With an empty environment: no variable of AWS, none of the function's own."""
        return subprocess.run([BIN / arguments[0], *arguments[1:]], capture_output=True, text=True, timeout=60, env={})

    def check(self, name):
        result = self.say(name, "--help")
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        self.assertTrue(result.stdout.startswith(f"{name}: "))
        pieces = re.split(r"^  ([A-Z_]+) +(?=\S)", result.stdout, flags=re.MULTILINE)[1:]
        entries = dict(zip(pieces[::2], pieces[1::2]))  # a variable's name: its text
        table = "".join((SOURCE / file).read_text() for file in TABLES[name])
        names = re.findall(r'\{\.name = "([A-Z_]+)"', table)
        self.assertGreater(len(names), 8)
        self.assertEqual(names, list(entries))
        for entry in re.findall(r'\{\.name = "[A-Z_]+".*?FIELD\(', table, re.DOTALL):
            variable = re.search(r'"([A-Z_]+)"', entry)[1]
            default = re.search(r'\.initial = "([^"]*)"', entry)[1] or "empty"
            self.assertIn(f"default {default}", entries[variable])
            bounds = re.search(r"MF_SETTING_INTEGER, \.min = (\d+),\s*\.max = (\d+)", entry)
            if bounds:
                self.assertIn(f"a whole number from {bounds[1]} to {bounds[2]};", entries[variable])
            for alias in (re.search(r'\.aliases = "([^"]*)"', entry) or ["", ""])[1].split():
                self.assertIn(alias, entries[variable])
        self.assertEqual(result.stdout, self.say(name, "-h").stdout)
        self.assertIn("AWS_LAMBDA_RUNTIME_API", result.stdout)
        return result.stdout

    def test_an_unknown_argument_is_named_outside_of_lambda(self):
        for name in TABLES:
            result = self.say(name, "nonsense")
            self.assertEqual((2, ""), (result.returncode, result.stdout))
            self.assertRegex(result.stderr, rf"\A{name}: unknown argument nonsense; AWS_LAMBDA_RUNTIME_API is not set")

    def test_predict(self):
        self.assertIn("s3://bucket/key or a path", self.check("predict"))

    def test_recommend_with_the_variables_of_its_cache(self):
        self.assertIn("REDIS_ENDPOINT", self.check("recommend"))

    def test_aggregate(self):
        self.assertIn("one of ratings, passengers; default ratings", self.check("aggregate"))

    def test_feedback(self):
        self.assertIn("default 2592000", self.check("feedback"))

    def test_in_lambda_any_other_argument_is_ignored(self):
        """Lambda may start a container with the handler's name as an argument. Nothing listens here."""
        for name in TABLES:
            result = subprocess.run([BIN / name, "app.handler"], capture_output=True, text=True, timeout=60,
                                    env={"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"})
            self.assertEqual(1, result.returncode)
            self.assertNotIn("app.handler", result.stdout + result.stderr)
            self.assertIn("start_failed", result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
