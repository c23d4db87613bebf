/* setting_value.c: one setting's text to its field and back. */
#include "sagemaker/setting_value.h"

#include "base/number.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

const char *mf_setting_word(const char *words, size_t *position, size_t *n_bytes)
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
    return fabs(value) <= MF_SETTING_INTEGER_MAX && (double)(int64_t)value == value;
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
        while ((word = mf_setting_word(side == 0 ? yes : no, &position, &n_word)) != NULL)
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
    for (uint32_t i = 0; (word = mf_setting_word(setting->choices, &position, &n_word)) != NULL;
         i++)
        if (is_word(text, n, word, n_word)) {
            memcpy(field, &i, sizeof i);
            return true;
        }
    return false;
}

bool mf_setting_value_read(const mf_setting *setting, const char *text, size_t n, void *field)
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

char *mf_setting_value_write(const mf_setting *setting, const void *field,
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
        const char *word = mf_setting_word(setting->choices, &position, &n_word);
        for (uint32_t i = 0; i < value && word != NULL; i++)
            word = mf_setting_word(setting->choices, &position, &n_word);
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
        n = snprintf(text, MF_SETTING_ALLOWED_BYTES, "%s from %.32s to %.32s", kind, min, max);
    else if (has_min && has_max)
        n = snprintf(text, MF_SETTING_ALLOWED_BYTES, "%s %s %.32s and %s %.32s", kind, low, min,
                     high, max);
    else if (has_min)
        n = snprintf(text, MF_SETTING_ALLOWED_BYTES, "%s %s %.32s", kind, low, min);
    else if (has_max)
        n = snprintf(text, MF_SETTING_ALLOWED_BYTES, "%s of %s %.32s", kind, high, max);
    else
        n = snprintf(text, MF_SETTING_ALLOWED_BYTES, "%s", kind);
    if (setting->has_auto && n > 0 && n < MF_SETTING_ALLOWED_BYTES)
        snprintf(text + n, MF_SETTING_ALLOWED_BYTES - (size_t)n, ", or %s", AUTO);
}

char *mf_setting_value_allowed(const mf_setting *setting, char text[MF_SETTING_ALLOWED_BYTES])
{
    switch (setting->type) {
    case MF_SETTING_INTEGER:
        allowed_number(setting, "a whole number", text);
        break;
    case MF_SETTING_REAL:
        allowed_number(setting, "a number", text);
        break;
    case MF_SETTING_BOOLEAN:
        snprintf(text, MF_SETTING_ALLOWED_BYTES, "true or false");
        break;
    case MF_SETTING_TEXT:
        if (setting->min > 0)
            snprintf(text, MF_SETTING_ALLOWED_BYTES,
                     "text of %.0f to %zu bytes without control characters", setting->min,
                     setting->size - 1);
        else
            snprintf(text, MF_SETTING_ALLOWED_BYTES,
                     "text of at most %zu bytes without control characters", setting->size - 1);
        break;
    case MF_SETTING_CHOICE: {
        size_t used = (size_t)snprintf(text, MF_SETTING_ALLOWED_BYTES, "one of");
        size_t position = 0;
        size_t n_word = 0;
        const char *word;
        for (const char *gap = " ";
             (word = mf_setting_word(setting->choices, &position, &n_word)) != NULL &&
             used + n_word + 3 < MF_SETTING_ALLOWED_BYTES;
             gap = ", ")
            used += (size_t)snprintf(text + used, MF_SETTING_ALLOWED_BYTES - used, "%s%.*s", gap,
                                     (int)n_word, word);
        break;
    }
    }
    return text;
}
