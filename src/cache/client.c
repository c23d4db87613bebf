/* client.c: a ring of pending commands, and one timer.
 * (1) Commands leave the ring from its head, in the order in which they were sent.
 * (2) The state is IDLE while fail ends commands, so that a callback cannot add one.
 * (3) The timer always belongs to the state: the end of opening, the
 *     deadline of the first command, the next try. */
#include "cache/client.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "cache/cache.h"
#include "cache/protocol.h"
#include "cache/stream.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { UNSENT_MAX = 4 << 20, SCRATCH_KEPT = 64 * 1024 };

struct mf_cache_lookup {
    mf_cache_wanted wanted;
    mf_cache_lookup_events events;
    void *argument;
    uint32_t n_commands; /* without a reply */
    bool failed;
};

typedef enum command_kind { AUTH, PROBE, GET, SET, UPDATE } command_kind;

/* A command whose reply is due; replies come in the order of commands. */
typedef struct command {
    mf_cache_lookup *lookup;    /* NULL: none, or cancelled */
    mf_feedback_update *update; /* NULL: none, or cancelled */
    size_t first;               /* of the lookup's users */
    uint32_t n_keys;            /* of an MGET */
    uint32_t n_lists;           /* of them */
    uint32_t n_found;           /* lists */
    size_t feedback_of;         /* the user whose events came last, with … */
    uint64_t generation;        /* … this generation; 0: none have come */
    int64_t due_ms;             /* monotonic */
    uint8_t kind;               /* command_kind */
} command;

struct mf_cache_client {
    mf_cache *cache;
    struct event_base *base;
    mf_stream *stream;
    mf_reply_reader *reader;
    struct event *timer; /* opening: its end; ready: the next reply's; resting: the next try */
    mf_cache_state state;
    mf_breaker breaker;
    mf_breaker storing;
    int64_t reopened_ms; /* wall clock: when a closed connection was last opened at once */
    command commands[MF_CACHE_COMMANDS_MAX]; /* a ring */
    uint32_t first_command;
    uint32_t n_commands;
    uint64_t random_key;
    uint64_t n_random;
    mf_text value;
    mf_feedback feedback; /* of one user of a lookup */
    bool has_script;      /* the server got it on this connection */
    char reason[MF_CACHE_REASON_BYTES];
};

static const mf_cache_settings *settings_of(const mf_cache_client *client)
{
    return mf_cache_get_settings(client->cache);
}

static int64_t monotonic_ms(void)
{
    return (int64_t)(mf_clock_seconds() * 1000);
}

static void set_timer(mf_cache_client *client, int64_t ms)
{
    const struct timeval after = {.tv_sec = ms > 0 ? ms / 1000 : 0,
                                  .tv_usec = ms > 0 ? ms % 1000 * 1000 : 0};
    event_add(client->timer, &after);
}

/* --------------------------------------------------------------------- states */

static void enter(mf_cache_client *client, mf_cache_state state)
{
    mf_cache_add(client->cache, MF_CACHE_CLIENTS_READY,
                 (uint64_t)(state == MF_CACHE_READY) - (client->state == MF_CACHE_READY));
    mf_cache_add(client->cache, MF_CACHE_CLIENTS_RESTING,
                 (uint64_t)(state == MF_CACHE_RESTING) - (client->state == MF_CACHE_RESTING));
    client->state = state;
}

static command *head_of(mf_cache_client *client)
{
    return &client->commands[client->first_command];
}

/* What the script returned. */
static mf_feedback_state state_of(const char *status)
{
    return strcmp(status, "CHANGED") == 0    ? MF_FEEDBACK_CHANGED
           : strcmp(status, "REPLACED") == 0 ? MF_FEEDBACK_REPLACED
                                             : MF_FEEDBACK_WRITTEN;
}

/* Ends a command: its lookup, too, when it was the last one of it. */
static void finish(mf_cache_client *client, bool complete)
{
    const command c = *head_of(client);
    client->first_command = (client->first_command + 1) % MF_CACHE_COMMANDS_MAX;
    client->n_commands--;
    if (c.kind == SET)
        mf_cache_add(client->cache, complete ? MF_CACHE_STORED : MF_CACHE_NOT_STORED, 1);
    if (c.kind == GET) {
        mf_cache_add(client->cache, MF_CACHE_HITS, c.n_found);
        mf_cache_add(client->cache, complete ? MF_CACHE_MISSES : MF_CACHE_SKIPPED,
                     c.n_lists - c.n_found);
    }
    if (c.update != NULL && complete)
        c.update->state = state_of(mf_reply_text(client->reader));
    mf_cache_lookup *lookup = c.lookup;
    if (lookup == NULL)
        return;
    lookup->failed = lookup->failed || !complete;
    if (--lookup->n_commands > 0)
        return;
    const mf_cache_lookup last = *lookup;
    free(lookup);
    last.events.done(last.argument, !last.failed);
}

static void open_stream(mf_cache_client *client)
{
    enter(client, MF_CACHE_OPENING);
    client->has_script = false;
    set_timer(client, settings_of(client)->connect_ms);
    if (!mf_reply_reader_reset(client->reader))
        return; /* the time for opening ends it */
    mf_stream_open(client->stream);
}

/* After commands were ended. */
static void rest(mf_cache_client *client, const char *why)
{
    mf_breaker_fail(&client->breaker, mf_clock_wall_ms());
    mf_cache_log_down(client->cache, why);
    enter(client, MF_CACHE_RESTING);
    set_timer(client, client->breaker.rest_ms);
}

/* Whether another connection may be opened at once. */
static bool may_reopen(const mf_cache_client *client, int64_t now)
{
    return client->state == MF_CACHE_READY &&
           (now < client->reopened_ms || now - client->reopened_ms >= client->breaker.rest_ms);
}

/* The connection is over: every lookup on it ends incomplete. again: another one is likely to
 * work. */
static void fail(mf_cache_client *client, bool again, const char *why)
{
    char kept[MF_CACHE_REASON_BYTES];
    snprintf(kept, sizeof kept, "%s", why);
    memcpy(client->reason, kept, sizeof kept);
    const int64_t now = mf_clock_wall_ms();
    const bool reopen = again && may_reopen(client, now);
    mf_stream_close(client->stream);
    event_del(client->timer);
    mf_cache_add(client->cache, MF_CACHE_ERRORS, 1);
    enter(client, MF_CACHE_IDLE); /* a callback of finish may not send */
    const uint32_t n = client->n_commands;
    for (uint32_t i = 0; i < n; i++)
        finish(client, false);
    if (reopen) {
        client->reopened_ms = now;
        open_stream(client);
    } else {
        rest(client, kept);
    }
}

/* ------------------------------------------------------------------- commands */

static size_t keys_per_user(const mf_cache_wanted *wanted)
{
    return wanted->lists != NULL && wanted->feedback != NULL ? 2 : 1;
}

/* Of users [first, first + n): those whose list is wanted, who come first. */
static size_t lists_of(const mf_cache_wanted *wanted, size_t first, size_t n)
{
    const size_t end = wanted->lists != NULL ? wanted->n - wanted->n_without_list : 0;
    const size_t left = end > first ? end - first : 0;
    return left < n ? left : n;
}

/* Sends it and puts it into the ring. False without capacity or memory. */
static bool send_command(mf_cache_client *client, const command *c, const mf_word *words, size_t n)
{
    if (client->n_commands >= MF_CACHE_COMMANDS_MAX ||
        mf_stream_unsent(client->stream) > UNSENT_MAX)
        return false;
    size_t n_bytes;
    char *bytes = mf_command_write(words, n, &n_bytes);
    if (bytes == NULL)
        return false;
    const bool sent = mf_stream_send(client->stream, bytes, n_bytes);
    mf_command_free(bytes);
    if (!sent)
        return false;
    const uint32_t last = (client->first_command + client->n_commands) % MF_CACHE_COMMANDS_MAX;
    client->commands[last] = *c;
    client->commands[last].due_ms = monotonic_ms() + settings_of(client)->command_ms;
    if (client->n_commands++ == 0 && client->state == MF_CACHE_READY)
        set_timer(client, settings_of(client)->command_ms);
    return true;
}

#define WORD(literal) ((mf_word){"" literal, sizeof(literal) - 1})

static mf_word text_word(const char *text)
{
    return (mf_word){text, strlen(text)};
}

/* The first commands on a connection: AUTH, and an MGET such as all that follow, so that
 * whatever forbids those shows here. */
static void greet(void *argument)
{
    mf_cache_client *client = argument;
    const mf_cache_settings *settings = settings_of(client);
    const mf_word probe[] = {WORD("MGET"), WORD("rec:user:")};
    char password[MF_CACHE_PASSWORD_MAX + 1];
    mf_error err = {0};
    bool sent = true;
    if (!mf_cache_settings_password(settings, password, &err)) {
        fail(client, false, err.text);
        return;
    }
    if (password[0] != '\0') {
        const mf_word words[] = {WORD("AUTH"), text_word(settings->username), text_word(password)};
        const mf_word alone[] = {words[0], words[2]};
        sent = settings->username[0] != '\0'
                   ? send_command(client, &(command){.kind = AUTH}, words, 3)
                   : send_command(client, &(command){.kind = AUTH}, alone, 2);
        explicit_bzero(password, sizeof password);
    }
    if (!sent || !send_command(client, &(command){.kind = PROBE, .n_keys = 1}, probe, 2))
        fail(client, false, "no memory for a command");
}

static void become_ready(mf_cache_client *client)
{
    mf_cache_add(client->cache, MF_CACHE_CONNECTIONS, 1);
    mf_cache_log_up(client->cache);
    client->breaker.failed = false;
    enter(client, MF_CACHE_READY);
}

/* -------------------------------------------------------------------- replies */

/* Of user k; a foreign value too, so that a writer can replace it. */
static void take_feedback(mf_cache_client *client, command *c, size_t k, const char *bytes,
                          size_t n_bytes)
{
    mf_cache_lookup *lookup = c->lookup;
    mf_error err = {0};
    if (!mf_feedback_read(&client->feedback, &lookup->wanted.feedback[k], bytes, n_bytes, &err))
        mf_cache_add(client->cache, MF_CACHE_ERRORS, 1);
    c->feedback_of = k;
    c->generation = client->feedback.generation;
    if (lookup->events.feedback != NULL)
        lookup->events.feedback(lookup->argument, k, &client->feedback);
}

static void take_value(void *argument, size_t i, const char *bytes, size_t n_bytes)
{
    mf_cache_client *client = argument;
    command *c = head_of(client);
    mf_cache_lookup *lookup = c->lookup;
    mf_cache_entry entry;
    if (lookup == NULL) /* cancelled; a probe's key has no value */
        return;
    const mf_cache_wanted *wanted = &lookup->wanted;
    const bool is_pair = wanted->feedback != NULL && i < 2 * (size_t)c->n_lists;
    const size_t k = c->first + (is_pair ? i / 2 : wanted->feedback != NULL ? i - c->n_lists : i);
    if (wanted->feedback != NULL && (!is_pair || i % 2 == 0)) {
        take_feedback(client, c, k, bytes, n_bytes);
        return;
    }
    if (!mf_cache_entry_read(bytes, n_bytes, &wanted->lists[k], &entry)) {
        mf_cache_add(client->cache, MF_CACHE_ERRORS, 1);
        return;
    }
    if (wanted->feedback != NULL && entry.generation != (c->feedback_of == k ? c->generation : 0))
        return; /* out of date: a miss */
    c->n_found++;
    lookup->events.found(lookup->argument, k, &entry);
}

static bool begins_with(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

/* False when the connection is over because of it. */
static bool take_error(mf_cache_client *client, const char *text)
{
    char why[MF_REPLY_TEXT_BYTES + 64];
    const int64_t now = mf_clock_wall_ms();
    const bool read_only = begins_with(text, "READONLY");
    const bool is_update = head_of(client)->kind == UPDATE;
    const bool of_cluster = begins_with(text, "MOVED") || begins_with(text, "CROSSSLOT") ||
                            begins_with(text, "CLUSTERDOWN");
    const bool storing = (head_of(client)->kind == SET || is_update) &&
                         (read_only || begins_with(text, "OOM") ||
                          begins_with(text, "NOREPLICAS") || begins_with(text, "MISCONF") ||
                          begins_with(text, "NOPERM") || (is_update && begins_with(text, "ERR")));
    snprintf(why, sizeof why, "its reply is %s%s", text,
             of_cluster ? "; Redis in cluster mode cannot be used" : "");
    if (is_update && begins_with(text, "NOSCRIPT")) { /* somebody flushed the scripts */
        snprintf(client->reason, sizeof client->reason, "%s", why);
        client->has_script = false;
        finish(client, false);
        return true;
    }
    if (storing)
        mf_cache_log_not_stored(client->cache, read_only, text);
    if (storing && !(read_only && may_reopen(client, now))) {
        snprintf(client->reason, sizeof client->reason, "%s", why);
        mf_breaker_fail(&client->storing, now);
        mf_cache_add(client->cache, MF_CACHE_ERRORS, 1);
        finish(client, false);
        return true;
    }
    if (head_of(client)->kind == AUTH || begins_with(text, "NOAUTH") ||
        begins_with(text, "WRONGPASS"))
        mf_cache_note_rejection(client->cache);
    fail(client, storing, why);
    return false;
}

/* After replies: the timer is the next one's. */
static void wait_for_next(mf_cache_client *client)
{
    if (client->state != MF_CACHE_READY)
        return;
    if (client->n_commands > 0)
        set_timer(client, head_of(client)->due_ms - monotonic_ms());
    else
        event_del(client->timer);
}

/* Until there are no more of them, or the connection is over. */
static void take_replies(mf_cache_client *client)
{
    while (client->n_commands > 0) {
        const command *c = head_of(client);
        switch (mf_reply_next(client->reader, c->n_keys, take_value, client)) {
        case MF_REPLY_MORE:
            return;
        case MF_REPLY_OK:
            if (c->kind == PROBE)
                become_ready(client);
            finish(client, true);
            break;
        case MF_REPLY_ERROR:
            if (!take_error(client, mf_reply_text(client->reader)))
                return;
            break;
        case MF_REPLY_BROKEN:
            fail(client, false, mf_reply_text(client->reader));
            return;
        }
    }
    if (mf_reply_has_more(client->reader))
        fail(client, false, "a reply to no command");
}

static void take_bytes(void *argument, const char *bytes, size_t n_bytes)
{
    mf_cache_client *client = argument;
    if (!mf_reply_feed(client->reader, bytes, n_bytes)) {
        fail(client, false, "no memory for its replies");
        return;
    }
    take_replies(client);
    wait_for_next(client);
}

static void take_loss(void *argument, bool closed, const char *why)
{
    fail(argument, closed, why);
}

static void when_timer(evutil_socket_t fd, short what, void *argument)
{
    static const char *const words[] = {"AUTH", "MGET", "MGET", "SET", "EVAL"};
    mf_cache_client *client = argument;
    const char *word = client->n_commands > 0 ? words[head_of(client)->kind] : "";
    const char *step = mf_stream_step(client->stream);
    char why[128];
    (void)fd;
    (void)what;
    switch (client->state) {
    case MF_CACHE_OPENING:
        snprintf(why, sizeof why, "no connection within %u ms: %s%s",
                 settings_of(client)->connect_ms, step != NULL ? step : "no reply to ",
                 step != NULL ? "" : word);
        fail(client, false, why);
        break;
    case MF_CACHE_READY:
        snprintf(why, sizeof why, "no reply within %u ms to %s", settings_of(client)->command_ms,
                 word);
        fail(client, false, why);
        break;
    case MF_CACHE_RESTING:
    case MF_CACHE_IDLE:
        open_stream(client);
        break;
    }
}

/* ------------------------------------------------------------------------ API */

mf_cache_client *mf_cache_client_create(mf_cache *cache, struct event_base *base, mf_error *err)
{
    static const mf_stream_events events = {greet, take_bytes, take_loss};
    const mf_cache_settings *settings = mf_cache_get_settings(cache);
    mf_cache_client *client = calloc(1, sizeof *client);
    if (client != NULL) {
        client->cache = cache;
        client->base = base;
        client->breaker.rest_ms = settings->retry_ms;
        client->storing.rest_ms = settings->retry_ms;
        client->timer = evtimer_new(base, when_timer, client);
        client->reader = mf_reply_reader_create();
        client->stream = mf_stream_create(base, mf_cache_get_tls(cache), settings->host,
                                          (uint16_t)settings->port, &events, client);
        if (getrandom(&client->random_key, sizeof client->random_key, GRND_NONBLOCK) < 0)
            client->random_key = (uint64_t)mf_clock_wall_ms() ^ (uint64_t)(uintptr_t)client;
    }
    if (client == NULL || client->timer == NULL || client->reader == NULL ||
        client->stream == NULL) {
        mf_cache_client_destroy(client);
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a connection to Redis");
        return NULL;
    }
    return client;
}

mf_cache_state mf_cache_client_state(const mf_cache_client *client)
{
    return client->state;
}

void mf_cache_client_start(mf_cache_client *client)
{
    if (client->state == MF_CACHE_IDLE ||
        (client->state == MF_CACHE_RESTING &&
         !mf_breaker_is_resting(&client->breaker, mf_clock_wall_ms())))
        open_stream(client);
}

/* One MGET of a lookup, for n users from `first` on. */
static bool send_mget(mf_cache_client *client, mf_cache_lookup *lookup, size_t first, size_t n)
{
    const mf_cache_wanted *wanted = &lookup->wanted;
    mf_word words[1 + MF_CACHE_KEYS_MAX] = {WORD("MGET")};
    const size_t n_lists = lists_of(wanted, first, n);
    size_t n_keys = 0;
    for (size_t i = first; i < first + n; i++) {
        if (wanted->feedback != NULL)
            words[1 + n_keys++] = (mf_word){wanted->feedback[i].bytes, wanted->feedback[i].n_bytes};
        if (i < first + n_lists)
            words[1 + n_keys++] = (mf_word){wanted->lists[i].bytes, wanted->lists[i].n_bytes};
    }
    const command c = {.lookup = lookup,
                       .first = first,
                       .n_keys = (uint32_t)n_keys,
                       .n_lists = (uint32_t)n_lists,
                       .kind = GET};
    return send_command(client, &c, words, 1 + n_keys);
}

mf_cache_lookup *mf_cache_client_get(mf_cache_client *client, const mf_cache_wanted *wanted,
                                     const mf_cache_lookup_events *events, void *argument)
{
    const size_t n = wanted->n;
    const size_t most = MF_CACHE_KEYS_MAX / keys_per_user(wanted); /* of one command */
    const size_t n_commands = (n + most - 1) / most;
    mf_cache_lookup *lookup =
        client->state == MF_CACHE_READY && n_commands <= MF_CACHE_COMMANDS_MAX - client->n_commands
            ? calloc(1, sizeof *lookup)
            : NULL;
    size_t n_sent = 0;
    if (lookup != NULL)
        *lookup = (mf_cache_lookup){.wanted = *wanted, .events = *events, .argument = argument};
    while (lookup != NULL && n_sent < n) {
        const size_t now = n - n_sent < most ? n - n_sent : most;
        if (!send_mget(client, lookup, n_sent, now))
            break;
        lookup->n_commands++;
        n_sent += now;
    }
    mf_cache_add(client->cache, MF_CACHE_SKIPPED, lists_of(wanted, n_sent, n - n_sent));
    if (lookup != NULL)
        lookup->failed = n_sent < n;
    if (n_sent > 0)
        return lookup;
    free(lookup);
    return NULL;
}

void mf_cache_client_cancel(mf_cache_client *client, mf_cache_lookup *lookup)
{
    for (uint32_t i = 0; i < client->n_commands; i++) {
        command *c = &client->commands[(client->first_command + i) % MF_CACHE_COMMANDS_MAX];
        if (c->lookup == lookup)
            c->lookup = NULL;
    }
    free(lookup);
}

/* Up to a tenth less or more, at least a second. */
static uint64_t vary(mf_cache_client *client, uint32_t seconds)
{
    const double unit = mf_random_unit(client->random_key, client->n_random++);
    const double varied = seconds * (0.9 + 0.2 * unit);
    return varied < 1 ? 1 : (uint64_t)(varied + 0.5);
}

static bool store(mf_cache_client *client, const mf_cache_key *key, const mf_cache_entry *entry)
{
    const mf_cache_settings *settings = settings_of(client);
    if (client->state != MF_CACHE_READY ||
        mf_breaker_is_resting(&client->storing, mf_clock_wall_ms()))
        return false;
    mf_text_clear(&client->value, SCRATCH_KEPT);
    client->value.failed = false;
    if (!mf_cache_entry_write(&client->value, key, entry))
        return false;
    char seconds[24];
    const int n = snprintf(seconds, sizeof seconds, "%llu",
                           (unsigned long long)vary(client, entry->known_user
                                                                ? settings->ttl_seconds
                                                                : settings->unknown_ttl_seconds));
    const mf_word words[] = {WORD("SET"),
                             {key->bytes, key->n_bytes},
                             {client->value.bytes, client->value.n_bytes},
                             WORD("EX"),
                             {seconds, (size_t)n}};
    return send_command(client, &(command){.kind = SET}, words, sizeof words / sizeof words[0]);
}

bool mf_cache_client_set(mf_cache_client *client, const mf_cache_key *key,
                         const mf_cache_entry *entry)
{
    const bool sent = store(client, key, entry);
    if (!sent)
        mf_cache_add(client->cache, MF_CACHE_NOT_STORED, 1);
    return sent;
}

/* KEYS[1], ARGV: how the value begins that was read ("" for none), the value in its place, seconds.
 * A value that is no string begins with nothing that MGET could have read. */
#define SCRIPT                                                                                     \
    "local head = redis.pcall('GETRANGE', KEYS[1], 0, 15) "                                        \
    "local is_string = type(head) == 'string' "                                                    \
    "if is_string and head ~= ARGV[1] then return redis.status_reply('CHANGED') end "              \
    "local reply = redis.pcall('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) "                           \
    "if reply.ok and not is_string then return redis.status_reply('REPLACED') end "                \
    "return reply"
#define SCRIPT_SHA1 "d3c99374bd56cd4a005efdcd09235a0e58a372fe"

bool mf_cache_client_update(mf_cache_client *client, mf_feedback_update *update)
{
    char seconds[24];
    update->state = MF_FEEDBACK_UNSENT;
    if (client->state != MF_CACHE_READY ||
        mf_breaker_is_resting(&client->storing, mf_clock_wall_ms()))
        return false;
    const int n = snprintf(seconds, sizeof seconds, "%u", update->ttl_seconds);
    const mf_word words[] = {client->has_script ? WORD("EVALSHA") : WORD("EVAL"),
                             client->has_script ? WORD(SCRIPT_SHA1) : WORD(SCRIPT),
                             WORD("1"),
                             {update->key->bytes, update->key->n_bytes},
                             {update->head.bytes, update->head.n_bytes},
                             {update->value.bytes, update->value.n_bytes},
                             {seconds, (size_t)n}};
    const command c = {.update = update, .kind = UPDATE};
    if (!send_command(client, &c, words, sizeof words / sizeof words[0]))
        return false;
    update->state = MF_FEEDBACK_FAILED;
    client->has_script = true;
    return true;
}

void mf_cache_client_cancel_updates(mf_cache_client *client)
{
    for (uint32_t i = 0; i < client->n_commands; i++)
        client->commands[(client->first_command + i) % MF_CACHE_COMMANDS_MAX].update = NULL;
}

const char *mf_cache_client_reason(const mf_cache_client *client)
{
    return client->reason;
}

size_t mf_cache_client_pending(const mf_cache_client *client)
{
    return client->n_commands;
}

void mf_cache_client_destroy(mf_cache_client *client)
{
    if (client == NULL)
        return;
    enter(client, MF_CACHE_IDLE);
    mf_stream_destroy(client->stream);
    mf_reply_reader_destroy(client->reader);
    if (client->timer != NULL)
        event_free(client->timer);
    mf_text_free(&client->value);
    mf_feedback_free(&client->feedback);
    free(client);
}
