/* parallel.c: threads that live as long as one piece of work. Starting one costs
 * about 30 us, a block takes 100 times that to parse. */
#include "ratings/parallel.h"

#include <pthread.h>
#include <stdbool.h>

typedef struct member {
    mf_parallel_work *work;
    void *context;
    uint32_t number;
    bool started;
    pthread_t thread;
} member;

static void *member_run(void *argument)
{
    const member *self = argument;
    self->work(self->context, self->number);
    return NULL;
}

void mf_parallel_run(uint32_t n_members, mf_parallel_work *work, void *context)
{
    member members[MF_THREADS_OF_READING];
    if (n_members > MF_THREADS_OF_READING)
        n_members = MF_THREADS_OF_READING;
    for (uint32_t m = 1; m < n_members; m++) {
        members[m] = (member){work, context, m, false, 0};
        members[m].started = pthread_create(&members[m].thread, NULL, member_run, &members[m]) == 0;
    }
    work(context, 0);
    for (uint32_t m = 1; m < n_members; m++) {
        if (members[m].started)
            pthread_join(members[m].thread, NULL);
        else
            work(context, m);
    }
}
