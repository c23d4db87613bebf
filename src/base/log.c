/* log.c: promises in log.h. */
#include "base/log.h"

#include "base/clock.h"
#include "base/error.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static mf_log_level lowest = MF_LOG_INFO;
static void (*hook)(bool before);
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;
static const char *const level_names[] = {"debug", "info", "warning", "error"};

/* Room for the closing brace and the newline. */
enum { ENDING_BYTES = 2 };

void mf_log_set_level(mf_log_level level)
{
    lowest = level;
}

void mf_log_set_hook(void (*new_hook)(bool before))
{
    hook = new_hook;
}

bool mf_log_level_parse(const char *text, mf_log_level *level)
{
    static const struct {
        const char *name;
        mf_log_level level;
    } names[] = {
        {"debug", MF_LOG_DEBUG},    {"10", MF_LOG_DEBUG},        {"info", MF_LOG_INFO},
        {"20", MF_LOG_INFO},        {"warning", MF_LOG_WARNING}, {"warn", MF_LOG_WARNING},
        {"30", MF_LOG_WARNING},     {"error", MF_LOG_ERROR},     {"40", MF_LOG_ERROR},
        {"critical", MF_LOG_ERROR}, {"50", MF_LOG_ERROR},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(text, names[i].name) == 0) {
            *level = names[i].level;
            return true;
        }
    return false;
}

/* JSON for a program, key=value for a person at a terminal. */
static bool for_a_person(void)
{
    static int known = -1;
    if (known < 0)
        known = isatty(STDERR_FILENO) ? 1 : 0;
    return known == 1;
}

/* Appends piece if it fits whole, else nothing. */
static void append(mf_log_line *line, const char *piece)
{
    const size_t n = strlen(piece);
    if (line->used + n + ENDING_BYTES > sizeof line->text)
        return;
    memcpy(line->text + line->used, piece, n);
    line->used += (uint32_t)n;
}

void mf_log_begin(mf_log_line *line, mf_log_level level, const char *event)
{
    line->on = level >= lowest;
    line->level = level;
    line->used = 0;
    if (!line->on)
        return;
    char start[160];
    char now[MF_CLOCK_TEXT_BYTES];
    if (for_a_person())
        snprintf(start, sizeof start, "%s %s", level_names[level], event);
    else
        snprintf(start, sizeof start, "{\"ts\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"",
                 mf_clock_timestamp(now), level_names[level], event);
    append(line, start);
}

static void field(mf_log_line *line, const char *key, const char *rendered)
{
    char pair[MF_LOG_LINE_BYTES];
    const int n =
        snprintf(pair, sizeof pair, for_a_person() ? " %s=%s" : ",\"%s\":%s", key, rendered);
    if (n > 0 && (size_t)n < sizeof pair)
        append(line, pair);
}

void mf_log_text(mf_log_line *line, const char *key, const char *value)
{
    if (!line->on)
        return;
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
    field(line, key, quoted);
}

void mf_log_count(mf_log_line *line, const char *key, uint64_t value)
{
    if (!line->on)
        return;
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    field(line, key, text);
}

void mf_log_number(mf_log_line *line, const char *key, double value, int decimals)
{
    if (!line->on)
        return;
    char text[400];
    snprintf(text, sizeof text, "%.*f", decimals, value);
    /* JSON has no word for these. */
    field(line, key, __builtin_isfinite(value) ? text : "null");
}

void mf_log_bool(mf_log_line *line, const char *key, bool value)
{
    if (line->on)
        field(line, key, value ? "true" : "false");
}

void mf_log_end(mf_log_line *line)
{
    if (!line->on)
        return;
    if (!for_a_person())
        line->text[line->used++] = '}';
    line->text[line->used++] = '\n';
    pthread_mutex_lock(&output);
    if (hook != NULL)
        hook(true);
    const ssize_t written = write(STDERR_FILENO, line->text, line->used);
    (void)written; /* a log that cannot be written has nowhere to say so */
    if (hook != NULL)
        hook(false);
    pthread_mutex_unlock(&output);
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
