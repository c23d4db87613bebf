/* header.c: the names that people give to the columns of ratings.
 *
 * They are compared without case, punctuation and the type that RecBole appends (user_id:token).
 * Collected from MovieLens, Book-Crossing, Amazon reviews, Yelp, Netflix, Last.fm,
 * MyAnimeList, Jester, Steam, the Million Song Dataset, Douban, Amazon Personalize and what Surprise, LibRec and
 * implicit read. In each list the first name wins that a header has. */
#include "ratings/header.h"

#include "base/number.h"

#include <ctype.h>
#include <strings.h>

static const char *const user_names[] = {"userid",      "user",
                                         "uid",         "usersid",
                                         "username",    "customerid",
                                         "customer",    "reviewerid",
                                         "memberid",    "member",
                                         "visitorid",   "viewerid",
                                         "accountid",   "profileid",
                                         "personid",    "readerid",
                                         "listenerid",  "playerid",
                                         "clientid",    "usermd5",
                                         "profilename", "reviewprofilename",
                                         NULL};
static const char *const item_names[] = {
    "movieid",  "itemid",     "item",       "iid",       "movie",     "productid",  "product",
    "asin",     "parentasin", "isbn",       "bookid",    "book",      "trackid",    "track",
    "songid",   "song",       "artistid",   "artist",    "albumid",   "filmid",     "film",
    "showid",   "animeid",    "anime",      "gameid",    "game",      "businessid", "restaurantid",
    "recipeid", "jokeid",     "videoid",    "articleid", "contentid", "courseid",   "sku",
    "placeid",  "beerid",     "beerbeerid", NULL};
static const char *const rating_names[] = {
    "rating",     "ratings",     "userrating", "bookrating",    "movierating", "itemrating",
    "starrating", "score",       "stars",      "star",          "overall",     "preference",
    "value",      "ratingvalue", "myscore",    "reviewoverall", "eventvalue",  NULL};
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
static const char *const weak_time_names[] = {"time",       "date",       "datetime",
                                              "ratedat",    "createdat",  "reviewtime",
                                              "ratingtime", "reviewdate", NULL};

/* The bytes of a name without ":token", ":float" or the like. */
static size_t name_bytes(const mf_cell_copy *cell)
{
    static const char *const types[] = {":token", ":float", ":token_seq", ":float_seq"};
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        const size_t n = strlen(types[t]);
        if (cell->n_bytes > n && cell->n_bytes <= MF_COPY_BYTES &&
            strncasecmp(cell->bytes + cell->n_bytes - n, types[t], n) == 0)
            return cell->n_bytes - n;
    }
    return cell->n_bytes;
}

/* "User-ID" is "userid". */
static bool name_is(const mf_cell_copy *cell, const char *usual)
{
    const size_t n_bytes = name_bytes(cell);
    if (cell->n_bytes > MF_COPY_BYTES)
        return false;
    for (size_t i = 0; i < n_bytes; i++) {
        const unsigned char c = (unsigned char)cell->bytes[i];
        if (ispunct(c) || c == ' ')
            continue;
        if (tolower(c) != *usual || *usual == '\0')
            return false;
        usual++;
    }
    return *usual == '\0';
}

bool mf_header_may_be_empty(const mf_cell_copy *name)
{
    return name_is(name, "eventvalue");
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

static bool is_name(const mf_cell_copy *cell, const char *given)
{
    const size_t n = strlen(given);
    return (cell->n_bytes == n || name_bytes(cell) == n) && n <= MF_COPY_BYTES &&
           strncasecmp(cell->bytes, given, n) == 0;
}

bool mf_header_position(const char *given, uint32_t *position)
{
    uint64_t value;
    if (given == NULL || given[0] != '#' ||
        !mf_parse_uint64(given + 1, strlen(given + 1), &value) || value < 1 ||
        value > MF_COLUMNS_MAX)
        return false;
    *position = (uint32_t)value - 1;
    return true;
}

static uint32_t find_given(const mf_cell_copy *names, uint32_t n_names, uint32_t step,
                           const char *given)
{
    uint32_t position;
    if (mf_header_position(given, &position))
        return position * step < n_names ? position * step : MF_COLUMN_ABSENT;
    for (uint32_t c = 0; c < n_names; c += step)
        if (is_name(&names[c], given))
            return c;
    return MF_COLUMN_ABSENT;
}

uint32_t mf_header_duplicate(const mf_cell_copy *names, uint32_t n_names, uint32_t step,
                             const uint32_t column[MF_ROLES])
{
    for (int role = 0; role < MF_ROLES; role++)
        for (uint32_t c = 0; column[role] != MF_COLUMN_ABSENT && c < n_names; c += step)
            if (c != column[role] && names[c].n_bytes == names[column[role]].n_bytes &&
                names[c].n_bytes > 0 && names[c].n_bytes <= MF_COPY_BYTES &&
                strncasecmp(names[c].bytes, names[column[role]].bytes, names[c].n_bytes) == 0)
                return c;
    return MF_COLUMN_ABSENT;
}

bool mf_header_is_off(const char *given)
{
    return given != NULL && strcasecmp(given, "none") == 0;
}

bool mf_header_has_names(const mf_ratings_options *options)
{
    const char *const given[] = {options->user_column, options->item_column, options->rating_column,
                                 options->timestamp_column, options->weight_column};
    uint32_t position;
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        if (given[i] != NULL && !mf_header_position(given[i], &position) &&
            !mf_header_is_off(given[i]))
            return true;
    return false;
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
    bool is_off[MF_ROLES];
    for (int role = 0; role < MF_ROLES; role++) {
        is_off[role] = mf_header_is_off(given[role]);
        column[role] = given[role] != NULL && !is_off[role]
                           ? find_given(names, n_names, step, given[role])
                           : MF_COLUMN_ABSENT;
    }
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
            (mf_header_needs(role, feedback) || (given[role] != NULL && !is_off[role])))
            return false;
    return true;
}
