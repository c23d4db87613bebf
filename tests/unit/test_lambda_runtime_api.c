/* The client of the Runtime API beside a service that never responds: promises of
 * lambda/runtime/api.h and process.h about stopping. (Everything that takes a service
 * that does respond is in tests/integration/test_lambda_runtime*.py.) */
#include "testing.h"

#include "base/stop.h"
#include "lambda/runtime/api.h"
#include "lambda/runtime/process.h"

#include <arpa/inet.h>
#include <curl/curl.h>
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

/* What waits: how often curl_multi_poll was called, with which stop_fd, and whether the last
 * call saw it readable. */
typedef struct waits {
    unsigned n_polls;
    unsigned n_with_stop_fd;
    bool saw_stop;
    bool signals;  /* the first poll gets a signal just before it */
    double now_ms; /* the clock of the code under test: time passes in polls only */
} waits;

static waits seen;

enum { STEP_MS = 50 };

int64_t __wrap_mf_clock_us(void);
int64_t __wrap_mf_clock_us(void)
{
    return 1000000000 + (int64_t)(seen.now_ms * 1e3);
}

/* On a thread that takes the signal nothing of the caller's is interrupted (EINTR): the same as
 * a signal that comes just before poll(). */
static void *signal_itself(void *unused)
{
    (void)unused;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    pthread_kill(pthread_self(), SIGTERM);
    return NULL;
}

CURLMcode __real_curl_multi_poll(CURLM *multi, struct curl_waitfd *fds, unsigned n_fds, int wait_ms,
                                 int *n_ready);
CURLMcode __wrap_curl_multi_poll(CURLM *multi, struct curl_waitfd *fds, unsigned n_fds, int wait_ms,
                                 int *n_ready);
CURLMcode __wrap_curl_multi_poll(CURLM *multi, struct curl_waitfd *fds, unsigned n_fds, int wait_ms,
                                 int *n_ready)
{
    pthread_t thread;
    if (seen.signals && seen.n_polls == 0) {
        assert_int_equal(pthread_create(&thread, NULL, signal_itself, NULL), 0);
        pthread_join(thread, NULL);
    }
    seen.n_polls++;
    seen.now_ms += wait_ms < STEP_MS ? wait_ms : STEP_MS;
    const CURLMcode code =
        __real_curl_multi_poll(multi, fds, n_fds, seen.signals ? wait_ms : 0, n_ready);
    if (n_fds > 0) {
        seen.n_with_stop_fd += fds[0].fd == stop_fd;
        seen.saw_stop = (fds[0].revents & CURL_WAIT_POLLIN) != 0;
    }
    return code;
}

static void a_signal_that_interrupts_nothing_still_ends_the_wait(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_lambda_next next;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    mf_lambda_api *api = mf_lambda_api_create(address, stop_fd, &err);
    assert_ok(api != NULL, err);
    assert_false(readable());
    seen = (waits){.signals = true};
    assert_int_equal(mf_lambda_api_next(api, &next, &err), MF_LAMBDA_API_STOPPED);
    /* It is the signal's descriptor that ended the wait, not a timer of curl's. */
    assert_int_equal(seen.n_polls, 1);
    assert_true(seen.saw_stop);
    assert_true(mf_stop_requested() && readable());
    assert_int_equal(err.code, MF_OK);
    mf_lambda_api_destroy(api);
}

static void once_stopped_next_does_not_wait_and_a_post_only_briefly(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_lambda_next next;
    mf_stop_request(true);
    mf_lambda_api *api = mf_lambda_api_create(address, stop_fd, &err);
    assert_ok(api != NULL, err);
    seen = (waits){0};
    assert_int_equal(mf_lambda_api_next(api, &next, &err), MF_LAMBDA_API_STOPPED);
    assert_int_equal(seen.n_polls, 0);
    assert_int_equal(mf_lambda_api_respond(api, "id", "1", 1, &err), MF_LAMBDA_API_STOPPED);
    assert_true(seen.now_ms > 200 && seen.now_ms < 500); /* of the 500 ms before SIGKILL */
    assert_int_equal(seen.n_with_stop_fd, 0); /* which stays readable: it would wait for nothing */
    mf_lambda_api_destroy(api);
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
