/* settings.c: text to field and back, "did you mean …?", and the table that joins them.
 * (1) check comes before give: a name that sets several entries sets all of them or none.
 * (2) A real is written with the fewest digits that read back as the same value. */
#include "base/settings.h"

#include "base/number.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Enough for "a number above -1.7976931348623157e+308 and …" and long choices. */
enum { ALLOWED_BYTES = 320 };

/* Integer bounds beyond this would not be exact in the table's doubles. */
#define INTEGER_MAX 0x1p53

/* ---- one value: its text and its field ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The word of `words` (separated by one space) after *position, which starts at 0; NULL after
 * the last. */
static const char *next_word(const char *words, size_t *position, size_t *n_bytes)
{
    if (words == NULL)
        return NULL;
    const char *word = words + *position;
    while (*word == ' ')
        word++;
    if (*word == '\0')
        return NULL;
    *n_bytes = strcspn(word, " ");
    *position = (size_t)(word - words) + *n_bytes;
    return word;
}

static bool in_range(const mf_setting *setting, double value)
{
    const bool low = setting->above_min ? value > setting->min : value >= setting->min;
    const bool high = setting->below_max ? value < setting->max : value <= setting->max;
    return low && high;
}

/* Exact for every integer that a table allows; and no libm for one floor(). */
static bool is_whole(double value)
{
    return fabs(value) <= INTEGER_MAX && (double)(int64_t)value == value;
}

static bool is_word(const char *text, size_t n, const char *word, size_t n_word)
{
    return n == n_word && strncasecmp(text, word, n) == 0;
}

static const char AUTO[] = "auto";

static bool is_auto(const mf_setting *setting, const char *text, size_t n)
{
    return setting->has_auto && is_word(text, n, AUTO, strlen(AUTO));
}

static bool read_integer(const mf_setting *setting, const char *text, size_t n, void *field)
{
    double whole = setting->automatic;
    if (!is_auto(setting, text, n) &&
        (!mf_parse_double(text, n, &whole) || !is_whole(whole) || !in_range(setting, whole)))
        return false;
    const int64_t value = (int64_t)whole;
    if (setting->size == sizeof(uint32_t)) {
        const uint32_t narrow = (uint32_t)value; /* int32_t has the same bits */
        memcpy(field, &narrow, sizeof narrow);
    } else {
        memcpy(field, &value, sizeof value);
    }
    return true;
}

static bool read_real(const mf_setting *setting, const char *text, size_t n, void *field)
{
    double value = setting->automatic;
    const bool automatic = is_auto(setting, text, n);
    if (!automatic && !mf_parse_double(text, n, &value))
        return false;
    if (setting->size == sizeof(float)) {
        /* Rounded before it is checked: 0.99999999999 is 1 as a float. */
        const float narrow = (float)value;
        if (!automatic && (!isfinite(narrow) || !in_range(setting, (double)narrow)))
            return false;
        memcpy(field, &narrow, sizeof narrow);
        return true;
    }
    if (!automatic && !in_range(setting, value))
        return false;
    memcpy(field, &value, sizeof value);
    return true;
}

static bool read_boolean(const char *text, size_t n, void *field)
{
    static const char *const yes = "true yes on t y 1";
    static const char *const no = "false no off f n 0";
    for (int side = 0; side < 2; side++) {
        const char *word;
        size_t position = 0;
        size_t n_word = 0;
        while ((word = next_word(side == 0 ? yes : no, &position, &n_word)) != NULL)
            if (is_word(text, n, word, n_word)) {
                const bool value = side == 0;
                memcpy(field, &value, sizeof value);
                return true;
            }
    }
    return false;
}

static bool read_text(const mf_setting *setting, const char *text, size_t n, void *field)
{
    if (n >= setting->size || (double)n < setting->min)
        return false;
    /* mf_printable leaves exactly the text we accept as it is. */
    char printable[4 * MF_SETTING_TEXT_BYTES + 8];
    mf_printable(printable, sizeof printable, text, n);
    if (strlen(printable) != n || memcmp(printable, text, n) != 0)
        return false;
    memset(field, 0, setting->size);
    memcpy(field, text, n);
    return true;
}

static bool read_choice(const mf_setting *setting, const char *text, size_t n, void *field)
{
    size_t position = 0;
    size_t n_word = 0;
    const char *word;
    for (uint32_t i = 0; (word = next_word(setting->choices, &position, &n_word)) != NULL; i++)
        if (is_word(text, n, word, n_word)) {
            memcpy(field, &i, sizeof i);
            return true;
        }
    return false;
}

/* Reads text[0..n) into field. False when it is not allowed; field is then untouched. */
static bool read_value(const mf_setting *setting, const char *text, size_t n, void *field)
{
    while (n > 0 && is_blank(text[0])) {
        text++;
        n--;
    }
    while (n > 0 && is_blank(text[n - 1]))
        n--;
    switch (setting->type) {
    case MF_SETTING_INTEGER:
        return read_integer(setting, text, n, field);
    case MF_SETTING_REAL:
        return read_real(setting, text, n, field);
    case MF_SETTING_BOOLEAN:
        return read_boolean(text, n, field);
    case MF_SETTING_TEXT:
        return read_text(setting, text, n, field);
    case MF_SETTING_CHOICE:
        return read_choice(setting, text, n, field);
    }
    return false;
}

/* printf writes the locale's decimal point, one or more bytes; we write ".". */
static void undo_locale(char *text)
{
    char *to = text;
    bool in_point = false;
    for (const char *from = text; *from != '\0'; from++) {
        const bool plain = (*from >= '0' && *from <= '9') || *from == '-' || *from == '+' ||
                           *from == 'e' || *from == '.';
        if (plain)
            *to++ = *from;
        else if (!in_point)
            *to++ = '.';
        in_point = !plain;
    }
    *to = '\0';
}

/* The fewest digits that read back as the same value. */
static void write_real(double value, bool narrow, char text[MF_SETTING_TEXT_BYTES])
{
    if (is_whole(value)) {
        snprintf(text, MF_SETTING_TEXT_BYTES, "%.0f", value);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, MF_SETTING_TEXT_BYTES, "%.*g", digits, value);
        undo_locale(text);
        double back;
        if (mf_parse_double(text, strlen(text), &back) &&
            (narrow ? (float)back == (float)value : back == value))
            return;
    }
}

/* The field as text. */
static char *write_value(const mf_setting *setting, const void *field,
                         char text[MF_SETTING_TEXT_BYTES])
{
    text[0] = '\0';
    switch (setting->type) {
    case MF_SETTING_INTEGER: {
        int64_t value;
        if (setting->size == sizeof value) {
            memcpy(&value, field, sizeof value);
        } else {
            uint32_t narrow;
            memcpy(&narrow, field, sizeof narrow);
            value = setting->min < 0 ? (int64_t)(int32_t)narrow : (int64_t)narrow;
        }
        if (setting->has_auto && (double)value == setting->automatic)
            snprintf(text, MF_SETTING_TEXT_BYTES, "%s", AUTO);
        else
            snprintf(text, MF_SETTING_TEXT_BYTES, "%lld", (long long)value);
        break;
    }
    case MF_SETTING_REAL: {
        double value;
        if (setting->size == sizeof value) {
            memcpy(&value, field, sizeof value);
        } else {
            float narrow;
            memcpy(&narrow, field, sizeof narrow);
            value = (double)narrow;
        }
        if (setting->has_auto && value == setting->automatic)
            snprintf(text, MF_SETTING_TEXT_BYTES, "%s", AUTO);
        else
            write_real(value, setting->size == sizeof(float), text);
        break;
    }
    case MF_SETTING_BOOLEAN: {
        bool value;
        memcpy(&value, field, sizeof value);
        snprintf(text, MF_SETTING_TEXT_BYTES, "%s", value ? "true" : "false");
        break;
    }
    case MF_SETTING_TEXT:
        snprintf(text, MF_SETTING_TEXT_BYTES, "%s", (const char *)field);
        break;
    case MF_SETTING_CHOICE: {
        uint32_t value;
        memcpy(&value, field, sizeof value);
        size_t position = 0;
        size_t n_word = 0;
        const char *word = next_word(setting->choices, &position, &n_word);
        for (uint32_t i = 0; i < value && word != NULL; i++)
            word = next_word(setting->choices, &position, &n_word);
        if (word != NULL)
            snprintf(text, MF_SETTING_TEXT_BYTES, "%.*s", (int)n_word, word);
        break;
    }
    }
    return text;
}

static void allowed_number(const mf_setting *setting, const char *kind, char *text)
{
    char min[MF_SETTING_TEXT_BYTES];
    char max[MF_SETTING_TEXT_BYTES];
    const bool has_min = isfinite(setting->min);
    const bool has_max = isfinite(setting->max);
    if (has_min)
        write_real(setting->min, false, min);
    if (has_max)
        write_real(setting->max, false, max);
    const char *low = setting->above_min ? "above" : "of at least";
    const char *high = setting->below_max ? "below" : "at most";
    int n;
    if (has_min && has_max && !setting->above_min && !setting->below_max)
        n = snprintf(text, ALLOWED_BYTES, "%s from %.32s to %.32s", kind, min, max);
    else if (has_min && has_max)
        n = snprintf(text, ALLOWED_BYTES, "%s %s %.32s and %s %.32s", kind, low, min, high, max);
    else if (has_min)
        n = snprintf(text, ALLOWED_BYTES, "%s %s %.32s", kind, low, min);
    else if (has_max)
        n = snprintf(text, ALLOWED_BYTES, "%s of %s %.32s", kind, high, max);
    else
        n = snprintf(text, ALLOWED_BYTES, "%s", kind);
    if (setting->has_auto && n > 0 && n < ALLOWED_BYTES)
        snprintf(text + n, ALLOWED_BYTES - (size_t)n, ", or %s", AUTO);
}

/* "a whole number from 1 to 4096": what follows "expected". */
static char *write_allowed(const mf_setting *setting, char text[ALLOWED_BYTES])
{
    switch (setting->type) {
    case MF_SETTING_INTEGER:
        allowed_number(setting, "a whole number", text);
        break;
    case MF_SETTING_REAL:
        allowed_number(setting, "a number", text);
        break;
    case MF_SETTING_BOOLEAN:
        snprintf(text, ALLOWED_BYTES, "true or false");
        break;
    case MF_SETTING_TEXT:
        if (setting->min > 0)
            snprintf(text, ALLOWED_BYTES, "text of %.0f to %zu bytes without control characters",
                     setting->min, setting->size - 1);
        else
            snprintf(text, ALLOWED_BYTES, "text of at most %zu bytes without control characters",
                     setting->size - 1);
        break;
    case MF_SETTING_CHOICE: {
        size_t used = (size_t)snprintf(text, ALLOWED_BYTES, "one of");
        size_t position = 0;
        size_t n_word = 0;
        const char *word;
        for (const char *gap = " ";
             (word = next_word(setting->choices, &position, &n_word)) != NULL &&
             used + n_word + 3 < ALLOWED_BYTES;
             gap = ", ")
            used += (size_t)snprintf(text + used, ALLOWED_BYTES - used, "%s%.*s", gap, (int)n_word,
                                     word);
        break;
    }
    }
    return text;
}

/* ---- nearest name ---- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t mf_edit_distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    if (n_a > MF_EDIT_BYTES_MAX || n_b > MF_EDIT_BYTES_MAX)
        return SIZE_MAX;
    /* Three rows of the table are enough. rows[i % 3][j]: edits from the first i bytes of a to the first j of b. */
    size_t rows[3][MF_EDIT_BYTES_MAX + 1];
    for (size_t j = 0; j <= n_b; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            const bool same = lower(a[i - 1]) == lower(b[j - 1]);
            size_t best = above[j - 1] + (same ? 0 : 1);
            best = least(best, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                best = least(best, rows[(i - 2) % 3][j - 2] + 1);
            row[j] = best;
        }
    }
    return rows[n_a % 3][n_b];
}

bool mf_edit_is_near(size_t distance, size_t n_typed)
{
    return distance <= 3 && distance * 3 <= n_typed;
}

/* ---- the table ---- */

static void *field_of(const mf_settings *settings, size_t i)
{
    return (char *)settings->target + settings->table[i].offset;
}

/* Walks through an entry's names: its own (as 1), the aliases, the shared ones. */
typedef struct name_cursor {
    uint8_t as;
    bool in_shared;
    size_t position;
} name_cursor;

static const char *next_name(const mf_setting *setting, name_cursor *at, size_t *n_bytes)
{
    if (at->as++ == 0) {
        *n_bytes = strlen(setting->name);
        return setting->name;
    }
    const char *word = NULL;
    if (!at->in_shared)
        word = next_word(setting->aliases, &at->position, n_bytes);
    if (word == NULL && !at->in_shared)
        *at = (name_cursor){.as = at->as, .in_shared = true};
    if (at->in_shared)
        word = next_word(setting->shared, &at->position, n_bytes);
    return word;
}

/* 1 when text is the entry's name, 2, 3, … when it is another of its names, else 0. */
static uint8_t match(const mf_setting *setting, const char *text)
{
    const size_t n_text = strlen(text);
    name_cursor at = {0};
    const char *name;
    size_t n_name;
    while ((name = next_name(setting, &at, &n_name)) != NULL)
        if (n_text == n_name && memcmp(name, text, n_name) == 0)
            return at.as;
    return 0;
}

/* The name that match returned as number `as`, and whether others share it. */
static const char *name_as(const mf_setting *setting, uint8_t as, size_t *n_bytes, bool *is_shared)
{
    name_cursor at = {0};
    const char *name = next_name(setting, &at, n_bytes);
    while (at.as < as)
        name = next_name(setting, &at, n_bytes);
    *is_shared = at.in_shared;
    return name;
}

static bool is_by_shared_name(const mf_setting *setting, uint8_t as)
{
    size_t n_bytes;
    bool is_shared;
    name_as(setting, as, &n_bytes, &is_shared);
    return is_shared;
}

/* The entry before i that i follows, or i when there is none. */
static size_t followed_by(const mf_settings *settings, size_t i)
{
    const mf_setting *setting = &settings->table[i];
    if (setting->follows != NULL)
        for (size_t other = 0; other < i; other++)
            if (strcmp(settings->table[other].name, setting->follows) == 0 &&
                settings->table[other].type == setting->type &&
                settings->table[other].size == setting->size)
                return other;
    return i;
}

/* Fields that were not given follow; in table order, so that one can follow
 * another that follows. */
static void follow(mf_settings *settings)
{
    for (size_t i = 0; i < settings->n; i++)
        if (settings->given_as[i] == 0 && settings->table[i].follows != NULL)
            memcpy(field_of(settings, i), field_of(settings, followed_by(settings, i)),
                   settings->table[i].size);
}

static bool size_fits(const mf_setting *setting)
{
    switch (setting->type) {
    case MF_SETTING_INTEGER:
        if (setting->size == sizeof(uint32_t))
            return setting->min < 0 ? setting->min >= INT32_MIN && setting->max <= INT32_MAX
                                    : setting->max <= UINT32_MAX;
        return setting->size == sizeof(uint64_t);
    case MF_SETTING_REAL:
        return setting->size == sizeof(float) || setting->size == sizeof(double);
    case MF_SETTING_BOOLEAN:
        return setting->size == sizeof(bool);
    case MF_SETTING_TEXT:
        return setting->size > 0 && setting->size <= MF_SETTING_TEXT_BYTES;
    case MF_SETTING_CHOICE:
        return setting->size == sizeof(uint32_t) && setting->choices != NULL;
    }
    return false;
}

bool mf_settings_start(mf_settings *settings, const mf_setting *table, size_t n, const char *noun,
                       void *target, mf_error *err)
{
    if (n > MF_SETTINGS_MAX)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "%zu %ss in a table: at most %d fit", n,
                       noun, MF_SETTINGS_MAX);
    *settings = (mf_settings){.table = table, .n = n, .noun = noun, .target = target};
    for (size_t i = 0; i < n; i++) {
        const mf_setting *setting = &table[i];
        const bool is_number =
            setting->type == MF_SETTING_INTEGER || setting->type == MF_SETTING_REAL;
        if (is_number && !(setting->min < setting->max))
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "%s %s has no range", noun,
                           setting->name);
        if (setting->has_auto && (!is_number || (setting->automatic >= setting->min &&
                                                 setting->automatic <= setting->max)))
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                           "%s %s has an automatic value that can also be given", noun,
                           setting->name);
        if (!size_fits(setting))
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "%s %s has a field of %zu bytes", noun,
                           setting->name, setting->size);
        for (size_t other = 0; other < i; other++)
            if (match(&table[other], setting->name) != 0)
                return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "%s %s is in the table twice",
                               noun, setting->name);
        const char *initial = setting->initial;
        if (setting->follows != NULL && followed_by(settings, i) == i)
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "%s %s cannot follow %s", noun,
                           setting->name, setting->follows);
        if (setting->follows != NULL)
            continue;
        if (initial == NULL ||
            !read_value(setting, initial, strlen(initial), field_of(settings, i)))
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                           "%s %s has a default that it would refuse", noun, setting->name);
    }
    follow(settings);
    return true;
}

void mf_settings_explain(mf_settings *settings, const mf_setting_foreign *foreign, size_t n)
{
    settings->foreign = foreign;
    settings->n_foreign = n;
}

/* What to do about a name of another tool, or NULL. */
static const char *explanation_of(const mf_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->n_foreign; i++) {
        const mf_setting foreign = {.name = "", .aliases = settings->foreign[i].names};
        if (match(&foreign, name) > 1)
            return settings->foreign[i].why;
    }
    return NULL;
}

static bool fail_unknown(const mf_settings *settings, const char *name, mf_error *err)
{
    char quoted[96];
    mf_printable(quoted, sizeof quoted, name, strlen(name));

    const char *why = explanation_of(settings, name);
    if (why != NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "%s %s does not exist here: %s",
                       settings->noun, quoted, why);

    const size_t n_name = strlen(name);
    const char *nearest = NULL;
    size_t nearest_distance = SIZE_MAX;
    for (size_t i = 0; i < settings->n; i++) {
        name_cursor at = {0};
        const char *word;
        size_t n_word;
        while ((word = next_name(&settings->table[i], &at, &n_word)) != NULL) {
            const size_t distance = mf_edit_distance(name, n_name, word, n_word);
            if (distance < nearest_distance) {
                nearest_distance = distance;
                nearest = settings->table[i].name;
            }
        }
    }
    if (mf_edit_is_near(nearest_distance, n_name))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "unknown %s \"%s\": did you mean %s?",
                       settings->noun, quoted, nearest);

    char known[MF_ERROR_TEXT_BYTES] = "";
    size_t used = 0;
    for (size_t i = 0; i < settings->n; i++) {
        const char *next = settings->table[i].name;
        if (used + strlen(next) + 3 > sizeof known)
            break;
        used +=
            (size_t)snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "", next);
    }
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "unknown %s \"%s\": the known ones are %s",
                   settings->noun, quoted, known);
}

/* Whether entry i may be given as its name number `as`, with this value. */
static bool check(const mf_settings *settings, size_t i, uint8_t as, const char *name,
                  const char *value, size_t n_bytes, mf_error *err)
{
    const mf_setting *setting = &settings->table[i];
    const uint8_t given_as = settings->given_as[i];
    _Alignas(double) char field[MF_SETTING_TEXT_BYTES] = {0};
    const bool readable = read_value(setting, value, n_bytes, field);
    if (given_as != 0 && is_by_shared_name(setting, given_as) == is_by_shared_name(setting, as)) {
        const void *now = field_of(settings, i);
        if (readable && (setting->type == MF_SETTING_TEXT ? strcmp(field, now) == 0
                                                          : memcmp(field, now, setting->size) == 0))
            return true; /* the same value twice is no contradiction */
        size_t n_before;
        bool is_shared;
        const char *before = name_as(setting, given_as, &n_before, &is_shared);
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "%s %s is given twice: as \"%.*s\" and as \"%s\"", settings->noun,
                       setting->name, (int)n_before, before, name);
    }
    if (readable)
        return true;
    char quoted[96];
    char allowed[ALLOWED_BYTES];
    mf_printable(quoted, sizeof quoted, value, n_bytes);
    write_allowed(setting, allowed);
    if (as == 1)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "%s %s is \"%s\": expected %s",
                       settings->noun, name, quoted, allowed);
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "%s %s (%s) is \"%s\": expected %s",
                   settings->noun, name, setting->name, quoted, allowed);
}

/* After check: the value is in the field, unless a name of the entry's own was
 * first. */
static void give(mf_settings *settings, size_t i, uint8_t as, const char *value, size_t n_bytes)
{
    if (settings->given_as[i] != 0 && is_by_shared_name(&settings->table[i], as))
        return;
    read_value(&settings->table[i], value, n_bytes, field_of(settings, i));
    settings->given_as[i] = as;
}

bool mf_settings_set(mf_settings *settings, const char *name, const char *value, size_t n_bytes,
                     mf_error *err)
{
    bool is_known = false;
    for (size_t i = 0; i < settings->n; i++) {
        const uint8_t as = match(&settings->table[i], name);
        if (as != 0 && !check(settings, i, as, name, value, n_bytes, err))
            return false;
        is_known = is_known || as != 0;
    }
    if (!is_known)
        return fail_unknown(settings, name, err);
    for (size_t i = 0; i < settings->n; i++) {
        const uint8_t as = match(&settings->table[i], name);
        if (as != 0)
            give(settings, i, as, value, n_bytes);
    }
    follow(settings);
    return true;
}

bool mf_settings_change(mf_settings *settings, const char *name, const char *value, size_t n_bytes,
                        mf_error *err)
{
    uint8_t before[MF_SETTINGS_MAX];
    memcpy(before, settings->given_as, sizeof before);
    for (size_t i = 0; i < settings->n; i++)
        if (match(&settings->table[i], name) != 0)
            settings->given_as[i] = 0;
    const bool ok = mf_settings_set(settings, name, value, n_bytes, err);
    if (!ok)
        memcpy(settings->given_as, before, sizeof before);
    return ok;
}

bool mf_settings_read_environment(mf_settings *settings, mf_error *err)
{
    for (size_t i = 0; i < settings->n; i++) {
        const mf_setting *setting = &settings->table[i];
        name_cursor at = {0};
        const char *word;
        size_t n_word;
        while ((word = next_name(setting, &at, &n_word)) != NULL) {
            char name[128];
            const int n = snprintf(name, sizeof name, "%.*s", (int)n_word, word);
            const char *value = n < (int)sizeof name ? getenv(name) : NULL;
            if (value == NULL || value[0] == '\0')
                continue;
            if (!check(settings, i, at.as, name, value, strlen(value), err))
                return false;
            give(settings, i, at.as, value, strlen(value));
        }
    }
    follow(settings);
    return true;
}

bool mf_settings_is_given(const mf_settings *settings, size_t i)
{
    return settings->given_as[i] != 0;
}

char *mf_settings_text(const mf_settings *settings, size_t i, char text[MF_SETTING_TEXT_BYTES])
{
    return write_value(&settings->table[i], field_of(settings, i), text);
}

/* One more of a list of names, on a new line where this one would be too long. gap is one
 * character and a blank, and on that new line what comes after them. */
static void print_name(FILE *out, int *column, const char *gap, const char *name, size_t n_name)
{
    enum { WIDTH = 110 };
    if (*column + (int)(strlen(gap) + n_name) > WIDTH) {
        fprintf(out, "%c\n", gap[0]);
        *column = fprintf(out, "  %-26s   ", "");
        gap += 2;
    }
    *column += fprintf(out, "%s%.*s", gap, (int)n_name, name);
}

void mf_settings_print_help(const mf_settings *settings, FILE *out)
{
    for (size_t i = 0; i < settings->n; i++) {
        const mf_setting *setting = &settings->table[i];
        char allowed[ALLOWED_BYTES];
        const char *prefix = settings->prefix != NULL ? settings->prefix : "";
        fprintf(out, "  %s%-*s %s\n", prefix, 26 - (int)strlen(prefix), setting->name,
                setting->help != NULL ? setting->help : "");
        int column = fprintf(out, "  %-26s   %s; default ", "", write_allowed(setting, allowed));
        if (setting->follows != NULL)
            column += fprintf(out, "that of %s", setting->follows);
        else
            column += fprintf(out, "%s", setting->initial[0] != '\0' ? setting->initial : "empty");
        name_cursor at = {.as = 1};
        const char *word;
        size_t n_word;
        const char *gap = "; also called ";
        for (; (word = next_name(setting, &at, &n_word)) != NULL && !at.in_shared; gap = ", ")
            print_name(out, &column, gap, word, n_word);
        for (gap = "; also set by "; word != NULL; gap = ", ") {
            print_name(out, &column, gap, word, n_word);
            word = next_name(setting, &at, &n_word);
        }
        fputc('\n', out);
    }
}

void mf_settings_log(const mf_settings *settings, mf_log_level level, const char *event)
{
    mf_log_line line;
    mf_log_begin(&line, level, event);
    for (size_t i = 0; i < settings->n; i++) {
        char text[MF_SETTING_TEXT_BYTES];
        mf_log_text(&line, settings->table[i].name, mf_settings_text(settings, i, text));
    }
    mf_log_end(&line);
}
