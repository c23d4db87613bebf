/* split.c: what is set aside is found by one selection, whatever the kind.
 *
 * Every kind of split is a range of numbers that ratings have: draws, times, or a
 * user's ratings in order of age. The k-th smallest of all is found by its digits of
 * 16 bits, from the top: count the numbers under each value of the digit, keep the
 * value in which the k-th lies. Numbers are made anew in each pass: that is cheaper
 * than keeping them. */
#include "ratings/split.h"

#include "base/memory.h"
#include "base/random.h"
#include "ratings/sort.h"
#include "ratings/store.h"
#include "ratings/time_rank.h"

enum { DIGIT_BITS = 16, DIGIT_VALUES = 1 << DIGIT_BITS, PURPOSE_SPLIT = 0x73706C };

/* Where the numbers come from. */
typedef struct numbering {
    const mf_ratings *all;
    mf_split_kind kind;
    uint64_t key; /* of draws */
} numbering;

/* The number of rating k, which is one of user u's. In splits by user no two of a
 * user's ratings have the same, and the largest ones are set aside. */
static uint64_t number_of(const numbering *n, uint32_t u, uint64_t k)
{
    const uint32_t item = n->all->item[k];
    switch (n->kind) {
    case MF_SPLIT_TIME:
    case MF_SPLIT_LEAVE_LAST:
        return (uint64_t)n->all->time_rank[k] << 32 | item;
    case MF_SPLIT_GLOBAL_TIME:
        return mf_time_key(n->all->time[k]);
    case MF_SPLIT_RANDOM:
    case MF_SPLIT_USER_RANDOM:
        break;
    }
    return mf_random_bits(n->key, (uint64_t)u << 32 | item);
}

/* The number of the rating that stands at place `rank`, from 0, in their order, and
 * how many are smaller. counts [DIGIT_VALUES]. */
static uint64_t number_at(const numbering *n, uint64_t rank, uint64_t *counts, uint64_t *n_smaller)
{
    const mf_ratings *all = n->all;
    uint64_t prefix = 0;
    *n_smaller = rank;
    for (int shift = 64 - DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS) {
        for (size_t d = 0; d < DIGIT_VALUES; d++)
            counts[d] = 0;
        for (uint32_t u = 0; u < all->n_users; u++)
            for (uint64_t k = all->user_start[u]; k < all->user_start[u + 1]; k++) {
                const uint64_t z = number_of(n, u, k);
                if (shift + DIGIT_BITS == 64 || z >> (shift + DIGIT_BITS) == prefix)
                    counts[z >> shift & (DIGIT_VALUES - 1)]++;
            }
        size_t d = 0;
        while (rank >= counts[d])
            rank -= counts[d++];
        prefix = prefix << DIGIT_BITS | d;
    }
    *n_smaller -= rank; /* what is left counts the equal ones before it */
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
    subset->feedback = all->feedback;
    subset->users = all->users;
    subset->items = all->items;
    subset->borrows_ids = true;
    subset->counts = all->counts;
    subset->user_start =
        mf_allocate((size_t)all->n_users + 1, sizeof *subset->user_start, "ratings", err);
    subset->item = mf_allocate(n, sizeof *subset->item, "ratings", err);
    subset->value = mf_allocate(n, sizeof *subset->value, "ratings", err);
    if (subset->user_start == NULL || subset->item == NULL || subset->value == NULL)
        goto failed;
    if (all->time_rank != NULL) {
        subset->time_rank = mf_allocate(n, sizeof *subset->time_rank, "ratings", err);
        if (subset->time_rank == NULL)
            goto failed;
    }
    if (all->time != NULL) {
        subset->time = mf_allocate(n, sizeof *subset->time, "ratings", err);
        if (subset->time == NULL)
            goto failed;
    }
    return subset;
failed:
    mf_ratings_destroy(subset);
    return NULL;
}

/* What is set aside: ratings whose number is within low … high, and in splits by
 * user each user's n_aside(n) largest. */
typedef struct choice {
    numbering by;
    bool per_user;
    bool is_none;       /* not per_user: nothing at all */
    uint64_t low, high; /* not per_user; both belong to it */
    double fraction;    /* per_user */
    uint64_t *numbers;  /* [2 longest] per_user: one user's */
} choice;

static uint64_t part_of(double fraction, uint64_t n)
{
    const uint64_t part = (uint64_t)(fraction * (double)n + 0.5);
    return part < n ? part : n;
}

/* How many of a user's n ratings are set aside. */
static uint64_t n_aside_of_user(const choice *c, uint64_t n)
{
    const uint64_t wanted = c->by.kind == MF_SPLIT_LEAVE_LAST ? 1 : part_of(c->fraction, n);
    return wanted < n ? wanted : n > 0 ? n - 1 : 0;
}

static void swap_halves(uint64_t *numbers, uint64_t n)
{
    for (uint64_t k = 0; k < n; k++)
        numbers[k] = numbers[k] << 32 | numbers[k] >> 32;
}

/* Sorts a user's numbers by their lower halves, then by their upper ones. */
static void sort_numbers(uint64_t *numbers, uint32_t n)
{
    swap_halves(numbers, n);
    mf_sort_keys(numbers, n, numbers + n);
    swap_halves(numbers, n);
    mf_sort_keys(numbers, n, numbers + n);
}

/* The least number of user u that is set aside; false when none is. */
static bool least_aside(const choice *c, uint32_t u, uint64_t *least)
{
    const mf_ratings *all = c->by.all;
    const uint64_t at = all->user_start[u];
    const uint64_t n = all->user_start[u + 1] - at;
    const uint64_t n_aside = n_aside_of_user(c, n);
    if (n_aside == 0)
        return false;
    for (uint64_t k = 0; k < n; k++)
        c->numbers[k] = number_of(&c->by, u, at + k);
    sort_numbers(c->numbers, (uint32_t)n);
    *least = c->numbers[n - n_aside];
    return true;
}

static uint64_t count_aside(const choice *c)
{
    const mf_ratings *all = c->by.all;
    uint64_t n = 0;
    for (uint32_t u = 0; u < all->n_users; u++) {
        if (c->per_user) {
            n += n_aside_of_user(c, all->user_start[u + 1] - all->user_start[u]);
            continue;
        }
        for (uint64_t k = all->user_start[u]; !c->is_none && k < all->user_start[u + 1]; k++) {
            const uint64_t z = number_of(&c->by, u, k);
            n += z >= c->low && z <= c->high;
        }
    }
    return n;
}

/* Deals user u's ratings out to both parts. */
static void deal_user(const choice *c, uint32_t u, mf_ratings *kept, uint64_t *n_kept,
                      mf_ratings_rows *aside, uint64_t *n_aside)
{
    const mf_ratings *all = c->by.all;
    uint64_t low = c->low;
    uint64_t high = c->high;
    bool is_any = !c->is_none;
    if (c->per_user) {
        is_any = least_aside(c, u, &low);
        high = UINT64_MAX;
    }
    for (uint64_t k = all->user_start[u]; k < all->user_start[u + 1]; k++) {
        const uint64_t z = number_of(&c->by, u, k);
        if (is_any && z >= low && z <= high) {
            aside->user[*n_aside] = u;
            aside->item[*n_aside] = all->item[k];
            aside->value[(*n_aside)++] = all->value[k];
            continue;
        }
        kept->item[*n_kept] = all->item[k];
        kept->value[*n_kept] = all->value[k];
        if (kept->time_rank != NULL)
            kept->time_rank[*n_kept] = all->time_rank[k];
        if (kept->time != NULL)
            kept->time[*n_kept] = all->time[k];
        (*n_kept)++;
    }
}

static uint64_t longest_user(const mf_ratings *all)
{
    uint64_t longest = 0;
    for (uint32_t u = 0; u < all->n_users; u++)
        if (all->user_start[u + 1] - all->user_start[u] > longest)
            longest = all->user_start[u + 1] - all->user_start[u];
    return longest;
}

/* c->numbers may be NULL; it is this function's own. */
static bool split_by(choice *c, mf_ratings **train, mf_ratings_rows *held_out, mf_error *err)
{
    bool ok = false;
    const mf_ratings *all = c->by.all;
    mf_ratings *kept = NULL;
    mf_ratings_rows aside = {0};
    const uint64_t longest = longest_user(all);
    /* One user's numbers, then keys for the ranks of the times that are left. */
    c->numbers = mf_allocate(2 * longest, sizeof *c->numbers, "numbers", err);
    if (c->numbers == NULL)
        goto done;
    const uint64_t n = count_aside(c);
    kept = subset_create(all, all->n_ratings - n, err);
    if (kept == NULL || !rows_create(&aside, n, err))
        goto done;
    uint64_t n_kept = 0;
    uint64_t n_aside = 0;
    for (uint32_t u = 0; u < all->n_users; u++) {
        const uint64_t at = n_kept;
        kept->user_start[u] = at;
        deal_user(c, u, kept, &n_kept, &aside, &n_aside);
        if (kept->time_rank != NULL)
            mf_time_rank((uint32_t)(n_kept - at), kept->time_rank + at, NULL, c->numbers);
    }
    kept->user_start[all->n_users] = n_kept;
    *train = kept;
    kept = NULL;
    *held_out = aside;
    aside = (mf_ratings_rows){0};
    ok = true;
done:
    mf_free(c->numbers);
    mf_ratings_rows_clear(&aside);
    mf_ratings_destroy(kept);
    return ok;
}

/* Sets aside the ratings whose draws have the ranks from … to-1. */
static bool split_ranks(const mf_ratings *all, uint64_t from, uint64_t to, uint64_t seed,
                        mf_ratings **train, mf_ratings_rows *held_out, mf_error *err)
{
    choice c = {.by = {all, MF_SPLIT_RANDOM, mf_random_key(seed, PURPOSE_SPLIT)},
                .is_none = from == to};
    uint64_t n_smaller;
    uint64_t *counts = mf_allocate(DIGIT_VALUES, sizeof *counts, "counters", err);
    if (counts == NULL)
        return false;
    if (!c.is_none) {
        c.low = number_at(&c.by, from, counts, &n_smaller);
        c.high = number_at(&c.by, to - 1, counts, &n_smaller);
    }
    mf_free(counts);
    return split_by(&c, train, held_out, err);
}

static bool check_fraction(double fraction, mf_error *err)
{
    return (fraction >= 0 && fraction <= 1) ||
           mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "a fraction of %g is not within 0 … 1",
                   fraction);
}

bool mf_ratings_split(const mf_ratings *all, double fraction, uint64_t seed, mf_ratings **train,
                      mf_ratings_rows *held_out, mf_error *err)
{
    return check_fraction(fraction, err) &&
           split_ranks(all, 0, part_of(fraction, all->n_ratings), seed, train, held_out, err);
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

/* Chooses everything that is newer than the newest rating to be kept, or the ratings
 * of its moment as well when that comes nearer to n_wanted. */
static void choose_moment(choice *c, uint64_t n_wanted, uint64_t *counts)
{
    const uint64_t n = c->by.all->n_ratings;
    uint64_t n_older; /* than the moment */
    c->is_none = n_wanted == 0 || n == 0;
    if (c->is_none)
        return;
    const uint64_t n_kept = n > n_wanted ? n - n_wanted : 1;
    const uint64_t moment = number_at(&c->by, n_kept - 1, counts, &n_older);
    c->high = UINT64_MAX;
    c->low = moment + 1; /* no number is UINT64_MAX: that would be a NaN */
    const uint64_t n_newer = count_aside(c);
    if (n_older > 0 && n - n_older - n_wanted < n_wanted - n_newer)
        c->low = moment;
}

static bool split_at_moment(const mf_ratings *all, double fraction, mf_ratings **train,
                            mf_ratings_rows *held_out, mf_error *err)
{
    choice c = {.by = {all, MF_SPLIT_GLOBAL_TIME, 0}};
    uint64_t *counts = mf_allocate(DIGIT_VALUES, sizeof *counts, "counters", err);
    if (counts == NULL)
        return false;
    choose_moment(&c, part_of(fraction, all->n_ratings), counts);
    mf_free(counts);
    return split_by(&c, train, held_out, err);
}

bool mf_ratings_split_by(const mf_ratings *all, mf_split_kind kind, double fraction, uint64_t seed,
                         mf_ratings **train, mf_ratings_rows *held_out, mf_error *err)
{
    if (kind != MF_SPLIT_LEAVE_LAST && !check_fraction(fraction, err))
        return false;
    if (kind == MF_SPLIT_RANDOM)
        return mf_ratings_split(all, fraction, seed, train, held_out, err);
    if (kind != MF_SPLIT_USER_RANDOM && all->time_rank == NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "a split by time needs a column with timestamps, and no file has one");
    if (kind == MF_SPLIT_GLOBAL_TIME && all->time == NULL)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "the times of ratings were not kept");
    if (kind == MF_SPLIT_GLOBAL_TIME)
        return split_at_moment(all, fraction, train, held_out, err);
    choice c = {.by = {all, kind, mf_random_key(seed, PURPOSE_SPLIT)},
                .per_user = true,
                .fraction = fraction};
    return split_by(&c, train, held_out, err);
}
