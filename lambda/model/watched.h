/* watched.h: a place that is looked at again and again for something newer: s3://bucket/key or
 * the path of a file, which version of it was read, and when it was last looked at.
 *
 * (1) A version is S3's ETag, or a file's inode, size and time of change.
 * (2) Ages are by the wall clock: the steady one may stand still while a function is frozen
 *     (docs/lambda.md, 1.6.8).
 *
 * Threads: one. */
#ifndef MF_LAMBDA_MODEL_WATCHED_H
#define MF_LAMBDA_MODEL_WATCHED_H

#include "lambda/aws/client.h"
#include "lambda/aws/s3.h"

#include <sys/types.h>
#include <time.h>

/* Zeroed: none. */
typedef struct mf_watched_version {
    char etag[MF_AWS_S3_ETAG_BYTES];
    struct timespec changed;
    off_t n_bytes;
    ino_t inode;
} mf_watched_version;

typedef struct mf_watched {
    const char *what; /* "movies", for errors */
    char uri[MF_AWS_S3_URI_BYTES];
    mf_aws_client *s3; /* NULL: uri is a path */
    mf_aws_s3_location location;
    mf_watched_version version;
    int64_t known_ms; /* wall clock: when the version was last seen at the place */
    int64_t asked_ms; /* when somebody last looked                               */
} mf_watched;

/* Reads nothing. uri is copied, what and s3 are borrowed; s3 (of service MF_AWS_S3) may be
 * NULL when uri is a path. Fails MF_ERR_CONFIG. */
bool mf_watched_start(mf_watched *place, const char *what, const char *uri, mf_aws_client *s3,
                      mf_error *err);

/* Opens a path for reading; the caller closes. *version gets what is there, *is_newer is
 * false when that is known. -1: MF_ERR_IO with the path. */
int mf_watched_open_file(const mf_watched *place, mf_watched_version *version, bool *is_newer,
                         mf_error *err);

/* Fetches an object of at most max_bytes into the sink, unless the one there is known
 * (*is_newer is then false). deadline_ms: wall clock; 0: none. */
bool mf_watched_get_object(const mf_watched *place, const mf_aws_sink *sink, uint64_t max_bytes,
                           int64_t deadline_ms, mf_watched_version *version, bool *is_newer,
                           mf_aws_failure *failure);

/* After a look that began at start_ms: the version that was taken, or found unchanged; NULL
 * when it failed. */
void mf_watched_seen(mf_watched *place, int64_t start_ms, const mf_watched_version *version);

/* Milliseconds since the place was last known to have nothing newer, and since it was last
 * asked. When the clock was set back the first is 0 and the second INT64_MAX: time to ask. */
int64_t mf_watched_age_ms(const mf_watched *place);
int64_t mf_watched_asked_ms(const mf_watched *place);

/* The wall clock's ms until which the place may be asked now, share_ms of the event's time and
 * most_ms at most; 0 when it was asked less than every_seconds ago (0: it never is), or there
 * is no time. */
int64_t mf_watched_ask_until_ms(const mf_watched *place, uint32_t every_seconds, int64_t share_ms,
                                int64_t most_ms);

#endif
