/* test_csv_column_names.c: the promises of csv/column_names.h. */
#include "testing.h"

#include "csv/column_names.h"

static bool is(const char *name, const char *usual)
{
    return mf_column_name_is(name, strlen(name), usual);
}

static bool is_among(const char *name, const char *const *usual)
{
    return mf_column_name_among(name, strlen(name), usual);
}

static void names_are_compared_without_case_punctuation_and_type(void **state)
{
    (void)state;
    static const char *const same[] = {"userid",        "userId",        "USER_ID",  "User-ID",
                                       "user_id:token", "user_id:FLOAT", "\"userId", " user id "};
    static const char *const others[] = {
        "", "user", "userids", "xuserid", "user_id:int", ":token", "\xC3\xBCserid"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        if (!is(same[i], "userid"))
            fail_msg("\"%s\" is not userid", same[i]);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (is(others[i], "userid"))
            fail_msg("\"%s\" is userid", others[i]);
    assert_int_equal(mf_column_name_bytes("item_id:token_seq", 17), 7);
    assert_int_equal(mf_column_name_bytes(":token", 6), 6);
}

static void each_list_has_the_names_of_its_column(void **state)
{
    (void)state;
    static const char *const users[] = {"userId", "reviewerID", "uid", "user_id:token",
                                        "CustomerID"};
    static const char *const items[] = {"movieId", "asin", "iid", "ISBN", "track", "item_id:token"};
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        assert_true(is_among(users[i], mf_column_user_names));
        assert_false(is_among(users[i], mf_column_item_names));
    }
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        assert_true(is_among(items[i], mf_column_item_names));
        assert_false(is_among(items[i], mf_column_user_names));
    }
    assert_true(is_among("Rating", mf_column_rating_names));
    assert_true(is_among("play_count", mf_column_weight_names));
    assert_true(is_among("unix_timestamp", mf_column_time_names));
    assert_true(is_among("date", mf_column_weak_time_names));
    assert_false(is_among("date", mf_column_time_names));
    assert_false(is_among("2959", mf_column_item_names));
}

/* A name that stood in two lists would be a header of two columns of one kind. */
static void no_name_is_in_two_lists(void **state)
{
    (void)state;
    const char *const *const lists[] = {mf_column_user_names,   mf_column_item_names,
                                        mf_column_rating_names, mf_column_weight_names,
                                        mf_column_time_names,   mf_column_weak_time_names};
    enum { LISTS = sizeof lists / sizeof lists[0] };
    for (size_t a = 0; a < LISTS; a++)
        for (size_t b = 0; b < LISTS; b++)
            for (const char *const *name = lists[a]; *name != NULL; name++)
                if (is_among(*name, lists[b]) != (a == b))
                    fail_msg("%s is in lists %zu and %zu", *name, a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_compared_without_case_punctuation_and_type),
        cmocka_unit_test(each_list_has_the_names_of_its_column),
        cmocka_unit_test(no_name_is_in_two_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
