/* test_sagemaker_model_channel.c: packed models, good and hostile. Numbers in
 * brackets are lines of the checklist in docs/sagemaker.md. */
#include "testing.h"
#include "testing_tar.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/stop.h"
#include "model/section_file.h"
#include "sagemaker/mapped_model.h"
#include "sagemaker/tar.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char *folder;
static mf_channel channel;
static testing_tar tar;

static int set_up(void **state)
{
    (void)state;
    folder = testing_folder();
    channel = (mf_channel){.name = "model", .mode = MF_CHANNEL_FILE};
    snprintf(channel.path, sizeof channel.path, "%s/model", folder);
    tar.n = 0;
    return mkdir(channel.path, 0755);
}

static int tear_down(void **state)
{
    (void)state;
    mf_stop_request(false);
    testing_folder_remove(folder);
    return 0;
}

static void put(const char *name, const void *bytes, size_t n)
{
    char *path = testing_path(channel.path, name);
    testing_write(path, bytes, n);
    free(path);
}

static void put_tar(bool packed)
{
    if (packed) {
        size_t n;
        unsigned char *gz = testing_gzip(tar.bytes, tar.n, &n);
        put("model.tar.gz", gz, n);
        free(gz);
    } else {
        put("model.tar", tar.bytes, tar.n);
    }
}

/* 128 bytes: the header of a model without sections, then `text` in place of one. */
typedef struct short_model {
    mf_section_header header;
    char text[64];
} short_model;

static short_model model_of(const char *text)
{
    short_model model = {{.magic = "MFMODEL",
                          .version = 1,
                          .header_bytes = sizeof(mf_section_header),
                          .file_bytes = sizeof model,
                          .table_offset = sizeof model},
                         ""};
    snprintf(model.text, sizeof model.text, "%s", text);
    return model;
}

static void add_model(const char *name, const char *text)
{
    const short_model model = model_of(text);
    testing_tar_add(&tar, name, '0', &model, sizeof model);
}

static void opens_as(const char *text, const char *name_end)
{
    mf_error err = {0};
    mf_mapped_model model;
    assert_ok(mf_model_channel_open(&channel, &model, &err), err);
    const short_model expected = model_of(text);
    assert_int_equal(model.n_bytes, sizeof expected);
    assert_memory_equal(model.bytes, &expected, sizeof expected);
    assert_int_equal((uintptr_t)model.bytes % 64, 0);
    const size_t n = strlen(model.name);
    assert_true(n >= strlen(name_end));
    assert_string_equal(model.name + n - strlen(name_end), name_end);
    mf_mapped_model_close(&model);
    mf_mapped_model_close(&model);
}

static void fails(mf_error_code code, const char *piece)
{
    mf_error err = {0};
    mf_mapped_model model;
    if (mf_model_channel_open(&channel, &model, &err))
        fail_msg("opened, expected: %s", piece);
    assert_error(&err, code, piece);
    assert_null(model.bytes);
}

/* [65] */
static void a_packed_model_is_found_at_the_top_or_one_folder_deep(void **state)
{
    (void)state;
    static const char *const names[] = {"model.bin", "./model.bin", "model/model.bin",
                                        ".//x/./model.bin"};
    static const char *const clean[] = {"model.bin", "model.bin", "model/model.bin", "x/model.bin"};
    for (size_t i = 0; i < 4; i++) {
        tar.n = 0;
        testing_tar_add(&tar, "./", '5', "", 0);
        testing_tar_add(&tar, "code/README.txt", '0', "text", 4);
        add_model(names[i], "the model");
        testing_tar_add(&tar, "._model.bin", '0', "AppleDouble", 11);
        testing_tar_end(&tar);
        put_tar(true);
        char name_end[64];
        snprintf(name_end, sizeof name_end, "/model.tar.gz: %s", clean[i]);
        opens_as("the model", name_end);
    }
}

static void a_plain_tar_and_an_unpacked_model_are_fine_too(void **state)
{
    (void)state;
    add_model("model.bin", "the model");
    testing_tar_end(&tar);
    put_tar(false);
    opens_as("the model", "/model.tar: model.bin");
    const short_model unpacked = model_of("unpacked");
    put("model.bin", &unpacked, sizeof unpacked);
    fails(MF_ERR_CONFIG, "holds more than one model: model.bin and model.tar differ: keep one");
    char *path = testing_path(channel.path, "model.tar");
    unlink(path);
    free(path);
    opens_as("unpacked", "/model/model.bin");
    put("model.bin", "", 0);
    fails(MF_ERR_FORMAT, "the model file is empty");
}

/* The SDK's local mode: deploy unpacks the archive of fit in the same folder, and the next fit has that
 * folder as its channel. */
static void the_same_model_may_be_there_packed_and_unpacked(void **state)
{
    (void)state;
    add_model("model.bin", "the model");
    testing_tar_end(&tar);
    put_tar(true);
    short_model unpacked = model_of("the model");
    put("model.bin", &unpacked, sizeof unpacked);
    opens_as("the model", "/model/model.bin");
    unpacked.text[sizeof unpacked.text - 1] = 'x';
    put("model.bin", &unpacked, sizeof unpacked);
    fails(MF_ERR_CONFIG, "holds more than one model: model.bin and model.tar.gz differ: keep one");
    put("model.bin", &unpacked, sizeof unpacked - 1);
    fails(MF_ERR_CONFIG, "differ");
    put("model.bin", "", 0);
    fails(MF_ERR_FORMAT, "the model file is empty");
}

static void a_single_archive_of_another_name_is_taken(void **state)
{
    (void)state;
    put("README.txt", "x", 1);
    fails(MF_ERR_CONFIG, "holds neither model.tar.gz nor model.bin, but README.txt");
    add_model("model.bin", "v3");
    testing_tar_end(&tar);
    put("movies-v3.tar.gz", tar.bytes, tar.n);
    opens_as("v3", "/movies-v3.tar.gz: model.bin");
    put("output.tar.gz", tar.bytes, tar.n);
    opens_as("v3", "/movies-v3.tar.gz: model.bin"); /* the same model */
    tar.n = 0;
    testing_tar_add(&tar, "metrics.json", '0', "{}", 2);
    testing_tar_end(&tar);
    put("output.tar.gz", tar.bytes, tar.n);
    fails(MF_ERR_CONFIG, "holds more than one model: movies-v3.tar.gz and output.tar.gz differ");
    tar.n = 0;
    add_model("model.bin", "v3");
    testing_tar_end(&tar);
    put("model.tgz", tar.bytes, tar.n); /* now one of them says "model" */
    opens_as("v3", "/model.tgz: model.bin");
}

static void long_names_of_gnu_and_pax_are_understood(void **state)
{
    (void)state;
    char deep[300];
    memset(deep, 'd', sizeof deep);
    memcpy(deep + 280, "/model.bin", sizeof "/model.bin");
    testing_tar_add(&tar, "././@LongLink", 'L', deep, strlen(deep) + 1);
    add_model("cut", "gnu");
    testing_tar_end(&tar);
    put_tar(true);
    char name_end[80];
    snprintf(name_end, sizeof name_end, "model.tar.gz: %.64s", deep);
    opens_as("gnu", name_end);

    tar.n = 0;
    char record[400];
    snprintf(record, sizeof record, "%zu path=%s\n", strlen(deep) + 10, deep);
    testing_tar_add(&tar, "pax_global", 'g', "20 comment=whatever\n", 20);
    testing_tar_add(&tar, "pax", 'x', record, strlen(record));
    add_model("cut", "pax");
    testing_tar_end(&tar);
    put_tar(true);
    opens_as("pax", name_end);
}

/* The archives that people make, by the tar that made them. */
static void archives_of_the_systems_tar_are_read(void **state)
{
    (void)state;
    char *path = testing_path(folder, "model.bin");
    const short_model model = model_of("the model");
    testing_write(path, &model, sizeof model);
    static const char *const formats[] = {"gnu", "pax", "posix", "ustar", "v7", "oldgnu"};
    for (size_t i = 0; i < 6; i++) {
        char command[3 * MF_PATH_BYTES];
        snprintf(command, sizeof command,
                 "tar -C '%s' --format=%s -czf '%s/model.tar.gz' ./model.bin 2>/dev/null", folder,
                 formats[i], channel.path);
        assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a test's own words */
        opens_as("the model", "model.tar.gz: model.bin");
    }
    free(path);
}

static void refused(const char *name, char type, const char *piece)
{
    tar.n = 0;
    add_model("model.bin", "the model"); /* harmless, and first */
    testing_tar_add(&tar, name, type, "", 0);
    testing_tar_end(&tar);
    put_tar(true);
    fails(MF_ERR_FORMAT, piece);
}

/* [67] */
static void hostile_members_refuse_the_whole_archive(void **state)
{
    (void)state;
    refused("../x", '0', "archive refused: member \"../x\" leads out of the archive");
    refused("a/../../x", '0', "leads out of the archive with \"..\"");
    refused("a/..", '5', "leads out of the archive");
    refused("/etc/passwd", '0', "member \"/etc/passwd\" has an absolute path");
    refused("link", '1', "member \"link\" is a hard link");
    refused("link", '2', "member \"link\" is a symbolic link");
    refused("dev", '3', "member \"dev\" is a device");
    refused("dev", '4', "is a device");
    refused("fifo", '6', "is a FIFO");
    refused("sparse", 'S', "is a sparse file");
    refused("odd", 'Z', "is of an unknown type");
    refused(".", '0', "has no name");

    tar.n = 0; /* a harmless header, a hostile long name */
    testing_tar_add(&tar, "pax", 'x', "13 path=../x\n", 13);
    add_model("model.bin", "the model");
    testing_tar_end(&tar);
    put_tar(true);
    fails(MF_ERR_FORMAT, "member \"../x\" leads out");
    tar.n = 0;
    testing_tar_add(&tar, "longlink", 'L', "/x", 3);
    add_model("model.bin", "the model");
    testing_tar_end(&tar);
    put_tar(true);
    fails(MF_ERR_FORMAT, "member \"/x\" has an absolute path");
    tar.n = 0;
    testing_tar_add(&tar, "pax", 'x', "22 GNU.sparse.major=1\n", 22);
    add_model("model.bin", "the model");
    testing_tar_end(&tar);
    put_tar(true);
    fails(MF_ERR_FORMAT, "is a sparse file");
    tar.n = 0;
    testing_tar_add(&tar, "pax", 'x', "99 path=x\n", 10);
    testing_tar_end(&tar);
    put_tar(true);
    fails(MF_ERR_FORMAT, "an extended header is malformed");
    tar.n = 0;
    testing_tar_add(&tar, "pax", 'g', "10 path=x\n", 10);
    testing_tar_end(&tar);
    put_tar(true);
    fails(MF_ERR_FORMAT, "a global extended header is malformed or renames");
}

/* [65] a broken one fails with a reason */
static void broken_archives_say_what_is_wrong(void **state)
{
    (void)state;
    put("model.tar.gz", "", 0);
    fails(MF_ERR_FORMAT, "model.tar.gz: the archive is empty");
    put("model.tar.gz", "not a tar", 9);
    fails(MF_ERR_FORMAT, "is not a tar archive");
    testing_tar_add(&tar, "a/b/model.bin", '0', "deep", 4);
    testing_tar_add(&tar, "weights.npy", '0', "x", 1);
    testing_tar_end(&tar);
    put_tar(true);
    fails(MF_ERR_FORMAT, "the archive has no model.bin at its top or one folder deep; it holds "
                         "a/b/model.bin, weights.npy");
    tar.n = 0;
    testing_tar_end(&tar);
    put_tar(true);
    fails(MF_ERR_FORMAT, "it holds no files");
    tar.n = 0;
    add_model("model.bin", "1");
    add_model("x/model.bin", "2");
    testing_tar_end(&tar);
    put_tar(true);
    fails(MF_ERR_FORMAT, "the archive holds model.bin more than once");
    tar.n = 0;
    add_model("model.bin", "1");
    const size_t second = tar.n;
    testing_tar_add(&tar, "other", '0', "2", 1);
    testing_tar_end(&tar);
    tar.bytes[second] ^= 1; /* a byte of a header: its checksum is wrong */
    put_tar(true);
    fails(MF_ERR_FORMAT, "damaged: there is no valid header at byte 1024");
    mf_stop_request(true);
    fails(MF_ERR_STOPPED, "SIGTERM");
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    add_model("model.bin", "the model");
    testing_tar_add(&tar, "other", '0', "2", 1);
    testing_tar_end(&tar);
    size_t n;
    unsigned char *gz = testing_gzip(tar.bytes, tar.n, &n);
    for (size_t cut = 0; cut < n; cut++) {
        put("model.tar.gz", gz, cut);
        fails(MF_ERR_FORMAT, "model.tar.gz: ");
    }
    put("model.tar.gz", gz, n - 1);
    fails(MF_ERR_FORMAT, "truncated: the gzip stream ends early");
    put("model.tar.gz", gz, n);
    opens_as("the model", "model.bin");
    free(gz);
    /* Half an end mark is enough: some archivers write no more. */
    const size_t whole = tar.n - 1024 + 512;
    for (size_t cut = 0; cut < whole; cut += cut % 512 == 0 || cut % 512 == 511 ? 1 : 73) {
        put("model.tar.gz", tar.bytes, cut);
        fails(MF_ERR_FORMAT, "model.tar.gz: ");
    }
    put("model.tar.gz", tar.bytes, whole - 512);
    fails(MF_ERR_FORMAT, "truncated: the archive ends at byte 2048 without its end mark");
    put("model.tar.gz", tar.bytes, whole);
    opens_as("the model", "model.bin");
}

static void no_flipped_bit_of_the_gzip_data_changes_the_model(void **state)
{
    (void)state;
    add_model("model.bin", "the model");
    testing_tar_end(&tar);
    size_t n;
    unsigned char *gz = testing_gzip(tar.bytes, tar.n, &n);
    const short_model expected = model_of("the model");
    for (size_t at = 10; at < n; at++) { /* 10: the header's time and flags may differ */
        for (unsigned bit = 0; bit < 8; bit++) {
            mf_error err = {0};
            mf_mapped_model model;
            gz[at] ^= (unsigned char)(1u << bit);
            put("model.tar.gz", gz, n);
            /* Some bits are padding, or point to an equal run of zeros. */
            if (mf_model_channel_open(&channel, &model, &err))
                assert_memory_equal(model.bytes, &expected, model.n_bytes);
            else
                assert_int_equal(err.code, MF_ERR_FORMAT);
            mf_mapped_model_close(&model);
            gz[at] ^= (unsigned char)(1u << bit);
        }
    }
    put("model.tar.gz", gz, n);
    opens_as("the model", "model.bin");
    free(gz);
}

static void what_follows_the_gzip_stream_is_checked(void **state)
{
    (void)state;
    add_model("model.bin", "the model");
    const size_t half = tar.n;
    testing_tar_end(&tar);
    size_t n1;
    size_t n2;
    unsigned char *first = testing_gzip(tar.bytes, half, &n1);
    unsigned char *second = testing_gzip(tar.bytes + half, tar.n - half, &n2);
    unsigned char *both = calloc(1, n1 + n2 + 64);
    memcpy(both, first, n1);
    memcpy(both + n1, second, n2);
    put("model.tar.gz", both, n1 + n2);
    opens_as("the model", "model.bin");
    put("model.tar.gz", both, n1 + n2 + 64); /* padding */
    opens_as("the model", "model.bin");
    both[n1 + n2 + 63] = 'x';
    put("model.tar.gz", both, n1 + n2 + 64);
    fails(MF_ERR_FORMAT, "damaged: bytes that are not gzip follow the gzip stream");
    free(first);
    free(second);
    free(both);
}

static void a_bomb_stops_at_the_limit(void **state)
{
    (void)state;
    const size_t n_zeros = (size_t)1 << 24;
    unsigned char *zeros = calloc(1, n_zeros);
    testing_tar_header(&tar, "model.bin", '0', n_zeros);
    unsigned char *bomb = malloc(tar.n + n_zeros);
    memcpy(bomb, tar.bytes, tar.n);
    memcpy(bomb + tar.n, zeros, n_zeros);
    size_t n;
    unsigned char *gz = testing_gzip(bomb, tar.n + n_zeros, &n);
    mf_error err = {0};
    mf_tar *archive = mf_tar_open_bytes(gz, n, "bomb.tar.gz", 1 << 20, &err);
    assert_ok(archive != NULL, err);
    mf_tar_member member;
    assert_ok(mf_tar_next(archive, &member, &err), err);
    assert_false(mf_tar_next(archive, &member, &err));
    assert_error(&err, MF_ERR_LIMIT, "bomb.tar.gz: unpacks to more than 1048576 bytes");
    mf_tar_close(archive);
    free(gz);
    free(bomb);
    free(zeros);
}

/* Where nothing can be written: a byte that is unpacked is another error. */
static void what_is_no_model_is_refused_by_its_first_bytes(void **state)
{
    (void)state;
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    short_model wrong = model_of("");
    wrong.header.file_bytes = wrong.header.table_offset = (uint64_t)1 << 40;
    char text[80];
    for (int i = 0; i < 3; i++) {
        tar.n = 0;
        testing_tar_header(&tar, "model.bin", '0', (size_t)1 << 32);
        memset(tar.bytes + tar.n, 0, sizeof tar.bytes - tar.n);
        if (i > 0)
            memcpy(tar.bytes + tar.n, &wrong, sizeof wrong);
        tar.n = sizeof tar.bytes;
        size_t n;
        unsigned char *gz = testing_gzip(tar.bytes, tar.n, &n);
        mf_error err = {0};
        mf_tar *archive = mf_tar_open_bytes(gz, n, "a.tar.gz", MF_MODEL_CHANNEL_BYTES_MAX, &err);
        assert_ok(archive != NULL, err);
        mf_mapped_model model;
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, before.rlim_max});
        assert_false(mf_mapped_model_unpack(&model, archive, "a.tar.gz", NULL, 0, &err));
        setrlimit(RLIMIT_FSIZE, &before);
        snprintf(text, sizeof text, "a.tar.gz: model.bin: %s",
                 i == 0   ? "not a model of this program"
                 : i == 1 ? "truncated model: 4294967296 of 1099511627776 bytes"
                          : "a model of format version 9");
        assert_error(&err, MF_ERR_FORMAT, text);
        if (i == 1)
            wrong.header.version = 9;
        mf_tar_close(archive);
        free(gz);
    }
}

static void a_huge_extended_header_is_not_read(void **state)
{
    (void)state;
    testing_tar_header(&tar, "pax", 'x', (size_t)1 << 31);
    put_tar(true);
    fails(MF_ERR_LIMIT, "an extended header of 2147483648 bytes: at most 1048576 are read");
}

static void a_size_in_base_256_is_understood(void **state)
{
    (void)state;
    add_model("model.bin", "the model");
    testing_tar_end(&tar);
    unsigned char *size = tar.bytes + 124;
    memset(size, 0, 12);
    size[0] = 0x80;
    size[11] = sizeof(short_model);
    testing_tar_checksum(tar.bytes);
    put_tar(false);
    opens_as("the model", "model.bin");
    memset(size, 0xFF, 12); /* negative */
    testing_tar_checksum(tar.bytes);
    put_tar(false);
    fails(MF_ERR_FORMAT, "is not a tar archive");
}

static void a_full_or_missing_scratch_folder_is_named(void **state)
{
    (void)state;
    add_model("model.bin", "the model");
    testing_tar_end(&tar);
    put_tar(true);
    char *before = getenv("TMPDIR") != NULL ? strdup(getenv("TMPDIR")) : NULL;
    setenv("TMPDIR", "/nowhere/at/all", 1);
    fails(MF_ERR_IO, "/nowhere/at/all: no space to unpack a model: No such file");
    if (before != NULL)
        setenv("TMPDIR", before, 1);
    else
        unsetenv("TMPDIR");
    free(before);
}

static void every_failing_allocation_is_an_error(void **state)
{
    (void)state;
    testing_tar_add(&tar, "pax", 'x', "20 comment=whatever\n", 20);
    add_model("model.bin", "the model");
    testing_tar_end(&tar);
    put_tar(true);
    bool ok = false;
    size_t n_failed = 0;
    for (size_t nth = 1; !ok && nth < 100; nth++) {
        mf_error err = {0};
        mf_mapped_model model;
        mf_memory_fail_nth(nth);
        ok = mf_model_channel_open(&channel, &model, &err);
        mf_memory_fail_nth(0);
        if (ok) {
            mf_mapped_model_close(&model);
        } else {
            assert_error(&err, MF_ERR_MEMORY, "no memory");
            n_failed++;
        }
    }
    assert_true(ok);
    assert_true(n_failed >= 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_packed_model_is_found_at_the_top_or_one_folder_deep),
        TEST(a_plain_tar_and_an_unpacked_model_are_fine_too),
        TEST(the_same_model_may_be_there_packed_and_unpacked),
        TEST(a_single_archive_of_another_name_is_taken),
        TEST(long_names_of_gnu_and_pax_are_understood),
        TEST(archives_of_the_systems_tar_are_read),
        TEST(hostile_members_refuse_the_whole_archive),
        TEST(broken_archives_say_what_is_wrong),
        TEST(every_truncation_is_refused),
        TEST(no_flipped_bit_of_the_gzip_data_changes_the_model),
        TEST(what_follows_the_gzip_stream_is_checked),
        TEST(a_bomb_stops_at_the_limit),
        TEST(what_is_no_model_is_refused_by_its_first_bytes),
        TEST(a_huge_extended_header_is_not_read),
        TEST(a_size_in_base_256_is_understood),
        TEST(a_full_or_missing_scratch_folder_is_named),
        TEST(every_failing_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
