/* inference.h: the bodies of /invocations, without the network.
 *
 * One instance, in any of its forms, yields one response of the same form:
 *
 *   {"userId":"2","movieId":"2959"}            → {"predicted_rating":4.42}
 *   {"userId":"2","top_n":10}                  → {"recommendations":[{"movieId":"318",
 *                                                  "score":0.71,"predicted_rating":4.9},…]}
 *       with "include_rated":true                what the user rated is not left out
 *       with "movieIds":["1","2"]                only these are ranked
 *       with "order":"rating"                    ordered by another score, see below
 *       with "where", "exclude", "in",           steered, and with reasons (steering.h)
 *       "diversity", "max_per", "offset", "explain"
 *   {"userId":"2","movieIds":["1","2"]}        → {"recommendations":[…]}, all of them ranked
 *   {"userIds":["2","5"],"blend":"average"}      and "top_n" or "movieIds": a list for a group
 *   {"movieId":"2959","similar":10}            → {"similar":[{"movieId":"…","similarity":0.93},…]}
 *   {"movieId":"2959","audience":10}           → {"audience":[{"userId":"7","score":0.81},…]}
 *   {"ratings":[{"movieId":"1","rating":5,     and "top_n", "movieIds" or "movieId" as above: a
 *                "timestamp":964982703},…]}      user who is not in the training data (fold-in)
 *       with "userId":"2"                        a user with ratings that are newer than the model
 *   "with":["title"] in any but the audience     attributes of the items in the response
 *   {"instances":[…]}                          → {"predictions":[…]}, one each, in order
 *   application/jsonlines                        one instance a line, one response a line
 *   text/csv                                     user,movie a line, one number a line
 *
 * Ids are strings or whole numbers (2959 and 2959.0 are "2959", see mf_id_write_integer); an unknown id
 * is looked up in another notation (mf_model_find_user). A response has "known_user":false or
 * "known_item":false for an unknown user or item; it is then computed from biases, the mean profile
 * or popularity. With `strict` such an instance is rejected instead: alone with an error, in a
 * batch with the response null ("" in CSV, an empty list for a list).
 *
 * Lists are ordered by the ranking score, or by "order": "ranking", "rating" (predicted ratings,
 * not clipped) or "popularity"; without a ranking model the default is "rating". An order that the
 * model does not have is rejected. "score" is what the list is ordered by, "predicted_rating" is
 * left out when the model was trained without ratings. Of movieIds each counts once; unknown items
 * have "known_item":false. Ordered by rating they are placed by μ + b_u, ordered by popularity by 0,
 * else they are last with the score null (strict: last in any order).
 *
 * Of a folded-in user's ratings those of unknown items are left out; when all of them are unknown
 * the user is an unknown user. Timestamps order them for the age weights of the ranking model;
 * without any all weights are 1. For the rating model, with over 258 factors, not all of a thousand
 * count, but the newest, without timestamps the last ones (mf_fold_in). For a model trained without
 * ratings "rating" may be missing or a weight above 0.
 *
 * Of ratings beside a userId, "rating" may be missing: an event without one, such as a click, is a
 * liked item. They are newer than what the model knows of the user, replace what it knows of the same
 * items, and are left out of lists (mf_add_events). An unknown user is a visitor who has them. Where
 * the model learned without ratings, each is a weight above 0 or counts 1.
 *
 * A model trained without ratings predicts none: an instance that requests one is rejected alone;
 * in a batch its response is null ("" in CSV).
 *
 * Every request format allows every response format: JSON wraps a batch in predictions, JSON Lines
 * and CSV end every response with \n, so that the concatenated responses to pieces of a file are
 * the response to the file. CSV holds ratings only. A first CSV line may name the columns, as in the
 * files that train reads (model_columns.h), in either order; it has no response, see `batch`. In
 * a batch job the user comes first, because later bodies have no header. A first line with one such
 * name and something else is refused, unless that name is an id of the model, and so is a header on
 * a later line, see `batch`. Empty lines are allowed only at the end of a body, see `batch`.
 *
 * (1) There is one response for each instance, in the same order.
 * (2) The same instance yields the same response alone, in a batch, in every format.
 * (3) An invalid body is rejected with the place of the error and what was expected:
 *     "instances[3].movieId: expected a string or an integer".
 * (4) Work is done in slices; memory is bounded by the body's size and the limits. One JSON
 *     instance of a batch, and one line, has at most 256 KiB.
 *
 * Threads: one inference per thread at a time; any number beside each other. */
#ifndef MF_INFERENCE_INFERENCE_H
#define MF_INFERENCE_INFERENCE_H

#include "base/error.h"
#include "base/id_list.h"
#include "base/text.h"
#include "base/user_events.h"
#include "recommend/recommender.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mf_inference_format {
    MF_INFERENCE_JSON,       /* application/json */
    MF_INFERENCE_JSON_LINES, /* application/jsonlines */
    MF_INFERENCE_CSV,        /* text/csv */
    MF_INFERENCE_FORMATS,
} mf_inference_format;

/* "application/json", … */
extern const char *const mf_inference_media_types[MF_INFERENCE_FORMATS];

typedef struct mf_inference_limits {
    bool strict;        /* unknown users and items are rejected */
    bool batch;         /* a batch transform job: an empty body has an empty response. Every line of
                           * another body has a response, so that lines correspond: the CSV header
                           * "predicted_rating", an empty line "", in JSON both
                           * {"predicted_rating":null} */
    uint32_t max_top_n; /* top_n and similar: 1 … this; also the longest movieIds
                           * without top_n */
    uint32_t max_fold_in;               /* ratings of one folded-in user */
    const struct mf_named_lists *lists; /* of the service (named_lists.h), borrowed; NULL: none */
    const struct mf_model_columns
        *columns;                /* of the model (model_columns.h), borrowed; NULL: none */
    uint64_t max_response_bytes; /* a longer response is rejected: a body may hold a million
                                  * instances for a thousand movies each; 0: any length */
} mf_inference_limits;

typedef struct mf_inference mf_inference;

/* Begins. body must stay unchanged until destroy, and body[n_bytes] is 0. The steps append to
 * *response. recommender, limits and response are borrowed.
 * NULL: MF_ERR_MEMORY. */
MF_MUST_CHECK mf_inference *
mf_inference_create(const mf_recommender *recommender, const mf_inference_limits *limits,
                    mf_inference_format request_format, mf_inference_format response_format,
                    const char *body, size_t n_bytes, mf_text *response, mf_error *err);

typedef enum mf_inference_progress {
    MF_INFERENCE_MORE,   /* call step again */
    MF_INFERENCE_DONE,   /* *response is complete */
    MF_INFERENCE_FAILED, /* *err says why, mf_inference_status how; *response is unusable */
} mf_inference_progress;

/* Works for about `microseconds` and returns between two instances, or within a list whose search
 * takes longer; 0: one instance. The workspace is borrowed for the call. Must not be called again
 * after DONE or FAILED. */
MF_MUST_CHECK mf_inference_progress mf_inference_step(mf_inference *inference,
                                                      mf_workspace *workspace,
                                                      uint32_t microseconds, mf_error *err);

/* The HTTP status of an error of this folder: 400 invalid request, 404 unknown user or item in
 * strict mode, 406 the response format cannot hold the response, 413 an instance or the response is
 * too large (a batch of lists whose response must be is refused before they are computed), 503 no
 * memory, 500 internal. */
int mf_inference_status(const mf_error *err);

/* What was counted so far. Ids count as often as they occur. */
typedef struct mf_inference_counts {
    uint64_t n_responses;
    uint64_t n_users;         /* responses to a user: all but those to `similar` */
    uint64_t n_unknown_users; /* of them computed for an unknown user */
    uint64_t n_unknown_items; /* ids of items, also candidates and rated ones, that are unknown */
    uint64_t n_clipped;       /* ratings of visitors and users outside the scale of the model */
} mf_inference_counts;

mf_inference_counts mf_inference_counted(const mf_inference *inference);

/* NULL is fine. */
void mf_inference_destroy(mf_inference *inference);

/* Logs one line for each of the two models that is missing, with the effect on responses. To be
 * called once after loading. */
void mf_inference_log_models(const mf_recommender *recommender);

/* The facts of a list beside its items. */
typedef struct mf_inference_list {
    uint32_t count;
    uint32_t n_unknown_items, n_clipped; /* of the events, as in mf_inference_counts */
    bool known_user; /* false: it is the mean profile's list, or the popular items */
} mf_inference_list;

/* Appends the best items for one user as a JSON list of ids, [1,2,…], to *items. Ids that are
 * canonical integers of at most 15 digits ("12", "-5", not "007") are JSON numbers, others strings.
 * events, or NULL, are newer than the model (mf_add_events), in the order in which they stand. Fails
 * as step does; *items may then have an incomplete list. */
MF_MUST_CHECK bool mf_inference_items(const mf_recommender *recommender,
                                      const mf_inference_limits *limits, mf_workspace *workspace,
                                      const char *user_id, size_t n_bytes, uint32_t top_n,
                                      const mf_user_events *events, mf_text *items,
                                      mf_inference_list *list, mf_error *err);

/* The same in steps; the struct is its caller's. events are only used by begin, which fails as above.
 * step works for about `microseconds` (0: to the end); *items and *list are there when it says DONE.
 * A long search uses a workspace of its own; a short one uses the borrowed workspace and is done
 * after the first step. end frees the listing, also a zeroed one. */
typedef struct mf_listing {
    const mf_recommender *recommender;
    mf_workspace *workspace;
    mf_workspace *own;
    uint32_t n_unknown_items, n_clipped;
    bool known_user;
} mf_listing;

MF_MUST_CHECK bool mf_listing_begin(mf_listing *listing, const mf_recommender *recommender,
                                    const mf_inference_limits *limits, mf_workspace *workspace,
                                    const char *user_id, size_t n_bytes, uint32_t top_n,
                                    const mf_user_events *events, mf_error *err);
MF_MUST_CHECK mf_inference_progress mf_listing_step(const mf_listing *listing,
                                                    uint32_t microseconds, mf_text *items,
                                                    mf_inference_list *list, mf_error *err);
void mf_listing_end(mf_listing *listing);

/* Appends the text before and after such a list:
 *   {"user_id":123,"recommendations":      ,"count":20}
 * with "known_user":false when that is so. The last brace is the caller's. */
void mf_inference_begin_list(mf_text *response, const char *user_id, size_t n_bytes);
void mf_inference_end_list(mf_text *response, const mf_inference_list *list);

/* Appends a field of a list, from a parameter of a URL, to a JSON instance that is not closed yet:
 * ,"offset":10. offset, diversity and explain are numbers; in is a text; exclude and with are texts
 * between commas; where and max_per are JSON objects. Fails MF_ERR_PARSE, MF_ERR_MEMORY: another name, no
 * number, no object. */
MF_MUST_CHECK bool mf_inference_add_parameter(mf_text *instance, const char *name, size_t n_name,
                                              const char *value, size_t n_bytes, mf_error *err);

/* Appends the same events to a JSON instance with a userId that is not closed yet, as ratings that are
 * newer than the model: ,"ratings":[{"item_id":"2959","rating":4.5,"timestamp":1}]. Nothing when
 * there are none. The list is that of mf_listing_begin. */
void mf_inference_add_events(mf_text *instance, const mf_user_events *events);

/* Before the first step, of a body that is one instance with a user_id, for a list: the response has
 * the form above, again without the last brace. Its entries are ids, or with explain or `with` those
 * of /invocations. */
void mf_inference_set_listing(mf_inference *inference);

/* Appends an id in the form of these lists: a JSON number or string. */
void mf_inference_write_id(mf_text *response, mf_id id);

#endif
