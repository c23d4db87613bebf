/* wish.c: promises in wish.h. */
#include "lambda/recommend/wish.h"

#include "base/clock.h"
#include "base/grow.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_BYTES_KEPT = 4 << 20, REASON_BYTES = 256 };

bool mf_wishes_start(mf_wishes *wishes, size_t most, mf_error *err)
{
    size_t n_slots = 16;
    while (n_slots < 2 * most)
        n_slots *= 2;
    wishes->n = 0;
    mf_text_clear(&wishes->text, TEXT_BYTES_KEPT);
    mf_error_clear(&wishes->failure);
    if (!MF_GROW(wishes->wishes, wishes->room, most, "a batch", err) ||
        !MF_GROW(wishes->slots, wishes->slots_room, n_slots, "a batch", err))
        return false;
    wishes->n_slots = n_slots;
    memset(wishes->slots, 0, n_slots * sizeof *wishes->slots);
    return true;
}

size_t mf_wishes_add(mf_wishes *wishes, mf_id user, uint32_t top_n)
{
    size_t slot = (mf_id_hash(user.bytes, user.n_bytes) ^ top_n) & (wishes->n_slots - 1);
    while (wishes->slots[slot] != 0) {
        const size_t i = wishes->slots[slot] - 1;
        const mf_wish *other = &wishes->wishes[i];
        if (other->top_n == top_n && other->user.n_bytes == user.n_bytes &&
            memcmp(other->user.bytes, user.bytes, user.n_bytes) == 0)
            return i;
        slot = (slot + 1) & (wishes->n_slots - 1);
    }
    wishes->wishes[wishes->n] = (mf_wish){.user = user, .top_n = top_n};
    wishes->slots[slot] = (uint32_t)++wishes->n;
    return wishes->n - 1;
}

mf_id mf_wish_text(const mf_wishes *wishes, const mf_wish *wish)
{
    return (mf_id){wishes->text.bytes + wish->text_at, wish->n_text};
}

void mf_wish_grant(mf_wish *wish, size_t text_at, size_t n_text, uint32_t count, bool known_user,
                   const char *version)
{
    wish->state = MF_WISH_GRANTED;
    wish->text_at = text_at;
    wish->n_text = n_text;
    wish->count = count;
    wish->known_user = known_user;
    wish->granted_s = mf_clock_seconds();
    snprintf(wish->version, sizeof wish->version, "%s", version);
}

void mf_wish_refuse(mf_wishes *wishes, mf_wish *wish, const char *format, ...)
{
    char reason[REASON_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    wish->state = MF_WISH_REFUSED;
    wish->text_at = wishes->text.n_bytes;
    mf_text_append(&wishes->text, reason, strlen(reason));
    wish->n_text = wishes->text.n_bytes - wish->text_at;
}

void mf_wish_fail(mf_wishes *wishes, mf_wish *wish, const mf_error *why)
{
    wish->state = MF_WISH_FAILED;
    if (wishes->failure.code == MF_OK)
        wishes->failure = *why;
}

void mf_wishes_free(mf_wishes *wishes)
{
    mf_free(wishes->wishes);
    mf_free(wishes->slots);
    mf_text_free(&wishes->text);
    *wishes = (mf_wishes){.n = 0};
}
