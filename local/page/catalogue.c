/* catalogue.c: searches go through all ids or titles; a model on a laptop has few enough of them. */
#include "local/page/catalogue.h"

#include "base/memory.h"
#include "model/model.h"
#include "ratings/ratings.h"

#include <math.h>
#include <stdlib.h>

struct mf_local_catalogue {
    mf_model *model;
    mf_ratings *ratings; /* NULL: none were given */
    uint32_t *users;     /* id table of the ratings' users */
    uint64_t n_slots;
    uint32_t *by_count; /* [n_items] items of the model, most rated first */
};

static int compare_counts(const void *a, const void *b, void *context)
{
    const uint32_t *count = context;
    const uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    if (count[i] != count[j])
        return count[i] < count[j] ? 1 : -1;
    return i < j ? -1 : 1;
}

static bool sort_items(mf_local_catalogue *catalogue, mf_error *err)
{
    const mf_model_parts *parts = mf_model_get(catalogue->model);
    catalogue->by_count =
        mf_allocate(parts->n_items, sizeof *catalogue->by_count, "items of the page", err);
    if (catalogue->by_count == NULL)
        return false;
    for (uint32_t i = 0; i < parts->n_items; i++)
        catalogue->by_count[i] = i;
    qsort_r(catalogue->by_count, parts->n_items, sizeof *catalogue->by_count, compare_counts,
            mf_without_const(parts->item_count));
    return true;
}

/* As train reads it: a model without a rating model was trained on pairs. */
static bool read_ratings(mf_local_catalogue *catalogue, const char *path, mf_error *err)
{
    const mf_ratings_options options = {
        .feedback =
            mf_model_get(catalogue->model)->n_factors > 0 ? MF_FEEDBACK_AUTO : MF_FEEDBACK_IMPLICIT,
        .times = MF_TIMES_KEPT,
        .max_bad_rows = UINT64_MAX,
        .n_threads = 2,
    };
    char reason[MF_RATINGS_REASON_BYTES];
    mf_ratings_content content;
    mf_ratings_reader *reader = mf_ratings_reader_create(&options, err);
    bool ok = reader != NULL && mf_ratings_reader_add(reader, path, &content, reason, err);
    if (ok && content != MF_RATINGS_READ)
        ok = mf_fail(err, MF_ERR_PARSE, (mf_where){.path = path}, "is not ratings: %s", reason);
    if (ok)
        catalogue->ratings = mf_ratings_reader_finish(reader, err);
    mf_ratings_reader_destroy(reader);
    if (catalogue->ratings == NULL)
        return false;
    catalogue->n_slots = mf_id_table_slots(catalogue->ratings->n_users);
    catalogue->users = mf_allocate(catalogue->n_slots, sizeof *catalogue->users, "users", err);
    return catalogue->users != NULL &&
           mf_id_table_build(&catalogue->ratings->users, catalogue->users, catalogue->n_slots, err);
}

mf_local_catalogue *mf_local_catalogue_open(const char *model, const char *ratings, mf_error *err)
{
    mf_local_catalogue *catalogue = mf_allocate(1, sizeof *catalogue, "the page's catalogue", err);
    if (catalogue == NULL)
        return NULL;
    catalogue->model = mf_model_open(model, err);
    if (catalogue->model != NULL && sort_items(catalogue, err) &&
        (ratings[0] == '\0' || read_ratings(catalogue, ratings, err)))
        return catalogue;
    mf_local_catalogue_close(catalogue);
    return NULL;
}

void mf_local_catalogue_close(mf_local_catalogue *catalogue)
{
    if (catalogue == NULL)
        return;
    mf_model_close(catalogue->model);
    mf_ratings_destroy(catalogue->ratings);
    mf_free(catalogue->users);
    mf_free(catalogue->by_count);
    mf_free(catalogue);
}

static void append_id(mf_text *out, mf_id id)
{
    mf_text_json(out, id.bytes, id.n_bytes);
}

/* Cuts the comma after the last of several. */
static void cut_comma(mf_text *out)
{
    if (out->n_bytes > 0 && out->bytes[out->n_bytes - 1] == ',')
        out->n_bytes--;
}

/* ---------------------------------------------------------------------- about */

static uint32_t count_of(const mf_categories *categories, uint32_t value)
{
    return categories->item_start[value + 1] - categories->item_start[value];
}

static uint32_t n_values_with(const mf_categories *categories, uint32_t least)
{
    uint32_t n = 0;
    for (uint32_t v = 0; v < categories->names.n; v++)
        n += count_of(categories, v) >= least;
    return n;
}

/* The most frequent values, in the order of the dictionary. */
static void append_values(const mf_categories *categories, mf_text *out)
{
    uint32_t least = 1;
    while (n_values_with(categories, least) > MF_LOCAL_CATALOGUE_VALUES)
        least += least;
    for (uint32_t v = 0; v < categories->names.n; v++)
        if (count_of(categories, v) >= least) {
            append_id(out, mf_id_list_get(&categories->names, v));
            mf_text_literal(out, ",");
        }
    cut_comma(out);
}

static void append_attribute(const mf_attributes *attributes, uint32_t i, mf_text *out)
{
    const mf_attribute *attribute = &attributes->attribute[i];
    if (attribute->kind == MF_ATTRIBUTE_TEXT)
        return;
    mf_text_literal(out, "{\"name\":");
    mf_text_json(out, attribute->name, strlen(attribute->name));
    if (attribute->kind == MF_ATTRIBUTE_CATEGORIES) {
        const mf_categories categories = mf_attribute_categories(attributes, i);
        mf_text_literal(out, ",\"values\":[");
        append_values(&categories, out);
        mf_text_literal(out, "]},");
        return;
    }
    const mf_numbers numbers = mf_attribute_numbers(attributes, i);
    if (numbers.n_known > 0) {
        mf_text_literal(out, ",\"from\":");
        mf_text_double(out, numbers.value[numbers.order[0]]);
        mf_text_literal(out, ",\"to\":");
        mf_text_double(out, numbers.value[numbers.order[numbers.n_known - 1]]);
    }
    mf_text_literal(out, "},");
}

void mf_local_catalogue_about(const mf_local_catalogue *catalogue, mf_text *out)
{
    const mf_model_parts *parts = mf_model_get(catalogue->model);
    const mf_attributes *attributes = &parts->attributes;
    mf_text_format(out, "\"users\":%u,\"items\":%u,\"ratings\":%llu,\"scale\":", parts->n_users,
                   parts->n_items, (unsigned long long)parts->n_rated);
    if (parts->n_factors > 0) {
        mf_text_literal(out, "{\"min\":");
        mf_text_float(out, parts->rating_min);
        mf_text_literal(out, ",\"max\":");
        mf_text_float(out, parts->rating_max);
        mf_text_literal(out, "}");
    } else {
        mf_text_literal(out, "null");
    }
    mf_text_format(out,
                   ",\"ranking\":%s,\"title\":", parts->ranking.n_factors > 0 ? "true" : "false");
    if (attributes->n > 0 && attributes->title != MF_INDEX_NONE) {
        const char *title = attributes->attribute[attributes->title].name;
        mf_text_json(out, title, strlen(title));
    } else {
        mf_text_literal(out, "null");
    }
    mf_text_literal(out, ",\"attributes\":[");
    for (uint32_t i = 0; i < attributes->n; i++)
        append_attribute(attributes, i, out);
    cut_comma(out);
    mf_text_format(out, "],\"has_ratings\":%s,", catalogue->ratings != NULL ? "true" : "false");
}

/* --------------------------------------------------------------------- search */

static void append_user(const mf_model_parts *parts, uint32_t user, mf_text *out)
{
    mf_text_literal(out, "{\"userId\":");
    append_id(out, mf_id_list_get(&parts->users, user));
    mf_text_format(out, ",\"ratings\":%llu},",
                   (unsigned long long)(parts->rated_start[user + 1] - parts->rated_start[user]));
}

void mf_local_catalogue_users(const mf_local_catalogue *catalogue, mf_http_view prefix,
                              mf_text *out)
{
    const mf_model_parts *parts = mf_model_get(catalogue->model);
    const size_t n = prefix.n_bytes;
    uint32_t left = MF_LOCAL_CATALOGUE_MATCHES;
    mf_text_literal(out, "{\"users\":[");
    const uint32_t exact =
        n > 0 ? mf_model_find_user(catalogue->model, prefix.bytes, n) : MF_INDEX_NONE;
    if (exact != MF_INDEX_NONE) {
        append_user(parts, exact, out);
        left--;
    }
    for (uint32_t user = 0; user < parts->n_users && left > 0; user++) {
        const mf_id id = mf_id_list_get(&parts->users, user);
        if (user == exact || id.n_bytes < n || (n > 0 && memcmp(id.bytes, prefix.bytes, n) != 0))
            continue;
        append_user(parts, user, out);
        left--;
    }
    cut_comma(out);
    mf_text_literal(out, "]}");
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool has_word(mf_id title, const char *word, size_t n)
{
    for (size_t at = 0; at + n <= title.n_bytes; at++) {
        size_t i = 0;
        while (i < n && lower(title.bytes[at + i]) == lower(word[i]))
            i++;
        if (i == n)
            return true;
    }
    return false;
}

static bool has_words(mf_id title, mf_http_view words)
{
    for (size_t at = 0; at < words.n_bytes;) {
        size_t n = 0;
        while (at + n < words.n_bytes && words.bytes[at + n] != ' ')
            n++;
        if (n > 0 && !has_word(title, words.bytes + at, n))
            return false;
        at += n + 1;
    }
    return true;
}

/* ,"title":"…", or nothing where there is none. */
static void append_title(const mf_model_parts *parts, uint32_t row, mf_text *out)
{
    if (row == MF_INDEX_NONE || parts->attributes.n == 0)
        return;
    const mf_id title = mf_attribute_text(&parts->attributes, parts->attributes.title, row);
    if (title.n_bytes == 0)
        return;
    mf_text_literal(out, ",\"title\":");
    append_id(out, title);
}

static void append_item(const mf_model_parts *parts, uint32_t item, mf_text *out)
{
    mf_text_literal(out, "{\"movieId\":");
    append_id(out, mf_id_list_get(&parts->items, item));
    append_title(parts, item, out);
    mf_text_format(out, ",\"count\":%u},", parts->item_count[item]);
}

void mf_local_catalogue_items(const mf_local_catalogue *catalogue, mf_http_view words, mf_text *out)
{
    const mf_model_parts *parts = mf_model_get(catalogue->model);
    uint32_t left = MF_LOCAL_CATALOGUE_MATCHES;
    mf_text_literal(out, "{\"items\":[");
    const uint32_t exact = words.n_bytes > 0
                               ? mf_model_find_item(catalogue->model, words.bytes, words.n_bytes)
                               : MF_INDEX_NONE;
    if (exact != MF_INDEX_NONE) {
        append_item(parts, exact, out);
        left--;
    }
    const bool has_titles = parts->attributes.n > 0 && parts->attributes.title != MF_INDEX_NONE;
    for (uint32_t i = 0; i < parts->n_items && left > 0; i++) {
        const uint32_t item = catalogue->by_count[i];
        const mf_id name =
            has_titles ? mf_attribute_text(&parts->attributes, parts->attributes.title, item)
                       : mf_id_list_get(&parts->items, item);
        if (item == exact || !has_words(name, words))
            continue;
        append_item(parts, item, out);
        left--;
    }
    cut_comma(out);
    mf_text_literal(out, "]}");
}

/* -------------------------------------------------------------------- ratings */

/* Newest first, in a fixed order where times are equal or unknown. */
static int compare_times(const void *a, const void *b, void *context)
{
    const mf_ratings *ratings = context;
    const uint64_t i = *(const uint64_t *)a, j = *(const uint64_t *)b;
    const double s = ratings->time != NULL ? ratings->time[i] : 0;
    const double t = ratings->time != NULL ? ratings->time[j] : 0;
    if (s > t || s < t)
        return s < t ? 1 : -1;
    return i < j ? 1 : -1;
}

static void append_rating(const mf_local_catalogue *catalogue, uint64_t at, mf_text *out)
{
    const mf_ratings *ratings = catalogue->ratings;
    const mf_id id = mf_id_list_get(&ratings->items, ratings->item[at]);
    mf_text_literal(out, "{\"movieId\":");
    append_id(out, id);
    append_title(mf_model_get(catalogue->model),
                 mf_model_find_row(catalogue->model, id.bytes, id.n_bytes), out);
    mf_text_literal(out, ",\"rating\":");
    mf_text_float(out, ratings->value[at]);
    mf_text_literal(out, ",\"timestamp\":");
    if (ratings->time != NULL && isfinite(ratings->time[at]))
        mf_text_double(out, ratings->time[at]);
    else
        mf_text_literal(out, "null");
    mf_text_literal(out, "},");
}

bool mf_local_catalogue_ratings(const mf_local_catalogue *catalogue, mf_http_view user,
                                mf_text *out)
{
    const mf_ratings *ratings = catalogue->ratings;
    const uint32_t index = ratings != NULL
                               ? mf_id_table_find(&ratings->users, catalogue->users,
                                                  catalogue->n_slots, user.bytes, user.n_bytes)
                               : MF_INDEX_NONE;
    if (index == MF_INDEX_NONE)
        return false;
    const uint64_t first = ratings->user_start[index];
    const size_t n = (size_t)(ratings->user_start[index + 1] - first);
    uint64_t *order = mf_allocate(n, sizeof *order, "ratings of a user", NULL);
    if (order == NULL) {
        out->failed = true;
        return true;
    }
    for (size_t i = 0; i < n; i++)
        order[i] = first + i;
    qsort_r(order, n, sizeof *order, compare_times, mf_without_const(ratings));
    mf_text_format(out, "{\"total\":%zu,\"ratings\":[", n);
    for (size_t i = 0; i < n && i < MF_LOCAL_CATALOGUE_RATINGS; i++)
        append_rating(catalogue, order[i], out);
    cut_comma(out);
    mf_text_literal(out, "]}");
    mf_free(order);
    return true;
}
