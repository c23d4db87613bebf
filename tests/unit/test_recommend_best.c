/* test_recommend_best.c: the heap keeps the best (best.h). */
#include "recommend_testing.h"
#include "shuffle.h"

#include "recommend/best.h"

static void keeps_what_sorting_would(void **state)
{
    (void)state;
    enum { ITEMS = 300 };
    mf_recommendation all[ITEMS], kept[ITEMS];
    for (uint64_t round = 0; round < 200; round++) {
        const uint32_t n = 1 + mf_random_below(round, 0, ITEMS);
        const uint32_t capacity = 1 + mf_random_below(round, 1, ITEMS);
        const uint32_t levels = 1 + mf_random_below(round, 2, 40);
        uint32_t order[ITEMS];
        for (uint32_t item = 0; item < n; item++) {
            const uint32_t level = mf_random_below(round, 10 + item, levels);
            all[item] = (mf_recommendation){item, level == 0 ? -INFINITY : (float)level, NAN};
            order[item] = item;
        }
        shuffle(round, order, n);
        mf_best best;
        mf_best_begin(&best, kept, capacity);
        for (uint32_t k = 0; k < n; k++) {
            const mf_recommendation entry = all[order[k]];
            if (entry.score < best.threshold)
                assert_false(mf_best_wants(&best, entry.score, entry.item));
            if (mf_best_wants(&best, entry.score, entry.item))
                mf_best_take(&best, entry.score, entry.item);
        }
        mf_best_sort(&best);
        qsort(all, n, sizeof *all, better_first);
        assert_lists_equal(kept, best.n, all, n < capacity ? n : capacity);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_what_sorting_would)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
