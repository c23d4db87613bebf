/* query.c: promises in query.h. */
#include "lambda/predict/query.h"

#include "base/memory.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

enum { LONGEST_COUNT = 9 }; /* digits; what is longer is no count that is allowed */

/* A number as JSON spells it: no sign, no zero in front. */
static bool is_count(const char *value, size_t n)
{
    return n > 0 && n <= LONGEST_COUNT && strspn(value, "0123456789") == n &&
           (value[0] != '0' || n == 1);
}

static void write_list(const char *value, size_t n, mf_text *question)
{
    const char *end = value + n;
    mf_text_literal(question, "[");
    while (true) {
        const char *comma = memchr(value, ',', (size_t)(end - value));
        const char *stop = comma != NULL ? comma : end;
        mf_text_json(question, value, (size_t)(stop - value));
        if (comma == NULL)
            break;
        mf_text_literal(question, ",");
        value = comma + 1;
    }
    mf_text_literal(question, "]");
}

static void write_value(const char *name, const char *value, size_t n, mf_text *question)
{
    const bool is_number = strcmp(name, "top_n") == 0 || strcmp(name, "similar") == 0;
    const bool is_boolean = strcmp(name, "include_rated") == 0;
    if (strcmp(name, "movieIds") == 0)
        write_list(value, n, question);
    else if ((is_number && is_count(value, n)) ||
             (is_boolean && (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)))
        mf_text_append(question, value, n);
    else
        mf_text_json(question, value, n);
}

void mf_query_write(const json_t *query, mf_text *question)
{
    json_t *parameters = mf_without_const(query); /* for iterators; nothing changes */
    bool is_first = true;
    mf_text_literal(question, "{");
    for (void *at = json_object_iter(parameters); at != NULL;
         at = json_object_iter_next(parameters, at)) {
        const char *name = json_object_iter_key(at);
        const json_t *value = json_object_iter_value(at);
        if (!is_first)
            mf_text_literal(question, ",");
        is_first = false;
        mf_text_json(question, name, strlen(name));
        mf_text_literal(question, ":");
        write_value(name, json_is_string(value) ? json_string_value(value) : "",
                    json_string_length(value), question);
    }
    mf_text_literal(question, "}");
}
