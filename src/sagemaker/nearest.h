/* nearest.h: "did you mean …?"
 *
 * The distance is Damerau-Levenshtein with adjacent transpositions (optimal
 * string alignment; Damerau 1964): insert, delete, replace or swap neighbours,
 * one each. Letter case costs nothing. */
#ifndef MF_SAGEMAKER_NEAREST_H
#define MF_SAGEMAKER_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

/* Words longer than this are near nothing. */
enum { MF_NEAREST_BYTES_MAX = 64 };

/* Edits from a to b[0..n_b), or SIZE_MAX when either is too long. O(|a|·|b|). */
size_t mf_edit_distance(const char *a, size_t n_a, const char *b, size_t n_b);

/* True when that many edits look like a slip of the hand: at most a third of the
 * typed word, and at most 3. */
bool mf_edit_is_near(size_t distance, size_t n_typed);

#endif
