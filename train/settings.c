/* settings.c: promises in settings.h. */
#include "settings.h"

#include "base/id_list.h"
#include "base/random.h"

#include <sched.h>
#include <string.h>

#define FIELD(name) MF_SETTING_FIELD(mf_train_settings, name)

/* clang-format off */
static const mf_setting table[] = {
    {.name = "n_factors", .aliases = "num_factors k", .type = MF_SETTING_INTEGER, .min = 1,
     .max = 4096, .initial = "64", .help = "length of a user's and an item's row of factors",
     FIELD(h.n_factors)},
    {.name = "n_epochs", .aliases = "epochs num_epochs nr_iters", .type = MF_SETTING_INTEGER,
     .min = 1, .max = 100000, .initial = "40", .help = "passes over the ratings, at most",
     FIELD(h.n_epochs)},
    {.name = "learning_rate", .shared = "lr_all", .type = MF_SETTING_REAL, .min = 0,
     .above_min = true, .max = 10, .initial = "0.025", .help = "step of the factors, first epoch",
     FIELD(h.learning_rate)},
    {.name = "bias_learning_rate", .shared = "lr_all", .type = MF_SETTING_REAL, .min = 0,
     .max = 10, .initial = "0.005", .help = "step of the biases, first epoch; 0 leaves them at zero",
     FIELD(h.bias_learning_rate)},
    {.name = "learning_rate_decay", .type = MF_SETTING_REAL, .min = 0, .max = 1, .initial = "0.1",
     .help = "both steps fall linearly to this part of themselves; 1 is constant",
     FIELD(h.learning_rate_decay)},
    {.name = "regularization", .aliases = "l2", .shared = "reg_all", .type = MF_SETTING_REAL,
     .min = 0, .max = 10, .initial = "0.08", .help = "pull on the factors per rating; less for much data",
     FIELD(regularization)},
    {.name = "user_regularization", .aliases = "reg_pu lambda_p2", .follows = "regularization",
     .type = MF_SETTING_REAL, .min = 0, .max = 10, .help = "pull on the users' factors",
     FIELD(h.user_regularization)},
    {.name = "item_regularization", .aliases = "reg_qi lambda_q2", .follows = "regularization",
     .type = MF_SETTING_REAL, .min = 0, .max = 10, .help = "pull on the items' factors",
     FIELD(h.item_regularization)},
    {.name = "bias_regularization", .shared = "reg_all", .type = MF_SETTING_REAL, .min = 0,
     .max = 10, .initial = "0.02", .help = "pull on the biases per rating",
     FIELD(bias_regularization)},
    {.name = "user_bias_regularization", .aliases = "reg_bu", .follows = "bias_regularization",
     .type = MF_SETTING_REAL, .min = 0, .max = 10, .help = "pull on the users' biases",
     FIELD(h.user_bias_regularization)},
    {.name = "item_bias_regularization", .aliases = "reg_bi", .follows = "bias_regularization",
     .type = MF_SETTING_REAL, .min = 0, .max = 10, .help = "pull on the items' biases",
     FIELD(h.item_bias_regularization)},
    {.name = "implicit_rate", .type = MF_SETTING_REAL, .min = 0, .max = 2, .below_max = true,
     .initial = "1", .help = "how fast items follow who rated them; 0 switches it off",
     FIELD(h.implicit_rate)},
    {.name = "implicit_damping", .type = MF_SETTING_REAL, .min = 0, .max = 1e6, .initial = "5",
     .help = "ratings' worth of doubt about who rated an item", FIELD(h.implicit_damping)},
    {.name = "init_scale", .type = MF_SETTING_REAL, .min = 0,
     .above_min = true, .max = 10, .initial = "0.2",
     .help = "size of the users' random starting factors", FIELD(h.init_scale)},
    {.name = "validation_fraction", .type = MF_SETTING_REAL, .min = 0, .max = 1, .below_max = true,
     .initial = "0", .help = "part of the ratings set aside when there is no validation channel",
     FIELD(validation_fraction)},
    {.name = "early_stopping_patience", .type = MF_SETTING_INTEGER, .min = 0, .max = 100000,
     .initial = "0", .help = "epochs without a better validation RMSE before stopping; 0: never",
     FIELD(h.early_stopping_patience)},
    {.name = "seed", .aliases = "random_state", .type = MF_SETTING_INTEGER, .min = 0,
     .max = 9007199254740992.0, .initial = "1", .help = "of everything random", FIELD(h.seed)},
    {.name = "n_threads", .aliases = "nr_threads", .type = MF_SETTING_INTEGER, .min = 0,
     .max = MF_THREADS_MAX, .initial = "0", .help = "0: every CPU there is; the model is the same with any number",
     FIELD(h.n_threads)},
    {.name = "max_bad_rows", .type = MF_SETTING_INTEGER, .min = 0, .max = 9007199254740992.0,
     .initial = "0", .help = "rows that may be unreadable and are left out; one more is an error",
     FIELD(max_bad_rows)},
    {.name = "checkpoint_every", .type = MF_SETTING_INTEGER, .min = 1, .max = 100000,
     .initial = "5", .help = "epochs between two checkpoints", FIELD(checkpoint_every)},
    {.name = "checkpoint_keep", .type = MF_SETTING_INTEGER, .min = 1, .max = 1000, .initial = "3",
     .help = "newest checkpoints that stay", FIELD(checkpoint_keep)},
    {.name = "user_column", .type = MF_SETTING_TEXT, .initial = "",
     .help = "name of the users' column; when not given: userId, user_id, …", FIELD(user_column)},
    {.name = "item_column", .type = MF_SETTING_TEXT, .initial = "",
     .help = "name of the items' column; when not given: movieId, item_id, …", FIELD(item_column)},
    {.name = "rating_column", .type = MF_SETTING_TEXT, .initial = "",
     .help = "name of the ratings' column; when not given: rating, score, …",
     FIELD(rating_column)},
    {.name = "timestamp_column", .type = MF_SETTING_TEXT, .initial = "",
     .help = "name of the timestamps' column; when not given: timestamp, …",
     FIELD(timestamp_column)},
};

/* What Surprise, LIBMF and SageMaker's Factorization Machines call things that have
 * no counterpart here; people bring their old hyperparameters along. */
static const mf_setting_foreign foreign[] = {
    {"feature_dim", "how many users and items there are is learned from the data; remove it"},
    {"mini_batch_size", "each rating is a step of its own; remove it"},
    {"predictor_type", "ratings are numbers and are predicted as numbers; remove it"},
    {"bias_lr linear_lr factors_lr",
     "that is a step for a mini-batch; steps here are per rating: learning_rate of the factors, "
     "bias_learning_rate of the biases"},
    {"bias_wd linear_wd factors_wd",
     "that is a pull for a mini-batch; here it is per rating: regularization of the factors, "
     "bias_regularization of the biases"},
    {"lr_pu lr_qi", "users and items learn at one rate: use learning_rate"},
    {"lr_bu lr_bi", "users and items learn at one rate: use bias_learning_rate"},
    {"biased", "a model without biases is one with bias_learning_rate 0"},
    {"init_mean", "factors start around 0; remove it"},
    {"init_std_dev", "use init_scale, which is that times the square root of n_factors"},
    {"eta", "LIBMF makes each step smaller than the one before; use learning_rate, which is "
            "the step itself"},
    {"l1", "there is only regularization of squares; use regularization"},
};
/* clang-format on */

enum {
    N_SETTINGS = sizeof table / sizeof table[0],
    N_FOREIGN = sizeof foreign / sizeof foreign[0],
};

bool mf_train_settings_start(mf_settings *settings, mf_train_settings *values, mf_error *err)
{
    memset(values, 0, sizeof *values);
    if (!mf_settings_start(settings, table, N_SETTINGS, "hyperparameter", values, err))
        return false;
    mf_settings_explain(settings, foreign, N_FOREIGN);
    return true;
}

bool mf_train_settings_is_given(const mf_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->n; i++)
        if (strcmp(settings->table[i].name, name) == 0)
            return mf_settings_is_given(settings, i);
    return false;
}

bool mf_train_settings_shapes_model(const mf_setting *setting)
{
    return strcmp(setting->name, "n_threads") != 0 &&
           strncmp(setting->name, "checkpoint_", strlen("checkpoint_")) != 0;
}

uint64_t mf_train_settings_fingerprint(const mf_settings *settings)
{
    uint64_t print = 0;
    for (size_t i = 0; i < settings->n; i++) {
        const char *name = settings->table[i].name;
        char text[MF_SETTING_TEXT_BYTES];
        if (!mf_train_settings_shapes_model(&settings->table[i]))
            continue;
        mf_settings_text(settings, i, text);
        print = mf_random_bits(print, mf_id_hash(name, strlen(name)));
        print = mf_random_bits(print, mf_id_hash(text, strlen(text)));
    }
    return print;
}

/* CPUs that this process may run on: the affinity mask, which containers set, and
 * not a count of what the machine has. */
static uint32_t usable_cpus(void)
{
    cpu_set_t mask;
    if (sched_getaffinity(0, sizeof mask, &mask) != 0)
        return 1;
    const int n = CPU_COUNT(&mask);
    return n < 1 ? 1 : n > MF_THREADS_MAX ? MF_THREADS_MAX : (uint32_t)n;
}

void mf_train_settings_finish(mf_train_settings *values)
{
    if (values->h.n_threads == 0)
        values->h.n_threads = usable_cpus();
}

static const char *unless_empty(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

mf_ratings_options mf_train_settings_options(const mf_train_settings *values)
{
    return (mf_ratings_options){
        .user_column = unless_empty(values->user_column),
        .item_column = unless_empty(values->item_column),
        .rating_column = unless_empty(values->rating_column),
        .timestamp_column = unless_empty(values->timestamp_column),
        .max_bad_rows = values->max_bad_rows,
        .n_threads = values->h.n_threads,
    };
}
