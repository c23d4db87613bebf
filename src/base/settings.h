/* settings.h: named settings described by a table, read strictly.
 *
 * Hyperparameters of training, environment variables of serving and of the functions, and options
 * of local-cloud have a name, a text, a type and a range. The caller writes a constant table and a
 * struct. An accepted text is written to the struct's field.
 *
 *     typedef struct options { uint32_t n_factors; double learning_rate; } options;
 *     static const mf_setting table[] = {
 *         {.name = "n_factors", .aliases = "factors k", .type = MF_SETTING_INTEGER,
 *          .min = 1, .max = 4096, .initial = "64", .help = "Length of a row of factors",
 *          MF_SETTING_FIELD(options, n_factors)},
 *         {.name = "learning_rate", .type = MF_SETTING_REAL, .min = 0, .above_min = true,
 *          .max = 1, .initial = "0.01", .help = "Step of the first epoch",
 *          MF_SETTING_FIELD(options, learning_rate)},
 *     };
 *     options chosen;
 *     mf_settings settings;
 *     if (!mf_settings_start(&settings, table, 2, "hyperparameter", &chosen, err) ||
 *         !mf_settings_set(&settings, "k", "1e2", 3, err)) …
 *
 * (1) After start every field holds its default; after set, the given value. A field never holds a
 *     value outside its range.
 * (2) The text of a field, set again, gives the same field, bit for bit.
 * (3) Nothing depends on the locale.
 * (4) A name and its alias are one setting: giving both is an error, unless both say the same.
 * (5) A shared name sets every entry that lists it, except those that are given by a name of their
 *     own, whichever comes first.
 * (6) An entry that follows another has the other one's value until it is given.
 *
 * What a text may look like; blanks around it are dropped:
 *   integer  12, -3, +4, 1e2, 10.0 (whole after all); |value| ≤ 2^53
 *   real     decimal, with or without exponent; finite
 *            (both: the word auto, in any case, where the entry has it)
 *   boolean  true false yes no on off t f y n 1 0, in any case
 *   text     valid UTF-8 without control characters
 *   choice   one of the words, in any case
 *
 * Errors are MF_ERR_CONFIG with name, value and allowed values:
 *   hyperparameter n_factors is "many": expected a whole number from 1 to 4096
 *   unknown hyperparameter "n_factor": did you mean n_factors?
 *   hyperparameter feature_dim does not exist here: the data say it; remove it
 *
 * Threads: one mf_settings per thread; tables are constant. No allocation. */
#ifndef MF_BASE_SETTINGS_H
#define MF_BASE_SETTINGS_H

#include "base/error.h"
#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum mf_setting_type {
    MF_SETTING_INTEGER, /* field: int32_t, uint32_t, int64_t or uint64_t         */
    MF_SETTING_REAL,    /* field: double, or float (then rounded before checking) */
    MF_SETTING_BOOLEAN, /* field: bool                                           */
    MF_SETTING_TEXT,    /* field: char[size], NUL-terminated                     */
    MF_SETTING_CHOICE,  /* field: uint32_t or an enum, counts the words from 0   */
} mf_setting_type;

enum {
    MF_SETTINGS_MAX = 64,        /* entries in a table                             */
    MF_SETTING_TEXT_BYTES = 256, /* the text of any value, its zero byte included  */
    MF_EDIT_BYTES_MAX = 64,      /* words longer than this are near nothing        */
};

typedef struct mf_setting {
    const char *name;
    const char *aliases; /* other names, separated by one space; or NULL */
    const char *shared;  /* names that set other entries too; or NULL    */
    const char *follows; /* an earlier entry of the same type: the default is its value, and there
                          * is no initial */
    mf_setting_type type;
    bool above_min;      /* min itself is not allowed                            */
    bool below_max;      /* max itself is not allowed                            */
    double min;          /* integer, real: bounds, -INFINITY and INFINITY for none; */
    double max;          /* text: min is the fewest bytes, size - 1 the most     */
    bool has_auto;       /* integer, real: the word "auto" is allowed as well, and is … */
    double automatic;    /* … this value in the field, which lies outside min … max  */
    const char *choices; /* choice: the words, separated by one space            */
    const char *initial; /* the default, as text                                 */
    const char *help;    /* one line                                             */
    size_t offset;       /* of the field in the caller's struct                  */
    size_t size;         /* of the field                                         */
} mf_setting;

/* Names of other tools for what does not exist here, and what to do about it. */
typedef struct mf_setting_foreign {
    const char *names; /* separated by one space */
    const char *why;   /* "… does not exist here: " and this */
} mf_setting_foreign;

#define MF_SETTING_FIELD(type, field)                                                              \
    .offset = offsetof(type, field), .size = sizeof(((type *)NULL)->field)

/* A name of an entry: a view into the table. */
typedef struct mf_setting_name {
    const char *text; /* NULL: none */
    size_t n_bytes;
    bool is_shared;
} mf_setting_name;

/* A table at work. To be read only. */
typedef struct mf_settings {
    const mf_setting *table;
    size_t n;
    const char *noun;                  /* "hyperparameter", "environment variable" */
    void *target;                      /* the caller's struct */
    const char *prefix;                /* of names in --help, such as "--", or NULL */
    const mf_setting_foreign *foreign; /* [n_foreign], or NULL */
    size_t n_foreign;
    mf_setting_name given[MF_SETTINGS_MAX]; /* the name that each entry was given by */
} mf_settings;

/* Checks the table and writes every default into target. table, noun and target
 * must outlive *settings.
 * Fails MF_ERR_ARGUMENT: the table contradicts itself (it names the entry). */
MF_MUST_CHECK bool mf_settings_start(mf_settings *settings, const mf_setting *table, size_t n,
                                     const char *noun, void *target, mf_error *err);

/* Sets names that are rejected with a reason of their own; foreign must outlive *settings. */
void mf_settings_explain(mf_settings *settings, const mf_setting_foreign *foreign, size_t n);

/* Sets the setting called `name` (or one of its aliases) from value[0..n_bytes), or
 * those that share the name.
 * Fails MF_ERR_CONFIG: unknown name, a value that is not allowed, given twice.
 * Every field is untouched on failure. */
MF_MUST_CHECK bool mf_settings_set(mf_settings *settings, const char *name, const char *value,
                                   size_t n_bytes, mf_error *err);

/* The same, but replaces a value that was given before. */
MF_MUST_CHECK bool mf_settings_change(mf_settings *settings, const char *name, const char *value,
                                      size_t n_bytes, mf_error *err);

/* Sets each setting whose name (or alias) is an environment variable that is not empty. Other
 * variables are ignored. */
MF_MUST_CHECK bool mf_settings_read_environment(mf_settings *settings, mf_error *err);

/* True when entry i was set, false while it holds its default. */
bool mf_settings_is_given(const mf_settings *settings, size_t i);

/* The value in force of entry i < n as text; integers, reals and booleans are in their JSON form,
 * reals with the fewest digits that give the same value back. Returns text. */
char *mf_settings_text(const mf_settings *settings, size_t i, char text[MF_SETTING_TEXT_BYTES]);

/* For --help: name, what is allowed, default, aliases and help of each entry. */
void mf_settings_print_help(const mf_settings *settings, FILE *out);

/* One log line: every name with the value in force, in table order. */
void mf_settings_log(const mf_settings *settings, mf_log_level level, const char *event);

/* Edits from a[0..n_a) to b[0..n_b): Damerau-Levenshtein with adjacent transpositions (optimal
 * string alignment; Damerau 1964): insert, delete, replace or swap neighbours, one each. Letter
 * case costs nothing. SIZE_MAX when either is longer than MF_EDIT_BYTES_MAX. O(n_a·n_b). */
size_t mf_edit_distance(const char *a, size_t n_a, const char *b, size_t n_b);

/* True when that many edits look like a typing error: at most a third of the typed word, and at
 * most 3. */
bool mf_edit_is_near(size_t distance, size_t n_typed);

#endif
