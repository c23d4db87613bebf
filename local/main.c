/* local-cloud: Lambda, API Gateway and a SageMaker endpoint on this machine, for
 * development. `local-cloud --help` has it all. */
#include "base/log.h"
#include "cloud.h"
#include "command_line.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    static mf_local_settings settings; /* large */
    mf_error err = {0};
    int status = 0;
    mf_command command = MF_COMMAND_REFUSED;
    if (mf_local_settings_start(&settings, &err))
        command = mf_command_line_read(&settings, argc, argv, &err);
    switch (command) {
    case MF_COMMAND_HELP:
        mf_command_line_print_usage(stdout);
        mf_local_settings_print_help(stdout);
        break;
    case MF_COMMAND_VERSION:
        puts("local-cloud " MF_VERSION);
        break;
    case MF_COMMAND_RUN:
        if (!mf_cloud_run(&settings, &err)) {
            mf_log_message(MF_LOG_ERROR, "failed", "%s", err.text);
            status = 1;
        } else {
            mf_log_message(MF_LOG_INFO, "stopped", "no process is left");
        }
        break;
    case MF_COMMAND_REFUSED:
        fprintf(stderr, "local-cloud: %s\n", err.text);
        status = err.code == MF_ERR_ARGUMENT ? 2 : 1;
        if (status == 2)
            fputs("local-cloud --help says how to use it\n", stderr);
        break;
    }
    mf_local_settings_free(&settings);
    return status;
}
