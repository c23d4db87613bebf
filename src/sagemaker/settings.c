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

/* 1 when text is the entry's name, 2, 3, … when it is an alias, else 0. */
static uint8_t match(const mf_setting *setting, const char *text)
{
    if (strcmp(setting->name, text) == 0)
        return 1;
    const char *word;
    size_t position = 0;
    size_t n_word = 0;
    for (uint8_t as = 2; (word = mf_setting_word(setting->aliases, &position, &n_word)) != NULL;
         as++)
        if (strlen(text) == n_word && strncmp(word, text, n_word) == 0)
            return as;
    return 0;
}

/* The name behind match's answer. */
static const char *name_as(const mf_setting *setting, uint8_t as, size_t *n_bytes)
{
    const char *name = setting->name;
    *n_bytes = strlen(name);
    size_t position = 0;
    for (uint8_t a = 1; a < as; a++)
        name = mf_setting_word(setting->aliases, &position, n_bytes);
    return name;
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
        if (!size_fits(setting))
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "%s %s has a field of %zu bytes", noun,
                           setting->name, setting->size);
        for (size_t other = 0; other < i; other++)
            if (match(&table[other], setting->name) != 0)
                return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "%s %s is in the table twice",
                               noun, setting->name);
        const char *initial = setting->initial;
        if (initial == NULL ||
            !mf_setting_value_read(setting, initial, strlen(initial), field_of(settings, i)))
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                           "%s %s has a default that it would refuse", noun, setting->name);
    }
    return true;
}

static bool fail_unknown(const mf_settings *settings, const char *name, mf_error *err)
{
    char quoted[96];
    mf_printable(quoted, sizeof quoted, name, strlen(name));

    const size_t n_name = strlen(name);
    const char *nearest = NULL;
    size_t nearest_distance = SIZE_MAX;
    for (size_t i = 0; i < settings->n; i++) {
        const mf_setting *setting = &settings->table[i];
        const char *word = setting->name;
        size_t n_word = strlen(word);
        for (size_t position = 0; word != NULL;
             word = mf_setting_word(setting->aliases, &position, &n_word)) {
            const size_t distance = mf_edit_distance(name, n_name, word, n_word);
            if (distance < nearest_distance) {
                nearest_distance = distance;
                nearest = setting->name;
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

bool mf_settings_set(mf_settings *settings, const char *name, const char *value, size_t n_bytes,
                     mf_error *err)
{
    size_t i = 0;
    uint8_t as = 0;
    for (; i < settings->n; i++)
        if ((as = match(&settings->table[i], name)) != 0)
            break;
    if (as == 0)
        return fail_unknown(settings, name, err);

    const mf_setting *setting = &settings->table[i];
    if (settings->given_as[i] != 0) {
        size_t n_before;
        const char *before = name_as(setting, settings->given_as[i], &n_before);
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "%s %s is given twice: as \"%.*s\" and as \"%s\"", settings->noun,
                       setting->name, (int)n_before, before, name);
    }
    if (!mf_setting_value_read(setting, value, n_bytes, field_of(settings, i))) {
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
    settings->given_as[i] = as;
    return true;
}

bool mf_settings_read_environment(mf_settings *settings, mf_error *err)
{
    for (size_t i = 0; i < settings->n; i++) {
        const mf_setting *setting = &settings->table[i];
        const char *word = setting->name;
        size_t n_word = strlen(word);
        for (size_t position = 0; word != NULL;
             word = mf_setting_word(setting->aliases, &position, &n_word)) {
            char name[128];
            const int n = snprintf(name, sizeof name, "%.*s", (int)n_word, word);
            const char *value = n < (int)sizeof name ? getenv(name) : NULL;
            if (value != NULL && value[0] != '\0' &&
                !mf_settings_set(settings, name, value, strlen(value), err))
                return false;
        }
    }
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

void mf_settings_print_help(const mf_settings *settings, FILE *out)
{
    for (size_t i = 0; i < settings->n; i++) {
        const mf_setting *setting = &settings->table[i];
        char allowed[MF_SETTING_ALLOWED_BYTES];
        const char *initial = setting->initial[0] != '\0' ? setting->initial : "empty";
        fprintf(out, "  %-26s %s\n", setting->name, setting->help != NULL ? setting->help : "");
        fprintf(out, "  %-26s   %s; default %s", "", mf_setting_value_allowed(setting, allowed),
                initial);
        const char *word;
        size_t position = 0;
        size_t n_word = 0;
        for (const char *gap = "; also called ";
             (word = mf_setting_word(setting->aliases, &position, &n_word)) != NULL; gap = ", ")
            fprintf(out, "%s%.*s", gap, (int)n_word, word);
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
