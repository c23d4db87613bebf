"""test_local_start_and_stop.py: the settings of local-cloud, and that it leaves nothing behind."""

import http.client
import json
import os
import re
import signal
import socket
import time
import unittest
from pathlib import Path

from local_cloud import LOCAL_CLOUD, PATIENCE, LocalCloudCase, alive, echo, function
from process import Run
from sanitizers import SANITIZER_ENVIRONMENT
from terminal import Terminal


class Start(LocalCloudCase):
    def refused(self, *words, config=None, status=1):
        if config is not None:
            path = self.folder / "config.json"
            path.write_text(config if isinstance(config, str) else json.dumps(config))
            words = ("--config", path, *words)
        run = Run([LOCAL_CLOUD, *words], env=SANITIZER_ENVIRONMENT)
        result = run.wait(PATIENCE)
        self.assertEqual(status, result.status, result)
        return result.stderr

    def test_help_names_every_setting_and_version_the_version(self):
        result = Run([LOCAL_CLOUD, "--help"]).wait(PATIENCE)
        self.assertEqual(0, result.status)
        for word in ("--port ", "--processes", "--timeout", "--gateway-timeout", "--endpoint",
                     "development"):
            self.assertIn(word, result.stdout)
        self.assertRegex(Run([LOCAL_CLOUD, "--version"]).wait(PATIENCE).stdout, r"\Alocal-cloud \d")

    def test_wrong_words_are_refused_with_a_sentence(self):
        for words, status, sentence in (
                (("run",), 2, "unknown argument run"), (("--port",), 2, "a value is missing after --port"),
                (("--prot", "1"), 1, 'unknown setting "prot": did you mean port?'), (("--port", "70000"), 1, 'port is "70000"'),
                (("--timeout", "1"), 2, "--timeout stands before any --function"),
                (("--function", "f"), 2, "expected NAME="), (("--function", "a b=x"), 1, "a name has"),
                (("--function", "f=x", "--timeout", "0"), 1, "timeout is"),
                (("--function", "f=x", "--function", "f=y"), 1, "function f is there twice"),
                (("--function", "f=x", "--variable", "9=1"), 1, "a name has two letters"),
                (("--function", "f=x", "--variable", "AWS_LAMBDA_RUNTIME_API=1"), 1, "for local-cloud to set"),
                (("--function", "f=x", "--variable", "AB=" + "x" * 5000), 1, "4096 bytes"),
                (("--function", "f=x", "--route", "POST /p=g"), 1, "no such function"),
                (("--function", "f=x", "--route", "p=f"), 1, "expected a method and a path"),
                (("--function", "f=x", "--route", "GET /{a+}/b=f"), 1, "expected a method and a path"),
                (("--function", "f=x", "--route", "POST /p=f,3.0"), 1, "expected 1.0, 2.0 or none"),
                (("--endpoint", "e=https://x"), 1, "expected http://host:port"),
                (("--endpoint", "e=http://x:0"), 1, "expected http://host:port"),
                (("--endpoint", "-e=http://x"), 1, "a name has"),
                ((), 1, "nothing to do"), (("--config", "/nowhere"), 1, "/nowhere"),
                (("--function", "f=/bin/true", "--address", "localhost"), 1, "is not a numeric IP address")):
            self.assertIn(sentence, self.refused(*words, status=status), words)

    def test_a_wrong_file_is_refused_with_the_member(self):
        f = {"program": "/bin/true"}
        for config, sentence in (
                ("{", "config.json:1"), ("[]", "object"), ({"x": 1}, 'x"'),
                ({"functions": []}, "functions: expected an object"),
                ({"functions": {"f": {}}}, "functions.f.program: expected the path"),
                ({"functions": {"f": {**f, "timeout": "x"}}}, "functions.f: function setting timeout is"),
                ({"functions": {"f": {**f, "arguments": [1]}}}, "functions.f.arguments: expected an array"),
                ({"functions": {"f": {**f, "environment": {"AB": []}}}}, "functions.f.environment"),
                ({"functions": {"f": {**f, "nothing": 1}}}, 'unknown function setting "nothing"'),
                ({"functions": {"f": f}, "routes": {"POST /x": {"function": "f", "x": 1}}}, "routes.POST /x"),
                ({"functions": {"f": f}, "routes": {"POST /x": 1}}, "expected a function's name"),
                ({"endpoints": {"e": 1}}, "endpoints.e: expected the address")):
            self.assertIn(sentence, self.refused(config=config), config)

    def test_a_taken_port_is_reported(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            text = self.refused("--function", "f=/bin/true", "--port", taken.getsockname()[1])
        self.assertIn("is taken by another process", text)

    def test_arguments_have_the_effect_of_a_file(self):
        port_file = self.folder / "port"
        f = function()
        run = Run([LOCAL_CLOUD, "--port", "0", "--port-file", port_file, "--function",
                   f"f={f['program']}", "--argument", f["arguments"][0], "--timeout", "20",
                   "--variable", "MINE=a=b", "--route", "POST /x=f,none", "--log", "functions"],
                  env=SANITIZER_ENVIRONMENT)
        run.wait_until(port_file.exists, "a port")
        connection = http.client.HTTPConnection("127.0.0.1", int(port_file.read_text()))
        connection.request("POST", "/x", '{"env":true}')
        self.assertEqual("a=b", json.loads(connection.getresponse().read())["env"]["MINE"])
        connection.close()
        run.signal(signal.SIGINT)
        self.assertEqual(0, run.wait(PATIENCE).status)

    def test_it_prints_that_it_is_a_tool_for_development_and_listens_on_loopback(self):
        cloud = self.one()
        cloud.run.wait_for("a tool for development", "stderr", PATIENCE)
        listening = self.listening(cloud.run.pid)
        self.assertEqual({"0100007F"}, {address for address, _ in listening})
        self.assertIn(cloud.port, {port for _, port in listening})
        self.assertNotIn("open_to_others", cloud.stop().stderr)
        cloud = self.cloud(functions={"f": function()}, address="0.0.0.0")
        cloud.run.wait_for("open_to_others", "stderr", PATIENCE)

    @staticmethod
    def listening(pid):
        mine = set()
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                mine.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
            except OSError:
                pass
        rows = [row.split() for row in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
        return {(row[1].split(":")[0], int(row[1].split(":")[1], 16)) for row in rows
                if row[3] == "0A" and f"socket:[{row[9]}]" in mine}

    def test_tags_have_colours_at_a_terminal(self):
        path, port_file = self.folder / "c.json", self.folder / "port"
        path.write_text(json.dumps({"port": 0, "port_file": str(port_file),
                                    "functions": {"f": function(start="early", environment={"INIT": "exit"})}}))
        run = Run([LOCAL_CLOUD, "--config", path], env=SANITIZER_ENVIRONMENT, terminal=Terminal())
        run.wait_for("\033\\[36mf/1 \\| \033\\[0mcannot start", deadline=PATIENCE)
        run.signal(signal.SIGTERM)
        self.assertEqual(0, run.wait(PATIENCE).status)


class Stop(LocalCloudCase):
    def busy(self, **settings):
        """A cloud with three processes: idle, at work, at work with a child of its own."""
        cloud = self.one(processes=3, **settings)
        calls = [cloud.later(cloud.invoke, "f", {"sleep": 0.5}) for _ in range(3)]
        pids = {call.wait().json["pid"] for call in calls}
        pids.add(cloud.invoke("f", {"child": True}).json["child"])
        self.assertEqual(4, len(pids))
        self.working = cloud.later(cloud.invoke, "f", {"sleep": 100, "print": ["works"]})
        cloud.wait_for_line("works")
        return cloud, pids

    def test_a_stop_ends_every_process_and_its_children(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            cloud, pids = self.busy()
            result = cloud.stop(number)
            self.assertEqual(0, result.status, result)
            self.wait_until(lambda: not any(alive(pid) for pid in pids), "the end of all")
            self.assertIn("no process is left", result.stderr)

    def test_a_process_that_ignores_sigterm_is_killed(self):
        cloud = self.one(config={"stop-seconds": 0.3})
        pid = cloud.invoke("f", {"ignore": True}).json["pid"]
        self.assertEqual(0, cloud.stop().status)
        self.assertFalse(alive(pid), "only SIGKILL ends it")

    def test_our_runtime_exits_on_sigterm(self):
        """24"""
        cloud = self.cloud(functions={"f": echo()})
        cloud.invoke("f", {"do": "echo"})
        self.assertEqual(0, cloud.stop().status)

    def test_its_own_sigkill_ends_the_processes(self):
        cloud, pids = self.busy()
        pids = set(cloud.children())
        self.assertEqual(3, len(pids))
        everyone = {pid for pid in pids}
        grandchildren = [int(p) for pid in pids for p in
                         Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        cloud.run.signal(signal.SIGKILL)
        self.assertEqual(-signal.SIGKILL, cloud.run.wait(PATIENCE).status)
        until = time.monotonic() + PATIENCE
        while any(alive(pid) for pid in everyone) and time.monotonic() < until:
            time.sleep(0.01)
        self.assertFalse([pid for pid in everyone if alive(pid)])
        for pid in grandchildren:  # which got no signal
            os.kill(pid, signal.SIGKILL)
        self._clouds.remove(cloud)

    def test_no_zombies_are_left_while_it_runs(self):
        cloud = self.one(processes=2)
        for _ in range(10):
            cloud.invoke("f", {"exit": 1})
        self.wait_until(lambda: all(alive(pid) for pid in cloud.children()), "no zombies")

    def test_files_and_memory_do_not_grow_with_the_number_of_requests(self):
        cloud = self.cloud(functions={"f": echo()}, routes={"POST /raw": {"function": "f", "payload": "none"}},
                           log="functions")

        def load(n):
            connection = cloud.connect()
            for _ in range(n):
                connection.request("POST", "/raw", '{"do":"echo","x":"' + "y" * 2000 + '"}')
                connection.getresponse().read()
            connection.close()
            for _ in range(10):
                cloud.request("POST", "/raw", '{"do":"exit","status":1}')
            time.sleep(0.1)
            files = len(os.listdir(f"/proc/{cloud.run.pid}/fd"))
            return files, int(re.search(r"VmRSS:\s+(\d+)", cloud.run.status_file())[1])

        load(500)
        files, memory = load(500)
        more_files, more_memory = load(2000)
        self.assertLessEqual(more_files, files + 1)
        self.assertLess(more_memory, memory + (50000 if PATIENCE > 60 else 3000))


if __name__ == "__main__":
    unittest.main()
