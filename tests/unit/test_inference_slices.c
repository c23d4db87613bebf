/* The same requests in other formats, company and slices give the same responses; a
 * body that is cut off, and memory that runs out, are clean errors. */
#include "inference_testing.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

#include <jansson.h>
#include <time.h>

static const char *const users[] = {"7", "007", "z\xC3\xBCri", "unknown"};
static const char *const items[] = {"1042", "2959", "a@b ", "~~~~", "nothing"};
enum { USERS = 4, ITEMS = 5, PAIRS = 200 };

typedef struct pair {
    size_t user;
    size_t item;
} pair;

static pair random_pair(uint64_t i)
{
    return (pair){mf_random_below(1, i, USERS), mf_random_below(2, i, ITEMS)};
}

static void write_request(mf_text *text, mf_inference_format format, pair p, uint64_t i)
{
    const char *user = users[p.user];
    const char *item = items[p.item];
    if (format == CSV) {
        mf_text_format(text, "%s,\"%s\"", user, item);
    } else if (i % 3 == 0 && p.user == 0) { /* for jansson */
        mf_text_format(text, "{\"movieId\":\"%s\", \"userId\":\"\\u0037\"}", item);
    } else {
        mf_text_format(text, "{\"userId\":\"%s\",\"movieId\":\"%s\"}", user, item);
    }
}

/* The body of PAIRS random pairs; the caller frees it. */
static mf_text write_body(mf_inference_format format)
{
    mf_text body = MF_TEXT_EMPTY;
    if (format == JSON)
        mf_text_literal(&body, "{\"instances\":[");
    for (uint64_t i = 0; i < PAIRS; i++) {
        if (format == JSON && i > 0)
            mf_text_literal(&body, ",");
        write_request(&body, format, random_pair(i), i);
        if (format != JSON)
            mf_text_literal(&body, "\n");
    }
    if (format == JSON)
        mf_text_literal(&body, "]}");
    return body;
}

/* One of everything, for slices and prefixes. */
static const char everything_json[] =
    "{ \"instances\" : [ {\"userId\":7,\"movieId\":2959},\n"
    " {\"userId\":\"7\",\"top_n\":2,\"include_rated\":true}, {\"movieId\":2959,\"similar\":3},"
    "{\"userId\":\"z\\u00fcri\",\"movieIds\":[\"x\",2959,\"~~~~\"],\"order\":\"popularity\"},"
    "{\"ratings\":[{\"movieId\":\"2959\",\"rating\":4.5,\"timestamp\":-1.5e3},{\"movieId\":1042,"
    "\"rating\":1,\"timestamp\":null}],\"top_n\":3}, {\"userId\":\"x\",\"movieId\":\"y\"} ] } ";
static const char everything_lines[] =
    "{\"userId\":7,\"movieId\":2959}\n{\"userId\":\"7\",\"top_n\":2,\"include_rated\":true}\r\n"
    " {\"movieId\":2959,\"similar\":3}\n{\"userId\":\"z\\u00fcri\",\"movieIds\":[\"x\",2959]}\n"
    "{\"ratings\":[{\"movieId\":\"2959\",\"rating\":4.5}],\"movieId\":1042}\n\n";
static const char everything_csv[] =
    "user,movie\n7,2959\n\"7\",\"a\"\"b\"\r\nz\xC3\xBCri, 1042\n\n";
static const char *const everything[] = {everything_json, everything_lines, everything_csv};

static void all_formats_give_the_same_scores(void **state)
{
    (void)state;
    mf_text responses[MF_INFERENCE_FORMATS];
    for (mf_inference_format response_format = 0; response_format < MF_INFERENCE_FORMATS;
         response_format++) {
        for (mf_inference_format q = 0; q < MF_INFERENCE_FORMATS; q++) {
            mf_text body = write_body(q);
            responses[q] = MF_TEXT_EMPTY;
            if (!send_bytes(q, response_format, body.bytes, body.n_bytes))
                fail_msg("%s", fixture.err.text);
            assert_int_equal(fixture.n_responses, PAIRS);
            mf_text_append(&responses[q], fixture.response.bytes, fixture.response.n_bytes);
            mf_text_free(&body);
        }
        for (mf_inference_format q = 1; q < MF_INFERENCE_FORMATS; q++) {
            assert_int_equal(responses[q].n_bytes, responses[0].n_bytes);
            assert_memory_equal(responses[q].bytes, responses[0].bytes, responses[0].n_bytes);
        }
        for (mf_inference_format q = 0; q < MF_INFERENCE_FORMATS; q++)
            mf_text_free(&responses[q]);
    }
}

/* The response to a batch is the responses to its requests, one after the other; so a
 * file may be cut at any line. */
static void alone_and_in_a_batch_the_response_is_the_same(void **state)
{
    (void)state;
    for (mf_inference_format format = LINES; format <= CSV; format++) {
        mf_text joined = MF_TEXT_EMPTY;
        mf_text body = write_body(format);
        for (uint64_t i = 0; i < PAIRS; i++) {
            mf_text request = MF_TEXT_EMPTY;
            write_request(&request, format, random_pair(i), i);
            if (i % 2 == 0) /* with and without a line end */
                mf_text_literal(&request, "\n");
            if (!send_bytes(format, format, request.bytes, request.n_bytes))
                fail_msg("%s", fixture.err.text);
            mf_text_append(&joined, fixture.response.bytes, fixture.response.n_bytes);
            mf_text_free(&request);
        }
        assert_true(send_bytes(format, format, body.bytes, body.n_bytes));
        assert_int_equal(joined.n_bytes, fixture.response.n_bytes);
        assert_memory_equal(joined.bytes, fixture.response.bytes, joined.n_bytes);
        /* Cut in two anywhere. */
        for (size_t cut = 0; cut < body.n_bytes; cut += 97) {
            const char *end = memchr(body.bytes + cut, '\n', body.n_bytes - cut);
            const size_t first = (size_t)(end - body.bytes) + 1;
            fixture.limits.batch = true;
            assert_true(send_bytes(format, format, body.bytes, first));
            const size_t n = fixture.response.n_bytes;
            assert_memory_equal(joined.bytes, fixture.response.bytes, n);
            assert_true(send_bytes(format, format, body.bytes + first, body.n_bytes - first));
            assert_int_equal(n + fixture.response.n_bytes, joined.n_bytes);
            if (fixture.response.n_bytes > 0)
                assert_memory_equal(joined.bytes + n, fixture.response.bytes,
                                    fixture.response.n_bytes);
        }
        mf_text_free(&joined);
        mf_text_free(&body);
    }
}

static void slices_change_nothing(void **state)
{
    (void)state;
    static const uint32_t slices[] = {0, 1, 5};
    for (mf_inference_format q = 0; q < MF_INFERENCE_FORMATS; q++)
        for (mf_inference_format r = 0; r < MF_INFERENCE_FORMATS; r++)
            for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++) {
                fixture.microseconds = WHOLE;
                const bool ok = send_bytes(q, r, everything[q], strlen(everything[q]));
                char *first = strdup(ok ? fixture.response.bytes : fixture.err.text);
                assert_int_equal(fixture.n_steps, 1);
                fixture.microseconds = slices[i];
                assert_true(send_bytes(q, r, everything[q], strlen(everything[q])) == ok);
                assert_string_equal(ok ? fixture.response.bytes : fixture.err.text, first);
                assert_true(slices[i] > 0 || !ok || fixture.n_steps >= 3);
                assert_true(ok || r == CSV);
                free(first);
            }
}

static void the_first_mistake_is_the_one_that_is_reported(void **state)
{
    (void)state;
    static const struct {
        mf_inference_format format;
        const char *body;
        const char *text;
    } cases[] = {
        {CSV, "7,2959\n7,\n7\n", "line 2: movie: "},
        {CSV, "7,2959\n7,\xFF\n\n1,2\n", "line 2: movie: "},
        {LINES, "{\"userId\":7,\"movieId\":1}\n{\"userId\":7}\n{\"userId\":\n",
         "line 2: add movieId"},
        {JSON, "{\"instances\":[{\"userId\":7,\"movieId\":1},{\"userId\":7},{}]}",
         "instances[1]: add movieId"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (uint32_t slice = 0; slice < 2; slice++) {
            fixture.microseconds = slice == 0 ? 0 : WHOLE;
            assert_false(send_bytes(cases[i].format, JSON, cases[i].body, strlen(cases[i].body)));
            assert_error(&fixture.err, MF_ERR_PARSE, cases[i].text);
        }
}

static void every_prefix_fails_cleanly_or_is_a_whole(void **state)
{
    (void)state;
    for (mf_inference_format q = 0; q < MF_INFERENCE_FORMATS; q++)
        for (size_t n = 0; n <= strlen(everything[q]); n++) {
            const bool ok = send_bytes(q, JSON, everything[q], n);
            if (!ok) {
                assert_int_equal(fixture.status, 400);
                continue;
            }
            json_error_t error;
            json_t *response =
                json_loadb(fixture.response.bytes, fixture.response.n_bytes, 0, &error);
            if (response == NULL)
                fail_msg("%s in %s", error.text, fixture.response.bytes);
            assert_int_equal(json_array_size(json_object_get(response, "predictions")),
                             fixture.n_responses);
            json_decref(response);
            if (q == JSON) /* only blanks may be missing */
                assert_true(n + 1 >= strlen(everything_json));
        }
}

/* The n-th call of realloc (the response) or malloc (jansson) fails, if n > 0. */
static size_t n_calls;
static size_t failing_call;
void *__real_realloc(void *block, size_t n_bytes);
void *__wrap_realloc(void *block, size_t n_bytes);
void *__real_malloc(size_t n_bytes);
void *__wrap_malloc(size_t n_bytes);

void *__wrap_realloc(void *block, size_t n_bytes)
{
    return ++n_calls == failing_call ? NULL : __real_realloc(block, n_bytes);
}

void *__wrap_malloc(size_t n_bytes)
{
    return ++n_calls == failing_call ? NULL : __real_malloc(n_bytes);
}

static void memory_that_runs_out_is_a_clean_error(void **state)
{
    (void)state;
    for (mf_inference_format q = 0; q < MF_INFERENCE_FORMATS; q++) {
        assert_true(send_bytes(q, JSON, everything[q], strlen(everything[q])));
        char *whole = strdup(fixture.response.bytes);
        for (int ours = 0; ours < 2; ours++) {
            bool ok = false;
            for (size_t n = 1; !ok && n < 2000; n++) {
                /* A workspace of its own each time, as the first request meets it. */
                mf_workspace_destroy(fixture.workspace);
                fixture.workspace = mf_workspace_create(NULL);
                assert_non_null(fixture.workspace);
                n_calls = 0; /* the first is the test's own copy of the body */
                failing_call = ours ? 0 : n + 1;
                if (ours)
                    mf_memory_fail_nth(n);
                ok = send_bytes(q, JSON, everything[q], strlen(everything[q]));
                mf_memory_fail_nth(0);
                failing_call = 0;
                if (!ok && fixture.status != 503)
                    fail_msg("%zu: %d %s", n, fixture.status, fixture.err.text);
            }
            assert_true(ok);
            assert_string_equal(fixture.response.bytes, whole);
        }
        free(whole);
    }
}

/* What this thread has computed, however busy the machine is with other things. */
static double computed_seconds(void)
{
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* 25 MB in slices of a millisecond: the longest of them is not much longer. */
static void a_large_body_does_not_block_other_requests(void **state)
{
    (void)state;
    enum { BYTES = 25 << 20, SLICE = 1000 };
    static const char *const starts[] = {"{\"instances\":[", "", "", "{\"instances\": [", ""};
    static const char *const fills[] = {"{\"userId\":\"7\",\"movieId\":\"2959\"},",
                                        "{\"userId\":\"\\u0037\",\"movieId\":\"2959\"}\n",
                                        "7,2959\n", "                ", "\n\n\n\n\n\n\n\n"};
    static const char *const ends[] = {"{\"userId\":7,\"movieId\":1}]}", "", "", "]}", ""};
    static const mf_inference_format formats[] = {JSON, LINES, CSV, JSON, CSV};
    char *body = malloc(BYTES + 256);
    assert_non_null(body);
    for (size_t k = 0; k < sizeof fills / sizeof fills[0]; k++) {
        size_t n = (size_t)sprintf(body, "%s", starts[k]);
        const size_t n_fill = strlen(fills[k]);
        for (; n < BYTES; n += n_fill)
            memcpy(body + n, fills[k], n_fill);
        n += (size_t)sprintf(body + n, "%s", ends[k]);
        mf_error err = {0};
        mf_inference_progress progress;
        size_t n_steps = 0;
        size_t n_long = 0;
        fixture.limits.batch = true;
        mf_text_clear(&fixture.response, 0);
        mf_inference *inference =
            mf_inference_create(fixture.recommender, &fixture.limits, formats[k], formats[k], body,
                                n, &fixture.response, &err);
        assert_non_null(inference);
        do {
            const double before = computed_seconds();
            progress = mf_inference_step(inference, fixture.workspace, SLICE, &err);
            n_long += computed_seconds() - before > 10e-6 * SLICE;
            n_steps++;
        } while (progress == MF_INFERENCE_MORE);
        if (progress == MF_INFERENCE_FAILED)
            fail_msg("%s", err.text);
        assert_true(n_steps >= 4);
        /* Page faults and an emulator's translations stretch a few. */
        if (n_long > 1 + n_steps / 20)
            fail_msg("%zu of %zu slices of body %zu were ten times too long", n_long, n_steps, k);
        mf_inference_destroy(inference);
    }
    free(body);
}

static void a_response_has_a_maximum_of_bytes(void **state)
{
    (void)state;
    const char *body = "7,2959\n7,1042\n";
    fixture.limits.max_response_bytes = 8;
    expect_as(CSV, CSV, body, "2.0\n4.0\n");
    fixture.limits.max_response_bytes = 7;
    refuse_as(CSV, CSV, body, 413, "the response has over 7 bytes: request less at once");
    refuse_as(JSON, JSON, "{\"userId\":\"unknown\",\"top_n\":3}", 413,
              "the response has over 7 bytes: request less at once");
}

static void a_body_of_no_bytes_needs_no_memory(void **state)
{
    (void)state;
    for (mf_inference_format q = 0; q < MF_INFERENCE_FORMATS; q++) {
        mf_error err = {0};
        mf_inference *inference = mf_inference_create(fixture.recommender, &fixture.limits, q, q,
                                                      NULL, 0, &fixture.response, &err);
        assert_non_null(inference);
        assert_int_equal(mf_inference_step(inference, fixture.workspace, WHOLE, &err),
                         MF_INFERENCE_FAILED);
        assert_error(&err, MF_ERR_PARSE, "the body is empty");
        mf_inference_destroy(inference);
    }
}

static int both_start(void **state)
{
    (void)state;
    const mf_model_parts parts = sample_parts_with_ranking();
    asking_open(&parts);
    return 0;
}

static int unrated_start(void **state)
{
    (void)state;
    const mf_model_parts parts = sample_parts_without_ratings();
    asking_open(&parts);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        inference_test(all_formats_give_the_same_scores),
        inference_test(alone_and_in_a_batch_the_response_is_the_same),
        inference_test(slices_change_nothing),
        inference_test(the_first_mistake_is_the_one_that_is_reported),
        inference_test(every_prefix_fails_cleanly_or_is_a_whole),
        inference_test(memory_that_runs_out_is_a_clean_error),
        inference_test(a_response_has_a_maximum_of_bytes),
        inference_test(a_body_of_no_bytes_needs_no_memory),
        inference_test(a_large_body_does_not_block_other_requests),
    };
    /* What holds whichever models the file has. */
    const struct CMUnitTest any_model[] = {
        inference_test(slices_change_nothing),
        inference_test(every_prefix_fails_cleanly_or_is_a_whole),
        inference_test(memory_that_runs_out_is_a_clean_error),
    };
    return asking_tests(tests) +
           cmocka_run_group_tests_name("with ranking", any_model, both_start, asking_end) +
           cmocka_run_group_tests_name("without ratings", any_model, unrated_start, asking_end);
}
