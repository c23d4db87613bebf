"""deploy/template.yaml on one machine (rehearsal_case.py). This detects differences between the template and the
programs. Checklist 92 of docs/lambda.md."""

import base64
import json
import re
import signal
import threading
import unittest

from http_client import Client, message
from local_cloud import PATIENCE
from models import trained
from programs import SOURCE
from rehearsal_case import RehearsalCase
from template import Template
from test_deploy_template import SWITCHES

MB = 1 << 20
PROGRAMS = {"PredictFunction": ("lambda/predict/predict_settings.c",),
            "RecommendFunction": ("lambda/recommend/recommend_settings.c", "src/cache/cache.c"),
            "AggregateFunction": ("lambda/aggregate/aggregate_settings.c",),
            "FeedbackFunction": ("lambda/feedback/feedback_settings.c", "src/cache/cache.c"),
            "ServiceTask": ("serve/serve_settings.c", "src/cache/cache.c")}


def known_variables(program):
    text = "".join((SOURCE / file).read_text() for file in PROGRAMS[program])
    names = re.findall(r'\.name = "([A-Z_]+)"', text) + re.findall(r'getenv\("([A-Z_]+)"\)', text)
    for aliases in re.findall(r'\.aliases = "([A-Z_ ]+)"', text):
        names += aliases.split()
    return set(names)


class Names(unittest.TestCase):
    def test_each_variable_is_one_that_the_program_knows(self):
        template, n = Template(), 0
        for switches in SWITCHES:
            stack = template.stack(**switches)
            for program in PROGRAMS:
                if program not in stack.resources:
                    continue
                if program == "ServiceTask":
                    (container,) = stack.value(stack.resources[program]["Properties"])["ContainerDefinitions"]
                    names = {v["Name"] for part in ("Environment", "Secrets") for v in container.get(part, [])}
                else:
                    names = set(stack.environment(program))
                n += len(names)
                self.assertEqual(set(), names - known_variables(program), (program, switches))
        self.assertGreater(n, 200)


class Stack(RehearsalCase):
    # -- checks

    def the_api_responds(self, origin=None):
        user, item = trained().rows[0][:2]
        response = self.cloud.post("/predict", {"userId": user, "movieId": item})
        self.assertEqual(200, response.status, response)
        self.assertEqual(f"Movie {item}, The", response.json["movie_title"])
        self.assertAlmostEqual(trained().predict(user, item), response.json["predicted_rating"], delta=0.051)
        self.assertEqual(origin, response.headers["Access-Control-Allow-Origin"])
        wrong = self.cloud.post("/predict", {"userId": user})
        self.assertEqual((400, "bad_request"), (wrong.status, wrong.json["error"]["code"]))
        preflight = self.cloud.request("OPTIONS", "/predict", headers={"Origin": "https://a.example"})
        self.assertEqual(origin is not None, "POST" in (preflight.headers["Access-Control-Allow-Methods"] or ""))

    def records(self, stream, n):
        return self.eventually(lambda: len(got := self.kinesis.read(self.names[stream])) >= n and got, f"{n} in {stream}")

    def predictions(self, n):
        return [json.loads(base64.b64decode(r["Data"])) for r in self.records("PredictionsStream", n)]

    def stream_predictions(self, tag="r"):
        users = trained().users[:5]
        before = len(self.kinesis.read(self.names["PredictionsStream"]))
        self.kinesis.put_many(self.names["RequestsStream"], [
            (user, json.dumps({"user_id": user, "request_id": f"{tag}-{user}"})) for user in users])
        events = self.predictions(before + len(users))[before:]
        self.assertEqual({f"{tag}-{user}" for user in users}, {e["request_id"] for e in events})
        for event in events:
            expected = self.server.get(f"/internal/recommend/{event['user_id']}?top_n=20").json()
            self.assertEqual(expected["recommendations"], event["recommendations"])
        return events

    def ratings_become_windows(self):
        events = [("1", 4.5), ("2", 3), ("1", 2.5), ("1", 5)]
        self.kinesis.put_many(self.names["EventsStream"], [
            ("k", json.dumps({"userId": "7", "movieId": movie, "rating": stars})) for movie, stars in events])

        def totals():
            found = {}
            for item in self.table.scan(self.names["Windows"]):
                count, total = found.get(item["movieId"]["S"], (0, 0))
                found[item["movieId"]["S"]] = (count + int(item["ratingCount"]["N"]), total + float(item["ratingSum"]["N"]))
            return found
        expected = {"1": (3, 12.0), "2": (1, 3.0)}
        self.eventually(lambda: totals() == expected, "windows")
        trend = self.eventually(lambda: self.table.scan(self.names["Trends"]), "a trend")
        self.assertLessEqual({"windowStart", "place", "movieId"}, set(trend[0]))

    def nothing_was_given_up(self):
        self.assertEqual([], self.kinesis.read(self.names["DeadLettersStream"]))
        self.assertFalse(self.given_up.exists() and self.given_up.read_text())

    def test_the_smallest_stack(self):
        """POST /predict, scored in the function."""
        self.rehearse()
        self.the_api_responds()

    def test_a_public_stack_does_not_disclose_ratings(self):
        """The function with the environment of Access=public."""
        self.rehearse(Access="public")
        self.the_api_responds("*")
        user = trained().users[0]
        rated = trained().rated[user]
        listed = self.cloud.post("/predict", {"userId": user, "movieIds": trained().items, "top_n": len(trained().items)})
        self.assertEqual(set(trained().items), {e["movieId"] for e in listed.json["recommendations"]})
        self.assertEqual(400, self.cloud.post("/predict", {"userId": user, "top_n": 5, "include_rated": False}).status)
        self.assertNotIn("known_user", self.cloud.post("/predict", {"userId": "unknown-user", "top_n": 5}).json)
        self.assertGreater(len(rated), 0)

    def test_the_default_stack_of_script_deploy(self):
        """92: an endpoint, streams and a cache."""
        self.rehearse(Endpoint="serverless", Streams="on", Cache="on")
        self.the_api_responds()
        self.assertEqual({False}, {e["from_cache"] for e in self.stream_predictions("a")})
        self.eventually(lambda: len(self.redis.keys()) >= 5, "five keys")
        self.assertEqual({True}, {e["from_cache"] for e in self.stream_predictions("b")})
        self.ratings_become_windows()
        self.kinesis.put(self.names["RequestsStream"], "k", "this is no request")
        self.assertEqual(1, len(self.records("DeadLettersStream", 1)))
        self.assertFalse(self.given_up.exists() and self.given_up.read_text())

    def test_streams_alone(self):
        """92: scored in the function."""
        self.rehearse(Streams="on")
        self.the_api_responds()
        self.stream_predictions()
        self.ratings_become_windows()
        self.nothing_was_given_up()

    # -- the service behind its load balancer

    def cached(self, user, top_n=5):
        """(port of the task that responded, whether from the cache); checks the list."""
        status, headers, body = self.balancer.send("GET", f"/recommend/cached/{user}?top_n={top_n}")
        self.assertEqual(200, status, body)
        cached = json.loads(body)
        right = self.server.get(f"/internal/recommend/{user}?top_n={top_n}").json()
        self.assertEqual((right["recommendations"], user), (cached["recommendations"], str(cached["user_id"])))
        return int(headers["X-Target"].rpartition(":")[2]), cached["from_cache"]

    def stored(self, n):
        self.eventually(lambda: sum(t.metrics()("recommender_cache_stored_total") for t in self.tasks) >= n, f"{n} lists stored")

    def test_a_service_of_two_tasks_behind_a_balancer(self):
        """92: a list that one task computed is a cache hit in the other one."""
        self.rehearse(Service="on", Cache="on")
        (container,) = self.stack.value(self.stack.resources["ServiceTask"]["Properties"])["ContainerDefinitions"]
        (load_balancer,) = self.stack.value(self.stack.resources["CachedRoute"]["Properties"])["LoadBalancers"]
        ports = {container["PortMappings"][0]["ContainerPort"], self.balancer.group["Port"], load_balancer["ContainerPort"]}
        self.assertEqual({self.default("SAGEMAKER_BIND_TO_PORT")}, ports)
        self.assertEqual(container["Name"], load_balancer["ContainerName"])
        self.assertEqual(80, self.balancer.listener["Port"], "ServiceUrl and RECOMMEND_SERVICE_URL name no port")
        users = trained().users[:20]
        first = dict((user, self.cached(user)) for user in users)
        self.assertEqual({False}, {cached for _, cached in first.values()})
        self.assertEqual({t.port for t in self.tasks}, {port for port, _ in first.values()}, "each in its turn")
        self.stored(len(users))
        self.cached(users[0])  # so that the next request goes to the other task
        again = dict((user, self.cached(user)) for user in users)
        self.assertEqual({True}, {cached for _, cached in again.values()})
        self.assertTrue(any(first[user][0] != again[user][0] for user in users), "computed by one, told by the other")
        for path, expected in (("/recommend/cached/1?top_n=0", 400), ("/recommend/cached/", 404), ("/nowhere", 404)):
            status, _, body = self.balancer.send("GET", path)
            self.assertEqual(expected, status, body)
        self.the_api_responds()

    def default(self, name):
        """The value that serve uses for an unset variable."""
        text = (SOURCE / "serve/serve_settings.c").read_text()
        return int(re.search(rf'"{name}".*?\.initial = "(\d+)"', text, re.S)[1])

    def test_a_task_without_its_model_gets_no_request(self):
        self.rehearse(Service="on")
        bare = self.task(model=False)
        bare.wait_until_listening()
        self.assertFalse(self.balancer.is_healthy(bare.port))
        self.assertTrue(all(self.balancer.is_healthy(task.port) for task in self.tasks))
        self.assertIs(False, self.cached(trained().users[0])[1])

    def test_a_new_task_takes_the_place_of_an_old_one_and_no_request_fails(self):
        """§8.21, §8.22: the new one is registered, the old one deregistered, drained and stopped,
        under load."""
        self.rehearse(Service="on", Cache="on")
        (container,) = self.stack.value(self.stack.resources["ServiceTask"]["Properties"])["ContainerDefinitions"]
        self.assertLess(self.default("SERVE_DRAIN_SECONDS"), container["StopTimeout"])
        self.assertLess(self.balancer.idle_seconds, self.default("SERVE_IDLE_SECONDS"))
        responses, wrong, over = [], [], threading.Event()
        users = trained().users
        right = {user: self.server.get(f"/internal/recommend/{user}?top_n=3").json()["recommendations"] for user in users}

        def recommend(n):
            while not over.is_set():
                n += 1
                user = users[n % len(users)]
                try:
                    status, headers, body = self.balancer.send("GET", f"/recommend/cached/{user}?top_n=3")
                    if status != 200 or json.loads(body)["recommendations"] != right[user]:
                        wrong.append((status, body))
                    responses.append(headers["X-Target"])
                except (OSError, ValueError) as error:
                    wrong.append(error)

        threads = [threading.Thread(target=recommend, args=(37 * n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        try:
            self.more_responses(responses, 100)
            old, new = self.tasks[0], self.task()
            new.wait_until_ready()
            self.balancer.register(new.port)
            self.more_responses(responses, 100)
            self.balancer.deregister(old.port)
            n = len(responses)
            old.signal(signal.SIGTERM)
            old.ended(deadline=max(PATIENCE, container["StopTimeout"]))
            self.more_responses(responses, 100)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertEqual([], wrong[:5])
        targets = {name: {int(a.rpartition(":")[2]) for a in part} for name, part in
                   (("before", responses[:100]), ("after", responses[n + len(threads):]))}
        self.assertEqual({t.port for t in self.tasks}, targets["before"])
        self.assertEqual({self.tasks[1].port, new.port}, targets["after"])
        self.assertEqual("every request has its response", old.log_lines("stopped")[0]["message"])

    def more_responses(self, responses, n):
        n += len(responses)
        self.eventually(lambda: len(responses) >= n, f"{n} responses")

    def test_a_task_stays_within_its_memory_with_many_large_bodies(self):
        """More concurrent bodies than it buffers: some are refused, and it keeps running."""
        self.rehearse(Service="on")
        task = self.stack.value(self.stack.resources["ServiceTask"]["Properties"])
        (container,) = task["ContainerDefinitions"]
        kept = {v["Name"]: v["Value"] for v in container["Environment"]}["SERVE_MAX_BUFFERED_BYTES"]
        for gone in self.tasks[1:]:
            self.balancer.deregister(gone.port)
        body = b'{"userId":"1","movieId":"1001"}'.ljust(24 * MB)
        request = message("POST", "/invocations", body, content_type="application/json")
        clients = [Client(self.balancer.port) for _ in range(12)]
        self.addCleanup(lambda: [client.close() for client in clients])
        self.assertGreater(len(clients) * len(body), 2 * int(kept))
        whole = [client for client in clients if client.send_some(request[:-1]) == len(request) - 1 and client.is_open()
                 and not client.has_bytes()]
        self.assertTrue(0 < len(whole) < len(clients), f"{len(whole)} bodies are kept")
        statuses = [client.send(request[-1:]).read().status for client in whole]
        self.assertIn(200, statuses)
        self.assertFalse(self.cached(trained().users[0])[1])
        self.assertLess(self.tasks[0].status_bytes("VmHWM"), int(task["Memory"]) * MB, statuses)

    def test_streams_use_the_service(self):
        """92: RECOMMEND_SERVICE_URL is the balancer's, and both have one cache."""
        self.rehearse(Streams="on", Cache="on", Service="on")
        invocations = lambda: sum(t.metrics()("recommender_http_requests_total", route="/invocations", status="2xx") for t in self.tasks)
        self.assertEqual(0, invocations())
        self.assertEqual({False}, {e["from_cache"] for e in self.stream_predictions("a")})
        self.assertGreater(invocations(), 0)
        self.eventually(lambda: len(self.redis.keys()) >= 5, "five keys")
        self.assertEqual({True}, {e["from_cache"] for e in self.stream_predictions("b")})
        self.assertTrue(self.cached(trained().users[0], 20)[1], "stored by the function")
        self.nothing_was_given_up()


if __name__ == "__main__":
    unittest.main()
