/* column_names.h: the names that a header may give to the columns of ratings, for training files and for
 * the CSV requests of `serve` alike.
 *
 * Names are compared without case, punctuation, blanks and the type that RecBole appends: "User-ID" and
 * "user_id:token" are the usual name "userid".
 *
 * Threads: any. */
#ifndef MF_CSV_COLUMN_NAMES_H
#define MF_CSV_COLUMN_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Usual names, in small letters and digits; NULL ends each list. The first one that a header has wins. */
extern const char *const mf_column_user_names[];
extern const char *const mf_column_item_names[];
extern const char *const mf_column_rating_names[];
extern const char *const mf_column_weight_names[]; /* of implicit feedback */
extern const char *const mf_column_time_names[];
extern const char *const mf_column_weak_time_names[]; /* may also stand for other things */

/* How many bytes of the name precede RecBole's type (":token", ":float" and the like). */
size_t mf_column_name_bytes(const char *name, size_t n_bytes);

/* Whether name[0 .. n_bytes) is this usual name; or one of the list's. */
bool mf_column_name_is(const char *name, size_t n_bytes, const char *usual);
bool mf_column_name_among(const char *name, size_t n_bytes, const char *const *usual);

#endif
