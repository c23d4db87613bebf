/* shared.c: a table of all pairs of files, of which the largest entries are shown. */
#include "ratings/shared.h"

#include <string.h>

void mf_shared_count(mf_shared *shared, uint8_t before, uint8_t file)
{
    if (before != file)
        atomic_fetch_add_explicit(&shared->n[before][file], 1, memory_order_relaxed);
}

size_t mf_shared_top(const mf_shared *shared, mf_shared_rows *top, size_t n_most)
{
    size_t n = 0;
    for (uint32_t a = 0; a < MF_SHARED_FILES; a++)
        for (uint32_t b = 0; b < MF_SHARED_FILES; b++) {
            const mf_shared_rows rows = {{a, b}, atomic_load(&shared->n[a][b])};
            size_t at = n;
            if (rows.n == 0)
                continue;
            while (at > 0 && top[at - 1].n < rows.n)
                at--;
            if (at == n_most)
                continue;
            n += n < n_most;
            memmove(&top[at + 1], &top[at], (n - 1 - at) * sizeof *top);
            top[at] = rows;
        }
    return n;
}
