/* test_model_file.c: a model written and opened again is the same model; lookups and predictions. */
#include "model_sample.h"

#include "base/memory.h"
#include "base/random.h"
#include "model/dot.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void what_is_written_is_what_is_opened(void **state)
{
    (void)state;
    mf_model_parts parts = sample_parts();
    round_trip(&parts);
    parts.metadata = NULL;
    parts.metadata_bytes = 0;
    round_trip(&parts);
}

static void a_model_of_one_user_one_item_and_no_rating_is_a_model(void **state)
{
    (void)state;
    static const _Alignas(64) float row[16] = {1};
    static const uint64_t start[] = {0, 1}, none[] = {0, 0};
    static const float bias[1];
    static const uint32_t count[1];
    const mf_model_parts parts = {
        .n_users = 1,
        .n_items = 1,
        .n_factors = 1,
        .user_bias = bias,
        .item_bias = bias,
        .user_factors = row,
        .item_factors = row,
        .users = {1, start, "u"},
        .items = {1, start, "i"},
        .rated_start = none,
        .item_count = count,
    };
    round_trip(&parts);
}

/* Enough rows that every section has several pieces, with none of the sizes a
 * multiple of another; ids that are and are not ASCII cross the borders. */
typedef struct large {
    mf_model_parts parts;
    float *floats;
    float *spectrum;
    uint64_t *starts;
    uint32_t *integers;
    uint8_t *grades;
    char *bytes;
} large;

/* The factors again, as vectors; about half of the ratings have a grade. */
static void large_ranking(large *l)
{
    const mf_model_parts *p = &l->parts;
    uint32_t *time_ranks = (uint32_t *)mf_without_const(p->item_count) + p->n_items;
    l->spectrum = calloc(p->n_factors, sizeof *l->spectrum);
    l->grades = calloc(p->n_rated, 1);
    assert_true(l->spectrum != NULL && l->grades != NULL);
    for (uint32_t f = 0; f < p->n_factors; f++)
        l->spectrum[f] = 100 / (float)(f / 2 + 1);
    for (uint32_t u = 0; u < p->n_users; u++) {
        uint32_t n_grades = 0;
        for (uint64_t k = p->rated_start[u]; k < p->rated_start[u + 1]; k++) {
            if (mf_random_below(11, k, 2) == 0)
                continue;
            l->grades[k] = (uint8_t)(1 + mf_random_below(12, k, 255));
            time_ranks[k] = 2 * n_grades++;
        }
    }
    l->parts.ranking = (mf_ranking_parts){
        .n_factors = p->n_factors,
        .grading = {MF_GRADING_ONE, 0, 0},
        .recency = 1,
        .item_vectors = p->item_factors,
        .mean_profile = p->user_factors,
        .spectrum = l->spectrum,
        .grades = l->grades,
        .time_ranks = time_ranks,
    };
}

static large large_create(void)
{
    enum { USERS = 21011, ITEMS = 20011, FACTORS = 21, STRIDE = 32, PER_USER = 3 };
    large l = {0};
    l.floats = aligned_alloc(64, ((size_t)(USERS + ITEMS) * (STRIDE + 16)) * sizeof(float));
    l.starts = calloc(2 * (USERS + 1) + ITEMS + 1, sizeof *l.starts);
    l.integers = calloc(2 * USERS * PER_USER + ITEMS, sizeof *l.integers);
    l.bytes = calloc(USERS + ITEMS, 24);
    assert_true(l.floats != NULL && l.starts != NULL && l.integers != NULL && l.bytes != NULL);
    float *user_factors = l.floats, *item_factors = user_factors + USERS * STRIDE;
    float *user_bias = item_factors + ITEMS * STRIDE, *item_bias = user_bias + USERS;
    memset(l.floats, 0, ((size_t)(USERS + ITEMS) * (STRIDE + 16)) * sizeof(float));
    for (size_t row = 0; row < USERS + ITEMS; row++) {
        for (size_t f = 0; f < FACTORS; f++)
            l.floats[row * STRIDE + f] = mf_random_normal(1, row * STRIDE + f);
        user_bias[row] = mf_random_normal(2, row);
    }
    uint64_t *user_start = l.starts, *item_start = user_start + USERS + 1;
    uint64_t *rated_start = item_start + ITEMS + 1;
    char *user_bytes = l.bytes, *item_bytes = l.bytes + USERS * 24;
    for (uint32_t u = 0; u < USERS; u++)
        user_start[u + 1] = user_start[u] + (uint64_t)sprintf(user_bytes + user_start[u],
                                                              u % 3 ? "user-%u" : "käufer-%u", u);
    for (uint32_t i = 0; i < ITEMS; i++)
        item_start[i + 1] = item_start[i] + (uint64_t)sprintf(item_bytes + item_start[i],
                                                              i > ITEMS / 2 ? "🎬%u" : "item-%u", i);
    uint32_t *rated_items = l.integers, *item_count = l.integers + USERS * PER_USER;
    uint64_t n_rated = 0;
    for (uint32_t u = 0; u < USERS; u++) {
        for (uint32_t r = 0; r < u % (PER_USER + 1); r++) {
            const uint32_t item = mf_random_below(3, u, ITEMS - PER_USER) + r;
            rated_items[n_rated++] = item;
            item_count[item]++;
        }
        rated_start[u + 1] = n_rated;
    }
    l.parts = (mf_model_parts){
        .n_users = USERS,
        .n_items = ITEMS,
        .n_factors = FACTORS,
        .n_rated = n_rated,
        .global_mean = 3,
        .rating_min = 1,
        .rating_max = 5,
        .user_bias = user_bias,
        .item_bias = item_bias,
        .user_factors = user_factors,
        .item_factors = item_factors,
        .users = {USERS, user_start, user_bytes},
        .items = {ITEMS, item_start, item_bytes},
        .rated_start = rated_start,
        .rated_items = rated_items,
        .item_count = item_count,
        .metadata = "{}",
        .metadata_bytes = 2,
    };
    large_ranking(&l);
    return l;
}

static void large_destroy(large *l)
{
    free(l->floats);
    free(l->spectrum);
    free(l->grades);
    free(l->starts);
    free(l->integers);
    free(l->bytes);
}

static void a_model_of_many_pieces_comes_back_too(void **state)
{
    (void)state;
    large l = large_create();
    round_trip(&l.parts);
    l.parts.ranking.time_ranks = NULL;
    round_trip(&l.parts);
    l.parts.ranking.n_factors = 0;
    round_trip(&l.parts);
    large_destroy(&l);
}

static size_t size_of_file(const mf_model_parts *parts)
{
    size_t n_bytes;
    free(sample_file(parts, &n_bytes));
    return n_bytes;
}

static void a_ranking_model_costs_no_more_than_its_vectors_and_five_bytes_per_rating(void **state)
{
    (void)state;
    large l = large_create();
    mf_model_parts without = l.parts;
    without.ranking = (mf_ranking_parts){0};
    const double allowed = 4.0 * l.parts.n_items * (double)mf_model_stride(l.parts.n_factors) +
                           5.0 * (double)l.parts.n_rated;
    assert_true((double)(size_of_file(&l.parts) - size_of_file(&without)) <= 1.01 * allowed);
    large_destroy(&l);
}

static void write_rejects_one_wrong_value_wherever_it_is(void **state)
{
    (void)state;
    large l = large_create();
    const mf_model_parts *p = &l.parts;
    const size_t stride = mf_model_stride(p->n_factors);
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    for (size_t n = 0; n < 40; n++) {
        const size_t user = n == 0   ? 0
                            : n == 1 ? p->n_users - 1
                                     : mf_random_below(9, n, p->n_users);
        mf_error err = {0};
        float *factor =
            (float *)mf_without_const(p->user_factors) + user * stride + n % p->n_factors;
        const float kept = *factor;
        *factor = (float)NAN;
        char words[128];
        snprintf(words, sizeof words, "factor %zu of row %zu of user_factors is not finite",
                 n % p->n_factors, user);
        assert_false(mf_model_write(path, p, &err));
        assert_error(&err, MF_ERR_ARGUMENT, words);
        *factor = kept;

        float *padding =
            (float *)mf_without_const(p->user_factors) + (user + 1) * stride - 1 - n % 11;
        *padding = 1;
        snprintf(words, sizeof words, "the padding of row %zu of user_factors", user);
        mf_error_clear(&err);
        assert_false(mf_model_write(path, p, &err));
        assert_error(&err, MF_ERR_ARGUMENT, words);
        *padding = 0;

        char *byte = (char *)mf_without_const(p->users.bytes) + p->users.start[user] + n % 2;
        const char kept_byte = *byte;
        *byte = (char)0xFF;
        mf_error_clear(&err);
        assert_false(mf_model_write(path, p, &err));
        assert_error(&err, MF_ERR_ARGUMENT, "in user_id_bytes is not UTF-8");
        *byte = kept_byte;

        const size_t rating = n == 0 ? 0 : mf_random_below(10, n, (uint32_t)p->n_rated);
        uint32_t *item = (uint32_t *)mf_without_const(p->rated_items) + rating;
        const uint32_t kept_item = *item;
        *item = p->n_items;
        mf_error_clear(&err);
        assert_false(mf_model_write(path, p, &err));
        assert_error(&err, MF_ERR_ARGUMENT, "not below n_items");
        *item = kept_item;

        /* A user with two ratings or more: the second as the first. */
        size_t rater = user;
        while (p->rated_start[rater % p->n_users] + 2 > p->rated_start[rater % p->n_users + 1])
            rater++;
        item = (uint32_t *)mf_without_const(p->rated_items) + p->rated_start[rater % p->n_users];
        const uint32_t kept_second = item[1];
        item[1] = item[0];
        mf_error_clear(&err);
        assert_false(mf_model_write(path, p, &err));
        assert_error(&err, MF_ERR_ARGUMENT, "do not ascend");
        item[1] = kept_second;

        mf_ranking_parts *ranking = &l.parts.ranking;
        uint32_t *rank = (uint32_t *)mf_without_const(ranking->time_ranks) + rating;
        const uint32_t kept_rank = *rank;
        uint64_t rated = 0, n_grades = 0;
        while (p->rated_start[rated + 1] <= rating)
            rated++;
        for (uint64_t k = p->rated_start[rated]; k < p->rated_start[rated + 1]; k++)
            n_grades += ranking->grades[k] != 0;
        const uint64_t most = ranking->grades[rating] != 0 ? 2 * (n_grades - 1) : 0;
        *rank = (uint32_t)most;
        mf_error_clear(&err);
        assert_ok(mf_model_write(path, p, &err), err);
        assert_int_equal(unlink(path), 0);
        *rank = (uint32_t)most + 1;
        snprintf(words, sizeof words,
                 "optional.ranking_times of index %zu is %zu, of user %zu it must be 0 to %zu",
                 rating, (size_t)most + 1, (size_t)rated, (size_t)most);
        assert_false(mf_model_write(path, p, &err));
        assert_error(&err, MF_ERR_ARGUMENT, words);
        *rank = kept_rank;
    }
    assert_false(mf_file_exists(path));
    free(path);
    testing_folder_remove(folder);
    large_destroy(&l);
}

static void write_rejects_parts_that_break_a_promise(void **state)
{
    (void)state;
    static const uint64_t twice_start[] = {0, 1, 2, 3};
    const struct {
        mf_model_parts parts;
        const char *words;
    } cases[] = {
#define CASE(field, value, says)                                                                   \
    {.words = says, .parts = ({                                                                    \
                        mf_model_parts p = sample_parts();                                         \
                        p.field = (value);                                                         \
                        p;                                                                         \
                    })}
        CASE(n_users, 0, "n_users is 0"),
        CASE(n_factors, 0, "n_factors is 0"),
        CASE(rating_min, 9, "rating_min 9 is above rating_max 5"),
        CASE(global_mean, (float)INFINITY, "global_mean is not finite"),
        CASE(regularization, -1, "regularization"),
        CASE(users.n, 2, "3 users have 2 ids"),
        CASE(users.start, NULL, "it has no user_id_start"),
        CASE(items.bytes, NULL, "it has no item_id_bytes"),
        CASE(user_bias, NULL, "it has no user_bias"),
        CASE(item_factors, NULL, "it has no item_factors"),
        CASE(rated_items, NULL, "it has no rated_items"),
        CASE(n_rated, 4, "rated_start ends with 5, n_rated is 4"),
        CASE(users.start, twice_start, "the id \"\xC3\xBC\" is none"),
#undef CASE
    };
    for (size_t c = 0; c + 1 < sizeof cases / sizeof cases[0]; c++) {
        mf_error err = {0};
        assert_false(mf_model_write("/nonexistent/model.bin", &cases[c].parts, &err));
        assert_error(&err, MF_ERR_ARGUMENT, cases[c].words);
    }
    mf_error err = {0};
    mf_model_parts parts = sample_parts();
    parts.users = (mf_id_list){3, twice_start, "aba"};
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    assert_false(mf_model_write(path, &parts, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "its user ids: the id \"a\" occurs twice");
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(mkdir(folder, 0700), 0);
    free(path);
    testing_folder_remove(folder);
}

static void a_full_disk_leaves_nothing_behind_and_keeps_the_old_model(void **state)
{
    (void)state;
    const mf_model_parts parts = sample_parts();
    mf_error err = {0};
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    char *bytes = NULL, *after = NULL;
    size_t n_bytes = 0, n_after = 0;
    assert_ok(mf_model_write(path, &parts, &err), err);
    assert_ok(mf_file_read(path, 1 << 20, &bytes, &n_bytes, &err), err);
    /* A file size limit is a disk that is full after so many bytes. */
    struct rlimit limit, kept;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (size_t most = 0; most < n_bytes; most += 61) {
        limit = (struct rlimit){most, kept.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        mf_error_clear(&err);
        const bool written = mf_model_write(path, &parts, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
        assert_false(written);
        assert_error(&err, MF_ERR_IO, "model.bin: cannot be written: File too large");
    }
    signal(SIGXFSZ, SIG_DFL);
    mf_error_clear(&err);
    assert_ok(mf_file_read(path, 1 << 20, &after, &n_after, &err), err);
    assert_int_equal(n_bytes, n_after);
    assert_memory_equal(bytes, after, n_bytes);
    mf_free(bytes);
    mf_free(after);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* no temporary file either */
    assert_int_equal(mkdir(folder, 0700), 0);
    free(path);
    testing_folder_remove(folder);
}

static void write_says_when_the_folder_cannot_be_written(void **state)
{
    (void)state;
    const mf_model_parts parts = sample_parts();
    mf_error err = {0};
    assert_false(mf_model_write("/proc/self/none/model.bin", &parts, &err));
    assert_error(&err, MF_ERR_IO, "/proc/self/none/model.bin: cannot be created");
}

static void writing_and_opening_are_clean_when_any_allocation_fails(void **state)
{
    (void)state;
    const mf_model_parts parts = sample_parts();
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    bool done = false;
    for (size_t n = 1; !done; n++) {
        mf_error err = {0};
        mf_memory_fail_nth(n);
        done = mf_model_write(path, &parts, &err);
        mf_memory_fail_nth(0);
        if (!done) {
            assert_error(&err, MF_ERR_MEMORY, "no memory");
            assert_false(mf_file_exists(path));
        }
        assert_true(n < 100);
    }
    done = false;
    for (size_t n = 1; !done; n++) {
        mf_error err = {0};
        mf_memory_fail_nth(n);
        mf_model *model = mf_model_open(path, &err);
        mf_memory_fail_nth(0);
        done = model != NULL;
        if (!done)
            assert_error(&err, MF_ERR_MEMORY, "no memory");
        mf_model_close(model);
        assert_true(n < 100);
    }
    free(path);
    testing_folder_remove(folder);
}

/* A server must live on when somebody copies another file over its model. */
static void a_loaded_model_does_not_care_what_becomes_of_its_file(void **state)
{
    (void)state;
    mf_error err = {0};
    const mf_model_parts parts = sample_parts();
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    assert_ok(mf_model_write(path, &parts, &err), err);
    mf_model *model = mf_model_load(path, &err);
    assert_ok(model != NULL, err);
    assert_int_equal((uintptr_t)mf_model_get(model)->user_factors % 64, 0);
    assert_int_equal(truncate(path, 0), 0);
    assert_parts_equal(&parts, mf_model_get(model));
    mf_model_close(model);
    assert_null(mf_model_load(path, &err));
    assert_error(&err, MF_ERR_FORMAT, "model.bin: an empty file");
    mf_error_clear(&err);
    assert_null(mf_model_load(folder, &err));
    assert_error(&err, MF_ERR_FORMAT, "a folder, not a model");
    free(path);
    testing_folder_remove(folder);
}

static void ids_lead_to_indexes(void **state)
{
    (void)state;
    mf_error err = {0};
    size_t n_bytes;
    const mf_model_parts parts = sample_parts();
    unsigned char *bytes = sample_file(&parts, &n_bytes);
    mf_model *model = mf_model_open_bytes(bytes, n_bytes, "sample", &err);
    assert_ok(model != NULL, err);
    assert_int_equal(mf_model_find_user(model, "7", 1), 0);
    assert_int_equal(mf_model_find_user(model, "007", 3), 1);
    assert_int_equal(mf_model_find_user(model, "züri", 5), 2);
    assert_int_equal(mf_model_find_user(model, "1042", 4), MF_INDEX_NONE);
    assert_int_equal(mf_model_find_item(model, "2959", 4), 1);
    assert_int_equal(mf_model_find_item(model, "", 0), MF_INDEX_NONE);
    mf_model_close(model);
    free(bytes);
}

/* 2.0 of a program that writes ids as decimals, and a model trained on such ids. */
static void an_unknown_whole_number_is_found_in_another_notation(void **state)
{
    (void)state;
    static const uint64_t start[] = {0, 3, 4, 7};
    mf_error err = {0};
    size_t n_bytes;
    mf_model_parts parts = sample_parts();
    parts.users = (mf_id_list){3, start,
                               "7.0"
                               "2"
                               "2.0"};
    unsigned char *bytes = sample_file(&parts, &n_bytes);
    mf_model *model = mf_model_open_bytes(bytes, n_bytes, "sample", &err);
    assert_ok(model != NULL, err);
    static const struct {
        const char *id;
        uint32_t index;
    } users[] = {{"7", 0},
                 {"7.0", 0},
                 {"7.00", 0},
                 {"7e0", 0},
                 {"2", 1},
                 {"2.0", 2},
                 {"2.00", 1},
                 {"7.5", MF_INDEX_NONE},
                 {"07", MF_INDEX_NONE},
                 {"8.0", MF_INDEX_NONE}};
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
        assert_int_equal(mf_model_find_user(model, users[i].id, strlen(users[i].id)),
                         users[i].index);
    assert_int_equal(mf_model_find_item(model, "2959.0", 6), 1);
    assert_int_equal(mf_model_find_item(model, "2959.5", 6), MF_INDEX_NONE);
    mf_model_close(model);
    free(bytes);
}

static void predict_is_the_equation_clipped_to_the_scale(void **state)
{
    (void)state;
    mf_error err = {0};
    size_t n_bytes;
    const mf_model_parts parts = sample_parts();
    unsigned char *bytes = sample_file(&parts, &n_bytes);
    mf_model *model = mf_model_open_bytes(bytes, n_bytes, "sample", &err);
    assert_ok(model != NULL, err);
    for (uint32_t user = 0; user < 3; user++)
        for (uint32_t item = 0; item < 4; item++) {
            double rating = 3.5 + (double)sample_user_bias[user] + (double)sample_item_bias[item];
            for (size_t f = 0; f < 3; f++)
                rating +=
                    (double)sample_user_factors[user][f] * (double)sample_item_factors[item][f];
            rating = rating < 0.5 ? 0.5 : rating > 5 ? 5 : rating;
            assert_true(fabs((double)mf_model_predict(model, user, item) - rating) < 1e-5);
        }
    assert_true(mf_model_predict(model, MF_INDEX_NONE, MF_INDEX_NONE) == 3.5f);
    assert_true(mf_model_predict(model, MF_INDEX_NONE, 1) == 4.0f);
    assert_true(mf_model_predict(model, 1, MF_INDEX_NONE) == 3.0f);
    mf_model_close(model);
    free(bytes);
}

static void predict_stays_on_the_scale_when_factors_overflow(void **state)
{
    (void)state;
    mf_error err = {0};
    size_t n_bytes;
    mf_model_parts parts = sample_parts();
    static _Alignas(64) float users[3][16] = {{3e38f, 3e38f}, {-3e38f}, {0}};
    static _Alignas(64) float items[4][16] = {{3e38f, -3e38f}, {3e38f}, {0}, {0}};
    parts.user_factors = users[0];
    parts.item_factors = items[0];
    unsigned char *bytes = sample_file(&parts, &n_bytes);
    mf_model *model = mf_model_open_bytes(bytes, n_bytes, "sample", &err);
    assert_ok(model != NULL, err);
    assert_true(mf_model_predict(model, 0, 0) == 0.5f); /* inf - inf */
    assert_true(mf_model_predict(model, 0, 1) == 5);
    assert_true(mf_model_predict(model, 1, 1) == 0.5f);
    mf_model_close(model);
    free(bytes);
}

/* The plain loop in the order of additions that model/dot.h promises. */
static float dot_as_promised(const float *p, const float *q, size_t stride)
{
    float sum[16] = {0};
    for (size_t f = 0; f < stride; f += 16)
        for (size_t lane = 0; lane < 16; lane++)
            sum[lane] += p[f + lane] * q[f + lane];
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t lane = 0; lane < half; lane++)
            sum[lane] += sum[lane + half];
    return sum[0];
}

static void dot_adds_in_the_promised_order_and_is_near_the_exact_sum(void **state)
{
    (void)state;
    static _Alignas(64) float p[1024], q[1024];
    for (uint64_t n = 0; n < 200; n++) {
        const size_t stride = 16 * (1 + mf_random_below(6, n, 64));
        double exact = 0, size = 0;
        for (size_t f = 0; f < stride; f++) {
            p[f] = mf_random_normal(4, n * 1024 + f);
            q[f] = mf_random_normal(5, n * 1024 + f);
            exact += (double)p[f] * (double)q[f];
            size += fabs((double)p[f] * (double)q[f]);
        }
        const float found = mf_dot(p, q, stride), promised = dot_as_promised(p, q, stride);
        assert_memory_equal(&found, &promised, sizeof found);
        assert_true(fabs((double)found - exact) <= ((double)stride / 16 + 5) * 0x1p-24 * size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_what_is_opened),
        cmocka_unit_test(a_model_of_one_user_one_item_and_no_rating_is_a_model),
        cmocka_unit_test(a_model_of_many_pieces_comes_back_too),
        cmocka_unit_test(a_ranking_model_costs_no_more_than_its_vectors_and_five_bytes_per_rating),
        cmocka_unit_test(write_rejects_one_wrong_value_wherever_it_is),
        cmocka_unit_test(write_rejects_parts_that_break_a_promise),
        cmocka_unit_test(a_full_disk_leaves_nothing_behind_and_keeps_the_old_model),
        cmocka_unit_test(write_says_when_the_folder_cannot_be_written),
        cmocka_unit_test(writing_and_opening_are_clean_when_any_allocation_fails),
        cmocka_unit_test(a_loaded_model_does_not_care_what_becomes_of_its_file),
        cmocka_unit_test(ids_lead_to_indexes),
        cmocka_unit_test(an_unknown_whole_number_is_found_in_another_notation),
        cmocka_unit_test(predict_is_the_equation_clipped_to_the_scale),
        cmocka_unit_test(predict_stays_on_the_scale_when_factors_overflow),
        cmocka_unit_test(dot_adds_in_the_promised_order_and_is_near_the_exact_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
