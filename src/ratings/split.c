/* split.c: promises in split.h.
 *
 * The k-th smallest draw is found by its digits of 16 bits, from the top: count
 * the draws under each value of the digit, keep the value in which the k-th lies.
 * Draws are made anew in each pass: that is cheaper than keeping them. */
#include "ratings/split.h"

#include "base/memory.h"
#include "base/random.h"

enum { DIGIT_BITS = 16, DIGIT_VALUES = 1 << DIGIT_BITS, PURPOSE_SPLIT = 0x73706C };

static uint64_t draw(uint64_t key, uint32_t user, uint32_t item)
{
    return mf_random_bits(key, (uint64_t)user << 32 | item);
}

/* The smallest number that exactly `rank` draws are below; *is_all when rank is
 * the number of ratings and all of them are. */
static uint64_t threshold(const mf_ratings *all, uint64_t key, uint64_t rank, uint64_t *counts,
                          bool *is_all)
{
    uint64_t prefix = 0;
    *is_all = rank >= all->n_ratings;
    if (*is_all)
        return 0;
    for (int shift = 64 - DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS) {
        for (size_t d = 0; d < DIGIT_VALUES; d++)
            counts[d] = 0;
        for (uint32_t u = 0; u < all->n_users; u++)
            for (uint64_t k = all->user_start[u]; k < all->user_start[u + 1]; k++) {
                const uint64_t z = draw(key, u, all->item[k]);
                if (shift + DIGIT_BITS == 64 || z >> (shift + DIGIT_BITS) == prefix)
                    counts[z >> shift & (DIGIT_VALUES - 1)]++;
            }
        size_t d = 0;
        while (rank >= counts[d])
            rank -= counts[d++];
        prefix = prefix << DIGIT_BITS | d;
    }
    return prefix;
}

static bool rows_create(mf_ratings_rows *rows, uint64_t n, mf_error *err)
{
    *rows = (mf_ratings_rows){.n = n};
    rows->user = mf_allocate(n, sizeof *rows->user, "rows", err);
    rows->item = mf_allocate(n, sizeof *rows->item, "rows", err);
    rows->value = mf_allocate(n, sizeof *rows->value, "rows", err);
    if (rows->user != NULL && rows->item != NULL && rows->value != NULL)
        return true;
    mf_ratings_rows_clear(rows);
    return false;
}

void mf_ratings_rows_clear(mf_ratings_rows *rows)
{
    mf_free(rows->user);
    mf_free(rows->item);
    mf_free(rows->value);
    *rows = (mf_ratings_rows){0};
}

/* An mf_ratings for n of the ratings of `all`, still without them. */
static mf_ratings *subset_create(const mf_ratings *all, uint64_t n, mf_error *err)
{
    mf_ratings *subset = mf_allocate(1, sizeof *subset, "ratings", err);
    if (subset == NULL)
        return NULL;
    subset->n_users = all->n_users;
    subset->n_items = all->n_items;
    subset->n_ratings = n;
    subset->users = all->users;
    subset->items = all->items;
    subset->borrows_ids = true;
    subset->counts = all->counts;
    subset->user_start =
        mf_allocate((size_t)all->n_users + 1, sizeof *subset->user_start, "ratings", err);
    subset->item = mf_allocate(n, sizeof *subset->item, "ratings", err);
    subset->value = mf_allocate(n, sizeof *subset->value, "ratings", err);
    if (subset->user_start != NULL && subset->item != NULL && subset->value != NULL)
        return subset;
    mf_ratings_destroy(subset);
    return NULL;
}

/* Sets aside the ratings whose draws have the ranks from … to-1. */
static bool split_ranks(const mf_ratings *all, uint64_t from, uint64_t to, uint64_t seed,
                        mf_ratings **train, mf_ratings_rows *held_out, mf_error *err)
{
    bool ok = false;
    mf_ratings *kept = subset_create(all, all->n_ratings - (to - from), err);
    mf_ratings_rows set_aside = {0};
    uint64_t *counts = mf_allocate(DIGIT_VALUES, sizeof *counts, "counters", err);
    if (kept == NULL || counts == NULL || !rows_create(&set_aside, to - from, err))
        goto done;
    const uint64_t key = mf_random_key(seed, PURPOSE_SPLIT);
    bool low_is_all;
    bool high_is_all;
    const uint64_t low = threshold(all, key, from, counts, &low_is_all);
    const uint64_t high = threshold(all, key, to, counts, &high_is_all);
    uint64_t n_kept = 0;
    uint64_t n_aside = 0;
    for (uint32_t u = 0; u < all->n_users; u++) {
        kept->user_start[u] = n_kept;
        for (uint64_t k = all->user_start[u]; k < all->user_start[u + 1]; k++) {
            const uint64_t z = draw(key, u, all->item[k]);
            if (!low_is_all && z >= low && (high_is_all || z < high)) {
                set_aside.user[n_aside] = u;
                set_aside.item[n_aside] = all->item[k];
                set_aside.value[n_aside++] = all->value[k];
            } else {
                kept->item[n_kept] = all->item[k];
                kept->value[n_kept++] = all->value[k];
            }
        }
    }
    kept->user_start[all->n_users] = n_kept;
    *train = kept;
    kept = NULL;
    *held_out = set_aside;
    set_aside = (mf_ratings_rows){0};
    ok = true;
done:
    mf_free(counts);
    mf_ratings_rows_clear(&set_aside);
    mf_ratings_destroy(kept);
    return ok;
}

bool mf_ratings_split(const mf_ratings *all, double fraction, uint64_t seed, mf_ratings **train,
                      mf_ratings_rows *held_out, mf_error *err)
{
    if (!(fraction >= 0 && fraction <= 1))
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "a fraction of %g is not within 0 … 1",
                       fraction);
    const uint64_t n = (uint64_t)(fraction * (double)all->n_ratings + 0.5);
    return split_ranks(all, 0, n < all->n_ratings ? n : all->n_ratings, seed, train, held_out, err);
}

bool mf_ratings_split_fold(const mf_ratings *all, uint32_t fold, uint32_t n_folds, uint64_t seed,
                           mf_ratings **train, mf_ratings_rows *held_out, mf_error *err)
{
    if (fold >= n_folds)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "there is no fold %lu of %lu",
                       (unsigned long)fold, (unsigned long)n_folds);
    /* n_ratings < 2^32 and fold < 2^32: the products fit. */
    return split_ranks(all, all->n_ratings * fold / n_folds,
                       all->n_ratings * ((uint64_t)fold + 1) / n_folds, seed, train, held_out, err);
}
