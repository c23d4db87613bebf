/* Any bytes as a request of the stream: read within their bounds, nothing kept beyond their
 * size; and what is a request reads the same when it is written again. */
#include "base/memory.h"
#include "lambda/recommend/decode.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const mf_recommend_limits limits = {.usual_top_n = 20, .max_top_n = 1000};

static void must(bool what)
{
    if (!what)
        abort();
}

static bool is_same(mf_id a, mf_id b)
{
    return a.n_bytes == b.n_bytes && (a.n_bytes == 0 || memcmp(a.bytes, b.bytes, a.n_bytes) == 0);
}

static void write_again(mf_text *text, const mf_recommend_request *request)
{
    if (request->instance.n_bytes > 0) {
        mf_text_append(text, request->instance.bytes, request->instance.n_bytes - 1);
    } else {
        mf_text_literal(text, "{\"user_id\":");
        mf_text_json(text, request->user.bytes, request->user.n_bytes);
        mf_text_literal(text, ",\"top_n\":");
        mf_text_count(text, request->top_n);
    }
    mf_text_literal(text, ",\"request_id\":");
    mf_text_json(text, request->request_id.bytes, request->request_id.n_bytes);
    if (request->timestamp.n_bytes > 0) {
        mf_text_literal(text, ",\"timestamp\":");
        mf_text_json(text, request->timestamp.bytes, request->timestamp.n_bytes);
    }
    mf_text_literal(text, "}");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *bytes = malloc(n > 0 ? n : 1); /* exactly as long: one byte too far is seen */
    mf_text kept = MF_TEXT_EMPTY, again = MF_TEXT_EMPTY, kept_again = MF_TEXT_EMPTY;
    mf_text instances = MF_TEXT_EMPTY, instances_again = MF_TEXT_EMPTY;
    mf_error err = {.code = MF_OK};
    mf_recommend_request request, same;
    static mf_stream_json json;
    if (bytes == NULL || !mf_text_reserve(&kept, n))
        abort();
    if (n > 0)
        memcpy(bytes, data, n);
    if (mf_recommend_request_read(&request, &limits, &json, bytes, n, &kept, &instances, &err)) {
        must(kept.n_bytes <= n);
        const bool is_instance = request.instance.n_bytes > 0;
        must(request.top_n >= 1 && (is_instance || request.top_n <= limits.max_top_n));
        must((is_instance && request.user.n_bytes == 0) ||
             mf_id_valid(request.user.bytes, request.user.n_bytes));
        must(!is_instance ||
             memchr(request.instance.bytes, '\n', request.instance.n_bytes) == NULL);
        write_again(&again, &request);
        must(mf_text_reserve(&kept_again, again.n_bytes));
        must(mf_recommend_request_read(&same, &limits, &json, again.bytes, again.n_bytes,
                                       &kept_again, &instances_again, &err));
        must(is_same(request.user, same.user) && is_same(request.request_id, same.request_id) &&
             is_same(request.timestamp, same.timestamp) &&
             is_same(request.instance, same.instance) && request.top_n == same.top_n);
    } else {
        must(err.code == MF_ERR_PARSE && err.text[0] != '\0');
    }
    mf_text_free(&kept);
    mf_text_free(&again);
    mf_text_free(&kept_again);
    mf_text_free(&instances);
    mf_text_free(&instances_again);
    free(bytes);
    return 0;
}
