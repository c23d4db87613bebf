"""data_lines.py: no row disappears: the counts in metrics.json are all lines of the files that were read.

rows + blank rows + header rows + line ends inside quoted fields = lines. The lines are counted here, from the
bytes, without looking at quotes."""

import gzip
import re

import zstd

LINE = re.compile(r"\r\n|\n|\r")


def text_of(path):
    """The text of a file as train reads it: unpacked, and UTF-16 as such."""
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if content[:4] == b"\x28\xb5\x2f\xfd":
        content = zstd.decompress(content)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16")
    if content[1:2] == b"\0" or content[:1] == b"\0":
        return content.decode("utf-16-le" if content[1:2] == b"\0" else "utf-16-be")
    return content.decode("latin-1")


def n_lines(text):
    """LF, CR and CRLF end a line; a last line needs none."""
    return len(LINE.findall(text)) + (text != "" and text[-1] not in "\r\n")


def read_files(folder, left_out):
    """The files of a channel, by its rules, without the ignored ones."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part[0] in "._" for part in parts) \
                and str(path.relative_to(folder)) not in left_out:
            yield path


def assert_no_line_lost(test, folder, data):
    """folder: the train channel's, as the run saw it. data: of metrics.json."""
    left_out = {entry["file"] for entry in data["left_out"]} | set((data["items"] or {"files": []})["files"])
    forms = {dialect["delimiter"] for dialect in data["dialects"]}
    if len(left_out) < data["n_left_out"] or forms & {"JSON"} or not folder.is_dir():
        return
    lines = sum(n_lines(text_of(path)) for path in read_files(folder, left_out))
    test.assertEqual(lines, data["n_rows"] + data["n_blank_rows"] + data["n_header_rows"] +
                     data["n_line_ends_in_fields"], f"of {lines} lines: {data}")
