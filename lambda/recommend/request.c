/* request.c: promises in request.h. */
#include "lambda/recommend/request.h"

#include <jansson.h>
#include <stdio.h>

static bool wrong(mf_error *why, const char *reason)
{
    return mf_fail(why, MF_ERR_PARSE, MF_NOWHERE, "%s", reason);
}

/* A copy that stays where it is. */
static mf_id keep(mf_text *kept, const char *bytes, size_t n)
{
    const size_t at = kept->n_bytes;
    mf_text_append(kept, bytes, n);
    return (mf_id){kept->bytes + at, n};
}

static bool read_user(mf_id *user, const json_t *value, mf_text *kept, mf_error *why)
{
    char digits[24];
    if (json_is_integer(value)) {
        const int n = snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(value));
        *user = keep(kept, digits, (size_t)n);
        return true;
    }
    if (!json_is_string(value) || !mf_id_valid(json_string_value(value), json_string_length(value)))
        return wrong(why, value == NULL ? "user_id is missing"
                                        : "user_id: expected an integer, or a text of 1 to 255 "
                                          "bytes without control characters");
    *user = keep(kept, json_string_value(value), json_string_length(value));
    return true;
}

static bool read_text(mf_id *text, const json_t *value, size_t most, mf_text *kept)
{
    if (!json_is_string(value) || json_string_length(value) > most ||
        !mf_id_valid(json_string_value(value), json_string_length(value)))
        return false;
    *text = keep(kept, json_string_value(value), json_string_length(value));
    return true;
}

static bool read_top_n(uint32_t *top_n, const json_t *value, const mf_recommend_limits *limits,
                       mf_error *why)
{
    *top_n = limits->usual_top_n;
    if (value == NULL)
        return true;
    const json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < 1 || n > limits->max_top_n)
        return mf_fail(why, MF_ERR_PARSE, MF_NOWHERE, "top_n: expected a whole number from 1 to %u",
                       limits->max_top_n);
    *top_n = (uint32_t)n;
    return true;
}

static bool read_members(mf_recommend_request *request, const mf_recommend_limits *limits,
                         const json_t *root, mf_text *kept, mf_error *why)
{
    const json_t *request_id = json_object_get(root, "request_id");
    const json_t *timestamp = json_object_get(root, "timestamp");
    if (!read_user(&request->user, json_object_get(root, "user_id"), kept, why))
        return false;
    if (request_id == NULL)
        return wrong(why, "request_id is missing");
    if (!read_text(&request->request_id, request_id, MF_ID_BYTES_MAX, kept))
        return wrong(why, "request_id: expected a text of 1 to 255 bytes without control "
                          "characters");
    if (timestamp != NULL && !read_text(&request->timestamp, timestamp, MF_TIMESTAMP_BYTES, kept))
        return wrong(why, "timestamp: expected a text of 1 to 64 bytes without control "
                          "characters");
    return read_top_n(&request->top_n, json_object_get(root, "top_n"), limits, why);
}

bool mf_recommend_request_read(mf_recommend_request *request, const mf_recommend_limits *limits,
                               const char *bytes, size_t n, mf_text *kept, mf_error *why)
{
    *request = (mf_recommend_request){.timestamp = {"", 0}};
    if (kept->room - kept->n_bytes < n)
        return mf_fail(why, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a request");
    /* jansson takes a NUL byte behind the value for its end. */
    if (memchr(bytes, '\0', n) != NULL)
        return wrong(why, "not JSON: a NUL byte");
    json_error_t error;
    json_t *root = json_loadb(bytes, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root == NULL)
        return json_error_code(&error) == json_error_out_of_memory
                   ? mf_fail(why, MF_ERR_MEMORY, MF_NOWHERE, "no memory to read a request")
                   : mf_fail(why, MF_ERR_PARSE, MF_NOWHERE, "not JSON, at byte %d of %zu",
                             error.position, n);
    const bool ok = json_is_object(root) ? read_members(request, limits, root, kept, why)
                                         : wrong(why, "expected a JSON object");
    json_decref(root);
    return ok;
}
