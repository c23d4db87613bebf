/* test_train_rated.c: who rated what, merged from a base model, ratings and held-out ones. */
#include "testing.h"

#include "base/memory.h"
#include "train/rated.h"

#include <math.h>

/* Three users, five items. */
static const mf_grading grading = {MF_GRADING_LOGISTIC, 3, 1};
enum { N_USERS = 3, N_ITEMS = 5 };

static mf_ratings ratings_of(uint64_t *start, uint32_t *item, float *value, uint32_t *time_rank)
{
    return (mf_ratings){
        .n_users = N_USERS,
        .n_items = N_ITEMS,
        .n_ratings = start[N_USERS],
        .user_start = start,
        .item = item,
        .value = value,
        .time_rank = time_rank,
    };
}

static uint8_t code(float value)
{
    return mf_grade_code(&grading, value);
}

static void without_a_base_or_a_split_the_lists_are_those_of_the_ratings(void **state)
{
    (void)state;
    uint64_t start[] = {0, 2, 2, 5};
    uint32_t item[] = {0, 3, 0, 1, 4};
    float value[] = {5, 1, 3, 4, 2};
    uint32_t time_rank[] = {2, 0, 0, 4, 2};
    const mf_ratings all = ratings_of(start, item, value, time_rank);
    mf_error err = {0};
    mf_rated rated;
    assert_ok(mf_rated_create(&rated, NULL, &all, &all, &grading, 3, 2, &err), err);
    assert_true(rated.borrows && rated.items == item && rated.time_ranks == time_rank);
    for (int k = 0; k < 5; k++) {
        assert_int_equal(rated.grades[k], code(value[k]));
        assert_int_equal(rated.relevant[k], value[k] >= 3);
    }
    mf_rated_release(&rated);
    assert_ok(mf_rated_create(&rated, NULL, &all, &all, NULL, 0, 1, &err), err);
    assert_null(rated.grades);
    mf_rated_release(&rated);
}

static void held_out_ratings_are_listed_without_a_grade(void **state)
{
    (void)state;
    uint64_t start[] = {0, 3, 4, 5};
    uint32_t item[] = {0, 2, 3, 1, 4};
    float value[] = {5, 4, 1, 3, 2};
    uint32_t time_rank[] = {4, 0, 2, 0, 0};
    uint64_t train_start[] = {0, 2, 3, 4};
    uint32_t train_item[] = {0, 3, 1, 4};
    float train_value[] = {5, 1, 3, 2};
    uint32_t train_rank[] = {2, 0, 0, 0};
    const mf_ratings all = ratings_of(start, item, value, time_rank);
    const mf_ratings train = ratings_of(train_start, train_item, train_value, train_rank);
    mf_error err = {0};
    mf_rated rated;
    assert_ok(mf_rated_create(&rated, NULL, &all, &train, &grading, 3, 2, &err), err);
    assert_memory_equal(rated.start, start, sizeof start);
    assert_memory_equal(rated.items, item, sizeof item);
    const uint8_t grades[] = {code(5), 0, code(1), code(3), code(2)};
    const uint32_t ranks[] = {2, 0, 0, 0, 0};
    assert_memory_equal(rated.grades, grades, sizeof grades);
    assert_memory_equal(rated.time_ranks, ranks, sizeof ranks);
    assert_int_equal(rated.relevant[1], 0);
    mf_rated_release(&rated);
}

/* Items 1 and 2 of user 0 come from the base, 2 is rated again; item 4 is new. */
static mf_model_parts base_parts(const uint8_t *grades, const uint32_t *ranks)
{
    static const uint64_t start[] = {0, 3, 4};
    static const uint32_t items[] = {0, 1, 2, 3};
    return (mf_model_parts){
        .n_users = 2,
        .n_items = 4,
        .n_rated = 4,
        .rated_start = start,
        .rated_items = items,
        .ranking = {.n_factors = grades != NULL ? 1 : 0, .grades = grades, .time_ranks = ranks},
    };
}

static uint64_t new_start[] = {0, 2, 2, 3};
static uint32_t new_item[] = {2, 4, 0};
static float new_value[] = {5, 1, 4};

static void a_bases_ratings_are_older_and_new_ones_take_their_place(void **state)
{
    (void)state;
    const uint8_t base_grades[] = {9, 0, 7, 200};
    const uint32_t base_ranks[] = {2, 0, 0, 0}; /* item 2 before item 0 */
    uint32_t new_rank[] = {2, 0, 0};
    const mf_model_parts base = base_parts(base_grades, base_ranks);
    const mf_ratings all = ratings_of(new_start, new_item, new_value, new_rank);
    mf_error err = {0};
    mf_rated rated;
    assert_ok(mf_rated_create(&rated, &base, &all, &all, &grading, 3, 3, &err), err);
    const uint64_t start[] = {0, 4, 5, 6};
    const uint32_t items[] = {0, 1, 2, 4, 3, 0};
    const uint8_t grades[] = {9, 0, code(5), code(1), 200, code(4)};
    /* User 0: item 0 (base), item 4, item 2. Item 1 has no grade and no rank. */
    const uint32_t ranks[] = {0, 0, 4, 2, 0, 0};
    assert_memory_equal(rated.start, start, sizeof start);
    assert_memory_equal(rated.items, items, sizeof items);
    assert_memory_equal(rated.grades, grades, sizeof grades);
    assert_memory_equal(rated.time_ranks, ranks, sizeof ranks);
    mf_rated_release(&rated);
}

static void equal_times_share_their_mean_rank_after_merging(void **state)
{
    (void)state;
    const uint8_t base_grades[] = {9, 8, 7, 200};
    const mf_model_parts base = base_parts(base_grades, NULL); /* all its times are equal */
    const mf_ratings all = ratings_of(new_start, new_item, new_value, NULL);
    mf_error err = {0};
    mf_rated rated;
    assert_ok(mf_rated_create(&rated, &base, &all, &all, &grading, 3, 1, &err), err);
    /* Items 0 and 1 from the base: ranks 0 and 1, so 1 each; 2 and 4 new: 2 and 3, so 5. */
    const uint32_t ranks[] = {1, 1, 5, 5, 0, 0};
    assert_memory_equal(rated.time_ranks, ranks, sizeof ranks);
    mf_rated_release(&rated);
}

static void a_base_without_a_ranking_model_gives_no_grades(void **state)
{
    (void)state;
    const mf_model_parts base = base_parts(NULL, NULL);
    const mf_ratings all = ratings_of(new_start, new_item, new_value, NULL);
    mf_error err = {0};
    mf_rated rated;
    assert_ok(mf_rated_create(&rated, &base, &all, &all, &grading, 3, 1, &err), err);
    const uint8_t grades[] = {0, 0, code(5), code(1), 0, code(4)};
    assert_memory_equal(rated.grades, grades, sizeof grades);
    assert_null(rated.time_ranks);
    mf_rated_release(&rated);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    const uint8_t base_grades[] = {9, 0, 7, 200};
    const uint32_t base_ranks[] = {2, 0, 0, 0};
    const mf_model_parts base = base_parts(base_grades, base_ranks);
    const mf_ratings all = ratings_of(new_start, new_item, new_value, NULL);
    bool done = false;
    for (size_t nth = 1; !done; nth++) {
        mf_error err = {0};
        mf_rated rated;
        mf_memory_fail_nth(nth);
        done = mf_rated_create(&rated, &base, &all, &all, &grading, 3, 1, &err);
        mf_memory_fail_nth(0);
        if (!done)
            assert_int_equal(err.code, MF_ERR_MEMORY);
        assert_true(done || rated.start == NULL);
        mf_rated_release(&rated);
        assert_true(nth < 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_base_or_a_split_the_lists_are_those_of_the_ratings),
        cmocka_unit_test(held_out_ratings_are_listed_without_a_grade),
        cmocka_unit_test(a_bases_ratings_are_older_and_new_ones_take_their_place),
        cmocka_unit_test(equal_times_share_their_mean_rank_after_merging),
        cmocka_unit_test(a_base_without_a_ranking_model_gives_no_grades),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
