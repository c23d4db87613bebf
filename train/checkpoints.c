/* checkpoints.c: file names hold the run, its stage and a number; the folder is listed each time,
 * so that there is no state beside the files. */
#include "checkpoints.h"

#include "base/file.h"
#include "base/grow.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "hosts/exchange.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char COMMON[] = "checkpoint-";
static const char SUFFIX[] = ".mfck";
enum { EPOCH_DIGITS = 6, CHECKPOINT_PATH_BYTES = 2 * MF_PATH_BYTES + 256, KEEP_LEAST = 2 };

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

static bool trainer_resume(void *trainer, const char *const *paths, size_t n, mf_error *err)
{
    return mf_trainer_resume_set(trainer, paths, n, err);
}

mf_checkpointed mf_checkpointed_trainer(mf_trainer *trainer)
{
    return (mf_checkpointed){.trainer = trainer,
                             .fingerprint = mf_trainer_fingerprint(trainer),
                             .stage = "",
                             .first = true,
                             .in_parts = true,
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

static bool spectral_resume(void *spectral, const char *const *paths, size_t n, mf_error *err)
{
    return n == 1 ? mf_spectral_resume(spectral, paths[0], err)
                  : mf_fail(err, MF_ERR_FORMAT, (mf_where){.path = paths[0]},
                            "is a part of a checkpoint of the ranking model, which has none");
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
                         mf_hosts_group *group, uint32_t keep, const mf_checkpointed *what,
                         mf_error *err)
{
    memset(checkpoints, 0, sizeof *checkpoints);
    checkpoints->used = folder->used;
    checkpoints->group = group;
    checkpoints->keep = mf_hosts_size(group) > 1 && keep < KEEP_LEAST ? KEEP_LEAST : keep;
    if (!folder->used)
        return true;
    snprintf(checkpoints->folder, sizeof checkpoints->folder, "%s", folder->path);
    snprintf(checkpoints->run, sizeof checkpoints->run, "%s%08x-", COMMON,
             (unsigned)(what->fingerprint >> 32));
    snprintf(checkpoints->prefix, sizeof checkpoints->prefix, "%s%s", checkpoints->run,
             what->stage);
    return mf_folder_create(folder->path, err);
}

/* A file of this run: part `part` (from 1) of `parts`; 0 and 1: the whole. */
typedef struct file_name {
    uint64_t epoch;
    uint32_t parts;
    uint32_t part;
} file_name;

static void path_of(const mf_checkpoints *checkpoints, const file_name *name,
                    char path[CHECKPOINT_PATH_BYTES])
{
    char part[32] = "";
    if (name->part > 0)
        snprintf(part, sizeof part, "-%u-of-%u", name->part, name->parts);
    snprintf(path, CHECKPOINT_PATH_BYTES, "%s/%s%0*llu%s%s", checkpoints->folder,
             checkpoints->prefix, EPOCH_DIGITS, (unsigned long long)name->epoch, part, SUFFIX);
}

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* A number without leading zeros; *text moves behind it. */
static bool read_number(const char **text, uint32_t *number)
{
    const size_t n = strspn(*text, "0123456789");
    uint64_t value;
    if (n == 0 || (*text)[0] == '0' || !mf_parse_uint64(*text, n, &value) || value > UINT32_MAX)
        return false;
    *number = (uint32_t)value;
    *text += n;
    return true;
}

/* Whether path_of makes this name. */
static bool is_ours(const mf_checkpoints *checkpoints, const char *text, file_name *name)
{
    const size_t n_prefix = strlen(checkpoints->prefix);
    *name = (file_name){.parts = 1};
    if (strncmp(text, checkpoints->prefix, n_prefix) != 0)
        return false;
    const char *digits = text + n_prefix;
    const size_t n_digits = strspn(digits, "0123456789");
    const bool is_padded = n_digits == EPOCH_DIGITS || (n_digits < 12 && digits[0] != '0');
    if (n_digits < EPOCH_DIGITS || !is_padded || !mf_parse_uint64(digits, n_digits, &name->epoch))
        return false;
    const char *rest = digits + n_digits;
    if (*rest == '-') {
        rest++;
        if (!read_number(&rest, &name->part) || strncmp(rest, "-of-", 4) != 0)
            return false;
        rest += 4;
        if (!read_number(&rest, &name->parts) || name->part > name->parts)
            return false;
    }
    return strcmp(rest, SUFFIX) == 0;
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

/* Files of a checkpoint side by side, its parts in turn. */
static int newest_first(const void *a, const void *b)
{
    const file_name *left = a;
    const file_name *right = b;
    if (left->epoch != right->epoch)
        return (left->epoch < right->epoch) - (left->epoch > right->epoch);
    if (left->parts != right->parts)
        return (left->parts > right->parts) - (left->parts < right->parts);
    return (left->part > right->part) - (left->part < right->part);
}

/* This run's files, newest first; the caller frees *names (mf_free). With `tell`, a warning names
 * each file of another run. */
static bool list(const mf_checkpoints *checkpoints, bool tell, file_name **names, size_t *n,
                 mf_error *err)
{
    bool ok = false;
    file_name *found = NULL;
    size_t used = 0;
    size_t capacity = 0;
    DIR *folder = opendir(checkpoints->folder);
    if (folder == NULL)
        return mf_fail_errno(err, errno, (mf_where){.path = checkpoints->folder},
                             "cannot read the checkpoint folder");
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        file_name name;
        if (!is_ours(checkpoints, entry->d_name, &name)) {
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
        path_of(checkpoints, &name, path);
        if (is_folder(path)) {
            if (tell)
                mf_log_message(MF_LOG_WARNING, "checkpoint_refused",
                               "%s is a folder and no checkpoint; it is left alone", path);
            continue;
        }
        if (!MF_GROW(found, capacity, used + 1, "checkpoint names", err))
            goto done;
        found[used++] = name;
    }
    if (used > 0)
        qsort(found, used, sizeof *found, newest_first);
    *names = found;
    *n = used;
    found = NULL;
    ok = true;
done:
    mf_free(found);
    closedir(folder);
    return ok;
}

/* Keeps the first file of each checkpoint that has all its parts; returns how many. */
static size_t keep_whole(file_name *names, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1;
             end < n && names[end].epoch == names[i].epoch && names[end].parts == names[i].parts;)
            end++;
        if (end - i == names[i].parts)
            names[kept++] = names[i];
    }
    return kept;
}

static bool has(const file_name *names, size_t n, const file_name *wanted)
{
    for (size_t i = 0; i < n; i++)
        if (newest_first(&names[i], wanted) == 0)
            return true;
    return false;
}

/* Keeps those that every host has. */
static bool keep_common(mf_hosts_group *group, file_name *names, size_t *n, mf_error *err)
{
    mf_hosts_pieces pieces;
    size_t kept = 0;
    if (mf_hosts_size(group) == 1)
        return true;
    if (!mf_hosts_gather(group, names, *n * sizeof *names, &pieces, err))
        return false;
    for (size_t i = 0; i < *n; i++) {
        bool everywhere = true;
        for (uint32_t rank = 0; rank < mf_hosts_size(group); rank++)
            everywhere =
                everywhere &&
                has((const file_name *)(const void *)(pieces.bytes + pieces.start[rank]),
                    (pieces.start[rank + 1] - pieces.start[rank]) / sizeof *names, &names[i]);
        if (everywhere)
            names[kept++] = names[i];
    }
    *n = kept;
    mf_hosts_pieces_free(&pieces);
    return true;
}

/* Resumes from the checkpoint of which `name` is the first file; logs what comes of it. */
static bool resume_from(const mf_checkpoints *checkpoints, const mf_checkpointed *what,
                        const file_name *name, mf_error *err)
{
    bool ok = false;
    char(*paths)[CHECKPOINT_PATH_BYTES] = mf_allocate(name->parts, sizeof *paths, "names", err);
    const char **list_of_paths = mf_allocate(name->parts, sizeof *list_of_paths, "names", err);
    for (uint32_t k = 0; paths != NULL && list_of_paths != NULL && k < name->parts; k++) {
        file_name part = *name;
        part.part = name->part > 0 ? k + 1 : 0;
        path_of(checkpoints, &part, paths[k]);
        list_of_paths[k] = paths[k];
    }
    if (paths != NULL && list_of_paths != NULL)
        ok = what->resume(what->trainer, list_of_paths, name->parts, err);
    if (ok)
        mf_log_message(MF_LOG_INFO, "resumed", "%s", paths[0]);
    mf_free(list_of_paths);
    mf_free(paths);
    return ok;
}

bool mf_checkpoints_resume(const mf_checkpoints *checkpoints, const mf_checkpointed *what,
                           bool *resumed, mf_error *err)
{
    *resumed = false;
    if (!checkpoints->used)
        return true;
    const bool tell = what->first && mf_hosts_rank(checkpoints->group) == 0;
    file_name *names = NULL;
    size_t n = 0;
    if (!list(checkpoints, tell, &names, &n, err))
        return false;
    n = keep_whole(names, n);
    bool ok = keep_common(checkpoints->group, names, &n, err);
    for (size_t i = 0; ok && i < n && !*resumed; i++) {
        mf_error refusal = {0};
        *resumed = resume_from(checkpoints, what, &names[i], &refusal);
        ok = !mf_hosts_failed(checkpoints->group, err);
        if (ok && !*resumed)
            mf_log_message(MF_LOG_WARNING, "checkpoint_refused", "%s", refusal.text);
    }
    mf_free(names);
    return ok;
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

/* Files of the whole, and parts of another number of hosts, are the first host's to delete; parts of
 * as many hosts each host's own. */
static bool is_mine(const mf_checkpoints *checkpoints, const file_name *name)
{
    const uint32_t rank = mf_hosts_rank(checkpoints->group);
    const uint32_t size = mf_hosts_size(checkpoints->group);
    return name->part > 0 && name->parts == size ? name->part == rank + 1 : rank == 0;
}

/* Deletes the oldest. Newer ones than `epoch` were not resumed, so they are damaged: they are not
 * counted. */
static bool delete_oldest(const mf_checkpoints *checkpoints, uint64_t epoch, mf_error *err)
{
    file_name *names = NULL;
    size_t n = 0;
    if (!list(checkpoints, false, &names, &n, err))
        return false;
    uint32_t kept = 0;
    uint64_t last = UINT64_MAX; /* the epoch that was counted last */
    for (size_t i = 0; i < n; i++) {
        char path[CHECKPOINT_PATH_BYTES];
        if (names[i].epoch > epoch)
            continue;
        kept += names[i].epoch != last;
        last = names[i].epoch;
        path_of(checkpoints, &names[i], path);
        if (kept > checkpoints->keep && is_mine(checkpoints, &names[i]) && !is_being_uploaded(path))
            unlink(path);
    }
    mf_free(names);
    return true;
}

static bool save_file(const mf_checkpoints *checkpoints, const mf_checkpointed *what,
                      uint64_t epoch, mf_error *err)
{
    char path[CHECKPOINT_PATH_BYTES];
    file_name name = {.epoch = epoch, .parts = 1};
    if (what->in_parts && mf_hosts_size(checkpoints->group) > 1)
        name = (file_name){epoch, mf_hosts_size(checkpoints->group),
                           mf_hosts_rank(checkpoints->group) + 1};
    path_of(checkpoints, &name, path);
    if (is_folder(path)) {
        mf_log_message(MF_LOG_WARNING, "checkpoint_refused",
                       "%s is a folder: this checkpoint is not saved", path);
        return true;
    }
    if (!what->save(what->trainer, path, err))
        return false;
    mf_log_message(MF_LOG_INFO, "checkpoint", "%s", path);
    return true;
}

bool mf_checkpoints_save(const mf_checkpoints *checkpoints, const mf_checkpointed *what,
                         mf_error *err)
{
    const uint64_t epoch = what->number(what->trainer);
    const bool saves = what->in_parts || mf_hosts_rank(checkpoints->group) == 0;
    return (!saves || save_file(checkpoints, what, epoch, err)) &&
           mf_hosts_barrier(checkpoints->group, err) && delete_oldest(checkpoints, epoch, err);
}
