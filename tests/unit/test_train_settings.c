/* test_train_settings.c: the table of hyperparameters and what follows from it. */
#include "testing.h"

#include "train/settings.h"

#include <math.h>
#include <sched.h>

typedef struct chosen {
    mf_settings settings;
    mf_train_settings values;
} chosen;

/* Pairs of name and value, NULL at the end. */
static void choose(chosen *c, const char *const *pairs)
{
    mf_error err = {0};
    assert_ok(mf_train_settings_start(&c->settings, &c->values, &err), err);
    for (; *pairs != NULL; pairs += 2)
        assert_ok(mf_settings_set(&c->settings, pairs[0], pairs[1], strlen(pairs[1]), &err), err);
    mf_train_settings_finish(&c->values);
}
#define CHOOSE(c, ...) choose(c, (const char *const[]){__VA_ARGS__})

static void a_regularization_that_is_not_given_is_the_common_one(void **state)
{
    (void)state;
    static chosen c;
    CHOOSE(&c, "regularization", "0.3", "bias_regularization", "0.4", NULL);
    assert_true(c.values.h.user_regularization == 0.3);
    assert_true(c.values.h.item_regularization == 0.3);
    assert_true(c.values.h.user_bias_regularization == 0.4);
    assert_true(c.values.h.item_bias_regularization == 0.4);
    CHOOSE(&c, "user_regularization", "0", "reg_qi", "0.5", "item_bias_regularization", "0", NULL);
    assert_true(c.values.h.user_regularization == 0); /* given, though it is 0 */
    assert_true(c.values.h.item_regularization == 0.5);
    assert_true(c.values.h.user_bias_regularization == 0.02);
    assert_true(c.values.h.item_bias_regularization == 0);
    assert_true(mf_train_settings_is_given(&c.settings, "user_regularization"));
    assert_true(mf_train_settings_is_given(&c.settings, "item_regularization"));
    assert_false(mf_train_settings_is_given(&c.settings, "user_bias_regularization"));
    assert_false(mf_train_settings_is_given(&c.settings, "reg_qi")); /* no name */
}

static void every_alias_leads_to_its_setting(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"num_factors", "n_factors"},
        {"epochs", "n_epochs"},
        {"num_epochs", "n_epochs"},
        {"k", "n_factors"},
        {"nr_iters", "n_epochs"},
        {"nr_threads", "n_threads"},
        {"l2", "regularization"},
        {"lambda_p2", "user_regularization"},
        {"lambda_q2", "item_regularization"},
        {"reg_pu", "user_regularization"},
        {"reg_qi", "item_regularization"},
        {"reg_bu", "user_bias_regularization"},
        {"reg_bi", "item_bias_regularization"},
        {"random_state", "seed"},
        {"max_iter", "n_epochs"},
        {"lambda_reg", "regularization"},
        {"regParam", "regularization"},
        {"topk", "evaluation_k"},
        {"num_threads", "n_threads"},
        {"stopping_step", "early_stopping_patience"},
        {"userCol", "user_column"},
        {"ITEM_ID_FIELD", "item_column"},
        {"ratingCol", "rating_column"},
        {"TIME_FIELD", "timestamp_column"},
    };
    static chosen c;
    for (size_t p = 0; p < sizeof pairs / sizeof pairs[0]; p++) {
        CHOOSE(&c, pairs[p][0], "1", NULL);
        for (size_t i = 0; i < c.settings.n; i++)
            assert_int_equal(mf_settings_is_given(&c.settings, i),
                             strcmp(c.settings.table[i].name, pairs[p][1]) == 0);
    }
}

static void surprises_names_for_all_set_the_biases_too(void **state)
{
    (void)state;
    static chosen c;
    CHOOSE(&c, "lr_all", "0.01", "reg_all", "0.1", NULL);
    assert_true(c.values.h.learning_rate == 0.01);
    assert_true(c.values.h.bias_learning_rate == 0.01);
    assert_true(c.values.h.user_regularization == 0.1);
    assert_true(c.values.h.item_regularization == 0.1);
    assert_true(c.values.h.user_bias_regularization == 0.1);
    assert_true(c.values.h.item_bias_regularization == 0.1);
    /* One of its own comes before, as there. */
    CHOOSE(&c, "reg_qi", "0.3", "bias_learning_rate", "0.2", "lr_all", "0.01", "reg_all", "0.1",
           "reg_bu", "0", NULL);
    assert_true(c.values.h.learning_rate == 0.01);
    assert_true(c.values.h.bias_learning_rate == 0.2);
    assert_true(c.values.h.user_regularization == 0.1);
    assert_true(c.values.h.item_regularization == 0.3);
    assert_true(c.values.h.user_bias_regularization == 0);
    assert_true(c.values.h.item_bias_regularization == 0.1);
}

static void other_libraries_word_for_the_number_of_factors_sets_both_models(void **state)
{
    (void)state;
    static const char *const names[] = {"factors", "rank", "no_components", "embedding_size",
                                        "features"};
    static chosen c;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CHOOSE(&c, names[i], "24", NULL);
        assert_int_equal(c.values.h.n_factors, 24);
        assert_int_equal(c.values.ranking_factors, 24);
        CHOOSE(&c, names[i], "24", "ranking_factors", "auto", NULL);
        assert_int_equal(c.values.h.n_factors, 24);
        assert_int_equal(c.values.ranking_factors, 0);
    }
}

static void the_ranking_models_settings_choose_themselves(void **state)
{
    (void)state;
    static chosen c;
    CHOOSE(&c, NULL, NULL);
    assert_true(c.values.ranking);
    assert_int_equal(c.values.ranking_factors, 0);
    assert_true(c.values.ranking_regularization == MF_SPECTRAL_AUTO);
    assert_true(c.values.recency == MF_SPECTRAL_AUTO);
    assert_true(c.values.ranking_prior == MF_SPECTRAL_AUTO);
    assert_true(isinf(c.values.relevant_rating));
    assert_int_equal(c.values.grading, MF_TRAIN_GRADING_AUTO);
    assert_int_equal(c.values.feedback, MF_FEEDBACK_AUTO);
    CHOOSE(&c, "relevant_rating", "-2.5", "grading", "ONE", "feedback", "implicit",
           "validation_split", "leave-last", NULL);
    assert_true(c.values.relevant_rating == -2.5);
    assert_int_equal(c.values.grading, MF_TRAIN_GRADING_ONE);
    assert_int_equal(c.values.feedback, MF_FEEDBACK_IMPLICIT);
    assert_int_equal(c.values.validation_split, MF_TRAIN_SPLIT_LEAVE_LAST);
}

static void names_that_mean_nothing_here_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"feature_dim", "hyperparameter feature_dim does not exist here: how many users and items "
                        "there are is learned from the data; remove it"},
        {"mini_batch_size", "remove it"},
        {"predictor_type", "remove it"},
        {"factors_lr", "learning_rate"},
        {"bias_wd", "bias_regularization"},
        {"lr_pu", "use learning_rate"},
        {"lr_bi", "use bias_learning_rate"},
        {"init_std_dev", "use init_scale, which is that times the square root of n_factors"},
        {"biased", "bias_learning_rate 0"},
        {"eta", "use learning_rate"},
        {"iterations", "use n_epochs for the rating model's passes"},
        {"maxIter", "ranking_steps for the ranking model"},
        {"alpha", "ranking_regularization"},
        {"implicitPrefs", "feedback=implicit"},
        {"train_batch_size", "remove it"},
        {"loss", "no negative items are sampled"},
        {"user_alpha", "use user_regularization"},
        {"use_bias", "bias_learning_rate 0"},
        {"use_gpu", "remove it"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        static chosen c;
        mf_error err = {0};
        assert_ok(mf_train_settings_start(&c.settings, &c.values, &err), err);
        assert_false(mf_settings_set(&c.settings, cases[k][0], "1", 1, &err));
        assert_error(&err, MF_ERR_CONFIG, cases[k][1]);
        assert_error(&err, MF_ERR_CONFIG, "does not exist here: ");
    }
}

static void values_outside_their_range_are_refused(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"n_factors", "0", "expected a whole number from 1 to 4096"},
        {"n_factors", "4097", "expected a whole number from 1 to 4096"},
        {"n_epochs", "0", "from 1 to 100000"},
        {"learning_rate", "0", "above 0"},
        {"learning_rate", "10.01", "10"},
        {"learning_rate", "nan", "learning_rate is \"nan\""},
        {"bias_learning_rate", "-0.1", "from 0 to 10"},
        {"learning_rate_decay", "1.1", "from 0 to 1"},
        {"regularization", "-1", "from 0 to 10"},
        {"implicit_rate", "2", "below 2"},
        {"implicit_damping", "-1", "from 0"},
        {"init_scale", "0", "above 0"},
        {"validation_fraction", "1", "below 1"},
        {"early_stopping_patience", "-1", "from 0"},
        {"seed", "-1", "from 0"},
        {"n_threads", "257", "from 0 to 256"},
        {"checkpoint_every", "0", "from 1"},
        {"checkpoint_keep", "0", "from 1 to 1000"},
        {"n_factor", "8", "did you mean n_factors?"},
        {"ranking_factors", "0", "expected a whole number from 1 to 4096, or auto"},
        {"ranking_factors", "4097", "from 1 to 4096"},
        {"ranking_regularization", "-1", "from 0 to 1000000000000, or auto"},
        {"ranking_regularization", "inf", "expected a number"},
        {"recency", "1.5", "from 0 to 1, or auto"},
        {"recency", "nan", "from 0 to 1, or auto"},
        {"ranking_prior", "-0.1", "from 0"},
        {"ranking_steps", "0", "from 1"},
        {"ranking_tolerance", "2", "from 0 to 1"},
        {"grading", "stars", "one of auto, logistic, log, one"},
        {"relevant_rating", "1e39", "or auto"},
        {"feedback", "both", "one of auto, explicit, implicit"},
        {"validation_split", "newest", "one of random, time, leave-last"},
        {"evaluation_k", "0", "from 1 to 1000"},
        {"ranking", "2", "true or false"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        static chosen c;
        mf_error err = {0};
        assert_ok(mf_train_settings_start(&c.settings, &c.values, &err), err);
        assert_false(
            mf_settings_set(&c.settings, cases[k][0], cases[k][1], strlen(cases[k][1]), &err));
        assert_error(&err, MF_ERR_CONFIG, cases[k][2]);
    }
}

static void n_threads_zero_is_every_cpu_that_there_is(void **state)
{
    (void)state;
    static chosen c;
    cpu_set_t mask, one;
    assert_int_equal(sched_getaffinity(0, sizeof mask, &mask), 0);
    CHOOSE(&c, NULL);
    assert_int_equal(c.values.h.n_threads,
                     CPU_COUNT(&mask) < MF_THREADS_MAX ? CPU_COUNT(&mask) : MF_THREADS_MAX);
    CHOOSE(&c, "n_threads", "7", NULL);
    assert_int_equal(c.values.h.n_threads, 7);
    /* The affinity mask counts, which is what a container has. */
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &mask))
            CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    CHOOSE(&c, NULL);
    assert_int_equal(sched_setaffinity(0, sizeof mask, &mask), 0);
    assert_int_equal(c.values.h.n_threads, 1);
}

static void
threads_checkpoints_hosts_columns_gate_and_report_do_not_shape_the_model_all_else_does(void **state)
{
    (void)state;
    static chosen c;
    CHOOSE(&c, NULL);
    for (size_t i = 0; i < c.settings.n; i++) {
        const char *name = c.settings.table[i].name;
        const bool is_apart =
            strcmp(name, "n_threads") == 0 || strcmp(name, "checkpoint_every") == 0 ||
            strcmp(name, "item_columns") == 0 || strcmp(name, "checkpoint_keep") == 0 ||
            strncmp(name, "hosts_", strlen("hosts_")) == 0 || strcmp(name, "gate_level") == 0 ||
            strcmp(name, "report") == 0;
        assert_int_equal(mf_train_settings_shapes_model(&c.settings.table[i]), !is_apart);
    }
}

/* Gives entry i another value than it has, whatever it is; false when nothing fits. */
static bool set_otherwise(chosen *c, size_t i)
{
    static const char *const texts[] = {"1", "2", "3", "0", "0.5", "7", "true", "false", "x"};
    const mf_setting *setting = &c->settings.table[i];
    char words[256];
    char before[MF_SETTING_TEXT_BYTES], after[MF_SETTING_TEXT_BYTES];
    mf_settings_text(&c->settings, i, before);
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        mf_error err = {0};
        CHOOSE(c, NULL);
        if (mf_settings_set(&c->settings, setting->name, texts[t], strlen(texts[t]), &err) &&
            strcmp(mf_settings_text(&c->settings, i, after), before) != 0)
            return true;
    }
    snprintf(words, sizeof words, "%s", setting->choices != NULL ? setting->choices : "");
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
        mf_error err = {0};
        CHOOSE(c, NULL);
        if (mf_settings_set(&c->settings, setting->name, word, strlen(word), &err) &&
            strcmp(mf_settings_text(&c->settings, i, after), before) != 0)
            return true;
    }
    return false;
}

static void every_setting_that_shapes_the_model_changes_the_fingerprint(void **state)
{
    (void)state;
    static chosen c;
    static uint64_t seen[MF_SETTINGS_MAX + 1];
    size_t n = 0;
    CHOOSE(&c, NULL);
    seen[n++] = mf_train_settings_fingerprint(&c.settings);
    for (size_t i = 0; i < c.settings.n; i++) {
        const char *name = c.settings.table[i].name;
        CHOOSE(&c, NULL);
        if (!set_otherwise(&c, i))
            fail_msg("no other value found for %s", name);
        const uint64_t print = mf_train_settings_fingerprint(&c.settings);
        if (!mf_train_settings_shapes_model(&c.settings.table[i])) {
            if (print != seen[0])
                fail_msg("%s changes the fingerprint", name);
            continue;
        }
        for (size_t k = 0; k < n; k++)
            if (print == seen[k])
                fail_msg("%s does not change the fingerprint, or as another does", name);
        seen[n++] = print;
    }
    assert_true(n > 20);
}

/* An entry more, as a later version may have: another fingerprint, whatever its value. */
static void a_further_entry_changes_the_fingerprint_and_a_given_default_does_not(void **state)
{
    (void)state;
    static chosen c;
    CHOOSE(&c, NULL);
    const uint64_t base = mf_train_settings_fingerprint(&c.settings);
    CHOOSE(&c, "n_factors", "64", "lr_all", "0.025", "bias_learning_rate", "5e-3", NULL);
    assert_true(mf_train_settings_fingerprint(&c.settings) == base);
    mf_setting longer[MF_SETTINGS_MAX];
    mf_settings settings = c.settings;
    memcpy(longer, settings.table, settings.n * sizeof *longer);
    longer[settings.n] = longer[0];
    longer[settings.n].name = "a_further_one";
    settings.table = longer;
    assert_true(mf_train_settings_fingerprint(&settings) == base);
    settings.n++;
    const uint64_t further = mf_train_settings_fingerprint(&settings);
    assert_true(further != base);
    longer[settings.n - 1].name = "another_one";
    assert_true(mf_train_settings_fingerprint(&settings) != further);
    longer[settings.n - 1].name = "checkpoint_further";
    assert_true(mf_train_settings_fingerprint(&settings) == base);
}

static void columns_and_limits_reach_the_reader(void **state)
{
    (void)state;
    static chosen c;
    CHOOSE(&c, "max_bad_rows", "9007199254740992", "n_threads", "3", NULL);
    mf_ratings_options o;
    mf_error err = {0};
    assert_ok(mf_train_settings_options(&c.values, &o, &err), err);
    assert_null(o.user_column);
    assert_null(o.item_column);
    assert_null(o.rating_column);
    assert_null(o.timestamp_column);
    assert_true(o.max_bad_rows == UINT64_C(9007199254740992));
    assert_int_equal(o.n_threads, 3);
    assert_int_equal(o.times, MF_TIMES_RANKED);
    char longest[MF_COLUMN_BYTES];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CHOOSE(&c, "user_column", "u", "item_column", "i", "rating_column", longest, "timestamp_column",
           "t", NULL);
    assert_ok(mf_train_settings_options(&c.values, &o, &err), err);
    assert_string_equal(o.user_column, "u");
    assert_string_equal(o.item_column, "i");
    assert_string_equal(o.rating_column, longest);
    assert_string_equal(o.timestamp_column, "t");
    CHOOSE(&c, "ranking", "false", "report", "false", NULL);
    assert_ok(mf_train_settings_options(&c.values, &o, &err), err);
    assert_int_equal(o.times, MF_TIMES_UNUSED);
    CHOOSE(&c, "ranking", "false", "report", "false", "validation_split", "time", NULL);
    assert_ok(mf_train_settings_options(&c.values, &o, &err), err);
    assert_int_equal(o.times, MF_TIMES_RANKED);
}

static void help_names_every_setting_with_its_default(void **state)
{
    (void)state;
    static chosen c;
    CHOOSE(&c, NULL);
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&text, &n_bytes);
    mf_settings_print_help(&c.settings, out);
    fclose(out);
    for (size_t i = 0; i < c.settings.n; i++) {
        assert_non_null(c.settings.table[i].help);
        assert_non_null(strstr(text, c.settings.table[i].name));
        assert_non_null(strstr(text, c.settings.table[i].help));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(surprises_names_for_all_set_the_biases_too),
        cmocka_unit_test(other_libraries_word_for_the_number_of_factors_sets_both_models),
        cmocka_unit_test(the_ranking_models_settings_choose_themselves),
        cmocka_unit_test(names_that_mean_nothing_here_are_refused_with_a_reason),
        cmocka_unit_test(a_regularization_that_is_not_given_is_the_common_one),
        cmocka_unit_test(every_alias_leads_to_its_setting),
        cmocka_unit_test(values_outside_their_range_are_refused),
        cmocka_unit_test(n_threads_zero_is_every_cpu_that_there_is),
        cmocka_unit_test(
            threads_checkpoints_hosts_columns_gate_and_report_do_not_shape_the_model_all_else_does),
        cmocka_unit_test(every_setting_that_shapes_the_model_changes_the_fingerprint),
        cmocka_unit_test(a_further_entry_changes_the_fingerprint_and_a_given_default_does_not),
        cmocka_unit_test(columns_and_limits_reach_the_reader),
        cmocka_unit_test(help_names_every_setting_with_its_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
