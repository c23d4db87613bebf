/* row_error.h: what is wrong with a row, in words. */
#ifndef MF_RATINGS_ROW_ERROR_H
#define MF_RATINGS_ROW_ERROR_H

#include "ratings/parse.h"

/* The row in the parser's cells is bad: writes why (without a place) into err and
 * the field to blame into *field. */
void mf_row_explain(const mf_parser *parser, uint32_t *field, mf_error *err);

/* The row in the cells is the header again. */
bool mf_row_is_header(const mf_parser *parser);

/* The row's rating as a float; false when it is none. */
bool mf_row_rating(mf_cell cell, float *rating);

/* The row's weight in implicit feedback: a rating that is not negative. */
bool mf_row_weight(mf_cell cell, float *weight);

/* The row's timestamp: *whole where it is an integer that a double holds too or
 * an int64_t holds, else *seconds; false when it is none. */
bool mf_row_time(mf_cell cell, bool *is_whole, int64_t *whole, double *seconds);

#endif
