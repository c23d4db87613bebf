/* test_ratings_share.c: several hosts that share the reading of a channel have what one host has that
 * reads everything; hosts are threads. */
#include "hosts_loopback.h"
#include "ratings_testing.h"

#include "base/random.h"
#include "hosts/exchange.h"
#include "ratings/dialect.h"
#include "ratings/part.h"
#include "train/data.h"

#include <sys/stat.h>

enum { HOSTS_MOST = 3 };

/* Rows with repeated pairs, in which ids appear again and again for the first time. */
__attribute__((noinline)) static char *make_rows(uint64_t seed, uint32_t n_rows, bool has_quotes,
                                                 bool has_bad)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&text, &n_bytes);
    const uint64_t key = mf_random_key(seed, 1);
    fputs("userId,movieId,rating,timestamp\r\n", out);
    for (uint64_t row = 0; row < n_rows; row++) {
        const uint32_t user = mf_random_below(key, 4 * row, 1 + n_rows / 10);
        const uint32_t item = mf_random_below(key, 4 * row + 1, 90);
        const uint32_t stars = 1 + mf_random_below(key, 4 * row + 2, 5);
        fprintf(out,
                has_quotes && row % 50 == 7 ? "\"u\n-%u\""
                : user % 2 == 0             ? "%u"
                                            : "u-%u",
                user);
        fprintf(out, ",%u,%u,%llu%s\n", item, stars,
                (unsigned long long)(mf_random_bits(key, 4 * row + 3) % 100),
                row % 5 == 0 ? "\r" : "");
        if (has_bad && row % 1000 == 999)
            fputs("7,8,bad,9\n\n", out);
    }
    fclose(out);
    return text;
}

/* A channel for each host, read by all of them. */
typedef struct reading {
    mf_channel channel[HOSTS_MOST];
    mf_ratings_options options;
    mf_ratings *ratings[HOSTS_MOST];
    mf_data_report report[HOSTS_MOST];
} reading;

static bool read_share(mf_hosts_group *group, void *argument, mf_error *err)
{
    reading *r = argument;
    const uint32_t rank = mf_hosts_rank(group);
    r->ratings[rank] =
        mf_data_read_channel(&r->channel[rank], group, &r->options, NULL, &r->report[rank], err);
    return r->ratings[rank] != NULL;
}

static void set_channel(mf_channel *channel, const char *folder, bool is_sharded)
{
    *channel = (mf_channel){.name = "train", .mode = MF_CHANNEL_FILE, .sharded = is_sharded};
    snprintf(channel->path, sizeof channel->path, "%s", folder);
}

static void clear(reading *r)
{
    for (uint32_t h = 0; h < HOSTS_MOST; h++) {
        mf_ratings_destroy(r->ratings[h]);
        r->ratings[h] = NULL;
    }
}

/* Where files lie differs between one host and a share. */
static void forget_paths(mf_ratings *ratings)
{
    memset(ratings->counts.bad_rows, 0, sizeof ratings->counts.bad_rows);
}

static void write_in(const char *folder, const char *name, const char *text)
{
    char path[120];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    write_text(path, text);
}

static void share_folder(char folder[40], uint32_t n_hosts, uint32_t n_empty, uint32_t host)
{
    snprintf(folder, 40, "of%u-empty%u-host%u", n_hosts, n_empty, host);
}

static void a_sharded_channel_is_read_as_one_host_reads_all_of_its_files(void **state)
{
    static const char *const names[] = {"a.csv", "b.csv", "c.csv", "d/e.csv", "f.csv"};
    static reading one, many;
    mf_error err = {0};
    (void)state;
    for (uint32_t n_hosts = 2; n_hosts <= HOSTS_MOST; n_hosts++)
        for (uint32_t n_empty = 0; n_empty < 2; n_empty++) {
            char folder[40];
            mkdir("all", 0700);
            mkdir("all/d", 0700);
            for (uint32_t h = 0; h < n_hosts - n_empty; h++) {
                share_folder(folder, n_hosts, n_empty, h);
                mkdir(folder, 0700);
                strcat(folder, "/d");
                mkdir(folder, 0700);
            }
            for (uint32_t f = 0; f < 5; f++) {
                /* The hosts' files alternate, the first host has the last file. */
                char *text = make_rows(f, 300, f == 2, f == 1);
                share_folder(folder, n_hosts, n_empty, (4 - f) % (n_hosts - n_empty));
                write_in("all", names[f], text);
                write_in(folder, names[f], text);
                free(text);
            }
            one.options = many.options = (mf_ratings_options){
                .n_threads = 2, .block_bytes = 1000, .max_bad_rows = 9, .times = MF_TIMES_KEPT};
            set_channel(&one.channel[0], "all", false);
            assert_ok(mf_hosts_loopback_run(1, read_share, &one, &err), err);
            for (uint32_t h = 0; h < n_hosts; h++) {
                share_folder(folder, n_hosts, n_empty, h);
                set_channel(&many.channel[h], folder, true);
            }
            assert_ok(mf_hosts_loopback_run(n_hosts, read_share, &many, &err), err);
            forget_paths(one.ratings[0]);
            for (uint32_t h = 0; h < n_hosts; h++) {
                forget_paths(many.ratings[h]);
                assert_same_ratings(one.ratings[0], many.ratings[h]);
                assert_int_equal(one.report[0].n_files, many.report[h].n_files);
                assert_int_equal(one.report[0].n_warnings, many.report[h].n_warnings);
                assert_int_equal(one.report[0].n_distinct, many.report[h].n_distinct);
            }
            clear(&one);
            clear(&many);
        }
}

static void check_replicated(const char *text, const char *other, uint32_t n_threads)
{
    static reading one, many;
    mf_error err = {0};
    mkdir("all", 0700);
    write_in("all", "a.csv", text);
    write_in("all", "b.csv", other);
    one.options = many.options =
        (mf_ratings_options){.n_threads = n_threads, .max_bad_rows = 1000, .times = MF_TIMES_KEPT};
    set_channel(&one.channel[0], "all", false);
    assert_ok(mf_hosts_loopback_run(1, read_share, &one, &err), err);
    for (uint32_t n_hosts = 2; n_hosts <= HOSTS_MOST; n_hosts++) {
        for (uint32_t h = 0; h < n_hosts; h++)
            set_channel(&many.channel[h], "all", false);
        assert_ok(mf_hosts_loopback_run(n_hosts, read_share, &many, &err), err);
        for (uint32_t h = 0; h < n_hosts; h++)
            assert_same_ratings(one.ratings[0], many.ratings[h]);
        clear(&many);
    }
    clear(&one);
}

static void a_file_is_cut_for_several_hosts_and_its_lines_keep_their_numbers(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        /* 400 kB, which two and three hosts cut; quotes make it one piece. */
        char *large = make_rows(7, 30000, kind == 1, kind < 3);
        char *small = make_rows(8, 2000, false, true);
        check_replicated(large, small, kind == 2 ? 1 : 2);
        if (kind == 3)
            check_replicated(small, large, 2);
        free(large);
        free(small);
    }
}

static void json_lines_are_cut_too(void **state)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&text, &n_bytes);
    const uint64_t key = mf_random_key(3, 1);
    (void)state;
    for (uint64_t row = 0; row < 6000; row++) {
        fprintf(out, "{\"user_id\": %u, \"item_id\": \"i %u\", \"rating\": %u}\n",
                mf_random_below(key, 3 * row, 500), mf_random_below(key, 3 * row + 1, 90),
                1 + mf_random_below(key, 3 * row + 2, 5));
        if (row % 1000 == 999)
            fputs("{\"user_id\": 7,\n\n", out);
    }
    fclose(out);
    check_replicated(text, "user_id,item_id,rating\n1,2,3\n", 2);
    free(text);
}

/* What two hosts have, one after the other: *bytes and start[3]. */
static bool put_together(mf_part_bytes part[2], uint8_t **bytes, size_t start[3], mf_error *err)
{
    start[0] = 0;
    for (uint32_t h = 0; h < 2; h++)
        start[h + 1] = start[h] + part[h].n;
    *bytes = mf_allocate(start[2], 1, "what two hosts have", err);
    for (uint32_t h = 0; h < 2; h++) {
        if (*bytes != NULL && part[h].n > 0)
            memcpy(*bytes + start[h], part[h].bytes, part[h].n);
        mf_free(part[h].bytes);
        part[h] = (mf_part_bytes){0};
    }
    return *bytes != NULL;
}

static bool join_all_columns(mf_ratings_reader *joined, mf_ratings_reader *reader[2], mf_error *err)
{
    for (int column = 0; column < MF_COLUMNS; column++) {
        mf_part_bytes codes[2] = {0};
        uint8_t *bytes = NULL;
        size_t start[3];
        bool ok = true;
        for (uint32_t h = 0; ok && h < 2; h++)
            ok = mf_part_column(reader[h], (mf_column)column, &codes[h], err);
        ok = put_together(codes, &bytes, start, err) && ok;
        if (!ok)
            mf_free(bytes);
        if (!ok || !mf_join_column(joined, (mf_column)column, bytes, start, err))
            return false;
    }
    return true;
}

/* The ratings of b.csv, which the first host has read, and a.csv, which the second has. */
static mf_ratings *join_two(const uint64_t number[2], mf_error *err)
{
    static const char *const path[] = {"b.csv", "a.csv"};
    static const char *const in_order[] = {"a.csv", "b.csv"};
    const mf_ratings_options options = {.n_threads = 2, .block_bytes = 500, .times = MF_TIMES_KEPT};
    mf_ratings_reader *reader[2] = {NULL, NULL};
    mf_part_bytes facts[2] = {0};
    uint8_t *bytes = NULL;
    size_t start[3];
    uint32_t blamed;
    mf_ratings *ratings = NULL;
    bool ok = true;
    for (uint32_t h = 0; ok && h < 2; h++) {
        mf_ratings_content content;
        const mf_part_piece piece = {.number = number[h], .file = (uint32_t)number[h]};
        reader[h] = mf_ratings_reader_create(&options, err);
        ok = reader[h] != NULL && mf_ratings_reader_add(reader[h], path[h], &content, NULL, err) &&
             mf_part_facts(reader[h], &piece, 1, NULL, &facts[h], err);
    }
    ok = put_together(facts, &bytes, start, err) && ok;
    const mf_join_input input = {
        .n_hosts = 2, .bytes = bytes, .start = start, .file_name = in_order, .n_files = 2};
    mf_ratings_reader *joined = ok ? mf_join_create(&options, &input, &blamed, err) : NULL;
    mf_free(bytes);
    if (joined != NULL && join_all_columns(joined, reader, err))
        ratings = mf_ratings_reader_finish(joined, err);
    for (uint32_t h = 0; h < 2; h++)
        mf_ratings_reader_destroy(reader[h]);
    mf_ratings_reader_destroy(joined);
    return ratings;
}

static void every_failing_allocation_is_a_clean_error(void **state)
{
    char *a = make_rows(1, 60, false, false);
    char *b = make_rows(2, 60, false, false);
    size_t nth = 1;
    (void)state;
    write_text("a.csv", a);
    write_text("b.csv", b);
    for (;; nth++) {
        mf_error err = {0};
        mf_memory_fail_nth(nth);
        mf_ratings *ratings = join_two((const uint64_t[]){1, 0}, &err);
        const size_t made = mf_memory_fail_nth(0);
        if (ratings == NULL)
            assert_int_equal(err.code, MF_ERR_MEMORY);
        mf_ratings_destroy(ratings);
        if (made < nth)
            break;
    }
    assert_true(nth > 100);
    free(a);
    free(b);
}

/* The control: a join that ignores the order of the pieces gives other ratings. */
static void ids_are_numbered_by_the_order_of_pieces_and_not_of_hosts(void **state)
{
    static reading one;
    mf_error err = {0};
    char *a = make_rows(1, 400, false, false);
    char *b = make_rows(2, 400, false, false);
    (void)state;
    mkdir("all", 0700);
    write_in("all", "a.csv", a);
    write_in("all", "b.csv", b);
    write_text("a.csv", a);
    write_text("b.csv", b);
    one.options = (mf_ratings_options){.times = MF_TIMES_KEPT};
    set_channel(&one.channel[0], "all", false);
    assert_ok(mf_hosts_loopback_run(1, read_share, &one, &err), err);
    mf_ratings *in_order = join_two((const uint64_t[]){1, 0}, &err);
    assert_ok(in_order != NULL, err);
    assert_same_ratings(one.ratings[0], in_order);
    mf_ratings *by_host = join_two((const uint64_t[]){0, 1}, &err);
    assert_ok(by_host != NULL, err);
    assert_int_equal(in_order->n_ratings, by_host->n_ratings);
    assert_memory_not_equal(in_order->users.bytes, by_host->users.bytes, 100);
    mf_ratings_destroy(in_order);
    mf_ratings_destroy(by_host);
    clear(&one);
    free(a);
    free(b);
}

static void assert_share_fails(bool is_sharded, uint64_t max_bad_rows, const char *sentence)
{
    static reading r;
    mf_error err = {0};
    for (uint32_t h = 0; h < 2; h++) {
        char folder[16];
        snprintf(folder, sizeof folder, is_sharded ? "host%u" : "all", h);
        set_channel(&r.channel[h], folder, is_sharded);
    }
    r.options = (mf_ratings_options){.n_threads = 2, .max_bad_rows = max_bad_rows};
    assert_false(mf_hosts_loopback_run(2, read_share, &r, &err));
    assert_string_equal(err.text, sentence);
    clear(&r);
}

static void the_error_is_that_of_the_first_file_with_the_name_of_its_host(void **state)
{
    (void)state;
    mkdir("host0", 0700);
    mkdir("host1", 0700);
    write_text("host0/b.csv", "user,item,rating\n1,2,3\n1,3,worse\n1,3,x\n");
    write_text("host1/a.csv", "user,item,rating\n1,2,3\n\n4,5,bad\n");
    assert_share_fails(true, 0,
                       "algo-2: host1/a.csv:4:5: rating \"bad\" is not a number "
                       "(max_bad_rows=… leaves such rows out)");
    assert_share_fails(true, 2,
                       "algo-2: host1/a.csv:4:5: rating \"bad\" is not a number "
                       "(the first of more bad rows than max_bad_rows=2 allows)");
    write_text("host1/a.csv", "user,item,rating\n1,2,3\n");
    assert_share_fails(true, 0,
                       "algo-1: host0/b.csv:3:5: rating \"worse\" is not a number "
                       "(max_bad_rows=… leaves such rows out)");
}

static void bad_rows_that_are_left_out_are_named_with_their_host(void **state)
{
    static reading r;
    mf_error err = {0};
    (void)state;
    mkdir("host0", 0700);
    mkdir("host1", 0700);
    write_text("host0/b.csv", "user,item,rating\n1,2,3\n1,3,worse\n");
    write_text("host1/a.csv", "user,item,rating\n1,2,3\n\n4,5,bad\n");
    for (uint32_t h = 0; h < 2; h++)
        set_channel(&r.channel[h], h == 0 ? "host0" : "host1", true);
    r.options = (mf_ratings_options){.max_bad_rows = 2};
    assert_ok(mf_hosts_loopback_run(2, read_share, &r, &err), err);
    for (uint32_t h = 0; h < 2; h++) {
        const mf_ratings_counts *counts = &r.ratings[h]->counts;
        assert_int_equal(counts->n_named, 2);
        assert_string_equal(counts->bad_rows[0],
                            "algo-2: host1/a.csv:4:5: rating \"bad\" is not a number");
        assert_string_equal(counts->bad_rows[1],
                            "algo-1: host0/b.csv:3:5: rating \"worse\" is not a number");
    }
    clear(&r);
}

static void two_hosts_with_a_file_of_one_name_are_refused(void **state)
{
    static reading r;
    mf_error err = {0};
    (void)state;
    mkdir("host0", 0700);
    mkdir("host1", 0700);
    write_text("host0/a.csv", "user,item,rating\n1,2,3\n");
    write_text("host1/a.csv", "user,item,rating\n2,2,3\n");
    for (uint32_t h = 0; h < 2; h++)
        set_channel(&r.channel[h], h == 0 ? "host0" : "host1", true);
    assert_false(mf_hosts_loopback_run(2, read_share, &r, &err));
    assert_non_null(strstr(err.text, "algo-1 and algo-2 both have a.csv"));
    assert_non_null(strstr(err.text, "S3DataDistributionType"));
    for (uint32_t h = 0; h < 2; h++)
        r.channel[h].sharded = false;
    write_text("host1/a.csv", "user,item,rating\n2,2,3\n3,4,5\n");
    mf_error_clear(&err);
    assert_false(mf_hosts_loopback_run(2, read_share, &r, &err));
    assert_non_null(strstr(err.text, "algo-2 has other files than algo-1"));
    clear(&r);
}

static void users_to_forget_are_forgotten_on_all_hosts(void **state)
{
    static reading one, many;
    mf_error err = {0};
    static const char *const folders[] = {"all", "host0", "host1"};
    (void)state;
    for (uint32_t f = 0; f < 3; f++) {
        mkdir(folders[f], 0700);
        if (f != 1)
            write_in(folders[f], "a.csv",
                     "user,item,rating,timestamp\n7,1,3,5\n8,1,4,6\n7,2,2,9\n");
        if (f != 2)
            write_in(folders[f], "b.json",
                     "{\"user_id\": 9, \"item_id\": 3, \"rating\": 4, \"timestamp\": 8}\n"
                     "{\"event\": \"forget\", \"user_id\": 7, \"timestamp\": 6}\n");
    }
    set_channel(&one.channel[0], "all", false);
    assert_ok(mf_hosts_loopback_run(1, read_share, &one, &err), err);
    assert_int_equal(one.ratings[0]->counts.n_forgotten, 1);
    set_channel(&many.channel[0], "host0", true);
    set_channel(&many.channel[1], "host1", true);
    assert_ok(mf_hosts_loopback_run(2, read_share, &many, &err), err);
    for (uint32_t h = 0; h < 2; h++)
        assert_same_ratings(one.ratings[0], many.ratings[h]);
    clear(&one);
    clear(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(a_sharded_channel_is_read_as_one_host_reads_all_of_its_files),
        TEST_IN_FOLDER(a_file_is_cut_for_several_hosts_and_its_lines_keep_their_numbers),
        TEST_IN_FOLDER(json_lines_are_cut_too),
        TEST_IN_FOLDER(ids_are_numbered_by_the_order_of_pieces_and_not_of_hosts),
        TEST_IN_FOLDER(every_failing_allocation_is_a_clean_error),
        TEST_IN_FOLDER(the_error_is_that_of_the_first_file_with_the_name_of_its_host),
        TEST_IN_FOLDER(bad_rows_that_are_left_out_are_named_with_their_host),
        TEST_IN_FOLDER(two_hosts_with_a_file_of_one_name_are_refused),
        TEST_IN_FOLDER(users_to_forget_are_forgotten_on_all_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
