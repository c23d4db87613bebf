/* scorer_remote.c: cuts lookups into requests of many users, makes all requests at once, and reads one
 * line for each user. Requests that a single user may have spoiled are made again user by user, and those
 * that are rejected then without the user's events. */
#include "lambda/recommend/scorer.h"

#include "base/clock.h"
#include "base/grow.h"
#include "base/memory.h"
#include "lambda/aws/client.h"
#include "lambda/aws/sagemaker_runtime.h"
#include "lambda/recommend/response_line.h"

#include <jansson.h>
#include <stdio.h>

enum {
    FEWEST_USERS = 8,     /* of a request, unless there are fewer */
    MOST_USERS = 250,     /* so that one response is small */
    MOST_ITEMS = 60000,   /* of a response: 64 bytes each are less than SageMaker's 6 MiB */
    MOST_BYTES = 1 << 20, /* of a request with more than one user */
    EVENT_BYTES = 64,     /* about */
    BYTES_KEPT = 1 << 20,
    MESSAGE_BYTES = 160,
};

static const char jsonlines[] = "application/jsonlines";
static const char attributes[] = "X-Amzn-SageMaker-Custom-Attributes";
static const char version_is[] = "model_version=";

static const mf_aws_header headers[] = {
    {"Content-Type", jsonlines},
    {"Accept", jsonlines},
    {attributes, "model_version"},
};

/* The users of one request: chosen[first .. first + n). */
typedef struct chunk {
    size_t first, n;
    size_t body_at, n_body;
} chunk;

typedef struct remote {
    mf_aws_client *client;
    uint32_t concurrency;
    char path[96];
    char subject[96];
    char version[MF_RECOMMEND_VERSION_BYTES]; /* of the last response that had one */
    int64_t version_ms;                       /* wall clock then */

    /* Of the present run; the memory is kept. */
    mf_text bodies;
    mf_stream_json json;
    chunk *chunks;
    mf_aws_call *calls;
    mf_aws_result *outcomes;
    mf_recommend_lookup **again; /* users of rejected requests, for one request each */
    size_t chunks_capacity, calls_capacity, outcomes_capacity, again_capacity;
} remote;

/* ------------------------------------------------------------------------ requests */

static bool reserve(remote *r, size_t n, mf_error *err)
{
    return MF_GROW(r->chunks, r->chunks_capacity, n, "a batch", err) &&
           MF_GROW(r->calls, r->calls_capacity, n, "a batch", err) &&
           MF_GROW(r->outcomes, r->outcomes_capacity, n, "a batch", err) &&
           MF_GROW(r->again, r->again_capacity, n, "a batch", err);
}

static size_t bytes_of(const mf_recommend_lookup *lookup)
{
    return lookup->instance.n_bytes + EVENT_BYTES * lookup->events.n;
}

/* Cuts chosen[0 .. n) into requests of about `users` each. Returns how many. */
static size_t write_requests(remote *r, mf_recommend_lookup *const *chosen, size_t n, size_t users)
{
    size_t n_chunks = 0;
    mf_text_clear(&r->bodies, BYTES_KEPT);
    for (size_t i = 0; i < n;) {
        chunk *c = &r->chunks[n_chunks++];
        uint64_t n_items = 0;
        *c = (chunk){.first = i, .body_at = r->bodies.n_bytes};
        do {
            n_items += chosen[i]->top_n;
            mf_recommend_lookup_write(chosen[i++], &r->bodies);
            mf_text_literal(&r->bodies, "\n");
        } while (i < n && i - c->first < users && n_items + chosen[i]->top_n <= MOST_ITEMS &&
                 r->bodies.n_bytes - c->body_at + bytes_of(chosen[i]) <= MOST_BYTES);
        c->n = i - c->first;
        c->n_body = r->bodies.n_bytes - c->body_at;
    }
    return n_chunks;
}

static void make_calls(remote *r, size_t n_chunks, int64_t deadline_ms)
{
    for (size_t i = 0; i < n_chunks; i++)
        r->calls[i] = (mf_aws_call){
            .subject = r->subject,
            .path = r->path,
            .headers = headers,
            .n_headers = sizeof headers / sizeof headers[0],
            .body = r->bodies.bytes + r->chunks[i].body_at,
            .n_body = r->chunks[i].n_body,
            .max_response_bytes = MF_AWS_INVOKE_BODY_BYTES,
            .deadline_ms = deadline_ms,
        };
}

/* ----------------------------------------------------------------------- responses */

/* The version in "…;model_version=1da2c000e3b8bdcc"; "" when there is none. */
static void read_version(remote *r, const mf_aws_response *response,
                         char version[MF_RECOMMEND_VERSION_BYTES])
{
    const char *told = strstr(mf_aws_response_header(response, attributes), version_is);
    version[0] = '\0';
    if (told == NULL)
        return;
    told += strlen(version_is);
    const size_t n = strcspn(told, ";, ");
    if (n == 0 || n >= MF_RECOMMEND_VERSION_BYTES)
        return;
    memcpy(version, told, n);
    version[n] = '\0';
    memcpy(r->version, version, n + 1);
    r->version_ms = mf_clock_wall_ms();
}

/* One line for each user, or none of them counts. */
static bool read_response(remote *r, mf_recommend_lookups *lookups,
                          mf_recommend_lookup *const *chosen, const chunk *c,
                          const mf_aws_response *response)
{
    char version[MF_RECOMMEND_VERSION_BYTES];
    const char *line = response->body.bytes;
    const char *end = line + response->body.n_bytes;
    size_t n = 0;
    for (const char *at = line; at < end; at++)
        n += *at == '\n';
    if (n != c->n || end[-1] != '\n')
        return false;
    read_version(r, response, version);
    for (size_t i = 0; i < c->n; i++) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!mf_recommend_line_read(&r->json, lookups, chosen[c->first + i], line,
                                    (size_t)(stop - line), version))
            return false;
        line = stop + 1;
    }
    return true;
}

static void fail_all(mf_recommend_lookups *lookups, mf_recommend_lookup *const *chosen,
                     const chunk *c, const mf_error *why)
{
    for (size_t i = 0; i < c->n; i++)
        mf_recommend_lookup_fail(lookups, chosen[c->first + i], why);
}

/* The request is wrong: repeating it cannot help. */
static bool is_rejection(const mf_aws_failure *failure)
{
    const bool is_model = failure->kind == MF_AWS_MODEL;
    const int status = is_model ? failure->original_status : failure->status;
    /* With a code the response is SageMaker's, not the model's: no such endpoint, for one. */
    return (is_model || failure->code[0] == '\0') &&
           (status == 400 || status == 413 || status == 422);
}

/* One of its users may break the model: a status that load does not cause. */
static bool is_poisoned(const mf_aws_failure *failure)
{
    return failure->status == 500 ||
           (failure->kind == MF_AWS_MODEL && failure->original_status == 500);
}

/* The words of serve's {"error":{"code","message"}}. */
static void reject(mf_recommend_lookups *lookups, mf_recommend_lookup *lookup,
                   const mf_aws_result *outcome)
{
    char message_text[MESSAGE_BYTES];
    const mf_aws_failure *failure = &outcome->failure;
    const bool is_model = failure->kind == MF_AWS_MODEL;
    const char *body = is_model ? failure->original_message : outcome->response->body.bytes;
    const size_t n = is_model ? strlen(body) : outcome->response->body.n_bytes;
    json_t *root = n > 0 ? json_loadb(body, n, 0, NULL) : NULL;
    const json_t *message = json_object_get(json_object_get(root, "error"), "message");
    const char *text = json_string_value(message);
    mf_recommend_lookup_reject(
        lookups, lookup, "the model refuses it: %s",
        text != NULL ? mf_printable(message_text, sizeof message_text, text, strlen(text))
                     : "it does not say why");
    json_decref(root);
}

/* Reads the result of a request. Returns how many users need a request of their own. */
static size_t take(remote *r, mf_recommend_lookups *lookups, mf_recommend_lookup *const *chosen,
                   const chunk *c, const mf_aws_result *outcome)
{
    if (outcome->ok) {
        mf_error err = {.code = MF_OK};
        if (lookups->text.failed)
            mf_fail(&err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for recommendations");
        else if (!read_response(r, lookups, chosen, c, outcome->response))
            mf_fail(&err, MF_ERR_IO, (mf_where){r->subject, 0, 0},
                    "a response that does not fit its request");
        if (err.code != MF_OK)
            fail_all(lookups, chosen, c, &err);
        return 0;
    }
    const bool is_rejected = is_rejection(&outcome->failure);
    if (c->n == 1 && is_rejected && mf_recommend_lookup_drop_events(chosen[c->first]))
        return 1;
    if (c->n > 1 && (is_rejected || is_poisoned(&outcome->failure)))
        return c->n;
    if (is_rejected)
        reject(lookups, chosen[c->first], outcome);
    else
        fail_all(lookups, chosen, c, &outcome->failure.error);
    return 0;
}

/* Makes requests of `users` each. Returns how many users, now in r->again, need one of their own. */
static size_t request_lists(remote *r, mf_recommend_lookups *lookups,
                            mf_recommend_lookup *const *chosen, size_t n, size_t users,
                            int64_t deadline_ms)
{
    mf_error err = {.code = MF_OK};
    const chunk all = {.n = n};
    const size_t n_chunks = reserve(r, n, &err) ? write_requests(r, chosen, n, users) : 0;
    if (n_chunks == 0 || r->bodies.failed) {
        mf_fail(&err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for requests");
        fail_all(lookups, chosen, &all, &err);
        return 0;
    }
    make_calls(r, n_chunks, deadline_ms);
    mf_aws_call_many(r->client, r->calls, n_chunks, r->outcomes);
    size_t n_again = 0;
    for (size_t i = 0; i < n_chunks; i++) {
        const chunk *c = &r->chunks[i];
        if (take(r, lookups, chosen, c, &r->outcomes[i]) == 0)
            continue;
        /* chosen may be r->again itself, which is written at most as far as it was read. */
        memmove((void *)(r->again + n_again), (const void *)(chosen + c->first),
                c->n * sizeof(mf_recommend_lookup *));
        n_again += c->n;
    }
    return n_again;
}

static size_t users_of_a_request(const remote *r, size_t n)
{
    const size_t share = (n + r->concurrency - 1) / r->concurrency;
    if (share < FEWEST_USERS)
        return FEWEST_USERS;
    return share < MOST_USERS ? share : MOST_USERS;
}

static void score(mf_recommend_scorer *scorer, mf_recommend_lookups *lookups,
                  mf_recommend_lookup *const *chosen, size_t n, int64_t deadline_ms)
{
    remote *r = scorer->context;
    if (n == 0)
        return;
    size_t n_again = request_lists(r, lookups, chosen, n, users_of_a_request(r, n), deadline_ms);
    while (n_again >
           0) /* a user is in it at most three times: with others, alone, without events */
        n_again = request_lists(r, lookups, r->again, n_again, 1, deadline_ms);
}

static const char *version(const mf_recommend_scorer *scorer, int64_t max_age_ms)
{
    const remote *r = scorer->context;
    const int64_t age_ms = mf_clock_wall_ms() - r->version_ms;
    return age_ms >= 0 && age_ms <= max_age_ms ? r->version : "";
}

void mf_recommend_scorer_end(mf_recommend_scorer *scorer)
{
    remote *r = scorer->context;
    mf_text_free(&scorer->instance);
    mf_text_free(&scorer->response);
    mf_stream_json_free(&scorer->json);
    *scorer = (mf_recommend_scorer){.context = NULL};
    if (r == NULL)
        return;
    mf_aws_client_destroy(r->client);
    mf_text_free(&r->bodies);
    mf_stream_json_free(&r->json);
    mf_free(r->chunks);
    mf_free(r->calls);
    mf_free(r->outcomes);
    mf_free(r->again);
    mf_free(r);
}

bool mf_recommend_scorer_remote(mf_recommend_scorer *scorer, const char *url,
                                const char *endpoint_name, uint32_t concurrency, mf_error *err)
{
    const bool is_plain = url[0] != '\0';
    const mf_aws_client_settings settings = {
        .n_connections = concurrency,
        .service = is_plain ? MF_AWS_PLAIN : MF_AWS_SAGEMAKER_RUNTIME,
        .url = url,
        .url_name = "RECOMMEND_SERVICE_URL",
    };
    remote *r = mf_allocate(1, sizeof *r, "requests", err);
    if (r == NULL)
        return false;
    *scorer = (mf_recommend_scorer){.score = score, .version = version, .context = r};
    r->concurrency = concurrency;
    r->client = mf_aws_client_create(&settings, err);
    if (is_plain)
        snprintf(r->path, sizeof r->path, "/invocations");
    else
        snprintf(r->path, sizeof r->path, "/endpoints/%s/invocations", endpoint_name);
    snprintf(r->subject, sizeof r->subject, is_plain ? "recommendations" : "endpoint %.63s",
             endpoint_name);
    return r->client != NULL;
}
