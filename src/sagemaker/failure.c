/* failure.c: class and text of the first error into output/failure.
 * (1) A file that is there and not empty is never replaced. */
#include "sagemaker/failure.h"

#include "base/file.h"
#include "sagemaker/environment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(MF_ERROR_TEXT_BYTES + sizeof "AlgorithmError: \n" <= MF_FAILURE_TEXT_MAX,
               "class and text fit into a FailureReason, so nothing is ever cut");

static bool create_folder_of(const char *path, mf_error *err)
{
    char folder[MF_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path || (size_t)(slash - path) >= sizeof folder)
        return true;
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
    return mf_folder_create(folder, err);
}

bool mf_failure_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
}

bool mf_failure_write(const char *path, const mf_error *reason, mf_error *err)
{
    if (mf_failure_exists(path))
        return true;
    if (!create_folder_of(path, err))
        return false;
    const char *class = mf_error_class(reason->code);
    char text[MF_FAILURE_TEXT_MAX];
    const int n =
        snprintf(text, sizeof text, "%s: %s\n", class[0] != '\0' ? class : "AlgorithmError",
                 reason->text[0] != '\0' ? reason->text : "no reason was given");
    return mf_file_write(path, text, (size_t)n, err);
}

bool mf_failure_remove(const char *path, mf_error *err)
{
    if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
        return mf_fail_errno(err, errno, (mf_where){path, 0, 0}, "cannot be removed");
    return true;
}
