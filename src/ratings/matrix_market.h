/* matrix_market.h: the lines of a MatrixMarket file before its first entry.
 *
 *   %%MatrixMarket matrix coordinate real general
 *   % comments
 *   rows columns entries
 *   row column value        each from 1
 *
 * Threads: any. Cost: those lines. */
#ifndef MF_RATINGS_MATRIX_MARKET_H
#define MF_RATINGS_MATRIX_MARKET_H

#include "ratings/dialect.h"

#include <stdbool.h>
#include <stddef.h>

/* The bytes of these lines, and what they say; 0: the text is no MatrixMarket of coordinates, or
 * its line of sizes is no such line (then *is_damaged). */
size_t mf_matrix_market_begins(const char *text, size_t n_bytes, mf_matrix_size *size,
                               bool *is_pattern, bool *is_damaged);

#endif
