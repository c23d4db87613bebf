/* session.c: a client on an event base of its own, which runs only during a call.
 * (1) Each wait is a loop of one round at a time that ends with its cause or with the budget.
 * (2) A lookup that outlives the budget is cancelled before the call returns. */
#include "cache/session.h"

#include "base/clock.h"

#include <event2/event.h>
#include <stdlib.h>

struct mf_cache_session {
    const mf_cache_settings *settings;
    struct event_base *base;
    struct event *over; /* the budget */
    mf_cache_client *client;
    bool is_over;
};

/* A call of get at work. */
typedef struct get_call {
    mf_cache_session *session;
    mf_cache_session_found *found;
    mf_cache_session_feedback *feedback;
    void *argument;
    mf_cache_lookup *lookup; /* NULL when it is done */
    size_t n_found;          /* calls of both */
    bool complete;
} get_call;

static void when_over(evutil_socket_t fd, short what, void *argument)
{
    mf_cache_session *session = argument;
    (void)fd;
    (void)what;
    session->is_over = true;
}

mf_cache_session *mf_cache_session_open(mf_cache *cache, mf_error *err)
{
    mf_cache_session *session = calloc(1, sizeof *session);
    struct event_config *config = event_config_new();
    if (session != NULL && config != NULL) {
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV |
                                          EVENT_BASE_FLAG_PRECISE_TIMER);
        session->base = event_base_new_with_config(config);
    }
    if (config != NULL)
        event_config_free(config);
    if (session != NULL && session->base != NULL) {
        session->settings = mf_cache_get_settings(cache);
        session->over = evtimer_new(session->base, when_over, session);
        session->client = mf_cache_client_create(cache, session->base, err);
    }
    if (session != NULL && session->over != NULL && session->client != NULL)
        return session;
    mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a connection to Redis");
    mf_cache_session_close(session);
    return NULL;
}

/* Everything that has come since the last call, a connection's end above all; then the
 * budget begins. */
static void begin(mf_cache_session *session, uint32_t budget_ms)
{
    const struct timeval after = {.tv_sec = budget_ms / 1000,
                                  .tv_usec = (suseconds_t)(budget_ms % 1000) * 1000};
    session->is_over = false;
    event_base_loop(session->base, EVLOOP_NONBLOCK);
    event_add(session->over, &after);
    mf_cache_client_start(session->client);
}

static void end(mf_cache_session *session)
{
    event_del(session->over);
}

/* True when the client is ready. */
static bool wait_for_connection(mf_cache_session *session)
{
    while (!session->is_over && mf_cache_client_state(session->client) == MF_CACHE_OPENING)
        event_base_loop(session->base, EVLOOP_ONCE);
    return mf_cache_client_state(session->client) == MF_CACHE_READY;
}

static void take_found(void *argument, size_t i, const mf_cache_entry *entry)
{
    get_call *call = argument;
    call->n_found++;
    if (call->found != NULL)
        call->found(call->argument, i, entry);
}

static void take_feedback(void *argument, size_t i, const mf_feedback *feedback)
{
    get_call *call = argument;
    call->n_found++;
    if (call->feedback != NULL)
        call->feedback(call->argument, i, feedback);
}

static void take_done(void *argument, bool complete)
{
    get_call *call = argument;
    call->lookup = NULL;
    call->complete = complete;
}

/* Until it is done or the time is over. */
static void look_up(get_call *call, const mf_cache_wanted *wanted)
{
    static const mf_cache_lookup_events events = {take_found, take_done, take_feedback};
    mf_cache_session *session = call->session;
    call->lookup = mf_cache_client_get(session->client, wanted, &events, call);
    while (call->lookup != NULL && !session->is_over)
        event_base_loop(session->base, EVLOOP_ONCE);
    if (call->lookup != NULL)
        mf_cache_client_cancel(session->client, call->lookup);
}

uint32_t mf_cache_session_worst_ms(const mf_cache_session *session)
{
    return session->settings->connect_ms + session->settings->command_ms;
}

bool mf_cache_session_look_up(mf_cache_session *session, const mf_cache_wanted *wanted,
                              uint32_t budget_ms, mf_cache_session_found *found,
                              mf_cache_session_feedback *feedback, void *argument)
{
    get_call call = {
        .session = session, .found = found, .feedback = feedback, .argument = argument};
    if (wanted->n == 0)
        return true;
    begin(session, budget_ms);
    wait_for_connection(session);
    look_up(&call, wanted);
    /* The connection had died long ago, and only now it shows. */
    if (!call.complete && call.n_found == 0 &&
        mf_cache_client_state(session->client) == MF_CACHE_OPENING && wait_for_connection(session))
        look_up(&call, wanted);
    end(session);
    return call.complete;
}

bool mf_cache_session_get(mf_cache_session *session, const mf_cache_key *keys, size_t n,
                          uint32_t budget_ms, mf_cache_session_found *found, void *argument)
{
    const mf_cache_wanted wanted = {.lists = keys, .n = n};
    return mf_cache_session_look_up(session, &wanted, budget_ms, found, NULL, argument);
}

void mf_cache_session_update(mf_cache_session *session, mf_feedback_update *updates, size_t n,
                             uint32_t budget_ms)
{
    mf_cache_client *client = session->client;
    begin(session, budget_ms);
    wait_for_connection(session);
    for (size_t i = 0; i < n; i++)
        /* As many as may wait for a reply; then one has to come first. */
        while (!mf_cache_client_update(client, &updates[i]) &&
               mf_cache_client_pending(client) > 0 && !session->is_over)
            event_base_loop(session->base, EVLOOP_ONCE);
    while (mf_cache_client_pending(client) > 0 && !session->is_over)
        event_base_loop(session->base, EVLOOP_ONCE);
    mf_cache_client_cancel_updates(client);
    wait_for_connection(session); /* the next one, after READONLY */
    end(session);
}

const char *mf_cache_session_reason(const mf_cache_session *session)
{
    return mf_cache_client_reason(session->client);
}

size_t mf_cache_session_set(mf_cache_session *session, const mf_cache_key *keys,
                            const mf_cache_entry *entries, size_t n, uint32_t budget_ms)
{
    mf_cache_client *client = session->client;
    size_t given = 0;
    begin(session, budget_ms);
    wait_for_connection(session);
    for (size_t i = 0; i < n; i++) {
        /* As many as may wait for a reply; then one has to come first. */
        while (mf_cache_client_pending(client) >= MF_CACHE_COMMANDS_MAX && !session->is_over)
            event_base_loop(session->base, EVLOOP_ONCE);
        given += mf_cache_client_set(client, &keys[i], &entries[i]);
    }
    while (mf_cache_client_pending(client) > 0 && !session->is_over)
        event_base_loop(session->base, EVLOOP_ONCE);
    wait_for_connection(session); /* the next one, after READONLY */
    end(session);
    return given;
}

void mf_cache_session_close(mf_cache_session *session)
{
    if (session == NULL)
        return;
    mf_cache_client_destroy(session->client);
    if (session->over != NULL)
        event_free(session->over);
    if (session->base != NULL)
        event_base_free(session->base);
    free(session);
}
