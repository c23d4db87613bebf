/* response.h: writes the model's response to an instance, with titles, as the function's own.
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
 * (2) "known_user": false and "known_item": false are copied from the model's response. A movie
 *     without a row in movies.csv has the title null, no genres and "known_movie": false. Without
 *     movies (NULL) all of these members are left out.
 * (3) Closed (OUTSIDERS): "known_user" is left out beside a userId.
 * (4) An item has the name that the request gives it. What `with` and `explain` add follows; the title and
 *     the genres of a movie are those of movies.csv, when it has the movie.
 * (5) A text that is not a response to this instance is the model's problem; none of it is shown.
 *
 * Threads: any. */
#ifndef MF_LAMBDA_PREDICT_RESPONSE_H
#define MF_LAMBDA_PREDICT_RESPONSE_H

#include "base/text.h"
#include "inference/instance.h"
#include "lambda/predict/movies.h"
#include "lambda/predict/problem.h"

/* Appends the response to `instance`, for which the model sent model[0 .. n_model). On false *problem
 * says why. */
MF_MUST_CHECK bool mf_predict_response_write(const mf_instance *instance, bool is_closed,
                                             const char *model, size_t n_model,
                                             const mf_predict_movies *movies, mf_text *response,
                                             mf_predict_problem *problem);

#endif
