/* test_sagemaker_channels.c: the tree, inputdataconfig.json and the files of a
 * channel. Numbers in brackets are lines of the checklist in docs/sagemaker.md. */
#include "testing.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/stop.h"
#include "sagemaker/channel_data.h"
#include "sagemaker/channels.h"

#include <fcntl.h>
#include <sys/stat.h>

static const mf_channel_rule rules[] = {
    {"train", "training", true, MF_CHANNEL_RATINGS},
    {"validation", NULL, false, MF_CHANNEL_RATINGS},
    {"model", NULL, false, MF_CHANNEL_MODEL},
};

static char *prefix;
static mf_tree tree;
static mf_channels channels;

static int set_up(void **state)
{
    (void)state;
    mf_error err = {0};
    prefix = testing_folder();
    return mf_tree_set(&tree, prefix, &err) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    testing_folder_remove(prefix);
    return 0;
}

/* Writes `bytes` at a path below the prefix, with its folders. */
static void put(const char *name, const char *bytes)
{
    mf_error err = {0};
    char path[2 * MF_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", prefix, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_ok(mf_folder_create(path, &err), err);
    *slash = '/';
    testing_write(path, bytes, strlen(bytes));
}

static bool read_config(const char *json, mf_error *err)
{
    *err = (mf_error){0};
    put("input/config/inputdataconfig.json", json);
    return mf_channels_read(&tree, rules, 3, &channels, err);
}

static void accepts(const char *json)
{
    mf_error err;
    assert_ok(read_config(json, &err), err);
}

static void refuses(const char *json, const char *piece)
{
    mf_error err;
    assert_false(read_config(json, &err));
    assert_error(&err, MF_ERR_CONFIG, piece);
}

static void the_tree_lies_below_its_prefix(void **state)
{
    (void)state;
    mf_tree t;
    mf_error err = {0};
    assert_ok(mf_tree_set(&t, NULL, &err), err);
    assert_string_equal(t.hyperparameters, "/opt/ml/input/config/hyperparameters.json");
    assert_string_equal(t.input_data_config, "/opt/ml/input/config/inputdataconfig.json");
    assert_string_equal(t.resource_config, "/opt/ml/input/config/resourceconfig.json");
    assert_string_equal(t.checkpoint_config, "/opt/ml/input/config/checkpointconfig.json");
    assert_string_equal(t.input_data, "/opt/ml/input/data");
    assert_string_equal(t.model, "/opt/ml/model");
    assert_string_equal(t.output_data, "/opt/ml/output/data");
    assert_string_equal(t.failure, "/opt/ml/output/failure");
    assert_string_equal(t.checkpoints, "/opt/ml/checkpoints");
    assert_ok(mf_tree_set(&t, "./here//", &err), err);
    assert_string_equal(t.model, "./here/model");
    assert_ok(mf_tree_set(&t, "/", &err), err);
    assert_string_equal(t.prefix, "/");
    assert_string_equal(t.model, "/model");
    assert_false(mf_tree_set(&t, "", &err));
    assert_error(&err, MF_ERR_CONFIG, "the prefix is empty");
    char long_prefix[MF_TREE_PREFIX_MAX + 2];
    memset(long_prefix, 'p', sizeof long_prefix);
    long_prefix[sizeof long_prefix - 1] = '\0';
    mf_error_clear(&err);
    assert_false(mf_tree_set(&t, long_prefix, &err));
    assert_error(&err, MF_ERR_CONFIG, "769 bytes long");
}

static void every_field_of_a_channel_is_read(void **state)
{
    (void)state;
    accepts("{\"model\": {\"TrainingInputMode\": \"File\", \"ContentType\": "
            "\"application/x-sagemaker-model\"}, \"train\": {\"TrainingInputMode\": \"Pipe\", "
            "\"S3DistributionType\": \"ShardedByS3Key\", \"RecordWrapperType\": \"None\", "
            "\"ContentType\": \"text/csv\", \"CompressionType\": \"Gzip\"}}");
    assert_int_equal(channels.n, 2);
    const mf_channel *train = &channels.channel[0]; /* the order of the rules */
    assert_string_equal(train->name, "train");
    assert_int_equal(train->mode, MF_CHANNEL_PIPE);
    assert_true(train->gzip);
    assert_true(train->sharded);
    assert_string_equal(train->content_type, "text/csv");
    char *path = testing_path(prefix, "input/data/train");
    assert_string_equal(train->path, path);
    free(path);
    assert_ptr_equal(mf_channels_find(&channels, "model"), &channels.channel[1]);
    assert_null(mf_channels_find(&channels, "validation"));
}

/* [27] local mode's entries; [28] unknown fields */
static void only_the_mode_is_needed_and_unknown_fields_are_ignored(void **state)
{
    (void)state;
    accepts("{\"train\": {\"TrainingInputMode\": \"File\"}}");
    assert_string_equal(channels.channel[0].content_type, "");
    assert_false(channels.channel[0].sharded);
    accepts("{\"train\": {\"TrainingInputMode\": \"FastFile\", \"Shuffle\": {\"Seed\": 1}, "
            "\"ContentType\": null, \"RecordWrapperType\": null}}");
    assert_int_equal(channels.channel[0].mode, MF_CHANNEL_FAST_FILE); /* [30] */
}

/* [31] */
static void an_unknown_mode_is_named(void **state)
{
    (void)state;
    refuses("{\"train\": {\"TrainingInputMode\": \"Teleport\"}}",
            "channel train: TrainingInputMode \"Teleport\" is not known: expected File, FastFile "
            "or Pipe");
    refuses("{\"train\": {\"TrainingInputMode\": 3}}",
            "channel train: TrainingInputMode is a number: expected a text");
    refuses("{\"train\": \"File\"}", "channel train is a text: expected an object");
    refuses("{\"train\": {}, \"model\": {\"TrainingInputMode\": \"Pipe\"}}",
            "channel model: a model cannot be read in Pipe mode");
}

static void packing_that_we_do_not_read_is_refused(void **state)
{
    (void)state;
    refuses("{\"train\": {\"RecordWrapperType\": \"RecordIO\"}}",
            "channel train: RecordWrapperType \"RecordIO\" is not read here: plain files");
    refuses("{\"train\": {\"CompressionType\": \"Zstd\"}}",
            "channel train: CompressionType \"Zstd\" is not known: expected None or Gzip");
}

/* [33] */
static void content_types_ignore_case_and_parameters(void **state)
{
    (void)state;
    static const char *const good[] = {"Text/CSV; charset=utf-8",
                                       "text/csv;label_size=0",
                                       " text/csv ",
                                       "TEXT/PLAIN",
                                       "text/tab-separated-values",
                                       "application/octet-stream",
                                       "application/gzip",
                                       "application/x-gzip",
                                       "",
                                       ";"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(mf_content_type_is_ratings(good[i]));
    assert_true(mf_content_type_is_ratings(NULL));
    assert_true(mf_content_type_is_model("Application/X-SageMaker-Model"));
    assert_false(mf_content_type_is_model("text/csv"));
    assert_false(mf_content_type_is_ratings("text/csvx"));
    refuses("{\"train\": {\"ContentType\": \"application/x-recordio-protobuf\"}}",
            "channel train: content type \"application/x-recordio-protobuf\": "
            "RecordIO-protobuf is not read here: give the ratings as CSV");
    refuses("{\"train\": {\"ContentType\": \"application/json\"}}", "use application/jsonlines");
    refuses("{\"train\": {\"ContentType\": \"application/x-parquet\"}}", "convert the ratings");
    refuses("{\"train\": {\"ContentType\": \"application/x-sagemaker-model\"}}",
            "a packed model belongs in the channel model");
    refuses("{\"train\": {\"ContentType\": \"image/png\"}}", "use text/csv");
    refuses("{\"train\": {}, \"model\": {\"ContentType\": \"text/csv\"}}",
            "channel model: content type \"text/csv\": a model comes as");
}

/* [37] missing and unexpected channels are named */
static void missing_and_unexpected_channels_are_named(void **state)
{
    (void)state;
    refuses("{}", "channel train is missing: the job needs an input channel named train or "
                  "training");
    refuses("{\"validation\": {}}", "channel train is missing");
    refuses("{\"train\": {}, \"test\": {}}",
            "unexpected channel \"test\": the channels this algorithm reads are train (or "
            "training), validation, model");
    refuses("{\"trian\": {}}", "unexpected channel \"trian\": did you mean train?");
    refuses("{\"../x\": {}}", "\"../x\" is not a channel name: expected 1 to 64 of");
    refuses("{\"..\": {}}", "\"..\" is not a channel name");
    refuses("{\"\": {}}", "\"\" is not a channel name");
    refuses("{\"12345678901234567890123456789012345678901234567890123456789012345\": {}}",
            "is not a channel name");
    refuses("[]", "inputdataconfig.json: expected a JSON object, found an array");
    refuses("{\"train\": {}, \"train\": {}}", "a key occurs twice");
}

static void the_sdks_bare_string_channel_is_training(void **state)
{
    (void)state;
    accepts("{\"training\": {\"TrainingInputMode\": \"File\"}}");
    const mf_channel *train = mf_channels_find(&channels, "train");
    assert_non_null(train);
    assert_string_equal(train->name, "training");
    assert_non_null(strstr(train->path, "/input/data/training"));
    refuses("{\"train\": {}, \"training\": {}}",
            "channels train and training are the same channel");
}

/* [26] and the laptop: folders count only when there is no JSON */
static void without_the_json_known_folders_are_the_channels(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_false(mf_channels_read(&tree, rules, 3, &channels, &err));
    assert_error(&err, MF_ERR_CONFIG, "channel train is missing");
    put("input/data/train/ratings.csv", "x");
    put("input/data/train-manifest", "x");
    put("input/data/unknown/file", "x");
    mf_error_clear(&err);
    assert_ok(mf_channels_read(&tree, rules, 3, &channels, &err), err);
    assert_int_equal(channels.n, 1);
    put("input/data/model/model.bin", "x");
    assert_ok(mf_channels_read(&tree, rules, 3, &channels, &err), err);
    assert_int_equal(channels.n, 2);
    accepts("{\"train\": {\"TrainingInputMode\": \"File\"}}");
    assert_int_equal(channels.n, 1);
    mf_channel_files *files = mf_channel_files_create(&channels.channel[0], &err);
    assert_ok(files != NULL, err);
    assert_int_equal(files->n, 1);
    mf_channel_files_destroy(files);
}

static mf_channel train_channel(void)
{
    accepts("{\"train\": {\"TrainingInputMode\": \"File\"}}");
    return channels.channel[0];
}

/* [34] nested, hidden names skipped; [36] order does not show */
static void files_are_nested_sorted_and_without_hidden_names(void **state)
{
    (void)state;
    const mf_channel train = train_channel();
    put("input/data/train/b.csv", "22");
    put("input/data/train/a/2.csv", "333");
    put("input/data/train/a/10.csv", "1");
    put("input/data/train/a.csv", "");
    put("input/data/train/a/b/c/d.csv", "1");
    put("input/data/train/_SUCCESS", "");
    put("input/data/train/.hidden", "");
    put("input/data/train/_temporary/part", "");
    char *link_path = testing_path(prefix, "input/data/train/link.csv");
    assert_int_equal(symlink("b.csv", link_path), 0);
    char *loop = testing_path(prefix, "input/data/train/loop");
    assert_int_equal(symlink("..", loop), 0);
    char *fifo = testing_path(prefix, "input/data/train/fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    mf_error err = {0};
    mf_channel_files *files = mf_channel_files_create(&train, &err);
    assert_ok(files != NULL, err);
    static const char *const names[] = {"a.csv",       "a/10.csv", "a/2.csv",
                                        "a/b/c/d.csv", "b.csv",    "link.csv"};
    assert_int_equal(files->n, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(files->file[i].name, names[i]);
    assert_int_equal(files->file[2].n_bytes, 3);
    assert_int_equal(files->total_bytes, 9);
    assert_true(mf_file_exists(files->file[3].path));
    mf_channel_files_destroy(files);

    unlink(link_path);
    assert_int_equal(symlink("nowhere", link_path), 0);
    assert_null(mf_channel_files_create(&train, &err));
    assert_error(&err, MF_ERR_IO, "cannot follow this link of channel train");
    free(link_path);
    free(loop);
    free(fifo);
}

/* [37] an empty channel says prefix and role */
static void an_empty_channel_says_what_to_look_at(void **state)
{
    (void)state;
    const mf_channel train = train_channel();
    mf_error err = {0};
    assert_null(mf_channel_files_create(&train, &err));
    assert_error(&err, MF_ERR_CONFIG, "channel train: there is no folder ");
    assert_int_equal(mkdir(tree.input_data, 0755), 0);
    assert_int_equal(mkdir(train.path, 0755), 0);
    mf_error_clear(&err);
    assert_null(mf_channel_files_create(&train, &err));
    assert_error(&err, MF_ERR_CONFIG, "channel train at ");
    assert_error(&err, MF_ERR_CONFIG,
                 "holds no files: a wrong S3 prefix, an empty prefix, or a role without access");
    put("input/data/train/_SUCCESS", "");
    mf_error_clear(&err);
    assert_null(mf_channel_files_create(&train, &err));
    assert_error(&err, MF_ERR_CONFIG, "holds no files (1 names that begin with '.' or '_'");
}

static void too_deep_unreadable_and_stopped_walks_fail(void **state)
{
    (void)state;
    const mf_channel train = train_channel();
    mf_error err = {0};
    put("input/data/train/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/file", "x");
    mf_channel_files *files = mf_channel_files_create(&train, &err);
    assert_ok(files != NULL, err);
    mf_channel_files_destroy(files);
    put("input/data/train/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/file", "x");
    assert_null(mf_channel_files_create(&train, &err));
    assert_error(&err, MF_ERR_LIMIT, "channel train has folders more than 16 deep");

    mf_stop_request(true);
    mf_error_clear(&err);
    assert_null(mf_channel_files_create(&train, &err));
    assert_error(&err, MF_ERR_STOPPED, "SIGTERM");
    mf_stop_request(false);

    if (geteuid() != 0) {
        assert_int_equal(chmod(train.path, 0), 0);
        mf_error_clear(&err);
        assert_null(mf_channel_files_create(&train, &err));
        assert_error(&err, MF_ERR_IO, "cannot read this folder of channel train");
    }
}

static void many_files_are_listed_and_every_failing_allocation_is_an_error(void **state)
{
    (void)state;
    const mf_channel train = train_channel();
    mf_error err = {0};
    for (int i = 999; i >= 0; i--) {
        char name[64];
        snprintf(name, sizeof name, "input/data/train/part-%05d-of-01000.csv", i);
        put(name, "x");
    }
    mf_channel_files *files = NULL;
    size_t n_failed = 0;
    for (size_t nth = 1; files == NULL && nth < 100; nth++) {
        mf_error_clear(&err);
        mf_memory_fail_nth(nth);
        files = mf_channel_files_create(&train, &err);
        mf_memory_fail_nth(0);
        if (files == NULL) {
            assert_error(&err, MF_ERR_MEMORY, "no memory");
            n_failed++;
        }
    }
    assert_non_null(files);
    assert_true(n_failed >= 5);
    assert_int_equal(files->n, 1000);
    for (size_t i = 1; i < files->n; i++)
        assert_true(strcmp(files->file[i - 1].name, files->file[i].name) < 0);
    mf_channel_files_destroy(files);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_tree_lies_below_its_prefix),
        TEST(every_field_of_a_channel_is_read),
        TEST(only_the_mode_is_needed_and_unknown_fields_are_ignored),
        TEST(an_unknown_mode_is_named),
        TEST(packing_that_we_do_not_read_is_refused),
        TEST(content_types_ignore_case_and_parameters),
        TEST(missing_and_unexpected_channels_are_named),
        TEST(the_sdks_bare_string_channel_is_training),
        TEST(without_the_json_known_folders_are_the_channels),
        TEST(files_are_nested_sorted_and_without_hidden_names),
        TEST(an_empty_channel_says_what_to_look_at),
        TEST(too_deep_unreadable_and_stopped_walks_fail),
        TEST(many_files_are_listed_and_every_failing_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
