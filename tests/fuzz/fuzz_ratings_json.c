/* fuzz_ratings_json.c: any bytes as ratings in JSON objects.
 *
 * The properties: reading moves on with every row and ends; a row that is read has the cells that jansson finds in the object at
 * that place; a text that is cut into objects loses no byte of one. */
#include "ratings/cutter.h"
#include "ratings/header.h"
#include "ratings/json_rows.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_ratings_json: %s\n", what);
    abort();
}

static void check_row(const mf_dialect *dialect, const char *text, size_t n_bytes,
                      const mf_cell_copy cells[MF_ROLES])
{
    json_error_t error;
    json_t *object = json_loadb(text, n_bytes, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &error);
    require(json_is_object(object), "a row that is no object");
    for (int role = 0; role < MF_ROLES; role++) {
        const mf_cell_copy *name = &dialect->header[role];
        const json_t *value = dialect->column[role] != MF_COLUMN_ABSENT
                                  ? json_object_getn(object, name->bytes, name->n_bytes)
                                  : NULL;
        if (json_is_string(value))
            require(cells[role].n_bytes == json_string_length(value), "another text");
        if (json_is_integer(value))
            require(strtoll(cells[role].bytes, NULL, 10) == json_integer_value(value),
                    "another number");
    }
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static mf_look look;
    static mf_cell_copy cells[MF_ROLES];
    const mf_ratings_options options = {.max_row_bytes = 2000};
    const char *text = (const char *)bytes;
    mf_error err = {0};
    if (n_bytes == 0 || n_bytes > 2000 || !mf_json_begins(text, n_bytes))
        return 0;
    look = (mf_look){.content = MF_RATINGS_NOT_RATINGS};
    require(mf_json_detect(text, n_bytes, 0, true, &options, &look, &err), "no memory");
    if (look.content != MF_RATINGS_READ)
        return 0;
    size_t at = 0;
    for (;;) {
        const size_t before = at;
        size_t begin;
        int role;
        char why[96];
        memset(cells, 0, sizeof cells);
        const mf_json_row row =
            mf_json_read(&look.dialect, text, n_bytes, &at, &begin, cells, &role, why);
        require(at <= n_bytes && begin >= before && begin <= n_bytes,
                "a place outside of the text");
        if (row == MF_JSON_NONE)
            break;
        require(at > before, "a row of no bytes");
        if (row == MF_JSON_CELLS)
            check_row(&look.dialect, text + begin, n_bytes - begin, cells);
    }
    require(at == n_bytes, "text was left");
    if (look.dialect.text == MF_TEXT_JSON) {
        const mf_cut cut = mf_cut_objects(text, n_bytes, true, 2000);
        require(cut.n_bytes <= n_bytes, "a cut outside of the text");
    }
    return 0;
}
