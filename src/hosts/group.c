/* group.c: ranks, names, and the failure of a group. */
#include "hosts/group.h"

#include "base/memory.h"
#include "hosts/state.h"

#include <stdio.h>

uint32_t mf_hosts_rank(const mf_hosts_group *group)
{
    return group != NULL ? group->rank : 0;
}

uint32_t mf_hosts_size(const mf_hosts_group *group)
{
    return group != NULL ? group->size : 1;
}

const char *mf_hosts_name(const mf_hosts_group *group, uint32_t rank)
{
    return group != NULL && rank < group->size ? group->name[rank] : "";
}

mf_hosts_group *mf_hosts_group_create(uint32_t rank, uint32_t size, const char *const *names,
                                      double deadline_seconds, mf_error *err)
{
    mf_hosts_group *group = mf_allocate(1, sizeof *group, "the group of hosts", err);
    if (group == NULL)
        return NULL;
    group->rank = rank;
    group->size = size;
    group->deadline_seconds = deadline_seconds;
    group->part_bytes = MF_HOSTS_PART_BYTES;
    pthread_mutex_init(&group->lock, NULL);
    group->name = mf_allocate(size, sizeof *group->name, "names of hosts", err);
    if (group->name == NULL) {
        mf_hosts_group_destroy(group);
        return NULL;
    }
    for (uint32_t r = 0; r < size; r++)
        snprintf(group->name[r], sizeof group->name[r], "%s", names[r]);
    return group;
}

void mf_hosts_group_destroy(mf_hosts_group *group)
{
    if (group == NULL)
        return;
    for (size_t i = 0; i < group->n_outgoing; i++)
        mf_free(group->outgoing[i].copy);
    mf_free(group->outgoing);
    mf_free(group->name);
    pthread_mutex_destroy(&group->lock);
    mf_free(group);
}

bool mf_hosts_group_set_failure(mf_hosts_group *group, const mf_error *failure)
{
    pthread_mutex_lock(&group->lock);
    const bool first = group->failure.code == MF_OK;
    if (first)
        group->failure = *failure;
    pthread_mutex_unlock(&group->lock);
    return first;
}

void mf_hosts_fail(mf_hosts_group *group, const mf_error *reason)
{
    if (group == NULL)
        return;
    mf_error failure = {0};
    mf_fail(&failure, reason->code != MF_OK ? reason->code : MF_ERR_IO, MF_NOWHERE, "%s: %s",
            group->name[group->rank], reason->text);
    if (mf_hosts_group_set_failure(group, &failure) && group->tell != NULL)
        group->tell(group, &failure);
}

void mf_hosts_group_replace_failure(mf_hosts_group *group, const mf_error *failure)
{
    pthread_mutex_lock(&group->lock);
    group->failure = *failure;
    pthread_mutex_unlock(&group->lock);
}

bool mf_hosts_failed(mf_hosts_group *group, mf_error *err)
{
    if (group == NULL)
        return false;
    pthread_mutex_lock(&group->lock);
    const bool failed = group->failure.code != MF_OK;
    if (failed)
        mf_fail_again(err, &group->failure);
    pthread_mutex_unlock(&group->lock);
    return failed;
}
