/* fields.c: finds a field by its name, or the field that a name was meant for. */
#include "inference/fields.h"

#include "base/settings.h"
#include "base/text.h"
#include "csv/column_names.h"

#include <stdint.h>
#include <string.h>

/* Each name, and synonyms that an error message recognizes, in small letters without underscores. */
static const struct {
    const char *name, *synonyms;
} fields[MF_FIELDS] = {
    [MF_FIELD_USER_ID] = {"userId", NULL},
    [MF_FIELD_ITEM_ID] = {"movieId", NULL},
    [MF_FIELD_ITEM_IDS] = {"movieIds", "inputlist candidates"},
    [MF_FIELD_USER_IDS] = {"userIds", "group"},
    [MF_FIELD_TOP_N] = {"top_n", "n k topk count numresults"},
    [MF_FIELD_INCLUDE_RATED] = {"include_rated", NULL},
    [MF_FIELD_ORDER] = {"order", "orderby sort sortby rankby"},
    [MF_FIELD_SIMILAR] = {"similar", "similaritems similarmovies"},
    [MF_FIELD_RATINGS] = {"ratings", "history"},
    [MF_FIELD_WHERE] = {"where", "filter filters condition conditions"},
    [MF_FIELD_EXCLUDE] = {"exclude", "deny denylist blacklist without not ignore"},
    [MF_FIELD_IN] = {"in", "list inlist allow allowlist whitelist"},
    [MF_FIELD_DIVERSITY] = {"diversity", "mmr lambda"},
    [MF_FIELD_MAX_PER] = {"max_per", "quota quotas maxpervalue"},
    [MF_FIELD_OFFSET] = {"offset", "skip start from page"},
    [MF_FIELD_EXPLAIN] = {"explain", "because reasons why"},
    [MF_FIELD_WITH] = {"with", "fields attributes metadata columns include"},
    [MF_FIELD_BLEND] = {"blend", "aggregation strategy"},
    [MF_FIELD_AUDIENCE] = {"audience", "topusers"},
    [MF_FIELD_INSTANCES] = {"instances", "inputs data"},
    [MF_FIELD_RATING] = {"rating", "value score stars weight"},
    [MF_FIELD_TIMESTAMP] = {"timestamp", "time ts date ratedat"},
};

enum { WORD_BYTES = 32, SHORTEST_TYPO = 4 };

const char *mf_field_name(mf_field field)
{
    return fields[field].name;
}

/* "items" and "item_ids" of the names "item" and "itemid". */
static bool is_plural(const char *name, size_t n_bytes, const char *const *usual)
{
    return n_bytes > 1 && (name[n_bytes - 1] == 's' || name[n_bytes - 1] == 'S') &&
           mf_column_name_among(name, n_bytes - 1, usual);
}

mf_field mf_field_find(const char *name, size_t n_bytes)
{
    for (mf_field field = 0; field < MF_FIELDS; field++)
        if (strlen(fields[field].name) == n_bytes && memcmp(fields[field].name, name, n_bytes) == 0)
            return field;
    if (n_bytes == 5 && memcmp(name, "limit", n_bytes) == 0)
        return MF_FIELD_TOP_N;
    if (mf_column_name_among(name, n_bytes, mf_column_item_names))
        return MF_FIELD_ITEM_ID;
    if (mf_column_name_among(name, n_bytes, mf_column_user_names))
        return MF_FIELD_USER_ID;
    if (is_plural(name, n_bytes, mf_column_item_names))
        return MF_FIELD_ITEM_IDS;
    return is_plural(name, n_bytes, mf_column_user_names) ? MF_FIELD_USER_IDS : MF_FIELDS;
}

/* Converts to small letters without underscores; cuts at WORD_BYTES. Returns the length. */
static size_t simplify(char word[WORD_BYTES], const char *name, size_t n_bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < n_bytes && n < WORD_BYTES - 1; i++) {
        if (name[i] == '_' || name[i] == '-' || name[i] == ' ')
            continue;
        word[n++] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
    }
    word[n] = '\0';
    return n;
}

mf_field mf_field_guess(const char *name, size_t n_bytes, unsigned allowed)
{
    char word[WORD_BYTES];
    const size_t n = simplify(word, name, n_bytes);
    mf_field typo = MF_FIELDS;
    for (mf_field field = 0; field < MF_FIELDS; field++) {
        char known[WORD_BYTES];
        const size_t n_known = simplify(known, fields[field].name, strlen(fields[field].name));
        if ((allowed >> field & 1) == 0)
            continue;
        if (strcmp(known, word) == 0)
            return field;
        if (typo == MF_FIELDS && n >= SHORTEST_TYPO &&
            mf_edit_distance(word, n, known, n_known) <= 1)
            typo = field;
    }
    for (mf_field field = 0; field < MF_FIELDS; field++)
        if ((allowed >> field & 1) != 0 &&
            mf_word_find(fields[field].synonyms, word, n) != SIZE_MAX)
            return field;
    return typo;
}
