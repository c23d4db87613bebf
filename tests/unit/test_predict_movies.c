/* test_predict_movies.c: predict/movies.h: the table and its reader. */
#include "testing.h"

#include "base/memory.h"
#include "base/text.h"
#include "predict_testing.h"

static mf_predict_movies *read_all(const char *csv)
{
    mf_error err = {0};
    mf_predict_movies *movies = read_movies(csv, strlen(csv), &err);
    if (movies == NULL)
        fail_msg("%s: %s", csv, err.text);
    return movies;
}

static void assert_movie(const mf_predict_movies *movies, const char *id, const char *title,
                         const char *genres)
{
    mf_predict_movie movie;
    if (!mf_predict_movies_find(movies, id, strlen(id), &movie))
        fail_msg("no movie %s", id);
    assert_int_equal(movie.n_title, strlen(title));
    assert_memory_equal(movie.title, title, movie.n_title);
    assert_int_equal(movie.n_genres, strlen(genres));
    assert_memory_equal(movie.genres, genres, movie.n_genres);
}

static void assert_refusal(const char *csv, size_t n, const char *text)
{
    mf_error err = {0};
    mf_predict_movies *movies = read_movies(csv, n, &err);
    if (movies != NULL)
        fail_msg("accepted: %s", csv);
    assert_error(&err, err.code, text);
    assert_true(err.code == MF_ERR_PARSE);
}

static void titles_are_as_they_stand(void **state)
{
    (void)state;
    mf_predict_movies *movies = read_all(movies_csv);
    assert_int_equal(mf_predict_movies_count(movies), 3);
    assert_movie(movies, "2959", "Fight Club (1999)", "Action|Crime|Drama|Thriller");
    assert_movie(movies, "1042", "Am\xC3\xA9lie \"Poulain\", Le (2001)", "Comedy|Romance");
    mf_predict_movie movie;
    assert_false(mf_predict_movies_find(movies, "295", 3, &movie));
    assert_false(mf_predict_movies_find(movies, "", 0, &movie));
    assert_false(mf_predict_movies_find(movies, "29590", 5, &movie));
    mf_predict_movies_destroy(movies);
}

static void columns_may_come_in_any_order_and_case_with_others_between(void **state)
{
    (void)state;
    static const char *const files[] = {
        "title,genres,movieId\nHeat (1995),Action,6\n",
        "imdb,GENRES,\"Title\",MOVIEID,year\nx,Action,Heat (1995),6,\n",
        "\xEF\xBB\xBFmovieId,title,genres\r\n6,Heat (1995),Action\r\n",
        "\xEF\xBB\xBF\"movieId\",title,genres\n6,Heat (1995),Action",
        "\n\n  movieId , title,genres \n\n \t\n 6 , Heat (1995) ,\tAction \n\n",
        "movieId,title,genres\r6,Heat (1995),Action\r",
        "genres;movieId;title\nAction;6;Heat (1995)\n",
        "movieId\ttitle\tgenres\n6\tHeat (1995)\tAction\n",
        "movieId::title::genres\n6::Heat (1995)::Action\n",
        "6::Heat (1995)::Action\r\n",
        "title,genres,movieId\nHeat (1995),Action,6.0\n",
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        mf_predict_movies *movies = read_all(files[i]);
        assert_int_equal(mf_predict_movies_count(movies), 1);
        assert_movie(movies, "6", "Heat (1995)", "Action");
        mf_predict_movies_destroy(movies);
    }
}

/* Every prefix of a file is read within its bytes, and is a table or an error with a place. */
static void no_prefix_of_a_file_is_read_beyond_its_end(void **state)
{
    (void)state;
    static const char *const files[] = {
        movies_csv,
        "\xEF\xBB\xBFmovieId,title,genres\r\n6,\"Heat, \"\"x\"\"\",A|B\r\n\r\n7,\xC3\xA9,",
        "\xEF\xBBmovieId,title,genres\n1,a,b\n",
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        for (size_t n = 0; n <= strlen(files[i]); n++) {
            mf_error err = {0};
            mf_predict_movies *movies = read_movies(files[i], n, &err);
            if (movies != NULL)
                assert_true(mf_predict_movies_count(movies) > 0);
            else
                assert_error(&err, MF_ERR_PARSE, "movies.csv:");
            mf_predict_movies_destroy(movies);
        }
}

static void what_is_wrong_with_a_file_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *csv;
        const char *says;
    } cases[] = {
        {"", "movies.csv: the file is empty: expected the header movieId,title,genres"},
        {"\n \n\r\n", "movies.csv: the file is empty"},
        {"\xEF\xBB\xBF", "movies.csv: the file is empty"},
        {MOVIES_HEADER, "movies.csv: no movies behind the header"},
        {"1,Toy Story (1995),Adventure\n2,x,y\n",
         "movies.csv:1: no header: expected movieId,title,genres in any order, found 1, Toy Story "
         "(1995), Adventure"},
        {"\nmovieId,title\n1,x\n", "movies.csv:2: no column genres"},
        {"movieId,genres\n", "movies.csv:1: no column title"},
        {"id,title,genres\n", "movies.csv:1: no column movieId"},
        {MOVIES_HEADER "1,a,b\n\n2,c\n",
         "movies.csv:4: expected 3 fields as in the header, found 2"},
        {MOVIES_HEADER "11,American President, The (1995),Comedy\n",
         "movies.csv:2: expected 3 fields as in the header, found 4: a title with a comma needs "
         "quotes"},
        {MOVIES_HEADER "1,a,b\n2,\"American President, The (1995),Comedy\n3,c,d\n",
         "movies.csv:3: a quote is opened and not closed on this line"},
        {MOVIES_HEADER "1,a,b\n2,\"c,d", "movies.csv:3: a quote is opened and not closed"},
        {MOVIES_HEADER "1,a,\"d", "movies.csv:2: a quote is opened and not closed"},
        {"\"movieId,title,genres\n1,a,b\n", "movies.csv:1: a quote is opened and not closed"},
        {MOVIES_HEADER "1,\"a\nb\",c\n", "movies.csv:2: a quote is opened and not closed"},
        {"movieId,title,genres\r1,a,b\r2,\"c\r", "movies.csv:3: a quote is opened"},
        {MOVIES_HEADER "1,a,b\r\"\n2,c,d\n", "movies.csv:3: a quote is opened"},
        {"movieId,title,genres\r\n\r\n1,a\r\n", "movies.csv:3: expected 3 fields"},
        {MOVIES_HEADER ",a,b\n", "movies.csv:2: movieId is \"\": expected 1 to 255 bytes"},
        {MOVIES_HEADER "1,a\xE9,b\n", "movies.csv:2: title has the byte 0xE9, which is not UTF-8"},
        {MOVIES_HEADER "1,a\xC3,\xA9\n", "movies.csv:2: title has the byte 0xC3"},
        {MOVIES_HEADER "1,a,abcdefgh\xFF\n", "movies.csv:2: genres has the byte 0xFF"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refusal(cases[i].csv, strlen(cases[i].csv), cases[i].says);
    static const char zero[] = MOVIES_HEADER "1\0,a,b\n";
    assert_refusal(zero, sizeof zero - 1, "movies.csv:2: movieId is \"1\\x00\"");
}

static void a_line_without_end_is_refused_early(void **state)
{
    (void)state;
    enum { LONG = 1 << 20 };
    char *csv = malloc(LONG);
    assert_non_null(csv);
    memset(csv, 'x', LONG);
    memcpy(csv, MOVIES_HEADER, sizeof MOVIES_HEADER - 1);
    assert_refusal(csv, LONG, "movies.csv:2: a line of over 65536 bytes");
    free(csv);
}

static void fields_between_double_colons_may_have_colons_and_quotes(void **state)
{
    (void)state;
    mf_predict_movies *movies =
        read_all("260::Star Wars: Episode IV (1977)::Action|Sci-Fi\n7::\"Say: ::Drama\n");
    assert_movie(movies, "260", "Star Wars: Episode IV (1977)", "Action|Sci-Fi");
    assert_movie(movies, "260.0", "Star Wars: Episode IV (1977)", "Action|Sci-Fi");
    assert_movie(movies, "7", "\"Say: ", "Drama");
    mf_predict_movies_destroy(movies);
    static const char cut[] = "1::a::b\n2::c\n";
    assert_refusal(cut, sizeof cut - 1,
                   "movies.csv:2: expected 3 fields as in the header, found 2");
}

static void of_movies_with_one_id_the_last_counts(void **state)
{
    (void)state;
    mf_predict_movies *movies = read_all(MOVIES_HEADER "1,old,a\n2,other,b\n1,new,c\n");
    assert_movie(movies, "1", "new", "c");
    assert_movie(movies, "2", "other", "b");
    assert_int_equal(mf_predict_movies_n_repeated(movies), 1);
    mf_predict_movies_destroy(movies);
}

static void genres_are_what_stands_between_bars(void **state)
{
    (void)state;
    static const struct {
        const char *genres;
        const char *joined;
    } cases[] = {{"", ""},
                 {"Drama", "Drama;"},
                 {"A|B|C", "A;B;C;"},
                 {"|A||B|", "A;B;"},
                 {"(no genres listed)", ""},
                 {"|", ""},
                 {"A|(no genres listed)x", "A;(no genres listed)x;"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const mf_predict_movie movie = {.genres = cases[i].genres,
                                        .n_genres = strlen(cases[i].genres)};
        char joined[64] = "";
        const char *genre;
        size_t at = 0, n, used = 0;
        while (mf_predict_genres_next(&movie, &at, &genre, &n))
            used += (size_t)snprintf(joined + used, sizeof joined - used, "%.*s;", (int)n, genre);
        assert_string_equal(joined, cases[i].joined);
    }
}

static void a_million_movies_are_read_and_found(void **state)
{
    (void)state;
    enum { N = 1000000 };
    mf_error err = {0};
    mf_text csv = MF_TEXT_EMPTY;
    mf_text_literal(&csv, MOVIES_HEADER);
    for (uint64_t i = 0; i < N; i++) {
        mf_text_count(&csv, i);
        mf_text_literal(&csv, ",\"Movie, The ");
        mf_text_count(&csv, i);
        mf_text_literal(&csv, "\",Drama\n");
    }
    assert_false(csv.failed);
    mf_predict_movies *movies = read_movies(csv.bytes, csv.n_bytes, &err);
    if (movies == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(mf_predict_movies_count(movies), N);
    for (int i = 0; i < N; i += 997) {
        char id[16], title[32];
        snprintf(id, sizeof id, "%d", i);
        snprintf(title, sizeof title, "Movie, The %d", i);
        assert_movie(movies, id, title, "Drama");
    }
    mf_predict_movies_destroy(movies);
    mf_text_free(&csv);
}

static void without_memory_there_is_an_error_and_no_leak(void **state)
{
    (void)state;
    mf_text csv = MF_TEXT_EMPTY;
    mf_text_literal(&csv, MOVIES_HEADER);
    for (int i = 0; i < 3000; i++)
        mf_text_format(&csv, "%d,A title of some length that fills the block %d,Drama\n", i, i);
    for (size_t nth = 1; nth < 100; nth++) {
        mf_error err = {0};
        mf_memory_fail_nth(nth);
        mf_predict_movies *movies =
            mf_predict_movies_read("movies.csv", csv.bytes, csv.n_bytes, &err);
        const size_t made = mf_memory_fail_nth(0);
        if (movies == NULL)
            assert_error(&err, MF_ERR_MEMORY, "memory");
        mf_predict_movies_destroy(movies); /* libcsv allocates less when it does not get much */
        if (made < nth) {
            assert_non_null(movies);
            mf_text_free(&csv);
            return;
        }
    }
    fail_msg("it never went well");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(titles_are_as_they_stand),
        cmocka_unit_test(columns_may_come_in_any_order_and_case_with_others_between),
        cmocka_unit_test(no_prefix_of_a_file_is_read_beyond_its_end),
        cmocka_unit_test(what_is_wrong_with_a_file_is_named_with_its_line),
        cmocka_unit_test(a_line_without_end_is_refused_early),
        cmocka_unit_test(fields_between_double_colons_may_have_colons_and_quotes),
        cmocka_unit_test(of_movies_with_one_id_the_last_counts),
        cmocka_unit_test(genres_are_what_stands_between_bars),
        cmocka_unit_test(a_million_movies_are_read_and_found),
        cmocka_unit_test(without_memory_there_is_an_error_and_no_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
