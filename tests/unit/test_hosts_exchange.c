/* Messages between hosts, and what all do together, on 1 … 5 hosts that are threads. */
#include "testing.h"

#include "base/memory.h"
#include "hosts/exchange.h"
#include "hosts_loopback.h"

#include <stdio.h>
#include <string.h>

enum { HOSTS_MAX = 5 };

/* Bytes of host r: its own, and longer for higher ranks; host 1 has none. */
static size_t length_of(uint32_t rank)
{
    return rank == 1 ? 0 : (size_t)rank * 700001 + 3;
}

static uint8_t byte_of(uint32_t rank, size_t at)
{
    return (uint8_t)(at * 31 + rank * 7 + at / 251);
}

static bool gather(mf_hosts_group *group, void *argument, mf_error *err)
{
    (void)argument;
    const uint32_t rank = mf_hosts_rank(group);
    const size_t n = length_of(rank);
    uint8_t *mine = mf_allocate(n, 1, "bytes", err);
    mf_hosts_pieces pieces;
    for (size_t i = 0; i < n; i++)
        mine[i] = byte_of(rank, i);
    if (!mf_hosts_gather(group, mine, n, &pieces, err))
        return false;
    bool ok = true;
    for (uint32_t r = 0; r < mf_hosts_size(group); r++) {
        ok = ok && pieces.start[r + 1] - pieces.start[r] == length_of(r);
        for (size_t i = 0; ok && i < length_of(r); i++)
            ok = pieces.bytes[pieces.start[r] + i] == byte_of(r, i);
    }
    mf_hosts_pieces_free(&pieces);
    mf_free(mine);
    return ok || mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "wrong pieces");
}

static void every_host_gets_every_piece_in_rank_order(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= HOSTS_MAX; n++) {
        mf_error err = {0};
        if (!mf_hosts_loopback_run(n, gather, NULL, &err))
            fail_msg("%u hosts: %s", n, err.text);
    }
}

static bool broadcast(mf_hosts_group *group, void *argument, mf_error *err)
{
    (void)argument;
    enum { BYTES = (1 << 20) + 17 };
    uint8_t *bytes = mf_allocate(BYTES, 1, "bytes", err);
    bool ok = true;
    for (uint32_t from = 0; ok && from < mf_hosts_size(group); from++) {
        for (size_t i = 0; i < BYTES; i++)
            bytes[i] = from == mf_hosts_rank(group) ? byte_of(from, i) : 0;
        ok = mf_hosts_broadcast(group, from, bytes, BYTES, err);
        for (size_t i = 0; ok && i < BYTES; i++)
            ok = bytes[i] == byte_of(from, i) ||
                 mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "wrong byte %zu", i);
    }
    mf_free(bytes);
    return ok;
}

static void a_broadcast_gives_all_hosts_the_bytes_of_one(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= HOSTS_MAX; n++) {
        mf_error err = {0};
        if (!mf_hosts_loopback_run(n, broadcast, NULL, &err))
            fail_msg("%u hosts: %s", n, err.text);
    }
}

static bool any_of_one(mf_hosts_group *group, void *argument, mf_error *err)
{
    (void)argument;
    for (uint32_t who = 0; who <= mf_hosts_size(group); who++) {
        bool any = false;
        if (!mf_hosts_any(group, who == mf_hosts_rank(group), &any, err))
            return false;
        if (any != (who < mf_hosts_size(group)))
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "any is %d for host %u", any, who);
    }
    return true;
}

static void any_is_true_when_one_host_has_it_and_false_when_none(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= HOSTS_MAX; n++) {
        mf_error err = {0};
        if (!mf_hosts_loopback_run(n, any_of_one, NULL, &err))
            fail_msg("%u hosts: %s", n, err.text);
    }
}

/* A counter that every host raises before the barrier: after it, all have. */
static bool barrier(mf_hosts_group *group, void *argument, mf_error *err)
{
    _Atomic uint32_t *arrived = argument;
    for (uint32_t round = 1; round <= 50; round++) {
        (*arrived)++;
        if (!mf_hosts_barrier(group, err))
            return false;
        if (*arrived < round * mf_hosts_size(group))
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "a host was not there");
        if (!mf_hosts_barrier(group, err))
            return false;
    }
    return true;
}

static void no_host_passes_a_barrier_before_all_have_reached_it(void **state)
{
    (void)state;
    for (uint32_t n = 2; n <= HOSTS_MAX; n++) {
        _Atomic uint32_t arrived = 0;
        mf_error err = {0};
        if (!mf_hosts_loopback_run(n, barrier, &arrived, &err))
            fail_msg("%u hosts: %s", n, err.text);
    }
}

/* Blocks go round the ring; a barrier of faster hosts is no message of the lap. */
static bool ring(mf_hosts_group *group, void *argument, mf_error *err)
{
    (void)argument;
    const uint32_t size = mf_hosts_size(group);
    const uint32_t rank = mf_hosts_rank(group);
    const uint32_t next = (rank + 1) % size;
    for (uint32_t tag = 0; tag < 20; tag++) {
        const uint32_t value[2] = {rank * 100 + tag, tag};
        if (!mf_hosts_send(group, next, tag, value, tag % 2 == 0 ? 4 : 8, err))
            return false;
    }
    for (uint32_t n = 0; n < 20; n++) {
        mf_hosts_message found;
        uint32_t value[2];
        if (!mf_hosts_wait(group, MF_HOSTS_ANY, MF_HOSTS_ANY, &found, err) ||
            !mf_hosts_receive(group, found.from, found.tag, value, found.n_bytes, err))
            return false;
        if (found.from != (rank + size - 1) % size || value[0] != found.from * 100 + found.tag ||
            found.n_bytes != (found.tag % 2 == 0 ? 4 : 8))
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "wrong message");
    }
    return mf_hosts_barrier(group, err) &&
           (mf_hosts_unsent(group) == 0 || mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "unsent"));
}

static void messages_go_round_a_ring(void **state)
{
    (void)state;
    for (uint32_t n = 2; n <= HOSTS_MAX; n++) {
        mf_error err = {0};
        if (!mf_hosts_loopback_run(n, ring, NULL, &err))
            fail_msg("%u hosts: %s", n, err.text);
    }
}

/* Lengths around that of a part, from two hosts with the same tag. */
static bool long_messages(mf_hosts_group *group, void *argument, mf_error *err)
{
    (void)argument;
    enum { PART = MF_HOSTS_LOOPBACK_PART_BYTES, MOST = 3 * PART };
    static const size_t lengths[] = {PART - 1, PART, PART + 1, 0, 2 * PART, 3 * PART - 1, 1};
    enum { N = sizeof lengths / sizeof lengths[0] };
    const uint32_t rank = mf_hosts_rank(group);
    uint8_t bytes[MOST];
    for (size_t i = 0; i < MOST; i++)
        bytes[i] = byte_of(rank, i);
    for (size_t m = 0; rank > 0 && m < N; m++)
        if (!mf_hosts_send(group, 0, 9, bytes, lengths[m], err))
            return false;
    for (size_t m = 0; rank == 0 && m < 2 * (size_t)N; m++) {
        const uint32_t from = 1 + (uint32_t)(m % 2);
        const size_t n = lengths[m / 2];
        memset(bytes, 0, MOST);
        if (!mf_hosts_receive(group, from, 9, bytes, n, err))
            return false;
        for (size_t i = 0; i < MOST; i++)
            if (bytes[i] != (i < n ? byte_of(from, i) : 0))
                return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "wrong byte %zu of %zu", i, n);
    }
    return mf_hosts_barrier(group, err);
}

static void a_message_longer_than_a_part_arrives_as_one(void **state)
{
    (void)state;
    mf_error err = {0};
    if (!mf_hosts_loopback_run(3, long_messages, NULL, &err))
        fail_msg("%s", err.text);
}

static bool lengths_differ(mf_hosts_group *group, void *argument, mf_error *err)
{
    const size_t *const lengths = argument; /* sent, expected */
    uint8_t bytes[2 * MF_HOSTS_LOOPBACK_PART_BYTES] = {0};
    return mf_hosts_rank(group) == 1 ? mf_hosts_send(group, 0, 5, bytes, lengths[0], err)
                                     : mf_hosts_receive(group, 1, 5, bytes, lengths[1], err);
}

static void a_long_message_of_another_size_is_an_error(void **state)
{
    (void)state;
    enum { PART = MF_HOSTS_LOOPBACK_PART_BYTES };
    static const size_t cases[][3] = {
        /* sent, expected, told as sent */
        {PART + 1, PART, PART + 1},
        {PART, PART + 1, PART},
        {PART, PART - 1, PART},
        {3, PART, 3},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        size_t lengths[2] = {cases[c][0], cases[c][1]};
        char expected[128];
        mf_error err = {0};
        snprintf(expected, sizeof expected,
                 "algo-1: algo-2 sent %zu bytes with tag 5, and %zu were expected", cases[c][2],
                 cases[c][1]);
        assert_false(mf_hosts_loopback_run(2, lengths_differ, lengths, &err));
        assert_string_equal(err.text, expected);
    }
}

static bool one_fails(mf_hosts_group *group, void *argument, mf_error *err)
{
    (void)argument;
    if (mf_hosts_rank(group) == 1)
        return mf_fail(err, MF_ERR_IO, MF_NOWHERE, "cannot write x: No space left on device");
    return mf_hosts_barrier(group, err);
}

static void a_failure_of_one_host_ends_the_waits_of_all_with_its_name(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_false(mf_hosts_loopback_run(4, one_fails, NULL, &err));
    assert_string_equal(err.text, "algo-2: cannot write x: No space left on device");
    assert_int_equal(err.code, MF_ERR_IO);
}

static bool one_is_silent(mf_hosts_group *group, void *argument, mf_error *err)
{
    (void)argument;
    uint32_t value;
    return mf_hosts_rank(group) == 1 || mf_hosts_receive(group, 1, 3, &value, sizeof value, err);
}

static void a_wait_for_a_silent_host_ends_with_its_name(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_false(mf_hosts_loopback_run_within(2, 0.05, one_is_silent, NULL, &err));
    assert_string_equal(err.text, "algo-1: algo-2 sent nothing for 0.05 s (hosts_timeout)");
}

static bool sizes_differ(mf_hosts_group *group, void *argument, mf_error *err)
{
    (void)argument;
    const uint32_t value[2] = {0};
    uint32_t got;
    if (mf_hosts_rank(group) == 1)
        return mf_hosts_send(group, 0, 5, value, sizeof value, err);
    return mf_hosts_receive(group, 1, 5, &got, sizeof got, err);
}

static void a_message_of_another_size_is_an_error(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_false(mf_hosts_loopback_run(2, sizes_differ, NULL, &err));
    assert_string_equal(err.text, "algo-1: algo-2 sent 8 bytes with tag 5, and 4 were expected");
}

static bool refusals(mf_hosts_group *group, void *argument, mf_error *err)
{
    (void)argument;
    mf_error refused[3] = {0};
    uint8_t byte = 0;
    const bool ok = !mf_hosts_send(group, mf_hosts_rank(group), 0, &byte, 1, &refused[0]) &&
                    !mf_hosts_send(group, 2, 0, &byte, 1, &refused[1]) &&
                    !mf_hosts_send(group, 1, MF_HOSTS_TAGS, &byte, 1, &refused[2]);
    for (int i = 0; i < 3; i++)
        if (!ok || refused[i].code != MF_ERR_ARGUMENT)
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "refusal %d is missing", i);
    return true;
}

static void messages_to_no_other_host_are_refused(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_true(mf_hosts_loopback_run(2, refusals, NULL, &err));
    mf_error alone = {0};
    mf_hosts_message message;
    assert_false(mf_hosts_wait(NULL, 0, 0, &message, &alone));
    assert_int_equal(alone.code, MF_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_host_gets_every_piece_in_rank_order),
        cmocka_unit_test(a_broadcast_gives_all_hosts_the_bytes_of_one),
        cmocka_unit_test(any_is_true_when_one_host_has_it_and_false_when_none),
        cmocka_unit_test(no_host_passes_a_barrier_before_all_have_reached_it),
        cmocka_unit_test(messages_go_round_a_ring),
        cmocka_unit_test(a_failure_of_one_host_ends_the_waits_of_all_with_its_name),
        cmocka_unit_test(a_wait_for_a_silent_host_ends_with_its_name),
        cmocka_unit_test(a_message_of_another_size_is_an_error),
        cmocka_unit_test(a_message_longer_than_a_part_arrives_as_one),
        cmocka_unit_test(a_long_message_of_another_size_is_an_error),
        cmocka_unit_test(messages_to_no_other_host_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
