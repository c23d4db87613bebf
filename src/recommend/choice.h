/* choice.h: which items a list may take: those that a query's candidates, allowed and exclude leave,
 * without what the profile rated.
 *
 * Two forms, whichever is faster to search: a list of items that are scored one by one, or a bitmap
 * beside the scan of all (scan.h). A query without any of them has neither, and its rated items are
 * left out one by one. */
#ifndef MF_RECOMMEND_CHOICE_H
#define MF_RECOMMEND_CHOICE_H

#include "recommend/recommender.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mf_choice {
    const uint64_t *bits;  /* bit i % 64 of word i / 64 is item i, rated items are not in it; NULL:
                            * all, and rated items are still to be left out */
    const uint32_t *items; /* [n] ascending, none twice: these alone; NULL: the bits, or all */
    size_t n;              /* how many may come; without bits those that were rated as well */
} mf_choice;

/* Words of a bitmap of so many items. */
static inline size_t mf_choice_words(size_t n_items)
{
    return (n_items + 63) / 64;
}

static inline bool mf_choice_has(const uint64_t *bits, uint32_t item)
{
    return bits[item / 64] >> item % 64 & 1;
}

/* The items of a bitmap, ascending. */
void mf_choice_list(const uint64_t *bits, size_t n_words, uint32_t *list);

/* In the workspace until its next query. Fails MF_ERR_ARGUMENT: an item out of range; MF_ERR_MEMORY.
 * Cost: O(n_candidates + n_exclude + n_rated + n_items / 64), or few candidates are sorted. */
MF_MUST_CHECK bool mf_choice_make(const mf_recommender *recommender, mf_workspace *workspace,
                                  const mf_profile *profile, const mf_top_n_query *query,
                                  mf_choice *choice, mf_error *err);

#endif
