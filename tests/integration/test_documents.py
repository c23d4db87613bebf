"""README.md, ARCHITECTURE.md and docs/sagemaker.md say what the code is."""

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


class Documents(unittest.TestCase):
    def test_every_name_of_ours_in_architecture_is_in_the_code(self):
        code = "\n".join(path.read_text(encoding="utf-8") for path in sources())
        names = set(re.findall(r"\bmf_[a-z0-9_]+", text_of("ARCHITECTURE.md")))
        self.assertGreater(len(names), 20)
        known = set(re.findall(r"\bmf_[a-z0-9_]+", code)) | {"mf_room"}
        self.assertEqual(sorted(names - known), [])

    def test_every_path_in_the_documents_exists(self):
        for name in ("ARCHITECTURE.md", "README.md", "data/README.md", "docs/sagemaker.md"):
            folder = (SOURCE / name).parent
            text = text_of(name)
            links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
            paths = re.findall(r"`((?:src|train|serve|script|tests|bench|data|docs|cmake)/[\w./-]*)`", text)
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
        table = re.findall(r"^\| `([A-Z_]+)` \| ([^|]*) \| ([^|]+) \|$", text_of("README.md"),
                           re.MULTILINE)
        self.assertEqual([(name, meaning, default.strip()) for name, default, meaning in table],
                         [(name, meaning, default.strip()) for name, meaning, default in real])

    def test_every_number_of_the_platform_that_is_cited_is_in_the_document(self):
        text = text_of("docs/sagemaker.md")
        facts = set(re.findall(r"^(?:\| |#+ )(\d+(?:\.\d+)*)[. ]", text, re.MULTILINE))
        lines = {int(n) for n in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
        self.assertEqual(set(range(1, 141)), lines)
        cited = 0
        folders = ("src", "train", "serve", "tests/unit", "tests/integration")
        for path in (path for folder in folders for ending in ("*.[ch]", "*.py")
                     for path in sorted((SOURCE / folder).rglob(ending))):
            code = path.read_text(encoding="utf-8")
            found = re.findall(r"docs/sagemaker\.md,[\s*]+((?:\d+\.[\d.]*\d(?:, | and )?)+)", code)
            numbers = re.findall(r"\d[\d.]*\d", " ".join(found))
            numbers += re.findall(r"(?:§\s?|[Cc]ontract )(\d+(?:\.\d+)*)", code)
            for number in numbers:
                self.assertIn(number, facts, path)
            found = re.findall(r"[Cc]hecklist\s+(\d[\d, -]*)", code)
            if path.suffix == ".c" and "checklist in docs/sagemaker.md" in code:
                found += re.findall(r"/\* ((?:\[\d+\] ?)+)", code)
            for number in re.findall(r"\d+", " ".join(found)):
                self.assertIn(int(number), lines, path)
                cited += 1
            cited += len(numbers)
        self.assertGreater(cited, 100)

    def test_the_tests_that_the_document_of_the_platform_names_are_there(self):
        cells = re.findall(r"^\| [\d.]+ \| .* \| ([^|]+) \|$", text_of("docs/sagemaker.md"), re.MULTILINE)
        self.assertGreater(len(cells), 200)
        for word in {word for cell in cells for word in cell.split(", ")} - {"–"}:
            name = word.removeprefix("unit ")
            names = ([f"unit/test_sagemaker_{name}.c", f"unit/test_{name}.c"] if word != name
                     else [f"integration/test_{name}.py"])
            self.assertTrue(any((SOURCE / "tests" / n).exists() for n in names), word)

    def test_the_model_file_is_described_where_the_readme_says(self):
        for name in ("src/model/format.h", "src/model/section_file.h"):
            self.assertRegex(text_of(name), r"offset +size")


if __name__ == "__main__":
    unittest.main()
