/* check.c: one check for each section of a model.
 *
 * The first loop over an array has no branches and only tells whether anything is wrong, so that it
 * is as fast as the cache. Then a second loop finds the place. */
#include "model/check.h"

#include "base/utf8.h"
#include "model/format.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define FOUND(check, format, ...)                                                                  \
    mf_fail(&(check)->found, (check)->code, (check)->where, "not a usable model: " format,         \
            ##__VA_ARGS__)

typedef unsigned long long ull; /* for printf */

/* --- shape --------------------------------------------------------------- */

static void check_count(mf_model_check *check, const char *name, uint32_t n, uint32_t most)
{
    if (n == 0 || n > most)
        FOUND(check, "%s is %lu, it must be 1 to %lu", name, (unsigned long)n, (unsigned long)most);
}

static void check_finite(mf_model_check *check, const char *name, float value)
{
    if (!isfinite(value))
        FOUND(check, "%s is not finite", name);
}

static void check_weight(mf_model_check *check, const char *name, float value)
{
    if (!isfinite(value) || !(value >= 0))
        FOUND(check, "%s is not a finite number ≥ 0", name);
}

static void check_rating_shape(mf_model_check *check)
{
    const mf_model_parts *parts = check->parts;
    check_count(check, "n_factors", parts->n_factors, MF_MODEL_FACTORS_MAX);
    check_finite(check, "global_mean", parts->global_mean);
    if (!isfinite(parts->rating_min) || !isfinite(parts->rating_max))
        FOUND(check, "the rating scale is not finite");
    if (!(parts->rating_min <= parts->rating_max))
        FOUND(check, "rating_min %g is above rating_max %g", (double)parts->rating_min,
              (double)parts->rating_max);
    check_weight(check, "regularization", parts->regularization);
    check_weight(check, "bias_regularization", parts->bias_regularization);
}

/* A model without a rating model has none of its numbers and arrays. */
static void check_no_rating_model(mf_model_check *check)
{
    const mf_model_parts *parts = check->parts;
    if (parts->ranking.n_factors == 0)
        FOUND(check, "n_factors is 0 and it has no ranking model");
    if (parts->global_mean != 0 || parts->rating_min != 0 || parts->rating_max != 0 ||
        parts->regularization != 0 || parts->bias_regularization != 0)
        FOUND(check, "n_factors is 0, but its mean, scale and regularization of ratings are not");
    if (parts->user_bias != NULL || parts->item_bias != NULL || parts->user_factors != NULL ||
        parts->item_factors != NULL)
        FOUND(check, "n_factors is 0, but it has biases or factors");
}

static void check_ranking_shape(mf_model_check *check)
{
    const mf_ranking_parts *ranking = &check->parts->ranking;
    check_count(check, "n_factors of ranking", ranking->n_factors, MF_MODEL_RANKING_FACTORS_MAX);
    if (ranking->grading.kind >= MF_GRADING_KINDS)
        FOUND(check, "the grading of ranking is %lu, it must be 0 to %d",
              (unsigned long)ranking->grading.kind, MF_GRADING_KINDS - 1);
    check_finite(check, "the grading's center of ranking", ranking->grading.center);
    check_weight(check, "the grading's scale of ranking", ranking->grading.scale);
    if (!(ranking->recency >= 0 && ranking->recency <= 1))
        FOUND(check, "recency of ranking is not a number from 0 to 1");
    check_weight(check, "prior of ranking", ranking->prior);
    check_weight(check, "regularization of ranking", ranking->regularization);
    check_finite(check, "relevant_rating of ranking", ranking->relevant_rating);
}

void mf_model_check_shape(mf_model_check *check)
{
    const mf_model_parts *parts = check->parts;
    check_count(check, "n_users", parts->n_users, MF_INDEX_NONE - 1);
    check_count(check, "n_items", parts->n_items, MF_INDEX_NONE - 1);
    if (parts->n_factors > 0)
        check_rating_shape(check);
    else
        check_no_rating_model(check);
    if (parts->ranking.n_factors > 0)
        check_ranking_shape(check);
    if (mf_attributes_exist(&parts->attributes))
        mf_model_check_attribute_shapes(check);
}

/* --- biases and factors -------------------------------------------------- */

static bool all_finite(const float *values, size_t n)
{
    unsigned bad = 0;
    for (size_t i = 0; i < n; i++)
        bad |= !(fabsf(values[i]) <= FLT_MAX);
    return bad == 0;
}

static size_t first_not_finite(const float *values)
{
    size_t i = 0;
    while (isfinite(values[i]))
        i++;
    return i;
}

static void check_biases(mf_model_check *check, size_t section, const float *bias, size_t first,
                         size_t n)
{
    if (!all_finite(bias + first, n))
        FOUND(check, "%s of index %zu is not finite", mf_model_kind.names[section],
              first + first_not_finite(bias + first));
}

/* The padding of row r is values [r·stride + n_factors, (r + 1)·stride). It is shorter than a cache
 * line, and pieces begin and end between lines, so it is never cut. */
static void check_padding(mf_model_check *check, size_t section, const float *rows,
                          uint32_t n_factors, size_t first, size_t n)
{
    const size_t stride = mf_model_stride(n_factors);
    for (size_t row = first / stride; row * stride + n_factors < first + n; row++) {
        const size_t from = row * stride + n_factors;
        uint32_t padding[MF_MODEL_LANES] = {0};
        uint32_t any = 0;
        if (from < first)
            continue;
        memcpy(padding, rows + from, (stride - n_factors) * sizeof(float));
        for (size_t lane = 0; lane < MF_MODEL_LANES; lane++)
            any |= padding[lane];
        if (any != 0) {
            FOUND(check, "the padding of row %zu of %s is not zero", row,
                  mf_model_kind.names[section]);
            return;
        }
    }
}

static void check_factors(mf_model_check *check, size_t section, const float *rows,
                          uint32_t n_factors, size_t first, size_t n)
{
    const size_t stride = mf_model_stride(n_factors);
    if (!all_finite(rows + first, n)) {
        const size_t at = first + first_not_finite(rows + first);
        FOUND(check, "factor %zu of row %zu of %s is not finite", at % stride, at / stride,
              mf_model_kind.names[section]);
    }
    if (stride > n_factors)
        check_padding(check, section, rows, n_factors, first, n);
}

static void check_spectrum(mf_model_check *check, size_t first, size_t n)
{
    const float *spectrum = check->parts->ranking.spectrum;
    const char *name = mf_model_kind.names[MF_MODEL_RANKING_SPECTRUM];
    for (size_t f = first; f < first + n; f++) {
        if (!isfinite(spectrum[f]) || !(spectrum[f] > 0))
            FOUND(check, "%s of index %zu is not a finite number > 0", name, f);
        else if (f > 0 && spectrum[f] > spectrum[f - 1])
            FOUND(check, "%s rises from index %zu to %zu", name, f - 1, f);
    }
}

/* --- lists --------------------------------------------------------------- */

/* start[first .. first + n) of lists that are least … most long. A step down wraps to more than any
 * `most`. */
static void check_starts(mf_model_check *check, size_t section, const uint64_t *start, size_t first,
                         size_t n, uint64_t least, uint64_t most)
{
    const uint32_t n_users = check->parts->n_users;
    const char *name = mf_model_kind.names[section];
    if (first == 0 && start[0] != 0)
        FOUND(check, "%s begins with %llu", name, (ull)start[0]);
    unsigned bad = 0;
    for (size_t i = first > 0 ? first : 1; i < first + n; i++)
        bad |= start[i] - start[i - 1] - least > most - least;
    for (size_t i = first > 0 ? first : 1; bad != 0 && i < first + n; i++)
        if (start[i] - start[i - 1] - least > most - least)
            FOUND(check, "%s of index %zu goes from %llu to %llu, it must be %llu to %llu long",
                  name, i - 1, (ull)start[i - 1], (ull)start[i], (ull)least, (ull)most);
    if (section == MF_MODEL_RATED_START && first + n == (size_t)n_users + 1 &&
        start[n_users] != check->parts->n_rated)
        FOUND(check, "%s ends with %llu, n_rated is %llu", name, (ull)start[n_users],
              (ull)check->parts->n_rated);
}

static bool all_plain(const char *bytes, size_t n)
{
    unsigned bad = 0;
    for (size_t i = 0; i < n; i++)
        bad |= (unsigned char)(bytes[i] - ' ') > '~' - ' ';
    return bad == 0;
}

/* How many ids of the list end at byte `end` or before. */
static uint32_t n_ids_within(const mf_id_list *list, uint64_t end)
{
    uint32_t low = 0, high = list->n;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (list->start[middle + 1] <= end)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void check_ids(mf_model_check *check, size_t section, const mf_id_list *list, uint32_t *next,
                      size_t offset, size_t n)
{
    const uint32_t end = n_ids_within(list, offset + n);
    uint32_t stop = end;
    /* Printable ASCII is always valid; then only an id that began in the previous piece is checked. */
    if (all_plain(list->bytes + offset, n))
        stop = *next < end && list->start[*next] < offset ? *next + 1 : *next;
    for (uint32_t index = *next; index < stop; index++) {
        const mf_id id = mf_id_list_get(list, index);
        if (!mf_id_valid(id.bytes, id.n_bytes)) {
            char text[128];
            FOUND(check, "the id \"%s\" in %s is not UTF-8 without control characters",
                  mf_printable(text, sizeof text, id.bytes, id.n_bytes),
                  mf_model_kind.names[section]);
            return;
        }
    }
    *next = end;
}

/* Items ascend within a user. So they may descend (or stay equal) only where the items of the next
 * user begin: the number of descents everywhere, counted without branches, must be that at these
 * places. */
static void check_rated_items(mf_model_check *check, size_t first, size_t n)
{
    const mf_model_parts *parts = check->parts;
    const uint32_t *items = parts->rated_items;
    const uint64_t *start = parts->rated_start;
    uint32_t n_falls = 0, n_falls_at_starts = 0;
    unsigned beyond = 0;
    for (size_t k = first; k < first + n; k++)
        beyond |= items[k] >= parts->n_items;
    for (size_t k = first > 0 ? first : 1; k < first + n; k++)
        n_falls += items[k] <= items[k - 1];
    uint32_t user = check->next_rating_user;
    for (; user < parts->n_users && start[user] < first + n; user++)
        if (start[user] > 0 && start[user] < start[user + 1])
            n_falls_at_starts += items[start[user]] <= items[start[user] - 1];
    check->next_rating_user = user;
    if (beyond != 0)
        FOUND(check, "%s has an item that is not below n_items %lu",
              mf_model_kind.names[MF_MODEL_RATED_ITEMS], (unsigned long)parts->n_items);
    if (n_falls != n_falls_at_starts)
        FOUND(check, "%s of a user before user %lu do not ascend",
              mf_model_kind.names[MF_MODEL_RATED_ITEMS], (unsigned long)user);
}

static void check_item_count(mf_model_check *check, size_t first, size_t n)
{
    const mf_model_parts *parts = check->parts;
    uint64_t sum = 0;
    for (size_t item = first; item < first + n; item++)
        sum += parts->item_count[item];
    check->n_counted += sum;
    if (first + n == parts->n_items && check->n_counted != parts->n_rated)
        FOUND(check, "%s adds up to %llu, n_rated is %llu",
              mf_model_kind.names[MF_MODEL_ITEM_COUNT], (ull)check->n_counted, (ull)parts->n_rated);
}

/* Finds the user of rating k. All grades were checked before the time ranks. */
static void next_ranked_user(mf_model_check *check, size_t k)
{
    const mf_model_parts *parts = check->parts;
    const uint64_t *start = parts->rated_start;
    uint32_t user = check->next_ranked_user;
    uint64_t n_grades = 0;
    while (start[user + 1] <= k)
        user++;
    for (uint64_t i = start[user]; i < start[user + 1]; i++)
        n_grades += parts->ranking.grades[i] != 0;
    const uint64_t most = n_grades > 0 ? 2 * (n_grades - 1) : 0;
    check->rank_most = most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
    check->ranked_end = start[user + 1];
    check->next_ranked_user = user + 1;
}

static void check_time_ranks(mf_model_check *check, size_t first, size_t n)
{
    const uint32_t *ranks = check->parts->ranking.time_ranks;
    const uint8_t *grades = check->parts->ranking.grades;
    for (size_t k = first; k < first + n;) {
        if (k == check->ranked_end)
            next_ranked_user(check, k);
        const size_t end = check->ranked_end < first + n ? (size_t)check->ranked_end : first + n;
        const uint32_t most = check->rank_most;
        unsigned bad = 0;
        for (size_t i = k; i < end; i++)
            bad |= ranks[i] > (grades[i] != 0 ? most : 0);
        for (size_t i = k; bad != 0 && i < end; i++)
            if (ranks[i] > (grades[i] != 0 ? most : 0))
                FOUND(check, "%s of index %zu is %lu, of user %lu it must be 0 to %lu",
                      mf_model_kind.names[MF_MODEL_RANKING_TIMES], i, (unsigned long)ranks[i],
                      (unsigned long)check->next_ranked_user - 1,
                      (unsigned long)(grades[i] != 0 ? most : 0));
        k = end;
    }
}

/* A few kilobytes: all of it together with the first piece, so that no character is cut. */
static void check_metadata(mf_model_check *check)
{
    const char *text = check->parts->metadata;
    const size_t n = check->parts->metadata_bytes;
    for (size_t i = 0; i < n;) {
        const size_t length = mf_utf8_length(text + i, n - i);
        const bool space = text[i] == '\n' || text[i] == '\t' || text[i] == '\r';
        if (length == 0 || (!space && mf_utf8_is_control(text + i, length))) {
            FOUND(check, "byte %zu of its metadata is not text", i);
            return;
        }
        i += length;
    }
}

/* --- pieces -------------------------------------------------------------- */

void mf_model_check_piece(mf_model_check *check, size_t section, size_t offset, size_t n_bytes)
{
    const mf_model_parts *parts = check->parts;
    mf_model_array array;
    /* Later sections are read through earlier ones, so nothing is read after a finding. */
    if (check->found.code != MF_OK || !mf_model_array_of(parts, section, &array))
        return;
    const void *bytes = mf_model_array_bytes(parts, &array);
    const size_t first32 = offset / 4, n32 = n_bytes / 4;
    const size_t first64 = offset / 8, n64 = n_bytes / 8;
    switch (section) {
    case MF_MODEL_USER_BIAS:
    case MF_MODEL_ITEM_BIAS:
        check_biases(check, section, bytes, first32, n32);
        break;
    case MF_MODEL_USER_FACTORS:
    case MF_MODEL_ITEM_FACTORS:
        check_factors(check, section, bytes, parts->n_factors, first32, n32);
        break;
    case MF_MODEL_RANKING_ITEMS:
    case MF_MODEL_RANKING_MEAN:
        check_factors(check, section, bytes, parts->ranking.n_factors, first32, n32);
        break;
    case MF_MODEL_USER_ID_START:
    case MF_MODEL_ITEM_ID_START:
        check_starts(check, section, bytes, first64, n64, 1, MF_ID_BYTES_MAX);
        break;
    case MF_MODEL_RATED_START:
        check_starts(check, section, bytes, first64, n64, 0, parts->n_items);
        break;
    case MF_MODEL_USER_ID_BYTES:
        check_ids(check, section, &parts->users, &check->next_user_id, offset, n_bytes);
        break;
    case MF_MODEL_ITEM_ID_BYTES:
        check_ids(check, section, &parts->items, &check->next_item_id, offset, n_bytes);
        break;
    case MF_MODEL_RATED_ITEMS:
        check_rated_items(check, first32, n32);
        break;
    case MF_MODEL_ITEM_COUNT:
        check_item_count(check, first32, n32);
        break;
    case MF_MODEL_METADATA:
        if (offset == 0)
            check_metadata(check);
        break;
    case MF_MODEL_RANKING_SPECTRUM:
        check_spectrum(check, first32, n32);
        break;
    case MF_MODEL_RANKING_TIMES:
        check_time_ranks(check, first32, n32);
        break;
    default: /* grades, which may be any byte; attributes */
        break;
    }
}

void mf_model_check_section(mf_model_check *check, size_t section, size_t n_bytes)
{
    for (size_t offset = 0; offset < n_bytes; offset += MF_SECTION_PIECE_BYTES) {
        const size_t left = n_bytes - offset;
        mf_model_check_piece(check, section, offset,
                             left < MF_SECTION_PIECE_BYTES ? left : MF_SECTION_PIECE_BYTES);
    }
}
