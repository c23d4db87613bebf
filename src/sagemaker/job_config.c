/* job_config.c: hyperparameters.json, resourceconfig.json and checkpointconfig.json, each optional.
 * (1) What the platform may leave out has a default; what is there and wrong is an error that
 *     names the file. */
#include "sagemaker/job_config.h"

#include "base/file.h"
#include "sagemaker/config_file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- hyperparameters.json ---- */

static void take_platform_key(const char *key, const char *text,
                              mf_platform_hyperparameters *platform)
{
    if (platform == NULL || text == NULL)
        return;
    if (strcmp(key, "_tuning_objective_metric") == 0)
        snprintf(platform->tuning_objective, sizeof platform->tuning_objective, "%.*s",
                 MF_OBJECTIVE_BYTES - 1, text);
    else if (strcmp(key, "sagemaker_container_log_level") == 0)
        snprintf(platform->log_level, sizeof platform->log_level, "%.15s", text);
}

static bool is_platform_key(const char *key)
{
    return strncmp(key, "sagemaker_", strlen("sagemaker_")) == 0 ||
           strcmp(key, "_tuning_objective_metric") == 0;
}

static bool fail_not_text(const char *name, const char *key, const json_t *value, mf_error *err)
{
    const mf_where where = {name, 0, 0};
    if (json_is_number(value) || json_is_boolean(value)) {
        char text[64];
        return mf_fail(err, MF_ERR_CONFIG, where,
                       "hyperparameter %.96s is %s, not a text: SageMaker passes every value as a "
                       "text, so write \"%.96s\": \"%s\"",
                       key, mf_config_kind_name(value), key,
                       mf_config_write(value, text, sizeof text));
    }
    return mf_fail(err, MF_ERR_CONFIG, where,
                   "hyperparameter %.96s is %s: SageMaker passes every value as a text", key,
                   mf_config_kind_name(value));
}

/* The value of a text that is itself a JSON text ("\"adam\""), to be released; else NULL. */
static json_t *unquote(const char *text)
{
    if (text == NULL || text[strspn(text, " \t\r\n")] != '"')
        return NULL;
    return json_loads(text, JSON_DECODE_ANY, NULL);
}

static bool set_all(json_t *file, const char *name, mf_settings *settings,
                    mf_platform_hyperparameters *platform, mf_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach(file, key, value)
    {
        const char *text = json_string_value(value);
        json_t *inner = unquote(text);
        if (inner != NULL)
            text = json_string_value(inner);
        bool ok = true;
        if (is_platform_key(key))
            take_platform_key(key, text, platform);
        else if (text == NULL)
            ok = fail_not_text(name, key, value, err);
        else
            ok = mf_settings_set(settings, key, text, strlen(text), err);
        json_decref(inner);
        if (!ok)
            return false;
    }
    return true;
}

/* Sets all members of a file that was read, which is released. */
static bool set_file(json_t *file, const char *name, mf_settings *settings,
                     mf_platform_hyperparameters *platform, mf_error *err)
{
    const bool ok = file != NULL && set_all(file, name, settings, platform, err);
    json_decref(file);
    return ok;
}

bool mf_hyperparameter_file_parse(const char *bytes, size_t n_bytes, const char *name,
                                  mf_settings *settings, mf_platform_hyperparameters *platform,
                                  mf_error *err)
{
    if (platform != NULL)
        *platform = (mf_platform_hyperparameters){0};
    return set_file(mf_config_parse(bytes, n_bytes, name, err), name, settings, platform, err);
}

bool mf_hyperparameter_file_read(const char *path, mf_settings *settings,
                                 mf_platform_hyperparameters *platform, mf_error *err)
{
    if (platform != NULL)
        *platform = (mf_platform_hyperparameters){0};
    return !mf_file_exists(path) ||
           set_file(mf_config_read(path, err), path, settings, platform, err);
}

/* ---- resourceconfig.json ---- */

static int by_bytes(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool copy_host_name(const char *path, const char *field, const char *name,
                           char out[MF_HOST_NAME_BYTES], mf_error *err)
{
    const size_t n = name != NULL ? strlen(name) : 0;
    if (n >= 1 && n < MF_HOST_NAME_BYTES &&
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_") == n) {
        memcpy(out, name, n + 1);
        return true;
    }
    return mf_fail(
        err, MF_ERR_CONFIG, (mf_where){path, 0, 0},
        "%s: \"%.96s\" is not a host name: expected a text of 1 to %d of A-Z a-z 0-9 . - _", field,
        name != NULL ? name : "", MF_HOST_NAME_BYTES - 1);
}

static bool read_host_names(const json_t *list, const char *path, mf_hosts *hosts, mf_error *err)
{
    const mf_where where = {path, 0, 0};
    if (!json_is_array(list))
        return mf_fail(err, MF_ERR_CONFIG, where, "hosts is %s: expected an array of texts",
                       mf_config_kind_name(list));
    hosts->n = json_array_size(list);
    if (hosts->n == 0 || hosts->n > MF_HOSTS_MAX)
        return mf_fail(err, MF_ERR_CONFIG, where, "hosts has %zu names: expected 1 to %d", hosts->n,
                       MF_HOSTS_MAX);
    for (size_t i = 0; i < hosts->n; i++)
        if (!copy_host_name(path, "hosts", json_string_value(json_array_get(list, i)),
                            hosts->name[i], err))
            return false;
    qsort(hosts->name, hosts->n, sizeof hosts->name[0], by_bytes);
    for (size_t i = 1; i < hosts->n; i++)
        if (strcmp(hosts->name[i - 1], hosts->name[i]) == 0)
            return mf_fail(err, MF_ERR_CONFIG, where, "hosts has %s twice", hosts->name[i]);
    return true;
}

static bool read_hosts(const json_t *file, const char *path, mf_hosts *hosts, mf_error *err)
{
    const mf_where where = {path, 0, 0};
    const char *current;
    const char *interface;
    if (!mf_config_get_text(file, "current_host", path, "this host", &current, err) ||
        !mf_config_get_text(file, "network_interface_name", path, "this host", &interface, err))
        return false;
    if (interface != NULL)
        snprintf(hosts->interface, sizeof hosts->interface, "%.*s", MF_INTERFACE_BYTES - 1,
                 interface);
    const json_t *list = json_object_get(file, "hosts");
    if (list == NULL || json_is_null(list))
        return current == NULL ||
               copy_host_name(path, "current_host", current, hosts->name[0], err);
    if (!read_host_names(list, path, hosts, err))
        return false;
    if (current == NULL) {
        if (hosts->n == 1)
            return true;
        return mf_fail(err, MF_ERR_CONFIG, where, "current_host is missing and hosts has %zu names",
                       hosts->n);
    }
    for (hosts->rank = 0; hosts->rank < hosts->n; hosts->rank++)
        if (strcmp(hosts->name[hosts->rank], current) == 0)
            return true;
    hosts->rank = 0;
    return mf_fail(err, MF_ERR_CONFIG, where, "current_host \"%.96s\" is not among the %zu hosts",
                   current, hosts->n);
}

bool mf_hosts_read(const char *path, mf_hosts *hosts, mf_error *err)
{
    memset(hosts, 0, sizeof *hosts);
    hosts->n = 1;
    snprintf(hosts->name[0], sizeof hosts->name[0], "algo-1");
    if (!mf_file_exists(path))
        return true;
    json_t *file = mf_config_read(path, err);
    if (file == NULL)
        return false;
    const bool ok = read_hosts(file, path, hosts, err);
    json_decref(file);
    return ok;
}

/* ---- checkpointconfig.json ---- */

static bool use_local_path(const mf_tree *tree, const char *local, mf_checkpoint_folder *folder,
                           mf_error *err)
{
    const mf_where where = {tree->checkpoint_config, 0, 0};
    size_t n = strlen(local);
    while (n > 1 && local[n - 1] == '/')
        n--;
    if (local[0] != '/' || n >= MF_PATH_BYTES)
        return mf_fail(err, MF_ERR_CONFIG, where,
                       "LocalPath \"%.96s\": expected an absolute path of at most %d bytes", local,
                       MF_PATH_BYTES - 1);
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
    json_t *file = mf_config_read(tree->checkpoint_config, err);
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
    json_decref(file);
    return ok;
}
