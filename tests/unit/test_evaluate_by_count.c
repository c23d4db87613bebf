/* test_evaluate_by_count.c: quality by how many ratings users and items have (by_count.h). */
#include "testing.h"

#include "evaluate/by_count.h"

#include <math.h>

static void groups_follow_each_other(void **state)
{
    (void)state;
    static const struct {
        uint64_t count;
        uint32_t group;
        const char *name;
    } cases[] = {{0, 0, "0"},        {1, 1, "1–4"},           {4, 1, "1–4"},
                 {5, 2, "5–9"},      {499, 7, "200–499"},     {500, 8, "500–999"},
                 {1000, 9, "1000+"}, {UINT64_MAX, 9, "1000+"}};
    char text[MF_COUNT_NAME_BYTES];
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        assert_int_equal(mf_count_group(cases[c].count), cases[c].group);
        assert_string_equal(mf_count_group_name(cases[c].group, text), cases[c].name);
    }
}

static void a_mean_has_the_interval_of_the_normal_approximation(void **state)
{
    (void)state;
    const mf_group_sums sums = {4, 10, 30}; /* 1, 2, 3, 4 */
    const mf_interval mean = mf_group_mean(&sums);
    assert_true(fabs(mean.mean - 2.5) < 1e-12);
    assert_true(fabs(mean.high - mean.mean - 1.96 * sqrt(5.0 / 3 / 4)) < 1e-12);
    assert_true(fabs(mean.mean - mean.low - (mean.high - mean.mean)) < 1e-12);
    const mf_group_sums one = {1, 3, 9};
    assert_true(mf_group_mean(&one).low == 3 && mf_group_mean(&one).high == 3);
    const mf_group_sums none = {0};
    assert_true(isnan(mf_group_mean(&none).mean));
}

/* Two users: user 0 rated items 0 and 1 in training, user 1 items 0 to 4. */
enum { ITEMS = 8 };

static uint64_t user_start[] = {0, 2, 7};
static uint32_t rated[] = {0, 1, 0, 1, 2, 3, 4};
static uint32_t item_count[ITEMS] = {2, 2, 1, 1, 1, 0, 60, 1200};
static const mf_ratings train = {
    .n_users = 2, .n_items = ITEMS, .n_ratings = 7, .user_start = user_start, .item = rated};

static void found_items_and_places_are_counted_by_the_items_ratings(void **state)
{
    (void)state;
    uint32_t users[] = {0, 1};
    uint32_t list[] = {6, 7, 5, 6, 5, MF_INDEX_NONE};
    mf_user_figures figures[2] = {{.at_k = {.ndcg = 0.5}}, {.at_k = {.ndcg = 0.25}}};
    const mf_evaluation e = {
        .k = 3, .length = 3, .n_users = 2, .user = users, .figures = figures, .list = list};
    /* User 0: items 6 and 7 relevant, 2 not, an unknown one; user 1: 4 is in training, 7 is not
     * found. */
    uint64_t start[] = {0, 4, 6};
    uint32_t item[] = {2, 6, 7, MF_INDEX_NONE, 4, 7};
    uint8_t relevant[] = {0, 1, 1, 1, 1, 1};
    const mf_held_out held = {.n_users = 2, .start = start, .item = item, .relevant = relevant};
    mf_lists_by_count by = {0};
    mf_lists_by_count_add(&e, &held, &train, item_count, &by);
    assert_int_equal(by.ndcg[1].n, 1);
    assert_true(by.ndcg[1].sum == 0.5);
    assert_int_equal(by.ndcg[2].n, 1);
    assert_true(by.ndcg[2].sum == 0.25);
    assert_int_equal(by.places[0], 2); /* item 5 */
    assert_int_equal(by.places[5], 2); /* item 6 */
    assert_int_equal(by.places[9], 1); /* item 7 */
    assert_int_equal(by.found[0].n, 1);
    assert_true(by.found[0].sum == 0);
    assert_int_equal(by.found[1].n, 0);
    assert_int_equal(by.found[5].n, 1);
    assert_true(by.found[5].sum == 1);
    assert_int_equal(by.found[9].n, 2);
    assert_true(by.found[9].sum == 1);
}

static void errors_are_those_of_the_model(void **state)
{
    (void)state;
    static float user_bias[2] = {0.5F, -0.5F};
    static float item_bias[ITEMS];
    static _Alignas(64) float factors[ITEMS * 16];
    const mf_model_parts parts = {.n_users = 2,
                                  .n_items = ITEMS,
                                  .n_factors = 1,
                                  .global_mean = 3,
                                  .rating_min = 1,
                                  .rating_max = 5,
                                  .user_bias = user_bias,
                                  .item_bias = item_bias,
                                  .user_factors = factors,
                                  .item_factors = factors};
    mf_error err = {0};
    mf_model *model = mf_model_view(&parts, &err);
    assert_non_null(model);
    uint32_t user[] = {0, 1, MF_INDEX_NONE};
    uint32_t item[] = {6, 7, MF_INDEX_NONE};
    float value[] = {4, 3, 5};
    const mf_ratings_rows rows = {3, user, item, value};
    const mf_errors_by_count by = mf_errors_by_count_of(model, &rows, &train, item_count, 100);
    assert_int_equal(by.n_rows, 3);
    assert_true(by.user[1].sum == 0.25 && by.user[2].sum == 0.25 && by.user[0].sum == 4);
    assert_true(by.item[5].sum == 0.25 && by.item[9].sum == 0.25 && by.item[0].sum == 4);
    assert_int_equal(mf_errors_by_count_of(model, &rows, &train, item_count, 2).n_rows, 2);
    assert_int_equal(mf_errors_by_count_of(model, &rows, &train, item_count, 1).n_rows, 1);
    mf_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_follow_each_other),
        cmocka_unit_test(a_mean_has_the_interval_of_the_normal_approximation),
        cmocka_unit_test(found_items_and_places_are_counted_by_the_items_ratings),
        cmocka_unit_test(errors_are_those_of_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
