#include "testing.h"

#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* close, fsync and rename of the code under test. The failing_nth-th call of the one that is
 * to fail gives EIO; 0: none fails. */
typedef enum call { CALL_CLOSE, CALL_FSYNC, CALL_RENAME, CALLS } call;

static size_t failing_nth[CALLS];
static char order[16]; /* an initial for each call */

int __real_close(int fd);
int __wrap_close(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

static bool fails(call which)
{
    const size_t n = strlen(order);
    if (n + 1 < sizeof order)
        order[n] = "cfr"[which];
    if (failing_nth[which] == 0 || --failing_nth[which] > 0)
        return false;
    errno = EIO;
    return true;
}

int __wrap_close(int fd)
{
    const int status = __real_close(fd); /* as Linux does, whatever it returns */
    return fails(CALL_CLOSE) ? -1 : status;
}

int __wrap_fsync(int fd)
{
    return fails(CALL_FSYNC) ? -1 : __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
    return fails(CALL_RENAME) ? -1 : __real_rename(from, to);
}

static bool write_new(const char *path, mf_error *err)
{
    memset(order, 0, sizeof order);
    const bool ok = mf_file_write(path, "new", 3, err);
    memset(failing_nth, 0, sizeof failing_nth);
    return ok;
}

static void assert_holds(const char *path, const char *expected)
{
    mf_error err = {0};
    char *bytes;
    size_t n;
    assert_ok(mf_file_read(path, 100, &bytes, &n, &err), err);
    assert_string_equal(bytes, expected);
    mf_free(bytes);
}

static void a_commit_that_fails_keeps_the_previous_file(void **state)
{
    static const struct {
        call which;
        const char *says;
    } cases[] = {
        {CALL_FSYNC, "model.bin: cannot be written to disk: Input/output error"},
        {CALL_CLOSE, "model.bin: cannot be closed: Input/output error"},
        {CALL_RENAME, "model.bin: cannot be put in its place: Input/output error"},
    };
    char *path = testing_path(*state, "model.bin");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int is_there = 0; is_there < 2; is_there++) {
            mf_error err = {0};
            if (is_there)
                assert_ok(mf_file_write(path, "old", 3, &err), err);
            failing_nth[cases[i].which] = 1;
            assert_false(write_new(path, &err));
            assert_error(&err, MF_ERR_IO, cases[i].says);
            assert_int_equal(entries(*state), is_there);
            if (is_there)
                assert_holds(path, "old");
            unlink(path);
        }
    }
    free(path);
}

static void a_commit_syncs_closes_renames_and_syncs_the_folder(void **state)
{
    char *path = testing_path(*state, "model.bin");
    mf_error err = {0};
    assert_ok(write_new(path, &err), err);
    assert_string_equal(order, "fcrfc");
    failing_nth[CALL_FSYNC] = 2; /* the folder's: a file system may refuse it */
    assert_ok(write_new(path, &err), err);
    assert_holds(path, "new");
    assert_int_equal(entries(*state), 1);
    free(path);
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
        IN_A_FOLDER(a_commit_that_fails_keeps_the_previous_file),
        IN_A_FOLDER(a_commit_syncs_closes_renames_and_syncs_the_folder),
        IN_A_FOLDER(every_failed_allocation_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
