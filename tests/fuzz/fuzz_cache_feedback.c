/* fuzz_cache_feedback.c: any bytes as a user's events in Redis: as they are, and with the
 * generation that fits them, as a program of the same kind would have written them.
 *
 * Whatever is read: its events are newest first; written again it is the same, unless an item is
 * there twice, of which the newest event stays; and a merge with itself changes nothing. */
#include "cache/feedback.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* What the value becomes with events that are copies of its own. */
static uint64_t merge_again(mf_text *value, const mf_feedback_key *key, const mf_feedback *old,
                            const mf_feedback *more)
{
    mf_feedback_event copy[MF_FEEDBACK_MOST];
    memcpy(copy, more->events, more->n * sizeof *copy);
    return mf_feedback_merge(value, key, old, copy, more->n, more->forgotten_ms, MF_FEEDBACK_MOST);
}

static void check(const mf_feedback_key *key, const char *bytes, size_t n_bytes)
{
    mf_feedback f = {.n = 0};
    mf_feedback g = {.n = 0};
    mf_feedback none;
    mf_text once = MF_TEXT_EMPTY;
    mf_text twice = MF_TEXT_EMPTY;
    mf_error err = {0};
    mf_feedback_clear(&none);
    if (!mf_feedback_read(&f, key, bytes, n_bytes, &err)) {
        require(f.is_foreign && f.n == 0 && f.generation == 0);
    } else if (f.n > 0) {
        for (size_t i = 1; i < f.n; i++)
            require(f.events[i - 1].time_ms >= f.events[i].time_ms);
        require(merge_again(&once, key, &none, &f) != 0);
        require(mf_feedback_read(&g, key, once.bytes, once.n_bytes, &err));
        require(g.n <= f.n && g.forgotten_ms == f.forgotten_ms);
        if (g.n == f.n)
            require(once.n_bytes == n_bytes && memcmp(once.bytes, bytes, n_bytes) == 0);
        require(merge_again(&twice, key, &g, &f) == g.generation);
    }
    mf_feedback_free(&f);
    mf_feedback_free(&g);
    mf_text_free(&once);
    mf_text_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    char head[MF_FEEDBACK_HEAD + 1];
    mf_feedback_key key;
    require(mf_feedback_key_make(&key, "7", 1));
    char *exact = malloc(n_bytes > 0 ? n_bytes : 1);
    require(exact != NULL);
    if (n_bytes > 0)
        memcpy(exact, bytes, n_bytes);
    check(&key, exact, n_bytes);
    if (n_bytes >= MF_FEEDBACK_HEAD) {
        const uint64_t generation =
            XXH3_64bits_withSeed(exact + MF_FEEDBACK_HEAD, n_bytes - MF_FEEDBACK_HEAD,
                                 XXH3_64bits(key.bytes, key.n_bytes));
        snprintf(head, sizeof head, "%016llx", (unsigned long long)generation);
        memcpy(exact, head, MF_FEEDBACK_HEAD);
        check(&key, exact, n_bytes);
    }
    free(exact);
    return 0;
}
