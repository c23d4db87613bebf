/* function.h: a function: its queue of invocations, and the environments that run them.
 *
 * (1) An invocation goes to an environment that waits; when none does, one that is off is
 *     started. The invocation waits when all work, and is rejected (429) when `queue` wait
 *     already. Lambda itself has no queue; queue 0 is as strict.
 * (2) Oldest first. A start that fails fails the oldest invocation, which caused it.
 * (3) An environment that ended starts again for what waits, or at once when the function
 *     starts early, unless it ended before its first `next`: no start is repeated for ever.
 *
 * Threads: one. */
#ifndef MF_LOCAL_RUNTIME_FUNCTION_H
#define MF_LOCAL_RUNTIME_FUNCTION_H

#include "base/error.h"
#include "local/local_settings.h"
#include "local/runtime/invocation.h"

struct event_base;

typedef struct mf_local_function mf_local_function;

/* Opens the Runtime API of each environment. NULL and MF_ERR_IO, MF_ERR_MEMORY. settings
 * must outlive it. */
MF_MUST_CHECK mf_local_function *mf_local_function_create(struct event_base *base,
                                                          const mf_local_settings *settings,
                                                          uint32_t index, mf_error *err);
void mf_local_function_destroy(mf_local_function *function);

/* Starts what starts early. cloud_port: where we listen. */
void mf_local_function_open(mf_local_function *function, uint16_t cloud_port);

const char *mf_local_function_name(const mf_local_function *function);
const char *mf_local_function_arn(const mf_local_function *function);

/* Takes the invocation, whose done may be called before this returns. False: too many; the
 * invocation stays the caller's. */
MF_MUST_CHECK bool mf_local_function_submit(mf_local_function *function,
                                            mf_local_invocation *invocation);

/* After SIGCHLD: looks which processes have ended. */
void mf_local_function_reap(mf_local_function *function);

/* Nothing starts any more; every process gets the signal. Returns how many there are. */
unsigned mf_local_function_stop(mf_local_function *function, int signal_number);

#endif
