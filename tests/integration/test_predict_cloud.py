"""test_predict_cloud.py: many requests at once on the whole path: local-cloud's API, several
processes of predict, local-cloud as the endpoint's front, serve. What `script/bench` counts in
100,000 requests is checked here in a few thousand, response by response."""

import http.client
import json
import os
import signal
import threading
import unittest

from local_cloud import PATIENCE, alive, cloud_beside
from models import trained
from programs import BIN
from sanitizers import SANITIZED, SANITIZER_ENVIRONMENT
from serve_case import ServeCase

N_CLIENTS = 8
N_REQUESTS = 50 if SANITIZED else 500  # of each client


class Client(threading.Thread):
    """Sends its requests on one connection and compares the responses."""

    def __init__(self, port, requests):
        super().__init__(daemon=True)
        self.port, self.requests = port, requests
        self.wrong, self.n_right = [], 0

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=4 * PATIENCE)
        for request, expected in self.requests:
            connection.request("POST", "/predict", request, {"Content-Type": "application/json"})
            response = connection.getresponse()
            body = response.read()
            if response.status == 200 and json.loads(body) == expected:
                self.n_right += 1
            else:
                self.wrong.append((response.status, body[:200], request))
        connection.close()


class Cloud(ServeCase):
    def setUp(self):
        super().setUp()
        self.movies = self.folder / "movies.csv"
        self.movies.write_text("movieId,title,genres\n" + "".join(
            f'{item},"Movie {item}, The",Drama\n' for item in trained().items))
        front = cloud_beside(self, "front", endpoints={"movies": f"http://127.0.0.1:{self.server.port}"})
        self.api = cloud_beside(self, "api", routes={"POST /predict": "predict"}, functions={"predict": {
            "program": str(BIN / "predict"), "processes": 4, "queue": 1000, "start": "early",
            "timeout": PATIENCE, "init-timeout": PATIENCE,
            "environment": {**SANITIZER_ENVIRONMENT, "ENDPOINT_NAME": "movies", "METRICS": "false",
                            "MOVIES_URI": str(self.movies), "AWS_ENDPOINT_URL": front.url}}})

    def requests(self, n):
        """n requests with their responses, which were requested one at a time."""
        some = []
        for user, item in [row[:2] for row in trained().rows[:25]]:
            request = json.dumps({"userId": user, "movieId": item})
            response = self.api.post("/predict", request)
            self.assertEqual(200, response.status, response)
            self.assertEqual(f"Movie {item}, The", response.json["movie_title"])
            some.append((request, response.json))
        return [some[i % len(some)] for i in range(n)]

    def send_at_once(self, requests):
        clients = [Client(self.api.port, requests) for _ in range(N_CLIENTS)]
        for client in clients:
            client.start()
        return clients

    def test_no_request_of_thousands_fails_and_each_gets_its_own_response(self):
        """5"""
        clients = self.send_at_once(self.requests(N_REQUESTS))
        for client in clients:
            client.join()
            self.assertEqual([], client.wrong[:3])
        self.assertEqual(N_CLIENTS * N_REQUESTS, sum(client.n_right for client in clients))
        self.assertEqual(4, len(self.api.children()))

    def test_a_process_that_dies_costs_at_most_the_event_that_it_had(self):
        requests = self.requests(N_REQUESTS)
        victim = self.api.children()[0]
        clients = self.send_at_once(requests)
        while not clients[0].n_right:
            self.assertTrue(clients[0].is_alive(), clients[0].wrong[:3])
        os.kill(victim, signal.SIGKILL)
        for client in clients:
            client.join()
        wrong = [one for client in clients for one in client.wrong]
        self.assertLessEqual(len(wrong), 1, wrong[:3])
        self.assertLessEqual({status for status, *_ in wrong}, {502})
        self.assertFalse(alive(victim))
        self.assertEqual(200, self.api.post("/predict", requests[0][0]).status)


if __name__ == "__main__":
    unittest.main()
