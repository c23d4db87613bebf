/* log.c: a line is built in a buffer on the stack and written by one write() under a lock. */
#include "base/log.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static mf_log_level lowest = MF_LOG_INFO;
static void (*hook)(bool before);
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;
static const mf_log_style standard = {
    .fd = STDERR_FILENO,
    .format = MF_LOG_JSON_UNLESS_TERMINAL,
    .time_key = "ts",
    .level_names = {"debug", "info", "warning", "error", "fatal"},
};
static mf_log_style given;
static const mf_log_style *style = &standard;
static char context[MF_LOG_CONTEXT_BYTES];

/* Bytes kept free for the closing brace and the newline, and for `,"message":"event"`. */
enum { CLOSING_BYTES = 2, MESSAGE_BYTES = 80 };

enum { PATIENCE_MS = 1000 };

void mf_log_set_level(mf_log_level level)
{
    lowest = level;
}

void mf_log_set_hook(void (*new_hook)(bool before))
{
    hook = new_hook;
}

void mf_log_set_style(const mf_log_style *new_style)
{
    if (new_style != NULL)
        given = *new_style;
    style = new_style != NULL ? &given : &standard;
}

void mf_log_set_context(const char *value)
{
    pthread_mutex_lock(&output);
    mf_printable(context, sizeof context, value, strlen(value));
    pthread_mutex_unlock(&output);
}

bool mf_log_level_parse(const char *text, mf_log_level *level)
{
    static const char *const words[] = {
        [MF_LOG_DEBUG] = "debug 10",
        [MF_LOG_INFO] = "info 20",
        [MF_LOG_WARNING] = "warning warn 30",
        [MF_LOG_ERROR] = "error 40 critical 50",
    };
    for (mf_log_level i = MF_LOG_DEBUG; i <= MF_LOG_ERROR; i++)
        if (mf_word_find(words[i], text, strlen(text)) != SIZE_MAX) {
            *level = i;
            return true;
        }
    return false;
}

/* Whether a line is key=value, for a person at a terminal, and not JSON. */
static bool for_a_person(void)
{
    static int known = -1;
    if (style->format != MF_LOG_JSON_UNLESS_TERMINAL)
        return style->format == MF_LOG_PLAIN;
    if (known < 0)
        known = isatty(style->fd) ? 1 : 0;
    return known == 1;
}

/* Appends piece if it fits and leaves `kept` bytes free, else nothing. */
static bool append(mf_log_line *line, const char *piece, size_t kept)
{
    const size_t n = strlen(piece);
    if (line->used + n + kept > sizeof line->text)
        return false;
    memcpy(line->text + line->used, piece, n);
    line->used += (uint32_t)n;
    return true;
}

/* Appends key and rendered value if they fit. */
static bool field(mf_log_line *line, const char *key, const char *rendered, size_t kept)
{
    char pair[MF_LOG_LINE_BYTES];
    const int n =
        snprintf(pair, sizeof pair, for_a_person() ? " %s=%s" : ",\"%s\":%s", key, rendered);
    return n > 0 && (size_t)n < sizeof pair && append(line, pair, kept);
}

/* Bytes that a field of the caller must leave free. */
static size_t kept_for_the_end(const mf_log_line *line)
{
    return CLOSING_BYTES + (style->always_a_message && !line->has_message ? MESSAGE_BYTES : 0);
}

static bool text_field(mf_log_line *line, const char *key, const char *value, size_t kept)
{
    char clean[1024];
    char quoted[2 * sizeof clean + 3];
    mf_printable(clean, sizeof clean, value, strlen(value));
    size_t used = 0;
    const bool quotes = !for_a_person() || clean[0] == '\0' || strpbrk(clean, " =\"") != NULL;
    if (quotes)
        quoted[used++] = '"';
    for (const char *c = clean; *c != '\0'; c++) {
        if (quotes && (*c == '"' || *c == '\\'))
            quoted[used++] = '\\';
        quoted[used++] = *c;
    }
    if (quotes)
        quoted[used++] = '"';
    quoted[used] = '\0';
    return field(line, key, quoted, kept);
}

void mf_log_begin(mf_log_line *line, mf_log_level level, const char *event)
{
    line->on = level >= lowest;
    line->has_message = false;
    line->level = level;
    line->event = event;
    line->used = 0;
    if (!line->on)
        return;
    char start[160];
    char now[MF_CLOCK_TEXT_BYTES];
    const char *name = style->level_names[level];
    if (style->format == MF_LOG_PLAIN)
        snprintf(start, sizeof start, "%s %s %s", mf_clock_timestamp(now), name, event);
    else if (for_a_person())
        snprintf(start, sizeof start, "%s %s", name, event);
    else
        snprintf(start, sizeof start, "{\"%s\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"",
                 style->time_key, mf_clock_timestamp(now), name, event);
    append(line, start, CLOSING_BYTES);
    if (style->context_key != NULL) {
        pthread_mutex_lock(&output);
        text_field(line, style->context_key, context, CLOSING_BYTES);
        pthread_mutex_unlock(&output);
    }
}

void mf_log_text(mf_log_line *line, const char *key, const char *value)
{
    if (line->on && text_field(line, key, value, kept_for_the_end(line)) &&
        strcmp(key, "message") == 0)
        line->has_message = true;
}

void mf_log_count(mf_log_line *line, const char *key, uint64_t value)
{
    if (!line->on)
        return;
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    field(line, key, text, kept_for_the_end(line));
}

void mf_log_number(mf_log_line *line, const char *key, double value, int decimals)
{
    if (!line->on)
        return;
    char text[400];
    snprintf(text, sizeof text, "%.*f", decimals, value);
    /* JSON has no word for these. */
    field(line, key, __builtin_isfinite(value) ? text : "null", kept_for_the_end(line));
}

void mf_log_bool(mf_log_line *line, const char *key, bool value)
{
    if (line->on)
        field(line, key, value ? "true" : "false", kept_for_the_end(line));
}

static bool is_writable(int fd, int wait_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    int n;
    while ((n = poll(&wait, 1, wait_ms)) < 0 && errno == EINTR)
        continue;
    return n > 0;
}

ssize_t mf_log_try_write(int fd, const char *bytes, size_t n_bytes)
{
    ssize_t n = -1;
    /* The lock keeps other lines of ours from filling the pipe between poll and write. */
    pthread_mutex_lock(&output);
    if (is_writable(fd, 0))
        n = write(fd, bytes, n_bytes);
    else
        errno = EAGAIN;
    const int errnum = errno;
    pthread_mutex_unlock(&output);
    errno = errnum;
    return n;
}

void mf_log_write(const char *line, size_t n_bytes)
{
    static bool stalled;
    pthread_mutex_lock(&output);
    if (hook != NULL)
        hook(true);
    stalled = !is_writable(style->fd, stalled ? 0 : PATIENCE_MS);
    if (!stalled) {
        const ssize_t written = write(style->fd, line, n_bytes);
        (void)written; /* an error of the log cannot be logged */
    }
    if (hook != NULL)
        hook(false);
    pthread_mutex_unlock(&output);
}

void mf_log_end(mf_log_line *line)
{
    if (!line->on)
        return;
    if (style->always_a_message && !line->has_message && !for_a_person())
        text_field(line, "message", line->event, CLOSING_BYTES);
    append(line, for_a_person() ? "\n" : "}\n", 0);
    mf_log_write(line->text, line->used);
    line->on = false;
}

void mf_log_message(mf_log_level level, const char *event, const char *format, ...)
{
    mf_log_line line;
    mf_log_begin(&line, level, event);
    if (line.on) {
        char message[1024];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(message, sizeof message, format, arguments);
        va_end(arguments);
        mf_log_text(&line, "message", message);
    }
    mf_log_end(&line);
}
