"""archiver.py: what the template's Data Firehose does, on this machine: the records of a stream as gzip objects in
S3 (s3rver).

    archiver = Archiver(kinesis, "ratings", Bucket(url, "movies"), archiver_properties)
    archiver.start()
    …
    archiver.close()        # what is left in the buffer is delivered
    Bucket(url, "movies").objects("data/")          # {key: bytes}

Records of an object follow each other without a line end, as Firehose puts them. It reads each shard from its
beginning, one record at least once: a read that fails is done again, and so is a delivery.
"""

import base64
import gzip
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
import xml.etree.ElementTree

from local_cloud import PATIENCE
from stream_case import KinesisError


class Bucket:
    """A bucket of s3rver, which needs no signature."""

    def __init__(self, url, name):
        self.url = f"{url}/{name}"

    def _send(self, method, path, body=None):
        request = urllib.request.Request(f"{self.url}/{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return response.read()

    def put(self, key, body):
        self._send("PUT", urllib.parse.quote(key), body)

    def get(self, key):
        return self._send("GET", urllib.parse.quote(key))

    def keys(self, prefix=""):
        found, more = [], ""
        while more is not None:
            page = xml.etree.ElementTree.fromstring(self._send("GET", f"?list-type=2&prefix={urllib.parse.quote(prefix)}{more}"))
            space = page.tag.partition("}")[0] + "}"
            found += [element.text for element in page.iter(f"{space}Key")]
            token = page.findtext(f"{space}NextContinuationToken")
            more = None if token is None else f"&continuation-token={urllib.parse.quote(token)}"
        return found

    def objects(self, prefix):
        return {key: self.get(key) for key in self.keys(prefix)}


def by_time(prefix, seconds):
    """A prefix of Firehose, with its !{timestamp:…} put in."""
    names = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H"}
    form = lambda m: time.strftime(re.sub("yyyy|MM|dd|HH", lambda n: names[n[0]], m[1]), time.gmtime(seconds))
    return re.sub(r"!\{timestamp:([^}]*)\}", form, prefix)


class Archiver(threading.Thread):
    """most: records of an object, in place of the megabytes and minutes of the template."""

    def __init__(self, kinesis, stream, bucket, properties, most=1000):
        super().__init__(daemon=True)
        self.kinesis, self.stream, self.bucket, self.most = kinesis, stream, bucket, most
        self.target = properties["ExtendedS3DestinationConfiguration"]
        assert self.target["CompressionFormat"] == "GZIP", self.target
        self.n_failed, self.buffer, self.over = 0, [], threading.Event()
        self.n_delivered = 0

    def run(self):
        iterators = {}
        while True:
            last = self.over.is_set()
            n_read = 0
            for shard in self.kinesis.shards(self.stream):
                n_read += self.read(iterators, shard["ShardId"])
            if len(self.buffer) >= self.most or (last and n_read == 0):
                self.deliver()
            if last and n_read == 0:
                return
            self.over.wait(0.02)

    def read(self, iterators, shard):
        try:
            if shard not in iterators:
                iterators[shard] = self.kinesis.call(
                    "GetShardIterator", StreamName=self.stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
            response = self.kinesis.call("GetRecords", ShardIterator=iterators[shard], Limit=5000)
        except (KinesisError, OSError):
            self.n_failed += 1
            return 1
        iterators[shard] = response["NextShardIterator"]
        self.buffer += [base64.b64decode(record["Data"]) for record in response["Records"]]
        return len(response["Records"])

    def deliver(self):
        if self.buffer:
            now = time.time()
            key = (by_time(self.target["Prefix"], now) + f"{self.stream}-archive-1-"
                   + time.strftime("%Y-%m-%d-%H-%M-%S-", time.gmtime(now)) + f"{uuid.uuid4()}.gz")
            self.bucket.put(key, gzip.compress(b"".join(self.buffer)))
            self.n_delivered += len(self.buffer)
            self.buffer = []

    def close(self):
        self.over.set()
        self.join(4 * PATIENCE)
        assert not self.is_alive(), "the archive is not complete"
