#!/usr/bin/env python3
"""standin.py: stands in for a program on PATH, under that program's name.

It appends {"argv": […], "stdin": text or null} to $STANDIN/calls and does what
$STANDIN/plan.json has for the first entry of "<name>" whose "words" are next to each
other in argv: {"words": [...], "out": text, "err": text, "status": n}. An entry with
"times": n counts n times only. Without an entry it ends with 99 and a complaint. Tests start it
often: it runs without Python's site, and loads little."""

import json
import os
import sys


def matches(words, argv):
    n = len(words)
    return any(argv[at:at + n] == words for at in range(len(argv) - n + 1))


def main():
    folder = os.environ["STANDIN"]
    name, argv = os.path.basename(sys.argv[0]), sys.argv[1:]
    stdin = sys.stdin.read() if "--password-stdin" in argv else None
    with open(f"{folder}/calls", "a", encoding="utf-8") as calls:
        calls.write(json.dumps({"argv": [name, *argv], "stdin": stdin}) + "\n")
    with open(f"{folder}/calls", encoding="utf-8") as calls:
        used = [json.loads(line)["argv"] for line in calls][:-1]
    with open(f"{folder}/plan.json", encoding="utf-8") as plan:
        planned = json.load(plan)[name]
    for entry in planned:
        if not matches(entry["words"], argv):
            continue
        n_before = sum(call[0] == name and matches(entry["words"], call[1:]) for call in used)
        if n_before >= entry.get("times", n_before + 1):
            continue
        sys.stdout.write(entry.get("out", ""))
        sys.stderr.write(entry.get("err", ""))
        return entry.get("status", 0)
    sys.stderr.write(f"{name}: nothing is planned for {argv}\n")
    return 99


if __name__ == "__main__":
    sys.exit(main())
