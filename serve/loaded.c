/* loaded.c: reads model.bin with a reason for every failure; the last reference that is released
 * does not free the model, the main thread does. */
#include "serve/loaded.h"

#include "base/clock.h"
#include "base/text.h"
#include "base/thread.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char NAME[] = "model.bin";

/* "lost+found, model/ (which holds model.bin)" */
static void list_folder(const char *folder, DIR *entries, mf_text *found)
{
    enum { ENTRIES_MAX = 8 };
    const struct dirent *entry;
    size_t n = 0;
    while ((entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (++n > ENTRIES_MAX) {
            mf_text_literal(found, ", …");
            return;
        }
        char inner[2048];
        struct stat status;
        snprintf(inner, sizeof inner, "%s/%s", folder, entry->d_name);
        const bool is_folder = stat(inner, &status) == 0 && S_ISDIR(status.st_mode);
        snprintf(inner, sizeof inner, "%s/%s/%s", folder, entry->d_name, NAME);
        const bool holds_it = is_folder && stat(inner, &status) == 0;
        mf_text_format(found, "%s%.80s%s%s", n > 1 ? ", " : "", entry->d_name, is_folder ? "/" : "",
                       holds_it ? " (which holds model.bin)" : "");
    }
    if (n == 0)
        mf_text_literal(found, "nothing");
}

/* A model.tar.gz that a person packed often has an additional folder level. */
static void explain_missing(const char *folder, mf_error *err)
{
    const mf_where where = {.path = folder};
    DIR *entries = opendir(folder);
    if (entries == NULL) {
        mf_fail_errno(err, errno, where, "the model's folder cannot be read");
        return;
    }
    mf_text found = MF_TEXT_EMPTY;
    list_folder(folder, entries, &found);
    mf_fail(err, MF_ERR_IO, where, "no model.bin here; found %.*s", (int)found.n_bytes,
            found.bytes != NULL ? found.bytes : "");
    mf_text_free(&found);
    closedir(entries);
}

static mf_loaded *read_model(const char *folder, const mf_serve_settings *settings, mf_error *err)
{
    const double start = mf_clock_seconds();
    char path[2048];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", folder, NAME);
    if (stat(path, &status) != 0 && errno == ENOENT) {
        explain_missing(folder, err);
        return NULL;
    }
    mf_loaded *loaded = calloc(1, sizeof *loaded);
    if (loaded == NULL) {
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a model");
        return NULL;
    }
    loaded->model = mf_model_load(path, err);
    if (loaded->model != NULL)
        loaded->recommender =
            mf_recommender_create(loaded->model, mf_serve_settings_index_bytes(settings), err);
    if (loaded->recommender != NULL)
        loaded->lists = mf_named_lists_load(folder, loaded->model, err);
    if (loaded->lists == NULL) {
        mf_loaded_free_if_unused(loaded);
        return NULL;
    }
    loaded->limits = mf_serve_settings_limits(settings);
    loaded->limits.lists = loaded->lists;
    mf_model_columns_read(&loaded->columns, loaded->model);
    loaded->limits.columns = &loaded->columns;
    snprintf(loaded->version, sizeof loaded->version, "%016llx",
             (unsigned long long)mf_model_checksum(loaded->model));
    loaded->seconds = mf_clock_seconds() - start;
    atomic_init(&loaded->references, 1);
    return loaded;
}

void mf_loaded_hold(mf_loaded *loaded)
{
    atomic_fetch_add_explicit(&loaded->references, 1, memory_order_relaxed);
}

void mf_loaded_release(mf_loaded *loaded)
{
    atomic_fetch_sub_explicit(&loaded->references, 1, memory_order_release);
}

bool mf_loaded_free_if_unused(mf_loaded *loaded)
{
    if (atomic_load_explicit(&loaded->references, memory_order_acquire) > 0)
        return false;
    mf_named_lists_destroy(loaded->lists);
    mf_recommender_destroy(loaded->recommender);
    mf_model_close(loaded->model);
    free(loaded);
    return true;
}

/* ---------------------------------------------------------------- on a thread */

static void *run(void *argument)
{
    mf_loader *loader = argument;
    loader->loaded = read_model(loader->folder, loader->settings, &loader->err);
    atomic_store(&loader->done, true);
    pthread_kill(loader->main_thread, loader->signal);
    return NULL;
}

bool mf_loader_start(mf_loader *loader, const char *folder, const mf_serve_settings *settings,
                     int signal, mf_error *err)
{
    *loader = (mf_loader){
        .folder = folder, .settings = settings, .signal = signal, .main_thread = pthread_self()};
    const int failed = mf_thread_start(&loader->thread, run, loader);
    if (failed != 0)
        return mf_fail_errno(err, failed, MF_NOWHERE, "no thread to load the model with");
    loader->running = true;
    return true;
}

bool mf_loader_is_done(const mf_loader *loader)
{
    return loader->running && atomic_load(&loader->done);
}

mf_loaded *mf_loader_take(mf_loader *loader, mf_error *err)
{
    pthread_join(loader->thread, NULL); /* the thread ends after the signal */
    loader->running = false;
    if (loader->loaded == NULL)
        *err = loader->err;
    return loader->loaded;
}
