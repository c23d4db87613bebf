/* finish.c: what was read becomes the ratings: ids of all parsers merged, rows of users to be forgotten
 * left out, the others grouped by user. */
#include "ratings/ratings.h"

#include "base/memory.h"
#include "ratings/group.h"
#include "ratings/parallel.h"
#include "ratings/reader_state.h"
#include "ratings/shared.h"

#include <math.h>

static bool merge_maps(const mf_ratings_reader *reader, bool is_users, mf_id_map *merged,
                       uint32_t **translation, mf_error *err)
{
    mf_id_map maps[MF_READERS_MOST];
    uint32_t n_filled = 0;
    for (uint32_t t = 0; t < reader->n_parsers; t++) {
        maps[t] = is_users ? reader->parsers[t].users : reader->parsers[t].items;
        n_filled += maps[t].n > 0;
    }
    if (n_filled == 1 && maps[0].n > 0) {
        mf_parser *only = &reader->parsers[0];
        *merged = maps[0];
        *(is_users ? &only->users : &only->items) = (mf_id_map){0};
        return true;
    }
    return mf_id_map_merge(maps, reader->n_parsers,
                           is_users ? reader->options.max_users : reader->options.max_items,
                           is_users ? "users" : "items", merged, translation, err);
}

static void merge(void *context, uint32_t member)
{
    mf_merged_ids *m = context;
    if (member == 0)
        merge_maps(m->reader, true, &m->users, m->user_index, &m->user_error);
    else
        merge_maps(m->reader, false, &m->items, m->item_index, &m->item_error);
}

bool mf_reader_merge_ids(mf_ratings_reader *reader, mf_merged_ids *m, mf_error *err)
{
    m->reader = reader;
    mf_parallel_run(reader->options.n_threads > 1 ? 2 : 1, merge, m);
    if (reader->options.n_threads == 1)
        merge(m, 1);
    const mf_error *failed = m->user_error.code != MF_OK ? &m->user_error : &m->item_error;
    if (failed->code != MF_OK)
        return mf_fail(err, failed->code, MF_NOWHERE, "%s", failed->text);
    for (uint32_t t = 0; t < reader->n_parsers; t++) {
        mf_id_map_clear(&reader->parsers[t].users);
        mf_id_map_clear(&reader->parsers[t].items);
    }
    return true;
}

void mf_merged_ids_clear(mf_merged_ids *m)
{
    mf_id_map_clear(&m->users);
    mf_id_map_clear(&m->items);
    for (uint32_t t = 0; t < MF_READERS_MOST; t++) {
        mf_free(m->user_index[t]);
        mf_free(m->item_index[t]);
    }
}

static bool group_rows(mf_ratings_reader *reader, mf_merged_ids *m, mf_ratings *ratings,
                       mf_error *err)
{
    mf_store *stores[MF_READERS_MOST];
    if (!mf_reader_merge_ids(reader, m, err))
        return false;
    for (uint32_t t = 0; t < reader->n_parsers; t++)
        stores[t] = &reader->parsers[t].store;
    ratings->n_users = m->users.n;
    ratings->n_items = m->items.n;
    if (reader->counts.n_files > 1) {
        reader->shared = mf_allocate(1, sizeof *reader->shared, "counters", err);
        if (reader->shared == NULL)
            return false;
    }
    const mf_grouping grouping = {.spans = reader->spans,
                                  .shared = reader->shared,
                                  .n_spans = reader->n_spans,
                                  .stores = stores,
                                  .n_stores = reader->n_parsers,
                                  .user_index = m->user_index,
                                  .item_index = m->item_index,
                                  .n_users = m->users.n,
                                  .n_threads = reader->options.n_threads,
                                  .adds = ratings->feedback == MF_FEEDBACK_IMPLICIT,
                                  .times = reader->options.times};
    return mf_id_map_take(&m->users, &ratings->users, err) &&
           mf_id_map_take(&m->items, &ratings->items, err) && mf_group(&grouping, ratings, err);
}

/* Leaves out the rows of users who are to be forgotten. */
static bool forget_rows(mf_ratings_reader *reader, mf_error *err)
{
    uint64_t n_left = 0;
    for (uint32_t t = 0; t < reader->n_parsers; t++) {
        mf_id_map *users = &reader->parsers[t].users;
        double *until = mf_allocate(users->n, sizeof *until, "users to forget", err);
        if (until == NULL)
            return false;
        for (uint32_t u = 0; u < users->n; u++)
            until[u] = -(double)INFINITY;
        for (uint32_t from = 0; from < reader->n_parsers; from++)
            mf_tombstones_apply(&reader->parsers[from].tombstones, users, until);
        for (uint64_t s = 0; s < reader->n_spans; s++)
            if (reader->spans[s].reader == t) {
                reader->counts.n_forgotten += mf_span_forget(&reader->spans[s], until);
                n_left += reader->spans[s].n;
            }
        mf_free(until);
    }
    return n_left > 0 ||
           mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                   "there are no ratings: all %llu are of users who are to be forgotten",
                   (unsigned long long)reader->counts.n_forgotten);
}

static bool check_rows(const mf_ratings_counts *counts, mf_error *err)
{
    const uint64_t n_good = counts->n_rows - counts->n_bad_rows - counts->n_tombstones;
    if (n_good > counts->n_zero_weights + counts->n_not_rated)
        return true;
    if (counts->n_files == 0)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "there are no ratings: no file holds any");
    if (counts->n_rows == 0)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                       "there are no ratings: %llu file%s with the right columns, but without rows",
                       (unsigned long long)counts->n_files, counts->n_files == 1 ? "" : "s");
    if (counts->n_not_rated > 0)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                       "there are no ratings: all that can be read are not_rated");
    if (n_good > 0)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                       "there is no feedback: every weight that can be read is 0");
    return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                   "there are no ratings: of %llu row%s none can be read%s%s",
                   (unsigned long long)counts->n_rows, counts->n_rows == 1 ? "" : "s",
                   counts->n_named > 0 ? ", the first of which is " : "",
                   counts->n_named > 0 ? counts->bad_rows[0] : "");
}

mf_ratings *mf_ratings_reader_finish(mf_ratings_reader *reader, mf_error *err)
{
    if (!check_rows(&reader->counts, err) ||
        (reader->counts.n_tombstones > 0 && !forget_rows(reader, err)))
        return NULL;
    mf_ratings *ratings = mf_allocate(1, sizeof *ratings, "ratings", err);
    if (ratings == NULL)
        return NULL;
    ratings->counts = reader->counts;
    ratings->feedback = reader->options.feedback == MF_FEEDBACK_IMPLICIT ? MF_FEEDBACK_IMPLICIT
                                                                         : MF_FEEDBACK_EXPLICIT;
    for (uint32_t t = 0; t < reader->n_parsers; t++) {
        mf_buffer_free(&reader->buffers[t]);
        mf_draft_clear(&reader->parsers[t].draft);
    }
    mf_merged_ids m = {0};
    const bool ok = group_rows(reader, &m, ratings, err) &&
                    (reader->counts.n_forgotten == 0 || mf_ratings_drop_unrated(ratings, err));
    mf_merged_ids_clear(&m);
    if (!ok) {
        mf_ratings_destroy(ratings);
        return NULL;
    }
    return ratings;
}
