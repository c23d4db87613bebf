/* baselines.c: popularity and item-item cosine, computed from the training ratings alone.
 *
 * The ratings are kept by user, as they come, and by item (transposed once). A user's item-item
 * scores are sums over the raters of his items, so no item × item matrix is made. */
#include "evaluate/baselines.h"

#include "base/memory.h"
#include "recommend/best.h"

#include <math.h>
#include <stdlib.h>

struct mf_baselines {
    const mf_ratings *train;
    uint32_t *item_count;   /* [n_items] */
    uint32_t *by_count;     /* [n_items] most rated first; equal counts: lower item first */
    uint64_t *item_start;   /* [n_items + 1] the ratings by item: */
    uint32_t *rater;        /* [n_ratings] ascending per item */
    float *value;           /* [n_ratings] */
    double *inverse_length; /* [n_items] 1 / |r_i|, 0 where that is 0 */
};

typedef struct thread_state {
    double *of_user; /* [n_users] how much each user has in common with this one */
    double *of_item; /* [n_items] scores */
    mf_recommendation *entries;
    size_t n_entries;
} thread_state;

/* Items by falling count: a counting sort, so equal counts keep the order of the items. */
static bool sort_by_count(mf_baselines *b, mf_error *err)
{
    const uint32_t n_items = b->train->n_items;
    const uint32_t n_users = b->train->n_users;
    uint64_t *next = mf_allocate((size_t)n_users + 2, sizeof *next, "popular items", err);
    if (next == NULL)
        return false;
    for (uint32_t i = 0; i < n_items; i++)
        next[n_users - b->item_count[i] + 1]++;
    for (uint32_t c = 0; c < n_users + 1; c++)
        next[c + 1] += next[c];
    for (uint32_t i = 0; i < n_items; i++)
        b->by_count[next[n_users - b->item_count[i]]++] = i;
    mf_free(next);
    return true;
}

static bool transpose(mf_baselines *b, mf_error *err)
{
    const mf_ratings *train = b->train;
    uint64_t *next = mf_allocate(train->n_items, sizeof *next, "ratings by item", err);
    if (next == NULL)
        return false;
    for (uint32_t i = 0; i < train->n_items; i++)
        b->item_start[i + 1] = b->item_start[i] + b->item_count[i];
    for (uint32_t i = 0; i < train->n_items; i++)
        next[i] = b->item_start[i];
    for (uint32_t u = 0; u < train->n_users; u++)
        for (uint64_t k = train->user_start[u]; k < train->user_start[u + 1]; k++) {
            const uint64_t to = next[train->item[k]]++;
            b->rater[to] = u;
            b->value[to] = train->value[k];
        }
    for (uint32_t i = 0; i < train->n_items; i++) {
        double square = 0;
        for (uint64_t k = b->item_start[i]; k < b->item_start[i + 1]; k++)
            square += (double)b->value[k] * (double)b->value[k];
        b->inverse_length[i] = square > 0 ? 1 / sqrt(square) : 0;
    }
    mf_free(next);
    return true;
}

mf_baselines *mf_baselines_create(const mf_ratings *train, mf_error *err)
{
    const size_t n_items = train->n_items;
    mf_baselines *b = mf_allocate(1, sizeof *b, "baselines", err);
    if (b == NULL)
        return NULL;
    b->train = train;
    b->item_count = mf_allocate(n_items, sizeof *b->item_count, "baselines", err);
    b->by_count = mf_allocate(n_items, sizeof *b->by_count, "baselines", err);
    b->item_start = mf_allocate(n_items + 1, sizeof *b->item_start, "baselines", err);
    b->rater = mf_allocate(train->n_ratings, sizeof *b->rater, "ratings by item", err);
    b->value = mf_allocate(train->n_ratings, sizeof *b->value, "ratings by item", err);
    b->inverse_length = mf_allocate(n_items, sizeof *b->inverse_length, "baselines", err);
    if (b->item_count == NULL || b->by_count == NULL || b->item_start == NULL || b->rater == NULL ||
        b->value == NULL || b->inverse_length == NULL)
        goto failed;
    for (uint64_t k = 0; k < train->n_ratings; k++)
        b->item_count[train->item[k]]++;
    if (sort_by_count(b, err) && transpose(b, err))
        return b;
failed:
    mf_baselines_destroy(b);
    return NULL;
}

void mf_baselines_destroy(mf_baselines *b)
{
    if (b == NULL)
        return;
    mf_free(b->item_count);
    mf_free(b->by_count);
    mf_free(b->item_start);
    mf_free(b->rater);
    mf_free(b->value);
    mf_free(b->inverse_length);
    mf_free(b);
}

const uint32_t *mf_baselines_item_count(const mf_baselines *b)
{
    return b->item_count;
}

static bool left_out(const void *context, void *thread, uint32_t user, const uint32_t *held,
                     size_t n_held, mf_left_out *out, mf_error *err)
{
    const mf_ratings *train = ((const mf_baselines *)context)->train;
    (void)thread;
    (void)held;
    (void)n_held;
    (void)err;
    const uint64_t start = train->user_start[user];
    *out = (mf_left_out){train->item + start, (size_t)(train->user_start[user + 1] - start)};
    return true;
}

static bool is_left_out(const mf_left_out *out, uint32_t item)
{
    size_t low = 0;
    size_t high = out->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (out->items[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low < out->n && out->items[low] == item;
}

static void thread_destroy(void *thread)
{
    thread_state *t = thread;
    if (t == NULL)
        return;
    mf_free(t->of_user);
    mf_free(t->of_item);
    mf_free(t->entries);
    mf_free(t);
}

static void *popularity_thread(const void *context, mf_error *err)
{
    (void)context;
    return mf_allocate(1, sizeof(thread_state), "a thread's lists", err);
}

static bool popularity_list(const void *context, void *thread, uint32_t user,
                            const mf_left_out *out, size_t n, uint32_t *items, size_t *n_list,
                            mf_error *err)
{
    const mf_baselines *b = context;
    (void)thread;
    (void)user;
    (void)err;
    *n_list = 0;
    for (uint32_t place = 0; place < b->train->n_items && *n_list < n; place++) {
        const uint32_t item = b->by_count[place];
        if (b->item_count[item] == 0)
            break;
        if (!is_left_out(out, item))
            items[(*n_list)++] = item;
    }
    return true;
}

static void *item_item_thread(const void *context, mf_error *err)
{
    const mf_baselines *b = context;
    thread_state *t = mf_allocate(1, sizeof *t, "a thread's lists", err);
    if (t == NULL)
        return NULL;
    t->of_user = mf_allocate(b->train->n_users, sizeof *t->of_user, "a thread's scores", err);
    t->of_item = mf_allocate(b->train->n_items, sizeof *t->of_item, "a thread's scores", err);
    if (t->of_user != NULL && t->of_item != NULL)
        return t;
    thread_destroy(t);
    return NULL;
}

/* The scores of all items for this user, but for the factor 1 / |r_i|. */
static void score_items(const mf_baselines *b, uint32_t user, thread_state *t)
{
    const mf_ratings *train = b->train;
    for (uint32_t v = 0; v < train->n_users; v++)
        t->of_user[v] = 0;
    for (uint32_t i = 0; i < train->n_items; i++)
        t->of_item[i] = 0;
    for (uint64_t k = train->user_start[user]; k < train->user_start[user + 1]; k++) {
        const uint32_t j = train->item[k];
        const double weight = (double)train->value[k] * b->inverse_length[j];
        for (uint64_t l = b->item_start[j]; l < b->item_start[j + 1]; l++)
            t->of_user[b->rater[l]] += weight * (double)b->value[l];
    }
    for (uint32_t v = 0; v < train->n_users; v++) {
        if (t->of_user[v] == 0)
            continue;
        for (uint64_t k = train->user_start[v]; k < train->user_start[v + 1]; k++)
            t->of_item[train->item[k]] += t->of_user[v] * (double)train->value[k];
    }
}

static bool item_item_list(const void *context, void *thread, uint32_t user, const mf_left_out *out,
                           size_t n, uint32_t *items, size_t *n_list, mf_error *err)
{
    const mf_baselines *b = context;
    thread_state *t = thread;
    if (t->n_entries < n) {
        mf_free(t->entries);
        t->n_entries = 0;
        t->entries = mf_allocate(n, sizeof *t->entries, "a list", err);
        if (t->entries == NULL)
            return false;
        t->n_entries = n;
    }
    score_items(b, user, t);
    mf_best best;
    mf_best_begin(&best, t->entries, n);
    for (uint32_t i = 0; i < b->train->n_items; i++) {
        const float score = (float)(t->of_item[i] * b->inverse_length[i]);
        if (score != 0 && isfinite(score) && mf_best_wants(&best, score, i) && !is_left_out(out, i))
            mf_best_take(&best, score, i);
    }
    mf_best_sort(&best);
    *n_list = best.n;
    for (size_t j = 0; j < best.n; j++)
        items[j] = best.entries[j].item;
    return true;
}

mf_list_source mf_baselines_popularity(const mf_baselines *b)
{
    return (mf_list_source){.context = b,
                            .n_items = b->train->n_items,
                            .thread_create = popularity_thread,
                            .thread_destroy = thread_destroy,
                            .left_out = left_out,
                            .list = popularity_list};
}

mf_list_source mf_baselines_item_item(const mf_baselines *b)
{
    return (mf_list_source){.context = b,
                            .n_items = b->train->n_items,
                            .thread_create = item_item_thread,
                            .thread_destroy = thread_destroy,
                            .left_out = left_out,
                            .list = item_item_list};
}
