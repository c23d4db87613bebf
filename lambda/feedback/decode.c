/* decode.c: which member is which, and what its value says.
 * (1) Producers send the same names again and again, so the last ones are remembered: a name costs a
 *     comparison, not one with each of a hundred usual names. */
#include "lambda/feedback/decode.h"

#include "csv/column_names.h"
#include "ratings/value.h"

#include <math.h>
#include <strings.h>

typedef enum role { USER, ITEM, RATING, TIME, EVENT, OTHER } role;

/* ------------------------------------------------------------------------- members */

/* The place of the name among the usual ones, SIZE_MAX: it is none of them. */
static size_t place_among(mf_id name, const char *const *usual)
{
    for (size_t i = 0; usual[i] != NULL; i++)
        if (mf_column_name_is(name.bytes, name.n_bytes, usual[i]))
            return i;
    return SIZE_MAX;
}

enum { WEAK_RANK = 128 /* of times by a name that also stands for other things */ };

static role find_role(mf_id name, uint8_t *rank)
{
    static const struct {
        const char *const *usual;
        uint8_t first_rank;
        role role;
    } lists[] = {
        {mf_column_user_names, 0, USER},
        {mf_column_item_names, 0, ITEM},
        {mf_column_rating_names, 0, RATING},
        {mf_column_time_names, 0, TIME},
        {mf_column_weak_time_names, WEAK_RANK, TIME},
    };
    if (mf_column_name_is(name.bytes, name.n_bytes, "event") ||
        mf_column_name_is(name.bytes, name.n_bytes, "eventtype"))
        return EVENT;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const size_t place = place_among(name, lists[i].usual);
        *rank = (uint8_t)(lists[i].first_rank + place);
        if (place != SIZE_MAX)
            return lists[i].role;
    }
    return OTHER;
}

/* The same, by what was met before. */
static role role_of(mf_feedback_decoder *d, mf_id name, uint8_t *rank)
{
    for (size_t i = 0; i < MF_FEEDBACK_NAMES; i++)
        if (d->names[i].n_bytes == name.n_bytes && name.n_bytes > 0 &&
            memcmp(d->names[i].bytes, name.bytes, name.n_bytes) == 0) {
            *rank = d->names[i].rank;
            return (role)d->names[i].role;
        }
    *rank = 0;
    const role found = find_role(name, rank);
    if (name.n_bytes <= sizeof d->names[0].bytes) {
        const size_t i = d->n_names++ % MF_FEEDBACK_NAMES;
        memcpy(d->names[i].bytes, name.bytes, name.n_bytes);
        d->names[i].n_bytes = (uint8_t)name.n_bytes;
        d->names[i].role = (uint8_t)found;
        d->names[i].rank = *rank;
    }
    return found;
}

/* The members by role, the best name of each. */
typedef struct members {
    mf_stream_value values[OTHER];
    uint8_t ranks[OTHER];
} members;

static bool read_members(mf_feedback_decoder *d, members *m, mf_id data, mf_error *why)
{
    mf_stream_json *json = &d->json;
    mf_stream_json_nested object;
    mf_id key;
    uint8_t rank;
    memset(m, 0, sizeof *m);
    mf_stream_json_start(json, data.bytes, data.n_bytes, why);
    mf_stream_json_open(json, &object, '{');
    while (mf_stream_json_next(json, &object, &key)) {
        const role r = role_of(d, key, &rank);
        mf_stream_value value = {.kind = MF_STREAM_ABSENT};
        value.kind = mf_stream_json_value(json, &value.text);
        if (r == OTHER || (m->values[r].kind != MF_STREAM_ABSENT && m->ranks[r] <= rank))
            continue;
        m->values[r] = value;
        m->ranks[r] = rank;
    }
    return mf_stream_json_end(json);
}

/* -------------------------------------------------------------------------- values */

static bool wrong(mf_error *why, const char *reason)
{
    return mf_fail(why, MF_ERR_PARSE, MF_NOWHERE, "%s", reason);
}

static bool is_number(const mf_stream_value *v)
{
    return v->kind == MF_STREAM_INTEGER || v->kind == MF_STREAM_REAL;
}

static bool is_missing(const mf_stream_value *v)
{
    return v->kind == MF_STREAM_ABSENT || v->kind == MF_STREAM_NULL ||
           (v->kind == MF_STREAM_TEXT &&
            mf_value_is_missing((mf_cell){v->text.bytes, v->text.n_bytes}));
}

static bool read_id(mf_id *id, const mf_stream_value *v, const char *what,
                    char integer[MF_INTEGER_ID_BYTES], mf_error *why)
{
    if (v->kind == MF_STREAM_ABSENT)
        return mf_fail(why, MF_ERR_PARSE, MF_NOWHERE,
                       "no %s: expected a member with one of the names that training files have, "
                       "such as %s_id",
                       what, what);
    *id = v->text;
    if (is_number(v))
        *id = (mf_id){integer, mf_id_write_integer(v->text.bytes, v->text.n_bytes, integer)};
    if ((is_number(v) || v->kind == MF_STREAM_TEXT) && mf_id_valid(id->bytes, id->n_bytes))
        return true;
    return mf_fail(why, MF_ERR_PARSE, MF_NOWHERE,
                   "the %s: expected a whole number of at most 19 digits, or a text of 1 to 255 "
                   "bytes without control characters",
                   what);
}

static bool read_rating(float *rating, const mf_stream_value *v, mf_error *why)
{
    *rating = NAN;
    if (is_missing(v))
        return true;
    if ((!is_number(v) && v->kind != MF_STREAM_TEXT) ||
        !mf_value_rating((mf_cell){v->text.bytes, v->text.n_bytes}, false, rating))
        return wrong(why, "the rating: expected a number, or nothing");
    *rating += 0.0F; /* -0 is 0 */
    return true;
}

/* In ms since 1970; not a number: it is none. */
static double to_ms(const mf_stream_value *v)
{
    bool is_whole;
    bool is_date;
    int64_t whole;
    double seconds;
    if ((!is_number(v) && v->kind != MF_STREAM_TEXT) ||
        !mf_value_time((mf_cell){v->text.bytes, v->text.n_bytes}, &is_whole, &whole, &seconds,
                       &is_date))
        return (double)NAN;
    const double value = is_whole ? (double)whole : seconds;
    return value * (1000 / (is_date ? 1 : mf_time_unit_rate(mf_time_unit_of(value))));
}

static bool read_time(mf_feedback_record *record, const mf_stream_value *v, uint8_t rank,
                      int64_t arrival_ms, mf_error *why)
{
    static const double oldest_ms = -8.64e15; /* as ECMAScript's dates */
    record->event.time_ms = arrival_ms;
    if (is_missing(v))
        return true;
    const double ms = to_ms(v);
    if (isnan(ms) && rank >= WEAK_RANK)
        return true;
    if (isnan(ms) || ms < oldest_ms)
        return wrong(why, "the time: expected seconds, milliseconds, microseconds or nanoseconds "
                          "since 1970, or a date such as 2026-01-31T09:30:00Z");
    record->is_from_future = ms > (double)arrival_ms + MF_FEEDBACK_SLACK_MS;
    if (ms < (double)arrival_ms)
        record->event.time_ms = (int64_t)floor(ms);
    return true;
}

static bool is_forgetting(const mf_stream_value *v)
{
    static const char word[] = "forget";
    return v->kind == MF_STREAM_TEXT && v->text.n_bytes == sizeof word - 1 &&
           strncasecmp(v->text.bytes, word, sizeof word - 1) == 0;
}

bool mf_feedback_record_read(mf_feedback_record *record, mf_feedback_decoder *decoder, mf_id data,
                             int64_t arrival_ms, uint32_t place, mf_error *why)
{
    members m;
    *record = (mf_feedback_record){.event = {.rating = NAN, .time_ms = arrival_ms}};
    record->event.arrival = mf_feedback_arrival(arrival_ms, place);
    if (!read_members(decoder, &m, data, why) ||
        !read_id(&record->user, &m.values[USER], "user", decoder->user, why))
        return false;
    record->is_forgetting = is_forgetting(&m.values[EVENT]);
    return record->is_forgetting ||
           (read_id(&record->event.item, &m.values[ITEM], "item", decoder->item, why) &&
            read_rating(&record->event.rating, &m.values[RATING], why) &&
            read_time(record, &m.values[TIME], m.ranks[TIME], arrival_ms, why));
}

void mf_feedback_decoder_free(mf_feedback_decoder *decoder)
{
    mf_stream_json_free(&decoder->json);
}
