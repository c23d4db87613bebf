/* response.c: checks the model's JSON member by member and writes it again with titles. */
#include "lambda/predict/response.h"

#include "base/id_list.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

/* Tenths of a rating up to this are exact in a double and fit a long long. */
static const double RATING_MOST = 1e14;

static bool nonsense(mf_predict_problem *problem, const char *expected)
{
    return mf_predict_problem_hide(problem, MF_PREDICT_PROBLEM_MODEL,
                                   "the model's response does not fit the request: expected %s",
                                   expected);
}

static void write_tenths(mf_text *text, double rating)
{
    const long long tenths = llround(rating * 10);
    const unsigned long long size =
        tenths < 0 ? 0 - (unsigned long long)tenths : (unsigned long long)tenths;
    mf_text_format(text, "%s%llu.%llu", tenths < 0 ? "-" : "", size / 10, size % 10);
}

static bool is_rating(const json_t *value)
{
    return json_is_number(value) && fabs(json_number_value(value)) <= RATING_MOST;
}

static bool is_flag(const json_t *value)
{
    return value == NULL || json_is_boolean(value);
}

static void write_flag(mf_text *text, const char *name, const json_t *value)
{
    if (json_is_false(value))
        mf_text_format(text, ", \"%s\": false", name);
}

/* The title with its quotes, or null. */
static void write_title(mf_text *text, const mf_predict_movie *movie)
{
    if (movie != NULL)
        mf_text_json(text, movie->title, movie->n_title);
    else
        mf_text_literal(text, "null");
}

static void write_unlisted(mf_text *text, const mf_predict_movies *movies,
                           const mf_predict_movie *movie)
{
    if (movies != NULL && movie == NULL)
        mf_text_literal(text, ", \"known_movie\": false");
}

static const mf_predict_movie *find(const mf_predict_movies *movies, const char *id, size_t n_id,
                                    mf_predict_movie *movie)
{
    return movies != NULL && mf_predict_movies_find(movies, id, n_id, movie) ? movie : NULL;
}

static bool requests(const mf_instance *instance, const char *attribute)
{
    for (size_t i = 0; i < instance->steering.n_with; i++)
        if (strcmp(instance->steering.with[i].bytes, attribute) == 0) /* of jansson's texts */
            return true;
    return false;
}

/* Whether movies.csv has this member: what it lacks is the model's when `with` requests it. */
static bool has_member(const mf_instance *instance, const mf_predict_movies *movies,
                       const mf_predict_movie *movie, const char *name)
{
    return movies != NULL && (movie != NULL || !requests(instance, name));
}

static bool write_scalar(mf_text *text, const json_t *value)
{
    if (json_is_string(value))
        mf_text_json(text, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        mf_text_format(text, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        mf_text_double(text, json_real_value(value));
    else if (json_is_null(value))
        mf_text_literal(text, "null");
    else
        return false;
    return true;
}

/* The value of an attribute: a text, a number, null or an array of them. */
static bool write_value(mf_text *text, const json_t *value)
{
    if (!json_is_array(value))
        return write_scalar(text, value);
    mf_text_literal(text, "[");
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (i > 0)
            mf_text_literal(text, ", ");
        if (!write_scalar(text, json_array_get(value, i)))
            return false;
    }
    mf_text_literal(text, "]");
    return true;
}

/* The attributes that `with` requests, in its order, but those that has_title or has_genres wrote. */
static bool write_attributes(const mf_instance *instance, const json_t *entry, bool has_title,
                             bool has_genres, mf_text *text)
{
    for (size_t i = 0; i < instance->steering.n_with; i++) {
        const mf_id name = instance->steering.with[i];
        if ((has_title && strcmp(name.bytes, "title") == 0) ||
            (has_genres && strcmp(name.bytes, "genres") == 0))
            continue;
        mf_text_literal(text, ", ");
        mf_text_json(text, name.bytes, name.n_bytes);
        mf_text_literal(text, ": ");
        if (!write_value(text, json_object_getn(entry, name.bytes, name.n_bytes)))
            return false;
    }
    return true;
}

static bool write_rating(const mf_instance *instance, const json_t *model,
                         const mf_predict_movies *movies, mf_text *text,
                         mf_predict_problem *problem)
{
    const json_t *rating = json_object_get(model, "predicted_rating");
    const json_t *known_user = json_object_get(model, "known_user");
    const json_t *known_item = json_object_get(model, "known_item");
    mf_predict_movie found;
    if (!is_rating(rating) || !is_flag(known_user) || !is_flag(known_item))
        return nonsense(problem, "predicted_rating, a number");
    const mf_predict_movie *movie =
        find(movies, instance->item.id.bytes, instance->item.id.n_bytes, &found);
    mf_text_literal(text, "{\"predicted_rating\": ");
    write_tenths(text, json_number_value(rating));
    if (movies != NULL) {
        mf_text_literal(text, ", \"movie_title\": ");
        write_title(text, movie);
    }
    write_flag(text, "known_user", known_user);
    write_flag(text, "known_item", known_item);
    write_unlisted(text, movies, movie);
    if (!write_attributes(instance, model, false, false, text))
        return nonsense(problem, "a value for each attribute of with");
    mf_text_literal(text, "}");
    return true;
}

static void write_genres(mf_text *text, const mf_predict_movie *movie)
{
    size_t at = 0;
    const char *genre;
    size_t n;
    mf_text_literal(text, ", \"genres\": [");
    for (bool is_first = true; movie != NULL && mf_predict_genres_next(movie, &at, &genre, &n);
         is_first = false) {
        if (!is_first)
            mf_text_literal(text, ", ");
        mf_text_json(text, genre, n);
    }
    mf_text_literal(text, "]");
}

static bool is_score(const json_t *value)
{
    return json_is_number(value) && isfinite((float)json_number_value(value));
}

/* True when an entry has the numbers of its list. A score or rating is null for an unknown item. */
static bool has_measures(const json_t *entry, bool is_similar)
{
    const json_t *score = json_object_get(entry, "score");
    const json_t *rating = json_object_get(entry, "predicted_rating");
    if (is_similar)
        return is_score(json_object_get(entry, "similarity"));
    return (score != NULL || rating != NULL) &&
           (score == NULL || json_is_null(score) || is_score(score)) &&
           (rating == NULL || json_is_null(rating) || is_rating(rating));
}

/* Writes the member unless value is NULL. */
static void write_score(mf_text *text, const char *name, const json_t *value)
{
    if (value == NULL)
        return;
    mf_text_format(text, ", \"%s\": ", name);
    if (json_is_null(value))
        mf_text_literal(text, "null");
    else
        mf_text_float(text, (float)json_number_value(value));
}

/* Writes the id of an item under the request's name for it. False: there is none. */
static bool write_item(const mf_instance *instance, const json_t *entry, mf_text *text, mf_id *id)
{
    static const mf_id usual = {"movieId", 7};
    const mf_id word = instance->item_word.n_bytes > 0 ? instance->item_word : usual;
    const json_t *value = json_object_getn(entry, word.bytes, word.n_bytes);
    *id = (mf_id){json_string_value(value), json_string_length(value)};
    if (id->bytes == NULL || !mf_id_valid(id->bytes, id->n_bytes))
        return false;
    mf_text_literal(text, "{");
    mf_text_json(text, word.bytes, word.n_bytes);
    mf_text_literal(text, ": ");
    mf_text_json(text, id->bytes, id->n_bytes);
    return true;
}

/* The reasons of explain, if any. */
static bool write_because(const mf_instance *instance, const json_t *entry, mf_text *text)
{
    const json_t *because = json_object_get(entry, "because");
    const json_t *popular_share = json_object_get(entry, "popular_share");
    mf_id id;
    if (because == NULL)
        return true;
    mf_text_literal(text, ", \"because\": ");
    if (json_is_string(because))
        return write_scalar(text, because);
    mf_text_literal(text, "[");
    for (size_t i = 0; i < json_array_size(because); i++) {
        const json_t *reason = json_array_get(because, i);
        if (i > 0)
            mf_text_literal(text, ", ");
        if (!write_item(instance, reason, text, &id) || !is_score(json_object_get(reason, "share")))
            return false;
        write_score(text, "share", json_object_get(reason, "share"));
        mf_text_literal(text, "}");
    }
    mf_text_literal(text, "]");
    write_score(text, "popular_share", popular_share);
    return json_is_array(because) && is_score(popular_share);
}

/* Writes an entry of a list. False: it is not a valid one. */
static bool write_entry(const mf_instance *instance, const json_t *entry, bool is_similar,
                        const mf_predict_movies *movies, mf_text *text)
{
    const json_t *rating = is_similar ? NULL : json_object_get(entry, "predicted_rating");
    const json_t *known_item = json_object_get(entry, "known_item");
    mf_predict_movie found;
    mf_id id;
    if (!has_measures(entry, is_similar) || !is_flag(known_item) ||
        !write_item(instance, entry, text, &id))
        return false;
    const mf_predict_movie *movie = find(movies, id.bytes, id.n_bytes, &found);
    const bool has_title = has_member(instance, movies, movie, "title");
    const bool has_genres = has_member(instance, movies, movie, "genres");
    if (has_title) {
        mf_text_literal(text, ", \"title\": ");
        write_title(text, movie);
    }
    if (has_genres)
        write_genres(text, movie);
    if (is_similar)
        write_score(text, "similarity", json_object_get(entry, "similarity"));
    else
        write_score(text, "score", json_object_get(entry, "score"));
    if (rating != NULL)
        mf_text_literal(text, ", \"predicted_rating\": ");
    if (json_is_null(rating))
        mf_text_literal(text, "null");
    else if (rating != NULL)
        write_tenths(text, json_number_value(rating));
    write_flag(text, "known_item", known_item);
    write_unlisted(text, movies, movie);
    if (!write_attributes(instance, entry, has_title, has_genres, text) ||
        !write_because(instance, entry, text))
        return false;
    mf_text_literal(text, "}");
    return true;
}

static bool write_list(const mf_instance *instance, const json_t *model,
                       const mf_predict_movies *movies, mf_text *text, mf_predict_problem *problem)
{
    const bool is_similar = instance->kind == MF_INSTANCE_SIMILAR;
    const char *name = is_similar ? "similar" : "recommendations";
    const json_t *list = json_object_get(model, name);
    const json_t *known_user = json_object_get(model, "known_user");
    const json_t *known_item = json_object_get(model, "known_item");
    const size_t n_wanted = instance->n > 0 ? instance->n : instance->candidates.n;
    if (!json_is_array(list) || json_array_size(list) > n_wanted || !is_flag(known_user) ||
        !is_flag(known_item))
        return nonsense(problem, is_similar ? "similar, an array of as many as wanted at most"
                                            : "recommendations, an array of as many as wanted "
                                              "at most");
    mf_text_format(text, "{\"%s\": [", name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (i > 0)
            mf_text_literal(text, ", ");
        if (!write_entry(instance, json_array_get(list, i), is_similar, movies, text))
            return nonsense(problem, is_similar ? "the item and similarity in each entry"
                                                : "the item, score or predicted_rating, and "
                                                  "what with and explain add, in each entry");
    }
    mf_text_literal(text, "]");
    write_flag(text, "known_user", known_user);
    write_flag(text, "known_item", known_item);
    mf_text_literal(text, "}");
    return true;
}

bool mf_predict_response_write(const mf_instance *instance, bool is_closed, const char *model,
                               size_t n_model, const mf_predict_movies *movies, mf_text *response,
                               mf_predict_problem *problem)
{
    json_t *root = json_loadb(model, n_model, JSON_REJECT_DUPLICATES, NULL);
    bool ok = false;
    if (is_closed && (instance->rated.n == 0 || instance->user.id.bytes != NULL))
        json_object_del(root, "known_user");
    if (!json_is_object(root))
        nonsense(problem, "an object of JSON");
    else if (instance->kind == MF_INSTANCE_RATING)
        ok = write_rating(instance, root, movies, response, problem);
    else
        ok = write_list(instance, root, movies, response, problem);
    json_decref(root);
    if (ok && response->failed)
        return mf_predict_problem_hide(problem, MF_PREDICT_PROBLEM_INTERNAL,
                                       "no memory for a response");
    return ok;
}
