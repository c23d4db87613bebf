"""bodies.py: request bodies: a small one and those of any size."""

MIB = 1 << 20
PAIR = b'{"userId":"1","movieId":"1001"}'


def big_body(n_bytes):
    """A body of exactly that size that holds many instances."""
    start, end = b'{"instances":[', b"]}"
    n = (n_bytes - len(start) - len(end) + 1) // (len(PAIR) + 1)
    body = start + b",".join([PAIR] * n) + end
    return body + b" " * (n_bytes - len(body)), n
