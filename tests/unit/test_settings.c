/* test_settings.c: the table-driven reader of settings. Numbers in
 * brackets are lines of the checklist in docs/sagemaker.md. */
#include "testing.h"

#include "base/settings.h"

#include <locale.h>
#include <math.h>

typedef struct options {
    uint32_t n_factors;
    int32_t offset;
    uint64_t seed;
    double learning_rate;
    float regularization;
    double momentum;
    double weight;
    bool shuffle;
    char user_column[16];
    uint32_t schedule;
} options;

static const mf_setting table[] = {
    {.name = "n_factors",
     .aliases = "factors k",
     .type = MF_SETTING_INTEGER,
     .min = 1,
     .max = 4096,
     .initial = "64",
     .help = "Length of a row",
     MF_SETTING_FIELD(options, n_factors)},
    {.name = "offset",
     .type = MF_SETTING_INTEGER,
     .min = -5,
     .max = 5,
     .initial = "-2",
     MF_SETTING_FIELD(options, offset)},
    {.name = "seed",
     .type = MF_SETTING_INTEGER,
     .min = 0,
     .max = 0x1p53,
     .initial = "0",
     MF_SETTING_FIELD(options, seed)},
    {.name = "learning_rate",
     .type = MF_SETTING_REAL,
     .min = 0,
     .above_min = true,
     .max = 1,
     .initial = "0.05",
     .help = "Step",
     MF_SETTING_FIELD(options, learning_rate)},
    {.name = "regularization",
     .type = MF_SETTING_REAL,
     .min = 0,
     .max = 1,
     .below_max = true,
     .initial = "0.1",
     MF_SETTING_FIELD(options, regularization)},
    {.name = "momentum",
     .type = MF_SETTING_REAL,
     .min = 0,
     .max = 10,
     .initial = "0",
     MF_SETTING_FIELD(options, momentum)},
    {.name = "weight",
     .type = MF_SETTING_REAL,
     .min = -INFINITY,
     .max = INFINITY,
     .initial = "1",
     MF_SETTING_FIELD(options, weight)},
    {.name = "shuffle",
     .type = MF_SETTING_BOOLEAN,
     .initial = "true",
     MF_SETTING_FIELD(options, shuffle)},
    {.name = "user_column",
     .type = MF_SETTING_TEXT,
     .min = 1,
     .initial = "userId",
     MF_SETTING_FIELD(options, user_column)},
    {.name = "schedule",
     .type = MF_SETTING_CHOICE,
     .choices = "constant inverse cosine",
     .initial = "inverse",
     MF_SETTING_FIELD(options, schedule)},
};
enum { N = sizeof table / sizeof table[0] };

static options chosen;
static mf_settings settings;

static void start(void)
{
    mf_error err = {0};
    assert_ok(mf_settings_start(&settings, table, N, "hyperparameter", &chosen, &err), err);
}

static bool set(const char *name, const char *value, mf_error *err)
{
    return mf_settings_set(&settings, name, value, strlen(value), err);
}

/* The value in a table that was just started, or the error. */
static void accepts(const char *name, const char *value)
{
    mf_error err = {0};
    start();
    assert_ok(set(name, value, &err), err);
}

static void refuses(const char *name, const char *value, const char *piece)
{
    mf_error err = {0};
    start();
    const options before = chosen;
    assert_false(set(name, value, &err));
    assert_error(&err, MF_ERR_CONFIG, piece);
    assert_memory_equal(&before, &chosen, sizeof before);
}

static void start_writes_every_default(void **state)
{
    (void)state;
    memset(&chosen, 0xAA, sizeof chosen);
    start();
    assert_int_equal(chosen.n_factors, 64);
    assert_int_equal(chosen.offset, -2);
    assert_true(chosen.learning_rate == 0.05);
    assert_true(chosen.regularization == 0.1f);
    assert_true(chosen.shuffle);
    assert_string_equal(chosen.user_column, "userId");
    assert_int_equal(chosen.schedule, 1);
    for (size_t i = 0; i < N; i++)
        assert_false(mf_settings_is_given(&settings, i));
}

/* [18] numbers from texts, exponents included */
static void numbers_take_exponents_signs_and_blanks(void **state)
{
    (void)state;
    accepts("n_factors", "1e2");
    assert_int_equal(chosen.n_factors, 100);
    accepts("n_factors", " 10.0\n");
    assert_int_equal(chosen.n_factors, 10);
    accepts("offset", "+4");
    assert_int_equal(chosen.offset, 4);
    accepts("offset", "-5");
    assert_int_equal(chosen.offset, -5);
    accepts("seed", "9007199254740992");
    assert_true(chosen.seed == UINT64_C(9007199254740992));
    accepts("learning_rate", "5E-3");
    assert_true(chosen.learning_rate == 0.005);
    accepts("learning_rate", ".5");
    assert_true(chosen.learning_rate == 0.5);
    accepts("weight", "-1e300");
    assert_true(chosen.weight == -1e300);
}

/* [24] key, value and allowed range */
static void errors_name_key_value_and_range(void **state)
{
    (void)state;
    refuses("n_factors", "many",
            "hyperparameter n_factors is \"many\": expected a whole number from 1 to 4096");
    refuses("n_factors", "0", "is \"0\": expected a whole number from 1 to 4096");
    refuses("n_factors", "-1", "is \"-1\"");
    refuses("n_factors", "1e9", "is \"1e9\"");
    refuses("n_factors", "2.5", "is \"2.5\": expected a whole number");
    refuses("n_factors", "", "is \"\"");
    refuses("n_factors", "12 13", "is \"12 13\"");
    refuses("n_factors", "0x10", "is \"0x10\"");
    refuses("k", "many", "hyperparameter k (n_factors) is \"many\"");
    refuses("seed", "9007199254740993000", "expected a whole number from 0 to 9007199254740992");
    refuses("learning_rate", "0", "expected a number above 0 and at most 1");
    refuses("learning_rate", "nan", "is \"nan\"");
    refuses("learning_rate", "1e400", "is \"1e400\"");
    refuses("learning_rate", "inf", "is \"inf\"");
    refuses("learning_rate", "0,05", "is \"0,05\"");
    refuses("regularization", "1", "expected a number of at least 0 and below 1");
    refuses("momentum", "10.5", "expected a number from 0 to 10");
    refuses("weight", "x", "expected a number");
    refuses("shuffle", "maybe", "expected true or false");
    refuses("user_column", " ", "expected text of 1 to 15 bytes");
    refuses("user_column", "sixteen bytes ...", "expected text of 1 to 15 bytes");
    refuses("user_column", "a\tb", "is \"a\\x09b\"");
    refuses("user_column", "\xFF", "is \"\\xff\"");
    refuses("schedule", "linear", "expected one of constant, inverse, cosine");
}

/* 1 - 1e-12 is below 1 as a double and 1 as a float. */
static void a_float_is_checked_after_rounding(void **state)
{
    (void)state;
    refuses("regularization", "0.999999999999", "below 1");
    accepts("regularization", "0.999999");
    assert_true(chosen.regularization < 1.0f);
}

/* [20] true, True mean the same */
static void booleans_have_many_forms(void **state)
{
    (void)state;
    static const char *const yes[] = {"true", "True", "TRUE", "1", "yes", "Y", "on", " t "};
    static const char *const no[] = {"false", "False", "FALSE", "0", "no", "N", "off", "f"};
    for (size_t i = 0; i < 8; i++) {
        accepts("shuffle", yes[i]);
        assert_true(chosen.shuffle);
        accepts("shuffle", no[i]);
        assert_false(chosen.shuffle);
    }
}

static void choices_and_texts_are_trimmed(void **state)
{
    (void)state;
    accepts("schedule", " Cosine ");
    assert_int_equal(chosen.schedule, 2);
    accepts("user_column", "  Käufer  ");
    assert_string_equal(chosen.user_column, "Käufer");
}

/* [23] the unknown key is named */
static void an_unknown_name_gets_the_nearest_known_one(void **state)
{
    (void)state;
    refuses("n_factor", "1", "unknown hyperparameter \"n_factor\": did you mean n_factors?");
    refuses("N_FACTORS", "1", "did you mean n_factors?");
    refuses("learning_raet", "1", "did you mean learning_rate?");
    refuses("factros", "1", "did you mean n_factors?"); /* by its alias */
    refuses("bananas", "1",
            "unknown hyperparameter \"bananas\": the known ones are n_factors, offset, seed,");
    refuses("", "1", "unknown hyperparameter \"\": the known ones");
    refuses("a\nb", "1", "\"a\\x0ab\"");
    char long_name[300];
    memset(long_name, 'n', sizeof long_name);
    long_name[299] = '\0';
    refuses(long_name, "1", "…\": the known ones");
}

static void edit_distance_counts_a_swap_as_one(void **state)
{
    (void)state;
    assert_int_equal(mf_edit_distance("abcd", 4, "abdc", 4), 1);
    assert_int_equal(mf_edit_distance("abcd", 4, "ABCD", 4), 0);
    assert_int_equal(mf_edit_distance("", 0, "abc", 3), 3);
    assert_int_equal(mf_edit_distance("kitten", 6, "sitting", 7), 3);
    assert_int_equal(mf_edit_distance("ca", 2, "abc", 3), 3); /* not 2: alignment is optimal */
    char text[MF_EDIT_BYTES_MAX + 1] = {0};
    assert_true(mf_edit_distance(text, sizeof text, "a", 1) == SIZE_MAX);
}

static void a_name_and_its_alias_cannot_both_be_given(void **state)
{
    (void)state;
    mf_error err = {0};
    accepts("k", "8");
    assert_false(set("n_factors", "9", &err));
    assert_error(&err, MF_ERR_CONFIG,
                 "hyperparameter n_factors is given twice: as \"k\" and as \"n_factors\"");
    assert_int_equal(chosen.n_factors, 8);
    assert_true(mf_settings_is_given(&settings, 0));
}

static void a_changed_value_replaces_the_one_before(void **state)
{
    (void)state;
    mf_error err = {0};
    accepts("k", "8");
    assert_ok(mf_settings_change(&settings, "n_factors", "9", 1, &err), err);
    assert_int_equal(chosen.n_factors, 9);
    assert_false(mf_settings_change(&settings, "n_factors", "x", 1, &err));
    assert_error(&err, MF_ERR_CONFIG, "hyperparameter n_factors is \"x\"");
    assert_int_equal(chosen.n_factors, 9);
    assert_true(mf_settings_is_given(&settings, 0));
}

typedef struct rates {
    double rate;
    double bias_rate;
    double user_rate;
    double own_rate;
} rates;

#define RATE(n, ...)                                                                               \
    {                                                                                              \
        .name = #n, .type = MF_SETTING_REAL, .max = 1, __VA_ARGS__ MF_SETTING_FIELD(rates, n)      \
    }

static const mf_setting rate_table[] = {
    RATE(rate, .aliases = "step", .shared = "all_rates", .initial = "0.5", ),
    RATE(bias_rate, .above_min = true, .shared = "all_rates every_rate", .initial = "0.25", ),
    RATE(user_rate, .follows = "rate", ),
    RATE(own_rate, .follows = "user_rate", ),
};

static rates chosen_rates;
static mf_settings rate_settings;

static void start_rates(void)
{
    mf_error err = {0};
    memset(&chosen_rates, 0xFF, sizeof chosen_rates);
    assert_ok(mf_settings_start(&rate_settings, rate_table, 4, "setting", &chosen_rates, &err),
              err);
}

static bool set_rate(const char *name, const char *value, mf_error *err)
{
    return mf_settings_set(&rate_settings, name, value, strlen(value), err);
}

static void assert_rates(double rate, double bias_rate, double user_rate, double own_rate)
{
    assert_true(chosen_rates.rate == rate);
    assert_true(chosen_rates.bias_rate == bias_rate);
    assert_true(chosen_rates.user_rate == user_rate);
    assert_true(chosen_rates.own_rate == own_rate);
}

/* (5) of settings.h */
static void a_shared_name_sets_what_is_not_given_by_a_name_of_its_own(void **state)
{
    (void)state;
    mf_error err = {0};
    start_rates();
    assert_true(set_rate("all_rates", "0.1", &err));
    assert_rates(0.1, 0.1, 0.1, 0.1);
    assert_true(mf_settings_is_given(&rate_settings, 0));
    assert_true(mf_settings_is_given(&rate_settings, 1));
    assert_false(mf_settings_is_given(&rate_settings, 2));
    assert_true(set_rate("step", "0.2", &err));
    assert_rates(0.2, 0.1, 0.2, 0.2);
    start_rates();
    assert_true(set_rate("step", "0.2", &err));
    assert_true(set_rate("all_rates", "0.1", &err));
    assert_rates(0.2, 0.1, 0.2, 0.2);

    assert_false(set_rate("rate", "0.3", &err));
    assert_error(&err, MF_ERR_CONFIG, "rate is given twice: as \"step\" and as \"rate\"");
    mf_error_clear(&err);
    assert_false(set_rate("every_rate", "0.3", &err));
    assert_error(&err, MF_ERR_CONFIG,
                 "bias_rate is given twice: as \"all_rates\" and as \"every_rate\"");
    assert_rates(0.2, 0.1, 0.2, 0.2);

    /* The second of those that share it refuses: the first is untouched. */
    start_rates();
    mf_error_clear(&err);
    assert_false(set_rate("all_rates", "0", &err));
    assert_error(&err, MF_ERR_CONFIG,
                 "setting all_rates (bias_rate) is \"0\": expected a number above 0");
    assert_rates(0.5, 0.25, 0.5, 0.5);
}

/* (6) of settings.h */
static void a_setting_that_follows_has_the_others_value_until_it_is_given(void **state)
{
    (void)state;
    mf_error err = {0};
    char text[MF_SETTING_TEXT_BYTES];
    start_rates();
    assert_rates(0.5, 0.25, 0.5, 0.5);
    assert_true(set_rate("rate", "0.75", &err));
    assert_rates(0.75, 0.25, 0.75, 0.75);
    assert_string_equal(mf_settings_text(&rate_settings, 3, text), "0.75");
    start_rates();
    assert_true(set_rate("user_rate", "0", &err)); /* given, though it is 0 */
    assert_true(set_rate("rate", "0.75", &err));
    assert_rates(0.75, 0.25, 0, 0);

    static const mf_setting backwards[] = {
        RATE(user_rate, .follows = "rate", ),
        RATE(rate, .initial = "1", ),
    };
    mf_settings broken;
    assert_false(mf_settings_start(&broken, backwards, 2, "setting", &chosen_rates, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "setting user_rate cannot follow rate");
}

static void environment_variables_may_share_a_name(void **state)
{
    (void)state;
    mf_error err = {0};
    start_rates();
    setenv("all_rates", "0.125", 1);
    setenv("bias_rate", "0.0625", 1);
    const bool ok = mf_settings_read_environment(&rate_settings, &err);
    unsetenv("all_rates");
    unsetenv("bias_rate");
    assert_ok(ok, err);
    assert_rates(0.125, 0.0625, 0.125, 0.125);
}

static void names_of_other_tools_are_refused_with_what_to_do(void **state)
{
    (void)state;
    static const mf_setting_foreign foreign[] = {
        {"feature_dim", "the data say it; remove it"},
        {"rat batch", "every row is a step"},
    };
    mf_error err = {0};
    start_rates();
    mf_settings_explain(&rate_settings, foreign, 2);
    assert_false(set_rate("feature_dim", "1", &err));
    assert_error(&err, MF_ERR_CONFIG,
                 "setting feature_dim does not exist here: the data say it; remove it");
    mf_error_clear(&err);
    assert_false(set_rate("rat", "1", &err)); /* although it is near to rate */
    assert_error(&err, MF_ERR_CONFIG, "setting rat does not exist here: every row is a step");
    mf_error_clear(&err);
    assert_false(set_rate("", "1", &err));
    assert_error(&err, MF_ERR_CONFIG, "unknown setting");
}

static void the_text_of_a_value_reads_back_as_the_same_bits(void **state)
{
    (void)state;
    static const char *const values[] = {
        "0.1",  "1e-5",       "0.30000000000000004",    "5e-324", "1e300", "-0", "1000000", "0.005",
        "1e15", "123456.789", "2.2250738585072014e-308"};
    char text[MF_SETTING_TEXT_BYTES];
    mf_error err = {0};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        accepts("weight", values[i]);
        const double first = chosen.weight;
        mf_settings_text(&settings, 6, text);
        accepts("weight", text);
        assert_memory_equal(&first, &chosen.weight, sizeof first);
    }
    for (int i = 1; i < 1000; i++) {
        snprintf(text, sizeof text, "%.9g", (double)((float)i / 1001.0f));
        accepts("regularization", text);
        const float first = chosen.regularization;
        accepts("regularization", mf_settings_text(&settings, 4, text));
        assert_memory_equal(&first, &chosen.regularization, sizeof first);
    }
    accepts("regularization", "0.1"); /* short, although it is a float */
    assert_string_equal(mf_settings_text(&settings, 4, text), "0.1");
    accepts("momentum", "10");
    assert_string_equal(mf_settings_text(&settings, 5, text), "10");
    accepts("offset", "-3");
    assert_string_equal(mf_settings_text(&settings, 1, text), "-3");
    accepts("schedule", "COSINE");
    assert_string_equal(mf_settings_text(&settings, 9, text), "cosine");
    accepts("shuffle", "no");
    assert_string_equal(mf_settings_text(&settings, 7, text), "false");
    (void)err;
}

/* [25] numbers do not depend on the locale */
static void a_decimal_comma_locale_changes_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "es_ES.UTF-8",
                                        "nl_NL.UTF-8"};
    bool found = false;
    for (size_t i = 0; i < 5 && !found; i++)
        found =
            setlocale(LC_ALL, names[i]) != NULL && strcmp(localeconv()->decimal_point, ",") == 0;
    if (!found) {
        setlocale(LC_ALL, "C");
        print_message("SKIPPED: this machine has no locale with a decimal comma "
                      "(apt install locales-all)\n");
        skip();
    }
    char text[MF_SETTING_TEXT_BYTES];
    accepts("learning_rate", "0.25");
    assert_true(chosen.learning_rate == 0.25);
    assert_string_equal(mf_settings_text(&settings, 3, text), "0.25");
    refuses("learning_rate", "0,25", "expected a number above 0 and at most 1");
    accepts("learning_rate", "2.5e-7");
    assert_string_equal(mf_settings_text(&settings, 3, text), "2.5e-07");
    setlocale(LC_ALL, "C");
}

static void environment_variables_are_settings_too(void **state)
{
    (void)state;
    typedef struct serving {
        uint32_t port;
        uint32_t n_workers;
    } serving;
    static const mf_setting variables[] = {
        {.name = "MF_TEST_PORT",
         .aliases = "MF_TEST_OLD_PORT",
         .type = MF_SETTING_INTEGER,
         .min = 1,
         .max = 65535,
         .initial = "8080",
         MF_SETTING_FIELD(serving, port)},
        {.name = "MF_TEST_WORKERS",
         .type = MF_SETTING_INTEGER,
         .min = 1,
         .max = INFINITY,
         .initial = "2",
         MF_SETTING_FIELD(serving, n_workers)},
    };
    serving s;
    mf_settings environment;
    mf_error err = {0};
    /* A uint32_t cannot hold "no limit": the table is refused, not the user. */
    assert_false(mf_settings_start(&environment, variables, 2, "environment variable", &s, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "MF_TEST_WORKERS has a field of 4 bytes");

    mf_error_clear(&err);
    assert_ok(mf_settings_start(&environment, variables, 1, "environment variable", &s, &err), err);
    setenv("MF_TEST_OLD_PORT", "9000", 1);
    setenv("MF_TEST_PORT", "", 1); /* empty counts as absent */
    assert_ok(mf_settings_read_environment(&environment, &err), err);
    assert_int_equal(s.port, 9000);

    assert_ok(mf_settings_start(&environment, variables, 1, "environment variable", &s, &err), err);
    setenv("MF_TEST_OLD_PORT", "http", 1);
    assert_false(mf_settings_read_environment(&environment, &err));
    assert_error(&err, MF_ERR_CONFIG,
                 "environment variable MF_TEST_OLD_PORT (MF_TEST_PORT) is \"http\": expected a "
                 "whole number from 1 to 65535");
    unsetenv("MF_TEST_OLD_PORT");
    unsetenv("MF_TEST_PORT");
}

static void a_table_that_contradicts_itself_is_refused(void **state)
{
    (void)state;
    const struct {
        mf_setting setting;
        const char *piece;
    } cases[] = {
        {{.name = "a", .type = MF_SETTING_INTEGER, .initial = "0", .size = 4}, "has no range"},
        {{.name = "a", .type = MF_SETTING_REAL, .max = 1, .initial = "2", .size = 8},
         "default that it would refuse"},
        {{.name = "a", .type = MF_SETTING_REAL, .max = 1, .size = 8}, "default that it would"},
        {{.name = "a", .type = MF_SETTING_BOOLEAN, .initial = "1", .size = 8}, "field of 8 bytes"},
        {{.name = "a", .type = MF_SETTING_CHOICE, .initial = "x", .size = 4}, "field of 4 bytes"},
    };
    double target[4];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_settings broken;
        mf_error err = {0};
        assert_false(mf_settings_start(&broken, &cases[i].setting, 1, "setting", target, &err));
        assert_error(&err, MF_ERR_ARGUMENT, cases[i].piece);
    }
    mf_settings twice;
    mf_error err = {0};
    const mf_setting same[] = {
        table[0], {.name = "k", .type = MF_SETTING_BOOLEAN, .initial = "1", .size = 1}};
    assert_false(mf_settings_start(&twice, same, 2, "setting", &chosen, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "setting k is in the table twice");
}

typedef struct automatics {
    uint32_t factors;
    double strength;
    float share;
} automatics;

static const mf_setting automatic_table[] = {
    {.name = "factors",
     .type = MF_SETTING_INTEGER,
     .min = 1,
     .max = 100,
     .has_auto = true,
     .automatic = 0,
     .initial = "auto",
     MF_SETTING_FIELD(automatics, factors)},
    {.name = "strength",
     .type = MF_SETTING_REAL,
     .min = 0,
     .max = 10,
     .has_auto = true,
     .automatic = -1,
     .initial = "auto",
     MF_SETTING_FIELD(automatics, strength)},
    {.name = "share",
     .type = MF_SETTING_REAL,
     .min = 0,
     .max = 1,
     .has_auto = true,
     .automatic = -1,
     .initial = "0.5",
     MF_SETTING_FIELD(automatics, share)},
};

static void the_word_auto_is_a_value_where_the_table_says_so(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_settings own;
    automatics values;
    char text[MF_SETTING_TEXT_BYTES];
    assert_ok(mf_settings_start(&own, automatic_table, 3, "setting", &values, &err), err);
    assert_true(values.factors == 0 && values.strength == -1 && values.share == 0.5f);
    assert_string_equal(mf_settings_text(&own, 0, text), "auto");
    assert_string_equal(mf_settings_text(&own, 1, text), "auto");
    assert_string_equal(mf_settings_text(&own, 2, text), "0.5");
    assert_ok(mf_settings_set(&own, "factors", "7", 1, &err), err);
    assert_ok(mf_settings_set(&own, "share", " Auto ", 6, &err), err);
    assert_true(values.factors == 7 && values.share == -1);
    assert_string_equal(mf_settings_text(&own, 2, text), "auto");
    /* The number behind the word is not allowed. */
    assert_false(mf_settings_set(&own, "strength", "-1", 2, &err));
    assert_error(&err, MF_ERR_CONFIG, "expected a number from 0 to 10, or auto");
    refuses("n_factors", "auto", "expected a whole number from 1 to 4096");

    const mf_setting ambiguous[] = {{.name = "x",
                                     .type = MF_SETTING_REAL,
                                     .min = 0,
                                     .max = 1,
                                     .has_auto = true,
                                     .automatic = 0.5,
                                     .initial = "auto",
                                     MF_SETTING_FIELD(automatics, strength)}};
    mf_error_clear(&err);
    assert_false(mf_settings_start(&own, ambiguous, 1, "setting", &values, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "automatic value");
}

static void help_tells_range_default_and_aliases(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    start();
    mf_settings_print_help(&settings, out);
    fclose(out);
    assert_non_null(strstr(text, "n_factors"));
    assert_non_null(strstr(text, "Length of a row"));
    assert_non_null(
        strstr(text, "a whole number from 1 to 4096; default 64; also called factors, k\n"));
    assert_non_null(strstr(text, "one of constant, inverse, cosine; default inverse\n"));
    free(text);

    out = open_memstream(&text, &n);
    start_rates();
    mf_settings_print_help(&rate_settings, out);
    fclose(out);
    assert_non_null(strstr(text, "default 0.5; also called step; also set by all_rates\n"));
    assert_non_null(strstr(text, "default 0.25; also set by all_rates, every_rate\n"));
    assert_non_null(strstr(text, "default that of rate\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_writes_every_default),
        cmocka_unit_test(numbers_take_exponents_signs_and_blanks),
        cmocka_unit_test(errors_name_key_value_and_range),
        cmocka_unit_test(a_float_is_checked_after_rounding),
        cmocka_unit_test(booleans_have_many_forms),
        cmocka_unit_test(choices_and_texts_are_trimmed),
        cmocka_unit_test(an_unknown_name_gets_the_nearest_known_one),
        cmocka_unit_test(edit_distance_counts_a_swap_as_one),
        cmocka_unit_test(a_name_and_its_alias_cannot_both_be_given),
        cmocka_unit_test(a_changed_value_replaces_the_one_before),
        cmocka_unit_test(a_shared_name_sets_what_is_not_given_by_a_name_of_its_own),
        cmocka_unit_test(a_setting_that_follows_has_the_others_value_until_it_is_given),
        cmocka_unit_test(environment_variables_may_share_a_name),
        cmocka_unit_test(names_of_other_tools_are_refused_with_what_to_do),
        cmocka_unit_test(the_text_of_a_value_reads_back_as_the_same_bits),
        cmocka_unit_test(a_decimal_comma_locale_changes_nothing),
        cmocka_unit_test(environment_variables_are_settings_too),
        cmocka_unit_test(a_table_that_contradicts_itself_is_refused),
        cmocka_unit_test(the_word_auto_is_a_value_where_the_table_says_so),
        cmocka_unit_test(help_tells_range_default_and_aliases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
