/* dynamodb.c: promises in dynamodb.h. jansson enters here to read answers. */
#include "lambda/aws/dynamodb.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "lambda/aws/resource_name.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define TARGET(operation) "DynamoDB_20120810." operation

enum { FIRST_WAIT_MS = 200, BODY_KEPT = 1 << 20 };

bool mf_dynamodb_table_check(const char *table, mf_error *err)
{
    static const mf_aws_resource_kind kind = {"dynamodb", "table", 3, 255};
    return mf_aws_resource_name_check(&kind, table, err);
}

/* --- bodies ------------------------------------------------------------------------ */

static void write_name(mf_text *text, const char *name)
{
    mf_text_json(text, name, strlen(name));
}

static void write_value(mf_text *text, mf_dynamodb_type type, const char *value, size_t n)
{
    if (type == MF_DYNAMODB_NUMBER)
        mf_text_literal(text, "{\"N\":");
    else
        mf_text_literal(text, "{\"S\":");
    mf_text_json(text, value, n);
    mf_text_literal(text, "}");
}

/* "name":{"S":"value"}, with a comma before it unless it is the first. */
static void write_attribute(mf_text *text, const char *name, mf_dynamodb_type type,
                            const char *value, size_t n)
{
    if (text->n_bytes > 0 && text->bytes[text->n_bytes - 1] != '{')
        mf_text_literal(text, ",");
    write_name(text, name);
    mf_text_literal(text, ":");
    write_value(text, type, value, n);
}

void mf_dynamodb_update_start(mf_dynamodb_update *update, const char *table)
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
static uint32_t place(mf_dynamodb_update *update, const char *name, mf_dynamodb_type type,
                      const char *value, size_t n)
{
    const uint32_t i = update->n_placeholders++;
    const char *comma = i > 0 ? "," : "";
    mf_text_format(&update->names, "%s\"#%u\":", comma, i);
    write_name(&update->names, name);
    mf_text_format(&update->values, "%s\":%u\":", comma, i);
    write_value(&update->values, type, value, n);
    return i;
}

void mf_dynamodb_update_key(mf_dynamodb_update *update, const char *name, mf_dynamodb_type type,
                            const char *value, size_t n)
{
    write_attribute(&update->key, name, type, value, n);
}

void mf_dynamodb_update_set(mf_dynamodb_update *update, const char *name, mf_dynamodb_type type,
                            const char *value, size_t n)
{
    const uint32_t i = place(update, name, type, value, n);
    mf_text_format(&update->set, "%s#%u = :%u", update->set.n_bytes > 0 ? ", " : "SET ", i, i);
}

void mf_dynamodb_update_add(mf_dynamodb_update *update, const char *name, const char *number,
                            size_t n)
{
    const uint32_t i = place(update, name, MF_DYNAMODB_NUMBER, number, n);
    mf_text_format(&update->add, "%s#%u :%u", update->add.n_bytes > 0 ? ", " : "ADD ", i, i);
}

static const char *and_if_more(const mf_dynamodb_update *update)
{
    return update->condition.n_bytes > 0 ? " AND " : "";
}

void mf_dynamodb_update_if_newer(mf_dynamodb_update *update, const char *name,
                                 mf_dynamodb_type type, const char *value, size_t n)
{
    const uint32_t i = place(update, name, type, value, n);
    mf_text_format(&update->condition, "%s(attribute_not_exists(#%u) OR #%u < :%u)",
                   and_if_more(update), i, i, i);
}

void mf_dynamodb_update_if_equal(mf_dynamodb_update *update, const char *name,
                                 mf_dynamodb_type type, const char *value, size_t n)
{
    const uint32_t i = place(update, name, type, value, n);
    mf_text_format(&update->condition, "%s#%u = :%u", and_if_more(update), i, i);
}

void mf_dynamodb_update_want(mf_dynamodb_update *update, const char *name)
{
    if (update->n_wanted < MF_DYNAMODB_WANTED)
        update->wanted[update->n_wanted++] = name;
}

static void append(mf_text *body, const mf_text *piece)
{
    mf_text_append(body, piece->bytes, piece->n_bytes);
    body->failed |= piece->failed;
}

static void write_update(mf_dynamodb_update *update)
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

/* Waits before round i + 2 of something that did not go well; false: there is no time. */
static bool wait_a_while(uint32_t i, int64_t deadline_ms)
{
    const int64_t now_ms = mf_clock_wall_ms();
    int64_t most_ms = MF_DYNAMODB_LONGEST_WAIT_MS;
    if (i < 5 && (int64_t)FIRST_WAIT_MS << i < most_ms)
        most_ms = (int64_t)FIRST_WAIT_MS << i;
    const float u = mf_random_unit((uint64_t)now_ms ^ (uintptr_t)&most_ms, i);
    const int64_t wait_ms = most_ms / 2 + (int64_t)((float)most_ms / 2 * u);
    if (deadline_ms == 0 || now_ms + wait_ms >= deadline_ms)
        return false;
    mf_clock_sleep_ms(wait_ms);
    return true;
}

/* A call that may be repeated. */
static bool call(mf_aws_client *client, const char *target, const mf_text *body,
                 int64_t deadline_ms, const mf_aws_answer **answer, mf_aws_failure *failure)
{
    *failure = (mf_aws_failure){.kind = MF_AWS_FINE};
    *answer = NULL;
    if (body->failed) {
        mf_aws_fail(failure, MF_ERR_MEMORY, "%s: no memory for a request", target);
        return false;
    }
    const mf_aws_json_call post = {
        .target = target, .body = body->bytes, .n_body = body->n_bytes, .deadline_ms = deadline_ms};
    uint32_t n_tries = 0;
    for (uint32_t i = 0;; i++) {
        mf_aws_failure now;
        if (mf_aws_call_json(client, &post, answer, &now))
            return true;
        n_tries += now.n_tries;
        /* Of a round for which there was no time, the one before says more. */
        if (now.n_tries > 0 || i == 0)
            *failure = now;
        failure->n_tries = n_tries;
        if (!now.is_retriable || now.n_tries == 0 || !wait_a_while(i, deadline_ms))
            return false;
    }
}

static json_t *read_answer(const char *target, const mf_aws_answer *answer, mf_aws_failure *failure)
{
    json_t *json = json_loadb(answer->body.n_bytes > 0 ? answer->body.bytes : "",
                              answer->body.n_bytes, 0, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        mf_aws_fail(failure, MF_ERR_IO, "%s: the answer is not a JSON object", target);
        failure->kind = MF_AWS_SERVER;
        failure->may_have_acted = true;
        return NULL;
    }
    return json;
}

static bool read_numbers(const mf_dynamodb_update *update, const mf_aws_answer *answer,
                         mf_dynamodb_outcome *outcome, mf_aws_failure *failure)
{
    json_t *json = read_answer(TARGET("UpdateItem"), answer, failure);
    if (json == NULL)
        return false;
    const json_t *attributes = json_object_get(json, "Attributes");
    for (uint32_t i = 0; i < update->n_wanted; i++) {
        const char *number =
            json_string_value(json_object_get(json_object_get(attributes, update->wanted[i]), "N"));
        if (number != NULL && strlen(number) < MF_DYNAMODB_NUMBER_BYTES)
            memcpy(outcome->numbers[i], number, strlen(number) + 1);
    }
    json_decref(json);
    return true;
}

bool mf_dynamodb_update_run(mf_aws_client *client, mf_dynamodb_update *update, int64_t deadline_ms,
                            mf_dynamodb_outcome *outcome, mf_aws_failure *failure)
{
    const mf_aws_answer *answer;
    *outcome = (mf_dynamodb_outcome){.was_refused = false};
    write_update(update);
    if (call(client, TARGET("UpdateItem"), &update->body, deadline_ms, &answer, failure))
        return update->n_wanted == 0 || read_numbers(update, answer, outcome, failure);
    if (strcmp(failure->code, "ConditionalCheckFailedException") != 0)
        return false;
    outcome->was_refused = true;
    *failure = (mf_aws_failure){.kind = MF_AWS_FINE, .n_tries = failure->n_tries};
    return true;
}

void mf_dynamodb_update_free(mf_dynamodb_update *update)
{
    mf_text *const texts[] = {&update->key,   &update->set,    &update->add, &update->condition,
                              &update->names, &update->values, &update->body};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        mf_text_free(texts[i]);
}

/* --- batches ----------------------------------------------------------------------- */

void mf_dynamodb_puts_start(mf_dynamodb_puts *puts, const char *table)
{
    mf_text_clear(&puts->items, BODY_KEPT);
    puts->table = table;
    puts->n = 0;
}

void mf_dynamodb_puts_begin(mf_dynamodb_puts *puts)
{
    if (puts->n++ > 0)
        mf_text_literal(&puts->items, ",");
    mf_text_literal(&puts->items, "{\"PutRequest\":{\"Item\":{");
}

void mf_dynamodb_puts_attribute(mf_dynamodb_puts *puts, const char *name, mf_dynamodb_type type,
                                const char *value, size_t n)
{
    write_attribute(&puts->items, name, type, value, n);
}

void mf_dynamodb_puts_end(mf_dynamodb_puts *puts)
{
    mf_text_literal(&puts->items, "}}}");
}

/* {"RequestItems":…} of what the answer left; false: nothing is left, or *failure is set. */
static bool write_rest(const mf_aws_answer *answer, mf_text *body, size_t *n_left,
                       mf_aws_failure *failure)
{
    *n_left = 0;
    json_t *json = read_answer(TARGET("BatchWriteItem"), answer, failure);
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
    const mf_aws_answer *answer;
    for (uint32_t i = 0;; i++) {
        size_t n_left;
        if (!call(client, TARGET("BatchWriteItem"), body, deadline_ms, &answer, failure))
            return false;
        if (!write_rest(answer, body, &n_left, failure))
            return failure->kind == MF_AWS_FINE;
        if (!wait_a_while(i, deadline_ms)) {
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

bool mf_dynamodb_puts_run(mf_aws_client *client, mf_dynamodb_puts *puts, int64_t deadline_ms,
                          mf_aws_failure *failure)
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
    mf_dynamodb_puts_start(puts, puts->table);
    return ok;
}

void mf_dynamodb_puts_free(mf_dynamodb_puts *puts)
{
    mf_text_free(&puts->items);
}
