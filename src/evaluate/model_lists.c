/* model_lists.c: the lists that serve would return, as a source for lists.h.
 *
 * mf_top_n is the function that serve calls, with the same profile of a user of the model. Only
 * the items to leave out differ: those of training, without what is held out. */
#include "evaluate/model_lists.h"

#include "base/memory.h"

typedef struct thread_state {
    mf_workspace *workspace;
    uint32_t *left_out; /* [capacity] */
    size_t capacity;
} thread_state;

static void thread_destroy(void *thread)
{
    thread_state *t = thread;
    if (t == NULL)
        return;
    mf_workspace_destroy(t->workspace);
    mf_free(t->left_out);
    mf_free(t);
}

static void *thread_create(const void *context, mf_error *err)
{
    (void)context;
    thread_state *t = mf_allocate(1, sizeof *t, "a thread's lists", err);
    if (t == NULL)
        return NULL;
    t->workspace = mf_workspace_create(err);
    if (t->workspace != NULL)
        return t;
    thread_destroy(t);
    return NULL;
}

static bool left_out(const void *context, void *thread, uint32_t user, const uint32_t *held,
                     size_t n_held, mf_left_out *out, mf_error *err)
{
    const mf_model_lists *lists = context;
    const mf_model_parts *parts = mf_model_get(mf_recommender_model(lists->recommender));
    thread_state *t = thread;
    const uint64_t start = parts->rated_start[user];
    const size_t n_rated = (size_t)(parts->rated_start[user + 1] - start);
    const uint8_t *grades = parts->ranking.n_factors > 0 ? parts->ranking.grades : NULL;
    const uint32_t *also = NULL;
    const uint32_t *also_end = NULL;
    if (lists->also_start != NULL) {
        also = lists->also_items + lists->also_start[user];
        also_end = lists->also_items + lists->also_start[user + 1];
    }
    const size_t n_most = n_rated + (size_t)(also_end - also);
    if (n_most > t->capacity) {
        mf_free(t->left_out);
        t->capacity = 0;
        t->left_out = mf_allocate(n_most, sizeof *t->left_out, "items to leave out", err);
        if (t->left_out == NULL)
            return false;
        t->capacity = n_most;
    }
    size_t n = 0;
    size_t at = 0;
    for (size_t k = 0; k < n_rated; k++) {
        const uint32_t item = parts->rated_items[start + k];
        while (at < n_held && held[at] < item)
            at++;
        const bool is_held = at < n_held && held[at] == item;
        if (!(grades != NULL ? grades[start + k] > 0 : !is_held))
            continue;
        while (also < also_end && *also < item)
            t->left_out[n++] = *also++;
        also += also < also_end && *also == item;
        t->left_out[n++] = item;
    }
    while (also < also_end)
        t->left_out[n++] = *also++;
    *out = (mf_left_out){t->left_out, n};
    return true;
}

static bool list(const void *context, void *thread, uint32_t user, const mf_left_out *out, size_t n,
                 uint32_t *items, size_t *n_list, mf_error *err)
{
    const mf_model_lists *lists = context;
    thread_state *t = thread;
    const mf_top_n_query query = {.n = n, .order = lists->order, .diversity = lists->diversity};
    const mf_recommendation *best;
    mf_profile profile = mf_profile_of_user(lists->recommender, user);
    profile.rated = out->items;
    profile.n_rated = out->n;
    if (!mf_top_n(lists->recommender, t->workspace, &profile, &query, &best, n_list, err))
        return false;
    for (size_t j = 0; j < *n_list; j++)
        items[j] = best[j].item;
    return true;
}

mf_list_source mf_model_lists_source(const mf_model_lists *lists)
{
    return (mf_list_source){
        .context = lists,
        .n_items = mf_model_get(mf_recommender_model(lists->recommender))->n_items,
        .thread_create = thread_create,
        .thread_destroy = thread_destroy,
        .left_out = left_out,
        .list = list,
    };
}
