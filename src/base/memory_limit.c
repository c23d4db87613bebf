/* memory_limit.c: /proc/self/cgroup names the group; its folder and those above it have the limits.
 * A group that is not visible from here, as in a container, leaves the folders above it. */
#include "base/memory_limit.h"

#include "base/number.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Lowers *limit to the number in folder/name, if there is one ("max" is none). */
static void read_limit(const char *folder, const char *name, uint64_t *limit)
{
    char path[PATH_MAX + 64];
    char text[32] = "";
    uint64_t value;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(text, sizeof text, file) != NULL &&
        mf_parse_uint64(text, strcspn(text, "\n"), &value) && value > 0 && value < *limit)
        *limit = value;
    fclose(file);
}

uint64_t mf_memory_limit(const char *root)
{
    uint64_t limit = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    char folder[PATH_MAX];
    char line[PATH_MAX]; /* "0::/group" or "4:memory:/group" */
    snprintf(folder, sizeof folder, "%s/proc/self/cgroup", root);
    FILE *groups = fopen(folder, "re");
    while (groups != NULL && fgets(line, sizeof line, groups) != NULL) {
        const bool is_v1 = strstr(line, ":memory:") != NULL;
        const char *group = strstr(line, is_v1 ? ":memory:/" : "::/");
        if (group == NULL)
            continue;
        const int n =
            snprintf(folder, sizeof folder, "%s/sys/fs/cgroup%s", root, is_v1 ? "/memory" : "");
        group = strchr(group, '/');
        snprintf(folder + n, sizeof folder - (size_t)n, "%.*s", (int)strcspn(group, "\n"), group);
        for (char *slash; strlen(folder) >= (size_t)n; *slash = '\0') {
            read_limit(folder, is_v1 ? "memory.limit_in_bytes" : "memory.max", &limit);
            slash = strrchr(folder, '/');
        }
    }
    if (groups != NULL)
        fclose(groups);
    return limit;
}
