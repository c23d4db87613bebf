/* Frames between hosts, and the table of keys by which MPI starts. */
#include "testing.h"

#include "base/memory.h"
#include "hosts/frame.h"
#include "hosts/keys.h"

#include <stdlib.h>
#include <string.h>

static mf_hosts_frame_state read_all(const char *bytes, size_t n, mf_hosts_frame_reader *reader,
                                     mf_hosts_frame *frame)
{
    size_t capacity;
    memset(reader, 0, sizeof *reader);
    uint8_t *to = mf_hosts_frame_space(reader, &capacity);
    assert_true(n <= capacity);
    if (n > 0)
        memcpy(to, bytes, n);
    reader->n = n;
    return mf_hosts_frame_next(reader, frame);
}

static void a_frame_is_read_as_it_was_written(void **state)
{
    (void)state;
    static mf_hosts_frame_reader reader;
    mf_hosts_frame frame;
    mf_text text = MF_TEXT_EMPTY;
    const char *texts[] = {"6", "algo-2: cannot write"};
    assert_true(mf_hosts_frame_write(&text, MF_HOSTS_FAIL, texts));
    assert_int_equal(read_all(text.bytes, text.n_bytes, &reader, &frame), MF_HOSTS_FRAME_WHOLE);
    assert_int_equal(frame.kind, MF_HOSTS_FAIL);
    assert_string_equal(frame.text[0], texts[0]);
    assert_string_equal(frame.text[1], texts[1]);
    assert_int_equal(mf_hosts_frame_next(&reader, &frame), MF_HOSTS_FRAME_MORE);
    for (size_t n = 0; n < text.n_bytes; n++)
        assert_int_equal(read_all(text.bytes, n, &reader, &frame), MF_HOSTS_FRAME_MORE);
    mf_text_free(&text);
}

static void bytes_that_are_no_frame_are_broken_at_once_and_for_good(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
    } wrong[] = {
        {"G", 1},                    /* another protocol */
        {"m\0", 2},                  /* no such kind */
        {"m\x0d", 2},                /* no such kind */
        {"m\x05\x01\x08", 4},        /* longer than a frame can be */
        {"m\x04\x01\0x", 5},         /* a ping with a text */
        {"m\x05\x04\0a\0bc", 8},     /* the last text has no end */
        {"m\x05\x02\0a\0", 6},       /* one text too few */
        {"m\x05\x06\0a\0b\0c\0", 10} /* one too many */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        static mf_hosts_frame_reader reader;
        mf_hosts_frame frame;
        if (read_all(wrong[i].bytes, wrong[i].n, &reader, &frame) != MF_HOSTS_FRAME_BROKEN)
            fail_msg("bytes %zu are not broken", i);
        assert_int_equal(mf_hosts_frame_next(&reader, &frame), MF_HOSTS_FRAME_BROKEN);
    }
}

static void texts_that_do_not_fit_are_not_written(void **state)
{
    (void)state;
    char *longest = mf_allocate(MF_HOSTS_FRAME_BYTES + 1, 1, "text", NULL);
    mf_text text = MF_TEXT_EMPTY;
    const char *texts[] = {longest};
    memset(longest, 'x', MF_HOSTS_FRAME_BYTES);
    assert_false(mf_hosts_frame_write(&text, MF_HOSTS_REFUSED, texts));
    assert_int_equal(text.n_bytes, 0);
    longest[MF_HOSTS_FRAME_BYTES - 1] = '\0';
    assert_true(mf_hosts_frame_write(&text, MF_HOSTS_REFUSED, texts));
    static mf_hosts_frame_reader reader;
    mf_hosts_frame frame;
    assert_int_equal(read_all(text.bytes, text.n_bytes, &reader, &frame), MF_HOSTS_FRAME_WHOLE);
    assert_string_equal(frame.text[0], longest);
    mf_text_free(&text);
    mf_free(longest);
}

static void the_table_of_keys_has_bounds(void **state)
{
    (void)state;
    mf_hosts_keys keys = {.limit = 3};
    char key[MF_HOSTS_KEY_BYTES + 1];
    char value[MF_HOSTS_VALUE_BYTES + 1];
    memset(key, 'k', sizeof key);
    memset(value, 'v', sizeof value);
    key[MF_HOSTS_KEY_BYTES] = value[MF_HOSTS_VALUE_BYTES] = '\0';
    const struct {
        const char *key;
        const char *value;
        bool fits;
    } entries[] = {
        {"", "1", false},  {key, "1", false}, {"a", value, false},        {"a", "1", true},
        {"a", "2", false}, {"b", "", true},   {key + 1, value + 1, true}, {"one more", "3", false},
    };
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        mf_error err = {0};
        if (mf_hosts_keys_add(&keys, entries[i].key, entries[i].value, &err) != entries[i].fits)
            fail_msg("entry %zu: %s", i, err.text);
        assert_int_equal(err.code, entries[i].fits ? MF_OK : MF_ERR_LIMIT);
    }
    assert_string_equal(mf_hosts_keys_find(&keys, "a"), "1");
    assert_string_equal(mf_hosts_keys_find(&keys, key + 1), value + 1);
    assert_null(mf_hosts_keys_find(&keys, "c"));
    mf_hosts_keys_free(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_read_as_it_was_written),
        cmocka_unit_test(bytes_that_are_no_frame_are_broken_at_once_and_for_good),
        cmocka_unit_test(texts_that_do_not_fit_are_not_written),
        cmocka_unit_test(the_table_of_keys_has_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
