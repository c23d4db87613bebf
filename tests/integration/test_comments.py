"""Names in comments in C exist: files, functions, types and constants; a call in a comment is of
a function, with its number of arguments; and tables keep their line breaks."""

import re
import unittest

from programs import SOURCE

CODE = ("src", "train", "serve", "lambda", "local", "bench", "tests")
FOLDERS = (*CODE, "cmake", "data", "deploy", "docs", "script", ".ci")

# A comment, or a text or a character constant (in which a comment does not begin).
PIECE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

# Files of others that comments may name: a library's header, the AWS SDK's source.
FOREIGN = {"csv.h", "botocore/retries/standard.py"}

FILE = re.compile(r"(?<![\w./*$…-])([\w./-]*[\w-]\.(?:c|h|py|js|sh|cmake|md))(?![\w/]|\.\w)")
NAME = re.compile(r"\b(mf_[a-z0-9_]+|MF_[A-Z0-9_]+)(\*|…|\{|<)?")
CALL = re.compile(r"\b(mf_[a-z0-9_]+)\(")
FUNCTION = re.compile(r"(?<![\w.])([a-z_]\w+)\(\)")


def sources():
    return [path for folder in CODE for path in sorted((SOURCE / folder).rglob("*.[ch]"))
            if "node_modules" not in path.parts]


def split(text):
    """The comments of a file, as (line, text), and the code without them and without texts."""
    comments = []

    def take(match):
        piece = match.group()
        if piece.startswith("/"):
            comments.append((text.count("\n", 0, match.start()) + 1, piece))
        return " "

    return comments, PIECE.sub(take, text)


def arguments_at(text, at):
    """The arguments after the "(" that precedes text[at], or None when it is not closed."""
    depth, start, found = 0, at, []
    for i in range(at, len(text)):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}":
            if depth == 0:
                found.append(text[start:i])
                return [] if len(found) == 1 and not found[0].strip() else found
            depth -= 1
        elif text[i] == "," and depth == 0:
            found.append(text[start:i])
            start = i + 1
    return None


def without_comments(text):
    return PIECE.sub(lambda m: " " if m.group().startswith("/") else m.group(), text)


class Comments(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = {}  # path → (comments, code)
        for path in sources():
            cls.files[path] = split(path.read_text(encoding="utf-8"))
        code = "\n".join(code for _, code in cls.files.values())
        # Of texts too, where environment variables are.
        cls.names = {name for path in cls.files for name in re.findall(
            r"\b[mM][fF]_\w+", without_comments(path.read_text(encoding="utf-8")))}
        cls.words = set(re.findall(r"\w+", code))
        # Names of CMake's: libraries, definitions, variables of tests.
        for path in [SOURCE / "CMakeLists.txt", *(p for f in CODE for p in (SOURCE / f).rglob("CMakeLists.txt"))]:
            cls.names |= set(re.findall(r"\b[mM][fF]_\w+", path.read_text(encoding="utf-8")))
        cls.arities = {}  # function or macro → the declared numbers of arguments
        for match in re.finditer(r"^(?:[\w][\w *]*?[ *])?(?:#define )?(mf_\w+)\(", code, re.MULTILINE):
            parameters = arguments_at(code, match.end())
            if parameters is not None:
                n = 0 if [p.strip() for p in parameters] == ["void"] else len(parameters)
                variadic = any("..." in p for p in parameters)
                cls.arities.setdefault(match.group(1), set()).add((n, variadic))
        cls.paths = {path.relative_to(SOURCE).as_posix() for folder in FOLDERS
                     for path in (SOURCE / folder).rglob("*") if path.is_file()}
        cls.paths |= {path.name for path in SOURCE.iterdir() if path.is_file()}

    def each(self, pattern):
        """(place, path, comment, match) of every match in every comment."""
        n = 0
        for path, (comments, _) in self.files.items():
            for line, comment in comments:
                for match in pattern.finditer(comment):
                    n += 1
                    at = line + comment.count("\n", 0, match.start())
                    yield f"{path.relative_to(SOURCE)}:{at}", path, comment, match
        self.assertGreater(n, 20, "the pattern finds what it is for")

    def is_a_file(self, path, name):
        """From the file's folder, from a folder that headers are found in, or from the root; a name
        alone is in the same folder, or of a header that the file includes, or of one file only."""
        here = path.parent.relative_to(SOURCE).as_posix()
        if any(f"{folder}{name}" in self.paths for folder in ("", f"{here}/", "src/")):
            return True
        if name in FOREIGN:
            return True
        if "/" in name:
            return any(p.endswith("/" + name) for p in self.paths) and not name.startswith(".")
        included = re.search(rf'#include "[^"]*/{re.escape(name)}"', path.read_text(encoding="utf-8"))
        return bool(included) or sum(p.endswith("/" + name) for p in self.paths) == 1

    def test_files_that_comments_name_exist(self):
        wrong = [f"{place}: {match.group(1)}" for place, path, _, match in self.each(FILE)
                 if not self.is_a_file(path, match.group(1))]
        self.assertEqual([], wrong, "\n" + "\n".join(wrong))

    def test_a_comment_that_opens_a_file_names_that_file(self):
        wrong = []
        for path, (comments, _) in self.files.items():
            if comments and comments[0][0] == 1:
                named = re.match(r"/\* ([\w-]+\.[ch]): ", comments[0][1])
                if named and named.group(1) != path.name:
                    wrong.append(f"{path.relative_to(SOURCE)} says {named.group(1)}")
        self.assertEqual([], wrong)

    def test_names_that_comments_use_exist(self):
        wrong = []
        for place, _, _, match in self.each(NAME):
            name, more = match.groups()
            if more or name.endswith("_"):
                known = any(other.startswith(name) for other in self.names)
            else:
                known = name in self.names
            if not known:
                wrong.append(f"{place}: {name}")
        self.assertEqual([], wrong, "\n" + "\n".join(wrong))

    def test_calls_in_comments_are_of_functions_with_their_arguments(self):
        wrong = []
        for place, _, comment, match in self.each(CALL):
            name = match.group(1)
            if name not in self.arities:
                wrong.append(f"{place}: {name} is no function")
                continue
            text = re.sub(r"\n\s*\* ?", "\n", comment)
            at = text.find(name + "(", max(0, match.start() - comment.count("\n") * 20))
            given = arguments_at(text, at + len(name) + 1)
            if not given or any("…" in word or "..." in word for word in given):
                continue  # the function as such, or an example with something left out
            if not any(len(given) == n or variadic and len(given) >= n - 1
                       for n, variadic in self.arities[name]):
                wrong.append(f"{place}: {name} takes {sorted(self.arities[name])}, not {len(given)}")
        self.assertEqual([], wrong, "\n" + "\n".join(wrong))

    def test_functions_that_comments_name_exist(self):
        """Those of a file alone, too: name()."""
        wrong = [f"{place}: {match.group(1)}()" for place, _, _, match in self.each(FUNCTION)
                 if match.group(1) not in self.words]
        self.assertEqual([], wrong, "\n" + "\n".join(wrong))

    def test_no_line_of_a_table_is_broken_as_a_formatter_breaks_it(self):
        """Finds an indented line of over 100 columns whose rest was moved to the margin."""
        wrong = []
        for place, _, comment, _ in self.each(re.compile(r"\A")):
            lines = comment.split("\n")
            for first, second in zip(lines, lines[1:]):
                rest = re.match(r" \* ([a-z({[]\S*)", second)
                if re.match(r" \* {3,}\S", first) and rest and len(first) + 1 + len(rest.group(1)) > 100:
                    wrong.append(f"{place}: {first} {rest.group(1)}")
        self.assertEqual([], wrong, "\n" + "\n".join(wrong))


if __name__ == "__main__":
    unittest.main()
