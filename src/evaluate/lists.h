/* lists.h: how good the lists of a source are, user by user.
 *
 * A source makes lists: a model (model_lists.h) or a baseline (baselines.h). For each user with
 * something relevant held out it gives its best items, of all but those that the user rated in
 * training; metrics/ranking_metrics.h has the figures.
 *
 * (1) The same bits with any number of threads: each user's figures stand in a place of their own.
 * (2) A relevant item that the user also has in training cannot come back; it is not counted.
 *     Users that have nothing else to find are skipped.
 * (3) Users who rated nothing in training are skipped: their list is the same for everybody.
 *     They are counted in n_unknown_users.
 *
 * Threads: one caller; options.n_threads are started. */
#ifndef MF_EVALUATE_LISTS_H
#define MF_EVALUATE_LISTS_H

#include "base/error.h"
#include "evaluate/held_out.h"
#include "metrics/ranking_metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Items that stay out of a user's list, ascending. */
typedef struct mf_left_out {
    const uint32_t *items; /* [n] */
    size_t n;
} mf_left_out;

/* Who makes lists. `context` is shared by all threads and not changed, `thread` is what one
 * thread needs for itself. */
typedef struct mf_list_source {
    const void *context;
    uint32_t n_items; /* indexes of items are below it */
    void *(*thread_create)(const void *context, mf_error *err);
    void (*thread_destroy)(void *thread); /* NULL is fine */
    /* What the user rated in training. held [n_held]: his held-out items, ascending. A view that
     * lives until the thread's next call. */
    bool (*left_out)(const void *context, void *thread, uint32_t user, const uint32_t *held,
                     size_t n_held, mf_left_out *left_out, mf_error *err);
    /* The n best other items, best first, into items [n]; *n_list ≤ n of them. */
    bool (*list)(const void *context, void *thread, uint32_t user, const mf_left_out *left_out,
                 size_t n, uint32_t *items, size_t *n_list, mf_error *err);
} mf_list_source;

enum { MF_RECALL_LENGTH = 20 }; /* recall is also told at this length, whatever k is */

typedef struct mf_evaluation_options {
    uint32_t k; /* length of the lists, 1 … MF_METRICS_K_MAX */
    uint32_t n_threads;
    uint32_t max_users;           /* look at so many at most, evenly spread; 0: at all */
    const float *popularity_rank; /* [n_items] mf_popularity_ranks of training; NULL: novelty 0 */
} mf_evaluation_options;

/* One user's figures. */
typedef struct mf_user_figures {
    mf_list_metrics at_k;
    double recall_20; /* at MF_RECALL_LENGTH */
    double novelty;   /* mean popularity rank of the first k items */
} mf_user_figures;

typedef struct mf_evaluation {
    uint32_t k;
    uint32_t length;          /* of the lists below: k or MF_RECALL_LENGTH, whichever is more */
    uint32_t n_users;         /* counted */
    uint32_t *user;           /* [n_users] ascending */
    mf_user_figures *figures; /* [n_users] */
    uint32_t *list;           /* [n_users × length]; MF_INDEX_NONE behind the end of a list */
    double coverage;          /* at k */

    uint32_t n_nothing_relevant; /* skipped: users whose held-out items are none to be found */
    uint32_t n_unknown_users;    /* skipped: users who rated nothing in training */
    uint32_t n_not_looked_at;    /* skipped: more than max_users */
    uint64_t n_repeated;         /* relevant rows that were in training too, of users looked at */
} mf_evaluation;

/* Makes the lists and computes their figures. If no user has anything to find, n_users is 0 and it
 * is no failure.
 * Release with mf_evaluation_clear. Fails as the source does, and MF_ERR_ARGUMENT (k),
 * MF_ERR_MEMORY; then *evaluation is empty. Memory: 64 + 4 × length bytes per user. */
MF_MUST_CHECK bool mf_evaluate_lists(const mf_list_source *source, const mf_held_out *held_out,
                                     const mf_evaluation_options *options,
                                     mf_evaluation *evaluation, mf_error *err);

void mf_evaluation_clear(mf_evaluation *evaluation);

#endif
