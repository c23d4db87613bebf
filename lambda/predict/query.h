/* query.h: the parameters of a GET as the question that they ask.
 *
 *     ?userId=2&movieId=2959                {"userId":"2","movieId":"2959"}
 *     ?userId=2&top_n=5&include_rated=true  {"userId":"2","top_n":5,"include_rated":true}
 *     ?userId=2&movieIds=1,2,3              {"userId":"2","movieIds":["1","2","3"]}
 *     ?userId=2&top_n=5&order=rating        {"userId":"2","top_n":5,"order":"rating"}
 *
 * (1) Nothing is judged here: a name or a value that cannot be is in the question as it
 *     came, for whoever reads that to refuse by name.
 *
 * Threads: any. */
#ifndef MF_LAMBDA_PREDICT_QUERY_H
#define MF_LAMBDA_PREDICT_QUERY_H

#include "base/text.h"

struct json_t; /* jansson's */

/* Appends the question in JSON. query is an object of decoded texts. */
void mf_query_write(const struct json_t *query, mf_text *question);

#endif
