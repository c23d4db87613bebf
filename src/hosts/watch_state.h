/* watch_state.h: the watch (watch.h), for its files: watch_frames.c says what a frame does,
 * watch_loop.c has the thread, watch.c the calls of the main thread.
 *
 * `lock` guards everything but what is set before the thread starts. The functions here are called
 * with it. The main thread only appends to a connection's `out` and wakes the thread. */
#ifndef MF_HOSTS_WATCH_STATE_H
#define MF_HOSTS_WATCH_STATE_H

#include "base/text.h"
#include "hosts/frame.h"
#include "hosts/keys.h"
#include "hosts/state.h"
#include "hosts/watch.h"

#include <poll.h>
#include <pthread.h>

#define MF_HOSTS_UNKNOWN  UINT32_MAX
#define MF_HOSTS_PROTOCOL "mf-hosts-1"

enum {
    MF_HOSTS_DRAIN_SECONDS = 2, /* for a failure to reach the others */
    MF_HOSTS_LATE_SECONDS = 10, /* the same while not all hosts have come */
};

typedef struct mf_hosts_connection {
    int fd;
    uint32_t rank; /* MF_HOSTS_UNKNOWN before the hello */
    bool closing;  /* after `out` is sent */
    bool bye;
    double since;
    double heard;
    mf_text out;
    mf_hosts_frame_reader in;
} mf_hosts_connection;

struct mf_hosts_watch {
    mf_hosts_group *group;
    mf_hosts_watch_options options;
    char settings[24];
    pthread_t thread;
    bool has_thread;
    int wake; /* an eventfd */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    mf_hosts_connection **connection; /* [n] */
    size_t n;
    size_t capacity;
    struct pollfd *polled;
    size_t polled_capacity;

    double start;
    double told;
    double pinged;
    uint32_t strays;
    bool *is_here;   /* [size], of the first host */
    uint32_t n_here; /* of the others */
    bool started;    /* all hosts are there */
    bool stop_sent;
    bool done; /* the first host has written everything */
    bool destroyed;
    bool failed;    /* and the thread only passes that on, until `drain` */
    bool reports;   /* the failure did not come from the main thread */
    bool delivered; /* the thread has ended with it */
    double drain;
    mf_error failure;
    bool has_interface;
    char interface[MF_HOSTS_INTERFACE_BYTES];

    mf_hosts_keys keys;
    size_t keys_sent;
    uint32_t n_fence; /* hosts that wait for the next fence; first host */
    uint64_t fences;  /* that are passed */
};

static inline bool mf_hosts_is_first(const mf_hosts_watch *w)
{
    return w->group->rank == 0;
}

/* --- watch_frames.c */

/* Appends a frame for one connection; for every host that has sent its hello (of the others: for the
 * first host); the group's failure for those. */
void mf_hosts_post(mf_hosts_connection *c, mf_hosts_frame_kind kind, const char *const *texts);
void mf_hosts_post_all(mf_hosts_watch *w, mf_hosts_frame_kind kind, const char *const *texts);
void mf_hosts_post_failure(mf_hosts_watch *w);

/* The group fails now, unless it has. from_first: the first host knows. */
void mf_hosts_fail_group(mf_hosts_watch *w, const mf_error *failure, bool from_first);
__attribute__((format(printf, 3, 4))) void mf_hosts_fail_with(mf_hosts_watch *w, mf_error_code code,
                                                              const char *format, ...);

/* Closes a connection that is not of a host of this job. */
void mf_hosts_refuse(mf_hosts_watch *w, mf_hosts_connection *c, const char *why);

/* A connection that ended: a host that is lost, unless all is done. */
void mf_hosts_take_end(mf_hosts_watch *w, mf_hosts_connection *c);

/* Takes what has come; sends what waits. */
void mf_hosts_read_from(mf_hosts_watch *w, mf_hosts_connection *c);
void mf_hosts_write_to(mf_hosts_watch *w, mf_hosts_connection *c);

/* First host: the fence is passed when all have reached it. */
void mf_hosts_pass_fence(mf_hosts_watch *w);

/* SIGTERM came here or on another host. */
void mf_hosts_stop_all(mf_hosts_watch *w);

/* --- watch_loop.c */

/* A new connection; NULL: no memory, and fd is closed. */
mf_hosts_connection *mf_hosts_add_connection(mf_hosts_watch *w, int fd, uint32_t rank,
                                             mf_error *err);

/* The thread. */
void *mf_hosts_watch_run(void *watch);

#endif
