/* model_file.h: a model.bin as bytes in this process, from wherever it is.
 *
 *     s3://bucket/key       fetched into a file without a name in $TMPDIR or /tmp
 *     a path                mapped where it is
 *     model.tar.gz          of either: as a training job leaves it; model.bin lies at the
 *                           top or one folder deep, and goes into another such file
 *
 * (1) What a file is its first bytes say, not its name.
 * (2) Nothing is left behind in /tmp, however the process ends.
 * (3) Whether the bytes are a model is not looked at: mf_model_open_bytes does.
 *
 * Threads: any, one file each. */
#ifndef MF_LAMBDA_PREDICT_MODEL_FILE_H
#define MF_LAMBDA_PREDICT_MODEL_FILE_H

#include "lambda/aws/client.h"
#include "lambda/aws/s3_uri.h"

/* Lambda's largest /tmp. */
#define MF_MODEL_FILE_BYTES ((uint64_t)10 << 30)

typedef struct mf_model_file {
    const void *bytes; /* [n_bytes] mapped, read-only, page-aligned */
    size_t n_bytes;
    char name[MF_S3_URI_BYTES + 64]; /* where it came from */
} mf_model_file;

/* s3 may be NULL when uri is a path. deadline_ms: wall clock; 0: none.
 * Fails MF_ERR_CONFIG, MF_ERR_IO, MF_ERR_FORMAT (an archive that is damaged or has no
 * model.bin), MF_ERR_LIMIT, MF_ERR_MEMORY. */
bool mf_model_file_open(mf_model_file *file, const char *uri, mf_aws_client *s3,
                        int64_t deadline_ms, mf_error *err);

/* A zeroed or closed one is fine. */
void mf_model_file_close(mf_model_file *file);

#endif
