"""template.py: deploy/template.yaml in Python, and its resources for given parameters.

    template = Template()
    stack = template.stack(Endpoint="serverless", Streams="on")   # parameters; others by default
    stack.resources                 # {logical id: resource} of those whose condition holds
    stack.value(any_part)           # with Ref, Sub, GetAtt, If … put in

A reference to a resource becomes <LogicalId> or <LogicalId.Attribute>, unless
`names` of the stack says what it is called.
"""

import re

import yaml

from programs import SOURCE

FILE = SOURCE / "deploy" / "template.yaml"
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/x/y@sha256:" + "0" * 64
# What a stack has once it has images and a model.
FILLED = {"EndpointImage": IMAGE, "PredictImage": IMAGE, "RecommendImage": IMAGE,
          "AggregateImage": IMAGE, "FeedbackImage": IMAGE, "ServiceImage": IMAGE,
          "ModelUrl": "s3://my-rec/models/job/output/model.tar.gz"}
PSEUDO = {"AWS::AccountId": "123456789012", "AWS::Region": "eu-central-1", "AWS::StackName": "my-rec",
          "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}


class Nothing(Exception):
    """AWS::NoValue: the property is left out."""


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # of libyaml, ten times as fast
    """Short forms become long ones: !Ref x is {"Ref": x}."""


def _construct(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


def _mapping(loader, node):
    keys = [loader.construct_object(key) for key, _ in node.value]
    repeated = {key for key in keys if keys.count(key) > 1}
    if repeated:
        raise ValueError(f"twice in one place, line {node.start_mark.line + 1}: {repeated}")
    return loader.construct_mapping(node, deep=True)


Loader.add_multi_constructor("!", _construct)
Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


class Template:
    def __init__(self, text=None):
        self.text = FILE.read_text() if text is None else text
        self.whole = yaml.load(self.text, Loader)
        self.parameters = self.whole["Parameters"]
        self.resources = self.whole["Resources"]

    def stack(self, filled=True, names=None, **parameters):
        values = {name: p.get("Default", "") for name, p in self.parameters.items()}
        values.update(FILLED if filled else {})
        values.update(parameters)
        return Stack(self, values, names or {})

    def of_type(self, kind):
        return {name: r for name, r in self.resources.items() if r["Type"] == kind}


class Stack:
    def __init__(self, template, parameters, names):
        self.template = template
        self.parameters = parameters
        self.names = names
        self.resources = {name: r for name, r in template.resources.items()
                          if "Condition" not in r or self.holds({"Condition": r["Condition"]})}

    def holds(self, condition):
        if "Condition" in condition:
            return self.holds(self.template.whole["Conditions"][condition["Condition"]])
        (kind, arguments), = condition.items()
        if kind == "Fn::Equals":
            first, second = (self.value(a) for a in arguments)
            return str(first) == str(second)
        parts = [self.holds(a) for a in arguments]
        return {"Fn::Not": lambda: not parts[0], "Fn::And": lambda: all(parts),
                "Fn::Or": lambda: any(parts)}[kind]()

    def named(self, name):
        if name == "AWS::NoValue":
            raise Nothing
        for known in (self.names, PSEUDO, self.parameters):
            if name in known:
                return known[name]
        if name.split(".")[0] not in self.template.resources:
            raise KeyError(f"{name} is neither a parameter nor a resource")
        if name.split(".")[0] not in self.resources:
            raise LookupError(f"{name} is not there with these parameters")
        return f"<{name}>"

    def value(self, part):
        if isinstance(part, list):
            return [v for v in map(self._or_nothing, part) if v is not Nothing]
        if not isinstance(part, dict):
            return part
        if len(part) == 1:
            (kind, inside), = part.items()
            if kind == "Ref":
                return self.named(inside)
            if kind == "Fn::GetAtt":
                return self.named(".".join(inside))
            if kind == "Fn::Sub":
                text, own = inside if isinstance(inside, list) else (inside, {})
                own = {name: self.value(v) for name, v in own.items()}
                return re.sub(r"\$\{([^!}]+)\}", lambda m: str(own[m[1]] if m[1] in own else self.named(m[1])), text)
            if kind == "Fn::If":
                condition, yes, no = inside
                return self.value(yes if self.holds({"Condition": condition}) else no)
            if kind == "Fn::FindInMap":
                found = self.template.whole["Mappings"]
                for key in inside:
                    found = found[self.value(key)]
                return found
            if kind == "Fn::GetAZs":
                return ["<zone 1>", "<zone 2>"]
            if kind == "Fn::Select":
                return self.value(inside[1])[int(inside[0])]
            if kind == "Fn::Join":
                return inside[0].join(self.value(inside[1]))
            if kind == "Fn::Split":
                return self.value(inside[1]).split(inside[0])
            if kind.startswith("Fn::"):
                raise NotImplementedError(kind)
        values = {key: self._or_nothing(v) for key, v in part.items()}
        return {key: v for key, v in values.items() if v is not Nothing}

    def _or_nothing(self, part):
        try:
            return self.value(part)
        except Nothing:
            return Nothing

    def environment(self, function):
        return self.value(self.resources[function]["Properties"]["Environment"]["Variables"])
