"""serve/openapi.json: its form, and its agreement with the sources.

(1) The document is OpenAPI 3.1, closed under its references, and its schemas are strict.
(2) Its facts are those of the sources: paths and methods, statuses and codes, variables and
    their defaults.
"""

import json
import re
import unittest

from http_words import JSON
from openapi import (METHODS, PATH, REQUEST, RESPONSE, body_complaint, complaint, component,
                     document, expand, is_valid, jsonschema, layout, methods_of, operations,
                     request_examples, request_schemas, resolve, response_schema)
from programs import SOURCE
from skipping import LoudCase

# The keywords of JSON Schema and OpenAPI objects of these versions: a misspelled keyword would
# be ignored otherwise.
SCHEMA_KEYWORDS = {
    "$ref", "title", "description", "examples", "default", "type", "enum", "const", "oneOf",
    "allOf", "not", "properties", "required", "additionalProperties", "minProperties", "maxProperties",
    "items", "minItems", "maxItems", "uniqueItems", "minimum", "maximum", "minLength", "maxLength", "pattern", RESPONSE}

OBJECT_FIELDS = {
    "document": ({"openapi", "info", "paths"}, {"servers", "security", "tags", "components"}),
    "info": ({"title", "version"}, {"summary", "description", "contact", "license"}),
    "contact": ({"name"}, {"url", "email"}),
    "operation": ({"operationId", "summary", "responses"},
                  {"description", "tags", "parameters", "requestBody"}),
    "parameter": ({"name", "in", "description", "schema"}, {"required", "example", "examples"}),
    "header": ({"description", "schema"}, {"required"}),
    "body": ({"content"}, {"description", "required"}),
    "media": ({"schema", "examples"}, {"x-line-schema"}),
    "example": ({"value"}, {"summary"}),
    "response": ({"description"}, {"headers", "content"}),
    "components": (set(), {"schemas", "responses", "parameters", "headers"}),
}


def source(name):
    return (SOURCE / name).read_text(encoding="utf-8")


def source_routes():
    """{path: methods} of serve/service.c."""
    text = source("serve/service.c")
    words = {f"MF_HTTP_{m}": {m} for m in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")}
    for name, value in re.findall(r"\b([A-Z]+) = ((?:MF_HTTP_\w+(?: \| )?)+)", text):
        words[name] = set().union(*(words[w] for w in value.split(" | ")))
    table = text[text.index(" routes[] = {"):]
    return {path: set().union(*(words[w] for w in value.split(" | ")))
            for path, value in re.findall(r'\.path = "(/[^"]*)", \.methods = ([A-Z_| ]+),', table)}


def source_codes():
    """{status: code} of src/http/parse/head.c."""
    return {int(s): code for s, code in
            re.findall(r'\{(\d{3}), "[^"]*", "(\w+)"\}', source("src/http/parse/head.c"))}


def source_statuses():
    """{status: where} of every refusal in the sources."""
    found = {}
    for folder in ("serve", "src/http", "src/http/parse", "src/inference"):
        for path in sorted((SOURCE / folder).glob("*.c")):
            text = path.read_text(encoding="utf-8")
            statuses = re.findall(r"refuse\w*\([^;\"]*?,\s*(\d{3})\b", text)
            statuses += re.findall(r"\breturn ([45]\d\d);", text)
            for status in statuses:
                if int(status) >= 400:
                    found.setdefault(int(status), path.name)
    return found


def source_defaults():
    """{variable: default, as text} of serve/serve_settings.c and src/cache/cache.c."""
    found = {}
    for entry in re.findall(r'\{\.name = "(.*?)FIELD\(', source("serve/serve_settings.c") +
                            source("src/cache/cache.c"), re.DOTALL):
        name = entry.partition('"')[0]
        found[name] = re.search(r'\.initial = "([^"]*)"', entry).group(1)
        if alias := re.search(r'\.aliases = "([^"]*)"', entry):
            found[alias.group(1)] = found[name]
    return found


class DocumentCase(LoudCase):
    def setUp(self):
        if jsonschema is None:
            self.not_here("python3-jsonschema is not installed")

    def fields(self, kind, node, where):
        needed, allowed = OBJECT_FIELDS[kind]
        self.assertIsInstance(node, dict, where)
        self.assertLessEqual(needed, set(node), where)
        self.assertLessEqual(set(node), needed | allowed, where)

    def schema(self, node, where):
        """Known keywords only. Objects are closed, or have a schema for properties of other names."""
        self.assertIsInstance(node, dict, where)
        self.assertLessEqual(set(node), SCHEMA_KEYWORDS, where)
        if node.get("type") == "object":
            self.assertIn("additionalProperties", node, where)
            if node["additionalProperties"] is not False:
                self.schema(node["additionalProperties"], f"{where}/*")
            self.assertLessEqual(set(node["required"]), set(node["properties"]), where)
        for keyword in ("items", "not", RESPONSE):
            if keyword in node:
                self.schema(node[keyword], f"{where}/{keyword}")
        for keyword in ("oneOf", "allOf"):
            for i, inner in enumerate(node.get(keyword, ())):
                self.schema(inner, f"{where}/{keyword}/{i}")
        for name, inner in node.get("properties", {}).items():
            self.schema(inner, f"{where}/{name}")
        if "$ref" in node:
            self.assertEqual({"$ref"}, set(node), where)
        jsonschema.Draft202012Validator.check_schema(expand(node))
        for example in node.get("examples", ()):
            self.assertEqual("", complaint(node, example), where)

    def example(self, node, media, media_type, where):
        self.fields("example", node, where)
        text = node["value"] if media_type != JSON else json.dumps(node["value"])
        self.assertEqual("", body_complaint(media, media_type, text), where)

    def content(self, node, where):
        for media_type, media in node.items():
            at = f"{where} {media_type}"
            self.assertRegex(media_type, r"\A[a-z]+/[a-z]+(; [a-z]+=[a-z0-9.-]+)*\Z")
            self.fields("media", media, at)
            self.schema(media["schema"], at)
            self.schema(media.get("x-line-schema", {}), at)
            self.assertTrue(media["examples"], at)
            for name, example in media["examples"].items():
                self.example(resolve(example), media, media_type, f"{at} {name}")

    def parameter(self, node, where):
        self.fields("parameter", node, where)
        self.assertIn(node["in"], ("path", "query", "header"), where)
        self.schema(node["schema"], where)
        examples = [node["example"]] if "example" in node else \
            [e["value"] for e in node["examples"].values()]
        for value in examples:
            self.assertEqual("", complaint(node["schema"], value), where)

    def response(self, node, where):
        self.fields("response", node, where)
        for name, header in node.get("headers", {}).items():
            self.fields("header", resolve(header), f"{where} {name}")
            self.schema(resolve(header)["schema"], f"{where} {name}")
        self.content(node.get("content", {}), where)


class TheDocument(DocumentCase):
    def test_is_openapi_3_1_and_every_part_of_it_has_the_right_shape(self):
        self.fields("document", document(), "document")
        self.assertRegex(document()["openapi"], r"\A3\.1\.\d+\Z")
        self.fields("info", document()["info"], "info")
        self.fields("contact", document()["info"]["contact"], "contact")
        self.assertEqual([], document()["security"])  # serve has no authentication of its own
        self.fields("components", document()["components"], "components")
        tags = {tag["name"] for tag in document()["tags"]}
        ids = set()
        for path, item in document()["paths"].items():
            self.assertRegex(path, r"\A/[^?#]*\Z")
            self.assertLessEqual(set(item), {*METHODS, "parameters"}, path)
        for operation in operations().values():
            where = str(operation)
            self.fields("operation", operation.item, where)
            self.assertNotIn(operation.item["operationId"], ids, where)
            ids.add(operation.item["operationId"])
            self.assertLessEqual(set(operation.item["tags"]), tags, where)
            self.assertIn(200, operation.responses, where)
            for parameter in operation.parameters:
                self.parameter(parameter, f"{where} {parameter.get('name')}")
            self.assertEqual({p["name"] for p in operation.parameters if p["in"] == "path"},
                             set(re.findall(r"\{(\w+)\}", operation.path)), where)
            for p in operation.parameters:
                self.assertEqual(p["in"] == "path", p.get("required", False), where)
            if operation.body is not None:
                self.fields("body", operation.body, where)
                self.content(operation.body["content"], where)
            for status, response in operation.responses.items():
                self.response(response, f"{where} {status}")

    def test_the_file_is_laid_out_for_people(self):
        self.assertTrue(PATH.read_text(encoding="utf-8") == layout(document()) + "\n",
                        "openapi.save() lays it out")

    def test_every_schema_is_strict_valid_and_used(self):
        text = PATH.read_text(encoding="utf-8")
        for kind, parts in document()["components"].items():
            for name, part in parts.items():
                with self.subTest(kind=kind, name=name):
                    self.assertIn(f'"#/components/{kind}/{name}"', text, "no reference to it")
                    if kind == "schemas":
                        self.schema(part, name)

    def test_requests_exclude_each_other_and_name_their_responses(self):
        for name in request_schemas():
            self.assertIn(RESPONSE, resolve(component(name)), name)
        for name, value in request_examples(JSON).items():
            for request in value.get("instances", [value]):
                self.assertIn("$ref", response_schema(request), name)

    def test_responses_always_have_all_of_their_fields(self):
        """Except those that mark unknown users and items, those that a model trained
        without ratings does not have, the strategy that a job did not set, reasons, and the
        item, whose name is the request's."""
        for name, schema in document()["components"]["schemas"].items():
            for part in (schema, *(p.get("items", {}) for p in schema.get("properties", {}).values())):
                if part.get("type") == "object" and not name.endswith(REQUEST) and name != "Where":
                    optional = {"known_user", "known_item", "BatchStrategy", "movieId"}
                    if name == "AudienceResponse":
                        optional |= {"userId", "user_id"}
                    if "score" in part["properties"]:
                        optional |= {"predicted_rating", "because", "popular_share"}
                    self.assertEqual(set(part["properties"]) - optional, set(part["required"]), name)

    def test_every_error_has_the_one_body_with_its_own_code(self):
        codes = source_codes()
        declared = {}
        for operation in operations().values():
            for status, response in operation.responses.items():
                if status >= 400:
                    declared[status] = response
        for status, response in declared.items():
            with self.subTest(status=status):
                schema = response["content"][JSON]["schema"]
                self.assertEqual(component("Error"), schema["allOf"][0])
                for other, code in codes.items():
                    body = {"error": {"code": code, "message": "a sentence"}}
                    self.assertEqual(other == status, is_valid(schema, body), code)
                self.assertEqual(status == 405, "Allow" in response["headers"])
        self.assertEqual(sorted(codes[s] for s in declared),
                         sorted(resolve(component("ErrorCode"))["enum"]))

    def test_every_status_of_the_sources_is_declared(self):
        declared = {s for o in operations().values() for s in o.responses}
        for status, where in source_statuses().items():
            self.assertIn(status, declared, f"{where} refuses with it")

    def test_paths_and_methods_are_those_of_the_routes(self):
        routes = source_routes()
        self.assertGreaterEqual(len(routes), 6)
        self.assertEqual(routes, {path: methods_of(path) for path in document()["paths"]})

    def test_the_version_is_the_projects(self):
        match = re.search(r"project\([^)]*VERSION ([0-9.]+)", source("CMakeLists.txt"))
        self.assertEqual(match.group(1), document()["info"]["version"])

    def test_variables_exist_and_have_the_defaults_that_it_says(self):
        defaults = source_defaults()
        text = PATH.read_text(encoding="utf-8")
        names = set(re.findall(r"\b(?:SERVE|SAGEMAKER|REDIS|CACHE)_[A-Z_]+\b", text))
        self.assertGreater(len(names), 10)
        self.assertLessEqual(names, set(defaults))
        stated = re.findall(r"`((?:SERVE|SAGEMAKER|REDIS|CACHE)_\w+)`(?: bytes)? \(([\d,]+)", text)
        stated += re.findall(r"`((?:SERVE|SAGEMAKER)_\w+)`, ([\d,]+)", text)
        self.assertGreater(len(stated), 8)
        for name, value in stated:
            self.assertEqual(defaults[name], value.replace(",", ""), name)


if __name__ == "__main__":
    unittest.main()
