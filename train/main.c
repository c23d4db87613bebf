/* train: the training half of the image.
 *
 *     train                                  a SageMaker training job below /opt/ml
 *     train --prefix DIR                     the same below DIR
 *     train --prefix DIR --predict USER ITEM asks the model that is there */
#include "job.h"
#include "predict.h"
#include "settings.h"

#include <stdio.h>
#include <string.h>

static void print_usage(FILE *out)
{
    fputs("usage: train [--prefix DIR] [--predict USER ITEM]\n"
          "\n"
          "Learns to predict ratings from the files in DIR/input/data/train and writes\n"
          "DIR/model/model.bin. DIR is /opt/ml unless given, as in a SageMaker container.\n"
          "\n"
          "  --prefix DIR         use DIR in place of /opt/ml\n"
          "  --predict USER ITEM  train nothing; print what USER would give ITEM\n"
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

static int refuse(const char *why, const char *what)
{
    fprintf(stderr, "train: %s%s\n\n", why, what);
    print_usage(stderr);
    return 2;
}

int main(int argc, char **argv)
{
    const char *prefix = NULL;
    const char *user = NULL;
    const char *item = NULL;
    for (int a = 1; a < argc; a++) {
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
        } else if (strcmp(argv[a], "--prefix") == 0 || strcmp(argv[a], "--predict") == 0) {
            return refuse("a value is missing after ", argv[a]);
        } else {
            return refuse("unknown argument ", argv[a]);
        }
    }
    if (user != NULL)
        return mf_predict_print(prefix, user, item);
    return mf_job_run(prefix, prefix != NULL);
}
