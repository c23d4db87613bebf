"""Checklist 119-126: the requests of a batch transform job to a container."""

import csv as csv_module
import io
import json
import random
import threading
import unittest

from http_client import chunked, message
from http_words import CSV, JSON, JSON_LINES
from models import trained
from samples import csv
from serve_case import ServeCase

MIB = 1 << 20
BATCH = {"SAGEMAKER_BATCH": "true"}


def pairs(n, seed=8):
    r, model = random.Random(seed), trained()
    return [(r.choice(model.users + ["unknown-user"]), r.choice(model.items + ["nothing"]))
            for _ in range(n)]


def cuts(lines, r, n):
    """The lines in mini-batches of up to n lines."""
    at = 0
    while at < len(lines):
        size = r.randrange(1, n + 1)
        yield "".join(lines[at : at + size])
        at += size


class Parameters(ServeCase):
    def parameters(self, **env):
        """/execution-parameters with these variables."""
        server = self.serve(env=env)
        response = self.assertResponse(server.get("/execution-parameters"), 200, JSON).json()
        self.assertEqual({"MaxConcurrentTransforms", "MaxPayloadInMB"}, set(response) - {"BatchStrategy"})
        for name in ("MaxConcurrentTransforms", "MaxPayloadInMB"):
            self.assertIs(int, type(response[name]), response)
            self.assertGreaterEqual(response[name], 1)
        self.assertLessEqual(response["MaxConcurrentTransforms"] * response["MaxPayloadInMB"], 100)
        server.stop()
        return response

    def test_execution_parameters_are_numbers_that_fit_each_other(self):
        """Checklist 119, 120: with and without a job around it, for any number of threads."""
        for env in ({}, BATCH):
            response = self.parameters(**env)
            # The SDK's local mode fails on MULTI_RECORD, which is the platform's default.
            self.assertNotIn("BatchStrategy", response)
            self.assertEqual(6, response["MaxPayloadInMB"])
        for threads in ("1", "2", "16", "64"):
            response = self.parameters(SAGEMAKER_MODEL_SERVER_WORKERS=threads, **BATCH)
            self.assertEqual(min(int(threads), 16), response["MaxConcurrentTransforms"])

    def test_the_variables_of_the_job_are_honoured_and_reflected(self):
        """Checklist 121: in the job's form and in the container's."""
        for batch in ("true", "True", "TRUE", "1"):
            for strategy, reported in (("SINGLE_RECORD", "SINGLE_RECORD"), ("MULTI_RECORD", "MULTI_RECORD"),
                                       ("SingleRecord", "SINGLE_RECORD"), ("MultiRecord", "MULTI_RECORD")):
                response = self.parameters(SAGEMAKER_BATCH=batch, SAGEMAKER_BATCH_STRATEGY=strategy,
                                           SAGEMAKER_MAX_PAYLOAD_IN_MB="20",
                                           SAGEMAKER_MAX_CONCURRENT_TRANSFORMS="5")
                self.assertEqual({"MaxConcurrentTransforms": 5, "BatchStrategy": reported,
                                  "MaxPayloadInMB": 20}, response)
        response = self.parameters(SAGEMAKER_MAX_PAYLOAD_IN_MB="100", **BATCH)
        self.assertEqual((1, 100), (response["MaxConcurrentTransforms"], response["MaxPayloadInMB"]))

    def test_contradicting_variables_are_a_clear_error(self):
        """Checklist 120, 121."""
        for env, words in (
                ({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "101"}, ("MAX_PAYLOAD_IN_MB", "101", "100")),
                ({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "x"}, ("MAX_PAYLOAD_IN_MB", "x")),
                ({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "50", "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "3"},
                 ("MAX_CONCURRENT_TRANSFORMS", "3", "2")),
                ({"SAGEMAKER_BATCH": "perhaps"}, ("SAGEMAKER_BATCH", "perhaps"))):
            error = self.last_error(self.refused_serve(env))
            for word in words:
                self.assertIn(word, error)

    def test_a_smaller_limit_of_bodies_is_reported_to_the_platform(self):
        """Checklist 120, contract 3.9.14: no 413 for a payload that was announced."""
        response = self.parameters(SAGEMAKER_MAX_REQUEST_SIZE=str(3 * MIB + 5), **BATCH)
        self.assertEqual(3, response["MaxPayloadInMB"])

    def test_bodies_of_the_payload_are_accepted_as_many_at_once_as_announced(self):
        """Checklist 120: the whole 100 MB, in three ways to divide it."""
        row = "u" * 250 + ",1001\n"
        for payload, concurrent in ((6, 16), (25, 4), (100, 1)):
            with self.subTest(payload):
                server = self.serve(env={**BATCH, "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(payload),
                                         "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(concurrent)})
                expected = server.post(row, CSV).body
                n = payload * MIB // len(row)
                body = (row * n).encode()
                statuses, whole = [], threading.Barrier(concurrent)

                def send():
                    with server.connect() as client:
                        # The last byte of each is sent after the other bytes of all.
                        request = message("POST", "/invocations", body, content_type=CSV)
                        client.send(request[:-1])
                        whole.wait()
                        client.send(request[-1:])
                        response = client.read()
                        statuses.append((response.status, response.body == expected * n))

                threads = [threading.Thread(target=send) for _ in range(concurrent)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertEqual([(200, True)] * concurrent, statuses)
                server.stop()


class MiniBatches(ServeCase):
    settings = BATCH

    def transform(self, client, pieces, content_type, headers=None):
        """The responses, joined as by AssembleWith=Line; each has a final newline."""
        joined = b""
        for piece in pieces:
            response = self.assertResponse(client.post(piece, content_type, headers=headers or {}), 200)
            self.assertTrue(response.body == b"" or response.body.endswith(b"\n"), response)
            self.assertNotIn(b"\n\n", response.body)
            joined += response.body
        return joined

    def test_a_file_cut_anywhere_between_lines_has_the_same_bytes(self):
        """Checklist 122, 123: CSV and JSON Lines, by one record and by many; no blank line
        and no joined ones."""
        instances = pairs(600)
        rows = [f"{u},{i}\n" for u, i in instances]
        lines = [json.dumps({"userId": u, "movieId": i}) + "\n" for u, i in instances]
        with self.server.connect() as client:
            for records, content_type in ((rows, CSV), (lines, JSON_LINES)):
                whole = self.transform(client, ["".join(records)], content_type)
                self.assertEqual(len(instances), whole.count(b"\n"))
                for n in (1, 2, 7, 100, 599):
                    pieces = list(cuts(records, random.Random(n), n))
                    self.assertEqual(whole, self.transform(client, pieces, content_type))
                    # The splitter may remove the last line end, and send an empty rest.
                    bare = [piece[:-1] for piece in pieces] + [""]
                    self.assertEqual(whole, self.transform(client, bare, content_type))

    def test_the_local_mode_of_the_sdk_appends_the_last_newline(self):
        """Checklist 123: SAGEMAKER_BATCH is True there; with assemble_with="Line" no line is blank."""
        server = self.serve(env={"SAGEMAKER_BATCH": "True"})
        rows = [f"{u},{i}\n" for u, i in pairs(50)]
        lines = [json.dumps({"userId": u, "movieId": i}) + "\n" for u, i in pairs(50)]
        for records, content_type in ((rows, CSV), (lines, JSON_LINES)):
            whole = self.assertResponse(self.server.post("".join(records), content_type), 200).body
            for n in (1, 7, 50):
                responses = [server.post(piece, content_type) for piece in cuts(records, random.Random(n), n)]
                self.assertEqual(whole, b"".join(response.body + b"\n" for response in responses))

    def test_records_of_all_kinds_keep_their_lines(self):
        """Checklist 113, 122: lists and similar movies beside ratings, as JSON Lines."""
        lines = [json.dumps(request) + "\n" for request in (
            {"userId": "1", "movieId": "1001"}, {"userId": "1", "top_n": 5},
            {"movieId": "1001", "similar": 3}, {"userId": "unknown-user", "top_n": 2},
            {"ratings": [{"movieId": "1001", "rating": 5}], "top_n": 2})] * 10
        with self.server.connect() as client:
            whole = self.transform(client, ["".join(lines)], JSON_LINES)
            self.assertEqual(len(lines), whole.count(b"\n"))
            self.assertEqual(whole, self.transform(client, lines, JSON_LINES))

    def test_input_joined_with_output_lines_up(self):
        """Checklist 124: JoinSource=Input, with quoted fields; and with strict placeholders."""
        instances = pairs(200)
        text = "".join(f'"{u}",{i}\n' if n % 2 else f"{u},{i}\n" for n, (u, i) in enumerate(instances))
        for server in (self.server, self.serve(env={"SERVE_STRICT": "true"})):
            output = self.assertResponse(server.post(text, CSV), 200, CSV).text
            joined = "".join(f"{a},{b}\n" for a, b in zip(text.splitlines(), output.splitlines()))
            rows = list(csv_module.reader(io.StringIO(joined)))
            self.assertEqual(len(instances), len(rows))
            self.assertEqual(output.count("\n"), len(rows))
            for (u, i), row in zip(instances, rows):
                self.assertEqual([u, i], row[:2])
                self.assertEqual(3, len(row))
                if (u, i) == ("unknown-user", "nothing") and server is not self.server:
                    self.assertEqual("", row[2])
                elif server is self.server:
                    float(row[2])
        lines = [json.dumps({"userId": u, "movieId": i}) for u, i in instances]
        output = self.server.post("\n".join(lines) + "\n", JSON_LINES).json_lines()
        self.assertEqual(len(lines), len(output))

    def test_the_response_to_a_header_line_is_a_header_line(self):
        """Checklist 123, contract 3.9.6: the platform sends it as data, in the first
        mini-batch, and joins it with the response."""
        rows = csv(pairs(20), header=None)
        plain = self.assertResponse(self.server.post(rows, CSV), 200).text
        for header in ("userId,movieId\n", "user_id,item_id\r\n", '"user","movie"\n'):
            response = self.server.post(header + rows, CSV)
            self.assertEqual("predicted_rating\n" + plain, response.text)
        self.assertEqual("predicted_rating\n", self.server.post("userId,movieId\n", CSV).text)
        # Later requests of a job have no header that could say their order.
        self.assertRefused(self.server.post("movieId,userId\n1001,1\n", CSV), 400, "line 1", "item first")
        # JSON has no header lines: a placeholder keeps the count.
        response = self.server.post("userId,movieId\n" + rows, CSV, headers={"Accept": JSON_LINES})
        lines = response.json_lines()
        self.assertEqual(21, len(lines))
        self.assertEqual({"predicted_rating": None}, lines[0])

    def test_outside_of_a_batch_job_a_header_line_has_no_response(self):
        """Checklist 114, 123."""
        rows = csv(pairs(20), header=None)
        server = self.serve(env={"SAGEMAKER_BATCH": "false"})
        self.assertEqual(server.post(rows, CSV).body, server.post("userId,movieId\n" + rows, CSV).body)

    def test_an_empty_body_has_an_empty_response(self):
        """Checklist 125: the splitter's last piece; an error there would fail the job."""
        with self.server.connect() as client:
            for content_type in (CSV, JSON_LINES, JSON):
                for body in (b"", b"\n", b"\r\n"):
                    response = client.post(body, content_type)
                    self.assertIn(response.status, (200, 204), response)
                    self.assertEqual(b"", response.body)
            response = client.request("POST", "/invocations", headers={"Content-Type": CSV})
            self.assertEqual(b"", self.assertResponse(response, 200).body)

    def test_requests_of_a_batch_job_may_be_chunked(self):
        """Contract 3.3.7: with MaxPayloadInMB=0 they are."""
        rows = csv(pairs(5000), header=None).encode()
        with self.server.connect() as client:
            expected = client.post(rows, CSV).body
            client.send(message("POST", "/invocations", chunked(rows), content_type=CSV, headers={
                "Transfer-Encoding": "chunked", "Accept": CSV}, host="169.254.255.131:8080"))
            self.assertEqual(expected, client.read().body)

    def test_a_bad_record_fails_its_request_and_is_named(self):
        """Checklist 104, contract 3.9.12: users see only the log and the error."""
        response = self.server.post("1,1001\n1,1002\nbroken\n", CSV)
        self.assertRefused(response, 400, "line 3")
        self.server.wait_for_log("request", status=400)


if __name__ == "__main__":
    unittest.main()
