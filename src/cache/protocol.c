/* protocol.c: hiredis as a formatter of commands and a parser of replies.
 *
 * hiredis lets its callers make the objects of a reply. Ours are one static address: a value
 * is handed on where it stands in hiredis' buffer, and what has no place in the reply
 * ends the reading (NULL, which hiredis takes for a lack of memory). */
#include "cache/protocol.h"

#include "base/error.h"
#include "cache/entry.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mf_reply_reader {
    redisReader *reader;
    size_t n_values; /* that are due */
    mf_reply_found *found;
    void *argument;
    bool is_error;
    bool failed; /* no memory, or hiredis is in a state that it does not leave */
    char text[MF_REPLY_TEXT_BYTES];
};

/* ------------------------------------------------------------------- commands */

char *mf_command_write(const mf_word *words, size_t n, size_t *n_bytes)
{
    const char *bytes[MF_COMMAND_WORDS_MAX];
    size_t lengths[MF_COMMAND_WORDS_MAX];
    for (size_t i = 0; i < n; i++) {
        bytes[i] = words[i].bytes;
        lengths[i] = words[i].n_bytes;
    }
    char *command = NULL;
    const long long length = redisFormatCommandArgv(&command, (int)n, bytes, lengths);
    if (length <= 0)
        return NULL;
    *n_bytes = (size_t)length;
    return command;
}

void mf_command_free(char *command)
{
    redisFreeCommand(command);
}

/* -------------------------------------------------------------------- replies */

/* What a task's object is: only its not being NULL matters. */
static char something;

static mf_reply_reader *reader_of(const redisReadTask *task)
{
    return task->privdata;
}

static void *refuse(mf_reply_reader *reader, const char *what)
{
    snprintf(reader->text, sizeof reader->text, "a reply that does not belong to its command: %s",
             what);
    return NULL;
}

static void *take_text(const redisReadTask *task, char *bytes, size_t n_bytes)
{
    mf_reply_reader *reader = reader_of(task);
    if (task->parent == NULL) {
        if (task->type == REDIS_REPLY_STRING ||
            (task->type == REDIS_REPLY_STATUS && reader->n_values > 0))
            return refuse(reader, "a single text");
        reader->is_error = task->type == REDIS_REPLY_ERROR;
        mf_printable(reader->text, sizeof reader->text, bytes, n_bytes);
        return &something;
    }
    if (task->type != REDIS_REPLY_STRING)
        return refuse(reader, "a status or an error within a list");
    if (reader->found != NULL)
        reader->found(reader->argument, (size_t)task->idx, bytes, n_bytes);
    return &something;
}

static void *take_list(const redisReadTask *task, int n)
{
    mf_reply_reader *reader = reader_of(task);
    if (task->parent != NULL || reader->n_values == 0 || n < 0 || (size_t)n != reader->n_values)
        return refuse(reader, "a list of another length");
    return &something;
}

static void *take_integer(const redisReadTask *task, long long value)
{
    (void)value;
    return refuse(reader_of(task), "a number");
}

static void *take_nothing(const redisReadTask *task)
{
    return task->parent != NULL ? &something : refuse(reader_of(task), "nothing");
}

static void forget(void *object)
{
    (void)object; /* objects are the address of `something` */
}

static redisReplyObjectFunctions functions = {take_text, take_list, take_integer, take_nothing,
                                              forget};

mf_reply_reader *mf_reply_reader_create(void)
{
    mf_reply_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL || mf_reply_reader_reset(reader))
        return reader;
    free(reader);
    return NULL;
}

bool mf_reply_reader_reset(mf_reply_reader *reader)
{
    if (reader->reader != NULL)
        redisReaderFree(reader->reader);
    reader->reader = redisReaderCreateWithFunctions(&functions);
    reader->failed = reader->reader == NULL;
    reader->text[0] = '\0';
    if (!reader->failed)
        reader->reader->privdata = reader;
    return !reader->failed;
}

bool mf_reply_feed(mf_reply_reader *reader, const char *bytes, size_t n_bytes)
{
    if (reader->failed)
        return false;
    if (n_bytes > 0 && redisReaderFeed(reader->reader, bytes, n_bytes) != REDIS_OK)
        reader->failed = true;
    return !reader->failed;
}

static mf_reply give_up(mf_reply_reader *reader, const char *why)
{
    reader->failed = true;
    if (reader->text[0] == '\0')
        mf_printable(reader->text, sizeof reader->text, why, strlen(why));
    return MF_REPLY_BROKEN;
}

/* Bytes that a reply of so many values may have. */
static size_t limit_of(size_t n_values)
{
    enum { LINE_MAX_BYTES = 4096, VALUE_HEAD = 32 };
    return LINE_MAX_BYTES + n_values * (MF_CACHE_VALUE_MAX + VALUE_HEAD);
}

mf_reply mf_reply_next(mf_reply_reader *reader, size_t n_values, mf_reply_found *found,
                       void *argument)
{
    if (reader->failed)
        return give_up(reader, "no memory");
    reader->n_values = n_values;
    reader->found = found;
    reader->argument = argument;
    reader->is_error = false;
    reader->text[0] = '\0';
    void *reply = NULL;
    if (redisReaderGetReply(reader->reader, &reply) != REDIS_OK)
        return give_up(reader, reader->reader->errstr);
    if (reply == NULL)
        return reader->reader->len - reader->reader->pos > limit_of(n_values)
                   ? give_up(reader, "a reply that is too long")
                   : MF_REPLY_MORE;
    return reader->is_error ? MF_REPLY_ERROR : MF_REPLY_OK;
}

const char *mf_reply_text(const mf_reply_reader *reader)
{
    return reader->text;
}

bool mf_reply_has_more(const mf_reply_reader *reader)
{
    return reader->failed || reader->reader->ridx != -1 ||
           reader->reader->len > reader->reader->pos;
}

void mf_reply_reader_destroy(mf_reply_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->reader != NULL)
        redisReaderFree(reader->reader);
    free(reader);
}
