/* ratings.h: the training data as the trainer wants it, and how it is read.
 *
 * Files are read in blocks of whole rows that threads parse side by side
 * (libcsv takes each row apart), so memory does not depend on the size of the
 * CSV. Users and items get their index by first appearance in file order, which
 * does not depend on the number of threads; neither does anything else here.
 *
 * What a file may be: see dialect.h. What quotes, blanks and line ends mean: see
 * csv/split_row.h. What an id may be: see base/id_list.h. A rating is a finite number that
 * fits a float, a timestamp any finite number or a date (value.h); timestamps that span more than
 * 2^31 or are not all whole are compared as doubles. A row whose timestamp is neither is read as
 * one without a timestamp.
 * A pair (user, item) that occurs again keeps the newest rating by timestamp;
 * without timestamps, or when they are equal, the last one read. A row from a file
 * without timestamps is older than any row that has one.
 *
 * Implicit feedback is a file with columns for user and item and none for a rating,
 * or any such file when the options say so; a column of ratings is ignored then. A
 * row is an event: its value is its weight, a number above 0 that fits a float, or 1
 * where no column has weights. Rows with the weight 0 are no events and are left
 * out. Rows of one pair add up (at most to FLT_MAX) and keep the newest timestamp.
 * All files of a reading are of one kind.
 *
 * A bad row has too few or too many fields; an id that is empty, longer than 255
 * bytes, not UTF-8 or with control characters; or a rating or weight that
 * is no such number. Its place is the physical line on which the row begins and the
 * byte, counted from that line's beginning, at which the field to blame begins.
 *
 * Memory: while reading at most 16 bytes per rating (12 without timestamps, 20 with such as do not
 * fit 32 bits), while grouping at most 20 (24, also where times are kept); 8 and 14 in files like
 * MovieLens'. In the end 12 (8 without time_rank, 20 where times are kept). On top of that, for
 * each thread 512 KiB of text and the rows in it, a map of the ids it met (about 100 bytes per id
 * at most), 16 bytes per rating of the user with most ratings, and up to 2 MiB per column that are
 * not used. At most 2^32 - 2 ratings.
 *
 * Time: libcsv's, and three fifths on top (bench/bench_ratings.c); a fifth more for time_rank. */
#ifndef MF_RATINGS_RATINGS_H
#define MF_RATINGS_RATINGS_H

#include "base/error.h"
#include "base/id_list.h"
#include "csv/split_row.h"
#include "ratings/encoding.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_RATINGS_BAD_ROWS_NAMED = 10 };

/* What the values of ratings are. */
typedef enum mf_feedback {
    MF_FEEDBACK_AUTO,     /* in options: see mf_ratings_reader_add, mf_ratings_look */
    MF_FEEDBACK_EXPLICIT, /* ratings: how much a user liked an item */
    MF_FEEDBACK_IMPLICIT, /* how often (or with which weight) a pair occurred; the rows of a
                           * repeated pair add up */
} mf_feedback;

/* Delimiters that are not one character; '\x01' is one, of Hive. */
enum { MF_DELIMITER_DOUBLE_COLON = 2, MF_DELIMITER_BLANKS = 3, MF_NOT_RATED_MOST = 4 };

/* What becomes of timestamps, beyond the choice among rows of one pair. */
typedef enum mf_times {
    MF_TIMES_RANKED, /* mf_ratings.time_rank */
    MF_TIMES_KEPT,   /* and mf_ratings.time */
    MF_TIMES_UNUSED, /* neither: a tenth faster */
} mf_times;

/* How files are read. Zero or NULL means the default. Strings are borrowed. */
typedef struct mf_ratings_options {
    const char *user_column; /* names in a header, instead of the usual ones; or "#2", the second
                              * column; timestamp and weight: or "none" */
    const char *item_column;
    const char *rating_column;
    const char *timestamp_column;
    const char *weight_column; /* of implicit feedback: a count or weight of each pair */
    mf_feedback feedback;
    char delimiter; /* or MF_DELIMITER_…; 0: found by the first rows */
    mf_quoting quoting;
    mf_encoding encoding;
    bool decimal_comma;   /* "2,5" is 2.5 */
    uint32_t n_not_rated; /* ratings that mean that there is none: those rows are left out */
    float not_rated[MF_NOT_RATED_MOST];
    mf_times times;
    double future_after;   /* rows of later times (seconds since 1970) are counted, and read as they
                           * are; default: none */
    uint64_t max_bad_rows; /* rows that may be left out; one more is an error */
    uint32_t n_threads;    /* default 1, at most 256 are used */
    uint32_t max_users;    /* default and most: MF_INDEX_NONE - 1 */
    uint32_t max_items;
    size_t max_row_bytes; /* default 1 MiB, at most 1 GiB */
    size_t block_bytes;   /* default 512 KiB; changes nothing but time and memory */
} mf_ratings_options;

/* What was met while reading. n_rows + n_blank_rows + n_header_rows + n_in_fields are all lines of
 * the files (but of JSON whose objects cross line ends). */
typedef struct mf_ratings_counts {
    uint64_t n_files;
    uint64_t n_bytes;        /* of those files, after decompression, as UTF-8 */
    uint64_t n_rows;         /* rating rows, good and bad */
    uint64_t n_bad_rows;     /* left out, see max_bad_rows */
    uint64_t n_blank_rows;   /* lines without a field, or of nothing but delimiters */
    uint64_t n_header_rows;  /* also where a header comes again, and Excel's "sep=;" */
    uint64_t n_in_fields;    /* line ends inside quoted fields */
    uint64_t n_zero_weights; /* rows of implicit feedback that are no event, left out */
    uint64_t n_not_rated;  /* rows left out for options.not_rated; JSON objects without a rating */
    uint64_t n_tombstones; /* rows that say that a user is to be forgotten (forget.h) */
    uint64_t n_forgotten;  /* rows of such users that were left out */
    uint64_t n_timeless;   /* rows read without a timestamp, in files that have them */
    uint64_t n_future;     /* rows read with a time after options.future_after */
    uint64_t n_repeated;   /* rows that a newer one of the same pair replaced, or that were added
                              * to another one */
    uint32_t n_named;      /* how many of the bad rows are in bad_rows: the first ten */
    char bad_rows[MF_RATINGS_BAD_ROWS_NAMED][256]; /* "file:line:column: sentence" */
} mf_ratings_counts;

/* A place to hold ratings that are looked at one by one: row k says that user[k]
 * gave item[k] the rating value[k]. Grouped by user. Owned by whom it was made
 * for; mf_ratings_rows_clear gives the arrays back. */
typedef struct mf_ratings_rows {
    uint64_t n;
    uint32_t *user; /* MF_INDEX_NONE: not in the training set (mf_ratings_align) */
    uint32_t *item;
    float *value;
} mf_ratings_rows;

/* Ratings grouped by user. User u rated item[k] with value[k] for
 * k in user_start[u] … user_start[u+1]-1, items ascending, no item twice.
 * Every user and item of the lists has at least one rating when it comes from
 * a reader; a split may leave some with none. Owned by the mf_ratings. */
typedef struct mf_ratings {
    uint32_t n_users;
    uint32_t n_items;
    uint64_t n_ratings;
    uint64_t *user_start; /* [n_users + 1] */
    uint32_t *item;       /* [n_ratings] */
    float *value;         /* [n_ratings] in the file's units: stars stay stars; for implicit
                           * feedback counts or weights, > 0 */
    uint32_t *time_rank;  /* [n_ratings] when, among the user's own ratings: twice the mean rank,
                           * counted from 0, of those with an equal time. So 0, 2, 4, … for
                           * different times; n - 1 for all of n equal ones. A row without a
                           * timestamp is older than any with one. NULL: no row had one, or
                           * MF_TIMES_UNUSED */
    double *time;         /* [n_ratings] timestamps, -INFINITY where there was none; NULL unless
                           * MF_TIMES_KEPT is given and a row had one */
    mf_feedback feedback; /* explicit or implicit */
    mf_id_list users;
    mf_id_list items;
    bool borrows_ids; /* users and items belong to another mf_ratings, which stays */
    mf_ratings_counts counts;
} mf_ratings;

typedef struct mf_ratings_reader mf_ratings_reader;

/* What mf_ratings_reader_add found in a file. */
typedef enum mf_ratings_content {
    MF_RATINGS_READ,        /* ratings, and they are in                 */
    MF_RATINGS_NOT_RATINGS, /* something else; nothing was read from it */
} mf_ratings_content;

enum { MF_RATINGS_REASON_BYTES = 512 };

struct mf_dialect;
struct mf_look;

/* One file of a reading, or one stream. */
typedef struct mf_file_facts {
    const char *name; /* the reader's copy */
    uint64_t n_rows;
    uint64_t n_good;    /* rows that became ratings */
    float low, high;    /* of their values; low > high: none */
    double first, last; /* of their times, in the unit of the file's dialect divided by its rate */
    uint32_t dialect;   /* number of the dialect among the reader's */
} mf_file_facts;

/* The values of all files, before repeated pairs are brought together. */
enum { MF_VALUES_COUNTED = 256 };

/* NULL and MF_ERR_MEMORY, or MF_ERR_CONFIG when two column names are the same. */
mf_ratings_reader *mf_ratings_reader_create(const mf_ratings_options *options, mf_error *err);

/* max_row_bytes, or its default. */
size_t mf_ratings_row_bytes(const mf_ratings_options *options);

/* What mf_ratings_reader_add would find in a file, by its first rows (dialect.h).
 * options->feedback other than MF_FEEDBACK_AUTO finds only that. Fails as
 * mf_ratings_reader_add does when it cannot read the file. Cost: 64 KiB of the file. */
MF_MUST_CHECK bool mf_ratings_look(const char *path, const mf_ratings_options *options,
                                   struct mf_look *look, mf_error *err);

/* Looks at a file as one whose rows are written like those of another: then *fits, and *dialect
 * reads it. Fails as mf_ratings_look. */
MF_MUST_CHECK bool mf_ratings_look_like(const char *path, const mf_ratings_options *options,
                                        const struct mf_dialect *like, struct mf_dialect *dialect,
                                        bool *fits, mf_error *err);

/* Reads a file (plain, gzip or zstd, by its first bytes; members one after another
 * are one text). A file without the columns of ratings is not an error: *content
 * is MF_RATINGS_NOT_RATINGS and reason says what it looked like ("columns movieId,
 * title, genres; missing: user, rating"). A header without rows is a ratings file.
 * MF_FEEDBACK_AUTO reads ratings, and implicit feedback is NOT_RATINGS: so tags beside
 * ratings are left out. Where no file has ratings, a reader with MF_FEEDBACK_IMPLICIT
 * reads them; mf_ratings_look tells beforehand.
 * Errors, the first in the file whatever the threads:
 *   MF_ERR_PARSE    a bad row more than max_bad_rows, with file, line and column
 *                   of the first one; a quote that is never closed; damaged gzip or zstd
 *   MF_ERR_LIMIT    a row longer than max_row_bytes; more users or items than
 *                   max_users, max_items; a window of zstd beyond 128 MiB
 *   MF_ERR_IO, MF_ERR_MEMORY, MF_ERR_STOPPED
 * After an error only destroy is allowed. reason may be NULL. */
MF_MUST_CHECK bool mf_ratings_reader_add(mf_ratings_reader *reader, const char *path,
                                         mf_ratings_content *content,
                                         char reason[MF_RATINGS_REASON_BYTES], mf_error *err);

/* Reads a file by a dialect that mf_ratings_look or _look_like found. Fails as
 * mf_ratings_reader_add. */
MF_MUST_CHECK bool mf_ratings_reader_add_as(mf_ratings_reader *reader, const char *path,
                                            const struct mf_dialect *dialect, mf_error *err);

/* Reads bytes begin … end - 1 of a plain file (mf_look.is_plain), which begin and end where rows do. dialect->head is what the range begins with, and for messages head.n_lines also
 * counts the line ends before it. Fails as mf_ratings_reader_add. */
MF_MUST_CHECK bool mf_ratings_reader_add_range(mf_ratings_reader *reader, const char *path,
                                               const struct mf_dialect *dialect, uint64_t begin,
                                               uint64_t end, mf_error *err);

/* The same from an open descriptor (a FIFO; stays the caller's) whose bytes may
 * be several files one after another: a header line that comes again is
 * skipped, as in a file. A stream that is not ratings is MF_ERR_PARSE. MF_FEEDBACK_AUTO takes what
 * the first file of the first stream is. `name` appears in messages. */
MF_MUST_CHECK bool mf_ratings_reader_add_stream(mf_ratings_reader *reader, int fd, const char *name,
                                                mf_error *err);

/* The files read so far, in order, and the distinct dialects among theirs. Valid until the next
 * add. */
const mf_file_facts *mf_ratings_reader_files(const mf_ratings_reader *reader, size_t *n);
const struct mf_dialect *mf_ratings_reader_dialects(const mf_ratings_reader *reader, size_t *n);

/* How many different values were read; 0: more than MF_VALUES_COUNTED. */
uint32_t mf_ratings_reader_distinct(const mf_ratings_reader *reader);

/* Rows of a pair (user, item) that two files have. */
typedef struct mf_shared_rows {
    uint32_t file[2]; /* numbers among mf_ratings_reader_files; from the 255th on one number */
    uint64_t n;
} mf_shared_rows;

/* After mf_ratings_reader_finish: the two files that have most rows of the same pairs, the second
 * most …; *n of them, at most n_most. */
void mf_ratings_reader_shared(const mf_ratings_reader *reader, mf_shared_rows *shared,
                              size_t n_most, size_t *n);

/* Everything read so far, grouped. NULL and MF_ERR_PARSE when there is not a
 * single rating. The reader is only good for destroy afterwards. */
mf_ratings *mf_ratings_reader_finish(mf_ratings_reader *reader, mf_error *err);

void mf_ratings_reader_destroy(mf_ratings_reader *reader);

/* Whether these are ratings, at least one, and all have the same value: then nothing
 * can be learned from the values, only from who rated what. */
bool mf_ratings_one_value(const mf_ratings *ratings);

void mf_ratings_destroy(mf_ratings *ratings);
void mf_ratings_rows_clear(mf_ratings_rows *rows);

#endif
