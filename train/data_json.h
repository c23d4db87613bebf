/* data_json.h: what was understood of the data as JSON. */
#ifndef MF_TRAIN_DATA_JSON_H
#define MF_TRAIN_DATA_JSON_H

#include "data_report.h"

#include <stdbool.h>

struct json_t;

/* Adds to a JSON object: n_files_found, n_left_out, left_out, n_blank_rows, n_header_rows,
 * n_line_ends_in_fields, n_timeless_rows, n_future_rows, n_not_rated, n_tombstones, n_forgotten,
 * dialects, values, times, items, warnings. False when there is no memory. */
MF_MUST_CHECK bool mf_data_json_add(struct json_t *object, const mf_data_report *report);

#endif
