"""state_machine.py: runs a Step Functions state machine (JSONPath) with functions in place of its tasks.

    machine = StateMachine(definition)
    end, trail = machine.run({"…:createTrainingJob.sync": respond, …})
    # end: name of the last state; trail: [(state, parameters of its task or None), …]

Only what deploy/template.yaml uses: Task, Pass, Choice, Wait, Succeed, Fail; paths with names, [0], [*]
and one comparison; the intrinsic functions below. Anything else is an error. Waiting takes no time.
"""

import json
import re
import uuid

PART = re.compile(r"\.(\w+)|\[(\d+)\]|\[(\*)\]|\[\?\(@\.(\w+)(==|!=)'([^']*)'\)\]")


def look(path, data):
    """A path with [*] or a filter gives a list, as in Step Functions."""
    if not path.startswith("$"):
        raise ValueError(path)
    found, many, at = [data], False, 1
    while at < len(path):
        m = PART.match(path, at)
        if m is None:
            raise ValueError(f"{path}: {path[at:]}")
        name, index, star, key, compare, text = m.groups()
        at = m.end()
        many |= star is not None or key is not None
        if name is not None:
            found = [f[name] for f in found]
        elif index is not None:
            found = [f[int(index)] for f in found]
        else:
            found = [e for f in found for e in f if star or (e[key] == text) == (compare == "==")]
    return found if many else found[0]


def arguments(text):
    """Split at the commas that are in no quotes and no parentheses."""
    parts, depth, quoted = [""], 0, False
    for c in text:
        quoted ^= c == "'"
        depth += (c in "([") - (c in ")]") if not quoted else 0
        if c == "," and not quoted and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [p.strip() for p in parts if p.strip()]


def evaluate(text, data):
    if text.startswith("$"):
        return look(text, data)
    if re.fullmatch(r"'[^']*'", text):
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"\d+", text):
        return int(text)
    m = re.fullmatch(r"States\.(\w+)\((.*)\)", text, re.S)
    own = [evaluate(a, data) for a in arguments(m[2])]
    return {"Format": lambda: own[0].replace("{}", "%s") % tuple(own[1:]), "UUID": lambda: str(uuid.uuid4()),
            "Array": lambda: own, "ArrayGetItem": lambda: own[0][own[1]], "JsonMerge": lambda: {**own[0], **own[1]},
            "StringToJson": lambda: json.loads(own[0])}[m[1]]()


def fill(template, data):
    if isinstance(template, list):
        return [fill(t, data) for t in template]
    if not isinstance(template, dict):
        return template
    return {k.removesuffix(".$"): evaluate(v, data) if k.endswith(".$") else fill(v, data) for k, v in template.items()}


def fits(choice, data):
    value = look(choice["Variable"], data)
    if "StringEquals" in choice:
        return value == choice["StringEquals"]
    if "StringMatches" in choice:
        return re.fullmatch(re.escape(choice["StringMatches"]).replace(r"\*", ".*"), value) is not None
    return value >= choice["NumericGreaterThanEquals"]


class StateMachine:
    def __init__(self, definition):
        self.states, self.first = definition["States"], definition["StartAt"]
        targets = {self.first} | {s[k] for s in self.states.values() for k in ("Next", "Default") if k in s} | {
            c["Next"] for s in self.states.values() for c in s.get("Choices", [])}
        if targets != set(self.states):
            raise ValueError(f"states that nothing leads to, or that are not there: {targets ^ set(self.states)}")

    def run(self, tasks, data=None):
        name, data, trail = self.first, data or {}, []
        while len(trail) < 1000:
            state = self.states[name]
            given = fill(state["Parameters"], data) if "Parameters" in state else None
            trail.append((name, given))
            if state["Type"] in ("Succeed", "Fail"):
                return name, trail
            if state["Type"] == "Choice":
                name = next((c["Next"] for c in state["Choices"] if fits(c, data)), state["Default"])
                continue
            if state["Type"] in ("Task", "Pass"):
                result = tasks[state["Resource"]](given) if state["Type"] == "Task" else state.get("Result", given)
                if "ResultSelector" in state:
                    result = fill(state["ResultSelector"], result)
                if state.get("ResultPath", "$") is not None:
                    (key,) = re.fullmatch(r"\$\.(\w+)", state["ResultPath"]).groups()
                    data = {**data, key: result}
            elif state["Type"] != "Wait":
                raise ValueError(state["Type"])
            name = state["Next"]
        raise ValueError("it does not end")
