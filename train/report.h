/* report.h: report.html, a page about a training job for people.
 *
 * What is in it: quality of lists beside popularity, quality by number of ratings, learning curves of
 * both models, how the ratings are distributed, coverage, lists of a few users with titles and
 * reasons, data and warnings, hyperparameters, time and memory, the gate's decision, and a model
 * card. Its figures are those of metrics.json. The page is complete in itself (report/html.h), below
 * 300 kB for any data, and the same for the same training but for times and memory.
 *
 * It shows ids and ratings of a few users: it is as confidential as model.bin, which has them all.
 *
 * Threads: one. */
#ifndef MF_TRAIN_REPORT_H
#define MF_TRAIN_REPORT_H

#include "base/error.h"
#include "metrics.h"
#include "model/model.h"

/* Writes the page, complete or not at all. parts: the finished model. facts->report is not NULL.
 * Fails MF_ERR_IO, MF_ERR_MEMORY. Cost: report_samples.h, and a pass over the counts of users and
 * items. */
MF_MUST_CHECK bool mf_report_write(const char *path, const mf_run_facts *facts,
                                   const mf_model_parts *parts, mf_error *err);

#endif
