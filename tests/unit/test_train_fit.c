/* test_train_fit.c: a model from ratings in memory (train/fit.h), and its lists. */
#include "evaluate_testing.h"

#include "base/file.h"
#include "evaluate/model_lists.h"
#include "train/fit.h"

typedef struct chosen {
    mf_settings settings;
    mf_train_settings values;
} chosen;

static chosen c;

static const mf_train_settings *few_epochs(uint32_t n_threads)
{
    mf_error err = {0};
    assert_ok(mf_train_settings_start(&c.settings, &c.values, &err), err);
    c.values.h.n_factors = 4;
    c.values.h.n_epochs = 2;
    c.values.h.n_threads = n_threads;
    return &c.values;
}

/* Ids "0", "1", … are needed for a file. */
static mf_ratings with_ids(mf_ratings r)
{
    mf_id_list *lists[] = {&r.users, &r.items};
    const uint32_t n[] = {r.n_users, r.n_items};
    for (int i = 0; i < 2; i++) {
        uint64_t *start = made((size_t)n[i] + 1, sizeof *start);
        char *bytes = made(n[i], 12);
        for (uint32_t k = 0; k < n[i]; k++)
            start[k + 1] = start[k] + (uint64_t)sprintf(bytes + start[k], "%u", k);
        *lists[i] = (mf_id_list){n[i], start, bytes};
    }
    return r;
}

static void clear(mf_ratings *r)
{
    mf_free(r->users.start);
    mf_free(r->users.bytes);
    mf_free(r->items.start);
    mf_free(r->items.bytes);
    ratings_clear(r);
}

static mf_ratings sample(mf_feedback feedback)
{
    mf_ratings r = with_ids(random_ratings(50, 30, 25, 11));
    r.feedback = feedback;
    return r;
}

static void both_models_are_learned_from_what_is_handed_over(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_ratings r = sample(MF_FEEDBACK_EXPLICIT);
    mf_fit fit;
    assert_ok(mf_fit_model(few_epochs(2), &r, &fit, &err), err);
    const mf_model_parts *p = mf_model_get(fit.model);
    assert_int_equal(p->n_factors, 4);
    assert_true(p->ranking.n_factors > 0);
    assert_int_equal(p->n_rated, r.n_ratings);
    assert_memory_equal(p->rated_items, r.item, r.n_ratings * sizeof *r.item);
    const mf_grading g = mf_ranking_grading(&r, MF_TRAIN_GRADING_AUTO);
    for (uint64_t k = 0; k < r.n_ratings; k++)
        assert_int_equal(p->ranking.grades[k], mf_grade_code(&g, r.value[k]));
    assert_true(p->ranking.relevant_rating == mf_ranking_relevant(&r));
    assert_true(fit.report.steps > 0);
    mf_fit_release(&fit);
    clear(&r);
}

static void implicit_feedback_has_no_rating_model(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_ratings r = sample(MF_FEEDBACK_IMPLICIT);
    mf_fit fit;
    assert_ok(mf_fit_model(few_epochs(2), &r, &fit, &err), err);
    assert_int_equal(mf_model_get(fit.model)->n_factors, 0);
    assert_true(mf_model_get(fit.model)->ranking.n_factors > 0);
    mf_fit_release(&fit);
    clear(&r);
}

static void the_number_of_threads_changes_no_byte(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_ratings r = sample(MF_FEEDBACK_EXPLICIT);
    static const uint32_t threads[] = {1, 2, 3, 8};
    size_t n_first = 0;
    char *first = NULL;
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    for (int t = 0; t < 4; t++) {
        mf_fit fit;
        size_t n_bytes;
        char *bytes;
        assert_ok(mf_fit_model(few_epochs(threads[t]), &r, &fit, &err), err);
        assert_ok(mf_model_write(path, mf_model_get(fit.model), &err), err);
        assert_ok(mf_file_read(path, 1 << 24, &bytes, &n_bytes, &err), err);
        if (t == 0) {
            first = bytes;
            n_first = n_bytes;
        } else {
            assert_int_equal(n_bytes, n_first);
            assert_memory_equal(bytes, first, n_bytes);
            mf_free(bytes);
        }
        mf_fit_release(&fit);
    }
    mf_free(first);
    free(path);
    testing_folder_remove(folder);
    clear(&r);
}

static void nothing_to_learn_from_is_refused(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_ratings r = with_ids(ratings_of(2, 2, NULL, 0));
    mf_fit fit;
    assert_false(mf_fit_model(few_epochs(1), &r, &fit, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "no rating to learn from");
    assert_null(fit.model);
    mf_fit_release(&fit);
    clear(&r);
}

static void failing_allocations_are_errors(void **state)
{
    (void)state;
    mf_ratings r = sample(MF_FEEDBACK_EXPLICIT);
    bool ok = false;
    for (size_t n = 1; !ok; n++) {
        mf_error err = {0};
        mf_fit fit;
        mf_memory_fail_nth(n);
        ok = mf_fit_model(few_epochs(1), &r, &fit, &err);
        mf_memory_fail_nth(0);
        if (!ok) {
            assert_int_equal(err.code, MF_ERR_MEMORY);
            assert_null(fit.model);
        }
        mf_fit_release(&fit);
        assert_true(n < 5000);
    }
    clear(&r);
}

/* What a model file says was held out may come back, what it learned from may not. */
static void a_list_leaves_out_what_has_a_grade_alone(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_ratings r = sample(MF_FEEDBACK_EXPLICIT);
    mf_fit fit;
    assert_ok(mf_fit_model(few_epochs(2), &r, &fit, &err), err);
    mf_model_parts parts = *mf_model_get(fit.model);
    uint8_t *grades = made(parts.n_rated, 1);
    uint32_t *ranks = NULL;
    triple *held_rows = made(parts.n_rated, sizeof *held_rows);
    size_t n_held = 0;
    for (uint32_t u = 0; u < parts.n_users; u++)
        for (uint64_t k = parts.rated_start[u]; k < parts.rated_start[u + 1]; k++) {
            grades[k] = k % 4 == 0 ? 0 : parts.ranking.grades[k];
            /* Every other one of these is held out, and so is one that was learned from. */
            if (k % 8 == 0 || k % 8 == 1)
                held_rows[n_held++] = (triple){u, parts.rated_items[k], 5};
        }
    parts.ranking.grades = grades;
    parts.ranking.time_ranks = ranks;
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    assert_ok(mf_model_write(path, &parts, &err), err);
    mf_model *changed = mf_model_load(path, &err);
    assert_ok(changed != NULL, err);
    mf_recommender *recommender = mf_recommender_create(changed, SIZE_MAX, &err);
    assert_ok(recommender != NULL, err);
    mf_held_out held = held_out_of(held_rows, n_held, parts.n_users, 4);
    static const mf_order orders[] = {MF_ORDER_RANKING, MF_ORDER_RATING, MF_ORDER_POPULARITY};
    for (int o = 0; o < 3; o++) {
        const mf_model_lists lists = {.recommender = recommender, .order = orders[o]};
        const mf_list_source source = mf_model_lists_source(&lists);
        mf_evaluation e;
        assert_ok(mf_evaluate_lists(&source, &held,
                                    &(mf_evaluation_options){.k = 30, .n_threads = 2}, &e, &err),
                  err);
        assert_true(e.n_users > 20 && e.n_repeated > 20);
        size_t came_back = 0;
        for (uint32_t n = 0; n < e.n_users; n++)
            for (uint64_t k = parts.rated_start[e.user[n]]; k < parts.rated_start[e.user[n] + 1];
                 k++) {
                bool listed = false;
                for (uint32_t j = 0; j < e.length; j++)
                    listed |= e.list[(size_t)n * e.length + j] == parts.rated_items[k];
                assert_true(!listed || grades[k] == 0);
                came_back += listed;
            }
        assert_true(came_back > 20);
        mf_evaluation_clear(&e);
    }
    mf_held_out_clear(&held);
    mf_recommender_destroy(recommender);
    mf_model_close(changed);
    mf_fit_release(&fit);
    mf_free(grades);
    mf_free(held_rows);
    free(path);
    testing_folder_remove(folder);
    clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_models_are_learned_from_what_is_handed_over),
        cmocka_unit_test(implicit_feedback_has_no_rating_model),
        cmocka_unit_test(the_number_of_threads_changes_no_byte),
        cmocka_unit_test(nothing_to_learn_from_is_refused),
        cmocka_unit_test(failing_allocations_are_errors),
        cmocka_unit_test(a_list_leaves_out_what_has_a_grade_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
