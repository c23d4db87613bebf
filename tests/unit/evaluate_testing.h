/* evaluate_testing.h: ratings and held-out rows written out or drawn at random. */
#ifndef MF_TESTS_EVALUATE_TESTING_H
#define MF_TESTS_EVALUATE_TESTING_H

#include "testing.h"

#include "base/memory.h"
#include "base/random.h"
#include "evaluate/lists.h"
#include "ratings/ratings.h"

/* One rating. */
typedef struct triple {
    uint32_t user;
    uint32_t item;
    float value;
} triple;

static inline void *made(size_t count, size_t size)
{
    mf_error err = {0};
    void *block = mf_allocate(count, size, "a test", &err);
    assert_ok(block != NULL, err);
    return block;
}

/* The triples come by user, items ascending. Release it with ratings_clear. */
static inline mf_ratings ratings_of(uint32_t n_users, uint32_t n_items, const triple *triples,
                                    size_t n)
{
    mf_ratings r = {.n_users = n_users, .n_items = n_items, .n_ratings = n};
    r.user_start = made((size_t)n_users + 1, sizeof *r.user_start);
    r.item = made(n, sizeof *r.item);
    r.value = made(n, sizeof *r.value);
    for (size_t k = 0; k < n; k++) {
        r.user_start[triples[k].user + 1]++;
        r.item[k] = triples[k].item;
        r.value[k] = triples[k].value;
    }
    for (uint32_t u = 0; u < n_users; u++)
        r.user_start[u + 1] += r.user_start[u];
    return r;
}

/* Each pair with a chance of `percent`, values 1 … 5. */
static inline mf_ratings random_ratings(uint32_t n_users, uint32_t n_items, uint32_t percent,
                                        uint64_t seed)
{
    triple *triples = made((size_t)n_users * n_items, sizeof *triples);
    size_t n = 0;
    for (uint32_t u = 0; u < n_users; u++)
        for (uint32_t i = 0; i < n_items; i++) {
            const uint64_t pair = (uint64_t)u * n_items + i;
            if (mf_random_below(seed, pair, 100) < percent)
                triples[n++] = (triple){u, i, (float)(1 + mf_random_below(seed + 1, pair, 5))};
        }
    const mf_ratings r = ratings_of(n_users, n_items, triples, n);
    mf_free(triples);
    return r;
}

static inline void ratings_clear(mf_ratings *r)
{
    mf_free(r->user_start);
    mf_free(r->item);
    mf_free(r->value);
}

static inline mf_ratings_rows rows_of(const triple *triples, size_t n)
{
    mf_ratings_rows rows = {.n = n};
    rows.user = made(n, sizeof *rows.user);
    rows.item = made(n, sizeof *rows.item);
    rows.value = made(n, sizeof *rows.value);
    for (size_t k = 0; k < n; k++) {
        rows.user[k] = triples[k].user;
        rows.item[k] = triples[k].item;
        rows.value[k] = triples[k].value;
    }
    return rows;
}

static inline void rows_clear(mf_ratings_rows *rows)
{
    mf_free(rows->user);
    mf_free(rows->item);
    mf_free(rows->value);
}

static inline mf_held_out held_out_of(const triple *triples, size_t n, uint32_t n_users,
                                      float relevant_rating)
{
    mf_error err = {0};
    mf_held_out held = {0};
    mf_ratings_rows rows = rows_of(triples, n);
    assert_ok(mf_held_out_create(&rows, n_users, relevant_rating, &held, &err), err);
    rows_clear(&rows);
    return held;
}

/* All figures and lists, bit for bit. */
static inline void assert_same_evaluation(const mf_evaluation *a, const mf_evaluation *b)
{
    assert_int_equal(a->n_users, b->n_users);
    assert_int_equal(a->length, b->length);
    assert_memory_equal(a->user, b->user, a->n_users * sizeof *a->user);
    assert_memory_equal(a->figures, b->figures, a->n_users * sizeof *a->figures);
    assert_memory_equal(a->list, b->list, (size_t)a->n_users * a->length * sizeof *a->list);
    assert_true(a->coverage == b->coverage);
}

#endif
