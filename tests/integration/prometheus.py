"""prometheus.py: the text of /metrics, read as Prometheus reads it."""

import re

SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*=\"(?:[^\"\\\n]|\\[\\\"n])*\",?)*)\})?"
                    r" (NaN|[+-]Inf|[+-]?[0-9.]+(?:[eE][+-]?\d+)?)")
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"')


class Metrics:
    """The text of /metrics, read as Prometheus reads it. m("name", route="/ping") is the
    value, or 0 for a counter that is not there; .types has the declared types."""

    def __init__(self, text):
        if not text.endswith("\n"):
            raise AssertionError("the last line does not end")
        self.values, self.types, self.help = {}, {}, {}
        family = None
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                _, _, family, words = line.split(" ", 3)
                if family in self.help or not words:
                    raise AssertionError(f"twice or empty: {line!r}")
                self.help[family] = words
                continue
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                if name != family or kind not in ("counter", "gauge", "histogram"):
                    raise AssertionError(f"out of place: {line!r}")
                self.types[name] = kind
                continue
            match = SAMPLE.fullmatch(line)
            if not match:
                raise AssertionError(f"not a sample: {line!r}")
            name, labels, value = match.groups()
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            if (name if name in self.types else base) != family:
                raise AssertionError(f"not below its TYPE: {line!r}")
            key = (name, frozenset(LABEL.findall(labels or "")))
            if key in self.values:
                raise AssertionError(f"twice: {line!r}")
            self.values[key] = float(value)

    def __call__(self, name, **labels):
        if name not in self.types and re.sub(r"_(bucket|sum|count)$", "", name) not in self.types:
            raise AssertionError(f"no metric {name} among {sorted(self.types)}")
        return self.values.get((name, frozenset(labels.items())), 0)
