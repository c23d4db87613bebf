/* checkpoint_folder.c: one optional file with one optional field. */
#include "sagemaker/checkpoint_folder.h"

#include "base/file.h"
#include "sagemaker/config_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool use_local_path(const mf_tree *tree, const char *local, mf_checkpoint_folder *folder,
                           mf_error *err)
{
    const mf_where where = {tree->checkpoint_config, 0, 0};
    size_t n = strlen(local);
    while (n > 1 && local[n - 1] == '/')
        n--;
    if (local[0] != '/' || n >= MF_PATH_BYTES) {
        char quoted[96];
        mf_printable(quoted, sizeof quoted, local, strlen(local));
        return mf_fail(err, MF_ERR_CONFIG, where,
                       "LocalPath \"%s\": expected an absolute path of at most %d bytes", quoted,
                       MF_PATH_BYTES - 1);
    }
    const size_t n_default = strlen(MF_TREE_PREFIX);
    const bool below_default =
        n > n_default && strncmp(local, MF_TREE_PREFIX, n_default) == 0 && local[n_default] == '/';
    const char *root = below_default && strcmp(tree->prefix, "/") != 0 ? tree->prefix : "";
    const size_t from = below_default ? n_default : 0;
    snprintf(folder->path, sizeof folder->path, "%s%.*s", root, (int)(n - from), local + from);
    folder->used = true;
    return true;
}

bool mf_checkpoint_folder_read(const mf_tree *tree, mf_checkpoint_folder *folder, mf_error *err)
{
    *folder = (mf_checkpoint_folder){0};
    if (!mf_file_exists(tree->checkpoint_config)) {
        struct stat status;
        folder->used = stat(tree->checkpoints, &status) == 0 && S_ISDIR(status.st_mode);
        if (folder->used)
            snprintf(folder->path, sizeof folder->path, "%s", tree->checkpoints);
        return true;
    }
    mf_config *file = mf_config_read(tree->checkpoint_config, err);
    if (file == NULL)
        return false;
    const char *local;
    bool ok =
        mf_config_get_text(file, "LocalPath", tree->checkpoint_config, "checkpoints", &local, err);
    if (ok && local != NULL && local[0] != '\0') {
        ok = use_local_path(tree, local, folder, err);
    } else if (ok) {
        snprintf(folder->path, sizeof folder->path, "%s", tree->checkpoints);
        folder->used = true;
    }
    mf_config_close(file);
    return ok;
}
