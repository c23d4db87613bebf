/* frame.c: reading and writing frames. */
#include "hosts/frame.h"

enum { MARK = 'm' };

int mf_hosts_frame_texts(unsigned kind)
{
    static const int8_t texts[MF_HOSTS_FRAME_KINDS] = {
        [MF_HOSTS_HELLO] = 6, [MF_HOSTS_REFUSED] = 1, [MF_HOSTS_PUT] = 2,
        [MF_HOSTS_ENTRY] = 2, [MF_HOSTS_FAIL] = 2,
    };
    return kind >= MF_HOSTS_HELLO && kind < MF_HOSTS_FRAME_KINDS ? texts[kind] : -1;
}

uint8_t *mf_hosts_frame_space(mf_hosts_frame_reader *reader, size_t *capacity)
{
    if (reader->taken > 0) {
        reader->n -= reader->taken;
        memmove(reader->bytes, reader->bytes + reader->taken, reader->n);
        reader->taken = 0;
    }
    *capacity = sizeof reader->bytes - reader->n;
    return reader->bytes + reader->n;
}

/* The texts of a frame's n bytes. */
static bool split(const uint8_t *bytes, size_t n, int n_texts, mf_hosts_frame *frame)
{
    size_t at = 0;
    for (int t = 0; t < n_texts; t++) {
        const uint8_t *end = at < n ? memchr(bytes + at, 0, n - at) : NULL;
        if (end == NULL)
            return false;
        frame->text[t] = (const char *)bytes + at;
        at = (size_t)(end - bytes) + 1;
    }
    return at == n;
}

mf_hosts_frame_state mf_hosts_frame_next(mf_hosts_frame_reader *reader, mf_hosts_frame *frame)
{
    const uint8_t *bytes = reader->bytes + reader->taken;
    const size_t n = reader->n - reader->taken;
    if (reader->broken)
        return MF_HOSTS_FRAME_BROKEN;
    /* What is wrong is known at the first byte that is: a stray need not send more. */
    const int n_texts = n > 1 ? mf_hosts_frame_texts(bytes[1]) : 0;
    const size_t n_body = n >= MF_HOSTS_FRAME_HEAD ? bytes[2] | (size_t)bytes[3] << 8 : 0;
    reader->broken = (n > 0 && bytes[0] != MARK) || n_texts < 0 || n_body > MF_HOSTS_FRAME_BYTES;
    if (reader->broken)
        return MF_HOSTS_FRAME_BROKEN;
    if (n < MF_HOSTS_FRAME_HEAD + n_body || n < MF_HOSTS_FRAME_HEAD)
        return MF_HOSTS_FRAME_MORE;
    *frame = (mf_hosts_frame){.kind = (mf_hosts_frame_kind)bytes[1]};
    if (!split(bytes + MF_HOSTS_FRAME_HEAD, n_body, n_texts, frame)) {
        reader->broken = true;
        return MF_HOSTS_FRAME_BROKEN;
    }
    reader->taken += MF_HOSTS_FRAME_HEAD + n_body;
    return MF_HOSTS_FRAME_WHOLE;
}

bool mf_hosts_frame_write(mf_text *out, mf_hosts_frame_kind kind, const char *const *texts)
{
    const int n_texts = mf_hosts_frame_texts(kind);
    size_t n = 0;
    for (int t = 0; t < n_texts; t++)
        n += strlen(texts[t]) + 1;
    if (n_texts < 0 || n > MF_HOSTS_FRAME_BYTES || !mf_text_reserve(out, MF_HOSTS_FRAME_HEAD + n))
        return false;
    const char head[MF_HOSTS_FRAME_HEAD] = {MARK, (char)kind, (char)(n & 255), (char)(n >> 8)};
    mf_text_append(out, head, sizeof head);
    for (int t = 0; t < n_texts; t++)
        mf_text_append(out, texts[t], strlen(texts[t]) + 1);
    return true;
}
