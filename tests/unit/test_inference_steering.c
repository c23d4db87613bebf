/* Fields that steer a list, on a catalogue of three genres: what they change, and the place of every error. */
#include "inference_testing.h"

#include "inference/named_lists.h"

static int steering_start(void **state)
{
    (void)state;
    mf_model_parts parts = sample_parts_with_ranking();
    parts.attributes = sample_parts_with_attributes().attributes;
    asking_open(&parts);
    return 0;
}

/* The ids of the last response, in order: "1042 2959". */
static const char *ids(void)
{
    static char text[256];
    size_t n = 0;
    text[0] = '\0';
    for (const char *at = fixture.response.bytes; (at = strstr(at, "{\"movieId\":\"")) != NULL;) {
        at += sizeof "{\"movieId\":\"" - 1;
        const char *end = strchr(at, '"');
        n += (size_t)sprintf(text + n, "%s%.*s", n > 0 ? " " : "", (int)(end - at), at);
    }
    return text;
}

static void expect_ids(const char *body, const char *wanted)
{
    if (!send_bytes(JSON, JSON, body, strlen(body)))
        fail_msg("%s\n  was refused: %s", body, fixture.err.text);
    if (strcmp(ids(), wanted) != 0)
        fail_msg("%s\n  gave     %s (%s)\n  expected %s", body, ids(), fixture.response.bytes,
                 wanted);
}

#define LIST "{\"userId\":\"7\",\"include_rated\":true,\"top_n\":4,"

static void conditions_choose_items(void **state)
{
    (void)state;
    expect_ids(LIST "\"offset\":0}", "~~~~ 2959 1042");
    expect_ids(LIST "\"where\":{\"genres\":\"War\"}}", "1042");
    expect_ids(LIST "\"where\":{\"genres\":[\"War\",\"Drame\"]}}", "~~~~ 2959 1042");
    expect_ids(LIST "\"where\":{\"genres\":{\"any\":[\"Drama\"],\"none\":[\"War\"]}}}", "~~~~");
    expect_ids(LIST "\"where\":{\"genres\":{\"all\":[\"Drama\",\"Drame\"]}}}", "~~~~");
    expect_ids(LIST "\"where\":{\"year\":{\"from\":1985,\"to\":2000}}}", "1042");
    expect_ids(LIST "\"where\":{\"year\":1931}}", "~~~~");
    expect_ids(LIST "\"where\":{\"year\":{\"from\":1990},\"genres\":\"Drame\"}}", "2959");
    expect_ids(LIST "\"where\":{\"or\":[{\"year\":1931},{\"genres\":\"War\"}]}}", "~~~~ 1042");
    expect_ids(LIST "\"where\":{\"or\":[{\"year\":1931},{\"or\":[{\"year\":2001},"
                    "{\"and\":[{\"genres\":\"War\"},{\"year\":1985}]}]}]}}",
               "~~~~ 2959 1042");
    expect_ids(LIST "\"where\":{\"year\":{\"from\":3000}}}", "");
    /* The same in every format, for visitors and for candidates. */
    expect_ids("{\"ratings\":[{\"movieId\":\"2959\",\"rating\":5}],\"top_n\":4,"
               "\"where\":{\"genres\":\"Drama\"}}",
               "1042 ~~~~");
    expect_ids("{\"userId\":\"7\",\"movieIds\":[\"2959\",\"1042\"],\"where\":{\"genres\":\"War\"}}",
               "1042");
    expect_ids("{\"instances\":[" LIST "\"where\":{\"genres\":\"War\"}}," LIST
               "\"where\":{\"year\":1931}}]}",
               "1042 ~~~~");
}

static void conditions_that_cannot_be_meant_are_refused_at_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *where, *text;
    } cases[] = {
        {"{\"genre\":\"War\"}", "where.genre: no attribute \"genre\": did you mean genres?"},
        {"{\"color\":\"red\"}",
         "where.color: no attribute \"color\": the model has title, genres, year, größe, price"},
        {"{\"genres\":\"Wat\"}",
         "where.genres: genres has no value \"Wat\": did you mean \"War\"?"},
        {"{\"genres\":[\"War\",\"Wat\"]}",
         "where.genres[1]: genres has no value \"Wat\": did you mean \"War\"?"},
        {"{\"genres\":{\"any\":[\"Drama\"],\"none\":[\"War\",\"Wat\"]}}",
         "where.genres.none[1]: genres has no value \"Wat\": did you mean \"War\"?"},
        {"{\"year\":1990,\"or\":[{\"year\":1},{\"year\":2,\"genres\":{\"all\":\"Wat\"}}]}",
         "where.or[1].genres.all[0]: genres has no value \"Wat\": did you mean \"War\"?"},
        {"{\"and\":[{\"year\":1},{\"or\":[{\"colour\":1}]}]}",
         "where.and[1].or[0].colour: no attribute \"colour\": the model has title, genres, year, "
         "größe, price"},
        {"{\"genres\":{\"from\":1}}",
         "where.genres: genres has categories: expected any, all or none with a list of them"},
        {"{\"year\":\"1990\"}",
         "where.year: year is a number: expected from, to or both, or the number"},
        {"{\"title\":\"Ran\"}", "where.title: title is a text, for which there are no conditions"},
        {"{\"year\":{\"from\":2,\"to\":1}}",
         "where.year: from 2 is above to 1, which no item meets"},
        {"{\"genres\":{\"all\":[\"War\"],\"none\":[\"War\"]}}",
         "where.genres: \"War\" is in both all and none, which no item meets"},
        {"{\"genres\":{\"any\":[\"War\"],\"none\":[\"Drama\",\"War\"]}}",
         "where.genres: what is in any is in none, too, which no item meets"},
        {"{}", "where: expected at least one condition, found an empty object"},
        {"[]", "where: expected an object {\"attribute\":condition,…}, found an array"},
        {"{\"genres\":[]}", "where.genres: expected at least one value, found an empty array"},
        {"{\"genres\":{}}", "where.genres: expected any, all, none, from or to"},
        {"{\"genres\":{\"any\":[1]}}", "where.genres.any[0]: expected a text, found an integer"},
        {"{\"genres\":null}",
         "where.genres: expected a condition such as {\"any\":[…]} or {\"from\":…}, found null"},
        {"{\"year\":{\"from\":\"1990\"}}", "where.year.from: expected a number, found a string"},
        {"{\"year\":{\"min\":1990}}",
         "where.year.min: unknown condition: expected any, all, none, from or to"},
        {"{\"or\":{}}", "where.or: expected an array of conditions, found an object"},
        {"{\"or\":[]}", "where.or: expected 1 to 64 conditions, found 0"},
        {"{\"or\":[1]}",
         "where.or[0]: expected an object {\"attribute\":condition,…}, found an integer"},
        {"{\"or\":[{\"and\":[{\"or\":[{\"and\":[{\"or\":[{\"year\":1}]}]}]}]}]}", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[512], text[256];
        snprintf(body, sizeof body, LIST "\"where\":%s}", cases[i].where);
        if (cases[i].text != NULL)
            refuse(body, cases[i].text);
        assert_false(send_bytes(JSON, JSON, body, strlen(body)));
        assert_error(&fixture.err, MF_ERR_PARSE, "where");
        snprintf(body, sizeof body,
                 "{\"instances\":[{\"userId\":1,\"movieId\":2}," LIST "\"where\":%s}]}",
                 cases[i].where);
        snprintf(text, sizeof text, "instances[1].%s",
                 cases[i].text != NULL ? cases[i].text : "where");
        assert_false(send_bytes(JSON, JSON, body, strlen(body)));
        assert_error(&fixture.err, MF_ERR_PARSE, text);
    }
    char many[8192];
    int n = sprintf(many, LIST "\"where\":{\"genres\":[\"War\"");
    for (int i = 0; i < 1024; i++)
        n += sprintf(many + n, ",\"\"");
    sprintf(many + n, "]}}");
    assert_false(send_bytes(JSON, JSON, many, strlen(many)));
    assert_error(&fixture.err, MF_ERR_PARSE, "where: ");
}

static void items_are_excluded_and_pages_follow_each_other(void **state)
{
    (void)state;
    expect_ids(LIST "\"exclude\":[\"2959\",\"unknown\",2959.0]}", "~~~~ 1042");
    assert_int_equal(fixture.counts.n_unknown_items, 1);
    expect_ids("{\"userId\":\"7\",\"include_rated\":true,\"limit\":1,\"offset\":1}", "2959");
    expect_ids("{\"userId\":\"7\",\"include_rated\":true,\"top_n\":2,\"offset\":2}", "1042");
    expect_ids("{\"userId\":\"7\",\"include_rated\":true,\"top_n\":2,\"offset\":1000000}", "");
    expect_ids(LIST "\"max_per\":{\"genres\":1}}", "~~~~");
    expect_ids(LIST "\"max_per\":{\"genres\":2}}", "~~~~ 2959 1042");
    expect_ids(LIST "\"diversity\":1}", "~~~~ 1042 2959");
    expect_ids(
        LIST
        "\"max_per\":{\"genres\":1},\"exclude\":[\"1042\"],\"movieIds\":[\"a\",\"1042\",\"b\"]}",
        "a b");
    refuse(LIST "\"exclude\":[]}", "exclude: expected 1 or more ids, found 0");
    refuse(LIST "\"in\":\"\"}", "in: expected the name of a list, found an empty text");
    refuse(LIST "\"exclude\":[null]}", "exclude[0]: expected a string or an integer, found null");
    refuse(LIST "\"offset\":-1}", "offset: expected a whole number from 0 to 2147483647");
    refuse(LIST "\"diversity\":1.5}", "diversity: expected a number from 0 to 1");
    refuse(LIST "\"diversity\":0.5,\"offset\":997}",
           "diversity: lists have at most 1000 items with it, and offset and top_n are 1001");
    refuse(LIST "\"max_per\":{}}", "max_per: expected 1 to 32 attributes, found 0");
    refuse(LIST "\"max_per\":{\"genres\":0}}",
           "max_per.genres: expected a whole number from 1 to 1000");
    refuse(LIST "\"max_per\":{\"year\":1}}",
           "max_per.year: year has no categories: expected an attribute that has");
    refuse(LIST "\"max_per\":{\"genre\":1}}",
           "max_per.genre: no attribute \"genre\": did you mean genres?");
    refuse("{\"userId\":1,\"movieId\":2,\"exclude\":[3]}",
           "exclude goes with top_n or movieIds: add one of them");
}

static void attributes_stand_in_entries(void **state)
{
    (void)state;
    expect("{\"userId\":\"7\",\"movieId\":\"1042\",\"with\":[\"title\",\"genres\",\"year\"]}",
           "{\"predicted_rating\":4.0,\"title\":\"Ran\",\"genres\":[\"Drama\",\"War\"],\"year\":"
           "1985}");
    expect(
        "{\"userId\":\"7\",\"movieId\":\"31\",\"with\":[\"genres\",\"price\",\"year\",\"größe\"]}",
        "{\"predicted_rating\":3.75,\"known_item\":false,\"genres\":[],\"price\":null,"
        "\"year\":1985,\"größe\":\"b\"}");
    expect("{\"userId\":\"7\",\"movieId\":\"none\",\"with\":\"genres\"}",
           "{\"predicted_rating\":3.75,\"known_item\":false,\"genres\":null}");
    refuse(LIST "\"with\":[\"name\"]}",
           "with[0]: no attribute \"name\": the model has title, genres, year, größe, price");
    refuse(LIST "\"with\":[\"title\",\"title\"]}", "with[1]: the attribute is there twice");
    refuse(LIST "\"with\":[1]}", "with[0]: expected the name of an attribute, found an integer");
    refuse(LIST "\"with\":[]}", "with: expected 1 to 32 attributes, found 0");
}

static void reasons_add_up(void **state)
{
    (void)state;
    const char *body = LIST "\"explain\":2}";
    assert_true(send_bytes(JSON, JSON, body, strlen(body)));
    assert_non_null(strstr(fixture.response.bytes, "\"because\":[{\"movieId\":"));
    body = "{\"userId\":\"no-one\",\"top_n\":1,\"explain\":1}";
    assert_true(send_bytes(JSON, JSON, body, strlen(body)));
    assert_non_null(strstr(fixture.response.bytes, "\"because\":\"popular\"}"));
    refuse(LIST "\"explain\":21}", "explain: expected a whole number from 1 to 20");
    refuse(LIST "\"order\":\"rating\",\"explain\":1}",
           "explain: a list by predicted rating has no reasons, one by ranking has");
}

static void responses_use_the_words_of_the_request(void **state)
{
    (void)state;
    static const struct {
        const char *body, *word;
    } cases[] = {
        {"{\"userId\":\"7\",\"include_rated\":true,\"top_n\":1}", "movieId"},
        {"{\"user_id\":\"7\",\"include_rated\":true,\"top_n\":1}", "item_id"},
        {"{\"user\":\"7\",\"include_rated\":true,\"top_n\":1}", "item"},
        {"{\"userId\":\"7\",\"itemIds\":[\"2959\"]}", "itemId"},
        {"{\"item_ids\":[\"2959\"],\"userId\":\"7\"}", "item_id"},
        {"{\"userId\":\"7\",\"products\":[\"2959\"]}", "product"},
        {"{\"productId\":\"2959\",\"similar\":1}", "productId"},
        {"{\"ratings\":[{\"sku\":\"2959\",\"rating\":5}],\"top_n\":1}", "movieId"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        if (!send_bytes(JSON, JSON, cases[i].body, strlen(cases[i].body)))
            fail_msg("%s\n  was refused: %s", cases[i].body, fixture.err.text);
        snprintf(text, sizeof text, "[{\"%s\":\"", cases[i].word);
        if (strstr(fixture.response.bytes, text) == NULL)
            fail_msg("%s\n  gave %s, not %s", cases[i].body, fixture.response.bytes, text);
    }
    expect("{\"customer_id\":7,\"asin\":2959}", "{\"predicted_rating\":2.0}");
    refuse("{\"userId\":7,\"movieId\":1,\"item_id\":1}",
           "movieId and item_id are names of one field: send one of the two");
}

static void several_people_get_one_list(void **state)
{
    (void)state;
    expect_ids("{\"userIds\":[\"7\"],\"include_rated\":true,\"top_n\":4}", "~~~~ 2959 1042");
    expect_ids("{\"user_ids\":[7,\"z\xC3\xBCri\"],\"include_rated\":true,\"top_n\":1,"
               "\"movieIds\":[\"2959\"]}",
               "2959");
    /* 7 rated all but a@b, which züri rated: nothing is left. */
    expect_ids("{\"userIds\":[7,\"z\xC3\xBCri\"],\"top_n\":4}", "");
    expect_ids("{\"userIds\":[7,\"unknown\"],\"blend\":\"least_misery\",\"include_rated\":true,"
               "\"top_n\":4,\"where\":{\"genres\":\"War\"}}",
               "1042");
    assert_int_equal(fixture.counts.n_unknown_users, 1);
    refuse("{\"userIds\":[],\"top_n\":1}", "userIds: expected 1 to 100 ids, found 0");
    refuse("{\"userIds\":[1],\"movieId\":1}",
           "userIds goes with top_n or movieIds: add one of them");
    refuse("{\"userIds\":[1],\"userId\":1,\"top_n\":1}",
           "send userIds for a group or one user, not both");
    refuse("{\"userIds\":[1],\"top_n\":1,\"explain\":1}",
           "explain goes with one user: a group's list has no reasons");
    refuse("{\"userIds\":[1],\"top_n\":1,\"blend\":\"max\"}",
           "blend: expected \"average\" or \"least_misery\"");
    refuse("{\"userId\":1,\"top_n\":1,\"blend\":\"average\"}", "blend goes with userIds: add them");
}

static void an_audience_is_the_users_who_have_not_rated_the_item(void **state)
{
    (void)state;
    const char *body = "{\"movieId\":\"1042\",\"audience\":10}";
    assert_true(send_bytes(JSON, JSON, body, strlen(body)));
    assert_null(strstr(fixture.response.bytes, "{\"userId\":\"7\""));
    assert_non_null(strstr(fixture.response.bytes, "{\"audience\":[{\"userId\":\""));
    body = "{\"item_id\":\"1042\",\"audience\":1,\"order\":\"rating\"}";
    assert_true(send_bytes(JSON, JSON, body, strlen(body)));
    assert_non_null(strstr(fixture.response.bytes, "[{\"user_id\":\""));
    expect("{\"movieId\":\"none\",\"audience\":1}", "{\"audience\":[],\"known_item\":false}");
    refuse("{\"audience\":1}", "add movieId: audience lists the users who would like one");
    refuse("{\"movieId\":1,\"audience\":1,\"userId\":1}",
           "audience goes with movieId and order: leave out the other fields");
    refuse("{\"movieId\":1,\"audience\":1,\"order\":\"rating\",\"in\":\"in-stock\"}",
           "audience goes with movieId and order: leave out the other fields");
    refuse("{\"movieId\":1,\"audience\":1,\"order\":\"popularity\"}",
           "order: expected ranking or rating: popularity is the same for all users");
}

static void a_list_has_the_items_of_its_file(void **state)
{
    (void)state;
    mf_error err = {0};
    char *folder = testing_folder();
    char path[512];
    refuse(LIST "\"in\":\"stock\"}",
           "in: no list \"stock\": there are no lists beside the model (lists/*.csv)");
    snprintf(path, sizeof path, "%s/lists", folder);
    assert_true(mf_folder_create(path, &err));
    snprintf(path, sizeof path, "%s/lists/in-stock.csv", folder);
    const char *text = "name,item_id\r\n\"x, y\",1042\r\n\r\nz,gone\r\nz,1042\nz,~~~~";
    assert_true(mf_file_write(path, text, strlen(text), &err));
    snprintf(path, sizeof path, "%s/lists/new.csv", folder);
    assert_true(mf_file_write(path, "2959\n", 5, &err));
    mf_named_lists *lists = mf_named_lists_load(folder, fixture.model, &err);
    assert_non_null(lists);
    assert_int_equal(lists->n, 2);
    assert_int_equal(lists->list[0].n_items, 2);
    assert_int_equal(lists->list[0].n_unknown, 1);
    fixture.limits.lists = lists;
    expect_ids(LIST "\"in\":\"in-stock\"}", "~~~~ 1042");
    expect_ids(LIST "\"in\":\"new\"}", "2959");
    expect_ids(LIST "\"in\":\"in-stock\",\"where\":{\"genres\":\"War\"}}", "1042");
    refuse(LIST "\"in\":\"instock\"}", "in: no list \"instock\": the nearest is \"in-stock\" of 2");
    refuse(LIST "\"in\":1}", "in: expected the name of a list, found an integer");
    fixture.limits.lists = NULL;
    mf_named_lists_destroy(lists);

    assert_true(mf_file_write(path, "2959\na\001b\n", 9, &err));
    assert_null(mf_named_lists_load(folder, fixture.model, &err));
    assert_error(&err, MF_ERR_PARSE, "new.csv:2: field 1 is no item: expected an id");
    mf_error_clear(&err);
    lists = mf_named_lists_load("/nonexistent", fixture.model, &err);
    assert_non_null(lists);
    assert_int_equal(lists->n, 0);
    mf_named_lists_destroy(lists);
    testing_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        inference_test(conditions_choose_items),
        inference_test(conditions_that_cannot_be_meant_are_refused_at_their_place),
        inference_test(items_are_excluded_and_pages_follow_each_other),
        inference_test(attributes_stand_in_entries),
        inference_test(reasons_add_up),
        inference_test(responses_use_the_words_of_the_request),
        inference_test(several_people_get_one_list),
        inference_test(an_audience_is_the_users_who_have_not_rated_the_item),
        inference_test(a_list_has_the_items_of_its_file),
    };
    return cmocka_run_group_tests_name("inference_steering", tests, steering_start, asking_end);
}
