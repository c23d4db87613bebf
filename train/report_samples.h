/* report_samples.h: lists of a few users, with titles and reasons, and similar items.
 *
 * The users are those at 10, 40, 70 and 95 % of the users by number of training ratings: one with
 * few, one with many. Their lists are what serve returns, but that held-out ratings may come back,
 * which shows what was found. Of a large model (2^26 floats of item vectors and more) there is one
 * user and one item, so that the report takes no longer than a part of an epoch.
 *
 * Threads: one. */
#ifndef MF_TRAIN_REPORT_SAMPLES_H
#define MF_TRAIN_REPORT_SAMPLES_H

#include "base/error.h"
#include "base/text.h"
#include "model/model.h"
#include "ratings/ratings.h"

/* Appends them. train: what the model was learned from; validation: rows in its indexes, or NULL.
 * Fails MF_ERR_MEMORY. Cost: at most eight passes over the item vectors. */
MF_MUST_CHECK bool mf_report_samples(mf_text *page, const mf_model_parts *parts,
                                     const mf_ratings *train, const mf_ratings_rows *validation,
                                     mf_error *err);

#endif
