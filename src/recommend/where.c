/* where.c: every condition is a bitmap; AND, OR and `none` are operations on words.
 *
 * (1) Bits of unrated items, which follow those of the model, are never set.
 * (2) A condition at depth d (the outermost is 0) uses the bitmaps of scratch from d on: its parts'
 *     results are in bitmap d. */
#include "recommend/where.h"

#include "base/settings.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FAIL(err, ...) mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, __VA_ARGS__)

enum {
    QUOTED_BYTES = 80,
    VALUES_COMPARED = 4096, /* at most, for the nearest to an unknown one */
    VALUES_NAMED = 3,
};

typedef struct selection {
    const mf_model_parts *parts;
    size_t n_words;
    uint64_t *scratch;
    mf_error *err;
    /* Where it is, for an error: parts of the ANDs and ORs, then a list of the attribute. */
    size_t depth;
    size_t parts_at[MF_CONDITION_DEPTH];
    const char *list; /* NULL: all of the attribute */
    size_t element;
} selection;

/* --- memory of a request ------------------------------------------------- */

mf_condition *mf_conditions_take(mf_conditions *conditions, size_t n, mf_error *err)
{
    if (n > MF_CONDITIONS_MAX - conditions->n) {
        mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "more than %d conditions", MF_CONDITIONS_MAX);
        return NULL;
    }
    mf_condition *taken = &conditions->condition[conditions->n];
    for (size_t i = 0; i < n; i++)
        taken[i] = (mf_condition){.from = (double)NAN, .to = (double)NAN};
    conditions->n += n;
    return taken;
}

mf_id *mf_conditions_take_values(mf_conditions *conditions, size_t n, mf_error *err)
{
    if (n > MF_CONDITION_VALUES_MAX - conditions->n_values) {
        mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "more than %d values in conditions",
                MF_CONDITION_VALUES_MAX);
        return NULL;
    }
    mf_id *taken = &conditions->value[conditions->n_values];
    conditions->n_values += n;
    return taken;
}

/* --- names --------------------------------------------------------------- */

typedef struct nearest {
    mf_id wanted, best;
    size_t distance; /* of the best so far */
} nearest;

static nearest nearest_to(mf_id wanted)
{
    return (nearest){wanted, {"", 0}, SIZE_MAX};
}

static void compare(nearest *to, mf_id candidate)
{
    const size_t distance =
        mf_edit_distance(to->wanted.bytes, to->wanted.n_bytes, candidate.bytes, candidate.n_bytes);
    if (distance < to->distance) {
        to->distance = distance;
        to->best = candidate;
    }
}

static mf_id attribute_name(const mf_attributes *attributes, uint32_t a)
{
    return (mf_id){attributes->attribute[a].name, strlen(attributes->attribute[a].name)};
}

/* "title, genres, year" */
static void list_names(const mf_attributes *attributes, char *text, size_t size)
{
    size_t used = 0;
    for (uint32_t a = 0; a < attributes->n && used + 4 < size; a++) {
        const mf_id name = attribute_name(attributes, a);
        if (a > 0 && used + 6 < size) {
            text[used++] = ',';
            text[used++] = ' ';
        }
        mf_printable(text + used, size - used, name.bytes, name.n_bytes);
        used += strlen(text + used);
    }
}

static bool fail_attribute(const mf_attributes *attributes, mf_id name, mf_error *err)
{
    char quoted[QUOTED_BYTES], names[400] = "";
    nearest to = nearest_to(name);
    mf_printable(quoted, sizeof quoted, name.bytes, name.n_bytes);
    if (attributes->n == 0)
        return FAIL(err,
                    "no attribute \"%s\": the model has none, it was trained without a file of "
                    "items",
                    quoted);
    for (uint32_t a = 0; a < attributes->n; a++)
        compare(&to, attribute_name(attributes, a));
    if (mf_edit_is_near(to.distance, name.n_bytes))
        return FAIL(err, "no attribute \"%s\": did you mean %s?", quoted, to.best.bytes);
    list_names(attributes, names, sizeof names);
    return FAIL(err, "no attribute \"%s\": the model has %s", quoted, names);
}

bool mf_where_attribute(const mf_attributes *attributes, mf_id name, uint32_t *attribute,
                        mf_error *err)
{
    *attribute = mf_attribute_find(attributes, name.bytes, name.n_bytes);
    return *attribute != MF_INDEX_NONE || fail_attribute(attributes, name, err);
}

/* The values around the place where the unknown one would be: with many of them those that begin
 * otherwise are not compared. */
static bool fail_value(const char *name, const mf_id_list *names, mf_id value, uint32_t place,
                       mf_error *err)
{
    char quoted[QUOTED_BYTES], near[QUOTED_BYTES], some[VALUES_NAMED * QUOTED_BYTES] = "";
    size_t used = 0;
    nearest to = nearest_to(value);
    const uint32_t half = VALUES_COMPARED / 2;
    const uint32_t first = names->n <= VALUES_COMPARED || place < half ? 0 : place - half;
    for (uint32_t v = first; v < names->n && v - first < VALUES_COMPARED; v++)
        compare(&to, mf_id_list_get(names, v));
    mf_printable(quoted, sizeof quoted, value.bytes, value.n_bytes);
    if (mf_edit_is_near(to.distance, value.n_bytes))
        return FAIL(err, "%s has no value \"%s\": did you mean \"%s\"?", name, quoted,
                    mf_printable(near, sizeof near, to.best.bytes, to.best.n_bytes));
    for (uint32_t v = 0; v < names->n && v < VALUES_NAMED; v++) {
        const mf_id each = mf_id_list_get(names, v);
        mf_printable(near, sizeof near, each.bytes, each.n_bytes);
        used +=
            (size_t)snprintf(some + used, sizeof some - used, "%s\"%s\"", v > 0 ? ", " : "", near);
        used = used < sizeof some ? used : sizeof some - 1;
    }
    return FAIL(err, "%s has no value \"%s\", it has %lu others, such as %s", name, quoted,
                (unsigned long)names->n, some);
}

/* --- bitmaps ------------------------------------------------------------- */

static void set_all(const selection *s, uint64_t *words)
{
    const uint32_t over = s->parts->n_items % 64;
    memset(words, 0xFF, s->n_words * sizeof *words);
    if (over > 0)
        words[s->n_words - 1] = (UINT64_C(1) << over) - 1;
}

static void set_items(const selection *s, const uint32_t *items, uint32_t n, uint64_t *words)
{
    for (uint32_t k = 0; k < n; k++)
        if (items[k] < s->parts->n_items)
            words[items[k] / 64] |= UINT64_C(1) << items[k] % 64;
}

static void clear_items(const selection *s, const uint32_t *items, uint32_t n, uint64_t *words)
{
    for (uint32_t k = 0; k < n; k++)
        if (items[k] < s->parts->n_items)
            words[items[k] / 64] &= ~(UINT64_C(1) << items[k] % 64);
}

/* --- attributes ---------------------------------------------------------- */

static bool has_lists(const mf_condition *c)
{
    return c->any.value != NULL || c->all.value != NULL || c->none.value != NULL;
}

static bool has_range(const mf_condition *c)
{
    return !isnan(c->from) || !isnan(c->to);
}

static bool check_list(const char *name, const char *what, const mf_condition_list *list,
                       mf_error *err)
{
    return list->value == NULL || list->n > 0 ||
           FAIL(err, "%s.%s is an empty list: leave it out, or give it a value", name, what);
}

static bool find_value(selection *s, const char *name, const mf_categories *c,
                       const mf_condition_list *list, const char *what, size_t k, uint32_t *v)
{
    bool found;
    const mf_id value = list->value[k];
    *v = mf_category_find(&c->names, value.bytes, value.n_bytes, &found);
    s->list = what;
    s->element = k;
    return found || fail_value(name, &c->names, value, *v, s->err);
}

static bool is_excluded(const mf_condition *c, mf_id value)
{
    for (size_t j = 0; j < c->none.n; j++)
        if (mf_id_compare(value, c->none.value[j]) == 0)
            return true;
    return false;
}

static bool check_contradiction(const mf_condition *c, mf_error *err)
{
    char quoted[QUOTED_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < c->all.n; i++)
        if (is_excluded(c, c->all.value[i]))
            return FAIL(err, "\"%s\" is in both all and none, which no item meets",
                        mf_printable(quoted, sizeof quoted, c->all.value[i].bytes,
                                     c->all.value[i].n_bytes));
    while (n < c->any.n && is_excluded(c, c->any.value[n]))
        n++;
    return n == 0 || n < c->any.n ||
           FAIL(err, "what is in any is in none, too, which no item meets");
}

static bool select_categories(selection *s, uint32_t attribute, const mf_condition *c,
                              uint64_t *words, uint64_t *one)
{
    const char *name = s->parts->attributes.attribute[attribute].name;
    const mf_categories of = mf_attribute_categories(&s->parts->attributes, attribute);
    uint32_t v;
    if (!check_list(name, "any", &c->any, s->err) || !check_list(name, "all", &c->all, s->err) ||
        !check_list(name, "none", &c->none, s->err) || !check_contradiction(c, s->err))
        return false;
    if (c->any.value != NULL)
        memset(words, 0, s->n_words * sizeof *words);
    else
        set_all(s, words);
    for (size_t i = 0; i < c->any.n; i++) {
        if (!find_value(s, name, &of, &c->any, "any", i, &v))
            return false;
        set_items(s, of.items + of.item_start[v], of.item_start[v + 1] - of.item_start[v], words);
    }
    for (size_t i = 0; i < c->all.n; i++) {
        if (!find_value(s, name, &of, &c->all, "all", i, &v))
            return false;
        memset(one, 0, s->n_words * sizeof *one);
        set_items(s, of.items + of.item_start[v], of.item_start[v + 1] - of.item_start[v], one);
        for (size_t w = 0; w < s->n_words; w++)
            words[w] &= one[w];
    }
    for (size_t i = 0; i < c->none.n; i++) {
        if (!find_value(s, name, &of, &c->none, "none", i, &v))
            return false;
        clear_items(s, of.items + of.item_start[v], of.item_start[v + 1] - of.item_start[v], words);
    }
    return true;
}

/* How many of the sorted numbers are below the bound, or with `equal` not above it. */
static uint32_t n_below(const mf_numbers *numbers, double bound, bool equal)
{
    uint32_t low = 0, high = numbers->n_known;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const double value = numbers->value[numbers->order[middle]];
        if (value < bound || (equal && value == bound))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool select_numbers(const selection *s, uint32_t attribute, const mf_condition *c,
                           uint64_t *words)
{
    const mf_numbers numbers = mf_attribute_numbers(&s->parts->attributes, attribute);
    if (c->from > c->to)
        return FAIL(s->err, "from %.17g is above to %.17g, which no item meets", c->from, c->to);
    const uint32_t first = isnan(c->from) ? 0 : n_below(&numbers, c->from, false);
    const uint32_t end = isnan(c->to) ? numbers.n_known : n_below(&numbers, c->to, true);
    memset(words, 0, s->n_words * sizeof *words);
    set_items(s, numbers.order + first, end - first, words);
    return true;
}

static bool select_attribute(selection *s, const mf_condition *c, uint64_t *words, uint64_t *one)
{
    const mf_attributes *attributes = &s->parts->attributes;
    uint32_t a;
    s->list = NULL;
    if (!mf_where_attribute(attributes, c->name, &a, s->err))
        return false;
    const char *name = attributes->attribute[a].name;
    switch (attributes->attribute[a].kind) {
    case MF_ATTRIBUTE_CATEGORIES:
        if (has_range(c) || !has_lists(c))
            return FAIL(s->err, "%s has categories: expected any, all or none with a list of them",
                        name);
        return select_categories(s, a, c, words, one);
    case MF_ATTRIBUTE_NUMBER:
        if (has_lists(c) || !has_range(c))
            return FAIL(s->err, "%s is a number: expected from, to or both, or the number", name);
        return select_numbers(s, a, c, words);
    default:
        return FAIL(s->err, "%s is a text, for which there are no conditions", name);
    }
}

/* --- the tree ------------------------------------------------------------ */

/* Writes the items of a condition inside `depth` ANDs and ORs to words. */
static bool select_items(selection *s, const mf_condition *c, unsigned depth, uint64_t *words)
{
    uint64_t *part = s->scratch + depth * s->n_words;
    if (c->kind == MF_CONDITION_ATTRIBUTE)
        return select_attribute(s, c, words, part);
    s->depth = depth;
    if (depth == MF_CONDITION_DEPTH)
        return FAIL(s->err, "conditions are nested more than %d deep", MF_CONDITION_DEPTH);
    if (c->n_parts == 0)
        return FAIL(s->err, "an empty condition: leave it out, or name an attribute");
    for (size_t p = 0; p < c->n_parts; p++) {
        s->parts_at[depth] = p;
        s->depth = depth + 1;
        if (!select_items(s, &c->part[p], depth + 1, p == 0 ? words : part))
            return false;
        for (size_t w = 0; p > 0 && w < s->n_words; w++)
            words[w] = c->kind == MF_CONDITION_AND ? words[w] & part[w] : words[w] | part[w];
    }
    return true;
}

/* Appends to field[MF_WHERE_FIELD_BYTES], of which *used bytes are. */
__attribute__((format(printf, 3, 4))) static void append(char *field, size_t *used,
                                                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(field + *used, MF_WHERE_FIELD_BYTES - *used, format, arguments);
    va_end(arguments);
    *used = n < 0 || *used + (size_t)n >= MF_WHERE_FIELD_BYTES ? MF_WHERE_FIELD_BYTES - 1
                                                               : *used + (size_t)n;
}

static void name_field(const selection *s, const mf_condition *c, char *field)
{
    char name[QUOTED_BYTES / 2];
    size_t used = 0;
    field[0] = '\0';
    for (size_t depth = 0; depth < s->depth; depth++) {
        if (!c->is_object)
            append(field, &used, "%s%s[%zu]", used > 0 ? "." : "",
                   c->kind == MF_CONDITION_AND ? "and" : "or", s->parts_at[depth]);
        c = &c->part[s->parts_at[depth]];
    }
    if (c->kind != MF_CONDITION_ATTRIBUTE)
        return;
    append(field, &used, "%s%s", used > 0 ? "." : "",
           mf_printable(name, sizeof name, c->name.bytes, c->name.n_bytes));
    if (s->list != NULL && !c->is_bare)
        append(field, &used, ".%s[%zu]", s->list, s->element);
    else if (s->list != NULL && c->any.n > 1)
        append(field, &used, "[%zu]", s->element);
}

bool mf_where_select(const mf_model_parts *parts, const mf_condition *condition, uint64_t *words,
                     uint64_t *scratch, uint32_t *n_allowed, char *field, mf_error *err)
{
    selection s = {
        .parts = parts,
        .n_words = mf_where_words(parts->n_items),
        .scratch = scratch,
        .err = err,
    };
    if (!select_items(&s, condition, 0, words)) {
        if (field != NULL)
            name_field(&s, condition, field);
        return false;
    }
    *n_allowed = 0;
    for (size_t w = 0; w < s.n_words; w++)
        *n_allowed += (uint32_t)__builtin_popcountll(words[w]);
    return true;
}
