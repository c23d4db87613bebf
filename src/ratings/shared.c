/* shared.c: the file that had an item last is kept in the sorter's table of items. */
#include "ratings/shared.h"

#include <string.h>

bool mf_shared_count(mf_sorter *sorter, uint32_t n, const uint32_t *item, const uint8_t *file,
                     mf_shared *shared, mf_error *err)
{
    if (n < 2 || memcmp(file, file + 1, n - 1) == 0)
        return true; /* all of one file */
    uint32_t *last = mf_sorter_items(sorter, err);
    if (last == NULL)
        return false;
    for (uint32_t k = 0; k < n; k++)
        last[item[k]] = 0;
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t before = last[item[k]];
        if (before != 0 && before - 1 != file[k])
            atomic_fetch_add_explicit(&shared->n[before - 1][file[k]], 1, memory_order_relaxed);
        last[item[k]] = file[k] + UINT32_C(1);
    }
    return true;
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
