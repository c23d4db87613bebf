/* lists.c: the questions that are asked one at a time: lists, visitors, similar
 * movies. */
#include "base/memory.h"
#include "inference/answer.h"
#include "inference/state.h"
#include "model/dot.h"
#include "recommend/popularity.h"

#include <stdlib.h>

enum { SHOWN_BYTES = 64 };

bool mf_refuse_unknown(const mf_inference *inference, const char *field, mf_id id, mf_error *err)
{
    if (!inference->limits->strict || !inference->single)
        return true;
    char shown[SHOWN_BYTES];
    return mf_fail(err, MF_ERR_UNKNOWN, MF_NOWHERE, "%s \"%s\" is not in the training data", field,
                   mf_printable(shown, sizeof shown, id.bytes, id.n_bytes));
}

static bool make_room(mf_inference *inference, size_t n, mf_error *err)
{
    if (inference->indexes_room >= n)
        return true;
    mf_free(inference->indexes);
    inference->indexes_room = 0;
    inference->indexes = mf_allocate(n, sizeof *inference->indexes, "the items of a question", err);
    if (inference->indexes == NULL)
        return false;
    inference->indexes_room = n;
    return true;
}

/* The items of these ids, MF_INDEX_NONE for those that the model does not know. */
static bool find_items(mf_inference *inference, const mf_asked_id *ids, size_t n, mf_error *err)
{
    if (!make_room(inference, n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        inference->indexes[i] =
            mf_model_find_item(inference->model, ids[i].id.bytes, ids[i].id.n_bytes);
    return true;
}

/* Who asks. The taste is valid until the next fold-in. */
static bool find_taste(mf_inference *inference, mf_workspace *workspace, mf_taste *taste,
                       mf_error *err)
{
    const mf_question *q = &inference->question;
    if (q->n_ratings == 0) {
        const mf_id id = q->user.id;
        *taste = mf_taste_of_user(inference->recommender,
                                  mf_model_find_user(inference->model, id.bytes, id.n_bytes));
        return taste->known || mf_refuse_unknown(inference, "userId", id, err);
    }
    if (!find_items(inference, q->rated, q->n_ratings, err) ||
        !mf_fold_in(inference->recommender, workspace, inference->indexes, q->ratings, q->n_ratings,
                    taste, err))
        return false;
    if (!taste->known && inference->limits->strict && inference->single)
        return mf_fail(err, MF_ERR_UNKNOWN, MF_NOWHERE,
                       "ratings: none of the movies is in the training data");
    return true;
}

/* ------------------------------------------------------------------------- lists */

/* Movies of a list that the model does not know. They have the score of a movie of
 * which nothing is known, all of them the same, and stand together, each once. */
typedef struct strangers {
    const mf_asked_id **movies; /* in the order of the question */
    size_t n;
    float predicted_rating;
    bool refused; /* null instead (strict) */
} strangers;

static int by_bytes(const void *a, const void *b)
{
    const mf_asked_id *x = *(const mf_asked_id *const *)a;
    const mf_asked_id *y = *(const mf_asked_id *const *)b;
    const size_t least = x->id.n_bytes < y->id.n_bytes ? x->id.n_bytes : y->id.n_bytes;
    const int order = memcmp(x->id.bytes, y->id.bytes, least);
    if (order != 0)
        return order;
    if (x->id.n_bytes != y->id.n_bytes)
        return x->id.n_bytes < y->id.n_bytes ? -1 : 1;
    return (x > y) - (x < y);
}

static int by_place(const void *a, const void *b)
{
    const mf_asked_id *x = *(const mf_asked_id *const *)a;
    const mf_asked_id *y = *(const mf_asked_id *const *)b;
    return (x > y) - (x < y);
}

static bool same_id(const mf_asked_id *x, const mf_asked_id *y)
{
    return x->id.n_bytes == y->id.n_bytes && memcmp(x->id.bytes, y->id.bytes, x->id.n_bytes) == 0;
}

/* Gathers them; inference->indexes holds the items of q->movies. */
static bool find_strangers(const mf_inference *inference, const mf_taste *taste, strangers *s,
                           mf_error *err)
{
    const mf_question *q = &inference->question;
    s->predicted_rating = mf_predict(inference->recommender, taste, MF_INDEX_NONE);
    s->refused = inference->limits->strict;
    size_t n = 0;
    for (size_t i = 0; i < q->n_movies; i++)
        if (inference->indexes[i] == MF_INDEX_NONE) {
            if (n++ == 0 && !mf_refuse_unknown(inference, "movieIds", q->movies[i].id, err))
                return false;
        }
    if (n == 0)
        return true;
    s->movies = mf_allocate(n, sizeof *s->movies, "the movies of a question", err);
    if (s->movies == NULL)
        return false;
    for (size_t i = 0; i < q->n_movies; i++)
        if (inference->indexes[i] == MF_INDEX_NONE)
            s->movies[s->n++] = &q->movies[i];
    qsort(s->movies, n, sizeof *s->movies, by_bytes);
    s->n = 1;
    for (size_t i = 1; i < n; i++)
        if (!same_id(s->movies[i], s->movies[i - 1]))
            s->movies[s->n++] = s->movies[i];
    qsort(s->movies, s->n, sizeof *s->movies, by_place);
    return true;
}

/* Whether a known item stands before a stranger in a list: its score is at least as
 * high. The order of lists is by score, which the clipped rating hides. */
static bool goes_before_stranger(const mf_inference *inference, const mf_taste *taste,
                                 uint32_t item)
{
    const mf_model_parts *parts = inference->parts;
    if (!taste->known) /* the order of mf_top_n; a stranger has no popularity */
        return !(mf_popularity(parts, item) < 0);
    const size_t stride = mf_model_stride(parts->n_factors);
    const float stranger = parts->global_mean + taste->bias;
    float score = stranger + parts->item_bias[item];
    if (taste->factors != NULL)
        score += mf_dot(taste->factors, parts->item_factors + item * stride, stride);
    return !(score < stranger);
}

static void write_known(mf_inference *inference, mf_recommendation known, const char *measure)
{
    mf_text *text = inference->answer;
    const mf_id id = mf_id_list_get(&inference->parts->items, known.item);
    mf_text_literal(text, "{\"movieId\":");
    mf_text_json(text, id.bytes, id.n_bytes);
    mf_text_format(text, ",\"%s\":", measure);
    mf_text_float(text, known.predicted_rating);
    mf_text_literal(text, "}");
}

static void write_stranger(mf_inference *inference, const strangers *s, size_t i)
{
    mf_text *text = inference->answer;
    mf_text_literal(text, "{\"movieId\":");
    mf_text_json(text, s->movies[i]->id.bytes, s->movies[i]->id.n_bytes);
    mf_text_literal(text, ",\"predicted_rating\":");
    if (s->refused)
        mf_text_literal(text, "null");
    else
        mf_text_float(text, s->predicted_rating);
    mf_text_literal(text, ",\"known_item\":false}");
}

/* Both lists are in order; at most n of them. Strangers without a rating come last. */
static void write_merged(mf_inference *inference, const mf_taste *taste,
                         const mf_recommendation *best, size_t n_best, const strangers *s, size_t n)
{
    size_t i = 0;
    size_t j = 0;
    while (i + j < n && (i < n_best || j < s->n)) {
        if (i + j > 0)
            mf_text_literal(inference->answer, ",");
        if (j == s->n ||
            (i < n_best && (s->refused || goes_before_stranger(inference, taste, best[i].item))))
            write_known(inference, best[i++], "predicted_rating");
        else
            write_stranger(inference, s, j++);
    }
}

static bool answer_list(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    const mf_question *q = &inference->question;
    const mf_recommendation *best = NULL;
    size_t n_best = 0;
    strangers s = {.n = 0};
    mf_taste taste;
    bool ok = false;
    if (!find_taste(inference, workspace, &taste, err))
        return false;
    /* Strict: nobody's list is empty rather than made of guesses. */
    const bool refused = inference->limits->strict && !taste.known;
    if (q->n_movies > 0 && (!find_items(inference, q->movies, q->n_movies, err) ||
                            !find_strangers(inference, &taste, &s, err)))
        goto done;
    const mf_top_n_query query = {
        .n = q->n > 0 ? q->n : q->n_movies,
        .include_rated = q->include_rated,
        .candidates = q->n_movies > 0 ? inference->indexes : NULL,
        .n_candidates = q->n_movies,
    };
    if (!refused &&
        !mf_top_n(inference->recommender, workspace, &taste, &query, &best, &n_best, err))
        goto done;
    mf_answer_begin(inference);
    mf_text_literal(inference->answer, "{\"recommendations\":[");
    if (!refused)
        write_merged(inference, &taste, best, n_best, &s, query.n);
    mf_text_literal(inference->answer, "]");
    if (!taste.known)
        mf_text_literal(inference->answer, ",\"known_user\":false");
    mf_text_literal(inference->answer, "}");
    mf_answer_end(inference);
    ok = true;
done:
    mf_free(s.movies);
    return ok;
}

/* ------------------------------------------------------------------------ others */

static bool answer_similar(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    const mf_question *q = &inference->question;
    const mf_id id = q->item.id;
    const uint32_t item = mf_model_find_item(inference->model, id.bytes, id.n_bytes);
    const mf_recommendation *best = NULL;
    size_t n_best = 0;
    if (item == MF_INDEX_NONE) {
        if (!mf_refuse_unknown(inference, "movieId", id, err))
            return false;
    } else if (!mf_similar(inference->recommender, workspace, item, q->n, &best, &n_best, err)) {
        return false;
    }
    mf_answer_begin(inference);
    mf_text_literal(inference->answer, "{\"similar\":[");
    for (size_t i = 0; i < n_best; i++) {
        if (i > 0)
            mf_text_literal(inference->answer, ",");
        write_known(inference, best[i], "similarity");
    }
    mf_text_literal(inference->answer, "]");
    if (item == MF_INDEX_NONE)
        mf_text_literal(inference->answer, ",\"known_item\":false");
    mf_text_literal(inference->answer, "}");
    mf_answer_end(inference);
    return true;
}

/* A visitor's rating of one movie. */
static bool answer_rating(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    const mf_id id = inference->question.item.id;
    const uint32_t item = mf_model_find_item(inference->model, id.bytes, id.n_bytes);
    mf_taste taste;
    if (!find_taste(inference, workspace, &taste, err))
        return false;
    mf_rating_answer answer = {.known_user = taste.known, .known_item = item != MF_INDEX_NONE};
    answer.refused = inference->limits->strict && !(answer.known_user && answer.known_item);
    if (!answer.known_item && !mf_refuse_unknown(inference, "movieId", id, err))
        return false;
    answer.predicted_rating = mf_predict(inference->recommender, &taste, item);
    mf_answer_begin(inference);
    mf_answer_rating(inference, &answer);
    mf_answer_end(inference);
    return true;
}

bool mf_question_answer(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    switch (inference->question.kind) {
    case MF_QUESTION_LIST:
        return answer_list(inference, workspace, err);
    case MF_QUESTION_SIMILAR:
        return answer_similar(inference, workspace, err);
    case MF_QUESTION_RATING:
        break;
    }
    return answer_rating(inference, workspace, err);
}

bool mf_question_take(mf_inference *inference, mf_workspace *workspace, const char *bytes,
                      size_t n_bytes, size_t *n_used, mf_json_where where, mf_error *err)
{
    const mf_question *q = &inference->question;
    inference->n_slow++;
    if (!mf_question_read(&inference->question, inference->limits, bytes, n_bytes, n_used, where,
                          err) ||
        !mf_answer_check(inference, q->kind, err))
        return false;
    if (q->kind == MF_QUESTION_RATING && q->n_ratings == 0) {
        mf_pairs_add(inference, q->user.id, q->item.id, where.place);
        return true;
    }
    inference->n_asked++;
    return mf_pairs_answer(inference, err) && mf_question_answer(inference, workspace, err);
}
