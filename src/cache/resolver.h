/* resolver.h: a host's addresses, without waiting for them.
 *
 * getaddrinfo uses every source of names that the system is configured for, but it blocks and
 * has no time limit. So it runs on a thread of its own, and an event reports its end. A numeric
 * address needs no thread.
 *
 * (1) At most one thread at a time: a start while it runs gets the result of that thread.
 * (2) Destroying waits for nothing: a thread that still runs frees what it needs when it ends.
 *
 * Threads: all calls on the event base's. */
#ifndef MF_CACHE_RESOLVER_H
#define MF_CACHE_RESOLVER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct event_base;

enum { MF_ADDRESSES_MAX = 8 };

typedef struct mf_addresses {
    size_t n; /* 0: there are none, `why` says why */
    struct sockaddr_storage address[MF_ADDRESSES_MAX];
    socklen_t n_bytes[MF_ADDRESSES_MAX];
    char why[96];
} mf_addresses;

typedef struct mf_resolver mf_resolver;

/* For host (a name or a numeric address) and port; both copied. done is called from the
 * loop. NULL without memory. */
MF_MUST_CHECK mf_resolver *
mf_resolver_create(struct event_base *base, const char *host, uint16_t port,
                   void (*done)(void *argument, const mf_addresses *addresses), void *argument);

/* Begins. done follows, for a numeric address within this call. False: no thread could be
 * started. */
MF_MUST_CHECK bool mf_resolver_start(mf_resolver *resolver);

/* No done until the next start. */
void mf_resolver_stop(mf_resolver *resolver);

/* NULL is fine. */
void mf_resolver_destroy(mf_resolver *resolver);

#endif
