"""serve/openapi.json and the server say the same.

(1) The document is OpenAPI 3.1, closed under its references, and its schemas are strict.
(2) Its facts are those of the sources: paths and methods, statuses and codes, variables and
    their defaults, metrics.
(3) Every example is asked of the real server, on the model that it is about, and gets the
    answer that stands beside it.
(4) Every declared error is provoked, and on every operation what all of them can answer with.
(5) What a schema accepts the server accepts, and what it refuses the server refuses; rules
    that a schema cannot say are in INEXPRESSIBLE and in the descriptions.

After a change of the trainer or of what is recommended, the examples are others:

    MF_OPENAPI_REFRESH=1 MF_BIN=… python3 -m unittest test_openapi.Examples

writes today's answers into the document instead of comparing. Look at the difference.

Needs Debian's python3-jsonschema for everything that validates.
"""

import copy
import functools
import gzip
import json
import os
import random
import re
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from http_answer import lines_of
from http_client import chunked, message
from http_words import CSV, CUSTOM_ATTRIBUTES, JSON, JSON_LINES
from job import Job
from models import Trained, shared_folder
from openapi import (METHODS, PATH, all_request_examples, answer_schema, body_complaint, complaint,
                     component, document, expand, invocations, is_valid, jsonschema, layout,
                     methods_of, operations, question_schemas, question_text, request_examples,
                     resolve, response_complaint, save)
from process import Run
from programs import DEADLINE, SOURCE, TRAIN
from prometheus import Metrics
from samples import real_ratings
from sanitizers import SANITIZER_ENVIRONMENT
from serve_case import ServeCase

# What these versions of a JSON Schema or OpenAPI object may hold: a keyword with a slip in it
# would otherwise say nothing, silently.
SCHEMA_KEYWORDS = {
    "$ref", "title", "description", "examples", "default", "type", "enum", "const", "oneOf",
    "allOf", "not", "properties", "required", "additionalProperties", "items", "minItems",
    "maxItems", "minimum", "maximum", "minLength", "maxLength", "pattern", "x-answer"}
OBJECT_FIELDS = {
    "document": ({"openapi", "info", "paths"}, {"servers", "tags", "components"}),
    "info": ({"title", "version"}, {"summary", "description", "license"}),
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

REFRESH = bool(os.environ.get("MF_OPENAPI_REFRESH"))

# One user's list, by itself or through Redis.
USER_LISTS = ("/internal/recommend/{user_id}", "/recommend/cached/{user_id}")

# Statuses that nothing sent from outside brings about.
NOT_PROVOKED = {500: "a fault of ours"}


# --- the sources ------------------------------------------------------------


def source(name):
    return (SOURCE / name).read_text(encoding="utf-8")


def source_routes():
    """{path: methods} of serve/routes.c."""
    text = source("serve/routes.c")
    words = {f"MF_HTTP_{m}": {m} for m in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")}
    for name, value in re.findall(r"\b([A-Z]+) = ((?:MF_HTTP_\w+(?: \| )?)+)", text):
        words[name] = set().union(*(words[w] for w in value.split(" | ")))
    table = text[text.index("mf_routes[]"):]
    return {path: set().union(*(words[w] for w in value.split(" | ")))
            for path, value in re.findall(r'\.path = "(/[^"]*)", \.methods = ([A-Z_| ]+),', table)}


def source_codes():
    """{status: code} of src/http/status.c."""
    return {int(s): code for s, code in
            re.findall(r'\{(\d{3}), "[^"]*", "(\w+)"\}', source("src/http/status.c"))}


def source_statuses():
    """{status: where} of every refusal in the sources."""
    found = {}
    for folder in ("serve", "src/http", "src/inference"):
        for path in sorted((SOURCE / folder).glob("*.c")):
            text = path.read_text(encoding="utf-8")
            statuses = re.findall(r"refuse\w*\([^;\"]*?,\s*(\d{3})\b", text)
            statuses += re.findall(r"\breturn ([45]\d\d);", text)
            for status in statuses:
                if int(status) >= 400:
                    found.setdefault(int(status), path.name)
    return found


def source_defaults():
    """{variable: default, as text} of serve/settings.c and src/cache/settings.c."""
    found = {}
    for entry in re.findall(r'\{\.name = "(.*?)FIELD\(', source("serve/settings.c") +
                            source("src/cache/settings.c"), re.DOTALL):
        name = entry.partition('"')[0]
        found[name] = re.search(r'\.initial = "([^"]*)"', entry).group(1)
        if alias := re.search(r'\.aliases = "([^"]*)"', entry):
            found[alias.group(1)] = found[name]
    return found


# --- tests of the document alone --------------------------------------------


class DocumentCase(unittest.TestCase):
    def setUp(self):
        if jsonschema is None:
            self.skipTest("NOT TESTED HERE: python3-jsonschema is not installed")

    def fields(self, kind, node, where):
        needed, allowed = OBJECT_FIELDS[kind]
        self.assertIsInstance(node, dict, where)
        self.assertLessEqual(needed, set(node), where)
        self.assertLessEqual(set(node), needed | allowed, where)

    def schema(self, node, where):
        """Known keywords only, and objects are closed."""
        self.assertIsInstance(node, dict, where)
        self.assertLessEqual(set(node), SCHEMA_KEYWORDS, where)
        if node.get("type") == "object":
            self.assertIs(False, node.get("additionalProperties"), where)
            self.assertLessEqual(set(node["required"]), set(node["properties"]), where)
        for keyword in ("items", "not", "x-answer"):
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
                    self.assertIn(f'"#/components/{kind}/{name}"', text, "nobody refers to it")
                    if kind == "schemas":
                        self.schema(part, name)

    def test_questions_exclude_each_other_and_name_their_answers(self):
        for name in question_schemas():
            self.assertIn("x-answer", resolve(component(name)), name)
        for name, value in request_examples(JSON).items():
            for question in value.get("instances", [value]):
                self.assertIn("$ref", answer_schema(question), name)

    def test_answers_always_have_all_of_their_fields(self):
        """But those that are only there to say that something is not known."""
        for name, schema in document()["components"]["schemas"].items():
            for part in (schema, *(p.get("items", {}) for p in schema.get("properties", {}).values())):
                if part.get("type") == "object" and not name.endswith("Question"):
                    self.assertEqual(set(part["properties"]) - {"known_user", "known_item"},
                                     set(part["required"]), name)

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
        said = re.findall(r"`((?:SERVE|SAGEMAKER|REDIS|CACHE)_\w+)`(?: bytes)? \(([\d,]+)", text)
        said += re.findall(r"`((?:SERVE|SAGEMAKER)_\w+)`, ([\d,]+)", text)
        self.assertGreater(len(said), 8)
        for name, value in said:
            self.assertEqual(defaults[name], value.replace(",", ""), name)


# --- tests against the server -----------------------------------------------


@functools.lru_cache(maxsize=None)
def sample():
    """The model that the examples are about: data/ratings.csv, defaults."""
    prefix = Path(tempfile.mkdtemp(prefix="sample-", dir=shared_folder()))
    job = Job(prefix, {})
    job.channel("train", {"ratings.csv": real_ratings()})
    job.write_config()
    result = Run([TRAIN, "--prefix", prefix], env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                                                   **SANITIZER_ENVIRONMENT}).wait(DEADLINE)
    if result.status != 0:
        raise AssertionError(f"train{result}")
    rows = [tuple(line.split(",")) for line in real_ratings().split()[1:]]
    return Trained(prefix, rows)


class OpenapiCase(ServeCase):
    def setUp(self):
        if jsonschema is None:
            self.not_here("python3-jsonschema is not installed")
        super().setUp()

    def sample_server(self, **env):
        return self.serve(model=sample(), env=env)

    def connect(self, server):
        """A connection that is closed after the test."""
        client = server.connect()
        self._closers.append(client)
        return client

    def assertConforms(self, operation, answer, what=""):
        why = operation.complaint(answer)
        self.assertEqual("", why, f"{operation}: {why}\n{what}{answer}")
        return answer

    def ask(self, client, body, media_type=JSON, accept=None, headers=()):
        """POST /invocations; the answer conforms."""
        headers = list(headers) + ([("Accept", accept)] if accept else [])
        answer = client.post(body, media_type, headers=headers)
        return self.assertConforms(invocations(), answer, f"{body!r:.500}")


class Examples(OpenapiCase):
    def assertExample(self, example, said):
        """The example is what was said; or becomes it."""
        if REFRESH:
            example["value"] = said
            save()
        self.assertEqual(example["value"], said, f"now: {json.dumps(said, ensure_ascii=False)}")

    def test_every_question_gets_the_answer_beside_it(self):
        questions = all_request_examples()
        client = self.connect(self.sample_server())
        for reply, media in invocations().responses[200]["content"].items():
            self.assertTrue(media["examples"])
            for name, example in media["examples"].items():
                with self.subTest(name=name, reply=reply):
                    media_type, value = questions[name]
                    answer = self.ask(client, question_text(media_type, value), media_type, reply)
                    self.assertEqual(200, answer.status, answer)
                    self.assertEqual(reply, answer.header("Content-Type"))
                    said = answer.json() if reply == JSON else answer.text
                    self.assertExample(resolve(example), said)

    def test_every_question_has_an_answer_beside_it(self):
        answered = {name for media in invocations().responses[200]["content"].values()
                    for name in media["examples"]}
        self.assertEqual(set(all_request_examples()), answered)

    def test_every_question_is_answered_in_every_format(self):
        client = self.connect(self.sample_server())
        for name, (media_type, value) in all_request_examples().items():
            text = question_text(media_type, value)
            alone = self.ask(client, text, media_type)
            self.assertEqual(media_type, alone.header("Content-Type"), "the question's own")
            for reply in (JSON, JSON_LINES, CSV):
                with self.subTest(name=name, reply=reply):
                    answer = self.ask(client, text, media_type, reply)
                    lists = re.search(r"top_n|movieIds|similar", text)
                    self.assertEqual(406 if reply == CSV and lists else 200, answer.status, answer)

    def test_packed_in_chunks_and_with_every_header(self):
        client = self.connect(self.sample_server())
        sent = {p["name"]: p["example"] for p in invocations().parameters}
        self.assertEqual("gzip", sent["Content-Encoding"])
        for name, (media_type, value) in all_request_examples().items():
            with self.subTest(name=name):
                text = question_text(media_type, value).encode()
                plain = self.ask(client, text, media_type)
                packed = self.ask(client, gzip.compress(text), media_type, headers=sent.items())
                self.assertEqual(sent[CUSTOM_ATTRIBUTES], packed.header(CUSTOM_ATTRIBUTES))
                pieces = self.ask(client, chunked(text), media_type,
                                  headers=[("Transfer-Encoding", "chunked")])
                self.assertEqual(plain.body, packed.body)
                self.assertEqual(plain.body, pieces.body)

    def test_content_type_may_be_missing(self):
        client = self.connect(self.sample_server())
        for name, value in request_examples(JSON).items():
            answer = self.ask(client, json.dumps(value), None)
            self.assertEqual((200, JSON), (answer.status, answer.header("Content-Type")), name)

    def test_other_operations_answer_as_declared(self):
        client = self.connect(self.sample_server())
        for operation in operations().values():
            if operation.body is not None:
                continue
            with self.subTest(operation=str(operation)):
                answer = client.request(operation.method, operation.target())
                self.assertEqual(200, answer.status, answer)
                self.assertConforms(operation, answer)

    def test_lists_of_users_are_those_of_the_examples(self):
        client = self.connect(self.sample_server())
        for path in USER_LISTS:
            operation = operations()[path, "GET"]
            examples = operation.responses[200]["content"][JSON]["examples"]
            self.assertEqual({"known", "unknown"}, set(examples))
            for name, example in examples.items():
                answer = self.assertConforms(operation, client.get(operation.target(name)))
                said = answer.json()
                if "latency_ms" in said:  # that one differs from run to run
                    said["latency_ms"] = example["value"]["latency_ms"]
                self.assertExample(example, said)

    def test_figures_of_the_sample_are_those_of_the_examples(self):
        server = self.sample_server(SAGEMAKER_MODEL_SERVER_WORKERS="2")
        for path in ("/health", "/execution-parameters"):
            (example,) = operations()[path, "GET"].responses[200]["content"][JSON]["examples"].values()
            said = server.get(path).json()
            if "model" in said:  # that one differs from run to run
                said["model"]["load_seconds"] = example["value"]["model"]["load_seconds"]
            self.assertExample(example, said)

    def test_metrics_are_those_of_the_table(self):
        operation = operations()["/metrics", "GET"]
        table = {name: (kind, words) for name, kind, words in
                 re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", operation.item["description"],
                            re.MULTILINE)}
        metrics = self.sample_server().metrics()
        self.assertEqual({name: (metrics.types[name], metrics.help[name]) for name in metrics.types},
                         table)
        for media in operation.responses[200]["content"].values():
            for example in media["examples"].values():
                Metrics(example["value"])  # refuses what Prometheus cannot read


class WithoutAModel(OpenapiCase):
    def test_says_so_where_a_model_is_needed_and_answers_elsewhere(self):
        server = self.serve(model=False, ready=False)
        server.wait_until_listening()
        server.wait_for_log("model_refused")
        for operation in operations().values():
            with self.subTest(operation=str(operation)):
                answer = server.request(operation.method, operation.target(),
                                        body="{}" if operation.body else None)
                needs_none = operation.path in ("/metrics", "/execution-parameters")
                self.assertEqual(200 if needs_none else 503, answer.status, answer)
                self.assertConforms(operation, answer)


class Strict(OpenapiCase):
    def test_what_is_not_known_is_404_alone_and_null_in_a_batch(self):
        client = self.connect(self.sample_server(SERVE_STRICT="true"))
        n_refused = 0
        for name, question in request_examples(JSON).items():
            if "instances" in question:
                continue
            usual = next(media["examples"][name]["value"] for media in
                         invocations().responses[200]["content"].values() if name in media["examples"])
            unknown = '_user": false' in json.dumps(usual) or '_item": false' in json.dumps(usual)
            n_refused += unknown
            with self.subTest(name=name):
                alone = self.ask(client, question)
                self.assertEqual(404 if unknown else 200, alone.status, alone)
                batch = self.ask(client, {"instances": [question, question]})
                self.assertEqual(200, batch.status, batch)
                answers = batch.json()["predictions"]
                self.assertEqual(2, len(answers))
                self.assertEqual("", complaint(answer_schema(question), answers[0]))
                self.assertEqual(unknown and "recommendations" not in usual and "similar" not in usual,
                                 answers[0].get("predicted_rating", 0) is None)
        self.assertGreater(n_refused, 3)
        ratings = self.ask(client, "2,2959\nnobody,2959\n", CSV)
        self.assertRegex(ratings.text, r'\A[\d.]+\n""\n\Z')

    def test_lists_of_unknown_users_are_404(self):
        server = self.sample_server(SERVE_STRICT="true")
        for path, method in ((p, m) for p in USER_LISTS for m in ("GET", "HEAD")):
            operation = operations()[path, method]
            for name, status in (("known", 200), ("unknown", 404)):
                answer = server.request(method, operation.target(name))
                self.assertEqual(status, answer.status, answer)
                self.assertConforms(operation, answer)


class InABatchJob(OpenapiCase):
    def test_header_and_empty_bodies_as_described(self):
        client = self.connect(self.sample_server(SAGEMAKER_BATCH="true"))
        for name, value in request_examples(CSV).items():
            answer = self.ask(client, value, CSV)
            self.assertEqual(len(lines_of(value)), len(answer.csv_lines()), name)
        for media_type in (CSV, JSON_LINES):
            answer = self.ask(client, "", media_type)
            self.assertEqual((200, b""), (answer.status, answer.body))


# --- errors -----------------------------------------------------------------


def question_body(operation):
    """(media type, text) of a good request."""
    if operation.body is None:
        return None, None
    return JSON, json.dumps({"userId": "1", "movieId": "1001"})


def good(operation, *headers, target=None):
    media_type, body = question_body(operation)
    return message(operation.method, target or operation.target(), body, headers, media_type)


def with_body(operation, *headers, body="x", media_type="text/plain"):
    if operation.body is not None:
        media_type, body = question_body(operation)
    return message(operation.method, operation.target(), body, headers, media_type)


# What brings a status about on any operation, as bytes to send.
PROVOCATIONS = {
    400: lambda o: good(o).replace(b"Host:", b"Host :"),
    413: lambda o: message(o.method, o.target(), None, [("Content-Length", str(1 << 40))], JSON),
    414: lambda o: good(o, target=o.target() + "?" + "a" * 40000),
    415: lambda o: with_body(o, ("Content-Encoding", "br")),
    417: lambda o: good(o, ("Expect", "a-miracle")),
    431: lambda o: good(o, ("X-Long", "a" * 40000)),
    501: lambda o: message(o.method, o.target(), None, [("Transfer-Encoding", "br")], JSON),
    505: lambda o: good(o).replace(b" HTTP/1.1\r\n", b" HTTP/2.0\r\n"),
}
# Others that every operation can answer with: tests of their own below, and in Paths.
EVERYWHERE = {*PROVOCATIONS, 405, 408, 503, *NOT_PROVOKED}

# And those that only some can; Strict and Errors provoke them.
SOMEWHERE = {
    "/invocations": {404, 406},
    **{path: {404} for path in USER_LISTS},
}


class Errors(OpenapiCase):
    def test_no_other_status_is_declared(self):
        for operation in operations().values():
            self.assertEqual({200} | EVERYWHERE | SOMEWHERE.get(operation.path, set()),
                             set(operation.responses), str(operation))

    def assertProvoked(self, operation, answer, status):
        self.assertEqual(status, answer.status, f"{operation}{answer}")
        self.assertConforms(operation, answer)

    def test_by_bytes_on_every_operation(self):
        for operation in operations().values():
            for status in PROVOCATIONS:
                with self.subTest(operation=str(operation), status=status):
                    with self.server.connect() as client:
                        client.send_some(PROVOCATIONS[status](operation))
                        answer = client.read(head=operation.method == "HEAD")
                        self.assertProvoked(operation, answer, status)
        self.assertServes(self.server)

    def test_slow_heads_and_bodies(self):
        server = self.serve(env={"SERVE_RECEIVE_SECONDS": "1"})

        def wait(case):
            operation, data = case
            with server.connect() as client:
                client.send(data)
                return operation, client.read(head=operation.method == "HEAD")

        cases = []
        for operation in operations().values():
            if operation.method != "HEAD":  # a head that is not finished has no method yet
                cases.append((operation, good(operation).partition(b"\r\n")[0] + b"\r\nHost:"))
            cases.append((operation, message(operation.method, operation.target(), None,
                                             [("Content-Length", "9")], JSON) + b"{"))
        with ThreadPoolExecutor(len(cases)) as pool:
            for operation, answer in pool.map(wait, cases):
                with self.subTest(operation=str(operation)):
                    self.assertProvoked(operation, answer, 408)

    def test_too_many_connections(self):
        server = self.serve(env={"SERVE_MAX_CONNECTIONS": "1"}, threads=1)
        with server.connect() as first:
            self.assertEqual(200, first.get("/ping").status)
            for operation in operations().values():
                if operation.method == "HEAD":  # refused before its method is known
                    continue
                with self.subTest(operation=str(operation)), server.connect() as client:
                    client.send_some(good(operation))
                    self.assertProvoked(operation, client.read(), 503)

    def test_formats_that_cannot_be_sent(self):
        client = self.connect(self.server)
        for accept, question in (("image/png", {"userId": "1", "movieId": "1001"}),
                                 (CSV, {"userId": "1", "top_n": 3})):
            self.assertProvoked(invocations(), self.ask(client, question, JSON, accept), 406)

    def test_formats_that_are_not_read(self):
        client = self.connect(self.server)
        for media_type in ("application/octet-stream", "text/plain", "csv"):
            self.assertProvoked(invocations(), self.ask(client, b"1,1001\n", media_type), 415)

    def test_parameters_that_do_not_exist_or_are_out_of_range(self):
        client = self.connect(self.server)
        for path in USER_LISTS:
            operation, target = operations()[path, "GET"], path.replace("{user_id}", "1")
            (schema,) = (p["schema"] for p in operation.parameters if p["name"] == "top_n")
            self.assertEqual({"user_id", "top_n"}, {p["name"] for p in operation.parameters})
            for value in (-1, 0, 1, 20, schema["maximum"], schema["maximum"] + 1, "x", "", "1.5"):
                answer = self.assertConforms(operation, client.get(f"{target}?top_n={value}"))
                self.assertEqual(200 if is_valid(schema, value) else 400, answer.status, (value, answer))
            self.assertProvoked(operation, client.get(f"{target}?top=3"), 400)
            self.assertEqual(schema["default"], client.get(target).json()["count"])


# --- paths and methods ------------------------------------------------------


class Paths(OpenapiCase):
    def test_other_methods_are_405_with_the_documents_own(self):
        client = self.connect(self.server)
        for path in document()["paths"]:
            target = next(o for (p, _), o in operations().items() if p == path).target()
            for method in (*(m.upper() for m in METHODS), "CONNECT", "BREW", "get"):
                with self.subTest(path=path, method=method):
                    answer = client.request(method, target, body="{}" if method == "POST" else None)
                    if method in methods_of(path):
                        self.assertNotIn(answer.status, (404, 405))
                        continue
                    self.assertEqual(405, answer.status, answer)
                    self.assertEqual(methods_of(path), set(answer.header("Allow").split(", ")))
                    for operation in (o for (p, _), o in operations().items() if p == path):
                        why = response_complaint(operation.responses[405], answer,
                                                 head=method == "HEAD")
                        self.assertEqual("", why, answer)

    def test_other_paths_are_404(self):
        not_found = resolve({"$ref": "#/components/responses/NotFound"})
        client = self.connect(self.server)
        for path in document()["paths"]:
            path = path.replace("/{user_id}", "")
            for other in (path + "/", path + "s", path.upper(), "/x" + path, path[:-1]):
                for method in ("GET", "POST", "PUT"):
                    answer = client.request(method, other)
                    self.assertEqual(404, answer.status, f"{method} {other}{answer}")
                    self.assertEqual("", response_complaint(not_found, answer), answer)
        for other in ("/", "/models", "/openapi.json", "/internal/recommend/a/b", "/ping%2F"):
            self.assertEqual(404, client.get(other).status, other)


# --- questions --------------------------------------------------------------

# Rules that a schema cannot say; values that only they decide are left out of the table below.
# Each is in a description.
INEXPRESSIBLE = {
    "bytes": '{"userId":"%s","movieId":"1001"}' % ("ä" * 200),
    "point": '{"userId":"1","top_n":10.0}',
    "integer with an exponent": '{"userId":1e0,"movieId":"1001"}',
    "twice": '{"userId":"1","userId":"1","movieId":"1001"}',
    "surrogate": '{"userId":"\\ud800","movieId":"1001"}',
    "size": '{"userId":"1","movieId":"1001"%s}' % (" " * 262144),
    "long integer": '{"ratings":[{"movieId":"1001","rating":100000000000000000000}],"top_n":1}',
}

IDS = ["1", "2", "1001", "1050", "nobody", "x" * 255, "x" * 256, "", "a\nb", "a\u0085", "tab\t", "ä",
       "日本", 1, 1001, 0, -1, 2**63 - 1, -(2**63), 1.5, None, True, [], {}, ["1"]]
COUNTS = [1, 2, 10, 1000, 1001, 0, -1, 2**31, 1.5, "10", None, True, [], {}]
BOOLEANS = [True, False, None, 0, 1, "true", []]
NUMBERS = [5, 0.5, -1, 0, 1e9, 1e30, 3e38, 4e38, 1e308, -4e38, "5", None, True, []]


def a_rating(r, good_only):
    made = {"movieId": r.choice(["1001", "1002", 1003, "nobody"]), "rating": r.choice([5, 0.5, 3])}
    if not good_only and r.random() < 0.3:
        spoil(r, made, {"movieId": IDS, "rating": NUMBERS})
    return made


def a_value(r, field):
    """Something for this field; good values and bad ones."""
    good_only = r.random() < 0.7
    if field in ("userId", "movieId"):
        return r.choice(["1", "7", 3, "nobody", "1001", 1002] if good_only else IDS)
    if field in ("top_n", "similar"):
        return r.choice([1, 5, 30] if good_only else COUNTS)
    if field == "include_rated":
        return r.choice([True, False] if good_only else BOOLEANS)
    size = r.choice([1, 2, 5] if good_only else [0, 1, 3, 30])
    if field == "movieIds":
        if not good_only and r.random() < 0.3:
            return r.choice(["1001", None, {}, 1001, {"0": "1001"}])
        return [r.choice(["1001", "1002", 1003, "nobody"]) if good_only or r.random() < 0.9
                else r.choice(IDS) for _ in range(size)]
    if not good_only and r.random() < 0.3:
        return r.choice(["1001", None, {}, 5, [5], [None], [["1001", 5]]])
    return [a_rating(r, good_only or size > 10) for _ in range(size)]


FIELDS = ("userId", "movieId", "movieIds", "top_n", "include_rated", "similar", "ratings")
STRANGERS = ("surprise", "user_id", "topN", "UserId", "rating", "instances", "", "include_rated ")


def spoil(r, made, values):
    """One change: a field less, another value, a field more."""
    kind = r.randrange(3)
    if kind == 0 and made:
        del made[r.choice(list(made))]
    elif kind == 1 and made:
        field = r.choice(list(made))
        made[field] = r.choice(values[field])
    else:
        made[r.choice(STRANGERS)] = r.choice([1, "1", None, [], {}])


def a_question(r):
    """One of the document's forms, then up to three changes."""
    schema = resolve(component(r.choice(question_schemas())))
    made = {f: a_value(r, f) for f in schema["properties"]
            if f in schema["required"] or r.random() < 0.5}
    for _ in range(r.choice([0, 0, 1, 1, 2, 3])):
        kind = r.randrange(4)
        if kind == 0 and made:
            del made[r.choice(list(made))]
        elif kind == 1:
            field = r.choice(FIELDS)
            made[field] = a_value(r, field)
        elif kind == 2 and made:
            field = r.choice(list(made))
            made[field] = a_value(r, field)
        elif r.random() < 0.3:
            made[r.choice(STRANGERS)] = a_value(r, r.choice(FIELDS))
    made = list(made.items())
    r.shuffle(made)
    return dict(made)


class Questions(OpenapiCase):
    def assertAgrees(self, client, value, schema=None):
        """Accepted exactly if the schema of bodies accepts it; True if so."""
        schema = schema or invocations().body["content"][JSON]["schema"]
        why = complaint(schema, value)
        answer = self.ask(client, value)
        self.assertEqual(400 if why else 200, answer.status,
                         f"{json.dumps(value)[:600]}\nby the schema: {why or 'fine'}{answer}")
        if not why:
            questions = value.get("instances", [value])
            answers = answer.json()["predictions"] if "instances" in value else [answer.json()]
            self.assertEqual(len(questions), len(answers))
            for question, one in zip(questions, answers):
                self.assertEqual("", complaint(answer_schema(question), one), question)
        return not why

    def test_unknown_fields_are_refused_everywhere(self):
        client = self.connect(self.server)
        n = 0
        for name, value in request_examples(JSON).items():
            places = [value, *value.get("instances", []), *value.get("ratings", [])]
            for at in range(len(places)):
                for field in [*places[at], "surprise"]:
                    spoiled = copy.deepcopy(value)
                    place = [spoiled, *spoiled.get("instances", []),
                             *spoiled.get("ratings", [])][at]
                    place[field + "x"] = place.get(field, 1)
                    with self.subTest(name=name, field=field):
                        self.assertFalse(self.assertAgrees(client, spoiled))
                    n += 1
        self.assertGreater(n, 60)

    def test_every_property_by_hand(self):
        """Each field of each form: left out, and every value of the lists above."""
        client = self.connect(self.server)
        whole = {"userId": "1", "movieId": "1001", "top_n": 3, "similar": 3, "include_rated": True,
                 "movieIds": ["1001", "1002"], "ratings": [{"movieId": "1001", "rating": 5}]}
        values = {"userId": IDS, "movieId": IDS, "top_n": COUNTS, "similar": COUNTS,
                  "include_rated": BOOLEANS,
                  "movieIds": [[], "1001", None, ["1001"] * 1000, ["1001"] * 1001,
                               *([i] for i in IDS)],
                  "ratings": [[], "5", None, [whole["ratings"][0]] * 1000,
                              [whole["ratings"][0]] * 1001, [{"movieId": "1001"}], [{"rating": 5}],
                              [{}], [None], *([{"movieId": i, "rating": 5}] for i in IDS),
                              *([{"movieId": "1001", "rating": x}] for x in NUMBERS)]}
        self.assertEqual(set(FIELDS), set(values))
        accepted = {True: 0, False: 0}
        for name in question_schemas():
            fields = resolve(component(name))["properties"]
            base = {f: whole[f] for f in fields}
            self.assertTrue(self.assertAgrees(client, base), name)
            for field in fields:
                less = {f: v for f, v in base.items() if f != field}
                accepted[self.assertAgrees(client, less)] += 1
                for value in values[field]:
                    accepted[self.assertAgrees(client, {**base, field: value})] += 1
        self.assertGreater(min(accepted.values()), 50)

    def test_every_set_of_fields(self):
        client = self.connect(self.server)
        whole = {"userId": "1", "movieId": "1001", "top_n": 3, "similar": 3, "include_rated": True,
                 "movieIds": ["1001", "1002"], "ratings": [{"movieId": "1001", "rating": 5}]}
        accepted = 0
        for bits in range(2 ** len(FIELDS)):
            accepted += self.assertAgrees(client, {f: whole[f] for i, f in enumerate(FIELDS)
                                                   if bits >> i & 1})
        # A rating, or a list by top_n, movieIds or both with include_rated or without, each for
        # a user or a visitor; and similar movies.
        self.assertEqual(2 * (1 + 3 * 2) + 1, accepted)

    def test_random_questions_alone_in_batches_and_on_lines(self):
        r = random.Random(20250131)
        client = self.connect(self.server)
        one = component("Question")
        questions = [a_question(r) for _ in range(1500)]
        fine = [q for q in questions if self.assertAgrees(client, q)]
        self.assertGreater(len(fine), 400)
        self.assertGreater(len(questions) - len(fine), 400)
        for _ in range(60):
            some = r.sample(questions, r.randrange(4)) + r.sample(fine, r.randrange(4))
            r.shuffle(some)
            self.assertAgrees(client, {"instances": some})
            if not some:
                continue
            why = [complaint(one, q) for q in some]
            answer = self.ask(client, "".join(json.dumps(q) + "\n" for q in some), JSON_LINES)
            self.assertEqual(400 if any(why) else 200, answer.status, (some, why, answer))
            if not any(why):
                for question, said in zip(some, answer.json_lines(), strict=True):
                    self.assertEqual("", complaint(answer_schema(question), said), question)

    def test_other_values_than_objects_are_refused(self):
        client = self.connect(self.server)
        schema = invocations().body["content"][JSON]["schema"]
        for value in (None, True, 1, 1.5, "1", [], [{"userId": "1", "movieId": "1001"}]):
            for body in (value, {"instances": [value]}, {"instances": {"instances": value}}):
                self.assertFalse(is_valid(schema, body))
                self.assertEqual(400, self.ask(client, json.dumps(body)).status, body)

    def test_what_a_schema_cannot_say_is_refused_too(self):
        client = self.connect(self.server)
        for rule, text in INEXPRESSIBLE.items():
            with self.subTest(rule=rule):
                self.assertTrue(is_valid(component("Question"), json.loads(text)), "it can")
                self.assertEqual(400, self.ask(client, text).status)

    def test_lines_of_csv(self):
        client = self.connect(self.server)
        schema = invocations().body["content"][CSV]["schema"]
        for text, status in (("1,1001\n", 200), ("1,1001", 200), ("1,1001\r\n2,1002\r\n", 200),
                             ('"1","1001"\n', 200), ("1,1001\n\n", 200), ("user,item\n1,1001\n", 200),
                             ("MOVIEID,USERID\n1,2\n", 400), ("1,1001\n\n1,1001\n", 400),
                             ("1\n", 400), ("1,1001,5\n", 400), ("", 400), ("\n", 400), (",\n", 400),
                             ('"1\n",1001\n', 400)):
            with self.subTest(text=text):
                self.assertEqual(status, self.ask(client, text, CSV).status)
                if status == 200:
                    self.assertEqual("", complaint(schema, text))

    def test_batches_keep_order_and_count(self):
        client = self.connect(self.sample_server())
        examples = [q for q in request_examples(JSON).values() if "instances" not in q]
        r = random.Random(1)
        questions = [r.choice(examples) for _ in range(100)]
        questions += [{"userId": str(r.randrange(1, 672)), "movieId": str(r.randrange(1, 3000))}
                      for _ in range(400)]
        r.shuffle(questions)
        alone = [self.ask(client, q).json() for q in questions]
        batch = self.ask(client, {"instances": questions}).json()["predictions"]
        self.assertEqual(alone, batch)
        lines = self.ask(client, "\n".join(map(json.dumps, questions)), JSON_LINES)
        self.assertEqual(alone, lines.json_lines())
        pairs = [(q, a) for q, a in zip(questions, alone) if set(q) == {"userId", "movieId"}]
        ratings = self.ask(client, "".join(f"{q['userId']},{q['movieId']}\n" for q, _ in pairs), CSV)
        self.assertEqual([a["predicted_rating"] for _, a in pairs],
                         list(map(float, ratings.csv_lines())))
        empty = self.ask(client, {"instances": []})
        self.assertEqual((200, {"predictions": []}), (empty.status, empty.json()))


if __name__ == "__main__":
    unittest.main()
