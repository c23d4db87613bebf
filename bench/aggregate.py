"""The function aggregate: script/bench aggregate."""

import base64
import csv
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

from common import BIN, NODE_MODULES, ROOT, cpu_seconds, resident, run, say

EVENT_BYTES = 5_800_000  # Lambda accepts 6 MB
PER_RECORD = 900         # user records in one of the stream
LIMIT = 200_000          # user records a second
FIRST = 49590338271490256608559692538361571095921575989136588898


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def aggregated(user_records):
    """[(partition key, data)] as one record of a KPL producer."""
    keys = sorted({key for key, _ in user_records})
    index = {key: i for i, key in enumerate(keys)}
    message = b"".join(field(1, key.encode()) for key in keys)
    message += b"".join(field(3, b"\x08" + varint(index[key]) + field(3, data))
                        for key, data in user_records)
    return b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message).digest()


def ratings():
    """Real ratings as events, repeated without end."""
    with open(ROOT / "data/ratings.csv", newline="") as rows:
        rows = list(csv.DictReader(rows))
    while True:
        for row in rows:
            yield (row["userId"], json.dumps({
                "userId": row["userId"], "movieId": row["movieId"], "rating": float(row["rating"]),
                "timestamp": int(row["timestamp"])}, separators=(",", ":")).encode())


def make_event():
    """An event of the largest size that Lambda makes, the number of its user records, and their totals
    as in a state: {"=" and movie: [ratings, sum of the stars]}."""
    source, records, n_bytes, totals = ratings(), [], 0, {}
    while n_bytes < EVENT_BYTES:
        user_records = [next(source) for _ in range(PER_RECORD)]
        data = base64.b64encode(aggregated(user_records)).decode()
        for rating in (json.loads(record) for _, record in user_records):
            total = totals.setdefault(f"={rating['movieId']}", [0, 0.0])
            total[0] += 1
            total[1] += rating["rating"]  # halves of stars: exact
        number = str(FIRST + len(records))
        records.append({
            "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "a", "sequenceNumber": number,
                        "data": data, "approximateArrivalTimestamp": 1769851800.987},
            "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": f"shardId-000000000006:{number}",
            "eventName": "aws:kinesis:record", "invokeIdentityArn": "arn:aws:iam::123456789012:role/r",
            "awsRegion": "eu-central-1",
            "eventSourceARN": "arn:aws:kinesis:eu-central-1:123456789012:stream/ratings"})
        n_bytes += len(data) + 500
    event = {"Records": records, "window": {"start": "2026-01-31T09:30:00Z", "end": "2026-01-31T09:35:00Z"},
             "state": {}, "shardId": "shardId-000000000006", "isFinalInvokeForWindow": False,
             "isWindowTerminatedEarly": False}
    return json.dumps(event, separators=(",", ":")).encode(), len(records) * PER_RECORD, totals


PEER = """
const aggregator = require('aws-kinesis-agg');
const text = require('fs').readFileSync(process.argv[2], 'utf8');
const seconds = [];
let n = 0;
for (let round = 0; round < 5; round++) {
  const start = process.cpuUsage();
  const totals = new Map();
  n = 0;
  for (const { kinesis } of JSON.parse(text).Records)
    aggregator.deaggregateSync(kinesis, true, (error, records) => {
      if (error) throw error;
      for (const record of records) {
        const { movieId, rating } = JSON.parse(Buffer.from(record.data, 'base64').toString());
        const total = totals.get(movieId) || { count: 0, sum: 0 };
        total.count++;
        total.sum += rating;
        totals.set(movieId, total);
        n++;
      }
    });
  const { user, system } = process.cpuUsage(start);
  seconds.push((user + system) / 1e6);
}
seconds.sort((a, b) => a - b);
console.log(JSON.stringify({ records: n, rate: n / seconds[2] }));
"""


def peer_rate(path, folder):
    """User records per second of CPU of the same work in JavaScript with AWS's package; None without
    it."""
    if shutil.which("node") is None or not (NODE_MODULES / "aws-kinesis-agg").exists():
        return None
    script = folder / "peer.js"
    script.write_text(PEER)
    return json.loads(run("node", script, path, env={**os.environ, "NODE_PATH": str(NODE_MODULES)}))


def process_seconds(event, rounds):
    """Seconds from an event's first byte to the response's last, of the real process; CPU seconds per
    event; the last state; resident bytes afterwards."""
    sys.path.insert(0, str(ROOT / "tests/integration"))
    from runtime_api import RuntimeApi
    api = RuntimeApi()
    env = {"AWS_LAMBDA_RUNTIME_API": api.address, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "k",
           "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "PATH": os.environ["PATH"]}
    process = subprocess.Popen([BIN / "aggregate"], env=env, stdout=subprocess.DEVNULL)
    try:
        api.wait_for_calls("next", 1)
        seconds, state = [], {}
        before = cpu_seconds(process.pid)
        for _ in range(rounds):
            start = time.perf_counter()
            outcome = api.invoke(event).wait()
            seconds.append(time.perf_counter() - start)
            if outcome.kind != "response" or outcome.json["batchItemFailures"] != []:
                sys.exit("bench: aggregate failed")
            state = outcome.json["state"]
        cpu = (cpu_seconds(process.pid) - before) / rounds
        return seconds, cpu, state, resident(process.pid)
    finally:
        process.terminate()
        process.wait()
        api.close()


def aggregate(folder):
    say("\n## aggregate: events of aggregated ratings, one process, through the Runtime API")
    event, n, totals = make_event()
    path = folder / "event.json"
    path.write_bytes(event)
    seconds, cpu, state, memory = process_seconds(event, 31)
    counted = {key: value.split(" ") for key, value in state.items() if key[0] == "="}
    if {key: [int(count), float(total)] for key, (count, total) in counted.items()} != totals:
        sys.exit("bench: the totals are wrong")
    rate, state_bytes = n / statistics.median(seconds), len(json.dumps(state))
    say(f"{n} user records in an event of {len(event) / 1e6:.1f} MB: {rate / 1e6:.2f} M records/s "
        f"(slowest of 31: {n / max(seconds) / 1e6:.2f} M; limit {LIMIT / 1e6} M: {rate / LIMIT:.1f}), {n / cpu / 1e6:.2f} M per second of "
        f"its CPU; state {state_bytes / 1e3:.0f} kB; "
        f"resident {memory / 2**20:.1f} MB")
    steps = json.loads(run(BIN / "bench_aggregate", path))
    assert steps["records"] == n
    say(f"of it, by the CPU's time: event scanned {steps['scanned'] / 1e6:.1f} M/s, with records unpacked "
        f"{steps['unpacked'] / 1e6:.1f} M/s, with totals {steps['totalled'] / 1e6:.2f} M/s, "
        f"and with the state measured after each record {steps['measured'] / 1e6:.2f} M/s; jansson alone, "
        f"parsing the event: {steps['jansson'] / 1e6:.2f} M/s")
    peer = peer_rate(path, folder)
    if peer is None:
        say("no node or no aws-kinesis-agg")
        return
    assert peer["records"] == n
    say(f"Node with AWS's aws-kinesis-agg, the same totals without a process around: "
        f"{peer['rate'] / 1e6:.3f} M records for each second of its CPUs; ours / Node = "
        f"{n / cpu / peer['rate']:.1f}")


PARTS = dict(aggregate=aggregate)
