/* failure.h: output/failure: its first 1,024 characters become the job's
 * FailureReason.
 *
 * (1) One line of valid UTF-8, at most MF_FAILURE_TEXT_MAX characters, that starts
 *     with the class of the error, which tells who must act: "ClientError:
 *     ratings.csv:41:9: rating "4;5" is not a number"; "Stopped" after SIGTERM.
 * (2) A file that is not empty is kept: the first reason is the cause,
 *     later ones are its consequences (docs/sagemaker.md, 2.9.7).
 * (3) It appears complete or not at all.
 *
 * A reason that was there before this process began is kept as well while the run
 * fails, because it may come from a wrapper that started us; a run that ends well
 * removes it (mf_failure_remove), so that success leaves no failure file. On the
 * platform neither is needed: a retry gets a new output folder (2.1.5).
 *
 * Write it last, after all logging (2.9.4). */
#ifndef MF_SAGEMAKER_FAILURE_H
#define MF_SAGEMAKER_FAILURE_H

#include "base/error.h"

#include <stdbool.h>

enum { MF_FAILURE_TEXT_MAX = 1024 };

/* True when the file is there and not empty. */
bool mf_failure_exists(const char *path);

/* Writes `reason` to path (tree.failure), creating its folder. True as well when
 * an earlier reason was kept (mf_failure_exists before tells). Best effort: false
 * and MF_ERR_IO when it cannot be written, which is for the log only. */
MF_MUST_CHECK bool mf_failure_write(const char *path, const mf_error *reason, mf_error *err);

/* Removes the file; none is fine. Fails MF_ERR_IO. */
MF_MUST_CHECK bool mf_failure_remove(const char *path, mf_error *err);

#endif
