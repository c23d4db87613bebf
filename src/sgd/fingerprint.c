/* fingerprint.c: hashes of blocks in parallel, mixed in the order of the blocks. */
#include "sgd/fingerprint.h"

#include "base/id_list.h"
#include "base/memory.h"
#include "base/random.h"
#include "hosts/exchange.h"

#include <stddef.h>
#include <string.h>

_Static_assert(sizeof(mf_sgd_held_out_rating) == 12, "hashed as bytes: no gaps");

static uint64_t mix(uint64_t print, const void *bytes, size_t n_bytes)
{
    return mf_random_bits(print, mf_id_hash(bytes, n_bytes));
}

static uint64_t mix_id(uint64_t print, const mf_id_list *ids, uint32_t index)
{
    const mf_id id = mf_id_list_get(ids, index);
    return mix(print, id.bytes, id.n_bytes);
}

/* The base model's parameters of a user or item, if it has them. */
static uint64_t mix_base(uint64_t print, const mf_model_parts *base, uint32_t n,
                         const float *factors, const float *bias, uint32_t index)
{
    if (index >= n)
        return print;
    const size_t stride = mf_model_stride(base->n_factors);
    print = mix(print, factors + index * stride, stride * sizeof *factors);
    return mix(print, bias + index, sizeof *bias);
}

static uint64_t mix_user(uint64_t print, const mf_trainer_input *input, uint32_t user)
{
    const mf_ratings *r = input->ratings;
    const mf_model_parts *e = input->base;
    const uint64_t from = r->user_start[user];
    const size_t n = (size_t)(r->user_start[user + 1] - from);
    print = mf_random_bits(print, user);
    print = mix_id(print, &r->users, user);
    print = mix(print, r->item + from, n * sizeof *r->item);
    print = mix(print, r->value + from, n * sizeof *r->value);
    if (r->time_rank != NULL)
        print = mix(print, r->time_rank + from, n * sizeof *r->time_rank);
    return e != NULL ? mix_base(print, e, e->n_users, e->user_factors, e->user_bias, user) : print;
}

static uint64_t mix_item(uint64_t print, const mf_trainer_input *input, uint32_t item)
{
    const mf_model_parts *e = input->base;
    print = mf_random_bits(print, item);
    print = mix_id(print, &input->ratings->items, item);
    return e != NULL ? mix_base(print, e, e->n_items, e->item_factors, e->item_bias, item) : print;
}

/* Everything that does not belong to a block. */
static uint64_t mix_whole(const mf_trainer_input *input, const mf_sgd_held_out *held_out)
{
    const mf_ratings *r = input->ratings;
    const mf_model_parts *e = input->base;
    uint64_t print = mf_random_bits(0, input->settings_fingerprint);
    print = mix(print, MF_VERSION, sizeof MF_VERSION);
    const uint64_t counts[] = {
        r->n_users,
        r->n_items,
        r->n_ratings,
        r->feedback,
        r->time_rank != NULL,
        held_out->n,
        e != NULL,
        e != NULL ? e->n_users : 0,
        e != NULL ? e->n_items : 0,
    };
    print = mix(print, counts, sizeof counts);
    if (e != NULL) {
        const float range[] = {e->global_mean, e->rating_min, e->rating_max};
        print = mix(print, range, sizeof range);
    }
    return print;
}

/* index[row[i]] = i. NULL when there is no memory. */
static uint32_t *invert(const uint32_t *row, uint32_t n, mf_error *err)
{
    uint32_t *index = mf_allocate(n, sizeof *index, "the fingerprint", err);
    for (uint32_t i = 0; index != NULL && i < n; i++)
        index[row[i]] = i;
    return index;
}

/* Every host gets the prints of the others' user-blocks and groups. */
static bool share_prints(mf_hosts_group *group, const mf_grid *grid, uint64_t *user_print,
                         uint64_t *group_print, uint32_t n_groups, mf_error *err)
{
    const uint32_t size = mf_hosts_size(group);
    size_t *start = mf_allocate((size_t)size + 1, sizeof *start, "the fingerprint", err);
    if (start == NULL)
        return false;
    for (uint32_t rank = 0; rank <= size; rank++)
        start[rank] = mf_grid_range_start(grid, rank, size) * sizeof *user_print;
    bool ok = mf_hosts_share(group, user_print, start, err);
    start[size] += sizeof *group_print; /* the unknown users' */
    ok = ok && (n_groups == 0 || mf_hosts_share(group, group_print, start, err));
    mf_free(start);
    return ok;
}

bool mf_fingerprint(const mf_trainer_input *input, const mf_grid *grid,
                    const mf_sgd_held_out *held_out, uint32_t n_threads, uint64_t *fingerprint,
                    mf_error *err)
{
    const uint32_t n_user_blocks = grid->user_blocks;
    const uint32_t n_item_blocks = grid->item_blocks;
    const uint32_t n_groups = held_out->n > 0 ? held_out->n_groups : 0;
    bool ok = false;
    uint32_t *user_of = invert(grid->user_row, grid->n_users, err);
    uint32_t *item_of = invert(grid->item_row, grid->n_items, err);
    const size_t n_prints = (size_t)n_user_blocks + n_item_blocks + n_groups;
    uint64_t *user_print = mf_allocate(n_prints, sizeof *user_print, "the fingerprint", err);
    if (user_of == NULL || item_of == NULL || user_print == NULL)
        goto done;
    uint64_t *item_print = user_print + n_user_blocks;
    uint64_t *group_print = item_print + n_item_blocks;
#pragma omp parallel num_threads((int)n_threads)
    {
#pragma omp for schedule(dynamic, 1)
        for (uint32_t a = grid->first_block; a < grid->end_block; a++)
            for (uint32_t row = grid->user_block_row[a]; row < grid->user_block_row[a + 1]; row++)
                user_print[a] = mix_user(user_print[a], input, user_of[row]);
#pragma omp for schedule(dynamic, 1)
        for (uint32_t b = 0; b < n_item_blocks; b++)
            for (uint32_t row = grid->item_block_row[b]; row < grid->item_block_row[b + 1]; row++)
                item_print[b] = mix_item(item_print[b], input, item_of[row]);
#pragma omp for schedule(dynamic, 1)
        for (uint32_t g = n_groups > 0 ? held_out->first_group : 0;
             g < (n_groups > 0 ? held_out->end_group : 0); g++) {
            const uint64_t from = mf_sgd_held_out_group(held_out, g);
            const size_t n = (size_t)(mf_sgd_held_out_group(held_out, g + 1) - from);
            group_print[g] =
                mf_id_hash((const char *)(held_out->ratings + from), n * sizeof *held_out->ratings);
        }
    }
    if (mf_hosts_size(input->group) > 1 &&
        !share_prints(input->group, grid, user_print, group_print, n_groups, err))
        goto done;
    uint64_t print = mix_whole(input, held_out);
    for (size_t i = 0; i < n_prints; i++)
        print = mf_random_bits(print, user_print[i]);
    *fingerprint = print;
    ok = true;
done:
    mf_free(user_of);
    mf_free(item_of);
    mf_free(user_print);
    return ok;
}
