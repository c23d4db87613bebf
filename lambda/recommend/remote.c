/* remote.c: promises in remote.h. */
#include "lambda/recommend/remote.h"

#include "base/clock.h"
#include "base/memory.h"
#include "inference/inference.h"
#include "lambda/aws/many.h"
#include "lambda/aws/sagemaker_runtime.h"
#include "lambda/recommend/grow.h"
#include "lambda/streams/plain.h"

#include <jansson.h>
#include <stdio.h>

enum {
    FEWEST_USERS = 8,   /* of a request, while there are more: less is not worth a request */
    MOST_USERS = 250,   /* so that one answer is no burden */
    MOST_ITEMS = 60000, /* of an answer: 64 bytes each are less than SageMaker's 6 MiB */
    BYTES_KEPT = 1 << 20,
    SAID_BYTES = 160,
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
    mf_aws_many *many;
    uint32_t concurrency;
    char path[96];
    char subject[96];
    char version[MF_WISH_VERSION_BYTES]; /* of the last answer that told one */
    int64_t version_ms;                  /* wall clock then */

    /* Of the present run; the memory is kept. */
    mf_text bodies;
    chunk *chunks;
    mf_aws_call *calls;
    mf_aws_outcome *outcomes;
    mf_wish **again; /* whom a refused request had, to be asked one by one */
    size_t chunks_room, calls_room, outcomes_room, again_room;
} remote;

/* ----------------------------------------------------------------------- questions */

static void write_question(mf_text *body, const mf_wish *wish)
{
    mf_text_literal(body, "{\"userId\":");
    mf_text_json(body, wish->user.bytes, wish->user.n_bytes);
    mf_text_literal(body, ",\"top_n\":");
    mf_text_count(body, wish->top_n);
    mf_text_literal(body, "}\n");
}

static bool make_room(remote *r, size_t n, mf_error *err)
{
    return MF_GROW(r->chunks, r->chunks_room, n, err) && MF_GROW(r->calls, r->calls_room, n, err) &&
           MF_GROW(r->outcomes, r->outcomes_room, n, err) &&
           MF_GROW(r->again, r->again_room, n, err);
}

/* Cuts chosen[0 .. n) into requests of about `users` each. Returns how many. */
static size_t write_questions(remote *r, mf_wish *const *chosen, size_t n, size_t users)
{
    size_t n_chunks = 0;
    mf_text_clear(&r->bodies, BYTES_KEPT);
    for (size_t i = 0; i < n;) {
        chunk *c = &r->chunks[n_chunks++];
        uint64_t n_items = 0;
        *c = (chunk){.first = i, .body_at = r->bodies.n_bytes};
        do {
            n_items += chosen[i]->top_n;
            write_question(&r->bodies, chosen[i++]);
        } while (i < n && i - c->first < users && n_items + chosen[i]->top_n <= MOST_ITEMS);
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
            .max_answer_bytes = MF_AWS_INVOKE_BODY_BYTES,
            .deadline_ms = deadline_ms,
        };
}

/* ------------------------------------------------------------------------- answers */

/* The version in "…;model_version=1da2c000e3b8bdcc"; "" when there is none. */
static void read_version(remote *r, const mf_aws_answer *answer,
                         char version[MF_WISH_VERSION_BYTES])
{
    const char *told = strstr(mf_aws_answer_header(answer, attributes), version_is);
    version[0] = '\0';
    if (told == NULL)
        return;
    told += strlen(version_is);
    const size_t n = strcspn(told, ";, ");
    if (n == 0 || n >= MF_WISH_VERSION_BYTES)
        return;
    memcpy(version, told, n);
    version[n] = '\0';
    memcpy(r->version, version, n + 1);
    r->version_ms = mf_clock_wall_ms();
}

/* A list as it is read: its items go to `text`. */
typedef struct listed {
    mf_text *text;
    uint32_t count;
    bool has_list, known_user;
} listed;

static void add_item(listed *list, mf_id id)
{
    if (list->count++ > 0)
        mf_text_literal(list->text, ",");
    mf_inference_write_id(list->text, id);
}

/* {"recommendations":[{"movieId":"318","predicted_rating":4.9},…],"known_user":false} as [318,…],
 * where it is as plain as serve writes it. */
static void read_plain_items(mf_plain *plain, listed *list)
{
    mf_plain_object items, item;
    list->has_list = true;
    mf_text_literal(list->text, "[");
    mf_plain_open_list(plain, &items);
    while (mf_plain_next_element(plain, &items)) {
        mf_id key, id = {NULL, 0};
        mf_plain_open(plain, &item);
        while (mf_plain_next(plain, &item, &key))
            if (mf_plain_is(key, "movieId"))
                mf_plain_text(plain, &id);
            else
                mf_plain_skip(plain);
        if (id.bytes == NULL)
            plain->failed = true;
        else if (!plain->failed)
            add_item(list, id);
    }
    mf_text_literal(list->text, "]");
}

static bool read_plain(listed *list, const char *line, size_t n)
{
    mf_plain plain;
    mf_plain_object object;
    mf_id key;
    mf_plain_start(&plain, line, n);
    mf_plain_open(&plain, &object);
    while (mf_plain_next(&plain, &object, &key))
        if (mf_plain_is(key, "recommendations"))
            read_plain_items(&plain, list);
        else if (mf_plain_is(key, "known_user"))
            list->known_user = mf_plain_bool(&plain);
        else
            mf_plain_skip(&plain);
    return mf_plain_end(&plain) && list->has_list;
}

/* The same of any JSON. */
static bool read_any(listed *list, const char *line, size_t n)
{
    json_t *root = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *items = json_object_get(root, "recommendations");
    list->has_list = json_is_array(items);
    list->known_user = !json_is_false(json_object_get(root, "known_user"));
    mf_text_literal(list->text, "[");
    for (size_t i = 0; i < json_array_size(items) && list->has_list; i++) {
        const json_t *id = json_object_get(json_array_get(items, i), "movieId");
        list->has_list = json_is_string(id);
        if (list->has_list)
            add_item(list, (mf_id){json_string_value(id), json_string_length(id)});
    }
    mf_text_literal(list->text, "]");
    json_decref(root);
    return list->has_list;
}

static bool read_line(mf_wishes *wishes, mf_wish *wish, const char *line, size_t n,
                      const char *version)
{
    const size_t text_at = wishes->text.n_bytes;
    listed list = {.text = &wishes->text, .known_user = true};
    if (!read_plain(&list, line, n)) {
        wishes->text.n_bytes = text_at;
        list = (listed){.text = &wishes->text, .known_user = true};
        if (!read_any(&list, line, n))
            return false;
    }
    if (list.count > wish->top_n)
        return false;
    mf_wish_grant(wish, text_at, wishes->text.n_bytes - text_at, list.count, list.known_user,
                  version);
    return true;
}

/* One line for each user, or none of them counts. */
static bool read_answer(remote *r, mf_wishes *wishes, mf_wish *const *chosen, const chunk *c,
                        const mf_aws_answer *answer)
{
    char version[MF_WISH_VERSION_BYTES];
    const char *line = answer->body.bytes;
    const char *end = line + answer->body.n_bytes;
    size_t n = 0;
    for (const char *at = line; at < end; at++)
        n += *at == '\n';
    if (n != c->n || end[-1] != '\n')
        return false;
    read_version(r, answer, version);
    for (size_t i = 0; i < c->n; i++) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!read_line(wishes, chosen[c->first + i], line, (size_t)(stop - line), version))
            return false;
        line = stop + 1;
    }
    return true;
}

static void fail_all(mf_wishes *wishes, mf_wish *const *chosen, const chunk *c, const mf_error *why)
{
    for (size_t i = 0; i < c->n; i++)
        mf_wish_fail(wishes, chosen[c->first + i], why);
}

/* The question is wrong, and no time makes it right. */
static bool is_refusal(const mf_aws_failure *failure)
{
    const bool is_model = failure->kind == MF_AWS_MODEL;
    const int status = is_model ? failure->original_status : failure->status;
    /* With a code it is SageMaker that refuses: no such endpoint, for one. */
    return (is_model || failure->code[0] == '\0') &&
           (status == 400 || status == 413 || status == 422);
}

/* One of its users may be what breaks it: a status that says nothing of load. */
static bool is_poisoned(const mf_aws_failure *failure)
{
    return failure->status == 500 ||
           (failure->kind == MF_AWS_MODEL && failure->original_status == 500);
}

/* The words of serve's {"error":{"code","message"}}. */
static void refuse(mf_wishes *wishes, mf_wish *wish, const mf_aws_outcome *outcome)
{
    char said[SAID_BYTES];
    const mf_aws_failure *failure = &outcome->failure;
    const bool is_model = failure->kind == MF_AWS_MODEL;
    const char *body = is_model ? failure->original_message : outcome->answer->body.bytes;
    const size_t n = is_model ? strlen(body) : outcome->answer->body.n_bytes;
    json_t *root = n > 0 ? json_loadb(body, n, 0, NULL) : NULL;
    const json_t *message = json_object_get(json_object_get(root, "error"), "message");
    const char *text = json_string_value(message);
    mf_wish_refuse(wishes, wish, "the model refuses it: %s",
                   text != NULL ? mf_printable(said, sizeof said, text, strlen(text))
                                : "it does not say why");
    json_decref(root);
}

/* Takes what came of the request. Returns how many users have to be asked again, alone. */
static size_t take(remote *r, mf_wishes *wishes, mf_wish *const *chosen, const chunk *c,
                   const mf_aws_outcome *outcome)
{
    if (outcome->ok) {
        mf_error err = {.code = MF_OK};
        if (wishes->text.failed)
            mf_fail(&err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for recommendations");
        else if (!read_answer(r, wishes, chosen, c, outcome->answer))
            mf_fail(&err, MF_ERR_IO, (mf_where){r->subject, 0, 0},
                    "an answer that does not fit its question");
        if (err.code != MF_OK)
            fail_all(wishes, chosen, c, &err);
        return 0;
    }
    const bool is_refused = is_refusal(&outcome->failure);
    if (c->n > 1 && (is_refused || is_poisoned(&outcome->failure)))
        return c->n;
    if (is_refused)
        refuse(wishes, chosen[c->first], outcome);
    else
        fail_all(wishes, chosen, c, &outcome->failure.error);
    return 0;
}

/* Asks in requests of `users` each. Returns how many are to be asked again, in r->again. */
static size_t ask(remote *r, mf_wishes *wishes, mf_wish *const *chosen, size_t n, size_t users,
                  int64_t deadline_ms)
{
    mf_error err = {.code = MF_OK};
    const chunk all = {.n = n};
    const size_t n_chunks = make_room(r, n, &err) ? write_questions(r, chosen, n, users) : 0;
    if (n_chunks == 0 || r->bodies.failed) {
        mf_fail(&err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for questions");
        fail_all(wishes, chosen, &all, &err);
        return 0;
    }
    make_calls(r, n_chunks, deadline_ms);
    mf_aws_many_run(r->many, r->calls, n_chunks, r->outcomes);
    size_t n_again = 0;
    for (size_t i = 0; i < n_chunks; i++) {
        const chunk *c = &r->chunks[i];
        if (take(r, wishes, chosen, c, &r->outcomes[i]) == 0)
            continue;
        /* chosen may be r->again itself, which is written behind where it is read. */
        memmove((void *)(r->again + n_again), (const void *)(chosen + c->first),
                c->n * sizeof(mf_wish *));
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

static void score(void *context, mf_wishes *wishes, mf_wish *const *chosen, size_t n,
                  int64_t deadline_ms)
{
    remote *r = context;
    if (n == 0)
        return;
    const size_t n_again = ask(r, wishes, chosen, n, users_of_a_request(r, n), deadline_ms);
    if (n_again > 0)
        ask(r, wishes, r->again, n_again, 1, deadline_ms);
}

static const char *version(void *context, int64_t max_age_ms)
{
    const remote *r = context;
    const int64_t age_ms = mf_clock_wall_ms() - r->version_ms;
    return age_ms >= 0 && age_ms <= max_age_ms ? r->version : "";
}

static void destroy(void *context)
{
    remote *r = context;
    mf_aws_many_destroy(r->many);
    mf_text_free(&r->bodies);
    mf_free(r->chunks);
    mf_free(r->calls);
    mf_free(r->outcomes);
    mf_free(r->again);
    mf_free(r);
}

bool mf_remote_scorer(mf_scorer *scorer, const char *url, const char *endpoint_name,
                      uint32_t concurrency, mf_error *err)
{
    const bool is_plain = url[0] != '\0';
    const mf_aws_client_settings settings = {
        .service = is_plain ? MF_AWS_PLAIN : MF_AWS_SAGEMAKER_RUNTIME,
        .url = url,
        .url_name = "RECOMMEND_SERVICE_URL",
    };
    remote *r = mf_allocate(1, sizeof *r, "questions", err);
    if (r == NULL)
        return false;
    r->concurrency = concurrency;
    r->many = mf_aws_many_create(&settings, concurrency, err);
    if (r->many == NULL) {
        destroy(r);
        return false;
    }
    if (is_plain)
        snprintf(r->path, sizeof r->path, "/invocations");
    else
        snprintf(r->path, sizeof r->path, "/endpoints/%s/invocations", endpoint_name);
    snprintf(r->subject, sizeof r->subject, is_plain ? "recommendations" : "endpoint %.63s",
             endpoint_name);
    *scorer = (mf_scorer){.context = r, .score = score, .version = version, .destroy = destroy};
    return true;
}
