/* row_error.h: what is wrong with a row, in words. */
#ifndef MF_RATINGS_ROW_ERROR_H
#define MF_RATINGS_ROW_ERROR_H

#include "ratings/parse.h"

/* The row in the parser's cells is bad: writes why (without a place) into err and
 * the field to blame into *field. */
void mf_row_explain(const mf_parser *parser, uint32_t *field, mf_error *err);

/* The row of a MatrixMarket file is no entry of a matrix of its size: *role has the index to blame. */
bool mf_row_is_outside(const mf_parser *parser, int *role);

/* The row in the cells is the header again. */
bool mf_row_is_header(const mf_parser *parser);

/* It is a header whose columns have another order. */
bool mf_row_is_other_header(const mf_parser *parser);

#endif
