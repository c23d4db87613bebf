/* tls.h: encrypted connections to an authenticated server.
 *
 * Debian 12's hiredis has no TLS, so it is libevent's (libevent_openssl) that carries
 * Redis' protocol here. OpenSSL enters through tls.c.
 *
 * (1) A server is accepted only when its certificate is signed by one of the authorities
 *     (those of the file, or without one the system's), is in date, and is for the host of
 *     mf_tls_create, by name or by address.
 * (2) TLS 1.2 at least. The name is sent along (SNI).
 *
 * Threads: create in one; wrap in any number. */
#ifndef MF_CACHE_TLS_H
#define MF_CACHE_TLS_H

#include "base/error.h"

#include <stddef.h>

struct bufferevent;
struct event_base;

typedef struct mf_tls mf_tls;

/* ca_file: certificates in PEM, "" for those of the system. host: the name or address that the
 * certificate must have.
 * Fails MF_ERR_CONFIG: the file cannot be read or holds no certificate; MF_ERR_MEMORY. */
MF_MUST_CHECK mf_tls *mf_tls_create(const char *ca_file, const char *host, mf_error *err);

/* Begins a handshake on a connected socket, which belongs to the bufferevent then. NULL
 * without memory; the socket is the caller's still. */
MF_MUST_CHECK struct bufferevent *mf_tls_wrap(mf_tls *tls, struct event_base *base, int fd);

/* Why a connection of mf_tls_wrap failed, as one printable line; false when TLS was not
 * the reason. */
MF_MUST_CHECK bool mf_tls_explain(struct bufferevent *stream, char *why, size_t n_bytes);

/* NULL is fine. After the last of its connections. */
void mf_tls_destroy(mf_tls *tls);

#endif
