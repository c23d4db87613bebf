/* value.h: ratings, weights and times as they are written.
 *
 * A time is a number (seconds, milliseconds, …: nothing is assumed here) or a date: 2005-04-02,
 * with 23:53, 23:53:47 or 23:53:47.25 after a blank or T, and Z, UTC or an offset (+02:00, +0200,
 * +02) after that; / may stand for -. Without an offset it is UTC, alone it is midnight. A date is
 * the seconds since 1970.
 *
 * Threads: any. Cost: 10 to 50 ns. */
#ifndef MF_RATINGS_VALUE_H
#define MF_RATINGS_VALUE_H

#include "base/error.h"
#include "ratings/cell.h"

#include <stdbool.h>
#include <stdint.h>

/* What the numbers of a column of times count. */
typedef enum mf_time_unit {
    MF_TIME_SECONDS,
    MF_TIME_MILLISECONDS,
    MF_TIME_MICROSECONDS,
    MF_TIME_NANOSECONDS,
    MF_TIME_DATES, /* text, read as seconds */
    MF_TIME_NONE,  /* in reports: of a column of which no time could be read */
} mf_time_unit;

/* "seconds", …, "dates" */
const char *mf_time_unit_name(mf_time_unit unit);

/* How many of them a second has. */
double mf_time_unit_rate(mf_time_unit unit);

/* The unit in which a number is a time between 1973 and 5138, or seconds. */
mf_time_unit mf_time_unit_of(double time);

/* A finite number that fits a float; with decimal_comma "2,5" is one too. */
MF_MUST_CHECK bool mf_value_rating(mf_cell cell, bool decimal_comma, float *rating);

/* A rating that is not negative. */
MF_MUST_CHECK bool mf_value_weight(mf_cell cell, bool decimal_comma, float *weight);

/* *whole where it is an integer that a double holds too or an int64_t holds, else *seconds;
 * *is_date: it was written as a date. False when it is no time. */
MF_MUST_CHECK bool mf_value_time(mf_cell cell, bool *is_whole, int64_t *whole, double *seconds,
                                 bool *is_date);

/* Whether it is a time, and of which unit. */
bool mf_value_time_unit(mf_cell cell, mf_time_unit *unit);

/* 23:53, 23:53:47 or 23:53:47.25: a time of some day. */
bool mf_value_is_clock(mf_cell cell);

/* Empty, or a word for it: NULL, NaN, NA, None, \N. */
bool mf_value_is_missing(mf_cell cell);

#endif
