/* csv.c: user,movie a line. libcsv splits a line into fields; lines are ours,
 * because an id cannot hold a line end and a line must not get lost. */
#include "inference/answer.h"
#include "inference/state.h"

#include <string.h>
#include <strings.h>

static void on_field(void *bytes, size_t n_bytes, void *context)
{
    mf_inference *inference = context;
    mf_csv_row *row = &inference->row;
    if (row->n_rows == 0 && row->n_fields < 2) {
        /* libcsv's bytes are gone after this call. */
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

static bool is_one_of(mf_id name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(names[i]) == name.n_bytes &&
            strncasecmp(names[i], name.bytes, name.n_bytes) == 0)
            return true;
    return false;
}

static bool names_user(mf_id name)
{
    static const char *const names[] = {"userId", "user_id", "user"};
    return is_one_of(name, names, sizeof names / sizeof names[0]);
}

static bool names_item(mf_id name)
{
    static const char *const names[] = {"movieId", "movie_id", "movie",
                                        "itemId",  "item_id",  "item"};
    return is_one_of(name, names, sizeof names / sizeof names[0]);
}

/* Line 1 may name the columns. */
static bool take_header(mf_inference *inference, mf_error *err)
{
    const mf_id *fields = inference->row.fields;
    const mf_place place = {MF_PLACE_LINE, 1};
    inference->has_header = names_user(fields[0]) && names_item(fields[1]);
    if (names_item(fields[0]) && names_user(fields[1]))
        return mf_place_fail(err, MF_ERR_PARSE, place, NULL,
                             "expected user,movie in this order, found movie,user");
    if (inference->has_header && inference->limits->batch)
        mf_answer_header(inference);
    return true;
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
    if (row->n_fields != 2)
        return mf_place_fail(err, MF_ERR_PARSE, place, NULL,
                             "expected user,movie, found %zu field%s", row->n_fields,
                             row->n_fields == 1 ? "" : "s");
    return true;
}

/* Has libcsv split the line. The last one gets its line end if it has none: libcsv
 * would close an open quote at the end of a text. */
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

bool mf_csv_take(mf_inference *inference, const mf_line *line, mf_place place, mf_error *err)
{
    if (!split(inference, line, err) || !check_row(inference, place, err))
        return false;
    if (place.number == 1 && !take_header(inference, err))
        return false;
    if (place.number > 1 || !inference->has_header)
        mf_pairs_add(inference, inference->row.fields[0], inference->row.fields[1], place);
    return true;
}
