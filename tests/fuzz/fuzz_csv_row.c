/* fuzz_csv_row.c: any bytes as rows of CSV.
 *
 * The properties: of any beginning of a text a row is either not decided yet or split as in the whole text; a row's fields lie
 * within it, in order; their contents are never longer than what is written; rows follow one another up to the text's end or a
 * row that cannot be read. Without quotes the fields are the text between delimiters. The first byte chooses delimiter,
 * quoting and limits. */
#include "csv/split_row.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_csv_row: %s\n", what);
    abort();
}

static bool same(const mf_split *a, const mf_split *b)
{
    if (a->n_bytes != b->n_bytes || a->n_fields != b->n_fields || a->is_blank != b->is_blank ||
        a->n_line_ends != b->n_line_ends || a->has_escapes != b->has_escapes)
        return false;
    const uint32_t n = a->n_fields < MF_SPLIT_FIELDS ? a->n_fields : MF_SPLIT_FIELDS;
    for (uint32_t f = 0; f < n; f++)
        if (a->field[f].begin != b->field[f].begin || a->field[f].n_bytes != b->field[f].n_bytes ||
            a->field[f].is_quoted != b->field[f].is_quoted ||
            a->field[f].is_raw != b->field[f].is_raw)
            return false;
    return true;
}

static void check_fields(const char *row, const mf_split *split)
{
    char text[64];
    size_t at = 0;
    for (uint32_t f = 0; f < split->n_fields && f < MF_SPLIT_FIELDS; f++) {
        const mf_field *field = &split->field[f];
        require(field->begin >= at && field->begin + field->n_bytes <= split->n_bytes,
                "a field outside of its row, or before another");
        at = field->begin + field->n_bytes;
        require(mf_field_text(row, field, split->has_escapes, text, sizeof text) <= field->n_bytes,
                "a content longer than its field");
    }
}

/* Every beginning of the text is undecided or decided alike. */
static void check_beginnings(const mf_csv_form *form, const char *text, size_t n_bytes,
                             mf_split_end end, const mf_split *whole)
{
    static mf_split part;
    for (size_t n = 1; n < n_bytes; n++) {
        const mf_split_end early = mf_split_row(form, text, n, false, &part);
        if (early == MF_SPLIT_MORE)
            continue;
        require(early == end, "the beginning of a text ends otherwise");
        require(end != MF_SPLIT_ROW || same(&part, whole),
                "the beginning of a text splits otherwise");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static const char delimiters[] = {',', '\t', ';', '|', ':', ' '};
    static mf_split split;
    if (n_bytes < 2 || n_bytes > 400)
        return 0;
    const unsigned choice = bytes[0];
    mf_csv_form form = {.delimiter = delimiters[choice % 6],
                        .is_run = choice % 6 == 5,
                        .is_double = choice % 6 == 4,
                        .quoting = (mf_quoting)(choice / 6 % 3),
                        .max_row_bytes = choice / 18 % 2 == 0 ? 1000 : 30};
    const char *text = (const char *)bytes + 1;
    n_bytes--;
    for (size_t at = 0; at < n_bytes; at += split.n_bytes) {
        const mf_split_end end = mf_split_row(&form, text + at, n_bytes - at, true, &split);
        require(end != MF_SPLIT_MORE, "more text wanted after the last byte");
        static mf_split whole;
        whole = split;
        check_beginnings(&form, text + at, n_bytes - at, end, &whole);
        if (end != MF_SPLIT_ROW)
            break;
        require(split.n_bytes > 0 && at + split.n_bytes <= n_bytes,
                "a row of no bytes, or too many");
        check_fields(text + at, &split);
        if (form.n_fields == 0 && !split.is_blank)
            form.n_fields = split.n_fields;
        if (form.quoting == MF_QUOTING_NONE && !form.is_run && split.n_fields > 0) {
            uint32_t n = 1;
            for (size_t k = 0; k < split.n_bytes; k++)
                n += text[at + k] == form.delimiter;
            require(n == split.n_fields, "fields that are not the text between delimiters");
        }
    }
    return 0;
}
