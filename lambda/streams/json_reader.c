/* json_reader.c: one pass from left to right. Texts are scanned eight bytes at a time; the keys of
 * all open objects lie on one stack, and an object's keys are compared when it closes. */
#include "lambda/streams/json_reader.h"

#include "base/grow.h"
#include "base/utf8.h"

enum {
    PAIRWISE = 16, /* keys of an object up to which each is compared with each */
    DECODED_KEPT = 1 << 16,
};

void mf_stream_json_start(mf_stream_json *json, const char *bytes, size_t n_bytes, mf_error *err)
{
    json->start = json->at = bytes;
    json->end = bytes + n_bytes;
    json->err = err;
    json->failed = false;
    json->depth = 0;
    json->n_keys = 0;
    mf_text_clear(&json->decoded, DECODED_KEPT);
}

void mf_stream_json_refuse(mf_stream_json *json)
{
    json->failed = true;
    json->at = json->end;
}

static void fail(mf_stream_json *json, const char *why)
{
    if (!json->failed)
        mf_fail(json->err, MF_ERR_PARSE, MF_NOWHERE, "%s, at byte %zu of %zu", why,
                (size_t)(json->at - json->start), (size_t)(json->end - json->start));
    mf_stream_json_refuse(json);
}

static void fail_syntax(mf_stream_json *json)
{
    const bool has_two = json->end - json->start >= 2;
    const bool is_gzip = has_two && memcmp(json->start, "\x1f\x8b", 2) == 0;
    const bool is_utf_16 = has_two && (memcmp(json->start, "\xff\xfe", 2) == 0 ||
                                       memcmp(json->start, "\xfe\xff", 2) == 0);
    fail(json, is_gzip     ? "gzip inside of gzip or of an aggregated record, which is not unpacked"
               : is_utf_16 ? "UTF-16, which is not read: expected UTF-8"
                           : "not JSON");
}

static void fail_memory(mf_stream_json *json)
{
    mf_fail(json->err, MF_ERR_MEMORY, MF_NOWHERE, "no memory to read JSON");
    mf_stream_json_refuse(json);
}

char mf_stream_json_peek(mf_stream_json *json)
{
    while (json->at < json->end &&
           (*json->at == ' ' || *json->at == '\n' || *json->at == '\t' || *json->at == '\r'))
        json->at++;
    return json->at < json->end ? *json->at : '\0';
}

/* The next byte after blanks is c, which is not 0: passes it. */
static bool take(mf_stream_json *json, char c)
{
    if (mf_stream_json_peek(json) != c)
        return false;
    json->at++;
    return true;
}

/* ---------------------------------------------------------------------- distinct keys */

static bool equals(mf_id a, mf_id b)
{
    return a.n_bytes == b.n_bytes && memcmp(a.bytes, b.bytes, a.n_bytes) == 0;
}

static bool has_pair(const mf_id *keys, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (equals(keys[i], keys[j]))
                return true;
    return false;
}

/* The same with a hash table: slots[n_slots] of 1 + index, 0 where empty. */
static bool has_pair_hashed(const mf_id *keys, size_t n, uint32_t *slots, size_t n_slots)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)mf_id_hash(keys[i].bytes, keys[i].n_bytes) & (n_slots - 1);
        for (; slots[at] != 0; at = (at + 1) & (n_slots - 1))
            if (equals(keys[slots[at] - 1], keys[i]))
                return true;
        slots[at] = (uint32_t)i + 1;
    }
    return false;
}

/* Takes the keys of the object that closes from the stack. */
static void close_keys(mf_stream_json *json, size_t first_key)
{
    const size_t n = json->n_keys - first_key;
    json->n_keys = first_key;
    if (n < 2)
        return;
    const mf_id *keys = json->keys + first_key;
    bool is_twice;
    if (n <= PAIRWISE) {
        is_twice = has_pair(keys, n);
    } else {
        const size_t n_slots = n < UINT32_MAX / 2 ? mf_id_table_slots((uint32_t)n) : 0;
        uint32_t *slots = n_slots > 0 ? mf_allocate(n_slots, sizeof *slots, "keys", NULL) : NULL;
        if (slots == NULL) {
            fail_memory(json);
            return;
        }
        is_twice = has_pair_hashed(keys, n, slots, n_slots);
        mf_free(slots);
    }
    if (is_twice)
        fail(json, "a member is there twice");
}

/* ------------------------------------------------------------------------------ texts */

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* Not 0 when one of eight bytes ends a stretch of plain text: a quote, a backslash, a control
 * character, a byte outside of ASCII. */
static uint64_t ends_stretch(uint64_t eight)
{
    const uint64_t high = EACH_BYTE(0x80);
    const uint64_t quote = eight ^ EACH_BYTE('"');
    const uint64_t backslash = eight ^ EACH_BYTE('\\');
    return ((quote - EACH_BYTE(1)) | (backslash - EACH_BYTE(1)) | (eight - EACH_BYTE(0x20)) |
            eight) &
           high;
}

/* The first quote, backslash, control character or byte that is not UTF-8. */
static const char *end_of_stretch(const char *at, const char *end)
{
    for (;;) {
        uint64_t eight;
        while (end - at >= (ptrdiff_t)sizeof eight) {
            memcpy(&eight, at, sizeof eight);
            if (ends_stretch(eight) != 0)
                break;
            at += sizeof eight;
        }
        while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' &&
               *at != '\\')
            at++;
        const size_t length =
            at < end && (unsigned char)*at >= 0x80 ? mf_utf8_length(at, (size_t)(end - at)) : 0;
        if (length == 0)
            return at;
        at += length;
    }
}

/* The four hexadecimal digits of \uXXXX; UINT32_MAX when they are something else. */
static uint32_t read_hex(const char *at, const char *end)
{
    uint32_t value = 0;
    if (end - at < 4)
        return UINT32_MAX;
    for (size_t i = 0; i < 4; i++) {
        const char c = at[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return UINT32_MAX;
        value = value * 16 + (uint32_t)digit;
    }
    return value;
}

/* Appends a character, not a surrogate, as UTF-8. */
static void append_character(mf_text *text, uint32_t c)
{
    static const uint32_t first_of[] = {0, 0x80, 0x800, 0x10000};
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    size_t more = 0; /* bytes after the first */
    while (more < 3 && c >= first_of[more + 1])
        more++;
    char bytes[4];
    for (size_t i = more; i > 0; i--, c >>= 6)
        bytes[i] = (char)(0x80 | (c & 0x3F));
    bytes[0] = (char)(lead[more] | c);
    mf_text_append(text, bytes, more + 1);
}

/* Appends what the escape whose backslash is at at[-1] stands for. Returns the byte after it, NULL
 * when it is none: \u0000 and halves of surrogate pairs are not accepted either. */
static const char *decode_escape(mf_text *text, const char *at, const char *end)
{
    static const char codes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    const char *code = at < end ? memchr(codes, *at, sizeof codes - 1) : NULL;
    if (code != NULL) {
        mf_text_append(text, &meanings[code - codes], 1);
        return at + 1;
    }
    uint32_t c = at < end && *at == 'u' ? read_hex(at + 1, end) : UINT32_MAX;
    at += 5;
    if (c >= 0xD800 && c < 0xDC00) {
        const bool has_second = end - at >= 6 && at[0] == '\\' && at[1] == 'u';
        const uint32_t second = has_second ? read_hex(at + 2, end) : 0;
        if (second < 0xDC00 || second > 0xDFFF)
            return NULL;
        c = 0x10000 + ((c - 0xD800) << 10) + (second - 0xDC00);
        at += 6;
    } else if (c == 0 || (c >= 0xDC00 && c <= 0xDFFF) || c == UINT32_MAX) {
        return NULL;
    }
    append_character(text, c);
    return at;
}

/* At the byte after the opening quote. */
static void take_text(mf_stream_json *json, mf_id *text)
{
    mf_text *decoded = &json->decoded;
    const size_t first = decoded->n_bytes;
    const char *stretch = json->at;
    const char *at = end_of_stretch(stretch, json->end);
    const bool has_escape = at < json->end && *at == '\\';
    for (; at < json->end && *at == '\\'; at = end_of_stretch(stretch, json->end)) {
        /* No text grows by decoding: with capacity for all that is left, earlier ones never move. */
        if (!mf_text_reserve(decoded, (size_t)(json->end - stretch))) {
            fail_memory(json);
            return;
        }
        mf_text_append(decoded, stretch, (size_t)(at - stretch));
        stretch = decode_escape(decoded, at + 1, json->end);
        if (stretch == NULL)
            break;
    }
    if (stretch == NULL || at == json->end || *at != '"') {
        json->at = at;
        fail_syntax(json);
        return;
    }
    json->at = at + 1;
    *text = (mf_id){stretch, (size_t)(at - stretch)};
    if (!has_escape)
        return;
    mf_text_append(decoded, stretch, text->n_bytes);
    *text = (mf_id){decoded->bytes + first, decoded->n_bytes - first};
}

/* -------------------------------------------------------------------- objects and lists */

void mf_stream_json_open(mf_stream_json *json, mf_stream_json_nested *nested, char opening)
{
    *nested = (mf_stream_json_nested){json->n_keys, opening == '{' ? '}' : ']', false};
    if (!take(json, opening))
        fail_syntax(json);
    else if (json->depth++ == MF_STREAM_JSON_DEPTH)
        fail(json, "nested too deep");
}

bool mf_stream_json_next(mf_stream_json *json, mf_stream_json_nested *nested, mf_id *key)
{
    if (json->failed)
        return false;
    if (take(json, nested->closing)) {
        json->depth--;
        close_keys(json, nested->first_key);
        return false;
    }
    if (nested->is_started && !take(json, ',')) {
        fail_syntax(json);
        return false;
    }
    nested->is_started = true;
    if (nested->closing == ']')
        return true;
    if (take(json, '"'))
        take_text(json, key);
    else
        fail_syntax(json);
    if (!json->failed && !take(json, ':'))
        fail_syntax(json);
    if (json->failed)
        return false;
    if (!MF_GROW(json->keys, json->keys_capacity, json->n_keys + 1, "keys", NULL)) {
        fail_memory(json);
        return false;
    }
    json->keys[json->n_keys++] = *key;
    return true;
}

static void skip_nested(mf_stream_json *json, char opening)
{
    mf_stream_json_nested nested;
    mf_id key;
    mf_stream_json_open(json, &nested, opening);
    while (mf_stream_json_next(json, &nested, &key))
        mf_stream_json_skip(json);
}

/* ---------------------------------------------------------------- numbers, words, values */

static const char *after_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

static mf_stream_value_kind take_number(mf_stream_json *json, mf_id *text)
{
    const char *const start = json->at, *const end = json->end;
    const char *const whole = start + (*start == '-');
    const char *at = after_digits(whole, end);
    bool ok = at == whole + 1 || (at > whole && *whole != '0');
    const char *const end_of_whole = at;
    if (ok && at < end && *at == '.') {
        const char *const fraction = at + 1;
        at = after_digits(fraction, end);
        ok = at > fraction;
    }
    if (ok && at < end && (*at == 'e' || *at == 'E')) {
        const char *const exponent = at + 1 + (at + 1 < end && (at[1] == '-' || at[1] == '+'));
        at = after_digits(exponent, end);
        ok = at > exponent;
    }
    json->at = at;
    *text = (mf_id){start, (size_t)(at - start)};
    if (!ok)
        fail_syntax(json);
    return at == end_of_whole ? MF_STREAM_INTEGER : MF_STREAM_REAL;
}

static void take_word(mf_stream_json *json, const char *word)
{
    const size_t n = strlen(word);
    if ((size_t)(json->end - json->at) < n || memcmp(json->at, word, n) != 0)
        fail_syntax(json);
    else
        json->at += n;
}

mf_stream_value_kind mf_stream_json_value(mf_stream_json *json, mf_id *text)
{
    mf_id unused;
    mf_stream_value_kind kind;
    const char first = mf_stream_json_peek(json);
    if (text == NULL)
        text = &unused;
    *text = (mf_id){"", 0};
    if (first == '"') {
        json->at++;
        take_text(json, text);
        kind = MF_STREAM_TEXT;
    } else if (first == '{' || first == '[') {
        skip_nested(json, first);
        kind = MF_STREAM_NESTED;
    } else if (first == 't') {
        take_word(json, "true");
        kind = MF_STREAM_TRUE;
    } else if (first == 'f') {
        take_word(json, "false");
        kind = MF_STREAM_FALSE;
    } else if (first == 'n') {
        take_word(json, "null");
        kind = MF_STREAM_NULL;
    } else if (first != '\0') {
        kind = take_number(json, text);
    } else {
        fail_syntax(json);
        kind = MF_STREAM_ABSENT;
    }
    return json->failed ? MF_STREAM_ABSENT : kind;
}

/* ----------------------------------------------------------------------- whole texts */

bool mf_stream_json_end(mf_stream_json *json)
{
    mf_stream_json_peek(json);
    if (json->at < json->end || json->depth > 0)
        fail_syntax(json);
    return !json->failed;
}

bool mf_stream_json_members(mf_stream_json *json, const char *const *names, size_t n,
                            mf_stream_value *values, bool *has_others, const char *bytes,
                            size_t n_bytes, mf_error *err)
{
    mf_stream_json_nested object;
    mf_id name;
    for (size_t i = 0; i < n; i++)
        values[i] = (mf_stream_value){MF_STREAM_ABSENT, {"", 0}};
    if (has_others != NULL)
        *has_others = false;
    mf_stream_json_start(json, bytes, n_bytes, err);
    if (mf_stream_json_peek(json) != '{') {
        mf_stream_json_skip(json);
        return mf_stream_json_end(json) &&
               mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "expected a JSON object");
    }
    mf_stream_json_open(json, &object, '{');
    while (mf_stream_json_next(json, &object, &name)) {
        mf_stream_value value;
        bool is_named = false;
        value.kind = mf_stream_json_value(json, &value.text);
        for (size_t i = 0; i < n; i++)
            if (mf_stream_json_is(name, names[i])) {
                values[i] = value;
                is_named = true;
            }
        if (!is_named && has_others != NULL)
            *has_others = true;
    }
    return mf_stream_json_end(json);
}

void mf_stream_json_free(mf_stream_json *json)
{
    mf_free(json->keys);
    mf_text_free(&json->decoded);
    *json = (mf_stream_json){.keys = NULL};
}
