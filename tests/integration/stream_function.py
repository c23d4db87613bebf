"""stream_function.py: a Lambda function for the tests of mappings, in plain Python: `handle`
of the file $HANDLER responds to each event; event and response are written as a line of JSON
to the file $CALLS.

    def handle(event, n):        n counts this process's events from 1
        return {…}               the response; raising is a function error

records(event) are the decoded data, sequences(event) the sequence numbers.
"""

import base64
import copy
import json
import os
import time

from local_function import Runtime


def records(event):
    return [base64.b64decode(r["kinesis"]["data"]).decode() for r in event.get("Records", ())]


def sequences(event):
    return [r["kinesis"]["sequenceNumber"] for r in event.get("Records", ())]


def failed(event, text):
    """A partial batch response: the first record with this text has failed."""
    return {"batchItemFailures": [{"itemIdentifier": s} for r, s in
                                  zip(records(event), sequences(event)) if r == text][:1]}


class Handler(Runtime):
    n = 0

    def respond(self, request_id, event, headers):
        self.n += 1
        call = {"event": copy.deepcopy(event), "at": time.time(), "id": request_id, "pid": os.getpid()}
        space = {"records": records, "sequences": sequences, "failed": failed, "time": time,
                 "os": os, "json": json}
        with open(os.environ["HANDLER"], encoding="utf-8") as source:
            exec(source.read(), space)  # the test's own words
        try:
            call["response"] = space["handle"](event, self.n)
        except Exception as error:
            call["error"] = str(error)
        call["done"] = time.time()
        with open(os.environ["CALLS"], "a", encoding="utf-8") as calls:
            calls.write(json.dumps(call) + "\n")
        if "error" in call:
            self.call("POST", f"/invocation/{request_id}/error",
                      json.dumps({"errorMessage": call["error"], "errorType": "Function.Wanted"}),
                      {"Lambda-Runtime-Function-Error-Type": "Function.Wanted"})
        else:
            response = call["response"]
            body = response.encode() if isinstance(response, str) else json.dumps(response)
            self.call("POST", f"/invocation/{request_id}/response", body)


if __name__ == "__main__":
    Handler().serve()
