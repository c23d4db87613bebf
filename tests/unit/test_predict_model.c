/* test_predict_model.c: model_source.h and predictor.h: the model in the function's own process,
 * from every kind of file, with the responses of src/inference, and newer models in its place
 * (those of S3 are tests/integration's). */
#include "model_sample.h"
#include "predict_testing.h"
#include "testing_tar.h"

#include "inference/named_lists.h"
#include "lambda/model/model_source.h"
#include "lambda/predict/predictor.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct {
    char *folder;
    unsigned char *model;
    size_t n_model;
} kept;

static int start(void **state)
{
    const mf_model_parts parts = sample_parts();
    kept.model = sample_file(&parts, &kept.n_model);
    kept.folder = testing_folder();
    return predicting_start(state);
}

static mf_predict_predictor own; /* of the function's own process */

static int end(void **state)
{
    mf_predict_predictor_end(&own);
    free(kept.model);
    testing_folder_remove(kept.folder);
    return predicting_end(state);
}

/* A source of the file at path. NULL: *err says why it could not be loaded. */
static mf_lambda_model_source *open_path(const char *path, mf_error *err)
{
    static mf_lambda_model_source source; /* one is open at a time */
    assert_true(mf_lambda_model_source_start(&source, path, NULL, err));
    return mf_lambda_watched_load(&source.place, 0, err) ? &source : NULL;
}

static mf_lambda_model_source *open_bytes(const char *name, const void *bytes, size_t n,
                                          mf_error *err)
{
    char *path = testing_path(kept.folder, name);
    testing_write(path, bytes, n);
    mf_lambda_model_source *source = open_path(path, err);
    unlink(path);
    free(path);
    return source;
}

static void refuse_file(const char *name, const void *bytes, size_t n, const char *piece)
{
    mf_error err = {0};
    assert_null(open_bytes(name, bytes, n, &err));
    assert_error(&err, err.code, piece);
    assert_error(&err, err.code, name);
}

/* A predictor with this source, until the next call. */
static mf_predict_predictor *predictor_of(const mf_lambda_model_source *source)
{
    const mf_inference_limits limits = mf_predict_settings_limits(&on.settings);
    mf_predict_predictor_end(&own);
    mf_predict_model_predictor(&own, source, &limits);
    return &own;
}

static void assert_responds(const mf_lambda_model_source *source, const char *event,
                            const char *response)
{
    on.handler.predictor = predictor_of(source);
    if (!send_event(event))
        fail_msg("%s", on.err.text);
    on.handler.predictor = &on.predictor;
    assert_string_equal(on.response.bytes, response);
}

static size_t gzip(const void *bytes, size_t n, unsigned char *out, size_t capacity)
{
    z_stream stream = {0};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    stream.next_in = mf_without_const(bytes);
    stream.avail_in = (unsigned)n;
    stream.next_out = out;
    stream.avail_out = (unsigned)capacity;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    const size_t used = stream.total_out;
    deflateEnd(&stream);
    return used;
}

static void a_model_responds_from_each_kind_of_file(void **state)
{
    (void)state;
    static testing_tar tar;
    static unsigned char packed[TESTING_TAR_BYTES];
    mf_error err = {0};
    tar.n = 0;
    testing_tar_add(&tar, "README", '0', "x", 1);
    testing_tar_add(&tar, "./model.bin", '0', kept.model, kept.n_model);
    testing_tar_end(&tar);
    const struct {
        const char *name;
        const void *bytes;
        size_t n;
    } files[] = {
        {"model.bin", kept.model, kept.n_model},
        {"model.tar", tar.bytes, tar.n},
        {"model.tar.gz", packed, gzip(tar.bytes, tar.n, packed, sizeof packed)},
        {"any name", packed, gzip(tar.bytes, tar.n, packed, sizeof packed)},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        mf_lambda_model_source *source =
            open_bytes(files[i].name, files[i].bytes, files[i].n, &err);
        assert_ok(source != NULL, err);
        /* The file is gone by now: the mapping keeps it. */
        assert_responds(source, "{\"userId\":7,\"movieId\":2959}",
                        "{\"predicted_rating\": 2.0, \"movie_title\": \"Fight Club (1999)\"}");
        assert_responds(source, "{\"userId\":\"unknown\",\"movieId\":\"nothing\"}",
                        "{\"predicted_rating\": 3.5, \"movie_title\": null, \"known_user\": false, "
                        "\"known_item\": false, \"known_movie\": false}");
        mf_lambda_model_source_end(source);
    }
}

/* The lists beside model.bin in an archive, at its top and one folder deep, and in a folder. */
static void lists_beside_the_model_are_read(void **state)
{
    (void)state;
    static testing_tar tar;
    static const char STOCK[] = "movieId\n1042\nnone\n", ALL[] = "2959\n1042\n",
                      WRONG[] = "1042\n\n\1\n", OTHER[] = "2959\n";
    static const char IN_STOCK[] = "{\"userId\":\"unknown\",\"top_n\":3,\"in\":\"in-stock\"}";
    static const char *const folders[] = {"", "m/"};
    mf_error err = {0};
    mf_lambda_model_source *source;
    for (size_t deep = 0; deep < 2; deep++) {
        char name[64];
        tar.n = 0;
        snprintf(name, sizeof name, "%slists/in-stock.csv", folders[deep]);
        testing_tar_add(&tar, name, '0', STOCK, sizeof STOCK - 1);
        snprintf(name, sizeof name, "%smodel.bin", folders[deep]);
        testing_tar_add(&tar, name, '0', kept.model, kept.n_model);
        snprintf(name, sizeof name, "%slists/all.csv", folders[deep]);
        testing_tar_add(&tar, name, '0', ALL, sizeof ALL - 1);
        testing_tar_add(&tar, deep ? "lists/far.csv" : "x/lists/far.csv", '0', OTHER,
                        sizeof OTHER - 1);
        testing_tar_add(&tar, "lists.csv", '0', OTHER, sizeof OTHER - 1);
        testing_tar_end(&tar);
        source = open_bytes("lists.tar", tar.bytes, tar.n, &err);
        assert_ok(source != NULL, err);
        assert_int_equal(source->model->lists->n, 2);
        assert_string_equal(source->model->lists->list[0].name, "all");
        assert_int_equal(source->model->lists->list[1].n_items, 1);
        assert_int_equal(source->model->lists->list[1].n_unknown, 1);
        on.handler.predictor = predictor_of(source);
        assert_true(send_event(IN_STOCK));
        assert_non_null(strstr(on.response.bytes, "\"1042\""));
        assert_null(strstr(on.response.bytes, "2959"));
        assert_false(send_event("{\"userId\":\"7\",\"top_n\":3,\"in\":\"far\"}"));
        assert_non_null(strstr(on.err.text, "no list \"far\""));
        on.handler.predictor = &on.predictor;
        mf_lambda_model_source_end(source);
    }
    tar.n = 0;
    testing_tar_add(&tar, "model.bin", '0', kept.model, kept.n_model);
    testing_tar_add(&tar, "lists/bad.csv", '0', WRONG, sizeof WRONG - 1);
    testing_tar_end(&tar);
    assert_null(open_bytes("bad.tar", tar.bytes, tar.n, &err));
    assert_error(&err, MF_ERR_PARSE, "lists/bad.csv:3: field 1 is no item");
    err = (mf_error){0};
    char *folder = testing_path(kept.folder, "lists"), *path = testing_path(folder, "in-stock.csv");
    assert_int_equal(mkdir(folder, 0700), 0);
    testing_write(path, STOCK, sizeof STOCK - 1);
    source = open_bytes("model.bin", kept.model, kept.n_model, &err);
    assert_ok(source != NULL, err);
    assert_int_equal(source->model->lists->n, 1);
    mf_lambda_model_source_end(source);
    unlink(path);
    rmdir(folder);
    free(path);
    free(folder);
}

static void a_file_that_is_no_model_is_refused_with_the_reason(void **state)
{
    (void)state;
    static testing_tar tar;
    static unsigned char packed[TESTING_TAR_BYTES];
    refuse_file("empty", "", 0, "the model file is empty");
    refuse_file("text", "movieId,title\n", 14, "");
    refuse_file("cut.bin", kept.model, kept.n_model / 2, "");
    kept.model[kept.n_model / 2] ^= 1;
    refuse_file("flipped.bin", kept.model, kept.n_model, "");
    kept.model[kept.n_model / 2] ^= 1;
    tar.n = 0;
    testing_tar_add(&tar, "other.bin", '0', "x", 1);
    testing_tar_end(&tar);
    refuse_file("other.tar", tar.bytes, tar.n,
                "no model.bin at its top or one folder deep; it holds other.bin");
    tar.n = 0;
    testing_tar_add(&tar, "model.bin", '0', kept.model, kept.n_model);
    testing_tar_add(&tar, "a/model.bin", '0', kept.model, kept.n_model);
    testing_tar_end(&tar);
    refuse_file("twice.tar", tar.bytes, tar.n, "more than once");
    const size_t n = gzip(tar.bytes, tar.n, packed, sizeof packed);
    refuse_file("cut.tar.gz", packed, n / 2, "");
    mf_error err = {0};
    assert_null(open_path("/nowhere/model.bin", &err));
    assert_error(&err, MF_ERR_IO, "/nowhere/model.bin: the model cannot be read");
    mf_error_clear(&err);
    assert_null(open_path(kept.folder, &err));
    assert_error(&err, MF_ERR_IO, "expected a file with the model, found a folder");
}

/* Puts a file in the place of the one there, as writers of models do. */
static void replace(const char *path, const void *bytes, size_t n)
{
    char *other = testing_path(kept.folder, "other");
    testing_write(other, bytes, n);
    assert_int_equal(rename(other, path), 0);
    free(other);
}

/* The rating of user 7 for item 2959 is 2.0 in one model and 3.0 in the other. */
static unsigned char *another_model(size_t *n)
{
    mf_model_parts parts = sample_parts();
    parts.rating_min = 3;
    return sample_file(&parts, n);
}

static void a_newer_model_takes_the_old_ones_place(void **state)
{
    (void)state;
    static const char event[] = "{\"userId\":7,\"movieId\":2959}";
    static const char old[] = "{\"predicted_rating\": 2.0, \"movie_title\": \"Fight Club (1999)\"}";
    static const char new[] = "{\"predicted_rating\": 3.0, \"movie_title\": \"Fight Club (1999)\"}";
    mf_error err = {0};
    size_t n_other;
    unsigned char *other = another_model(&n_other);
    char *path = testing_path(kept.folder, "model.bin");
    testing_write(path, kept.model, kept.n_model);
    mf_lambda_model_source *source = open_path(path, &err);
    assert_ok(source != NULL, err);
    const void *before = source->model;
    assert_true(mf_lambda_watched_refresh(&source->place, 0));
    assert_ptr_equal(source->model, before);
    assert_responds(source, event, old);

    replace(path, other, n_other / 2);
    assert_false(mf_lambda_watched_refresh(&source->place, 0));
    replace(path, "", 0);
    assert_false(mf_lambda_watched_refresh(&source->place, 0));
    unlink(path);
    assert_false(mf_lambda_watched_refresh(&source->place, 0));
    assert_ptr_equal(source->model, before);
    assert_responds(source, event, old);

    /* No time: not even begun, and made up for later. */
    replace(path, other, n_other);
    assert_false(mf_lambda_watched_refresh(&source->place, 1));
    assert_responds(source, event, old);
    assert_true(mf_lambda_watched_refresh(&source->place, mf_clock_wall_ms() + 600000));
    assert_responds(source, event, new);
    assert_true(mf_lambda_watched_age_ms(&source->place) < 60000);

    /* Memory that ends in the middle. */
    replace(path, kept.model, kept.n_model);
    size_t nth = 1;
    for (bool ok = false; !ok; nth++) {
        assert_in_range(nth, 1, 200);
        mf_memory_fail_nth(nth);
        ok = mf_lambda_watched_refresh(&source->place, 0);
        mf_memory_fail_nth(0);
        assert_responds(source, event, ok ? old : new);
    }
    assert_true(nth > 3);
    mf_lambda_model_source_end(source);
    unlink(path);
    free(path);
    free(other);
}

static void every_kind_of_request_has_a_response(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_lambda_model_source *source = open_bytes("model.bin", kept.model, kept.n_model, &err);
    assert_ok(source != NULL, err);
    on.handler.predictor = predictor_of(source);
    static const char *const events[] = {
        "bare", "bare_top_n", "bare_movies", "bare_similar", "bare_visitor",
    };
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (!send_fixture(events[i]))
            fail_msg("%s: %s", events[i], on.err.text);
    on.handler.predictor = &on.predictor;
    mf_lambda_model_source_end(source);
}

static void a_deadline_in_the_past_ends_long_work(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_predict_problem problem = {0};
    const char *response = NULL;
    size_t n = 0;
    mf_lambda_model_source *source = open_bytes("model.bin", kept.model, kept.n_model, &err);
    assert_ok(source != NULL, err);
    mf_predict_predictor *predictor = predictor_of(source);
    /* One request is one step: it has a response, or its time was up before. */
    if (!predictor->predict(predictor, RATING_REQUEST, sizeof RATING_REQUEST - 1, 0, &response, &n,
                            &problem))
        assert_int_equal(problem.kind, MF_PREDICT_PROBLEM_TIMEOUT);
    mf_lambda_model_source_end(source);
}

static void without_memory_there_is_an_error_and_no_leak(void **state)
{
    (void)state;
    for (size_t nth = 1; nth < 200; nth++) {
        mf_error err = {0};
        mf_memory_fail_nth(nth);
        mf_lambda_model_source *source = open_bytes("model.bin", kept.model, kept.n_model, &err);
        mf_memory_fail_nth(0);
        if (source != NULL) {
            mf_lambda_model_source_end(source);
            return;
        }
        assert_error(&err, MF_ERR_MEMORY, "memory");
    }
    fail_msg("it never went well");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        predicting_test(a_model_responds_from_each_kind_of_file),
        predicting_test(lists_beside_the_model_are_read),
        predicting_test(a_file_that_is_no_model_is_refused_with_the_reason),
        predicting_test(a_newer_model_takes_the_old_ones_place),
        predicting_test(every_kind_of_request_has_a_response),
        predicting_test(a_deadline_in_the_past_ends_long_work),
        predicting_test(without_memory_there_is_an_error_and_no_leak),
    };
    return cmocka_run_group_tests(tests, start, end);
}
