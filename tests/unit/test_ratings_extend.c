/* test_ratings_extend.c: ratings in the index space of an earlier model. */
#include "ratings_testing.h"
#include "shuffle.h"

#include "ratings/extend.h"

static mf_id_list ids(uint32_t n, const uint64_t *start, const char *bytes)
{
    return (mf_id_list){n, start, bytes};
}

/* "a", "b", "cc", as an earlier model has them. */
static const uint64_t abc_start[] = {0, 1, 2, 4};
#define ABC ids(3, abc_start, "abcc")
static const uint64_t none_start[] = {0};
#define NONE ids(0, none_start, "")

static mf_ratings *read_ok(const char *text)
{
    mf_error err = {0};
    mf_ratings *ratings = read_text(text, NULL, &err);
    assert_ok(ratings != NULL, err);
    return ratings;
}

static void assert_ids(const mf_id_list *list, const char *expected)
{
    char found[256] = "";
    for (uint32_t i = 0; i < list->n; i++) {
        const mf_id id = mf_id_list_get(list, i);
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%.*s", i > 0 ? " " : "",
                 (int)id.n_bytes, id.bytes);
    }
    assert_string_equal(found, expected);
}

/* What every mf_ratings promises (ratings.h). */
static void assert_valid(const mf_ratings *r)
{
    assert_int_equal(r->users.n, r->n_users);
    assert_int_equal(r->items.n, r->n_items);
    assert_int_equal(r->user_start[0], 0);
    assert_int_equal(r->user_start[r->n_users], r->n_ratings);
    for (uint32_t u = 0; u < r->n_users; u++)
        for (uint64_t k = r->user_start[u]; k < r->user_start[u + 1]; k++) {
            assert_true(r->item[k] < r->n_items);
            assert_true(k == r->user_start[u] || r->item[k - 1] < r->item[k]);
        }
}

static void ids_of_the_lists_come_first_in_their_order(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_ratings *r = read_ok("u1,cc,1\nb,i1,2\nu2,a,3\nb,cc,4\nu1,i2,5\n");
    const mf_id_list list = ABC;
    assert_ok(mf_ratings_extend(r, &list, &list, &err), err);
    assert_valid(r);
    assert_ids(&r->users, "a b cc u1 u2");
    assert_ids(&r->items, "a b cc i1 i2");
    char *text = ratings_text(r);
    assert_string_equal(text, "b cc 4\nb i1 2\nu1 cc 1\nu1 i2 5\nu2 a 3\n");
    free(text);
    mf_ratings_destroy(r);
}

static void users_and_items_of_the_lists_alone_have_no_rating(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_ratings *r = read_ok("x,y,1\n");
    const mf_id_list list = ABC;
    assert_ok(mf_ratings_extend(r, &list, &list, &err), err);
    assert_valid(r);
    assert_int_equal(r->n_users, 4);
    assert_int_equal(r->user_start[3], 0);
    assert_int_equal(r->user_start[4], 1);
    assert_int_equal(r->item[0], 3);
    mf_ratings_destroy(r);
}

static void ratings_of_known_ids_alone_add_none(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_ratings *r = read_ok("cc,b,1\na,cc,2\na,a,3\n");
    const mf_id_list list = ABC;
    assert_ok(mf_ratings_extend(r, &list, &list, &err), err);
    assert_valid(r);
    assert_ids(&r->users, "a b cc");
    assert_ids(&r->items, "a b cc");
    char *text = ratings_text(r);
    assert_string_equal(text, "a a 3\na cc 2\ncc b 1\n");
    free(text);
    mf_ratings_destroy(r);
}

static void empty_lists_change_nothing(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_ratings *r = read_ok("u1,i2,1\nu2,i1,2\nu1,i1,3\n");
    mf_ratings *before = read_ok("u1,i2,1\nu2,i1,2\nu1,i1,3\n");
    const mf_id_list list = NONE;
    assert_ok(mf_ratings_extend(r, &list, &list, &err), err);
    assert_same_ratings(r, before);
    mf_ratings_destroy(r);
    mf_ratings_destroy(before);
}

static void extending_by_the_own_lists_changes_nothing(void **state)
{
    (void)state;
    mf_error err = {0};
    const char *text = "u1,i2,1\nu2,i1,2\nu1,i1,3\n";
    mf_ratings *r = read_ok(text);
    mf_ratings *before = read_ok(text);
    /* The ratings' own arrays as the lists: they are given up only at the end. */
    const mf_id_list users = r->users, items = r->items;
    assert_ok(mf_ratings_extend(r, &users, &items, &err), err);
    assert_same_ratings(r, before);
    mf_ratings_destroy(r);
    mf_ratings_destroy(before);
}

static void ids_are_bytes_and_not_numbers(void **state)
{
    (void)state;
    mf_error err = {0};
    static const uint64_t start[] = {0, 2, 3};
    mf_ratings *r = read_ok("7,7,1\n07,7,2\n007,7,3\n");
    const mf_id_list list = ids(2, start, "077");
    assert_ok(mf_ratings_extend(r, &list, &list, &err), err);
    assert_ids(&r->users, "07 7 007");
    assert_ids(&r->items, "07 7");
    mf_ratings_destroy(r);
}

/* Against lists in a shuffled order, every rating must be found again by its ids;
 * users with few and with many ratings take different ways of sorting. */
static void many_ratings_keep_their_ids_and_values(void **state)
{
    (void)state;
    enum { USERS = 120, ITEMS = 400 };
    mf_error err = {0};
    FILE *file = fopen("r.csv", "wb");
    for (uint32_t u = 0; u < USERS; u++)
        for (uint32_t i = u % 7; i < ITEMS; i += 1 + u)
            fprintf(file, "%u,%u,%u\n", u, i, u * ITEMS + i);
    fclose(file);
    mf_ratings *r = read_file("r.csv", NULL, &err);
    mf_ratings *before = read_file("r.csv", NULL, &err);
    assert_ok(r != NULL && before != NULL, err);
    uint32_t order[ITEMS + 50];
    for (uint32_t i = 0; i < ITEMS + 50; i++)
        order[i] = i;
    shuffle(5, order, ITEMS + 50);
    uint64_t start[301] = {0};
    char bytes[300 * 12];
    for (uint32_t i = 0; i < 300; i++)
        start[i + 1] = start[i] + (uint64_t)sprintf(bytes + start[i], "%u", order[i]);
    const mf_id_list list = ids(300, start, bytes);
    assert_ok(mf_ratings_extend(r, &list, &list, &err), err);
    assert_valid(r);
    assert_int_equal(r->n_ratings, before->n_ratings);
    char *seen = calloc(USERS, ITEMS);
    for (uint32_t u = 0; u < r->n_users; u++)
        for (uint64_t k = r->user_start[u]; k < r->user_start[u + 1]; k++) {
            char user[16] = "", item[16] = "";
            const mf_id user_id = mf_id_list_get(&r->users, u);
            const mf_id item_id = mf_id_list_get(&r->items, r->item[k]);
            memcpy(user, user_id.bytes, user_id.n_bytes);
            memcpy(item, item_id.bytes, item_id.n_bytes);
            const size_t pair = strtoul(user, NULL, 10) * ITEMS + strtoul(item, NULL, 10);
            assert_int_equal(seen[pair]++, 0);
            assert_true(r->value[k] == (float)pair);
        }
    for (uint32_t i = 0; i < 300; i++) {
        const mf_id found = mf_id_list_get(&r->users, i), wanted = mf_id_list_get(&list, i);
        assert_int_equal(found.n_bytes, wanted.n_bytes);
        assert_memory_equal(found.bytes, wanted.bytes, wanted.n_bytes);
    }
    assert_memory_equal(&r->counts, &before->counts, sizeof r->counts);
    free(seen);
    mf_ratings_destroy(r);
    mf_ratings_destroy(before);
}

static void an_id_that_is_twice_in_a_list_is_an_error_and_the_ratings_stay(void **state)
{
    (void)state;
    static const uint64_t start[] = {0, 1, 2};
    const mf_id_list twice = ids(2, start, "qq"), fine = ABC;
    mf_ratings *r = read_ok("a,b,1\nc,d,2\n");
    mf_ratings *before = read_ok("a,b,1\nc,d,2\n");
    mf_error err = {0};
    assert_false(mf_ratings_extend(r, &twice, &fine, &err));
    assert_error(&err, MF_ERR_FORMAT, "\"q\"");
    mf_error_clear(&err);
    assert_false(mf_ratings_extend(r, &fine, &twice, &err));
    assert_error(&err, MF_ERR_FORMAT, "\"q\"");
    assert_same_ratings(r, before);
    mf_ratings_destroy(r);
    mf_ratings_destroy(before);
}

static void extending_is_clean_when_any_allocation_fails(void **state)
{
    (void)state;
    const char *text = "u1,cc,1\nb,i1,2\nu2,a,3\nb,cc,4\nu1,i2,5\n";
    const mf_id_list list = ABC;
    mf_ratings *r = read_ok(text);
    mf_ratings *before = read_ok(text);
    bool done = false;
    size_t n = 1;
    for (; !done; n++) {
        mf_error err = {0};
        mf_memory_fail_nth(n);
        done = mf_ratings_extend(r, &list, &list, &err);
        mf_memory_fail_nth(0);
        if (!done) {
            assert_error(&err, MF_ERR_MEMORY, "no memory");
            assert_same_ratings(r, before);
        }
        assert_true(n < 100);
    }
    assert_true(n > 11); /* the tables, the lists, the columns and the sorter */
    mf_ratings_destroy(r);
    mf_ratings_destroy(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(ids_of_the_lists_come_first_in_their_order),
        TEST_IN_FOLDER(users_and_items_of_the_lists_alone_have_no_rating),
        TEST_IN_FOLDER(ratings_of_known_ids_alone_add_none),
        TEST_IN_FOLDER(empty_lists_change_nothing),
        TEST_IN_FOLDER(extending_by_the_own_lists_changes_nothing),
        TEST_IN_FOLDER(ids_are_bytes_and_not_numbers),
        TEST_IN_FOLDER(many_ratings_keep_their_ids_and_values),
        TEST_IN_FOLDER(an_id_that_is_twice_in_a_list_is_an_error_and_the_ratings_stay),
        TEST_IN_FOLDER(extending_is_clean_when_any_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
