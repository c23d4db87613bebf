/* redis_testing.h: a Redis for tests, on an event base: AUTH, MGET, SET … EX, the script for events,
 * and its faults.
 *
 * It keeps a few keys and the words of the last commands. It lives on the base of the client under
 * test, or on a base and thread of its own (redis_start). */
#ifndef MF_TESTS_REDIS_TESTING_H
#define MF_TESTS_REDIS_TESTING_H

#include "testing.h"

#include "cache/cache.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

enum { REDIS_WORDS = 256, REDIS_KEYS = 16 };

typedef enum redis_fault {
    REDIS_FINE,
    REDIS_SILENT,     /* no reply */
    REDIS_CLOSES,     /* closes the connection in place of a reply */
    REDIS_ERROR,      /* replies with `error` to the command `error_to` */
    REDIS_WRONG_TYPE, /* a number in place of a list */
    REDIS_TALKS,      /* one reply too many */
} redis_fault;

typedef struct redis {
    struct event_base *base;
    struct evconnlistener *listener;
    struct bufferevent *connections[16];
    uint16_t port;
    redis_fault fault;
    const char *error, *error_to;
    unsigned n_connections; /* ever */
    unsigned n_commands;
    char last[600]; /* the words of the last command, each with a blank after it */
    char auth[600]; /* the same of the last AUTH */
    struct {
        char key[400], value[400];
        size_t n_value;
    } stored[REDIS_KEYS];
    size_t n_stored;
} redis;

/* One whole command at the start of input; false when bytes are missing. words point into it. */
static inline bool redis_parse(const char *bytes, size_t n, const char *words[REDIS_WORDS],
                               size_t lengths[REDIS_WORDS], size_t *n_words, size_t *used)
{
    char *after;
    const char *end = bytes + n;
    if (n == 0 || memchr(bytes, '\n', n) == NULL)
        return false;
    assert_int_equal(bytes[0], '*');
    *n_words = strtoul(bytes + 1, &after, 10);
    assert_true(*n_words > 0 && *n_words <= REDIS_WORDS);
    const char *at = after + 2;
    for (size_t i = 0; i < *n_words; i++) {
        if (at >= end || memchr(at, '\n', (size_t)(end - at)) == NULL)
            return false;
        assert_int_equal(*at, '$');
        lengths[i] = strtoul(at + 1, &after, 10);
        words[i] = after + 2;
        at = words[i] + lengths[i] + 2;
        if (at > end)
            return false;
    }
    *used = (size_t)(at - bytes);
    return true;
}

/* Its index, n_stored when it is not there. */
static inline size_t redis_find(const redis *r, const char *key, size_t n_key)
{
    size_t i = 0;
    while (i < r->n_stored &&
           (strlen(r->stored[i].key) != n_key || memcmp(r->stored[i].key, key, n_key) != 0))
        i++;
    return i;
}

static inline void redis_store(redis *r, const char *key, size_t n_key, const char *value,
                               size_t n_value)
{
    const size_t i = redis_find(r, key, n_key);
    assert_true(i < REDIS_KEYS);
    r->n_stored += i == r->n_stored;
    snprintf(r->stored[i].key, sizeof r->stored[i].key, "%.*s", (int)n_key, key);
    assert_true(n_value < sizeof r->stored[i].value);
    memcpy(r->stored[i].value, value, n_value);
    r->stored[i].n_value = n_value;
}

static inline void redis_mget(const redis *r, struct evbuffer *out, const char **words,
                              const size_t *lengths, size_t n_words)
{
    evbuffer_add_printf(out, "*%zu\r\n", n_words - 1);
    for (size_t w = 1; w < n_words; w++) {
        const size_t i = redis_find(r, words[w], lengths[w]);
        if (i == r->n_stored) {
            evbuffer_add_printf(out, "$-1\r\n");
            continue;
        }
        evbuffer_add_printf(out, "$%zu\r\n", r->stored[i].n_value);
        evbuffer_add(out, r->stored[i].value, r->stored[i].n_value);
        evbuffer_add(out, "\r\n", 2);
    }
}

/* What the script for events does: EVAL or EVALSHA script 1 key head value seconds. */
static inline void redis_eval(redis *r, struct evbuffer *out, const char **words,
                              const size_t *lengths)
{
    const size_t i = redis_find(r, words[3], lengths[3]);
    const size_t n_value = i < r->n_stored ? r->stored[i].n_value : 0;
    const size_t n_head = n_value < 16 ? n_value : 16;
    if (n_head != lengths[4] || memcmp(r->stored[i].value, words[4], n_head) != 0) {
        evbuffer_add_printf(out, "+CHANGED\r\n");
        return;
    }
    redis_store(r, words[3], lengths[3], words[5], lengths[5]);
    evbuffer_add_printf(out, "+OK\r\n");
}

/* False when the connection is to be closed. */
static inline bool redis_command(redis *r, struct evbuffer *out, const char **words,
                                 const size_t *lengths, size_t n_words)
{
    size_t n = 0;
    for (size_t w = 0; w < n_words && n < sizeof r->last; w++)
        n += (size_t)snprintf(r->last + n, sizeof r->last - n, "%.*s ", (int)lengths[w], words[w]);
    r->n_commands++;
    if (r->fault == REDIS_SILENT)
        return true;
    if (r->fault == REDIS_CLOSES)
        return false;
    if (r->fault == REDIS_ERROR && strncmp(r->last, r->error_to, strlen(r->error_to)) == 0) {
        evbuffer_add_printf(out, "-%s\r\n", r->error);
    } else if (r->fault == REDIS_WRONG_TYPE) {
        evbuffer_add_printf(out, ":1\r\n");
    } else if (strncmp(r->last, "MGET ", 5) == 0) {
        redis_mget(r, out, words, lengths, n_words);
    } else if (strncmp(r->last, "SET ", 4) == 0) {
        redis_store(r, words[1], lengths[1], words[2], lengths[2]);
        evbuffer_add_printf(out, "+OK\r\n");
    } else if (strncmp(r->last, "EVAL", 4) == 0) {
        redis_eval(r, out, words, lengths);
    } else if (strncmp(r->last, "AUTH ", 5) == 0) {
        memcpy(r->auth, r->last, sizeof r->auth);
        evbuffer_add_printf(out, "+OK\r\n");
    } else {
        fail_msg("unknown command %s", r->last);
    }
    if (r->fault == REDIS_TALKS)
        evbuffer_add_printf(out, "+OK\r\n");
    return true;
}

static inline void redis_drop(redis *r, const struct bufferevent *connection)
{
    for (size_t i = 0; i < sizeof r->connections / sizeof r->connections[0]; i++)
        if (r->connections[i] != NULL && (connection == NULL || r->connections[i] == connection)) {
            bufferevent_free(r->connections[i]);
            r->connections[i] = NULL;
        }
}

static inline void redis_on_read(struct bufferevent *connection, void *argument)
{
    redis *r = argument;
    struct evbuffer *in = bufferevent_get_input(connection);
    const char *words[REDIS_WORDS];
    size_t lengths[REDIS_WORDS], n_words, used;
    for (;;) {
        const size_t n = evbuffer_get_length(in);
        const char *bytes = (const char *)evbuffer_pullup(in, -1);
        if (!redis_parse(bytes, n, words, lengths, &n_words, &used))
            return;
        if (!redis_command(r, bufferevent_get_output(connection), words, lengths, n_words)) {
            redis_drop(r, connection);
            return;
        }
        evbuffer_drain(in, used);
    }
}

static inline void redis_on_end(struct bufferevent *connection, short what, void *argument)
{
    (void)what;
    redis_drop(argument, connection);
}

static inline void redis_on_accept(struct evconnlistener *listener, evutil_socket_t fd,
                                   struct sockaddr *address, int n, void *argument)
{
    redis *r = argument;
    size_t i = 0;
    (void)listener, (void)address, (void)n;
    while (i < sizeof r->connections / sizeof r->connections[0] && r->connections[i] != NULL)
        i++;
    assert_true(i < sizeof r->connections / sizeof r->connections[0]);
    r->connections[i] = bufferevent_socket_new(r->base, fd, BEV_OPT_CLOSE_ON_FREE);
    r->n_connections++;
    bufferevent_setcb(r->connections[i], redis_on_read, NULL, redis_on_end, r);
    bufferevent_enable(r->connections[i], EV_READ | EV_WRITE);
}

static inline void redis_open(redis *r, struct event_base *base)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    *r = (redis){.base = base};
    r->listener = evconnlistener_new_bind(base, redis_on_accept, r, LEV_OPT_CLOSE_ON_FREE, 16,
                                          (struct sockaddr *)&address, sizeof address);
    assert_non_null(r->listener);
    assert_int_equal(
        getsockname(evconnlistener_get_fd(r->listener), (struct sockaddr *)&address, &n), 0);
    r->port = ntohs(address.sin_port);
}

static inline void redis_close(redis *r)
{
    redis_drop(r, NULL);
    if (r->listener != NULL)
        evconnlistener_free(r->listener);
    r->listener = NULL;
}

/* ----------------------------------------------------------- on its own thread */

typedef struct redis_thread {
    redis redis; /* of the thread; what follows is for the test */
    pthread_t thread;
    struct event *tick;
    atomic_int fault; /* redis_fault, wanted from the next tick on */
    atomic_bool drop, stop;
    atomic_uint n_connections;
} redis_thread;

/* Every 5 ms the thread looks at what the test wants. */
static inline void redis_on_tick(evutil_socket_t fd, short what, void *argument)
{
    redis_thread *t = argument;
    (void)fd, (void)what;
    t->redis.fault = (redis_fault)atomic_load(&t->fault);
    if (atomic_exchange(&t->drop, false))
        redis_drop(&t->redis, NULL);
    atomic_store(&t->n_connections, t->redis.n_connections);
    if (atomic_load(&t->stop))
        event_base_loopbreak(t->redis.base);
}

static inline void *redis_run(void *argument)
{
    event_base_dispatch(argument);
    return NULL;
}

static inline void redis_start(redis_thread *t)
{
    static const struct timeval every = {0, 5000};
    *t = (redis_thread){0};
    redis_open(&t->redis, event_base_new());
    t->tick = event_new(t->redis.base, -1, EV_PERSIST, redis_on_tick, t);
    event_add(t->tick, &every);
    assert_int_equal(pthread_create(&t->thread, NULL, redis_run, t->redis.base), 0);
}

static inline void redis_stop(redis_thread *t)
{
    atomic_store(&t->stop, true);
    pthread_join(t->thread, NULL);
    event_free(t->tick);
    redis_close(&t->redis);
    event_base_free(t->redis.base);
}

/* Settings of a client of it, with time enough for a busy machine. */
static inline mf_cache_settings redis_settings(const redis *r)
{
    return (mf_cache_settings){.enabled = true,
                               .host = "127.0.0.1",
                               .port = r->port,
                               .connect_ms = 3000,
                               .command_ms = 2000,
                               .retry_ms = 60000,
                               .ttl_seconds = 3600,
                               .unknown_ttl_seconds = 60};
}

#endif
