"""Checklist 82, 84 and more: a new model replaces the old one under load."""

import json
import os
import shutil
import signal
import threading
import unittest

from http_client import Closed, message
from http_words import JSON, JSON_LINES
from models import place_model, trained
from sanitizers import SANITIZED
from serve_case import ServeCase
from slow_work import slow_body, slow_model

ROUNDS = 5 if SANITIZED else 20


class ReloadCase(ServeCase):
    def version(self, server):
        return server.get("/health").json()["model"]["version"]

    def response_to(self, server, request):
        return self.assertResponse(server.post(request), 200).body


class Reload(ReloadCase):
    def test_a_new_model_is_in_use_after_sighup(self):
        """Checklist 82: its version is in /health, in /metrics and in the log."""
        server = self.serve()
        before, old = self.version(server), self.response_to(server, {"userId": "1", "top_n": 9})
        place_model(server.model_bin, trained(seed=8))
        self.assertEqual(old, self.response_to(server, {"userId": "1", "top_n": 9}), "no signal yet")
        server.hang_up()
        server.wait_for(lambda: self.version(server) != before, "the new version")
        after = self.version(server)
        self.assertEqual([before, after], [line["version"] for line in server.log_lines("model")])
        self.assertNotEqual(old, self.response_to(server, {"userId": "1", "top_n": 9}))
        fresh = self.serve(model=trained(seed=8))
        self.assertEqual(after, self.version(fresh))
        self.assertEqual(self.response_to(fresh, {"userId": "1", "top_n": 9}),
                         self.response_to(server, {"userId": "1", "top_n": 9}))
        metrics = server.metrics()
        self.assertEqual((1, 0), (metrics("recommender_model_reloads_total"),
                                  metrics("recommender_model_reloads_refused_total")))
        self.assertEqual(1, metrics("recommender_model_info", version=after))
        self.assertEqual(0, metrics("recommender_model_info", version=before))

    def test_a_model_of_other_users_and_factors_may_follow(self):
        """Checklist 82: nothing of the old one is used."""
        server = self.serve()
        other = trained(rows=tuple(("u" + u, "m" + i, r, t) for u, i, r, t in trained().rows[:500]),
                        n_factors=33)
        place_model(server.model_bin, other)
        server.hang_up()
        server.wait_for(lambda: server.get("/health").json()["model"]["factors"] == 33, "33 factors")
        row = other.rows[0]
        self.assertEqual({"predicted_rating"},
                         set(server.post({"userId": row[0], "movieId": row[1]}).json()))
        self.assertIs(False, server.post({"userId": "1", "top_n": 3}).json()["known_user"])

    def test_a_bad_model_is_refused_and_the_old_one_stays(self):
        """Checklist 84: with the reason in the log; /ping stays 200."""
        server = self.serve()
        version, good = self.version(server), trained().model_bin.read_bytes()
        old = self.response_to(server, {"userId": "1", "top_n": 9})
        for n, spoil in enumerate((lambda p: p.unlink(), lambda p: p.write_bytes(b""),
                                   lambda p: p.write_bytes(good[:-9]),
                                   lambda p: p.write_bytes(b"foreign" * 99),
                                   lambda p: (p.unlink(), p.mkdir()))):
            spoil(server.model_bin)
            server.hang_up()
            line = server.wait_for_log("model_refused", n=n + 1)
            self.assertEqual("error", line["level"])
            self.assertIn(str(server.model_bin.parent), line["message"])
            self.assertIn("stays", line["message"])
            self.assertEqual(200, server.ping().status)
            self.assertEqual(version, self.version(server))
            self.assertEqual(old, self.response_to(server, {"userId": "1", "top_n": 9}))
        self.assertEqual(5, server.metrics()("recommender_model_reloads_refused_total"))
        self.assertEqual([], server.log_lines("ping_failed", message=line["message"]))
        server.model_bin.rmdir()
        place_model(server.model_bin, trained(seed=8))
        server.hang_up()
        server.wait_for(lambda: self.version(server) != version, "the good one")

    def test_overwriting_the_model_in_place_changes_nothing(self):
        """Checklist 84: cp onto the file in service, in pieces, truncated, removed: the
        responses stay, because the server has a copy."""
        server = self.serve()
        request = {"instances": [{"userId": u, "top_n": 5} for u in trained().users[:50]]}
        old = self.response_to(server, request)
        with open(server.model_bin, "r+b") as file:
            for what in (lambda: shutil.copyfile(trained(seed=8).model_bin, server.model_bin),
                         lambda: (file.seek(0), file.write(b"\xff" * 30000), file.flush()),
                         lambda: file.truncate(100), lambda: file.truncate(0),
                         server.model_bin.unlink, lambda: server.model_bin.parent.rmdir()):
                what()
                self.assertEqual(old, self.response_to(server, request))
                self.assertEqual(200, server.ping().status)

    def test_many_signals_at_once_end_with_the_newest_model(self):
        """Checklist 82: a signal during a load is not lost."""
        server = self.serve()
        before = self.version(server)
        for seed in (8, 9, 8, 9, 8):
            place_model(server.model_bin, trained(seed=seed))
            for _ in range(5):
                server.signal(signal.SIGHUP)
        newest = self.version(self.serve(model=trained(seed=8)))
        server.wait_for(lambda: self.version(server) == newest, "the newest model")
        self.assertNotEqual(before, newest)

    def test_a_reload_under_load_fails_no_request(self):
        """Checklist 82: every response is complete and of the old or the new model, all
        predictions of a request of the same one; memory does not grow with the number of
        reloads."""
        server = self.serve(threads=2)
        users = trained().users[:100]
        batch = {"instances": [{"userId": u, "movieId": "1001"} for u in users]}
        models = [trained(), trained(seed=8)]
        allowed = set()
        for model in models:
            place_model(server.model_bin, model)
            fresh = self.serve(model=model)
            allowed.add(self.response_to(fresh, batch))
            fresh.stop()
        self.assertEqual(2, len(allowed))
        request = message("POST", "/invocations", json.dumps(batch), content_type=JSON)
        stop, wrong, counts = threading.Event(), [], [0] * 4
        seen = set()

        def fire(n):
            try:
                with server.connect() as client:
                    while not stop.is_set():
                        client.send(request * 3)
                        for _ in range(3):
                            response = client.read()
                            seen.add(response.body)
                            if response.status != 200 or response.body not in allowed:
                                wrong.append(response)
                            counts[n] += 1
            except Exception as error:  # pylint: disable=broad-except
                wrong.append(error)

        threads = [threading.Thread(target=fire, args=(n,)) for n in range(len(counts))]
        for thread in threads:
            thread.start()
        try:
            resident = None
            for n in range(ROUNDS):
                place_model(server.model_bin, models[n % 2])
                server.hang_up()
                passed = sum(counts)
                server.wait_for(lambda: wrong or sum(counts) > passed + 20, "responses after a reload")
                if n == ROUNDS // 2:
                    resident = server.resident()
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual([], wrong)
        self.assertEqual(allowed, seen, "responses of both models")
        self.assertEqual(0, server.metrics()("recommender_model_reloads_refused_total"))
        if not SANITIZED:
            self.assertLess(server.resident() - resident, 8 << 20)

    def test_a_long_batch_keeps_the_model_it_began_with(self):
        """Checklist 82: while other requests already use the new one; the old one is freed when
        the batch is done."""
        server = self.serve(model=slow_model(), threads=1)
        body = slow_body(20 if SANITIZED else 60)
        start = self.assertResponse(server.post(slow_body(1), JSON_LINES)).body
        with server.connect() as client:
            client.send(message("POST", "/invocations", body, content_type=JSON_LINES))
            server.wait_for(lambda: server.metrics()("recommender_http_requests_working") == 1, "work")
            place_model(server.model_bin, trained())
            server.hang_up()
            server.wait_for(lambda: server.get("/health").json()["model"]["factors"] == 8, "a switch")
            self.assertTrue(client.is_open())
            self.assertEqual(1, server.metrics()("recommender_http_requests_working"), "still at work")
            response = self.assertResponse(client.read(), 200, JSON_LINES)
        self.assertEqual(start * body.count(b"\n"), response.body)
        self.assertNotEqual(start, server.post(slow_body(1), JSON_LINES).body)

    def test_a_sighup_before_the_first_model_does_not_end_the_server(self):
        """Checklist 82: signals in the first moments stay pending until the program handles
        them."""
        prefix = self.tree(False)
        for _ in range(5):
            server = self.serve(prefix, ready=False)
            server.run.wait_for('"event":"settings"', stream="stderr")
            server.signal(signal.SIGHUP)
            server.wait_for_log("model_refused")
            server.stop()


class Crash(ReloadCase):
    def test_after_a_kill_in_the_middle_of_work_it_restarts_with_the_same_responses(self):
        """Checklist 79, 82."""
        server = self.serve(model=slow_model())
        request = {"userId": "1", "top_n": 9}
        old = self.response_to(server, request)
        with server.connect() as client:
            client.send(message("POST", "/invocations", slow_body(100), content_type=JSON_LINES))
            server.wait_for(lambda: server.metrics()("recommender_http_requests_working") == 1, "work")
            server.kill()
            with self.assertRaises(Closed):
                client.read()
        again = self.serve(server.prefix, port=server.port)
        self.assertEqual(old, self.response_to(again, request))
        self.assertEqual(["model.bin"], os.listdir(server.prefix / "model"))


if __name__ == "__main__":
    unittest.main()
