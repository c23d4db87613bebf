"""README.md, ARCHITECTURE.md and docs/ say what the code is."""

import re
import subprocess
import unittest

from harness import SOURCE, TRAIN
from serving import SERVE


def text_of(name):
    return (SOURCE / name).read_text(encoding="utf-8")


def sources():
    return [path for folder in ("src", "train", "serve", "bench")
            for path in sorted((SOURCE / folder).rglob("*.[ch]"))]


# Who cites docs/lambda.md: the Lambda functions, what stands in for Lambda, and their tests.
LAMBDA_HALF = re.compile(r"(lambda|local)/|"
                         r"tests/\w+/(test_|fuzz_)?(aggregate|aws|cache|dynamodb|lambda|local|predict|runtime_api|streams)[_.]")

# A platform's document, the lines of its checklist, and who cites it without its name.
PLATFORMS = (("docs/sagemaker.md", 140, lambda path: not LAMBDA_HALF.match(path)),
             ("docs/lambda.md", 93, LAMBDA_HALF.match))


def citing():
    return [path for folder in ("src", "train", "serve", "lambda", "local", "tests/unit",
                                "tests/integration", "tests/fuzz")
            for ending in ("*.[ch]", "*.py") for path in sorted((SOURCE / folder).rglob(ending))]


class Documents(unittest.TestCase):
    def test_every_name_of_ours_in_architecture_is_in_the_code(self):
        code = "\n".join(path.read_text(encoding="utf-8") for path in sources())
        names = set(re.findall(r"\bmf_[a-z0-9_]+", text_of("ARCHITECTURE.md")))
        self.assertGreater(len(names), 20)
        known = set(re.findall(r"\bmf_[a-z0-9_]+", code)) | {"mf_room"}
        self.assertEqual(sorted(names - known), [])

    def test_every_path_in_the_documents_exists(self):
        for name in ("ARCHITECTURE.md", "README.md", "data/README.md", "docs/sagemaker.md",
                     "docs/lambda.md"):
            folder = (SOURCE / name).parent
            text = text_of(name)
            links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
            paths = re.findall(r"`((?:src|train|serve|lambda|local|script|tests|bench|data|docs|cmake)/"
                               r"[\w./-]*)`", text)
            for link in links:
                self.assertTrue((folder / link).exists(), f"{name} links to {link}")
            for path in paths:
                self.assertTrue((SOURCE / path).exists(), f"{name} names {path}")

    def test_the_table_of_hyperparameters_is_that_of_train_help(self):
        help_text = subprocess.run([TRAIN, "--help"], capture_output=True, text=True, check=True,
                                   timeout=60).stdout
        real = re.findall(r"^  ([a-z_]+) +\S.*\n +.*default ([^;\n]+)", help_text, re.MULTILINE)
        self.assertGreater(len(real), 20)
        table = re.findall(r"^\| `([a-z_]+)` \| ([^|]*) \| [^|]+ \|$", text_of("README.md"),
                           re.MULTILINE)
        self.assertEqual([(name, default.strip().strip("`")) for name, default in table],
                         [(name, default) for name, default in real])

    def test_the_table_of_variables_is_that_of_serve_help(self):
        help_text = subprocess.run([SERVE, "--help"], capture_output=True, text=True, check=True,
                                   timeout=60).stdout
        real = re.findall(r"^  ([A-Z_]+) +(\S.*)\n +.*default ([^;\n]+)", help_text, re.MULTILINE)
        self.assertGreater(len(real), 20)
        serving = text_of("README.md").split("\n## Serving\n")[1].split("\n## ")[0]
        table = re.findall(r"^\| `([A-Z_]+)` \| ([^|]*) \| ([^|]+) \|$", serving, re.MULTILINE)
        self.assertEqual([(name, meaning, default.strip()) for name, default, meaning in table],
                         [(name, meaning, default.strip()) for name, meaning, default in real])

    def test_the_table_of_variables_is_that_of_predict(self):
        real = re.findall(r'\.name = "([A-Z_]+)"', text_of("lambda/predict/settings.c"))
        self.assertGreater(len(real), 8)
        section = text_of("README.md").split("\n## The function in front\n")[1].split("\n## ")[0]
        rows = re.findall(r"^\| (`[A-Z_]+`.*?) \|[^|]*\| [^|]+ \|$", section, re.MULTILINE)
        table = [name for row in rows for name in re.findall(r"`([A-Z_]+)`", row.partition(" (")[0])]
        self.assertEqual(real, table)

    def test_every_number_of_a_platform_that_is_cited_is_in_its_document(self):
        for name, n_lines, cites_it in PLATFORMS:
            text = text_of(name)
            facts = set(re.findall(r"^(?:\| (?=\d+\.)|#+ )(\d+(?:\.\d+)*)[. ]", text, re.MULTILINE))
            lines = set(re.findall(r"^\| (\d+) \|", text, re.MULTILINE))
            self.assertEqual({str(n) for n in range(1, n_lines + 1)}, lines, name)
            n_cited = 0
            for path in citing():
                code = path.read_text(encoding="utf-8")
                # "docs/NAME.md, 1.2 and 1.3" means that document wherever it stands.
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
                stem = word.removeprefix("unit ")
                names = ([f"unit/test_sagemaker_{stem}.c", f"unit/test_{stem}.c"] if word != stem
                         else [f"integration/test_{stem}.py"])
                self.assertTrue(any((SOURCE / "tests" / n).exists() for n in names), f"{name}: {word}")

    def test_the_model_file_is_described_where_the_readme_says(self):
        for name in ("src/model/format.h", "src/model/section_file.h"):
            self.assertRegex(text_of(name), r"offset +size")


if __name__ == "__main__":
    unittest.main()
