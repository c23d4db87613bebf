/* log.h: one event, one line, one write().
 *
 *     {"ts":"2026-01-31T09:30:00.120Z","level":"info","event":"channel","name":"train","files":1}
 *
 * The line is JSON unless standard error is a terminal, where the same fields
 * are written as `info channel name=train files=1` for a person to read.
 *
 * (1) A line is at most MF_LOG_LINE_BYTES; a field that does not fit is left
 *     out whole, so the line stays valid JSON.
 * (2) Lines go to standard error. They hold no user data.
 * (3) Control characters never reach the output: text is escaped.
 *
 * Threads: any; lines of different threads do not mix. */
#ifndef MF_BASE_LOG_H
#define MF_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum { MF_LOG_LINE_BYTES = 4000 };

typedef enum mf_log_level {
    MF_LOG_DEBUG,
    MF_LOG_INFO,
    MF_LOG_WARNING,
    MF_LOG_ERROR,
} mf_log_level;

/* A line under construction; lives on the stack. */
typedef struct mf_log_line {
    bool on;
    mf_log_level level;
    uint32_t used;
    char text[MF_LOG_LINE_BYTES];
} mf_log_line;

/* Lines below `level` are dropped from now on. Default MF_LOG_INFO. */
void mf_log_set_level(mf_log_level level);

/* Understands "debug", "INFO", "warning", "error" and Python's numbers
 * ("10" … "40"), as SAGEMAKER_CONTAINER_LOG_LEVEL carries. False when it is
 * none of these; *level is then untouched. */
bool mf_log_level_parse(const char *text, mf_log_level *level);

/* begin, any number of fields, end. Keys are literals of ours. */
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
