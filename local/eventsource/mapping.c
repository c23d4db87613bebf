/* mapping.c: a table of the stream's shards, filled by ListShards, and one timer that acts on it.
 *
 * Shards report what happened (on_event) and are closed by the timer, never within their own calls.
 * A shard is opened when both its parents are done or unknown. */
#include "local/eventsource/mapping.h"

#include "base/log.h"
#include "local/eventsource/kinesis.h"
#include "local/eventsource/shard.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHARDS_MAX = 1024, REPORT_S = 10 };

static const double SOON_S = 0.1;

/* A shard that the stream has or had. */
typedef struct known {
    char id[MF_LOCAL_SHARD_ID_BYTES];
    char parents[2][MF_LOCAL_SHARD_ID_BYTES]; /* "": none */
    mf_local_starting_position position;
    mf_local_shard *shard; /* NULL: not begun, or through */
    bool is_done;
} known;

struct mf_local_mapping {
    mf_local_shard_context of;
    mf_local_mapping_counts counts, reported;
    mf_local_client *kinesis;
    struct event *timer, *report;
    mf_text next; /* of ListShards */
    known *shards;
    uint32_t n_shards;
    mf_local_starting_position position; /* of shards that are found now */
    uint32_t n_failures;                 /* of ListShards, in a row       */
    bool is_listing, is_gone, has_listed;
};

static void log_about(const mf_local_mapping *m, mf_log_level level, const char *event,
                      const char *message)
{
    mf_log_line line;
    mf_log_begin(&line, level, event);
    mf_log_text(&line, "stream", m->of.mapping->stream);
    mf_log_text(&line, "function", mf_local_function_name(m->of.function));
    mf_log_text(&line, "message", message);
    mf_log_end(&line);
}

/* --------------------------------------------------------------------- report */

static void report(mf_local_mapping *m)
{
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "mapping");
    mf_log_text(&line, "stream", m->of.mapping->stream);
    mf_log_text(&line, "function", mf_local_function_name(m->of.function));
    mf_log_count(&line, "records", m->counts.n_records);
    mf_log_count(&line, "invocations", m->counts.n_calls);
    mf_log_count(&line, "failed_invocations", m->counts.n_failed);
    mf_log_count(&line, "dropped_records", m->counts.n_dropped);
    mf_log_count(&line, "final_invocations", m->counts.n_final);
    mf_log_count(&line, "stream_errors", m->counts.n_errors);
    mf_log_count(&line, "iterator_age_ms", (uint64_t)m->counts.iterator_age_ms);
    mf_log_end(&line);
    m->counts.iterator_age_ms = 0;
    m->reported = m->counts;
}

static void on_report(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    mf_local_mapping *m = context;
    if (m->counts.n_calls != m->reported.n_calls || m->counts.n_errors != m->reported.n_errors)
        report(m);
}

/* --------------------------------------------------------------------- shards */

static known *find(mf_local_mapping *m, const char *id)
{
    for (uint32_t i = 0; i < m->n_shards; i++)
        if (strcmp(m->shards[i].id, id) == 0)
            return &m->shards[i];
    return NULL;
}

static void on_event(void *context, mf_local_shard_event news)
{
    mf_local_mapping *m = context;
    if (news == MF_LOCAL_SHARD_STREAM_GONE)
        m->is_gone = true;
    mf_local_start_timer(m->timer, 0);
}

static bool put_shard(void *context, const mf_local_kinesis_shard *shard)
{
    mf_local_mapping *m = context;
    if (find(m, shard->id) != NULL)
        return true;
    if (m->n_shards == SHARDS_MAX)
        return false;
    known *k = &m->shards[m->n_shards++];
    *k = (known){.position = m->position};
    snprintf(k->id, sizeof k->id, "%s", shard->id);
    for (int i = 0; i < 2; i++)
        if (shard->parents[i] != NULL)
            snprintf(k->parents[i], sizeof k->parents[i], "%s", shard->parents[i]);
    return true;
}

static void begin_shards(mf_local_mapping *m)
{
    for (uint32_t i = 0; i < m->n_shards; i++) {
        known *k = &m->shards[i];
        bool is_due = k->shard == NULL && !k->is_done;
        for (int p = 0; p < 2; p++) {
            const known *parent = find(m, k->parents[p]);
            is_due = is_due && (parent == NULL || parent->is_done);
        }
        if (!is_due)
            continue;
        k->shard = mf_local_shard_open(&m->of, k->id, k->position);
        if (k->shard == NULL)
            mf_local_start_timer(m->timer, SOON_S);
    }
}

static void forget_shards(mf_local_mapping *m)
{
    for (uint32_t i = 0; i < m->n_shards; i++)
        mf_local_shard_close(m->shards[i].shard);
    m->n_shards = 0;
}

/* -------------------------------------------------------------------- listing */

static void list(mf_local_mapping *m);

static void list_failed(mf_local_mapping *m, const char *why)
{
    m->counts.n_errors++;
    if (m->n_failures++ == 0)
        log_about(m, MF_LOG_WARNING, "stream_unreadable", why);
    mf_text_clear(&m->next, 4096);
    mf_local_start_timer(m->timer, mf_local_kinesis_wait_s(m->n_failures));
}

static void on_shards(void *context, const mf_local_client_response *response)
{
    mf_local_mapping *m = context;
    char reason[MF_LOCAL_KINESIS_CODE_BYTES];
    m->is_listing = false;
    if (response->status != 200) {
        list_failed(m, mf_local_kinesis_reason(response, reason));
        return;
    }
    if (!mf_local_kinesis_read_shards(response->body, response->n_body, &m->next, put_shard, m)) {
        list_failed(m, "a response to ListShards that is malformed, or more than 1,024");
        return;
    }
    if (m->next.n_bytes > 0) {
        list(m);
        return;
    }
    if (m->n_shards == 0) { /* it is being made */
        mf_local_start_timer(m->timer, SOON_S);
        return;
    }
    m->n_failures = 0;
    m->has_listed = true;
    m->position = MF_LOCAL_TRIM_HORIZON;
    begin_shards(m);
}

static void list(mf_local_mapping *m)
{
    mf_text body = MF_TEXT_EMPTY;
    if (m->is_listing)
        return;
    if (m->next.n_bytes > 0)
        mf_text_format(&body, "{\"NextToken\":\"%s\"}", m->next.bytes);
    else
        mf_text_format(&body, "{\"StreamName\":\"%s\"}", m->of.mapping->stream);
    m->is_listing =
        mf_local_kinesis_call(m->kinesis, m->of.settings, "ListShards", &body, on_shards, m);
    if (!m->is_listing)
        mf_local_start_timer(m->timer, SOON_S);
}

/* Outside of what the shards do: here they may be closed. */
static void on_time(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    mf_local_mapping *m = context;
    if (m->is_gone) {
        log_about(m, MF_LOG_WARNING, "stream_gone",
                  "the stream no longer exists; waiting for a new one");
        forget_shards(m);
        m->is_gone = false;
    }
    for (uint32_t i = 0; i < m->n_shards; i++) {
        known *k = &m->shards[i];
        if (k->shard == NULL || !mf_local_shard_is_done(k->shard))
            continue;
        mf_local_shard_close(k->shard);
        k->shard = NULL;
        k->is_done = true;
        log_about(m, MF_LOG_INFO, "shard_through", k->id);
    }
    list(m);
}

/* --------------------------------------------------------------- open, close */

mf_local_mapping *mf_local_mapping_open(struct event_base *base, const mf_local_settings *settings,
                                        uint32_t index, mf_local_function *function, mf_error *err)
{
    static const struct timeval every = {REPORT_S, 0};
    mf_local_mapping *m = calloc(1, sizeof *m);
    if (m != NULL) {
        m->of = (mf_local_shard_context){.base = base,
                                         .settings = settings,
                                         .mapping = &settings->mappings[index],
                                         .function = function,
                                         .counts = &m->counts,
                                         .on_event = on_event,
                                         .context = m};
        m->position = m->of.mapping->position;
        m->shards = calloc(SHARDS_MAX, sizeof *m->shards);
        m->kinesis = mf_local_kinesis_connect(base, settings);
        m->timer = event_new(base, -1, 0, on_time, m);
        m->report = event_new(base, -1, EV_PERSIST, on_report, m);
    }
    if (m == NULL || m->shards == NULL || m->kinesis == NULL || m->timer == NULL ||
        m->report == NULL || event_add(m->report, &every) != 0) {
        mf_local_mapping_close(m);
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a mapping");
        return NULL;
    }
    mf_local_start_timer(m->timer, 0);
    return m;
}

void mf_local_mapping_stop(mf_local_mapping *m)
{
    if (m == NULL || m->timer == NULL)
        return;
    report(m);
    forget_shards(m);
    mf_local_client_destroy(m->kinesis);
    event_free(m->report);
    event_free(m->timer);
    m->kinesis = NULL;
    m->timer = m->report = NULL;
}

void mf_local_mapping_close(mf_local_mapping *m)
{
    if (m == NULL)
        return;
    if (m->shards != NULL)
        forget_shards(m);
    mf_local_client_destroy(m->kinesis);
    if (m->timer != NULL)
        event_free(m->timer);
    if (m->report != NULL)
        event_free(m->report);
    mf_text_free(&m->next);
    free(m->shards);
    free(m);
}
