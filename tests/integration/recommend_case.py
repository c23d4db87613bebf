"""recommend_case.py: the real `recommend` as a Lambda function between an input stream from the
test and an output stream to it (behind_streams.py), with a real `serve`.

    class Example(RecommendCase):
        def test_a_sentence(self):
            f = self.function()                          # calls self.server
            self.assertFine(f.invoke(request("1"), request("2")))
            self.assertEqual(["r-1", "r-2"], [e["request_id"] for e in self.stream.events()])
"""

from behind_streams import BehindStreams, Streams
from programs import BIN
from serve_case import ServeCase

OUT = "predictions"
RECOMMENDED = "Answers"  # the metric of the number of recommendations


def request(user, request_id=None, **more):
    user_id = int(user) if isinstance(user, str) and user.isdigit() else user
    return {"user_id": user_id, "request_id": request_id or f"r-{user}", **more}


class Recommended(Streams):
    def events(self, stream=OUT):
        return super().events(stream)

    def ids(self, stream=OUT):
        return super().ids(stream)


class RecommendCase(BehindStreams, ServeCase):
    program = BIN / "recommend"
    streams = Recommended

    def variables(self, **more):
        if not {"ENDPOINT_NAME", "MODEL_URI", "RECOMMEND_SERVICE_URL"} & set(more):
            more["RECOMMEND_SERVICE_URL"] = f"http://127.0.0.1:{self.server.port}"
        return super().variables(**{"PREDICTIONS_STREAM_NAME": OUT, **more})

    def expected(self, user, top_n=20, server=None):
        """What serve recommends."""
        response = (server or self.server).get(f"/internal/recommend/{user}?top_n={top_n}")
        return response.json()["recommendations"]

    def version(self, server=None):
        return (server or self.server).get("/health").json()["model"]["version"]

    # -- checks

    def assertRecommendations(self, events, **more):
        """Each event has the same recommendations as the response of serve."""
        for event in events:
            n = more.get("top_n", 20)
            self.assertEqual(self.expected(event["user_id"], n), event["recommendations"], event)
            self.assertEqual(len(event["recommendations"]), event["count"])
            self.assertEqual(self.version(), event["model_version"])
            self.assertGreaterEqual(event["latency_ms"], 0)
            self.assertLessEqual({"request_id", "user_id", "from_cache"}, set(event))
