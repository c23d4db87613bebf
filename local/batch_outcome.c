/* batch_outcome.c: promises in batch_outcome.h. */
#include "batch_outcome.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((format(printf, 2, 3))) static bool fail(mf_batch_outcome *outcome,
                                                       const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(outcome->why, sizeof outcome->why, format, list);
    va_end(list);
    outcome->n_done = 0;
    outcome->ok = false;
    return false;
}

/* The place in the batch, n when there is no such record. */
static uint32_t find(const mf_batch_asked *asked, const char *sequence)
{
    uint32_t i = 0;
    for (const mf_stream_record *r = asked->first; i < asked->n; r = r->next, i++)
        if (strcmp(r->sequence, sequence) == 0)
            break;
    return i;
}

static bool read_failures(const mf_batch_asked *asked, const json_t *answer,
                          mf_batch_outcome *outcome)
{
    const json_t *list = json_object_get(answer, "batchItemFailures");
    if (list == NULL || json_is_null(list))
        return true;
    if (!json_is_array(list))
        return fail(outcome, "batchItemFailures is no list");
    uint32_t lowest = asked->n;
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry)
    {
        const char *sequence = json_string_value(json_object_get(entry, "itemIdentifier"));
        if (sequence == NULL || sequence[0] == '\0')
            return fail(outcome, "an entry of batchItemFailures has no itemIdentifier");
        const uint32_t at = find(asked, sequence);
        if (at == asked->n)
            return fail(outcome, "itemIdentifier %.64s is not of this batch", sequence);
        lowest = at < lowest ? at : lowest;
    }
    if (lowest == asked->n)
        return true;
    outcome->n_done = lowest;
    outcome->ok = false;
    snprintf(outcome->why, sizeof outcome->why, "the function names record %u of %u as failed",
             (unsigned)lowest + 1, (unsigned)asked->n);
    return lowest > 0;
}

static bool read_state(const json_t *answer, mf_batch_outcome *outcome)
{
    const json_t *state = json_object_get(answer, "state");
    if (!json_is_object(state))
        return fail(outcome, "the answer has no state, which a tumbling window needs");
    char *text = json_dumps(state, JSON_COMPACT);
    if (text == NULL)
        return fail(outcome, "no memory for a state");
    mf_text_append(&outcome->state, text, strlen(text));
    free(text);
    return true;
}

static bool is_nothing(const json_t *answer)
{
    return json_is_null(answer) || (json_is_string(answer) && json_string_length(answer) == 0);
}

static void read_answer(const mf_batch_asked *asked, const json_t *answer,
                        mf_batch_outcome *outcome)
{
    if (!json_is_object(answer) && (asked->in_window || !is_nothing(answer))) {
        fail(outcome, asked->in_window ? "the answer has no state, which a tumbling window needs"
                                       : "the answer is no JSON object");
        return;
    }
    if (asked->takes_partial && !read_failures(asked, answer, outcome))
        return;
    if (asked->in_window)
        read_state(answer, outcome);
}

void mf_batch_outcome_read(const mf_batch_asked *asked, bool failed, const char *payload, size_t n,
                           mf_batch_outcome *outcome)
{
    *outcome = (mf_batch_outcome){.n_done = asked->n, .ok = true, .state = MF_TEXT_EMPTY};
    if (failed) {
        fail(outcome, "the function failed");
        return;
    }
    if (!asked->takes_partial && !asked->in_window)
        return;
    json_t *answer =
        n > 0 ? json_loadb(payload, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : json_null();
    if (answer == NULL)
        fail(outcome, "the answer is not JSON");
    else
        read_answer(asked, answer, outcome);
    json_decref(answer);
}
