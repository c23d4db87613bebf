/* test_sagemaker_job.c: hosts, checkpoint folder, failure file, environment.
 * Numbers in brackets are lines of the checklist in docs/sagemaker.md. */
#include "testing.h"

#include "base/file.h"
#include "base/memory.h"
#include "sagemaker/environment.h"
#include "sagemaker/failure.h"
#include "sagemaker/job_config.h"

#include <sys/stat.h>

static char *prefix;
static mf_tree tree;
static mf_hosts hosts;

static int set_up(void **state)
{
    (void)state;
    mf_error err = {0};
    prefix = testing_folder();
    char *config = testing_path(prefix, "input/config");
    const bool ok = mf_tree_set(&tree, prefix, &err) && mf_folder_create(config, &err);
    free(config);
    return ok ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    testing_folder_remove(prefix);
    return 0;
}

static void hosts_accepts(const char *json)
{
    mf_error err = {0};
    testing_write(tree.resource_config, json, strlen(json));
    assert_ok(mf_hosts_read(tree.resource_config, &hosts, &err), err);
}

static void hosts_refuses(const char *json, const char *piece)
{
    mf_error err = {0};
    testing_write(tree.resource_config, json, strlen(json));
    assert_false(mf_hosts_read(tree.resource_config, &hosts, &err));
    assert_error(&err, MF_ERR_CONFIG, piece);
}

/* [29] */
static void a_missing_resourceconfig_means_one_host(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_ok(mf_hosts_read(tree.resource_config, &hosts, &err), err);
    assert_int_equal(hosts.n, 1);
    assert_int_equal(hosts.rank, 0);
    assert_string_equal(hosts.name[0], "algo-1");
    hosts_accepts("{}");
    assert_int_equal(hosts.n, 1);
    hosts_accepts("{\"current_host\": \"sagemaker-local\", \"hosts\": [\"sagemaker-local\"], "
                  "\"network_interface_name\": \"ethwe\"}");
    assert_string_equal(hosts.name[0], "sagemaker-local");
    assert_string_equal(hosts.interface, "ethwe");
    hosts_accepts("{\"current_host\": \"algo-1-x7abc\"}");
    assert_string_equal(hosts.name[0], "algo-1-x7abc");
}

/* [28] null topology, unknown fields; [69] rank from sorted names */
static void rank_is_the_place_among_sorted_hosts(void **state)
{
    (void)state;
    hosts_accepts("{\"current_host\": \"algo-2\", \"hosts\": [\"algo-2\", \"algo-10\", "
                  "\"algo-1\"], \"topology\": null, \"instance_groups\": [{\"hosts\": "
                  "[\"algo-9\"]}], \"current_instance_type\": \"ml.c5.xlarge\", \"new\": 1}");
    assert_int_equal(hosts.n, 3);
    assert_int_equal(hosts.rank, 2);
    assert_string_equal(hosts.name[0], "algo-1");
    assert_string_equal(hosts.name[1], "algo-10");
    assert_string_equal(hosts.name[2], "algo-2");
    hosts_accepts("{\"current_host\": \"b.example\", \"hosts\": [\"c\", \"b.example\"]}");
    assert_int_equal(hosts.rank, 0);
}

static void hosts_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    hosts_refuses("{\"current_host\": \"algo-3\", \"hosts\": [\"algo-1\", \"algo-2\"]}",
                  "resourceconfig.json: current_host \"algo-3\" is not among the 2 hosts");
    hosts_refuses("{\"hosts\": [\"algo-1\", \"algo-2\"]}", "current_host is missing");
    hosts_refuses("{\"current_host\": \"a\", \"hosts\": [\"a\", \"a\"]}", "hosts has a twice");
    hosts_refuses("{\"current_host\": \"a\", \"hosts\": \"a\"}",
                  "hosts is a text: expected an array");
    hosts_refuses("{\"current_host\": \"a\", \"hosts\": []}", "hosts has 0 names");
    hosts_refuses("{\"current_host\": \"a\", \"hosts\": [1]}", "hosts: \"\" is not a host name");
    hosts_refuses("{\"current_host\": 1}", "this host: current_host is a number: expected a text");
    hosts_refuses("{\"current_host\": \"../a\"}", "current_host: \"../a\" is not a host name");
    hosts_refuses("{\"current_host\": ", "not valid JSON");
}

static void checkpoints_are(bool used, const char *path)
{
    mf_error err = {0};
    mf_checkpoint_folder folder;
    assert_ok(mf_checkpoint_folder_read(&tree, &folder, &err), err);
    assert_int_equal(folder.used, used);
    assert_string_equal(folder.path, path);
    assert_int_equal(mf_file_exists(tree.checkpoints), used && strcmp(path, "") == 0);
}

/* [55] [56] */
static void checkpoints_are_used_when_configured_or_when_the_folder_is_there(void **state)
{
    (void)state;
    checkpoints_are(false, "");
    const char *json = "{\"LocalPath\": \"/somewhere/else/\"}";
    testing_write(tree.checkpoint_config, json, strlen(json));
    checkpoints_are(true, "/somewhere/else");
    json = "{\"LocalPath\": \"/opt/ml/checkpoints\", \"S3Uri\": \"s3://b\"}";
    testing_write(tree.checkpoint_config, json, strlen(json));
    checkpoints_are(true, tree.checkpoints); /* below the prefix */
    json = "{\"LocalPath\": \"/opt/mlx\"}";
    testing_write(tree.checkpoint_config, json, strlen(json));
    checkpoints_are(true, "/opt/mlx");
    testing_write(tree.checkpoint_config, "{\"LocalPath\": null}", 19);
    checkpoints_are(true, tree.checkpoints);
    testing_write(tree.checkpoint_config, "{}", 2);
    checkpoints_are(true, tree.checkpoints);

    unlink(tree.checkpoint_config);
    assert_int_equal(mkdir(tree.checkpoints, 0755), 0);
    mf_error err = {0};
    mf_checkpoint_folder folder;
    assert_ok(mf_checkpoint_folder_read(&tree, &folder, &err), err);
    assert_true(folder.used);
    assert_string_equal(folder.path, tree.checkpoints);
}

static void a_relative_checkpoint_path_is_refused(void **state)
{
    (void)state;
    const char *json = "{\"LocalPath\": \"checkpoints\"}";
    testing_write(tree.checkpoint_config, json, strlen(json));
    mf_error err = {0};
    mf_checkpoint_folder folder;
    assert_false(mf_checkpoint_folder_read(&tree, &folder, &err));
    assert_error(&err, MF_ERR_CONFIG, "LocalPath \"checkpoints\": expected an absolute path");
    testing_write(tree.checkpoint_config, "{\"LocalPath\": 3}", 16);
    mf_error_clear(&err);
    assert_false(mf_checkpoint_folder_read(&tree, &folder, &err));
    assert_error(&err, MF_ERR_CONFIG, "LocalPath is a number: expected a text");
    assert_false(mf_file_exists(tree.checkpoints));
}

static void failure_holds(const char *text)
{
    mf_error err = {0};
    char *bytes = NULL;
    size_t n = 0;
    assert_ok(mf_file_read(tree.failure, 4096, &bytes, &n, &err), err);
    assert_string_equal(bytes, text);
    mf_free(bytes);
}

/* [42] [43] [44] */
static void the_failure_file_is_one_line_with_its_class(void **state)
{
    (void)state;
    mf_error reason = {0};
    mf_error err = {0};
    assert_false(mf_failure_exists(tree.failure));
    mf_fail(&reason, MF_ERR_PARSE, (mf_where){"ratings.csv", 41, 9},
            "rating \"4;5\xFF\n\" is not a number");
    assert_ok(mf_failure_write(tree.failure, &reason, &err), err);
    assert_true(mf_failure_exists(tree.failure));
    failure_holds("ClientError: ratings.csv:41:9: rating \"4;5\\xff\\x0a\" is not a number\n");

    unlink(tree.failure);
    mf_error huge = {0};
    char text[4000];
    memset(text, 'x', sizeof text);
    mf_fail(&huge, MF_ERR_ARGUMENT, MF_NOWHERE, "%.*s", (int)sizeof text, text);
    assert_ok(mf_failure_write(tree.failure, &huge, &err), err);
    struct stat status;
    assert_int_equal(stat(tree.failure, &status), 0);
    assert_in_range(status.st_size, 900, MF_FAILURE_TEXT_MAX);

    unlink(tree.failure);
    const mf_error nothing = {0};
    assert_ok(mf_failure_write(tree.failure, &nothing, &err), err);
    failure_holds("AlgorithmError: no reason was given\n");
}

/* [46] the first reason stays; [39] success leaves none */
static void an_earlier_reason_is_kept_until_a_run_ends_well(void **state)
{
    (void)state;
    mf_error first = {0};
    mf_error second = {0};
    mf_error err = {0};
    mf_fail(&first, MF_ERR_CONFIG, MF_NOWHERE, "the cause");
    mf_fail(&second, MF_ERR_IO, MF_NOWHERE, "a consequence");
    assert_ok(mf_failure_write(tree.failure, &first, &err), err);
    assert_ok(mf_failure_write(tree.failure, &second, &err), err);
    failure_holds("ClientError: the cause\n");

    assert_ok(mf_failure_remove(tree.failure, &err), err);
    assert_false(mf_file_exists(tree.failure));
    assert_ok(mf_failure_remove(tree.failure, &err), err);

    testing_write(tree.failure, "", 0);
    assert_false(mf_failure_exists(tree.failure)); /* empty says nothing */
    assert_ok(mf_failure_write(tree.failure, &second, &err), err);
    failure_holds("PlatformError: a consequence\n");
}

static void a_failure_file_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    testing_write(tree.output, "a file where the folder belongs", 31);
    mf_error reason = {0};
    mf_error err = {0};
    mf_fail(&reason, MF_ERR_CONFIG, MF_NOWHERE, "the cause");
    assert_false(mf_failure_write(tree.failure, &reason, &err));
    assert_int_equal(err.code, MF_ERR_IO);
    mf_error_clear(&err);
    assert_ok(mf_failure_remove(tree.failure, &err), err);
    unlink(tree.output);
    mf_error_clear(&err);
    mf_memory_fail_nth(1);
    assert_false(mf_failure_write(tree.failure, &reason, &err));
    assert_int_equal(err.code, MF_ERR_MEMORY);
    mf_memory_fail_nth(0);
}

/* [78] honoured, never fatal */
static void the_log_level_is_honoured_and_never_fatal(void **state)
{
    (void)state;
    unsetenv("SAGEMAKER_CONTAINER_LOG_LEVEL");
    assert_int_equal(mf_environment_log_level(NULL), MF_LOG_INFO);
    assert_int_equal(mf_environment_log_level(""), MF_LOG_INFO);
    assert_int_equal(mf_environment_log_level("40"), MF_LOG_ERROR);
    setenv("SAGEMAKER_CONTAINER_LOG_LEVEL", "10", 1);
    assert_int_equal(mf_environment_log_level("40"), MF_LOG_DEBUG);
    setenv("SAGEMAKER_CONTAINER_LOG_LEVEL", "loud", 1);
    assert_int_equal(mf_environment_log_level("40"), MF_LOG_ERROR);
    assert_int_equal(mf_environment_log_level("loud"), MF_LOG_INFO);
    unsetenv("SAGEMAKER_CONTAINER_LOG_LEVEL");
    unsetenv("TRAINING_JOB_NAME");
    assert_string_equal(mf_environment_job_name(), "");
    setenv("TRAINING_JOB_NAME", "movies-2026", 1);
    assert_string_equal(mf_environment_job_name(), "movies-2026");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_missing_resourceconfig_means_one_host),
        TEST(rank_is_the_place_among_sorted_hosts),
        TEST(hosts_that_make_no_sense_are_refused),
        TEST(checkpoints_are_used_when_configured_or_when_the_folder_is_there),
        TEST(a_relative_checkpoint_path_is_refused),
        TEST(the_failure_file_is_one_line_with_its_class),
        TEST(an_earlier_reason_is_kept_until_a_run_ends_well),
        TEST(a_failure_file_that_cannot_be_written_is_an_error),
        TEST(the_log_level_is_honoured_and_never_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
