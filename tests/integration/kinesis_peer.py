"""kinesis_peer.py: a stand-in for PutRecords of Kinesis, with faults as a test says.

    stream = PutRecords(keys, region)
    stream.faults = [refuse(1, 3), instead(hang_up)]      one for each of the next calls
    …
    stream.written        [(stream, partition key, bytes)] in the order of writing
    stream.calls          the bodies of all calls
"""

import base64
import json
import time

from aws_peers import Peer, respond

JSON_TYPE = [("Content-Type", "application/x-amz-json-1.1")]
THROTTLED = "ProvisionedThroughputExceededException"
CALL_BYTES = 5 << 20


class PutRecords:
    """faults has a function for each of the next calls. It gets the call's body and returns
    None (success), a list with an ErrorCode or None for each record, or an act of
    aws_peers in place of a response. times has the arrival of each call, in seconds;
    peer.complaints lists wrong signatures."""

    def __init__(self, keys, region):
        self.peer = Peer("kinesis", keys, region)
        self.peer.otherwise = self._act
        self.calls, self.times, self.written, self.faults = [], [], [], []

    def _act(self, connection, seen):
        body = json.loads(seen.body)
        assert seen.header("x-amz-target") == "Kinesis_20131202.PutRecords"
        assert 1 <= len(body["Records"]) <= 500 and len(seen.body) <= CALL_BYTES
        for record in body["Records"]:
            assert 1 <= len(record["PartitionKey"]) <= 256
            base64.b64decode(record["Data"], validate=True)
        self.calls.append(body)
        self.times.append(time.monotonic())
        fault = self.faults.pop(0)(body) if self.faults else None
        if callable(fault):
            return fault(connection, seen)
        codes = fault or [None] * len(body["Records"])
        self.write(body, codes)
        entries = [{"SequenceNumber": "495%d" % i, "ShardId": "shardId-000000000000"}
                   if code is None else {"ErrorCode": code, "ErrorMessage": "Rate exceeded"}
                   for i, code in enumerate(codes)]
        return respond(200, json.dumps({"FailedRecordCount": sum(c is not None for c in codes),
                                        "Records": entries}).encode(), JSON_TYPE)(connection, seen)

    def write(self, body, codes=None):
        stream = body.get("StreamName") or body["StreamARN"]
        for i, record in enumerate(body["Records"]):
            if codes is None or codes[i] is None:
                self.written.append((stream, record["PartitionKey"],
                                     base64.b64decode(record["Data"])))


def refuse(*positions, code=THROTTLED):
    """A fault: the records at these positions of the call are not written; without positions,
    all."""
    return lambda body: [code if not positions or i in positions else None
                         for i in range(len(body["Records"]))]


def instead(act):
    """A fault: this act happens in place of a response, and nothing is written."""
    return lambda _body: act
