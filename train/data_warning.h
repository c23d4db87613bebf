/* data_warning.h: one more warning of a report about the data.
 *
 * Threads: one. */
#ifndef MF_TRAIN_DATA_WARNING_H
#define MF_TRAIN_DATA_WARNING_H

#include "data_report.h"

/* event names the kind, for the log (docs/log-events.md). The sentence is cut at its array's size. Past
 * MF_REPORT_WARNINGS warnings there is none. */
__attribute__((format(printf, 3, 4))) void
mf_data_report_warn(mf_data_report *report, const char *event, const char *format, ...);

#endif
