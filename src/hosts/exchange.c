/* exchange.c: messages, and what all hosts do together, by messages.
 *
 * (1) A copy lives in `outgoing` until the transport has sent it; every call reaps what is done.
 * (2) The functions for all hosts send borrowed bytes and return after the last one is sent.
 * (3) mf_hosts_share goes round the ring: host r passes on what r - 1 sent, so each host sends every
 *     byte of the others once. mf_hosts_broadcast goes along the ring in pieces, so that all hosts
 *     send at once.
 * (4) A message of mf_hosts_send travels as parts of exactly part_bytes and a last, shorter one, which is empty when the length is a multiple. So a receiver knows where a message ends.
 * MPI's own functions for all hosts would wait for a lost host for ever. */
#include "hosts/exchange.h"

#include "base/clock.h"
#include "base/grow.h"
#include "base/memory.h"
#include "hosts/state.h"

#include <string.h>
#include <unistd.h>

enum {
    PIECE_BYTES = 1 << 20,
    TAG_BARRIER = 0,
    TAG_ANY,
    TAG_BROADCAST,
    TAG_SHARE,
    LOOKS_AWAKE = 100,
    FIRST_PAUSE_US = 20,
    LONGEST_PAUSE_US = 1000,
    BLAME_SECONDS = 3,
};

/* The transport has failed. When a host dies, its neighbours may notice before they are told who it
 * was: that is the better reason. */
static bool transport_failed(mf_hosts_group *group, mf_error *err)
{
    const double until = mf_clock_seconds() + BLAME_SECONDS;
    mf_error better = {0};
    while (group->tell != NULL && mf_clock_seconds() < until) {
        if (mf_hosts_failed(group, &better)) {
            mf_error_clear(err);
            return mf_fail_again(err, &better);
        }
        usleep(LONGEST_PAUSE_US);
    }
    return false;
}

/* Frees what is sent. */
static bool reap(mf_hosts_group *group, mf_error *err)
{
    size_t kept = 0;
    bool ok = true;
    for (size_t i = 0; i < group->n_outgoing; i++) {
        mf_hosts_outgoing *out = &group->outgoing[i];
        bool done = false;
        ok = ok && group->transport.is_done(group->transport.state, out->ticket, &done, err);
        if (!done) {
            group->outgoing[kept++] = *out;
            continue;
        }
        if (out->copy != NULL)
            group->unsent -= out->n_bytes;
        mf_free(out->copy);
    }
    group->n_outgoing = kept;
    return ok || transport_failed(group, err);
}

bool mf_hosts_pause(mf_hosts_group *group, mf_hosts_waiting *w, uint32_t from, mf_error *err)
{
    if (mf_hosts_failed(group, err) || !reap(group, err))
        return false;
    if (++w->looks < LOOKS_AWAKE)
        return true;
    if (w->looks == LOOKS_AWAKE) {
        w->start = mf_clock_seconds();
        w->pause_us = FIRST_PAUSE_US;
    } else if (mf_clock_seconds() - w->start > group->deadline_seconds) {
        return mf_fail(err, MF_ERR_IO, MF_NOWHERE, "%s sent nothing for %g s (hosts_timeout)",
                       from < group->size ? group->name[from] : "every other host",
                       group->deadline_seconds);
    }
    usleep((useconds_t)w->pause_us);
    if (w->pause_us < LONGEST_PAUSE_US)
        w->pause_us *= 2;
    return true;
}

/* bytes are borrowed until the message is sent; copy is freed then. */
static bool post(mf_hosts_group *group, mf_hosts_channel channel, uint32_t to, uint32_t tag,
                 const void *bytes, size_t n_bytes, void *copy, mf_error *err)
{
    if (!MF_GROW(group->outgoing, group->outgoing_capacity, group->n_outgoing + 1,
                 "messages to hosts", err))
        return false;
    mf_hosts_outgoing *out = &group->outgoing[group->n_outgoing];
    *out = (mf_hosts_outgoing){.copy = copy, .n_bytes = n_bytes};
    if (!group->transport.send(group->transport.state, channel, to, tag, bytes, n_bytes,
                               &out->ticket, err))
        return transport_failed(group, err);
    group->n_outgoing++;
    group->sent_bytes += n_bytes;
    return true;
}

static bool send_part(mf_hosts_group *group, uint32_t to, uint32_t tag, const uint8_t *bytes,
                      size_t n_bytes, mf_error *err)
{
    void *copy = mf_allocate(n_bytes, 1, "a message to a host", err);
    if (copy == NULL)
        return false;
    if (n_bytes > 0)
        memcpy(copy, bytes, n_bytes);
    if (!post(group, MF_HOSTS_TO_ONE, to, tag, copy, n_bytes, copy, err)) {
        mf_free(copy);
        return false;
    }
    group->unsent += n_bytes;
    return true;
}

bool mf_hosts_send(mf_hosts_group *group, uint32_t to, uint32_t tag, const void *bytes,
                   size_t n_bytes, mf_error *err)
{
    if (to >= mf_hosts_size(group) || to == mf_hosts_rank(group) || tag >= MF_HOSTS_TAGS)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                       "a message of %zu bytes with tag %u from host %u of %u to %u", n_bytes, tag,
                       mf_hosts_rank(group), mf_hosts_size(group), to);
    if (mf_hosts_failed(group, err) || !reap(group, err))
        return false;
    const uint8_t *at = bytes;
    for (; n_bytes >= group->part_bytes; n_bytes -= group->part_bytes) {
        if (!send_part(group, to, tag, at, group->part_bytes, err))
            return false;
        at += group->part_bytes;
    }
    return send_part(group, to, tag, at, n_bytes, err);
}

size_t mf_hosts_unsent(mf_hosts_group *group)
{
    mf_error ignored = {0}; /* the next call fails as well */
    if (group == NULL || !reap(group, &ignored))
        return 0;
    return group->unsent;
}

static bool probe(mf_hosts_group *group, mf_hosts_channel channel, uint32_t from, uint32_t tag,
                  mf_hosts_message *message, bool *found, mf_error *err)
{
    return group->transport.probe(group->transport.state, channel, from, tag, message, found,
                                  err) ||
           transport_failed(group, err);
}

static bool wait_for(mf_hosts_group *group, mf_hosts_channel channel, uint32_t from, uint32_t tag,
                     mf_hosts_message *message, mf_error *err)
{
    mf_hosts_waiting w = {0};
    for (bool found = false;;) {
        if (!probe(group, channel, from, tag, message, &found, err))
            return false;
        if (found)
            return true;
        if (!mf_hosts_pause(group, &w, from, err))
            return false;
    }
}

static bool wrong_length(const mf_hosts_group *group, const mf_hosts_message *message, size_t sent,
                         size_t expected, mf_error *err)
{
    return mf_fail(err, MF_ERR_IO, MF_NOWHERE,
                   "%s sent %zu bytes with tag %u, and %zu were expected",
                   mf_hosts_name(group, message->from), sent, message->tag, expected);
}

static bool receive(mf_hosts_group *group, mf_hosts_channel channel, uint32_t from, uint32_t tag,
                    void *bytes, size_t n_bytes, mf_error *err)
{
    mf_hosts_message message;
    mf_hosts_ticket ticket;
    if (!wait_for(group, channel, from, tag, &message, err))
        return false;
    if (message.n_bytes != n_bytes)
        return wrong_length(group, &message, message.n_bytes, n_bytes, err);
    if (!group->transport.receive(group->transport.state, channel, &message, bytes, &ticket, err))
        return transport_failed(group, err);
    mf_hosts_waiting w = {0};
    for (bool done = false;;) {
        if (!group->transport.is_done(group->transport.state, ticket, &done, err))
            return transport_failed(group, err);
        if (done)
            return true;
        if (!mf_hosts_pause(group, &w, message.from, err))
            return false;
    }
}

/* Receives a part that was found (4). */
static bool take_part(mf_hosts_group *group, const mf_hosts_message *part, mf_hosts_arrival *a,
                      mf_error *err)
{
    a->is_last = part->n_bytes < group->part_bytes;
    if (part->n_bytes > a->left || (a->is_last && part->n_bytes < a->left))
        return wrong_length(group, part, a->n_bytes - a->left + part->n_bytes, a->n_bytes, err);
    if (!group->transport.receive(group->transport.state, MF_HOSTS_TO_ONE, part, a->at, &a->ticket,
                                  err))
        return transport_failed(group, err);
    a->left -= part->n_bytes;
    if (!a->is_last)
        a->at += part->n_bytes;
    return true;
}

bool mf_hosts_arrival_begin(mf_hosts_group *group, const mf_hosts_message *found, void *bytes,
                            size_t n_bytes, mf_hosts_arrival *arrival, mf_error *err)
{
    *arrival = (mf_hosts_arrival){
        .is_under_way = true,
        .from = found->from,
        .tag = found->tag,
        .at = bytes,
        .n_bytes = n_bytes,
        .left = n_bytes,
    };
    return take_part(group, found, arrival, err);
}

bool mf_hosts_arrival_continue(mf_hosts_group *group, mf_hosts_arrival *a, bool *done,
                               mf_error *err)
{
    *done = false;
    for (;;) {
        bool is_there = false;
        if (a->ticket != NULL &&
            !group->transport.is_done(group->transport.state, a->ticket, &is_there, err))
            return transport_failed(group, err);
        if (a->ticket != NULL && !is_there)
            return true;
        a->ticket = NULL;
        if (a->is_last) {
            *a = (mf_hosts_arrival){0};
            *done = true;
            return true;
        }
        mf_hosts_message part;
        if (!probe(group, MF_HOSTS_TO_ONE, a->from, a->tag, &part, &is_there, err))
            return false;
        if (!is_there)
            return true;
        if (!take_part(group, &part, a, err))
            return false;
    }
}

static bool receive_parts(mf_hosts_group *group, uint32_t from, uint32_t tag, void *bytes,
                          size_t n_bytes, mf_error *err)
{
    mf_hosts_message first;
    mf_hosts_arrival arrival;
    if (!wait_for(group, MF_HOSTS_TO_ONE, from, tag, &first, err) ||
        !mf_hosts_arrival_begin(group, &first, bytes, n_bytes, &arrival, err))
        return false;
    mf_hosts_waiting w = {0};
    for (bool done = false;;) {
        const size_t before = arrival.left;
        if (!mf_hosts_arrival_continue(group, &arrival, &done, err))
            return false;
        if (done)
            return true;
        if (arrival.left != before)
            w = (mf_hosts_waiting){0};
        if (!mf_hosts_pause(group, &w, first.from, err))
            return false;
    }
}

static bool needs_others(mf_hosts_group *group, mf_error *err)
{
    return group != NULL || mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                                    "a message of another host is awaited, and there is none");
}

bool mf_hosts_probe(mf_hosts_group *group, uint32_t from, uint32_t tag, mf_hosts_message *message,
                    bool *found, mf_error *err)
{
    *found = false;
    return needs_others(group, err) && !mf_hosts_failed(group, err) && reap(group, err) &&
           probe(group, MF_HOSTS_TO_ONE, from, tag, message, found, err);
}

bool mf_hosts_wait(mf_hosts_group *group, uint32_t from, uint32_t tag, mf_hosts_message *message,
                   mf_error *err)
{
    return needs_others(group, err) && !mf_hosts_failed(group, err) &&
           wait_for(group, MF_HOSTS_TO_ONE, from, tag, message, err);
}

bool mf_hosts_receive(mf_hosts_group *group, uint32_t from, uint32_t tag, void *bytes,
                      size_t n_bytes, mf_error *err)
{
    return needs_others(group, err) && !mf_hosts_failed(group, err) &&
           receive_parts(group, from, tag, bytes, n_bytes, err);
}

/* Waits until everything is sent. */
static bool flush(mf_hosts_group *group, mf_error *err)
{
    mf_hosts_waiting w = {0};
    if (!reap(group, err))
        return false;
    while (group->n_outgoing > 0)
        if (!mf_hosts_pause(group, &w, MF_HOSTS_ANY, err))
            return false;
    return true;
}

static bool alone(mf_hosts_group *group)
{
    return mf_hosts_size(group) == 1;
}

/* Every host learns in ⌈log2 size⌉ steps whether one of them has `mine`: in step s it tells the host
 * 2^s further round the ring what it knows. */
static bool spread(mf_hosts_group *group, uint32_t tag, bool mine, bool *any, mf_error *err)
{
    uint8_t known = mine;
    uint8_t told[32];
    uint32_t step = 0;
    if (mf_hosts_failed(group, err))
        return false;
    for (uint32_t far = 1; far < group->size; far *= 2, step++) {
        uint8_t heard;
        const uint32_t to = (group->rank + far) % group->size;
        const uint32_t from = (group->rank + group->size - far) % group->size;
        told[step] = known;
        if (!post(group, MF_HOSTS_TO_ALL, to, tag, &told[step], 1, NULL, err) ||
            !receive(group, MF_HOSTS_TO_ALL, from, tag, &heard, 1, err))
            return false;
        known |= heard;
    }
    *any = known != 0;
    return flush(group, err);
}

bool mf_hosts_barrier(mf_hosts_group *group, mf_error *err)
{
    bool ignored;
    return alone(group) || spread(group, TAG_BARRIER, false, &ignored, err);
}

bool mf_hosts_any(mf_hosts_group *group, bool mine, bool *any, mf_error *err)
{
    *any = mine;
    return alone(group) || spread(group, TAG_ANY, mine, any, err);
}

static size_t piece_at(size_t at, size_t end)
{
    return end - at < PIECE_BYTES ? end - at : PIECE_BYTES;
}

bool mf_hosts_broadcast(mf_hosts_group *group, uint32_t from, void *bytes, size_t n_bytes,
                        mf_error *err)
{
    if (alone(group))
        return true;
    if (mf_hosts_failed(group, err))
        return false;
    uint8_t *const block = bytes;
    const uint32_t next = (group->rank + 1) % group->size;
    const uint32_t previous = (group->rank + group->size - 1) % group->size;
    for (size_t at = 0; at < n_bytes; at += PIECE_BYTES) {
        const size_t n = piece_at(at, n_bytes);
        if (group->rank != from &&
            !receive(group, MF_HOSTS_TO_ALL, previous, TAG_BROADCAST, block + at, n, err))
            return false;
        if (next != from &&
            !post(group, MF_HOSTS_TO_ALL, next, TAG_BROADCAST, block + at, n, NULL, err))
            return false;
    }
    return flush(group, err);
}

bool mf_hosts_share(mf_hosts_group *group, void *bytes, const size_t *start, mf_error *err)
{
    if (alone(group))
        return true;
    if (mf_hosts_failed(group, err))
        return false;
    uint8_t *const block = bytes;
    const uint32_t size = group->size;
    const uint32_t next = (group->rank + 1) % size;
    const uint32_t previous = (group->rank + size - 1) % size;
    for (size_t at = start[group->rank]; at < start[group->rank + 1]; at += PIECE_BYTES)
        if (!post(group, MF_HOSTS_TO_ALL, next, TAG_SHARE, block + at,
                  piece_at(at, start[group->rank + 1]), NULL, err))
            return false;
    for (uint32_t step = 1; step < size; step++) {
        const uint32_t of = (group->rank + size - step) % size;
        for (size_t at = start[of]; at < start[of + 1]; at += PIECE_BYTES) {
            const size_t n = piece_at(at, start[of + 1]);
            if (!receive(group, MF_HOSTS_TO_ALL, previous, TAG_SHARE, block + at, n, err))
                return false;
            if (next != of &&
                !post(group, MF_HOSTS_TO_ALL, next, TAG_SHARE, block + at, n, NULL, err))
                return false;
        }
    }
    return flush(group, err);
}

/* start [size + 1] from everybody's own n_bytes. */
static bool gather_sizes(mf_hosts_group *group, size_t n_bytes, size_t *start, mf_error *err)
{
    const uint32_t size = mf_hosts_size(group);
    bool ok = false;
    uint64_t *sizes = mf_allocate(size, sizeof *sizes, "sizes of pieces", err);
    size_t *place = mf_allocate((size_t)size + 1, sizeof *place, "sizes of pieces", err);
    if (sizes == NULL || place == NULL)
        goto done;
    for (uint32_t r = 0; r <= size; r++)
        place[r] = r * sizeof *sizes;
    sizes[mf_hosts_rank(group)] = n_bytes;
    if (!mf_hosts_share(group, sizes, place, err))
        goto done;
    for (uint32_t r = 0; r < size; r++)
        if (__builtin_add_overflow(start[r], sizes[r], &start[r + 1])) {
            mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "pieces of all hosts are too large");
            goto done;
        }
    ok = true;
done:
    mf_free(sizes);
    mf_free(place);
    return ok;
}

bool mf_hosts_gather(mf_hosts_group *group, const void *mine, size_t n_bytes,
                     mf_hosts_pieces *pieces, mf_error *err)
{
    const uint32_t size = mf_hosts_size(group);
    const uint32_t rank = mf_hosts_rank(group);
    *pieces = (mf_hosts_pieces){
        .start = mf_allocate((size_t)size + 1, sizeof *pieces->start, "pieces of all hosts", err)};
    if (pieces->start == NULL || !gather_sizes(group, n_bytes, pieces->start, err))
        goto failed;
    pieces->bytes = mf_allocate(pieces->start[size], 1, "pieces of all hosts", err);
    if (pieces->bytes == NULL)
        goto failed;
    if (n_bytes > 0)
        memcpy(pieces->bytes + pieces->start[rank], mine, n_bytes);
    if (mf_hosts_share(group, pieces->bytes, pieces->start, err))
        return true;
failed:
    mf_hosts_pieces_free(pieces);
    return false;
}

void mf_hosts_pieces_free(mf_hosts_pieces *pieces)
{
    mf_free(pieces->bytes);
    mf_free(pieces->start);
    *pieces = (mf_hosts_pieces){0};
}

uint64_t mf_hosts_sent_bytes(const mf_hosts_group *group)
{
    return group != NULL ? group->sent_bytes : 0;
}
