/* data_values.h: the values of ratings, how often each occurs, and what looks wrong with them.
 *
 * Threads: one. Cost: as data_report.h says. */
#ifndef MF_TRAIN_DATA_VALUES_H
#define MF_TRAIN_DATA_VALUES_H

#include "data_report.h"
#include "ratings/ratings.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct mf_value_facts {
    double sum;
    float least, second, most, second_most; /* different ones */
    uint64_t n_least, n_most;
    bool are_whole, are_thousandths, has_third_decimal, has_large_whole;
} mf_value_facts;

/* Fills in *values. */
mf_value_facts mf_data_values_look(const mf_ratings *ratings, mf_report_values *values);

/* The warnings, into a report that has all else. */
void mf_data_values_warn(mf_data_report *report, const mf_value_facts *facts);

#endif
