#include "testing.h"

#include "base/file.h"
#include "base/memory_limit.h"

#include <unistd.h>

static void put(const char *root, const char *path, const char *text)
{
    mf_error err = {0};
    char full[512];
    snprintf(full, sizeof full, "%s/%s", root, path);
    *strrchr(full, '/') = '\0';
    assert_ok(mf_folder_create(full, &err), err);
    snprintf(full, sizeof full, "%s/%s", root, path);
    testing_write(full, text, strlen(text));
}

static void the_limit_is_the_least_of_the_groups_and_the_machine(void **state)
{
    (void)state;
    const uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    static const char v1[] = "5:cpu:/x\n4:memory:/docker/abc\n1:name=systemd:/\n0::/\n";
    static const struct {
        const char *group;                /* /proc/self/cgroup */
        const char *path[2], *content[2]; /* of /sys/fs/cgroup */
        uint64_t limit;                   /* 0: the machine's */
    } cases[] = {
        {NULL, {NULL}, {NULL}, 0},
        {"0::/\n", {"memory.max"}, {"67108864\n"}, 67108864},
        {"0::/\n", {"memory.max"}, {"max\n"}, 0},
        {"0::/\n", {"memory.max"}, {"\n"}, 0},
        {"0::/\n", {NULL}, {NULL}, 0},
        {"0::/a/b\n", {"a/memory.max", "a/b/memory.max"}, {"1000000\n", "max\n"}, 1000000},
        {"0::/a/b\n", {"a/memory.max", "a/b/memory.max"}, {"1000000\n", "999\n"}, 999},
        {"0::/a/b\n", {"memory.max"}, {"5000\n"}, 5000}, /* the group is not visible */
        {v1, {"memory/docker/abc/memory.limit_in_bytes"}, {"1073741824\n"}, 1073741824},
        {v1, {"memory/memory.limit_in_bytes"}, {"4096000\n"}, 4096000},
        {v1, {"memory/memory.limit_in_bytes"}, {"9223372036854771712\n"}, 0},
        {v1, {"docker/abc/memory.max"}, {"12345\n"}, 0},
        {"nonsense\n", {"memory.max"}, {"12345\n"}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *root = testing_folder();
        if (cases[i].group != NULL)
            put(root, "proc/self/cgroup", cases[i].group);
        for (int f = 0; f < 2 && cases[i].path[f] != NULL; f++) {
            char path[128];
            snprintf(path, sizeof path, "sys/fs/cgroup/%s", cases[i].path[f]);
            put(root, path, cases[i].content[f]);
        }
        const uint64_t found = mf_memory_limit(root);
        if (found != (cases[i].limit > 0 ? cases[i].limit : machine))
            fail_msg("case %zu: %llu", i, (unsigned long long)found);
        testing_folder_remove(root);
    }
}

static void this_process_has_a_limit(void **state)
{
    (void)state;
    assert_true(mf_memory_limit("") > 0);
    assert_true(mf_memory_limit("") <=
                (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_is_the_least_of_the_groups_and_the_machine),
        cmocka_unit_test(this_process_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
