"""aws_signature.py: a second implementation of Signature Version 4, from AWS's description.

    complaints = check(request, Keys("AKID", "secret", token=None), "eu-central-1", "s3")

check() recomputes the signature over the received bytes and looks for everything that
AWS rejects or that our requests must not have. It returns [] for a request AWS would accept.
test_aws_peers.py holds this file to AWS's published examples.
"""

import datetime
import hashlib
import hmac
import re
from collections import Counter
from typing import NamedTuple, Optional
from urllib.parse import quote, unquote_to_bytes

EMPTY_HASH = hashlib.sha256(b"").hexdigest()

# Intermediaries change these; a signature over them breaks on the way (botocore/auth.py).
NEVER_SIGNED = {"connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization",
                "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id"}

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/, ]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})\Z")


class Keys(NamedTuple):
    key_id: str
    secret: str
    token: Optional[str] = None


class Request(NamedTuple):
    method: str
    target: str  # as on the request line
    headers: list  # [(name, value)] as they came
    body: bytes = b""

    def header(self, name, default=None):
        for known, value in self.headers:
            if known.lower() == name.lower():
                return value
        return default


def encoded(data, keep=""):
    return quote(data, safe=keep + "-._~")


def canonical_path(path, service):
    """Each segment encoded once for S3, twice for all other services."""
    once = encoded(unquote_to_bytes(path or "/"), "/")
    return once if service == "s3" else encoded(once, "/")


def canonical_query(query):
    pairs = [part.partition("=") for part in query.split("&") if part]
    return "&".join(f"{name}={value}" for name, value in sorted(
        (encoded(unquote_to_bytes(name)), encoded(unquote_to_bytes(value)))
        for name, _, value in pairs))


def canonical_request(request, signed, payload_hash, service):
    path, _, query = request.target.partition("?")
    lines = [request.method, canonical_path(path, service), canonical_query(query)]
    for name in signed:
        values = [re.sub(r" +", " ", value.strip(" ")) for known, value in request.headers
                  if known.lower() == name]
        lines.append(f"{name}:{','.join(values)}")
    return "\n".join([*lines, "", ";".join(signed), payload_hash])


def signature(keys, date, region, service, canonical):
    scope = f"{date[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", date, scope,
                         hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + keys.secret.encode()
    for part in (date[:8], region, service, "aws4_request", to_sign):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def check(request, keys, region, service, now=None):
    """What is wrong with a signed request, as sentences."""
    wrong = []
    names = Counter(name.lower() for name, _ in request.headers)
    wrong += [f"{name} is sent {n} times" for name, n in names.items() if n > 1]
    wrong += [f"{name} is empty" for name, value in request.headers if not value.strip()]

    match = AUTHORIZATION.match(request.header("authorization", ""))
    if not match:
        return [*wrong, f"no Authorization of the right form: {request.header('authorization')}"]
    key_id, day, its_region, its_service, signed_names, its_signature = match.groups()
    signed = signed_names.split(";")
    for what, ours, theirs in (("key id", keys.key_id, key_id), ("region", region, its_region),
                               ("service", service, its_service)):
        if ours != theirs:
            wrong.append(f"{what} is {theirs}, not {ours}")

    # Which headers are signed.
    if signed != sorted(set(signed)):
        wrong.append(f"signed headers are not sorted: {signed}")
    must = {name for name in names if name.startswith("x-amz-") or name.startswith("x-amzn-")}
    wrong += [f"{name} is not signed" for name in sorted({"host"} | must) if name not in signed]
    wrong += [f"{name} is signed but not sent" for name in signed if name not in names]
    wrong += [f"{name} is signed and must not be" for name in signed if name in NEVER_SIGNED]
    if request.method == "POST" and "content-type" not in signed:
        wrong.append("content-type is not signed")

    # The session token goes with its keys.
    if request.header("x-amz-security-token") != keys.token:
        wrong.append("x-amz-security-token is not that of the keys")

    # The time.
    date = request.header("x-amz-date", "")
    now = now or datetime.datetime.now(datetime.timezone.utc)
    try:
        then = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ")
        if abs((then.replace(tzinfo=datetime.timezone.utc) - now).total_seconds()) > 300:
            wrong.append(f"x-amz-date is {date}, now is {now}")
    except ValueError:
        wrong.append(f"x-amz-date is {date!r}")
    if day != date[:8]:
        wrong.append(f"scope is of {day}, x-amz-date {date}")

    # The body.
    real_hash = hashlib.sha256(request.body).hexdigest()
    declared_hash = request.header("x-amz-content-sha256")
    if service == "s3" and declared_hash is None:
        wrong.append("no x-amz-content-sha256, which S3 wants")
    if declared_hash not in (None, real_hash, "UNSIGNED-PAYLOAD"):
        wrong.append("x-amz-content-sha256 is not that of the body")
    payload_hash = declared_hash or real_hash

    canonical = canonical_request(request, signed, payload_hash, service)
    if signature(keys, date, its_region, its_service, canonical) != its_signature:
        wrong.append("the signature does not match; canonical request:\n" + canonical)
    return wrong
