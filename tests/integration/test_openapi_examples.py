"""Every example request of serve/openapi.json is sent to the real server with the examples' model
and gets the example response; the descriptions of other servers are tested, too.

A change of the trainer or of the recommendations changes the examples:

    MF_OPENAPI_REFRESH=1 MF_BIN=… python3 -m unittest test_openapi_examples.Examples

writes the current responses into the document instead of comparing. Review the difference.
"""

import gzip
import json
import os
import re
import unittest

from http_response import lines_of
from http_client import chunked
from http_words import CSV, CUSTOM_ATTRIBUTES, JSON, JSON_LINES
from openapi import (all_request_examples, complaint, invocations, operations, request_examples,
                     request_text, resolve, response_schema, save)
from openapi_case import USER_LISTS, OpenapiCase
from prometheus import Metrics

REFRESH = bool(os.environ.get("MF_OPENAPI_REFRESH"))


class Examples(OpenapiCase):
    def assertExample(self, example, actual):
        """The example equals the actual response, or is replaced by it."""
        if REFRESH:
            example["value"] = actual
            save()
        self.assertEqual(example["value"], actual, f"now: {json.dumps(actual, ensure_ascii=False)}")

    def test_every_request_gets_its_example_response(self):
        requests = all_request_examples()
        client = self.connect(self.sample_server())
        for accept, media in invocations().responses[200]["content"].items():
            self.assertTrue(media["examples"])
            for name, example in media["examples"].items():
                with self.subTest(name=name, accept=accept):
                    media_type, value = requests[name]
                    response = self.invoke(client, request_text(media_type, value), media_type, accept)
                    self.assertEqual(200, response.status, response)
                    self.assertEqual(accept, response.header("Content-Type"))
                    actual = response.json() if accept == JSON else response.text
                    self.assertExample(resolve(example), actual)

    def test_every_request_has_an_example_response(self):
        names = {name for media in invocations().responses[200]["content"].values()
                 for name in media["examples"]}
        self.assertEqual(set(all_request_examples()), names)

    def test_every_request_gets_a_response_in_every_format(self):
        client = self.connect(self.sample_server())
        for name, (media_type, value) in all_request_examples().items():
            text = request_text(media_type, value)
            alone = self.invoke(client, text, media_type)
            self.assertEqual(media_type, alone.header("Content-Type"), "the request's own")
            for accept in (JSON, JSON_LINES, CSV):
                with self.subTest(name=name, accept=accept):
                    response = self.invoke(client, text, media_type, accept)
                    lists = re.search(r"top_n|movieIds|similar|audience", text)
                    self.assertEqual(406 if accept == CSV and lists else 200, response.status, response)

    def test_packed_in_chunks_and_with_every_header(self):
        client = self.connect(self.sample_server())
        sent = {p["name"]: p["example"] for p in invocations().parameters}
        self.assertEqual("gzip", sent["Content-Encoding"])
        for name, (media_type, value) in all_request_examples().items():
            with self.subTest(name=name):
                text = request_text(media_type, value).encode()
                plain = self.invoke(client, text, media_type)
                packed = self.invoke(client, gzip.compress(text), media_type, headers=sent.items())
                self.assertEqual(sent[CUSTOM_ATTRIBUTES], packed.header(CUSTOM_ATTRIBUTES))
                pieces = self.invoke(client, chunked(text), media_type,
                                     headers=[("Transfer-Encoding", "chunked")])
                self.assertEqual(plain.body, packed.body)
                self.assertEqual(plain.body, pieces.body)

    def test_content_type_may_be_missing(self):
        client = self.connect(self.sample_server())
        for name, value in request_examples(JSON).items():
            response = self.invoke(client, json.dumps(value), None)
            self.assertEqual((200, JSON), (response.status, response.header("Content-Type")), name)

    def test_other_operations_respond_as_declared(self):
        client = self.connect(self.sample_server())
        for operation in operations().values():
            if operation.body is not None:
                continue
            with self.subTest(operation=str(operation)):
                response = client.request(operation.method, operation.target())
                self.assertEqual(200, response.status, response)
                self.assertConforms(operation, response)

    def test_lists_of_users_are_those_of_the_examples(self):
        client = self.connect(self.sample_server())
        for path in USER_LISTS:
            operation = operations()[path, "GET"]
            examples = operation.responses[200]["content"][JSON]["examples"]
            self.assertEqual({"known", "unknown", "steered"}, set(examples))
            for name, example in examples.items():
                response = self.assertConforms(operation, client.get(operation.target(name)))
                actual = response.json()
                if "latency_ms" in actual:  # differs from run to run
                    actual["latency_ms"] = example["value"]["latency_ms"]
                self.assertExample(example, actual)

    def test_figures_of_the_sample_are_those_of_the_examples(self):
        server = self.sample_server(SAGEMAKER_MODEL_SERVER_WORKERS="2")
        for path in ("/health", "/execution-parameters"):
            (example,) = operations()[path, "GET"].responses[200]["content"][JSON]["examples"].values()
            actual = server.get(path).json()
            if "model" in actual:  # differs from run to run
                actual["model"]["load_seconds"] = example["value"]["model"]["load_seconds"]
            self.assertExample(example, actual)

    def test_metrics_are_those_of_the_table(self):
        operation = operations()["/metrics", "GET"]
        table = {name: (kind, words) for name, kind, words in
                 re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", operation.item["description"],
                            re.MULTILINE)}
        metrics = self.sample_server().metrics()
        described = {name: (metrics.types[name], metrics.help[name]) for name in metrics.types}
        old = {name: described.pop(name) for name in list(described) if "recommender_" + name in described}
        self.assertEqual(described, table)
        for name, (kind, words) in old.items():
            self.assertEqual((kind, words), (table["recommender_" + name][0], "Old name. " + table["recommender_" + name][1]))
        for media in operation.responses[200]["content"].values():
            for example in media["examples"].values():
                Metrics(example["value"])  # rejects what Prometheus cannot read


class WithoutAModel(OpenapiCase):
    def test_operations_that_need_a_model_report_that_and_others_work(self):
        server = self.serve(model=False, ready=False)
        server.wait_until_listening()
        server.wait_for_log("model_refused")
        for operation in operations().values():
            with self.subTest(operation=str(operation)):
                response = server.request(operation.method, operation.target(),
                                          body="{}" if operation.body else None)
                needs_none = operation.path in ("/metrics", "/execution-parameters")
                self.assertEqual(200 if needs_none else 503, response.status, response)
                self.assertConforms(operation, response)


class Strict(OpenapiCase):
    def test_unknown_ids_are_404_alone_and_null_in_a_batch(self):
        client = self.connect(self.sample_server(SERVE_STRICT="true"))
        n_refused = 0
        for name, request in request_examples(JSON).items():
            if "instances" in request:
                continue
            usual = next(media["examples"][name]["value"] for media in
                         invocations().responses[200]["content"].values() if name in media["examples"])
            unknown = '_user": false' in json.dumps(usual) or '_item": false' in json.dumps(usual)
            n_refused += unknown
            with self.subTest(name=name):
                alone = self.invoke(client, request)
                self.assertEqual(404 if unknown else 200, alone.status, alone)
                batch = self.invoke(client, {"instances": [request, request]})
                self.assertEqual(200, batch.status, batch)
                responses = batch.json()["predictions"]
                self.assertEqual(2, len(responses))
                self.assertEqual("", complaint(response_schema(request), responses[0]))
                self.assertEqual(unknown and "recommendations" not in usual and "similar" not in usual,
                                 responses[0].get("predicted_rating", 0) is None)
        self.assertGreater(n_refused, 3)
        ratings = self.invoke(client, "2,2959\nunknown-user,2959\n", CSV)
        self.assertRegex(ratings.text, r'\A[\d.]+\n""\n\Z')

    def test_lists_of_unknown_users_are_404(self):
        server = self.sample_server(SERVE_STRICT="true")
        for path, method in ((p, m) for p in USER_LISTS for m in ("GET", "HEAD")):
            operation = operations()[path, method]
            for name, status in (("known", 200), ("unknown", 404)):
                response = server.request(method, operation.target(name))
                self.assertEqual(status, response.status, response)
                self.assertConforms(operation, response)


class InABatchJob(OpenapiCase):
    def test_header_and_empty_bodies_as_described(self):
        client = self.connect(self.sample_server(SAGEMAKER_BATCH="true"))
        for name, value in request_examples(CSV).items():
            response = self.invoke(client, value, CSV)
            self.assertEqual(len(lines_of(value)), len(response.csv_lines()), name)
        for media_type in (CSV, JSON_LINES):
            response = self.invoke(client, "", media_type)
            self.assertEqual((200, b""), (response.status, response.body))


if __name__ == "__main__":
    unittest.main()
