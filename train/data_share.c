/* data_share.c: who reads what is a function of the files alone, which all hosts compute alike. */
#include "data_share.h"

#include "base/grow.h"
#include "base/log.h"
#include "hosts/exchange.h"
#include "progress.h"
#include "ratings/cutter.h"
#include "ratings/part.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum {
    PIECE_LEAST = 64 * 1024, /* bytes; no piece of a file that is cut is shorter */
    SCAN_BYTES = 1024 * 1024,
    FIRST_PAUSE_US = 100,
    LONGEST_PAUSE_US = 100 * 1000,
};

typedef struct piece {
    size_t file;         /* in the plan */
    uint32_t read_file;  /* among the plan's files that are read */
    uint64_t begin, end; /* bytes */
    uint64_t n_lines;    /* line ends before it, of a file that is cut */
    uint32_t rank;       /* of the host that reads it */
} piece;

/* What a host has seen of a piece of a file that is cut. */
typedef struct scan {
    uint64_t number; /* of the piece */
    uint64_t n_lines;
    uint64_t has_quote;
} scan;

typedef struct share {
    const mf_data_files *files;
    const mf_data_plan *plan;
    const mf_ratings_options *options;
    mf_ratings_reader *reader;
    bool *is_whole; /* [plan->n] not to be cut */
    piece *pieces;  /* [n_pieces] in the order in which one host would read */
    size_t n_pieces, capacity;
    mf_part_piece *own; /* [n_own] what this host has read, or failed on */
    size_t n_own;
    mf_error err; /* of reading */
    bool ok;
    atomic_bool ended;
} share;

static bool is_cut(const share *s, const piece *p)
{
    return p->begin > 0 || p->end < s->files->file[p->file].n_bytes;
}

/* ---- Who reads what ---- */

static bool add_piece(share *s, const piece *p, mf_error *err)
{
    if (!MF_GROW(s->pieces, s->capacity, s->n_pieces + 1, "pieces", err))
        return false;
    s->pieces[s->n_pieces++] = *p;
    return true;
}

static int open_file(const char *path, mf_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        mf_fail_errno(err, errno, (mf_where){path, 0, 0}, "cannot open");
    return fd;
}

/* Reads at most n bytes at a place. */
static bool read_at(int fd, const char *path, uint64_t at, char *bytes, size_t n, size_t *n_read,
                    mf_error *err)
{
    ssize_t got;
    do
        got = pread(fd, bytes, n, (off_t)at);
    while (got < 0 && errno == EINTR);
    *n_read = got > 0 ? (size_t)got : 0;
    return got >= 0 || mf_fail_errno(err, errno, (mf_where){path, 0, 0}, "cannot read");
}

/* Behind the first line feed at `at` - 1 or later; `end` when there is none before. */
static bool find_cut(const char *path, uint64_t at, uint64_t end, uint64_t *cut, mf_error *err)
{
    char bytes[4096];
    bool ok = true;
    const int fd = open_file(path, err);
    if (fd < 0)
        return false;
    *cut = end;
    for (at--; ok && at < end;) {
        size_t n;
        ok = read_at(fd, path, at, bytes, sizeof bytes, &n, err);
        const char *feed = memchr(bytes, '\n', n);
        if (feed != NULL)
            *cut = at + (uint64_t)(feed - bytes) + 1;
        if (feed != NULL || n == 0)
            break;
        at += n;
    }
    close(fd);
    return ok;
}

static uint32_t rank_of(const share *s, uint64_t total, uint64_t at)
{
    const uint32_t n_hosts = mf_hosts_size(s->files->group);
    const double rank = total > 0 ? (double)at * n_hosts / (double)total : 0;
    return rank < n_hosts ? (uint32_t)rank : n_hosts - 1;
}

/* The pieces of one file, which begins behind `before` of all `total` bytes. */
static bool cut_file(share *s, piece p, uint64_t before, uint64_t total, mf_error *err)
{
    const uint32_t n_hosts = mf_hosts_size(s->files->group);
    const mf_data_file *file = &s->files->file[p.file];
    const uint64_t n = file->n_bytes;
    for (uint32_t h = 1; h < n_hosts && !s->is_whole[p.file]; h++) {
        const uint64_t border = total / n_hosts * h;
        if (border < before + p.begin + PIECE_LEAST || border + PIECE_LEAST > before + n)
            continue;
        if (!find_cut(file->path, border - before, n, &p.end, err))
            return false;
        if (p.end >= n)
            break;
        p.rank = rank_of(s, total, before + p.begin / 2 + p.end / 2);
        if (!add_piece(s, &p, err))
            return false;
        p.begin = p.end;
    }
    p.end = n;
    p.rank =
        s->files->is_sharded ? file->owner : rank_of(s, total, before + p.begin / 2 + p.end / 2);
    return add_piece(s, &p, err);
}

static bool deal_out(share *s, mf_error *err)
{
    uint64_t total = 0;
    uint64_t before = 0;
    uint32_t n_read = 0;
    s->n_pieces = 0;
    for (size_t i = 0; i < s->plan->n; i++)
        total += s->plan->file[i].is_read ? s->files->file[i].n_bytes : 0;
    for (size_t i = 0; i < s->plan->n; i++) {
        if (!s->plan->file[i].is_read)
            continue;
        if (!cut_file(s, (piece){.file = i, .read_file = n_read++}, before, total, err))
            return false;
        before += s->files->file[i].n_bytes;
    }
    return true;
}

static void find_whole(share *s)
{
    for (size_t i = 0; i < s->plan->n; i++) {
        const mf_planned_file *file = &s->plan->file[i];
        s->is_whole[i] = s->files->is_sharded || !file->is_plain ||
                         s->plan->dialects[file->dialect].text == MF_TEXT_JSON;
    }
}

/* ---- Files that are cut ---- */

/* Counts the line ends of a piece behind the file's head, and looks for a quote. */
static bool scan_piece(const share *s, const piece *p, scan *seen, mf_error *err)
{
    const char *path = s->plan->file[p->file].path;
    char *bytes = mf_allocate(SCAN_BYTES, 1, "a part of a file", err);
    const int fd = bytes != NULL ? open_file(path, err) : -1;
    bool ok = fd >= 0;
    char last = '\0';
    uint64_t at = p->begin > 0 ? p->begin : s->plan->file[p->file].head.n_bytes;
    while (ok && at < p->end) {
        size_t n;
        ok = read_at(fd, path, at, bytes, p->end - at < SCAN_BYTES ? p->end - at : SCAN_BYTES, &n,
                     err);
        if (n == 0)
            break;
        seen->has_quote |= memchr(bytes, '"', n) != NULL;
        seen->n_lines += mf_count_lines(bytes, n);
        seen->n_lines -= last == '\r' && bytes[0] == '\n'; /* one line end in two reads */
        last = bytes[n - 1];
        at += n;
    }
    if (fd >= 0)
        close(fd);
    mf_free(bytes);
    return ok;
}

/* All hosts: each scans its pieces of files that are cut. */
static bool scan_pieces(const share *s, mf_hosts_pieces *scans, mf_error *err)
{
    scan *own = NULL;
    size_t n = 0;
    size_t capacity = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < s->n_pieces; i++) {
        const piece *p = &s->pieces[i];
        if (p->rank != mf_hosts_rank(s->files->group) || !is_cut(s, p))
            continue;
        ok = MF_GROW(own, capacity, n + 1, "pieces", err);
        if (ok) {
            own[n] = (scan){.number = i};
            ok = scan_piece(s, p, &own[n++], err);
        }
    }
    ok = ok && mf_hosts_gather(s->files->group, own, n * sizeof *own, scans, err);
    mf_free(own);
    return ok;
}

/* Files with quotes are not cut: a line end may be inside them. The others' lines are numbered. */
static bool cut_files(share *s, mf_error *err)
{
    mf_hosts_pieces scans;
    if (!deal_out(s, err) || !scan_pieces(s, &scans, err))
        return false;
    bool any_quote = false;
    const size_t n = scans.start[mf_hosts_size(s->files->group)] / sizeof(scan);
    for (size_t i = 0; s->pieces != NULL && i < n; i++) {
        const scan *seen = (const scan *)(const void *)scans.bytes + i;
        piece *p = &s->pieces[seen->number];
        const mf_planned_file *file = &s->plan->file[p->file];
        if (seen->has_quote && s->plan->dialects[file->dialect].form.quoting != MF_QUOTING_NONE) {
            s->is_whole[p->file] = true;
            any_quote = true;
        }
        if (p->begin == 0)
            p->n_lines = file->head.n_lines;
        if (seen->number + 1 < s->n_pieces)
            p[1].n_lines = p->n_lines + seen->n_lines;
    }
    mf_hosts_pieces_free(&scans);
    if (!any_quote)
        return true;
    /* Cuts are where they were, but for the files that are whole now. */
    piece *with_lines = s->pieces;
    const size_t n_with_lines = s->n_pieces;
    s->pieces = NULL;
    s->capacity = 0;
    const bool ok = deal_out(s, err);
    for (size_t i = 0, k = 0; ok && i < s->n_pieces; i++) {
        piece *p = &s->pieces[i];
        while (k < n_with_lines && (with_lines[k].file < p->file || with_lines[k].begin < p->begin))
            k++;
        p->n_lines = k < n_with_lines ? with_lines[k].n_lines : 0;
    }
    mf_free(with_lines);
    return ok;
}

/* ---- Reading ---- */

static bool read_piece(share *s, const piece *p, mf_error *err)
{
    const mf_planned_file *file = &s->plan->file[p->file];
    mf_dialect dialect = mf_data_plan_dialect(s->plan, file);
    mf_progress_phase("reading", file->name);
    if (!is_cut(s, p))
        return mf_ratings_reader_add_as(s->reader, file->path, &dialect, err);
    if (p->begin > 0)
        dialect.head = (mf_data_head){.n_lines = p->n_lines};
    return mf_ratings_reader_add_range(s->reader, file->path, &dialect, p->begin, p->end, err);
}

static void *read_pieces(void *argument)
{
    share *s = argument;
    s->ok = true;
    for (size_t i = 0; s->ok && i < s->n_pieces; i++) {
        const piece *p = &s->pieces[i];
        if (p->rank != mf_hosts_rank(s->files->group))
            continue;
        s->own[s->n_own++] = (mf_part_piece){i, p->read_file, p->begin > 0};
        s->ok = read_piece(s, p, &s->err);
    }
    atomic_store(&s->ended, true);
    return NULL;
}

/* All hosts: reads on a thread and returns when all hosts have read. */
static bool read_together(share *s, mf_error *err)
{
    pthread_t thread;
    bool any = true;
    bool ok = true;
    useconds_t pause = FIRST_PAUSE_US;
    const int failed = pthread_create(&thread, NULL, read_pieces, s);
    if (failed != 0)
        return mf_fail_errno(err, failed, MF_NOWHERE, "cannot start a thread that reads");
    while (ok && any) {
        const bool ended = atomic_load(&s->ended);
        /* What is wrong in the data is told when all have read, so that it is the first thing. */
        if (ended && !s->ok && s->err.code != MF_ERR_PARSE && s->err.code != MF_ERR_LIMIT)
            break;
        usleep(pause);
        pause = 2 * pause < LONGEST_PAUSE_US ? 2 * pause : LONGEST_PAUSE_US;
        ok = mf_hosts_any(s->files->group, !ended, &any, err);
    }
    pthread_join(thread, NULL);
    if (ok && any)
        return mf_fail_again(err, &s->err);
    return ok;
}

static void log_share(const share *s, const mf_channel *channel)
{
    uint64_t n_bytes = 0;
    uint64_t n_of = 0;
    for (size_t i = 0; i < s->n_pieces; i++) {
        const uint64_t n = s->pieces[i].end - s->pieces[i].begin;
        n_of += n;
        n_bytes += s->pieces[i].rank == mf_hosts_rank(s->files->group) ? n : 0;
    }
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "channel_share");
    mf_log_text(&line, "name", channel->name);
    mf_log_bool(&line, "sharded", s->files->is_sharded);
    mf_log_count(&line, "pieces", s->n_own);
    mf_log_count(&line, "of_pieces", s->n_pieces);
    mf_log_count(&line, "bytes", n_bytes);
    mf_log_count(&line, "of_bytes", n_of);
    mf_log_end(&line);
}

/* ---- What all have read ---- */

/* Only the host whose data is wrong says so; the others learn it as the failure of the group. */
static bool fail_blamed(const share *s, uint32_t blamed, mf_error *err)
{
    mf_error of_group = {0};
    const bool is_data = err->code == MF_ERR_PARSE || err->code == MF_ERR_LIMIT;
    if (!is_data || blamed == mf_hosts_rank(s->files->group) ||
        mf_hosts_barrier(s->files->group, &of_group))
        return false;
    mf_error_clear(err);
    return mf_fail_again(err, &of_group);
}

static const char **name_files(const share *s, size_t *n, mf_error *err)
{
    const char **names = mf_allocate(s->plan->n, sizeof *names, "names of files", err);
    *n = 0;
    for (size_t i = 0; names != NULL && i < s->plan->n; i++)
        if (s->plan->file[i].is_read)
            names[(*n)++] = s->plan->file[i].path;
    return names;
}

static const char **name_hosts(const share *s, mf_error *err)
{
    const uint32_t n = mf_hosts_size(s->files->group);
    const char **names = mf_allocate(n, sizeof *names, "names of hosts", err);
    for (uint32_t r = 0; names != NULL && r < n; r++)
        names[r] = mf_hosts_name(s->files->group, r);
    return names;
}

static mf_ratings_reader *join_facts(share *s, mf_error *err)
{
    uint32_t blamed;
    size_t n_files;
    mf_ratings_reader *joined = NULL;
    mf_part_bytes own = {0};
    mf_hosts_pieces facts = {0};
    const char **file_name = name_files(s, &n_files, err);
    const char **host_name = name_hosts(s, err);
    if (file_name == NULL || host_name == NULL ||
        !mf_part_facts(s->reader, s->own, s->n_own, s->ok ? NULL : &s->err, &own, err) ||
        !mf_hosts_gather(s->files->group, own.bytes, own.n, &facts, err))
        goto done;
    const mf_join_input input = {
        .n_hosts = mf_hosts_size(s->files->group),
        .bytes = facts.bytes,
        .start = facts.start,
        .file_name = file_name,
        .n_files = n_files,
        .host_name = s->files->is_sharded ? host_name : NULL,
    };
    joined = mf_join_create(s->options, &input, &blamed, err);
    if (joined == NULL)
        fail_blamed(s, blamed, err);
done:
    mf_free(file_name);
    mf_free(host_name);
    mf_free(own.bytes);
    mf_hosts_pieces_free(&facts);
    return joined;
}

static bool join_columns(share *s, mf_ratings_reader *joined, mf_error *err)
{
    for (int column = 0; column < MF_COLUMNS; column++) {
        mf_part_bytes own;
        mf_hosts_pieces codes = {0};
        bool ok = mf_part_column(s->reader, (mf_column)column, &own, err) &&
                  mf_hosts_gather(s->files->group, own.bytes, own.n, &codes, err);
        mf_free(own.bytes);
        if (ok) {
            uint8_t *bytes = codes.bytes;
            codes.bytes = NULL;
            ok = mf_join_column(joined, (mf_column)column, bytes, codes.start, err);
        }
        mf_hosts_pieces_free(&codes);
        if (!ok)
            return false;
    }
    return true;
}

mf_ratings_reader *mf_data_share_read(const mf_channel *channel, const mf_data_files *files,
                                      const mf_data_plan *plan, const mf_ratings_options *options,
                                      mf_error *err)
{
    share s = {.files = files, .plan = plan, .options = options};
    mf_ratings_reader *joined = NULL;
    bool ok = false;
    s.is_whole = mf_allocate(plan->n, sizeof *s.is_whole, "pieces", err);
    s.reader = mf_ratings_reader_create(options, err);
    if (s.is_whole == NULL || s.reader == NULL)
        goto done;
    find_whole(&s);
    if (!cut_files(&s, err))
        goto done;
    s.own = mf_allocate(s.n_pieces, sizeof *s.own, "pieces", err);
    if (s.own == NULL || !read_together(&s, err))
        goto done;
    log_share(&s, channel);
    joined = join_facts(&s, err);
    ok = joined != NULL && join_columns(&s, joined, err);
done:
    mf_ratings_reader_destroy(s.reader);
    mf_free(s.is_whole);
    mf_free(s.pieces);
    mf_free(s.own);
    if (ok)
        return joined;
    mf_ratings_reader_destroy(joined);
    return NULL;
}
