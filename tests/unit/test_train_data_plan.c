/* test_train_data_plan.c: which names of files are those of parts of one thing. */
#include "testing.h"

#include "train/data_plan.h"

static void parts_have_names_that_differ_in_digits_or_in_splits_letters(void **state)
{
    static const char *const alike[][2] = {
        {"xaa", "xab"},
        {"xaa.csv", "xab.csv"},
        {"ratings_aa", "ratings_ab"},
        {"ratings.csv.aa", "ratings.csv.ab"},
        {"ratings.csv.az", "ratings.csv.ba"},
        {"ratings.csv.000", "ratings.csv.001"},
        {"part-00000.csv", "part-00001.csv"},
        {"year=2020/part-00000.csv", "year=2021/part-00007.csv"},
        {"part-00000-1b2c3d4e-c000.csv.gz", "part-00001-99ffeeaa-c000.csv"},
        {"part-00000.csv.zst", "part-00001.csv.gz"},
        {"ratings1.csv", "ratings22.txt"},
    };
    static const char *const unlike[][2] = {
        {"ratings.csv", "movies.csv"}, {"users.dat", "ratings.dat"},
        {"u1.base", "u1.item"},        {"links.csv", "tags.csv"},
        {"u.data", "u.item"},          {"ratings1.csv", "tags1.csv"},
        {"train.csv", "train.json"},   {"part-0.csv", "part-0.parquet"},
        {"u.csv.gz", "u.csv.xz"},      {"ratings.us", "ratings.fr"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof alike / sizeof alike[0]; i++)
        if (!mf_data_names_are_alike(alike[i][0], alike[i][1]))
            fail_msg("%s and %s are parts of one thing", alike[i][0], alike[i][1]);
    for (size_t i = 0; i < sizeof unlike / sizeof unlike[0]; i++)
        if (mf_data_names_are_alike(unlike[i][0], unlike[i][1]))
            fail_msg("%s and %s are two things", unlike[i][0], unlike[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_have_names_that_differ_in_digits_or_in_splits_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
