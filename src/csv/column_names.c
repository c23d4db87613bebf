/* column_names.c: the names that people give to the columns of ratings.
 *
 * Collected from MovieLens, Book-Crossing, Amazon reviews, Yelp, Netflix, Last.fm, MyAnimeList, Jester, Steam, the
 * Million Song Dataset, Douban, Amazon Personalize and what Surprise, LibRec and implicit read. */
#include "csv/column_names.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

const char *const mf_column_user_names[] = {"userid",      "user",
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
const char *const mf_column_item_names[] = {
    "movieid",  "itemid",     "item",       "iid",       "movie",     "productid",  "product",
    "asin",     "parentasin", "isbn",       "bookid",    "book",      "trackid",    "track",
    "songid",   "song",       "artistid",   "artist",    "albumid",   "filmid",     "film",
    "showid",   "animeid",    "anime",      "gameid",    "game",      "businessid", "restaurantid",
    "recipeid", "jokeid",     "videoid",    "articleid", "contentid", "courseid",   "sku",
    "placeid",  "beerid",     "beerbeerid", NULL};
const char *const mf_column_rating_names[] = {
    "rating",        "ratings",     "userrating",   "bookrating",  "movierating",
    "itemrating",    "starrating",  "score",        "stars",       "star",
    "overall",       "preference",  "value",        "ratingvalue", "myscore",
    "reviewoverall", "reviewscore", "reviewrating", "eventvalue",  NULL};
const char *const mf_column_weight_names[] = {
    "count",           "counts",     "weight",      "weights",     "confidence",
    "frequency",       "freq",       "quantity",    "qty",         "plays",
    "playcount",       "playcounts", "timesplayed", "listens",     "listencount",
    "views",           "viewcount",  "clicks",      "clickcount",  "purchases",
    "purchasecount",   "orders",     "ordercount",  "downloads",   "visits",
    "interactions",    "eventcount", "hours",       "hoursplayed", "playtime",
    "playtimeforever", "watchtime",  "listentime",  "dwelltime",   NULL};
const char *const mf_column_time_names[] = {
    "timestamp", "ts", "unixtime", "unixtimestamp", "unixreviewtime", "ratingtimestamp", NULL};
const char *const mf_column_weak_time_names[] = {
    "time",       "date",       "datetime",  "ratedat",   "createdat", "reviewtime",
    "ratingtime", "reviewdate", "eventtime", "eventdate", NULL};

size_t mf_column_name_bytes(const char *name, size_t n_bytes)
{
    static const char *const types[] = {":token", ":float", ":token_seq", ":float_seq"};
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        const size_t n = strlen(types[t]);
        if (n_bytes > n && strncasecmp(name + n_bytes - n, types[t], n) == 0)
            return n_bytes - n;
    }
    return n_bytes;
}

bool mf_column_name_is(const char *name, size_t n_bytes, const char *usual)
{
    n_bytes = mf_column_name_bytes(name, n_bytes);
    for (size_t i = 0; i < n_bytes; i++) {
        const unsigned char c = (unsigned char)name[i];
        if (ispunct(c) || c == ' ')
            continue;
        if (tolower(c) != *usual || *usual == '\0')
            return false;
        usual++;
    }
    return *usual == '\0';
}

bool mf_column_name_among(const char *name, size_t n_bytes, const char *const *usual)
{
    while (*usual != NULL && !mf_column_name_is(name, n_bytes, *usual))
        usual++;
    return *usual != NULL;
}
