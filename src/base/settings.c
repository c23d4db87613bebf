/* settings.c: text to field and back, "did you mean …?", and the table that joins them.
 * (1) check comes before give: a name that sets several entries sets all of them or none.
 * (2) A number passes through a double, which holds every integer that a table allows. */
#include "base/settings.h"

#include "base/number.h"
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Enough for "a number above -1.7976931348623157e+308 and …" and long choices. */
enum { ALLOWED_BYTES = 320 };

/* ---- one value: its text and its field ---- */

static bool is_number(const mf_setting *setting)
{
    return setting->type == MF_SETTING_INTEGER || setting->type == MF_SETTING_REAL;
}

static bool in_range(const mf_setting *setting, double value)
{
    const bool low = setting->above_min ? value > setting->min : value >= setting->min;
    const bool high = setting->below_max ? value < setting->max : value <= setting->max;
    return low && high;
}

static bool read_number(const mf_setting *setting, const char *text, size_t n, void *field)
{
    const bool is_integer = setting->type == MF_SETTING_INTEGER;
    const bool is_auto = setting->has_auto && mf_word_find("auto", text, n) == 0;
    double value = setting->automatic;
    if (!is_auto && !mf_parse_double(text, n, &value))
        return false;
    /* Rounded before it is checked: 0.99999999999 is 1 as a float. */
    if (!is_integer && setting->size == sizeof(float))
        value = (double)(float)value;
    if (!is_auto &&
        (!isfinite(value) || !in_range(setting, value) || (is_integer && !mf_is_whole(value))))
        return false;
    if (is_integer) {
        const int64_t whole = (int64_t)value;
        const uint32_t narrow = (uint32_t)whole; /* int32_t has the same bits */
        memcpy(field, setting->size == sizeof narrow ? (const void *)&narrow : &whole,
               setting->size);
    } else {
        const float narrow = (float)value;
        memcpy(field, setting->size == sizeof narrow ? (const void *)&narrow : &value,
               setting->size);
    }
    return true;
}

static double number_of(const mf_setting *setting, const void *field)
{
    uint32_t word;
    float narrow;
    int64_t whole;
    double value;
    if (setting->type == MF_SETTING_INTEGER && setting->size == sizeof word) {
        memcpy(&word, field, sizeof word);
        return setting->min < 0 ? (double)(int32_t)word : (double)word;
    }
    if (setting->type == MF_SETTING_INTEGER) {
        memcpy(&whole, field, sizeof whole);
        return (double)whole;
    }
    if (setting->size == sizeof narrow) {
        memcpy(&narrow, field, sizeof narrow);
        return (double)narrow;
    }
    memcpy(&value, field, sizeof value);
    return value;
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

/* Reads text[0..n) into field. False when it is not allowed; field is then untouched. */
static bool read_value(const mf_setting *setting, const char *text, size_t n, void *field)
{
    static const char blanks[] = " \t\n\r";
    for (; n > 0 && memchr(blanks, text[0], sizeof blanks - 1) != NULL; n--)
        text++;
    while (n > 0 && memchr(blanks, text[n - 1], sizeof blanks - 1) != NULL)
        n--;
    switch (setting->type) {
    case MF_SETTING_INTEGER:
    case MF_SETTING_REAL:
        return read_number(setting, text, n, field);
    case MF_SETTING_BOOLEAN: {
        const bool yes = mf_word_find("true yes on t y 1", text, n) != SIZE_MAX;
        if (!yes && mf_word_find("false no off f n 0", text, n) == SIZE_MAX)
            return false;
        memcpy(field, &yes, sizeof yes);
        return true;
    }
    case MF_SETTING_TEXT:
        return read_text(setting, text, n, field);
    case MF_SETTING_CHOICE: {
        const size_t place = mf_word_find(setting->choices, text, n);
        const uint32_t value = (uint32_t)place;
        if (place == SIZE_MAX)
            return false;
        memcpy(field, &value, sizeof value);
        return true;
    }
    }
    return false;
}

/* The field as text. */
static char *write_value(const mf_setting *setting, const void *field,
                         char text[MF_SETTING_TEXT_BYTES])
{
    if (is_number(setting)) {
        const double value = number_of(setting, field);
        const bool is_float = setting->type == MF_SETTING_REAL && setting->size == sizeof(float);
        if (setting->has_auto && value == setting->automatic)
            snprintf(text, MF_SETTING_TEXT_BYTES, "auto");
        else
            mf_write_double(value, is_float, text);
    } else if (setting->type == MF_SETTING_BOOLEAN) {
        bool value;
        memcpy(&value, field, sizeof value);
        snprintf(text, MF_SETTING_TEXT_BYTES, "%s", value ? "true" : "false");
    } else if (setting->type == MF_SETTING_TEXT) {
        snprintf(text, MF_SETTING_TEXT_BYTES, "%s", (const char *)field);
    } else {
        uint32_t left;
        size_t position = 0, n_word = 0;
        memcpy(&left, field, sizeof left);
        const char *word = mf_word_next(setting->choices, &position, &n_word);
        for (; left > 0 && word != NULL; left--)
            word = mf_word_next(setting->choices, &position, &n_word);
        snprintf(text, MF_SETTING_TEXT_BYTES, "%.*s", word != NULL ? (int)n_word : 0, word);
    }
    return text;
}

/* Appends to text, which has ALLOWED_BYTES; what does not fit is cut. */
__attribute__((format(printf, 2, 3))) static void append(char *text, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, ALLOWED_BYTES - used, format, arguments);
    va_end(arguments);
}

static void append_range(const mf_setting *setting, char *text)
{
    char min[MF_NUMBER_TEXT_BYTES], max[MF_NUMBER_TEXT_BYTES];
    const bool has_min = isfinite(setting->min), has_max = isfinite(setting->max);
    mf_write_double(setting->min, false, min);
    mf_write_double(setting->max, false, max);
    if (has_min && has_max && !setting->above_min && !setting->below_max) {
        append(text, " from %s to %s", min, max);
    } else {
        if (has_min)
            append(text, " %s %s", setting->above_min ? "above" : "of at least", min);
        if (has_max)
            append(text, " %s %s %s", has_min ? "and" : "of",
                   setting->below_max ? "below" : "at most", max);
    }
    if (setting->has_auto)
        append(text, ", or auto");
}

/* "a whole number from 1 to 4096": what follows "expected". */
static char *write_allowed(const mf_setting *setting, char text[ALLOWED_BYTES])
{
    text[0] = '\0';
    if (is_number(setting)) {
        append(text, setting->type == MF_SETTING_INTEGER ? "a whole number" : "a number");
        append_range(setting, text);
    } else if (setting->type == MF_SETTING_BOOLEAN) {
        append(text, "true or false");
    } else if (setting->type == MF_SETTING_TEXT) {
        append(text, "text of ");
        if (setting->min > 0)
            append(text, "%.0f to ", setting->min);
        append(text, "%s%zu bytes without control characters", setting->min > 0 ? "" : "at most ",
               setting->size - 1);
    } else {
        size_t position = 0, n_word = 0;
        const char *word, *gap = " ";
        append(text, "one of");
        for (; (word = mf_word_next(setting->choices, &position, &n_word)) != NULL; gap = ", ")
            append(text, "%s%.*s", gap, (int)n_word, word);
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
    /* rows[i % 3][j]: edits from the first i bytes of a to the first j of b. */
    size_t rows[3][MF_EDIT_BYTES_MAX + 1];
    for (size_t j = 0; j <= n_b; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t best = above[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
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

/* Walks through an entry's names: its own, the aliases, the shared ones. */
typedef struct name_cursor {
    int list;
    size_t position;
    mf_setting_name name;
} name_cursor;

static bool next_name(const mf_setting *setting, name_cursor *at)
{
    enum { SHARED = 2 };
    const char *const lists[] = {setting->name, setting->aliases, setting->shared};
    for (; at->list <= SHARED; at->list++, at->position = 0) {
        at->name.text = mf_word_next(lists[at->list], &at->position, &at->name.n_bytes);
        at->name.is_shared = at->list == SHARED;
        if (at->name.text != NULL)
            return true;
    }
    return false;
}

/* The entry's name that is this text; its text is NULL when there is none. */
static mf_setting_name match(const mf_setting *setting, const char *text)
{
    name_cursor at = {0};
    while (next_name(setting, &at))
        if (strlen(text) == at.name.n_bytes && memcmp(at.name.text, text, at.name.n_bytes) == 0)
            return at.name;
    return (mf_setting_name){0};
}

/* The entry before i that i follows, or i when there is none. */
static size_t followed_by(const mf_settings *settings, size_t i)
{
    const mf_setting *setting = &settings->table[i];
    for (size_t other = 0; setting->follows != NULL && other < i; other++)
        if (strcmp(settings->table[other].name, setting->follows) == 0 &&
            settings->table[other].type == setting->type &&
            settings->table[other].size == setting->size)
            return other;
    return i;
}

/* Fields that were not given follow; in table order, so that one can follow another that
 * follows. */
static void follow(mf_settings *settings)
{
    for (size_t i = 0; i < settings->n; i++)
        if (!mf_settings_is_given(settings, i) && settings->table[i].follows != NULL)
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

/* Where entry i contradicts itself or an entry before it, in words; NULL: it does not. */
static const char *contradiction(const mf_settings *settings, size_t i, char why[ALLOWED_BYTES])
{
    const mf_setting *setting = &settings->table[i];
    why[0] = '\0';
    for (size_t other = 0; other < i; other++)
        if (match(&settings->table[other], setting->name).text != NULL)
            return "is in the table twice";
    if (is_number(setting) && !(setting->min < setting->max))
        return "has no range";
    if (setting->has_auto && (!is_number(setting) || (setting->automatic >= setting->min &&
                                                      setting->automatic <= setting->max)))
        return "has an automatic value that can also be given";
    if (!size_fits(setting))
        append(why, "has a field of %zu bytes", setting->size);
    else if (setting->follows != NULL && followed_by(settings, i) == i)
        append(why, "cannot follow %s", setting->follows);
    return why[0] != '\0' ? why : NULL;
}

bool mf_settings_start(mf_settings *settings, const mf_setting *table, size_t n, const char *noun,
                       void *target, mf_error *err)
{
    if (n > MF_SETTINGS_MAX)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "%zu %ss in a table: at most %d fit", n,
                       noun, MF_SETTINGS_MAX);
    *settings = (mf_settings){.table = table, .n = n, .noun = noun, .target = target};
    for (size_t i = 0; i < n; i++) {
        char buffer[ALLOWED_BYTES];
        const char *initial = table[i].initial;
        const char *why = contradiction(settings, i, buffer);
        if (why == NULL && table[i].follows == NULL &&
            (initial == NULL ||
             !read_value(&table[i], initial, strlen(initial), field_of(settings, i))))
            why = "has a default that it would refuse";
        if (why != NULL)
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "%s %s %s", noun, table[i].name, why);
    }
    follow(settings);
    return true;
}

void mf_settings_explain(mf_settings *settings, const mf_setting_foreign *foreign, size_t n)
{
    settings->foreign = foreign;
    settings->n_foreign = n;
}

static bool fail_unknown(const mf_settings *settings, const char *name, mf_error *err)
{
    char quoted[96];
    mf_printable(quoted, sizeof quoted, name, strlen(name));
    for (size_t i = 0; i < settings->n_foreign; i++)
        if (match(&(mf_setting){.name = settings->foreign[i].names}, name).text != NULL)
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "%s %s does not exist here: %s",
                           settings->noun, quoted, settings->foreign[i].why);

    const char *nearest = NULL;
    size_t nearest_distance = SIZE_MAX;
    for (size_t i = 0; i < settings->n; i++)
        for (name_cursor at = {0}; next_name(&settings->table[i], &at);) {
            const size_t distance =
                mf_edit_distance(name, strlen(name), at.name.text, at.name.n_bytes);
            if (distance < nearest_distance) {
                nearest_distance = distance;
                nearest = settings->table[i].name;
            }
        }
    if (mf_edit_is_near(nearest_distance, strlen(name)))
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

/* Whether entry i may be given by this name of it, with this value. */
static bool check(const mf_settings *settings, size_t i, mf_setting_name name, const char *value,
                  size_t n_bytes, mf_error *err)
{
    const mf_setting *setting = &settings->table[i];
    const mf_setting_name *before = &settings->given[i];
    _Alignas(double) char field[MF_SETTING_TEXT_BYTES] = {0};
    const bool readable = read_value(setting, value, n_bytes, field);
    if (before->text != NULL && before->is_shared == name.is_shared) {
        const void *now = field_of(settings, i);
        if (readable && (setting->type == MF_SETTING_TEXT ? strcmp(field, now) == 0
                                                          : memcmp(field, now, setting->size) == 0))
            return true; /* the same value twice is no contradiction */
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "%s %s is given twice: as \"%.*s\" and as \"%.*s\"", settings->noun,
                       setting->name, (int)before->n_bytes, before->text, (int)name.n_bytes,
                       name.text);
    }
    if (readable)
        return true;
    char quoted[96], allowed[ALLOWED_BYTES];
    const bool is_own = name.text == setting->name;
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "%s %.*s%s%s%s is \"%s\": expected %s",
                   settings->noun, (int)name.n_bytes, name.text, is_own ? "" : " (",
                   is_own ? "" : setting->name, is_own ? "" : ")",
                   mf_printable(quoted, sizeof quoted, value, n_bytes),
                   write_allowed(setting, allowed));
}

/* After check: the value is in the field, unless a name of the entry's own was first. */
static void give(mf_settings *settings, size_t i, mf_setting_name name, const char *value,
                 size_t n_bytes)
{
    if (mf_settings_is_given(settings, i) && name.is_shared)
        return;
    if (read_value(&settings->table[i], value, n_bytes, field_of(settings, i)))
        settings->given[i] = name;
}

bool mf_settings_set(mf_settings *settings, const char *name, const char *value, size_t n_bytes,
                     mf_error *err)
{
    mf_setting_name names[MF_SETTINGS_MAX];
    bool is_known = false;
    for (size_t i = 0; i < settings->n; i++) {
        names[i] = match(&settings->table[i], name);
        if (names[i].text != NULL && !check(settings, i, names[i], value, n_bytes, err))
            return false;
        is_known = is_known || names[i].text != NULL;
    }
    if (!is_known)
        return fail_unknown(settings, name, err);
    for (size_t i = 0; i < settings->n; i++)
        if (names[i].text != NULL)
            give(settings, i, names[i], value, n_bytes);
    follow(settings);
    return true;
}

bool mf_settings_change(mf_settings *settings, const char *name, const char *value, size_t n_bytes,
                        mf_error *err)
{
    const mf_settings before = *settings;
    for (size_t i = 0; i < settings->n; i++)
        if (match(&settings->table[i], name).text != NULL)
            settings->given[i] = (mf_setting_name){0};
    const bool ok = mf_settings_set(settings, name, value, n_bytes, err);
    if (!ok)
        *settings = before;
    return ok;
}

bool mf_settings_read_environment(mf_settings *settings, mf_error *err)
{
    for (size_t i = 0; i < settings->n; i++)
        for (name_cursor at = {0}; next_name(&settings->table[i], &at);) {
            char name[128];
            const int n = snprintf(name, sizeof name, "%.*s", (int)at.name.n_bytes, at.name.text);
            const char *value = n < (int)sizeof name ? getenv(name) : NULL;
            if (value == NULL || value[0] == '\0')
                continue;
            if (!check(settings, i, at.name, value, strlen(value), err))
                return false;
            give(settings, i, at.name, value, strlen(value));
        }
    follow(settings);
    return true;
}

bool mf_settings_is_given(const mf_settings *settings, size_t i)
{
    return settings->given[i].text != NULL;
}

char *mf_settings_text(const mf_settings *settings, size_t i, char text[MF_SETTING_TEXT_BYTES])
{
    return write_value(&settings->table[i], field_of(settings, i), text);
}

/* One more of a list of names, on a new line where this one would be too long. gap is one character
 * and a blank, and on that new line what comes after them. */
static void print_name(FILE *out, int *column, const char *gap, mf_setting_name name)
{
    enum { WIDTH = 110 };
    if (*column + (int)(strlen(gap) + name.n_bytes) > WIDTH) {
        fprintf(out, "%c\n", gap[0]);
        *column = fprintf(out, "  %-26s   ", "");
        gap += 2;
    }
    *column += fprintf(out, "%s%.*s", gap, (int)name.n_bytes, name.text);
}

void mf_settings_print_help(const mf_settings *settings, FILE *out)
{
    const char *prefix = settings->prefix != NULL ? settings->prefix : "";
    for (size_t i = 0; i < settings->n; i++) {
        const mf_setting *setting = &settings->table[i];
        char allowed[ALLOWED_BYTES];
        fprintf(out, "  %s%-*s %s\n", prefix, 26 - (int)strlen(prefix), setting->name,
                setting->help != NULL ? setting->help : "");
        int column = fprintf(out, "  %-26s   %s; default ", "", write_allowed(setting, allowed));
        if (setting->follows != NULL)
            column += fprintf(out, "that of %s", setting->follows);
        else
            column += fprintf(out, "%s", setting->initial[0] != '\0' ? setting->initial : "empty");
        bool is_shared = false;
        const char *gap = "; also called ";
        for (name_cursor at = {.list = 1}; next_name(setting, &at); gap = ", ") {
            if (at.name.is_shared && !is_shared)
                gap = "; also set by ";
            is_shared = at.name.is_shared;
            print_name(out, &column, gap, at.name);
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
