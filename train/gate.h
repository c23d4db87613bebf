/* gate.h: whether a new model may take the place of the model in service (channel `current`).
 *
 * Both models are evaluated on the same held-out ratings, those of the job's validation data, paired
 * by user (evaluate/paired.h): NDCG of the lists that serve makes, and RMSE of the predicted ratings
 * when both predict ratings. The new model is promoted unless it is significantly worse by one of
 * them: unless the interval of a difference, at gate_level, lies on the worse side of zero.
 *
 * What makes the comparison fair:
 * (1) A held-out rating counts when neither model was trained on it. That the model in service has
 *     learned ratings which are held out now would be no merit.
 * (2) A user counts when both models were trained on ratings of his. New users, whom only the
 *     new model knows, would be an advantage that says nothing about the others.
 * (3) Items that a user rated in the training data of either model stay out of both lists.
 * (4) An item that a model does not know is a miss in its lists, and is predicted as serve would
 *     predict it: knowing new items is the merit of the new model.
 * (5) Relevant is what is relevant to the new model's own validation.
 *
 * A comparison that cannot be made does not promote, with one exception: an empty channel, since
 * there is no model in service yet. Not promoted are: a file that is no model, is damaged or is of a
 * format that this program does not read; a new model that lacks the ranking or the rating model
 * that the one in service has; a job that was stopped; fewer than MF_GATE_USERS_MIN users to compare.
 * None of these is a failure of the job: model.bin is written, for a person to decide.
 *
 * The line (docs/training.md has its regular expressions for metric_definitions), on one line; figures
 * that there are none of are left out:
 *
 *   gate_promote=1 gate_ndcg_at_10=0.2981 gate_current_ndcg_at_10=0.2937 gate_rmse=0.8412
 *   gate_current_rmse=0.8430 gate_users=610 reason="…"
 *
 * Threads: one caller; deciding starts n_threads of its own. */
#ifndef MF_TRAIN_GATE_H
#define MF_TRAIN_GATE_H

#include "base/error.h"
#include "evaluate/paired.h"
#include "model/model.h"
#include "ratings/ratings.h"
#include "sagemaker/channels.h"
#include "sagemaker/mapped_model.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    MF_GATE_USERS_MIN = 20,
    MF_GATE_USERS_MAX = 10000, /* of more an evenly spread part is compared */
};

typedef struct mf_gate {
    bool used; /* there is a channel `current` */
    mf_mapped_model mapped;
    mf_model *current; /* NULL: it cannot be compared, `reason` says why */

    bool promote;
    char reason[700]; /* a sentence; "": not decided yet */
    double level;
    uint64_t checksum;   /* of the new model's file; the caller's to set once it is written */
    char source[128];    /* where the held-out ratings come from */
    uint32_t k;          /* length of the lists */
    uint64_t n_rows;     /* held-out ratings */
    uint64_t n_new;      /* of those not compared: of users that one of the models does not know */
    uint64_t n_learned;  /* …, ratings that one of the models was trained on */
    uint64_t n_compared; /* the others, but for those beyond MF_GATE_USERS_MAX */
    mf_paired ndcg;      /* a: of the model in service, b: of the new one; n_users 0: none */
    mf_paired rmse;
} mf_gate;

/* What is compared; everything is borrowed. */
typedef struct mf_gate_input {
    const mf_model_parts *parts; /* the new model */
    const mf_ratings *train;     /* what it was trained on */
    const mf_id_list *users;     /* ids of `validation` */
    const mf_id_list *items;
    const mf_ratings_rows *validation; /* in the new model's indexes, grouped by user */
    const mf_ratings_rows *in_current; /* the same rows in those of the model in service; NULL:
                                        * by their ids */
    float relevant_rating;             /* as mf_held_out_create */
    bool has_ratings;                  /* the rows' values are ratings to predict */
    bool stopped;
    const char *source; /* as in mf_gate */
    double level;
    uint32_t k;
    uint64_t seed;
    uint32_t n_threads;
} mf_gate_input;

/* Opens the model of the channel. One that cannot be read is no failure: it is logged, and the
 * gate's reason. Fails MF_ERR_MEMORY, MF_ERR_STOPPED. */
MF_MUST_CHECK bool mf_gate_open(mf_gate *gate, const mf_channel *channel, mf_error *err);

/* Decides. Fails MF_ERR_MEMORY. Cost: two lists for each of at most MF_GATE_USERS_MAX users. */
MF_MUST_CHECK bool mf_gate_decide(mf_gate *gate, const mf_gate_input *input, mf_error *err);

/* Writes the line to standard output. False when it did not get out. */
bool mf_gate_print(const mf_gate *gate);

struct json_t;

/* The decision and its figures. NULL without memory. */
struct json_t *mf_gate_json(const mf_gate *gate);

void mf_gate_close(mf_gate *gate);

#endif
