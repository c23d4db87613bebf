/* remembered.c: two hash tables. When the young one is full, it replaces the old one, whose keys are
 * forgotten. */
#include "lambda/recommend/remembered.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"

#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

typedef struct table {
    mf_recommend_key *slots; /* [n_slots], open addressing; all zero: empty */
    size_t n;
} table;

struct mf_recommend_remembered {
    table young, old;
    size_t most;
    size_t n_slots; /* a power of two, at least twice `most` */
    uint64_t seed;
};

mf_recommend_remembered *mf_recommend_remembered_create(size_t most, mf_error *err)
{
    mf_recommend_remembered *a = mf_allocate(1, sizeof *a, "the memory of requests", err);
    if (a == NULL)
        return NULL;
    a->most = most;
    a->n_slots = mf_id_table_slots((uint32_t)most);
    a->seed = mf_random_bits((uint64_t)mf_clock_wall_ms(), (uint64_t)getpid());
    a->young.slots = mf_allocate(a->n_slots, sizeof *a->young.slots, "the memory of requests", err);
    a->old.slots = mf_allocate(a->n_slots, sizeof *a->old.slots, "the memory of requests", err);
    if (a->young.slots == NULL || a->old.slots == NULL) {
        mf_recommend_remembered_destroy(a);
        return NULL;
    }
    return a;
}

mf_recommend_key mf_recommend_remembered_key(const mf_recommend_remembered *remembered,
                                             const mf_recommend_request *request)
{
    /* With its lengths, so that no two requests have the same bytes. */
    char bytes[5 * sizeof(uint64_t) + 2 * MF_ID_BYTES_MAX];
    const mf_id id = request->request_id, user = request->user, instance = request->instance;
    const XXH128_hash_t of_instance =
        XXH3_128bits_withSeed(instance.bytes, instance.n_bytes, remembered->seed);
    const uint64_t head[] = {id.n_bytes, user.n_bytes, request->top_n, of_instance.low64,
                             of_instance.high64};
    memcpy(bytes, head, sizeof head);
    memcpy(bytes + sizeof head, id.bytes, id.n_bytes);
    if (user.n_bytes > 0)
        memcpy(bytes + sizeof head + id.n_bytes, user.bytes, user.n_bytes);
    const XXH128_hash_t hash =
        XXH3_128bits_withSeed(bytes, sizeof head + id.n_bytes + user.n_bytes, remembered->seed);
    /* Zero is the empty slot's. */
    return (mf_recommend_key){hash.low64, hash.high64 | 1};
}

/* Where the key is, or would be. */
static mf_recommend_key *find(const mf_recommend_remembered *remembered, const table *t,
                              mf_recommend_key key)
{
    size_t slot = key.low & (remembered->n_slots - 1);
    while (t->slots[slot].high != 0 && !mf_recommend_key_equals(t->slots[slot], key))
        slot = (slot + 1) & (remembered->n_slots - 1);
    return &t->slots[slot];
}

bool mf_recommend_remembered_has(const mf_recommend_remembered *remembered, mf_recommend_key key)
{
    return find(remembered, &remembered->young, key)->high != 0 ||
           find(remembered, &remembered->old, key)->high != 0;
}

void mf_recommend_remembered_add(mf_recommend_remembered *remembered, mf_recommend_key key)
{
    if (remembered->most == 0 || find(remembered, &remembered->young, key)->high != 0)
        return;
    if (remembered->young.n == remembered->most) {
        const table emptied = {remembered->old.slots, 0};
        memset(emptied.slots, 0, remembered->n_slots * sizeof *emptied.slots);
        remembered->old = remembered->young;
        remembered->young = emptied;
    }
    *find(remembered, &remembered->young, key) = key;
    remembered->young.n++;
}

void mf_recommend_remembered_destroy(mf_recommend_remembered *remembered)
{
    if (remembered == NULL)
        return;
    mf_free(remembered->young.slots);
    mf_free(remembered->old.slots);
    mf_free(remembered);
}
