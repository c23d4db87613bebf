/* json_rows.c: jansson enters here. Which keys are used is decided by the objects in the
 * first 64 KiB, all of whose keys count together. */
#include "ratings/json_rows.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "csv/column_names.h"
#include "ratings/cutter.h"
#include "ratings/header.h"
#include "ratings/reason.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <strings.h>

enum { SAMPLE_OBJECTS = 100, LINES_SEEN = 10 };

static size_t skip(const char *text, size_t n_bytes, size_t at)
{
    while (at < n_bytes && mf_is_between_objects(text[at]))
        at++;
    return at;
}

static size_t skip_blanks(const char *text, size_t n_bytes, size_t at)
{
    while (at < n_bytes && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0')
        at++;
    return at;
}

static bool is_object(const char *text, size_t n_bytes, size_t at)
{
    if (at == n_bytes || text[at] != '{')
        return false;
    at = skip_blanks(text, n_bytes, at + 1);
    return at == n_bytes || text[at] == '"' || text[at] == '}';
}

bool mf_json_begins(const char *text, size_t n_bytes)
{
    size_t at = skip_blanks(text, n_bytes, 0);
    if (at < n_bytes && text[at] == '[')
        at = skip(text, n_bytes, at);
    if (is_object(text, n_bytes, at))
        return true;
    uint32_t n_objects = 0;
    for (uint32_t line = 0; line < LINES_SEEN; line++) {
        const char *end = memchr(text + at, '\n', n_bytes - at);
        if (end == NULL)
            break;
        at = skip_blanks(text, n_bytes, (size_t)(end - text));
        if (at == n_bytes)
            break;
        if (!is_object(text, n_bytes, at) && n_objects > 0)
            return false;
        n_objects += is_object(text, n_bytes, at);
    }
    return n_objects > 1;
}

/* The shortest text that reads as the number: 4.5, not 4.5000000000000000. */
static void keep_number(mf_cell_copy *copy, double value)
{
    char text[40];
    if (fabs(value) < 1e15 && value == (double)(int64_t)value) {
        copy->n_bytes = (size_t)snprintf(copy->bytes, sizeof text, "%lld", (long long)value);
        return;
    }
    const double tenths = value * 10;
    if (tenths > 0 && tenths < 1e6 && tenths == (double)(int64_t)tenths &&
        (double)(int64_t)tenths / 10 == value) {
        copy->n_bytes = (size_t)snprintf(copy->bytes, sizeof text, "%lld.%lld",
                                         (long long)tenths / 10, (long long)tenths % 10);
        return;
    }
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    mf_cell_keep(copy, text, strlen(text));
}

/* False when the value is no text and no number. */
static bool keep_value(mf_cell_copy *copy, const json_t *value)
{
    char text[40];
    copy->n_bytes = 0;
    if (json_is_string(value)) {
        mf_cell_keep(copy, json_string_value(value), json_string_length(value));
        return true;
    }
    if (json_is_integer(value)) {
        const int n = snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
        mf_cell_keep(copy, text, (size_t)n);
        return true;
    }
    if (json_is_real(value)) {
        keep_number(copy, json_real_value(value));
        return true;
    }
    return value == NULL || json_is_null(value);
}

/* Where the damage at text[at ..) ends: with its line, or with its object, or where the next begins. */
static size_t after_damage(const mf_dialect *dialect, const char *text, size_t n_bytes, size_t at)
{
    if (dialect->text == MF_TEXT_JSON) {
        const char *next = text[at] != '{' ? memchr(text + at, '{', n_bytes - at) : NULL;
        const size_t n = text[at] == '{' ? mf_object_bytes(text + at, n_bytes - at) : 0;
        return next != NULL ? (size_t)(next - text) : n > 0 ? at + n : n_bytes;
    }
    const char *end = memchr(text + at, '\n', n_bytes - at);
    return end != NULL ? (size_t)(end - text) + 1 : n_bytes;
}

static json_t *parse(const mf_dialect *dialect, const char *text, size_t n_bytes, size_t *at,
                     char why[96])
{
    json_error_t error;
    const char *end =
        dialect->text == MF_TEXT_JSON_LINES ? memchr(text + *at, '\n', n_bytes - *at) : NULL;
    const size_t n_seen = (end != NULL ? (size_t)(end - text) : n_bytes) - *at;
    json_t *object =
        json_loadb(text + *at, n_seen, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &error);
    if (object == NULL && strstr(error.text, "decode byte") != NULL)
        snprintf(why, 96, "not UTF-8 text; encoding=latin1 or windows-1252 reads other text");
    else if (object == NULL)
        snprintf(why, 96, "not JSON: %.80s", error.text);
    else if (!json_is_object(object))
        snprintf(why, 96, "not a JSON object");
    if (object != NULL && json_is_object(object)) {
        *at += (size_t)error.position;
        return object;
    }
    json_decref(object);
    *at = after_damage(dialect, text, n_bytes, *at);
    return NULL;
}

static bool is_tombstone(json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        const char *event = json_string_value(value);
        if (event != NULL && strcasecmp(event, "forget") == 0 &&
            (mf_column_name_is(key, strlen(key), "event") ||
             mf_column_name_is(key, strlen(key), "eventtype")))
            return true;
    }
    return false;
}

static const json_t *find_first(json_t *object, const char *const *names)
{
    for (; *names != NULL; names++) {
        const char *key;
        json_t *value;
        json_object_foreach(object, key, value)
        {
            if (mf_column_name_is(key, strlen(key), *names))
                return value;
        }
    }
    return NULL;
}

/* FNV-1a */
static uint32_t hash_key(const char *key, size_t n_bytes)
{
    uint32_t hash = UINT32_C(2166136261);
    for (size_t i = 0; i < n_bytes; i++)
        hash = (hash ^ (unsigned char)key[i]) * UINT32_C(16777619);
    return hash;
}

static bool was_seen(const mf_dialect *dialect, const char *key)
{
    const uint32_t hash = hash_key(key, strlen(key));
    for (uint32_t i = 0; i < dialect->n_seen_keys; i++)
        if (dialect->seen_key[i] == hash)
            return true;
    return false;
}

/* The value of a key that no object had by which the dialect was found, and that has a usual name of
 * ratings; or NULL. Most objects have no other keys: to compare names takes twice jansson's time. */
static const json_t *find_new_rating(const mf_dialect *dialect, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (!was_seen(dialect, key) &&
            mf_column_name_among(key, strlen(key), mf_column_rating_names))
            return value;
    }
    return NULL;
}

/* The value of a role. Programs that write to one stream may use different names: where the file's
 * key is not in the object, the first of the usual names is taken that is. */
static const json_t *find_value(const mf_dialect *dialect, json_t *object, int role)
{
    const mf_cell_copy *name = &dialect->header[role];
    const char *const *const usual[MF_ROLES] = {
        mf_column_user_names, mf_column_item_names,
        dialect->feedback == MF_FEEDBACK_IMPLICIT ? mf_column_weight_names : mf_column_rating_names,
        mf_column_time_names};
    const json_t *value = json_object_getn(object, name->bytes, name->n_bytes);
    if (value == NULL && !dialect->is_given[role])
        value = find_first(object, usual[role]);
    if (value == NULL && !dialect->is_given[role] && role == MF_ROLE_TIMESTAMP)
        value = find_first(object, mf_column_weak_time_names);
    return value;
}

mf_json_row mf_json_read(const mf_dialect *dialect, const char *text, size_t n_bytes, size_t *at,
                         size_t *begin, mf_cell_copy cells[MF_ROLES], int *role, char why[96])
{
    mf_json_row result = MF_JSON_CELLS;
    *at = skip(text, n_bytes, *at);
    *begin = *at;
    if (*at == n_bytes)
        return MF_JSON_NONE;
    json_t *object = parse(dialect, text, n_bytes, at, why);
    if (object == NULL)
        return MF_JSON_DAMAGED;
    const bool forgets = is_tombstone(object);
    for (int r = 0; r < MF_ROLES; r++) {
        cells[r].n_bytes = 0;
        if (dialect->column[r] == MF_COLUMN_ABSENT)
            continue;
        const json_t *value = find_value(dialect, object, r);
        const bool is_good = keep_value(&cells[r], value);
        if (forgets && (r == MF_ROLE_ITEM || r == MF_ROLE_VALUE))
            continue;
        if (result == MF_JSON_CELLS && r == MF_ROLE_VALUE && is_good &&
            (value == NULL || json_is_null(value)) && dialect->feedback == MF_FEEDBACK_EXPLICIT)
            result = MF_JSON_NOT_RATED;
        else if (result == MF_JSON_CELLS && r != MF_ROLE_TIMESTAMP && (!is_good || value == NULL)) {
            result = MF_JSON_MISSING;
            *role = r;
        }
    }
    if (dialect->has_empty_values)
        (void)keep_value(&cells[MF_ROLE_VALUE], find_new_rating(dialect, object));
    json_decref(object);
    return forgets && result == MF_JSON_CELLS ? MF_JSON_FORGET : result;
}

/* The keys and values of the first objects. */
typedef struct keys {
    uint32_t n;
    mf_cell_copy name[MF_COLUMNS_MAX];
    mf_cell_copy value[MF_COLUMNS_MAX]; /* the first that is not null */
    bool is_nested[MF_COLUMNS_MAX];     /* some value is an object or an array */
    char inner[MF_COLUMNS_MAX][24];     /* the first key of the first such object, or "" */
} keys;

static void note_nested(keys *k, uint32_t c, json_t *value)
{
    void *first = json_object_iter(value);
    k->is_nested[c] = json_is_object(value) || json_is_array(value);
    if (first != NULL)
        mf_printable(k->inner[c], sizeof k->inner[c], json_object_iter_key(first),
                     strlen(json_object_iter_key(first)));
}

static void add_keys(keys *k, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        const size_t n_bytes = strlen(key);
        uint32_t c = 0;
        while (c < k->n && (k->name[c].n_bytes != n_bytes || n_bytes > MF_COPY_BYTES ||
                            memcmp(k->name[c].bytes, key, n_bytes) != 0))
            c++;
        if (c == k->n && (k->n == MF_COLUMNS_MAX || n_bytes > MF_COPY_BYTES))
            continue;
        if (c == k->n) {
            mf_cell_keep(&k->name[k->n++], key, n_bytes);
            k->value[c].n_bytes = 0;
        }
        if (k->value[c].n_bytes == 0)
            (void)keep_value(&k->value[c], value);
        if (!k->is_nested[c])
            note_nested(k, c, value);
    }
}

/* A key that events have, when no object has shown it yet. */
static void add_event_key(keys *k, const char *given, const char *usual)
{
    const char *name = given != NULL ? given : usual;
    if (k->n == MF_COLUMNS_MAX)
        return;
    mf_cell_keep(&k->name[k->n], name, strlen(name));
    k->value[k->n++].n_bytes = 0;
}

/* Objects do not cross line ends: what follows the first one on its line is nothing. */
static bool is_lines(const char *text, size_t n_bytes, size_t first)
{
    const size_t n = mf_object_bytes(text + first, n_bytes - first);
    if (n == 0 || memchr(text + first, '\n', n) != NULL)
        return false;
    for (size_t at = first + n; at < n_bytes; at++)
        if (text[at] == '\n' || text[at] == '\r')
            return true;
        else if (text[at] != ' ' && text[at] != '\t' && text[at] != ',')
            return false;
    return true;
}

static void keep_examples(const mf_dialect *dialect, const char *text, size_t n_bytes,
                          mf_look *look, mf_cell_copy cells[MF_ROLES])
{
    size_t at = 0;
    size_t begin;
    int role;
    char why[96];
    for (mf_json_row row = MF_JSON_CELLS;
         row == MF_JSON_CELLS && look->n_examples < MF_DIALECT_EXAMPLES;) {
        row = mf_json_read(dialect, text, n_bytes, &at, &begin, cells, &role, why);
        for (int r = 0; row == MF_JSON_CELLS && r < MF_ROLES; r++)
            mf_cell_text(look->example[look->n_examples][r], sizeof look->example[0][0],
                         mf_cell_view(&cells[r]));
        look->n_examples += row == MF_JSON_CELLS;
    }
}

static bool match(const keys *k, const mf_ratings_options *options, mf_feedback feedback,
                  mf_dialect *dialect)
{
    uint32_t column[MF_ROLES];
    const char *given[MF_ROLES];
    bool has_times[MF_COLUMNS_MAX];
    mf_looks looks[MF_COLUMNS_MAX];
    mf_time_unit unit = MF_TIME_SECONDS;
    mf_header_given(options, feedback, given);
    for (uint32_t c = 0; c < k->n; c++) {
        const mf_cell value = mf_cell_view(&k->value[c]);
        has_times[c] = mf_value_time_unit(value, &unit);
        looks[c] = mf_header_looks(value);
    }
    if (!mf_header_match(k->name, k->n, 1, options, feedback, has_times, column))
        return false;
    unit = MF_TIME_SECONDS;
    if (column[MF_ROLE_TIMESTAMP] != MF_COLUMN_ABSENT)
        (void)mf_value_time_unit(mf_cell_view(&k->value[column[MF_ROLE_TIMESTAMP]]), &unit);
    dialect->has_header = true;
    dialect->feedback = feedback;
    dialect->has_time = column[MF_ROLE_TIMESTAMP] != MF_COLUMN_ABSENT;
    dialect->has_value = column[MF_ROLE_VALUE] != MF_COLUMN_ABSENT;
    dialect->time_unit = unit;
    dialect->time_rate = 1;
    dialect->decimal_comma = options->decimal_comma;
    dialect->has_empty_values = !dialect->has_value && feedback == MF_FEEDBACK_IMPLICIT &&
                                mf_dialect_feedback(options) == MF_FEEDBACK_AUTO;
    dialect->n_seen_keys = 0;
    for (uint32_t c = 0; c < k->n && c < MF_DIALECT_SEEN_KEYS; c++)
        dialect->seen_key[dialect->n_seen_keys++] = hash_key(k->name[c].bytes, k->name[c].n_bytes);
    dialect->n_fields = k->n;
    for (int role = 0; role < MF_ROLES; role++) {
        dialect->column[role] = column[role];
        dialect->is_given[role] = given[role] != NULL;
        if (column[role] != MF_COLUMN_ABSENT)
            dialect->header[role] = k->name[column[role]];
    }
    mf_header_note_unused(k->name, k->n, 1, looks, options, dialect);
    return true;
}

static bool match_wanted(const keys *k, const mf_ratings_options *options, mf_feedback wanted,
                         mf_dialect *dialect)
{
    return (wanted != MF_FEEDBACK_IMPLICIT && match(k, options, MF_FEEDBACK_EXPLICIT, dialect)) ||
           (wanted != MF_FEEDBACK_EXPLICIT && match(k, options, MF_FEEDBACK_IMPLICIT, dialect));
}

/* What the only object of a text holds, where that is rows: an array of objects, or an object for each
 * column. */
static bool explain_one_object(const keys *k, const mf_reason *reason)
{
    char text[40];
    uint32_t n_objects = 0;
    for (uint32_t c = 0; c < k->n; c++) {
        if (!k->is_nested[c])
            continue;
        if (k->inner[c][0] == '\0') {
            mf_cell_text(text, sizeof text, mf_cell_view(&k->name[c]));
            mf_reason_add(reason,
                          "one JSON object, whose \"%s\" is an array; if that holds the rows: "
                          "jq -c '.\"%s\"[]' in > ratings.json",
                          text, text);
            return true;
        }
        n_objects++;
    }
    if (n_objects < 2 || n_objects < k->n)
        return false;
    mf_reason_add(reason, "JSON with an object for each column, as pandas writes it; with "
                          "to_json('ratings.json', orient='records', lines=True) it writes rows");
    return true;
}

/* A role whose key has objects or arrays as values, and nothing else; -1: there is none. */
static int nested_role(const keys *k, const mf_dialect *dialect)
{
    for (int role = 0; role <= MF_ROLE_VALUE; role++) {
        const uint32_t c = dialect->column[role];
        if (c < k->n && k->is_nested[c] && k->value[c].n_bytes == 0)
            return role;
    }
    return -1;
}

static void explain_nested(const keys *k, uint32_t c, const mf_reason *reason)
{
    char text[40];
    mf_cell_text(text, sizeof text, mf_cell_view(&k->name[c]));
    mf_reason_add(reason, "JSON whose \"%s\" is an %s, no text or number", text,
                  k->inner[c][0] != '\0' ? "object" : "array");
    if (k->inner[c][0] != '\0')
        mf_reason_add(reason, ": jq -c '.\"%s\" |= .\"%s\"' in > ratings.json", text, k->inner[c]);
}

static size_t gather_keys(const mf_dialect *dialect, const char *text, size_t n_bytes, keys *k,
                          bool *any_tombstone)
{
    size_t n_objects = 0;
    *any_tombstone = false;
    char why[96];
    for (size_t at = skip(text, n_bytes, 0); at < n_bytes && n_objects < SAMPLE_OBJECTS;
         at = skip(text, n_bytes, at)) {
        if (text[at] == '{' && mf_object_bytes(text + at, n_bytes - at) == 0)
            break; /* cut short */
        json_t *object = parse(dialect, text, n_bytes, &at, why);
        if (object == NULL)
            continue;
        add_keys(k, object);
        *any_tombstone |= is_tombstone(object);
        json_decref(object);
        n_objects++;
    }
    return n_objects;
}

bool mf_json_detect(const char *head, size_t n_head, size_t n_mark, bool is_all,
                    const mf_ratings_options *options, mf_look *look, mf_error *err)
{
    const mf_feedback wanted = mf_dialect_feedback(options);
    mf_reason reason = {look->reason, sizeof look->reason, options, wanted};
    mf_dialect *dialect = &look->dialect;
    const char *text = head + n_mark;
    const size_t n_bytes = n_head - n_mark;
    keys *k = mf_allocate(1, sizeof *k, "the first objects", err);
    if (k == NULL)
        return false;
    dialect->text =
        is_lines(text, n_bytes, skip(text, n_bytes, 0)) ? MF_TEXT_JSON_LINES : MF_TEXT_JSON;
    dialect->form = (mf_csv_form){.delimiter = '\x01',
                                  .quoting = MF_QUOTING_NONE,
                                  .max_row_bytes = mf_ratings_row_bytes(options)};
    dialect->head.n_bytes = n_mark;
    bool any_tombstone;
    const size_t n_objects = gather_keys(dialect, text, n_bytes, k, &any_tombstone);
    if (any_tombstone && !match_wanted(k, options, wanted, dialect)) {
        add_event_key(k, options->item_column, "item_id");
        if (wanted == MF_FEEDBACK_EXPLICIT)
            add_event_key(k, options->rating_column, "rating");
    }
    if (n_objects == 0) {
        look->is_data = true;
        mf_reason_add(&reason,
                      is_all ? "it begins like JSON, but holds no JSON object"
                             : "JSON whose first object is longer than %zu bytes",
                      n_head);
        if (is_all && mf_utf8_valid_bytes(text, n_bytes) < n_bytes)
            mf_reason_add(&reason, " in UTF-8; encoding=latin1 or windows-1252 reads other text");
    } else if (match_wanted(k, options, wanted, dialect) && nested_role(k, dialect) < 0) {
        look->content = MF_RATINGS_READ;
        if (wanted == MF_FEEDBACK_AUTO && dialect->feedback == MF_FEEDBACK_IMPLICIT)
            mf_reason_implicit(&reason, "JSON keys ", k->name, k->n, 1);
    } else if (n_objects == 1 && is_all && explain_one_object(k, &reason)) {
        look->is_data = true;
    } else if (match_wanted(k, options, wanted, dialect)) {
        explain_nested(k, dialect->column[nested_role(k, dialect)], &reason);
        look->is_data = true;
    } else {
        mf_reason_columns(&reason, "JSON keys ", k->name, k->n, 1);
        mf_reason_missing(&reason, wanted, k->name, k->n, 1);
    }
    if (look->content == MF_RATINGS_READ)
        keep_examples(dialect, text, n_bytes, look, k->value);
    mf_free(k);
    return true;
}
