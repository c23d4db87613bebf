/* dynamodb.c: an update collects its parts as JSON texts (key, SET, ADD, condition, names,
 * values) and joins them into one body when it runs. jansson only reads responses. */
#include "lambda/aws/dynamodb.h"

#include "base/clock.h"
#include "base/random.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define TARGET(operation) "DynamoDB_20120810." operation

enum { FIRST_WAIT_MS = 200, BODY_KEPT = 1 << 20 };

bool mf_aws_dynamodb_table_check(const char *table, mf_error *err)
{
    static const mf_aws_resource_kind kind = {"dynamodb", "table", 3, 255};
    return mf_aws_resource_name_check(&kind, table, err);
}

/* --- bodies ------------------------------------------------------------------------ */

static void write_name(mf_text *text, const char *name)
{
    mf_text_json(text, name, strlen(name));
}

static void write_value(mf_text *text, mf_aws_dynamodb_type type, mf_id value)
{
    if (type == MF_AWS_DYNAMODB_NUMBER)
        mf_text_literal(text, "{\"N\":");
    else
        mf_text_literal(text, "{\"S\":");
    mf_text_json(text, value.bytes, value.n_bytes);
    mf_text_literal(text, "}");
}

/* "name":{"S":"value"}, with a comma before it unless it is the first. */
static void write_attribute(mf_text *text, const char *name, mf_aws_dynamodb_type type, mf_id value)
{
    if (text->n_bytes > 0 && text->bytes[text->n_bytes - 1] != '{')
        mf_text_literal(text, ",");
    write_name(text, name);
    mf_text_literal(text, ":");
    write_value(text, type, value);
}

void mf_aws_dynamodb_update_start(mf_aws_dynamodb_update *update, const char *table)
{
    mf_text *const texts[] = {&update->key,   &update->set,    &update->add, &update->condition,
                              &update->names, &update->values, &update->body};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        mf_text_clear(texts[i], BODY_KEPT);
    update->table = table;
    update->n_placeholders = 0;
    update->n_wanted = 0;
}

/* #i stands for the name and :i for the value; returns i. */
static uint32_t place(mf_aws_dynamodb_update *update, const char *name, mf_aws_dynamodb_type type,
                      mf_id value)
{
    const uint32_t i = update->n_placeholders++;
    const char *comma = i > 0 ? "," : "";
    mf_text_format(&update->names, "%s\"#%u\":", comma, i);
    write_name(&update->names, name);
    mf_text_format(&update->values, "%s\":%u\":", comma, i);
    write_value(&update->values, type, value);
    return i;
}

void mf_aws_dynamodb_update_key(mf_aws_dynamodb_update *update, const char *name,
                                mf_aws_dynamodb_type type, mf_id value)
{
    write_attribute(&update->key, name, type, value);
}

void mf_aws_dynamodb_update_set(mf_aws_dynamodb_update *update, const char *name,
                                mf_aws_dynamodb_type type, mf_id value)
{
    const uint32_t i = place(update, name, type, value);
    mf_text_format(&update->set, "%s#%u = :%u", update->set.n_bytes > 0 ? ", " : "SET ", i, i);
}

void mf_aws_dynamodb_update_add(mf_aws_dynamodb_update *update, const char *name, mf_id number)
{
    const uint32_t i = place(update, name, MF_AWS_DYNAMODB_NUMBER, number);
    mf_text_format(&update->add, "%s#%u :%u", update->add.n_bytes > 0 ? ", " : "ADD ", i, i);
}

static const char *and_if_more(const mf_aws_dynamodb_update *update)
{
    return update->condition.n_bytes > 0 ? " AND " : "";
}

void mf_aws_dynamodb_update_if_newer(mf_aws_dynamodb_update *update, const char *name,
                                     mf_aws_dynamodb_type type, mf_id value)
{
    const uint32_t i = place(update, name, type, value);
    mf_text_format(&update->condition, "%s(attribute_not_exists(#%u) OR #%u < :%u)",
                   and_if_more(update), i, i, i);
}

void mf_aws_dynamodb_update_if_equal(mf_aws_dynamodb_update *update, const char *name,
                                     mf_aws_dynamodb_type type, mf_id value)
{
    const uint32_t i = place(update, name, type, value);
    mf_text_format(&update->condition, "%s#%u = :%u", and_if_more(update), i, i);
}

void mf_aws_dynamodb_update_want(mf_aws_dynamodb_update *update, const char *name)
{
    if (update->n_wanted < MF_AWS_DYNAMODB_WANTED)
        update->wanted[update->n_wanted++] = name;
}

static void append(mf_text *body, const mf_text *piece)
{
    mf_text_append(body, piece->bytes, piece->n_bytes);
    body->failed |= piece->failed;
}

static void write_update(mf_aws_dynamodb_update *update)
{
    mf_text *body = &update->body;
    mf_text_clear(body, BODY_KEPT);
    mf_text_literal(body, "{\"TableName\":");
    write_name(body, update->table);
    mf_text_literal(body, ",\"Key\":{");
    append(body, &update->key);
    mf_text_literal(body, "},\"UpdateExpression\":\"");
    append(body, &update->set);
    if (update->set.n_bytes > 0 && update->add.n_bytes > 0)
        mf_text_literal(body, " ");
    append(body, &update->add);
    if (update->condition.n_bytes > 0) {
        mf_text_literal(body, "\",\"ConditionExpression\":\"");
        append(body, &update->condition);
    }
    mf_text_literal(body, "\",\"ExpressionAttributeNames\":{");
    append(body, &update->names);
    mf_text_literal(body, "},\"ExpressionAttributeValues\":{");
    append(body, &update->values);
    mf_text_literal(body, "},\"ReturnValues\":");
    if (update->n_wanted > 0)
        mf_text_literal(body, "\"ALL_NEW\"}");
    else
        mf_text_literal(body, "\"NONE\"}");
}

/* --- calls ------------------------------------------------------------------------- */

/* Waits before round i + 2 (i = 0, 1, …); false: there is no time for it. */
static bool wait_before_round(uint32_t i, int64_t deadline_ms)
{
    const int64_t now_ms = mf_clock_wall_ms();
    const double u = (double)mf_random_unit((uint64_t)now_ms ^ (uintptr_t)&now_ms, i);
    const int64_t wait_ms = mf_aws_backoff_ms(FIRST_WAIT_MS, MF_AWS_DYNAMODB_LONGEST_WAIT_MS, i, u);
    if (deadline_ms == 0 || now_ms + wait_ms >= deadline_ms)
        return false;
    mf_clock_sleep_ms(wait_ms);
    return true;
}

/* A call that may be repeated, in rounds of the client's own tries. */
static bool call(mf_aws_client *client, const char *target, const mf_text *body,
                 int64_t deadline_ms, const mf_aws_response **response, mf_aws_failure *failure)
{
    *failure = (mf_aws_failure){.kind = MF_AWS_FINE};
    *response = NULL;
    if (body->failed) {
        mf_aws_fail(failure, MF_ERR_MEMORY, "%s: no memory for a request", target);
        return false;
    }
    uint32_t n_tries = 0;
    for (uint32_t i = 0;; i++) {
        mf_aws_failure now;
        if (mf_aws_call_json(client, target, body, deadline_ms, response, &now))
            return true;
        n_tries += now.n_tries;
        /* When there was no time for a request, the failure of the round before says more. */
        if (now.n_tries > 0 || i == 0)
            *failure = now;
        failure->n_tries = n_tries;
        if (!now.is_retriable || now.n_tries == 0 || !wait_before_round(i, deadline_ms))
            return false;
    }
}

static json_t *parse_response(const char *target, const mf_aws_response *response,
                              mf_aws_failure *failure)
{
    json_t *json = json_loadb(response->body.n_bytes > 0 ? response->body.bytes : "",
                              response->body.n_bytes, 0, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        mf_aws_fail(failure, MF_ERR_IO, "%s: the response is not a JSON object", target);
        failure->kind = MF_AWS_SERVER;
        failure->may_have_acted = true;
        return NULL;
    }
    return json;
}

static bool read_numbers(const mf_aws_dynamodb_update *update, const mf_aws_response *response,
                         mf_aws_dynamodb_result *result, mf_aws_failure *failure)
{
    json_t *json = parse_response(TARGET("UpdateItem"), response, failure);
    if (json == NULL)
        return false;
    const json_t *attributes = json_object_get(json, "Attributes");
    for (uint32_t i = 0; i < update->n_wanted; i++) {
        const char *number =
            json_string_value(json_object_get(json_object_get(attributes, update->wanted[i]), "N"));
        if (number != NULL && strlen(number) < MF_AWS_DYNAMODB_NUMBER_BYTES)
            memcpy(result->numbers[i], number, strlen(number) + 1);
    }
    json_decref(json);
    return true;
}

bool mf_aws_dynamodb_update_run(mf_aws_client *client, mf_aws_dynamodb_update *update,
                                int64_t deadline_ms, mf_aws_dynamodb_result *result,
                                mf_aws_failure *failure)
{
    const mf_aws_response *response;
    *result = (mf_aws_dynamodb_result){.was_refused = false};
    write_update(update);
    if (call(client, TARGET("UpdateItem"), &update->body, deadline_ms, &response, failure))
        return update->n_wanted == 0 || read_numbers(update, response, result, failure);
    if (strcmp(failure->code, "ConditionalCheckFailedException") != 0)
        return false;
    result->was_refused = true;
    *failure = (mf_aws_failure){.kind = MF_AWS_FINE, .n_tries = failure->n_tries};
    return true;
}

void mf_aws_dynamodb_update_free(mf_aws_dynamodb_update *update)
{
    mf_text *const texts[] = {&update->key,   &update->set,    &update->add, &update->condition,
                              &update->names, &update->values, &update->body};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        mf_text_free(texts[i]);
}

/* --- batches ----------------------------------------------------------------------- */

void mf_aws_dynamodb_puts_start(mf_aws_dynamodb_puts *puts, const char *table)
{
    mf_text_clear(&puts->items, BODY_KEPT);
    puts->table = table;
    puts->n = 0;
}

void mf_aws_dynamodb_puts_begin(mf_aws_dynamodb_puts *puts)
{
    if (puts->n++ > 0)
        mf_text_literal(&puts->items, ",");
    mf_text_literal(&puts->items, "{\"PutRequest\":{\"Item\":{");
}

void mf_aws_dynamodb_puts_attribute(mf_aws_dynamodb_puts *puts, const char *name,
                                    mf_aws_dynamodb_type type, mf_id value)
{
    write_attribute(&puts->items, name, type, value);
}

void mf_aws_dynamodb_puts_end(mf_aws_dynamodb_puts *puts)
{
    mf_text_literal(&puts->items, "}}}");
}

/* Writes {"RequestItems":…} of the unprocessed items. False: there are none, or *failure is
 * set. */
static bool write_unprocessed(const mf_aws_response *response, mf_text *body, size_t *n_left,
                              mf_aws_failure *failure)
{
    *n_left = 0;
    json_t *json = parse_response(TARGET("BatchWriteItem"), response, failure);
    if (json == NULL)
        return false;
    json_t *rest = json_object_get(json, "UnprocessedItems");
    const char *table;
    json_t *requests;
    json_object_foreach(rest, table, requests) *n_left += json_array_size(requests);
    if (*n_left > 0) {
        char *items = json_dumps(rest, JSON_COMPACT);
        mf_text_clear(body, BODY_KEPT);
        if (items == NULL)
            body->failed = true;
        else
            mf_text_format(body, "{\"RequestItems\":%s}", items);
        free(items);
    }
    json_decref(json);
    return *n_left > 0;
}

static bool run_batch(mf_aws_client *client, mf_text *body, int64_t deadline_ms,
                      mf_aws_failure *failure)
{
    const mf_aws_response *response;
    for (uint32_t i = 0;; i++) {
        size_t n_left;
        if (!call(client, TARGET("BatchWriteItem"), body, deadline_ms, &response, failure))
            return false;
        if (!write_unprocessed(response, body, &n_left, failure))
            return failure->kind == MF_AWS_FINE;
        if (!wait_before_round(i, deadline_ms)) {
            mf_aws_fail(failure, MF_ERR_IO,
                        TARGET("BatchWriteItem") ": %zu items were left unprocessed until the "
                                                 "time was up",
                        n_left);
            failure->kind = MF_AWS_THROTTLED;
            failure->is_retriable = true;
            return false;
        }
    }
}

bool mf_aws_dynamodb_puts_run(mf_aws_client *client, mf_aws_dynamodb_puts *puts,
                              int64_t deadline_ms, mf_aws_failure *failure)
{
    *failure = (mf_aws_failure){.kind = MF_AWS_FINE};
    if (puts->n == 0)
        return true;
    mf_text body = MF_TEXT_EMPTY;
    mf_text_literal(&body, "{\"RequestItems\":{");
    write_name(&body, puts->table);
    mf_text_literal(&body, ":[");
    append(&body, &puts->items);
    mf_text_literal(&body, "]}}");
    const bool ok = run_batch(client, &body, deadline_ms, failure);
    mf_text_free(&body);
    mf_aws_dynamodb_puts_start(puts, puts->table);
    return ok;
}

void mf_aws_dynamodb_puts_free(mf_aws_dynamodb_puts *puts)
{
    mf_text_free(&puts->items);
}
