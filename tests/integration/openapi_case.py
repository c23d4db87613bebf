"""openapi_case.py: the real `serve`, whose responses must match serve/openapi.json.

Needs Debian's python3-jsonschema for everything that validates.
"""

import functools
import tempfile
from pathlib import Path

from http_words import JSON
from job import Job
from models import Trained, shared_folder
from openapi import invocations, jsonschema
from process import Run
from programs import DEADLINE, TRAIN
from samples import REAL_MOVIES, real_ratings
from sanitizers import SANITIZER_ENVIRONMENT
from serve_case import ServeCase

# One user's recommendations, computed or from Redis.
USER_LISTS = ("/internal/recommend/{user_id}", "/recommend/cached/{user_id}")


@functools.lru_cache(maxsize=None)
def sample():
    """The model that the examples are about: data/ratings.csv and movies.csv, defaults."""
    prefix = Path(tempfile.mkdtemp(prefix="sample-", dir=shared_folder()))
    job = Job(prefix, {})
    job.channel("train", {"ratings.csv": real_ratings(), "movies.csv": REAL_MOVIES.read_text(encoding="utf-8")})
    job.write_config()
    result = Run([TRAIN, "--prefix", prefix], env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                                                   **SANITIZER_ENVIRONMENT}).wait(DEADLINE)
    if result.status != 0:
        raise AssertionError(f"train{result}")
    rows = [tuple(line.split(",")) for line in real_ratings().split()[1:]]
    return Trained(prefix, rows)


class OpenapiCase(ServeCase):
    def setUp(self):
        if jsonschema is None:
            self.not_here("python3-jsonschema is not installed")
        super().setUp()

    def sample_server(self, **env):
        """With the list in-stock: every second movie."""
        prefix = self.tree(sample())
        self.place_list(prefix, "in-stock", sample().items[::2])
        return self.serve(prefix, env=env)

    def connect(self, server):
        """A connection that is closed after the test."""
        client = server.connect()
        self._closers.append(client)
        return client

    def assertConforms(self, operation, response, what=""):
        why = operation.complaint(response)
        self.assertEqual("", why, f"{operation}: {why}\n{what}{response}")
        return response

    def invoke(self, client, body, media_type=JSON, accept=None, headers=()):
        """POST /invocations; the response conforms."""
        headers = list(headers) + ([("Accept", accept)] if accept else [])
        response = client.post(body, media_type, headers=headers)
        return self.assertConforms(invocations(), response, f"{body!r:.500}")
