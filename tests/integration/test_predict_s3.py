"""predict with movies and a model in S3. The numbers are lines of the checklist in the Lambda
contract."""

import io
import json
import tarfile
import time
import unittest
import urllib.error
import urllib.request

from aws_peers import cut, forever, hang_up, raw, respond, slow
from models import trained
from predict_case import RESPONSE, MOVIES, REQUEST, PredictCase
from test_aws_node import NodeCase

URI = "s3://my-movies/data/movies v1.csv"
CSV = MOVIES.encode()


def error(status, code):
    return respond(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode(),
                   [("Content-Type", "application/xml")])


def archive(content):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("model.bin")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


class Movies(PredictCase):
    def environment(self, **more):
        return super().environment(**{"MOVIES_URI": URI, **more})

    def test_movies_are_fetched_once_at_the_start(self):
        """48, 49"""
        self.s3.will(respond(200, CSV, [("ETag", '"v1"')]))
        self.start()
        for _ in range(5):
            self.assertBody(RESPONSE, self.post(REQUEST))
        request, = self.s3.requests
        self.assertEqual(("GET", "/my-movies/data/movies%20v1.csv"), (request.method, request.target))

    def test_errors_of_s3_name_bucket_and_key(self):
        """53, 59"""
        for act in (error(403, "AccessDenied"), error(404, "NoSuchKey"), error(404, "NoSuchBucket"),
                    error(403, "SignatureDoesNotMatch"), error(403, "RequestTimeTooSkewed"),
                    respond(301, b"<Error><Code>PermanentRedirect</Code></Error>",
                            [("x-amz-bucket-region", "us-west-2")])):
            self.s3.otherwise = act
            self.refused(URI)

    def test_a_temporary_failure_is_retried(self):
        self.s3.will(error(503, "SlowDown"), hang_up, slow(0.5, respond(200, CSV)))
        self.start()
        self.assertBody(RESPONSE, self.post(REQUEST))

    def test_a_permanent_failure_ends_the_start(self):
        for act in (error(503, "SlowDown"), hang_up, raw(b"SSH-2.0-OpenSSH\r\n\r\n", keep=False),
                    raw(bytes(range(256)) * 8, keep=False), respond(500, b"<Error><Code>"),
                    respond(403, b"\0<html>"), respond(204)):
            self.s3.otherwise = act
            self.refused(URI)

    def test_a_truncated_object_is_refused(self):
        """60"""
        self.s3.otherwise = cut(len(CSV) + 100, CSV)
        self.refused(URI)
        self.s3.will(cut(len(CSV) + 100, CSV[:60]))
        self.s3.otherwise = respond(200, CSV)
        self.start()
        self.assertBody(RESPONSE, self.post(REQUEST))

    def test_an_object_that_is_no_movies_file_names_the_line(self):
        for body, says in ((CSV + b'5,"x,y\n6,z,w\n', f"{URI}:5: a quote is opened and not closed"),
                           (b"", f"{URI}: the file is empty")):
            self.s3.otherwise = respond(200, body)
            run = self.start()
            self.assertError(500, "movies_unreadable", self.post(REQUEST))
            [line] = self.events(run, "movies_unreadable", self.stop(run).stdout)
            self.assertTrue(line["message"].startswith(says), line)

    def test_an_s3_that_does_not_respond_ends_the_start_in_time(self):
        self.s3.otherwise = forever
        self.refused(URI)

    def refreshing(self):
        self.s3.will(respond(200, CSV, [("ETag", '"v1"')]))
        return self.start(MOVIES_REFRESH_SECONDS="1")

    def post_later(self, **how):
        time.sleep(1.1)
        return self.post(REQUEST, **how)

    def test_newer_movies_take_the_old_ones_place(self):
        """59"""
        self.refreshing()
        self.s3.will(respond(304, headers=[("ETag", '"v1"')]))
        self.assertBody(RESPONSE, self.post_later())
        self.assertBody(RESPONSE, self.post(REQUEST))
        self.s3.will(respond(200, CSV.replace(b"Fight Club", b"Figth Club"), [("ETag", '"v2"')]))
        self.assertBody(RESPONSE.replace("Fight", "Figth"), self.post_later())
        self.s3.will(respond(304, headers=[("ETag", '"v2"')]))
        self.assertBody(RESPONSE.replace("Fight", "Figth"), self.post_later())
        self.assertEqual([None, '"v1"', '"v1"', '"v2"'],
                         [r.header("If-None-Match") for r in self.s3.requests])

    def test_later_failures_keep_the_old_movies(self):
        """59, 60"""
        run = self.refreshing()
        acts = (error(404, "NoSuchKey"), error(403, "AccessDenied"), respond(200, b"movieId,x\n"),
                respond(200, b""), cut(1000, CSV))
        for act in acts:
            self.s3.otherwise = act
            self.assertBody(RESPONSE, self.post_later())
        lines = self.events(run, "movies_not_refreshed", self.stop(run).stdout)
        self.assertEqual(len(acts), len(lines))
        for line in lines:
            self.assertEqual("WARN", line["level"])
            self.assertIn("keeping the old movies", line["message"])

    def test_a_slow_s3_delays_no_event_for_long(self):
        self.refreshing()
        self.s3.otherwise = forever
        time.sleep(1.1)
        self.assertBody(RESPONSE, self.post(REQUEST))
        n_requests = len(self.s3.requests)
        self.assertBody(RESPONSE, self.post(REQUEST))
        self.assertEqual(n_requests, len(self.s3.requests), "requested again right after it failed")


class Model(PredictCase):
    def start_with(self, content):
        self.s3.otherwise = respond(200, content)
        return self.start(ENDPOINT_NAME=None, MODEL_S3_URI="s3://my-models/job/output/model.tar.gz")

    def test_a_model_is_fetched_packed_or_not(self):
        whole = trained().model_bin.read_bytes()
        user, item = trained().rows[0][:2]
        bodies = set()
        for content in (whole, archive(whole)):
            run = self.start_with(content)
            bodies.add(self.bare({"userId": user, "movieId": item}))
            bodies.add(self.bare({"userId": int(user), "movieId": int(item)}))
            self.stop(run)
        self.assertEqual(1, len(bodies))
        self.assertEqual(["movies.csv"], [p.name for p in self.folder.iterdir()])

    def test_a_model_that_is_not_whole_is_refused(self):
        whole = archive(trained().model_bin.read_bytes())
        uri = "s3://my-models/model.tar.gz"
        for act in (respond(200, whole[:len(whole) // 2]), cut(len(whole), whole[:1000]),
                    respond(200, b""), respond(200, archive(b"x")), error(404, "NoSuchKey")):
            self.s3.otherwise = act
            self.refused(uri, ENDPOINT_NAME=None, MODEL_S3_URI=uri)

    def test_of_what_is_no_model_only_the_start_is_downloaded(self):
        uri = "s3://my-models/model.bin"
        self.s3.otherwise = cut(1 << 30, bytes(100_000))
        self.refused(f"{uri}: not a model of this program", ENDPOINT_NAME=None, MODEL_S3_URI=uri)
        self.assertEqual(1, len(self.s3.requests))


class NewerModel(PredictCase):
    """A newer model is looked up every second."""

    @classmethod
    def setUpClass(cls):
        cls.old = trained().model_bin.read_bytes()
        cls.new = trained(seed=8).model_bin.read_bytes()

    def etagged(self, content, etag):
        return respond(200, content, [("ETag", f'"{etag}"')])

    def refreshing(self, **more):
        self.s3.will(self.etagged(self.old, "v1"))
        run = self.start(ENDPOINT_NAME=None, MODEL_S3_URI="s3://my-models/model.tar.gz",
                         MODEL_REFRESH_SECONDS="1", **more)
        return run

    def rating_later(self, **how):
        time.sleep(1.1)
        return self.rating(**how)

    def rating(self, **how):
        user, item = trained().rows[0][:2]
        return json.loads(self.bare({"userId": user, "movieId": item}, **how))["predicted_rating"]

    def logged(self, run, name, n):
        """Its log lines of this event, once there are n; they may arrive a moment late."""
        run.wait_until(lambda: len(self.events(run, name)) >= n, f"{n} lines of {name}")
        return self.events(run, name)

    def versions(self, run, n):
        return [line["version"] for line in self.logged(run, "model", n)]

    def test_a_newer_model_takes_the_old_ones_place(self):
        """59"""
        run = self.refreshing()
        first = self.rating()
        self.s3.will(respond(304, headers=[("ETag", '"v1"')]))
        self.assertEqual(first, self.rating_later())
        self.assertEqual(first, self.rating())
        self.assertEqual(1, len(self.versions(run, 1)))
        self.s3.will(self.etagged(archive(self.new), "v2"))
        self.rating_later()
        self.s3.will(respond(304, headers=[("ETag", '"v2"')]))
        self.rating_later()
        self.assertEqual([None, '"v1"', '"v1"', '"v2"'],
                         [r.header("If-None-Match") for r in self.s3.requests])
        self.assertEqual(2, len(set(self.versions(run, 2))))
        self.assertEqual(["movies.csv"], [p.name for p in self.folder.iterdir()])

    def test_later_failures_keep_the_old_model(self):
        """59, 60"""
        run = self.refreshing()
        first = self.rating()
        packed = archive(self.new)
        broken = self.new[:9000] + bytes([self.new[9000] ^ 1]) + self.new[9001:]
        acts = (error(404, "NoSuchKey"), respond(200, b""), cut(len(self.new), self.new[:-1]),
                respond(200, packed[:-9]), respond(200, archive(b"no model")), respond(200, broken))
        for act in acts:
            self.s3.otherwise = act
            self.assertEqual(first, self.rating_later())
        self.assertEqual({'"v1"'}, {r.header("If-None-Match") for r in self.s3.requests[1:]})
        lines = self.events(run, "model_not_refreshed", self.stop(run).stdout)
        self.assertEqual(len(acts), len(lines))
        for line in lines:
            self.assertEqual("WARN", line["level"])
            self.assertIn("s3://my-models/model.tar.gz", line["message"])
            self.assertIn("keeping the old model", line["message"])

    def test_a_slow_s3_delays_no_event_past_its_deadline(self):
        run = self.refreshing()
        first = self.rating()
        slowly = pieces(self.etagged_head(len(self.new)), self.new, 50, 0.2)
        for act in (forever, slowly):
            self.s3.otherwise = act
            n_requests = len(self.s3.requests)
            self.assertEqual(first, self.rating_later(deadline_in=3.0))
            self.assertGreater(len(self.s3.requests), n_requests)
            n_requests = len(self.s3.requests)
            self.assertEqual(first, self.rating())
            self.assertEqual(n_requests, len(self.s3.requests), "requested again right after it failed")
        self.assertEqual(2, len(self.logged(run, "model_not_refreshed", 2)))
        self.s3.otherwise = self.etagged(self.new, "v2")
        self.rating_later()
        self.assertEqual(2, len(set(self.versions(run, 2))))

    @staticmethod
    def etagged_head(n_bytes):
        return (f"HTTP/1.1 200 OK\r\nETag: \"v9\"\r\nContent-Length: {n_bytes}\r\n\r\n").encode()

    def test_without_a_period_there_is_no_further_request(self):
        self.s3.will(self.etagged(self.old, "v1"))
        self.start(ENDPOINT_NAME=None, MODEL_S3_URI="s3://my-models/model.bin",
                   MODEL_REFRESH_SECONDS="0")
        self.rating_later()
        self.assertEqual(1, len(self.s3.requests))

    def test_an_event_without_time_for_it_makes_no_request(self):
        """9"""
        self.refreshing()
        time.sleep(1.1)
        self.assertReport(self.invoke({"userId": "1", "movieId": "1"}, deadline_in=-1.0),
                          "Runtime.DeadlinePassed", "")
        self.assertEqual(1, len(self.s3.requests))


def pieces(head, body, n, seconds):
    """The response in n pieces with pauses, until the client closes."""
    def act(connection, _):
        connection.sendall(head)
        size = len(body) // n + 1
        for at in range(0, len(body), size):
            connection.sendall(body[at:at + size])
            time.sleep(seconds)
        return True
    return act


class RealS3(PredictCase, NodeCase):
    """s3rver, an independent implementation of S3."""

    def setUp(self):
        PredictCase.setUp(self)
        self._programs, self._peers = [], []

    def tearDown(self):
        PredictCase.tearDown(self)

    def put(self, url, key, content):
        request = urllib.request.Request(f"{url}/movies/{key}", content, method="PUT")
        try:
            urllib.request.urlopen(request).close()
        except urllib.error.HTTPError as refusal:
            self.not_here(f"s3rver takes no anonymous PUT: {refusal}")

    def test_movies_and_model_come_from_another_s3_and_newer_ones_too(self):
        """59"""
        store = self.folder / "store"
        store.mkdir()
        url = self.node("s3", str(store))
        self.put(url, "movies.csv", CSV)
        self.put(url, "job/model.tar.gz", archive(trained().model_bin.read_bytes()))
        run = self.start(ENDPOINT_NAME=None, MODEL_S3_URI="s3://movies/job/model.tar.gz",
                         MOVIES_URI="s3://movies/movies.csv", AWS_ENDPOINT_URL_S3=url,
                         AWS_ACCESS_KEY_ID="S3RVER", AWS_SECRET_ACCESS_KEY="S3RVER",
                         AWS_SESSION_TOKEN=None, MOVIES_REFRESH_SECONDS="1", MODEL_REFRESH_SECONDS="1")
        request = {"userId": trained().rows[0][0], "movieId": "2959"}
        first = json.loads(self.bare(request))
        self.assertEqual("Fight Club (1999)", first["movie_title"])
        time.sleep(1.1)
        self.assertEqual(first, json.loads(self.bare(request)))
        self.assertEqual((1, 1), tuple(len(self.events(run, e)) for e in ("movies", "model")))
        self.put(url, "movies.csv", CSV.replace(b"Fight", b"Figth"))
        self.put(url, "job/model.tar.gz", archive(trained(seed=8).model_bin.read_bytes()))
        time.sleep(1.1)
        self.assertEqual("Figth Club (1999)", json.loads(self.bare(request))["movie_title"])
        counts = lambda: tuple(len(self.events(run, e)) for e in ("movies", "model"))
        run.wait_until(lambda: min(counts()) >= 2, "two log lines of each")
        self.assertEqual((2, 2), counts())


if __name__ == "__main__":
    unittest.main()
