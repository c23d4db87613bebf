/* ratings_testing.h: what the tests of reading share. They run inside a folder of
 * their own, so that a file's name in a message is the name and nothing else. */
#ifndef MF_TESTS_RATINGS_TESTING_H
#define MF_TESTS_RATINGS_TESTING_H

#include "testing.h"

#include "base/memory.h"
#include "ratings/ratings.h"

static inline int enter_folder(void **state)
{
    char *folder = testing_folder();
    *state = folder;
    return chdir(folder);
}

static inline int leave_folder(void **state)
{
    const int status = chdir("/");
    testing_folder_remove(*state);
    return status;
}

static inline void write_text(const char *name, const char *text)
{
    testing_write(name, text, strlen(text));
}

/* Reads one file to the end; NULL and *err when something fails. */
static inline mf_ratings *read_file(const char *name, const mf_ratings_options *options,
                                    mf_error *err)
{
    const mf_ratings_options usual = {0};
    mf_ratings_content content = MF_RATINGS_READ;
    char reason[MF_RATINGS_REASON_BYTES] = "";
    mf_ratings *ratings = NULL;
    mf_ratings_reader *reader = mf_ratings_reader_create(options != NULL ? options : &usual, err);
    if (reader != NULL && mf_ratings_reader_add(reader, name, &content, reason, err)) {
        if (content != MF_RATINGS_READ)
            fail_msg("%s was not taken for ratings: %s", name, reason);
        ratings = mf_ratings_reader_finish(reader, err);
    }
    mf_ratings_reader_destroy(reader);
    return ratings;
}

static inline mf_ratings *read_text(const char *text, const mf_ratings_options *options,
                                    mf_error *err)
{
    write_text("r.csv", text);
    return read_file("r.csv", options, err);
}

/* "user item rating" of every rating, grouped, one per line: easy to compare. */
static inline char *ratings_text(const mf_ratings *ratings)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&text, &n_bytes);
    for (uint32_t u = 0; u < ratings->n_users; u++)
        for (uint64_t k = ratings->user_start[u]; k < ratings->user_start[u + 1]; k++) {
            const mf_id user = mf_id_list_get(&ratings->users, u);
            const mf_id item = mf_id_list_get(&ratings->items, ratings->item[k]);
            fprintf(out, "%.*s %.*s %g\n", (int)user.n_bytes, user.bytes, (int)item.n_bytes,
                    item.bytes, (double)ratings->value[k]);
        }
    fclose(out);
    return text;
}

/* The ranks are those of the times, found by comparing every two of a user's ratings. */
static inline void assert_ranks(const mf_ratings *ratings, const double *time)
{
    for (uint32_t u = 0; u < ratings->n_users; u++) {
        const uint64_t end = ratings->user_start[u + 1];
        for (uint64_t k = ratings->user_start[u]; k < end; k++) {
            uint64_t n_older = 0;
            uint64_t n_equal = 0;
            for (uint64_t j = ratings->user_start[u]; j < end; j++) {
                n_older += time[j] < time[k];
                n_equal += time[j] == time[k];
            }
            assert_int_equal(ratings->time_rank[k], 2 * n_older + n_equal - 1);
        }
    }
}

/* The text reads as these ratings. */
static inline void assert_reads_with(const char *text, const mf_ratings_options *options,
                                     const char *expected)
{
    mf_error err = {0};
    mf_ratings *ratings = read_text(text, options, &err);
    if (ratings == NULL)
        fail_msg("%s", err.text);
    char *got = ratings_text(ratings);
    assert_string_equal(got, expected);
    free(got);
    mf_ratings_destroy(ratings);
}

static inline void assert_reads(const char *text, const char *expected)
{
    assert_reads_with(text, NULL, expected);
}

/* Reading the text fails with exactly this sentence. */
static inline void assert_refused_with(const char *text, const mf_ratings_options *options,
                                       mf_error_code code, const char *sentence)
{
    mf_error err = {0};
    mf_ratings *ratings = read_text(text, options, &err);
    if (ratings != NULL)
        fail_msg("read, expected: %s", sentence);
    assert_string_equal(err.text, sentence);
    assert_int_equal(err.code, code);
}

static inline void assert_refused(const char *text, const char *sentence)
{
    assert_refused_with(text, NULL, MF_ERR_PARSE, sentence);
}

/* Reading the text fails at a bad row with exactly this sentence, and the setting that helps. */
static inline void assert_bad_row_with(const char *text, const mf_ratings_options *options,
                                       const char *sentence)
{
    char whole[1024];
    snprintf(whole, sizeof whole, "%s (max_bad_rows=… leaves such rows out)", sentence);
    assert_refused_with(text, options, MF_ERR_PARSE, whole);
}

static inline void assert_bad_row(const char *text, const char *sentence)
{
    assert_bad_row_with(text, NULL, sentence);
}

/* Every array of a and b has the same bytes. */
static inline void assert_same_ratings(const mf_ratings *a, const mf_ratings *b)
{
    assert_int_equal(a->n_users, b->n_users);
    assert_int_equal(a->n_items, b->n_items);
    assert_int_equal(a->n_ratings, b->n_ratings);
    assert_memory_equal(a->user_start, b->user_start, (a->n_users + 1) * sizeof *a->user_start);
    assert_memory_equal(a->item, b->item, a->n_ratings * sizeof *a->item);
    assert_memory_equal(a->value, b->value, a->n_ratings * sizeof *a->value);
    assert_int_equal(a->feedback, b->feedback);
    assert_int_equal(a->time_rank == NULL, b->time_rank == NULL);
    assert_int_equal(a->time == NULL, b->time == NULL);
    if (a->time_rank != NULL)
        assert_memory_equal(a->time_rank, b->time_rank, a->n_ratings * sizeof *a->time_rank);
    if (a->time != NULL)
        assert_memory_equal(a->time, b->time, a->n_ratings * sizeof *a->time);
    assert_memory_equal(a->users.start, b->users.start, (a->n_users + 1) * sizeof(uint64_t));
    assert_memory_equal(a->items.start, b->items.start, (a->n_items + 1) * sizeof(uint64_t));
    assert_memory_equal(a->users.bytes, b->users.bytes, a->users.start[a->n_users]);
    assert_memory_equal(a->items.bytes, b->items.bytes, a->items.start[a->n_items]);
    assert_memory_equal(&a->counts, &b->counts, sizeof a->counts);
}

#define TEST_IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

#endif
