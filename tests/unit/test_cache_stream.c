/* test_cache_stream.c: cache/stream.h with addresses of the test's own, so that what a machine's
 * /etc/hosts and IPv6 are does not matter. */
#include "testing.h"

#include "cache/resolver.h"
#include "cache/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <unistd.h>

/* What the name has for addresses, and whether a lookup of it ends. */
static mf_addresses name;
static bool resolver_hangs;

static void (*resolver_done)(void *argument, const mf_addresses *addresses);
static void *resolver_argument;

mf_resolver *__wrap_mf_resolver_create(struct event_base *base, const char *host, uint16_t port,
                                       void (*done)(void *argument, const mf_addresses *addresses),
                                       void *argument);
bool __wrap_mf_resolver_start(mf_resolver *resolver);
void __wrap_mf_resolver_stop(mf_resolver *resolver);
void __wrap_mf_resolver_destroy(mf_resolver *resolver);

mf_resolver *__wrap_mf_resolver_create(struct event_base *base, const char *host, uint16_t port,
                                       void (*done)(void *argument, const mf_addresses *addresses),
                                       void *argument)
{
    (void)base, (void)host, (void)port;
    resolver_done = done;
    resolver_argument = argument;
    return (mf_resolver *)&name;
}

bool __wrap_mf_resolver_start(mf_resolver *resolver)
{
    (void)resolver;
    if (!resolver_hangs)
        resolver_done(resolver_argument, &name);
    return true;
}

void __wrap_mf_resolver_stop(mf_resolver *resolver)
{
    (void)resolver;
}

void __wrap_mf_resolver_destroy(mf_resolver *resolver)
{
    (void)resolver;
}

/* A machine with IPv6 switched off: ::1 cannot be assigned. */
int __real_connect(int fd, const struct sockaddr *address, socklen_t n_bytes);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t n_bytes);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t n_bytes)
{
    if (address->sa_family != AF_INET6)
        return __real_connect(fd, address, n_bytes);
    errno = EADDRNOTAVAIL;
    return -1;
}

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
    return __real_socket(domain == AF_INET6 ? AF_INET : domain, type, protocol);
}

static void add_v4(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memcpy(&name.address[name.n], &address, sizeof address);
    name.n_bytes[name.n++] = sizeof address;
}

static void add_v6(uint16_t port)
{
    const struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    memcpy(&name.address[name.n], &address, sizeof address);
    name.n_bytes[name.n++] = sizeof address;
}

/* A socket on a port of its own; it takes connections only after listen(). */
static int bound(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n_bytes = sizeof address;
    const int fd = __real_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n_bytes), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* What became of one open. */
typedef struct result {
    bool is_ready, is_lost;
    char why[200];
} result;

static void when_ready(void *argument)
{
    ((result *)argument)->is_ready = true;
}

static void when_bytes(void *argument, const char *bytes, size_t n_bytes)
{
    (void)argument, (void)bytes, (void)n_bytes;
}

static void when_lost(void *argument, bool closed, const char *why)
{
    result *end = argument;
    assert_false(closed);
    end->is_lost = true;
    snprintf(end->why, sizeof end->why, "%s", why);
}

static int accepted = -1; /* stays open: a reset would hide what was written */

static void respond_without_tls(evutil_socket_t fd, short what, void *argument)
{
    (void)what, (void)argument;
    if (accepted >= 0)
        close(accepted);
    accepted = accept(fd, NULL, NULL);
    if (accepted >= 0)
        assert_int_equal(write(accepted, "-ERR this is no TLS\r\n", 21), 21);
}

/* Opens `name`, with TLS or without, and returns what came of it; with `again` the same stream
 * is opened once more, when the name has these addresses. listener -1: none. */
static result opened(bool with_tls, int listener, const mf_addresses *again)
{
    static const mf_stream_events events = {when_ready, when_bytes, when_lost};
    result end = {0};
    mf_error err = {0};
    struct event_base *base = event_base_new();
    struct event *accepting =
        listener < 0 ? NULL
                     : event_new(base, listener, EV_READ | EV_PERSIST, respond_without_tls, NULL);
    mf_tls *tls = with_tls ? mf_tls_create("", "localhost", &err) : NULL;
    assert_true(tls != NULL || !with_tls);
    if (accepting != NULL)
        assert_int_equal(event_add(accepting, NULL), 0);
    mf_stream *stream = mf_stream_create(base, tls, "localhost", 1, &events, &end);
    assert_non_null(stream);
    for (int n = 0; n < (again != NULL ? 2 : 1); n++) {
        if (n > 0)
            name = *again;
        end.is_ready = end.is_lost = false;
        mf_stream_open(stream);
        while (!end.is_ready && !end.is_lost)
            assert_true(event_base_loop(base, EVLOOP_ONCE) >= 0);
    }
    mf_stream_destroy(stream);
    mf_tls_destroy(tls);
    if (accepting != NULL)
        event_free(accepting);
    event_base_free(base);
    if (accepted >= 0)
        close(accepted);
    accepted = -1;
    return end;
}

static int forget_addresses(void **state)
{
    (void)state;
    name = (mf_addresses){0};
    return 0;
}

static void a_tls_failure_is_told_though_another_address_cannot_be_assigned(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        uint16_t port;
        const int listener = bound(&port);
        assert_int_equal(listen(listener, 8), 0);
        forget_addresses(NULL);
        if (order == 0)
            add_v6(port);
        add_v4(port);
        if (order == 1)
            add_v6(port);
        const result end = opened(true, listener, NULL);
        assert_true(end.is_lost);
        assert_non_null(strstr(end.why, "TLS failed"));
        close(listener);
    }
}

static void a_refusal_is_told_though_another_address_cannot_be_assigned(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        uint16_t port;
        const int closed = bound(&port);
        forget_addresses(NULL);
        if (order == 0)
            add_v6(port);
        add_v4(port);
        if (order == 1)
            add_v6(port);
        const result end = opened(false, -1, NULL);
        assert_true(end.is_lost);
        assert_string_equal(end.why, "Connection refused");
        close(closed);
    }
}

static void the_reason_is_that_of_the_last_open(void **state)
{
    (void)state;
    uint16_t port;
    const int listener = bound(&port);
    assert_int_equal(listen(listener, 8), 0);
    add_v6(port);
    const mf_addresses v6 = name;
    forget_addresses(NULL);
    add_v4(port);
    const mf_addresses v4 = name;
    assert_string_equal(opened(true, listener, &v6).why, "Cannot assign requested address");
    name = v4;
    const mf_addresses none = {.why = "its name is not known"};
    assert_string_equal(opened(true, listener, &none).why, "its name is not known");
    close(listener);
}

static void a_second_address_is_used_when_the_first_cannot_be(void **state)
{
    (void)state;
    uint16_t port;
    const int listener = bound(&port);
    assert_int_equal(listen(listener, 8), 0);
    add_v6(port);
    add_v4(port);
    const result end = opened(false, listener, NULL);
    assert_true(end.is_ready);
    close(listener);
}

static void what_opening_waits_for_is_told(void **state)
{
    (void)state;
    static const mf_stream_events events = {when_ready, when_bytes, when_lost};
    mf_error err = {0};
    result end = {0};
    uint16_t port;
    const int listener = bound(&port);
    assert_int_equal(listen(listener, 8), 0);
    add_v4(port);
    struct event_base *base = event_base_new();
    mf_tls *tls = mf_tls_create("", "localhost", &err);
    assert_non_null(tls);
    mf_stream *stream = mf_stream_create(base, tls, "localhost", 1, &events, &end);
    resolver_hangs = true;
    mf_stream_open(stream);
    resolver_hangs = false;
    assert_string_equal(mf_stream_step(stream), "its name is not resolved");
    resolver_done(resolver_argument, &name);
    assert_string_equal(mf_stream_step(stream), "TCP does not connect");
    event_base_loop(base, EVLOOP_ONCE);
    assert_non_null(strstr(mf_stream_step(stream), "the TLS handshake does not end"));
    mf_stream_destroy(stream);
    stream = mf_stream_create(base, NULL, "localhost", 1, &events, &end);
    mf_stream_open(stream);
    while (!end.is_ready)
        event_base_loop(base, EVLOOP_ONCE);
    assert_null(mf_stream_step(stream));
    mf_stream_destroy(stream);
    mf_tls_destroy(tls);
    event_base_free(base);
    close(listener);
}

/* What has come of the bytes 0, 1, … 250, 0, 1, …, of which all or `enough` are read. */
typedef struct coming {
    mf_stream *stream;
    size_t n, enough;
    bool is_ready, is_over;
} coming;

static void begin_coming(void *argument)
{
    ((coming *)argument)->is_ready = true;
}

static void take_some(void *argument, const char *bytes, size_t n_bytes)
{
    coming *c = argument;
    assert_false(c->is_over);
    for (size_t i = 0; i < n_bytes; i++)
        assert_int_equal((unsigned char)bytes[i], (c->n + i) % 251);
    c->n += n_bytes;
    if (c->n < c->enough)
        return;
    c->is_over = true;
    mf_stream_close(c->stream);
}

static void end_coming(void *argument, bool closed, const char *why)
{
    coming *c = argument;
    assert_true(closed);
    assert_string_equal(why, "it closed the connection");
    assert_false(c->is_over);
    c->is_over = true;
}

/* More than one read takes; the other end closes at once, or the reader after 1, …, n bytes. */
static void all_bytes_come_in_their_order_until_either_end_closes(void **state)
{
    static const mf_stream_events events = {begin_coming, take_some, end_coming};
    static const size_t enough[] = {SIZE_MAX, 1, 4096, 4097, 60000, 100000};
    static char bytes[1 << 20];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i % 251);
    for (size_t k = 0; k < sizeof enough / sizeof enough[0]; k++) {
        coming c = {.enough = enough[k]};
        uint16_t port;
        const int listener = bound(&port);
        assert_int_equal(listen(listener, 8), 0);
        name = (mf_addresses){0};
        add_v4(port);
        struct event_base *base = event_base_new();
        c.stream = mf_stream_create(base, NULL, "localhost", 1, &events, &c);
        mf_stream_open(c.stream);
        while (!c.is_ready)
            event_base_loop(base, EVLOOP_ONCE);
        const int peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        assert_true(peer >= 0);
        for (size_t sent = 0; sent < sizeof bytes && !c.is_over;) {
            const ssize_t n = send(peer, bytes + sent, sizeof bytes - sent, MSG_NOSIGNAL);
            sent += n > 0 ? (size_t)n : 0;
            event_base_loop(base, EVLOOP_NONBLOCK);
        }
        close(peer);
        while (!c.is_over)
            event_base_loop(base, EVLOOP_ONCE);
        event_base_loop(base, EVLOOP_NONBLOCK);
        if (enough[k] == SIZE_MAX)
            assert_int_equal(c.n, sizeof bytes);
        else
            assert_true(c.n >= enough[k]);
        mf_stream_destroy(c.stream);
        event_base_free(base);
        close(listener);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_tls_failure_is_told_though_another_address_cannot_be_assigned,
                               forget_addresses),
        cmocka_unit_test_setup(a_refusal_is_told_though_another_address_cannot_be_assigned,
                               forget_addresses),
        cmocka_unit_test_setup(the_reason_is_that_of_the_last_open, forget_addresses),
        cmocka_unit_test_setup(a_second_address_is_used_when_the_first_cannot_be, forget_addresses),
        cmocka_unit_test_setup(what_opening_waits_for_is_told, forget_addresses),
        cmocka_unit_test_setup(all_bytes_come_in_their_order_until_either_end_closes,
                               forget_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
