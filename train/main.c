/* train: the training program of the image.
 *
 *     train                                  a SageMaker training job below /opt/ml
 *     train --prefix DIR                     the same below DIR
 *     train --prefix DIR --predict USER ITEM predicts with the model there
 *     train --info FILE [--json]             prints what is inside a model
 *     train --export FILE FOLDER             writes a model's ids and factors for other programs
 *     train --inspect [--json]               prints what a job would be trained on
 *
 * The same file under the name `evaluate` is that program (evaluate.c): the two share nearly all of
 * their code.
 *
 * A first argument "train" is ignored: the platform adds it when this program is the image's
 * entrypoint (docs/sagemaker.md, 1.3 and 1.5). */
#include "base/file.h"
#include "base/log.h"
#include "evaluate.h"
#include "info.h"
#include "inspect.h"
#include "job.h"
#include "metrics.h"
#include "model/model.h"
#include "model_export.h"
#include "sagemaker/environment.h"
#include "sagemaker/failure.h"
#include "settings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_usage(FILE *out)
{
    fputs("usage: train [--prefix DIR] [--predict USER ITEM]\n"
          "       train --info FILE [--json]\n"
          "       train --export FILE FOLDER\n"
          "       train --inspect [--prefix DIR] [--json]\n"
          "\n"
          "Learns to recommend items and to predict ratings from the files in\n"
          "DIR/input/data/train, and writes DIR/model/model.bin. DIR is /opt/ml unless given, as\n"
          "in a SageMaker container.\n"
          "\n"
          "  --prefix DIR         use DIR in place of /opt/ml\n"
          "  --predict USER ITEM  train nothing; print the rating that USER would give ITEM\n"
          "  --info FILE          train nothing; print what is inside FILE, a model.bin or\n"
          "                       model.tar.gz: counts, settings, metrics, requests it "
          "supports\n"
          "  --export FILE FOLDER train nothing; write ids and factors of that model into "
          "FOLDER,\n"
          "                       as .npy for numpy and as CSV\n"
          "  --inspect            train nothing; print how the data are read: files, columns,\n"
          "                       first rows, ratings, warnings. The exit status is 1 if the job\n"
          "                       would fail\n"
          "  --json               print that as one JSON object\n"
          "  --help, --version\n",
          out);
}

static int print_help(void)
{
    mf_settings settings;
    mf_train_settings values;
    mf_error err = {0};
    if (!mf_train_settings_start(&settings, &values, &err)) {
        fprintf(stderr, "train: %s\n", err.text);
        return 1;
    }
    print_usage(stdout);
    puts("\nHyperparameters, in DIR/input/config/hyperparameters.json as\n"
         "{\"n_factors\": \"64\", \"learning_rate\": \"0.025\"}:\n");
    mf_settings_print_help(&settings, stdout);
    return 0;
}

/* Writes the failure file of a job whose command line is wrong, if the folders exist; none is
 * created. --predict, --info, --export and --inspect are no jobs. */
static void leave_failure(int argc, char **argv, const char *text)
{
    const char *prefix = NULL;
    for (int a = 1; a < argc; a++) {
        if (strcmp(argv[a], "--predict") == 0 || strcmp(argv[a], "--info") == 0 ||
            strcmp(argv[a], "--inspect") == 0 || strcmp(argv[a], "--export") == 0)
            return;
        if (strcmp(argv[a], "--prefix") == 0 && a + 1 < argc)
            prefix = argv[++a];
    }
    mf_tree tree;
    mf_error reason = {0};
    mf_error ignored = {0};
    mf_fail(&reason, MF_ERR_CONFIG, MF_NOWHERE, "%s", text);
    if (mf_tree_set(&tree, prefix, &ignored) && mf_file_exists(tree.prefix) &&
        !mf_failure_write(tree.failure, &reason, &ignored))
        fprintf(stderr, "train: %s\n", ignored.text);
}

static int refuse(int argc, char **argv, const char *why, const char *what)
{
    char quoted[256];
    char text[512];
    mf_printable(quoted, sizeof quoted, what, strlen(what));
    snprintf(text, sizeof text, "command line: %s %s", why, quoted);
    fprintf(stderr, "train: %s\n\n", text);
    print_usage(stderr);
    leave_failure(argc, argv, text);
    return 2;
}

/* Prints the predicted rating of the item by the user, from the model below prefix (NULL: /opt/ml):
 *
 *   predicted_rating=4.4213
 *
 * and known_user=false or known_item=false where an id is not in the model. */
static int predict(const char *prefix, const char *user_id, const char *item_id)
{
    mf_error err = {0};
    mf_tree tree;
    char path[MF_PATH_BYTES + 16];
    mf_model *model = NULL;
    if (mf_tree_set(&tree, prefix, &err)) {
        snprintf(path, sizeof path, "%s/model.bin", tree.model);
        model = mf_model_open(path, &err);
    }
    if (model == NULL) {
        mf_log_message(MF_LOG_ERROR, "failed", "%s", err.text);
        return 1;
    }
    const mf_model_parts *parts = mf_model_get(model);
    if (parts->n_factors == 0) {
        mf_log_message(MF_LOG_ERROR, "failed",
                       "%s has no rating model: it was trained without ratings, or with one rating "
                       "everywhere, and predicts none",
                       path);
        mf_model_close(model);
        return 1;
    }
    const uint32_t user = mf_model_find_user(model, user_id, strlen(user_id));
    const uint32_t item = mf_model_find_item(model, item_id, strlen(item_id));
    printf("predicted_rating=%.*f%s%s\n", mf_metrics_decimals(parts->rating_min, parts->rating_max),
           (double)mf_model_predict(model, user, item),
           user == MF_INDEX_NONE ? " known_user=false" : "",
           item == MF_INDEX_NONE ? " known_item=false" : "");
    mf_model_close(model);
    return 0;
}

/* OpenMP's threads wait for each other by spinning. On a busy machine this takes the time that the
 * other thread needs, and a small training takes twice as long. OpenMP reads the setting from the
 * environment at the start of the program only, so the program executes itself once more. If that
 * fails, training is only slower. */
static void wait_without_spinning(char **argv)
{
    char self[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0 || getenv("OMP_WAIT_POLICY") != NULL || getenv("GOMP_SPINCOUNT") != NULL)
        return;
    self[n] = '\0';
    if (setenv("OMP_WAIT_POLICY", "passive", 1) == 0)
        execv(self, argv);
}

/* Whether a program was started by this name, in any folder. */
static bool is_called(const char *program, const char *name)
{
    const char *slash = strrchr(program, '/');
    return strcmp(slash != NULL ? slash + 1 : program, name) == 0;
}

int main(int argc, char **argv)
{
    if (argc > 0 && is_called(argv[0], "evaluate"))
        return mf_evaluate_main(argc, argv);
    const char *prefix = NULL;
    const char *user = NULL;
    const char *item = NULL;
    const char *model = NULL;
    const char *folder = NULL; /* to export the model into */
    bool as_json = false;
    bool inspects = false;
    const int first = argc > 1 && strcmp(argv[1], "train") == 0 ? 2 : 1;
    for (int a = first; a < argc; a++) {
        if (strcmp(argv[a], "--help") == 0)
            return print_help();
        if (strcmp(argv[a], "--version") == 0) {
            puts("train " MF_VERSION);
            return 0;
        }
        if (strcmp(argv[a], "--prefix") == 0 && a + 1 < argc) {
            prefix = argv[++a];
        } else if (strcmp(argv[a], "--predict") == 0 && a + 2 < argc) {
            user = argv[++a];
            item = argv[++a];
        } else if (strcmp(argv[a], "--info") == 0 && a + 1 < argc) {
            model = argv[++a];
        } else if (strcmp(argv[a], "--export") == 0 && a + 2 < argc) {
            model = argv[++a];
            folder = argv[++a];
        } else if (strcmp(argv[a], "--inspect") == 0) {
            inspects = true;
        } else if (strcmp(argv[a], "--json") == 0) {
            as_json = true;
        } else if (strcmp(argv[a], "--prefix") == 0 || strcmp(argv[a], "--predict") == 0 ||
                   strcmp(argv[a], "--info") == 0 || strcmp(argv[a], "--export") == 0) {
            return refuse(argc, argv, "a value is missing after", argv[a]);
        } else {
            return refuse(argc, argv, "unknown argument", argv[a]);
        }
    }
    if (folder != NULL && (as_json || inspects || prefix != NULL || user != NULL))
        return refuse(argc, argv, "--export FILE FOLDER stands alone, without",
                      as_json    ? "--json"
                      : inspects ? "--inspect"
                      : user     ? "--predict"
                                 : "--prefix");
    if (as_json && model == NULL && !inspects)
        return refuse(argc, argv, "only --info FILE and --inspect have a form for", "--json");
    if (inspects && (model != NULL || user != NULL))
        return refuse(argc, argv, "--inspect is not combined with",
                      user != NULL ? "--predict" : "--info");
    if (model != NULL && (prefix != NULL || user != NULL))
        return refuse(argc, argv, "--info FILE stands alone, without",
                      user != NULL ? "--predict" : "--prefix");
    if (folder != NULL)
        return mf_model_export(model, folder);
    if (model != NULL)
        return mf_info_print(model, as_json);
    if (inspects)
        return mf_inspect_print(prefix, as_json);
    if (user != NULL)
        return predict(prefix, user, item);
    wait_without_spinning(argv);
    return mf_job_run(prefix, prefix != NULL);
}
