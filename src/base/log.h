/* log.h: one event, one line, one write().
 *
 *     {"ts":"2026-01-31T09:30:00.120Z","level":"info","event":"channel","name":"train","files":1}
 *
 * The line is JSON unless standard error is a terminal, where the same fields are written as `info
 * channel name=train files=1` for a person to read. A program sets another style where the platform
 * requires other names for the same fields (Lambda).
 *
 * (1) A line is at most MF_LOG_LINE_BYTES; a field that does not fit is left out whole, so the line
 *     stays valid JSON.
 * (2) Lines go to standard error, unless a style says otherwise. They hold no user data.
 * (3) Control characters never reach the output: text is escaped.
 * (4) Logging does not hang: a line that cannot be written within a second (a full pipe) is
 *     dropped. The next lines are then dropped at once, until one can be written.
 *
 * Threads: any; lines of different threads do not mix. */
#ifndef MF_BASE_LOG_H
#define MF_BASE_LOG_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { MF_LOG_LINE_BYTES = 4000 };

typedef enum mf_log_level {
    MF_LOG_DEBUG,
    MF_LOG_INFO,
    MF_LOG_WARNING,
    MF_LOG_ERROR,
    MF_LOG_FATAL, /* the process ends because of it */
    MF_LOG_LEVELS
} mf_log_level;

/* A line under construction, on the stack of the caller. */
typedef struct mf_log_line {
    bool on;
    bool has_message;
    mf_log_level level;
    const char *event;
    uint32_t used;
    char text[MF_LOG_LINE_BYTES];
} mf_log_line;

/* Lines below `level` are dropped from now on. Default MF_LOG_INFO. */
void mf_log_set_level(mf_log_level level);

/* Reads "debug", "INFO", "warning", "error" and Python's numbers ("10" … "50"), the values of
 * SAGEMAKER_CONTAINER_LOG_LEVEL. False for anything else; *level is then untouched. */
MF_MUST_CHECK bool mf_log_level_parse(const char *text, mf_log_level *level);

/* Words and places of a line. */
typedef enum mf_log_format {
    MF_LOG_JSON_UNLESS_TERMINAL, /* JSON; at a terminal as a person reads it       */
    MF_LOG_JSON,                 /* always JSON                                    */
    MF_LOG_PLAIN,                /* 2026-01-31T09:30:00.120Z INFO channel files=1  */
} mf_log_format;

typedef struct mf_log_style {
    int fd;
    mf_log_format format;
    const char *time_key;                   /* "ts"                                    */
    const char *level_names[MF_LOG_LEVELS]; /* "debug", "info", …                      */
    const char *context_key; /* a text that every line has; NULL: there is none        */
    bool always_a_message;   /* a line without "message" gets its event as one         */
} mf_log_style;

/* Sets the style of all later lines; NULL: the initial one. The style is copied, its texts are not.
 * To be called before other threads log. */
void mf_log_set_style(const mf_log_style *style);

enum { MF_LOG_CONTEXT_BYTES = 256 };

/* Sets the value of the style's context_key ("" at the start); cut to fit. */
void mf_log_set_context(const char *value);

/* Writes a complete line, its newline included, to the log's descriptor with one write(). Promise
 * (4) does not hold for more than PIPE_BUF bytes. */
void mf_log_write(const char *line, size_t n_bytes);

/* write(2) of at most PIPE_BUF bytes to a descriptor that may be the log's, if that is possible at
 * once; else -1 with EAGAIN, even when the descriptor blocks. */
ssize_t mf_log_try_write(int fd, const char *bytes, size_t n_bytes);

/* begin, any number of fields, end. Keys and event are literals of ours; an event has at most 64
 * bytes. */
void mf_log_begin(mf_log_line *line, mf_log_level level, const char *event);
void mf_log_text(mf_log_line *line, const char *key, const char *value);
void mf_log_count(mf_log_line *line, const char *key, uint64_t value);
void mf_log_number(mf_log_line *line, const char *key, double value, int decimals);
void mf_log_bool(mf_log_line *line, const char *key, bool value);
void mf_log_end(mf_log_line *line);

/* The commonest line: an event and one sentence under "message". */
__attribute__((format(printf, 3, 4))) void mf_log_message(mf_log_level level, const char *event,
                                                          const char *format, ...);

/* Sets a function that is called before and after each line, with the log's lock held. A progress
 * bar clears itself there. NULL removes it. */
void mf_log_set_hook(void (*hook)(bool before));

#endif
