"""zstd.py: libzstd by ctypes, as gzip is in Python's library."""

import ctypes

LIBRARY = ctypes.CDLL("libzstd.so.1")
for name in ("ZSTD_compressBound", "ZSTD_compress", "ZSTD_decompress"):
    getattr(LIBRARY, name).restype = ctypes.c_size_t


def _call(function, capacity, content, *options):
    out = ctypes.create_string_buffer(capacity)
    n = function(out, ctypes.c_size_t(capacity), content, ctypes.c_size_t(len(content)), *options)
    if LIBRARY.ZSTD_isError(ctypes.c_size_t(n)):
        raise ValueError("not zstd")
    return out.raw[:n]


def compress(content, level=3):
    return _call(LIBRARY.ZSTD_compress, LIBRARY.ZSTD_compressBound(ctypes.c_size_t(len(content))), content, level)


def decompress(content):
    """Of at most 64 times the size."""
    return _call(LIBRARY.ZSTD_decompress, 64 * len(content) + (1 << 20), content)
