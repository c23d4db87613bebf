/* report_samples.c: a recommender without an index, a card for each user. */
#include "report_samples.h"

#include "base/memory.h"
#include "recommend/explain.h"
#include "recommend/recommender.h"
#include "report/html.h"

#include <math.h>
#include <stdlib.h>

enum {
    USERS = 4,
    ITEMS = 4,
    LIST = 10,
    LIKED = 5,
    REASONS = 2,
    TITLE_BYTES = 90,
    REASON_BYTES = 36
};

static const size_t LARGE = (size_t)1 << 26; /* floats of item vectors */

typedef struct samples {
    mf_text *page;
    const mf_model_parts *parts;
    const mf_ratings *train;
    const mf_ratings_rows *validation;
    mf_recommender *recommender;
    mf_workspace *workspace;
    bool by_rating; /* no ranking model: no reasons */
} samples;

/* The title, or the id of an item without one. */
static void item_name(const samples *s, uint32_t item, size_t n_most)
{
    const mf_attributes *attributes = &s->parts->attributes;
    mf_id name = {NULL, 0};
    if (mf_attributes_exist(attributes))
        name = mf_attribute_text(attributes, attributes->title, item);
    if (name.n_bytes == 0)
        name = mf_id_list_get(&s->parts->items, item);
    mf_text_literal(s->page, "<bdi>");
    mf_html_short_text(s->page, name.bytes, name.n_bytes, n_most);
    mf_text_literal(s->page, "</bdi>");
}

static uint64_t count_of(const mf_ratings *train, uint32_t user)
{
    return train->user_start[user + 1] - train->user_start[user];
}

/* ---- a user ------------------------------------------------------------------------- */

/* The best rated of a user, of equally rated ones the newest, then the first; *n of them. */
static void liked(const mf_ratings *train, uint32_t user, uint64_t best[LIKED], size_t *n)
{
    *n = 0;
    for (uint64_t k = train->user_start[user]; k < train->user_start[user + 1]; k++) {
        size_t at = *n;
        for (; at > 0; at--) {
            const uint64_t other = best[at - 1];
            const bool is_newer =
                train->time_rank != NULL && train->time_rank[k] > train->time_rank[other];
            if (train->value[k] < train->value[other] ||
                (train->value[k] == train->value[other] && !is_newer))
                break;
            if (at < LIKED)
                best[at] = other;
        }
        if (at < LIKED)
            best[at] = k;
        *n += *n < LIKED;
    }
}

/* What the user gave the item in the validation data, NAN: nothing. */
static double held_out_rating(const samples *s, uint32_t user, uint32_t item)
{
    for (uint64_t k = 0; s->validation != NULL && k < s->validation->n; k++)
        if (s->validation->user[k] == user && s->validation->item[k] == item)
            return (double)s->validation->value[k];
    return NAN;
}

static void head(const samples *s, uint32_t user)
{
    const mf_id id = mf_id_list_get(&s->parts->users, user);
    uint64_t best[LIKED];
    size_t n;
    liked(s->train, user, best, &n);
    mf_text_literal(s->page, "<div class=\"person\"><h3>User <bdi>");
    mf_html_short_text(s->page, id.bytes, id.n_bytes, TITLE_BYTES);
    mf_text_literal(s->page, "</bdi>, ");
    mf_html_count(s->page, count_of(s->train, user));
    mf_text_format(s->page, " rating%s</h3>\n<p class=\"soft\">%s",
                   count_of(s->train, user) == 1 ? "" : "s",
                   s->train->feedback == MF_FEEDBACK_IMPLICIT ? "Chose: " : "Likes: ");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            mf_text_literal(s->page, " · ");
        item_name(s, s->train->item[best[i]], TITLE_BYTES);
        if (s->train->feedback == MF_FEEDBACK_EXPLICIT)
            mf_text_format(s->page, " (%.4g)", (double)s->train->value[best[i]]);
    }
    mf_text_literal(s->page, "</p>\n");
}

static void reasons(const samples *s, const mf_explanation *why)
{
    mf_text_literal(s->page, "<small>");
    for (size_t r = 0; r < why->n_reasons; r++) {
        if (r > 0)
            mf_text_literal(s->page, " · ");
        item_name(s, why->reasons[r].item, REASON_BYTES);
    }
    if (why->n_reasons == 0)
        mf_text_literal(s->page, "popular");
    mf_text_literal(s->page, "</small>");
}

/* Items that the user has in training stay out; held-out ones may come. *rated is the caller's. */
static bool profile_of(const samples *s, uint32_t user, uint32_t **rated, mf_profile *profile,
                       mf_error *err)
{
    const uint64_t start = s->parts->rated_start[user];
    const uint64_t end = s->parts->rated_start[user + 1];
    const uint8_t *grades = s->parts->ranking.n_factors > 0 ? s->parts->ranking.grades : NULL;
    *rated = mf_allocate((size_t)(end - start), sizeof **rated, "rated items", err);
    if (*rated == NULL)
        return false;
    *profile = mf_profile_of_user(s->recommender, user);
    profile->rated = *rated;
    profile->n_rated = 0;
    for (uint64_t k = start; k < end; k++)
        if (grades == NULL || grades[k] > 0)
            (*rated)[profile->n_rated++] = s->parts->rated_items[k];
    return true;
}

static bool list_of(const samples *s, uint32_t user, mf_error *err)
{
    bool ok = false;
    const bool has_ratings = s->parts->n_factors > 0;
    const bool has_held_out = s->validation != NULL && !s->by_rating;
    const mf_top_n_query query = {.n = LIST};
    const mf_recommendation *best;
    const mf_explanation *why = NULL;
    size_t n;
    uint32_t *rated = NULL;
    mf_profile profile;
    const char *heads[4] = {"", s->by_rating ? "recommended" : "recommended, because of"};
    size_t n_heads = 2;
    if (!profile_of(s, user, &rated, &profile, err) ||
        !mf_top_n(s->recommender, s->workspace, &profile, &query, &best, &n, err) ||
        (!s->by_rating && !mf_explain(s->workspace, REASONS, &why, err)))
        goto done;
    head(s, user);
    if (has_ratings)
        heads[n_heads++] = "predicted";
    if (has_held_out)
        heads[n_heads++] = "held out";
    mf_html_table_begin(s->page, heads, n_heads);
    for (size_t j = 0; j < n; j++) {
        mf_text_format(s->page, "<tr><td class=\"n\">%zu</td><td>", j + 1);
        item_name(s, best[j].item, TITLE_BYTES);
        if (!s->by_rating)
            reasons(s, &why[j]);
        mf_text_literal(s->page, "</td>");
        if (has_ratings)
            mf_html_number(s->page, "%.2f", (double)best[j].predicted_rating);
        const double found = has_held_out ? held_out_rating(s, user, best[j].item) : (double)NAN;
        if (has_held_out && isnan(found))
            mf_text_literal(s->page, "<td></td>");
        else if (has_held_out)
            mf_html_number(s->page, "✓ %.4g", found);
        mf_text_literal(s->page, "</tr>\n");
    }
    mf_html_table_end(s->page);
    mf_text_literal(s->page, "</div>\n");
    ok = true;
done:
    mf_free(rated);
    return ok;
}

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Users with training ratings at parts of their number, few first; *n different ones. */
static bool choose_users(const samples *s, size_t n_wanted, uint32_t users[USERS], size_t *n,
                         mf_error *err)
{
    static const double parts[USERS] = {0.1, 0.4, 0.7, 0.95};
    *n = 0;
    uint64_t *by_count = mf_allocate(s->train->n_users, sizeof *by_count, "users", err);
    if (by_count == NULL)
        return false;
    size_t n_users = 0;
    for (uint32_t u = 0; u < s->train->n_users; u++)
        if (count_of(s->train, u) > 0)
            by_count[n_users++] = count_of(s->train, u) << 32 | u;
    qsort(by_count, n_users, sizeof *by_count, ascending);
    for (size_t i = USERS - n_wanted; i < USERS && n_users > 0; i++) {
        const uint32_t user = (uint32_t)by_count[(size_t)(parts[i] * (double)(n_users - 1))];
        if (*n == 0 || users[*n - 1] != user)
            users[(*n)++] = user;
    }
    mf_free(by_count);
    return true;
}

/* ---- similar items --------------------------------------------------------------------- */

/* The most rated items, the lower index first; *n of them. */
static size_t most_rated(const mf_model_parts *parts, size_t n_wanted, uint32_t items[ITEMS])
{
    size_t n = 0;
    for (uint32_t i = 0; i < parts->n_items; i++) {
        size_t at = n;
        for (; at > 0 && parts->item_count[i] > parts->item_count[items[at - 1]]; at--)
            if (at < n_wanted)
                items[at] = items[at - 1];
        if (at < n_wanted)
            items[at] = i;
        n += n < n_wanted;
    }
    return n;
}

static bool similar_to(const samples *s, uint32_t item, mf_error *err)
{
    const mf_recommendation *best;
    size_t n;
    if (!mf_similar(s->recommender, s->workspace, item, LIKED, &best, &n, err))
        return false;
    mf_text_literal(s->page, "<tr><td>");
    item_name(s, item, TITLE_BYTES);
    mf_text_literal(s->page, "</td><td>");
    for (size_t j = 0; j < n; j++) {
        if (j > 0)
            mf_text_literal(s->page, " · ");
        item_name(s, best[j].item, TITLE_BYTES);
        mf_text_format(s->page, " <small>%.2f</small>", (double)best[j].score);
    }
    mf_text_literal(s->page, "</td></tr>\n");
    return true;
}

static bool fill(const samples *s, mf_error *err)
{
    const size_t n_factors = s->by_rating ? s->parts->n_factors : s->parts->ranking.n_factors;
    const bool is_large = s->parts->n_items * mf_model_stride((uint32_t)n_factors) > LARGE;
    uint32_t users[USERS];
    uint32_t items[ITEMS];
    size_t n_users;
    if (!choose_users(s, is_large ? 1 : USERS, users, &n_users, err))
        return false;
    mf_text_literal(s->page, "<div class=\"people\">\n");
    for (size_t u = 0; u < n_users; u++)
        if (!list_of(s, users[u], err))
            return false;
    mf_text_literal(s->page, "</div>\n<h3>Similar items</h3>\n");
    const size_t n_items = most_rated(s->parts, is_large ? 1 : ITEMS, items);
    mf_html_table_begin(
        s->page, (const char *const[]){"item", "most similar items, with their similarity"}, 2);
    for (size_t i = 0; i < n_items; i++)
        if (!similar_to(s, items[i], err))
            return false;
    mf_html_table_end(s->page);
    return true;
}

bool mf_report_samples(mf_text *page, const mf_model_parts *parts, const mf_ratings *train,
                       const mf_ratings_rows *validation, mf_error *err)
{
    bool ok = false;
    samples s = {.page = page,
                 .parts = parts,
                 .train = train,
                 .validation = validation,
                 .by_rating = parts->ranking.n_factors == 0};
    mf_model *model = mf_model_view(parts, err);
    if (model == NULL)
        return false;
    s.recommender = mf_recommender_create(model, 0, err);
    s.workspace = s.recommender != NULL ? mf_workspace_create(err) : NULL;
    if (s.workspace != NULL)
        ok = fill(&s, err);
    mf_workspace_destroy(s.workspace);
    mf_recommender_destroy(s.recommender);
    mf_model_close(model);
    return ok;
}
