/* test_cache_protocol.c: replies as they may come, in pieces, hostile, without end; promises
 * of cache/protocol.h. */
#include "testing.h"

#include "cache/entry.h"
#include "cache/protocol.h"

typedef struct taken {
    size_t n;
    char text[256];
} taken;

static void take(void *argument, size_t i, const char *bytes, size_t n_bytes)
{
    taken *t = argument;
    const size_t used = strlen(t->text);
    t->n++;
    snprintf(t->text + used, sizeof t->text - used, "%zu=%.*s;", i, (int)n_bytes, bytes);
}

static void a_command_is_an_array_of_texts_with_their_lengths(void **state)
{
    (void)state;
    const mf_word words[] = {{"SET", 3}, {"a b", 3}, {"\0\r\n", 3}, {"", 0}};
    static const char expected[] = "*4\r\n$3\r\nSET\r\n$3\r\na b\r\n$3\r\n\0\r\n\r\n$0\r\n\r\n";
    size_t n = 0;
    char *command = mf_command_write(words, 4, &n);
    assert_int_equal(n, sizeof expected - 1);
    assert_memory_equal(command, expected, n);
    mf_command_free(command);
}

/* All replies of a conversation, fed in pieces of `step` bytes. */
static void replies_are_understood_however_they_are_cut(void **state)
{
    (void)state;
    static const char bytes[] = "+OK\r\n"
                                "*3\r\n$1\r\na\r\n$-1\r\n$3\r\n\r\n\0\r\n"
                                "-OOM command not allowed\r\n"
                                "*1\r\n$-1\r\n"
                                "+OK\r\n";
    static const size_t due[] = {0, 3, 0, 1, 0};
    static const mf_reply expected[] = {MF_REPLY_OK, MF_REPLY_OK, MF_REPLY_ERROR, MF_REPLY_OK,
                                        MF_REPLY_OK};
    for (size_t step = 1; step < sizeof bytes; step++) {
        mf_reply_reader *reader = mf_reply_reader_create();
        taken t = {0};
        size_t r = 0;
        for (size_t at = 0; at < sizeof bytes - 1; at += step) {
            const size_t left = sizeof bytes - 1 - at;
            assert_true(mf_reply_feed(reader, bytes + at, left < step ? left : step));
            mf_reply reply;
            while (r < 5 && (reply = mf_reply_next(reader, due[r], take, &t)) != MF_REPLY_MORE) {
                assert_int_equal(reply, expected[r]);
                if (reply == MF_REPLY_ERROR)
                    assert_string_equal(mf_reply_text(reader), "OOM command not allowed");
                r++;
            }
        }
        assert_int_equal(r, 5);
        assert_false(mf_reply_has_more(reader));
        assert_int_equal(t.n, 2);
        assert_string_equal(t.text, "0=a;2=\r\n;");
        mf_reply_reader_destroy(reader);
    }
}

static void what_does_not_belong_to_the_command_is_broken(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        size_t due;
    } cases[] = {
        {"$1\r\na\r\n", 0},
        {"$-1\r\n", 0},
        {":1\r\n", 0},
        {"*0\r\n", 0},
        {"*-1\r\n", 0},
        {"*1\r\n$1\r\na\r\n", 0},
        {"+OK\r\n", 1},
        {"$1\r\na\r\n", 1},
        {"$-1\r\n", 1},
        {":1\r\n", 1},
        {"*0\r\n", 1},
        {"*-1\r\n", 1},
        {"*2\r\n$1\r\na\r\n$1\r\nb\r\n", 1},
        {"*2\r\n", 3},
        {"*1\r\n:1\r\n", 1},
        {"*1\r\n+OK\r\n", 1},
        {"*1\r\n-ERR\r\n", 1},
        {"*1\r\n*1\r\n$1\r\na\r\n", 1},
        {"*1\r\n*0\r\n", 1},
        {"*2147483647\r\n", 1},
        {"*4294967297\r\n", 1},
        {"*9223372036854775807\r\n", 1},
        {"*1\r\n$-2\r\n", 1},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", 1},
        {"\r\n", 0},
        {"\x16\x03\x01\r\n", 0},
        {"%1\r\n", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_reply_reader *reader = mf_reply_reader_create();
        taken t = {0};
        assert_true(mf_reply_feed(reader, cases[i].bytes, strlen(cases[i].bytes)));
        const mf_reply reply = mf_reply_next(reader, cases[i].due, take, &t);
        if (reply != MF_REPLY_BROKEN)
            fail_msg("case %zu is %d", i, (int)reply);
        assert_true(mf_reply_text(reader)[0] != '\0');
        /* And stays so, until a new connection. */
        assert_int_equal(mf_reply_next(reader, 0, NULL, NULL), MF_REPLY_BROKEN);
        assert_false(mf_reply_feed(reader, "+OK\r\n", 5));
        assert_true(mf_reply_reader_reset(reader));
        assert_true(mf_reply_feed(reader, "+OK\r\n", 5));
        assert_int_equal(mf_reply_next(reader, 0, NULL, NULL), MF_REPLY_OK);
        mf_reply_reader_destroy(reader);
    }
}

/* A line, a text or a list that never ends does not fill the memory. */
static void what_is_not_understood_yet_has_a_limit(void **state)
{
    (void)state;
    static const char *const starts[] = {
        "+", "-", "*1\r\n$2000000000\r\n", "*1\r\n$9223372036854775807\r\n", "*1\r\n$",
    };
    static char noise[64 * 1024];
    memset(noise, '7', sizeof noise);
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        mf_reply_reader *reader = mf_reply_reader_create();
        const size_t due = starts[i][0] == '*';
        size_t fed = 0;
        assert_true(mf_reply_feed(reader, starts[i], strlen(starts[i])));
        mf_reply reply;
        while ((reply = mf_reply_next(reader, due, NULL, NULL)) == MF_REPLY_MORE) {
            assert_true(fed <= 4 * MF_CACHE_VALUE_MAX);
            assert_true(mf_reply_feed(reader, noise, sizeof noise));
            fed += sizeof noise;
        }
        assert_int_equal(reply, MF_REPLY_BROKEN);
        mf_reply_reader_destroy(reader);
    }
}

static void an_error_is_kept_short_and_printable(void **state)
{
    (void)state;
    char line[1000] = "-ERR \x01\xff";
    memset(line + 7, 'x', sizeof line - 9);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    mf_reply_reader *reader = mf_reply_reader_create();
    assert_true(mf_reply_feed(reader, line, sizeof line));
    assert_int_equal(mf_reply_next(reader, 4, NULL, NULL), MF_REPLY_ERROR);
    assert_true(strlen(mf_reply_text(reader)) < MF_REPLY_TEXT_BYTES);
    assert_memory_equal(mf_reply_text(reader), "ERR \\x01\\xff", strlen("ERR \\x01\\xff"));
    mf_reply_reader_destroy(reader);
}

static void values_may_be_ignored(void **state)
{
    (void)state;
    mf_reply_reader *reader = mf_reply_reader_create();
    assert_true(mf_reply_feed(reader, "*1\r\n$1\r\na\r\n+", 12));
    assert_int_equal(mf_reply_next(reader, 1, NULL, NULL), MF_REPLY_OK);
    assert_true(mf_reply_has_more(reader));
    mf_reply_reader_destroy(reader);
    mf_reply_reader_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_an_array_of_texts_with_their_lengths),
        cmocka_unit_test(replies_are_understood_however_they_are_cut),
        cmocka_unit_test(what_does_not_belong_to_the_command_is_broken),
        cmocka_unit_test(what_is_not_understood_yet_has_a_limit),
        cmocka_unit_test(an_error_is_kept_short_and_printable),
        cmocka_unit_test(values_may_be_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
