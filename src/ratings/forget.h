/* forget.h: users who are to be forgotten: the rows of theirs that are not newer are left out.
 *
 *   {"event": "forget", "user_id": 7, "timestamp": 1764633600}
 *
 * A JSON object like this (a tombstone) is no rating: no row of the user up to this time, or without
 * a time, is read, in whatever file it is, and before repeated pairs are brought together. Without
 * a time it covers all of the user's rows. A whole number is the same user in all its forms: 2, "2" and
 * "2.0" (mf_id_write_integer_of_text). Users and items that have no row then are not in the
 * ratings, their ids neither.
 *
 * Threads: a list for each parser; the rest one caller. */
#ifndef MF_RATINGS_FORGET_H
#define MF_RATINGS_FORGET_H

#include "base/error.h"
#include "ratings/cell.h"
#include "ratings/id_map.h"
#include "ratings/ratings.h"
#include "ratings/store.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct mf_tombstone {
    mf_cell_copy user;
    double until; /* as the times of rows are; INFINITY: all */
} mf_tombstone;

/* All zero bytes is an empty list; mf_free its tombstones. */
typedef struct mf_tombstones {
    mf_tombstone *tombstone; /* [n] */
    size_t n, capacity;
} mf_tombstones;

MF_MUST_CHECK bool mf_tombstones_add(mf_tombstones *list, mf_cell user, double until,
                                     mf_error *err);

/* users_until[i] of id i of `users`, [users->n], -INFINITY at first: raised by the list. */
void mf_tombstones_apply(const mf_tombstones *list, mf_id_map *users, double *users_until);

/* Closes the span's rows up over those that are left out; returns how many they are. */
uint32_t mf_span_forget(mf_span *span, const double *users_until);

/* Renumbers users and items so that each has a rating. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_ratings_drop_unrated(mf_ratings *ratings, mf_error *err);

#endif
