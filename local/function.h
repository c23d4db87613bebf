/* function.h: a function: invocations in a queue, and environments that take them.
 *
 * (1) An invocation goes to an environment that waits; when none does, one that is off is
 *     started. It waits when all work, and is refused (429) when `queue` wait already.
 *     Lambda itself has no queue; queue 0 is as strict.
 * (2) Oldest first. A start that fails fails the oldest one, as it was its cause.
 * (3) An environment that ended starts again for what waits, or at once when the function
 *     starts early, unless it ended before its first `next`: nothing is tried for ever.
 *
 * Threads: one. */
#ifndef MF_LOCAL_FUNCTION_H
#define MF_LOCAL_FUNCTION_H

#include "invoke.h"
#include "settings.h"

struct event_base;
struct mf_sandbox;

typedef struct mf_function mf_function;

/* Opens the Runtime API of each environment. NULL and MF_ERR_IO, MF_ERR_MEMORY. settings
 * must outlive it. */
mf_function *mf_function_create(struct event_base *base, const mf_local_settings *settings,
                                uint32_t index, mf_error *err);
void mf_function_destroy(mf_function *function);

/* Starts what starts early. cloud_port: where we listen. */
void mf_function_open(mf_function *function, uint16_t cloud_port);

const char *mf_function_name(const mf_function *function);
const char *mf_function_arn(const mf_function *function);

/* Takes the invocation, whose done may be called before this returns. False: too many; the
 * invocation stays the caller's. */
bool mf_function_submit(mf_function *function, mf_invoke *invoke);

/* After SIGCHLD: looks which processes have ended. */
void mf_function_reap(mf_function *function);

/* Nothing starts any more; every process gets the signal. Returns how many there are. */
unsigned mf_function_stop(mf_function *function, int signal_number);
bool mf_function_is_stopping(const mf_function *function);

/* For the environments: one waits for an event; one has ended, and had (or had not) been
 * ready before; the oldest waiting invocation, NULL without one. */
void mf_function_on_ready(mf_function *function, struct mf_sandbox *sandbox);
void mf_function_on_end(mf_function *function, struct mf_sandbox *sandbox, bool was_ready);
mf_invoke *mf_function_take(mf_function *function);

#endif
