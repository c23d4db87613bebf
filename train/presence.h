/* presence.h: the hosts of a job stay until the first one is done.
 *
 * The first host trains. If another one ended earlier, SageMaker's local mode would stop the whole
 * job (docker compose up --abort-on-container-exit) and report success without a model. So the
 * others connect to the first host and wait. The first host sends one byte a second, and a last one
 * when its outputs are written or when it has failed.
 *
 *   first host                       others
 *   mf_presence_open                 mf_presence_wait
 *   … train, write …
 *   mf_presence_close
 *
 * TCP; a connection begins with the protocol's name and the host's name in one line. Connections
 * that begin otherwise are closed.
 * Threads: the first host has one thread for all connections, between open and close. */
#ifndef MF_TRAIN_PRESENCE_H
#define MF_TRAIN_PRESENCE_H

#include "base/error.h"
#include "sagemaker/job_config.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum mf_presence_end {
    MF_PRESENCE_DONE,   /* the first host has written its outputs */
    MF_PRESENCE_FAILED, /* it has failed and given the reason itself */
    MF_PRESENCE_ABSENT, /* it could not be reached for wait_seconds */
} mf_presence_end;

typedef struct mf_presence mf_presence;

/* Listens on the port of all addresses. NULL and *err when that is impossible (MF_ERR_IO: the port
 * is in use; MF_ERR_MEMORY); training can go ahead without. wait_seconds: what the others have in
 * mf_presence_wait. */
mf_presence *mf_presence_open(const mf_hosts *hosts, uint16_t port, double wait_seconds,
                              mf_error *err);

/* Sends the last byte, so that the first host leaves last: waits up to 2 s until the others have
 * closed their connections and, after a short training, until 10 s (or wait_seconds) after open for
 * others that have not connected yet. NULL is fine. */
void mf_presence_close(mf_presence *presence, bool done);

/* Connects to the first host, trying for wait_seconds, then waits for its last byte. Fails
 * MF_ERR_IO (the connection ended, or 15 s passed without a byte: the first host is lost),
 * MF_ERR_STOPPED. */
MF_MUST_CHECK bool mf_presence_wait(const mf_hosts *hosts, uint16_t port, double wait_seconds,
                                    mf_presence_end *end, mf_error *err);

#endif
