/* part.h: a part of each user's ratings is set aside, and settings are tried on what is kept.
 *
 * Of a user with n ratings round(0.2 n) are set aside, at least one when n ≥ 2, drawn by seed.
 * Beyond ratings_most ratings in all a part of the users is drawn, and the others are left out.
 * (The newest ones instead: λ is chosen too large for what users do in between. MovieLens 2016,
 * its halves and quarters, NDCG@10 over that of EASE: 1.055 by the newest, 1.072 by any.)
 *
 * Threads: the functions start options.n_threads of their own. */
#ifndef MF_SPECTRAL_PART_H
#define MF_SPECTRAL_PART_H

#include "base/error.h"
#include "spectral/kernels.h"
#include "spectral/spectral.h"

#include <stdbool.h>
#include <stdint.h>

enum { MF_PART_NONE, MF_PART_KEPT, MF_PART_ASIDE };

/* Fills part [n]: one of the above for each rating. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_part_mark(const mf_spectral_input *input, double ratings_most, uint64_t seed,
                                uint32_t n_threads, uint8_t *part, mf_error *err);

/* The time ranks of those of a user's n ratings that are marked `only` in part (NULL: all),
 * among themselves: as time_rank in mf_ratings; without times (time_rank NULL) as if all were
 * equal. counts is scratch [2 n]; rank [n] is filled at the marked ones. Returns how many. */
uint32_t mf_part_ranks(const uint32_t *time_rank, const uint8_t *part, uint8_t only, uint32_t n,
                       uint32_t *counts, uint32_t *rank);

/* Windows: what a user rated at about the same time belongs together more than what lies years
 * apart, so each run of MF_PART_WINDOW ratings in the order of time is a row of its own beside
 * the user's row, with 0.7 of the grades (sessions as rows of a linear model: Choi, Kim, Lee,
 * Shim, Lee, WWW 2021). A user with MF_PART_WINDOW ratings or fewer, or without times, has none;
 * equally old ratings share one. A user has MF_SPECTRAL_WINDOWS at most; they are longer then.
 * NDCG@10 and recall@20 on MovieLens 2016, with the best λ of each:
 *   random  .3133 .3497 without, .3198 .3579 with windows of 50; time .1348 .1914, .1373 .1942;
 *   a quarter of the users .2696 .2989, .2766 .3077; time .1216 .1611, .1234 .1683.
 * Windows of 25 are better at random (.3230) and worse by time (.1324); windows of 100 are worse
 * at random (.3173) and as good by time (.1369). */
enum { MF_PART_WINDOW = 50 };

/* How many windows a user has, and how many rows users and windows are together. */
uint32_t mf_part_windows(const mf_spectral_input *input, uint32_t user);
uint64_t mf_part_n_rows(const mf_spectral_input *input);

/* The grade of a rating in a window's row. */
uint8_t mf_part_window_grade(uint8_t grade);

/* The matrix as the iteration wants it, of the ratings marked `only` in part (NULL: all). Rows
 * are users with their windows, or items when `transposed`; then columns are users and after
 * them windows, in the order of users. Arrays of *rows are new, mf_part_rows_free frees them.
 * Cost: two passes, with n_threads unless transposed. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_part_rows(const mf_spectral_input *input, const uint8_t *part, uint8_t only,
                                bool transposed, uint32_t n_threads, mf_sparse_rows *rows,
                                mf_error *err);
void mf_part_rows_free(mf_sparse_rows *rows);

#endif
