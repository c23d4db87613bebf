"""serve_case.py: runs the real `serve` as SageMaker runs it.

    class Example(ServeCase):
        def test_a_sentence(self):
            server = self.serve()                       # a tiny model, 127.0.0.1, a free port
            response = server.post({"userId": "1", "movieId": "1001"})
            self.assertEqual(200, response.status, response)
            response.json()["predicted_rating"]

            client = server.connect()                   # for everything unusual: http_client.py

(1) The model is trained by the real `train`, once per test process (models.py).
(2) serve() returns when /ping is 200, found by polling; ready=False does not wait.
(3) After each test every server gets SIGTERM and must exit 0, having written nothing but
    JSON lines and no sanitizer report; stop(status=…) expects another exit.
"""

import re

from models import place_model, trained
from ports import Port
from programs import SERVE
from server import Server
from train_case import TrainCase


class ServeCase(TrainCase):
    """Servers of one test. Class attributes that a class of tests may change: settings,
    variables for each of its servers."""

    settings = {}

    def setUp(self):
        super().setUp()
        if not SERVE.exists():
            self.fail(f"{SERVE} is not there: build it, or set MF_BIN")
        self._servers, self._n_trees = [], 0
        self._default = None

    def tearDown(self):
        try:
            for server in self._servers:
                if server.stopped is None:
                    server.stop()
        finally:
            super().tearDown()

    @property
    def server(self):
        """A server with a tiny model that needs nothing special."""
        if self._default is None:
            self._default = self.serve()
        return self._default

    def tree(self, model=None):
        """A fresh /opt/ml with model/model.bin: of trained(), of other bytes or another
        Trained; False for an empty model folder."""
        self._n_trees += 1
        prefix = self.folder / f"ml{self._n_trees}"
        (prefix / "model").mkdir(parents=True)
        if model is not False:
            place_model(prefix / "model" / "model.bin", model)
        return prefix

    def place_list(self, prefix, name, content):
        """lists/name.csv beside the model: text, bytes or ids."""
        folder = prefix / "model" / "lists"
        folder.mkdir(exist_ok=True)
        if not isinstance(content, (str, bytes)):
            content = "\n".join(content) + "\n"
        (folder / f"{name}.csv").write_bytes(content if isinstance(content, bytes) else content.encode())

    def free_port(self):
        port = Port()
        self._closers.append(port)
        return port.number

    def start_serve(self, prefix, *words, env=None, program=None, **how):
        """Starts `serve --prefix` as it is, without waiting for anything; a Run."""
        if prefix is not None:
            words = ("--prefix", prefix, *words)
        return self.start(None, *words, env={**self.settings, **(env or {})},
                          program=program or SERVE, **how)

    def serve(self, prefix=None, model=None, ready=True, port=None, address="127.0.0.1",
              threads=None, **how):
        """A Server on a port of its own. model as for tree(); env: more variables; the rest
        goes to process.Run."""
        if prefix is None:
            prefix = self.tree(model)
        port = port or self.free_port()
        env = {"SAGEMAKER_BIND_TO_PORT": str(port), "SERVE_ADDRESS": address,
               **(how.pop("env", None) or {})}
        if threads is not None:
            env["SAGEMAKER_MODEL_SERVER_WORKERS"] = str(threads)
        run = self.start_serve(prefix, env=env, **how)
        server = Server(run, prefix, port, address if address != "0.0.0.0" else "127.0.0.1")
        self._servers.append(server)
        if ready:
            server.wait_until_ready()
        return server

    def refused_serve(self, env=None, prefix=None, **how):
        """The Result of a serve that must fail to start with a reason: exit 1."""
        prefix = prefix or self.tree()
        env = {"SAGEMAKER_BIND_TO_PORT": str(self.free_port()), "SERVE_ADDRESS": "127.0.0.1",
               **(env or {})}
        result = self.start_serve(prefix, env=env, **how).wait()
        self.assertEqual(1, result.status, result)
        return result

    # -- checks

    def assertResponse(self, response, status=200, media_type=None):
        self.assertEqual(status, response.status, response)
        if media_type is not None:
            self.assertEqual(media_type, response.header("Content-Type"), response)
        return response

    def assertRefused(self, response, status, *words):
        """An error with this status whose message holds each of words (text or pattern).
        Returns the message."""
        self.assertEqual(status, response.status, response)
        for word in words:
            if isinstance(word, re.Pattern):
                self.assertRegex(response.message, word)
            else:
                self.assertIn(str(word), response.message)
        return response.message

    def assertServes(self, server):
        """It is alive and ready, and responds to a request with a prediction."""
        row = trained().rows[0]
        response = server.post({"userId": row[0], "movieId": row[1]})
        self.assertEqual(200, response.status, response)
        self.assertIn("predicted_rating", response.json())
        self.assertEqual(200, server.ping().status)
