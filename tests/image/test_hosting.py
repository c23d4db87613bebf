"""Hosting in the container, through the engine's published port: start, requests, responses and
stop. tests/integration, run with the image's programs (CMakeLists.txt), covers the rest of
checklist 79-125."""

import json
import threading
import unittest

from container import docker
from http_words import CSV, JSON_LINES
from image_case import LOCKED, READ_ONLY, ROWS, ImageCase
from models import trained
from unprivileged import UNPRIVILEGED

MIB = 1 << 20


class Hosting(ImageCase):
    def test_it_is_ready_within_seconds_and_serves_from_a_read_only_folder(self):
        """Checklist 79, 82, 89: port 8080 of all interfaces, model mounted read-only."""
        prefix = self.tree()
        empty = self.folder / "empty"
        empty.mkdir()
        server = self.served("--volume", f"{prefix / 'model'}:/opt/ml/model:ro", ml=empty)
        self.assertServes(server)
        self.assertEqual([("0.0.0.0", 8080)], server.listening())
        pong = server.ping()
        self.assertEqual((200, b"", "0"), (pong.status, pong.body, pong.header("Content-Length")))

    def test_the_port_is_that_of_the_platforms_variable(self):
        """Checklist 16, 80: the label accept-bind-to-port is true; 8080 is closed then."""
        server = self.served(port=9123, env={"SAGEMAKER_BIND_TO_PORT": "9123",
                                             "SAGEMAKER_SAFE_PORT_RANGE": "9200-9300"})
        self.assertServes(server)
        self.assertEqual([("0.0.0.0", 9123)], server.listening())

    def test_several_models_are_refused_as_the_missing_label_says(self):
        """Checklist 16: one model to a container, by a sentence."""
        run = self.contained("serve", env={"SAGEMAKER_MULTI_MODEL": "true"})
        result = run.wait()
        self.assertEqual(1, result.status, result)
        self.assertIn("SAGEMAKER_MULTI_MODEL", self.last_error(result))

    def test_it_serves_as_a_serverless_endpoint_starts_it(self):
        """Checklist 7, 9, 10: a user without rights, 1 GB, nothing writable but /tmp."""
        for user in ("12345", str(UNPRIVILEGED)):
            server = self.served("--user", user, "--memory", "1g", *READ_ONLY, *LOCKED)
            self.assertServes(server)

    def test_the_formats_agree(self):
        """Checklist 112-114, 116: JSON, JSON Lines and CSV, in order."""
        server = self.served()
        rows = ROWS[:50]
        as_json = server.post({"instances": [{"userId": r[0], "movieId": r[1]} for r in rows]}).json()
        lines = "".join(json.dumps({"userId": r[0], "movieId": r[1]}) + "\n" for r in rows)
        as_lines = server.post(lines, JSON_LINES).json_lines()
        as_csv = server.post("".join(f"{r[0]},{r[1]}\n" for r in rows), CSV).csv_lines()
        ratings = [p["predicted_rating"] for p in as_json["predictions"]]
        self.assertEqual(ratings, [p["predicted_rating"] for p in as_lines])
        self.assertEqual(ratings, [float(line) for line in as_csv])
        for row, rating in zip(rows[:3], ratings):
            self.assertAlmostEqual(trained().predict(row[0], row[1]), rating, delta=6e-5)

    def test_25_mib_are_taken_and_one_byte_more_is_413(self):
        """Checklist 98."""
        server = self.served()
        row = b"1,1001\n"
        body = row * (25 * MIB // len(row))
        response = server.post(body + b"\n" * (25 * MIB - len(body)), CSV)
        self.assertEqual(200, response.status)
        with server.connect() as client:
            client.send(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
                        b"Content-Length: %d\r\n\r\n" % (25 * MIB + 1))
            response = client.read()
        self.assertIn(str(25 * MIB), self.assertRefused(response, 413))
        self.assertServes(server)

    def test_errors_are_reported_and_the_next_request_succeeds(self):
        """Checklist 96, 97, 99-101, 104."""
        server = self.served()
        for method in ("GET", "HEAD", "POST"):
            self.assertEqual(200, server.request(method, "/ping").status)
        for response, status in ((server.get("/nothing"), 404), (server.get("/invocations"), 405),
                                 (server.post("{", "application/json"), 400),
                                 (server.post(b"\0", "application/octet-stream"), 415),
                                 (server.post({"userId": "1", "movieId": "1001"},
                                              headers={"Accept": "image/png"}), 406)):
            self.assertRefused(response, status)
        self.assertServes(server)

    def test_without_a_good_model_it_reports_why_and_is_never_ready(self):
        """Checklist 84, 91: missing, empty, cut, a folder deeper."""
        whole = trained().model_bin.read_bytes()
        deeper = self.tree(False)
        (deeper / "model" / "model").mkdir()
        (deeper / "model" / "model" / "model.bin").write_bytes(whole)
        for label, prefix in (("missing", self.tree(False)), ("empty", self.tree(b"")),
                              ("cut", self.tree(whole[:-100])), ("deeper", deeper)):
            with self.subTest(label):
                server = self.served(ml=prefix, ready=False)
                server.wait_for(lambda: server.try_ping() == 503, "a ping of 503")
                line = server.wait_for_log("model_refused")
                self.assertIn("/opt/ml/model", line["message"])
                self.assertEqual(503, server.ping().status)

    def test_docker_stop_finishes_pending_requests(self):
        """Checklist 87, 88: with and without an init; an idle connection delays nothing."""
        body = "".join(f"{row[0]},{row[1]}\n" for row in ROWS) * 300
        for options in ((), ("--init",)):
            with self.subTest(options):
                server = self.served(*options)
                idle = server.connect()
                client = server.connect()
                request = (b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(body)) + body.encode()
                client.send(request[:-1])
                stopper = threading.Thread(target=docker, args=("stop", "--time", "30", server.run.name))
                stopper.start()
                server.wait_for_log("stopping")
                client.send(request[-1:])
                response = client.read()
                self.assertEqual(200, response.status)
                self.assertEqual(len(ROWS) * 300, len(response.csv_lines()))
                stopper.join()
                server.ended(0)
                idle.close()
                client.close()

    def test_a_batch_job_gets_its_responses(self):
        """Checklist 119-121, 125."""
        server = self.served(env={"SAGEMAKER_BATCH": "true", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "20",
                                  "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "4",
                                  "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD"})
        parameters = server.get("/execution-parameters").json()
        self.assertEqual({"MaxConcurrentTransforms": 4, "MaxPayloadInMB": 20,
                          "BatchStrategy": "MULTI_RECORD"}, parameters)
        self.assertEqual((200, b""), (lambda a: (a.status, a.body))(server.post("", CSV)))

    def test_an_unreachable_redis_with_tls_changes_nothing(self):
        """Checklist 8, 10: the libraries for it are in the image; the address is unreachable."""
        server = self.served(*READ_ONLY, *LOCKED, env={
            "REDIS_ENABLED": "true", "REDIS_ENDPOINT": "127.0.0.1", "REDIS_TLS": "true",
            "REDIS_PORT": "1"})
        self.assertServes(server)
        user = ROWS[0][0]
        response = server.get(f"/recommend/cached/{user}?top_n=3")
        self.assertEqual(200, response.status, response)
        server.wait_for_log("cache_down")

    def test_sighup_loads_a_new_model_also_as_process_1(self):
        """Checklist 82: docker kill --signal HUP."""
        server = self.served()
        row = ROWS[0]
        before = server.post({"userId": row[0], "movieId": row[1]}).json()
        other = trained(seed=8)
        server.model_bin.write_bytes(other.model_bin.read_bytes())
        docker("kill", "--signal", "HUP", server.run.name)
        server.wait_for_log("model", 2)
        after = server.post({"userId": row[0], "movieId": row[1]}).json()
        self.assertNotEqual(before, after)
        self.assertAlmostEqual(other.predict(row[0], row[1]), after["predicted_rating"], delta=6e-5)


if __name__ == "__main__":
    unittest.main()
