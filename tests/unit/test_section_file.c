/* test_section_file.c: the promises of model/section_file.h, with a kind of file
 * that only this test knows. What damage does is in test_model_damage.c. */
#include "testing.h"

#include "base/file.h"
#include "base/memory.h"
#include "model/section_file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EPOCH, FACTORS, EXTRA, N_SECTIONS };
static const char *const names[] = {[EPOCH] = "epoch", [FACTORS] = "factors", [EXTRA] = "extra"};
static const mf_section_kind kind = {"MFCHECK", 1, "checkpoint", names, N_SECTIONS};

/* One newer within version 1, and one that would need a version 2. */
static const char *const newer_names[] = {"epoch", "factors", "extra", "optional.moments"};
static const mf_section_kind newer_kind = {"MFCHECK", 1, "checkpoint", newer_names, 4};
static const char *const other_names[] = {"epoch", "velocity"};
static const mf_section_kind other_kind = {"MFCHECK", 1, "checkpoint", other_names, 2};

typedef struct place {
    char *folder;
    char *path;
    mf_error err;
} place;

static int setup(void **state)
{
    place *p = calloc(1, sizeof *p);
    p->folder = testing_folder();
    p->path = testing_path(p->folder, "checkpoint.bin");
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    place *p = *state;
    free(p->path);
    testing_folder_remove(p->folder);
    free(p);
    return 0;
}

static void fill(unsigned char *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        bytes[i] = (unsigned char)(i * 7 + i / 251);
}

static void sections_come_back_as_they_were_written(void **state)
{
    place *p = *state;
    enum { N = 100001 }; /* several pieces, the last one odd */
    unsigned char *factors = malloc(N);
    fill(factors, N);
    mf_section_writer *writer = mf_section_writer_create(p->path, &kind, &p->err);
    assert_non_null(writer);
    assert_ok(mf_section_writer_add(writer, EPOCH, "12345", 5, &p->err), p->err);
    assert_ok(mf_section_writer_add(writer, FACTORS, factors, N, &p->err), p->err);
    assert_ok(mf_section_writer_add(writer, EXTRA, NULL, 0, &p->err), p->err);
    assert_false(mf_file_exists(p->path));
    assert_ok(mf_section_writer_commit(writer, &p->err), p->err);

    mf_section_file *file = mf_section_file_open(p->path, &kind, NULL, &p->err);
    assert_ok(file != NULL, p->err);
    size_t n_bytes = 0;
    const void *bytes = mf_section_file_get(file, FACTORS, &n_bytes);
    assert_int_equal(n_bytes, N);
    assert_int_equal((uintptr_t)bytes % 64, 0);
    assert_memory_equal(bytes, factors, N);
    assert_memory_equal(mf_section_file_require(file, EPOCH, 5, 1, &p->err), "12345", 5);
    assert_non_null(mf_section_file_require(file, EXTRA, 0, 8, &p->err));
    mf_section_file_close(file);
    free(factors);
}

static void a_section_longer_than_one_write_is_complete(void **state)
{
    place *p = *state;
    enum { N = (3 << 20) + 77 }; /* a write has at most 1 MiB */
    unsigned char *factors = malloc(N);
    size_t n_bytes = 0;
    assert_non_null(factors);
    fill(factors, N);
    mf_section_writer *writer = mf_section_writer_create(p->path, &kind, &p->err);
    assert_ok(mf_section_writer_add(writer, EPOCH, "1", 1, &p->err), p->err);
    assert_ok(mf_section_writer_add(writer, FACTORS, factors, N, &p->err), p->err);
    assert_ok(mf_section_writer_commit(writer, &p->err), p->err);
    mf_section_file *file = mf_section_file_open(p->path, &kind, NULL, &p->err);
    assert_ok(file != NULL, p->err);
    assert_memory_equal(mf_section_file_get(file, FACTORS, &n_bytes), factors, N);
    assert_int_equal(n_bytes, N);
    mf_section_file_close(file);
    free(factors);
}

static void a_section_in_pieces_is_the_same_file(void **state)
{
    place *p = *state;
    enum { N = 100001, PIECE = 777 };
    unsigned char *factors = malloc(N);
    fill(factors, N);
    uint64_t checksums[2];
    for (int pieces = 0; pieces < 2; pieces++) {
        mf_section_writer *writer = mf_section_writer_create(p->path, &kind, &p->err);
        assert_non_null(writer);
        assert_false(mf_section_writer_append(writer, "x", 1, &p->err));
        mf_error_clear(&p->err);
        assert_ok(mf_section_writer_add(writer, EPOCH, "12345", 5, &p->err), p->err);
        if (pieces == 0)
            assert_ok(mf_section_writer_add(writer, FACTORS, factors, N, &p->err), p->err);
        else
            assert_ok(mf_section_writer_begin(writer, FACTORS, &p->err), p->err);
        for (size_t at = 0; pieces == 1 && at < N; at += PIECE)
            assert_ok(mf_section_writer_append(writer, factors + at,
                                               N - at < PIECE ? N - at : PIECE, &p->err),
                      p->err);
        assert_ok(mf_section_writer_add(writer, EXTRA, "1", 1, &p->err), p->err);
        assert_ok(mf_section_writer_commit(writer, &p->err), p->err);
        mf_section_file *file = mf_section_file_open(p->path, &kind, NULL, &p->err);
        assert_ok(file != NULL, p->err);
        checksums[pieces] = mf_section_file_header(file)->checksum;
        mf_section_file_close(file);
    }
    assert_true(checksums[0] == checksums[1]);
    free(factors);
}

static void a_file_without_sections_is_a_file(void **state)
{
    place *p = *state;
    size_t n_bytes;
    mf_section_writer *writer = mf_section_writer_create(p->path, &kind, &p->err);
    assert_ok(mf_section_writer_commit(writer, &p->err), p->err);
    mf_section_file *file = mf_section_file_open(p->path, &kind, NULL, &p->err);
    assert_ok(file != NULL, p->err);
    assert_null(mf_section_file_get(file, EPOCH, &n_bytes));
    assert_null(mf_section_file_get(file, 1000, &n_bytes));
    mf_section_file_close(file);
}

static void require_names_a_section_that_is_missing_or_of_another_size(void **state)
{
    place *p = *state;
    mf_section_writer *writer = mf_section_writer_create(p->path, &kind, &p->err);
    assert_ok(mf_section_writer_add(writer, FACTORS, "12345678", 8, &p->err), p->err);
    assert_ok(mf_section_writer_commit(writer, &p->err), p->err);
    mf_section_file *file = mf_section_file_open(p->path, &kind, NULL, &p->err);
    assert_ok(file != NULL, p->err);
    assert_non_null(mf_section_file_require(file, FACTORS, 2, 4, &p->err));
    assert_null(mf_section_file_require(file, EPOCH, 1, 4, &p->err));
    assert_error(&p->err, MF_ERR_FORMAT, "no section epoch");
    mf_error_clear(&p->err);
    assert_null(mf_section_file_require(file, FACTORS, 3, 4, &p->err));
    assert_error(&p->err, MF_ERR_FORMAT, "section factors has 8 bytes where 3 × 4 belong");
    mf_error_clear(&p->err);
    assert_null(mf_section_file_require(file, FACTORS, UINT64_MAX / 2, 4, &p->err));
    assert_error(&p->err, MF_ERR_FORMAT, "section factors");
    mf_section_file_close(file);
}

static void a_writer_refuses_sections_out_of_order_twice_or_unknown(void **state)
{
    place *p = *state;
    mf_section_writer *writer = mf_section_writer_create(p->path, &kind, &p->err);
    assert_true(mf_section_writer_add(writer, FACTORS, "1", 1, NULL));
    const size_t wrong[] = {FACTORS, EPOCH, N_SECTIONS};
    for (size_t i = 0; i < 3; i++) {
        mf_error_clear(&p->err);
        assert_false(mf_section_writer_add(writer, wrong[i], "1", 1, &p->err));
        assert_error(&p->err, MF_ERR_ARGUMENT, "out of its order");
    }
    mf_section_writer_destroy(writer);
}

static void an_abandoned_writer_leaves_nothing_behind(void **state)
{
    place *p = *state;
    mf_section_writer *writer = mf_section_writer_create(p->path, &kind, &p->err);
    assert_ok(mf_section_writer_add(writer, EPOCH, "12345", 5, &p->err), p->err);
    mf_section_writer_destroy(writer);
    assert_int_equal(rmdir(p->folder), 0);
    assert_int_equal(mkdir(p->folder, 0700), 0);
}

static void an_unknown_optional_section_is_ignored_another_is_refused(void **state)
{
    place *p = *state;
    mf_section_writer *writer = mf_section_writer_create(p->path, &newer_kind, &p->err);
    assert_ok(mf_section_writer_add(writer, EPOCH, "7", 1, &p->err), p->err);
    assert_ok(mf_section_writer_add(writer, 3, "moments", 7, &p->err), p->err);
    assert_ok(mf_section_writer_commit(writer, &p->err), p->err);
    mf_section_file *file = mf_section_file_open(p->path, &kind, NULL, &p->err);
    assert_ok(file != NULL, p->err);
    assert_memory_equal(mf_section_file_require(file, EPOCH, 1, 1, &p->err), "7", 1);
    mf_section_file_close(file);

    writer = mf_section_writer_create(p->path, &other_kind, &p->err);
    assert_ok(mf_section_writer_add(writer, 1, "v", 1, &p->err), p->err);
    assert_ok(mf_section_writer_commit(writer, &p->err), p->err);
    assert_null(mf_section_file_open(p->path, &kind, NULL, &p->err));
    assert_error(&p->err, MF_ERR_FORMAT, "section \"velocity\" is not one that this program knows");
}

static void a_writer_may_write_an_older_version_and_no_newer_one(void **state)
{
    place *p = *state;
    const mf_section_kind second = {"MFCHECK", 2, "checkpoint", names, N_SECTIONS};
    for (uint32_t version = 1; version <= 3; version++) {
        /* 3: none is set, so the kind's. */
        const uint32_t wanted = version < 3 ? version : 2;
        mf_section_writer *writer = mf_section_writer_create(p->path, &second, &p->err);
        assert_ok(mf_section_writer_add(writer, EPOCH, "1", 1, &p->err), p->err);
        if (version < 3)
            assert_ok(mf_section_writer_set_version(writer, version, &p->err), p->err);
        assert_ok(mf_section_writer_commit(writer, &p->err), p->err);
        mf_section_file *file = mf_section_file_open(p->path, &second, NULL, &p->err);
        assert_ok(file != NULL, p->err);
        assert_int_equal(mf_section_file_header(file)->version, wanted);
        mf_section_file_close(file);
        file = mf_section_file_open(p->path, &kind, NULL, &p->err);
        assert_int_equal(file != NULL, wanted == 1);
        mf_section_file_close(file);
        if (wanted == 2)
            assert_error(&p->err, MF_ERR_FORMAT, "version 2, this program reads up to version 1");
        mf_error_clear(&p->err);
    }
    mf_section_writer *writer = mf_section_writer_create(p->path, &second, &p->err);
    for (uint32_t version = 0; version <= 3; version += 3) {
        assert_false(mf_section_writer_set_version(writer, version, &p->err));
        assert_error(&p->err, MF_ERR_ARGUMENT, "of a checkpoint, it must be 1 to 2");
        mf_error_clear(&p->err);
    }
    mf_section_writer_destroy(writer);
}

static void the_rows_of_a_file_are_its_sections_also_unknown_ones(void **state)
{
    place *p = *state;
    const char *name = NULL;
    uint64_t n_bytes = 0;
    struct stat status;
    mf_section_writer *writer = mf_section_writer_create(p->path, &newer_kind, &p->err);
    assert_ok(mf_section_writer_add(writer, EPOCH, "7", 1, &p->err), p->err);
    assert_ok(mf_section_writer_add(writer, 3, "moments", 7, &p->err), p->err);
    assert_ok(mf_section_writer_commit(writer, &p->err), p->err);
    mf_section_file *file = mf_section_file_open(p->path, &kind, NULL, &p->err);
    assert_ok(file != NULL, p->err);
    assert_int_equal(stat(p->path, &status), 0);
    assert_int_equal(mf_section_file_header(file)->file_bytes, status.st_size);
    assert_true(mf_section_file_row(file, 0, &name, &n_bytes));
    assert_string_equal(name, "epoch");
    assert_int_equal(n_bytes, 1);
    assert_true(mf_section_file_row(file, 1, &name, &n_bytes));
    assert_string_equal(name, "optional.moments");
    assert_int_equal(n_bytes, 7);
    assert_false(mf_section_file_row(file, 2, &name, &n_bytes));
    mf_section_file_close(file);
}

static void a_file_of_another_kind_is_refused(void **state)
{
    place *p = *state;
    const mf_section_kind model = {"MFMODEL", 1, "model", names, N_SECTIONS};
    mf_section_writer *writer = mf_section_writer_create(p->path, &kind, &p->err);
    assert_ok(mf_section_writer_commit(writer, &p->err), p->err);
    assert_null(mf_section_file_open(p->path, &model, NULL, &p->err));
    assert_error(&p->err, MF_ERR_FORMAT, "not a model of this program: its first bytes are");
    assert_error(&p->err, MF_ERR_FORMAT, "MFCHECK");
}

typedef struct seen {
    size_t n_shapes, n_pieces, next_offset, n_bytes;
} seen;

static bool seen_shapes(void *context, const mf_section_file *file, mf_error *err)
{
    seen *s = context;
    s->n_shapes++;
    return mf_section_file_require(file, FACTORS, 100001, 1, err) != NULL;
}

/* Magic, version and stated size: 8 GB of it take no memory. */
static void a_wrong_file_is_refused_by_its_first_bytes(void **state)
{
    place *p = *state;
    struct rusage before;
    struct rusage after;
    const int fd = open(p->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(ftruncate(fd, (off_t)8 << 30), 0);
    mf_section_header header = {.magic = "MFCHECK", .header_bytes = sizeof header};
    static const char *const expected[] = {
        "not a checkpoint of this program", "a checkpoint of format version 2",
        "truncated checkpoint: 8589934592 of 9895604649984 bytes"};
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < 3; i++) {
        header.version = i == 1 ? 2 : 1;
        header.file_bytes = (uint64_t)9 << 40;
        assert_true(i == 0 || pwrite(fd, &header, sizeof header, 0) == sizeof header);
        mf_error err = {0};
        assert_null(mf_section_file_load(p->path, &kind, NULL, &err));
        assert_error(&err, MF_ERR_FORMAT, expected[i]);
    }
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 300); /* KiB */
    close(fd);
}

static void seen_piece(void *context, size_t section, size_t offset, size_t n_bytes)
{
    seen *s = context;
    s->n_pieces++;
    if (section != FACTORS)
        return;
    assert_int_equal(offset, s->next_offset);
    assert_true(n_bytes > 0 && n_bytes <= MF_SECTION_PIECE_BYTES);
    s->next_offset = offset + n_bytes;
    s->n_bytes += n_bytes;
}

static void a_check_sees_each_byte_of_a_section_once_in_order(void **state)
{
    place *p = *state;
    seen s = {0};
    const mf_section_check check = {seen_shapes, seen_piece, &s};
    unsigned char *factors = calloc(1, 100001);
    mf_section_writer *writer = mf_section_writer_create(p->path, &newer_kind, &p->err);
    assert_ok(mf_section_writer_add(writer, FACTORS, factors, 100001, &p->err), p->err);
    assert_ok(mf_section_writer_add(writer, 3, "not seen", 8, &p->err), p->err);
    assert_ok(mf_section_writer_commit(writer, &p->err), p->err);
    mf_section_file *file = mf_section_file_open(p->path, &kind, &check, &p->err);
    assert_ok(file != NULL, p->err);
    assert_int_equal(s.n_shapes, 1);
    assert_int_equal(s.n_pieces, 100001 / MF_SECTION_PIECE_BYTES + 1);
    assert_int_equal(s.n_bytes, 100001);
    mf_section_file_close(file);
    free(factors);
}

static void open_is_clean_when_any_allocation_fails(void **state)
{
    place *p = *state;
    bool done = false;
    for (size_t n = 1; !done; n++) {
        mf_error err = {0};
        mf_memory_fail_nth(n);
        mf_section_writer *writer = mf_section_writer_create(p->path, &kind, &err);
        if (writer != NULL && mf_section_writer_add(writer, EPOCH, "1", 1, &err))
            done = mf_section_writer_commit(writer, &err);
        mf_memory_fail_nth(0);
        if (!done)
            assert_error(&err, MF_ERR_MEMORY, "no memory");
        assert_true(n < 100);
    }
    mf_memory_fail_nth(1);
    assert_null(mf_section_file_open(p->path, &kind, NULL, &p->err));
    mf_memory_fail_nth(0);
    assert_error(&p->err, MF_ERR_MEMORY, "no memory");
}

static void bytes_that_are_not_aligned_are_an_argument_error(void **state)
{
    place *p = *state;
    _Alignas(64) static const char bytes[128];
    assert_null(mf_section_file_open_bytes(bytes + 8, 64, "bytes", &kind, NULL, &p->err));
    assert_error(&p->err, MF_ERR_ARGUMENT, "multiple of 64");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sections_come_back_as_they_were_written),
        TEST(a_section_longer_than_one_write_is_complete),
        TEST(a_section_in_pieces_is_the_same_file),
        TEST(a_file_without_sections_is_a_file),
        TEST(require_names_a_section_that_is_missing_or_of_another_size),
        TEST(a_writer_refuses_sections_out_of_order_twice_or_unknown),
        TEST(an_abandoned_writer_leaves_nothing_behind),
        TEST(an_unknown_optional_section_is_ignored_another_is_refused),
        TEST(a_writer_may_write_an_older_version_and_no_newer_one),
        TEST(the_rows_of_a_file_are_its_sections_also_unknown_ones),
        TEST(a_file_of_another_kind_is_refused),
        TEST(a_wrong_file_is_refused_by_its_first_bytes),
        TEST(a_check_sees_each_byte_of_a_section_once_in_order),
        TEST(open_is_clean_when_any_allocation_fails),
        TEST(bytes_that_are_not_aligned_are_an_argument_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
