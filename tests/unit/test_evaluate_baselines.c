/* test_evaluate_baselines.c: popularity and item-item cosine (baselines.h). */
#include "evaluate_testing.h"

#include "evaluate/baselines.h"

#include <math.h>

/* One list; n_list items into items [n]. */
static size_t list_of(const mf_list_source *source, uint32_t user, size_t n, uint32_t *items)
{
    mf_error err = {0};
    mf_left_out out;
    size_t n_list = SIZE_MAX;
    void *thread = source->thread_create(source->context, &err);
    assert_ok(thread != NULL, err);
    assert_ok(source->left_out(source->context, thread, user, NULL, 0, &out, &err), err);
    assert_ok(source->list(source->context, thread, user, &out, n, items, &n_list, &err), err);
    source->thread_destroy(thread);
    assert_true(n_list <= n);
    return n_list;
}

static mf_baselines *baselines_of(const mf_ratings *train)
{
    mf_error err = {0};
    mf_baselines *baselines = mf_baselines_create(train, &err);
    assert_ok(baselines != NULL, err);
    return baselines;
}

/* Users 0, 1, 2 on items 0 … 4. Counts: 2 2 1 3 0. */
static const triple small[] = {
    {0, 0, 4}, {0, 1, 3}, {0, 3, 2}, {1, 0, 3}, {1, 3, 5}, {2, 1, 4}, {2, 2, 1}, {2, 3, 1},
};

static void popularity_counts_ratings_and_leaves_out_the_users_own(void **state)
{
    (void)state;
    mf_ratings train = ratings_of(4, 5, small, 8);
    mf_baselines *b = baselines_of(&train);
    const mf_list_source source = mf_baselines_popularity(b);
    uint32_t items[5];
    /* User 3 rated nothing: 3 first, then 0 before 1, which have as many; item 4 never. */
    assert_int_equal(list_of(&source, 3, 5, items), 4);
    assert_memory_equal(items, ((uint32_t[]){3, 0, 1, 2}), 4 * sizeof *items);
    assert_int_equal(list_of(&source, 1, 5, items), 2);
    assert_memory_equal(items, ((uint32_t[]){1, 2}), 2 * sizeof *items);
    assert_int_equal(list_of(&source, 3, 2, items), 2);
    assert_memory_equal(items, ((uint32_t[]){3, 0}), 2 * sizeof *items);
    assert_memory_equal(mf_baselines_item_count(b), ((uint32_t[]){2, 2, 1, 3, 0}),
                        5 * sizeof(uint32_t));
    mf_baselines_destroy(b);
    ratings_clear(&train);
}

static void item_item_follows_the_cosine_of_ratings(void **state)
{
    (void)state;
    mf_ratings train = ratings_of(4, 5, small, 8);
    mf_baselines *b = baselines_of(&train);
    const mf_list_source source = mf_baselines_item_item(b);
    uint32_t items[5];
    /* User 1 has 0 (3) and 3 (5). Columns: 0 (4 3 0), 1 (3 0 4), 2 (0 0 1), 3 (2 5 1).
     * item 1: 3 · 12/25 + 5 · 10/(5 √30) = 3.266; item 2: 0 + 5 · 1/√30 = 0.913. */
    assert_int_equal(list_of(&source, 1, 5, items), 2);
    assert_memory_equal(items, ((uint32_t[]){1, 2}), 2 * sizeof *items);
    /* User 2 has 1, 2, 3; only 0 is left, 4 shares no user. */
    assert_int_equal(list_of(&source, 2, 5, items), 1);
    assert_int_equal(items[0], 0);
    /* Without any user: nothing. */
    assert_int_equal(list_of(&source, 3, 5, items), 0);
    mf_baselines_destroy(b);
    ratings_clear(&train);
}

static void item_item_agrees_with_a_dense_reference(void **state)
{
    (void)state;
    enum { USERS = 23, ITEMS = 40, N = 12 };
    mf_ratings train = random_ratings(USERS, ITEMS, 20, 5);
    mf_baselines *b = baselines_of(&train);
    const mf_list_source source = mf_baselines_item_item(b);
    static double r[USERS][ITEMS];
    memset(r, 0, sizeof r);
    for (uint32_t u = 0; u < USERS; u++)
        for (uint64_t k = train.user_start[u]; k < train.user_start[u + 1]; k++)
            r[u][train.item[k]] = (double)train.value[k];
    for (uint32_t u = 0; u < USERS; u++) {
        double score[ITEMS] = {0};
        for (int i = 0; i < ITEMS; i++)
            for (int j = 0; j < ITEMS; j++) {
                double product = 0, of_i = 0, of_j = 0;
                for (int v = 0; v < USERS; v++) {
                    product += r[v][i] * r[v][j];
                    of_i += r[v][i] * r[v][i];
                    of_j += r[v][j] * r[v][j];
                }
                if (of_i > 0 && of_j > 0)
                    score[i] += r[u][j] * product / sqrt(of_i * of_j);
            }
        uint32_t items[N];
        const size_t n = list_of(&source, u, N, items);
        for (size_t place = 0; place < n; place++) {
            uint32_t best = ITEMS;
            for (uint32_t i = 0; i < ITEMS; i++)
                if (r[u][i] == 0 && (best == ITEMS || score[i] > score[best]))
                    best = i;
            /* Rounding may exchange equal ones. */
            assert_true(r[u][items[place]] == 0);
            assert_true(fabs(score[items[place]] - score[best]) < 1e-5);
            score[items[place]] = -1;
        }
        for (uint32_t i = 0; i < ITEMS && n < N; i++)
            assert_true(r[u][i] != 0 || score[i] <= 1e-12);
    }
    mf_baselines_destroy(b);
    ratings_clear(&train);
}

static void ratings_of_nothing_but_zero_have_no_cosine(void **state)
{
    (void)state;
    const triple zeros[] = {{0, 0, 0}, {0, 1, 0}, {1, 1, 0}, {1, 2, 0}};
    mf_ratings train = ratings_of(2, 3, zeros, 4);
    mf_baselines *b = baselines_of(&train);
    const mf_list_source item_item = mf_baselines_item_item(b);
    const mf_list_source popularity = mf_baselines_popularity(b);
    uint32_t items[3];
    assert_int_equal(list_of(&item_item, 0, 3, items), 0);
    assert_int_equal(list_of(&popularity, 0, 3, items), 1);
    mf_baselines_destroy(b);
    ratings_clear(&train);
}

static void each_failing_allocation_is_an_error(void **state)
{
    (void)state;
    mf_ratings train = ratings_of(4, 5, small, 8);
    bool ok = false;
    for (size_t n = 1; !ok; n++) {
        mf_error err = {0};
        mf_memory_fail_nth(n);
        mf_baselines *b = mf_baselines_create(&train, &err);
        void *thread = NULL;
        uint32_t items[2];
        if (b != NULL) {
            const mf_list_source s = mf_baselines_item_item(b);
            mf_left_out out;
            size_t n_list;
            thread = s.thread_create(s.context, &err);
            ok = thread != NULL && s.left_out(s.context, thread, 1, NULL, 0, &out, &err) &&
                 s.list(s.context, thread, 1, &out, 2, items, &n_list, &err);
            s.thread_destroy(thread);
        }
        mf_memory_fail_nth(0);
        if (!ok)
            assert_int_equal(err.code, MF_ERR_MEMORY);
        mf_baselines_destroy(b);
        assert_true(n < 100);
    }
    ratings_clear(&train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(popularity_counts_ratings_and_leaves_out_the_users_own),
        cmocka_unit_test(item_item_follows_the_cosine_of_ratings),
        cmocka_unit_test(item_item_agrees_with_a_dense_reference),
        cmocka_unit_test(ratings_of_nothing_but_zero_have_no_cosine),
        cmocka_unit_test(each_failing_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
