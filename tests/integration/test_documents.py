"""README.md and ARCHITECTURE.md say what the code is."""

import re
import subprocess
import unittest

from harness import SOURCE, TRAIN


def text_of(name):
    return (SOURCE / name).read_text(encoding="utf-8")


def sources():
    return [path for folder in ("src", "train", "bench")
            for path in sorted((SOURCE / folder).rglob("*.[ch]"))]


class Documents(unittest.TestCase):
    def test_every_name_of_ours_in_architecture_is_in_the_code(self):
        code = "\n".join(path.read_text(encoding="utf-8") for path in sources())
        names = set(re.findall(r"\bmf_[a-z0-9_]+", text_of("ARCHITECTURE.md")))
        self.assertGreater(len(names), 20)
        known = set(re.findall(r"\bmf_[a-z0-9_]+", code)) | {"mf_room"}
        self.assertEqual(sorted(names - known), [])

    def test_every_path_in_the_documents_exists(self):
        for name in ("ARCHITECTURE.md", "README.md", "data/README.md"):
            folder = (SOURCE / name).parent
            text = text_of(name)
            links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
            paths = re.findall(r"`((?:src|train|script|tests|bench|data|cmake)/[\w./-]*)`", text)
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

    def test_the_model_file_is_described_where_the_readme_says(self):
        for name in ("src/model/format.h", "src/model/section_file.h"):
            self.assertRegex(text_of(name), r"offset +size")


if __name__ == "__main__":
    unittest.main()
