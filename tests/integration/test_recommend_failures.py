"""recommend while the streams, the service and the function's own time fail. The numbers are
lines of the checklist in docs/lambda.md."""

import json
import threading
import time
import unittest

from aws_peers import Peer, cut, failure, hang_up, raw, reset, respond
from behind_streams import DEAD, aggregated
from kinesis_peer import THROTTLED, instead, refuse
from programs import DEADLINE
from recommend_case import OUT, RECOMMENDED, RecommendCase, request


class Front:
    """A service in front of serve that fails as a test says: faults has an act for each of the
    next requests (None: forward it); always(request) may return one for any."""

    def __init__(self, server):
        self.server, self.faults, self.always = server, [], lambda _seen: None
        self.peer = Peer("", None)
        self.peer.otherwise = self._act
        self._lock = threading.Lock()

    @property
    def url(self):
        return self.peer.url

    def _act(self, connection, seen):
        with self._lock:
            act = self.faults.pop(0) if self.faults else self.always(seen)
        if act is not None:
            return act(connection, seen)
        response = self.server.post(seen.body, seen.header("content-type"), headers=[
            (name, seen.header(name)) for name in ("Accept", "X-Amzn-SageMaker-Custom-Attributes")])
        return respond(response.status, response.body, [
            (name, response.header(name)) for name in ("Content-Type", "X-Amzn-SageMaker-Custom-Attributes")
            if response.header(name)])(connection, seen)


class OutputStream(RecommendCase):
    def test_only_refused_records_are_put_again_in_order(self):
        """72"""
        f = self.function(KEEP_ORDER="false")
        self.stream.faults = [refuse(1, 3, 4), refuse(0, 2, code="InternalFailure")]
        self.assertFine(f.invoke(*(request(user) for user in range(1, 7))))
        self.assertEqual([6, 3, 2], [len(call["Records"]) for call in self.stream.calls])
        self.assertEqual([f"r-{u}" for u in (1, 3, 6, 4, 2, 5)], self.stream.ids())
        self.assertEqual(5, f.metrics()["PutRetries"])

    def test_the_order_of_a_users_recommendations_survives_failures(self):
        """72"""
        f = self.function()
        order = [(user, n) for n in range(4) for user in range(1, 6)]
        self.stream.faults = [refuse(0), refuse(0, 2), refuse(), refuse(1), refuse(0, 1, 2, 3)]
        self.assertFine(f.invoke(*(request(user, f"{user}-{n}") for user, n in order)))
        for user in range(1, 6):
            self.assertEqual([f"{user}-{n}" for n in range(4)],
                             [i for i in self.stream.ids() if i.startswith(f"{user}-")])

    def test_records_that_are_refused_to_the_end_are_reported_and_not_repeated_when_they_come_again(self):
        """72"""
        f = self.function()
        self.stream.faults = [refuse(1)] + [refuse()] * 100
        event = f.event(*(request(user) for user in range(1, 6)))
        response = f.send(event, deadline_in=2.0)
        self.assertFrom(response, event, 1)
        self.assertEqual(["r-1", "r-3", "r-4", "r-5"], self.stream.ids())
        metrics = f.metrics()
        self.assertEqual((4, 1, 1, 0), tuple(metrics[name] for name in (
            RECOMMENDED, "Failed", "StreamErrors", "ModelErrors")))
        self.stream.faults = []
        again = {"Records": event["Records"][1:]}
        self.assertFine(f.send(again))
        self.assertEqual(["r-1", "r-3", "r-4", "r-5", "r-2"], self.stream.ids())
        self.assertEqual(3, f.metrics()["Repeated"])
        self.assertEqual(1, len(f.log("come_again")))

    def test_an_aggregate_is_repeated_as_a_whole(self):
        """70"""
        f = self.function()
        self.stream.faults = [refuse(2)] + [refuse()] * 100
        event = f.event(request(1), aggregated(request(2), request(3), request(4)))
        self.assertFrom(f.send(event, deadline_in=2.0), event, 1)
        self.stream.faults = []
        self.assertFine(f.send({"Records": event["Records"][1:]}))
        self.assertEqual(["r-1", "r-2", "r-4", "r-3"], self.stream.ids())

    def test_when_nothing_is_written_the_batch_fails(self):
        f = self.function()
        self.stream.faults = [refuse()] * 100
        event = f.event(request(1), request(2))
        response = f.send(event, deadline_in=1.5)
        f.part.assertReport(response, "Function.DownstreamError", THROTTLED, OUT)
        self.stream.faults = []
        self.assertFine(f.send(event))
        self.assertEqual(["r-1", "r-2"], self.stream.ids())

    def test_a_call_that_fails_as_a_whole_is_made_again(self):
        """73"""
        f = self.function()
        for n, act in enumerate((failure(500, "InternalFailure"), failure(503, "ServiceUnavailable"),
                                 failure(400, THROTTLED), failure(400, "LimitExceededException"),
                                 hang_up, reset, cut(1000, b'{"FailedRecordCount":0'),
                                 raw(b"garbage\r\n\r\n", keep=False))):
            with self.subTest(n):
                self.stream.written.clear()
                self.stream.faults = [instead(act)]
                self.assertFine(f.invoke(request(1, f"a{n}"), request(2, f"b{n}")))
                self.assertEqual([f"a{n}", f"b{n}"], self.stream.ids())

    def test_after_a_lost_response_a_record_is_put_twice_with_the_same_id(self):
        """73"""
        f = self.function()

        def write_and_hang_up(body):
            self.stream.write(body)
            return hang_up
        self.stream.faults = [write_and_hang_up]
        self.assertFine(f.invoke(request(1), request(2)))
        self.assertEqual(["r-1", "r-2", "r-1", "r-2"], self.stream.ids())
        self.assertEqual(self.stream.events()[0], self.stream.events()[2])

    def test_a_permanent_error_of_a_call_is_a_failure_at_once(self):
        """73"""
        f = self.function()
        for code in ("ResourceNotFoundException", "AccessDeniedException", "ValidationException",
                     "InvalidArgumentException", "KMSDisabledException"):
            n = len(self.stream.calls)
            self.stream.faults = [instead(failure(400, code, message="x"))]
            self.assertEqual("error", f.invoke(request(1, code)).kind)
            self.assertEqual(1, len(self.stream.calls) - n)
        self.assertFine(f.invoke(request(1)))

    def test_invalid_responses_are_failures(self):
        """73"""
        f = self.function()
        for n, body in enumerate((b"", b"[]", b"{}", b'{"Records":[]}', b'{"Records":[{},{}]}',
                                  b'{"Records":[{"SequenceNumber":"1"}]}', b'{"Records":7}',
                                  b'{"Records":[{"SequenceNumber":"1"},{"ErrorCode":7}]}')):
            with self.subTest(body):
                self.stream.faults = [instead(respond(200, body))]
                event = f.event(request(1, f"a{n}"), request(2, f"b{n}"))
                self.assertEqual("error", f.send(event).kind)
                self.assertFine(f.send(event))
                self.assertEqual([f"a{n}", f"b{n}"], self.stream.ids()[-2:])
        self.assertEqual(16, len(self.stream.ids()))

    def test_dead_letters_that_cannot_be_put_for_now_come_again(self):
        f = self.function(DEAD_LETTER_STREAM_NAME=DEAD)
        event = f.event(request(1), b"dirt", request(2))
        self.stream.faults = [lambda body: None] + [refuse()] * 100
        self.assertFrom(f.send(event, deadline_in=2.0), event, 1)
        self.assertEqual(["r-1", "r-2"], self.stream.ids())
        self.stream.faults = []
        self.assertFine(f.send({"Records": event["Records"][1:]}))
        self.assertEqual(["r-1", "r-2"], self.stream.ids())
        self.assertEqual(1, len(self.stream.events(DEAD)))

    def test_dead_letters_that_may_not_have_been_put_come_again(self):
        f = self.function(DEAD_LETTER_STREAM_NAME=DEAD)
        event = f.event(request(1), b"dirt", request(2))
        self.stream.faults = [lambda body: None, instead(respond(200, b"nonsense"))]
        self.assertFrom(f.send(event), event, 1)
        self.assertFine(f.send({"Records": event["Records"][1:]}))
        self.assertEqual(["r-1", "r-2"], self.stream.ids())
        self.assertEqual(1, len(self.stream.events(DEAD)))
        self.assertEqual([], f.log("dead_letters_lost"))

    def test_dead_letters_that_can_never_be_put_do_not_block_the_shard(self):
        f = self.function(DEAD_LETTER_STREAM_NAME=DEAD)
        self.stream.faults = [lambda body: None,
                              instead(failure(400, "ResourceNotFoundException", message="x"))]
        self.assertFine(f.invoke(request(1), b"dirt", request(2)))
        [line] = f.log("dead_letters_lost")
        self.assertEqual(("ERROR", 1), (line["level"], line["records"]))


class Service(RecommendCase):
    def setUp(self):
        super().setUp()
        self.front = Front(self.server)
        self.addCleanup(self.front.peer.close)

    def behind(self, **more):
        return self.function(RECOMMEND_SERVICE_URL=self.front.url, **more)

    def test_an_occasional_503_or_429_is_retried(self):
        f = self.behind(CONCURRENCY="3")
        users = range(1, 41)
        self.front.faults = [respond(503, b"{}"), None, respond(429, b"{}"), hang_up, reset,
                             respond(502, b"x"), None, cut(900, b"{}")]
        self.assertFine(f.invoke(*(request(user) for user in users)))
        self.assertEqual([f"r-{user}" for user in users], self.stream.ids())
        self.assertRecommendations(self.stream.events())

    def test_a_user_that_fails_ends_the_batch_there(self):
        """63"""
        f = self.behind()
        self.front.always = lambda seen: (
            respond(500, b'{"error":{"code":"x","message":"y"}}') if b'"3"' in seen.body else None)
        event = f.event(*(request(user) for user in range(1, 6)))
        self.assertFrom(f.send(event, deadline_in=20.0), event, 2)
        self.assertEqual(["r-1", "r-2"], self.stream.ids())
        metrics = f.metrics()
        self.assertEqual((2, 3, 0, 1), tuple(metrics[name] for name in (
            RECOMMENDED, "Failed", "StreamErrors", "ModelErrors")))
        self.front.always = lambda seen: None
        self.assertFine(f.send({"Records": event["Records"][2:]}))
        self.assertEqual([f"r-{user}" for user in range(1, 6)], self.stream.ids())

    def test_a_rating_that_fails_for_now_comes_again(self):
        f = self.behind()
        self.front.always = lambda seen: respond(500, b"{}") if b'"item_id"' in seen.body else None
        event = f.event(request(1), request(2, item_id="1"), request(3))
        self.assertFrom(f.send(event, deadline_in=20.0), event, 1)
        self.assertEqual(["r-1"], self.stream.ids())
        self.front.always = lambda seen: None
        self.assertFine(f.send({"Records": event["Records"][1:]}))
        self.assertEqual({"r-1", "r-2", "r-3"}, set(self.stream.ids()))

    def test_everything_ends_the_margin_before_the_timeout(self):
        """For recommendations and dead letters: with no time left nothing is requested."""
        f = self.function(ANSWER_MARGIN_MS="60000", DEAD_LETTER_STREAM_NAME=DEAD)
        for data in (request(1), b"dirt"):
            event = f.invoke(data, deadline_in=30)
            self.assertEqual("error", event.kind, event.response.body)
        self.assertEqual([], self.stream.calls)
        self.assertFine(f.invoke(request(1), b"dirt", deadline_in=180))
        self.assertEqual((1, 1), (len(self.stream.events()), len(self.stream.events(DEAD))))

    def test_a_service_that_is_gone_fails_the_batch_in_time(self):
        def silent(connection, _request):
            """Blocks until the function closes the connection: without a deadline it would wait
            forever."""
            connection.settimeout(None)
            connection.recv(1)
            return False

        f = self.behind()
        for act in (respond(503, b"{}"), hang_up, silent):
            self.front.always = lambda seen, act=act: act
            response = f.invoke(request(1), request(2), deadline_in=2.0)
            self.assertEqual("error", response.kind)
            self.assertEqual("Function.DownstreamError", response.json["errorType"])
        self.front.always = lambda seen: None
        self.assertFine(f.invoke(request(1), request(2)))
        self.assertRecommendations(self.stream.events())

    def test_responses_that_do_not_match_their_requests_are_failures(self):
        f = self.behind()
        good = b'{"recommendations":[{"movieId":"1","predicted_rating":4}]}\n'
        for body in (b"", b"\n", good, good * 3, good + b"{}\n", good + b"[]\n", good + b"x\n",
                     good + good[:-1], good + b'{"recommendations":[{"movieId":7}]}\n',
                     good + b'{"recommendations":' + json.dumps(
                         [{"movieId": str(i)} for i in range(21)]).encode() + b"}\n"):
            with self.subTest(body[-40:]):
                self.front.faults = [respond(200, body)]
                self.assertEqual("error", f.invoke(request(1), request(2)).kind)
        self.assertEqual([], self.stream.ids())

    def test_responses_of_a_service_without_a_version_are_accepted(self):
        f = self.behind()
        self.front.faults = [respond(200, b'{"recommendations":[{"movieId":"7x"},{"movieId":"5"}]}\n')]
        self.assertFine(f.invoke(request(1)))
        [event] = self.stream.events()
        self.assertEqual((["7x", 5], None), (event["recommendations"], event["model_version"]))

    def test_responses_in_another_form_of_json_are_understood(self):
        f = self.behind()
        self.front.faults = [respond(200, b'{ "x" : {"y":[1e5]}, "recommendations" : [ {"rating":1e0,'
                                          b'"movieId":"caf\\u00e9 \\"7\\""} , {"movieId":"5"} ], "known_user":'
                                          b'false }\r\n')]
        self.assertFine(f.invoke(request(1)))
        [event] = self.stream.events()
        self.assertEqual((["caf\u00e9 \"7\"", 5], 2, False),
                         (event["recommendations"], event["count"], event["known_user"]))

    def test_a_batch_is_sent_in_as_many_concurrent_requests_as_allowed(self):
        """Each gets its response when all have arrived."""
        f = self.behind(CONCURRENCY="4")
        together = threading.Barrier(4)

        def meet(connection, seen):
            together.wait(DEADLINE)
            return self.front._act(connection, seen)
        self.front.peer.otherwise = meet
        self.assertFine(f.invoke(*(request(f"u{i}") for i in range(100))))
        self.assertEqual(4, self.front.peer.n_connections)

    def test_no_more_requests_are_under_way_than_allowed(self):
        f = self.behind(CONCURRENCY="2")
        busy, most, lock = [0], [0], threading.Lock()

        def watch(connection, seen):
            with lock:
                busy[0] += 1
                most[0] = max(most[0], busy[0])
            time.sleep(0.01)
            try:
                return self.front._act(connection, seen)
            finally:
                with lock:
                    busy[0] -= 1
        self.front.peer.otherwise = watch
        for n in range(3):
            self.assertFine(f.invoke(*(request(f"u{n}-{i}") for i in range(600))))
        self.assertEqual(2, most[0])
        self.assertLessEqual(self.front.peer.n_connections, 2)
        self.assertEqual(1800, len(self.stream.ids()))


if __name__ == "__main__":
    unittest.main()
