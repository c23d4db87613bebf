/* test_spectral_chain.c: the ranking model over several hosts (threads of this process,
 * hosts_loopback.h) has the bits of one host. */
#include "spectral_testing.h"

#include "hosts_loopback.h"
#include "spectral/chain.h"

static const uint32_t host_counts[] = {2, 3, 5};
enum { HOST_COUNTS = 3 };

/* --- a training -------------------------------------------------------------------- */

typedef struct run {
    mf_spectral_options options;
    const mf_spectral_input *input;
    mf_spectral_result expected;
} run;

static bool same_floats(const float *a, const float *b, size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

static bool same_result(const mf_spectral_result *a, const mf_spectral_result *b, uint32_t n_items)
{
    const size_t stride = mf_model_stride(a->n_factors);
    return a->n_factors == b->n_factors && a->steps == b->steps && a->converged == b->converged &&
           a->n_choices == b->n_choices && a->chosen == b->chosen &&
           same_floats(&a->regularization, &b->regularization, 1) &&
           same_floats(&a->recency, &b->recency, 1) && same_floats(&a->prior, &b->prior, 1) &&
           same_floats(a->item_vectors, b->item_vectors, n_items * stride) &&
           same_floats(a->mean_profile, b->mean_profile, stride) &&
           same_floats(a->spectrum, b->spectrum, a->n_factors);
}

static bool learn_with_others(mf_hosts_group *group, void *argument, mf_error *err)
{
    const run *r = argument;
    mf_spectral_options options = r->options;
    mf_spectral_result found;
    options.group = group;
    mf_spectral *s = mf_spectral_create(&options, r->input, err);
    bool ok = s != NULL;
    while (ok && !mf_spectral_done(s))
        ok = mf_spectral_step(s, err);
    ok = ok && mf_spectral_result_get(s, &found, err) &&
         (same_result(&found, &r->expected, r->input->n_items) ||
          mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "other bits than on one host"));
    mf_spectral_destroy(s);
    return ok;
}

static void check(const mf_spectral_options *options, const mf_spectral_input *input)
{
    mf_spectral *alone = learn(options, input);
    run r = {*options, input, get_result(alone)};
    for (size_t n = 0; n < HOST_COUNTS; n++)
        for (uint32_t threads = 1; threads <= 3; threads += 2) {
            mf_error err = {0};
            r.options.n_threads = threads;
            if (!mf_hosts_loopback_run(host_counts[n], learn_with_others, &r, &err))
                fail_msg("%u users, %u items, %u hosts, %u threads: %s", input->n_users,
                         input->n_items, host_counts[n], threads, err.text);
        }
    mf_spectral_destroy(alone);
}

/* Blocks of items and of users, with windows and without, settings given and chosen; one user for
 * five hosts. */
static void a_training_over_hosts_has_the_bits_of_one_host(void **state)
{
    (void)state;
    static const struct {
        uint32_t n_users, n_items;
        bool with_times, chosen;
    } cases[] = {{120, 60, false, false},
                 {80, 160, true, true},
                 {12, 200, true, false},
                 {1, 30, false, false}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        made_input m =
            make_input(cases[c].n_users, cases[c].n_items, rank_three, cases[c].with_times);
        mf_spectral_options options = cases[c].chosen ? auto_options() : given_options(40, 3);
        options.max_steps = 6;
        check(&options, &m.input);
        clear_input(&m);
    }
}

/* --- a product ---------------------------------------------------------------------- */

enum { USERS = 300, ITEMS = 70, WIDTH = 80 };

typedef struct product {
    mf_sparse_rows y;
    float value[256];
    float x[ITEMS * WIDTH];
    float expected[ITEMS * WIDTH];
    float in_parts[ITEMS * WIDTH]; /* each host's rows alone, then the sums of hosts */
    uint64_t sent_bytes[8];
} product;

static size_t width_at(size_t c)
{
    return WIDTH - c < MF_SPECTRAL_SLICE ? WIDTH - c : MF_SPECTRAL_SLICE;
}

static void multiply_rows(const product *p, uint32_t first, uint32_t end, float *z)
{
    mf_sparse_rows rows = p->y;
    rows.n_rows = end - first;
    rows.start += first;
    for (size_t c = 0; c < WIDTH; c += MF_SPECTRAL_SLICE)
        mf_spectral_kernel_choose()->product(&rows, p->value, p->x + ITEMS * c, z + ITEMS * c,
                                             width_at(c), width_at(c));
}

static bool multiply_with_others(mf_hosts_group *group, void *argument, mf_error *err)
{
    product *p = argument;
    const mf_chain chain = {group, mf_spectral_kernel_choose(), &p->y, p->value, ITEMS, WIDTH, 2};
    float *z = malloc(sizeof p->expected);
    bool ok = z != NULL;
    /* Threads meet at other moments each time. */
    for (int turn = 0; ok && turn < 20; turn++)
        ok = mf_chain_multiply(&chain, p->x, z, err);
    const uint64_t before = mf_hosts_sent_bytes(group);
    ok = ok && mf_chain_multiply(&chain, p->x, z, err);
    ok = ok && (same_floats(z, p->expected, ITEMS * WIDTH) ||
                mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "another product than on one host"));
    p->sent_bytes[mf_hosts_rank(group)] = mf_hosts_sent_bytes(group) - before;
    free(z);
    return ok;
}

static product *make_product(made_input *m)
{
    product *p = calloc(1, sizeof *p);
    *m = make_input(USERS, ITEMS, rank_three, false);
    p->y = (mf_sparse_rows){
        .n_rows = USERS, .start = m->user_start, .column = m->item, .grade = m->grade};
    for (int code = 0; code < 256; code++)
        p->value[code] = (float)code / 255;
    for (size_t i = 0; i < ITEMS * WIDTH; i++)
        p->x[i] = mf_random_normal(5, i);
    multiply_rows(p, 0, USERS, p->expected);
    return p;
}

static void a_product_has_the_order_of_rows_and_goes_over_the_net_twice_at_most(void **state)
{
    (void)state;
    made_input m;
    product *p = make_product(&m);
    for (size_t n = 0; n < HOST_COUNTS; n++) {
        mf_error err = {0};
        assert_ok(mf_hosts_loopback_run(host_counts[n], multiply_with_others, p, &err), err);
        for (uint32_t rank = 0; rank < host_counts[n]; rank++)
            assert_in_range(p->sent_bytes[rank], 0, 2 * sizeof p->expected);
    }
    free(p);
    clear_input(&m);
}

/* The control: sums of hosts that are made apart and then added have other bits. */
static void sums_of_hosts_that_are_added_have_other_bits(void **state)
{
    (void)state;
    made_input m;
    product *p = make_product(&m);
    float *z = calloc(ITEMS * WIDTH, sizeof *z);
    for (uint32_t rank = 0; rank < 2; rank++) {
        memset(z, 0, ITEMS * WIDTH * sizeof *z);
        multiply_rows(p, mf_chain_first_row(&p->y, rank, 2), mf_chain_first_row(&p->y, rank + 1, 2),
                      z);
        for (size_t i = 0; i < ITEMS * WIDTH; i++)
            p->in_parts[i] += z[i];
    }
    assert_false(same_floats(p->in_parts, p->expected, ITEMS * WIDTH));
    free(z);
    free(p);
    clear_input(&m);
}

static void ranges_have_about_the_same_number_of_entries(void **state)
{
    (void)state;
    made_input m;
    product *p = make_product(&m);
    for (uint32_t size = 1; size < 9; size++) {
        assert_int_equal(mf_chain_first_row(&p->y, 0, size), 0);
        assert_int_equal(mf_chain_first_row(&p->y, size, size), USERS);
        for (uint32_t rank = 0; rank < size; rank++) {
            const uint32_t first = mf_chain_first_row(&p->y, rank, size);
            const uint32_t end = mf_chain_first_row(&p->y, rank + 1, size);
            assert_true(first <= end);
            const double share = (double)p->y.start[USERS] / size;
            assert_true(fabs((double)(p->y.start[end] - p->y.start[first]) - share) < ITEMS);
        }
    }
    free(p);
    clear_input(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_have_about_the_same_number_of_entries),
        cmocka_unit_test(a_product_has_the_order_of_rows_and_goes_over_the_net_twice_at_most),
        cmocka_unit_test(sums_of_hosts_that_are_added_have_other_bits),
        cmocka_unit_test(a_training_over_hosts_has_the_bits_of_one_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
