"""test_local_functions.py: how local-cloud runs functions: processes, timeouts, exits, logs; and
Lambda's Invoke."""

import base64
import json
import os
import re
import signal
import time
import unittest
from pathlib import Path

from local_cloud import LocalCloudCase, alive, echo, function


class Invoke(LocalCloudCase):
    def test_an_invocation_returns_the_functions_response(self):
        cloud = self.one()
        response = cloud.invoke("f", {"respond": {"n": 1}})
        self.assertEqual((200, {"n": 1}, "$LATEST"),
                         (response.status, response.json, response.headers["X-Amz-Executed-Version"]))
        self.assertNotIn("X-Amz-Function-Error", response.headers)
        self.assertEqual({}, cloud.invoke("f").json["event"])

    def test_names_arns_and_latest_are_understood(self):
        cloud = self.one()
        arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
        for name in ("f:$LATEST", "123456789012:function:f", arn, arn.replace(":", "%3A")):
            self.assertEqual(200, cloud.invoke(name, {"respond": 1}).status, name)
        response = cloud.invoke("f", {}, query="?Qualifier=%24LATEST")
        self.assertEqual(arn + ":$LATEST", response.json["headers"]["Lambda-Runtime-Invoked-Function-Arn"])

    def test_an_unknown_function_is_404(self):
        cloud = self.one()
        for name, query in (("g", ""), ("f:live", ""), ("f", "?Qualifier=3")):
            response = cloud.invoke(name, {}, query=query)
            self.assertEqual((404, "ResourceNotFoundException"),
                             (response.status, response.headers["x-amzn-ErrorType"]))
            self.assertEqual({"Type": "User", "Message":
                              "Function not found: arn:aws:lambda:us-east-1:123456789012:function:"
                              + (name if not query else "f:?")}, response.json)

    def test_a_function_error_is_200_with_a_header(self):
        """§1.4.9"""
        report = {"errorMessage": "no", "errorType": "Function.No", "stackTrace": []}
        response = self.one().invoke("f", {"error": report})
        self.assertEqual((200, "Unhandled", report),
                         (response.status, response.headers["X-Amz-Function-Error"], response.json))

    def test_the_error_type_is_kept_as_the_platform_keeps_it(self):
        """§1.4.3"""
        cloud = self.one()
        for sent, kept in (("Function.Bad", "Function.Bad"), ("Runtime.Bad", "Runtime.Bad"),
                           ("Function.bad", "Function.Unknown"), ("unhandled", "Runtime.Unknown")):
            cloud.invoke("f", {"error": {}, "type": sent})
            cloud.wait_for_line(f"Error Type: {kept}$")

    def test_an_event_is_taken_at_once_and_a_dry_run_does_nothing(self):
        cloud = self.one()
        mark = self.folder / "mark"
        response = cloud.invoke("f", {"sleep": 0.2, "print": ["async"]},
                                {"X-Amz-Invocation-Type": "Event"})
        self.assertEqual((202, b""), (response.status, response.body))
        cloud.wait_for_line("f/1 . async")
        response = cloud.invoke("f", {"print": [str(mark)]}, {"X-Amz-Invocation-Type": "DryRun"})
        self.assertEqual((204, b""), (response.status, response.body))
        response = cloud.invoke("f", {}, {"X-Amz-Invocation-Type": "Later"})
        self.assertEqual((400, "InvalidParameterValueException"),
                         (response.status, response.headers["x-amzn-ErrorType"]))
        cloud.invoke("f", {})
        self.assertNotIn(str(mark), cloud.stop().stdout)

    def test_the_tail_of_the_log_is_returned_when_requested(self):
        cloud = self.one()
        cloud.invoke("f", {"print": ["of another event"]})
        response = cloud.invoke("f", {"print": ["first", "second"]}, {"X-Amz-Log-Type": "Tail"})
        lines = base64.b64decode(response.headers["X-Amz-Log-Result"]).decode().splitlines()
        self.assertEqual(["first", "second"], lines[1:3])
        self.assertRegex(lines[0], r"\ASTART RequestId: \S+ Version: \$LATEST\Z")
        self.assertRegex(lines[3], r"\AEND RequestId: \S+\Z")
        self.assertRegex(lines[4], r"\AREPORT RequestId: \S+\tDuration: [\d.]+ ms\tBilled Duration: "
                                   r"\d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB")
        response = cloud.invoke("f", {"print": ["x" * 100] * 100}, {"X-Amz-Log-Type": "Tail"})
        tail = base64.b64decode(response.headers["X-Amz-Log-Result"])
        self.assertEqual(4096, len(tail))
        self.assertIn(b"REPORT RequestId", tail)
        self.assertNotIn("X-Amz-Log-Result", cloud.invoke("f", {}).headers)

    def test_invalid_json_and_large_events_are_refused(self):
        cloud = self.one()
        for headers, body, status, kind in (
                ({}, b"{nope", 400, "InvalidRequestContentException"),
                ({"X-Amz-Client-Context": "*"}, b"{}", 400, "InvalidRequestContentException"),
                ({"X-Amz-Client-Context": "e30="}, b"{}", 200, None),
                ({}, b'"' + b"x" * 6291455 + b'"', 413, "RequestTooLargeException"),
                ({}, b'"' + b"x" * (11 << 20) + b'"', 413, "RequestTooLargeException"),
                ({"X-Amz-Invocation-Type": "Event"}, b'"' + b"x" * 1048575 + b'"', 413,
                 "RequestTooLargeException")):
            response = cloud.invoke("f", body, headers)
            self.assertEqual((status, kind), (response.status, response.headers["x-amzn-ErrorType"]))
            if kind:
                self.assertEqual((["Type", "message"], "User"),
                                 (sorted(response.json), response.json["Type"]))

    def test_other_operations_are_404(self):
        response = self.one().request("GET", "/2015-03-31/functions/f")
        self.assertEqual((404, "UnknownOperationException"),
                         (response.status, response.headers["x-amzn-ErrorType"]))


class Processes(LocalCloudCase):
    def test_several_processes_work_at_once(self):
        cloud = self.one(processes=4)
        calls = [cloud.later(cloud.invoke, "f", {"sleep": 1}) for _ in range(4)]
        pids = {call.wait().json["pid"] for call in calls}
        self.assertEqual(4, len(pids))

    def test_an_event_waits_for_a_process_and_then_is_refused(self):
        cloud = self.one(processes=2, queue=1)
        calls = [cloud.later(cloud.invoke, "f", {"sleep": 1.5}) for _ in range(6)]
        responses = [call.wait() for call in calls]
        self.assertEqual([200] * 3 + [429] * 3, sorted(a.status for a in responses))
        refused = next(a for a in responses if a.status == 429)
        self.assertEqual("TooManyRequestsException", refused.headers["x-amzn-ErrorType"])
        self.assertEqual({"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
                          "Type": "User", "message": "Rate Exceeded."}, refused.json)
        self.assertEqual(200, cloud.invoke("f", {}).status)

    def test_without_a_queue_one_after_the_other_is_never_refused(self):
        cloud = self.one(queue=0)
        connection = cloud.connect()
        for _ in range(100):
            connection.request("POST", "/2015-03-31/functions/f/invocations", '{"respond":1}')
            response = connection.getresponse()
            self.assertEqual((200, b"1"), (response.status, response.read()))
        connection.close()

    def test_processes_start_with_the_first_invocation_or_early(self):
        cloud = self.cloud(functions={"late": function(), "early": function(start="early", processes=3)})
        self.wait_until(lambda: len(cloud.children()) == 3, "three processes")
        cloud.invoke("late", {})
        self.assertEqual(4, len(cloud.children()))

    def test_the_environment_is_lambdas(self):
        """§1.8"""
        cloud = self.one(memory=512, env={"SECRET_OF_OURS": "x", "AWS_REGION": "eu-west-1"},
                         environment={"MINE": "1", "TZ": "Europe/Berlin", "DEBUG_X": "a=b"})
        env = cloud.invoke("f", {"env": True}).json["env"]
        for name, value in (("AWS_LAMBDA_FUNCTION_NAME", "f"), ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"), ("_HANDLER", "f"),
                            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f"), ("AWS_REGION", "eu-west-1"),
                            ("AWS_DEFAULT_REGION", "eu-west-1"), ("MINE", "1"), ("DEBUG_X", "a=b"),
                            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"), ("TZ", "Europe/Berlin")):
            self.assertEqual(value, env.get(name), name)
        self.assertTrue(env["AWS_ACCESS_KEY_ID"] and env["AWS_SESSION_TOKEN"])
        self.assertRegex(env["AWS_LAMBDA_RUNTIME_API"], r"\A127\.0\.0\.1:\d+\Z")
        self.assertNotIn("SECRET_OF_OURS", env)
        self.assertNotIn("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", env)
        cloud = self.cloud(functions={"f": function()}, endpoints={"e": "http://127.0.0.1:1"})
        self.assertEqual(cloud.url, cloud.invoke("f", {"env": True}).json["env"]
                         ["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"])

    def test_a_process_has_none_of_our_files_and_usual_signals(self):
        cloud = self.one(processes=2)
        calls = [cloud.later(cloud.invoke, "f", {"sleep": 0.5}) for _ in range(2)]
        for pid in [call.wait().json["pid"] for call in calls]:
            open_files = {int(n) for n in os.listdir(f"/proc/{pid}/fd")}
            self.assertTrue({0, 1, 2} <= open_files)
            self.assertLessEqual(len(open_files), 4)  # and its connection
            status = Path(f"/proc/{pid}/status").read_text()
            self.assertEqual(0, int(re.search(r"SigBlk:\s+(\w+)", status)[1], 16))
            # Python itself ignores SIGPIPE and SIGXFSZ.
            self.assertEqual(0, int(re.search(r"SigIgn:\s+(\w+)", status)[1], 16)
                             & ~(1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1))


class Ends(LocalCloudCase):
    def test_an_exit_is_an_exit_error_and_the_next_event_has_a_new_process(self):
        """§1.4.8"""
        cloud = self.one()
        for do, words in (({"exit": 3}, "exit status 3"), ({"kill": 11}, "signal: segmentation fault"),
                          ({"kill": 9}, "signal: killed")):
            self.assertFunctionError(cloud.invoke("f", do), "Runtime.ExitError",
                                     rf"\ARequestId: [0-9a-f-]+ Error: Runtime exited with error: {words}\Z")
        self.assertFunctionError(cloud.invoke("f", {"exit": 0}), "Runtime.ExitError",
                                 "Runtime exited without providing a reason")
        self.assertEqual(200, cloud.invoke("f", {"respond": 1}).status)
        cloud.wait_for_line("REPORT .*Error Type: Runtime.ExitError")

    def test_waiting_events_go_to_the_next_process(self):
        cloud = self.one()
        dying = cloud.later(cloud.invoke, "f", {"sleep": 0.5, "exit": 1})
        self.wait_until(lambda: "START" in cloud.run.text(), "the first event")
        waiting = [cloud.later(cloud.invoke, "f", {"respond": n}) for n in range(3)]
        self.assertFunctionError(dying.wait(), "Runtime.ExitError", "exit status 1")
        self.assertEqual([0, 1, 2], [call.wait().json for call in waiting])

    def test_a_process_that_died_while_idle_is_replaced(self):
        cloud = self.one()
        pid = cloud.invoke("f", {}).json["pid"]
        os.kill(pid, signal.SIGKILL)
        cloud.wait_for_line("Error: Runtime exited with error: signal: killed")
        self.assertNotEqual(pid, cloud.invoke("f", {}).json["pid"])

    def test_an_early_one_is_restarted_unless_it_cannot_start(self):
        cloud = self.cloud(functions={"f": function(start="early")})
        self.wait_until(cloud.children, "a process")
        pid = cloud.invoke("f", {}).json["pid"]
        os.kill(pid, signal.SIGKILL)
        self.wait_until(lambda: cloud.children() not in ([], [pid]), "another process")
        cloud = self.cloud(functions={"f": function(start="early", environment={"INIT": "exit"})})
        cloud.wait_for_line("exit status 7")
        time.sleep(0.5)
        self.assertEqual(1, cloud.run.text().count("exit status 7"))

    def test_an_event_has_its_time_and_then_the_process_is_killed(self):
        cloud = self.one(timeout=1, processes=1)
        pid = cloud.invoke("f", {"child": True}).json
        self.assertFunctionError(cloud.invoke("f", {"sleep": 100}), "Sandbox.Timeout",
                                 r"RequestId: \S+ Error: Task timed out after 1.00 seconds")
        self.wait_until(lambda: not alive(pid["pid"]) and not alive(pid["child"]),
                        "the end of the process and its child")
        self.assertNotEqual(pid["pid"], cloud.invoke("f", {}).json["pid"])
        cloud.wait_for_line("REPORT .*Error Type: Sandbox.Timeout")

    def test_a_failing_start_fails_the_event_that_caused_it(self):
        """19"""
        cloud = self.one(environment={"INIT": "fail"})
        for _ in range(2):
            self.assertFunctionError(cloud.invoke("f", {}), "Runtime.NoModel", "no model")
        cloud = self.one(environment={"INIT": "exit"})
        self.assertFunctionError(cloud.invoke("f", {}), "Runtime.ExitError", "exit status 7")
        cloud.wait_for_line("f/1 . cannot start")
        cloud.wait_for_line("INIT_REPORT Init Duration: .*Status: error")
        cloud = self.cloud(functions={"f": echo(environment={"ECHO_START": "fail"})})
        self.assertFunctionError(cloud.invoke("f", {}), "Function.ConfigurationError", "ECHO_START")

    def test_a_missing_program_is_reported(self):
        cloud = self.cloud(functions={"f": {"program": "/nowhere/to/be"}})
        for _ in range(2):
            self.assertFunctionError(cloud.invoke("f", {}), "Runtime.InvalidEntrypoint",
                                     "fork/exec /nowhere/to/be: No such file or directory")

    def test_a_start_that_takes_too_long_is_made_again_under_the_functions_time(self):
        """§1.6.1"""
        mark = self.folder / "mark"
        cloud = self.one(environment={"INIT": f"once:{mark}:100"}, **{"init-timeout": 1})
        self.assertEqual(200, cloud.invoke("f", {}).status)
        cloud.wait_for_line("INIT_REPORT Init Duration: .*Status: timeout")
        cloud = self.one(environment={"INIT": "sleep:100"}, timeout=1, **{"init-timeout": 0.5})
        self.assertFunctionError(cloud.invoke("f", {}), "Sandbox.Timeout", "Task timed out after 1.00")

    def test_a_client_that_closes_does_not_end_its_invocation(self):
        cloud = self.one()
        connection = cloud.connect()
        connection.request("POST", "/2015-03-31/functions/f/invocations",
                           json.dumps({"sleep": 0.5, "print": ["begun"]}))
        cloud.wait_for_line("begun")
        connection.close()
        cloud.wait_for_line("REPORT")
        self.assertEqual(200, cloud.invoke("f", {}).status)


class Logs(LocalCloudCase):
    def test_lines_have_the_functions_name_between_start_and_end(self):
        cloud = self.cloud(functions={"a": function(), "b": function()})
        cloud.invoke("a", {"print": ["one", "two"]})
        cloud.invoke("b", {"print_raw": "half a line"})
        cloud.invoke("b", {"print_raw": " and the rest\nnext\n"})
        cloud.invoke("a", {"print_raw": "x" * 300000 + "\n"})
        cloud.invoke("b", {"print_raw": "no end"})
        text = cloud.stop().stdout
        self.assertRegex(text, r"a/1 \| START [^\n]*\na/1 \| one\na/1 \| two\na/1 \| END ")
        self.assertRegex(text, r"b/1 \| half a line and the rest\nb/1 \| next\n")
        self.assertIn("a/1 | " + "x" * 262144 + "\na/1 | " + "x" * 37856 + "\n", text)
        self.assertIn("b/1 | no end\n", text)

    def test_platform_lines_can_be_left_out(self):
        cloud = self.one(words=["--log", "functions"])
        response = cloud.invoke("f", {"print": ["a line"]}, {"X-Amz-Log-Type": "Tail"})
        self.assertIn(b"REPORT", base64.b64decode(response.headers["X-Amz-Log-Result"]))
        self.assertEqual("f/1 | a line\n", cloud.stop().stdout)


if __name__ == "__main__":
    unittest.main()
