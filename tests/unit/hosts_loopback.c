/* hosts_loopback.c: a transport between threads: one list of messages for each host. A message that
 * is received is there after some looks. */
#include "hosts_loopback.h"

#include "base/memory.h"
#include "hosts/state.h"

#include <stdlib.h>
#include <string.h>

enum { HOSTS_MAX = 16 };

typedef struct letter {
    struct letter *next;
    mf_hosts_channel channel;
    mf_hosts_message about;
    void *to; /* once it is being received */
    uint32_t looks;
    uint8_t bytes[];
} letter;

typedef struct network {
    pthread_mutex_t lock;
    letter *first[HOSTS_MAX]; /* of the receiver, oldest first */
    mf_hosts_group *group[HOSTS_MAX];
    uint32_t size;
} network;

typedef struct endpoint {
    network *net;
    uint32_t rank;
    uint32_t random;
    letter *opened; /* being received */
} endpoint;

/* Never NULL, never read. */
static int sent_at_once;

static bool loop_send(void *state, mf_hosts_channel channel, uint32_t to, uint32_t tag,
                      const void *bytes, size_t n_bytes, mf_hosts_ticket *ticket, mf_error *err)
{
    endpoint *self = state;
    letter *sent = malloc(sizeof *sent + n_bytes);
    if (sent == NULL)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory");
    *sent = (letter){.channel = channel, .about = {self->rank, tag, n_bytes}};
    if (n_bytes > 0)
        memcpy(sent->bytes, bytes, n_bytes);
    pthread_mutex_lock(&self->net->lock);
    letter **at = &self->net->first[to];
    while (*at != NULL)
        at = &(*at)->next;
    *at = sent;
    pthread_mutex_unlock(&self->net->lock);
    *ticket = &sent_at_once;
    return true;
}

static bool matches(const letter *l, mf_hosts_channel channel, uint32_t from, uint32_t tag)
{
    return l->channel == channel && (from == MF_HOSTS_ANY || l->about.from == from) &&
           (tag == MF_HOSTS_ANY || l->about.tag == tag);
}

/* One of the messages that are the first of their sender and tag. The lock is held. */
static letter *choose(endpoint *self, mf_hosts_channel channel, uint32_t from, uint32_t tag)
{
    letter *chosen = NULL;
    uint32_t n = 0;
    for (letter *l = self->net->first[self->rank]; l != NULL; l = l->next) {
        if (!matches(l, channel, from, tag))
            continue;
        bool is_first = true;
        for (letter *e = self->net->first[self->rank]; e != l && is_first; e = e->next)
            is_first = !matches(e, channel, l->about.from, l->about.tag);
        self->random = self->random * 1664525U + 1013904223U;
        if (is_first && (self->random >> 8) % ++n == 0)
            chosen = l;
    }
    return chosen;
}

static bool loop_probe(void *state, mf_hosts_channel channel, uint32_t from, uint32_t tag,
                       mf_hosts_message *message, bool *found, mf_error *err)
{
    (void)err;
    endpoint *self = state;
    pthread_mutex_lock(&self->net->lock);
    const letter *l = choose(self, channel, from, tag);
    *found = l != NULL;
    if (l != NULL)
        *message = l->about;
    pthread_mutex_unlock(&self->net->lock);
    return true;
}

static bool loop_receive(void *state, mf_hosts_channel channel, const mf_hosts_message *message,
                         void *bytes, mf_hosts_ticket *ticket, mf_error *err)
{
    endpoint *self = state;
    pthread_mutex_lock(&self->net->lock);
    letter **at = &self->net->first[self->rank];
    while (*at != NULL && !matches(*at, channel, message->from, message->tag))
        at = &(*at)->next;
    letter *taken = *at;
    if (taken != NULL)
        *at = taken->next;
    pthread_mutex_unlock(&self->net->lock);
    if (taken == NULL || taken->about.n_bytes != message->n_bytes) {
        free(taken);
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "receive without probe");
    }
    self->random = self->random * 1664525U + 1013904223U;
    taken->to = bytes;
    taken->looks = (self->random >> 8) % 3;
    taken->next = self->opened;
    self->opened = taken;
    *ticket = taken;
    return true;
}

static bool loop_is_done(void *state, mf_hosts_ticket ticket, bool *done, mf_error *err)
{
    (void)err;
    endpoint *self = state;
    letter *l = ticket;
    *done = ticket == &sent_at_once || l->looks-- == 0;
    if (ticket == &sent_at_once || !*done)
        return true;
    if (l->about.n_bytes > 0)
        memcpy(l->to, l->bytes, l->about.n_bytes);
    letter **at = &self->opened;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    free(l);
    return true;
}

static void free_letters(letter *l)
{
    while (l != NULL) {
        letter *next = l->next;
        free(l);
        l = next;
    }
}

static void tell_all(mf_hosts_group *group, const mf_error *failure)
{
    network *net = group->teller;
    for (uint32_t r = 0; r < net->size; r++)
        if (net->group[r] != group)
            mf_hosts_group_set_failure(net->group[r], failure);
}

typedef struct host {
    pthread_t thread;
    mf_hosts_group *group;
    mf_hosts_loopback_work *work;
    void *argument;
    bool ok;
} host;

static void *run_host(void *argument)
{
    host *h = argument;
    mf_error err = {0};
    h->ok = h->work(h->group, h->argument, &err);
    if (!h->ok)
        mf_hosts_fail(h->group, &err);
    return NULL;
}

bool mf_hosts_loopback_run(uint32_t n_hosts, mf_hosts_loopback_work *work, void *argument,
                           mf_error *err)
{
    return mf_hosts_loopback_run_within(n_hosts, 20, work, argument, err);
}

bool mf_hosts_loopback_run_within(uint32_t n_hosts, double deadline_seconds,
                                  mf_hosts_loopback_work *work, void *argument, mf_error *err)
{
    static const char *const names[HOSTS_MAX] = {
        "algo-1", "algo-2",  "algo-3",  "algo-4",  "algo-5",  "algo-6",  "algo-7",  "algo-8",
        "algo-9", "algo-10", "algo-11", "algo-12", "algo-13", "algo-14", "algo-15", "algo-16"};
    network net = {.size = n_hosts};
    endpoint end[HOSTS_MAX];
    host hosts[HOSTS_MAX];
    bool ok = true;
    if (n_hosts == 1)
        return work(NULL, argument, err);
    if (n_hosts > HOSTS_MAX)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "at most %d hosts", HOSTS_MAX);
    pthread_mutex_init(&net.lock, NULL);
    for (uint32_t r = 0; r < n_hosts; r++) {
        net.group[r] = mf_hosts_group_create(r, n_hosts, names, deadline_seconds, err);
        if (net.group[r] == NULL)
            abort();
        end[r] = (endpoint){.net = &net, .rank = r, .random = r};
        net.group[r]->tell = tell_all;
        net.group[r]->teller = &net;
        net.group[r]->part_bytes = MF_HOSTS_LOOPBACK_PART_BYTES;
        net.group[r]->transport = (mf_hosts_transport){
            .state = &end[r],
            .send = loop_send,
            .probe = loop_probe,
            .receive = loop_receive,
            .is_done = loop_is_done,
        };
        hosts[r] = (host){.group = net.group[r], .work = work, .argument = argument};
    }
    for (uint32_t r = 0; r < n_hosts; r++)
        if (pthread_create(&hosts[r].thread, NULL, run_host, &hosts[r]) != 0)
            abort();
    for (uint32_t r = 0; r < n_hosts; r++) {
        pthread_join(hosts[r].thread, NULL);
        ok = ok && hosts[r].ok;
    }
    if (!ok)
        mf_hosts_failed(net.group[0], err);
    for (uint32_t r = 0; r < n_hosts; r++) {
        free_letters(net.first[r]);
        free_letters(end[r].opened);
        mf_hosts_group_destroy(net.group[r]);
    }
    pthread_mutex_destroy(&net.lock);
    return ok;
}
