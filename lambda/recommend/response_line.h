/* response_line.h: one line of a response of /invocations, for one lookup.
 *
 *     {"recommendations":[{"movieId":"318","score":0.71},…]}   the lookup of a user: [318,…]
 *                                                              of an instance: "recommendations":[318,…],"count":20
 *     … with attributes or reasons                             "recommendations":[{"movieId":…},…],"count":20
 *     {"predicted_rating":4.42}                                "predicted_rating":4.42
 *     {"similar":[…]}, {"audience":[…]}                        "similar":[…],"count":7
 *
 * Threads: one for each reader. */
#ifndef MF_LAMBDA_RECOMMEND_RESPONSE_LINE_H
#define MF_LAMBDA_RECOMMEND_RESPONSE_LINE_H

#include "lambda/recommend/lookup.h"
#include "lambda/streams/json_reader.h"

/* Resolves the lookup with line[0 .. n), which is without its \n. False: it is not a response to it; the lookup
 * is still pending. A failed text of the lookups is the caller's to check. */
MF_MUST_CHECK bool mf_recommend_line_read(mf_stream_json *json, mf_recommend_lookups *lookups,
                                          mf_recommend_lookup *lookup, const char *line, size_t n,
                                          const char *version);

#endif
