/* settings.c: finding a setting by any of its names, and saying what is wrong. */
#include "sagemaker/settings.h"

#include "sagemaker/nearest.h"
#include "sagemaker/setting_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
        word = mf_setting_word(setting->aliases, &at->position, n_bytes);
    if (word == NULL && !at->in_shared)
        *at = (name_cursor){.as = at->as, .in_shared = true};
    if (at->in_shared)
        word = mf_setting_word(setting->shared, &at->position, n_bytes);
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

/* The name behind match's answer, and whether others share it. */
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

/* Fields that nobody has given follow; in table order, so that one can follow
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
            !mf_setting_value_read(setting, initial, strlen(initial), field_of(settings, i)))
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
    const bool readable = mf_setting_value_read(setting, value, n_bytes, field);
    if (given_as != 0 && is_by_shared_name(setting, given_as) == is_by_shared_name(setting, as)) {
        const void *now = field_of(settings, i);
        if (readable && (setting->type == MF_SETTING_TEXT ? strcmp(field, now) == 0
                                                          : memcmp(field, now, setting->size) == 0))
            return true; /* the same said twice is no contradiction */
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
    char allowed[MF_SETTING_ALLOWED_BYTES];
    mf_printable(quoted, sizeof quoted, value, n_bytes);
    mf_setting_value_allowed(setting, allowed);
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
    mf_setting_value_read(&settings->table[i], value, n_bytes, field_of(settings, i));
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
    return mf_setting_value_write(&settings->table[i], field_of(settings, i), text);
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
        char allowed[MF_SETTING_ALLOWED_BYTES];
        const char *prefix = settings->prefix != NULL ? settings->prefix : "";
        fprintf(out, "  %s%-*s %s\n", prefix, 26 - (int)strlen(prefix), setting->name,
                setting->help != NULL ? setting->help : "");
        int column =
            fprintf(out, "  %-26s   %s; default ", "", mf_setting_value_allowed(setting, allowed));
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
