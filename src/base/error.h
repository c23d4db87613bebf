/* error.h: what went wrong, and where.
 *
 * A function that can fail returns bool and takes an mf_error that the caller owns. The function
 * that detects the error writes its text. The same text reaches the log, /opt/ml/output/failure and
 * an HTTP body.
 *
 * (1) The first error wins: a second mf_fail on the same mf_error changes nothing. So clean-up code
 *     may fail without hiding the cause.
 * (2) The text is one line of valid UTF-8 without control characters, whatever bytes were quoted in
 *     it, and shorter than MF_ERROR_TEXT_BYTES.
 * (3) Nothing here allocates, so running out of memory can be reported.
 *
 * Threads: an mf_error belongs to one thread at a time. */
#ifndef MF_BASE_ERROR_H
#define MF_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mf_error_code {
    MF_OK = 0,
    MF_ERR_ARGUMENT,       /* a caller of the library broke its contract             */
    MF_ERR_CONFIG,         /* a hyperparameter, channel or setting is wrong          */
    MF_ERR_PARSE,          /* data that cannot be read: file, line and column follow */
    MF_ERR_FORMAT,         /* a model or checkpoint file that is not usable          */
    MF_ERR_LIMIT,          /* more of something than a stated limit                  */
    MF_ERR_IO,             /* the operating system refused                           */
    MF_ERR_MEMORY,         /* no memory                                              */
    MF_ERR_DIVERGED,       /* training left the finite numbers                       */
    MF_ERR_STOPPED,        /* a stop was requested (SIGTERM)                        */
    MF_ERR_UNKNOWN,        /* an unknown user or item                                */
    MF_ERR_NOT_ACCEPTABLE, /* a response that the requested format cannot hold      */
} mf_error_code;

/* One sentence with its prefix fits the 1,024 characters of FailureReason. */
enum { MF_ERROR_TEXT_BYTES = 960 };

typedef struct mf_error {
    mf_error_code code;
    char text[MF_ERROR_TEXT_BYTES]; /* "" while code is MF_OK */
} mf_error;

/* A place in an input. path may be NULL (no place at all); line and column count from 1, 0 means
 * unknown. column is the field's first byte. */
typedef struct mf_where {
    const char *path;
    uint64_t line;
    uint64_t column;
} mf_where;

#define MF_NOWHERE ((mf_where){NULL, 0, 0})

/* Before a function that can fail: the compiler warns when a caller ignores the result. */
#define MF_MUST_CHECK __attribute__((warn_unused_result))

/* Writes "path:line:column: message" (of a path over 400 bytes its end) into err and returns false,
 * so that a failing function ends with `return mf_fail(…)`. err may be NULL. Bytes that are not
 * valid UTF-8 and control characters appear as \xNN. */
__attribute__((format(printf, 4, 5))) bool mf_fail(mf_error *err, mf_error_code code,
                                                   mf_where where, const char *format, ...);

/* The same for a failed system call: appends ": " and the text of errnum. */
__attribute__((format(printf, 4, 5))) bool mf_fail_errno(mf_error *err, int errnum, mf_where where,
                                                         const char *format, ...);

/* Fails with another error's code and text. */
bool mf_fail_again(mf_error *err, const mf_error *cause);

/* The class in failure reports: "ClientError" (data, hyperparameters, settings), "PlatformError" (disk, memory)
 * or "AlgorithmError" (a bug of ours); "Stopped" after a signal. */
const char *mf_error_class(mf_error_code code);

/* A short stable name for logs: "parse", "config", … */
const char *mf_error_name(mf_error_code code);

/* Back to MF_OK and "". */
void mf_error_clear(mf_error *err);

/* Copies bytes into out as one printable line: valid UTF-8 stays, control characters and invalid
 * bytes become \xNN, what does not fit is cut at a character and marked with "…". out_size > 4.
 * Returns out. */
char *mf_printable(char *out, size_t out_size, const void *bytes, size_t n_bytes);

#endif
