/* envelope.c: reads {"instances":[ … ]} or a single instance. A state machine reads the envelope,
 * so that the time between two readings of the clock does not grow with the body. */
#include "inference/scan.h"
#include "inference/state.h"

#include <string.h>

static mf_json_where where_of(const mf_inference *inference, mf_place_kind kind)
{
    return (mf_json_where){inference->body, {kind, inference->n_instances}};
}

static bool fail_here(const mf_inference *inference, const char *message, mf_error *err)
{
    return mf_json_fail_at(err, inference->body + inference->at, where_of(inference, MF_PLACE_BODY),
                           message);
}

/* False when blanks filled the slice. */
static bool skip_blanks(mf_inference *inference)
{
    const char *body = inference->body;
    const size_t left = inference->n_bytes - inference->at;
    const size_t stop = inference->at + (left < MF_SLICE_BYTES ? left : MF_SLICE_BYTES);
    size_t at = inference->at;
    while (at < stop &&
           (body[at] == ' ' || body[at] == '\n' || body[at] == '\r' || body[at] == '\t'))
        at++;
    inference->at = at;
    return at < stop || at == inference->n_bytes;
}

/* body[n_bytes] is 0 and may be read. */
static bool take(mf_inference *inference, char c, mf_envelope_state next)
{
    if (inference->body[inference->at] != c)
        return false;
    inference->at++;
    inference->envelope = next;
    return true;
}

static bool read_start(mf_inference *inference, mf_error *err)
{
    inference->object_at = inference->at;
    if (inference->at == inference->n_bytes) {
        inference->ended = true; /* an empty body: see finish in inference.c */
        return true;
    }
    if (take(inference, '{', MF_ENVELOPE_KEY))
        return true;
    return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                   "expected an object: {\"userId\":…,\"movieId\":…} or {\"instances\":[…]}");
}

/* "instances" with any escapes; another key belongs to a single instance. */
static bool read_key(mf_inference *inference, bool *is_instances, mf_error *err)
{
    const char *bytes = inference->body + inference->at;
    const size_t left = inference->n_bytes - inference->at;
    const char name[] = "instances";
    size_t n_used = 0;
    *is_instances = false;
    if (bytes[0] != '"')
        return true;
    if (left >= sizeof name + 1 && memcmp(bytes + 1, name, sizeof name - 1) == 0 &&
        bytes[sizeof name] == '"') {
        *is_instances = true;
        n_used = sizeof name + 1;
    } else {
        json_t *key = mf_json_load(bytes, left, &n_used, where_of(inference, MF_PLACE_BODY), err);
        if (key == NULL)
            return false;
        *is_instances = strcmp(json_string_value(key), name) == 0;
        json_decref(key);
    }
    if (*is_instances)
        inference->at += n_used;
    return true;
}

static bool read_first_key(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    bool is_instances;
    size_t n_used = 0;
    if (!read_key(inference, &is_instances, err))
        return false;
    if (is_instances) {
        inference->envelope = MF_ENVELOPE_COLON;
        return true;
    }
    inference->single = true;
    inference->at = inference->object_at;
    inference->envelope = MF_ENVELOPE_END;
    const bool ok = mf_instance_take(inference, workspace, inference->body + inference->at,
                                     inference->n_bytes - inference->at, &n_used,
                                     where_of(inference, MF_PLACE_BODY), err);
    inference->at += n_used;
    return ok;
}

static bool read_instance(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    const char *bytes = inference->body + inference->at;
    const size_t left = inference->n_bytes - inference->at;
    const mf_json_where where = where_of(inference, MF_PLACE_INSTANCE);
    mf_id user;
    mf_id item;
    inference->envelope = MF_ENVELOPE_NEXT;
    size_t n_used = mf_scan_pair(bytes, left, &user, &item);
    if (n_used > 0)
        mf_pairs_add(inference, user, item, where.place);
    else if (!mf_instance_take(inference, workspace, bytes, left, &n_used, where, err))
        return false;
    inference->at += n_used;
    return true;
}

static bool fail_after_array(mf_inference *inference, mf_error *err)
{
    size_t n_used = 0;
    if (inference->body[inference->at] != ',')
        return fail_here(inference, "expected } after the instances", err);
    inference->at++;
    while (!skip_blanks(inference))
        ;
    const char *bytes = inference->body + inference->at;
    if (bytes[0] != '"')
        return fail_here(inference, "expected a field after ,", err);
    json_t *key = mf_json_load(bytes, inference->n_bytes - inference->at, &n_used,
                               where_of(inference, MF_PLACE_BODY), err);
    if (key == NULL)
        return false;
    char shown[64];
    mf_printable(shown, sizeof shown, json_string_value(key), json_string_length(key));
    json_decref(key);
    return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                   "unknown field \"%s\" beside instances: put it into the instances", shown);
}

static bool read_end(mf_inference *inference, mf_error *err)
{
    if (inference->at < inference->n_bytes)
        return fail_here(inference, "something follows the JSON value", err);
    inference->ended = true;
    return true;
}

static bool read_one(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    switch (inference->envelope) {
    case MF_ENVELOPE_START:
        return read_start(inference, err);
    case MF_ENVELOPE_KEY:
        return read_first_key(inference, workspace, err);
    case MF_ENVELOPE_COLON:
        return take(inference, ':', MF_ENVELOPE_ARRAY) ||
               fail_here(inference, "expected : after \"instances\"", err);
    case MF_ENVELOPE_ARRAY:
        return take(inference, '[', MF_ENVELOPE_FIRST) ||
               mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "instances: expected an array of objects");
    case MF_ENVELOPE_FIRST:
        if (take(inference, ']', MF_ENVELOPE_CLOSE))
            return true;
        return read_instance(inference, workspace, err);
    case MF_ENVELOPE_INSTANCE:
        return read_instance(inference, workspace, err);
    case MF_ENVELOPE_NEXT:
        return take(inference, ',', MF_ENVELOPE_INSTANCE) ||
               take(inference, ']', MF_ENVELOPE_CLOSE) ||
               fail_here(inference, "expected , or ] after an instance", err);
    case MF_ENVELOPE_CLOSE:
        return take(inference, '}', MF_ENVELOPE_END) || fail_after_array(inference, err);
    case MF_ENVELOPE_END:
        break;
    }
    return read_end(inference, err);
}

bool mf_envelope_read(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    const uint64_t n_slow = inference->n_slow;
    while (!mf_pairs_full(inference) && !inference->ended && inference->n_slow == n_slow) {
        if (!skip_blanks(inference))
            return true;
        if (!read_one(inference, workspace, err))
            return false;
    }
    return true;
}
