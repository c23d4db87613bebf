/* test_sgd_kernels.c: the hot loop beside the reference, and what kernels.h promises. */
#include "shuffle.h"
#include "testing.h"

#include "base/id_list.h"
#include "base/random.h"
#include "sgd/kernels.h"
#include "sgd/reference.h"

#include <math.h>

enum {
    USERS = 40,
    ITEMS = 24,
    STRIDE_MAX = 256,
    SEGMENTS_MAX = 24,
    RATINGS_MAX = 600,
    N_CPUS = 5,
    N_STRIDES = 8,
};

static const char *const cpus[N_CPUS] = {"sse2", "avx2", "avx512", "neon", "generic"};
/* 16, 32, 64 and 128 have loops of their own, the others share one. */
static const size_t strides[N_STRIDES] = {16, 32, 48, 64, 80, 128, 256, 112};

/* The kernel for a CPU, or NULL when this machine or build has none. */
static const mf_sgd_kernel *kernel_for(const char *cpu)
{
    setenv("MF_CPU", cpu, 1);
    const mf_sgd_kernel *kernel = mf_sgd_kernel_choose();
    unsetenv("MF_CPU");
    return strcmp(kernel->cpu, cpu) == 0 ? kernel : NULL;
}

/* A block with all it needs. Rows of factors are as long as the stride, so that
 * a read beyond one lands in the next. */
typedef struct world {
    _Alignas(64) float user_factors[USERS * STRIDE_MAX];
    _Alignas(64) float item_factors[ITEMS * STRIDE_MAX];
    _Alignas(64) float item_priors[ITEMS * STRIDE_MAX];
    float user_bias[USERS];
    float item_bias[ITEMS];
    mf_grid_segment segments[SEGMENTS_MAX];
    mf_grid_rating ratings[RATINGS_MAX + MF_SGD_AHEAD];
    size_t n_segments;
    size_t n_ratings;
    mf_sgd_rates rates;
    mf_sgd_reference reference; /* the same rates and λ; its arrays are not set */
} world;

/* Items and biases have another λ than users: a mix-up shows. */
static void set_rates(world *w, double rate, double bias_rate, double lambda, double bias_lambda)
{
    w->reference = (mf_sgd_reference){
        .n_factors = w->rates.stride,
        .rate = rate,
        .user_regularization = lambda,
        .item_regularization = 2 * lambda,
        .bias_rate = bias_rate,
        .user_bias_regularization = bias_lambda,
        .item_bias_regularization = 3 * bias_lambda,
    };
    w->rates.learning_rate = (float)rate;
    w->rates.bias_learning_rate = (float)bias_rate;
    w->rates.user_decay = (float)(1 - rate * lambda);
    w->rates.user_bias_decay = (float)(1 - bias_rate * bias_lambda);
    for (int n = 0; n <= MF_SGD_GROUP; n++) {
        w->rates.item_decay[n] = (float)pow(1 - rate * 2 * lambda, n);
        w->rates.item_bias_decay[n] = (float)pow(1 - bias_rate * 3 * bias_lambda, n);
    }
}

static void add_segment(world *w, uint32_t item, uint32_t count, uint64_t seed)
{
    uint32_t users[USERS];
    for (uint32_t u = 0; u < USERS; u++)
        users[u] = u;
    shuffle(seed, users, USERS);
    w->segments[w->n_segments++] = (mf_grid_segment){item, count};
    for (uint32_t k = 0; k < count; k++)
        w->ratings[w->n_ratings++] =
            (mf_grid_rating){users[k], 2 * mf_random_unit(seed + 1, k) - 1};
}

/* Numbers of the size that training meets; the last `padding` factors are zero. */
static void fill(world *w, size_t stride, size_t padding, bool priors, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    const float size = 1 / sqrtf((float)stride);
    for (size_t at = 0; at < USERS * stride; at++)
        if (at % stride < stride - padding)
            w->user_factors[at] = size * mf_random_normal(seed, at);
    for (size_t at = 0; at < ITEMS * stride; at++)
        if (at % stride < stride - padding) {
            w->item_factors[at] = 2 * size * mf_random_normal(seed + 1, at);
            w->item_priors[at] = size * mf_random_normal(seed + 2, at);
        }
    for (size_t u = 0; u < USERS; u++)
        w->user_bias[u] = 0.3f * mf_random_normal(seed + 3, u);
    for (size_t i = 0; i < ITEMS; i++)
        w->item_bias[i] = 0.3f * mf_random_normal(seed + 4, i);
    w->rates = (mf_sgd_rates){
        .user_factors = w->user_factors,
        .item_factors = w->item_factors,
        .item_priors = priors ? w->item_priors : NULL,
        .user_bias = w->user_bias,
        .item_bias = w->item_bias,
        .stride = stride,
    };
    set_rates(w, 0.05, 0.02, 0.1, 0.04);
}

/* Every length that makes another mix of full groups and remainder. */
static void add_all_segments(world *w, uint64_t seed)
{
    for (uint32_t count = 1; count <= 20; count++)
        add_segment(w, count % ITEMS, count, seed + 10 * count);
    add_segment(w, 22, USERS, seed + 5); /* five full groups */
    add_segment(w, 1, 8, seed + 6);      /* an item that was there before */
}

static double run(const mf_sgd_kernel *kernel, const world *w)
{
    return kernel->block(&w->rates, w->segments, w->n_segments, w->ratings);
}

/* --- the reference ------------------------------------------------------- */

/* The same block in double, and for each number a bound on how far the kernel's may be. */
typedef struct bounded {
    mf_sgd_reference model;
    double p[USERS * STRIDE_MAX], p_bound[USERS * STRIDE_MAX];
    double q[ITEMS * STRIDE_MAX], q_bound[ITEMS * STRIDE_MAX], z[ITEMS * STRIDE_MAX];
    double user_bias[USERS], user_bias_bound[USERS];
    double item_bias[ITEMS], item_bias_bound[ITEMS];
    double loss, loss_bound;
} bounded;

static void widen(double *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (double)from[i];
}

static bounded *bounded_create(const world *w)
{
    bounded *t = calloc(1, sizeof *t);
    assert_non_null(t);
    const size_t stride = w->rates.stride;
    t->model = w->reference;
    t->model.user_factors = t->p;
    t->model.item_factors = t->q;
    t->model.item_priors = w->rates.item_priors != NULL ? t->z : NULL;
    t->model.user_bias = t->user_bias;
    t->model.item_bias = t->item_bias;
    widen(t->p, w->user_factors, USERS * stride);
    widen(t->q, w->item_factors, ITEMS * stride);
    widen(t->z, w->item_priors, ITEMS * stride);
    widen(t->user_bias, w->user_bias, USERS);
    widen(t->item_bias, w->item_bias, ITEMS);
    return t;
}

/* The bounds of a group of n ratings of an item, from the numbers before its step. They are first
 * order in u = 2^-24, doubled for what is of second order and for the rounding of a bound's own
 * inputs. */
static void widen_bounds(bounded *t, uint32_t item, const mf_grid_rating *ratings, uint32_t n)
{
    const double u = 0x1p-24, rate = t->model.rate, bias_rate = t->model.bias_rate;
    const size_t stride = t->model.n_factors;
    double e[MF_SGD_GROUP], e_bound[MF_SGD_GROUP];
    const double *q = t->q + item * stride;
    double *q_bound = t->q_bound + item * stride;
    for (uint32_t j = 0; j < n; j++) {
        const uint32_t user = ratings[j].user_row;
        const double *p = t->p + user * stride, *p_bound = t->p_bound + user * stride;
        double size = 0, inherited = 0;
        for (size_t f = 0; f < stride; f++) {
            size += fabs(p[f] * q[f]);
            inherited += p_bound[f] * fabs(q[f]) + q_bound[f] * fabs(p[f]);
        }
        e[j] = (double)ratings[j].value - mf_sgd_reference_predict(&t->model, user, item);
        e_bound[j] = 2 * (((double)stride / 16 + 4) * u * size +
                          3 * u *
                              (fabs((double)ratings[j].value) + fabs(t->item_bias[item]) +
                               fabs(t->user_bias[user]) + size) +
                          inherited + t->user_bias_bound[user] + t->item_bias_bound[item]);
        t->loss_bound += 2 * fabs(e[j]) * e_bound[j] + e_bound[j] * e_bound[j];
    }
    /* One u more than the operations have: rates of the kernel are rounded to float. */
    for (size_t f = 0; f < stride; f++) {
        const double z = t->model.item_priors != NULL ? t->z[item * stride + f] : 0;
        const double old_bound = q_bound[f];
        double bound = old_bound + 5 * u * (2 * fabs(z) + fabs(q[f]));
        for (uint32_t j = 0; j < n; j++) {
            const double p = t->p[ratings[j].user_row * stride + f];
            double *p_bound = &t->p_bound[ratings[j].user_row * stride + f];
            bound += rate * (e_bound[j] * fabs(p) + fabs(e[j]) * *p_bound) +
                     7 * u * fabs(rate * e[j] * p);
            *p_bound = 2 * (*p_bound + rate * (e_bound[j] * fabs(q[f]) + fabs(e[j]) * old_bound) +
                            4 * u * (fabs(p) + fabs(rate * e[j] * q[f])));
        }
        q_bound[f] = 2 * bound;
    }
    double bound = t->item_bias_bound[item] + 3 * u * fabs(t->item_bias[item]);
    for (uint32_t j = 0; j < n; j++) {
        const uint32_t user = ratings[j].user_row;
        bound += bias_rate * e_bound[j] + 7 * u * fabs(bias_rate * e[j]);
        t->user_bias_bound[user] =
            2 * (t->user_bias_bound[user] + bias_rate * e_bound[j] +
                 4 * u * (fabs(t->user_bias[user]) + fabs(bias_rate * e[j])));
    }
    t->item_bias_bound[item] = 2 * bound;
}

static void run_reference(bounded *t, const world *w)
{
    const mf_grid_rating *rating = w->ratings;
    for (size_t s = 0; s < w->n_segments; s++)
        for (uint32_t left = w->segments[s].count, n; left > 0; left -= n, rating += n) {
            n = left < MF_SGD_GROUP ? left : MF_SGD_GROUP;
            widen_bounds(t, w->segments[s].item_row, rating, n);
            t->loss += mf_sgd_reference_step(&t->model, w->segments[s].item_row, rating, n);
        }
}

static void assert_near(double found, double expected, double bound, const char *what, size_t row,
                        size_t f)
{
    if (!(fabs(found - expected) <= bound + 1e-30))
        fail_msg("%s %zu, %zu: %.9g, expected %.9g within %.3g", what, row, f, found, expected,
                 bound);
}

static void assert_near_reference(const world *w, double loss, const bounded *t)
{
    const size_t stride = w->rates.stride;
    for (size_t u = 0; u < USERS; u++)
        assert_near((double)w->user_bias[u], t->user_bias[u], t->user_bias_bound[u], "user bias", u,
                    0);
    for (size_t at = 0; at < USERS * stride; at++)
        assert_near((double)w->user_factors[at], t->p[at], t->p_bound[at], "user factor",
                    at / stride, at % stride);
    for (size_t i = 0; i < ITEMS; i++)
        assert_near((double)w->item_bias[i], t->item_bias[i], t->item_bias_bound[i], "item bias", i,
                    0);
    for (size_t at = 0; at < ITEMS * stride; at++)
        assert_near((double)w->item_factors[at], t->q[at], t->q_bound[at], "item factor",
                    at / stride, at % stride);
    assert_near(loss, t->loss, t->loss_bound, "loss", 0, 0);
}

static void a_group_is_within_its_bound_of_the_reference(void **state)
{
    (void)state;
    static world w;
    for (size_t c = 0; c < N_CPUS; c++) {
        const mf_sgd_kernel *kernel = kernel_for(cpus[c]);
        for (size_t s = 0; kernel != NULL && s < N_STRIDES; s++)
            for (uint32_t n = 1; n <= MF_SGD_GROUP; n++)
                for (int priors = 0; priors < 2; priors++) {
                    fill(&w, strides[s], 0, priors, 100 * s + n);
                    add_segment(&w, 3, n, n);
                    bounded *t = bounded_create(&w);
                    run_reference(t, &w);
                    /* The bound says something: a thousandth of what moved. */
                    assert_true(t->p_bound[w.ratings[0].user_row * strides[s]] < 1e-5);
                    assert_near_reference(&w, run(kernel, &w), t);
                    free(t);
                }
    }
}

static void a_block_is_within_its_bound_of_the_reference(void **state)
{
    (void)state;
    static world w;
    for (size_t c = 0; c < N_CPUS; c++) {
        const mf_sgd_kernel *kernel = kernel_for(cpus[c]);
        for (size_t s = 0; kernel != NULL && s < N_STRIDES; s++)
            for (int priors = 0; priors < 2; priors++) {
                /* Three segments whose users meet again: bounds grow with each group. */
                fill(&w, strides[s], 0, priors, 7 * s + 1);
                add_segment(&w, 0, 13, 1);
                add_segment(&w, 5, 7, 2);
                add_segment(&w, 23, 16, 3);
                bounded *t = bounded_create(&w);
                run_reference(t, &w);
                assert_near_reference(&w, run(kernel, &w), t);
                free(t);
            }
    }
}

static void every_cpu_gives_the_same_bits(void **state)
{
    (void)state;
    static world first, other, to_first, to_other;
    for (size_t s = 0; s < N_STRIDES; s++)
        for (int priors = 0; priors < 2; priors++) {
            const mf_sgd_kernel *base = NULL;
            double loss = 0;
            for (size_t c = 0; c < N_CPUS; c++) {
                const mf_sgd_kernel *kernel = kernel_for(cpus[c]);
                if (kernel == NULL)
                    continue;
                world *w = base == NULL ? &first : &other;
                fill(w, strides[s], 3, priors, 31 * s);
                add_all_segments(w, s);
                double sum = 0;
                for (int pass = 0; pass < 3; pass++)
                    sum += run(kernel, w);
                world *to = base == NULL ? &to_first : &to_other;
                memset(to, 0, sizeof *to);
                kernel->items_to_users(to->user_factors, w->item_factors, strides[s], w->segments,
                                       w->n_segments, w->ratings);
                kernel->users_to_items(to->item_factors, w->user_factors, strides[s], w->segments,
                                       w->n_segments, w->ratings);
                if (base == NULL) {
                    base = kernel;
                    loss = sum;
                    continue;
                }
                assert_memory_equal(&sum, &loss, sizeof sum);
                assert_memory_equal(other.user_factors, first.user_factors,
                                    sizeof first.user_factors);
                assert_memory_equal(other.item_factors, first.item_factors,
                                    sizeof first.item_factors);
                assert_memory_equal(other.user_bias, first.user_bias, sizeof first.user_bias);
                assert_memory_equal(other.item_bias, first.item_bias, sizeof first.item_bias);
                assert_memory_equal(&to_other, &to_first, sizeof to_first);
            }
            assert_non_null(base);
        }
}

/* Promise (1) across compilers and machines, which one run cannot compare: these
 * are the bits. They change only with the arithmetic of kernels.h, and then the
 * models of all that came before cannot be made again. */
static void the_bits_are_those_of_every_compiler(void **state)
{
    (void)state;
    static world w;
    uint64_t hash = 0;
    for (size_t s = 0; s < N_STRIDES; s++) {
        fill(&w, strides[s], 3, s % 2 == 0, s);
        add_all_segments(&w, s);
        const double loss = run(mf_sgd_kernel_choose(), &w);
        hash = mf_random_bits(hash, mf_id_hash((const char *)&loss, sizeof loss));
        hash = mf_random_bits(hash, mf_id_hash((char *)w.user_factors, sizeof w.user_factors));
        hash = mf_random_bits(hash, mf_id_hash((char *)w.item_factors, sizeof w.item_factors));
        hash = mf_random_bits(hash, mf_id_hash((char *)w.user_bias, sizeof w.user_bias));
        hash = mf_random_bits(hash, mf_id_hash((char *)w.item_bias, sizeof w.item_bias));
    }
    if (hash != UINT64_C(0x325263ADA0335A8D))
        fail_msg("0x%llX", (unsigned long long)hash);
}

/* --- finite differences -------------------------------------------------- */

/* ½ Σ e² + ½ (λ_u |p|² + λ_i |q - z|² + λ_bu b_u² + λ_bi b_i²) of the block, with
 * number `which` of the parameters moved by h. */
static double loss_at(const world *w, double lambda, double bias_lambda, const float *which,
                      double h)
{
#define AT(place) ((double)*(place) + (&*(place) == which ? h : 0))
    const size_t stride = w->rates.stride;
    const uint32_t i = w->segments[0].item_row;
    double sum = 0.5 * 3 * bias_lambda * AT(&w->item_bias[i]) * AT(&w->item_bias[i]);
    for (size_t f = 0; f < stride; f++) {
        const double z = w->rates.item_priors != NULL ? (double)w->item_priors[i * stride + f] : 0;
        const double away = AT(&w->item_factors[i * stride + f]) - z;
        sum += 0.5 * 2 * lambda * away * away;
    }
    for (size_t k = 0; k < w->n_ratings; k++) {
        const uint32_t u = w->ratings[k].user_row;
        double e = (double)w->ratings[k].value - AT(&w->user_bias[u]) - AT(&w->item_bias[i]);
        sum += 0.5 * bias_lambda * AT(&w->user_bias[u]) * AT(&w->user_bias[u]);
        for (size_t f = 0; f < stride; f++) {
            const double p = AT(&w->user_factors[u * stride + f]);
            e -= p * AT(&w->item_factors[i * stride + f]);
            sum += 0.5 * lambda * p * p;
        }
        sum += 0.5 * e * e;
    }
    return sum;
#undef AT
}

static void assert_downhill(const world *before, const float *after, const float *at, double rate,
                            double lambda, double bias_lambda)
{
    const double h = 1e-5;
    const double slope = (loss_at(before, lambda, bias_lambda, at, h) -
                          loss_at(before, lambda, bias_lambda, at, -h)) /
                         (2 * h);
    const double moved = ((double)*after - (double)*at) / rate;
    /* A float of size 1 rounded, over the rate. */
    if (!(fabs(moved + slope) <= 4 * 0x1p-24 / rate + 1e-7))
        fail_msg("moved by %.9g per rate, slope %.9g", moved, slope);
}

/* With one rating the step is the gradient, regularization and all; with more it
 * is the sum of their gradients (regularization then is (1 - rate λ)^n, which is
 * that of one after the other). */
static void a_step_goes_down_the_gradient_of_the_loss(void **state)
{
    (void)state;
    static world w, after;
    const mf_sgd_kernel *kernel = mf_sgd_kernel_choose();
    for (uint32_t n = 1; n <= MF_SGD_GROUP; n++)
        for (int priors = 0; priors < 2; priors++) {
            const double rate = 0.25, bias_rate = 0.5;
            const double lambda = n == 1 ? 0.1 : 0, bias_lambda = n == 1 ? 0.2 : 0;
            fill(&w, 32, 0, priors, n);
            set_rates(&w, rate, bias_rate, lambda, bias_lambda);
            add_segment(&w, 2, n, n);
            after = w;
            after.rates.user_factors = after.user_factors;
            after.rates.item_factors = after.item_factors;
            after.rates.user_bias = after.user_bias;
            after.rates.item_bias = after.item_bias;
            run(kernel, &after);
            for (size_t f = 0; f < 32; f++) {
                assert_downhill(&w, &after.item_factors[2 * 32 + f], &w.item_factors[2 * 32 + f],
                                rate, lambda, bias_lambda);
                for (uint32_t k = 0; k < n; k++) {
                    const size_t at = w.ratings[k].user_row * 32 + f;
                    assert_downhill(&w, &after.user_factors[at], &w.user_factors[at], rate, lambda,
                                    bias_lambda);
                }
            }
            assert_downhill(&w, &after.item_bias[2], &w.item_bias[2], bias_rate, lambda,
                            bias_lambda);
            for (uint32_t k = 0; k < n; k++) {
                const uint32_t u = w.ratings[k].user_row;
                assert_downhill(&w, &after.user_bias[u], &w.user_bias[u], bias_rate, lambda,
                                bias_lambda);
            }
        }
}

static void a_group_decays_as_often_as_it_has_ratings(void **state)
{
    (void)state;
    static world w;
    for (uint32_t n = 1; n <= 20; n++) {
        fill(&w, 16, 0, false, n);
        set_rates(&w, 0.5, 0.5, 0.05, 0.05);
        /* No step, only decay: the rates are zero, the decays stay. */
        w.rates.learning_rate = 0;
        w.rates.bias_learning_rate = 0;
        add_segment(&w, 4, n, n);
        const double q = (double)w.item_factors[4 * 16], b = (double)w.item_bias[4];
        const uint32_t user = w.ratings[0].user_row;
        const double p = (double)w.user_factors[user * 16];
        run(mf_sgd_kernel_choose(), &w);
        assert_near((double)w.item_factors[4 * 16], q * pow(1 - 0.5 * 0.1, n), 1e-6 * fabs(q),
                    "item factor", 4, 0);
        assert_near((double)w.item_bias[4], b * pow(1 - 0.5 * 0.15, n), 1e-6 * fabs(b), "item bias",
                    4, 0);
        assert_near((double)w.user_factors[user * 16], p * 0.975, 1e-6 * fabs(p), "user factor",
                    user, 0);
    }
}

/* --- what must not move -------------------------------------------------- */

static void padding_that_is_zero_stays_zero(void **state)
{
    (void)state;
    static world w;
    for (size_t c = 0; c < N_CPUS; c++) {
        const mf_sgd_kernel *kernel = kernel_for(cpus[c]);
        for (size_t s = 0; kernel != NULL && s < N_STRIDES; s++)
            for (size_t padding = 1; padding < 16; padding += 7)
                for (int priors = 0; priors < 2; priors++) {
                    const size_t stride = strides[s];
                    const float zeros[16] = {0};
                    fill(&w, stride, padding, priors, s);
                    add_all_segments(&w, padding);
                    for (int pass = 0; pass < 2; pass++)
                        run(kernel, &w);
                    /* Bits, not values: a model file refuses minus zero there. */
                    for (size_t u = 0; u < USERS; u++)
                        assert_memory_equal(w.user_factors + (u + 1) * stride - padding, zeros,
                                            padding * sizeof(float));
                    for (size_t i = 0; i < ITEMS; i++)
                        assert_memory_equal(w.item_factors + (i + 1) * stride - padding, zeros,
                                            padding * sizeof(float));
                }
    }
}

static void rows_that_a_block_does_not_name_keep_their_bits(void **state)
{
    (void)state;
    static world w, before;
    for (size_t c = 0; c < N_CPUS; c++) {
        const mf_sgd_kernel *kernel = kernel_for(cpus[c]);
        for (size_t s = 0; kernel != NULL && s < N_STRIDES; s++) {
            const size_t stride = strides[s];
            fill(&w, stride, 0, true, s);
            add_segment(&w, 1, 11, 1);
            before = w;
            run(kernel, &w);
            bool moved[USERS] = {false};
            for (size_t k = 0; k < w.n_ratings; k++)
                moved[w.ratings[k].user_row] = true;
            for (size_t u = 0; u < USERS; u++) {
                const int differs = memcmp(w.user_factors + u * stride,
                                           before.user_factors + u * stride, stride * 4);
                assert_int_equal(differs != 0, moved[u]);
                assert_int_equal(w.user_bias[u] != before.user_bias[u], moved[u]);
            }
            for (size_t i = 0; i < ITEMS; i++) {
                const int differs = memcmp(w.item_factors + i * stride,
                                           before.item_factors + i * stride, stride * 4);
                assert_int_equal(differs != 0, i == 1);
                assert_int_equal(w.item_bias[i] != before.item_bias[i], i == 1);
            }
            assert_memory_equal(w.item_priors, before.item_priors, sizeof w.item_priors);
            assert_memory_equal(w.ratings, before.ratings, sizeof w.ratings);
        }
    }
}

static void a_block_without_segments_does_nothing(void **state)
{
    (void)state;
    static world w, before;
    fill(&w, 16, 0, false, 1);
    before = w;
    for (size_t c = 0; c < N_CPUS; c++) {
        const mf_sgd_kernel *kernel = kernel_for(cpus[c]);
        if (kernel == NULL)
            continue;
        assert_true(run(kernel, &w) == 0);
        kernel->items_to_users(w.user_factors, w.item_factors, 16, w.segments, 0, w.ratings);
        kernel->users_to_items(w.item_factors, w.user_factors, 16, w.segments, 0, w.ratings);
        assert_memory_equal(&w, &before, sizeof w);
    }
}

/* --- sums of rows -------------------------------------------------------- */

static void a_sum_adds_each_ratings_row_to_the_other_sides(void **state)
{
    (void)state;
    static world w, to;
    for (size_t c = 0; c < N_CPUS; c++) {
        const mf_sgd_kernel *kernel = kernel_for(cpus[c]);
        for (size_t s = 0; kernel != NULL && s < N_STRIDES; s++) {
            const size_t stride = strides[s];
            fill(&w, stride, 0, false, s);
            add_all_segments(&w, s);
            fill(&to, stride, 0, false, 99);
            double users[USERS] = {0}, items[ITEMS] = {0};
            for (size_t u = 0; u < USERS; u++)
                users[u] = (double)to.user_factors[u * stride + 5];
            for (size_t i = 0; i < ITEMS; i++)
                items[i] = (double)to.item_factors[i * stride + 5];
            const mf_grid_rating *rating = w.ratings;
            for (size_t n = 0; n < w.n_segments; n++)
                for (uint32_t k = 0; k < w.segments[n].count; k++, rating++) {
                    const size_t item = w.segments[n].item_row, user = rating->user_row;
                    users[user] += (double)w.item_factors[item * stride + 5];
                    items[item] += (double)w.user_factors[user * stride + 5];
                }
            kernel->items_to_users(to.user_factors, w.item_factors, stride, w.segments,
                                   w.n_segments, w.ratings);
            kernel->users_to_items(to.item_factors, w.user_factors, stride, w.segments,
                                   w.n_segments, w.ratings);
            /* 40 additions of numbers below 2. */
            for (size_t u = 0; u < USERS; u++)
                assert_near((double)to.user_factors[u * stride + 5], users[u], 1e-5, "user", u, 5);
            for (size_t i = 0; i < ITEMS; i++)
                assert_near((double)to.item_factors[i * stride + 5], items[i], 1e-5, "item", i, 5);
        }
    }
}

static void the_choice_follows_MF_CPU_and_ignores_names_it_does_not_have(void **state)
{
    (void)state;
    unsetenv("MF_CPU");
    const mf_sgd_kernel *best = mf_sgd_kernel_choose();
    assert_non_null(best);
    setenv("MF_CPU", "vax", 1);
    assert_ptr_equal(mf_sgd_kernel_choose(), best);
    setenv("MF_CPU", "", 1);
    assert_ptr_equal(mf_sgd_kernel_choose(), best);
    unsetenv("MF_CPU");
    size_t n = 0;
    for (size_t c = 0; c < N_CPUS; c++) {
        const mf_sgd_kernel *kernel = kernel_for(cpus[c]);
        n += kernel != NULL;
        print_message("%s: %s\n", cpus[c], kernel != NULL ? "tested" : "not on this machine");
    }
    assert_true(n > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_choice_follows_MF_CPU_and_ignores_names_it_does_not_have),
        cmocka_unit_test(a_group_is_within_its_bound_of_the_reference),
        cmocka_unit_test(a_block_is_within_its_bound_of_the_reference),
        cmocka_unit_test(every_cpu_gives_the_same_bits),
        cmocka_unit_test(the_bits_are_those_of_every_compiler),
        cmocka_unit_test(a_step_goes_down_the_gradient_of_the_loss),
        cmocka_unit_test(a_group_decays_as_often_as_it_has_ratings),
        cmocka_unit_test(padding_that_is_zero_stays_zero),
        cmocka_unit_test(rows_that_a_block_does_not_name_keep_their_bits),
        cmocka_unit_test(a_block_without_segments_does_nothing),
        cmocka_unit_test(a_sum_adds_each_ratings_row_to_the_other_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
