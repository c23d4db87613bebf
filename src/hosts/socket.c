/* socket.c: sockets and interfaces, by the system's calls. */
#include "hosts/socket.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 512,
    TRY_AGAIN_MS = 200,
    CONNECT_MS = 2000, /* to one address */
    TELL_SECONDS = 60,
};

typedef union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_storage storage;
} address;

/* Binds and listens, without an error of ours. */
static int listen_on(uint16_t port)
{
    const int on = 1;
    const int off = 0;
    address a = {
        .six = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_ANY_INIT}};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const bool is_six = fd >= 0;
    if (!is_six) {
        a.four = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_ANY)}};
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    }
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (!is_six || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0) &&
        bind(fd, &a.any, is_six ? sizeof a.six : sizeof a.four) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    const int why = errno;
    close(fd);
    errno = why;
    return -1;
}

int mf_hosts_listen(uint16_t *port, mf_error *err)
{
    address a = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t n = sizeof a;
    const int fd = listen_on(*port);
    if (fd < 0) {
        mf_fail(err, MF_ERR_IO, MF_NOWHERE, "port %u (hosts_port): %s", (unsigned)*port,
                strerror(errno));
        return -1;
    }
    if (getsockname(fd, &a.any, &n) == 0)
        *port = ntohs(a.any.sa_family == AF_INET6 ? a.six.sin6_port : a.four.sin_port);
    return fd;
}

/* A connection to one address, or -1 with errno. */
static int connect_to(const struct addrinfo *to)
{
    const int on = 1;
    int why = 0;
    socklen_t n_why = sizeof why;
    const int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
        struct pollfd one = {.fd = fd, .events = POLLOUT};
        why = errno;
        if (why == EINPROGRESS && poll(&one, 1, CONNECT_MS) == 1)
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n_why);
        else if (why == EINPROGRESS)
            why = ETIMEDOUT;
    }
    if (why != 0) {
        close(fd);
        errno = why;
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* A connection to one of the addresses of a name, or -1 and why. */
static int connect_to_name(const char *name, uint16_t port, const char **why)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char service[8];
    int fd = -1;
    snprintf(service, sizeof service, "%u", (unsigned)port);
    const int unresolved = getaddrinfo(name, service, &hints, &found);
    if (unresolved != 0) {
        *why = gai_strerror(unresolved);
        return -1;
    }
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next)
        fd = connect_to(a);
    *why = fd < 0 ? strerrordesc_np(errno) : "";
    freeaddrinfo(found);
    return fd;
}

int mf_hosts_connect(const char *const *names, size_t n_names, uint16_t port, double wait_seconds,
                     mf_error *err)
{
    const double start = mf_clock_seconds();
    double told = start - TELL_SECONDS;
    for (;;) {
        const char *why = "it has no address";
        for (size_t i = 0; i < n_names; i++) {
            const int fd = connect_to_name(names[i], port, &why);
            if (fd >= 0)
                return fd;
        }
        if (!mf_stop_check(err))
            return -1;
        const double now = mf_clock_seconds();
        if (now - start >= wait_seconds) {
            mf_fail(err, MF_ERR_IO, MF_NOWHERE,
                    "%s cannot be reached at port %u (hosts_port) for %g s (hosts_wait): %s",
                    names[0], (unsigned)port, wait_seconds, why);
            return -1;
        }
        if (now - told >= TELL_SECONDS) {
            mf_log_message(MF_LOG_INFO, "waiting", "%s cannot be reached yet at port %u: %s",
                           names[0], (unsigned)port, why);
            told = now;
        }
        mf_clock_sleep_ms(TRY_AGAIN_MS);
    }
}

/* The numeric form; of an IPv4 address in IPv6 that of IPv4. */
static bool numeric(const address *a, char text[MF_HOSTS_ADDRESS_BYTES])
{
    if (a->any.sa_family == AF_INET)
        return inet_ntop(AF_INET, &a->four.sin_addr, text, MF_HOSTS_ADDRESS_BYTES) != NULL;
    if (a->any.sa_family != AF_INET6)
        return false;
    if (IN6_IS_ADDR_V4MAPPED(&a->six.sin6_addr))
        return inet_ntop(AF_INET, &a->six.sin6_addr.s6_addr[12], text, MF_HOSTS_ADDRESS_BYTES) !=
               NULL;
    return inet_ntop(AF_INET6, &a->six.sin6_addr, text, MF_HOSTS_ADDRESS_BYTES) != NULL;
}

void mf_hosts_peer_address(int fd, char text[MF_HOSTS_ADDRESS_BYTES])
{
    address a = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t n = sizeof a;
    if (getpeername(fd, &a.any, &n) != 0 || !numeric(&a, text))
        snprintf(text, MF_HOSTS_ADDRESS_BYTES, "?");
}

/* The address of an interface that is up. */
static bool address_of(const struct ifaddrs *i, char text[MF_HOSTS_ADDRESS_BYTES])
{
    address a = {.any = {.sa_family = AF_UNSPEC}};
    if (i->ifa_addr == NULL || (i->ifa_flags & IFF_UP) == 0)
        return false;
    if (i->ifa_addr->sa_family == AF_INET)
        memcpy(&a.four, i->ifa_addr, sizeof a.four);
    else if (i->ifa_addr->sa_family == AF_INET6)
        memcpy(&a.six, i->ifa_addr, sizeof a.six);
    return numeric(&a, text);
}

bool mf_hosts_interface_of(int fd, char name[MF_HOSTS_INTERFACE_BYTES])
{
    address a = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t n = sizeof a;
    char mine[MF_HOSTS_ADDRESS_BYTES];
    char theirs[MF_HOSTS_ADDRESS_BYTES];
    struct ifaddrs *all = NULL;
    bool found = false;
    if (getsockname(fd, &a.any, &n) != 0 || !numeric(&a, mine) || getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *i = all; i != NULL && !found; i = i->ifa_next) {
        found = address_of(i, theirs) && strcmp(mine, theirs) == 0;
        if (found)
            snprintf(name, MF_HOSTS_INTERFACE_BYTES, "%s", i->ifa_name);
    }
    freeifaddrs(all);
    /* Any address of 127.0.0.0/8 is of this interface. */
    if (!found && strncmp(mine, "127.", 4) == 0) {
        snprintf(name, MF_HOSTS_INTERFACE_BYTES, "lo");
        found = true;
    }
    return found;
}

bool mf_hosts_interface_exists(const char *name)
{
    struct ifaddrs *all = NULL;
    char text[MF_HOSTS_ADDRESS_BYTES];
    bool found = false;
    if (name[0] == '\0' || getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *i = all; i != NULL && !found; i = i->ifa_next)
        found = strcmp(i->ifa_name, name) == 0 && address_of(i, text);
    freeifaddrs(all);
    return found;
}

size_t mf_hosts_addresses(char (*text)[MF_HOSTS_ADDRESS_BYTES], size_t n_max)
{
    struct ifaddrs *all = NULL;
    size_t n = 0;
    if (getifaddrs(&all) != 0)
        return 0;
    for (int loopback = 0; loopback < 2; loopback++)
        for (const struct ifaddrs *i = all; i != NULL && n < n_max; i = i->ifa_next) {
            const bool is_loopback = (i->ifa_flags & IFF_LOOPBACK) != 0;
            /* Link-local addresses need the interface's number at the other end. */
            if (is_loopback == (loopback == 1) && address_of(i, text[n]) &&
                strncmp(text[n], "fe80:", 5) != 0)
                n++;
        }
    freeifaddrs(all);
    return n;
}
