#include "testing.h"

#include "base/memory.h"

static bool all_zero(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static void blocks_are_zero_and_start_on_a_cache_line(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 1000, 1 << 20, (1 << 20) + 1, 5 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        mf_error err = {0};
        unsigned char *block = mf_allocate(sizes[i], 1, "a test", &err);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        assert_true(all_zero(block, sizes[i]));
        memset(block, 0xAB, sizes[i]);
        mf_free(block);
    }
}

static void growing_and_shrinking_keeps_content_and_zeroes_what_is_new(void **state)
{
    (void)state;
    static const size_t steps[] = {10,     100,    5,      200000, 300000, 1000,
                                   262144, 262145, 400000, 399999, 400001, 3};
    mf_error err = {0};
    void *block = NULL;
    size_t count = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_ok(mf_reallocate(&block, count, steps[i], 8, "a test", &err), err);
        const size_t kept = count < steps[i] ? count : steps[i];
        const uint64_t *cells = block;
        for (size_t c = 0; c < kept; c++)
            assert_true(cells[c] == c + 1);
        assert_true(all_zero((const unsigned char *)(cells + kept), (steps[i] - kept) * 8));
        count = steps[i];
        for (size_t c = 0; c < count; c++)
            ((uint64_t *)block)[c] = c + 1;
    }
    mf_free(block);
}

static void a_size_that_overflows_is_no_memory(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_null(mf_allocate(SIZE_MAX / 2, 4, "user factors", &err));
    assert_error(&err, MF_ERR_MEMORY, "user factors");
    mf_error_clear(&err);
    assert_null(mf_allocate(SIZE_MAX - 10, 1, "user factors", &err));
    assert_error(&err, MF_ERR_MEMORY, "user factors");
    void *block = NULL;
    mf_error_clear(&err);
    assert_false(mf_reallocate(&block, 0, SIZE_MAX / 2, 4, "item factors", &err));
    assert_error(&err, MF_ERR_MEMORY, "item factors");
    assert_null(block);
}

static void the_nth_allocation_can_be_made_to_fail(void **state)
{
    (void)state;
    mf_memory_fail_nth(2);
    void *first = mf_allocate(1, 1, "one", NULL);
    mf_error err = {0};
    void *second = mf_allocate(1, 1, "two", &err);
    void *third = mf_allocate(1, 1, "three", NULL);
    assert_int_equal(mf_memory_fail_nth(0), 3);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    assert_error(&err, MF_ERR_MEMORY, "two");
    mf_free(first);
    mf_free(third);
    mf_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zero_and_start_on_a_cache_line),
        cmocka_unit_test(growing_and_shrinking_keeps_content_and_zeroes_what_is_new),
        cmocka_unit_test(a_size_that_overflows_is_no_memory),
        cmocka_unit_test(the_nth_allocation_can_be_made_to_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
