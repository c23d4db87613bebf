/* connection.h: the connections of one loop, from an accepted socket to its end.
 *
 * (1) An idle connection owns no buffer: sockets are read into the loop's scratch, and only the
 *     incomplete rest is kept.
 * (2) While a response is unsent nothing is read; while a handler has a request at most
 *     MF_PIPELINE_BYTES and one read are. So a client cannot make the server hold more than
 *     that for it.
 * (3) The end of what the client sends (FIN) may be a half-closed connection: a request that
 *     is whole gets its response, and one that is not is refused with what is missing. While a
 *     handler has the request of HTTP/1.1, "100 Continue" is sent after it: a client that has gone
 *     resets the connection, which ends the work within a tick. Any other reset
 *     ends everything at once; while the client has sent too much ahead (2) it is noticed when
 *     the server writes.
 * (4) A connection that the server ends while the client may be sending is shut down on the
 *     server's side and read on for a while, because closing it would reset it and the client
 *     would lose the response that says why (RFC 9112, 9.6).
 * (5) A refusal says what was wrong. Where the end of the request is known and near, its body
 *     is read and dropped and the connection stays open; else it closes. After bytes that could
 *     be read in two ways nothing more is read as a request.
 *
 * Threads: all functions on the loop's own. */
#ifndef MF_HTTP_CONNECTION_H
#define MF_HTTP_CONNECTION_H

#include "http/loop.h"

/* Takes over a socket that was just accepted. Over the limit of connections the client gets a
 * 503 and is sent away. Closes the socket without memory. */
void mf_connection_accept(mf_http_loop *loop, int fd);

/* The loop's turn: deferred requests, those that were resumed, runnable connections, and
 * one slice of work. None starves the others. */
void mf_connections_turn(mf_http_loop *loop);

/* Ends what waited too long. */
void mf_connections_check_deadlines(mf_http_loop *loop);

/* Reads idle connections once more when the drain begins: a request may have come that was
 * not read; a connection without one is closed. */
void mf_connections_drain(mf_http_loop *loop);

/* Destroys every connection. tells: pending requests end with on_disconnect. Returns how many
 * of them were in a request or response. */
uint32_t mf_connections_drop(mf_http_loop *loop, bool tells);

#endif
