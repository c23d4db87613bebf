/* mpi.h: the transport by Open MPI 4, in a shared object of its own, libmfmpi.so, which is loaded
 * when a job has several hosts (start.c). With one host nothing of MPI is in the process.
 *
 * Open MPI is started in one of two ways: by a launcher (mpirun, srun), which has set its
 * environment; or by its component pmix/flux, which calls the functions of PMI-1 in the library
 * FLUX_PMI_LIBRARY_PATH. That is libmfmpi.so as well; its functions call back (mf_mpi_pmi). No
 * mpirun, daemon or ssh is needed. */
#ifndef MF_HOSTS_MPI_H
#define MF_HOSTS_MPI_H

#include "hosts/transport.h"

/* What PMI-1 needs. All return within the group's waits. */
typedef struct mf_mpi_pmi {
    void *state;
    uint32_t rank;
    uint32_t size;
    bool (*put)(void *state, const char *key, const char *value);
    bool (*fence)(void *state);
    bool (*get)(void *state, const char *key, char *value, size_t n_value);
    /* MPI gives up; does not return. */
    void (*abort)(void *state, const char *text);
} mf_mpi_pmi;

enum { MF_MPI_NAME_BYTES = 256 };

typedef struct mf_mpi_started {
    mf_hosts_transport transport;
    uint32_t rank;
    uint32_t size;
    char processor[MF_MPI_NAME_BYTES]; /* MPI's name of this machine */
} mf_mpi_started;

/* Starts MPI, once in a process. pmi: NULL under a launcher. The transport's close ends MPI, which
 * waits for all hosts. */
typedef bool mf_mpi_start_function(const mf_mpi_pmi *pmi, mf_mpi_started *started, mf_error *err);

/* The second half, after hosts have seen that they can exchange a message on MF_HOSTS_TO_ONE: all
 * hosts, separates the channels. *done false: to be called again. */
typedef bool mf_mpi_separate_function(bool *done, mf_error *err);

mf_mpi_start_function mf_mpi_start;
mf_mpi_separate_function mf_mpi_separate;

#endif
