/* evaluate.c: promises in evaluate.h. */
#include "sgd/evaluate.h"

#include "base/id_list.h"
#include "base/memory.h"
#include "model/dot.h"

#include <math.h>

/* Ratings per piece: enough to amortize the loop, few enough that threads share
 * a small validation set. Part of the figures' bits: do not tie it to threads. */
enum { PIECE = 4096 };

typedef struct sums {
    double squares;
    double absolutes;
} sums;

static sums evaluate_piece(const mf_parameters *p, const mf_ratings_rows *held_out, uint64_t from,
                           uint64_t to)
{
    sums piece = {0};
    for (uint64_t i = from; i < to; i++) {
        const float predicted =
            mf_parameters_predict(p, held_out->user[i], held_out->item[i]) * p->scale;
        /* Written so that a NaN stays one. */
        const double raw = (double)predicted + p->mean;
        const double clipped = raw < p->rating_min   ? p->rating_min
                               : raw > p->rating_max ? p->rating_max
                                                     : raw;
        const double error = held_out->value[i] - clipped;
        piece.squares += error * error;
        piece.absolutes += fabs(error);
    }
    return piece;
}

bool mf_evaluate(const mf_parameters *parameters, const mf_ratings_rows *held_out,
                 uint32_t n_threads, mf_accuracy *accuracy, mf_error *err)
{
    const int64_t n_pieces = (int64_t)((held_out->n + PIECE - 1) / PIECE);
    sums *pieces = mf_allocate((size_t)n_pieces, sizeof *pieces, "validation errors", err);
    if (pieces == NULL)
        return false;
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)n_threads)
    for (int64_t i = 0; i < n_pieces; i++) {
        const uint64_t from = (uint64_t)i * PIECE;
        const uint64_t to = from + PIECE < held_out->n ? from + PIECE : held_out->n;
        pieces[i] = evaluate_piece(parameters, held_out, from, to);
    }
    sums total = {0};
    for (int64_t i = 0; i < n_pieces; i++) {
        total.squares += pieces[i].squares;
        total.absolutes += pieces[i].absolutes;
    }
    mf_free(pieces);
    accuracy->rmse = sqrt(total.squares / (double)held_out->n);
    accuracy->mae = total.absolutes / (double)held_out->n;
    return true;
}
