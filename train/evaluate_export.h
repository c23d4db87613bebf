/* evaluate_export.h: the splits and lists of evaluate as text, so that other programs can be
 * measured on the same.
 *
 *   users.txt, items.txt        an id per line; its line, from 0, is the index in all other files
 *   seed-S-train.txt            "user item rating time_rank", or "user item rating" without times
 *   seed-S-test.txt             "user item rating"; unknown ones are -1
 *   seed-S-list-ROW.txt         "user item item …", best first; a line per user who was counted */
#ifndef MF_TRAIN_EVALUATE_EXPORT_H
#define MF_TRAIN_EVALUATE_EXPORT_H

#include "base/error.h"
#include "base/id_list.h"
#include "evaluate/lists.h"
#include "ratings/ratings.h"

#include <stdbool.h>
#include <stdint.h>

/* Each fails MF_ERR_IO, with the file's name. The folder exists. */
MF_MUST_CHECK bool mf_export_ids(const char *folder, const mf_id_list *users,
                                 const mf_id_list *items, mf_error *err);
MF_MUST_CHECK bool mf_export_train(const char *folder, uint64_t seed, const mf_ratings *train,
                                   mf_error *err);
MF_MUST_CHECK bool mf_export_test(const char *folder, uint64_t seed,
                                  const mf_ratings_rows *held_out, mf_error *err);
MF_MUST_CHECK bool mf_export_lists(const char *folder, uint64_t seed, const char *row,
                                   const mf_evaluation *evaluation, mf_error *err);

#endif
