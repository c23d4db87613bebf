/* stream.h: one connection, opened again and again: name, address, TCP, TLS, bytes.
 *
 * (1) Every open ends in ready or in lost, unless it is closed before; after ready come
 *     bytes, and lost once. Nothing is called after close or lost.
 * (2) Nothing blocks. Time limits are the caller's: it closes.
 * (3) Several addresses are tried in turn. When none is ready, `lost` has the reason of the
 *     address that got furthest: connected, then refused or timed out, then no route.
 *
 * The caller may close, or open again, from within any call; it may not destroy.
 *
 * Threads: the event base's. */
#ifndef MF_CACHE_STREAM_H
#define MF_CACHE_STREAM_H

#include "base/error.h"
#include "cache/tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;

typedef struct mf_stream mf_stream;

typedef struct mf_stream_events {
    void (*ready)(void *argument);
    void (*bytes)(void *argument, const char *bytes, size_t n_bytes);
    /* why is one printable line. closed: by the other end, after ready; as when a
     * server is restarted, or a network drops idle connections. */
    void (*lost)(void *argument, bool closed, const char *why);
} mf_stream_events;

/* tls NULL: bytes go as they are. events is copied; tls must outlive the stream. NULL
 * without memory. */
MF_MUST_CHECK mf_stream *mf_stream_create(struct event_base *base, mf_tls *tls, const char *host,
                                          uint16_t port, const mf_stream_events *events,
                                          void *argument);

/* Not while it is open. */
void mf_stream_open(mf_stream *stream);

/* Forgets the connection, if there is one, and what was not sent. */
void mf_stream_close(mf_stream *stream);

/* After ready. What is sent in one round of the loop goes out together. False without
 * memory. */
MF_MUST_CHECK bool mf_stream_send(mf_stream *stream, const char *bytes, size_t n_bytes);

/* Bytes that the socket has not taken yet. */
size_t mf_stream_unsent(const mf_stream *stream);

/* What is not done yet of opening, for messages ("TCP does not connect"). NULL: it is ready. */
const char *mf_stream_step(const mf_stream *stream);

/* NULL is fine. */
void mf_stream_destroy(mf_stream *stream);

#endif
