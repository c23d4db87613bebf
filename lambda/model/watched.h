/* watched.h: an S3 object or a file that a function uses and looks at again for newer versions.
 *
 *     s3://bucket/key    downloaded into a file without a name in $TMPDIR or /tmp
 *     a path             opened in place: replace it by renaming, never write into it
 *
 * (1) A version is S3's ETag, or a file's inode, size and time of change.
 * (2) A newer version takes the place of the old one only when it could be read and used. When it
 *     could not, the function keeps the old version and the log says why.
 * (3) A look ends by its deadline. What cannot be interrupted, the use of a version, begins only
 *     when twice the time is left that the last version took per byte.
 * (4) Ages use the wall clock: the monotonic clock may stand still while a function is frozen
 *     (docs/lambda.md, 1.6.8).
 *
 * Threads: one. */
#ifndef MF_LAMBDA_MODEL_WATCHED_H
#define MF_LAMBDA_MODEL_WATCHED_H

#include "lambda/aws/client.h"
#include "lambda/aws/s3.h"

#include <sys/types.h>
#include <time.h>

/* The largest /tmp that Lambda offers: the limit of an object. */
#define MF_LAMBDA_WATCHED_BYTES ((uint64_t)10 << 30)

/* Zeroed: no version yet. */
typedef struct mf_lambda_watched_version {
    char etag[MF_AWS_S3_ETAG_BYTES];
    struct timespec changed;
    off_t n_bytes;
    ino_t inode;
} mf_lambda_watched_version;

/* Makes what the function uses from the file fd, which is at its beginning, and replaces the old
 * one by it. name is the place, for errors. deadline_ms: wall clock; 0: none. */
typedef bool mf_lambda_watched_use(void *context, int fd, const char *name, int64_t deadline_ms,
                                   mf_error *err);

/* Looks at the first MF_LAMBDA_WATCHED_START bytes of an object of n_bytes. False and *err: the rest
 * is not downloaded. */
typedef bool mf_lambda_watched_check(const void *first, uint64_t n_bytes, const char *name,
                                     mf_error *err);
enum { MF_LAMBDA_WATCHED_START = 512 };

typedef struct mf_lambda_watched {
    const char *what; /* "movies", for errors */
    char uri[MF_AWS_S3_URI_BYTES];
    mf_aws_client *s3; /* NULL: uri is a path */
    mf_aws_s3_location location;
    mf_lambda_watched_use *use;
    void *context;
    mf_lambda_watched_check *check; /* NULL, until it is set after start */
    mf_lambda_watched_version version;
    int64_t known_ms;   /* wall clock: when the version was last current */
    int64_t looked_ms;  /* wall clock: the last look, successful or not  */
    mf_error failure;   /* of the last look; MF_OK: it succeeded             */
    double ms_per_byte; /* that the use of the last version took; 0: not known */
} mf_lambda_watched;

/* Reads nothing. uri is copied, all other pointers are borrowed; s3 (of service MF_AWS_S3) may be
 * NULL when uri is a path. Fails MF_ERR_CONFIG. */
MF_MUST_CHECK bool mf_lambda_watched_start(mf_lambda_watched *place, const char *what,
                                           const char *uri, mf_aws_client *s3,
                                           mf_lambda_watched_use *use, void *context,
                                           mf_error *err);

/* Looks at the place and uses what is newer than the known version, if there is something.
 * deadline_ms: wall clock; 0: none. Fails with the place and the reason: MF_ERR_IO, MF_ERR_CONFIG
 * (S3 denies it), and as `use` does. */
MF_MUST_CHECK bool mf_lambda_watched_load(mf_lambda_watched *place, int64_t deadline_ms,
                                          mf_error *err);

/* The same; a failure is logged ("movies_not_refreshed"). */
bool mf_lambda_watched_refresh(mf_lambda_watched *place, int64_t deadline_ms);

/* The same when the last look was every_seconds ago (0: never), within share_ms and most_ms. */
void mf_lambda_watched_refresh_if_due(mf_lambda_watched *place, uint32_t every_seconds,
                                      int64_t share_ms, int64_t most_ms);

/* Milliseconds since the known version was last current; 0 when the clock was set back. */
int64_t mf_lambda_watched_age_ms(const mf_lambda_watched *place);

#endif
