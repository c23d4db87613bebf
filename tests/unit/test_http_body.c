#include "testing.h"

#include "http/parse/body.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Feeds bytes in pieces of `step`, each from a block of its own size, until the
 * body ends one way or the other. *left: bytes that were not used. */
static mf_body_state feed(mf_body *body, const char *bytes, size_t n, size_t step, size_t *left)
{
    mf_body_state state = MF_BODY_MORE;
    size_t at = 0;
    while (at < n || state == MF_BODY_AGAIN) {
        const size_t n_piece = n - at < step ? n - at : step;
        char *piece = malloc(n_piece > 0 ? n_piece : 1);
        assert_non_null(piece);
        memcpy(piece, bytes + at, n_piece);
        size_t used;
        state = mf_body_feed(body, piece, n_piece, &used);
        free(piece);
        assert_true(used <= n_piece);
        at += used;
        if (state != MF_BODY_MORE && state != MF_BODY_AGAIN)
            break;
        assert_true(state == MF_BODY_AGAIN || used == n_piece);
    }
    *left = n - at;
    return state;
}

static mf_body_state feed_chunked(const char *bytes, size_t n, size_t step, bool gzip,
                                  uint64_t limit, mf_body *body, size_t *left)
{
    const mf_head head = {.chunked = true, .coding = gzip ? MF_CODING_GZIP : MF_CODING_NONE};
    *body = (mf_body){0};
    assert_int_equal(mf_body_begin(body, &head, limit, false), MF_BODY_MORE);
    return feed(body, bytes, n, step, left);
}

static void chunks_give_the_same_body_in_any_pieces(void **state)
{
    (void)state;
    static const char text[] = "4\r\nMovi\r\n"
                               "0A;name=\"value\";x\r\ne-recommen\r\n"
                               "003 \r\nder\r\n"
                               "0\r\nTrailer: yes\r\nX:\r\n\r\nGET /";
    for (size_t step = 1; step <= sizeof text; step++) {
        mf_body body;
        size_t left;
        assert_int_equal(feed_chunked(text, sizeof text - 1, step, false, 100, &body, &left),
                         MF_BODY_DONE);
        if (step == 1 || step >= sizeof text - 1)
            assert_int_equal(left, 5);
        assert_int_equal(body.text.n_bytes, 17);
        assert_memory_equal(body.text.bytes, "Movie-recommender", 18); /* and its zero */
        mf_body_end(&body, 0);
    }
}

static void bad_chunks_are_refused_in_any_pieces(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "\r\n",
        "g\r\n",
        "-1\r\n",
        "+1\r\n",
        "0x1\r\na\r\n",
        " 1\r\na\r\n",
        ";a\r\n",
        "1\na\r\n",
        "1\r\na\n",
        "1\r\nab\r\n",
        "1\r\r\na\r\n",
        "1;a\rb\r\n",
        "1;a\nb\r\n",
        "1;\x01\r\n",
        "1 1\r\n0",
        "00000000000000001\r\n",
        "11111111111111111\r\n",
        "0\r\n folded\r\n",
        "0\r\n: x\r\n",
        "0\r\nX: a\rb\r\n",
        "0\r\nX: a\n\r\n",
        "0\r\n\r\r\n",
        "0\r\n\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t step = 1; step <= strlen(cases[i]); step++) {
            mf_body body;
            size_t left;
            const mf_body_state end =
                feed_chunked(cases[i], strlen(cases[i]), step, false, 100, &body, &left);
            mf_body_end(&body, 0);
            if (end != MF_BODY_BAD_CHUNKS)
                fail_msg("case %zu in steps of %zu gave %d", i, step, (int)end);
        }
}

static void extensions_and_trailers_are_bounded(void **state)
{
    (void)state;
    static const char *const starts[] = {"1;", "0\r\nX: "};
    for (size_t i = 0; i < 2; i++) {
        const size_t n = strlen(starts[i]) + MF_CHUNKS_EXTRA_MAX + 1;
        char *text = malloc(n);
        assert_non_null(text);
        memset(text, 'x', n);
        memcpy(text, starts[i], strlen(starts[i]));
        mf_body body;
        size_t left;
        assert_int_equal(feed_chunked(text, n, 1000, false, 100, &body, &left), MF_BODY_BAD_CHUNKS);
        mf_body_end(&body, 0);
        free(text);
    }
}

static void a_chunk_over_the_limit_is_too_large_before_it_comes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        mf_body_state end;
    } cases[] = {
        {"64\r\n", MF_BODY_MORE},
        {"65\r\n", MF_BODY_TOO_LARGE},
        {"FFFFFFFFFFFFFFFF\r\n", MF_BODY_TOO_LARGE},
        {"1\r\na\r\n63\r\n", MF_BODY_MORE},
        {"1\r\na\r\n64\r\n", MF_BODY_TOO_LARGE},
        {"FFFFFFFFFFFFFFFFF\r\n", MF_BODY_BAD_CHUNKS},
        {"FFFFFFFFx\r\n", MF_BODY_BAD_CHUNKS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t step = 1; step <= strlen(cases[i].text); step++) {
            mf_body body;
            size_t left;
            assert_int_equal(
                feed_chunked(cases[i].text, strlen(cases[i].text), step, false, 100, &body, &left),
                cases[i].end);
            mf_body_end(&body, 0);
        }
}

static void the_limit_counts_the_body_alone(void **state)
{
    (void)state;
    static const char text[] = "5;padding\r\n12345\r\n5\r\n67890\r\n0\r\n\r\n";
    for (uint64_t limit = 8; limit <= 11; limit++)
        for (size_t step = 1; step < sizeof text; step++) {
            mf_body body;
            size_t left;
            assert_int_equal(feed_chunked(text, sizeof text - 1, step, false, limit, &body, &left),
                             limit < 10 ? MF_BODY_TOO_LARGE : MF_BODY_DONE);
            assert_true(body.text.n_bytes <= limit);
            mf_body_end(&body, 0);
        }
    const mf_head head = {.has_length = true, .content_length = 11};
    mf_body body = {0};
    assert_int_equal(mf_body_begin(&body, &head, 10, false), MF_BODY_TOO_LARGE);
}

static void a_length_is_believed_only_as_bytes_come(void **state)
{
    (void)state;
    const mf_head head = {.has_length = true, .content_length = 1u << 30};
    mf_body body = {0};
    size_t used;
    assert_int_equal(mf_body_begin(&body, &head, 1u << 30, false), MF_BODY_MORE);
    assert_int_equal(mf_body_feed(&body, "abc", 3, &used), MF_BODY_MORE);
    assert_int_equal(used, 3);
    assert_true(body.text.capacity < 4096);
    mf_body_end(&body, 0);
}

static void bytes_behind_the_length_are_left(void **state)
{
    (void)state;
    const mf_head head = {.has_length = true, .content_length = 3};
    mf_body body = {0};
    size_t used;
    assert_int_equal(mf_body_begin(&body, &head, 3, false), MF_BODY_MORE);
    assert_int_equal(mf_body_feed(&body, "abcGET", 6, &used), MF_BODY_DONE);
    assert_int_equal(used, 3);
    assert_memory_equal(body.text.bytes, "abc", 4);
    mf_body_end(&body, 0);
    const mf_head none = {.has_length = true};
    assert_int_equal(mf_body_begin(&body, &none, 3, false), MF_BODY_DONE);
}

/* -------------------------------------------------------------------- gzip */

static char *pack(const char *bytes, size_t n, size_t *n_packed)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    const size_t capacity = deflateBound(&stream, n);
    char *packed = malloc(capacity);
    assert_non_null(packed);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)n;
    stream.next_out = (Bytef *)packed;
    stream.avail_out = (uInt)capacity;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *n_packed = capacity - stream.avail_out;
    deflateEnd(&stream);
    return packed;
}

static mf_body_state unpack(const char *bytes, size_t n, size_t step, uint64_t limit, mf_body *body)
{
    const mf_head head = {.has_length = true, .content_length = n, .coding = MF_CODING_GZIP};
    *body = (mf_body){0};
    size_t left;
    const mf_body_state begun = mf_body_begin(body, &head, limit, false);
    return begun == MF_BODY_MORE ? feed(body, bytes, n, step, &left) : begun;
}

static void gzip_unpacks_the_same_in_any_pieces(void **state)
{
    (void)state;
    char text[600];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * i % 23);
    size_t n_packed;
    char *packed = pack(text, sizeof text, &n_packed);
    for (size_t step = 1; step <= n_packed; step++) {
        mf_body body;
        assert_int_equal(unpack(packed, n_packed, step, sizeof text, &body), MF_BODY_DONE);
        assert_int_equal(body.text.n_bytes, sizeof text);
        assert_memory_equal(body.text.bytes, text, sizeof text);
        mf_body_end(&body, 0);
        assert_int_equal(unpack(packed, n_packed, step, sizeof text - 1, &body), MF_BODY_TOO_LARGE);
        assert_int_equal(body.text.n_bytes, sizeof text - 1);
        mf_body_end(&body, 0);
    }
    free(packed);
}

static void gzip_is_unpacked_without_content_encoding(void **state)
{
    (void)state;
    const char text[] = "{\"userId\":\"2\",\"movieId\":\"2959\"}";
    size_t n, left;
    char *packed = pack(text, sizeof text - 1, &n);
    const mf_head head = {.has_length = true, .content_length = n};
    mf_body body;
    for (size_t step = 1; step <= n; step++) {
        body = (mf_body){0};
        assert_int_equal(mf_body_begin(&body, &head, 100, false), MF_BODY_MORE);
        assert_int_equal(feed(&body, packed, n, step, &left), MF_BODY_DONE);
        assert_int_equal(body.text.n_bytes, sizeof text - 1);
        assert_memory_equal(body.text.bytes, text, sizeof text);
        mf_body_end(&body, 0);
    }
    body = (mf_body){0};
    assert_int_equal(mf_body_begin(&body, &head, 100, true),
                     MF_BODY_MORE); /* raw: as it was sent */
    assert_int_equal(feed(&body, packed, n, n, &left), MF_BODY_DONE);
    assert_int_equal(body.text.n_bytes, n);
    assert_memory_equal(body.text.bytes, packed, n);
    mf_body_end(&body, 0);
    free(packed);
}

static void every_damage_to_gzip_is_noticed(void **state)
{
    (void)state;
    static const char text[] = "userId,itemId\n1,31\n1,1029\n";
    size_t n_packed;
    char *packed = pack(text, sizeof text - 1, &n_packed);
    mf_body body;
    for (size_t n = 1; n < n_packed; n++) { /* every truncation */
        assert_int_equal(unpack(packed, n, 7, 1000, &body), MF_BODY_BAD_GZIP);
        mf_body_end(&body, 0);
    }
    for (size_t i = 0; i < n_packed; i++) { /* every byte */
        packed[i] = (char)(packed[i] ^ 0x55);
        const mf_body_state end = unpack(packed, n_packed, 7, 1000, &body);
        /* Bytes 4 to 9 of the header are a time, a level and a system. */
        if (end == MF_BODY_DONE && (i < 4 || i > 9))
            fail_msg("byte %zu", i);
        mf_body_end(&body, 0);
        packed[i] = (char)(packed[i] ^ 0x55);
    }
    free(packed);
}

static void members_in_a_row_are_one_body_and_other_bytes_are_refused(void **state)
{
    (void)state;
    size_t n_one;
    size_t n_two;
    char *one = pack("one,", 4, &n_one);
    char *two = pack("two", 3, &n_two);
    char both[200];
    memcpy(both, one, n_one);
    memcpy(both + n_one, two, n_two);
    for (size_t step = 1; step <= n_one + n_two; step++) {
        mf_body body;
        assert_int_equal(unpack(both, n_one + n_two, step, 100, &body), MF_BODY_DONE);
        assert_memory_equal(body.text.bytes, "one,two", 8);
        mf_body_end(&body, 0);
        memcpy(both + n_one, "xyz", 3);
        assert_int_equal(unpack(both, n_one + 3, step, 100, &body), MF_BODY_BAD_GZIP);
        mf_body_end(&body, 0);
        memcpy(both + n_one, two, n_two);
    }
    free(one);
    free(two);
}

static void a_bomb_costs_no_more_than_the_limit(void **state)
{
    (void)state;
    const size_t n = 20u << 20;
    char *zeros = calloc(1, n);
    assert_non_null(zeros);
    size_t n_packed;
    char *packed = pack(zeros, n, &n_packed);
    free(zeros);
    mf_body body;
    assert_int_equal(unpack(packed, n_packed, n_packed, 1u << 20, &body), MF_BODY_TOO_LARGE);
    assert_true(body.text.capacity <= 2u << 20);
    mf_body_end(&body, 0);
    /* One call stops after its share, and the last bytes are not forgotten even
     * when all input was used before. */
    assert_int_equal(unpack(packed, n_packed, n_packed, n, &body), MF_BODY_DONE);
    assert_int_equal(body.text.n_bytes, n);
    mf_body_end(&body, 0);
    const mf_head head = {.has_length = true, .content_length = n_packed, .coding = MF_CODING_GZIP};
    size_t used;
    body = (mf_body){0};
    assert_int_equal(mf_body_begin(&body, &head, n, false), MF_BODY_MORE);
    assert_int_equal(mf_body_feed(&body, packed, n_packed, &used), MF_BODY_AGAIN);
    assert_true(body.text.n_bytes < 2 * (size_t)MF_UNPACK_STEP_BYTES);
    mf_body_end(&body, 0);
    free(packed);
}

static void many_chunks_of_a_bomb_share_one_call(void **state)
{
    (void)state;
    const size_t n = 8u << 20;
    char *zeros = calloc(1, n);
    assert_non_null(zeros);
    size_t n_packed;
    char *packed = pack(zeros, n, &n_packed);
    free(zeros);
    char *text = malloc(n_packed * 2 + 10);
    assert_non_null(text);
    size_t n_text = 0;
    for (size_t at = 0; at < n_packed; at += 100) { /* each unpacks to less than a share */
        const size_t n_chunk = n_packed - at < 100 ? n_packed - at : 100;
        n_text += (size_t)sprintf(text + n_text, "%zx\r\n", n_chunk);
        memcpy(text + n_text, packed + at, n_chunk);
        memcpy(text + n_text + n_chunk, "\r\n", 2);
        n_text += n_chunk + 2;
    }
    memcpy(text + n_text, "0\r\n\r\n", 5);
    n_text += 5;
    free(packed);
    const mf_head head = {.chunked = true, .coding = MF_CODING_GZIP};
    mf_body body = {0};
    assert_int_equal(mf_body_begin(&body, &head, n, false), MF_BODY_MORE);
    mf_body_state now = MF_BODY_AGAIN;
    size_t used;
    for (size_t at = 0; now == MF_BODY_AGAIN; at += used) {
        const size_t before = body.text.n_bytes;
        now = mf_body_feed(&body, text + at, n_text - at, &used);
        assert_true(body.text.n_bytes - before < 2 * (size_t)MF_UNPACK_STEP_BYTES + 32768);
    }
    assert_int_equal(now, MF_BODY_DONE);
    assert_int_equal(body.text.n_bytes, n);
    mf_body_end(&body, 0);
    free(text);
}

static void gzip_in_chunks_ends_with_both(void **state)
{
    (void)state;
    size_t n_packed;
    char *packed = pack("a,b\n", 4, &n_packed);
    char text[200];
    const int n_size = snprintf(text, sizeof text, "%zx\r\n", n_packed);
    size_t n = (size_t)n_size;
    memcpy(text + n, packed, n_packed);
    n += n_packed;
    memcpy(text + n, "\r\n0\r\n\r\n", 7);
    n += 7;
    for (size_t step = 1; step <= n; step++) {
        mf_body body;
        size_t left;
        assert_int_equal(feed_chunked(text, n, step, true, 100, &body, &left), MF_BODY_DONE);
        assert_memory_equal(body.text.bytes, "a,b\n", 5);
        mf_body_end(&body, 0);
    }
    free(packed);
    mf_body body;
    size_t left;
    assert_int_equal(feed_chunked("0\r\n\r\n", 5, 5, true, 100, &body, &left), MF_BODY_DONE);
    assert_int_equal(body.text.n_bytes, 0);
    mf_body_end(&body, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_give_the_same_body_in_any_pieces),
        cmocka_unit_test(bad_chunks_are_refused_in_any_pieces),
        cmocka_unit_test(extensions_and_trailers_are_bounded),
        cmocka_unit_test(a_chunk_over_the_limit_is_too_large_before_it_comes),
        cmocka_unit_test(the_limit_counts_the_body_alone),
        cmocka_unit_test(a_length_is_believed_only_as_bytes_come),
        cmocka_unit_test(bytes_behind_the_length_are_left),
        cmocka_unit_test(gzip_unpacks_the_same_in_any_pieces),
        cmocka_unit_test(gzip_is_unpacked_without_content_encoding),
        cmocka_unit_test(every_damage_to_gzip_is_noticed),
        cmocka_unit_test(members_in_a_row_are_one_body_and_other_bytes_are_refused),
        cmocka_unit_test(a_bomb_costs_no_more_than_the_limit),
        cmocka_unit_test(many_chunks_of_a_bomb_share_one_call),
        cmocka_unit_test(gzip_in_chunks_ends_with_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
