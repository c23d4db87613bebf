"""Checklist 79-84, 87-91: start and stop of the server."""

import os
import shutil
import signal
import socket
import struct
import threading
import unittest

from http_client import Closed, message
from models import place_model, trained
from unprivileged import UNPRIVILEGED, program_for_anyone
from ports import Port
from programs import SERVE
from sanitizers import SANITIZED
from serve_case import ServeCase
from slow_work import slow_body, slow_model
from wrappers import AS_OPT_ML, inside, namespace

# The contract's test limit for a server without work.
IDLE_STOP_DEADLINE = 60 if SANITIZED else 5

HUGE = (64 if SANITIZED else 256) << 20


def batch():
    """A request of about a second."""
    return slow_body(20 if SANITIZED else 100)


class Ports(ServeCase):
    def test_without_a_variable_it_listens_on_all_addresses_port_8080(self):
        """Checklist 79."""
        try:
            self._closers.append(Port(8080))
        except AssertionError:
            self.not_here("port 8080 is taken")
        server = self.serve(port=8080, env={"SAGEMAKER_BIND_TO_PORT": None, "SERVE_ADDRESS": None})
        self.assertEqual([("0.0.0.0", 8080)], server.listening())

    def test_it_listens_on_the_port_of_the_variable_and_opens_no_other(self):
        """Checklist 80, 81: with a range of ports that it might use, too."""
        for more in ({}, {"SAGEMAKER_SAFE_PORT_RANGE": "20000-20010"}):
            with self.subTest(more):
                server = self.serve(address="0.0.0.0", env=more)
                self.assertServes(server)
                self.assertEqual([("0.0.0.0", server.port)], server.listening())
                self.assertEqual(server.port, server.wait_for_log("listening")["port"])

    def test_it_listens_only_on_the_configured_address(self):
        server = self.serve(address="127.0.0.1")
        self.assertEqual([("127.0.0.1", server.port)], server.listening())

    def test_an_invalid_port_is_a_clear_error(self):
        """Checklist 80: the variable, its value and the valid range; exit 1."""
        for value in ("0", "65536", "-1", "http", "80.5", "8080x", "99999999999999999999"):
            with self.subTest(value):
                result = self.refused_serve({"SAGEMAKER_BIND_TO_PORT": value})
                error = self.last_error(result)
                for word in ("SAGEMAKER_BIND_TO_PORT", value, "1", "65535"):
                    self.assertIn(word, error)

    def test_an_invalid_range_of_ports_is_a_clear_error(self):
        """Checklist 81."""
        for value in ("8000", "9000-8000", "a-b", "1-70000", "0-10", "8000-", "-8000", "1-2-3"):
            with self.subTest(value):
                error = self.last_error(self.refused_serve({"SAGEMAKER_SAFE_PORT_RANGE": value}))
                self.assertIn("SAGEMAKER_SAFE_PORT_RANGE", error)
                self.assertIn(value, error)

    def test_a_port_that_is_taken_is_a_clear_error(self):
        """Checklist 80: by another program or by another serve, which would otherwise share it
        and get half of the requests."""
        port = self.free_port()
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", port))
            other.listen(1)
            result = self.refused_serve({"SAGEMAKER_BIND_TO_PORT": str(port)})
            self.assertIn(str(port), self.last_error(result))
        server = self.serve()
        result = self.refused_serve({"SAGEMAKER_BIND_TO_PORT": str(server.port)})
        self.assertIn(str(server.port), self.last_error(result))
        self.assertServes(server)

    def test_an_invalid_address_is_a_clear_error(self):
        for address in ("nowhere", "1.2.3.4.5", "203.0.113.7"):
            with self.subTest(address):
                error = self.last_error(self.refused_serve({"SERVE_ADDRESS": address}))
                self.assertIn(address, error)

    def test_after_a_crash_it_starts_on_the_same_port_at_once(self):
        """Checklist 79: connections of the killed one linger, the port does not."""
        server = self.serve()
        with server.connect() as client:
            client.get("/ping")
            server.kill()
            again = self.serve(port=server.port)
            self.assertServes(again)


class Environment(ServeCase):
    def test_irrelevant_variables_of_the_platform_are_ignored(self):
        """Contract 3.8: the SDK sets them for its own images."""
        server = self.serve(env={
            "SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/code",
            "SAGEMAKER_REGION": "eu-central-1", "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
            "SAGEMAKER_SOMETHING_NEW": "?", "OMP_NUM_THREADS": "1", "AWS_REGION": "eu-central-1",
            "SAGEMAKER_BATCH": "False", "SAGEMAKER_MULTI_MODEL": "false"})
        self.assertServes(server)

    def test_a_log_level_is_honoured_or_ignored_never_fatal(self):
        """Checklist 78."""
        for level in ("10", "40", "DEBUG", "nonsense", ""):
            with self.subTest(level):
                self.assertServes(self.serve(env={"SAGEMAKER_CONTAINER_LOG_LEVEL": level}))

    def test_a_mistyped_setting_of_ours_is_refused_by_name(self):
        error = self.last_error(self.refused_serve({"SERVE_MAX_TOPN": "5"}))
        self.assertIn("SERVE_MAX_TOPN", error)
        self.assertIn("SERVE_MAX_TOP_N", error)

    def test_values_out_of_range_are_refused_with_the_range(self):
        for name, value, words in (
                ("SERVE_MAX_TOP_N", "0", ("1", "100000")), ("SERVE_STRICT", "perhaps", ()),
                ("SAGEMAKER_MODEL_SERVER_WORKERS", "257", ("256",)),
                ("SAGEMAKER_MAX_REQUEST_SIZE", "many", ("1024",)),
                ("SERVE_ACCESS_LOG", "some", ("all", "errors", "off")),
                ("SAGEMAKER_BATCH_STRATEGY", "ONE_RECORD", ("MULTI_RECORD", "SINGLE_RECORD")),
                ("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/html", ("text/csv",)),
                ("SAGEMAKER_MULTI_MODEL", "true", ("one model",))):
            with self.subTest(name):
                error = self.last_error(self.refused_serve({name: value}))
                for word in (name, value, *words):
                    self.assertIn(word, error)

    def test_the_number_of_threads_can_be_set(self):
        for threads in (1, 3):
            with self.subTest(threads):
                server = self.serve(threads=threads)
                self.assertEqual(threads, server.wait_for_log("listening")["threads"])
                server = self.serve(env={"SERVE_THREADS": str(threads)})
                self.assertEqual(threads, server.wait_for_log("listening")["threads"])

    def test_the_threads_follow_the_affinity_mask(self):
        """Checklist 13."""
        cpu = min(os.sched_getaffinity(0))
        server = self.serve(wrapper=("taskset", "-c", str(cpu))) if shutil.which("taskset") else \
            self.not_here("no taskset")
        self.assertEqual(1, server.wait_for_log("listening")["threads"])


class CommandLine(ServeCase):
    def run_serve(self, *words, **how):
        return self.start(None, *words, program=SERVE, **how).wait()

    def test_help_names_every_variable_and_exits_0(self):
        result = self.run_serve("--help")
        self.assertEqual(0, result.status, result)
        for word in ("--prefix", "SIGHUP", "SAGEMAKER_BIND_TO_PORT", "SERVE_MAX_CONNECTIONS",
                     "SERVE_STRICT", "8080"):
            self.assertIn(word, result.stdout)
        self.assertEqual("", result.stderr)

    def test_version_is_one_line(self):
        result = self.run_serve("--version")
        self.assertEqual((0, ""), (result.status, result.stderr))
        self.assertRegex(result.stdout, r"\Aserve \d+\.\d+\.\d+\n\Z")

    def test_an_unknown_word_gets_the_usage_on_stderr_and_exit_2(self):
        """Checklist 17."""
        for words in (("--port", "1"), ("train",), ("--prefix",), ("x", "serve")):
            with self.subTest(words):
                result = self.run_serve(*words)
                self.assertEqual((2, ""), (result.status, result.stdout))
                self.assertIn("usage: serve", result.stderr)

    def test_the_word_given_twice_is_an_error_that_says_why(self):
        result = self.run_serve("serve")
        self.assertEqual((2, ""), (result.status, result.stdout))
        self.assertIn("given twice", result.stderr)
        self.assertIn("ENTRYPOINT", result.stderr)

    def test_without_a_prefix_the_model_is_in_opt_ml_model(self):
        """Checklist 82, contract 3.2.1."""
        if not namespace():
            self.not_here("a private mount namespace is not allowed")
        prefix = self.tree()
        shutil.copy(SERVE, self.folder / "serve")
        script = AS_OPT_ML + 'cp "$1" /opt/serve; exec /opt/serve'
        server = self.serve(prefix, wrapper=inside(script, prefix, self.folder / "serve"))
        self.assertServes(server)


class Readiness(ServeCase):
    def test_a_ping_is_200_and_empty_when_there_is_a_model_and_503_before(self):
        """Checklist 82: the model comes with SIGHUP."""
        server = self.serve(self.tree(False), ready=False)
        server.wait_until_listening()
        for _ in range(3):
            self.assertRefused(server.ping(), 503)
        server.wait_for_log("model_refused")
        place_model(server.model_bin)
        self.assertRefused(server.ping(), 503)
        server.hang_up()
        response = server.ping()
        self.assertEqual((200, b"", "0"),
                         (response.status, response.body, response.header("Content-Length")), response)
        self.assertEqual(1, server.metrics()("recommender_model_ready"))
        self.assertServes(server)

    def test_while_the_model_is_loading_pings_are_503_at_once(self):
        """Checklist 83: a large file (a section of zeros, sparse) takes a while to
        read. Its checksum is wrong, which only reading it shows."""
        prefix = self.tree(False)
        make_huge(prefix / "model" / "model.bin", HUGE)
        server = self.serve(prefix, ready=False)
        server.wait_until_listening()
        seen, n_responses = set(), 0
        with server.connect() as client:
            while not server.log_lines("model_refused"):
                seen.add(self.assertRefused(client.get("/ping"), 503))
                n_responses += 1
        self.assertIn("the model is being loaded", seen)
        self.assertGreater(n_responses, 10, "responses while one file is read")
        self.assertIn("damaged model", server.log_lines("model_refused")[0]["message"])
        place_model(server.model_bin)
        server.hang_up()
        self.assertServes(server)

    def test_a_stop_while_the_model_is_loading_ends_at_once(self):
        """Checklist 87."""
        prefix = self.tree(False)
        make_huge(prefix / "model" / "model.bin", HUGE)
        server = self.serve(prefix, ready=False)
        server.wait_until_listening()
        server.stop(deadline=IDLE_STOP_DEADLINE)

    def unusable_models(self):
        """(the defect, a function that makes it in a model folder, words of the reason)"""
        good = trained().model_bin.read_bytes()
        write = lambda data: lambda folder: (folder / "model.bin").write_bytes(data)

        def no_folder(folder):
            folder.rmdir()

        def deeper(folder):
            (folder / "model").mkdir()
            (folder / "model" / "model.bin").write_bytes(good)

        def other_names(folder):
            (folder / "xgboost-model").write_bytes(b"x")

        yield "no folder", no_folder, ("folder", "No such file")
        yield "an empty folder", lambda folder: None, ("no model.bin", "nothing")
        yield "a folder too many", deeper, ("no model.bin", "model/ (which holds model.bin)")
        yield "another's model", other_names, ("no model.bin", "xgboost-model")
        yield "an empty file", write(b""), ("model.bin", "empty")
        yield "a truncated file", write(good[:-1]), ("model.bin", "truncated", str(len(good)))
        yield "the header alone", write(good[:64]), ("model.bin", "truncated")
        yield "a byte too many", write(good + b"\0"), ("model.bin", "damaged")
        yield "a flipped bit", write(good[:999] + bytes([good[999] ^ 1]) + good[1000:]), \
            ("model.bin", "damaged")
        yield "a newer version", write(good[:8] + struct.pack("<I", 3) + good[12:]), \
            ("model.bin", "version 3", "newer")
        yield "a foreign file", write(b"PK\3\4" * 50), ("model.bin", "not a model")
        yield "a packed model", write(b"\x1f\x8b" + b"\0" * 100), ("model.bin", "tar -xzf")
        yield "a folder of that name", lambda folder: (folder / "model.bin").mkdir(), \
            ("model.bin", "folder")
        yield "a pipe of that name", lambda folder: os.mkfifo(folder / "model.bin"), \
            ("model.bin", "pipe")
        yield "a link to nowhere", lambda folder: (folder / "model.bin").symlink_to("gone"), \
            ("model.bin",)

    def test_without_a_usable_model_pings_have_the_reason_until_it_is_replaced(self):
        """Checklist 84, 91: never 200; the log names the file and the reason; the process
        stays, and a good model and SIGHUP make it ready."""
        for label, spoil, words in self.unusable_models():
            with self.subTest(label):
                prefix = self.tree(False)
                spoil(prefix / "model")
                server = self.serve(prefix, ready=False)
                line = server.wait_for_log("model_refused")
                self.assertEqual("error", line["level"])
                for word in (str(prefix / "model"), *words):
                    self.assertIn(word, line["message"])
                server.wait_for(lambda: server.ping().message == line["message"], "the reason")
                self.assertRefused(server.get("/health"), 503, line["message"])
                self.assertRefused(server.post({"userId": "1", "movieId": "1000"}), 503,
                                   line["message"])
                self.assertRefused(server.get("/internal/recommend/1"), 503, line["message"])
                self.assertEqual(200, server.get("/execution-parameters").status)
                self.assertEqual(0, server.metrics()("recommender_model_ready"))
                model = prefix / "model"
                if not model.exists():
                    model.mkdir()
                if (model / "model.bin").is_dir():
                    (model / "model.bin").rmdir()
                place_model(model / "model.bin")
                server.hang_up()
                self.assertServes(server)
                server.stop()

    def test_pings_have_the_newest_reason(self):
        """Checklist 84."""
        server = self.serve(self.tree(b""), ready=False)
        server.wait_for_log("model_refused")
        server.model_bin.write_bytes(b"something else entirely" * 10)
        server.hang_up()
        server.wait_for(lambda: "not a model" in server.ping().message, "the newer reason")

    def test_good_pings_leave_no_line_in_the_log(self):
        """Checklist 90: the same for other health checks; failing ones are logged."""
        server = self.serve()
        server.wait_for_log("model")
        before = len(server.log)
        with server.connect() as client:
            for path in ("/ping", "/ping?x=1", "/health", "/metrics") * 25:
                self.assertEqual(200, client.get(path).status)
            client.request("HEAD", "/ping")
            client.request("POST", "/ping", body=b"{}")
        server.get("/nothing-here")
        # Lines are written in the order of the requests, so this one is the last.
        server.wait_for_log("request", status=404)
        # Pings before the model was loaded failed, and their lines may be late.
        self.assertEqual(["request"], [line["event"] for line in server.log[before:]
                                       if line.get("status") != 503])
        server.stop()
        self.assertEqual([], [line for line in server.log if line.get("route") == "/ping"
                              and line["status"] == 200])

    def test_the_first_failing_ping_leaves_a_line_with_the_reason(self):
        """Checklist 90: the hundred after it leave none of that kind."""
        server = self.serve(self.tree(False), ready=False)
        server.wait_for_log("model_refused")
        with server.connect() as client:
            for _ in range(100):
                self.assertEqual(503, client.get("/ping").status)
        server.stop()
        lines = server.log_lines("ping_failed")
        self.assertEqual(1, len(lines), lines)
        self.assertTrue(lines[0]["message"])


class OnAReadOnlyPlace(ServeCase):
    def test_nothing_is_written_below_the_prefix_or_where_it_was_started(self):
        """Checklist 89: checked without any privilege."""
        prefix = self.tree()
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        watch = self.watch()
        for place in (prefix, prefix / "model", elsewhere):
            watch.add(place, place.name, "CREATE", "MODIFY", "MOVED_TO", "DELETE", "CLOSE_WRITE")
        before = trained().model_bin.read_bytes()
        server = self.serve(prefix, cwd=elsewhere, env={"TMPDIR": str(elsewhere)})
        self.assertServes(server)
        server.post(slow_body(3), content_type="application/jsonlines")
        server.hang_up()
        server.stop()
        self.assertEqual([], watch.poll())
        self.assertEqual(before, (prefix / "model" / "model.bin").read_bytes())

    def test_it_serves_from_a_read_only_mount(self):
        """Checklist 89: and with /tmp, too, empty and read-only."""
        if not namespace():
            self.not_here("a private mount namespace is not allowed")
        prefix = self.tree()
        script = """
mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"
if touch "$1/model/x" 2>/dev/null; then exit 77; fi
shift
exec "$@"
"""
        server = self.serve(prefix, wrapper=inside(script, prefix))
        self.assertServes(server)
        server.hang_up()
        self.assertServes(server)

    def test_it_serves_as_another_user(self):
        """Contract 3.10: serverless endpoints run it as an arbitrary user. Also when the
        programs are in a folder that only their owner may enter, as a checkout in /root."""
        if os.geteuid() != 0:
            self.not_here("another uid needs root")
        private = self.folder / "private"
        private.mkdir(mode=0o700)
        shutil.copy(SERVE, private / "serve")
        for program in (SERVE, private / "serve"):
            for user in (12345, UNPRIVILEGED):
                with self.subTest(f"{user} {program}"):
                    server = self.serve(user=user, program=program_for_anyone(program, self.folder))
                    self.assertServes(server)

    def test_an_unreadable_model_is_reported(self):
        """Checklist 84: the file, or its folder."""
        user = UNPRIVILEGED if os.geteuid() == 0 else None
        for label, locked in (("file", "model/model.bin"), ("folder", "model")):
            with self.subTest(label):
                prefix = self.tree()
                (prefix / locked).chmod(0)
                server = self.serve(prefix, ready=False, user=user,
                                    program=program_for_anyone(SERVE, self.folder))
                line = server.wait_for_log("model_refused")
                self.assertIn("Permission denied", line["message"])
                self.assertIn(str(prefix / "model"), line["message"])
                server.wait_for(lambda: "Permission denied" in server.ping().message, "the reason")
                (prefix / locked).chmod(0o755)
                server.hang_up()
                self.assertServes(server)


class Stopping(ServeCase):
    def test_an_idle_server_ends_soon_with_exit_0(self):
        """Checklist 87."""
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                server = self.serve()
                server.signal(number)
                server.ended(deadline=IDLE_STOP_DEADLINE)
                self.assertEqual(1, len(server.log_lines("stopped", level="info")))

    def test_connections_without_a_request_do_not_delay_the_stop(self):
        """Checklist 88: silent ones and kept-alive ones, and a second SIGTERM."""
        server = self.serve()
        clients = [server.connect() for _ in range(20)]
        self.addCleanup(lambda: [client.close() for client in clients])
        for client in clients[10:]:
            self.assertEqual(200, client.get("/ping").status)
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGTERM)
        server.ended(deadline=IDLE_STOP_DEADLINE)
        for client in clients:
            self.assertEqual(b"", client.wait_until_closed())

    def test_half_a_request_delays_the_stop_no_longer_than_its_limit(self):
        """Checklist 87, 88: SERVE_RECEIVE_SECONDS, for any behaviour of the client."""
        server = self.serve(env={"SERVE_RECEIVE_SECONDS": "1"})
        with server.connect() as head, server.connect() as body:
            head.send("GET /ping HT")
            body.send(message("POST", "/invocations", headers={"Content-Length": "100"}))
            server.wait_for(lambda: server.metrics()("recommender_http_connections") >= 3, "the connections")
            server.stop(deadline=IDLE_STOP_DEADLINE)

    def start_batch(self, server, n=1):
        """n clients whose requests are being processed."""
        clients = [server.connect() for _ in range(n)]
        self.addCleanup(lambda: [client.close() for client in clients])
        for client in clients:
            client.send(message("POST", "/invocations", batch(), content_type="application/jsonlines"))
        server.wait_for(lambda: server.metrics()("recommender_http_requests_working") >= n, "the batch at work")
        return clients

    def test_a_running_batch_is_finished_and_new_connections_are_refused(self):
        """Checklist 87, 88: also after a second SIGTERM."""
        server = self.serve(model=slow_model())
        expected = server.post(slow_body(1), content_type="application/jsonlines")
        client, = self.start_batch(server)
        with server.connect() as idle:
            idle.get("/ping")
            server.signal(signal.SIGTERM)
            server.wait_for_log("stopping")
            idle.wait_until_closed(IDLE_STOP_DEADLINE)
        server.wait_for(lambda: server.try_ping() is None, "connections refused")
        self.assertTrue(client.is_open(), "the batch is still being worked on")
        server.signal(signal.SIGTERM)
        response = client.read()
        self.assertResponse(response, 200, "application/jsonlines")
        self.assertTrue(response.closes, response)
        self.assertEqual(batch().count(b"\n"), len(response.json_lines()))
        self.assertTrue(response.body.startswith(expected.body))
        client.wait_until_closed(IDLE_STOP_DEADLINE)
        server.ended()
        self.assertEqual("every request has its response", server.log_lines("stopped")[0]["message"])

    def test_a_request_whose_body_is_still_arriving_gets_its_response(self):
        """Checklist 87: accepted before the signal, finished after it."""
        server = self.serve()
        body = b'{"userId":"1","movieId":"1001"}'
        request = message("POST", "/invocations", body, content_type="application/json")
        with server.connect() as client:
            client.send(request[:-5])
            # It was read when a later request on another connection of the same loop has its
            # response; there may be several loops.
            server.wait_for(lambda: server.metrics()("recommender_http_connections") >= 2, "the connection")
            for _ in range(20):
                server.ping()
            server.signal(signal.SIGTERM)
            server.wait_for_log("stopping")
            client.send(request[-5:])
            self.assertIn("predicted_rating", client.read().json())
        server.ended()

    def test_unfinished_requests_are_cut_off_and_reported(self):
        """Checklist 87: SERVE_DRAIN_SECONDS; the platform would kill it a little later."""
        server = self.serve(model=slow_model(), threads=2, env={"SERVE_DRAIN_SECONDS": "1"})
        clients = self.start_batch(server, 30)
        server.signal(signal.SIGTERM)
        server.ended(deadline=IDLE_STOP_DEADLINE + 5)
        line = server.log_lines("stopped")[0]
        self.assertEqual("warning", line["level"], line)
        self.assertRegex(line["message"], r"\d+ requests? ")
        for client in clients:
            client.wait_until_closed()

    def test_a_stop_under_load_drops_no_accepted_request(self):
        """Checklist 87: clients that send one request after the other all get complete responses
        until their connection closes."""
        server = self.serve(threads=2)
        request = message("POST", "/invocations", '{"userId":"1","movieId":"1001"}',
                          content_type="application/json")
        expected = server.post('{"userId":"1","movieId":"1001"}').body
        outcomes, failures = [], []

        def fire():
            try:
                with server.connect() as client:
                    n = 0
                    while True:
                        client.send(request)
                        response = client.read()
                        if (response.status, response.body) != (200, expected):
                            failures.append(response)
                        n += 1
                        outcomes.append(1)
                        if response.closes:
                            return
            except Exception as error:  # pylint: disable=broad-except
                failures.append(error)

        threads = [threading.Thread(target=fire) for _ in range(4)]
        for thread in threads:
            thread.start()
        server.wait_for(lambda: len(outcomes) > 200, "some responses")
        server.signal(signal.SIGTERM)
        server.ended()
        for thread in threads:
            thread.join()
        # A client whose connection was idle at that moment may find it closed before or while
        # it sends the next request; its earlier requests got their responses.
        self.assertEqual([], [f for f in failures
                              if not isinstance(f, (Closed, ConnectionError))])
        self.assertEqual([], [f for f in failures if isinstance(f, Closed)
                              and str(f) != "closed after b''"])


def make_huge(path, n_bytes):
    """A model file with an optional section of n_bytes zeros: as it should be but for its
    checksum. It is sparse: it takes no disk space."""
    good = trained().model_bin.read_bytes()
    table_at, n_sections = struct.unpack_from("<QI", good, 24)
    n_table = n_sections * 64
    assert table_at + n_table == len(good)
    n_bytes -= n_bytes % 64
    with open(path, "wb") as file:
        file.write(good[:table_at])
        file.seek(table_at + n_bytes)
        file.write(good[table_at:])
        file.write(struct.pack("<32sQQ16x", b"optional.zeros", table_at, n_bytes))
        n_file = file.tell()
        file.seek(16)
        file.write(struct.pack("<QQI", n_file, table_at + n_bytes, n_sections + 1))


if __name__ == "__main__":
    unittest.main()
