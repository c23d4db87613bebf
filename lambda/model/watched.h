/* watched.h: an S3 object or a file that is polled for a newer version: its place, the version
 * that was read, and when it was last looked at.
 *
 * (1) A version is S3's ETag, or a file's inode, size and time of change.
 * (2) Ages use the wall clock: the monotonic clock may stand still while a function is frozen
 *     (docs/lambda.md, 1.6.8).
 *
 * Threads: one. */
#ifndef MF_LAMBDA_MODEL_WATCHED_H
#define MF_LAMBDA_MODEL_WATCHED_H

#include "lambda/aws/client.h"
#include "lambda/aws/s3.h"

#include <sys/types.h>
#include <time.h>

/* Zeroed: no version yet. */
typedef struct mf_lambda_watched_version {
    char etag[MF_AWS_S3_ETAG_BYTES];
    struct timespec changed;
    off_t n_bytes;
    ino_t inode;
} mf_lambda_watched_version;

typedef struct mf_lambda_watched {
    const char *what; /* "movies", for errors */
    char uri[MF_AWS_S3_URI_BYTES];
    mf_aws_client *s3; /* NULL: uri is a path */
    mf_aws_s3_location location;
    mf_lambda_watched_version version;
    int64_t known_ms; /* wall clock: when the version was last current */
    int64_t asked_ms; /* wall clock: the last look, successful or not  */
} mf_lambda_watched;

/* Reads nothing. uri is copied, what and s3 are borrowed; s3 (of service MF_AWS_S3) may be
 * NULL when uri is a path. Fails MF_ERR_CONFIG. */
bool mf_lambda_watched_start(mf_lambda_watched *place, const char *what, const char *uri,
                             mf_aws_client *s3, mf_error *err);

/* Opens a path for reading; the caller closes it. *version is that of the file, *is_newer says if
 * it differs from the known one. -1: MF_ERR_IO with the path. */
int mf_lambda_watched_open_file(const mf_lambda_watched *place, mf_lambda_watched_version *version,
                                bool *is_newer, mf_error *err);

/* Downloads an object of at most max_bytes into the sink, unless its version is the known one
 * (*is_newer is then false). deadline_ms: wall clock; 0: none. */
bool mf_lambda_watched_get_object(const mf_lambda_watched *place, const mf_aws_sink *sink,
                                  uint64_t max_bytes, int64_t deadline_ms,
                                  mf_lambda_watched_version *version, bool *is_newer,
                                  mf_aws_failure *failure);

/* Records a look that began at start_ms. version: read or unchanged; NULL: the look failed. */
void mf_lambda_watched_seen(mf_lambda_watched *place, int64_t start_ms,
                            const mf_lambda_watched_version *version);

/* Milliseconds since the known version was last current, and since the last look. When the clock
 * was set back, the first is 0 and the second INT64_MAX, so that a look is due. */
int64_t mf_lambda_watched_age_ms(const mf_lambda_watched *place);
int64_t mf_lambda_watched_asked_ms(const mf_lambda_watched *place);

/* The deadline (wall clock) of a look now, at most share_ms and most_ms away; 0 when none is due:
 * the last look was less than every_seconds ago, every_seconds is 0, or there is no time. */
int64_t mf_lambda_watched_ask_until_ms(const mf_lambda_watched *place, uint32_t every_seconds,
                                       int64_t share_ms, int64_t most_ms);

#endif
