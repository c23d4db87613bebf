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

/* The fields of an instance, and of an element of its ratings. */
static const unsigned TOP_FIELDS = (1U << MF_FIELDS) - 1 - (1U << MF_FIELD_RATING) -
                                   (1U << MF_FIELD_TIMESTAMP) - (1U << MF_FIELD_INSTANCES);
static const unsigned RATED_FIELDS =
    1U << MF_FIELD_ITEM_ID | 1U << MF_FIELD_RATING | 1U << MF_FIELD_TIMESTAMP;

const char *const mf_order_names[MF_ORDERS] = {
    [MF_ORDER_RANKING] = "ranking",
    [MF_ORDER_RATING] = "rating",
    [MF_ORDER_POPULARITY] = "popularity",
};

static bool fail_unknown(const mf_reading *r, const char *inside, const char *name, size_t n_bytes,
                         unsigned allowed)
{
    char shown[MF_SHOWN_BYTES];
    mf_printable(shown, sizeof shown, name, n_bytes);
    const mf_field guess = mf_field_guess(name, n_bytes, allowed);
    if (guess != MF_FIELDS)
        return MF_READING_FAIL(r, inside, "unknown field \"%s\": did you mean %s?", shown,
                               mf_field_name(guess));
    return MF_READING_FAIL(r, inside, "unknown field \"%s\": expected %s", shown,
                           allowed == RATED_FIELDS
                               ? "movieId, rating and timestamp"
                               : "userId, movieId, movieIds, ratings, top_n, similar, order, "
                                 "include_rated, where, exclude, in, diversity, max_per, offset, "
                                 "explain, with, userIds, blend or audience");
}

static bool read_rating(const mf_reading *r, const char *field, const json_t *value, float *rating)
{
    if (!json_is_number(value))
        return mf_reading_fail_kind(r, field, "a number", value);
    *rating = (float)json_number_value(value);
    if (!isfinite(*rating))
        return MF_READING_FAIL(r, field,
                               "expected a finite number that a float holds, at most 3.4e38");
    return true;
}

/* Seconds since an unspecified moment: only their order counts. */
static bool read_time(const mf_reading *r, const char *field, const json_t *value, double *time)
{
    *time = NAN;
    if (json_is_null(value))
        return true;
    if (!json_is_number(value))
        return mf_reading_fail_kind(r, field, "a number of seconds or null", value);
    *time = json_number_value(value); /* finite: jansson rejects an overflow */
    r->instance->n_times++;
    return true;
}

static bool read_order(const mf_reading *r, const char *field, const json_t *value)
{
    const char *word = json_string_value(value);
    static const char expected[] = "ranking, rating or popularity";
    char shown[MF_SHOWN_BYTES];
    if (word == NULL)
        return mf_reading_fail_kind(r, field, expected, value);
    for (mf_order order = MF_ORDER_DEFAULT + 1; order < MF_ORDERS; order++)
        if (strcmp(word, mf_order_names[order]) == 0) {
            r->instance->order = order;
            return true;
        }
    return MF_READING_FAIL(r, field, "expected %s, found \"%s\"", expected,
                           mf_printable(shown, sizeof shown, word, json_string_length(value)));
}

static bool read_blend(const mf_reading *r, const char *field, const json_t *value)
{
    const char *word = json_string_value(value);
    if (word != NULL && strcmp(word, "least_misery") == 0)
        r->instance->blend = MF_BLEND_LEAST_MISERY;
    else if (word == NULL || strcmp(word, "average") != 0)
        return MF_READING_FAIL(r, field, "expected \"average\" or \"least_misery\"");
    return true;
}

/* field: of two members of the object, which are the same field under two names. */
static bool fail_repeated(const mf_reading *r, const char *place, json_t *object, mf_field field)
{
    const char *names[2] = {"", ""};
    size_t n = 0;
    for (void *at = json_object_iter(object); at != NULL && n < 2;
         at = json_object_iter_next(object, at))
        if (mf_field_find(json_object_iter_key(at), json_object_iter_key_len(at)) == field)
            names[n++] = json_object_iter_key(at);
    return MF_READING_FAIL(r, place, "%.64s and %.64s are names of one field: send one of the two",
                           names[0], names[1]);
}

static bool read_one_rated(const mf_reading *r, size_t i, json_t *value)
{
    char place[MF_FIELD_BYTES];
    char field[MF_FIELD_BYTES + 12];
    mf_instance *instance = r->instance;
    snprintf(place, sizeof place, "ratings[%zu]", i);
    if (!json_is_object(value))
        return mf_reading_fail_kind(r, place, "an object {\"movieId\":…,\"rating\":…}", value);
    const json_t *found[MF_FIELDS] = {NULL};
    for (void *at = json_object_iter(value); at != NULL; at = json_object_iter_next(value, at)) {
        const char *name = json_object_iter_key(at);
        const size_t n_bytes = json_object_iter_key_len(at);
        const mf_field which = mf_field_find(name, n_bytes);
        if (which == MF_FIELDS || (RATED_FIELDS >> which & 1) == 0)
            return fail_unknown(r, place, name, n_bytes, RATED_FIELDS);
        if (found[which] != NULL)
            return fail_repeated(r, place, value, which);
        found[which] = json_object_iter_value(at);
    }
    const json_t *movie = found[MF_FIELD_ITEM_ID], *rating = found[MF_FIELD_RATING],
                 *time = found[MF_FIELD_TIMESTAMP];
    if (movie == NULL)
        return MF_READING_FAIL(r, place, "movieId is missing");
    snprintf(field, sizeof field, "%s.movieId", place);
    if (!mf_reading_id(r, field, movie, &instance->rated.id[i]))
        return false;
    instance->ratings[i] = NAN;
    instance->times[i] = NAN;
    snprintf(field, sizeof field, "%s.rating", place);
    if (rating != NULL && !read_rating(r, field, rating, &instance->ratings[i]))
        return false;
    snprintf(field, sizeof field, "%s.timestamp", place);
    return time == NULL || read_time(r, field, time, &instance->times[i]);
}

static bool read_ratings(const mf_reading *r, const json_t *value)
{
    mf_instance *instance = r->instance;
    if (!mf_reading_array(r, "ratings", value, r->limits->max_fold_in, "ratings"))
        return false;
    const size_t n = json_array_size(value);
    if (!MF_GROW(instance->rated.id, instance->rated.capacity, n, "the ids of an instance",
                 r->err) ||
        !MF_GROW(instance->ratings, instance->ratings_capacity, n, "ratings", r->err) ||
        !MF_GROW(instance->times, instance->times_capacity, n, "timestamps", r->err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!read_one_rated(r, i, json_array_get(value, i)))
            return false;
    instance->rated.n = n;
    return true;
}

/* What responses call an item: the name in the request, of several the one in the singular. Without one
 * user_id and user decide. */
static void note_word(mf_instance *instance, mf_field field, mf_id name)
{
    static const mf_id snake = {"item_id", 7}, item = {"item", 4};
    if (field == MF_FIELD_ITEM_ID)
        instance->item_word = name;
    else if (field == MF_FIELD_ITEM_IDS && instance->item_word.n_bytes == 0)
        instance->item_word = (mf_id){name.bytes, name.n_bytes - 1};
    else if (instance->item_word.n_bytes == 0 && name.n_bytes == 7 &&
             memcmp(name.bytes, "user_id", 7) == 0)
        instance->item_word = snake;
    else if (instance->item_word.n_bytes == 0 && name.n_bytes == 4 &&
             memcmp(name.bytes, "user", 4) == 0)
        instance->item_word = item;
}

static bool read_field(mf_reading *r, const char *name, size_t n_bytes, json_t *value)
{
    const mf_field field = mf_field_find(name, n_bytes);
    mf_instance *instance = r->instance;
    if (field == MF_FIELDS)
        return fail_unknown(r, NULL, name, n_bytes, TOP_FIELDS);
    if (r->has[field])
        return fail_repeated(r, NULL, instance->document, field);
    r->has[field] = true;
    note_word(instance, field, (mf_id){name, n_bytes});
    switch (field) {
    case MF_FIELD_USER_ID:
        return mf_reading_id(r, name, value, &instance->user);
    case MF_FIELD_ITEM_ID:
        return mf_reading_id(r, name, value, &instance->item);
    case MF_FIELD_ITEM_IDS:
        return mf_reading_ids(r, name, value, SIZE_MAX, &instance->candidates);
    case MF_FIELD_USER_IDS:
        return mf_reading_ids(r, name, value, MF_GROUP_MAX, &instance->users);
    case MF_FIELD_BLEND:
        return read_blend(r, name, value);
    case MF_FIELD_TOP_N:
    case MF_FIELD_SIMILAR:
    case MF_FIELD_AUDIENCE:
        return mf_reading_count(r, name, value, 1, r->limits->max_top_n, &instance->n);
    case MF_FIELD_INCLUDE_RATED:
        if (!json_is_boolean(value))
            return mf_reading_fail_kind(r, name, "true or false", value);
        instance->include_rated = json_is_true(value);
        return true;
    case MF_FIELD_ORDER:
        return read_order(r, name, value);
    case MF_FIELD_RATINGS:
        return read_ratings(r, value);
    case MF_FIELD_INSTANCES:
        return MF_READING_FAIL(r, NULL,
                               "instances stands alone: put the other fields into the instances");
    case MF_FIELD_RATING:
    case MF_FIELD_TIMESTAMP:
        return fail_unknown(r, NULL, name, n_bytes, TOP_FIELDS);
    default:
        return mf_steering_read(&instance->steering, r, field, name, value);
    }
}

/* The first field that only a list can have, or MF_FIELDS; the order, which an audience has too, is last. */
static mf_field list_field(const mf_reading *r)
{
    static const mf_field fields[] = {
        MF_FIELD_INCLUDE_RATED, MF_FIELD_WHERE,   MF_FIELD_EXCLUDE, MF_FIELD_IN,
        MF_FIELD_DIVERSITY,     MF_FIELD_MAX_PER, MF_FIELD_OFFSET,  MF_FIELD_EXPLAIN,
        MF_FIELD_ORDER};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (r->has[fields[i]])
            return fields[i];
    return MF_FIELDS;
}

/* Sets the kind from the combination of fields. A message says what to send. */
static bool decide(const mf_reading *r)
{
    mf_instance *instance = r->instance;
    const bool *has = r->has;
    const bool list = has[MF_FIELD_TOP_N] || has[MF_FIELD_ITEM_IDS];
    const bool group = has[MF_FIELD_USER_IDS];
    const bool user = has[MF_FIELD_USER_ID] || has[MF_FIELD_RATINGS] || group;
    const bool of_item = has[MF_FIELD_SIMILAR] || has[MF_FIELD_AUDIENCE];
    const mf_field of_lists = list_field(r);
    const char *message = NULL;
    if (has[MF_FIELD_SIMILAR] && (user || list || has[MF_FIELD_AUDIENCE] || of_lists != MF_FIELDS))
        message = "similar goes with movieId and with: leave out the other fields";
    else if (has[MF_FIELD_AUDIENCE] && (user || list || has[MF_FIELD_WITH] ||
                                        (of_lists != MF_FIELDS && of_lists != MF_FIELD_ORDER)))
        message = "audience goes with movieId and order: leave out the other fields";
    else if (of_item && !has[MF_FIELD_ITEM_ID])
        message = has[MF_FIELD_SIMILAR]
                      ? "add movieId: similar lists the movies that are like one"
                      : "add movieId: audience lists the users who would like one";
    else if (group && (has[MF_FIELD_USER_ID] || has[MF_FIELD_RATINGS]))
        message = "send userIds for a group or one user, not both";
    else if (group && (!list || has[MF_FIELD_EXPLAIN]))
        message = !list ? "userIds goes with top_n or movieIds: add one of them"
                        : "explain goes with one user: a group's list has no reasons";
    else if (has[MF_FIELD_BLEND] && !group)
        message = "blend goes with userIds: add them";
    else if (!user && !list && !of_item)
        message = has[MF_FIELD_ITEM_ID]
                      ? "add userId for a rating or similar for movies like this one"
                      : "the request is incomplete: send userId with movieId or top_n";
    else if (!user && list)
        message = "add userId, or ratings of a visitor";
    else if (has[MF_FIELD_ITEM_ID] && list)
        message = "send movieId for one rating, or top_n and movieIds for a list, not both";
    else if (!list && !of_item && of_lists != MF_FIELDS)
        return MF_READING_FAIL(r, NULL, "%s goes with top_n or movieIds: add one of them",
                               mf_field_name(of_lists));
    else if (!has[MF_FIELD_ITEM_ID] && !list)
        message = "add movieId for a rating or top_n for recommendations";
    if (message != NULL)
        return MF_READING_FAIL(r, NULL, "%s", message);
    const size_t n_listed =
        instance->steering.offset + (has[MF_FIELD_TOP_N] ? instance->n : instance->candidates.n);
    if (list && instance->steering.diversity > 0 && n_listed > MF_STEER_MAX)
        return MF_READING_FAIL(r, "diversity",
                               "lists have at most %d items with it, and offset and top_n are %zu",
                               MF_STEER_MAX, n_listed);
    instance->kind = has[MF_FIELD_SIMILAR]    ? MF_INSTANCE_SIMILAR
                     : has[MF_FIELD_AUDIENCE] ? MF_INSTANCE_AUDIENCE
                     : list                   ? MF_INSTANCE_LIST
                                              : MF_INSTANCE_RATING;
    if (list && !has[MF_FIELD_TOP_N] && instance->candidates.n > r->limits->max_top_n)
        return MF_READING_FAIL(r, NULL,
                               "add top_n: without it the list has all movieIds, which may be %lu "
                               "then, found %zu",
                               (unsigned long)r->limits->max_top_n, instance->candidates.n);
    /* With movieIds and without top_n the response holds all of them. */
    if (list && !has[MF_FIELD_TOP_N] && !has[MF_FIELD_INCLUDE_RATED])
        instance->include_rated = true;
    return true;
}

static bool read_object(mf_reading *r, json_t *object)
{
    if (!json_is_object(object))
        return MF_READING_FAIL(
            r, NULL,
            "expected an object such as {\"userId\":\"2\",\"movieId\":\"2959\"}, "
            "found %s",
            mf_json_kind_name(object));
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        const mf_id name = {json_object_iter_key(at), json_object_iter_key_len(at)};
        if (!read_field(r, name.bytes, name.n_bytes, json_object_iter_value(at)))
            return false;
    }
    return decide(r);
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
    instance->item_word = (mf_id){NULL, 0};
    instance->users.n = 0;
    instance->blend = MF_BLEND_AVERAGE;
    instance->candidates.n = 0;
    instance->rated.n = 0;
    instance->n_times = 0;
    mf_steering_clear(&instance->steering);
}

/* Reads a rejected instance again if it has whole numbers that a double does not hold for sure. */
static bool read_exact(mf_instance *instance, const mf_inference_limits *limits, const char *bytes,
                       size_t n_bytes, mf_json_where where, const mf_error *rejected, mf_error *err)
{
    mf_text exact = MF_TEXT_EMPTY;
    mf_error ignored = {0};
    size_t n_exact = 0;
    mf_reading r = {.instance = instance, .limits = limits, .place = where.place, .err = err};
    if (mf_json_write_integers(&exact, bytes, n_bytes)) {
        clear(instance);
        instance->document = mf_json_load(exact.bytes, exact.n_bytes, &n_exact, where, &ignored);
    }
    mf_text_free(&exact);
    return n_exact > 0 ? read_object(&r, instance->document) : mf_fail_again(err, rejected);
}

bool mf_instance_read(mf_instance *instance, const mf_inference_limits *limits, const char *bytes,
                      size_t n_bytes, size_t *n_used, mf_json_where where, mf_error *err)
{
    mf_error rejected = {0};
    mf_reading r = {.instance = instance, .limits = limits, .place = where.place, .err = err};
    clear(instance);
    instance->document = mf_json_load(bytes, n_bytes, n_used, where, &rejected);
    /* A JSON number may be an integer beyond 64 bits, which jansson reads as a double only. */
    if (instance->document == NULL) {
        instance->document = mf_json_load_rounded(bytes, n_bytes, n_used, where);
        r.rounded = true;
    }
    if (instance->document == NULL)
        return mf_fail_again(err, &rejected);
    if (r.rounded)
        return read_object(&r, instance->document);
    r.err = &rejected;
    return read_object(&r, instance->document) ||
           read_exact(instance, limits, bytes, *n_used, where, &rejected, err);
}

void mf_instance_free(mf_instance *instance)
{
    clear(instance);
    mf_steering_free(&instance->steering);
    mf_free(instance->users.id);
    mf_free(instance->candidates.id);
    mf_free(instance->rated.id);
    mf_free(instance->ratings);
    mf_free(instance->times);
    memset(instance, 0, sizeof *instance);
}
