/* choose.h: settings of the ranking model by how good the lists for set-aside ratings are.
 *
 * Everything about which settings are compared, and which of them is taken, stands in choose.c
 * at the top.
 *
 * For each user with a liked rating among those set aside (part.h) a list of ten is made from
 * the kept ones for each pair of λ and number of directions, and its NDCG@10 is taken.
 * Candidates are the MF_CHOOSE_CANDIDATES items with the highest scores at the middle λ and all
 * directions; where there are more items than that, others do not come into the lists.
 * (Measured against lists from all items: the mean NDCG of a setting differs by 3e-5 on data/,
 * 3e-4 at most, and by .001 on planted ratings, .004 at the smallest λ.)
 *
 * Age weights are for what comes next, so recency is chosen by it: of the same candidates lists are
 * made from the kept ratings of a user's older three quarters, for each recency at the middle λ and
 * all directions, and the liked ones that are set aside among the newest quarter are to be found.
 *
 * Cost for a user: items × k for the candidates, then candidates × k × number of λ.
 * Users are drawn by seed, as many as cost about as much as a decomposition, at least
 * MF_CHOOSE_USERS_LEAST.
 * The results are the same with any number of threads and on any CPU. */
#ifndef MF_SPECTRAL_CHOOSE_H
#define MF_SPECTRAL_CHOOSE_H

#include "base/error.h"
#include "spectral/kernels.h"
#include "spectral/spectral.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MF_CHOOSE_REGULARIZATIONS = 14,
    MF_CHOOSE_SIZES = 3,
    MF_CHOOSE_MAX = MF_CHOOSE_REGULARIZATIONS * MF_CHOOSE_SIZES,
    MF_CHOOSE_RECENCIES = 3,
    MF_CHOOSE_STRETCH = 1024, /* users of one step */
    MF_CHOOSE_CANDIDATES = 512,
    MF_CHOOSE_USERS_LEAST = 1024,
    MF_CHOOSE_USERS_MOST = 4096,
};

/* How much a direction counts in an item vector: q = weight v. */
double mf_direction_weight(double variance, double regularization);

/* λ where nothing better is known: squares is Σ y². */
double mf_default_regularization(double squares);

/* λ for everything when one was chosen for graded ratings by the lists of n_users, who had four
 * fifths of their ratings:
 *   - up to 700 users it is pulled half the way, in the logarithm, towards what would be taken
 *     without a choice: a choice by so few is off by a third either way, and this halves it;
 *   - beyond, the pull fades, and λ grows with the ratings by a quarter: with 8.5 M planted
 *     ratings NDCG@10 is 0.151 instead of 0.094 that way.
 * Where all grades are equal it stays as it was chosen. */
double mf_taken_regularization(double chosen, double squares, bool graded, uint64_t n_users);

/* λ for the whole when `regularization` was found on a draw of its users. */
double mf_scaled_regularization(double regularization, double squares_of_draw, double squares);

/* What is compared. A setting that is given is the only one of its axis. Stored in checkpoints
 * as it stands, as the sums. */
typedef struct mf_choose_grid {
    uint32_t n_regularizations;
    uint32_t n_sizes;
    double regularization[MF_CHOOSE_REGULARIZATIONS]; /* rising */
    uint32_t size[MF_CHOOSE_SIZES];                   /* rising */
    double recency;                                   /* while λ and directions are compared */
    uint32_t graded;                                  /* 1: grades differ */
    uint32_t n_recencies; /* 0: recency is given, or there are no times */
    double near; /* a smaller regularization is taken when its NDCG is this near to the best */
} mf_choose_grid;

/* The age weight's strength when it is not given and not chosen. */
double mf_default_recency(bool has_times);

/* The age weights' strengths that are compared, rising. */
extern const double mf_choose_recencies[MF_CHOOSE_RECENCIES];

/* The prior's strength when it is not given: mean_ratings of a user with ratings, mean_age the
 * mean age weight, each rating counting as its grade. */
double mf_default_prior(double mean_ratings, double mean_age);

/* variances [k]: σ² of the part's directions. graded: not all grades are equal. */
mf_choose_grid mf_choose_grid_for(const mf_spectral_options *options, bool has_times, bool graded,
                                  const double *variances, uint32_t k);

typedef struct mf_choose_sums {
    uint64_t n_users;           /* whose lists are in the sums */
    double ndcg[MF_CHOOSE_MAX]; /* Σ over users; [regularization × n_sizes + size] */
    uint64_t n_recency_users;   /* of them those with something among the newest to find */
    double recency_ndcg[MF_CHOOSE_RECENCIES];         /* Σ over these */
    double recency_gain_squares[MF_CHOOSE_RECENCIES]; /* Σ (NDCG less that of the strongest)² */
} mf_choose_sums;

/* The one to take: an index into the sums, or UINT32_MAX when every list was empty. */
uint32_t mf_choose_best(const mf_choose_grid *grid, const mf_choose_sums *sums);

/* The recency to take: an index into mf_choose_recencies, or UINT32_MAX when nothing was compared. */
uint32_t mf_choose_best_recency(const mf_choose_grid *grid, const mf_choose_sums *sums);

/* The lists. */
typedef struct mf_choose mf_choose;

/* Borrows everything until destroy. vectors [n_items × stride] are v of the kept part, k of
 * them, variances σ². NULL: MF_ERR_MEMORY. */
mf_choose *mf_choose_create(const mf_spectral_kernel *kernel, const mf_choose_grid *grid,
                            const mf_spectral_input *input, const uint8_t *part,
                            const float *vectors, uint32_t k, const double *variances,
                            uint64_t seed, uint32_t n_threads, mf_error *err);
void mf_choose_destroy(mf_choose *choose);

/* Users to look at in all. */
uint32_t mf_choose_n_users(const mf_choose *choose);

/* Adds the lists of the next MF_CHOOSE_STRETCH users, from sums->n_users on, in their order. */
void mf_choose_stretch(mf_choose *choose, mf_choose_sums *sums);

/* mean [stride] = mean over users with a rating of Σ a y q, which is Σ_i (Σ_u a y) q_i;
 * *mean_age = Σ a y / Σ y. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_mean_profile(const mf_spectral_input *input, double recency,
                                   const float *item_vectors, size_t stride, uint32_t n_threads,
                                   float *mean, double *mean_age, mf_error *err);

#endif
