/* settings.c: the table of hyperparameters, and what follows from their values. */
#include "settings.h"

#include "base/clock.h"
#include "base/id_list.h"
#include "base/number.h"
#include "base/random.h"
#include "model/model.h"

#include <ctype.h>
#include <math.h>
#include <sched.h>
#include <string.h>
#include <strings.h>

#define FIELD(name) MF_SETTING_FIELD(mf_train_settings, name)

/* clang-format off */
static const mf_setting table[] = {
    {.name = "n_factors", .aliases = "num_factors k",
     .shared = "factors rank no_components embedding_size features", .type = MF_SETTING_INTEGER, .min = 1,
     .max = 4096, .initial = "64", .help = "length of a user's and an item's factor vector",
     FIELD(h.n_factors)},
    {.name = "n_epochs", .aliases = "epochs num_epochs nr_iters max_iter", .type = MF_SETTING_INTEGER,
     .min = 1, .max = 100000, .initial = "40", .help = "maximum number of passes over the ratings",
     FIELD(h.n_epochs)},
    {.name = "learning_rate", .shared = "lr_all", .type = MF_SETTING_REAL, .min = 0,
     .above_min = true, .max = 10, .initial = "0.025", .help = "step of the factors in the first epoch",
     FIELD(h.learning_rate)},
    {.name = "bias_learning_rate", .shared = "lr_all", .type = MF_SETTING_REAL, .min = 0,
     .max = 10, .initial = "0.005", .help = "step of the biases in the first epoch; 0 keeps them at zero",
     FIELD(h.bias_learning_rate)},
    {.name = "learning_rate_decay", .type = MF_SETTING_REAL, .min = 0, .max = 1, .initial = "0.1",
     .help = "both steps decay linearly to this fraction of the initial rate; 1: constant",
     FIELD(h.learning_rate_decay)},
    {.name = "regularization", .aliases = "l2 lambda_reg regParam reg", .shared = "reg_all", .type = MF_SETTING_REAL,
     .min = 0, .max = 10, .initial = "0.08",
     .help = "L2 regularization of the factors, per rating; smaller for large data",
     FIELD(regularization)},
    {.name = "user_regularization", .aliases = "reg_pu lambda_p2", .follows = "regularization",
     .type = MF_SETTING_REAL, .min = 0, .max = 10, .help = "the same for users' factors",
     FIELD(h.user_regularization)},
    {.name = "item_regularization", .aliases = "reg_qi lambda_q2", .follows = "regularization",
     .type = MF_SETTING_REAL, .min = 0, .max = 10, .help = "the same for items' factors",
     FIELD(h.item_regularization)},
    {.name = "bias_regularization", .shared = "reg_all", .type = MF_SETTING_REAL, .min = 0,
     .max = 10, .initial = "0.02", .help = "L2 regularization of the biases, per rating",
     FIELD(bias_regularization)},
    {.name = "user_bias_regularization", .aliases = "reg_bu", .follows = "bias_regularization",
     .type = MF_SETTING_REAL, .min = 0, .max = 10, .help = "the same for users' biases",
     FIELD(h.user_bias_regularization)},
    {.name = "item_bias_regularization", .aliases = "reg_bi", .follows = "bias_regularization",
     .type = MF_SETTING_REAL, .min = 0, .max = 10, .help = "the same for items' biases",
     FIELD(h.item_bias_regularization)},
    {.name = "implicit_rate", .type = MF_SETTING_REAL, .min = 0, .max = 2, .below_max = true,
     .initial = "1",
     .help = "learning rate of the item priors, which are means over an item's raters; 0: no priors",
     FIELD(h.implicit_rate)},
    {.name = "implicit_damping", .type = MF_SETTING_REAL, .min = 0, .max = 1e6, .initial = "5",
     .help = "pseudo-count of these means", FIELD(h.implicit_damping)},
    {.name = "init_scale", .type = MF_SETTING_REAL, .min = 0,
     .above_min = true, .max = 10, .initial = "0.2",
     .help = "scale of the users' random initial factors", FIELD(h.init_scale)},
    {.name = "validation_fraction", .type = MF_SETTING_REAL, .min = 0, .max = 1, .below_max = true,
     .initial = "0", .help = "fraction of the ratings set aside if there is no validation channel",
     FIELD(validation_fraction)},
    {.name = "validation_split", .type = MF_SETTING_CHOICE, .choices = "random time leave-last",
     .initial = "random",
     .help = "which ratings validation_fraction sets aside; time: the newest of each user",
     FIELD(validation_split)},
    {.name = "early_stopping_patience", .aliases = "stopping_step", .type = MF_SETTING_INTEGER, .min = 0, .max = 100000,
     .initial = "0", .help = "epochs without a better validation RMSE before training stops; 0: never",
     FIELD(h.early_stopping_patience)},
    {.name = "evaluation_k", .aliases = "topk top_k", .type = MF_SETTING_INTEGER, .min = 1,
     .max = 1000, .initial = "10", .help = "length of the lists that are evaluated on validation data",
     FIELD(evaluation_k)},
    {.name = "gate_level", .type = MF_SETTING_REAL, .min = 0, .above_min = true, .max = 0.5,
     .initial = "0.01", .help = "channel current: probability of refusing a model that is as good",
     FIELD(gate_level)},
    {.name = "ranking", .type = MF_SETTING_BOOLEAN, .initial = "true",
     .help = "also learn a ranking model; without one, lists are ordered by predicted rating",
     FIELD(ranking)},
    {.name = "ranking_factors", .shared = "factors rank no_components embedding_size features",
     .type = MF_SETTING_INTEGER, .min = 1, .max = MF_MODEL_RANKING_FACTORS_MAX, .has_auto = true,
     .automatic = 0, .initial = "auto", .help = "maximum length of an item's ranking vector",
     FIELD(ranking_factors)},
    {.name = "ranking_regularization", .type = MF_SETTING_REAL, .min = 0, .max = 1e12,
     .has_auto = true, .automatic = MF_SPECTRAL_AUTO, .initial = "auto",
     .help = "shrinkage of the ranking model: a direction keeps s^2 / (s^2 + this)",
     FIELD(ranking_regularization)},
    {.name = "recency", .type = MF_SETTING_REAL, .min = 0, .max = 1, .has_auto = true,
     .automatic = MF_SPECTRAL_AUTO, .initial = "auto",
     .help = "extra weight of newer ratings in a user's profile; 0: all ratings weigh the same",
     FIELD(recency)},
    {.name = "ranking_prior", .type = MF_SETTING_REAL, .min = 0, .max = 1000, .has_auto = true,
     .automatic = MF_SPECTRAL_AUTO, .initial = "auto",
     .help = "weight of the mean profile for users with few ratings", FIELD(ranking_prior)},
    {.name = "ranking_steps", .type = MF_SETTING_INTEGER, .min = 1, .max = 10000, .initial = "40",
     .help = "maximum number of subspace iterations of the ranking model", FIELD(ranking_steps)},
    {.name = "ranking_tolerance", .type = MF_SETTING_REAL, .min = 0, .max = 1, .initial = "0.001",
     .help = "the iterations end when the weighted Ritz values change by less than this fraction",
     FIELD(ranking_tolerance)},
    {.name = "grading", .type = MF_SETTING_CHOICE, .choices = "auto logistic log one",
     .initial = "auto", .help = "how a rating counts in the ranking model; one: all ratings count the same",
     FIELD(grading)},
    {.name = "relevant_rating", .type = MF_SETTING_REAL, .min = -3e38, .max = 3e38,
     .has_auto = true, .automatic = (double)INFINITY, .initial = "auto",
     .help = "ratings of at least this value are relevant when lists are evaluated; auto: the mean",
     FIELD(relevant_rating)},
    {.name = "feedback", .type = MF_SETTING_CHOICE, .choices = "auto explicit implicit",
     .initial = "auto",
     .help = "implicit: files hold pairs or counts; auto: only if no file has ratings",
     FIELD(feedback)},
    {.name = "seed", .aliases = "random_state", .type = MF_SETTING_INTEGER, .min = 0,
     .max = 9007199254740992.0, .initial = "1", .help = "seed of all random numbers", FIELD(h.seed)},
    {.name = "n_threads", .aliases = "nr_threads num_threads", .type = MF_SETTING_INTEGER, .min = 0,
     .max = MF_THREADS_MAX, .initial = "0",
     .help = "number of threads, which does not change the model; 0: one for each available CPU",
     FIELD(h.n_threads)},
    {.name = "max_bad_rows", .type = MF_SETTING_INTEGER, .min = 0, .max = 9007199254740992.0,
     .initial = "0", .help = "unreadable rows that are skipped; one more is an error",
     FIELD(max_bad_rows)},
    {.name = "hosts_port", .type = MF_SETTING_INTEGER, .min = 1, .max = 65535, .initial = "29870",
     .help = "with several hosts: the port of the first one, where the others meet it", FIELD(hosts_port)},
    {.name = "hosts_wait", .type = MF_SETTING_REAL, .min = 0, .max = 86400, .initial = "600",
     .help = "seconds within which all hosts must have connected", FIELD(hosts_wait)},
    {.name = "hosts_silence", .type = MF_SETTING_REAL, .min = 1, .max = 3600, .initial = "10",
     .help = "seconds without a sign of life after which a host is lost", FIELD(hosts_silence)},
    {.name = "hosts_timeout", .type = MF_SETTING_REAL, .min = 1, .max = 86400, .initial = "300",
     .help = "seconds within which a host must send the data that is due", FIELD(hosts_timeout)},
    {.name = "checkpoint_every", .type = MF_SETTING_INTEGER, .min = 1, .max = 100000,
     .initial = "5", .help = "epochs between two checkpoints", FIELD(checkpoint_every)},
    {.name = "checkpoint_keep", .type = MF_SETTING_INTEGER, .min = 1, .max = 1000, .initial = "3",
     .help = "number of newest checkpoints that are kept", FIELD(checkpoint_keep)},
    {.name = "user_column", .aliases = "userCol USER_ID_FIELD", .type = MF_SETTING_TEXT, .initial = "",
     .help = "users' column: its name, or #2 for the second; if empty: userId, user_id, …", FIELD(user_column)},
    {.name = "item_column", .aliases = "itemCol ITEM_ID_FIELD", .type = MF_SETTING_TEXT, .initial = "",
     .help = "items' column, as user_column; if empty: movieId, item_id, …", FIELD(item_column)},
    {.name = "rating_column", .aliases = "ratingCol RATING_FIELD", .type = MF_SETTING_TEXT, .initial = "",
     .help = "ratings' column, as user_column; if empty: rating, score, …",
     FIELD(rating_column)},
    {.name = "timestamp_column", .aliases = "TIME_FIELD", .type = MF_SETTING_TEXT, .initial = "",
     .help = "timestamps' column, as user_column, or none; if empty: timestamp, …",
     FIELD(timestamp_column)},
    {.name = "weight_column", .type = MF_SETTING_TEXT, .initial = "",
     .help = "implicit feedback: column of counts, or none; if empty: count, plays, …",
     FIELD(weight_column)},
    {.name = "delimiter", .aliases = "sep field_separator", .type = MF_SETTING_TEXT, .initial = "",
     .help = "comma, tab, semicolon, pipe, ::, blanks, \\x01 or one character; if empty: detected",
     FIELD(delimiter)},
    {.name = "quoting", .type = MF_SETTING_CHOICE, .choices = "auto minimal none", .initial = "auto",
     .help = "none: quotes are text; minimal: as Python's csv; auto: what gives whole rows",
     FIELD(quoting)},
    {.name = "encoding", .type = MF_SETTING_CHOICE,
     .choices = "auto utf-8 latin1 windows-1252 utf-16le utf-16be", .initial = "auto",
     .help = "encoding of the files; auto: UTF-8, or UTF-16 if they are", FIELD(encoding)},
    {.name = "decimal_comma", .type = MF_SETTING_BOOLEAN, .initial = "false",
     .help = "ratings are written with a comma: 2,5", FIELD(decimal_comma)},
    {.name = "not_rated", .type = MF_SETTING_TEXT, .initial = "",
     .help = "values that mean not rated, such as 0 or -1 or 0,99: their rows are left out",
     FIELD(not_rated)},
    {.name = "report", .type = MF_SETTING_BOOLEAN, .initial = "true",
     .help = "write report.html, a page about the training", FIELD(report)},
    {.name = "item_columns", .type = MF_SETTING_TEXT, .initial = "",
     .help = "columns of a file of items that the model keeps, such as title,genres; none; if empty: all",
     FIELD(item_columns)},
};

/* What Surprise, LIBMF, SageMaker's Factorization Machines, implicit, Spark, RecBole, LightFM,
 * LensKit and Cornac call things that have no counterpart here; people bring their old
 * hyperparameters along. */
static const mf_setting_foreign foreign[] = {
    {"feature_dim", "how many users and items there are is learned from the data; remove it"},
    {"mini_batch_size train_batch_size batch_size eval_batch_size", "each rating is a step of its own; remove it"},
    {"predictor_type", "ratings are numbers and are predicted as numbers; remove it"},
    {"bias_lr linear_lr factors_lr",
     "that is a step for a mini-batch; steps here are per rating: learning_rate of the factors, "
     "bias_learning_rate of the biases"},
    {"bias_wd linear_wd factors_wd",
     "that is a pull for a mini-batch; here it is per rating: regularization of the factors, "
     "bias_regularization of the biases"},
    {"lr_pu lr_qi", "users and items learn at one rate: use learning_rate"},
    {"lr_bu lr_bi", "users and items learn at one rate: use bias_learning_rate"},
    {"biased use_bias", "a model without biases is one with bias_learning_rate 0"},
    {"init_mean", "factors start around 0; remove it"},
    {"init_std_dev", "use init_scale, which is that times the square root of n_factors"},
    {"eta", "LIBMF makes each step smaller than the one before; use learning_rate, which is "
            "the step itself"},
    {"iterations maxIter n_iter",
     "those are passes of alternating least squares; use n_epochs for the rating model's passes of "
     "gradient descent, ranking_steps for the ranking model"},
    {"alpha", "how much a rating or count weighs is decided by grading; shrink less or more with "
              "ranking_regularization"},
    {"implicitPrefs implicit use_ratings",
     "say feedback=implicit for files of pairs or counts, grading=one to count all ratings alike"},
    {"user_alpha", "use user_regularization"},
    {"item_alpha", "use item_regularization"},
    {"numBlocks numUserBlocks numItemBlocks", "the data decide how work is cut; remove it"},
    {"loss learning_schedule max_sampled neg_sampling", "no negative items are sampled; remove it"},
    {"use_gpu use_cg use_native dtype nonnegative coldStartStrategy checkpointInterval verbose "
     "calculate_training_loss",
     "it changes nothing that this program has; remove it"},
    {"valid_metric", "early stopping goes by RMSE, a tuning job by any of the printed metrics; "
                     "remove it"},
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
    return strcmp(setting->name, "n_threads") != 0 && strcmp(setting->name, "item_columns") != 0 &&
           strcmp(setting->name, "gate_level") != 0 && strcmp(setting->name, "report") != 0 &&
           strncmp(setting->name, "hosts_", strlen("hosts_")) != 0 &&
           strncmp(setting->name, "checkpoint_", strlen("checkpoint_")) != 0;
}

bool mf_train_settings_is_recorded(const mf_settings *settings, size_t i)
{
    static const char *const reading[] = {"delimiter", "quoting", "encoding", "decimal_comma",
                                          "not_rated"};
    const mf_setting *setting = &settings->table[i];
    char text[MF_SETTING_TEXT_BYTES];
    for (size_t r = 0; r < sizeof reading / sizeof reading[0]; r++)
        if (strcmp(setting->name, reading[r]) == 0)
            return strcmp(mf_settings_text(settings, i, text), setting->initial) != 0;
    return mf_train_settings_shapes_model(setting);
}

uint64_t mf_train_settings_fingerprint(const mf_settings *settings)
{
    uint64_t print = 0;
    for (size_t i = 0; i < settings->n; i++) {
        const char *name = settings->table[i].name;
        char text[MF_SETTING_TEXT_BYTES];
        if (!mf_train_settings_is_recorded(settings, i))
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

/* "tab" is a tab, "\\t" too, "^A" the delimiter of Hive; 0: it cannot be one. */
static char delimiter_of(const char *text)
{
    static const struct {
        const char *name;
        char delimiter;
    } names[] = {
        {"comma", ','},
        {"\\x01", '\x01'},
        {"\\001", '\x01'},
        {"^A", '\x01'},
        {"tab", '\t'},
        {"\\t", '\t'},
        {"semicolon", ';'},
        {"pipe", '|'},
        {"colon", ':'},
        {"::", MF_DELIMITER_DOUBLE_COLON},
        {"double-colon", MF_DELIMITER_DOUBLE_COLON},
        {"blanks", MF_DELIMITER_BLANKS},
        {"blank", MF_DELIMITER_BLANKS},
        {"space", MF_DELIMITER_BLANKS},
        {" ", MF_DELIMITER_BLANKS},
        {"\\s+", MF_DELIMITER_BLANKS},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(text, names[i].name) == 0)
            return names[i].delimiter;
    return text[0] != '\0' && text[1] == '\0' && ispunct((unsigned char)text[0]) &&
                   strchr("\"'.-+_#", text[0]) == NULL
               ? text[0]
               : '\0';
}

static bool read_not_rated(const char *text, mf_ratings_options *options, mf_error *err)
{
    while (*text != '\0') {
        const size_t n = strcspn(text, ",");
        double value;
        if (options->n_not_rated == MF_NOT_RATED_MOST || !mf_parse_double(text, n, &value) ||
            fabs(value) > 1e38)
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                           "hyperparameter not_rated is \"%s\": expected a number, or up to %d "
                           "separated by commas",
                           text, MF_NOT_RATED_MOST);
        options->not_rated[options->n_not_rated++] = (float)value;
        text += n;
        text += *text == ',';
    }
    return true;
}

/* Clocks of producers differ: as the function feedback has it. */
enum { FUTURE_SLACK_S = 60 };

bool mf_train_settings_options(const mf_train_settings *values, mf_ratings_options *options,
                               mf_error *err)
{
    *options = (mf_ratings_options){
        .user_column = unless_empty(values->user_column),
        .item_column = unless_empty(values->item_column),
        .rating_column = unless_empty(values->rating_column),
        .timestamp_column = unless_empty(values->timestamp_column),
        .weight_column = unless_empty(values->weight_column),
        .feedback = (mf_feedback)values->feedback,
        .quoting = (mf_quoting)values->quoting,
        .encoding = (mf_encoding)values->encoding,
        .decimal_comma = values->decimal_comma,
        .times =
            values->ranking || values->report || values->validation_split != MF_TRAIN_SPLIT_RANDOM
                ? MF_TIMES_RANKED
                : MF_TIMES_UNUSED,
        .future_after = (double)mf_clock_wall_ms() / 1e3 + FUTURE_SLACK_S,
        .max_bad_rows = values->max_bad_rows,
        .n_threads = values->h.n_threads,
    };
    if (values->delimiter[0] != '\0') {
        options->delimiter = delimiter_of(values->delimiter);
        if (options->delimiter == '\0')
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                           "hyperparameter delimiter is \"%s\": expected comma, tab, semicolon, "
                           "pipe, ::, blanks, \\x01 or one punctuation character",
                           values->delimiter);
    }
    return read_not_rated(values->not_rated, options, err);
}
