"""page_case.py: local-cloud with its page, a model with titles, `predict` behind it; and a stand-in for
both programs that a page on a stream needs."""

import base64
import json
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from local_cloud import PATIENCE, LocalCloud
from models import ROWS, trained
from programs import BIN
from sanitizers import SANITIZER_ENVIRONMENT
from skipping import LoudCase

# A title that is an attack when it is read as HTML.
ATTACK = "<img src=x onerror=\"document.title='attacked'\"><script>document.title='attacked'</script>"
GENRES = ("Drama", "Comedy", "War")


def described():
    """The model of ROWS: titles "Film ID (YEAR)", the best item's is ATTACK; years 1990 … 1999; genres."""
    items = sorted({row[1] for row in ROWS})
    lines = ["movieId,title,genres"]
    for i, item in enumerate(items):
        title = ATTACK.replace('"', '""') + f" ({1990 + i % 10})" if i % 10 == 0 else f"Film {item} ({1990 + i % 10})"
        lines.append(f'{item},"{title}",{GENRES[i % 3]}|Color')
    return trained(movies="\n".join(lines) + "\n")


def genre(item):
    return GENRES[sorted({row[1] for row in ROWS}).index(item) % 3]


def page_settings(predict=False, behind=None):
    """Settings of local-cloud with a page; `predict` computes with the model itself. behind: a Behind."""
    model = described()
    url = behind.url if behind else "http://127.0.0.1:9"
    settings = {"page": str(model.model_bin), "page-ratings": str(model.prefix / "input/data/train/ratings.csv"),
                "endpoints": {"movies": url}}
    if behind:
        settings |= {"kinesis": url, "page-stream": "ratings"}
    if predict:
        settings |= {"routes": {"POST /predict": "predict"}, "functions": {"predict": {
            "program": str(BIN / "predict"), "start": "early", "timeout": PATIENCE, "init-timeout": PATIENCE,
            "environment": {**SANITIZER_ENVIRONMENT, "MODEL_URI": str(model.model_bin), "METRICS": "false"}}}}
    return settings


class PageCase(LoudCase):
    """One local-cloud for all tests of a class."""

    predict = False
    behind = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        if cls.behind is True:
            cls.behind = Behind([str(n) for n in range(1000, 1100)])
            cls.addClassCleanup(cls.behind.close)
        cls.cloud = LocalCloud(page_settings(cls.predict, cls.behind), Path(folder.name))
        cls.addClassCleanup(cls.end_cloud)

    @classmethod
    def end_cloud(cls):
        result = cls.cloud.stop()
        if result.status != 0:
            raise AssertionError(f"local-cloud ended with {result}")


class Behind:
    """Kinesis and a container in one: a list that leaves out what was put on the stream, from the second
    request after it on."""

    def __init__(self, items):
        self.items, self.written, self.gets, self.slow = items, [], [], 0
        self.closed = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self, body, status=200):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self):  # noqa: N802
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.written.append((self.headers["X-Amz-Target"], body["StreamName"], body["PartitionKey"],
                                      json.loads(base64.b64decode(body["Data"]))))
                outer.slow = 1
                self.respond({"SequenceNumber": "495", "ShardId": "shardId-000000000000"})

            def do_GET(self):  # noqa: N802
                outer.gets.append(self.path)
                known = outer.written[:-1] if outer.slow else outer.written
                outer.slow = 0
                rated = {str(event["movieId"]) for *_, event in known}
                left = [item for item in outer.items if item not in rated][:10]
                self.respond({"user_id": 1, "recommendations": [
                    {"item_id": item, "score": 1 - i / 100, "predicted_rating": 4, "title": f"Film {item}"}
                    for i, item in enumerate(left)], "count": len(left), "from_cache": False, "latency_ms": 1})

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        if self.closed:
            return
        self.closed = True
        self._server.shutdown()
        self._server.server_close()
