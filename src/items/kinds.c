/* kinds.c: what the values of a column are. Every rule looks at all values and at nothing else, so
 * the order of the rows does not matter. */
#include "items/state.h"

#include "base/grow.h"
#include "base/memory.h"
#include "base/number.h"
#include "ratings/value.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORDS_OF_TEXT = 10000, /* the most different ones of a column of single categories */
    LISTS_OF_TEXT = 20,    /* a column of which one value in so many has a | is of lists */
    YEAR_FIRST = 1800,
    YEAR_LAST = 2199,
};

/* --- values -------------------------------------------------------------- */

mf_id mf_items_value(const mf_item_draft *draft, uint32_t row)
{
    const mf_id value = mf_item_columns_get(draft->column, row);
    const bool is_none = !draft->is_title && !draft->is_year &&
                         mf_value_is_missing((mf_cell){value.bytes, value.n_bytes});
    return is_none ? (mf_id){"", 0} : value;
}

bool mf_items_number(mf_id text, double *number)
{
    const size_t sign = text.n_bytes > 0 && text.bytes[0] == '-';
    const bool has_zeros = text.n_bytes > sign + 1 && text.bytes[sign] == '0' &&
                           isdigit((unsigned char)text.bytes[sign + 1]);
    /* Whole numbers that a double does not hold are ids. */
    return !has_zeros && mf_parse_double(text.bytes, text.n_bytes, number) &&
           (fabs(*number) <= 9007199254740992.0 || memchr(text.bytes, '.', text.n_bytes) != NULL ||
            memchr(text.bytes, 'e', text.n_bytes) != NULL);
}

unsigned mf_items_title_year(mf_id title)
{
    size_t open = title.n_bytes;
    if (open == 0 || title.bytes[open - 1] != ')')
        return 0;
    while (open > 0 && title.bytes[open - 1] != '(')
        open--;
    if (open == 0 || title.n_bytes - open < 5) /* "1995)" */
        return 0;
    unsigned year = 0;
    for (size_t i = open; i < open + 4; i++) {
        if (!isdigit((unsigned char)title.bytes[i]))
            return 0;
        year = 10 * year + (unsigned)(title.bytes[i] - '0');
    }
    /* (1995), (2006-2007), (2006–), but no (12345) */
    return year >= YEAR_FIRST && year <= YEAR_LAST && !isalnum((unsigned char)title.bytes[open + 4])
               ? year
               : 0;
}

/* --- names --------------------------------------------------------------- */

/* Letters and digits alone, in lower case: "Movie_Title" is "movietitle". */
static bool name_is(const char *name, const char *words)
{
    char plain[MF_ATTRIBUTE_NAME_BYTES];
    size_t n = 0;
    for (; *name != '\0'; name++)
        if (*name != '_' && *name != '-' && *name != ' ' && *name != '.')
            plain[n++] = *name;
    return mf_word_find(words, plain, n) != SIZE_MAX;
}

/* The column that is the title: the one with the first of the usual names. */
static const mf_item_column *find_title(const mf_item_columns *columns)
{
    static const char *const names[] = {
        "title",     "movietitle",  "itemtitle", "producttitle", "booktitle", "songtitle", "name",
        "moviename", "productname", "itemname",  "bookname",     "trackname", "gamename"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (uint32_t c = 0; c < columns->n; c++)
            if (name_is(columns->column[c].name, names[i]))
                return &columns->column[c];
    return NULL;
}

static bool is_list_name(const char *name)
{
    return name_is(name, "genre genres category categories tag tags keyword keywords topics");
}

/* --- categories ---------------------------------------------------------- */

static bool add_word(mf_items *items, mf_item_draft *draft, mf_id word, mf_error *err)
{
    char copy[MF_ID_BYTES_MAX + MF_CELL_READABLE] = {0};
    while (word.n_bytes > 0 && word.bytes[0] == ' ')
        word.bytes++, word.n_bytes--;
    while (word.n_bytes > 0 && word.bytes[word.n_bytes - 1] == ' ')
        word.n_bytes--;
    if (word.n_bytes == 0)
        return true;
    if (word.n_bytes > MF_ID_BYTES_MAX) {
        items->facts.n_long_words++;
        return true;
    }
    memcpy(copy, word.bytes, word.n_bytes);
    uint32_t index = mf_id_map_find(&draft->words, (mf_cell){copy, word.n_bytes});
    if (index == MF_INDEX_NONE)
        index = mf_id_map_add(&draft->words, copy, word.n_bytes, draft->words.n, err);
    const size_t n = (size_t)draft->attribute.n_links;
    if (index == MF_INDEX_NONE || !MF_GROW(draft->value, draft->capacity, n + 1, "categories", err))
        return false;
    draft->value[n] = index;
    draft->attribute.n_links++;
    return true;
}

static void forget_words(mf_item_draft *draft)
{
    mf_id_map_clear(&draft->words);
    mf_free(draft->start);
    mf_free(draft->value);
    draft->start = NULL;
    draft->value = NULL;
    draft->capacity = 0;
    draft->attribute.n_links = 0;
}

/* Splits each value at `separator` ('\0': not at all) and keeps the words, until they are more than
 * n_most. */
static bool gather_words(mf_items *items, mf_item_draft *draft, char separator, uint32_t n_most,
                         mf_error *err)
{
    const uint32_t n_rows = items->columns.ids.n;
    draft->start = mf_allocate((size_t)n_rows + 1, sizeof *draft->start, "categories", err);
    bool ok = draft->start != NULL;
    for (uint32_t row = 0; ok && row < n_rows && draft->words.n <= n_most; row++) {
        mf_id left = mf_items_value(draft, row);
        draft->start[row] = draft->attribute.n_links;
        while (ok && left.n_bytes > 0) {
            const char *end =
                separator != '\0' ? memchr(left.bytes, separator, left.n_bytes) : NULL;
            const size_t n = end != NULL ? (size_t)(end - left.bytes) : left.n_bytes;
            ok = add_word(items, draft, (mf_id){left.bytes, n}, err);
            left.bytes += n + (end != NULL);
            left.n_bytes -= n + (end != NULL);
        }
        draft->start[row + 1] = draft->attribute.n_links;
    }
    return ok;
}

/* --- one column ---------------------------------------------------------- */

typedef struct survey {
    uint32_t n_present, n_numbers, n_bars, n_long;
} survey;

static survey survey_column(const mf_items *items, const mf_item_draft *draft)
{
    survey s = {0, 0, 0, 0};
    for (uint32_t row = 0; row < items->columns.ids.n; row++) {
        double number;
        const mf_id value = mf_items_value(draft, row);
        s.n_present += value.n_bytes > 0;
        s.n_numbers += mf_items_number(value, &number);
        s.n_bars += value.n_bytes > 0 && memchr(value.bytes, '|', value.n_bytes) != NULL;
        s.n_long += value.n_bytes > MF_ID_BYTES_MAX;
    }
    return s;
}

/* Sets the kind and, of categories, the words. *reason: why it cannot be an attribute. */
static bool find_kind(mf_items *items, mf_item_draft *draft, const char **reason, mf_error *err)
{
    const mf_item_column *column = draft->column;
    const survey s = survey_column(items, draft);
    const bool is_list = column->has_lists || (is_list_name(column->name) && s.n_bars > 0) ||
                         (uint64_t)s.n_bars * LISTS_OF_TEXT >= (uint64_t)s.n_present;
    draft->attribute.kind = MF_ATTRIBUTE_TEXT;
    if (column->has_objects)
        *reason = "its values are JSON objects";
    else if (s.n_present == 0)
        *reason = "no item has a value";
    else if (draft->is_title || (!column->is_of_file && column->kind == MF_ATTRIBUTE_TEXT))
        return true;
    else if (!column->has_lists && s.n_numbers == s.n_present)
        draft->attribute.kind = MF_ATTRIBUTE_NUMBER;
    else if (is_list) {
        draft->attribute.kind = MF_ATTRIBUTE_CATEGORIES;
        return gather_words(items, draft, column->has_lists ? MF_ITEMS_SEPARATOR : '|',
                            MF_INDEX_NONE - 1, err);
    } else if (s.n_long == 0) {
        if (!gather_words(items, draft, '\0', WORDS_OF_TEXT, err))
            return false;
        const uint32_t n_words = draft->words.n;
        if (n_words <= WORDS_OF_TEXT && (n_words <= s.n_present / 2 || is_list_name(column->name)))
            draft->attribute.kind = MF_ATTRIBUTE_CATEGORIES;
        else
            forget_words(draft);
    }
    return true;
}

static uint64_t bytes_of(const mf_items *items, mf_item_draft *draft)
{
    uint64_t n_bytes = 0;
    if (draft->attribute.kind == MF_ATTRIBUTE_TEXT)
        for (uint32_t row = 0; row < items->columns.ids.n; row++)
            n_bytes += sizeof(uint64_t) + mf_items_value(draft, row).n_bytes;
    else if (draft->attribute.kind == MF_ATTRIBUTE_NUMBER)
        n_bytes = (uint64_t)items->columns.ids.n * (sizeof(double) + sizeof(uint32_t));
    else
        n_bytes = draft->attribute.n_links * 2 * sizeof(uint32_t) +
                  draft->words.n * sizeof(uint64_t) +
                  (draft->words.n > 0 ? draft->words.start[draft->words.n] : 0) +
                  (uint64_t)items->columns.ids.n * sizeof(uint32_t);
    return n_bytes;
}

/* --- all columns --------------------------------------------------------- */

static void release(mf_item_draft *draft)
{
    forget_words(draft);
    *draft = (mf_item_draft){0};
}

void mf_items_drafts_clear(mf_item_draft *drafts, uint32_t n_drafts)
{
    for (uint32_t d = 0; d < n_drafts; d++)
        release(&drafts[d]);
}

/* Takes draft d out. A column that was chosen by name is an error instead. */
static bool drop(mf_items *items, mf_item_draft *drafts, uint32_t *n_drafts, uint32_t d,
                 const char *reason, mf_error *err)
{
    const char *name = drafts[d].attribute.name;
    size_t at = 0, n;
    if (mf_items_next_chosen(items, &at, &n) != NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "item_columns: %s: %s", name, reason);
    mf_items_omit(items, name, strlen(name), reason);
    forget_words(&drafts[d]);
    --*n_drafts;
    memmove(&drafts[d], &drafts[d + 1], (*n_drafts - d) * sizeof *drafts);
    drafts[*n_drafts] = (mf_item_draft){0};
    return true;
}

/* The number attribute year of titles with years, where no file has one; it replaces a model's. */
static void add_year(mf_items *items, mf_item_draft *drafts, uint32_t *n_drafts,
                     const mf_item_draft *title)
{
    uint32_t n_titles = 0, n_years = 0, d = 0;
    if (!mf_items_is_chosen(items, "year", strlen("year")))
        return;
    for (uint32_t c = 0; c < items->columns.n; c++)
        if (items->columns.column[c].is_of_file &&
            name_is(items->columns.column[c].name, "year releaseyear yearofpublication"))
            return;
    for (uint32_t row = 0; row < items->columns.ids.n; row++) {
        const mf_id text = mf_items_value(title, row);
        n_titles += text.n_bytes > 0;
        n_years += mf_items_title_year(text) != 0;
    }
    if (n_years == 0 || 2 * (uint64_t)n_years < n_titles)
        return;
    while (d < *n_drafts && strcmp(drafts[d].attribute.name, "year") != 0)
        d++;
    *n_drafts += d == *n_drafts;
    release(&drafts[d]);
    drafts[d].column = title->column;
    drafts[d].is_year = true;
    drafts[d].attribute.kind = MF_ATTRIBUTE_NUMBER;
    strcpy(drafts[d].attribute.name, "year");
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const mf_item_draft *)a)->attribute.name,
                  ((const mf_item_draft *)b)->attribute.name);
}

/* One draft for each column, in the order of a header; keys of JSON have none and are sorted. */
static void begin_drafts(const mf_items *items, mf_item_draft *drafts)
{
    const mf_item_columns *columns = &items->columns;
    const mf_item_column *title = find_title(columns);
    for (uint32_t c = 0; c < columns->n; c++) {
        drafts[c] = (mf_item_draft){.column = &columns->column[c],
                                    .is_title = &columns->column[c] == title};
        memcpy(drafts[c].attribute.name, columns->column[c].name, MF_ATTRIBUTE_NAME_BYTES);
    }
    if (columns->has_keys)
        qsort(drafts, columns->n, sizeof *drafts, compare_names);
}

bool mf_items_choose(mf_items *items, mf_item_draft *drafts, uint32_t *n_drafts, mf_error *err)
{
    begin_drafts(items, drafts);
    *n_drafts = items->columns.n;
    for (uint32_t d = 0; d < *n_drafts;) {
        const char *reason = NULL;
        if (!find_kind(items, &drafts[d], &reason, err) ||
            (reason != NULL && !drop(items, drafts, n_drafts, d, reason, err)))
            return false;
        d += reason == NULL;
    }
    for (uint32_t d = 0; d < *n_drafts; d++)
        if (drafts[d].is_title) {
            const mf_item_draft title = drafts[d];
            add_year(items, drafts, n_drafts, &title);
            break;
        }
    while (*n_drafts > MF_ATTRIBUTES_MAX)
        if (!drop(items, drafts, n_drafts, *n_drafts - 1, "there are 32 attributes before it", err))
            return false;
    for (;;) {
        uint64_t all = 0;
        uint32_t largest = 0;
        for (uint32_t d = 0; d < *n_drafts; d++) {
            drafts[d].n_bytes = bytes_of(items, &drafts[d]);
            all += drafts[d].n_bytes;
            largest = drafts[d].n_bytes > drafts[largest].n_bytes ? d : largest;
        }
        if (all <= MF_ITEMS_BYTES_MAX)
            return true;
        if (!drop(items, drafts, n_drafts, largest,
                  "all attributes together would have more than 256 MiB", err))
            return false;
    }
}
