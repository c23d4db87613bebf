/* mpi.c: Open MPI behind transport.h. Of libmfmpi.so; the only file that includes mpi.h of MPI.
 *
 * No call here waits, but those that start and end MPI: a wait for a host that has died would not
 * end. */
#include "hosts/mpi.h"

#include "hosts/keys.h"

#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static MPI_Comm channels[MF_HOSTS_CHANNELS];
static MPI_Request separating = MPI_REQUEST_NULL;
static bool separates;

static bool failed(int code, const char *what, mf_error *err)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int n = 0;
    MPI_Error_string(code, text, &n);
    return mf_fail(err, MF_ERR_IO, MF_NOWHERE, "MPI: %s: %.300s", what, text);
}

static bool send_message(void *state, mf_hosts_channel channel, uint32_t to, uint32_t tag,
                         const void *bytes, size_t n_bytes, mf_hosts_ticket *ticket, mf_error *err)
{
    (void)state;
    MPI_Request *request = n_bytes <= INT_MAX ? malloc(sizeof(MPI_Request)) : NULL;
    if (request == NULL)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a message of %zu bytes",
                       n_bytes);
    const int code =
        MPI_Isend(bytes, (int)n_bytes, MPI_BYTE, (int)to, (int)tag, channels[channel], request);
    if (code != MPI_SUCCESS) {
        free(request);
        return failed(code, "a message cannot be sent", err);
    }
    *ticket = request;
    return true;
}

static bool probe(void *state, mf_hosts_channel channel, uint32_t from, uint32_t tag,
                  mf_hosts_message *message, bool *found, mf_error *err)
{
    (void)state;
    int flag = 0;
    int n = 0;
    MPI_Status status;
    int code =
        MPI_Iprobe(from == MF_HOSTS_ANY ? MPI_ANY_SOURCE : (int)from,
                   tag == MF_HOSTS_ANY ? MPI_ANY_TAG : (int)tag, channels[channel], &flag, &status);
    *found = false;
    if (code == MPI_SUCCESS && flag == 0)
        return true;
    if (code == MPI_SUCCESS)
        code = MPI_Get_count(&status, MPI_BYTE, &n);
    if (code != MPI_SUCCESS || n < 0)
        return failed(code, "a message cannot be received", err);
    *message = (mf_hosts_message){
        .from = (uint32_t)status.MPI_SOURCE, .tag = (uint32_t)status.MPI_TAG, .n_bytes = (size_t)n};
    *found = true;
    return true;
}

static bool receive(void *state, mf_hosts_channel channel, const mf_hosts_message *message,
                    void *bytes, mf_hosts_ticket *ticket, mf_error *err)
{
    (void)state;
    MPI_Request *request = malloc(sizeof(MPI_Request));
    if (request == NULL)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a message");
    const int code = MPI_Irecv(bytes, (int)message->n_bytes, MPI_BYTE, (int)message->from,
                               (int)message->tag, channels[channel], request);
    if (code != MPI_SUCCESS) {
        free(request);
        return failed(code, "a message cannot be received", err);
    }
    *ticket = request;
    return true;
}

static bool is_done(void *state, mf_hosts_ticket ticket, bool *done, mf_error *err)
{
    (void)state;
    int flag = 0;
    MPI_Request *request = ticket;
    const int code = MPI_Test(request, &flag, MPI_STATUS_IGNORE);
    *done = flag != 0;
    if (code == MPI_SUCCESS && flag == 0)
        return true;
    free(request);
    return code == MPI_SUCCESS || failed(code, "a message is lost", err);
}

static void end_mpi(void *state)
{
    (void)state;
    MPI_Finalize();
}

bool mf_mpi_separate(bool *done, mf_error *err)
{
    int flag = 0;
    int code = MPI_SUCCESS;
    if (!separates)
        code = MPI_Comm_idup(MPI_COMM_WORLD, &channels[MF_HOSTS_TO_ALL], &separating);
    separates = true;
    if (code == MPI_SUCCESS)
        code = MPI_Test(&separating, &flag, MPI_STATUS_IGNORE);
    *done = flag != 0;
    if (code == MPI_SUCCESS && *done)
        code = MPI_Comm_set_errhandler(channels[MF_HOSTS_TO_ALL], MPI_ERRORS_RETURN);
    return code == MPI_SUCCESS || failed(code, "hosts cannot exchange messages", err);
}

/* --- PMI-1, for Open MPI's component pmix/flux ------------------------------------ */

static mf_mpi_pmi pmi;

enum { PMI_OK = 0, PMI_REFUSED = -1 };

int PMI_Init(int *spawned);
int PMI_Initialized(int *initialized);
int PMI_Finalize(void);
int PMI_Get_size(int *size);
int PMI_Get_rank(int *rank);
int PMI_Get_universe_size(int *size);
int PMI_Get_appnum(int *number);
int PMI_Barrier(void);
int PMI_Abort(int code, const char *text);
int PMI_KVS_Get_my_name(char *name, int n);
int PMI_KVS_Get_name_length_max(int *n);
int PMI_KVS_Get_key_length_max(int *n);
int PMI_KVS_Get_value_length_max(int *n);
int PMI_KVS_Put(const char *space, const char *key, const char *value);
int PMI_KVS_Commit(const char *space);
int PMI_KVS_Get(const char *space, const char *key, char *value, int n);
int PMI_Get_clique_size(int *size);
int PMI_Get_clique_ranks(int *ranks, int n);

int PMI_Init(int *spawned)
{
    if (spawned != NULL)
        *spawned = 0;
    return pmi.put != NULL ? PMI_OK : PMI_REFUSED;
}

int PMI_Initialized(int *initialized)
{
    *initialized = pmi.put != NULL;
    return PMI_OK;
}

int PMI_Finalize(void)
{
    return PMI_OK;
}

int PMI_Get_size(int *size)
{
    *size = (int)pmi.size;
    return PMI_OK;
}

int PMI_Get_rank(int *rank)
{
    *rank = (int)pmi.rank;
    return PMI_OK;
}

int PMI_Get_universe_size(int *size)
{
    return PMI_Get_size(size);
}

int PMI_Get_appnum(int *number)
{
    *number = 0;
    return PMI_OK;
}

int PMI_Barrier(void)
{
    return pmi.fence(pmi.state) ? PMI_OK : PMI_REFUSED;
}

int PMI_Abort(int code, const char *text)
{
    (void)code;
    pmi.abort(pmi.state, text != NULL ? text : "");
    return PMI_REFUSED;
}

int PMI_KVS_Get_my_name(char *name, int n)
{
    return snprintf(name, (size_t)n, "train") < n ? PMI_OK : PMI_REFUSED;
}

int PMI_KVS_Get_name_length_max(int *n)
{
    *n = 64;
    return PMI_OK;
}

int PMI_KVS_Get_key_length_max(int *n)
{
    *n = MF_HOSTS_KEY_BYTES;
    return PMI_OK;
}

int PMI_KVS_Get_value_length_max(int *n)
{
    *n = MF_HOSTS_VALUE_BYTES;
    return PMI_OK;
}

int PMI_KVS_Put(const char *space, const char *key, const char *value)
{
    (void)space;
    return pmi.put(pmi.state, key, value) ? PMI_OK : PMI_REFUSED;
}

int PMI_KVS_Commit(const char *space)
{
    (void)space;
    return PMI_OK;
}

int PMI_KVS_Get(const char *space, const char *key, char *value, int n)
{
    (void)space;
    /* One process on each host. */
    if (strcmp(key, "PMI_process_mapping") == 0)
        return snprintf(value, (size_t)n, "(vector,(0,%u,1))", (unsigned)pmi.size) < n
                   ? PMI_OK
                   : PMI_REFUSED;
    return n > 0 && pmi.get(pmi.state, key, value, (size_t)n) ? PMI_OK : PMI_REFUSED;
}

int PMI_Get_clique_size(int *size)
{
    *size = 1;
    return PMI_OK;
}

int PMI_Get_clique_ranks(int *ranks, int n)
{
    if (n < 1)
        return PMI_REFUSED;
    ranks[0] = (int)pmi.rank;
    return PMI_OK;
}

/* --- start ------------------------------------------------------------------------ */

bool mf_mpi_start(const mf_mpi_pmi *callbacks, mf_mpi_started *started, mf_error *err)
{
    int level = 0;
    int rank = 0;
    int size = 0;
    int n = 0;
    char name[MPI_MAX_PROCESSOR_NAME + 1] = "";
    if (callbacks != NULL)
        pmi = *callbacks;
    int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    if (code == MPI_SUCCESS && level < MPI_THREAD_FUNNELED)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "MPI has no support for threads beside the one that calls it");
    if (code == MPI_SUCCESS)
        code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (code == MPI_SUCCESS)
        code = MPI_Get_processor_name(name, &n);
    if (code != MPI_SUCCESS)
        return failed(code, "it does not start", err);
    channels[MF_HOSTS_TO_ONE] = MPI_COMM_WORLD;
    channels[MF_HOSTS_TO_ALL] = MPI_COMM_WORLD;
    *started = (mf_mpi_started){
        .transport = {.send = send_message,
                      .probe = probe,
                      .receive = receive,
                      .is_done = is_done,
                      .close = end_mpi},
        .rank = (uint32_t)rank,
        .size = (uint32_t)size,
    };
    snprintf(started->processor, sizeof started->processor, "%.*s",
             (int)sizeof started->processor - 1, name);
    return true;
}
