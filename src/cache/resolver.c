/* resolver.c: getaddrinfo on a detached thread, its result through an eventfd.
 * (1) job is shared by reference count, so a thread may outlive its resolver.
 * (2) The thread writes job->found before the eventfd, the loop reads it after: no lock. */
#include "cache/resolver.h"

#include "base/thread.h"

#include <event2/event.h>
#include <netdb.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { HOST_BYTES = 256, PORT_BYTES = 8 };

/* What the thread and the resolver share; the last of the two frees it. */
typedef struct job {
    atomic_int references;
    int finished_fd;
    char host[HOST_BYTES];
    char port[PORT_BYTES];
    mf_addresses found;
} job;

struct mf_resolver {
    struct event_base *base;
    void (*done)(void *argument, const mf_addresses *addresses);
    void *argument;
    char host[HOST_BYTES];
    char port[PORT_BYTES];
    job *running; /* NULL: none */
    struct event *finished;
    bool wanted;
};

static void look_up(const char *host, const char *port, int flags, mf_addresses *found)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *list = NULL;
    found->n = 0;
    found->why[0] = '\0';
    const int failed = getaddrinfo(host, port, &hints, &list);
    if (failed != 0) {
        snprintf(found->why, sizeof found->why, "its name is not known: %s", gai_strerror(failed));
        return;
    }
    for (const struct addrinfo *a = list; a != NULL && found->n < MF_ADDRESSES_MAX; a = a->ai_next)
        if (a->ai_addrlen <= sizeof found->address[0]) {
            memcpy(&found->address[found->n], a->ai_addr, a->ai_addrlen);
            found->n_bytes[found->n++] = a->ai_addrlen;
        }
    freeaddrinfo(list);
}

static void release(job *j)
{
    if (atomic_fetch_sub(&j->references, 1) > 1)
        return;
    close(j->finished_fd);
    free(j);
}

static void *run(void *argument)
{
    job *j = argument;
    look_up(j->host, j->port, 0, &j->found);
    eventfd_write(j->finished_fd, 1);
    release(j);
    return NULL;
}

/* Forgets the job. */
static void leave(mf_resolver *resolver)
{
    event_free(resolver->finished);
    release(resolver->running);
    resolver->finished = NULL;
    resolver->running = NULL;
}

static void when_finished(evutil_socket_t fd, short what, void *argument)
{
    mf_resolver *resolver = argument;
    (void)fd;
    (void)what;
    const mf_addresses found = resolver->running->found;
    const bool wanted = resolver->wanted;
    leave(resolver);
    resolver->wanted = false;
    if (wanted)
        resolver->done(resolver->argument, &found);
}

/* The thread is detached and takes no signals. */
static bool start_thread(job *j)
{
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = mf_thread_start(&thread, run, j) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

static bool start_job(mf_resolver *resolver)
{
    job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return false;
    atomic_init(&j->references, 1);
    snprintf(j->host, sizeof j->host, "%s", resolver->host);
    snprintf(j->port, sizeof j->port, "%s", resolver->port);
    j->finished_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    resolver->finished = j->finished_fd >= 0 ? event_new(resolver->base, j->finished_fd, EV_READ,
                                                         when_finished, resolver)
                                             : NULL;
    if (resolver->finished != NULL && event_add(resolver->finished, NULL) == 0) {
        atomic_fetch_add(&j->references, 1);
        if (start_thread(j)) {
            resolver->running = j;
            return true;
        }
    }
    if (resolver->finished != NULL)
        event_free(resolver->finished);
    resolver->finished = NULL;
    if (j->finished_fd >= 0)
        close(j->finished_fd);
    free(j);
    return false;
}

mf_resolver *mf_resolver_create(struct event_base *base, const char *host, uint16_t port,
                                void (*done)(void *argument, const mf_addresses *addresses),
                                void *argument)
{
    mf_resolver *resolver = calloc(1, sizeof *resolver);
    if (resolver == NULL)
        return NULL;
    *resolver = (mf_resolver){.base = base, .done = done, .argument = argument};
    snprintf(resolver->host, sizeof resolver->host, "%s", host);
    snprintf(resolver->port, sizeof resolver->port, "%u", port);
    return resolver;
}

bool mf_resolver_start(mf_resolver *resolver)
{
    if (resolver->running == NULL) {
        mf_addresses found;
        look_up(resolver->host, resolver->port, AI_NUMERICHOST, &found);
        if (found.n > 0) {
            resolver->done(resolver->argument, &found);
            return true;
        }
        if (!start_job(resolver))
            return false;
    }
    resolver->wanted = true;
    return true;
}

void mf_resolver_stop(mf_resolver *resolver)
{
    resolver->wanted = false;
}

void mf_resolver_destroy(mf_resolver *resolver)
{
    if (resolver == NULL)
        return;
    if (resolver->running != NULL)
        leave(resolver);
    free(resolver);
}
