/* hosts.c: who we are among whom. */
#include "sagemaker/hosts.h"

#include "base/file.h"
#include "sagemaker/config_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_bytes(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool copy_name(const char *path, const char *field, const char *name,
                      char out[MF_HOST_NAME_BYTES], mf_error *err)
{
    const size_t n = name != NULL ? strlen(name) : 0;
    if (n >= 1 && n < MF_HOST_NAME_BYTES &&
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_") == n) {
        memcpy(out, name, n + 1);
        return true;
    }
    char quoted[96];
    mf_printable(quoted, sizeof quoted, name != NULL ? name : "", n);
    return mf_fail(err, MF_ERR_CONFIG, (mf_where){path, 0, 0},
                   "%s: \"%s\" is not a host name: expected a text of 1 to %d of A-Z a-z 0-9 . - _",
                   field, quoted, MF_HOST_NAME_BYTES - 1);
}

static bool read_names(const mf_config *list, const char *path, mf_hosts *hosts, mf_error *err)
{
    const mf_where where = {path, 0, 0};
    if (mf_config_kind_of(list) != MF_CONFIG_ARRAY)
        return mf_fail(err, MF_ERR_CONFIG, where, "hosts is %s: expected an array of texts",
                       mf_config_kind_name(mf_config_kind_of(list)));
    hosts->n = mf_config_count(list);
    if (hosts->n == 0 || hosts->n > MF_HOSTS_MAX)
        return mf_fail(err, MF_ERR_CONFIG, where, "hosts has %zu names: expected 1 to %d", hosts->n,
                       MF_HOSTS_MAX);
    for (size_t i = 0; i < hosts->n; i++)
        if (!copy_name(path, "hosts", mf_config_text(mf_config_at(list, i)), hosts->name[i], err))
            return false;
    qsort(hosts->name, hosts->n, sizeof hosts->name[0], by_bytes);
    for (size_t i = 1; i < hosts->n; i++)
        if (strcmp(hosts->name[i - 1], hosts->name[i]) == 0)
            return mf_fail(err, MF_ERR_CONFIG, where, "hosts has %s twice", hosts->name[i]);
    return true;
}

static bool read_file(const mf_config *file, const char *path, mf_hosts *hosts, mf_error *err)
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
    const mf_config *list = mf_config_get(file, "hosts");
    if (list == NULL)
        return current == NULL || copy_name(path, "current_host", current, hosts->name[0], err);
    if (!read_names(list, path, hosts, err))
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
    char quoted[96];
    mf_printable(quoted, sizeof quoted, current, strlen(current));
    return mf_fail(err, MF_ERR_CONFIG, where, "current_host \"%s\" is not among the %zu hosts",
                   quoted, hosts->n);
}

bool mf_hosts_read(const char *path, mf_hosts *hosts, mf_error *err)
{
    memset(hosts, 0, sizeof *hosts);
    hosts->n = 1;
    snprintf(hosts->name[0], sizeof hosts->name[0], "algo-1");
    if (!mf_file_exists(path))
        return true;
    mf_config *file = mf_config_read(path, err);
    if (file == NULL)
        return false;
    const bool ok = read_file(file, path, hosts, err);
    mf_config_close(file);
    return ok;
}
