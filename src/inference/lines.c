/* lines.c: a body of lines, JSON Lines or CSV. Lines are split here, because each must yield one
 * response; libcsv splits a CSV line into its fields. */
#include "inference/model_columns.h"
#include "inference/scan.h"
#include "inference/state.h"

#include <string.h>

/* One line without its \n. */
typedef struct mf_line {
    const char *bytes;
    size_t n_bytes;
    bool closed; /* a \n follows */
    bool empty;  /* blanks alone: in a batch job only */
} mf_line;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static size_t count_blanks(const char *bytes, size_t n_bytes)
{
    size_t n = 0;
    while (n < n_bytes && is_blank(bytes[n]))
        n++;
    return n;
}

/* Reads the next line; bytes is NULL at the end of the body (`ended`) or of the slice. Outside of a batch
 * job empty lines are passed over, and allowed only at the end of the body, because each line must yield
 * one response. */
static bool next_line(mf_inference *inference, mf_line *line, mf_error *err)
{
    const size_t stop = inference->at + MF_SLICE_BYTES;
    line->bytes = NULL;
    while (inference->at < inference->n_bytes && inference->at < stop) {
        const char *start = inference->body + inference->at;
        const size_t left = inference->n_bytes - inference->at;
        const size_t longest = (size_t)MF_INSTANCE_BYTES_MAX + 1;
        const char *end = memchr(start, '\n', left < longest ? left : longest);
        const mf_place place = {MF_PLACE_LINE, inference->n_lines + 1};
        if (end == NULL && left >= longest)
            return mf_place_fail(err, MF_ERR_LIMIT, place, NULL,
                                 "over %d bytes, which is the most that one instance may have",
                                 MF_INSTANCE_BYTES_MAX);
        const size_t n_bytes = end != NULL ? (size_t)(end - start) : left;
        const bool empty = count_blanks(start, n_bytes) == n_bytes;
        inference->at += n_bytes + (end != NULL);
        inference->n_lines++;
        if (empty && !inference->limits->batch) {
            if (inference->empty_line == 0)
                inference->empty_line = inference->n_lines;
            continue;
        }
        if (inference->empty_line > 0)
            return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                           "line %llu: the line is empty: every line must hold an instance",
                           (unsigned long long)inference->empty_line);
        *line = (mf_line){start, n_bytes, end != NULL, empty};
        return true;
    }
    inference->ended = inference->at == inference->n_bytes;
    return true;
}

/* ------------------------------------------------------------------ text/csv */

static void on_field(void *bytes, size_t n_bytes, void *context)
{
    mf_inference *inference = context;
    mf_csv_row *row = &inference->row;
    if (row->n_rows == 0 && row->n_fields < 2) {
        /* libcsv reuses its buffer after this call. */
        row->fields[row->n_fields] = mf_pairs_copy(inference, (mf_id){bytes, n_bytes});
    }
    row->n_fields += row->n_rows == 0;
}

static void on_row(int end, void *context)
{
    mf_inference *inference = context;
    (void)end;
    inference->row.n_rows++;
}

/* An id of the model is an id, also when it looks like the name of a column. */
static bool is_known(const mf_inference *inference, int f)
{
    const mf_id id = inference->row.fields[f];
    return (f == 0 ? mf_model_find_user(inference->model, id.bytes, id.n_bytes)
                   : mf_model_find_item(inference->model, id.bytes, id.n_bytes)) != MF_INDEX_NONE;
}

/* The first line may name the columns, in either order. A line with one name only is a header that is not
 * understood: read as ids it would have a response, and all later ones would be a line off. A later line
 * with two names is for pairs.c to find. */
static bool take_header(mf_inference *inference, mf_place place, mf_error *err)
{
    const mf_id *fields = inference->row.fields;
    const mf_model_columns *columns = inference->limits->columns;
    const mf_model_column names[2] = {mf_model_columns_find(columns, fields[0]),
                                      mf_model_columns_find(columns, fields[1])};
    const int named = names[0] == MF_MODEL_COLUMN_NONE;
    inference->has_header = names[0] + names[1] == MF_MODEL_COLUMN_USER + MF_MODEL_COLUMN_ITEM;
    inference->item_first = inference->has_header && names[0] == MF_MODEL_COLUMN_ITEM;
    /* A batch job's later bodies have no header. */
    if (inference->item_first && inference->limits->batch)
        return mf_place_fail(
            err, MF_ERR_PARSE, place, NULL,
            "a header with the item first: in a batch transform job only the first of "
            "many requests has it, so that the columns must be user,movie");
    if (inference->has_header && inference->limits->batch)
        mf_response_no_instance(inference, true);
    if (inference->has_header || names[named] == MF_MODEL_COLUMN_NONE || is_known(inference, named))
        return true;
    const bool user = names[named] == MF_MODEL_COLUMN_USER;
    char shown[2][64];
    for (int f = 0; f < 2; f++)
        mf_printable(shown[f], sizeof shown[f], fields[f].bytes, fields[f].n_bytes);
    return mf_place_fail(
        err, MF_ERR_PARSE, place, NULL,
        "a header, because \"%s\" is a column of %s, but \"%s\" is not the name of "
        "one of %s: expected names such as userId,movieId, or no header",
        shown[named], user ? "users" : "items", shown[!named], user ? "items" : "users");
}

/* A delimiter of other files, in a line that is one field without commas; or NULL. */
static const char *other_delimiter(mf_id field)
{
    static const char *const names[][2] = {
        {"\t", "tab"}, {";", "semicolon"}, {"|", "|"}, {"::", "::"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (memmem(field.bytes, field.n_bytes, names[i][0], strlen(names[i][0])) != NULL)
            return names[i][1];
    return NULL;
}

static bool check_row(const mf_inference *inference, mf_place place, mf_error *err)
{
    const mf_csv_row *row = &inference->row;
    if (row->n_rows == 0)
        return mf_place_fail(err, MF_ERR_PARSE, place, NULL,
                             "a quoted field does not end on its line");
    if (row->n_rows > 1)
        return mf_place_fail(err, MF_ERR_PARSE, place, NULL,
                             "a carriage return inside the line: expected lines to end with \\n "
                             "or \\r\\n");
    const char *delimiter = row->n_fields == 1 ? other_delimiter(row->fields[0]) : NULL;
    if (delimiter != NULL)
        return mf_place_fail(err, MF_ERR_PARSE, place, NULL,
                             "expected user,movie with a comma between them, found a %s",
                             delimiter);
    if (row->n_fields != 2)
        return mf_place_fail(err, MF_ERR_PARSE, place, NULL,
                             "expected user,movie, found %zu field%s", row->n_fields,
                             row->n_fields == 1 ? "" : "s");
    return true;
}

/* Splits the line with libcsv. A last line without \n gets one, because at the end of a text libcsv
 * would close an open quote. */
static bool split(mf_inference *inference, const mf_line *line, mf_error *err)
{
    if (inference->rows == NULL) {
        inference->rows = mf_rows_create(',', err);
        if (inference->rows == NULL)
            return false;
    }
    inference->row = (mf_csv_row){.n_fields = 0};
    return mf_rows_feed(inference->rows, line->bytes, line->n_bytes + line->closed, on_field,
                        on_row, inference, err) &&
           (line->closed ||
            mf_rows_feed(inference->rows, "\n", 1, on_field, on_row, inference, err));
}

/* The first line may be a header instead of a pair. */
static bool take_csv(mf_inference *inference, const mf_line *line, mf_place place, mf_error *err)
{
    const bool first = inference->n_instances == 0 && !inference->has_header;
    if (!split(inference, line, err) || !check_row(inference, place, err) ||
        (first && !take_header(inference, place, err)))
        return false;
    const mf_id *fields = inference->row.fields;
    if (!first || !inference->has_header)
        mf_pairs_add(inference, fields[inference->item_first], fields[!inference->item_first],
                     place);
    return true;
}

/* ---------------------------------------------------- application/jsonlines */

/* Appends a pair; processes any other instance. */
static bool take_json(mf_inference *inference, mf_workspace *workspace, const mf_line *line,
                      mf_place place, mf_error *err)
{
    const mf_json_where where = {line->bytes, place};
    mf_id user;
    mf_id item;
    size_t n_used = mf_scan_pair(line->bytes, line->n_bytes, &user, &item);
    const bool pair = n_used > 0;
    if (!pair &&
        !mf_instance_take(inference, workspace, line->bytes, line->n_bytes, &n_used, where, err))
        return false;
    n_used += count_blanks(line->bytes + n_used, line->n_bytes - n_used);
    if (n_used < line->n_bytes)
        return mf_json_fail_at(err, line->bytes + n_used, where,
                               "something follows the instance: one instance a line");
    if (pair)
        mf_pairs_add(inference, user, item, place);
    return true;
}

bool mf_lines_read(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    const size_t stop = inference->at + MF_SLICE_BYTES;
    const uint64_t n_slow = inference->n_slow;
    while (!mf_pairs_full(inference) && inference->at < stop && inference->n_slow == n_slow) {
        mf_line line;
        if (!next_line(inference, &line, err))
            return false;
        if (line.bytes == NULL)
            return true;
        const mf_place place = {MF_PLACE_LINE, inference->n_lines};
        if (line.empty) {
            if (!mf_pairs_respond(inference, err))
                return false;
            mf_response_no_instance(inference, false);
            /* Thousands of them fit in MF_SLICE_BYTES. */
            inference->n_slow += inference->n_lines % MF_PAIRS == 0;
            continue;
        }
        if (inference->request_format == MF_INFERENCE_CSV
                ? !take_csv(inference, &line, place, err)
                : !take_json(inference, workspace, &line, place, err))
            return false;
    }
    return true;
}
