/* header.c: the names that people give to the columns of ratings.
 *
 * Collected from MovieLens, Book-Crossing, Amazon reviews, Yelp, Netflix, Last.fm,
 * MyAnimeList, Jester, Steam, the Million Song Dataset and what Surprise, LibRec and
 * implicit read. In each list the first name wins that a header has. */
#include "ratings/header.h"

#include <ctype.h>
#include <strings.h>

static const char *const user_names[] = {
    "userid",     "user",     "uid",        "usersid",   "username", "customerid", "customer",
    "reviewerid", "memberid", "member",     "visitorid", "viewerid", "accountid",  "profileid",
    "personid",   "readerid", "listenerid", "playerid",  "clientid", NULL};
static const char *const item_names[] = {
    "movieid", "itemid",    "item",       "iid",          "movie",    "productid",
    "product", "asin",      "parentasin", "isbn",         "bookid",   "book",
    "trackid", "track",     "songid",     "song",         "artistid", "artist",
    "albumid", "filmid",    "film",       "showid",       "animeid",  "anime",
    "gameid",  "game",      "businessid", "restaurantid", "recipeid", "jokeid",
    "videoid", "articleid", "contentid",  "courseid",     "sku",      NULL};
static const char *const rating_names[] = {"rating",      "ratings",     "userrating", "bookrating",
                                           "movierating", "itemrating",  "starrating", "score",
                                           "stars",       "star",        "overall",    "preference",
                                           "value",       "ratingvalue", NULL};
static const char *const weight_names[] = {
    "count",           "counts",     "weight",      "weights",     "confidence",
    "frequency",       "freq",       "quantity",    "qty",         "plays",
    "playcount",       "playcounts", "timesplayed", "listens",     "listencount",
    "views",           "viewcount",  "clicks",      "clickcount",  "purchases",
    "purchasecount",   "orders",     "ordercount",  "downloads",   "visits",
    "interactions",    "eventcount", "hours",       "hoursplayed", "playtime",
    "playtimeforever", "watchtime",  "listentime",  "dwelltime",   NULL};
static const char *const time_names[] = {
    "timestamp", "ts", "unixtime", "unixtimestamp", "unixreviewtime", "ratingtimestamp", NULL};
static const char *const weak_time_names[] = {"time",      "date",       "datetime", "ratedat",
                                              "createdat", "reviewtime", NULL};

/* "User-ID" is "userid". */
static bool name_is(const mf_cell_copy *cell, const char *usual)
{
    if (cell->n_bytes > MF_COPY_BYTES)
        return false;
    for (size_t i = 0; i < cell->n_bytes; i++) {
        const unsigned char c = (unsigned char)cell->bytes[i];
        if (ispunct(c) || c == ' ')
            continue;
        if (tolower(c) != *usual || *usual == '\0')
            return false;
        usual++;
    }
    return *usual == '\0';
}

static bool is_taken(const uint32_t column[MF_ROLES], uint32_t c)
{
    for (int role = 0; role < MF_ROLES; role++)
        if (column[role] == c)
            return true;
    return false;
}

static uint32_t find_usual(const mf_cell_copy *names, uint32_t n_names, uint32_t step,
                           const char *const *usual, const uint32_t column[MF_ROLES])
{
    for (; *usual != NULL; usual++)
        for (uint32_t c = 0; c < n_names; c += step)
            if (name_is(&names[c], *usual) && !is_taken(column, c))
                return c;
    return MF_COLUMN_ABSENT;
}

static uint32_t find_given(const mf_cell_copy *names, uint32_t n_names, uint32_t step,
                           const char *given)
{
    const size_t n_bytes = strlen(given);
    for (uint32_t c = 0; c < n_names; c += step)
        if (names[c].n_bytes == n_bytes && n_bytes <= MF_COPY_BYTES &&
            strncasecmp(names[c].bytes, given, n_bytes) == 0)
            return c;
    return MF_COLUMN_ABSENT;
}

bool mf_header_is_given(const mf_ratings_options *options)
{
    return options->user_column != NULL || options->item_column != NULL ||
           options->rating_column != NULL || options->timestamp_column != NULL;
}

void mf_header_given(const mf_ratings_options *options, mf_feedback feedback,
                     const char *given[MF_ROLES])
{
    given[MF_ROLE_USER] = options->user_column;
    given[MF_ROLE_ITEM] = options->item_column;
    given[MF_ROLE_VALUE] =
        feedback == MF_FEEDBACK_IMPLICIT ? options->weight_column : options->rating_column;
    given[MF_ROLE_TIMESTAMP] = options->timestamp_column;
}

bool mf_header_needs(int role, mf_feedback feedback)
{
    return role == MF_ROLE_USER || role == MF_ROLE_ITEM ||
           (role == MF_ROLE_VALUE && feedback != MF_FEEDBACK_IMPLICIT);
}

bool mf_header_match(const mf_cell_copy *names, uint32_t n_names, uint32_t step,
                     const mf_ratings_options *options, mf_feedback feedback,
                     uint32_t column[MF_ROLES], bool *weak_time)
{
    const char *given[MF_ROLES];
    mf_header_given(options, feedback, given);
    const char *const *const usual[MF_ROLES] = {
        user_names, item_names, feedback == MF_FEEDBACK_IMPLICIT ? weight_names : rating_names,
        time_names};
    for (int role = 0; role < MF_ROLES; role++)
        column[role] =
            given[role] != NULL ? find_given(names, n_names, step, given[role]) : MF_COLUMN_ABSENT;
    for (int role = 0; role < MF_ROLES; role++)
        if (given[role] == NULL)
            column[role] = find_usual(names, n_names, step, usual[role], column);
    *weak_time = false;
    if (column[MF_ROLE_TIMESTAMP] == MF_COLUMN_ABSENT && given[MF_ROLE_TIMESTAMP] == NULL) {
        column[MF_ROLE_TIMESTAMP] = find_usual(names, n_names, step, weak_time_names, column);
        *weak_time = column[MF_ROLE_TIMESTAMP] != MF_COLUMN_ABSENT;
    }
    for (int role = 0; role < MF_ROLES; role++)
        if (column[role] == MF_COLUMN_ABSENT &&
            (mf_header_needs(role, feedback) || given[role] != NULL))
            return false;
    return true;
}
