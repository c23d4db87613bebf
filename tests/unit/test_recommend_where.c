/* test_recommend_where.c: any tree of conditions selects what a plain look at every item selects, and
 * each mistake of a client has its sentence. */
#include "testing.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "items/items.h"
#include "recommend/where.h"

#include <math.h>

enum { ROWS = 400, GENRES = 12, ITEMS = 331 /* no multiple of 64 */ };

/* The raw table: row i < ITEMS is an item of the model, the others are unrated. */
static bool genre_of[ROWS][GENRES];
static double year_of[ROWS]; /* NAN: none */
static char genre_names[GENRES][16];
static mf_items *items;
static mf_model_parts parts;
static uint64_t item_start[ITEMS + 1];
static char item_bytes[ITEMS * 8];
static uint64_t state_of_random = 1;

static uint32_t draw(uint32_t n)
{
    state_of_random = mf_random_bits(state_of_random, 7);
    return (uint32_t)(state_of_random % n);
}

static int make_items(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_text text = MF_TEXT_EMPTY;
    char *folder = testing_folder(), *path = testing_path(folder, "items.csv");
    mf_text_literal(&text, "item,title,genres,year\n");
    for (int g = 0; g < GENRES; g++)
        snprintf(genre_names[g], sizeof genre_names[g], "genre %c", 'A' + g);
    for (uint32_t row = 0; row < ROWS; row++) {
        bool first = true;
        mf_text_format(&text, "%u,Title,", 1000 + row);
        for (uint32_t g = 0; g < GENRES; g++) {
            genre_of[row][g] = draw(g + 2) == 0;
            if (genre_of[row][g])
                mf_text_format(&text, "%s%s", first ? "" : "|", genre_names[g]);
            first &= !genre_of[row][g];
        }
        year_of[row] = draw(10) == 0 ? (double)NAN : 1990 + draw(20) / 2.0;
        if (isnan(year_of[row]))
            mf_text_literal(&text, ",\n");
        else
            mf_text_format(&text, ",%.17g\n", year_of[row]);
    }
    for (uint32_t i = 0; i < ITEMS; i++)
        item_start[i + 1] =
            item_start[i] + (uint64_t)sprintf(item_bytes + item_start[i], "%u", 1000 + i);
    testing_write(path, text.bytes, text.n_bytes);
    parts.n_items = ITEMS;
    parts.items = (mf_id_list){ITEMS, item_start, item_bytes};
    static const mf_ratings_options options;
    items = mf_items_create(&options, "", &err);
    assert_ok(items != NULL && mf_items_add(items, path, "items.csv", &err) &&
                  mf_items_finish(items, &parts.items, &parts.attributes, &err),
              err);
    assert_int_equal(parts.attributes.unrated.n, ROWS - ITEMS);
    mf_text_free(&text);
    free(path);
    testing_folder_remove(folder);
    return 0;
}

static int free_items(void **state)
{
    (void)state;
    mf_items_destroy(items);
    return 0;
}

static mf_id id_of(const char *text)
{
    return (mf_id){text, strlen(text)};
}

/* --- any tree ------------------------------------------------------------ */

static bool row_has(uint32_t row, mf_id genre)
{
    for (uint32_t g = 0; g < GENRES; g++)
        if (mf_id_compare(genre, id_of(genre_names[g])) == 0)
            return genre_of[row][g];
    fail_msg("no genre");
    return false;
}

static bool meets(const mf_condition *c, uint32_t row)
{
    bool result = c->kind == MF_CONDITION_AND;
    if (c->kind != MF_CONDITION_ATTRIBUTE) {
        for (size_t p = 0; p < c->n_parts; p++)
            result = c->kind == MF_CONDITION_AND ? result && meets(&c->part[p], row)
                                                 : result || meets(&c->part[p], row);
        return result;
    }
    if (c->any.value == NULL && c->all.value == NULL && c->none.value == NULL)
        return !isnan(year_of[row]) && !(year_of[row] < c->from) && !(year_of[row] > c->to);
    bool any = c->any.value == NULL;
    for (size_t i = 0; i < c->any.n; i++)
        any |= row_has(row, c->any.value[i]);
    for (size_t i = 0; i < c->all.n; i++)
        any &= row_has(row, c->all.value[i]);
    for (size_t i = 0; i < c->none.n; i++)
        any &= !row_has(row, c->none.value[i]);
    return any;
}

/* Values of genres whose number is in the residue class, so that lists do not contradict. */
static mf_condition_list draw_list(mf_conditions *memory, uint32_t residue)
{
    mf_error err = {0};
    const size_t n = 1 + draw(3);
    mf_id *values = mf_conditions_take_values(memory, n, &err);
    assert_ok(values != NULL, err);
    for (size_t i = 0; i < n; i++)
        values[i] = id_of(genre_names[3 * draw(GENRES / 3) + residue]);
    return (mf_condition_list){values, n};
}

static void draw_condition(mf_conditions *memory, unsigned depth, mf_condition *c)
{
    mf_error err = {0};
    if (depth < MF_CONDITION_DEPTH && draw(3) > 0) {
        const size_t n = 1 + draw(2 + (depth == 0));
        mf_condition *part = mf_conditions_take(memory, n, &err);
        assert_ok(part != NULL, err);
        c->kind = draw(2) ? MF_CONDITION_AND : MF_CONDITION_OR;
        c->part = part;
        c->n_parts = n;
        for (size_t p = 0; p < n; p++)
            draw_condition(memory, depth + 1, &part[p]);
    } else if (draw(2)) {
        const uint32_t which = 1 + draw(7);
        c->name = id_of("genres");
        if (which & 1)
            c->any = draw_list(memory, 0);
        if (which & 2)
            c->all = draw_list(memory, 1);
        if (which & 4)
            c->none = draw_list(memory, 2);
    } else {
        const uint32_t which = 1 + draw(3);
        c->name = id_of("year");
        if (which & 1)
            c->from = 1988 + draw(24) / 2.0;
        if (which & 2)
            c->to = (isnan(c->from) ? 1988 : c->from) + draw(16) / 2.0;
    }
}

static void any_tree_selects_what_a_look_at_every_item_selects(void **state)
{
    (void)state;
    static mf_conditions memory;
    enum { WORDS = (ITEMS + 63) / 64 };
    /* Exactly as large as promised, so that the sanitizer sees one word over. */
    uint64_t *words = calloc(WORDS, sizeof *words);
    uint64_t *scratch = calloc(MF_WHERE_BITMAPS * WORDS, sizeof *scratch);
    uint32_t n_some = 0, n_deep = 0;
    for (int tree = 0; tree < 5000; tree++) {
        mf_error err = {0};
        memory.n = memory.n_values = 0;
        mf_condition *root = mf_conditions_take(&memory, 1, &err);
        draw_condition(&memory, 0, root);
        uint32_t n_allowed = 0, n_expected = 0;
        memset(words, 0xA5, WORDS * sizeof *words);
        memset(scratch, 0x5A, MF_WHERE_BITMAPS * WORDS * sizeof *scratch);
        assert_ok(mf_where_select(&parts, root, words, scratch, &n_allowed, NULL, &err), err);
        for (uint32_t i = 0; i < ITEMS; i++) {
            const bool expected = meets(root, i);
            if ((words[i / 64] >> i % 64 & 1) != expected)
                fail_msg("tree %d: item %u is %s", tree, i, expected ? "missing" : "wrong");
            n_expected += expected;
        }
        assert_int_equal(words[WORDS - 1] >> ITEMS % 64, 0);
        assert_int_equal(n_allowed, n_expected);
        n_some += n_expected > 0 && n_expected < ITEMS;
        n_deep += memory.n > 8;
    }
    assert_true(n_some > 2000 && n_deep > 300);
    free(words);
    free(scratch);
}

static void a_number_is_equal_when_from_is_to(void **state)
{
    (void)state;
    mf_error err = {0};
    uint64_t words[(ITEMS + 63) / 64], scratch[MF_WHERE_BITMAPS * ((ITEMS + 63) / 64)];
    uint32_t n_allowed, n_expected = 0;
    const mf_condition c = {.name = id_of("year"), .from = 1994.5, .to = 1994.5};
    assert_ok(mf_where_select(&parts, &c, words, scratch, &n_allowed, NULL, &err), err);
    for (uint32_t i = 0; i < ITEMS; i++)
        n_expected += year_of[i] == 1994.5;
    assert_true(n_expected > 0);
    assert_int_equal(n_allowed, n_expected);
}

/* --- mistakes ------------------------------------------------------------ */

static void refused(const mf_condition *c, const char *words)
{
    mf_error err = {0};
    uint64_t bits[(ITEMS + 63) / 64], scratch[MF_WHERE_BITMAPS * ((ITEMS + 63) / 64)];
    uint32_t n_allowed;
    assert_false(mf_where_select(&parts, c, bits, scratch, &n_allowed, NULL, &err));
    assert_error(&err, MF_ERR_PARSE, words);
}

#define LIST(values) ((mf_condition_list){(values), sizeof(values) / sizeof((values)[0])})

static void each_mistake_has_its_sentence(void **state)
{
    (void)state;
    const mf_id a[] = {id_of("genre A")}, b[] = {id_of("genre B")},
                ab[] = {id_of("genre A"), id_of("genre B")}, lower[] = {id_of("genre a")},
                swapped[] = {id_of("gerne B")}, horror[] = {id_of("Horror")}, empty[] = {id_of("")};
    const double none = (double)NAN;
    const mf_condition leaf = {.name = id_of("genres"), .any = LIST(a), .from = none, .to = none};
    mf_condition nested[MF_CONDITION_DEPTH + 1];
    for (int d = 0; d <= MF_CONDITION_DEPTH; d++)
        nested[d] = (mf_condition){.kind = d % 2 ? MF_CONDITION_OR : MF_CONDITION_AND,
                                   .part = d > 0 ? &nested[d - 1] : &leaf,
                                   .n_parts = 1};
    const mf_condition inner = {.name = id_of("colour"), .from = none, .to = none};
    const mf_condition both[] = {leaf, inner};
    const struct {
        mf_condition condition;
        const char *words;
    } cases[] = {
#define CASE(text, says, ...)                                                                      \
    {.condition = ({                                                                               \
         mf_condition c = {.name = id_of(text), .from = none, .to = none};                         \
         __VA_ARGS__;                                                                              \
         c;                                                                                        \
     }),                                                                                           \
     .words = says}
#define SET(field, values) c.field = LIST(values)
        CASE("genre", "no attribute \"genre\": did you mean genres?", SET(any, a)),
        CASE("Genres", "no attribute \"Genres\": did you mean genres?", SET(any, a)),
        CASE("colour", "no attribute \"colour\": the model has title, genres, year", SET(any, a)),
        CASE("title", "title is a text, for which there are no conditions", SET(any, a)),
        CASE("genres", "genres has no value \"genre a\": did you mean \"genre A\"?",
             SET(any, lower)),
        CASE("genres", "genres has no value \"gerne B\": did you mean \"genre B\"?",
             SET(all, swapped)),
        CASE("genres",
             "genres has no value \"Horror\", it has 12 others, such as \"genre A\", \"genre B\", "
             "\"genre C\"",
             SET(none, horror)),
        CASE("genres", "genres has no value \"\"", SET(any, empty)),
        CASE("genres", "genres has categories: expected any, all or none", ),
        CASE("genres", "genres has categories: expected any, all or none", c.from = 3),
        CASE("genres", "genres has categories: expected any, all or none", SET(any, a); c.to = 3),
        CASE("genres", "genres.any is an empty list", c.any.value = a),
        CASE("genres", "genres.all is an empty list", SET(any, a); c.all.value = a),
        CASE("genres", "genres.none is an empty list", c.none.value = a),
        CASE("genres", "\"genre B\" is in both all and none", SET(all, ab); SET(none, b)),
        CASE("year", "year is a number: expected from, to or both, or the number", ),
        CASE("year", "year is a number: expected from", SET(any, a)),
        CASE("year", "year is a number: expected from", SET(none, a); c.from = 3),
        CASE("year", "from 2000 is above to 1999.5, which no item meets", c.from = 2000;
             c.to = 1999.5),
        CASE("", "an empty condition: leave it out", c.kind = MF_CONDITION_AND),
        CASE("", "an empty condition: leave it out", c.kind = MF_CONDITION_OR),
        CASE("", "no attribute \"colour\"", c.kind = MF_CONDITION_OR; c.part = both; c.n_parts = 2),
#undef SET
#undef CASE
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refused(&cases[i].condition, cases[i].words);
    refused(&nested[MF_CONDITION_DEPTH], "conditions are nested more than 4 deep");
    uint64_t bits[(ITEMS + 63) / 64], scratch[MF_WHERE_BITMAPS * ((ITEMS + 63) / 64)];
    uint32_t n_allowed;
    mf_error err = {0};
    assert_ok(mf_where_select(&parts, &nested[MF_CONDITION_DEPTH - 1], bits, scratch, &n_allowed,
                              NULL, &err),
              err);
}

static void a_model_without_attributes_says_so(void **state)
{
    (void)state;
    const mf_attributes kept = parts.attributes;
    parts.attributes = (mf_attributes){0};
    refused(&(const mf_condition){.name = id_of("genres"), .from = 1, .to = 2},
            "no attribute \"genres\": the model has none, it was trained without a file of items");
    parts.attributes = kept;
}

/* With 100,000 values the nearest is still named, without comparing them all. */
static void the_nearest_of_many_values_is_named(void **state)
{
    (void)state;
    enum { N = 100000 };
    const mf_attributes kept = parts.attributes;
    mf_error err = {0};
    mf_text text = MF_TEXT_EMPTY;
    char *folder = testing_folder(), *path = testing_path(folder, "items.csv");
    mf_text_literal(&text, "item,cast\n");
    for (uint32_t k = 0; k < N; k++)
        mf_text_format(&text, "%u,actor %06u|\n", 1000 + k, k);
    testing_write(path, text.bytes, text.n_bytes);
    static const mf_ratings_options options;
    mf_items *many = mf_items_create(&options, "", &err);
    assert_ok(many != NULL && mf_items_add(many, path, "items.csv", &err) &&
                  mf_items_finish(many, &parts.items, &parts.attributes, &err),
              err);
    const mf_id typed = id_of("actor 07777x"), known = id_of("actor 000007");
    mf_condition c = {
        .name = id_of("cast"), .any = {&typed, 1}, .from = (double)NAN, .to = (double)NAN};
    refused(&c, "cast has no value \"actor 07777x\": did you mean \"actor 077770\"?");
    c.any.value = &known;
    uint64_t bits[(ITEMS + 63) / 64], scratch[MF_WHERE_BITMAPS * ((ITEMS + 63) / 64)];
    uint32_t n_allowed;
    assert_ok(mf_where_select(&parts, &c, bits, scratch, &n_allowed, NULL, &err), err);
    assert_int_equal(n_allowed, 1);
    assert_int_equal(bits[0], 1 << 7);
    parts.attributes = kept;
    mf_items_destroy(many);
    mf_text_free(&text);
    free(path);
    testing_folder_remove(folder);
}

static void memory_for_a_request_has_its_limits(void **state)
{
    (void)state;
    static mf_conditions memory;
    mf_error err = {0};
    memset(&memory, 0, sizeof memory);
    const mf_condition *c = mf_conditions_take(&memory, MF_CONDITIONS_MAX - 1, &err);
    assert_true(c != NULL && isnan(c[3].from) && isnan(c[3].to) && c[3].any.value == NULL);
    assert_null(mf_conditions_take(&memory, 2, &err));
    assert_error(&err, MF_ERR_LIMIT, "more than 64 conditions");
    assert_non_null(mf_conditions_take(&memory, 1, &err));
    assert_non_null(mf_conditions_take_values(&memory, MF_CONDITION_VALUES_MAX, &err));
    assert_non_null(mf_conditions_take_values(&memory, 0, &err));
    mf_error_clear(&err);
    assert_null(mf_conditions_take_values(&memory, 1, &err));
    assert_error(&err, MF_ERR_LIMIT, "more than 1024 values in conditions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_tree_selects_what_a_look_at_every_item_selects),
        cmocka_unit_test(a_number_is_equal_when_from_is_to),
        cmocka_unit_test(each_mistake_has_its_sentence),
        cmocka_unit_test(a_model_without_attributes_says_so),
        cmocka_unit_test(the_nearest_of_many_values_is_named),
        cmocka_unit_test(memory_for_a_request_has_its_limits),
    };
    return cmocka_run_group_tests(tests, make_items, free_items);
}
