/* nearest.c: three rows of the edit-distance table are enough. */
#include "sagemaker/nearest.h"

#include <stdint.h>
#include <string.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t mf_edit_distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    if (n_a > MF_NEAREST_BYTES_MAX || n_b > MF_NEAREST_BYTES_MAX)
        return SIZE_MAX;
    /* rows[i % 3][j]: edits from the first i bytes of a to the first j of b. */
    size_t rows[3][MF_NEAREST_BYTES_MAX + 1];
    for (size_t j = 0; j <= n_b; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            const bool same = lower(a[i - 1]) == lower(b[j - 1]);
            size_t best = above[j - 1] + (same ? 0 : 1);
            best = least(best, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                best = least(best, rows[(i - 2) % 3][j - 2] + 1);
            row[j] = best;
        }
    }
    return rows[n_a % 3][n_b];
}

bool mf_edit_is_near(size_t distance, size_t n_typed)
{
    return distance <= 3 && distance * 3 <= n_typed;
}
