/* The watch over hosts: three of them, threads of this process, over loopback. */
#include "testing.h"

#include "base/stop.h"
#include "hosts/socket.h"
#include "hosts/state.h"
#include "hosts/watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { HOSTS = 3 };

typedef struct host host;
typedef bool host_work(host *h, mf_error *err);

struct host {
    uint32_t rank;
    uint64_t settings;
    int listener;
    uint16_t port;
    double wait_seconds;
    host_work *work;
    mf_hosts_group *group;
    mf_hosts_watch *watch;
    atomic_int n_told; /* calls of on_failure */
    mf_error failure;  /* how it ended */
    pthread_t thread;
};

static void on_failure(void *argument, const mf_error *failure)
{
    host *h = argument;
    h->n_told++;
    assert_int_not_equal(failure->code, MF_OK);
}

static void *run_host(void *argument)
{
    static const char *const names[HOSTS] = {"127.0.0.1", "host-2", "host-3"};
    host *h = argument;
    mf_error err = {0};
    const mf_hosts_watch_options options = {
        .job = "job",
        .settings = h->settings,
        .listener = h->listener,
        .first = names,
        .n_first = 1,
        .port = h->port,
        .wait_seconds = h->wait_seconds,
        .silence_seconds = 10,
        .on_failure = on_failure,
        .argument = h,
    };
    h->group = mf_hosts_group_create(h->rank, HOSTS, names, 10, &err);
    h->watch = mf_hosts_watch_start(h->group, &options, &err);
    if (h->watch != NULL && !h->work(h, &err))
        mf_hosts_fail(h->group, &err);
    if (err.code != MF_OK && !mf_hosts_failed(h->group, &h->failure))
        h->failure = err;
    if (h->watch == NULL && h->rank == 0)
        h->listener = -1; /* the watch has closed it */
    return NULL;
}

/* Runs the hosts that have `work`; ends their watches one by one afterwards. */
static void run_hosts(host *hosts, host_work *work, uint32_t n)
{
    mf_error err = {0};
    uint16_t port = 0;
    const int listener = mf_hosts_listen(&port, &err);
    assert_true(listener >= 0);
    mf_stop_request(false);
    for (uint32_t r = 0; r < n; r++) {
        hosts[r].rank = r;
        hosts[r].listener = r == 0 ? listener : -1;
        hosts[r].port = port;
        hosts[r].work = work;
        if (hosts[r].wait_seconds <= 0)
            hosts[r].wait_seconds = 20;
        assert_int_equal(pthread_create(&hosts[r].thread, NULL, run_host, &hosts[r]), 0);
    }
    for (uint32_t r = 0; r < n; r++)
        pthread_join(hosts[r].thread, NULL);
    for (uint32_t r = n; r-- > 0;) {
        mf_hosts_watch_destroy(hosts[r].watch);
        mf_hosts_group_destroy(hosts[r].group);
    }
}

static bool exchange_keys(host *h, mf_error *err)
{
    char key[32];
    char value[32];
    char got[32];
    for (int fence = 0; fence < 3; fence++) {
        snprintf(key, sizeof key, "%u-%d", h->rank, fence);
        snprintf(value, sizeof value, "value %u", h->rank * 10 + (uint32_t)fence);
        if (!mf_hosts_watch_put(h->watch, key, value, err) || !mf_hosts_watch_fence(h->watch, err))
            return false;
        for (uint32_t r = 0; r < HOSTS; r++) {
            snprintf(key, sizeof key, "%u-%d", r, fence);
            snprintf(value, sizeof value, "value %u", r * 10 + (uint32_t)fence);
            if (!mf_hosts_watch_get(h->watch, key, got, sizeof got) || strcmp(got, value) != 0)
                return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "%s is wrong", key);
        }
    }
    return mf_hosts_watch_done(h->watch, err);
}

static void keys_of_all_hosts_are_known_to_all_after_a_fence(void **state)
{
    (void)state;
    host hosts[HOSTS] = {0};
    run_hosts(hosts, exchange_keys, HOSTS);
    for (int r = 0; r < HOSTS; r++) {
        assert_string_equal(hosts[r].failure.text, "");
        assert_int_equal(hosts[r].n_told, 0);
    }
}

static bool fail_one(host *h, mf_error *err)
{
    if (h->rank == 1)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "x.csv:7: no number");
    return mf_hosts_watch_fence(h->watch, err);
}

static void a_failure_has_one_sentence_and_code_on_all_hosts(void **state)
{
    (void)state;
    host hosts[HOSTS] = {0};
    run_hosts(hosts, fail_one, HOSTS);
    for (int r = 0; r < HOSTS; r++) {
        assert_string_equal(hosts[r].failure.text, "host-2: x.csv:7: no number");
        assert_int_equal(hosts[r].failure.code, MF_ERR_PARSE);
        assert_int_equal(hosts[r].n_told, r == 1 ? 0 : 1);
    }
}

static bool too_many_keys(host *h, mf_error *err)
{
    char key[32];
    if (h->rank == 2)
        for (int i = 0; i <= HOSTS * 64; i++) {
            snprintf(key, sizeof key, "%d", i);
            if (!mf_hosts_watch_put(h->watch, key, "", err))
                return false;
        }
    return mf_hosts_watch_fence(h->watch, err);
}

static void more_keys_than_the_table_holds_fail_the_group(void **state)
{
    (void)state;
    host hosts[HOSTS] = {0};
    run_hosts(hosts, too_many_keys, HOSTS);
    for (int r = 0; r < HOSTS; r++)
        assert_string_equal(hosts[r].failure.text, "the start of MPI has more than 192 keys");
}

static void missing_hosts_are_named(void **state)
{
    (void)state;
    host hosts[HOSTS] = {{.wait_seconds = 0.3}};
    run_hosts(hosts, exchange_keys, 1);
    assert_string_equal(hosts[0].failure.text,
                        "host-2, host-3 did not come within 0.3 s (hosts_wait)");
}

static void different_settings_fail_the_group(void **state)
{
    (void)state;
    host hosts[HOSTS] = {{.settings = 1}, {.settings = 1}, {.settings = 2}};
    run_hosts(hosts, exchange_keys, HOSTS);
    for (int r = 0; r < HOSTS; r++) {
        assert_string_equal(hosts[r].failure.text, "host-3 has other hyperparameters than "
                                                   "127.0.0.1: all hosts of a job need the same");
        assert_int_equal(hosts[r].failure.code, MF_ERR_CONFIG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_all_hosts_are_known_to_all_after_a_fence),
        cmocka_unit_test(a_failure_has_one_sentence_and_code_on_all_hosts),
        cmocka_unit_test(more_keys_than_the_table_holds_fail_the_group),
        cmocka_unit_test(missing_hosts_are_named),
        cmocka_unit_test(different_settings_fail_the_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
