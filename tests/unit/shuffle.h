/* shuffle.h: items in a random order that depends on the key alone (Fisher-Yates). */
#ifndef MF_TESTS_SHUFFLE_H
#define MF_TESTS_SHUFFLE_H

#include "base/random.h"

static inline void shuffle(uint64_t key, uint32_t *items, uint32_t n)
{
    for (uint32_t i = n; i > 1; i--) {
        const uint32_t other = mf_random_below(key, i, i);
        const uint32_t kept = items[i - 1];
        items[i - 1] = items[other];
        items[other] = kept;
    }
}

#endif
