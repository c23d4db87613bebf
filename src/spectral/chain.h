/* chain.h: one multiplication by YᵀY over several hosts.
 *
 * Each host multiplies by a range of the rows of Y, with about the same number of entries. A slice
 * of the result (subspace.h) goes from host to host in the order of rows, and each adds its rows to
 * it. So every sum has the order that it has on one host, and the same bits. While a host works on
 * one slice the next host works on the one before; the last host gives the result to all.
 *
 * With G slices a host is busy for G of G + H - 1 turns: 9 slices (256 directions) and 4 hosts with
 * one thread each: three quarters of the time.
 *
 * Bytes that a host sends: at most twice those of the result, which wait as a copy at most once.
 *
 * Threads: all hosts call; starts n_threads - 1 of its own (OpenMP). */
#ifndef MF_SPECTRAL_CHAIN_H
#define MF_SPECTRAL_CHAIN_H

#include "base/error.h"
#include "hosts/exchange.h"
#include "spectral/kernels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mf_chain {
    mf_hosts_group *group;
    const mf_spectral_kernel *kernel;
    const mf_sparse_rows *y; /* all rows, of which this host's are used */
    const float *value;      /* [256] of a grade code */
    size_t n;                /* columns of Y */
    size_t width;            /* columns of x and z, in slices of MF_SPECTRAL_SLICE */
    uint32_t n_threads;
} mf_chain;

/* z = YᵀY x on all hosts; x is the same on all. Fails as exchange.h, MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_chain_multiply(const mf_chain *chain, const float *x, float *z,
                                     mf_error *err);

/* The first row of host `rank`; n_rows for rank == size. */
uint32_t mf_chain_first_row(const mf_sparse_rows *y, uint32_t rank, uint32_t size);

#endif
