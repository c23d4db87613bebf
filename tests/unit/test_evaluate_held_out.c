/* test_evaluate_held_out.c: what there is to find (held_out.h). */
#include "evaluate_testing.h"

#include <math.h>

static void rows_in_any_order_stand_by_user_and_item(void **state)
{
    (void)state;
    const triple rows[] = {
        {2, 7, 5},
        {0, 3, 4},
        {2, MF_INDEX_NONE, 5},
        {0, 1, 3.5f},
        {2, 2, 1},
        {MF_INDEX_NONE, 1, 5},
        {2, 0, 4},
        {MF_INDEX_NONE, MF_INDEX_NONE, 5},
    };
    mf_held_out held = held_out_of(rows, 8, 3, 4);
    const uint64_t start[] = {0, 2, 2, 6};
    const uint32_t item[] = {1, 3, 0, 2, 7, MF_INDEX_NONE};
    const uint8_t relevant[] = {0, 1, 1, 0, 1, 1};
    assert_memory_equal(held.start, start, sizeof start);
    assert_memory_equal(held.item, item, sizeof item);
    assert_memory_equal(held.relevant, relevant, sizeof relevant);
    assert_int_equal(held.n_rows, 8);
    assert_int_equal(held.n_relevant, 4);
    assert_int_equal(held.n_unknown_user_rows, 2);
    assert_int_equal(held.n_unknown_item_rows, 1);
    mf_held_out_clear(&held);
    mf_held_out_clear(&held);
}

static void without_a_threshold_every_row_is_relevant(void **state)
{
    (void)state;
    const triple rows[] = {{0, 0, -1e30f}, {0, 1, 0}};
    mf_held_out held = held_out_of(rows, 2, 1, -INFINITY);
    assert_int_equal(held.n_relevant, 2);
    mf_held_out_clear(&held);
}

static void nothing_held_out_is_fine(void **state)
{
    (void)state;
    mf_held_out held = held_out_of(NULL, 0, 4, 4);
    assert_int_equal(held.start[4], 0);
    assert_int_equal(held.n_relevant, 0);
    mf_held_out_clear(&held);
}

static void a_user_out_of_range_is_refused(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_held_out held = {0};
    const triple row[] = {{0, 0, 1}, {3, 0, 1}};
    mf_ratings_rows rows = rows_of(row, 2);
    assert_false(mf_held_out_create(&rows, 3, 4, &held, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "held-out row 1 has user 3 of 3 users");
    assert_null(held.start);
    rows_clear(&rows);
}

static void each_failing_allocation_is_an_error(void **state)
{
    (void)state;
    const triple row[] = {{0, 0, 1}, {1, 0, 1}};
    mf_ratings_rows rows = rows_of(row, 2);
    bool ok = false;
    for (size_t n = 1; !ok; n++) {
        mf_error err = {0};
        mf_held_out held = {0};
        mf_memory_fail_nth(n);
        ok = mf_held_out_create(&rows, 3, 4, &held, &err);
        mf_memory_fail_nth(0);
        if (!ok)
            assert_error(&err, MF_ERR_MEMORY, "held-out");
        mf_held_out_clear(&held);
        assert_true(n < 100);
    }
    rows_clear(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_in_any_order_stand_by_user_and_item),
        cmocka_unit_test(without_a_threshold_every_row_is_relevant),
        cmocka_unit_test(nothing_held_out_is_fine),
        cmocka_unit_test(a_user_out_of_range_is_refused),
        cmocka_unit_test(each_failing_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
