/* command_line.h: the words behind local-cloud.
 *
 *     local-cloud --config local.json --port 0
 *     local-cloud --function predict=build/release/bin/predict --processes 4
 *                 --variable SAGEMAKER_ENDPOINT_NAME=movies
 *                 --route 'POST /predict=predict' --endpoint movies=http://127.0.0.1:8080
 *
 * Words act in their order; a file's settings may be changed by words behind it.
 *
 * Threads: one. */
#ifndef MF_LOCAL_COMMAND_LINE_H
#define MF_LOCAL_COMMAND_LINE_H

#include "settings.h"

typedef enum mf_command {
    MF_COMMAND_RUN,
    MF_COMMAND_HELP,
    MF_COMMAND_VERSION,
    MF_COMMAND_REFUSED, /* err says why: MF_ERR_ARGUMENT when the words are wrong */
} mf_command;

/* settings are started. */
mf_command mf_command_line_read(mf_local_settings *settings, int n_words, char *const *words,
                                mf_error *err);

void mf_command_line_print_usage(FILE *out);

#endif
