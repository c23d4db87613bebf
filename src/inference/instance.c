/* instance.c: validates the fields of an instance, first each alone, then their combination
 * (decide). Messages name the field, what was expected and what was found. */
#include "inference/instance.h"

#include "base/grow.h"
#include "base/settings.h"
#include "base/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------- names of fields */

typedef enum field_id {
    FIELD_USER_ID,
    FIELD_MOVIE_ID,
    FIELD_MOVIE_IDS,
    FIELD_TOP_N,
    FIELD_INCLUDE_RATED,
    FIELD_ORDER,
    FIELD_SIMILAR,
    FIELD_RATINGS,
    FIELD_INSTANCES,
    FIELD_RATING,    /* inside ratings */
    FIELD_TIMESTAMP, /* inside ratings */
    FIELDS,
} field_id;

/* Each name, and synonyms that an error message recognizes, in small letters without underscores. */
static const struct {
    const char *name, *synonyms;
} fields[FIELDS] = {
    [FIELD_USER_ID] = {"userId", "user users"},
    [FIELD_MOVIE_ID] = {"movieId", "movie item itemid"},
    [FIELD_MOVIE_IDS] = {"movieIds", "movies items itemids inputlist candidates"},
    [FIELD_TOP_N] = {"top_n", "n k topk limit count numresults"},
    [FIELD_INCLUDE_RATED] = {"include_rated", NULL},
    [FIELD_ORDER] = {"order", "orderby sort sortby rankby"},
    [FIELD_SIMILAR] = {"similar", "similaritems similarmovies"},
    [FIELD_RATINGS] = {"ratings", "history"},
    [FIELD_INSTANCES] = {"instances", "inputs data"},
    [FIELD_RATING] = {"rating", "value score stars weight"},
    [FIELD_TIMESTAMP] = {"timestamp", "time ts date ratedat"},
};

enum { WORD_BYTES = 32, SHORTEST_TYPO = 4 };

/* The field of this name, or FIELDS. */
static field_id field_find(const char *name, size_t n_bytes)
{
    for (field_id field = 0; field < FIELDS; field++)
        if (strlen(fields[field].name) == n_bytes && memcmp(fields[field].name, name, n_bytes) == 0)
            return field;
    return FIELDS;
}

/* Converts to small letters without underscores; cuts at WORD_BYTES. Returns the length. */
static size_t simplify(char word[WORD_BYTES], const char *name, size_t n_bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < n_bytes && n < WORD_BYTES - 1; i++) {
        if (name[i] == '_' || name[i] == '-' || name[i] == ' ')
            continue;
        word[n++] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
    }
    word[n] = '\0';
    return n;
}

/* The field of the allowed ones (bits 1 << field) that this name probably means: other letter case
 * or underscores, a synonym (item_id, topN, k), or one typing error in four letters or more; or
 * FIELDS. */
static field_id field_guess(const char *name, size_t n_bytes, unsigned allowed)
{
    char word[WORD_BYTES];
    const size_t n = simplify(word, name, n_bytes);
    field_id typo = FIELDS;
    for (field_id field = 0; field < FIELDS; field++) {
        char known[WORD_BYTES];
        const size_t n_known = simplify(known, fields[field].name, strlen(fields[field].name));
        if ((allowed >> field & 1) == 0)
            continue;
        if (strcmp(known, word) == 0)
            return field;
        if (typo == FIELDS && n >= SHORTEST_TYPO && mf_edit_distance(word, n, known, n_known) <= 1)
            typo = field;
    }
    for (field_id field = 0; field < FIELDS; field++)
        if ((allowed >> field & 1) != 0 &&
            mf_word_find(fields[field].synonyms, word, n) != SIZE_MAX)
            return field;
    return typo;
}

/* ------------------------------------------------------------- values of fields */

enum { SHOWN_BYTES = 64, FIELD_BYTES = 48 };

/* An instance while it is read; has says which fields it has. */
typedef struct reading {
    mf_instance *instance;
    const mf_inference_limits *limits;
    mf_place place;
    mf_error *err;
    bool rounded; /* integers are doubles (mf_json_load_rounded) */
    bool has[FIELDS];
} reading;

/* Fails with the field (NULL: the whole instance) and a message. */
#define FAIL(r, ...) mf_place_fail((r)->err, MF_ERR_PARSE, (r)->place, __VA_ARGS__)

static bool fail_field(const reading *r, const char *field, const char *expected,
                       const json_t *found)
{
    return FAIL(r, field, "expected %s, found %s", expected, mf_json_kind_name(found));
}

/* The fields of an instance, and of an element of its ratings. */
static const unsigned TOP_FIELDS =
    (1U << FIELDS) - 1 - (1U << FIELD_RATING) - (1U << FIELD_TIMESTAMP) - (1U << FIELD_INSTANCES);
static const unsigned RATED_FIELDS =
    1U << FIELD_MOVIE_ID | 1U << FIELD_RATING | 1U << FIELD_TIMESTAMP;

const char *const mf_order_names[MF_ORDERS] = {
    [MF_ORDER_RANKING] = "ranking",
    [MF_ORDER_RATING] = "rating",
    [MF_ORDER_POPULARITY] = "popularity",
};

static bool fail_unknown(const reading *r, const char *inside, const char *name, size_t n_bytes,
                         unsigned allowed)
{
    char shown[SHOWN_BYTES];
    mf_printable(shown, sizeof shown, name, n_bytes);
    const field_id guess = field_guess(name, n_bytes, allowed);
    if (guess != FIELDS)
        return FAIL(r, inside, "unknown field \"%s\": did you mean %s?", shown, fields[guess].name);
    return FAIL(r, inside, "unknown field \"%s\": expected %s", shown,
                allowed == RATED_FIELDS ? "movieId, rating and timestamp"
                                        : "userId, movieId, movieIds, top_n, "
                                          "include_rated, order, similar or ratings");
}

static bool read_id(const reading *r, const char *field, const json_t *value, mf_written_id *to)
{
    const double number = json_real_value(value); /* 0 for other types */
    const bool is_real = json_is_real(value) && number == floor(number);
    if (is_real && fabs(number) >= 0x1p53) /* which may stand for 2^53 + 1 */
        return FAIL(r, field, "%s: a long id must be sent as a string",
                    r->rounded && fabs(number) >= 0x1p63 ? "an integer beyond 64 bits"
                                                         : "a number of 2^53 or more");
    if (json_is_integer(value) || is_real) {
        char text[MF_INTEGER_ID_BYTES + 1];
        const int n = snprintf(text, sizeof text, "%lld",
                               is_real ? (long long)number : (long long)json_integer_value(value));
        memcpy(to->digits, text, (size_t)n);
        to->id = (mf_id){to->digits, (size_t)n};
        return true;
    }
    if (!json_is_string(value))
        return fail_field(r, field, "a string or an integer", value);
    to->id = (mf_id){json_string_value(value), json_string_length(value)};
    if (!mf_id_valid(to->id.bytes, to->id.n_bytes))
        return FAIL(r, field, "%s%s", MF_ID_EXPECTED,
                    to->id.n_bytes == 0 ? ", found an empty string" : "");
    return true;
}

static bool read_count(const reading *r, const char *field, const json_t *value)
{
    const double n = json_number_value(value); /* 0 for other types */
    if (n < 1 || n > (double)r->limits->max_top_n || n != floor(n))
        return FAIL(r, field, "expected a whole number from 1 to %lu",
                    (unsigned long)r->limits->max_top_n);
    r->instance->n = (uint32_t)n;
    return true;
}

/* Checks that the value is an array of 1 … max elements. */
static bool check_array(const reading *r, const char *field, const json_t *value, uint32_t max,
                        const char *elements)
{
    if (!json_is_array(value))
        return FAIL(r, field, "expected an array of %s, found %s", elements,
                    mf_json_kind_name(value));
    const size_t n = json_array_size(value);
    if (n < 1 || n > max)
        return FAIL(r, field, "expected 1 to %lu %s, found %zu", (unsigned long)max, elements, n);
    return true;
}

static bool read_movies(const reading *r, const json_t *value)
{
    mf_instance *instance = r->instance;
    if (!check_array(r, "movieIds", value, r->limits->max_top_n, "ids"))
        return false;
    const size_t n = json_array_size(value);
    if (!MF_GROW(instance->movies, instance->movies_capacity, n, "the ids of an instance", r->err))
        return false;
    for (size_t i = 0; i < n; i++) {
        char field[FIELD_BYTES];
        snprintf(field, sizeof field, "movieIds[%zu]", i);
        if (!read_id(r, field, json_array_get(value, i), &instance->movies[i]))
            return false;
    }
    instance->n_movies = n;
    return true;
}

static bool read_rating(const reading *r, const char *field, const json_t *value, float *rating)
{
    if (!json_is_number(value))
        return fail_field(r, field, "a number", value);
    *rating = (float)json_number_value(value);
    if (!isfinite(*rating))
        return FAIL(r, field, "expected a finite number that a float holds, at most 3.4e38");
    return true;
}

/* Seconds since an unspecified moment: only their order counts. */
static bool read_time(const reading *r, const char *field, const json_t *value, double *time)
{
    *time = NAN;
    if (json_is_null(value))
        return true;
    if (!json_is_number(value))
        return fail_field(r, field, "a number of seconds or null", value);
    *time = json_number_value(value); /* finite: jansson rejects an overflow */
    r->instance->n_times++;
    return true;
}

static bool read_order(const reading *r, const char *field, const json_t *value)
{
    const char *word = json_string_value(value);
    static const char expected[] = "ranking, rating or popularity";
    char shown[SHOWN_BYTES];
    if (word == NULL)
        return fail_field(r, field, expected, value);
    for (mf_order order = MF_ORDER_DEFAULT + 1; order < MF_ORDERS; order++)
        if (strcmp(word, mf_order_names[order]) == 0) {
            r->instance->order = order;
            return true;
        }
    return FAIL(r, field, "expected %s, found \"%s\"", expected,
                mf_printable(shown, sizeof shown, word, json_string_length(value)));
}

static bool read_one_rated(const reading *r, size_t i, json_t *value)
{
    char place[FIELD_BYTES];
    char field[FIELD_BYTES + 12];
    mf_instance *instance = r->instance;
    snprintf(place, sizeof place, "ratings[%zu]", i);
    if (!json_is_object(value))
        return fail_field(r, place, "an object {\"movieId\":…,\"rating\":…}", value);
    const json_t *found[FIELDS] = {NULL};
    for (void *at = json_object_iter(value); at != NULL; at = json_object_iter_next(value, at)) {
        const char *name = json_object_iter_key(at);
        const size_t n_bytes = json_object_iter_key_len(at);
        const field_id which = field_find(name, n_bytes);
        if (which == FIELDS || (RATED_FIELDS >> which & 1) == 0)
            return fail_unknown(r, place, name, n_bytes, RATED_FIELDS);
        found[which] = json_object_iter_value(at);
    }
    const json_t *movie = found[FIELD_MOVIE_ID], *rating = found[FIELD_RATING],
                 *time = found[FIELD_TIMESTAMP];
    if (movie == NULL)
        return FAIL(r, place, "movieId is missing");
    snprintf(field, sizeof field, "%s.movieId", place);
    if (!read_id(r, field, movie, &instance->rated[i]))
        return false;
    instance->ratings[i] = NAN;
    instance->times[i] = NAN;
    snprintf(field, sizeof field, "%s.rating", place);
    if (rating != NULL && !read_rating(r, field, rating, &instance->ratings[i]))
        return false;
    snprintf(field, sizeof field, "%s.timestamp", place);
    return time == NULL || read_time(r, field, time, &instance->times[i]);
}

static bool read_ratings(const reading *r, const json_t *value)
{
    mf_instance *instance = r->instance;
    if (!check_array(r, "ratings", value, r->limits->max_fold_in, "ratings"))
        return false;
    const size_t n = json_array_size(value);
    if (!MF_GROW(instance->rated, instance->rated_capacity, n, "the ids of an instance", r->err) ||
        !MF_GROW(instance->ratings, instance->ratings_capacity, n, "ratings", r->err) ||
        !MF_GROW(instance->times, instance->times_capacity, n, "timestamps", r->err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!read_one_rated(r, i, json_array_get(value, i)))
            return false;
    instance->n_ratings = n;
    return true;
}

static bool read_field(reading *r, const char *name, size_t n_bytes, const json_t *value)
{
    const field_id field = field_find(name, n_bytes);
    if (field < FIELDS)
        r->has[field] = true;
    switch (field) {
    case FIELD_USER_ID:
        return read_id(r, name, value, &r->instance->user);
    case FIELD_MOVIE_ID:
        return read_id(r, name, value, &r->instance->item);
    case FIELD_MOVIE_IDS:
        return read_movies(r, value);
    case FIELD_TOP_N:
    case FIELD_SIMILAR:
        return read_count(r, name, value);
    case FIELD_INCLUDE_RATED:
        if (!json_is_boolean(value))
            return fail_field(r, name, "true or false", value);
        r->instance->include_rated = json_is_true(value);
        return true;
    case FIELD_ORDER:
        return read_order(r, name, value);
    case FIELD_RATINGS:
        return read_ratings(r, value);
    case FIELD_INSTANCES:
        return FAIL(r, NULL, "instances stands alone: put the other fields into the instances");
    case FIELD_RATING:
    case FIELD_TIMESTAMP:
    case FIELDS:
        break;
    }
    return fail_unknown(r, NULL, name, n_bytes, TOP_FIELDS);
}

/* Sets the kind from the combination of fields. NULL, or the message that says what to send. */
static const char *decide(const reading *r)
{
    mf_instance *instance = r->instance;
    const bool *has = r->has;
    const bool list = has[FIELD_TOP_N] || has[FIELD_MOVIE_IDS];
    if (has[FIELD_SIMILAR]) {
        if (has[FIELD_USER_ID] || has[FIELD_RATINGS] || has[FIELD_INCLUDE_RATED] ||
            has[FIELD_ORDER] || list)
            return "similar goes with movieId alone: leave out the other fields";
        if (!has[FIELD_MOVIE_ID])
            return "add movieId: similar lists the movies that are like one";
        instance->kind = MF_INSTANCE_SIMILAR;
        return NULL;
    }
    if (has[FIELD_USER_ID] && has[FIELD_RATINGS])
        return "send userId for a user of the training data or ratings for a visitor, not both";
    if (!has[FIELD_USER_ID] && !has[FIELD_RATINGS]) {
        if (has[FIELD_MOVIE_ID] && !list)
            return "add userId for a rating or similar for movies like this one";
        return list ? "add userId, or ratings of a visitor"
                    : "the request is incomplete: send userId with movieId or top_n";
    }
    if (has[FIELD_MOVIE_ID] && list)
        return "send movieId for one rating, or top_n and movieIds for a list, not both";
    if (has[FIELD_INCLUDE_RATED] && !list)
        return "include_rated goes with top_n or movieIds: add one of them";
    if (has[FIELD_ORDER] && !list)
        return "order goes with top_n or movieIds: add one of them";
    if (!has[FIELD_MOVIE_ID] && !list)
        return "add movieId for a rating or top_n for recommendations";
    instance->kind = list ? MF_INSTANCE_LIST : MF_INSTANCE_RATING;
    /* With movieIds and without top_n the response holds all of them. */
    if (list && !has[FIELD_TOP_N] && !has[FIELD_INCLUDE_RATED])
        instance->include_rated = true;
    return NULL;
}

static bool read_object(reading *r, json_t *object)
{
    if (!json_is_object(object))
        return FAIL(r, NULL,
                    "expected an object such as {\"userId\":\"2\",\"movieId\":\"2959\"}, "
                    "found %s",
                    mf_json_kind_name(object));
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at))
        if (!read_field(r, json_object_iter_key(at), json_object_iter_key_len(at),
                        json_object_iter_value(at)))
            return false;
    const char *instead = decide(r);
    return instead == NULL || FAIL(r, NULL, "%s", instead);
}

/* Clears the instance but keeps its arrays. */
static void clear(mf_instance *instance)
{
    json_decref(instance->document);
    instance->document = NULL;
    instance->user.id = (mf_id){NULL, 0};
    instance->item.id = (mf_id){NULL, 0};
    instance->n = 0;
    instance->include_rated = false;
    instance->order = MF_ORDER_DEFAULT;
    instance->n_movies = 0;
    instance->n_ratings = 0;
    instance->n_times = 0;
}

bool mf_instance_read(mf_instance *instance, const mf_inference_limits *limits, const char *bytes,
                      size_t n_bytes, size_t *n_used, mf_json_where where, mf_error *err)
{
    mf_error rejected = {0};
    reading r = {.instance = instance, .limits = limits, .place = where.place, .err = err};
    clear(instance);
    instance->document = mf_json_load(bytes, n_bytes, n_used, where, &rejected);
    /* A JSON number may be an integer beyond 64 bits, which jansson reads as a double only. */
    if (instance->document == NULL) {
        instance->document = mf_json_load_rounded(bytes, n_bytes, n_used);
        r.rounded = true;
    }
    return instance->document != NULL ? read_object(&r, instance->document)
                                      : mf_fail_again(err, &rejected);
}

void mf_instance_free(mf_instance *instance)
{
    clear(instance);
    mf_free(instance->movies);
    mf_free(instance->rated);
    mf_free(instance->ratings);
    mf_free(instance->times);
    memset(instance, 0, sizeof *instance);
}
