"""epochs.py: the lines of `train` that begin with epoch=."""

import re

EPOCH_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def epoch_lines(text):
    """[{name: text}] of the lines that begin with epoch=; refuses anything but
    name=number pairs with one space between."""
    epochs = []
    for line in text.splitlines():
        if not line.startswith("epoch="):
            continue
        fields = {}
        for word in line.split(" "):
            name, equals, value = word.partition("=")
            if not equals or not EPOCH_NUMBER.fullmatch(value):
                raise AssertionError(f"not name=fixed-point: {word!r} in {line!r}")
            fields[name] = value
        epochs.append(fields)
    return epochs


def figures(result):
    """The epoch lines without times."""
    clock = ("seconds", "ratings_per_second")
    return [{k: v for k, v in e.items() if k not in clock} for e in result.epochs]
