#include "testing.h"

#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int folder_setup(void **state)
{
    *state = testing_folder();
    return 0;
}

static int folder_teardown(void **state)
{
    testing_folder_remove(*state);
    return 0;
}

static size_t entries(const char *folder)
{
    DIR *dir = opendir(folder);
    size_t n = 0;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void a_file_appears_only_when_it_is_committed(void **state)
{
    char *path = testing_path(*state, "model.bin");
    mf_error err = {0};
    mf_file_writer *writer = mf_file_writer_create(path, &err);
    assert_non_null(writer);
    assert_ok(mf_file_writer_append(writer, "....world", 9, &err), err);
    assert_ok(mf_file_writer_patch(writer, 0, "hell", 4, &err), err);
    assert_ok(mf_file_writer_append(writer, "!", 1, &err), err);
    assert_false(mf_file_exists(path));
    assert_ok(mf_file_writer_commit(writer, &err), err);
    char *bytes;
    size_t n;
    assert_ok(mf_file_read(path, 100, &bytes, &n, &err), err);
    assert_int_equal(n, 10);
    assert_string_equal(bytes, "hellworld!");
    mf_free(bytes);
    assert_int_equal(entries(*state), 1);
    free(path);
}

static void giving_up_leaves_nothing_and_the_old_file(void **state)
{
    char *path = testing_path(*state, "model.bin");
    mf_error err = {0};
    assert_ok(mf_file_write(path, "old", 3, &err), err);
    mf_file_writer *writer = mf_file_writer_create(path, &err);
    assert_ok(mf_file_writer_append(writer, "new", 3, &err), err);
    mf_file_writer_destroy(writer);
    char *bytes;
    size_t n;
    assert_ok(mf_file_read(path, 100, &bytes, &n, &err), err);
    assert_string_equal(bytes, "old");
    mf_free(bytes);
    assert_int_equal(entries(*state), 1);
    free(path);
}

static void a_full_disk_leaves_nothing_behind(void **state)
{
    char *path = testing_path(*state, "model.bin");
    struct rlimit old, small = {4096, RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    char *big = calloc(1, 100000);
    mf_error err = {0};
    const bool ok = mf_file_write(path, big, 100000, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    free(big);
    assert_false(ok);
    assert_error(&err, MF_ERR_IO, "model.bin: cannot be written: File too large");
    assert_int_equal(entries(*state), 0);
    free(path);
}

static void unusable_places_are_named(void **state)
{
    mf_error err = {0};
    assert_null(mf_file_writer_create("/proc/nowhere/model.bin", &err));
    assert_error(&err, MF_ERR_IO, "/proc/nowhere/model.bin: cannot be created");
    char *bytes;
    size_t n;
    mf_error_clear(&err);
    assert_false(mf_file_read(*state, 100, &bytes, &n, &err));
    assert_error(&err, MF_ERR_IO, "is a folder, not a file");
    mf_error_clear(&err);
    assert_false(mf_file_read("/nowhere/at/all", 100, &bytes, &n, &err));
    assert_error(&err, MF_ERR_IO, "/nowhere/at/all: cannot open: No such file or directory");
    char *path = testing_path(*state, "long");
    testing_write(path, "0123456789", 10);
    mf_error_clear(&err);
    assert_false(mf_file_read(path, 9, &bytes, &n, &err));
    assert_error(&err, MF_ERR_LIMIT, "has 10 bytes; at most 9 are read");
    free(path);
}

static void folders_are_created_with_their_parents(void **state)
{
    mf_error err = {0};
    char *deep = testing_path(*state, "a/b//c");
    assert_ok(mf_folder_create(deep, &err), err);
    assert_ok(mf_folder_create(deep, &err), err);
    struct stat status;
    assert_int_equal(stat(deep, &status), 0);
    assert_true(S_ISDIR(status.st_mode));
    char *file = testing_path(*state, "a/file");
    testing_write(file, "x", 1);
    assert_false(mf_folder_create(file, &err));
    assert_error(&err, MF_ERR_IO, "is not a folder");
    free(file);
    free(deep);
}

static void every_failed_allocation_is_clean(void **state)
{
    char *path = testing_path(*state, "model.bin");
    for (size_t n = 1;; n++) {
        mf_memory_fail_nth(n);
        mf_error err = {0};
        const bool ok = mf_file_write(path, "x", 1, &err);
        mf_memory_fail_nth(0);
        if (ok) {
            assert_true(n > 1);
            break;
        }
        assert_int_equal(err.code, MF_ERR_MEMORY);
        assert_int_equal(entries(*state), 0);
    }
    free(path);
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_file_appears_only_when_it_is_committed),
        IN_A_FOLDER(giving_up_leaves_nothing_and_the_old_file),
        IN_A_FOLDER(a_full_disk_leaves_nothing_behind),
        IN_A_FOLDER(unusable_places_are_named),
        IN_A_FOLDER(folders_are_created_with_their_parents),
        IN_A_FOLDER(every_failed_allocation_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
