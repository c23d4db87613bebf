"""README.md, ARCHITECTURE.md and docs/ agree with the code."""

import re
import subprocess
import unittest

from programs import SERVE, SOURCE, TRAIN


def text_of(name):
    return (SOURCE / name).read_text(encoding="utf-8")


def sources():
    return [path for folder in ("src", "train", "serve", "lambda", "local", "bench")
            for path in sorted((SOURCE / folder).rglob("*.[ch]"))]


# Files that cite docs/lambda.md: the Lambda functions, the stand-ins for Lambda, and their tests.
LAMBDA_HALF = re.compile(r"(lambda|local)/|"
                         r"tests/integration/(test_)?(deploy|kinesis|recommend)[_.]|"
                         r"tests/\w+/(test_|fuzz_)?(aggregate|aws|cache|dynamodb|lambda|local|predict|runtime_api|streams)[_.]")

# A platform's document, the lines of its checklist, and the files that cite it without its name.
PLATFORMS = (("docs/sagemaker.md", 140, lambda path: not LAMBDA_HALF.match(path)),
             ("docs/lambda.md", 93, LAMBDA_HALF.match))


# Lines of a checklist that need no test, as their cell says: the feature is not offered.
NOT_OFFERED = re.compile(r"not offered \((\d+)\)")


def citing():
    return [path for folder in ("src", "train", "serve", "lambda", "local", "tests/unit",
                                "tests/integration", "tests/image", "tests/fuzz")
            for pattern in ("*.[ch]", "*.py") for path in sorted((SOURCE / folder).rglob(pattern))]


def test_file(word):
    """The file of tests that a cell's word names, or None."""
    kind, _, stem = word.rpartition(" ")
    names = {"": [f"integration/test_{stem}.py"] if stem != "image" else ["image/test_image.py"],
             "image": [f"image/test_{stem}.py"],
             "unit": [f"unit/test_sagemaker_{stem}.c", f"unit/test_{stem}.c"]}.get(kind, [])
    return next((SOURCE / "tests" / n for n in names if (SOURCE / "tests" / n).exists()), None)


def checklist_lines(path):
    """The lines of a checklist that a file of tests cites: "Checklist 42, 44-46 and 50", "42: …"
    as the first line of a test, [42] in C."""
    code = path.read_text(encoding="utf-8")
    found = re.findall(r"[Cc]hecklist\s+((?:\d+(?:-\d+)?(?:,\s+|\s+and\s+)?)+)", code)
    found += re.findall(r'"""(\d[\d, ]*)(?:: |, §|""")', code)
    found += re.findall(r"/\* ((?:\[\d+\] ?)+)", code)
    return {n for text in found for first, last in re.findall(r"(\d+)(?:-(\d+))?", text)
            for n in range(int(first), int(last or first) + 1)}


class Documents(unittest.TestCase):
    def test_every_name_of_ours_in_architecture_is_in_the_code(self):
        code = "\n".join(path.read_text(encoding="utf-8") for path in sources())
        names = set(re.findall(r"\bmf_[a-z0-9_]+", text_of("ARCHITECTURE.md")))
        self.assertGreater(len(names), 20)
        known = set(re.findall(r"\bmf_[a-z0-9_]+", code)) | {"mf_module"}
        self.assertEqual(sorted(names - known), [])

    def test_every_path_in_the_documents_exists(self):
        names = [path.relative_to(SOURCE).as_posix() for path in sorted((SOURCE / "docs").glob("*.md"))]
        self.assertGreater(len(names), 6)
        for name in ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md",
                     "bench/README.md", "data/README.md", "deploy/README.md", *names):
            folder = (SOURCE / name).parent
            text = text_of(name)
            links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
            paths = re.findall(r"`((?:src|train|serve|lambda|local|deploy|script|tests|bench|data|docs|cmake)/"
                               r"[\w./-]*)`", text)
            for link in links:
                self.assertTrue((folder / link).exists(), f"{name} links to {link}")
            for link, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", text):
                target = (folder / link).read_text(encoding="utf-8") if link else text
                titles = re.findall(r"^#+ (.*)$", target, re.MULTILINE)
                self.assertIn(anchor, [re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles], name)
            for path in paths:
                self.assertTrue((SOURCE / path).exists(), f"{name} names {path}")

    def test_the_table_of_hyperparameters_is_that_of_train_help(self):
        help_text = subprocess.run([TRAIN, "--help"], capture_output=True, text=True, check=True,
                                   timeout=60).stdout
        real = re.findall(r"^  ([a-z_]+) +(\S.*)\n +.*default ([^;\n]+)", help_text, re.MULTILINE)
        self.assertGreater(len(real), 20)
        table = re.findall(r"^\| `([a-z_]+)` \| ([^|]*) \| ([^|]+) \|$", text_of("docs/training.md"),
                           re.MULTILINE)
        self.assertEqual([(name, meaning, default.strip().strip("`")) for name, default, meaning in table],
                         [(name, meaning, default) for name, meaning, default in real])

    def test_the_table_of_variables_is_that_of_serve_help(self):
        help_text = subprocess.run([SERVE, "--help"], capture_output=True, text=True, check=True,
                                   timeout=60).stdout
        real = re.findall(r"^  ([A-Z_]+) +(\S.*)\n +.*default ([^;\n]+)", help_text, re.MULTILINE)
        self.assertGreater(len(real), 20)
        serving = text_of("docs/serving.md").split("\n## Settings\n")[1].split("\n## ")[0]
        table = re.findall(r"^\| `([A-Z_]+)` \| ([^|]*) \| ([^|]+) \|$", serving, re.MULTILINE)
        self.assertEqual([(name, meaning, default.strip()) for name, default, meaning in table],
                         [(name, meaning, default.strip()) for name, meaning, default in real])

    def test_the_tables_of_variables_are_those_of_the_functions(self):
        for name in ("predict", "recommend"):
            real = re.findall(r'\.name = "([A-Z_]+)"', text_of(f"lambda/{name}/{name}_settings.c"))
            self.assertGreater(len(real), 8)
            section = text_of("docs/functions.md").split(f"\n## {name}\n")[1].split("\n## ")[0]
            rows = re.findall(r"^\| (`[A-Z_]+`.*?) \|[^|]*\| [^|]+ \|$", section, re.MULTILINE)
            table = [word for row in rows for word in re.findall(r"`([A-Z_]+)`", row.partition(" (")[0])]
            self.assertEqual(real, table, name)

    def test_every_number_of_a_platform_that_is_cited_is_in_its_document(self):
        for name, n_lines, cites_it in PLATFORMS:
            text = text_of(name)
            facts = set(re.findall(r"^(?:\| (?=\d+\.)|#+ )(\d+(?:\.\d+)*)[. ]", text, re.MULTILINE))
            lines = set(re.findall(r"^\| (\d+) \|", text, re.MULTILINE))
            self.assertEqual({str(n) for n in range(1, n_lines + 1)}, lines, name)
            n_cited = 0
            for path in citing():
                code = path.read_text(encoding="utf-8")
                # "docs/NAME.md, 1.2 and 1.3" refers to that document in any file.
                found = re.findall(rf"{re.escape(name)},[\s*]+((?:\d+\.[\d.]*\d(?:, | and )?)+)", code)
                cited = re.findall(r"\d[\d.]*\d", " ".join(found))
                if cites_it(path.relative_to(SOURCE).as_posix()):
                    cited += re.findall(r"(?:§\s?|[Cc]ontract )(\d+(?:\.\d+)*)", code)
                    found = re.findall(r"[Cc]hecklist\s+(\d[\d, -]*)", code)
                    # The first line of a Python test: "42: …", "42, §1.2: …".
                    found += re.findall(r'"""(\d[\d, ]*)(?:: |, §|""")', code)
                    if f"checklist in {name}" in code:
                        found += re.findall(r"/\* ((?:\[\d+\] ?)+)", code)
                    numbers = re.findall(r"\d+", " ".join(found))
                    self.assertEqual(sorted(set(numbers) - lines), [], f"{path}: checklist of {name}")
                    n_cited += len(numbers)
                self.assertEqual(sorted(set(cited) - facts), [], f"{path}: numbers of {name}")
                n_cited += len(cited)
            self.assertGreater(n_cited, 100, name)

    def test_the_tests_that_the_documents_of_the_platforms_name_are_there(self):
        for name, _, _ in PLATFORMS:
            text = text_of(name)
            cells = re.findall(r"^\| .* \| ([^|]+) \|$", text, re.MULTILINE)
            cells += [" ".join(cell.split()).replace(" and ", ", ")
                      for cell in re.findall(r"\bTested\s+in\s+([^.]+)\.", text)]
            self.assertGreater(len(cells), 200, name)
            for word in {word for cell in cells for word in cell.split(", ")} - {"–", "---", "tested in"}:
                self.assertTrue(NOT_OFFERED.fullmatch(word) or test_file(word), f"{name}: {word}")

    def test_every_line_of_the_images_checklist_has_a_test_that_cites_it(self):
        """Lines without a test are those of features that are not offered; they refer to the
        line that says so."""
        checklist = text_of("docs/sagemaker.md").split("\n## Checklist\n")[1]
        rows = re.findall(r"^\| (\d+) \| .* \| ([^|]+) \|$", checklist, re.MULTILINE)
        self.assertEqual([str(n) for n in range(1, 141)], [line for line, _ in rows])
        cells = dict(rows)
        for line, cell in rows:
            absent = NOT_OFFERED.fullmatch(cell)
            if absent:
                self.assertFalse(NOT_OFFERED.fullmatch(cells[absent.group(1)]), line)
                continue
            for word in cell.split(", "):
                path = test_file(word)
                self.assertTrue(path, f"line {line} has no test: {word}")
                self.assertIn(int(line), checklist_lines(path), f"{path} does not cite line {line}")

    def test_the_tests_of_the_functions_checklist_cite_its_lines(self):
        """1 to 61: the runtime, events, signatures and requests."""
        checklist = text_of("docs/lambda.md").split("\n## Checklist\n")[1]
        rows = re.findall(r"^\| (\d+) \| .* \| ([^|]+) \|$", checklist, re.MULTILINE)
        self.assertEqual([str(n) for n in range(1, 94)], [line for line, _ in rows])
        for line, cell in rows[:61]:
            for word in cell.split(", "):
                path = test_file(word)
                self.assertTrue(path, f"line {line} has no test: {word}")
                if not word.startswith("unit "):  # unit tests are named by their subject, not by a line
                    self.assertIn(int(line), checklist_lines(path), f"{path} does not cite line {line}")

    def test_the_reference_of_the_api_is_made_from_openapi_json(self):
        run = subprocess.run([SOURCE / "script/api-reference", "--check"], capture_output=True, text=True, timeout=60)
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def test_the_reference_of_log_events_has_those_of_the_code(self):
        code = "\n".join(path.read_text(encoding="utf-8") for path in sources())
        begun = r'mf_(?:log_(?:begin|message)|settings_log)\([^;"]*,\s*(?:j->stopped \? "stopped" : )?"([a-z_]+)"'
        written = r'\\"event\\":\\"([a-z_]+)'
        table = text_of("docs/log-events.md").split("\n## Events\n")[1].split("\n## ")[0]
        self.assertEqual(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE), sorted({*re.findall(begun, code), *re.findall(written, code)}))

    def test_every_document_is_in_the_index(self):
        index = text_of("docs/README.md")
        for path in sorted((SOURCE / "docs").glob("*.md")):
            if path.name != "README.md":
                self.assertIn(f"]({path.name})", index)

    def test_what_a_new_user_wants_to_know_is_within_two_clicks_of_the_readme(self):
        def targets(path):
            links = re.findall(r"\]\((?!https?:)([^)#]*)[^)]*\)", path.read_text(encoding="utf-8"))
            return {(path.parent / link).resolve() for link in links if link.endswith(".md")}

        readme = (SOURCE / "README.md").resolve()
        one = targets(readme)
        two = one.union({readme}, *map(targets, one))
        faq = text_of("docs/README.md").split("\n## FAQ\n")[1]
        rows = re.findall(r"^\| ([^|]+[?.]) \| (\[.+) \|$", faq, re.MULTILINE)
        self.assertEqual(10, len(rows))
        for topic, where in rows:
            for link in re.findall(r"\]\(([^)#]*)", where):
                self.assertIn((SOURCE / "docs" / link).resolve(), two, topic)

    def test_the_readme_fits_a_reader(self):
        """Its words, code left out as a reader would."""
        self.assertLessEqual(len(text_of("README.md").split()), 1500)

    def test_the_model_file_is_described_where_the_readme_says(self):
        for name in ("src/model/format.h", "src/model/section_file.h"):
            self.assertRegex(text_of(name), r"offset +size")


if __name__ == "__main__":
    unittest.main()
