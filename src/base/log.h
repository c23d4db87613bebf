/* log.h: one event, one line, one write().
 *
 *     {"ts":"2026-01-31T09:30:00.120Z","level":"info","event":"channel","name":"train","files":1}
 *
 * The line is JSON unless standard error is a terminal, where the same fields
 * are written as `info channel name=train files=1` for a person to read. Where the
 * platform wants other words for the same (Lambda), a program sets another style.
 *
 * (1) A line is at most MF_LOG_LINE_BYTES; a field that does not fit is left
 *     out whole, so the line stays valid JSON.
 * (2) Lines go to standard error, unless a style says otherwise. They hold no user data.
 * (3) Control characters never reach the output: text is escaped.
 * (4) Logging does not hang: a line that cannot be written within a second (nobody
 *     empties the pipe) is dropped, and so are the next ones, without that second,
 *     until one can be written.
 *
 * Threads: any; lines of different threads do not mix. */
#ifndef MF_BASE_LOG_H
#define MF_BASE_LOG_H

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

/* A line under construction; lives on the stack. */
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

/* Understands "debug", "INFO", "warning", "error" and Python's numbers
 * ("10" … "40"), as SAGEMAKER_CONTAINER_LOG_LEVEL carries. False when it is
 * none of these; *level is then untouched. */
bool mf_log_level_parse(const char *text, mf_log_level *level);

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

/* From now on lines look like this; NULL: as at the start. The style is copied, its
 * texts are not. Before other threads log. */
void mf_log_set_style(const mf_log_style *style);

enum { MF_LOG_CONTEXT_BYTES = 256 };

/* What the style's context_key says from now on ("" at the start); cut to fit. */
void mf_log_set_context(const char *value);

/* A line that was made elsewhere, its newline included: one write(), to where the
 * log goes. Over PIPE_BUF bytes (4) does not hold. */
void mf_log_write(const char *line, size_t n_bytes);

/* write(2) of at most PIPE_BUF bytes to a descriptor that may be the log's, if that can
 * be done at once; else -1 with EAGAIN, even when the descriptor blocks. */
ssize_t mf_log_try_write(int fd, const char *bytes, size_t n_bytes);

/* begin, any number of fields, end. Keys and event are literals of ours; an event has
 * at most 64 bytes. */
void mf_log_begin(mf_log_line *line, mf_log_level level, const char *event);
void mf_log_text(mf_log_line *line, const char *key, const char *value);
void mf_log_count(mf_log_line *line, const char *key, uint64_t value);
void mf_log_number(mf_log_line *line, const char *key, double value, int decimals);
void mf_log_bool(mf_log_line *line, const char *key, bool value);
void mf_log_end(mf_log_line *line);

/* The commonest line: an event and one sentence under "message". */
__attribute__((format(printf, 3, 4))) void mf_log_message(mf_log_level level, const char *event,
                                                          const char *format, ...);

/* Called with standard error's lock held before a line is written and after it,
 * so that a progress bar can get out of the way. NULL removes it. */
void mf_log_set_hook(void (*hook)(bool before));

#endif
