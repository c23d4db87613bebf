/* catalogue.h: what the page shows beside lists: the model's users, items and attributes, and the
 * ratings of one user, as JSON.
 *
 * It is for the page of local-cloud alone. Who can call these functions reads what users have rated,
 * so no service may offer them: page.h lists who is let in.
 *
 * Titles and attributes are those of the model; ratings and their times are those of the file that
 * the model was trained on, because a model does not keep them.
 *
 * Threads: one. */
#ifndef MF_LOCAL_PAGE_CATALOGUE_H
#define MF_LOCAL_PAGE_CATALOGUE_H

#include "base/error.h"
#include "base/text.h"
#include "http/server.h"

typedef struct mf_local_catalogue mf_local_catalogue;

enum {
    MF_LOCAL_CATALOGUE_MATCHES = 20,   /* users and items that a search finds, at most */
    MF_LOCAL_CATALOGUE_RATINGS = 1000, /* of a user, the newest: what a request may have */
    MF_LOCAL_CATALOGUE_VALUES = 40,    /* of an attribute, the most frequent ones */
};

/* Opens the model, and reads the ratings unless their path is empty. NULL and the error of
 * mf_model_open or of a reader of ratings. Cost: that of reading both. */
MF_MUST_CHECK mf_local_catalogue *mf_local_catalogue_open(const char *model, const char *ratings,
                                                          mf_error *err);

/* NULL is fine. */
void mf_local_catalogue_close(mf_local_catalogue *catalogue);

/* Appends members of an object, each followed by a comma:
 *     "users":671,"items":9066,"ratings":100004,
 *     "scale":{"min":0.5,"max":5.0},                    null without a rating model
 *     "ranking":true,"title":"title",                   null without titles
 *     "attributes":[{"name":"genres","values":["Drama",…]},{"name":"year","from":1902,"to":2016}],
 *     "has_ratings":true, */
void mf_local_catalogue_about(const mf_local_catalogue *catalogue, mf_text *out);

/* Appends {"users":[{"userId":"2","ratings":76},…]}: users whose ids begin with these bytes, the
 * id itself first, then in the order of the training data. */
void mf_local_catalogue_users(const mf_local_catalogue *catalogue, mf_http_view prefix,
                              mf_text *out);

/* Appends {"items":[{"movieId":"1","title":"Toy Story (1995)","count":247},…]}: the most rated items
 * whose titles have all of these words, or one whose id it is; without words the most rated ones.
 * Letters are compared without case in ASCII. Cost: O(n_items × length of the titles). */
void mf_local_catalogue_items(const mf_local_catalogue *catalogue, mf_http_view words,
                              mf_text *out);

/* Appends {"total":76,"ratings":[{"movieId":"10","title":"GoldenEye (1995)","rating":4.0,
 * "timestamp":835355493},…]}, newest first. timestamp is null where the file has none; ratings of
 * implicit feedback are its weights. False, and nothing appended, for an unknown user. */
MF_MUST_CHECK bool mf_local_catalogue_ratings(const mf_local_catalogue *catalogue,
                                              mf_http_view user, mf_text *out);

#endif
