/* data_plan.c: a look at each file, then what the looks say about one another. */
#include "data_plan.h"

#include "base/memory.h"
#include "data_report.h"
#include "hosts/exchange.h"
#include "items/items.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { PATTERN_BYTES = 256, LOOKS_AT_ONCE = 1024 };

static const char *base_name(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash != NULL ? slash + 1 : name;
}

/* Without .gz and .zst, and the extension. */
static size_t stem_bytes(const char *name, const char **extension, size_t *n_extension)
{
    size_t n = strlen(name);
    if (n > 3 && strcasecmp(name + n - 3, ".gz") == 0)
        n -= 3;
    else if (n > 4 && strcasecmp(name + n - 4, ".zst") == 0)
        n -= 4;
    size_t dot = n;
    while (dot > 0 && name[dot - 1] != '.')
        dot--;
    if (dot <= 1) { /* no extension, or nothing before it */
        *extension = name + n;
        *n_extension = 0;
        return n;
    }
    *extension = name + dot;
    *n_extension = n - dot;
    return dot - 1;
}

static bool is_text_extension(const char *extension, size_t n)
{
    static const char *const texts[] = {"", "csv", "txt", "tsv", "tab", "dat", "data", "text"};
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++)
        if (strlen(texts[t]) == n && strncasecmp(extension, texts[t], n) == 0)
            return true;
    return false;
}

static bool extensions_are_alike(const char *a, const char *b)
{
    const char *of_a;
    const char *of_b;
    size_t n_a;
    size_t n_b;
    stem_bytes(base_name(a), &of_a, &n_a);
    stem_bytes(base_name(b), &of_b, &n_b);
    return (n_a == n_b && strncasecmp(of_a, of_b, n_a) == 0) ||
           (is_text_extension(of_a, n_a) && is_text_extension(of_b, n_b)) ||
           /* "ratings.csv.0001": what follows the point is digits */
           (n_a > 0 && n_b > 0 && strspn(of_a, "0123456789") >= n_a &&
            strspn(of_b, "0123456789") >= n_b);
}

/* Words with a digit, and words of hexadecimal letters as in a UUID, as one #. */
static void pattern_of(const char *name, size_t n, char pattern[PATTERN_BYTES])
{
    size_t used = 0;
    for (size_t at = 0; at < n && used + 2 < PATTERN_BYTES;) {
        size_t end = at;
        bool has_digit = false;
        bool is_hex = true;
        while (end < n && isalnum((unsigned char)name[end])) {
            has_digit |= isdigit((unsigned char)name[end]) != 0;
            is_hex &= isxdigit((unsigned char)name[end]) != 0;
            end++;
        }
        if (end == at) {
            pattern[used++] = name[at++];
        } else if (is_hex && end - at >= 4) {
            pattern[used++] = '#';
            at = end;
        } else if (has_digit) {
            /* ratings1 and ratings2 differ in their digits alone, u1 and ratings1 do not. */
            for (; at < end && used + 2 < PATTERN_BYTES; at++)
                if (!isdigit((unsigned char)name[at]))
                    pattern[used++] = name[at];
                else if (used == 0 || pattern[used - 1] != '#')
                    pattern[used++] = '#';
            at = end;
        } else {
            while (at < end && used + 2 < PATTERN_BYTES)
                pattern[used++] = name[at++];
            at = end;
        }
    }
    pattern[used] = '\0';
}

/* The first n bytes end in ".csv" or the like. */
static bool has_text_extension(const char *name, size_t n)
{
    size_t dot = n;
    while (dot > 0 && name[dot - 1] != '.')
        dot--;
    return dot > 1 && dot < n && is_text_extension(name + dot, n - dot);
}

/* xaa and xab, ratings_aa.csv and ratings_ab.csv, ratings.csv.aa and ratings.csv.ab. */
static bool differ_in_suffix(const char *a, size_t n_a, const char *b, size_t n_b)
{
    if (n_a != n_b || n_a < 3 || memcmp(a, b, n_a - 2) != 0)
        return false;
    for (size_t at = n_a - 2; at < n_a; at++)
        if (!islower((unsigned char)a[at]) || !islower((unsigned char)b[at]))
            return false;
    /* In a word ("users") or an extension two other letters mean something else, unless they are
     * the first that split makes. Behind another extension they are a suffix, or a compression. */
    const bool is_extension = n_a > 3 && a[n_a - 3] == '.';
    if (is_extension && has_text_extension(a, n_a - 3))
        return a[n_a - 1] != 'z' || b[n_a - 1] != 'z';
    const bool is_word = is_extension || (n_a > 3 && isalpha((unsigned char)a[n_a - 3]));
    return !is_word || (a[n_a - 2] == 'a' && b[n_a - 2] == 'a');
}

bool mf_data_names_are_alike(const char *a, const char *b)
{
    char pattern_a[PATTERN_BYTES];
    char pattern_b[PATTERN_BYTES];
    const char *extension;
    size_t n_extension;
    a = base_name(a);
    b = base_name(b);
    if (differ_in_suffix(a, strlen(a), b, strlen(b)))
        return true;
    if (!extensions_are_alike(a, b))
        return false;
    const size_t n_a = stem_bytes(a, &extension, &n_extension);
    const size_t n_b = stem_bytes(b, &extension, &n_extension);
    pattern_of(a, n_a, pattern_a);
    pattern_of(b, n_b, pattern_b);
    return strcmp(pattern_a, pattern_b) == 0 || differ_in_suffix(a, n_a, b, n_b);
}

static bool same_form(const mf_dialect *a, const mf_dialect *b)
{
    return a->text == b->text && a->form.delimiter == b->form.delimiter &&
           a->form.is_double == b->form.is_double && a->form.is_run == b->form.is_run &&
           a->n_fields == b->n_fields;
}

static const mf_dialect *dialect_of(const mf_data_plan *plan, const mf_planned_file *file)
{
    return &plan->dialects[file->dialect];
}

/* The number of a dialect, which thousands of files share. */
static bool add_dialect(mf_data_plan *plan, const mf_dialect *dialect, uint32_t *number,
                        mf_error *err)
{
    char text[MF_DIALECT_TEXT_BYTES];
    char other[MF_DIALECT_TEXT_BYTES];
    size_t d = 0;
    mf_dialect_text(dialect, text);
    while (d < plan->n_dialects &&
           (!same_form(dialect, &plan->dialects[d]) ||
            dialect->is_guess != plan->dialects[d].is_guess ||
            memcmp(dialect->column, plan->dialects[d].column, sizeof dialect->column) != 0 ||
            strcmp(text, mf_dialect_text(&plan->dialects[d], other)) != 0))
        d++;
    *number = (uint32_t)d;
    if (d < plan->n_dialects)
        return true;
    if (!mf_reallocate((void **)&plan->dialects, d, d + 1, sizeof *plan->dialects, "dialects", err))
        return false;
    plan->dialects[plan->n_dialects++] = *dialect;
    return true;
}

static bool keep_reason(mf_planned_file *file, const char *reason, mf_error *err)
{
    const size_t n = strlen(reason);
    mf_free(file->reason);
    file->reason = mf_allocate(n + 1, 1, "why a file is left out", err);
    if (file->reason != NULL)
        memcpy(file->reason, reason, n);
    return file->reason != NULL;
}

/* What a look at the file saw becomes the plan's. */
static bool take_look(mf_data_plan *plan, const mf_data_file *from, const mf_look *look,
                      mf_error *err)
{
    mf_planned_file *file = &plan->file[plan->n];
    file->number = plan->n++;
    file->path = from->path;
    file->name = from->name;
    plan->n_folder = strlen(from->path) - strlen(from->name);
    file->is_read = look->content == MF_RATINGS_READ;
    file->is_data = look->is_data;
    file->is_binary = look->is_binary;
    file->is_plain = look->is_plain;
    if (!add_dialect(plan, &look->dialect, &file->dialect, err))
        return false;
    file->head = look->dialect.head;
    if (file->is_read && plan->n_read++ == 0)
        plan->example = *look;
    return look->reason[0] == '\0' || keep_reason(file, look->reason, err);
}

static bool look_at_all(mf_data_plan *plan, const mf_data_files *files,
                        const mf_ratings_options *options, mf_error *err)
{
    mf_look *look = mf_allocate(1, sizeof *look, "a file's look", err);
    bool ok = look != NULL;
    for (size_t i = 0; ok && i < files->n; i++)
        ok = mf_ratings_look(files->file[i].path, options, look, err) &&
             take_look(plan, &files->file[i], look, err);
    mf_free(look);
    return ok;
}

/* Files from … end - 1 of a sharded channel: each host looks at its own. */
static bool look_at_shares(mf_data_plan *plan, const mf_data_files *files, size_t from, size_t end,
                           const mf_ratings_options *options, mf_error *err)
{
    bool ok = false;
    size_t n_own = 0;
    mf_hosts_pieces looks = {0};
    mf_look *own = mf_allocate(end - from, sizeof *own, "looks at files", err);
    size_t *next = mf_allocate(mf_hosts_size(files->group), sizeof *next, "looks at files", err);
    if (own == NULL || next == NULL)
        goto done;
    for (size_t i = from; i < end; i++)
        if (mf_data_file_is_here(files, i) &&
            !mf_ratings_look(files->file[i].path, options, &own[n_own++], err))
            goto done;
    if (!mf_hosts_gather(files->group, own, n_own * sizeof *own, &looks, err))
        goto done;
    for (size_t i = from; i < end; i++) {
        const uint32_t owner = files->file[i].owner;
        memcpy(own, looks.bytes + looks.start[owner] + next[owner]++ * sizeof *own, sizeof *own);
        if (!take_look(plan, &files->file[i], own, err))
            goto done;
    }
    ok = true;
done:
    mf_free(own);
    mf_free(next);
    mf_hosts_pieces_free(&looks);
    return ok;
}

/* Events without a rating, to be read as ratings of which there is none. */
static bool read_as_ratings(mf_data_plan *plan, mf_planned_file *file, mf_error *err)
{
    mf_dialect dialect = *dialect_of(plan, file);
    if (!file->is_read || dialect.text == MF_TEXT_CSV || dialect.feedback != MF_FEEDBACK_IMPLICIT)
        return true;
    dialect.feedback = MF_FEEDBACK_EXPLICIT;
    dialect.has_value = true;
    dialect.has_empty_values = false;
    dialect.column[MF_ROLE_VALUE] = dialect.n_fields++;
    mf_cell_keep(&dialect.header[MF_ROLE_VALUE], "rating", strlen("rating"));
    return add_dialect(plan, &dialect, &file->dialect, err);
}

/* (4) */
static bool choose_feedback(mf_data_plan *plan, const mf_ratings_options *options, mf_error *err)
{
    bool is_any_explicit = false;
    plan->feedback = mf_dialect_feedback(options);
    for (size_t i = 0; i < plan->n; i++)
        is_any_explicit |= plan->file[i].is_read &&
                           dialect_of(plan, &plan->file[i])->feedback == MF_FEEDBACK_EXPLICIT;
    if (plan->n_read > 0)
        plan->feedback = is_any_explicit ? MF_FEEDBACK_EXPLICIT : MF_FEEDBACK_IMPLICIT;
    plan->n_read = 0;
    for (size_t i = 0; i < plan->n; i++) {
        mf_planned_file *file = &plan->file[i];
        if (plan->feedback == MF_FEEDBACK_EXPLICIT && !read_as_ratings(plan, file, err))
            return false;
        file->is_read &= dialect_of(plan, file)->feedback == plan->feedback;
        plan->n_read += file->is_read;
    }
    return true;
}

/* The file that says how rows are written that have no header: the nearest before, else after, of
 * those that `is_alike` allows. */
static const mf_planned_file *find_like(const mf_data_plan *plan, size_t i, bool by_name)
{
    const mf_planned_file *file = &plan->file[i];
    for (size_t step = 1; step < 2 * plan->n; step++) {
        const size_t back = step;
        const size_t forth = step - plan->n + 1;
        const mf_planned_file *other = NULL;
        if (step < plan->n && back <= i)
            other = &plan->file[i - back];
        else if (step >= plan->n && i + forth < plan->n)
            other = &plan->file[i + forth];
        if (other == NULL || !other->is_read || other->like != NULL ||
            (!by_name && dialect_of(plan, other)->text != MF_TEXT_CSV))
            continue;
        if (by_name ? mf_data_names_are_alike(file->name, other->name)
                    : dialect_of(plan, other)->has_header &&
                          same_form(dialect_of(plan, file), dialect_of(plan, other)) &&
                          (extensions_are_alike(file->name, other->name) ||
                           mf_data_names_are_alike(file->name, other->name)))
            return other;
    }
    return NULL;
}

/* like: how the file called `name` is written. */
static bool read_like(mf_data_plan *plan, const mf_data_files *files, mf_planned_file *file,
                      const mf_dialect *like, const char *name, const mf_ratings_options *options,
                      bool *fits, mf_error *err)
{
    struct {
        mf_dialect dialect;
        bool fits;
    } found = {0};
    if ((mf_data_file_is_here(files, file->number) &&
         !mf_ratings_look_like(file->path, options, like, &found.dialect, &found.fits, err)) ||
        !mf_data_file_tell(files, file->number, &found, sizeof found, err))
        return false;
    *fits = found.fits;
    if (!*fits)
        return true;
    if (!add_dialect(plan, &found.dialect, &file->dialect, err))
        return false;
    plan->n_read += !file->is_read;
    file->head = found.dialect.head;
    file->is_read = true;
    file->like = name;
    return true;
}

static bool folders_are_alike(const char *a, const char *b)
{
    char pattern_a[PATTERN_BYTES];
    char pattern_b[PATTERN_BYTES];
    pattern_of(a, (size_t)(base_name(a) - a), pattern_a);
    pattern_of(b, (size_t)(base_name(b) - b), pattern_b);
    return strcmp(pattern_a, pattern_b) == 0;
}

/* A file that is not read, with the name of a part of the same data. In another folder, what has a
 * header of its own may be other data: tags/part-0.csv beside ratings/part-0.csv. */
static bool is_missed(const mf_data_plan *plan, const mf_planned_file *file,
                      const mf_planned_file *other)
{
    const mf_dialect *own = dialect_of(plan, file);
    const mf_dialect *read = dialect_of(plan, other);
    if (file->is_data || file->is_binary)
        return true;
    const bool has_user_and_item = own->feedback == MF_FEEDBACK_IMPLICIT;
    const bool are_json = own->text != MF_TEXT_CSV && read->text != MF_TEXT_CSV;
    return (has_user_and_item || are_json || same_form(own, read)) &&
           folders_are_alike(file->name, other->name);
}

/* (2) and (3) */
static bool read_siblings(mf_data_plan *plan, const mf_data_files *files,
                          const mf_ratings_options *options, mf_error *err)
{
    bool any_header = false;
    for (size_t i = 0; i < plan->n; i++)
        any_header |= plan->file[i].is_read && dialect_of(plan, &plan->file[i])->has_header;
    for (size_t i = 0; i < plan->n; i++) {
        mf_planned_file *file = &plan->file[i];
        bool fits = false;
        if (file->is_read && (!any_header || !dialect_of(plan, file)->is_guess))
            continue;
        const bool was_read = file->is_read;
        const mf_planned_file *other = find_like(plan, i, !was_read);
        if (other == NULL)
            continue;
        const bool may_fit = !file->is_binary && dialect_of(plan, file)->text == MF_TEXT_CSV &&
                             (was_read || dialect_of(plan, file)->feedback == MF_FEEDBACK_AUTO);
        if (may_fit && !read_like(plan, files, file, dialect_of(plan, other), other->name, options,
                                  &fits, err))
            return false;
        if (!was_read && !fits && is_missed(plan, file, other))
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                           "file %.200s looks like a part of the same data as %.200s, but its rows "
                           "are others (%.200s): mend it, or take it out of the channel",
                           file->name, other->name, file->reason != NULL ? file->reason : "");
    }
    return true;
}

/* The header of another channel for rows that are written as those of the file. *like is NULL where
 * there is none. Fails where two of them have other columns. */
static bool find_header(const mf_data_plan *plan, const mf_planned_file *file,
                        const mf_data_report *before, const mf_report_dialect **like, mf_error *err)
{
    *like = NULL;
    for (uint32_t d = 0; d < before->n_dialects; d++) {
        const mf_report_dialect *other = &before->dialect[d];
        if (!other->dialect.has_header || other->dialect.text != MF_TEXT_CSV ||
            !same_form(dialect_of(plan, file), &other->dialect))
            continue;
        if (*like != NULL && memcmp((*like)->dialect.column, other->dialect.column,
                                    sizeof other->dialect.column) != 0)
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                           "file %.200s has no header, and those of %.150s and %.150s of channel "
                           "train have other columns: give it a header",
                           file->name, (*like)->file[0], other->file[0]);
        *like = *like != NULL ? *like : other;
    }
    return true;
}

/* (6) */
static bool read_by_other_channel(mf_data_plan *plan, const mf_data_files *files,
                                  const mf_data_report *before, const mf_ratings_options *options,
                                  mf_error *err)
{
    for (size_t i = 0; before != NULL && i < plan->n; i++) {
        mf_planned_file *file = &plan->file[i];
        const mf_report_dialect *like;
        if (file->like != NULL || file->is_binary || dialect_of(plan, file)->text != MF_TEXT_CSV ||
            (file->is_read ? !dialect_of(plan, file)->is_guess : !file->is_data))
            continue;
        if (!find_header(plan, file, before, &like, err))
            return false;
        if (like != NULL && !read_like(plan, files, file, &like->dialect, like->file[0], options,
                                       &file->is_like_other_channel, err))
            return false;
    }
    return true;
}

/* (5) */
static void choose_times(mf_data_plan *plan)
{
    double rate = 0;
    for (size_t i = 0; i < plan->n; i++) {
        const mf_dialect *dialect = dialect_of(plan, &plan->file[i]);
        if (!plan->file[i].is_read || !dialect->has_time)
            continue;
        const double own = mf_time_unit_rate(dialect->time_unit);
        plan->mixed_times |= rate != 0 && own != rate;
        rate = own;
    }
    for (size_t d = 0; plan->mixed_times && d < plan->n_dialects; d++)
        plan->dialects[d].time_rate = mf_time_unit_rate(plan->dialects[d].time_unit);
}

bool mf_data_plan_make(const mf_data_files *files, const mf_ratings_options *options,
                       const mf_data_report *before, mf_data_plan *plan, mf_error *err)
{
    *plan = (mf_data_plan){0};
    plan->file = mf_allocate(files->n, sizeof *plan->file, "a plan of files", err);
    if (plan->file == NULL)
        return false;
    if (!files->is_sharded && !look_at_all(plan, files, options, err))
        return false;
    for (size_t from = 0; files->is_sharded && from < files->n; from += LOOKS_AT_ONCE) {
        const size_t end = files->n - from < LOOKS_AT_ONCE ? files->n : from + LOOKS_AT_ONCE;
        if (!look_at_shares(plan, files, from, end, options, err))
            return false;
    }
    if (!choose_feedback(plan, options, err) || !read_siblings(plan, files, options, err) ||
        !read_by_other_channel(plan, files, before, options, err))
        return false;
    choose_times(plan);
    return true;
}

bool mf_data_plan_find_items(mf_data_plan *plan, mf_data_files *files,
                             const mf_ratings_options *options, mf_error *err)
{
    size_t n_items = 0;
    for (size_t i = 0; plan->n_read > 0 && i < plan->n; i++) {
        mf_planned_file *file = &plan->file[i];
        if (file->is_read)
            continue;
        if ((mf_data_file_is_here(files, i) &&
             !mf_items_recognize(file->path, options, &file->is_items, err)) ||
            !mf_data_file_tell(files, i, &file->is_items, sizeof file->is_items, err))
            return false;
        /* More are left out. */
        if (file->is_items && n_items++ < MF_ITEMS_FILES_MOST) {
            if (!mf_data_file_fetch(files, i, err))
                return false;
            file->path = files->file[i].path;
        }
    }
    return true;
}

mf_dialect mf_data_plan_dialect(const mf_data_plan *plan, const mf_planned_file *file)
{
    mf_dialect dialect = plan->dialects[file->dialect];
    dialect.head = file->head;
    return dialect;
}

void mf_data_plan_clear(mf_data_plan *plan)
{
    for (size_t i = 0; i < plan->n; i++)
        mf_free(plan->file[i].reason);
    mf_free(plan->file);
    mf_free(plan->dialects);
    *plan = (mf_data_plan){0};
}
