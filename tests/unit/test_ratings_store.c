/* test_ratings_store.c: packed columns. */
#include "testing.h"

#include "base/random.h"
#include "ratings/store.h"

enum { ROWS = 3000 };

/* n values base + (a number below `range` << shift), and how many bytes a code may have. */
static void assert_packs(mf_store *store, uint32_t n, uint32_t base, uint64_t range, unsigned shift,
                         uint32_t n_bytes)
{
    static uint32_t values[ROWS];
    static uint32_t got[ROWS];
    mf_error err = {0};
    mf_packed packed;
    for (uint32_t r = 0; r < n; r++)
        values[r] = base + ((uint32_t)(mf_random_bits(range, r) % range) << shift);
    assert_ok(mf_store_pack(store, MF_COLUMN_ITEM, values, n, &packed, &err), err);
    assert_true(packed.n_bytes <= n_bytes);
    assert_int_equal(packed.chunk == NULL, packed.n_bytes == 0);
    mf_unpack(&packed, n, got);
    for (uint32_t r = 0; r < n; r++) {
        assert_int_equal(got[r], values[r]);
        assert_int_equal(mf_packed_value(&packed, r), values[r]);
    }
    if (n == 0)
        return;
    mf_packed_move(&packed, 0, n - 1);
    assert_int_equal(mf_packed_value(&packed, 0), values[n - 1]);
    mf_store_release(&packed);
    assert_null(packed.chunk);
}

static void a_column_is_as_wide_as_its_values_need(void **state)
{
    static const uint32_t bases[] = {0, 7, UINT32_C(0x3F000000), UINT32_C(0xFFFFFF00)};
    static const uint32_t counts[] = {0, 1, 2, 63, ROWS};
    mf_store store = {0};
    (void)state;
    for (size_t b = 0; b < sizeof bases / sizeof bases[0]; b++)
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
            assert_packs(&store, counts[c], bases[b], 1, 0, 0);
            assert_packs(&store, counts[c], bases[b], 256, 0, 1);
            assert_packs(&store, counts[c], bases[b], 256, 13, 1);
            assert_packs(&store, counts[c], bases[b], 65536, 0, 2);
            assert_packs(&store, counts[c], bases[b], 65536, 8, 2);
            assert_packs(&store, counts[c], bases[b], UINT64_C(1) << 32, 0, 4);
        }
    mf_store_clear(&store);
}

static void half_stars_need_one_byte(void **state)
{
    uint32_t bits[10];
    mf_error err = {0};
    mf_packed packed;
    mf_store store = {0};
    (void)state;
    for (uint32_t half = 1; half <= 10; half++) {
        const float stars = (float)half / 2;
        memcpy(&bits[half - 1], &stars, sizeof stars);
    }
    assert_ok(mf_store_pack(&store, MF_COLUMN_VALUE, bits, 10, &packed, &err), err);
    assert_int_equal(packed.n_bytes, 1);
    mf_store_clear(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_column_is_as_wide_as_its_values_need),
        cmocka_unit_test(half_stars_need_one_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
