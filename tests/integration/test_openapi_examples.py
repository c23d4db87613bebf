"""Every example of serve/openapi.json is asked of the real server, on the model that it is about,
and gets the answer that stands beside it; so is what the descriptions say of other servers.

After a change of the trainer or of what is recommended, the examples are others:

    MF_OPENAPI_REFRESH=1 MF_BIN=… python3 -m unittest test_openapi_examples.Examples

writes today's answers into the document instead of comparing. Look at the difference.
"""

import gzip
import json
import os
import re
import unittest

from http_answer import lines_of
from http_client import chunked
from http_words import CSV, CUSTOM_ATTRIBUTES, JSON, JSON_LINES
from openapi import (all_request_examples, answer_schema, complaint, invocations, operations,
                     question_text, request_examples, resolve, save)
from openapi_case import USER_LISTS, OpenapiCase
from prometheus import Metrics

REFRESH = bool(os.environ.get("MF_OPENAPI_REFRESH"))


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


if __name__ == "__main__":
    unittest.main()
