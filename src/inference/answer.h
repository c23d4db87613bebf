/* answer.h: how answers are written.
 *
 *   JSON        {"predictions":[…,…]}, or the answer alone when the question was alone
 *   JSON Lines  an answer and \n
 *   CSV         a number and \n; only ratings (mf_answer_check)
 *
 * Threads: one text per thread. */
#ifndef MF_INFERENCE_ANSWER_H
#define MF_INFERENCE_ANSWER_H

#include "inference/state.h"

typedef struct mf_rating_answer {
    float predicted_rating;
    bool known_user;
    bool known_item;
    bool refused; /* null instead of a rating: strict, or there is no rating model */
} mf_rating_answer;

/* Whether the reply format can hold this kind of answer: MF_ERR_NOT_ACCEPTABLE. */
bool mf_answer_check(const mf_inference *inference, mf_question_kind kind, mf_error *err);

/* Around one answer: separators, line ends. Counts it. */
void mf_answer_begin(mf_inference *inference);
void mf_answer_end(mf_inference *inference);

void mf_answer_rating(mf_inference *inference, const mf_rating_answer *answer);

/* What stands beside the header line of a CSV question; not counted as an answer. */
void mf_answer_header(mf_inference *inference);

/* What comes after the last answer; and before the first when there was none. */
void mf_answer_finish(mf_inference *inference);

#endif
