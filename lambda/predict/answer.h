/* answer.h: what the model said, with titles, as the function's own answer.
 *
 *     {"predicted_rating": 4.4, "movie_title": "Fight Club (1999)"}
 *     {"recommendations": [{"movieId": "318", "title": "Shawshank Redemption, The (1994)",
 *                           "genres": ["Crime", "Drama"], "score": 0.71,
 *                           "predicted_rating": 4.9}, …]}
 *     {"similar": [{"movieId": "…", "title": "…", "genres": […], "similarity": 0.93}, …]}
 *
 * (1) Ratings have one decimal, half away from zero. Lists keep the model's order, and each
 *     entry its score. A score or a predicted rating that the model leaves out is left out: an
 *     older serve sends no score, a model trained without ratings no predicted rating.
 * (2) "known_user": false and "known_item": false stand where the model says so. A movie
 *     without a row in movies.csv has the title null, no genres and "known_movie": false.
 * (3) What is not an answer to this question is refused as the model's problem, and its
 *     text shows nowhere.
 *
 * Threads: any. */
#ifndef MF_LAMBDA_PREDICT_ANSWER_H
#define MF_LAMBDA_PREDICT_ANSWER_H

#include "base/text.h"
#include "inference/question.h"
#include "lambda/predict/movies.h"
#include "lambda/predict/problem.h"

/* Appends the answer to `question` of which the model said said[0 .. n_said). */
bool mf_predict_answer_write(const mf_question *question, const char *said, size_t n_said,
                             const mf_movies *movies, mf_text *answer, mf_problem *problem);

#endif
