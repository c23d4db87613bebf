/* test_predict_model.c: model_file.h and in_process.h: the model in the function's own
 * process, from every kind of file, and the same answers as src/inference gives. */
#include "model_sample.h"
#include "predict_testing.h"
#include "testing_tar.h"

#include "lambda/predict/in_process.h"

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

static int end(void **state)
{
    free(kept.model);
    testing_folder_remove(kept.folder);
    return predicting_end(state);
}

static bool open_bytes(const char *name, const void *bytes, size_t n, mf_predictor *predictor,
                       mf_error *err)
{
    mf_model_file file;
    char *path = testing_path(kept.folder, name);
    testing_write(path, bytes, n);
    const mf_inference_limits limits = mf_predict_settings_limits(&on.settings);
    const bool ok = mf_model_file_open(&file, path, NULL, 0, err) &&
                    mf_in_process_predictor(predictor, &file, &limits, err);
    unlink(path);
    free(path);
    return ok;
}

static void refuse_file(const char *name, const void *bytes, size_t n, const char *piece)
{
    mf_error err = {0};
    mf_predictor predictor = {0};
    assert_false(open_bytes(name, bytes, n, &predictor, &err));
    assert_error(&err, err.code, piece);
    assert_error(&err, err.code, name);
}

static void ask_it(const mf_predictor *predictor, const char *event, const char *answer)
{
    on.handler.predictor = predictor;
    if (!send_event(event))
        fail_msg("%s", on.err.text);
    on.handler.predictor = &on.predictor;
    assert_string_equal(on.response.bytes, answer);
}

static size_t gzip(const void *bytes, size_t n, unsigned char *out, size_t room)
{
    z_stream stream = {0};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    stream.next_in = (unsigned char *)bytes;
    stream.avail_in = (unsigned)n;
    stream.next_out = out;
    stream.avail_out = (unsigned)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    const size_t used = stream.total_out;
    deflateEnd(&stream);
    return used;
}

static void a_model_answers_from_each_kind_of_file(void **state)
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
        mf_predictor predictor = {0};
        assert_ok(open_bytes(files[i].name, files[i].bytes, files[i].n, &predictor, &err), err);
        /* The file is gone by now: the mapping keeps it. */
        ask_it(&predictor, "{\"userId\":7,\"movieId\":2959}",
               "{\"predicted_rating\": 2.0, \"movie_title\": \"Fight Club (1999)\"}");
        ask_it(&predictor, "{\"userId\":\"nobody\",\"movieId\":\"nothing\"}",
               "{\"predicted_rating\": 3.5, \"movie_title\": null, \"known_user\": false, "
               "\"known_item\": false, \"known_movie\": false}");
        mf_predictor_destroy(&predictor);
    }
}

static void a_file_that_is_no_model_is_refused_with_the_reason(void **state)
{
    (void)state;
    static testing_tar tar;
    static unsigned char packed[TESTING_TAR_BYTES];
    refuse_file("empty", "", 0, "the file is empty");
    refuse_file("text", "movieId,title\n", 14, "");
    refuse_file("cut.bin", kept.model, kept.n_model / 2, "");
    kept.model[kept.n_model / 2] ^= 1;
    refuse_file("flipped.bin", kept.model, kept.n_model, "");
    kept.model[kept.n_model / 2] ^= 1;
    tar.n = 0;
    testing_tar_add(&tar, "other.bin", '0', "x", 1);
    testing_tar_end(&tar);
    refuse_file("other.tar", tar.bytes, tar.n, "no model.bin at its top or one folder deep");
    tar.n = 0;
    testing_tar_add(&tar, "model.bin", '0', kept.model, kept.n_model);
    testing_tar_add(&tar, "a/model.bin", '0', kept.model, kept.n_model);
    testing_tar_end(&tar);
    refuse_file("twice.tar", tar.bytes, tar.n, "twice");
    const size_t n = gzip(tar.bytes, tar.n, packed, sizeof packed);
    refuse_file("cut.tar.gz", packed, n / 2, "");
    mf_error err = {0};
    mf_model_file file;
    assert_false(mf_model_file_open(&file, "/nowhere/model.bin", NULL, 0, &err));
    assert_error(&err, MF_ERR_IO, "/nowhere/model.bin: the model cannot be read");
    mf_error_clear(&err);
    assert_false(mf_model_file_open(&file, kept.folder, NULL, 0, &err));
    assert_error(&err, MF_ERR_FORMAT, "found a folder");
}

static void every_kind_of_question_is_answered(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_predictor predictor = {0};
    assert_ok(open_bytes("model.bin", kept.model, kept.n_model, &predictor, &err), err);
    on.handler.predictor = &predictor;
    static const char *const events[] = {
        "bare", "bare_top_n", "bare_movies", "bare_similar", "bare_visitor",
    };
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (!send_fixture(events[i]))
            fail_msg("%s: %s", events[i], on.err.text);
    on.handler.predictor = &on.predictor;
    mf_predictor_destroy(&predictor);
}

static void a_deadline_in_the_past_ends_long_work(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_predictor predictor = {0};
    mf_problem problem = {0};
    const char *answer = NULL;
    size_t n = 0;
    assert_ok(open_bytes("model.bin", kept.model, kept.n_model, &predictor, &err), err);
    /* One question is one step: it is answered, or its time was up before. */
    if (!predictor.ask(predictor.context, QUESTION, sizeof QUESTION - 1, 0, &answer, &n, &problem))
        assert_int_equal(problem.kind, MF_PROBLEM_TIMEOUT);
    mf_predictor_destroy(&predictor);
}

static void without_memory_there_is_an_error_and_no_leak(void **state)
{
    (void)state;
    for (size_t nth = 1; nth < 200; nth++) {
        mf_error err = {0};
        mf_predictor predictor = {0};
        mf_memory_fail_nth(nth);
        const bool ok = open_bytes("model.bin", kept.model, kept.n_model, &predictor, &err);
        mf_memory_fail_nth(0);
        if (ok) {
            mf_predictor_destroy(&predictor);
            return;
        }
        assert_error(&err, MF_ERR_MEMORY, "memory");
    }
    fail_msg("it never went well");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        predicting_test(a_model_answers_from_each_kind_of_file),
        predicting_test(a_file_that_is_no_model_is_refused_with_the_reason),
        predicting_test(every_kind_of_question_is_answered),
        predicting_test(a_deadline_in_the_past_ends_long_work),
        predicting_test(without_memory_there_is_an_error_and_no_leak),
    };
    return cmocka_run_group_tests(tests, start, end);
}
