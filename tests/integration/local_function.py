"""local_function.py: a Lambda function for the tests of local-cloud, in plain Python: it does
what its event (or the body of a proxy event) requests, in this order:

    {"print": ["a line", …]}   {"print_raw": "text without an end"}
    {"sleep": seconds}         {"child": true}: starts a process; its pid is in the response
    {"ignore": true}           SIGTERM from now on
    {"exit": status}           {"kill": signal}       {"truncate": true}: half a response
    {"mode": "x"}              the header of a response mode
    {"error": {…}, "type": …}  posted as an error
    {"raw": "text"}            the response as it is
    {"respond": value}         the response, as JSON
    else                       {"event": …, "headers": of next, "pid": …}; of a proxy event
                               a proxy response with that as its body

INIT=fail posts an init error, INIT=exit ends with status 7, INIT=sleep:N waits N seconds,
INIT=once:FILE:N waits N seconds only while FILE is not there.
"""

import base64
import http.client
import json
import os
import signal
import subprocess
import sys
import time

BASE = "/2018-06-01/runtime"


def wanted(event):
    if not isinstance(event, dict):
        return {}
    if "httpMethod" in event or event.get("version") == "2.0":
        body = event.get("body") or "{}"
        try:
            text = base64.b64decode(body) if event.get("isBase64Encoded") else body
            found = json.loads(text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
    return event


class Runtime:
    def __init__(self):
        self.connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def call(self, method, path, body=None, headers=None):
        self.connection.request(method, BASE + path, body, headers or {})
        response = self.connection.getresponse()
        return response, response.read()

    def truncate(self, request_id):
        self.connection.putrequest("POST", f"{BASE}/invocation/{request_id}/response")
        self.connection.putheader("Content-Length", "100")
        self.connection.endheaders(b'{"half":')
        self.connection.sock.shutdown(2)
        time.sleep(60)

    def serve(self):
        while True:
            response, body = self.call("GET", "/invocation/next")
            request_id = response.headers["Lambda-Runtime-Aws-Request-Id"]
            self.respond(request_id, json.loads(body), response.headers)

    def respond(self, request_id, event, headers):
        do = wanted(event)
        for line in do.get("print", ()):
            print(line, flush=True)
        sys.stdout.write(do.get("print_raw", ""))
        sys.stdout.flush()
        time.sleep(do.get("sleep", 0))
        if "ignore" in do:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if "exit" in do:
            os._exit(do["exit"])
        if "kill" in do:
            os.kill(os.getpid(), do["kill"])
        if "truncate" in do:
            self.truncate(request_id)
        if "error" in do:
            self.call("POST", f"/invocation/{request_id}/error", json.dumps(do["error"]),
                      {"Lambda-Runtime-Function-Error-Type": do.get("type", "Function.Wanted")})
            return
        more = {"Lambda-Runtime-Function-Response-Mode": do["mode"]} if "mode" in do else {}
        self.call("POST", f"/invocation/{request_id}/response", self.text(do, event, headers), more)

    @staticmethod
    def text(do, event, headers):
        if "raw" in do:
            return do["raw"].encode()
        if "respond" in do:
            return json.dumps(do["respond"])
        seen = {"event": event, "headers": dict(headers.items()), "pid": os.getpid()}
        if "child" in do:
            seen["child"] = subprocess.Popen(["sleep", "1000"]).pid
        if "env" in do:
            seen["env"] = dict(os.environ)
        if isinstance(event, dict) and ("httpMethod" in event or event.get("version") == "2.0"):
            return json.dumps({"statusCode": 200, "body": json.dumps(seen)})
        return json.dumps(seen)


def main():
    runtime = Runtime()
    how = os.environ.get("INIT", "")
    if how == "fail":
        runtime.call("POST", "/init/error",
                     '{"errorMessage":"no model","errorType":"Runtime.NoModel","stackTrace":[]}')
        sys.exit(1)
    if how == "exit":
        print("cannot start", flush=True)
        sys.exit(7)
    if how.startswith("sleep:"):
        time.sleep(float(how.partition(":")[2]))
    if how.startswith("once:"):
        _, path, seconds = how.split(":")
        if not os.path.exists(path):
            open(path, "w").close()
            time.sleep(float(seconds))
    runtime.serve()


if __name__ == "__main__":
    main()
