/* fuzz_http_head.c: any bytes as the head of a request.
 *
 * The end is found at the same place whether the bytes come at once or one by
 * one. A head that is accepted, written again from what was read, is accepted
 * again and reads the same; everything it says is printable. Paths, queries,
 * Content-Type and Accept of it go through what looks at them. Blocks have the size
 * of what they hold, so that the sanitizer sees one byte over. */
#include "http/parse/head.h"
#include "http/parse/media.h"
#include "http/parse/target.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

static char *copy_of(const void *bytes, size_t n_bytes)
{
    char *copy = malloc(n_bytes > 0 ? n_bytes : 1);
    require(copy != NULL);
    if (n_bytes > 0)
        memcpy(copy, bytes, n_bytes);
    return copy;
}

static mf_head_end find_end(const char *bytes, size_t n_bytes, size_t *n_head)
{
    size_t scanned = 0;
    *n_head = 0;
    const mf_head_end end = mf_head_find_end(bytes, n_bytes, &scanned, n_head);
    /* One by one; a bad byte may be seen before the end of what came at once. */
    size_t slowly = 0;
    size_t found = 0;
    mf_head_end last = MF_HEAD_INCOMPLETE;
    for (size_t n = 1; n <= n_bytes && last == MF_HEAD_INCOMPLETE; n++)
        last = mf_head_find_end(bytes, n, &slowly, &found);
    require(last == end);
    require(end != MF_HEAD_COMPLETE || found == *n_head);
    return end;
}

static char *append(char *to, const char *bytes, mf_head_span span)
{
    return mempcpy(to, bytes + span.at, span.n_bytes);
}

/* The head in its plainest form; at most two bytes longer per header. */
static char *write_again(const char *bytes, const mf_head *head, size_t *n_again)
{
    size_t capacity = 32 + head->method.n_bytes + head->target.n_bytes;
    for (uint32_t i = 0; i < head->n_fields; i++)
        capacity += head->fields[i].name.n_bytes + head->fields[i].value.n_bytes + 4;
    char *again = malloc(capacity);
    require(again != NULL);
    char *to = append(again, bytes, head->method);
    to = stpcpy(to, " ");
    to = append(to, bytes, head->target);
    to = stpcpy(to, head->http_1_0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    for (uint32_t i = 0; i < head->n_fields; i++) {
        to = append(to, bytes, head->fields[i].name);
        to = stpcpy(to, ": ");
        to = append(to, bytes, head->fields[i].value);
        to = stpcpy(to, "\r\n");
    }
    to = mempcpy(to, "\r\n", 2);
    *n_again = (size_t)(to - again);
    char *exact = copy_of(again, *n_again);
    free(again);
    return exact;
}

static bool same_span(const char *a, mf_head_span in_a, const char *b, mf_head_span in_b)
{
    return in_a.n_bytes == in_b.n_bytes && memcmp(a + in_a.at, b + in_b.at, in_a.n_bytes) == 0;
}

static void require_same(const char *a, const mf_head *in_a, const char *b, const mf_head *in_b)
{
    require(same_span(a, in_a->method, b, in_b->method));
    require(same_span(a, in_a->target, b, in_b->target));
    require(in_a->content_length == in_b->content_length && in_a->coding == in_b->coding &&
            in_a->http_1_0 == in_b->http_1_0 && in_a->has_length == in_b->has_length &&
            in_a->chunked == in_b->chunked && in_a->keep_alive == in_b->keep_alive &&
            in_a->expects_continue == in_b->expects_continue);
    require(in_a->n_fields == in_b->n_fields);
    for (uint32_t i = 0; i < in_a->n_fields; i++)
        require(same_span(a, in_a->fields[i].name, b, in_b->fields[i].name) &&
                same_span(a, in_a->fields[i].value, b, in_b->fields[i].value));
}

static void look_inside(const char *bytes, const mf_head *head)
{
    static const char *const types[] = {"application/json", "text/csv"};
    char *target = copy_of(bytes + head->target.at, head->target.n_bytes);
    mf_uri uri;
    mf_uri_parameter parameters[MF_URI_PARAMETERS_MAX];
    size_t n_decoded;
    mf_uri_split(target, head->target.n_bytes, &uri);
    require(uri.path_bytes > 0);
    const bool root = mf_uri_equals(uri.path, uri.path_bytes, "/", 1);
    require(!root || uri.path_bytes == 1);
    require(mf_uri_parameters(uri.query, uri.query_bytes, parameters) <= MF_URI_PARAMETERS_MAX);
    if (uri.path_bytes > 1 && mf_uri_decode(uri.path, uri.path_bytes, false, &n_decoded))
        require(n_decoded <= uri.path_bytes && memchr(uri.path, '\0', n_decoded) == NULL);
    free(target);
    for (uint32_t i = 0; i < head->n_fields; i++) {
        const mf_head_span value = head->fields[i].value;
        char *text = copy_of(bytes + value.at, value.n_bytes);
        require(memchr(text, '\0', value.n_bytes) == NULL);
        require(memchr(text, '\r', value.n_bytes) == NULL);
        require(memchr(text, '\n', value.n_bytes) == NULL);
        mf_media_is(text, value.n_bytes, "text/csv");
        const int choice = mf_media_choose(text, value.n_bytes, types, 2);
        require(choice >= -1 && choice < 2);
        free(text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_bytes)
{
    if (n_bytes == 0)
        return 0;
    static mf_head head;
    static mf_head head_again;
    const char *message;
    size_t n_head;
    char *bytes = copy_of(input, n_bytes);
    if (find_end(bytes, n_bytes, &n_head) == MF_HEAD_COMPLETE) {
        char *exact = copy_of(bytes, n_head);
        const int status = mf_head_parse(exact, n_head, &head, &message);
        require((status == 0) == (message == NULL));
        if (status == 0) {
            size_t n_again;
            size_t n_found;
            char *again = write_again(exact, &head, &n_again);
            require(find_end(again, n_again, &n_found) == MF_HEAD_COMPLETE && n_found == n_again);
            require(mf_head_parse(again, n_again, &head_again, &message) == 0);
            require_same(exact, &head, again, &head_again);
            look_inside(exact, &head);
            free(again);
        }
        free(exact);
    }
    free(bytes);
    return 0;
}
