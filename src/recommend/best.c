/* best.c: the n best items so far, as a heap with the worst of them on top. */
#include "recommend/best.h"

#include <math.h>

static bool worse(mf_recommendation a, mf_recommendation b)
{
    if (a.score != b.score)
        return a.score < b.score;
    return a.item > b.item;
}

/* Puts `entry` where it belongs at or below `hole`, which is free. */
static void sift_down(mf_recommendation *entries, size_t n, size_t hole, mf_recommendation entry)
{
    for (;;) {
        size_t child = 2 * hole + 1;
        if (child >= n)
            break;
        if (child + 1 < n && worse(entries[child + 1], entries[child]))
            child++;
        if (!worse(entries[child], entry))
            break;
        entries[hole] = entries[child];
        hole = child;
    }
    entries[hole] = entry;
}

void mf_best_begin(mf_best *best, mf_recommendation *entries, size_t capacity)
{
    *best = (mf_best){entries, 0, capacity, -INFINITY};
}

bool mf_best_wants(const mf_best *best, float score, uint32_t item)
{
    return best->n < best->capacity ||
           worse(best->entries[0], (mf_recommendation){item, score, NAN});
}

void mf_best_take(mf_best *best, float score, uint32_t item)
{
    const mf_recommendation entry = {item, score, NAN};
    if (best->n == best->capacity) {
        sift_down(best->entries, best->n, 0, entry);
    } else {
        size_t hole = best->n++;
        while (hole > 0 && worse(entry, best->entries[(hole - 1) / 2])) {
            best->entries[hole] = best->entries[(hole - 1) / 2];
            hole = (hole - 1) / 2;
        }
        best->entries[hole] = entry;
    }
    if (best->n == best->capacity)
        best->threshold = best->entries[0].score;
}

void mf_best_sort(mf_best *best)
{
    for (size_t n = best->n; n > 1; n--) {
        const mf_recommendation worst = best->entries[0];
        sift_down(best->entries, n - 1, 0, best->entries[n - 1]);
        best->entries[n - 1] = worst;
    }
}
