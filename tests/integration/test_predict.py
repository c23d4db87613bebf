"""The function predict as a process: its start, every event source, logs and metrics. The numbers
are lines of the checklist in the Lambda contract."""

import base64
import gzip
import io
import json
import os
import re
import tarfile
import unittest

from aws_peers import failure, respond
from models import trained
from predict_case import RESPONSE, ENDPOINT, MOVIES, REQUEST, PredictCase, proxied
from programs import SOURCE
from sanitizers import SANITIZED

FIXTURES = SOURCE / "tests" / "fuzz" / "seeds" / "fuzz_predict_event"


class EventSources(PredictCase):
    def test_the_same_request_by_every_event_source_has_the_same_body(self):
        """35, 38, 41"""
        self.start()
        for name in ("rest_proxy", "rest_proxy_base64", "rest_proxy_nulls", "rest_get",
                     "http_api_1", "http_api_2", "http_api_2_get", "function_url"):
            event = self.invoke((FIXTURES / f"{name}.json").read_bytes())
            self.assertEqual("response", event.kind, name)
            self.assertEqual(RESPONSE, event.json["body"], name)
        self.assertEqual(RESPONSE, self.bare(REQUEST))
        self.assertEqual([{"userId": "2", "movieId": "2959"}] * 9,
                         [json.loads(r.body) for r in self.endpoint.requests])
        self.assertEqual({f"/endpoints/{ENDPOINT}/invocations"},
                         {r.target for r in self.endpoint.requests})
        self.assertEqual(1, self.endpoint.n_connections)

    def test_invalid_requests_get_the_response_of_their_event_source(self):
        """21, 22, 37, 43"""
        self.start()
        for event in (b"", b"null", b"[]", b"{", b'{"userId":"\0"}', b"\xff",
                      b'{"a":' + b"[" * 10000 + b"]" * 10000 + b"}"):
            self.assertReport(self.invoke(event), "Function.InvalidEvent", "400 bad_request: event:")
        self.assertReport(self.invoke({}), "Function.InvalidEvent", "the request is incomplete")
        self.assertReport(self.invoke({"userId": "x" * 10000, "movieId": 1}), "Function.InvalidEvent",
                          "userId: expected an id of 1 to 255 bytes")
        for body, more in ((None, {}), ("", {}), ("{}", {}), ("x", {"isBase64Encoded": True}),
                           (json.dumps(REQUEST) + "x", {}), ("\0", {})):
            self.assertError(400, "bad_request", self.post(body, **more))
        large = json.dumps({"userId": "x" * (6 << 20), "movieId": 1})
        self.assertError(413, "content_too_large", self.post(large))
        self.assertError(413, "content_too_large", self.post(
            base64.b64encode(large.encode()[:4 << 20]).decode(), isBase64Encoded=True))
        self.assertEqual([], self.endpoint.requests)
        self.assertBody(RESPONSE, self.post(REQUEST))

    def test_invalid_bodies_and_ids_are_400_with_a_sentence(self):
        """22, 37"""
        self.start()
        for raw in (b"\0\0", b"\xff\xfe", bytes(range(256)), b'{"userId":"\xc3"}'):
            message = self.assertError(400, "bad_request", self.post(
                base64.b64encode(raw).decode(), isBase64Encoded=True))
            self.assertIn("not valid JSON at line 1", message)
        message = self.assertError(400, "bad_request", self.post(
            base64.b64encode(b"\x1f\x8b\x08 no gzip").decode(), isBase64Encoded=True))
        self.assertIn("damaged gzip stream", message)
        deep = '{"userId":' + "[" * 10000 + "]" * 10000 + "}"
        self.assertIn("depth", self.assertError(400, "bad_request", self.post(deep)))
        for field in ("userId", "movieId"):
            other = {"userId": "2", "movieId": "2959"}
            for value in (None, {}, {"id": 1}, [], ["2"], "", "x" * 10000, True, 1.5, "a\nb"):
                body = json.dumps({**other, field: value})
                message = self.assertError(400, "bad_request", self.post(body))
                self.assertRegex(message, f"^{field}: ")
                self.assertReport(self.invoke(body.encode()), "Function.InvalidEvent",
                                  f"400 bad_request: {field}: ")
            beyond = json.dumps({**other, field: 10 ** 30})
            self.assertIn("64 bits", self.assertError(400, "bad_request", self.post(beyond)))
            del other[field]
            message = self.assertError(400, "bad_request", self.post(other))
            self.assertRegex(message, "^add (userId|movieId)|userId with")
        self.assertEqual([], self.endpoint.requests)
        self.assertBody(RESPONSE, self.post(REQUEST))

    def test_an_event_with_unusual_members_still_gets_a_response(self):
        """40"""
        self.start()
        for more in ({"headers": None}, {"headers": [1]}, {"cookies": [None]}, {"rawPath": None},
                     {"queryStringParameters": 5}, {"isBase64Encoded": None}, {"x": {"y": []}}):
            self.assertBody(RESPONSE, self.post(REQUEST, **more))
        for context in ({}, {"http": None}, {"http": {"method": 5}}, {"http": []}):
            self.assertError(400, "bad_request", self.post(REQUEST, requestContext=context))

    def test_paths_methods_and_cors(self):
        self.start(ALLOW_ORIGIN="https://www.example.com")
        self.assertError(404, "not_found", self.post(REQUEST, path="/other"))
        response = self.post(REQUEST, method="PUT")
        self.assertError(405, "method_not_allowed", response)
        self.assertEqual("GET, POST, OPTIONS", response["headers"]["Allow"])
        self.assertEqual("https://www.example.com", response["headers"]["Access-Control-Allow-Origin"])
        response = self.post(None, method="OPTIONS")
        self.assertEqual((204, ""), (response["statusCode"], response["body"]))
        self.assertIn("POST", response["headers"]["Access-Control-Allow-Methods"])


class Starting(PredictCase):
    def test_missing_settings_are_reported_by_name(self):
        """19, 55"""
        self.refused("neither ENDPOINT_NAME nor MODEL_URI", ENDPOINT_NAME=None)
        self.refused("both set", MODEL_URI="/m.bin")
        self.refused("AWS_REGION", AWS_REGION=None)
        self.refused("AWS_ACCESS_KEY_ID", AWS_ACCESS_KEY_ID=None)
        self.refused("AWS_SECRET_ACCESS_KEY", AWS_SECRET_ACCESS_KEY=None)
        self.refused("ALLOW_ORIGIN", ALLOW_ORIGIN="example.com")
        self.refused("MOVIES_REFRESH_SECONDS", MOVIES_REFRESH_SECONDS="often")

    def test_without_a_file_of_movies_there_are_no_titles(self):
        self.start(MOVIES_URI=None)
        self.assertBody('{"predicted_rating": 4.4}', self.post(REQUEST))
        self.endpoint.otherwise = respond(200, b'{"recommendations":[{"movieId":"1","score":0.5}],"known_user":false}')
        self.assertBody('{"recommendations": [{"movieId": "1", "score": 0.5}], "known_user": false}',
                        self.post({"userId": "2", "top_n": 1}))

    def test_the_file_of_movies_may_be_packed_and_separated_as_train_reads_it(self):
        for n, text in enumerate((MOVIES.replace(",", ";").replace('"American President; The', '"American President, The'),
                                  "2959::Fight Club (1999)::Action|Crime|Drama|Thriller\n", MOVIES)):
            file = self.folder / f"movies{n}"
            file.write_bytes(gzip.compress(text.encode()) if n != 1 else text.encode())
            run = self.start(MOVIES_URI=str(file))
            self.assertBody(RESPONSE, self.post(REQUEST))
            self.stop(run)

    def test_movies_that_cannot_be_read_are_a_500_that_the_log_explains(self):
        bad = self.folder / "bad.csv"
        self.refused("/nowhere/movies.csv: the movies cannot be read", MOVIES_URI="/nowhere/movies.csv")
        for text, *pieces in (
            ("", "bad.csv: the file is empty", "movieId,title,genres"),
            ("1,Toy Story (1995),Adventure\n", "bad.csv:1: no header"),
            ("movieId,title\n1,x\n", "bad.csv:1: no column genres"),
            (MOVIES + '12,"Dracula: Dead and Loving It (1995),Comedy\n13,x,y\n',
             "bad.csv:5: a quote is opened and not closed"),
            (MOVIES + "12,x\n", "bad.csv:5: expected 3 fields"),
        ):
            bad.write_text(text, encoding="utf-8")
            run = self.start(MOVIES_URI=str(bad))
            self.assertIn("the log has the reason", self.assertError(500, "movies_unreadable", self.post(REQUEST)))
            self.assertError(400, "bad_request", self.post("{"))
            text = self.stop(run).stdout
            [start], refused = self.events(run, "movies_unreadable", text), self.events(run, "refused", text)
            self.assertEqual("movies_unreadable", refused[0]["code"])
            for piece in pieces:
                self.assertIn(piece, start["message"])
                self.assertIn(piece, refused[0]["message"])
            self.assertIn('"MoviesError":1', text)
        self.assertEqual([], self.endpoint.requests)

    def test_when_the_file_of_movies_is_corrected_there_are_titles(self):
        self.movies.write_text("movieId,title\n1,x\n")
        run = self.start(MOVIES_REFRESH_SECONDS="1")
        self.assertError(500, "movies_unreadable", self.post(REQUEST))
        new = self.movies.with_suffix(".new")
        new.write_text(MOVIES, encoding="utf-8")
        new.replace(self.movies)
        run.wait_until(lambda: self.post(REQUEST)["statusCode"] == 200, "titles")
        self.assertBody(RESPONSE, self.post(REQUEST))
        self.stop(run)

    def test_a_million_movies_are_served(self):
        many = self.folder / "many.csv"
        with many.open("w") as file:
            file.write("movieId,title,genres\n")
            file.writelines(f'{i},"Movie {i}, The (1999)",Drama|Comedy\n' for i in range(1000000))
        run = self.start(MOVIES_URI=str(many))
        self.assertBody('{"predicted_rating": 4.4, "movie_title": "Movie 2959, The (1999)"}',
                        self.post(REQUEST))
        if not SANITIZED:
            peak = int(re.search(r"VmHWM:\s+(\d+) kB", run.status_file()).group(1))
            self.assertLess(peak, 120 * 1024)

    def test_90000_movies_take_less_than_32_mb(self):
        if SANITIZED:
            self.not_here("a sanitizer has memory of its own")
        many = self.folder / "many.csv"
        rows = (SOURCE / "data" / "movies.csv").read_text(encoding="utf-8").splitlines()[1:]
        with many.open("w", encoding="utf-8") as file:
            file.write("movieId,title,genres\n")
            for n in range(90000):
                file.write(f"{n + 1},{rows[n % len(rows)].partition(',')[2]}\n")
        run = self.start(MOVIES_URI=str(many))
        for _ in range(200):
            self.post(REQUEST)
        resident = int(re.search(r"VmRSS:\s+(\d+) kB", run.status_file()).group(1))
        self.assertLess(resident, 32 * 1024)

    def test_a_local_model_needs_nothing_of_aws(self):
        model = trained()
        user, item = model.rows[0][:2]
        self.start(ENDPOINT_NAME=None, MODEL_URI=str(model.model_bin), AWS_REGION=None,
                   AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
        rating = json.loads(self.bare({"userId": user, "movieId": item}))["predicted_rating"]
        self.assertAlmostEqual(model.predict(user, item), rating, delta=0.0501)
        self.assertEqual([], self.endpoint.requests)

    def test_an_invalid_model_is_refused_with_the_reason(self):
        bad = self.folder / "model.bin"
        whole = trained().model_bin.read_bytes()
        self.refused("/nowhere/model.bin", ENDPOINT_NAME=None, MODEL_URI="/nowhere/model.bin")
        for content in (b"", b"movieId,title\n", whole[:len(whole) // 2],
                        whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]):
            bad.write_bytes(content)
            self.refused("model.bin", ENDPOINT_NAME=None, MODEL_URI=str(bad))

    def test_nothing_is_left_in_the_temporary_folder(self):
        self.start()
        self.post(REQUEST)
        self.assertEqual(["movies.csv"], os.listdir(self.folder))


    def test_memory_is_flat_over_events_of_six_mebibytes(self):
        """20: of every event source; ±1 MB between the third and the tenth of each kind."""
        run = self.start()
        bare = json.dumps({**REQUEST, "userId": "x" * (6 * 1024 * 1024 - 60)}).encode()
        encoded = base64.b64encode(b'{"userId":"' + b"x" * 4_600_000 + b'","movieId":"1"}').decode()
        kinds = (bare, json.dumps(proxied("[" * (6 << 20))).encode()[:6 << 20],
                 json.dumps(proxied('{"userId":"' + "x" * 6_200_000)).encode(),
                 json.dumps(proxied(encoded, isBase64Encoded=True)).encode())

        def resident():
            return int(re.search(r"VmRSS:\s+(\d+) kB", run.status_file()).group(1))

        for number in range(2 * len(kinds) if SANITIZED else 40):
            event = self.invoke(kinds[number % len(kinds)])
            if event.kind == "response":
                self.assertIn(event.json["statusCode"], (400, 413))
            if number == 11:
                after_first = resident()
        if not SANITIZED:
            self.assertLess(abs(resident() - after_first), 1024)
        self.assertBody(RESPONSE, self.post(REQUEST))

    def test_a_machine_that_refuses_a_wrapper_fails_no_test(self):
        """The next test is skipped there; the attempt leaves nothing that tearDown checks."""
        self.assertEqual("no: not permitted", self.refusal(("sh", "-c", "echo no: not permitted >&2; exit 1")))
        self.assertIn("No such file", self.refusal(("/nowhere/unshare",)))
        self.assertIsNone(self.refusal(("env",)))
        self.assertEqual([], self.runs)

    def test_a_read_only_root_and_a_user_without_rights_are_enough(self):
        """26: movies and a packed model of S3; only the temporary folder can be written to."""
        if os.geteuid() != 0:
            self.not_here("mounting needs root")
        self.folder.chmod(0o777)
        wrapper = ("unshare", "--mount", "--propagation", "private", "sh", "-c",
                   f"mount -t tmpfs -o mode=1777 tmpfs {self.folder} && mount --bind / / && "
                   "mount -o remount,bind,ro / && cd / && "
                   'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"', "sh")
        refusal = self.refusal(wrapper)
        if refusal:
            self.not_here("no namespaces here: " + refusal)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            tar.add(trained().model_bin, "model.bin")
        self.s3.will(respond(200, MOVIES.encode()), respond(200, packed.getvalue()))
        run = self.launch(wrapper=wrapper, ENDPOINT_NAME=None, MODEL_S3_URI="s3://my-models/model.tar.gz",
                          MOVIES_URI="s3://my-movies/movies.csv")
        self.api.wait_for_calls("next", 1)
        user, item = trained().rows[0][:2]
        rating = json.loads(self.bare({"userId": user, "movieId": item}))["predicted_rating"]
        self.assertAlmostEqual(trained().predict(user, item), rating, delta=0.0501)
        inside = f"/proc/{run.pid}/root{self.folder}"
        self.assertEqual([], os.listdir(inside))
        self.stop(run)


class Output(PredictCase):
    def test_metrics_are_one_line_for_each_event(self):
        """33, 34"""
        run = self.start()
        self.bare(REQUEST)
        self.post({"userId": "2"})
        self.post(REQUEST, method="DELETE")
        result = self.stop(run)
        documents = [line for line in self.lines(result) if "_aws" in line]
        self.assertEqual(3, len(documents))
        for document in documents:
            directive, = document["_aws"]["CloudWatchMetrics"]
            self.assertEqual("Recommender", directive["Namespace"])
            self.assertEqual([["Function"]], directive["Dimensions"])
            self.assertEqual("predict", document["Function"])
            for metric in directive["Metrics"]:
                self.assertIsInstance(document[metric["Name"]], (int, float))
        self.assertIn("ModelLatency", documents[0])
        self.assertEqual(0, documents[0]["Errors"])
        self.assertEqual((1, 1), (documents[1]["Errors"], documents[1]["BadRequest"]))
        self.assertEqual((1, 1), (documents[2]["Errors"], documents[2]["MethodNotAllowed"]))
        self.assertNotIn("ModelLatency", documents[1])

    def test_metrics_can_be_off(self):
        run = self.start(METRICS="false")
        self.bare(REQUEST)
        self.assertNotIn("_aws", self.stop(run).stdout)

    def test_the_log_has_the_details_and_nothing_of_the_user(self):
        """30, 32"""
        self.endpoint.otherwise = failure(400, "ValidationError", Message="Endpoint not found")
        run = self.start(AWS_LAMBDA_LOG_LEVEL="DEBUG")
        event = self.invoke(proxied({"userId": "user-of-mine", "movieId": "2959"}))
        self.assertError(502, "bad_gateway", event.json)
        self.post({"userId": "user-of-mine", "movieIdx": "film-of-mine"})
        result = self.stop(run)
        refused = self.events(run, "refused", result.stdout)
        self.assertEqual(["ERROR", "INFO"], [line["level"] for line in refused])
        self.assertEqual(event.id, refused[0]["requestId"])
        for piece in (ENDPOINT, "ValidationError", "rejected"):
            self.assertIn(piece, refused[0]["message"])
        self.assertNotIn("of-mine", result.stdout)


if __name__ == "__main__":
    unittest.main()
