/* test_items.c: promises of items/items.h: what is read from a file of items, what is refused, and
 * that neither the order of rows nor a form of writing matters. */
#include "testing.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "items/items.h"
#include "model/format.h"

#include <math.h>

static char *folder;

static int enter_folder(void **state)
{
    (void)state;
    folder = testing_folder();
    return 0;
}

static int leave_folder(void **state)
{
    (void)state;
    testing_folder_remove(folder);
    return 0;
}

/* The items of the model: "1", "2" and "30". */
static const uint64_t rated_start[] = {0, 1, 2, 4};
static const mf_id_list rated = {3, rated_start, "1230"};

enum { FILES_MOST = 3 };

/* A reading of up to three texts. */
typedef struct reading {
    const char *files[FILES_MOST];
    const char *columns; /* NULL: all */
    mf_ratings_options options;
} reading;

static void append_id(mf_text *text, mf_id id)
{
    mf_text_append(text, id.bytes, id.n_bytes);
}

/* "title text 1=Toy Story;2=;30=;40=Heat | genres categories 1=[Comedy,War];… | year number 1=1995;…"
 */
static char *attributes_text(const mf_attributes *a)
{
    mf_text text = MF_TEXT_EMPTY;
    char number[MF_NUMBER_TEXT_BYTES];
    for (uint32_t k = 0; k < a->n; k++) {
        static const char *const kinds[] = {"text", "number", "categories"};
        mf_text_format(&text, "%s%s %s ", k > 0 ? " | " : "", a->attribute[k].name,
                       a->title == k ? "title" : kinds[a->attribute[k].kind]);
        for (uint32_t row = 0; row < a->n_items; row++) {
            mf_text_append(&text, ";", row > 0);
            append_id(&text, row < rated.n ? mf_id_list_get(&rated, row)
                                           : mf_id_list_get(&a->unrated, row - rated.n));
            mf_text_literal(&text, "=");
            if (a->attribute[k].kind == MF_ATTRIBUTE_TEXT) {
                append_id(&text, mf_attribute_text(a, k, row));
            } else if (a->attribute[k].kind == MF_ATTRIBUTE_NUMBER) {
                const double value = mf_attribute_numbers(a, k).value[row];
                if (!isnan(value))
                    mf_text_format(&text, "%s", mf_write_double(value, false, number));
            } else {
                const mf_categories c = mf_attribute_categories(a, k);
                mf_text_literal(&text, "[");
                for (uint32_t i = c.start[row]; i < c.start[row + 1]; i++) {
                    mf_text_append(&text, ",", i > c.start[row]);
                    append_id(&text, mf_id_list_get(&c.names, c.values[i]));
                }
                mf_text_literal(&text, "]");
            }
        }
    }
    mf_text_append(&text, "", 1);
    assert_false(text.failed);
    return text.bytes; /* the caller's to free */
}

static bool read_items(const reading *r, mf_items **items, mf_attributes *attributes, mf_error *err)
{
    *items = mf_items_create(&r->options, r->columns != NULL ? r->columns : "", err);
    bool ok = *items != NULL;
    for (size_t f = 0; ok && f < FILES_MOST && r->files[f] != NULL; f++) {
        char *path = testing_path(folder, "items");
        testing_write(path, r->files[f], strlen(r->files[f]));
        char name[] = "items.csv";
        ok = mf_items_add(*items, path, name, err);
        free(path);
    }
    return ok && mf_items_finish(*items, &rated, attributes, err);
}

/* The attributes can stand in a model: everything is checked again by writing one. */
static void assert_sound(const mf_attributes *attributes)
{
    static const _Alignas(64) float row[3][16];
    static const float spectrum[] = {1};
    static const uint64_t user_start[] = {0, 1}, none[] = {0, 0};
    static const uint32_t count[3];
    mf_error err = {0};
    const mf_model_parts parts = {
        .n_users = 1,
        .n_items = 3,
        .users = {1, user_start, "u"},
        .items = rated,
        .rated_start = none,
        .item_count = count,
        .ranking = {.n_factors = 1,
                    .item_vectors = row[0],
                    .mean_profile = row[0],
                    .spectrum = spectrum},
        .attributes = *attributes,
    };
    char *path = testing_path(folder, "model.bin");
    assert_ok(mf_model_write(path, &parts, &err), err);
    mf_model *model = mf_model_open(path, &err);
    assert_ok(model != NULL, err);
    mf_model_close(model);
    free(path);
}

static void assert_reads(const reading *r, const char *expected, mf_items_facts *facts)
{
    mf_error err = {0};
    mf_items *items;
    mf_attributes attributes;
    assert_ok(read_items(r, &items, &attributes, &err), err);
    char *text = attributes_text(&attributes);
    assert_string_equal(text, expected);
    assert_sound(&attributes);
    if (facts != NULL)
        *facts = *mf_items_facts_get(items);
    free(text);
    mf_items_destroy(items);
}

static void assert_refused(const reading *r, mf_error_code code, const char *words)
{
    mf_error err = {0};
    mf_items *items;
    mf_attributes attributes;
    if (read_items(r, &items, &attributes, &err))
        fail_msg("read, expected \"%s\": %s", words, r->files[0]);
    assert_error(&err, code, words);
    mf_items_destroy(items);
}

#define READ(text) (&(const reading){.files = {text}})

/* --- what is read -------------------------------------------------------- */

#define MOVIES                                                                                     \
    "title title 1=Toy Story (1995);2=Jumanji (1995);30=;40=Heat, again (2001) | "                 \
    "genres categories 1=[Comedy,War];2=[Comedy];30=[];40=[War] | "                                \
    "year number 1=1995;2=1995;30=;40=2001"

static void movies_have_a_title_genres_and_a_year(void **state)
{
    (void)state;
    mf_items_facts facts;
    assert_reads(READ("movieId,title,genres\n1,Toy Story (1995),Comedy|War\n"
                      "40,\"Heat, again (2001)\",War\n2,Jumanji (1995),Comedy\n"),
                 MOVIES, &facts);
    assert_int_equal(facts.n_files, 1);
    assert_int_equal(facts.n_rows, 3);
    assert_int_equal(facts.n_matched, 2);
    assert_int_equal(facts.n_unrated, 1);
    assert_int_equal(facts.n_bad_rows + facts.n_repeated + facts.n_omitted + facts.n_cut_texts, 0);
    assert_true(facts.n_bytes > 500 && facts.n_bytes < 1000);
}

/* The same table in the forms that ratings may have, and in any order. */
static void the_form_of_a_file_and_the_order_of_its_rows_do_not_matter(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\xEF\xBB\xBFmovieId,title,genres\r\n2,Jumanji (1995),Comedy\r\n"
        "40,\"Heat, again (2001)\",War\r\n1,Toy Story (1995),War|Comedy|War\r\n",
        "movie_id;title;genres\n40;Heat, again (2001);War\n1;Toy Story (1995);Comedy|War\n"
        "2;Jumanji (1995);Comedy\n",
        "sep=;\nItemID;title;genres\n\n1;Toy Story (1995);Comedy|War\n2;Jumanji (1995);Comedy\n"
        "40;Heat, again (2001);War",
        "title\tasin\tgenres\nToy Story (1995)\t1\tComedy|War\nHeat, again (2001)\t40\tWar\n"
        "Jumanji (1995)\t2\tComedy\n",
        "movieId::title::genres\n1::Toy Story (1995)::Comedy|War\n40::Heat, again (2001)::War\n"
        "2::Jumanji (1995)::Comedy\n",
        "id,title,genres\n1,Toy Story (1995),Comedy|War\n40,\"Heat, again (2001)\",War\n"
        "2,Jumanji (1995),Comedy\n",
    };
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++)
        assert_reads(READ(texts[t]), MOVIES, NULL);
}

static void json_objects_are_rows_and_arrays_are_categories(void **state)
{
    (void)state;
    static const char expected[] =
        "genres categories 1=[Comedy,War];2=[];30=[];40=[War] | price number 1=2.5;2=;30=;40=-3 | "
        "title title 1=Toy Story;2=Jumanji;30=;40=Heat";
    static const char *const texts[] = {
        "{\"asin\":\"1\",\"title\":\"Toy Story\",\"genres\":[\"War\",\"Comedy\"],\"price\":2.5}\n"
        "{\"asin\":2,\"title\":\"Jumanji\",\"genres\":[],\"price\":null}\n"
        "{\"asin\":\"40\",\"genres\":[[\"War\"]],\"title\":\"Heat\",\"price\":-3}\n",
        "[{\"asin\":\"40\",\"price\":-3,\n \"title\":\"Heat\",\"genres\":[\"War\",\"War\"]},\n"
        "{\"asin\":\"2\",\"title\":\"Jumanji\"},{\"asin\":\"1\",\"title\":\"Toy Story\",\n"
        "\"genres\":[\"War\",\"Comedy\"],\"price\":2.5}]\n",
    };
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++)
        assert_reads(READ(texts[t]), expected, NULL);
}

static void values_say_what_an_attribute_is(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"item,a\n1,1\n2,-2.5e3\n", "a number 1=1;2=-2500;30="},
        {"item,a\n1,1\n2,NA\n30,\n", "a number 1=1;2=;30="},
        {"item,a\n1,-0\n2,0\n", "a number 1=0;2=0;30="},
        /* leading zeros, too many digits, a word among numbers */
        {"item,a\n1,007\n2,8\n", "a text 1=007;2=8;30="},
        {"item,a\n1,90071992547409931\n2,1\n", "a text 1=90071992547409931;2=1;30="},
        {"item,a\n1,1\n2,two\n", "a text 1=1;2=two;30="},
        {"item,a\n1,1e400\n2,1\n", "a text 1=1e400;2=1;30="},
        /* few words that repeat */
        {"item,a\n1,x\n2,y\n30,x\n4,y\n", "a categories 1=[x];2=[y];30=[x];4=[y]"},
        {"item,a\n1,x\n2,y\n30,x\n", "a text 1=x;2=y;30=x"},
        {"item,a\n1,x|y\n2,y\n", "a categories 1=[x,y];2=[y];30=[]"},
        {"item,genre\n1,x\n2,y\n", "genre categories 1=[x];2=[y];30=[]"},
        {"item,genres\n1, x | y|| \n2,None\n", "genres categories 1=[x,y];2=[];30=[]"},
        /* a title is one, whatever it looks like */
        {"item,title\n1,300\n2,300\n", "title title 1=300;2=300;30="},
        {"item,title\n1,a|b\n2,NA\n", "title title 1=a|b;2=NA;30="},
        {"item,name,Title\n1,n,t\n2,m,t\n", "name text 1=n;2=m;30= | Title title 1=t;2=t;30="},
        {"item,Product_Name\n1,n\n2,m\n", "Product_Name title 1=n;2=m;30="},
        /* control characters in a quoted field */
        {"item,a\n1,\"b\nc\td\"\n2,e\n", "a text 1=b c d;2=e;30="},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
        assert_reads(READ(cases[c].text), cases[c].expected, NULL);
}

static void the_year_of_a_title_is_a_number_unless_a_file_has_years(void **state)
{
    (void)state;
    assert_reads(READ("item,title\n1,A (1999)\n2,B (2006\xE2\x80\x93)\n30,C (12345)\n"),
                 "title title 1=A (1999);2=B (2006\xE2\x80\x93);30=C (12345) | "
                 "year number 1=1999;2=2006;30=",
                 NULL);
    assert_reads(READ("item,title\n1,A (1999)\n2,B\n30,C\n"), "title title 1=A (1999);2=B;30=C",
                 NULL);
    assert_reads(READ("item,title\n1,A (99)\n2,B (1799) \n30,1999)\n"),
                 "title title 1=A (99);2=B (1799);30=1999)", NULL);
    assert_reads(READ("item,title,Year\n1,A (1999),2000\n2,B (2006),2000\n"),
                 "title title 1=A (1999);2=B (2006);30= | Year number 1=2000;2=2000;30=", NULL);
}

static void several_files_are_one_table_and_rows_of_one_id_the_last(void **state)
{
    (void)state;
    mf_items_facts facts;
    const reading r = {
        .files = {"item,title\n1,A\n2,B\n1,C\n", "item,price,title\n2,5,D\n7,6,E\n"}};
    assert_reads(&r, "title title 1=C;2=D;30=;7=E | price number 1=;2=5;30=;7=6", &facts);
    assert_int_equal(facts.n_repeated, 1);
    assert_int_equal(facts.n_files, 2);
    /* What the replaced row had and the last one has not is gone. */
    assert_reads(READ("{\"item\":\"1\",\"a\":1,\"b\":2}\n{\"item\":\"1\",\"a\":3}\n"
                      "{\"item\":\"2\",\"b\":4}\n"),
                 "a number 1=3;2=;30= | b number 1=;2=4;30=", &facts);
    assert_int_equal(facts.n_repeated, 1);
}

static void item_columns_chooses_and_misses_loudly(void **state)
{
    (void)state;
    static const char text[] = "item,title,genres,price\n1,A (1999),x|y,3\n2,B (2000),x,4\n";
    reading r = {.files = {text}, .columns = " price , TITLE,"};
    assert_reads(&r, "title title 1=A (1999);2=B (2000);30= | price number 1=3;2=4;30=", NULL);
    r.columns = "title,year";
    assert_reads(&r, "title title 1=A (1999);2=B (2000);30= | year number 1=1999;2=2000;30=", NULL);
    r.columns = "title,genre";
    assert_refused(&r, MF_ERR_CONFIG,
                   "item_columns: no file of items has a column \"genre\": did you mean genres?");
    r.columns = "colour";
    assert_refused(&r, MF_ERR_CONFIG, "no file of items has a column \"colour\"");
    r.columns = "item,price"; /* the ids are no attribute, but a column */
    assert_reads(&r, "price number 1=3;2=4;30=", NULL);
}

/* --- what is refused or left out ----------------------------------------- */

static void bad_rows_are_left_out_counted_and_named(void **state)
{
    (void)state;
    mf_items_facts facts;
    assert_reads(READ("item,title\n1,A\n2\n30,B,C\n,D\n\n30,\"x\ny\"\n2,\xE9\n2,E\n"),
                 "title title 1=A;2=E;30=x y", &facts);
    assert_int_equal(facts.n_rows, 7);
    assert_int_equal(facts.n_bad_rows, 4);
    assert_int_equal(facts.n_named, 4);
    assert_string_equal(facts.bad_rows[0], "items.csv:3:1: the row has 1 fields, the header 2");
    assert_string_equal(facts.bad_rows[1], "items.csv:4:1: the row has 3 fields, the header 2");
    assert_non_null(strstr(facts.bad_rows[2], "items.csv:5:1: item is no id"));
    assert_string_equal(
        facts.bad_rows[3],
        "items.csv:9:3: title is not UTF-8: encoding=latin1 or windows-1252 may read it");
    assert_reads(READ("{\"item\":\"1\",\"a\":1}\n{\"item\":\"2\",\"a\":}\nnonsense\n"
                      "{\"a\":5}\n{\"item\":[1],\"a\":5}\n{\"item\":\"2\",\"a\":2}\n"),
                 "a number 1=1;2=2;30=", &facts);
    assert_int_equal(facts.n_bad_rows, 4);
    assert_non_null(strstr(facts.bad_rows[0], "items.csv:2:1: not JSON: "));
    assert_non_null(strstr(facts.bad_rows[2], "items.csv:4:1: item is no id"));
    /* Many are counted, ten are named. */
    char text[600] = "item,a\n1,1\n";
    for (int k = 0; k < 30; k++)
        strcat(text, "2,3,4\n");
    assert_reads(READ(text), "a number 1=1;2=;30=", &facts);
    assert_int_equal(facts.n_bad_rows, 30);
    assert_int_equal(facts.n_named, 10);
}

static void other_encodings_are_read_when_they_are_named(void **state)
{
    (void)state;
    const reading r = {.files = {"item,title\n1,Am\xE9lie\n2,B\n"},
                       .options = {.encoding = MF_ENCODING_LATIN1}};
    assert_reads(&r, "title title 1=Am\xC3\xA9lie;2=B;30=", NULL);
}

static void the_delimiter_of_the_ratings_is_tried_first(void **state)
{
    (void)state;
    const reading r = {.files = {"item,title\n1,A\n2,B\n"},
                       .options = {.delimiter = MF_DELIMITER_DOUBLE_COLON, .item_column = "#2"}};
    assert_reads(&r, "title title 1=A;2=B;30=", NULL);
    const reading named = {.files = {"key,title\n1,A\n2,B\n", "item,price\n1,3\n"},
                           .options = {.item_column = "key"}};
    assert_reads(&named, "title title 1=A;2=B;30= | price number 1=3;2=;30=", NULL);
}

static void what_is_no_file_of_items_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "is no file of items: empty"},
        {"item\n1\n", "nothing but item ids"},
        {"title,genres\nA,B\n", "no column of item ids (item_column=… names it)"},
        {"userId,item,tag\n1,1,a\n", "it has a column of users, userId"},
        {"1,Toy Story,x\n2,Jumanji,y\n", "no column of item ids"},
        {"item,a\xE9\n1,2\n", "is no file of items: binary data"},
        {"item,title\n", "is a file of items without a good row"},
        {"item,title\n,A\n", "without a good row, the first one: items.csv:2:1: item is no id"},
        {"{\"title\":\"A\"}\n", "no column of item ids"},
        {"[{\"item\":\"1\",\n\"a\":1},\n{\"item\":\"2\"", "the file ends inside a JSON object"},
        {"item,u1,u2,u3\n1,5,3,4\n2,1,2,3\n", "it looks like a matrix"},
        {"PAR1\x15\x04", "is no file of items: "},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
        assert_refused(READ(cases[c].text), MF_ERR_PARSE, cases[c].words);
    const reading open_quote = {.files = {"item,title\n1,\"A\n2,B\n"},
                                .options = {.quoting = MF_QUOTING_MINIMAL}};
    assert_refused(
        &open_quote, MF_ERR_PARSE,
        "items.csv:2:3: a quote opens and is never closed (quoting=none takes quotes as");
    const reading long_row = {.files = {"item,title\n1,A\n2,a title of 27 bytes or more\n"},
                              .options = {.max_row_bytes = 20}};
    assert_refused(&long_row, MF_ERR_LIMIT, "items.csv:3:1: a row is longer than 20 bytes");
}

static void ids_that_are_not_in_the_ratings_are_an_error(void **state)
{
    (void)state;
    assert_refused(READ("item,title\ntt01,A\ntt02,B\n"), MF_ERR_CONFIG,
                   "not one of 2 ids in the file of items has a rating: its first one is \"tt01\", "
                   "that of the ratings is \"1\"");
}

static void what_cannot_be_an_attribute_is_omitted_with_its_reason(void **state)
{
    (void)state;
    mf_items_facts facts;
    char text[1200];
    snprintf(text, sizeof text, "item,a,,a,empty,%0120d\n1,1,2,3,,4\n2,1,2,3,,4\n", 7);
    assert_reads(READ(text), "a number 1=1;2=1;30=", &facts);
    assert_int_equal(facts.n_omitted, 4);
    assert_string_equal(facts.omitted[0].reason, "it has no name");
    assert_string_equal(facts.omitted[1].reason, "an earlier column has the same name");
    assert_string_equal(facts.omitted[2].reason,
                        "its name has more than 111 bytes or control characters");
    assert_string_equal(facts.omitted[3].name, "empty");
    assert_string_equal(facts.omitted[3].reason, "no item has a value");
    assert_reads(READ("{\"item\":\"1\",\"a\":1,\"b\":{\"c\":1},\"d\":[{\"e\":2}]}\n"),
                 "a number 1=1;2=;30=", &facts);
    assert_int_equal(facts.n_omitted, 2);
    assert_string_equal(facts.omitted[0].reason, "its values are JSON objects");
    const reading chosen = {.files = {"{\"item\":\"1\",\"a\":1,\"b\":{\"c\":1}}\n"},
                            .columns = "a,b"};
    assert_refused(&chosen, MF_ERR_CONFIG, "item_columns: b: its values are JSON objects");
}

static void there_are_32_attributes_at_most(void **state)
{
    (void)state;
    mf_items_facts facts;
    mf_error err = {0};
    mf_items *items;
    mf_attributes attributes;
    char text[1000] = "item", row[300] = "\n1";
    for (int c = 0; c < 40; c++) {
        snprintf(text + strlen(text), 16, ",c%d", c);
        snprintf(row + strlen(row), 16, ",%d", 1000 + c);
    }
    strcat(text, row);
    assert_ok(read_items(READ(text), &items, &attributes, &err), err);
    assert_int_equal(attributes.n, 32);
    assert_string_equal(attributes.attribute[31].name, "c31");
    facts = *mf_items_facts_get(items);
    assert_int_equal(facts.n_omitted, 8);
    assert_string_equal(facts.omitted[0].reason, "there are 32 attributes before it");
    assert_sound(&attributes);
    mf_items_destroy(items);
}

static void long_texts_are_cut_at_a_character_and_long_categories_left_out(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_items *items;
    mf_attributes attributes;
    static char text[9000];
    size_t n = (size_t)sprintf(text, "item,title,genres\n1,x");
    for (int k = 0; k < 3000; k++)
        n += (size_t)sprintf(text + n, "\xC3\xA9");
    n += (size_t)sprintf(text + n, ",a|%0256d|%0255d\n", 1, 2);
    assert_ok(read_items(READ(text), &items, &attributes, &err), err);
    assert_int_equal(mf_attribute_text(&attributes, 0, 0).n_bytes, 4095);
    assert_int_equal(attributes.attribute[1].n_values, 2);
    assert_int_equal(mf_items_facts_get(items)->n_cut_texts, 1);
    assert_int_equal(mf_items_facts_get(items)->n_long_words, 1);
    assert_sound(&attributes);
    mf_items_destroy(items);
}

/* 100,000 different values: of a list they are categories, of single texts they are text. */
static void many_different_values_are_read(void **state)
{
    (void)state;
    enum { N = 100000 };
    mf_error err = {0};
    mf_items *items;
    mf_attributes attributes;
    mf_text text = MF_TEXT_EMPTY;
    mf_text_literal(&text, "item,cast,maker\n");
    for (uint32_t k = 0; k < N; k++)
        mf_text_format(&text, "%u,actor %u|actor %u,maker %u\n", k, k, (k + 1) % N, k);
    mf_text_append(&text, "", 1);
    assert_ok(read_items(READ(text.bytes), &items, &attributes, &err), err);
    assert_int_equal(attributes.attribute[0].kind, MF_ATTRIBUTE_CATEGORIES);
    assert_int_equal(attributes.attribute[0].n_values, N);
    assert_int_equal(attributes.attribute[0].n_links, 2 * N);
    assert_int_equal(attributes.attribute[1].kind, MF_ATTRIBUTE_TEXT);
    assert_int_equal(attributes.unrated.n, N - 3);
    assert_sound(&attributes);
    mf_items_destroy(items);
    mf_text_free(&text);
}

/* --- a model ------------------------------------------------------------- */

static void attributes_of_a_model_are_kept_and_completed_by_files(void **state)
{
    (void)state;
    static const char text[] =
        "item,title,genres,a\n1,A (1999),x|y,7\n2,B (2000),x,\n9,C (2001),y,8\n";
    mf_error err = {0};
    mf_items *first, *again;
    mf_attributes attributes, kept;
    assert_ok(read_items(READ(text), &first, &attributes, &err), err);
    const mf_model_parts parts = {.n_items = 3, .items = rated, .attributes = attributes};
    for (int with_file = 0; with_file < 2; with_file++) {
        const mf_ratings_options options = {0};
        again = mf_items_create(&options, "", &err);
        assert_ok(again != NULL && mf_items_add_model(again, &parts, &err), err);
        if (with_file) {
            char *path = testing_path(folder, "more");
            static const char more[] = "item,title,b\n30,D (2002),2\n1,E (1998),3\n";
            testing_write(path, more, strlen(more));
            assert_ok(mf_items_add(again, path, "more", &err), err);
            free(path);
        }
        assert_ok(mf_items_finish(again, &rated, &kept, &err), err);
        char *was = attributes_text(&attributes), *is = attributes_text(&kept);
        if (with_file)
            assert_string_equal(
                is, "title title 1=E (1998);2=B (2000);30=D (2002);9=C (2001) | "
                    "genres categories 1=[x,y];2=[x];30=[];9=[y] | a number 1=7;2=;30=;9=8 | "
                    "year number 1=1998;2=2000;30=2002;9=2001 | b number 1=3;2=;30=2;9=");
        else
            assert_string_equal(is, was);
        assert_sound(&kept);
        free(was);
        free(is);
        mf_items_destroy(again);
    }
    mf_items_destroy(first);
}

/* --- recognizing --------------------------------------------------------- */

static void a_file_of_items_is_known_by_its_beginning(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_items;
    } cases[] = {
        {"movieId,title,genres\n1,A,B\n2,C,D\n", true},
        {"movieId,imdbId\n1,0114709\n2,0113497\n", true},
        {"id,title\n1,A\n2,B\n", true},
        {"{\"asin\":\"1\",\"title\":\"A\"}\n{\"asin\":\"2\",\"title\":\"B\"}\n", true},
        {"", false},
        {"movieId\n1\n", false},
        {"movieId,title\n", false},
        {"userId,movieId,tag\n1,1,a\n", false},
        {"movieId,tagId,relevance\n1,1,.5\n1,2,.5\n1,3,.5\n2,1,.5\n", false},
        {"id,value\n1,2\n", false},
        {"1,Toy Story,x\n2,Jumanji,y\n", false},
        {"This is a text,\nwith two lines.\n", false},
        {"movieId,title\n1\n2\n3\n", false},
        {"\x7f\x45LF\x01\x02", false},
        {"{\"title\":\"A\"}\n", false},
    };
    char *path = testing_path(folder, "items");
    const mf_ratings_options options = {0};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        mf_error err = {0};
        bool is_items;
        testing_write(path, cases[c].text, strlen(cases[c].text));
        assert_ok(mf_items_recognize(path, &options, &is_items, &err), err);
        if (is_items != cases[c].is_items)
            fail_msg("case %zu: %s", c, cases[c].text);
    }
    /* What cannot be read is none, and no error. */
    const mf_ratings_options strict = {.quoting = MF_QUOTING_MINIMAL, .max_row_bytes = 30};
    static const char *const unreadable[] = {"item,title\n1,\"A\n2,B\n",
                                             "item,title\n1,a title of more than 30 bytes\n",
                                             "\x1F\x8B\x08 no gzip after all"};
    for (size_t u = 0; u < sizeof unreadable / sizeof unreadable[0]; u++) {
        mf_error err = {0};
        bool is_items = true;
        testing_write(path, unreadable[u], strlen(unreadable[u]));
        assert_ok(mf_items_recognize(path, &strict, &is_items, &err), err);
        assert_false(is_items);
    }
    free(path);
}

/* More than the first 64 KiB: rows that are cut there do not count as bad. */
static void a_long_file_is_read_to_its_end(void **state)
{
    (void)state;
    enum { N = 60000 };
    mf_error err = {0};
    mf_items *items;
    mf_attributes attributes;
    bool is_items;
    mf_text text = MF_TEXT_EMPTY;
    for (int json = 0; json < 2; json++) {
        mf_text_clear(&text, SIZE_MAX);
        if (!json)
            mf_text_literal(&text, "item,title,price\n");
        for (uint32_t k = 0; k < N; k++)
            mf_text_format(&text,
                           json ? "{\"item\":\"%u\",\"title\":\"A \\\"long\\\" title of item %u\","
                                  "\"price\":%u}\n"
                                : "%u,\"A \"\"long\"\" title of item %u\",%u\n",
                           k, k, k % 100);
        mf_text_append(&text, "", 1);
        assert_ok(read_items(READ(text.bytes), &items, &attributes, &err), err);
        assert_int_equal(attributes.n_items, N + 1 - 1);
        const mf_id last = mf_attribute_text(&attributes, attributes.title, N - 1);
        assert_memory_equal(last.bytes, "A \"long\" title of item 9999", 27);
        assert_int_equal(mf_items_facts_get(items)->n_bad_rows, 0);
        assert_sound(&attributes);
        mf_items_destroy(items);
        char *path = testing_path(folder, "items");
        const mf_ratings_options options = {0};
        assert_ok(mf_items_recognize(path, &options, &is_items, &err), err);
        assert_true(is_items);
        free(path);
    }
    mf_text_free(&text);
}

static void reading_is_clean_when_any_allocation_fails(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "movieId,title,genres,a\n1,Toy Story (1995),Comedy|War,3\n40,\"Heat, again\",War,4\n",
        "{\"item\":\"1\",\"a\":[\"x\",\"y\"],\"b\":2}\n{\"item\":\"5\",\"a\":[\"x\"]}\n"};
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        bool done = false;
        for (size_t n = 1; !done; n++) {
            mf_error err = {0};
            mf_items *items = NULL;
            mf_attributes attributes;
            mf_memory_fail_nth(n);
            done = read_items(READ(texts[t]), &items, &attributes, &err);
            mf_memory_fail_nth(0);
            assert_true(done || err.code == MF_ERR_MEMORY);
            mf_items_destroy(items);
            assert_true(n < 500);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(movies_have_a_title_genres_and_a_year),
        cmocka_unit_test(the_form_of_a_file_and_the_order_of_its_rows_do_not_matter),
        cmocka_unit_test(json_objects_are_rows_and_arrays_are_categories),
        cmocka_unit_test(values_say_what_an_attribute_is),
        cmocka_unit_test(the_year_of_a_title_is_a_number_unless_a_file_has_years),
        cmocka_unit_test(several_files_are_one_table_and_rows_of_one_id_the_last),
        cmocka_unit_test(item_columns_chooses_and_misses_loudly),
        cmocka_unit_test(bad_rows_are_left_out_counted_and_named),
        cmocka_unit_test(other_encodings_are_read_when_they_are_named),
        cmocka_unit_test(the_delimiter_of_the_ratings_is_tried_first),
        cmocka_unit_test(what_is_no_file_of_items_is_refused_with_a_reason),
        cmocka_unit_test(ids_that_are_not_in_the_ratings_are_an_error),
        cmocka_unit_test(what_cannot_be_an_attribute_is_omitted_with_its_reason),
        cmocka_unit_test(there_are_32_attributes_at_most),
        cmocka_unit_test(long_texts_are_cut_at_a_character_and_long_categories_left_out),
        cmocka_unit_test(many_different_values_are_read),
        cmocka_unit_test(attributes_of_a_model_are_kept_and_completed_by_files),
        cmocka_unit_test(a_file_of_items_is_known_by_its_beginning),
        cmocka_unit_test(a_long_file_is_read_to_its_end),
        cmocka_unit_test(reading_is_clean_when_any_allocation_fails),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
