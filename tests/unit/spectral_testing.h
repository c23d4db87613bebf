/* spectral_testing.h: what the tests of the ranking model's trainer share: inputs made of a
 * table, runs to the end, and comparisons of what was learned. */
#ifndef MF_TESTS_SPECTRAL_TESTING_H
#define MF_TESTS_SPECTRAL_TESTING_H

#include "testing.h"

#include "base/memory.h"
#include "base/random.h"
#include "model/model.h"
#include "spectral/spectral.h"

#include <math.h>

enum { NO_PAIR = -1 };

/* The grade code of a pair, 0 … 255, or NO_PAIR. */
typedef int grade_of(uint32_t user, uint32_t item);

/* An input with the arrays that belong to it. Times: each user's in a shuffled order. */
typedef struct made_input {
    mf_spectral_input input;
    uint64_t *user_start;
    uint32_t *item;
    uint8_t *grade;
    uint32_t *time_rank;
    uint8_t *relevant;
} made_input;

/* Distinct ranks 0, 2, …, by a random value of each rating. */
static inline void rank_times(const made_input *m, uint32_t user)
{
    const uint64_t begin = m->user_start[user];
    const uint64_t end = m->user_start[user + 1];
    for (uint64_t k = begin; k < end; k++) {
        m->time_rank[k] = 0;
        for (uint64_t j = begin; j < end; j++)
            if (mf_random_bits(user, m->item[j]) < mf_random_bits(user, m->item[k]))
                m->time_rank[k] += 2;
    }
}

static inline made_input make_input(uint32_t n_users, uint32_t n_items, grade_of *grade,
                                    bool with_times)
{
    mf_error err = {0};
    made_input m = {0};
    const size_t cells = (size_t)n_users * n_items;
    m.user_start = mf_allocate((size_t)n_users + 1, sizeof *m.user_start, "input", &err);
    m.item = mf_allocate(cells, sizeof *m.item, "input", &err);
    m.grade = mf_allocate(cells, sizeof *m.grade, "input", &err);
    m.time_rank = mf_allocate(cells, sizeof *m.time_rank, "input", &err);
    m.relevant = mf_allocate(cells, sizeof *m.relevant, "input", &err);
    assert_true(m.user_start != NULL && m.item != NULL && m.grade != NULL && m.time_rank != NULL &&
                m.relevant != NULL);
    uint64_t n = 0;
    for (uint32_t u = 0; u < n_users; u++) {
        for (uint32_t i = 0; i < n_items; i++)
            if (grade(u, i) != NO_PAIR) {
                m.item[n] = i;
                m.grade[n] = (uint8_t)grade(u, i);
                m.relevant[n++] = grade(u, i) >= 128;
            }
        m.user_start[u + 1] = n;
        rank_times(&m, u);
    }
    m.input = (mf_spectral_input){n_users,   n_items, m.user_start,
                                  m.item,    m.grade, with_times ? m.time_rank : NULL,
                                  m.relevant};
    return m;
}

static inline void clear_input(made_input *m)
{
    mf_free(m->user_start);
    mf_free(m->item);
    mf_free(m->grade);
    mf_free(m->time_rank);
    mf_free(m->relevant);
}

/* Everything given but the number of threads; exact enough for comparisons. */
static inline mf_spectral_options given_options(uint32_t n_factors, double regularization)
{
    return (mf_spectral_options){
        .n_factors = n_factors,
        .regularization = regularization,
        .recency = 0.5,
        .prior = 0.25,
        .max_steps = 200,
        .tolerance = 1e-7,
        .seed = 7,
        .n_threads = 1,
        .fingerprint = 99,
    };
}

static inline mf_spectral_options auto_options(void)
{
    mf_spectral_options options = given_options(0, MF_SPECTRAL_AUTO);
    options.recency = MF_SPECTRAL_AUTO;
    options.prior = MF_SPECTRAL_AUTO;
    options.tolerance = 1e-3;
    options.max_steps = 40;
    return options;
}

static inline mf_spectral *new_spectral(const mf_spectral_options *options,
                                        const mf_spectral_input *input)
{
    mf_error err = {0};
    mf_spectral *spectral = mf_spectral_create(options, input, &err);
    assert_ok(spectral != NULL, err);
    return spectral;
}

/* Steps until it is done or `steps` were made; returns how many. */
static inline uint32_t run_steps(mf_spectral *spectral, uint32_t steps)
{
    mf_error err = {0};
    uint32_t n = 0;
    for (; n < steps && !mf_spectral_done(spectral); n++)
        assert_ok(mf_spectral_step(spectral, &err), err);
    return n;
}

static inline mf_spectral_result get_result(mf_spectral *spectral)
{
    mf_error err = {0};
    mf_spectral_result result;
    assert_ok(mf_spectral_result_get(spectral, &result, &err), err);
    return result;
}

static inline mf_spectral *learn(const mf_spectral_options *options, const mf_spectral_input *input)
{
    mf_spectral *spectral = new_spectral(options, input);
    run_steps(spectral, UINT32_MAX);
    return spectral;
}

static inline void assert_same_result(const mf_spectral_result *a, const mf_spectral_result *b,
                                      uint32_t n_items)
{
    assert_int_equal(a->n_factors, b->n_factors);
    const size_t row = mf_model_stride(a->n_factors) * sizeof(float);
    assert_memory_equal(&a->regularization, &b->regularization, sizeof(float));
    assert_memory_equal(&a->recency, &b->recency, sizeof(float));
    assert_memory_equal(&a->prior, &b->prior, sizeof(float));
    assert_memory_equal(a->item_vectors, b->item_vectors, n_items * row);
    assert_memory_equal(a->mean_profile, b->mean_profile, row);
    assert_memory_equal(a->spectrum, b->spectrum, a->n_factors * sizeof(float));
    assert_int_equal(a->converged, b->converged);
    assert_int_equal(a->steps, b->steps);
    assert_int_equal(a->n_choices, b->n_choices);
    assert_int_equal(a->chosen, b->chosen);
    for (uint32_t c = 0; c < a->n_choices; c++)
        assert_true(a->choices[c].ndcg == b->choices[c].ndcg &&
                    a->choices[c].regularization == b->choices[c].regularization &&
                    a->choices[c].n_factors == b->choices[c].n_factors);
}

/* --- tables ------------------------------------------------------------------- */

/* A third of the pairs, of rank three. */
static inline int rank_three(uint32_t user, uint32_t item)
{
    if (mf_random_unit(31, (uint64_t)user << 32 | item) > 0.35f)
        return NO_PAIR;
    double sum = 0;
    for (uint32_t f = 0; f < 3; f++)
        sum += (double)mf_random_normal(32 + f, user) * (double)mf_random_normal(42 + f, item);
    const double code = 128 + 50 * sum;
    return code < 1 ? 1 : code > 255 ? 255 : (int)code;
}

/* Two kinds of users: each rates the items of its kind and likes them. */
static inline int two_kinds(uint32_t user, uint32_t item)
{
    if (mf_random_unit(33, (uint64_t)user << 32 | item) < 0.4f)
        return NO_PAIR;
    return user % 2 == item % 2 ? 240 : 20;
}

#endif
