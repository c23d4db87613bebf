/* The client of the Runtime API beside a service that never responds: promises of
 * lambda/runtime/api.h and process.h about stopping. (Everything that takes a service
 * that does respond is in tests/integration/test_lambda_runtime*.py.) */
#include "testing.h"

#include "base/clock.h"
#include "base/stop.h"
#include "lambda/runtime/api.h"
#include "lambda/runtime/process.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

static int stop_fd;
static int listener;
static char address[32];

static int open_service(void **state)
{
    (void)state;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n_name = sizeof name;
    mf_error err = {0};
    stop_fd = mf_lambda_install_signals(&err);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (stop_fd < 0 || bind(listener, (struct sockaddr *)&name, n_name) != 0 ||
        listen(listener, 8) != 0 || getsockname(listener, (struct sockaddr *)&name, &n_name) != 0)
        return 1;
    snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(name.sin_port));
    return 0;
}

static int close_service(void **state)
{
    (void)state;
    return close(listener);
}

static bool readable(void)
{
    struct pollfd fd = {.fd = stop_fd, .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

/* A thread that takes the signal, so that poll() is not woken by EINTR: the same
 * as a signal that comes just before poll(). */
static void *signal_itself(void *unused)
{
    (void)unused;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    usleep(300 * 1000);
    pthread_kill(pthread_self(), SIGTERM);
    return NULL;
}

static void a_signal_that_interrupts_nothing_still_ends_the_wait(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_lambda_next next = {.event = MF_TEXT_EMPTY};
    sigset_t set;
    pthread_t thread;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    mf_lambda_api *api = mf_lambda_api_create(address, stop_fd, &err);
    assert_ok(api != NULL, err);
    assert_false(readable());
    assert_int_equal(pthread_create(&thread, NULL, signal_itself, NULL), 0);
    const double start = mf_clock_seconds();
    assert_int_equal(mf_lambda_api_next(api, &next, &err), MF_LAMBDA_API_STOPPED);
    const double took = mf_clock_seconds() - start;
    /* curl by itself looks up 0.2 s and 1 s after it connected. */
    assert_true(took > 0.25 && took < 0.8);
    pthread_join(thread, NULL);
    assert_true(mf_stop_requested() && readable());
    assert_int_equal(err.code, MF_OK);
    mf_lambda_api_destroy(api);
    mf_lambda_next_free(&next);
}

static void once_stopped_next_does_not_wait_and_a_post_only_briefly(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_lambda_next next = {.event = MF_TEXT_EMPTY};
    mf_stop_request(true);
    mf_lambda_api *api = mf_lambda_api_create(address, stop_fd, &err);
    assert_ok(api != NULL, err);
    double start = mf_clock_seconds();
    assert_int_equal(mf_lambda_api_next(api, &next, &err), MF_LAMBDA_API_STOPPED);
    assert_true(mf_clock_seconds() - start < 0.2);
    start = mf_clock_seconds();
    assert_int_equal(mf_lambda_api_respond(api, "id", "1", 1, &err), MF_LAMBDA_API_STOPPED);
    const double took = mf_clock_seconds() - start;
    assert_true(took > 0.2 && took < 1);
    mf_lambda_api_destroy(api);
    mf_lambda_next_free(&next);
    mf_stop_request(false);
}

static void a_call_that_fails_names_curls_error_and_the_url(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_stop_request(false);
    mf_lambda_api *api = mf_lambda_api_create("127.0.0.1:1", stop_fd, &err);
    assert_ok(api != NULL, err);
    assert_int_equal(mf_lambda_api_report(api, "some-id", "Function.X", "{}", 2, &err),
                     MF_LAMBDA_API_LOST);
    assert_error(&err, MF_ERR_IO,
                 "http://127.0.0.1:1/2018-06-01/runtime/invocation/some-id/error: curl error 7 (");
    mf_lambda_api_destroy(api);
    mf_lambda_api_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_that_interrupts_nothing_still_ends_the_wait),
        cmocka_unit_test(once_stopped_next_does_not_wait_and_a_post_only_briefly),
        cmocka_unit_test(a_call_that_fails_names_curls_error_and_the_url),
    };
    return cmocka_run_group_tests(tests, open_service, close_service);
}
