"""openapi.py: reads serve/openapi.json and checks requests and responses against it.

    for operation in operations().values():
        why = operation.complaint(response)      # '' when the response is as declared

(1) A reference points into the document, and no schema refers to itself.
(2) The file is formatted by layout(): an object or array that fits on a line is on one line.
(3) A response is as declared when its status, each of its headers, its media type and its
    body are, and every number in it is finite.

Needs Debian's python3-jsonschema; without it `jsonschema` is None.
"""

import functools
import json
import math
from urllib.parse import quote

try:
    import jsonschema
except ImportError:
    jsonschema = None

from http_response import lines_of, loads
from http_words import JSON
from programs import SOURCE

PATH = SOURCE / "serve" / "openapi.json"
METHODS = ("get", "head", "post", "put", "delete", "options", "patch", "trace")

REQUEST = "Request"  # the schema of a request or an instance
RESPONSE = "x-response"  # of the schema of a request: the schema of its response

# Headers of every response that HTTP itself describes.
FRAMING = {"content-length", "content-type", "connection", "date", "server"}


@functools.lru_cache(maxsize=None)
def document():
    return loads(PATH.read_text(encoding="utf-8"))


LINE = 100


def layout(node, indent=0, before=0):
    """JSON for people: objects and arrays that fit on a line are on one line."""
    flat = json.dumps(node, ensure_ascii=False)
    if not isinstance(node, (dict, list)) or not node or indent + before + len(flat) < LINE:
        return flat
    inner, pad = " " * (indent + 2), "\n" + " " * indent
    if isinstance(node, dict):
        lines = [f"{inner}{json.dumps(k, ensure_ascii=False)}: {layout(v, indent + 2, len(k) + 4)}"
                 for k, v in node.items()]
        return "{\n" + ",\n".join(lines) + pad + "}"
    if any(isinstance(v, (dict, list)) for v in node):
        return "[\n" + ",\n".join(inner + layout(v, indent + 2) for v in node) + pad + "]"
    lines = [""]
    for value in node:
        word = json.dumps(value, ensure_ascii=False)
        if lines[-1] and len(inner + lines[-1] + word) + 3 > LINE:
            lines.append("")
        lines[-1] += (", " if lines[-1] else "") + word
    return "[\n" + ",\n".join(inner + line for line in lines) + pad + "]"


def save():
    """Writes document(), which a test has brought up to date."""
    PATH.write_text(layout(document()) + "\n", encoding="utf-8")


def resolve(node):
    """The target of a reference; anything else unchanged."""
    while isinstance(node, dict) and "$ref" in node:
        at = document()
        if not node["$ref"].startswith("#/"):
            raise AssertionError(f"not a place in this document: {node['$ref']}")
        for part in node["$ref"][2:].split("/"):
            part = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(at, dict) or part not in at:
                raise AssertionError(f"{node['$ref']} is not there")
            at = at[part]
        node = at
    return node


def expand(node, inside=()):
    """A schema with every reference replaced by its target; a circle fails."""
    if isinstance(node, list):
        return [expand(value, inside) for value in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        if node["$ref"] in inside:
            raise AssertionError(f"{node['$ref']} refers to itself")
        return expand(resolve({"$ref": node["$ref"]}), (*inside, node["$ref"]))
    return {k: v if k in (RESPONSE, "examples", "const", "enum") else expand(v, inside)
            for k, v in node.items()}


_validators = {}


def validator(schema):
    key = json.dumps(schema, sort_keys=True)
    if key not in _validators:
        _validators[key] = jsonschema.Draft202012Validator(expand(schema))
    return _validators[key]


def is_valid(schema, value):
    return validator(schema).is_valid(value)


def complaint(schema, value):
    """Why the value does not match the schema, or ''."""
    error = next(validator(schema).iter_errors(value), None)
    if error is None:
        return ""
    return f"{'/'.join(map(str, error.absolute_path)) or 'it'}: {error.message[:400]}"


def component(name):
    return {"$ref": f"#/components/schemas/{name}"}


class Operation:
    """A method of a path as the document has it."""

    def __init__(self, path, method, item):
        self.path, self.method, self.item = path, method.upper(), item
        self.parameters = [resolve(p) for p in
                           [*document()["paths"][path].get("parameters", []),
                            *item.get("parameters", [])]]
        self.responses = {int(s): resolve(r) for s, r in item["responses"].items()}
        self.body = resolve(item["requestBody"]) if "requestBody" in item else None

    def __str__(self):
        return f"{self.method} {self.path}"

    def target(self, example=None):
        """The request target with the parameters of an example; without a name, any path and no query."""
        path, query = self.path, []
        for p in self.parameters:
            if p["in"] not in ("path", "query"):
                continue
            examples = p["examples"]
            if p["in"] == "query" and example not in examples:
                continue
            value = examples[example if example in examples else next(iter(examples))]["value"]
            if p["in"] == "path":
                path = path.replace("{%s}" % p["name"], quote(str(value), safe=""))
            else:
                query.append(f"{p['name']}={quote(str(value), safe='')}")
        return path + ("?" + "&".join(query) if query else "")

    def complaint(self, response):
        """Why the response does not match the document, or ''."""
        definition = self.responses.get(response.status)
        if definition is None:
            return f"status {response.status} is not declared"
        content = definition.get("content", {})
        if self.method == "HEAD" and response.status < 400:
            content = operations()[self.path, "GET"].responses[response.status].get("content", {})
        return response_complaint(definition, response, content, self.method == "HEAD")


def response_complaint(definition, response, content=None, head=False):
    """The same by one response definition. content: overrides that of the definition; head: the
    body was not sent."""
    declared = {name.lower(): resolve(h) for name, h in definition.get("headers", {}).items()}
    sent = {name.lower(): value for name, value in response.headers}
    for name, value in sent.items():
        if name not in FRAMING and name not in declared:
            return f"header {name} is not declared"
        if name in declared and (why := complaint(declared[name]["schema"], value)):
            return f"header {name}: {why}"
    for name, header in declared.items():
        if header.get("required") and name not in sent:
            return f"header {name} is missing"
    content = definition.get("content", {}) if content is None else content
    media_type = response.header("Content-Type")
    if not content:
        return "" if not response.body and media_type is None else "a body that is not declared"
    if media_type not in content:
        return f"Content-Type {media_type} is not declared"
    if head:
        return "HEAD has a body" if response.body else ""
    return body_complaint(content[media_type], media_type, response.text)


def body_complaint(media, media_type, text):
    if media_type == JSON:
        value = loads(text)
        return complaint(media["schema"], value) or number_complaint(value)
    if why := complaint(media["schema"], text):
        return why
    if "x-line-schema" in media:
        for n, line in enumerate(lines_of(text)):
            value = loads(line)
            if why := complaint(media["x-line-schema"], value) or number_complaint(value):
                return f"line {n + 1}: {why}"
    return ""


def number_complaint(value):
    """Every number is finite, which a schema cannot require."""
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"{value} is not finite"
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next(filter(None, map(number_complaint, inner)), "")


@functools.lru_cache(maxsize=None)
def operations():
    """{(path, METHOD): Operation}"""
    return {(path, method.upper()): Operation(path, method, item[method])
            for path, item in document()["paths"].items() for method in METHODS if method in item}


def methods_of(path):
    return {m for p, m in operations() if p == path}


def request_schemas():
    return [ref["$ref"].rpartition("/")[2] for ref in resolve(component(REQUEST))["oneOf"]]


def response_schema(request):
    """The schema of the response to this request."""
    found = [name for name in request_schemas() if is_valid(component(name), request)]
    if len(found) != 1:
        raise AssertionError(f"{request} is {found}")
    return resolve(component(found[0]))[RESPONSE]


def invocations():
    return operations()["/invocations", "POST"]


def request_examples(media_type):
    return {name: resolve(e)["value"]
            for name, e in invocations().body["content"][media_type]["examples"].items()}


def all_request_examples():
    """{name: (media type, value)} of /invocations."""
    return {name: (media_type, value) for media_type in invocations().body["content"]
            for name, value in request_examples(media_type).items()}


def request_text(media_type, value):
    return json.dumps(value) if media_type == JSON else value
