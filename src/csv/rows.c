/* rows.c: libcsv, with its memory taken from base. */
#include "csv/rows.h"

#include "base/memory.h"

#include <csv.h>
#include <string.h>

struct mf_rows {
    struct csv_parser parser;
};

/* libcsv's realloc knows no old size and has no context, so the size stands in
 * front of the field. */
enum { PREFIX_BYTES = 64, GROWTH_BYTES = 4096 };

static void *field_resize(void *field, size_t n_bytes)
{
    size_t old_bytes = 0;
    void *block = NULL;
    if (field != NULL) {
        block = (char *)field - PREFIX_BYTES;
        memcpy(&old_bytes, block, sizeof old_bytes);
    }
    if (n_bytes > SIZE_MAX - PREFIX_BYTES ||
        !mf_reallocate(&block, field != NULL ? old_bytes + PREFIX_BYTES : 0, n_bytes + PREFIX_BYTES,
                       1, "a field", NULL))
        return NULL;
    memcpy(block, &n_bytes, sizeof n_bytes);
    return (char *)block + PREFIX_BYTES;
}

static void field_free(void *field)
{
    if (field != NULL)
        mf_free((char *)field - PREFIX_BYTES);
}

mf_rows *mf_rows_create(char delimiter, mf_error *err)
{
    mf_rows *rows = mf_allocate(1, sizeof *rows, "a CSV parser", err);
    if (rows == NULL)
        return NULL;
    csv_init(&rows->parser, 0);
    csv_set_delim(&rows->parser, (unsigned char)delimiter);
    csv_set_realloc_func(&rows->parser, field_resize);
    csv_set_free_func(&rows->parser, field_free);
    csv_set_blk_size(&rows->parser, GROWTH_BYTES);
    return rows;
}

bool mf_rows_feed(mf_rows *rows, const char *bytes, size_t n_bytes, mf_rows_on_field *on_field,
                  mf_rows_on_row *on_row, void *context, mf_error *err)
{
    if (csv_parse(&rows->parser, bytes, n_bytes, on_field, on_row, context) == n_bytes)
        return true;
    return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a field of the CSV: %s",
                   csv_strerror(csv_error(&rows->parser)));
}

void mf_rows_end(mf_rows *rows, mf_rows_on_field *on_field, mf_rows_on_row *on_row, void *context)
{
    csv_fini(&rows->parser, on_field, on_row, context);
}

void mf_rows_destroy(mf_rows *rows)
{
    if (rows == NULL)
        return;
    csv_free(&rows->parser);
    mf_free(rows);
}
