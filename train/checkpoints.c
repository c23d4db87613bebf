/* checkpoints.c: file names hold the run, its stage and a number; the folder is listed each time,
 * so that there is no state beside the files. */
#include "checkpoints.h"

#include "base/file.h"
#include "base/grow.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char COMMON[] = "checkpoint-";
static const char SUFFIX[] = ".mfck";
enum { EPOCH_DIGITS = 6, CHECKPOINT_PATH_BYTES = 2 * MF_PATH_BYTES + 256 };

static uint64_t trainer_number(const void *trainer)
{
    uint32_t n;
    mf_trainer_epochs(trainer, &n);
    return n;
}

static bool trainer_save(const void *trainer, const char *path, mf_error *err)
{
    return mf_trainer_save(trainer, path, err);
}

static bool trainer_resume(void *trainer, const char *path, mf_error *err)
{
    return mf_trainer_resume(trainer, path, err);
}

mf_checkpointed mf_checkpointed_trainer(mf_trainer *trainer)
{
    return (mf_checkpointed){.trainer = trainer,
                             .fingerprint = mf_trainer_fingerprint(trainer),
                             .stage = "",
                             .first = true,
                             .number = trainer_number,
                             .save = trainer_save,
                             .resume = trainer_resume};
}

static uint64_t spectral_number(const void *spectral)
{
    enum { STEPS_OF_A_PHASE = 100000 };
    const mf_spectral_progress at = mf_spectral_progress_get(spectral);
    return (uint64_t)at.phase * STEPS_OF_A_PHASE + at.step;
}

static bool spectral_save(const void *spectral, const char *path, mf_error *err)
{
    return mf_spectral_save(spectral, path, err);
}

static bool spectral_resume(void *spectral, const char *path, mf_error *err)
{
    return mf_spectral_resume(spectral, path, err);
}

mf_checkpointed mf_checkpointed_spectral(mf_spectral *spectral, uint64_t fingerprint, bool first)
{
    return (mf_checkpointed){.trainer = spectral,
                             .fingerprint = fingerprint,
                             .stage = "ranking-",
                             .first = first,
                             .number = spectral_number,
                             .save = spectral_save,
                             .resume = spectral_resume};
}

bool mf_checkpoints_open(mf_checkpoints *checkpoints, const mf_checkpoint_folder *folder,
                         const char *host, uint32_t keep, const mf_checkpointed *what,
                         mf_error *err)
{
    memset(checkpoints, 0, sizeof *checkpoints);
    checkpoints->used = folder->used;
    checkpoints->keep = keep;
    if (!folder->used)
        return true;
    snprintf(checkpoints->folder, sizeof checkpoints->folder, "%s", folder->path);
    snprintf(checkpoints->run, sizeof checkpoints->run, "%s%s%s%08x-", COMMON,
             host != NULL ? host : "", host != NULL ? "-" : "",
             (unsigned)(what->fingerprint >> 32));
    snprintf(checkpoints->prefix, sizeof checkpoints->prefix, "%s%s", checkpoints->run,
             what->stage);
    return mf_folder_create(folder->path, err);
}

static void path_of(const mf_checkpoints *checkpoints, uint64_t epoch,
                    char path[CHECKPOINT_PATH_BYTES])
{
    snprintf(path, CHECKPOINT_PATH_BYTES, "%s/%s%0*llu%s", checkpoints->folder, checkpoints->prefix,
             EPOCH_DIGITS, (unsigned long long)epoch, SUFFIX);
}

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Whether path_of makes this name. */
static bool is_ours(const mf_checkpoints *checkpoints, const char *name, uint64_t *epoch)
{
    const size_t n_prefix = strlen(checkpoints->prefix);
    if (strncmp(name, checkpoints->prefix, n_prefix) != 0)
        return false;
    const char *digits = name + n_prefix;
    const size_t n_digits = strspn(digits, "0123456789");
    const bool is_padded = n_digits == EPOCH_DIGITS || (n_digits < 12 && digits[0] != '0');
    return n_digits >= EPOCH_DIGITS && is_padded && strcmp(digits + n_digits, SUFFIX) == 0 &&
           mf_parse_uint64(digits, n_digits, epoch);
}

static bool looks_like_one(const char *name)
{
    const size_t n = strlen(name);
    return strncmp(name, COMMON, strlen(COMMON)) == 0 && n > strlen(SUFFIX) &&
           strcmp(name + n - strlen(SUFFIX), SUFFIX) == 0;
}

bool mf_checkpoints_found(const mf_checkpoint_folder *folder)
{
    bool found = false;
    DIR *open_folder = folder->used ? opendir(folder->path) : NULL;
    if (open_folder == NULL)
        return false;
    for (const struct dirent *entry; !found && (entry = readdir(open_folder)) != NULL;)
        found = looks_like_one(entry->d_name);
    closedir(open_folder);
    return found;
}

static int newest_first(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a;
    const uint64_t right = *(const uint64_t *)b;
    return (left < right) - (left > right);
}

/* This run's checkpoints, newest first; the caller frees *epochs (mf_free). With `tell`, a warning
 * names each file of another run. */
static bool list(const mf_checkpoints *checkpoints, bool tell, uint64_t **epochs, size_t *n,
                 mf_error *err)
{
    bool ok = false;
    uint64_t *found = NULL;
    size_t used = 0;
    size_t capacity = 0;
    DIR *folder = opendir(checkpoints->folder);
    if (folder == NULL)
        return mf_fail_errno(err, errno, (mf_where){.path = checkpoints->folder},
                             "cannot read the checkpoint folder");
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        uint64_t epoch;
        if (!is_ours(checkpoints, entry->d_name, &epoch)) {
            const bool is_of_this_run =
                strncmp(entry->d_name, checkpoints->run, strlen(checkpoints->run)) == 0;
            if (tell && !is_of_this_run && looks_like_one(entry->d_name))
                mf_log_message(MF_LOG_WARNING, "checkpoint_refused",
                               "%s is a checkpoint of other data or other hyperparameters; it is "
                               "left alone",
                               entry->d_name);
            continue;
        }
        char path[CHECKPOINT_PATH_BYTES];
        path_of(checkpoints, epoch, path);
        if (is_folder(path)) {
            if (tell)
                mf_log_message(MF_LOG_WARNING, "checkpoint_refused",
                               "%s is a folder and no checkpoint; it is left alone", path);
            continue;
        }
        if (!MF_GROW(found, capacity, used + 1, "checkpoint names", err))
            goto done;
        found[used++] = epoch;
    }
    if (used > 0)
        qsort(found, used, sizeof *found, newest_first);
    *epochs = found;
    *n = used;
    found = NULL;
    ok = true;
done:
    mf_free(found);
    closedir(folder);
    return ok;
}

bool mf_checkpoints_resume(const mf_checkpoints *checkpoints, const mf_checkpointed *what,
                           bool *resumed, mf_error *err)
{
    *resumed = false;
    if (!checkpoints->used)
        return true;
    uint64_t *epochs = NULL;
    size_t n = 0;
    if (!list(checkpoints, what->first, &epochs, &n, err))
        return false;
    for (size_t i = 0; i < n && !*resumed; i++) {
        char path[CHECKPOINT_PATH_BYTES];
        path_of(checkpoints, epochs[i], path);
        mf_error refusal = {0};
        *resumed = what->resume(what->trainer, path, &refusal);
        if (*resumed)
            mf_log_message(MF_LOG_INFO, "resumed", "%s", path);
        else
            mf_log_message(MF_LOG_WARNING, "checkpoint_refused", "%s", refusal.text);
    }
    mf_free(epochs);
    return true;
}

static bool is_being_uploaded(const char *path)
{
    char marker[CHECKPOINT_PATH_BYTES + 32];
    snprintf(marker, sizeof marker, "%s.sagemaker-uploading", path);
    if (!mf_file_exists(marker))
        return false;
    snprintf(marker, sizeof marker, "%s.sagemaker-uploaded", path);
    return !mf_file_exists(marker);
}

bool mf_checkpoints_save(const mf_checkpoints *checkpoints, const mf_checkpointed *what,
                         mf_error *err)
{
    char path[CHECKPOINT_PATH_BYTES];
    const uint64_t epoch = what->number(what->trainer);
    path_of(checkpoints, epoch, path);
    if (is_folder(path)) {
        mf_log_message(MF_LOG_WARNING, "checkpoint_refused",
                       "%s is a folder: this checkpoint is not saved", path);
        return true;
    }
    if (!what->save(what->trainer, path, err))
        return false;
    mf_log_message(MF_LOG_INFO, "checkpoint", "%s", path);
    uint64_t *epochs = NULL;
    size_t n = 0;
    if (!list(checkpoints, false, &epochs, &n, err))
        return false;
    /* Newer ones than this were not resumed, so they are damaged: they are not counted. */
    uint32_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (epochs[i] > epoch || ++kept <= checkpoints->keep)
            continue;
        path_of(checkpoints, epochs[i], path);
        if (!is_being_uploaded(path))
            unlink(path);
    }
    mf_free(epochs);
    return true;
}
